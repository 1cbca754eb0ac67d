/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the search for ways: ways.c finds devices and nodes, the others what leads to them. */
#ifndef SL_LAUNCH_WAYS_INSIDE_H
#define SL_LAUNCH_WAYS_INSIDE_H

#include "launch/ways.h"

#include <stdio.h>

#define SL_WAYS_PATH 1024

struct sl_looking {
	const struct sl_ways_roots *roots;
	struct sl_ways *w;
	int error;
};

/* A new way to a device; NULL: out of memory, which is kept in l->error. */
struct sl_way *sl_way_add(struct sl_looking *l, unsigned device, enum sl_way_kind kind, bool open,
			  const char *at);
/* First line of a file without the blanks around it; "" when there is none. */
void sl_way_line(char *ret, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Last part of what a link points to; "" when there is none. */
void sl_way_link(char *ret, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Calls fn for each entry of a directory but those with a dot, in the order of versions. */
void sl_way_each(struct sl_looking *l, const char *dir,
		 void (*fn)(struct sl_looking *l, void *arg, const char *name), void *arg);

/* ways-node.c: who may open it? Adds a way of this kind. */
void sl_way_permissions(struct sl_looking *l, unsigned device, enum sl_way_kind kind,
			const char *path, const char *said);
/* ways-use.c: who uses the nodes found? */
void sl_way_uses(struct sl_looking *l);

#endif
