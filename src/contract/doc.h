/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A contract as somebody has it: read from a device, or from the files that other tools write. Not
 * trusted and never in the broker; whatever the form, the words go through the same decoders.
 *
 * Forms of a file, told apart by their content:
 *   binary pages (LID 05h, or Identify Controller, 4096 bytes); what nvme-cli prints (text and JSON
 *   of effects-log and id-ctrl); what SPDK's identify prints; the project's own lines
 *   (doc/contracts.md). A prefix says what a page is where its content does not:
 *   lid00: lid05: lid05.CSI: lid12: lid13: lid14: id-ctrl:. Parts of one contract are joined by
 * ','.
 */
#ifndef SL_CONTRACT_DOC_H
#define SL_CONTRACT_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "core/command.h"
#include "core/contract.h"
#include "core/decode-nvme.h"

#define SL_DOC_CSI_N	 3u	    /* command sets whose effects log we have a table for */
#define SL_DOC_FILE_MAX	 (1u << 20) /* bytes of a file */
#define SL_DOC_WORDS_MAX (5 * 256 + 3 * 512)

struct sl_doc {
	char name[256];	    /* what the user called it */
	const char *format; /* for people; constant */
	bool partial;	    /* an excerpt: what it does not list may exist */
	bool live;	    /* read from a device */
	char source[256];   /* where the facts come from, as the file says; "" */
	uint32_t flaws;	    /* 1 << enum sl_flaw */
	uint32_t flawed_in; /* 1 << enum sl_raw (live only) */
	struct sl_contract contract;
};

struct sl_doc *sl_doc_free(struct sl_doc *d);

/* Reads files ("a.bin", "lid12:b.bin,c.txt"). 0, or -errno with *reterr filled. */
int sl_doc_load(const char *arg, struct sl_doc **ret, struct sl_diag *reterr);
/* The same from bytes in memory; `name` is for messages. */
int sl_doc_parse(const char *name, const void *bytes, size_t len, struct sl_doc **ret,
		 struct sl_diag *reterr);

/* Where a live contract is read from. */
struct sl_doc_source {
	/*
	 * Carries out one command. `data` takes cmd->data_len bytes, and holds them before when
	 * cmd->dir is BOTH. 0: *ret_status is the protocol's status, *ret_len the bytes that came;
	 * -errno: the device is out of reach.
	 */
	int (*call)(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		    size_t *ret_len);
	/* Is shown every answer (raw: enum sl_raw); NULL: nobody wants it. */
	void (*keep)(void *ctx, unsigned raw, const struct sl_command *cmd, uint16_t status,
		     const void *data, size_t len);
	void *ctx;
	uint8_t protocol; /* enum sl_wire_protocol; 0: NVMe */
	uint8_t type;	  /* of a fwctl device, as it was said on the wire; 0 */
};

/* Reads a device's contract. 0; -errno when it could not be asked at all. */
int sl_doc_read(const char *name, const struct sl_doc_source *source, struct sl_doc **ret);

#endif
