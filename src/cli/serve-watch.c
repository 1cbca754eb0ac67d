/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve-watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SAMPLE_BURST 64u  /* digests a second, of whatever is written and read */
#define SAMPLE_OF    256u /* beyond that one in so many */

int sl_serve_watch_options(struct sl_cli *cli, struct sl_serve_watch *ret)
{
	const char *cost = sl_cli_get(cli, "watch-cost");
	unsigned long n;
	char *end;

	*ret = (struct sl_serve_watch){.on = sl_cli_given(cli, "watch"), .watch.control = -1};
	if (!ret->on && (sl_cli_given(cli, "sole") || sl_cli_given(cli, "watch-cost")))
		return sl_cli_usage(cli, "--sole and --watch-cost go with --watch");
	n = strtoul(cost, &end, 10);
	if (!*cost || *end || *cost == '-' || n > 1000)
		return sl_cli_usage(cli, "--watch-cost takes commands per thousand, 0 to 1000");
	ret->config.cost = (uint32_t)n;
	for (unsigned i = 0; sl_cli_given(cli, "sole") && i < SL_WATCH_DEVICES_MAX; i++)
		ret->config.device[i].evidence = SL_WATCH_SOLE;
	return 0;
}

void sl_serve_watch_sample(struct sl_serve_watch *w, struct sl_launch *l)
{
	struct sl_sample s = {.burst = SAMPLE_BURST, .of = SAMPLE_OF};

	/* Without a secret a device could foresee the sample: then there is none. */
	if (!w->on || getrandom(&s.seed, sizeof(s.seed), 0) != sizeof(s.seed))
		return;
	w->config.seed = s.seed;
	sl_launch_sample(l, &s);
}

/* How many connections a device's socket has, as the kernel lists them; 0: that cannot be known. */
static unsigned connections(const char *path)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char at[256] = "";
		unsigned state = 0;

		/* Num RefCount Protocol Flags Type St Inode Path; 3: connected */
		if (sscanf(line, "%*s %*s %*s %*s %*s %x %*s %255s", &state, at) == 2 &&
		    state == 3 && strcmp(at, path) == 0)
			n++;
	}
	if (f)
		(void)fclose(f);
	return n;
}

/* What can be said of who else has a hand in a device. */
static unsigned evidence(const struct sl_spec *spec, char *ret_socket, size_t size)
{
	if (spec->kind == SL_SPEC_MODEL)
		return SL_WATCH_OURS | SL_WATCH_SOFT;
	if (spec->kind != SL_SPEC_WIRE)
		return 0;
	(void)snprintf(ret_socket, size, "%s", spec->target);
	return SL_WATCH_SOFT | (connections(ret_socket) == 1 ? SL_WATCH_ALONE : 0);
}

/* One connection when watching began says nothing of later: it counts if that is so still. */
static void ask_again(struct sl_serve_watch *w, uint32_t device, struct sl_note *n)
{
	unsigned e = device < w->config.n ? w->config.device[device].evidence : 0;

	if (n->state != SL_NOTE_COUNTS || !(e & SL_WATCH_ALONE) || e & SL_WATCH_SOLE ||
	    connections(w->sockets[device]) == 1)
		return;
	n->state = SL_NOTE_ALERTS;
	sl_note_line(n, "not excluded", "its socket has other connections by now");
}

int sl_serve_watch_start(struct sl_serve_watch *w, struct sl_launch *l, const struct sl_spec *specs,
			 unsigned n, struct sl_diag *reterr)
{
	struct sl_identity *who;
	int fd = -1, r;

	if (!w->on)
		return 0;
	who = calloc(1, sizeof(*who));
	if (!who)
		return sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	r = sl_identity_self(SL_WATCH_LABEL, who);
	if (r == 0)
		r = sl_launch_session(l, who, &fd, reterr);
	free(who);
	if (r < 0)
		return r;
	w->config.n = n < SL_WATCH_DEVICES_MAX ? n : SL_WATCH_DEVICES_MAX;
	for (unsigned i = 0; i < w->config.n; i++) {
		memcpy(w->config.device[i].name, specs[i].name, sizeof(specs[i].name));
		w->config.device[i].evidence |=
			evidence(&specs[i], w->sockets[i], sizeof(w->sockets[i]));
	}
	r = sl_watch_start(&w->config, fd, sl_launch_ledger_fd(l), &w->watch, reterr);
	close(fd);
	return r;
}

/* One line, as for a denial: what was found, of whom, and what follows. */
static void say(const struct sl_note *n)
{
	bool caught = n->state == SL_NOTE_COUNTS;

	(void)sl_cli_error(0, "%s %s %s: %s%s%s: %s — sluice device findings %s",
			   caught ? "caught" : "watch:", n->row.model, n->row.serial, n->kind,
			   n->command[0] ? " by " : "", n->command, n->n_lines ? n->line[0] : "",
			   n->name);
}

void sl_serve_watch_take(struct sl_serve_watch *w)
{
	struct sl_note *n = calloc(1, sizeof(*n));
	struct sl_diag d = {0};
	int r = 1;

	while (n && w->watch.control >= 0 && r > 0) {
		uint32_t device;

		r = sl_watch_take(&w->watch, &device, n, &d);
		if (r <= 0)
			break;
		ask_again(w, device, n);
		r = sl_note_put(w->notes, n, &d);
		if (r == 0)
			say(n);
		r = r < 0 ? r : 1;
	}
	free(n);
	if (r == -EPIPE)
		(void)sl_cli_error(0, "the watcher (sluice-watch) has ended: nothing is watched");
	else if (r < 0)
		(void)sl_cli_diag(0, &d);
	if (r < 0)
		sl_watch_stop(&w->watch);
}

void sl_serve_watch_stop(struct sl_serve_watch *w)
{
	if (w->watch.control >= 0)
		sl_watch_stop(&w->watch);
}
