/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the actions of a rule do. One function per action and a table of them. An action whose
 * object is not there now (a namespace that was deleted, a feature the device has not) does
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/command.h"
#include "model/behave-private.h"

typedef void act_fn(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx);

/* ---- state ---- */

static bool name_of(const struct sl_state_ref *ref, const struct sl_behave_ctx *ctx,
		    struct sl_state_ref *ret)
{
	return sl_state_expand(ref, ctx->nsid, ret);
}

/* Bytes into a state, cut or zero-padded to its length. */
static void put_bytes(struct sl_model *m, const char *name, const uint8_t *p, size_t len)
{
	struct sl_model_item item;

	if (sl_model_find(m, name, &item) < 0)
		return;
	(void)sl_model_set_bytes(m, name, p, len < item.len ? len : item.len);
}

void sl_behave_put(struct sl_model *m, const char *name, uint64_t value)
{
	struct sl_model_item item;

	if (sl_model_find(m, name, &item) < 0)
		return;
	if (item.len < 8)
		value &= (UINT64_C(1) << (8 * item.len)) - 1;
	(void)sl_model_set(m, name, value);
}

static void act_set(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_state_ref ref;

	if (!name_of(&d->ref, ctx, &ref))
		return;
	if (d->bytes.len)
		put_bytes(b->m, ref.name, d->bytes.p, d->bytes.len);
	else
		sl_behave_put(b->m, ref.name, d->value);
}

/* ADD, XOR, AND, OR. */
static void act_change(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_state_ref ref;
	uint64_t x;

	if (!name_of(&d->ref, ctx, &ref) || sl_model_get(b->m, ref.name, &x) < 0)
		return;
	x = d->act == SL_ACT_ADD   ? x + d->value
	    : d->act == SL_ACT_XOR ? x ^ d->value
	    : d->act == SL_ACT_AND ? x & d->value
				   : x | d->value;
	sl_behave_put(b->m, ref.name, x);
}

/* A copy of a state's bytes, or NULL. */
static uint8_t *state_bytes(struct sl_model *m, const char *name, size_t *ret_len)
{
	struct sl_model_item item;
	uint8_t *p;

	if (sl_model_find(m, name, &item) < 0)
		return NULL;
	p = malloc(item.len + 1);
	if (p)
		memcpy(p, item.p, item.len);
	*ret_len = item.len;
	return p;
}

static void act_copy(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_state_ref from, to;
	uint8_t *p;
	size_t len;

	if (!name_of(&d->from, ctx, &from) || !name_of(&d->ref, ctx, &to))
		return;
	p = state_bytes(b->m, from.name, &len);
	if (p)
		put_bytes(b->m, to.name, p, len);
	free(p);
}

/* The bytes that a command brought, is, or answers. */
static const uint8_t *command_bytes(const struct sl_model_req *r, uint8_t source, uint32_t *ret_len)
{
	bool in = r->dir == SL_DIR_IN || r->dir == SL_DIR_BOTH;
	bool out = r->dir == SL_DIR_OUT || r->dir == SL_DIR_BOTH;

	*ret_len = 0;
	if (source == SL_SOURCE_COMMAND) {
		*ret_len = sizeof(r->sqe);
		return r->sqe;
	}
	if (r->data && (source == SL_SOURCE_PAYLOAD ? out : in))
		*ret_len = r->data_len;
	return r->data;
}

static void act_capture(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	uint8_t buf[SL_PERSONA_BYTES_MAX] = {0};
	struct sl_state_ref ref;
	const uint8_t *p;
	uint32_t len;

	if (!ctx->req || !name_of(&d->ref, ctx, &ref))
		return;
	p = command_bytes(ctx->req, d->source, &len);
	if (d->offset < len) {
		len -= d->offset;
		memcpy(buf, p + d->offset, len < d->length ? len : d->length);
	}
	put_bytes(b->m, ref.name, buf, d->length);
}

void sl_snapshot_done(struct sl_snapshot *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->items[i].bytes.p);
	free(s->items);
	*s = (struct sl_snapshot){0};
}

static void act_snapshot(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_snapshot *s = &b->snapshots[d->value];

	sl_snapshot_done(s);
	s->items = calloc(d->n_refs, sizeof(*s->items));
	if (!s->items)
		return;
	for (unsigned i = 0; i < d->n_refs; i++) {
		struct sl_saved *it = &s->items[s->n];
		size_t len = 0;

		if (!name_of(&d->refs[i], ctx, &it->ref))
			continue;
		it->bytes.p = state_bytes(b->m, it->ref.name, &len);
		it->bytes.len = (uint32_t)len;
		s->n += it->bytes.p != NULL;
	}
}

static void act_restore(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_snapshot *s = &b->snapshots[d->value];

	(void)ctx;
	for (unsigned i = 0; i < s->n; i++)
		put_bytes(b->m, s->items[i].ref.name, s->items[i].bytes.p, s->items[i].bytes.len);
}

/* ---- blocks and namespaces ---- */

struct range {
	const struct sl_model_ns *ns;
	uint64_t lba, blocks;
};

/* The blocks an action is about, cut at the end of the namespace; false: none. */
static bool range_of(struct sl_behave *b, const struct sl_do *d, const struct sl_behave_ctx *ctx,
		     struct range *ret)
{
	uint64_t size;

	if ((d->at_command || d->command_blocks) && !ctx->has_lba)
		return false;
	ret->ns = sl_ns_find(b->m, d->nsid ? d->nsid : ctx->nsid);
	if (!ret->ns)
		return false;
	ret->lba = d->lba + (d->at_command ? ctx->lba : 0);
	ret->blocks = d->command_blocks ? ctx->blocks : d->blocks;
	size = sl_ns_size(ret->ns);
	if (ret->lba >= size)
		return false;
	if (ret->blocks > size - ret->lba)
		ret->blocks = size - ret->lba;
	return true;
}

static void act_write_blocks(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	uint8_t *block;
	struct range r;
	uint32_t size, at = 0;

	if (!range_of(b, d, ctx, &r))
		return;
	if (d->bytes.len == 1) {
		(void)sl_model_blocks_fill(b->m, r.ns->nsid, r.lba, r.blocks, d->bytes.p[0]);
		return;
	}
	size = sl_ns_block(r.ns);
	block = malloc(size);
	if (!block)
		return;
	for (uint64_t i = 0; i < r.blocks; i++) {
		for (uint32_t k = 0; k < size; k++) {
			block[k] = d->bytes.p[at];
			at = at + 1 == d->bytes.len ? 0 : at + 1;
		}
		if (sl_model_blocks_write(b->m, r.ns->nsid, r.lba + i, 1, block) < 0)
			break;
	}
	free(block);
}

/* Block by block; where sizes differ, the shorter of the two counts and the rest is zero. */
static void act_copy_blocks(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	const struct sl_model_ns *from = sl_ns_find(b->m, d->from_nsid ? d->from_nsid : ctx->nsid);
	uint8_t *block;
	struct range r;
	uint64_t first = d->from_lba + (d->from_at_command ? ctx->lba : 0);

	if (!from || (d->from_at_command && !ctx->has_lba) || !range_of(b, d, ctx, &r))
		return;
	block = malloc(UINT32_C(2) << 16);
	if (!block)
		return;
	memset(block, 0, UINT32_C(2) << 16);
	for (uint64_t i = 0; i < r.blocks; i++)
		if (sl_model_blocks_read(b->m, from->nsid, first + i, 1, block) < 0 ||
		    sl_model_blocks_write(b->m, r.ns->nsid, r.lba + i, 1, block) < 0)
			break;
	free(block);
}

static void act_deallocate(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct range r;

	if (range_of(b, d, ctx, &r))
		(void)sl_model_blocks_deallocate(b->m, r.ns->nsid, r.lba, r.blocks);
}

static void act_namespace(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	uint32_t nsid = d->nsid ? d->nsid : ctx->nsid;

	if (d->value == SL_NS_ATTACH || d->value == SL_NS_DETACH)
		(void)sl_model_ns_attach(b->m, nsid, d->value == SL_NS_ATTACH);
	else if (d->value == SL_NS_DELETE)
		(void)sl_model_ns_delete(b->m, nsid);
	else
		sl_model_ns_changed(b->m, nsid);
	/* The command being answered must not keep what is gone. */
	if (ctx->req && ctx->req->nsid == nsid) {
		ctx->req->ns = sl_ns_find(b->m, nsid);
		if (ctx->req->ns && !ctx->req->ns->attached)
			ctx->req->ns = NULL;
	}
}

static void act_firmware(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)ctx;
	(void)sl_model_fw_activate(b->m, (uint8_t)d->value);
}

/* ---- commands inside the device ---- */

static void ignore_done(struct sl_model_req *req)
{
	(void)req;
}

/* Entry and payload of an inner command. false: there is none. */
static bool inner_command(uint32_t size, const struct sl_do *d, const struct sl_behave_ctx *ctx,
			  struct sl_model_req *r, const uint8_t **ret_p, uint32_t *ret_len)
{
	const uint8_t *p;
	uint32_t len;

	*ret_p = d->bytes.p;
	*ret_len = d->bytes.len;
	memcpy(r->sqe, d->sqe, sizeof(r->sqe));
	if (d->source != SL_SOURCE_PAYLOAD)
		return true;
	p = ctx->req ? command_bytes(ctx->req, SL_SOURCE_PAYLOAD, &len) : NULL;
	if (!p || d->offset > len || len - d->offset < size)
		return false;
	memcpy(r->sqe, p + d->offset, size);
	if (!*ret_len && d->data_offset < len) {
		*ret_p = p + d->data_offset;
		*ret_len = len - d->data_offset;
	}
	return true;
}

static void act_run(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_model_req r = {
		.queue = d->queue, .internal = true, .done = ignore_done, .owner = b};
	struct sl_model_req *req = ctx->req;
	const uint8_t *payload;
	struct sl_state_ref to;
	uint32_t len;

	if (!inner_command(b->m->ops->request_len, d, ctx, &r, &payload, &len))
		return;
	b->m->ops->inner(b->m, &r, len != 0 && !d->length);
	if (r.dir != SL_DIR_OUT)
		len = d->length ? d->length : d->reply && req ? req->data_len : 0;
	if (len > SL_PERSONA_RUN_MAX)
		len = SL_PERSONA_RUN_MAX;
	r.data = calloc(1, len + 1);
	if (!r.data)
		return;
	if (r.dir == SL_DIR_OUT && len)
		memcpy(r.data, payload, len);
	r.data_len = r.data_cap = len;
	sl_model_submit(b->m, &r);
	if (d->ref.name[0] && name_of(&d->ref, ctx, &to))
		put_bytes(b->m, to.name, r.data, r.ret_len);
	if (d->reply && req) {
		req->status = r.status;
		req->sense = r.sense;
		req->result = r.result;
		if (req->data && req->dir != SL_DIR_OUT && r.dir != SL_DIR_OUT) {
			len = r.ret_len < req->data_len ? r.ret_len : req->data_len;
			memcpy(req->data, r.data, len);
			req->ret_len = len;
		}
	}
	free(r.data);
}

static void act_event(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)ctx;
	sl_model_event(b->m, d->event_type, d->event_info, d->event_lid);
}

static void act_attention(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)ctx;
	if (b->m->ops->attention)
		b->m->ops->attention(b->m, (uint32_t)d->value);
}

static void act_error(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	sl_model_error(b->m, (uint16_t)d->value, ctx->nsid, ctx->lba,
		       ctx->req ? (uint16_t)(ctx->req->cdw[0] >> 16) : 0);
}

static void act_reset(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)d, (void)ctx;
	sl_model_reset(b->m); /* the engine does it after the command it is in */
}

static void act_dead(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)d;
	b->dead = true;
	if (ctx->req)
		ctx->req->hang = true;
}

/* ---- the answer ---- */

/* Where a patch goes in the answer; false: not in it. */
static bool patch_offset(const struct sl_do *d, const struct sl_behave_ctx *ctx, uint64_t *ret)
{
	const struct sl_model_req *r = ctx->req;

	*ret = d->offset;
	if (!r || !r->data || r->dir == SL_DIR_OUT || r->dir == SL_DIR_NONE)
		return false;
	if (d->at_lba) {
		if (!ctx->has_lba || !r->ns || d->lba < ctx->lba ||
		    d->lba - ctx->lba >= ctx->blocks)
			return false;
		*ret += (d->lba - ctx->lba) *
			(sl_ns_block(r->ns) + (sl_ns_extended(r->ns) ? r->ns->ms : 0u));
	}
	return *ret < r->data_len;
}

static void act_answer(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_model_req *r = ctx->req;
	const uint8_t *p = d->bytes.p;
	size_t len = d->bytes.len;
	struct sl_state_ref from;
	uint8_t *copy = NULL;
	uint64_t at;

	if (!patch_offset(d, ctx, &at))
		return;
	if (d->source == SL_SOURCE_STATE) {
		if (!name_of(&d->from, ctx, &from))
			return;
		p = copy = state_bytes(b->m, from.name, &len);
		if (!p)
			return;
	}
	if (len > r->data_len - at)
		len = r->data_len - at;
	for (size_t i = 0; i < len; i++)
		r->data[at + i] = d->exclusive_or ? r->data[at + i] ^ p[i] : p[i];
	if (r->ret_len < at + len)
		r->ret_len = (uint32_t)(at + len);
	free(copy);
}

static void act_result(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)b;
	if (ctx->req)
		ctx->req->result = d->value;
}

static void act_status(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	if (ctx->req)
		b->m->ops->set_status(ctx->req, (uint32_t)d->value);
}

static void act_delay(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)b;
	if (ctx->req && ctx->req->delay_ms <= SL_PERSONA_DELAY_MAX_MS)
		ctx->req->delay_ms += (uint32_t)d->value;
}

/* Behind the length that the host gave, as far as the caller made room for such a device. */
static void act_overrun(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_model_req *r = ctx->req;
	uint64_t end;

	(void)b;
	if (!r || !r->data || r->dir == SL_DIR_OUT || r->dir == SL_DIR_NONE)
		return;
	end = r->data_len + d->value;
	if (end > r->data_cap)
		end = r->data_cap;
	for (uint64_t i = r->data_len; i < end; i++)
		r->data[i] = d->bytes.len ? d->bytes.p[(i - r->data_len) % d->bytes.len] : 0xff;
	if (end > r->data_len)
		r->ret_len = (uint32_t)end;
}

static void act_short(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_model_req *r = ctx->req;

	(void)b;
	if (!r || !r->data || r->dir == SL_DIR_OUT || r->ret_len <= d->value)
		return;
	/* What the device did not write is what the buffer held: the caller gave it zeroed. */
	memset(r->data + d->value, 0, r->ret_len - d->value);
	r->ret_len = (uint32_t)d->value;
}

static void act_silent(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)b, (void)d;
	if (ctx->req)
		ctx->req->hang = true;
}

static void act_fail(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	(void)b;
	if (ctx->req) {
		ctx->req->fail = true;
		ctx->req->error = (uint32_t)d->value;
	}
}

/* As if it had been done: a command that reads gets zeroes of the length it asked for. */
static void act_drop(struct sl_behave *b, const struct sl_do *d, struct sl_behave_ctx *ctx)
{
	struct sl_model_req *r = ctx->req;

	if (!r)
		return;
	r->answered = true;
	b->m->ops->set_status(r, (uint32_t)d->value);
	if (!r->status && (r->dir == SL_DIR_IN || r->dir == SL_DIR_BOTH))
		r->ret_len = r->data_len;
}

static act_fn *const acts[_SL_ACT_N] = {
	[SL_ACT_SET] = act_set,
	[SL_ACT_ADD] = act_change,
	[SL_ACT_XOR] = act_change,
	[SL_ACT_AND] = act_change,
	[SL_ACT_OR] = act_change,
	[SL_ACT_COPY] = act_copy,
	[SL_ACT_CAPTURE] = act_capture,
	[SL_ACT_SNAPSHOT] = act_snapshot,
	[SL_ACT_RESTORE] = act_restore,
	[SL_ACT_WRITE_BLOCKS] = act_write_blocks,
	[SL_ACT_COPY_BLOCKS] = act_copy_blocks,
	[SL_ACT_DEALLOCATE] = act_deallocate,
	[SL_ACT_NAMESPACE] = act_namespace,
	[SL_ACT_FIRMWARE] = act_firmware,
	[SL_ACT_RUN] = act_run,
	[SL_ACT_EVENT] = act_event,
	[SL_ACT_ATTENTION] = act_attention,
	[SL_ACT_ERROR] = act_error,
	[SL_ACT_RESET] = act_reset,
	[SL_ACT_DEAD] = act_dead,
	[SL_ACT_ANSWER] = act_answer,
	[SL_ACT_RESULT] = act_result,
	[SL_ACT_STATUS] = act_status,
	[SL_ACT_DELAY] = act_delay,
	[SL_ACT_OVERRUN] = act_overrun,
	[SL_ACT_SHORT] = act_short,
	[SL_ACT_SILENT] = act_silent,
	[SL_ACT_FAIL] = act_fail,
	[SL_ACT_DROP] = act_drop,
};

void sl_behave_do(struct sl_behave *b, const struct sl_do *dos, unsigned n,
		  struct sl_behave_ctx *ctx)
{
	for (unsigned i = 0; i < n; i++)
		acts[dos[i].act](b, &dos[i], ctx);
}
