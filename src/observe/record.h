/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings as JSON, whole: what they rest on and what it takes to see them again. What is read is
 * somebody else's, and held to its bounds.
 */
#ifndef SL_OBSERVE_RECORD_H
#define SL_OBSERVE_RECORD_H

#include <jansson.h>

#include "base/diag.h"
#include "observe/verify.h"

/* NULL: out of memory. `v` names the phase that found it. */
json_t *sl_record_breach(const struct sl_verdicts *v, const struct sl_breach *b);
/*
 * 0: *ret is filled, sl_breach_done frees what it holds; -EINVAL or -ENOMEM with *reterr. The
 * phase's name goes to *ret_phase, which lives as long as the JSON does.
 */
int sl_record_parse(json_t *json, struct sl_breach *ret, const char **ret_phase,
		    struct sl_diag *reterr);

/* What a device calls itself: bytes that are no UTF-8 become U+FFFD. */
json_t *sl_record_text(const char *s);
json_t *sl_record_hex(const void *bytes, size_t n);
/* Exactly `n` bytes. 0 or -EINVAL. */
int sl_record_parse_hex(const json_t *json, void *ret, size_t n);

#endif
