/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions in a persona file: which commands, which state. Shared by vendor commands and
 * behaviours.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/model.h"
#include "model/persona-json.h"

/* Fields of the request by their names in the specification: where the number is that has them. */
struct field {
	const char *name;
	uint8_t at, len;
	uint8_t shift, width;
};

#define DW(name, dword, shift, width)                                                              \
	{                                                                                          \
		name, 4 * dword, 4, shift, width                                                   \
	}
static const struct field nvme_fields[] = {
	DW("fuse", 0, 8, 2),	DW("psdt", 0, 14, 2),	  DW("cid", 0, 16, 16),
	DW("cns", 10, 0, 8),	DW("cntid", 10, 16, 16),  DW("lid", 10, 0, 8),
	DW("lsp", 10, 8, 7),	DW("rae", 10, 15, 1),	  DW("numdl", 10, 16, 16),
	DW("fid", 10, 0, 8),	DW("log_csi", 14, 24, 8), DW("sel", 10, 8, 3),
	DW("sv", 10, 31, 1),	DW("lbafl", 10, 0, 4),	  DW("ses", 10, 9, 3),
	DW("sanact", 10, 0, 3), DW("stc", 10, 0, 4),	  DW("fs", 10, 0, 3),
	DW("ca", 10, 3, 3),	DW("secp", 10, 24, 8),	  DW("spsp", 10, 8, 16),
	DW("nlb", 12, 0, 16),	DW("fua", 12, 30, 1),	  DW("ad", 11, 2, 1),
	DW("zsa", 13, 0, 8),	DW("zra", 13, 0, 8),
};
#undef DW

/* SPC-6, SBC-5, SAT-5. A field that lies elsewhere in commands of another length says of which. */
static const struct field scsi_fields[] = {
	{"sa", 1, 1, 0, 5},
	{"evpd", 1, 1, 0, 1},
	{"vpd_page", 2, 1, 0, 8},
	{"page", 2, 1, 0, 6},
	{"pc", 2, 1, 6, 2},
	{"subpage", 3, 1, 0, 8},
	{"sp", 1, 1, 0, 1},
	{"pcr", 1, 1, 1, 1},
	{"mode", 1, 1, 0, 5},
	{"buffer_id", 2, 1, 0, 8},
	{"fua", 1, 1, 3, 1},
	{"dpo", 1, 1, 4, 1},
	{"immed", 1, 1, 0, 1},
	{"unmap", 1, 1, 3, 1},
	{"start", 4, 1, 0, 1},
	{"loej", 4, 1, 1, 1},
	{"reporting", 2, 1, 0, 3},
	{"protocol", 1, 1, 0, 8},
	{"ata_feature12", 3, 1, 0, 8},
	{"ata_command12", 9, 1, 0, 8},
	{"ata_feature", 4, 1, 0, 8},
	{"ata_command", 14, 1, 0, 8},
};

/* The header of core/command.h; little-endian. */
static const struct field cxl_fields[] = {
	{"command", 1, 1, 0, 8},
	{"in_length", 4, 4, 0, 32},
	{"out_length", 8, 4, 0, 32},
	{"scope", 12, 4, 0, 32},
};

static int grow(struct sl_pj *j, void **items, unsigned *n, unsigned max, size_t size)
{
	void *p;

	if (*n == max)
		return sl_pj_fail(j, "more than %u conditions of a kind", max);
	p = realloc(*items, (*n + 1) * size);
	if (!p)
		return sl_pj_nomem(j);
	memset((char *)p + *n * size, 0, size);
	*items = p;
	++*n;
	return 0;
}

/* A number, or [first, last]. */
static int read_range(struct sl_pj *j, json_t *v, uint64_t max, uint64_t *ret_min,
		      uint64_t *ret_max)
{
	int r;

	if (!json_is_array(v)) {
		r = sl_pj_u64(j, v, 0, max, ret_min);
		*ret_max = *ret_min;
		return r;
	}
	if (json_array_size(v) != 2)
		return sl_pj_fail(j, "expected a number or [first, last]");
	sl_pj_enter_index(j, 0);
	r = sl_pj_u64(j, json_array_get(v, 0), 0, max, ret_min);
	sl_pj_leave(j);
	if (r)
		return r;
	sl_pj_enter_index(j, 1);
	r = sl_pj_u64(j, json_array_get(v, 1), *ret_min, max, ret_max);
	sl_pj_leave(j);
	return r;
}

/* ---- numbers of the request ---- */

struct number_json {
	uint64_t mask;
	json_t *value, *not ;
};

static int read_json(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)j, (void)k;
	*(json_t **)field = v;
	return 0;
}

static int read_number(struct sl_pj *j, json_t *v, const struct field *f, bool big_endian,
		       struct sl_match *m)
{
	static const struct sl_pj_key keys[] = {
		{"mask", sl_pj_read_uint, SL_PJ_FIELD(struct number_json, mask), .min = 1},
		{"value", read_json, SL_PJ_FIELD(struct number_json, value)},
		{"not", read_json, SL_PJ_FIELD(struct number_json, not )},
	};
	uint64_t full = f->width == 64 ? UINT64_MAX : (UINT64_C(1) << f->width) - 1;
	struct number_json d = {.mask = full, .value = v};
	struct sl_match_number *c;
	uint64_t min, max;
	int r = 0;

	if (json_is_object(v)) {
		d.value = NULL;
		r = sl_pj_object(j, v, keys, SL_COUNT(keys), &d);
		if (!r && !d.value == !d.not )
			r = sl_pj_fail(j, "expected one of \"value\" and \"not\"");
		if (!r && d.mask > full)
			r = sl_pj_fail_at(j, "mask", "wider than the field's %u bits", f->width);
	}
	if (!r && json_is_object(v))
		sl_pj_enter(j, d.not ? "not" : "value");
	if (!r) {
		r = read_range(j, d.not ? d.not : d.value, full, &min, &max);
		if (!r && min == max && (min & ~d.mask))
			r = sl_pj_fail(j, "0x%llx has bits outside the mask 0x%llx: never true",
				       (unsigned long long)min, (unsigned long long)d.mask);
		if (json_is_object(v))
			sl_pj_leave(j);
	}
	if (!r)
		r = grow(j, (void **)&m->numbers, &m->n_numbers, SL_PERSONA_COND_MAX,
			 sizeof(*m->numbers));
	if (r)
		return r;
	c = &m->numbers[m->n_numbers - 1];
	c->at = f->at;
	c->len = f->len;
	c->big_endian = big_endian;
	c->negate = d.not != NULL;
	c->mask = d.mask << f->shift;
	c->min = min << f->shift;
	c->max = max << f->shift;
	return 0;
}

/* "cdw10": a dword of the submission entry. */
static int read_dword_key(struct sl_pj *j, const char *key, json_t *v, struct sl_match *m)
{
	struct field f = {.len = 4, .width = 32};
	uint64_t n;
	int r = sl_pj_key_u64(j, key + 3, 0, 15, &n);

	f.at = (uint8_t)(4 * n);
	return r ? r : read_number(j, v, &f, false, m);
}

/* "cdb2", "cdb2:4": bytes of the CDB, the first the most significant. */
static int read_cdb_key(struct sl_pj *j, const char *key, json_t *v, struct sl_match *m)
{
	const char *colon = strchr(key, ':');
	char first[8] = "";
	uint64_t at, len = 1;
	struct field f;
	int r;

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(key + 3, ":"), key + 3);
	r = sl_pj_key_u64(j, first, 0, 63, &at);
	if (!r && colon)
		r = sl_pj_key_u64(j, colon + 1, 1, at > 56 ? 64 - at : 8, &len);
	if (r)
		return r;
	f = (struct field){.at = (uint8_t)at, .len = (uint8_t)len, .width = (uint8_t)(8 * len)};
	return read_number(j, v, &f, true, m);
}

/* 1: key is no number of the request. */
static int read_number_key(struct sl_pj *j, const char *key, json_t *v, struct sl_match *m)
{
	bool nvme = j->p->protocol == SL_WIRE_NVME, cxl = j->p->cxl != NULL;
	const struct field *f = nvme ? nvme_fields : cxl ? cxl_fields : scsi_fields;
	size_t n = nvme	 ? SL_COUNT(nvme_fields)
		   : cxl ? SL_COUNT(cxl_fields)
			 : SL_COUNT(scsi_fields);

	if (!cxl && !strncmp(key, nvme ? "cdw" : "cdb", 3) && isdigit((unsigned char)key[3]))
		return nvme ? read_dword_key(j, key, v, m) : read_cdb_key(j, key, v, m);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(f[i].name, key))
			return read_number(j, v, &f[i], !nvme && !cxl, m);
	return 1;
}

/* ---- payload ---- */

static int read_pattern(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, SL_PERSONA_BYTES_MAX, field);
}

static int read_payload_item(struct sl_pj *j, json_t *v, struct sl_match_bytes *b)
{
	static const struct sl_pj_key keys[] = {
		{"offset", sl_pj_read_uint, SL_PJ_FIELD(struct sl_match_bytes, offset),
		 .max = 1u << 20},
		{"stride", sl_pj_read_uint, SL_PJ_FIELD(struct sl_match_bytes, stride), .min = 1,
		 .max = 1u << 20},
		{"anywhere", sl_pj_read_bool, SL_PJ_FIELD(struct sl_match_bytes, anywhere)},
		{"data", read_pattern, SL_PJ_FIELD(struct sl_match_bytes, value), .required = true},
		{"mask", read_pattern, SL_PJ_FIELD(struct sl_match_bytes, mask)},
	};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), b);

	if (r)
		return r;
	if (b->mask.len && b->mask.len != b->value.len)
		return sl_pj_fail_at(j, "mask", "%u bytes, but \"data\" has %u", b->mask.len,
				     b->value.len);
	if (b->anywhere && (json_object_get(v, "offset") || b->stride))
		return sl_pj_fail_at(j, "anywhere", "excludes \"offset\" and \"stride\"");
	return 0;
}

static int read_payload(struct sl_pj *j, json_t *v, struct sl_match *m)
{
	json_t *item;
	size_t i;
	int r = sl_pj_want_array(j, v, SL_PERSONA_COND_MAX);

	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = grow(j, (void **)&m->payload, &m->n_bytes, SL_PERSONA_COND_MAX,
			 sizeof(*m->payload));
		if (!r)
			r = read_payload_item(j, item, &m->payload[m->n_bytes - 1]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

/* ---- state ---- */

/* {"NAME": 3}, {"NAME": {"ge": 3}}. */
static int read_state(struct sl_pj *j, const char *name, json_t *v, struct sl_match_state *s)
{
	static const char *const words[] = {
		[SL_CMP_EQ] = "eq",	   [SL_CMP_NE] = "ne", [SL_CMP_LT] = "lt",
		[SL_CMP_LE] = "le",	   [SL_CMP_GT] = "gt", [SL_CMP_GE] = "ge",
		[SL_CMP_MASK] = "any_bit",
	};
	int r = sl_persona_read_state_key(j, name, &s->ref);
	const char *key;
	json_t *item;
	size_t i;

	if (r)
		return r;
	if (!json_is_object(v))
		return sl_pj_u64(j, v, 0, UINT64_MAX, &s->value);
	if (json_object_size(v) != 1)
		return sl_pj_fail(j, "expected one comparison, as {\"ge\": 3}");
	key = json_object_iter_key(json_object_iter(v));
	item = json_object_get(v, key);
	for (i = 0; i < SL_COUNT(words) && strcmp(words[i], key); i++)
		;
	if (i == SL_COUNT(words))
		return sl_pj_fail_at(j, key,
				     "no comparison; there are eq, ne, lt, le, gt, ge and any_bit");
	s->cmp = (uint8_t)i;
	sl_pj_enter(j, key);
	r = sl_pj_u64(j, item, 0, UINT64_MAX, &s->value);
	sl_pj_leave(j);
	return r;
}

int sl_persona_read_states(struct sl_pj *j, json_t *v, struct sl_match_state **ret, unsigned *ret_n)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	if (r)
		return r;
	json_object_foreach(v, key, item) {
		sl_pj_enter(j, key);
		r = grow(j, (void **)ret, ret_n, SL_PERSONA_COND_MAX, sizeof(**ret));
		if (!r)
			r = read_state(j, key, item, &(*ret)[*ret_n - 1]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

/* ---- the rest of a match ---- */

static int read_opcode(struct sl_pj *j, json_t *v, struct sl_match *m)
{
	json_t *item;
	uint64_t n;
	size_t i;
	int r;

	m->any_opcode = false;
	if (!json_is_array(v)) {
		r = sl_pj_u64(j, v, 0, 255, &n);
		if (!r)
			m->opcode[n] = true;
		return r;
	}
	r = sl_pj_want_array(j, v, 256);
	if (!r && !json_array_size(v))
		r = sl_pj_fail(j, "an empty list never matches");
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = sl_pj_u64(j, item, 0, 255, &n);
		sl_pj_leave(j);
		if (r)
			return r;
		m->opcode[n] = true;
	}
	return 0;
}

static int read_look(struct sl_pj *j, json_t *v, struct sl_match *m)
{
	static const char *const words[] = {"identify", "log", "feature", "read", "any"};
	static const uint8_t bits[] = {SL_LOOK_IDENTIFY, SL_LOOK_LOG, SL_LOOK_FEATURE, SL_LOOK_READ,
				       SL_LOOK_IDENTIFY | SL_LOOK_LOG | SL_LOOK_FEATURE |
					       SL_LOOK_READ};
	json_t *item;
	unsigned w;
	size_t i;
	int r = 0;

	if (!json_is_array(v)) {
		r = sl_pj_word(j, v, words, SL_COUNT(words), &w);
		if (!r)
			m->look = bits[w];
		return r;
	}
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = sl_pj_word(j, item, words, SL_COUNT(words), &w);
		sl_pj_leave(j);
		if (r)
			return r;
		m->look |= bits[w];
	}
	return m->look ? 0 : sl_pj_fail(j, "an empty list never matches");
}

static int read_key(struct sl_pj *j, const char *key, json_t *v, struct sl_match *m)
{
	static const char *const queues[] = {"any", "admin", "io"};
	bool nvme = j->p->protocol == SL_WIRE_NVME;
	static const char *const statuses[] = {"any", "success", "error"};
	uint64_t min, max;
	unsigned w;
	int r;

	if (nvme && !strcmp(key, "queue")) {
		r = sl_pj_word(j, v, queues, SL_COUNT(queues), &w);
		m->queue = r ? 0 : (uint8_t)w;
	} else if (!strcmp(key, "opcode")) {
		r = read_opcode(j, v, m);
	} else if (!strcmp(key, "look")) {
		r = read_look(j, v, m);
	} else if (nvme && !strcmp(key, "nsid")) {
		r = read_range(j, v, UINT32_MAX, &min, &max);
		m->nsid_on = true;
		m->nsid_first = r ? 0 : (uint32_t)min;
		m->nsid_last = r ? 0 : (uint32_t)max;
	} else if (!strcmp(key, "lba")) {
		m->lba_on = true;
		r = read_range(j, v, UINT64_MAX, &m->lba_first, &m->lba_last);
	} else if (!strcmp(key, "payload")) {
		r = read_payload(j, v, m);
	} else if (!strcmp(key, "state")) {
		r = sl_persona_read_states(j, v, &m->states, &m->n_states);
	} else if (!strcmp(key, "status")) {
		r = sl_pj_word(j, v, statuses, SL_COUNT(statuses), &w);
		m->status = r ? 0 : (uint8_t)w;
	} else {
		r = read_number_key(j, key, v, m);
	}
	return r;
}

int sl_persona_read_match(struct sl_pj *j, json_t *v, const char *const *also, size_t n_also,
			  struct sl_match *ret)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	if (r)
		return r;
	ret->queue = SL_QUEUE_ANY;
	ret->any_opcode = true;
	json_object_foreach(v, key, item) {
		bool skip = !strcmp(key, "comment");

		for (size_t i = 0; i < n_also; i++)
			skip = skip || !strcmp(also[i], key);
		if (skip)
			continue;
		sl_pj_enter(j, key);
		r = read_key(j, key, item, ret);
		sl_pj_leave(j);
		if (r > 0)
			r = sl_pj_fail_at(j, key, "unknown key");
		if (r)
			return r;
	}
	if (j->p->protocol == SL_WIRE_NVME && json_object_get(v, "opcode") &&
	    !json_object_get(v, "queue"))
		return sl_pj_fail_at(
			j, "opcode",
			"needs \"queue\": admin and I/O opcodes are different commands");
	return 0;
}

/* ---- state names ---- */

/* `*` stands for a namespace: any number will do to see whether the engine has such a name. */
static bool known(uint8_t protocol, const char *name)
{
	char buf[SL_PERSONA_STATE_MAX + 1];
	const char *star = strchr(name, '*');

	if (star && strchr(star + 1, '*'))
		return false;
	snprintf(buf, sizeof(buf), "%.*s%s%s", (int)(star ? star - name : (int)strlen(name)), name,
		 star ? "1" : "", star ? star + 1 : "");
	return sl_model_name_known(protocol, buf);
}

int sl_persona_read_state_name(struct sl_pj *j, const char *name, struct sl_state_ref *ret)
{
	size_t n = strcspn(name, "[");

	if (strlen(name) >= sizeof(ret->name) || !known(j->p->protocol, name))
		return sl_pj_fail(j, "\"%.80s\" is not a state name", name);
	memcpy(ret->name, name, strlen(name) + 1);
	if (strncmp(name, "vendor.", 7))
		return 0;
	for (unsigned i = 0; i < j->p->n_vars; i++)
		if (strlen(j->p->vars[i].name) == n - 7 &&
		    !memcmp(j->p->vars[i].name, name + 7, n - 7))
			return 0;
	return sl_pj_fail(j, "there is no variable \"%.*s\" in \"variables\"", (int)(n - 7),
			  name + 7);
}

int sl_persona_read_state_key(struct sl_pj *j, const char *name, struct sl_state_ref *ret)
{
	int r;

	sl_pj_about_key(j, true);
	r = sl_persona_read_state_name(j, name, ret);
	sl_pj_about_key(j, false);
	return r;
}
