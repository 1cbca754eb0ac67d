/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else holds a device, on trees that look like /dev, /sys and /proc: regular files stand for
 * nodes, and owners are what this test says.
 */
#undef NDEBUG
#include "cli/ways.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DISKS 4242u /* a group */

static int fake_stat(const char *path, struct stat *ret)
{
	int r = stat(path, ret);

	ret->st_uid = 0;
	ret->st_gid = strstr(path, "dev/nvme0n") ? DISKS : 0;
	return r;
}

static void nobody(gid_t gid, char *buf, size_t size)
{
	(void)gid;
	assert(size);
	buf[0] = '\0';
}

static void alice(gid_t gid, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", gid == DISKS ? "alice" : "");
}

static struct sl_ways_roots tree = {
	.dev = "dev", .sys = "sys", .proc = "proc", .stat = fake_stat, .members = nobody};

static void make_dirs(const char *path)
{
	char part[512];

	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *p = strchr(part, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		assert(mkdir(part, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

static void file(const char *path, unsigned mode, const char *text)
{
	FILE *f;

	make_dirs(path);
	f = fopen(path, "we");
	assert(f && fputs(text, f) >= 0);
	assert(fclose(f) == 0 && chmod(path, mode) == 0);
}

static void point(const char *path, const char *to)
{
	make_dirs(path);
	assert(symlink(to, path) == 0);
}

/* A drive with a namespace and a partition, closed to everybody, and not used. */
static void drive(const char *release)
{
	file("proc/sys/kernel/osrelease", 0444, release);
	file("proc/self/mountinfo", 0444,
	     "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 1 0:50 / /n rw - nfs server:/nvme0n1 rw\n");
	file("proc/swaps", 0444, "Filename Type Size Used Priority\n");
	file("sys/class/nvme/nvme0/transport", 0444, "pcie\n");
	file("sys/class/nvme/nvme0/subsysnqn", 0444, "nqn.one\n");
	file("sys/class/nvme/nvme0/dev", 0444, "240:0\n");
	file("sys/class/nvme/nvme0/ng0n1/dev", 0444, "241:0\n");
	file("sys/class/nvme/nvme0/reset_controller", 0200, "");
	point("sys/class/nvme/nvme0/device/driver", "../../../bus/pci/drivers/nvme");
	file("sys/class/nvme-generic/ng0n1/dev", 0444, "241:0\n");
	file("sys/class/block/nvme0n1/dev", 0444, "259:0\n");
	file("sys/class/block/nvme0n1p1/dev", 0444, "259:1\n");
	file("sys/class/block/nvme0n1p1/partition", 0444, "1\n");
	file("sys/class/block/nvme0n10/dev", 0444, "259:9\n");
	file("dev/nvme0", 0600, "");
	file("dev/ng0n1", 0600, "");
	file("dev/nvme0n1", 0660, "");
	file("dev/nvme0n1p1", 0660, "");
}

static char *look(bool json, bool check, unsigned *ret_open)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct sl_emit *e = sl_emit_new(f, json);

	assert(sl_ways_print(e, &tree, check, ret_open) == 0);
	assert(sl_emit_done(e) == 0);
	assert(fclose(f) == 0);
	return text;
}

static void expect(bool json, bool check, unsigned open, const char *golden)
{
	unsigned n;
	char *text = look(json, check, &n);

	if (strcmp(text, golden) != 0)
		(void)fprintf(stderr, "expected:\n%s\ngot:\n%s\n", golden, text);
	assert(strcmp(text, golden) == 0);
	assert(n == open);
	free(text);
}

/* Columns are as wide as they need to be: one blank between words is enough. */
static char *squeeze(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++)
		if (*p != ' ' || p[1] != ' ')
			*to++ = *p;
	*to = '\0';
	return text;
}

/* Does one line of the text have both? */
static void expect_line(bool check, const char *a, const char *b)
{
	unsigned open;
	char *text = squeeze(look(false, check, &open)), *all = strdup(text), *rest = text, *line;
	bool found = false;

	while ((line = strsep(&rest, "\n")))
		found |= strstr(line, a) && strstr(line, b);
	if (!found)
		(void)fprintf(stderr, "no line with '%s' and '%s':\n%s", a, b, all);
	assert(found);
	free(all);
	free(text);
}

static void test_none(void)
{
	expect(false, false, 0, "");
	expect(false, true, 0, "Ways in: 0, to 0 devices. None is open to anybody but root.\n");
	expect(true, true, 0, "{\n  \"ways\": [],\n  \"open\": 0,\n  \"unseen_processes\": 0\n}\n");
}

static void test_closed(void)
{
	drive("6.1.0-56-amd64\n");
	expect(false, true, 0, "Ways in: 6, to 1 device. None is open to anybody but root.\n");
	expect(false, false, 0,
	       "DEVICE  WAY IN     WHERE                                  WHO, WHAT               "
	       "            STATE\n"
	       "nvme0   node       dev/nvme0                              root:root 0600\n"
	       "nvme0   node       dev/ng0n1                              root:root 0600\n"
	       "nvme0   node       dev/nvme0n1                            root:4242 0660; group "
	       "4242: nobody\n"
	       "nvme0   node       dev/nvme0n1p1                          root:4242 0660; group "
	       "4242: nobody\n"
	       "nvme0   driver     nvme0                                  bound to nvme\n"
	       "nvme0   attribute  sys/class/nvme/nvme0/reset_controller  root:root 0200\n"
	       "\n"
	       "THE KERNEL ALLOWS A USER ON  OPEN FOR READING    OPEN FOR WRITING\n"
	       "a controller                 nothing             nothing\n"
	       "a namespace (ng)             data, reveals-data  data, reveals-data\n"
	       "a namespace (block)          data, reveals-data  data, reveals-data\n"
	       "a partition                  data, reveals-data  data, reveals-data\n"
	       "By the policy linux-6.1; this is Linux 6.1. `unknown`: what the device lists and "
	       "no table describes.\n");
}

/* The model follows the kernel's version, and says what reading and writing give. */
static void test_kernels(void)
{
	drive("6.12.95\n");
	expect_line(false, "a controller ", "what has no effect");
	expect_line(false, "a namespace (ng)", "data, availability, peer, reveals-data, unknown");
	expect_line(false, "a partition", "data, reveals-data data, reveals-data");
	expect_line(false, "By the policy", "linux-6.12; this is Linux 6.12");
	assert(remove("proc/sys/kernel/osrelease") == 0);
	file("proc/sys/kernel/osrelease", 0444, "7.3.4-amd64\n");
	expect_line(false, "By the policy", "linux-2026; this is Linux 7.3");
	/* Now that SUBMIT_IO is judged: who may only read writes nothing that is described. */
	expect_line(false, "a namespace (block)", " reveals-data, unknown data, ");
	expect_line(false, "a partition", "what has no effect");
}

static void test_open_nodes(void)
{
	drive("6.1.0\n");
	assert(chmod("dev/ng0n1", 0666) == 0 && chmod("dev/nvme0", 0604) == 0);
	expect(false, true, 2,
	       "DEVICE  WAY IN  WHERE      WHO, WHAT                                       "
	       "CLOSED BY\n"
	       "nvme0   node    dev/nvme0  root:root 0604; everybody: reading              "
	       "chmod o-rwx dev/nvme0\n"
	       "nvme0   node    dev/ng0n1  root:root 0666; everybody: reading and writing  "
	       "chmod o-rwx dev/ng0n1\n");
	expect(true, true, 2,
	       "{\n"
	       "  \"ways\": [\n"
	       "    {\"device\": \"nvme0\", \"way\": \"node\", \"at\": \"dev/nvme0\", "
	       "\"who\": \"root:root 0604; everybody: reading\", \"state\": \"open\", "
	       "\"close\": \"chmod o-rwx dev/nvme0\"},\n"
	       "    {\"device\": \"nvme0\", \"way\": \"node\", \"at\": \"dev/ng0n1\", "
	       "\"who\": \"root:root 0666; everybody: reading and writing\", \"state\": \"open\", "
	       "\"close\": \"chmod o-rwx dev/ng0n1\"}\n"
	       "  ],\n"
	       "  \"open\": 2,\n"
	       "  \"unseen_processes\": 0\n"
	       "}\n");
	expect_line(false, "dev/ng0n1", " open");
	/* A group is a door as soon as somebody is in it. */
	tree.members = alice;
	expect_line(true, "dev/nvme0n1p1", "group 4242 (alice): reading and writing");
	expect_line(true, "dev/nvme0n1p1", "chgrp root dev/nvme0n1p1");
	tree.members = nobody;
}

/* An access list opens what the mode seems to keep closed. */
static void test_access_list(void)
{
	static const uint8_t acl[] = {
		2, 0,	 0,    0,   1,	 0,   6,    0, 255, 255, 255, 255, 2,	0,    4,
		0, 0x92, 0x10, 0,   0,	 4,   0,    0, 0,   255, 255, 255, 255, 0x10, 0,
		4, 0,	 255,  255, 255, 255, 0x20, 0, 0,   0,	 255, 255, 255, 255,
	};

	drive("6.1.0\n");
	if (setxattr("dev/ng0n1", "system.posix_acl_access", acl, sizeof(acl), 0) < 0) {
		assert(errno == ENOTSUP); /* this file system has none */
		return;
	}
	expect_line(true, "dev/ng0n1", "user 4242 by access list: reading");
	expect_line(true, "dev/ng0n1", "setfacl -b dev/ng0n1");
}

static void test_attributes(void)
{
	drive("6.1.0\n");
	assert(chmod("sys/class/nvme/nvme0/reset_controller", 0222) == 0);
	expect_line(true, "reset_controller", "chmod o-rwx sys/class/nvme/nvme0/reset_controller");
}

static void test_processes(void)
{
	drive("6.1.0\n");
	file("proc/100/status", 0444, "Name:\tagent\nUid:\t1000\t1000\t1000\t1000\n");
	file("proc/100/fdinfo/3", 0444, "pos:\t0\nflags:\t0100000\n");
	point("proc/100/fd/3", "../../../dev/ng0n1");
	point("proc/100/fd/4", "../../../proc/swaps");
	file("proc/200/status", 0444, "Name:\tmonitor\nUid:\t0\t0\t0\t0\n");
	file("proc/200/fdinfo/5", 0444, "flags:\t0100002\n");
	point("proc/200/fd/5", "../../../dev/nvme0");
	expect(false, true, 1,
	       "DEVICE  WAY IN   WHERE      WHO, WHAT                                      "
	       "CLOSED BY\n"
	       "nvme0   process  dev/ng0n1  agent (100, uid 1000) has it open for reading  kill "
	       "100\n");
	expect_line(false, "process dev/nvme0",
		    "monitor (200, uid 0) has it open for reading and writing");
}

/* What may not be seen is counted, and is no open door. */
static void test_unseen(void)
{
	char *text, said[128] = "";
	int err = dup(STDERR_FILENO);
	unsigned open;

	drive("6.1.0\n");
	file("said", 0666, "");
	file("proc/100/fd/x", 0600, "");
	assert(chmod(".", 0755) == 0 && chmod("proc/100/fd", 0) == 0);
	if (geteuid() == 0)
		assert(seteuid(65534) == 0);
	assert(err >= 0 && freopen("said", "r+", stderr));
	text = look(true, true, &open);
	rewind(stderr);
	assert(fgets(said, sizeof(said), stderr) && dup2(err, STDERR_FILENO) >= 0);
	assert(strstr(said, "1 process may not be looked into"));
	assert(close(err) == 0);
	assert(strstr(text, "\"unseen_processes\": 1\n") && open == 0);
	free(text);
	if (getuid() == 0)
		assert(seteuid(0) == 0);
	assert(chmod("proc/100/fd", 0700) == 0);
}

static void test_uses(void)
{
	drive("6.1.0\n");
	assert(remove("proc/self/mountinfo") == 0 && remove("proc/swaps") == 0);
	/* By number, since the source can be any name. */
	file("proc/self/mountinfo", 0444, "30 1 259:1 / /srv rw - ext4 /dev/root rw\n");
	file("proc/swaps", 0444, "Filename Type\n/dev/nvme0n1p1 partition 1 2 3\n");
	file("sys/class/block/nvme0n1/holders/md0", 0444, "");
	file("sys/class/block/nvme0n1p1/holders/dm-3", 0444, "");
	file("sys/class/block/dm-3/dm/name", 0444, "vault\n");
	expect_line(false, "mounted dev/nvme0n1p1 ", "ext4 on /srv");
	expect_line(false, "swap dev/nvme0n1p1 ", "the kernel swaps to it");
	expect_line(false, "holder dev/nvme0n1 ", "part of md0");
	expect_line(false, "holder dev/nvme0n1p1 ", "part of dm-3 (vault)");
	expect_line(true, "to 1 device.", "None is open");
}

/* Two paths to one subsystem, one of them over a fabric; the kernel has a name for both. */
static void test_subsystem(void)
{
	char *text;
	unsigned open;

	drive("6.1.0\n");
	file("sys/class/nvme/nvme1/transport", 0444, "tcp\n");
	file("sys/class/nvme/nvme1/address", 0444, "traddr=10.0.0.1,trsvcid=4420\n");
	file("sys/class/nvme/nvme1/subsysnqn", 0444, "nqn.one\n");
	file("sys/class/nvme/nvme1/nvme0c1n1/x", 0444, "");
	file("sys/class/nvme/nvme2/subsysnqn", 0444, "nqn.two\n");
	expect_line(false, "nvme0 controller nvme1", "the same subsystem");
	expect_line(false, "nvme1 controller nvme0", "the same subsystem");
	expect_line(false, "nvme1 fabric", "over tcp, traddr=10.0.0.1,trsvcid=4420");
	expect_line(false, "nvme1 node dev/ng0n1", "0600");
	text = squeeze(look(false, false, &open));
	assert(!strstr(text, "controller nvme2") && !strstr(text, "nvme2 controller"));
	free(text);
	/* Who holds a namespace that both share holds both. */
	file("proc/100/status", 0444, "Name:\tagent\nUid:\t0\t0\t0\t0\n");
	point("proc/100/fd/3", "../../../dev/ng0n1");
	point("proc/100/fd/4", "../../../dev/ng0n1");
	expect_line(false, "nvme0 process dev/ng0n1", "agent (100, uid 0) has it open");
	expect_line(false, "nvme1 process dev/ng0n1", "agent (100, uid 0) has it open");
}

#define NVMET "sys/kernel/config/nvmet/subsystems/"

/* What nvmet gives to other hosts: a namespace of its own, and a whole controller; not what is off.
 */
static void test_exports(void)
{
	char *text;
	unsigned open;

	drive("6.1.0\n");
	file(NVMET "nqn.a/attr_allow_any_host", 0644, "1\n");
	file(NVMET "nqn.a/namespaces/1/device_path", 0644, "/dev/nvme0n1p1\n");
	file(NVMET "nqn.a/namespaces/1/enable", 0644, "1\n");
	file(NVMET "nqn.a/namespaces/2/device_path", 0644, "/dev/nvme0n1\n");
	file(NVMET "nqn.a/namespaces/2/enable", 0644, "0\n");
	file(NVMET "nqn.b/attr_allow_any_host", 0644, "0\n");
	file(NVMET "nqn.b/passthru/device_path", 0644, "/dev/nvme0\n");
	file(NVMET "nqn.b/passthru/enable", 0644, "1\n");
	expect_line(false, "nvme0 export dev/nvme0n1p1 ", "nvmet serves it to any host as nqn.a");
	expect_line(false, "nvme0 export dev/nvme0 ", "to the hosts it allows as nqn.b");
	text = squeeze(look(false, false, &open));
	assert(!strstr(text, "export dev/nvme0n1 "));
	free(text);
}

/* Devices that are not gated yet, and one that a virtual machine could have. */
static void test_others(void)
{
	file("sys/bus/pci/devices/0000:01:00.0/class", 0444, "0x010802\n");
	point("sys/bus/pci/devices/0000:01:00.0/iommu_group", "../../groups/7");
	point("sys/bus/pci/drivers/vfio-pci/0000:01:00.0", "../../devices/0000:01:00.0");
	file("dev/vfio/7", 0666, "");
	file("sys/class/scsi_generic/sg0/device/block/sda/x", 0444, "");
	file("sys/class/scsi_generic/sg0/device/bsg/0:0:0:0/x", 0444, "");
	file("sys/class/block/sda/dev", 0444, "8:0\n");
	file("sys/class/block/sda1/partition", 0444, "1\n");
	file("dev/sg0", 0444, "");
	file("dev/sda", 0600, "");
	file("dev/sda1", 0602, "");
	file("dev/bsg/0:0:0:0", 0600, "");
	file("sys/bus/cxl/devices/mem0/dev", 0444, "250:0\n");
	file("dev/cxl/mem0", 0444, "");
	file("sys/class/fwctl/fwctl0/dev", 0444, "251:0\n");
	file("dev/fwctl/fwctl0", 0600, "");
	expect_line(true, "0000:01:00.0 vfio", "all of the device, ungated; root:root 0666");
	expect_line(true, "sg0 node dev/sg0 ", "chmod o-rwx dev/sg0");
	expect_line(true, "sg0 node dev/sda1 ", "everybody: writing");
	expect_line(true, "mem0 node dev/cxl/mem0 ", "chmod o-rwx dev/cxl/mem0");
	expect_line(false, "an sg node", "reveals-data everything");
	expect_line(false, "a CXL memory device", "data, config, config-reset, persist, policy");
	expect_line(false, "fwctl0 node dev/fwctl/fwctl0", "root:root 0600");
	expect_line(false, "sg0 node dev/bsg/0:0:0:0", "root:root 0600");
}

/* What is behind an adapter is also behind the node that its driver makes for itself. */
static void test_adapters(void)
{
	point("sys/class/scsi_generic/sg1/device", "../../../3:0:0:0");
	file("sys/class/scsi_host/host3/proc_name", 0444, "mpt3sas\n");
	point("sys/class/scsi_generic/sg2/device", "../../../14:2:0:0");
	file("sys/class/scsi_host/host14/proc_name", 0444, "megaraid_sas\n");
	point("sys/class/scsi_generic/sg3/device", "../../../5:0:0:0");
	file("sys/class/scsi_host/host5/proc_name", 0444, "virtio_scsi\n");
	file("dev/sg1", 0600, "");
	file("dev/sg2", 0600, "");
	file("dev/mpt3ctl", 0666, "");
	file("dev/megaraid_sas_ioctl_node", 0666, "");
	expect_line(true, "sg1 node dev/mpt3ctl ", "chmod o-rwx dev/mpt3ctl");
	expect_line(false, "sg2 node dev/megaraid_sas_ioctl_node ",
		    "the adapter's own; the driver wants CAP_SYS_ADMIN");
	expect_line(false, "sg2 node dev/sg2", "root:root 0600");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Each test has an empty directory to itself. */
static void in_tree(void (*test)(void))
{
	char dir[] = "/tmp/sluice-ways-XXXXXX";

	assert(mkdtemp(dir) && chdir(dir) == 0);
	test();
	assert(chdir("/") == 0);
	assert(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

int main(void)
{
	in_tree(test_none);
	in_tree(test_closed);
	in_tree(test_kernels);
	in_tree(test_open_nodes);
	in_tree(test_access_list);
	in_tree(test_attributes);
	in_tree(test_processes);
	in_tree(test_unseen);
	in_tree(test_uses);
	in_tree(test_subsystem);
	in_tree(test_exports);
	in_tree(test_others);
	in_tree(test_adapters);
	return 0;
}
