/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces that come and go while the tool runs: their nodes and entries do, too. */
#include "door.h"

static void outside(void)
{
}

static void inside(void)
{
	int fd = open_node("/dev/nvme0", O_RDWR), ns, old;
	uint32_t v = 0;
	struct stat st;

	old = open_node("/dev/nvme0n1", O_RDWR);
	for (unsigned i = 0; i < 50; i++) {
		MUST(admin(fd, TEST_OPC_ATTACH, 3, NULL, 0, NULL) == 0);
		MUST(access("/sys/class/nvme/nvme0/nvme0n2/nsid", R_OK) == 0);
		MUST(access("/sys/class/block/nvme0n2/size", R_OK) == 0);
		MUST(access("/sys/block/nvme0n2/queue", R_OK) == 0);
		MUST(stat("/dev/ng0n2", &st) == 0 && S_ISCHR(st.st_mode));
		ns = open_node("/dev/nvme0n2", O_RDWR);
		MUST(ioctl(ns, NVME_IOCTL_ID) == 2);
		MUST(pread(ns, &v, 4, 5 * 512) == 4 && v == 5);
		MUST(admin(fd, TEST_OPC_ATTACH, 1, NULL, 0, NULL) == 0);
		MUST_FAIL(open("/dev/nvme0n2", O_RDWR), ENOENT);
		MUST_FAIL(open("/dev/ng0n2", O_RDONLY), ENOENT);
		MUST_FAIL(access("/sys/class/nvme/nvme0/nvme0n2", F_OK), ENOENT);
		MUST_FAIL(access("/sys/block/nvme0n2", F_OK), ENOENT);
		/* A descriptor that was open still means what it meant, and that is not there. */
		MUST(fstat(ns, &st) == 0 && S_ISBLK(st.st_mode));
		MUST(pread(ns, &v, 4, 0) <= 0);
		MUST(pread(old, &v, 4, 7 * 512) == 4 && v == 7);
		close(ns);
	}
	MUST_FAIL(open("/sys/class/nvme/nvme0/x", O_WRONLY | O_CREAT, 0600), EROFS);
}
