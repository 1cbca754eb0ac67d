/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nvme-node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CLASS "/sys/class/nvme"

/* What a controller can be called by: attributes in sysfs. */
static const char *const names[] = {"serial", "address", "subsysnqn"};

/* An attribute without the blanks around it; "" when there is none. */
static void attribute(const char *ctrl, const char *name, char *ret, size_t size)
{
	char path[512];
	size_t n = 0;
	FILE *f;

	ret[0] = '\0';
	(void)snprintf(path, sizeof(path), CLASS "/%s/%s", ctrl, name);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(ret, (int)size, f))
		n = strlen(ret);
	while (n && (ret[n - 1] == '\n' || ret[n - 1] == ' '))
		ret[--n] = '\0';
	(void)fclose(f);
}

static bool is_called(const char *ctrl, const char *name)
{
	char value[256];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		attribute(ctrl, names[i], value, sizeof(value));
		if (value[0] && strcmp(value, name) == 0)
			return true;
	}
	return false;
}

int sl_nvme_find(const char *name, char *ret, size_t size, struct sl_diag *reterr)
{
	char first[256] = "", address[256];
	const struct dirent *e;
	DIR *d;
	int r = 0;

	if (name[0] == '/') {
		if ((size_t)snprintf(ret, size, "%s", name) >= size)
			return sl_diag_set(reterr, -ENAMETOOLONG, NULL, 0, 0,
					   "nvme:%.40s…: the path is too long", name);
		return 0;
	}
	d = opendir(CLASS);
	while (d && r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !is_called(e->d_name, name))
			continue;
		if (first[0]) {
			attribute(first, "address", address, sizeof(address));
			r = sl_diag_set(reterr, -ENOTUNIQ, NULL, 0, 0,
					"nvme:%s is both %s and %s: say which by its address, as "
					"nvme:%s",
					name, first, e->d_name, address);
		}
		(void)snprintf(first, sizeof(first), "%s", e->d_name);
	}
	if (d)
		(void)closedir(d);
	if (r < 0)
		return r;
	if (!first[0])
		return sl_diag_set(reterr, -ENOENT, NULL, 0, 0,
				   "no NVMe controller here has the serial number, address or NQN "
				   "'%s'",
				   name);
	return (size_t)snprintf(ret, size, "/dev/%s", first) >= size ? -ENAMETOOLONG : 0;
}

/* The kernel's name of a controller's node, "nvme0"; its number says which, not its path. */
static int kernel_name(int fd, const char *path, char *ret, size_t size, struct sl_diag *reterr)
{
	char link[64], to[512];
	struct stat st;
	unsigned ctrl;
	ssize_t n;
	char *base;

	if (fstat(fd, &st) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "%s: %s", path, strerror(errno));
	(void)snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev),
		       minor(st.st_rdev));
	n = S_ISCHR(st.st_mode) ? readlink(link, to, sizeof(to) - 1) : -1;
	if (n > 0) {
		to[n] = '\0';
		base = strrchr(to, '/');
		if (base && sscanf(base, "/nvme%u", &ctrl) == 1 &&
		    (size_t)snprintf(ret, size, "nvme%u", ctrl) < size &&
		    strcmp(base + 1, ret) == 0)
			return 0;
	}
	return sl_diag_set(reterr, -ENODEV, NULL, 0, 0,
			   "%s is not the node of an NVMe controller (as /dev/nvme0 is)", path);
}

/*
 * Is anybody's claim on the block node in our way? Holding it exclusively is the only answer that
 * stays true after it was given.
 */
static void claim(struct sl_nvme_ns_node *ns, const char *block)
{
	ns->claim_fd = open(block, O_RDONLY | O_EXCL | O_CLOEXEC);
	ns->in_use = ns->claim_fd < 0 && errno == EBUSY;
	/* Without a block node (a zoned namespace that Linux does not take) nothing can be mounted.
	 */
	ns->claimed = ns->claim_fd >= 0 || errno == ENOENT;
}

static int open_namespace(struct sl_nvme_nodes *n, const char *node, struct sl_diag *reterr)
{
	struct sl_nvme_ns_node *ns = &n->ns[n->n];
	struct stat st;
	char path[64];
	int nsid;

	if (n->n == SL_NVME_NODES_MAX)
		return sl_diag_set(reterr, -E2BIG, NULL, 0, 0, "more than %d namespaces",
				   SL_NVME_NODES_MAX);
	(void)snprintf(path, sizeof(path), "/dev/ng%s", node);
	ns->fd = open(path, O_RDWR | O_CLOEXEC);
	if (ns->fd < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "%s: %s", path, strerror(errno));
	ns->node = fstat(ns->fd, &st) == 0 ? st.st_rdev : 0;
	nsid = ioctl(ns->fd, NVME_IOCTL_ID, NULL);
	if (nsid <= 0) {
		int e = nsid < 0 ? errno : ENODEV;

		close(ns->fd);
		return sl_diag_set(reterr, -e, NULL, 0, 0, "%s: %s", path, strerror(e));
	}
	ns->nsid = (uint32_t)nsid;
	(void)snprintf(path, sizeof(path), "/dev/nvme%s", node);
	claim(ns, path);
	n->n++;
	return 0;
}

bool sl_nvme_namespace_node(const char *entry, char *ret, size_t size)
{
	unsigned a, b, ctrl;
	int end = 0;

	if (sscanf(entry, "ng%un%u%n", &a, &b, &end) != 2 &&
	    sscanf(entry, "nvme%uc%un%u%n", &a, &ctrl, &b, &end) != 3)
		return false;
	if (!end || entry[end])
		return false;
	(void)snprintf(ret, size, "%un%u", a, b);
	return true;
}

/* Is this namespace open already? Then it is marked. */
static bool is_known(const struct sl_nvme_nodes *n, const char *node, bool *seen)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/dev/ng%s", node);
	if (stat(path, &st) < 0)
		return false; /* opening it will say why */
	for (unsigned i = 0; i < n->n; i++)
		if (n->ns[i].node == st.st_rdev) {
			seen[i] = true;
			return true;
		}
	return false;
}

/* Opens the controller's namespaces that are not open yet; seen: of SL_NVME_NODES_MAX. */
static int open_namespaces(struct sl_nvme_nodes *n, bool *seen, struct sl_diag *reterr)
{
	char dir[64], node[32];
	const struct dirent *e;
	int r = 0;
	DIR *d;

	(void)snprintf(dir, sizeof(dir), CLASS "/%s", n->ctrl);
	d = opendir(dir);
	if (!d)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "%s: %s", dir, strerror(errno));
	while (r == 0 && (e = readdir(d))) {
		if (!sl_nvme_namespace_node(e->d_name, node, sizeof(node)) ||
		    is_known(n, node, seen))
			continue;
		r = open_namespace(n, node, reterr);
		if (r == 0)
			seen[n->n - 1] = true;
	}
	(void)closedir(d);
	return r;
}

int sl_nvme_look_again(struct sl_nvme_nodes *n, unsigned *ret_first, struct sl_diag *reterr)
{
	bool seen[SL_NVME_NODES_MAX] = {false};
	unsigned before = n->n, kept = 0;
	int r = open_namespaces(n, seen, reterr);

	*ret_first = before;
	for (unsigned i = 0; i < n->n; i++) {
		/* Where the list may not be whole nothing is given up. */
		if (i < before && !seen[i] && r == 0) {
			if (n->ns[i].claim_fd >= 0)
				close(n->ns[i].claim_fd);
			(*ret_first)--;
			continue;
		}
		n->ns[kept++] = n->ns[i];
	}
	n->n = kept;
	return r;
}

int sl_nvme_open(const char *path, struct sl_nvme_nodes *ret, struct sl_diag *reterr)
{
	bool seen[SL_NVME_NODES_MAX] = {false};
	int r;

	*ret = (struct sl_nvme_nodes){.fd = open(path, O_RDWR | O_CLOEXEC)};
	if (ret->fd < 0) {
		r = -errno;
		if (r == -EACCES || r == -EPERM)
			return sl_diag_set(reterr, r, NULL, 0, 0,
					   "%s: %s; root can serve it to you: sluice serve "
					   "--device %s=nvme:%s",
					   path, strerror(-r), path, path);
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: %s%s", path, strerror(-r),
				   r == -ENOENT ? "; `sluice device list` shows what is here" : "");
	}
	r = kernel_name(ret->fd, path, ret->ctrl, sizeof(ret->ctrl), reterr);
	if (r == 0)
		r = open_namespaces(ret, seen, reterr);
	if (r < 0) {
		sl_nvme_nodes_close(ret);
		sl_nvme_nodes_release(ret);
	}
	return r;
}

void sl_nvme_nodes_close(struct sl_nvme_nodes *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	for (unsigned i = 0; i < n->n; i++) {
		if (n->ns[i].fd >= 0)
			close(n->ns[i].fd);
		n->ns[i].fd = -1;
	}
}

void sl_nvme_nodes_release(struct sl_nvme_nodes *n)
{
	for (unsigned i = 0; i < n->n; i++) {
		if (n->ns[i].claim_fd >= 0)
			close(n->ns[i].claim_fd);
		n->ns[i].claim_fd = -1;
	}
	n->n = 0;
}
