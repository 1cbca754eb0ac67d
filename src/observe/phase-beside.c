/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that should have been alone: does a harmless one fail, or answer otherwise, while
 * another is under way that nobody has to run alone? What lasts beyond a command's completion is
 * not asked here; what goes on in the background, or takes the device away for a while, says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "observe/breach.h"
#include "observe/live.h"
#include "observe/phase.h"

#define BESIDE_MAX   12u	 /* harmless commands that are under way together */
#define BLOCKS_MAX   4u		 /* of these, reads of blocks */
#define BESIDE_BYTES (48u << 10) /* of all of them */
#define ROUNDS	     3u

/* Effects of which it is known that other commands feel them. */
#define FELT ((sl_effects)(SL_E_AVAILABILITY | SL_E_BACKGROUND))

struct answers {
	struct sl_answer a[BESIDE_MAX];
	uint8_t bytes[BESIDE_BYTES];
};

struct beside {
	struct sl_verifier *v;
	unsigned n;
	struct sl_case calm[BESIDE_MAX];
	const struct sl_probe *probe[BESIDE_MAX];
	uint32_t off[BESIDE_MAX]; /* of its bytes in answers */
	uint32_t bytes;		  /* of all */
	/* Who goes first: what fails each so many commands must not always be the same one. */
	unsigned turn;
	const struct sl_case *x; /* goes before them; NULL: nothing does */
	struct answers *to;
	/* Without it, with it, and afterwards. */
	struct answers before, during, after;
};

static void choose_one(struct beside *b, const struct sl_probe *q)
{
	const struct sl_probes *p = &b->v->probes;
	bool blocks = q->facet == SL_FACET_BLOCKS;
	unsigned alike = 0;

	for (unsigned k = 0; k < b->n; k++)
		alike +=
			b->probe[k]->facet == q->facet && (!blocks || b->probe[k]->nsid == q->nsid);
	if (alike || b->n == (blocks ? BLOCKS_MAX : BESIDE_MAX) || q->consumed ||
	    b->v->start.item[q - p->v].status || b->bytes + q->cmd.data_len > BESIDE_BYTES)
		return;
	sl_probe_case(b->v, q, &b->calm[b->n]);
	b->off[b->n] = b->bytes;
	b->bytes += q->cmd.data_len;
	b->probe[b->n++] = q;
}

/* Blocks of some namespaces, and one of each other kind of what is looked at. */
static void choose(struct beside *b)
{
	const struct sl_probes *p = &b->v->probes;

	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < p->n; i++)
			if ((p->v[i].facet == SL_FACET_BLOCKS) == (pass == 0))
				choose_one(b, &p->v[i]);
}

static const struct sl_case *case_at(const struct beside *b, unsigned i)
{
	if (b->x && !i--)
		return b->x;
	return &b->calm[(i + b->turn) % b->n];
}

static const struct sl_command *command_at(void *ctx, unsigned i)
{
	return &case_at(ctx, i)->cmd;
}

static const uint8_t *payload_at(void *ctx, unsigned i, uint32_t *ret_len)
{
	static const uint8_t nothing[1];
	const struct sl_case *x = case_at(ctx, i);

	*ret_len = x->payload ? x->cmd.data_len : 0;
	return x->payload ? x->payload : nothing;
}

static void on_done(void *ctx, unsigned i, const struct sl_answer *a, const uint8_t *data)
{
	struct beside *b = ctx;
	const struct sl_case *x = case_at(b, i);
	struct sl_use *use = sl_use_of(b->v, x->row, &x->cmd);
	size_t k;

	use->sent++;
	if (x == b->x)
		return;
	k = (size_t)(x - b->calm);
	b->to->a[k] = *a;
	if (x->cmd.dir & SL_DIR_IN && sl_answer_ok(a))
		memcpy(b->to->bytes + b->off[k], data, x->cmd.data_len);
}

static int send(struct beside *b, const struct sl_case *x, struct answers *to)
{
	const struct sl_rig_stream s = {.ctx = b,
					.n = b->n + (x != NULL),
					.command = command_at,
					.payload = payload_at,
					.done = on_done};

	b->x = x;
	b->to = to;
	memset(to, 0, sizeof(*to));
	return sl_rig_together(b->v->rig, &s, b->v->data);
}

/* Apart from what moves by itself. */
static bool alike(const struct beside *b, const struct answers *p, const struct answers *q,
		  unsigned k)
{
	const uint8_t *mask = b->v->probes.mask + b->probe[k]->mask;
	uint32_t n = b->calm[k].cmd.dir & SL_DIR_IN ? b->calm[k].cmd.data_len : 0;

	if (p->a[k].result != q->a[k].result || p->a[k].len != q->a[k].len)
		return false;
	for (uint32_t i = b->off[k]; i < b->off[k] + n; i++)
		if (p->bytes[i] != q->bytes[i] && !mask[i - b->off[k]])
			return false;
	return true;
}

/* Only while it ran: neither before, nor once it was done. */
static bool disturbed(const struct beside *b, unsigned k)
{
	const struct sl_answer *a = &b->during.a[k];

	if (!sl_answer_ok(&b->before.a[k]) || !sl_answer_ok(&b->after.a[k]) ||
	    (a->lost != SL_RIG_ANSWERED && a->lost != SL_RIG_FAILED))
		return false;
	if (!sl_answer_ok(a))
		return true;
	return alike(b, &b->before, &b->after, k) && !alike(b, &b->before, &b->during, k);
}

/* Bit k of *ret: the k-th was disturbed. */
static int one_round(struct beside *b, const struct sl_case *x, unsigned *ret)
{
	struct sl_verifier *v = b->v;
	int r = v->rig->can & SL_RIG_FRESH ? sl_verifier_prepare(v, true) : 0;

	*ret = 0;
	if (!r)
		r = send(b, &v->neutral, &b->before);
	if (!r && v->rig->can & SL_RIG_FRESH)
		r = sl_verifier_prepare(v, true);
	if (!r)
		r = send(b, x, &b->during);
	if (!r)
		r = send(b, NULL, &b->after);
	for (unsigned k = 0; k < b->n && !r; k++)
		*ret |= (unsigned)disturbed(b, k) << k;
	return r;
}

static void describe(const struct beside *b, unsigned k, struct sl_evidence *ret)
{
	const struct sl_answer *a = &b->during.a[k];

	*ret = (struct sl_evidence){.effects = SL_E_AVAILABILITY};
	(void)snprintf(ret->where, sizeof(ret->where), "%.60s, under way beside it",
		       b->calm[k].name);
	if (a->lost)
		(void)snprintf(ret->what, sizeof(ret->what), "%s", strerror(a->error));
	else if (!sl_answer_ok(a))
		(void)snprintf(ret->what, sizeof(ret->what), "status %Xh; 0 before and after",
			       sl_answer_code(a));
	else
		(void)snprintf(ret->what, sizeof(ret->what),
			       "another answer than before and after, which are the same");
}

static void found(struct beside *b, const struct sl_case *x, unsigned who)
{
	struct sl_breach *breach = NULL;

	for (unsigned k = 0; k < b->n; k++) {
		struct sl_evidence e;

		if (!(who >> k & 1))
			continue;
		describe(b, k, &e);
		if (!breach) {
			breach = sl_breach_add(b->v->out, SL_BREACH_NOT_ALONE, x, &e);
			if (!breach)
				return;
			(void)snprintf(breach->note, sizeof(breach->note),
				       "each of %u times, and never without it", ROUNDS);
		} else if (breach->n_evidence < SL_EVIDENCE_MAX) {
			breach->evidence[breach->n_evidence++] = e;
		} else {
			breach->more++;
		}
	}
}

static int try_one(struct beside *b, const struct sl_case *x)
{
	struct sl_verdicts *out = b->v->out;
	bool alone = x->facts.excl != SL_EXCL_NONE;
	unsigned who = ~0u, now = ~0u;
	int r = 0;

	for (unsigned i = 0; i < ROUNDS && who && !r; i++, b->turn++) {
		r = one_round(b, x, &now);
		who &= now;
	}
	if (r)
		return r;
	out->beside++;
	out->alone += alone;
	out->alone_calm += alone && !who;
	if (!alone && who)
		found(b, x, who);
	return 0;
}

int sl_phase_beside(struct sl_verifier *v)
{
	struct beside *b = calloc(1, sizeof(*b));
	int r = b ? 0 : -ENOMEM;

	if (b) {
		b->v = v;
		choose(b);
	}
	for (size_t i = 0; i < v->cases.n && !r && b->n && sl_budget(v); i++) {
		const struct sl_case *x = &v->cases.v[i];
		sl_effects e = x->declared | x->floor;

		sl_progress(v, i, v->cases.n);
		if (x->kind != SL_CASE_BASE || x->refused || x->status || e & FELT ||
		    sl_breach_of_row(v->out, x->row))
			continue;
		/* What stays comes last, and not here, on a device that cannot be had fresh. */
		if (!(v->rig->can & SL_RIG_FRESH) &&
		    sl_effects_mutating(e & ~(sl_effects)SL_E_DATA))
			continue;
		r = try_one(b, x);
	}
	v->have_before = false;
	free(b);
	return r;
}
