/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device model behind the wire protocol: one connection at a time, single-threaded, many commands
 * in flight. Serves one device; refuses every message that a device has no business with.
 */
#ifndef SL_MODEL_SERVER_H
#define SL_MODEL_SERVER_H

#include <poll.h>

#include "model/model.h"

/* In byte 17 of DEVICE: it takes CONTROL. Who does not say so is not asked: it might hang up. */
#define SL_SERVER_TAKES_CONTROL 0x01u

/*
 * Waits as poll(2) does, for at most timeout_ms, with SIGTERM and SIGINT let through: who blocks
 * them elsewhere cannot miss one. What poll returned; EINTR is 0.
 */
int sl_server_wait(struct pollfd *p, int timeout_ms);

/*
 * Serves one connection on fd until the peer closes it or breaks the protocol; fd stays the
 * caller's. *stop, when not NULL, ends it early once it is set (by a signal handler). The device's
 * state outlives the connection. 0: closed or stopped; -EPROTO, or -errno of the socket.
 */
int sl_model_serve(struct sl_model *m, int fd, const volatile int *stop);

#endif
