/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwctl on a CXL device: the command inside of an RPC is what the gate sees, with the scope that
 * the caller claims, and structs whose parts disagree are refused.
 */
#include "base/bytes.h"
#include "core/command.h"
#include "door.h"

#define FWCTL_INFO _IO(0x9a, 0)
#define FWCTL_RPC  _IO(0x9a, 1)

struct rpc {
	uint32_t size, scope, in_len, out_len;
	uint64_t in, out;
	uint8_t tail[16];
};

static struct {
	uint32_t opcode, flags, size, reserved;
	uint8_t payload[64];
} in;
static struct {
	uint32_t size, retval;
	uint8_t payload[64];
} out;

static void outside(void)
{
	setenv("SLUICE_TRY_ALL", "1", 1);
}

static struct rpc request(uint32_t opcode, uint32_t size, uint32_t scope)
{
	memset(&in, 0, sizeof(in));
	memset(&out, 0xee, sizeof(out));
	in.opcode = opcode;
	in.size = size;
	return (struct rpc){
		.size = 32,
		.scope = scope,
		.in_len = 16 + size,
		.out_len = sizeof(out),
		.in = (uintptr_t)&in,
		.out = (uintptr_t)&out,
	};
}

/* mlx5 (big-endian) and bnxt: the message goes as it is, its opcode is in the header as well. */
static void messages(const char *node, uint32_t type, const uint8_t op[2])
{
	int fd = open_node(node, O_RDWR);
	uint32_t info[6] = {24, 0, 99, 8};
	uint8_t message[40] = {op[0], op[1], [39] = 0x77}, answer[128];
	struct rpc r, plain = {
			      .size = 32,
			      .scope = 1,
			      .in_len = sizeof(message),
			      .out_len = sizeof(answer),
			      .in = (uintptr_t)message,
			      .out = (uintptr_t)answer,
		      };

	MUST(ioctl(fd, FWCTL_INFO, info) == 0 && info[2] == type && info[3] == 0);
	memset(answer, 0xee, sizeof(answer));
	r = plain;
	MUST(ioctl(fd, FWCTL_RPC, &r) == 0 && r.out_len == 16 + sizeof(message));
	MUST(answer[0] == 0x01 && answer[1] == 0x90 && answer[SL_MBOX_SCOPE] == 1);
	MUST(sl_get_le32(answer + SL_MBOX_IN_LEN) == sizeof(message));
	MUST(memcmp(answer + 16, message, sizeof(message)) == 0 && answer[56] == 0xee);
	r = plain;
	r.in_len = 15;
	MUST_FAIL(ioctl(fd, FWCTL_RPC, &r), type == 1 ? EMSGSIZE : EINVAL);
	r = plain;
	r.out_len = 8;
	MUST(ioctl(fd, FWCTL_RPC, &r) == 0 && r.out_len == 8);
	r = plain;
	r.in_len = 2u << 20;
	MUST_FAIL(ioctl(fd, FWCTL_RPC, &r), EINVAL);
	r = plain;
	r.scope = 4;
	MUST_FAIL(ioctl(fd, FWCTL_RPC, &r), EOPNOTSUPP);
	r = plain;
	r.in = 16;
	MUST_FAIL(ioctl(fd, FWCTL_RPC, &r), EFAULT);
	close(fd);
}

static void inside(void)
{
	int fd = open_node("/dev/fwctl/fwctl0", O_RDWR);
	uint32_t info[6] = {24, 0, 99, 0};
	struct rpc r;

	MUST(ioctl(fd, FWCTL_INFO, info) == 0 && info[2] == 2 && info[3] == 0);
	info[1] = 1;
	MUST_FAIL(ioctl(fd, FWCTL_INFO, info), EOPNOTSUPP);
	info[0] = 20;
	MUST_FAIL(ioctl(fd, FWCTL_INFO, info), EINVAL);

	r = request(0xc001, 24, 3);
	MUST(ioctl(fd, FWCTL_RPC, &r) == 0 && out.retval == 0 && out.size == 17);
	MUST(r.out_len == 8 + 17 && out.payload[17] == 0xee);
	MUST(out.payload[0] == 0xc0 && out.payload[1] == 1);
	MUST(sl_get_le32(out.payload + SL_MBOX_IN_LEN) == 24);
	MUST(sl_get_le32(out.payload + SL_MBOX_OUT_LEN) == 64);
	MUST(sl_get_le32(out.payload + SL_MBOX_SCOPE) == 3 && out.payload[16] == SL_DOOR_FWCTL);
	/* What the device says of the command is in the answer, and no errno. */
	r = request(0xc002, 0, 0);
	MUST(ioctl(fd, FWCTL_RPC, &r) == 0 && out.retval == 0x15 && out.size == 0);
	r = request(0x4400, 0, 0);
	MUST_FAIL(ioctl(fd, FWCTL_RPC, &r), EPERM);

#define REFUSED(change, error)                                                                     \
	do {                                                                                       \
		r = request(0xc001, 24, 0);                                                        \
		change;                                                                            \
		MUST_FAIL(ioctl(fd, FWCTL_RPC, &r), error);                                        \
	} while (0)
	REFUSED(r.scope = 4, EOPNOTSUPP);
	REFUSED(r.size = 31, EINVAL);
	REFUSED((r.size = 48, r.tail[15] = 1), E2BIG);
	REFUSED(r.size = UINT32_MAX, E2BIG);
	REFUSED(r.in_len = 15, EINVAL);
	REFUSED(r.in_len = 39, EINVAL); /* one byte less than the payload says it has */
	REFUSED(in.size = UINT32_MAX, EINVAL);
	REFUSED(in.opcode = 0x10000, EINVAL);
	REFUSED(in.flags = 1, EOPNOTSUPP);
	REFUSED(in.reserved = 1, EOPNOTSUPP);
	REFUSED(r.out_len = 7, EINVAL);
	REFUSED(r.out_len = UINT32_MAX, EMSGSIZE);
	REFUSED(r.in = 16, EFAULT);
	r = request(0xc001, 24, 0);
	r.size = 48; /* a longer struct whose end is zero is the same */
	MUST(ioctl(fd, FWCTL_RPC, &r) == 0);
	MUST_FAIL(ioctl(fd, FWCTL_RPC, 16), EFAULT);
	messages("/dev/fwctl/fwctl1", 1, (const uint8_t[]){0x01, 0x90});
	messages("/dev/fwctl/fwctl2", 3, (const uint8_t[]){0x90, 0x01});
}
