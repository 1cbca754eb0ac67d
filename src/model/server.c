/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire side of the device model. Packets are checked by wire.h before a field is read; what a
 * slow peer has not taken yet waits in a queue, and while it waits no more commands are read.
 */
#include "model/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/command.h"
#include "model/persona.h"

#define DATA_CAP	(SL_WIRE_DATA_MAX + SL_PERSONA_OVERRUN_MAX)
#define IN_FLIGHT_MAX	512u /* more commands than that wait in the socket */
#define BACKLOG_MAX	64u  /* answers that the peer has not taken */
#define POLL_FOREVER_MS 60000

/* A command's memory, used again and again; its buffers are all zero while it is free. */
struct job {
	struct sl_model_req req;
	struct server *s;
	struct job *next, *prev;
};

struct answer {
	struct answer *next;
	size_t len;
	uint8_t msg[];
};

struct server {
	struct sl_model *m;
	int fd;
	bool greeted, event, broken;
	unsigned n_jobs, n_answers;
	struct job *jobs, *spare;
	struct answer *first, *last;
	uint8_t msg[SL_WIRE_MSG_MAX];
};

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Sends, or queues what the socket does not take; a peer that is gone is found by the next read. */
static void post(struct server *s, void *body, size_t body_len, const struct sl_wire_part *parts,
		 unsigned n)
{
	struct sl_wire_head *h = body;
	size_t len = body_len, at = body_len;
	struct answer *a;
	int r = s->first ? -EAGAIN : sl_wire_send(s->fd, body, body_len, parts, n);

	if (r != -EAGAIN) {
		s->broken |= r < 0;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		len += parts[i].len;
	a = malloc(sizeof(*a) + len);
	if (!a) {
		s->broken = true;
		return;
	}
	h->magic = SL_WIRE_MAGIC;
	h->len = (uint32_t)len;
	memcpy(a->msg, body, body_len);
	for (unsigned i = 0; i < n; i++) {
		if (parts[i].len)
			memcpy(a->msg + at, parts[i].p, parts[i].len);
		at += parts[i].len;
	}
	a->len = len;
	a->next = NULL;
	if (s->last)
		s->last->next = a;
	else
		s->first = a;
	s->last = a;
	s->n_answers++;
}

static void drain(struct server *s)
{
	while (s->first) {
		struct answer *a = s->first;
		int r = sl_wire_send(s->fd, a->msg, a->len, NULL, 0);

		if (r == -EAGAIN)
			return;
		s->broken |= r < 0;
		s->first = a->next;
		if (!s->first)
			s->last = NULL;
		s->n_answers--;
		free(a);
	}
}

static void job_end(struct job *j)
{
	struct server *s = j->s;
	uint32_t used = j->req.data_len > j->req.ret_len ? j->req.data_len : j->req.ret_len;
	uint32_t meta =
		j->req.meta_len > j->req.ret_meta_len ? j->req.meta_len : j->req.ret_meta_len;

	memset(j->req.data, 0, used < DATA_CAP ? used : DATA_CAP);
	memset(j->req.meta, 0, meta < SL_WIRE_META_MAX ? meta : SL_WIRE_META_MAX);
	if (j->prev)
		j->prev->next = j->next;
	else
		s->jobs = j->next;
	if (j->next)
		j->next->prev = j->prev;
	j->next = s->spare;
	s->spare = j;
	s->n_jobs--;
}

static void job_done(struct sl_model_req *req)
{
	struct job *j = (struct job *)((uint8_t *)req - offsetof(struct job, req));
	bool in = req->dir == SL_DIR_IN || req->dir == SL_DIR_BOTH;
	struct sl_wire_completion c = {.head = {.type = SL_WIRE_COMPLETION, .tag = req->tag}};
	struct sl_wire_part parts[2];

	c.outcome = req->fail ? SL_OUTCOME_FAILED : SL_OUTCOME_OK;
	c.error = req->fail ? req->error : 0;
	c.status = req->status;
	c.result = req->result;
	if (in && !req->fail)
		c.data_len = req->ret_len < SL_WIRE_DATA_MAX ? req->ret_len : SL_WIRE_DATA_MAX;
	if (!req->fail) /* metadata comes with data, sense data with any command */
		c.meta_len = req->ret_meta_len;
	parts[0] = (struct sl_wire_part){req->data, c.data_len};
	parts[1] = (struct sl_wire_part){req->meta, c.meta_len};
	post(j->s, &c, sizeof(c), parts, 2);
	job_end(j);
}

static struct job *job_new(struct server *s)
{
	struct job *j = s->spare;

	if (j) {
		s->spare = j->next;
		return j;
	}
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->req.data = calloc(1, DATA_CAP);
	j->req.meta = calloc(1, SL_WIRE_META_MAX);
	if (!j->req.data || !j->req.meta) {
		free(j->req.data);
		free(j->req.meta);
		free(j);
		return NULL;
	}
	return j;
}

static int on_command(struct server *s)
{
	const struct sl_wire_command *c = (const void *)s->msg;
	const uint8_t *parts = s->msg + sizeof(*c);
	struct job *j;

	if (c->device != 0 || !sl_model_takes(s->m, c->queue, c->req_len))
		return -EPROTO;
	j = job_new(s);
	if (!j)
		return -ENOMEM;
	j->s = s;
	j->prev = NULL;
	j->next = s->jobs;
	if (s->jobs)
		s->jobs->prev = j;
	s->jobs = j;
	s->n_jobs++;
	j->req = (struct sl_model_req){
		.queue = c->queue,
		.req_len = c->req_len,
		.dir = c->dir,
		.tag = c->head.tag,
		.owner = s,
		.data = j->req.data,
		.data_len = c->data_len,
		.data_cap = DATA_CAP,
		.meta = j->req.meta,
		.meta_len = c->meta_len,
		.meta_cap = SL_WIRE_META_MAX,
		.done = job_done,
	};
	memcpy(j->req.sqe, c->req, sizeof(c->req));
	if (c->dir == SL_DIR_OUT || c->dir == SL_DIR_BOTH) {
		memcpy(j->req.data, parts, c->data_len);
		memcpy(j->req.meta, parts + c->data_len, c->meta_len);
	}
	sl_model_submit(s->m, &j->req);
	return 0;
}

static int on_query(struct server *s)
{
	const struct sl_wire_head *h = (const void *)s->msg;
	struct sl_wire_device d = {.head = {.type = SL_WIRE_DEVICE, .tag = h->tag}};

	if (h->tag != 0)
		return -EPROTO;
	d.protocol = sl_model_persona(s->m)->protocol;
	d.reserved[0] = SL_SERVER_TAKES_CONTROL;
	d.max_transfer = sl_model_max_transfer(s->m);
	strncpy(d.name, sl_model_persona(s->m)->name, sizeof(d.name) - 1);
	post(s, &d, sizeof(d), NULL, 0);
	return 0;
}

static int on_control(struct server *s)
{
	const struct sl_wire_control *c = (const void *)s->msg;
	struct sl_wire_completion a = {.head = {.type = SL_WIRE_COMPLETION, .tag = c->head.tag}};
	uint8_t hash[32];
	struct sl_wire_part part = {hash, 0};

	switch (c->op) {
	case SL_WIRE_POWER_CYCLE:
		sl_model_power_cycle(s->m);
		break;
	case SL_WIRE_CONTROLLER_RESET:
		sl_model_reset(s->m);
		break;
	case SL_WIRE_STATE_HASH:
		sl_model_hash(s->m, hash);
		a.data_len = sizeof(hash);
		part.len = sizeof(hash);
		break;
	default:
		return -EPROTO;
	}
	post(s, &a, sizeof(a), &part, 1);
	return 0;
}

static int on_message(struct server *s, size_t len)
{
	const struct sl_wire_head *h = (const void *)s->msg;
	const char *why;
	int r;

	if (sl_wire_check(s->msg, len, &why) < 0)
		return -EPROTO;
	if (!s->greeted) {
		if (h->type != SL_WIRE_HELLO)
			return -EPROTO;
		r = sl_wire_answer_hello(s->fd, s->msg, 1, SL_WIRE_DATA_MAX);
		s->greeted = r == 0;
		return r;
	}
	switch (h->type) {
	case SL_WIRE_QUERY:
		return on_query(s);
	case SL_WIRE_COMMAND:
		return on_command(s);
	case SL_WIRE_DETACH:
		return 0; /* only advice: the completion comes, and says that the tag is free */
	case SL_WIRE_CONTROL:
		return on_control(s);
	}
	return -EPROTO;
}

/* Everything that has arrived, as long as there is room for its answers. 1: the peer closed. */
static int take(struct server *s)
{
	while (s->n_jobs < IN_FLIGHT_MAX && s->n_answers < BACKLOG_MAX) {
		long n = sl_wire_recv(s->fd, s->msg, sizeof(s->msg), MSG_DONTWAIT);
		int r;

		if (n == -EAGAIN)
			return 0;
		if (n == 0 || n == -ECONNRESET)
			return 1;
		if (n < 0)
			return n == -EBADMSG ? -EPROTO : (int)n;
		r = on_message(s, (size_t)n);
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_event(void *arg)
{
	struct server *s = arg;

	s->event = true;
}

int sl_server_wait(struct pollfd *p, int timeout_ms)
{
	struct timespec t = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	static sigset_t mask;
	static bool have_mask; /* one system call less per round */
	int r;

	if (!have_mask) {
		sigprocmask(SIG_SETMASK, NULL, &mask);
		sigdelset(&mask, SIGTERM);
		sigdelset(&mask, SIGINT);
		have_mask = true;
	}
	r = ppoll(p, 1, &t, &mask);
	if (r < 0)
		p->revents = 0;
	return r < 0 && errno == EINTR ? 0 : r;
}

static int loop(struct server *s, uint64_t start_ms, const volatile int *stop)
{
	for (;;) {
		bool full = s->n_jobs >= IN_FLIGHT_MAX || s->n_answers >= BACKLOG_MAX;
		struct pollfd p = {.fd = s->fd,
				   .events =
					   (short)((full ? 0 : POLLIN) | (s->first ? POLLOUT : 0))};
		int64_t due = sl_model_next_due(s->m);
		int r;

		if (s->event && s->greeted) {
			struct sl_wire_head h = {.type = SL_WIRE_EVENT};

			s->event = false;
			post(s, &h, sizeof(h), NULL, 0);
		}
		if (sl_server_wait(&p, due < 0 || due > POLL_FOREVER_MS ? POLL_FOREVER_MS
									: (int)due) < 0)
			return -errno;
		if (stop && *stop)
			return 0;
		sl_model_advance(s->m, clock_ms() - start_ms);
		drain(s);
		if (full && p.revents & (POLLHUP | POLLERR))
			return 0; /* nobody is left to take what the commands would come to */
		r = p.revents & (POLLIN | POLLHUP | POLLERR) ? take(s) : 0;
		if (r != 0)
			return r < 0 ? r : 0;
		if (s->broken)
			return 0;
	}
}

static void release(struct server *s)
{
	while (s->jobs)
		job_end(s->jobs);
	while (s->spare) {
		struct job *j = s->spare;

		s->spare = j->next;
		free(j->req.data);
		free(j->req.meta);
		free(j);
	}
	while (s->first) {
		struct answer *a = s->first;

		s->first = a->next;
		free(a);
	}
	free(s);
}

int sl_model_serve(struct sl_model *m, int fd, const volatile int *stop)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sl_model_listener listener = {on_event, s}, none = {NULL, NULL};
	int room = 4 * (int)SL_WIRE_MSG_MAX; /* the largest answer fits, and some wait */
	int r, flags = fcntl(fd, F_GETFL);

	if (!s)
		return -ENOMEM;
	s->m = m;
	s->fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		r = -errno;
		free(s);
		return r;
	}
	/* As much as the system grants: a smaller one only means that answers queue here. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	sl_model_listen(m, &listener);
	/* Model time goes on from where it was; between connections it stands still. */
	r = loop(s, clock_ms() - sl_model_now(m), stop);
	sl_model_listen(m, &none);
	sl_model_cancel(m, s);
	release(s);
	return r;
}
