/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer wrote is read back; whatever was changed afterwards is found, and where. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/reader.h"

#define RECORDS 6

static char path[] = "/tmp/sluice-ledger-XXXXXX";

static int make(void)
{
	struct sl_record rec[RECORDS] = {
		{.type = SL_RECORD_START, .text = "health"},
		{.type = SL_RECORD_INTENT, .device = "/dev/nvme0"},
		{.type = SL_RECORD_OUTCOME, .of = 2, .device = "/dev/nvme0"},
		{.type = SL_RECORD_DENIAL, .rule = 1, .line = 12, .text = "health.policy"},
		{.type = SL_RECORD_INTENT},
		{.type = SL_RECORD_START, .text = "health"},
	};
	struct sl_ledger l;
	int fd = open(path, O_RDWR | O_APPEND | O_TRUNC);

	assert(fd >= 0);
	sl_ledger_init(&l, fd, 1, 0);
	for (unsigned i = 0; i < RECORDS; i++)
		assert(sl_ledger_append(&l, &rec[i], false) == i + 1);
	return fd;
}

/* Records read before the end or a finding; *ret_error what the last call returned. */
static unsigned count(int *ret_error, uint64_t *ret_open)
{
	struct sl_ledger_reader *r;
	struct sl_record rec;
	struct sl_diag d = {0};
	unsigned n = 0;

	assert(sl_ledger_reader_new(path, &r, &d) == 0);
	while ((*ret_error = sl_ledger_reader_next(r, &rec, &d)) == 1)
		assert(rec.seq == ++n);
	assert(*ret_error == 0 || d.text[0]);
	*ret_open = sl_ledger_reader_open_intents(r);
	assert(sl_ledger_reader_free(r) == NULL);
	return n;
}

/* A disk that takes records and does not sync them leaves intents behind that nobody closes. */
static void test_many_open(void)
{
	struct sl_record rec = {.type = SL_RECORD_START, .text = "health"};
	int fd = open(path, O_RDWR | O_APPEND | O_TRUNC), error;
	struct sl_ledger l;
	uint64_t unclosed, last = 0;

	assert(fd >= 0);
	sl_ledger_init(&l, fd, 1, 0);
	assert(sl_ledger_append(&l, &rec, false));
	for (unsigned i = 0; i < 5000; i++) {
		rec = (struct sl_record){.type = SL_RECORD_INTENT};
		last = sl_ledger_append(&l, &rec, false);
	}
	rec = (struct sl_record){.type = SL_RECORD_OUTCOME, .of = last};
	assert(sl_ledger_append(&l, &rec, false));
	assert(count(&error, &unclosed) == 5002 && error == 0 && unclosed == 4999);
	/* Of a record that is to come, or of one long before: still a finding. */
	rec = (struct sl_record){.type = SL_RECORD_OUTCOME, .of = 1u << 20};
	assert(sl_ledger_append(&l, &rec, false));
	assert(count(&error, &unclosed) == 5002 && error < 0);
	close(fd);
}

int main(void)
{
	const off_t size = sizeof(struct sl_record);
	struct sl_record a, b;
	uint64_t open_intents;
	int fd = mkstemp(path), error;

	assert(fd >= 0);
	close(fd);
	fd = make();
	assert(count(&error, &open_intents) == RECORDS && error == 0 && open_intents == 1);
	close(fd);

	/* Every single bit counts: flip one in each byte of a record. */
	for (off_t at = 0; at < size; at++) {
		uint8_t c;

		fd = make();
		assert(pread(fd, &c, 1, 2 * size + at) == 1);
		c ^= 0x10;
		assert(fcntl(fd, F_SETFL, 0) == 0 && pwrite(fd, &c, 1, 2 * size + at) == 1);
		assert(count(&error, &open_intents) == 2 && error == -EBADMSG);
		close(fd);
	}

	/* Two records exchanged, one cut out of the middle, a torn end. */
	fd = make();
	assert(pread(fd, &a, sizeof(a), size) == size &&
	       pread(fd, &b, sizeof(b), 2 * size) == size);
	assert(fcntl(fd, F_SETFL, 0) == 0);
	assert(pwrite(fd, &b, sizeof(b), size) == size &&
	       pwrite(fd, &a, sizeof(a), 2 * size) == size);
	assert(count(&error, &open_intents) == 1 && error == -EBADMSG);
	close(fd);
	fd = make();
	assert(pread(fd, &b, sizeof(b), 2 * size) == size && fcntl(fd, F_SETFL, 0) == 0);
	assert(pwrite(fd, &b, sizeof(b), size) == size);
	assert(count(&error, &open_intents) == 1 && error == -EBADMSG);
	close(fd);
	fd = make();
	assert(ftruncate(fd, RECORDS * size - 1) == 0);
	assert(count(&error, &open_intents) == RECORDS - 1 && error == -EBADMSG);
	close(fd);
	test_many_open();
	unlink(path);
	return 0;
}
