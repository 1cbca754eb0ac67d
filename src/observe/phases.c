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
	{"counters", "do the counters count what was sent?", 0, SL_PHASE_PERTURBS | SL_PHASE_BLOCKS,
	 sl_phase_counters, "no NVMe read or write to count"},
	{"counts", "each harmless command a thousand times", 0, SL_PHASE_PERTURBS, sl_phase_counts,
	 CALM_NONE},
	{"support", "each command again after a thousand others, an hour and a power cycle",
	 SL_RIG_FRESH, SL_PHASE_PERTURBS, sl_phase_support, "it carries out no command"},
	{"delays", "all of them, then seconds of waiting", 0, SL_PHASE_LIVE | SL_PHASE_PERTURBS,
	 sl_phase_delays, CALM_NONE},
	{"lasting", "commands whose doings stay, on a device that cannot be had fresh",
	 SL_RIG_WRITES, SL_PHASE_LIVE, sl_phase_lasting, "there is none"},
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
