/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command says by succeeding, where no change of state shows that it is not so: a Compare of
 * other bytes, a read of what was marked unreadable, a write to what is protected, an erasure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/phase.h"
#include "observe/protocol.h"
#include "spec/names.h"

#define TIMES	     2 /* that a lie has to be told, where somebody else may be writing */
#define NAP_MS	     50u
#define ERASED_BYTES (4u << 20) /* of a namespace: half of it at either end */
#define NS_NLBAF     25		/* offsets in Identify Namespace */
#define NS_FLBAS     26
#define NS_LBAF	     128
#define FORMATS	     16u

static bool plain(const struct sl_verifier *v, const struct sl_ns *ns)
{
	return sl_observed_of(v->c->protocol)->block && ns->csi == 0 && !ns->meta &&
	       sl_ns_bytes(ns) && ns->blocks >= 4 * SL_ARENA_BLOCKS;
}

/* Reads, writes or compares one block; what goes out is in v->data. */
static int one_block(struct sl_verifier *v, const struct sl_ns *ns, enum sl_block_op op,
		     uint64_t lba, struct sl_case *ret, bool *ret_ok)
{
	struct sl_answer a;
	int error;

	sl_block_case(v, ns, op, lba, 1, ret);
	sl_case_judge(v->c, NULL, ret);
	error = sl_verifier_call(v, ret, &a);
	*ret_ok = !error && sl_answer_ok(&a);
	return error;
}

static int write_pattern(struct sl_verifier *v, const struct sl_ns *ns, uint64_t lba, bool *ret_ok)
{
	struct sl_case x;

	sl_pattern(v->data, sl_ns_bytes(ns), ns->nsid, lba);
	return one_block(v, ns, SL_BLOCK_WRITE, lba, &x, ret_ok);
}

/* A Compare that succeeds with what is there has to fail with anything else. */
static int compares(struct sl_verifier *v, const struct sl_ns *ns)
{
	const uint32_t size = sl_ns_bytes(ns), at[] = {0, size / 2, size - 1};
	struct sl_evidence e = {.where = "comparing with other bytes", .effects = SL_E_NONE};
	uint64_t lba = sl_arena(ns, v->probes.key);
	struct sl_case x;
	bool ok = false;
	int error = write_pattern(v, ns, lba, &ok);

	if (!error && ok)
		error = one_block(v, ns, SL_BLOCK_COMPARE, lba, &x, &ok);
	for (unsigned i = 0; i < SL_COUNT(at) && !error && ok; i++) {
		bool same = false;

		sl_pattern(v->data, size, ns->nsid, lba);
		v->data[at[i]] ^= 1;
		error = one_block(v, ns, SL_BLOCK_COMPARE, lba, &x, &same);
		if (error || !same)
			continue;
		(void)snprintf(e.what, sizeof(e.what), "byte %u differs, and it succeeds", at[i]);
		(void)sl_breach_add(v->out, SL_BREACH_NOT_STORED, &x, &e);
		break;
	}
	return error;
}

/* What is marked as unreadable cannot be read. */
static int marks(struct sl_verifier *v, const struct sl_ns *ns, const struct sl_case *x)
{
	struct sl_evidence e = {.where = "reading what it marked", .effects = SL_E_DATA};
	struct sl_case read;
	struct sl_answer a;
	bool ok = true;
	int error = 0;

	for (unsigned i = 0; i < TIMES && !error && ok; i++) {
		error = sl_verifier_call(v, x, &a);
		ok = !error && sl_answer_ok(&a);
		if (ok)
			error = one_block(v, ns, SL_BLOCK_READ, sl_case_lba(x), &read, &ok);
	}
	if (!error && ok) {
		(void)snprintf(e.what, sizeof(e.what), "succeeds");
		(void)sl_breach_add(v->out, SL_BREACH_NOT_STORED, x, &e);
	}
	return error ? error : write_pattern(v, ns, sl_case_lba(x), &ok);
}

/* Dataset Management that gives a hint, and does not deallocate, leaves blocks as they are. */
static int hints(struct sl_verifier *v, const struct sl_ns *ns, const struct sl_case *base)
{
	const struct sl_field *ad = sl_row_field(base->row, "ad");
	struct sl_evidence e = {.effects = SL_E_DATA};
	struct sl_case x = *base, read;
	struct sl_answer a;
	bool changed = ad && base->cmd.data_len >= 16;
	uint64_t lba = changed ? sl_get_le64(base->payload + 8) : 0;
	int error = 0;

	if (ad)
		sl_field_set(ad, x.cmd.req, 0);
	for (unsigned i = 0; i < TIMES && !error && changed; i++) {
		bool ok = false;

		error = write_pattern(v, ns, lba, &ok);
		if (!error && ok)
			error = sl_verifier_call(v, &x, &a);
		if (!error && ok)
			error = one_block(v, ns, SL_BLOCK_READ, lba, &read, &ok);
		sl_pattern(v->expect, sl_ns_bytes(ns), ns->nsid, lba);
		changed = ok && memcmp(v->data, v->expect, sl_ns_bytes(ns)) != 0;
	}
	if (error || !changed)
		return error;
	(void)snprintf(x.name, sizeof(x.name), "%.80s ad=0", base->name);
	(void)snprintf(e.where, sizeof(e.where), "block %llu nsid=%u", (unsigned long long)lba,
		       ns->nsid);
	(void)snprintf(e.what, sizeof(e.what), "no longer what was written to it");
	(void)sl_breach_add(v->out, SL_BREACH_UNDECLARED, &x, &e);
	return 0;
}

/* Protects a namespace against writes, or ends that. */
static int protect(struct sl_verifier *v, const struct sl_ns *ns, bool on, struct sl_case *ret,
		   bool *ret_ok)
{
	const struct sl_observed *o = sl_observed_of(v->c->protocol);
	uint8_t *bytes = v->expect, *payload = v->data;
	int error = 0;

	*ret_ok = false;
	for (size_t i = 0; i < v->probes.n && !*ret_ok && !error; i++) {
		const struct sl_probe *p = &v->probes.v[i];
		struct sl_answer a;

		if (p->facet != o->protects.facet || p->sel != o->protects.sel ||
		    (p->nsid && p->nsid != ns->nsid) || p->cmd.data_len > SL_RIG_DATA_MAX)
			continue;
		memcpy(bytes, v->start.bytes + p->off, p->cmd.data_len);
		if (on)
			bytes[o->protects.at] |= o->protects.bit;
		memset(payload, 0, SL_RIG_DATA_MAX);
		*ret = (struct sl_case){.nsid = ns->nsid};
		if (!o->set(v->c, p, on, bytes, payload, &ret->cmd))
			continue;
		ret->row = sl_row_find(ret->cmd.set, ret->cmd.req);
		sl_case_judge(v->c, payload, ret);
		(void)snprintf(ret->name, sizeof(ret->name), "%s", sl_rows[ret->row].name);
		error = sl_verifier_call(v, ret, &a);
		*ret_ok = !error && sl_answer_ok(&a);
	}
	return error;
}

/* A write that succeeds all the same, and is stored. */
static int protects(struct sl_verifier *v, const struct sl_ns *ns)
{
	struct sl_evidence e = {.effects = SL_E_DATA | SL_E_POLICY};
	uint64_t lba = sl_arena(ns, v->probes.key);
	struct sl_case x, set, read;
	struct sl_breach *b;
	bool ok = false, stored = false;
	int error =
		sl_observed_of(v->c->protocol)->protects.facet ? write_pattern(v, ns, lba, &ok) : 0;

	if (!error && ok)
		error = protect(v, ns, true, &set, &ok);
	if (error || !ok)
		return error;
	sl_pattern(v->data, sl_ns_bytes(ns), ~ns->nsid, lba);
	error = one_block(v, ns, SL_BLOCK_WRITE, lba, &x, &stored);
	if (!error && stored)
		error = one_block(v, ns, SL_BLOCK_READ, lba, &read, &stored);
	sl_pattern(v->expect, sl_ns_bytes(ns), ~ns->nsid, lba);
	stored = stored && memcmp(v->data, v->expect, sl_ns_bytes(ns)) == 0;
	if (!error && stored) {
		(void)snprintf(e.where, sizeof(e.where), "block %llu nsid=%u",
			       (unsigned long long)lba, ns->nsid);
		(void)snprintf(e.what, sizeof(e.what), "written, although it is protected");
		b = sl_breach_add(v->out, SL_BREACH_UNDECLARED, &x, &e);
		if (b) {
			b->n_before = 1;
			(void)snprintf(b->before[0], sizeof(b->before[0]), "%s", set.name);
		}
	}
	return error ? error : protect(v, ns, false, &set, &ok);
}

/*
 * Which of so many blocks, read one by one, is not what was written? *ret: the number of them,
 * none; UINT32_MAX: one cannot be read.
 */
static int find_wrong(struct sl_verifier *v, const struct sl_ns *ns, uint32_t n, uint32_t *ret)
{
	uint32_t size = sl_ns_bytes(ns);
	bool ok = true;
	int error = 0;

	for (*ret = 0; *ret < n && !error && ok; ++*ret) {
		struct sl_case x;

		error = one_block(v, ns, SL_BLOCK_READ, *ret, &x, &ok);
		if (ok && memcmp(v->data, v->expect + *ret * size, size) != 0)
			return 0;
	}
	*ret = ok ? n : UINT32_MAX;
	return error;
}

/* So many blocks at once, written and read. *ret: which of the two is at fault; _SL_BLOCK_N: none.
 */
static int write_and_read(struct sl_verifier *v, const struct sl_ns *ns, uint32_t n,
			  struct sl_case ret[2], uint32_t *ret_wrong, unsigned *ret_op)
{
	uint32_t size = sl_ns_bytes(ns), single = 0;
	struct sl_answer a;
	int error;

	*ret_op = _SL_BLOCK_N;
	for (uint32_t i = 0; i < n; i++)
		sl_pattern(v->expect + i * size, size, ns->nsid ^ n << 16, i);
	sl_block_case(v, ns, SL_BLOCK_WRITE, 0, n, &ret[0]);
	sl_block_case(v, ns, SL_BLOCK_READ, 0, n, &ret[1]);
	memcpy(v->data, v->expect, ret[0].cmd.data_len);
	error = sl_verifier_call(v, &ret[0], &a);
	if (error || !sl_answer_ok(&a))
		return error;
	error = sl_verifier_call(v, &ret[1], &a);
	if (error || !sl_answer_ok(&a) || memcmp(v->data, v->expect, ret[1].cmd.data_len) == 0)
		return error;
	for (*ret_wrong = 0;
	     memcmp(v->data + *ret_wrong * size, v->expect + *ret_wrong * size, size) == 0;)
		++*ret_wrong;
	error = find_wrong(v, ns, n, &single);
	if (!error && single <= n)
		*ret_op = single < n ? SL_BLOCK_WRITE : SL_BLOCK_READ;
	if (single < n)
		*ret_wrong = single;
	return error;
}

/* Long transfers, about each power of two: bridges have been sold that lose the end of them. */
static int lengths(struct sl_verifier *v, const struct sl_ns *ns)
{
	uint32_t most = v->rig->max_transfer && v->rig->max_transfer < SL_RIG_DATA_MAX
				? v->rig->max_transfer / sl_ns_bytes(ns)
				: SL_RIG_DATA_MAX / sl_ns_bytes(ns);
	int error = 0;

	for (unsigned i = 3; i < 3 * 16 && !error; i++) {
		uint32_t n = (1u << i / 3) + i % 3 - 1, wrong = 0;
		unsigned op = SL_BLOCK_READ, before = _SL_BLOCK_N;
		struct sl_evidence e = {.effects = SL_E_DATA};
		struct sl_case x[2];

		if (n > most || n > ns->blocks)
			break;
		for (unsigned k = 0; k < TIMES && op != _SL_BLOCK_N && !error; k++) {
			before = k ? op : before;
			error = write_and_read(v, ns, n, x, &wrong, &op);
		}
		if (error || op == _SL_BLOCK_N || op != before)
			continue;
		(void)snprintf(e.where, sizeof(e.where), "%u blocks at once", n);
		(void)snprintf(e.what, sizeof(e.what), "block %u is not what was written", wrong);
		(void)sl_breach_add(
			v->out, op == SL_BLOCK_READ ? SL_BREACH_UNWRITTEN : SL_BREACH_NOT_STORED,
			&x[op == SL_BLOCK_READ], &e);
		break;
	}
	return error;
}

int sl_phase_promises(struct sl_verifier *v)
{
	int error = 0;

	for (uint32_t n = 0; n < v->c->n_ns && !error && sl_budget(v); n++) {
		const struct sl_ns *ns = &v->c->ns[n];

		if (!plain(v, ns))
			continue;
		error = sl_verifier_prepare(v, true);
		if (!error)
			error = compares(v, ns);
		if (!error)
			error = lengths(v, ns);
		for (size_t i = 0; i < v->cases.n && !error; i++) {
			const struct sl_case *x = &v->cases.v[i];

			if (x->kind != SL_CASE_BASE || x->nsid != ns->nsid || !x->tried ||
			    x->status)
				continue;
			if (strcmp(sl_rows[x->row].name, "nvme.nvm.write-uncorrectable") == 0)
				error = marks(v, ns, x);
			else if (sl_rows[x->row].ranges == SL_RANGES_DSM)
				error = hints(v, ns, x);
		}
		if (!error)
			error = protects(v, ns);
	}
	v->have_before = false;
	return error;
}

/* Of a namespace, as much as is held against what was there before. */
struct erased {
	struct sl_verifier *v;
	const struct sl_ns *ns;
	uint32_t size, at_once; /* bytes of a block; blocks of one command */
	uint64_t n;		/* blocks */
	uint8_t *before, *now;
	bool *moves; /* somebody else writes there */
};

static uint64_t lba_of(const struct erased *e, uint64_t i)
{
	return i < e->n / 2 ? i : e->ns->blocks - e->n + i;
}

static bool uniform(const uint8_t *p, uint32_t n)
{
	return memcmp(p, p + 1, n - 1) == 0;
}

/* All of it, in or out; what is refused reads as zeroes. */
static int move_all(struct erased *e, enum sl_block_op op, uint8_t *bytes)
{
	struct sl_verifier *v = e->v;
	int error = 0;

	for (uint64_t i = 0; i < e->n && !error && !v->gone;) {
		uint64_t end = i < e->n / 2 ? e->n / 2 : e->n;
		uint32_t n = end - i < e->at_once ? (uint32_t)(end - i) : e->at_once;
		struct sl_answer a = {0};
		struct sl_case x;

		sl_block_case(v, e->ns, op, lba_of(e, i), n, &x);
		if (op == SL_BLOCK_WRITE)
			memcpy(v->data, bytes + i * e->size, x.cmd.data_len);
		error = sl_verifier_call(v, &x, &a);
		if (!error && op == SL_BLOCK_READ && sl_answer_ok(&a))
			memcpy(bytes + i * e->size, v->data, x.cmd.data_len);
		else if (op == SL_BLOCK_READ)
			memset(bytes + i * e->size, 0, x.cmd.data_len);
		i += n;
	}
	return error;
}

/* Lets come what comes later: an hour, or until the first block can be read. */
static int wait_for_it(struct erased *e)
{
	struct sl_verifier *v = e->v;
	double until = sl_now() + sl_patience_ms(v) / 1000.0;
	struct sl_case x;
	bool ok = false;
	int error;

	if (v->rig->can & SL_RIG_CLOCK) {
		v->rig->ops->pass(v->rig, SL_LATER_MS);
		return 0;
	}
	error = one_block(v, e->ns, SL_BLOCK_READ, 0, &x, &ok);
	while (!error && !ok && !v->gone && sl_now() < until) {
		v->rig->ops->pass(v->rig, NAP_MS);
		error = one_block(v, e->ns, SL_BLOCK_READ, 0, &x, &ok);
	}
	return error;
}

/* Fills blocks with patterns: all, or those that hold nothing of their own. */
static int fill(struct erased *e, bool all)
{
	int error = sl_verifier_prepare(e->v, false);

	if (!error)
		error = move_all(e, SL_BLOCK_READ, e->before);
	for (uint64_t i = 0; i < e->n; i++)
		if (all || uniform(e->before + i * e->size, e->size))
			sl_pattern(e->before + i * e->size, e->size, ~e->ns->nsid, lba_of(e, i));
	return error ? error : move_all(e, SL_BLOCK_WRITE, e->before);
}

/* Without anything that erases: what is not what was written, others have written. */
static int learn_moves(struct erased *e)
{
	int error = fill(e, true);

	if (!error)
		error = wait_for_it(e);
	if (!error)
		error = move_all(e, SL_BLOCK_READ, e->now);
	for (uint64_t i = 0; i < e->n; i++)
		e->moves[i] = memcmp(e->before + i * e->size, e->now + i * e->size, e->size) != 0;
	return error;
}

/*
 * The format of NVMe blocks in use, and one in which they are of the size that is known. *ret_size:
 * they are the same size.
 */
static int format_of(struct erased *e, unsigned *ret, bool *ret_size)
{
	struct sl_verifier *v = e->v;
	int error = 0;

	*ret = 0;
	*ret_size = sl_observed_of(v->c->protocol) != &sl_observed_nvme;
	for (size_t i = 0; i < v->probes.n && !*ret_size && !error; i++) {
		const struct sl_probe *p = &v->probes.v[i];
		struct sl_case x = {.cmd = p->cmd, .nsid = p->nsid};
		struct sl_answer a = {0};

		if (p->facet != SL_FACET_ID_NS || p->nsid != e->ns->nsid)
			continue;
		x.row = sl_row_find(x.cmd.set, x.cmd.req);
		error = sl_verifier_call(v, &x, &a);
		if (error || !sl_answer_ok(&a))
			break;
		for (unsigned f = 0; f <= v->data[NS_NLBAF] && f < FORMATS; f++) {
			const uint8_t *lbaf = v->data + NS_LBAF + 4 * f;
			bool used = f == (v->data[NS_FLBAS] & (FORMATS - 1));

			if (lbaf[2] != e->ns->lba_shift || sl_get_le16(lbaf))
				continue;
			*ret = *ret_size ? *ret : f;
			*ret_size |= used;
			if (used)
				*ret = f;
		}
		break;
	}
	return error;
}

/* Blocks that are what they were; *ret_first: the first of them. */
static int count_left(struct erased *e, uint64_t *ret, uint64_t *ret_first)
{
	int error = move_all(e, SL_BLOCK_READ, e->now);

	*ret = 0;
	for (uint64_t i = e->n; i-- > 0 && !error;)
		if (!e->moves[i] && !uniform(e->now + i * e->size, e->size) &&
		    memcmp(e->before + i * e->size, e->now + i * e->size, e->size) == 0) {
			*ret_first = lba_of(e, i);
			++*ret;
		}
	return error;
}

static int erase(struct erased *e, const struct sl_case *base)
{
	const struct sl_field *lbaf = sl_row_field(base->row, "lbafl");
	struct sl_evidence ev = {.effects = SL_E_DATA};
	uint64_t left = 0, first = 0;
	struct sl_case x = *base;
	struct sl_answer a = {0};
	unsigned format = 0;
	bool known = false;
	int error = sl_verifier_prepare(e->v, false);

	if (!error)
		error = format_of(e, &format, &known);
	if (lbaf)
		sl_field_set(lbaf, x.cmd.req, format);
	(void)snprintf(x.name, sizeof(x.name), "%s", sl_rows[x.row].name);
	/* What was sent before may have left another block size. */
	if (!error && !known && lbaf)
		error = sl_verifier_call(e->v, &x, &a);
	if (!error && !known && lbaf)
		error = format_of(e, &format, &known);
	if (!error && known)
		error = fill(e, !(e->v->rig->can & SL_RIG_FRESH));
	if (!error && known)
		error = sl_verifier_call(e->v, &x, &a);
	if (error || !known || !sl_answer_ok(&a))
		return error;
	error = wait_for_it(e);
	if (!error)
		error = format_of(e, &format, &known);
	if (error || !known)
		return error;
	error = count_left(e, &left, &first);
	/* It may go on, and let itself be read meanwhile. */
	if (!error && left && !(e->v->rig->can & SL_RIG_CLOCK)) {
		e->v->rig->ops->pass(e->v->rig, sl_patience_ms(e->v));
		error = count_left(e, &left, &first);
	}
	if (error || !left)
		return error;
	(void)snprintf(ev.where, sizeof(ev.where), "block %llu nsid=%u", (unsigned long long)first,
		       e->ns->nsid);
	(void)snprintf(ev.what, sizeof(ev.what), "%llu block%s still what was there before",
		       (unsigned long long)left, left == 1 ? " is" : "s are");
	(void)sl_breach_add(e->v->out, SL_BREACH_NOT_STORED, &x, &ev);
	return error;
}

static int erased(struct sl_verifier *v, const struct sl_ns *ns)
{
	struct erased e = {.v = v, .ns = ns, .size = sl_ns_bytes(ns)};
	uint32_t most = v->rig->max_transfer && v->rig->max_transfer < SL_RIG_DATA_MAX
				? v->rig->max_transfer
				: SL_RIG_DATA_MAX;
	bool learnt = false;
	int error = 0;

	e.at_once = most / e.size;
	if (!e.at_once)
		return 0;
	e.n = ERASED_BYTES / e.size < ns->blocks ? ERASED_BYTES / e.size : ns->blocks;
	e.before = malloc(e.n * e.size);
	e.now = malloc(e.n * e.size);
	e.moves = calloc(e.n, sizeof(*e.moves));
	if (!e.before || !e.now || !e.moves)
		error = -ENOMEM;
	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		const struct sl_case *x = &v->cases.v[i];

		if (sl_role_of(x->row, x->cmd.req) != SL_ROLE_ERASES || x->kind > SL_CASE_FIELD ||
		    !x->tried || x->status || (x->nsid && x->nsid != ns->nsid))
			continue;
		if (!learnt)
			error = learn_moves(&e);
		learnt = true;
		if (!error)
			error = erase(&e, x);
	}
	free(e.before);
	free(e.now);
	free(e.moves);
	return error;
}

int sl_phase_erased(struct sl_verifier *v)
{
	int error = 0;

	for (uint32_t n = 0; n < v->c->n_ns && !error && sl_budget(v); n++)
		if (plain(v, &v->c->ns[n]))
			error = erased(v, &v->c->ns[n]);
	v->have_before = false;
	return error;
}
