/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel ignores the high half of an ioctl number; so must the one who watches. */
#include "door.h"

static void outside(void)
{
}

static void inside(void)
{
	int fd = open_node("/dev/nvme0", O_RDWR);
	struct nvme_admin_cmd c = {.opcode = 0x84, .cdw10 = 2};
	uint64_t high = 0xdeadbeefull << 32;

	MUST_FAIL(syscall(SYS_ioctl, fd, high | NVME_IOCTL_ADMIN_CMD, &c), EACCES);
	MUST_FAIL(syscall(SYS_ioctl, high | (uint64_t)fd, high | NVME_IOCTL_ADMIN_CMD, &c), EACCES);
	MUST(device_count(fd, 0x84) == 2); /* both went to the gate, and were refused there */
}
