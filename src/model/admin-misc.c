/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admin commands with little state of their own: Abort, Asynchronous Event Request, Keep Alive,
 * Directives, Security Send and Receive, Lockdown.
 */
#include "model/state.h"

uint16_t sl_cmd_abort(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_model_req *victim = sl_model_inflight(m, (uint16_t)(r->cdw[10] >> 16), r->owner);

	if (!victim) {
		r->result = 1; /* not aborted */
		return NVME_OK;
	}
	sl_model_finish(m, victim, NVME_ABORTED);
	return NVME_OK;
}

uint16_t sl_cmd_async_event(struct sl_model *m, struct sl_model_req *r)
{
	unsigned outstanding = 0;

	for (const struct sl_model_req *o = m->inflight; o; o = o->next)
		if (o->parked && !o->hang && o->queue == SL_WIRE_NVME_ADMIN && o->opc == 0x0c)
			outstanding++;
	if (outstanding > m->id_ctrl[259]) /* AERL, 0's based */
		return NVME_AER_LIMIT;
	r->parked = true;
	return NVME_OK;
}

uint16_t sl_cmd_keep_alive(struct sl_model *m, struct sl_model_req *r)
{
	(void)m;
	(void)r;
	return NVME_OK; /* no timer runs out in a model */
}

/* ---- Directives (Base 2.1 §8.1.8) ---- */

enum {
	DTYPE_IDENTIFY = 0,
	DTYPE_STREAMS = 1,
	OACS_DIRECTIVES = 1 << 5,
	STREAMS_MAX = 16,
};

static uint8_t doper(const struct sl_model_req *r)
{
	return (uint8_t)r->cdw[11];
}

static uint8_t dtype(const struct sl_model_req *r)
{
	return (uint8_t)(r->cdw[11] >> 8);
}

uint16_t sl_cmd_directive_send(struct sl_model *m, struct sl_model_req *r)
{
	if (!(sl_get_le16(m->id_ctrl + 256) & OACS_DIRECTIVES))
		return NVME_INVALID_OPCODE;
	if (dtype(r) == DTYPE_IDENTIFY && doper(r) == 1) { /* enable: ENDIR, TDTYPE */
		if ((r->cdw[12] >> 8 & 0xff) != DTYPE_STREAMS)
			return sl_fail_field(r, 49, 0);
		m->directive_streams = r->cdw[12] & 1;
		if (!m->directive_streams)
			m->streams_allocated = 0;
		return NVME_OK;
	}
	if (dtype(r) == DTYPE_STREAMS && m->directive_streams) {
		if (doper(r) == 1) /* release an identifier */
			return NVME_OK;
		if (doper(r) == 2) { /* release resources */
			m->streams_allocated = 0;
			return NVME_OK;
		}
	}
	return sl_fail_field(r, 44, 0);
}

uint16_t sl_cmd_directive_recv(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t want = ((uint64_t)r->cdw[10] + 1) * 4;
	uint8_t b[MODEL_PAGE] = {0};

	if (!(sl_get_le16(m->id_ctrl + 256) & OACS_DIRECTIVES))
		return NVME_INVALID_OPCODE;
	if (want > r->data_len && !(dtype(r) == DTYPE_STREAMS && doper(r) == 3))
		return NVME_SGL_LENGTH;
	if (dtype(r) == DTYPE_IDENTIFY && doper(r) == 1) {
		b[0] = 3; /* supported: identify, streams */
		b[32] = (uint8_t)(1 | (m->directive_streams ? 2 : 0));
	} else if (dtype(r) == DTYPE_STREAMS && m->directive_streams && doper(r) == 1) {
		sl_put_le16(b, STREAMS_MAX);
		sl_put_le16(b + 2, (uint16_t)(STREAMS_MAX - m->streams_allocated));
		sl_put_le16(b + 22, m->streams_allocated);
	} else if (dtype(r) == DTYPE_STREAMS && m->directive_streams && doper(r) == 3) {
		uint32_t n = r->cdw[12] & 0xffff; /* allocate resources */

		if (n > STREAMS_MAX)
			n = STREAMS_MAX;
		m->streams_allocated = (uint16_t)n;
		r->result = n;
		return NVME_OK;
	} else if (!(dtype(r) == DTYPE_STREAMS && m->directive_streams && doper(r) == 2)) {
		return sl_fail_field(r, 44, 0);
	}
	return sl_req_give(r, b, (uint32_t)(want < sizeof(b) ? want : sizeof(b)));
}

/* ---- Security (Base 2.1 §5.1.23, §5.1.24; SPC-5 §7.7.1; TCG Storage core 2.01 §3.3) ---- */

static uint8_t secp(const struct sl_model_req *r)
{
	return (uint8_t)(r->cdw[10] >> 24);
}

static uint16_t spsp(const struct sl_model_req *r)
{
	return (uint16_t)(r->cdw[10] >> 8);
}

/* TCG Level 0 discovery: TPer, Locking (enabled, unlocked) and Opal 2 feature descriptors. */
static uint32_t level0(uint8_t b[512])
{
	static const uint8_t features[] = {
		0x00, 0x01, 0x10, 0x0c, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* TPer */
		0x00, 0x02, 0x10, 0x0c, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* Locking */
		0x02, 0x03, 0x10, 0x10, 0x10, 0, 0, 1, 0, 0, 4, 0, 9, 0, 0, 0, /* Opal 2.0 */
		0,    0,    0,	  0,
	};

	memset(b, 0, 512);
	b[3] = 44 + sizeof(features); /* bytes that follow, big-endian */
	b[7] = 1;		      /* revision of the structure */
	memcpy(b + 48, features, sizeof(features));
	return 48 + sizeof(features);
}

uint16_t sl_cmd_security_recv(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t want = r->cdw[11];
	uint8_t b[512] = {0};

	if (want > r->data_len)
		return NVME_SGL_LENGTH;
	memset(r->data, 0, want);
	r->ret_len = want;
	if (secp(r) == 0 && spsp(r) == 0) { /* the protocols there are */
		b[7] = 3;
		b[8] = 0x00;
		b[9] = 0x01;
		b[10] = 0x02;
	} else if (secp(r) == 1 && spsp(r) == 1) {
		level0(b);
	} else if ((secp(r) == 1 || secp(r) == 2) && m->security_len &&
		   m->security_proto == secp(r) && m->security_sp == spsp(r)) {
		/* The answer to what was sent: an empty ComPacket of its ComID. */
		b[4] = (uint8_t)(spsp(r) >> 8);
		b[5] = (uint8_t)spsp(r);
	} else if (secp(r) > 2 || (secp(r) == 0 && spsp(r) != 0)) {
		return sl_fail_field(r, 43, 0);
	}
	memcpy(r->data, b, want < sizeof(b) ? want : sizeof(b));
	return NVME_OK;
}

uint16_t sl_cmd_security_send(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t len = r->cdw[11];
	uint16_t s = sl_req_need(r, len);

	if (s)
		return s;
	if (secp(r) != 1 && secp(r) != 2)
		return sl_fail_field(r, 43, 0);
	m->security_sends++;
	m->security_proto = secp(r);
	m->security_sp = spsp(r);
	m->security_len = len < sizeof(m->security) ? len : sizeof(m->security);
	memset(m->security, 0, sizeof(m->security));
	memcpy(m->security, r->data, m->security_len);
	return NVME_OK;
}

/* ---- Lockdown (Base 2.1 §5.1.15) ---- */

uint16_t sl_cmd_lockdown(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t scope = r->cdw[10] & 0xf, interface = r->cdw[10] >> 5 & 3;
	uint8_t id = (uint8_t)(r->cdw[10] >> 8);
	bool prohibit = r->cdw[10] & 1u << 4;

	if (interface > 1) /* out-of-band interfaces are not in this model */
		return NVME_LOCKDOWN_UNSUPPORTED;
	if (scope == 0) {
		/* Lockdown itself is the way back. */
		if (id == 0x24 || !m->p->admin[id])
			return NVME_LOCKDOWN_UNSUPPORTED;
		m->lock.admin[id] = prohibit;
		return NVME_OK;
	}
	if (scope == 2) {
		if (!m->feature[id].present)
			return NVME_LOCKDOWN_UNSUPPORTED;
		m->lock.set_feature[id] = prohibit;
		return NVME_OK;
	}
	return scope == 3 || scope == 4 ? NVME_LOCKDOWN_UNSUPPORTED : sl_fail_field(r, 40, 0);
}
