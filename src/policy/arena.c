/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a policy: taken in pieces, given back whole. Out of memory ends the program. */
#include "policy/ast.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK (64u << 10)

struct sl_arena_chunk {
	struct sl_arena_chunk *next;
	_Alignas(16) char bytes[];
};

void *sl_arena_get(struct sl_arena *a, size_t size)
{
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (!a->chunks || size > a->size - a->used) {
		size_t room = size > CHUNK ? size : CHUNK;
		struct sl_arena_chunk *c = calloc(1, sizeof(*c) + room);

		if (!c)
			abort(); /* a front end without memory for its text can do nothing useful */
		c->next = a->chunks;
		a->chunks = c;
		a->size = room;
		a->used = 0;
	}
	p = a->chunks->bytes + a->used;
	a->used += size;
	return p;
}

char *sl_arena_str(struct sl_arena *a, const char *s, size_t n)
{
	char *p = sl_arena_get(a, n + 1);

	memcpy(p, s, n);
	return p;
}

void *sl_arena_push(struct sl_arena *a, void *array, uint32_t *n, size_t elem)
{
	void **at = array;

	/* Room doubles at every power of two, so no capacity needs to be kept. */
	if ((*n & (*n - 1)) == 0) {
		size_t room = *n ? 2 * (size_t)*n : 1;
		void *grown = sl_arena_get(a, room * elem);

		if (*n)
			memcpy(grown, *at, *n * elem);
		*at = grown;
	}
	return (char *)*at + (*n)++ * elem;
}

void sl_arena_done(struct sl_arena *a)
{
	while (a->chunks) {
		struct sl_arena_chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
	*a = (struct sl_arena){0};
}
