/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the row of an ioctl and brings a command's outcome back to the caller. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "front/run/super.h"

static const struct sl_ioctl *const tables[] = {sl_ioctl_nvme, sl_ioctl_block, sl_ioctl_scsi,
						sl_ioctl_ata,  sl_ioctl_cxl,   sl_ioctl_fwctl};

static const struct sl_ioctl *find_row(uint32_t number)
{
	for (size_t t = 0; t < SL_COUNT(tables); t++) {
		for (const struct sl_ioctl *row = tables[t]; row->number; row++) {
			if (row->number == number)
				return row;
		}
	}
	return NULL;
}

enum sl_handled sl_on_ioctl(struct sl_super *s, struct sl_call *c)
{
	const struct sl_ioctl *row;
	enum sl_handled h;

	c->node = sl_tracee_fd(s, c, (int)c->args[0], &c->access);
	if (!c->node)
		return SL_HANDLED_CONTINUE;
	/* Linux looks at the low half only. */
	row = find_row((uint32_t)c->args[1]);
	if (!row || !(row->doors & 1u << c->node->door))
		return sl_reply_error(c, ENOTTY);
	if (row->needs_format && !sl_ns_current(s, c, sl_on_ioctl, &h))
		return h;
	return row->start(s, c, row);
}

void sl_command_init(const struct sl_super *s, const struct sl_call *c, uint8_t set,
		     struct sl_command *ret)
{
	*ret = (struct sl_command){
		.set = set,
		.door = c->node->door,
		.writable = c->access != SL_ACCESS_READ,
		.req_len = SL_REQ_MAX,
		.device = s->nodes.ctrl[c->node->ctrl].device,
		.node_nsid = c->node->nsid,
	};
}

int sl_reply_errno(const struct sl_super *s, const struct sl_call *c,
		   const struct sl_client_reply *r)
{
	if (r->c.outcome == SL_OUTCOME_DENIED && r->c.error == EACCES)
		return s->nodes.ctrl[c->node->ctrl].family->denied;
	return r->c.error ? (int)r->c.error : EIO;
}

enum sl_handled sl_ioctl_refuse(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	sl_report_refused(s, c->node, row->name);
	return sl_reply_error(c, (int)row->arg);
}

enum sl_handled sl_ioctl_ignore(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	(void)s;
	(void)row;
	return sl_reply_value(c, 0);
}

static int read_data(struct sl_super *s, struct sl_call *c)
{
	int r;

	if (c->vec)
		r = sl_vector_move(s, c, s->buf, c->data_len, false);
	else
		r = sl_tracee_read(s, c, c->data_addr, s->buf, c->data_len);
	if (c->meta_in)
		memset(s->meta, 0, c->meta_len);
	else if (r == 0)
		r = sl_tracee_read(s, c, c->meta_addr, s->meta, c->meta_len);
	return r;
}

enum sl_handled sl_ioctl_submit(struct sl_super *s, struct sl_call *c, struct sl_command *cmd)
{
	uint32_t limit = s->nodes.ctrl[c->node->ctrl].max_transfer;
	int r;

	if (c->data_len > limit || c->meta_len > SL_WIRE_META_MAX) {
		sl_report_line(&s->report,
			       "sluice: /dev/%s: a transfer of %u bytes is longer than the %u that "
			       "go through at once",
			       c->node->name, c->data_len > limit ? c->data_len : c->meta_len,
			       c->data_len > limit ? limit : SL_WIRE_META_MAX);
		return sl_reply_error(c, EINVAL);
	}
	cmd->dir = c->dir;
	cmd->data_len = c->data_len;
	cmd->meta_len = c->meta_len;
	r = c->dir & SL_DIR_OUT ? read_data(s, c) : 0;
	if (r < 0)
		return sl_reply_error(c, -r);
	if (!c->done)
		c->done = sl_ioctl_done;
	return sl_notify_submit(s, c, cmd, s->buf, s->meta);
}

int sl_ioctl_return(struct sl_super *s, struct sl_call *c, const struct sl_client_reply *r)
{
	bool in = c->dir & SL_DIR_IN;
	int e = 0;

	if (r->c.data_len > c->data_len || r->c.meta_len > c->meta_len)
		return -EIO; /* the broker answers more than was asked */
	if (in && c->vec) {
		/* Copied before it is scattered: r->data is the client's until its next call. */
		memcpy(s->buf, r->data, r->c.data_len);
		e = sl_vector_move(s, c, s->buf, r->c.data_len, true);
	} else if (in) {
		e = sl_tracee_write(s, c, c->data_addr, r->data, r->c.data_len);
	}
	if (e == 0 && (in || c->meta_in))
		e = sl_tracee_write(s, c, c->meta_addr, r->meta, r->c.meta_len);
	return e;
}

enum sl_handled sl_ioctl_done(struct sl_super *s, struct sl_call *c,
			      const struct sl_client_reply *r)
{
	uint8_t result[8];
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	e = sl_ioctl_return(s, c, r);
	sl_put_le64(result, r->c.result);
	if (e == 0 && c->result != (c->result_size == 4 ? (uint32_t)r->c.result : r->c.result))
		e = sl_tracee_write(s, c, c->result_addr, result, c->result_size);
	if (e < 0)
		sl_reply_error(c, -e);
	else
		sl_reply_value(c, r->c.status);
	/* The last thing: it uses the client, and with that the reply is void. */
	if (c->changes && r->c.status == 0)
		sl_notify_rescan(s, c);
	return SL_HANDLED_REPLY;
}
