/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's end of a watcher: starts it, and makes notes of what it reports. */
#ifndef SL_WATCH_SPAWN_H
#define SL_WATCH_SPAWN_H

#include <sys/types.h>

#include "base/diag.h"
#include "watch/watch.h"

struct sl_watch {
	pid_t pid; /* 0: none */
	int control;
};

/*
 * Starts `sluice-watch` with a session of the broker and its ledger, open for reading; both stay
 * the caller's. 0 or -errno with *reterr.
 */
int sl_watch_start(const struct sl_watch_config *config, int session, int ledger,
		   struct sl_watch *ret, struct sl_diag *reterr);
/* Ends it. */
void sl_watch_stop(struct sl_watch *w);
/*
 * Its control socket is readable. 1: *ret is what was found of a device, and says no more than a
 * watcher may say; 0: nothing more for now; -EPIPE: it has ended; -EBADMSG with *reterr.
 */
int sl_watch_take(struct sl_watch *w, uint32_t *ret_device, struct sl_note *ret,
		  struct sl_diag *reterr);

#endif
