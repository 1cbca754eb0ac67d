/* SPDX-License-Identifier: Apache-2.0 */
/* What is discovered, what it is called, and what is refused with which words. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"
#include "front/run/test-device.h"

static struct sl_client *client;

static int discover(const char *path, const char *second, struct sl_nodes *n, struct sl_diag *d)
{
	struct sl_run_device devices[2] = {{path, 0}, {second, 0}};
	struct sl_run_config cfg = {
		.client = client, .devices = devices, .n_devices = second ? 2 : 1};

	memset(d, 0, sizeof(*d));
	return sl_nodes_discover(n, &cfg, d);
}

static void check_refused(const char *path, const char *second, int error, const char *words)
{
	struct sl_nodes n;
	struct sl_diag d;

	assert(discover(path, second, &n, &d) == error);
	if (!strstr(d.text, words))
		fprintf(stderr, "%s: %s\n", path, d.text);
	assert(strstr(d.text, words));
	sl_nodes_done(&n);
}

static void check_found(void)
{
	struct sl_nodes n;
	struct sl_diag d;

	assert(discover("/dev/nvme7", NULL, &n, &d) == 0);
	assert(n.n_ctrl == 1 && n.n_ns == 1 && n.n_node == 3 && n.block);
	assert(strcmp(n.node[0].name, "nvme7") == 0 && n.node[0].door == SL_DOOR_CTRL);
	assert(strcmp(n.node[1].name, "nvme7n1") == 0 && n.node[1].door == SL_DOOR_NS_BLOCK);
	assert(strcmp(n.node[2].name, "ng7n1") == 0 && n.node[2].door == SL_DOOR_NS_CHAR);
	assert(n.ns[0].blocks == TEST_DEVICE_BLOCKS && n.ns[0].lba_shift == 9);
	assert(n.ns[0].uuid[0] == 0x22 && n.ns[0].eui64[0] == 0x11);
	assert(n.ctrl[0].known && memcmp(n.ctrl[0].id + 4, "SLUICETEST01", 12) == 0);
	sl_nodes_done(&n);

	/* Any name will do; it has no ng nodes and no entry in sysfs. */
	assert(discover("/dev/disk/mine", NULL, &n, &d) == 0);
	assert(n.n_node == 2 && strcmp(n.node[1].name, "disk/minen1") == 0 && !n.ctrl[0].standard);
	sl_nodes_done(&n);
}

/* Nodes of one logical unit, as NAMES says: separated by blanks, in order. */
static void check_unit(const char *path, const char *second, const char *names)
{
	struct sl_run_device devices[2] = {{path, 1}, {second, 1}};
	struct sl_run_config cfg = {
		.client = client, .devices = devices, .n_devices = second ? 2 : 1};
	char found[512] = "";
	struct sl_diag d = {0};
	struct sl_nodes n;

	assert(sl_nodes_discover(&n, &cfg, &d) == 0);
	for (unsigned i = 0; i < n.n_node; i++) {
		strcat(found, i ? " " : "");
		strcat(found, n.node[i].name);
	}
	if (strcmp(found, names) != 0)
		fprintf(stderr, "%s: %s\n", path, found);
	assert(strcmp(found, names) == 0);
	assert(n.ns[0].blocks == TEST_DEVICE_BLOCKS && n.ns[0].lba_shift == 9);
	sl_nodes_done(&n);
}

static void check_units(void)
{
	struct sl_run_device part = {"/dev/sda1", 1};
	struct sl_run_config cfg = {.client = client, .devices = &part, .n_devices = 1};
	struct sl_diag d = {0};
	struct sl_nodes n;

	check_unit("/dev/sg0", NULL, "sg0 bsg/0:0:0:0 sda");
	check_unit("/dev/sdb", NULL, "sg1 bsg/1:0:0:0 sdb");
	check_unit("/dev/sdaa", NULL, "sg26 bsg/26:0:0:0 sdaa");
	check_unit("/dev/bsg/3:0:0:0", NULL, "sg3 bsg/3:0:0:0 sdd");
	check_unit("/dev/sr2", NULL, "sg2 bsg/2:0:0:0 sr2");
	check_unit("/dev/mine", NULL, "mine");
	/* What was asked for comes before what follows from it; a host's number is one unit's. */
	check_unit("/dev/sg0", "/dev/sda", "sg0 bsg/0:0:0:0 bsg/1001:0:0:0 sda");
	assert(sl_nodes_discover(&n, &cfg, &d) == -EINVAL && strstr(d.text, "map the disk"));
	sl_nodes_done(&n);
}

/* A name that Linux keeps for devices of another kind is refused, each kind's by each other's. */
static void check_names(void)
{
	static const char *const names[][4] = {
		{"/dev/nvme0", "/dev/nvme0n1", "/dev/ng0n1"},
		{"/dev/sg0", "/dev/sda", "/dev/sr0", "/dev/bsg/0:0:0:0"},
		{"/dev/cxl/mem0"},
		{"/dev/fwctl/fwctl0"},
	};

	for (unsigned kind = 0; kind < 4; kind++)
		for (unsigned i = 0; i < 4 && names[kind][i]; i++)
			for (unsigned device = 0; device < 4; device++) {
				struct sl_run_device at = {names[kind][i], device};
				struct sl_run_config cfg = {
					.client = client, .devices = &at, .n_devices = 1};
				struct sl_diag d = {0};
				struct sl_nodes n;
				int r = sl_nodes_discover(&n, &cfg, &d);

				assert(device == kind ? r != -EPROTOTYPE : r == -EPROTOTYPE);
				assert(device == kind || (strstr(d.text, names[kind][i]) &&
							  strstr(d.text, "map that to a path")));
				sl_nodes_done(&n);
			}
}

/* READ CAPACITY may say anything, too. */
static void check_capacity(void)
{
	const struct sl_ctrl ctrl = {.family = &sl_family_scsi};
	uint8_t p[32] = {[7] = 7, [10] = 2};
	struct sl_ns ns = {0};

	sl_nodes_update(&ctrl, &ns, p, sizeof(p));
	assert(ns.lba_shift == 9 && ns.blocks == 8);
	sl_nodes_update(&ctrl, &ns, p, 11); /* cut off */
	assert(ns.lba_shift == 0 && ns.blocks == 0);
	p[10] = 3; /* blocks of 768 bytes */
	sl_nodes_update(&ctrl, &ns, p, sizeof(p));
	assert(ns.lba_shift == 0);
	p[10] = 2;
	memset(p, 0xff, 8); /* as many as do not fit a count */
	sl_nodes_update(&ctrl, &ns, p, sizeof(p));
	assert(ns.lba_shift == 0 && ns.blocks == 0);
	memset(p, 0, sizeof(p));
	p[3] = 99;
	p[6] = 0x10;
	sl_nodes_update(&ctrl, &ns, p, 8); /* the short form */
	assert(ns.lba_shift == 12 && ns.blocks == 100);
}

/* A page may say anything. */
static void check_pages(void)
{
	const struct sl_ctrl ctrl = {.family = &sl_family_nvme};
	struct sl_ns ns = {0};
	uint8_t p[4096] = {0};

	p[7] = 0x80; /* more blocks than there are bytes in 63 bits */
	p[130] = 9;
	sl_nodes_update(&ctrl, &ns, p, sizeof(p));
	assert(ns.lba_shift == 0 && ns.blocks == 0);
	p[7] = 0;
	p[0] = 8;
	p[130] = 63;
	sl_nodes_update(&ctrl, &ns, p, sizeof(p));
	assert(ns.lba_shift == 0);
	p[26] = 0x71; /* format 49, metadata in the LBA */
	p[128 + 49 * 4] = 8;
	p[128 + 49 * 4 + 2] = 12;
	sl_nodes_update(&ctrl, &ns, p, sizeof(p));
	assert(ns.lba_shift == 12 && ns.blocks == 8 && ns.meta_size == 8 && ns.ext);
	sl_nodes_update(&ctrl, &ns, NULL, 0);
	assert(ns.lba_shift == 0 && !ns.ext);
}

/* The stand-ins: found by any of their inodes, and by nothing else. */
static void check_stand_ins(void)
{
	char dir[] = "/tmp/sluice-test-nodes-XXXXXX";
	enum sl_access access;
	struct sl_nodes n;
	struct sl_diag d;
	struct stat st;
	int fd;

	assert(mkdtemp(dir));
	fd = open(dir, O_PATH | O_DIRECTORY);
	assert(fd >= 0 && discover("/dev/nvme0", NULL, &n, &d) == 0);
	assert(sl_nodes_create(&n, fd, &d) == 0);
	assert(fstatat(fd, "nvme0n1", &st, 0) == 0 && S_ISDIR(st.st_mode));
	assert(sl_nodes_find(&n, &st, &access) == &n.node[1] && access == SL_ACCESS_READ);
	assert(fstat(n.node[2].fd[SL_ACCESS_BOTH], &st) == 0);
	assert(sl_nodes_find(&n, &st, &access) == &n.node[2] && access == SL_ACCESS_BOTH);
	assert(fstat(fd, &st) == 0 && !sl_nodes_find(&n, &st, &access));
	assert(fstat(0, &st) == 0 && !sl_nodes_find(&n, &st, &access));
	for (unsigned i = 0; i < n.n_node; i++)
		assert(unlinkat(fd, n.node[i].name, AT_REMOVEDIR) == 0);
	sl_nodes_done(&n);
	close(fd);
	assert(rmdir(dir) == 0);
}

/* Identify, of a device that has more and more namespaces. */
static uint32_t namespaces;

static int ask_growing(void *user, const struct sl_command *cmd, const void *data,
		       struct sl_client_reply *ret)
{
	static uint8_t page[4096];

	(void)user;
	(void)data;
	memset(page, 0, sizeof(page));
	for (uint32_t i = 0; cmd->req[40] == 2 && i < namespaces; i++)
		sl_put_le32(page + 4 * (size_t)i, i + 1);
	if (cmd->req[40] == 0) {
		page[0] = 8;
		page[130] = 9;
	}
	*ret = (struct sl_client_reply){.data = page, .c = {.data_len = sizeof(page)}};
	return 0;
}

static atomic_bool stop;
static int racing_dev;
static char trap[64]; /* a directory outside of the private /dev */

/* A tool that puts its own links where the supervisor is about to make a stand-in. */
static void *put_links(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		char name[32];

		snprintf(name, sizeof(name), "nvme0n%u.rw", namespaces);
		if (unlinkat(racing_dev, name, AT_REMOVEDIR) == 0 &&
		    symlinkat(trap, racing_dev, name) == 0)
			sched_yield();
		(void)unlinkat(racing_dev, name, 0);
	}
	return NULL;
}

/* No stand-in is anything but a directory of the private /dev. */
static void check_inside(const struct sl_nodes *n)
{
	struct stat st;

	for (unsigned i = 0; i < n->n_node; i++) {
		for (unsigned a = 0; a < _SL_ACCESS_N; a++) {
			if (n->node[i].fd[a] < 0)
				continue;
			assert(fstat(n->node[i].fd[a], &st) == 0 && st.st_dev == n->dev);
			assert(st.st_ino == n->node[i].ino[a]);
		}
	}
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/*
 * The private /dev is the tool's to write in. A stand-in that followed a link of its making would
 * hand it a directory of the mounts outside, and with that every node there is.
 */
static void check_links(void)
{
	char dir[] = "/dev/shm/sluice-test-nodes-XXXXXX";
	struct sl_nodes n;
	struct sl_diag d;
	pthread_t t;
	int fd;

	snprintf(trap, sizeof(trap), "/tmp/sluice-test-trap-XXXXXX");
	assert(mkdtemp(dir) && mkdtemp(trap));
	fd = open(dir, O_PATH | O_DIRECTORY);
	assert(fd >= 0 && discover("/dev/disk/mine", NULL, &n, &d) == 0);
	assert(sl_nodes_create(&n, fd, &d) == 0);
	assert(renameat(fd, "disk", fd, "was") == 0 && symlinkat(trap, fd, "disk") == 0);
	n.ask = ask_growing;
	namespaces = 3;
	sl_nodes_rescan(&n, 0, fd, fd);
	check_inside(&n);
	assert(rmdir(trap) == 0 && mkdir(trap, 0700) == 0); /* nothing was made in it */
	sl_nodes_done(&n);

	assert(discover("/dev/nvme0", NULL, &n, &d) == 0);
	assert(sl_nodes_create(&n, fd, &d) == 0);
	n.ask = ask_growing;
	racing_dev = fd;
	assert(pthread_create(&t, NULL, put_links, NULL) == 0);
	for (namespaces = 2; namespaces < 150; namespaces++) {
		sl_nodes_rescan(&n, 0, fd, fd);
		for (unsigned i = 0; i < n.n_node; i++)
			(void)unlinkat(fd, n.node[i].name, AT_REMOVEDIR);
	}
	atomic_store(&stop, true);
	assert(pthread_join(t, NULL) == 0);
	check_inside(&n);
	sl_nodes_done(&n);
	close(fd);
	assert(rmdir(trap) == 0);
	assert(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

int main(void)
{
	int pid;

	assert(sl_client_new(test_device_start(&pid), &client) == 0);
	check_found();
	check_refused("/tmp/nvme0", NULL, -EINVAL, "below /dev");
	check_refused("/dev/", NULL, -EINVAL, "below /dev");
	check_refused("/dev/../tmp/x", NULL, -EINVAL, "below /dev");
	check_refused("/dev//x", NULL, -EINVAL, "below /dev");
	check_refused("/dev/nvme3n1", NULL, -EINVAL, "map the controller, /dev/nvme3");
	check_refused("/dev/nvme0", "/dev/nvme0", -EEXIST, "twice");
	check_names();
	check_units();
	check_capacity();
	check_pages();
	check_stand_ins();
	check_links();
	sl_client_free(client);
	return 0;
}
