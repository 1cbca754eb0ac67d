/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: watched calls in, commands out, completions in, answers out. A call is answered once; a
 * call whose caller died is forgotten, its command goes on and the broker records how it ended.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"

/* How often commands under way are looked at for a caller that has died. */
#define ABANDON_CHECK_MS 500
/*
 * Most commands are answered at once, and while one is the only one under way we wait for its
 * answer without looking at anything else: one call less. Rounded up to a tick of the kernel; a
 * slow command holds up others for that long, once.
 */
#define SHORT_WAIT_US 1000
/* How long an Identify of our own may take while others wait. */
#define ASK_MS 2000
/* The low byte of its tag: no slot has it. */
#define TAG_OWN 0xffu
_Static_assert(SL_CALLS_MAX < TAG_OWN, "slots and TAG_OWN differ");

static const struct {
	int nr;
	enum sl_handled (*handle)(struct sl_super *s, struct sl_call *c);
} handlers[] = {
	{__NR_ioctl, sl_on_ioctl},
	{__NR_openat, sl_on_open},
	{__NR_openat2, sl_on_open},
#ifdef __NR_open
	{__NR_open, sl_on_open},
	{__NR_stat, sl_on_stat},
	{__NR_lstat, sl_on_stat},
#endif
	{__NR_newfstatat, sl_on_stat},
	{__NR_fstat, sl_on_stat},
	{__NR_statx, sl_on_stat},
	{__NR_read, sl_on_rw},
	{__NR_write, sl_on_rw},
	{__NR_pread64, sl_on_rw},
	{__NR_pwrite64, sl_on_rw},
	{__NR_readv, sl_on_rw},
	{__NR_writev, sl_on_rw},
	{__NR_preadv, sl_on_rw},
	{__NR_pwritev, sl_on_rw},
	{__NR_preadv2, sl_on_rw},
	{__NR_pwritev2, sl_on_rw},
	{__NR_lseek, sl_on_rw},
	{__NR_fsync, sl_on_rw},
	{__NR_fdatasync, sl_on_rw},
	{__NR_copy_file_range, sl_on_unsupported},
	{__NR_fallocate, sl_on_unsupported},
	{__NR_execve, sl_on_exec},
	{__NR_execveat, sl_on_exec},
};

bool sl_notify_valid(const struct sl_super *s, uint64_t id)
{
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void release(struct sl_super *s, struct sl_call *c)
{
	sl_tracee_release(c);
	sl_block_release(c);
	free(c->vec);
	if (c->used)
		s->in_use--;
	*c = (struct sl_call){0};
}

static void answer(struct sl_super *s, const struct sl_call *c, enum sl_handled h)
{
	struct seccomp_notif_resp resp = {.id = c->id};

	if (h == SL_HANDLED_SENT || c->abandoned)
		return;
	if (h == SL_HANDLED_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (c->error)
		resp.error = -c->error;
	else
		resp.val = c->value;
	/* ENOENT: the caller has died meanwhile. There is nobody else to tell. */
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void lose_client(struct sl_super *s)
{
	if (s->client_lost)
		return;
	s->client_lost = true;
	sl_report_line(&s->report,
		       "sluice: the broker is gone: every command is refused from here on");
	for (unsigned i = 0; i < SL_CALLS_MAX; i++) {
		struct sl_call *c = &s->call[i];

		if (c->used) {
			answer(s, c, sl_reply_error(c, EIO));
			release(s, c);
		}
	}
}

enum sl_handled sl_notify_submit(struct sl_super *s, struct sl_call *c, struct sl_command *cmd,
				 const void *data, const void *meta)
{
	int r;

	if (s->client_lost)
		return sl_reply_error(c, EIO);
	/* All that was read was the caller's if it still waits; for one that does not nothing is
	 * sent. */
	if (!sl_notify_valid(s, c->id))
		return sl_reply_error(c, EINTR);
	r = sl_client_send(s->client, c->tag, cmd, data, meta);
	if (r == -EMSGSIZE || r == -EINVAL)
		return sl_reply_error(c, EINVAL);
	if (r < 0) {
		lose_client(s);
		return sl_reply_error(c, EIO);
	}
	return SL_HANDLED_PENDING;
}

static void dispatch(struct sl_super *s, const struct sl_client_reply *r)
{
	struct sl_call *c = &s->call[r->tag % SL_CALLS_MAX];
	enum sl_handled h;

	if (!c->used || c->tag != r->tag)
		return; /* of a caller that was forgotten */
	if (r->c.outcome != SL_OUTCOME_OK)
		sl_report_denied(s, c->node, r);
	h = c->done(s, c, r);
	if (h == SL_HANDLED_PENDING)
		return;
	answer(s, c, h);
	release(s, c);
}

/* `block`: waits for a moment, see SHORT_WAIT_US. */
static void on_completion(struct sl_super *s, bool block)
{
	struct sl_client_reply r;
	int e = sl_client_recv(s->client, block, &r);

	if (e < 0)
		lose_client(s);
	else if (e > 0)
		dispatch(s, &r);
}

static struct sl_call *free_call(struct sl_super *s)
{
	for (unsigned i = 0; i < SL_CALLS_MAX; i++) {
		if (!s->call[i].used) {
			s->call[i].tag = i | s->serial++ << 8;
			return &s->call[i];
		}
	}
	return NULL;
}

static int on_notification(struct sl_super *s)
{
	/* Kernels to come may have longer structs: see SECCOMP_GET_NOTIF_SIZES in run.c. */
	union {
		struct seccomp_notif n;
		char space[256];
	} u = {0};
	enum sl_handled h = SL_HANDLED_CONTINUE;
	struct sl_call *c = free_call(s);

	if (!c)
		return 0;
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n) < 0)
		return errno == ENOENT || errno == EINTR || errno == EAGAIN ? 0 : -errno;
	c->id = u.n.id;
	c->tid = (pid_t)u.n.pid;
	c->nr = u.n.data.nr;
	for (unsigned i = 0; i < SL_COUNT(c->args); i++)
		c->args[i] = u.n.data.args[i];
	/* Pid 0: a caller whose number we cannot see. It has no stand-in from us. */
	for (size_t i = 0; c->tid > 0 && i < SL_COUNT(handlers); i++) {
		if (handlers[i].nr == c->nr) {
			h = handlers[i].handle(s, c);
			break;
		}
	}
	if (h == SL_HANDLED_PENDING) {
		c->used = true;
		s->in_use++;
		if (s->in_use == 1)
			on_completion(s, true);
		return 0;
	}
	answer(s, c, h);
	release(s, c);
	return 0;
}

/* A command of our own in between; what else completes meanwhile is answered. See sl_nodes.ask. */
static int ask(void *user, const struct sl_command *cmd, const void *data,
	       struct sl_client_reply *ret)
{
	struct sl_super *s = user;
	struct pollfd p = {.fd = sl_client_fd(s->client), .events = POLLIN};
	uint32_t tag = s->serial++ << 8 | TAG_OWN;
	int r;

	if (s->client_lost)
		return -EPIPE;
	r = sl_client_send(s->client, tag, cmd, data, NULL);
	while (r >= 0) {
		r = poll(&p, 1, ASK_MS);
		if (r <= 0) {
			r = r < 0 ? -errno : -ETIMEDOUT;
			break;
		}
		r = sl_client_recv(s->client, false, ret);
		if (r > 0 && ret->tag == tag)
			return 0;
		if (r > 0)
			dispatch(s, ret);
	}
	if (r == -ETIMEDOUT)
		(void)sl_client_detach(s->client, tag);
	return r;
}

void sl_notify_rescan(struct sl_super *s, const struct sl_call *c)
{
	/* One at a time: a change that completes within is seen by it, or by the next. */
	if (s->rescanning)
		return;
	s->rescanning = true;
	s->nodes.ask = ask;
	s->nodes.user = s;
	sl_nodes_rescan(&s->nodes, s->nodes.ctrl[c->node->ctrl].device, s->dev, s->sys);
	s->rescanning = false;
}

/* The command of a caller that was killed goes on; its slot is free for others. */
static void forget_dead(struct sl_super *s)
{
	for (unsigned i = 0; i < SL_CALLS_MAX; i++) {
		struct sl_call *c = &s->call[i];

		if (!c->used || sl_notify_valid(s, c->id))
			continue;
		(void)sl_client_detach(s->client, c->tag);
		release(s, c);
	}
}

/* The tool's end. Orphans of its tree are ours to wait for, too; see sl_reap. */
static void reap(struct sl_super *s, bool *ended, int *ret_status)
{
	int st;

	if (!*ended && waitpid(s->tool, &st, WNOHANG | __WALL) == s->tool) {
		*ret_status = st;
		*ended = true;
	}
	sl_reap(s);
}

static void on_signals(struct sl_super *s, bool *ended, int *ret_status)
{
	int sig;

	while ((sig = sl_signals_next())) {
		if (sig == SIGCHLD)
			reap(s, ended, ret_status);
		else if (!*ended)
			kill(s->tool, sig);
	}
}

int sl_notify_loop(struct sl_super *s, const struct sl_signals *sg, int *ret_status)
{
	enum { LISTENER, CLIENT };
	struct pollfd p[2] = {
		[LISTENER] = {.fd = s->listener},
		[CLIENT] = {.fd = sl_client_fd(s->client), .events = POLLIN},
	};
	const struct timespec check = {.tv_nsec = ABANDON_CHECK_MS * 1000000l};
	const struct timeval wait = {.tv_usec = SHORT_WAIT_US}, forever = {0};
	bool ended = false;
	int n, r;

	(void)setsockopt(p[CLIENT].fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	for (;;) {

		/* With every slot taken, callers wait in the kernel. */
		p[LISTENER].events = s->in_use < SL_CALLS_MAX ? POLLIN : 0;
		p[CLIENT].revents = 0;
		/* Without a command under way there is nothing to hear from the broker. */
		n = ppoll(p, s->in_use ? 2 : 1, s->in_use ? &check : NULL, &sg->waiting);
		if (n < 0 && errno != EINTR)
			return -errno;
		on_signals(s, &ended, ret_status);
		if (n == 0)
			forget_dead(s);
		if (n <= 0)
			continue;
		if (p[CLIENT].revents)
			on_completion(s, false);
		if (p[LISTENER].revents & POLLIN) {
			r = on_notification(s);
			if (r < 0)
				return r;
		}
		/* No process is left that could call. */
		if (p[LISTENER].revents & (POLLHUP | POLLERR))
			break;
	}
	(void)setsockopt(p[CLIENT].fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	while (!ended) {
		if (waitpid(s->tool, ret_status, __WALL) == s->tool)
			ended = true;
		else if (errno != EINTR)
			return -errno;
	}
	sl_reap(s);
	return s->client_lost ? -EPIPE : 0;
}
