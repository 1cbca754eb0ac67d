/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/names.h"

#include <string.h>

#include "base/bytes.h"
#include "core/effects.h"
#include "core/map.h"
#include "core/reader.h"

static const char *const effect_names[] = {
#define EFFECT(id, name, text) name,
#include "spec/effects.def"
};

static const char *const effect_texts[] = {
#define EFFECT(id, name, text) text,
#include "spec/effects.def"
};

static const char *const scope_names[] = {
#define SCOPE(id, name, text) name,
#include "spec/effects.def"
};

static const char *const trust_names[] = {
#define TRUST(id, name, text) name,
#include "spec/effects.def"
};

static const char *const exclusivity_names[] = {"none", "namespace", "device"};

static const char *const raw_names[] = {
#define RAW(id, name, ...) name,
#include "spec/answers.def"
};

static const char *const flaw_texts[] = {
#define FLAW(id, voids, text) text,
#include "spec/flaws.def"
};

#define NAME_OF(names, i) ((i) < SL_COUNT(names) ? (names)[i] : 0)

const char *sl_effect_name(unsigned bit)
{
	return NAME_OF(effect_names, bit);
}

const char *sl_effect_text(unsigned bit)
{
	return NAME_OF(effect_texts, bit);
}

const char *sl_scope_name(unsigned bit)
{
	return NAME_OF(scope_names, bit);
}

const char *sl_trust_name(unsigned trust)
{
	return NAME_OF(trust_names, trust);
}

const char *sl_exclusivity_name(unsigned excl)
{
	return NAME_OF(exclusivity_names, excl);
}

const char *sl_raw_name(unsigned raw)
{
	return NAME_OF(raw_names, raw);
}

const char *sl_flaw_text(unsigned flaw)
{
	return NAME_OF(flaw_texts, flaw);
}

const char *sl_set_name(unsigned set)
{
	return set < _SL_SET_N ? sl_sets[set].name : 0;
}

bool sl_row_selector(uint16_t row, struct sl_field *ret)
{
	uint8_t group;

	if (row >= sl_row_count)
		return false;
	group = sl_rows[sl_rows[row].parent].sel_group;
	if (!group)
		return false;
	*ret = (struct sl_field){.space = SL_SPACE_REQ,
				 .off = sl_selectors[group].off,
				 .bytes = 1,
				 .shift = sl_selectors[group].shift,
				 .width = sl_selectors[group].width};
	return true;
}

const struct sl_field *sl_row_field(uint16_t row, const char *name)
{
	const struct sl_format *f;

	if (row >= sl_row_count)
		return 0;
	f = &sl_formats[sl_rows[row].format];
	for (uint32_t i = 0; i < f->n_fields; i++)
		if (strcmp(f->fields[i].name, name) == 0)
			return &f->fields[i].field;
	return 0;
}
