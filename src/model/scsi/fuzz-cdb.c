/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the SCSI commands: a disk with a SATA disk inside, an optical drive, a tape, each with all
 * that the engine knows. Input: one byte that picks the device, then records of 8 bytes (direction,
 * resets, time, buffer length in words, CDB and sense length), 32 bytes of CDB and the payload.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"
#include "model/model.h"
#include "model/persona.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLACK = 4096, HEAD = 8, CDB = 32, SENSE_BYTES = 256, DEVICES = 3 };

static const char *const personas[DEVICES] = {
	"{\"format\": 1, \"protocol\": \"scsi\", \"inquiry\": {\"vendor\": \"V\", \"product\": "
	"\"P\","
	"  \"revision\": \"R\", \"serial\": \"S\", \"naa\": \"5000000000000001\"},"
	" \"medium\": {\"blocks\": 4096, \"provisioning\": \"thin\"},"
	" \"ata\": {\"model\": \"M\", \"serial\": \"S\", \"firmware\": \"F\","
	"   \"smart\": [{\"id\": 5}, {\"id\": 241}, {\"id\": 12}]},"
	" \"quirks\": {\"reserved_ignored\": true},"
	" \"timing\": {\"format_ms\": 10, \"sanitize_ms\": 10, \"self_test_ms\": 10}}",
	"{\"format\": 1, \"protocol\": \"scsi\", \"inquiry\": {\"type\": 5, \"vendor\": \"V\","
	"  \"product\": \"P\", \"revision\": \"R\", \"removable\": true},"
	" \"quirks\": {\"reserved_ignored\": true},"
	" \"medium\": {\"blocks\": 512, \"block_size\": 2048}}",
	"{\"format\": 1, \"protocol\": \"scsi\", \"inquiry\": {\"type\": 1, \"vendor\": \"V\","
	"  \"product\": \"P\", \"revision\": \"R\", \"removable\": true},"
	" \"quirks\": {\"reserved_ignored\": true},"
	" \"tape\": {\"files\": [[\"01\", \"0203\"], [{\"hex\": \"aa\", \"length\": 512}]]}}",
};

struct job {
	struct sl_model_req req;
	uint8_t *data;
};

static unsigned in_flight;

static void on_done(struct sl_model_req *r)
{
	struct job *j = (struct job *)((uint8_t *)r - offsetof(struct job, req));

	/* An answer never claims more than its buffer holds, nor more data than the host asked for.
	 */
	if (r->ret_len > r->data_len || r->ret_meta_len > r->meta_len)
		abort();
	if (!r->fail && r->status == 2 && r->meta_len >= 18 && r->ret_meta_len < 8)
		abort();
	in_flight--;
	free(j->data);
	free(j);
}

static void between(struct sl_model *m, const uint8_t *p)
{
	uint8_t hash[32];

	sl_model_advance(m, sl_model_now(m) + p[3]);
	if (p[2] == 1)
		sl_model_reset(m);
	if (p[2] == 2)
		sl_model_power_cycle(m);
	if (p[2] == 3)
		sl_model_hash(m, hash);
}

/* One record; returns how many bytes it took, 0: it is not whole. */
static size_t record(struct sl_model *m, const uint8_t *p, size_t size)
{
	uint32_t len;
	struct job *j;

	if (size < HEAD + CDB)
		return 0;
	len = sl_get_le16(p + 4) * 4u;
	if (len > SL_WIRE_DATA_MAX)
		len = SL_WIRE_DATA_MAX;
	between(m, p);
	j = calloc(1, sizeof(*j));
	if (!j)
		return 0;
	/* Buffers end where the memory does: what writes past them is seen. */
	j->data = calloc(1, len + SLACK + SENSE_BYTES);
	if (!j->data) {
		free(j);
		return 0;
	}
	j->req.queue = SL_WIRE_SCSI_CDB;
	j->req.req_len = (uint16_t)(6 + p[6] % 27);
	j->req.dir = p[1] & 3;
	j->req.data = j->data;
	j->req.data_len = len;
	j->req.data_cap = len + SLACK;
	j->req.meta = j->data + len + SLACK;
	j->req.meta_len = p[7];
	j->req.meta_cap = SENSE_BYTES;
	j->req.done = on_done;
	memcpy(j->req.sqe, p + HEAD, j->req.req_len);
	size -= HEAD + CDB;
	if (size > len)
		size = len;
	if (j->req.dir == SL_DIR_OUT || j->req.dir == SL_DIR_BOTH)
		memcpy(j->data, p + HEAD + CDB, size);
	else
		size = 0;
	in_flight++;
	sl_model_submit(m, &j->req);
	return HEAD + CDB + size;
}

static struct sl_persona *load(unsigned which)
{
	static struct sl_persona *loaded[DEVICES];
	struct sl_diag diag = {0};

	if (!loaded[which] && sl_persona_parse(personas[which], strlen(personas[which]), "fuzz",
					       &loaded[which], &diag) < 0) {
		fprintf(stderr, "%s\n", diag.text);
		abort();
	}
	return loaded[which];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_model *m;
	size_t n;

	if (!size || sl_model_new(load(data[0] % DEVICES), 1, &m) < 0)
		return 0;
	data++;
	size--;
	for (unsigned i = 0; i < 64 && (n = record(m, data, size)) != 0; i++) {
		data += n;
		size -= n;
	}
	/* What still waits is failed by the reset, so that nothing is lost. */
	sl_model_reset(m);
	if (in_flight)
		abort();
	sl_model_free(m);
	return 0;
}
