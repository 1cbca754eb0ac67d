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

#define NVME_INVALID_OPCODE 0x001u
#define ALL_STAGES	    ((1u << _SL_STAGE_N) - 1)

const struct sl_phase sl_phases[] = {
	{"singles", "each command by itself", 0, false, sl_phase_singles},
	{"opcodes", "opcodes that no log lists", 0, false, sl_phase_opcodes},
};
const unsigned sl_n_phases = SL_COUNT(sl_phases);

static void progress(const struct sl_verifier *v, size_t done, size_t of)
{
	if (v->o->progress)
		v->o->progress(v->o->ctx, v->out->phase[v->phase].name, (unsigned)done,
			       (unsigned)of);
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
		x->refused =
			!r.step[0].a.lost && sl_answer_code(&r.step[0].a) == NVME_INVALID_OPCODE;
		sl_trial_done(&r);
		if (!(v->rig->can & SL_RIG_FRESH))
			break;
	}
	if (x->refused && note_refusal && x->listed && x->kind == SL_CASE_BASE &&
	    !(sl_rows[x->row].flags & (SL_ROW_VENDOR | SL_ROW_NO_DEPTH))) {
		struct sl_evidence e = {.where = "status", .what = "Invalid Command Opcode"};

		(void)sl_breach_add(v->out, SL_BREACH_UNSUPPORTED, x, &e);
	}
	return error;
}

int sl_phase_singles(struct sl_verifier *v)
{
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error && sl_budget(v); i++) {
		progress(v, i, v->cases.n);
		error = single(v, &v->cases.v[i], true);
	}
	return error;
}

int sl_phase_opcodes(struct sl_verifier *v)
{
	size_t from = v->cases.n;
	int error = v->out->declares ? sl_cases_opcodes(v->c, &v->cases) : 0;

	for (size_t i = from; i < v->cases.n && !error && sl_budget(v); i++) {
		struct sl_case *x = &v->cases.v[i];
		struct sl_answer a;

		error = sl_verifier_prepare(v, true);
		if (!error)
			error = sl_verifier_call(v, x, &a);
		if (error)
			break;
		x->refused = !a.lost && sl_answer_code(&a) == NVME_INVALID_OPCODE;
		if (!x->refused && !a.lost) {
			struct sl_evidence e = {.where = "status"};

			(void)snprintf(e.what, sizeof(e.what), "%Xh, not Invalid Command Opcode",
				       sl_answer_code(&a));
			(void)sl_breach_add(v->out, SL_BREACH_UNLISTED, x, &e);
		}
	}
	v->have_before = false;
	return error;
}
