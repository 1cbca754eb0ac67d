/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few things that the NVMe back end asks of Linux, as a table, so that a test can answer in the
 * kernel's place. Two doors: ioctl, and a ring that was restricted before its first use.
 */
#ifndef SL_DEVICE_NVME_NVME_SYS_H
#define SL_DEVICE_NVME_NVME_SYS_H

#include <linux/nvme_ioctl.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* liburing's struct io_uring, whose header would bring the names of every socket call along. */
struct sl_nvme_ring {
	uint64_t liburing[40];
};

/* A command that the ring has completed: as ioctl would return it, and the CQE's DW0 and DW1. */
struct sl_nvme_cqe {
	uint32_t tag;
	int res; /* > 0: NVMe status; 0; -errno */
	uint64_t result;
};

struct sl_nvme_sys {
	/* ≥ 0 or -errno; > 0 is an NVMe status. */
	int (*ioctl)(int fd, unsigned long request, void *arg);
	/*
	 * A ring that can do nothing but NVMe passthrough on the files given, and that signals the
	 * eventfd. 0 or -errno: this kernel, or this place, has no such thing.
	 */
	int (*ring_open)(struct sl_nvme_ring *ring, const int *files, unsigned n, int event);
	/* Queues a command for files[file]; nothing is sent yet. 0, or -EBUSY: the queue is full.
	 */
	int (*ring_push)(struct sl_nvme_ring *ring, unsigned file, uint32_t op,
			 const struct nvme_uring_cmd *cmd, uint32_t tag);
	/* Sends what is queued, with one system call. ≥ 0: how many; -errno. */
	int (*ring_enter)(struct sl_nvme_ring *ring);
	/* Takes one completion. 1, or 0: there is none. */
	int (*ring_reap)(struct sl_nvme_ring *ring, struct sl_nvme_cqe *ret);
	void (*ring_close)(struct sl_nvme_ring *ring);
};

extern const struct sl_nvme_sys sl_nvme_sys_linux;

#endif
