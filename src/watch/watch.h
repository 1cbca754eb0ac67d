/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a launcher and `sluice-watch`, which it starts: a client of the broker like any other,
 * with a label by which the policy lets it look. It opens nothing; it is given descriptors:
 *
 *   3  its session with the broker
 *   4  the launcher: one struct sl_watch_config comes, struct sl_watch_report go
 *   5  the ledger, for reading: what ran
 *
 * What it says can only take permissions away: the launcher makes notes of it that say `caught`, or
 * that only alert.
 */
#ifndef SL_WATCH_WATCH_H
#define SL_WATCH_WATCH_H

#include "broker/control.h" /* SL_WATCH_LABEL */
#include "watch/note.h"
#include "wire/wire.h"

#define SL_WATCH_SESSION     3
#define SL_WATCH_CONTROL     4
#define SL_WATCH_LEDGER	     5
#define SL_WATCH_DEVICES_MAX 16u
#define SL_WATCH_COST	     10u /* commands to look, per thousand that run: the default */

enum sl_watch_evidence {
	SL_WATCH_OURS = 1 << 0,	 /* the launcher started its process: nobody else is connected */
	SL_WATCH_SOLE = 1 << 1,	 /* the operator says that nobody else changes it */
	SL_WATCH_ALONE = 1 << 2, /* its socket has one connection: ours */
	SL_WATCH_SOFT = 1 << 3,	 /* it is a program: what it is asked in vain leaves no scar */
};

struct sl_watch_config {
	uint64_t seed; /* of the ledger's digests */
	uint32_t cost; /* per thousand */
	uint32_t n;
	struct {
		char name[SL_WIRE_NAME_MAX];
		uint32_t evidence; /* enum sl_watch_evidence */
	} device[SL_WATCH_DEVICES_MAX];
};

struct sl_watch_report {
	uint32_t device;
	uint32_t reserved;
	struct sl_note note; /* `state` says whether it counts or alerts */
};

#endif
