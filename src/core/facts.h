/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about one command before anybody's policy is asked: the row it is, the effects it
 * can have and where each came from, what it will transfer, the blocks it names; or why it is not
 * comprehended. Computed from the final bytes alone.
 */
#ifndef SL_CORE_FACTS_H
#define SL_CORE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "core/contract.h"
#include "core/effects.h"

/* Why a command was decided as it was. */
enum sl_reason {
#define REASON(id, text) SL_REASON_##id,
#include "spec/reasons.def"
	_SL_REASON_N
};

const char *sl_reason_text(unsigned reason);

struct sl_facts {
	uint16_t row;
	uint16_t carried; /* row of the command inside; 0: none, or not looked at */
	uint8_t reason;	  /* enum sl_reason: ALLOWED means comprehended, else why not */
	uint8_t trust;	  /* enum sl_trust of the declaration */
	uint8_t excl;	  /* enum sl_exclusivity: floor ∪ declared */
	uint8_t caught;
	uint8_t length_known;
	uint8_t declared_known; /* an entry exists in the contract */
	uint8_t in_use; /* it may change a namespace that the kernel uses and nobody has claimed */
	uint32_t nsid;
	const struct sl_ns *ns;	      /* NULL: none, broadcast, or unknown */
	const struct sl_entry *entry; /* the declaration that applies; NULL: unlisted */
	uint32_t raw;		      /* its raw word; 0 */
	sl_effects floor;	      /* row ∪ refinements */
	sl_effects declared;
	sl_effects observed;
	sl_effects effective; /* floor ∪ declared ∪ observed: what is judged */
	sl_scope scope;
	uint64_t head; /* the first eight bytes of the outgoing payload, of the command inside where
			  there is one; 0: none */
	uint32_t payload;     /* bytes of outgoing data that the command's fields may lie in */
	uint32_t length;      /* data bytes the device will move; when length_known */
	uint32_t meta_length; /* metadata bytes, likewise */
};

/*
 * Replaces NVME_IO by the command set of the namespace that the request names (its CSI). Stays
 * NVME_IO when the namespace is not known: then no row is found and the command is not
 * comprehended.
 */
void sl_command_resolve(const struct sl_contract *contract, struct sl_command *cmd);

/*
 * Which way the data of a resolved command goes: an enum sl_dir. Where neither the table nor the
 * request says (a SCSI vendor's opcode), it is the client's word.
 */
uint8_t sl_command_dir(const struct sl_command *cmd);

/*
 * Expects *cmd resolved (NVME_IO is reported as NAMESPACE). Finds the row, checks that every bit,
 * length and payload is comprehended, and collects effects. `data` is the broker's own copy of the
 * outgoing data (cmd->data_len bytes when cmd->dir is OUT or BOTH), NULL otherwise. Total: always
 * fills *ret. `contract` may describe no namespace at all; never NULL.
 */
void sl_facts_collect(const struct sl_contract *contract, const struct sl_command *cmd,
		      const uint8_t *data, struct sl_facts *ret);

/*
 * The command inside one whose row is a SL_ROW_CARRIER, and its outgoing data, or NULL; false: it
 * is not where its lengths say, or is a carrier itself. Sets facts->carried where it is known.
 */
bool sl_facts_carried(const struct sl_contract *contract, const struct sl_command *cmd,
		      const uint8_t *data, struct sl_facts *facts, struct sl_command *ret,
		      const uint8_t **ret_data);
/* Adds to the facts of a command what the one inside can do. */
void sl_facts_join(struct sl_facts *facts, const struct sl_facts *carried);

#endif
