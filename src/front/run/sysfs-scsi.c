/* SPDX-License-Identifier: Apache-2.0 */
/* SCSI in the private /sys: a host of its own for every unit, from INQUIRY alone. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "front/run/scsi.h"
#include "front/run/super.h"

/* A link in a class of Linux, and the entry that it leads to. */
static void put_class(struct sl_tree *t, const char *unit, const char *class, const char *name)
{
	char dir[SL_NODE_SYS + 64], group[64];

	snprintf(dir, sizeof(dir), "%s/%s/%s", unit, class, name);
	snprintf(group, sizeof(group), "class/%s", class);
	sl_tree_dir(t, dir);
	sl_tree_link(t, dir, "device", "%s", unit);
	sl_tree_link(t, dir, "subsystem", "%s", group);
	sl_tree_link(t, group, name, "%s", dir);
}

/* A field of INQUIRY as Linux shows it: its full width. */
static void put_field(struct sl_tree *t, const char *dir, const char *name, const uint8_t *p,
		      int width)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%.*s", width, (const char *)p);
	for (char *c = buf; *c; c++) {
		if (!isprint((unsigned char)*c))
			*c = '?';
	}
	sl_tree_put(t, dir, name, "%s\n", buf);
}

static void put_page(struct sl_tree *t, const char *dir, const char *name, const uint8_t *page,
		     uint32_t max)
{
	uint32_t len = 4u + sl_get_be16(page + 2);

	if (page[1])
		sl_tree_put_bytes(t, dir, name, page, len < max ? len : max);
}

/* The best name that VPD page 83h has for the unit: SPC-6 §7.7.6, as Linux writes it. */
static void put_wwid(struct sl_tree *t, const char *dir, const uint8_t *page)
{
	uint32_t end = 4u + sl_get_be16(page + 2);
	const uint8_t *best = NULL;
	char text[2 * 255 + 1];

	if (page[1] == 0)
		return;
	if (end > SL_SCSI_VPD83_MAX)
		end = SL_SCSI_VPD83_MAX;
	for (uint32_t at = 4; at + 4 <= end && at + 4u + page[at + 3] <= end;
	     at += 4u + page[at + 3]) {
		const uint8_t *d = page + at;
		unsigned type = d[1] & 0xf;

		/* Association 0, the unit itself; NAA before EUI-64 before T10. */
		if ((d[1] & 0x30) == 0 && d[3] && (type >= 1 && type <= 3) &&
		    (!best || type > (best[1] & 0xfu)))
			best = d;
	}
	if (!best)
		return;
	if ((best[1] & 0xf) == 1) {
		sl_tree_put(t, dir, "wwid", "t10.%.*s\n", best[3], (const char *)best + 4);
		return;
	}
	for (unsigned i = 0; i < best[3]; i++)
		sprintf(text + 2 * i, "%02x", best[4 + i]);
	sl_tree_put(t, dir, "wwid", "%s.%s\n", (best[1] & 0xf) == 3 ? "naa" : "eui", text);
}

/* The host, the target and the unit, which the nodes hang below. */
static void put_unit(struct sl_tree *t, const struct sl_ctrl *c, const char *unit, const char *name)
{
	static const struct {
		const char *name, *value;
	} plain[] = {
		{"state", "running"},	  {"timeout", "30"},	   {"queue_depth", "1"},
		{"device_busy", "0"},	  {"device_blocked", "0"}, {"queue_type", "none"},
		{"iorequest_cnt", "0x0"}, {"iodone_cnt", "0x0"},   {"ioerr_cnt", "0x0"},
	};
	const uint8_t *q = c->id + SL_SCSI_INQUIRY;
	char host[96], target[64], short_host[16];

	sl_tree_dir(t, unit);
	sl_tree_put(t, unit, "type", "%u\n", sl_scsi_type(c));
	put_field(t, unit, "vendor", q + 8, 8);
	put_field(t, unit, "model", q + 16, 16);
	put_field(t, unit, "rev", q + 32, 4);
	sl_tree_put(t, unit, "scsi_level", "%u\n", q[2] ? q[2] + 1u : 3u);
	sl_tree_put_bytes(t, unit, "inquiry", q, 36);
	for (size_t i = 0; i < SL_COUNT(plain); i++)
		sl_tree_put(t, unit, plain[i].name, "%s\n", plain[i].value);
	put_page(t, unit, "vpd_pg80", c->id + SL_SCSI_VPD80, SL_SCSI_VPD80_MAX);
	put_page(t, unit, "vpd_pg83", c->id + SL_SCSI_VPD83, SL_SCSI_VPD83_MAX);
	put_wwid(t, unit, c->id + SL_SCSI_VPD83);
	sl_tree_put(t, unit, "uevent", "DEVTYPE=scsi_device\n");
	sl_tree_link(t, unit, "subsystem", "bus/scsi");
	sl_tree_link(t, "bus/scsi/devices", name, "%s", unit);
	put_class(t, unit, "scsi_device", name);

	snprintf(short_host, sizeof(short_host), "host%u", c->instance);
	snprintf(target, sizeof(target), "target%u:0:0", c->instance);
	sl_tree_link(t, "bus/scsi/devices", short_host, SL_SYSFS_HOME "/%s", short_host);
	sl_tree_link(t, "bus/scsi/devices", target, SL_SYSFS_HOME "/%s/%s", short_host, target);
	snprintf(host, sizeof(host), SL_SYSFS_HOME "/%s", short_host);
	put_class(t, host, "scsi_host", short_host);
	snprintf(host, sizeof(host), SL_SYSFS_HOME "/%s/scsi_host/%s", short_host, short_host);
	sl_tree_put(t, host, "proc_name", "sluice\n");
	sl_tree_put(t, host, "unique_id", "%u\n", c->instance);
	sl_tree_put(t, host, "state", "running\n");
}

void sl_sysfs_scsi(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node)
{
	const struct sl_ctrl *c = &n->ctrl[node->ctrl];
	char unit[SL_NODE_SYS], name[32];

	snprintf(name, sizeof(name), "%u:0:0:0", c->instance);
	snprintf(unit, sizeof(unit), SL_SCSI_UNIT, c->instance, c->instance, c->instance);
	if (node == n->node || node[-1].ctrl != node->ctrl)
		put_unit(t, c, unit, name);
	sl_tree_device(t, node);
	sl_tree_link(t, node->sys, "device", "%s", unit);
	if (node->door == SL_DOOR_SG)
		sl_tree_link(t, unit, "generic", "%s", node->sys);
	if (node->door == SL_DOOR_SCSI_BLOCK) {
		sl_tree_block(t, node->sys, &n->ns[node->ns]);
		put_class(t, unit, "scsi_disk", name);
	}
}
