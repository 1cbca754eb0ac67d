/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's own cage: a list of system calls, the rest kills the process. There is no open, no
 * exec, no socket, no clone in it: whoever takes the broker over has what it was handed and no
 * more.
 */
#include "broker/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define AUDIT_ARCH_SELF AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_SELF AUDIT_ARCH_AARCH64
#else
#error "name this architecture's AUDIT_ARCH_ constant"
#endif

/* A sanitizer needs calls of its own; such a build is for tests and says so. */
#if defined(__SANITIZE_ADDRESS__)
#define SL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SL_SANITIZED 1
#endif
#endif

#define ALLOW(nr)                                                                                  \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_SELF, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	/* the loop */
	ALLOW(SYS_ppoll),
	ALLOW(SYS_recvmsg),
	ALLOW(SYS_sendmsg),
	ALLOW(SYS_write),
	ALLOW(SYS_fdatasync),
	ALLOW(SYS_clock_gettime),
	/* clients that come and go */
	ALLOW(SYS_accept4),
	ALLOW(SYS_getsockopt),
	ALLOW(SYS_setsockopt),
	ALLOW(SYS_fcntl),
	ALLOW(SYS_shutdown),
	ALLOW(SYS_close),
	/* a ledger record that did not fit is taken back */
	ALLOW(SYS_lseek),
	ALLOW(SYS_ftruncate),
	/* a new image from the launcher */
	ALLOW(SYS_fstat),
	ALLOW(SYS_newfstatat),
	ALLOW(SYS_mmap),
	ALLOW(SYS_munmap),
	/* the C library: memory, and an end */
	ALLOW(SYS_brk),
	ALLOW(SYS_mprotect),
	ALLOW(SYS_madvise),
	ALLOW(SYS_futex),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_restart_syscall),
	ALLOW(SYS_exit_group),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	/* No back end of this version calls a device ioctl; one that does names the capability
	 * here. */
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1 && prctl(PR_CAPBSET_DROP, cap) < 0 &&
		    errno != EPERM)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_capset, &h, none) < 0)
		return -errno;
	return 0;
}

int sl_sandbox_enter(const char **reterr_what)
{
	struct sock_fprog prog = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};
	const struct rlimit none = {0, 0};
	int r;

	*reterr_what = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*reterr_what = "resource limits";
	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
		return -errno;
	*reterr_what = "capabilities";
	r = drop_capabilities();
	if (r < 0)
		return r;
#ifndef SL_SANITIZED
	*reterr_what = "system call filter";
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return -errno;
#else
	(void)prog;
#endif
	return 0;
}
