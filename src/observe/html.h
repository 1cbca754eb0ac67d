/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verification found, as one page that stands on its own: no script, no network, nothing
 * beside it. What a device says of itself is text in it and never markup.
 */
#ifndef SL_OBSERVE_HTML_H
#define SL_OBSERVE_HTML_H

#include <stdio.h>
#include <time.h>

#include "observe/verify.h"

/* What a report says of itself. */
struct sl_report_about {
	const char *version; /* of the program */
	const char *spec;    /* the device, as it was named */
	time_t when;
	const struct sl_verify_options *options;
};

/* 0, or -errno of the first failed write. Flushes, does not close. */
int sl_report_html(FILE *f, const struct sl_verdicts *v, const struct sl_report_about *about);

/* Its parts: html-finding.c, html-style.c; html-text.c has the only ways to write to a page. */
extern const char sl_html_style[];

/* Markup of ours, as it stands. */
void sl_html_put(FILE *f, const char *markup);
/* Text, escaped: &, <, >, quotes; controls and what turns the line's direction are spelled out. */
void sl_html_text(FILE *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "data, log", as a list of words. */
void sl_html_effects(FILE *f, sl_effects e);
/* "a command", "12 commands" */
void sl_html_count(FILE *f, uint64_t n, const char *one, const char *many);

void sl_html_finding(FILE *f, const struct sl_verdicts *v, const struct sl_breach *b, unsigned nr);

#endif
