/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux NVMe back end: a controller's node and the character nodes of its namespaces, all
 * handed over open; it opens nothing.
 *
 * Two ways to the driver. The ring (io_uring passthrough) keeps many commands in flight and never
 * blocks. The ioctl way is for commands that may change more than user data: only there does the
 * driver freeze the queues before and look at the namespaces again afterwards. An ioctl blocks, so
 * that a helper thread makes it, one at a time; where the kernel has no ring, it makes them all.
 *
 * CAP_SYS_ADMIN is needed for: on Linux up to 6.1 every passthrough command; from 6.2 on every
 * admin command but five forms of Identify, every I/O command that is not in the effects log or
 * declares more than a change of user data, and all vendor and fabrics opcodes.
 */
#ifndef SL_DEVICE_NVME_NVME_DEVICE_H
#define SL_DEVICE_NVME_NVME_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "device/nvme/nvme-sys.h"

#define SL_NVME_INFLIGHT 64 /* the gate's slots */
#define SL_NVME_NS_MAX	 64 /* namespaces of one device that can be reached */

/* A command that the helper thread has. */
struct sl_nvme_job {
	atomic_bool done;
	int fd;
	int res; /* as ioctl() */
	uint64_t result;
};

struct sl_nvme_dev {
	struct sl_device dev; /* first: the gate's handle */
	const struct sl_nvme_sys *sys;
	unsigned n_files; /* files[0]: the controller */
	unsigned n_ring;  /* of these, the ring knows the first */
	int files[1 + SL_NVME_NS_MAX];
	uint32_t nsid[1 + SL_NVME_NS_MAX];	  /* of files[i]; [0]: 0 */
	struct sl_io *inflight[SL_NVME_INFLIGHT]; /* by io->tag */
	struct sl_nvme_job job[SL_NVME_INFLIGHT];
	struct sl_nvme_ring ring;
	bool has_ring, has_thread, gone;
	bool ring_no_admin; /* Linux 5.19 passes I/O commands alone through a ring */
	atomic_bool no_64;  /* the driver knows the 32-bit ioctls only */
	unsigned queued;    /* in the ring and not sent */
	int event;	    /* eventfd: something has completed; dev.poll_fd */
	int jobs[2];	    /* pipe of tags to the thread */
	pthread_t thread;
};

/* Takes the controller's descriptor; NULL sys: Linux. Nothing can be sent before start. */
void sl_nvme_dev_init(struct sl_nvme_dev *d, int fd, const struct sl_nvme_sys *sys);
/* The same; `dev` is the first member of a struct sl_nvme_dev. 0. */
int sl_nvme_begin(struct sl_device *dev, unsigned kind, int fd);
/*
 * Adds the character node of a namespace; takes the descriptor. 0, -E2BIG, or -EINVAL: the node is
 * not that namespace's. After start the caller has to have made sure of that, since the filter has
 * no such call; such a namespace is reached by ioctl alone, because the ring takes no more files,
 * and is the one of its number from then on.
 */
int sl_nvme_dev_namespace(struct sl_nvme_dev *d, int fd, uint32_t nsid);
/*
 * Sets up the ring and starts the thread, both with the capabilities that the caller has now: to be
 * called after the rest were dropped and before the system call filter, which then holds both.
 * 0 or -errno.
 */
int sl_nvme_dev_start(struct sl_nvme_dev *d);

#endif
