/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ioctls of /dev/fwctl/fwctlN (include/uapi/fwctl/fwctl.h of Linux 6.15; Debian 12 has no such
 * header). The payload of a CXL device's RPC is unpacked: the gate sees the CXL command in it and
 * the scope that the caller claims for it. That of mlx5 and bnxt stays whole; the gate holds its
 * header against it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bytes.h"
#include "front/run/mailbox.h"
#include "front/run/super.h"

#define FWCTL_INFO_NR	  _IO(0x9a, 0)
#define FWCTL_RPC_NR	  _IO(0x9a, 1)
#define FWCTL_DEVICE_MLX5 1
#define FWCTL_DEVICE_CXL  2
#define FWCTL_HEAD	  16u /* of a message of mlx5 (mbox_in_hdr) or bnxt (struct input) */
#define FWCTL_SCOPE_MAX	  3   /* FWCTL_RPC_DEBUG_WRITE_FULL */
#define FWCTL_RPC_LEN_MAX (2u << 20)
#define FWCTL_TAIL_MAX	  4096u

struct info {
	uint32_t size, flags, device_type, data_len;
	uint64_t data;
};
struct rpc {
	uint32_t size, scope, in_len, out_len;
	uint64_t in, out;
};
/* include/uapi/fwctl/cxl.h: in front of what goes in, and of what comes back. */
struct cxl_in {
	uint32_t opcode, flags, op_size, reserved;
};
struct cxl_out {
	uint32_t size, retval;
};

/* A struct whose first word is its size: shorter is an error, what is beyond ours must be zero. */
static int take(struct sl_super *s, struct sl_call *c, void *ret, uint32_t size)
{
	uint8_t tail[256];
	uint32_t given;
	int r = sl_tracee_read(s, c, c->args[2], &given, sizeof(given));

	if (r == 0 && given < size)
		r = -EINVAL;
	if (r == 0 && given > FWCTL_TAIL_MAX)
		r = -E2BIG;
	if (r == 0)
		r = sl_tracee_read(s, c, c->args[2], ret, size);
	for (uint32_t at = size; r == 0 && at < given; at += (uint32_t)sizeof(tail)) {
		uint32_t n = given - at < sizeof(tail) ? given - at : (uint32_t)sizeof(tail);

		r = sl_tracee_read(s, c, c->args[2] + at, tail, n);
		for (uint32_t i = 0; r == 0 && i < n; i++)
			r = tail[i] ? -E2BIG : 0;
	}
	return r;
}

/* A broker that does not say it knows CXL's alone. */
static uint8_t type_of(const struct sl_super *s, const struct sl_call *c)
{
	uint8_t type = s->nodes.ctrl[c->node->ctrl].type;

	return type ? type : FWCTL_DEVICE_CXL;
}

static enum sl_handled start_info(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	struct info q;
	int r = take(s, c, &q, sizeof(q));

	(void)row;
	if (r < 0)
		return sl_reply_error(c, -r);
	if (q.flags)
		return sl_reply_error(c, EOPNOTSUPP);
	q.device_type = type_of(s, c);
	q.data_len = 0; /* CXL's has no more to say; that of others is about their own file */
	return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], &q, sizeof(q)));
}

static enum sl_handled message_done(struct sl_super *s, struct sl_call *c,
				    const struct sl_client_reply *r)
{
	uint8_t len[4];
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	e = sl_ioctl_return(s, c, r);
	sl_put_le32(len, r->c.data_len);
	if (e == 0)
		e = sl_tracee_write(s, c, c->args[2] + offsetof(struct rpc, out_len), len,
				    sizeof(len));
	return sl_reply_error(c, -e);
}

/* The payload is read again as it is sent: the gate refuses one that has changed its opcode. */
static enum sl_handled send_message(struct sl_super *s, struct sl_call *c, const struct rpc *q,
				    uint32_t limit)
{
	struct sl_mailbox m = {
		.set = SL_SET_FWCTL,
		.in_addr = q->in,
		.in_len = q->in_len,
		.out_len = q->out_len < limit ? q->out_len : limit,
		.scope = q->scope,
	};
	bool mlx5 = type_of(s, c) == FWCTL_DEVICE_MLX5;
	uint8_t head[2];
	int r;

	if (q->in_len < FWCTL_HEAD)
		return sl_reply_error(c, mlx5 ? EMSGSIZE : EINVAL);
	if (q->in_len > limit)
		return sl_reply_error(c, EINVAL);
	r = sl_tracee_read(s, c, q->in, head, sizeof(head));
	if (r < 0)
		return sl_reply_error(c, -r);
	m.opcode = mlx5 ? sl_get_be16(head) : sl_get_le16(head);
	c->data_addr = q->out;
	c->done = message_done;
	return sl_mailbox_send(s, c, &m);
}

static enum sl_handled rpc_done(struct sl_super *s, struct sl_call *c,
				const struct sl_client_reply *r)
{
	struct cxl_out head = {r->c.data_len, r->c.status};
	uint8_t len[4];
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	e = sl_ioctl_return(s, c, r);
	if (e == 0)
		e = sl_tracee_write(s, c, c->data_addr - sizeof(head), &head, sizeof(head));
	sl_put_le32(len, (uint32_t)sizeof(head) + r->c.data_len);
	if (e == 0)
		e = sl_tracee_write(s, c, c->args[2] + offsetof(struct rpc, out_len), len,
				    sizeof(len));
	return sl_reply_error(c, -e);
}

static enum sl_handled start_rpc(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	uint32_t limit = s->nodes.ctrl[c->node->ctrl].max_transfer;
	struct sl_mailbox m = {.set = SL_SET_FWCTL};
	struct cxl_in head;
	struct rpc q;
	int r = take(s, c, &q, sizeof(q));

	(void)row;
	if (r < 0)
		return sl_reply_error(c, -r);
	if (q.in_len > FWCTL_RPC_LEN_MAX || q.out_len > FWCTL_RPC_LEN_MAX)
		return sl_reply_error(c, EMSGSIZE);
	if (q.scope > FWCTL_SCOPE_MAX)
		return sl_reply_error(c, EOPNOTSUPP);
	if (type_of(s, c) != FWCTL_DEVICE_CXL)
		return send_message(s, c, &q, limit);
	if (q.in_len < sizeof(head) || q.out_len < sizeof(struct cxl_out))
		return sl_reply_error(c, EINVAL);
	r = sl_tracee_read(s, c, q.in, &head, sizeof(head));
	if (r < 0)
		return sl_reply_error(c, -r);
	if (head.flags || head.reserved)
		return sl_reply_error(c, EOPNOTSUPP);
	if (head.opcode > UINT16_MAX || head.op_size > q.in_len - sizeof(head) ||
	    head.op_size > limit)
		return sl_reply_error(c, EINVAL);
	m.opcode = (uint16_t)head.opcode;
	m.in_len = head.op_size;
	m.in_addr = q.in + sizeof(head);
	m.out_len = q.out_len - (uint32_t)sizeof(struct cxl_out);
	if (m.out_len > limit)
		m.out_len = limit;
	m.scope = q.scope;
	c->data_addr = q.out + sizeof(struct cxl_out);
	c->done = rpc_done;
	return sl_mailbox_send(s, c, &m);
}

#define DOOR (1u << SL_DOOR_FWCTL)

const struct sl_ioctl sl_ioctl_fwctl[] = {
	{FWCTL_INFO_NR, DOOR, "FWCTL_INFO", start_info, 0, false},
	{FWCTL_RPC_NR, DOOR, "FWCTL_RPC", start_rpc, 0, false},
	{0},
};
