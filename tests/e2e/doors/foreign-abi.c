/* SPDX-License-Identifier: Apache-2.0 */
/* Calls by another ABI have other numbers: the filter would look at the wrong ones. */
#include "door.h"

#include <signal.h>

static void outside(void)
{
#if !defined(__x86_64__)
	exit(DOOR_SKIP);
#endif
}

static void inside(void)
{
#if defined(__x86_64__)
	int status;
	long r;

	MUST_FAIL(syscall(0x40000000 + SYS_ioctl, 0, NVME_IOCTL_ID, 0), ENOSYS); /* x32 */
	MUST_FAIL(syscall(0x40000000 + SYS_getpid), ENOSYS);
	if (fork() == 0) {
		/* i386 getpid */
		__asm__ volatile("int $0x80"
				 : "=a"(r)
				 : "a"(20)
				 : "memory", "r8", "r9", "r10", "r11");
		_exit(r > 0 ? 1 : 2);
	}
	MUST(wait(&status) > 0);
	/* Killed by the filter, or by SIGSEGV where the kernel has no 32-bit calls at all. */
	MUST(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV));
#endif
}
