/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as it comes from devices and strangers: decoded strictly, never trusted. A locale is not
 * asked: output is the same on every machine.
 */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_UTF8_REPLACEMENT 0xfffdu
#define SL_UTF8_MAX	    4 /* bytes of one character */

/*
 * Decodes the character at s, of n > 0 bytes. Returns the bytes it takes; malformed input
 * (overlong, surrogate, truncated, past U+10FFFF) yields U+FFFD for one byte.
 */
size_t sl_utf8_get(const char *s, size_t n, uint32_t *ret_char);
/* Encodes into buf; a code point that does not exist becomes U+FFFD. Returns the bytes written. */
size_t sl_utf8_put(char buf[SL_UTF8_MAX], uint32_t c);
/* Columns on a terminal: 0 for combining characters, 2 for wide ones. */
unsigned sl_utf8_width(uint32_t c);
/*
 * Of s the bytes that go on a line of `width` columns: to the last blank that fits. A word that
 * does not fit stays whole, or with `marks` is broken behind a mark between parts of a name, else
 * anywhere. What follows begins behind blanks.
 */
size_t sl_utf8_line(const char *s, unsigned width, bool marks);
/* Would it move the cursor or reorder the line (controls, bidirectional overrides)? */
int sl_utf8_is_control(uint32_t c);

#endif
