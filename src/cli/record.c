/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/image.h"
#include "core/table.h"

void sl_record_when(const struct sl_record *rec, char *buf, size_t size)
{
	time_t sec = (time_t)(rec->time_ns / 1000000000u);
	struct tm tm;
	size_t n;

	if (!localtime_r(&sec, &tm) || !(n = strftime(buf, size, "%F %T", &tm))) {
		(void)snprintf(buf, size, "?");
		return;
	}
	(void)snprintf(buf + n, size - n, ".%03u", (unsigned)(rec->time_ns / 1000000u % 1000u));
}

static bool has_command(const struct sl_record *rec)
{
	return rec->type == SL_RECORD_INTENT || rec->type == SL_RECORD_OUTCOME ||
	       rec->type == SL_RECORD_DENIAL;
}

uint16_t sl_record_row(const struct sl_record *rec)
{
	if (rec->table_hash == sl_table_hash() && rec->row < sl_row_count)
		return rec->row;
	return sl_row_find(rec->set, rec->final);
}

void sl_record_command(const struct sl_record *rec, char *buf, size_t size)
{
	buf[0] = '\0';
	if (has_command(rec))
		(void)snprintf(buf, size, "%s", sl_rows[sl_record_row(rec)].name);
}

void sl_record_rule(const struct sl_record *rec, char *buf, size_t size)
{
	const char *slash = strrchr(rec->text, '/');

	buf[0] = '\0';
	if (has_command(rec) && rec->rule)
		(void)snprintf(buf, size, "%s:%u", slash ? slash + 1 : rec->text, rec->line);
}

void sl_record_what(const struct sl_record *rec, char *buf, size_t size)
{
	switch (rec->type) {
	case SL_RECORD_START:
		(void)snprintf(buf, size, "a broker began to serve, policy %s", rec->text);
		break;
	case SL_RECORD_CONTRACT:
		(void)snprintf(buf, size, "contract read: %s", rec->text);
		break;
	case SL_RECORD_GAP:
		(void)snprintf(buf, size, "%llu records could not be written",
			       (unsigned long long)rec->lost);
		break;
	case SL_RECORD_DENIAL:
		(void)snprintf(buf, size, "%s", sl_reason_text(rec->reason));
		break;
	case SL_RECORD_INTENT:
		(void)snprintf(buf, size, "sent%s%s",
			       rec->verdict_flags & SL_VERDICT_NORMALISED ? ", normalised" : "",
			       rec->verdict_flags & SL_VERDICT_OBSERVED ? ", policy only observes"
									: "");
		break;
	default:
		if (rec->outcome == SL_OUTCOME_FAILED)
			(void)snprintf(buf, size, "of %llu: failed: %s",
				       (unsigned long long)rec->of, strerror((int)rec->error));
		else
			(void)snprintf(buf, size, "of %llu: status %04xh",
				       (unsigned long long)rec->of, rec->status);
		break;
	}
}
