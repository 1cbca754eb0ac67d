/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: kept once, however many variations of a command show them. */
#ifndef SL_OBSERVE_BREACH_H
#define SL_OBSERVE_BREACH_H

#include "observe/trial.h"

/*
 * Adds a finding, or counts it to the one that is there already: same kind, same row, same place.
 * The returned one may be filled further; NULL: it was there, or memory is short.
 */
struct sl_breach *sl_breach_add(struct sl_verdicts *out, unsigned id, const struct sl_case *x,
				const struct sl_evidence *first);
/* From what a run left unexplained; only the kept steps count. NULL as above. */
struct sl_breach *sl_breach_from(struct sl_verifier *v, const struct sl_trial *run,
				 const struct sl_difference *d);
/*
 * Is what a run left unexplained what its command was caught at before? Then it is counted to that
 * finding, and has not to be shown again. False where commands of several rows may have done it.
 */
bool sl_breach_again(struct sl_verifier *v, const struct sl_trial *run,
		     const struct sl_difference *d);
/*
 * Puts a finding at its place in the list, which it takes over: an existing one, or the next. 0,
 * -EINVAL (there is no such place) or -ENOMEM.
 */
int sl_breach_put(struct sl_verdicts *out, size_t at, const struct sl_breach *b);
/* What a finding holds; the caller removes it from its list. */
void sl_breach_done(struct sl_breach *b);
/* Leaves out what another finding of the same row says better. */
void sl_breach_tidy(struct sl_verdicts *out);
/* Was this row caught already? */
bool sl_breach_of_row(const struct sl_verdicts *out, uint16_t row);

#endif
