/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emitter: one stack of open objects, arrays and tables. JSON is streamed; text is held back
 * only as long as alignment needs it (the fields of an object up to its next sub-object, a table up
 * to its end). What a device wrote never reaches a terminal raw: controls are spelled out.
 */
#include "base/emit.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/utf8.h"

#define DEPTH_MAX	16
#define COLUMNS_MAX	24
#define WIDTH_MIN	40 /* of a terminal */
#define ROOM_MIN	20 /* columns that text is broken to */
#define COLUMN_MIN	24 /* a table's column is not made narrower than that */
#define LABEL_WIDTH_MAX 32 /* a longer label does not push every value to the right */

enum kind { KIND_TOP, KIND_OBJECT, KIND_ARRAY, KIND_TABLE };

struct frame {
	enum kind kind;
	unsigned indent; /* of the text inside */
	unsigned items;	 /* JSON members or elements so far */
	bool printed;	 /* text: something stands above, a heading needs a blank line */
};

/* A piece of text held back: a field's label and value, or a cell. */
struct held {
	const char *label; /* NULL for a cell; the caller's, and constant */
	char *text;	   /* owned */
	bool number;
};

struct sl_emit {
	FILE *out;
	bool json, colour;
	unsigned width; /* columns; 0: any number */
	int error;
	unsigned depth;
	struct frame frames[DEPTH_MAX];
	struct held *held;
	size_t n_held, cap_held;
	const char *columns[COLUMNS_MAX][2];
	unsigned n_columns, column;
};

/* Nobody reads a table of a few columns: it is the terminal that breaks its lines then. */
static unsigned columns_of(FILE *out)
{
	struct winsize w;

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col < WIDTH_MIN ? 0 : w.ws_col;
}

struct sl_emit *sl_emit_new(FILE *out, bool json)
{
	struct sl_emit *e = calloc(1, sizeof(*e));
	const char *term = getenv("TERM");

	if (!e)
		return NULL;
	e->out = out;
	e->json = json;
	e->colour = !json && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0 &&
		    isatty(fileno(out));
	e->width = json ? 0 : columns_of(out);
	return e;
}

bool sl_emit_is_json(const struct sl_emit *e)
{
	return e->json;
}

unsigned sl_emit_width(const struct sl_emit *e)
{
	return e->width;
}

static struct frame *top(struct sl_emit *e)
{
	return &e->frames[e->depth];
}

static void put(struct sl_emit *e, const char *s, size_t n)
{
	if (e->error || !n)
		return;
	errno = 0;
	if (fwrite(s, 1, n, e->out) != n)
		e->error = errno ? -errno : -EIO;
}

static void puts_raw(struct sl_emit *e, const char *s)
{
	put(e, s, strlen(s));
}

static void spaces(struct sl_emit *e, unsigned n)
{
	static const char blank[] = "                                                ";

	for (; n; n -= n < sizeof(blank) - 1 ? n : (unsigned)sizeof(blank) - 1)
		put(e, blank, n < sizeof(blank) - 1 ? n : sizeof(blank) - 1);
}

/* JSON */

static void json_string(struct sl_emit *e, const char *s)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	size_t n = strlen(s);

	put(e, "\"", 1);
	for (size_t at = 0, used; at < n; at += used) {
		uint32_t c;
		char buf[8];
		const char *p;

		used = sl_utf8_get(s + at, n - at, &c);
		p = c && c < 0x80 ? strchr(plain, (int)c) : NULL;
		if (p) {
			buf[0] = '\\';
			buf[1] = letter[p - plain];
			put(e, buf, 2);
		} else if (c < 0x20 || c == 0x7f) {
			(void)snprintf(buf, sizeof(buf), "\\u%04x", (unsigned)c);
			put(e, buf, 6);
		} else {
			put(e, buf, sl_utf8_put(buf, c));
		}
	}
	put(e, "\"", 1);
}

/* What stands before a member or an element: comma, new line, indent, key. */
static void json_item(struct sl_emit *e, const char *key)
{
	struct frame *f = top(e);

	assert(f->kind != KIND_TOP || !f->items); /* one document */
	if (f->items++)
		put(e, ",", 1);
	if (f->kind != KIND_TOP) {
		put(e, "\n", 1);
		spaces(e, 2 * e->depth);
	}
	if (f->kind == KIND_OBJECT) {
		assert(key);
		json_string(e, key);
		put(e, ": ", 2);
	}
}

static void push(struct sl_emit *e, enum kind kind, unsigned indent)
{
	assert(e->depth + 1 < DEPTH_MAX);
	e->depth++;
	*top(e) = (struct frame){.kind = kind, .indent = indent};
}

/* A key at the top means that the caller left the root object to us. */
static void json_root(struct sl_emit *e, const char *key)
{
	if (!e->json || !key || top(e)->kind != KIND_TOP)
		return;
	json_item(e, NULL);
	put(e, "{", 1);
	push(e, KIND_OBJECT, 0);
}

/* Text */

/* The columns that n bytes of s take; with `out`, writes them. */
static unsigned text_bytes(struct sl_emit *e, const char *s, size_t n, bool out)
{
	unsigned width = 0;

	for (size_t at = 0, used; at < n; at += used) {
		uint32_t c;
		char buf[12];
		size_t len;

		used = sl_utf8_get(s + at, n - at, &c);
		if (sl_utf8_is_control(c)) {
			len = (size_t)snprintf(buf, sizeof(buf), "\\u%04x", (unsigned)c);
			width += (unsigned)len;
		} else {
			len = sl_utf8_put(buf, c);
			width += sl_utf8_width(c);
		}
		if (out)
			put(e, buf, len);
	}
	return width;
}

static void text_string(struct sl_emit *e, const char *s)
{
	(void)text_bytes(e, s, strlen(s), true);
}

/* A line, broken where it does not fit behind `indent` columns; what follows begins two further. */
static void text_line(struct sl_emit *e, const char *line, size_t n, unsigned indent)
{
	unsigned own = (unsigned)strspn(line, " ") + 2;
	char *copy = strndup(line, n), *s = copy;
	size_t used;

	if (!copy) {
		e->error = e->error ? e->error : -ENOMEM;
		return;
	}
	if (e->width < indent + own + ROOM_MIN) {
		text_string(e, s);
	} else {
		used = sl_utf8_line(s, e->width - indent, false);
		(void)text_bytes(e, s, used, true);
		for (s += used; *(s += strspn(s, " ")); s += used) {
			put(e, "\n", 1);
			spaces(e, indent + own);
			used = sl_utf8_line(s, e->width - indent - own, false);
			(void)text_bytes(e, s, used, true);
		}
	}
	free(copy);
}

/* Lines, all behind `indent` columns; the first one's have been written. */
static void text_lines(struct sl_emit *e, const char *s, unsigned indent)
{
	for (size_t n;; s += n + 1) {
		n = strcspn(s, "\n");
		text_line(e, s, n, indent);
		if (!s[n] || !s[n + 1])
			return;
		put(e, "\n", 1);
		spaces(e, indent);
	}
}

static unsigned text_width(struct sl_emit *e, const char *s)
{
	return text_bytes(e, s, strlen(s), false);
}

static void text_bold(struct sl_emit *e, bool on)
{
	if (e->colour)
		puts_raw(e, on ? "\033[1m" : "\033[0m");
}

static void hold(struct sl_emit *e, const char *label, char *text, bool number)
{
	if (e->n_held == e->cap_held) {
		size_t cap = e->cap_held ? 2 * e->cap_held : 32;
		struct held *held = realloc(e->held, cap * sizeof(*held));

		if (!held) {
			free(text);
			e->error = e->error ? e->error : -ENOMEM;
			return;
		}
		e->held = held;
		e->cap_held = cap;
	}
	e->held[e->n_held++] = (struct held){label, text, number};
}

static void held_clear(struct sl_emit *e)
{
	for (size_t i = 0; i < e->n_held; i++)
		free(e->held[i].text);
	e->n_held = 0;
}

/* Writes the fields held back, their values in one column. */
static void text_fields(struct sl_emit *e)
{
	struct frame *f = top(e);
	unsigned width = 0;

	if (!e->n_held || f->kind == KIND_TABLE)
		return;
	for (size_t i = 0; i < e->n_held; i++) {
		unsigned w = text_width(e, e->held[i].label);

		if (w > width && w <= LABEL_WIDTH_MAX)
			width = w;
	}
	for (size_t i = 0; i < e->n_held; i++) {
		const struct held *h = &e->held[i];
		unsigned w = text_width(e, h->label);

		spaces(e, f->indent);
		if (w) {
			text_string(e, h->label);
			if (h->text[0])
				spaces(e, w < width ? width - w + 2 : 2);
		}
		text_lines(e, h->text, f->indent + (w ? width + 2 : 0));
		put(e, "\n", 1);
	}
	f->printed = true;
	held_clear(e);
}

/* A blank line between what stands above and a new part. */
static void text_part(struct sl_emit *e)
{
	text_fields(e);
	if (top(e)->printed)
		put(e, "\n", 1);
	top(e)->printed = true;
}

static void text_heading(struct sl_emit *e, const char *label)
{
	text_part(e);
	if (!label)
		return;
	spaces(e, top(e)->indent);
	text_bold(e, true);
	text_string(e, label);
	text_bold(e, false);
	put(e, "\n", 1);
}

static void open_part(struct sl_emit *e, enum kind kind, const char *key, const char *label)
{
	if (e->json) {
		json_root(e, key);
		json_item(e, key);
		puts_raw(e, kind == KIND_ARRAY ? "[" : "{");
		push(e, kind, 0);
		return;
	}
	/* The outermost object without a name is the document itself: no heading, no indent. */
	if (label || top(e)->kind == KIND_ARRAY)
		text_heading(e, label);
	else
		text_fields(e);
	push(e, kind, top(e)->indent + (label ? 2 : 0));
	if (!label)
		top(e)->printed = e->frames[e->depth - 1].kind != KIND_ARRAY &&
				  e->frames[e->depth - 1].printed;
}

void sl_emit_object(struct sl_emit *e, const char *key, const char *label)
{
	open_part(e, KIND_OBJECT, key, label);
}

void sl_emit_array(struct sl_emit *e, const char *key, const char *label)
{
	open_part(e, KIND_ARRAY, key, label);
}

/* Tables */

void sl_emit_table(struct sl_emit *e, const char *key, const char *const columns[][2])
{
	if (e->json) {
		json_root(e, key);
		json_item(e, key);
		put(e, "[", 1);
	} else {
		text_part(e);
	}
	push(e, KIND_TABLE, top(e)->indent);
	for (e->n_columns = 0; columns[e->n_columns][0]; e->n_columns++) {
		assert(e->n_columns < COLUMNS_MAX);
		e->columns[e->n_columns][0] = columns[e->n_columns][0];
		e->columns[e->n_columns][1] = columns[e->n_columns][1];
	}
	e->column = 0;
}

/* The names of the set bits: an array in JSON, else joined by commas. NULL: out of memory. */
static char *bits_text(const struct sl_emit *e, uint32_t bits, const char *(*name)(unsigned bit))
{
	char *text, *end;
	size_t size = sizeof("none");

	for (unsigned i = 0; i < 32; i++)
		if (bits >> i & 1)
			size += (name(i) ? strlen(name(i)) : sizeof("bit 32")) + 4;
	text = end = malloc(size);
	if (!text)
		return NULL;
	end = stpcpy(end, e->json ? "[" : bits ? "" : "none");
	for (unsigned i = 0, n = 0; i < 32; i++) {
		char other[16];

		if (!(bits >> i & 1))
			continue;
		(void)snprintf(other, sizeof(other), "bit %u", i);
		end = stpcpy(end, n++ ? ", " : "");
		end = stpcpy(end, e->json ? "\"" : "");
		end = stpcpy(end, name(i) ? name(i) : other);
		end = stpcpy(end, e->json ? "\"" : "");
	}
	(void)stpcpy(end, e->json ? "]" : "");
	return text;
}

/* How a table is laid out: the columns' widths, and which of them do not stand beside the others.
 */
struct layout {
	unsigned width[COLUMNS_MAX];
	bool number[COLUMNS_MAX], empty[COLUMNS_MAX], below[COLUMNS_MAX];
	unsigned last; /* that stands beside the others */
};

static bool beside(const struct sl_emit *e, const struct layout *l, unsigned i)
{
	return e->columns[i][1] && !l->below[i];
}

/* The width of the table when no column of text is wider than `cap`. */
static unsigned total(struct sl_emit *e, const struct layout *l, unsigned cap)
{
	unsigned sum = top(e)->indent;

	for (unsigned i = 0, n = 0; i < e->n_columns; i++)
		if (beside(e, l, i))
			sum += (n++ ? 2 : 0) +
			       (l->number[i] || l->width[i] < cap ? l->width[i] : cap);
	return sum;
}

/*
 * Makes it fit the terminal: a column without text goes, columns of text are narrowed, the widest
 * first; where that is not enough, the widest goes below its row. What still does not fit stays as
 * it is.
 */
static void fit(struct sl_emit *e, struct layout *l)
{
	unsigned cap = e->width;

	if (!e->width || total(e, l, UINT_MAX) <= e->width)
		return;
	memcpy(l->below, l->empty, sizeof(l->below));
	while (total(e, l, cap) > e->width) {
		unsigned widest = 0;

		if (--cap >= COLUMN_MIN)
			continue;
		for (unsigned i = 1; i < e->n_columns; i++)
			if (beside(e, l, i) && !l->number[i] &&
			    (!widest || l->width[i] > l->width[widest]))
				widest = i;
		if (!widest)
			return;
		l->below[widest] = true;
		cap = e->width;
	}
	for (unsigned i = 0; i < e->n_columns; i++)
		if (!l->number[i] && l->width[i] > cap)
			l->width[i] = cap;
}

/* One line of a row, from what is left of its cells. Is anything left for another line? */
static bool table_line(struct sl_emit *e, const char **left, const struct layout *l, bool first)
{
	unsigned gap = top(e)->indent;
	bool more = false;

	for (unsigned i = 0; i < e->n_columns; i++) {
		unsigned inset = first || !left[i][0] ? 0 : 2, w;
		size_t n;

		if (!beside(e, l, i))
			continue;
		n = e->width ? sl_utf8_line(left[i], l->width[i] - inset, i != l->last)
			     : strlen(left[i]);
		w = inset + text_bytes(e, left[i], n, false);
		if (l->number[i])
			gap += l->width[i] - w;
		/* Nothing is written for an empty cell, so that no line ends in blanks. */
		if (n) {
			spaces(e, gap + inset);
			(void)text_bytes(e, left[i], n, true);
			gap = 0;
		}
		gap += 2 + (l->number[i] || w > l->width[i] ? 0 : l->width[i] - w);
		left[i] += n;
		left[i] += strspn(left[i], " ");
		more |= left[i][0];
	}
	put(e, "\n", 1);
	return more;
}

/* row NULL: the headings. */
static void table_row(struct sl_emit *e, const struct held *row, const struct layout *l)
{
	const char *left[COLUMNS_MAX];
	bool first = true;

	for (unsigned i = 0; i < e->n_columns; i++)
		left[i] = row ? row[i].text : e->columns[i][1];
	text_bold(e, !row);
	while (table_line(e, left, l, first))
		first = false;
	if (!row)
		text_bold(e, false);
	for (unsigned i = 0; row && i < e->n_columns; i++) {
		char heading[32] = "";

		if (!l->below[i] || !row[i].text[0])
			continue;
		for (unsigned k = 0; e->columns[i][1][k] && k + 1 < sizeof(heading); k++)
			heading[k] = (char)tolower((unsigned char)e->columns[i][1][k]);
		spaces(e, top(e)->indent + 4);
		text_string(e, heading);
		puts_raw(e, ": ");
		text_lines(e, row[i].text, top(e)->indent + 4 + text_width(e, heading) + 2);
		put(e, "\n", 1);
	}
}

static void table_text(struct sl_emit *e)
{
	struct layout l = {0};
	size_t rows = e->n_columns ? e->n_held / e->n_columns : 0;

	for (unsigned i = 0; i < e->n_columns; i++) {
		l.width[i] = e->columns[i][1] ? text_width(e, e->columns[i][1]) : 0;
		l.number[i] = l.empty[i] = rows > 0;
		for (size_t r = 0; r < rows; r++) {
			const struct held *h = &e->held[r * e->n_columns + i];
			unsigned w = text_width(e, h->text);

			l.width[i] = w > l.width[i] ? w : l.width[i];
			l.number[i] &= h->number;
			l.empty[i] &= !h->text[0];
		}
	}
	fit(e, &l);
	for (unsigned i = 0; i < e->n_columns; i++)
		l.last = beside(e, &l, i) ? i : l.last;
	table_row(e, NULL, &l);
	for (size_t r = 0; r < rows; r++)
		table_row(e, &e->held[r * e->n_columns], &l);
	held_clear(e);
}

/* Takes `text`; `raw`: in JSON as it stands; `number`: to the right in text. */
static void cell(struct sl_emit *e, char *text, bool raw, bool number)
{
	assert(top(e)->kind == KIND_TABLE);
	if (!text) {
		e->error = e->error ? e->error : -ENOMEM;
		return;
	}
	if (!e->json) {
		hold(e, NULL, text, number);
		return;
	}
	if (!e->column) {
		json_item(e, NULL);
		put(e, "{", 1);
	} else {
		put(e, ", ", 2);
	}
	json_string(e, e->columns[e->column][0]);
	put(e, ": ", 2);
	if (raw)
		puts_raw(e, text);
	else
		json_string(e, text);
	if (++e->column == e->n_columns) {
		put(e, "}", 1);
		e->column = 0;
	}
	free(text);
}

static char *format_v(const char *fmt, va_list ap)
{
	char *s;

	return vasprintf(&s, fmt, ap) < 0 ? NULL : s;
}

static char *__attribute__((format(printf, 1, 2))) format(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = format_v(fmt, ap);
	va_end(ap);
	return s;
}

void sl_emit_cell(struct sl_emit *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cell(e, format_v(fmt, ap), false, false);
	va_end(ap);
}

void sl_emit_cell_u64(struct sl_emit *e, uint64_t v)
{
	cell(e, format("%" PRIu64, v), true, true);
}

void sl_emit_cell_bits(struct sl_emit *e, uint32_t bits, const char *(*name)(unsigned bit))
{
	cell(e, bits_text(e, bits, name), true, false);
}

void sl_emit_end(struct sl_emit *e)
{
	enum kind kind = top(e)->kind;
	unsigned items = top(e)->items;

	assert(kind != KIND_TOP && (kind != KIND_TABLE || !e->column));
	if (!e->json && kind == KIND_TABLE)
		table_text(e);
	else if (!e->json)
		text_fields(e);
	if (!e->json && top(e)->printed)
		e->frames[e->depth - 1].printed = true;
	e->depth--;
	if (!e->json)
		return;
	if (items) {
		put(e, "\n", 1);
		spaces(e, 2 * e->depth);
	}
	puts_raw(e, kind == KIND_OBJECT ? "}" : "]");
}

/* Fields */

/* Takes `text`, which is shown to people, and in JSON as it stands when `raw`, else as a string. */
static void field(struct sl_emit *e, const char *key, const char *label, char *text, bool raw)
{
	assert(top(e)->kind != KIND_TABLE);
	if (!text) {
		e->error = e->error ? e->error : -ENOMEM;
		return;
	}
	if (!e->json) {
		if (label)
			hold(e, label, text, raw);
		else
			free(text);
		return;
	}
	json_root(e, key);
	if (key || top(e)->kind == KIND_ARRAY) {
		json_item(e, key);
		if (raw)
			puts_raw(e, text);
		else
			json_string(e, text);
	}
	free(text);
}

void sl_emit_str(struct sl_emit *e, const char *key, const char *label, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	field(e, key, label, format_v(fmt, ap), false);
	va_end(ap);
}

void sl_emit_u64(struct sl_emit *e, const char *key, const char *label, uint64_t v)
{
	field(e, key, label, format("%" PRIu64, v), true);
}

void sl_emit_bool(struct sl_emit *e, const char *key, const char *label, bool v)
{
	field(e, key, label, strdup(e->json ? (v ? "true" : "false") : (v ? "yes" : "no")), true);
}

void sl_emit_bits(struct sl_emit *e, const char *key, const char *label, uint32_t bits,
		  const char *(*name)(unsigned bit))
{
	field(e, key, label, bits_text(e, bits, name), true);
}

void sl_emit_note(struct sl_emit *e, const char *fmt, ...)
{
	va_list ap;
	char *s;

	assert(top(e)->kind != KIND_TABLE);
	if (e->json)
		return;
	va_start(ap, fmt);
	s = format_v(fmt, ap);
	va_end(ap);
	text_fields(e);
	if (!s) {
		e->error = e->error ? e->error : -ENOMEM;
		return;
	}
	if (s[0])
		spaces(e, top(e)->indent);
	text_lines(e, s, top(e)->indent);
	put(e, "\n", 1);
	top(e)->printed = true;
	free(s);
}

int sl_emit_done(struct sl_emit *e)
{
	int error;

	if (!e)
		return -ENOMEM;
	/* A verb that gave up in the middle still leaves a document that parses. */
	while (e->depth) {
		if (top(e)->kind == KIND_TABLE && e->json)
			for (; e->column;)
				sl_emit_cell(e, "%s", "");
		sl_emit_end(e);
	}
	if (e->json) {
		if (!top(e)->items)
			puts_raw(e, "{}");
		put(e, "\n", 1);
	} else {
		text_fields(e);
	}
	errno = 0;
	if (fflush(e->out) && !e->error)
		e->error = errno ? -errno : -EIO;
	error = e->error;
	held_clear(e);
	free(e->held);
	free(e);
	return error;
}
