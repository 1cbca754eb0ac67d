/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Effects, scopes, exclusivity and trust as bits: the vocabulary of src/spec/effects.def.
 *
 * SL_E_UNKNOWN is absorbing: a set that contains it counts as every effect, so every test for an
 * effect goes through sl_effects_any/none/within and never through a bare `&`.
 */
#ifndef SL_CORE_EFFECTS_H
#define SL_CORE_EFFECTS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t sl_effects;
typedef uint32_t sl_scope;

enum sl_effect_bit {
#define EFFECT(id, name, text) SL_EB_##id,
#include "spec/effects.def"
	_SL_EFFECT_N
};

enum {
#define EFFECT(id, name, text) SL_E_##id = 1 << SL_EB_##id,
#include "spec/effects.def"
	SL_E_NONE = 0,
	SL_E_ALL = (1 << _SL_EFFECT_N) - 1,
	SL_E_REVEALS = SL_E_REVEALS_DATA | SL_E_REVEALS_SECRET,
	SL_E_MUTATING = SL_E_ALL & ~SL_E_REVEALS,
};

enum sl_scope_bit {
#define SCOPE(id, name, text) SL_SB_##id,
#include "spec/effects.def"
	_SL_SCOPE_N
};

enum {
#define SCOPE(id, name, text) SL_S_##id = 1 << SL_SB_##id,
#include "spec/effects.def"
	SL_S_NONE = 0,
	SL_S_ALL = (1 << _SL_SCOPE_N) - 1,
};

/* Ordered: a condition `trust >= declared` is a comparison. `caught` stands beside the ladder. */
enum sl_trust {
#define TRUST(id, name, text) SL_TRUST_##id,
#include "spec/effects.def"
	_SL_TRUST_N
};

/* Who must be quiet while the command runs (NVMe CSE, §5.1.12.1.6 of the Base specification 2.1).
 */
enum sl_exclusivity { SL_EXCL_NONE, SL_EXCL_NAMESPACE, SL_EXCL_DEVICE, _SL_EXCL_N };

/* The set with `unknown` spelled out. */
static inline sl_effects sl_effects_full(sl_effects e)
{
	return e & SL_E_UNKNOWN ? SL_E_ALL : e;
}

static inline bool sl_effects_any(sl_effects e, sl_effects of)
{
	return (sl_effects_full(e) & of) != 0;
}

static inline bool sl_effects_within(sl_effects e, sl_effects of)
{
	return (sl_effects_full(e) & ~of) == 0;
}

static inline bool sl_effects_mutating(sl_effects e)
{
	return sl_effects_any(e, SL_E_MUTATING);
}

#endif
