/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MODE SENSE and MODE SELECT, 6 and 10 bytes long (SPC-6 §6.14, §6.16, §7.5). A page is its bytes
 * in four versions: current, changeable, default, saved. A list is checked whole before any of it
 * is taken.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

enum {
	PC_CURRENT,
	PC_CHANGEABLE,
	PC_DEFAULT,
	PC_SAVED,
};

#define PAGE_ALL    0x3f
#define SUBPAGE_ALL 0xff
#define ANSWER_MAX  (16u + 16u + SCSI_PAGE_MAX * 260u)

struct sl_scsi_mode *sl_scsi_mode(const struct sl_model *m, uint8_t page, uint8_t subpage)
{
	struct sl_scsi *s = m->scsi;

	for (unsigned i = 0; i < s->n_modes; i++)
		if (s->modes[i].page == page && s->modes[i].subpage == subpage)
			return &s->modes[i];
	return NULL;
}

uint8_t sl_scsi_mode_byte(const struct sl_model *m, uint8_t page, unsigned at)
{
	const struct sl_scsi_mode *p = sl_scsi_mode(m, page, 0);

	return p && at < p->len ? p->value[PC_CURRENT][at] : 0;
}

void sl_scsi_modes_reset(struct sl_model *m)
{
	for (unsigned i = 0; i < m->scsi->n_modes; i++) {
		struct sl_scsi_mode *p = &m->scsi->modes[i];

		memcpy(p->value[PC_CURRENT], p->value[p->saveable ? PC_SAVED : PC_DEFAULT], p->len);
	}
	m->scsi->pending_block = 0;
}

bool sl_scsi_protected(const struct sl_model *m)
{
	return m->scsi->protect || sl_scsi_mode_byte(m, 0x0a, 4) & 0x08; /* SWP */
}

/* ---- sense ---- */

/* Block descriptor: SBC-5 §6.5.2, SSC-5 §8.3.1; a CD has none. */
static uint32_t descriptor(const struct sl_model *m, bool longlba, uint8_t *b)
{
	uint64_t blocks = m->ns ? sl_ns_size(m->ns) : 0;
	uint32_t block = m->ns ? sl_ns_block(m->ns) : 0;

	if (m->scsi->kind == SCSI_CD || m->scsi->kind == SCSI_OTHER)
		return 0;
	if (m->scsi->pending_block)
		block = m->scsi->pending_block;
	if (m->scsi->kind == SCSI_TAPE)
		block = sl_scsi_tape_block(m);
	if (longlba) {
		be_put64(b, blocks);
		be_put32(b + 12, block);
		return 16;
	}
	if (m->scsi->kind == SCSI_DISK)
		be_put32(b, blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks);
	be_put32(b + 4, block & 0xffffff);
	return 8;
}

static bool wanted(const struct sl_scsi_mode *p, uint8_t page, uint8_t subpage)
{
	if (page != PAGE_ALL && p->page != page)
		return false;
	return subpage == SUBPAGE_ALL || p->subpage == subpage;
}

/* The pages asked for, behind what is there already. 0: there is none. */
static uint32_t pages(const struct sl_model *m, uint8_t pc, uint8_t page, uint8_t subpage,
		      uint8_t *b, bool *ret_saveable)
{
	uint32_t n = 0;

	*ret_saveable = false;
	for (unsigned i = 0; i < m->scsi->n_modes; i++) {
		const struct sl_scsi_mode *p = &m->scsi->modes[i];

		if (!wanted(p, page, subpage))
			continue;
		memcpy(b + n, p->value[pc], p->len);
		b[n] = (uint8_t)((b[n] & 0x7f) | (p->saveable ? 0x80 : 0)); /* PS */
		*ret_saveable |= p->saveable;
		n += p->len;
	}
	return n;
}

uint32_t sl_scsi_mode_sense(struct sl_model *m, struct sl_model_req *r)
{
	bool ten = r->opc == 0x5a, dbd = r->sqe[1] & 8, longlba = ten && r->sqe[1] & 0x10;
	uint32_t alloc = ten ? sl_get_be16(r->sqe + 7) : r->sqe[4], head = ten ? 8 : 4, n, word;
	uint8_t pc = r->sqe[2] >> 6, page = r->sqe[2] & 0x3f, *b;
	bool saveable;

	b = calloc(1, ANSWER_MAX);
	if (!b)
		return S_INTERNAL;
	n = dbd ? 0 : descriptor(m, longlba, b + head);
	b[ten ? 3 : 2] = (uint8_t)((sl_scsi_protected(m) ? 0x80 : 0) |
				   (m->scsi->kind & (SCSI_DISK | SCSI_TAPE) ? 0x10 : 0));
	if (ten && longlba && n == 16)
		b[4] = 1;
	b[ten ? 7 : 3] = (uint8_t)n;
	word = pages(m, pc, page, r->sqe[3], b + head + n, &saveable);
	n += head + word;
	if (!word) {
		word = sl_scsi_bad(r, page != PAGE_ALL && sl_scsi_mode(m, page, 0) ? 3 : 2, 5);
	} else if (pc == PC_SAVED && !saveable) {
		word = S_SAVING;
	} else {
		if (ten)
			be_put16(b, (uint16_t)(n - 2));
		else
			b[0] = (uint8_t)(n - 1 > 255 ? 255 : n - 1);
		word = sl_scsi_give(r, b, n, alloc);
	}
	free(b);
	return word;
}

/* ---- select ---- */

/* Another block length waits for FORMAT UNIT; capacity is the medium's. */
static uint32_t take_descriptor(struct sl_model *m, struct sl_model_req *r, const uint8_t *d,
				uint32_t len, uint32_t at)
{
	uint32_t block = len == 16 ? sl_get_be32(d + 12) : be_get24(d + 5);

	if (m->scsi->kind == SCSI_TAPE) {
		if (block > 65536)
			return sl_scsi_bad_parameter(r, at + (len == 16 ? 12 : 5), 7);
		sl_scsi_tape_set_block(m, block);
		return SCSI_GOOD;
	}
	if (m->scsi->kind != SCSI_DISK || !m->ns || block == sl_ns_block(m->ns) || !block) {
		m->scsi->pending_block = 0;
		return SCSI_GOOD;
	}
	if (block != 512 && block != 1024 && block != 2048 && block != 4096)
		return sl_scsi_bad_parameter(r, at + (len == 16 ? 12 : 5), 7);
	m->scsi->pending_block = block;
	return SCSI_GOOD;
}

/* One page of the list: which it is, and that no bit changes that cannot. */
static uint32_t check_page(struct sl_model *m, struct sl_model_req *r, const uint8_t *p,
			   uint32_t at, uint32_t left, struct sl_scsi_mode **ret)
{
	bool sub = p[0] & 0x40;
	uint32_t head = sub ? 4 : 2, len;
	struct sl_scsi_mode *page;

	if (left < head)
		return S_LIST_LENGTH;
	page = sl_scsi_mode(m, p[0] & 0x3f, sub ? p[1] : 0);
	len = head + (sub ? sl_get_be16(p + 2) : p[1]);
	if (!page)
		return sl_scsi_bad_parameter(r, at, 5);
	if (len != page->len)
		return sl_scsi_bad_parameter(r, at + head - 1, 7);
	if (len > left)
		return S_LIST_LENGTH;
	for (uint32_t i = head; i < len; i++) {
		unsigned wrong = (p[i] ^ page->value[PC_CURRENT][i]) &
				 (uint8_t)~page->value[PC_CHANGEABLE][i];

		if (wrong)
			return sl_scsi_bad_parameter(r, at + i,
						     31u - (unsigned)__builtin_clz(wrong));
	}
	*ret = page;
	return SCSI_GOOD;
}

static uint32_t walk(struct sl_model *m, struct sl_model_req *r, uint32_t at, uint32_t len,
		     bool save, bool apply)
{
	while (at < len) {
		struct sl_scsi_mode *page = NULL;
		uint32_t word = check_page(m, r, r->data + at, at, len - at, &page), head;

		if (word)
			return word;
		if (save && !page->saveable)
			return sl_scsi_bad(r, 1, 0);
		head = page->subpage ? 4 : 2;
		if (apply)
			memcpy(page->value[PC_CURRENT] + head, r->data + at + head,
			       page->len - head);
		if (apply && save)
			memcpy(page->value[PC_SAVED], page->value[PC_CURRENT], page->len);
		at += page->len;
	}
	return SCSI_GOOD;
}

uint32_t sl_scsi_mode_select(struct sl_model *m, struct sl_model_req *r)
{
	bool ten = r->opc == 0x55, save = r->sqe[1] & 1, pf = r->sqe[1] & 0x10;
	uint32_t len = ten ? sl_get_be16(r->sqe + 7) : r->sqe[4], head = ten ? 8 : 4, bd, word;
	uint32_t unit;

	if (!len)
		return SCSI_GOOD;
	word = len < head ? (uint32_t)S_LIST_LENGTH : sl_scsi_need(r, len);
	if (word)
		return word;
	unit = ten && r->data[4] & 1 ? 16 : 8;
	bd = ten ? sl_get_be16(r->data + 6) : r->data[3];
	if (bd % unit || bd > unit)
		return sl_scsi_bad_parameter(r, head - 1, 7);
	if (head + bd > len)
		return S_LIST_LENGTH;
	if (!pf && head + bd < len)
		return sl_scsi_bad(r, 1, 4);
	word = walk(m, r, head + bd, len, save, false);
	if (!word && bd)
		word = take_descriptor(m, r, r->data + head, unit, head);
	return word ? word : walk(m, r, head + bd, len, save, true);
}
