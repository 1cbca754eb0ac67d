/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `sluice device list` that says who else holds the devices. Prints; finds nothing. */
#ifndef SL_CLI_WAYS_H
#define SL_CLI_WAYS_H

#include "base/emit.h"
#include "launch/ways.h"

/*
 * All ways to the devices below these roots, and what the kernel's filter lets an ordinary user do;
 * with `check` only those that are open to somebody who is not root. *ret_open: how many of these
 * there are. 0 or -errno, said on stderr.
 */
int sl_ways_print(struct sl_emit *e, const struct sl_ways_roots *roots, bool check,
		  unsigned *ret_open);

#endif
