/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluiced: the gate as a process. It starts empty, is given a policy image, devices, a ledger and
 * clients by its launcher over descriptor 3, and serves until the launcher goes. It opens nothing
 * and starts nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/gate.h"
#include "broker/launcher.h"
#include "broker/session.h"

/* Poll set: launcher, listening socket, devices, sessions, in this order. */
enum {
	AT_LAUNCHER,
	AT_LISTEN,
	AT_DEVICES,
	AT_SESSIONS = AT_DEVICES + SL_DEVICES_MAX,
	AT_END = AT_SESSIONS + SL_SESSIONS_MAX,
};

static struct sl_gate gate; /* zeroed pages cost nothing until they are used */

static void watch(const struct sl_launcher *l, struct pollfd p[AT_END])
{
	struct sl_gate *g = l->gate;

	p[AT_LAUNCHER] = (struct pollfd){l->fd, POLLIN, 0};
	p[AT_LISTEN] = (struct pollfd){l->started ? g->listen_fd : -1, POLLIN, 0};
	for (unsigned i = 0; i < SL_DEVICES_MAX; i++) {
		bool live = l->started && i < g->n_devices;

		p[AT_DEVICES + i] =
			(struct pollfd){live ? g->devices[i].dev->poll_fd : -1, POLLIN, 0};
	}
	for (unsigned i = 0; i < g->sessions_high; i++) {
		bool live = l->started && sl_gate_room(g, (int)i);

		g->sessions[i].answered = false;
		/* Without room a client waits in its socket; POLLHUP is still reported. */
		p[AT_SESSIONS + i] =
			(struct pollfd){g->sessions[i].fd, live ? POLLIN : (short)0, 0};
	}
}

static int turn(struct sl_launcher *l)
{
	struct sl_gate *g = l->gate;
	struct pollfd p[AT_END];
	struct timespec t = {0};
	unsigned polled = g->sessions_high;
	int ms, r = 0;

	sl_gate_clock(g);
	ms = sl_gate_timeout(g);
	if (ms > 0)
		t = (struct timespec){ms / 1000, (long)(ms % 1000) * 1000000};
	watch(l, p);
	if (ppoll(p, AT_SESSIONS + polled, ms >= 0 ? &t : NULL, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	sl_gate_clock(g);
	for (unsigned i = 0; i < g->n_devices; i++)
		if (p[AT_DEVICES + i].revents)
			sl_gate_poll(g, i);
	for (unsigned i = 0; i < polled; i++) {
		if (p[AT_SESSIONS + i].revents & POLLIN)
			sl_session_read(g, (int)i);
		else if (p[AT_SESSIONS + i].revents)
			sl_session_drop(g, (int)i);
	}
	if (p[AT_LISTEN].revents)
		(void)sl_session_accept(g);
	sl_gate_tick(g);
	if (p[AT_LAUNCHER].revents)
		r = sl_launcher_read(l);
	sl_launcher_tick(l);
	if (l->started)
		sl_gate_kick(g);
	return r;
}

int main(int argc, char **argv)
{
	struct sl_launcher launcher = {.gate = &gate, .fd = SL_CONTROL_FD};
	int type = 0, r;
	socklen_t n = sizeof(type);

	(void)argv;
	if (argc != 1 || getsockopt(SL_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    type != SOCK_SEQPACKET) {
		fprintf(stderr,
			"sluiced: is started by `sluice serve` or `sluice run`, which hand it "
			"its devices; see sluiced(8)\n");
		return 2;
	}
	r = sl_gate_init(&gate);
	if (r < 0) {
		fprintf(stderr, "sluiced: no memory for its buffers: %s\n", strerror(-r));
		return 1;
	}
	do
		r = turn(&launcher);
	while (r == 0);
	/* The launcher has gone: what is in flight at a device ends there, and nobody is let in. */
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	fprintf(stderr, "sluiced: %s\n", strerror(-r));
	return 1;
}
