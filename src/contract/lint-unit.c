/* SPDX-License-Identifier: Apache-2.0 */
/* The lints of what SCSI units and CXL devices publish. */
#include <stdio.h>

#include "base/bytes.h"
#include "contract/lint-find.h"
#include "spec/names.h"

/* Bits of a CXL effect word, CXL 3.1 §8.2.9.5.2.1. */
enum { CXL_BACKGROUND = 1 << 6, CXL_VALID = 1 << 9, CXL_LATER = 3 << 10, CXL_RESERVED = 0xf000 };
#define CXL_EFFECTS  0x0c7fu /* the bits that are effects */
#define CXL_SPEC     "CXL 3.1 8.2.9.5.2.1"
#define RSOC_SPEC    "SPC-6 6.35.2"
#define BYTE5_UNUSED 0x80u

/* The floor of everything that the key stands for, and what only fields add to it. */
static bool floors(uint64_t key, sl_effects *ret_every, sl_effects *ret_any, sl_scope *ret_scope)
{
	uint16_t at = 0, row;
	bool known = false;

	*ret_every = SL_E_ALL;
	*ret_any = 0;
	*ret_scope = 0;
	while (sl_key_form(key, &at, &row)) {
		known = true;
		*ret_every &= sl_rows[row].floor;
		*ret_any |= sl_row_full_floor(row);
		*ret_scope |= sl_rows[row].scope;
	}
	return known;
}

/*
 * Reserved bits that another layout gives a meaning: one emulator of devices has the three upper
 * bits one place higher (10 valid, 11 conventional reset, 12 CXL reset).
 */
static const char *other_layout(uint16_t word)
{
	if ((word & CXL_RESERVED) == 1u << 12 && (word & CXL_LATER))
		return "shifted by one from bit 8 on (10 valid, 11 conventional reset, 12 CXL "
		       "reset) "
		       "it would make sense";
	if (!(word & CXL_RESERVED) && (word & CXL_LATER) && !(word & CXL_VALID))
		return "bits 11:10 are set and bit 9 does not say that they count: as valid and "
		       "conventional reset, of the layout that is shifted by one, it would make "
		       "sense";
	return NULL;
}

static void reserved_word(struct lint *l, const struct sl_entry *e, uint16_t word)
{
	const char *text = other_layout(word);
	struct sl_finding *v =
		sl_lint_find(l, text ? SL_LINT_ID_OTHER_LAYOUT : SL_LINT_ID_RESERVED, e);

	v->bits = word & (CXL_RESERVED | CXL_LATER);
	v->spec = CXL_SPEC;
	(void)snprintf(v->detail, sizeof(v->detail), "%s", text ? text : "");
}

static void list_effects(sl_effects e, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned b = 0; b < _SL_EFFECT_N && n < size; b++)
		if (e >> b & 1)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      sl_effect_name(b));
}

void sl_lint_cxl(struct lint *l, const struct sl_entry *e)
{
	sl_effects every, any, missing, can = sl_contract_expressible(e->source);
	uint16_t word = (uint16_t)e->raw;
	struct sl_finding *v;
	sl_scope scope;

	if (e->flags & SL_ENTRY_RESERVED)
		reserved_word(l, e, word);
	if (sl_rows[sl_key_row(e->key)].flags & SL_ROW_VENDOR) {
		if (!(word & CXL_EFFECTS))
			sl_lint_find(l, SL_LINT_ID_VENDOR_SILENT, e)->spec = CXL_SPEC;
		return;
	}
	if (!floors(e->key, &every, &any, &scope)) {
		(void)sl_lint_find(l, SL_LINT_ID_UNKNOWN_OPCODE, e);
		return;
	}
	missing = every & can & ~e->declared;
	if (sl_effects_mutating(every) && !(word & CXL_EFFECTS))
		v = sl_lint_find(l, missing ? SL_LINT_ID_SILENT : SL_LINT_ID_SILENT_MINOR, e);
	else if (sl_effects_mutating(every & ~(sl_effects)SL_E_BACKGROUND) &&
		 (word & CXL_EFFECTS) == CXL_BACKGROUND)
		v = sl_lint_find(l, SL_LINT_ID_BACKGROUND_ONLY, e);
	else if (missing)
		v = sl_lint_find(l,
				 missing & SL_E_DATA ? SL_LINT_ID_MISSING_DATA
						     : SL_LINT_ID_MISSING_EFFECT,
				 e);
	else if (!sl_effects_mutating(any) && (e->declared & can))
		v = sl_lint_find(l, SL_LINT_ID_OVER, e);
	else
		return;
	v->floor = any;
	if (missing) {
		size_t n = (size_t)snprintf(v->detail, sizeof(v->detail), "no bit set for ");

		list_effects(missing, v->detail + n, sizeof(v->detail) - n);
	}
}

void sl_lint_features(struct lint *l)
{
	for (uint32_t i = 0; i < l->c->n_features; i++) {
		const struct sl_feature *f = &l->c->features[i];
		const struct sl_entry e = {.key = sl_key(SL_SET_CXL, 0x05, 0x02),
					   .raw = f->raw,
					   .declared = f->declared,
					   .source = SL_SOURCE_FEATURES};
		struct sl_finding *v;
		size_t n = 0;

		if (f->declared & SL_E_UNKNOWN)
			reserved_word(l, &e, f->raw);
		if (!(f->flags & 1) || (f->raw & CXL_EFFECTS & ~(uint32_t)CXL_BACKGROUND))
			continue;
		v = sl_lint_find(l, SL_LINT_ID_SILENT, &e);
		v->spec = "CXL 3.1 8.2.9.6.1";
		n = (size_t)snprintf(v->detail, sizeof(v->detail), "feature ");
		for (unsigned k = 0; k < 16; k++)
			n += (size_t)snprintf(v->detail + n, sizeof(v->detail) - n, "%s%02x",
					      k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "",
					      f->uuid[k]);
	}
}

void sl_lint_scsi(struct lint *l, const struct sl_entry *e)
{
	const struct sl_row *row = &sl_rows[sl_key_row(e->key)];
	uint8_t mlu = e->raw >> 4 & 3;
	sl_effects every, any;
	struct sl_finding *v;
	sl_scope scope;

	if ((e->flags & SL_ENTRY_RESERVED) || (e->raw & BYTE5_UNUSED))
		sl_lint_find(l, SL_LINT_ID_RESERVED, e)->spec = RSOC_SPEC;
	if (row->flags & SL_ROW_VENDOR) {
		sl_lint_find(l, SL_LINT_ID_VENDOR_SILENT, e)->spec = RSOC_SPEC;
		return;
	}
	if (!floors(e->key, &every, &any, &scope)) {
		(void)sl_lint_find(l, SL_LINT_ID_UNKNOWN_OPCODE, e);
		return;
	}
	/* MLU 1: the command affects this logical unit and no other. */
	if (mlu == 1 && (scope & SL_S_SUBSYSTEM) && sl_effects_mutating(any)) {
		v = sl_lint_find(l, SL_LINT_ID_NARROW, e);
		v->floor = any;
		v->spec = RSOC_SPEC;
		(void)snprintf(v->detail, sizeof(v->detail), "MLU says this logical unit only");
	}
}
