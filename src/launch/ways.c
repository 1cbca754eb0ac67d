/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/ways-inside.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "launch/nvme-node.h"

const struct sl_ways_roots sl_ways_here = {.dev = "/dev", .sys = "/sys", .proc = "/proc"};

const char *sl_way_name(unsigned kind)
{
	static const char *const names[] = {
#define WAY(id, name) name,
		SL_WAYS(WAY)
#undef WAY
	};

	return kind < _SL_WAY_N ? names[kind] : NULL;
}

/* --- pieces ------------------------------------------------------------------------------- */

static void *grow(struct sl_looking *l, void *array, unsigned *n, size_t elem)
{
	void **at = array;
	uint8_t *p = realloc(*at, (*n + 1) * elem);

	if (!p) {
		l->error = -ENOMEM;
		return NULL;
	}
	*at = p;
	p += (*n)++ * elem;
	return memset(p, 0, elem);
}

struct sl_way *sl_way_add(struct sl_looking *l, unsigned device, enum sl_way_kind kind, bool open,
			  const char *at)
{
	struct sl_way *way = grow(l, &l->w->ways, &l->w->n_ways, sizeof(*way));

	if (!way)
		return NULL;
	way->device = device;
	way->kind = (uint8_t)kind;
	way->open = open;
	(void)snprintf(way->at, sizeof(way->at), "%s", at);
	return way;
}

void sl_way_line(char *ret, size_t size, const char *fmt, ...)
{
	char path[SL_WAYS_PATH];
	size_t n = 0;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	(void)vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	ret[0] = '\0';
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(ret, (int)size, f))
		n = strlen(ret);
	while (n && (ret[n - 1] == '\n' || ret[n - 1] == ' '))
		ret[--n] = '\0';
	(void)fclose(f);
}

void sl_way_link(char *ret, size_t size, const char *fmt, ...)
{
	char path[SL_WAYS_PATH], to[SL_WAYS_PATH];
	const char *base;
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	(void)vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	n = readlink(path, to, sizeof(to) - 1);
	to[n < 0 ? 0 : n] = '\0';
	base = strrchr(to, '/');
	(void)snprintf(ret, size, "%s", base ? base + 1 : to);
}

void sl_way_each(struct sl_looking *l, const char *dir,
		 void (*fn)(struct sl_looking *l, void *arg, const char *name), void *arg)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, versionsort);

	if (n < 0) {
		if (errno == ENOMEM)
			l->error = -ENOMEM;
		return; /* a directory that is not there holds nothing */
	}
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			fn(l, arg, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

/* "nvme0" and not "nvme0n1": a prefix and a number. */
static bool numbered(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && name[n] &&
	       strspn(name + n, "0123456789") == strlen(name + n);
}

/* --- nodes -------------------------------------------------------------------------------- */

/* A node by its directory in sysfs; `dir` is the part of the path below /dev, with its slash. */
static void add_node(struct sl_looking *l, unsigned device, enum sl_door door, bool block,
		     const char *class, const char *dir, const char *name)
{
	struct sl_way_node *node = grow(l, &l->w->nodes, &l->w->n_nodes, sizeof(*node));
	char number[64];
	struct stat st;

	if (!node)
		return;
	node->device = device;
	node->door = (uint8_t)door;
	node->block = block;
	(void)snprintf(node->name, sizeof(node->name), "%s", name);
	(void)snprintf(node->path, sizeof(node->path), "%s/%s%s", l->roots->dev, dir, name);
	sl_way_line(number, sizeof(number), "%s/%s/%s/dev", l->roots->sys, class, name);
	(void)sscanf(number, "%u:%u", &node->major, &node->minor);
	if (stat(node->path, &st) == 0) {
		node->there = true;
		node->st_dev = st.st_dev;
		node->st_ino = st.st_ino;
		sl_way_permissions(l, device, SL_WAY_NODE, node->path, "");
	}
}

struct disk {
	unsigned device;
	enum sl_door door; /* of its partitions */
	const char *name, *between;
};

static void partition(struct sl_looking *l, void *arg, const char *name)
{
	const struct disk *d = arg;
	size_t n = strlen(d->name);
	char number[32];

	if (strncmp(name, d->name, n) != 0 || !numbered(name + n, d->between))
		return;
	sl_way_line(number, sizeof(number), "%s/class/block/%s/partition", l->roots->sys, name);
	if (number[0])
		add_node(l, d->device, d->door, true, "class/block", "", name);
}

/* A disk's block node and those of its partitions. */
static void add_disk(struct sl_looking *l, unsigned device, const char *name, bool nvme)
{
	struct disk d = {.device = device,
			 .door = nvme ? SL_DOOR_PARTITION : SL_DOOR_NATIVE,
			 .name = name,
			 .between = nvme ? "p" : ""};
	char path[SL_WAYS_PATH];

	(void)snprintf(path, sizeof(path), "%s/class/block/%s", l->roots->sys, name);
	if (access(path, F_OK) != 0)
		return;
	add_node(l, device, nvme ? SL_DOOR_NS_BLOCK : SL_DOOR_NATIVE, true, "class/block", "",
		 name);
	(void)snprintf(path, sizeof(path), "%s/class/block", l->roots->sys);
	sl_way_each(l, path, partition, &d);
}

static void nvme_namespace(struct sl_looking *l, void *arg, const char *entry)
{
	const unsigned *device = arg;
	char node[32], name[40];

	if (!sl_nvme_namespace_node(entry, node, sizeof(node)))
		return;
	(void)snprintf(name, sizeof(name), "ng%s", node);
	add_node(l, *device, SL_DOOR_NS_CHAR, false, "class/nvme-generic", "", name);
	(void)snprintf(name, sizeof(name), "nvme%s", node);
	add_disk(l, *device, name, true);
}

/* --- the kinds of devices ----------------------------------------------------------------- */

/* What is written to change a device, and what maps it. Paths below the device's directory. */
static const char *const attributes[] = {
	"reset_controller", "rescan_controller", "delete_controller", "device/reset",
	"device/remove",    "device/rescan",	 "device/delete",     "device/driver_override",
	"device/resource0", "device/state",
};

static unsigned add_device(struct sl_looking *l, const char *name, const char *protocol)
{
	struct sl_way_device *d = grow(l, &l->w->devices, &l->w->n_devices, sizeof(*d));

	if (!d)
		return 0;
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	d->protocol = protocol;
	return l->w->n_devices - 1;
}

static void driver_and_attributes(struct sl_looking *l, unsigned device, const char *class,
				  const char *name)
{
	char path[SL_WAYS_PATH], driver[64];
	struct sl_way *way;

	sl_way_link(driver, sizeof(driver), "%s/%s/%s/device/driver", l->roots->sys, class, name);
	if (!driver[0])
		sl_way_link(driver, sizeof(driver), "%s/%s/%s/driver", l->roots->sys, class, name);
	way = driver[0] ? sl_way_add(l, device, SL_WAY_DRIVER, false, name) : NULL;
	if (way)
		(void)snprintf(way->text, sizeof(way->text), "bound to %s", driver);
	for (unsigned i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s/%s", l->roots->sys, class, name,
			       attributes[i]);
		sl_way_permissions(l, device, SL_WAY_SYSFS, path, "");
	}
}

struct other {
	unsigned device;
	const char *name;
	char nqn[256];
};

static void same_subsystem(struct sl_looking *l, void *arg, const char *name)
{
	const struct other *o = arg;
	struct sl_way *way;
	char nqn[256];

	if (!numbered(name, "nvme") || strcmp(name, o->name) == 0)
		return;
	sl_way_line(nqn, sizeof(nqn), "%s/class/nvme/%s/subsysnqn", l->roots->sys, name);
	if (!o->nqn[0] || strcmp(nqn, o->nqn) != 0)
		return;
	way = sl_way_add(l, o->device, SL_WAY_CONTROLLER, false, name);
	if (way)
		(void)snprintf(way->text, sizeof(way->text),
			       "another controller of the same subsystem: gate both");
}

static void nvme(struct sl_looking *l, void *arg, const char *name)
{
	char path[SL_WAYS_PATH], transport[32], address[128];
	struct other o = {.name = name};
	struct sl_way *way;

	(void)arg;
	if (!numbered(name, "nvme"))
		return;
	o.device = add_device(l, name, "nvme");
	add_node(l, o.device, SL_DOOR_CTRL, false, "class/nvme", "", name);
	(void)snprintf(path, sizeof(path), "%s/class/nvme/%s", l->roots->sys, name);
	sl_way_each(l, path, nvme_namespace, &o.device);
	driver_and_attributes(l, o.device, "class/nvme", name);
	sl_way_line(transport, sizeof(transport), "%s/transport", path);
	sl_way_line(address, sizeof(address), "%s/address", path);
	if (transport[0] && strcmp(transport, "pcie") != 0) {
		way = sl_way_add(l, o.device, SL_WAY_FABRIC, false, name);
		if (way)
			(void)snprintf(way->text, sizeof(way->text),
				       "over %s, %s: other hosts may reach it too", transport,
				       address);
	}
	sl_way_line(o.nqn, sizeof(o.nqn), "%s/subsysnqn", path);
	(void)snprintf(path, sizeof(path), "%s/class/nvme", l->roots->sys);
	sl_way_each(l, path, same_subsystem, &o);
}

static void scsi_disk(struct sl_looking *l, void *arg, const char *name)
{
	const unsigned *device = arg;

	add_disk(l, *device, name, false);
}

static void scsi_bsg(struct sl_looking *l, void *arg, const char *name)
{
	const unsigned *device = arg;

	add_node(l, *device, SL_DOOR_NATIVE, false, "class/bsg", "bsg/", name);
}

/*
 * Adapters whose drivers have a node of their own for whatever is behind them, by the driver's name
 * and with the capability that it asks for.
 */
static const struct {
	const char *driver, *node, *wants;
} adapters[] = {
	{"megaraid_sas", "megaraid_sas_ioctl_node", "CAP_SYS_ADMIN"},
	{"mpt2sas", "mpt2ctl", NULL},
	{"mpt3sas", "mpt3ctl", NULL},
};

static void scsi_adapter(struct sl_looking *l, unsigned device, const char *name)
{
	char at[64], driver[64], path[SL_WAYS_PATH];
	struct sl_way *way;
	struct stat st;

	sl_way_link(at, sizeof(at), "%s/class/scsi_generic/%s/device", l->roots->sys, name);
	sl_way_line(driver, sizeof(driver), "%s/class/scsi_host/host%lu/proc_name", l->roots->sys,
		    strtoul(at, NULL, 10));
	for (unsigned i = 0; i < SL_COUNT(adapters); i++) {
		if (strcmp(driver, adapters[i].driver) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", l->roots->dev, adapters[i].node);
		if (!adapters[i].wants) {
			sl_way_permissions(l, device, SL_WAY_NODE, path, "the adapter's own: ");
		} else if (stat(path, &st) == 0) {
			way = sl_way_add(l, device, SL_WAY_NODE, false, path);
			if (way)
				(void)snprintf(way->text, sizeof(way->text),
					       "the adapter's own; the driver wants %s",
					       adapters[i].wants);
		}
	}
}

static void scsi(struct sl_looking *l, void *arg, const char *name)
{
	char path[SL_WAYS_PATH];
	unsigned device;

	(void)arg;
	if (!numbered(name, "sg"))
		return;
	device = add_device(l, name, "scsi");
	add_node(l, device, SL_DOOR_NATIVE, false, "class/scsi_generic", "", name);
	(void)snprintf(path, sizeof(path), "%s/class/scsi_generic/%s/device/bsg", l->roots->sys,
		       name);
	sl_way_each(l, path, scsi_bsg, &device);
	(void)snprintf(path, sizeof(path), "%s/class/scsi_generic/%s/device/block", l->roots->sys,
		       name);
	sl_way_each(l, path, scsi_disk, &device);
	scsi_adapter(l, device, name);
	driver_and_attributes(l, device, "class/scsi_generic", name);
}

/* Devices of one character node each. */
struct simple {
	const char *class, *dir, *prefix, *protocol;
};

static void simple(struct sl_looking *l, void *arg, const char *name)
{
	const struct simple *s = arg;
	unsigned device;

	if (!numbered(name, s->prefix))
		return;
	device = add_device(l, name, s->protocol);
	add_node(l, device, SL_DOOR_NATIVE, false, s->class, s->dir, name);
	driver_and_attributes(l, device, s->class, name);
}

/* An NVMe controller that vfio-pci has: it has no node of ours, but a group's. */
static void vfio(struct sl_looking *l, void *arg, const char *name)
{
	char class[32], group[32], path[SL_WAYS_PATH];
	unsigned device;

	(void)arg;
	sl_way_line(class, sizeof(class), "%s/bus/pci/drivers/vfio-pci/%s/class", l->roots->sys,
		    name);
	if (strncmp(class, "0x0108", 6) != 0)
		return;
	device = add_device(l, name, "nvme");
	sl_way_link(group, sizeof(group), "%s/bus/pci/drivers/vfio-pci/%s/iommu_group",
		    l->roots->sys, name);
	(void)snprintf(path, sizeof(path), "%s/vfio/%s", l->roots->dev, group);
	if (group[0])
		sl_way_permissions(l, device, SL_WAY_VFIO, path, "all of the device, ungated; ");
}

int sl_ways_look(const struct sl_ways_roots *roots, struct sl_ways *ret)
{
	static const struct {
		const char *dir;
		void (*fn)(struct sl_looking *l, void *arg, const char *name);
		struct simple arg;
	} kinds[] = {
		{"class/nvme", nvme, {0}},
		{"bus/pci/drivers/vfio-pci", vfio, {0}},
		{"class/scsi_generic", scsi, {0}},
		{"bus/cxl/devices", simple, {"bus/cxl/devices", "cxl/", "mem", "cxl"}},
		{"class/fwctl", simple, {"class/fwctl", "fwctl/", "fwctl", "fwctl"}},
	};
	struct sl_looking l = {.roots = roots, .w = ret};
	char text[SL_WAYS_PATH];

	*ret = (struct sl_ways){0};
	sl_way_line(text, sizeof(text), "%s/sys/kernel/osrelease", roots->proc);
	(void)sscanf(text, "%u.%u", &ret->kernel_major, &ret->kernel_minor);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct simple arg = kinds[i].arg;

		(void)snprintf(text, sizeof(text), "%s/%s", roots->sys, kinds[i].dir);
		sl_way_each(&l, text, kinds[i].fn, &arg);
	}
	if (ret->n_nodes)
		sl_way_uses(&l);
	if (l.error)
		sl_ways_done(ret);
	return l.error;
}

void sl_ways_done(struct sl_ways *w)
{
	free(w->devices);
	free(w->nodes);
	free(w->ways);
	*w = (struct sl_ways){0};
}
