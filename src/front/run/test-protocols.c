/* SPDX-License-Identifier: Apache-2.0 */
/* The test device's other halves: a small disk and a memory device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"
#include "front/run/test-device.h"

static uint8_t disk[TEST_DEVICE_BLOCKS * 512];
static uint32_t count[256];
static uint8_t blocks_shift = 9;
static uint8_t label[256];

void test_protocols_init(void)
{
	for (uint32_t i = 0; i < TEST_DEVICE_BLOCKS; i++)
		sl_put_le32(disk + i * 512, i);
}

static uint32_t be32(const uint8_t *p)
{
	return sl_get_be32(p);
}

static void put_be32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 4; i--; v >>= 8)
		p[i] = (uint8_t)v;
}

/* Fixed format, SPC-6 §4.4.3. */
static void sense(const struct sl_wire_command *w, struct test_answer *a, uint8_t key, uint8_t asc,
		  uint8_t ascq)
{
	const uint8_t s[18] = {0x70, 0, key, [7] = 10, [12] = asc, [13] = ascq};

	a->c.status = 2;
	a->c.meta_len = w->meta_len < sizeof(s) ? w->meta_len : sizeof(s);
	memcpy(a->meta, s, a->c.meta_len);
}

static void give(const struct sl_wire_command *w, struct test_answer *a, const void *p, uint32_t n)
{
	a->c.data_len = n < w->data_len ? n : w->data_len;
	memcpy(a->data, p, a->c.data_len);
}

static void inquiry(const struct sl_wire_command *w, struct test_answer *a)
{
	uint8_t page[96] = {[2] = 6, [4] = 91};
	static const uint8_t ids[] = {0,    0x83, 0,	12,   1,    3,	  0,	8,
				      0x50, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};

	if (!(w->req[1] & 1)) {
		memcpy(page + 8, "SLUICE  TEST DISK       0100", 28);
		give(w, a, page, sizeof(page));
	} else if (w->req[2] == 0x83) {
		give(w, a, ids, sizeof(ids));
	} else {
		sense(w, a, 5, 0x24, 0);
	}
}

static void transfer(const struct sl_wire_command *w, const uint8_t *data, struct test_answer *a)
{
	bool wide = w->req[0] & 0x80, write = (w->req[0] & 0xf) == 0xa;
	uint64_t at = wide ? sl_get_be64(w->req + 2) : be32(w->req + 2);
	uint32_t n = wide ? be32(w->req + 10) : sl_get_be16(w->req + 7);

	if (at >= TEST_DEVICE_BLOCKS || n > TEST_DEVICE_BLOCKS - at || w->data_len != n * 512)
		sense(w, a, 5, 0x21, 0);
	else if (write)
		memcpy(disk + at * 512, data, n * 512);
	else
		give(w, a, disk + at * 512, n * 512);
}

/* ATA PASS-THROUGH(16): IDENTIFY DEVICE, and registers that came back (SAT-5 §12.2.2.6). */
static void ata(const struct sl_wire_command *w, struct test_answer *a)
{
	static const uint8_t regs[22] = {
		0x72,	     1,	       0,	    0x1d,	 [7] = 14,    [8] = 9,	  [9] = 12,
		[13] = 0x7f, [15] = 1, [17] = 0x4f, [19] = 0xc2, [20] = 0xa0, [21] = 0x50};
	uint8_t page[512] = {0};

	if (w->req[14] == 0xec) {
		memcpy(page + 54, "lSiuecT se tTA A    ", 20);
		give(w, a, page, sizeof(page));
	} else if (w->req[14] == 0xb0) {
		page[0] = w->req[4];
		page[1] = w->req[8];
		give(w, a, page, w->req[2] & 8 ? sizeof(page) : 0);
	}
	if (w->req[2] & 0x20) {
		a->c.status = 2;
		a->c.meta_len = w->meta_len < sizeof(regs) ? w->meta_len : sizeof(regs);
		memcpy(a->meta, regs, a->c.meta_len);
	}
}

void test_scsi(const struct sl_wire_command *w, const uint8_t *data, struct test_answer *a)
{
	static bool attention = true; /* the device was just switched on */
	uint8_t capacity[32] = {0}, n[4];
	uint8_t op = w->req[0];

	count[op]++;
	put_be32(capacity + 4, ((TEST_DEVICE_BLOCKS * 512) >> blocks_shift) - 1);
	put_be32(capacity + 8, 1u << blocks_shift);
	if (attention && op != 0x12) {
		attention = false;
		sense(w, a, 6, 0x29, 0);
		return;
	}
	switch (op) {
	case 0x00:
	case 0x1e:
	case 0x35:
		break;
	case 0x04:
		blocks_shift = 12;
		break;
	case 0x12:
		inquiry(w, a);
		break;
	case 0x1b:
		a->c.outcome = SL_OUTCOME_DENIED;
		a->c.error = EACCES;
		a->text = "scsi.sbc.start-stop-unit (health.policy:12)";
		break;
	case 0x25:
		give(w, a, capacity + 4, 8);
		break;
	case 0x9e:
		give(w, a, capacity, sizeof(capacity));
		break;
	case 0x28:
	case 0x2a:
	case 0x88:
	case 0x8a:
		transfer(w, data, a);
		break;
	case 0x85:
		ata(w, a);
		break;
	case TEST_CDB_COUNT:
		sl_put_le32(n, count[w->req[2]]);
		give(w, a, n, sizeof(n));
		break;
	case TEST_CDB_HALF:
		memset(a->data, 0x5a, w->data_len);
		a->c.data_len = w->data_len / 2;
		break;
	case TEST_CDB_SHAPE:
		n[0] = (uint8_t)w->req_len;
		n[1] = (uint8_t)w->meta_len;
		n[2] = w->door;
		n[3] = w->writable;
		give(w, a, n, sizeof(n));
		break;
	default:
		sense(w, a, 5, 0x20, 0);
	}
}

/* CXL 3.1 §8.2.9: Identify, the Command Effects Log, the label area. */
void test_mailbox(const struct sl_wire_command *w, const uint8_t *data, struct test_answer *a)
{
	static const uint8_t cel_id[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
					   0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};
	static const uint16_t cel[][2] = {{0x4000, 0}, {0x0400, 0}, {0x0401, 0},
					  {0x4102, 0}, {0x4103, 6}, {0x4200, 0}};
	uint16_t opcode = (uint16_t)(w->req[0] << 8 | w->req[1]);
	uint32_t in = sl_get_le32(w->req + 4), room;
	uint8_t out[256] = {0};

	if (w->device > 3) { /* a message: what it was asked with, both parts */
		memcpy(out, w->req, 16);
		memcpy(out + 16, data, in < 64 ? in : 64);
		in = 16 + (in < 64 ? in : 64);
		room = sl_get_le32(w->req + SL_MBOX_OUT_LEN);
		give(w, a, out, in < room ? in : room);
		return;
	}
	switch (opcode) {
	case 0x4000:
		memcpy(out, "TEST 1.0", 8);
		out[16] = 4; /* of 256 MiB */
		out[24] = 4;
		sl_put_le16(out + 57, 0);
		out[57] = 1;
		give(w, a, out, 0x43);
		break;
	case 0x0400:
		out[0] = 1;
		memcpy(out + 8, cel_id, 16);
		out[24] = sizeof(cel);
		give(w, a, out, 28);
		break;
	case 0x0401:
		if (in != 24 || memcmp(data, cel_id, 16) != 0 ||
		    sl_get_le32(data + 20) > sizeof(cel)) {
			a->c.status = 2;
			break;
		}
		for (unsigned i = 0; i < SL_COUNT(cel); i++) {
			sl_put_le16(out + 4 * i, cel[i][0]);
			sl_put_le16(out + 4 * i + 2, cel[i][1]);
		}
		give(w, a, out, sizeof(cel));
		break;
	case 0x4102:
		if (in != 8 || be32(data) || sl_get_le32(data + 4) > sizeof(label))
			a->c.status = 2;
		else
			give(w, a, label, sl_get_le32(data + 4));
		break;
	case 0x4103:
		if (in < 8 || in > 8 + sizeof(label))
			a->c.status = 2;
		else
			memcpy(label, data + 8, in - 8);
		break;
	case 0x4400:
		a->c.outcome = SL_OUTCOME_DENIED;
		a->c.error = EACCES;
		a->text = "cxl.sanitize (health.policy:12)";
		break;
	case 0xc001: /* vendor: what it was asked with */
		memcpy(out, w->req, 16);
		out[16] = w->door;
		give(w, a, out, 17);
		break;
	default:
		a->c.status = 0x15; /* unsupported mailbox command */
	}
}
