/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments with many commands: orders, counts, and what still works afterwards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/phase.h"

#define SHUFFLES    24	 /* orders of all harmless commands */
#define CHAIN_MAX   512u /* commands of one order */
#define REPEATS	    SL_REPEATS
#define REFUSED_MIN 8 /* times, the last of all: then it no longer works */

static uint64_t next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Known, not caught yet, and of this kind. */
static unsigned pick(const struct sl_verifier *v, bool harmless, const struct sl_case **ret,
		     unsigned max)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->cases.n && n < max; i++) {
		const struct sl_case *x = &v->cases.v[i];

		if (x->kind <= SL_CASE_FIELD && !x->refused && x->status == 0 &&
		    sl_case_harmless(x) == harmless && !sl_breach_of_row(v->out, x->row))
			ret[n++] = x;
	}
	return n;
}

static void shuffle(const struct sl_case **x, unsigned n, uint64_t *seed)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)(next(seed) % i);
		const struct sl_case *t = x[k];

		x[k] = x[i - 1];
		x[i - 1] = t;
	}
}

static int chain(struct sl_verifier *v, const struct sl_case *first, const struct sl_case **x,
		 unsigned n, bool backwards)
{
	struct sl_trial r;
	unsigned at = 0;
	int error = sl_trial_new(v, n + (first != NULL), &r);

	if (error)
		return error;
	if (first)
		r.step[at++] = (struct sl_step){.x = first, .keep = true};
	for (unsigned i = 0; i < n; i++)
		r.step[at++] = (struct sl_step){.x = x[i], .keep = true};
	r.prefix = first != NULL;
	r.flags = backwards ? SL_TRIAL_BACKWARDS : 0;
	if (v->rig->can & SL_RIG_CLOCK)
		r.stages |= 1u << SL_STAGE_LATER;
	error = sl_experiment(v, &r);
	sl_trial_done(&r);
	return error;
}

int sl_phase_sequences(struct sl_verifier *v)
{
	const struct sl_case *calm[CHAIN_MAX], *other[CHAIN_MAX];
	unsigned n = pick(v, true, calm, CHAIN_MAX), m = pick(v, false, other, CHAIN_MAX);
	uint64_t seed = v->o->key;
	bool fresh = v->rig->can & SL_RIG_FRESH;
	int error = 0;

	for (unsigned i = 0; i < (fresh ? SHUFFLES : 3) && n && !error && sl_budget(v); i++) {
		sl_progress(v, i, SHUFFLES + m);
		shuffle(calm, n, &seed);
		error = chain(v, NULL, calm, n, i & 1);
	}
	/* What does a command leave behind that the harmless ones after it trip over? */
	for (unsigned i = 0; i < m && fresh && n && !error && sl_budget(v); i++) {
		sl_progress(v, SHUFFLES + i, SHUFFLES + m);
		shuffle(calm, n, &seed);
		error = chain(v, other[i], calm, n, i & 1);
	}
	/* Pairs of those that change something: each after another. */
	for (unsigned i = 0; i < m && fresh && !error && sl_budget(v); i++)
		error = chain(v, other[i], &other[next(&seed) % m], 1, i & 1);
	return error;
}

/*
 * Where it stopped working, and worked no more up to the end; n: nowhere. What fails once in a
 * while may do so at the very end.
 */
static unsigned first_refused(const struct sl_trial *r)
{
	unsigned at = r->n;

	while (at && !r->step[at - 1].a.lost && sl_answer_code(&r->step[at - 1].a))
		at--;
	return sl_answer_ok(&r->step[0].a) && r->n - at >= REFUSED_MIN ? at : r->n;
}

static int repeat(struct sl_verifier *v, const struct sl_case *x, unsigned n)
{
	struct sl_trial r;
	int error = sl_trial_new(v, n, &r);
	unsigned at;

	if (error)
		return error;
	for (unsigned i = 0; i < n; i++)
		r.step[i] = (struct sl_step){.x = x, .keep = true};
	r.flags = SL_TRIAL_REPEAT;
	error = sl_experiment(v, &r);
	at = error ? r.n : first_refused(&r);
	if (at < r.n) {
		struct sl_evidence e = {.where = "status"};
		struct sl_breach *b;

		(void)snprintf(e.what, sizeof(e.what), "%Xh the %uth time, 0 before",
			       sl_answer_code(&r.step[at].a), at + 1);
		e.effects = SL_E_AVAILABILITY;
		b = sl_breach_add(v->out, SL_BREACH_VANISHED, x, &e);
		if (b)
			(void)snprintf(b->note, sizeof(b->note), "it was sent %u times in a row",
				       r.n);
	}
	sl_trial_done(&r);
	return error;
}

/*
 * A device that can be had fresh begins to count anew each time: for every number there is one of
 * these at which what turns back and forth has turned once. A device that cannot is looked at on
 * the way to the first.
 */
int sl_phase_counts(struct sl_verifier *v)
{
	static const unsigned times[] = {REPEATS, 1023, 511, 255, 127, 63, 31};
	const unsigned rounds = v->rig->can & SL_RIG_FRESH ? (unsigned)SL_COUNT(times) : 1;
	const struct sl_case *calm[CHAIN_MAX];
	unsigned n = pick(v, true, calm, CHAIN_MAX);
	int error = 0;

	for (unsigned k = 0; k < rounds; k++)
		for (unsigned i = 0; i < n && !error && sl_budget(v); i++) {
			sl_progress(v, k * n + i, rounds * n);
			if (!k || !sl_breach_of_row(v->out, calm[i]->row))
				error = repeat(v, calm[i], times[k]);
		}
	return error;
}

/*
 * The second time on a device that has seen a thousand harmless commands and an hour, and, with
 * `cut`, a power cycle.
 */
static int again(struct sl_verifier *v, struct sl_case *x, bool cut)
{
	struct sl_answer a;
	int error = sl_verifier_prepare(v, true);

	for (unsigned i = 0; i < REPEATS && !error; i++)
		error = sl_verifier_call(v, &v->neutral, &a);
	v->rig->ops->pass(v->rig, 3600000);
	if (!error && cut)
		error = v->rig->ops->power_cycle(v->rig);
	if (!error)
		error = sl_verifier_call(v, x, &a);
	for (unsigned t = 0; t < 2 && !error && !a.lost && sl_answer_code(&a); t++)
		error = sl_verifier_call(v, x, &a);
	if (!error && !a.lost && x->status == 0 && sl_answer_code(&a)) {
		struct sl_evidence e = {.where = "status", .effects = SL_E_AVAILABILITY};
		struct sl_breach *b;

		(void)snprintf(e.what, sizeof(e.what), "0 on a fresh device, then %Xh",
			       sl_answer_code(&a));
		b = sl_breach_add(v->out, SL_BREACH_VANISHED, x, &e);
		if (b)
			(void)snprintf(b->note, sizeof(b->note),
				       "after %u harmless commands and an hour%s", REPEATS,
				       cut ? ", and a power cycle" : "");
	}
	return error;
}

int sl_phase_support(struct sl_verifier *v)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		struct sl_case *x = &v->cases.v[i];

		sl_progress(v, i, v->cases.n);
		if (x->kind != SL_CASE_BASE || x->status || x->refused)
			continue;
		error = again(v, x, false);
		if (!error)
			error = again(v, x, true);
	}
	return error;
}
