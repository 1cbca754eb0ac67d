/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, sets and the `with` clause. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/parse.h"

#include "spec/names.h"

static struct sl_term *new_term(struct sl_parser *p, enum sl_term_kind kind)
{
	struct sl_term *t = sl_arena_get(&p->policy->arena, sizeof(*t));

	t->at = p->t.at;
	t->kind = (uint8_t)kind;
	return t;
}

struct sl_any sl_any_of(struct sl_arena *a, struct sl_term *t)
{
	struct sl_all *all = sl_arena_get(a, sizeof(*all));

	*(struct sl_term **)sl_arena_push(a, &all->term, &all->n, sizeof(t)) = t;
	return (struct sl_any){.n = 1, .all = all};
}

int sl_any_and(struct sl_parser *p, struct sl_place at, struct sl_any a, struct sl_any b,
	       struct sl_any *ret)
{
	struct sl_arena *arena = &p->policy->arena;
	struct sl_any r = {0};

	if (!a.n || !b.n) {
		*ret = a.n ? a : b;
		return 0;
	}
	if ((uint64_t)a.n * b.n > SL_ALTERNATIVES_MAX)
		return sl_policy_error(p->msgs, at,
				       "more than %u alternatives: write several rules",
				       SL_ALTERNATIVES_MAX);
	for (uint32_t i = 0; i < a.n; i++)
		for (uint32_t k = 0; k < b.n; k++) {
			struct sl_all *all = sl_arena_push(arena, &r.all, &r.n, sizeof(*all));

			for (uint32_t t = 0; t < a.all[i].n + b.all[k].n; t++)
				*(struct sl_term **)sl_arena_push(arena, &all->term, &all->n,
								  sizeof(struct sl_term *)) =
					t < a.all[i].n ? a.all[i].term[t]
						       : b.all[k].term[t - a.all[i].n];
		}
	*ret = r;
	return 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct sl_interval *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void sl_interval_tidy(struct sl_interval *set, uint32_t *n)
{
	uint32_t k = 0;

	if (*n == 0)
		return;
	qsort(set, *n, sizeof(*set), by_lo);
	for (uint32_t i = 1; i < *n; i++) {
		if (set[k].hi == UINT64_MAX || set[i].lo <= set[k].hi + 1) {
			if (set[i].hi > set[k].hi)
				set[k].hi = set[i].hi;
		} else {
			set[++k] = set[i];
		}
	}
	*n = k + 1;
}

/* Names that may stand for values. */
typedef const char *name_fn(unsigned i);

static int parse_value(struct sl_parser *p, name_fn *name, const char *what, uint64_t *ret)
{
	const char *s;

	if (!name)
		return sl_parse_number(p, what, ret);
	for (unsigned i = 0; (s = name(i)); i++)
		if (sl_take(p, s)) {
			*ret = i;
			return 0;
		}
	char all[160] = "";
	size_t n = 0;

	for (unsigned i = 0; (s = name(i)) && n < sizeof(all); i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", s);
	return sl_fail(p, "%s (%s)", what, all);
}

static int parse_interval(struct sl_parser *p, name_fn *name, const char *what,
			  struct sl_interval *ret)
{
	struct sl_place at = p->t.at;
	int r = parse_value(p, name, what, &ret->lo);

	ret->hi = ret->lo;
	if (r == 0 && sl_take(p, ".."))
		r = parse_value(p, name, "the end of the range", &ret->hi);
	if (r == 0 && ret->hi < ret->lo)
		return sl_policy_error(p->msgs, at, "the range ends before it begins");
	return r;
}

/* { a, b..c } */
static int parse_value_set(struct sl_parser *p, name_fn *name, struct sl_term *t)
{
	int r = sl_expect(p, "{", "before the values");

	while (r == 0) {
		struct sl_interval v;

		r = parse_interval(p, name, "a value", &v);
		if (r < 0)
			break;
		*(struct sl_interval *)sl_arena_push(&p->policy->arena, &t->set, &t->n_set,
						     sizeof(v)) = v;
		if (sl_take(p, "}"))
			break;
		if (!sl_take(p, ","))
			r = sl_fail(p, "',' or '}' after a value");
	}
	sl_interval_tidy(t->set, &t->n_set);
	return r;
}

static void one_interval(struct sl_parser *p, struct sl_term *t, uint64_t lo, uint64_t hi)
{
	*(struct sl_interval *)sl_arena_push(&p->policy->arena, &t->set, &t->n_set,
					     sizeof(*t->set)) = (struct sl_interval){lo, hi};
}

/* The comparison of a value: = != < <= > >= in, not in. */
static int parse_compare(struct sl_parser *p, name_fn *name, const char *subject, struct sl_term *t)
{
	static const char *const signs[] = {"=", "!=", "<=", ">=", "<", ">"};
	struct sl_interval v;
	unsigned k;
	int r;

	t->op = SL_OP_IN;
	if (sl_take(p, "not")) {
		t->negate = true;
		if (!sl_is(p, "in"))
			return sl_fail(p, "'in' after 'not'");
	}
	if (sl_take(p, "in"))
		return parse_value_set(p, name, t);
	for (k = 0; k < sizeof(signs) / sizeof(signs[0]); k++)
		if (sl_take(p, signs[k]))
			break;
	if (k == sizeof(signs) / sizeof(signs[0]))
		return sl_fail(p, "=, !=, <, <=, >, >=, in or not in after '%s'", subject);
	struct sl_place at = p->t.at;

	if (sl_is(p, "{"))
		return sl_fail(p, "one value; a set follows 'in'");
	r = parse_interval(p, name, "a value", &v);
	if (r < 0)
		return r;
	if (k > 1 && v.lo != v.hi)
		return sl_policy_error(p->msgs, at, "'%s' compares with one value, not a range",
				       signs[k]);
	t->negate = k == 1;
	if (k <= 1)
		one_interval(p, t, v.lo, v.hi);
	else if (k == 2)
		one_interval(p, t, 0, v.lo);
	else if (k == 3)
		one_interval(p, t, v.lo, UINT64_MAX);
	else if (k == 4 && v.lo > 0)
		one_interval(p, t, 0, v.lo - 1);
	else if (k == 5 && v.lo < UINT64_MAX)
		one_interval(p, t, v.lo + 1, UINT64_MAX);
	else
		return sl_policy_error(p->msgs, at, "nothing is %s than that",
				       k == 4 ? "less" : "greater");
	return 0;
}

static int parse_bit_name(struct sl_parser *p, name_fn *name, bool effects, uint32_t *bits)
{
	char text[64];
	const char *s;

	if (sl_take(p, "none"))
		return 0;
	if (effects && sl_take(p, "mutating")) {
		*bits |= SL_E_MUTATING;
		return 0;
	}
	for (unsigned i = 0; (s = name(i)); i++)
		if (sl_take(p, s)) {
			*bits |= 1u << i;
			return 0;
		}
	if (p->t.kind != SL_TOK_WORD)
		return sl_fail(p, effects ? "an effect" : "a scope");
	(void)snprintf(text, sizeof(text), "%.*s", (int)p->t.len, p->t.text);
	/* sl_nearest hands its names a context; here none is needed. */
	char all[400] = "";
	size_t n = 0;

	for (unsigned i = 0; (s = name(i)) && n < sizeof(all); i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", s);
	return sl_policy_error(p->msgs, p->t.at, "there is no %s '%s'; there are none, %s",
			       effects ? "effect" : "scope", text, all);
}

static int parse_bit_set(struct sl_parser *p, name_fn *name, bool effects, uint32_t *ret)
{
	int r = 0;

	*ret = 0;
	if (!sl_take(p, "{"))
		return parse_bit_name(p, name, effects, ret);
	if (sl_take(p, "}"))
		return 0;
	while (r == 0) {
		r = parse_bit_name(p, name, effects, ret);
		if (r < 0 || sl_take(p, "}"))
			break;
		if (!sl_take(p, ","))
			r = sl_fail(p, "',' or '}' after a name");
	}
	return r;
}

/* effects within {…}, effects has any {…}, effects has none {…}, effects = {…}; scope likewise */
static int parse_bits_test(struct sl_parser *p, bool effects, struct sl_term *t)
{
	name_fn *name = effects ? sl_effect_name : sl_scope_name;
	struct sl_place at;
	int r;

	if (sl_take(p, "not")) {
		t->negate = true;
		if (!sl_is(p, "within"))
			return sl_fail(p, "'within' after 'not'");
	}
	if (sl_take(p, "within")) {
		t->op = SL_OP_WITHIN;
	} else if (sl_take(p, "has")) {
		t->op = SL_OP_ANY;
		if (sl_take(p, "none"))
			t->negate = true;
		else if (!sl_take(p, "any"))
			return sl_fail(p, "'any' or 'none' after 'has'");
	} else if (sl_take(p, "=")) {
		t->op = SL_OP_EQUAL;
	} else if (sl_take(p, "!=")) {
		t->op = SL_OP_EQUAL;
		t->negate = true;
	} else {
		return sl_fail(p, "within, not within, has any, has none, = or !=");
	}
	at = p->t.at;
	r = parse_bit_set(p, name, effects, &t->bits);
	if (r < 0)
		return r;
	if (t->op == SL_OP_ANY && !t->bits)
		return sl_policy_error(p->msgs, at, "'has' needs at least one name");
	/* Whoever admits the unknown admits everything. */
	if (effects && t->op != SL_OP_ANY && (t->bits & SL_E_UNKNOWN))
		t->bits = SL_E_ALL;
	return 0;
}

/* The bits after cdwN or log: [high:low], [bit], or nothing for all of them. */
static int parse_bit_range(struct sl_parser *p, struct sl_field *f)
{
	struct sl_place at = p->t.at;
	uint64_t hi, lo;
	int r;

	f->width = 32;
	if (!sl_take(p, "["))
		return 0;
	r = sl_parse_number(p, "the highest bit", &hi);
	if (r < 0)
		return r;
	lo = hi;
	if (sl_take(p, ":")) {
		r = sl_parse_number(p, "the lowest bit", &lo);
		if (r < 0)
			return r;
	}
	r = sl_expect(p, "]", "after the bits");
	if (r < 0)
		return r;
	if (hi > 31 || lo > hi)
		return sl_policy_error(
			p->msgs, at, "bits are written [high:low], 31 at most, as in cdw10[15:8]");
	f->shift = (uint8_t)lo;
	f->width = (uint8_t)(hi - lo + 1);
	return 0;
}

#define FIELD_PREFIX "field."

int sl_parse_bits(struct sl_parser *p, const char **ret_name, struct sl_field *ret)
{
	const struct sl_token *t = &p->t;

	*ret_name = NULL;
	*ret = (struct sl_field){.bytes = 4};
	if (t->kind != SL_TOK_WORD)
		return sl_fail(p, "a field");
	if (sl_take(p, "log")) {
		ret->space = SL_SPACE_DECL;
		return parse_bit_range(p, ret);
	}
	if (t->len > 3 && t->len < 6 && memcmp(t->text, "cdw", 3) == 0) {
		unsigned dword = 0;

		for (size_t i = 3; i < t->len; i++) {
			if (t->text[i] < '0' || t->text[i] > '9')
				goto name;
			dword = dword * 10 + (unsigned)(t->text[i] - '0');
		}
		if (dword >= SL_REQ_MAX / 4)
			return sl_policy_error(p->msgs, t->at,
					       "a command has dwords cdw0 to cdw15");
		ret->space = SL_SPACE_REQ;
		ret->off = (uint8_t)(4 * dword);
		sl_next(p);
		return parse_bit_range(p, ret);
	}
name:
	for (uint32_t i = 0; i < p->policy->n_fields; i++) {
		struct sl_field_def *d = p->policy->fields[i];

		if (!sl_is(p, d->name))
			continue;
		d->used = true;
		*ret = d->field;
		sl_next(p);
		return 0;
	}
	/* field.length: the command's own field where the language has a word of that name. */
	if (t->len > strlen(FIELD_PREFIX) &&
	    memcmp(t->text, FIELD_PREFIX, strlen(FIELD_PREFIX)) == 0)
		*ret_name = sl_arena_str(&p->policy->arena, t->text + strlen(FIELD_PREFIX),
					 t->len - strlen(FIELD_PREFIX));
	else if (sl_word_reserved(t->text, t->len) && !sl_word_find(SL_WORD_OTHER, t->text, t->len))
		return sl_fail(p, "a field");
	else
		*ret_name = sl_arena_str(&p->policy->arena, t->text, t->len);
	sl_next(p);
	return 0;
}

static int parse_subject(struct sl_parser *p, const struct sl_word *word, struct sl_term *t)
{
	const char *s = word->text;

	sl_next(p);
	if (strcmp(s, "scope") == 0) {
		t->kind = SL_TERM_SCOPE;
		return parse_bits_test(p, false, t);
	}
	if (strcmp(s, "trust") == 0) {
		t->kind = SL_TERM_TRUST;
		return parse_compare(p, sl_trust_name, s, t);
	}
	if (strcmp(s, "length") == 0) {
		t->kind = SL_TERM_LENGTH;
		return parse_compare(p, NULL, s, t);
	}
	if (strcmp(s, "door") == 0) {
		t->kind = SL_TERM_DOOR;
		return parse_compare(p, sl_word_door, s, t);
	}
	t->kind = SL_TERM_EFFECTS;
	t->subject = (uint8_t)word->value;
	return parse_bits_test(p, true, t);
}

static int parse_term(struct sl_parser *p, struct sl_any *ret)
{
	struct sl_term *t = new_term(p, SL_TERM_FIELD);
	const struct sl_word *word;
	char subject[40];
	int r;

	if (sl_take(p, "not")) {
		t->negate = true;
		if (p->t.kind != SL_TOK_WORD || !sl_word_find(SL_WORD_STATE, p->t.text, p->t.len))
			return sl_fail(p, "a state after 'not' (writable, claimed, in-use, listed, "
					  "caught, node-namespace, one-page)");
	}
	if (p->t.kind != SL_TOK_WORD)
		return sl_fail(p, "a condition");
	(void)snprintf(subject, sizeof(subject), "%.*s", (int)p->t.len, p->t.text);
	word = sl_word_find(SL_WORD_STATE, p->t.text, p->t.len);
	if (word) {
		t->kind = SL_TERM_STATE;
		t->bits = word->value;
		sl_next(p);
		*ret = sl_any_of(&p->policy->arena, t);
		return 0;
	}
	word = sl_word_find(SL_WORD_SUBJECT, p->t.text, p->t.len);
	if (word) {
		r = parse_subject(p, word, t);
	} else {
		r = sl_parse_bits(p, &t->name, &t->field);
		if (r == 0)
			r = parse_compare(p, NULL, subject, t);
	}
	if (r == 0)
		*ret = sl_any_of(&p->policy->arena, t);
	return r;
}

static int parse_or(struct sl_parser *p, unsigned depth, struct sl_any *ret);

static int parse_and(struct sl_parser *p, unsigned depth, struct sl_any *ret)
{
	struct sl_any a = {0}, b = {0};
	int r;

	do {
		struct sl_place at = p->t.at;

		if (sl_is(p, "(")) {
			if (depth == 8)
				return sl_policy_error(p->msgs, at, "too many parentheses");
			sl_next(p);
			r = parse_or(p, depth + 1, &b);
			if (r == 0)
				r = sl_expect(p, ")", "after the conditions in parentheses");
		} else {
			r = parse_term(p, &b);
		}
		if (r == 0)
			r = sl_any_and(p, at, a, b, &a);
		if (r < 0)
			return r;
	} while (sl_take(p, "and"));
	*ret = a;
	return 0;
}

static int parse_or(struct sl_parser *p, unsigned depth, struct sl_any *ret)
{
	struct sl_any a = {0}, b = {0};

	do {
		struct sl_place at = p->t.at;
		int r = parse_and(p, depth, &b);

		if (r < 0)
			return r;
		if (a.n + b.n > SL_ALTERNATIVES_MAX)
			return sl_policy_error(p->msgs, at,
					       "more than %u alternatives: write several rules",
					       SL_ALTERNATIVES_MAX);
		for (uint32_t i = 0; i < b.n; i++)
			*(struct sl_all *)sl_arena_push(&p->policy->arena, &a.all, &a.n,
							sizeof(*a.all)) = b.all[i];
	} while (sl_take(p, "or"));
	*ret = a;
	return 0;
}

int sl_parse_where(struct sl_parser *p, struct sl_any *ret)
{
	return parse_or(p, 0, ret);
}

static int parse_fence(struct sl_parser *p, struct sl_any *ret)
{
	struct sl_term *t = new_term(p, SL_TERM_FENCE);
	struct sl_interval v = {0, UINT64_MAX};
	struct sl_place at;
	uint64_t nsid;
	int r = sl_expect(p, "namespace", "after 'fence'");

	if (r < 0)
		return r;
	at = p->t.at;
	r = sl_parse_number(p, "a namespace's number", &nsid);
	if (r < 0)
		return r;
	if (nsid == 0 || nsid >= UINT32_MAX)
		return sl_policy_error(p->msgs, at, "a fence is around one namespace, 1 or more");
	if (sl_take(p, "lba")) {
		at = p->t.at;
		r = parse_interval(p, NULL, "a range of blocks like 0..1023", &v);
		if (r < 0)
			return r;
	}
	t->nsid = (uint32_t)nsid;
	one_interval(p, t, v.lo, v.hi);
	*ret = sl_any_of(&p->policy->arena, t);
	return 0;
}

static int parse_set_to(struct sl_parser *p, struct sl_rule_def *rule)
{
	struct sl_set_to s = {.at = p->t.at};
	int r = sl_parse_bits(p, &s.name, &s.field);

	if (r == 0)
		r = sl_expect(p, "=", "and the value to set the field to");
	if (r == 0)
		r = sl_parse_number(p, "the value to set the field to", &s.value);
	if (r < 0)
		return r;
	if (!s.name && s.field.space != SL_SPACE_REQ)
		return sl_policy_error(p->msgs, s.at, "only fields of the command can be set");
	*(struct sl_set_to *)sl_arena_push(&p->policy->arena, &rule->sets, &rule->n_sets,
					   sizeof(s)) = s;
	return 0;
}

int sl_parse_with(struct sl_parser *p, struct sl_rule_def *rule, struct sl_any *extra)
{
	int r;

	do {
		struct sl_place at = p->t.at;
		struct sl_any cond = {0};
		uint64_t zero;

		r = 0;
		if (sl_take(p, "alone")) {
			rule->flags |= SL_RULE_ALONE;
		} else if (sl_take(p, "durable")) {
			rule->flags |= SL_RULE_DURABLE;
		} else if (sl_take(p, "fence")) {
			r = parse_fence(p, &cond);
		} else if (sl_is(p, "length")) {
			r = parse_term(p, &cond);
		} else if (sl_take(p, "reserved")) {
			r = sl_expect(p, "=", "0 after 'reserved'");
			if (r == 0)
				r = sl_parse_number(p, "0 after 'reserved ='", &zero);
			if (r == 0 && zero)
				return sl_policy_error(p->msgs, at,
						       "reserved bits can only be set to 0");
			rule->flags |= SL_RULE_RESERVED_0;
		} else if (p->t.kind == SL_TOK_WORD) {
			r = parse_set_to(p, rule);
		} else {
			r = sl_fail(p,
				    "alone, durable, length, fence, reserved = 0 or FIELD = VALUE");
		}
		if (r == 0)
			r = sl_any_and(p, at, *extra, cond, extra);
		if (r < 0)
			return r;
	} while (sl_take(p, ","));
	return 0;
}
