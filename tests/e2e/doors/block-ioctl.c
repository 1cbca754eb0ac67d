/* SPDX-License-Identifier: Apache-2.0 */
/* Block ioctls that destroy, reserve or reset. */
#include "door.h"

#include <linux/fs.h>
#include <linux/pr.h>

static void outside(void)
{
}

static void inside(void)
{
	static const unsigned long shut[] = {BLKDISCARD,      BLKSECDISCARD,	    BLKZEROOUT,
					     IOC_PR_REGISTER, IOC_PR_RESERVE,	    IOC_PR_RELEASE,
					     IOC_PR_PREEMPT,  IOC_PR_PREEMPT_ABORT, IOC_PR_CLEAR};
	static const unsigned long resets[] = {NVME_IOCTL_RESET, NVME_IOCTL_SUBSYS_RESET,
					       NVME_IOCTL_RESCAN};
	int fd = open_node("/dev/nvme0n1", O_RDWR), ctrl = open_node("/dev/nvme0", O_RDWR);
	uint64_t range[8] = {0, 512}, size = 0;

	MUST(ioctl(fd, BLKGETSIZE64, &size) == 0 && size == TEST_DEVICE_BLOCKS * 512ull);
	for (size_t i = 0; i < sizeof(shut) / sizeof(shut[0]); i++)
		MUST_FAIL(ioctl(fd, shut[i], range), EOPNOTSUPP);
	for (size_t i = 0; i < 3; i++) {
		MUST_FAIL(ioctl(fd, resets[i]), EACCES);
		MUST_FAIL(ioctl(ctrl, resets[i]), EACCES);
	}
	MUST_FAIL(ioctl(fd, _IO('N', 0x70), 0), ENOTTY);
	MUST_FAIL(ioctl(ctrl, BLKGETSIZE64, &size), ENOTTY);
	MUST_FAIL(ioctl(ctrl, NVME_IOCTL_ID), ENOTTY);
	MUST(ioctl(fd, NVME_IOCTL_ID) == 1);
}
