/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules at work on the real engine: every trigger and every action once, each with the state it
 * must leave, and what must not fire.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/test-device.h"

enum { IN = SL_DIR_IN, OUT = SL_DIR_OUT, NONE = SL_DIR_NONE };

/* A device with these rules (JSON with ' for "), two namespaces of 512-byte blocks. */
static struct test_device *device(const char *more)
{
	static const char base[] =
		"{'format': 1, 'seed': 5,"
		" 'identify_controller': {'sn': 'S', 'mn': 'M', 'fr': 'F', 'nn': 4},"
		" 'effects_log': {'admin': {'0x02': 1, '0x06': 1, '0x09': 1, '0x0a': 1, '0x0c': 1, "
		"'0x80': 3},"
		"  'nvm': {'0x00': 1, '0x01': 3, '0x02': 1, '0x08': 3, '0x09': 3, '0x19': 3}},"
		" 'quirks': {'reserved_ignored': true},"
		" 'features': {'0x01': {'current': 7}, '0x06': {'current': 1, 'saveable': true}, "
		"'0x0b': {'current': '0x7ff'}},"
		" 'smart': {'media_errors': 5},"
		" 'logs': [{'lid': '0xca', 'data': '0102030405060708'}],"
		" 'variables': {'n': 0, 'kept': {'value': 1, 'size': 2, 'persistent': true}, "
		"'box': "
		"{'bytes': 64}},"
		" 'namespaces': [{'nsid': 1, 'size': 1024, 'mssrl': 64, 'mcl': 64, 'msrc': 3,"
		"  'content': [{'lba': 0, 'blocks': 64, 'data': 'a5'}]},"
		"  {'nsid': 2, 'size': 1024, 'content': [{'lba': 0, 'blocks': 8, 'data': '5a'}]}]";
	char *json = calloc(1, sizeof(base) + strlen(more) + 4);
	struct test_device *d;

	assert(json);
	sprintf(json, "%s, %s}", base, more);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	d = test_device_json(json);
	free(json);
	return d;
}

static struct test_device *rules(const char *rules_json)
{
	char *more = calloc(1, strlen(rules_json) + 32);
	struct test_device *d;

	assert(more);
	sprintf(more, "'behaviours': [%s]", rules_json);
	d = device(more);
	free(more);
	return d;
}

static uint64_t get(struct test_device *d, const char *name)
{
	uint64_t x;

	assert(!sl_model_get(d->m, name, &x));
	return x;
}

static uint16_t flush(struct test_device *d)
{
	return IO(d, 0x00, 1, NONE, 0, 0);
}

static uint16_t read1(struct test_device *d, uint32_t nsid, uint32_t lba)
{
	return IO(d, 0x02, nsid, IN, 512, lba, 0, 0);
}

static uint16_t write1(struct test_device *d, uint32_t nsid, uint32_t lba, const void *p, size_t n)
{
	test_clear(d);
	memcpy(d->data, p, n);
	return IO(d, 0x01, nsid, OUT, 512, lba, 0, 0);
}

static uint8_t block(struct test_device *d, uint32_t nsid, uint32_t lba)
{
	uint8_t b[512];

	assert(!sl_model_blocks_read(d->m, nsid, lba, 1, b));
	return b[0];
}

#define COUNT "'do': [{'add': {'vendor.n': 1}}]"

/* ---- triggers ---- */

static void test_fields(void)
{
	struct test_device *d = rules(
		"{'name': 'a', 'when': {'queue': 'admin', 'opcode': '0x0a', 'fid': 6, 'sel': [0, "
		"1]}, " COUNT
		"}, {'name': 'b', 'when': {'queue': 'io', 'opcode': 0, 'cdw13': {'mask': '0xff00', "
		"'not': 0}}, 'do': [{'add': {'vendor.n': 100}}]}");

	assert(!ADMIN(d, 0x0a, 0, NONE, 0, 6) && get(d, "vendor.n") == 1);
	assert(!ADMIN(d, 0x0a, 0, NONE, 0, 6 | 1 << 8) && get(d, "vendor.n") == 2);
	assert(!ADMIN(d, 0x0a, 0, NONE, 0, 6 | 2 << 8) && get(d, "vendor.n") == 2);
	assert(!ADMIN(d, 0x0a, 0, NONE, 0, 1) && get(d, "vendor.n") == 2);
	assert(!flush(d) && get(d, "vendor.n") == 2);
	assert(!IO(d, 0x00, 1, NONE, 0, 0, 0, 0, 0x00ff) && get(d, "vendor.n") == 2);
	assert(!IO(d, 0x00, 1, NONE, 0, 0, 0, 0, 0x0100) && get(d, "vendor.n") == 102);
	/* an admin opcode 0 is another command */
	assert(ADMIN(d, 0x00, 1, NONE, 0, 0, 0, 0, 0x0100) && get(d, "vendor.n") == 102);
	test_device_free(d);
}

static void test_lba(void)
{
	struct test_device *d = rules("{'name': 'a', 'when': {'queue': 'io', 'lba': [100, 101], "
				      "'nsid': 1}, " COUNT "}");
	uint8_t dsm[16] = {0};

	assert(!IO(d, 0x02, 1, IN, 1024, 98, 0, 1) && get(d, "vendor.n") == 0);
	assert(!IO(d, 0x02, 1, IN, 1024, 99, 0, 1) && get(d, "vendor.n") == 1);
	assert(!IO(d, 0x02, 1, IN, 1024, 101, 0, 1) && get(d, "vendor.n") == 2);
	assert(!read1(d, 1, 102) && !read1(d, 2, 100) && get(d, "vendor.n") == 2);
	sl_put_le32(dsm + 4, 10);
	sl_put_le64(dsm + 8, 95);
	test_clear(d);
	memcpy(d->data, dsm, 16);
	assert(!IO(d, 0x09, 1, OUT, 16, 0, 4) && get(d, "vendor.n") == 3);
	sl_put_le32(dsm + 4, 5);
	memcpy(d->data, dsm, 16);
	assert(!IO(d, 0x09, 1, OUT, 16, 0, 4) && get(d, "vendor.n") == 3);
	test_device_free(d);
}

static void test_payload(void)
{
	struct test_device *d = rules(
		"{'name': 'a', 'when': {'payload': [{'offset': 2, 'data': '4142', 'mask': "
		"'fff0'}]}, " COUNT "}, {'name': 'b', 'when': {'payload': [{'anywhere': true, "
		"'data': {'text': 'KNOCK'}}]}, "
		"'do': [{'add': {'vendor.n': 10}}]},"
		"{'name': 'c', 'when': {'payload': [{'offset': 1, 'stride': 256, 'data': '99'}]}, "
		"'do': [{'add': {'vendor.n': 100}}]}");
	uint8_t buf[512] = {0};

	assert(!write1(d, 1, 1, "..AB", 4) && get(d, "vendor.n") == 1);
	assert(!write1(d, 1, 1, "..AO", 4) && get(d, "vendor.n") == 2);
	assert(!write1(d, 1, 1, "..AQ", 4) && get(d, "vendor.n") == 2);
	memcpy(buf + 507, "KNOCK", 5);
	assert(!write1(d, 1, 1, buf, 512) && get(d, "vendor.n") == 12);
	memset(buf, 0, sizeof(buf));
	buf[257] = 0x99;
	assert(!write1(d, 1, 1, buf, 512) && get(d, "vendor.n") == 112);
	/* what is read is not a payload */
	assert(!read1(d, 1, 1) && get(d, "vendor.n") == 112);
	test_device_free(d);
}

static void test_sequence(void)
{
	struct test_device *d = rules(
		"{'name': 'loose', 'when': {'sequence': [{'queue': 'io', 'opcode': 2, 'lba': 1}, "
		"{'queue': 'io', 'opcode': 2, 'lba': 2}], 'within_commands': 4}, " COUNT "},"
		"{'name': 'strict', 'when': {'sequence': [{'queue': 'io', 'opcode': 2, 'lba': 1}, "
		"{'queue': 'io', 'opcode': 2, 'lba': 2}, {'queue': 'io', 'opcode': 2, 'lba': 3}], "
		"'strict': true, 'within_ms': 50}, 'do': [{'add': {'vendor.n': 100}}]}");

	assert(!read1(d, 1, 2) && !read1(d, 1, 1) && get(d, "vendor.n") == 0);
	assert(!flush(d) && !read1(d, 1, 2) && get(d, "vendor.n") == 1);
	assert(!read1(d, 1, 1) && !flush(d) && !flush(d) && !flush(d) && !read1(d, 1, 2));
	assert(get(d, "vendor.n") == 1); /* too late */
	assert(!read1(d, 1, 1) && !read1(d, 1, 2) && !flush(d) && !read1(d, 1, 3));
	assert(get(d, "vendor.n") == 2); /* loose again, strict was broken by the flush */
	assert(!read1(d, 1, 1) && !read1(d, 1, 1) && !read1(d, 1, 2) && !read1(d, 1, 3));
	assert(get(d, "vendor.n") == 103); /* the second 1 is a new start of the strict one */
	assert(!read1(d, 1, 1));
	sl_model_advance(d->m, 60);
	assert(!read1(d, 1, 2) && !read1(d, 1, 3) && get(d, "vendor.n") == 104);
	assert(!read1(d, 1, 1) && !read1(d, 1, 2));
	sl_model_reset(d->m);
	assert(!read1(d, 1, 3) && get(d, "vendor.n") == 105); /* a reset forgets the knock */
	test_device_free(d);
}

static void test_counts(void)
{
	struct test_device *d = rules(
		"{'name': 'a', 'when': {'queue': 'io', 'opcode': 0, 'after_count': 3, 'every': 2, "
		"'limit': 2}, " COUNT "}, {'name': 'b', 'when': {'queue': 'io', 'opcode': 0, "
		"'probability': 0.25}, 'do': [{'add': {'vendor.kept': 1}}]}");
	static const unsigned want[] = {0, 0, 1, 1, 2, 2, 2, 2};

	for (unsigned i = 0; i < SL_COUNT(want); i++)
		assert(!flush(d) && get(d, "vendor.n") == want[i]);
	for (unsigned i = 0; i < 392; i++)
		assert(!flush(d));
	assert(get(d, "vendor.kept") > 60 && get(d, "vendor.kept") < 140);
	test_device_free(d);
}

static void test_state_and_status(void)
{
	struct test_device *d =
		rules("{'name': 'bad', 'when': {'queue': 'io', 'status': 'error'}, " COUNT "},"
		      "{'name': 'hot', 'when': {'queue': 'io', 'opcode': 0, 'state': {'vendor.n': "
		      "{'ge': 2}, "
		      "'ns.*.size': 1024, 'vendor.kept': {'any_bit': 1}}}, 'do': [{'set': "
		      "{'smart.temperature': 400}}]}");

	assert(!flush(d) && read1(d, 1, 5000) && get(d, "vendor.n") == 1);
	assert(!flush(d) && get(d, "smart.temperature") == 308);
	assert(read1(d, 1, 5000) && !flush(d) && get(d, "smart.temperature") == 400);
	test_device_free(d);
}

static void test_time(void)
{
	struct test_device *d =
		rules("{'name': 'once', 'when': {'on': 'time', 'after_ms': 100}, " COUNT "},"
		      "{'name': 'again', 'when': {'on': 'time', 'every_ms': 30}, 'do': [{'add': "
		      "{'vendor.kept': 1}}]},"
		      "{'name': 'late', 'when': {'queue': 'io', 'opcode': 0, 'after_ms': 200}, "
		      "'do': [{'add': "
		      "{'smart.media_errors': 1}}]}");

	assert(sl_model_next_due(d->m) == 30);
	sl_model_advance(d->m, 29);
	assert(get(d, "vendor.kept") == 1 && !flush(d) && get(d, "smart.media_errors") == 5);
	sl_model_advance(d->m, 30);
	assert(get(d, "vendor.kept") == 2);
	sl_model_advance(d->m, 95);
	assert(get(d, "vendor.kept") == 4 && get(d, "vendor.n") == 0);
	sl_model_advance(d->m, 1000);
	assert(get(d, "vendor.kept") == 34 && get(d, "vendor.n") == 1);
	assert(!flush(d) && get(d, "smart.media_errors") == 6);
	test_device_free(d);
}

static void test_resets(void)
{
	struct test_device *d = rules("{'name': 's', 'when': {'on': 'start'}, 'do': [{'set': "
				      "{'smart.temperature': 301}}]},"
				      "{'name': 'r', 'when': {'on': 'reset'}, " COUNT "},"
				      "{'name': 'p', 'when': {'on': 'power_cycle'}, 'do': [{'add': "
				      "{'vendor.kept': 1}}]}");

	assert(get(d, "smart.temperature") == 301);
	sl_model_reset(d->m);
	assert(get(d, "vendor.n") == 1 && get(d, "vendor.kept") == 1);
	sl_model_power_cycle(d->m);
	assert(get(d, "vendor.n") == 1 &&
	       get(d, "vendor.kept") == 2); /* n was volatile: 0, then + 1 */
	test_device_free(d);
}

static void test_later(void)
{
	struct test_device *d = rules(
		"{'name': 'c', 'when': {'queue': 'io', 'opcode': 2, 'lba': 1}, 'later': "
		"{'commands': 3}, "
		"'do': [{'set': {'ns.*.nguid': {'hex': 'ee'}}}]},"
		"{'name': 'm', 'when': {'queue': 'io', 'opcode': 2, 'lba': 2}, 'later': {'ms': "
		"500}, " COUNT "}, {'name': 'r', 'when': {'queue': 'io', 'opcode': 2, 'lba': 3}, "
		"'later': {'on': 'reset'}, "
		"'do': [{'add': {'vendor.n': 10}}]},"
		"{'name': 'p', 'when': {'queue': 'io', 'opcode': 2, 'lba': 4}, 'later': {'on': "
		"'power_cycle'}, 'do': [{'add': {'vendor.kept': 5}}]}");

	assert(!read1(d, 2, 1) && !flush(d) && !flush(d) && get(d, "ns.2.id[104]") == 0);
	assert(!flush(d) && get(d, "ns.2.id[104]") == 0xee && get(d, "ns.1.id[104]") == 0);
	assert(!read1(d, 1, 2) && sl_model_next_due(d->m) == 500);
	sl_model_advance(d->m, 499);
	assert(get(d, "vendor.n") == 0);
	sl_model_advance(d->m, 500);
	assert(get(d, "vendor.n") == 1);
	assert(!read1(d, 1, 3) && !read1(d, 1, 4) && get(d, "vendor.n") == 1);
	sl_model_reset(d->m);
	assert(get(d, "vendor.n") == 11 && get(d, "vendor.kept") == 1);
	sl_model_power_cycle(d->m);
	assert(get(d, "vendor.n") == 0 && get(d, "vendor.kept") == 6);
	sl_model_power_cycle(d->m);
	assert(get(d, "vendor.kept") == 6); /* once */
	test_device_free(d);
}

/* ---- actions ---- */

static void test_arithmetic(void)
{
	struct test_device *d =
		rules("{'name': 'a', 'when': {'queue': 'io', 'opcode': 0}, 'do': ["
		      "{'set': {'vendor.kept': '0x1234', 'vendor.box': {'text': 'hello'}}},"
		      "{'add': {'vendor.kept': -1}}, {'xor': {'vendor.kept': '0xff00'}},"
		      "{'and': {'vendor.kept': '0xff0f'}}, {'or': {'vendor.kept': '0x10000080'}},"
		      "{'copy': {'from': 'vendor.box[1:4]', 'to': 'log.ca[2:4]'}},"
		      "{'set': {'feature.01.current': 9, 'effects.0[512:4]': '0x20001', "
		      "'id-ctrl[520:2]': 1}}]}");

	assert(!flush(d));
	/* 1234 - 1 = 1233; ^ ff00 = ed33; & ff0f = ed03; | 80 (the rest is wider than it) */
	assert(get(d, "vendor.kept") == 0xed83);
	assert(get(d, "log.ca[1]") == 2 && get(d, "log.ca[2:4]") == sl_get_le32("ello"));
	assert(get(d, "log.ca[6]") == 7);
	assert(!ADMIN(d, 0x0a, 0, NONE, 0, 1) && d->r.result == 9);
	assert(sl_get_le32(test_log(d, 5, true, 4096, 0) + 512) == 0x20001);
	assert(sl_get_le16(test_identify(d, 0, 1) + 520) == 1);
	test_device_free(d);
}

static void test_snapshot(void)
{
	struct test_device *d = rules(
		"{'name': 'r0', 'when': {'queue': 'io', 'opcode': 2, 'lba': 9}, 'do': [{'set': "
		"{'feature.06.current': 0}}]},"
		"{'name': 's', 'when': {'on': 'start'}, 'do': [{'snapshot': {'name': 'clean', "
		"'state': "
		"['feature.06.current']}}]},"
		"{'name': 'pose', 'phase': 'before', 'when': {'look': 'feature'}, 'do': "
		"[{'snapshot': "
		"{'name': 'real', 'state': ['feature.06.current']}}, {'restore': 'clean'}]},"
		"{'name': 'relax', 'when': {'look': 'feature'}, 'do': [{'restore': 'real'}]}");

	assert(!read1(d, 1, 9) && get(d, "feature.06.current") == 0);
	assert(!ADMIN(d, 0x0a, 0, NONE, 0, 6) && d->r.result == 1);
	assert(get(d, "feature.06.current") == 0);
	test_device_free(d);
}

static void test_blocks(void)
{
	struct test_device *d = rules(
		"{'name': 'wide', 'when': {'queue': 'io', 'opcode': 0, 'nsid': 1}, 'do': ["
		"{'write_blocks': {'nsid': 2, 'lba': 1, 'blocks': 2, 'data': '0102'}},"
		"{'copy_blocks': {'nsid': 2, 'lba': 20, 'blocks': 3, 'from_nsid': 1, 'from_lba': "
		"63}},"
		"{'deallocate': {'lba': 0}}]},"
		"{'name': 'mirror', 'when': {'queue': 'io', 'opcode': [1, 25], 'nsid': 1}, 'do': ["
		"{'copy_blocks': {'nsid': 2, 'lba': 100, 'at': 'command', 'blocks': 'command', "
		"'from_nsid': 1, 'from_lba': 0, 'from_at': 'command'}}]},"
		"{'name': 'past', 'when': {'queue': 'io', 'opcode': 8}, 'do': ["
		"{'write_blocks': {'nsid': 1, 'lba': 1020, 'blocks': 100, 'data': '7777'}},"
		"{'write_blocks': {'nsid': 3, 'lba': 0, 'blocks': 1, 'data': '77'}}]}");
	uint8_t b[512];

	assert(!flush(d));
	assert(block(d, 2, 0) == 0x5a && block(d, 2, 1) == 1 && block(d, 2, 3) == 0x5a);
	assert(!sl_model_blocks_read(d->m, 2, 2, 1, b) && b[511] == 2);
	assert(block(d, 2, 20) == 0xa5 && block(d, 2, 21) == 0 && block(d, 1, 0) == 0);
	test_clear(d);
	memset(d->data, 0x33, 1024);
	assert(!IO(d, 0x01, 1, OUT, 1024, 40, 0, 1));
	assert(block(d, 2, 140) == 0x33 && block(d, 2, 141) == 0x33 && block(d, 2, 142) == 0);
	assert(!IO(d, 0x08, 1, NONE, 0, 500, 0, 0));
	/* a Copy's destination is where it writes */
	test_clear(d);
	sl_put_le64(d->data + 8, 1);
	sl_put_le16(d->data + 16, 3);
	assert(!IO(d, 0x19, 1, OUT, 32, 200, 0, 0));
	assert(block(d, 1, 200) == 0xa5 && block(d, 2, 303) == 0xa5 && block(d, 2, 304) == 0);
	assert(block(d, 1, 1019) == 0 && block(d, 1, 1020) == 0x77 && block(d, 1, 1023) == 0x77);
	test_device_free(d);
}

static void test_namespace(void)
{
	struct test_device *d = rules("{'name': 'a', 'when': {'queue': 'io', 'opcode': 2, 'lba': "
				      "1}, 'do': [{'namespace': "
				      "{'nsid': 2, 'do': 'detach'}}]},"
				      "{'name': 'b', 'when': {'queue': 'io', 'opcode': 2, 'lba': "
				      "2}, 'do': [{'namespace': "
				      "{'nsid': 2, 'do': 'attach'}}]},"
				      "{'name': 'c', 'when': {'queue': 'io', 'opcode': 2, 'lba': "
				      "3}, 'do': [{'namespace': "
				      "{'do': 'delete'}}]}");

	assert(!read1(d, 1, 1) && read1(d, 2, 9) && !read1(d, 1, 2) && !read1(d, 2, 9));
	assert(!read1(d, 2, 3)); /* deletes the namespace it reads from */
	assert(read1(d, 2, 9) && !read1(d, 1, 9));
	test_device_free(d);
}

static void test_inner(void)
{
	struct test_device *d = rules(
		"{'name': 'magic', 'phase': 'before', 'when': {'queue': 'io', 'opcode': 1, 'lba': "
		"42}, "
		"'do': [{'drop': true}, {'run': {'queue': 'admin', 'opcode': '0x80', 'nsid': 1}}]},"
		"{'name': 'tunnel', 'phase': 'before', 'when': {'queue': 'io', 'opcode': 1, 'lba': "
		"43}, "
		"'do': [{'drop': true}, {'run': {'queue': 'io', 'payload_offset': 8, "
		"'data_offset': 0, "
		"'length': 512, 'to': 'vendor.box'}}]},"
		"{'name': 'reply', 'when': {'queue': 'io', 'opcode': 2, 'lba': 44}, 'do': [{'run': "
		"{'queue': 'admin', 'opcode': 6, 'cdw10': 1, 'length': 4096, 'reply': true}}]},"
		"{'name': 'hidden', 'when': {'queue': 'io', 'opcode': 2, 'lba': 45}, 'do': "
		"[{'run': "
		"{'queue': 'io', 'opcode': 4, 'nsid': 1, 'cdw10': 60}}]}");
	uint8_t buf[512] = {0};

	assert(block(d, 1, 0) == 0xa5);
	assert(!write1(d, 1, 42, "x", 1) && block(d, 1, 0) == 0 && block(d, 1, 42) == 0);
	assert(block(d, 2, 0) == 0x5a);
	/* a Read of namespace 2 inside a Write to namespace 1 */
	buf[8] = 0x02;
	buf[12] = 2;
	assert(!write1(d, 1, 43, buf, 512) && get(d, "vendor.box[0]") == 0x5a);
	/* Write Uncorrectable, which hosts are not offered */
	assert(IO(d, 0x04, 1, NONE, 0, 60) == 1);
	assert(!read1(d, 1, 45) && read1(d, 1, 60) == 0x281);
	/* an answer that nobody wrote */
	assert(!read1(d, 1, 44) && d->data[4] == 'S' && d->data[24] == 'M' && d->r.ret_len == 512);
	test_device_free(d);
}

static void test_capture_and_answer(void)
{
	struct test_device *d = rules(
		"{'name': 'keep', 'phase': 'before', 'when': {'queue': 'io', 'opcode': 1, 'lba': "
		"1}, "
		"'do': [{'drop': true}, {'capture': {'from': 'payload', 'offset': 3, 'length': 8, "
		"'to': "
		"'vendor.box'}}, {'capture': {'from': 'command', 'offset': 40, 'length': 2, 'to': "
		"'vendor.kept'}}]},"
		"{'name': 'show', 'when': {'queue': 'io', 'opcode': 2, 'lba': 2}, 'do': "
		"[{'answer': {'lba': "
		"2, 'offset': 4, 'state': 'vendor.box[0:4]'}}]},"
		"{'name': 'flip', 'when': {'queue': 'io', 'opcode': 2, 'lba': 3}, 'do': "
		"[{'answer': "
		"{'offset': 511, 'xor': 'ff00'}}, {'result': 77}]},"
		"{'name': 'pat', 'when': {'look': 'identify', 'cns': 1}, 'do': [{'answer': "
		"{'offset': 4, "
		"'data': {'text': 'FAKE'}}}]}");

	assert(!write1(d, 1, 1, "...secret...", 12) && block(d, 1, 1) == 0xa5);
	assert(get(d, "vendor.box[0:4]") == sl_get_le32("secr") && get(d, "vendor.kept") == 1);
	assert(!IO(d, 0x02, 1, IN, 1024, 1, 0, 1) && !memcmp(d->data + 516, "secr", 4));
	assert(d->data[0] == 0xa5 && d->data[515] == 0xa5 && d->data[520] == 0xa5);
	assert(!read1(d, 1, 3) && d->data[511] == 0x5a && d->data[510] == 0xa5 &&
	       d->data[512] == 0);
	assert(d->r.result == 77);
	assert(!memcmp(test_identify(d, 0, 1) + 4, "FAKE", 4) && get(d, "id-ctrl[4]") == 'S');
	test_device_free(d);
}

static void test_completion(void)
{
	struct test_device *d = rules(
		"{'name': 'over', 'when': {'queue': 'io', 'opcode': 2, 'lba': 1}, 'do': "
		"[{'overrun': "
		"{'bytes': 16, 'data': 'ee'}}]},"
		"{'name': 'short', 'when': {'queue': 'io', 'opcode': 2, 'lba': 2}, 'do': "
		"[{'short': 100}]},"
		"{'name': 'lie', 'when': {'queue': 'io', 'opcode': 2, 'lba': 3}, 'do': [{'status': "
		"'0x281'}]},"
		"{'name': 'slow', 'when': {'queue': 'io', 'opcode': 2, 'lba': 4}, 'do': "
		"[{'delay_ms': "
		"70}]},"
		"{'name': 'mute', 'when': {'queue': 'io', 'opcode': 2, 'lba': 5}, 'do': "
		"[{'silent': "
		"true}]},"
		"{'name': 'gone', 'when': {'queue': 'io', 'opcode': 2, 'lba': 6}, 'do': [{'fail': "
		"'ENODEV'}]},"
		"{'name': 'refuse', 'phase': 'before', 'when': {'queue': 'io', 'opcode': 1, 'lba': "
		"7}, "
		"'do': [{'drop': {'status': '0x4002'}}]},"
		"{'name': 'err', 'when': {'queue': 'io', 'opcode': 2, 'lba': 8}, 'do': [{'error': "
		"'0x281'}]}");
	uint64_t errors;

	assert(!read1(d, 1, 1) && d->r.ret_len == 528 && d->data[512] == 0xee && d->data[528] == 0);
	assert(!read1(d, 1, 2) && d->r.ret_len == 100 && d->data[99] == 0xa5 && d->data[100] == 0);
	assert(read1(d, 1, 3) == 0x281);
	assert(read1(d, 1, 4) == 0xffff);
	sl_model_advance(d->m, 69);
	assert(d->done == 3);
	sl_model_advance(d->m, 70);
	assert(d->done == 4 && !d->failed);
	assert(read1(d, 1, 5) == 0xffff);
	sl_model_cancel(d->m, d);
	assert(!read1(d, 1, 6) && d->failed && d->r.error == ENODEV);
	assert(write1(d, 1, 7, "x", 1) == 0x2 && block(d, 1, 7) == 0xa5);
	errors = get(d, "errors.count");
	assert(!read1(d, 1, 8) && get(d, "errors.count") == errors + 1);
	test_device_free(d);
}

static void test_dead_reset_event(void)
{
	struct test_device *d = rules("{'name': 'die', 'when': {'queue': 'io', 'opcode': 2, 'lba': "
				      "1}, 'do': [{'dead': true}]},"
				      "{'name': 'boot', 'when': {'queue': 'io', 'opcode': 2, "
				      "'lba': 2}, 'do': [{'reset': true}]},"
				      "{'name': 'r', 'when': {'on': 'reset'}, " COUNT "},"
				      "{'name': 'ev', 'when': {'queue': 'io', 'opcode': 2, 'lba': "
				      "3}, 'do': [{'event': {'type': "
				      "1, 'info': 0, 'log': 2}}]}");
	struct sl_model_req *aer;

	/* The request is the test's own: it must be out of the device before it is used again. */
	assert(read1(d, 1, 1) == 0xffff);
	sl_model_cancel(d->m, d);
	assert(flush(d) == 0xffff);
	sl_model_cancel(d->m, d);
	assert(ADMIN(d, 0x06, 0, IN, 4096, 1) == 0xffff);
	sl_model_cancel(d->m, d);
	sl_model_reset(d->m);
	assert(!flush(d) && get(d, "vendor.n") == 1);
	assert(!read1(d, 1, 2) && get(d, "vendor.n") == 2);
	aer = test_async(d, SL_WIRE_NVME_ADMIN, 0x0c, 0);
	sl_model_submit(d->m, aer);
	assert(!read1(d, 1, 3) && (aer->result & 0xffffff) == 0x020001);
	free(aer);
	test_device_free(d);
}

/* ---- vendor commands and drift ---- */

static void test_vendor(void)
{
	struct test_device *d =
		device("'vendor_commands': ["
		       "{'name': 'info', 'when': {'queue': 'admin', 'opcode': '0xc6', 'cdw12': 1}, "
		       "'direction': "
		       "'in', 'answer': '010203', 'result': 9},"
		       "{'name': 'clear', 'when': {'queue': 'admin', 'opcode': '0xc6', 'cdw12': "
		       "2}, 'do': [{'set': "
		       "{'vendor.n': 0}}]},"
		       "{'name': 'no', 'when': {'queue': 'io', 'opcode': '0x90'}, 'status': '0x7'},"
		       "{'name': 'mine', 'when': {'queue': 'admin', 'opcode': 6, 'cns': 200}, "
		       "'direction': 'in', "
		       "'answer': 'aa'}],"
		       "'behaviours': [{'name': 'sees', 'when': {'queue': 'admin', 'opcode': "
		       "'0xc6'}, " COUNT "}]");

	assert(!ADMIN(d, 0xc6, 0, IN, 16, 0, 0, 1) && d->data[2] == 3 && d->data[3] == 0);
	assert(d->r.ret_len == 16 && d->r.result == 9 && get(d, "vendor.n") == 1);
	assert(!ADMIN(d, 0xc6, 0, NONE, 0, 0, 0, 2) && get(d, "vendor.n") == 1);
	assert(ADMIN(d, 0xc6, 0, NONE, 0, 0, 0, 3) == 2 && get(d, "vendor.n") == 2);
	assert(ADMIN(d, 0xc7, 0, NONE, 0, 0, 0, 3) == 1);
	assert(IO(d, 0x90, 1, NONE, 0, 0) == 7);
	assert(!ADMIN(d, 0x06, 0, IN, 4096, 200) && d->data[0] == 0xaa);
	assert(test_identify(d, 0, 1)[4] == 'S');
	test_device_free(d);
}

static void test_drift(void)
{
	struct test_device *d =
		device("'drift': [{'state': 'smart.temperature', 'every_ms': 10, 'walk': 2, 'min': "
		       "300, 'max': "
		       "316}, {'state': 'smart.power_on_hours', 'every_ms': 100, 'step': 1},"
		       "{'state': 'vendor.n', 'every_commands': 3, 'step': 4, 'max': 10},"
		       "{'state': 'vendor.kept', 'every_ms': 1, 'step': -1, 'min': 0}]");
	bool moved = false;

	for (unsigned t = 10; t <= 1000; t += 10) {
		sl_model_advance(d->m, t);
		assert(get(d, "smart.temperature") >= 300 && get(d, "smart.temperature") <= 316);
		moved = moved || get(d, "smart.temperature") != 308;
	}
	assert(moved && get(d, "smart.power_on_hours") == 10 && get(d, "vendor.kept") == 0);
	for (unsigned i = 0; i < 12; i++)
		assert(!flush(d));
	assert(get(d, "vendor.n") == 10);
	test_device_free(d);
}

/* The same commands at the same times: the same device. */
static void test_repeats(void)
{
	static const char json[] = "'behaviours': [{'name': 'p', 'when': {'queue': 'io', "
				   "'probability': 0.3}, 'do': [{'add': "
				   "{'vendor.n': 1}}]}], 'drift': [{'state': 'vendor.kept', "
				   "'every_ms': 7, 'walk': 9}]";
	uint64_t n[2], kept[2];

	for (unsigned k = 0; k < 2; k++) {
		struct test_device *d = device(json);

		for (unsigned i = 0; i < 200; i++) {
			assert(!flush(d));
			sl_model_advance(d->m, 5 * i);
		}
		n[k] = get(d, "vendor.n");
		kept[k] = get(d, "vendor.kept");
		test_device_free(d);
	}
	assert(n[0] == n[1] && kept[0] == kept[1] && n[0] > 30 && n[0] < 90);
}

int main(void)
{
	test_fields();
	test_lba();
	test_payload();
	test_sequence();
	test_counts();
	test_state_and_status();
	test_time();
	test_resets();
	test_later();
	test_arithmetic();
	test_snapshot();
	test_blocks();
	test_namespace();
	test_inner();
	test_capture_and_answer();
	test_completion();
	test_dead_reset_event();
	test_vendor();
	test_drift();
	test_repeats();
	return 0;
}
