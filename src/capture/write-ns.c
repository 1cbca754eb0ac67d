/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: sizes, formats, identifiers, zones. Their content is nobody's business. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/write.h"

/* Identify Namespace (NVM Command Set 1.1 Figure 114) and its ZNS part (ZNS 1.1 §4.1.5.1). */
enum {
	NS_NSZE = 0,
	NS_NCAP = 8,
	NS_NLBAF = 25,
	NS_FLBAS = 26,
	NS_NSATTR = 99,
	NS_NGUID = 104,
	NS_EUI64 = 120,
	NS_LBAF = 128,
	ZNS_MAR = 4,
	ZNS_MOR = 8,
	ZNS_LBAFE = 2816,
};

enum { CSI_ZNS = 2, NIDT_UUID = 3, NIDT_CSI = 4 };

static const uint8_t *descriptor(const struct sl_answer *a, uint8_t type, uint8_t len)
{
	for (size_t at = 0; a && at + 4u + len <= a->len && a->data[at + 1];
	     at += 4u + a->data[at + 1])
		if (a->data[at] == type && a->data[at + 1] == len)
			return a->data + at + 4;
	return NULL;
}

static unsigned format_in_use(const uint8_t *id)
{
	return (id[NS_FLBAS] & 0xfu) | (id[NS_FLBAS] >> 1 & 0x30u);
}

/* Formats that the model does not have are written as the smallest, and laid over by their bytes.
 */
static json_t *formats(const uint8_t *id, uint8_t *scratch)
{
	unsigned n = id[NS_NLBAF] + 1u, used = format_in_use(id);
	json_t *list = json_array();

	n = n > SL_PERSONA_LBAF_MAX ? SL_PERSONA_LBAF_MAX : n;
	n = used >= n ? used + 1 : n;
	for (unsigned i = 0; i < n; i++) {
		uint32_t word = sl_get_le32(id + NS_LBAF + 4 * i);
		unsigned ms = word & 0xffff, ds = word >> 16 & 0xff, rp = word >> 24 & 3;
		json_t *o = json_object();

		ds = ds < 9 ? 9 : ds > 16 ? 16 : ds;
		ms = ms > 4096 ? 4096 : ms;
		(void)json_object_set_new(o, "ds", json_integer((json_int_t)ds));
		if (ms)
			(void)json_object_set_new(o, "ms", json_integer((json_int_t)ms));
		if (rp)
			(void)json_object_set_new(o, "rp", json_integer((json_int_t)rp));
		sl_put_le32(scratch + NS_LBAF + 4 * i, ms | ds << 16 | rp << 24);
		(void)json_array_append_new(list, o);
	}
	scratch[NS_NLBAF] = (uint8_t)(n - 1);
	return list;
}

static void write_uuid(json_t *o, const uint8_t *p)
{
	char text[37];
	size_t at = 0;

	for (unsigned i = 0; i < 16; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02x",
				       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", p[i]);
	(void)json_object_set_new(o, "uuid", json_string(text));
}

/*
 * Where zones are smaller than their stride only a report of zones can tell, and that is no command
 * of the health policy. NCAP counts what can be written: divided by the zones it is the same.
 */
static uint64_t zone_capacity(const uint8_t *id, uint64_t zone_size)
{
	uint64_t nsze = sl_get_le64(id + NS_NSZE), ncap = sl_get_le64(id + NS_NCAP);
	uint64_t zones = zone_size ? nsze / zone_size : 0;

	return zones && ncap < nsze && ncap % zones == 0 && ncap ? ncap / zones : zone_size;
}

static void write_zns(json_t *ns, const uint8_t *id, const uint8_t *zns)
{
	static const char *const none[] = {NULL};
	uint64_t size = sl_get_le64(zns + ZNS_LBAFE + 16 * format_in_use(id));
	uint64_t capacity = zone_capacity(id, size);
	uint8_t scratch[4096];
	json_t *o = json_object();

	(void)json_object_set_new(o, "zone_size", sl_write_number(size));
	if (capacity != size)
		(void)json_object_set_new(o, "zone_capacity", sl_write_number(capacity));
	/* 0's based, all ones: no limit. */
	if (sl_get_le32(zns + ZNS_MAR) != UINT32_MAX)
		(void)json_object_set_new(o, "max_active",
					  sl_write_number(sl_get_le32(zns + ZNS_MAR) + 1ull));
	if (sl_get_le32(zns + ZNS_MOR) != UINT32_MAX)
		(void)json_object_set_new(o, "max_open",
					  sl_write_number(sl_get_le32(zns + ZNS_MOR) + 1ull));
	sl_write_fields(o, sl_fields_id_zns, sl_fields_id_zns_n, none, zns, scratch);
	(void)json_object_set_new(ns, "csi", json_string("zns"));
	(void)json_object_set_new(ns, "zns", o);
}

static void write_identity(json_t *o, const struct sl_answer *a, const struct sl_answer *desc)
{
	static const char *const dflt[] = {"nuse", "nvmcap", "mssrl", "mcl", "msrc", NULL};
	const uint8_t *id = a->data, *uuid = descriptor(desc, NIDT_UUID, 16);
	uint64_t size = sl_get_le64(id + NS_NSZE), capacity = sl_get_le64(id + NS_NCAP);
	uint8_t scratch[4096] = {0};

	if (capacity && capacity != size)
		(void)json_object_set_new(o, "capacity", sl_write_number(capacity));
	sl_put_le64(scratch + NS_NSZE, size);
	sl_put_le64(scratch + NS_NCAP, capacity ? capacity : size);
	(void)json_object_set_new(o, "lbaf", formats(id, scratch));
	(void)json_object_set_new(o, "flbas", json_integer(id[NS_FLBAS] & 0x7f));
	scratch[NS_FLBAS] = id[NS_FLBAS] & 0x7f;
	if (!sl_write_zero(id + NS_NGUID, 16))
		(void)json_object_set_new(o, "nguid", sl_write_hex(id + NS_NGUID, 16));
	memcpy(scratch + NS_NGUID, id + NS_NGUID, 16);
	if (!sl_write_zero(id + NS_EUI64, 8))
		(void)json_object_set_new(o, "eui64", sl_write_hex(id + NS_EUI64, 8));
	memcpy(scratch + NS_EUI64, id + NS_EUI64, 8);
	if (uuid && !sl_write_zero(uuid, 16))
		write_uuid(o, uuid);
	if (id[NS_NSATTR] & 1)
		(void)json_object_set_new(o, "write_protected", json_true());
	sl_write_fields(o, sl_fields_id_ns, sl_fields_id_ns_n, dflt, id, scratch);
	sl_write_raw(o, "identify_raw", id, scratch, sizeof(scratch));
}

/* NULL: the format of personas has no such namespace. */
static json_t *namespace(const struct sl_capture *c, const struct sl_answer *a, bool attached)
{
	uint32_t nsid = sl_get_le32(a->cmd.req + 4);
	const struct sl_answer *desc = sl_capture_find(c, SL_CAPTURE_IDENTIFY, nsid, 0x03, 0);
	const struct sl_answer *zns = sl_capture_find(c, SL_CAPTURE_IDENTIFY, nsid, 0x05, CSI_ZNS);
	const uint8_t *csi = descriptor(desc, NIDT_CSI, 1);
	uint64_t size = sl_get_le64(a->data + NS_NSZE);
	bool zoned = csi && *csi == CSI_ZNS;
	json_t *o;

	if (!nsid || nsid > SL_PERSONA_NSID_MAX || !size || size > SL_PERSONA_BLOCKS_MAX)
		return NULL;
	if (zoned && (!zns || !sl_get_le64(zns->data + ZNS_LBAFE + 16 * format_in_use(a->data))))
		return NULL;
	o = json_object();
	(void)json_object_set_new(o, "nsid", sl_write_number(nsid));
	(void)json_object_set_new(o, "size", sl_write_number(size));
	if (!attached)
		(void)json_object_set_new(o, "attached", json_false());
	if (zoned)
		write_zns(o, a->data, zns->data);
	write_identity(o, a, desc);
	return o;
}

void sl_write_namespaces(const struct sl_capture *c, json_t *root)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < c->n && json_array_size(list) < SL_PERSONA_NS_MAX; i++) {
		const struct sl_answer *a = c->answer[i];
		uint32_t nsid = sl_get_le32(a->cmd.req + 4);
		unsigned cns = sl_capture_sub(a);
		json_t *o = NULL;

		if (!sl_answer_good(a) || a->cmd.req[0] != SL_CAPTURE_IDENTIFY)
			continue;
		if (cns == 0x00)
			o = namespace(c, a, true);
		else if (cns == 0x11 && !sl_capture_find(c, SL_CAPTURE_IDENTIFY, nsid, 0x00, 0))
			o = namespace(c, a, false);
		if (o)
			(void)json_array_append_new(list, o);
	}
	(void)json_object_set_new(root, "namespaces", list);
}
