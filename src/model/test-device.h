/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this room: a device with every command the engine knows, and one-line commands
 * to it. Everything here asserts; nothing returns an error.
 */
#ifndef SL_MODEL_TEST_DEVICE_H
#define SL_MODEL_TEST_DEVICE_H

#include "core/command.h"
#include "model/model.h"
#include "model/persona.h"

#define TEST_BUF (SL_WIRE_DATA_MAX + SL_PERSONA_OVERRUN_MAX)

struct test_device {
	struct sl_persona *p;
	struct sl_model *m;
	struct sl_model_req r; /* the last command */
	uint8_t data[TEST_BUF], meta[SL_WIRE_META_MAX];
	unsigned done; /* completions so far */
	bool failed;   /* the last one was of the transport */
	unsigned events;
};

/*
 * The standard device: namespaces 1 (NVM, 512 bytes, formats with 8 bytes of metadata and of 4096
 * bytes), 2 (zoned, 8 zones of 64 blocks) and 3 (allocated, not attached); `extra` is more members
 * for the JSON, starting with a comma, or "".
 */
struct test_device *test_device_new(const char *extra);
/* A device of the persona in `json`. */
struct test_device *test_device_json(const char *json);
void test_device_free(struct test_device *d);

/* Clears the buffers; what is to be sent is put into d->data then. */
void test_clear(struct test_device *d);
/*
 * Runs one command: cdw is CDW10 …, n of them. Data of `len` bytes goes `dir`. Returns the status
 * without DNR and MORE, 0xffff when it has not completed.
 */
uint16_t test_run(struct test_device *d, uint8_t queue, uint8_t opc, uint32_t nsid, uint8_t dir,
		  uint32_t len, unsigned n, const uint32_t *cdw);
#define ADMIN(d, opc, nsid, dir, len, ...)                                                         \
	test_run(d, SL_WIRE_NVME_ADMIN, opc, nsid, dir, len,                                       \
		 sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})
#define IO(d, opc, nsid, dir, len, ...)                                                            \
	test_run(d, SL_WIRE_NVME_IO, opc, nsid, dir, len, sizeof((uint32_t[]){__VA_ARGS__}) / 4,   \
		 (uint32_t[]){__VA_ARGS__})

/* Get Log Page of len bytes from offset, RAE as said; asserts success. */
const uint8_t *test_log(struct test_device *d, uint8_t lid, bool rae, uint32_t len, uint64_t at);
const uint8_t *test_identify(struct test_device *d, uint32_t nsid, uint8_t cns);
/* Is the state the same as at the last call? The first call only remembers. */
bool test_unchanged(struct test_device *d, uint8_t hash[32]);
/* An unused request of its own buffers for commands that stay in flight. */
struct sl_model_req *test_async(struct test_device *d, uint8_t queue, uint8_t opc, uint32_t cdw10);

#endif
