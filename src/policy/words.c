/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the language as one table, and the look-ups of names that policies write. */
#include "policy/parse.h"

#include <string.h>

#include "core/table.h"
#include "spec/names.h"
#include "wire/wire.h"

const struct sl_word sl_words[] = {
	{"policy", SL_WORD_STATEMENT, 0},
	{"answers", SL_WORD_STATEMENT, 0},
	{"model", SL_WORD_STATEMENT, 0},
	{"include", SL_WORD_STATEMENT, 0},
	{"who", SL_WORD_STATEMENT, 0},
	{"device", SL_WORD_STATEMENT, 0},
	{"field", SL_WORD_STATEMENT, 0},
	{"class", SL_WORD_STATEMENT, 0},
	{"observe", SL_WORD_STATEMENT, 0},
	{"allow", SL_WORD_STATEMENT, 0},
	{"deny", SL_WORD_STATEMENT, 0},

	{"on", SL_WORD_CLAUSE, 0},
	{"where", SL_WORD_CLAUSE, 0},
	{"with", SL_WORD_CLAUSE, 0},

	{"any", SL_WORD_WHO, 0},
	{"root", SL_WORD_WHO, 0},
	{"uid", SL_WORD_WHO, SL_WHO_UID},
	{"gid", SL_WORD_WHO, SL_WHO_GID},
	{"label", SL_WORD_WHO, SL_WHO_LABEL},

	{"protocol", SL_WORD_DEVICE, 0},
	{"vendor", SL_WORD_DEVICE, offsetof(struct sl_device_all, vendor)},
	{"model", SL_WORD_DEVICE, offsetof(struct sl_device_all, model)},
	{"firmware", SL_WORD_DEVICE, offsetof(struct sl_device_all, firmware)},
	{"serial", SL_WORD_DEVICE, offsetof(struct sl_device_all, serial)},
	{"path", SL_WORD_DEVICE, offsetof(struct sl_device_all, name)},

	{"effects", SL_WORD_SUBJECT, SL_SUBJECT_EFFECTIVE},
	{"declared", SL_WORD_SUBJECT, SL_SUBJECT_DECLARED},
	{"floor", SL_WORD_SUBJECT, SL_SUBJECT_FLOOR},
	{"scope", SL_WORD_SUBJECT, 0},
	{"trust", SL_WORD_SUBJECT, 0},
	{"length", SL_WORD_SUBJECT, 0},
	{"door", SL_WORD_SUBJECT, 0},

	{"writable", SL_WORD_STATE, SL_STATE_WRITABLE},
	{"claimed", SL_WORD_STATE, SL_STATE_CLAIMED},
	{"in-use", SL_WORD_STATE, SL_STATE_IN_USE},
	{"listed", SL_WORD_STATE, SL_STATE_LISTED},
	{"caught", SL_WORD_STATE, SL_STATE_CAUGHT},
	{"node-namespace", SL_WORD_STATE, SL_STATE_NODE_NS},
	{"one-page", SL_WORD_STATE, SL_STATE_ONE_PAGE},

	{"and", SL_WORD_OPERATOR, 0},
	{"or", SL_WORD_OPERATOR, 0},
	{"not", SL_WORD_OPERATOR, 0},
	{"in", SL_WORD_OPERATOR, 0},
	{"within", SL_WORD_OPERATOR, 0},
	{"has", SL_WORD_OPERATOR, 0},

	{"alone", SL_WORD_WITH, SL_RULE_ALONE},
	{"durable", SL_WORD_WITH, SL_RULE_DURABLE},
	{"reserved", SL_WORD_WITH, 0},
	{"fence", SL_WORD_WITH, 0},

	{"native", SL_WORD_DOOR, SL_DOOR_NATIVE},
	{"controller", SL_WORD_DOOR, SL_DOOR_CTRL},
	{"ns-char", SL_WORD_DOOR, SL_DOOR_NS_CHAR},
	{"ns-block", SL_WORD_DOOR, SL_DOOR_NS_BLOCK},
	{"partition", SL_WORD_DOOR, SL_DOOR_PARTITION},
	{"sg", SL_WORD_DOOR, SL_DOOR_SG},
	{"bsg", SL_WORD_DOOR, SL_DOOR_BSG},
	{"scsi-block", SL_WORD_DOOR, SL_DOOR_SCSI_BLOCK},
	{"cxl", SL_WORD_DOOR, SL_DOOR_CXL},
	{"fwctl", SL_WORD_DOOR, SL_DOOR_FWCTL},

	{"anything", SL_WORD_OTHER, 0},
	{"version", SL_WORD_OTHER, 0},
	{"as-device", SL_WORD_OTHER, 0},
	{"as-allowed", SL_WORD_OTHER, 0},
	{"until", SL_WORD_OTHER, 0},
	{"log", SL_WORD_OTHER, 0},
	{"namespace", SL_WORD_OTHER, 0},
	{"lba", SL_WORD_OTHER, 0},
	{"none", SL_WORD_OTHER, 0},
	{"mutating", SL_WORD_OTHER, 0},
	{0},
};

static bool same(const char *text, const char *s, size_t len)
{
	return strlen(text) == len && memcmp(text, s, len) == 0;
}

const struct sl_word *sl_word_find(unsigned kind, const char *text, size_t len)
{
	for (const struct sl_word *w = sl_words; w->text; w++)
		if (w->kind == kind && same(w->text, text, len))
			return w;
	return NULL;
}

const char *sl_word_door(unsigned door)
{
	const struct sl_word *w = sl_words;

	while (w->text && !(w->kind == SL_WORD_DOOR && w->value == door))
		w++;
	return w->text;
}

bool sl_word_reserved(const char *text, size_t len)
{
	for (const struct sl_word *w = sl_words; w->text; w++)
		if (same(w->text, text, len))
			return true;
	return false;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits between two words; at least `bound` when there are that many. */
static unsigned edits(const char *a, const char *b, unsigned bound)
{
	unsigned row[72];
	size_t n = strlen(b);

	if (n >= sizeof(row) / sizeof(row[0]))
		return bound;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (; *a; a++) {
		unsigned diagonal = row[0]++;

		for (unsigned j = 1; j <= n; j++) {
			unsigned up = row[j];

			row[j] = min3(up + 1, row[j - 1] + 1, diagonal + (*a != b[j - 1]));
			diagonal = up;
		}
	}
	return row[n] < bound ? row[n] : bound;
}

const char *sl_nearest(const char *text, const char *(*name)(unsigned i, const void *ctx),
		       const void *ctx)
{
	size_t len = strlen(text);
	unsigned best = len < 4 ? 2 : len < 12 ? 3 : len < 24 ? 5 : 8;
	const char *found = NULL;
	const char *s;

	for (unsigned i = 0; (s = name(i, ctx)); i++) {
		unsigned d = edits(text, s, best);

		if (d < best) {
			best = d;
			found = s;
		}
	}
	return found;
}

bool sl_pattern_match(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*') {
			if (!pattern[1])
				return *text;
			while (*text)
				if (sl_pattern_match(pattern + 1, ++text))
					return true;
			return false;
		}
		if (*pattern != *text)
			return false;
	}
	return !*text;
}

bool sl_pattern_like(const char *pattern, const char *text)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, text, n - 1) == 0;
	return strcmp(pattern, text) == 0;
}

bool sl_pattern_row(const char *pattern, uint16_t row)
{
	return sl_pattern_match(pattern, sl_rows[row].name) ||
	       sl_pattern_match(pattern, sl_rows[sl_rows[row].parent].name);
}

/*
 * A sub-selector's row may leave out a field that its command has: there its bits are reserved, so
 * it is zero in whatever is comprehended, and conditions on it still mean something.
 */
bool sl_name_field(const char *name, uint16_t row, struct sl_field *ret)
{
	const struct sl_field *f = sl_row_field(row, name);

	if (!f)
		f = sl_row_field(sl_rows[row].parent, name);
	if (f)
		*ret = *f;
	return f;
}

bool sl_term_field(const struct sl_term *t, uint16_t row, struct sl_field *ret)
{
	if (t->name)
		return sl_name_field(t->name, row, ret);
	*ret = t->field;
	return true;
}

bool sl_interval_has(const struct sl_interval *set, uint32_t n, uint64_t v)
{
	for (uint32_t i = 0; i < n; i++)
		if (v >= set[i].lo && v <= set[i].hi)
			return true;
	return false;
}
