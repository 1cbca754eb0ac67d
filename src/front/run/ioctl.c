/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the row of an ioctl and brings a command's outcome back to the caller. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "front/run/super.h"

static const struct sl_ioctl *const tables[] = {sl_ioctl_nvme, sl_ioctl_block};

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

enum sl_handled sl_ioctl_done(struct sl_super *s, struct sl_call *c,
			      const struct sl_client_reply *r)
{
	uint8_t result[8];
	int e = 0;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	if (r->c.data_len > c->data_len || r->c.meta_len > c->meta_len)
		return sl_reply_error(c, EIO); /* the broker answers more than was asked */
	if (c->dir & SL_DIR_IN) {
		e = sl_tracee_write(s, c, c->data_addr, r->data, r->c.data_len);
		if (e == 0)
			e = sl_tracee_write(s, c, c->meta_addr, r->meta, r->c.meta_len);
	}
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
