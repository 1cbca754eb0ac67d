/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller's sections of a persona file: Identify, SMART, effects logs, features, logs,
 * firmware, quirks. Values only; what the file leaves open is persona-complete.c's.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/persona-json.h"

/* Offsets in Identify Controller, Base 2.1 Figure 312. */
enum {
	ID_SN = 4,
	ID_MN = 24,
	ID_FR = 64,
	ID_IEEE = 73,
	ID_FGUID = 112,
	ID_SUBNQN = 768,
	ID_PSD = 2048
};

/* ---- Identify Controller ---- */

static int read_padded(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	char text[64];
	int r = sl_pj_ascii(j, v, 0, text, k->size + 1);

	if (r)
		return r;
	memset(field, ' ', k->size);
	memcpy(field, text, strlen(text));
	return 0;
}

static int read_subnqn(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_ascii(j, v, 0, field, 224);
}

/* The OUI as people write it; the structure has its bytes in the other order. */
static int read_ieee(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint8_t oui[3], *p = field;
	int r = sl_pj_hex_exact(j, v, sizeof(oui), oui);

	(void)k;
	for (unsigned i = 0; !r && i < 3; i++)
		p[i] = oui[2 - i];
	return r;
}

static int read_guid(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return sl_pj_hex_exact(j, v, k->size, field);
}

/* Power State Descriptor, Base 2.1 Figure 313. */
const struct sl_field sl_fields_psd[] = {
	{"mp", 0, 2},	{"enlat", 4, 4}, {"exlat", 8, 4},   {"rrt", 12, 1},
	{"rrl", 13, 1}, {"rwt", 14, 1},	 {"rwl", 15, 1},    {"idlp", 16, 2},
	{"ips", 18, 1}, {"actp", 20, 2}, {"apwaps", 22, 1},
};
const size_t sl_fields_psd_n = SL_COUNT(sl_fields_psd);

static int read_psd_flag(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	bool on;
	int r = sl_pj_read_bool(j, v, &on, k);

	if (!r && on)
		((uint8_t *)field)[3] |= (uint8_t)k->min;
	return r;
}

static const struct sl_pj_key psd_keys[] = {
	{"mxps", read_psd_flag, .min = 1},
	{"nops", read_psd_flag, .min = 2},
};

static int read_power_states(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint8_t *psd = field;
	json_t *item;
	size_t i;
	int r = sl_pj_want_array(j, v, 32);

	(void)k;
	if (!r && !json_array_size(v))
		r = sl_pj_fail(j, "at least one power state is needed");
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = sl_pj_object_fields(j, item, psd_keys, SL_COUNT(psd_keys), psd + 32 * i,
					sl_fields_psd, sl_fields_psd_n, psd + 32 * i);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	j->p->id_ctrl[263] = (uint8_t)(json_array_size(v) - 1); /* NPSS */
	return 0;
}

int sl_persona_read_identify(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"sn", read_padded, .at = ID_SN, .size = 20, .required = true},
		{"mn", read_padded, .at = ID_MN, .size = 40, .required = true},
		{"fr", read_padded, .at = ID_FR, .size = 8, .required = true},
		{"ieee", read_ieee, .at = ID_IEEE},
		{"fguid", read_guid, .at = ID_FGUID, .size = 16},
		{"subnqn", read_subnqn, .at = ID_SUBNQN},
		{"power_states", read_power_states, .at = ID_PSD},
	};

	(void)k;
	return sl_pj_object_fields(j, v, keys, SL_COUNT(keys), field, sl_fields_id_ctrl,
				   sl_fields_id_ctrl_n, field);
}

int sl_persona_read_raw(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return sl_pj_overlay(j, v, field, k->size);
}

int sl_persona_read_smart(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_object_fields(j, v, NULL, 0, field, sl_fields_smart, sl_fields_smart_n, field);
}

/* ---- effects logs ---- */

struct flag {
	const char *word;
	uint32_t bits;
};

/* Commands Supported and Effects entry, Base 2.1 Figure 211; CSP scopes in bits 31:20. */
static const struct flag effect_flags[] = {
	{"csupp", 1u << 0},
	{"lbcc", 1u << 1},
	{"fsupp", 1u << 0}, /* of a feature: the same bits by other names */
	{"udcc", 1u << 1},
	{"ncc", 1u << 2},
	{"nic", 1u << 3},
	{"ccc", 1u << 4},
	{"uss", 1u << 19},
	{"scope=namespace", 1u << 20},
	{"scope=controller", 1u << 21},
	{"scope=nvm-set", 1u << 22},
	{"scope=endurance-group", 1u << 23},
	{"scope=domain", 1u << 24},
	{"scope=subsystem", 1u << 25},
	{"scope=cdq", 1u << 26},
	{"cse=0", 0},
	{"cse=1", 1u << 16},
	{"cse=2", 2u << 16},
	{"cser=0", 0},
	{"cser=1", 1u << 14},
	{"cser=2", 2u << 14},
};

static int effect_words(struct sl_pj *j, const char *s, uint32_t *ret)
{
	*ret = 0;
	while (*s) {
		size_t n = strcspn(s, " "), i;

		for (i = 0; i < SL_COUNT(effect_flags); i++)
			if (strlen(effect_flags[i].word) == n &&
			    !memcmp(effect_flags[i].word, s, n))
				break;
		if (n && i == SL_COUNT(effect_flags))
			return sl_pj_fail(
				j,
				"\"%.*s\" is no flag of an effects log entry (csupp, lbcc, "
				"ncc, nic, ccc, uss, cse=0…2, cser=0…2, scope=…)",
				(int)(n < 40 ? n : 40), s);
		if (n)
			*ret |= effect_flags[i].bits;
		s += n;
		s += *s == ' ';
	}
	return 0;
}

/* The first word of a bit is its own: "fsupp" and "udcc" come later in the table. */
const char *sl_persona_effect_text(uint32_t word, char *buf, size_t size)
{
	uint32_t rest = word;
	size_t at = 0;

	buf[0] = 0;
	for (size_t i = 0; i < SL_COUNT(effect_flags) && at < size; i++) {
		const struct flag *f = &effect_flags[i];

		if (!f->bits || (rest & f->bits) != f->bits)
			continue;
		rest &= ~f->bits;
		at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? " " : "", f->word);
	}
	if (rest || !word || at >= size)
		(void)snprintf(buf, size, "0x%08x", word);
	return buf;
}

static int read_effect(struct sl_pj *j, json_t *v, uint32_t *ret)
{
	const char *s = json_string_value(v);
	uint64_t x;
	int r;

	if (s && !isdigit((unsigned char)*s))
		return effect_words(j, s, ret);
	r = sl_pj_u64(j, v, 0, UINT32_MAX, &x);
	if (!r)
		*ret = (uint32_t)x;
	return r;
}

static int read_opcode_map(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_object(j, v);
	uint8_t *log = field;
	const char *key;
	json_t *item;

	(void)k;
	if (r)
		return r;
	json_object_foreach(v, key, item) {
		uint64_t opcode;
		uint32_t word;

		if (!strcmp(key, "comment"))
			continue;
		sl_pj_enter(j, key);
		r = sl_pj_key_u64(j, key, 0, 255, &opcode);
		if (!r)
			r = read_effect(j, item, &word);
		if (!r && sl_get_le32(log + 4 * opcode))
			r = sl_pj_fail(j, "opcode %02llxh is here twice",
				       (unsigned long long)opcode);
		sl_pj_leave(j);
		if (r)
			return r;
		sl_put_le32(log + 4 * opcode, word);
	}
	return 0;
}

/* Admin entries are read into the log of CSI 0 and copied to the others by the completion. */
int sl_persona_read_effects(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"admin", read_opcode_map, .at = 0},
		{"nvm", read_opcode_map, .at = 1024},
		{"kv", read_opcode_map, .at = 4096 + 1024},
		{"zns", read_opcode_map, .at = 8192 + 1024},
	};
	int r;

	(void)field, (void)k;
	r = sl_pj_object(j, v, keys, SL_COUNT(keys), j->p->effects);
	if (r)
		return r;
	j->p->has_effects[0] = json_object_get(v, "admin") || json_object_get(v, "nvm");
	j->p->has_effects[1] = json_object_get(v, "kv");
	j->p->has_effects[2] = json_object_get(v, "zns");
	return 0;
}

int sl_persona_read_effects_raw(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"nvm", sl_persona_read_raw, .at = 0, .size = 4096},
		{"kv", sl_persona_read_raw, .at = 4096, .size = 4096},
		{"zns", sl_persona_read_raw, .at = 8192, .size = 4096},
	};

	(void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), field);
}

/* ---- "unlisted" and "refused": opcodes that differ from what the effects log says ---- */

static int read_opcode_list(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_array(j, v, 256);
	bool *map = field;
	json_t *item;
	size_t i;

	(void)k;
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		uint64_t opcode;

		sl_pj_enter_index(j, i);
		r = sl_pj_u64(j, item, 0, 255, &opcode);
		sl_pj_leave(j);
		if (r)
			return r;
		map[opcode] = true;
	}
	return 0;
}

int sl_persona_read_opcodes(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"admin", read_opcode_list, .at = offsetof(struct sl_opcodes, admin)},
		{"nvm", read_opcode_list, .at = offsetof(struct sl_opcodes, io[0])},
		{"kv", read_opcode_list, .at = offsetof(struct sl_opcodes, io[1])},
		{"zns", read_opcode_list, .at = offsetof(struct sl_opcodes, io[2])},
	};

	(void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), field);
}

/* ---- features ---- */

static int read_data(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return sl_pj_bytes(j, v, (size_t)k->max, field);
}

static int read_feature_effects(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return read_effect(j, v, field);
}

static int read_feature(struct sl_pj *j, json_t *v, struct sl_persona_feature *f)
{
	static const struct sl_pj_key keys[] = {
		{"current", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_feature, current)},
		{"default", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_feature, dflt)},
		{"saved", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_feature, saved)},
		{"changeable", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona_feature, changeable)},
		{"saveable", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona_feature, saveable)},
		{"namespace_specific", sl_pj_read_bool,
		 SL_PJ_FIELD(struct sl_persona_feature, per_namespace)},
		{"effects", read_feature_effects, SL_PJ_FIELD(struct sl_persona_feature, effects)},
		{"data", read_data, SL_PJ_FIELD(struct sl_persona_feature, data), .max = 4096},
	};
	int r;

	f->changeable = true;
	r = sl_pj_object(j, v, keys, SL_COUNT(keys), f);
	if (r)
		return r;
	f->supported = true;
	if (!json_object_get(v, "default"))
		f->dflt = f->current;
	if (!json_object_get(v, "current"))
		f->current = f->dflt;
	if (!json_object_get(v, "saved"))
		f->saved = f->dflt;
	else if (!f->saveable)
		return sl_pj_fail_at(j, "saved", "the feature is not \"saveable\"");
	return 0;
}

int sl_persona_read_features(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_object(j, v);
	struct sl_persona_feature *f = field;
	const char *key;
	json_t *item;

	(void)k;
	if (r)
		return r;
	json_object_foreach(v, key, item) {
		uint64_t fid;

		if (!strcmp(key, "comment"))
			continue;
		sl_pj_enter(j, key);
		r = sl_pj_key_u64(j, key, 1, 255, &fid);
		if (!r && f[fid].supported)
			r = sl_pj_fail(j, "feature %02llxh is here twice", (unsigned long long)fid);
		if (!r)
			r = read_feature(j, item, &f[fid]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

/* ---- logs ---- */

static int read_log(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"lid", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_log, lid), .required = true},
		{"csi", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_log, csi)},
		{"override", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona_log, override)},
		{"data", read_data, SL_PJ_FIELD(struct sl_persona_log, data),
		 .max = SL_PERSONA_LOG_BYTES_MAX, .required = true},
	};

	(void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), field);
}

int sl_persona_read_logs(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = j->p;
	int r = sl_pj_array(j, v, SL_PERSONA_LOG_MAX, sizeof(*p->logs), read_log, (void **)&p->logs,
			    &p->n_logs);

	(void)field, (void)k;
	for (unsigned a = 0; !r && a < p->n_logs; a++)
		for (unsigned b = 0; !r && b < a; b++)
			if (p->logs[a].lid == p->logs[b].lid && p->logs[a].csi == p->logs[b].csi) {
				sl_pj_enter_index(j, a);
				r = sl_pj_fail(j, "log %02xh is here twice", p->logs[a].lid);
				sl_pj_leave(j);
			}
	return r;
}

int sl_persona_read_lids(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return read_opcode_list(j, v, field, k);
}

/* ---- firmware ---- */

static int read_revisions(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	char(*revision)[9] = field;
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	(void)k;
	if (r)
		return r;
	json_object_foreach(v, key, item) {
		uint64_t slot;

		sl_pj_enter(j, key);
		r = sl_pj_key_u64(j, key, 1, 7, &slot);
		if (!r)
			r = sl_pj_ascii(j, item, 1, revision[slot], 9);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

int sl_persona_read_firmware(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"slots", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_firmware, slots), .min = 1,
		 .max = 7},
		{"slot1_read_only", sl_pj_read_bool,
		 SL_PJ_FIELD(struct sl_persona_firmware, slot1_read_only)},
		{"activate_without_reset", sl_pj_read_bool,
		 SL_PJ_FIELD(struct sl_persona_firmware, activate_without_reset)},
		{"active", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_firmware, active),
		 .min = 1, .max = 7},
		{"next", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_firmware, next), .min = 1,
		 .max = 7},
		{"revisions", read_revisions, SL_PJ_FIELD(struct sl_persona_firmware, revision)},
	};
	(void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), field);
}

/* ---- quirks ---- */

static int read_quirk(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	bool on;
	int r = sl_pj_read_bool(j, v, &on, k);

	if (!r && on)
		((struct sl_persona *)field)->quirks |= (uint32_t)k->max;
	return r;
}

static int read_short(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = field;
	uint64_t n;
	int r = sl_pj_u64(j, v, 0, 4095, &n);

	(void)k;
	if (r)
		return r;
	p->quirks |= SL_QUIRK_EFFECTS_LOG_SHORT;
	p->effects_log_bytes = (uint32_t)n;
	return 0;
}

int sl_persona_read_quirks(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"effects_log_missing", read_quirk, .max = SL_QUIRK_EFFECTS_LOG_MISSING},
		{"effects_log_status", sl_pj_read_uint,
		 SL_PJ_FIELD(struct sl_persona, effects_log_status), .min = 1, .max = 0x7fff},
		{"effects_log_bytes", read_short},
		{"effects_log_ignores_csi", read_quirk, .max = SL_QUIRK_EFFECTS_LOG_IGNORES_CSI},
		{"implements_unlisted", read_quirk, .max = SL_QUIRK_IMPLEMENTS_UNLISTED},
		{"supported_logs_missing", read_quirk, .max = SL_QUIRK_SUPPORTED_LOGS_MISSING},
		{"feature_effects_missing", read_quirk, .max = SL_QUIRK_FEATURE_EFFECTS_MISSING},
		{"ignores_rae", read_quirk, .max = SL_QUIRK_IGNORES_RAE},
		{"reserved_ignored", read_quirk, .max = SL_QUIRK_RESERVED_IGNORED},
	};

	(void)field, (void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), j->p);
}
