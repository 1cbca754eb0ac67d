/* SPDX-License-Identifier: Apache-2.0 */
/* Leaving the place: new namespaces with capabilities over them, mounts, other roots. */
#include "door.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

static void outside(void)
{
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void inside(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = open_node("/proc/self/ns/mnt", O_RDONLY);

	MUST(unshare(CLONE_NEWUSER) == -1);
	MUST(unshare(CLONE_NEWNS) == -1);
	MUST(clone(nothing, stack + sizeof(stack), CLONE_NEWUSER | SIGCHLD, NULL) == -1);
	MUST(setns(fd, 0) == -1);
	MUST(setns(open("/proc/1/ns/mnt", O_RDONLY), 0) == -1);
	MUST(umount2("/dev", MNT_DETACH) == -1);
	MUST(umount2("/sys", MNT_DETACH) == -1);
	MUST(mount("none", "/mnt", "devtmpfs", 0, NULL) == -1);
	MUST(mount("none", "/mnt", "sysfs", 0, NULL) == -1);
	MUST(mount(NULL, "/dev", NULL, MS_REMOUNT | MS_BIND, NULL) == -1);
	MUST(chroot("/tmp") == -1);
	MUST(open("/proc/sys/user/max_user_namespaces", O_WRONLY) == -1);
}
