/* SPDX-License-Identifier: Apache-2.0 */
/* The commands themselves: both structs, both directions, lengths, the node's kinds, the legacy
 * call. */
#include "door.h"

static void outside(void)
{
}

static void inside(void)
{
	static uint8_t data[128 << 10], page[4096];
	int fd = open_node("/dev/nvme0", O_RDWR), ng = open_node("/dev/ng0n1", O_RDONLY);
	int blk = open_node("/dev/nvme0n1", O_RDWR);
	struct nvme_admin_cmd c = {.opcode = TEST_OPC_COUNT, .cdw10 = 0xfe};
	struct nvme_user_io io = {.opcode = 2, .slba = 77, .nblocks = 1, .addr = (uintptr_t)page};
	struct stat st;

	MUST(ioctl(fd, NVME_IOCTL_ADMIN_CMD, &c) == 0 && c.result == 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	MUST(admin(fd, TEST_OPC_ECHO, 0, data, sizeof(data), NULL) == 0);
	for (size_t i = 0; i < sizeof(data); i++)
		MUST(data[i] == (uint8_t) ~(i * 7));
	MUST_FAIL(admin(fd, TEST_OPC_ECHO, 0, data, sizeof(data) + 1, NULL), EINVAL);
	MUST_FAIL(admin(fd, TEST_OPC_ECHO, 0, (void *)16, 512, NULL), EFAULT);
	MUST_FAIL(ioctl(fd, NVME_IOCTL_ADMIN_CMD, 16), EFAULT);
	MUST(admin(fd, 0x7e, 0, NULL, 0, NULL) == 0x4001); /* a status is a value */
	MUST(ioctl(blk, NVME_IOCTL_SUBMIT_IO, &io) == 0 && page[0] == 77 && page[512] == 78);
	MUST(ioctl(ng, NVME_IOCTL_ID) == 1 && ioctl(ng, NVME_IOCTL_SUBMIT_IO, &io) == 0);
	io.opcode = 9;
	MUST_FAIL(ioctl(blk, NVME_IOCTL_SUBMIT_IO, &io), EINVAL);
	MUST_FAIL(ioctl(fd, NVME_IOCTL_SUBMIT_IO, &io), ENOTTY);
	MUST_FAIL(ioctl(open_node("/dev/null", O_RDWR), NVME_IOCTL_ADMIN_CMD, &c), ENOTTY);
	MUST(lstat("/dev/ng0n1", &st) == 0 && S_ISCHR(st.st_mode));
	MUST(stat("/dev/../dev/nvme0n1", &st) == 0 && S_ISBLK(st.st_mode));
	MUST(chdir("/dev") == 0 && stat("nvme0n1", &st) == 0 && S_ISBLK(st.st_mode));
	MUST(fstatat(AT_FDCWD, "./nvme0", &st, 0) == 0 && S_ISCHR(st.st_mode));
	MUST(open("nvme0", O_RDWR | O_CLOEXEC) >= 0);
	MUST_FAIL(open("nvme0", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	MUST_FAIL(open("nvme0", O_WRONLY | O_DIRECTORY), ENOTDIR);
}
