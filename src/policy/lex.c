/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"

#include <ctype.h>
#include <string.h>

void sl_lexer_init(struct sl_lexer *l, const struct sl_text *source,
		   struct sl_policy_messages *msgs)
{
	*l = (struct sl_lexer){
		.source = source,
		.msgs = msgs,
		.p = source->text,
		.end = source->text + source->size,
		.line_start = source->text,
		.line = 1,
		.first = true,
	};
}

static void skip_blank(struct sl_lexer *l)
{
	for (; l->p < l->end; l->p++) {
		if (*l->p == '\n') {
			l->line++;
			l->line_start = l->p + 1;
			l->first = true;
		} else if (*l->p == '#') {
			while (l->p + 1 < l->end && l->p[1] != '\n')
				l->p++;
		} else if (*l->p != ' ' && *l->p != '\t' && *l->p != '\r') {
			return;
		}
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

/* A dot belongs to a word only between its parts: `1..4` and `a..b` are three tokens. */
static size_t word_len(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && (is_word(*q) || (*q == '.' && q + 1 < end && is_word(q[1]))))
		q++;
	return (size_t)(q - p);
}

static int days_before(int64_t year, int64_t month, int64_t day, uint64_t *ret)
{
	static const int64_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	int64_t days = 0;

	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > length[month - 1] + (month == 2 && leap))
		return -1;
	for (int64_t y = 1970; y < year; y++)
		days += y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 366 : 365;
	for (int64_t m = 1; m < month; m++)
		days += length[m - 1] + (m == 2 && leap);
	*ret = (uint64_t)(days + day - 1) * 86400;
	return 0;
}

static bool lex_date(struct sl_lexer *l, struct sl_token *t)
{
	static const char shape[] = "dddd-dd-dd";
	int64_t part[3] = {0};
	unsigned k = 0;

	if (t->len != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < t->len; i++) {
		if (shape[i] == '-') {
			if (t->text[i] != '-')
				return false;
			k++;
		} else {
			if (!isdigit((unsigned char)t->text[i]))
				return false;
			part[k] = part[k] * 10 + (t->text[i] - '0');
		}
	}
	t->kind = SL_TOK_DATE;
	if (days_before(part[0], part[1], part[2], &t->value)) {
		sl_policy_error(l->msgs, t->at, "there is no day '%.*s'", (int)t->len, t->text);
		t->kind = SL_TOK_BAD;
	}
	return true;
}

/* 12, 0x0c, 0Ch; a final K or M or G of 1024 after a decimal. */
static void lex_number(struct sl_lexer *l, struct sl_token *t)
{
	const char *p = t->text;
	size_t n = t->len;
	unsigned base = 10;
	unsigned shift = 0;

	t->kind = SL_TOK_NUMBER;
	if (n > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
		n -= 2;
	} else if (n > 1 && (p[n - 1] == 'h' || p[n - 1] == 'H')) {
		base = 16;
		n--;
	} else if (n > 1 && strchr("KMG", p[n - 1])) {
		shift = p[n - 1] == 'K' ? 10 : p[n - 1] == 'M' ? 20 : 30;
		n--;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned d = isdigit((unsigned char)p[i])    ? (unsigned)(p[i] - '0')
			     : isxdigit((unsigned char)p[i]) ? (unsigned)((p[i] | 32) - 'a' + 10)
							     : 99;

		if (d >= base) {
			sl_policy_error(l->msgs, t->at,
					"'%.*s' is not a number: write 12, 0x0c or 0Ch",
					(int)t->len, t->text);
			t->kind = SL_TOK_BAD;
			return;
		}
		if (t->value > (UINT64_MAX - d) / base)
			goto large;
		t->value = t->value * base + d;
	}
	if (t->value > UINT64_MAX >> shift)
		goto large;
	t->value <<= shift;
	return;
large:
	sl_policy_error(l->msgs, t->at, "'%.*s' is larger than 64 bits", (int)t->len, t->text);
	t->kind = SL_TOK_BAD;
}

static void lex_string(struct sl_lexer *l, struct sl_token *t)
{
	const char *q = l->p + 1;

	t->kind = SL_TOK_STRING;
	t->text = q;
	while (q < l->end && *q != '"' && *q != '\n' && (unsigned char)*q >= ' ')
		q++;
	t->len = (size_t)(q - t->text);
	if (q == l->end || *q != '"') {
		sl_policy_error(l->msgs, t->at,
				"the string is not closed: expected '\"' on this line");
		t->kind = SL_TOK_BAD;
		l->p = q;
		return;
	}
	l->p = q + 1;
}

static bool lex_sign(struct sl_lexer *l, struct sl_token *t)
{
	static const char *const signs[] = {"..", "!=", "<=", ">=", "=", "<", ">", "{", "}",
					    "[",  "]",	"(",  ")",  ":", ",", ".", "*"};

	for (unsigned i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t n = strlen(signs[i]);

		if ((size_t)(l->end - l->p) < n || memcmp(l->p, signs[i], n) != 0)
			continue;
		t->kind = SL_TOK_SIGN;
		t->len = n;
		l->p += n;
		return true;
	}
	return false;
}

void sl_lexer_next(struct sl_lexer *l, struct sl_token *ret)
{
	unsigned char c;

	skip_blank(l);
	*ret = (struct sl_token){
		.first = l->first,
		.at = {l->source, l->line, (unsigned)(l->p - l->line_start) + 1},
		.text = l->p,
	};
	if (l->p == l->end)
		return;
	l->first = false;
	c = (unsigned char)*l->p;
	if (c == '"') {
		lex_string(l, ret);
		return;
	}
	if (is_word(*l->p) && c != '-') {
		ret->len = word_len(l->p, l->end);
		l->p += ret->len;
		if (!isdigit(c))
			ret->kind = SL_TOK_WORD;
		else if (!lex_date(l, ret))
			lex_number(l, ret);
		return;
	}
	if (lex_sign(l, ret))
		return;
	ret->kind = SL_TOK_BAD;
	if (c < ' ' || c >= 0x7f)
		sl_policy_error(l->msgs, ret->at,
				"byte %02xh has no meaning outside comments and strings", c);
	else
		sl_policy_error(l->msgs, ret->at, "'%c' has no meaning here", c);
	l->p++;
	/* One message for a run of them, not one a byte. */
	while (l->p < l->end && (unsigned char)*l->p >= 0x7f)
		l->p++;
}
