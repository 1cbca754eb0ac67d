/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the wire side: a device in a child process, spoken to over a socket pair. */
#undef NDEBUG
#include "model/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "model/test-device.h"

static uint8_t msg[SL_WIRE_MSG_MAX];

struct peer {
	int fd;
	pid_t pid;
	uint32_t tag;
};

static struct peer start(struct test_device *d)
{
	struct peer p = {0};
	int fd[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
	p.pid = fork();
	assert(p.pid >= 0);
	if (p.pid == 0) {
		close(fd[0]);
		_exit(-sl_model_serve(d->m, fd[1], NULL));
	}
	close(fd[1]);
	p.fd = fd[0];
	return p;
}

static int finish(struct peer *p)
{
	int status;

	close(p->fd);
	assert(waitpid(p->pid, &status, 0) == p->pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void greet(struct peer *p)
{
	struct sl_wire_welcome w;

	assert(sl_wire_handshake(p->fd, &w) == 0);
	assert(w.devices == 1 && w.data_max == SL_WIRE_DATA_MAX);
}

/* The next message that is not an event. */
static const struct sl_wire_completion *next(struct peer *p)
{
	const struct sl_wire_head *h = (const void *)msg;
	const char *why;
	long n;

	do {
		n = sl_wire_recv(p->fd, msg, sizeof(msg), 0);
		assert(n > 0 && sl_wire_check(msg, (size_t)n, &why) == 0);
	} while (h->type == SL_WIRE_EVENT);
	return (const void *)msg;
}

static void send_command(struct peer *p, uint8_t queue, uint8_t opc, uint32_t nsid, uint8_t dir,
			 uint32_t len, uint32_t cdw10, uint32_t cdw12, const void *data)
{
	struct sl_wire_command c = {.head = {.type = SL_WIRE_COMMAND, .tag = ++p->tag}};
	struct sl_wire_part part = {data, dir == SL_DIR_OUT ? len : 0};

	c.queue = queue;
	c.dir = dir;
	c.req_len = 64;
	c.data_len = len;
	c.req[0] = opc;
	sl_put_le16(c.req + 2, (uint16_t)p->tag);
	sl_put_le32(c.req + 4, nsid);
	sl_put_le32(c.req + 40, cdw10);
	sl_put_le32(c.req + 48, cdw12);
	assert(sl_wire_send(p->fd, &c, sizeof(c), &part, 1) == 0);
}

static const struct sl_wire_completion *control(struct peer *p, uint32_t op)
{
	struct sl_wire_control c = {.head = {.type = SL_WIRE_CONTROL, .tag = ++p->tag}, .op = op};

	assert(sl_wire_send(p->fd, &c, sizeof(c), NULL, 0) == 0);
	return next(p);
}

static void talk(void)
{
	struct test_device *d = test_device_new("");
	struct peer p = start(d);
	const struct sl_wire_completion *c;
	struct sl_wire_head q = {.type = SL_WIRE_QUERY};
	uint8_t block[512], hash[32];

	greet(&p);
	assert(sl_wire_send(p.fd, &q, sizeof(q), NULL, 0) == 0);
	next(&p);
	assert(((const struct sl_wire_device *)(const void *)msg)->protocol == SL_WIRE_NVME);
	assert(strcmp(((const struct sl_wire_device *)(const void *)msg)->name, "test") == 0);
	send_command(&p, SL_WIRE_NVME_ADMIN, 6, 0, SL_DIR_IN, 4096, 1, 0, NULL);
	c = next(&p);
	assert(c->outcome == SL_OUTCOME_OK && c->status == 0 && c->data_len == 4096);
	assert(c->head.tag == p.tag && memcmp(msg + sizeof(*c) + 64, "FW1 ", 4) == 0);
	memset(block, 0x3c, sizeof(block));
	send_command(&p, SL_WIRE_NVME_IO, 1, 1, SL_DIR_OUT, 512, 9, 0, block);
	c = next(&p);
	assert(c->status == 0 && c->data_len == 0);
	send_command(&p, SL_WIRE_NVME_IO, 2, 1, SL_DIR_IN, 512, 9, 0, NULL);
	c = next(&p);
	assert(c->data_len == 512 && memcmp(msg + sizeof(*c), block, 512) == 0);
	send_command(&p, SL_WIRE_NVME_IO, 2, 1, SL_DIR_IN, SL_WIRE_DATA_MAX, 0, 255, NULL);
	c = next(&p);
	assert(c->data_len == SL_WIRE_DATA_MAX && msg[sizeof(*c) + 9 * 512] == 0x3c);
	/* a refused command changes nothing but the error log; a harmless one nothing */
	c = control(&p, SL_WIRE_STATE_HASH);
	assert(c->data_len == 32);
	memcpy(hash, msg + sizeof(*c), 32);
	send_command(&p, SL_WIRE_NVME_ADMIN, 6, 0, SL_DIR_IN, 4096, 1, 0, NULL);
	next(&p);
	control(&p, SL_WIRE_STATE_HASH);
	assert(memcmp(hash, msg + sizeof(*c), 32) == 0);
	send_command(&p, SL_WIRE_NVME_ADMIN, 9, 0, SL_DIR_NONE, 0, 6, 0, NULL);
	next(&p);
	control(&p, SL_WIRE_STATE_HASH);
	assert(memcmp(hash, msg + sizeof(*c), 32) != 0);
	assert(control(&p, SL_WIRE_CONTROLLER_RESET)->outcome == SL_OUTCOME_OK);
	control(&p, SL_WIRE_STATE_HASH);
	assert(memcmp(hash, msg + sizeof(*c), 32) == 0);
	assert(finish(&p) == 0);
	test_device_free(d);
}

/* Commands that wait: completed out of order, forgotten, failed by a reset. */
static void in_flight(void)
{
	struct test_device *d = test_device_new("");
	struct peer p = start(d);
	const struct sl_wire_completion *c;
	struct sl_wire_head detach = {.type = SL_WIRE_DETACH};
	uint32_t format, event;

	greet(&p);
	send_command(&p, SL_WIRE_NVME_ADMIN, 0x0c, 0, SL_DIR_NONE, 0, 0, 0, NULL);
	event = p.tag;
	send_command(&p, SL_WIRE_NVME_ADMIN, 0x80, 1, SL_DIR_NONE, 0, 0, 0, NULL);
	format = p.tag;
	send_command(&p, SL_WIRE_NVME_ADMIN, 6, 0, SL_DIR_IN, 4096, 1, 0, NULL);
	c = next(&p);
	assert(c->head.tag == event && c->result == (2 | 4 << 16)); /* the format changed it */
	assert(next(&p)->head.tag == p.tag);
	assert(next(&p)->head.tag == format);
	send_command(&p, SL_WIRE_NVME_ADMIN, 0x80, 1, SL_DIR_NONE, 0, 0, 0, NULL);
	detach.tag = p.tag;
	assert(sl_wire_send(p.fd, &detach, sizeof(detach), NULL, 0) == 0);
	send_command(&p, SL_WIRE_NVME_ADMIN, 0x80, 2, SL_DIR_NONE, 0, 0, 0, NULL);
	/* Nobody waits for it, but its tag is free only now. */
	assert(next(&p)->head.tag == detach.tag);
	assert(next(&p)->head.tag == p.tag);
	send_command(&p, SL_WIRE_NVME_ADMIN, 0x0c, 0, SL_DIR_NONE, 0, 0, 0, NULL);
	event = p.tag;
	control(&p, SL_WIRE_POWER_CYCLE);
	c = (const void *)msg;
	assert(c->head.tag == event && c->outcome == SL_OUTCOME_FAILED && c->error == EIO);
	assert(next(&p)->outcome == SL_OUTCOME_OK);
	assert(finish(&p) == 0);
	test_device_free(d);
}

/* A peer that sends much and reads nothing: nothing is lost, nothing blocks for ever. */
static void slow_reader(void)
{
	struct test_device *d = test_device_new("");
	struct peer p = start(d);
	unsigned sent = 0, got = 0;

	greet(&p);
	while (got < 600) {
		struct sl_wire_command c = {.head = {.type = SL_WIRE_COMMAND, .tag = sent}};

		c.queue = SL_WIRE_NVME_ADMIN;
		c.dir = SL_DIR_IN;
		c.req_len = 64;
		c.data_len = 4096;
		c.req[0] = 6;
		c.req[40] = 1;
		c.head.magic = SL_WIRE_MAGIC;
		c.head.len = sizeof(c);
		if (sent < 600 && send(p.fd, &c, sizeof(c), MSG_DONTWAIT) == (ssize_t)sizeof(c)) {
			sent++;
			continue;
		}
		assert(next(&p)->data_len == 4096);
		got++;
	}
	assert(finish(&p) == 0);
	test_device_free(d);
}

/* A peer that leaves more commands behind than the device holds, none of which ever completes. */
static void gone_peer(void)
{
	struct test_device *d = test_device_new(
		", \"behaviours\": [{\"name\": \"hangs\", \"when\": {\"queue\": \"admin\","
		" \"opcode\": 24}, \"do\": [{\"silent\": true}]}]");
	struct peer p = start(d);

	greet(&p);
	for (unsigned i = 0; i < 700; i++) {
		struct sl_wire_command c = {.head = {.magic = SL_WIRE_MAGIC,
						     .type = SL_WIRE_COMMAND,
						     .len = sizeof(c),
						     .tag = i}};

		c.queue = SL_WIRE_NVME_ADMIN;
		c.req_len = 64;
		c.req[0] = 24;
		/* Once the device is full, so is the socket some time later. */
		if (send(p.fd, &c, sizeof(c), i < 512 ? 0 : MSG_DONTWAIT) < 0)
			break;
	}
	assert(finish(&p) == 0);
	test_device_free(d);
}

static void rude_peers(void)
{
	struct test_device *d = test_device_new("");
	struct peer p = start(d);
	struct sl_wire_control bad = {.head = {.type = SL_WIRE_CONTROL}, .op = 99};
	struct sl_wire_head early = {.type = SL_WIRE_QUERY};

	assert(sl_wire_send(p.fd, &early, sizeof(early), NULL, 0) == 0); /* before HELLO */
	assert(sl_wire_recv(p.fd, msg, sizeof(msg), 0) <= 0);
	assert(finish(&p) == EPROTO);
	p = start(d);
	greet(&p);
	assert(send(p.fd, "nonsense", 8, 0) == 8);
	assert(sl_wire_recv(p.fd, msg, sizeof(msg), 0) <= 0);
	assert(finish(&p) == EPROTO);
	p = start(d);
	greet(&p);
	assert(sl_wire_send(p.fd, &bad, sizeof(bad), NULL, 0) == 0);
	assert(sl_wire_recv(p.fd, msg, sizeof(msg), 0) <= 0);
	assert(finish(&p) == EPROTO);
	test_device_free(d);
}

/* ---- a logical unit ---- */

static const char disk[] =
	"{\"format\": 1, \"protocol\": \"scsi\", \"name\": \"disk\", \"inquiry\": {\"vendor\": "
	"\"V\","
	" \"product\": \"P\", \"revision\": \"R\"}, \"medium\": {\"blocks\": 64}}";

static const struct sl_wire_completion *cdb(struct peer *p, uint8_t queue, uint8_t dir,
					    uint32_t len, uint32_t sense, uint16_t n,
					    const uint8_t *bytes)
{
	static const uint8_t zeroes[4096];
	struct sl_wire_command c = {.head = {.type = SL_WIRE_COMMAND, .tag = ++p->tag}};
	struct sl_wire_part part = {zeroes, dir == SL_DIR_OUT ? len + sense : 0};

	c.queue = queue;
	c.dir = dir;
	c.req_len = n;
	c.data_len = len;
	c.meta_len = sense;
	memcpy(c.req, bytes, n);
	assert(sl_wire_send(p->fd, &c, sizeof(c), &part, 1) == 0);
	return next(p);
}

/* Sense data come back whichever way the data went, as much of them as there is room for. */
static void logical_unit(void)
{
	static const uint8_t inquiry[6] = {0x12, 0, 0, 0, 36},
			     beyond[10] = {0x2a, 0, 0, 0, 1, 0, 0, 0, 1},
			     write[10] = {0x2a, 0, 0, 0, 0, 7, 0, 0, 1}, ready[6];
	struct test_device *d = test_device_json(disk);
	struct peer p = start(d);
	struct sl_wire_head q = {.type = SL_WIRE_QUERY};
	const struct sl_wire_completion *c;
	uint8_t hash[32];

	greet(&p);
	assert(sl_wire_send(p.fd, &q, sizeof(q), NULL, 0) == 0);
	next(&p);
	assert(((const struct sl_wire_device *)(const void *)msg)->protocol == SL_WIRE_SCSI);
	c = cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_IN, 96, 252, 6, inquiry);
	assert(c->status == 0 && c->data_len == 36 && c->meta_len == 0 && c->result >> 32 == 60);
	c = cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_OUT, 512, 252, 10, beyond);
	assert(c->outcome == SL_OUTCOME_OK && c->status == 2 && c->data_len == 0);
	assert(c->meta_len == 18 && msg[sizeof(*c) + 2] == 5 && msg[sizeof(*c) + 12] == 0x21);
	assert((uint32_t)c->result == 0x80000 && c->result >> 32 == 512);
	c = cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_OUT, 512, 4, 10, beyond);
	assert(c->status == 2 && c->meta_len == 4);
	c = cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_OUT, 512, 0, 10, beyond);
	assert(c->status == 2 && c->meta_len == 0 && (uint32_t)c->result == 0x80000);
	c = control(&p, SL_WIRE_STATE_HASH);
	memcpy(hash, msg + sizeof(*c), 32);
	cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_IN, 96, 252, 6, inquiry);
	control(&p, SL_WIRE_STATE_HASH);
	assert(memcmp(hash, msg + sizeof(*c), 32) == 0);
	assert(cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_OUT, 512, 252, 10, write)->status == 0);
	control(&p, SL_WIRE_STATE_HASH);
	assert(memcmp(hash, msg + sizeof(*c), 32) != 0);
	assert(control(&p, SL_WIRE_POWER_CYCLE)->outcome == SL_OUTCOME_OK);
	c = cdb(&p, SL_WIRE_SCSI_CDB, SL_DIR_NONE, 0, 252, 6, ready);
	assert(c->status == 2 && msg[sizeof(*c) + 2] == 6 && msg[sizeof(*c) + 12] == 0x29);
	assert(finish(&p) == 0);
	test_device_free(d);
}

/* A command for another queue than the device has, or a CDB that is none, ends the connection. */
static void other_queue(uint8_t queue, uint16_t n)
{
	struct test_device *d = test_device_json(disk);
	struct peer p = start(d);
	struct sl_wire_command c = {.head = {.type = SL_WIRE_COMMAND}, .queue = queue};

	greet(&p);
	c.req_len = n;
	assert(sl_wire_send(p.fd, &c, sizeof(c), NULL, 0) == 0);
	assert(sl_wire_recv(p.fd, msg, sizeof(msg), 0) <= 0);
	assert(finish(&p) == EPROTO);
	test_device_free(d);
}

int main(void)
{
	logical_unit();
	other_queue(SL_WIRE_NVME_ADMIN, 64);
	other_queue(SL_WIRE_SCSI_CDB, 5);
	talk();
	in_flight();
	slow_reader();
	gone_peer();
	rude_peers();
	return 0;
}
