/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespace Management and Namespace Attachment (Base 2.1 §5.1.21, §5.1.20), with the capacity that
 * they take and give back.
 */
#include <errno.h>

#include "core/command.h"
#include "model/state.h"

enum {
	TNVMCAP = 280, /* Identify Controller: 128-bit, of which we use the low half */
	UNVMCAP = 296,
	NS_FLBAS = 26, /* Identify Namespace and the host's data structure alike */
	NS_DPS = 29,
	NS_NMIC = 30,
	NS_NVMSETID = 100,
};

static uint64_t bytes_of(const struct sl_model_ns *ns)
{
	const uint8_t *f = sl_id_lbaf(ns->id, sl_id_format(ns->id));
	uint64_t blocks = sl_get_le64(ns->id + 8);

	return !f || blocks > UINT64_MAX >> f[2] ? UINT64_MAX : blocks << f[2];
}

/* Takes capacity from what is unallocated; a device that reports no total does not count. */
static bool take(struct sl_model *m, uint64_t bytes)
{
	uint64_t left = sl_get_le64(m->id_ctrl + UNVMCAP);

	if (!sl_get_le64(m->id_ctrl + TNVMCAP))
		return true;
	if (bytes > left)
		return false;
	sl_put_le64(m->id_ctrl + UNVMCAP, left - bytes);
	return true;
}

static void give_back(struct sl_model *m, uint64_t bytes)
{
	uint64_t total = sl_get_le64(m->id_ctrl + TNVMCAP);
	uint64_t left = sl_get_le64(m->id_ctrl + UNVMCAP);

	if (!total)
		return;
	left = bytes > total - left ? total : left + bytes;
	sl_put_le64(m->id_ctrl + UNVMCAP, left);
}

/* Describes the new namespace; NVME_OK, or why it cannot be. */
static uint16_t describe(struct sl_model *m, struct sl_model_ns *ns, uint64_t size, uint64_t cap,
			 uint8_t flbas)
{
	ns->id[NS_FLBAS] = flbas;
	if (!sl_id_lbaf(ns->id, sl_id_format(ns->id)))
		return NVME_INVALID_FORMAT;
	if (size == 0 || cap > size || size > SL_PERSONA_BLOCKS_MAX)
		return NVME_INVALID_FIELD;
	if (cap != size && !(ns->id[24] & 1))
		return NVME_THIN_UNSUPPORTED;
	sl_put_le64(ns->id, size);
	sl_put_le64(ns->id + 8, cap);
	/* NVMCAP: bytes that it takes */
	memset(ns->id + 48, 0, 16);
	sl_put_le64(ns->id + 48, bytes_of(ns));
	if (!take(m, bytes_of(ns)))
		return NVME_NS_CAPACITY;
	if (sl_ns_store(ns) < 0 || sl_ns_zones(ns) < 0) {
		give_back(m, bytes_of(ns));
		return NVME_INVALID_FIELD;
	}
	return NVME_OK;
}

static uint16_t make(struct sl_model *m, uint32_t nsid, uint8_t csi, const uint8_t *want,
		     struct sl_model_ns **ret)
{
	struct sl_model_ns *ns;
	uint16_t s;

	if (csi != NVME_CSI_NVM && csi != NVME_CSI_ZNS)
		return NVME_CSI_UNSUPPORTED;
	if (csi == NVME_CSI_ZNS && !m->p->has_effects[csi])
		return NVME_CSI_UNSUPPORTED;
	if (sl_ns_make(m, nsid, csi, &ns) < 0)
		return NVME_NSID_UNAVAILABLE;
	s = describe(m, ns, sl_get_le64(want), sl_get_le64(want + 8), want[NS_FLBAS]);
	if (s) {
		sl_ns_delete(m, ns);
		return s;
	}
	ns->id[NS_DPS] = want[NS_DPS];
	ns->id[NS_NMIC] = want[NS_NMIC];
	*ret = ns;
	return NVME_OK;
}

static uint32_t free_nsid(struct sl_model *m)
{
	uint32_t nsid = 1;

	for (const struct sl_model_ns *ns = m->ns; ns && ns->nsid == nsid; ns = ns->next)
		nsid++;
	return nsid <= sl_get_le32(m->id_ctrl + 516) ? nsid : 0;
}

static void take_away(struct sl_model *m, struct sl_model_ns *ns)
{
	uint32_t nsid = ns->nsid;
	bool attached = ns->attached;

	give_back(m, bytes_of(ns));
	sl_ns_delete(m, ns);
	if (attached)
		sl_ns_changed(m, nsid);
}

static uint16_t create(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t nsid = free_nsid(m);
	struct sl_model_ns *ns;
	uint16_t s = sl_req_need(r, MODEL_PAGE);

	if (s)
		return s;
	if (r->nsid)
		return sl_fail_field(r, 4, 0);
	if (!nsid)
		return NVME_NSID_UNAVAILABLE;
	s = make(m, nsid, (uint8_t)(r->cdw[11] >> 24), r->data, &ns);
	if (!s)
		r->result = nsid;
	return s;
}

static uint16_t delete (struct sl_model *m, struct sl_model_req *r)
{
	struct sl_model_ns *ns;

	if (r->nsid == NSID_ALL) {
		while (m->ns)
			take_away(m, m->ns);
		return NVME_OK;
	}
	ns = sl_ns_find(m, r->nsid);
	if (!r->nsid || r->nsid > sl_get_le32(m->id_ctrl + 516))
		return NVME_INVALID_NS;
	if (!ns)
		return sl_fail_field(r, 4, 0);
	take_away(m, ns);
	return NVME_OK;
}

uint16_t sl_cmd_ns_mgmt(struct sl_model *m, struct sl_model_req *r)
{
	switch (r->cdw[10] & 0xf) {
	case 0:
		return create(m, r);
	case 1:
		return delete (m, r);
	}
	return sl_fail_field(r, 40, 0);
}

uint16_t sl_cmd_ns_attach(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t sel = r->cdw[10] & 0xf;
	struct sl_model_ns *ns = sl_ns_find(m, r->nsid);
	uint16_t s = sl_req_need(r, MODEL_PAGE), n;

	if (s)
		return s;
	if (sel > 1)
		return sl_fail_field(r, 40, 0);
	if (!r->nsid || r->nsid > sl_get_le32(m->id_ctrl + 516))
		return NVME_INVALID_NS;
	if (!ns)
		return sl_fail_field(r, 4, 0);
	n = sl_get_le16(r->data);
	if (n != 1 || sl_get_le16(r->data + 2) != sl_get_le16(m->id_ctrl + 78))
		return NVME_CTRL_LIST; /* this is the only controller there is */
	if (sel == 0 && ns->attached)
		return NVME_NS_ATTACHED;
	if (sel == 1 && !ns->attached)
		return NVME_NS_NOT_ATTACHED;
	ns->attached = sel == 0;
	sl_ns_changed(m, ns->nsid);
	return NVME_OK;
}

/* ---- the same for behaviour rules ---- */

int sl_model_ns_create(struct sl_model *m, uint32_t nsid, uint64_t blocks, uint8_t flbas,
		       uint8_t csi, uint32_t *ret_nsid)
{
	uint8_t want[MODEL_PAGE] = {0};
	struct sl_model_ns *ns;
	uint16_t s;

	if (!nsid)
		nsid = free_nsid(m);
	if (!nsid || nsid > sl_get_le32(m->id_ctrl + 516))
		return -ENOSPC;
	if (sl_ns_find(m, nsid))
		return -EEXIST;
	sl_put_le64(want, blocks);
	sl_put_le64(want + 8, blocks);
	want[NS_FLBAS] = flbas;
	s = make(m, nsid, csi, want, &ns);
	if (s)
		return s == NVME_NS_CAPACITY || s == NVME_NSID_UNAVAILABLE ? -ENOSPC : -EINVAL;
	if (ret_nsid)
		*ret_nsid = nsid;
	return 0;
}

int sl_model_ns_delete(struct sl_model *m, uint32_t nsid)
{
	struct sl_model_ns *ns = sl_ns_find(m, nsid);

	if (!ns)
		return -ENOENT;
	take_away(m, ns);
	return 0;
}

int sl_model_ns_attach(struct sl_model *m, uint32_t nsid, bool attach)
{
	struct sl_model_ns *ns = sl_ns_find(m, nsid);

	if (!ns)
		return -ENOENT;
	if (ns->attached != attach) {
		ns->attached = attach;
		sl_ns_changed(m, nsid);
	}
	return 0;
}
