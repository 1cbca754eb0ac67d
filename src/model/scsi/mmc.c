/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CD or DVD drive (MMC-6 §6). Its opcodes are not a disk's: 42h reads the sub-channel, 48h plays,
 * A1h blanks the medium, A3h and A4h carry keys, 51h and 52h read disc and track information, ACh
 * reads performance. Data are one track of 2048-byte blocks; there is no audio.
 */
#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

#define WRONG_TRACK  SENSE(0x5, 0x64, 0x00) /* illegal mode for this track */
#define INCOMPATIBLE SENSE(0x5, 0x30, 0x05) /* cannot write medium - incompatible format */
#define NO_KEY	     SENSE(0x5, 0x6f, 0x01) /* copy protection key not present */
#define NO_CHANGES   SENSE(0x5, 0x6f, 0x05) /* drive region must be permanent */

enum {
	PROFILE_CDROM = 0x0008,
	PROFILE_DVDRAM = 0x0012,
	REGION_CHANGES = 5,
};

static uint32_t alloc16(const struct sl_model_req *r)
{
	return sl_get_be16(r->sqe + 7);
}

static bool writable(const struct sl_model *m)
{
	return !sl_scsi_protected(m);
}

/* A block address as minutes, seconds, frames, where the host asks for that. */
static void address(uint8_t *p, uint32_t lba, bool msf)
{
	uint32_t frames = lba + 150;

	be_put32(p, lba);
	if (!msf)
		return;
	p[0] = 0;
	p[1] = (uint8_t)(frames / (75 * 60));
	p[2] = (uint8_t)(frames / 75 % 60);
	p[3] = (uint8_t)(frames % 75);
}

static uint32_t blocks(const struct sl_model *m)
{
	uint64_t n = m->ns ? sl_ns_size(m->ns) : 0;

	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

uint32_t sl_scsi_read_subchannel(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[24] = {0, 0x15}; /* no audio status to return */
	bool position = r->sqe[2] & 0x40;

	(void)m;
	if (position && (r->sqe[3] < 1 || r->sqe[3] > 3))
		return sl_scsi_bad(r, 3, 7);
	if (!position)
		return sl_scsi_give(r, b, 4, alloc16(r));
	b[4] = r->sqe[3];
	b[3] = r->sqe[3] == 1 ? 12 : 20;
	b[5] = 0x14; /* data track */
	b[6] = 1;
	b[7] = 1;
	return sl_scsi_give(r, b, 4u + b[3], alloc16(r));
}

/* Format 0: tracks; 1: sessions. */
uint32_t sl_scsi_read_toc(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[20] = {0, 0, 1, 1}, format = r->sqe[2] & 0xf, track = r->sqe[6];
	bool msf = r->sqe[1] & 2;
	uint32_t n = 4;

	if (format > 1)
		return sl_scsi_bad(r, 2, 3);
	if (format == 0 && track > 1 && track != 0xaa)
		return sl_scsi_bad(r, 6, 7);
	if (format == 1 || track <= 1) {
		b[n + 1] = 0x14;
		b[n + 2] = 1;
		address(b + n + 4, 0, msf);
		n += 8;
	}
	if (format == 0) {
		b[n + 1] = 0x14;
		b[n + 2] = 0xaa; /* lead-out */
		address(b + n + 4, blocks(m), msf);
		n += 8;
	}
	be_put16(b, (uint16_t)(n - 2));
	return sl_scsi_give(r, b, n, alloc16(r));
}

/* There is nothing to play: PLAY AUDIO (10), (MSF), TRACK INDEX. */
uint32_t sl_scsi_play_audio(struct sl_model *m, struct sl_model_req *r)
{
	(void)m, (void)r;
	return WRONG_TRACK;
}

uint32_t sl_scsi_stop_play(struct sl_model *m, struct sl_model_req *r)
{
	(void)m, (void)r;
	return SCSI_GOOD;
}

static uint32_t feature(uint8_t *b, uint16_t code, uint8_t flags, const uint8_t *data, uint8_t n)
{
	be_put16(b, code);
	b[2] = flags; /* version, persistent, current */
	b[3] = n;
	memcpy(b + 4, data, n);
	return 4u + n;
}

/* Profiles, core, removable medium, random access (MMC-6 §5.3). */
uint32_t sl_scsi_get_configuration(struct sl_model *m, struct sl_model_req *r)
{
	static const struct {
		uint16_t code;
		uint8_t flags, len, data[8];
	} features[] = {
		{0x0000, 0x03, 8, {0x00, 0x12, 0x00, 0, 0x00, 0x08, 0x00, 0}},
		{0x0001, 0x0b, 8, {0, 0, 0, 2, 0x01, 0, 0, 0}}, /* ATAPI */
		{0x0003, 0x0b, 4, {0x29, 0, 0, 0}},		/* tray, eject, lock */
		{0x0010, 0x01, 8, {0, 0, 0x08, 0, 0, 1, 0, 0}}, /* random readable, 2048 bytes */
		{0x0100, 0x03, 0, {0}},				/* power management */
	};
	uint16_t first = sl_get_be16(r->sqe + 2),
		 profile = writable(m) ? PROFILE_DVDRAM : PROFILE_CDROM;
	uint8_t b[128] = {0}, rt = r->sqe[1] & 3;
	uint32_t n = 8;

	if (rt == 3)
		return sl_scsi_bad(r, 1, 1);
	for (size_t i = 0; i < SL_COUNT(features); i++) {
		if (features[i].code < first || (rt == 2 && features[i].code != first))
			continue;
		n += feature(b + n, features[i].code, features[i].flags, features[i].data,
			     features[i].len);
		if (!features[i].code) /* which of the profiles is current */
			b[8 + 4 + (profile == PROFILE_DVDRAM ? 2 : 6)] = 1;
	}
	be_put32(b, n - 4);
	be_put16(b + 6, m->scsi->present ? profile : 0);
	return sl_scsi_give(r, b, n, alloc16(r));
}

/* Polled only. An event that was read is gone. */
uint32_t sl_scsi_get_event(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi *s = m->scsi;
	uint8_t b[8] = {0, 6, 0x04, 0x10};

	if (!(r->sqe[1] & 1))
		return sl_scsi_bad(r, 1, 0);
	if (!(r->sqe[4] & 0x10)) { /* no event class of those asked for */
		b[1] = 2;
		b[2] = 0x80;
		return sl_scsi_give(r, b, 4, alloc16(r));
	}
	b[4] = s->media_event;
	b[5] = s->present ? 0x02 : 0x00;
	if (alloc16(r) >= 8)
		s->media_event = 0;
	return sl_scsi_give(r, b, 8, alloc16(r));
}

uint32_t sl_scsi_read_disc_info(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[34] = {0, 32, 0x0e, 1, 1, 1, 1, 0x20};

	if (r->sqe[1] & 7)
		return sl_scsi_bad(r, 1, 2);
	if (writable(m))
		b[2] |= 0x10; /* erasable */
	return sl_scsi_give(r, b, sizeof(b), alloc16(r));
}

uint32_t sl_scsi_read_track_info(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[36] = {0, 34, 1, 1, 0, 4, 1, 0};

	if ((r->sqe[1] & 3) == 3)
		return sl_scsi_bad(r, 1, 1);
	if ((r->sqe[1] & 3) == 1 && sl_get_be32(r->sqe + 2) > 1)
		return sl_scsi_bad(r, 2, 7);
	be_put32(b + 24, blocks(m));
	return sl_scsi_give(r, b, sizeof(b), alloc16(r));
}

uint32_t sl_scsi_read_buffer_capacity(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[12] = {0, 10};

	(void)m;
	be_put32(b + 4, SCSI_BUFFER_MAX);
	be_put32(b + 8, SCSI_BUFFER_MAX);
	return sl_scsi_give(r, b, sizeof(b), alloc16(r));
}

/* Everything on the medium is gone. */
uint32_t sl_scsi_blank(struct sl_model *m, struct sl_model_req *r)
{
	if ((r->sqe[1] & 7) > 1)
		return sl_scsi_bad(r, 1, 2);
	if (!writable(m))
		return INCOMPATIBLE;
	sl_store_deallocate(m->ns->store, 0, sl_ns_size(m->ns));
	sl_ns_usage(m->ns);
	return SCSI_GOOD;
}

/* Key format 08h: the region playback control state; 00h: an authentication grant. */
uint32_t sl_scsi_report_key(struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_scsi *s = m->scsi;
	uint8_t b[8] = {0, 6}, format = r->sqe[10] & 0x3f;
	uint32_t alloc = sl_get_be16(r->sqe + 8);

	if (r->sqe[7])
		return sl_scsi_bad(r, 7, 7);
	if (format == 0x08) {
		b[4] = (uint8_t)((s->region ? 0x40 : 0) | 4 << 3 | (s->region_changes & 7));
		b[5] = s->region ? s->region : 0xff;
		b[6] = 1;
		return sl_scsi_give(r, b, 8, alloc);
	}
	if (format == 0x00 || format == 0x3f)
		return sl_scsi_give(r, b, 8, alloc);
	return NO_KEY;
}

/* Key format 06h sets the region: for good, after a few times. */
uint32_t sl_scsi_send_key(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi *s = m->scsi;
	uint32_t len = sl_get_be16(r->sqe + 8), word;

	if (r->sqe[7] || (r->sqe[10] & 0x3f) != 0x06)
		return sl_scsi_bad(r, 10, 5);
	word = len < 8 ? (uint32_t)S_LIST_LENGTH : sl_scsi_need(r, len);
	if (word)
		return word;
	if (!s->region_changes)
		return NO_CHANGES;
	s->region = r->data[4];
	s->region_changes--;
	return SCSI_GOOD;
}

/* Type 0, nominal read performance: one speed from the first to the last block. */
uint32_t sl_scsi_get_performance(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[24] = {0, 0, 0, 20};

	if (r->sqe[10])
		return sl_scsi_bad(r, 10, 7);
	be_put32(b + 12, m->scsi->read_speed);
	be_put32(b + 16, blocks(m) - 1);
	be_put32(b + 20, m->scsi->read_speed);
	return sl_scsi_give(r, b, sl_get_be16(r->sqe + 8) ? 24 : 8, UINT32_MAX);
}

uint32_t sl_scsi_set_speed(struct sl_model *m, struct sl_model_req *r)
{
	uint16_t speed = sl_get_be16(r->sqe + 2);

	m->scsi->read_speed = speed && speed < SL_CD_SPEED ? speed : SL_CD_SPEED;
	return SCSI_GOOD;
}

uint32_t sl_scsi_mechanism_status(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t b[8] = {0, 0};

	(void)m;
	return sl_scsi_give(r, b, sizeof(b), sl_get_be16(r->sqe + 8));
}

/* User data of data sectors, and nothing else of them. */
uint32_t sl_scsi_read_cd(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t lba = sl_get_be32(r->sqe + 2), n = be_get24(r->sqe + 6), block, fit;

	if ((r->sqe[1] >> 2 & 7) == 1) /* CD-DA */
		return WRONG_TRACK;
	if (r->sqe[9] & 0xee || (n && !(r->sqe[9] & 0x10)))
		return sl_scsi_bad(r, 9, 7);
	if (lba > blocks(m) || n > blocks(m) - lba)
		return S_LBA;
	block = sl_ns_block(r->ns);
	fit = r->dir == SL_DIR_IN ? r->data_len / block : 0;
	if (n < fit)
		fit = n;
	if (fit)
		sl_store_read(r->ns->store, lba, fit, r->data, NULL);
	r->ret_len = fit * block;
	sl_scsi_count(m, fit, false);
	return SCSI_GOOD;
}
