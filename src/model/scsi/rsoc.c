/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS (SPC-6 §6.34, §6.35): the contract
 * of a SCSI device.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

static void timeouts(const struct sl_scsi_command *c, uint8_t *b)
{
	be_put16(b, 10);
	be_put32(b + 4, c->nominal_s);
	be_put32(b + 8, c->recommended_s);
}

/* All commands, in the order of the persona. RCTD: with timeouts, SPC-6 table 245. */
static uint32_t all(struct sl_model *m, struct sl_model_req *r, bool rctd, uint32_t alloc)
{
	const struct sl_scsi *s = m->scsi;
	uint8_t *b = calloc(1, 4 + 20 * (size_t)SCSI_COMMAND_MAX);
	uint32_t n = 4, word;

	if (!b)
		return S_INTERNAL;
	for (unsigned i = 0; i < s->n_commands; i++) {
		const struct sl_scsi_command *c = &s->commands[i];
		uint8_t *d = b + n;

		if (!c->listed)
			continue;
		d[0] = c->opcode;
		if (c->sa != SCSI_NO_SA) {
			be_put16(d + 2, c->sa);
			d[5] |= 0x01; /* SERVACTV */
		}
		d[5] |= (uint8_t)((c->rwcdlp & 1) << 6 | (c->mlu & 3) << 4 | (c->cdlp & 3) << 2);
		be_put16(d + 6, c->len);
		n += 8;
		if (rctd && c->has_timeouts) {
			d[5] |= 0x02; /* CTDP */
			timeouts(c, d + 8);
			n += 12;
		}
	}
	be_put32(b, n - 4);
	word = sl_scsi_give(r, b, n, alloc);
	free(b);
	return word;
}

/* One command with its usage map, SPC-6 table 248. */
static uint32_t one(struct sl_model_req *r, const struct sl_scsi_command *c, bool rctd,
		    uint32_t alloc)
{
	uint8_t b[4 + SCSI_CDB_MAX + 12] = {0};
	uint32_t n = 4;

	if (!c || !c->listed) {
		b[1] = 1; /* not supported */
		return sl_scsi_give(r, b, 4, alloc);
	}
	b[0] = c->rwcdlp & 1;
	b[1] = (uint8_t)((c->mlu & 3) << 5 | (c->cdlp & 3) << 3 | (c->support & 7));
	be_put16(b + 2, c->len);
	memcpy(b + n, c->usage, c->len);
	n += c->len;
	if (rctd && c->has_timeouts) {
		b[1] |= 0x80; /* CTDP */
		timeouts(c, b + n);
		n += 12;
	}
	return sl_scsi_give(r, b, n, alloc);
}

/* The first command of this opcode that is listed. */
static const struct sl_scsi_command *any_sa(const struct sl_model *m, uint8_t opcode)
{
	const struct sl_scsi *s = m->scsi;

	for (unsigned i = 0; i < s->n_commands; i++)
		if (s->commands[i].opcode == opcode && s->commands[i].listed)
			return &s->commands[i];
	return NULL;
}

uint32_t sl_scsi_report_opcodes(struct sl_model *m, struct sl_model_req *r)
{
	bool rctd = r->sqe[2] & 0x80;
	uint8_t how = r->sqe[2] & 7, opcode = r->sqe[3];
	uint16_t sa = sl_get_be16(r->sqe + 4);
	uint32_t alloc = sl_get_be32(r->sqe + 6);
	const struct sl_scsi_command *c = any_sa(m, opcode);

	if (how == 0)
		return all(m, r, rctd, alloc);
	if (how > 3 || m->p->scsi->quirks & SL_SCSI_RSOC_ONE_REFUSED)
		return sl_scsi_bad(r, 2, 2);
	/* 1: an opcode without service actions; 2: with; 3: either */
	if (how == 1 && c && c->sa != SCSI_NO_SA)
		return sl_scsi_bad(r, 2, 2);
	if (how == 2 && c && c->sa == SCSI_NO_SA)
		return sl_scsi_bad(r, 2, 2);
	if (how != 1 && c && (c->sa != SCSI_NO_SA || sa))
		c = sl_scsi_command(m, opcode, sa);
	return one(r, c, rctd, alloc);
}

/* Abort task, abort task set, logical unit reset; REPD: with (unstated) timeouts. */
uint32_t sl_scsi_report_tmf(struct sl_model *m, struct sl_model_req *r)
{
	bool extended = r->sqe[2] & 0x80;
	uint8_t b[16] = {0xc8};

	(void)m;
	b[3] = extended ? 12 : 0;
	return sl_scsi_give(r, b, extended ? 16 : 4, sl_get_be32(r->sqe + 6));
}
