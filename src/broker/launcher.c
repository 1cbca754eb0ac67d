/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's end of the broker. Every operation is a row: when it is allowed, whether it brings
 * a descriptor, who does it.
 */
#include "broker/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/sandbox.h"
#include "broker/session.h"
#include "broker/survey.h"
#include "broker/words.h"
#include "device/null/null.h"

#define IMAGE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

/* Takes over fd (-1: none came) whatever it returns; text is for people, on error and on success.
 */
typedef int (*control_fn)(struct sl_launcher *l, const struct sl_control *m, int fd, char *text);

static int say(char *text, int error, const char *what)
{
	sl_words_copy(text, SL_CONTROL_TEXT_MAX, what);
	return error;
}

/* The descriptor that came with what is refused goes, too. */
static int refuse(char *text, int fd, int error, const char *what)
{
	if (fd >= 0)
		close(fd);
	return say(text, error, what);
}

/* Maps what nobody can change any more. */
static int map_sealed(int fd, size_t most, void **ret, size_t *ret_size, char *text)
{
	struct stat st;

	if (fcntl(fd, F_GET_SEALS) != IMAGE_SEALS || fstat(fd, &st) < 0 || st.st_size <= 0 ||
	    (size_t)st.st_size > most)
		return refuse(text, fd, -EINVAL, "it is not sealed against change");
	*ret_size = (size_t)st.st_size;
	*ret = mmap(NULL, *ret_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return *ret == MAP_FAILED ? say(text, -errno, "it could not be mapped") : 0;
}

/* An image is checked whole. The old one stays on error. */
static int on_image(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	const char *why = "";
	size_t size;
	void *p;
	int r = map_sealed(fd, SL_IMAGE_MAX, &p, &size, text);

	(void)m;
	if (r < 0)
		return r;
	r = sl_image_check(p, size, &why);
	if (r == 0 && (((const struct sl_image *)p)->flags & SL_IMAGE_MODEL)) {
		r = -EINVAL;
		why = "it is a model of another filter, made for comparing: it cannot be enforced";
	}
	if (r < 0) {
		(void)munmap(p, size);
		return say(text, r, why);
	}
	/* The old mapping stays: answers in flight may still name its rules. Reloads are rare. */
	sl_gate_policy(l->gate, p);
	return 0;
}

static int on_trust(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	struct sl_gate *g = l->gate;
	size_t size = 0;
	void *p = NULL;
	int r = fd < 0 ? 0 : map_sealed(fd, sizeof(g->trust), &p, &size, text);

	(void)m;
	if (r < 0)
		return r;
	r = sl_trust_check(p, size);
	if (r == 0) {
		if (p)
			memcpy(g->trust, p, size);
		g->n_trust = (uint32_t)(size / sizeof(g->trust[0]));
		sl_survey_trust(g);
	}
	if (p)
		(void)munmap(p, size);
	return r < 0 ? say(text, r, "it is no table of trust") : 0;
}

static int on_ledger(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || !(flags & O_APPEND))
		return refuse(text, fd, -EINVAL, "the ledger is not open for appending only");
	sl_ledger_init(&l->gate->ledger, fd, m->ledger_next, m->ledger_check);
	l->gate->sample_seed = m->sample_seed;
	l->gate->sample_burst = m->sample_burst;
	l->gate->sample_of = m->sample_of;
	return 0;
}

/* Every back end: its beginning, which takes the descriptor; whether it takes one; which kind. */
static const struct {
	int (*begin)(struct sl_device *dev, unsigned kind, int fd);
	bool fd;
	uint8_t kind;
} backends[_SL_BACKEND_N] = {
	[SL_BACKEND_WIRE] = {sl_wire_begin, true, 0},
	[SL_BACKEND_NULL] = {sl_null_begin, false, 0},
	[SL_BACKEND_NVME] = {sl_nvme_begin, true, 0},
	[SL_BACKEND_SG] = {sl_node_begin, true, SL_NODE_SG},
	[SL_BACKEND_BSG] = {sl_node_begin, true, SL_NODE_BSG},
	[SL_BACKEND_CXL] = {sl_node_begin, true, SL_NODE_CXL},
	[SL_BACKEND_FWCTL] = {sl_node_begin, true, SL_NODE_FWCTL},
};

static int on_device(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	struct sl_gate *g = l->gate;
	struct sl_gate_device *d = &g->devices[g->n_devices];
	int r;

	if (g->n_devices == SL_DEVICES_MAX || !m->protocol || m->protocol >= _SL_WIRE_PROTOCOL_N)
		return refuse(text, fd, -EINVAL,
			      "too many devices, or a protocol that is not supported");
	if (m->backend >= _SL_BACKEND_N || !backends[m->backend].begin ||
	    backends[m->backend].fd != (fd >= 0))
		return refuse(text, fd, -EINVAL, "no such back end, or its descriptor is missing");
	d->dev = &d->backend.null; /* each of them begins with it */
	r = backends[m->backend].begin(d->dev, backends[m->backend].kind, fd);
	if (r < 0)
		return say(text, r, "the device does not speak the wire protocol");
	d->dev->type |= m->type; /* a process says its own */
	d->backend_kind = (uint8_t)m->backend;
	sl_gate_attach(g, d->dev);
	memcpy(d->name, m->name, sizeof(d->name));
	d->name[sizeof(d->name) - 1] = '\0';
	d->protocol = d->dev->protocol ? d->dev->protocol : m->protocol;
	d->state = SL_DEV_READING;
	g->n_devices++;
	return 0;
}

/* A namespace that the launcher has opened, or the unit behind the node that was handed over, and
 * what it knows of others who use it. */
static int on_namespace(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	struct sl_gate *g = l->gate;
	struct sl_gate_device *d = m->device < g->n_devices ? &g->devices[m->device] : NULL;
	struct sl_contract *c;
	int r;

	if (!d || (fd >= 0) != (d->backend_kind == SL_BACKEND_NVME))
		return refuse(text, fd, -EINVAL, "a namespace without its controller");
	r = fd >= 0 ? sl_nvme_dev_namespace(&d->backend.nvme, fd, m->nsid) : 0;
	if (r < 0)
		return say(text, r, "too many namespaces, or a node that is not the namespace's");
	/* The survey carries it over into every contract that it reads. */
	c = &d->contract[d->now];
	if (c->n_ns < SL_NS_MAX)
		c->ns[c->n_ns++] = (struct sl_ns){
			.nsid = m->nsid,
			.used_by_kernel = m->in_use != 0,
			.claimed = m->claimed != 0,
		};
	d->reread = l->started;
	sl_gate_resume(g, m->device);
	return 0;
}

static int on_session(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	int r;

	if (m->who.n_gids > SL_GIDS_MAX)
		return refuse(text, fd, -EINVAL, "more groups than an identity holds");
	r = sl_session_add(l->gate, fd, &m->who);
	return r < 0 ? say(text, r, "too many clients") : 0;
}

static int on_listen(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	(void)m;
	if (l->gate->listen_fd >= 0)
		return refuse(text, fd, -EBUSY, "there is a listening socket already");
	l->gate->listen_fd = fd;
	return 0;
}

/* Rights go first, then what needs a thread of its own starts without them, then the cage closes.
 */
static int enter_sandbox(struct sl_gate *g, const char **reterr_what)
{
	struct sl_sandbox_needs needs = {0};
	int r;

	for (unsigned i = 0; i < g->n_devices; i++)
		if (g->devices[i].dev->needs)
			sl_sandbox_need(&needs, g->devices[i].dev->needs);
	r = sl_sandbox_drop(&needs, reterr_what);
	for (unsigned i = 0; r == 0 && i < g->n_devices; i++) {
		*reterr_what = "the way to a device";
		if (g->devices[i].dev->ops->start)
			r = g->devices[i].dev->ops->start(g->devices[i].dev);
	}
	return r < 0 ? r : sl_sandbox_filter(&needs, reterr_what);
}

static int on_start(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	struct sl_gate *g = l->gate;
	struct sl_record r = {.type = SL_RECORD_START, .table_hash = g->table_hash};
	const char *what = "";
	int err;

	(void)m;
	(void)fd;
	if (!g->image || g->n_devices == 0)
		return say(text, -EINVAL, "nothing to serve: no policy or no device was given");
	err = enter_sandbox(g, &what);
	if (err < 0) {
		(void)snprintf(text, SL_CONTROL_TEXT_MAX, "the sandbox could not be entered: %s",
			       what);
		return err;
	}
	l->started = true;
	sl_words_copy(r.text, sizeof(r.text), sl_image_str(g->image, g->image->name));
	(void)sl_ledger_append(&g->ledger, &r, false);
	for (unsigned i = 0; i < g->n_devices; i++)
		sl_survey_begin(g, i);
	return 0; /* answered by sl_launcher_tick() */
}

static int on_status(struct sl_launcher *l, const struct sl_control *m, int fd, char *text)
{
	const struct sl_gate *g = l->gate;
	unsigned clients = 0;

	(void)m;
	(void)fd;
	for (unsigned i = 0; i < SL_SESSIONS_MAX; i++)
		clients += g->sessions[i].fd >= 0;
	(void)snprintf(text, SL_CONTROL_TEXT_MAX,
		       "policy %s, devices %u, clients %u, allowed %llu, denied %llu, failed %llu, "
		       "ledger at %llu, lost %llu",
		       sl_image_str(g->image, g->image->name), g->n_devices, clients,
		       (unsigned long long)g->n_allowed, (unsigned long long)g->n_denied,
		       (unsigned long long)g->n_failed, (unsigned long long)g->ledger.next,
		       (unsigned long long)g->ledger.lost);
	return 0;
}

enum {
	FD_NO,
	FD_YES,
	FD_MAYBE,
};

static const struct {
	control_fn fn;
	uint8_t fd;
	bool before, after; /* START */
} ops[_SL_CONTROL_N] = {
	[SL_CONTROL_IMAGE] = {on_image, FD_YES, true, true},
	[SL_CONTROL_LEDGER] = {on_ledger, FD_YES, true, false},
	[SL_CONTROL_DEVICE] = {on_device, FD_MAYBE, true, false},
	[SL_CONTROL_SESSION] = {on_session, FD_YES, true, true},
	[SL_CONTROL_LISTEN] = {on_listen, FD_YES, true, false},
	[SL_CONTROL_START] = {on_start, FD_NO, true, false},
	[SL_CONTROL_NAMESPACE] = {on_namespace, FD_MAYBE, true, true},
	[SL_CONTROL_STATUS] = {on_status, FD_NO, false, true},
	[SL_CONTROL_TRUST] = {on_trust, FD_MAYBE, true, true},
};

static int answer(struct sl_launcher *l, struct sl_control_reply *a)
{
	struct iovec iov = {a, sizeof(*a)};
	const struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	return sendmsg(l->fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Receives one message and its descriptor. > 0, 0: the launcher has gone, -errno. */
static int receive(int sock, struct sl_control *m, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr h = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	if ((size_t)n != sizeof(*m) || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		return -EBADMSG;
	}
	return 1;
}

int sl_launcher_read(struct sl_launcher *l)
{
	struct sl_control m;
	struct sl_control_reply a = {.error = -EBADMSG};
	int fd, r;

	r = receive(l->fd, &m, &fd);
	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	a.op = m.op;
	if (m.op == 0 || m.op >= _SL_CONTROL_N ||
	    !(l->started ? ops[m.op].after : ops[m.op].before) ||
	    (ops[m.op].fd == FD_YES && fd < 0) || (ops[m.op].fd == FD_NO && fd >= 0)) {
		(void)refuse(a.text, fd, 0,
			     "not an operation for now, or its descriptor is missing");
	} else {
		a.error = ops[m.op].fn(l, &m, fd, a.text);
		if (a.error == 0 && m.op == SL_CONTROL_START)
			return 0;
	}
	r = answer(l, &a);
	if (r == 0 && a.error < 0 && !l->started)
		return a.error;
	return r;
}

void sl_launcher_tick(struct sl_launcher *l)
{
	struct sl_control_reply a = {.op = SL_CONTROL_START};
	const struct sl_gate *g = l->gate;

	if (!l->started || l->answered)
		return;
	for (unsigned i = 0; i < g->n_devices; i++)
		if (g->devices[i].state == SL_DEV_READING)
			return;
	l->answered = true;
	(void)answer(l, &a);
}
