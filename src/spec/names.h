/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of what the core keeps as numbers, and the tables asked by name: for people and for
 * tools. NULL past the end. Nothing of this is in the trusted process.
 */
#ifndef SL_SPEC_NAMES_H
#define SL_SPEC_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/table.h"

const char *sl_effect_name(unsigned bit);
const char *sl_effect_text(unsigned bit);
const char *sl_scope_name(unsigned bit);
const char *sl_trust_name(unsigned trust);
const char *sl_exclusivity_name(unsigned excl);
/* Of an answer that the contract's reader asks for: enum sl_raw. */
const char *sl_raw_name(unsigned raw);
/* What is wrong with a contract: enum sl_flaw. */
const char *sl_flaw_text(unsigned flaw);
/* Prefix of a set's row names ("nvme.admin"). */
const char *sl_set_name(unsigned set);

/* The field that selects among an opcode's rows; false: none. */
bool sl_row_selector(uint16_t row, struct sl_field *ret);
/* A field of the row's format by name; NULL: there is none. */
const struct sl_field *sl_row_field(uint16_t row, const char *name);

#endif
