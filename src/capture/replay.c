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
#include "core/table.h"
#include "model/model.h"
#include "model/persona.h"

/* ---- the model as a source ---- */

static void on_done(struct sl_model_req *req)
{
	*(bool *)req->owner = true;
}

int sl_capture_model_call(void *ctx, struct sl_answer *a)
{
	struct sl_model *m = ctx;
	uint8_t sense[252];
	bool done = false;
	struct sl_model_req req = {
		.queue = sl_sets[a->cmd.set].queue,
		.dir = a->cmd.dir,
		.req_len = a->cmd.req_len,
		.owner = &done,
		.data = a->data,
		.data_len = a->cmd.data_len,
		.data_cap = a->cmd.data_len,
		.meta = sense,
		.meta_len = sizeof(sense),
		.meta_cap = sizeof(sense),
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
	struct sl_capture_source source = {.call = sl_capture_model_call};
	char *text = json_dumps(root, JSON_INDENT(1));
	struct sl_persona *p = NULL;
	struct sl_model *m = NULL;
	int r = text ? 0 : -ENOMEM;

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
		if (!memcmp(c->answer[i]->cmd.req, a->cmd.req, sizeof(a->cmd.req)) &&
		    !memcmp(c->answer[i]->in, a->in, sizeof(a->in)))
			return c->answer[i];
	return NULL;
}

static bool differs(const struct sl_answer *a, const struct sl_answer *b)
{
	if (a->denied || moves(a))
		return false;
	return !b || a->status != b->status ||
	       (!a->status &&
		(a->len != b->len || (a->cmd.set != SL_SET_SCSI && a->result != b->result) ||
		 memcmp(a->data, b->data, a->len) != 0));
}

/* Logs of a state that the persona has by keys are no bytes that stand still. */
static bool may_fix(uint8_t lid)
{
	static const uint8_t live[] = {0x01, 0x02, 0x05};

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

/*
 * A rule that gives the device's own answer to an Identify where the model has another: what
 * differs of it, or the status. Not for pages that must follow the namespaces.
 */
static json_t *identify_rule(const struct sl_answer *a, const struct sl_answer *b)
{
	static const uint8_t live[] = {0x00, 0x01, 0x02, 0x07, 0x10, 0x11, 0x1a, 0x1b};
	uint32_t nsid = sl_get_le32(a->cmd.req + 4), first = 0, last = a->len;
	unsigned cns = sl_capture_sub(a);
	json_t *dos = json_array();
	char name[SL_PERSONA_NAME_MAX], *hex;

	if (memchr(live, (int)cns, sizeof(live))) {
		json_decref(dos);
		return NULL;
	}
	if (a->status != b->status)
		(void)json_array_append_new(dos, json_pack("{s:i}", "status", a->status));
	while (first < last && a->data[first] == b->data[first])
		first++;
	while (last > first && a->data[last - 1] == b->data[last - 1])
		last--;
	hex = calloc(2, last - first + 1);
	for (uint32_t i = first; hex && i < last; i++)
		(void)snprintf(hex + 2 * (i - first), 3, "%02x", a->data[i]);
	if (hex && last > first)
		(void)json_array_append_new(dos, json_pack("{s:{s:i,s:s}}", "answer", "offset",
							   (int)first, "data", hex));
	free(hex);
	(void)snprintf(name, sizeof(name), "identify-%02x-%02x-ns-%x", cns, a->cmd.req[47], nsid);
	return json_pack("{s:s,s:{s:s,s:i,s:I,s:I,s:I},s:o}", "name", name, "when", "queue",
			 "admin", "opcode", SL_CAPTURE_IDENTIFY, "nsid", (json_int_t)nsid, "cdw10",
			 (json_int_t)sl_get_le32(a->cmd.req + 40), "cdw11",
			 (json_int_t)sl_get_le32(a->cmd.req + 44), "do", dos);
}

static json_t *identify_rules(const struct sl_capture *c, const struct sl_capture *replay)
{
	json_t *rules = json_array();

	for (unsigned i = 0; i < c->n && json_array_size(rules) < SL_PERSONA_RULE_MAX; i++) {
		const struct sl_answer *a = c->answer[i], *b = same_command(replay, a);
		json_t *rule = NULL;

		if (b && a->cmd.req[0] == SL_CAPTURE_IDENTIFY && differs(a, b))
			rule = identify_rule(a, b);
		if (rule)
			(void)json_array_append_new(rules, rule);
	}
	return rules;
}

static void what_command(const struct sl_answer *a, char *buf, size_t size)
{
	const uint8_t *req = a->cmd.req;

	if (a->cmd.set == SL_SET_CXL)
		(void)snprintf(buf, size, "opcode %02x%02xh", req[0], req[1]);
	else if (a->cmd.set == SL_SET_SCSI)
		(void)snprintf(buf, size, "CDB %02x %02x %02x %02x", req[0], req[1], req[2],
			       req[3]);
	else
		(void)snprintf(buf, size, "%s %02xh, namespace %u",
			       req[0] == SL_CAPTURE_GET_LOG    ? "log"
			       : req[0] == SL_CAPTURE_IDENTIFY ? "Identify CNS"
							       : "feature (SEL in bits 10:8)",
			       sl_capture_sub(a), sl_get_le32(req + 4));
}

static unsigned note_differences(json_t *root, const struct sl_capture *c,
				 const struct sl_capture *replay)
{
	json_t *notes = json_object_get(root, "comment");
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct sl_answer *a = c->answer[i], *b = same_command(replay, a);
		char text[200], name[64];
		uint32_t bytes = 0, first = 0;

		if (!differs(a, b))
			continue;
		for (uint32_t k = a->len; b && k--;)
			if (a->data[k] != b->data[k]) {
				bytes++;
				first = k;
			}
		what_command(a, name, sizeof(name));
		(void)snprintf(text, sizeof(text),
			       "the model answers otherwise: %s: %s, %u bytes differ from byte %u "
			       "on",
			       name,
			       !b			? "not asked there"
			       : a->status != b->status ? "another status"
			       : a->cmd.set != SL_SET_SCSI && a->result != b->result
				       ? "another result"
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
	enum { PASSES = 3 };
	struct sl_capture *replay = calloc(1, sizeof(*replay));
	bool fixed[256] = {false};
	unsigned differ = 0;
	json_t *root = NULL, *rules = NULL;
	int r = replay ? 0 : -ENOMEM;

	*ret = NULL;
	if (replay)
		replay->protocol = c->protocol;
	/*
	 * Again with what the last time has shown; a rule that refuses a command adds to the error
	 * count, which shows in a log only then.
	 */
	for (unsigned pass = 0; r == 0 && pass < PASSES; pass++) {
		json_decref(root);
		sl_capture_done(replay);
		root = sl_capture_write(c, label, fixed);
		if (json_array_size(rules))
			(void)json_object_set(root, "behaviours", rules);
		r = root ? sl_capture_replay(root, replay, reterr) : -ENOMEM;
		if (r < 0 || pass + 1 == PASSES)
			break;
		if (!rules)
			rules = identify_rules(c, replay);
		if (!fix_logs(c, replay, fixed) && (pass || !json_array_size(rules)))
			break;
	}
	json_decref(rules);
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
