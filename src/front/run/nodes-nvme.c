/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe: controllers, and the namespaces that Identify names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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
/* NVM Command Set Specification 1.1. */
#define NVME_OPC_FLUSH	 0x00
#define NVME_OPC_WRITE	 0x01
#define NVME_OPC_READ	 0x02
#define NVME_RW_FUA	 (1u << 30) /* of CDW12 */
#define NVME_ID_CTRL_VWC 525
/* Namespace Identification Descriptor types, §5.1.13.2.3. */
#define NVME_NIDT_UUID 3
#define NVME_NIDT_CSI  4

static void identify_command(uint16_t device, uint8_t cns, uint32_t nsid, struct sl_command *ret)
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
	uint32_t len;
	int r;

	identify_command(device, cns, nsid, &cmd);
	r = sl_nodes_ask(n, &cmd, NULL, ret, &len);
	return r > 1 || (r == 1 && len != NVME_ID_SIZE) ? 0 : r;
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

static void ask_size(const struct sl_ctrl *ctrl, uint32_t nsid, struct sl_command *ret)
{
	identify_command(ctrl->device, NVME_ID_CNS_NS, nsid, ret);
}

static void take_size(struct sl_ns *ns, const uint8_t *page, uint32_t len)
{
	if (len == NVME_ID_SIZE)
		read_namespace(page, ns);
}

/* One of the two nodes of namespace number `at`. */
static int add_node(struct sl_nodes *n, unsigned ctrl, enum sl_door door, unsigned at)
{
	const struct sl_ctrl *c = &n->ctrl[ctrl];
	uint32_t nsid = n->ns[at].nsid;
	struct sl_node *node = sl_nodes_add(n, ctrl, door);
	bool block = door == SL_DOOR_NS_BLOCK;

	if (!node)
		return -ENOSPC;
	node->nsid = nsid;
	node->ns = at;
	node->mode = block ? S_IFBLK | 0660 : S_IFCHR | 0600;
	node->rdev = makedev(block ? SL_RDEV_BLOCK : SL_RDEV_GENERIC, at);
	if (block)
		snprintf(node->name, sizeof(node->name), "%.*sn%u", SL_NODE_NAME - 16, c->name,
			 nsid);
	else
		snprintf(node->name, sizeof(node->name), "ng%un%u", c->instance, nsid);
	node->group = block ? "class/block" : "class/nvme-generic";
	if (c->standard)
		snprintf(node->sys, sizeof(node->sys), SL_SYSFS_HOME "/nvme%u/%.32s", c->instance,
			 node->name);
	return 0;
}

static int add_namespace(struct sl_nodes *n, unsigned ctrl, uint32_t nsid)
{
	const struct sl_ctrl *c = &n->ctrl[ctrl];
	struct sl_ns *ns = sl_nodes_add_ns(n, nsid);
	uint8_t page[NVME_ID_SIZE];
	unsigned at;
	int r;

	if (!ns)
		return -ENOSPC;
	at = (unsigned)(ns - n->ns);
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
	sl_nodes_update(c, ns, r > 0 ? page : NULL, NVME_ID_SIZE);
	r = add_node(n, ctrl, SL_DOOR_NS_BLOCK, at);
	if (r == 0 && c->standard)
		r = add_node(n, ctrl, SL_DOOR_NS_CHAR, at);
	return r;
}

/* "nvme12" → 12; false when it is not exactly that. */
static bool standard_name(const char *name, unsigned *ret)
{
	int end = 0;

	return sscanf(name, "nvme%5u%n", ret, &end) == 1 && name[end] == '\0';
}

static int discover(struct sl_nodes *n, unsigned i, struct sl_diag *reterr)
{
	struct sl_ctrl *c = &n->ctrl[i];
	uint8_t list[NVME_ID_SIZE];
	struct sl_node *node;
	unsigned k, p;
	int r;

	c->standard = standard_name(c->name, &c->instance);
	if (!c->standard) {
		if (sscanf(c->name, "nvme%5un%5u", &k, &p) == 2)
			return sl_diag_set(reterr, -EINVAL, "", 0, 0,
					   "/dev/%s is a namespace: map the controller, "
					   "/dev/nvme%u; namespaces follow from it",
					   c->name, k);
		c->instance = 1000 + i; /* a number for sysfs that no nvmeN is likely to have */
	}
	node = sl_nodes_add(n, i, SL_DOOR_CTRL);
	if (!node)
		return -ENOMEM;
	memcpy(node->name, c->name, sizeof(node->name));
	node->mode = S_IFCHR | 0600;
	node->rdev = makedev(SL_RDEV_CTRL, i);
	node->group = "class/nvme";
	if (c->standard)
		snprintf(node->sys, sizeof(node->sys), SL_SYSFS_HOME "/nvme%u", c->instance);

	r = identify(n, c->device, NVME_ID_CNS_CTRL, 0, c->id);
	c->known = r > 0;
	if (r >= 0)
		r = identify(n, c->device, NVME_ID_CNS_ACTIVE, 0, list);
	if (r < 0)
		return sl_diag_set(reterr, r, "", 0, 0, "/dev/%s: the broker does not answer",
				   c->name);
	for (k = 0; r > 0 && k < NVME_NSID_MAX_ACTIVE; k++) {
		uint32_t nsid = sl_get_le32(list + 4 * (size_t)k);
		int e;

		if (nsid == 0)
			break;
		e = add_namespace(n, i, nsid);
		if (e < 0)
			return sl_diag_set(reterr, e, "", 0, 0, "/dev/%s: namespace %u: %s",
					   c->name, nsid, strerror(-e));
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
		sl_nodes_vanish(n, node, dev, sys);
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
		for (unsigned i = first; i < n->n_node; i++)
			sl_nodes_appear(n, &n->node[i], dev, sys);
	}
}

static void rescan(struct sl_nodes *n, unsigned ctrl, int dev, int sys)
{
	uint8_t list[NVME_ID_SIZE];

	if (identify(n, n->ctrl[ctrl].device, NVME_ID_CNS_ACTIVE, 0, list) > 0)
		follow(n, ctrl, list, dev, sys);
}

static void transfer(struct sl_command *cmd, bool write, bool fua, uint64_t lba, uint32_t blocks)
{
	cmd->req[0] = write ? NVME_OPC_WRITE : NVME_OPC_READ;
	sl_put_le32(cmd->req + 4, cmd->node_nsid);
	sl_put_le64(cmd->req + 40, lba);
	sl_put_le32(cmd->req + 48, (blocks - 1) | (write && fua ? NVME_RW_FUA : 0));
}

static bool flush(const struct sl_ctrl *ctrl, struct sl_command *cmd)
{
	/* No volatile write cache (Identify Controller VWC bit 0): every write was durable already.
	 */
	if (ctrl->known && !(ctrl->id[NVME_ID_CTRL_VWC] & 1))
		return false;
	cmd->req[0] = NVME_OPC_FLUSH;
	sl_put_le32(cmd->req + 4, cmd->node_nsid);
	return true;
}

static const char *const names[] = {"nvme[0-9]*", "ng[0-9]*", NULL};

const struct sl_family sl_family_nvme = {
	.protocol = SL_WIRE_NVME,
	.set = SL_SET_NVME_IO,
	.denied = EACCES,
	.what = "an NVMe controller",
	.names = names,
	.example = "/dev/nvme0",
	.discover = discover,
	.rescan = rescan,
	.ask_size = ask_size,
	.take_size = take_size,
	.transfer = transfer,
	.flush = flush,
	.sysfs = sl_sysfs_nvme,
};
