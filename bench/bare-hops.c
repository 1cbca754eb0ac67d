/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of `run`: the same hops and copies, and nothing else. A child's ioctl is trapped; the
 * supervisor reads 72 bytes, checks the notification, sends 104 bytes to a second process, receives
 * 64
 * + 4,096 back, writes 4,096 + 4 into the child and answers. No decision, no ledger, no table.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/nvme_ioctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stats.h"

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static void send_fd(int sock, int fd)
{
	char buf[CMSG_SPACE(sizeof(int))] = {0}, c = 0;
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = buf,
			   .msg_controllen = sizeof(buf)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	*h = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	(void)sendmsg(sock, &m, 0);
}

static int recv_fd(int sock)
{
	char buf[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = buf,
			   .msg_controllen = sizeof(buf)};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void child(int sock, size_t n)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {SL_BENCH_COUNT(f), f};
	static uint8_t data[4096];
	uint64_t *v = calloc(n, sizeof(*v));
	int fd;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			  &prog);
	if (fd < 0 || !v)
		_exit(1);
	send_fd(sock, fd);
	close(fd);
	for (size_t i = 0; i < n; i++) {
		struct nvme_passthru_cmd c = {
			.opcode = 6, .addr = (uintptr_t)data, .data_len = sizeof(data), .cdw10 = 1};
		uint64_t t = bench_now();

		if (syscall(SYS_ioctl, 0, NVME_IOCTL_ADMIN_CMD, &c) != 0)
			_exit(1);
		v[i] = bench_now() - t;
	}
	bench_print("bare-hops", v, n, 1);
	(void)fflush(stdout);
	_exit(0);
}

static void echo(int sock)
{
	static uint8_t in[8192], out[64 + 4096];

	while (recv(sock, in, sizeof(in), 0) > 0)
		if (send(sock, out, sizeof(out), 0) < 0)
			break;
	_exit(0);
}

static int supervise(int listener, int peer, size_t n)
{
	static uint8_t msg[104], answer[8192];
	struct nvme_passthru_cmd c;
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;

	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	for (size_t i = 0; i < n; i++) {
		struct iovec lc = {&c, sizeof(c)}, rc, ld[2], rd[2];

		memset(&req, 0, sizeof(req));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			return 1;
		rc = (struct iovec){(void *)(uintptr_t)req.data.args[2], sizeof(c)};
		if (process_vm_readv((pid_t)req.pid, &lc, 1, &rc, 1, 0) != sizeof(c) ||
		    ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id) < 0)
			return 1;
		memcpy(msg, &c, sizeof(c));
		if (send(peer, msg, sizeof(msg), 0) < 0 ||
		    recv(peer, answer, sizeof(answer), 0) != 4160)
			return 1;
		ld[0] = (struct iovec){answer + 64, 4096};
		rd[0] = (struct iovec){(void *)(uintptr_t)c.addr, 4096};
		ld[1] = (struct iovec){answer, 4};
		rd[1] = (struct iovec){
			(char *)rc.iov_base + offsetof(struct nvme_passthru_cmd, result), 4};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id) < 0 ||
		    process_vm_writev((pid_t)req.pid, ld, 2, rd, 2, 0) != 4100)
			return 1;
		resp = (struct seccomp_notif_resp){.id = req.id};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
	int sv[2], ev[2], listener, r;
	pid_t tool, peer;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ev) < 0)
		return 1;
	peer = fork();
	if (peer == 0) {
		close(ev[0]);
		echo(ev[1]);
	}
	close(ev[1]);
	tool = fork();
	if (tool == 0)
		child(sv[1], n);
	close(sv[1]);
	listener = recv_fd(sv[0]);
	if (listener < 0)
		return 1;
	r = supervise(listener, ev[0], n);
	close(ev[0]);
	(void)waitpid(tool, NULL, 0);
	(void)waitpid(peer, NULL, 0);
	return r;
}
