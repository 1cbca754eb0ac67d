/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to look. Every look is commands, and the ledger keeps each: so it costs a share of what the
 * clients do, a little more while the device is being learned, and nothing while a device that can
 * sleep has nothing to do.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "watch/watcher.h"

#define LEARN_S	     30.0 /* at the start, and after a suspicion: looks in short order */
#define LEARN_GAP    0.25
#define LEARN_TOKENS 20000.0
#define QUIET	     100.0 /* commands a second: the clients are, who send less for so long: */
#define QUIET_S	     1.0
#define BUSY_MS	     20 /* how often it wakes while they send more */
#define GAP_MIN	     1.0
#define GAP_MAX	     64.0
#define AWAKE_S	     2.0 /* after a command a device that can sleep is still awake */
#define HARMLESS_S   1.0 /* after commands that change nothing, one look is enough */
#define TRICKLE	     5.0 /* commands a second, whatever the clients do */
#define BURST	     2000.0

double sl_watch_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void sl_watch_report(struct sl_watched *d, const struct sl_note *n)
{
	struct sl_watch_report r = {.device = d->index, .note = *n};

	/* A launcher that does not listen has gone: the loop notices. */
	(void)send(d->w->control, &r, sizeof(r), MSG_NOSIGNAL);
	d->w->reports++;
}

static void on_act(void *ctx, const struct sl_act *act)
{
	struct sl_watcher *w = ctx;
	struct sl_watched *d = &w->device[act->device];

	if (!d->doc)
		return;
	d->acted = true;
	d->t_act = act->t;
	d->stirred |= !sl_act_harmless(act);
	if (!act->status && !act->lost && act->role != SL_ROLE_OTHER && act->role <= SL_ROLE_WAKES)
		d->rests = act->role == SL_ROLE_RESTS;
	sl_pauses_note(&d->pauses[0], d->t_first, act->t);
	if (!sl_act_harmless(act))
		sl_pauses_note(&d->pauses[1], d->t_first, act->t);
	if (act->lost && act->error == EOVERFLOW)
		sl_suspect_overrun(d, act);
	sl_blocks_note(d, act);
}

int sl_watch_catch_up(struct sl_watcher *w)
{
	return sl_acts_read(w->acts, on_act, w);
}

static bool is_learning(const struct sl_watched *d, double now)
{
	return now - d->t_first < LEARN_S || (d->t_suspect > 0 && now - d->t_suspect < LEARN_S);
}

static void fill_bucket(struct sl_watcher *w, double now, bool learning)
{
	double passed = now - w->t_tokens, ran = (double)(w->acts->foreign - w->foreign);
	double most;

	if (ran > QUIET * passed)
		w->t_busy = now;
	w->quiet = now - w->t_busy > QUIET_S;
	most = learning && w->quiet ? LEARN_TOKENS : BURST;
	w->tokens += ran * w->config.cost / 1000 + passed * TRICKLE;
	if (most == LEARN_TOKENS)
		w->tokens += passed * LEARN_TOKENS / LEARN_S;
	if (w->tokens > most)
		w->tokens = most;
	w->t_tokens = now;
	w->foreign = w->acts->foreign;
}

/* A command would wake it. */
static bool is_asleep(const struct sl_watched *d, double now)
{
	return d->rests || (d->sleeps && now - d->t_act > AWAKE_S);
}

/* The timer: short while it is learned, then longer and longer while nothing runs. */
static bool timer(const struct sl_watched *d, double now)
{
	double gap = (now - d->t_act) / 2;

	gap = gap < GAP_MIN ? GAP_MIN : gap > GAP_MAX ? GAP_MAX : gap;
	return now - d->t_look >= (is_learning(d, now) ? LEARN_GAP : gap);
}

/* Is it time for the next look? While nothing runs, the one before is finished first. */
static bool is_time(const struct sl_watched *d, double now)
{
	if (d->due)
		return false;
	if (d->stirred || (d->acted && now - d->t_look >= HARMLESS_S))
		return true;
	return !d->blocks.due && timer(d, now);
}

static int look(struct sl_watched *d)
{
	double now = sl_watch_now();
	int r = 0;

	if (d->gone || !d->doc)
		return 0;
	if (d->w->acts->contract[d->index]) {
		d->w->acts->contract[d->index] = false;
		r = sl_watched_renew(d);
	}
	if (r == 0 && !is_asleep(d, now)) {
		sl_suspect_age(d);
		if (is_time(d, now))
			sl_watched_begin(d);
		/* Where the budget is short, each of the two comes first in turn. */
		d->blocks_first = !d->blocks_first;
		r = d->blocks_first ? sl_blocks_look(d) : sl_watched_look(d);
		if (r == 0)
			r = d->blocks_first ? sl_watched_look(d) : sl_blocks_look(d);
	}
	if (d->rig.overran) {
		const struct sl_act *act = sl_acts_find(d->w->acts, d->rig.overran);

		d->rig.overran = 0;
		if (act)
			sl_suspect_overrun(d, act);
	}
	d->gone |= d->rig.gone || r == -ENODEV || r == -EACCES;
	return r == -ENODEV || r == -EACCES ? 0 : r;
}

/* How long nothing need be done: the ledger is looked at often while somebody writes to it. */
static int patience(const struct sl_watcher *w)
{
	double now = sl_watch_now(), last = 0;
	bool work = false;

	for (unsigned i = 0; i < w->config.n; i++) {
		const struct sl_watched *d = &w->device[i];

		last = d->t_act > last ? d->t_act : last;
		work |= !d->gone && w->tokens >= 1 && !is_asleep(d, now) &&
			(d->due || d->blocks.due || d->blocks.urgent || d->blocks.n_rereads);
	}
	/* Each time it wakes it takes somebody's processor. */
	if (!w->quiet)
		return BUSY_MS;
	return work ? 1 : now - last < 1 ? 5 : 50;
}

static int turn(struct sl_watcher *w)
{
	struct pollfd p = {.fd = w->control, .events = POLLIN};
	bool learning = false;
	double now;
	int r;

	if (poll(&p, 1, patience(w)) < 0 && errno != EINTR)
		return -errno;
	if (p.revents)
		return -EPIPE; /* nothing is said to us after the start */
	r = sl_watch_catch_up(w);
	now = sl_watch_now();
	for (unsigned i = 0; i < w->config.n; i++)
		learning |= is_learning(&w->device[i], now);
	fill_bucket(w, now, learning);
	for (unsigned i = 0; i < w->config.n && r == 0; i++)
		r = look(&w->device[i]);
	return r;
}

/* 0 or -errno. */
static int can_watch(struct sl_watcher *w, unsigned device)
{
	struct sl_wire_device what;
	int r = sl_client_query(w->client, device, &what);

	if (r == 0 && (!sl_observed_known(what.protocol) || !sl_observed_of(what.protocol)->watch))
		r = -EPROTONOSUPPORT;
	if (r < 0)
		return r;
	w->device[device].protocol = what.protocol;
	w->device[device].o = sl_observed_of(what.protocol);
	return 0;
}

static int start(struct sl_watcher *w)
{
	int able[SL_WATCH_DEVICES_MAX], r = -ENODEV;

	for (unsigned i = 0; i < w->config.n; i++) /* before the first command */
		able[i] = can_watch(w, i);
	w->tokens = LEARN_TOKENS;
	w->t_tokens = sl_watch_now();
	for (unsigned i = 0; i < w->config.n; i++) {
		struct sl_watched *d = &w->device[i];
		int one;

		d->w = w;
		d->index = i;
		sl_session_rig_init(w, i);
		one = able[i];
		if (one == 0)
			one = sl_watched_init(d);
		if (one == -EPIPE)
			return one;
		d->gone = one < 0;
		if (one == 0)
			r = 0;
		else
			(void)fprintf(stderr, "sluice-watch: %s is not watched: %s\n",
				      w->config.device[i].name, strerror(-one));
	}
	return r;
}

static int set_up(struct sl_watcher *w)
{
	int r;

	w->control = SL_WATCH_CONTROL;
	if (recv(w->control, &w->config, sizeof(w->config), 0) != (ssize_t)sizeof(w->config) ||
	    w->config.n > SL_WATCH_DEVICES_MAX)
		return -EBADMSG;
	w->data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	w->acts = calloc(1, sizeof(*w->acts));
	if (!w->data || !w->acts)
		return -ENOMEM;
	r = sl_acts_init(w->acts, SL_WATCH_LEDGER, &w->config);
	if (r == 0)
		r = sl_client_new(SL_WATCH_SESSION, &w->client);
	if (r == 0 && w->config.n > sl_client_devices(w->client))
		r = -EBADMSG;
	return r;
}

int main(int argc, char **argv)
{
	static struct sl_watcher w;
	int type, r;
	socklen_t n = sizeof(type);

	(void)argv;
	if (argc != 1 || getsockopt(SL_WATCH_CONTROL, SOL_SOCKET, SO_TYPE, &type, &n) < 0) {
		(void)fprintf(stderr, "sluice-watch: is started by `sluice serve --watch`\n");
		return 2;
	}
	r = set_up(&w);
	if (r == 0)
		r = start(&w);
	while (r == 0)
		r = turn(&w);
	for (unsigned i = 0; i < w.config.n; i++)
		sl_watched_done(&w.device[i]);
	sl_client_free(w.client);
	free(w.data);
	free(w.acts);
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	(void)fprintf(stderr, "sluice-watch: %s\n", strerror(-r));
	return 1;
}
