/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tools do not do by themselves: a command through a node that is open for reading only, SG_IO
 * version 4, CXL mailbox commands by number and RAW. Prints what came, so that the same can be held
 * against itself through the gate.
 *
 *   nodes unmap|stop|inquiry-v4|cxl-read|cxl-set-lsa|fwctl-read|fwctl-set NODE      exit status 1:
 * refused
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bsg.h>
#include <linux/cxl_mem.h>
#include <scsi/sg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fwctl.h"
#include "nvme.h"

static uint8_t data[512], sense[32];

static void print(const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)printf("%02x%s", p[i], i % 16 == 15 || i == n - 1 ? "\n" : " ");
}

static int refused(const char *what)
{
	(void)printf("%s: %s\n", what, errno_name(errno));
	return 1;
}

static int scsi(int fd, const uint8_t *cdb, uint8_t len, int dir, unsigned size)
{
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = dir,
		.cmd_len = len,
		.mx_sb_len = sizeof(sense),
		.dxfer_len = size,
		.dxferp = data,
		.cmdp = (unsigned char *)(uintptr_t)cdb,
		.sbp = sense,
		.timeout = 10000,
	};

	if (ioctl(fd, SG_IO, &h) < 0)
		return refused("SG_IO");
	(void)printf("status %02x, host %x, resid %d\n", h.status, h.host_status, h.resid);
	print(sense, h.sb_len_wr);
	return 0;
}

/* UNMAP of block 0: Linux's list has 42h as READ SUB-CHANNEL. */
static int unmap(int fd)
{
	static const uint8_t cdb[10] = {0x42, [8] = 24};
	static const uint8_t list[24] = {0, 22, 0, 16, [19] = 8};

	memcpy(data, list, sizeof(list));
	return scsi(fd, cdb, sizeof(cdb), SG_DXFER_TO_DEV, sizeof(list));
}

static int stop(int fd)
{
	static const uint8_t cdb[6] = {0x1b};

	return scsi(fd, cdb, sizeof(cdb), SG_DXFER_NONE, 0);
}

static int inquiry_v4(int fd)
{
	static const uint8_t cdb[6] = {0x12, [4] = 36};
	struct sg_io_v4 h = {
		.guard = 'Q',
		.request_len = sizeof(cdb),
		.request = (uintptr_t)cdb,
		.max_response_len = sizeof(sense),
		.response = (uintptr_t)sense,
		.din_xfer_len = 36,
		.din_xferp = (uintptr_t)data,
		.timeout = 10000,
	};

	if (ioctl(fd, SG_IO, &h) < 0)
		return refused("SG_IO");
	(void)printf("status %02x, transport %x, resid %d\n", h.device_status, h.transport_status,
		     h.din_resid);
	print(data, 36);
	return 0;
}

static int cxl(int fd, const char *name, uint32_t id, uint16_t opcode, const void *in,
	       uint32_t in_len, uint32_t out_len)
{
	struct cxl_send_command c = {
		.id = id,
		.raw.opcode = opcode,
		.in = {.size = in_len, .payload = (uintptr_t)in},
		.out = {.size = out_len, .payload = (uintptr_t)data},
	};

	if (ioctl(fd, CXL_MEM_SEND_COMMAND, &c) < 0)
		return refused(name);
	(void)printf("%s: return code %u, %u bytes\n", name, c.retval, c.out.size);
	print(data, c.out.size);
	return 0;
}

static int cxl_read(int fd)
{
	const uint32_t label[2] = {0, 64};
	int r;

	r = cxl(fd, "identify", CXL_MEM_COMMAND_ID_IDENTIFY, 0, NULL, 0, 0x43);
	r |= cxl(fd, "health", CXL_MEM_COMMAND_ID_GET_HEALTH_INFO, 0, NULL, 0, 0x12);
	r |= cxl(fd, "firmware", CXL_MEM_COMMAND_ID_GET_FW_INFO, 0, NULL, 0, 0x50);
	r |= cxl(fd, "labels", CXL_MEM_COMMAND_ID_GET_LSA, 0, label, sizeof(label), 64);
	r |= cxl(fd, "short", CXL_MEM_COMMAND_ID_IDENTIFY, 0, NULL, 0, 0x20);
	return r;
}

static int cxl_set_lsa(int fd)
{
	const uint8_t in[24] = {[8] = 0xa5, [23] = 0x5a};

	return cxl(fd, "set labels", CXL_MEM_COMMAND_ID_SET_LSA, 0, in, sizeof(in), 0);
}

/* An RPC of fwctl: prints the answer, which is left in rpc_out. */
static struct {
	struct fwctl_cxl_out head;
	uint8_t payload[1024];
} rpc_out;

static int rpc(int fd, const char *name, uint32_t scope, uint16_t opcode, const void *payload,
	       uint32_t len)
{
	struct {
		struct fwctl_cxl_in head;
		uint8_t payload[64];
	} in = {.head = {.opcode = opcode, .op_size = len}};
	struct fwctl_rpc r = {
		.size = sizeof(r),
		.scope = scope,
		.in_len = (uint32_t)sizeof(in.head) + len,
		.out_len = sizeof(rpc_out),
		.in = (uintptr_t)&in,
		.out = (uintptr_t)&rpc_out,
	};

	memcpy(in.payload, payload, len);
	if (ioctl(fd, FWCTL_RPC, &r) < 0)
		return refused(name);
	(void)printf("%s: return code %u, %u bytes\n", name, rpc_out.head.retval,
		     rpc_out.head.size);
	print(rpc_out.payload, rpc_out.head.size);
	return 0;
}

static int fwctl_read(int fd)
{
	struct fwctl_info info = {.size = sizeof(info)};
	const struct cxl_get_supported_features list = {
		.count = sizeof(struct cxl_features_header) + 4 * sizeof(struct cxl_feature)};
	struct cxl_get_feature get = {.count = 4};

	if (ioctl(fd, FWCTL_INFO, &info) < 0)
		return refused("FWCTL_INFO");
	(void)printf("device type %u\n", info.out_device_type);
	if (rpc(fd, "features", FWCTL_CONFIGURATION, CXL_GET_SUPPORTED_FEATURES, &list,
		sizeof(list)))
		return 1;
	memcpy(get.uuid, rpc_out.payload + sizeof(struct cxl_features_header), 16);
	return rpc(fd, "feature", FWCTL_CONFIGURATION, CXL_GET_FEATURE, &get, sizeof(get));
}

/* Of the feature with configuration change after a cold reset: number 1 of tests/vm/fwctl. */
static int fwctl_set(int fd)
{
	const struct cxl_set_feature set = {
		.uuid = {0x51, 0xc1, 0xce, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1},
		.version = 1,
		.data = {1, 2, 3, 4},
	};

	return rpc(fd, "set feature", FWCTL_DEBUG_WRITE_FULL, CXL_SET_FEATURE, &set, sizeof(set));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int fd);
		int flags;
	} what[] = {
		{"unmap", unmap, O_RDONLY},
		{"stop", stop, O_RDONLY},
		{"inquiry-v4", inquiry_v4, O_RDWR},
		{"cxl-read", cxl_read, O_RDWR},
		{"cxl-set-lsa", cxl_set_lsa, O_RDONLY},
		{"fwctl-read", fwctl_read, O_RDWR},
		{"fwctl-set", fwctl_set, O_RDWR},
	};
	int fd;

	for (unsigned i = 0; argc == 3 && i < sizeof(what) / sizeof(what[0]); i++) {
		if (strcmp(argv[1], what[i].name) != 0)
			continue;
		fd = open(argv[2], what[i].flags | O_CLOEXEC);
		if (fd < 0)
			die("nodes: %s: %s", argv[2], errno_name(errno));
		return what[i].run(fd);
	}
	die("nodes: what on which node?");
}
