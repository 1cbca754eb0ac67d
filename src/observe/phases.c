/* SPDX-License-Identifier: Apache-2.0 */
/* The experiments of a verification. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/phase.h"
#include "observe/protocol.h"
#include "wire/wire.h"

#define ALL_STAGES   ((1u << _SL_STAGE_N) - 1)
#define OPCODES_LIVE 32u /* of one experiment */
#define OPENER_BYTES 4096u

#define CALM_NONE "it carries out no command without effects"

const struct sl_phase sl_phases[] = {
	{"resets", "each command, then a reset and a power cycle", SL_RIG_POWER, SL_PHASE_LIVE,
	 sl_phase_resets, CALM_NONE},
	{"singles", "each command by itself", 0, 0, sl_phase_singles,
	 "no form of a command is left to try"},
	{"consumed", "was the first answer another than all after it?", 0, SL_PHASE_LIVE,
	 sl_phase_consumed, NULL},
	{"stirred", "do the looks move what was set to another value before?", SL_RIG_WRITES,
	 SL_PHASE_LIVE | SL_PHASE_PERTURBS, sl_phase_stirred, "nothing that is read can be set"},
	{"opcodes", "opcodes that no log lists", SL_RIG_WRITES, 0, sl_phase_opcodes,
	 "it declares nothing, lists everything, or --only names others"},
	{"sequences", "commands in many orders, harmless ones after each that changes something", 0,
	 0, sl_phase_sequences, CALM_NONE},
	{"beside", "each command with harmless ones under way beside it", SL_RIG_BESIDE, 0,
	 sl_phase_beside, "no command that it carries out can be held against others"},
	{"variations", "fields and reserved bits, one by one", 0, SL_PHASE_PERTURBS,
	 sl_phase_variations, "its commands have no bits to turn"},
	{"payloads", "writes with the payloads of known channels", SL_RIG_WRITES,
	 SL_PHASE_PERTURBS | SL_PHASE_BLOCKS, sl_phase_payloads,
	 "it carries out no write of blocks"},
	{"stored", "is what was written there?", SL_RIG_WRITES, SL_PHASE_BLOCKS, sl_phase_stored,
	 "it carries out no command that changes blocks"},
	{"blocks", "writes and reads of single blocks, as many as there is time for", 0,
	 SL_PHASE_PERTURBS | SL_PHASE_BLOCKS, sl_phase_blocks,
	 "no read or write of blocks to do it with"},
	{"spill", "all blocks written up and down, and read", SL_RIG_WRITES,
	 SL_PHASE_PERTURBS | SL_PHASE_BLOCKS, sl_phase_spill,
	 "no NVMe namespace of at most 64 MiB without metadata"},
	{"copies", "is the copy what the source is?", SL_RIG_WRITES,
	 SL_PHASE_PERTURBS | SL_PHASE_BLOCKS, sl_phase_copies, "it carries out no NVMe Copy"},
	{"promises", "is it so, what a command says by succeeding?", SL_RIG_WRITES, SL_PHASE_BLOCKS,
	 sl_phase_promises, "no block to try it with"},
	{"counters", "do the counters count what was sent?", 0, SL_PHASE_PERTURBS | SL_PHASE_BLOCKS,
	 sl_phase_counters, "no NVMe read or write to count"},
	{"counts", "each harmless command a thousand times", 0, SL_PHASE_PERTURBS, sl_phase_counts,
	 CALM_NONE},
	{"support", "each command again after a thousand others, an hour and a power cycle",
	 SL_RIG_FRESH, SL_PHASE_PERTURBS, sl_phase_support, "it carries out no command"},
	{"opened", "opcodes that no log lists, once more after all other forms", SL_RIG_WRITES,
	 SL_PHASE_PERTURBS, sl_phase_opened,
	 "it declares nothing, lists everything, or --only names others"},
	{"delays", "all of them, then seconds of waiting", 0, SL_PHASE_LIVE | SL_PHASE_PERTURBS,
	 sl_phase_delays, CALM_NONE},
	{"lasting", "commands whose doings stay, on a device that cannot be had fresh",
	 SL_RIG_WRITES, SL_PHASE_LIVE, sl_phase_lasting, "there is none"},
	{"erased", "is gone what was erased?", SL_RIG_WRITES, SL_PHASE_BLOCKS, sl_phase_erased,
	 "it carries out no command that erases"},
};
const unsigned sl_n_phases = SL_COUNT(sl_phases);

bool sl_phase_needless(const struct sl_phase *p, const struct sl_rig *rig)
{
	return p->flags & SL_PHASE_LIVE && rig->can & SL_RIG_FRESH;
}

const char *sl_phase_not(const struct sl_phase *p, const struct sl_rig *rig,
			 const struct sl_verify_options *o)
{
	unsigned lacks = p->needs & ~rig->can;

	return p->flags & SL_PHASE_BLOCKS && !sl_observed_of(rig->protocol)->block
		       ? "no command of its protocol reads or writes blocks"
	       : p->flags & SL_PHASE_PERTURBS && !o->perturb ? "only with --perturb"
	       : sl_phase_needless(p, rig) ? "not needed: this device can be had fresh"
	       : lacks & SL_RIG_WRITES	   ? "only with --destructive"
	       : lacks & SL_RIG_BESIDE	   ? "commands go to it one after the other"
	       : lacks & SL_RIG_POWER	   ? "its power cannot be cut"
	       : lacks			   ? "this device cannot be had fresh"
					   : NULL;
}

/* What phases after this one go by. */
static void take_answer(const struct sl_verifier *v, struct sl_case *x, const struct sl_answer *a)
{
	x->status = a->lost ? 0xffff : sl_answer_code(a);
	x->refused = !a->lost && sl_observed_of(v->c->protocol)->no_such(a);
}

/* One command, both orders of looking; then after an hour, a reset and a power cycle. */
static int single(struct sl_verifier *v, struct sl_case *x, bool note_refusal)
{
	int error = 0;

	for (unsigned order = 0; order < 2 && !error && !x->refused; order++) {
		struct sl_trial r;

		error = sl_trial_new(v, 1, &r);
		if (error)
			return error;
		r.step[0] = (struct sl_step){.x = x, .keep = true};
		r.flags = order ? SL_TRIAL_BACKWARDS : 0;
		r.stages = order || !(v->rig->can & SL_RIG_CLOCK) ? 1u << SL_STAGE_NOW : ALL_STAGES;
		error = sl_experiment(v, &r);
		if (!error) {
			take_answer(v, x, &r.step[0].a);
			x->tried = true;
		}
		sl_trial_done(&r);
	}
	if (!error && x->refused && note_refusal && x->listed && x->kind == SL_CASE_BASE &&
	    !(sl_rows[x->row].flags & (SL_ROW_VENDOR | SL_ROW_NO_DEPTH))) {
		struct sl_evidence e = {.where = "status"};

		(void)snprintf(e.what, sizeof(e.what), "%s",
			       sl_observed_of(v->c->protocol)->no_such_text);
		(void)sl_breach_add(v->out, SL_BREACH_UNSUPPORTED, x, &e);
	}
	return error;
}

/* What cannot be undone comes last on a device that cannot be had fresh. */
static bool undoable(const struct sl_case *x)
{
	uint8_t set = sl_rows[x->row].set;

	if (sl_case_harmless(x) || set == SL_SET_NVME_ADMIN)
		return sl_case_harmless(x);
	/* Where one queue has all commands, those whose effects stay are told by these. */
	return sl_sets[set].protocol == SL_WIRE_NVME ||
	       !sl_effects_mutating((x->floor | x->declared) & ~(sl_effects)SL_E_DATA);
}

static int singles(struct sl_verifier *v, bool all, bool last)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		struct sl_case *x = &v->cases.v[i];

		sl_progress(v, i, v->cases.n);
		if (all || (x->kind <= SL_CASE_FIELD && undoable(x) != last))
			error = single(v, x, true);
		else if (!last)
			x->status = 0xffff;
	}
	return error;
}

int sl_phase_singles(struct sl_verifier *v)
{
	return singles(v, v->rig->can & SL_RIG_FRESH, false);
}

int sl_phase_lasting(struct sl_verifier *v)
{
	return v->rig->can & SL_RIG_FRESH ? 0 : singles(v, false, true);
}

/* What came of an opcode that nobody lists. */
static void judge_opcode(struct sl_verifier *v, struct sl_case *x, const struct sl_answer *a)
{
	struct sl_evidence e = {.where = "status"};

	take_answer(v, x, a);
	if (x->refused || a->lost)
		return;
	(void)snprintf(e.what, sizeof(e.what), "%Xh, not %s", sl_answer_code(a),
		       sl_observed_of(v->c->protocol)->no_such_text);
	(void)sl_breach_add(v->out, SL_BREACH_UNLISTED, x, &e);
}

/*
 * Some that follow each other, with a look behind them: one that is refused may have been heard all
 * the same, and two of them may be a knock.
 */
static int some_opcodes(struct sl_verifier *v, size_t from, unsigned n)
{
	struct sl_trial r;
	int error = sl_trial_new(v, n, &r);

	if (error)
		return error;
	for (unsigned i = 0; i < n; i++)
		r.step[i] = (struct sl_step){.x = &v->cases.v[from + i], .keep = true};
	error = sl_experiment(v, &r);
	for (unsigned i = 0; i < n && !error; i++)
		judge_opcode(v, &v->cases.v[from + i], &r.step[i].a);
	sl_trial_done(&r);
	return error;
}

int sl_phase_opcodes(struct sl_verifier *v)
{
	size_t from = v->cases.n;
	bool fresh = v->rig->can & SL_RIG_FRESH;
	int error = v->out->declares && !v->o->only ? sl_cases_opcodes(v->c, &v->cases) : 0;

	for (size_t i = from; i < v->cases.n && !error && sl_budget(v);) {
		size_t n = v->cases.n - i < OPCODES_LIVE ? v->cases.n - i : OPCODES_LIVE;
		struct sl_answer a;

		if (!fresh) {
			error = some_opcodes(v, i, (unsigned)n);
			i += n;
			continue;
		}
		error = sl_verifier_prepare(v, true);
		if (!error)
			error = sl_verifier_call(v, &v->cases.v[i], &a);
		if (!error)
			judge_opcode(v, &v->cases.v[i++], &a);
	}
	v->have_before = false;
	return error;
}

struct opener {
	struct sl_verifier *v;
	struct sl_case *variants;
	uint64_t most, sent; /* forms to send; that were */
	char last[96];	     /* of them */
};

/* A fresh device, and the first `most` forms of harmless commands, other bits and other lengths. */
static int send_forms(struct opener *o)
{
	struct sl_verifier *v = o->v;
	int error = sl_verifier_prepare(v, true);
	uint32_t row_before = UINT32_MAX;

	o->sent = 0;
	for (size_t i = 0; i < v->cases.n; i++) {
		const struct sl_case *x = &v->cases.v[i];
		bool calm =
			x->kind == SL_CASE_BASE && !x->refused && !x->status && sl_case_harmless(x);

		for (unsigned kind = 0; calm && kind < 2; kind++) {
			unsigned n = !kind		    ? sl_vary(v, x, o->variants)
				     : x->row == row_before ? 0
							    : sl_vary_length(v, x, o->variants);

			for (unsigned k = 0; k < n; k++, o->sent++) {
				struct sl_answer a;

				if (o->variants[k].cmd.data_len > OPENER_BYTES)
					continue;
				if (error || o->sent == o->most || v->gone)
					return error;
				(void)snprintf(o->last, sizeof(o->last), "%s", o->variants[k].name);
				error = sl_verifier_call(v, &o->variants[k], &a);
			}
		}
		if (calm)
			row_before = x->row;
	}
	return error;
}

/* Is a command that it did not know known after so many forms? */
static int is_open(struct opener *o, const struct sl_case *x, uint64_t forms, bool *ret)
{
	struct sl_answer a = {0};
	int error;

	o->most = forms;
	error = send_forms(o);
	if (!error)
		error = sl_verifier_call(o->v, x, &a);
	*ret = !error && !a.lost && !sl_observed_of(o->v->c->protocol)->no_such(&a);
	return error;
}

static int find_opener(struct opener *o, struct sl_case *x, const struct sl_answer *a)
{
	uint64_t low = 0, high = o->sent; /* not open after `low` forms, open after `high` */
	bool open = false;
	size_t n = o->v->out->n;
	int error = 0;

	while (high - low > 1 && !error) {
		uint64_t mid = low + (high - low) / 2;

		error = is_open(o, x, mid, &open);
		if (open)
			high = mid;
		else
			low = mid;
	}
	if (!error)
		error = is_open(o, x, high, &open);
	if (error || !open)
		return error;
	judge_opcode(o->v, x, a);
	if (o->v->out->n > n) {
		struct sl_breach *b = &o->v->out->v[n];

		b->n_before = 1;
		(void)snprintf(b->before[0], sizeof(b->before[0]), "%s", o->last);
	}
	return 0;
}

/* Whose power is in our hands is asked once, with all the forms before; and if so, by which. */
static int opened_fresh(struct sl_verifier *v)
{
	struct opener o = {.v = v, .most = UINT64_MAX};
	int error;

	o.variants = calloc(SL_VARIANTS_MAX, sizeof(*o.variants));
	error = o.variants ? send_forms(&o) : -ENOMEM;
	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		struct sl_case *x = &v->cases.v[i];
		struct sl_answer a;

		if (x->kind != SL_CASE_OPCODE || !x->refused)
			continue;
		error = sl_verifier_call(v, x, &a);
		if (error || a.lost || sl_observed_of(v->c->protocol)->no_such(&a))
			continue;
		error = find_opener(&o, x, &a);
		if (!error) {
			o.most = UINT64_MAX;
			error = send_forms(&o);
		}
	}
	free(o.variants);
	return error;
}

int sl_phase_opened(struct sl_verifier *v)
{
	size_t from = 0, n = 0;
	int error = 0;

	if (v->rig->can & SL_RIG_FRESH)
		return opened_fresh(v);
	/* They stand one behind the other, at the end. */
	for (size_t i = 0; i < v->cases.n; i++)
		if (v->cases.v[i].kind == SL_CASE_OPCODE && !n++)
			from = i;
	for (size_t i = from; i < v->cases.n && n && !error && sl_budget(v); i += OPCODES_LIVE)
		error = some_opcodes(
			v, i,
			(unsigned)(v->cases.n - i < OPCODES_LIVE ? v->cases.n - i : OPCODES_LIVE));
	v->have_before = false;
	return error;
}
