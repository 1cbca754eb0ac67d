/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_BROKER_SANDBOX_H
#define SL_BROKER_SANDBOX_H

/*
 * Gives up, for good, everything that serving does not need: capabilities, new privileges, core
 * dumps, and every system call but those of the poll loop. 0, or -errno with *reterr_what the step
 * that failed.
 */
int sl_sandbox_enter(const char **reterr_what);

#endif
