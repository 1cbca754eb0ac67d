/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_BROKER_SANDBOX_H
#define SL_BROKER_SANDBOX_H

#include <stdbool.h>

/*
 * Gives up, for good, what serving does not need. Two steps, so that a back end's thread can start
 * between them: it has no more rights than the rest, and it is inside when the filter closes.
 * `nodes`: a Linux device node was handed over, which takes one capability and a few system calls
 * more. 0, or -errno with *reterr_what the step that failed.
 */
int sl_sandbox_drop(bool nodes, const char **reterr_what); /* capabilities, new privileges */
/* Core dumps, new processes, and every system call but those of the poll loop, in all threads. */
int sl_sandbox_filter(bool nodes, const char **reterr_what);

#endif
