/* SPDX-License-Identifier: Apache-2.0 */
/* Records continue one another; both ways to compute the checksum agree; a torn record is taken
 * back. */
#undef NDEBUG
#include <assert.h>

#include "ledger/writer.c"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

/* The largest file that this process may write. */
static int truncate_limit(rlim_t size)
{
	const struct rlimit r = {size, RLIM_INFINITY};

	(void)signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &r);
}

static void test_crc(void)
{
	uint8_t b[64];
	uint32_t crc;

	/* The check value of CRC-32C (RFC 3720, B.4: 32 bytes of zeroes; and "123456789"). */
	memset(b, 0, sizeof(b));
	assert(crc32c(0, b, 32) == 0x8a9136aa);
	assert(crc32c(0, "123456789", 9) == 0xe3069283);
	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof(b); n++) {
		crc = ~crc32c_table(~UINT32_C(5), b, n);
		assert(crc == crc32c(5, b, n));
	}
}

static void test_chain(void)
{
	char name[] = "/tmp/sluice-writer-XXXXXX";
	int fd = mkostemp(name, O_APPEND);
	struct sl_record r, rec = {.type = SL_RECORD_INTENT};
	struct sl_ledger l;
	uint32_t check = 0;

	assert(fd >= 0 && unlink(name) == 0);
	sl_ledger_init(&l, fd, 1, 0);
	assert(sl_ledger_append(&l, &rec, true) == 1);
	/* What is lost is counted, and said before the next record. */
	l.fd = open("/dev/full", O_WRONLY);
	assert(sl_ledger_append(&l, &rec, false) == 0 && l.lost == 1);
	close(l.fd);
	l.fd = fd;
	assert(sl_ledger_append(&l, &rec, false) == 3 && l.lost == 0);
	for (off_t i = 0; i < 3; i++) {
		assert(pread(fd, &r, sizeof(r), i * (off_t)sizeof(r)) == sizeof(r));
		assert(r.seq == (uint64_t)i + 1 && r.check == sl_record_check(check, &r));
		assert((r.type == SL_RECORD_GAP) == (i == 1) && r.lost == (i == 1));
		check = r.check;
	}
	close(fd);
}

/* A disk that is full in the middle of a record: RLIMIT_FSIZE cuts the write short. */
static void test_torn(void)
{
	char name[] = "/tmp/sluice-writer-XXXXXX";
	int fd = mkostemp(name, O_APPEND);
	struct sl_record rec = {.type = SL_RECORD_INTENT};
	struct sl_ledger l;

	assert(fd >= 0 && unlink(name) == 0);
	sl_ledger_init(&l, fd, 1, 0);
	assert(sl_ledger_append(&l, &rec, false) == 1);
	assert(truncate_limit(sizeof(rec) + 100) == 0);
	assert(sl_ledger_append(&l, &rec, false) == 0 && l.lost == 1);
	assert(truncate_limit(1 << 20) == 0);
	assert(lseek(fd, 0, SEEK_END) == sizeof(rec));
	assert(sl_ledger_append(&l, &rec, false) == 3);
	close(fd);
}

int main(void)
{
	test_crc();
	test_chain();
	test_torn();
	return 0;
}
