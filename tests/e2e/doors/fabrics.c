/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to the device as a host of its own, through the kernel. */
#include "door.h"

static void outside(void)
{
}

static void inside(void)
{
	MUST_FAIL(open("/dev/nvme-fabrics", O_RDWR), ENOENT);
	MUST_FAIL(access("/sys/kernel/config/nvmet", F_OK), ENOENT);
	MUST_FAIL(access("/sys/class/nvme-fabrics", F_OK), ENOENT);
}
