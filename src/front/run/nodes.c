/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes that the tool sees, and the directories that stand for them.
 *
 * A stand-in is a directory of the private /dev: opened for reading it opens by itself, and read,
 * mmap, splice and their like fail on it in the kernel. A directory per way of opening tells, from
 * st_dev and st_ino alone, which node a descriptor is for, wherever it was dup'ed or passed to. The
 * position of a block node is the directory's own, shared exactly as Linux shares positions.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"

static const struct sl_family *const families[] = {&sl_family_nvme, &sl_family_scsi, &sl_family_cxl,
						   &sl_family_fwctl};

static const struct sl_family *find_family(uint8_t protocol)
{
	for (size_t i = 0; i < SL_COUNT(families); i++) {
		if (families[i]->protocol == protocol)
			return families[i];
	}
	return NULL;
}

int sl_nodes_ask(const struct sl_nodes *n, const struct sl_command *cmd, const void *data,
		 uint8_t *ret, uint32_t *ret_len)
{
	struct sl_client_reply *r = malloc(sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	e = n->ask(n->user, cmd, data, r);
	if (e == 0 && r->c.outcome == SL_OUTCOME_OK && r->c.data_len <= SL_ID_MAX) {
		if (r->c.status == 0)
			memcpy(ret, r->data, r->c.data_len);
		*ret_len = r->c.data_len;
		e = 1 + r->c.status;
	}
	free(r);
	return e;
}

void sl_nodes_update(const struct sl_ctrl *ctrl, struct sl_ns *ns, const uint8_t *page,
		     uint32_t len)
{
	ns->stale = false;
	ns->lba_shift = 0;
	ns->blocks = 0;
	ns->meta_size = 0;
	ns->ext = false;
	if (page)
		ctrl->family->take_size(ns, page, len);
}

struct sl_node *sl_nodes_add(struct sl_nodes *n, unsigned ctrl, enum sl_door door)
{
	struct sl_node *p;

	if (n->n_node == SL_NODES_MAX)
		return NULL;
	p = &n->node[n->n_node++];
	*p = (struct sl_node){.door = (uint8_t)door, .ctrl = ctrl, .fd = {-1, -1, -1}};
	return p;
}

struct sl_ns *sl_nodes_add_ns(struct sl_nodes *n, uint32_t nsid)
{
	struct sl_ns *ns;

	if (n->n_ns == SL_NODES_MAX)
		return NULL;
	ns = &n->ns[n->n_ns++];
	*ns = (struct sl_ns){.nsid = nsid};
	return ns;
}

/* The family that a name below /dev belongs to; NULL: none in particular. */
static const struct sl_family *family_of(const char *name)
{
	for (size_t i = 0; i < SL_COUNT(families); i++) {
		for (const char *const *p = families[i]->names; *p; p++) {
			if (fnmatch(*p, name, 0) == 0)
				return families[i];
		}
	}
	return NULL;
}

static int add_device(struct sl_nodes *n, const struct sl_run_device *d,
		      const struct sl_wire_device *w, struct sl_diag *reterr)
{
	unsigned i = n->n_ctrl;
	struct sl_ctrl *c = &n->ctrl[i];
	const struct sl_family *named;

	*c = (struct sl_ctrl){
		.family = find_family(w->protocol),
		.device = (uint16_t)d->device,
		.max_transfer = SL_WIRE_DATA_MAX,
		.type = w->type,
	};
	if (w->max_transfer && w->max_transfer < SL_WIRE_DATA_MAX)
		c->max_transfer = w->max_transfer;
	if (!c->family)
		return sl_diag_set(reterr, -EPROTONOSUPPORT, "", 0, 0,
				   "%s: no kind of device that a tool could be shown", d->path);
	if (strncmp(d->path, "/dev/", 5) != 0 || strlen(d->path + 5) > SL_NODE_NAME - 16 ||
	    d->path[5] == '\0' || strstr(d->path, "/.") || strstr(d->path, "//"))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0,
				   "%s: a mapped path must be below /dev, like %s", d->path,
				   c->family->example);
	snprintf(c->name, sizeof(c->name), "%s", d->path + 5);
	/* A tool takes the name's word for it, and no command of its would be the device's. */
	named = family_of(c->name);
	if (named && named != c->family)
		return sl_diag_set(
			reterr, -EPROTOTYPE, "", 0, 0,
			"%s is the name of %s, and the device behind it is %s: map that to "
			"a path like %s",
			d->path, named->what, c->family->what, c->family->example);
	for (unsigned k = 0; k < i; k++) {
		if (strcmp(n->ctrl[k].name, c->name) == 0)
			return sl_diag_set(reterr, -EEXIST, "", 0, 0, "%s is mapped twice",
					   d->path);
	}
	n->n_ctrl++;
	return 0;
}

/* Before there is a tool. */
static int ask_client(void *user, const struct sl_command *cmd, const void *data,
		      struct sl_client_reply *ret)
{
	return sl_client_call(user, cmd, data, NULL, ret);
}

int sl_nodes_discover(struct sl_nodes *n, const struct sl_run_config *cfg, struct sl_diag *reterr)
{
	struct sl_wire_device *w;
	int r = 0;

	*n = (struct sl_nodes){.ask = ask_client, .user = cfg->client, .block = cfg->n_devices > 0};
	n->ctrl = calloc(cfg->n_devices + 1, sizeof(*n->ctrl));
	n->node = calloc(SL_NODES_MAX, sizeof(*n->node));
	n->ns = calloc(SL_NODES_MAX, sizeof(*n->ns));
	w = calloc(cfg->n_devices + 1, sizeof(*w));
	if (!n->ctrl || !n->node || !n->ns || !w)
		r = sl_diag_set(reterr, -ENOMEM, "", 0, 0, "out of memory");
	/* All descriptions come before the first command. */
	for (unsigned i = 0; r == 0 && i < cfg->n_devices; i++) {
		r = sl_client_query(cfg->client, cfg->devices[i].device, &w[i]);
		if (r < 0)
			sl_diag_set(reterr, r, "", 0, 0, "%s: the session has no such device",
				    cfg->devices[i].path);
		else
			r = add_device(n, &cfg->devices[i], &w[i], reterr);
	}
	/* Names that were asked for come before those that follow from them. */
	for (unsigned i = 0; r == 0 && i < n->n_ctrl; i++)
		r = n->ctrl[i].family->discover(n, i, reterr);
	free(w);
	return r;
}

void sl_nodes_done(struct sl_nodes *n)
{
	for (unsigned i = 0; i < n->n_node; i++) {
		for (unsigned a = 0; a < _SL_ACCESS_N; a++) {
			if (n->node[i].fd[a] >= 0)
				close(n->node[i].fd[a]);
		}
	}
	free(n->ctrl);
	free(n->ns);
	free(n->node);
	*n = (struct sl_nodes){0};
}

/*
 * A directory of the private /dev, which is the tool's to write in: no link of its making is
 * followed, or it would be handed a directory of the mounts outside.
 */
static int open_inside(int dev, const char *path, unsigned flags)
{
	struct open_how how = {
		.flags = flags | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dev, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The directory that a node's name lies in, made where it is missing. *ret_base: the rest. */
static int open_parent(int dev, const char *name, const char **ret_base)
{
	int at = open_inside(dev, ".", O_PATH);

	for (const char *slash; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
		char part[SL_NODE_NAME];
		int next;

		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		(void)mkdirat(at, part, 0755);
		next = open_inside(at, part, O_PATH);
		close(at);
		at = next;
	}
	*ret_base = name;
	return at;
}

/* Makes one directory, opens it, and for the hidden ones takes its name away again. */
static int stand_in(struct sl_node *node, enum sl_access access, int parent, const char *base)
{
	char name[SL_NODE_NAME + 8];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), access == SL_ACCESS_READ ? "%s" : "%s.rw", base);
	if (mkdirat(parent, name, 0700) < 0)
		return -errno;
	fd = open_inside(parent, name, O_RDONLY);
	if (fd < 0)
		return fd;
	node->fd[access] = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	node->ino[access] = st.st_ino;
	if (access != SL_ACCESS_READ && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return -errno;
	return 0;
}

static int create_node(struct sl_node *node, int dev)
{
	const char *base;
	int parent = open_parent(dev, node->name, &base);
	int r = parent < 0 ? parent : 0;

	for (unsigned a = 0; r == 0 && a < _SL_ACCESS_N; a++)
		r = stand_in(node, (enum sl_access)a, parent, base);
	if (parent >= 0)
		close(parent);
	return r;
}

static void remove_node(const struct sl_node *node, int dev)
{
	const char *base;
	int parent = open_parent(dev, node->name, &base);

	if (parent < 0)
		return;
	(void)unlinkat(parent, base, AT_REMOVEDIR);
	close(parent);
}

int sl_nodes_create(struct sl_nodes *n, int dev, struct sl_diag *reterr)
{
	struct stat st;

	if (fstat(dev, &st) < 0)
		return sl_diag_set(reterr, -errno, "", 0, 0, "cannot look at the private /dev");
	n->dev = st.st_dev;
	for (unsigned i = 0; i < n->n_node; i++) {
		int r = create_node(&n->node[i], dev);

		if (r < 0)
			return sl_diag_set(reterr, r, "", 0, 0, "cannot make /dev/%s: %s",
					   n->node[i].name, strerror(-r));
	}
	return 0;
}

void sl_nodes_appear(struct sl_nodes *n, struct sl_node *node, int dev, int sys)
{
	if (create_node(node, dev) == 0)
		sl_sysfs_add(n, sys, node);
}

void sl_nodes_vanish(struct sl_nodes *n, struct sl_node *node, int dev, int sys)
{
	node->gone = true;
	/* The one that stays answers fstat for descriptors that the tool still has. */
	for (unsigned a = 0; a < _SL_ACCESS_N; a++) {
		if (a != SL_ACCESS_READ && node->fd[a] >= 0) {
			close(node->fd[a]);
			node->fd[a] = -1;
		}
	}
	remove_node(node, dev);
	sl_sysfs_remove(n, sys, node);
}

void sl_nodes_rescan(struct sl_nodes *n, uint16_t device, int dev, int sys)
{
	for (unsigned i = 0; i < n->n_ns; i++)
		n->ns[i].stale = true;
	for (unsigned i = 0; i < n->n_ctrl; i++) {
		if (n->ctrl[i].device == device && n->ctrl[i].family->rescan)
			n->ctrl[i].family->rescan(n, i, dev, sys);
	}
}

const struct sl_node *sl_nodes_find(const struct sl_nodes *n, const struct stat *st,
				    enum sl_access *ret_access)
{
	if (st->st_dev != n->dev)
		return NULL;
	for (unsigned i = 0; i < n->n_node; i++) {
		for (unsigned a = 0; a < _SL_ACCESS_N; a++) {
			if (n->node[i].ino[a] == st->st_ino) {
				*ret_access = (enum sl_access)a;
				return &n->node[i];
			}
		}
	}
	return NULL;
}
