/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an experiment to a finding: is there something that its commands do not explain, which of
 * them does it take, and does it happen again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/live.h"
#include "observe/phase.h"
#include "observe/recipe.h"
#include "observe/state.h"

#define MINIMISE_S 1.5 /* seconds to look for the commands that it takes */
#define ROUNDS_MAX 6   /* findings that one experiment may hold */

static bool fresh(const struct sl_verifier *v)
{
	return v->rig->can & SL_RIG_FRESH;
}

/* It shows in this step alone. */
static void by_step(struct sl_breach *b, const struct sl_trial *r, const struct sl_step *s)
{
	if (b)
		b->recipe = sl_recipe_of_step(r, s);
}

/* What was written and came back otherwise. */
static void check_stored(struct sl_verifier *v, const struct sl_trial *r, const struct sl_step *s)
{
	struct sl_evidence e = {.where = "reading back", .effects = SL_E_DATA};
	const struct sl_ns *ns = sl_contract_ns(v->c, s->x->nsid);
	struct sl_case read;

	e.exhibit = v->stored_case == s->x ? &v->stored : NULL;

	if (s->mismatch & SL_MISMATCH_READ) {
		sl_block_case(v, ns, SL_BLOCK_READ, sl_case_lba(s->x), 1, &read);
		(void)snprintf(e.what, sizeof(e.what),
			       "not what was written, although that is what is stored");
		by_step(sl_breach_add(v->out, SL_BREACH_UNWRITTEN, &read, &e), r, s);
	} else if (s->mismatch & SL_MISMATCH_AT_ONCE) {
		(void)snprintf(e.what, sizeof(e.what), "not what was written");
		by_step(sl_breach_add(v->out, SL_BREACH_NOT_STORED, s->x, &e), r, s);
	}
}

/* What single answers say, whatever else changed. */
void sl_trial_check_steps(struct sl_verifier *v, const struct sl_trial *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct sl_step *s = &r->step[i];
		struct sl_evidence e = {0};
		struct sl_breach *b;

		if (!s->keep || !s->x)
			continue;
		if (!s->a.lost && s->a.len > s->x->cmd.data_len) {
			(void)snprintf(e.where, sizeof(e.where), "length of the answer");
			(void)snprintf(e.what, sizeof(e.what), "%u bytes into %u", s->a.len,
				       s->x->cmd.data_len);
			by_step(sl_breach_add(v->out, SL_BREACH_OVERRUN, s->x, &e), r, s);
		}
		check_stored(v, r, s);
		if (!s->a.lost)
			continue;
		(void)snprintf(e.where, sizeof(e.where), "%s",
			       s->a.lost == SL_RIG_FAILED   ? "the transport failed"
			       : s->a.lost == SL_RIG_SILENT ? "no answer in time"
							    : "the device went away");
		(void)snprintf(e.what, sizeof(e.what), "%s",
			       s->a.error ? strerror(s->a.error) : "");
		b = sl_breach_add(v->out, SL_BREACH_LOST, s->x, &e);
		by_step(b, r, s);
		if (b)
			b->observed = SL_E_AVAILABILITY;
	}
}

struct fixed {
	struct sl_verifier *v;
	struct sl_change found;
	bool any, firmware, dead;
};

static bool find_fixed(void *ctx, const struct sl_change *c)
{
	struct fixed *f = ctx;

	if (c->status && c->new_status & 0x8000)
		f->dead = true;
	if (c->probe && c->probe->facet == SL_FACET_ID_CTRL && c->field && c->field->off == 64)
		f->firmware = true;
	if (!f->any && sl_change_fixed(c)) {
		f->any = true;
		f->found = *c;
	}
	return true;
}

/* What a device declares of itself has to stay while nothing but harmless commands runs. */
static void check_fixed(struct sl_verifier *v, const struct sl_trial *twin)
{
	for (unsigned s = 0; s < _SL_STAGE_N; s++) {
		struct fixed f = {.v = v};
		struct sl_evidence e;
		struct sl_breach *b;

		if (!(twin->looked >> s & 1) || twin->prefix)
			continue;
		sl_look_compare(&v->probes, &v->start, &twin->look[s], find_fixed, &f);
		if (f.dead) {
			e = (struct sl_evidence){.where = "by itself",
						 .effects = SL_E_AVAILABILITY};
			(void)snprintf(e.what, sizeof(e.what), "no answer any more%s",
				       s ? ", an hour later" : "");
			(void)sl_breach_add(v->out, SL_BREACH_LOST, NULL, &e);
		}
		if (!f.any || f.firmware)
			continue;
		sl_change_describe(&f.found, &e);
		b = sl_breach_add(v->out, SL_BREACH_DECLARATION, NULL, &e);
		if (b)
			(void)snprintf(b->note, sizeof(b->note),
				       "after at most %u harmless commands%s and the looks",
				       twin->n,
				       s == SL_STAGE_NOW     ? ""
				       : s == SL_STAGE_LATER ? ", an hour later"
							     : ", a reset and a power cycle");
	}
}

/*
 * The run with nothing in it that is in question; where it is exact, with as much sent in the place
 * of what was read back.
 */
static int make_twin(struct sl_verifier *v, const struct sl_trial *r, bool exact,
		     struct sl_trial *ret)
{
	int error = sl_trial_new(v, r->n, ret);

	if (error)
		return error;
	ret->flags = r->flags & ~(unsigned)(SL_TRIAL_READBACK | SL_TRIAL_AUDIT | SL_TRIAL_REPEAT);
	ret->stages = r->stages;
	ret->elapsed = r->elapsed;
	ret->prefix = r->prefix;
	for (unsigned i = 0; i < r->n; i++)
		ret->step[i] = (struct sl_step){.x = r->step[i].x,
						.keep = i < r->prefix,
						.own = exact ? r->step[i].own : 0};
	ret->own = exact ? r->own : 0;
	error = sl_trial_run(v, ret);
	if (error)
		sl_trial_done(ret);
	else
		check_fixed(v, ret);
	return error;
}

/*
 * Twins that hold nothing but harmless commands are all alike: the last few are kept. A run that
 * read back has sent more commands, and gets a twin without.
 */
static struct sl_trial *twin_of(struct sl_verifier *v, const struct sl_trial *r, int *ret_error)
{
	struct sl_trial *t;

	for (unsigned i = 0; i < SL_TWINS_MAX; i++) {
		t = &v->twins[i];
		if (!r->prefix && t->step && !t->prefix && t->n == r->n &&
		    t->elapsed == r->elapsed && (t->stages & r->stages) == r->stages &&
		    t->flags == (r->flags &
				 ~(unsigned)(SL_TRIAL_READBACK | SL_TRIAL_AUDIT | SL_TRIAL_REPEAT)))
			return t;
	}
	t = &v->twins[v->next_twin++ % SL_TWINS_MAX];
	sl_trial_done(t);
	*ret_error = make_twin(v, r, false, t);
	return *ret_error ? NULL : t;
}

/* Did it send more than its steps? */
static bool sent_more(const struct sl_trial *r)
{
	uint64_t n = r->own;

	for (unsigned i = 0; i < r->n; i++)
		n += r->step[i].own;
	return n;
}

/* Does it stay when the twin sends as much? What comes by chance or count comes to both then. */
static int compare_exactly(struct sl_verifier *v, const struct sl_trial *r, struct sl_difference *d)
{
	struct sl_trial twin = {0};
	int error = make_twin(v, r, true, &twin);

	if (!error)
		sl_trial_compare(v, r, &twin, d);
	sl_trial_done(&twin);
	return error;
}

/* Runs what is kept; what is left unexplained is in *d. */
static int try_run(struct sl_verifier *v, struct sl_trial *r, struct sl_difference *d)
{
	struct sl_trial *twin;
	int error = sl_trial_run(v, r);

	d->n = d->more = d->n_kept = 0;
	if (error)
		return error;
	twin = twin_of(v, r, &error);
	if (twin)
		sl_trial_compare(v, r, twin, d);
	if (!error && d->n && sent_more(r))
		error = compare_exactly(v, r, d);
	return error;
}

/* Leaves out chunks of commands as long as something stays unexplained. */
static int minimise(struct sl_verifier *v, struct sl_trial *r, struct sl_difference *d)
{
	double until = sl_now() + MINIMISE_S;
	unsigned n = r->n - r->prefix;
	int error = 0;

	for (unsigned size = (n + 1) / 2; size && !error && sl_now() < until;
	     size = size == 1 ? 0 : (size + 1) / 2) {
		for (unsigned at = r->prefix; at < r->n && !error && sl_now() < until; at += size) {
			unsigned end = at + size < r->n ? at + size : r->n;
			bool was[4096];
			bool any = false, other = false;

			if (end - at > sizeof(was))
				return -E2BIG;
			for (unsigned i = r->prefix; i < r->n; i++) {
				bool in = i >= at && i < end;

				if (in)
					was[i - at] = r->step[i].keep;
				any |= in && r->step[i].keep;
				other |= !in && r->step[i].keep;
			}
			if (!any || !other)
				continue;
			for (unsigned i = at; i < end; i++)
				r->step[i].keep = false;
			error = try_run(v, r, d);
			if (!error && d->n)
				continue;
			for (unsigned i = at; i < end; i++)
				r->step[i].keep = was[i - at];
		}
	}
	return error ? error : try_run(v, r, d);
}

/* Is the block that step `at` wrote still changed by what else is kept? */
static int still_lost(struct sl_verifier *v, struct sl_trial *r, unsigned at, bool *ret)
{
	int error = sl_trial_run(v, r);

	*ret = r->step[at].mismatch & SL_MISMATCH_LATER;
	return error;
}

/*
 * A block that held what was written to it holds something else at the end: which of the later
 * commands does it take? They all name other blocks.
 */
static int find_overwriter(struct sl_verifier *v, struct sl_trial *r, unsigned at)
{
	struct sl_evidence e = {.effects = SL_E_DATA};
	unsigned low = at + 1, high = r->n; /* the first `low` do not do it, the first `high` do */
	struct sl_breach *b;
	int error = 0;

	while (low < high && !error) {
		unsigned mid = low + (high - low) / 2;
		bool lost = false;

		for (unsigned i = 0; i < r->n; i++)
			r->step[i].keep = i <= mid;
		error = still_lost(v, r, at, &lost);
		if (lost)
			high = mid;
		else
			low = mid + 1;
	}
	for (unsigned i = 0; i < r->n; i++)
		r->step[i].keep = true;
	if (error)
		return error;
	(void)snprintf(e.where, sizeof(e.where), "block %llu nsid=%u",
		       (unsigned long long)sl_case_lba(r->step[at].x), r->step[at].x->nsid);
	(void)snprintf(e.what, sizeof(e.what), "no longer what was written to it");
	b = sl_breach_add(v->out, low < r->n ? SL_BREACH_SCOPE : SL_BREACH_UNWRITTEN,
			  r->step[low < r->n ? low : at].x, &e);
	if (b && low < r->n) {
		b->n_before = 1;
		(void)snprintf(b->before[0], sizeof(b->before[0]), "%s", r->step[at].x->name);
	}
	return 0;
}

static int check_audit(struct sl_verifier *v, struct sl_trial *r)
{
	for (unsigned i = 0; r->flags & SL_TRIAL_AUDIT && i < r->n; i++)
		if ((r->step[i].mismatch & SL_MISMATCH_LATER) &&
		    !(r->step[i].mismatch & SL_MISMATCH_READ))
			return find_overwriter(v, r, i);
	return 0;
}

/* Of one command again and again: how often does it take? */
static int count_down(struct sl_verifier *v, struct sl_trial *r, struct sl_difference *d)
{
	unsigned low = 0, high = r->n; /* low is not enough, high is */
	int error = 0;

	while (high - low > 1 && !error) {
		unsigned mid = low + (high - low) / 2;

		for (unsigned i = 0; i < r->n; i++)
			r->step[i].keep = i < mid;
		error = try_run(v, r, d);
		if (d->n)
			high = mid;
		else
			low = mid;
	}
	for (unsigned i = 0; i < r->n; i++)
		r->step[i].keep = i < high;
	return error ? error : try_run(v, r, d);
}

static void note_count(const struct sl_trial *r, struct sl_breach *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		n += r->step[i].keep;
	if (b && r->flags & SL_TRIAL_REPEAT && n > 1) {
		(void)snprintf(b->note, sizeof(b->note), "from its %uth time on", n);
		b->n_before = 0;
	}
}

/*
 * A run that reads back what it writes sends more than its steps: where nothing is left without
 * the reads, it was the read of the last block that did it.
 */
static int blame_read(struct sl_verifier *v, struct sl_trial *r, struct sl_difference *d)
{
	struct sl_difference with = *d;
	struct sl_step *last = NULL;
	const struct sl_ns *ns;
	int error;

	for (unsigned i = r->prefix; i < r->n; i++)
		if (r->step[i].keep)
			last = &r->step[i];
	ns = last ? sl_contract_ns(v->c, last->x->nsid) : NULL;
	if (!(r->flags & SL_TRIAL_READBACK) || !ns || !sl_observed_of(v->c->protocol)->block)
		return 0;
	r->flags &= ~(unsigned)(SL_TRIAL_READBACK | SL_TRIAL_AUDIT);
	error = try_run(v, r, d);
	r->flags |= SL_TRIAL_READBACK;
	if (error || d->n)
		return error;
	*d = with;
	sl_block_case(v, ns, SL_BLOCK_READ, sl_case_lba(last->x), 1, &v->culprit);
	last->x = &v->culprit;
	return 0;
}

static int experiment_fresh(struct sl_verifier *v, struct sl_trial *r)
{
	bool *kept = calloc(r->n + 1, sizeof(*kept));
	struct sl_difference *d = malloc(sizeof(*d));
	int error = kept && d ? try_run(v, r, d) : -ENOMEM;

	if (!error) {
		sl_trial_check_steps(v, r);
		error = check_audit(v, r);
	}
	for (unsigned round = 0; !error && d->n && round < ROUNDS_MAX; round++) {
		struct sl_difference first = *d;

		for (unsigned i = 0; i < r->n; i++)
			kept[i] = r->step[i].keep;
		if (r->flags & SL_TRIAL_REPEAT)
			error = count_down(v, r, d);
		else if (r->n - r->prefix > 1)
			error = minimise(v, r, d);
		if (error)
			break;
		if (!d->n) { /* by chance, then: it does not come again */
			*d = first;
			for (unsigned i = 0; i < r->n; i++)
				r->step[i].keep = kept[i];
		}
		error = blame_read(v, r, d);
		if (error)
			break;
		note_count(r, sl_breach_from(v, r, d));
		if (r->n - r->prefix == 1 || r->flags & SL_TRIAL_REPEAT)
			break;
		/* The rest without these: is there more? */
		for (unsigned i = r->prefix; i < r->n; i++)
			r->step[i].keep = kept[i] && !r->step[i].keep;
		error = try_run(v, r, d);
	}
	free(kept);
	free(d);
	return error;
}

int sl_experiment(struct sl_verifier *v, struct sl_trial *r)
{
	int error;

	if (sl_state_skip(v, r))
		return 0;
	error = fresh(v) ? experiment_fresh(v, r) : sl_experiment_live(v, r);
	if (!error)
		sl_state_note(v, r);
	return error;
}
