/* SPDX-License-Identifier: Apache-2.0 */
/* A device node that lies on another file system: a chroot's tree, a backup. */
#include "door.h"

#include <sys/sysmacros.h>

#define NODE "/var/tmp/sluice-door-node"

static void outside(void)
{
	int fd;

	unlink(NODE);
	if (mknod(NODE, S_IFCHR | 0666, makedev(1, 3)) < 0)
		exit(DOOR_SKIP); /* only root can make one */
	fd = open(NODE, O_RDWR);
	if (fd < 0)
		exit(DOOR_SKIP);
	close(fd);
}

static void inside(void)
{
	MUST_FAIL(open(NODE, O_RDWR), EACCES);
	MUST_FAIL(open("/proc/self/root" NODE, O_RDONLY), EACCES);
	unlink(NODE);
}
