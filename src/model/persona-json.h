/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a persona file is read: objects by tables of keys, every value with a type and a range, every
 * message with the place it is about. Private to the loader; knows JSON, nothing of devices.
 */
#ifndef SL_MODEL_PERSONA_JSON_H
#define SL_MODEL_PERSONA_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/persona.h"

/* One step of the path from the root to the value being read. */
struct sl_pj_step {
	const char *key; /* NULL: index */
	size_t index;
};

/* Opcodes that work though the effects log does not list them, or the other way round. */
struct sl_opcodes {
	bool admin[256];
	bool io[SL_PERSONA_CSI_N][256];
};

struct sl_pj {
	const char *file;
	const char *text;
	size_t len;
	struct sl_diag *diag;
	unsigned depth;
	struct sl_pj_step path[SL_PERSONA_DEPTH_MAX + 1];
	struct sl_persona *p; /* what is being built */
	struct sl_opcodes unlisted, refused;
	bool lids_given; /* "supported_logs" is there */
};

struct sl_pj_key;
/* Reads v into *field. 0 or -errno; it has reported through sl_pj_fail. */
typedef int (*sl_pj_read)(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);

/* One key of an object. `at` is the offset of its field in the target structure. */
struct sl_pj_key {
	const char *key;
	sl_pj_read read;
	size_t at;
	uint64_t min, max; /* of numbers; of strings and bytes: length (max 0: see size) */
	size_t size;	   /* of the field: 1, 2, 4, 8 for numbers; buffer size for strings */
	bool required;
};

#define SL_PJ_FIELD(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* Reports at the current path; always returns -EINVAL. The first message of a load wins. */
int sl_pj_fail(struct sl_pj *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Reports at `key` of the current path. */
int sl_pj_fail_at(struct sl_pj *j, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int sl_pj_nomem(struct sl_pj *j);

void sl_pj_enter(struct sl_pj *j, const char *key);
void sl_pj_enter_index(struct sl_pj *j, size_t index);
void sl_pj_leave(struct sl_pj *j);
/* Messages at the innermost level are about its key, not its value. */
void sl_pj_about_key(struct sl_pj *j, bool on);

/*
 * Reads object v by the table into target. Unknown keys, missing required keys and other types are
 * errors; "comment" (a string or strings) is allowed everywhere. Keys are read in the table's
 * order.
 */
int sl_pj_object(struct sl_pj *j, json_t *v, const struct sl_pj_key *keys, size_t n, void *target);
/* The same, and its numbers that `fields` names go to buf. */
struct sl_field;
int sl_pj_object_fields(struct sl_pj *j, json_t *v, const struct sl_pj_key *keys, size_t n,
			void *target, const struct sl_field *fields, size_t n_fields, uint8_t *buf);
/* Fails unless v is an object / an array of at most max items. */
int sl_pj_want_object(struct sl_pj *j, json_t *v);
int sl_pj_want_array(struct sl_pj *j, json_t *v, size_t max);

/*
 * Reads an array into newly allocated items of `size` bytes, each by `item`; *ret and *ret_n belong
 * to the caller also on failure (what was read so far), so that its free function sees them.
 */
int sl_pj_array(struct sl_pj *j, json_t *v, size_t max, size_t size, sl_pj_read item, void **ret,
		unsigned *ret_n);

/* A number: a JSON integer, or a string with a decimal or 0x number. */
int sl_pj_u64(struct sl_pj *j, json_t *v, uint64_t min, uint64_t max, uint64_t *ret);
/* The same in text. */
int sl_pj_u64_text(struct sl_pj *j, const char *s, uint64_t min, uint64_t max, uint64_t *ret);
/* The innermost key as a number. */
int sl_pj_key_u64(struct sl_pj *j, const char *key, uint64_t min, uint64_t max, uint64_t *ret);
int sl_pj_i64(struct sl_pj *j, json_t *v, int64_t *ret);
int sl_pj_string(struct sl_pj *j, json_t *v, const char **ret);
/* Printable ASCII of 1 to size-1 characters into buf. */
int sl_pj_ascii(struct sl_pj *j, json_t *v, size_t min, char *buf, size_t size);
/* One of n words: its index. */
int sl_pj_word(struct sl_pj *j, json_t *v, const char *const *words, size_t n, unsigned *ret);
/*
 * Bytes: "hex digits, spaces allowed", or {"text": …}, {"hex": …}, each with an optional "length"
 * that repeats it. 1 … max bytes.
 */
int sl_pj_bytes(struct sl_pj *j, json_t *v, size_t max, struct sl_bytes *ret);
/* Hex of exactly n bytes into buf. */
int sl_pj_hex_exact(struct sl_pj *j, json_t *v, size_t n, uint8_t *buf);
/* An object whose keys are offsets and whose values are bytes, laid over buf. */
int sl_pj_overlay(struct sl_pj *j, json_t *v, uint8_t *buf, size_t size);

/* Readers for tables. */
int sl_pj_read_uint(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_pj_read_bool(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_pj_read_ascii(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_pj_read_name(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_pj_read_skip(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);

/*
 * The persona's sections, one file each. Each takes the section's value (NULL: absent) and fills
 * j->p.
 */
int sl_persona_read_identify(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_raw(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_smart(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_effects(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_effects_raw(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_opcodes(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_features(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_logs(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_lids(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_firmware(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_quirks(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_namespaces(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
/* First content: an array into a struct sl_persona_ns. */
int sl_persona_read_content(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_variables(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_vendor(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_rules(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_persona_read_drift(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);

/* Parts shared by vendor commands and rules. */
/* The largest number that says how a command ended, in the protocol's words. */
uint64_t sl_persona_status_max(const struct sl_persona *p);
int sl_persona_read_match(struct sl_pj *j, json_t *v, const char *const *also, size_t n_also,
			  struct sl_match *ret);
int sl_persona_read_states(struct sl_pj *j, json_t *v, struct sl_match_state **ret,
			   unsigned *ret_n);
/* deferred: only what needs no command. before: only what can be done before it runs. */
enum { SL_DO_BEFORE = 1, SL_DO_AFTER = 2, SL_DO_ALONE = 4 };
int sl_persona_read_dos(struct sl_pj *j, json_t *v, unsigned when, struct sl_do **ret,
			unsigned *ret_n);
int sl_persona_read_state_name(struct sl_pj *j, const char *name, struct sl_state_ref *ret);
/* The same where the name is the innermost key. */
int sl_persona_read_state_key(struct sl_pj *j, const char *name, struct sl_state_ref *ret);

void sl_match_done(struct sl_match *m);
void sl_dos_free(struct sl_do *dos, unsigned n);

/* What the file left open, and what must fit together across sections. */
int sl_persona_complete(struct sl_pj *j, json_t *root);

/* Fields of the structures that the specification defines, by its names. */
struct sl_field {
	const char *name;
	uint16_t offset;
	uint8_t size; /* bytes; a number, little-endian */
};
extern const struct sl_field sl_fields_id_ctrl[];
extern const size_t sl_fields_id_ctrl_n;
extern const struct sl_field sl_fields_id_ns[];
extern const size_t sl_fields_id_ns_n;
extern const struct sl_field sl_fields_id_zns[];
extern const size_t sl_fields_id_zns_n;
extern const struct sl_field sl_fields_smart[];
extern const size_t sl_fields_smart_n;
extern const struct sl_field sl_fields_psd[]; /* one power state descriptor */
extern const size_t sl_fields_psd_n;
const struct sl_field *sl_field_find(const struct sl_field *f, size_t n, const char *name);

/* Which capability bit of OACS (io: ONCS) a command stands for. */
struct sl_persona_capability {
	bool io;
	uint8_t opcode;
	uint16_t bit;
};
extern const struct sl_persona_capability sl_persona_capabilities[];
extern const size_t sl_persona_capabilities_n;

/* An entry of an effects log as a persona writes it: words, or a number. Returns buf. */
const char *sl_persona_effect_text(uint32_t word, char *buf, size_t size);

/* Reads a number into the field of buf. */
int sl_pj_field(struct sl_pj *j, json_t *v, const struct sl_field *f, uint8_t *buf);

#endif
