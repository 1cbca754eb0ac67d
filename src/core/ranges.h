/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every range of blocks a command names, one after the other, also those inside its payload. An
 * iterator and not a list: no bound to overflow, nothing to allocate.
 */
#ifndef SL_CORE_RANGES_H
#define SL_CORE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "core/facts.h"

struct sl_range {
	uint32_t nsid;
	uint8_t source; /* it is read from (Copy), else it is changed or read as the command says */
	uint64_t lba;
	uint64_t count; /* blocks; 0 is never returned */
};

struct sl_ranges {
	const struct sl_contract *contract;
	const struct sl_command *cmd;
	const struct sl_facts *facts;
	const uint8_t *data;
	uint32_t at; /* descriptors, or their bytes, done */
	uint64_t
		total; /* blocks of all sources of a Copy; EXTENDED COPY: the destination is next */
	bool bad;      /* a descriptor is not comprehended: deny */
	uint8_t reason; /* enum sl_reason: why, when `bad` */
};

void sl_ranges_init(struct sl_ranges *it, const struct sl_contract *contract,
		    const struct sl_command *cmd, const struct sl_facts *facts,
		    const uint8_t *data);
/* The next range; false at the end, or when `bad` was set. */
bool sl_ranges_next(struct sl_ranges *it, struct sl_range *ret);

#endif
