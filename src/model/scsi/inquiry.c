/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a logical unit says of itself: INQUIRY and vital product data, REPORT LUNS, TEST UNIT READY,
 * REQUEST SENSE (SPC-6 §6).
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

const struct sl_scsi_vpd *sl_scsi_vpd(const struct sl_model *m, uint8_t page)
{
	for (unsigned i = 0; i < m->scsi->n_vpd; i++)
		if (m->scsi->vpd[i].page == page)
			return &m->scsi->vpd[i];
	return NULL;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* Supported VPD pages: those that are there, in order. */
static uint32_t page_00(const struct sl_model *m, uint8_t *p)
{
	const struct sl_scsi *s = m->scsi;
	uint32_t n = 0;

	p[n++] = 0x00;
	for (unsigned i = 0; i < s->n_vpd; i++)
		if (s->vpd[i].page)
			p[n++] = s->vpd[i].page;
	if (m->p->scsi->ata.present && !sl_scsi_vpd(m, 0x89))
		p[n++] = 0x89;
	qsort(p, n, 1, by_number);
	return n;
}

static uint32_t vpd(struct sl_model *m, struct sl_model_req *r, uint32_t alloc)
{
	uint8_t page = r->sqe[2], b[4 + SCSI_BYTES_MAX] = {m->scsi->inquiry[0], page};
	const struct sl_scsi_vpd *v = sl_scsi_vpd(m, page);
	uint32_t n;

	if (v) {
		n = v->data.len;
		if (n)
			memcpy(b + 4, v->data.p, n);
	} else if (page == 0x00) {
		n = page_00(m, b + 4);
	} else if (page == 0x89 && m->p->scsi->ata.present) {
		n = sl_scsi_ata_vpd(m, b + 4);
	} else {
		return sl_scsi_bad(r, 2, 7);
	}
	be_put16(b + 2, (uint16_t)n);
	return sl_scsi_give(r, b, n + 4, alloc);
}

uint32_t sl_scsi_inquiry(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t alloc = sl_get_be16(r->sqe + 3);

	if (r->sqe[1] & 1)
		return vpd(m, r, alloc);
	if (r->sqe[2])
		return sl_scsi_bad(r, 2, 7);
	return sl_scsi_give(r, m->scsi->inquiry, m->scsi->inquiry_len, alloc);
}

/* SPC-6 §6.31: one logical unit, number 0, and no well known ones. */
uint32_t sl_scsi_report_luns(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t alloc = sl_get_be32(r->sqe + 6);
	uint8_t b[16] = {0, 0, 0, 8}, report = r->sqe[2];

	(void)m;
	if (report > 2 && report < 0x10)
		return sl_scsi_bad(r, 2, 7);
	if (report > 0x12)
		return sl_scsi_bad(r, 2, 7);
	if (alloc < 16)
		return sl_scsi_bad(r, 6, 7);
	if (report == 1 || report == 0x10) /* well known, administrative logical units */
		b[3] = 0;
	return sl_scsi_give(r, b, 8u + b[3], alloc);
}

uint32_t sl_scsi_test_unit_ready(struct sl_model *m, struct sl_model_req *r)
{
	return sl_scsi_ready(m, r);
}

/* SPC-6 §6.39: what is pending, else what goes on, else nothing. */
uint32_t sl_scsi_request_sense(struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_scsi *s = m->scsi;
	uint32_t word = sl_scsi_attention_take(m), n;
	uint8_t b[SL_SENSE_MAX];

	if (!word && (s->work == SCSI_WORK_FORMAT || s->work == SCSI_WORK_SANITIZE))
		word = sl_scsi_ready(m, r);
	else if (!word && s->work == SCSI_WORK_TEST)
		r->specific = sl_scsi_progress(m);
	else if (!word && s->power == 2)
		word = SENSE(0, 0x5e, 0x03); /* idle condition activated by command */
	else if (!word && s->power == 3)
		word = SENSE(0, 0x5e, 0x04);
	n = sl_scsi_sense(r, word, r->sqe[1] & 1, b);
	return sl_scsi_give(r, b, n, r->sqe[4]);
}
