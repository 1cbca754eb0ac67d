/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

#include "base/bytes.h"

struct interval {
	uint32_t lo, hi;
};

/* East Asian wide and emoji blocks; whole blocks, since a column too many only widens a table. */
static const struct interval wide[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},	{0x3041, 0xa4cf},   {0xac00, 0xd7a3},
	{0xf900, 0xfaff},   {0xfe30, 0xfe6f},	{0xff00, 0xff60},   {0xffe0, 0xffe6},
	{0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static const struct interval combining[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* Controls, and what reorders a line: an identity string must not paint over a neighbour's. */
static const struct interval control[] = {
	{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x061c, 0x061c}, {0x200e, 0x200f},
	{0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
};

static int is_in(const struct interval *table, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= table[i].lo && c <= table[i].hi)
			return 1;
	return 0;
}

size_t sl_utf8_get(const char *s, size_t n, uint32_t *ret_char)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t b = (uint8_t)s[0];
	size_t need = b < 0x80 ? 1 : b >> 5 == 6 ? 2 : b >> 4 == 14 ? 3 : b >> 3 == 30 ? 4 : 0;
	uint32_t c;

	*ret_char = SL_UTF8_REPLACEMENT;
	if (!need || need > n)
		return 1;
	c = need == 1 ? b : b & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | ((uint8_t)s[i] & 0x3fu);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*ret_char = c;
	return need;
}

size_t sl_utf8_put(char buf[SL_UTF8_MAX], uint32_t c)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n;

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = SL_UTF8_REPLACEMENT;
	n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		buf[i] = (char)(0x80 | (c & 0x3f));
	buf[0] = (char)(lead[n] | c);
	return n;
}

unsigned sl_utf8_width(uint32_t c)
{
	if (is_in(combining, SL_COUNT(combining), c))
		return 0;
	return is_in(wide, SL_COUNT(wide), c) ? 2 : 1;
}

int sl_utf8_is_control(uint32_t c)
{
	return is_in(control, SL_COUNT(control), c);
}

size_t sl_utf8_line(const char *s, unsigned width, bool marks)
{
	size_t n = strlen(s), own = strspn(s, " "), blank = 0, mark = 0;
	unsigned columns = 0;

	for (size_t at = 0, used; at < n; at += used) {
		uint32_t c;

		used = sl_utf8_get(s + at, n - at, &c);
		if (c == ' ' && at > own)
			blank = at;
		/* A control is spelled out as \u0000. */
		columns += sl_utf8_is_control(c) ? 6 : sl_utf8_width(c);
		if (columns > width && blank)
			return blank;
		if (columns > width && marks)
			return mark ? mark : at ? at : used;
		if (c && c < 0x80 && strchr(".-/,{", (int)c))
			mark = at + used;
	}
	return n;
}
