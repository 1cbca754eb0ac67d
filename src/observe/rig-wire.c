/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that is another process, on its socket. What it can do beyond the protocol's commands
 * (power cycle, reset, digest) is found out by asking once; a device that hangs up at the question
 * cannot.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/client.h"
#include "observe/rig.h"

#define PATIENCE_MS 5000 /* for one command */

struct rig_wire {
	struct sl_rig rig;
	char path[128];
	struct sl_client *c;
	uint32_t tag;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int connect_to(struct rig_wire *r)
{
	struct sl_wire_device d;
	int error;

	r->c = sl_client_free(r->c);
	error = sl_client_connect(r->path, &r->c);
	if (!error)
		error = sl_client_query(r->c, 0, &d);
	if (!error)
		r->rig.max_transfer = d.max_transfer;
	return error;
}

/* The completion with our tag. 1; 0: not in time; -errno: the device has gone. */
static int await(struct rig_wire *r, struct sl_client_reply *ret)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	for (;;) {
		int got = sl_client_recv(r->c, false, ret);
		uint64_t now = now_ms();
		struct pollfd p = {.fd = sl_client_fd(r->c), .events = POLLIN};

		if (got < 0 || (got == 1 && ret->tag == r->tag))
			return got;
		if (now >= end)
			return 0;
		if (got == 0)
			(void)poll(&p, 1, (int)(end - now));
	}
}

static int wire_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		     struct sl_answer *ret)
{
	struct rig_wire *r = (struct rig_wire *)rig;
	static uint8_t meta[SL_WIRE_META_MAX];
	struct sl_client_reply reply = {0};
	uint64_t start = now_ms();
	int got;

	ret->lost = SL_RIG_GONE;
	if (!r->c)
		return 0;
	r->tag++;
	got = sl_client_send(r->c, r->tag, cmd, data, meta);
	if (got == 0)
		got = await(r, &reply);
	if (got < 0) {
		r->c = sl_client_free(r->c);
		(void)connect_to(r); /* for what comes next, if it serves on */
		return 0;
	}
	ret->lost = got == 0 ? SL_RIG_SILENT : SL_RIG_ANSWERED;
	if (got == 0) {
		(void)sl_client_detach(r->c, r->tag);
		return 0;
	}
	if (reply.c.outcome != SL_OUTCOME_OK)
		ret->lost = SL_RIG_FAILED;
	ret->error = (int)reply.c.error;
	ret->status = reply.c.status;
	ret->result = reply.c.result;
	ret->len = reply.c.data_len;
	ret->meta_len = reply.c.meta_len;
	ret->ms = (uint32_t)(now_ms() - start);
	if (cmd->dir == SL_DIR_IN || cmd->dir == SL_DIR_BOTH) {
		uint32_t n = ret->len < SL_RIG_DATA_MAX ? ret->len : SL_RIG_DATA_MAX;

		memcpy(data, reply.data, n);
		if (n < cmd->data_len)
			memset(data + n, 0, cmd->data_len - n);
	}
	return 0;
}

static int control(struct rig_wire *r, uint32_t op, uint8_t ret_hash[32])
{
	struct sl_wire_control c = {.head = {.type = SL_WIRE_CONTROL, .tag = ++r->tag}, .op = op};
	struct sl_client_reply reply;
	int got;

	if (!r->c)
		return -ENODEV;
	got = sl_wire_send(sl_client_fd(r->c), &c, sizeof(c), NULL, 0);
	if (got == 0)
		got = await(r, &reply);
	if (got <= 0) {
		(void)connect_to(r);
		return got < 0 ? got : -ETIMEDOUT;
	}
	if (ret_hash && reply.c.data_len != 32)
		return -ENOTSUP;
	if (ret_hash)
		memcpy(ret_hash, reply.data, 32);
	return 0;
}

static int wire_power_cycle(struct sl_rig *rig)
{
	return control((struct rig_wire *)rig, SL_WIRE_POWER_CYCLE, NULL);
}

static int wire_reset(struct sl_rig *rig)
{
	return control((struct rig_wire *)rig, SL_WIRE_CONTROLLER_RESET, NULL);
}

static int wire_hash(struct sl_rig *rig, uint8_t ret[32])
{
	return control((struct rig_wire *)rig, SL_WIRE_STATE_HASH, ret);
}

static int wire_fresh(struct sl_rig *rig)
{
	(void)rig;
	return -ENOTSUP;
}

static void wire_pass(struct sl_rig *rig, uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)rig;
	nanosleep(&t, NULL);
}

static void wire_close(struct sl_rig *rig)
{
	struct rig_wire *r = (struct rig_wire *)rig;

	sl_client_free(r->c);
	free(r);
}

static const struct sl_rig_ops ops = {
	.fresh = wire_fresh,
	.call = wire_call,
	.power_cycle = wire_power_cycle,
	.reset = wire_reset,
	.hash = wire_hash,
	.pass = wire_pass,
	.close = wire_close,
};

int sl_rig_wire(const char *path, struct sl_rig **ret, struct sl_diag *reterr)
{
	struct rig_wire *r = calloc(1, sizeof(*r));
	uint8_t hash[32];
	int error;

	if (!r)
		return sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	r->rig.ops = &ops;
	if (snprintf(r->path, sizeof(r->path), "%s", path) >= (int)sizeof(r->path))
		error = -ENAMETOOLONG;
	else
		error = connect_to(r);
	if (error) {
		wire_close(&r->rig);
		return sl_diag_set(reterr, error, NULL, 0, 0, "device at %s: %s", path,
				   strerror(-error));
	}
	if (wire_hash(&r->rig, hash) == 0)
		r->rig.can = SL_RIG_POWER | SL_RIG_HASH;
	*ret = &r->rig;
	return 0;
}
