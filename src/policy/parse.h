/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the parser: statements are in parse.c, clients and devices in parse-who.c, conditions
 * in parse-where.c. */
#ifndef SL_POLICY_PARSE_H
#define SL_POLICY_PARSE_H

#include "policy/lex.h"

#define SL_INCLUDE_DEPTH    8
#define SL_ALTERNATIVES_MAX 64u /* of one rule, after and/or are spread out */

struct sl_parser {
	struct sl_lexer lexer;
	struct sl_token t; /* the one to look at */
	struct sl_policy *policy;
	struct sl_policy_messages *msgs;
	unsigned depth;
	bool headed; /* the policy statement was seen */
};

/* Words of the language, by what they are; for messages, for editors and for the manual's check. */
enum sl_word_kind {
	SL_WORD_STATEMENT,
	SL_WORD_CLAUSE,
	SL_WORD_WHO,
	SL_WORD_DEVICE,
	SL_WORD_SUBJECT,
	SL_WORD_STATE,
	SL_WORD_OPERATOR,
	SL_WORD_WITH,
	SL_WORD_DOOR,
	SL_WORD_OTHER,
	_SL_WORD_N
};
struct sl_word {
	const char *text;
	uint8_t kind; /* enum sl_word_kind */
	uint32_t value;
};
extern const struct sl_word sl_words[];
/* Finds a word of a kind; NULL: there is none. */
const struct sl_word *sl_word_find(unsigned kind, const char *text, size_t len);
bool sl_word_reserved(const char *text, size_t len);
/* The word for an enum sl_door; NULL: there is none. */
const char *sl_word_door(unsigned door);

void sl_next(struct sl_parser *p);
bool sl_is(const struct sl_parser *p, const char *text); /* the token is this sign or word */
bool sl_take(struct sl_parser *p, const char *text);
int sl_expect(struct sl_parser *p, const char *text, const char *why);
/* "expected WHAT, found …" at the token. Returns -EBADMSG. */
int sl_fail(struct sl_parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A word that a policy may define; in the arena. */
int sl_parse_name(struct sl_parser *p, const char *what, struct sl_place *ret_at,
		  const char **ret_name);
int sl_parse_string(struct sl_parser *p, const char *what, const char **ret);
int sl_parse_number(struct sl_parser *p, const char *what, uint64_t *ret);

int sl_parse_who(struct sl_parser *p, uint32_t *ret_n, struct sl_who_all **ret);
int sl_parse_device(struct sl_parser *p, uint32_t *ret_n, struct sl_device_all **ret);
int sl_parse_items(struct sl_parser *p, uint32_t *ret_n, struct sl_item **ret);
/* Conditions up to the end of the clause. */
int sl_parse_where(struct sl_parser *p, struct sl_any *ret);
/* cdwN[h:l], log[h:l] or a name; *ret_name is NULL where the bits are given. */
int sl_parse_bits(struct sl_parser *p, const char **ret_name, struct sl_field *ret);
int sl_parse_with(struct sl_parser *p, struct sl_rule_def *rule, struct sl_any *extra);
/* Both hold. -EBADMSG with a message at `at` when there are too many alternatives. */
int sl_any_and(struct sl_parser *p, struct sl_place at, struct sl_any a, struct sl_any b,
	       struct sl_any *ret);
struct sl_any sl_any_of(struct sl_arena *a, struct sl_term *t);
/* A sorted set without overlaps. */
void sl_interval_tidy(struct sl_interval *set, uint32_t *n);

/* Checks of meaning, once a class or a rule is read. */
int sl_check_items(struct sl_parser *p, const struct sl_item *items, uint32_t n,
		   const struct sl_any *where);
int sl_check_rule(struct sl_parser *p, struct sl_rule_def *rule);

/* The entry of names[0…n) closest to text, if it is close; else NULL. */
const char *sl_nearest(const char *text, const char *(*name)(unsigned i, const void *ctx),
		       const void *ctx);

#endif
