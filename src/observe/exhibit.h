/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a finding rests on, byte by byte: the thing that was read, as it was and as it is. Whole up
 * to a bound, so that a report shows the change in its place and not eight bytes of it.
 */
#ifndef SL_OBSERVE_EXHIBIT_H
#define SL_OBSERVE_EXHIBIT_H

#include "observe/facet.h"

#define SL_EXHIBIT_MAX 4096u /* bytes kept of either side */

enum sl_exhibit_kind {
	SL_EXHIBIT_LOOKS,  /* before and after; of twins: without the command and with it */
	SL_EXHIBIT_STORED, /* what was written, and what is read */
};

struct sl_exhibit {
	uint8_t kind;		   /* enum sl_exhibit_kind */
	uint8_t facet;		   /* enum sl_facet_id */
	bool old_valid, new_valid; /* else it was refused, and there are no bytes */
	uint16_t old_status, new_status;
	uint32_t nsid, from, len; /* the bytes kept, of `of` */
	uint32_t of;
	uint32_t block; /* BLOCKS: bytes of a block */
	uint64_t lba;	/* BLOCKS: the first */
	uint64_t old_result, new_result;
	struct sl_command cmd; /* that reads it */
	char name[64];
	uint8_t was[SL_EXHIBIT_MAX], is[SL_EXHIBIT_MAX];
};

/* From a change, while its bytes are there. */
void sl_exhibit_fill(struct sl_exhibit *x, const struct sl_change *c);
/* Of blocks: what should be in them and what is. `n` bytes, the first block of which is `lba`. */
void sl_exhibit_stored(struct sl_exhibit *x, const struct sl_command *read, uint32_t nsid,
		       uint64_t lba, uint32_t block, const uint8_t *was, const uint8_t *is,
		       uint32_t n);
/* NULL: out of memory, or of nothing. The caller's to free(). */
struct sl_exhibit *sl_exhibit_copy(const struct sl_exhibit *x);

/*
 * What byte `at` of the whole thing is called by its specification, and in *ret_start and *ret_len
 * which bytes have the same name. "" where no row names it.
 */
const char *sl_exhibit_field(const struct sl_exhibit *x, uint32_t at, char buf[64],
			     uint32_t *ret_start, uint32_t *ret_len);

#endif
