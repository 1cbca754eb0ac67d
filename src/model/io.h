/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the I/O commands share: blocks between a host's buffer and the store, and the protection
 * information beside them. Private to src/model/io-*.c.
 */
#ifndef SL_MODEL_IO_H
#define SL_MODEL_IO_H

#include "model/state.h"

/* Protection information of one command on one namespace; NVM command set 1.1 §5.3. */
struct sl_pi {
	uint8_t type;  /* DPS: 0 none, 1 … 3 */
	bool first;    /* at the start of the metadata, else at its end */
	bool act;      /* PRACT: the controller makes or takes it */
	uint8_t check; /* PRCHK: 4 guard, 2 application tag, 1 reference tag */
	uint16_t app, app_mask;
	uint32_t ref;
};

/* One transfer: consecutive blocks and where they are in the host's buffers. */
struct sl_xfer {
	struct sl_model_ns *ns;
	uint64_t lba, n;
	uint32_t stride; /* bytes of data buffer per block */
	bool extended;	 /* metadata follows the block there */
	uint8_t *data;
	uint8_t *meta; /* NULL: not in a buffer of its own */
	struct sl_pi pi;
};

/* PI as CDW12/14/15 of r ask for; NVME_PI_INVALID where that cannot be. */
uint16_t sl_pi_init(const struct sl_model_req *r, uint64_t lba, struct sl_pi *ret);
void sl_pi_make(const struct sl_model_ns *ns, const struct sl_pi *pi, uint64_t i,
		const uint8_t *data, uint8_t *meta);
uint16_t sl_pi_check(const struct sl_model_ns *ns, const struct sl_pi *pi, uint64_t i,
		     const uint8_t *data, const uint8_t *meta);

/* Range, MDTS, buffers; fills *ret. `moves`: the command has a host buffer. */
uint16_t sl_xfer_init(struct sl_model *m, struct sl_model_req *r, bool moves, struct sl_xfer *ret);
/* Host buffers (data NULL: zeroes) into the store. */
uint16_t sl_xfer_write(const struct sl_xfer *x);
/* Store to host buffers; with `compare`, against them; with data NULL, only checked. */
uint16_t sl_xfer_read(struct sl_model *m, const struct sl_xfer *x, bool compare);

#endif
