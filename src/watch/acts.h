/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ran, from the ledger: each command that was sent, when, by whom, and how it ended. The
 * ledger's numbers are the clock: a look is a command too, so that what ran between two looks is
 * known exactly.
 */
#ifndef SL_WATCH_ACTS_H
#define SL_WATCH_ACTS_H

#include "core/ranges.h"
#include "ledger/ledger.h"
#include "watch/watch.h"

/* CLOCK_MONOTONIC, in seconds. */
double sl_watch_now(void);

/* How likely it is that a command did what nothing explains. */
enum sl_level {
	SL_LEVEL_STIRS,	  /* it may change state, or it is a vendor's and only he knows */
	SL_LEVEL_WORKS,	  /* it moves data, or makes the device do something */
	SL_LEVEL_REPORTS, /* it says how the device is */
	_SL_LEVEL_N
};

#define SL_ACTS_MAX 8192u /* power of two */

struct sl_act {
	uint64_t intent;
	uint64_t outcome; /* 0: it is under way */
	uint64_t open;	  /* number of the oldest that was under way when it began */
	uint64_t digest;
	double since;	 /* it had not begun then, CLOCK_MONOTONIC */
	double t;	 /* when we learned how it ended, likewise */
	uint32_t device; /* index */
	uint32_t session;
	uint32_t uid;
	uint32_t error; /* of a failure, an errno */
	uint16_t row;
	uint16_t status; /* without DNR and MORE */
	uint8_t lost;	 /* it was not completed */
	uint8_t own;	 /* ours, or the broker's reading */
	uint8_t role;	 /* enum sl_role */
	uint8_t level;	 /* enum sl_level */
	sl_effects declared, floor;
	uint32_t nsid;		/* that it names, or the only one; 0: none */
	struct sl_range blocks; /* that its request names; count 0: none, or that says not all */
	struct sl_command cmd;	/* final bytes */
	uint8_t head[SL_RECORD_HEAD]; /* of its payload, as the ledger has it */
};

/* Leaves state alone, by declaration and specification. */
static inline bool sl_act_harmless(const struct sl_act *act)
{
	return act->level != SL_LEVEL_STIRS;
}

struct sl_acts {
	int fd;
	uint32_t table_hash; /* of our tables: theirs may be others */
	uint64_t at;	     /* offset in the file */
	const struct sl_watch_config *config;
	uint32_t session; /* ours; 0: not seen yet */
	uint64_t first;	  /* number of the oldest kept, counted from 0 */
	uint64_t n;	  /* ever taken in */
	uint64_t open;	  /* number of the oldest that is under way, or n */
	uint64_t seq;	  /* of the newest record */
	double now;	  /* when the records that are taken in were read */
	double end;	  /* when there was nothing more to read, last */
	uint64_t foreign; /* ever, of others than us */
	uint32_t gaps;	  /* records that are missing: what ran then is not known */
	/* What came since it was last cleared, per device. */
	bool contract[SL_WATCH_DEVICES_MAX]; /* the broker read its contract */
	struct sl_act act[SL_ACTS_MAX];
};

/* Begins at the end of the file. 0 or -errno. */
int sl_acts_init(struct sl_acts *a, int fd, const struct sl_watch_config *config);
/*
 * Takes in what was recorded since. `done` is called for each command of another client that has
 * ended. 0 or -errno: the ledger cannot be read.
 */
int sl_acts_read(struct sl_acts *a, void (*done)(void *ctx, const struct sl_act *act), void *ctx);
/* This session is ours, and was from the start. */
void sl_acts_own(struct sl_acts *a, uint32_t session);
/* The one with this intent; NULL: too long ago. */
const struct sl_act *sl_acts_find(const struct sl_acts *a, uint64_t intent);

/* Is all that ran since this intent still known? */
bool sl_acts_known(const struct sl_acts *a, uint64_t from);

/* A stretch of the ledger: from the intent of one look to the outcome of the next. */
struct sl_window {
	uint64_t from, to;
	uint32_t device;
	bool whole; /* false: older commands were forgotten, or records are missing */
};

/* Those that may have been at the device in the window, oldest first. */
const struct sl_act *sl_window_next(const struct sl_acts *a, const struct sl_window *w,
				    uint64_t *at);

/* "nvme.nvm.write nsid=1 slba=100 (ledger record 17, uid 0)" */
void sl_act_name(const struct sl_act *act, char *buf, size_t size);

#endif
