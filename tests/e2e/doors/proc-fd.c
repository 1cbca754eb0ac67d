/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors through /proc: one's own lead to the stand-in again, those of others nowhere. */
#include "door.h"

static char *path(const char *fmt, int a, int b)
{
	static char buf[64];

	snprintf(buf, sizeof(buf), fmt, a, b);
	return buf;
}

static void outside(void)
{
	MUST(open(path("/proc/%d/fd/%d", (int)getpid(), 2), O_PATH) >= 0);
	MUST(open(path("/proc/%d/root", (int)getppid(), 0), O_PATH) >= 0 || getuid() != 0);
}

static void inside(void)
{
	int fd = open_node("/dev/nvme0", O_RDWR), again;
	int parent = (int)getppid(); /* the supervisor */
	struct stat st;

	again = open(path("/proc/%d/fd/%d", (int)getpid(), fd), O_RDONLY);
	MUST(again >= 0 && admin(again, TEST_OPC_COUNT, 0, NULL, 0, NULL) == 0);
	again = open(path("/proc/self/fd/%d", fd, 0), O_RDWR);
	MUST(again >= 0 && admin(again, TEST_OPC_COUNT, 0, NULL, 0, NULL) == 0);
	MUST(fstat(again, &st) == 0 && S_ISCHR(st.st_mode));
	for (int i = 0; i < 64; i++)
		MUST(open(path("/proc/%d/fd/%d", parent, i), O_RDONLY) == -1);
	MUST(open(path("/proc/%d/root", parent, 0), O_RDONLY) == -1);
	MUST(open(path("/proc/%d/cwd", parent, 0), O_RDONLY) == -1);
	MUST(open(path("/proc/%d/mem", parent, 0), O_RDWR) == -1);
	MUST(open(path("/proc/%d/root", 1, 0), O_RDONLY) == -1);
}
