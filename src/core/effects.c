/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the vocabulary. */
#include "core/effects.h"

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

const char *sl_effect_name(unsigned bit)
{
	return bit < _SL_EFFECT_N ? effect_names[bit] : 0;
}

const char *sl_effect_text(unsigned bit)
{
	return bit < _SL_EFFECT_N ? effect_texts[bit] : 0;
}

const char *sl_scope_name(unsigned bit)
{
	return bit < _SL_SCOPE_N ? scope_names[bit] : 0;
}

const char *sl_trust_name(unsigned trust)
{
	return trust < _SL_TRUST_N ? trust_names[trust] : 0;
}

const char *sl_exclusivity_name(unsigned excl)
{
	static const char *const names[] = {"none", "namespace", "device"};

	return excl < _SL_EXCL_N ? names[excl] : 0;
}
