/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ioctls of /dev/cxl/memN (include/uapi/linux/cxl_mem.h) as mailbox commands. A command by
 * number and the same as RAW opcode become one and the same: only the gate decides.
 */
#include <errno.h>
#include <linux/cxl_mem.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bytes.h"
#include "front/run/mailbox.h"
#include "front/run/super.h"

#define COMMAND_FLAGS 3u /* CXL_MEM_COMMAND_FLAG_MASK of Linux */
#define ANY	      SL_CXL_ANY

const struct sl_cxl_id sl_cxl_ids[] = {
#define CXL_ID(id, opcode, in, out) {id, opcode, in, out},
#include "spec/cxl_uapi.def"
};
const unsigned sl_cxl_n_ids = SL_COUNT(sl_cxl_ids);

bool sl_cxl_has(const struct sl_ctrl *ctrl, uint16_t opcode)
{
	/* Identify, Get Supported Logs, Get Log: Linux enables them whatever the log says. */
	static const uint16_t always[] = {0x4000, 0x0400, 0x0401};
	const uint8_t *list = ctrl->id + SL_CXL_OPCODES;

	for (size_t i = 0; i < SL_COUNT(always); i++) {
		if (always[i] == opcode)
			return true;
	}
	for (unsigned i = 1; i <= sl_get_le16(list); i++) {
		if (sl_get_le16(list + 2 * (size_t)i) == opcode)
			return true;
	}
	return false;
}

void sl_mailbox_fill(const struct sl_mailbox *m, struct sl_command *cmd)
{
	cmd->set = m->set;
	cmd->req_len = SL_MBOX_REQ_LEN;
	cmd->req[0] = (uint8_t)(m->opcode >> 8);
	cmd->req[1] = (uint8_t)m->opcode;
	sl_put_le32(cmd->req + SL_MBOX_IN_LEN, m->in_len);
	sl_put_le32(cmd->req + SL_MBOX_OUT_LEN, m->out_len);
	sl_put_le32(cmd->req + SL_MBOX_SCOPE, m->scope);
	cmd->data_len = m->in_len > m->out_len ? m->in_len : m->out_len;
	cmd->dir = (uint8_t)((m->in_len ? SL_DIR_OUT : 0) | (m->out_len ? SL_DIR_IN : 0));
}

enum sl_handled sl_mailbox_send(struct sl_super *s, struct sl_call *c, const struct sl_mailbox *m)
{
	struct sl_command cmd;
	int r;

	sl_command_init(s, c, m->set, &cmd);
	sl_mailbox_fill(m, &cmd);
	c->dir = cmd.dir;
	c->data_len = m->out_len;
	r = sl_tracee_read(s, c, m->in_addr, s->buf, m->in_len);
	if (r < 0)
		return sl_reply_error(c, -r);
	memset(s->buf + m->in_len, 0, cmd.data_len - m->in_len);
	return sl_notify_submit(s, c, &cmd, s->buf, NULL);
}

static enum sl_handled start_query(struct sl_super *s, struct sl_call *c,
				   const struct sl_ioctl *row)
{
	const struct sl_ctrl *ctrl = &s->nodes.ctrl[c->node->ctrl];
	uint64_t at = c->args[2] + offsetof(struct cxl_mem_query_commands, commands);
	uint8_t head[8], info[16];
	uint32_t room;
	int r;

	(void)row;
	r = sl_tracee_read(s, c, c->args[2], head, sizeof(head));
	if (r < 0)
		return sl_reply_error(c, -r);
	room = sl_get_le32(head);
	if (room == 0) {
		sl_put_le32(head, sl_cxl_n_ids + 1);
		return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], head, 4));
	}
	/* RAW stands second, as in Linux. */
	for (unsigned i = 0; r == 0 && i < sl_cxl_n_ids + 1 && i < room; i++, at += sizeof(info)) {
		const struct sl_cxl_id *id = &sl_cxl_ids[i ? i - 1 : 0];
		bool raw = i == 1, on = raw || sl_cxl_has(ctrl, id->opcode);

		sl_put_le32(info, raw ? CXL_MEM_COMMAND_ID_RAW : id->id);
		sl_put_le32(info + 4, on ? 1 /* CXL_MEM_COMMAND_FLAG_ENABLED */ : 0);
		sl_put_le32(info + 8, raw ? ANY : id->in);
		sl_put_le32(info + 12, raw ? ANY : id->out);
		r = sl_tracee_write(s, c, at, info, sizeof(info));
	}
	return sl_reply_error(c, -r);
}

static enum sl_handled send_done(struct sl_super *s, struct sl_call *c,
				 const struct sl_client_reply *r)
{
	uint8_t word[4];
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	e = sl_ioctl_return(s, c, r);
	sl_put_le32(word, r->c.data_len);
	if (e == 0)
		e = sl_tracee_write(s, c, c->args[2] + offsetof(struct cxl_send_command, out.size),
				    word, sizeof(word));
	sl_put_le32(word, r->c.status);
	if (e == 0)
		e = sl_tracee_write(s, c, c->args[2] + offsetof(struct cxl_send_command, retval),
				    word, sizeof(word));
	return sl_reply_error(c, -e);
}

/* The errno that Linux has for a number and its lengths, or 0 with *m filled. */
static int by_number(const struct sl_ctrl *ctrl, const struct cxl_send_command *q,
		     struct sl_mailbox *m)
{
	for (unsigned i = 0; i < sl_cxl_n_ids; i++) {
		const struct sl_cxl_id *id = &sl_cxl_ids[i];

		if (id->id != q->id)
			continue;
		if (!sl_cxl_has(ctrl, id->opcode))
			return ENOTTY;
		if (q->rsvd)
			return EINVAL;
		if ((id->in != ANY && id->in != q->in.size) ||
		    (id->out != ANY && id->out > q->out.size))
			return ENOMEM;
		m->opcode = id->opcode;
		m->out_len = id->out == ANY ? q->out.size : id->out;
		return 0;
	}
	return ENOTTY;
}

static enum sl_handled start_send(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	const struct sl_ctrl *ctrl = &s->nodes.ctrl[c->node->ctrl];
	struct sl_mailbox m = {.set = SL_SET_CXL};
	struct cxl_send_command q;
	int e;

	(void)row;
	e = -sl_tracee_read(s, c, c->args[2], &q, sizeof(q));
	if (e)
		return sl_reply_error(c, e);
	m.in_len = q.in.size;
	m.in_addr = q.in.payload;
	m.opcode = q.raw.opcode;
	m.out_len = q.out.size;
	if ((q.flags & ~COMMAND_FLAGS) || q.in.rsvd || q.out.rsvd || m.in_len > ctrl->max_transfer)
		e = EINVAL;
	else if (q.id != CXL_MEM_COMMAND_ID_RAW)
		e = by_number(ctrl, &q, &m);
	else if (q.raw.rsvd)
		e = EINVAL;
	if (e)
		return sl_reply_error(c, e);
	/* More room than a mailbox has is not filled. */
	if (m.out_len > ctrl->max_transfer)
		m.out_len = ctrl->max_transfer;
	c->data_addr = q.out.payload;
	c->done = send_done;
	return sl_mailbox_send(s, c, &m);
}

#define DOOR (1u << SL_DOOR_CXL)

const struct sl_ioctl sl_ioctl_cxl[] = {
	{CXL_MEM_QUERY_COMMANDS, DOOR, "CXL_MEM_QUERY_COMMANDS", start_query, 0, false},
	{CXL_MEM_SEND_COMMAND, DOOR, "CXL_MEM_SEND_COMMAND", start_send, 0, false},
	{0},
};
