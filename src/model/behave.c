/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rules fire, and when: commands and sequences of them, counts, chance, time, resets; actions
 * put off; values that drift. Conditions are behave-match.c's, actions behave-act.c's.
 */
#include "model/behave.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/command.h"
#include "model/behave-private.h"

int sl_behave_new(const struct sl_persona *p, struct sl_model *m, struct sl_behave **ret)
{
	struct sl_behave *b = calloc(1, sizeof(*b));

	*ret = NULL;
	if (!b)
		return -ENOMEM;
	b->p = p;
	b->m = m;
	b->start_ms = sl_model_now(m);
	b->rules = calloc(p->n_rules + 1, sizeof(*b->rules));
	b->drift_ms = calloc(p->n_drift + 1, sizeof(*b->drift_ms));
	if (!b->rules || !b->drift_ms) {
		sl_behave_free(b);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < p->n_rules; i++) {
		const struct sl_rule *rule = &p->rules[i];

		b->rules[i].next_ms = UINT64_MAX;
		if (rule->trigger == SL_TRIGGER_TIME)
			b->rules[i].next_ms =
				b->start_ms + (rule->after_ms ? rule->after_ms : rule->every_ms);
	}
	for (unsigned i = 0; i < p->n_drift; i++)
		b->drift_ms[i] =
			p->drift[i].every_ms ? b->start_ms + p->drift[i].every_ms : UINT64_MAX;
	*ret = b;
	return 0;
}

struct sl_behave *sl_behave_free(struct sl_behave *b)
{
	if (!b)
		return NULL;
	for (unsigned i = 0; i < SL_PERSONA_SNAPSHOT_MAX; i++)
		sl_snapshot_done(&b->snapshots[i]);
	free(b->rules);
	free(b->drift_ms);
	free(b);
	return NULL;
}

bool sl_behave_dead(const struct sl_behave *b)
{
	return b->dead;
}

/* ---- firing ---- */

static void defer(struct sl_behave *b, const struct sl_rule *rule, const struct sl_behave_ctx *ctx)
{
	uint64_t now = rule->defer == SL_DEFER_COMMANDS ? b->commands : sl_model_now(b->m);

	for (unsigned i = 0; i < SL_BEHAVE_PENDING_MAX; i++) {
		struct sl_pending *p = &b->pending[i];

		if (p->rule)
			continue;
		b->n_pending++;
		p->rule = rule;
		p->due = now + rule->defer_n;
		p->ctx = *ctx;
		p->ctx.req = NULL;
		return;
	}
}

/* The rule's condition is met once more: does it fire this time? */
static void hit(struct sl_behave *b, unsigned i, struct sl_behave_ctx *ctx)
{
	const struct sl_rule *rule = &b->p->rules[i];
	struct sl_rule_state *s = &b->rules[i];

	if (!sl_match_states(b, rule->states, rule->n_states, ctx->nsid))
		return;
	s->count++;
	if (s->count < rule->after_count || (s->count - rule->after_count) % rule->every)
		return;
	if (rule->limit && s->fired >= rule->limit)
		return;
	if (rule->probability != UINT32_MAX &&
	    (uint32_t)(sl_model_random(b->m) >> 32) >= rule->probability)
		return;
	s->fired++;
	if (rule->defer)
		defer(b, rule, ctx);
	else
		sl_behave_do(b, rule->dos, rule->n_dos, ctx);
}

/* Takes the command as the next step of a sequence, or not. True: it was the last. */
static bool advance(struct sl_behave *b, const struct sl_rule *rule, struct sl_rule_state *s,
		    struct sl_model_req *req, bool after)
{
	uint64_t now = sl_model_now(b->m);

	if (s->pos &&
	    ((rule->within_commands && b->commands - s->since_command >= rule->within_commands) ||
	     (rule->within_ms && now - s->since_ms > rule->within_ms)))
		s->pos = 0;
	if (!sl_match_command(b, &rule->steps[s->pos], req, after)) {
		if (!rule->strict_sequence || !s->pos)
			return false;
		s->pos = 0;
		if (!sl_match_command(b, &rule->steps[0], req, after))
			return false;
	}
	if (!s->pos) {
		s->since_command = b->commands;
		s->since_ms = now;
	}
	if (++s->pos < rule->n_steps)
		return false;
	s->pos = 0;
	return true;
}

static void command_rules(struct sl_behave *b, struct sl_model_req *req, bool before)
{
	struct sl_behave_ctx ctx = sl_behave_ctx(b, req);

	for (unsigned i = 0; i < b->p->n_rules; i++) {
		const struct sl_rule *rule = &b->p->rules[i];

		if (rule->trigger != SL_TRIGGER_COMMAND || rule->before != before)
			continue;
		if (rule->after_ms && sl_model_now(b->m) - b->start_ms < rule->after_ms)
			continue;
		if (advance(b, rule, &b->rules[i], req, !before))
			hit(b, i, &ctx);
	}
}

/* ---- what was put off ---- */

/* Runs the pending actions of a kind; COMMANDS and MS: those that are due by now. */
static void run_pending(struct sl_behave *b, uint8_t kind, uint64_t now)
{
	for (unsigned i = 0; b->n_pending && i < SL_BEHAVE_PENDING_MAX; i++) {
		struct sl_pending p = b->pending[i];
		bool timed = kind == SL_DEFER_COMMANDS || kind == SL_DEFER_MS;

		if (!p.rule || p.rule->defer != kind || (timed && p.due > now))
			continue;
		b->pending[i].rule = NULL;
		b->n_pending--;
		sl_behave_do(b, p.rule->dos, p.rule->n_dos, &p.ctx);
	}
}

/* ---- drift ---- */

static void drift(struct sl_behave *b, const struct sl_drift *d, uint64_t times)
{
	uint64_t x;

	if (sl_model_get(b->m, d->ref.name, &x) < 0)
		return;
	for (uint64_t i = 0; i < times && i < SL_BEHAVE_CATCH_UP; i++) {
		int64_t step = d->step;
		uint64_t size;

		if (d->kind == SL_DRIFT_WALK)
			step = (int64_t)(sl_model_random(b->m) % (2 * (uint64_t)d->step + 1)) -
			       d->step;
		size = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
		if (step < 0)
			x = x < d->min || x - d->min < size ? d->min : x - size;
		else
			x = x > d->max || d->max - x < size ? d->max : x + size;
	}
	sl_behave_put(b->m, d->ref.name, x);
}

/* ---- the engine's calls ---- */

void sl_behave_tick(struct sl_behave *b)
{
	uint64_t now = sl_model_now(b->m);

	run_pending(b, SL_DEFER_MS, now);
	for (unsigned i = 0; i < b->p->n_rules; i++) {
		const struct sl_rule *rule = &b->p->rules[i];
		struct sl_rule_state *s = &b->rules[i];
		struct sl_behave_ctx ctx = {0};

		for (unsigned n = 0; s->next_ms <= now && n < SL_BEHAVE_CATCH_UP; n++) {
			s->next_ms = rule->every_ms ? s->next_ms + rule->every_ms : UINT64_MAX;
			hit(b, i, &ctx);
		}
		if (s->next_ms <= now)
			s->next_ms = now + rule->every_ms;
	}
	for (unsigned i = 0; i < b->p->n_drift; i++) {
		const struct sl_drift *d = &b->p->drift[i];
		uint64_t times;

		if (b->drift_ms[i] > now)
			continue;
		times = (now - b->drift_ms[i]) / d->every_ms + 1;
		b->drift_ms[i] += times * d->every_ms;
		drift(b, d, times);
	}
}

uint64_t sl_behave_next(const struct sl_behave *b)
{
	uint64_t at = UINT64_MAX;

	for (unsigned i = 0; i < b->p->n_rules; i++)
		if (b->rules[i].next_ms < at)
			at = b->rules[i].next_ms;
	for (unsigned i = 0; i < b->p->n_drift; i++)
		if (b->drift_ms[i] < at)
			at = b->drift_ms[i];
	for (unsigned i = 0; b->n_pending && i < SL_BEHAVE_PENDING_MAX; i++)
		if (b->pending[i].rule && b->pending[i].rule->defer == SL_DEFER_MS &&
		    b->pending[i].due < at)
			at = b->pending[i].due;
	return at;
}

/* An opcode of the vendor that a row has, with fields that none has. */
static bool vendor_opcode(const struct sl_behave *b, const struct sl_model_req *req)
{
	/* Beside its set, a mailbox's command is all of its opcode. */
	if (!b->m->ops->is_vendor(req) || b->p->protocol == SL_WIRE_CXL)
		return false;
	for (unsigned i = 0; i < b->p->n_vendor; i++)
		if (sl_match_queue(&b->p->vendor[i].match, req) &&
		    b->p->vendor[i].match.opcode[req->opc])
			return true;
	return false;
}

static void vendor_command(struct sl_behave *b, struct sl_model_req *req)
{
	const struct sl_persona_vendor *v = NULL;

	for (unsigned i = 0; i < b->p->n_vendor && !v; i++)
		if (sl_match_command(b, &b->p->vendor[i].match, req, false))
			v = &b->p->vendor[i];
	b->vendor = v;
	if (!v) {
		req->answered = vendor_opcode(b, req);
		if (req->answered)
			b->m->ops->set_status(req, b->m->ops->bad_field);
		return;
	}
	req->answered = true;
	b->m->ops->set_status(req, v->status);
	req->result = v->result;
	if (v->dir == SL_DIR_IN && req->data && req->dir == SL_DIR_IN && !v->status) {
		uint32_t n = v->answer.len < req->data_len ? v->answer.len : req->data_len;

		if (n)
			memcpy(req->data, v->answer.p, n);
		req->ret_len = req->data_len; /* the rest is zero */
	}
}

void sl_behave_before(struct sl_behave *b, struct sl_model_req *req)
{
	b->vendor = NULL;
	b->commands++;
	run_pending(b, SL_DEFER_COMMANDS, b->commands);
	b->m->ops->decode(b->m, req); /* what was put off may have changed the namespaces */
	command_rules(b, req, true);
	if (!req->answered && !req->hang && b->p->n_vendor)
		vendor_command(b, req);
}

void sl_behave_after(struct sl_behave *b, struct sl_model_req *req)
{
	struct sl_behave_ctx ctx = sl_behave_ctx(b, req);

	if (b->vendor)
		sl_behave_do(b, b->vendor->dos, b->vendor->n_dos, &ctx);
	command_rules(b, req, false);
	for (unsigned i = 0; i < b->p->n_drift; i++)
		if (b->p->drift[i].every_commands &&
		    b->commands % b->p->drift[i].every_commands == 0)
			drift(b, &b->p->drift[i], 1);
}

static void fire_all(struct sl_behave *b, enum sl_trigger t)
{
	for (unsigned i = 0; i < b->p->n_rules; i++) {
		struct sl_behave_ctx ctx = {0};

		if (b->p->rules[i].trigger == t)
			hit(b, i, &ctx);
	}
}

void sl_behave_trigger(struct sl_behave *b, enum sl_trigger t)
{
	if (t != SL_TRIGGER_START) {
		b->dead = false;
		for (unsigned i = 0; i < b->p->n_rules; i++)
			b->rules[i].pos = 0;
		run_pending(b, SL_DEFER_RESET, 0);
	}
	if (t == SL_TRIGGER_POWER) {
		run_pending(b, SL_DEFER_POWER, 0);
		fire_all(b, SL_TRIGGER_RESET);
	}
	fire_all(b, t);
}
