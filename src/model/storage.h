/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparse block storage of one namespace: what was never written costs nothing. Knows blocks and
 * their metadata; knows neither commands nor namespaces.
 */
#ifndef SL_MODEL_STORAGE_H
#define SL_MODEL_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_store;

/* What a block is at the moment. */
enum sl_block_flag {
	SL_BLOCK_MAPPED = 1, /* written and not deallocated since */
	SL_BLOCK_BAD = 2,    /* marked uncorrectable */
};

/*
 * block: 512 … 65536 bytes, a power of two; meta: bytes of metadata beside each block. `fill` is
 * the byte that a deallocated block reads as. 0 or -ENOMEM.
 */
int sl_store_new(uint32_t block, uint32_t meta, uint8_t fill, struct sl_store **ret);
struct sl_store *sl_store_free(struct sl_store *s);

/*
 * Blocks [lba, lba + n). Bounds are the caller's. `meta` may be NULL: not wanted, or zeroes.
 * Read fills both for unmapped blocks as well; it tells nothing of bad ones, see sl_store_flags.
 */
void sl_store_read(const struct sl_store *s, uint64_t lba, uint64_t n, void *data, void *meta);
int sl_store_write(struct sl_store *s, uint64_t lba, uint64_t n, const void *data,
		   const void *meta);
/* Mapped blocks of one byte value; costs little for zeroes. 0 or -ENOMEM. */
int sl_store_fill(struct sl_store *s, uint64_t lba, uint64_t n, uint8_t byte);
void sl_store_deallocate(struct sl_store *s, uint64_t lba, uint64_t n);
/* Marks blocks uncorrectable until they are written. 0 or -ENOMEM. */
int sl_store_mark_bad(struct sl_store *s, uint64_t lba, uint64_t n);
/* Drops everything; from now on, a block that was not written reads as the 4-byte pattern. */
void sl_store_erase(struct sl_store *s, uint32_t pattern);

/* The union of the flags of the blocks; how far a run with equal flags goes when ret_run. */
unsigned sl_store_flags(const struct sl_store *s, uint64_t lba, uint64_t n);
/* First block of [lba, lba + n) with any of `flags`; returns lba + n when there is none. */
uint64_t sl_store_find(const struct sl_store *s, uint64_t lba, uint64_t n, unsigned flags);
uint64_t sl_store_mapped(const struct sl_store *s);

/* Feeds all content, in order, in a form that depends on nothing but the content. */
void sl_store_digest(const struct sl_store *s, void (*feed)(void *arg, const void *p, size_t n),
		     void *arg);

#endif
