/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/breach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "observe/recipe.h"

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

static void clear_evidence(struct sl_breach *b)
{
	for (unsigned i = 0; i < b->n_evidence; i++)
		free(b->evidence[i].exhibit);
	b->n_evidence = b->more = 0;
	b->observed = SL_E_NONE;
}

void sl_breach_done(struct sl_breach *b)
{
	clear_evidence(b);
	b->recipe = sl_recipe_free(b->recipe);
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
		/* A declaration that changes on the way says nothing to be held to. */
		for (size_t k = 0; k < out->n && b->id == SL_BREACH_UNDERDECLARED; k++)
			drop |= out->v[k].id == SL_BREACH_DECLARATION;
		/* What was not repeated at first, and then was. */
		for (size_t k = 0; k < out->n && b->id == SL_BREACH_UNREPEATED; k++)
			drop |= k != i && b->n_evidence && out->v[k].n_evidence &&
				sl_breach_kinds[out->v[k].id].weight == SL_WEIGHT_CAUGHT &&
				strcmp(out->v[k].evidence[0].where, b->evidence[0].where) == 0;
		if (drop) {
			out->count[sl_breach_kinds[b->id].weight]--;
			sl_breach_done(&out->v[i]);
		} else {
			out->v[n++] = out->v[i];
		}
	}
	out->n = n;
}

/* Room for one more. */
static bool grow(struct sl_verdicts *out)
{
	size_t cap = out->cap ? 2 * out->cap : 16;
	struct sl_breach *v;

	if (out->n < out->cap)
		return true;
	v = realloc(out->v, cap * sizeof(*v));
	if (!v)
		return false;
	out->v = v;
	out->cap = cap;
	return true;
}

int sl_breach_put(struct sl_verdicts *out, size_t at, const struct sl_breach *b)
{
	if (at > out->n)
		return -EINVAL;
	if (at == out->n && !grow(out))
		return -ENOMEM;
	if (at < out->n) {
		out->count[sl_breach_kinds[out->v[at].id].weight]--;
		sl_breach_done(&out->v[at]);
	} else {
		out->n++;
	}
	out->v[at] = *b;
	out->count[sl_breach_kinds[b->id].weight]++;
	return 0;
}

/* The finding of this kind on this row, in this place; NULL: there is none yet. */
static struct sl_breach *find(struct sl_verdicts *out, unsigned id, const struct sl_case *x,
			      const struct sl_evidence *first)
{
	for (size_t i = 0; i < out->n; i++) {
		struct sl_breach *b = &out->v[i];

		if (b->id != id || b->has_cmd != (x != NULL) ||
		    (x && sl_row_find(b->cmd.set, b->cmd.req) != x->row))
			continue;
		/* What a command should declare it should declare once. */
		if (id != SL_BREACH_UNDERDECLARED && first && b->n_evidence &&
		    strcmp(b->evidence[0].where, first->where) != 0)
			continue;
		return b;
	}
	return NULL;
}

struct sl_breach *sl_breach_add(struct sl_verdicts *out, unsigned id, const struct sl_case *x,
				const struct sl_evidence *first)
{
	struct sl_breach *b = find(out, id, x, first);

	if (b) {
		b->times++;
		return NULL;
	}
	if (!grow(out))
		return NULL;
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
		b->evidence[0].exhibit = sl_exhibit_copy(first->exhibit);
		b->observed = first->effects;
		b->n_evidence = 1;
	}
	b->serial = ++out->serial;
	b->phase = (uint8_t)(out->n_phases ? out->n_phases - 1 : 0);
	b->at = sl_now() - out->t0;
	b->at_command = out->rig ? out->rig->commands : 0;
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

/* The same finding with evidence that says more takes the place of the old one. */
static struct sl_breach *better(struct sl_verdicts *out, unsigned id, const struct sl_case *x,
				unsigned rank)
{
	for (size_t i = 0; x && i < out->n; i++) {
		struct sl_breach *b = &out->v[i];

		if (b->id != id || !b->has_cmd || sl_row_find(b->cmd.set, b->cmd.req) != x->row ||
		    b->rank >= rank)
			continue;
		(void)snprintf(b->command, sizeof(b->command), "%s", x->name);
		b->cmd = x->cmd;
		b->n_before = 0;
		return b;
	}
	return NULL;
}

static struct sl_exhibit *exhibit_of(const struct sl_difference *d, const struct sl_probe *p)
{
	for (unsigned i = 0; p && i < d->n_kept; i++)
		if (d->kept[i].probe == p)
			return sl_exhibit_copy(&d->kept[i].exhibit);
	return NULL;
}

/* All evidence anew, what says most first; each thing's bytes once. */
static void fill_evidence(struct sl_breach *b, const struct sl_difference *d)
{
	bool used[SL_UNEXPLAINED_MAX] = {false};

	clear_evidence(b);
	b->more = d->more + d->n;
	while (b->n_evidence < SL_EVIDENCE_MAX && b->n_evidence < d->n) {
		struct sl_evidence *e = &b->evidence[b->n_evidence++];
		const struct sl_probe *p;
		unsigned at = 0;
		bool shown = false;

		while (used[at])
			at++;
		for (unsigned i = at + 1; i < d->n; i++)
			if (!used[i] &&
			    sl_unexplained_rank(&d->v[i]) > sl_unexplained_rank(&d->v[at]))
				at = i;
		p = d->v[at].change.probe;
		for (unsigned i = 0; i < d->n; i++)
			shown |= used[i] && d->v[i].change.probe == p;
		used[at] = true;
		sl_change_describe(&d->v[at].change, e);
		e->exhibit = shown ? NULL : exhibit_of(d, p);
		b->observed |= e->effects;
		b->more--;
	}
}

/* What is left unexplained says most by this, and is laid to this command. */
struct naming {
	const struct sl_step *last;
	const struct sl_unexplained *worst;
	struct sl_evidence e;
	unsigned rank, id;
};

static void name_it(const struct sl_verifier *v, const struct sl_trial *run,
		    const struct sl_difference *d, struct naming *ret)
{
	*ret = (struct naming){.worst = &d->v[0]};
	for (unsigned i = 0; i < run->n; i++)
		if (run->step[i].keep)
			ret->last = &run->step[i];
	for (unsigned i = 1; i < d->n; i++)
		if (sl_unexplained_rank(&d->v[i]) > sl_unexplained_rank(ret->worst))
			ret->worst = &d->v[i];
	ret->rank = sl_unexplained_rank(ret->worst);
	ret->id = kind_of(ret->worst);
	sl_change_describe(&ret->worst->change, &ret->e);
	/* Without a twin: a device that stops answering is not this command's doing for that. */
	if (!(v->rig->can & SL_RIG_FRESH) && ret->worst->change.status &&
	    ret->worst->change.new_status & 0x8000)
		ret->id = SL_BREACH_LOST;
}

bool sl_breach_again(struct sl_verifier *v, const struct sl_trial *run,
		     const struct sl_difference *d)
{
	struct sl_breach *b;
	struct naming n;

	name_it(v, run, d, &n);
	for (unsigned i = 0; i < run->n; i++)
		if (run->step[i].keep && run->step[i].x->row != n.last->x->row)
			return false;
	b = n.last ? find(v->out, n.id, n.last->x, &n.e) : NULL;
	if (!b || sl_breach_kinds[b->id].weight != SL_WEIGHT_CAUGHT || b->rank < n.rank)
		return false;
	b->times++;
	return true;
}

struct sl_breach *sl_breach_from(struct sl_verifier *v, const struct sl_trial *run,
				 const struct sl_difference *d)
{
	const struct sl_step *last;
	struct sl_breach *b;
	struct naming n;

	name_it(v, run, d, &n);
	last = n.last;
	b = sl_breach_add(v->out, n.id, last ? last->x : NULL, &n.e);
	if (!b)
		b = better(v->out, n.id, last ? last->x : NULL, n.rank);
	if (!b)
		return NULL;
	b->rank = n.rank;
	b->stage = n.worst->stage;
	fill_evidence(b, d);
	b->recipe = sl_recipe_free(b->recipe);
	b->recipe = sl_recipe_of(run);
	for (unsigned i = 0; i < run->n; i++)
		if (run->step[i].keep && &run->step[i] != last) {
			if (b->n_before < SL_CULPRITS_MAX)
				(void)snprintf(b->before[b->n_before], sizeof(b->before[0]), "%s",
					       run->step[i].x->name);
			b->n_before++;
		}
	return b;
}
