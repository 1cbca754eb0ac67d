/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a command at the model, and of the model itself: hooks of the behaviour rules, time,
 * resets. What a command is and does is the protocol's (struct sl_model_ops: nvme.c, scsi/).
 */
#include <errno.h>
#include <stdlib.h>

#include "core/command.h"
#include "model/state.h"

static void unlink_req(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_model_req **at = &m->inflight;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	r->next = NULL;
}

static void link_req(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_model_req **at = &m->inflight;

	while (*at) /* in order of arrival, so that equal times complete in that order */
		at = &(*at)->next;
	r->next = NULL;
	*at = r;
}

void sl_model_finish(struct sl_model *m, struct sl_model_req *r, uint16_t status)
{
	unlink_req(m, r);
	r->parked = false;
	r->status = status;
	r->done(r);
}

struct sl_model_req *sl_model_inflight(struct sl_model *m, uint16_t cid, const void *owner)
{
	struct sl_model_req *r = m->inflight;

	while (r && (r->owner != owner || (uint16_t)(r->cdw[0] >> 16) != cid))
		r = r->next;
	return r;
}

/* Runs resets that commands or rules asked for while one was being executed. */
static void run_wanted(struct sl_model *m)
{
	if (m->power_wanted)
		sl_model_power_cycle(m);
	else if (m->reset_wanted)
		sl_model_reset(m);
}

bool sl_req_payload(const struct sl_model_req *r)
{
	return r->data && (r->dir == SL_DIR_OUT || r->dir == SL_DIR_BOTH);
}

const struct sl_model_ops *sl_model_ops_of(uint8_t protocol)
{
	static const struct sl_model_ops *const all[] = {
		[SL_WIRE_NVME] = &sl_model_nvme,
		[SL_WIRE_SCSI] = &sl_model_scsi,
		[SL_WIRE_CXL] = &sl_model_cxl,
		[SL_WIRE_FWCTL] = &sl_model_fwctl,
	};

	return protocol < SL_COUNT(all) ? all[protocol] : NULL;
}

bool sl_model_takes(const struct sl_model *m, uint8_t queue, uint16_t req_len)
{
	return m->ops->takes(queue, req_len);
}

static void execute_hooked(struct sl_model *m, struct sl_model_req *r)
{
	if (!m->ops->reachable(m, r)) {
		r->fail = true;
		return;
	}
	r->error = 0;
	m->running = true;
	sl_behave_before(m->behave, r);
	if (!r->answered && !r->hang)
		m->ops->execute(m, r);
	if (!r->hang && !r->parked)
		sl_behave_after(m->behave, r);
	if (!r->hang && !r->parked)
		m->ops->finish(m, r);
	m->running = false;
}

static void clear_answer(struct sl_model_req *r)
{
	r->status = 0;
	r->result = 0;
	r->ret_len = r->ret_meta_len = r->work_ms = r->delay_ms = r->error = 0;
	r->answered = r->hang = r->fail = r->parked = false;
	r->err_at = 0xffff;
	r->sense = r->specific = 0;
	r->in_payload = r->has_info = false;
	r->ata[1] = 0;
}

void sl_model_submit(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t wait;

	clear_answer(r);
	m->ops->decode(m, r);
	if (r->internal) {
		m->ops->execute(m, r);
		r->done(r);
		return;
	}
	sl_behave_tick(m->behave);
	m->ops->decode(m, r); /* time may have changed the namespaces */
	if (sl_behave_dead(m->behave))
		r->hang = true;
	else
		execute_hooked(m, r);
	wait = (m->p->latency_us + 500u) / 1000u + r->work_ms + (uint64_t)r->delay_ms;
	if (r->fail) {
		r->done(r);
	} else if (r->hang || r->parked || wait) {
		r->parked = r->hang || r->parked;
		r->due_ms = m->now_ms + wait;
		link_req(m, r);
	} else {
		r->done(r);
	}
	m->ops->deliver(m);
	run_wanted(m);
}

void sl_model_cancel(struct sl_model *m, const void *owner)
{
	for (struct sl_model_req **at = &m->inflight; *at;) {
		if ((*at)->owner == owner)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/* Completes what is due, in order of time, then of arrival. */
static void complete_due(struct sl_model *m)
{
	for (;;) {
		struct sl_model_req *first = NULL;

		for (struct sl_model_req *r = m->inflight; r; r = r->next)
			if (!r->parked && r->due_ms <= m->now_ms &&
			    (!first || r->due_ms < first->due_ms))
				first = r;
		if (!first || sl_behave_dead(m->behave))
			return;
		unlink_req(m, first);
		first->done(first);
	}
}

void sl_model_advance(struct sl_model *m, uint64_t now_ms)
{
	if (now_ms > m->now_ms)
		m->now_ms = now_ms;
	m->running = true;
	m->ops->tick(m);
	sl_behave_tick(m->behave);
	m->running = false;
	complete_due(m);
	m->ops->deliver(m);
	run_wanted(m);
}

uint64_t sl_model_now(const struct sl_model *m)
{
	return m->now_ms;
}

int64_t sl_model_next_due(const struct sl_model *m)
{
	uint64_t at = sl_behave_next(m->behave), own = m->ops->next(m);

	if (own < at)
		at = own;
	for (const struct sl_model_req *r = m->inflight; r; r = r->next)
		if (!r->parked && r->due_ms < at && !sl_behave_dead(m->behave))
			at = r->due_ms;
	if (at == UINT64_MAX)
		return -1;
	return at > m->now_ms ? (int64_t)(at - m->now_ms) : 0;
}

/* splitmix64: all that is asked is that it repeats. */
uint64_t sl_model_random(struct sl_model *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Nobody will complete these any more: to their hosts the transport failed. */
static void fail_inflight(struct sl_model *m)
{
	while (m->inflight) {
		struct sl_model_req *r = m->inflight;

		r->fail = true;
		r->error = EIO;
		sl_model_finish(m, r, 0);
	}
}

void sl_model_reset(struct sl_model *m)
{
	if (m->running) {
		m->reset_wanted = true;
		return;
	}
	m->reset_wanted = false;
	m->running = true;
	fail_inflight(m);
	m->ops->reset(m, false);
	sl_behave_trigger(m->behave, SL_TRIGGER_RESET);
	m->running = false;
	if (m->listener.event)
		m->listener.event(m->listener.arg);
}

void sl_model_power_cycle(struct sl_model *m)
{
	if (m->running) {
		m->power_wanted = true;
		return;
	}
	m->power_wanted = m->reset_wanted = false;
	m->running = true;
	fail_inflight(m);
	for (unsigned i = 0; i < m->p->n_vars; i++)
		if (!m->p->vars[i].persistent)
			memcpy(m->var[i], m->p->vars[i].init, m->p->vars[i].len);
	m->ops->reset(m, true);
	sl_behave_trigger(m->behave, SL_TRIGGER_POWER);
	m->running = false;
	if (m->listener.event)
		m->listener.event(m->listener.arg);
}
