/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model in this process. Its clock stands still unless a command takes time or somebody lets time
 * pass: two runs of the same commands are the same run. Reads the persona only through the engine:
 * what the rules say is not looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "model/model.h"
#include "model/persona.h"
#include "observe/rig.h"

#define PATIENCE_MS 120000u /* of the model's time, for one command */

struct rig_model {
	struct sl_rig rig;
	struct sl_persona *persona;
	struct sl_model *m;
	uint8_t *meta;
};

struct waiting {
	struct sl_model_req req;
	bool done;
};

static void on_done(struct sl_model_req *req)
{
	struct waiting *w = (struct waiting *)((uint8_t *)req - offsetof(struct waiting, req));

	w->done = true;
}

static int model_fresh(struct sl_rig *rig)
{
	struct rig_model *r = (struct rig_model *)rig;

	int error;

	sl_model_free(r->m);
	r->m = NULL;
	error = sl_model_new(r->persona, r->persona->seed, &r->m);
	return error ? error : sl_rig_settle(rig);
}

/* Lets the model's time run until the command completes; false: it does not in time. */
static bool wait_for(struct sl_model *m, const struct waiting *w)
{
	uint64_t end = sl_model_now(m) + PATIENCE_MS;

	while (!w->done) {
		int64_t due = sl_model_next_due(m);

		if (due < 0 || sl_model_now(m) + (uint64_t)due > end)
			return false;
		sl_model_advance(m, sl_model_now(m) + (due > 0 ? (uint64_t)due : 1));
	}
	return true;
}

/* Starts it; `data` has room for SL_RIG_DATA_MAX + SL_RIG_OVER_MAX bytes. */
static void start(struct rig_model *r, const struct sl_command *cmd, uint8_t *data, uint8_t *meta,
		  struct waiting *w)
{
	*w = (struct waiting){.req = {.queue = sl_sets[cmd->set].queue,
				      .dir = cmd->dir,
				      .req_len = cmd->req_len,
				      .owner = r,
				      .data = data,
				      .data_len = cmd->data_len,
				      .data_cap = SL_RIG_DATA_MAX + SL_RIG_OVER_MAX,
				      .meta = meta,
				      .meta_len = cmd->meta_len,
				      .meta_cap = SL_WIRE_META_MAX,
				      .done = on_done}};
	memcpy(w->req.sqe, cmd->req, sizeof(w->req.sqe));
	memset(meta, 0, cmd->meta_len);
	if (cmd->dir == SL_DIR_IN)
		memset(data, 0, cmd->data_len);
	sl_model_submit(r->m, &w->req);
}

static void take(const struct waiting *w, const struct sl_command *cmd, struct sl_answer *ret)
{
	bool in = cmd->dir == SL_DIR_IN || cmd->dir == SL_DIR_BOTH;
	bool sense = sl_sets[cmd->set].sense;

	ret->lost = w->req.fail ? SL_RIG_FAILED : SL_RIG_ANSWERED;
	ret->error = w->req.fail ? (int)w->req.error : 0;
	ret->status = w->req.status;
	ret->result = w->req.result;
	ret->len = in ? w->req.ret_len : 0;
	ret->meta_len = (in || sense) ? w->req.ret_meta_len : 0;
	ret->sense = sense ? sl_rig_sense(w->req.meta, ret->meta_len) : 0;
}

static int model_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		      struct sl_answer *ret)
{
	struct rig_model *r = (struct rig_model *)rig;
	uint64_t began = sl_model_now(r->m);
	struct waiting w;

	start(r, cmd, data, r->meta, &w);
	if (!w.done && !wait_for(r->m, &w)) {
		sl_model_cancel(r->m, r);
		ret->lost = SL_RIG_SILENT;
		return 0;
	}
	take(&w, cmd, ret);
	ret->ms = (uint32_t)(sl_model_now(r->m) - began);
	return 0;
}

/* The clock stands until all are there. */
static int model_together(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data)
{
	const size_t room = SL_RIG_DATA_MAX + SL_RIG_OVER_MAX, each = room + SL_WIRE_META_MAX;
	struct rig_model *r = (struct rig_model *)rig;
	struct waiting *w = calloc(s->n, sizeof(*w));
	uint8_t *bytes = calloc(s->n, each);
	int error = w && bytes ? 0 : -ENOMEM;

	for (unsigned i = 0; !error && i < s->n; i++) {
		sl_rig_stage(s, i, bytes + i * each);
		start(r, s->command(s->ctx, i), bytes + i * each, bytes + i * each + room, &w[i]);
	}
	for (unsigned i = 0; !error && i < s->n; i++) {
		struct sl_answer a = {.lost = SL_RIG_SILENT};

		if (w[i].done || wait_for(r->m, &w[i]))
			take(&w[i], s->command(s->ctx, i), &a);
		memcpy(data, bytes + i * each, room);
		s->done(s->ctx, i, &a, data);
	}
	sl_model_cancel(r->m, r);
	free(bytes);
	free(w);
	return error;
}

static int model_power_cycle(struct sl_rig *rig)
{
	sl_model_power_cycle(((struct rig_model *)rig)->m);
	return sl_rig_settle(rig);
}

static int model_reset(struct sl_rig *rig)
{
	sl_model_reset(((struct rig_model *)rig)->m);
	return sl_rig_settle(rig);
}

static int model_hash(struct sl_rig *rig, uint8_t ret[32])
{
	sl_model_hash(((struct rig_model *)rig)->m, ret);
	return 0;
}

/* Step by step: what becomes due in between happens at its own time. */
static void model_pass(struct sl_rig *rig, uint64_t ms)
{
	struct sl_model *m = ((struct rig_model *)rig)->m;
	uint64_t end = sl_model_now(m) + ms;

	for (unsigned i = 0; i < 10000; i++) {
		int64_t due = sl_model_next_due(m);

		if (due < 0 || sl_model_now(m) + (uint64_t)due >= end)
			break;
		sl_model_advance(m, sl_model_now(m) + (due > 0 ? (uint64_t)due : 1));
	}
	sl_model_advance(m, end);
}

static void model_close(struct sl_rig *rig)
{
	struct rig_model *r = (struct rig_model *)rig;

	sl_model_free(r->m);
	sl_persona_free(r->persona);
	free(r->meta);
	free(r);
}

static const struct sl_rig_ops ops = {
	.fresh = model_fresh,
	.call = model_call,
	.together = model_together,
	.power_cycle = model_power_cycle,
	.reset = model_reset,
	.hash = model_hash,
	.pass = model_pass,
	.close = model_close,
};

int sl_rig_model(const char *persona, struct sl_rig **ret, struct sl_diag *reterr)
{
	struct rig_model *r = calloc(1, sizeof(*r));
	int error = -ENOMEM;

	if (r)
		r->meta = calloc(1, SL_WIRE_META_MAX);
	if (r && r->meta)
		error = sl_persona_load(persona, &r->persona, reterr);
	else
		sl_diag_set(reterr, error, NULL, 0, 0, "out of memory");
	if (!error) {
		error = sl_model_new(r->persona, r->persona->seed, &r->m);
		if (error)
			sl_diag_set(reterr, error, persona, 0, 0, "the persona makes no device");
	}
	if (error) {
		if (r)
			model_close(&r->rig);
		return error;
	}
	r->rig.ops = &ops;
	r->rig.protocol = r->persona->protocol;
	r->rig.can = SL_RIG_FRESH | SL_RIG_POWER | SL_RIG_HASH | SL_RIG_CLOCK | SL_RIG_WRITES |
		     SL_RIG_BESIDE;
	r->rig.max_transfer = sl_model_max_transfer(r->m);
	*ret = &r->rig;
	return 0;
}
