/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I/O Management (Base 2.1 §7.3, §7.4) for Flexible Data Placement: the reclaim unit handles of a
 * namespace and how much their units still take. What handles there are is the first configuration
 * in the persona's log 20h; a device without one has none.
 */
#include "model/state.h"

enum {
	CTRATT_FDPS = 1 << 19,
	LID_FDP_CONFIGS = 0x20,
	CONFIG = 16, /* of the first configuration in that log: NRUH at 8, RUNS at 16 */
	MO_NONE = 0,
	MO_HANDLES = 1, /* receive: status of handles; send: update of handles */
	DTYPE_PLACEMENT = 2,
};

static uint32_t handles(const struct sl_model *m, uint64_t *ret_unit_bytes)
{
	if (!(sl_get_le32(m->id_ctrl + 96) & CTRATT_FDPS))
		return 0;
	for (uint32_t i = 0; i < m->n_logs; i++) {
		const struct sl_model_log *log = &m->log[i];
		uint32_t n;

		if (log->lid != LID_FDP_CONFIGS || log->len < CONFIG + 64)
			continue;
		n = sl_get_le16(log->p + CONFIG + 8);
		*ret_unit_bytes = sl_get_le64(log->p + CONFIG + 16);
		return n < MODEL_HANDLES ? n : MODEL_HANDLES;
	}
	return 0;
}

/* Blocks that the unit under a handle still takes. */
static uint64_t room(const struct sl_model_ns *ns, uint32_t handle, uint64_t unit_bytes)
{
	uint64_t unit = unit_bytes >> ns->lbads;

	return unit ? unit - ns->placed[handle] % unit : 0;
}

void sl_fdp_wrote(const struct sl_model *m, const struct sl_model_req *r, uint64_t blocks)
{
	uint64_t unit;
	uint32_t n = handles(m, &unit), handle = 0;

	if (n == 0)
		return;
	if ((r->cdw[12] >> 20 & 0xf) == DTYPE_PLACEMENT && r->cdw[13] >> 16 < n)
		handle = r->cdw[13] >> 16;
	r->ns->placed[handle] += blocks;
}

uint16_t sl_cmd_io_mgmt_recv(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t want = ((uint64_t)r->cdw[11] + 1) * 4, unit;
	uint8_t b[16 + 32 * MODEL_HANDLES] = {0};
	uint32_t n = handles(m, &unit);

	if ((r->cdw[10] & 0xff) > MO_HANDLES || ((r->cdw[10] & 0xff) == MO_HANDLES && !n))
		return sl_fail_field(r, 40, 0);
	if (want > r->data_len)
		return NVME_SGL_LENGTH;
	memset(r->data, 0, want);
	if ((r->cdw[10] & 0xff) == MO_HANDLES) {
		sl_put_le16(b + 14, (uint16_t)n);
		for (uint32_t i = 0; i < n; i++) {
			sl_put_le16(b + 16 + 32 * i, (uint16_t)i);     /* placement identifier */
			sl_put_le16(b + 16 + 32 * i + 2, (uint16_t)i); /* handle */
			sl_put_le64(b + 16 + 32 * i + 8, room(r->ns, i, unit));
		}
		memcpy(r->data, b, want < sizeof(b) ? want : sizeof(b));
	}
	r->ret_len = (uint32_t)want;
	return NVME_OK;
}

/* Each named handle goes on with an empty reclaim unit. */
uint16_t sl_cmd_io_mgmt_send(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t pids = (r->cdw[10] >> 16) + 1, n;
	uint64_t unit;
	uint16_t s;

	if ((r->cdw[10] & 0xff) == MO_NONE)
		return NVME_OK;
	n = handles(m, &unit);
	if ((r->cdw[10] & 0xff) != MO_HANDLES || !n || pids > MODEL_HANDLES)
		return sl_fail_field(r, 40, 0);
	s = sl_req_need(r, pids * 2);
	for (uint32_t i = 0; i < pids && !s; i++)
		if (sl_get_le16(r->data + 2 * i) >= n)
			s = NVME_INVALID_FIELD;
	for (uint32_t i = 0; i < pids && !s; i++)
		r->ns->placed[sl_get_le16(r->data + 2 * i)] = 0;
	return s;
}
