/* SPDX-License-Identifier: Apache-2.0 */
/* Judges inherited descriptors by list: what is not known to be harmless is closed. */
#include "front/run/inherit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bytes.h"

#ifndef CONFIGFS_MAGIC
#define CONFIGFS_MAGIC 0x62656570
#endif

#define MEM_MAJOR 1 /* Documentation/admin-guide/devices.txt */
#define TTY_MAJOR 4
#define AUX_MAJOR 5
#define PTS_FIRST 136
#define PTS_LAST  143

static bool char_is_harmless(dev_t rdev)
{
	switch (major(rdev)) {
	case MEM_MAJOR: /* null, zero, full, random, urandom; not mem (1), kmem, port (4), kmsg */
		return minor(rdev) == 3 || minor(rdev) == 5 ||
		       (minor(rdev) >= 7 && minor(rdev) <= 9);
	case TTY_MAJOR:
	case AUX_MAJOR:
		return true;
	default:
		return major(rdev) >= PTS_FIRST && major(rdev) <= PTS_LAST;
	}
}

static bool file_is_harmless(int fd)
{
	static const unsigned long device_fs[] = {SYSFS_MAGIC, PROC_SUPER_MAGIC, DEBUGFS_MAGIC,
						  TRACEFS_MAGIC, CONFIGFS_MAGIC};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < SL_COUNT(device_fs); i++) {
		if ((unsigned long)fs.f_type == device_fs[i])
			return false;
	}
	return true;
}

static bool is_harmless(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) || fstat(fd, &st) < 0)
		return false;
	switch (st.st_mode & S_IFMT) {
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFREG:
		return file_is_harmless(fd);
	case S_IFCHR:
		return char_is_harmless(st.st_rdev);
	default: /* directories, block devices, anonymous inodes */
		return false;
	}
}

static int withhold(int fd)
{
	int null;

	if (fd > 2) {
		close(fd);
		return 0;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	if (dup2(null, fd) < 0)
		return -errno;
	if (null != fd)
		close(null);
	return 0;
}

int sl_inherit_check(int keep)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int r = 0;

	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.' || fd == keep || fd == dirfd(d))
			continue;
		if (fcntl(fd, F_GETFD) & FD_CLOEXEC)
			continue;
		if (!is_harmless(fd))
			r = withhold(fd);
	}
	closedir(d);
	return r;
}
