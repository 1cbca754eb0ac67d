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

/* NVM Express Base Specification 2.1, §5.1.13: Identify. */
#define NVME_ADMIN_IDENTIFY  0x06
#define NVME_ID_CNS_NS	     0x00
#define NVME_ID_CNS_CTRL     0x01
#define NVME_ID_CNS_ACTIVE   0x02
#define NVME_ID_CNS_DESCS    0x03
#define NVME_ID_CTRL_VER     80 /* Identify Controller, VER */
#define NVME_VER_1_3	     0x10300u
#define NVME_ID_SIZE	     4096
#define NVME_NSID_MAX_ACTIVE 1024
/* Identify Namespace, NVM Command Set Specification 1.1, figure 97. */
#define NVME_ID_NS_NSZE	 0
#define NVME_ID_NS_NLBAF 25
#define NVME_ID_NS_FLBAS 26
#define NVME_ID_NS_NGUID 104
#define NVME_ID_NS_EUI64 120
#define NVME_ID_NS_LBAF0 128
#define NVME_FLBAS_EXT	 0x10
/* Namespace Identification Descriptor types, §5.1.13.2.3. */
#define NVME_NIDT_UUID 3
#define NVME_NIDT_CSI  4

void sl_nodes_identify(uint16_t device, uint8_t cns, uint32_t nsid, struct sl_command *ret)
{
	*ret = (struct sl_command){
		.set = SL_SET_NVME_ADMIN,
		.dir = SL_DIR_IN,
		.door = SL_DOOR_CTRL,
		.req_len = SL_REQ_MAX,
		.device = device,
		.data_len = NVME_ID_SIZE,
	};
	ret->req[0] = NVME_ADMIN_IDENTIFY;
	sl_put_le32(ret->req + 4, nsid);
	ret->req[40] = cns;
}

/* 1: answered, ret filled. 0: refused or failed by the gate or the device. <0: the connection. */
static int identify(const struct sl_nodes *n, uint16_t device, uint8_t cns, uint32_t nsid,
		    uint8_t *ret)
{
	struct sl_command cmd;
	struct sl_client_reply *r = malloc(sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	sl_nodes_identify(device, cns, nsid, &cmd);
	e = n->ask(n->user, &cmd, r);
	if (e == 0 && r->c.outcome == SL_OUTCOME_OK && r->c.status == 0 &&
	    r->c.data_len == NVME_ID_SIZE) {
		memcpy(ret, r->data, NVME_ID_SIZE);
		e = 1;
	}
	free(r);
	return e;
}

static void read_descriptors(const uint8_t *p, struct sl_ns *ns)
{
	for (size_t at = 0; at + 4 <= NVME_ID_SIZE && p[at] != 0; at += 4u + p[at + 1]) {
		const uint8_t *v = p + at + 4;

		if (at + 4u + p[at + 1] > NVME_ID_SIZE)
			break;
		if (p[at] == NVME_NIDT_UUID && p[at + 1] == 16)
			memcpy(ns->uuid, v, 16);
		if (p[at] == NVME_NIDT_CSI && p[at + 1] == 1)
			ns->csi = v[0];
	}
}

static void read_namespace(const uint8_t *p, struct sl_ns *ns)
{
	/* FLBAS bits 6:5 are the high part of the index (more than 16 formats). */
	unsigned f = (p[NVME_ID_NS_FLBAS] & 0xfu) | (p[NVME_ID_NS_FLBAS] >> 1 & 0x30u);
	const uint8_t *lbaf = p + NVME_ID_NS_LBAF0 + 4 * (size_t)f;

	memcpy(ns->nguid, p + NVME_ID_NS_NGUID, 16);
	memcpy(ns->eui64, p + NVME_ID_NS_EUI64, 8);
	if (lbaf[2] < 9 || lbaf[2] > 16)
		return; /* no LBA size that a block device could have */
	ns->blocks = sl_get_le64(p + NVME_ID_NS_NSZE);
	if (ns->blocks > (uint64_t)INT64_MAX >> lbaf[2]) {
		ns->blocks = 0;
		return;
	}
	ns->meta_size = sl_get_le16(lbaf);
	ns->ext = (p[NVME_ID_NS_FLBAS] & NVME_FLBAS_EXT) && ns->meta_size;
	ns->lba_shift = lbaf[2];
}

void sl_nodes_update(struct sl_ns *ns, const uint8_t *page)
{
	ns->stale = false;
	ns->lba_shift = 0;
	ns->blocks = 0;
	ns->meta_size = 0;
	ns->ext = false;
	if (page)
		read_namespace(page, ns);
}

static struct sl_node *add_node(struct sl_nodes *n, unsigned ctrl, enum sl_door door)
{
	struct sl_node *p;

	if (n->n_node == SL_NODES_MAX)
		return NULL;
	p = &n->node[n->n_node++];
	*p = (struct sl_node){.door = (uint8_t)door, .ctrl = ctrl, .fd = {-1, -1, -1}};
	return p;
}

static int add_namespace(struct sl_nodes *n, unsigned ctrl, uint32_t nsid)
{
	const struct sl_ctrl *c = &n->ctrl[ctrl];
	unsigned at = n->n_ns;
	struct sl_ns *ns = &n->ns[at];
	uint8_t page[NVME_ID_SIZE];
	struct sl_node *node;
	int r;

	if (n->n_ns == SL_NODES_MAX)
		return -ENOSPC;
	n->n_ns++;
	*ns = (struct sl_ns){.nsid = nsid};
	/* Before 1.3 there is no such list; asking would leave an entry in the device's error log.
	 */
	r = 0;
	if (sl_get_le32(c->id + NVME_ID_CTRL_VER) >= NVME_VER_1_3)
		r = identify(n, c->device, NVME_ID_CNS_DESCS, nsid, page);
	if (r > 0)
		read_descriptors(page, ns);
	if (r >= 0)
		r = identify(n, c->device, NVME_ID_CNS_NS, nsid, page);
	if (r < 0)
		return r;
	sl_nodes_update(ns, r > 0 ? page : NULL);

	node = add_node(n, ctrl, SL_DOOR_NS_BLOCK);
	if (!node)
		return -ENOSPC;
	snprintf(node->name, sizeof(node->name), "%.*sn%u", SL_NODE_NAME - 16, c->name, nsid);
	node->nsid = nsid;
	node->ns = at;
	node->mode = S_IFBLK | 0660;
	node->rdev = makedev(SL_RDEV_BLOCK, at);
	if (!c->standard)
		return 0;
	node = add_node(n, ctrl, SL_DOOR_NS_CHAR);
	if (!node)
		return -ENOSPC;
	snprintf(node->name, sizeof(node->name), "ng%un%u", c->instance, nsid);
	node->nsid = nsid;
	node->ns = at;
	node->mode = S_IFCHR | 0600;
	node->rdev = makedev(SL_RDEV_GENERIC, at);
	return 0;
}

/* "nvme12" → 12; false when it is not exactly that. */
static bool standard_name(const char *name, unsigned *ret)
{
	int end = 0;

	return sscanf(name, "nvme%5u%n", ret, &end) == 1 && name[end] == '\0';
}

static int add_controller(struct sl_nodes *n, const struct sl_run_device *d, struct sl_diag *reterr)
{
	unsigned i = n->n_ctrl;
	struct sl_ctrl *c = &n->ctrl[i];
	uint8_t list[NVME_ID_SIZE];
	struct sl_node *node;
	int r;

	*c = (struct sl_ctrl){.device = (uint16_t)d->device, .max_transfer = SL_WIRE_DATA_MAX};
	if (strncmp(d->path, "/dev/", 5) != 0 || strlen(d->path + 5) > SL_NODE_NAME - 16 ||
	    d->path[5] == '\0' || strstr(d->path, "/.") || strstr(d->path, "//"))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0,
				   "%s: a mapped path must be below /dev, like /dev/nvme0",
				   d->path);
	snprintf(c->name, sizeof(c->name), "%s", d->path + 5);
	c->standard = standard_name(c->name, &c->instance);
	if (!c->standard) {
		unsigned k, p;

		if (sscanf(c->name, "nvme%5un%5u", &k, &p) == 2)
			return sl_diag_set(reterr, -EINVAL, "", 0, 0,
					   "%s is a namespace: map the controller, /dev/nvme%u; "
					   "namespaces follow from it",
					   d->path, k);
		c->instance = 1000 + i; /* a number for sysfs that no nvmeN is likely to have */
	}
	for (unsigned k = 0; k < i; k++) {
		if (strcmp(n->ctrl[k].name, c->name) == 0)
			return sl_diag_set(reterr, -EEXIST, "", 0, 0, "%s is mapped twice",
					   d->path);
	}
	n->n_ctrl++;
	node = add_node(n, i, SL_DOOR_CTRL);
	if (!node)
		return -ENOMEM;
	memcpy(node->name, c->name, sizeof(node->name));
	node->mode = S_IFCHR | 0600;
	node->rdev = makedev(SL_RDEV_CTRL, i);

	r = identify(n, c->device, NVME_ID_CNS_CTRL, 0, c->id);
	c->known = r > 0;
	if (r >= 0)
		r = identify(n, c->device, NVME_ID_CNS_ACTIVE, 0, list);
	if (r < 0)
		return sl_diag_set(reterr, r, "", 0, 0, "%s: the broker does not answer", d->path);
	for (unsigned k = 0; r > 0 && k < NVME_NSID_MAX_ACTIVE; k++) {
		uint32_t nsid = sl_get_le32(list + 4 * (size_t)k);
		int e;

		if (nsid == 0)
			break;
		e = add_namespace(n, i, nsid);
		if (e < 0)
			return sl_diag_set(reterr, e, "", 0, 0, "%s: namespace %u: %s", d->path,
					   nsid, strerror(-e));
	}
	return 0;
}

/* Before there is a tool. */
static int ask_client(void *user, const struct sl_command *cmd, struct sl_client_reply *ret)
{
	return sl_client_call(user, cmd, NULL, NULL, ret);
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
		else if (w[i].protocol != SL_WIRE_NVME)
			r = sl_diag_set(reterr, -EPROTONOSUPPORT, "", 0, 0,
					"%s: not an NVMe device", cfg->devices[i].path);
	}
	for (unsigned i = 0; r == 0 && i < cfg->n_devices; i++) {
		r = add_controller(n, &cfg->devices[i], reterr);
		if (r == 0 && w[i].max_transfer && w[i].max_transfer < SL_WIRE_DATA_MAX)
			n->ctrl[i].max_transfer = w[i].max_transfer;
	}
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

static bool in_list(const uint8_t *list, uint32_t nsid)
{
	for (unsigned k = 0; k < NVME_NSID_MAX_ACTIVE; k++) {
		if (sl_get_le32(list + 4 * (size_t)k) == nsid)
			return true;
	}
	return false;
}

/* One controller against its list of active namespaces. */
static void follow(struct sl_nodes *n, unsigned ctrl, const uint8_t *list, int dev, int sys)
{
	unsigned known = n->n_node;
	unsigned first;

	for (unsigned i = 0; i < known; i++) {
		struct sl_node *node = &n->node[i];

		if (node->ctrl != ctrl || !node->nsid || node->gone || in_list(list, node->nsid))
			continue;
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
	for (unsigned k = 0; k < NVME_NSID_MAX_ACTIVE; k++) {
		uint32_t nsid = sl_get_le32(list + 4 * (size_t)k);
		bool there = nsid == 0;

		for (unsigned i = 0; !there && i < known; i++) {
			const struct sl_node *o = &n->node[i];

			there = o->ctrl == ctrl && o->nsid == nsid && !o->gone;
		}
		first = n->n_node;
		if (there || add_namespace(n, ctrl, nsid) < 0)
			continue;
		for (unsigned i = first; i < n->n_node; i++) {
			if (create_node(&n->node[i], dev) == 0)
				sl_sysfs_add(n, sys, &n->node[i]);
		}
	}
}

void sl_nodes_rescan(struct sl_nodes *n, uint16_t device, int dev, int sys)
{
	uint8_t list[NVME_ID_SIZE];

	for (unsigned i = 0; i < n->n_ns; i++)
		n->ns[i].stale = true;
	for (unsigned i = 0; i < n->n_ctrl; i++) {
		if (n->ctrl[i].device == device &&
		    identify(n, device, NVME_ID_CNS_ACTIVE, 0, list) > 0)
			follow(n, i, list, dev, sys);
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
