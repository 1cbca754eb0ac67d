/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small NVMe device behind the wire, for tests of the front end alone: no policy, no persona,
 * state in memory. It refuses a few commands the way a broker would, so that refusals can be seen.
 * Device 1 of the session is a SCSI disk, 2 a CXL memory device, 3 the fwctl
 * device of one.
 */
#ifndef SL_FRONT_RUN_TEST_DEVICE_H
#define SL_FRONT_RUN_TEST_DEVICE_H

#include <stdint.h>

#include "wire/wire.h"

/* Forks the device. Returns the client's end of its socket; *ret_pid is the process to wait for. */
int test_device_start(int *ret_pid);

#define TEST_DEVICE_BLOCKS 4096u /* of 512 bytes, one namespace */
#define TEST_OPC_RESIZE	   0x0du /* Namespace Management: here, CDW10 is the new LBADS */
#define TEST_OPC_ATTACH                                                                            \
	0x15u		     /* Namespace Attachment: here, CDW10 has bit n for namespace n + 1    \
			      */
#define TEST_OPC_DELAY 0xc0u /* answers after CDW10 milliseconds */
#define TEST_OPC_COUNT 0xc2u /* result: commands of opcode CDW10 received so far */
#define TEST_OPC_ECHO  0xc3u /* both directions: returns the complement of the data */
#define TEST_OPC_GONE  0xc4u /* the device closes the connection */

#define TEST_DEVICES   6
#define TEST_CDB_COUNT 0xc0u /* how many commands of opcode CDB[2] came, 4 bytes little-endian */
#define TEST_CDB_HALF  0xc1u /* fills the first half of the buffer */
#define TEST_CDB_SHAPE 0xc2u /* length of the CDB and of the sense buffer, door, writable */

/* What becomes the completion: data and meta are as long as it says. */
struct test_answer {
	struct sl_wire_completion c;
	uint8_t *data; /* SL_WIRE_DATA_MAX */
	uint8_t meta[256];
	const char *text;
};
/* test-protocols.c */
void test_protocols_init(void);
void test_scsi(const struct sl_wire_command *w, const uint8_t *data, struct test_answer *a);
void test_mailbox(const struct sl_wire_command *w, const uint8_t *data, struct test_answer *a);

#endif
