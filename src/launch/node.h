/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux devices that are one node each, by name, and their node opened for the broker: SCSI units,
 * CXL memory devices, fwctl devices. Looks things up in sysfs and opens nodes; sends no command.
 */
#ifndef SL_LAUNCH_NODE_H
#define SL_LAUNCH_NODE_H

#include <stddef.h>

#include "base/diag.h"
#include "device/node/node-device.h"
#include "launch/nvme-node.h"

/*
 * Finds a device by the path of a node of it, or by what does not change from one boot to the next:
 * a SCSI unit by the serial number of VPD page 80h or a name of page 83h ("naa.…", "eui.…", as in
 * sysfs' wwid, also without what stands before the dot), a CXL device by its serial number. Writes
 * the path of the node of that kind: /dev/sda means the /dev/sgN of the same unit. 0; -ENOENT:
 * there is none; -ENOTUNIQ: several; -EINVAL: a partition; *reterr says more.
 */
int sl_node_find(enum sl_node_kind kind, const char *name, char *ret, size_t size,
		 struct sl_diag *reterr);
/*
 * Opens a node for reading and writing. A SCSI unit's block node is held exclusively where that can
 * be, so that nobody mounts it; what is known of it is ret->ns[0]. Nothing is open after an error.
 */
int sl_node_open(enum sl_node_kind kind, const char *path, struct sl_nvme_nodes *ret,
		 struct sl_diag *reterr);

#endif
