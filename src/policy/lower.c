/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From conditions as written to those of the image. A condition is never dropped because it is
 * always or never true: on what is not known it still has a third value.
 */
#include <errno.h>
#include <string.h>

#include "core/table.h"
#include "policy/compile.h"

#define RANGES_MAX 64u /* separate ranges of one set, beyond what a bitmap takes */

struct lowering {
	struct sl_compiler *c;
	struct sl_place at;
	const struct sl_term *t;
	/* Alternatives of this term: each a conjunction. */
	uint32_t n;
	struct sl_cond_list *alt;
};

static struct sl_cond_list *alternative(struct lowering *l)
{
	return sl_arena_push(&l->c->arena, &l->alt, &l->n, sizeof(*l->alt));
}

static void add(struct sl_cond_list *list, struct sl_cond cond)
{
	if (list->n == SL_CONDS_MAX)
		list->too_many = true;
	else
		list->c[list->n++] = cond;
}

static struct sl_cond bitmap_cond(struct lowering *l, const struct sl_field *f,
				  const struct sl_interval *set, uint32_t n)
{
	struct sl_bitmap b = {0};

	for (uint32_t i = 0; i < n; i++)
		for (uint64_t v = set[i].lo; v <= set[i].hi && v < 256; v++)
			b.bits[v / 64] |= UINT64_C(1) << (v % 64);
	return (struct sl_cond){
		.kind = SL_COND_FIELD_BITMAP,
		.field = *f,
		.a = sl_pool_intern(&l->c->bitmaps, &b, 1),
	};
}

/* A value in a set, as few conditions as the set allows. `proto` has kind and field of a range. */
static int lower_values(struct lowering *l, struct sl_cond proto, uint64_t mask)
{
	const struct sl_term *t = l->t;
	struct sl_cond cond[RANGES_MAX + 1];
	uint32_t n = 0, small = 0;

	if (t->n_set == 2 && t->set[0].lo == 0 && t->set[1].hi >= mask) {
		proto.a = t->set[0].hi + 1;
		proto.b = t->set[1].lo - 1;
		proto.negate = !t->negate;
		add(alternative(l), proto);
		return 0;
	}
	if (proto.kind == SL_COND_FIELD_RANGE)
		while (small < t->n_set && t->set[small].hi < 256)
			small++;
	if (small > 1)
		cond[n++] = bitmap_cond(l, &proto.field, t->set, small);
	else
		small = 0;
	for (uint32_t i = small; i < t->n_set; i++) {
		if (n > RANGES_MAX)
			return sl_policy_error(l->c->msgs, t->at,
					       "more than %u separate ranges in one set",
					       RANGES_MAX);
		cond[n] = proto;
		cond[n].a = t->set[i].lo;
		cond[n++].b = t->set[i].hi;
	}
	struct sl_cond_list *list = NULL;

	for (uint32_t i = 0; i < n; i++) {
		/* Not in a set: in none of its parts. In a set: in one of them. */
		if (!t->negate || !list)
			list = alternative(l);
		cond[i].negate = t->negate;
		add(list, cond[i]);
	}
	return 0;
}

static int lower_field(struct lowering *l, uint16_t row)
{
	struct sl_cond proto = {.kind = SL_COND_FIELD_RANGE};

	if (!sl_term_field(l->t, row, &proto.field))
		return -EBADMSG; /* check.c has seen to it */
	return lower_values(l, proto, (UINT64_C(2) << (proto.field.width - 1)) - 1);
}

/* trust ≥ a is all that the image has: an interval is one such and not another. */
static void lower_trust(struct lowering *l)
{
	const struct sl_term *t = l->t;
	unsigned v = 0;
	uint32_t had = l->n;

	while (v < _SL_TRUST_N) {
		unsigned lo = v;

		if (sl_interval_has(t->set, t->n_set, v) == t->negate) {
			v++;
			continue;
		}
		while (v < _SL_TRUST_N && sl_interval_has(t->set, t->n_set, v) != t->negate)
			v++;
		struct sl_cond_list *list = alternative(l);

		add(list, (struct sl_cond){.kind = SL_COND_TRUST, .a = lo});
		if (v < _SL_TRUST_N)
			add(list, (struct sl_cond){.kind = SL_COND_TRUST, .negate = 1, .a = v});
	}
	if (l->n == had) /* never, unless it is not known */
		add(alternative(l), (struct sl_cond){.kind = SL_COND_TRUST, .a = _SL_TRUST_N});
}

static void lower_door(struct lowering *l)
{
	const struct sl_term *t = l->t;
	uint64_t doors = 0;

	for (unsigned d = 0; d < _SL_DOOR_N; d++)
		if (sl_interval_has(t->set, t->n_set, d) != t->negate)
			doors |= UINT64_C(1) << d;
	add(alternative(l), (struct sl_cond){.kind = SL_COND_DOOR, .a = doors});
}

/* Effects and scopes: `within` and `any` are conditions over a set of bits. */
static void lower_bits(struct lowering *l, struct sl_cond within, struct sl_cond any,
		       bool any_is_complement, uint32_t all)
{
	const struct sl_term *t = l->t;
	struct sl_cond_list *list = alternative(l);

	within.negate = t->negate;
	within.a = t->bits;
	any.negate = (uint8_t)(t->negate != any_is_complement);
	if (t->op == SL_OP_WITHIN) {
		add(list, within);
		return;
	}
	if (t->op == SL_OP_ANY) {
		any.a = any_is_complement ? all & ~t->bits : t->bits;
		add(list, any);
		return;
	}
	/* Equal: nothing else, and each one of them. */
	add(list, within);
	for (unsigned b = 0; b < 32; b++) {
		if (!(t->bits >> b & 1))
			continue;
		any.a = any_is_complement ? all & ~(1u << b) : 1u << b;
		if (t->negate)
			list = alternative(l);
		add(list, any);
	}
}

static int lower_term(struct lowering *l, uint16_t row)
{
	const struct sl_term *t = l->t;
	const struct sl_cond scope = {.kind = SL_COND_SCOPE_WITHIN};

	switch ((enum sl_term_kind)t->kind) {
	case SL_TERM_FIELD:
		return lower_field(l, row);
	case SL_TERM_LENGTH:
		return lower_values(l, (struct sl_cond){.kind = SL_COND_LENGTH}, UINT64_MAX);
	case SL_TERM_TRUST:
		lower_trust(l);
		return 0;
	case SL_TERM_DOOR:
		lower_door(l);
		return 0;
	case SL_TERM_EFFECTS:
		lower_bits(l,
			   (struct sl_cond){.kind = SL_COND_EFFECTS_WITHIN, .subject = t->subject},
			   (struct sl_cond){.kind = SL_COND_EFFECTS_ANY, .subject = t->subject},
			   false, SL_E_ALL);
		return 0;
	case SL_TERM_SCOPE:
		lower_bits(l, scope, scope, true, SL_S_ALL);
		return 0;
	case SL_TERM_STATE:
		add(alternative(l), (struct sl_cond){.kind = SL_COND_STATE,
						     .a = t->bits,
						     .b = t->negate ? 0 : t->bits});
		return 0;
	case SL_TERM_FENCE:
		add(alternative(l), (struct sl_cond){.kind = SL_COND_FENCE,
						     .nsid = t->nsid,
						     .a = t->set[0].lo,
						     .b = t->set[0].hi});
		return 0;
	}
	return -EBADMSG;
}

int sl_lower(struct sl_compiler *c, struct sl_place at, const struct sl_all *all, uint16_t row,
	     uint32_t *ret_n, struct sl_cond_list **ret)
{
	struct sl_cond_list *have = NULL;
	uint32_t n_have = 0;

	(void)sl_arena_push(&c->arena, &have, &n_have, sizeof(*have));
	for (uint32_t i = 0; i < all->n; i++) {
		struct lowering l = {.c = c, .at = at, .t = all->term[i]};
		struct sl_cond_list *next = NULL;
		uint32_t n_next = 0;
		int r = lower_term(&l, row);

		if (r < 0)
			return r;
		if ((uint64_t)n_have * l.n > SL_LIST_MAX)
			return sl_policy_error(
				c->msgs, at, "its conditions make more than %u cases", SL_LIST_MAX);
		for (uint32_t h = 0; h < n_have; h++)
			for (uint32_t k = 0; k < l.n; k++) {
				struct sl_cond_list *list =
					sl_arena_push(&c->arena, &next, &n_next, sizeof(*next));

				*list = have[h];
				list->too_many |= l.alt[k].too_many;
				for (uint32_t m = 0; m < l.alt[k].n; m++)
					add(list, l.alt[k].c[m]);
				if (list->too_many)
					return sl_policy_error(c->msgs, at,
							       "it takes more than %u conditions: "
							       "write several rules",
							       SL_CONDS_MAX);
			}
		have = next;
		n_have = n_next;
	}
	*ret_n = n_have;
	*ret = have;
	return 0;
}
