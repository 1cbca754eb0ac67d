/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence that stands on its own: what the device declared, byte by byte; each finding with the
 * commands that it takes, and what was read before and after; who made it, when and of which
 * device; and a hash over all of it. The hash finds what was damaged. It proves nothing about who
 * made it.
 */
#ifndef SL_OBSERVE_BUNDLE_H
#define SL_OBSERVE_BUNDLE_H

#include <jansson.h>

#include "observe/html.h"

struct sl_bundle {
	json_t *json;
	size_t n;
	struct sl_bundle_finding {
		struct sl_breach breach;
		const char *phase;
	} * v;
	uint64_t key;
	const char *made, *model, *firmware, *spec; /* as it says; "" */
	const char *hash;
};

/*
 * Writes one: a file, or, where `path` ends with a slash or is a directory, bundle.json in it with
 * the logs and the bytes of every finding as files beside it. 0 or -errno with *reterr.
 */
int sl_bundle_write(const char *path, const struct sl_verdicts *v,
		    const struct sl_report_about *about, struct sl_diag *reterr);
/* Reads one, a file or a directory, and checks its hash. 0 or -errno with *reterr. */
int sl_bundle_read(const char *path, struct sl_bundle *ret, struct sl_diag *reterr);
void sl_bundle_done(struct sl_bundle *b);

#endif
