/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_DEVICE_WIRE_WIRE_DEVICE_H
#define SL_DEVICE_WIRE_WIRE_DEVICE_H

#include "device/device.h"
#include "wire/wire.h"

#define SL_WIRE_INFLIGHT 64

/* A device that is another process: the model, another broker, anything that speaks the wire
 * protocol. */
struct sl_wire_dev {
	struct sl_device dev; /* first: the gate's handle */
	int fd;
	uint16_t index;				  /* of the device at the other end */
	struct sl_io *inflight[SL_WIRE_INFLIGHT]; /* by io->tag */
};

/*
 * Shakes hands on a connected socket (blocking: before the broker serves) and describes the device.
 * Takes the descriptor. 0, or -errno (-EPROTO: the other end does not speak the protocol).
 */
int sl_wire_dev_init(struct sl_wire_dev *w, int fd);

/* The same; `dev` is the first member of a struct sl_wire_dev. */
int sl_wire_begin(struct sl_device *dev, unsigned kind, int fd);

#endif
