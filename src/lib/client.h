/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of the wire protocol, shared by libsluice, the front ends and the tools: one
 * connection, many commands in flight, completions in any order. Not trusted and not thread-safe.
 */
#ifndef SL_LIB_CLIENT_H
#define SL_LIB_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "wire/wire.h"

struct sl_client;

struct sl_client_reply {
	uint32_t tag;
	struct sl_completion c;
	uint8_t reason;
	uint32_t rule; /* +1; 0: none matched */
	uint32_t effects;
	uint64_t record;
	const uint8_t *data; /* c.data_len bytes; valid until the next call on this client */
	const uint8_t *meta;
	char text[SL_WIRE_TEXT_MAX + 1];
};

/* Takes the descriptor (closed on failure too) and shakes hands. 0 or -errno. */
int sl_client_new(int fd, struct sl_client **ret);
/* Connects to a broker's socket by path. 0 or -errno. */
int sl_client_connect(const char *path, struct sl_client **ret);
struct sl_client *sl_client_free(struct sl_client *c);

int sl_client_fd(const struct sl_client *c);
unsigned sl_client_devices(const struct sl_client *c);
/* Describes device n, blocking; do it before the first command. 0 or -errno. */
int sl_client_query(struct sl_client *c, unsigned n, struct sl_wire_device *ret);

/*
 * Sends a command; cmd->set is SL_SET_NVME_ADMIN or SL_SET_NVME_IO. `data` and `meta` hold
 * cmd->data_len and cmd->meta_len bytes when cmd->dir is OUT or BOTH, else may be NULL. 0 or
 * -errno.
 */
int sl_client_send(struct sl_client *c, uint32_t tag, const struct sl_command *cmd,
		   const void *data, const void *meta);
/* One completion. 1: *ret filled; 0: none yet (when !block); -errno, -EPIPE: the broker has gone.
 */
int sl_client_recv(struct sl_client *c, bool block, struct sl_client_reply *ret);
/* Send and wait, for programs that do one thing at a time. 0 or -errno of the connection. */
int sl_client_call(struct sl_client *c, const struct sl_command *cmd, const void *data,
		   const void *meta, struct sl_client_reply *ret);
int sl_client_detach(struct sl_client *c, uint32_t tag);

#endif
