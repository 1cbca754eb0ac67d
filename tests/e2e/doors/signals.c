/* SPDX-License-Identifier: Apache-2.0 */
/* A signal must not make the kernel issue a command twice. */
#include "door.h"

#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t caught;

static void outside(void)
{
}

static void on_alarm(int sig)
{
	(void)sig;
	caught++;
}

static void inside(void)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval storm = {{0, 2000}, {0, 2000}};
	int fd = open_node("/dev/nvme0", O_RDWR);

	MUST(sigaction(SIGALRM, &sa, NULL) == 0 && setitimer(ITIMER_REAL, &storm, NULL) == 0);
	for (unsigned i = 0; i < 20; i++)
		MUST(admin(fd, TEST_OPC_DELAY, 25, NULL, 0, NULL) == 0);
	for (unsigned i = 0; i < 3000; i++)
		MUST(admin(fd, 0x0a, 2, NULL, 0, NULL) == 0);
	MUST(caught > 10);
	MUST(device_count(fd, TEST_OPC_DELAY) == 20);
	MUST(device_count(fd, 0x0a) == 3000);
}
