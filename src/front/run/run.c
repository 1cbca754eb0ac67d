/* SPDX-License-Identifier: Apache-2.0 */
/* sl_run: discovers, starts the child in its place, serves it until its tree has ended. */
#include "front/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/run/super.h"

int sl_run_exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One stage of the child's, with the descriptors it carries. */
static int expect(int sock, enum sl_stage stage, int *fds, unsigned n, struct sl_diag *reterr)
{
	struct sl_stage_msg m;
	unsigned got;
	int r = sl_stage_recv(sock, &m, fds, n, &got);

	if (r < 0)
		return sl_diag_set(reterr, r, "", 0, 0, "the child ended before it could start");
	if (m.stage == SL_STAGE_FAILED)
		return sl_diag_set(reterr, m.error ? -m.error : -EIO, "", 0, 0, "%.200s: %s",
				   m.text, strerror(m.error));
	if (m.stage != (int)stage || got != n)
		return sl_diag_set(reterr, -EPROTO, "", 0, 0, "the child is out of step");
	return 0;
}

/* Brings the child to exec, with the devices in its /dev and /sys. */
static int prepare(struct sl_super *s, int sock, struct sl_diag *reterr)
{
	int place[3];
	char go;
	int r;

	/* The child makes its place meanwhile. */
	r = sl_nodes_discover(&s->nodes, s->cfg, reterr);
	if (r < 0)
		return r;
	r = expect(sock, SL_STAGE_PLACE, place, 3, reterr);
	if (r < 0)
		return r;
	s->root = place[0];
	s->dev = place[1];
	s->sys = place[2];
	r = sl_nodes_create(&s->nodes, s->dev, reterr);
	if (r == 0)
		r = sl_sysfs_create(&s->nodes, s->sys, reterr);
	if (r < 0)
		return r;
	go = s->nodes.block ? SL_GO_BLOCK : SL_GO;
	if (send(sock, &go, 1, MSG_NOSIGNAL) != 1)
		return sl_diag_set(reterr, -errno, "", 0, 0, "the child has gone");
	r = expect(sock, SL_STAGE_LISTENER, &s->listener, 1, reterr);
	if (r < 0)
		return r;
	fcntl(s->listener, F_SETFL, O_NONBLOCK);
	/* Linux 6.6: the caller and we take turns on one CPU. Without it all works, more slowly. */
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return 0;
}

static int check_kernel(struct sl_diag *reterr)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(__NR_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return sl_diag_set(reterr, -errno, "", 0, 0,
				   "this kernel has no seccomp notification: see sluice doctor");
	if (sizes.seccomp_notif > 256 ||
	    sizes.seccomp_notif_resp > sizeof(struct seccomp_notif_resp))
		return sl_diag_set(reterr, -E2BIG, "", 0, 0,
				   "this kernel's notifications are longer than we know them");
	return 0;
}

/*
 * Waits for the child to exec or to say why it cannot; its calls are served meanwhile by the loop,
 * so this only looks whether a message came with the end of the tree.
 */
static int exec_failure(int sock, struct sl_diag *reterr)
{
	struct sl_stage_msg m;
	unsigned got;
	int r = sl_stage_recv(sock, &m, NULL, 0, &got);

	if (r == 0 && m.stage == SL_STAGE_FAILED)
		return sl_diag_set(reterr, m.error ? -m.error : -EIO, "", 0, 0, "%.200s: %s",
				   m.text, strerror(m.error));
	return 0;
}

static int serve(struct sl_super *s, int sock, const struct sl_signals *sg, int *ret_status,
		 struct sl_diag *reterr)
{
	int r = prepare(s, sock, reterr);
	int e;

	if (r < 0) {
		kill(s->tool, SIGKILL);
		waitpid(s->tool, ret_status, 0);
		return r;
	}
	r = sl_notify_loop(s, sg, ret_status);
	sl_report_flush(&s->report);
	e = exec_failure(sock, reterr);
	if (e < 0)
		return e;
	if (r == -EPIPE)
		sl_diag_set(reterr, r, "", 0, 0, "the broker was lost before the tool ended");
	else if (r < 0)
		sl_diag_set(reterr, r, "", 0, 0, "serving the tool failed: %s", strerror(-r));
	return r;
}

/* Three descriptors a node; the tool keeps its own limit. */
static void raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static void super_done(struct sl_super *s)
{
	const int fds[] = {s->listener, s->root, s->dev, s->sys};

	for (unsigned i = 0; i < 4; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	sl_tracee_done(s);
	sl_nodes_done(&s->nodes);
	free(s->buf);
	free(s->meta);
	free(s);
}

int sl_run(const struct sl_run_config *cfg, int *ret_status, struct sl_diag *reterr)
{
	struct sl_signals sg;
	struct sl_super *s;
	int pair[2];
	int r;

	*ret_status = 0;
	r = check_kernel(reterr);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return sl_diag_set(reterr, -ENOMEM, "", 0, 0, "out of memory");
	s->cfg = cfg;
	s->client = cfg->client;
	s->listener = s->root = s->dev = s->sys = -1;
	for (unsigned i = 0; i < SL_MEMORY_MAX; i++)
		s->memory[i].fd = s->memory[i].files = -1;
	s->report.fd = cfg->report_fd < 0 ? STDERR_FILENO : cfg->report_fd;
	s->report.quiet = cfg->quiet;
	s->uid = cfg->appear_root ? 0 : geteuid();
	s->gid = cfg->appear_root ? 0 : getegid();
	s->buf = malloc(SL_WIRE_DATA_MAX);
	s->meta = malloc(SL_WIRE_META_MAX);
	r = s->buf && s->meta ? 0 : sl_diag_set(reterr, -ENOMEM, "", 0, 0, "out of memory");
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		r = sl_diag_set(reterr, -errno, "", 0, 0, "socketpair: %s", strerror(errno));
	if (r < 0) {
		super_done(s);
		return r;
	}
	sl_reap_init(s);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sl_signals_take(&sg);
	s->tool = fork();
	if (s->tool == 0) {
		sl_signals_put(&sg);
		close(pair[0]);
		sl_sandbox_enter(pair[1], cfg);
	}
	r = s->tool < 0 ? -errno : 0;
	close(pair[1]);
	if (r == 0)
		raise_files();
	if (r < 0)
		sl_diag_set(reterr, r, "", 0, 0, "cannot start a child: %s", strerror(-r));
	else
		r = serve(s, pair[0], &sg, ret_status, reterr);
	close(pair[0]);
	sl_signals_put(&sg);
	super_done(s);
	return r;
}
