/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rig over Linux' NVMe driver, and what it may send. Read-only unless somebody said otherwise in
 * so many words.
 */
#ifndef SL_OBSERVE_RIG_NVME_H
#define SL_OBSERVE_RIG_NVME_H

#include "device/nvme/nvme-sys.h"
#include "launch/nvme-node.h"
#include "launch/ways.h"
#include "observe/rig.h"

enum sl_touch {
	SL_TOUCH_NOTHING, /* commands without effects, in their canonical forms */
	SL_TOUCH_ODD,	  /* the same with reserved bits and other values: who knows? */
	SL_TOUCH_ALL,	  /* whatever is not the kernel driver's own: its contents are lost */
};

#define SL_RIG_NVME_FILL 0xa5u /* of the buffer, to see what was written into it */

/*
 * Opens a controller and its namespaces by the path of its node. Beyond NOTHING it has to be nobody
 * else's: not mounted, held, partitioned or open. ALL needs its serial number. 0 or -errno with
 * *reterr.
 */
int sl_rig_nvme(const char *path, unsigned touch, const char *serial, struct sl_rig **ret,
		struct sl_diag *reterr);
/* Over nodes that are open already, which are the rig's from then on, also on failure. 0 or -errno.
 */
int sl_rig_nvme_over(const struct sl_nvme_nodes *nodes, const struct sl_nvme_sys *sys,
		     unsigned touch, struct sl_rig **ret);

#endif
