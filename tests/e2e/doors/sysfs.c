/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of sysfs reset controllers, rescan buses and unbind drivers. */
#include "door.h"

static void outside(void)
{
	MUST(access("/sys/kernel", F_OK) == 0);
	MUST(access("/sys/bus", F_OK) == 0);
}

static void inside(void)
{
	static const char *const absent[] = {"/sys/kernel",
					     "/sys/bus/pci",
					     "/sys/firmware",
					     "/sys/class/pci_bus",
					     "/sys/class/nvme/nvme0/reset_controller",
					     "/sys/class/nvme/nvme0/rescan_controller",
					     "/sys/class/nvme/nvme0/delete_controller",
					     "/sys/class/nvme/nvme0/device",
					     "/sys/class/block/nvme0n1/queue/io_uring_cmd"};

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		MUST_FAIL(access(absent[i], F_OK), ENOENT);
	MUST(access("/sys/class/nvme/nvme0/model", R_OK) == 0);
	MUST_FAIL(open("/sys/class/nvme/nvme0/reset_controller", O_WRONLY | O_CREAT, 0600), EROFS);
	MUST(open("/sys/devices/system/cpu/online", O_WRONLY) == -1);
	MUST_FAIL(open("/sys/devices/system/new", O_WRONLY | O_CREAT, 0600), EROFS);
	MUST(open("/sys/devices/system/cpu/online", O_RDONLY) >= 0);
}
