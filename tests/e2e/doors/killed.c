/* SPDX-License-Identifier: Apache-2.0 */
/* Callers killed at random instants: the others go on, nothing is sent twice, no slot is lost. */
#include "door.h"

#include <signal.h>

static void outside(void)
{
}

static void inside(void)
{
	int fd = open_node("/dev/nvme0", O_RDWR);

	srand(1);
	for (unsigned i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (;;)
				admin(fd, TEST_OPC_DELAY, (uint32_t)(rand() % 5), NULL, 0, NULL);
		}
		usleep((unsigned)rand() % 8000);
		kill(pid, SIGKILL);
		MUST(waitpid(pid, NULL, 0) == pid);
	}
	/* More callers that die in the middle than there are slots. */
	for (unsigned i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			admin(fd, TEST_OPC_DELAY, 60000, NULL, 0, NULL);
			_exit(0);
		}
		if (i % 20 == 19)
			usleep(20000);
		usleep(3000);
		kill(pid, SIGKILL);
		MUST(waitpid(pid, NULL, 0) == pid);
	}
	MUST(admin(fd, 0x0a, 2, NULL, 0, NULL) == 0);
}
