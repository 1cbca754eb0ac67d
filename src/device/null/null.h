/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_DEVICE_NULL_NULL_H
#define SL_DEVICE_NULL_NULL_H

#include "device/device.h"

/* A device that completes every command at once, with success and zeroes. For benchmarks and tests.
 */
void sl_null_init(struct sl_device *dev);

/* As every back end begins: takes the descriptor. 0 or -errno. */
int sl_null_begin(struct sl_device *dev, unsigned kind, int fd);

#endif
