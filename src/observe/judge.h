/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a change is one that a command may make: by what the device declares of it, by its
 * specification, by what it names. No device is asked here.
 */
#ifndef SL_OBSERVE_JUDGE_H
#define SL_OBSERVE_JUDGE_H

#include "observe/case.h"
#include "observe/verify.h"

/* What was done: a case, and how it ended. */
struct sl_done {
	const struct sl_case *x;
	uint16_t status; /* without DNR and MORE; 0: it succeeded */
	bool lost;
	bool reset; /* the device has been reset since, or may have been */
};

/* How a change stands to a command. */
enum sl_explanation {
	SL_EXPLAINED,	  /* declared, or so by the specification where no log has a bit for it */
	SL_UNDERDECLARED, /* by the specification alone, although there is a bit for it */
	SL_OUT_OF_SCOPE,  /* the effect, but on something that the command does not name */
	SL_UNEXPLAINED,
};

/*
 * `fna`: Identify Controller byte 524, format attributes. `declares`: the device publishes a
 * contract; without one nothing can be missing in it.
 */
enum sl_explanation sl_explain(const struct sl_contract *c, const struct sl_done *d,
			       const struct sl_change *change, uint8_t fna, bool declares);

/* What a change witnesses. */
sl_effects sl_change_effects(const struct sl_change *c);
/* It cannot be by any command: a declaration, or a fixed part of Identify. */
bool sl_change_fixed(const struct sl_change *c);
/* It has no innocent cause but a command: no honest device changes it by itself. */
bool sl_change_kept(const struct sl_change *c);
/* Dataset Management that gives a hint, and changes nothing. */
bool sl_only_hints(uint16_t row, const uint8_t *req);
/* For people: where, and from what to what. */
void sl_change_describe(const struct sl_change *c, struct sl_evidence *ret);

#endif
