/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Linux NVMe device, through its driver's passthrough. It goes past the gate, because the gate
 * refuses what is in question; what may be sent is decided here, by the command's own bytes,
 * whoever asks: see enum sl_touch. Nothing that belongs to the kernel's driver, ever.
 */
#include <errno.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/table.h"
#include "observe/rig-nvme.h"
#include "spec/nvme.h"
#include "wire/wire.h"

#define PAGE	   4096u
#define BEHIND	   (2 * PAGE) /* of the buffer behind a command's data, that is looked at */
#define TIMEOUT_MS 0 /* the driver's own: a shorter one resets the controller for everybody */

struct rig_nvme {
	struct sl_rig rig;
	const struct sl_nvme_sys *sys;
	struct sl_nvme_nodes nodes;
	struct sl_contract *c; /* of namespaces, for their formats; declares nothing */
	unsigned touch;
	uint8_t *data, *meta; /* page aligned; the device's, while a command runs */
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The judgement of the tables alone: what the device declares of a command opens nothing here. */
static bool may_send(const struct rig_nvme *r, const struct sl_command *cmd, const uint8_t *data)
{
	bool out = cmd->dir == SL_DIR_OUT || cmd->dir == SL_DIR_BOTH;
	struct sl_command resolved = *cmd;
	const struct sl_row *row;
	struct sl_facts f;

	sl_command_resolve(r->c, &resolved);
	sl_facts_collect(r->c, &resolved, out ? data : NULL, &f);
	row = &sl_rows[f.row];
	if (row->flags & SL_ROW_KERNEL)
		return false;
	if (r->touch >= SL_TOUCH_ALL)
		return true;
	/* Whatever a vendor's command does, it is not known to do nothing. */
	if (row->flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED) ||
	    sl_effects_mutating(row->floor & ~(sl_effects)SL_E_UNKNOWN) ||
	    sl_effects_mutating(f.floor & ~(sl_effects)SL_E_UNKNOWN))
		return false;
	return r->touch >= SL_TOUCH_ODD ||
	       (f.reason == SL_REASON_ALLOWED && !(f.floor & SL_E_UNKNOWN));
}

static int node_of(const struct rig_nvme *r, const struct sl_command *cmd)
{
	uint32_t nsid = sl_get_le32(cmd->req + 4);

	if (cmd->set == SL_SET_NVME_ADMIN)
		return r->nodes.fd;
	for (unsigned i = 0; i < r->nodes.n; i++)
		if (r->nodes.ns[i].nsid == nsid)
			return r->nodes.ns[i].fd;
	return -1;
}

static void fill(const struct rig_nvme *r, const struct sl_command *cmd,
		 struct nvme_passthru_cmd64 *ret)
{
	const uint8_t *q = cmd->req;

	*ret = (struct nvme_passthru_cmd64){
		.opcode = q[0],
		.flags = q[1],
		.nsid = sl_get_le32(q + 4),
		.cdw2 = sl_get_le32(q + 8),
		.cdw3 = sl_get_le32(q + 12),
		.metadata = cmd->meta_len ? (uintptr_t)r->meta : 0,
		.addr = cmd->data_len ? (uintptr_t)r->data : 0,
		.metadata_len = cmd->meta_len,
		.data_len = cmd->data_len,
		.cdw10 = sl_get_le32(q + 40),
		.cdw11 = sl_get_le32(q + 44),
		.cdw12 = sl_get_le32(q + 48),
		.cdw13 = sl_get_le32(q + 52),
		.cdw14 = sl_get_le32(q + 56),
		.cdw15 = sl_get_le32(q + 60),
		.timeout_ms = TIMEOUT_MS,
	};
}

/*
 * The driver maps the pages that the data lie in and no others: the rest of the last of them is all
 * that a device can reach by it, and one more page says whether that is so. To look at all of the
 * buffer each time would cost more than the command.
 */
static uint32_t looked_at(uint32_t len)
{
	uint32_t n = (len / PAGE) * PAGE + BEHIND;

	return n < SL_RIG_DATA_MAX + SL_RIG_OVER_MAX ? n : SL_RIG_DATA_MAX + SL_RIG_OVER_MAX;
}

/* Bytes behind the command's length that are not as they were left: the device moved them. */
static uint32_t moved(const uint8_t *data, uint32_t len)
{
	uint32_t n = looked_at(len);

	while (n > len && data[n - 1] == SL_RIG_NVME_FILL)
		n--;
	return n;
}

static int nvme_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		     struct sl_answer *ret)
{
	struct rig_nvme *r = (struct rig_nvme *)rig;
	bool admin = cmd->set == SL_SET_NVME_ADMIN, in = cmd->dir & SL_DIR_IN;
	struct nvme_passthru_cmd64 c;
	int fd = node_of(r, cmd), res;
	double start;

	if (!may_send(r, cmd, data) || fd < 0) {
		*ret = (struct sl_answer){.lost = SL_RIG_FAILED, .error = fd < 0 ? ENODEV : EACCES};
		r->rig.commands--;
		return 0;
	}
	memset(r->data, SL_RIG_NVME_FILL, looked_at(cmd->data_len));
	if (cmd->dir & SL_DIR_OUT)
		memcpy(r->data, data, cmd->data_len);
	memset(r->meta, 0, cmd->meta_len);
	fill(r, cmd, &c);
	start = now_ms();
	res = r->sys->ioctl(fd, admin ? NVME_IOCTL_ADMIN64_CMD : NVME_IOCTL_IO64_CMD, &c);
	*ret = (struct sl_answer){.ms = (uint32_t)(now_ms() - start), .result = c.result};
	if (res < 0) {
		ret->lost = res == -ENODEV || res == -ENXIO ? SL_RIG_GONE : SL_RIG_FAILED;
		ret->error = -res;
		return 0;
	}
	ret->status = (uint16_t)res;
	if (in && !res) {
		ret->len = moved(r->data, cmd->data_len);
		ret->meta_len = cmd->meta_len;
		memcpy(data, r->data, ret->len);
	}
	return 0;
}

static bool nvme_may(const struct sl_rig *rig, const struct sl_command *cmd, const uint8_t *data)
{
	return may_send((const struct rig_nvme *)rig, cmd, data);
}

static void nvme_pass(struct sl_rig *rig, uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)rig;
	nanosleep(&t, NULL);
}

static void nvme_close(struct sl_rig *rig)
{
	struct rig_nvme *r = (struct rig_nvme *)rig;

	sl_nvme_nodes_close(&r->nodes);
	sl_nvme_nodes_release(&r->nodes);
	free(r->c);
	free(r->data);
	free(r->meta);
	free(r);
}

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	return r < 0 ? -errno : r;
}

static const struct sl_nvme_sys here = {.ioctl = sys_ioctl};

static const struct sl_rig_ops ops = {
	.call = nvme_call,
	.may = nvme_may,
	.pass = nvme_pass,
	.close = nvme_close,
};

/* Sizes and formats, without which no command on blocks can be told apart. */
static int learn_formats(struct rig_nvme *r)
{
	struct sl_command id = {.set = SL_SET_NVME_ADMIN,
				.dir = SL_DIR_IN,
				.req_len = SL_REQ_MAX,
				.data_len = PAGE};
	uint8_t *data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	struct sl_answer a;
	int error = data ? 0 : -ENOMEM;

	for (unsigned i = 0; i < r->nodes.n && !error && r->c->n_ns < SL_NS_MAX; i++) {
		struct sl_ns *ns = &r->c->ns[r->c->n_ns];
		unsigned at;

		id.req[0] = NVME_ADMIN_IDENTIFY;
		sl_put_le32(id.req + 4, r->nodes.ns[i].nsid);
		error = sl_rig_call(&r->rig, &id, data, &a);
		if (error || !sl_answer_ok(&a))
			continue;
		at = 128 + 4 * ((data[26] & 0xfu) | (data[26] >> 1 & 0x30u));
		*ns = (struct sl_ns){.nsid = r->nodes.ns[i].nsid,
				     .blocks = sl_get_le64(data),
				     .lba_shift = data[at + 2],
				     .meta = sl_get_le16(data + at),
				     .meta_ext = data[26] >> 4 & 1};
		r->c->n_ns++;
	}
	free(data);
	return error;
}

int sl_rig_nvme_over(const struct sl_nvme_nodes *nodes, const struct sl_nvme_sys *sys,
		     unsigned touch, struct sl_rig **ret)
{
	struct rig_nvme *r = calloc(1, sizeof(*r));
	int error = -ENOMEM;

	if (!r)
		return error;
	r->rig.ops = &ops;
	r->rig.can = SL_RIG_REAL | (touch >= SL_TOUCH_ALL ? SL_RIG_WRITES : 0u);
	r->rig.protocol = SL_WIRE_NVME;
	r->rig.max_transfer = SL_RIG_DATA_MAX;
	r->sys = sys;
	r->nodes = *nodes;
	r->touch = touch;
	r->c = calloc(1, sizeof(*r->c));
	if (r->c &&
	    posix_memalign((void **)&r->data, PAGE, SL_RIG_DATA_MAX + SL_RIG_OVER_MAX) == 0 &&
	    posix_memalign((void **)&r->meta, PAGE, SL_WIRE_META_MAX) == 0)
		error = learn_formats(r);
	if (error) {
		nvme_close(&r->rig);
		return error;
	}
	*ret = &r->rig;
	return 0;
}

/* The first way to one of the device's namespaces that changing it would disturb; NULL: none. */
static const struct sl_way *disturbed(const struct sl_ways *w, const char *ctrl)
{
	const unsigned bad = 1u << SL_WAY_MOUNT | 1u << SL_WAY_SWAP | 1u << SL_WAY_HOLDER |
			     1u << SL_WAY_VFIO | 1u << SL_WAY_EXPORT | 1u << SL_WAY_PROCESS;

	for (unsigned i = 0; i < w->n_ways; i++)
		if (bad >> w->ways[i].kind & 1 &&
		    strcmp(w->devices[w->ways[i].device].name, ctrl) == 0)
			return &w->ways[i];
	return NULL;
}

static const char *partition(const struct sl_ways *w, const char *ctrl)
{
	for (unsigned i = 0; i < w->n_nodes; i++)
		if (w->nodes[i].door == SL_DOOR_PARTITION &&
		    strcmp(w->devices[w->nodes[i].device].name, ctrl) == 0)
			return w->nodes[i].name;
	return NULL;
}

/* Nobody else has it: not mounted, not held, not in parts, not open. 0, or -EBUSY with *reterr. */
static int check_alone(const char *path, const char *ctrl, struct sl_diag *reterr)
{
	struct sl_ways w;
	const struct sl_way *way;
	int error = sl_ways_look(&sl_ways_here, &w);

	if (error)
		return sl_diag_set(reterr, error, NULL, 0, 0, "%s", strerror(-error));
	way = disturbed(&w, ctrl);
	if (way)
		error = sl_diag_set(reterr, -EBUSY, NULL, 0, 0, "%s is in use: %s: %s: %s", path,
				    sl_way_name(way->kind), way->at, way->text);
	else if (partition(&w, ctrl))
		error = sl_diag_set(reterr, -EBUSY, NULL, 0, 0,
				    "%s has a partition, %s: somebody's data", path,
				    partition(&w, ctrl));
	sl_ways_done(&w);
	return error;
}

/* Is it the device that was meant? */
static int check_serial(struct sl_rig *rig, const char *path, const char *serial,
			struct sl_diag *reterr)
{
	struct sl_command id = {.set = SL_SET_NVME_ADMIN,
				.dir = SL_DIR_IN,
				.req_len = SL_REQ_MAX,
				.data_len = PAGE};
	uint8_t *data = calloc(1, SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	struct sl_answer a;
	char sn[21] = "";
	int error = data ? 0 : -ENOMEM;

	id.req[0] = NVME_ADMIN_IDENTIFY;
	id.req[40] = 1;
	if (!error)
		error = sl_rig_call(rig, &id, data, &a);
	if (!error && sl_answer_ok(&a))
		memcpy(sn, data + 4, 20);
	for (int i = 19; i >= 0 && (sn[i] == ' ' || !sn[i]); i--)
		sn[i] = 0;
	free(data);
	if (error || strcmp(sn, serial) != 0 || !sn[0])
		return sl_diag_set(
			reterr, -EPERM, NULL, 0, 0,
			"%s has serial number '%s', not '%s': nothing was sent but Identify", path,
			sn, serial);
	return 0;
}

int sl_rig_nvme(const char *path, unsigned touch, const char *serial, struct sl_rig **ret,
		struct sl_diag *reterr)
{
	const char *ctrl = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct sl_nvme_nodes nodes;
	struct sl_rig *rig;
	int error = touch > SL_TOUCH_NOTHING ? check_alone(path, ctrl, reterr) : 0;

	if (error)
		return error;
	error = sl_nvme_open(path, &nodes, reterr);
	if (error)
		return error;
	/* Between the look and now somebody may have come; from here on the block nodes are ours.
	 */
	for (unsigned i = 0; i < nodes.n && touch > SL_TOUCH_NOTHING; i++)
		if (nodes.ns[i].in_use || !nodes.ns[i].claimed)
			error = sl_diag_set(reterr, -EBUSY, NULL, 0, 0,
					    "namespace %u of %s is in use", nodes.ns[i].nsid, path);
	if (!error) {
		error = sl_rig_nvme_over(&nodes, &here, touch, &rig);
		if (!error && touch >= SL_TOUCH_ALL)
			error = check_serial(rig, path, serial, reterr);
		if (!error)
			*ret = rig;
		else if (rig)
			sl_rig_close(rig);
		return error;
	}
	sl_nvme_nodes_close(&nodes);
	sl_nvme_nodes_release(&nodes);
	return error;
}
