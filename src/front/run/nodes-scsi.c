/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCSI: one logical unit has an sg node, a bsg node and, where its type is one that Linux makes a
 * block device of, that too; whichever of them was mapped, the others follow where their names are
 * free. There are no partitions: a command through one would reach the whole unit.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/bytes.h"
#include "front/run/scsi.h"
#include "front/run/super.h"

/* SPC-6: INQUIRY, VITAL PRODUCT DATA; SBC-5: the others. */
#define SCSI_INQUIRY		0x12
#define SCSI_READ_CAPACITY_10	0x25
#define SCSI_SYNCHRONIZE_CACHE	0x35
#define SCSI_READ_16		0x88
#define SCSI_WRITE_16		0x8a
#define SCSI_SERVICE_ACTION_IN	0x9e
#define SCSI_SA_READ_CAPACITY	0x10
#define SCSI_FUA		0x08
#define SCSI_STATUS_CHECK	0x02
#define SCSI_INQUIRY_SIZE	96
#define SCSI_VPD_SERIAL		0x80
#define SCSI_VPD_IDENTIFICATION 0x83
/* Peripheral device types, SPC-6. */
#define SCSI_TYPE_DISK	    0x00
#define SCSI_TYPE_WORM	    0x04
#define SCSI_TYPE_CD	    0x05
#define SCSI_TYPE_OPTICAL   0x07
#define SCSI_TYPE_RBC	    0x0e
#define SCSI_TYPE_ZBC	    0x14
#define SCSI_TYPE_NO_ANSWER 0x1f

#define LU 1 /* the number that the gate knows a logical unit by */

uint8_t sl_scsi_type(const struct sl_ctrl *ctrl)
{
	return ctrl->known ? ctrl->id[SL_SCSI_INQUIRY] & 0x1f : SCSI_TYPE_NO_ANSWER;
}

static void command(const struct sl_ctrl *c, const uint8_t *cdb, uint16_t len, uint32_t data_len,
		    struct sl_command *ret)
{
	*ret = (struct sl_command){
		.set = SL_SET_SCSI,
		.dir = SL_DIR_IN,
		.door = SL_DOOR_SG,
		.req_len = len,
		.device = c->device,
		.node_nsid = LU,
		.data_len = data_len,
		.meta_len = SL_SENSE_MAX,
	};
	memcpy(ret->req, cdb, len);
}

/* 1: answered; 0: not; <0: the connection. What happened since power-on is reported once only. */
static int ask(const struct sl_nodes *n, const struct sl_command *cmd, uint8_t *ret,
	       uint32_t *ret_len)
{
	int r = 0;

	for (unsigned attempt = 0; attempt < 3; attempt++) {
		r = sl_nodes_ask(n, cmd, NULL, ret, ret_len);
		if (r != 1 + SCSI_STATUS_CHECK)
			break;
	}
	return r > 1 ? 0 : r;
}

/* INQUIRY, or a VPD page of it, into sl_ctrl.id. As `ask`. */
static int inquire(const struct sl_nodes *n, struct sl_ctrl *c, int page, uint8_t size, size_t at,
		   uint32_t max)
{
	const uint8_t cdb[6] = {SCSI_INQUIRY, page >= 0, page >= 0 ? (uint8_t)page : 0, 0, size};
	uint8_t answer[SL_ID_MAX];
	struct sl_command cmd;
	uint32_t len;
	int r;

	command(c, cdb, sizeof(cdb), size, &cmd);
	r = ask(n, &cmd, answer, &len);
	if (r <= 0)
		return r;
	if (len < 4 || (page < 0 && len < 36) || (page >= 0 && answer[1] != page))
		return 0;
	memcpy(c->id + at, answer, len < max ? len : max);
	return 1;
}

static void size_command(const struct sl_ctrl *c, struct sl_command *ret)
{
	static const uint8_t cdb10[10] = {SCSI_READ_CAPACITY_10};
	static const uint8_t cdb16[16] = {SCSI_SERVICE_ACTION_IN, SCSI_SA_READ_CAPACITY, [13] = 32};

	if (c->short_size)
		command(c, cdb10, sizeof(cdb10), 8, ret);
	else
		command(c, cdb16, sizeof(cdb16), 32, ret);
}

static void ask_size(const struct sl_ctrl *ctrl, uint32_t nsid, struct sl_command *ret)
{
	(void)nsid;
	size_command(ctrl, ret);
}

static void take_size(struct sl_ns *ns, const uint8_t *p, uint32_t len)
{
	uint64_t last;
	uint32_t size;
	unsigned shift;

	if (len != 8 && len < 12)
		return;
	last = len == 8 ? sl_get_be32(p) : sl_get_be64(p);
	size = sl_get_be32(p + (len == 8 ? 4 : 8));
	for (shift = 9; shift < 16 && 1u << shift < size; shift++)
		;
	if (1u << shift != size || last >= (uint64_t)INT64_MAX >> shift)
		return; /* no LBA size that a block device could have */
	ns->lba_shift = (uint8_t)shift;
	ns->blocks = last + 1;
	/* P_TYPE and PROT_EN: eight bytes more a block, which READ without RDPROTECT leaves out. */
}

static void put_be(uint8_t *p, uint64_t value, unsigned bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static void transfer(struct sl_command *cmd, bool write, bool fua, uint64_t lba, uint32_t blocks)
{
	cmd->req_len = 16;
	cmd->req[0] = write ? SCSI_WRITE_16 : SCSI_READ_16;
	cmd->req[1] = write && fua ? SCSI_FUA : 0;
	put_be(cmd->req + 2, lba, 8);
	put_be(cmd->req + 10, blocks, 4);
	cmd->meta_len = 0;
}

static bool flush(const struct sl_ctrl *ctrl, struct sl_command *cmd)
{
	(void)ctrl;
	cmd->req_len = 10;
	cmd->req[0] = SCSI_SYNCHRONIZE_CACHE; /* LBA 0 and 0 blocks: all of them */
	return true;
}

/* "sdb" → 1, "sdaa" → 26. */
static bool disk_number(const char *name, unsigned *ret)
{
	unsigned n = 0;

	if (strncmp(name, "sd", 2) != 0 || !name[2] || strlen(name) > 5)
		return false;
	for (name += 2; *name; name++) {
		if (*name < 'a' || *name > 'z')
			return false;
		n = n * 26 + (unsigned)(*name - 'a') + 1;
	}
	*ret = n - 1;
	return true;
}

static void disk_name(unsigned number, char *ret, size_t size)
{
	char letters[8];
	size_t at = sizeof(letters) - 1;

	letters[at] = '\0';
	for (unsigned n = number + 1; n && at; n = (n - 1) / 26)
		letters[--at] = (char)('a' + (n - 1) % 26);
	snprintf(ret, size, "sd%s", letters + at);
}

/* "sg3", "sr0" and the host's number of "bsg/3:0:0:0". */
static bool numbered(const char *name, const char *before, const char *after, unsigned *ret)
{
	size_t n = strlen(before);
	int end = 0;

	return strncmp(name, before, n) == 0 && sscanf(name + n, "%4u%n", ret, &end) == 1 &&
	       strcmp(name + n + end, after) == 0;
}

static bool is_partition(const char *name)
{
	char disk[8] = "";
	unsigned a, b;

	return sscanf(name, "sd%4[a-z]%5u", disk, &a) == 2 ||
	       sscanf(name, "sr%4up%4u", &a, &b) == 2;
}

/* Major number of bsg in this kernel: tools look it up there to know such nodes. */
static unsigned bsg_major(void)
{
	FILE *f = fopen("/proc/devices", "re");
	unsigned found = SL_RDEV_BSG, n;
	char line[128], name[64];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%u %60s", &n, name) == 2 && strcmp(name, "bsg") == 0)
			found = n;
	}
	if (f)
		fclose(f);
	return found;
}

/* A name that another device has, or is to have. */
static bool taken(const struct sl_nodes *n, unsigned ctrl, const char *name)
{
	for (unsigned i = 0; i < n->n_ctrl; i++) {
		if (i != ctrl && strcmp(n->ctrl[i].name, name) == 0)
			return true;
	}
	for (unsigned i = 0; i < n->n_node; i++) {
		if (strcmp(n->node[i].name, name) == 0)
			return true;
	}
	return false;
}

/* `entry`: where below the unit's own directory sysfs has it. */
static int add_node(struct sl_nodes *n, unsigned ctrl, enum sl_door door, const char *name,
		    dev_t rdev, const char *entry)
{
	const struct sl_ctrl *c = &n->ctrl[ctrl];
	bool block = door == SL_DOOR_SCSI_BLOCK;
	const char *base = strrchr(name, '/');
	struct sl_node *node;

	if (taken(n, ctrl, name))
		return 0;
	node = sl_nodes_add(n, ctrl, door);
	if (!node)
		return -ENOSPC;
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->nsid = LU;
	node->ns = n->n_ns - 1;
	node->mode = block ? S_IFBLK | 0660 : S_IFCHR | 0600;
	node->rdev = rdev;
	node->group = block		   ? "class/block"
		      : door == SL_DOOR_SG ? "class/scsi_generic"
					   : "class/bsg";
	if (c->standard)
		snprintf(node->sys, sizeof(node->sys), SL_SCSI_UNIT "/%s/%s", c->instance,
			 c->instance, c->instance, entry, base ? base + 1 : name);
	return 0;
}

static int add_nodes(struct sl_nodes *n, unsigned ctrl, unsigned number, bool as_block)
{
	const struct sl_ctrl *c = &n->ctrl[ctrl];
	uint8_t type = sl_scsi_type(c);
	bool cd = type == SCSI_TYPE_CD;
	char name[SL_NODE_NAME];
	dev_t rdev;
	int r;

	snprintf(name, sizeof(name), "sg%u", number);
	r = add_node(n, ctrl, SL_DOOR_SG, name, makedev(SL_RDEV_SG, number), "scsi_generic");
	snprintf(name, sizeof(name), "bsg/%u:0:0:0", c->instance);
	if (r == 0)
		r = add_node(n, ctrl, SL_DOOR_BSG, name, makedev(bsg_major(), c->instance), "bsg");
	if (r < 0 || (!as_block && !cd && type != SCSI_TYPE_DISK && type != SCSI_TYPE_WORM &&
		      type != SCSI_TYPE_OPTICAL && type != SCSI_TYPE_RBC && type != SCSI_TYPE_ZBC))
		return r;
	if (cd || c->name[1] == 'r')
		snprintf(name, sizeof(name), "sr%u", number);
	else
		disk_name(number, name, sizeof(name));
	/* 16 numbers a disk, 16 disks a major; further majors begin at 65. */
	rdev = cd ? makedev(SL_RDEV_SR, number)
		  : makedev(number < 16 ? SL_RDEV_SD : 64 + number / 16, number % 16 * 16);
	return add_node(n, ctrl, SL_DOOR_SCSI_BLOCK, name, rdev, "block");
}

/* What kind of name it was given, and the number in it. */
static bool standard_name(const char *name, unsigned *ret, bool *ret_block)
{
	*ret_block = disk_number(name, ret) || numbered(name, "sr", "", ret);
	return *ret_block || numbered(name, "sg", "", ret) || numbered(name, "bsg/", ":0:0:0", ret);
}

static int discover(struct sl_nodes *n, unsigned i, struct sl_diag *reterr)
{
	struct sl_ctrl *c = &n->ctrl[i];
	struct sl_ns *ns = sl_nodes_add_ns(n, LU);
	uint8_t answer[SL_ID_MAX];
	struct sl_command cmd;
	uint32_t len = 0;
	bool block = false;
	unsigned number;
	int r;

	if (!ns)
		return -ENOSPC;
	if (is_partition(c->name))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0,
				   "/dev/%s is a partition: map the disk, commands go to all of it",
				   c->name);
	c->standard = standard_name(c->name, &number, &block);
	c->instance = c->standard ? number : 1000 + i;
	for (unsigned k = 0; k < i; k++) {
		if (n->ctrl[k].family == c->family && n->ctrl[k].instance == c->instance)
			c->instance = 1000 + i; /* /dev/sg0 and /dev/sda, mapped to two units */
	}
	r = inquire(n, c, -1, SCSI_INQUIRY_SIZE, SL_SCSI_INQUIRY, SL_SCSI_INQUIRY_MAX);
	c->known = r > 0;
	if (r >= 0)
		r = inquire(n, c, SCSI_VPD_SERIAL, 252, SL_SCSI_VPD80, SL_SCSI_VPD80_MAX);
	if (r >= 0)
		r = inquire(n, c, SCSI_VPD_IDENTIFICATION, 252, SL_SCSI_VPD83, SL_SCSI_VPD83_MAX);
	for (unsigned form = 0; r >= 0 && form < 2; form++) {
		c->short_size = form == 1;
		size_command(c, &cmd);
		r = ask(n, &cmd, answer, &len);
		sl_nodes_update(c, ns, r > 0 ? answer : NULL, len);
		if (r > 0)
			break;
	}
	if (r < 0)
		return sl_diag_set(reterr, r, "", 0, 0, "/dev/%s: the broker does not answer",
				   c->name);
	if (c->standard)
		r = add_nodes(n, i, number, block);
	else
		r = add_node(n, i, SL_DOOR_SG, c->name, makedev(SL_RDEV_SG, 1000 + i), "");
	return r < 0 ? sl_diag_set(reterr, r, "", 0, 0, "/dev/%s: %s", c->name, strerror(-r)) : 0;
}

static const char *const names[] = {"sg[0-9]*", "sd[a-z]*", "sr[0-9]*", "bsg/*", NULL};

const struct sl_family sl_family_scsi = {
	.protocol = SL_WIRE_SCSI,
	.set = SL_SET_SCSI,
	.denied = EPERM,
	.what = "a SCSI unit",
	.names = names,
	.example = "/dev/sg0 or /dev/sda",
	.discover = discover,
	.ask_size = ask_size,
	.take_size = take_size,
	.transfer = transfer,
	.flush = flush,
	.sysfs = sl_sysfs_scsi,
};
