/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reservations: hosts that come and go by their identifiers. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "model/test-device.h"

#define IN   SL_DIR_IN
#define OUT  SL_DIR_OUT
#define NONE SL_DIR_NONE

static void put(struct test_device *d, uint32_t nsid, uint32_t lba, uint32_t n, uint8_t byte)
{
	test_clear(d);
	memset(d->data, byte, n * 512);
	assert(IO(d, 1, nsid, OUT, n * 512, lba, 0, n - 1) == 0);
}

static uint8_t at(struct test_device *d, uint32_t nsid, uint32_t lba)
{
	assert(IO(d, 2, nsid, IN, 512, lba, 0, 0) == 0);
	return d->data[0];
}

static void host(struct test_device *d, uint8_t id)
{
	sl_model_reset(d->m);
	test_clear(d);
	d->data[0] = id;
	assert(ADMIN(d, 9, 0, OUT, 16, 0x81, 1) == 0);
	test_clear(d);
}

static uint16_t acquire(struct test_device *d, uint64_t key, uint64_t pre, uint32_t action,
			uint32_t type)
{
	test_clear(d);
	sl_put_le64(d->data, key);
	sl_put_le64(d->data + 8, pre);
	return IO(d, 0x11, 1, OUT, 16, action | type << 8);
}

static uint16_t enrol(struct test_device *d, uint64_t key)
{
	test_clear(d);
	sl_put_le64(d->data + 8, key);
	return IO(d, 0x0d, 1, OUT, 16, 0);
}

static void reservations(void)
{
	struct test_device *d = test_device_new("");

	host(d, 1);
	assert(acquire(d, 0x11, 0, 0, 1) == 0x83); /* not registered */
	assert(enrol(d, 0x11) == 0 && enrol(d, 0x11) == 0 && enrol(d, 0x12) == 0x83);
	assert(acquire(d, 0x11, 0, 0, 1) == 0);
	put(d, 1, 0, 1, 1);
	host(d, 2);
	assert(at(d, 1, 0) == 1);			/* write exclusive: others read */
	assert(IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0x83); /* and do not write */
	assert(IO(d, 9, 1, OUT, 16, 0, 4) == 0x83);
	assert(IO(d, 0x0e, 1, IN, 512, 127, 1) == 0);
	assert(d->data[4] == 1 && sl_get_le16(d->data + 5) == 1 && d->data[64 + 2] == 1);
	assert(sl_get_le64(d->data + 64 + 8) == 0x11 && d->data[64 + 16] == 1);
	assert(enrol(d, 0x22) == 0);
	assert(acquire(d, 0x22, 0x11, 1, 2) == 0); /* preempt, exclusive access */
	host(d, 1);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0x83);
	assert(sl_get_le64(test_log(d, 0x80, true, 64, 0)) != 0);
	assert(d->data[8] == 3 && sl_get_le32(d->data + 12) == 1);
	sl_model_power_cycle(d->m); /* it does not persist */
	assert(at(d, 1, 0) == 1);
	host(d, 1);
	assert(enrol(d, 5) == 0 && acquire(d, 5, 0, 0, 1) == 0);
	test_clear(d);
	sl_put_le64(d->data, 5);
	assert(IO(d, 0x15, 1, OUT, 8, 0 | 3 << 8) == 0x02); /* not of that type */
	assert(IO(d, 0x15, 1, OUT, 8, 0 | 1 << 8) == 0);
	assert(IO(d, 0x0e, 1, IN, 512, 127, 1) == 0 && d->data[4] == 0);
	test_device_free(d);
}

static uint16_t change(struct test_device *d, uint64_t old, uint64_t key, uint32_t cdw10)
{
	test_clear(d);
	sl_put_le64(d->data, old);
	sl_put_le64(d->data + 8, key);
	return IO(d, 0x0d, 1, OUT, 16, cdw10);
}

static uint16_t release(struct test_device *d, uint64_t key, uint32_t action, uint32_t type)
{
	test_clear(d);
	sl_put_le64(d->data, key);
	return IO(d, 0x15, 1, OUT, 8, action | type << 8);
}

static uint8_t type_of(struct test_device *d, uint16_t *ret_registrants)
{
	assert(IO(d, 0x0e, 1, IN, 512, 127, 0) == 0);
	*ret_registrants = sl_get_le16(d->data + 5);
	return d->data[4];
}

/* Registration: keys replaced, ignored, taken away; with them the reservation that they held. */
static void registrations(void)
{
	struct test_device *d = test_device_new("");
	uint16_t n;

	host(d, 1);
	assert(change(d, 0, 7, 2) == 0x83 && change(d, 0, 0, 1) == 0x83); /* nothing to change */
	assert(change(d, 0, 7, 3) == 0x02 && change(d, 0, 7, 1u << 30) == 0x02);
	assert(enrol(d, 7) == 0);
	assert(change(d, 6, 8, 2) == 0x83 && change(d, 7, 8, 2) == 0);
	assert(change(d, 0, 9, 2 | 8) == 0); /* ignoring the existing key */
	assert(acquire(d, 9, 0, 0, 3) == 0 && acquire(d, 9, 0, 0, 3) == 0);
	assert(acquire(d, 9, 0, 0, 1) == 0x83 && acquire(d, 9, 0, 0, 7) == 0x02);
	assert(type_of(d, &n) == 3 && n == 1 && sl_get_le64(d->data + 24 + 16) == 9);
	assert(d->data[24 + 8] == 1 && d->data[24 + 2] == 1);
	assert(change(d, 9, 0, 1) == 0 && type_of(d, &n) == 0 && n == 0);
	test_device_free(d);
}

/* Each type against a host that is registered and one that is not. */
static void types(void)
{
	static const struct {
		uint8_t type;
		bool reg_read, reg_write, other_read, other_write;
	} rows[] = {
		{1, true, false, true, false}, {2, false, false, false, false},
		{3, true, true, true, false},  {4, true, true, false, false},
		{5, true, true, true, false},  {6, true, true, false, false},
	};

	for (size_t i = 0; i < SL_COUNT(rows); i++) {
		struct test_device *d = test_device_new("");
		uint16_t n;

		host(d, 1);
		assert(enrol(d, 1) == 0 && acquire(d, 1, 0, 0, rows[i].type) == 0);
		assert(IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0);
		host(d, 2);
		assert((IO(d, 2, 1, IN, 512, 0, 0, 0) == 0) == rows[i].other_read);
		assert((IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0) == rows[i].other_write);
		assert(enrol(d, 2) == 0);
		assert((IO(d, 2, 1, IN, 512, 0, 0, 0) == 0) == rows[i].reg_read);
		assert((IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0) == rows[i].reg_write);
		/* who does not hold it releases nothing; with "all registrants" everybody holds it
		 */
		assert(release(d, 2, 0, rows[i].type) == 0);
		assert((type_of(d, &n) == 0) == (rows[i].type >= 5) && n == 2);
		assert(release(d, 3, 1, 0) == 0x83 && release(d, 2, 1, 0) == 0);
		assert(type_of(d, &n) == 0 && n == 0);
		test_device_free(d);
	}
}

/* What survives the power: only what was told to persist. Notifications can be masked. */
static void lasting(void)
{
	struct test_device *d = test_device_new("");
	uint16_t n;

	host(d, 1);
	assert(enrol(d, 1) == 0);
	assert(ADMIN(d, 9, 1, NONE, 0, 0x83, 1) == 0); /* persist through power loss */
	assert(acquire(d, 1, 0, 0, 1) == 0);
	sl_model_power_cycle(d->m);
	assert(type_of(d, &n) == 1 && n == 1 && d->data[9] == 1);
	assert(ADMIN(d, 9, 1, NONE, 0, 0x82, 0xe) == 0);
	host(d, 2);
	assert(enrol(d, 2) == 0 && acquire(d, 2, 9, 1, 1) == 0x83); /* nobody has that key */
	assert(acquire(d, 2, 1, 2, 6) == 0);
	assert(sl_get_le64(test_log(d, 0x80, true, 64, 0)) == 0);
	assert(type_of(d, &n) == 6 && n == 1);
	assert(acquire(d, 2, 0, 1, 1) == 0 && type_of(d, &n) == 1); /* preempts all registrants */
	assert(acquire(d, 2, 0, 1, 1) == 0x02);
	test_device_free(d);
}

int main(void)
{
	reservations();
	registrations();
	types();
	lasting();
	return 0;
}
