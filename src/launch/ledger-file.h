/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's part of a ledger: finds or makes the file, looks where it ends, and locks it, so
 * that the broker can go on exactly there. It never changes a record.
 */
#ifndef SL_LAUNCH_LEDGER_FILE_H
#define SL_LAUNCH_LEDGER_FILE_H

#include <stdint.h>

#include "base/diag.h"

#define SL_LEDGER_FILES_MAX 64 /* brokers that may write into one directory at once */

/*
 * One broker writes one file: the first is SL_LEDGER_FILE, another that runs at the same time takes
 * ledger-2.slg and so on. *ret_fd is O_APPEND, write-only, and carries the lock. *ret_warn gets
 * text when a torn record was cut off. 0; -EBADMSG: what is there is no ledger; -errno.
 */
int sl_ledger_file_open(const char *dir, int *ret_fd, uint64_t *ret_next, uint32_t *ret_check,
			struct sl_diag *ret_warn, struct sl_diag *reterr);
/* The directory and those above it, where they are not there: mkdir -p, for its owner alone. 0 or
 * -errno. */
int sl_ledger_make_dir(const char *dir);
/* Name of the n-th file (from 0) of a directory. */
void sl_ledger_file_name(char *buf, unsigned long size, unsigned n);

#endif
