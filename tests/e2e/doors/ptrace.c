/* SPDX-License-Identifier: Apache-2.0 */
/* Making a process outside do it: by ptrace, by its memory, by taking its descriptors. */
#include "door.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static void outside(void)
{
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	/* EPERM: Yama's ptrace_scope is 2 or 3, and the door is shut for everybody. */
	MUST(ptrace(PTRACE_SEIZE, child, 0, 0) == 0 || errno == EPERM);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void inside(void)
{
	pid_t parent = getppid(); /* the supervisor */
	char byte = 0;
	struct iovec local = {&byte, 1}, remote = {(void *)0x1000, 1};
	long pidfd = syscall(SYS_pidfd_open, parent, 0);

	MUST_FAIL(ptrace(PTRACE_ATTACH, parent, 0, 0), EPERM);
	MUST_FAIL(ptrace(PTRACE_SEIZE, parent, 0, 0), EPERM);
	MUST_FAIL(process_vm_writev(parent, &local, 1, &remote, 1, 0), EPERM);
	MUST_FAIL(process_vm_readv(parent, &local, 1, &remote, 1, 0), EPERM);
	MUST(pidfd >= 0);
	MUST_FAIL(syscall(SYS_pidfd_getfd, pidfd, 3, 0), EPERM);
	MUST_FAIL(ptrace(PTRACE_SEIZE, 1, 0, 0), EPERM);
}
