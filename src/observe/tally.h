/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification covered, counted once at its end. */
#ifndef SL_OBSERVE_TALLY_H
#define SL_OBSERVE_TALLY_H

#include "observe/trial.h"

/* Fills the matrix and the coverage of v->out. 0 or -ENOMEM. */
int sl_tally_fill(struct sl_verifier *v);
/* Declared, carried out, and never seen although something that is read could tell. */
sl_effects sl_tally_unseen(const struct sl_verdicts *out, const struct sl_tally *t);
/* One of them took ten times as long as they do: a hint at most. */
bool sl_tally_stalls(const struct sl_tally *t);

/* Fields of the commands' layouts, of all commands together. */
struct sl_field_count {
	unsigned all, turned;
	unsigned fixed;	  /* say how much or which: the command would be another */
	unsigned refused; /* the device carried out no form of the command */
	unsigned caught;  /* the command was caught before: nothing is learnt from it */
	unsigned waiting; /* not asked for, or the budget ended it */
};
void sl_tally_fields(const struct sl_verdicts *out, struct sl_field_count *ret);

#endif
