/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses the nodes that were found: processes, file systems, swap, md and dm. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "launch/ways-inside.h"

/* --- processes ---------------------------------------------------------------------------- */

/* One process, and the descriptor that is looked at. */
struct process {
	char pid[24], name[64];
	unsigned uid;
	int dir; /* of its descriptors */
};

static const struct sl_way_node *same_node(const struct sl_ways *w, const struct statx *x)
{
	bool block = S_ISBLK(x->stx_mode), number = block || S_ISCHR(x->stx_mode);

	for (unsigned i = 0; i < w->n_nodes; i++) {
		const struct sl_way_node *n = &w->nodes[i];

		/* By the kernel's number, since a node can have another name and stand elsewhere.
		 */
		if (number && n->block == block && n->major == x->stx_rdev_major &&
		    n->minor == x->stx_rdev_minor && (n->major || n->minor))
			return n;
		if (n->there && n->st_ino == x->stx_ino &&
		    n->st_dev == makedev(x->stx_dev_major, x->stx_dev_minor))
			return n;
	}
	return NULL;
}

/* "reading" and so on, by the open flags in fdinfo. */
static const char *mode_of(const struct sl_looking *l, const struct process *p, const char *fd)
{
	char path[SL_WAYS_PATH], line[128];
	unsigned flags = O_RDWR;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s/fdinfo/%s", l->roots->proc, p->pid, fd);
	f = fopen(path, "re");
	if (!f)
		return "open";
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	(void)fclose(f);
	if (flags & O_PATH)
		return NULL; /* a name and no more */
	return (flags & O_ACCMODE) == O_RDONLY	 ? "open for reading"
	       : (flags & O_ACCMODE) == O_WRONLY ? "open for writing"
						 : "open for reading and writing";
}

static void descriptor(struct sl_looking *l, void *arg, const char *fd)
{
	const struct process *p = arg;
	const struct sl_way_node *node;
	const char *mode, *base;
	struct statx x;
	struct sl_way *way;
	char text[256];

	/* Nothing here may wait for a file server that is gone. */
	if (statx(p->dir, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &x) < 0)
		return;
	node = same_node(l->w, &x);
	mode = node ? mode_of(l, p, fd) : NULL;
	if (!mode)
		return;
	base = node->path;
	(void)snprintf(text, sizeof(text), "%s (%s, uid %u) has it %s", p->name, p->pid, p->uid,
		       mode);
	way = l->w->n_ways ? &l->w->ways[l->w->n_ways - 1] : NULL;
	if (way && way->kind == SL_WAY_PROCESS && !strcmp(way->at, base) &&
	    !strcmp(way->text, text))
		return; /* the same process once more */
	way = sl_way_add(l, node->device, SL_WAY_PROCESS, p->uid != 0, base);
	if (!way)
		return;
	(void)snprintf(way->text, sizeof(way->text), "%s", text);
	if (way->open)
		(void)snprintf(way->close, sizeof(way->close), "kill %s", p->pid);
}

static void process(struct sl_looking *l, void *arg, const char *name)
{
	struct process p = {.name = "?"};
	char path[SL_WAYS_PATH], line[256];
	DIR *d;
	FILE *f;

	(void)arg;
	if (strspn(name, "0123456789") != strlen(name))
		return;
	(void)snprintf(p.pid, sizeof(p.pid), "%s", name);
	(void)snprintf(path, sizeof(path), "%s/%s/status", l->roots->proc, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "Name: %63[^\n]", p.name);
		(void)sscanf(line, "Uid: %*u %u", &p.uid);
	}
	if (f)
		(void)fclose(f);
	(void)snprintf(path, sizeof(path), "%s/%s/fd", l->roots->proc, name);
	d = opendir(path);
	if (!d) {
		/* It may have ended meanwhile. */
		l->w->unseen += errno == EACCES || errno == EPERM;
		return;
	}
	p.dir = dirfd(d);
	sl_way_each(l, path, descriptor, &p);
	(void)closedir(d);
}

/* --- mounts, swap, holders ---------------------------------------------------------------- */

static const char *last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The block node of this name or, unless both are 0, of this number; NULL: none of ours. */
static const struct sl_way_node *block_node(const struct sl_ways *w, const char *name,
					    unsigned major, unsigned minor)
{
	for (unsigned i = 0; i < w->n_nodes; i++) {
		const struct sl_way_node *n = &w->nodes[i];

		if (n->block && (!strcmp(n->name, name) ||
				 ((major || minor) && n->major == major && n->minor == minor)))
			return n;
	}
	return NULL;
}

static void mounts(struct sl_looking *l)
{
	char path[SL_WAYS_PATH], *line = NULL;
	size_t size = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/self/mountinfo", l->roots->proc);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		char where[128] = "", type[32] = "", source[128] = "";
		const char *rest = strstr(line, " - ");
		const struct sl_way_node *n;
		unsigned major, minor;
		struct sl_way *way;

		if (!rest || sscanf(line, "%*s %*s %u:%u %*s %127s", &major, &minor, where) != 3 ||
		    sscanf(rest, " - %31s %127s", type, source) != 2)
			continue;
		/* Not every source is a node: "server:/export/sda1" is none. */
		n = block_node(l->w, strncmp(source, "/dev/", 5) ? "" : last(source), major, minor);
		way = n ? sl_way_add(l, n->device, SL_WAY_MOUNT, false, n->path) : NULL;
		if (way)
			(void)snprintf(way->text, sizeof(way->text), "%s on %s", type, where);
	}
	free(line);
	if (f)
		(void)fclose(f);
}

static void swaps(struct sl_looking *l)
{
	char path[SL_WAYS_PATH], line[512], file[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/swaps", l->roots->proc);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const struct sl_way_node *n = NULL;
		struct sl_way *way;

		if (sscanf(line, "%255s", file) == 1 && file[0] == '/')
			n = block_node(l->w, last(file), 0, 0);
		way = n ? sl_way_add(l, n->device, SL_WAY_SWAP, false, n->path) : NULL;
		if (way)
			(void)snprintf(way->text, sizeof(way->text), "the kernel swaps to it");
	}
	if (f)
		(void)fclose(f);
}

/* What holds a block node: nodes may move while ways are added, so its number is kept. */
static void holder(struct sl_looking *l, void *arg, const char *name)
{
	const unsigned *number = arg;
	const struct sl_way_node *n = &l->w->nodes[*number];
	struct sl_way *way = sl_way_add(l, n->device, SL_WAY_HOLDER, false, n->path);
	char dm[64];

	sl_way_line(dm, sizeof(dm), "%s/class/block/%s/dm/name", l->roots->sys, name);
	if (way && dm[0])
		(void)snprintf(way->text, sizeof(way->text), "part of %s (%s)", name, dm);
	else if (way)
		(void)snprintf(way->text, sizeof(way->text), "part of %s", name);
}

void sl_way_uses(struct sl_looking *l)
{
	char path[SL_WAYS_PATH];

	mounts(l);
	swaps(l);
	for (unsigned i = 0; i < l->w->n_nodes; i++) {
		if (!l->w->nodes[i].block)
			continue;
		(void)snprintf(path, sizeof(path), "%s/class/block/%s/holders", l->roots->sys,
			       l->w->nodes[i].name);
		sl_way_each(l, path, holder, &i);
	}
	sl_way_each(l, l->roots->proc, process, NULL);
}
