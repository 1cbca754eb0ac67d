/* SPDX-License-Identifier: Apache-2.0 */
/* What the child and the supervisor tell each other until exec, with descriptors. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/run/super.h"

#define STAGE_FDS 3

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(STAGE_FDS * sizeof(int))];
};

int sl_stage_send(int sock, const struct sl_stage_msg *m, const int *fds, unsigned n)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m)};
	union control u = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n) {
		struct cmsghdr *c;

		h.msg_control = &u;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	return sendmsg(sock, &h, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sl_stage_recv(int sock, struct sl_stage_msg *m, int *fds, unsigned n, unsigned *ret_n)
{
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	union control u = {0};
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)};
	ssize_t r;

	*ret_n = 0;
	do {
		r = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -EPIPE;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || k > n)
			return -EPROTO;
		memcpy(fds, CMSG_DATA(c), k * sizeof(int));
		*ret_n = (unsigned)k;
	}
	return r == sizeof(*m) ? 0 : -EPROTO;
}
