/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the persona loader, and what it lets through: a persona that loads must make a device,
 * take a fixed round of commands, time and resets, and never touch memory that is not its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"
#include "model/model.h"
#include "model/persona.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUF = 8192, ROOM = 4096 };

static void done(struct sl_model_req *r)
{
	(void)r;
}

static void command(struct sl_model *m, uint8_t queue, uint8_t opcode, uint32_t cdw10, uint32_t len)
{
	struct sl_model_req *r = calloc(1, sizeof(*r));
	uint8_t *buf = calloc(1, BUF + ROOM);

	if (r && buf) {
		r->queue = queue;
		r->dir = opcode & 3;
		r->data = buf;
		r->data_len = r->dir ? len : 0;
		r->data_cap = BUF + ROOM;
		r->done = done;
		r->owner = r;
		r->sqe[0] = opcode;
		r->sqe[4] = 1;
		sl_put_le32(r->sqe + 40, cdw10);
		sl_model_submit(m, r);
		sl_model_cancel(m, r);
	}
	free(r);
	free(buf);
}

static void cdb(struct sl_model *m, uint8_t dir, uint32_t len, const uint8_t bytes[16])
{
	struct sl_model_req *r = calloc(1, sizeof(*r));
	uint8_t *buf = calloc(1, BUF + ROOM);

	if (r && buf) {
		r->queue = SL_WIRE_SCSI_CDB;
		r->req_len = 16;
		r->dir = dir;
		r->data = buf;
		r->data_len = len;
		r->data_cap = BUF;
		r->meta = buf + BUF;
		r->meta_len = r->meta_cap = 252;
		r->done = done;
		r->owner = r;
		memcpy(r->sqe, bytes, 16);
		sl_model_submit(m, r);
		sl_model_cancel(m, r);
	}
	free(r);
	free(buf);
}

static void scsi_round(struct sl_model *m)
{
	static const struct {
		uint8_t dir;
		uint32_t len;
		uint8_t cdb[16];
	} round[] = {
		{SL_DIR_IN, 4096, {0x12, 0, 0, 0, 255}},
		{SL_DIR_IN, 4096, {0x12, 1, 0x83, 16}},
		{SL_DIR_IN, 4096, {0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 16}},
		{SL_DIR_IN, 4096, {0xa3, 0x0c, 1, 0x28, 0, 0, 0, 0, 16}},
		{SL_DIR_IN, 4096, {0x5a, 0, 0x3f, 0xff, 0, 0, 0, 16}},
		{SL_DIR_IN, 4096, {0x5a, 0, 0xff, 0xff, 0, 0, 0, 16}},
		{SL_DIR_IN, 4096, {0x4d, 0, 0x42, 0, 0, 0, 0, 16}},
		{SL_DIR_NONE, 0, {0x4c, 2, 0xc0}},
		{SL_DIR_IN, 4096, {0x4d, 0, 0x40, 0xff, 0, 0, 0, 16}},
		{SL_DIR_OUT, 512, {0x2a, 0, 0, 0, 0, 1, 0, 0, 1}},
		{SL_DIR_IN, 512, {0x28, 0, 0, 0, 0, 1, 0, 0, 1}},
		{SL_DIR_IN, 512, {0x08, 0, 0, 0, 1}},
		{SL_DIR_IN, 512, {0x85, 8, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xec}},
		{SL_DIR_OUT, 64, {0xc5, 1}},
		{SL_DIR_NONE, 0, {0x04}},
	};

	for (size_t i = 0; i < SL_COUNT(round); i++)
		cdb(m, round[i].dir, round[i].len, round[i].cdb);
}

static void nvme_round(struct sl_model *m)
{
	command(m, SL_WIRE_NVME_ADMIN, 0x06, 1, 4096);
	command(m, SL_WIRE_NVME_ADMIN, 0x02, 2 | 127u << 16, 512);
	command(m, SL_WIRE_NVME_ADMIN, 0x02, 5 | 1023u << 16, 4096);
	command(m, SL_WIRE_NVME_ADMIN, 0x0a, 6, 0);
	command(m, SL_WIRE_NVME_ADMIN, 0xc6, 1, 512);
	command(m, SL_WIRE_NVME_ADMIN, 0x80, 0, 0);
	command(m, SL_WIRE_NVME_IO, 0x01, 0, 4096);
	command(m, SL_WIRE_NVME_IO, 0x02, 0, 4096);
	command(m, SL_WIRE_NVME_IO, 0x00, 0, 0);
}

static void live(const struct sl_persona *p)
{
	struct sl_model *m;

	if (sl_model_new(p, p->seed, &m) < 0)
		return;
	for (unsigned round = 0; round < 3; round++) {
		uint8_t hash[32];

		if (p->protocol == SL_WIRE_NVME)
			nvme_round(m);
		else
			scsi_round(m);
		sl_model_hash(m, hash);
		sl_model_advance(m, 1000 * (round + 1));
		if (round == 0)
			sl_model_reset(m);
		else
			sl_model_power_cycle(m);
	}
	sl_model_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_persona *p;
	struct sl_diag d;

	if (sl_persona_parse((const char *)data, size, "fuzz.json", &p, &d) < 0)
		return 0;
	live(p);
	sl_persona_free(p);
	return 0;
}
