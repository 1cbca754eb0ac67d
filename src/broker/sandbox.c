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
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"

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

/* Only the numbers given, all of which are 32 bits wide. */
#define ARG1_LOW (offsetof(struct seccomp_data, args[1]))
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "say where the low half of an argument is"
#endif

/* What the broker does with no other devices than those behind sockets. */
static const struct sock_filter base[] = {
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
};

/*
 * All but those that the drivers of Linux devices which were handed over ask for: the headers of
 * the back ends say what for. The filter leaves little that they are good for. Nothing is gained:
 * who started without one stays without it.
 */
static int drop_capabilities(uint64_t needed)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct have[2] = {{0}}, keep[2] = {{0}};

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(needed >> cap & 1) && prctl(PR_CAPBSET_READ, cap) == 1 &&
		    prctl(PR_CAPBSET_DROP, cap) < 0 && errno != EPERM)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_capget, &h, have) < 0)
		return -errno;
	/* All that are ever asked for are in the first word. */
	keep[0].effective = keep[0].permitted = have[0].permitted & (uint32_t)needed;
	if (syscall(SYS_capset, &h, keep) < 0)
		return -errno;
	return 0;
}

void sl_sandbox_need(struct sl_sandbox_needs *all, const struct sl_device_needs *one)
{
	unsigned at;

	all->capabilities |= one->capabilities;
	all->ring |= one->ring;
	for (unsigned i = 0; i < one->n_ioctls; i++) {
		for (at = 0; at < all->n_ioctls && all->ioctls[at] != one->ioctls[i]; at++)
			;
		if (at == all->n_ioctls && at < SL_SANDBOX_IOCTLS)
			all->ioctls[all->n_ioctls++] = one->ioctls[i];
	}
}

int sl_sandbox_drop(const struct sl_sandbox_needs *needs, const char **reterr_what)
{
	*reterr_what = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*reterr_what = "capabilities";
	return drop_capabilities(needs->capabilities);
}

static unsigned allow(struct sock_filter *f, uint32_t number)
{
	const struct sock_filter one[] = {ALLOW(number)};

	memcpy(f, one, sizeof(one));
	return SL_COUNT(one);
}

/* Where it holds a Linux device: its threads' pipes, the ring's doorbell, and the ioctls named. */
static unsigned add_needs(struct sock_filter *f, const struct sl_sandbox_needs *needs)
{
	unsigned n = 0;

	if (!needs->n_ioctls)
		return 0;
	n += allow(f, SYS_read);
	if (needs->ring)
		n += allow(f + n, SYS_io_uring_enter);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0,
					      (uint8_t)(1 + 2 * needs->n_ioctls));
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG1_LOW);
	for (unsigned i = 0; i < needs->n_ioctls; i++)
		n += allow(f + n, needs->ioctls[i]);
	return n;
}

int sl_sandbox_filter(const struct sl_sandbox_needs *needs, const char **reterr_what)
{
	static const struct sock_filter kill[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
	struct sock_filter filter[SL_COUNT(base) + 6 + 2 * SL_SANDBOX_IOCTLS + SL_COUNT(kill)];
	struct sock_fprog prog = {.len = SL_COUNT(base), .filter = filter};
	const struct rlimit none = {0, 0};

	*reterr_what = "resource limits";
	/* With a ring the kernel starts workers of its own, which count; the filter has no clone.
	 */
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (!needs->ring && setrlimit(RLIMIT_NPROC, &none) < 0))
		return -errno;
	memcpy(filter, base, sizeof(base));
	prog.len = (unsigned short)(prog.len + add_needs(filter + prog.len, needs));
	memcpy(filter + prog.len++, kill, sizeof(kill));
#ifndef SL_SANITIZED
	*reterr_what = "system call filter";
	/* TSYNC: a back end's thread is inside, too. > 0 is the number of one that could not be. */
	switch (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog)) {
	case 0:
		return 0;
	case -1:
		return -errno;
	default:
		return -ESRCH;
	}
#else
	return 0;
#endif
}
