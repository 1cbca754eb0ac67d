/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Get and Set Features (Base 2.1 §5.1.11, §5.1.25): which features there are, and their values, is
 * the persona's; a row exists here only for a feature that means more than to be remembered.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/state.h"

enum {
	FID_POWER = 0x02,
	FID_LBA_RANGE = 0x03,
	FID_TEMPERATURE = 0x04,
	FID_QUEUES = 0x07,
	FID_EVENTS = 0x0b,
	FID_APST = 0x0c,
	FID_HMB = 0x0d,
	FID_TIMESTAMP = 0x0e,
	FID_HOST_BEHAVIOR = 0x16,
	FID_COMMAND_SETS = 0x19,
	FID_HOST_ID = 0x81,
	FID_RESV_NOTIFY = 0x82,
	FID_RESV_PERSIST = 0x83,
	FID_PROTECT = 0x84,
};

enum { SEL_CURRENT, SEL_DEFAULT, SEL_SAVED, SEL_CAPABILITIES };

struct fid_row {
	uint8_t fid;
	uint16_t data; /* bytes of its data structure; 0: none */
	/* Checks and carries out; the value is stored by the caller when it succeeds. */
	uint16_t (*set)(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f);
	/* Makes the current value where it is not the stored one. */
	uint16_t (*get)(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f);
};

static uint16_t set_power(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)f;
	return (r->cdw[11] & 0x1f) > m->id_ctrl[263] ? sl_fail_field(r, 44, 0) : NVME_OK; /* NPSS */
}

/* Sensor and threshold are selected by TMPSEL (0 composite, 15 all) and THSEL (0 over, 1 under). */
static uint16_t set_temperature(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	unsigned sensor = r->cdw[11] >> 16 & 0xf, under = r->cdw[11] >> 20 & 3;

	(void)f;
	if (under > 1 || (sensor > 8 && sensor != 15))
		return sl_fail_field(r, 46, 0);
	for (unsigned i = 0; i < 9; i++)
		if (sensor == 15 || i == sensor)
			m->threshold[under][i] = (uint16_t)r->cdw[11];
	return NVME_OK;
}

static uint16_t get_temperature(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	unsigned sensor = r->cdw[11] >> 16 & 0xf, under = r->cdw[11] >> 20 & 3;

	(void)f;
	if (under > 1 || sensor > 8)
		return sl_fail_field(r, 46, 0);
	r->result = m->threshold[under][sensor];
	return NVME_OK;
}

/* The host that owns the queues has made them long ago. */
static uint16_t set_queues(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	(void)r;
	(void)f;
	return NVME_SEQUENCE;
}

static uint16_t set_timestamp(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)f;
	m->time_base_ms = sl_get_le64(r->data) & 0xffffffffffffull;
	m->time_set_ms = m->now_ms;
	m->time_origin = 1;
	return NVME_OK;
}

static uint16_t get_timestamp(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	uint8_t b[8];

	(void)f;
	sl_put_le64(b, (m->time_base_ms + m->now_ms - m->time_set_ms) & 0xffffffffffffull);
	b[6] = (uint8_t)(m->time_origin << 1);
	return sl_req_give(r, b, sizeof(b));
}

static uint32_t hostid_len(const struct sl_model_req *r)
{
	return r->cdw[11] & 1 ? 16 : 8; /* EXHID */
}

static uint16_t set_hostid(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	static const uint8_t zero[16];
	uint32_t len = hostid_len(r);

	if (len == 16 && !(m->id_ctrl[96] & 1)) /* CTRATT: 128-bit host identifier */
		return NVME_HOSTID_FORMAT;
	if (memcmp(f->data, zero, 16) != 0 && memcmp(f->data, r->data, len) != 0)
		return NVME_SEQUENCE; /* one that is set stays until a reset */
	return NVME_OK;
}

static uint16_t get_hostid(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	return sl_req_give(r, f->data, hostid_len(r));
}

static uint16_t set_behavior(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	(void)f;
	for (unsigned i = 0; i < 4; i++) /* ACRE, ETDAS, LBAFEE, HDISNS are switches */
		if (r->data[i] > 1)
			return NVME_INVALID_FIELD;
	return NVME_OK;
}

static uint16_t set_command_sets(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	(void)f;
	return r->cdw[11] & 0x1ff ? NVME_IOCS_COMBINATION : NVME_OK;
}

/* Base 2.1 §5.1.25.1.30: from none to any state the device has, and back unless permanent. */
static uint16_t set_protect(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	static const uint8_t need[4] = {1, 1, 2, 4}; /* NWPC bits */
	uint32_t to = r->cdw[11] & 7;

	(void)f;
	if (to > 3 || !(m->id_ctrl[531] & need[to]) || !r->ns)
		return sl_fail_field(r, 44, 0);
	if (r->ns->protect > 1 && to != r->ns->protect)
		return NVME_FID_NOT_CHANGEABLE;
	r->ns->protect = (uint8_t)to;
	return NVME_OK;
}

static uint16_t get_protect(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	(void)f;
	r->result = r->ns ? r->ns->protect : 0;
	return NVME_OK;
}

static uint16_t set_resv_notify(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	(void)f;
	if (r->ns)
		r->ns->resv.notify_mask = r->cdw[11] & 0xe;
	return NVME_OK;
}

static uint16_t set_resv_persist(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	(void)m;
	(void)f;
	if (!r->ns || !(r->ns->id[31] & 1)) /* RESCAP: persistence through power loss */
		return sl_fail_field(r, 44, 0);
	r->ns->resv.ptpl = r->cdw[11] & 1;
	return NVME_OK;
}

static const struct fid_row rows[] = {
	{FID_POWER, 0, set_power, NULL},
	{FID_LBA_RANGE, 4096, NULL, NULL},
	{FID_TEMPERATURE, 0, set_temperature, get_temperature},
	{FID_QUEUES, 0, set_queues, NULL},
	{FID_APST, 256, NULL, NULL},
	{FID_HMB, 4096, NULL, NULL},
	{FID_TIMESTAMP, 8, set_timestamp, get_timestamp},
	{FID_HOST_BEHAVIOR, 512, set_behavior, NULL},
	{FID_COMMAND_SETS, 0, set_command_sets, NULL},
	{FID_HOST_ID, 16, set_hostid, get_hostid},
	{FID_RESV_NOTIFY, 0, set_resv_notify, NULL},
	{FID_RESV_PERSIST, 0, set_resv_persist, NULL},
	{FID_PROTECT, 0, set_protect, get_protect},
};

static const struct fid_row *row_find(uint8_t fid)
{
	for (size_t i = 0; i < SL_COUNT(rows); i++)
		if (rows[i].fid == fid)
			return &rows[i];
	return NULL;
}

void sl_feature_done(struct sl_feature *f)
{
	free(f->data);
	free(f->saved_data);
}

static int feature_load(struct sl_feature *f, const struct sl_persona_feature *p, uint8_t fid)
{
	const struct fid_row *row = row_find(fid);
	uint32_t len = row ? row->data : 0;

	f->present = p->supported;
	f->current = p->current;
	f->dflt = p->dflt;
	f->saved = p->saved;
	if (p->data.len > len)
		len = p->data.len > MODEL_PAGE ? MODEL_PAGE : p->data.len;
	if (!p->supported || len == 0)
		return 0;
	f->data = calloc(1, len);
	f->saved_data = calloc(1, len);
	if (!f->data || !f->saved_data)
		return -ENOMEM;
	f->data_len = len;
	if (p->data.len) {
		memcpy(f->data, p->data.p, p->data.len < len ? p->data.len : len);
		memcpy(f->saved_data, f->data, len);
	}
	return 0;
}

int sl_features_load(struct sl_model *m)
{
	int r = 0;

	for (unsigned fid = 0; fid < 256 && r == 0; fid++)
		r = feature_load(&m->feature[fid], &m->p->feature[fid], (uint8_t)fid);
	m->threshold[0][0] = (uint16_t)m->feature[FID_TEMPERATURE].current;
	return r;
}

/* Base 2.1 §4.4: after a reset a saveable feature has its saved value, others their default. */
static void feature_reset(struct sl_feature *f, bool saveable)
{
	if (!f->present)
		return;
	f->current = saveable ? f->saved : f->dflt;
	if (f->data_len)
		memcpy(f->data, f->saved_data, f->data_len);
}

void sl_features_reset(struct sl_model *m, bool power)
{
	for (unsigned fid = 0; fid < 256; fid++) {
		bool saveable = m->p->feature[fid].saveable;

		feature_reset(&m->feature[fid], saveable);
		for (struct sl_model_ns *ns = m->ns; ns; ns = ns->next)
			if (ns->feature[fid])
				feature_reset(ns->feature[fid], saveable);
	}
	memset(m->threshold, 0, sizeof(m->threshold));
	m->threshold[0][0] = (uint16_t)m->feature[FID_TEMPERATURE].current;
	if (power) {
		m->time_base_ms = 0;
		m->time_set_ms = m->now_ms;
		m->time_origin = 0;
	}
}

uint32_t sl_feature_current(const struct sl_model *m, uint8_t fid)
{
	return m->feature[fid].present ? m->feature[fid].current : 0;
}

struct sl_feature *sl_feature_find(struct sl_model *m, uint8_t fid, uint32_t nsid)
{
	struct sl_model_ns *ns = nsid ? sl_ns_find(m, nsid) : NULL;

	if (!m->feature[fid].present)
		return NULL;
	if (!m->p->feature[fid].per_namespace || !nsid)
		return &m->feature[fid];
	return ns ? ns->feature[fid] : NULL;
}

int sl_features_of_ns(struct sl_model *m, struct sl_model_ns *ns)
{
	int r = 0;

	for (unsigned fid = 0; fid < 256 && r == 0; fid++) {
		const struct sl_persona_feature *p = &m->p->feature[fid];

		if (!p->supported || !p->per_namespace)
			continue;
		ns->feature[fid] = calloc(1, sizeof(*ns->feature[fid]));
		r = ns->feature[fid] ? feature_load(ns->feature[fid], p, (uint8_t)fid) : -ENOMEM;
	}
	return r;
}

/* The feature that the command is about, or why there is none. */
static uint16_t select_feature(struct sl_model *m, struct sl_model_req *r, struct sl_feature **ret)
{
	uint8_t fid = (uint8_t)r->cdw[10];
	const struct sl_persona_feature *p = &m->p->feature[fid];

	if (!m->feature[fid].present)
		return sl_fail_field(r, 40, 0);
	if (p->per_namespace) {
		if (r->nsid != NSID_ALL && !r->ns)
			return r->nsid && r->nsid <= sl_get_le32(m->id_ctrl + 516)
				       ? sl_fail_field(r, 4, 0)
				       : NVME_INVALID_NS;
		*ret = sl_feature_find(m, fid, r->ns ? r->nsid : 0);
	} else {
		*ret = &m->feature[fid];
	}
	return *ret ? NVME_OK : NVME_INTERNAL;
}

uint16_t sl_cmd_get_features(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t fid = (uint8_t)r->cdw[10], sel = r->cdw[10] >> 8 & 7;
	const struct sl_persona_feature *p = &m->p->feature[fid];
	const struct fid_row *row = row_find(fid);
	struct sl_feature *f;
	uint16_t s = select_feature(m, r, &f);

	if (s)
		return s;
	if (sel && !(sl_get_le16(m->id_ctrl + 520) & 1 << 4)) { /* ONCS: save and select */
		if (!(m->p->quirks & SL_QUIRK_RESERVED_IGNORED))
			return sl_fail_field(r, 41, 0);
		sel = SEL_CURRENT;
	}
	if (sel > SEL_CAPABILITIES)
		return sl_fail_field(r, 41, 0);
	if (sel == SEL_CAPABILITIES) {
		r->result = (p->saveable ? 1u : 0) | (p->per_namespace ? 2u : 0) |
			    (p->changeable ? 4u : 0);
		return NVME_OK;
	}
	if (sel == SEL_CURRENT && row && row->get)
		return row->get(m, r, f);
	r->result = sel == SEL_CURRENT ? f->current : sel == SEL_DEFAULT ? f->dflt : f->saved;
	if (f->data_len && r->data_len) {
		static const uint8_t none[MODEL_PAGE];
		const uint8_t *d = sel == SEL_CURRENT ? f->data
				   : sel == SEL_SAVED ? f->saved_data
						      : none;

		return sl_req_give(r, d, f->data_len < r->data_len ? f->data_len : r->data_len);
	}
	return NVME_OK;
}

static void store(struct sl_feature *f, const struct sl_model_req *r, uint32_t data, bool save)
{
	f->current = r->cdw[11];
	if (data)
		memcpy(f->data, r->data, data);
	if (save) {
		f->saved = f->current;
		if (f->data_len)
			memcpy(f->saved_data, f->data, f->data_len);
	}
}

static uint16_t set_one(struct sl_model *m, struct sl_model_req *r, struct sl_feature *f)
{
	uint8_t fid = (uint8_t)r->cdw[10];
	const struct fid_row *row = row_find(fid);
	uint32_t data = fid == FID_HOST_ID ? hostid_len(r) : fid == FID_HMB ? 0 : f->data_len;
	uint16_t s = sl_req_need(r, data);

	if (!s && row && row->set)
		s = row->set(m, r, f);
	if (!s)
		store(f, r, data, r->cdw[10] & 1u << 31);
	return s;
}

/* Every attached namespace; the first failure ends it. */
static uint16_t set_all(struct sl_model *m, struct sl_model_req *r)
{
	uint16_t s = NVME_OK;

	for (struct sl_model_ns *ns = m->ns; ns && !s; ns = ns->next) {
		struct sl_feature *f;

		if (!ns->attached)
			continue;
		f = sl_feature_find(m, (uint8_t)r->cdw[10], ns->nsid);
		r->ns = ns;
		s = f ? set_one(m, r, f) : NVME_INTERNAL;
	}
	r->ns = NULL;
	return s;
}

uint16_t sl_cmd_set_features(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t fid = (uint8_t)r->cdw[10];
	const struct sl_persona_feature *p = &m->p->feature[fid];
	struct sl_feature *f;
	uint16_t s;

	if (m->lock.set_feature[fid])
		return NVME_LOCKED_DOWN;
	s = select_feature(m, r, &f);
	if (s)
		return s;
	if (!p->per_namespace && r->nsid && r->nsid != NSID_ALL)
		return NVME_FID_NOT_NS;
	if (r->cdw[10] & 1u << 31 && !p->saveable)
		return NVME_FID_NOT_SAVEABLE;
	if (!p->changeable)
		return NVME_FID_NOT_CHANGEABLE;
	s = p->per_namespace && r->nsid == NSID_ALL ? set_all(m, r) : set_one(m, r, f);
	if (!s && (fid == FID_TEMPERATURE || fid == FID_EVENTS))
		sl_smart_check(m);
	return s;
}
