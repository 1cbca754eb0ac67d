/* SPDX-License-Identifier: Apache-2.0 */
/* What the fast evaluator could not keep within its bounds, or not decide one way only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "policy/bits.h"
#include "policy/compile.h"

static const char *str(const struct sl_compiler *c, uint32_t off)
{
	return (const char *)c->strings.data + off;
}

/* Could one text fit both patterns? */
static bool both_fit(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	bool sa = na && a[na - 1] == '*', sb = nb && b[nb - 1] == '*';

	if (sa && sb)
		return strncmp(a, b, (na < nb ? na : nb) - 1) == 0;
	return sa ? sl_pattern_like(a, b) : sl_pattern_like(b, a);
}

static bool strings_meet(const struct sl_compiler *c, uint32_t a, uint32_t b)
{
	return !a || !b || a == b || both_fit(str(c, a), str(c, b));
}

static bool sections_meet(const struct sl_compiler *c, uint32_t a, uint32_t b)
{
	const struct sl_section *s = (struct sl_section *)c->sections.data;
	const struct sl_who *wa = &((struct sl_who *)c->who.data)[s[a].who];
	const struct sl_who *wb = &((struct sl_who *)c->who.data)[s[b].who];
	const struct sl_where *da = &((struct sl_where *)c->where.data)[s[a].where];
	const struct sl_where *db = &((struct sl_where *)c->where.data)[s[b].where];

	/* A client has one uid and one label, but any groups at once. */
	if ((wa->asks & wb->asks & SL_WHO_UID) &&
	    (wa->uid_lo > wb->uid_hi || wb->uid_lo > wa->uid_hi))
		return false;
	if ((wa->asks & wb->asks & SL_WHO_LABEL) && !strings_meet(c, wa->label, wb->label))
		return false;
	return (!da->protocol || !db->protocol || da->protocol == db->protocol) &&
	       strings_meet(c, da->vendor, db->vendor) && strings_meet(c, da->model, db->model) &&
	       strings_meet(c, da->firmware, db->firmware) &&
	       strings_meet(c, da->serial, db->serial) && strings_meet(c, da->name, db->name);
}

/*
 * How many sections can one client on one device match? Two sections meet unless an attribute parts
 * them, and a client or device has one value of each attribute: so what must be counted are the
 * sections around one value of each, attribute by attribute, and only while too many are left.
 */
enum dim {
	DIM_UID,
	DIM_LABEL,
	DIM_PROTOCOL,
	DIM_VENDOR,
	DIM_MODEL,
	DIM_FIRMWARE,
	DIM_SERIAL,
	DIM_NAME,
	_DIM_N
};

/* What a section asks of an attribute: a range, or a pattern. */
struct ask {
	bool asked;
	uint64_t lo, hi;
	const char *pattern;
};

static struct ask ask_of(const struct sl_compiler *c, uint32_t section, unsigned dim)
{
	const struct sl_section *s = &((struct sl_section *)c->sections.data)[section];
	const struct sl_who *w = &((struct sl_who *)c->who.data)[s->who];
	const struct sl_where *d = &((struct sl_where *)c->where.data)[s->where];
	const uint32_t strings[] = {d->vendor, d->model, d->firmware, d->serial, d->name};
	struct ask a = {0};
	uint32_t off = 0;

	if (dim == DIM_UID) {
		a = (struct ask){w->asks & SL_WHO_UID, w->uid_lo, w->uid_hi, NULL};
	} else if (dim == DIM_PROTOCOL) {
		a = (struct ask){d->protocol, d->protocol, d->protocol, NULL};
	} else {
		off = dim == DIM_LABEL ? (w->asks & SL_WHO_LABEL ? w->label : 0)
				       : strings[dim - DIM_VENDOR];
		a.asked = off;
		a.pattern = str(c, off);
	}
	return a;
}

/* Does what `a` asks hold at the most particular value that `at` asks for? */
static bool holds_at(const struct ask *a, const struct ask *at)
{
	char literal[256];
	size_t n;

	if (!a->asked)
		return true;
	if (!at->asked)
		return false; /* a value that nobody names */
	if (!a->pattern)
		return at->lo >= a->lo && at->lo <= a->hi;
	n = strlen(at->pattern);
	if (n >= sizeof(literal))
		return false;
	memcpy(literal, at->pattern, n + 1);
	if (n && literal[n - 1] == '*')
		literal[n - 1] = 0;
	return sl_pattern_like(a->pattern, literal);
}

static const struct sl_out_rule *rule_of_section(const struct sl_compiler *c, uint32_t section)
{
	const struct sl_out_rule *out = (struct sl_out_rule *)c->out.data;
	const uint32_t *of = (uint32_t *)c->section_of.data;

	for (uint32_t i = 0; i < c->out.n; i++)
		for (uint32_t k = 0; k < out[i].n_sections; k++)
			if (of[out[i].section + k] == section)
				return &out[i];
	return NULL;
}

static int too_many_binds(struct sl_compiler *c, const uint32_t *set, uint32_t n)
{
	const struct sl_out_rule *last = NULL;
	char lines[128] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < n && at + 24 < sizeof(lines); i++) {
		const struct sl_out_rule *o = rule_of_section(c, set[i]);

		if (!o || (last && o->def == last->def))
			continue;
		last = o;
		at += (size_t)snprintf(lines + at, sizeof(lines) - at, "%s%u", at ? ", " : "",
				       o->def->at.line);
	}
	return sl_policy_error(c->msgs, last ? last->def->at : (struct sl_place){0},
			       "one client on one device can match more than %u combinations of "
			       "clients and devices: lines %s, …",
			       SL_BIND_MAX, lines);
}

/*
 * A bound of how many sections meet at one point, in the dimensions from `dim` on: larger than
 * SL_BIND_MAX exactly when so many do meet; then `too_many` holds them.
 */
struct meeting {
	struct sl_compiler *c;
	uint32_t *too_many;
	uint32_t n_too_many;
};

static uint32_t count_around(struct meeting *m, unsigned dim, const uint32_t *set, uint32_t n)
{
	struct ask *asks;
	uint32_t *sub, most, bound = 0, free_n = 0;

	if (n <= SL_BIND_MAX)
		return n;
	if (dim == _DIM_N) {
		memcpy(m->too_many, set, n * sizeof(*set));
		m->n_too_many = n;
		return n;
	}
	asks = calloc(n, sizeof(*asks));
	sub = calloc(n, sizeof(*sub));
	if (!asks || !sub)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		asks[i] = ask_of(m->c, set[i], dim);
		if (!asks[i].asked)
			sub[free_n++] = set[i];
	}
	/* Those that ask nothing here are everywhere: counted once, the others are added to them.
	 */
	most = count_around(m, dim + 1, sub, free_n);
	for (uint32_t i = 0; most <= SL_BIND_MAX && i < n; i++) {
		uint32_t k = 0, here = 0;

		if (!asks[i].asked)
			continue;
		for (uint32_t j = 0; j < n; j++)
			here += asks[j].asked && holds_at(&asks[j], &asks[i]);
		if (most + here <= SL_BIND_MAX) {
			if (most + here > bound)
				bound = most + here;
			continue;
		}
		for (uint32_t j = 0; j < n; j++)
			if (holds_at(&asks[j], &asks[i]))
				sub[k++] = set[j];
		here = count_around(m, dim + 1, sub, k);
		if (here > SL_BIND_MAX)
			most = here;
		if (here > bound)
			bound = here;
	}
	free(asks);
	free(sub);
	return most > bound ? most : bound;
}

int sl_limit_binds(struct sl_compiler *c)
{
	uint32_t *all = calloc(c->sections.n + 1, sizeof(*all));
	struct meeting m = {.c = c, .too_many = calloc(c->sections.n + 1, sizeof(*all))};
	int r = 0;

	if (!all || !m.too_many)
		abort();
	for (uint32_t i = 0; i < c->sections.n; i++)
		all[i] = i;
	if (count_around(&m, DIM_UID, all, c->sections.n) > SL_BIND_MAX)
		r = too_many_binds(c, m.too_many, m.n_too_many);
	free(all);
	free(m.too_many);
	return r;
}

static bool sets_differ(const struct sl_cond *a, const struct sl_cond *b)
{
	for (unsigned n = 0, m; n < a->field.width; n++)
		if (sl_bits_has(&b->field, sl_bits_at(&a->field, n), &m) &&
		    ((a->a >> n ^ b->a >> m) & 1))
			return true;
	return false;
}

static bool value_passes(const struct sl_compiler *c, const struct sl_cond *k, uint64_t v)
{
	const struct sl_bitmap *maps = (struct sl_bitmap *)c->bitmaps.data;
	bool in;

	if (k->kind == SL_COND_FIELD_RANGE)
		in = v >= k->a && v <= k->b;
	else
		in = v < 256 && (maps[k->a].bits[v / 64] >> (v % 64) & 1);
	return in != k->negate;
}

/* Are two conditions on the same field never true together? */
static bool exclude(const struct sl_compiler *c, const struct sl_cond *a, const struct sl_cond *b)
{
	uint64_t mask = (UINT64_C(2) << (a->field.width - 1)) - 1;

	if (memcmp(&a->field, &b->field, sizeof(a->field)) != 0)
		return false;
	for (uint64_t v = 0; v < 256 && v <= mask; v++)
		if (value_passes(c, a, v) && value_passes(c, b, v))
			return false;
	/* Beyond 255 only the ends of ranges, and what follows them, can make a difference. */
	const uint64_t edge[] = {a->a, b->a, a->b, b->b, a->b + 1, b->b + 1, 256};

	for (unsigned i = 0; i < sizeof(edge) / sizeof(edge[0]); i++)
		if (edge[i] <= mask && value_passes(c, a, edge[i]) && value_passes(c, b, edge[i]))
			return false;
	return true;
}

static bool rules_exclude(const struct sl_compiler *c, const struct sl_rule *a,
			  const struct sl_rule *b)
{
	const struct sl_cond *conds = (struct sl_cond *)c->conds.data;

	for (unsigned i = a->n_sets; i < a->n_conds; i++)
		for (unsigned k = b->n_sets; k < b->n_conds; k++)
			if (exclude(c, &conds[a->conds + i], &conds[b->conds + k]))
				return true;
	return false;
}

static bool share_rows(const struct sl_out_rule *a, const struct sl_out_rule *b)
{
	for (uint32_t w = 0; w < sl_rowset_words(); w++)
		if (a->rows[w] & b->rows[w])
			return true;
	return false;
}

static bool share_clients(const struct sl_compiler *c, const struct sl_out_rule *a,
			  const struct sl_out_rule *b)
{
	const uint32_t *of = (uint32_t *)c->section_of.data;

	for (uint32_t i = 0; i < a->n_sections; i++)
		for (uint32_t k = 0; k < b->n_sections; k++)
			if (sections_meet(c, of[a->section + i], of[b->section + k]))
				return true;
	return false;
}

static bool contradict(const struct sl_compiler *c, const struct sl_rule *a,
		       const struct sl_rule *b)
{
	const struct sl_cond *conds = (struct sl_cond *)c->conds.data;

	for (unsigned i = 0; i < a->n_sets; i++)
		for (unsigned k = 0; k < b->n_sets; k++)
			if (sets_differ(&conds[a->conds + i], &conds[b->conds + k]))
				return true;
	return false;
}

int sl_limit_normalisers(struct sl_compiler *c)
{
	const struct sl_out_rule *out = (struct sl_out_rule *)c->out.data;
	const struct sl_rule *rule = (struct sl_rule *)c->rules.data;

	for (uint32_t i = 0; i < c->out.n; i++) {
		if (!out[i].sets)
			continue;
		for (uint32_t k = i; k < c->out.n; k++) {
			if (!out[k].sets || (i != k && out[k].sets == out[i].sets) ||
			    !contradict(c, &rule[i], &rule[k]))
				continue;
			if (!share_rows(&out[i], &out[k]) || !share_clients(c, &out[i], &out[k]) ||
			    rules_exclude(c, &rule[i], &rule[k]))
				continue;
			return sl_policy_error(c->msgs, out[k].def->at,
					       "it sets a field differently than the rule at "
					       "%s:%u does for the same command",
					       out[i].def->at.source->file, out[i].def->at.line);
		}
	}
	return 0;
}
