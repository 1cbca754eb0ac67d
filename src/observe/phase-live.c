/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments that only a device needs which cannot be had fresh. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/live.h"
#include "observe/phase.h"

#define STEPS_MAX 512u
#define POLL_MS	  150u

/* Logs and the like whose very first answer was another one than all that came after it. */
int sl_phase_consumed(struct sl_verifier *v)
{
	for (size_t i = 0; i < v->probes.n; i++) {
		const struct sl_probe *p = &v->probes.v[i];
		const struct sl_facet_field *field = sl_facet_field(p->facet, p->consumed_at);
		struct sl_evidence e = {.at = p->consumed_at, .len = 1};
		struct sl_breach *b;
		struct sl_case x;

		if (!p->consumed || v->probes.mask[p->off + p->consumed_at])
			continue;
		sl_probe_case(v, p, &x);
		e.effects = field ? field->effects : sl_facets[p->facet].effects;
		(void)snprintf(e.where, sizeof(e.where), "%s%s%s", p->name, field ? ": " : "",
			       field ? field->name : "");
		(void)snprintf(e.what, sizeof(e.what),
			       "byte %u was another in the first answer than ever after",
			       p->consumed_at);
		b = sl_breach_add(v->out, SL_BREACH_UNDECLARED, &x, &e);
		if (b)
			(void)snprintf(b->note, sizeof(b->note),
				       "read twice in a row when it was first read");
	}
	return 0;
}

struct after {
	struct sl_verifier *v;
	const struct sl_case *x[STEPS_MAX];
	unsigned n;
	unsigned wait; /* ms */
};

/* Looks again and again, until something differs. */
static int look_after(struct after *a, struct sl_trial *t, struct sl_difference *ret)
{
	struct sl_verifier *v = a->v;
	struct sl_look *l = &t->look[SL_STAGE_LATER];
	unsigned ms = 0;
	int r;

	do {
		ret->n = ret->more = ret->n_kept = 0;
		v->rig->ops->pass(v->rig, POLL_MS);
		ms += POLL_MS;
		r = sl_look_take(v->rig, &v->probes, 0, false, v->data, l);
		if (r)
			return r;
		t->looked = 1u << SL_STAGE_LATER;
		sl_look_explain(v, t, SL_STAGE_LATER, &v->before, l, ret);
	} while (!ret->n && ms < a->wait && !v->gone);
	if (ret->n && ms < a->wait)
		a->wait = ms + 4 * POLL_MS; /* as long as it takes is long enough */
	return ret->n > 0;
}

/* 1: commands [from, to) leave something unexplained later; `d`: only if it is there too. */
static int after_run(struct after *a, unsigned from, unsigned to, const struct sl_difference *d,
		     struct sl_difference *ret)
{
	struct sl_verifier *v = a->v;
	struct sl_trial t;
	int r;

	/* What the run before has set going comes to its end first. */
	if (d)
		v->rig->ops->pass(v->rig, a->wait);
	r = sl_live_restore(v);
	if (r || v->gone)
		return r;
	r = sl_trial_new(v, to - from, &t);
	if (r)
		return r;
	for (unsigned i = from; i < to; i++)
		t.step[i - from] = (struct sl_step){.x = a->x[i], .keep = true};
	t.stages = 0;
	r = sl_trial_run(v, &t);
	if (!r)
		r = look_after(a, &t, ret);
	if (r > 0 && d) {
		r = 0;
		for (unsigned i = 0; i < d->n; i++)
			for (unsigned k = 0; k < ret->n; k++)
				r |= d->v[i].change.probe == ret->v[k].change.probe;
	}
	sl_trial_done(&t);
	v->have_before = false;
	return r;
}

static int after_blame(struct after *a, struct sl_difference *d)
{
	struct sl_difference *t = calloc(1, sizeof(*t));
	unsigned low = 0, high = a->n;
	struct sl_trial last;
	int r = t ? 1 : -ENOMEM;

	while (r >= 0 && high - low > 1) {
		unsigned mid = low + (high - low) / 2;

		r = after_run(a, 0, mid, d, t);
		if (r > 0)
			high = mid;
		else
			low = mid;
	}
	/* By itself; and nothing at all must not do it. */
	if (r >= 0)
		r = after_run(a, high - 1, high, d, t);
	if (r > 0)
		*d = *t;
	for (unsigned i = 0; r > 0 && i < (a->v->moved ? SL_LIVE_TURNS : 1); i++) {
		r = i ? after_run(a, high - 1, high, d, t) : r;
		if (r <= 0)
			break;
		r = after_run(a, 0, 0, d, t);
		a->v->moved += r > 0;
		r = r < 0 ? r : !r;
	}
	if (r > 0)
		r = sl_trial_new(a->v, 1, &last) ? -ENOMEM : 1;
	if (r > 0) {
		last.step[0] = (struct sl_step){.x = a->x[high - 1], .keep = true};
		(void)sl_breach_from(a->v, &last, d);
		sl_trial_done(&last);
	}
	free(t);
	return r;
}

/* What should leave nothing behind, and what only writes blocks. */
static unsigned leaving_nothing(const struct sl_verifier *v, const struct sl_case **ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->cases.n && n < STEPS_MAX; i++) {
		const struct sl_case *x = &v->cases.v[i];

		if (x->kind == SL_CASE_BASE && !x->refused && x->status == 0 &&
		    (sl_case_harmless(x) || sl_rows[x->row].ranges == SL_RANGES_SLBA_NLB) &&
		    !sl_breach_of_row(v->out, x->row))
			ret[n++] = x;
	}
	return n;
}

int sl_phase_delays(struct sl_verifier *v)
{
	struct after *a = calloc(1, sizeof(*a));
	struct sl_difference *d = calloc(1, sizeof(*d));
	int r = a && d ? 1 : -ENOMEM;

	for (unsigned round = 0; round < 3 && r > 0 && sl_budget(v); round++) {
		a->v = v;
		a->wait = sl_patience_ms(v);
		a->n = leaving_nothing(v, a->x);
		r = a->n ? after_run(a, 0, a->n, NULL, d) : 0;
		if (r > 0)
			r = after_blame(a, d);
	}
	free(a);
	free(d);
	v->have_before = false;
	return r < 0 ? r : 0;
}

/*
 * One by one, each followed by a reset and a power cycle: what cannot be put back is seen once, and
 * then only one command must stand before it. The first of all phases, for the same reason.
 */
int sl_phase_resets(struct sl_verifier *v)
{
	const struct sl_case **x = calloc(STEPS_MAX, sizeof(*x));
	unsigned n = x ? leaving_nothing(v, x) : 0;
	int error = x ? sl_live_restore(v) : -ENOMEM;

	if (!error && !v->gone)
		error = sl_live_cut(v);
	for (unsigned i = 0; i < n && !error && sl_budget(v); i++) {
		struct sl_trial r;

		sl_progress(v, i, n);
		error = sl_trial_new(v, 1, &r);
		if (error)
			break;
		r.step[0] = (struct sl_step){.x = x[i], .keep = true};
		r.flags = SL_TRIAL_CUT;
		error = sl_experiment(v, &r);
		sl_trial_done(&r);
		if (!error && !v->have_before)
			error = sl_live_cut(v);
	}
	free(x);
	v->have_before = false;
	return error;
}
