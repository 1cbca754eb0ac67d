/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes the engine a SCSI logical unit: the checks that stand before every command, unit
 * attentions, sense data, resets. What a command does is in the other files of this folder.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/command.h"
#include "model/items.h"
#include "model/scsi/scsi.h"

uint32_t sl_scsi_bad(struct sl_model_req *r, unsigned byte, unsigned bit)
{
	r->err_at = (uint16_t)(byte | bit << 8);
	r->in_payload = false;
	return S_FIELD;
}

uint32_t sl_scsi_bad_parameter(struct sl_model_req *r, unsigned byte, unsigned bit)
{
	r->err_at = (uint16_t)((byte & 0xff) | bit << 8);
	r->in_payload = true;
	return S_PARAMETER;
}

uint32_t sl_scsi_give(struct sl_model_req *r, const void *p, uint32_t n, uint32_t alloc)
{
	bool in = r->dir == SL_DIR_IN || r->dir == SL_DIR_BOTH;

	if (n > alloc)
		n = alloc;
	if (!in || n > r->data_len)
		n = in ? r->data_len : 0;
	if (n)
		memcpy(r->data, p, n);
	r->ret_len = n;
	return SCSI_GOOD;
}

uint32_t sl_scsi_need(struct sl_model_req *r, uint32_t n)
{
	if (n && (!sl_req_payload(r) || r->data_len < n))
		return S_DATA_PHASE;
	r->ret_len = n;
	return SCSI_GOOD;
}

/* ---- unit attentions, SAM-6 §5.14 ---- */

void sl_scsi_attention(struct sl_model *m, uint32_t word)
{
	struct sl_scsi *s = m->scsi;

	for (unsigned i = 0; i < s->n_attention; i++)
		if (s->attention[i] == word)
			return;
	if (s->n_attention < SCSI_ATTENTION_MAX)
		s->attention[s->n_attention++] = word;
}

uint32_t sl_scsi_attention_take(struct sl_model *m)
{
	struct sl_scsi *s = m->scsi;
	uint32_t word = s->attention[0];

	if (!s->n_attention)
		return SCSI_GOOD;
	s->n_attention--;
	memmove(s->attention, s->attention + 1, s->n_attention * sizeof(s->attention[0]));
	return word;
}

/* ---- sense data, SPC-6 §4.4 ---- */

static uint32_t specific(const struct sl_model_req *r, uint32_t word, uint8_t ret[3])
{
	if (word >> 16 == 5 && r->err_at != 0xffff) {
		unsigned bit = r->err_at >> 8;

		ret[0] = (uint8_t)(0x80 | (r->in_payload ? 0 : 0x40) | (bit < 8 ? 8 | bit : 0));
		be_put16(ret + 1, r->err_at & 0xff);
		return 3;
	}
	if (r->specific) {
		ret[0] = 0x80;
		be_put16(ret + 1, r->specific);
		return 3;
	}
	return 0;
}

static uint32_t fixed(const struct sl_model_req *r, uint32_t word, uint8_t *b)
{
	bool fits = r->info <= UINT32_MAX;

	b[0] = r->has_info && fits ? 0xf0 : 0x70;
	b[2] = (uint8_t)((word >> 16 & 0xf) | (word >> 24 & 0xe0));
	if (r->has_info && fits)
		be_put32(b + 3, (uint32_t)r->info);
	b[7] = 10;
	b[12] = (uint8_t)(word >> 8);
	b[13] = (uint8_t)word;
	(void)specific(r, word, b + 15);
	return 18;
}

static uint32_t described(const struct sl_model_req *r, uint32_t word, uint8_t *b)
{
	uint32_t n = 8;

	b[0] = 0x72;
	b[1] = (uint8_t)(word >> 16 & 0xf);
	b[2] = (uint8_t)(word >> 8);
	b[3] = (uint8_t)word;
	if (r->has_info) {
		b[n] = 0x00;
		b[n + 1] = 10;
		b[n + 2] = 0x80;
		be_put64(b + n + 4, r->info);
		n += 12;
	}
	if (specific(r, word, b + n + 4)) {
		b[n] = 0x02;
		b[n + 1] = 6;
		n += 8;
	}
	if (word >> 24 & 0xe0) { /* stream commands */
		b[n] = 0x04;
		b[n + 1] = 2;
		b[n + 3] = (uint8_t)(word >> 24 & 0xe0);
		n += 4;
	}
	if (r->ata[1]) {
		memcpy(b + n, r->ata, sizeof(r->ata));
		n += sizeof(r->ata);
	}
	b[7] = (uint8_t)(n - 8);
	return n;
}

uint32_t sl_scsi_sense(const struct sl_model_req *r, uint32_t word, bool descriptor, uint8_t *buf)
{
	memset(buf, 0, SL_SENSE_MAX);
	/* The registers of an ATA device always come in a descriptor: SAT-5 lets them. */
	if (descriptor || r->ata[1])
		return described(r, word, buf);
	return fixed(r, word, buf);
}

/* ---- before a command ---- */

struct sl_scsi_command *sl_scsi_command(const struct sl_model *m, uint8_t opcode, uint16_t sa)
{
	struct sl_scsi *s = m->scsi;

	for (unsigned i = 0; i < s->n_commands; i++)
		if (s->commands[i].opcode == opcode && s->commands[i].sa == sa)
			return &s->commands[i];
	return NULL;
}

/* Does the device know any command of this opcode? Then a wrong service action is a wrong field. */
static bool opcode_works(const struct sl_model *m, uint8_t opcode)
{
	const struct sl_scsi *s = m->scsi;

	for (unsigned i = 0; i < s->n_commands; i++)
		if (s->commands[i].opcode == opcode && s->commands[i].works)
			return true;
	return false;
}

static bool works(const struct sl_model *m, const struct sl_model_req *r,
		  const struct sl_scsi_row *row)
{
	const struct sl_scsi_command *c = sl_scsi_command(m, row->opcode, row->sa);
	uint32_t quirks = m->p->scsi->quirks;

	if (r->internal)
		return true;
	if (quirks & SL_SCSI_RSOC_REFUSED && row->opcode == 0xa3 && row->sa == 0x0c)
		return false;
	return c ? c->works : (quirks & SL_SCSI_IMPLEMENTS_UNLISTED) != 0;
}

static uint32_t check_cdb(const struct sl_model *m, struct sl_model_req *r,
			  const struct sl_scsi_row *row)
{
	if (r->req_len && r->req_len < row->len)
		return sl_scsi_bad(r, r->req_len, 8);
	if (m->p->scsi->quirks & SL_SCSI_RESERVED_IGNORED)
		return SCSI_GOOD;
	for (unsigned i = 1; i < row->len && i < SCSI_CDB_MAX; i++) {
		unsigned wrong = r->sqe[i] & ~(unsigned)row->usage[i];

		if (i == 1 && row->sa != SCSI_NO_SA)
			wrong &= ~0x1fu;
		if (wrong)
			return sl_scsi_bad(r, i, 31u - (unsigned)__builtin_clz(wrong));
	}
	return SCSI_GOOD;
}

uint32_t sl_scsi_ready(const struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_scsi *s = m->scsi;
	static const uint32_t words[] = {
		[SCSI_WORK_FORMAT] = S_FORMATTING,
		[SCSI_WORK_SANITIZE] = S_SANITIZING,
		[SCSI_WORK_TEST] = S_SELF_TEST,
	};

	if (s->work == SCSI_WORK_FORMAT || s->work == SCSI_WORK_SANITIZE) {
		r->specific = sl_scsi_progress(m);
		return words[s->work];
	}
	if (!s->present)
		return S_NO_MEDIUM;
	if (s->sanitize_failed)
		return S_SANITIZE_FAILED;
	if (s->format_corrupt)
		return S_FORMAT_CORRUPT;
	return s->stopped ? S_NOT_STARTED : SCSI_GOOD;
}

static uint32_t check_state(struct sl_model *m, struct sl_model_req *r,
			    const struct sl_scsi_row *row)
{
	uint32_t word = SCSI_GOOD;

	if (!(row->flags & ROW_ATTENTION))
		word = sl_scsi_attention_take(m);
	if (!word && !sl_scsi_permits(m, row))
		return SCSI_CONFLICT;
	if (!word && !(row->flags & ROW_BUSY) &&
	    (m->scsi->work == SCSI_WORK_FORMAT || m->scsi->work == SCSI_WORK_SANITIZE))
		word = sl_scsi_ready(m, r);
	if (!word && row->flags & ROW_READY)
		word = sl_scsi_ready(m, r);
	if (!word && row->flags & ROW_MEDIA_WRITE && sl_scsi_protected(m))
		word = S_PROTECTED;
	return word;
}

static uint32_t run(struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_scsi_row *row =
		sl_scsi_row_find(m->scsi->kind, r->opc, sl_scsi_sa(m->scsi->kind, r->sqe));
	uint32_t word;

	if (!row || !works(m, r, row)) {
		word = row && row->opcode == 0xa3 && row->sa == 0x0c ? false
								     : opcode_works(m, r->opc);
		return word ? sl_scsi_bad(r, r->opc == 0x7f ? 8 : 1, 4) : (uint32_t)S_OPCODE;
	}
	word = check_cdb(m, r, row);
	if (!word && !r->internal)
		word = check_state(m, r, row);
	if (!word)
		word = row->run(m, r);
	if (word >> 16 > 1 && !r->has_info) /* a recovered error still has its data */
		r->ret_len = 0;
	return word;
}

/* ---- the table of the protocol ---- */

static bool scsi_takes(uint8_t queue, uint16_t req_len)
{
	return queue == SL_WIRE_SCSI_CDB && req_len >= 6 && req_len <= SL_REQ_MAX;
}

static void scsi_decode(struct sl_model *m, struct sl_model_req *r)
{
	r->opc = r->sqe[0];
	r->nsid = 1;
	r->ns = sl_scsi_blocks(m);
	r->csi = 0;
}

static void scsi_set_status(struct sl_model_req *r, uint32_t word)
{
	r->status = word > 0xff ? SCSI_CHECK : (uint16_t)word;
	r->sense = word > 0xff ? word : 0;
}

static void scsi_execute(struct sl_model *m, struct sl_model_req *r)
{
	scsi_set_status(r, run(m, r));
}

static bool scsi_reachable(struct sl_model *m, struct sl_model_req *r)
{
	(void)m, (void)r;
	return true;
}

/* Sense data, and what a host adapter says beside it: as in struct sg_io_hdr. */
static void scsi_finish(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t sense[SL_SENSE_MAX];
	uint32_t n = 0, moved = r->ret_len, driver = 0;

	if (r->answered && r->status == SCSI_GOOD && r->dir == SL_DIR_OUT)
		moved = r->data_len; /* a vendor's command takes what it is sent */
	if (moved > r->data_len)
		moved = r->data_len;
	if (r->meta && r->meta_len)
		memset(r->meta, 0, r->meta_len);
	if (r->status == SCSI_CHECK) {
		n = sl_scsi_sense(r, r->sense, sl_scsi_mode_byte(m, 0x0a, 2) & 0x04, sense);
		if (n > r->meta_len)
			n = r->meta_len;
		if (n && r->meta)
			memcpy(r->meta, sense, n);
		driver = 0x08; /* DRIVER_SENSE */
	}
	r->ret_meta_len = n;
	r->result = (uint64_t)(r->data_len - moved) << 32 | (uint64_t)driver << 16;
}

/* Opcodes of the vendor, SPC-6 table 28. */
static bool scsi_is_vendor(const struct sl_model_req *r)
{
	return r->opc >= 0xc0;
}

/* What an observer sends, by opcode and service action. */
static uint8_t scsi_look(const struct sl_model_req *r)
{
	static const struct {
		uint8_t opcode, sa, look; /* sa FFh: any */
	} looks[] = {
		{0x12, 0xff, SL_LOOK_IDENTIFY}, {0xa0, 0xff, SL_LOOK_IDENTIFY},
		{0x25, 0xff, SL_LOOK_IDENTIFY}, {0x9e, 0x10, SL_LOOK_IDENTIFY},
		{0xa3, 0x0c, SL_LOOK_IDENTIFY}, {0xa3, 0x0d, SL_LOOK_IDENTIFY},
		{0x5e, 0xff, SL_LOOK_IDENTIFY}, {0x4d, 0xff, SL_LOOK_LOG},
		{0x1a, 0xff, SL_LOOK_FEATURE},	{0x5a, 0xff, SL_LOOK_FEATURE},
		{0x08, 0xff, SL_LOOK_READ},	{0x28, 0xff, SL_LOOK_READ},
		{0x88, 0xff, SL_LOOK_READ},	{0xa8, 0xff, SL_LOOK_READ},
		{0x2f, 0xff, SL_LOOK_READ},	{0x8f, 0xff, SL_LOOK_READ},
		{0xaf, 0xff, SL_LOOK_READ},
	};

	for (size_t i = 0; i < SL_COUNT(looks); i++)
		if (looks[i].opcode == r->opc &&
		    (looks[i].sa == 0xff || looks[i].sa == (r->sqe[1] & 0x1f)))
			return looks[i].look;
	return 0;
}

static void scsi_inner(const struct sl_model *m, struct sl_model_req *r, bool out)
{
	const struct sl_scsi_row *row =
		sl_scsi_row_find(m->scsi->kind, r->sqe[0], sl_scsi_sa(m->scsi->kind, r->sqe));

	r->dir = row ? row->dir : out ? SL_DIR_OUT : SL_DIR_IN;
	r->req_len = 0;
	r->queue = SL_WIRE_SCSI_CDB;
}

/* A persona says ASC and ASCQ: the sense key of all of them is UNIT ATTENTION. */
static void scsi_attention(struct sl_model *m, uint32_t word)
{
	sl_scsi_attention(m, SENSE(6, word >> 8, word & 0xff));
}

static void scsi_tick(struct sl_model *m)
{
	sl_scsi_work_tick(m);
}

static uint64_t scsi_next(const struct sl_model *m)
{
	return m->scsi->work ? m->scsi->work_until_ms : UINT64_MAX;
}

static void scsi_deliver(struct sl_model *m)
{
	(void)m; /* unit attentions wait for the next command */
}

static void scsi_reset(struct sl_model *m, bool power)
{
	struct sl_scsi *s = m->scsi;

	s->n_attention = 0;
	s->prevented = 0;
	s->reserved_by = s->reserved_by == 1 || power ? 0 : s->reserved_by;
	if (power) {
		s->stopped = 0;
		s->power = 0;
		memset(s->buffer, 0, sizeof(s->buffer));
		s->echo_len = 0;
		sl_scsi_tape_rewound(m);
	}
	sl_scsi_modes_reset(m);
	sl_scsi_pr_reset(m, power);
	sl_scsi_buffer_reset(m);
	sl_scsi_work_reset(m, power);
	sl_scsi_ata_reset(m, power);

	sl_scsi_attention(m, power ? S_POWER_ON : S_RESET);
}

const struct sl_model_ops sl_model_scsi = {
	.protocol = SL_WIRE_SCSI,
	.request_len = 16,
	.bad_field = S_FIELD,
	.big_endian = true,
	.items = &sl_items_scsi,
	.takes = scsi_takes,
	.load = sl_scsi_load,
	.unload = sl_scsi_unload,
	.decode = scsi_decode,
	.execute = scsi_execute,
	.reachable = scsi_reachable,
	.finish = scsi_finish,
	.set_status = scsi_set_status,
	.is_vendor = scsi_is_vendor,
	.range = sl_scsi_range,
	.look = scsi_look,
	.inner = scsi_inner,
	.attention = scsi_attention,
	.tick = scsi_tick,
	.next = scsi_next,
	.deliver = scsi_deliver,
	.reset = scsi_reset,
	.hash = sl_scsi_hash,
};
