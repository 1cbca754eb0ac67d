/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof of a captured persona: the device model is built of it, asked for the same, and the
 * answers are compared. What the model makes of its own and differently is fixed by its bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/capture.h"
#include "model/model.h"
#include "model/persona.h"

/* ---- the model as a source ---- */

static void on_done(struct sl_model_req *req)
{
	*(bool *)req->owner = true;
}

static int model_call(void *ctx, struct sl_answer *a)
{
	struct sl_model *m = ctx;
	bool done = false;
	struct sl_model_req req = {
		.queue = SL_WIRE_NVME_ADMIN,
		.dir = a->cmd.dir,
		.owner = &done,
		.data = a->data,
		.data_len = a->cmd.data_len,
		.data_cap = a->cmd.data_len,
		.done = on_done,
	};

	memcpy(req.sqe, a->cmd.req, sizeof(req.sqe));
	sl_model_submit(m, &req);
	while (!done && sl_model_next_due(m) >= 0)
		sl_model_advance(m, sl_model_now(m) + (uint64_t)sl_model_next_due(m));
	sl_model_cancel(m, &done);
	if (!done || req.fail)
		return -EIO;
	a->status = req.status;
	a->result = req.result;
	a->len = req.ret_len < a->cmd.data_len ? req.ret_len : a->cmd.data_len;
	return 0;
}

int sl_capture_replay(json_t *root, struct sl_capture *ret, struct sl_diag *reterr)
{
	struct sl_capture_source source = {.call = model_call};
	char *text = json_dumps(root, JSON_INDENT(1));
	struct sl_persona *p = NULL;
	struct sl_model *m = NULL;
	int r = text ? 0 : -ENOMEM;

	ret->n = 0;
	if (r == 0)
		r = sl_persona_parse(text, strlen(text), "captured", &p, reterr);
	if (r == 0)
		r = sl_model_new(p, p->seed, &m);
	source.ctx = m;
	if (r == 0)
		r = sl_capture_read(ret, &source);
	sl_model_free(m);
	sl_persona_free(p);
	free(text);
	return r;
}

/* ---- what differs ---- */

/* The timestamp runs. */
static bool moves(const struct sl_answer *a)
{
	return a->cmd.req[0] == SL_CAPTURE_GET_FEATURES && (sl_capture_sub(a) & 0xff) == 0x0e;
}

static const struct sl_answer *same_command(const struct sl_capture *c, const struct sl_answer *a)
{
	for (unsigned i = 0; i < c->n; i++)
		if (!memcmp(c->answer[i]->cmd.req, a->cmd.req, sizeof(a->cmd.req)))
			return c->answer[i];
	return NULL;
}

static bool differs(const struct sl_answer *a, const struct sl_answer *b)
{
	if (a->denied || moves(a))
		return false;
	return !b || a->status != b->status ||
	       (!a->status && (a->len != b->len || a->result != b->result ||
			       memcmp(a->data, b->data, a->len) != 0));
}

/* Logs of a state that the persona has by keys are no bytes that stand still. */
static bool may_fix(uint8_t lid)
{
	static const uint8_t live[] = {0x01, 0x02, 0x03, 0x05};

	return !memchr(live, lid, sizeof(live));
}

static unsigned fix_logs(const struct sl_capture *c, const struct sl_capture *replay,
			 bool fixed[256])
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct sl_answer *a = c->answer[i];
		uint8_t lid = (uint8_t)sl_capture_sub(a);

		if (a->cmd.req[0] != SL_CAPTURE_GET_LOG || !sl_answer_good(a) || !may_fix(lid) ||
		    !differs(a, same_command(replay, a)))
			continue;
		n += !fixed[lid];
		fixed[lid] = true;
	}
	return n;
}

static const char *command_name(const struct sl_answer *a)
{
	return a->cmd.req[0] == SL_CAPTURE_GET_LOG    ? "log"
	       : a->cmd.req[0] == SL_CAPTURE_IDENTIFY ? "Identify CNS"
						      : "feature (SEL in bits 10:8)";
}

static unsigned note_differences(json_t *root, const struct sl_capture *c,
				 const struct sl_capture *replay)
{
	json_t *notes = json_object_get(root, "comment");
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct sl_answer *a = c->answer[i], *b = same_command(replay, a);
		char text[200];
		uint32_t bytes = 0, first = 0;

		if (!differs(a, b))
			continue;
		for (uint32_t k = a->len; b && k--;)
			if (a->data[k] != b->data[k]) {
				bytes++;
				first = k;
			}
		(void)snprintf(text, sizeof(text),
			       "the model answers otherwise: %s %02xh, namespace %u: %s, %u bytes "
			       "differ from byte %u on",
			       command_name(a), sl_capture_sub(a), sl_get_le32(a->cmd.req + 4),
			       !b			? "not asked there"
			       : a->status != b->status ? "another status"
			       : a->result != b->result ? "another result"
							: "other data",
			       bytes, first);
		(void)json_array_append_new(notes, json_string(text));
		n++;
	}
	return n;
}

int sl_capture_persona(const struct sl_capture *c, const struct sl_capture_label *label,
		       json_t **ret, unsigned *ret_differ, struct sl_diag *reterr)
{
	struct sl_capture *replay = calloc(1, sizeof(*replay));
	bool fixed[256] = {false};
	unsigned differ = 0;
	json_t *root = NULL;
	int r = replay ? 0 : -ENOMEM;

	*ret = NULL;
	/* The second time with the logs fixed that the first has shown. */
	for (unsigned pass = 0; r == 0 && pass < 2; pass++) {
		json_decref(root);
		sl_capture_done(replay);
		root = sl_capture_write(c, label, fixed);
		r = root ? sl_capture_replay(root, replay, reterr) : -ENOMEM;
		if (r == 0 && pass == 0 && !fix_logs(c, replay, fixed))
			break;
	}
	if (r == 0)
		differ = note_differences(root, c, replay);
	if (replay)
		sl_capture_done(replay);
	free(replay);
	if (r < 0) {
		json_decref(root);
		return reterr && !reterr->text[0]
			       ? sl_diag_set(reterr, r, NULL, 0, 0, "%s", strerror(-r))
			       : r;
	}
	*ret = root;
	if (ret_differ)
		*ret_differ = differ;
	return 0;
}
