/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparse block storage: a hash map of chunks of 4 KiB (or of one block, where that is larger). A
 * chunk exists while any of its blocks is mapped or bad; its bytes exist while they are not all
 * zero.
 */
#include "model/storage.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define CHUNK_BYTES 4096u

struct chunk {
	uint64_t index; /* lba / per_chunk */
	struct chunk *next;
	uint8_t *data;	/* NULL: zeroes */
	uint8_t *meta;	/* NULL: zeroes */
	uint8_t mapped; /* a bit a block */
	uint8_t bad;
};

struct sl_store {
	uint32_t block, meta;
	uint32_t per_chunk; /* blocks, 1 … 8 */
	uint8_t pattern[4]; /* of unmapped blocks */
	uint64_t mapped;
	size_t chunks, buckets; /* buckets: a power of two */
	struct chunk **bucket;
};

int sl_store_new(uint32_t block, uint32_t meta, uint8_t fill, struct sl_store **ret)
{
	struct sl_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->block = block;
	s->meta = meta;
	s->per_chunk = block < CHUNK_BYTES ? CHUNK_BYTES / block : 1;
	memset(s->pattern, fill, sizeof(s->pattern));
	s->buckets = 64;
	s->bucket = calloc(s->buckets, sizeof(struct chunk *));
	if (!s->bucket) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

static void chunk_free(struct chunk *c)
{
	free(c->data);
	free(c->meta);
	free(c);
}

static void drop_all(struct sl_store *s)
{
	for (size_t i = 0; i < s->buckets; i++) {
		for (struct chunk *c = s->bucket[i], *next; c; c = next) {
			next = c->next;
			chunk_free(c);
		}
		s->bucket[i] = NULL;
	}
	s->chunks = 0;
	s->mapped = 0;
}

struct sl_store *sl_store_free(struct sl_store *s)
{
	if (s) {
		drop_all(s);
		free(s->bucket);
		free(s);
	}
	return NULL;
}

static struct chunk **slot(const struct sl_store *s, uint64_t index)
{
	uint64_t h = index * 0x9e3779b97f4a7c15u;

	return &s->bucket[(h >> 32) & (s->buckets - 1)];
}

static struct chunk *find(const struct sl_store *s, uint64_t index)
{
	struct chunk *c = *slot(s, index);

	while (c && c->index != index)
		c = c->next;
	return c;
}

/* Doubles the table; when memory is short the chains only get longer. */
static void grow(struct sl_store *s)
{
	struct sl_store wider = *s;

	wider.buckets = s->buckets * 2;
	wider.bucket = calloc(wider.buckets, sizeof(struct chunk *));
	if (!wider.bucket)
		return;
	for (size_t i = 0; i < s->buckets; i++) {
		for (struct chunk *c = s->bucket[i], *next; c; c = next) {
			struct chunk **to = slot(&wider, c->index);

			next = c->next;
			c->next = *to;
			*to = c;
		}
	}
	free(s->bucket);
	s->bucket = wider.bucket;
	s->buckets = wider.buckets;
}

static struct chunk *get(struct sl_store *s, uint64_t index)
{
	struct chunk *c = find(s, index), **to;

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	if (s->chunks >= s->buckets)
		grow(s);
	to = slot(s, index);
	c->index = index;
	c->next = *to;
	*to = c;
	s->chunks++;
	return c;
}

static void drop(struct sl_store *s, struct chunk *c)
{
	struct chunk **at = slot(s, c->index);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	s->chunks--;
	chunk_free(c);
}

static void set_mapped(struct sl_store *s, struct chunk *c, uint32_t i, bool on)
{
	uint8_t bit = (uint8_t)(1u << i);

	if (on && !(c->mapped & bit))
		s->mapped++;
	if (!on && (c->mapped & bit))
		s->mapped--;
	c->mapped = (uint8_t)(on ? c->mapped | bit : c->mapped & ~bit);
}

static void fill_pattern(const struct sl_store *s, uint8_t *p)
{
	for (uint32_t i = 0; i < s->block; i += 4)
		memcpy(p + i, s->pattern, 4);
}

void sl_store_read(const struct sl_store *s, uint64_t lba, uint64_t n, void *data, void *meta)
{
	uint8_t *d = data, *m = meta;

	for (; n; n--, lba++) {
		const struct chunk *c = find(s, lba / s->per_chunk);
		uint32_t i = (uint32_t)(lba % s->per_chunk);

		if (!c || !(c->mapped & 1u << i))
			fill_pattern(s, d);
		else if (c->data)
			memcpy(d, c->data + (size_t)i * s->block, s->block);
		else
			memset(d, 0, s->block);
		d += s->block;
		if (!m)
			continue;
		if (c && c->meta && (c->mapped & 1u << i))
			memcpy(m, c->meta + (size_t)i * s->meta, s->meta);
		else /* an unmapped block has the tags that switch checking off */
			memset(m, c && (c->mapped & 1u << i) ? 0 : 0xff, s->meta);
		m += s->meta;
	}
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Puts one block's bytes (NULL: zeroes) into a part of a chunk that may not exist yet. */
static int put(uint8_t **part, uint32_t per_chunk, uint32_t i, uint32_t size, const uint8_t *p)
{
	bool zero = !p || all_zero(p, size);

	if (!*part && zero)
		return 0;
	if (!*part)
		*part = calloc(per_chunk, size);
	if (!*part)
		return -ENOMEM;
	if (zero)
		memset(*part + (size_t)i * size, 0, size);
	else
		memcpy(*part + (size_t)i * size, p, size);
	return 0;
}

static int write_block(struct sl_store *s, uint64_t lba, const uint8_t *d, const uint8_t *m)
{
	struct chunk *c = get(s, lba / s->per_chunk);
	uint32_t i = (uint32_t)(lba % s->per_chunk);
	int r;

	if (!c)
		return -ENOMEM;
	r = put(&c->data, s->per_chunk, i, s->block, d);
	if (r == 0 && s->meta)
		r = put(&c->meta, s->per_chunk, i, s->meta, m);
	if (r < 0 && !c->mapped && !c->bad) {
		drop(s, c);
		return r;
	}
	if (r < 0)
		return r;
	c->bad = (uint8_t)(c->bad & ~(1u << i));
	set_mapped(s, c, i, true);
	return 0;
}

int sl_store_write(struct sl_store *s, uint64_t lba, uint64_t n, const void *data, const void *meta)
{
	const uint8_t *d = data, *m = meta;

	for (uint64_t k = 0; k < n; k++) {
		int r = write_block(s, lba + k, d + k * s->block, m ? m + k * s->meta : NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

int sl_store_fill(struct sl_store *s, uint64_t lba, uint64_t n, uint8_t byte)
{
	uint8_t *block = NULL;
	int r = 0;

	if (byte) {
		block = malloc(s->block);
		if (!block)
			return -ENOMEM;
		memset(block, byte, s->block);
	}
	for (uint64_t k = 0; k < n && r == 0; k++)
		r = write_block(s, lba + k, block, NULL);
	free(block);
	return r;
}

static void unmap(struct sl_store *s, struct chunk *c, uint64_t lba, uint64_t n)
{
	uint64_t first = c->index * s->per_chunk;

	for (uint32_t i = 0; i < s->per_chunk; i++) {
		if (first + i < lba || first + i - lba >= n)
			continue;
		set_mapped(s, c, i, false);
		c->bad = (uint8_t)(c->bad & ~(1u << i));
	}
	if (!c->mapped && !c->bad)
		drop(s, c);
}

void sl_store_deallocate(struct sl_store *s, uint64_t lba, uint64_t n)
{
	if (n == 0)
		return;
	/* A range that is wider than what there is: walk what there is. */
	if (n / s->per_chunk > s->chunks) {
		for (size_t i = 0; i < s->buckets; i++) {
			for (struct chunk *c = s->bucket[i], *next; c; c = next) {
				next = c->next;
				unmap(s, c, lba, n);
			}
		}
		return;
	}
	for (uint64_t k = lba / s->per_chunk; k <= (lba + n - 1) / s->per_chunk; k++) {
		struct chunk *c = find(s, k);

		if (c)
			unmap(s, c, lba, n);
	}
}

int sl_store_mark_bad(struct sl_store *s, uint64_t lba, uint64_t n)
{
	for (; n; n--, lba++) {
		struct chunk *c = get(s, lba / s->per_chunk);

		if (!c)
			return -ENOMEM;
		c->bad = (uint8_t)(c->bad | 1u << (lba % s->per_chunk));
	}
	return 0;
}

void sl_store_erase(struct sl_store *s, uint32_t pattern)
{
	drop_all(s);
	sl_put_le32(s->pattern, pattern);
}

/* Blocks of a chunk, as bits, with any of `flags`. */
static unsigned flagged(const struct chunk *c, unsigned flags)
{
	return (flags & SL_BLOCK_MAPPED ? c->mapped : 0u) | (flags & SL_BLOCK_BAD ? c->bad : 0u);
}

unsigned sl_store_flags(const struct sl_store *s, uint64_t lba, uint64_t n)
{
	unsigned all = 0;

	for (unsigned flag = SL_BLOCK_MAPPED; flag <= SL_BLOCK_BAD; flag <<= 1)
		if (sl_store_find(s, lba, n, flag) < lba + n)
			all |= flag;
	return all;
}

/* Chunks that are not there, or have none, are left behind as a whole: devices are mostly empty. */
uint64_t sl_store_find(const struct sl_store *s, uint64_t lba, uint64_t n, unsigned flags)
{
	uint64_t end = lba + n;

	while (lba < end) {
		const struct chunk *c = find(s, lba / s->per_chunk);
		unsigned bits = c ? flagged(c, flags) >> lba % s->per_chunk : 0;

		if (bits & 1)
			return lba;
		if (bits)
			lba++;
		else
			lba += s->per_chunk - lba % s->per_chunk;
	}
	return end;
}

uint64_t sl_store_mapped(const struct sl_store *s)
{
	return s->mapped;
}

static int by_index(const void *a, const void *b)
{
	uint64_t x = (*(struct chunk *const *)a)->index, y = (*(struct chunk *const *)b)->index;

	return x < y ? -1 : x > y;
}

static void digest_chunk(const struct sl_store *s, const struct chunk *c,
			 void (*feed)(void *arg, const void *p, size_t n), void *arg)
{
	static const uint8_t zero[512];
	uint8_t head[10];

	sl_put_le32(head, (uint32_t)c->index);
	sl_put_le32(head + 4, (uint32_t)(c->index >> 32));
	head[8] = c->mapped;
	head[9] = c->bad;
	feed(arg, head, sizeof(head));
	for (uint32_t i = 0; i < s->per_chunk; i++) {
		if (!(c->mapped & 1u << i))
			continue;
		if (c->data)
			feed(arg, c->data + (size_t)i * s->block, s->block);
		for (uint32_t k = 0; !c->data && k < s->block; k += sizeof(zero))
			feed(arg, zero, sizeof(zero));
		if (c->meta)
			feed(arg, c->meta + (size_t)i * s->meta, s->meta);
		for (uint32_t k = 0; !c->meta && k < s->meta; k++)
			feed(arg, zero, 1);
	}
}

void sl_store_digest(const struct sl_store *s, void (*feed)(void *arg, const void *p, size_t n),
		     void *arg)
{
	struct chunk **all = calloc(s->chunks + 1, sizeof(struct chunk *));
	size_t n = 0;

	/* A digest of part of the state would be a lie: stop rather than tell it. */
	if (!all)
		abort();
	for (size_t i = 0; i < s->buckets; i++)
		for (struct chunk *c = s->bucket[i]; c; c = c->next)
			all[n++] = c;
	qsort(all, n, sizeof(all[0]), by_index);
	feed(arg, s->pattern, sizeof(s->pattern));
	for (size_t i = 0; i < n; i++)
		digest_chunk(s, all[i], feed, arg);
	free(all);
}
