/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMART and the logs of a SATA disk (ACS-4 §7.48, §9): what it knows of itself, its error and
 * self-test logs, device statistics, and the pages 80h … 9Fh that belong to the host. SCT is in
 * ata-sct.c.
 */
#include <stdlib.h>

#include "model/scsi/ata.h"

enum {
	LOG_DIRECTORY = 0x00,
	LOG_SUMMARY_ERROR = 0x01,
	LOG_ERROR_EXT = 0x03,
	LOG_STATISTICS = 0x04,
	LOG_SELF_TEST = 0x06,
	LOG_SELF_TEST_EXT = 0x07,
	LOG_IDENTIFY = 0x30,
	LOG_HOST = 0x80,
	LOG_HOST_END = 0xa0,
	LOG_SCT = 0xe0,
	LOG_SCT_DATA = 0xe1,
	SELF_TEST_STATUS = 363,
	ATTRIBUTE_HOURS = 9,
	ATTRIBUTE_CYCLES = 12,
	ATTRIBUTE_WRITTEN = 241,
	ATTRIBUTE_READ = 242,
};

static void checksum(uint8_t b[512])
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 511; i++)
		sum = (uint8_t)(sum + b[i]);
	b[511] = (uint8_t)-sum;
}

static uint8_t *attribute(uint8_t *table, uint8_t id)
{
	for (unsigned i = 0; id && i < 30; i++)
		if (table[2 + 12 * i] == id)
			return table + 2 + 12 * i;
	return NULL;
}

static uint64_t raw(struct sl_model *m, uint8_t id)
{
	const uint8_t *a = attribute(m->scsi->smart, id);

	return a ? sl_get_le64(a + 4) >> 8 & 0xffffffffffff : 0;
}

static void count(struct sl_model *m, uint8_t id, uint64_t n)
{
	uint8_t *a = attribute(m->scsi->smart, id);

	for (unsigned i = 5; a && i < 11 && n; i++) {
		n += a[i];
		a[i] = (uint8_t)n;
		n >>= 8;
	}
}

void sl_ata_counted(struct sl_model *m, uint64_t blocks, bool write)
{
	count(m, write ? ATTRIBUTE_WRITTEN : ATTRIBUTE_READ, blocks);
}

void sl_ata_power_cycled(struct sl_model *m)
{
	count(m, ATTRIBUTE_CYCLES, 1);
}

/* ---- logs ---- */

/* Pages of 512 bytes that a log has; 0: there is no such log. */
static uint32_t log_pages(uint8_t log, bool smart)
{
	if (log >= LOG_HOST && log < LOG_HOST_END)
		return 16;
	switch (log) {
	case LOG_DIRECTORY:
	case LOG_SCT:
	case LOG_SCT_DATA:
		return 1;
	case LOG_SUMMARY_ERROR:
	case LOG_SELF_TEST:
		return smart ? 1 : 0;
	case LOG_ERROR_EXT:
	case LOG_SELF_TEST_EXT:
		return smart ? 0 : 1;
	case LOG_STATISTICS:
		return 8;
	case LOG_IDENTIFY:
		return 9;
	default:
		return 0;
	}
}

static void directory(uint8_t *b, bool smart)
{
	sl_put_le16(b, 1);
	for (unsigned log = 1; log < 256; log++)
		sl_put_le16(b + 2 * log, (uint16_t)log_pages((uint8_t)log, smart));
}

/* Device statistics, ACS-4 §9.5: page 0 lists pages, page 1 is the general ones. */
static void statistics(struct sl_model *m, uint32_t page, uint8_t *b)
{
	const uint64_t valid = UINT64_C(0xc0) << 56; /* supported, valid */

	sl_put_le64(b, UINT64_C(1) | (uint64_t)page << 16);
	if (page == 0) {
		b[8] = 2;
		b[9] = 0;
		b[10] = 1;
	} else if (page == 1) {
		sl_put_le64(b + 8, valid | (raw(m, ATTRIBUTE_CYCLES) & 0xffffffff));
		sl_put_le64(b + 16, valid | (raw(m, ATTRIBUTE_HOURS) & 0xffffffff));
		sl_put_le64(b + 24, valid | (raw(m, ATTRIBUTE_WRITTEN) & 0xffffffffffff));
		sl_put_le64(b + 40, valid | (raw(m, ATTRIBUTE_READ) & 0xffffffffffff));
	} else {
		memset(b, 0, 8);
	}
}

static void identify_log(struct sl_model *m, uint32_t page, uint8_t *b)
{
	if (page == 0) {
		sl_put_le64(b, 1);
		b[8] = 2;
		b[10] = 1;
	} else if (page == 1) {
		sl_ata_identify(m, b);
	}
}

/* The same tests as in the SMART log, in descriptors of 26 bytes (ACS-4 §9.10). */
static void extended_self_tests(const struct sl_model *m, uint8_t *b)
{
	const uint8_t *log = m->scsi->self_tests;

	b[0] = 1;
	b[2] = log[508] < 20 ? log[508] : 19;
	for (unsigned i = 0; i < 19; i++)
		memcpy(b + 4 + 26 * i, log + 2 + 24 * i, 4);
}

/* The pages of a log one after the other; false: there are not so many. */
static bool log_page(struct sl_model *m, uint8_t log, uint32_t page, bool smart, uint8_t *b)
{
	if (page >= log_pages(log, smart))
		return false;
	memset(b, 0, 512);
	if (log >= LOG_HOST && log < LOG_HOST_END && page == 0)
		memcpy(b, m->scsi->ata_log[log - LOG_HOST], 512);
	else if (log == LOG_DIRECTORY)
		directory(b, smart);
	else if (log == LOG_STATISTICS)
		statistics(m, page, b);
	else if (log == LOG_IDENTIFY)
		identify_log(m, page, b);
	else if (log == LOG_SELF_TEST)
		memcpy(b, m->scsi->self_tests, 512);
	else if (log == LOG_SELF_TEST_EXT)
		extended_self_tests(m, b);
	else if (log == LOG_SCT)
		sl_ata_sct_status(m, b);
	else if (log < LOG_HOST)
		b[0] = 1; /* version of an empty log */
	if (log == LOG_SUMMARY_ERROR || log == LOG_ERROR_EXT || log == LOG_SELF_TEST ||
	    log == LOG_SELF_TEST_EXT)
		checksum(b);
	return true;
}

static bool give_log(struct sl_model *m, struct sl_ata *a, uint8_t log, uint32_t page, uint32_t n,
		     bool smart)
{
	uint8_t *b;
	bool ok = true;

	if (log == LOG_SCT_DATA)
		return sl_ata_sct_read(m, a);
	if (!n || n > 256)
		return sl_ata_abort(a);
	b = calloc(n, 512);
	if (!b)
		return sl_ata_abort(a);
	for (uint32_t i = 0; ok && i < n; i++)
		ok = log_page(m, log, page + i, smart, b + 512 * i);
	ok = ok ? sl_ata_give(a, b, n * 512) : sl_ata_abort(a);
	free(b);
	return ok;
}

/* READ LOG EXT: log address in LBA(7:0), page in LBA(15:8) and (39:32). */
bool sl_ata_read_log(struct sl_model *m, struct sl_ata *a)
{
	uint32_t page = (uint32_t)(a->lba >> 8 & 0xff) | (uint32_t)(a->lba >> 32 & 0xff) << 8;

	return give_log(m, a, (uint8_t)a->lba, page, a->count, false);
}

static bool take_log(struct sl_model *m, struct sl_ata *a, uint8_t log)
{
	if (log == LOG_SCT)
		return sl_ata_sct(m, a);
	if (log == LOG_SCT_DATA)
		return sl_ata_sct_write(m, a);
	if (log < LOG_HOST || log >= LOG_HOST_END || a->count != 1 || !sl_ata_need(a, 512))
		return sl_ata_abort(a);
	memcpy(m->scsi->ata_log[log - LOG_HOST], a->r->data, 512);
	return true;
}

bool sl_ata_write_log(struct sl_model *m, struct sl_ata *a)
{
	return (a->lba & ~UINT64_C(0xff)) ? sl_ata_abort(a) : take_log(m, a, (uint8_t)a->lba);
}

/* ---- SMART ---- */

static bool read_data(struct sl_model *m, struct sl_ata *a, const uint8_t *table)
{
	uint8_t b[512];

	(void)m;
	memcpy(b, table, sizeof(b));
	checksum(b);
	return sl_ata_give(a, b, sizeof(b));
}

/* A pre-failure attribute at or below its threshold: LBA says so. */
static void return_status(struct sl_model *m, struct sl_ata *a)
{
	bool failing = false;

	for (unsigned i = 0; i < 30; i++) {
		const uint8_t *e = m->scsi->smart + 2 + 12 * i;
		const uint8_t *t = e[0] ? attribute(m->scsi->thresholds, e[0]) : NULL;

		failing |= t && t[1] && e[1] & 1 && e[3] <= t[1];
	}
	a->lba = (a->lba & ~UINT64_C(0xffff00)) | (failing ? 0x2cf400 : 0xc24f00);
}

/* EXECUTE OFF-LINE IMMEDIATE: a test that passes, newest in the log (ACS-4 §A.14). */
static bool self_test(struct sl_model *m, struct sl_ata *a)
{
	uint8_t test = (uint8_t)a->lba, kind = test & 0x7f, *log = m->scsi->self_tests, next, *e;

	if (kind > 4 && kind != 0x7f)
		return sl_ata_abort(a);
	if (kind == 0 || kind == 0x7f)
		return true;
	next = (uint8_t)(log[508] % 19 + 1); /* as many as the extended log's page has */
	e = log + 2 + 24 * (next - 1);
	memset(e, 0, 24);
	e[0] = test;
	sl_put_le16(e + 2, (uint16_t)raw(m, ATTRIBUTE_HOURS));
	log[508] = next;
	m->scsi->smart[SELF_TEST_STATUS] = 0;
	return true;
}

bool sl_ata_smart(struct sl_model *m, struct sl_ata *a)
{
	struct sl_scsi *s = m->scsi;

	if ((a->lba >> 8 & 0xffff) != 0xc24f)
		return sl_ata_abort(a);
	if (!s->smart_enabled && (a->feature & 0xff) != 0xd8)
		return sl_ata_abort(a);
	switch (a->feature & 0xff) {
	case 0xd0:
		return read_data(m, a, s->smart);
	case 0xd1:
		return read_data(m, a, s->thresholds);
	case 0xd2: /* attribute autosave, */
	case 0xd3: /* save attribute values */
		return true;
	case 0xd4:
		return self_test(m, a);
	case 0xd5:
		return give_log(m, a, (uint8_t)a->lba, 0, a->count, true);
	case 0xd6:
		return take_log(m, a, (uint8_t)a->lba);
	case 0xd8:
	case 0xd9:
		s->smart_enabled = (a->feature & 1) == 0;
		return true;
	case 0xda:
		return_status(m, a);
		return true;
	default:
		return sl_ata_abort(a);
	}
}
