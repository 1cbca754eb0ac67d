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

static bool same_node(const struct sl_way_node *n, const struct statx *x)
{
	bool block = S_ISBLK(x->stx_mode), number = block || S_ISCHR(x->stx_mode);

	/* By the kernel's number, since a node can have another name and stand elsewhere. */
	if (number && n->block == block && n->major == x->stx_rdev_major &&
	    n->minor == x->stx_rdev_minor && (n->major || n->minor))
		return true;
	return n->there && n->st_ino == x->stx_ino &&
	       n->st_dev == makedev(x->stx_dev_major, x->stx_dev_minor);
}

/* Adds a way, but not twice the same. */
static struct sl_way *add_once(struct sl_looking *l, const struct sl_way_node *n,
			       enum sl_way_kind kind, bool open, const char *text)
{
	struct sl_way *way;

	for (unsigned i = 0; i < l->w->n_ways; i++) {
		way = &l->w->ways[i];
		if (way->device == n->device && way->kind == kind && !strcmp(way->at, n->path) &&
		    !strcmp(way->text, text))
			return NULL;
	}
	way = sl_way_add(l, n->device, kind, open, n->path);
	if (way)
		(void)snprintf(way->text, sizeof(way->text), "%s", text);
	return way;
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
	const char *mode = NULL;
	struct sl_way *way;
	struct statx x;
	char text[256];

	/* Nothing here may wait for a file server that is gone. */
	if (statx(p->dir, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &x) < 0)
		return;
	/* A namespace that two controllers share is a node of both. */
	for (unsigned i = 0; i < l->w->n_nodes; i++) {
		if (!same_node(&l->w->nodes[i], &x))
			continue;
		mode = mode ? mode : mode_of(l, p, fd);
		if (!mode)
			return;
		(void)snprintf(text, sizeof(text), "%s (%s, uid %u) has it %s", p->name, p->pid,
			       p->uid, mode);
		way = add_once(l, &l->w->nodes[i], SL_WAY_PROCESS, p->uid != 0, text);
		if (way && way->open)
			(void)snprintf(way->close, sizeof(way->close), "kill %s", p->pid);
	}
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

/* Adds a way to every node of this name or, unless both are 0, block node of this number. */
static void use(struct sl_looking *l, enum sl_way_kind kind, const char *name, unsigned major,
		unsigned minor, const char *text)
{
	for (unsigned i = 0; i < l->w->n_nodes; i++) {
		const struct sl_way_node *n = &l->w->nodes[i];
		bool number = (major || minor) && n->major == major && n->minor == minor;

		/* nvmet's passthrough exports a controller by its character node. */
		if ((n->block || kind == SL_WAY_EXPORT) && (number || !strcmp(n->name, name)))
			(void)add_once(l, n, kind, false, text);
	}
}

/* What a process has mounted: each mount namespace has its own list. */
static void mounts(struct sl_looking *l, const char *pid)
{
	char path[SL_WAYS_PATH], *line = NULL, text[256];
	size_t size = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s/mountinfo", l->roots->proc, pid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		char where[128] = "", type[32] = "", source[128] = "";
		const char *rest = strstr(line, " - ");
		unsigned major, minor;

		if (!rest || sscanf(line, "%*s %*s %u:%u %*s %127s", &major, &minor, where) != 3 ||
		    sscanf(rest, " - %31s %127s", type, source) != 2)
			continue;
		(void)snprintf(text, sizeof(text), "%s on %s", type, where);
		/* Not every source is a node: "server:/export/sda1" is none. */
		use(l, SL_WAY_MOUNT, strncmp(source, "/dev/", 5) ? "" : last(source), major, minor,
		    text);
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
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%255s", file) == 1 && file[0] == '/')
			use(l, SL_WAY_SWAP, last(file), 0, 0, "the kernel swaps to it");
	if (f)
		(void)fclose(f);
}

/* --- exports ------------------------------------------------------------------------------ */

/* One namespace of an nvmet subsystem, or the device that it passes commands through to. */
static void export(struct sl_looking *l, const char *subsystem, const char *below)
{
	char path[256], enabled[8], any[8], text[256];

	sl_way_line(path, sizeof(path), "%s/%s/%s/device_path", l->roots->sys, subsystem, below);
	sl_way_line(enabled, sizeof(enabled), "%s/%s/%s/enable", l->roots->sys, subsystem, below);
	sl_way_line(any, sizeof(any), "%s/%s/attr_allow_any_host", l->roots->sys, subsystem);
	if (enabled[0] != '1' || !path[0])
		return;
	(void)snprintf(text, sizeof(text), "nvmet serves it to %s as %.180s",
		       any[0] == '1' ? "any host" : "the hosts it allows", last(subsystem));
	use(l, SL_WAY_EXPORT, last(path), 0, 0, text);
}

static void exported_namespace(struct sl_looking *l, void *arg, const char *name)
{
	char below[300];

	(void)snprintf(below, sizeof(below), "namespaces/%s", name);
	export(l, arg, below);
}

static void exported_subsystem(struct sl_looking *l, void *arg, const char *name)
{
	char subsystem[512], path[SL_WAYS_PATH];

	(void)snprintf(subsystem, sizeof(subsystem), "%s/%s", (const char *)arg, name);
	(void)snprintf(path, sizeof(path), "%s/%s/namespaces", l->roots->sys, subsystem);
	sl_way_each(l, path, exported_namespace, subsystem);
	export(l, subsystem, "passthru");
}

static void exports(struct sl_looking *l)
{
	char below[] = "kernel/config/nvmet/subsystems", path[SL_WAYS_PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", l->roots->sys, below);
	sl_way_each(l, path, exported_subsystem, below);
}

/* What holds the block node of this number. */
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

	mounts(l, "1");
	mounts(l, "self");
	swaps(l);
	exports(l);
	for (unsigned i = 0; i < l->w->n_nodes; i++) {
		if (!l->w->nodes[i].block)
			continue;
		(void)snprintf(path, sizeof(path), "%s/class/block/%s/holders", l->roots->sys,
			       l->w->nodes[i].name);
		sl_way_each(l, path, holder, &i);
	}
	sl_way_each(l, l->roots->proc, process, NULL);
}
