/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors opened before: of nodes, of directories of the old place, of attributes. */
#include "door.h"

enum { DEV = 40, DEV_PATH, ROOT, ATTRIBUTE, NODE, PROC, FILE_OK, NULL_OK };

static void put_at(int at, const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		return; /* not here; then it cannot be inherited either */
	MUST(dup2(fd, at) == at);
	close(fd);
}

static void outside(void)
{
	put_at(DEV, "/dev", O_RDONLY | O_DIRECTORY);
	put_at(DEV_PATH, "/dev", O_PATH);
	put_at(ROOT, "/", O_RDONLY | O_DIRECTORY);
	put_at(ATTRIBUTE, "/sys/kernel/uevent_seqnum", O_RDONLY);
	put_at(NODE, "/dev/loop0", O_RDONLY);
	put_at(PROC, "/proc/self/maps", O_RDONLY);
	put_at(FILE_OK, "/proc/self/exe", O_RDONLY);
	put_at(NULL_OK, "/dev/null", O_RDWR);
	MUST(faccessat(DEV, "null", F_OK, 0) == 0);
	MUST(chdir("/dev") == 0); /* the working directory, too */
}

static void inside(void)
{
	for (int fd = DEV; fd <= PROC; fd++)
		MUST_FAIL(fcntl(fd, F_GETFD), EBADF);
	MUST(fcntl(FILE_OK, F_GETFD) >= 0 && fcntl(NULL_OK, F_GETFD) >= 0);
	MUST(access("null", F_OK) == 0 && access("nvme0", F_OK) == 0);
	MUST_FAIL(access("loop0", F_OK), ENOENT);
	MUST_FAIL(access("../sys/kernel", F_OK), ENOENT);
}
