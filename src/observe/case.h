/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that a verifier tries: the canonical form of every row of the tables, what the
 * contract lists beyond them, and variations of each. A case carries what it may change: by the
 * device's declaration, and by the specification.
 */
#ifndef SL_OBSERVE_CASE_H
#define SL_OBSERVE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/facts.h"
#include "observe/facet.h"

#define SL_ARENA_BLOCKS 16u /* of each namespace, where canonical commands work */

enum sl_case_kind {
	SL_CASE_BASE,	 /* canonical */
	SL_CASE_FIELD,	 /* another value of a defined field */
	SL_CASE_BIT,	 /* a reserved bit */
	SL_CASE_PAYLOAD, /* another payload */
	SL_CASE_LBA,	 /* another block */
	SL_CASE_OPCODE,	 /* an opcode that no log lists */
};

struct sl_case {
	uint8_t kind;	 /* enum sl_case_kind */
	bool refused;	 /* the device does not know it: learned when it was first sent */
	bool tried;	 /* was sent by itself */
	uint16_t status; /* how it ended the first time; without an answer 0xffff */
	uint16_t row;
	uint32_t nsid;
	struct sl_command cmd;
	uint8_t *payload; /* cmd.data_len bytes going out; NULL: none */
	sl_effects declared;
	sl_effects floor;
	sl_scope scope;	       /* of the floor and, where one is declared, of the declaration */
	bool listed;	       /* the contract has an entry for it, supported */
	uint8_t source;	       /* enum sl_source of that entry */
	struct sl_facts facts; /* of the canonical form */
	char name[96];
};

struct sl_cases {
	size_t n, cap;
	struct sl_case *v;
};

/* First block of the arena of a namespace. */
uint64_t sl_arena(const struct sl_ns *ns, uint64_t key);

/* Bytes that no two blocks share: what the verifier writes to a block, where it may choose. */
void sl_pattern(uint8_t *p, uint32_t len, uint32_t nsid, uint64_t lba);

/*
 * Appends the canonical cases of a device. `look` is one observation of it: features are set to
 * values near their own. 0 or -ENOMEM.
 */
int sl_cases_base(const struct sl_contract *c, const struct sl_probes *p,
		  const struct sl_look *look, struct sl_cases *ret);
/*
 * Leaves what the rig would send and the device offers, is without effects by the tables and by the
 * declaration, carries nothing out and is no vendor's; and, where the device `declares`, only what
 * it lists.
 */
void sl_cases_calm(struct sl_cases *cases, const struct sl_rig *rig, const struct sl_probes *p,
		   bool declares);
/* Leaves those whose names have `part` in them. */
void sl_cases_only(struct sl_cases *cases, const char *part);
/* Appends every opcode that is neither listed nor the driver's. 0 or -ENOMEM. */
int sl_cases_opcodes(const struct sl_contract *c, struct sl_cases *cases);
void sl_cases_done(struct sl_cases *cases);

/* A command whose effects, declared and by its specification, leave state alone. */
static inline bool sl_case_harmless(const struct sl_case *x)
{
	return !sl_effects_mutating(x->declared | x->floor);
}

#endif
