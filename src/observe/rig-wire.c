/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that is another process, on its socket. What it can do beyond the protocol's commands
 * (power cycle, reset, digest) it says when it is described. Whoever stops answering is connected
 * to anew: what is still under way on the old connection is nobody's any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/table.h"
#include "lib/client.h"
#include "model/server.h"
#include "observe/rig.h"

#define PATIENCE_MS	5000u /* for one command */
#define PATIENCE_MIN	500u
#define IN_FLIGHT_MAX	16u
#define IN_FLIGHT_BYTES (64u << 10)

struct rig_wire {
	struct sl_rig rig;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct sl_client *c;
	uint32_t patience, slowest; /* ms */
	bool controls;		    /* it says that it takes CONTROL */
	uint32_t tag;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* How long a system call waits for it: a device that stops in the middle must not stop us. */
static int be_patient(int fd, uint32_t ms)
{
	const struct timeval t = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0 ||
			       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) < 0
		       ? -errno
		       : 0;
}

static int connect_to(struct rig_wire *r)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct sl_wire_device d = {0};
	int fd, error = 0;

	r->c = sl_client_free(r->c);
	memcpy(sa.sun_path, r->path, sizeof(sa.sun_path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = be_patient(fd, PATIENCE_MS);
	if (!error && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		error = -errno;
	if (error) {
		close(fd);
		return error;
	}
	error = sl_client_new(fd, &r->c);
	if (!error)
		error = sl_client_query(r->c, 0, &d);
	if (!error && r->patience != PATIENCE_MS)
		error = be_patient(fd, r->patience);
	if (error) {
		r->c = sl_client_free(r->c);
		return error;
	}
	r->rig.max_transfer = d.max_transfer;
	r->rig.protocol = d.protocol;
	r->controls = d.reserved[0] & SL_SERVER_TAKES_CONTROL;
	return 0;
}

/* A completion with one of n tags. 1; 0: none in time; -errno: the device has gone. */
static int await(struct rig_wire *r, uint32_t base, uint32_t n, struct sl_client_reply *ret)
{
	uint64_t start = now_ms(), end = start + r->patience;

	for (;;) {
		int got = sl_client_recv(r->c, true, ret);
		uint64_t now = now_ms();

		if (got == 1 && now - start > r->slowest)
			r->slowest = (uint32_t)(now - start);
		if (got < 0 || (got == 1 && ret->tag - base < n))
			return got;
		if (got == 0 || now >= end) {
			/* Who was silent once is waited for by what was slow before. */
			r->patience = 8 * r->slowest < PATIENCE_MS ? 8 * r->slowest : PATIENCE_MS;
			r->patience = r->patience < PATIENCE_MIN ? PATIENCE_MIN : r->patience;
			return 0;
		}
	}
}

/* What a completion says, with its data moved to `data` and what is missing of them cleared. */
static void take_reply(const struct sl_client_reply *reply, const struct sl_command *cmd,
		       uint8_t *data, struct sl_answer *ret)
{
	uint32_t n = reply->c.data_len < SL_RIG_DATA_MAX ? reply->c.data_len : SL_RIG_DATA_MAX;

	*ret = (struct sl_answer){.lost = reply->c.outcome == SL_OUTCOME_OK ? SL_RIG_ANSWERED
									    : SL_RIG_FAILED,
				  .status = reply->c.status,
				  .error = (int)reply->c.error,
				  .result = reply->c.result,
				  .len = reply->c.data_len,
				  .meta_len = reply->c.meta_len};
	if (sl_sets[cmd->set].sense)
		ret->sense = sl_rig_sense(reply->meta, reply->c.meta_len);
	if (!(cmd->dir & SL_DIR_IN))
		return;
	memcpy(data, reply->data, n);
	if (n < cmd->data_len)
		memset(data + n, 0, cmd->data_len - n);
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
	if (!r->c && connect_to(r) < 0) /* it may have been started anew since */
		return 0;
	r->tag++;
	got = sl_client_send(r->c, r->tag, cmd, data, meta);
	if (got == 0)
		got = await(r, r->tag, 1, &reply);
	if (got > 0) {
		take_reply(&reply, cmd, data, ret);
		ret->ms = (uint32_t)(now_ms() - start);
		return 0;
	}
	if (got == 0)
		ret->lost = SL_RIG_SILENT;
	(void)connect_to(r); /* for what comes next, if it serves on */
	return 0;
}

struct flight {
	const struct sl_command *cmd;
	unsigned i;
};

/* Few enough that neither side's socket ever fills: nobody waits for the other to read first. */
static int wire_stream(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data)
{
	struct rig_wire *r = (struct rig_wire *)rig;
	struct flight flight[IN_FLIGHT_MAX];
	struct sl_answer lost = {.lost = SL_RIG_GONE};
	unsigned sent = 0, back = 0, under_way = 0;
	bool waiting[IN_FLIGHT_MAX] = {false};
	uint32_t base = r->tag + 1, bytes = 0;
	int got = r->c ? 1 : -ENODEV;

	while (back < s->n && got > 0) {
		struct sl_client_reply reply;
		struct sl_answer a;
		unsigned slot;

		while (sent < s->n && under_way < IN_FLIGHT_MAX && !waiting[sent % IN_FLIGHT_MAX]) {
			const struct sl_command *cmd = s->command(s->ctx, sent);

			if (under_way && bytes + cmd->data_len > IN_FLIGHT_BYTES)
				break;
			slot = sent % IN_FLIGHT_MAX;
			sl_rig_stage(s, sent, data);
			got = sl_client_send(r->c, base + sent, cmd, data, NULL);
			if (got < 0)
				break;
			flight[slot] = (struct flight){cmd, sent};
			waiting[slot] = true;
			bytes += cmd->data_len;
			under_way++;
			sent++;
			got = 1;
		}
		if (got > 0)
			got = await(r, base, sent, &reply);
		if (got <= 0)
			break;
		slot = (reply.tag - base) % IN_FLIGHT_MAX;
		if (!waiting[slot] || flight[slot].i != reply.tag - base)
			continue;
		take_reply(&reply, flight[slot].cmd, data, &a);
		s->done(s->ctx, flight[slot].i, &a, data);
		waiting[slot] = false;
		bytes -= flight[slot].cmd->data_len;
		under_way--;
		back++;
	}
	r->tag += s->n;
	if (back == s->n)
		return 0;
	lost.lost = got == 0 ? SL_RIG_SILENT : SL_RIG_GONE;
	for (unsigned i = 0; i < s->n; i++)
		if (i >= sent || (waiting[i % IN_FLIGHT_MAX] && flight[i % IN_FLIGHT_MAX].i == i))
			s->done(s->ctx, i, &lost, data);
	(void)connect_to(r);
	return 0;
}

static int control(struct rig_wire *r, uint32_t op, uint8_t ret_hash[32])
{
	struct sl_wire_control c = {.head = {.type = SL_WIRE_CONTROL, .tag = ++r->tag}, .op = op};
	struct sl_client_reply reply;
	int got;

	if (!r->c || !r->controls)
		return -ENODEV;
	got = sl_wire_send(sl_client_fd(r->c), &c, sizeof(c), NULL, 0);
	if (got == 0)
		got = await(r, r->tag, 1, &reply);
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
	int r = control((struct rig_wire *)rig, SL_WIRE_POWER_CYCLE, NULL);

	return r ? r : sl_rig_settle(rig);
}

static int wire_reset(struct sl_rig *rig)
{
	int r = control((struct rig_wire *)rig, SL_WIRE_CONTROLLER_RESET, NULL);

	return r ? r : sl_rig_settle(rig);
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
	.stream = wire_stream,
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
	r->rig.can = SL_RIG_WRITES | SL_RIG_BESIDE;
	r->patience = PATIENCE_MS;
	if (snprintf(r->path, sizeof(r->path), "%s", path) >= (int)sizeof(r->path))
		error = -ENAMETOOLONG;
	else
		error = connect_to(r);
	if (error) {
		wire_close(&r->rig);
		return sl_diag_set(reterr, error, NULL, 0, 0, "device at %s: %s", path,
				   strerror(-error));
	}
	if (r->controls && wire_hash(&r->rig, hash) == 0)
		r->rig.can |= SL_RIG_POWER | SL_RIG_HASH;
	*ret = &r->rig;
	return 0;
}
