/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that a host driver sends and nobody else should: queues (Base 2.1 §5.2), shadow
 * doorbells (§5.2.5), virtualization management (§5.2.6). The model starts as a driver leaves a
 * device: with the I/O queues that feature 07h granted. What is memory of the host is only
 * remembered, never touched.
 */
#include "model/state.h"

enum {
	FID_QUEUES = 0x07,
	NVME_CQ_INVALID = 0x100,
	NVME_QID_INVALID = 0x101,
	NVME_QUEUE_SIZE = 0x102,
	NVME_QUEUE_DELETION = 0x10c,
	NVME_CTRL_ID = 0x11f,
	NVME_RESOURCES = 0x121,
	NVME_RESOURCE_ID = 0x122,
};

/* How many queue pairs there may be; 0's based in both halves of the feature. */
static uint32_t granted(const struct sl_model *m)
{
	uint32_t v = sl_feature_current(m, FID_QUEUES);
	uint32_t sq = (v & 0xffff) + 1, cq = (v >> 16) + 1, n = sq < cq ? sq : cq;

	return n < MODEL_QUEUES ? n : MODEL_QUEUES - 1;
}

void sl_queues_reset(struct sl_model *m)
{
	memset(&m->queues, 0, sizeof(m->queues));
	m->doorbell_buffers = false;
	for (uint32_t q = 1; q <= granted(m); q++) {
		m->queues.cq[q] = 1;
		m->queues.sq[q] = (uint16_t)q;
	}
}

bool sl_queues_any(const struct sl_model *m)
{
	for (unsigned q = 1; q < MODEL_QUEUES; q++)
		if (m->queues.sq[q])
			return true;
	return false;
}

static uint16_t check_new(const struct sl_model *m, const struct sl_model_req *r, bool exists)
{
	uint32_t qid = r->cdw[10] & 0xffff;

	if (qid == 0 || qid > granted(m) || exists)
		return NVME_QID_INVALID;
	return r->cdw[10] >> 16 ? NVME_OK : NVME_QUEUE_SIZE;
}

uint16_t sl_cmd_create_cq(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t qid = r->cdw[10] & 0xffff;
	uint16_t s = check_new(m, r, qid < MODEL_QUEUES && m->queues.cq[qid]);

	if (!s)
		m->queues.cq[qid] = 1;
	return s;
}

uint16_t sl_cmd_create_sq(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t qid = r->cdw[10] & 0xffff, cq = r->cdw[11] >> 16;
	uint16_t s = check_new(m, r, qid < MODEL_QUEUES && m->queues.sq[qid]);

	if (s)
		return s;
	if (cq == 0 || cq >= MODEL_QUEUES || !m->queues.cq[cq])
		return NVME_CQ_INVALID;
	m->queues.sq[qid] = (uint16_t)cq;
	return NVME_OK;
}

uint16_t sl_cmd_delete_sq(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t qid = r->cdw[10] & 0xffff;

	if (qid == 0 || qid >= MODEL_QUEUES || !m->queues.sq[qid])
		return NVME_QID_INVALID;
	m->queues.sq[qid] = 0;
	return NVME_OK;
}

uint16_t sl_cmd_delete_cq(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t qid = r->cdw[10] & 0xffff;

	if (qid == 0 || qid >= MODEL_QUEUES || !m->queues.cq[qid])
		return NVME_QID_INVALID;
	for (unsigned q = 1; q < MODEL_QUEUES; q++)
		if (m->queues.sq[q] == qid)
			return NVME_QUEUE_DELETION; /* a submission queue still completes to it */
	m->queues.cq[qid] = 0;
	return NVME_OK;
}

uint16_t sl_cmd_doorbell_buffers(struct sl_model *m, struct sl_model_req *r)
{
	(void)r;
	m->doorbell_buffers = true; /* from here on the device would read host memory by itself */
	return NVME_OK;
}

/* One primary controller, no secondary ones, nothing flexible to hand out. */
uint16_t sl_cmd_virt_mgmt(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t action = r->cdw[10] & 0xf, type = r->cdw[10] >> 8 & 7;
	bool mine = r->cdw[10] >> 16 == sl_get_le16(m->id_ctrl + 78);

	switch (action) {
	case 1: /* primary controller: flexible allocation */
		if (type > 1)
			return NVME_RESOURCE_ID;
		if (!mine)
			return NVME_CTRL_ID;
		return r->cdw[11] & 0xffff ? NVME_RESOURCES : NVME_OK;
	case 7: /* secondary controller: offline, assign, online */
	case 8:
	case 9:
		return NVME_CTRL_ID;
	}
	return sl_fail_field(r, 40, 0);
}
