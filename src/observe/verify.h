/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifier: sends commands to a device, looks at what changed, and holds it against what the
 * device declares. It can say that it saw a contradiction, and of which command; it can never say
 * that there is none.
 */
#ifndef SL_OBSERVE_VERIFY_H
#define SL_OBSERVE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "contract/doc.h"
#include "observe/case.h"
#include "observe/exhibit.h"
#include "observe/facet.h"
#include "observe/rig.h"

/*
 * BREACH(ID, "name", what it means, weight). CAUGHT contradicts a declaration or the specification;
 * UNATTRIBUTED changed and may be somebody else's doing; NOTE is worth knowing.
 */
#define SL_BREACHES(B)                                                                             \
	B(UNDECLARED, "undeclared-effect",                                                         \
	  "it changed what neither its declaration nor its "                                       \
	  "specification lets it change",                                                          \
	  CAUGHT)                                                                                  \
	B(UNDERDECLARED, "under-declared",                                                         \
	  "it has the effect that its specification names, and the device does not declare it",    \
	  CAUGHT)                                                                                  \
	B(SCOPE, "wrong-scope", "it changed more than what it names", CAUGHT)                      \
	B(HIDDEN, "hidden-effect",                                                                 \
	  "it changed state that no answer shows; only the model's own digest does", CAUGHT)       \
	B(NOT_STORED, "not-stored", "it succeeded and did not do what it says", CAUGHT)            \
	B(UNWRITTEN, "answer-nobody-wrote", "a read returned what nobody wrote", CAUGHT)           \
	B(OVERRUN, "transfer-too-long", "the device moved more than the command's length", CAUGHT) \
	B(DECLARATION, "declaration-changes",                                                      \
	  "what the device declares of itself changed under the same firmware", CAUGHT)            \
	B(NOT_ALONE, "not-alone",                                                                  \
	  "a harmless command failed or answered otherwise only while it ran, and nothing says "   \
	  "that it has to run alone",                                                              \
	  CAUGHT)                                                                                  \
	B(VANISHED, "support-changes", "a command that worked was refused later, or the reverse",  \
	  CAUGHT)                                                                                  \
	B(COUNTER, "counter-wrong", "a counter does not count what was sent", CAUGHT)              \
	B(UNLISTED, "supported-but-unlisted",                                                      \
	  "the device carries out a command that its log does not list", CAUGHT)                   \
	B(UNSUPPORTED, "listed-but-unsupported", "its log lists a command that it does not know",  \
	  CAUGHT)                                                                                  \
	B(LOST, "device-failed", "the device failed, stalled or went away", NOTE)                  \
	B(MOVES, "changes-by-itself", "it changed without any command of ours", UNATTRIBUTED)      \
	B(UNREPEATED, "not-repeated", "it changed once and not again in the same place",           \
	  UNATTRIBUTED)

enum sl_breach_id {
#define B(id, name, text, weight) SL_BREACH_##id,
	SL_BREACHES(B)
#undef B
		_SL_BREACH_N
};

enum sl_weight { SL_WEIGHT_NOTE, SL_WEIGHT_UNATTRIBUTED, SL_WEIGHT_CAUGHT };

struct sl_breach_kind {
	const char *name, *text;
	uint8_t weight; /* enum sl_weight */
};
extern const struct sl_breach_kind sl_breach_kinds[_SL_BREACH_N];

/* When the change was seen. */
enum sl_stage {
	SL_STAGE_NOW,	/* by the first look after the command */
	SL_STAGE_LATER, /* after time had passed */
	SL_STAGE_RESET, /* after a reset and a power cycle */
	_SL_STAGE_N
};

#define SL_EVIDENCE_MAX 6
#define SL_CULPRITS_MAX 8

struct sl_evidence {
	char where[96]; /* "feature 06h", "identify.ns nsid=2: NSZE" */
	char what[96];	/* "1 -> 0" */
	uint32_t at, len;
	sl_effects effects; /* that it witnesses */
	/* The bytes; NULL: none are kept. A finding's own copy; elsewhere somebody else's. */
	struct sl_exhibit *exhibit;
};

struct sl_recipe;

struct sl_breach {
	uint8_t id;	       /* enum sl_breach_id */
	uint8_t stage;	       /* enum sl_stage */
	char command[160];     /* who did it; "" when nobody did */
	struct sl_command cmd; /* the last of them */
	bool has_cmd;
	unsigned n_before; /* commands that have to come before it, in order */
	char before[SL_CULPRITS_MAX][96];
	sl_effects declared, floor, observed;
	unsigned n_evidence, more; /* and so many more places */
	struct sl_evidence evidence[SL_EVIDENCE_MAX];
	unsigned rank;	/* how much the first piece of evidence says */
	unsigned times; /* variations of the command that did the same */
	char note[160];
	uint64_t serial;	  /* it is known by, in a state file */
	uint8_t phase;		  /* of sl_verdicts.phase that found it */
	double at;		  /* seconds since the start */
	uint64_t at_command;	  /* commands sent by then */
	struct sl_recipe *recipe; /* to see it again; NULL: only the phase can */
};

struct sl_progress {
	const char *phase;   /* what is being tried */
	double part;	     /* of all, 0 to 1 */
	double seconds_left; /* an estimate; negative: too early to say */
};

struct sl_verify_options {
	uint64_t commands; /* budget; 0: none */
	unsigned seconds;  /* likewise */
	bool first;	   /* what is caught first ends it */
	bool perturb;	   /* reserved bits, other fields, blocks and payloads */
	uint64_t key;
	const char *only;     /* commands whose names have this in them; NULL: all */
	unsigned patience_ms; /* for effects that come later, where time is real; 0: 6 s */
	const char *state;    /* file to go on from, and to note down how far it is; NULL: none */
	void (*progress)(void *ctx, const struct sl_progress *p);
	void *ctx;
};

struct sl_phase_count {
	const char *name;
	uint64_t experiments, commands;
	double start, seconds;
	bool cut; /* a budget ended it */
};

/*
 * A command as the report has it: what is declared of it, what its specification says, what was
 * seen of it; all its forms together.
 */
struct sl_tally {
	uint16_t row;
	uint8_t set, opcode;
	char name[96];
	bool listed;
	sl_effects declared, floor;
	sl_effects seen;    /* by it alone, and admitted by the declaration or the specification */
	sl_effects against; /* seen, and admitted by neither */
	unsigned forms, done, unknown; /* tried; of these it carried out; it did not know */
	uint16_t status;	       /* of one that it refused */
	uint64_t sent;
	uint64_t ms;	 /* of all of them */
	uint32_t ms_max; /* of the slowest */
	unsigned fields; /* that its layout has */
	uint64_t turned; /* of these: had their bits turned, 1 << number */
	uint64_t fixed;	 /* say how much or which: have to keep their value */
};

/* Something that was left out of it, and why. */
struct sl_gap {
	char what[112];
	char why[96];
};

#define SL_PHASES_MAX 24

/* An answer that the contract was read from. */
struct sl_raw_answer {
	uint8_t raw; /* enum sl_raw */
	uint16_t status;
	struct sl_command cmd;
	uint32_t len;
	uint8_t *data;
};

struct sl_verdicts {
	struct sl_doc *doc;
	size_t n_raw;
	struct sl_raw_answer *raw;
	size_t n, cap;
	struct sl_breach *v;
	unsigned count[SL_WEIGHT_CAUGHT + 1];
	size_t n_probes, n_masked, n_cases, n_refused;
	unsigned facets[_SL_FACET_N]; /* probes of each */
	unsigned n_phases;
	struct sl_phase_count phase[SL_PHASES_MAX];
	unsigned n_undone;
	struct sl_gap undone[SL_PHASES_MAX]; /* kinds of experiments that were not done */
	uint64_t commands, experiments;
	uint64_t blocks_tried, blocks_of; /* written and read one by one, of how many */
	/* Tried with harmless ones beside it; of these, to be run alone; that disturbed nothing. */
	unsigned beside, alone, alone_calm;
	double seconds;
	char ended[192];  /* why it ended early, by the device's doing; "" */
	uint8_t protocol; /* enum sl_wire_protocol */
	bool declares;	  /* it publishes a contract at all */
	size_t n_tallies;
	struct sl_tally *tally;
	size_t n_gaps;
	struct sl_gap *gap;	   /* entries of the contract that were not carried out */
	unsigned entries, covered; /* of the contract; carried out in at least one form */
	sl_effects witnessed;	   /* effects of which something that is read can tell */
	double t0;
	uint64_t serial;	  /* of the last finding */
	double part;		  /* done, as far as anybody was told */
	const struct sl_rig *rig; /* while it runs */
};

/* What it would take, by an estimate that errs on the high side. */
struct sl_estimate {
	size_t forms, variants;	  /* of commands, and with one bit of them turned */
	uint64_t commands, asked; /* to be sent; sent already, to find out */
	uint64_t bytes;		  /* of the namespaces that may be overwritten */
	uint64_t errors;	  /* entries in its error log, at most */
	double seconds;
};

/* Asks the device for what it is and declares, and sends nothing else. 0 or -errno with *reterr. */
int sl_verify_estimate(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
		       struct sl_estimate *ret, struct sl_diag *reterr);

/* Judges a device. 0: *ret is filled, see ->count; -errno with *reterr: it could not be judged. */
int sl_verify(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
	      struct sl_verdicts *ret, struct sl_diag *reterr);
void sl_verdicts_done(struct sl_verdicts *v);

/*
 * Tries whether a finding shows on this device too: its recipe, and where there is none, or nothing
 * comes of it, the phase that found it. *ret as from sl_verify, of what was done for that. 1: it
 * shows again, as
 * (*ret)->v[*ret_at]; 0: it does not; -errno with *reterr.
 */
int sl_verify_again(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
		    const struct sl_breach *b, const char *phase, struct sl_verdicts *ret,
		    size_t *ret_at, struct sl_diag *reterr);

#endif
