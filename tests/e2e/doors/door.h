/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A door: one way to a device that is not the gate. Each program is run with the path of `run-try`;
 * outside() shows that the door is open for a program that is not confined (or prepares what an
 * outsider would), then the same program runs inside(), where the door must be shut.
 */
#ifndef DOOR_H
#define DOOR_H

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/run/test-device.h"

#define DOOR_SKIP 77

static void outside(void);
static void inside(void);

/* Fails the test with what the call said. */
#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			int e_ = errno;                                                            \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #cond,     \
				strerror(e_));                                                     \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)
/* The call must fail with this errno. */
#define MUST_FAIL(call, error)                                                                     \
	do {                                                                                       \
		errno = 0;                                                                         \
		MUST((long)(call) == -1);                                                          \
		MUST(errno == (error));                                                            \
	} while (0)

static inline int admin(int fd, uint8_t opcode, uint32_t dw10, void *data, uint32_t len,
			uint64_t *ret_result)
{
	struct nvme_passthru_cmd64 c = {
		.opcode = opcode, .cdw10 = dw10, .addr = (uintptr_t)data, .data_len = len};
	int r = ioctl(fd, NVME_IOCTL_ADMIN64_CMD, &c);

	if (ret_result)
		*ret_result = c.result;
	return r;
}

/* How many commands of this opcode the device has received. */
static inline uint32_t device_count(int fd, uint8_t opcode)
{
	uint64_t n;

	MUST(admin(fd, TEST_OPC_COUNT, opcode, NULL, 0, &n) == 0);
	MUST(n >> 32 == 7); /* the 64-bit result arrived whole */
	return (uint32_t)n;
}

static inline int open_node(const char *path, int flags)
{
	int fd = open(path, flags);

	MUST(fd >= 0);
	return fd;
}

int main(int argc, char **argv)
{
	char *run, *self;

	assert(argc == 2);
	if (strcmp(argv[1], "inside") == 0) {
		inside();
		return 0;
	}
	/* outside() may change the directory. */
	run = realpath(argv[1], NULL);
	self = realpath("/proc/self/exe", NULL);
	assert(run && self);
	outside();
	execl(run, run, self, "inside", (char *)NULL);
	perror(run);
	return 1;
}

#endif
