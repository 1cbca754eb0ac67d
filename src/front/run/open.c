/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a mapped node in a way that a directory cannot be opened in: a stand-in is put in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "front/run/super.h"

struct request {
	int dirfd;
	uint64_t path;
	uint64_t flags;
};

static bool read_request(struct sl_super *s, struct sl_call *c, struct request *ret)
{
	struct open_how how;

	switch (c->nr) {
#ifdef __NR_open
	case __NR_open:
		*ret = (struct request){AT_FDCWD, c->args[0], (uint32_t)c->args[1]};
		return true;
#endif
	case __NR_openat:
		*ret = (struct request){(int)c->args[0], c->args[1], (uint32_t)c->args[2]};
		return true;
	default: /* openat2: its flags are in memory; what is too short the kernel will refuse */
		if (c->args[3] < sizeof(how) ||
		    sl_tracee_read(s, c, c->args[2], &how, sizeof(how)) < 0)
			return false;
		*ret = (struct request){(int)c->args[0], c->args[1], how.flags};
		return true;
	}
}

enum sl_handled sl_on_open(struct sl_super *s, struct sl_call *c)
{
	static const enum sl_access by_mode[] = {
		[O_RDONLY] = SL_ACCESS_READ,
		[O_WRONLY] = SL_ACCESS_WRITE,
		[O_RDWR] = SL_ACCESS_BOTH,
		[O_ACCMODE] = SL_ACCESS_READ, /* Linux: neither, ioctl only */
	};
	struct seccomp_notif_addfd add = {.id = c->id, .flags = SECCOMP_ADDFD_FLAG_SEND};
	const struct sl_node *node;
	struct request q;
	char self[48];
	int fd, r;

	if (!read_request(s, c, &q))
		return SL_HANDLED_CONTINUE;
	node = sl_tracee_path(s, c, q.dirfd, q.path, !(q.flags & O_NOFOLLOW));
	if (!node || (q.flags & O_PATH))
		return SL_HANDLED_CONTINUE;
	if (q.flags & O_DIRECTORY)
		return sl_reply_error(c, ENOTDIR);
	if ((q.flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return sl_reply_error(c, EEXIST);
	/* A description of its own for every open: the position and O_SYNC live in it. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", node->fd[by_mode[q.flags & O_ACCMODE]]);
	fd = open(self, O_RDONLY | O_CLOEXEC | (int)(q.flags & (O_SYNC | O_NONBLOCK)));
	if (fd < 0)
		return sl_reply_error(c, errno);
	add.srcfd = (uint32_t)fd;
	add.newfd_flags = (uint32_t)(q.flags & O_CLOEXEC);
	r = ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (r < 0 && errno != ENOENT) {
		r = errno; /* the caller's table is full */
		close(fd);
		return sl_reply_error(c, r);
	}
	close(fd);
	return SL_HANDLED_SENT;
}
