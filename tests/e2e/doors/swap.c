/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that shares the table of descriptors puts another file where the stand-in was while a
 * call is on its way; and a filter of the tool's own, which can only take away.
 */
#include "door.h"

#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>

static void outside(void)
{
}

/* Swaps `fd` between the stand-in and a regular file until it is killed. */
static pid_t start_swapper(int fd, int node, int file)
{
	struct clone_args a = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));

	while (pid == 0) {
		dup2(node, fd);
		dup2(file, fd);
	}
	MUST(pid > 0);
	return pid;
}

static void check_swap(int node)
{
	char name[] = "/tmp/sluice-door-XXXXXX", block[512];
	int file = mkstemp(name), ns = open_node("/dev/nvme0n1", O_RDWR), fd = dup(node), other;
	unsigned sent = 0;
	struct stat st;
	pid_t pid[2];

	MUST(file >= 0 && unlink(name) == 0 && ftruncate(file, 4096) == 0);
	other = dup(ns);
	pid[0] = start_swapper(fd, node, file);
	pid[1] = start_swapper(other, ns, file);
	for (unsigned i = 0; i < 1500; i++) {
		int r = admin(fd, 0x0a, 2, NULL, 0, NULL);

		sent += r == 0;
		MUST(r == 0 || (r == -1 && (errno == ENOTTY || errno == EBADF)));
		memset(block, 0xee, sizeof(block));
		(void)!pread(other, block, sizeof(block), 512);
		(void)!pwrite(other, block, 511, 0); /* never whole blocks: none may arrive */
	}
	for (unsigned i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		MUST(waitpid(pid[i], NULL, 0) == pid[i]);
	}
	MUST(device_count(node, 0x0a) == sent);
	/* What was written went to the file or nowhere; it is no longer than what we gave. */
	MUST(fstat(file, &st) == 0 && st.st_size == 4096);
	MUST(pread(ns, block, sizeof(block), 0) == (ssize_t)sizeof(block) && block[0] == 0);
	close(file);
}

/* Filters stack, and the strictest wins: "allow" of ours does not undo what watches. */
static void check_own_filter(int node)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(f) / sizeof(f[0]), f};

	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0);
	MUST(admin(node, 0x0a, 2, NULL, 0, NULL) == 0);
	MUST_FAIL(admin(node, 0x84, 0, NULL, 0, NULL), EACCES);
	MUST_FAIL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &prog),
		  EBUSY);
	MUST_FAIL(syscall(SYS_io_uring_setup, 1, NULL), ENOSYS);
}

static void inside(void)
{
	int node = open_node("/dev/nvme0", O_RDWR);

	check_swap(node);
	check_own_filter(node);
}
