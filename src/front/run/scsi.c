/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SCSI ioctls of Linux, translated to CDBs: SG_IO in its versions 3 (sg and block nodes) and 4
 * (bsg), and the older ones that are one command each. What is refused here is what moves data in a
 * way that could not be copied once, or is no command.
 */
#include <errno.h>
#include <linux/bsg.h>
#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "front/run/scsi.h"
#include "front/run/super.h"

#define SG_VERSION	 30536 /* of Linux's sg driver: 3.5.36 */
#define SG_VERSION_BLOCK 30527 /* of its block layer */
#define SG_TIMEOUT	 6000  /* ticks of 10 ms: the driver's default */
#define SG_RESERVED	 32768
#define SG_TABLE	 128
/* Of include/scsi/sg.h in Linux; the C library's has them not. */
#define SG_FLAG_MMAP_IO		  4
#define SG_GET_ACCESS_COUNT	  0x2289
#define SCSI_IOCTL_GET_IDLUN	  0x5382
#define SCSI_IOCTL_PROBE_HOST	  0x5385
#define SCSI_IOCTL_GET_BUS_NUMBER 0x5386
/* Commands after which a unit may have another size: SBC-5 FORMAT UNIT, SPC-6 MODE SELECT. */
#define SCSI_FORMAT_UNIT    0x04
#define SCSI_MODE_SELECT_6  0x15
#define SCSI_MODE_SELECT_10 0x55

uint64_t sl_scsi_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum sl_handled sl_scsi_refuse(struct sl_super *s, struct sl_call *c, int error, const char *why)
{
	sl_report_line(&s->report, "sluice: /dev/%s: refused: %s", c->node->name, why);
	return sl_reply_error(c, error);
}

enum sl_handled sl_scsi_send(struct sl_super *s, struct sl_call *c, const uint8_t *cdb,
			     uint32_t cdb_len, uint32_t timeout_ms)
{
	struct sl_command cmd;

	sl_command_init(s, c, SL_SET_SCSI, &cmd);
	memcpy(cmd.req, cdb, cdb_len);
	cmd.req_len = (uint16_t)cdb_len;
	cmd.timeout_ms = timeout_ms;
	c->changes = cdb[0] == SCSI_FORMAT_UNIT || cdb[0] == SCSI_MODE_SELECT_6 ||
		     cdb[0] == SCSI_MODE_SELECT_10;
	c->meta_in = true;
	c->start_ms = sl_scsi_now_ms();
	return sl_ioctl_submit(s, c, &cmd);
}

/* The last thing: it may use the client, and with that the reply is void. */
static enum sl_handled finish(struct sl_super *s, struct sl_call *c, uint16_t status,
			      enum sl_handled h)
{
	if (c->changes && status == 0)
		sl_notify_rescan(s, c);
	return h;
}

/* The CDB, from where the caller has it. 0, or an answer that was given. */
static bool take_cdb(struct sl_super *s, struct sl_call *c, uint64_t addr, uint32_t len,
		     uint8_t *ret, enum sl_handled *ret_handled)
{
	int r;

	/* Linux takes 6 … 252 bytes; longer than 64 the gate does not know. */
	if (len < 6 || len > SL_REQ_MAX) {
		char why[80];

		snprintf(why, sizeof(why), "a CDB of %u bytes (6 to %d are understood)", len,
			 SL_REQ_MAX);
		*ret_handled = sl_scsi_refuse(s, c, EMSGSIZE, why);
		return false;
	}
	r = sl_tracee_read(s, c, addr, ret, len);
	if (r < 0)
		*ret_handled = sl_reply_error(c, -r);
	return r == 0;
}

/* Where the data of version 3 is: c->data_addr or c->vec. */
static bool take_buffer(struct sl_super *s, struct sl_call *c, const struct sg_io_hdr *h,
			enum sl_handled *ret_handled)
{
	int r;

	c->data_len = h->dxfer_len;
	c->data_addr = (uintptr_t)h->dxferp;
	if (!h->iovec_count || !h->dxfer_len)
		return true;
	r = sl_vector_take(s, c, (uintptr_t)h->dxferp, h->iovec_count);
	if (r < 0)
		*ret_handled = sl_reply_error(c, -r);
	else if (c->vec->total < h->dxfer_len)
		*ret_handled = sl_scsi_refuse(
			s, c, EINVAL, "the pieces of the buffer are together shorter than it is");
	else
		return true;
	return false;
}

/* What version 3 says in its direction. < 0: nothing that could be copied. */
static int direction(const struct sg_io_hdr *h)
{
	switch (h->dxfer_direction) {
	case SG_DXFER_NONE:
		return h->dxfer_len ? -1 : SL_DIR_NONE;
	case SG_DXFER_TO_DEV:
		return h->dxfer_len ? SL_DIR_OUT : SL_DIR_NONE;
	case SG_DXFER_FROM_DEV:
	case SG_DXFER_TO_FROM_DEV: /* Linux too: what the device leaves out stays as it was */
		return h->dxfer_len ? SL_DIR_IN : SL_DIR_NONE;
	default:
		return -1;
	}
}

static uint8_t driver_status(const struct sl_client_reply *r)
{
	/* DRIVER_SENSE, which Linux sets where there is sense data. */
	return (uint8_t)((r->c.result >> 16 & 0xff) | (r->c.meta_len ? 8 : 0));
}

/* Bytes of the buffer that did not move. */
static uint32_t residual(const struct sl_call *c, const struct sl_client_reply *r)
{
	uint64_t left = r->c.result >> 32;

	if (c->dir & SL_DIR_IN)
		return c->data_len - r->c.data_len;
	return left < c->data_len ? (uint32_t)left : c->data_len;
}

static enum sl_handled v3_done(struct sl_super *s, struct sl_call *c,
			       const struct sl_client_reply *r)
{
	struct sg_io_hdr h = {0};
	const size_t from = offsetof(struct sg_io_hdr, status);
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	e = sl_ioctl_return(s, c, r);
	if (e < 0)
		return sl_reply_error(c, -e);
	h.status = (uint8_t)r->c.status;
	h.masked_status = h.status >> 1 & 0x1f;
	h.sb_len_wr = (uint8_t)r->c.meta_len;
	h.host_status = (uint16_t)r->c.result;
	h.driver_status = driver_status(r);
	h.resid = (int)residual(c, r);
	h.duration = (unsigned)(sl_scsi_now_ms() - c->start_ms);
	if (h.masked_status || h.host_status || h.driver_status)
		h.info |= SG_INFO_CHECK;
	e = sl_tracee_write(s, c, c->result_addr + from, (uint8_t *)&h + from, sizeof(h) - from);
	return finish(s, c, r->c.status, sl_reply_error(c, -e));
}

static enum sl_handled start_v3(struct sl_super *s, struct sl_call *c)
{
	uint8_t cdb[SL_REQ_MAX];
	enum sl_handled handled;
	struct sg_io_hdr h;
	int r;

	r = sl_tracee_read(s, c, c->args[2], &h, sizeof(h));
	if (r < 0)
		return sl_reply_error(c, -r);
	if (h.interface_id != 'S')
		return sl_reply_error(c, c->node->door == SL_DOOR_SG ? ENOSYS : EINVAL);
	if (h.flags & (SG_FLAG_MMAP_IO | SG_FLAG_NO_DXFER))
		return sl_scsi_refuse(s, c, EINVAL,
				      "SG_IO with data that stays in the driver's buffer");
	r = direction(&h);
	if (r < 0)
		return sl_scsi_refuse(s, c, EINVAL,
				      "SG_IO whose direction and length of data disagree");
	c->dir = (uint8_t)r;
	if (!take_cdb(s, c, (uintptr_t)h.cmdp, h.cmd_len, cdb, &handled) ||
	    !take_buffer(s, c, &h, &handled))
		return handled;
	c->meta_addr = (uintptr_t)h.sbp;
	c->meta_len = h.sbp && h.mx_sb_len > SL_SENSE_MAX ? SL_SENSE_MAX : h.mx_sb_len;
	if (!h.sbp)
		c->meta_len = 0;
	c->result_addr = c->args[2];
	c->done = v3_done;
	return sl_scsi_send(s, c, cdb, h.cmd_len, h.timeout);
}

static enum sl_handled v4_done(struct sl_super *s, struct sl_call *c,
			       const struct sl_client_reply *r)
{
	const size_t from = offsetof(struct sg_io_v4, driver_status);
	const size_t to = offsetof(struct sg_io_v4, generated_tag);
	struct sg_io_v4 h = {0};
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	e = sl_ioctl_return(s, c, r);
	if (e < 0)
		return sl_reply_error(c, -e);
	h.device_status = (uint8_t)r->c.status;
	h.transport_status = (uint16_t)r->c.result;
	h.driver_status = driver_status(r);
	h.duration = (uint32_t)(sl_scsi_now_ms() - c->start_ms);
	h.response_len = r->c.meta_len;
	if (c->dir & SL_DIR_IN)
		h.din_resid = (int32_t)residual(c, r);
	else
		h.dout_resid = (int32_t)residual(c, r);
	if (h.device_status || h.transport_status || h.driver_status)
		h.info |= SG_INFO_CHECK;
	e = sl_tracee_write(s, c, c->result_addr + from, (uint8_t *)&h + from, to - from);
	return finish(s, c, r->c.status, sl_reply_error(c, -e));
}

static enum sl_handled start_v4(struct sl_super *s, struct sl_call *c)
{
	uint8_t cdb[SL_REQ_MAX];
	enum sl_handled handled;
	struct sg_io_v4 h;
	int r;

	r = sl_tracee_read(s, c, c->args[2], &h, sizeof(h));
	if (r < 0)
		return sl_reply_error(c, -r);
	if (h.guard != 'Q')
		return sl_reply_error(c, EINVAL);
	if (h.protocol != BSG_PROTOCOL_SCSI || h.subprotocol != BSG_SUB_PROTOCOL_SCSI_CMD)
		return sl_scsi_refuse(s, c, EINVAL, "SG_IO of another kind than a SCSI command");
	if (h.dout_xfer_len && h.din_xfer_len)
		return sl_scsi_refuse(s, c, EOPNOTSUPP, "SG_IO with data in both directions");
	if (h.dout_iovec_count || h.din_iovec_count)
		return sl_scsi_refuse(s, c, EINVAL, "SG_IO version 4 with data in pieces");
	if (!take_cdb(s, c, h.request, h.request_len, cdb, &handled))
		return handled;
	c->dir = h.dout_xfer_len ? SL_DIR_OUT : h.din_xfer_len ? SL_DIR_IN : SL_DIR_NONE;
	c->data_len = h.dout_xfer_len ? h.dout_xfer_len : h.din_xfer_len;
	c->data_addr = h.dout_xfer_len ? h.dout_xferp : h.din_xferp;
	c->meta_addr = h.response;
	c->meta_len = h.max_response_len > SL_SENSE_MAX ? SL_SENSE_MAX : h.max_response_len;
	if (!h.response)
		c->meta_len = 0;
	c->result_addr = c->args[2];
	c->done = v4_done;
	return sl_scsi_send(s, c, cdb, h.request_len, h.timeout);
}

static enum sl_handled start_sg_io(struct sl_super *s, struct sl_call *c,
				   const struct sl_ioctl *row)
{
	(void)row;
	return c->node->door == SL_DOOR_BSG ? start_v4(s, c) : start_v3(s, c);
}

/* One command and no data: the value is the status, as ioctl_internal_command() has it. */
static enum sl_handled status_done(struct sl_super *s, struct sl_call *c,
				   const struct sl_client_reply *r)
{
	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	return sl_reply_value(c, r->c.status);
}

/* The rows' argument: byte 4 of the CDB, and its opcode in bits 15:8. */
static enum sl_handled start_simple(struct sl_super *s, struct sl_call *c,
				    const struct sl_ioctl *row)
{
	const uint8_t cdb[6] = {(uint8_t)(row->arg >> 8), [4] = (uint8_t)row->arg};

	c->dir = SL_DIR_NONE;
	c->done = status_done;
	return sl_scsi_send(s, c, cdb, sizeof(cdb), 0);
}

#define SEND_DATA                                                                                  \
	8u /* offset of the CDB: after the two lengths of struct sg_scsi_ioctl_command             \
	    */
#define SEND_MAX  4096u
#define OLD_SENSE 16u /* bytes that this interface returns */

/* Status, and the data or the sense data where the CDB was. */
static enum sl_handled send_done(struct sl_super *s, struct sl_call *c,
				 const struct sl_client_reply *r)
{
	uint64_t to = c->args[2] + SEND_DATA;
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	if (r->c.data_len > c->data_len || r->c.meta_len > c->meta_len)
		return sl_reply_error(c, EIO);
	if (r->c.status)
		e = sl_tracee_write(s, c, to, r->meta, r->c.meta_len);
	else
		e = sl_tracee_write(s, c, to, r->data, c->dir & SL_DIR_IN ? r->c.data_len : 0);
	if (e < 0)
		return sl_reply_error(c, -e);
	return finish(s, c, r->c.status, sl_reply_value(c, (uint8_t)r->c.status));
}

static enum sl_handled start_send_command(struct sl_super *s, struct sl_call *c,
					  const struct sl_ioctl *row)
{
	/* By group code, bits 7:5 of the opcode: COMMAND_SIZE of Linux. */
	static const uint8_t lengths[8] = {6, 10, 10, 12, 16, 12, 10, 10};
	uint8_t head[SEND_DATA + 1], cdb[16];
	uint32_t in, out, len;
	int r;

	(void)row;
	r = sl_tracee_read(s, c, c->args[2], head, sizeof(head));
	if (r < 0)
		return sl_reply_error(c, -r);
	in = sl_get_le32(head); /* to the device */
	out = sl_get_le32(head + 4);
	len = lengths[head[SEND_DATA] >> 5];
	if (in > SEND_MAX || out > SEND_MAX)
		return sl_reply_error(c, EINVAL);
	if (in && out)
		return sl_scsi_refuse(s, c, EINVAL,
				      "SCSI_IOCTL_SEND_COMMAND with data in both directions");
	r = sl_tracee_read(s, c, c->args[2] + SEND_DATA, cdb, len);
	if (r < 0)
		return sl_reply_error(c, -r);
	cdb[0] = head[SEND_DATA]; /* copied once: its group decided the length */
	c->dir = in ? SL_DIR_OUT : out ? SL_DIR_IN : SL_DIR_NONE;
	c->data_len = in ? in : out;
	c->data_addr = c->args[2] + SEND_DATA + len;
	c->meta_len = OLD_SENSE;
	c->done = send_done;
	return sl_scsi_send(s, c, cdb, len, 0);
}

/* A number of 32 bits: the row's. */
static enum sl_handled start_number(struct sl_super *s, struct sl_call *c,
				    const struct sl_ioctl *row)
{
	uint32_t limit = s->nodes.ctrl[c->node->ctrl].max_transfer, value = row->arg;
	uint8_t out[4];

	if (row->number == SG_GET_VERSION_NUM && c->node->door != SL_DOOR_SG)
		value = SG_VERSION_BLOCK;
	if (row->number == SG_GET_RESERVED_SIZE && value > limit)
		value = limit;
	if (row->number == SCSI_IOCTL_GET_BUS_NUMBER)
		value = s->nodes.ctrl[c->node->ctrl].instance;
	sl_put_le32(out, value);
	return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], out, sizeof(out)));
}

static enum sl_handled start_timeout(struct sl_super *s, struct sl_call *c,
				     const struct sl_ioctl *row)
{
	(void)s;
	return sl_reply_value(c, row->arg);
}

/* Channel, target and unit are 0; the host is the number that the name carries. */
static enum sl_handled start_id(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	const struct sl_ctrl *ctrl = &s->nodes.ctrl[c->node->ctrl];
	uint8_t out[32] = {0}; /* struct sg_scsi_id */

	(void)row;
	sl_put_le32(out, ctrl->instance);
	sl_put_le32(out + 16, sl_scsi_type(ctrl));
	sl_put_le16(out + 20, 1); /* commands per unit */
	sl_put_le16(out + 22, 1); /* depth of the queue */
	return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], out, sizeof(out)));
}

static enum sl_handled start_idlun(struct sl_super *s, struct sl_call *c,
				   const struct sl_ioctl *row)
{
	const struct sl_ctrl *ctrl = &s->nodes.ctrl[c->node->ctrl];
	uint8_t out[8];

	(void)row;
	sl_put_le32(out, (ctrl->instance & 0xff) << 24);
	sl_put_le32(out + 4, ctrl->instance);
	return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], out, sizeof(out)));
}

/* The caller says in the first four bytes how long a name it takes. */
static enum sl_handled start_probe_host(struct sl_super *s, struct sl_call *c,
					const struct sl_ioctl *row)
{
	static const char host[] = "sluice";
	uint8_t head[4];
	uint32_t len;
	int r;

	(void)row;
	r = sl_tracee_read(s, c, c->args[2], head, sizeof(head));
	if (r < 0)
		return sl_reply_error(c, -r);
	len = sl_get_le32(head);
	r = sl_tracee_write(s, c, c->args[2], host, len < sizeof(host) ? len : sizeof(host));
	return r < 0 ? sl_reply_error(c, -r) : sl_reply_value(c, 1);
}

#define CDB(opcode, byte4) ((uint32_t)(opcode) << 8 | (byte4))
#define SG_ROW(number, doors, start, arg)                                                          \
	{                                                                                          \
		number, doors, #number, start, arg, false                                          \
	}

/* SPC-6 and SBC-5: TEST UNIT READY, START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL. */
#define SCSI_TEST_UNIT_READY 0x00
#define SCSI_START_STOP	     0x1b
#define SCSI_PREVENT_ALLOW   0x1e
#define SCSI_LOEJ	     0x02
#define CDROMEJECT	     0x5309 /* include/uapi/linux/cdrom.h */
#define CDROMCLOSETRAY	     0x5319
#define CDROM_SEND_PACKET    0x5393

const struct sl_ioctl sl_ioctl_scsi[] = {
	SG_ROW(SG_IO, SL_DOORS_SCSI, start_sg_io, 0),
	SG_ROW(SG_GET_VERSION_NUM, SL_DOORS_SCSI, start_number, SG_VERSION),
	SG_ROW(SG_GET_SCSI_ID, SL_DOORS_SG, start_id, 0),
	/* These are about the driver's write() and read(), which are refused here. */
	SG_ROW(SG_SET_TIMEOUT, SL_DOORS_SCSI, sl_ioctl_ignore, 0),
	SG_ROW(SG_GET_TIMEOUT, SL_DOORS_SCSI, start_timeout, SG_TIMEOUT),
	SG_ROW(SG_SET_RESERVED_SIZE, SL_DOORS_SCSI, sl_ioctl_ignore, 0),
	SG_ROW(SG_GET_RESERVED_SIZE, SL_DOORS_SCSI, start_number, SG_RESERVED),
	SG_ROW(SG_EMULATED_HOST, SL_DOORS_SCSI, start_number, 0),
	SG_ROW(SG_SET_COMMAND_Q, SL_DOORS_SCSI, sl_ioctl_ignore, 0),
	SG_ROW(SG_GET_COMMAND_Q, SL_DOORS_SCSI, start_number, 1),
	SG_ROW(SG_GET_TRANSFORM, SL_DOORS_SG, start_number, 0),
	SG_ROW(SG_SET_FORCE_PACK_ID, SL_DOORS_SG, sl_ioctl_ignore, 0),
	SG_ROW(SG_GET_NUM_WAITING, SL_DOORS_SG, start_number, 0),
	SG_ROW(SG_GET_SG_TABLESIZE, SL_DOORS_SG, start_number, SG_TABLE),
	SG_ROW(SG_SET_FORCE_LOW_DMA, SL_DOORS_SG, sl_ioctl_ignore, 0),
	SG_ROW(SG_GET_LOW_DMA, SL_DOORS_SG, start_number, 0),
	SG_ROW(SG_SET_KEEP_ORPHAN, SL_DOORS_SG, sl_ioctl_ignore, 0),
	SG_ROW(SG_GET_KEEP_ORPHAN, SL_DOORS_SG, start_number, 0),
	SG_ROW(SG_GET_ACCESS_COUNT, SL_DOORS_SG, start_number, 1),
	SG_ROW(SG_SET_DEBUG, SL_DOORS_SG, sl_ioctl_ignore, 0),
	SG_ROW(SG_SCSI_RESET, SL_DOORS_SCSI, sl_ioctl_refuse, EPERM),
	SG_ROW(SG_NEXT_CMD_LEN, SL_DOORS_SG, sl_ioctl_ignore, 0),
	SG_ROW(SCSI_IOCTL_GET_IDLUN, SL_DOORS_SCSI, start_idlun, 0),
	SG_ROW(SCSI_IOCTL_GET_BUS_NUMBER, SL_DOORS_SCSI, start_number, 0),
	SG_ROW(SCSI_IOCTL_PROBE_HOST, SL_DOORS_SCSI, start_probe_host, 0),
	SG_ROW(SCSI_IOCTL_SEND_COMMAND, SL_DOORS_SCSI, start_send_command, 0),
	SG_ROW(SCSI_IOCTL_TEST_UNIT_READY, SL_DOORS_SCSI, start_simple,
	       CDB(SCSI_TEST_UNIT_READY, 0)),
	SG_ROW(SCSI_IOCTL_START_UNIT, SL_DOORS_SCSI, start_simple, CDB(SCSI_START_STOP, 1)),
	SG_ROW(SCSI_IOCTL_STOP_UNIT, SL_DOORS_SCSI, start_simple, CDB(SCSI_START_STOP, 0)),
	SG_ROW(SCSI_IOCTL_DOORLOCK, SL_DOORS_SCSI, start_simple, CDB(SCSI_PREVENT_ALLOW, 1)),
	SG_ROW(SCSI_IOCTL_DOORUNLOCK, SL_DOORS_SCSI, start_simple, CDB(SCSI_PREVENT_ALLOW, 0)),
	SG_ROW(CDROMEJECT, SL_DOORS_SCSI, start_simple, CDB(SCSI_START_STOP, SCSI_LOEJ)),
	SG_ROW(CDROMCLOSETRAY, SL_DOORS_SCSI, start_simple, CDB(SCSI_START_STOP, SCSI_LOEJ | 1)),
	SG_ROW(CDROM_SEND_PACKET, SL_DOORS_SCSI, sl_ioctl_refuse, EPERM),
	{0},
};
