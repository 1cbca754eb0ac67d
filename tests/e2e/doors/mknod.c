/* SPDX-License-Identifier: Apache-2.0 */
/* Making a node of one's own. */
#include "door.h"

#include <sys/sysmacros.h>

static void outside(void)
{
}

static void inside(void)
{
	static const char *const dirs[] = {"/dev", "/tmp", "/dev/shm", "/var/tmp"};
	char path[64];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/door-%d", dirs[i], (int)getpid());
		MUST_FAIL(mknod(path, S_IFCHR | 0666, makedev(1, 1)), EPERM);
		MUST_FAIL(mknod(path, S_IFBLK | 0666, makedev(259, 0)), EPERM);
	}
}
