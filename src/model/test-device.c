/* SPDX-License-Identifier: Apache-2.0 */
/* A device for the tests of this room. */
#undef NDEBUG
#include "model/test-device.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static const char standard[] =
	"{\"format\": 1, \"name\": \"test\", \"seed\": 7,"
	" \"identify_controller\": {\"vid\": \"0x1234\", \"sn\": \"SN1\", \"mn\": \"Model\", "
	"\"fr\": \"FW1\","
	"   \"ver\": \"0x20000\", \"nn\": 8, \"lpa\": 15, \"elpe\": 7, \"aerl\": 1, \"acl\": 3,"
	"   \"oacs\": \"0x62f\", \"oncs\": \"0x1ff\", \"fna\": 4, \"sanicap\": 7, \"ctratt\": "
	"\"0x11\","
	"   \"cdfs\": 15, \"nwpc\": 7, \"tnvmcap\": 4194304, \"unvmcap\": 1048576},"
	" \"effects_log\": {"
	"   \"admin\": {\"0x02\": 1, \"0x06\": 1, \"0x08\": 1, \"0x09\": \"csupp ccc\", \"0x0a\": "
	"1,"
	"     \"0x0c\": 1, \"0x0d\": \"csupp nic\", \"0x10\": 1, \"0x11\": 1, \"0x14\": 1, "
	"\"0x15\": \"csupp nic\","
	"     \"0x18\": 1, \"0x19\": 1, \"0x1a\": 1, \"0x24\": 1, \"0x80\": \"csupp lbcc ncc\", "
	"\"0x81\": 1,"
	"     \"0x82\": 1, \"0x84\": \"csupp lbcc\", \"0x86\": 1},"
	"   \"nvm\": {\"0x00\": 1, \"0x01\": \"csupp lbcc\", \"0x02\": 1, \"0x04\": 3, \"0x05\": "
	"1, \"0x08\": 3,"
	"     \"0x09\": 3, \"0x0c\": 1, \"0x0d\": 1, \"0x0e\": 1, \"0x11\": 1, \"0x12\": 1, "
	"\"0x15\": 1,"
	"     \"0x19\": 3, \"0x1d\": 1},"
	"   \"zns\": {\"0x00\": 1, \"0x01\": 3, \"0x02\": 1, \"0x79\": 3, \"0x7a\": 1, \"0x7d\": "
	"3}},"
	" \"features\": {"
	"   \"0x02\": {\"saveable\": true}, \"0x04\": {\"default\": 350}, \"0x05\": "
	"{\"namespace_specific\": false},"
	"   \"0x06\": {\"default\": 1, \"saveable\": true}, \"0x07\": {\"default\": \"0x30003\"},"
	"   \"0x0b\": {\"default\": \"0x7ff\"}, \"0x0e\": {}, \"0x16\": {}, \"0x81\": {}, "
	"\"0x82\": {\"namespace_specific\": true},"
	"   \"0x83\": {\"namespace_specific\": true}, \"0x84\": {\"namespace_specific\": true},"
	"   \"0xc1\": {\"default\": 5, \"changeable\": false}},"
	" \"supported_logs\": [0,1,2,3,4,5,6,7,8,9,13,18,19,20,128,129,191,202],"
	" \"logs\": [{\"lid\": 202, \"data\": \"0102030405060708\"}],"
	" \"smart\": {\"temperature\": 310},"
	" \"firmware\": {\"slots\": 3, \"slot1_read_only\": true, \"activate_without_reset\": true,"
	"   \"active\": 1, \"revisions\": {\"1\": \"FW1\"}},"
	" \"timing\": {\"sanitize_ms\": 1000, \"format_ms\": 50, \"self_test_ms\": 400},"
	" \"telemetry\": {\"host_bytes\": 4096, \"controller_bytes\": 2048},"
	" \"variables\": {\"seen\": {\"value\": 0}},"
	" \"namespaces\": ["
	"   {\"nsid\": 1, \"size\": 4096, \"lbaf\": [{\"ds\": 9}, {\"ds\": 9, \"ms\": 8}, {\"ds\": "
	"12}],"
	"    \"mc\": 3, \"dpc\": 31, \"dlfeat\": 9, \"rescap\": \"0xff\", \"mssrl\": 64, \"mcl\": "
	"128, \"msrc\": 7},"
	"   {\"nsid\": 2, \"csi\": \"zns\", \"size\": 512, \"lbaf\": [{\"ds\": 9}],"
	"    \"zns\": {\"zone_size\": 64, \"zone_capacity\": 48, \"max_open\": 2, \"max_active\": "
	"3}},"
	"   {\"nsid\": 3, \"size\": 64, \"attached\": false, \"lbaf\": [{\"ds\": 9}]}]";

struct test_device *test_device_json(const char *json)
{
	struct test_device *d = calloc(1, sizeof(*d));
	struct sl_diag diag;
	char text[1024];

	assert(d);
	if (sl_persona_parse(json, strlen(json), "test.json", &d->p, &diag) < 0) {
		fprintf(stderr, "%s\n", sl_diag_str(&diag, text, sizeof(text)));
		abort();
	}
	assert(sl_model_new(d->p, d->p->seed, &d->m) == 0);
	return d;
}

struct test_device *test_device_new(const char *extra)
{
	char *json = malloc(sizeof(standard) + strlen(extra) + 2);
	struct test_device *d;

	assert(json);
	strcpy(json, standard);
	strcat(json, extra);
	strcat(json, "}");
	d = test_device_json(json);
	free(json);
	return d;
}

void test_device_free(struct test_device *d)
{
	sl_model_free(d->m);
	sl_persona_free(d->p);
	free(d);
}

void test_clear(struct test_device *d)
{
	memset(d->data, 0, sizeof(d->data));
	memset(d->meta, 0, sizeof(d->meta));
}

static void on_done(struct sl_model_req *r)
{
	struct test_device *d = r->owner;

	d->done++;
	d->failed = r->fail;
}

uint16_t test_run(struct test_device *d, uint8_t queue, uint8_t opc, uint32_t nsid, uint8_t dir,
		  uint32_t len, unsigned n, const uint32_t *cdw)
{
	unsigned before = d->done;

	assert(len <= SL_WIRE_DATA_MAX && n <= 6);
	if (dir == SL_DIR_IN)
		test_clear(d);
	d->r = (struct sl_model_req){
		.queue = queue,
		.dir = dir,
		.owner = d,
		.data = d->data,
		.data_len = len,
		.data_cap = TEST_BUF,
		.meta = d->meta,
		.meta_cap = sizeof(d->meta),
		.done = on_done,
	};
	d->r.meta_len = queue == SL_WIRE_NVME_IO && dir ? sizeof(d->meta) : 0;
	d->r.sqe[0] = opc;
	sl_put_le16(d->r.sqe + 2, 0x77);
	sl_put_le32(d->r.sqe + 4, nsid);
	for (unsigned i = 0; i < n; i++)
		sl_put_le32(d->r.sqe + 40 + 4 * i, cdw[i]);
	sl_model_submit(d->m, &d->r);
	return d->done == before ? 0xffff : d->r.status & 0x7ff;
}

const uint8_t *test_log(struct test_device *d, uint8_t lid, bool rae, uint32_t len, uint64_t at)
{
	uint32_t dw = len / 4 - 1;

	assert(ADMIN(d, 0x02, 0xffffffff, SL_DIR_IN, len,
		     lid | (rae ? 1u << 15 : 0) | (dw & 0xffff) << 16, dw >> 16, (uint32_t)at,
		     (uint32_t)(at >> 32)) == 0);
	assert(d->r.ret_len == len);
	return d->data;
}

const uint8_t *test_identify(struct test_device *d, uint32_t nsid, uint8_t cns)
{
	assert(ADMIN(d, 0x06, nsid, SL_DIR_IN, 4096, cns) == 0);
	assert(d->r.ret_len == 4096);
	return d->data;
}

bool test_unchanged(struct test_device *d, uint8_t hash[32])
{
	uint8_t now[32];
	bool same;

	sl_model_hash(d->m, now);
	same = memcmp(now, hash, sizeof(now)) == 0;
	memcpy(hash, now, sizeof(now));
	return same;
}

struct sl_model_req *test_async(struct test_device *d, uint8_t queue, uint8_t opc, uint32_t cdw10)
{
	struct sl_model_req *r = calloc(1, sizeof(*r));

	assert(r);
	r->queue = queue;
	r->owner = d;
	r->done = on_done;
	r->sqe[0] = opc;
	sl_put_le32(r->sqe + 40, cdw10);
	return r;
}
