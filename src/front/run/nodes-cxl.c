/* SPDX-License-Identifier: Apache-2.0 */
/* CXL memory devices and fwctl devices: one node each. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/bytes.h"
#include "front/run/mailbox.h"
#include "front/run/super.h"

/* CXL 3.1 §8.2.9.5 and §8.2.9.9.1. */
#define CXL_GET_SUPPORTED_LOGS 0x0400
#define CXL_LOGS_HEAD	       8 /* number of entries, reserved; then a UUID and a size each */
#define CXL_LOGS_SIZE	       512
#define CXL_LOG_MAX	       2048 /* what is read of it: 512 commands */
#define CXL_GET_LOG	       0x0401
#define CXL_IDENTIFY	       0x4000
#define CXL_UNIT	       (256ull << 20) /* what capacities are counted in */

static const uint8_t effects_log[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
					0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};

/* 1: answered; 0: not; <0: the connection. */
static int ask(const struct sl_nodes *n, const struct sl_ctrl *c, const struct sl_mailbox *m,
	       const uint8_t *payload, uint8_t *ret, uint32_t *ret_len)
{
	struct sl_command cmd = {.door = SL_DOOR_CXL, .device = c->device};
	uint8_t buf[SL_ID_MAX] = {0};
	int r;

	sl_mailbox_fill(m, &cmd);
	if (m->in_len)
		memcpy(buf, payload, m->in_len);
	r = sl_nodes_ask(n, &cmd, buf, ret, ret_len);
	return r > 1 ? 0 : r;
}

static int read_identity(const struct sl_nodes *n, struct sl_ctrl *c)
{
	const struct sl_mailbox m = {
		.set = SL_SET_CXL, .opcode = CXL_IDENTIFY, .out_len = SL_CXL_IDENTIFY_SIZE};
	uint8_t page[SL_ID_MAX];
	uint32_t len;
	int r = ask(n, c, &m, NULL, page, &len);

	c->known = r > 0 && len >= SL_CXL_IDENTIFY_SIZE;
	if (c->known)
		memcpy(c->id + SL_CXL_IDENTIFY, page, SL_CXL_IDENTIFY_SIZE);
	return r;
}

/* How long the Command Effects Log is; 0: there is none. As `ask`. */
static int log_size(const struct sl_nodes *n, const struct sl_ctrl *c, uint32_t *ret)
{
	const struct sl_mailbox m = {
		.set = SL_SET_CXL, .opcode = CXL_GET_SUPPORTED_LOGS, .out_len = CXL_LOGS_SIZE};
	uint8_t page[SL_ID_MAX];
	uint32_t len;
	int r = ask(n, c, &m, NULL, page, &len);

	*ret = 0;
	for (uint32_t at = CXL_LOGS_HEAD; r > 0 && at + 20 <= len; at += 20) {
		if (memcmp(page + at, effects_log, sizeof(effects_log)) == 0)
			*ret = sl_get_le32(page + at + 16);
	}
	return r;
}

/* Which opcodes there are. A short answer is no error. */
static int read_opcodes(const struct sl_nodes *n, struct sl_ctrl *c)
{
	struct sl_mailbox m = {.set = SL_SET_CXL, .opcode = CXL_GET_LOG, .in_len = 24};
	uint8_t q[24] = {0}, page[SL_ID_MAX], *list = c->id + SL_CXL_OPCODES;
	uint32_t len;
	int r = log_size(n, c, &len);

	if (r <= 0)
		return r;
	m.out_len = len < CXL_LOG_MAX ? len : CXL_LOG_MAX;
	memcpy(q, effects_log, sizeof(effects_log));
	sl_put_le32(q + 20, m.out_len);
	r = ask(n, c, &m, q, page, &len);
	if (r <= 0)
		return r;
	for (uint32_t i = 0; i < len / 4 && i < SL_CXL_OPCODES_MAX; i++) {
		memcpy(list + 2 * (i + 1), page + 4 * (size_t)i, 2);
		sl_put_le16(list, (uint16_t)(i + 1));
	}
	return 1;
}

static int add_node(struct sl_nodes *n, unsigned i, enum sl_door door, const char *prefix,
		    unsigned rdev, const char *group)
{
	struct sl_ctrl *c = &n->ctrl[i];
	struct sl_node *node = sl_nodes_add(n, i, door);
	size_t len = strlen(prefix);
	int end = 0;

	if (!node)
		return -ENOSPC;
	c->standard = strncmp(c->name, prefix, len) == 0 &&
		      sscanf(c->name + len, "%5u%n", &c->instance, &end) == 1 &&
		      c->name[len + (size_t)end] == '\0';
	memcpy(node->name, c->name, sizeof(node->name));
	node->mode = S_IFCHR | 0600;
	node->rdev = makedev(rdev, c->standard ? c->instance : 1000 + i);
	node->group = group;
	if (c->standard)
		snprintf(node->sys, sizeof(node->sys), SL_SYSFS_HOME "/%.48s",
			 strrchr(c->name, '/') + 1);
	return 0;
}

static int discover_cxl(struct sl_nodes *n, unsigned i, struct sl_diag *reterr)
{
	struct sl_ctrl *c = &n->ctrl[i];
	int r = add_node(n, i, SL_DOOR_CXL, "cxl/mem", SL_RDEV_CXL, "bus/cxl/devices");

	if (r == 0)
		r = read_identity(n, c);
	if (r >= 0)
		r = read_opcodes(n, c);
	return r < 0 ? sl_diag_set(reterr, r, "", 0, 0, "/dev/%s: %s", c->name, strerror(-r)) : 0;
}

static int discover_fwctl(struct sl_nodes *n, unsigned i, struct sl_diag *reterr)
{
	int r = add_node(n, i, SL_DOOR_FWCTL, "fwctl/fwctl", SL_RDEV_FWCTL, "class/fwctl");

	return r < 0 ? sl_diag_set(reterr, r, "", 0, 0, "/dev/%s: %s", n->ctrl[i].name,
				   strerror(-r))
		     : 0;
}

static void put_capacity(struct sl_tree *t, const char *dir, const char *name, const uint8_t *p)
{
	char sub[SL_NODE_SYS + 8];

	snprintf(sub, sizeof(sub), "%s/%s", dir, name);
	sl_tree_dir(t, sub);
	sl_tree_put(t, sub, "size", "%#llx\n", (unsigned long long)(sl_get_le64(p) * CXL_UNIT));
}

/* Identify Memory Device, CXL 3.1 table 8-127. */
static void sysfs_cxl(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	const struct sl_ctrl *c = &n->ctrl[node->ctrl];
	const uint8_t *id = c->id + SL_CXL_IDENTIFY;
	char version[17];

	sl_tree_device(t, node);
	snprintf(version, sizeof(version), "%.16s", (const char *)id);
	for (char *p = version; *p; p++) {
		if (!isprint((unsigned char)*p))
			*p = '?';
	}
	sl_tree_put(t, node->sys, "firmware_version", "%s\n", version);
	sl_tree_put(t, node->sys, "payload_max", "%u\n", c->max_transfer);
	sl_tree_put(t, node->sys, "label_storage_size", "%u\n", sl_get_le32(id + 56));
	sl_tree_put(t, node->sys, "numa_node", "-1\n");
	put_capacity(t, node->sys, "ram", id + 24);
	put_capacity(t, node->sys, "pmem", id + 32);
}

static void sysfs_fwctl(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	(void)n;
	sl_tree_device(t, node);
}

static const char *const cxl_names[] = {"cxl/mem[0-9]*", NULL};

const struct sl_family sl_family_cxl = {
	.protocol = SL_WIRE_CXL,
	.set = SL_SET_CXL,
	.denied = EPERM,
	.what = "a CXL memory device",
	.names = cxl_names,
	.example = "/dev/cxl/mem0",
	.discover = discover_cxl,
	.sysfs = sysfs_cxl,
};

static const char *const fwctl_names[] = {"fwctl/*", NULL};

const struct sl_family sl_family_fwctl = {
	.protocol = SL_WIRE_FWCTL,
	.set = SL_SET_FWCTL,
	.denied = EPERM,
	.what = "an fwctl device",
	.names = fwctl_names,
	.example = "/dev/fwctl/fwctl0",
	.discover = discover_fwctl,
	.sysfs = sysfs_fwctl,
};
