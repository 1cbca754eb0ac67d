/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of this folder: one-line commands to a logical unit. Everything here asserts. */
#ifndef SL_MODEL_SCSI_TEST_LU_H
#define SL_MODEL_SCSI_TEST_LU_H

#include "model/scsi/scsi.h"
#include "model/test-device.h"

/* A disk of 4096 blocks of 512 bytes, thin, with every command; `extra` as for test_device_new. */
struct test_device *test_lu_new(const char *extra);

/*
 * Runs one command. Data of `len` bytes goes `dir`. Returns the persona's word: 0, a status byte,
 * or sense key, ASC and ASCQ as they came back in sense data; 0xffffffff: it has not completed.
 */
uint32_t test_cdb(struct test_device *d, uint8_t dir, uint32_t len, unsigned n, const uint8_t *cdb);
#define CDB(d, dir, len, ...)                                                                      \
	test_cdb(d, SL_DIR_##dir, len, sizeof((uint8_t[]){__VA_ARGS__}), (uint8_t[]){__VA_ARGS__})

#endif
