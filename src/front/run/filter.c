/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter: which calls the supervisor sees. It is no barrier by itself, a descriptor of
 * a device never exists in the tree; what it shuts by itself are the calls that go round it.
 *
 * Calls that pass whatever their arguments are cost nothing (the kernel caches that); the rest is
 * one comparison each. Descriptors cannot be told apart here, so read and write are watched for all
 * of them once a block node is mapped, and not at all otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"

#if defined(__x86_64__)
#define SL_ARCH	   AUDIT_ARCH_X86_64
#define SL_X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define SL_ARCH AUDIT_ARCH_AARCH64
#else
#error "sluice run: which audit architecture is this?"
#endif

enum how {
	NOTIFY,
	NOTIFY_BLOCK, /* only where a block node is mapped */
	NO_SUCH_CALL, /* ENOSYS: programs fall back on something that is seen */
	NO_PERMISSION,
	BY_FLAGS, /* an open that is not plainly for reading: a stand-in opens for reading by itself
		   */
	BY_IOCTL,
	BY_WHENCE, /* lseek: a directory knows where it is, but not where a device ends */
};

struct row {
	int nr;
	enum how how;
	unsigned arg; /* BY_*: which argument */
};

static const struct row rows[] = {
	{__NR_ioctl, BY_IOCTL, 1},
	{__NR_openat, BY_FLAGS, 2},
	{__NR_openat2, NOTIFY, 0},
	{__NR_newfstatat, NOTIFY, 0},
	{__NR_fstat, NOTIFY, 0},
	{__NR_statx, NOTIFY, 0},
#ifdef __NR_open
	{__NR_open, BY_FLAGS, 1},
	{__NR_stat, NOTIFY, 0},
	{__NR_lstat, NOTIFY, 0},
#endif
	{__NR_read, NOTIFY_BLOCK, 0},
	{__NR_write, NOTIFY_BLOCK, 0},
	{__NR_pread64, NOTIFY_BLOCK, 0},
	{__NR_pwrite64, NOTIFY_BLOCK, 0},
	{__NR_readv, NOTIFY_BLOCK, 0},
	{__NR_writev, NOTIFY_BLOCK, 0},
	{__NR_preadv, NOTIFY_BLOCK, 0},
	{__NR_pwritev, NOTIFY_BLOCK, 0},
	{__NR_preadv2, NOTIFY_BLOCK, 0},
	{__NR_pwritev2, NOTIFY_BLOCK, 0},
	{__NR_lseek, BY_WHENCE, 2},
	{__NR_fsync, NOTIFY_BLOCK, 0},
	{__NR_fdatasync, NOTIFY_BLOCK, 0},
	{__NR_copy_file_range, NOTIFY_BLOCK, 0},
	{__NR_fallocate, NOTIFY_BLOCK, 0},
	{__NR_execve, NOTIFY, 0},
	{__NR_execveat, NOTIFY, 0},
	{__NR_io_uring_setup, NO_SUCH_CALL, 0},
	{__NR_io_uring_enter, NO_SUCH_CALL, 0},
	{__NR_io_uring_register, NO_SUCH_CALL, 0},
	{__NR_open_by_handle_at, NO_PERMISSION, 0},
};

/* Types (bits 15:8 of the number) of the ioctls that a mapped node answers. */
static const uint8_t ioctl_types[] = {
	'N',  /* NVMe */
	0x12, /* block */
	'p',  /* reservations */
	0x22, /* sg */
	0x00, /* SCSI_IOCTL_SEND_COMMAND and the like */
	0x53, /* the later ones of SCSI, and CD-ROM */
	0x03, /* ATA: HDIO_* */
	0xce, /* CXL */
	0x9a, /* fwctl */
};
/* Typing into the terminal of whoever started us would run outside. */
static const uint32_t ioctl_terminal[] = {TIOCSTI, TIOCLINUX};

#define OPEN_FLAGS (O_ACCMODE | O_CREAT | O_TRUNC | O_DIRECT | O_SYNC)

struct program {
	struct sock_filter f[256];
	unsigned n;
};

static void emit(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (p->n < SL_COUNT(p->f))
		p->f[p->n] = (struct sock_filter){code, jt, jf, k};
	p->n++;
}

static void emit_load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void emit_return(struct program *p, uint32_t what)
{
	emit(p, BPF_RET | BPF_K, 0, 0, what);
}

static void emit_arg_low(struct program *p, unsigned arg)
{
	/* Little-endian: the low half comes first. The kernel ignores the high half of int
	 * arguments. */
	emit_load(p, offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t));
}

static void emit_ioctl(struct program *p, unsigned arg)
{
	emit_arg_low(p, arg);
	for (size_t i = 0; i < SL_COUNT(ioctl_terminal); i++) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, ioctl_terminal[i]);
		emit_return(p, SECCOMP_RET_ERRNO | EPERM);
	}
	emit(p, BPF_ALU | BPF_RSH | BPF_K, 0, 0, 8);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xff);
	for (size_t i = 0; i < SL_COUNT(ioctl_types); i++) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, ioctl_types[i]);
		emit_return(p, SECCOMP_RET_USER_NOTIF);
	}
	emit_return(p, SECCOMP_RET_ALLOW);
}

static void emit_row(struct program *p, const struct row *row)
{
	unsigned jump = p->n;

	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)row->nr);
	switch (row->how) {
	case NOTIFY:
	case NOTIFY_BLOCK:
		emit_return(p, SECCOMP_RET_USER_NOTIF);
		break;
	case NO_SUCH_CALL:
		emit_return(p, SECCOMP_RET_ERRNO | ENOSYS);
		break;
	case NO_PERMISSION:
		emit_return(p, SECCOMP_RET_ERRNO | EPERM);
		break;
	case BY_FLAGS:
		emit_arg_low(p, row->arg);
		emit(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, OPEN_FLAGS);
		emit_return(p, SECCOMP_RET_USER_NOTIF);
		emit_return(p, SECCOMP_RET_ALLOW);
		break;
	case BY_WHENCE:
		emit_arg_low(p, row->arg);
		emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, SEEK_END);
		emit_return(p, SECCOMP_RET_USER_NOTIF);
		emit_return(p, SECCOMP_RET_ALLOW);
		break;
	case BY_IOCTL:
		emit_ioctl(p, row->arg);
		break;
	}
	p->f[jump].jf = (uint8_t)(p->n - jump - 1);
}

int sl_filter_install(bool block)
{
	struct program p = {.n = 0};
	struct sock_fprog prog;
	long fd;

	emit_load(&p, offsetof(struct seccomp_data, arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SL_ARCH);
	emit_return(&p, SECCOMP_RET_KILL_PROCESS);
	emit_load(&p, offsetof(struct seccomp_data, nr));
#ifdef SL_X32_BIT
	emit(&p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, SL_X32_BIT);
	emit_return(&p, SECCOMP_RET_ERRNO | ENOSYS);
#endif
	for (size_t i = 0; i < SL_COUNT(rows); i++) {
		if (block || rows[i].how != NOTIFY_BLOCK)
			emit_row(&p, &rows[i]);
	}
	emit_return(&p, SECCOMP_RET_ALLOW);
	if (p.n > SL_COUNT(p.f))
		return -E2BIG;
	prog = (struct sock_fprog){.len = (unsigned short)p.n, .filter = p.f};
	fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		     &prog);
	return fd < 0 ? -errno : (int)fd;
}
