/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire protocol's packets: checked once, whole, at the door. Knows lengths and nothing else;
 * what a command means is not this file's business.
 */
#include "wire/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/command.h"

static const uint32_t body_size[_SL_WIRE_TYPE_N] = {
	[SL_WIRE_HELLO] = sizeof(struct sl_wire_hello),
	[SL_WIRE_WELCOME] = sizeof(struct sl_wire_welcome),
	[SL_WIRE_QUERY] = sizeof(struct sl_wire_head),
	[SL_WIRE_DEVICE] = sizeof(struct sl_wire_device),
	[SL_WIRE_COMMAND] = sizeof(struct sl_wire_command),
	[SL_WIRE_COMPLETION] = sizeof(struct sl_wire_completion),
	[SL_WIRE_DETACH] = sizeof(struct sl_wire_head),
	[SL_WIRE_EVENT] = sizeof(struct sl_wire_head),
	[SL_WIRE_CONTROL] = sizeof(struct sl_wire_control),
};

static int bad(const char **reterr_why, const char *why)
{
	*reterr_why = why;
	return -EBADMSG;
}

static int check_command(const struct sl_wire_command *c, uint64_t *ret_parts, const char **why)
{
	if (c->dir > SL_DIR_BOTH)
		return bad(why, "command: undefined direction");
	if (!c->queue || c->queue >= _SL_WIRE_QUEUE_N)
		return bad(why, "command: undefined queue");
	if (c->door >= _SL_DOOR_N || c->writable > 1)
		return bad(why, "command: undefined door");
	if (c->req_len == 0 || c->req_len > sizeof(c->req))
		return bad(why, "command: request length out of bounds");
	if (c->data_len > SL_WIRE_DATA_MAX)
		return bad(why, "command: data longer than the protocol carries");
	if (c->meta_len > SL_WIRE_META_MAX)
		return bad(why, "command: metadata longer than the protocol carries");
	if (c->dir == SL_DIR_OUT || c->dir == SL_DIR_BOTH)
		*ret_parts = (uint64_t)c->data_len + c->meta_len;
	return 0;
}

static int check_completion(const struct sl_wire_completion *c, uint64_t *ret_parts,
			    const char **why)
{
	if (c->outcome > SL_OUTCOME_FAILED)
		return bad(why, "completion: undefined outcome");
	if (c->data_len > SL_WIRE_DATA_MAX || c->meta_len > SL_WIRE_META_MAX ||
	    c->text_len > SL_WIRE_TEXT_MAX)
		return bad(why, "completion: a part is longer than the protocol carries");
	if (c->reserved)
		return bad(why, "completion: reserved field set");
	*ret_parts = (uint64_t)c->data_len + c->meta_len + c->text_len;
	return 0;
}

int sl_wire_check(const void *msg, size_t len, const char **reterr_why)
{
	const struct sl_wire_head *h = msg;
	uint64_t parts = 0;
	int r = 0;

	if (len < sizeof(*h))
		return bad(reterr_why, "shorter than a head");
	if (h->magic != SL_WIRE_MAGIC)
		return bad(reterr_why, "wrong magic");
	if (h->type == 0 || h->type >= _SL_WIRE_TYPE_N)
		return bad(reterr_why, "unknown type");
	if (h->reserved)
		return bad(reterr_why, "head: reserved field set");
	if (h->len != len || len < body_size[h->type])
		return bad(reterr_why, "length does not match the type");
	if (h->type == SL_WIRE_COMMAND)
		r = check_command(msg, &parts, reterr_why);
	else if (h->type == SL_WIRE_COMPLETION)
		r = check_completion(msg, &parts, reterr_why);
	if (r < 0)
		return r;
	if (body_size[h->type] + parts != len)
		return bad(reterr_why, "parts do not add up to the length");
	return 0;
}

int sl_wire_send(int fd, void *body, size_t body_len, const struct sl_wire_part *parts, unsigned n)
{
	struct iovec iov[5] = {{.iov_base = body, .iov_len = body_len}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1};
	struct sl_wire_head *h = body;
	size_t len = body_len;
	ssize_t r;

	if (n > 4)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		if (parts[i].len == 0)
			continue;
		iov[m.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)parts[i].p, parts[i].len};
		len += parts[i].len;
	}
	h->magic = SL_WIRE_MAGIC;
	h->len = (uint32_t)len;
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

long sl_wire_recv_parts(int fd, struct iovec *iov, unsigned n, int flags)
{
	/* No control buffer: a descriptor that a peer sends along is closed by the kernel. */
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
	ssize_t r;

	do
		r = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (m.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	return r;
}

long sl_wire_recv(int fd, void *buf, size_t size, int flags)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};

	return sl_wire_recv_parts(fd, &iov, 1, flags);
}

/* Receives one packet of the wanted type, checked; anything else is a protocol error. */
static int expect(int fd, void *buf, size_t size, uint16_t type)
{
	const char *why;
	long n = sl_wire_recv(fd, buf, size, 0);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return -EPIPE;
	if (sl_wire_check(buf, (size_t)n, &why) < 0 ||
	    ((const struct sl_wire_head *)buf)->type != type)
		return -EPROTO;
	return 0;
}

int sl_wire_handshake(int fd, struct sl_wire_welcome *ret)
{
	struct sl_wire_hello hello = {
		.head = {.type = SL_WIRE_HELLO},
		.version_min = SL_WIRE_VERSION,
		.version_max = SL_WIRE_VERSION,
	};
	struct sl_wire_welcome w;
	int r;

	r = sl_wire_send(fd, &hello, sizeof(hello), NULL, 0);
	if (r < 0)
		return r;
	r = expect(fd, &w, sizeof(w), SL_WIRE_WELCOME);
	if (r < 0)
		return r;
	if (w.version != SL_WIRE_VERSION || w.data_max > SL_WIRE_DATA_MAX || w.data_max == 0)
		return -EPROTO;
	*ret = w;
	return 0;
}

int sl_wire_answer_hello(int fd, const void *msg, uint16_t devices, uint32_t data_max)
{
	const struct sl_wire_hello *h = msg;
	struct sl_wire_welcome w = {.head = {.type = SL_WIRE_WELCOME, .tag = h->head.tag}};
	int r;

	if (h->version_min <= SL_WIRE_VERSION && h->version_max >= SL_WIRE_VERSION) {
		w.version = SL_WIRE_VERSION;
		w.devices = devices;
		w.data_max = data_max;
	}
	r = sl_wire_send(fd, &w, sizeof(w), NULL, 0);
	if (r < 0)
		return r;
	return w.version ? 0 : -EPROTO;
}

int sl_wire_accept(int fd, uint16_t devices, uint32_t data_max)
{
	struct sl_wire_hello h;
	int r = expect(fd, &h, sizeof(h), SL_WIRE_HELLO);

	if (r < 0)
		return r;
	return sl_wire_answer_hello(fd, &h, devices, data_max);
}
