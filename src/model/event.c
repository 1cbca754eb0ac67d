/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous events (Base 2.1 §5.2) and the SMART counters that give rise to them.
 */
#include "model/state.h"

enum {
	FID_TEMPERATURE = 0x04,
	FID_EVENTS = 0x0b,
	SMART_WARNING = 0, /* offsets in LID 02h */
	SMART_TEMPERATURE = 1,
	SMART_UNITS_READ = 32,
	SMART_UNITS_WRITTEN = 48,
	SMART_READS = 64,
	SMART_WRITES = 80,
};

void sl_smart_add(struct sl_model *m, unsigned offset, uint64_t n)
{
	uint8_t *p = m->smart + offset;
	uint64_t low = sl_get_le64(p);

	sl_put_le64(p, low + n);
	if (low + n < low)
		sl_put_le64(p + 8, sl_get_le64(p + 8) + 1);
}

void sl_smart_io(struct sl_model *m, uint64_t bytes, bool write)
{
	uint32_t *rest = write ? &m->write_rest : &m->read_rest;
	uint64_t units = *rest + bytes / 512;

	sl_smart_add(m, write ? SMART_WRITES : SMART_READS, 1);
	sl_smart_add(m, write ? SMART_UNITS_WRITTEN : SMART_UNITS_READ, units / 1000);
	*rest = (uint32_t)(units % 1000);
	if (write)
		m->sanitize[3] &= (uint8_t)~1u; /* no longer "global data erased" */
}

/* Does the host want to hear of it? Base 2.1 §5.1.25.1.5. */
static bool wanted(const struct sl_model *m, uint8_t type, uint8_t info)
{
	static const uint8_t notice_bit[] = {8, 9, 10, 11, 12, 13, 14};
	uint32_t config = sl_feature_current(m, FID_EVENTS);

	if (type == 1)
		return config & (info == 1 ? 0x02u : info == 2 ? 0x01u : 0x1cu);
	if (type == 2 && info < SL_COUNT(notice_bit))
		return config >> notice_bit[info] & 1;
	if (type == 2 && info == 0xef)
		return config >> 27 & 1;
	return true;
}

void sl_model_event(struct sl_model *m, uint8_t type, uint8_t info, uint8_t lid)
{
	if (!wanted(m, type, info) || m->n_events == MODEL_EVENT_MAX)
		return;
	for (uint32_t i = 0; i < m->n_events; i++)
		if (m->event[i].type == type && m->event[i].info == info && m->event[i].lid == lid)
			return;
	m->event[m->n_events++] = (struct sl_event){type, info, lid};
	if (m->listener.event)
		m->listener.event(m->listener.arg);
}

static struct sl_model_req *waiting(struct sl_model *m)
{
	struct sl_model_req *r = m->inflight;

	while (r && (!r->parked || r->hang || r->queue != SL_WIRE_NVME_ADMIN || r->opc != 0x0c))
		r = r->next;
	return r;
}

void sl_events_deliver(struct sl_model *m)
{
	uint32_t i = 0;

	if (sl_behave_dead(m->behave))
		return;
	while (i < m->n_events) {
		struct sl_event e = m->event[i];
		struct sl_model_req *r;

		if (m->event_masked & 1u << (e.type & 7)) {
			i++;
			continue;
		}
		r = waiting(m);
		if (!r)
			return;
		m->event_masked = (uint8_t)(m->event_masked | 1u << (e.type & 7));
		m->n_events--;
		memmove(&m->event[i], &m->event[i + 1], (m->n_events - i) * sizeof(e));
		r->result = e.type | (uint32_t)e.info << 8 | (uint32_t)e.lid << 16;
		sl_model_finish(m, r, NVME_OK);
	}
}

/* The type whose events a log acknowledges; -1: none. */
static int log_type(uint8_t lid)
{
	static const struct {
		uint8_t lid, type;
	} rows[] = {{0x01, 0}, {0x02, 1}, {0x03, 2}, {0x04, 2}, {0x08, 2},
		    {0x0a, 2}, {0x0c, 2}, {0x80, 6}, {0x81, 6}, {0xbf, 2}};

	for (size_t i = 0; i < SL_COUNT(rows); i++)
		if (rows[i].lid == lid)
			return rows[i].type;
	return lid >= 0xc0 ? 7 : -1;
}

void sl_events_ack(struct sl_model *m, uint8_t lid)
{
	uint32_t n = 0;
	int type = log_type(lid);

	if (type >= 0)
		m->event_masked = (uint8_t)(m->event_masked & ~(1u << type));
	for (uint32_t i = 0; i < m->n_events; i++)
		if (m->event[i].lid != lid)
			m->event[n++] = m->event[i];
	m->n_events = n;
	if (lid == 0x02) {
		m->smart_told = 0;
		sl_smart_check(m);
	}
}

void sl_events_reset(struct sl_model *m)
{
	m->n_events = 0;
	m->event_masked = 0;
	m->smart_told = 0;
}

void sl_smart_check(struct sl_model *m)
{
	uint8_t fresh;
	bool hot = false, limited = false;

	/* Base 2.1 §5.1.25.1.3: the composite temperature, then the sensors that report one. */
	for (unsigned i = 0; i < 9; i++) {
		uint16_t k = sl_get_le16(m->smart + (i ? 198 + 2 * i : SMART_TEMPERATURE));

		limited |= m->threshold[0][i] || m->threshold[1][i];
		if (k && ((m->threshold[0][i] && k >= m->threshold[0][i]) ||
			  (m->threshold[1][i] && k <= m->threshold[1][i])))
			hot = true;
	}
	if (limited)
		m->smart[SMART_WARNING] =
			(uint8_t)((m->smart[SMART_WARNING] & ~2u) | (hot ? 2u : 0));
	fresh = (uint8_t)(m->smart[SMART_WARNING] & ~m->smart_told);
	m->smart_told |= fresh;
	if (fresh & 0x02)
		sl_model_event(m, 1, 1, 0x02); /* temperature threshold */
	if (fresh & 0x01)
		sl_model_event(m, 1, 2, 0x02); /* spare below threshold */
	if (fresh & 0x3c)
		sl_model_event(m, 1, 0, 0x02); /* subsystem reliability */
}
