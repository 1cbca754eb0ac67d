/* SPDX-License-Identifier: Apache-2.0 */
/* The only ways to write to a page: markup of ours, and text that is escaped. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "observe/html.h"
#include "spec/names.h"

void sl_html_put(FILE *f, const char *markup)
{
	(void)fputs(markup, f);
}

static void put_char(FILE *f, uint32_t c)
{
	char buf[SL_UTF8_MAX];

	switch (c) {
	case '&':
		(void)fputs("&amp;", f);
		break;
	case '<':
		(void)fputs("&lt;", f);
		break;
	case '>':
		(void)fputs("&gt;", f);
		break;
	case '"':
		(void)fputs("&quot;", f);
		break;
	case '\'':
		(void)fputs("&#39;", f);
		break;
	default:
		if (sl_utf8_is_control(c))
			fprintf(f, "\\u%04" PRIx32, c);
		else
			(void)fwrite(buf, 1, sl_utf8_put(buf, c), f);
	}
}

void sl_html_text(FILE *f, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	for (size_t at = 0, len = (size_t)n; at < len;) {
		uint32_t c;

		at += sl_utf8_get(s + at, len - at, &c);
		put_char(f, c);
	}
	free(s);
}

void sl_html_effects(FILE *f, sl_effects e)
{
	if (!e)
		sl_html_put(f, "<span class=none>nothing</span>");
	for (unsigned i = 0, n = 0; i < _SL_EFFECT_N; i++)
		if (e >> i & 1)
			sl_html_text(f, "%s%s", n++ ? ", " : "", sl_effect_name(i));
}

void sl_html_count(FILE *f, uint64_t n, const char *one, const char *many)
{
	sl_html_text(f, "%" PRIu64 " %s", n, n == 1 ? one : many);
}
