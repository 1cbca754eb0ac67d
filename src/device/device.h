/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate asks of a device: take a command, complete it later. One struct per back end; every
 * slot is mandatory but the last two. A back end neither judges nor changes a command:
 * the bytes it is given are the bytes it sends.
 */
#ifndef SL_DEVICE_DEVICE_H
#define SL_DEVICE_DEVICE_H

#include <stdint.h>

#include "core/command.h"

struct sl_device;

/*
 * One command at a device. The gate owns it from sl_device_ops.submit until the back end calls
 * `done`; `data` and `meta` are the broker's own memory, on pages of their own.
 */
struct sl_io {
	const struct sl_command *cmd; /* final bytes */
	uint8_t *data;		      /* cmd->dir OUT: what is sent; IN: where it goes */
	uint32_t data_size;	      /* bytes the device may touch, ≥ cmd->data_len */
	uint8_t *meta;
	uint32_t meta_size;
	uint32_t timeout_ms;
	/* May change more than user data and logs: a driver below that looks after the device's
	   state (frozen queues, the list of namespaces) has to take notice. */
	uint8_t heavy;
	uint32_t tag; /* unique among the device's commands in flight: the gate's slot */
	struct sl_completion out;
};

#define SL_DEVICE_IOCTLS 4

/* What a back end keeps when the broker gives everything up. */
struct sl_device_needs {
	uint64_t capabilities; /* 1 << CAP_* */
	uint32_t ioctls[SL_DEVICE_IOCTLS];
	uint8_t n_ioctls;
	uint8_t ring; /* it drives an io_uring */
};

struct sl_device_ops {
	const char *name; /* "wire", "null", "nvme" … as in the SPEC before the colon */
	/* Starts a command. 0: done() will be called, once. <0: it was not sent, -errno; no done().
	 */
	int (*submit)(struct sl_device *dev, struct sl_io *io);
	/*
	 * Reaps what has completed, calling done() for each. Never blocks. 0, or -ENODEV when the
	 * device has gone: done() was then called for all in flight with SL_OUTCOME_FAILED.
	 */
	int (*poll)(struct sl_device *dev);
	/* Forgets the waiter of a command; it goes on at the device and done() still comes. */
	void (*detach)(struct sl_device *dev, struct sl_io *io);
	/* Releases everything. Nothing may be in flight. */
	void (*close)(struct sl_device *dev);
	/* Sends what submit() has only queued, all at once: called once a turn. NULL: submit()
	 * sends. */
	void (*kick)(struct sl_device *dev);
	/*
	 * Starts what needs more than the sandbox allows, with the capabilities that are left:
	 * after the rest were dropped and before the system call filter, which then holds it, too.
	 * 0 or -errno. NULL: nothing.
	 */
	int (*start)(struct sl_device *dev);
};

struct sl_device {
	const struct sl_device_ops *ops;
	int poll_fd; /* readable when poll() has something to do; -1: completes in submit() */
	uint32_t max_transfer;
	uint8_t protocol; /* enum sl_wire_protocol as the device says it; 0: the launcher knows */
	uint8_t type;	  /* fwctl: of its driver; 0: nobody said */
	/* poll() has heard that something happened without a command; the gate clears it. */
	uint8_t event;
	const struct sl_device_needs *needs; /* NULL: no kernel device is behind it */
	void (*done)(struct sl_device *dev, struct sl_io *io);
	void *gate; /* the gate's own, for done() */
};

#endif
