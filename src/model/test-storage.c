/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the sparse store: every block against a plain array of the same content. */
#undef NDEBUG
#include "model/storage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 96, BLOCK = 512, META = 8 };

static uint8_t plain[BLOCKS][BLOCK], plain_meta[BLOCKS][META];
static bool mapped[BLOCKS], bad[BLOCKS];

static void same(const struct sl_store *s)
{
	uint8_t block[BLOCK], meta[META];
	uint64_t n = 0;

	for (unsigned i = 0; i < BLOCKS; i++) {
		sl_store_read(s, i, 1, block, meta);
		assert(memcmp(block, plain[i], BLOCK) == 0);
		assert(!mapped[i] || memcmp(meta, plain_meta[i], META) == 0);
		assert(sl_store_flags(s, i, 1) ==
		       (unsigned)((mapped[i] ? SL_BLOCK_MAPPED : 0) | (bad[i] ? SL_BLOCK_BAD : 0)));
		n += mapped[i];
	}
	assert(sl_store_mapped(s) == n);
}

static void set(unsigned lba, unsigned n, uint8_t byte, bool map)
{
	memset(plain[lba], byte, (size_t)n * BLOCK);
	memset(plain_meta[lba], 0, (size_t)n * META);
	for (unsigned i = lba; i < lba + n; i++) {
		mapped[i] = map;
		bad[i] = false;
	}
}

static void random_operations(void)
{
	struct sl_store *s;
	uint32_t x = 1;
	uint8_t *buf = malloc(BLOCKS * BLOCK), meta[BLOCKS * META];

	assert(buf && sl_store_new(BLOCK, META, 0xff, &s) == 0);
	set(0, BLOCKS, 0xff, false);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned lba, n;

		x = x * 1103515245 + 12345;
		lba = x >> 8 & 63;
		n = 1 + (x >> 16 & 31);
		switch (x >> 24 & 3) {
		case 0:
			memset(buf, (int)round, (size_t)n * BLOCK);
			memset(meta, (int)round + 1, (size_t)n * META);
			assert(sl_store_write(s, lba, n, buf, meta) == 0);
			set(lba, n, (uint8_t)round, true);
			memset(plain_meta[lba], (int)round + 1, (size_t)n * META);
			break;
		case 1:
			assert(sl_store_fill(s, lba, n, round & 1 ? 0 : 0x5a) == 0);
			set(lba, n, round & 1 ? 0 : 0x5a, true);
			break;
		case 2:
			sl_store_deallocate(s, lba, n);
			set(lba, n, 0xff, false);
			break;
		case 3:
			assert(sl_store_mark_bad(s, lba, n) == 0);
			for (unsigned i = lba; i < lba + n; i++)
				bad[i] = true;
			break;
		}
		if (round % 50 == 0)
			same(s);
	}
	same(s);
	assert(sl_store_find(s, 0, 0, SL_BLOCK_BAD) == 0);
	sl_store_erase(s, 0x01020304);
	sl_store_read(s, 5, 1, buf, NULL);
	assert(buf[0] == 4 && buf[1] == 3 && buf[2] == 2 && buf[511] == 1);
	assert(sl_store_mapped(s) == 0);
	sl_store_free(s);
	free(buf);
}

static void feed(void *arg, const void *p, size_t n)
{
	uint64_t *h = arg;
	const uint8_t *b = p;

	while (n--)
		*h = (*h ^ *b++) * 0x100000001b3u;
}

static uint64_t digest(const struct sl_store *s)
{
	uint64_t h = 1;

	sl_store_digest(s, feed, &h);
	return h;
}

/* The digest tells content apart and does not tell histories apart. */
static void digests(void)
{
	struct sl_store *a, *b;
	uint8_t block[512] = {0};
	uint64_t empty;

	assert(sl_store_new(512, 0, 0, &a) == 0 && sl_store_new(512, 0, 0, &b) == 0);
	empty = digest(a);
	block[3] = 1;
	for (uint64_t i = 0; i < 500; i++)
		assert(sl_store_write(a, i * 1000, 1, block, NULL) == 0);
	for (uint64_t i = 500; i-- > 0;)
		assert(sl_store_write(b, i * 1000, 1, block, NULL) == 0);
	assert(digest(a) == digest(b) && digest(a) != empty);
	/* zeroes with bytes behind them and zeroes without are the same zeroes */
	block[3] = 0;
	assert(sl_store_write(a, 1000, 1, block, NULL) == 0);
	assert(digest(a) != digest(b));
	sl_store_deallocate(b, 1000, 1);
	assert(digest(a) != digest(b));
	assert(sl_store_fill(b, 1000, 1, 0) == 0);
	assert(digest(a) == digest(b));
	sl_store_deallocate(a, 0, 1ull << 40);
	assert(digest(a) == empty && sl_store_mapped(a) == 0);
	assert(sl_store_free(a) == NULL);
	sl_store_free(b);
	sl_store_free(NULL);
}

int main(void)
{
	random_operations();
	digests();
	return 0;
}
