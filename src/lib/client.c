/* SPDX-License-Identifier: Apache-2.0 */
/* The client side of the wire protocol. Trusts the broker's word, not its lengths. */
#include "lib/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/table.h"

struct sl_client {
	int fd;
	unsigned devices;
	uint32_t data_max;
	_Alignas(8) uint8_t buf[SL_WIRE_MSG_MAX];
};

int sl_client_new(int fd, struct sl_client **ret)
{
	struct sl_wire_welcome w;
	struct sl_client *c;
	int size = 4 * (int)SL_WIRE_MSG_MAX;
	int r;

	c = malloc(sizeof(*c));
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	/* Best effort: a smaller buffer only makes a sender wait. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r = sl_wire_handshake(fd, &w);
	if (r < 0) {
		sl_client_free(c);
		return r;
	}
	c->devices = w.devices;
	c->data_max = w.data_max;
	*ret = c;
	return 0;
}

int sl_client_connect(const char *path, struct sl_client **ret)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int e = errno;

		close(fd);
		return -e;
	}
	return sl_client_new(fd, ret);
}

struct sl_client *sl_client_free(struct sl_client *c)
{
	if (c) {
		close(c->fd);
		free(c);
	}
	return NULL;
}

int sl_client_fd(const struct sl_client *c)
{
	return c->fd;
}

unsigned sl_client_devices(const struct sl_client *c)
{
	return c->devices;
}

/* Receives one checked packet into c->buf. Its length, 0: none yet, -errno. */
static long receive(struct sl_client *c, bool block)
{
	const char *why;
	long n = sl_wire_recv(c->fd, c->buf, sizeof(c->buf), block ? 0 : MSG_DONTWAIT);

	if (n == -EAGAIN)
		return 0;
	if (n == 0)
		return -EPIPE;
	if (n > 0 && sl_wire_check(c->buf, (size_t)n, &why) < 0)
		return -EBADMSG;
	return n;
}

int sl_client_query(struct sl_client *c, unsigned n, struct sl_wire_device *ret)
{
	struct sl_wire_head q = {.type = SL_WIRE_QUERY, .tag = n};
	struct sl_wire_device *d = (void *)c->buf;
	long r;

	r = sl_wire_send(c->fd, &q, sizeof(q), NULL, 0);
	if (r < 0)
		return (int)r;
	r = receive(c, true);
	if (r < 0)
		return (int)r;
	if (d->head.type != SL_WIRE_DEVICE || d->head.tag != n)
		return -EPROTO;
	*ret = *d;
	ret->name[sizeof(ret->name) - 1] = '\0';
	return 0;
}

int sl_client_send(struct sl_client *c, uint32_t tag, const struct sl_command *cmd,
		   const void *data, const void *meta)
{
	bool out = cmd->dir == SL_DIR_OUT || cmd->dir == SL_DIR_BOTH;
	struct sl_wire_part parts[2] = {
		{data, out ? cmd->data_len : 0},
		{meta, out ? cmd->meta_len : 0},
	};
	struct sl_wire_command w = {
		.head = {.type = SL_WIRE_COMMAND, .tag = tag},
		.device = cmd->device,
		.queue = sl_sets[cmd->set].queue,
		.dir = cmd->dir,
		.door = cmd->door,
		.writable = cmd->writable,
		.req_len = cmd->req_len,
		.node_nsid = cmd->node_nsid,
		.timeout_ms = cmd->timeout_ms,
		.data_len = cmd->data_len,
		.meta_len = cmd->meta_len,
	};

	if (cmd->data_len > c->data_max || cmd->meta_len > SL_WIRE_META_MAX)
		return -EMSGSIZE;
	memcpy(w.req, cmd->req, sizeof(w.req));
	return sl_wire_send(c->fd, &w, sizeof(w), parts, 2);
}

int sl_client_recv(struct sl_client *c, bool block, struct sl_client_reply *ret)
{
	const struct sl_wire_completion *w = (const void *)c->buf;
	const uint8_t *p = c->buf + sizeof(*w);
	long n;

	do {
		n = receive(c, block);
		if (n <= 0)
			return (int)n;
	} while (w->head.type == SL_WIRE_EVENT);
	if (w->head.type != SL_WIRE_COMPLETION)
		return -EPROTO;
	*ret = (struct sl_client_reply){
		.tag = w->head.tag,
		.c = {.outcome = w->outcome,
		      .status = w->status,
		      .error = w->error,
		      .result = w->result,
		      .data_len = w->data_len,
		      .meta_len = w->meta_len},
		.reason = w->reason,
		.rule = w->rule,
		.effects = w->effects,
		.record = w->record,
		.data = p,
		.meta = p + w->data_len,
	};
	memcpy(ret->text, p + w->data_len + w->meta_len, w->text_len);
	ret->text[w->text_len] = '\0';
	return 1;
}

int sl_client_call(struct sl_client *c, const struct sl_command *cmd, const void *data,
		   const void *meta, struct sl_client_reply *ret)
{
	int r = sl_client_send(c, 0, cmd, data, meta);

	if (r < 0)
		return r;
	r = sl_client_recv(c, true, ret);
	return r < 0 ? r : 0;
}

int sl_client_detach(struct sl_client *c, uint32_t tag)
{
	struct sl_wire_head h = {.type = SL_WIRE_DETACH, .tag = tag};

	return sl_wire_send(c->fd, &h, sizeof(h), NULL, 0);
}
