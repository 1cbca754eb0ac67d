/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block nodes: read and write as NVMe Read and Write, fsync as Flush, sizes from Identify. There is
 * no page cache: a read covers the blocks it touches, a write that is not whole blocks is refused.
 * It does not discard, zero, reserve or re-read partitions.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <linux/pr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"

#define BLOCKS_MAX 65536u /* of one command */

/* A transfer that may take several commands. */
struct sl_block_io {
	bool write;
	bool fua;
	int fd;		/* the description whose position moves; -1: the position was given */
	uint64_t start; /* byte on the device */
	uint64_t total, done;
	uint32_t skip, chunk; /* of the command under way: bytes before, bytes wanted */
};

static const struct sl_ns *namespace_of(const struct sl_super *s, const struct sl_call *c)
{
	return &s->nodes.ns[c->node->ns];
}

static const struct sl_ctrl *controller_of(const struct sl_super *s, const struct sl_call *c)
{
	return &s->nodes.ctrl[c->node->ctrl];
}

static enum sl_handled refreshed(struct sl_super *s, struct sl_call *c,
				 const struct sl_client_reply *r)
{
	bool ok = r->c.outcome == SL_OUTCOME_OK && r->c.status == 0;

	sl_nodes_update(controller_of(s, c), &s->nodes.ns[c->node->ns], ok ? r->data : NULL,
			r->c.data_len);
	c->done = NULL;
	return c->again(s, c);
}

bool sl_ns_current(struct sl_super *s, struct sl_call *c,
		   enum sl_handled (*again)(struct sl_super *s, struct sl_call *c),
		   enum sl_handled *ret_handled)
{
	const struct sl_ns *ns = namespace_of(s, c);
	struct sl_command cmd;

	if (!ns->stale)
		return true;
	controller_of(s, c)->family->ask_size(controller_of(s, c), ns->nsid, &cmd);
	c->again = again;
	c->done = refreshed;
	*ret_handled = sl_notify_submit(s, c, &cmd, NULL, NULL);
	return false;
}

void sl_block_release(struct sl_call *c)
{
	if (c->io && c->io->fd >= 0)
		close(c->io->fd);
	free(c->io);
	c->io = NULL;
}

/* Thread group of a thread: pidfds are of processes. */
static pid_t group_of(pid_t tid)
{
	char path[32], line[64];
	pid_t tgid = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (tgid < 0 && fgets(line, sizeof(line), f))
		(void)sscanf(line, "Tgid: %d", &tgid);
	fclose(f);
	return tgid;
}

/* Our own descriptor of the caller's open file, known to be the stand-in c->node. */
static int share_descriptor(struct sl_super *s, const struct sl_call *c)
{
	enum sl_access access;
	struct stat st;
	long pidfd, fd;

	pidfd = syscall(SYS_pidfd_open, c->tid, 0);
	if (pidfd < 0)
		pidfd = syscall(SYS_pidfd_open, group_of(c->tid), 0);
	if (pidfd < 0)
		return -errno;
	fd = syscall(SYS_pidfd_getfd, (int)pidfd, (int)c->args[0], 0);
	if (fd < 0)
		fd = -errno;
	close((int)pidfd);
	if (fd >= 0 &&
	    (fstat((int)fd, &st) < 0 || sl_nodes_find(&s->nodes, &st, &access) != c->node ||
	     !sl_notify_valid(s, c->id))) {
		close((int)fd);
		fd = -EBADF;
	}
	return (int)fd;
}

/* The call is over: what was done counts, an error only when nothing was. */
static enum sl_handled finish(struct sl_call *c, int error)
{
	struct sl_block_io *io = c->io;

	/* The position was moved ahead when the call began, so that two threads do not overlap. */
	if (io->fd >= 0 && io->done < io->total)
		lseek(io->fd, (off_t)(io->start + io->done), SEEK_SET);
	if (io->done == 0 && error)
		return sl_reply_error(c, error);
	return sl_reply_value(c, (int64_t)io->done);
}

static enum sl_handled rw_done(struct sl_super *s, struct sl_call *c,
			       const struct sl_client_reply *r);

static enum sl_handled next_chunk(struct sl_super *s, struct sl_call *c)
{
	const struct sl_ns *ns = namespace_of(s, c);
	const struct sl_family *family = controller_of(s, c)->family;
	struct sl_block_io *io = c->io;
	uint64_t pos = io->start + io->done;
	uint32_t max = controller_of(s, c)->max_transfer >> ns->lba_shift;
	struct sl_command cmd;
	uint32_t blocks;
	uint64_t len;
	int r;

	if (max > BLOCKS_MAX)
		max = BLOCKS_MAX;
	if (max == 0)
		return finish(c, EINVAL);
	io->skip = (uint32_t)(pos & ((1u << ns->lba_shift) - 1));
	len = ((uint64_t)max << ns->lba_shift) - io->skip;
	io->chunk = (uint32_t)(len < io->total - io->done ? len : io->total - io->done);
	blocks = (uint32_t)(((uint64_t)io->skip + io->chunk + (1u << ns->lba_shift) - 1) >>
			    ns->lba_shift);

	sl_command_init(s, c, family->set, &cmd);
	family->transfer(&cmd, io->write, io->fua, pos >> ns->lba_shift, blocks);
	cmd.data_len = c->data_len = blocks << ns->lba_shift;
	cmd.dir = io->write ? SL_DIR_OUT : SL_DIR_IN;
	if (io->write) {
		r = sl_vector_move(s, c, s->buf, io->chunk, !io->write);
		if (r < 0)
			return finish(c, -r);
	}
	c->done = rw_done;
	if (sl_notify_submit(s, c, &cmd, s->buf, NULL) == SL_HANDLED_PENDING)
		return SL_HANDLED_PENDING;
	return finish(c, c->error);
}

static enum sl_handled rw_done(struct sl_super *s, struct sl_call *c,
			       const struct sl_client_reply *r)
{
	struct sl_block_io *io = c->io;
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return finish(c, sl_reply_errno(s, c, r));
	if (r->c.status != 0 || (!io->write && r->c.data_len != c->data_len)) {
		sl_report_line(&s->report, "sluice: /dev/%s: %s at byte %llu failed, status %#x",
			       c->node->name, io->write ? "write" : "read",
			       (unsigned long long)(io->start + io->done), r->c.status);
		return finish(c, EIO);
	}
	if (!io->write) {
		/* Copied before it is scattered: r->data is the client's until its next call. */
		memcpy(s->buf, r->data + io->skip, io->chunk);
		e = sl_vector_move(s, c, s->buf, io->chunk, !io->write);
		if (e < 0)
			return finish(c, -e);
	}
	io->done += io->chunk;
	return io->done < io->total ? next_chunk(s, c) : finish(c, 0);
}

/* What the eight calls of this kind have in common. */
struct transfer_call {
	bool write;
	bool vector;
	bool at_position; /* the descriptor's own */
	uint64_t offset;
	uint64_t flags; /* RWF_* */
};

static struct transfer_call classify(const struct sl_call *c)
{
	const uint64_t *a = c->args;

	switch (c->nr) {
	case __NR_read:
		return (struct transfer_call){false, false, true, 0, 0};
	case __NR_write:
		return (struct transfer_call){true, false, true, 0, 0};
	case __NR_readv:
		return (struct transfer_call){false, true, true, 0, 0};
	case __NR_writev:
		return (struct transfer_call){true, true, true, 0, 0};
	case __NR_pread64:
		return (struct transfer_call){false, false, false, a[3], 0};
	case __NR_pwrite64:
		return (struct transfer_call){true, false, false, a[3], 0};
	case __NR_preadv:
		return (struct transfer_call){false, true, false, a[3], 0};
	case __NR_pwritev:
		return (struct transfer_call){true, true, false, a[3], 0};
	case __NR_preadv2:
		return (struct transfer_call){false, true, a[3] == UINT64_MAX, a[3], a[5]};
	default: /* pwritev2 */
		return (struct transfer_call){true, true, a[3] == UINT64_MAX, a[3], a[5]};
	}
}

/* Fills c->io with the caller's buffers. 0 or -errno. */
static int take_buffers(struct sl_super *s, struct sl_call *c, const struct transfer_call *t)
{
	struct sl_block_io *io = calloc(1, sizeof(*io));
	int r;

	if (!io)
		return -ENOMEM;
	c->io = io;
	io->fd = -1;
	io->write = t->write;
	r = t->vector ? sl_vector_take(s, c, c->args[1], (uint32_t)c->args[2])
		      : sl_vector_flat(c, c->args[1], c->args[2]);
	if (r < 0)
		return r;
	io->total = c->vec->total;
	if (io->total > INT_MAX - 4095)
		io->total = INT_MAX - 4095; /* MAX_RW_COUNT of Linux */
	return 0;
}

static int check_transfer(struct sl_super *s, const struct sl_call *c,
			  const struct transfer_call *t)
{
	const struct sl_ns *ns = namespace_of(s, c);

	if (c->access == (t->write ? SL_ACCESS_READ : SL_ACCESS_WRITE))
		return -EBADF;
	if (t->flags & ~(uint64_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC))
		return -EOPNOTSUPP;
	if (ns->lba_shift == 0 || ns->meta_size != 0) {
		sl_report_line(
			&s->report,
			"sluice: /dev/%s: %s: read and write need a namespace whose format is "
			"known and has no metadata",
			c->node->name, t->write ? "write" : "read");
		return -EIO;
	}
	return 0;
}

static enum sl_handled start_transfer(struct sl_super *s, struct sl_call *c)
{
	struct transfer_call t = classify(c);
	const struct sl_ns *ns = namespace_of(s, c);
	uint64_t size = ns->blocks << ns->lba_shift;
	struct sl_block_io *io;
	int r = check_transfer(s, c, &t);

	if (r == 0)
		r = take_buffers(s, c, &t);
	if (r < 0)
		return sl_reply_error(c, -r);
	io = c->io;
	io->start = t.offset;
	io->fua = (t.flags & (RWF_DSYNC | RWF_SYNC)) != 0;
	if (t.write || t.at_position) {
		io->fd = share_descriptor(s, c);
		if (io->fd < 0)
			return sl_reply_error(c, -io->fd);
		if (fcntl(io->fd, F_GETFL) & O_DSYNC)
			io->fua = true;
		if (t.at_position)
			io->start = (uint64_t)lseek(io->fd, 0, SEEK_CUR);
	}
	if (io->start > INT64_MAX)
		return sl_reply_error(c, EINVAL);
	if (io->total == 0)
		return sl_reply_value(c, 0);
	if (io->start >= size)
		return t.write ? sl_reply_error(c, ENOSPC) : sl_reply_value(c, 0);
	if (io->total > size - io->start)
		io->total = size - io->start;
	if (t.write && ((io->start | io->total) & ((1u << ns->lba_shift) - 1))) {
		sl_report_line(&s->report,
			       "sluice: /dev/%s: a write of %llu bytes at byte %llu is not whole "
			       "blocks of %u bytes: refused",
			       c->node->name, (unsigned long long)io->total,
			       (unsigned long long)io->start, 1u << ns->lba_shift);
		return sl_reply_error(c, EINVAL);
	}
	if (t.at_position) {
		lseek(io->fd, (off_t)(io->start + io->total), SEEK_SET);
	} else if (io->fd >= 0) {
		close(io->fd);
		io->fd = -1;
	}
	return next_chunk(s, c);
}

static enum sl_handled flush_done(struct sl_super *s, struct sl_call *c,
				  const struct sl_client_reply *r)
{
	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	return sl_reply_error(c, r->c.status ? EIO : 0);
}

static enum sl_handled start_flush(struct sl_super *s, struct sl_call *c)
{
	const struct sl_family *family = controller_of(s, c)->family;
	struct sl_command cmd;

	sl_command_init(s, c, family->set, &cmd);
	if (!family->flush(controller_of(s, c), &cmd))
		return sl_reply_value(c, 0);
	c->done = flush_done;
	return sl_notify_submit(s, c, &cmd, NULL, NULL);
}

/* Only SEEK_END depends on what the directory does not know; the rest it does by itself. */
static enum sl_handled start_seek(struct sl_super *s, struct sl_call *c)
{
	const struct sl_ns *ns = namespace_of(s, c);
	int64_t to = (int64_t)(ns->blocks << ns->lba_shift);
	int fd;

	if ((int)c->args[2] != SEEK_END || __builtin_add_overflow(to, (int64_t)c->args[1], &to) ||
	    to < 0)
		return sl_reply_error(c, EINVAL);
	fd = share_descriptor(s, c);
	if (fd < 0)
		return sl_reply_error(c, -fd);
	if (lseek(fd, to, SEEK_SET) < 0) {
		close(fd);
		return sl_reply_error(c, EINVAL);
	}
	close(fd);
	return sl_reply_value(c, to);
}

static const struct sl_ioctl sg_write = {.name = "write() and read() of sg (use SG_IO)",
					 .arg = EPERM};

enum sl_handled sl_on_rw(struct sl_super *s, struct sl_call *c)
{
	enum sl_handled h;

	c->node = sl_tracee_fd(s, c, (int)c->args[0], &c->access);
	if (!c->node)
		return SL_HANDLED_CONTINUE;
	if (!S_ISBLK(c->node->mode)) {
		/* Commands written and answers read: what sg does besides SG_IO. */
		if (c->node->door == SL_DOOR_SG)
			return sl_ioctl_refuse(s, c, &sg_write);
		return sl_reply_error(c, EINVAL); /* as the other character nodes of Linux */
	}
	if (!sl_ns_current(s, c, sl_on_rw, &h))
		return h;
	switch (c->nr) {
	case __NR_lseek:
		return start_seek(s, c);
	case __NR_fsync:
	case __NR_fdatasync:
		return start_flush(s, c);
	default:
		return start_transfer(s, c);
	}
}

/*
 * A directory refuses these by itself, but in words that are not a device's: programs fall back on
 * read and write when they hear the right ones.
 */
enum sl_handled sl_on_unsupported(struct sl_super *s, struct sl_call *c)
{
	bool copy = c->nr == __NR_copy_file_range;
	enum sl_access access;

	if (!sl_tracee_fd(s, c, (int)c->args[0], &access) &&
	    !(copy && sl_tracee_fd(s, c, (int)c->args[2], &access)))
		return SL_HANDLED_CONTINUE;
	return sl_reply_error(c, copy ? EINVAL : EOPNOTSUPP);
}

/* What a block ioctl is answered with. */
enum answer {
	ANSWER_SECTORS, /* long */
	ANSWER_BYTES,	/* 64 bits */
	ANSWER_LBA,	/* int, from here on 32 bits */
	ANSWER_PAGE,
	ANSWER_ZERO,
	ANSWER_ZERO_16,
	ANSWER_ZERO_64,
	ANSWER_MAX_SECTORS, /* 16 bits */
};

static enum sl_handled start_answer(struct sl_super *s, struct sl_call *c,
				    const struct sl_ioctl *row)
{
	const struct sl_ns *ns = namespace_of(s, c);
	uint64_t bytes = ns->blocks << ns->lba_shift;
	const struct {
		uint64_t value;
		size_t size;
	} answers[] = {
		[ANSWER_SECTORS] = {bytes >> 9, sizeof(unsigned long)},
		[ANSWER_BYTES] = {bytes, 8},
		[ANSWER_LBA] = {1u << (ns->lba_shift ? ns->lba_shift : 9), 4},
		[ANSWER_PAGE] = {4096, 4},
		[ANSWER_ZERO] = {0, 4},
		[ANSWER_ZERO_16] = {0, 2},
		[ANSWER_ZERO_64] = {0, 8},
		[ANSWER_MAX_SECTORS] = {controller_of(s, c)->max_transfer >> 9, 2},
	};
	uint8_t out[8];
	int r;

	sl_put_le64(out, answers[row->arg].value);
	r = sl_tracee_write(s, c, c->args[2], out, answers[row->arg].size);
	return sl_reply_error(c, -r);
}

#define GET(number, what)                                                                          \
	{                                                                                          \
		number, SL_DOORS_BLOCK, #number, start_answer, what, true                          \
	}
#define NOT(number, error)                                                                         \
	{                                                                                          \
		number, SL_DOORS_BLOCK, #number, sl_ioctl_refuse, error, false                     \
	}

const struct sl_ioctl sl_ioctl_block[] = {
	GET(BLKGETSIZE, ANSWER_SECTORS),
	GET(BLKGETSIZE64, ANSWER_BYTES),
	GET(BLKSSZGET, ANSWER_LBA),
	GET(BLKPBSZGET, ANSWER_LBA),
	GET(BLKIOMIN, ANSWER_LBA),
	GET(BLKBSZGET, ANSWER_PAGE),
	GET(BLKIOOPT, ANSWER_ZERO),
	GET(BLKALIGNOFF, ANSWER_ZERO),
	GET(BLKROGET, ANSWER_ZERO),
	GET(BLKDISCARDZEROES, ANSWER_ZERO),
	GET(BLKGETZONESZ, ANSWER_ZERO),
	GET(BLKGETNRZONES, ANSWER_ZERO),
	GET(BLKRAGET, ANSWER_ZERO_64),
	GET(BLKFRAGET, ANSWER_ZERO_64),
	GET(BLKROTATIONAL, ANSWER_ZERO_16),
	GET(BLKSECTGET, ANSWER_MAX_SECTORS),
	/* The page cache's block size, and partitions: there is neither, so these succeed. */
	{BLKBSZSET, SL_DOORS_BLOCK, "BLKBSZSET", sl_ioctl_ignore, 0, false},
	{BLKRRPART, SL_DOORS_BLOCK, "BLKRRPART", sl_ioctl_ignore, 0, false},
	NOT(BLKDISCARD, EOPNOTSUPP),
	NOT(BLKSECDISCARD, EOPNOTSUPP),
	NOT(BLKZEROOUT, EOPNOTSUPP),
	NOT(BLKRESETZONE, EOPNOTSUPP),
	NOT(BLKOPENZONE, EOPNOTSUPP),
	NOT(BLKCLOSEZONE, EOPNOTSUPP),
	NOT(BLKFINISHZONE, EOPNOTSUPP),
	NOT(BLKREPORTZONE, EOPNOTSUPP),
	NOT(IOC_PR_REGISTER, EOPNOTSUPP),
	NOT(IOC_PR_RESERVE, EOPNOTSUPP),
	NOT(IOC_PR_RELEASE, EOPNOTSUPP),
	NOT(IOC_PR_PREEMPT, EOPNOTSUPP),
	NOT(IOC_PR_PREEMPT_ABORT, EOPNOTSUPP),
	NOT(IOC_PR_CLEAR, EOPNOTSUPP),
	NOT(BLKROSET, EACCES),
	NOT(BLKRASET, EACCES),
	NOT(BLKFRASET, EACCES),
	NOT(BLKPG, EACCES),
	NOT(BLKFLSBUF, EACCES),
	{0},
};
