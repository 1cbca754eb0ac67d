/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root, the working directory, the memory and the descriptors of every process outside: each
 * would lead to the real /dev. And the calls that make mounts without mount().
 */
#include "door.h"

#include <dirent.h>
#include <linux/mount.h>
#include <signal.h>

static const char *const ways[] = {"root", "cwd",    "fd/0", "fd/1",	"fd/3", "fd/4",
				   "mem",  "ns/mnt", "exe",  "environ", "task"};

static bool opens(const char *pid, const char *way)
{
	char path[300];
	int fd;

	if (strcmp(way, "task") == 0)
		snprintf(path, sizeof(path), "/proc/%s/task/%s/root", pid, pid);
	else
		snprintf(path, sizeof(path), "/proc/%s/%s", pid, way);
	if (strcmp(way, "root") == 0 || strcmp(way, "cwd") == 0 || strcmp(way, "task") == 0)
		strcat(path, "/.");
	fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void outside(void)
{
	pid_t child = fork();
	char pid[16];

	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(pid, sizeof(pid), "%d", (int)child);
	MUST(opens(pid, "root") && opens(pid, "mem"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static bool in_tree(const char *pid)
{
	char own[64], other[64], path[300];
	ssize_t n = readlink("/proc/self/ns/user", own, sizeof(own) - 1), m;

	snprintf(path, sizeof(path), "/proc/%s/ns/user", pid);
	m = readlink(path, other, sizeof(other) - 1);
	return n > 0 && n == m && memcmp(own, other, (size_t)n) == 0;
}

static void inside(void)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_NODEV};
	DIR *d = opendir("/proc");
	const struct dirent *e;
	unsigned seen = 0;

	MUST(d);
	while ((e = readdir(d))) {
		char pid[16];

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(pid, sizeof(pid), "%.15s", e->d_name);
		if (in_tree(pid))
			continue;
		seen++;
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			if (opens(pid, ways[i])) {
				fprintf(stderr, "/proc/%s/%s opens\n", pid, ways[i]);
				exit(1);
			}
		}
	}
	closedir(d);
	MUST(seen >
	     1); /* the supervisor and others: the list of processes is not what is private */
	MUST(syscall(SYS_mount_setattr, AT_FDCWD, "/dev", 0, &attr, sizeof(attr)) == -1);
	MUST(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &attr,
		     sizeof(attr)) == -1);
	MUST(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE) == -1);
	MUST(syscall(SYS_fsopen, "devtmpfs", 0) == -1);
	MUST(syscall(SYS_fsopen, "sysfs", 0) == -1);
	MUST(syscall(SYS_pivot_root, "/tmp", "/tmp") == -1);
	MUST(syscall(SYS_swapon, "/dev/nvme0n1", 0) == -1);
	MUST(syscall(SYS_quotactl, 0x80000100 /* Q_SYNC */, "/dev/nvme0n1", 0, NULL) == -1);
}
