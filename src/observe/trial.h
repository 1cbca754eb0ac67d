/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Experiments: a list of commands on a device in a known state, and what can be seen afterwards.
 * Where the device can be had fresh, each experiment has a twin that differs in nothing but the
 * commands in question: a harmless one stands in the place of each. What moves by itself, or by
 * others, moves in both.
 */
#ifndef SL_OBSERVE_TRIAL_H
#define SL_OBSERVE_TRIAL_H

#include "observe/judge.h"
#include "observe/protocol.h"
#include "observe/verify.h"

/* Reading back did not return what a step wrote. */
enum sl_mismatch {
	SL_MISMATCH_AT_ONCE = 1 << 0,
	SL_MISMATCH_LATER = 1 << 1, /* after the rest of the experiment */
	SL_MISMATCH_READ = 1 << 2,  /* and it was stored: it is the read that lies */
};

/* How one command of an experiment went. */
struct sl_step {
	const struct sl_case *x;
	bool keep;	  /* else the harmless command stands in its place */
	uint8_t mismatch; /* enum sl_mismatch */
	uint16_t own;	  /* commands of ours behind it, to read back */
	struct sl_answer a;
	uint64_t digest; /* of what it returned */
};

enum sl_trial_flag {
	SL_TRIAL_BACKWARDS = 1 << 0, /* look in the other order */
	SL_TRIAL_READBACK = 1 << 1,  /* read what a write wrote at once */
	SL_TRIAL_UNSEEDED = 1 << 2,  /* leave the arena as it is */
	SL_TRIAL_REPEAT = 1 << 4,    /* the steps are one command again and again */
	SL_TRIAL_CUT = 1 << 5,	     /* live: reset and cut the power before looking */
	SL_TRIAL_AUDIT = 1 << 3,     /* read what was written once more at the end */
};

struct sl_trial {
	struct sl_step *step;
	unsigned n;
	unsigned prefix; /* steps that the twin takes too: not in question */
	unsigned flags;
	unsigned stages;  /* 1 << enum sl_stage */
	unsigned order;	  /* of the looks, enum sl_look_order; BACKWARDS goes before it */
	bool failed;	  /* reading back was refused: that leaves traces of ours */
	uint64_t own;	  /* commands of ours behind the last step */
	uint64_t elapsed; /* ms that the steps are to have taken together */
	struct sl_look look[_SL_STAGE_N];
	unsigned looked; /* 1 << enum sl_stage of those taken */
};

#define SL_TWINS_MAX 8

struct sl_verifier {
	struct sl_rig *rig;
	const struct sl_verify_options *o;
	struct sl_verdicts *out;
	struct sl_contract *c;
	struct sl_probes probes;
	struct sl_probes early; /* live: the declaration, as it was before all else was asked */
	struct sl_cases cases;
	uint8_t *data, *expect;
	uint8_t fna;
	struct sl_case neutral;
	struct sl_case culprit; /* a read of ours that turned out to be what did it */
	struct sl_look before;	/* wire: the last look, which is what the next is held against */
	struct sl_look again;	/* wire: after putting it back */
	struct sl_look start;	/* the known state */
	bool own_failed;	/* a command of ours beside the steps was refused */
	bool have_before;
	bool lingers;	  /* a command was carried out that may go on, or take the device away */
	unsigned order;	  /* live: of the next experiment's looks */
	unsigned moved;	  /* live: changes that came without a command of ours */
	double watched;	  /* live: seconds in which nothing was sent but looks */
	bool gone;	  /* the device does not answer any more */
	unsigned failing; /* commands in a row that the transport failed, the last of this row */
	uint16_t failing_row;
	unsigned silent; /* answers in a row that did not come */
	double t0, phase_t0;
	unsigned phase;
	struct sl_trial twins[SL_TWINS_MAX]; /* recent ones with nothing in question in them */
	unsigned next_twin;
	struct sl_state *state;		   /* where it goes on from; NULL: nowhere */
	struct sl_use *use;		   /* see sl_use_of */
	struct sl_exhibit stored;	   /* the first block of a run that is not as written */
	const struct sl_case *stored_case; /* by this command; NULL: none */
};

/* Of the command that this is a form of. */
struct sl_use *sl_use_of(const struct sl_verifier *v, uint16_t row, const struct sl_command *cmd);
/* How many there are. */
size_t sl_use_count(void);

int sl_trial_new(const struct sl_verifier *v, unsigned n, struct sl_trial *ret);
void sl_trial_done(struct sl_trial *r);
/* A fresh, seeded device; on others: as it is. 0 or -errno. */
int sl_verifier_prepare(struct sl_verifier *v, bool seeded);
/* Carries it out. 0 or -errno of the rig. */
int sl_trial_run(struct sl_verifier *v, struct sl_trial *r);
/* One command outside of any experiment. */
int sl_verifier_call(struct sl_verifier *v, const struct sl_case *x, struct sl_answer *ret);

/* A read, write or compare of blocks of one namespace, as a case; a write's payload is v->data. */
void sl_block_case(const struct sl_verifier *v, const struct sl_ns *ns, enum sl_block_op op,
		   uint64_t lba, uint32_t n, struct sl_case *ret);

/* A change that none of the commands explains. */
struct sl_unexplained {
	struct sl_change change;
	enum sl_explanation why;
	uint8_t stage;
};

#define SL_UNEXPLAINED_MAX 64

struct sl_difference {
	unsigned n, more;
	struct sl_unexplained v[SL_UNEXPLAINED_MAX];
	/* The things in which the changes are that say most. */
	unsigned n_kept;
	struct {
		const struct sl_probe *probe;
		unsigned rank;
		struct sl_exhibit exhibit;
	} kept[SL_EVIDENCE_MAX];
};

/* How much a change says: the worst, and of these one that is no log. */
unsigned sl_unexplained_rank(const struct sl_unexplained *u);

/* What was sent of a command, to which all its forms count. */
struct sl_use {
	sl_effects seen;
	uint64_t sent, ms, turned;
	uint32_t ms_max;
};

/* What differs between a run and its twin, and is not explained by a command of the run. */
void sl_trial_compare(const struct sl_verifier *v, const struct sl_trial *run,
		      const struct sl_trial *twin, struct sl_difference *ret);
/* For a device that cannot be had fresh: one look against another. */
void sl_look_explain(const struct sl_verifier *v, const struct sl_trial *run, unsigned stage,
		     const struct sl_look *a, const struct sl_look *b, struct sl_difference *ret);

/* Counters of what looks themselves do when they are refused. */
bool sl_change_own(const struct sl_change *c);

#define SL_LATER_MS 3600000u /* an hour of a model's time */

double sl_now(void);
/* How long is waited for what comes late, where time is real. */
unsigned sl_patience_ms(const struct sl_verifier *v);
/* Is there time and are there commands left? */
bool sl_budget(struct sl_verifier *v);
/* Block size with what metadata travels in it; 0: unknown. */
uint32_t sl_ns_bytes(const struct sl_ns *ns);

#endif
