/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A calling thread's memory, paths and descriptors, by /proc. Every answer is about a thread id and
 * becomes true only when the notification is still valid afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "front/run/super.h"

/* Reads a path; its length, or -errno. Does not depend on c->mem: most paths are none of ours. */
static long read_path(pid_t tid, uint64_t addr, char *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		/* Up to the end of a page: the next one need not be there. */
		size_t n = 4096 - (addr + got) % 4096;
		struct iovec local, remote;
		ssize_t r;

		if (n > size - got)
			n = size - got;
		local = (struct iovec){buf + got, n};
		remote = (struct iovec){(void *)(uintptr_t)(addr + got), n};
		r = process_vm_readv(tid, &local, 1, &remote, 1, 0);
		if (r <= 0)
			return -EFAULT;
		if (memchr(buf + got, '\0', (size_t)r))
			return (long)strlen(buf);
		got += (size_t)r;
	}
	return -ENAMETOOLONG;
}

/* "/proc/self/fd/7", "/dev/fd/7" and their like mean the caller's descriptor, not ours. */
static bool names_descriptor(const char *path, pid_t tid, int *ret)
{
	static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/",
					       "/proc/thread-self/fd/", NULL};
	char own[32];
	char *end;
	long v;

	snprintf(own, sizeof(own), "/proc/%d/fd/", (int)tid);
	if (strcmp(path, "/dev/stdin") == 0 || strcmp(path, "/dev/stdout") == 0 ||
	    strcmp(path, "/dev/stderr") == 0) {
		*ret = path[8] == 'i' ? 0 : path[8] == 'o' ? 1 : 2;
		return true;
	}
	for (unsigned i = 0; i < 4; i++) {
		const char *p = prefixes[i] ? prefixes[i] : own;

		if (strncmp(path, p, strlen(p)) != 0)
			continue;
		v = strtol(path + strlen(p), &end, 10);
		if (end == path + strlen(p) || *end != '\0' || v < 0 || v > INT_MAX)
			return false;
		*ret = (int)v;
		return true;
	}
	return false;
}

/* Closes what is kept. */
static void forget(struct sl_memory *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->files >= 0)
		close(m->files);
	*m = (struct sl_memory){.fd = -1, .files = -1};
}

/* A slot that nobody uses; there is one more of them than there are calls. */
static struct sl_memory *free_memory(struct sl_super *s)
{
	struct sl_memory *m;

	do {
		m = &s->memory[s->memory_next++ % SL_MEMORY_MAX];
	} while (m->users);
	forget(m);
	return m;
}

static int acquire(struct sl_super *s, struct sl_call *c)
{
	struct sl_memory *m;
	char path[32];

	for (unsigned i = 0; i < SL_MEMORY_MAX; i++) {
		m = &s->memory[i];
		if (m->tid == c->tid) {
			m->users++;
			c->mem = m;
			return 0;
		}
	}
	m = free_memory(s);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)c->tid);
	m->fd = open(path, O_RDWR | O_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)c->tid);
	m->files = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Only now is it known that this was the caller and not a later owner of its number. */
	if (m->files < 0 || !sl_notify_valid(s, c->id)) {
		forget(m);
		return -ESRCH;
	}
	m->tid = c->tid;
	m->users = 1;
	c->mem = m;
	return 0;
}

void sl_tracee_release(struct sl_call *c)
{
	if (c->mem && --c->mem->users == 0 && c->mem->tid == 0)
		forget(c->mem);
	c->mem = NULL;
}

/* What c has is of a process that has gone. */
static void drop(struct sl_call *c)
{
	c->mem->tid = 0;
	sl_tracee_release(c);
}

enum sl_handled sl_on_exec(struct sl_super *s, struct sl_call *c)
{
	(void)c;
	for (unsigned i = 0; i < SL_MEMORY_MAX; i++) {
		struct sl_memory *m = &s->memory[i];

		m->tid = 0;
		if (m->users == 0)
			forget(m);
	}
	return SL_HANDLED_CONTINUE;
}

void sl_tracee_done(struct sl_super *s)
{
	for (unsigned i = 0; i < SL_MEMORY_MAX; i++)
		forget(&s->memory[i]);
}

const struct sl_node *sl_tracee_fd(struct sl_super *s, struct sl_call *c, int fd,
				   enum sl_access *ret)
{
	struct stat st;
	char name[16];

	if (fd < 0)
		return NULL;
	snprintf(name, sizeof(name), "%d", fd);
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		if (!c->mem && acquire(s, c) < 0)
			return NULL;
		if (fstatat(c->mem->files, name, &st, 0) == 0)
			return sl_nodes_find(&s->nodes, &st, ret);
		/* No such descriptor, or what was kept is of an earlier owner of the number. */
		drop(c);
	}
	return NULL;
}

static const struct sl_node *resolve(struct sl_super *s, const char *path, bool follow)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	const struct sl_node *node = NULL;
	enum sl_access access;
	struct stat st;
	long fd;

	fd = syscall(SYS_openat2, s->root, path, &how, sizeof(how));
	if (fd < 0)
		return NULL;
	if (fstat((int)fd, &st) == 0)
		node = sl_nodes_find(&s->nodes, &st, &access);
	close((int)fd);
	return node;
}

const struct sl_node *sl_tracee_path(struct sl_super *s, struct sl_call *c, int dirfd,
				     uint64_t addr, bool follow)
{
	char path[2 * PATH_MAX], link[48];
	enum sl_access access;
	size_t at = 0;
	ssize_t n;
	int fd;

	/* Room in front for the directory that a relative path starts from. */
	if (read_path(c->tid, addr, path + PATH_MAX, PATH_MAX) <= 0)
		return NULL;
	if (path[PATH_MAX] == '/') {
		if (follow && names_descriptor(path + PATH_MAX, c->tid, &fd))
			return sl_tracee_fd(s, c, fd, &access);
		return resolve(s, path + PATH_MAX, follow);
	}
	if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)c->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)c->tid, dirfd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0 || path[0] != '/')
		return NULL;
	at = (size_t)n;
	path[at++] = '/';
	memmove(path + at, path + PATH_MAX, strlen(path + PATH_MAX) + 1);
	return resolve(s, path, follow);
}

/* Moves len bytes; memory whose process has gone (a kept one) moves none and is opened anew. */
static int move(struct sl_super *s, struct sl_call *c, uint64_t addr, void *buf, size_t len,
		bool out)
{
	if (len == 0)
		return 0;
	if (addr > INT64_MAX)
		return -EFAULT;
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		ssize_t n;
		int r = c->mem ? 0 : acquire(s, c);

		if (r < 0)
			return r;
		n = out ? pwrite(c->mem->fd, buf, len, (off_t)addr)
			: pread(c->mem->fd, buf, len, (off_t)addr);
		if (n == (ssize_t)len)
			return 0;
		if (n != 0)
			return -EFAULT;
		drop(c);
	}
	return -EFAULT;
}

int sl_tracee_read(struct sl_super *s, struct sl_call *c, uint64_t addr, void *buf, size_t len)
{
	return move(s, c, addr, buf, len, false);
}

int sl_tracee_write(struct sl_super *s, struct sl_call *c, uint64_t addr, const void *buf,
		    size_t len)
{
	return move(s, c, addr, (void *)(uintptr_t)buf, len, true);
}

int sl_vector_take(struct sl_super *s, struct sl_call *c, uint64_t addr, uint64_t n)
{
	struct sl_vector *v;
	int r;

	if (n > IOV_MAX)
		return -EINVAL;
	v = calloc(1, sizeof(*v) + (n + 1) * sizeof(v->v[0]));
	if (!v)
		return -ENOMEM;
	free(c->vec);
	c->vec = v;
	v->n = (unsigned)n;
	r = sl_tracee_read(s, c, addr, v->v, n * sizeof(v->v[0]));
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < n; i++) {
		if (v->v[i].iov_len > SSIZE_MAX - v->total)
			return -EINVAL;
		v->total += v->v[i].iov_len;
	}
	return 0;
}

int sl_vector_flat(struct sl_call *c, uint64_t addr, uint64_t len)
{
	struct sl_vector *v = calloc(1, sizeof(*v) + sizeof(v->v[0]));

	if (!v)
		return -ENOMEM;
	free(c->vec);
	c->vec = v;
	v->n = 1;
	v->total = len;
	v->v[0].iov_base = (void *)(uintptr_t)addr;
	v->v[0].iov_len = len;
	return len > SSIZE_MAX ? -EINVAL : 0;
}

int sl_vector_move(struct sl_super *s, struct sl_call *c, void *buf, uint64_t n, bool to_caller)
{
	struct sl_vector *v = c->vec;
	uint8_t *at = buf;

	while (n) {
		const struct iovec *piece = &v->v[v->at];
		uint64_t len, addr;
		int r;

		if (v->at == v->n)
			return -EFAULT;
		len = piece->iov_len - v->off;
		addr = (uintptr_t)piece->iov_base + v->off;
		if (len == 0) {
			v->at++;
			v->off = 0;
			continue;
		}
		if (len > n)
			len = n;
		r = move(s, c, addr, at, len, to_caller);
		if (r < 0)
			return r;
		v->off += len;
		at += len;
		n -= len;
	}
	return 0;
}
