/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NVMe ioctls (include/uapi/linux/nvme_ioctl.h), translated to NVMe commands. The caller's
 * struct and its data are copied once; what was copied is what is judged and sent.
 */
#include <errno.h>
#include <linux/nvme_ioctl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bytes.h"
#include "front/run/super.h"

#define NVME_OPC_WRITE	       0x01
#define NVME_OPC_READ	       0x02
#define NVME_OPC_COMPARE       0x05
#define NVME_OPC_NS_MANAGEMENT 0x0d
#define NVME_OPC_NS_ATTACHMENT 0x15
#define NVME_OPC_FORMAT	       0x80
#define NVME_RW_PRACT	       0x2000 /* of the control word: protection information action */

/* Bits 1:0 of an opcode are the direction (Base Specification 2.1, §3.3.3.1). */
static uint8_t direction(uint8_t opcode)
{
	static const uint8_t dirs[4] = {SL_DIR_NONE, SL_DIR_OUT, SL_DIR_IN, SL_DIR_BOTH};

	return dirs[opcode & 3];
}

/* Commands after which a namespace may have another size or format. */
static bool changes_namespaces(uint8_t opcode)
{
	return opcode == NVME_OPC_NS_MANAGEMENT || opcode == NVME_OPC_NS_ATTACHMENT ||
	       opcode == NVME_OPC_FORMAT;
}

/* The part that both structs have in common has the same layout up to timeout_ms. */
static enum sl_handled start_passthru(struct sl_super *s, struct sl_call *c,
				      const struct sl_ioctl *row)
{
	bool wide = row->number == NVME_IOCTL_ADMIN64_CMD || row->number == NVME_IOCTL_IO64_CMD;
	union {
		struct nvme_passthru_cmd p;
		struct nvme_passthru_cmd64 wide;
	} u;
	struct sl_command cmd;
	int r;

	_Static_assert(offsetof(struct nvme_passthru_cmd, timeout_ms) ==
			       offsetof(struct nvme_passthru_cmd64, timeout_ms),
		       "one layout");
	r = sl_tracee_read(s, c, c->args[2], &u, wide ? sizeof(u.wide) : sizeof(u.p));
	if (r < 0)
		return sl_reply_error(c, -r);
	c->result_size = wide ? 8 : 4;
	c->result = wide ? u.wide.result : u.p.result;
	c->result_addr = c->args[2] + (wide ? offsetof(struct nvme_passthru_cmd64, result)
					    : offsetof(struct nvme_passthru_cmd, result));
	sl_command_init(s, c, (uint8_t)row->arg, &cmd);
	cmd.req[0] = u.p.opcode;
	cmd.req[1] = u.p.flags;
	/* Where the command identifier goes: reserved to the caller, and the gate is to see it. */
	sl_put_le16(cmd.req + 2, u.p.rsvd1);
	sl_put_le32(cmd.req + 4, u.p.nsid);
	sl_put_le32(cmd.req + 8, u.p.cdw2);
	sl_put_le32(cmd.req + 12, u.p.cdw3);
	sl_put_le32(cmd.req + 40, u.p.cdw10);
	sl_put_le32(cmd.req + 44, u.p.cdw11);
	sl_put_le32(cmd.req + 48, u.p.cdw12);
	sl_put_le32(cmd.req + 52, u.p.cdw13);
	sl_put_le32(cmd.req + 56, u.p.cdw14);
	sl_put_le32(cmd.req + 60, u.p.cdw15);
	cmd.timeout_ms = u.p.timeout_ms;
	c->changes = row->arg == SL_SET_NVME_ADMIN && changes_namespaces(u.p.opcode);
	c->dir = direction(u.p.opcode);
	c->data_addr = u.p.addr;
	c->data_len = u.p.data_len;
	c->meta_addr = u.p.metadata;
	c->meta_len = u.p.metadata_len;
	return sl_ioctl_submit(s, c, &cmd);
}

/* The legacy interface gives no lengths: they follow from the block count and the LBA format. */
static enum sl_handled start_submit_io(struct sl_super *s, struct sl_call *c,
				       const struct sl_ioctl *row)
{
	const struct sl_ns *ns = &s->nodes.ns[c->node->ns];
	struct nvme_user_io io;
	struct sl_command cmd;
	uint64_t len, meta;
	int r;

	r = sl_tracee_read(s, c, c->args[2], &io, sizeof(io));
	if (r < 0)
		return sl_reply_error(c, -r);
	if ((io.opcode != NVME_OPC_READ && io.opcode != NVME_OPC_WRITE &&
	     io.opcode != NVME_OPC_COMPARE) ||
	    ns->lba_shift == 0)
		return sl_reply_error(c, EINVAL);
	len = ((uint64_t)io.nblocks + 1) << ns->lba_shift;
	meta = ((uint64_t)io.nblocks + 1) * ns->meta_size;
	if ((io.control & NVME_RW_PRACT) && ns->meta_size == 8) {
		if (io.metadata)
			return sl_reply_error(c, EINVAL);
		meta = 0;
	}
	if (ns->ext) {
		len += meta;
		meta = 0;
	} else if (meta && (io.metadata == 0 || (io.metadata & 3))) {
		return sl_reply_error(c, EINVAL);
	}
	sl_command_init(s, c, (uint8_t)row->arg, &cmd);
	cmd.req[0] = io.opcode;
	cmd.req[1] = io.flags;
	sl_put_le32(cmd.req + 4, c->node->nsid);
	sl_put_le64(cmd.req + 40, io.slba);
	sl_put_le16(cmd.req + 48, io.nblocks);
	sl_put_le16(cmd.req + 50, io.control);
	sl_put_le32(cmd.req + 52, io.dsmgmt);
	sl_put_le32(cmd.req + 56, io.reftag);
	sl_put_le16(cmd.req + 60, io.apptag);
	sl_put_le16(cmd.req + 62, io.appmask);
	c->dir = direction(io.opcode);
	c->data_addr = io.addr;
	c->data_len =
		(uint32_t)len; /* at most 65536 blocks of 64 KiB and their metadata: checked */
	if (len > UINT32_MAX)
		c->data_len = UINT32_MAX;
	c->meta_addr = io.metadata;
	c->meta_len = (uint32_t)meta;
	return sl_ioctl_submit(s, c, &cmd);
}

static enum sl_handled start_id(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	(void)s;
	(void)row;
	return sl_reply_value(c, c->node->nsid);
}

const struct sl_ioctl sl_ioctl_nvme[] = {
	{NVME_IOCTL_ADMIN_CMD, SL_DOORS_ALL, "nvme.admin", start_passthru, SL_SET_NVME_ADMIN},
	{NVME_IOCTL_ADMIN64_CMD, SL_DOORS_ALL, "nvme.admin", start_passthru, SL_SET_NVME_ADMIN},
	{NVME_IOCTL_IO_CMD, SL_DOORS_ALL, "nvme.io", start_passthru, SL_SET_NVME_IO},
	{NVME_IOCTL_IO64_CMD, SL_DOORS_NS, "nvme.io", start_passthru, SL_SET_NVME_IO},
	{NVME_IOCTL_SUBMIT_IO, SL_DOORS_NS, "nvme.io", start_submit_io, SL_SET_NVME_IO, true},
	{NVME_IOCTL_ID, SL_DOORS_NS, "namespace id", start_id, 0},
	/* Resets are the kernel's to do and no commands: there is nothing that could be judged. */
	{NVME_IOCTL_RESET, SL_DOORS_ALL, "controller reset", sl_ioctl_refuse, EACCES},
	{NVME_IOCTL_SUBSYS_RESET, SL_DOORS_ALL, "subsystem reset", sl_ioctl_refuse, EACCES},
	{NVME_IOCTL_RESCAN, SL_DOORS_ALL, "namespace rescan", sl_ioctl_refuse, EACCES},
	/* NVME_IOCTL_IO64_CMD_VEC has no row: ENOTTY, as on kernels before 5.15. */
	{0},
};
