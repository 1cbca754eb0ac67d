/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "spec/names.h"
#include "wire/wire.h"

uint16_t sl_key_row(uint64_t key)
{
	return sl_row_find_key(sl_key_set(key), sl_key_opcode(key), sl_key_sel(key));
}

uint16_t sl_key_code(uint64_t key, uint16_t *ret_sel)
{
	uint8_t queue = sl_sets[sl_key_set(key)].queue;

	*ret_sel = sl_key_sel(key);
	if ((queue != SL_WIRE_CXL_MAILBOX && queue != SL_WIRE_FWCTL_RPC) || *ret_sel == SL_SEL_ANY)
		return sl_key_opcode(key);
	*ret_sel = SL_SEL_ANY;
	return (uint16_t)(sl_key_opcode(key) << 8 | (sl_key_sel(key) & 0xff));
}

const char *sl_key_name(uint64_t key, char buf[SL_KEY_NAME_MAX])
{
	uint16_t row = sl_key_row(key);
	const struct sl_row *r = &sl_rows[row];
	uint8_t set = sl_key_set(key);
	uint16_t sel, code = sl_key_code(key, &sel);
	const char *note = set != r->set && set == SL_SET_NVME_ZNS ? " [zns]" : "";

	if (sl_rows[r->parent].flags & SL_ROW_UNLISTED && !sl_rows[r->parent].sel_group)
		(void)snprintf(buf, SL_KEY_NAME_MAX, "%s %02xh", sl_set_name(set), code);
	else if (r->op_lo != r->op_hi || (sel != sl_key_sel(key) && r->parent == row))
		(void)snprintf(buf, SL_KEY_NAME_MAX, "%s %02xh%s", r->name, code, note);
	else if (sel != SL_SEL_ANY && (r->parent == row || r->sel_lo != r->sel_hi))
		(void)snprintf(buf, SL_KEY_NAME_MAX, "%s %02xh%s", r->name, (unsigned)sel, note);
	else
		(void)snprintf(buf, SL_KEY_NAME_MAX, "%s%s", r->name, note);
	return buf;
}

sl_effects sl_row_full_floor(uint16_t row)
{
	const struct sl_when_list *list = &sl_whens[sl_rows[row].when];
	sl_effects e = sl_rows[row].floor;

	for (uint32_t i = 0; i < list->n; i++)
		e |= list->when[i].effects & ~(sl_effects)SL_E_UNKNOWN;
	return e;
}

bool sl_row_is_known(uint16_t row)
{
	const struct sl_row *r = &sl_rows[row];

	return !(r->flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED)) && !(r->floor & SL_E_UNKNOWN);
}

bool sl_key_form(uint64_t key, uint16_t *at, uint16_t *ret_row)
{
	uint16_t row = sl_key_row(key);

	if (!sl_rows[row].sel_group) {
		if (*at || !sl_row_is_known(row))
			return false;
		*at = 1;
		*ret_row = row;
		return true;
	}
	/* A selector that no row names has no form: nothing is known of it. */
	if (sl_key_sel(key) != SL_SEL_ANY)
		return false;
	while (*at < sl_row_count) {
		uint16_t r = (*at)++;

		if (r != row && sl_rows[r].parent == row && sl_row_is_known(r)) {
			*ret_row = r;
			return true;
		}
	}
	return false;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	/* A command stands before its sub-selectors. */
	uint64_t p = x & ~UINT64_C(0xffff), q = y & ~UINT64_C(0xffff);

	if (p != q)
		return p < q ? -1 : 1;
	x = (uint16_t)(x + 1);
	y = (uint16_t)(y + 1);
	return x < y ? -1 : x > y;
}

size_t sl_contract_keys(const struct sl_contract *c, uint64_t ret[SL_CONTRACT_MAX])
{
	size_t n = 0;

	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS && n < SL_CONTRACT_MAX; i++)
		if (c->entries[i].flags & SL_ENTRY_USED)
			ret[n++] = c->entries[i].key;
	qsort(ret, n, sizeof(ret[0]), compare_keys);
	return n;
}

/* SPC-6 §6.35.2: byte 5 of a command descriptor, and the length of its CDB above. */
static const char *rsoc_text(uint32_t word, char buf[96])
{
	static const char *const mlu[] = {"", "this unit", "several units", "all units"};
	size_t at = (size_t)snprintf(buf, 96, "CDB of %u bytes", word >> 16);

	if (word >> 4 & 3)
		at += (size_t)snprintf(buf + at, 96 - at, ", MLU: %s", mlu[word >> 4 & 3]);
	if (word & 2)
		at += (size_t)snprintf(buf + at, 96 - at, ", CTDP");
	if (word >> 2 & 3)
		at += (size_t)snprintf(buf + at, 96 - at, ", CDLP=%u", word >> 2 & 3);
	if (word & 0x80)
		(void)snprintf(buf + at, 96 - at, ", reserved=80");
	return buf;
}

/* CXL 3.1 §8.2.9.5.2.1. */
static const char *cel_text(uint32_t word, char buf[96])
{
	static const char *const bits[] = {
		"cold-reset",
		"config",
		"data",
		"policy",
		"log",
		"security",
		"background",
		"secondary-mailbox",
		"abort",
		"valid",
		"conventional-reset",
		"cxl-reset",
	};
	size_t at = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < SL_COUNT(bits) && at < 96; i++)
		if (word >> i & 1)
			at += (size_t)snprintf(buf + at, 96 - at, "%s%s", at ? " " : "", bits[i]);
	if (word & 0xf000 && at < 96)
		(void)snprintf(buf + at, 96 - at, "%sreserved=%x", at ? " " : "", word & 0xf000);
	return buf;
}

const char *sl_word_text(uint32_t word, unsigned source, char buf[96])
{
	static const char *const low[] = {"CSUPP", "LBCC", "NCC", "NIC", "CCC"};
	static const char *const low_fid[] = {"FSUPP", "UDCC", "NCC", "NIC", "CCC"};
	static const char *const scope[] = {"NSS",     "CTRLS",	 "NVMSETS", "EGS",
					    "DOMAINS", "SUBSYS", "CDQS"};
	const char *const *names = source == SL_SOURCE_LID12 ? low_fid : low;
	uint32_t rest = word & 0xf8003fe0;
	size_t at = 0;

	buf[0] = 0;
	if (source == SL_SOURCE_RSOC)
		return rsoc_text(word, buf);
	if (source == SL_SOURCE_CEL || source == SL_SOURCE_FEATURES)
		return cel_text(word, buf);
	if (source == SL_SOURCE_LID00 || source == SL_SOURCE_LID14) {
		(void)snprintf(buf, 96, "%s%s", word & 1 ? "LSUPP" : "", word & 2 ? " IOS" : "");
		return buf;
	}
	for (unsigned i = 0; i < SL_COUNT(low); i++)
		if (word >> i & 1)
			at += (size_t)snprintf(buf + at, 96 - at, "%s%s", at ? " " : "", names[i]);
	if (word >> 14 & 3)
		at += (size_t)snprintf(buf + at, 96 - at, " CSER=%u", word >> 14 & 3);
	if (word >> 16 & 7)
		at += (size_t)snprintf(buf + at, 96 - at, " CSE=%u", word >> 16 & 7);
	if (word >> 19 & 1)
		at += (size_t)snprintf(buf + at, 96 - at, " USS");
	for (unsigned i = 0; i < SL_COUNT(scope); i++)
		if (word >> (20 + i) & 1)
			at += (size_t)snprintf(buf + at, 96 - at, " %s", scope[i]);
	if (rest)
		(void)snprintf(buf + at, 96 - at, " reserved=%x", rest);
	return buf;
}

const char *sl_source_name(unsigned source)
{
	static const char *const names[_SL_SOURCE_N] = {
		[SL_SOURCE_NONE] = "none",	   [SL_SOURCE_LID05] = "LID 05h",
		[SL_SOURCE_LID12] = "LID 12h",	   [SL_SOURCE_LID00] = "LID 00h",
		[SL_SOURCE_LID13] = "LID 13h",	   [SL_SOURCE_LID14] = "LID 14h",
		[SL_SOURCE_RSOC] = "RSOC",	   [SL_SOURCE_CEL] = "CEL",
		[SL_SOURCE_FEATURES] = "features",
	};

	return source < _SL_SOURCE_N ? names[source] : NULL;
}
