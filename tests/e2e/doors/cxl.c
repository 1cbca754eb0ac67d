/* SPDX-License-Identifier: Apache-2.0 */
/* CXL: what commands there are, sending by number and RAW, and requests whose parts disagree. */
#include <linux/cxl_mem.h>

#include "base/bytes.h"
#include "core/command.h"
#include "door.h"

static void outside(void)
{
	setenv("SLUICE_TRY_ALL", "1", 1);
}

static int send(int fd, uint32_t id, uint16_t opcode, const void *in, uint32_t in_len, void *out,
		uint32_t *out_len)
{
	struct cxl_send_command c = {
		.id = id,
		.raw.opcode = opcode,
		.in = {.size = in_len, .payload = (uintptr_t)in},
		.out = {.size = *out_len, .payload = (uintptr_t)out},
	};

	if (ioctl(fd, CXL_MEM_SEND_COMMAND, &c) < 0)
		return -1;
	*out_len = c.out.size;
	return (int)c.retval;
}

static void query(int fd)
{
	_Alignas(8) uint8_t room[sizeof(struct cxl_mem_query_commands) +
				 64 * sizeof(struct cxl_command_info)] = {0};
	struct cxl_mem_query_commands *q = (void *)room;
	unsigned on = 0;

	MUST(ioctl(fd, CXL_MEM_QUERY_COMMANDS, q) == 0 && q->n_commands >= 18);
	MUST(q->n_commands < 64);
	MUST(ioctl(fd, CXL_MEM_QUERY_COMMANDS, q) == 0);
	for (unsigned i = 0; i < q->n_commands; i++) {
		on += q->commands[i].flags & 1;
		if (q->commands[i].id == CXL_MEM_COMMAND_ID_SET_LSA)
			MUST((q->commands[i].flags & 1) && q->commands[i].size_in == UINT32_MAX);
		if (q->commands[i].id == CXL_MEM_COMMAND_ID_GET_FW_INFO)
			MUST(!(q->commands[i].flags & 1) && q->commands[i].size_out == 0x50);
	}
	MUST(on == 7); /* the six of its log, and RAW */
	q->n_commands = 2;
	memset(q->commands, 0, 64 * sizeof(q->commands[0]));
	MUST(ioctl(fd, CXL_MEM_QUERY_COMMANDS, q) == 0 && q->commands[1].id == 2 &&
	     q->commands[2].id == 0);
	MUST_FAIL(ioctl(fd, CXL_MEM_QUERY_COMMANDS, 16), EFAULT);
}

static void inside(void)
{
	int fd = open_node("/dev/cxl/mem0", O_RDWR);
	uint8_t out[256], label[24] = {[8] = 0x5a, [23] = 0xa5}, get[8] = {[4] = 16};
	struct cxl_send_command bad;
	uint32_t n = 0x43;

	query(fd);
	MUST(send(fd, CXL_MEM_COMMAND_ID_IDENTIFY, 0, NULL, 0, out, &n) == 0 && n == 0x43);
	MUST(memcmp(out, "TEST 1.0", 8) == 0);
	n = 200; /* more room than is needed */
	MUST(send(fd, CXL_MEM_COMMAND_ID_IDENTIFY, 0, NULL, 0, out, &n) == 0 && n == 0x43);
	n = 0;
	MUST(send(fd, CXL_MEM_COMMAND_ID_SET_LSA, 0, label, 24, NULL, &n) == 0 && n == 0);
	n = 16;
	MUST(send(fd, CXL_MEM_COMMAND_ID_GET_LSA, 0, get, 8, out, &n) == 0 && n == 16);
	MUST(out[0] == 0x5a && out[15] == 0xa5);

	/* RAW: the header as the gate sees it. */
	n = sizeof(out);
	MUST(send(fd, CXL_MEM_COMMAND_ID_RAW, 0xc001, label, 24, out, &n) == 0 && n == 17);
	MUST(out[0] == 0xc0 && out[1] == 1 && sl_get_le32(out + SL_MBOX_IN_LEN) == 24);
	MUST(sl_get_le32(out + SL_MBOX_OUT_LEN) == 256 && out[16] == SL_DOOR_CXL);
	/* A return code is no errno. */
	MUST(send(fd, CXL_MEM_COMMAND_ID_RAW, 0xc002, NULL, 0, out, &n) == 0x15 && n == 0);
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_RAW, 0x4400, NULL, 0, out, &n), EPERM);

	/* As the kernel, without a command: lengths, reserved fields, what is not there. */
	n = 0x43;
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_IDENTIFY, 0, label, 1, out, &n), ENOMEM);
	n = 0x42;
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_IDENTIFY, 0, NULL, 0, out, &n), ENOMEM);
	n = 0x50;
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_GET_FW_INFO, 0, NULL, 0, out, &n), ENOTTY);
	MUST_FAIL(send(fd, 0, 0, NULL, 0, out, &n), ENOTTY);
	MUST_FAIL(send(fd, 999, 0, NULL, 0, out, &n), ENOTTY);
	n = 0;
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_SET_LSA, 0, label, (128 << 10) + 1, NULL, &n),
		  EINVAL);
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_SET_LSA, 0, label, UINT32_MAX, NULL, &n), EINVAL);
	MUST_FAIL(send(fd, CXL_MEM_COMMAND_ID_SET_LSA, 0, (void *)16, 24, NULL, &n), EFAULT);
	MUST_FAIL(ioctl(fd, CXL_MEM_SEND_COMMAND, 16), EFAULT);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		bad = (struct cxl_send_command){.id = 1,                                           \
						.out = {.size = 0x43, .payload = (uintptr_t)out}}; \
		change;                                                                            \
		MUST_FAIL(ioctl(fd, CXL_MEM_SEND_COMMAND, &bad), EINVAL);                          \
	} while (0)
	REFUSED(bad.flags = 4);
	REFUSED(bad.rsvd = 1);
	REFUSED(bad.in.rsvd = 1);
	REFUSED(bad.out.rsvd = 1);
	REFUSED((bad.id = 2, bad.raw.rsvd = 1));
	MUST(access("/sys/bus/cxl/devices/mem0/dev", R_OK) == 0);
}
