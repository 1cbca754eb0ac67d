/* SPDX-License-Identifier: Apache-2.0 */
/* A logical unit for the tests of this folder. */
#undef NDEBUG
#include "model/scsi/test-lu.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const char standard[] =
	"{\"format\": 1, \"protocol\": \"scsi\", \"name\": \"test\", \"seed\": 7,"
	" \"inquiry\": {\"vendor\": \"TEST\", \"product\": \"Disk\", \"revision\": \"A001\","
	"   \"serial\": \"S1\", \"naa\": \"5000000000000001\"},"
	" \"medium\": {\"blocks\": 4096, \"provisioning\": \"thin\"},"
	" \"timing\": {\"format_ms\": 100, \"sanitize_ms\": 1000, \"self_test_ms\": 400}";

struct test_device *test_lu_new(const char *extra)
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

static void on_done(struct sl_model_req *r)
{
	struct test_device *d = r->owner;

	d->done++;
	d->failed = r->fail;
}

/* Sense data in either format. */
static uint32_t word_of(const uint8_t *s, uint32_t n)
{
	assert(n >= 8);
	if ((s[0] & 0x7f) >= 0x72)
		return SENSE(s[1] & 0xf, s[2], s[3]);
	assert(n >= 14);
	return SENSE(s[2] & 0xf, s[12], s[13]);
}

uint32_t test_cdb(struct test_device *d, uint8_t dir, uint32_t len, unsigned n, const uint8_t *cdb)
{
	unsigned before = d->done;

	assert(len <= SL_WIRE_DATA_MAX && n <= 32);
	if (dir == SL_DIR_IN)
		test_clear(d);
	d->r = (struct sl_model_req){
		.queue = SL_WIRE_SCSI_CDB,
		.req_len = (uint16_t)n,
		.dir = dir,
		.owner = d,
		.data = d->data,
		.data_len = len,
		.data_cap = TEST_BUF,
		.meta = d->meta,
		.meta_len = SL_SENSE_MAX,
		.meta_cap = sizeof(d->meta),
		.done = on_done,
	};
	memcpy(d->r.sqe, cdb, n);
	sl_model_submit(d->m, &d->r);
	if (d->done == before)
		return 0xffffffff;
	assert(d->r.status == SCSI_CHECK || d->r.ret_meta_len == 0);
	if (d->r.status != SCSI_CHECK)
		return d->r.status;
	assert((uint32_t)d->r.result == 0x080000);
	return word_of(d->meta, d->r.ret_meta_len);
}
