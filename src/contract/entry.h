/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a declared key is called, and what our tables know of it. A log speaks of an opcode; a
 * command often has several forms (sub-selectors), each a row with a floor of its own.
 */
#ifndef SL_CONTRACT_ENTRY_H
#define SL_CONTRACT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/table.h"

#define SL_KEY_NAME_MAX 112

static inline uint8_t sl_key_set(uint64_t key)
{
	return (uint8_t)(key >> 32);
}

static inline uint8_t sl_key_opcode(uint64_t key)
{
	return (uint8_t)(key >> 16);
}

static inline uint16_t sl_key_sel(uint64_t key)
{
	return (uint16_t)key;
}

/* As policies and people call it; where it is in no table, or a vendor's, with its numbers. */
const char *sl_key_name(uint64_t key, char buf[SL_KEY_NAME_MAX]);
/*
 * The opcode as its specification counts it: CXL's is both halves in one number, and then has no
 * selector of its own. *ret_sel: SL_SEL_ANY where there is none.
 */
uint16_t sl_key_code(uint64_t key, uint16_t *ret_sel);
/* The row of our tables; it may be one for unlisted commands. */
uint16_t sl_key_row(uint64_t key);

/* A row's floor with everything that its refinements can add; without `unknown` from the latter. */
sl_effects sl_row_full_floor(uint16_t row);
/* Do the tables say what it does (not vendor's, not unlisted, floor known)? */
bool sl_row_is_known(uint16_t row);

/*
 * The forms of a key, one after the other: *at starts as 0. The row itself where it has no
 * sub-selectors; those that are not known are left out. False: no more.
 */
bool sl_key_form(uint64_t key, uint16_t *at, uint16_t *ret_row);

/* The keys of a contract in order (set, opcode, selector): fills up to SL_CONTRACT_MAX. */
size_t sl_contract_keys(const struct sl_contract *c, uint64_t ret[SL_CONTRACT_MAX]);

/* "LBCC NCC CSE=1 …": the bits of a declaration word, in the specification's letters. */
const char *sl_word_text(uint32_t word, unsigned source, char buf[96]);
/* "Commands Supported and Effects (LID 05h)" … */
const char *sl_source_name(unsigned source);

#endif
