/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a protocol cannot say: for each command and selector, the effects of its floor for which no
 * log has a bit, and the selectors whose siblings do something else under the same declaration.
 */
#ifndef SL_CONTRACT_GAPS_H
#define SL_CONTRACT_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contract/doc.h"
#include "contract/entry.h"

struct sl_gap {
	uint16_t row;
	uint8_t source;	    /* the log that speaks of it: enum sl_source */
	sl_effects floor;   /* with refinements */
	sl_effects missing; /* no bit for it */
	sl_effects when;    /* the part of `missing` that depends on fields no log knows */
	bool shared;	    /* one declaration for several forms that do different things */
};

/*
 * The next gap: *at starts as 0. `c` restricts it to the commands that a contract lists as
 * supported; NULL: the whole protocol. False: no more.
 */
bool sl_gap_next(const struct sl_contract *c, uint16_t *at, struct sl_gap *ret);

#endif
