/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's contract: what it declares each command may change, and the facts about its namespaces
 * that a verdict is bound to. Filled by src/contract's decoders; read by the core, immutable while
 * in use, replaced whole under a new generation.
 *
 * Entries live in an open-addressed table keyed by (set, opcode, selector), so that every
 * protocol's keys fit one shape and a look-up is one or two dependent loads.
 */
#ifndef SL_CORE_CONTRACT_H
#define SL_CORE_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/effects.h"

#define SL_CONTRACT_SLOTS 2048u /* power of two */
#define SL_CONTRACT_MAX	  1536u /* entries: at most three quarters full */
#define SL_NS_MAX	  256u	/* namespaces that one controller may show us */
#define SL_SEL_ANY	  0xffffu

/* Which log an entry comes from. */
enum sl_source {
	SL_SOURCE_NONE,
	SL_SOURCE_LID05, /* NVMe Commands Supported and Effects */
	SL_SOURCE_LID12, /* NVMe Feature Identifiers Supported and Effects */
	SL_SOURCE_LID00, /* NVMe Supported Log Pages: supported only, no effects */
	SL_SOURCE_LID13, /* NVMe-MI Commands Supported and Effects */
	SL_SOURCE_LID14, /* NVMe Command and Feature Lockdown: flags only, no effects */
	SL_SOURCE_RSOC,	 /* SCSI REPORT SUPPORTED OPERATION CODES: supported and MLU, no effects */
	SL_SOURCE_CEL,	 /* CXL Command Effects Log */
	SL_SOURCE_FEATURES, /* CXL Get Supported Features */
	_SL_SOURCE_N
};

enum sl_entry_flag {
	SL_ENTRY_USED = 1 << 0,
	SL_ENTRY_SUPPORTED = 1 << 1,
	SL_ENTRY_RESERVED = 1 << 2,   /* reserved or contradictory: effects include `unknown` */
	SL_ENTRY_CAUGHT = 1 << 3,     /* contradicted, with evidence */
	SL_ENTRY_NO_EFFECTS = 1 << 4, /* the log says only "supported" (LID 00h) */
	SL_ENTRY_LOCKABLE = 1 << 5,   /* Lockdown can prohibit it */
	SL_ENTRY_LOCKED = 1 << 6,     /* Lockdown prohibited it when the contract was read */
};

struct sl_entry {
	uint64_t key; /* sl_key() */
	uint32_t raw; /* the declaration word as the device wrote it */
	sl_effects declared;
	sl_scope scope;	     /* as declared; 0: not reported */
	sl_effects observed; /* by a verifier */
	uint8_t excl;	     /* enum sl_exclusivity as declared */
	uint8_t trust;	     /* enum sl_trust */
	uint8_t source;	     /* enum sl_source */
	uint8_t flags;	     /* enum sl_entry_flag */
	uint8_t usage;	     /* 1 + index of its CDB usage data in the contract; 0: none */
};

static inline uint64_t sl_key(uint8_t set, uint16_t opcode, uint16_t sel)
{
	return (uint64_t)set << 32 | (uint64_t)opcode << 16 | sel;
}

/* What a verdict is bound to, per namespace. */
struct sl_ns {
	uint32_t nsid;
	uint8_t csi;
	uint8_t lba_shift;	/* log2 of the data bytes of a block; 0: unknown, data commands are
				   refused */
	uint8_t meta_ext;	/* metadata at the end of the data (extended LBA) */
	uint8_t used_by_kernel; /* mounted, held or partitioned */
	uint8_t claimed;	/* the launcher holds it exclusively */
	uint8_t lba_format;	/* index of the format in use: part of what a verdict is bound to */
	uint8_t pi;		/* protection information type; 0: none */
	uint16_t meta;		/* metadata bytes of a block */
	uint64_t blocks;	/* NSZE */
	uint64_t zone; /* blocks from one zone to the next (ZSZE); 0: no zones, or unknown */
	uint8_t guid[16];
};

#define SL_USAGE_MAX	128u /* commands whose CDB usage data are kept */
#define SL_CDB_MAX	32u  /* bytes of each */
#define SL_FEATURES_MAX 64u

/* A feature of a CXL device: CXL 3.1 §8.2.9.6.1, Supported Feature Entry. */
struct sl_feature {
	uint8_t uuid[16];
	uint32_t flags;	     /* as the device wrote them: bit 0 changeable */
	uint16_t raw;	     /* Set Feature Effects */
	uint16_t set_size;   /* bytes; 0: cannot be set */
	sl_effects declared; /* decoded from raw */
};

enum sl_contract_state {
	SL_CONTRACT_NONE, /* the device publishes none, or it could not be read: all `unknown` */
	SL_CONTRACT_PRESENT,
};

struct sl_contract {
	uint32_t generation; /* never 0 in use; a change voids every verdict */
	uint8_t state;	     /* enum sl_contract_state */
	uint8_t caught;	     /* somewhere it was caught: nothing that rests on its word holds */
	uint8_t protocol;    /* enum sl_wire_protocol */
	uint8_t type;	     /* peripheral or fwctl device type; SL_TYPE_NONE */
	uint16_t cntlid;
	uint32_t max_transfer; /* bytes; UINT32_MAX: the device states no limit */
	uint32_t n_entries;
	uint32_t n_ns;
	uint32_t sources; /* 1 << enum sl_source of every log that was read: its silence is a no */
	uint8_t hash[32]; /* SHA-256 of the raw logs */
	/* NUL-terminated, trimmed. Room for the longest: SCSI's vendor (8), NVMe's model (40),
	   CXL's firmware (16); a SCSI serial number has no fixed length, a UUID has 36 characters.
	 */
	char vendor[12], model[44], serial[44], firmware[20];
	uint32_t n_usage, n_features;
	uint8_t usage[SL_USAGE_MAX][SL_CDB_MAX]; /* one: the device evaluates this bit of the CDB */
	struct sl_feature features[SL_FEATURES_MAX];
	struct sl_ns ns[SL_NS_MAX];
	struct sl_entry entries[SL_CONTRACT_SLOTS];
};

/* The entry, or NULL: not in any log. */
const struct sl_entry *sl_contract_find(const struct sl_contract *c, uint64_t key);
/* A string of fixed length, padded with blanks: kept printable, trimmed at both ends, cut to
 * `size`. */
void sl_contract_trim(char *ret, size_t size, const uint8_t *s, size_t n);
/* The slot to fill for a key: an existing one, or a new zeroed one; NULL when the table is full. */
struct sl_entry *sl_contract_add(struct sl_contract *c, uint64_t key);
/* The feature of that UUID, or NULL. */
const struct sl_feature *sl_contract_feature(const struct sl_contract *c, const uint8_t uuid[16]);
const struct sl_ns *sl_contract_ns(const struct sl_contract *c, uint32_t nsid);
/* The namespace to fill: an existing one, or a new zeroed one; NULL when there is no room. */
struct sl_ns *sl_contract_ns_add(struct sl_contract *c, uint32_t nsid);
/* Forgets what the device declared, and nothing else: every command is `unknown` from here on. */
void sl_contract_void(struct sl_contract *c);

/* The effects that the format of a log has a bit for; what it cannot say is no omission. */
sl_effects sl_contract_expressible(unsigned source);
/*
 * How far a declaration (NULL: there is none) is to be believed for a command whose floor is
 * `floor`: an enum sl_trust. A mutating command of which it declares nothing is never better than
 * `declared`.
 */
uint8_t sl_contract_trust(const struct sl_entry *entry, sl_effects floor);

#endif
