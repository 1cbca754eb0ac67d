/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of the mapped devices in the private /sys. Everything comes from what the devices say
 * as the client may see it; there is no attribute that does anything. Devices that are not named
 * as Linux names them have no entry: tools find entries by name.
 */
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

void sl_tree_dir(struct sl_tree *t, const char *path)
{
	char part[256];

	for (const char *p = path; t->error == 0 && *p; p++) {
		if (p[1] != '/' && p[1] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p + 1 - path), path);
		if (mkdirat(t->sys, part, 0755) < 0 && errno != EEXIST)
			t->error = -errno;
	}
}

void sl_tree_put_bytes(struct sl_tree *t, const char *dir, const char *name, const void *p,
		       size_t n)
{
	char path[256];
	int fd;

	if (t->error)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = openat(t->sys, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		t->error = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
}

void sl_tree_put(struct sl_tree *t, const char *dir, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sl_tree_put_bytes(t, dir, name, text, (size_t)n);
}

void sl_tree_link(struct sl_tree *t, const char *dir, const char *name, const char *fmt, ...)
{
	char path[256], to[256], target[512] = "";
	va_list ap;

	sl_tree_dir(t, dir);
	va_start(ap, fmt);
	vsnprintf(to, sizeof(to), fmt, ap);
	va_end(ap);
	for (const char *p = dir; p; p = strchr(p + 1, '/'))
		strcat(target, "../");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	strncat(target, to, sizeof(target) - strlen(target) - 1);
	if (t->error == 0 && symlinkat(target, t->sys, path) < 0 && errno != EEXIST)
		t->error = -errno;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "class/block"; of "bus/cxl/devices": "bus/cxl". */
static void subsystem_of(const struct sl_node *node, char *ret, size_t size)
{
	char *devices;

	snprintf(ret, size, "%s", node->group);
	devices = strstr(ret, "/devices");
	if (devices)
		*devices = '\0';
}

/* "dev/char/243:0". */
static void number_of(const struct sl_node *node, char *ret_dir, char *ret_name, size_t size)
{
	snprintf(ret_dir, size, "dev/%s", S_ISBLK(node->mode) ? "block" : "char");
	snprintf(ret_name, size, "%u:%u", major(node->rdev), minor(node->rdev));
}

void sl_tree_device(struct sl_tree *t, const struct sl_node *node)
{
	char subsystem[32], dir[32], number[32];

	sl_tree_dir(t, node->sys);
	number_of(node, dir, number, sizeof(number));
	sl_tree_put(t, node->sys, "dev", "%s\n", number);
	sl_tree_put(t, node->sys, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n%s", major(node->rdev),
		    minor(node->rdev), node->name, S_ISBLK(node->mode) ? "DEVTYPE=disk\n" : "");
	subsystem_of(node, subsystem, sizeof(subsystem));
	sl_tree_link(t, node->sys, "subsystem", "%s", subsystem);
	sl_tree_link(t, node->group, last_part(node->sys), "%s", node->sys);
	sl_tree_link(t, dir, number, "%s", node->sys);
	if (S_ISBLK(node->mode))
		sl_tree_link(t, "block", last_part(node->sys), "%s", node->sys);
}

void sl_tree_block(struct sl_tree *t, const char *dir, const struct sl_ns *ns)
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

	sl_tree_put(t, dir, "size", "%llu\n",
		    ns->lba_shift ? (unsigned long long)(ns->blocks << (ns->lba_shift - 9)) : 0ull);
	sl_tree_put(t, dir, "range", "0\n");
	sl_tree_put(t, dir, "stat", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	sl_tree_put(t, dir, "inflight", "0 0\n");
	for (size_t i = 0; i < SL_COUNT(zero); i++)
		sl_tree_put(t, dir, zero[i], "0\n");
	snprintf(queue, sizeof(queue), "%s/queue", dir);
	sl_tree_dir(t, queue);
	sl_tree_put(t, queue, "logical_block_size", "%u\n", lba);
	sl_tree_put(t, queue, "physical_block_size", "%u\n", lba);
	sl_tree_put(t, queue, "hw_sector_size", "%u\n", lba);
	sl_tree_put(t, queue, "minimum_io_size", "%u\n", lba);
	sl_tree_put(t, queue, "optimal_io_size", "0\n");
	sl_tree_put(t, queue, "max_sectors_kb", "%u\n", SL_WIRE_DATA_MAX >> 10);
	sl_tree_put(t, queue, "zoned", "none\n");
	sl_tree_put(t, queue, "scheduler", "[none]\n");
	for (size_t i = 0; i < SL_COUNT(queue_zero); i++)
		sl_tree_put(t, queue, queue_zero[i], "0\n");
}

int sl_sysfs_create(const struct sl_nodes *n, int sys, struct sl_diag *reterr)
{
	/* There also where no device has entries: tools look into them. */
	static const char *const dirs[] = {
		"block",       "bus",	      "class/nvme", "class/nvme-subsystem",
		"class/block", "dev/block",   "dev/char",   "class/nvme-generic",
		"module",      SL_SYSFS_HOME,
	};
	struct sl_tree t = {.sys = sys};

	for (size_t i = 0; i < SL_COUNT(dirs); i++)
		sl_tree_dir(&t, dirs[i]);
	for (unsigned i = 0; i < n->n_node; i++) {
		const struct sl_node *node = &n->node[i];

		if (node->sys[0])
			n->ctrl[node->ctrl].family->sysfs(&t, n, node);
	}
	if (t.error)
		return sl_diag_set(reterr, t.error, "", 0, 0, "cannot make the private /sys: %s",
				   strerror(-t.error));
	return 0;
}

void sl_sysfs_add(const struct sl_nodes *n, int sys, const struct sl_node *node)
{
	struct sl_tree t = {.sys = sys};

	if (node->sys[0])
		n->ctrl[node->ctrl].family->sysfs(&t, n, node);
}

void sl_sysfs_remove(const struct sl_nodes *n, int sys, const struct sl_node *node)
{
	char path[256], dir[32], number[32];

	if (!node->sys[0])
		return;
	snprintf(path, sizeof(path), "%s/%s", node->group, last_part(node->sys));
	(void)unlinkat(sys, path, 0);
	number_of(node, dir, number, sizeof(number));
	snprintf(path, sizeof(path), "%s/%s", dir, number);
	(void)unlinkat(sys, path, 0);
	snprintf(path, sizeof(path), "block/%s", last_part(node->sys));
	if (S_ISBLK(node->mode))
		(void)unlinkat(sys, path, 0);
	/* Out of sight; some tool may stand in it. */
	snprintf(path, sizeof(path), SL_SYSFS_HOME "/.gone-%u", (unsigned)(node - n->node));
	(void)renameat(sys, node->sys, sys, path);
}
