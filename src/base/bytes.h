/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in a stated order, and bounded views of them. Nothing here knows a device word.
 *
 * Every parser in the tree reads through struct sl_view: a read past the end sets `bad` and yields
 * zero, so that a parser checks once at the end and can never read outside.
 */
#ifndef SL_BASE_BYTES_H
#define SL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t sl_get_le16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t sl_get_le32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t sl_get_le64(const void *p)
{
	const uint8_t *b = p;
	return sl_get_le32(b) | (uint64_t)sl_get_le32(b + 4) << 32;
}

static inline uint16_t sl_get_be16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t sl_get_be32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

static inline uint64_t sl_get_be64(const void *p)
{
	const uint8_t *b = p;
	return (uint64_t)sl_get_be32(b) << 32 | sl_get_be32(b + 4);
}

static inline void sl_put_le16(void *p, uint16_t v)
{
	uint8_t *b = p;
	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void sl_put_le32(void *p, uint32_t v)
{
	uint8_t *b = p;
	sl_put_le16(b, (uint16_t)v);
	sl_put_le16(b + 2, (uint16_t)(v >> 16));
}

static inline void sl_put_le64(void *p, uint64_t v)
{
	uint8_t *b = p;
	sl_put_le32(b, (uint32_t)v);
	sl_put_le32(b + 4, (uint32_t)(v >> 32));
}

/* A bounded reader over bytes that somebody else owns. */
struct sl_view {
	const uint8_t *p;
	size_t len;
	size_t at;
	bool bad; /* a read went past the end: whatever was read is void */
};

static inline struct sl_view sl_view(const void *p, size_t len)
{
	return (struct sl_view){.p = p, .len = len};
}

/* Takes n bytes; NULL (and `bad`) when fewer are left. */
static inline const uint8_t *sl_view_take(struct sl_view *v, size_t n)
{
	const uint8_t *p;

	if (v->bad || n > v->len - v->at) {
		v->bad = true;
		return NULL;
	}
	p = v->p + v->at;
	v->at += n;
	return p;
}

static inline uint8_t sl_view_u8(struct sl_view *v)
{
	const uint8_t *p = sl_view_take(v, 1);
	return p ? *p : 0;
}

static inline uint16_t sl_view_le16(struct sl_view *v)
{
	const uint8_t *p = sl_view_take(v, 2);
	return p ? sl_get_le16(p) : 0;
}

static inline uint32_t sl_view_le32(struct sl_view *v)
{
	const uint8_t *p = sl_view_take(v, 4);
	return p ? sl_get_le32(p) : 0;
}

#define SL_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
