/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SATA disk behind a translation layer: ATA PASS-THROUGH (12) and (16), SAT-5 §12.2, and the ATA
 * commands inside them that touch blocks, identity, power and microcode (ACS-4). SMART and the
 * general purpose logs are in ata-log.c.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/ata.h"
#include "model/scsi/handlers.h"

enum {
	STATUS_GOOD = 0x50,
	STATUS_ERROR = 0x51,
	ERROR_ABORT = 0x04,
	ERROR_ID = 0x10,
	ERROR_UNCORRECTABLE = 0x40,
};

#define INFORMATION SENSE(0x1, 0x00, 0x1d) /* ATA pass through information available */
#define ABORTED	    SENSE(0xb, 0x00, 0x00)

/* ---- data ---- */

bool sl_ata_give(struct sl_ata *a, const void *p, uint32_t n)
{
	struct sl_model_req *r = a->r;

	if (a->dir != SL_DIR_IN)
		return sl_ata_abort(a);
	(void)sl_scsi_give(r, p, n, a->bytes);
	return true;
}

bool sl_ata_need(struct sl_ata *a, uint32_t n)
{
	if (a->dir != SL_DIR_OUT || a->bytes < n || sl_scsi_need(a->r, n) != SCSI_GOOD)
		return sl_ata_abort(a);
	return true;
}

bool sl_ata_abort(struct sl_ata *a)
{
	a->status = STATUS_ERROR;
	a->error = ERROR_ABORT;
	return false;
}

/* ---- identity ---- */

void sl_ata_identify(const struct sl_model *m, uint8_t ret[512])
{
	const struct sl_scsi *s = m->scsi;
	uint16_t enabled;
	uint8_t sum = 0;

	memcpy(ret, s->identify, 512);
	enabled = sl_get_le16(ret + 2 * 85) & (uint16_t)~0x21;
	if (s->smart_enabled)
		enabled |= 0x01;
	if (sl_scsi_mode_byte(m, 0x08, 2) & 0x04)
		enabled |= 0x20; /* write cache */
	sl_put_le16(ret + 2 * 85, enabled);
	ret[510] = 0xa5;
	for (unsigned i = 0; i < 511; i++)
		sum = (uint8_t)(sum + ret[i]);
	ret[511] = (uint8_t)-sum;
}

static bool identify(struct sl_model *m, struct sl_ata *a)
{
	uint8_t b[512];

	sl_ata_identify(m, b);
	return sl_ata_give(a, b, sizeof(b));
}

uint32_t sl_scsi_ata_vpd(const struct sl_model *m, uint8_t *ret)
{
	memset(ret, 0, 568);
	memcpy(ret + 4, "SLUICE  Translation     0001", 28);
	ret[32] = 0x34; /* signature: device to host FIS of a disk */
	ret[34] = STATUS_GOOD;
	ret[36] = 0x01;
	ret[44] = 0x01;
	ret[52] = 0xec; /* from IDENTIFY DEVICE */
	sl_ata_identify(m, ret + 56);
	return 568;
}

/* ---- blocks ---- */

/* Sector count: 0 stands for the largest that the field cannot hold. */
static uint64_t sectors(const struct sl_ata *a, uint32_t field)
{
	uint32_t n = a->extend ? field & 0xffff : field & 0xff;

	return n ? n : a->extend ? 65536 : 256;
}

static bool in_range(struct sl_model *m, struct sl_ata *a, uint64_t n)
{
	uint64_t size = m->ns ? sl_ns_size(m->ns) : 0;

	if (a->lba < size && n <= size - a->lba)
		return true;
	a->status = STATUS_ERROR;
	a->error = ERROR_ID;
	return false;
}

static bool medium_ok(struct sl_model *m, struct sl_ata *a, uint64_t n)
{
	if (!in_range(m, a, n))
		return false;
	if (sl_store_flags(m->ns->store, a->lba, n) & SL_BLOCK_BAD) {
		a->status = STATUS_ERROR;
		a->error = ERROR_UNCORRECTABLE;
		return false;
	}
	return true;
}

static bool do_read(struct sl_model *m, struct sl_ata *a, uint64_t n)
{
	uint32_t block;
	uint64_t fit;

	if (!medium_ok(m, a, n))
		return false;
	block = sl_ns_block(m->ns);
	fit = a->r->data_len / block;
	if (a->dir != SL_DIR_IN || a->bytes < n * block || fit < n)
		return sl_ata_abort(a);
	sl_store_read(m->ns->store, a->lba, n, a->r->data, NULL);
	a->r->ret_len = (uint32_t)n * block;
	sl_scsi_count(m, n, false);
	sl_ata_counted(m, n, false);
	return true;
}

static bool do_write(struct sl_model *m, struct sl_ata *a, uint64_t n)
{
	if (!in_range(m, a, n))
		return false;
	if (sl_scsi_protected(m) || n > SL_WIRE_DATA_MAX / sl_ns_block(m->ns) ||
	    !sl_ata_need(a, (uint32_t)n * sl_ns_block(m->ns)))
		return sl_ata_abort(a);
	if (sl_store_write(m->ns->store, a->lba, n, a->r->data, NULL) < 0)
		return sl_ata_abort(a);
	sl_ns_usage(m->ns);
	sl_scsi_count(m, n, true);
	sl_ata_counted(m, n, true);
	return true;
}

static bool read_sectors(struct sl_model *m, struct sl_ata *a)
{
	return do_read(m, a, sectors(a, a->count));
}

static bool write_sectors(struct sl_model *m, struct sl_ata *a)
{
	return do_write(m, a, sectors(a, a->count));
}

/* NCQ: the count is where others have features. */
static bool read_queued(struct sl_model *m, struct sl_ata *a)
{
	return do_read(m, a, sectors(a, a->feature));
}

static bool write_queued(struct sl_model *m, struct sl_ata *a)
{
	return do_write(m, a, sectors(a, a->feature));
}

static bool read_verify(struct sl_model *m, struct sl_ata *a)
{
	return medium_ok(m, a, sectors(a, a->count));
}

static bool write_uncorrectable(struct sl_model *m, struct sl_ata *a)
{
	uint8_t how = (uint8_t)(a->feature & 0xff);

	if (how != 0x55 && how != 0xaa)
		return sl_ata_abort(a);
	if (!in_range(m, a, sectors(a, a->count)))
		return false;
	return sl_store_mark_bad(m->ns->store, a->lba, sectors(a, a->count)) == 0 ||
	       sl_ata_abort(a);
}

/* DATA SET MANAGEMENT, TRIM: entries of 6 bytes of LBA and 2 of length (ACS-4 §7.6). */
static bool trim(struct sl_model *m, struct sl_ata *a)
{
	uint32_t bytes = (uint32_t)sectors(a, a->count) * 512;

	if (!(a->feature & 1) || bytes > SL_WIRE_DATA_MAX || !sl_ata_need(a, bytes))
		return sl_ata_abort(a);
	for (uint32_t at = 0; at < bytes; at += 8) {
		uint64_t e = sl_get_le64(a->r->data + at), lba = e & 0xffffffffffff, n = e >> 48;

		a->lba = lba;
		if (n && !in_range(m, a, n))
			return false;
		if (n)
			sl_store_deallocate(m->ns->store, lba, n);
	}
	sl_ns_usage(m->ns);
	return true;
}

/* SANITIZE DEVICE, ACS-4 §7.36: cryptographic scramble and block erase, with their signatures. */
static bool sanitize(struct sl_model *m, struct sl_ata *a)
{
	uint32_t key = (uint32_t)a->lba;

	if (a->feature == 0x0000) { /* status */
		a->count = m->scsi->sanitize_failed ? 0 : 0x8000;
		a->lba = 0xffff;
		return true;
	}
	if (!m->ns || m->scsi->ata_frozen ||
	    !((a->feature == 0x0011 && key == 0x43727970) ||
	      (a->feature == 0x0012 && key == 0x426b4572)))
		return sl_ata_abort(a);
	sl_store_deallocate(m->ns->store, 0, sl_ns_size(m->ns));
	sl_ns_usage(m->ns);
	return true;
}

/* ---- power and settings ---- */

static bool check_power(struct sl_model *m, struct sl_ata *a)
{
	a->count = m->scsi->ata_power;
	return true;
}

static bool standby(struct sl_model *m, struct sl_ata *a)
{
	(void)a;
	m->scsi->ata_power = 0x00;
	return true;
}

static bool idle(struct sl_model *m, struct sl_ata *a)
{
	(void)a;
	m->scsi->ata_power = 0x80;
	return true;
}

static bool flush(struct sl_model *m, struct sl_ata *a)
{
	(void)m, (void)a;
	return true;
}

static bool set_features(struct sl_model *m, struct sl_ata *a)
{
	struct sl_scsi_mode *caching = sl_scsi_mode(m, 0x08, 0);
	uint8_t *id = m->scsi->identify;
	uint8_t value = (uint8_t)a->count;

	switch (a->feature & 0xff) {
	case 0x02:
	case 0x82: /* write cache */
		if (!caching)
			return sl_ata_abort(a);
		caching->value[0][2] =
			(uint8_t)((caching->value[0][2] & ~0x04) | ((a->feature & 0x80) ? 0 : 4));
		return true;
	case 0x03: /* transfer mode: any that exists */
		return value <= 0x46 || sl_ata_abort(a);
	case 0x05: /* advanced power management */
		sl_put_le16(id + 2 * 91, value);
		sl_put_le16(id + 2 * 86, sl_get_le16(id + 2 * 86) | 0x0008);
		return value != 0 || sl_ata_abort(a);
	case 0x85:
		sl_put_le16(id + 2 * 86, sl_get_le16(id + 2 * 86) & (uint16_t)~0x0008);
		return true;
	case 0xaa: /* read look-ahead */
		sl_put_le16(id + 2 * 85, sl_get_le16(id + 2 * 85) | 0x0040);
		return true;
	case 0x55:
		sl_put_le16(id + 2 * 85, sl_get_le16(id + 2 * 85) & (uint16_t)~0x0040);
		return true;
	default:
		return sl_ata_abort(a);
	}
}

static bool freeze(struct sl_model *m, struct sl_ata *a)
{
	(void)a;
	m->scsi->ata_frozen = 1;
	return true;
}

/* DOWNLOAD MICROCODE, ACS-4 §7.7: 07h whole and at once; 03h, 0Eh in parts; 0Fh activates. */
static bool download(struct sl_model *m, struct sl_ata *a)
{
	uint8_t how = (uint8_t)(a->feature & 0xff);
	uint32_t blocks = (a->count & 0xff) | (uint32_t)(a->lba & 0xff) << 8;
	uint32_t at = (uint32_t)(a->lba >> 8 & 0xffff) * 512;
	uint8_t text[8];

	if (how == 0x0f)
		return sl_scsi_activate_deferred(m) || sl_ata_abort(a);
	if (how != 0x03 && how != 0x07 && how != 0x0e)
		return sl_ata_abort(a);
	if (!blocks || blocks * 512 > SL_WIRE_DATA_MAX || !sl_ata_need(a, blocks * 512))
		return sl_ata_abort(a);
	if (!sl_scsi_image_part(m, a->r->data, how == 0x07 ? 0 : at, blocks * 512))
		return sl_ata_abort(a);
	m->scsi->ata_downloads++;
	if (how == 0x07) {
		sl_scsi_activate(m);
		memcpy(text, "    ", 4);
		memcpy(text + 4, m->scsi->inquiry + 32, 4);
		for (unsigned i = 0; i < 8; i++)
			m->scsi->identify[2 * 23 + (i ^ 1)] = text[i];
	} else {
		m->scsi->deferred = 1;
	}
	return true;
}

/* ---- the table ---- */

typedef bool ata_handler(struct sl_model *m, struct sl_ata *a);

static const struct {
	uint8_t command;
	ata_handler *run;
} commands[] = {
	{0x06, trim},
	{0x20, read_sectors},
	{0x24, read_sectors},
	{0x25, read_sectors},
	{0x2f, sl_ata_read_log},
	{0x30, write_sectors},
	{0x34, write_sectors},
	{0x35, write_sectors},
	{0x3f, sl_ata_write_log},
	{0x40, read_verify},
	{0x42, read_verify},
	{0x45, write_uncorrectable},
	{0x47, sl_ata_read_log},
	{0x57, sl_ata_write_log},
	{0x60, read_queued},
	{0x61, write_queued},
	{0x92, download},
	{0x93, download},
	{0xb0, sl_ata_smart},
	{0xb4, sanitize},
	{0xc8, read_sectors},
	{0xca, write_sectors},
	{0xe0, standby},
	{0xe1, idle},
	{0xe2, standby},
	{0xe3, idle},
	{0xe5, check_power},
	{0xe6, standby},
	{0xe7, flush},
	{0xea, flush},
	{0xec, identify},
	{0xef, set_features},
	{0xf5, freeze},
};

/* Commands that need no spinning medium leave a device in standby where it is. */
static bool wakes(uint8_t command)
{
	static const uint8_t quiet[] = {0xb0, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6,
					0xec, 0xef, 0x2f, 0x47, 0xf5, 0xe7, 0xea};

	return !memchr(quiet, command, sizeof(quiet));
}

/* ---- the wrapping ---- */

/* SAT-5 table 209: where the length is, and in which unit. */
static void lengths(const struct sl_model *m, struct sl_ata *a, uint8_t flags)
{
	uint32_t n = 0, unit = 1;

	switch (flags & 3) {
	case 1:
		n = a->feature;
		break;
	case 2:
		n = a->count;
		break;
	case 3:
		n = a->r->data_len;
	}
	if (flags & 4 && (flags & 3) != 3)
		unit = flags & 0x10 && m->ns ? sl_ns_block(m->ns) : 512;
	a->bytes = n > UINT32_MAX / unit ? UINT32_MAX : n * unit;
	a->dir = !(flags & 3) ? SL_DIR_NONE : flags & 8 ? SL_DIR_IN : SL_DIR_OUT;
}

static void decode(const uint8_t *cdb, struct sl_ata *a)
{
	if (cdb[0] == 0xa1) {
		a->feature = cdb[3];
		a->count = cdb[4];
		a->lba = cdb[5] | (uint32_t)cdb[6] << 8 | (uint32_t)cdb[7] << 16;
		a->device = cdb[8];
		a->command = cdb[9];
	} else {
		a->extend = cdb[1] & 1;
		a->feature = (uint16_t)(cdb[3] << 8 | cdb[4]);
		a->count = (uint16_t)(cdb[5] << 8 | cdb[6]);
		a->lba = cdb[8] | (uint32_t)cdb[10] << 8 | (uint32_t)cdb[12] << 16;
		a->device = cdb[13];
		a->command = cdb[14];
		if (a->extend)
			a->lba |= (uint64_t)cdb[7] << 24 | (uint64_t)cdb[9] << 32 |
				  (uint64_t)cdb[11] << 40;
		else
			a->feature &= 0xff, a->count &= 0xff;
	}
	if (!a->extend && a->device & 0x40) /* LBA(27:24) are in the device register */
		a->lba |= (uint64_t)(a->device & 0xf) << 24;
}

/* ATA Status Return descriptor, SAT-5 table 212. */
static void registers(const struct sl_ata *a)
{
	uint8_t *d = a->r->ata;

	d[0] = 0x09;
	d[1] = 12;
	d[2] = a->extend;
	d[3] = a->error;
	d[4] = a->extend ? (uint8_t)(a->count >> 8) : 0;
	d[5] = (uint8_t)a->count;
	d[6] = a->extend ? (uint8_t)(a->lba >> 24) : 0;
	d[7] = (uint8_t)a->lba;
	d[8] = a->extend ? (uint8_t)(a->lba >> 32) : 0;
	d[9] = (uint8_t)(a->lba >> 8);
	d[10] = a->extend ? (uint8_t)(a->lba >> 40) : 0;
	d[11] = (uint8_t)(a->lba >> 16);
	d[12] = a->device;
	d[13] = a->status;
}

uint32_t sl_scsi_ata_pass_through(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_ata a = {.r = r, .status = STATUS_GOOD};
	uint8_t protocol = r->sqe[1] >> 1 & 0xf;
	ata_handler *run = NULL;

	if (!m->p->scsi->ata.present)
		return S_OPCODE;
	/* Resets, diagnostics and response information are not offered. */
	if (protocol < 3 || protocol == 8 || protocol == 9 || protocol > 12)
		return sl_scsi_bad(r, 1, 4);
	decode(r->sqe, &a);
	lengths(m, &a, r->sqe[2]);
	if ((protocol == 3) != (a.dir == SL_DIR_NONE))
		return sl_scsi_bad(r, 1, 4);
	for (size_t i = 0; i < SL_COUNT(commands); i++)
		if (commands[i].command == a.command)
			run = commands[i].run;
	if (!run || !run(m, &a))
		(void)(a.error || sl_ata_abort(&a));
	else if (wakes(a.command))
		m->scsi->ata_power = 0xff;
	if (a.status == STATUS_GOOD && !(r->sqe[2] & 0x20)) /* CK_COND */
		return SCSI_GOOD;
	registers(&a);
	if (a.status == STATUS_GOOD)
		return INFORMATION;
	return a.error == ERROR_ID		? (uint32_t)S_LBA
	       : a.error == ERROR_UNCORRECTABLE ? (uint32_t)S_READ_ERROR
						: ABORTED;
}

void sl_scsi_ata_load(struct sl_model *m)
{
	const struct sl_persona_ata *p = &m->p->scsi->ata;
	struct sl_scsi *s = m->scsi;

	memcpy(s->identify, p->identify, sizeof(s->identify));
	memcpy(s->smart, p->smart, sizeof(s->smart));
	memcpy(s->thresholds, p->thresholds, sizeof(s->thresholds));
	s->ata_power = 0xff;
	s->smart_enabled = 1;
	s->self_tests[0] = 1; /* revision of the log */
	sl_ata_sct_load(s);
}

void sl_scsi_ata_reset(struct sl_model *m, bool power)
{
	if (!power)
		return;
	m->scsi->ata_power = 0xff;
	m->scsi->ata_frozen = 0;
	sl_ata_sct_power_on(m->scsi);
	sl_ata_power_cycled(m);
}
