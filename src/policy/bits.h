/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields as the bits that they are, whatever the order of their bytes: two names for the same bits
 * are one field, and fields that share a bit are not independent.
 */
#ifndef SL_POLICY_BITS_H
#define SL_POLICY_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/table.h"

/* Where bit n of the field's value stands: 8 × byte + bit of the byte. n < f->width. */
unsigned sl_bits_at(const struct sl_field *f, unsigned n);
/* Which bit of the field's value stands there: true, and *ret_n; false: none. */
bool sl_bits_has(const struct sl_field *f, unsigned at, unsigned *ret_n);
/* Do they share a bit? */
bool sl_bits_meet(const struct sl_field *a, const struct sl_field *b);
/* Are they the same bits with the same values? */
bool sl_bits_same(const struct sl_field *a, const struct sl_field *b);

#endif
