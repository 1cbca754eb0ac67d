/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCT of a SATA disk (ACS-4 §8): a command is a page written to log E0h, which when read says what
 * became of it; its data go through log E1h. The data are one host's as much as another's: there is
 * one command at a time, and a disk does not know who asked.
 */
#include "model/scsi/ata.h"

enum {
	WRITE_SAME = 2,
	ERROR_RECOVERY = 3,
	FEATURE_CONTROL = 4,
	DATA_TABLES = 5,
	/* extended status codes */
	BAD_LBA = 0x0002,
	BAD_FUNCTION = 0x0001,
	BAD_TIMER_FUNCTION = 0x0004,
	BAD_SELECTION = 0x0005,
	NO_TRANSFER = 0x000b,
	BAD_FEATURE_FUNCTION = 0x000c,
	BAD_FEATURE = 0x000d,
	BAD_ACTION = 0x0010,
	BAD_TABLE = 0x0011,
	/* the table of temperatures */
	HISTORY_HEAD = 34,
	HISTORY_SIZE = 478,
	NO_TEMPERATURE = 0x80,
};

/* What is offered is bit (action) of IDENTIFY word 206, which a persona can clear. */
static bool offers(const struct sl_scsi *s, uint16_t action)
{
	uint16_t sct = sl_get_le16(s->identify + 2 * 206);

	return sct & 1 && action && action <= DATA_TABLES && sct >> action & 1;
}

static bool refuse(struct sl_model *m, struct sl_ata *a, uint16_t status)
{
	m->scsi->sct_status = status;
	return sl_ata_abort(a);
}

static uint8_t temperature(const struct sl_scsi *s)
{
	for (unsigned i = 0; i < 30; i++)
		if (s->smart[2 + 12 * i] == 190 || s->smart[2 + 12 * i] == 194)
			return s->smart[2 + 12 * i + 5];
	return NO_TEMPERATURE;
}

void sl_ata_sct_load(struct sl_scsi *s)
{
	memset(s->sct_timer, 0, sizeof(s->sct_timer));
	memset(s->sct_option, 0, sizeof(s->sct_option));
	s->sct_feature[0] = s->sct_feature[1] = s->sct_feature[2] = 1;
	s->sct_status = s->sct_action = s->sct_function = 0;
	s->sct_data = SCT_NO_DATA;
}

void sl_ata_sct_power_on(struct sl_scsi *s)
{
	s->sct_timer[0] = s->sct_timer[2];
	s->sct_timer[1] = s->sct_timer[3];
	for (unsigned i = 0; i < SL_COUNT(s->sct_feature); i++)
		if (!s->sct_option[i])
			s->sct_feature[i] = 1;
	s->sct_data = SCT_NO_DATA;
}

void sl_ata_sct_status(const struct sl_model *m, uint8_t b[512])
{
	const struct sl_scsi *s = m->scsi;
	uint8_t t = temperature(s);

	sl_put_le16(b, 3);     /* format */
	sl_put_le16(b + 4, 1); /* level */
	sl_put_le16(b + 14, s->sct_status);
	sl_put_le16(b + 16, s->sct_action);
	sl_put_le16(b + 18, s->sct_function);
	memset(b + 200, t, 5); /* now, lowest and highest of this power cycle, of its life */
	b[205] = 70;
}

/* ---- the actions ---- */

/* Blocks from the page's LBA on; 0: as many as there are. */
static bool range(struct sl_model *m, const uint8_t *page, uint64_t *ret_lba, uint64_t *ret_n)
{
	uint64_t size = m->ns ? sl_ns_size(m->ns) : 0;

	*ret_lba = sl_get_le64(page + 4);
	*ret_n = sl_get_le64(page + 12);
	if (*ret_lba >= size || *ret_n > size - *ret_lba)
		return false;
	if (!*ret_n)
		*ret_n = size - *ret_lba;
	return true;
}

static bool fill(struct sl_model *m, struct sl_ata *a, const uint8_t *block)
{
	uint64_t lba, n;

	if (!range(m, m->scsi->sct_page, &lba, &n))
		return refuse(m, a, BAD_LBA);
	for (; n; n--, lba++)
		if (sl_store_write(m->ns->store, lba, 1, block, NULL) < 0)
			return sl_ata_abort(a);
	sl_ns_usage(m->ns);
	return true;
}

/* Repeat a pattern (1, 101h) or a block that comes through log E1h (2, 102h). */
static bool write_same(struct sl_model *m, struct sl_ata *a, uint16_t function)
{
	uint8_t block[4096];
	uint64_t lba, n;

	if ((function & 0xfeff) != 1 && (function & 0xfeff) != 2)
		return refuse(m, a, BAD_FUNCTION);
	if (!range(m, m->scsi->sct_page, &lba, &n) || sl_ns_block(m->ns) > sizeof(block))
		return refuse(m, a, BAD_LBA);
	if (sl_scsi_protected(m))
		return sl_ata_abort(a);
	if ((function & 0xff) == 2) {
		m->scsi->sct_data = SCT_DATA_OUT;
		return true;
	}
	for (size_t i = 0; i < sizeof(block); i += 4)
		memcpy(block + i, m->scsi->sct_page + 20, 4);
	return fill(m, a, block);
}

static bool error_recovery(struct sl_model *m, struct sl_ata *a, uint16_t function)
{
	struct sl_scsi *s = m->scsi;
	uint16_t which = sl_get_le16(s->sct_page + 4), value = sl_get_le16(s->sct_page + 6);

	if (which != 1 && which != 2)
		return refuse(m, a, BAD_SELECTION);
	which--;
	switch (function) {
	case 1:
		s->sct_timer[which] = value;
		return true;
	case 2:
	case 4:
		value = s->sct_timer[which + (function == 4 ? 2 : 0)];
		a->count = value & 0xff;
		a->lba = (a->lba & ~UINT64_C(0xff)) | value >> 8;
		return true;
	case 3:
		s->sct_timer[which + 2] = value;
		return true;
	case 5:
		s->sct_timer[which] = s->sct_timer[which + 2] = 0;
		return true;
	default:
		return refuse(m, a, BAD_TIMER_FUNCTION);
	}
}

/* Write cache, its reordering, minutes between temperatures. */
static bool feature_control(struct sl_model *m, struct sl_ata *a, uint16_t function)
{
	struct sl_scsi *s = m->scsi;
	uint16_t which = sl_get_le16(s->sct_page + 4), value;

	if (!which || which > SL_COUNT(s->sct_feature))
		return refuse(m, a, BAD_FEATURE);
	which--;
	if (!function || function > 3)
		return refuse(m, a, BAD_FEATURE_FUNCTION);
	if (function == 1) {
		s->sct_feature[which] = sl_get_le16(s->sct_page + 6);
		s->sct_option[which] = s->sct_page[8] & 1;
		return true;
	}
	value = function == 2 ? s->sct_feature[which] : s->sct_option[which];
	a->count = value & 0xff;
	a->lba = (a->lba & ~UINT64_C(0xff)) | value >> 8;
	return true;
}

static bool data_tables(struct sl_model *m, struct sl_ata *a, uint16_t function)
{
	struct sl_scsi *s = m->scsi;
	uint16_t table = sl_get_le16(s->sct_page + 4);

	if (function != 1)
		return refuse(m, a, BAD_FUNCTION);
	if (table != 2)
		return refuse(m, a, BAD_TABLE);
	s->sct_data = SCT_DATA_IN;
	return true;
}

/* ---- the logs ---- */

bool sl_ata_sct(struct sl_model *m, struct sl_ata *a)
{
	struct sl_scsi *s = m->scsi;

	if (a->count != 1 || !(sl_get_le16(s->identify + 2 * 206) & 1) || !sl_ata_need(a, 512))
		return sl_ata_abort(a);
	memcpy(s->sct_page, a->r->data, sizeof(s->sct_page));
	s->sct_action = sl_get_le16(s->sct_page);
	s->sct_function = sl_get_le16(s->sct_page + 2);
	s->sct_status = 0;
	s->sct_data = SCT_NO_DATA;
	if (!offers(s, s->sct_action))
		return refuse(m, a, BAD_ACTION);
	switch (s->sct_action) {
	case WRITE_SAME:
		return write_same(m, a, s->sct_function);
	case ERROR_RECOVERY:
		return error_recovery(m, a, s->sct_function);
	case FEATURE_CONTROL:
		return feature_control(m, a, s->sct_function);
	case DATA_TABLES:
		return data_tables(m, a, s->sct_function);
	default:
		return refuse(m, a, BAD_ACTION);
	}
}

/* The temperatures: one entry, of now. */
bool sl_ata_sct_read(struct sl_model *m, struct sl_ata *a)
{
	struct sl_scsi *s = m->scsi;
	uint8_t b[512] = {0};

	if (s->sct_data != SCT_DATA_IN || a->count != 1)
		return refuse(m, a, NO_TRANSFER);
	s->sct_data = SCT_NO_DATA;
	sl_put_le16(b, 2);
	sl_put_le16(b + 2, 1);
	sl_put_le16(b + 4, s->sct_feature[2]);
	b[6] = 65;
	b[7] = 70;
	sl_put_le16(b + 30, HISTORY_SIZE);
	memset(b + HISTORY_HEAD, NO_TEMPERATURE, HISTORY_SIZE);
	b[HISTORY_HEAD] = temperature(s);
	return sl_ata_give(a, b, sizeof(b));
}

bool sl_ata_sct_write(struct sl_model *m, struct sl_ata *a)
{
	struct sl_scsi *s = m->scsi;

	if (s->sct_data != SCT_DATA_OUT || !sl_ata_need(a, sl_ns_block(m->ns)))
		return refuse(m, a, NO_TRANSFER);
	s->sct_data = SCT_NO_DATA;
	return fill(m, a, a->r->data);
}
