/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verification that can be cut off at any instant and goes on where it was: a journal of lines.
 * Every experiment is a line with what came of it, and the end of every phase is one with all that
 * later phases go by. Going on, a run takes the same way through its loops, and an experiment that
 * is in the journal is not done again: its line is read instead.
 *
 * Phases that are not made of experiments begin anew when they were cut off in the middle.
 */
#ifndef SL_OBSERVE_STATE_H
#define SL_OBSERVE_STATE_H

#include "observe/trial.h"

struct sl_state;

/*
 * Opens or begins the journal of a verification that is set up. 0, or -errno with *reterr: it
 * cannot be read or written, or is of another device, contract or other options.
 */
int sl_state_open(const char *path, struct sl_verifier *v, struct sl_diag *reterr);
/* Flushes. 0, or -errno of the first failed write. NULL-safe. */
int sl_state_close(struct sl_state *s);

/* The next phase. True: it was done to its end, and all that it left is here. */
bool sl_state_phase(struct sl_verifier *v, const char *phase);
void sl_state_phase_end(struct sl_verifier *v);

/* The next experiment. True: it was done, its answers are in `r` and what it found is here. */
bool sl_state_skip(struct sl_verifier *v, struct sl_trial *r);
void sl_state_note(struct sl_verifier *v, const struct sl_trial *r);

#endif
