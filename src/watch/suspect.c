/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a change that nothing explains to a finding. It counts against the device only where other
 * actors are excluded by named evidence, and where it is not a matter of chance: what moves by
 * itself falls into a window in which somebody's commands ran as often as there are such windows.
 * Until both hold it is unattributed: on record, and alerted.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "watch/key.h"
#include "watch/watcher.h"

#define CHANCE	  0.02 /* that it happened by itself, at most, for it to count */
#define STILL_MIN 1.0  /* seconds that must have been watched at all */

/* Everything but the command identifier and the pointers. */
static bool same_command(const struct sl_act *a, const struct sl_act *b)
{
	return a->cmd.set == b->cmd.set && a->cmd.req[0] == b->cmd.req[0] &&
	       memcmp(a->cmd.req + 4, b->cmd.req + 4, 12) == 0 &&
	       memcmp(a->cmd.req + 40, b->cmd.req + 40, 24) == 0;
}

/* Who ran in the window: those of the likeliest kind. */
static void find_candidates(const struct sl_watched *d, const struct sl_sight *s,
			    struct sl_suspicion *ret)
{
	const struct sl_act *act;

	for (unsigned level = 0; level < _SL_LEVEL_N && !ret->all; level++) {
		uint64_t at = 0;

		ret->level = (uint8_t)level;
		ret->beside = 0;
		while (!s->who && (act = sl_window_next(d->w->acts, &s->window, &at))) {
			if (act->own)
				continue;
			if (sl_act_level(act) != level) {
				ret->beside++;
				continue;
			}
			/* Of many, the last: the first may have been forgotten. */
			if (ret->n == SL_CANDIDATES_MAX) {
				memmove(ret->candidate, ret->candidate + 1,
					sizeof(*act) * (SL_CANDIDATES_MAX - 1));
				ret->n--;
			}
			ret->candidate[ret->n++] = *act;
			ret->all++;
		}
	}
	if (s->who) {
		ret->candidate[0] = *s->who;
		ret->n = ret->all = 1;
		ret->level = SL_LEVEL_STIRS;
	}
}

/* How likely it is that such windows hold a change that nobody made. */
static double chance(struct sl_watched *d, const struct sl_suspicion *x)
{
	const struct sl_chunk *c = x->s.nsid ? sl_blocks_find(d, x->s.nsid, x->s.lba) : NULL;
	const double *busy = c ? c->busy : d->busy;
	double all = c ? c->t - c->t_first : d->t_look - d->t_first;
	double f = all > STILL_MIN ? busy[x->level == SL_LEVEL_STIRS] / all : 1, p = 1;

	for (unsigned i = 0; i < x->times; i++)
		p *= f;
	return p;
}

static bool excluded(const struct sl_watched *d, const struct sl_suspicion *x)
{
	return x->s.nobody || !d->others[0];
}

static bool is_sure(struct sl_watched *d, const struct sl_suspicion *x)
{
	bool sole = d->w->config.device[d->index].evidence & SL_WATCH_SOLE;

	if (!excluded(d, x))
		return false;
	return x->s.strong || (sole && !x->s.noise) || chance(d, x) <= CHANCE;
}

/* What all of them are, if they are one thing; NULL. */
static const struct sl_act *the_one(const struct sl_suspicion *x)
{
	for (unsigned i = 1; i < x->n; i++)
		if (sl_key_of(&x->candidate[i].cmd) != sl_key_of(&x->candidate[0].cmd))
			return NULL;
	return x->n ? &x->candidate[x->n - 1] : NULL;
}

static void name(const struct sl_suspicion *x, struct sl_note *n)
{
	const struct sl_act *one = the_one(x);
	char text[160];

	if (one && x->all == 1)
		sl_act_name(one, text, sizeof(text));
	else if (one)
		(void)snprintf(text, sizeof(text), "%s, one of %u", sl_rows[one->row].name, x->all);
	else if (x->n)
		(void)snprintf(text, sizeof(text), "one of %u commands", x->all);
	else
		text[0] = '\0';
	(void)snprintf(n->command, sizeof(n->command), "%.*s", (int)sizeof(n->command) - 1, text);
	if (one) {
		n->row.key = sl_key_of(&one->cmd);
		n->row.observed = sl_key_observed(&one->cmd, x->s.effects);
	}
}

static const char *const levels[_SL_LEVEL_N] = {
	[SL_LEVEL_STIRS] = "that may change state",
	[SL_LEVEL_WORKS] = "at work",
	[SL_LEVEL_REPORTS] = "that report",
};

/* The same commands' other traces are of the same finding, and so is all that moves by itself. */
static void add_evidence(struct sl_watched *d, const struct sl_suspicion *x, struct sl_note *n)
{
	sl_note_line(n, "evidence", "%s: %s", x->s.where, x->s.what);
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX && n->n_lines < 8; i++) {
		const struct sl_suspicion *o = &d->suspicion[i];

		if (o != x && o->times && x->n && o->n && strcmp(o->s.kind, x->s.kind) == 0 &&
		    o->candidate[o->n - 1].intent == x->candidate[x->n - 1].intent)
			sl_note_line(n, "evidence", "%s: %s", o->s.where, o->s.what);
	}
	for (unsigned i = 0; !x->n && i < d->n_moving && n->n_lines < 8; i++)
		if (strcmp(d->moving[i], x->s.where) != 0)
			sl_note_line(n, "also", "%s", d->moving[i]);
}

static void tell(struct sl_watched *d, struct sl_suspicion *x)
{
	struct sl_note n = {
		.state = x->counts ? SL_NOTE_COUNTS : SL_NOTE_ALERTS,
		.row = {.say = SL_TRUST_SAY_CAUGHT, .match = SL_TRUST_BY_SERIAL},
		.by = "watch",
	};

	sl_note_about(&n, &d->doc->contract);
	(void)snprintf(n.kind, sizeof(n.kind), "%s", x->s.kind);
	sl_note_now(&n);
	name(x, &n);
	add_evidence(d, x, &n);
	sl_note_line(&n, "window", "ledger records %llu to %llu: of others %u %s, %u more",
		     (unsigned long long)x->s.window.from, (unsigned long long)x->s.window.to,
		     x->all, levels[x->level], x->beside);
	for (unsigned i = x->n > 8 ? x->n - 8 : 0; i < x->n; i++) {
		char text[120];

		sl_act_name(&x->candidate[i], text, sizeof(text));
		sl_note_line(&n, "suspect", "%s (record %llu, uid %u)", text,
			     (unsigned long long)x->candidate[i].intent, x->candidate[i].uid);
	}
	if (d->excluded[0])
		sl_note_line(&n, "excluded", "%s", d->excluded);
	if (d->others[0])
		sl_note_line(&n, "not excluded", "%s", d->others);
	if (!x->s.strong)
		sl_note_line(&n, "chance",
			     "%.1f %% that it moved by itself: seen %u time%s while something ran, "
			     "never else in %.0f s",
			     100 * chance(d, x), x->times, x->times == 1 ? "" : "s",
			     d->t_look - d->t_first);
	x->told = true;
	sl_watch_report(d, &n);
}

static void weigh(struct sl_watched *d, struct sl_suspicion *x)
{
	bool was = x->counts;

	x->counts = was || is_sure(d, x);
	if (!x->told || x->counts != was)
		tell(d, x);
}

/* It changed while nobody did anything: said once, where it is more than a log. */
static void by_itself(struct sl_watched *d, const struct sl_sight *s)
{
	struct sl_suspicion x = {.s = *s, .times = 1, .told = true};

	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++)
		if (strcmp(d->suspicion[i].s.where, s->where) == 0 && !d->suspicion[i].counts)
			d->suspicion[i].times = 0;
	for (unsigned i = 0; i < d->n_moving; i++)
		if (strcmp(d->moving[i], s->where) == 0)
			return;
	if (d->n_moving == SL_SUSPICIONS_MAX || s->noise)
		return;
	memcpy(d->moving[d->n_moving++], s->where, sizeof(d->moving[0]));
	x.s.kind = "changes-by-itself";
	tell(d, &x);
}

/* The same thing again: only those that ran each time are still suspected. */
static void again(struct sl_suspicion *x, const struct sl_suspicion *now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < now->n; i++)
		for (unsigned k = 0; k < x->n; k++)
			if (same_command(&now->candidate[i], &x->candidate[k])) {
				struct sl_act both = now->candidate[i];

				x->candidate[k] = x->candidate[n];
				x->candidate[n++] = both;
				break;
			}
	if (!n) {
		x->n = now->n;
		x->all = now->all;
		x->times = 1;
		memcpy(x->candidate, now->candidate, sizeof(x->candidate));
	} else {
		x->all = x->n = n;
		x->times++;
	}
	x->level = now->level;
	x->beside = now->beside;
	x->s = now->s;
}

/* Many blocks that one command changed are one thing. */
static bool is_more_of(const struct sl_suspicion *o, const struct sl_suspicion *now)
{
	return o->times && now->s.nsid && o->s.nsid == now->s.nsid && now->n && o->n &&
	       strcmp(o->s.kind, now->s.kind) == 0 &&
	       o->candidate[o->n - 1].intent == now->candidate[now->n - 1].intent;
}

bool sl_suspect(struct sl_watched *d, const struct sl_sight *s)
{
	static struct sl_suspicion now;
	struct sl_suspicion *x = NULL;

	now = (struct sl_suspicion){.s = *s, .times = 1};
	find_candidates(d, s, &now);
	if (!now.n && !s->nobody) {
		by_itself(d, s);
		return false;
	}
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++) {
		struct sl_suspicion *o = &d->suspicion[i];

		if (is_more_of(o, &now))
			return true;
		if (o->times && strcmp(o->s.where, s->where) == 0 &&
		    strcmp(o->s.kind, s->kind) == 0) {
			again(o, &now);
			weigh(d, o);
			return true;
		}
		if (!o->times && !x)
			x = o;
	}
	d->t_suspect = sl_watch_now();
	/* All places taken: it is told once and not followed. */
	if (!x)
		x = &now;
	else
		*x = now;
	weigh(d, x);
	return true;
}

void sl_suspect_age(struct sl_watched *d)
{
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++) {
		struct sl_suspicion *x = &d->suspicion[i];

		if (!x->times || x->counts)
			continue;
		if (x->s.nsid)
			sl_blocks_hurry(d, sl_blocks_find(d, x->s.nsid, x->s.lba));
		weigh(d, x);
	}
}
