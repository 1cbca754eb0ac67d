/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of node is told, and what it says. No decision is made here. */
#include <errno.h>
#include <linux/bsg.h>
#include <linux/capability.h>
#include <linux/cxl_mem.h>
#include <scsi/sg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bytes.h"
#include "device/node/node-device.h"
#include "wire/wire.h"

static bool gives(const struct sl_io *io, uint8_t dir)
{
	return io->cmd->dir == dir || io->cmd->dir == SL_DIR_BOTH;
}

/* SCSI: what both versions of SG_IO say at the end. */
static void scsi_end(const struct sl_io *io, uint32_t size, uint32_t status, uint32_t host,
		     uint32_t driver, int32_t left, uint32_t sense, struct sl_completion *ret)
{
	uint32_t rest = left < 0 ? 0 : (uint32_t)left < size ? (uint32_t)left : size;

	ret->status = status & 0xff;
	ret->result = (uint64_t)rest << 32 | (uint64_t)(driver & 0xff) << 16 | (host & 0xffff);
	ret->data_len = gives(io, SL_DIR_IN) ? size - rest : 0;
	ret->meta_len = sense < io->meta_size ? sense : io->meta_size;
}

static uint32_t sense_room(const struct sl_io *io)
{
	return io->meta_size < SL_SENSE_MAX ? io->meta_size : SL_SENSE_MAX;
}

/* A command that moves data both ways has no form in Linux any more. */
static uint32_t scsi_size(const struct sl_io *io)
{
	return io->cmd->dir == SL_DIR_IN    ? io->data_size
	       : io->cmd->dir == SL_DIR_OUT ? io->cmd->data_len
					    : 0;
}

static int send_sg(sl_node_ioctl sys, int fd, const struct sl_io *io, struct sl_completion *ret)
{
	static const int dirs[] = {
		[SL_DIR_NONE] = SG_DXFER_NONE,
		[SL_DIR_OUT] = SG_DXFER_TO_DEV,
		[SL_DIR_IN] = SG_DXFER_FROM_DEV,
	};
	uint32_t size = scsi_size(io);
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = SG_DXFER_NONE,
		.cmd_len = (unsigned char)io->cmd->req_len,
		.mx_sb_len = (unsigned char)sense_room(io),
		.dxfer_len = size,
		.dxferp = size ? io->data : NULL,
		.cmdp = (unsigned char *)(uintptr_t)io->cmd->req,
		.sbp = io->meta_size ? io->meta : NULL,
		.timeout = io->timeout_ms,
	};
	int r;

	if (io->cmd->dir == SL_DIR_BOTH)
		return -EOPNOTSUPP;
	if (size)
		h.dxfer_direction = dirs[io->cmd->dir];
	r = sys(fd, SG_IO, &h);
	if (r < 0)
		return r;
	scsi_end(io, size, h.status, h.host_status, h.driver_status, h.resid, h.sb_len_wr, ret);
	return 0;
}

static int send_bsg(sl_node_ioctl sys, int fd, const struct sl_io *io, struct sl_completion *ret)
{
	uint32_t size = scsi_size(io);
	bool in = io->cmd->dir == SL_DIR_IN;
	struct sg_io_v4 h = {
		.guard = 'Q',
		.protocol = BSG_PROTOCOL_SCSI,
		.subprotocol = BSG_SUB_PROTOCOL_SCSI_CMD,
		.request_len = io->cmd->req_len,
		.request = (uintptr_t)io->cmd->req,
		.max_response_len = sense_room(io),
		.response = io->meta_size ? (uintptr_t)io->meta : 0,
		.dout_xfer_len = in ? 0 : size,
		.dout_xferp = in || !size ? 0 : (uintptr_t)io->data,
		.din_xfer_len = in ? size : 0,
		.din_xferp = in && size ? (uintptr_t)io->data : 0,
		.timeout = io->timeout_ms,
	};
	int r;

	if (io->cmd->dir == SL_DIR_BOTH)
		return -EOPNOTSUPP;
	r = sys(fd, SG_IO, &h);
	if (r < 0)
		return r;
	scsi_end(io, size, h.device_status, h.transport_status, h.driver_status,
		 in ? h.din_resid : h.dout_resid, h.response_len, ret);
	return 0;
}

/* Mailbox commands */

struct mailbox {
	uint16_t opcode;
	uint32_t in_len, out_len, scope;
};

/* 0, or -EINVAL: the parts do not fit the buffer that came with them. */
static int mailbox_of(const struct sl_io *io, struct mailbox *ret)
{
	const uint8_t *q = io->cmd->req;

	*ret = (struct mailbox){
		.opcode = sl_get_be16(q),
		.in_len = sl_get_le32(q + SL_MBOX_IN_LEN),
		.out_len = sl_get_le32(q + SL_MBOX_OUT_LEN),
		.scope = sl_get_le32(q + SL_MBOX_SCOPE),
	};
	return ret->in_len > io->data_size || ret->out_len > io->data_size ? -EINVAL : 0;
}

#define ANY UINT32_MAX
static const struct {
	uint32_t id;
	uint16_t opcode;
	uint32_t in, out;
} cxl_ids[] = {
#define CXL_ID(id, opcode, in, out) {id, opcode, in, out},
#include "spec/cxl_uapi.def"
};

/* The driver's number for a command with these lengths; RAW where it has none. */
static uint32_t cxl_id(const struct mailbox *m)
{
	for (unsigned i = 0; i < SL_COUNT(cxl_ids); i++)
		if (cxl_ids[i].opcode == m->opcode &&
		    (cxl_ids[i].in == ANY || cxl_ids[i].in == m->in_len) &&
		    (cxl_ids[i].out == ANY || cxl_ids[i].out <= m->out_len))
			return cxl_ids[i].id;
	return CXL_MEM_COMMAND_ID_RAW;
}

#define CXL_UNSUPPORTED 0x03u /* return code, CXL 3.1 §8.2.8.4.5.1 */

static int send_cxl(sl_node_ioctl sys, int fd, const struct sl_io *io, struct sl_completion *ret)
{
	struct cxl_send_command c = {0};
	struct mailbox m;
	int r = mailbox_of(io, &m);

	if (r < 0)
		return r;
	c.id = cxl_id(&m);
	if (c.id == CXL_MEM_COMMAND_ID_RAW)
		c.raw.opcode = m.opcode;
	c.in.size = m.in_len;
	c.in.payload = m.in_len ? (uintptr_t)io->data : 0;
	c.out.size = m.out_len;
	c.out.payload = m.out_len ? (uintptr_t)io->data : 0;
	r = sys(fd, CXL_MEM_SEND_COMMAND, &c);
	/*
	 * The mailbox as it is through this node lacks what has no number, in a kernel without RAW:
	 * Get Supported Features, above all, which the effects log lists and the contract's reader
	 * asks for.
	 */
	if (r == -EPERM && c.id == CXL_MEM_COMMAND_ID_RAW) {
		ret->status = CXL_UNSUPPORTED;
		return 0;
	}
	if (r < 0)
		return r;
	ret->status = (uint16_t)c.retval;
	ret->data_len = c.out.size < m.out_len ? c.out.size : m.out_len;
	return 0;
}

/* include/uapi/fwctl/fwctl.h and cxl.h of Linux 6.15, which Debian 12 has no headers of. */
#define FWCTL_RPC      _IO(0x9a, 1)
#define FWCTL_PAYLOAD  8192u /* features are at most some hundred bytes; larger is not sent */
#define FWCTL_IN_HEAD  16u   /* opcode, flags, size of the payload, reserved: 4 bytes each */
#define FWCTL_OUT_HEAD 8u    /* size of the payload, return code */

struct fwctl_rpc {
	uint32_t size, scope, in_len, out_len;
	uint64_t in, out;
};

/* Of other drivers the payload is all of it, both ways. */
static int send_message(sl_node_ioctl sys, int fd, const struct sl_io *io, const struct mailbox *m,
			struct fwctl_rpc *c, struct sl_completion *ret)
{
	uint8_t *out = (uint8_t *)(uintptr_t)c->out;
	int r;

	memcpy((uint8_t *)(uintptr_t)c->in, io->data, m->in_len);
	c->in_len = m->in_len;
	c->out_len = m->out_len;
	r = sys(fd, FWCTL_RPC, c);
	if (r < 0)
		return r;
	ret->data_len = c->out_len < m->out_len ? c->out_len : m->out_len;
	memcpy(io->data, out, ret->data_len);
	return 0;
}

static int send_fwctl(sl_node_ioctl sys, int fd, const struct sl_io *io, struct sl_completion *ret)
{
	uint8_t in[FWCTL_IN_HEAD + FWCTL_PAYLOAD] = {0}, out[FWCTL_OUT_HEAD + FWCTL_PAYLOAD] = {0};
	struct fwctl_rpc c = {.size = sizeof(c), .in = (uintptr_t)in, .out = (uintptr_t)out};
	struct mailbox m;
	uint32_t got;
	int r = mailbox_of(io, &m);

	if (r < 0)
		return r;
	if (m.in_len > FWCTL_PAYLOAD || m.out_len > FWCTL_PAYLOAD)
		return -EMSGSIZE;
	c.scope = m.scope;
	if (io->cmd->set == SL_SET_FWCTL_MLX5 || io->cmd->set == SL_SET_FWCTL_BNXT)
		return send_message(sys, fd, io, &m, &c, ret);
	sl_put_le32(in, m.opcode);
	sl_put_le32(in + 8, m.in_len);
	if (m.in_len)
		memcpy(in + FWCTL_IN_HEAD, io->data, m.in_len);
	c.in_len = FWCTL_IN_HEAD + m.in_len;
	c.out_len = FWCTL_OUT_HEAD + m.out_len;
	r = sys(fd, FWCTL_RPC, &c);
	if (r < 0)
		return r;
	if (c.out_len < FWCTL_OUT_HEAD)
		return -EIO;
	got = sl_get_le32(out);
	ret->status = (uint16_t)sl_get_le32(out + 4);
	ret->data_len = got < m.out_len ? got : m.out_len;
	if (ret->data_len)
		memcpy(io->data, out + FWCTL_OUT_HEAD, ret->data_len);
	return 0;
}

/* One ioctl each; see the header for the capabilities. */
#define NEEDS(request, capability)                                                                 \
	{                                                                                          \
		.capabilities = capability, .ioctls = {request}, .n_ioctls = 1                     \
	}
#define RAWIO (1ull << CAP_SYS_RAWIO)

const struct sl_node_row sl_node_rows[_SL_NODE_KIND_N] = {
	[SL_NODE_SG] = {"sg", SL_WIRE_SCSI, SL_WIRE_DATA_MAX, NEEDS(SG_IO, 0), send_sg},
	[SL_NODE_BSG] = {"bsg", SL_WIRE_SCSI, SL_WIRE_DATA_MAX, NEEDS(SG_IO, RAWIO), send_bsg},
	[SL_NODE_CXL] = {"cxl", SL_WIRE_CXL, SL_WIRE_DATA_MAX, NEEDS(CXL_MEM_SEND_COMMAND, 0),
			 send_cxl},
	[SL_NODE_FWCTL] = {"fwctl", SL_WIRE_FWCTL, FWCTL_PAYLOAD, NEEDS(FWCTL_RPC, RAWIO),
			   send_fwctl},
};
