/* SPDX-License-Identifier: Apache-2.0 */
/* A filter of the tool's own cannot take the calls away from the supervisor. */
#include "door.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

static void outside(void)
{
}

static void inside(void)
{
	struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog prog = {1, &allow};
	int fd = open_node("/dev/nvme0", O_RDWR);

	MUST_FAIL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &prog),
		  EBUSY);
	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0);
	MUST_FAIL(admin(fd, 0x84, 2, NULL, 0, NULL), EACCES);
}
