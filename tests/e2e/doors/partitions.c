/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions are further nodes of the same blocks: there are none, and none can be made. */
#include "door.h"

#include <linux/blkpg.h>
#include <linux/fs.h>

static void outside(void)
{
}

static void inside(void)
{
	struct blkpg_partition p = {.start = 0, .length = 1 << 20, .pno = 1};
	struct blkpg_ioctl_arg a = {.op = BLKPG_ADD_PARTITION, .datalen = sizeof(p), .data = &p};
	int fd = open_node("/dev/nvme0n1", O_RDWR);

	MUST_FAIL(ioctl(fd, BLKPG, &a), EACCES);
	MUST(ioctl(fd, BLKRRPART) == 0); /* finds none */
	MUST_FAIL(open("/dev/nvme0n1p1", O_RDONLY), ENOENT);
}
