/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a verification is, and how long it will take: shares of the time that the phases took on
 * models of every kind and on devices on the wire, corrected by what this one took so far.
 */
#include <string.h>

#include "base/bytes.h"
#include "observe/phase.h"

#define SETTLED_S 1.0 /* before that an estimate says nothing */

/* Of the time that all take together. A phase that is not here takes SHARE_OTHER. */
static const struct {
	const char *phase;
	unsigned share;
} shares[] = {
	{"singles", 16},  {"variations", 12}, {"spill", 12},  {"blocks", 40},
	{"sequences", 8}, {"counts", 5},      {"support", 4},
};
#define SHARE_OTHER 1

static double share_of(const struct sl_phase *p)
{
	for (size_t i = 0; i < SL_COUNT(shares); i++)
		if (strcmp(shares[i].phase, p->name) == 0)
			return shares[i].share;
	return SHARE_OTHER;
}

void sl_progress(const struct sl_verifier *v, size_t done, size_t of)
{
	const struct sl_verdicts *out = v->out;
	double all = 0, before = 0, part = of ? (double)done / (double)of : 0;
	double elapsed = sl_now() - v->t0;
	struct sl_progress p = {.phase = out->phase[v->phase].name, .seconds_left = -1};
	bool reached = false;

	if (!v->o->progress)
		return;
	for (unsigned i = 0; i < sl_n_phases; i++) {
		double share = share_of(&sl_phases[i]);

		if (sl_phase_not(&sl_phases[i], v->rig, v->o))
			continue;
		all += share;
		reached |= sl_phases[i].text == p.phase;
		before += reached ? 0 : share;
		if (sl_phases[i].text == p.phase)
			before += share * (part < 1 ? part : 1);
	}
	/* Some phases go over several things, each from its start: never backwards. */
	if (all > 0 && before / all > v->out->part)
		v->out->part = before / all;
	p.part = v->out->part;
	if (elapsed >= SETTLED_S && p.part > 0.02)
		p.seconds_left = elapsed * (1 - p.part) / p.part;
	if (v->o->seconds && p.seconds_left > v->o->seconds - elapsed)
		p.seconds_left = v->o->seconds > elapsed ? v->o->seconds - elapsed : 0;
	v->o->progress(v->o->ctx, &p);
}
