/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a verification, as rows. A new kind of experiment is a row and a function. */
#ifndef SL_OBSERVE_PHASE_H
#define SL_OBSERVE_PHASE_H

#include "observe/trial.h"

enum sl_phase_flag {
	SL_PHASE_LIVE = 1 << 0,	    /* only on a device that cannot be had fresh */
	SL_PHASE_PERTURBS = 1 << 1, /* only with --perturb */
	SL_PHASE_BLOCKS = 1 << 2,   /* only where commands read and write blocks */
};

struct sl_phase {
	const char *name, *text;
	unsigned needs; /* enum sl_rig_can */
	unsigned flags; /* enum sl_phase_flag */
	int (*run)(struct sl_verifier *v);
	/* Why it sent nothing, where it did not; NULL: it has not to. */
	const char *nothing;
};

extern const struct sl_phase sl_phases[];
extern const unsigned sl_n_phases;

/* Why a phase is not for this device, or was not asked for; NULL: it is tried. */
const char *sl_phase_not(const struct sl_phase *p, const struct sl_rig *rig,
			 const struct sl_verify_options *o);
/* Nothing is missing without it. */
bool sl_phase_needless(const struct sl_phase *p, const struct sl_rig *rig);

/*
 * Carries a run out, compares it with its twin (or with the look before), finds which of its
 * commands are needed for what is left unexplained, and records that. `wide`: too many steps for a
 * look at every stage. 0 or -errno.
 */
int sl_experiment(struct sl_verifier *v, struct sl_trial *r);

/* The fields of a row's layout that keep their value in variations: 1 << number. */
uint64_t sl_fields_fixed(uint16_t row);

/* Tells whoever wants to know that this phase has done so much. */
void sl_progress(const struct sl_verifier *v, size_t done, size_t of);

int sl_phase_singles(struct sl_verifier *v);
#define SL_VARIANTS_MAX 1400u

/*
 * Forms of a command with other bits than the canonical ones; and, of one that only reads, of other
 * lengths. `ret` has room for SL_VARIANTS_MAX. How many there are.
 */
unsigned sl_vary(const struct sl_verifier *v, const struct sl_case *x, struct sl_case *ret);
unsigned sl_vary_length(const struct sl_verifier *v, const struct sl_case *x, struct sl_case *ret);
/* How many forms --perturb would make of the cases. */
size_t sl_variants(const struct sl_verifier *v);
#define SL_REPEATS 1200u /* of each harmless command, in a row */
#define SL_PAUSES  7u	 /* looks meanwhile, on a device that cannot be had fresh */

int sl_phase_consumed(struct sl_verifier *v);
int sl_phase_stirred(struct sl_verifier *v);
int sl_phase_resets(struct sl_verifier *v);
int sl_phase_delays(struct sl_verifier *v);
int sl_phase_lasting(struct sl_verifier *v);
int sl_phase_opcodes(struct sl_verifier *v);
int sl_phase_opened(struct sl_verifier *v);
int sl_phase_payloads(struct sl_verifier *v);
int sl_phase_stored(struct sl_verifier *v);
int sl_phase_spill(struct sl_verifier *v);
int sl_phase_copies(struct sl_verifier *v);
int sl_phase_promises(struct sl_verifier *v);
int sl_phase_erased(struct sl_verifier *v);
int sl_phase_counters(struct sl_verifier *v);
int sl_phase_support(struct sl_verifier *v);
int sl_phase_sequences(struct sl_verifier *v);
int sl_phase_beside(struct sl_verifier *v);
int sl_phase_variations(struct sl_verifier *v);
int sl_phase_blocks(struct sl_verifier *v);
int sl_phase_counts(struct sl_verifier *v);

#endif
