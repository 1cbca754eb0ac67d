/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as it was written: names resolved, nothing expanded. The compiler, the slow evaluator
 * and the analyses all start from here, and none of them from another.
 */
#ifndef SL_POLICY_AST_H
#define SL_POLICY_AST_H

#include "core/table.h"
#include "policy/policy.h"

/* Everything of a policy is freed at once. */
struct sl_arena {
	struct sl_arena_chunk *chunks;
	size_t used, size;
};

void *sl_arena_get(struct sl_arena *a, size_t size);
char *sl_arena_str(struct sl_arena *a, const char *s, size_t n);
/* Grows an array of `elem`-sized items by one and returns the new, zeroed item. */
void *sl_arena_push(struct sl_arena *a, void *array, uint32_t *n, size_t elem);
void sl_arena_done(struct sl_arena *a);

struct sl_text {
	const char *file;
	const char *text;
	size_t size;
	struct sl_text *parent; /* who included it */
};

/* A place in a source, for messages. */
struct sl_place {
	const struct sl_text *source;
	unsigned line, column;
};

struct sl_interval {
	uint64_t lo, hi;
};

enum sl_term_kind {
	SL_TERM_FIELD, /* a field of the request, or bits of the declaration word, lies in a set */
	SL_TERM_LENGTH,
	SL_TERM_TRUST,
	SL_TERM_DOOR,
	SL_TERM_EFFECTS, /* `subject` says whose */
	SL_TERM_SCOPE,
	SL_TERM_STATE,
	SL_TERM_FENCE,
};

enum sl_term_op {
	SL_OP_IN, /* the value is in `set` */
	SL_OP_WITHIN,
	SL_OP_ANY,
	SL_OP_EQUAL,
};

/* One condition. */
struct sl_term {
	struct sl_place at;
	uint8_t kind;	 /* enum sl_term_kind */
	uint8_t op;	 /* enum sl_term_op */
	uint8_t subject; /* enum sl_subject */
	bool negate;
	const char *name;      /* FIELD: the name to look up in the row's format; NULL: `field` */
	struct sl_field field; /* FIELD without a name: the bits themselves */
	uint32_t n_set;
	struct sl_interval *set; /* sorted, disjoint, not adjacent */
	uint32_t bits;		 /* EFFECTS, SCOPE: the set; STATE: the bit */
	uint32_t nsid;		 /* FENCE; `set` has its blocks */
};

/* Alternatives of conjunctions; none at all is true. */
struct sl_all {
	uint32_t n;
	struct sl_term **term;
};
struct sl_any {
	uint32_t n;
	struct sl_all *all;
};

/* What a rule is about. */
struct sl_item {
	struct sl_place at;
	const char *name;	/* a command, a pattern, or a class; NULL: anything */
	struct sl_class *class; /* NULL: `name` is a pattern of row names */
	const uint32_t *rows;	/* a bit for every row that it names, before conditions */
};

struct sl_class {
	struct sl_place at;
	const char *name;
	uint32_t n_items;
	struct sl_item *items;
	struct sl_any where;
	bool used;
};

/* A conjunction over the client, as struct sl_who. */
struct sl_who_all {
	uint32_t asks;
	uint32_t uid_lo, uid_hi, gid_lo, gid_hi;
	const char *label;
};
struct sl_who_def {
	struct sl_place at;
	const char *name;
	uint32_t n;
	struct sl_who_all *all;
	bool used;
};

/* A conjunction over the device, as struct sl_where. NULL: not asked. */
struct sl_device_all {
	const char *vendor, *model, *firmware, *serial, *name;
	uint32_t protocol;
};
struct sl_device_def {
	struct sl_place at;
	const char *name;
	uint32_t n;
	struct sl_device_all *all;
	bool used;
};

/* A name for bits, defined in the policy. */
struct sl_field_def {
	struct sl_place at;
	const char *name;
	struct sl_field field;
	bool used;
};

struct sl_set_to {
	struct sl_place at;
	const char *name;
	struct sl_field field; /* when name is NULL */
	uint64_t value;
};

struct sl_rule_def {
	struct sl_place at;
	uint8_t verb;  /* SL_VERB_ALLOW or SL_VERB_DENY */
	uint8_t flags; /* enum sl_rule_flag: obligations, RESERVED_0 */
	uint32_t n_who;
	struct sl_who_all *who; /* alternatives; none: everybody */
	uint32_t n_device;
	struct sl_device_all *device; /* alternatives; none: every device */
	uint32_t n_items;
	struct sl_item *items;
	struct sl_any where; /* with the fences and lengths of its `with` */
	uint32_t n_sets;
	struct sl_set_to *sets;
};

struct sl_observe {
	struct sl_place at;
	uint64_t until;
	uint32_t n_device;
	struct sl_device_all *device;
};

struct sl_policy {
	struct sl_arena arena;
	const char *name;
	struct sl_place at; /* where it says its name */
	uint64_t version;
	uint32_t flags; /* enum sl_image_flag */
	uint32_t n_rules, n_classes, n_whos, n_devices, n_fields, n_observes;
	struct sl_rule_def *rules;
	struct sl_class **classes;
	struct sl_who_def **whos;
	struct sl_device_def **devices;
	struct sl_field_def **fields;
	struct sl_observe *observes;
};

/* A message at a place. NULL msgs is allowed. Returns -EBADMSG. */
int sl_policy_error(struct sl_policy_messages *msgs, struct sl_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void sl_policy_warning(struct sl_policy_messages *msgs, struct sl_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Words of a bitmap over all rows, and its bits. */
static inline uint32_t sl_rowset_words(void)
{
	return (sl_row_count + 31) / 32;
}
static inline bool sl_rowset_has(const uint32_t *rows, uint32_t row)
{
	return rows[row / 32] >> (row % 32) & 1;
}

/*
 * May a rule pass over a row that lacks a field it asks for? Only where nothing could be allowed
 * anyway, because the row is not comprehended.
 */
bool sl_row_opaque(uint16_t row);
/* Does a row's name, or that of the command it belongs to, fit the pattern? */
bool sl_pattern_row(const char *pattern, uint16_t row);
/* A '*' in the pattern stands for one character or more. */
bool sl_pattern_match(const char *pattern, const char *text);
/* A device string: a final '*' matches any rest. */
bool sl_pattern_like(const char *pattern, const char *text);
/* The field that a term or an assignment means on a row; false: the row has no such field. */
bool sl_term_field(const struct sl_term *t, uint16_t row, struct sl_field *ret);
bool sl_name_field(const char *name, uint16_t row, struct sl_field *ret);
bool sl_interval_has(const struct sl_interval *set, uint32_t n, uint64_t v);

#endif
