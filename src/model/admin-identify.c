/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identify: one row per CNS (Base 2.1 §5.1.13, figure 311). Which of them a device has depends on
 * the version it reports and on what it says it can do.
 */
#include "model/state.h"

enum {
	NEED_NS_MGMT = 1 << 0, /* OACS bit 3 */
	NEED_VIRT = 1 << 1,    /* OACS bit 7 */
	NEED_CSI = 1 << 2,     /* version 2.0, or a namespace that is not CSI 0 */
	NEED_SETS = 1 << 3,    /* CTRATT bit 2 */
	NEED_GROUPS = 1 << 4,  /* CTRATT bit 4 */
	NEED_UUIDS = 1 << 5,   /* CTRATT bit 9 */
};

struct cns_row {
	uint8_t cns;
	uint8_t needs;
	uint32_t version;
	uint16_t (*make)(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE]);
};

static uint8_t csi_of(const struct sl_model_req *r)
{
	return (uint8_t)(r->cdw[11] >> 24);
}

static uint16_t nsid_known(const struct sl_model *m, const struct sl_model_req *r)
{
	return r->nsid && r->nsid <= sl_get_le32(m->id_ctrl + 516) ? NVME_OK : NVME_INVALID_NS;
}

/* Identity bytes with the fields that are live. */
static void copy_ns(const struct sl_model_ns *ns, uint8_t b[MODEL_PAGE])
{
	memcpy(b, ns->id, MODEL_PAGE);
	b[99] = (uint8_t)((b[99] & ~1u) | (ns->protect ? 1u : 0u)); /* NSATTR */
}

static uint16_t make_ns(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	const struct sl_model_ns *like;

	if (r->nsid == NSID_ALL) { /* what all namespaces have in common; needs NS management */
		like = m->ns;
		if (!(sl_get_le16(m->id_ctrl + 256) & 8) || !like)
			return NVME_INVALID_NS;
		memcpy(b + 25, like->id + 25, 1);
		memcpy(b + 27, like->id + 27, 2);
		memcpy(b + 128, like->id + 128, 256);
		return NVME_OK;
	}
	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (!r->ns) /* not active: zeroes */
		return NVME_OK;
	if (r->ns->csi != NVME_CSI_NVM && r->ns->csi != NVME_CSI_ZNS)
		return NVME_INVALID_FIELD;
	copy_ns(r->ns, b);
	return NVME_OK;
}

static uint16_t make_ns_allocated(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	const struct sl_model_ns *ns = sl_ns_find(m, r->nsid);

	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (ns)
		copy_ns(ns, b);
	return NVME_OK;
}

static uint16_t make_ctrl(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	(void)r;
	memcpy(b, m->id_ctrl, MODEL_PAGE);
	return NVME_OK;
}

static uint16_t list(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE],
		     bool allocated, int csi)
{
	uint32_t n = 0;

	if (r->nsid >= 0xfffffffe)
		return NVME_INVALID_NS;
	for (const struct sl_model_ns *ns = m->ns; ns && n < 1024; ns = ns->next)
		if (ns->nsid > r->nsid && (allocated || ns->attached) &&
		    (csi < 0 || ns->csi == csi))
			sl_put_le32(b + 4 * n++, ns->nsid);
	return NVME_OK;
}

static uint16_t make_active(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	return list(m, r, b, false, -1);
}

static uint16_t make_active_csi(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	return list(m, r, b, false, csi_of(r));
}

static uint16_t make_allocated(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	return list(m, r, b, true, -1);
}

static uint16_t make_allocated_csi(struct sl_model *m, struct sl_model_req *r,
				   uint8_t b[MODEL_PAGE])
{
	return list(m, r, b, true, csi_of(r));
}

static bool any(const uint8_t *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return n != 0;
}

static uint8_t *descriptor(uint8_t *p, uint8_t type, const uint8_t *value, uint8_t len)
{
	p[0] = type;
	p[1] = len;
	memcpy(p + 4, value, len);
	return p + 4 + len;
}

static uint16_t make_descriptors(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	uint8_t *p = b;

	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (!r->ns)
		return sl_fail_field(r, 4, 0);
	if (any(r->ns->id + 120, 8))
		p = descriptor(p, 1, r->ns->id + 120, 8);
	if (any(r->ns->id + 104, 16))
		p = descriptor(p, 2, r->ns->id + 104, 16);
	if (any(r->ns->uuid, 16))
		p = descriptor(p, 3, r->ns->uuid, 16);
	if (r->ns->csi || sl_model_version(m, 0x20000))
		p = descriptor(p, 4, &r->ns->csi, 1);
	/* The list may not be empty: a namespace without identifiers has a null UUID. */
	if (p == b)
		descriptor(p, 3, r->ns->uuid, 16);
	return NVME_OK;
}

static uint16_t make_ns_csi(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (!r->ns)
		return NVME_OK;
	if (r->ns->csi != csi_of(r))
		return sl_fail_field(r, 47, 0);
	memcpy(b, r->ns->id_csi, MODEL_PAGE);
	return NVME_OK;
}

static uint16_t make_allocated_ns_csi(struct sl_model *m, struct sl_model_req *r,
				      uint8_t b[MODEL_PAGE])
{
	const struct sl_model_ns *ns = sl_ns_find(m, r->nsid);

	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (!ns)
		return NVME_OK;
	if (ns->csi != csi_of(r))
		return sl_fail_field(r, 47, 0);
	memcpy(b, ns->id_csi, MODEL_PAGE);
	return NVME_OK;
}

/* Does the device have this command set at all? */
static bool has_csi(const struct sl_model *m, uint8_t csi)
{
	if (csi == NVME_CSI_NVM)
		return true;
	for (unsigned i = 0; i < m->p->n_ns; i++)
		if (m->p->ns[i].csi == csi)
			return true;
	return csi < SL_PERSONA_CSI_N && m->p->has_effects[csi];
}

/* No limits of its own: VSL … DMSL (NVM) and ZASL (ZNS) zero say that MDTS holds. */
static uint16_t make_ctrl_csi(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	(void)b;
	return has_csi(m, csi_of(r)) ? NVME_OK : sl_fail_field(r, 47, 0);
}

/* Base 2.1 figure 319. */
static uint16_t make_independent(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (!r->ns)
		return NVME_OK;
	b[0] = r->ns->id[24] & 0x10; /* NSFEAT: UIDREUSE */
	b[1] = r->ns->id[30];	     /* NMIC */
	b[2] = r->ns->id[31];	     /* RESCAP */
	b[3] = r->ns->id[32];	     /* FPI */
	memcpy(b + 4, r->ns->id + 92, 4);
	b[8] = (uint8_t)((r->ns->id[99] & ~1u) | (r->ns->protect ? 1u : 0u));
	memcpy(b + 10, r->ns->id + 100, 4);
	b[14] = 1; /* NSTAT: ready */
	return NVME_OK;
}

static void one_controller(const struct sl_model *m, const struct sl_model_req *r,
			   uint8_t b[MODEL_PAGE])
{
	if (sl_get_le16(m->id_ctrl + 78) < r->cdw[10] >> 16)
		return;
	sl_put_le16(b, 1);
	memcpy(b + 2, m->id_ctrl + 78, 2);
}

static uint16_t make_attached_ctrls(struct sl_model *m, struct sl_model_req *r,
				    uint8_t b[MODEL_PAGE])
{
	if (r->nsid == NSID_ALL)
		return sl_fail_field(r, 4, 0);
	if (nsid_known(m, r))
		return NVME_INVALID_NS;
	if (r->ns)
		one_controller(m, r, b);
	return NVME_OK;
}

static uint16_t make_ctrls(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	one_controller(m, r, b);
	return NVME_OK;
}

/* Primary controller capabilities: this controller, and nothing flexible to give. */
static uint16_t make_primary(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	(void)r;
	memcpy(b, m->id_ctrl + 78, 2);
	return NVME_OK;
}

/* Secondary controllers, granularity, UUIDs: an empty list is the honest answer of one controller.
 */
static uint16_t make_empty(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	(void)m;
	(void)r;
	(void)b;
	return NVME_OK;
}

/* NVM Set list: the one that all namespaces are in (Base 2.1 figure 317). */
static uint16_t make_sets(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	if ((r->cdw[11] & 0xffff) > 1)
		return NVME_OK;
	b[0] = 1;
	sl_put_le16(b + 128, 1);
	sl_put_le16(b + 130, 1);
	memcpy(b + 136, m->id_ctrl + 280, 16);
	memcpy(b + 152, m->id_ctrl + 296, 16);
	return NVME_OK;
}

static uint16_t make_groups(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	(void)m;
	if ((r->cdw[11] & 0xffff) > 1)
		return NVME_OK;
	sl_put_le16(b, 1);
	sl_put_le16(b + 2, 1);
	return NVME_OK;
}

/* Combinations of command sets: one, of all that the device has (Base 2.1 figure 327). */
static uint16_t make_command_sets(struct sl_model *m, struct sl_model_req *r, uint8_t b[MODEL_PAGE])
{
	(void)r;
	for (uint8_t csi = 0; csi < SL_PERSONA_CSI_N; csi++)
		if (has_csi(m, csi))
			b[0] = (uint8_t)(b[0] | 1u << csi);
	return NVME_OK;
}

static const struct cns_row rows[] = {
	{0x00, 0, 0, make_ns},
	{0x01, 0, 0, make_ctrl},
	{0x02, 0, 0x10100, make_active},
	{0x03, 0, 0x10300, make_descriptors},
	{0x04, NEED_SETS, 0x10400, make_sets},
	{0x05, NEED_CSI, 0, make_ns_csi},
	{0x06, NEED_CSI, 0, make_ctrl_csi},
	{0x07, NEED_CSI, 0, make_active_csi},
	{0x08, 0, 0x20000, make_independent},
	{0x10, NEED_NS_MGMT, 0x10200, make_allocated},
	{0x11, NEED_NS_MGMT, 0x10200, make_ns_allocated},
	{0x12, NEED_NS_MGMT, 0x10200, make_attached_ctrls},
	{0x13, 0, 0x10200, make_ctrls},
	{0x14, NEED_VIRT, 0x10300, make_primary},
	{0x15, NEED_VIRT, 0x10300, make_empty},
	{0x16, NEED_NS_MGMT, 0x10400, make_empty},
	{0x17, NEED_UUIDS, 0x10400, make_empty},
	{0x19, NEED_GROUPS, 0x10400, make_groups},
	{0x1a, NEED_CSI | NEED_NS_MGMT, 0, make_allocated_csi},
	{0x1b, NEED_CSI | NEED_NS_MGMT, 0, make_allocated_ns_csi},
	{0x1c, NEED_CSI, 0, make_command_sets},
};

static bool has(const struct sl_model *m, const struct cns_row *row)
{
	uint16_t oacs = sl_get_le16(m->id_ctrl + 256);
	uint32_t ctratt = sl_get_le32(m->id_ctrl + 96);

	return sl_model_version(m, row->version) &&
	       !(row->needs & NEED_NS_MGMT && !(oacs & 1 << 3)) &&
	       !(row->needs & NEED_VIRT && !(oacs & 1 << 7)) &&
	       !(row->needs & NEED_SETS && !(ctratt & 1 << 2)) &&
	       !(row->needs & NEED_GROUPS && !(ctratt & 1 << 4)) &&
	       !(row->needs & NEED_UUIDS && !(ctratt & 1 << 9)) &&
	       !(row->needs & NEED_CSI && !sl_model_version(m, 0x20000) &&
		 !has_csi(m, NVME_CSI_ZNS) && !has_csi(m, NVME_CSI_KV));
}

uint16_t sl_cmd_identify(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[MODEL_PAGE] = {0};
	uint8_t cns = (uint8_t)r->cdw[10];

	for (size_t i = 0; i < SL_COUNT(rows); i++) {
		uint16_t s;

		if (rows[i].cns != cns || !has(m, &rows[i]))
			continue;
		s = rows[i].make(m, r, b);
		return s ? s : sl_req_give(r, b, sizeof(b));
	}
	return sl_fail_field(r, 40, 0);
}
