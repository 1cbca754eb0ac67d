/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One emitter for people and for programs: a verb describes its data once, as objects, fields and
 * tables, and it comes out as aligned text or as JSON. Data goes to the given stream; errors of the
 * stream are kept and returned by sl_emit_done, so that a full disk is never a silent success.
 */
#ifndef SL_BASE_EMIT_H
#define SL_BASE_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct sl_emit;

/*
 * json: one JSON document; else text. Colour only when the stream is a terminal; and only then are
 * lines broken to fit: what a program reads does not depend on a window.
 */
struct sl_emit *sl_emit_new(FILE *out, bool json);
/* Flushes, frees. 0 or -errno of the first failed write. */
int sl_emit_done(struct sl_emit *e);

bool sl_emit_is_json(const struct sl_emit *e);
/* Columns of the terminal; 0: any number. */
unsigned sl_emit_width(const struct sl_emit *e);

/* Objects nest. In text the label is a heading; key NULL inside an array or at the top. */
void sl_emit_object(struct sl_emit *e, const char *key, const char *label);
void sl_emit_end(struct sl_emit *e);
void sl_emit_array(struct sl_emit *e, const char *key, const char *label);

/* Fields: JSON key, and what a person reads before the value (label NULL: only in JSON). */
void sl_emit_str(struct sl_emit *e, const char *key, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void sl_emit_u64(struct sl_emit *e, const char *key, const char *label, uint64_t v);
void sl_emit_bool(struct sl_emit *e, const char *key, const char *label, bool v);
/* An array of strings; in text joined by ", ". `names[i]` for the set bits of `bits`. */
void sl_emit_bits(struct sl_emit *e, const char *key, const char *label, uint32_t bits,
		  const char *(*name)(unsigned bit));

/*
 * A table: JSON is an array of objects. Columns: key and heading, NULL-terminated pairs. Then per
 * row as many cells as columns, then sl_emit_end. Cell text starting with a digit is still a string
 * in JSON unless given by sl_emit_cell_u64.
 */
void sl_emit_table(struct sl_emit *e, const char *key, const char *const columns[][2]);
void sl_emit_cell(struct sl_emit *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl_emit_cell_u64(struct sl_emit *e, uint64_t v);
/* As sl_emit_bits. */
void sl_emit_cell_bits(struct sl_emit *e, uint32_t bits, const char *(*name)(unsigned bit));

/* A line for people only. */
void sl_emit_note(struct sl_emit *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
