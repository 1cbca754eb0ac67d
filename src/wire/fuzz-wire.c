/* SPDX-License-Identifier: Apache-2.0 */
/* Any packet: after sl_wire_check() every part must lie within it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Reads every byte, so that a sanitizer sees one that is not there. */
static uint32_t touch(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += p[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *msg = malloc(n ? n : 1);
	const struct sl_wire_head *h = (const void *)msg;
	volatile uint32_t sink;
	const char *why = NULL;

	if (!msg)
		return 0;
	memcpy(msg, p, n);
	if (sl_wire_check(msg, n, &why) < 0) {
		if (!why)
			abort();
	} else if (h->type == SL_WIRE_COMMAND) {
		const struct sl_wire_command *c = (const void *)msg;
		const uint8_t *parts = (const uint8_t *)(c + 1);

		if (c->dir & 1)
			sink = touch(parts, (size_t)c->data_len + c->meta_len);
	} else if (h->type == SL_WIRE_COMPLETION) {
		const struct sl_wire_completion *c = (const void *)msg;

		sink = touch((const uint8_t *)(c + 1),
			     (size_t)c->data_len + c->meta_len + c->text_len);
	}
	(void)sink;
	free(msg);
	return 0;
}
