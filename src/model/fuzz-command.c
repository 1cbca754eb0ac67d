/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: commands and time for a device in memory. Input is records of 8 bytes of header
 * (queue, direction, flags, pause, data length, reserved), 64 bytes of command, and what the header
 * says of payload; flags bit 0 resets, bit 1 cuts the power, bit 2 reads the hash. Built as a plain
 * test it runs the files that it is given.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"
#include "model/model.h"
#include "model/persona.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLACK 4096u /* bytes behind the host's buffer */

/* Everything is implemented, so that everything is reached. */
static const char persona[] =
	"{\"format\": 1, \"name\": \"fuzz\","
	" \"identify_controller\": {\"vid\": 1, \"sn\": \"S\", \"mn\": \"M\", \"fr\": \"F\", "
	"\"ver\": \"0x20000\", \"nn\": 8, \"lpa\": 15, \"elpe\": 7, "
	"\"aerl\": 3,"
	"   \"oacs\": \"0x62f\", \"oncs\": \"0x1ff\", \"fna\": 4, \"sanicap\": 7, \"ctratt\": "
	"\"0x80215\","
	"   \"cdfs\": 15, \"nwpc\": 7},"
	" \"effects_log\": {\"admin\": {\"0x02\": 1}, \"nvm\": {\"0x02\": 1}, \"zns\": {\"0x02\": "
	"1}},"
	" \"quirks\": {\"implements_unlisted\": true},"
	" \"features\": {\"0x02\": {\"saveable\": true}, \"0x03\": {\"namespace_specific\": true}, "
	"\"0x04\": {},"
	"   \"0x05\": {}, \"0x06\": {\"saveable\": true}, \"0x0b\": {\"default\": \"0x7fff\"}, "
	"\"0x0c\": {},"
	"   \"0x0d\": {}, \"0x0e\": {}, \"0x16\": {}, \"0x19\": {}, \"0x81\": {},"
	"   \"0x82\": {\"namespace_specific\": true}, \"0x83\": {\"namespace_specific\": true},"
	"   \"0x84\": {\"namespace_specific\": true}},"
	" \"supported_logs\": [0,1,2,3,4,5,6,7,8,9,12,13,18,19,20,32,128,129,191,202],"
	" \"logs\": [{\"lid\": 202, \"data\": \"0102030405060708\"},"
	"   {\"lid\": 32, \"data\": "
	"\"0000010060000000000000000000000050008000010000000200030000010000"
	"0000010000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000\"}],"
	" \"behaviours\": [{\"name\": \"tunnel\", \"phase\": \"before\", \"when\": {\"queue\": "
	"\"io\","
	"   \"opcode\": 1, \"lba\": 7}, \"do\": [{\"drop\": true}, {\"run\": {\"queue\": \"admin\","
	"   \"payload_offset\": 0, \"data_offset\": 64, \"length\": 512}}]},"
	"   {\"name\": \"over\", \"when\": {\"look\": \"log\", \"lid\": 3}, \"do\": [{\"overrun\": "
	"64}]}],"
	" \"firmware\": {\"slots\": 3, \"activate_without_reset\": true, \"active\": 1,"
	"   \"revisions\": {\"1\": \"FW1\"}},"
	" \"timing\": {\"sanitize_ms\": 3, \"format_ms\": 2, \"self_test_ms\": 5},"
	" \"telemetry\": {\"host_bytes\": 1024, \"controller_bytes\": 512},"
	" \"namespaces\": ["
	"   {\"nsid\": 1, \"size\": 4096, \"lbaf\": [{\"ds\": 9}, {\"ds\": 9, \"ms\": 8}, {\"ds\": "
	"12, \"ms\": 64}],"
	"    \"mc\": 3, \"dpc\": 31, \"dlfeat\": 9, \"rescap\": \"0xff\"},"
	"   {\"nsid\": 2, \"csi\": \"zns\", \"size\": 512, \"lbaf\": [{\"ds\": 9}],"
	"    \"zns\": {\"zone_size\": 64, \"zone_capacity\": 48, \"max_open\": 2, \"max_active\": "
	"3}},"
	"   {\"nsid\": 3, \"size\": 64, \"attached\": false, \"lbaf\": [{\"ds\": 9}]}]}";

struct job {
	struct sl_model_req req;
	uint8_t *data;
};

static unsigned in_flight;

static void on_done(struct sl_model_req *r)
{
	struct job *j = (struct job *)((uint8_t *)r - offsetof(struct job, req));

	/* An answer never claims more than its buffer holds. */
	if (r->ret_len > r->data_cap || r->ret_meta_len > r->meta_cap)
		abort();
	in_flight--;
	free(j->data);
	free(j);
}

/* One record; returns how many bytes it took, 0: it is not whole. */
static size_t record(struct sl_model *m, const uint8_t *p, size_t size)
{
	uint32_t len;
	struct job *j;

	if (size < 72)
		return 0;
	len = sl_get_le16(p + 4) * 4u;
	if (len > SL_WIRE_DATA_MAX)
		len = SL_WIRE_DATA_MAX;
	sl_model_advance(m, sl_model_now(m) + p[3]);
	if (p[2] & 1)
		sl_model_reset(m);
	if (p[2] & 2)
		sl_model_power_cycle(m);
	if (p[2] & 4) {
		uint8_t hash[32];

		sl_model_hash(m, hash);
	}
	j = calloc(1, sizeof(*j));
	if (!j)
		return 0;
	j->data = calloc(1, len + SLACK + SL_WIRE_META_MAX);
	if (!j->data) {
		free(j);
		return 0;
	}
	j->req.queue = p[0] & 1 ? SL_WIRE_NVME_IO : SL_WIRE_NVME_ADMIN;
	j->req.dir = p[1] & 3;
	j->req.data = j->data;
	j->req.data_len = len;
	j->req.data_cap = len + SLACK;
	j->req.meta = j->data + len + SLACK;
	j->req.meta_len = (p[1] >> 2) * 64u;
	j->req.meta_cap = SL_WIRE_META_MAX;
	j->req.done = on_done;
	memcpy(j->req.sqe, p + 8, 64);
	size -= 72;
	if (size > len)
		size = len;
	if (j->req.dir == SL_DIR_OUT || j->req.dir == SL_DIR_BOTH)
		memcpy(j->data, p + 72, size);
	else
		size = 0;
	in_flight++;
	sl_model_submit(m, &j->req);
	return 72 + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_persona *p;
	struct sl_model *m;
	size_t n;

	struct sl_diag diag;

	if (!p && sl_persona_parse(persona, sizeof(persona) - 1, "fuzz", &p, &diag) < 0) {
		fprintf(stderr, "%s\n", diag.text);
		abort();
	}
	if (sl_model_new(p, 1, &m) < 0)
		abort();
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
