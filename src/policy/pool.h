/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that keep equal runs of items once: what makes an image small and the same every time. */
#ifndef SL_POLICY_POOL_H
#define SL_POLICY_POOL_H

#include <stddef.h>
#include <stdint.h>

struct sl_pool_slot {
	uint32_t first, n, hash;
};

struct sl_pool {
	size_t elem;
	uint8_t *data;
	uint32_t n, cap;
	struct sl_pool_slot *slots;
	uint32_t n_slots, used;
};

void sl_pool_init(struct sl_pool *p, size_t elem);
void sl_pool_done(struct sl_pool *p);
/* Appends always; the index of the first item. */
uint32_t sl_pool_append(struct sl_pool *p, const void *items, uint32_t n);
/* Finds an equal run that was interned before, or appends it. Items must have no padding. */
uint32_t sl_pool_intern(struct sl_pool *p, const void *items, uint32_t n);

#endif
