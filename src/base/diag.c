/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdio.h>

int sl_diag_set(struct sl_diag *d, int error, const char *file, unsigned line, unsigned column,
		const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return error;
	(void)snprintf(d->file, sizeof(d->file), "%s", file ? file : "");
	d->line = line;
	d->column = column;
	va_start(ap, fmt);
	(void)vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return error;
}

const char *sl_diag_str(const struct sl_diag *d, char *buf, unsigned long size)
{
	if (!d->file[0])
		(void)snprintf(buf, size, "%s", d->text);
	else if (!d->line)
		(void)snprintf(buf, size, "%s: %s", d->file, d->text);
	else if (!d->column)
		(void)snprintf(buf, size, "%s:%u: %s", d->file, d->line, d->text);
	else
		(void)snprintf(buf, size, "%s:%u:%u: %s", d->file, d->line, d->column, d->text);
	return buf;
}
