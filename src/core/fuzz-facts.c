/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of facts and ranges: any request and any payload on the device of test-device.h.
 * Input: set, direction, namespace of the node, 4 bytes of data length, 64 of request, payload.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/ranges.h"
#include "core/table.h"
#include "core/test-device.h"

#define HEAD (7 + SL_REQ_MAX)

/* What is inside lies inside, and is no carrier itself. */
static void inside(const struct sl_contract *c, const struct sl_command *cmd, const uint8_t *data,
		   struct sl_facts *outer)
{
	struct sl_command in;
	struct sl_facts f;
	const uint8_t *at;
	volatile uint8_t last;

	if (!sl_facts_carried(c, cmd, data, outer, &in, &at))
		return;
	sl_facts_collect(c, &in, at, &f);
	if (outer->reason != SL_REASON_ALLOWED || f.row != outer->carried ||
	    in.data_len > cmd->data_len || (sl_rows[f.row].flags & SL_ROW_CARRIER) ||
	    (f.reason == SL_REASON_ALLOWED && (f.floor & SL_E_UNKNOWN)))
		abort();
	if (at && f.payload)
		last = at[f.payload - 1];
	(void)last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_contract contract;
	struct sl_command cmd = {.req_len = SL_REQ_MAX};
	struct sl_facts f;
	struct sl_ranges it;
	struct sl_range r;
	uint8_t *payload;

	if (size < HEAD)
		return 0;
	if (!contract.generation)
		test_contract(&contract);
	cmd.set = data[0] % (_SL_SET_N + 1);
	cmd.dir = data[1] & 3;
	cmd.node_nsid = data[2] & 7;
	cmd.data_len = sl_get_le32(data + 3) % 16384;
	memcpy(cmd.req, data + 7, SL_REQ_MAX);
	/* On a page of its own, so that a read past the end is seen. */
	payload = calloc(1, cmd.data_len ? cmd.data_len : 1);
	if (!payload)
		return 0;
	memcpy(payload, data + HEAD, size - HEAD < cmd.data_len ? size - HEAD : cmd.data_len);
	/* Any device type, and mostly the length that such a request has. */
	contract.type = data[2] >> 3;
	sl_command_resolve(&contract, &cmd);
	if (cmd.set < _SL_SET_N && !(data[1] & 0x80)) {
		const struct sl_row *row = &sl_rows[sl_row_find(cmd.set, cmd.req)];

		cmd.req_len = (uint16_t)sl_formats[row->format].req_len;
		if (sl_sets[cmd.set].lu)
			memset(cmd.req + cmd.req_len, 0,
			       cmd.req_len ? SL_REQ_MAX - cmd.req_len : 0);
	}
	sl_facts_collect(&contract, &cmd, cmd.dir & SL_DIR_OUT ? payload : 0, &f);
	if (f.row >= sl_row_count || f.reason >= _SL_REASON_N ||
	    (f.effective & f.floor) != f.floor ||
	    (f.floor & sl_rows[f.row].floor) != sl_rows[f.row].floor)
		abort();
	/* What is not comprehended in its meaning counts as every effect. */
	if (f.reason == SL_REASON_ALLOWED && (f.floor & SL_E_UNKNOWN))
		abort();
	sl_ranges_init(&it, &contract, &cmd, &f, cmd.dir & SL_DIR_OUT ? payload : 0);
	while (sl_ranges_next(&it, &r))
		if (!r.count || r.count - 1 > UINT64_MAX - r.lba)
			abort();
	if (f.reason == SL_REASON_ALLOWED && it.bad && sl_rows[f.row].ranges >= SL_RANGES_DSM)
		abort();
	if (sl_rows[f.row].flags & SL_ROW_CARRIER)
		inside(&contract, &cmd, cmd.dir & SL_DIR_OUT ? payload : 0, &f);
	free(payload);
	return 0;
}
