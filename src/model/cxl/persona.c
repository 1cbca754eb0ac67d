/* SPDX-License-Identifier: Apache-2.0 */
/* What a CXL or fwctl persona file says of the device: memory, health, effects log, features. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/cxl/cxl.h"

struct memory_json {
	char firmware[17];
	uint64_t volatile_mib, persistent_mib;
	uint32_t lsa_bytes;
};

/* Identify Memory Device, §8.2.9.9.1.1: capacities in units of 256 MiB. */
int sl_cxl_read_memory(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"firmware", sl_pj_read_ascii, SL_PJ_FIELD(struct memory_json, firmware),
		 .required = true},
		{"volatile_mib", sl_pj_read_uint, SL_PJ_FIELD(struct memory_json, volatile_mib),
		 .max = 1u << 30},
		{"persistent_mib", sl_pj_read_uint, SL_PJ_FIELD(struct memory_json, persistent_mib),
		 .max = 1u << 30},
		{"lsa_bytes", sl_pj_read_uint, SL_PJ_FIELD(struct memory_json, lsa_bytes),
		 .max = CXL_LSA_MAX},
	};
	struct memory_json m = {.lsa_bytes = 4096};
	struct sl_persona_cxl *c = j->p->cxl;
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &m);

	(void)field, (void)k;
	if (r)
		return r;
	if (m.volatile_mib % 256 || m.persistent_mib % 256 || !(m.volatile_mib + m.persistent_mib))
		return sl_pj_fail(j, "capacities are multiples of 256 MiB, and not both none");
	memcpy(c->identify, m.firmware, strlen(m.firmware));
	sl_put_le64(c->identify + 16, (m.volatile_mib + m.persistent_mib) / 256);
	sl_put_le64(c->identify + 24, m.volatile_mib / 256);
	sl_put_le64(c->identify + 32, m.persistent_mib / 256);
	sl_put_le32(c->identify + 0x38, m.lsa_bytes);
	sl_put_le16(c->identify + 0x40, CXL_POISON_MAX);
	c->lsa_len = m.lsa_bytes;
	return 0;
}

int sl_cxl_read_identify(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return sl_pj_overlay(j, v, j->p->cxl->identify, CXL_IDENTIFY);
}

int sl_cxl_read_health(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return sl_pj_overlay(j, v, j->p->cxl->health, CXL_HEALTH);
}

int sl_cxl_read_alert(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return sl_pj_overlay(j, v, j->p->cxl->alert, CXL_ALERT);
}

/* A number, or names of bits (§8.2.9.5.2.1). */
static int read_word(struct sl_pj *j, json_t *v, uint16_t *ret)
{
	static const char *const bits[] = {
		"config-cold-reset",
		"config",
		"data",
		"policy",
		"log",
		"security",
		"background",
		"secondary-mailbox",
		"abort",
		"valid",
		"config-conventional-reset",
		"config-cxl-reset",
	};
	uint64_t n;
	json_t *item;
	size_t i;
	int r;

	*ret = 0;
	if (!json_is_array(v)) {
		r = sl_pj_u64(j, v, 0, 0xffff, &n);
		*ret = r ? 0 : (uint16_t)n;
		return r;
	}
	json_array_foreach(v, i, item) {
		unsigned bit;

		sl_pj_enter_index(j, i);
		r = sl_pj_word(j, item, bits, SL_COUNT(bits), &bit);
		sl_pj_leave(j);
		if (r)
			return r;
		*ret |= (uint16_t)(1u << bit);
	}
	return 0;
}

static struct sl_cxl_entry *add(struct sl_pj *j, uint16_t opcode)
{
	struct sl_persona_cxl *c = j->p->cxl;

	for (unsigned i = 0; i < c->n_log; i++)
		if (c->log[i].opcode == opcode)
			return &c->log[i];
	if (c->n_log == CXL_LOG_MAX) {
		(void)sl_pj_fail(j, "more than %u commands", CXL_LOG_MAX);
		return NULL;
	}
	c->log[c->n_log] = (struct sl_cxl_entry){.opcode = opcode};
	return &c->log[c->n_log++];
}

/* All that the engine knows, with the effects that the specification states. */
static int add_all(struct sl_pj *j)
{
	for (size_t i = 0; i < sl_cxl_rows_n; i++) {
		struct sl_cxl_entry *e = add(j, sl_cxl_rows[i].opcode);

		if (!e)
			return -1;
		e->effects = sl_cxl_rows[i].effects;
		e->listed = e->works = 1;
	}
	return 0;
}

/* {"*": true, "0x4103": ["config", "data"], "0xc001": 0} */
int sl_cxl_read_log(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	(void)field, (void)k;
	if (!r && json_is_true(json_object_get(v, "*")))
		r = add_all(j);
	if (r)
		return r;
	json_object_foreach(v, key, item) {
		struct sl_cxl_entry *e = NULL;
		uint64_t opcode = 0;

		if (!strcmp(key, "*") || !strcmp(key, "comment"))
			continue;
		sl_pj_enter(j, key);
		r = sl_pj_key_u64(j, key, 0, 0xffff, &opcode);
		if (!r)
			e = add(j, (uint16_t)opcode);
		if (!r && e)
			r = read_word(j, item, &e->effects);
		sl_pj_leave(j);
		if (r || !e)
			return r ? r : -1;
		e->listed = 1;
		e->works = sl_cxl_row_find(e->opcode) != NULL;
	}
	return 0;
}

static int read_opcodes(struct sl_pj *j, json_t *v, bool listed, bool works)
{
	int r = sl_pj_want_array(j, v, CXL_LOG_MAX);
	json_t *item;
	size_t i;

	if (r)
		return r;
	json_array_foreach(v, i, item) {
		struct sl_cxl_entry *e = NULL;
		uint64_t opcode = 0;

		sl_pj_enter_index(j, i);
		r = sl_pj_u64(j, item, 0, 0xffff, &opcode);
		if (!r)
			e = add(j, (uint16_t)opcode);
		sl_pj_leave(j);
		if (r || !e)
			return r ? r : -1;
		e->listed = listed;
		e->works = works;
	}
	return 0;
}

int sl_cxl_read_unlisted(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_opcodes(j, v, false, true);
}

int sl_cxl_read_refused(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_opcodes(j, v, true, false);
}

/* ---- features ---- */

struct feature_json {
	struct sl_cxl_feature f;
	struct sl_bytes value;
	bool changeable;
};

static int read_uuid(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return sl_pj_hex_exact(j, v, k->size, field);
}

static int read_value(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, CXL_VALUE_MAX, field);
}

static int read_effects(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return read_word(j, v, field);
}

static int read_feature(struct sl_pj *j, json_t *v, struct sl_cxl_feature *ret)
{
	static const struct sl_pj_key keys[] = {
		{"uuid", read_uuid, SL_PJ_FIELD(struct feature_json, f.uuid), .required = true},
		{"value", read_value, SL_PJ_FIELD(struct feature_json, value), .required = true},
		{"changeable", sl_pj_read_bool, SL_PJ_FIELD(struct feature_json, changeable)},
		{"effects", read_effects, SL_PJ_FIELD(struct feature_json, f.effects)},
	};
	struct feature_json f = {.f = {.flags = 0x0e}};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &f);

	if (!r) {
		f.f.flags |= f.changeable;
		f.f.len = (uint16_t)f.value.len;
		memcpy(f.f.current, f.value.p, f.value.len);
		memcpy(f.f.dflt, f.value.p, f.value.len);
		memcpy(f.f.saved, f.value.p, f.value.len);
		*ret = f.f;
	}
	free(f.value.p);
	return r;
}

int sl_cxl_read_features(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_cxl *c = j->p->cxl;
	int r = sl_pj_want_array(j, v, CXL_FEATURE_MAX);
	json_t *item;
	size_t i;

	(void)field, (void)k;
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = read_feature(j, item, &c->features[c->n_features]);
		sl_pj_leave(j);
		if (r)
			return r;
		c->n_features++;
	}
	return 0;
}

/* A vendor's command that is in the log works by its rules alone; without a log, all are there. */
int sl_cxl_persona_complete(struct sl_pj *j)
{
	if (!j->p->cxl->n_log && add_all(j))
		return -1;
	j->p->max_transfer = 0;
	return 0;
}
