/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments on a device as it is. */
#include "observe/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "spec/nvme.h"

#define SETTLE_S   3.0 /* seconds for work in the background to end */
#define SETTLE_MS  20u
#define MINIMISE_S 6.0 /* to find out which commands it takes */
#define CONTROLS   2   /* runs without the commands, which must not show it */
#define ID_CTRL_FR 64  /* offset of the firmware's revision, behind all that says who it is */
#define WATCH_MS   100u
#define WATCH_S	   1.2 /* without a command of ours, and as many looks as that takes */
#define WATCHES	   2

void sl_probe_case(const struct sl_verifier *v, const struct sl_probe *p, struct sl_case *ret)
{
	*ret = (struct sl_case){.nsid = p->nsid, .cmd = p->cmd};
	ret->row = sl_row_find(ret->cmd.set, ret->cmd.req);
	ret->floor = sl_rows[ret->row].floor;
	ret->scope = sl_rows[ret->row].scope;
	sl_facts_collect(v->c, &ret->cmd, NULL, &ret->facts);
	if (ret->facts.declared_known)
		ret->declared = ret->facts.declared;
	(void)snprintf(ret->name, sizeof(ret->name), "%s (%s%s%.0u)", sl_rows[ret->row].name,
		       p->name, p->nsid ? " nsid=" : "", p->nsid);
}

struct differing {
	bool any;
	bool failed; /* the looks themselves were refused, which is recorded */
	bool fixed, firmware;
	bool other;		/* who it is: no firmware changes that */
	struct sl_change first; /* that is fixed */
};

static bool differs(void *ctx, const struct sl_change *c)
{
	struct differing *d = ctx;
	bool field = c->probe && c->probe->facet == SL_FACET_ID_CTRL && c->field;

	if (sl_change_fixed(c) && !d->fixed) {
		d->fixed = true;
		d->first = *c;
	}
	d->firmware |= field && c->field->off == ID_CTRL_FR;
	d->other |= field && c->field->off < ID_CTRL_FR;
	d->any |=
		c->probe && !(d->failed && sl_change_own(c)) &&
		!(c->field && (c->field->rule == SL_FIELD_COUNTS || c->field->rule == SL_FIELD_UP));
	return true;
}

static bool same(const struct sl_verifier *v, const struct sl_look *a, const struct sl_look *b)
{
	struct differing d = {.failed = a->failed || b->failed};

	sl_look_compare(&v->probes, a, b, differs, &d);
	return !d.any;
}

/* What a device says of itself has to stay, whoever else is there, unless its firmware changed. */
void sl_live_check_fixed(struct sl_verifier *v, const struct sl_look *was)
{
	struct differing d = {false};
	struct sl_evidence e;
	struct sl_breach *b;

	/* It answered nothing; and of a device that had gone already there was no look. */
	if (v->gone || v->before.lost)
		return;
	sl_look_compare(&v->probes, was, &v->before, differs, &d);
	if (!d.fixed || (d.firmware && !d.other))
		return;
	sl_change_describe(&d.first, &e);
	b = sl_breach_add(v->out, SL_BREACH_DECLARATION, NULL, &e);
	if (b)
		(void)snprintf(b->note, sizeof(b->note), "by the %lluth command",
			       (unsigned long long)v->rig->commands);
}

void sl_live_check_first(struct sl_verifier *v, const struct sl_probes *early)
{
	for (size_t i = 0; i < early->n; i++)
		for (size_t k = 0; k < v->probes.n; k++) {
			const struct sl_probe *a = &early->v[i], *b = &v->probes.v[k];
			struct sl_change c = {.probe = b};
			struct sl_evidence e;
			struct sl_breach *found;

			if (a->facet != b->facet || memcmp(a->cmd.req, b->cmd.req, SL_REQ_MAX) != 0)
				continue;
			for (uint32_t at = 0; at < b->cmd.data_len; at++)
				if (early->first[a->off + at] != v->probes.first[b->off + at]) {
					c.at = c.len ? c.at : at;
					c.len = at - c.at + 1;
				}
			if (!c.len)
				continue;
			c.old_value = sl_get_le64(early->first + a->off + (c.at & ~7u));
			c.new_value = sl_get_le64(v->probes.first + b->off + (c.at & ~7u));
			sl_change_describe(&c, &e);
			found = sl_breach_add(v->out, SL_BREACH_DECLARATION, NULL, &e);
			if (found)
				(void)snprintf(found->note, sizeof(found->note),
					       "read before anything else was asked, and again");
		}
}

/* Nothing came: it is given its power anew, where it takes that, once. */
static int revive(struct sl_verifier *v, bool *tried)
{
	v->gone = *tried || !(v->rig->can & SL_RIG_POWER);
	*tried = true;
	return v->gone ? 0 : v->rig->ops->power_cycle(v->rig);
}

int sl_live_settle(struct sl_verifier *v)
{
	double start = sl_now();
	bool tried = false;
	int error = sl_look_take(v->rig, &v->probes, v->order++ & 1, false, v->data, &v->again);

	while (!error && !v->gone) {
		error = sl_look_take(v->rig, &v->probes, v->order++ & 1, false, v->data,
				     &v->before);
		if (!error && v->before.lost)
			error = revive(v, &tried);
		if (error || same(v, &v->again, &v->before))
			break;
		if (sl_now() - start > SETTLE_S) {
			(void)sl_probes_learn(&v->probes, &v->again, &v->before);
			v->moved++;
			break;
		}
		v->rig->ops->pass(v->rig, SETTLE_MS);
		error = sl_look_take(v->rig, &v->probes, v->order++ & 1, false, v->data, &v->again);
	}
	v->watched += sl_now() - start;
	v->have_before = true;
	if (!error)
		sl_live_check_fixed(v, &v->start);
	return error;
}

int sl_live_set(struct sl_verifier *v, const struct sl_probe *p, uint64_t value,
		const uint8_t *bytes, bool *ret_ok)
{
	const struct sl_observed *o = sl_observed_of(v->c->protocol);
	uint8_t *payload = calloc(1, SL_RIG_DATA_MAX);
	struct sl_case x = {.nsid = p->nsid};
	struct sl_answer a;
	int r = payload ? 0 : -ENOMEM;

	*ret_ok = false;
	if (!r && o->set && o->set(v->c, p, value, bytes, payload, &x.cmd)) {
		x.row = sl_row_find(x.cmd.set, x.cmd.req);
		x.payload = x.cmd.dir & SL_DIR_OUT ? payload : NULL;
		r = sl_verifier_call(v, &x, &a);
		*ret_ok = !r && sl_answer_ok(&a);
	}
	free(payload);
	return r;
}

/* Blocks of a probe as they were at the start. */
static int write_back(struct sl_verifier *v, const struct sl_probe *p, const uint8_t *bytes)
{
	const struct sl_ns *ns = sl_contract_ns(v->c, p->nsid);
	struct sl_answer a;
	struct sl_case x;

	if (!ns || ns->csi || p->cmd.data_len > SL_RIG_DATA_MAX)
		return 0;
	sl_block_case(v, ns, SL_BLOCK_WRITE, p->lba, p->blocks, &x);
	x.cmd.dir = SL_DIR_OUT;
	memcpy(v->data, bytes, x.cmd.data_len);
	return sl_verifier_call(v, &x, &a);
}

/* Is what a probe reads, as far as it can be set, another than at the start? */
static bool is_other(const struct sl_verifier *v, const struct sl_probe *p)
{
	const uint8_t *a = v->start.bytes + p->off, *b = v->before.bytes + p->off;
	const uint8_t *mask = v->probes.mask + p->off;
	size_t i = (size_t)(p - v->probes.v);

	if (p->facet != SL_FACET_BLOCKS && sl_observed_of(v->c->protocol)->set_by_value)
		return v->start.item[i].result != v->before.item[i].result;
	for (uint32_t at = 0; at < p->cmd.data_len; at++)
		if (a[at] != b[at] && !mask[at])
			return true;
	return false;
}

/* What can be set, and blocks, that are not as they were at the start. *ret_n: how many of them. */
static int put_back_state(struct sl_verifier *v, unsigned *ret_n)
{
	int error = 0;

	*ret_n = 0;
	for (size_t i = 0; i < v->probes.n && !error; i++) {
		const struct sl_probe *p = &v->probes.v[i];
		const struct sl_look_item *was = &v->start.item[i], *is = &v->before.item[i];
		const uint8_t *bytes = v->start.bytes + p->off;
		bool ok = true;

		if (was->status || is->lost || !is_other(v, p))
			continue;
		if (p->facet == SL_FACET_BLOCKS)
			error = write_back(v, p, bytes);
		else
			error = sl_live_set(v, p, was->result, bytes, &ok);
		*ret_n += ok;
	}
	return error;
}

int sl_live_restore(struct sl_verifier *v)
{
	unsigned n = 0;
	int error = 0;

	if (v->rig->can & SL_RIG_POWER)
		error = v->rig->ops->power_cycle(v->rig);
	if (v->rig->can & SL_RIG_POWER)
		v->gone = false; /* it may live again */
	v->silent = 0;
	if (!error && !v->gone)
		error = sl_verifier_prepare(v, true);
	if (!error)
		error = sl_live_settle(v);
	if (!error && v->rig->can & SL_RIG_WRITES)
		error = put_back_state(v, &n);
	return error || !n ? error : sl_live_settle(v);
}

/* Names what has no other name: it happened while many commands were sent. */
static bool note_account(void *ctx, const struct sl_change *c)
{
	struct sl_verifier *v = ctx;
	struct sl_evidence e;
	struct sl_breach *b;

	if (!c->probe || sl_change_own(c) || sl_change_fixed(c) ||
	    (c->probe->facet != SL_FACET_ID_LIST && c->probe->facet != SL_FACET_ID_NS &&
	     c->probe->facet != SL_FACET_ID_CTRL && c->probe->facet != SL_FACET_FEATURE &&
	     c->probe->facet != SL_FACET_FIRMWARE && c->probe->facet != SL_FACET_SECURITY))
		return true;
	if (c->field && (c->field->rule == SL_FIELD_COUNTS || c->field->rule == SL_FIELD_UP))
		return true;
	sl_change_describe(c, &e);
	b = sl_breach_add(v->out, SL_BREACH_UNREPEATED, NULL, &e);
	if (b)
		(void)snprintf(b->note, sizeof(b->note), "by one of the commands of: %s",
			       v->out->n_phases ? v->out->phase[v->phase].name : "the first look");
	v->moved++;
	return true;
}

void sl_live_note(struct sl_verifier *v, const struct sl_look *was)
{
	sl_look_compare(&v->probes, was, &v->before, note_account, v);
}

/* The look before, after a reset and a power cycle. */
int sl_live_cut(struct sl_verifier *v)
{
	int error = v->rig->ops->reset(v->rig);

	if (!error)
		error = v->rig->ops->power_cycle(v->rig);
	return error ? error : sl_live_settle(v);
}

int sl_live_again(struct sl_verifier *v, const struct sl_trial *r, unsigned from, unsigned to,
		  struct sl_difference *ret)
{
	struct sl_trial part;
	unsigned n = 0;
	int error = sl_live_restore(v);

	ret->n = ret->more = ret->n_kept = 0;
	if (!error && r->flags & SL_TRIAL_CUT && !v->gone)
		error = sl_live_cut(v);
	if (error)
		return error;
	error = sl_trial_new(v, to - from, &part);
	if (error)
		return error;
	for (unsigned i = from; i < to; i++)
		if (r->step[i].keep)
			part.step[n++] = (struct sl_step){.x = r->step[i].x, .keep = true};
	part.n = n;
	part.flags = r->flags & ~(unsigned)SL_TRIAL_AUDIT;
	part.order = r->order;
	error = sl_trial_run(v, &part);
	if (!error && part.looked & 1)
		sl_look_explain(v, &part, SL_STAGE_NOW, &v->before, &part.look[SL_STAGE_NOW], ret);
	sl_trial_done(&part);
	v->have_before = false;
	return error ? error : ret->n > 0;
}

/* Does anything differ in a place in which it did before? */
static bool same_place(const struct sl_difference *a, const struct sl_difference *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; k < b->n; k++)
			if (a->v[i].change.probe == b->v[k].change.probe)
				return true;
	return false;
}

/* As above, and in the same place. */
static int shows(struct sl_verifier *v, const struct sl_trial *r, unsigned from, unsigned to,
		 const struct sl_difference *d, struct sl_difference *ret)
{
	int found = sl_live_again(v, r, from, to, ret);

	return found > 0 ? same_place(d, ret) : found;
}

/* Leaves out what it does not take, between the first and the last. */
static int thin_out(struct sl_verifier *v, struct sl_trial *r, unsigned from, unsigned to,
		    const struct sl_difference *d, double until)
{
	struct sl_difference *t = calloc(1, sizeof(*t));
	int found = t ? 0 : -ENOMEM;

	for (unsigned size = to - from - 2; t && size && found >= 0 && sl_now() < until;
	     size = size == 1 ? 0 : (size + 1) / 2)
		for (unsigned at = from + 1; at + 1 < to && found >= 0 && sl_now() < until;
		     at += size) {
			bool any = false;

			for (unsigned i = at; i < at + size && i + 1 < to; i++)
				any |= r->step[i].keep;
			if (!any)
				continue;
			for (unsigned i = at; i < at + size && i + 1 < to; i++)
				r->step[i].keep = false;
			found = shows(v, r, from, to, d, t);
			for (unsigned i = at; !found && i < at + size && i + 1 < to; i++)
				r->step[i].keep = true;
		}
	free(t);
	return found < 0 ? found : 0;
}

/* The first and the last of the commands that it takes; all others are no longer kept. */
static int minimise(struct sl_verifier *v, struct sl_trial *r, const struct sl_difference *d)
{
	struct sl_difference *t = calloc(1, sizeof(*t));
	unsigned low = 0, from = 0, to = r->n, high;
	double until = sl_now() + MINIMISE_S;
	int found = t ? 0 : -ENOMEM;

	/* The first `low` do not do it, the first `to` do. */
	while (found >= 0 && to - low > 1 && sl_now() < until) {
		unsigned mid = low + (to - low) / 2;

		found = shows(v, r, 0, mid, d, t);
		if (found > 0)
			to = mid;
		else
			low = mid;
	}
	/* From `from` on they do, from `high` on they do not. */
	for (high = to; found >= 0 && high - from > 1 && sl_now() < until;) {
		unsigned mid = from + (high - from) / 2;

		found = shows(v, r, mid, to, d, t);
		if (found > 0)
			from = mid;
		else
			high = mid;
	}
	for (unsigned i = 0; i < r->n; i++)
		r->step[i].keep = i >= from && i < to;
	free(t);
	return found < 0 ? found : to - from > 2 ? thin_out(v, r, from, to, d, until) : 0;
}

static bool one_row(const struct sl_trial *r)
{
	for (unsigned i = 1; i < r->n; i++)
		if (r->step[i].x->row != r->step[0].x->row)
			return false;
	return true;
}

/* One of the looks' commands, of another opcode than all of the run's. */
static void harmless_beside(const struct sl_verifier *v, const struct sl_trial *r,
			    struct sl_case *ret)
{
	for (size_t i = 0; i < v->probes.n; i++) {
		bool other = v->probes.v[i].facet != SL_FACET_BLOCKS;

		sl_probe_case(v, &v->probes.v[i], ret);
		for (unsigned k = 0; k < r->n && other; k++)
			other = r->step[k].x->cmd.set != ret->cmd.set ||
				r->step[k].x->cmd.req[0] != ret->cmd.req[0];
		if (other)
			return;
	}
	*ret = v->neutral;
}

/* As often as it was done, something harmless instead: does it show as well? */
static int control(struct sl_verifier *v, const struct sl_trial *r, const struct sl_difference *d)
{
	struct sl_difference *t = calloc(1, sizeof(*t));
	struct sl_trial idle;
	struct sl_case x;
	unsigned n = 0;
	int found = t ? 0 : -ENOMEM;

	for (unsigned i = 0; i < r->n; i++)
		n += r->step[i].keep;
	if (!found)
		found = sl_trial_new(v, n, &idle);
	if (found) {
		free(t);
		return found;
	}
	harmless_beside(v, r, &x);
	for (unsigned i = 0; i < n; i++)
		idle.step[i] = (struct sl_step){.x = &x, .keep = true};
	idle.order = r->order;
	idle.flags = r->flags & (SL_TRIAL_CUT | SL_TRIAL_REPEAT);
	for (unsigned i = 0; i < CONTROLS && !found; i++)
		found = shows(v, &idle, 0, n, d, t);
	sl_trial_done(&idle);
	free(t);
	return found;
}

/*
 * Where things have moved by themselves, somebody else may have been about just twice, and away
 * just twice: then with the commands and without, in turns. 1: it is the commands each time.
 */
static int in_turns(struct sl_verifier *v, struct sl_trial *r, const struct sl_difference *d)
{
	struct sl_difference *t = calloc(1, sizeof(*t));
	int found = t ? 1 : -ENOMEM;

	for (unsigned i = 0; i < SL_LIVE_TURNS && found > 0 && v->moved; i++) {
		found = shows(v, r, 0, r->n, d, t);
		if (found > 0)
			found = control(v, r, d);
		else
			continue;
		found = found < 0 ? found : !found;
	}
	free(t);
	return found;
}

static const struct sl_unexplained *worst_of(const struct sl_difference *d)
{
	const struct sl_unexplained *worst = &d->v[0];

	for (unsigned i = 1; i < d->n; i++)
		if (sl_unexplained_rank(&d->v[i]) > sl_unexplained_rank(worst))
			worst = &d->v[i];
	return worst;
}

/* Was what changed put back, so that doing it again could show? */
static bool put_back(const struct sl_verifier *v, const struct sl_change *c,
		     const struct sl_look *before)
{
	size_t i = (size_t)(c->probe - v->probes.v);

	return before->item[i].status == v->before.item[i].status &&
	       before->item[i].result == v->before.item[i].result &&
	       memcmp(before->bytes + c->probe->off, v->before.bytes + c->probe->off,
		      c->probe->cmd.data_len) == 0;
}

/* Nothing has ever moved here by itself, and nothing does now. */
static int is_quiet(struct sl_verifier *v, bool *ret)
{
	double start = sl_now();
	int error = sl_live_settle(v);
	double watch = sl_now();

	*ret = v->moved == 0;
	for (unsigned i = 0;
	     (i < WATCHES || sl_now() - watch < WATCH_S) && *ret && !error && !v->gone; i++) {
		v->rig->ops->pass(v->rig, WATCH_MS);
		error = sl_look_take(v->rig, &v->probes, i & 1, false, v->data, &v->again);
		*ret = same(v, &v->before, &v->again);
	}
	v->moved += !*ret;
	v->watched += sl_now() - start;
	v->have_before = false;
	return error;
}

static void unattributed(struct sl_verifier *v, const struct sl_change *c, const struct sl_case *x,
			 unsigned id)
{
	struct sl_evidence e;

	sl_change_describe(c, &e);
	(void)sl_breach_add(v->out, id, x, &e);
}

/*
 * It was sent before, and did not do it: what counts all commands, or waits for its time, does it
 * behind whichever command comes then.
 */
static bool sent_before(const struct sl_trial *r)
{
	bool before = r->flags & SL_TRIAL_REPEAT && r->n > 1;

	for (unsigned i = 0; i < r->n; i++)
		before |= r->step[i].x->tried;
	return before;
}

/* Unattributed, with the command that it came behind. */
static void only_behind(struct sl_verifier *v, const struct sl_change *c, const struct sl_trial *r)
{
	struct sl_evidence e;
	struct sl_breach *b;

	sl_change_describe(c, &e);
	b = sl_breach_add(v->out, SL_BREACH_UNREPEATED, NULL, &e);
	if (b)
		(void)snprintf(b->note, sizeof(b->note),
			       "behind %.60s, which had been sent before without that: a count of "
			       "commands, or time, may have done it",
			       r->step[r->n - 1].x->name);
}

/* A log, or a value in one, that goes where it likes: what is seen there once says nothing. */
static bool is_log(const struct sl_change *c)
{
	return c->probe && !c->status && !sl_change_kept(c) && !sl_change_fixed(c) &&
	       sl_effects_within(sl_facets[c->probe->facet].effects, SL_E_LOG | SL_E_BACKGROUND);
}

/*
 * What did not show a second time. Where it could be put back, it may have been anybody's doing.
 * Where it could not, there was nothing to be seen again: one command stood alone in between, and
 * if nothing has ever moved without a command of ours, nobody else is there to have done it.
 */
static int not_again(struct sl_verifier *v, struct sl_trial *r, const struct sl_difference *d,
		     const struct sl_look *first)
{
	const struct sl_change *c = &worst_of(d)->change;
	struct sl_breach *b;
	bool quiet = false, settable = false;
	int error = 0;

	/* What we could set, and is not as we set it, somebody else has set. */
	if (c->probe && v->rig->can & SL_RIG_WRITES)
		error = sl_live_set(v, c->probe, c->old_value, first->bytes + c->probe->off,
				    &settable);
	if (!error && !settable && c->probe && c->probe->facet != SL_FACET_BLOCKS && !is_log(c) &&
	    !put_back(v, c, first) && one_row(r))
		error = is_quiet(v, &quiet);
	else
		v->moved++;
	if (v->gone) {
		unattributed(v, c, r->step[r->n - 1].x, SL_BREACH_LOST);
		return error;
	}
	if (!error && quiet && sent_before(r)) {
		only_behind(v, c, r);
		return 0;
	}
	if (error || !quiet) {
		unattributed(v, c, one_row(r) ? r->step[r->n - 1].x : NULL, SL_BREACH_UNREPEATED);
		return error;
	}
	b = sl_breach_from(v, r, d);
	if (!b)
		return 0;
	b->n_before = 0;
	(void)snprintf(b->note, sizeof(b->note),
		       "seen once%s; it could not be put back to be seen again. Nothing has moved "
		       "by itself in %.0f s of watching",
		       r->n > 1 ? ", by one of several forms of it" : "", v->watched);
	return 0;
}

/* Was it seen to change with something harmless in the place of the commands? */
static bool moved_before(const struct sl_verifier *v, const struct sl_change *c)
{
	struct sl_evidence e;

	sl_change_describe(c, &e);
	for (size_t i = 0; i < v->out->n; i++)
		if (v->out->v[i].id == SL_BREACH_MOVES && v->out->v[i].n_evidence &&
		    strcmp(v->out->v[i].evidence[0].where, e.where) == 0)
			return true;
	return false;
}

static void note_repeats(const struct sl_trial *r, struct sl_breach *b)
{
	if (!b || !(r->flags & SL_TRIAL_REPEAT))
		return;
	b->n_before = 0;
	(void)snprintf(b->note, sizeof(b->note),
		       "each time that it was sent up to %u times in a row", r->n);
}

static int confirm(struct sl_verifier *v, struct sl_trial *r, struct sl_difference *d)
{
	struct sl_difference *second = calloc(1, sizeof(*second));
	struct sl_look first = {0};
	int found = second ? sl_look_new(&v->probes, &first) : -ENOMEM;

	if (!found) {
		struct sl_look t = first;

		first = v->before;
		v->before = t;
		v->have_before = false;
		found = shows(v, r, 0, r->n, d, second);
	}
	/* How often it takes cannot be told: its count goes on. */
	if (found > 0 && r->n > 1 && !(r->flags & SL_TRIAL_REPEAT)) {
		int error = minimise(v, r, d);

		found = error ? error : 1;
	}
	/* Once more what is left, and then something harmless in its place. */
	if (found > 0)
		found = shows(v, r, 0, r->n, d, second);
	if (found > 0) {
		int moves = moved_before(v, &worst_of(d)->change) ? 1 : control(v, r, d);

		if (!moves) {
			found = in_turns(v, r, d);
			moves = found < 0 ? found : !found;
		}
		if (moves < 0)
			found = moves;
		else if (moves)
			unattributed(v, &worst_of(d)->change, NULL, SL_BREACH_MOVES);
		else
			note_repeats(r, sl_breach_from(v, r, second));
		v->moved += moves > 0;
	} else if (found == 0) {
		found = not_again(v, r, d, &first);
	}
	sl_look_done(&first);
	free(second);
	return found < 0 ? found : 0;
}

int sl_experiment_live(struct sl_verifier *v, struct sl_trial *r)
{
	struct sl_difference *d = calloc(1, sizeof(*d));
	bool calm = true;
	int error = d ? 0 : -ENOMEM;

	r->order = r->order ? r->order : v->order++ % 8;
	if (!error && !v->have_before)
		error = sl_live_settle(v);
	if (!error)
		error = sl_trial_run(v, r);
	if (!error) {
		sl_trial_check_steps(v, r);
		if (r->looked & 1)
			sl_look_explain(v, r, SL_STAGE_NOW, &v->before, &r->look[SL_STAGE_NOW], d);
	}
	for (unsigned i = 0; i < r->n; i++)
		calm &= sl_case_harmless(r->step[i].x);
	if (!error && d->n && sl_breach_again(v, r, d)) {
		error = sl_live_restore(v);
		v->have_before = false;
	} else if (!error && d->n) {
		error = confirm(v, r, d);
		v->have_before = false;
	} else if (!error && r->looked & 1 && calm) {
		struct sl_look t = v->before;

		v->before = r->look[SL_STAGE_NOW];
		r->look[SL_STAGE_NOW] = t;
		v->have_before = true;
	} else {
		v->have_before = false;
	}
	free(d);
	return error;
}
