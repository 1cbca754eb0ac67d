/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pool.h"

#include <stdlib.h>
#include <string.h>

void sl_pool_init(struct sl_pool *p, size_t elem)
{
	*p = (struct sl_pool){.elem = elem};
}

void sl_pool_done(struct sl_pool *p)
{
	free(p->data);
	free(p->slots);
	*p = (struct sl_pool){0};
}

static void *must(void *p)
{
	if (!p)
		abort(); /* as in arena.c */
	return p;
}

uint32_t sl_pool_append(struct sl_pool *p, const void *items, uint32_t n)
{
	uint32_t first = p->n;

	if (n > p->cap - p->n) {
		p->cap = 2 * (p->n + n) + 16;
		p->data = must(realloc(p->data, p->cap * p->elem));
	}
	if (n)
		memcpy(p->data + first * p->elem, items, n * p->elem);
	p->n += n;
	return first;
}

static uint32_t hash_of(const void *items, size_t size)
{
	const uint8_t *b = items;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

static struct sl_pool_slot *slot_of(struct sl_pool *p, uint32_t hash, const void *items, uint32_t n)
{
	for (uint32_t i = hash;; i++) {
		struct sl_pool_slot *s = &p->slots[i & (p->n_slots - 1)];

		if (!s->n || (s->hash == hash && s->n == n &&
			      memcmp(p->data + s->first * p->elem, items, n * p->elem) == 0))
			return s;
	}
}

static void grow(struct sl_pool *p)
{
	struct sl_pool_slot *old = p->slots;
	uint32_t n = p->n_slots;

	p->n_slots = n ? 2 * n : 64;
	p->slots = must(calloc(p->n_slots, sizeof(*p->slots)));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = old[i].hash;

		if (!old[i].n)
			continue;
		while (p->slots[at & (p->n_slots - 1)].n)
			at++;
		p->slots[at & (p->n_slots - 1)] = old[i];
	}
	free(old);
}

uint32_t sl_pool_intern(struct sl_pool *p, const void *items, uint32_t n)
{
	struct sl_pool_slot *s;
	uint32_t hash;

	if (n == 0)
		return 0;
	if (4 * (p->used + 1) > 3 * p->n_slots)
		grow(p);
	hash = hash_of(items, n * p->elem);
	s = slot_of(p, hash, items, n);
	if (!s->n) {
		*s = (struct sl_pool_slot){sl_pool_append(p, items, n), n, hash};
		p->used++;
	}
	return s->first;
}
