/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be set is set to another value, and then read, with all else that a look reads: on a
 * device that cannot be had fresh, what the looks themselves do has been done long before the first
 * of them is held against another.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "observe/breach.h"
#include "observe/live.h"
#include "observe/phase.h"

#define CONFIRMS 3
#define IDLE_MS	 20u /* more than what lies between two reads */

/* What somebody else's commands should leave alone: a value of ours, and where it is read. */
struct stirred {
	const struct sl_probe *p;
	uint64_t value;
	uint8_t *bytes; /* NULL: a feature that is set by value */
};

static int is_still(struct sl_verifier *v, const struct stirred *s, bool *ret)
{
	struct sl_case x;
	struct sl_answer a;
	int r;

	sl_probe_case(v, s->p, &x);
	sl_probe_fill(s->p, v->data);
	r = sl_verifier_call(v, &x, &a);
	*ret = !r && sl_answer_ok(&a) &&
	       (s->bytes ? memcmp(v->data, s->bytes, x.cmd.data_len) == 0 : a.result == s->value);
	return r;
}

static int set_it(struct sl_verifier *v, const struct stirred *s, bool *ret_ok)
{
	const struct sl_ns *ns = sl_contract_ns(v->c, s->p->nsid);
	struct sl_answer a;
	struct sl_case x;
	int r;

	if (s->p->facet != SL_FACET_BLOCKS)
		return sl_live_set(v, s->p, s->value, s->bytes, ret_ok);
	sl_block_case(v, ns, SL_BLOCK_WRITE, s->p->lba, s->p->blocks, &x);
	memcpy(v->data, s->bytes, x.cmd.data_len);
	r = sl_verifier_call(v, &x, &a);
	*ret_ok = !r && sl_answer_ok(&a);
	return r;
}

static int stir(struct sl_verifier *v, const struct stirred *s, bool *ret_ok)
{
	int r = set_it(v, s, ret_ok);

	return r || !*ret_ok ? r : is_still(v, s, ret_ok);
}

static int read_probe(struct sl_verifier *v, size_t i)
{
	const struct sl_probe *p = &v->probes.v[i];
	struct sl_answer a;

	sl_probe_fill(p, v->data);
	return sl_rig_call(v->rig, &p->cmd, v->data, &a);
}

/* Stirs, reads some of what a look reads, one after the other, and asks again. */
static int reads_move(struct sl_verifier *v, const struct stirred *s, size_t from, size_t to,
		      bool *ret)
{
	bool ok;
	int r = stir(v, s, &ok);

	*ret = false;
	for (size_t i = from; i < to && !r && ok; i++)
		r = read_probe(v, i);
	if (!r && ok) {
		r = is_still(v, s, &ok);
		*ret = !ok;
	}
	return r;
}

/* Alone it has to move it each time, and nothing at all never. */
static int reads_confirm(struct sl_verifier *v, const struct stirred *s, size_t at, bool *ret)
{
	bool moved = true, idle = false;
	int r = 0;

	for (unsigned i = 0; i < CONFIRMS && !r && moved && !idle; i++) {
		r = reads_move(v, s, at, at + 1, &moved);
		if (!r)
			r = reads_move(v, s, 0, 0, &idle);
	}
	*ret = moved && !idle;
	return r;
}

/* Is it reading the thing itself that moves it? Time alone must not. */
static int own_read_moves(struct sl_verifier *v, const struct stirred *s, bool *ret)
{
	bool waited = true, once_more = false, ok = true;
	int r = 0;

	for (unsigned i = 0; i < CONFIRMS && !r && ok && waited && !once_more; i++) {
		r = set_it(v, s, &ok);
		v->rig->ops->pass(v->rig, IDLE_MS);
		if (!r)
			r = is_still(v, s, &waited);
		if (!r)
			r = is_still(v, s, &once_more);
	}
	*ret = !r && ok && waited && !once_more;
	return r;
}

static void blame(struct sl_verifier *v, const struct stirred *s, size_t at)
{
	struct sl_evidence e = {.effects = sl_facets[s->p->facet].effects};
	struct sl_case x;

	sl_probe_case(v, &v->probes.v[at], &x);
	(void)snprintf(e.where, sizeof(e.where), "%s%s%.0u", s->p->name, s->p->nsid ? " nsid=" : "",
		       s->p->nsid);
	if (s->bytes)
		(void)snprintf(e.what, sizeof(e.what), "no longer what it was set to");
	else
		(void)snprintf(e.what, sizeof(e.what), "no longer %llXh, which it was set to",
			       (unsigned long long)s->value);
	(void)sl_breach_add(v->out, SL_BREACH_UNDECLARED, &x, &e);
}

/* The first of the reads after which it has moved, among all of them in a row. */
static int find_among(struct sl_verifier *v, const struct stirred *s, size_t *ret)
{
	size_t low = 0, high = v->probes.n;
	bool moved;
	int r = 0;

	/* The first `low` do not move it, the first `high` do. */
	while (high - low > 1 && !r) {
		size_t mid = low + (high - low) / 2;

		r = reads_move(v, s, 0, mid, &moved);
		if (moved)
			high = mid;
		else
			low = mid;
	}
	*ret = high - 1;
	return r;
}

/*
 * One by one: what turns it back and forth has left it as it was when all of them are through.
 * `ret`: the read; as many as there are: none.
 */
static int find_alone(struct sl_verifier *v, const struct stirred *s, size_t *ret)
{
	bool still = true;
	int r = stir(v, s, &still);

	for (*ret = 0; *ret < v->probes.n && !r && still && sl_budget(v); ++*ret) {
		r = read_probe(v, *ret);
		if (!r)
			r = is_still(v, s, &still);
		if (!still)
			return r;
	}
	*ret = v->probes.n;
	return r;
}

static int stir_one(struct sl_verifier *v, const struct stirred *s, bool *ret_found)
{
	size_t at = (size_t)(s->p - v->probes.v);
	bool moved;
	int r = reads_move(v, s, 0, 0, &moved);

	*ret_found = false;
	if (!r && moved) {
		r = own_read_moves(v, s, &moved);
	} else if (!r) {
		r = reads_move(v, s, 0, v->probes.n, &moved);
		if (!r)
			r = moved ? find_among(v, s, &at) : find_alone(v, s, &at);
		moved = at < v->probes.n;
		if (!r && moved)
			r = reads_confirm(v, s, at, &moved);
	}
	if (r || !moved)
		return r;
	*ret_found = true;
	blame(v, s, at);
	return 0;
}

/* The i-th other value of a thing; false: there is none. */
static bool other_value(const struct sl_verifier *v, const struct sl_probe *p, unsigned i,
			uint8_t *bytes, struct stirred *ret)
{
	const struct sl_observed *o = sl_observed_of(v->c->protocol);
	const struct sl_look_item *now = &v->start.item[p - v->probes.v];
	const struct sl_ns *ns = sl_contract_ns(v->c, p->nsid);
	uint32_t size = ns ? sl_ns_bytes(ns) : 0;

	*ret = (struct stirred){.p = p, .value = now->result ^ 1, .bytes = bytes};
	if (now->status)
		return false;
	if (p->facet == SL_FACET_BLOCKS) {
		if (i || !size || ns->csi || p->blocks < 2)
			return false;
		for (uint32_t b = 0; b < p->blocks; b++)
			sl_pattern(bytes + b * size, size, ~p->nsid, p->lba + b);
		return true;
	}
	if (o->set_by_value) {
		ret->bytes = NULL;
		return p->facet == SL_FACET_FEATURE && !i;
	}
	memcpy(bytes, v->start.bytes + p->off, p->cmd.data_len);
	return o->other && o->other(&v->probes, &v->start, p, i, bytes);
}

/* Do the looks themselves move what was set to another value before? */
int sl_phase_stirred(struct sl_verifier *v)
{
	uint8_t *bytes = malloc(SL_RIG_DATA_MAX);
	int error = bytes ? 0 : -ENOMEM;

	for (size_t i = 0; i < v->probes.n && !error && sl_budget(v); i++) {
		const struct sl_probe *p = &v->probes.v[i];
		struct stirred s;
		bool found = false, ok;

		sl_progress(v, i, v->probes.n);
		for (unsigned k = 0; !error && !found && other_value(v, p, k, bytes, &s); k++) {
			error = stir_one(v, &s, &found);
			if (!error && p->facet != SL_FACET_BLOCKS)
				error = sl_live_set(v, p, v->start.item[i].result,
						    v->start.bytes + p->off, &ok);
		}
	}
	v->have_before = false;
	free(bytes);
	return error;
}
