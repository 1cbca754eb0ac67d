/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: what was asked, what was decided, what was sent, what came of it. The gate writes an
 * intent before a command is sent and an outcome after; a denial is one record. For now a plain
 * append-only file of fixed records, each with a checksum that covers the one before it, so that a
 * hole or a torn tail shows. doc/ledger-format.md.
 *
 * The writer is trusted: one write(2) a record, no heap. A reader lives in reader.h.
 */
#ifndef SL_LEDGER_LEDGER_H
#define SL_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/decide.h"
#include "wire/wire.h"

#define SL_LEDGER_MAGIC	  0x52474c53u /* "SLGR" */
#define SL_LEDGER_VERSION 2
#define SL_LEDGER_FILE	  "ledger.slg" /* in the ledger's directory */

#define SL_DIGEST_BYTES 4096u /* of a command's data, SHA-256 of the sample's seed and them */
#define SL_RECORD_HEAD	64u   /* of a command's payload */

enum sl_record_type {
	SL_RECORD_START = 1, /* a broker began to serve: text is the policy's name */
	SL_RECORD_INTENT,    /* about to be sent */
	SL_RECORD_OUTCOME,   /* it completed; `of` is the intent */
	SL_RECORD_DENIAL,    /* it was not sent */
	SL_RECORD_GAP,	     /* `lost` records could not be written */
	SL_RECORD_CONTRACT,  /* a device's contract was read: text is vendor/model/firmware, hash in
				final */
	_SL_RECORD_N
};

struct sl_record {
	uint32_t magic;
	uint16_t version;
	uint16_t type;	  /* enum sl_record_type */
	uint64_t seq;	  /* from 1, without holes */
	uint64_t of;	  /* OUTCOME: seq of the intent */
	uint64_t time_ns; /* CLOCK_REALTIME */
	union {
		uint64_t lost; /* GAP */
		/* INTENT of a write, OUTCOME of a read: of its first SL_DIGEST_BYTES, where it is
		   one of the sample; 0: it is not */
		uint64_t digest;
	};
	uint32_t session;
	uint32_t uid;
	uint16_t row; /* index into the tables of table_hash */
	uint8_t set;
	uint8_t reason;	  /* enum sl_reason */
	uint32_t rule;	  /* + 1 */
	uint32_t line;	  /* of the deciding rule */
	uint32_t effects; /* effective */
	uint32_t declared;
	uint32_t floor;
	uint32_t generation;
	uint32_t data_len;
	uint16_t verdict_flags;
	uint16_t status;
	uint32_t error;
	uint8_t outcome;
	uint8_t door, writable, dir;
	uint32_t table_hash;
	uint64_t result;
	uint8_t requested[SL_REQ_MAX];
	uint8_t final[SL_REQ_MAX];
	/* INTENT, DENIAL: of the payload's first bytes those that a field of the command covers, or
	   a list of blocks; zero the others, which may be anybody's secret */
	uint8_t head[SL_RECORD_HEAD];
	char device[SL_WIRE_NAME_MAX];
	char text[64]; /* file of the deciding rule, or what START and CONTRACT say */
	uint32_t reserved;
	uint32_t check; /* CRC-32C over the previous record's check and this record before it */
};

_Static_assert(sizeof(struct sl_record) == 432, "a ledger record has this size on disk");

struct sl_ledger {
	int fd; /* -1: none; then nothing is durable and mutating commands are denied */
	uint64_t next;
	uint64_t lost;	/* since the last record that could be written */
	uint32_t check; /* of the last record */
};

/* Takes over an open O_APPEND file at a record boundary; `next` ≥ 1, `check` of the last record or
 * 0. */
void sl_ledger_init(struct sl_ledger *l, int fd, uint64_t next, uint32_t check);
/*
 * Appends one record (seq, time, magic, check are filled in) and returns its number, or 0 when it
 * could not be written (errno says why); that is counted and a GAP record precedes the next one
 * that can. `durable`: it is on stable storage when this returns.
 */
uint64_t sl_ledger_append(struct sl_ledger *l, struct sl_record *rec, bool durable);
/* The checksum of a record that follows one with checksum `prev`. */
uint32_t sl_record_check(uint32_t prev, const struct sl_record *rec);

#endif
