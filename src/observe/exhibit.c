/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/exhibit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EFFECTS_IO 1024u /* of the effects log: where the I/O commands' words start */

void sl_exhibit_fill(struct sl_exhibit *x, const struct sl_change *c)
{
	const struct sl_probe *p = c->probe;
	uint32_t of = p->cmd.data_len, from = 0;

	/* The part around the change, from the start of a line. */
	if (of > SL_EXHIBIT_MAX && c->at + c->len > SL_EXHIBIT_MAX)
		from = c->at & ~15u;
	*x = (struct sl_exhibit){.facet = p->facet,
				 .old_valid = !c->old_status,
				 .new_valid = !c->new_status,
				 .old_status = c->old_status,
				 .new_status = c->new_status,
				 .nsid = p->nsid,
				 .lba = p->lba,
				 .block = p->blocks ? of / p->blocks : 0,
				 .of = of,
				 .from = from,
				 .cmd = p->cmd};
	x->len = of - from < SL_EXHIBIT_MAX ? of - from : SL_EXHIBIT_MAX;
	if (c->result) {
		x->old_result = c->old_value;
		x->new_result = c->new_value;
	}
	(void)snprintf(x->name, sizeof(x->name), "%s", p->name);
	if (c->old_bytes)
		memcpy(x->was, c->old_bytes + from, x->len);
	if (c->new_bytes)
		memcpy(x->is, c->new_bytes + from, x->len);
}

void sl_exhibit_stored(struct sl_exhibit *x, const struct sl_command *read, uint32_t nsid,
		       uint64_t lba, uint32_t block, const uint8_t *was, const uint8_t *is,
		       uint32_t n)
{
	uint32_t first = 0;

	while (first < n && was[first] == is[first])
		first++;
	*x = (struct sl_exhibit){.kind = SL_EXHIBIT_STORED,
				 .facet = SL_FACET_BLOCKS,
				 .old_valid = true,
				 .new_valid = true,
				 .nsid = nsid,
				 .lba = lba,
				 .block = block,
				 .of = n,
				 .from = n > SL_EXHIBIT_MAX && first < n ? first & ~15u : 0,
				 .cmd = *read};
	x->len = n - x->from < SL_EXHIBIT_MAX ? n - x->from : SL_EXHIBIT_MAX;
	(void)snprintf(x->name, sizeof(x->name), "block %llu", (unsigned long long)lba);
	memcpy(x->was, was + x->from, x->len);
	memcpy(x->is, is + x->from, x->len);
}

struct sl_exhibit *sl_exhibit_copy(const struct sl_exhibit *x)
{
	struct sl_exhibit *to = x ? malloc(sizeof(*to)) : NULL;

	if (to)
		*to = *x;
	return to;
}

const char *sl_exhibit_field(const struct sl_exhibit *x, uint32_t at, char buf[64],
			     uint32_t *ret_start, uint32_t *ret_len)
{
	const struct sl_facet_field *f = sl_facet_field(x->facet, at);

	*ret_start = at & ~7u;
	*ret_len = 8;
	buf[0] = 0;
	if (f) {
		*ret_start = f->off;
		*ret_len = f->len;
		(void)snprintf(buf, 64, "%s", f->name);
	} else if (x->facet == SL_FACET_EFFECTS && at < 2 * EFFECTS_IO) {
		*ret_start = at & ~3u;
		*ret_len = 4;
		(void)snprintf(buf, 64, "%s opcode %02Xh", at < EFFECTS_IO ? "admin" : "I/O",
			       at / 4 % 256);
	} else if (x->facet == SL_FACET_BLOCKS && x->block) {
		*ret_start = at - at % x->block;
		*ret_len = x->block;
		(void)snprintf(buf, 64, "block %llu", (unsigned long long)(x->lba + at / x->block));
	}
	return buf;
}
