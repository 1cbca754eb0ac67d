/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of devices beyond their own word: who was caught, who is vouched for. A table of
 * statements, kept by the launcher and handed over whole; each says which devices it is about.
 */
#ifndef SL_CORE_TRUST_H
#define SL_CORE_TRUST_H

#include <stddef.h>

#include "core/contract.h"

#define SL_TRUST_ROWS_MAX 256u

/* What must be equal beside vendor and model. */
enum sl_trust_match {
	SL_TRUST_BY_SERIAL = 1 << 0,
	SL_TRUST_BY_FIRMWARE = 1 << 1,
	SL_TRUST_BY_HASH = 1 << 2, /* of what it declares */
};

enum sl_trust_say {
	SL_TRUST_SAY_CAUGHT = 1, /* it was contradicted: nothing that rests on its word holds */
	SL_TRUST_SAY_VERIFIED,	 /* its declarations are true: somebody vouches for them */
	_SL_TRUST_SAY_N
};

struct sl_trust_row {
	uint64_t key;	     /* CAUGHT: sl_key() of the command; 0: none is named */
	sl_effects observed; /* CAUGHT: what that command was seen to do */
	uint8_t say;	     /* enum sl_trust_say */
	uint8_t match;	     /* enum sl_trust_match */
	uint8_t reserved[2];
	uint8_t hash[32];
	char vendor[12], model[44], serial[44], firmware[20]; /* as struct sl_contract has them */
};

/* 0, or -EBADMSG: not a table. */
int sl_trust_check(const void *table, size_t size);
/* Does it speak of this device? */
bool sl_trust_is_about(const struct sl_trust_row *r, const struct sl_contract *c);
/*
 * Sets caught, observed and verified of a contract by what the table says, and by nothing else. A
 * contract in use gets a new generation from the caller.
 */
void sl_trust_apply(struct sl_contract *c, const struct sl_trust_row *rows, uint32_t n);

#endif
