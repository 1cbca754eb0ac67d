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

/* That it happened by itself, at most, for it to count. */
#define CHANCE 0.02
#define CHANCE_KEPT                                                                                \
	0.05	      /* of what no honest device changes by itself: an unknown actor is left      \
		       */
#define STILL_MIN 1.0 /* seconds that must have been watched at all */
#define LATE_MAX  16u /* commands that an effect is laid to which comes afterwards */
#define AGE_S	  0.5 /* a suspicion that stands is looked at so often */
#define AGE_MAX	  300.0

static bool same_command(const struct sl_act *a, const struct sl_act *b)
{
	return a->cmd.set == b->cmd.set && memcmp(a->cmd.req, b->cmd.req, SL_REQ_MAX) == 0;
}

static struct sl_stretch *stretch_of(struct sl_watched *d, const struct sl_sight *s)
{
	struct sl_chunk *c = s->nsid ? sl_blocks_find(d, s->nsid, s->lba) : NULL;

	if (s->nsid)
		return c ? &c->stretch : NULL;
	return s->probe < d->probes.n ? &d->probe[s->probe].stretch : NULL;
}

/* Of many, the last: the first may have been forgotten. */
static void add_candidate(struct sl_suspicion *ret, const struct sl_act *act)
{
	uint8_t level = act->level;

	if (!ret->n)
		ret->level = level;
	ret->all += level == ret->level;
	ret->beside += level != ret->level;
	if (ret->n == SL_CANDIDATES_MAX) {
		if (level != ret->level)
			return;
		ret->n--;
		memmove(ret->candidate, ret->candidate + 1, sizeof(ret->candidate[0]) * ret->n);
	}
	ret->candidate[ret->n++] = (struct sl_candidate){.act = *act};
}

/*
 * Nobody ran while it changed, and it is nothing that changes by itself: those that ran last
 * before, and how long ago that was.
 */
static void find_late(const struct sl_watched *d, struct sl_suspicion *ret)
{
	const struct sl_acts *a = d->w->acts;
	const struct sl_act *found[LATE_MAX];
	double now = sl_watch_now();
	unsigned n = 0;

	for (uint64_t i = a->n; i > a->first && n < LATE_MAX; i--) {
		const struct sl_act *act = &a->act[(i - 1) & (SL_ACTS_MAX - 1)];

		if (act->own || act->device != d->index || !act->outcome)
			continue;
		if (now - act->t > SL_LATE_S)
			break;
		found[n++] = act;
	}
	for (unsigned level = 0; level < _SL_LEVEL_N; level++)
		for (unsigned i = n; i > 0; i--)
			if (found[i - 1]->level == level)
				add_candidate(ret, found[i - 1]);
	for (unsigned i = 0; i < ret->n; i++)
		if (ret->candidate[i].act.level == ret->level)
			ret->late = now - ret->candidate[i].act.t;
}

/* Who ran in the window, the likeliest first. */
static void find_candidates(const struct sl_watched *d, const struct sl_sight *s,
			    struct sl_suspicion *ret)
{
	const struct sl_act *act;

	if (s->who) {
		add_candidate(ret, s->who);
		ret->level = SL_LEVEL_STIRS;
	}
	for (unsigned level = 0; level < _SL_LEVEL_N && !s->who; level++) {
		uint64_t at = 0;

		while ((act = sl_window_next(d->w->acts, &s->window, &at)))
			if (!act->own && act->level == level)
				add_candidate(ret, act);
	}
	if (!ret->n && s->kept) {
		find_late(d, ret);
		ret->times_late = ret->n > 0;
	}
	ret->first = ret->all + ret->beside;
	for (unsigned i = 0; i < ret->n; i++)
		if (ret->candidate[i].act.intent > ret->newest)
			ret->newest = ret->candidate[i].act.intent;
}

/* Those of the likeliest kind: the first so many. */
static unsigned likeliest(const struct sl_suspicion *x)
{
	unsigned n = 0;

	if (x->s.who)
		return x->n;
	while (n < x->n && x->candidate[n].act.level == x->level)
		n++;
	return n;
}

/* What share of the time it was watched there was somebody to lay a change to. */
static double share(struct sl_watched *d, const struct sl_suspicion *x, const struct sl_stretch *s)
{
	bool stirs = x->level == SL_LEVEL_STIRS;
	double all = s->t - s->t_first, f = 0;

	if (x->times > x->times_late)
		f = s->busy[stirs];
	if (x->times_late) {
		double near = sl_pauses_near(&d->pauses[stirs], s->t_first, s->t, x->late);

		f = near > f ? near : f;
	}
	return f < all ? f / all : 1;
}

/*
 * How likely it is that this was seen although none of the suspects did it. What happens by itself
 * falls into a stretch in which somebody's commands ran as often as there are such stretches; and
 * into one with a certain command again, as often as there are those: then any of the commands of
 * the first time could have been the certain one. Whoever asks after each time anew is right by
 * accident sooner or later: hence the square.
 */
static double chance(struct sl_watched *d, const struct sl_suspicion *x)
{
	const struct sl_stretch *s = stretch_of(d, &x->s);
	double f, p, again, most = 0;

	if (!s || s->t - s->t_first <= STILL_MIN)
		return 1;
	f = share(d, x, s);
	p = 1;
	for (unsigned i = 0; i < x->times; i++)
		p *= f;
	for (unsigned i = 0; i < x->n; i++)
		most = x->candidate[i].ran > most ? x->candidate[i].ran : most;
	again = f * x->first;
	for (unsigned i = 1; i < x->same; i++)
		again *= x->watched > 0 ? most / x->watched : 1;
	if (x->same > 1 && !x->times_late && again < p)
		p = again;
	p *= (double)x->times * x->times;
	return p < 1 ? p : 1;
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
	if (x->s.strong || (sole && !x->s.noise && !x->times_late))
		return true;
	/* An entry that comes to a log once, whatever ran just then, is what logs are for. */
	if (x->s.noise && x->times < 2)
		return false;
	return chance(d, x) <= (x->s.kept && !d->unquiet ? CHANCE_KEPT : CHANCE);
}

/* What all of them are, if they are one thing; NULL. */
static const struct sl_act *the_one(const struct sl_suspicion *x)
{
	unsigned n = likeliest(x);

	for (unsigned i = 1; i < n; i++)
		if (sl_key_of(&x->candidate[i].act.cmd) != sl_key_of(&x->candidate[0].act.cmd))
			return NULL;
	return n ? &x->candidate[n - 1].act : NULL;
}

/* They are laid to the same command. */
static bool same_cause(const struct sl_suspicion *a, const struct sl_suspicion *b)
{
	unsigned n = likeliest(a), m = likeliest(b);

	return n && m && strcmp(a->s.kind, b->s.kind) == 0 &&
	       a->candidate[n - 1].act.intent == b->candidate[m - 1].act.intent;
}

/*
 * What of an effect counts against the command from now on. Identity and health stay readable
 * whatever reading them was seen to do: their entry is marked, and what else the device says is not
 * believed any more, but nobody is blinded.
 */
static sl_effects held_against(const struct sl_act *act, sl_effects observed)
{
	const struct sl_row *row = &sl_rows[act->row];
	bool stays = act->role == SL_ROLE_VITAL && !(row->flags & SL_ROW_VENDOR) &&
		     !sl_effects_mutating(row->floor);

	return stays ? SL_E_NONE : observed;
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
		n->row.observed = held_against(one, x->s.effects);
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

		if (o != x && o->times && same_cause(o, x))
			sl_note_line(n, "evidence", "%s: %s", o->s.where, o->s.what);
	}
	for (unsigned i = 0; !x->n && i < d->n_moving && n->n_lines < 8; i++)
		if (strcmp(d->moving[i], x->s.where) != 0)
			sl_note_line(n, "also", "%s", d->moving[i]);
}

static void tell(struct sl_watched *d, struct sl_suspicion *x)
{
	const struct sl_stretch *stretch = stretch_of(d, &x->s);
	unsigned suspects = likeliest(x);
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
	if (x->times_late)
		sl_note_line(&n, "evidence", "seen %.1f s after it; nothing ran in between",
			     x->late);
	sl_note_line(&n, "window", "ledger records %llu to %llu: of others %u %s, %u more",
		     (unsigned long long)x->s.window.from, (unsigned long long)x->s.window.to,
		     x->all, levels[x->level], x->beside);
	for (unsigned i = suspects > 8 ? suspects - 8 : 0; i < suspects; i++) {
		const struct sl_act *act = &x->candidate[i].act;
		char text[120];

		sl_act_name(act, text, sizeof(text));
		sl_note_line(&n, "suspect", "%s (record %llu, uid %u)", text,
			     (unsigned long long)act->intent, act->uid);
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
			     stretch ? stretch->t - stretch->t_first : 0);
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

static bool is_moving(const struct sl_watched *d, const struct sl_sight *s)
{
	for (unsigned i = 0; i < d->n_moving; i++)
		if (strcmp(d->moving[i], s->where) == 0)
			return true;
	return false;
}

/* It changed while nobody did anything: said once, where it is more than a log. */
static void by_itself(struct sl_watched *d, const struct sl_sight *s)
{
	static struct sl_suspicion x;

	x = (struct sl_suspicion){.s = *s, .times = 1, .told = true};
	d->unquiet |= s->kept;
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++)
		if (strcmp(d->suspicion[i].s.where, s->where) == 0 && !d->suspicion[i].counts)
			d->suspicion[i].times = 0;
	if (d->n_moving == SL_SUSPICIONS_MAX || s->noise)
		return;
	memcpy(d->moving[d->n_moving++], s->where, sizeof(d->moving[0]));
	x.s.kind = "changes-by-itself";
	tell(d, &x);
}

/*
 * The same thing again: only those that ran each time are still suspected; where there are none,
 * those that ran this time.
 */
static void again(struct sl_suspicion *x, const struct sl_suspicion *now)
{
	unsigned n = 0;

	for (unsigned k = 0; k < x->n; k++)
		for (unsigned i = 0; i < now->n; i++)
			if (same_command(&now->candidate[i].act, &x->candidate[k].act)) {
				x->candidate[n] = x->candidate[k];
				x->candidate[n++].act = now->candidate[i].act;
				break;
			}
	x->late = now->late > x->late ? now->late : x->late;
	x->newest = now->newest;
	x->s = now->s;
	x->times++;
	x->times_late += now->times_late;
	x->same++;
	x->n = n;
	if (!n) {
		x->n = now->n;
		x->first = now->first;
		x->same = 1;
		x->watched = 0;
		memcpy(x->candidate, now->candidate, sizeof(x->candidate));
	}
	x->level = n ? x->candidate[0].act.level : now->level;
	x->all = n ? likeliest(x) : now->all;
	x->beside = n ? n - x->all : now->beside;
}

/* Many blocks that one command changed are one thing. */
static bool is_more_of(const struct sl_suspicion *o, const struct sl_suspicion *now)
{
	return o->times && now->s.nsid && o->s.nsid == now->s.nsid && same_cause(o, now);
}

static bool same_place(const struct sl_suspicion *o, const struct sl_sight *s)
{
	return o->times && strcmp(o->s.where, s->where) == 0;
}

/* It changed after commands, and again though none of them ran again. */
static bool goes_on(const struct sl_watched *d, const struct sl_suspicion *now)
{
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX && now->times_late; i++)
		if (same_place(&d->suspicion[i], &now->s) && d->suspicion[i].newest >= now->newest)
			return true;
	return false;
}

bool sl_suspect(struct sl_watched *d, const struct sl_sight *s)
{
	static struct sl_suspicion now;
	struct sl_suspicion *x = NULL;

	if (!s->strong && is_moving(d, s))
		return false;
	now = (struct sl_suspicion){.s = *s, .times = 1, .same = 1};
	find_candidates(d, s, &now);
	if ((!now.n && !s->nobody) || goes_on(d, &now)) {
		by_itself(d, s);
		return false;
	}
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++) {
		struct sl_suspicion *o = &d->suspicion[i];

		if (same_place(o, s) && strcmp(o->s.kind, s->kind) == 0) {
			/* Not twice by one command that goes on. */
			if (now.newest > o->newest || s->strong)
				again(o, &now);
			weigh(d, o);
			return true;
		}
		if (is_more_of(o, &now))
			return true;
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

void sl_suspect_overrun(struct sl_watched *d, const struct sl_act *act)
{
	const struct sl_sight s = {
		.kind = "transfer-too-long",
		.where = "its answer",
		.what = "longer than the command transfers",
		.effects = SL_E_HOST_MEMORY,
		.strong = true,
		.nobody = true,
		.probe = SIZE_MAX,
		.window = {act->intent, act->outcome, d->index, true},
		.who = act,
	};

	(void)sl_suspect(d, &s);
}

void sl_suspect_read(struct sl_watched *d, const struct sl_stretch *s, const struct sl_window *w,
		     double seconds)
{
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++) {
		struct sl_suspicion *x = &d->suspicion[i];

		if (!x->times || x->counts || stretch_of(d, &x->s) != s)
			continue;
		x->watched += seconds;
		for (unsigned k = 0; k < x->n; k++) {
			const struct sl_act *act;
			uint64_t at = 0;

			while ((act = sl_window_next(d->w->acts, w, &at)))
				if (!act->own && same_command(act, &x->candidate[k].act))
					break;
			x->candidate[k].ran += act ? seconds : 0;
		}
	}
}

void sl_suspect_age(struct sl_watched *d)
{
	double now = sl_watch_now();

	if (now - d->t_age < AGE_S)
		return;
	d->t_age = now;
	for (unsigned i = 0; i < SL_SUSPICIONS_MAX; i++) {
		struct sl_suspicion *x = &d->suspicion[i];

		if (!x->times || x->counts)
			continue;
		weigh(d, x);
		if (x->counts || now - d->t_suspect > AGE_MAX)
			continue;
		if (x->s.nsid)
			sl_blocks_hurry(d, sl_blocks_find(d, x->s.nsid, x->s.lba));
		else if (x->s.probe < d->probes.n)
			d->probe[x->s.probe].urgent = true;
	}
}
