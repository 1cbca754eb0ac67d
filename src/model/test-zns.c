/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of zones: 8 of 64 blocks, 48 of them usable, 2 open and 3 active at a time. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "model/test-device.h"

#define IN   SL_DIR_IN
#define OUT  SL_DIR_OUT
#define NONE SL_DIR_NONE

enum { CLOSE = 1, FINISH, OPEN, RESET, OFFLINE, ALL = 0x100 };

static uint16_t zwrite(struct test_device *d, uint32_t lba, uint32_t n)
{
	return IO(d, 1, 2, OUT, n * 512, lba, 0, n - 1);
}

static uint16_t manage(struct test_device *d, uint32_t zone, uint32_t action)
{
	return IO(d, 0x79, 2, NONE, 0, zone * 64, 0, 0, action);
}

/* State of a zone, and its write pointer relative to its start. */
static uint8_t state(struct test_device *d, uint32_t zone, uint64_t *ret_wp)
{
	assert(IO(d, 0x7a, 2, IN, 4096, zone * 64, 0, 1023, 0) == 0);
	if (ret_wp)
		*ret_wp = sl_get_le64(d->data + 64 + 24) - zone * 64;
	return d->data[64 + 1] >> 4;
}

static void writing(void)
{
	struct test_device *d = test_device_new("");
	uint64_t wp;

	assert(state(d, 0, &wp) == 1 && wp == 0);
	assert(sl_get_le64(d->data) == 8 && sl_get_le64(d->data + 64 + 8) == 48);
	assert(zwrite(d, 1, 1) == 0x1bc);
	assert(zwrite(d, 0, 4) == 0 && state(d, 0, &wp) == 2 && wp == 4);
	assert(zwrite(d, 0, 4) == 0x1bc && zwrite(d, 4, 45) == 0x1b8);
	assert(IO(d, 0x7d, 2, OUT, 1024, 0, 0, 1) == 0 && d->r.result == 4);
	assert(IO(d, 0x7d, 2, OUT, 1024, 6, 0, 1) == 0x02);
	assert(zwrite(d, 6, 42) == 0 && state(d, 0, NULL) == 0xe);
	assert(zwrite(d, 48, 1) == 0x1b9);
	assert(IO(d, 2, 2, IN, 1024, 63, 0, 1) == 0x1b8);
	assert(IO(d, 2, 2, IN, 1024, 62, 0, 1) == 0);
	/* the NVM namespace has no zones */
	assert(IO(d, 0x79, 1, NONE, 0, 0, 0, 0, RESET) == 0x01);
	assert(manage(d, 0, RESET) == 0 && state(d, 0, &wp) == 1 && wp == 0);
	assert(IO(d, 2, 2, IN, 512, 0, 0, 0) == 0 && d->data[0] == 0);
	test_device_free(d);
}

static void resources(void)
{
	struct test_device *d = test_device_new("");

	assert(manage(d, 0, OPEN) == 0 && manage(d, 1, OPEN) == 0);
	assert(manage(d, 2, OPEN) == 0x1be && zwrite(d, 128, 1) == 0x1be);
	assert(zwrite(d, 0, 1) == 0);
	assert(manage(d, 0, CLOSE) == 0 && state(d, 0, NULL) == 4);
	assert(manage(d, 1, CLOSE) == 0 && state(d, 1, NULL) == 1); /* never written */
	assert(zwrite(d, 64, 1) == 0 && zwrite(d, 128, 1) == 0);
	/* three are active: no fourth; but a closed one may open, an implicit one gives way */
	assert(zwrite(d, 192, 1) == 0x1bd);
	assert(zwrite(d, 1, 1) == 0);
	assert(state(d, 0, NULL) == 2);
	assert((state(d, 1, NULL) == 4) + (state(d, 2, NULL) == 4) == 1);
	test_device_free(d);
}

static void all_at_once(void)
{
	struct test_device *d = test_device_new("");
	uint8_t zone[64] = {0};

	assert(zwrite(d, 0, 1) == 0 && manage(d, 1, OPEN) == 0);
	assert(IO(d, 0x79, 2, NONE, 0, 0, 0, 0, FINISH | ALL) == 0);
	assert(state(d, 0, NULL) == 0xe && state(d, 1, NULL) == 0xe && state(d, 2, NULL) == 1);
	assert(IO(d, 0x7a, 2, IN, 4096, 0, 0, 1023, 5 << 8) == 0 && sl_get_le64(d->data) == 2);
	/* a report that does not fit says how many there are, or how many it shows */
	assert(IO(d, 0x7a, 2, IN, 128, 0, 0, 31, 0) == 0 && sl_get_le64(d->data) == 8);
	assert(IO(d, 0x7a, 2, IN, 128, 0, 0, 31, 1 << 16) == 0 && sl_get_le64(d->data) == 1);
	assert(IO(d, 0x79, 2, NONE, 0, 0, 0, 0, RESET | ALL) == 0 && state(d, 0, NULL) == 1);
	assert(manage(d, 0, OFFLINE) == 0x1bf && manage(d, 0, 9) == 0x02);
	/* a zone that wore out: what a rule would do */
	zone[0] = 2;
	zone[1] = 0xd0;
	sl_put_le64(zone + 8, 48);
	assert(sl_model_set_bytes(d->m, "ns.2.zone.0", zone, sizeof(zone)) == 0);
	assert(ADMIN(d, 2, 2, IN, 4096, 0xbf | 1 << 15 | 1023u << 16) == 0);
	assert(sl_get_le16(d->data) == 1 && sl_get_le64(d->data + 8) == 0);
	assert(ADMIN(d, 2, 2, IN, 4096, 0xbf | 1023u << 16) == 0 && sl_get_le16(d->data) == 1);
	assert(ADMIN(d, 2, 2, IN, 4096, 0xbf | 1023u << 16) == 0 && sl_get_le16(d->data) == 0);
	assert(ADMIN(d, 2, 1, IN, 4096, 0xbf | 1023u << 16) == 0x0b);
	assert(zwrite(d, 0, 1) == 0x1ba && manage(d, 0, RESET) == 0x1bf);
	assert(IO(d, 2, 2, IN, 512, 0, 0, 0) == 0 && manage(d, 0, OFFLINE) == 0);
	assert(IO(d, 2, 2, IN, 512, 0, 0, 0) == 0x1bb && zwrite(d, 0, 1) == 0x1bb);
	test_device_free(d);
}

/* Descriptor extensions, once the format has them. */
static void extensions(void)
{
	struct test_device *d = test_device_new("");

	assert(IO(d, 0x79, 2, OUT, 64, 0, 0, 0, 0x10) == 0x02);
	assert(sl_model_set(d->m, "ns.2.id-csi[2824]", 1) == 0);
	assert(ADMIN(d, 0x80, 2, NONE, 0, 0) == 0xffff);
	sl_model_advance(d->m, 100);
	test_clear(d);
	memset(d->data, 0x99, 64);
	assert(IO(d, 0x79, 2, OUT, 64, 64, 0, 0, 0x10) == 0 && state(d, 1, NULL) == 4);
	assert(d->data[64 + 2] == 0x80);
	assert(IO(d, 0x79, 2, OUT, 64, 64, 0, 0, 0x10) == 0x1bf);
	assert(IO(d, 0x79, 2, OUT, 64, 64, 0, 0, 0x110) == 0x02);
	assert(IO(d, 0x7a, 2, IN, 4096, 64, 0, 1023, 1) == 0);
	assert(d->data[128] == 0x99 && d->data[64 + 128] != 0x99);
	assert(manage(d, 1, OPEN) == 0 && manage(d, 1, CLOSE) == 0 && state(d, 1, NULL) == 4);
	assert(manage(d, 1, RESET) == 0 && manage(d, 1, CLOSE) == 0x1bf);
	assert(IO(d, 0x7a, 2, IN, 4096, 64, 0, 1023, 1) == 0 && d->data[128] == 0);
	test_device_free(d);
}

int main(void)
{
	extensions();
	writing();
	resources();
	all_at_once();
	return 0;
}
