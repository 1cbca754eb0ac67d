/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed reading of JSON with places. jansson tells lines only of syntax errors, so the path to the
 * offending value is kept while reading and looked up in the text when something is wrong.
 */
#include "model/persona-json.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- places ---- */

struct scan {
	const char *p, *end;
};

static void scan_space(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p)
		s->p++;
}

/* Past a string that starts at the quote. */
static void scan_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	if (s->p < s->end)
		s->p++;
}

/* Past a value, whatever it is. The text is valid JSON: jansson has read it. */
static void scan_value(struct scan *s)
{
	unsigned depth = 0;

	do {
		scan_space(s);
		if (s->p >= s->end)
			return;
		if (*s->p == '"') {
			scan_string(s);
		} else if (*s->p == '{' || *s->p == '[') {
			depth++;
			s->p++;
		} else if (*s->p == '}' || *s->p == ']') {
			depth--;
			s->p++;
		} else if (*s->p == ',' || *s->p == ':') {
			s->p++;
		} else {
			while (s->p < s->end && !strchr(",:]} \t\r\n", *s->p))
				s->p++;
		}
	} while (depth);
}

/* From the start of a container to the start of the value at `step`; false: not there. */
static bool scan_into(struct scan *s, const struct sl_pj_step *step)
{
	size_t n = step->key ? strlen(step->key) : 0;

	scan_space(s);
	if (s->p >= s->end || *s->p != (step->key ? '{' : '['))
		return false;
	s->p++;
	for (size_t i = 0; s->p < s->end; i++) {
		const char *start;

		scan_space(s);
		if (s->p >= s->end || *s->p == '}' || *s->p == ']')
			return false;
		start = s->p;
		if (!step->key) {
			if (i == step->index)
				return true;
		} else {
			bool hit;

			scan_string(s);
			hit = (size_t)(s->p - start) == n + 2 && !memcmp(start + 1, step->key, n);
			if (hit && step->index) { /* the key itself */
				s->p = start;
				return true;
			}
			scan_space(s);
			s->p += s->p < s->end;
			scan_space(s);
			if (hit)
				return true;
		}
		scan_value(s);
		scan_space(s);
		if (s->p < s->end && *s->p == ',')
			s->p++;
	}
	return false;
}

static void locate(const struct sl_pj *j, unsigned *ret_line, unsigned *ret_column)
{
	struct scan s = {j->text, j->text + j->len};
	const char *best;

	scan_space(&s);
	best = s.p;
	for (unsigned i = 0; i < j->depth && scan_into(&s, &j->path[i]); i++)
		best = s.p;
	*ret_line = *ret_column = 1;
	for (const char *p = j->text; p < best; p++) {
		++*ret_column;
		if (*p == '\n') {
			++*ret_line;
			*ret_column = 1;
		}
	}
}

static void path_text(const struct sl_pj *j, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < j->depth && at < size; i++) {
		const struct sl_pj_step *s = &j->path[i];
		int n;

		if (s->key)
			n = snprintf(buf + at, size - at, "%s%.64s", at ? "." : "", s->key);
		else
			n = snprintf(buf + at, size - at, "[%zu]", s->index);
		at += n > 0 ? (size_t)n : 0;
	}
}

static int fail_va(struct sl_pj *j, const char *fmt, va_list ap)
{
	char path[160], text[320];
	unsigned line, column;

	vsnprintf(text, sizeof(text), fmt, ap);
	path_text(j, path, sizeof(path));
	locate(j, &line, &column);
	return sl_diag_set(j->diag, -EINVAL, j->file, line, column, "%s%s%s", path,
			   path[0] ? ": " : "", text);
}

int sl_pj_fail(struct sl_pj *j, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = fail_va(j, fmt, ap);
	va_end(ap);
	return r;
}

int sl_pj_fail_at(struct sl_pj *j, const char *key, const char *fmt, ...)
{
	va_list ap;
	int r;

	sl_pj_enter(j, key);
	sl_pj_about_key(j, true);
	va_start(ap, fmt);
	r = fail_va(j, fmt, ap);
	va_end(ap);
	sl_pj_leave(j);
	return r;
}

int sl_pj_nomem(struct sl_pj *j)
{
	return sl_diag_set(j->diag, -ENOMEM, j->file, 0, 0, "out of memory");
}

void sl_pj_enter(struct sl_pj *j, const char *key)
{
	/* The text was refused beyond this depth before it was parsed. */
	if (j->depth < SL_PERSONA_DEPTH_MAX)
		j->path[j->depth] = (struct sl_pj_step){.key = key};
	j->depth++;
}

void sl_pj_enter_index(struct sl_pj *j, size_t index)
{
	if (j->depth < SL_PERSONA_DEPTH_MAX)
		j->path[j->depth] = (struct sl_pj_step){.index = index};
	j->depth++;
}

void sl_pj_about_key(struct sl_pj *j, bool on)
{
	if (j->depth && j->depth <= SL_PERSONA_DEPTH_MAX && j->path[j->depth - 1].key)
		j->path[j->depth - 1].index = on;
}

void sl_pj_leave(struct sl_pj *j)
{
	j->depth--;
}

/* ---- types ---- */

static const char *type_name(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",	 [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};

	return names[json_typeof(v)];
}

int sl_pj_want_object(struct sl_pj *j, json_t *v)
{
	return json_is_object(v) ? 0 : sl_pj_fail(j, "expected an object, not %s", type_name(v));
}

int sl_pj_want_array(struct sl_pj *j, json_t *v, size_t max)
{
	if (!json_is_array(v))
		return sl_pj_fail(j, "expected an array, not %s", type_name(v));
	if (json_array_size(v) > max)
		return sl_pj_fail(j, "%zu items, at most %zu are allowed", json_array_size(v), max);
	return 0;
}

static int check_comment(struct sl_pj *j, json_t *v)
{
	bool ok = json_is_string(v);
	size_t i;
	json_t *s;

	if (json_is_array(v)) {
		ok = true;
		json_array_foreach(v, i, s)
			ok = ok && json_is_string(s);
	}
	return ok ? 0 : sl_pj_fail_at(j, "comment", "expected a string or an array of strings");
}

static const struct sl_pj_key *find_key(const struct sl_pj_key *keys, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(keys[i].key, key))
			return &keys[i];
	return NULL;
}

/* Numbers of a specification's structure, by its names. */
static int read_fields(struct sl_pj *j, json_t *v, const struct sl_field *fields, size_t n,
		       uint8_t *buf)
{
	const char *key;
	json_t *item;

	json_object_foreach(v, key, item) {
		const struct sl_field *f = sl_field_find(fields, n, key);
		int r;

		if (!f)
			continue;
		sl_pj_enter(j, key);
		r = sl_pj_field(j, item, f, buf);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

int sl_pj_object(struct sl_pj *j, json_t *v, const struct sl_pj_key *keys, size_t n, void *target)
{
	return sl_pj_object_fields(j, v, keys, n, target, NULL, 0, NULL);
}

int sl_pj_object_fields(struct sl_pj *j, json_t *v, const struct sl_pj_key *keys, size_t n,
			void *target, const struct sl_field *fields, size_t n_fields, uint8_t *buf)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	if (r)
		return r;
	json_object_foreach(v, key, item) {
		if (!strcmp(key, "comment"))
			r = check_comment(j, item);
		else if (!find_key(keys, n, key) && !sl_field_find(fields, n_fields, key))
			r = sl_pj_fail_at(j, key, "unknown key");
		if (r)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		item = json_object_get(v, keys[i].key);
		if (!item) {
			if (keys[i].required)
				return sl_pj_fail(j, "\"%s\" is missing", keys[i].key);
			continue;
		}
		sl_pj_enter(j, keys[i].key);
		r = keys[i].read(j, item, (char *)target + keys[i].at, &keys[i]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return read_fields(j, v, fields, n_fields, buf);
}

int sl_pj_array(struct sl_pj *j, json_t *v, size_t max, size_t size, sl_pj_read item, void **ret,
		unsigned *ret_n)
{
	int r = sl_pj_want_array(j, v, max);
	size_t i;
	json_t *it;

	if (r || !json_array_size(v))
		return r;
	*ret = calloc(json_array_size(v), size);
	if (!*ret)
		return sl_pj_nomem(j);
	json_array_foreach(v, i, it) {
		++*ret_n;
		sl_pj_enter_index(j, i);
		r = item(j, it, (char *)*ret + i * size, NULL);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

static int check_range(struct sl_pj *j, uint64_t x, uint64_t min, uint64_t max)
{
	if (x >= min && x <= max)
		return 0;
	if (max > 0xffff && x > max)
		return sl_pj_fail(j, "0x%llx is out of range, at most 0x%llx is allowed",
				  (unsigned long long)x, (unsigned long long)max);
	return sl_pj_fail(j, "%llu is out of range %llu to %llu", (unsigned long long)x,
			  (unsigned long long)min, (unsigned long long)max);
}

int sl_pj_u64_text(struct sl_pj *j, const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *digits = hex ? s + 2 : s;
	char *end;

	/* strtoull would take signs and spaces. */
	if (!isxdigit((unsigned char)*digits))
		return sl_pj_fail(j, "\"%.40s\" is not a number", s);
	errno = 0;
	*ret = strtoull(digits, &end, hex ? 16 : 10);
	if (*end)
		return sl_pj_fail(j, "\"%.40s\" is not a number", s);
	if (errno)
		return sl_pj_fail(j, "\"%.40s\" does not fit 64 bits", s);
	return check_range(j, *ret, min, max);
}

int sl_pj_u64(struct sl_pj *j, json_t *v, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (json_is_string(v))
		return sl_pj_u64_text(j, json_string_value(v), min, max, ret);
	if (!json_is_integer(v))
		return sl_pj_fail(j, "expected a number or a string like \"0x1f\", not %s",
				  type_name(v));
	if (json_integer_value(v) < 0)
		return sl_pj_fail(j, "%lld is negative", (long long)json_integer_value(v));
	*ret = (uint64_t)json_integer_value(v);
	return check_range(j, *ret, min, max);
}

int sl_pj_key_u64(struct sl_pj *j, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
	int r;

	sl_pj_about_key(j, true);
	r = sl_pj_u64_text(j, key, min, max, ret);
	sl_pj_about_key(j, false);
	return r;
}

int sl_pj_i64(struct sl_pj *j, json_t *v, int64_t *ret)
{
	if (!json_is_integer(v))
		return sl_pj_fail(j, "expected a whole number, not %s", type_name(v));
	*ret = json_integer_value(v);
	return 0;
}

int sl_pj_string(struct sl_pj *j, json_t *v, const char **ret)
{
	*ret = "";
	if (!json_is_string(v))
		return sl_pj_fail(j, "expected a string, not %s", type_name(v));
	*ret = json_string_value(v);
	return 0;
}

int sl_pj_ascii(struct sl_pj *j, json_t *v, size_t min, char *buf, size_t size)
{
	const char *s;
	int r = sl_pj_string(j, v, &s);

	if (r)
		return r;
	for (const char *c = s; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return sl_pj_fail(j, "only printable ASCII is allowed here");
	if (strlen(s) < min || strlen(s) >= size)
		return sl_pj_fail(j, "%zu characters, %zu to %zu are allowed", strlen(s), min,
				  size - 1);
	memset(buf, 0, size);
	memcpy(buf, s, strlen(s));
	return 0;
}

int sl_pj_word(struct sl_pj *j, json_t *v, const char *const *words, size_t n, unsigned *ret)
{
	char list[200] = "";
	size_t at = 0;
	const char *s;
	int r = sl_pj_string(j, v, &s);

	if (r)
		return r;
	for (*ret = 0; *ret < n; ++*ret)
		if (!strcmp(words[*ret], s))
			return 0;
	for (size_t i = 0; i < n && at < sizeof(list); i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s\"%s\"", i ? ", " : "",
				       words[i]);
	return sl_pj_fail(j, "\"%.40s\" is not one of %s", s, list);
}

/* ---- bytes ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(struct sl_pj *j, const char *s, size_t max, struct sl_bytes *ret)
{
	uint8_t *buf = malloc(strlen(s) / 2 + 1);
	size_t n = 0;

	if (!buf)
		return sl_pj_nomem(j);
	while (*s) {
		int hi, lo;

		if (*s == ' ') {
			s++;
			continue;
		}
		hi = hex_digit(s[0]);
		lo = hi < 0 ? -1 : hex_digit(s[1]);
		if (lo < 0) {
			free(buf);
			return sl_pj_fail(j, "expected pairs of hex digits, not \"%.8s\"", s);
		}
		buf[n++] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	if (n < 1 || n > max) {
		free(buf);
		return sl_pj_fail(j, "%zu bytes, 1 to %zu are allowed", n, max);
	}
	ret->p = buf;
	ret->len = (uint32_t)n;
	return 0;
}

static int read_text(struct sl_pj *j, json_t *v, size_t max, struct sl_bytes *ret)
{
	const char *s;
	int r = sl_pj_string(j, v, &s);

	if (r)
		return r;
	if (strlen(s) < 1 || strlen(s) > max)
		return sl_pj_fail(j, "%zu bytes, 1 to %zu are allowed", strlen(s), max);
	ret->p = malloc(strlen(s));
	if (!ret->p)
		return sl_pj_nomem(j);
	ret->len = (uint32_t)strlen(s);
	memcpy(ret->p, s, ret->len);
	return 0;
}

static int repeat(struct sl_pj *j, struct sl_bytes *b, size_t len)
{
	uint8_t *p = malloc(len);

	if (!p)
		return sl_pj_nomem(j);
	for (size_t i = 0; i < len; i++)
		p[i] = b->p[i % b->len];
	free(b->p);
	b->p = p;
	b->len = (uint32_t)len;
	return 0;
}

static int bytes_object(struct sl_pj *j, json_t *v, size_t max, struct sl_bytes *ret)
{
	json_t *hex = json_object_get(v, "hex"), *text = json_object_get(v, "text");
	json_t *length = json_object_get(v, "length");
	uint64_t len;
	const char *s;
	int r;

	if (!hex == !text)
		return sl_pj_fail(j, "expected one of \"hex\" and \"text\"");
	if (json_object_size(v) != 1 + (size_t) !!length)
		return sl_pj_fail(j, "only \"hex\" or \"text\", and \"length\" are allowed here");
	sl_pj_enter(j, hex ? "hex" : "text");
	if (text)
		r = read_text(j, text, max, ret);
	else if (!(r = sl_pj_string(j, hex, &s)))
		r = read_hex(j, s, max, ret);
	sl_pj_leave(j);
	if (r || !length)
		return r;
	sl_pj_enter(j, "length");
	r = sl_pj_u64(j, length, ret->len, max, &len);
	if (!r)
		r = repeat(j, ret, (size_t)len);
	sl_pj_leave(j);
	return r;
}

int sl_pj_bytes(struct sl_pj *j, json_t *v, size_t max, struct sl_bytes *ret)
{
	struct sl_bytes b = {0};
	int r;

	if (json_is_string(v))
		r = read_hex(j, json_string_value(v), max, &b);
	else if (json_is_object(v))
		r = bytes_object(j, v, max, &b);
	else
		r = sl_pj_fail(j,
			       "expected hex digits or an object with \"hex\" or \"text\", not %s",
			       type_name(v));
	if (r) {
		free(b.p);
		return r;
	}
	free(ret->p);
	*ret = b;
	return 0;
}

int sl_pj_hex_exact(struct sl_pj *j, json_t *v, size_t n, uint8_t *buf)
{
	struct sl_bytes b = {0};
	const char *s;
	int r = sl_pj_string(j, v, &s);

	if (!r)
		r = read_hex(j, s, 64, &b);
	if (!r && b.len != n)
		r = sl_pj_fail(j, "%u bytes, %zu are needed", b.len, n);
	if (!r)
		memcpy(buf, b.p, n);
	free(b.p);
	return r;
}

int sl_pj_overlay(struct sl_pj *j, json_t *v, uint8_t *buf, size_t size)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	if (r)
		return r;
	json_object_foreach(v, key, item) {
		struct sl_bytes b = {0};
		uint64_t at;

		sl_pj_enter(j, key);
		r = sl_pj_key_u64(j, key, 0, size - 1, &at);
		if (!r)
			r = sl_pj_bytes(j, item, size - (size_t)at, &b);
		if (!r)
			memcpy(buf + at, b.p, b.len);
		free(b.p);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

/* ---- readers for tables ---- */

static void put_uint(void *field, size_t size, uint64_t x)
{
	uint8_t u8 = (uint8_t)x;
	uint16_t u16 = (uint16_t)x;
	uint32_t u32 = (uint32_t)x;

	if (size == 1)
		memcpy(field, &u8, 1);
	else if (size == 2)
		memcpy(field, &u16, 2);
	else if (size == 4)
		memcpy(field, &u32, 4);
	else
		memcpy(field, &x, 8);
}

int sl_pj_read_uint(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint64_t widest = k->size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * k->size)) - 1, x;
	int r = sl_pj_u64(j, v, k->min, k->max ? k->max : widest, &x);

	if (!r)
		put_uint(field, k->size, x);
	return r;
}

int sl_pj_read_bool(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	if (!json_is_boolean(v))
		return sl_pj_fail(j, "expected true or false, not %s", type_name(v));
	*(bool *)field = json_is_true(v);
	return 0;
}

int sl_pj_read_ascii(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return sl_pj_ascii(j, v, k->min, field, k->size);
}

int sl_pj_read_name(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	const char *s;
	int r = sl_pj_ascii(j, v, 1, field, k ? k->size : SL_PERSONA_NAME_MAX);

	if (r)
		return r;
	for (s = field; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_", *s))
			return sl_pj_fail(j, "a name has letters, digits, '-' and '_' only");
	return 0;
}

int sl_pj_read_skip(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)j, (void)v, (void)field, (void)k;
	return 0;
}

const struct sl_field *sl_field_find(const struct sl_field *f, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(f[i].name, name))
			return &f[i];
	return NULL;
}

int sl_pj_field(struct sl_pj *j, json_t *v, const struct sl_field *f, uint8_t *buf)
{
	uint64_t max = f->size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * f->size)) - 1, x;
	int r = sl_pj_u64(j, v, 0, max, &x);

	if (r)
		return r;
	memset(buf + f->offset, 0, f->size);
	for (unsigned i = 0; i < f->size && i < 8; i++)
		buf[f->offset + i] = (uint8_t)(x >> (8 * i));
	return 0;
}
