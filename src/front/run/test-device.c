/* SPDX-License-Identifier: Apache-2.0 */
#include "front/run/test-device.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/command.h"
#include "wire/wire.h"

#define DELAYED_MAX 256

struct delayed {
	uint32_t tag;
	uint64_t due;
};

struct device {
	int fd;
	uint8_t *disk;
	uint8_t lbads;
	uint32_t attached;
	uint64_t count[2][256];
	struct delayed delayed[DELAYED_MAX];
	unsigned n_delayed;
	uint8_t data[SL_WIRE_DATA_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void put_text(uint8_t *p, size_t size, const char *text)
{
	memset(p, ' ', size);
	memcpy(p, text, strlen(text));
}

static bool is_attached(const struct device *d, uint32_t nsid)
{
	return nsid >= 1 && nsid <= 32 && (d->attached >> (nsid - 1) & 1);
}

/* True: d->data is the page. */
static bool identify(struct device *d, const uint8_t *req)
{
	uint8_t *p = d->data;
	uint32_t nsid = sl_get_le32(req + 4);
	uint64_t blocks = (uint64_t)TEST_DEVICE_BLOCKS * 512 >> d->lbads;

	memset(p, 0, 4096);
	switch (req[40]) {
	case 0x00:
		if (is_attached(d, nsid)) {
			for (unsigned i = 0; i < 24; i += 8)
				sl_put_le64(p + i, blocks);
			p[130] = d->lbads;
			memset(p + 120, 0x11, 8);
		}
		return true;
	case 0x01:
		sl_put_le16(p, 0x1af4);
		sl_put_le16(p + 2, 0x1af4);
		put_text(p + 4, 20, "SLUICETEST01");
		put_text(p + 24, 40, "Sluice Test Drive");
		put_text(p + 64, 8, "1.0");
		sl_put_le16(p + 78, 1);
		sl_put_le32(p + 80, 0x10400);
		p[111] = 1;
		p[77] = 5; /* MDTS */
		p[512] = 0x66;
		p[513] = 0x44;
		sl_put_le32(p + 516, 1);
		p[525] = 1; /* VWC */
		strcpy((char *)p + 768, "nqn.2026-11.org.sluice:test");
		return true;
	case 0x02:
		for (uint32_t n = 0, at = 0; nsid == 0 && n < 32; n++) {
			if (d->attached >> n & 1)
				sl_put_le32(p + 4 * at++, n + 1);
		}
		return true;
	case 0x03:
		p[0] = 3; /* UUID */
		p[1] = 16;
		memset(p + 4, 0x22, 16);
		return is_attached(d, nsid);
	default:
		return false;
	}
}

static void answer(struct device *d, uint32_t tag, struct test_answer *a)
{
	struct sl_wire_part parts[3] = {
		{a->data, a->c.data_len},
		{a->meta, a->c.meta_len},
		{a->text, a->text ? strlen(a->text) : 0},
	};

	a->c.head = (struct sl_wire_head){.type = SL_WIRE_COMPLETION, .tag = tag};
	a->c.text_len = (uint32_t)parts[2].len;
	if (sl_wire_send(d->fd, &a->c, sizeof(a->c), parts, 3) < 0)
		exit(0);
}

static void reply(struct device *d, uint32_t tag, struct sl_wire_completion *c, const char *text)
{
	struct test_answer a = {.c = *c, .data = d->data, .text = text};

	answer(d, tag, &a);
}

static void admin(struct device *d, const struct sl_wire_command *w, const uint8_t *data,
		  struct sl_wire_completion *c, const char **ret_text)
{
	uint32_t dw10 = sl_get_le32(w->req + 40);

	switch (w->req[0]) {
	case 0x02:
		memset(d->data, 0, w->data_len);
		c->data_len = w->data_len;
		if ((dw10 & 0xff) == 0x02 && w->data_len >= 512) {
			sl_put_le16(d->data + 1, 300); /* composite temperature, kelvin */
			d->data[3] = 100;
			d->data[112] = 42; /* power cycles */
		}
		break;
	case 0x06:
		if (!identify(d, w->req))
			c->status = 0x4002;
		else
			c->data_len = w->data_len < 4096 ? w->data_len : 4096;
		break;
	case 0x0a:
		c->result = 0x1234;
		break;
	case TEST_OPC_ATTACH:
		d->attached = dw10;
		break;
	case TEST_OPC_RESIZE:
		d->lbads = (uint8_t)dw10;
		break;
	case 0x80:
	case 0x84:
		c->outcome = SL_OUTCOME_DENIED;
		c->error = EACCES;
		c->rule = 1;
		*ret_text = w->req[0] == 0x84 ? "nvme.admin.sanitize (health.policy:12)"
					      : "nvme.admin.format (health.policy:12)";
		break;
	case TEST_OPC_COUNT:
		c->result = d->count[0][dw10 & 0xff] | (uint64_t)7 << 32;
		break;
	case TEST_OPC_ECHO:
		for (uint32_t i = 0; i < w->data_len; i++)
			d->data[i] = (uint8_t)~data[i];
		c->data_len = w->data_len;
		break;
	case TEST_OPC_GONE:
		exit(0);
	default:
		c->status = 0x4001;
	}
}

static void io(struct device *d, const struct sl_wire_command *w, const uint8_t *data,
	       struct sl_wire_completion *c)
{
	uint64_t lba = sl_get_le64(w->req + 40);
	uint64_t n = (uint64_t)sl_get_le16(w->req + 48) + 1;

	if (w->req[0] == 0)
		return;
	lba <<= d->lbads;
	n <<= d->lbads;
	if (!is_attached(d, sl_get_le32(w->req + 4)) || lba + n > TEST_DEVICE_BLOCKS * 512 ||
	    w->data_len != n) {
		c->status = 0x4080;
		return;
	}
	if (w->req[0] == 1) {
		memcpy(d->disk + lba, data, n);
	} else if (w->req[0] == 2) {
		memcpy(d->data, d->disk + lba, n);
		c->data_len = (uint32_t)n;
	} else {
		c->status = 0x4001;
	}
}

static void on_command(struct device *d, const struct sl_wire_command *w)
{
	const uint8_t *data = (const uint8_t *)(w + 1);
	struct sl_wire_completion c = {0};
	const char *text = NULL;

	if (w->queue >= SL_WIRE_SCSI_CDB) {
		static struct test_answer a;

		a = (struct test_answer){.data = d->data};
		(w->queue == SL_WIRE_SCSI_CDB ? test_scsi : test_mailbox)(w, data, &a);
		answer(d, w->head.tag, &a);
		return;
	}
	d->count[w->queue == SL_WIRE_NVME_IO][w->req[0]]++;
	if (w->queue == SL_WIRE_NVME_ADMIN && w->req[0] == TEST_OPC_DELAY) {
		if (d->n_delayed == DELAYED_MAX)
			exit(1);
		d->delayed[d->n_delayed++] =
			(struct delayed){w->head.tag, now_ms() + sl_get_le32(w->req + 40)};
		return;
	}
	if (w->queue == SL_WIRE_NVME_ADMIN)
		admin(d, w, data, &c, &text);
	else
		io(d, w, data, &c);
	reply(d, w->head.tag, &c, text);
}

static void serve(struct device *d)
{
	static uint8_t msg[SL_WIRE_MSG_MAX] __attribute__((aligned(8)));

	if (sl_wire_accept(d->fd, TEST_DEVICES, SL_WIRE_DATA_MAX) < 0)
		exit(1);
	for (;;) {
		const struct sl_wire_head *h = (const void *)msg;
		struct pollfd p = {.fd = d->fd, .events = POLLIN};
		const char *why;
		long n;

		for (unsigned i = 0; i < d->n_delayed; i++) {
			struct sl_wire_completion c = {0};

			if (d->delayed[i].due > now_ms())
				continue;
			reply(d, d->delayed[i].tag, &c, NULL);
			d->delayed[i--] = d->delayed[--d->n_delayed];
		}
		if (poll(&p, 1, d->n_delayed ? 1 : -1) <= 0)
			continue;
		n = sl_wire_recv(d->fd, msg, sizeof(msg), 0);
		if (n <= 0)
			exit(0);
		if (sl_wire_check(msg, (size_t)n, &why) < 0) {
			fprintf(stderr, "test device: %s\n", why);
			exit(1);
		}
		if (h->type == SL_WIRE_QUERY) {
			struct sl_wire_device q = {
				.head = {.type = SL_WIRE_DEVICE, .tag = h->tag},
				/* One of each; from the fifth on fwctl of mlx5 and bnxt. */
				.protocol = (uint8_t)(h->tag < 4 ? SL_WIRE_NVME + h->tag
								 : SL_WIRE_FWCTL),
				.type = (uint8_t)(h->tag < 4 ? 0 : 2 * h->tag - 7),
				.max_transfer = SL_WIRE_DATA_MAX,
				.name = "test",
			};

			if (sl_wire_send(d->fd, &q, sizeof(q), NULL, 0) < 0)
				exit(0);
		} else if (h->type == SL_WIRE_COMMAND) {
			on_command(d, (const void *)msg);
		}
	}
}

int test_device_start(int *ret_pid)
{
	static struct device d;
	int size = 4 * (int)SL_WIRE_MSG_MAX;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		d.fd = pair[1];
		d.lbads = 9;
		d.attached = 1;
		d.disk = calloc(TEST_DEVICE_BLOCKS, 512);
		if (!d.disk)
			exit(1);
		test_protocols_init();
		for (uint32_t i = 0; i < TEST_DEVICE_BLOCKS; i++)
			sl_put_le32(d.disk + i * 512, i);
		serve(&d);
	}
	close(pair[1]);
	return pair[0];
}
