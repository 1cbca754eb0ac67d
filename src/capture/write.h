/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that write a persona: fields by name, and the rest as raw bytes. */
#ifndef SL_CAPTURE_WRITE_H
#define SL_CAPTURE_WRITE_H

#include "capture/capture.h"
#include "model/persona-json.h"

/* A JSON integer, or a string where it does not fit one. */
json_t *sl_write_number(uint64_t v);
json_t *sl_write_hex(const uint8_t *p, size_t n);
bool sl_write_zero(const uint8_t *p, size_t n);

/*
 * Sets the fields that have a name, and in `scratch` what they make. A zero is written only where
 * leaving it out would mean something else (`dflt`, ends with NULL). Of 16-byte fields, the half
 * that a number can hold.
 */
void sl_write_fields(json_t *o, const struct sl_field *f, size_t n, const char *const *dflt,
		     const uint8_t *from, uint8_t *scratch);
/* Sets `key` to the bytes of `want` that `scratch` has not; nothing when there are none. */
void sl_write_raw(json_t *o, const char *key, const uint8_t *want, const uint8_t *scratch,
		  size_t n);

/* Adds a line of text to an array. */
void sl_write_note(json_t *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The "namespaces" of the persona. */
void sl_write_namespaces(const struct sl_capture *c, json_t *root);

#endif
