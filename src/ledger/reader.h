/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a ledger and holds every record against the ones before it. Not trusted, and trusts
 * nothing: a file may have been written by anybody.
 */
#ifndef SL_LEDGER_READER_H
#define SL_LEDGER_READER_H

#include "base/diag.h"
#include "ledger/ledger.h"

struct sl_ledger_reader;

/* Opens one file. 0 or -errno with *reterr. */
int sl_ledger_reader_new(const char *path, struct sl_ledger_reader **ret, struct sl_diag *reterr);
struct sl_ledger_reader *sl_ledger_reader_free(struct sl_ledger_reader *r);

/*
 * The next record. 1: *ret is sound and follows the one before; 0: the end; -EBADMSG: from here on
 * nothing can be believed, *reterr says at which record and why; -errno.
 */
int sl_ledger_reader_next(struct sl_ledger_reader *r, struct sl_record *ret,
			  struct sl_diag *reterr);

/* After the end: how many intents have no outcome (the broker was ended while they were under way).
 */
uint64_t sl_ledger_reader_open_intents(const struct sl_ledger_reader *r);

/* "intent", "denial" …; NULL: not a type. */
const char *sl_record_type_name(unsigned type);

/*
 * Visits the files of a directory (ledger.slg, ledger-2.slg …; a file given instead of a directory
 * is visited alone) in that order. fn's result other than 0 ends it and is returned. -ENOENT: there
 * is none; -errno.
 */
int sl_ledger_files(const char *dir, int (*fn)(void *arg, const char *path), void *arg);

#endif
