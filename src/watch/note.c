/* SPDX-License-Identifier: Apache-2.0 */
/* Notes as text: lines "word: value". Every field is a row. */
#include "watch/note.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "spec/names.h"

static const char head[] = "sluice finding 1\n";

#define TEXT(word, member)                                                                         \
	{                                                                                          \
		word, offsetof(struct sl_note, member), sizeof(((struct sl_note *)0)->member)      \
	}

static const struct {
	const char *word;
	size_t off, size;
} texts[] = {
	TEXT("vendor", row.vendor),
	TEXT("model", row.model),
	TEXT("serial", row.serial),
	TEXT("firmware", row.firmware),
	TEXT("kind", kind),
	TEXT("command", command),
	TEXT("by", by),
	TEXT("found", found),
	TEXT("reason", reason),
};

static const char *const says[_SL_TRUST_SAY_N] = {
	[SL_TRUST_SAY_CAUGHT] = "caught",
	[SL_TRUST_SAY_VERIFIED] = "verified",
};

/* Beside the texts: numbers, each with a writer and a reader. */
static const struct {
	uint8_t bit;
	const char *name;
} matches[] = {
	{SL_TRUST_BY_SERIAL, "serial"},
	{SL_TRUST_BY_FIRMWARE, "firmware"},
	{SL_TRUST_BY_HASH, "contract"},
};

/* Device strings and messages may hold anything; a line is a line. */
static void clean(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = ' ';
}

void sl_note_about(struct sl_note *n, const struct sl_contract *c)
{
	memcpy(n->row.vendor, c->vendor, sizeof(n->row.vendor));
	memcpy(n->row.model, c->model, sizeof(n->row.model));
	memcpy(n->row.serial, c->serial, sizeof(n->row.serial));
	memcpy(n->row.firmware, c->firmware, sizeof(n->row.firmware));
	memcpy(n->row.hash, c->hash, sizeof(n->row.hash));
}

void sl_note_line(struct sl_note *n, const char *word, const char *fmt, ...)
{
	char text[SL_NOTE_LINE_MAX - 16];
	va_list ap;

	if (n->n_lines == SL_NOTE_LINES)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean(text);
	(void)snprintf(n->line[n->n_lines++], SL_NOTE_LINE_MAX, "%.14s: %s", word, text);
}

void sl_note_now(struct sl_note *n)
{
	time_t now = time(NULL);
	struct tm tm;

	(void)gmtime_r(&now, &tm);
	(void)strftime(n->found, sizeof(n->found), "%FT%TZ", &tm);
}

size_t sl_note_write(const struct sl_note *n, char *buf)
{
	FILE *f = fmemopen(buf, SL_NOTE_TEXT_MAX, "w");
	const char *sep = "";
	size_t len;

	if (!f)
		return 0;
	fprintf(f, "%ssay: %s\nmatch: ", head, says[n->row.say]);
	for (unsigned i = 0; i < SL_COUNT(matches); i++)
		if (n->row.match & matches[i].bit) {
			fprintf(f, "%s%s", sep, matches[i].name);
			sep = " ";
		}
	fprintf(f, "\nkey: %llx\nobserved:", (unsigned long long)n->row.key);
	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (n->row.observed >> i & 1)
			fprintf(f, " %s", sl_effect_name(i));
	fprintf(f, "\ncontract: ");
	for (unsigned i = 0; i < sizeof(n->row.hash); i++)
		fprintf(f, "%02x", n->row.hash[i]);
	fputc('\n', f);
	for (unsigned i = 0; i < SL_COUNT(texts); i++) {
		char value[SL_NOTE_LINE_MAX];

		(void)snprintf(value, sizeof(value), "%s", (const char *)n + texts[i].off);
		clean(value);
		if (value[0])
			fprintf(f, "%s: %s\n", texts[i].word, value);
	}
	for (unsigned i = 0; i < n->n_lines; i++)
		fprintf(f, "%s\n", n->line[i]);
	(void)fflush(f);
	len = (size_t)ftell(f);
	(void)fclose(f);
	return len;
}

/* The words of a list, each of which must be known. */
static bool each_word(char *list, bool (*take)(const char *word, void *ctx), void *ctx)
{
	char *at = NULL;

	for (char *w = strtok_r(list, " ", &at); w; w = strtok_r(NULL, " ", &at))
		if (!take(w, ctx))
			return false;
	return true;
}

static bool take_match(const char *word, void *ctx)
{
	for (unsigned i = 0; i < SL_COUNT(matches); i++)
		if (strcmp(matches[i].name, word) == 0) {
			*(uint8_t *)ctx |= matches[i].bit;
			return true;
		}
	return false;
}

static bool take_effect(const char *word, void *ctx)
{
	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (strcmp(sl_effect_name(i), word) == 0) {
			*(sl_effects *)ctx |= (sl_effects)1 << i;
			return true;
		}
	return false;
}

static bool read_hash(const char *hex, uint8_t ret[32])
{
	if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
		return false;
	for (unsigned i = 0; i < 32; i++) {
		unsigned v;

		(void)sscanf(hex + 2 * i, "%2x", &v);
		ret[i] = (uint8_t)v;
	}
	return true;
}

static bool read_key(const char *hex, uint64_t *ret)
{
	char *end;

	*ret = strtoull(hex, &end, 16);
	return *hex && !*end;
}

static bool read_say(const char *word, uint8_t *ret)
{
	for (uint8_t i = 1; i < _SL_TRUST_SAY_N; i++)
		if (strcmp(says[i], word) == 0)
			*ret = i;
	return *ret != 0;
}

/* One line. false: it cannot be read. */
static bool read_line(struct sl_note *n, const char *word, char *value)
{
	if (strcmp(word, "say") == 0)
		return read_say(value, &n->row.say);
	if (strcmp(word, "match") == 0)
		return each_word(value, take_match, &n->row.match);
	if (strcmp(word, "key") == 0)
		return read_key(value, &n->row.key);
	if (strcmp(word, "observed") == 0)
		return each_word(value, take_effect, &n->row.observed);
	if (strcmp(word, "contract") == 0)
		return read_hash(value, n->row.hash);
	for (unsigned i = 0; i < SL_COUNT(texts); i++)
		if (strcmp(texts[i].word, word) == 0) {
			if (strlen(value) >= texts[i].size)
				return false;
			strcpy((char *)n + texts[i].off, value);
			return true;
		}
	sl_note_line(n, word, "%s", value);
	return true;
}

int sl_note_read(const char *text, size_t len, const char *file, struct sl_note *ret,
		 struct sl_diag *reterr)
{
	const size_t start = sizeof(head) - 1;
	char buf[SL_NOTE_TEXT_MAX], *at = NULL;
	unsigned line = 1;

	*ret = (struct sl_note){0};
	if (len >= sizeof(buf) || len < start || memcmp(text, head, start) != 0 ||
	    memchr(text, '\0', len))
		return sl_diag_set(reterr, -EBADMSG, file, 1, 0, "not a finding of sluice");
	memcpy(buf, text, len);
	buf[len] = '\0';
	for (char *l = strtok_r(buf + start, "\n", &at); l; l = strtok_r(NULL, "\n", &at)) {
		char *colon = strchr(l, ':');

		line++;
		if (colon)
			*colon++ = '\0';
		if (colon && *colon == ' ')
			colon++;
		if (!colon || !read_line(ret, l, colon))
			return sl_diag_set(reterr, -EBADMSG, file, line, 0, "not understood");
	}
	if (!ret->row.say || !ret->row.model[0])
		return sl_diag_set(reterr, -EBADMSG, file, 0, 0, "it says nothing of any device");
	return 0;
}

unsigned sl_notes_rows(const struct sl_notes *n, struct sl_trust_row *ret)
{
	unsigned count = 0;

	for (unsigned say = SL_TRUST_SAY_CAUGHT; say < _SL_TRUST_SAY_N; say++)
		for (unsigned i = 0; i < n->n && count < SL_TRUST_ROWS_MAX; i++)
			if (n->v[i].state == SL_NOTE_COUNTS && n->v[i].row.say == say)
				ret[count++] = n->v[i].row;
	return count;
}
