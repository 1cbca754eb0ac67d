/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOG SENSE and LOG SELECT (SPC-6 §6.8, §6.9, §7.3). A page is the bytes of its parameters;
 * counters among them move with what the device does.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

struct sl_scsi_log *sl_scsi_log(const struct sl_model *m, uint8_t page, uint8_t subpage)
{
	struct sl_scsi *s = m->scsi;

	for (unsigned i = 0; i < s->n_logs; i++)
		if (s->logs[i].page == page && s->logs[i].subpage == subpage)
			return &s->logs[i];
	return NULL;
}

/* The parameter at `at`, or what comes behind the last: NULL. */
static uint8_t *parameter(const struct sl_bytes *b, uint32_t at, uint32_t *ret_len)
{
	if (at + 4 > b->len || at + 4u + b->p[at + 3] > b->len)
		return NULL;
	*ret_len = 4u + b->p[at + 3];
	return b->p + at;
}

static uint8_t *find(const struct sl_scsi_log *log, uint16_t code, uint32_t *ret_len)
{
	uint32_t at = 0;
	uint8_t *p;

	while (log && (p = parameter(&log->data, at, ret_len)) != NULL) {
		if (sl_get_be16(p) == code)
			return p;
		at += *ret_len;
	}
	return NULL;
}

static void add(uint8_t *p, uint32_t len, uint64_t n)
{
	for (uint32_t i = len; i && n; i--) {
		n += p[i - 1];
		p[i - 1] = (uint8_t)n;
		n >>= 8;
	}
}

void sl_scsi_log_add(struct sl_model *m, uint8_t page, uint8_t subpage, uint16_t code, uint64_t n)
{
	uint32_t len;
	uint8_t *p = find(sl_scsi_log(m, page, subpage), code, &len);

	if (p)
		add(p + 4, len - 4, n);
}

/* Bytes processed (02h, 03h), general access statistics (19h, SPC-6 table 383). */
void sl_scsi_count(struct sl_model *m, uint64_t blocks, bool write)
{
	uint32_t len, block = m->ns ? sl_ns_block(m->ns) : 1;
	uint8_t *p = find(sl_scsi_log(m, 0x19, 0), 1, &len);

	sl_scsi_log_add(m, write ? 0x02 : 0x03, 0, 5, blocks * block);
	if (!p || len < 36)
		return;
	add(p + (write ? 12 : 4), 8, 1);
	add(p + (write ? 20 : 28), 8, blocks);
}

/* ---- sense ---- */

static uint32_t supported(const struct sl_model *m, uint8_t page, uint8_t subpage, uint8_t *b)
{
	const struct sl_scsi *s = m->scsi;
	bool with_sub = subpage == 0xff;
	uint32_t n = 4;

	if (!page) {
		b[n++] = 0;
		if (with_sub)
			b[n++] = 0;
		if (with_sub) {
			b[n++] = 0;
			b[n++] = 0xff;
		}
	}
	for (unsigned i = 0; i < s->n_logs; i++) {
		if ((page && s->logs[i].page != page) || (!with_sub && s->logs[i].subpage))
			continue;
		b[n++] = s->logs[i].page;
		if (with_sub)
			b[n++] = s->logs[i].subpage;
	}
	return n;
}

/* Parameters from `pointer` on; those of a log are in order of their codes. */
static uint32_t content(const struct sl_scsi_log *log, uint8_t pc, uint16_t pointer, uint8_t *b)
{
	const struct sl_bytes *from = pc == 3 ? &log->dflt : &log->data;
	uint32_t at = 0, len, n = 4;
	uint8_t *p;

	while ((p = parameter(from, at, &len)) != NULL) {
		if (sl_get_be16(p) >= pointer) {
			memcpy(b + n, p, len);
			n += len;
		}
		at += len;
	}
	return n;
}

/* PC: 1 cumulative values, 3 what they were at first; thresholds (0, 2) are not kept. */
uint32_t sl_scsi_log_sense(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t page = r->sqe[2] & 0x3f, pc = r->sqe[2] >> 6, subpage = r->sqe[3];
	const struct sl_scsi_log *log = sl_scsi_log(m, page, subpage);
	uint32_t alloc = sl_get_be16(r->sqe + 7), n, word;
	uint8_t *b = calloc(1, 4 + SCSI_BYTES_MAX + 4 * SCSI_PAGE_MAX);

	if (!b)
		return S_INTERNAL;
	if (pc == 0 || pc == 2) {
		word = sl_scsi_bad(r, 2, 7);
	} else if (page == 0 || subpage == 0xff) {
		n = supported(m, page, subpage, b);
		b[0] = (uint8_t)(page | (subpage ? 0x40 : 0));
		b[1] = subpage;
		be_put16(b + 2, (uint16_t)(n - 4));
		word = n > 4 && (subpage == 0 || subpage == 0xff) ? sl_scsi_give(r, b, n, alloc)
								  : sl_scsi_bad(r, 3, 7);
	} else if (!log) {
		word = sl_scsi_bad(r, sl_scsi_log(m, page, 0) ? 3 : 2, 5);
	} else {
		n = content(log, pc, sl_get_be16(r->sqe + 5), b);
		b[0] = (uint8_t)(page | (subpage ? 0x40 : 0));
		b[1] = subpage;
		be_put16(b + 2, (uint16_t)(n - 4));
		word = n == 4 && log->data.len ? sl_scsi_bad(r, 5, 7)
					       : sl_scsi_give(r, b, n, alloc);
	}
	free(b);
	return word;
}

/* ---- select ---- */

static void reset(struct sl_scsi_log *log)
{
	uint32_t at = 0, len;
	uint8_t *p;

	/* Lists (FORMAT AND LINKING 01b, 11b) are not counters: they stay. */
	while ((p = parameter(&log->data, at, &len)) != NULL) {
		if (!(p[2] & 1))
			memset(p + 4, 0, len - 4);
		at += len;
	}
}

/* One page of a parameter list: values of parameters that are there and of the same length. */
static uint32_t take(struct sl_model *m, struct sl_model_req *r, uint32_t at, uint32_t end,
		     struct sl_scsi_log *log, bool apply)
{
	while (at < end) {
		uint32_t len, have;
		uint8_t *p;

		if (at + 4 > end)
			return S_LIST_LENGTH;
		len = 4u + r->data[at + 3];
		if (at + len > end)
			return S_LIST_LENGTH;
		p = find(log, sl_get_be16(r->data + at), &have);
		if (!p || have != len)
			return sl_scsi_bad_parameter(r, at, 7);
		if (p[2] & 1)
			return sl_scsi_bad_parameter(r, at + 4, 7);
		if (apply)
			memcpy(p + 4, r->data + at + 4, len - 4);
		at += len;
	}
	(void)m;
	return SCSI_GOOD;
}

static uint32_t walk(struct sl_model *m, struct sl_model_req *r, uint32_t len, bool apply)
{
	uint32_t at = 0;

	while (at < len) {
		struct sl_scsi_log *log;
		uint32_t n, word;

		if (at + 4 > len)
			return S_LIST_LENGTH;
		n = sl_get_be16(r->data + at + 2);
		log = sl_scsi_log(m, r->data[at] & 0x3f, r->data[at + 1]);
		if (!log)
			return sl_scsi_bad_parameter(r, at, 5);
		if (at + 4 + n > len)
			return S_LIST_LENGTH;
		word = take(m, r, at + 4, at + 4 + n, log, apply);
		if (word)
			return word;
		at += 4 + n;
	}
	return SCSI_GOOD;
}

uint32_t sl_scsi_log_select(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t page = r->sqe[2] & 0x3f, pc = r->sqe[2] >> 6, subpage = r->sqe[3];
	uint32_t len = sl_get_be16(r->sqe + 7), word;
	bool pcr = r->sqe[1] & 2;

	if (pcr && len)
		return sl_scsi_bad(r, 1, 1);
	if (len && (page || subpage))
		return sl_scsi_bad(r, 2, 5);
	if (page && !sl_scsi_log(m, page, subpage))
		return sl_scsi_bad(r, 2, 5);
	if (len) {
		if (pc != 1)
			return sl_scsi_bad(r, 2, 7);
		word = sl_scsi_need(r, len);
		if (!word)
			word = walk(m, r, len, false);
		return word ? word : walk(m, r, len, true);
	}
	if (!pcr && pc != 3)
		return pc == 1 ? (uint32_t)SCSI_GOOD : sl_scsi_bad(r, 2, 7);
	for (unsigned i = 0; i < m->scsi->n_logs; i++)
		if (!page || (m->scsi->logs[i].page == page && m->scsi->logs[i].subpage == subpage))
			reset(&m->scsi->logs[i]);
	return SCSI_GOOD;
}
