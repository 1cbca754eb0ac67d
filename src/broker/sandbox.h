/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_BROKER_SANDBOX_H
#define SL_BROKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"

#define SL_SANDBOX_IOCTLS 8 /* more than all back ends have together */

/*
 * Gives up, for good, what serving does not need. Two steps, so that a back end's thread can start
 * between them: it has no more rights than the rest, and it is inside when the filter closes.
 * `needs`: what Linux device nodes that were handed over take, all together. 0, or -errno with
 * *reterr_what the step that failed.
 */
struct sl_sandbox_needs {
	uint64_t capabilities;
	uint32_t ioctls[SL_SANDBOX_IOCTLS];
	unsigned n_ioctls;
	bool ring;
};
void sl_sandbox_need(struct sl_sandbox_needs *all, const struct sl_device_needs *one);
/* Capabilities, new privileges. */
int sl_sandbox_drop(const struct sl_sandbox_needs *needs, const char **reterr_what);
/* Core dumps, new processes, and every system call but those of the poll loop, in all threads. */
int sl_sandbox_filter(const struct sl_sandbox_needs *needs, const char **reterr_what);

#endif
