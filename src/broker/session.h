/* SPDX-License-Identifier: Apache-2.0 */
/* Clients: their sockets and who they are. */
#ifndef SL_BROKER_SESSION_H
#define SL_BROKER_SESSION_H

#include "broker/gate.h"

/* Takes a connected socket for a client of the given identity. 0, -EMFILE: too many; closes fd
 * then. */
int sl_session_add(struct sl_gate *g, int fd, const struct sl_identity *who);
/* Accepts one from the listening socket and finds out who it is. 0 or -errno. */
int sl_session_accept(struct sl_gate *g);
/* The client's socket is readable: takes as many commands as there is room for. */
void sl_session_read(struct sl_gate *g, int session);
void sl_session_drop(struct sl_gate *g, int session);

#endif
