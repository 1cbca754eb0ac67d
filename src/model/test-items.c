/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of state by name, of the state hash, and of what the engine offers to behaviour rules. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/test-device.h"

#define IN   SL_DIR_IN
#define OUT  SL_DIR_OUT
#define NONE SL_DIR_NONE

static void names(void)
{
	struct test_device *d = test_device_new("");
	struct sl_model_item item;
	uint64_t v;

	assert(sl_model_get(d->m, "smart.temperature", &v) == 0 && v == 310);
	assert(sl_model_get(d->m, "smart[1:2]", &v) == 0 && v == 310);
	assert(sl_model_set(d->m, "smart[1]", 0) == 0);
	assert(sl_model_get(d->m, "smart.temperature", &v) == 0 && v == 256);
	assert(sl_model_set(d->m, "feature.c1.current", 77) == 0);
	assert(ADMIN(d, 0x0a, 0, NONE, 0, 0xc1) == 0 && d->r.result == 77);
	assert(sl_model_set(d->m, "feature.84.ns.1.current", 1) == 0);
	assert(sl_model_set(d->m, "ns.1.protect", 1) == 0);
	assert(IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0x20);
	assert(sl_model_set_bytes(d->m, "log.ca", "xy", 2) == 0);
	assert(memcmp(test_log(d, 202, true, 8, 0), "xy\0\0\0\0\0\0", 8) == 0);
	assert(sl_model_set(d->m, "vendor.seen", 3) == 0);
	assert(sl_model_get(d->m, "vendor.seen", &v) == 0 && v == 3);
	assert(sl_model_set_bytes(d->m, "fw.slot.3", "NEW     ", 8) == 0);
	assert(sl_model_fw_activate(d->m, 3) == 0 && sl_model_fw_activate(d->m, 2) == -ENOENT);
	assert(memcmp(test_identify(d, 0, 1) + 64, "NEW     ", 8) == 0);
	assert(sl_model_find(d->m, "ns.1.id", &item) == 0 && item.len == 4096 &&
	       item.kind == SL_MODEL_BYTES);
	assert(sl_model_get(d->m, "ns.1.id", &v) == -EINVAL);
	assert(sl_model_set_bytes(d->m, "id-ctrl.sn", "123456789012345678901", 21) == -ERANGE);
	test_device_free(d);
}

static void wrong_names(void)
{
	static const char *const unknown[] = {
		"",
		"smart.",
		"smart.x",
		"ns",
		"ns.x.size",
		"feature.6.current",
		"feature.06",
		"log.zz",
		"smart[",
		"smart[1",
		"smart[1:]",
		"smart[x]",
		"smart[1:0]",
		"vendor.",
		"smart.temperature.x",
		"ns.99999999999999999999.size",
	};
	static const char *const absent[] = {
		"ns.9.size",	"feature.55.current",	"log.cb",      "vendor.other",
		"fw.slot.8",	"ns.1.zone.0",		"ns.2.zone.8", "smart[512]",
		"smart[511:2]", "smart.temperature[0]", "effects.1",   "ns.4294967297.size",
	};
	struct test_device *d = test_device_new("");
	uint64_t v;

	for (size_t i = 0; i < SL_COUNT(unknown); i++) {
		assert(!sl_model_name_known(SL_WIRE_NVME, unknown[i]));
		assert(sl_model_get(d->m, unknown[i], &v) == -ENOENT);
	}
	for (size_t i = 0; i < SL_COUNT(absent); i++) {
		assert(sl_model_name_known(SL_WIRE_NVME, absent[i]));
		assert(sl_model_set(d->m, absent[i], 1) == -ENOENT);
	}
	test_device_free(d);
}

static void count(void *arg, const char *name, const char *text)
{
	assert(*name && *text);
	++*(unsigned *)arg;
}

/* What follows from a change follows. */
static void consequences(void)
{
	struct test_device *d = test_device_new("");
	uint32_t nsid;
	unsigned n = 0;

	sl_model_items(SL_WIRE_NVME, count, &n);
	assert(n > 50);
	assert(sl_model_set(d->m, "ns.1.size", 100) == 0);
	assert(IO(d, 2, 1, IN, 512, 100, 0, 0) == 0x80);
	assert(sl_get_le32(test_log(d, 4, false, 4096, 0)) == 1);
	assert(sl_model_blocks_fill(d->m, 1, 0, 4, 0x77) == 0);
	assert(IO(d, 2, 1, IN, 512, 3, 0, 0) == 0 && d->data[9] == 0x77);
	assert(sl_model_blocks_fill(d->m, 1, 99, 2, 0x77) == -ERANGE);
	assert(sl_model_blocks_fill(d->m, 9, 0, 2, 0x77) == -ENOENT);
	assert(sl_model_block_size(d->m, 1) == 512 && sl_model_block_size(d->m, 9) == 0);
	assert(sl_model_set(d->m, "ns.1.flbas", 2) == 0); /* another block size: empty */
	assert(sl_model_block_size(d->m, 1) == 4096);
	assert(IO(d, 2, 1, IN, 4096, 0, 0, 0) == 0 && d->data[9] == 0);
	assert(sl_model_set(d->m, "ns.1.flbas", 14) == 0); /* a lie: nothing changes but the byte */
	assert(IO(d, 2, 1, IN, 4096, 0, 0, 0) == 0);
	assert(sl_model_set(d->m, "ns.2.size", 4096) == 0); /* a size that has no zones */
	assert(IO(d, 2, 2, IN, 512, 512, 0, 0) == 0x80 && IO(d, 1, 2, OUT, 512, 640, 0, 0) == 0x80);
	assert(IO(d, 0x79, 2, NONE, 0, 640, 0, 0, 4) == 0x80);
	assert(sl_model_set(d->m, "ns.2.attached", 3) == 0 &&
	       sl_model_set(d->m, "ns.2.flbas", 9) == 0);
	assert(sl_model_ns_create(d->m, 0, 64, 0, 0, &nsid) == 0 && nsid == 4);
	assert(sl_model_ns_create(d->m, 4, 64, 0, 0, &nsid) == -EEXIST);
	assert(sl_model_ns_create(d->m, 9, 64, 0, 0, &nsid) == -ENOSPC);
	assert(sl_model_ns_create(d->m, 5, 1 << 20, 0, 0, &nsid) == -ENOSPC);
	assert(sl_model_ns_attach(d->m, 4, true) == 0 && sl_model_ns_delete(d->m, 4) == 0);
	assert(sl_model_ns_delete(d->m, 4) == -ENOENT);
	assert(sl_model_blocks_fill(d->m, 2, 0, 1ull << 40, 1) == -ERANGE);
	sl_model_error(d->m, 0x281, 1, 5, 3);
	assert(sl_get_le64(test_log(d, 1, true, 512, 0) + 16) == 5);
	test_device_free(d);
}

/* One change each to something else; the hash sees every one, and what it leaves out it leaves out.
 */
static void hashes(void)
{
	static const char *const seen[] = {
		"id-ctrl[100]",
		"effects.0[4]",
		"ns.1.size",
		"ns.1.attached",
		"ns.3.protect",
		"feature.06.current",
		"feature.06.saved",
		"feature.0e.saved_data[0]",
		"smart.media_errors",
		"smart.critical_warning",
		"smart.percentage_used",
		"log.ca[0]",
		"vendor.seen",
		"fw.afi",
		"fw.slot.2[0]",
		"sanitize.status",
		"self-test[4]",
		"security.payload[3]",
		"errors.count",
		"ns.2.zone.3[1]",
		"ns.1.reservation.type",
		"telemetry.host.generation",
		"lockdown.admin[9]",
		"threshold.over",
		"ns.1.uuid[0]",
	};
	static const char *const unseen[] = {
		"smart.temperature",	 "smart.power_on_hours", "smart.host_reads",
		"smart.data_units_read", "smart.busy_time",
	};
	struct test_device *d = test_device_new("");
	uint8_t hash[32];
	uint64_t v;

	sl_model_hash(d->m, hash);
	for (size_t i = 0; i < SL_COUNT(seen); i++) {
		assert(sl_model_get(d->m, seen[i], &v) == 0);
		assert(sl_model_set(d->m, seen[i], v ^ 1) == 0);
		assert(!test_unchanged(d, hash));
	}
	for (size_t i = 0; i < SL_COUNT(unseen); i++) {
		assert(sl_model_set(d->m, unseen[i], 305) == 0);
		assert(test_unchanged(d, hash));
	}
	assert(sl_model_blocks_fill(d->m, 3, 7, 1, 0) == 0);
	assert(!test_unchanged(d, hash)); /* zeroes that were written are not "never written" */
	assert(sl_model_blocks_deallocate(d->m, 3, 7, 1) == 0);
	assert(!test_unchanged(d, hash));
	test_device_free(d);
}

/* The same seed is the same device; another is not. */
static void repeats(void)
{
	struct test_device *a = test_device_new(""), *b = test_device_new("");
	uint8_t x[32], y[32];
	uint32_t nsid;

	sl_model_hash(a->m, x);
	sl_model_hash(b->m, y);
	assert(memcmp(x, y, 32) == 0);
	assert(sl_model_ns_create(a->m, 0, 8, 0, 0, &nsid) == 0);
	assert(sl_model_ns_create(b->m, 0, 8, 0, 0, &nsid) == 0);
	sl_model_hash(a->m, x);
	sl_model_hash(b->m, y);
	assert(memcmp(x, y, 32) == 0);
	assert(sl_model_random(a->m) == sl_model_random(b->m));
	test_device_free(a);
	test_device_free(b);
}

/* Commands in flight: what a reset does to them, and what their owner leaves behind. */
static void in_flight(void)
{
	struct test_device *d = test_device_new("");
	struct sl_model_req *a = test_async(d, SL_WIRE_NVME_ADMIN, 0x80, 0);
	struct sl_model_req *b = test_async(d, SL_WIRE_NVME_ADMIN, 0x0c, 0);

	sl_put_le32(a->sqe + 4, 1);
	assert(sl_model_set(d->m, "feature.0b.current", 0) == 0); /* no events */
	assert(sl_model_next_due(d->m) == -1);
	sl_model_submit(d->m, a);
	sl_model_submit(d->m, b);
	assert(sl_model_next_due(d->m) == 50);
	sl_model_reset(d->m);
	assert(d->done == 2 && a->fail && b->fail && b->error == EIO);
	sl_model_submit(d->m, a);
	sl_model_cancel(d->m, d);
	sl_model_advance(d->m, 1000);
	assert(d->done == 2);
	free(a);
	free(b);
	test_device_free(d);
}

int main(void)
{
	names();
	wrong_names();
	consequences();
	hashes();
	repeats();
	in_flight();
	return 0;
}
