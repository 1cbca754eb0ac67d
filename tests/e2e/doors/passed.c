/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that are dup'ed, inherited by exec'ed children or passed on stay at the gate. */
#include "door.h"

#include <sys/socket.h>

static void outside(void)
{
}

static void pass(int sock, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	MUST(sendmsg(sock, &h, 0) == 1);
}

static int take(int sock)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	int fd;

	MUST(recvmsg(sock, &h, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(int));
	return fd;
}

static void inside(void)
{
	int pair[2], status, fd = open_node("/dev/nvme0", O_RDWR);
	struct nvme_admin_cmd format = {.opcode = 0x80};

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	if (fork() == 0) {
		int got = take(pair[1]);

		MUST(device_count(got, TEST_OPC_ECHO) == 0);
		MUST_FAIL(ioctl(dup(got), NVME_IOCTL_ADMIN_CMD, &format), EACCES);
		_exit(0);
	}
	pass(pair[0], fd);
	MUST(wait(&status) > 0 && status == 0);
	if (fork() == 0) {
		MUST(dup2(fd, 0) == 0);
		execlp("sh", "sh", "-c", "nvme get-feature /dev/stdin -f 2 >/dev/null",
		       (char *)NULL);
		_exit(1);
	}
	MUST(wait(&status) > 0);
	if (fork() == 0) {
		execlp("sh", "sh", "-c",
		       "for i in 1 2 3 4 5; do nvme id-ctrl /dev/nvme0 >/dev/null || exit 1; done",
		       (char *)NULL);
		_exit(1);
	}
	MUST(wait(&status) > 0 && status == 0);
	MUST(device_count(fd, 0x80) == 1);
}
