/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzer of the readers of foreign listings, and of every view of what they understood. */
#include <stdlib.h>
#include <string.h>

#include "contract/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void views(const struct sl_doc *d, bool json)
{
	struct sl_findings f;
	FILE *out = fopen("/dev/null", "w");
	struct sl_emit *e = out ? sl_emit_new(out, json) : NULL;

	if (!e || sl_lint(d, &f) < 0)
		abort();
	sl_emit_array(e, NULL, NULL);
	sl_print_show(e, d);
	sl_print_lint(e, d, &f);
	if (sl_print_diff(e, d, d))
		abort();
	sl_emit_end(e);
	if (sl_emit_done(e) || fclose(out))
		abort();
	sl_findings_done(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_doc *d;
	struct sl_diag diag = {0};
	int r = sl_doc_parse("fuzz", data, size, &d, &diag);

	/* Either a contract, or one message that says what is wrong. */
	if (r < 0) {
		if (d || !diag.text[0])
			abort();
		return 0;
	}
	if (d->contract.state != SL_CONTRACT_PRESENT && !(d->flaws & SL_FLAW_VOIDS))
		abort();
	views(d, size & 1);
	sl_doc_free(d);
	return 0;
}
