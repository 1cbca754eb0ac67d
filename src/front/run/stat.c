/* SPDX-License-Identifier: Apache-2.0 */
/* The stat family: a stand-in looks like the character or block device that it stands for. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "front/run/super.h"

/* Times and inode come from the stand-in, kind and size from the node. */
static int node_stat(const struct sl_super *s, const struct sl_node *node, struct stat *ret)
{
	if (fstat(node->fd[SL_ACCESS_READ], ret) < 0)
		return -errno;
	ret->st_mode = node->mode;
	ret->st_nlink = 1;
	ret->st_uid = s->uid;
	ret->st_gid = s->gid;
	ret->st_rdev = node->rdev;
	ret->st_size = 0;
	ret->st_blocks = 0;
	ret->st_blksize = 4096;
	return 0;
}

static void stat_to_statx(const struct stat *st, struct statx *x)
{
	memset(x, 0, sizeof(*x));
	x->stx_mask = STATX_BASIC_STATS;
	x->stx_blksize = (uint32_t)st->st_blksize;
	x->stx_nlink = (uint32_t)st->st_nlink;
	x->stx_uid = st->st_uid;
	x->stx_gid = st->st_gid;
	x->stx_mode = (uint16_t)st->st_mode;
	x->stx_ino = st->st_ino;
	x->stx_atime = (struct statx_timestamp){.tv_sec = st->st_atim.tv_sec,
						.tv_nsec = (uint32_t)st->st_atim.tv_nsec};
	x->stx_mtime = (struct statx_timestamp){.tv_sec = st->st_mtim.tv_sec,
						.tv_nsec = (uint32_t)st->st_mtim.tv_nsec};
	x->stx_ctime = (struct statx_timestamp){.tv_sec = st->st_ctim.tv_sec,
						.tv_nsec = (uint32_t)st->st_ctim.tv_nsec};
	x->stx_rdev_major = major(st->st_rdev);
	x->stx_rdev_minor = minor(st->st_rdev);
	x->stx_dev_major = major(st->st_dev);
	x->stx_dev_minor = minor(st->st_dev);
}

/* A path, or a descriptor where the path is empty and the flags say so. */
static const struct sl_node *at_path(struct sl_super *s, struct sl_call *c, int dirfd,
				     uint64_t path, uint64_t flags)
{
	enum sl_access access;

	if (flags & AT_EMPTY_PATH) {
		const struct sl_node *node = sl_tracee_fd(s, c, dirfd, &access);

		/* With a path that is not empty the descriptor would be a directory: never ours. */
		if (node)
			return node;
		if (path == 0)
			return NULL;
	}
	return sl_tracee_path(s, c, dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));
}

enum sl_handled sl_on_stat(struct sl_super *s, struct sl_call *c)
{
	const struct sl_node *node;
	enum sl_access access;
	uint64_t to = c->args[1];
	bool extended = false;
	struct statx x;
	struct stat st;
	int r;

	switch (c->nr) {
	case __NR_fstat:
		node = sl_tracee_fd(s, c, (int)c->args[0], &access);
		break;
#ifdef __NR_stat
	case __NR_stat:
		node = sl_tracee_path(s, c, AT_FDCWD, c->args[0], true);
		break;
	case __NR_lstat:
		node = sl_tracee_path(s, c, AT_FDCWD, c->args[0], false);
		break;
#endif
	case __NR_statx:
		node = at_path(s, c, (int)c->args[0], c->args[1], c->args[2]);
		to = c->args[4];
		extended = true;
		break;
	default: /* newfstatat */
		node = at_path(s, c, (int)c->args[0], c->args[1], c->args[3]);
		to = c->args[2];
		break;
	}
	if (!node)
		return SL_HANDLED_CONTINUE;
	r = node_stat(s, node, &st);
	if (r < 0)
		return sl_reply_error(c, -r);
	if (extended) {
		stat_to_statx(&st, &x);
		r = sl_tracee_write(s, c, to, &x, sizeof(x));
	} else {
		r = sl_tracee_write(s, c, to, &st, sizeof(st));
	}
	return sl_reply_error(c, -r);
}
