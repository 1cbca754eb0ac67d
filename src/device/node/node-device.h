/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux back ends of devices that take one synchronous ioctl per command: SCSI through sg and bsg,
 * CXL memory devices, fwctl. The node is handed over open; nothing is opened here. An ioctl blocks,
 * so that helper threads make it, a few at a time; what kind of node it is is a row.
 *
 * Capabilities: sg needs none when its node is open for reading and writing, because Linux filters
 * only what is open for reading there; bsg filters everybody without CAP_SYS_RAWIO. CXL asks for
 * none. fwctl wants CAP_SYS_RAWIO for the scope DEBUG_WRITE_FULL.
 */
#ifndef SL_DEVICE_NODE_NODE_DEVICE_H
#define SL_DEVICE_NODE_NODE_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"

#define SL_NODE_INFLIGHT 64 /* the gate's slots */
#define SL_NODE_THREADS	 4

enum sl_node_kind { SL_NODE_SG, SL_NODE_BSG, SL_NODE_CXL, SL_NODE_FWCTL, _SL_NODE_KIND_N };

/* As ioctl(), but -errno. A test answers in the kernel's place. */
typedef int (*sl_node_ioctl)(int fd, unsigned long request, void *arg);

struct sl_node_row {
	const char *name;
	uint8_t protocol;      /* enum sl_wire_protocol */
	uint32_t max_transfer; /* bytes */
	struct sl_device_needs needs;
	/*
	 * Sends one command and waits. *ret: how it ended. 0, or -errno: it could not be sent, or
	 * nobody knows.
	 */
	int (*send)(sl_node_ioctl sys, int fd, const struct sl_io *io, struct sl_completion *ret);
};
extern const struct sl_node_row sl_node_rows[_SL_NODE_KIND_N]; /* node-kinds.c */

/* A command that a thread has. */
struct sl_node_job {
	atomic_bool done;
	int res; /* of send() */
	struct sl_completion out;
};

struct sl_node_dev {
	struct sl_device dev; /* first: the gate's handle */
	const struct sl_node_row *row;
	sl_node_ioctl sys;
	int fd;
	struct sl_io *inflight[SL_NODE_INFLIGHT]; /* by io->tag */
	struct sl_node_job job[SL_NODE_INFLIGHT];
	bool gone;
	int event;   /* eventfd: something has completed; dev.poll_fd */
	int jobs[2]; /* pipe of tags to the threads */
	unsigned n_threads;
	pthread_t thread[SL_NODE_THREADS];
};

/* Takes the node's descriptor; NULL sys: Linux. Nothing can be sent before start. */
void sl_node_dev_init(struct sl_node_dev *d, enum sl_node_kind kind, int fd, sl_node_ioctl sys);
/* The same; `dev` is the first member of a struct sl_node_dev, kind an enum sl_node_kind. 0. */
int sl_node_begin(struct sl_device *dev, unsigned kind, int fd);

#endif
