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

/* What changes come to, for one client and node: commands whose gravest effect is this one. */
struct sl_policy_line {
	bool gained;
	uint8_t protocol;	     /* enum sl_wire_protocol */
	const char *client, *device; /* as above */
	const char *node;	     /* kinds of nodes, or "any" */
	int effect;		     /* enum sl_effect_bit; -1: none */
	unsigned commands;
	const char *example; /* the plainest, for `sluice explain` … */
	const char *given;   /* … and what it takes besides; "" */
};

typedef void (*sl_policy_line_fn)(void *userdata, const struct sl_policy_line *l);

/* Commands that have more combinations of values than are tried. */
struct sl_policy_sampled {
	unsigned n;
	bool clients; /* there are more kinds of clients and devices, too */
	char commands[2048];
};

#define SL_DIFF_MEMORY (32u << 20)

/*
 * Tells everything that one policy allows and the other does not, and at the end what it comes to;
 * either may be NULL. What changes alike is told as one as long as no more than `memory` bytes have
 * to be kept for it; beyond, it is told in parts.
 */
int sl_policy_diff(const struct sl_image *old, const struct sl_image *new, size_t memory,
		   void (*each)(void *userdata, const struct sl_policy_change *c),
		   sl_policy_line_fn line, void *userdata, struct sl_policy_sampled *ret);
/* nvme.admin.get-log-page.{smart, error}, nvme.admin.identify.*: rows[] has a byte for each row. */
void sl_rows_text(const uint8_t *rows, char *buf, size_t size);
void sl_sampled_set(struct sl_policy_sampled *ret, const uint8_t *rows);

struct sl_policy_answer {
	bool yes;
	struct sl_policy_sampled sampled;
	uint64_t tried; /* combinations */
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
