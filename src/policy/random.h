/* SPDX-License-Identifier: Apache-2.0 */
/* Random policies, contracts and commands for tests: the same seed gives the same. Not in a
 * library. */
#ifndef SL_POLICY_RANDOM_H
#define SL_POLICY_RANDOM_H

#include "policy/policy.h"

struct sl_random {
	uint64_t state;
};

uint64_t sl_random_next(struct sl_random *r);
/* Uniform in 0 … n-1. */
uint32_t sl_random_below(struct sl_random *r, uint32_t n);

/* A policy's text of about n rules into buf. Nearly always one that compiles. */
void sl_random_policy(struct sl_random *r, unsigned n, char *buf, size_t size);
void sl_random_contract(struct sl_random *r, struct sl_contract *ret);
void sl_random_identity(struct sl_random *r, struct sl_identity *ret);
/* A command and the data that goes with it (`data` has 4096 bytes). */
void sl_random_command(struct sl_random *r, const struct sl_contract *c, struct sl_command *ret,
		       uint8_t *data);

#endif
