/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a logical unit: what every one must answer, and what it lists itself. Pages and
 * logs of the vendor's own are not read, and taken off the lists.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/scsi.h"

struct reader {
	struct sl_capture *c;
	const struct sl_capture_source *source;
	int error; /* the first; then nothing is asked any more */
};

static void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static struct sl_answer *ask(struct reader *r, const uint8_t *cdb, unsigned cdb_len, uint32_t len)
{
	struct sl_answer *a = sl_capture_room(r->c, len, &r->error);

	if (!a)
		return NULL;
	a->cmd = (struct sl_command){
		.set = SL_SET_SCSI,
		.dir = len ? SL_DIR_IN : SL_DIR_NONE,
		.req_len = (uint16_t)cdb_len,
		.data_len = len,
	};
	memcpy(a->cmd.req, cdb, cdb_len);
	r->error = r->source->call(r->source->ctx, a);
	return r->error || !sl_answer_good(a) ? NULL : a;
}

const struct sl_answer *sl_scsi_find(const struct sl_capture *c, const uint8_t *cdb, unsigned n)
{
	const struct sl_answer *found = NULL;

	/* Where it was asked for twice, the second answer is the whole one. */
	for (unsigned i = 0; i < c->n; i++)
		if (sl_answer_good(c->answer[i]) && !memcmp(c->answer[i]->cmd.req, cdb, n))
			found = c->answer[i];
	return found;
}

static struct sl_answer *inquiry(struct reader *r, bool evpd, uint8_t page, uint16_t len)
{
	const uint8_t cdb[6] = {SCSI_INQUIRY, evpd, page, (uint8_t)(len >> 8), (uint8_t)len};

	return ask(r, cdb, sizeof(cdb), len);
}

static void read_vpd(struct reader *r)
{
	struct sl_answer *list = inquiry(r, true, 0, SCSI_SHORT), *a;
	unsigned n = 4;

	for (unsigned i = 4; list && i < list->len && i < 4u + list->data[3]; i++) {
		uint8_t page = list->data[i];

		if (page >= 0xc0)
			continue;
		list->data[n++] = page;
		a = page ? inquiry(r, true, page, SCSI_SHORT) : NULL;
		if (a && a->len >= 4 && sl_get_be16(a->data + 2) + 4u > SCSI_SHORT)
			(void)inquiry(r, true, page, SCSI_LONG);
	}
	if (list && list->len >= 4) {
		memset(list->data + n, 0, list->len - n);
		list->data[3] = (uint8_t)(n - 4);
		list->len = n;
	}
}

static void read_capacity(struct reader *r, uint8_t type)
{
	static const uint8_t ten[10] = {SCSI_READ_CAPACITY}, sixteen[16] = {0x9e, 0x10, [13] = 32};

	if (type == SCSI_DISK || type == SCSI_ZONED || type == SCSI_OPTICAL)
		(void)ask(r, ten, sizeof(ten), 8);
	if (type == SCSI_DISK || type == SCSI_ZONED)
		(void)ask(r, sixteen, sizeof(sixteen), 32);
}

static void read_modes(struct reader *r)
{
	for (uint8_t pc = 0; pc < 4; pc++) {
		uint8_t cdb[10] = {SCSI_MODE_SENSE, 8, (uint8_t)(pc << 6 | 0x3f),
				   0xff, [7] = SCSI_LONG >> 8};

		if (ask(r, cdb, sizeof(cdb), SCSI_LONG))
			continue;
		cdb[3] = 0; /* of before there were subpages */
		(void)ask(r, cdb, sizeof(cdb), SCSI_LONG);
	}
}

static struct sl_answer *log_sense(struct reader *r, uint8_t page)
{
	const uint8_t cdb[10] = {SCSI_LOG_SENSE, 0, 0x40 | page, [7] = SCSI_LONG >> 8};

	return ask(r, cdb, sizeof(cdb), SCSI_LONG);
}

static void read_logs(struct reader *r)
{
	struct sl_answer *list = log_sense(r, 0);
	unsigned n = 4;

	for (unsigned i = 4; list && i < list->len && i < 4u + sl_get_be16(list->data + 2); i++) {
		if (list->data[i] >= 0x30)
			continue;
		list->data[n++] = list->data[i];
		if (list->data[i])
			(void)log_sense(r, list->data[i]);
	}
	if (list && list->len >= 4) {
		memset(list->data + n, 0, list->len - n);
		put_be16(list->data + 2, (uint16_t)(n - 4));
		list->len = n;
	}
}

/* The list, then each command of it with the bits of its CDB. */
static void read_commands(struct reader *r)
{
	const uint8_t all[12] = {SCSI_MAINTENANCE_IN, SCSI_RSOC, 0x80, [8] = SCSI_LIST >> 8};
	const struct sl_answer *list = ask(r, all, sizeof(all), SCSI_LIST);
	struct sl_scsi_listed l;

	for (uint32_t at = 4; list && sl_scsi_listed(list, &at, &l);) {
		uint8_t one[12] = {SCSI_MAINTENANCE_IN, SCSI_RSOC, l.has_sa ? 0x82 : 0x81,
				   l.opcode, [9] = SCSI_ONE};

		put_be16(one + 4, l.sa);
		if (!ask(r, one, sizeof(one), SCSI_ONE))
			return; /* nor of any other */
	}
}

bool sl_scsi_listed(const struct sl_answer *list, uint32_t *at, struct sl_scsi_listed *ret)
{
	const uint8_t *d = list->data + *at;

	if (*at + 8 > list->len || *at + 8 > 4 + sl_get_be32(list->data))
		return false;
	*ret = (struct sl_scsi_listed){
		.opcode = d[0],
		.has_sa = d[5] & 1,
		.sa = d[5] & 1 ? sl_get_be16(d + 2) : 0,
		.flags = d[5],
	};
	*at += d[5] & 2 ? 20 : 8;
	return *at <= list->len;
}

int sl_scsi_capture_read(struct sl_capture *c, const struct sl_capture_source *source)
{
	struct reader r = {.c = c, .source = source};
	const struct sl_answer *a;
	uint8_t type;

	c->n = 0;
	a = inquiry(&r, false, 0, SCSI_SHORT);
	if (r.error || !a || a->len < 36)
		return r.error ? r.error : -EPROTO;
	type = a->data[0] & 0x1f;
	read_logs(&r); /* the counters first: they move */
	read_vpd(&r);
	read_capacity(&r, type);
	read_modes(&r);
	if (type != SCSI_OPTICAL) /* SEND KEY there */
		read_commands(&r);
	return r.error;
}

/* ---- masks ---- */

static void mask_text(struct sl_answer *a, const uint8_t *text, size_t n)
{
	for (uint8_t *p = a->data; n >= 4 && (size_t)(a->data + a->len - p) >= n; p++)
		if (!memcmp(p, text, n))
			memset(p, 'X', n);
}

/* Designators, SPC-6 7.7.6: a name for the unit, its port or its target. */
static void mask_designators(struct sl_answer *a)
{
	enum { VENDOR_SPECIFIC, T10, EUI64, NAA, NAME = 8, UUID = 10 };

	for (uint32_t at = 4; at + 4 <= a->len && at + 4u + a->data[at + 3] <= a->len;
	     at += 4u + a->data[at + 3]) {
		uint8_t *p = a->data + at + 4, n = a->data[at + 3], type = a->data[at + 1] & 0xf;
		bool text = (a->data[at] & 0xf) != 1;
		uint8_t keep = type == T10 ? 8 : type == NAME ? 4 : type == UUID ? 2 : 0;

		if (type == VENDOR_SPECIFIC || type == T10 || type == EUI64 || type == NAA ||
		    type == NAME || type == UUID)
			memset(p + (keep < n ? keep : n), text ? 'X' : 0,
			       n - (keep < n ? keep : n));
		if (type == NAA && n)
			p[0] = 0x30; /* locally assigned */
		if (type == NAME && n > 4)
			memset(p + 4, '0', n - 4u);
	}
}

/* Of IDENTIFY DEVICE data the serial number and the world wide name; the answer may be cut short.
 */
static void mask_ata(struct sl_answer *a)
{
	enum { ID = 60, SERIAL = ID + 20, WWN = ID + 216 };
	static const char masked[20] = "AMKSDE              "; /* MASKED, in words */

	for (uint32_t i = 0; i < sizeof(masked) && SERIAL + i < a->len; i++)
		a->data[SERIAL + i] = (uint8_t)masked[i];
	for (uint32_t i = 0; i < 8 && WWN + i < a->len; i++)
		a->data[WWN + i] = 0;
}

void sl_scsi_capture_mask(struct sl_capture *c)
{
	static const uint8_t page_80[3] = {SCSI_INQUIRY, 1, 0x80};
	const struct sl_answer *a = sl_scsi_find(c, page_80, sizeof(page_80));
	uint8_t serial[SCSI_SHORT];
	const uint8_t *s = serial;
	size_t n = 0;

	if (a && a->len > 4) {
		n = a->len - 4u < sizeof(serial) ? a->len - 4u : sizeof(serial);
		memcpy(serial, a->data + 4, n);
	}
	while (n && (s[n - 1] == ' ' || !s[n - 1]))
		n--;
	while (n && *s == ' ') {
		s++;
		n--;
	}
	for (unsigned i = 0; i < c->n; i++) {
		struct sl_answer *b = c->answer[i];

		if (!sl_answer_good(b))
			continue;
		mask_text(b, s, n);
		if (b->cmd.req[0] == SCSI_INQUIRY && b->cmd.req[1] && b->cmd.req[2] == 0x83)
			mask_designators(b);
		if (b->cmd.req[0] == SCSI_INQUIRY && b->cmd.req[1] && b->cmd.req[2] == 0x89)
			mask_ata(b);
		/* Management network addresses. */
		if (b->cmd.req[0] == SCSI_INQUIRY && b->cmd.req[1] && b->cmd.req[2] == 0x85 &&
		    b->len > 4)
			memset(b->data + 4, 0, b->len - 4);
	}
}
