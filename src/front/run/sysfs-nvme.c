/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe in the private /sys, laid out as Linux does without multipath, from Identify alone. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "front/run/super.h"

/* Identify Controller, Base Specification 2.1, figure 328. */
#define NVME_ID_CTRL_VID    0
#define NVME_ID_CTRL_SN	    4
#define NVME_ID_CTRL_MN	    24
#define NVME_ID_CTRL_FR	    64
#define NVME_ID_CTRL_CNTLID 78
#define NVME_ID_CTRL_SUBNQN 768

static bool is_set(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return true;
	}
	return false;
}

static const char *hex(const uint8_t *p, size_t n, char *buf)
{
	for (size_t i = 0; i < n; i++)
		sprintf(buf + 2 * i, "%02x", p[i]);
	return buf;
}

static const char *uuid_text(const uint8_t *p, char *buf)
{
	char h[33];

	hex(p, 16, h);
	sprintf(buf, "%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
	return buf;
}

/* As Linux composes it: the best identifier there is. */
static void put_wwid(struct sl_tree *t, const char *dir, const struct sl_ctrl *c,
		     const struct sl_ns *ns)
{
	char buf[81], model[81];
	size_t sn = 20, mn = 40;

	if (is_set(ns->uuid, 16)) {
		sl_tree_put(t, dir, "wwid", "uuid.%s\n", uuid_text(ns->uuid, buf));
	} else if (is_set(ns->nguid, 16)) {
		sl_tree_put(t, dir, "wwid", "eui.%s\n", hex(ns->nguid, 16, buf));
	} else if (is_set(ns->eui64, 8)) {
		sl_tree_put(t, dir, "wwid", "eui.%s\n", hex(ns->eui64, 8, buf));
	} else {
		while (sn && (c->id[NVME_ID_CTRL_SN + sn - 1] == ' ' ||
			      c->id[NVME_ID_CTRL_SN + sn - 1] == 0))
			sn--;
		while (mn && (c->id[NVME_ID_CTRL_MN + mn - 1] == ' ' ||
			      c->id[NVME_ID_CTRL_MN + mn - 1] == 0))
			mn--;
		sl_tree_put(t, dir, "wwid", "nvme.%04x-%s-%s-%08x\n",
			    sl_get_le16(c->id + NVME_ID_CTRL_VID),
			    hex(c->id + NVME_ID_CTRL_SN, sn, buf),
			    hex(c->id + NVME_ID_CTRL_MN, mn, model), ns->nsid);
	}
}

static void put_namespace_ids(struct sl_tree *t, const char *dir, const struct sl_ctrl *c,
			      const struct sl_ns *ns)
{
	char buf[64];

	sl_tree_put(t, dir, "nsid", "%u\n", ns->nsid);
	put_wwid(t, dir, c, ns);
	if (is_set(ns->uuid, 16))
		sl_tree_put(t, dir, "uuid", "%s\n", uuid_text(ns->uuid, buf));
	if (is_set(ns->nguid, 16))
		sl_tree_put(t, dir, "nguid", "%s\n", uuid_text(ns->nguid, buf));
	if (is_set(ns->eui64, 8)) {
		const uint8_t *e = ns->eui64;

		sl_tree_put(t, dir, "eui", "%02x %02x %02x %02x %02x %02x %02x %02x\n", e[0], e[1],
			    e[2], e[3], e[4], e[5], e[6], e[7]);
	}
}

/* A field of Identify as Linux shows it: its full width, up to a NUL. */
static void put_field(struct sl_tree *t, const char *dir, const char *name, const struct sl_ctrl *c,
		      size_t at, int width)
{
	char buf[260];

	snprintf(buf, sizeof(buf), "%.*s", width, (const char *)c->id + at);
	for (char *p = buf; *p; p++) {
		if (!isprint((unsigned char)*p))
			*p = '?';
	}
	sl_tree_put(t, dir, name, "%s\n", buf);
}

/* Tools take two controllers of one name for one subsystem; each of ours is its own. */
static bool has_own_nqn(const struct sl_nodes *n, const struct sl_ctrl *c)
{
	if (memcmp(c->id + NVME_ID_CTRL_SUBNQN, "nqn.", 4) != 0)
		return false;
	for (const struct sl_ctrl *o = n->ctrl; o < c; o++) {
		if (memcmp(o->id + NVME_ID_CTRL_SUBNQN, c->id + NVME_ID_CTRL_SUBNQN, 256) == 0)
			return false;
	}
	return true;
}

static void put_identity(struct sl_tree *t, const char *dir, const struct sl_nodes *n,
			 const struct sl_ctrl *c)
{
	put_field(t, dir, "model", c, NVME_ID_CTRL_MN, 40);
	put_field(t, dir, "serial", c, NVME_ID_CTRL_SN, 20);
	put_field(t, dir, "firmware_rev", c, NVME_ID_CTRL_FR, 8);
	/* Linux makes one up where the device has none; so do we. */
	if (has_own_nqn(n, c))
		put_field(t, dir, "subsysnqn", c, NVME_ID_CTRL_SUBNQN, 223);
	else
		sl_tree_put(t, dir, "subsysnqn", "nqn.2014.08.org.nvmexpress:sluice:%s\n", c->name);
}

static void put_controller(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	const struct sl_ctrl *c = &n->ctrl[node->ctrl];
	const char *dir = node->sys;
	char sub[64];

	sl_tree_device(t, node);
	put_identity(t, dir, n, c);
	sl_tree_put(t, dir, "cntlid", "%u\n", sl_get_le16(c->id + NVME_ID_CTRL_CNTLID));
	sl_tree_put(t, dir, "state", "live\n");
	/* It must be one that tools know; the domain is one that no machine has. */
	sl_tree_put(t, dir, "transport", "pcie\n");
	sl_tree_put(t, dir, "address", "ffff:%02x:00.0\n", c->instance & 0xff);
	sl_tree_put(t, dir, "numa_node", "-1\n");
	sl_tree_put(t, dir, "queue_count", "2\n");
	sl_tree_put(t, dir, "sqsize", "1023\n");
	sl_tree_put(t, dir, "cntrltype", "io\n");
	sl_tree_put(t, dir, "dctype", "none\n");
	sl_tree_put(t, dir, "kato", "0\n");

	snprintf(sub, sizeof(sub), SL_SYSFS_HOME "/nvme-subsys%u", c->instance);
	sl_tree_dir(t, sub);
	put_identity(t, sub, n, c);
	sl_tree_put(t, sub, "subsystype", "nvm\n");
	sl_tree_put(t, sub, "iopolicy", "numa\n");
	sl_tree_link(t, sub, c->name, "%s", dir);
	sl_tree_link(t, "class/nvme-subsystem", strrchr(sub, '/') + 1, "%s", sub);
	sl_tree_link(t, sub, "subsystem", "class/nvme-subsystem");
}

void sl_sysfs_nvme(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	const struct sl_ctrl *c = &n->ctrl[node->ctrl];
	const struct sl_ns *ns = &n->ns[node->ns];

	if (node->door == SL_DOOR_CTRL) {
		put_controller(t, n, node);
		return;
	}
	sl_tree_device(t, node);
	sl_tree_link(t, node->sys, "device", SL_SYSFS_HOME "/%s", c->name);
	if (node->door != SL_DOOR_NS_BLOCK)
		return;
	put_namespace_ids(t, node->sys, c, ns);
	sl_tree_block(t, node->sys, ns);
}
