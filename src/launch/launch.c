/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts sluiced and the device models as children and speaks the control protocol. Everything that
 * the broker can ever touch goes through send_control() here.
 */
#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/paths.h"
#include "launch/ledger-file.h"
#include "launch/node.h"
#include "launch/nvme-node.h"

#define GRACE_MS 5000 /* how long a child may take to end by itself */
#define HELLO_S	 10   /* how long a device that somebody else serves may take to say hello */
#define DEATH_MS 300  /* how long we look for the cause when a conversation broke */

struct child {
	pid_t pid;     /* 0: none, or waited for */
	int pidfd;     /* -1: there never was such a process */
	char what[96]; /* for people */
};

struct sl_launch {
	int control;
	struct sl_sample sample;
	int ledger_fd; /* the ledger, for reading; -1 */
	unsigned n_devices;
	struct child broker;
	struct child device[SL_DEVICES_MAX];
	struct sl_nvme_nodes nodes[SL_DEVICES_MAX]; /* claims on what the broker may change */
	int device_fd[SL_DEVICES_MAX];		    /* our end while it is being handed over; -1 */
	int uevents;				    /* of the kernel; -1: not listened to */
};

/* Children */

/* In the child: descriptor `fd` becomes `as`, all else but stderr is closed at exec. */
static void __attribute__((noreturn)) become(int fd, int as, pid_t parent, char *const argv[])
{
	sigset_t none;
	int null;

	/* A new session: the terminal's signals are for the tool, not for what serves it. */
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(127);
	if (fd == as ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, as) < 0)
		_exit(127);
	if (syscall(SYS_close_range, (unsigned)as + 1, ~0U, 0) < 0)
		_exit(127);
	execv(argv[0], argv);
	(void)dprintf(2, "sluice: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Starts a program with one end of a socket pair as descriptor 3. *ret_fd: our end. */
static int child_start(struct child *c, const char *program, char *const args[], int *ret_fd,
		       struct sl_diag *reterr)
{
	char path[4096], *argv[8] = {path};
	pid_t self = getpid();
	int sv[2], r;

	r = sl_path_program(program, path, sizeof(path));
	if (r < 0)
		return sl_diag_set(reterr, r, NULL, 0, 0, "program %s (%s): %s", program, path,
				   strerror(-r));
	for (unsigned i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "socket pair: %s", strerror(errno));
	c->pid = fork();
	if (c->pid == 0)
		become(sv[1], SL_CONTROL_FD, self, argv);
	if (c->pid < 0) {
		r = -errno;
		c->pid = 0;
		close(sv[0]);
		close(sv[1]);
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: fork: %s", program, strerror(-r));
	}
	close(sv[1]);
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd >= 0)
		(void)fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
	*ret_fd = sv[0];
	return 0;
}

/* Has it ended within `ms`? Then *ret says how, once waited for by whom ever. */
static bool child_ended(struct child *c, int ms, struct sl_diag *ret)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	int status;
	pid_t r;

	if (!c->pid || c->pidfd < 0 || poll(&p, 1, ms) <= 0)
		return false;
	r = waitpid(c->pid, &status, WNOHANG);
	c->pid = 0;
	if (r <= 0)
		(void)sl_diag_set(ret, 0, NULL, 0, 0, "%s has ended", c->what);
	else if (WIFSIGNALED(status))
		(void)sl_diag_set(ret, 0, NULL, 0, 0, "%s was ended by signal %d (%s)", c->what,
				  WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)sl_diag_set(ret, 0, NULL, 0, 0, "%s has ended with status %d", c->what,
				  WEXITSTATUS(status));
	return true;
}

static void child_end(struct child *c, int ms)
{
	if (c->pid && !child_ended(c, ms, NULL)) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
		c->pid = 0;
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
}

bool sl_launch_ended(struct sl_launch *l, struct sl_diag *ret)
{
	/* The broker first: when it ends, its devices end with it. */
	if (child_ended(&l->broker, 0, ret))
		return true;
	for (unsigned i = 0; i < l->n_devices; i++)
		if (child_ended(&l->device[i], 0, ret)) {
			/* A broker that ends closes its devices before its end is seen. */
			(void)child_ended(&l->broker, DEATH_MS, ret);
			return true;
		}
	return false;
}

bool sl_launch_goes_on(const struct sl_launch *l)
{
	for (unsigned i = 0; l->broker.pid && i < l->n_devices; i++)
		if (l->device[i].pid || l->device[i].pidfd < 0)
			return true;
	return false;
}

int sl_launch_wait(struct sl_launch *l, int sigfd)
{
	struct pollfd p[SL_DEVICES_MAX + 2];
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = sigfd, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = l->broker.pidfd, .events = POLLIN};
	for (unsigned i = 0; i < l->n_devices; i++)
		if (l->device[i].pid)
			p[n++] = (struct pollfd){.fd = l->device[i].pidfd, .events = POLLIN};
	while (poll(p, n, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The conversation */

/* Something went wrong in it: the cause is more likely a child's end than what errno says. */
static int broken(struct sl_launch *l, int error, const char *what, struct sl_diag *reterr)
{
	struct child *c = &l->broker;

	for (unsigned i = 0; i < l->n_devices; i++)
		if (child_ended(&l->device[i], 0, reterr))
			return error;
	if (child_ended(c, error == -EPIPE ? DEATH_MS : 0, reterr))
		return error;
	return sl_diag_set(reterr, error, NULL, 0, 0, "%s: %s", what, strerror(-error));
}

static int send_control(struct sl_launch *l, const struct sl_control *c, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	struct iovec iov = {(void *)(uintptr_t)c, sizeof(*c)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r;

	if (fd >= 0) {
		struct cmsghdr *h;

		memset(&u, 0, sizeof(u));
		m.msg_control = u.buf;
		m.msg_controllen = sizeof(u.buf);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	do
		r = sendmsg(l->control, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int tell(struct sl_launch *l, const struct sl_control *c, int fd, const char *what,
		struct sl_control_reply *ret, struct sl_diag *reterr)
{
	ssize_t n;
	int r;

	r = send_control(l, c, fd);
	if (r < 0)
		return broken(l, r == -ECONNRESET ? -EPIPE : r, what, reterr);
	do
		n = recv(l->control, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return broken(l, -errno, what, reterr);
	if (n <= 0)
		return broken(l, -EPIPE, what, reterr);
	if (n != (ssize_t)sizeof(*ret) || ret->op != c->op)
		return sl_diag_set(reterr, -EPROTO, NULL, 0, 0, "%s: the broker answers nonsense",
				   what);
	ret->text[sizeof(ret->text) - 1] = '\0';
	if (ret->error < 0) {
		/* When a device's process has died, that is the cause and this only its effect. */
		for (unsigned i = 0; i < l->n_devices; i++)
			if (child_ended(&l->device[i], DEATH_MS, reterr))
				return ret->error;
		return sl_diag_set(reterr, ret->error, NULL, 0, 0, "%s: %s", what,
				   ret->text[0] ? ret->text : strerror(-ret->error));
	}
	return 0;
}

/* The steps */

int sl_launch_new(struct sl_launch **ret, struct sl_diag *reterr)
{
	char *args[] = {NULL};
	struct sl_launch *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	l->control = l->uevents = l->broker.pidfd = l->ledger_fd = -1;
	for (unsigned i = 0; i < SL_DEVICES_MAX; i++)
		l->device[i].pidfd = -1;
	(void)snprintf(l->broker.what, sizeof(l->broker.what), "the broker (sluiced)");
	r = child_start(&l->broker, "sluiced", args, &l->control, reterr);
	if (r < 0) {
		sl_launch_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct sl_launch *sl_launch_free(struct sl_launch *l)
{
	if (!l)
		return NULL;
	if (l->ledger_fd >= 0)
		close(l->ledger_fd);
	if (l->control >= 0)
		close(l->control); /* sluiced ends when its launcher has gone */
	if (l->uevents >= 0)
		close(l->uevents);
	child_end(&l->broker, GRACE_MS);
	for (unsigned i = 0; i < l->n_devices; i++)
		child_end(&l->device[i], GRACE_MS);
	for (unsigned i = 0; i < l->n_devices; i++)
		sl_nvme_nodes_release(&l->nodes[i]);
	free(l);
	return NULL;
}

/* Hands over bytes that nobody can change any more. */
static int tell_sealed(struct sl_launch *l, uint32_t op, const void *blob, size_t size,
		       const char *what, struct sl_diag *reterr)
{
	struct sl_control c = {.op = op};
	struct sl_control_reply reply;
	int fd, r;

	fd = memfd_create("sluice", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "memfd: %s", strerror(errno));
	for (size_t at = 0; at < size;) {
		ssize_t n = write(fd, (const char *)blob + at, size - at);

		if (n <= 0) {
			r = n < 0 ? -errno : -EIO;
			close(fd);
			return sl_diag_set(reterr, r, NULL, 0, 0, "memfd: %s", strerror(-r));
		}
		at += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		r = sl_diag_set(reterr, -errno, NULL, 0, 0, "memfd seals: %s", strerror(errno));
	else
		r = tell(l, &c, fd, what, &reply, reterr);
	close(fd);
	return r;
}

int sl_launch_image(struct sl_launch *l, const void *blob, size_t size, struct sl_diag *reterr)
{
	return tell_sealed(l, SL_CONTROL_IMAGE, blob, size, "policy", reterr);
}

int sl_launch_trust(struct sl_launch *l, const struct sl_trust_row *rows, unsigned n,
		    struct sl_diag *reterr)
{
	const struct sl_control none = {.op = SL_CONTROL_TRUST};
	struct sl_control_reply reply;

	if (n == 0)
		return tell(l, &none, -1, "trust", &reply, reterr);
	return tell_sealed(l, SL_CONTROL_TRUST, rows, n * sizeof(*rows), "trust", reterr);
}

void sl_launch_sample(struct sl_launch *l, const struct sl_sample *s)
{
	l->sample = *s;
}

int sl_launch_ledger_fd(const struct sl_launch *l)
{
	return l->ledger_fd;
}

/* The same file for reading: there are several in the directory. */
static int open_again(int fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int sl_launch_ledger(struct sl_launch *l, const char *dir, struct sl_diag *ret_warn,
		     struct sl_diag *reterr)
{
	struct sl_control c = {.op = SL_CONTROL_LEDGER};
	struct sl_control_reply reply;
	int fd, r;

	r = sl_ledger_file_open(dir, &fd, &c.ledger_next, &c.ledger_check, ret_warn, reterr);
	if (r < 0)
		return r;
	c.sample_seed = l->sample.seed;
	c.sample_burst = l->sample.burst;
	c.sample_of = l->sample.of;
	l->ledger_fd = open_again(fd);
	r = tell(l, &c, fd, "ledger", &reply, reterr);
	close(fd);
	return r;
}

static int device_connect(const char *path, struct sl_diag *reterr)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = HELLO_S};
	int fd, e;

	if (strlen(path) >= sizeof(sa.sun_path))
		return sl_diag_set(reterr, -ENAMETOOLONG, NULL, 0, 0,
				   "wire:%s: the path is too long for a socket", path);
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0) {
		/* The broker shakes hands on it before it serves: not without end. */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		return fd;
	}
	e = errno;
	if (fd >= 0)
		close(fd);
	return sl_diag_set(reterr, -e, NULL, 0, 0, "wire:%s: %s%s", path, strerror(e),
			   e == ECONNREFUSED ? ": nobody serves a device there"
			   : e == ENOENT     ? ": whoever serves the device makes that socket"
			   : e == EPROTOTYPE ? ": the socket must be SOCK_SEQPACKET"
					     : "");
}

static int open_nvme(unsigned kind, const char *path, struct sl_nvme_nodes *ret,
		     struct sl_diag *reterr)
{
	(void)kind;
	return sl_nvme_open(path, ret, reterr);
}

static int open_node(unsigned kind, const char *path, struct sl_nvme_nodes *ret,
		     struct sl_diag *reterr)
{
	return sl_node_open((enum sl_node_kind)kind, path, ret, reterr);
}

/* What the broker drives a SPEC with, and how its nodes are opened; NULL: there are none. */
static const struct {
	uint8_t backend, protocol;
	uint8_t kind; /* enum sl_node_kind */
	int (*open)(unsigned kind, const char *path, struct sl_nvme_nodes *ret,
		    struct sl_diag *reterr);
} backends[_SL_SPEC_N] = {
	/* A process says its protocol itself. */
	[SL_SPEC_MODEL] = {SL_BACKEND_WIRE, SL_WIRE_NVME, 0, NULL},
	[SL_SPEC_WIRE] = {SL_BACKEND_WIRE, SL_WIRE_NVME, 0, NULL},
	[SL_SPEC_ISCSI] = {SL_BACKEND_WIRE, SL_WIRE_SCSI, 0, NULL},
	[SL_SPEC_NULL] = {SL_BACKEND_NULL, SL_WIRE_NVME, 0, NULL},
	[SL_SPEC_NVME] = {SL_BACKEND_NVME, SL_WIRE_NVME, 0, open_nvme},
	[SL_SPEC_SG] = {SL_BACKEND_SG, SL_WIRE_SCSI, SL_NODE_SG, open_node},
	[SL_SPEC_BSG] = {SL_BACKEND_BSG, SL_WIRE_SCSI, SL_NODE_BSG, open_node},
	[SL_SPEC_CXL] = {SL_BACKEND_CXL, SL_WIRE_CXL, SL_NODE_CXL, open_node},
	[SL_SPEC_FWCTL] = {SL_BACKEND_FWCTL, SL_WIRE_FWCTL, SL_NODE_FWCTL, open_node},
};

/* Devices that are a process which the launcher starts, with the SPEC's target. */
static const char *const programs[_SL_SPEC_N] = {
	[SL_SPEC_MODEL] = "sluice-model",
	[SL_SPEC_ISCSI] = "sluice-iscsi",
};

/* The namespaces of a device, from one on. */
static int tell_namespaces(struct sl_launch *l, unsigned device, unsigned first, const char *name,
			   struct sl_diag *reterr)
{
	const struct sl_nvme_nodes *n = &l->nodes[device];
	struct sl_control_reply reply;
	int r = 0;

	for (unsigned i = first; r == 0 && i < n->n; i++) {
		struct sl_control c = {
			.op = SL_CONTROL_NAMESPACE,
			.device = (uint8_t)device,
			.nsid = n->ns[i].nsid,
			.in_use = n->ns[i].in_use,
			.claimed = n->ns[i].claimed,
		};

		r = tell(l, &c, n->ns[i].fd, name, &reply, reterr);
	}
	return r;
}

int sl_launch_device(struct sl_launch *l, const struct sl_spec *spec, struct sl_diag *reterr)
{
	struct sl_control c = {
		.op = SL_CONTROL_DEVICE,
		.backend = backends[spec->kind].backend,
		.protocol = backends[spec->kind].protocol,
	};
	struct sl_control_reply reply;
	struct sl_nvme_nodes *nodes;
	struct child *child;
	int fd = -1, r = 0;

	if (l->n_devices == SL_DEVICES_MAX)
		return sl_diag_set(reterr, -E2BIG, NULL, 0, 0, "more than %d devices",
				   SL_DEVICES_MAX);
	child = &l->device[l->n_devices];
	nodes = &l->nodes[l->n_devices];
	memcpy(c.name, spec->name, sizeof(c.name));
	if (programs[spec->kind]) {
		char number[] = "3", option[] = "--fd", target[sizeof(spec->target)];
		char *args[] = {option, number, target, NULL};

		memcpy(target, spec->target, sizeof(target));
		(void)snprintf(child->what, sizeof(child->what), "the device %s (%s)", spec->name,
			       programs[spec->kind]);
		r = child_start(child, programs[spec->kind], args, &fd, reterr);
	} else if (spec->kind == SL_SPEC_WIRE) {
		r = fd = device_connect(spec->target, reterr);
	} else if (backends[spec->kind].open) {
		r = backends[spec->kind].open(backends[spec->kind].kind, spec->target, nodes,
					      reterr);
		fd = nodes->fd;
		c.type = nodes->type;
	}
	if (r < 0)
		return r;
	l->n_devices++;
	r = tell(l, &c, fd, spec->name, &reply, reterr);
	if (r == 0)
		r = tell_namespaces(l, l->n_devices - 1, 0, spec->name, reterr);
	if (backends[spec->kind].open)
		sl_nvme_nodes_close(nodes);
	else if (fd >= 0)
		close(fd);
	return r;
}

int sl_launch_changes(struct sl_launch *l)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_groups = 1};
	bool nodes = false;

	for (unsigned i = 0; i < l->n_devices; i++)
		nodes |= l->nodes[i].ctrl[0] != '\0';
	if (!nodes || l->uevents >= 0)
		return l->uevents;
	l->uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			    NETLINK_KOBJECT_UEVENT);
	if (l->uevents >= 0 &&
	    bind(l->uevents, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		close(l->uevents);
		l->uevents = -1;
	}
	return l->uevents;
}

int sl_launch_look_again(struct sl_launch *l, struct sl_diag *reterr)
{
	char event[2048];
	int r = 0;

	/* What it says is of no interest: that something has come or gone is, and where is looked
	 * at. */
	while (l->uevents >= 0 && (recv(l->uevents, event, sizeof(event), 0) >= 0 ||
				   errno == ENOBUFS || errno == EINTR))
		;
	for (unsigned i = 0; i < l->n_devices; i++) {
		struct sl_nvme_nodes *n = &l->nodes[i];
		unsigned first;
		int found;

		if (!n->ctrl[0])
			continue;
		found = sl_nvme_look_again(n, &first, reterr);
		if (found == -ENOENT || found == -ENXIO || found == -ENODEV)
			found = 0; /* gone, or going: the next event is on its way */
		if (found == 0)
			found = tell_namespaces(l, i, first, "a namespace that has come", reterr);
		sl_nvme_nodes_close(n);
		r = found < 0 ? found : r;
	}
	return r;
}

int sl_launch_session(struct sl_launch *l, const struct sl_identity *who, int *ret_fd,
		      struct sl_diag *reterr)
{
	struct sl_control c = {.op = SL_CONTROL_SESSION, .who = *who};
	struct sl_control_reply reply;
	int sv[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "socket pair: %s", strerror(errno));
	r = tell(l, &c, sv[1], "session", &reply, reterr);
	close(sv[1]);
	if (r < 0)
		close(sv[0]);
	else
		*ret_fd = sv[0];
	return r;
}

int sl_launch_listen(struct sl_launch *l, int fd, struct sl_diag *reterr)
{
	struct sl_control c = {.op = SL_CONTROL_LISTEN};
	struct sl_control_reply reply;

	return tell(l, &c, fd, "socket", &reply, reterr);
}

int sl_launch_start(struct sl_launch *l, struct sl_diag *reterr)
{
	struct sl_control c = {.op = SL_CONTROL_START};
	struct sl_control_reply reply;

	return tell(l, &c, -1, "start", &reply, reterr);
}

int sl_launch_status(struct sl_launch *l, char *text, struct sl_diag *reterr)
{
	struct sl_control c = {.op = SL_CONTROL_STATUS};
	struct sl_control_reply reply;
	int r = tell(l, &c, -1, "status", &reply, reterr);

	if (r == 0)
		memcpy(text, reply.text, SL_CONTROL_TEXT_MAX);
	return r;
}

int sl_identity_self(const char *label, struct sl_identity *ret)
{
	gid_t gids[SL_GIDS_MAX];
	int n;

	*ret = (struct sl_identity){.uid = geteuid(), .known = 1};
	if (strlen(label) >= sizeof(ret->label))
		return -ENAMETOOLONG;
	strcpy(ret->label, label);
	/* The effective group first; getgroups() may or may not repeat it. */
	ret->gids[ret->n_gids++] = getegid();
	n = getgroups(SL_GIDS_MAX, gids);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (gids[i] == ret->gids[0])
			continue;
		if (ret->n_gids == SL_GIDS_MAX)
			return -E2BIG;
		ret->gids[ret->n_gids++] = gids[i];
	}
	return 0;
}
