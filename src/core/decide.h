/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: default deny, deny overrides allow, order never matters. No syscall, no heap, no
 * global, no text.
 */
#ifndef SL_CORE_DECIDE_H
#define SL_CORE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/facts.h"
#include "core/image.h"

/*
 * A client may ask for more patience than the table has, but not for so much that the driver's
 * recovery of a command that hangs is as good as turned off.
 */
#define SL_TIMEOUT_MOST_MS 3600000u

enum sl_verdict_flag {
	SL_VERDICT_NORMALISED = 1 << 0, /* the final bytes differ from the requested ones */
	SL_VERDICT_OBSERVED = 1 << 1,	/* policy denied it; observe-only roll-out let it pass */
	SL_VERDICT_ALONE = 1 << 2,	/* run with nothing else in flight on the device */
	SL_VERDICT_DURABLE = 1 << 3,	/* the intent must be durable before it is sent */
	SL_VERDICT_SUSPECT = 1 << 4,	/* the answer comes from a device that was caught */
};

/* A value, never an error code. */
struct sl_verdict {
	bool allow;
	uint8_t reason;	     /* enum sl_reason */
	uint8_t flags;	     /* enum sl_verdict_flag */
	uint8_t excl;	     /* enum sl_exclusivity to run it under */
	uint32_t rule;	     /* number of the deciding rule + 1; 0: none matched */
	uint32_t generation; /* of the contract it was judged by: when that changes, it is void */
	uint32_t timeout_ms;
	struct sl_facts facts;
};

/*
 * Judges one command for a client: normalises *cmd in place as the policy asks, collects the facts
 * of the final bytes and decides; likewise what it carries. `data` as in sl_facts_collect. `now`:
 * seconds since the epoch.
 */
void sl_judge(const struct sl_image *img, const struct sl_bind *bind,
	      const struct sl_contract *contract, struct sl_command *cmd, const uint8_t *data,
	      uint64_t now, struct sl_verdict *ret);

/*
 * The same without policy, for the broker's own reading of contracts: allows exactly the rows that
 * the tables flag SL_ROW_CONTRACT, when comprehended.
 */
void sl_judge_internal(const struct sl_contract *contract, struct sl_command *cmd,
		       const uint8_t *data, struct sl_verdict *ret);

/* Could any command of this row be allowed to this client on this device? For rewriting answers. */
bool sl_row_reachable(const struct sl_image *img, const struct sl_bind *bind, uint16_t row);

#endif
