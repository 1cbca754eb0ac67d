/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to see a finding again: the commands of its experiment, in order, with their
 * payloads, and how it was looked at. Some findings are no single experiment's; these are seen
 * again by the phase that found them.
 */
#ifndef SL_OBSERVE_RECIPE_H
#define SL_OBSERVE_RECIPE_H

#include "observe/trial.h"

#define SL_RECIPE_STEPS_MAX   2048u	 /* different ones */
#define SL_RECIPE_TIMES_MAX   8192u	 /* of all together */
#define SL_RECIPE_PAYLOAD_MAX (1u << 20) /* bytes of all together */

struct sl_recipe_step {
	bool keep; /* else the harmless command stands here */
	uint8_t kind;
	uint16_t row;
	uint32_t nsid, times;
	sl_effects floor;
	struct sl_command cmd;
	uint8_t *payload; /* cmd.data_len bytes; NULL: none */
	char name[96];
};

struct sl_recipe {
	unsigned flags;	 /* enum sl_trial_flag */
	unsigned stages; /* 1 << enum sl_stage */
	unsigned prefix; /* commands that are not in question */
	uint64_t elapsed;
	unsigned n;
	struct sl_recipe_step *step;
};

/* Of a trial, or of one of its steps alone. NULL: too much for a recipe, or memory is short. */
struct sl_recipe *sl_recipe_of(const struct sl_trial *run);
struct sl_recipe *sl_recipe_of_step(const struct sl_trial *run, const struct sl_step *s);
/* NULL-safe, returns NULL. */
struct sl_recipe *sl_recipe_free(struct sl_recipe *r);

/*
 * Does it again on a verifier that is set up: what comes of it is in v->out. 0 or -errno; -EINVAL:
 * the recipe is not one for this device.
 */
int sl_recipe_run(struct sl_verifier *v, const struct sl_recipe *recipe);

#endif
