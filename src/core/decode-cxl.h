/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CXL memory device publishes about itself, from output payloads into a contract: 0 or an
 * enum sl_flaw, as in decode-nvme.h. Its memory is namespace 1, in units of 64 bytes of device
 * physical address. Layouts: CXL Specification 3.1, §8.2.9.
 */
#ifndef SL_CORE_DECODE_CXL_H
#define SL_CORE_DECODE_CXL_H

#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

#define SL_CXL_UNIT_SHIFT 6u

extern const uint8_t sl_cxl_cel_uuid[16]; /* §8.2.9.5.2.1, as it stands in a payload */

/* Identify Memory Device (4000h), §8.2.9.9.1.1: firmware revision, capacity. */
int sl_contract_cxl_identify(struct sl_contract *c, const void *data, size_t len);
/* Get Supported Logs (0400h): the bytes of the Command Effects Log; 0: it is not there. */
int sl_contract_cxl_logs(const void *data, size_t len, uint32_t *ret_cel);
/* A piece of the Command Effects Log: whole entries of opcode and effects. */
int sl_contract_cxl_cel(struct sl_contract *c, const void *data, size_t len);
/* Get Supported Features (0500h): adds what was returned; *ret_total: how many there are. */
int sl_contract_cxl_features(struct sl_contract *c, const void *data, size_t len,
			     uint16_t *ret_total);
/* One effect word as the log and the features write it. 0 or SL_FLAW_RESERVED. */
int sl_contract_cxl_word(uint16_t word, sl_effects *ret);

#endif
