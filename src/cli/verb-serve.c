/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice serve`, in its simplest form: one policy, some devices, one socket, in the foreground.
 * Who may do what is the policy's matter: the kernel tells the broker who connects.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/listen.h"
#include "cli/cli.h"
#include "cli/gate.h"
#include "cli/serve-watch.h"
#include "cli/trust.h"
#include "watch/note.h"

struct serve {
	char socket[4096];
	char ledger[4096];
	struct sl_spec specs[SL_DEVICES_MAX];
	unsigned n;
	struct sl_launch *launch;
	int listen_fd;
	int notes_fd; /* inotify, on what is known of devices; -1 */
	struct sl_trust_row trust[SL_TRUST_ROWS_MAX];
	struct sl_serve_watch watch;
};

/* "NAME=SPEC", or a SPEC that is its own name. */
static int add_device(struct serve *s, const char *text)
{
	const char *eq = strchr(text, '='), *colon = strchr(text, ':');
	struct sl_diag d = {0};
	size_t n;

	if (s->n == SL_DEVICES_MAX)
		return sl_cli_error(-E2BIG, "more than %d devices", SL_DEVICES_MAX);
	/* A path before the colon is a NAME that has one: /dev/bsg/0:0:0:0. */
	if (eq && colon && colon < eq && text[0] != '/')
		eq = NULL;
	n = eq ? (size_t)(eq - text) : 0;
	if ((eq && n == 0) || n >= SL_WIRE_NAME_MAX)
		return sl_cli_error(-EINVAL,
				    "--device %s: give NAME=SPEC, NAME under %u characters", text,
				    SL_WIRE_NAME_MAX);
	if (sl_spec_parse(eq ? eq + 1 : text, &s->specs[s->n], &d) < 0)
		return sl_cli_diag(-EINVAL, &d);
	if (eq)
		(void)snprintf(s->specs[s->n].name, SL_WIRE_NAME_MAX, "%.*s", (int)n, text);
	s->n++;
	return 0;
}

/* The directory is there from now on, so that it can be looked at while it changes. */
static void follow_notes(struct serve *s)
{
	char dir[4200];

	if (sl_notes_dir(s->ledger, dir, sizeof(dir)) < 0 ||
	    (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return;
	s->notes_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->notes_fd >= 0 &&
	    inotify_add_watch(s->notes_fd, dir, IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0) {
		close(s->notes_fd);
		s->notes_fd = -1;
	}
}

static int hand_trust(struct serve *s, struct sl_diag *d)
{
	unsigned n;
	int r = sl_trust_load(s->ledger, s->trust, &n);

	/* What cannot be read leaves what was known. */
	return r < 0 ? sl_diag_set(d, r, NULL, 0, 0, "what is known of devices cannot be read")
		     : sl_launch_trust(s->launch, s->trust, n, d);
}

static int start(struct serve *s, const struct sl_compiled *policy, struct sl_diag *d)
{
	struct sl_diag warn = {0};
	int r;

	r = sl_launch_new(&s->launch, d);
	if (r == 0)
		r = sl_launch_image(s->launch, policy->image, policy->size, d);
	if (r == 0)
		sl_serve_watch_sample(&s->watch, s->launch);
	if (r == 0)
		r = sl_launch_ledger(s->launch, s->ledger, &warn, d);
	if (r == 0)
		follow_notes(s);
	if (warn.text[0])
		(void)sl_cli_diag(0, &warn);
	for (unsigned i = 0; r == 0 && i < s->n; i++)
		r = sl_launch_device(s->launch, &s->specs[i], d);
	if (r < 0)
		return r;
	/* Anybody may connect; what he may do then is the policy's matter. */
	s->listen_fd = sl_listen(s->socket, 0666);
	if (s->listen_fd < 0)
		return sl_diag_set(d, s->listen_fd, s->socket, 0, 0, "%s",
				   s->listen_fd == -EADDRINUSE ? "another broker serves there"
				   : s->listen_fd == -ENOTSOCK
					   ? "there is a file that is no socket: name another place"
					   : strerror(-s->listen_fd));
	r = sl_launch_listen(s->launch, s->listen_fd, d);
	if (r == 0)
		r = hand_trust(s, d);
	if (r == 0)
		r = sl_launch_start(s->launch, d);
	(void)sl_notes_dir(s->ledger, s->watch.notes, sizeof(s->watch.notes));
	return r < 0 ? r : sl_serve_watch_start(&s->watch, s->launch, s->specs, s->n, d);
}

/* What is known of devices changed, by the watcher or by `sluice device`: the broker is told. */
static void trust_changed(struct serve *s)
{
	char events[4096];
	struct sl_diag d = {0};

	while (read(s->notes_fd, events, sizeof(events)) > 0)
		;
	if (hand_trust(s, &d) < 0 && d.text[0])
		(void)sl_cli_diag(0, &d);
}

/* A namespace was attached, created or taken away: the broker is given the nodes of those that
 * came. */
static void devices_changed(struct serve *s)
{
	struct sl_diag d = {0};

	if (sl_launch_look_again(s->launch, &d) < 0 && d.text[0]) {
		(void)sl_cli_diag(0, &d);
		(void)sl_cli_error(0, "its commands fail with ENXIO until `sluice serve` is "
				      "started anew");
	}
}

/* What ended takes its own device along and no other: is there anything left to serve? */
static bool goes_on(struct serve *s)
{
	struct sl_diag d = {0};

	while (sl_launch_ended(s->launch, &d)) {
		(void)sl_cli_diag(0, &d);
		if (!sl_launch_goes_on(s->launch))
			return false;
		(void)sl_cli_error(0, "its commands fail with ENODEV until `sluice serve` is "
				      "started anew; the other devices are served on");
	}
	return sl_launch_goes_on(s->launch);
}

/* One descriptor that is readable when one of these is. */
static int join(const int *fds, unsigned n)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = 0; ep >= 0 && i < n; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fds[i]};

		if (fds[i] >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e) < 0) {
			close(ep);
			return -1;
		}
	}
	return ep;
}

/* Until a signal, or the end of the broker or of the last device. */
static int wait_for_end(struct serve *s, int sigfd)
{
	const int fds[] = {sigfd, s->notes_fd, s->watch.watch.control,
			   sl_launch_changes(s->launch)};
	int any = join(fds, SL_COUNT(fds));

	devices_changed(s); /* while we were not listening yet */
	for (;;) {
		struct signalfd_siginfo info;
		int r = any < 0 ? -errno : sl_launch_wait(s->launch, any);

		if (r < 0)
			return sl_cli_error(SL_EXIT_FAILED, "waiting: %s", strerror(-r));
		if (!goes_on(s))
			return SL_EXIT_FAILED;
		if (read(sigfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			close(any);
			return SL_EXIT_OK;
		}
		sl_serve_watch_take(&s->watch);
		trust_changed(s);
		devices_changed(s);
	}
}

static int serve(struct serve *s, const struct sl_compiled *policy)
{
	struct sl_diag d = {0};
	sigset_t set;
	int sigfd, r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigfd < 0)
		return sl_cli_error(SL_EXIT_FAILED, "signalfd: %s", strerror(errno));
	r = start(s, policy, &d);
	if (r < 0) {
		r = sl_cli_diag(SL_EXIT_FAILED, &d);
	} else {
		(void)fprintf(stderr, "sluice: serving %u device%s at %s, policy %s\n", s->n,
			      s->n == 1 ? "" : "s", s->socket, policy->path);
		r = wait_for_end(s, sigfd);
	}
	if (s->listen_fd >= 0) {
		close(s->listen_fd);
		(void)unlink(s->socket);
	}
	sl_serve_watch_stop(&s->watch);
	s->launch = sl_launch_free(s->launch);
	close(sigfd);
	return r;
}

int sl_verb_serve(struct sl_cli *cli)
{
	struct serve *s = calloc(1, sizeof(*s));
	struct sl_compiled policy;
	const char *text;
	int r = SL_EXIT_FAILED;

	if (!s)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	s->listen_fd = s->notes_fd = -1;
	for (unsigned i = 0; (text = sl_cli_nth(cli, "device", i)); i++)
		if (add_device(s, text) < 0)
			goto out;
	if (!s->n) {
		r = sl_cli_usage(cli, "no device: name at least one, as in --device "
				      "/dev/nvme0=model:p4610");
		goto out;
	}
	(void)snprintf(s->socket, sizeof(s->socket), "%s", sl_cli_get(cli, "socket"));
	(void)snprintf(s->ledger, sizeof(s->ledger), "%s", sl_cli_get(cli, "ledger"));
	r = sl_serve_watch_options(cli, &s->watch);
	if (r)
		goto out;
	r = SL_EXIT_FAILED;
	if (sl_policy_open_served(sl_cli_get(cli, "policy"), s->watch.on, &policy) < 0)
		goto out;
	r = serve(s, &policy);
	sl_policy_close(&policy);
out:
	free(s);
	return r;
}
