/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of the mapped devices in the private /sys, laid out as Linux does without multipath.
 * Everything comes from Identify as the client may see it; there is no attribute that does
 * anything. Controllers that are not named nvmeN have no entry: tools find entries by that name.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"

/* Identify Controller, Base Specification 2.1, figure 328. */
#define NVME_ID_CTRL_VID    0
#define NVME_ID_CTRL_SN	    4
#define NVME_ID_CTRL_MN	    24
#define NVME_ID_CTRL_FR	    64
#define NVME_ID_CTRL_CNTLID 78
#define NVME_ID_CTRL_SUBNQN 768

/* Where the controllers live: /sys/devices/sluice/nvme0. */
#define HOME "devices/sluice"

/* One tree under construction; the first error sticks. */
struct tree {
	int sys;
	int error;
};

static void make_dir(struct tree *t, const char *path)
{
	if (t->error == 0 && mkdirat(t->sys, path, 0755) < 0 && errno != EEXIST)
		t->error = -errno;
}

static void __attribute__((format(printf, 4, 5)))
put(struct tree *t, const char *dir, const char *name, const char *fmt, ...)
{
	char path[256], text[512];
	va_list ap;
	int fd, n;

	if (t->error)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = openat(t->sys, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		t->error = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
}

static void __attribute__((format(printf, 3, 4)))
put_link(struct tree *t, const char *target, const char *fmt, ...)
{
	char path[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (t->error == 0 && symlinkat(target, t->sys, path) < 0)
		t->error = -errno;
}

/* What every device has: its number, its uevent, its class, and the ways to it. */
static void put_device(struct tree *t, const char *dir, const struct sl_node *node,
		       const char *class, const char *up)
{
	bool block = node->door == SL_DOOR_NS_BLOCK;
	unsigned maj = major(node->rdev), min = minor(node->rdev);
	char target[256];

	put(t, dir, "dev", "%u:%u\n", maj, min);
	put(t, dir, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n%s", maj, min, node->name,
	    block ? "DEVTYPE=disk\n" : "");
	snprintf(target, sizeof(target), "%sclass/%s", up, class);
	put_link(t, target, "%s/subsystem", dir);
	snprintf(target, sizeof(target), "../../%s", dir);
	put_link(t, target, "class/%s/%s", class, node->name);
	put_link(t, target, "dev/%s/%u:%u", block ? "block" : "char", maj, min);
}

static bool is_set(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return true;
	}
	return false;
}

static const char *hex(const uint8_t *p, size_t n, char *buf)
{
	for (size_t i = 0; i < n; i++)
		sprintf(buf + 2 * i, "%02x", p[i]);
	return buf;
}

static const char *uuid_text(const uint8_t *p, char *buf)
{
	char h[33];

	hex(p, 16, h);
	sprintf(buf, "%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
	return buf;
}

/* As Linux composes it: the best identifier there is. */
static void put_wwid(struct tree *t, const char *dir, const struct sl_ctrl *c,
		     const struct sl_ns *ns)
{
	char buf[81], model[81];
	size_t sn = 20, mn = 40;

	if (is_set(ns->uuid, 16)) {
		put(t, dir, "wwid", "uuid.%s\n", uuid_text(ns->uuid, buf));
	} else if (is_set(ns->nguid, 16)) {
		put(t, dir, "wwid", "eui.%s\n", hex(ns->nguid, 16, buf));
	} else if (is_set(ns->eui64, 8)) {
		put(t, dir, "wwid", "eui.%s\n", hex(ns->eui64, 8, buf));
	} else {
		while (sn && (c->id[NVME_ID_CTRL_SN + sn - 1] == ' ' ||
			      c->id[NVME_ID_CTRL_SN + sn - 1] == 0))
			sn--;
		while (mn && (c->id[NVME_ID_CTRL_MN + mn - 1] == ' ' ||
			      c->id[NVME_ID_CTRL_MN + mn - 1] == 0))
			mn--;
		put(t, dir, "wwid", "nvme.%04x-%s-%s-%08x\n", sl_get_le16(c->id + NVME_ID_CTRL_VID),
		    hex(c->id + NVME_ID_CTRL_SN, sn, buf), hex(c->id + NVME_ID_CTRL_MN, mn, model),
		    ns->nsid);
	}
}

static void put_namespace_ids(struct tree *t, const char *dir, const struct sl_ctrl *c,
			      const struct sl_ns *ns)
{
	char buf[64];

	put(t, dir, "nsid", "%u\n", ns->nsid);
	put_wwid(t, dir, c, ns);
	if (is_set(ns->uuid, 16))
		put(t, dir, "uuid", "%s\n", uuid_text(ns->uuid, buf));
	if (is_set(ns->nguid, 16))
		put(t, dir, "nguid", "%s\n", uuid_text(ns->nguid, buf));
	if (is_set(ns->eui64, 8)) {
		const uint8_t *e = ns->eui64;

		put(t, dir, "eui", "%02x %02x %02x %02x %02x %02x %02x %02x\n", e[0], e[1], e[2],
		    e[3], e[4], e[5], e[6], e[7]);
	}
}

static void put_block(struct tree *t, const char *dir, const struct sl_ns *ns)
{
	static const char *const zero[] = {
		"ro",	     "removable", "hidden", "alignment_offset", "discard_alignment",
		"ext_range", "capability"};
	static const char *const queue_zero[] = {"rotational",
						 "discard_granularity",
						 "discard_max_bytes",
						 "write_zeroes_max_bytes",
						 "zoned_append_max_bytes",
						 "add_random",
						 "dax",
						 "nr_zones"};
	unsigned lba = ns->lba_shift ? 1u << ns->lba_shift : 512;
	char queue[256];

	put(t, dir, "size", "%llu\n",
	    ns->lba_shift ? (unsigned long long)(ns->blocks << (ns->lba_shift - 9)) : 0ull);
	put(t, dir, "range", "0\n");
	put(t, dir, "stat", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	put(t, dir, "inflight", "0 0\n");
	for (size_t i = 0; i < SL_COUNT(zero); i++)
		put(t, dir, zero[i], "0\n");
	snprintf(queue, sizeof(queue), "%s/queue", dir);
	make_dir(t, queue);
	put(t, queue, "logical_block_size", "%u\n", lba);
	put(t, queue, "physical_block_size", "%u\n", lba);
	put(t, queue, "hw_sector_size", "%u\n", lba);
	put(t, queue, "minimum_io_size", "%u\n", lba);
	put(t, queue, "optimal_io_size", "0\n");
	put(t, queue, "max_sectors_kb", "%u\n", SL_WIRE_DATA_MAX >> 10);
	put(t, queue, "zoned", "none\n");
	put(t, queue, "scheduler", "[none]\n");
	for (size_t i = 0; i < SL_COUNT(queue_zero); i++)
		put(t, queue, queue_zero[i], "0\n");
}

/* A field of Identify as Linux shows it: its full width, up to a NUL. */
static void put_field(struct tree *t, const char *dir, const char *name, const struct sl_ctrl *c,
		      size_t at, int width)
{
	char buf[260];

	snprintf(buf, sizeof(buf), "%.*s", width, (const char *)c->id + at);
	for (char *p = buf; *p; p++) {
		if (!isprint((unsigned char)*p))
			*p = '?';
	}
	put(t, dir, name, "%s\n", buf);
}

/* Tools take two controllers of one name for one subsystem; each of ours is its own. */
static bool has_own_nqn(const struct sl_nodes *n, const struct sl_ctrl *c)
{
	if (memcmp(c->id + NVME_ID_CTRL_SUBNQN, "nqn.", 4) != 0)
		return false;
	for (const struct sl_ctrl *o = n->ctrl; o < c; o++) {
		if (memcmp(o->id + NVME_ID_CTRL_SUBNQN, c->id + NVME_ID_CTRL_SUBNQN, 256) == 0)
			return false;
	}
	return true;
}

static void put_identity(struct tree *t, const char *dir, const struct sl_nodes *n,
			 const struct sl_ctrl *c)
{
	put_field(t, dir, "model", c, NVME_ID_CTRL_MN, 40);
	put_field(t, dir, "serial", c, NVME_ID_CTRL_SN, 20);
	put_field(t, dir, "firmware_rev", c, NVME_ID_CTRL_FR, 8);
	/* Linux makes one up where the device has none; so do we. */
	if (has_own_nqn(n, c))
		put_field(t, dir, "subsysnqn", c, NVME_ID_CTRL_SUBNQN, 223);
	else
		put(t, dir, "subsysnqn", "nqn.2014.08.org.nvmexpress:sluice:%s\n", c->name);
}

static void put_controller(struct tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	const struct sl_ctrl *c = &n->ctrl[node->ctrl];
	char dir[128], sub[128], target[160];

	snprintf(dir, sizeof(dir), HOME "/%s", c->name);
	make_dir(t, dir);
	put_device(t, dir, node, "nvme", "../../../");
	put_identity(t, dir, n, c);
	put(t, dir, "cntlid", "%u\n", sl_get_le16(c->id + NVME_ID_CTRL_CNTLID));
	put(t, dir, "state", "live\n");
	/* It must be one that tools know; the domain is one that no machine has. */
	put(t, dir, "transport", "pcie\n");
	put(t, dir, "address", "ffff:%02x:00.0\n", c->instance & 0xff);
	put(t, dir, "numa_node", "-1\n");
	put(t, dir, "queue_count", "2\n");
	put(t, dir, "sqsize", "1023\n");
	put(t, dir, "cntrltype", "io\n");
	put(t, dir, "dctype", "none\n");
	put(t, dir, "kato", "0\n");

	snprintf(sub, sizeof(sub), HOME "/nvme-subsys%u", c->instance);
	make_dir(t, sub);
	put_identity(t, sub, n, c);
	put(t, sub, "subsystype", "nvm\n");
	put(t, sub, "iopolicy", "numa\n");
	snprintf(target, sizeof(target), "../%s", c->name);
	put_link(t, target, "%s/%s", sub, c->name);
	snprintf(target, sizeof(target), "../../%s", sub);
	put_link(t, target, "class/nvme-subsystem/nvme-subsys%u", c->instance);
	put_link(t, "../../../class/nvme-subsystem", "%s/subsystem", sub);
}

static void put_namespace(struct tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	const struct sl_ctrl *c = &n->ctrl[node->ctrl];
	const struct sl_ns *ns = &n->ns[node->ns];
	bool block = node->door == SL_DOOR_NS_BLOCK;
	char dir[192], target[224];

	snprintf(dir, sizeof(dir), HOME "/%s/%s", c->name, node->name);
	make_dir(t, dir);
	put_device(t, dir, node, block ? "block" : "nvme-generic", "../../../../");
	snprintf(target, sizeof(target), "../../%s", c->name);
	put_link(t, target, "%s/device", dir);
	if (!block)
		return;
	put_namespace_ids(t, dir, c, ns);
	put_block(t, dir, ns);
	snprintf(target, sizeof(target), "../%s", dir);
	put_link(t, target, "block/%s", node->name);
}

int sl_sysfs_create(const struct sl_nodes *n, int sys, struct sl_diag *reterr)
{
	static const char *const dirs[] = {
		"block",
		"bus",
		"class",
		"class/nvme",
		"class/nvme-subsystem",
		"class/block",
		"dev",
		"class/nvme-generic",
		"dev/block",
		"dev/char",
		"devices",
		"module",
		HOME,
	};
	struct tree t = {.sys = sys};

	for (size_t i = 0; i < SL_COUNT(dirs); i++)
		make_dir(&t, dirs[i]);
	for (unsigned i = 0; i < n->n_node; i++) {
		const struct sl_node *node = &n->node[i];

		if (!n->ctrl[node->ctrl].standard)
			continue;
		if (node->door == SL_DOOR_CTRL)
			put_controller(&t, n, node);
		else
			put_namespace(&t, n, node);
	}
	if (t.error)
		return sl_diag_set(reterr, t.error, "", 0, 0, "cannot make the private /sys: %s",
				   strerror(-t.error));
	return 0;
}

void sl_sysfs_add(const struct sl_nodes *n, int sys, const struct sl_node *node)
{
	struct tree t = {.sys = sys};

	if (n->ctrl[node->ctrl].standard)
		put_namespace(&t, n, node);
}

void sl_sysfs_remove(const struct sl_nodes *n, int sys, const struct sl_node *node)
{
	bool block = node->door == SL_DOOR_NS_BLOCK;
	char path[256], to[64];

	if (!n->ctrl[node->ctrl].standard)
		return;
	snprintf(path, sizeof(path), "class/%s/%s", block ? "block" : "nvme-generic", node->name);
	(void)unlinkat(sys, path, 0);
	snprintf(path, sizeof(path), "dev/%s/%u:%u", block ? "block" : "char", major(node->rdev),
		 minor(node->rdev));
	(void)unlinkat(sys, path, 0);
	snprintf(path, sizeof(path), "block/%s", node->name);
	if (block)
		(void)unlinkat(sys, path, 0);
	/* Out of sight; some tool may stand in it. */
	snprintf(path, sizeof(path), HOME "/%s/%s", n->ctrl[node->ctrl].name, node->name);
	snprintf(to, sizeof(to), HOME "/.gone-%u", (unsigned)(node - n->node));
	(void)renameat(sys, path, sys, to);
}
