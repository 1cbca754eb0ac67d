/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Experiments on a device that cannot be had fresh, and that somebody else may be using: a change
 * is held against the look before, done again from where it started, and against doing nothing.
 */
#ifndef SL_OBSERVE_LIVE_H
#define SL_OBSERVE_LIVE_H

#include "observe/trial.h"

#define SL_LIVE_TURNS 2u /* where something has moved by itself, with and without commands */

/* As sl_experiment. */
int sl_experiment_live(struct sl_verifier *v, struct sl_trial *r);
/* What single answers of a run say by themselves. */
void sl_trial_check_steps(struct sl_verifier *v, const struct sl_trial *r);

/* Looks until two looks agree; what does not come to rest is left out from then on. 0 or -errno. */
int sl_live_settle(struct sl_verifier *v);
/* Holds a declaration read before all else against what was read when its probe was found. */
void sl_live_check_first(struct sl_verifier *v, const struct sl_probes *early);
/* Holds the look before against an earlier one in what has to stay. */
void sl_live_check_fixed(struct sl_verifier *v, const struct sl_look *was);
/*
 * As close to the start as the device lets us make it: powered off and on where it can be, features
 * and blocks that are looked at put back. The look of it is v->before. 0 or -errno.
 */
int sl_live_restore(struct sl_verifier *v);
/* Holds the look before against an earlier one in what nothing sent since should have changed. */
void sl_live_note(struct sl_verifier *v, const struct sl_look *was);
/* Resets it and cuts its power, and takes the look before. 0 or -errno. */
int sl_live_cut(struct sl_verifier *v);
/* Sends steps [from, to) of a run to a restored device. 1: something is left unexplained, in *ret.
 */
int sl_live_again(struct sl_verifier *v, const struct sl_trial *r, unsigned from, unsigned to,
		  struct sl_difference *ret);
/*
 * Sets what a probe reads, to the value or the bytes that it had. 0 or -errno; *ret_ok: the device
 * took it. `bytes` may be NULL where a value is meant.
 */
int sl_live_set(struct sl_verifier *v, const struct sl_probe *p, uint64_t value,
		const uint8_t *bytes, bool *ret_ok);
/* The command of a probe, as a case. */
void sl_probe_case(const struct sl_verifier *v, const struct sl_probe *p, struct sl_case *ret);

#endif
