/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/breach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"

const struct sl_breach_kind sl_breach_kinds[_SL_BREACH_N] = {
#define B(id, name_, text_, weight_)                                                               \
	[SL_BREACH_##id] = {.name = name_, .text = text_, .weight = SL_WEIGHT_##weight_},
	SL_BREACHES(B)
#undef B
};

bool sl_breach_of_row(const struct sl_verdicts *out, uint16_t row)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].has_cmd && sl_row_find(out->v[i].cmd.set, out->v[i].cmd.req) == row &&
		    sl_breach_kinds[out->v[i].id].weight == SL_WEIGHT_CAUGHT)
			return true;
	return false;
}

void sl_breach_tidy(struct sl_verdicts *out)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct sl_breach *b = &out->v[i];
		bool drop = false;

		for (size_t k = 0; k < out->n && b->id == SL_BREACH_HIDDEN; k++)
			drop |= k != i && out->v[k].id != SL_BREACH_HIDDEN && out->v[k].has_cmd &&
				sl_breach_kinds[out->v[k].id].weight == SL_WEIGHT_CAUGHT &&
				sl_row_find(out->v[k].cmd.set, out->v[k].cmd.req) ==
					sl_row_find(b->cmd.set, b->cmd.req);
		if (drop)
			out->count[sl_breach_kinds[b->id].weight]--;
		else
			out->v[n++] = out->v[i];
	}
	out->n = n;
}

struct sl_breach *sl_breach_add(struct sl_verdicts *out, unsigned id, const struct sl_case *x,
				const struct sl_evidence *first)
{
	struct sl_breach *b;

	for (size_t i = 0; i < out->n; i++) {
		b = &out->v[i];
		if (b->id != id || b->has_cmd != (x != NULL) ||
		    (x && sl_row_find(b->cmd.set, b->cmd.req) != x->row))
			continue;
		/* What a command should declare it should declare once. */
		if (id != SL_BREACH_UNDERDECLARED && first && b->n_evidence &&
		    strcmp(b->evidence[0].where, first->where) != 0)
			continue;
		b->times++;
		return NULL;
	}
	if (out->n == out->cap) {
		size_t cap = out->cap ? 2 * out->cap : 16;
		struct sl_breach *v = realloc(out->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		out->v = v;
		out->cap = cap;
	}
	b = &out->v[out->n++];
	*b = (struct sl_breach){.id = (uint8_t)id, .times = 1};
	if (x) {
		(void)snprintf(b->command, sizeof(b->command), "%s", x->name);
		b->cmd = x->cmd;
		b->has_cmd = true;
		b->declared = x->declared;
		b->floor = x->floor;
	}
	if (first) {
		b->evidence[0] = *first;
		b->observed = first->effects;
		b->n_evidence = 1;
	}
	out->count[sl_breach_kinds[id].weight]++;
	return b;
}

static unsigned kind_of(const struct sl_unexplained *u)
{
	if (!u->change.probe)
		return SL_BREACH_HIDDEN;
	if (sl_change_fixed(&u->change))
		return SL_BREACH_DECLARATION;
	if (u->why == SL_OUT_OF_SCOPE)
		return SL_BREACH_SCOPE;
	return u->why == SL_UNDERDECLARED ? SL_BREACH_UNDERDECLARED : SL_BREACH_UNDECLARED;
}

/* The change that says most: the worst, and of these one that is no log. */
static unsigned rank(const struct sl_unexplained *u)
{
	return 2u * (unsigned)u->why + (u->change.probe && u->change.probe->cmd.req[0] != 0x02);
}

/* The same finding with evidence that says more takes the place of the old one. */
static struct sl_breach *better(struct sl_verdicts *out, unsigned id, const struct sl_case *x,
				unsigned rank, const struct sl_evidence *first)
{
	for (size_t i = 0; x && i < out->n; i++) {
		struct sl_breach *b = &out->v[i];

		if (b->id != id || !b->has_cmd || sl_row_find(b->cmd.set, b->cmd.req) != x->row ||
		    b->rank >= rank)
			continue;
		(void)snprintf(b->command, sizeof(b->command), "%s", x->name);
		b->cmd = x->cmd;
		b->evidence[0] = *first;
		b->n_evidence = 1;
		b->more = b->n_before = 0;
		return b;
	}
	return NULL;
}

struct sl_breach *sl_breach_from(struct sl_verifier *v, const struct sl_trial *run,
				 const struct sl_difference *d)
{
	const struct sl_step *last = NULL;
	const struct sl_unexplained *worst = &d->v[0];
	struct sl_evidence e;
	struct sl_breach *b;

	for (unsigned i = 0; i < run->n; i++)
		if (run->step[i].keep)
			last = &run->step[i];
	for (unsigned i = 1; i < d->n; i++)
		if (rank(&d->v[i]) > rank(worst))
			worst = &d->v[i];
	sl_change_describe(&worst->change, &e);
	b = sl_breach_add(v->out, kind_of(worst), last ? last->x : NULL, &e);
	if (!b)
		b = better(v->out, kind_of(worst), last ? last->x : NULL, rank(worst), &e);
	if (!b)
		return NULL;
	b->rank = rank(worst);
	b->stage = worst->stage;
	for (unsigned i = 0; i < d->n; i++) {
		if (&d->v[i] == worst)
			continue;
		if (b->n_evidence == SL_EVIDENCE_MAX) {
			b->more++;
			continue;
		}
		sl_change_describe(&d->v[i].change, &b->evidence[b->n_evidence]);
		b->observed |= b->evidence[b->n_evidence++].effects;
	}
	b->more += d->more;
	for (unsigned i = 0; i < run->n; i++)
		if (run->step[i].keep && &run->step[i] != last) {
			if (b->n_before < SL_CULPRITS_MAX)
				(void)snprintf(b->before[b->n_before], sizeof(b->before[0]), "%s",
					       run->step[i].x->name);
			b->n_before++;
		}
	return b;
}
