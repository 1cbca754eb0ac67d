/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/node.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bytes.h"

/* include/uapi/fwctl/fwctl.h of Linux 6.15. */
#define FWCTL_INFO	_IO(0x9a, 0)
#define FWCTL_TYPE_MLX5 1
#define FWCTL_TYPE_BNXT 3
#define SCSI_PAGE_NAMES 4 /* bytes in front of the text of VPD page 80h */

/* Where each kind of node is listed, and what its nodes are called. */
static const struct {
	const char *name;   /* as before the colon of a SPEC */
	const char *class;  /* directory below /sys of its entries */
	const char *dir;    /* of its nodes */
	const char *begins; /* the name of an entry */
	const char *load;   /* the module that makes them; "" */
} places[_SL_NODE_KIND_N] = {
	[SL_NODE_SG] = {"sg", "/sys/class/scsi_generic", "/dev", "sg", "sg"},
	[SL_NODE_BSG] = {"bsg", "/sys/class/bsg", "/dev/bsg", "", ""},
	[SL_NODE_CXL] = {"cxl", "/sys/bus/cxl/devices", "/dev/cxl", "mem", "cxl_mem"},
	[SL_NODE_FWCTL] = {"fwctl", "/sys/class/fwctl", "/dev/fwctl", "fwctl", ""},
};

static bool is_scsi(enum sl_node_kind kind)
{
	return kind == SL_NODE_SG || kind == SL_NODE_BSG;
}

/* An attribute without what is blank around it; its length, 0 when there is none. */
static size_t attribute(const char *dir, const char *name, char *ret, size_t size)
{
	char path[512];
	size_t n = 0, skip = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (f) {
		n = fread(ret, 1, size - 1, f);
		(void)fclose(f);
	}
	if (strstr(name, "vpd_"))
		skip = n < SCSI_PAGE_NAMES ? n : SCSI_PAGE_NAMES;
	while (skip < n && isspace((unsigned char)ret[skip]))
		skip++;
	while (n > skip && (isspace((unsigned char)ret[n - 1]) || !ret[n - 1]))
		n--;
	memmove(ret, ret + skip, n - skip);
	ret[n - skip] = '\0';
	return n - skip;
}

static bool is_called(enum sl_node_kind kind, const char *entry, const char *name)
{
	static const char *const scsi[] = {"device/vpd_pg80", "device/wwid"}, *const cxl[] = {
										      "serial"};
	const char *const *names = is_scsi(kind) ? scsi : cxl;
	size_t n = is_scsi(kind) ? SL_COUNT(scsi) : SL_COUNT(cxl);
	char dir[320], value[512];

	(void)snprintf(dir, sizeof(dir), "%s/%.200s", places[kind].class, entry);
	for (size_t i = 0; i < n; i++) {
		const char *dot;

		if (!attribute(dir, names[i], value, sizeof(value)))
			continue;
		dot = strchr(value, '.');
		if (strcmp(value, name) == 0 || (i && dot && strcmp(dot + 1, name) == 0))
			return true;
	}
	return false;
}

/* "sda" of "sda1", by what sysfs says of the node; false: it is whole. */
static bool is_partition(const struct stat *st)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(st->st_rdev),
		       minor(st->st_rdev));
	return S_ISBLK(st->st_mode) && access(path, F_OK) == 0;
}

/* The only entry of a directory, or -ENOENT. */
static int only_entry(const char *dir, char *ret, size_t size)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int r = -ENOENT;

	while (d && r < 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(ret, size, "%s", e->d_name);
		r = 0;
	}
	if (d)
		(void)closedir(d);
	return r;
}

/* The node of `kind` that belongs to the same SCSI unit as another node. */
static int sibling(enum sl_node_kind kind, const char *path, const struct stat *st, char *ret,
		   size_t size, struct sl_diag *reterr)
{
	char dir[128], entry[256];

	(void)snprintf(dir, sizeof(dir), "/sys/dev/%s/%u:%u/device/%s",
		       S_ISBLK(st->st_mode) ? "block" : "char", major(st->st_rdev),
		       minor(st->st_rdev), kind == SL_NODE_SG ? "scsi_generic" : "bsg");
	if (only_entry(dir, entry, sizeof(entry)) < 0)
		return sl_diag_set(reterr, -ENOENT, NULL, 0, 0,
				   "%s: there is no %s node of it%s%s%s", path,
				   kind == SL_NODE_SG ? "sg" : "bsg",
				   places[kind].load[0] ? ": `modprobe " : "", places[kind].load,
				   places[kind].load[0] ? "` makes one" : "");
	return (size_t)snprintf(ret, size, "%s/%s", places[kind].dir, entry) >= size ? -ENAMETOOLONG
										     : 0;
}

static int by_path(enum sl_node_kind kind, const char *path, char *ret, size_t size,
		   struct sl_diag *reterr)
{
	struct stat st;

	if (is_scsi(kind) && stat(path, &st) == 0) {
		if (is_partition(&st))
			return sl_diag_set(
				reterr, -EINVAL, NULL, 0, 0,
				"%s is a partition: name the disk, commands go to all of "
				"it",
				path);
		if (S_ISBLK(st.st_mode))
			return sibling(kind, path, &st, ret, size, reterr);
	}
	if ((size_t)snprintf(ret, size, "%s", path) >= size)
		return sl_diag_set(reterr, -ENAMETOOLONG, NULL, 0, 0,
				   "%.40s…: the path is too long", path);
	return 0;
}

int sl_node_find(enum sl_node_kind kind, const char *name, char *ret, size_t size,
		 struct sl_diag *reterr)
{
	char first[256] = "";
	const struct dirent *e;
	int r = 0;
	DIR *d;

	if (name[0] == '/')
		return by_path(kind, name, ret, size, reterr);
	d = opendir(places[kind].class);
	while (d && r == 0 && (e = readdir(d))) {
		if (strncmp(e->d_name, places[kind].begins, strlen(places[kind].begins)) != 0 ||
		    e->d_name[0] == '.' || !is_called(kind, e->d_name, name))
			continue;
		if (first[0])
			r = sl_diag_set(reterr, -ENOTUNIQ, NULL, 0, 0,
					"'%s' is both %s and %s: give the path of one", name, first,
					e->d_name);
		(void)snprintf(first, sizeof(first), "%s", e->d_name);
	}
	if (d)
		(void)closedir(d);
	if (r == 0 && !first[0])
		r = sl_diag_set(reterr, -ENOENT, NULL, 0, 0,
				"no %s device here has the serial number or name '%s'",
				places[kind].name, name);
	if (r < 0)
		return r;
	return (size_t)snprintf(ret, size, "%s/%s", places[kind].dir, first) >= size ? -ENAMETOOLONG
										     : 0;
}

/* Is the descriptor a node of that kind? The number says it, not the path. */
static int check_kind(enum sl_node_kind kind, int fd, const char *path, struct stat *ret_st,
		      struct sl_diag *reterr)
{
	char link[64], to[512], subsystem[640];
	const char *base = "";
	ssize_t n;

	if (fstat(fd, ret_st) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "%s: %s", path, strerror(errno));
	(void)snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/subsystem", major(ret_st->st_rdev),
		       minor(ret_st->st_rdev));
	n = S_ISCHR(ret_st->st_mode) ? readlink(link, to, sizeof(to) - 1) : -1;
	if (n > 0) {
		to[n] = '\0';
		base = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
	}
	/* "scsi_generic" is the end of the class, "cxl" of "/sys/bus/cxl/devices" stands within. */
	(void)snprintf(subsystem, sizeof(subsystem), "/%s", base);
	if (base[0] && strstr(places[kind].class, subsystem))
		return 0;
	return sl_diag_set(reterr, -ENODEV, NULL, 0, 0, "%s is not a node of the kind %s", path,
			   places[kind].name);
}

/*
 * Holding the block node exclusively is the only answer to "does anybody use it?" that stays true
 * after it was given; it fails also where a partition of it is in use.
 */
static void claim(const struct stat *st, struct sl_nvme_nodes *ret)
{
	struct sl_nvme_ns_node *ns = &ret->ns[ret->n++];
	char dir[96], entry[256], path[288];

	*ns = (struct sl_nvme_ns_node){.fd = -1, .claim_fd = -1, .nsid = 1};
	(void)snprintf(dir, sizeof(dir), "/sys/dev/char/%u:%u/device/block", major(st->st_rdev),
		       minor(st->st_rdev));
	if (only_entry(dir, entry, sizeof(entry)) < 0) {
		ns->claimed = true; /* nothing that could be mounted */
		return;
	}
	(void)snprintf(path, sizeof(path), "/dev/%s", entry);
	ns->claim_fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	ns->in_use = ns->claim_fd < 0 && errno == EBUSY;
	ns->claimed = ns->claim_fd >= 0;
}

/*
 * Of fwctl's drivers those of mlx5, CXL and bnxt have payloads with a form here. That of pds has
 * addresses of the caller's memory in them, and only the firmware knows what its operations are.
 */
static int check_fwctl(int fd, const char *path, uint8_t *ret, struct sl_diag *reterr)
{
	struct {
		uint32_t size, flags, type, data_len;
		uint64_t data;
	} info = {.size = sizeof(info)};

	if (ioctl(fd, FWCTL_INFO, &info) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "%s: %s", path, strerror(errno));
	*ret = (uint8_t)info.type;
	if (info.type >= FWCTL_TYPE_MLX5 && info.type <= FWCTL_TYPE_BNXT)
		return 0;
	return sl_diag_set(
		reterr, -ENOTSUP, NULL, 0, 0,
		"%s: its commands are of fwctl type %u; only those of mlx5 (1), CXL (2) and bnxt "
		"(3) devices are understood",
		path, info.type);
}

int sl_node_open(enum sl_node_kind kind, const char *path, struct sl_nvme_nodes *ret,
		 struct sl_diag *reterr)
{
	struct stat st;
	int r;

	*ret = (struct sl_nvme_nodes){.fd = open(path, O_RDWR | O_CLOEXEC)};
	if (ret->fd < 0) {
		r = -errno;
		if (r == -EACCES || r == -EPERM)
			return sl_diag_set(reterr, r, NULL, 0, 0,
					   "%s: %s; root can serve it to you: sluice serve "
					   "--device %s=%s:%s",
					   path, strerror(-r), path, places[kind].name, path);
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: %s%s", path, strerror(-r),
				   r == -ENOENT ? "; `sluice device list` shows what is here" : "");
	}
	r = check_kind(kind, ret->fd, path, &st, reterr);
	if (r == 0 && kind == SL_NODE_FWCTL)
		r = check_fwctl(ret->fd, path, &ret->type, reterr);
	if (r < 0) {
		sl_nvme_nodes_close(ret);
		return r;
	}
	if (is_scsi(kind))
		claim(&st, ret);
	return 0;
}
