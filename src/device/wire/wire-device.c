/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire back end. It trusts nothing that the other end says about lengths: what does not fit the
 * command is an error of the device, and not one byte goes beyond the buffer of the command.
 */
#include "device/wire/wire-device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/table.h"

static void finish(struct sl_wire_dev *w, struct sl_io *io)
{
	w->inflight[io->tag] = NULL;
	w->dev.done(&w->dev, io);
}

/* The other end has gone: every waiter is told, once. */
static int gone(struct sl_wire_dev *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->dev.poll_fd = -1;
	for (unsigned i = 0; i < SL_WIRE_INFLIGHT; i++) {
		struct sl_io *io = w->inflight[i];

		if (!io)
			continue;
		io->out = (struct sl_completion){.outcome = SL_OUTCOME_FAILED, .error = ENODEV};
		finish(w, io);
	}
	return -ENODEV;
}

static int wire_submit(struct sl_device *dev, struct sl_io *io)
{
	struct sl_wire_dev *w = (struct sl_wire_dev *)dev;
	const struct sl_command *c = io->cmd;
	bool out = c->dir == SL_DIR_OUT || c->dir == SL_DIR_BOTH;
	const struct sl_wire_part parts[] = {
		{io->data, out ? c->data_len : 0},
		{io->meta, out ? c->meta_len : 0},
	};
	struct sl_wire_command m = {
		.head = {.type = SL_WIRE_COMMAND, .tag = io->tag},
		.device = w->index,
		.queue = sl_sets[c->set].queue,
		.dir = c->dir,
		.door = c->door,
		.writable = c->writable,
		.req_len = c->req_len,
		.node_nsid = c->node_nsid,
		.timeout_ms = io->timeout_ms,
		/* The device is told how much it may touch, which can be more than the client
		   wants. */
		.data_len = out ? c->data_len : io->data_size,
		.meta_len = out ? c->meta_len : io->meta_size,
	};
	int r;

	if (w->fd < 0)
		return -ENODEV;
	if (io->tag >= SL_WIRE_INFLIGHT || w->inflight[io->tag])
		return -EBUSY;
	memcpy(m.req, c->req, sizeof(m.req));
	r = sl_wire_send(w->fd, &m, sizeof(m), parts, 2);
	if (r == -EAGAIN)
		return -EBUSY; /* its socket is full: the client may try again */
	if (r < 0)
		return r;
	w->inflight[io->tag] = io;
	return 0;
}

/* One checked completion. -EBADMSG: it answers nothing that was asked. */
static int completed(struct sl_wire_dev *w, const struct sl_wire_completion *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1);
	struct sl_io *io = m->head.tag < SL_WIRE_INFLIGHT ? w->inflight[m->head.tag] : NULL;

	if (!io)
		return -EBADMSG;
	io->out = (struct sl_completion){
		.outcome = m->outcome,
		.status = m->status,
		.error = m->error,
		.result = m->result,
		.data_len = m->data_len,
		.meta_len = m->meta_len,
	};
	/* Sense data come back whichever way the data went. */
	if (m->data_len > io->data_size || m->meta_len > io->meta_size ||
	    ((m->data_len || (m->meta_len && !sl_sets[io->cmd->set].sense)) &&
	     (io->cmd->dir == SL_DIR_NONE || io->cmd->dir == SL_DIR_OUT))) {
		/* Over DMA this would have been memory corruption; here it is a finding. */
		io->out = (struct sl_completion){.outcome = SL_OUTCOME_FAILED, .error = EOVERFLOW};
	} else {
		memcpy(io->data, p, m->data_len);
		memcpy(io->meta, p + m->data_len, m->meta_len);
	}
	finish(w, io);
	return 0;
}

static int wire_poll(struct sl_device *dev)
{
	static _Alignas(8) uint8_t buf[SL_WIRE_MSG_MAX]; /* one thread, one message at a time */
	struct sl_wire_dev *w = (struct sl_wire_dev *)dev;
	const struct sl_wire_head *h = (const void *)buf;
	const char *why;

	/* Not without end: a device that never stops talking must not be the only one heard. */
	for (unsigned i = 0; w->fd >= 0 && i < SL_WIRE_INFLIGHT; i++) {
		long n = sl_wire_recv(w->fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n == -EAGAIN)
			return 0;
		if (n <= 0 || sl_wire_check(buf, (size_t)n, &why) < 0)
			return gone(w);
		if (h->type == SL_WIRE_EVENT)
			w->dev.event = 1;
		else if (h->type != SL_WIRE_COMPLETION || completed(w, (const void *)buf) < 0)
			return gone(w);
	}
	return w->fd >= 0 ? 0 : -ENODEV;
}

static void wire_detach(struct sl_device *dev, struct sl_io *io)
{
	struct sl_wire_dev *w = (struct sl_wire_dev *)dev;
	struct sl_wire_head h = {.type = SL_WIRE_DETACH, .tag = io->tag};

	/* Only advice: the completion is waited for and recorded whatever the other end makes of
	 * it. */
	if (w->fd >= 0)
		(void)sl_wire_send(w->fd, &h, sizeof(h), NULL, 0);
}

static void wire_close(struct sl_device *dev)
{
	struct sl_wire_dev *w = (struct sl_wire_dev *)dev;

	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->dev.poll_fd = -1;
}

static const struct sl_device_ops wire_ops = {
	.name = "wire",
	.submit = wire_submit,
	.poll = wire_poll,
	.detach = wire_detach,
	.close = wire_close,
};

int sl_wire_dev_init(struct sl_wire_dev *w, int fd)
{
	struct sl_wire_head q = {.type = SL_WIRE_QUERY, .tag = 0};
	struct sl_wire_welcome welcome;
	struct sl_wire_device d;
	const char *why;
	int size = 2 * (int)SL_WIRE_MSG_MAX;
	long n;
	int r;

	*w = (struct sl_wire_dev){.dev = {.ops = &wire_ops, .poll_fd = fd}, .fd = fd};
	/* Best effort: a smaller buffer only refuses sooner. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r = sl_wire_handshake(fd, &welcome);
	if (r == 0)
		r = sl_wire_send(fd, &q, sizeof(q), NULL, 0);
	if (r < 0)
		goto fail;
	n = sl_wire_recv(fd, &d, sizeof(d), 0);
	r = n < 0 ? (int)n : -EPROTO;
	if (n <= 0 || sl_wire_check(&d, (size_t)n, &why) < 0 || d.head.type != SL_WIRE_DEVICE)
		goto fail;
	w->dev.protocol = d.protocol;
	w->dev.type = d.type;
	w->dev.max_transfer = d.max_transfer < welcome.data_max ? d.max_transfer : welcome.data_max;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		goto fail;
	}
	return 0;
fail:
	wire_close(&w->dev);
	return r;
}

int sl_wire_begin(struct sl_device *dev, unsigned kind, int fd)
{
	(void)kind;
	return sl_wire_dev_init((struct sl_wire_dev *)dev, fd);
}
