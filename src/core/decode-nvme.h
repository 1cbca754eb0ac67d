/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an NVMe controller publishes about itself, from the bytes of its answers into a contract.
 * Every length is checked before a field is read; what is malformed leaves nothing behind that a
 * decision could rest on. Layouts: NVM Express Base specification 2.1, §5.1.12 and §5.1.13.
 */
#ifndef SL_CORE_DECODE_NVME_H
#define SL_CORE_DECODE_NVME_H

#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/table.h"

/* Bytes of each answer: not one less, not one more. */
#define SL_NVME_IDENTIFY_SIZE	    4096u
#define SL_NVME_EFFECTS_SIZE	    4096u /* LID 05h */
#define SL_NVME_FID_EFFECTS_SIZE    1024u /* LID 12h */
#define SL_NVME_SUPPORTED_LOGS_SIZE 1024u /* LID 00h */
#define SL_NVME_MI_EFFECTS_SIZE	    4096u /* LID 13h */
#define SL_NVME_LOCKDOWN_SIZE	    512u  /* LID 14h */

/* Words of a log: 256 admin, then 256 of the I/O command set (LID 05h). */
#define SL_NVME_WORDS 256u

/* What can be wrong with an answer. */
enum sl_flaw {
#define FLAW(id, voids, text) SL_FLAW_##id,
#include "spec/flaws.def"
	_SL_FLAW_N
};

/* The flaws after which nothing that the device declares is believed. */
enum {
	SL_FLAW_VOIDS = 0
#define FLAW(id, voids, text) | (voids) << SL_FLAW_##id
#include "spec/flaws.def"
};

/* What of Identify Controller decides which other answers exist. */
struct sl_nvme_caps {
	uint32_t version; /* VER; 0 before 1.2 */
	uint32_t nn;
	uint16_t oacs;
	uint8_t lpa;
};

#define SL_NVME_LPA_EFFECTS   (1u << 1)	 /* LID 05h */
#define SL_NVME_LPA_SUPPORTED (1u << 5)	 /* LIDs 00h, 12h and 13h, and scopes in 05h */
#define SL_NVME_OACS_LOCKDOWN (1u << 10) /* LID 14h */

/*
 * The decoders return 0 or an enum sl_flaw of which the caller decides. Where it is one of
 * SL_FLAW_VOIDS nothing was added to the contract by this call, except FULL.
 */

/* Vendor and product identity, controller id, largest transfer (in pages of 4 KiB, the smallest).
 */
int sl_contract_nvme_ctrl(struct sl_contract *c, const void *id, size_t len,
			  struct sl_nvme_caps *ret_caps);
/* One namespace (CNS 00h), appended or replaced; an inactive one (all zero) is ignored. */
int sl_contract_nvme_ns(struct sl_contract *c, uint32_t nsid, const void *id, size_t len);
/* Its identification descriptors (CNS 03h): command set and global identity. */
int sl_contract_nvme_ns_descs(struct sl_contract *c, uint32_t nsid, const void *list, size_t len);
/* Its zones (CNS 05h, CSI 02h), for the LBA format that CNS 00h named. */
int sl_contract_nvme_ns_zoned(struct sl_contract *c, uint32_t nsid, const void *id, size_t len);
/* Active namespace list (CNS 02h): appends those that fit. */
int sl_contract_nvme_ns_list(struct sl_contract *c, const void *list, size_t len);

/* LID 05h for one I/O command set. The admin half must be the same for every set. */
int sl_contract_nvme_effects(struct sl_contract *c, uint8_t csi, const void *log, size_t len);
/* LID 12h: keyed (admin, 09h, FID). */
int sl_contract_nvme_feature_effects(struct sl_contract *c, const void *log, size_t len);
/* LID 00h: keyed (admin, 02h, LID), SL_ENTRY_NO_EFFECTS. */
int sl_contract_nvme_supported_logs(struct sl_contract *c, const void *log, size_t len);
/* LID 13h: keyed (admin, 1Dh, management opcode). */
int sl_contract_nvme_mi_effects(struct sl_contract *c, const void *log, size_t len);
/* LID 14h, one scope and contents: SL_ENTRY_LOCKABLE or SL_ENTRY_LOCKED on those entries. */
int sl_contract_nvme_lockdown(struct sl_contract *c, const void *log, size_t len);

/* One declaration word as LID 05h, 12h or 13h writes it, into an entry. 0 or SL_FLAW_RESERVED. */
int sl_contract_nvme_word(struct sl_entry *e, uint8_t source, uint32_t word);

/* The command set of a CSI; SL_SET_NONE: we have no table for it. */
static inline uint8_t sl_nvme_set(uint8_t csi)
{
	uint8_t set = sl_set_of_type(SL_SET_NVME_IO, csi);

	return set == SL_SET_NVME_IO ? SL_SET_NONE : set;
}

#endif
