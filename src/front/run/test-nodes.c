/* SPDX-License-Identifier: Apache-2.0 */
/* What is discovered, what it is called, and what is refused with which words. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A page may say anything. */
static void check_pages(void)
{
	struct sl_ns ns = {0};
	uint8_t p[4096] = {0};

	p[7] = 0x80; /* more blocks than there are bytes in 63 bits */
	p[130] = 9;
	sl_nodes_update(&ns, p);
	assert(ns.lba_shift == 0 && ns.blocks == 0);
	p[7] = 0;
	p[0] = 8;
	p[130] = 63;
	sl_nodes_update(&ns, p);
	assert(ns.lba_shift == 0);
	p[26] = 0x71; /* format 49, metadata in the LBA */
	p[128 + 49 * 4] = 8;
	p[128 + 49 * 4 + 2] = 12;
	sl_nodes_update(&ns, p);
	assert(ns.lba_shift == 12 && ns.blocks == 8 && ns.meta_size == 8 && ns.ext);
	sl_nodes_update(&ns, NULL);
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
	check_pages();
	check_stand_ins();
	sl_client_free(client);
	return 0;
}
