/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes the whole medium or its being there: FORMAT UNIT, SANITIZE, START STOP UNIT, PREVENT
 * ALLOW MEDIUM REMOVAL, defects, self-tests (SBC-5 §5, SPC-6 §6). Long work goes on in the
 * background when the host does not want to wait; meanwhile its progress is told in sense data.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

enum {
	SANITIZE_OVERWRITE = 0x01,
	SANITIZE_BLOCK = 0x02,
	SANITIZE_CRYPTO = 0x03,
	SANITIZE_EXIT = 0x1f,
};

uint16_t sl_scsi_progress(const struct sl_model *m)
{
	const struct sl_scsi *s = m->scsi;
	uint64_t all = s->work_until_ms - s->work_from_ms, done = m->now_ms - s->work_from_ms;

	if (!all || done >= all)
		return 0xffff;
	return (uint16_t)(done * 65536 / all > 0 ? done * 65536 / all : 1);
}

/* All blocks become one byte, or are deallocated. */
static void erase(struct sl_model *m, bool fill, uint8_t byte)
{
	struct sl_model_ns *ns = m->ns;

	if (!ns)
		return;
	sl_store_deallocate(ns->store, 0, sl_ns_size(ns));
	sl_store_erase(ns->store, fill ? byte * 0x01010101u : 0);
	sl_ns_usage(ns);
}

/* The block length that MODE SELECT asked for: as many bytes as there were. */
static void reformat(struct sl_model *m)
{
	struct sl_model_ns *ns = m->ns;
	uint32_t old, new = m->scsi->pending_block;

	if (!ns || !new)
		return;
	m->scsi->pending_block = 0;
	old = sl_ns_block(ns);
	if (old == new)
		return;
	sl_put_le64(ns->id,
		    new > old ? sl_ns_size(ns) / (new / old) : sl_ns_size(ns) * (old / new));
	sl_put_le64(ns->id + 8, sl_ns_size(ns));
	ns->id[130] = (uint8_t)__builtin_ctz(new);
	(void)sl_ns_store(ns); /* without memory for another store, the old one stays */
	sl_scsi_attention(m, S_CAPACITY_CHANGED);
}

static void work_done(struct sl_model *m)
{
	struct sl_scsi *s = m->scsi;

	if (s->work == SCSI_WORK_SANITIZE && s->work_fails)
		s->sanitize_failed = 1;
	else if (s->work == SCSI_WORK_FORMAT)
		s->format_corrupt = 0;
	else if (s->work == SCSI_WORK_SANITIZE)
		s->sanitize_failed = 0;
	s->work = SCSI_WORK_NONE;
}

void sl_scsi_work_tick(struct sl_model *m)
{
	if (m->scsi->work && m->now_ms >= m->scsi->work_until_ms)
		work_done(m);
}

/* A sanitize goes on after power loss (SBC-5 §4.11); a format that was cut off is none. */
void sl_scsi_work_reset(struct sl_model *m, bool power)
{
	struct sl_scsi *s = m->scsi;

	if (s->work == SCSI_WORK_FORMAT && power) {
		s->format_corrupt = 1;
		s->work = SCSI_WORK_NONE;
	}
	if (s->work == SCSI_WORK_TEST)
		s->work = SCSI_WORK_NONE;
}

/* Starts work of `ms`: the host waits for it, or it goes on behind it. */
static void start(struct sl_model *m, struct sl_model_req *r, uint8_t work, uint32_t ms,
		  bool background)
{
	struct sl_scsi *s = m->scsi;

	s->work = work;
	s->work_from_ms = m->now_ms;
	s->work_until_ms = m->now_ms + ms;
	if (!background)
		r->work_ms = ms;
	sl_scsi_work_tick(m);
}

/* SBC-5 §5.4. With FMTDATA a header says whether to wait; protection information is not offered. */
uint32_t sl_scsi_format_unit(struct sl_model *m, struct sl_model_req *r)
{
	bool data = r->sqe[1] & 0x10, background = false;
	uint32_t head = r->sqe[1] & 0x20 ? 8 : 4, word;

	if (data) {
		word = sl_scsi_need(r, head);
		if (word)
			return word;
		if (r->data[0] & 0x07)
			return sl_scsi_bad_parameter(r, 0, 2);
		background = r->data[1] & 0x02;
		if (r->data[1] & 0x08 && r->data_len < head + 4) /* IP: an initialization pattern */
			return S_LIST_LENGTH;
	}
	erase(m, false, 0);
	reformat(m);
	m->scsi->n_defects = 0;
	start(m, r, SCSI_WORK_FORMAT, m->p->format_ms, background);
	return SCSI_GOOD;
}

static uint32_t overwrite(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t len = sl_get_be16(r->sqe + 7), word, pattern;

	if (len < 5 || (m->ns && len > sl_ns_block(m->ns) + 4u))
		return sl_scsi_bad(r, 7, 7);
	word = sl_scsi_need(r, len);
	if (word)
		return word;
	pattern = sl_get_be16(r->data + 2);
	if (!pattern || pattern != len - 4)
		return sl_scsi_bad_parameter(r, 2, 7);
	if (!(r->data[0] & 0x1f)) /* overwrite count */
		return sl_scsi_bad_parameter(r, 0, 4);
	erase(m, true, r->data[4]);
	return SCSI_GOOD;
}

/* SBC-5 §5.35 */
uint32_t sl_scsi_sanitize(struct sl_model *m, struct sl_model_req *r)
{
	bool background = r->sqe[1] & 0x80;
	uint8_t sa = r->sqe[1] & 0x1f;
	uint32_t word = SCSI_GOOD;

	if (m->scsi->work == SCSI_WORK_SANITIZE || m->scsi->work == SCSI_WORK_FORMAT)
		return sl_scsi_ready(m, r);
	if (sa == SANITIZE_EXIT) {
		m->scsi->sanitize_failed = 0;
		return SCSI_GOOD;
	}
	if (sl_scsi_protected(m))
		return S_PROTECTED;
	if (sa != SANITIZE_OVERWRITE && sl_get_be16(r->sqe + 7))
		return sl_scsi_bad(r, 7, 7);
	if (sa == SANITIZE_OVERWRITE)
		word = overwrite(m, r);
	else
		erase(m, false, 0);
	if (!word)
		start(m, r, SCSI_WORK_SANITIZE, m->p->sanitize_ms, background);
	return word;
}

/* SBC-5 §5.36; MMC-6 §6.42. */
uint32_t sl_scsi_start_stop(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi *s = m->scsi;
	uint8_t power = r->sqe[4] >> 4;
	bool run = r->sqe[4] & 1, eject = r->sqe[4] & 2;

	if (power) {
		if (power > 3 && power != 7 && power != 0xa && power != 0xb)
			return sl_scsi_bad(r, 4, 7);
		s->power = power <= 3 ? power : 0;
		s->stopped = power == 3 ? s->stopped : 0;
		return SCSI_GOOD;
	}
	if (eject && !(s->inquiry[1] & 0x80))
		return sl_scsi_bad(r, 4, 1);
	if (eject && !run && s->prevented)
		return S_PREVENTED;
	if (eject && run && !s->present)
		sl_scsi_attention(m, S_MEDIUM_CHANGED);
	if (eject && s->present != run)
		s->media_event = run ? 2 : 3; /* new media, media removal */
	if (eject)
		s->present = run;
	if (run != !s->stopped)
		sl_scsi_log_add(m, 0x0e, 0, 4, run);
	s->stopped = !run;
	return SCSI_GOOD;
}

uint32_t sl_scsi_prevent_allow(struct sl_model *m, struct sl_model_req *r)
{
	m->scsi->prevented = r->sqe[4] & 3;
	return SCSI_GOOD;
}

/* ---- self-test, SPC-6 §6.42, §7.3.19 ---- */

static void test_result(struct sl_model *m, uint8_t code, uint8_t result)
{
	struct sl_scsi_log *log = sl_scsi_log(m, 0x10, 0);
	uint8_t *p;

	if (!log || log->data.len < 20u * 20u)
		return;
	p = log->data.p;
	for (unsigned i = 19; i; i--) /* newest first */
		memcpy(p + 20 * i + 4, p + 20 * (i - 1) + 4, 16);
	memset(p + 4, 0, 16);
	p[4] = (uint8_t)(code << 5 | result);
	memset(p + 8, 0xff, 8); /* no first failure */
}

uint32_t sl_scsi_send_diagnostic(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t code = r->sqe[1] >> 5;
	bool background = code == 1 || code == 2;
	uint32_t len = sl_get_be16(r->sqe + 3), ms = m->p->self_test_ms;

	if (code && r->sqe[1] & 4)
		return sl_scsi_bad(r, 1, 2);
	if (len)
		return sl_scsi_bad(r, 3, 7); /* no diagnostic page is offered */
	if (code == 4) {		     /* abort background self-test */
		if (m->scsi->work == SCSI_WORK_TEST)
			m->scsi->work = SCSI_WORK_NONE;
		return SCSI_GOOD;
	}
	if (code == 3 || code == 7)
		return sl_scsi_bad(r, 1, 7);
	if (m->scsi->work == SCSI_WORK_TEST)
		return S_SELF_TEST;
	if (code)
		test_result(m, code, 0);
	if (code)
		start(m, r, SCSI_WORK_TEST, code == 2 || code == 6 ? ms * 4 : ms, background);
	return SCSI_GOOD;
}

/* Supported diagnostic pages: page 0, which is this list. */
uint32_t sl_scsi_receive_diagnostic(struct sl_model *m, struct sl_model_req *r)
{
	static const uint8_t b[5] = {0, 0, 0, 1, 0};

	(void)m;
	if (r->sqe[2])
		return sl_scsi_bad(r, 2, 7);
	return sl_scsi_give(r, b, sizeof(b), sl_get_be16(r->sqe + 3));
}

/* ---- defects ---- */

/* SBC-5 §5.30: a block is given another place; what it held is gone. */
uint32_t sl_scsi_reassign_blocks(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t size = r->sqe[1] & 2 ? 8 : 4, len, word = sl_scsi_need(r, 4);
	struct sl_scsi *s = m->scsi;

	if (word)
		return word;
	len = r->sqe[1] & 1 ? sl_get_be32(r->data) : sl_get_be16(r->data + 2);
	if (len % size || len > SL_WIRE_DATA_MAX)
		return sl_scsi_bad_parameter(r, 0, 7);
	word = sl_scsi_need(r, 4 + len);
	for (uint32_t at = 4; !word && at < 4 + len; at += size) {
		uint64_t lba = size == 8 ? sl_get_be64(r->data + at) : sl_get_be32(r->data + at);

		if (lba >= sl_ns_size(r->ns))
			return S_LBA;
	}
	for (uint32_t at = 4; !word && at < 4 + len; at += size) {
		uint64_t lba = size == 8 ? sl_get_be64(r->data + at) : sl_get_be32(r->data + at);

		if (s->n_defects == SCSI_DEFECT_MAX)
			return S_NO_DEFECTS_LEFT;
		s->defects[s->n_defects++] = lba;
		sl_store_deallocate(r->ns->store, lba, 1);
		sl_ns_usage(r->ns);
	}
	return word;
}

/* The grown list, in short (000b) or long (011b) block format; SBC-5 §5.21. */
uint32_t sl_scsi_read_defects(struct sl_model *m, struct sl_model_req *r)
{
	bool twelve = r->opc == 0xb7;
	uint8_t want = r->sqe[twelve ? 1 : 2], format = want & 7;
	uint32_t alloc = twelve ? sl_get_be32(r->sqe + 6) : sl_get_be16(r->sqe + 7);
	uint32_t head = twelve ? 8 : 4, size = format == 3 ? 8 : 4, n = 0, word;
	struct sl_scsi *s = m->scsi;
	uint8_t *b;

	/* In another format than was asked for, and said so (SBC-5 §5.21.1). */
	if (format != 0 && format != 3)
		want &= 0x18;
	b = calloc(1, 8 + 8 * SCSI_DEFECT_MAX);
	if (!b)
		return S_INTERNAL;
	for (uint32_t i = 0; want & 0x08 && i < s->n_defects; i++, n += size) {
		if (size == 8)
			be_put64(b + head + n, s->defects[i]);
		else
			be_put32(b + head + n, (uint32_t)s->defects[i]);
	}
	b[1] = want & 0x1f;
	if (twelve)
		be_put32(b + 4, n);
	else
		be_put16(b + 2, (uint16_t)n);
	word = sl_scsi_give(r, b, head + n, alloc);
	free(b);
	return format != (want & 7) ? SENSE(0x1, 0x1c, 0x00) : word; /* defect list not found */
}
