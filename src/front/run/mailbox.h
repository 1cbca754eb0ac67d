/* SPDX-License-Identifier: Apache-2.0 */
/* CXL mailbox commands, which /dev/cxl/memN and /dev/fwctl/fwctlN both carry; inside `run` only. */
#ifndef SL_FRONT_RUN_MAILBOX_H
#define SL_FRONT_RUN_MAILBOX_H

#include <stdint.h>

#include "front/run/super.h"

#define SL_CXL_ANY UINT32_MAX /* a payload as long as the caller says */

struct sl_cxl_id {
	uint32_t id;
	uint16_t opcode;
	uint32_t in, out; /* bytes; SL_CXL_ANY */
};
extern const struct sl_cxl_id sl_cxl_ids[];
extern const unsigned sl_cxl_n_ids;

struct sl_mailbox {
	uint8_t set; /* SL_SET_CXL or SL_SET_FWCTL */
	uint16_t opcode;
	uint32_t in_len, out_len;
	uint64_t in_addr;
	uint32_t scope; /* fwctl */
};
/* Writes the request: struct sl_command's form of a mailbox command. */
void sl_mailbox_fill(const struct sl_mailbox *m, struct sl_command *cmd);
/*
 * Reads the payload and sends; c->done is set. What comes back is at most out_len bytes, which the
 * device may get more room for than it is given.
 */
enum sl_handled sl_mailbox_send(struct sl_super *s, struct sl_call *c, const struct sl_mailbox *m);
/* Does the device's Command Effects Log have it? What is needed to read that log always counts. */
bool sl_cxl_has(const struct sl_ctrl *ctrl, uint16_t opcode);

/* Where nodes-cxl.c keeps in sl_ctrl.id what the device said: Identify, then opcodes of its log. */
#define SL_CXL_IDENTIFY	     0
#define SL_CXL_IDENTIFY_SIZE 0x43u
#define SL_CXL_OPCODES	     256 /* 16 bits each, the first is their number */
#define SL_CXL_OPCODES_MAX   1024u

#endif
