/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "namespaces" section of a persona file: sizes, formats, identity bytes, zones, first content.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/persona-json.h"

/* Offsets in Identify Namespace (NVM Command Set 1.1 Figure 114) and its ZNS part (ZNS 1.1
 * §4.1.5.1). */
enum { ID_NSZE = 0, ID_NCAP = 8, ID_NUSE = 16, ID_NLBAF = 25, ID_FLBAS = 26, ID_NVMCAP = 48 };
enum { ID_NGUID = 104, ID_EUI64 = 120, ID_LBAF = 128 };
enum { ZNS_MAR = 4, ZNS_MOR = 8, ZNS_LBAFE = 2816 };

static int read_guid(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return sl_pj_hex_exact(j, v, k->size, field);
}

/* 8-4-4-4-12 hex digits. */
static int read_uuid(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const uint8_t dashes[] = {8, 13, 18, 23};
	char hex[33];
	const char *s;
	size_t n = 0;
	json_t *plain;
	int r = sl_pj_string(j, v, &s);

	(void)k;
	if (r)
		return r;
	if (strlen(s) != 36)
		return sl_pj_fail(j, "expected a UUID: 8-4-4-4-12 hex digits");
	for (size_t i = 0; i < 36; i++) {
		bool dash = memchr(dashes, (int)i, sizeof(dashes)) != NULL;

		if (dash != (s[i] == '-'))
			return sl_pj_fail(j, "expected a UUID: 8-4-4-4-12 hex digits");
		if (!dash)
			hex[n++] = s[i];
	}
	hex[n] = 0;
	plain = json_string(hex);
	if (!plain)
		return sl_pj_nomem(j);
	r = sl_pj_hex_exact(j, plain, 16, field);
	json_decref(plain);
	return r;
}

static int read_csi(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"nvm", "kv", "zns"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r && w == 1)
		r = sl_pj_fail(j, "the model has no key-value namespaces");
	if (!r)
		*(uint8_t *)field = (uint8_t)w;
	return r;
}

static int read_lbaf(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_ns *ns = field;
	json_t *item;
	size_t i;
	int r = sl_pj_want_array(j, v, SL_PERSONA_LBAF_MAX);
	static const struct sl_pj_key keys[] = {
		{"ds", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_lbaf, ds), .min = 9,
		 .max = 16, .required = true},
		{"ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_lbaf, ms), .max = 4096},
		{"rp", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_lbaf, rp), .max = 3},
	};

	(void)k;
	if (!r && !json_array_size(v))
		r = sl_pj_fail(j, "at least one LBA format is needed");
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = sl_pj_object(j, item, keys, SL_COUNT(keys), &ns->lbaf[i]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	ns->n_lbaf = (uint8_t)i;
	return 0;
}

/* ---- zones ---- */

/* MAR and MOR are 0's based, all ones: no limit. */
static int read_zone_limit(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint64_t n;
	int r = sl_pj_u64(j, v, 0, 1u << 20, &n);

	(void)k;
	if (!r)
		*(uint32_t *)field = (uint32_t)n;
	return r;
}

static int read_zns(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_ns *ns = field;
	static const struct sl_pj_key keys[] = {
		{"zone_size", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_ns, zone_size),
		 .min = 1, .max = SL_PERSONA_BLOCKS_MAX, .required = true},
		{"zone_capacity", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_ns, zone_capacity),
		 .min = 1, .max = SL_PERSONA_BLOCKS_MAX},
		{"max_open", read_zone_limit, SL_PJ_FIELD(struct sl_persona_ns, max_open)},
		{"max_active", read_zone_limit, SL_PJ_FIELD(struct sl_persona_ns, max_active)},
	};
	int r = sl_pj_object_fields(j, v, keys, SL_COUNT(keys), ns, sl_fields_id_zns,
				    sl_fields_id_zns_n, ns->id_zns);

	(void)k;
	if (r)
		return r;
	if (!ns->zone_capacity)
		ns->zone_capacity = ns->zone_size;
	if (ns->zone_capacity > ns->zone_size)
		return sl_pj_fail_at(j, "zone_capacity", "larger than \"zone_size\"");
	if (ns->max_open && ns->max_active && ns->max_open > ns->max_active)
		return sl_pj_fail_at(j, "max_open", "larger than \"max_active\"");
	sl_put_le32(ns->id_zns + ZNS_MAR, ns->max_active - 1);
	sl_put_le32(ns->id_zns + ZNS_MOR, ns->max_open - 1);
	return 0;
}

/* ---- first content ---- */

static int read_pattern(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, SL_PERSONA_BYTES_MAX, field);
}

static int read_fill(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_fill *f = field;
	static const struct sl_pj_key keys[] = {
		{"lba", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_fill, lba),
		 .required = true},
		{"blocks", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_fill, blocks), .min = 1,
		 .max = 1u << 20},
		{"data", read_pattern, SL_PJ_FIELD(struct sl_persona_fill, pattern),
		 .required = true},
	};

	(void)k;
	f->blocks = 1;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), f);
}

int sl_persona_read_content(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_ns *ns = field;

	(void)k;
	return sl_pj_array(j, v, SL_PERSONA_FILL_MAX, sizeof(*ns->fills), read_fill,
			   (void **)&ns->fills, &ns->n_fills);
}

/* ---- one namespace ---- */

static int check_format(struct sl_pj *j, struct sl_persona_ns *ns)
{
	unsigned index = (ns->flbas & 0xfu) | (ns->flbas >> 1 & 0x30u);

	if (!ns->n_lbaf)
		ns->lbaf[ns->n_lbaf++] = (struct sl_persona_lbaf){.ds = 9};
	if (index >= ns->n_lbaf)
		return sl_pj_fail_at(j, "flbas", "there is no LBA format %u, the last is %u", index,
				     ns->n_lbaf - 1u);
	if (ns->flbas & 0x80)
		return sl_pj_fail_at(j, "flbas", "bit 7 is reserved");
	return 0;
}

static int check_sizes(struct sl_pj *j, struct sl_persona_ns *ns)
{
	if (!ns->capacity)
		ns->capacity = ns->size;
	if (ns->capacity > ns->size)
		return sl_pj_fail_at(j, "capacity", "larger than \"size\"");
	if (ns->csi == 2 && !ns->zone_size)
		return sl_pj_fail(j, "a zoned namespace needs \"zns\" with \"zone_size\"");
	if (ns->csi != 2 && ns->zone_size)
		return sl_pj_fail_at(j, "zns", "only namespaces with \"csi\": \"zns\" have zones");
	if (ns->zone_size && ns->size % ns->zone_size)
		return sl_pj_fail_at(j, "size", "not a multiple of the zone size");
	if (ns->zone_size && ns->size / ns->zone_size > SL_PERSONA_ZONE_MAX)
		return sl_pj_fail_at(j, "size", "more than %u zones", SL_PERSONA_ZONE_MAX);
	for (unsigned i = 0; i < ns->n_fills; i++)
		if (ns->fills[i].lba > ns->size ||
		    ns->fills[i].blocks > ns->size - ns->fills[i].lba)
			return sl_pj_fail_at(j, "content", "item %u is past the end", i);
	return 0;
}

/* The bytes that follow from the keys. */
static void build_id(struct sl_persona_ns *ns, json_t *v)
{
	uint8_t *id = ns->id_ns;
	unsigned index = (ns->flbas & 0xfu) | (ns->flbas >> 1 & 0x30u);

	sl_put_le64(id + ID_NSZE, ns->size);
	sl_put_le64(id + ID_NCAP, ns->capacity);
	if (!json_object_get(v, "nuse"))
		sl_put_le64(id + ID_NUSE, ns->capacity);
	id[ID_NLBAF] = (uint8_t)(ns->n_lbaf - 1);
	id[ID_FLBAS] = ns->flbas;
	if (!json_object_get(v, "nvmcap"))
		sl_put_le64(id + ID_NVMCAP, ns->capacity << ns->lbaf[index].ds);
	memcpy(id + ID_NGUID, ns->nguid, 16);
	memcpy(id + ID_EUI64, ns->eui64, 8);
	for (unsigned i = 0; i < ns->n_lbaf; i++)
		sl_put_le32(id + ID_LBAF + 4 * i, ns->lbaf[i].ms | (uint32_t)ns->lbaf[i].ds << 16 |
							  (uint32_t)ns->lbaf[i].rp << 24);
	for (unsigned i = 0; ns->zone_size && i < ns->n_lbaf; i++)
		sl_put_le64(ns->id_zns + ZNS_LBAFE + 16 * i, ns->zone_size);
}

static int read_namespace(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_ns *ns = field;
	static const struct sl_pj_key keys[] = {
		{"nsid", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_ns, nsid), .min = 1,
		 .max = SL_PERSONA_NSID_MAX, .required = true},
		{"csi", read_csi, SL_PJ_FIELD(struct sl_persona_ns, csi)},
		{"size", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_ns, size), .min = 1,
		 .max = SL_PERSONA_BLOCKS_MAX, .required = true},
		{"capacity", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_ns, capacity), .min = 1,
		 .max = SL_PERSONA_BLOCKS_MAX},
		{"attached", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona_ns, attached)},
		{"write_protected", sl_pj_read_bool,
		 SL_PJ_FIELD(struct sl_persona_ns, write_protected)},
		{"flbas", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_ns, flbas)},
		{"lbaf", read_lbaf},
		{"nguid", read_guid, SL_PJ_FIELD(struct sl_persona_ns, nguid)},
		{"eui64", read_guid, SL_PJ_FIELD(struct sl_persona_ns, eui64)},
		{"uuid", read_uuid, SL_PJ_FIELD(struct sl_persona_ns, uuid)},
		{"zns", read_zns},
		{"content", sl_persona_read_content},
		{"identify_raw", sl_pj_read_skip},
	};
	json_t *raw;
	int r;

	(void)k;
	ns->attached = true;
	r = sl_pj_object_fields(j, v, keys, SL_COUNT(keys), ns, sl_fields_id_ns, sl_fields_id_ns_n,
				ns->id_ns);
	if (!r)
		r = check_format(j, ns);
	if (!r)
		r = check_sizes(j, ns);
	if (r)
		return r;
	build_id(ns, v);
	raw = json_object_get(v, "identify_raw");
	if (!raw)
		return 0;
	sl_pj_enter(j, "identify_raw");
	r = sl_pj_overlay(j, raw, ns->id_ns, sizeof(ns->id_ns));
	sl_pj_leave(j);
	return r;
}

static int by_nsid(const void *a, const void *b)
{
	const struct sl_persona_ns *x = a, *y = b;

	return x->nsid < y->nsid ? -1 : x->nsid > y->nsid;
}

int sl_persona_read_namespaces(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = j->p;
	int r = sl_pj_array(j, v, SL_PERSONA_NS_MAX, sizeof(*p->ns), read_namespace,
			    (void **)&p->ns, &p->n_ns);

	(void)field, (void)k;
	for (unsigned a = 0; !r && a < p->n_ns; a++)
		for (unsigned b = 0; !r && b < a; b++)
			if (p->ns[a].nsid == p->ns[b].nsid) {
				sl_pj_enter_index(j, a);
				r = sl_pj_fail_at(j, "nsid", "namespace %u is here twice",
						  p->ns[a].nsid);
				sl_pj_leave(j);
			}
	if (!r && p->n_ns)
		qsort(p->ns, p->n_ns, sizeof(*p->ns), by_nsid);
	return r;
}
