/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments with what is in blocks, and with the counters of what was moved. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/phase.h"

#define SOURCES	    256u /* blocks that are copied from, one by one */
#define MOVED	    1000u
#define MOVED_LIVE  200u
#define MORE	    3u	  /* times that more are sent when a counter lacks some */
#define UNIT_BLOCKS 1000u /* of 512 bytes, in a data unit */

/* Copies one block and holds the destination against the source. *ret_same: they are alike. */
static int copy_one(struct sl_verifier *v, const struct sl_ns *ns, struct sl_case *x, uint64_t from,
		    bool *ret_same)
{
	uint32_t size = sl_ns_bytes(ns);
	struct sl_case read;
	struct sl_answer a;
	int r;

	*ret_same = true;
	sl_put_le64(x->payload + 8, from);
	sl_put_le16(x->payload + 16, 0);
	r = sl_verifier_call(v, x, &a);
	if (r || !sl_answer_ok(&a))
		return r;
	sl_block_case(v, ns, SL_BLOCK_READ, from, 1, &read);
	r = sl_verifier_call(v, &read, &a);
	if (r || !sl_answer_ok(&a))
		return r;
	memcpy(v->expect, v->data, size);
	sl_block_case(v, ns, SL_BLOCK_READ, sl_case_lba(x), 1, &read);
	r = sl_verifier_call(v, &read, &a);
	if (!r && sl_answer_ok(&a))
		*ret_same = memcmp(v->data, v->expect, size) == 0;
	return r;
}

static int copies(struct sl_verifier *v, const struct sl_ns *ns, const struct sl_case *base)
{
	uint8_t payload[64];
	struct sl_case x = *base;
	int error = sl_verifier_prepare(v, true);

	if (base->cmd.data_len > sizeof(payload) || !sl_ns_bytes(ns))
		return error;
	memcpy(payload, base->payload, base->cmd.data_len);
	x.payload = payload;
	for (uint64_t i = 0; i < SOURCES && i < ns->blocks && !error && sl_budget(v); i++) {
		struct sl_evidence e = {.where = "destination", .effects = SL_E_DATA};
		bool same;

		error = copy_one(v, ns, &x, i, &same);
		if (error || same)
			continue;
		(void)snprintf(x.name, sizeof(x.name), "%.60s from slba=%llu", base->name,
			       (unsigned long long)i);
		(void)snprintf(e.what, sizeof(e.what), "is not what the source holds");
		(void)sl_breach_add(v->out, SL_BREACH_NOT_STORED, &x, &e);
	}
	v->have_before = false;
	return error;
}

int sl_phase_copies(struct sl_verifier *v)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error; i++) {
		const struct sl_case *x = &v->cases.v[i];
		const struct sl_ns *ns = sl_contract_ns(v->c, x->nsid);

		if (x->kind == SL_CASE_BASE && !x->refused && x->status == 0 && ns && x->payload &&
		    sl_rows[x->row].ranges == SL_RANGES_COPY && x->cmd.req[49] < 2 && sl_budget(v))
			error = copies(v, ns, x);
	}
	return error;
}

/* Each canonical command that changes blocks: is it done? */
int sl_phase_stored(struct sl_verifier *v)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		const struct sl_case *x = &v->cases.v[i];
		struct sl_trial r;

		if (x->kind != SL_CASE_BASE || x->refused || x->status ||
		    sl_rows[x->row].set == SL_SET_NVME_ADMIN || sl_case_harmless(x))
			continue;
		error = sl_trial_new(v, 1, &r);
		if (error)
			break;
		r.step[0] = (struct sl_step){.x = x, .keep = true};
		r.flags = SL_TRIAL_READBACK;
		error = sl_experiment(v, &r);
		sl_trial_done(&r);
	}
	return error;
}

#define MENDED_MAX  8
#define SPILL_CHUNK 64u
#define KNOCK_MAX   8u		/* writes that may have to come before the last of them */
#define SPILL_MAX   (64u << 20) /* bytes of a namespace that is compared as a whole */

struct spill {
	struct sl_verifier *v;
	const struct sl_ns *ns;
	const struct sl_case *base;
	uint32_t size, at_once; /* bytes of a block; blocks of one read */
	uint8_t *first;		/* contents of the fresh device */
	uint8_t *payload;
	enum spill_order {
		SPILL_UP,
		SPILL_DOWN,
		/* From the last to the first, up in each: a knock's answer far behind it stays. */
		SPILL_CHUNKS,
		_SPILL_ORDER_N
	} order;
};

/* The i-th block that is written; and, the same the other way round, when a block is. */
static uint64_t block_of(const struct spill *s, uint64_t i)
{
	uint64_t n = s->ns->blocks, chunks = n / SPILL_CHUNK;
	uint64_t chunk = i / SPILL_CHUNK, in = i % SPILL_CHUNK;

	if (s->order == SPILL_DOWN)
		return n - 1 - i;
	if (s->order == SPILL_UP || chunk >= chunks)
		return i;
	return (chunks - 1 - chunk) * SPILL_CHUNK + in;
}

/* Reads everything; *ret_lba is the first block that is not as it should be, or ns->blocks. */
static int read_all(struct spill *s, uint64_t written, bool keep, uint64_t *ret_lba)
{
	struct sl_verifier *v = s->v;
	int error = 0;

	*ret_lba = s->ns->blocks;
	for (uint64_t at = 0; at < s->ns->blocks && !error && *ret_lba == s->ns->blocks;) {
		uint64_t n = s->ns->blocks - at < s->at_once ? s->ns->blocks - at : s->at_once;
		struct sl_case read;
		struct sl_answer a;

		sl_block_case(v, s->ns, SL_BLOCK_READ, at, (uint32_t)n, &read);
		error = sl_verifier_call(v, &read, &a);
		for (unsigned t = 0; t < 2 && !error && !a.lost && sl_answer_code(&a); t++)
			error = sl_verifier_call(v, &read, &a);
		if (error || !sl_answer_ok(&a))
			return error;
		if (keep)
			memcpy(s->first + at * s->size, v->data, n * s->size);
		for (uint64_t i = 0; i < n && !keep; i++) {
			uint64_t lba = at + i;
			bool ours = block_of(s, lba) < written;

			if (ours)
				sl_pattern(v->expect, s->size, s->ns->nsid, lba);
			if (memcmp(v->data + i * s->size,
				   ours ? v->expect : s->first + lba * s->size, s->size) != 0) {
				*ret_lba = lba;
				break;
			}
		}
		at += n;
	}
	return error;
}

/* Writes blocks as they were at the start. */
static int write_first(struct spill *s, uint64_t at, uint64_t n)
{
	struct sl_verifier *v = s->v;
	struct sl_case x;
	struct sl_answer a;

	sl_block_case(v, s->ns, SL_BLOCK_WRITE, at, (uint32_t)n, &x);
	memcpy(v->data, s->first + at * s->size, n * s->size);
	return sl_verifier_call(v, &x, &a);
}

/*
 * The contents of the start: a fresh device, or all blocks written anew; those that another write
 * of these changed, once more alone.
 */
static int start_over(struct spill *s)
{
	struct sl_verifier *v = s->v;
	uint64_t lost = 0;
	int error = 0;

	if (v->rig->can & SL_RIG_FRESH)
		return sl_verifier_prepare(v, false);
	for (uint64_t at = 0; at < s->ns->blocks && !error && !v->gone; at += s->at_once) {
		uint64_t n = s->ns->blocks - at < s->at_once ? s->ns->blocks - at : s->at_once;

		error = write_first(s, at, n);
	}
	for (unsigned i = 0; i < MENDED_MAX && !error && lost < s->ns->blocks; i++) {
		error = read_all(s, 0, false, &lost);
		if (!error && lost < s->ns->blocks)
			error = write_first(s, lost, 1);
	}
	return error;
}

static int write_pattern(struct spill *s, uint64_t lba)
{
	struct sl_case x = *s->base;
	struct sl_answer a;

	x.payload = s->payload;
	sl_case_set_lba(&x, lba);
	sl_pattern(x.payload, s->size, s->ns->nsid, lba);
	return sl_verifier_call(s->v, &x, &a);
}

/* Writes the first `n` blocks in one order, and reads everything. */
static int write_some(struct spill *s, uint64_t n, uint64_t *ret_lba)
{
	int error = start_over(s);

	for (uint64_t i = 0; i < n && !error && i < s->ns->blocks; i++)
		error = write_pattern(s, block_of(s, i));
	return error ? error : read_all(s, n, false, ret_lba);
}

/*
 * Where somebody else may be writing: the write before the `high`-th, with as many in front of it,
 * has to change the block each time, and the block has to stay when that one is left out.
 */
static int together(struct spill *s, uint64_t high, unsigned in_front, uint64_t lost, bool *ret)
{
	struct sl_verifier *v = s->v;
	int error = 0;

	*ret = true;
	for (unsigned i = 0; i < 4 && !error && *ret; i++) {
		bool with = i & 1;
		struct sl_answer a = {0};
		struct sl_case y;

		error = start_over(s);
		for (uint64_t k = high - 1 - in_front; k < high - 1 + with && !error; k++)
			error = write_pattern(s, block_of(s, k));
		sl_block_case(v, s->ns, SL_BLOCK_READ, lost, 1, &y);
		if (!error)
			error = sl_verifier_call(v, &y, &a);
		*ret = sl_answer_ok(&a) &&
		       (memcmp(v->data, s->first + lost * s->size, s->size) != 0) == with;
	}
	return error;
}

/* Which write changes a block that it does not name? */
static int find_spill(struct spill *s, uint64_t lost)
{
	struct sl_evidence e = {.effects = SL_E_DATA};
	uint64_t low = 0, high = s->ns->blocks, at = high;
	bool sure = s->v->rig->can & SL_RIG_FRESH;
	struct sl_case x = *s->base;
	unsigned in_front = 0;
	struct sl_breach *b;
	int error = 0;

	while (high - low > 1 && !error) {
		uint64_t mid = low + (high - low) / 2;

		error = write_some(s, mid, &at);
		if (at < s->ns->blocks) {
			high = mid;
			lost = at;
		} else {
			low = mid;
		}
	}
	at = block_of(s, high - 1);
	if (error || at == lost) /* its own block: that is said elsewhere */
		return error;
	sl_case_set_lba(&x, at);
	for (unsigned n = 0; n < KNOCK_MAX && n < high && !sure && !error; n = 2 * n + 1) {
		error = together(s, high, n, lost, &sure);
		in_front = n;
	}
	if (error || !sure)
		return error;
	(void)snprintf(x.name, sizeof(x.name), "%.60s slba=%llu", s->base->name,
		       (unsigned long long)at);
	(void)snprintf(e.where, sizeof(e.where), "block %llu nsid=%u", (unsigned long long)lost,
		       s->ns->nsid);
	(void)snprintf(e.what, sizeof(e.what), "changed, and was not written to");
	b = sl_breach_add(s->v->out, SL_BREACH_SCOPE, &x, &e);
	for (unsigned i = 0; b && i < in_front; i++)
		(void)snprintf(b->before[b->n_before++], sizeof(b->before[0]), "%.40s slba=%llu",
			       s->base->name,
			       (unsigned long long)block_of(s, high - 1 - in_front + i));
	return 0;
}

static int spill(struct sl_verifier *v, const struct sl_ns *ns, const struct sl_case *base)
{
	struct spill s = {.v = v, .ns = ns, .base = base, .size = sl_ns_bytes(ns)};
	uint32_t most = v->rig->max_transfer && v->rig->max_transfer < SL_RIG_DATA_MAX
				? v->rig->max_transfer
				: SL_RIG_DATA_MAX;
	uint64_t at = ns->blocks;
	int error = 0;

	if (!s.size || ns->meta || ns->blocks * s.size > SPILL_MAX || most < s.size)
		return 0;
	s.at_once = most / s.size;
	s.first = malloc(ns->blocks * s.size);
	s.payload = malloc(s.size);
	if (!s.first || !s.payload)
		error = -ENOMEM;
	if (!error && v->rig->can & SL_RIG_FRESH)
		error = sl_verifier_prepare(v, false);
	if (!error)
		error = read_all(&s, 0, true, &at);
	/* What an earlier write did to a block must not pass for its contents. */
	for (uint64_t i = 0; i < ns->blocks && !error && !(v->rig->can & SL_RIG_FRESH); i++)
		sl_pattern(s.first + i * s.size, s.size, ~ns->nsid, i);
	/* A block that is changed by the write of another has been written before it in one of
	 * them. */
	for (unsigned i = 0; i < _SPILL_ORDER_N && !error && sl_budget(v); i++) {
		s.order = i;
		error = write_some(&s, ns->blocks, &at);
		if (!error && at < ns->blocks)
			error = find_spill(&s, at);
	}
	if (!error && !(v->rig->can & SL_RIG_FRESH))
		error = start_over(&s);
	v->have_before = false;
	free(s.first);
	free(s.payload);
	return error;
}

int sl_phase_spill(struct sl_verifier *v)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error; i++) {
		const struct sl_case *x = &v->cases.v[i];
		const struct sl_ns *ns = sl_contract_ns(v->c, x->nsid);

		if (x->kind == SL_CASE_BASE && !x->refused && x->status == 0 && ns &&
		    ns->csi == 0 && sl_rows[x->row].set == SL_SET_NVME_NVM && x->cmd.req[0] == 1 &&
		    sl_budget(v))
			error = spill(v, ns, x);
	}
	return error;
}

/* The SMART log's counters, low halves. */
struct counters {
	uint64_t units[2], commands[2]; /* read, written */
};

static const uint8_t *smart_of(const struct sl_verifier *v, const struct sl_look *l)
{
	for (size_t i = 0; i < v->probes.n; i++)
		if (v->probes.v[i].facet == SL_FACET_SMART && !l->item[i].status)
			return l->bytes + v->probes.v[i].off;
	return NULL;
}

static bool counters_of(const struct sl_verifier *v, const struct sl_look *l, struct counters *ret)
{
	const uint8_t *p = smart_of(v, l);

	for (unsigned w = 0; p && w < 2; w++) {
		ret->units[w] = sl_get_le64(p + 32 + 16 * w);
		ret->commands[w] = sl_get_le64(p + 64 + 16 * w);
	}
	return p;
}

/* What the counters of the SMART log lack after so many reads or writes. */
struct shortfall {
	uint64_t sent, units; /* commands that succeeded, and the data units that they moved */
	uint64_t got, got_units;
};

/*
 * Sends one read or write so many times and looks what the counters say. They may run ahead where
 * somebody else uses the device; on a device of our own they may not.
 */
static int count_some(struct sl_verifier *v, const struct sl_case *x, bool write, unsigned n,
		      struct shortfall *ret)
{
	unsigned at = v->rig->can & SL_RIG_CLOCK ? SL_STAGE_LATER : SL_STAGE_NOW;
	struct sl_trial run, twin = {0};
	struct counters a, b;
	int error = sl_trial_new(v, n, &run);

	*ret = (struct shortfall){0};
	if (error)
		return error;
	error = sl_trial_new(v, n, &twin);
	run.stages = twin.stages = 1u << SL_STAGE_NOW | 1u << at;
	for (unsigned i = 0; i < n && !error; i++) {
		run.step[i] = (struct sl_step){.x = x, .keep = true};
		twin.step[i] = (struct sl_step){.x = x, .keep = false};
	}
	if (!error)
		error = sl_trial_run(v, &twin);
	if (!error)
		error = sl_trial_run(v, &run);
	if (!error && counters_of(v, &twin.look[at], &a) && counters_of(v, &run.look[at], &b)) {
		for (unsigned i = 0; i < n; i++)
			ret->sent += sl_answer_ok(&run.step[i].a);
		ret->units = ret->sent * x->cmd.data_len / 512 / UNIT_BLOCKS;
		ret->got = b.commands[write] - a.commands[write];
		ret->got_units = b.units[write] - a.units[write];
	}
	sl_trial_done(&run);
	sl_trial_done(&twin);
	v->have_before = false;
	return error;
}

static bool lacks_commands(const struct sl_verifier *v, const struct shortfall *s)
{
	return s->got < s->sent || (v->rig->can & SL_RIG_FRESH && s->got != s->sent);
}

static bool lacks(const struct sl_verifier *v, const struct shortfall *s)
{
	return lacks_commands(v, s) || s->units > s->got_units + 1;
}

/* How much, in thousandths of what was sent. */
static uint64_t part(const struct sl_verifier *v, const struct shortfall *s)
{
	uint64_t by = lacks_commands(v, s)
			      ? (s->got < s->sent ? s->sent - s->got : s->got - s->sent)
			      : s->units - s->got_units;
	uint64_t of = lacks_commands(v, s) ? s->sent : s->units;

	return of ? by * 1000 / of : 0;
}

/*
 * Does it lack as large a part of more? A counter that is brought up to date now and then lacks no
 * more of many commands than of few; or it stood still, and where time is real nobody knows for how
 * long it may.
 */
static int lags(struct sl_verifier *v, const struct sl_case *x, bool write, unsigned n,
		const struct shortfall *first, bool *ret)
{
	uint64_t was = part(v, first);
	int error = 0;

	*ret = !first->got && !(v->rig->can & SL_RIG_CLOCK);
	for (unsigned i = 0; i < MORE && !*ret && !error; i++) {
		struct shortfall s;

		n = 5 * n / 2 + 1;
		error = count_some(v, x, write, n, &s);
		*ret = !s.got || !lacks(v, &s) || 2 * part(v, &s) < was;
	}
	return error;
}

static int count_one(struct sl_verifier *v, const struct sl_case *x, bool write)
{
	unsigned n = v->rig->can & SL_RIG_FRESH ? MOVED : MOVED_LIVE;
	struct sl_evidence e = {.effects = SL_E_LOG};
	struct shortfall s;
	int error = count_some(v, x, write, n, &s);
	bool late = false;

	if (error || !lacks(v, &s))
		return error;
	error = lags(v, x, write, n, &s, &late);
	if (error || late)
		return error;
	(void)snprintf(e.where, sizeof(e.where), "log 02h: %s %s",
		       lacks_commands(v, &s) ? "host" : "data units",
		       lacks_commands(v, &s) ? (write ? "write commands" : "read commands")
					     : (write ? "written" : "read"));
	(void)snprintf(e.what, sizeof(e.what), "up by %llu after %llu of them",
		       (unsigned long long)(lacks_commands(v, &s) ? s.got : s.got_units),
		       (unsigned long long)(lacks_commands(v, &s) ? s.sent : s.units));
	(void)sl_breach_add(v->out, SL_BREACH_COUNTER, x, &e);
	return 0;
}

int sl_phase_counters(struct sl_verifier *v)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		const struct sl_case *x = &v->cases.v[i];
		uint8_t op = x->cmd.req[0];

		if (x->kind == SL_CASE_BASE && !x->refused && x->status == 0 &&
		    sl_rows[x->row].set == SL_SET_NVME_NVM && (op == 1 || op == 2) &&
		    x->nsid == v->c->ns[0].nsid)
			error = count_one(v, x, op == 1);
	}
	return error;
}
