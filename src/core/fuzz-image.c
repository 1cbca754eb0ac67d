/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a policy image: refused, or every decision by it stays inside of it. The table hash
 * is set right first: a fuzzer would find nothing but that. The last bytes are the command.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct sl_image *img, const uint8_t *req)
{
	static struct sl_contract contract;
	static const struct sl_identity who = {.uid = 1000, .known = 1, .n_gids = 1, .gids = {6}};
	static const uint8_t payload[4096];
	struct sl_bind bind;

	contract.generation = 1;
	contract.max_transfer = UINT32_MAX;
	contract.n_ns = 1;
	contract.ns[0] = (struct sl_ns){.nsid = 1, .lba_shift = 9, .blocks = 1u << 20};
	memcpy(contract.model, "INTEL", sizeof("INTEL"));
	if (sl_image_bind(img, &who, &contract, "nvme0", 1, &bind) < 0)
		return;
	for (unsigned set = SL_SET_NVME_ADMIN; set <= SL_SET_NVME_IO; set++) {
		struct sl_command cmd = {
			.set = (uint8_t)set,
			.req_len = SL_REQ_MAX,
			.dir = req[0] & 3,
			.data_len = sizeof(payload),
		};
		struct sl_verdict v;

		memcpy(cmd.req, req, SL_REQ_MAX);
		sl_judge(img, &bind, &contract, &cmd, cmd.dir & SL_DIR_OUT ? payload : NULL, 0, &v);
		if (v.rule > img->rules.n)
			abort();
		(void)sl_row_reachable(img, &bind, v.facts.row);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_image *img;
	const char *why;
	size_t n;

	if (size < sizeof(*img) + SL_REQ_MAX)
		return 0;
	n = size - SL_REQ_MAX;
	/* Exactly as large as it is, so that a read past its end is seen. */
	img = malloc(n);
	if (!img)
		return 0;
	memcpy(img, data, n);
	img->table_hash = sl_table_hash();
	img->size = (uint32_t)n;
	if (sl_image_check(img, n, &why) == 0)
		judge(img, data + n);
	free(img);
	return 0;
}
