/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring is not seen by seccomp: there is none. */
#include "door.h"

static void outside(void)
{
	/* EFAULT: it is there and looked at its argument. */
	MUST(syscall(__NR_io_uring_setup, 1, NULL) == -1 && errno != 0);
	if (errno == ENOSYS)
		exit(DOOR_SKIP);
}

static void inside(void)
{
	MUST_FAIL(syscall(__NR_io_uring_setup, 1, NULL), ENOSYS);
	MUST_FAIL(syscall(__NR_io_uring_enter, 0, 1, 0, 0, NULL, 0), ENOSYS);
	MUST_FAIL(syscall(__NR_io_uring_register, 0, 0, NULL, 0), ENOSYS);
}
