/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message about a text that somebody wrote: what is wrong, where, and what was expected. Used by
 * the policy parser, the persona loader and the command line; never by the trusted process.
 */
#ifndef SL_BASE_DIAG_H
#define SL_BASE_DIAG_H

#include <stdarg.h>

struct sl_diag {
	char file[256];	 /* "" where there is none */
	unsigned line;	 /* 1-based; 0: the whole file */
	unsigned column; /* 1-based; 0: the whole line */
	char text[512];
};

/* Fills *d (NULL is allowed) and returns `error`, so that a caller can `return sl_diag_set(…)`. */
int sl_diag_set(struct sl_diag *d, int error, const char *file, unsigned line, unsigned column,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* "file:line:column: text" into buf. */
const char *sl_diag_str(const struct sl_diag *d, char *buf, unsigned long size);

#endif
