/* SPDX-License-Identifier: Apache-2.0 */
/* `serve --watch`: the watcher's session, its start, and what is done with what it reports. */
#ifndef SL_CLI_SERVE_WATCH_H
#define SL_CLI_SERVE_WATCH_H

#include "cli/cli.h"
#include "cli/gate.h"
#include "watch/spawn.h"

struct sl_serve_watch {
	bool on;
	char notes[4200];			 /* directory of what is known of devices */
	char sockets[SL_WATCH_DEVICES_MAX][256]; /* of devices on the wire; "" */
	struct sl_watch_config config;
	struct sl_watch watch;
};

/* Reads the options; before anything is launched. 0 or an exit status. */
int sl_serve_watch_options(struct sl_cli *cli, struct sl_serve_watch *ret);
/* Asks the broker for digests; before the ledger is handed over. */
void sl_serve_watch_sample(struct sl_serve_watch *w, struct sl_launch *l);
/* Starts the watcher; once the broker serves. 0 or -errno with *reterr. */
int sl_serve_watch_start(struct sl_serve_watch *w, struct sl_launch *l, const struct sl_spec *specs,
			 unsigned n, struct sl_diag *reterr);
/* Makes notes of what it has reported. The descriptor is w->watch.control; -1: there is none. */
void sl_serve_watch_take(struct sl_serve_watch *w);
void sl_serve_watch_stop(struct sl_serve_watch *w);

#endif
