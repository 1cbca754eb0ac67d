/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's own filter lets an ordinary user do to an NVMe device, as the model of that
 * kernel (policies/linux-*.policy) says. Asks no kernel: doc/kernel-parity.md says how the models
 * were held against running ones.
 */
#ifndef SL_CLI_KERNEL_FILTER_H
#define SL_CLI_KERNEL_FILTER_H

#include <stdbool.h>

#include "core/command.h"
#include "core/effects.h"

struct sl_kernel_reach {
	bool any;	    /* something is let through */
	sl_effects effects; /* of all that is */
};

struct sl_kernel_filter {
	const char *model; /* the policy's name */
	/* By enum sl_door, and whether the node is open for writing. NATIVE is not filled in. */
	struct sl_kernel_reach reach[_SL_DOOR_N][2];
};

/*
 * The same for the nodes of other protocols, which no policy models yet: what was seen on running
 * kernels. Ends with node NULL.
 */
struct sl_kernel_other {
	const char *protocol, *node;
	struct sl_kernel_reach reach[2]; /* open for reading, for writing */
};
extern const struct sl_kernel_other sl_kernel_others[];

/* The model for Linux major.minor, questioned over its whole domain. 0 or -errno; said on stderr.
 */
int sl_kernel_filter(unsigned major, unsigned minor, struct sl_kernel_filter *ret);

#endif
