/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tape (SSC-5): records and filemarks one after the other, and a position. Writing anywhere makes
 * that the end of the data.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

#define RECORD_MAX  65536u
#define RECORDS_MAX 65536u

enum {
	SPACE_BLOCKS = 0,
	SPACE_FILEMARKS = 1,
	SPACE_END = 3,
};

struct record {
	uint32_t len; /* 0: a filemark */
	uint8_t *p;
};

struct sl_scsi_tape {
	struct record *records;
	uint32_t n, cap, at;
	uint32_t block; /* of fixed block transfers; 0: none */
};

static void cut(struct sl_scsi_tape *t, uint32_t at)
{
	while (t->n > at)
		free(t->records[--t->n].p);
}

static int append(struct sl_scsi_tape *t, const uint8_t *p, uint32_t len)
{
	struct record *e;

	if (t->n == RECORDS_MAX)
		return -ENOSPC;
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 64;

		e = realloc(t->records, cap * sizeof(*e));
		if (!e)
			return -ENOMEM;
		t->records = e;
		t->cap = cap;
	}
	e = &t->records[t->n];
	*e = (struct record){.len = len};
	if (len) {
		e->p = malloc(len);
		if (!e->p)
			return -ENOMEM;
		memcpy(e->p, p, len);
	}
	t->n++;
	return 0;
}

int sl_scsi_tape_load(struct sl_model *m)
{
	const struct sl_persona_scsi *p = m->p->scsi;
	struct sl_scsi_tape *t = calloc(1, sizeof(*t));
	int r = 0;

	m->scsi->tape = t;
	if (!t)
		return -ENOMEM;
	t->block = p->tape_block;
	for (unsigned i = 0; !r && i < p->n_records; i++)
		r = append(t, p->records[i].p, p->records[i].len);
	return r;
}

void sl_scsi_tape_free(struct sl_model *m)
{
	struct sl_scsi_tape *t = m->scsi->tape;

	if (!t)
		return;
	cut(t, 0);
	free(t->records);
	free(t);
	m->scsi->tape = NULL;
}

void sl_scsi_tape_hash(const struct sl_model *m, void *h)
{
	const struct sl_scsi_tape *t = m->scsi->tape;

	if (!t)
		return;
	sl_hash_feed(h, &t->n, sizeof(t->n));
	sl_hash_feed(h, &t->at, sizeof(t->at));
	sl_hash_feed(h, &t->block, sizeof(t->block));
	for (uint32_t i = 0; i < t->n; i++) {
		sl_hash_feed(h, &t->records[i].len, sizeof(t->records[i].len));
		sl_hash_feed(h, t->records[i].p, t->records[i].len);
	}
}

uint32_t sl_scsi_tape_block(const struct sl_model *m)
{
	return m->scsi->tape ? m->scsi->tape->block : 0;
}

void sl_scsi_tape_set_block(struct sl_model *m, uint32_t block)
{
	if (m->scsi->tape && block <= RECORD_MAX)
		m->scsi->tape->block = block;
}

void sl_scsi_tape_rewound(struct sl_model *m)
{
	if (m->scsi->tape)
		m->scsi->tape->at = 0;
}

/* CHECK CONDITION whose information is how much was not done. */
static uint32_t ended(struct sl_model_req *r, uint32_t word, int64_t rest)
{
	r->info = (uint64_t)rest & 0xffffffff;
	r->has_info = true;
	return word;
}

/* ---- position ---- */

uint32_t sl_scsi_rewind(struct sl_model *m, struct sl_model_req *r)
{
	(void)r;
	sl_scsi_tape_rewound(m);
	return SCSI_GOOD;
}

static uint32_t space_end(struct sl_scsi_tape *t)
{
	t->at = t->n;
	return SCSI_GOOD;
}

uint32_t sl_scsi_space(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_tape *t = m->scsi->tape;
	uint8_t code = r->sqe[1] & 0xf;
	uint32_t raw = be_get24(r->sqe + 2);
	int64_t n = raw & 0x800000 ? (int64_t)raw - 0x1000000 : raw;
	bool marks = code == SPACE_FILEMARKS;

	if (code == SPACE_END)
		return space_end(t);
	if (code > SPACE_FILEMARKS)
		return sl_scsi_bad(r, 1, 3);
	for (; n > 0; t->at++) {
		bool mark;

		if (t->at == t->n)
			return ended(r, S_BLANK, n);
		mark = !t->records[t->at].len;
		if (mark && !marks) {
			t->at++;
			return ended(r, SENSE_FILEMARK, n);
		}
		n -= mark == marks;
	}
	for (; n < 0; n += !t->records[t->at].len == marks) {
		if (!t->at)
			return ended(r, SENSE_BEGINNING, -n);
		t->at--;
		if (!t->records[t->at].len && !marks)
			return ended(r, SENSE_FILEMARK, -n);
	}
	return SCSI_GOOD;
}

uint32_t sl_scsi_locate(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_tape *t = m->scsi->tape;
	uint32_t to = sl_get_be32(r->sqe + 3);

	t->at = to < t->n ? to : t->n;
	return to > t->n ? (uint32_t)S_BLANK : (uint32_t)SCSI_GOOD;
}

uint32_t sl_scsi_read_position(struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_scsi_tape *t = m->scsi->tape;
	uint8_t b[20] = {0};

	if (r->sqe[1] & 0x1f)
		return sl_scsi_bad(r, 1, 4);
	b[0] = (uint8_t)(t->at ? 0 : 0x80); /* beginning of partition */
	be_put32(b + 4, t->at);
	be_put32(b + 8, t->at);
	return sl_scsi_give(r, b, sizeof(b), sizeof(b));
}

uint32_t sl_scsi_load_unload(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi *s = m->scsi;
	bool load = r->sqe[4] & 1;

	if (!load && s->prevented)
		return S_PREVENTED;
	if (load && !s->present)
		sl_scsi_attention(m, S_MEDIUM_CHANGED);
	s->present = load;
	sl_scsi_tape_rewound(m);
	return SCSI_GOOD;
}

/* ---- data ---- */

uint32_t sl_scsi_read_block_limits(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[6] = {0, RECORD_MAX >> 16, RECORD_MAX >> 8 & 0xff, RECORD_MAX & 0xff, 0, 1};

	(void)m;
	return sl_scsi_give(r, b, sizeof(b), sizeof(b));
}

/* One record of the length that it has: SSC-5 §5.4, with ILI where the host expected another. */
static uint32_t read_variable(struct sl_scsi_tape *t, struct sl_model_req *r, uint32_t want)
{
	bool silent = r->sqe[1] & 2;
	struct record *e;

	if (t->at == t->n)
		return ended(r, S_BLANK, want);
	e = &t->records[t->at++];
	if (!e->len)
		return ended(r, SENSE_FILEMARK, want);
	(void)sl_scsi_give(r, e->p, e->len, want);
	if (e->len == want || (silent && e->len < want))
		return SCSI_GOOD;
	return ended(r, SENSE_ILI, (int64_t)want - e->len);
}

static uint32_t read_fixed(struct sl_scsi_tape *t, struct sl_model_req *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct record *e;

		if (t->at == t->n)
			return ended(r, S_BLANK, n - i);
		e = &t->records[t->at++];
		if (!e->len)
			return ended(r, SENSE_FILEMARK, n - i);
		if (e->len != t->block)
			return ended(r, SENSE_ILI, n - i);
		if (r->ret_len + t->block <= r->data_len) {
			memcpy(r->data + r->ret_len, e->p, t->block);
			r->ret_len += t->block;
		}
	}
	return SCSI_GOOD;
}

uint32_t sl_scsi_tape_read(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_tape *t = m->scsi->tape;
	uint32_t n = be_get24(r->sqe + 2), was = t->at, word;

	if (r->sqe[1] & 1 && (r->sqe[1] & 2 || !t->block))
		return sl_scsi_bad(r, 1, 1);
	if (!n || r->dir != SL_DIR_IN)
		return n ? (uint32_t)S_DATA_PHASE : (uint32_t)SCSI_GOOD;
	word = r->sqe[1] & 1 ? read_fixed(t, r, n) : read_variable(t, r, n);
	sl_scsi_count(m, t->at - was, false);
	return word;
}

uint32_t sl_scsi_tape_write(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_tape *t = m->scsi->tape;
	uint32_t n = be_get24(r->sqe + 2), size, count, word;

	if (r->sqe[1] & 1 && !t->block)
		return sl_scsi_bad(r, 1, 0);
	size = r->sqe[1] & 1 ? t->block : n;
	count = r->sqe[1] & 1 ? n : n != 0;
	if (size > RECORD_MAX || (count && count > SL_WIRE_DATA_MAX / size))
		return sl_scsi_bad(r, 2, 7);
	word = sl_scsi_need(r, size * count);
	if (word)
		return word;
	if (count)
		cut(t, t->at);
	for (uint32_t i = 0; i < count; i++, t->at++)
		if (append(t, r->data + i * size, size) < 0)
			return ended(r, SENSE(0xd, 0x00, 0x02), count - i); /* VOLUME OVERFLOW */
	sl_scsi_count(m, count, true);
	return SCSI_GOOD;
}

uint32_t sl_scsi_write_filemarks(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_tape *t = m->scsi->tape;
	uint32_t n = be_get24(r->sqe + 2);

	if (r->sqe[1] & 2) /* WSMK: setmarks are obsolete */
		return sl_scsi_bad(r, 1, 1);
	if (n)
		cut(t, t->at);
	for (uint32_t i = 0; i < n; i++, t->at++)
		if (append(t, NULL, 0) < 0)
			return ended(r, SENSE(0xd, 0x00, 0x02), n - i);
	return SCSI_GOOD;
}

/* From here to the end; a short erase only makes this the end of the data, which is the same. */
uint32_t sl_scsi_erase(struct sl_model *m, struct sl_model_req *r)
{
	(void)r;
	cut(m->scsi->tape, m->scsi->tape->at);
	return SCSI_GOOD;
}

uint32_t sl_scsi_report_density(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[4 + 52] = {0, 54, 0, 0, 0x5a, 0x5a, 0xa0};

	(void)m;
	if (r->sqe[1] & 2)
		return sl_scsi_bad(r, 1, 1);
	memcpy(b + 4 + 16, "SLUICE  ", 8);
	memcpy(b + 4 + 24, "MODEL-T ", 8);
	memcpy(b + 4 + 32, "tape of the device model", 20);
	return sl_scsi_give(r, b, sizeof(b), sl_get_be16(r->sqe + 7));
}
