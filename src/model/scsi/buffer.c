/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WRITE BUFFER and READ BUFFER (SPC-6 §6.50, §6.26): data and echo buffers, and microcode, whose
 * activation changes the revision. An image is any bytes; the revision is its first four characters
 * where they are printable, else made from its content. SECURITY PROTOCOL IN and OUT (§6.40): only
 * the list of protocols.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/ata.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

enum {
	MODE_DATA = 0x02,
	MODE_DESCRIPTOR = 0x03,
	MODE_DOWNLOAD = 0x04,
	MODE_DOWNLOAD_SAVE = 0x05,
	MODE_DOWNLOAD_OFFSETS = 0x06,
	MODE_DOWNLOAD_OFFSETS_SAVE = 0x07,
	MODE_ECHO = 0x0a,
	MODE_ECHO_DESCRIPTOR = 0x0b,
	MODE_SELECT_DEFER = 0x0d,
	MODE_DEFER = 0x0e,
	MODE_ACTIVATE = 0x0f,
};

#define IMAGE_MAX (16u << 20)

void sl_scsi_activate(struct sl_model *m)
{
	struct sl_scsi *s = m->scsi;

	memcpy(s->inquiry + 32, s->next_revision, 4);
	s->deferred = 0;
	sl_scsi_attention(m, S_NEW_MICROCODE);
}

bool sl_scsi_activate_deferred(struct sl_model *m)
{
	if (!m->scsi->deferred)
		return false;
	sl_scsi_activate(m);
	return true;
}

static void revision(struct sl_scsi *s)
{
	char text[9];
	bool printable = s->image_len >= 4;
	uint32_t sum = 2166136261u; /* FNV-1a */

	for (uint32_t i = 0; printable && i < 4; i++)
		printable = s->image[i] >= 0x20 && s->image[i] < 0x7f;
	for (uint32_t i = 0; i < s->image_len; i++)
		sum = (sum ^ s->image[i]) * 16777619u;
	snprintf(text, sizeof(text), "%08X", sum);
	memcpy(s->next_revision, printable ? (const char *)s->image : text + 4, 4);
}

/* A part of an image at its offset; the first begins another image. */
bool sl_scsi_image_part(struct sl_model *m, const uint8_t *p, uint32_t at, uint32_t len)
{
	struct sl_scsi *s = m->scsi;

	if (at == 0)
		s->image_len = 0;
	if (at != s->image_len || at + len > IMAGE_MAX)
		return false;
	if (at + len > s->image_cap) {
		uint32_t cap = (at + len) * 2 > IMAGE_MAX ? IMAGE_MAX : (at + len) * 2;
		uint8_t *new = realloc(s->image, cap);

		if (!new)
			return false;
		s->image = new;
		s->image_cap = cap;
	}
	memcpy(s->image + at, p, len);
	s->image_len = at + len;
	revision(s);
	return true;
}

/* Modes with offsets bring an image in parts, and nobody says which is the last. */
static uint32_t download(struct sl_model *m, struct sl_model_req *r, uint8_t mode)
{
	struct sl_scsi *s = m->scsi;
	bool offsets = mode != MODE_DOWNLOAD && mode != MODE_DOWNLOAD_SAVE;
	uint32_t at = be_get24(r->sqe + 3), len = be_get24(r->sqe + 6);
	uint32_t word = !offsets && at ? sl_scsi_bad(r, 3, 7) : sl_scsi_need(r, len);

	if (word || !len)
		return word;
	if (!sl_scsi_image_part(m, r->data, at, len))
		return sl_scsi_bad(r, 3, 7);
	if (mode == MODE_DEFER || mode == MODE_SELECT_DEFER)
		s->deferred = 1;
	else if (!offsets)
		sl_scsi_activate(m);
	else
		s->activate_on_reset = 1;
	return SCSI_GOOD;
}

/* What waits is activated by a reset or power on, too. */
void sl_scsi_buffer_reset(struct sl_model *m)
{
	struct sl_scsi *s = m->scsi;

	if (s->deferred || s->activate_on_reset)
		sl_scsi_activate(m);
	s->activate_on_reset = 0;
	s->image_len = 0;
}

static uint32_t write_at(struct sl_model_req *r, uint8_t *to, uint32_t size)
{
	uint32_t at = be_get24(r->sqe + 3), len = be_get24(r->sqe + 6), word;

	if (at > size || len > size - at)
		return sl_scsi_bad(r, at > size ? 3 : 6, 7);
	word = sl_scsi_need(r, len);
	if (!word && len)
		memcpy(to + at, r->data, len);
	return word;
}

uint32_t sl_scsi_write_buffer(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi *s = m->scsi;
	uint8_t mode = r->sqe[1] & 0x1f;
	uint32_t len = be_get24(r->sqe + 6), word;

	switch (mode) {
	case MODE_DATA:
		return r->sqe[2] ? sl_scsi_bad(r, 2, 7) : write_at(r, s->buffer, sizeof(s->buffer));
	case MODE_ECHO:
		if (len > sizeof(s->echo))
			return sl_scsi_bad(r, 6, 7);
		word = sl_scsi_need(r, len);
		if (!word && len)
			memcpy(s->echo, r->data, len);
		if (!word)
			s->echo_len = len;
		return word;
	case MODE_DOWNLOAD:
	case MODE_DOWNLOAD_SAVE:
	case MODE_DOWNLOAD_OFFSETS:
	case MODE_DOWNLOAD_OFFSETS_SAVE:
	case MODE_SELECT_DEFER:
	case MODE_DEFER:
		return download(m, r, mode);
	case MODE_ACTIVATE:
		return sl_scsi_activate_deferred(m) ? (uint32_t)SCSI_GOOD : (uint32_t)S_SEQUENCE;
	default:
		return sl_scsi_bad(r, 1, 4);
	}
}

uint32_t sl_scsi_read_buffer(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi *s = m->scsi;
	uint32_t at = be_get24(r->sqe + 3), alloc = be_get24(r->sqe + 6);
	uint8_t b[4] = {0};

	switch (r->sqe[1] & 0x1f) {
	case MODE_DATA:
		if (r->sqe[2] || at > sizeof(s->buffer))
			return sl_scsi_bad(r, r->sqe[2] ? 2 : 3, 7);
		return sl_scsi_give(r, s->buffer + at, (uint32_t)sizeof(s->buffer) - at, alloc);
	case MODE_DESCRIPTOR: /* offset boundary, capacity */
		be_put32(b, r->sqe[2] ? 0 : (uint32_t)sizeof(s->buffer));
		return sl_scsi_give(r, b, 4, alloc);
	case MODE_ECHO:
		if (!s->echo_len)
			return S_SEQUENCE;
		return sl_scsi_give(r, s->echo, s->echo_len, alloc);
	case MODE_ECHO_DESCRIPTOR:
		be_put16(b + 2, (uint16_t)sizeof(s->echo));
		return sl_scsi_give(r, b, 4, alloc);
	default:
		return sl_scsi_bad(r, 1, 4);
	}
}

/* Protocol 00h: page 0000h lists the protocols, 0001h certificates (none). */
uint32_t sl_scsi_security_in(struct sl_model *m, struct sl_model_req *r)
{
	static const uint8_t list[9] = {0, 0, 0, 0, 0, 0, 0, 1, 0x00}, none[4];
	uint32_t alloc = sl_get_be32(r->sqe + 6);
	uint16_t specific = sl_get_be16(r->sqe + 2);

	(void)m;
	if (r->sqe[4] & 0x80) { /* INC_512 */
		if (alloc > 0xffff)
			return sl_scsi_bad(r, 6, 7);
		alloc *= 512;
	}
	if (r->sqe[1])
		return sl_scsi_bad(r, 1, 7);
	if (specific == 0)
		return sl_scsi_give(r, list, sizeof(list), alloc);
	return specific == 1 ? sl_scsi_give(r, none, sizeof(none), alloc) : sl_scsi_bad(r, 2, 7);
}

/* The only protocol is the list, and nothing can be sent to it. */
uint32_t sl_scsi_security_out(struct sl_model *m, struct sl_model_req *r)
{
	(void)m;
	return sl_scsi_bad(r, 1, 7);
}
