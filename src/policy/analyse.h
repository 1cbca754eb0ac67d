/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about policies, answered over their whole finite domain. */
#ifndef SL_POLICY_ANALYSE_H
#define SL_POLICY_ANALYSE_H

#include "policy/policy.h"

/* One way in which two policies differ. */
struct sl_policy_change {
	bool gained; /* the new policy allows it and the old one does not; else the reverse */
	const char *client, *device; /* in words; device "" is any */
	const char *commands;
	const char *where; /* "" is always */
};

#define SL_DIFF_MEMORY (32u << 20)

/*
 * Tells everything that one policy allows and the other does not. 0; *ret_sampled is how many
 * commands have too many combinations to try all. What changes alike is told as one as long as no
 * more than `memory` bytes have to be kept for it; beyond, it is told in parts.
 */
int sl_policy_diff(const struct sl_image *old, const struct sl_image *new, size_t memory,
		   void (*each)(void *userdata, const struct sl_policy_change *c), void *userdata,
		   unsigned *ret_sampled);

struct sl_policy_answer {
	bool yes;
	unsigned sampled; /* commands of which not every combination was tried */
	uint64_t tried;	  /* combinations */
	/* The counterexample, or the example where one was asked for; "" without one. */
	char client[160], device[160];
	char command[512]; /* for `sluice explain` */
	char given[512];   /* what the device declares and what state it is in */
	char rule[256];	   /* the rule that decided, "file:line" */
	sl_effects effects;
};

/*
 * Answers a question about a policy:
 *	only WHO can cause EFFECTS        no one can cause EFFECTS
 *	WHO can|cannot|can always cause EFFECTS, or COMMANDS [where CONDITIONS]
 *	everything allowed [to WHO] has CONDITIONS
 * 0; -EBADMSG with messages when the question is not understood.
 */
int sl_policy_prove(const struct sl_policy *policy, const struct sl_image *img,
		    const char *question, struct sl_policy_messages *msgs,
		    struct sl_policy_answer *ret);

#endif
