/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor, then the broker, is gone: errors, never a device. */
#include "door.h"

#include <signal.h>
#include <sys/uio.h>

static int report[2];

static void outside(void)
{
	char byte = 0;
	pid_t pid;

	MUST(pipe(report) == 0 && dup2(report[1], 41) == 41);
	close(report[1]);
	pid = fork();
	if (pid == 0)
		return; /* goes inside; its supervisor will be killed */
	close(41);
	MUST(read(report[0], &byte, 1) == 1 && byte == 'y');
	exit(0);
}

static void inside(void)
{
	int fd = open_node("/dev/nvme0", O_RDWR);
	pid_t supervisor = getppid();
	struct stat st;

	MUST(admin(fd, 0x0a, 2, NULL, 0, NULL) == 0);
	/* The device first. */
	MUST_FAIL(admin(fd, TEST_OPC_GONE, 0, NULL, 0, NULL), EIO);
	MUST_FAIL(admin(fd, 0x0a, 2, NULL, 0, NULL), EIO);
	MUST(fstat(fd, &st) == 0 && S_ISCHR(st.st_mode));
	MUST(kill(supervisor, SIGKILL) == 0);
	while (getppid() == supervisor)
		usleep(1000);
	MUST_FAIL(admin(fd, 0x0a, 2, NULL, 0, NULL), ENOSYS);
	MUST_FAIL(open("/dev/nvme0", O_RDWR), ENOSYS);
	MUST_FAIL(stat("/dev/nvme0", &st), ENOSYS);
	/* write is watched and gone with the supervisor; sending on a pipe goes by vmsplice. */
	struct iovec v = {"y", 1};

	MUST(vmsplice(41, &v, 1, 0) == 1);
}
