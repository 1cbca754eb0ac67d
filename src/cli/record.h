/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger record in words, for `ledger show` and `explain --last`. */
#ifndef SL_CLI_RECORD_H
#define SL_CLI_RECORD_H

#include <stddef.h>

#include "ledger/ledger.h"

/* Local time, to the millisecond. */
void sl_record_when(const struct sl_record *rec, char *buf, size_t size);
/* The command's name, from its final bytes; "" for records that are about none. */
void sl_record_command(const struct sl_record *rec, char *buf, size_t size);
/* What was decided or came of it. */
void sl_record_what(const struct sl_record *rec, char *buf, size_t size);
/* "health.policy:12"; "" when no rule decided. */
void sl_record_rule(const struct sl_record *rec, char *buf, size_t size);
/* Its row in this program's tables: by number when they are the same tables, else by its bytes. */
uint16_t sl_record_row(const struct sl_record *rec);

#endif
