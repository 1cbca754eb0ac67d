/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_BROKER_LAUNCHER_H
#define SL_BROKER_LAUNCHER_H

#include <stdbool.h>

#include "broker/gate.h"

struct sl_launcher {
	struct sl_gate *gate;
	int fd;
	bool started;
	bool answered; /* START was answered: every contract was read once */
};

/*
 * Takes one message from the launcher and answers it. 0; -EPIPE: the launcher has gone; -errno
 * before START: end, the launcher is not what it should be.
 */
int sl_launcher_read(struct sl_launcher *l);
/* Answers START once all devices have been read. */
void sl_launcher_tick(struct sl_launcher *l);

#endif
