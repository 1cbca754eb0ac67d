/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a device's contract, one command at a time, without waiting and without memory of its own:
 * the broker feeds it through its own gate, the command line through a client. It asks only for
 * what the device has said exists, because every refused command is an entry in the device's error
 * log.
 *
 *   sl_reader_init(&r, &contract, hash, ctx);
 *   while (sl_reader_next(&r, &cmd))
 *           … send cmd, then sl_reader_feed(&r, status, data, len) …
 *
 * NVMe: Identify Controller; active namespaces, each with its descriptors, CNS 00h and, where it
 * is zoned, CNS 05h; LID 00h; LID 05h per command set in use; 12h; 13h; 14h.
 * SCSI: INQUIRY, VPD pages 80h and 83h, READ CAPACITY, REPORT SUPPORTED OPERATION CODES as a list
 * and then for each command. CXL: Identify, the Command Effects Log, Get Supported Features, which
 * is also all that fwctl lets through.
 */
#ifndef SL_CORE_READER_H
#define SL_CORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/contract.h"
#include "core/decode-nvme.h"

#define SL_READER_CXL_MAX  256u /* every mailbox takes payloads of that size, CXL 3.1 §8.2.8.4.3 */
#define SL_READER_DATA_MAX 4096u   /* bytes of the largest answer it asks for */
#define SL_READER_LOST	   0xffffu /* status of a command that got no answer */

/*
 * Is given, in an order that depends on nothing but the device: the identity (vendor, model,
 * firmware) and every raw log that declares something. What changes while a device runs
 * (namespaces, lockdown state) is left out, so that the digest pins the firmware's word.
 */
typedef void (*sl_reader_hash)(void *ctx, const void *bytes, size_t len);

/* The two parts of a digest, for those who have the logs from elsewhere: the same digest. */
void sl_pin_identity(const struct sl_contract *c, sl_reader_hash hash, void *ctx);
void sl_pin_log(uint8_t lid, uint8_t csi, const void *log, size_t len, sl_reader_hash hash,
		void *ctx);

/* The answers it asks for. */
enum sl_raw {
#define RAW(id, ...) SL_RAW_##id,
#include "spec/answers.def"
	_SL_RAW_N
};

struct sl_reader {
	struct sl_contract *contract;
	sl_reader_hash hash;
	void *ctx;
	struct sl_nvme_caps caps;
	uint32_t flaws;	    /* 1 << enum sl_flaw */
	uint32_t flawed_in; /* 1 << enum sl_raw in which one was found */
	uint32_t sets;	    /* 1 << CSI of the command sets in use */
	uint32_t nsid;	    /* of the namespace being read, where there is no list */
	uint16_t ns;	    /* index of the namespace being read */
	uint8_t step;	    /* enum sl_raw; _SL_RAW_N: done */
	uint8_t csi;	    /* of the effects log being read */
	uint8_t lockdown;   /* index of the lockdown list being read */
	uint8_t asked;	    /* a command is out */
	uint8_t end;	    /* the step after the protocol's last */
	uint8_t tries;	    /* of this step, refused: a unit attention is told once and then gone */
	uint16_t features;  /* how many the device says that it has */
	uint32_t at, cel;   /* CXL: bytes of the log read, and there */
	uint32_t progress;  /* of the loop that the step is in */
	uint8_t payload[SL_READER_CXL_MAX]; /* of the command that is out, where it has one */
};

/*
 * Empties *c (its generation too). `protocol` is an enum sl_wire_protocol;
 * `hash` may be NULL.
 */
void sl_reader_init(struct sl_reader *r, struct sl_contract *c, uint8_t protocol,
		    sl_reader_hash hash, void *ctx);
/*
 * The next command to send: 1, or 0 when the contract is complete (void or not: see flaws). Answers
 * are cmd->data_len bytes; r->payload goes out with a command of direction BOTH. Calling it again
 * without a feed gives the same command.
 */
int sl_reader_next(struct sl_reader *r, struct sl_command *ret);
/* The answer: the protocol's status (0: success) or SL_READER_LOST, and the bytes that came. */
void sl_reader_feed(struct sl_reader *r, uint16_t status, const void *data, size_t len);

#endif
