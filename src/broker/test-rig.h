/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker's tests share: a device that holds what it is sent, a client on a socketpair, a
 * hand-made image, and the gate between them, in one process. Included, not linked: each test is
 * one program.
 */
#ifndef SL_BROKER_TEST_RIG_H
#define SL_BROKER_TEST_RIG_H

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "broker/gate.h"
#include "broker/session.h"
#include "broker/survey.h"
#include "lib/client.h"

#define NS 1u

/* A device that holds what it is sent until the test completes it. */
struct held {
	struct sl_device dev;
	struct sl_io *io[SL_SLOTS_MAX];
	unsigned n, total;
	bool survey;	    /* answer the broker's own reading by itself */
	uint64_t at_submit; /* ledger records that existed when the last one came */
};

static struct sl_gate *g;
static struct held held;
static int ledger_fd;
static struct sl_client *client;

static inline void identify_answer(struct sl_io *io)
{
	uint8_t cns = io->cmd->req[40];

	memset(io->data, 0, 4096);
	if (cns == 1) {
		memcpy(io->data + 4, "SLUICE-TEST-1       ", 20);
		memcpy(io->data + 24, "Test drive                              ", 40);
		memcpy(io->data + 64, "1.0     ", 8);
		sl_put_le32(io->data + 80, 0x20100);
		sl_put_le32(io->data + 516, 1);
	} else if (cns == 2) {
		sl_put_le32(io->data, NS);
	} else if (cns == 0) {
		sl_put_le64(io->data, 4096);
		sl_put_le64(io->data + 8, 4096);
		io->data[128 + 2] = 9;
	}
	io->out = (struct sl_completion){.outcome = SL_OUTCOME_OK, .data_len = io->data_size};
}

static inline int held_submit(struct sl_device *dev, struct sl_io *io)
{
	struct held *h = (struct held *)dev;

	h->at_submit = g->ledger.next;
	if (h->survey) {
		identify_answer(io);
		dev->done(dev, io);
		return 0;
	}
	h->io[h->n++] = io;
	h->total++;
	return 0;
}

static inline int held_poll(struct sl_device *dev)
{
	(void)dev;
	return 0;
}

static inline void held_detach(struct sl_device *dev, struct sl_io *io)
{
	(void)dev;
	(void)io;
}

static inline void held_close(struct sl_device *dev)
{
	(void)dev;
}

static const struct sl_device_ops held_ops = {
	"held", held_submit, held_poll, held_detach, held_close,
};

/* Completes the oldest command. */
static inline void complete(uint16_t status)
{
	struct sl_io *io = held.io[0];

	assert(held.n > 0);
	memmove(held.io, held.io + 1, sizeof(held.io[0]) * --held.n);
	io->out = (struct sl_completion){.outcome = SL_OUTCOME_OK, .status = status};
	if (io->cmd->dir == SL_DIR_IN)
		io->out.data_len = io->data_size;
	held.dev.done(&held.dev, io);
}

/* An image that allows every row to everybody, except what `deny` starts with. */
static const struct sl_image *image(const char *deny)
{
	const uint32_t n_pages = (sl_row_count + SL_PAGE_ROWS - 1) / SL_PAGE_ROWS;
	const size_t size = 1u << 20;
	uint8_t *p = aligned_alloc(8, size);
	struct sl_image *img = (void *)p;
	uint32_t at = (uint32_t)((sizeof(*img) + 7) & ~7u);
	const char *why = "";
	uint32_t *index;
	uint32_t *cands;
	struct sl_page *pages;
	struct sl_rule *rules;

	assert(p);
	memset(p, 0, size);
	*img = (struct sl_image){.magic = SL_IMAGE_MAGIC,
				 .version = SL_IMAGE_VERSION,
				 .table_hash = sl_table_hash(),
				 .n_pages = n_pages};
#define SPAN(field, count, type)                                                                   \
	(img->field = (struct sl_span){at, (uint32_t)(count)},                                     \
	 at += ((uint32_t)((count) * sizeof(type)) + 7) & ~7u, (void *)(p + img->field.off))
	(void)SPAN(who, 1, struct sl_who);
	(void)SPAN(where, 1, struct sl_where);
	(void)SPAN(sections, 1, struct sl_section);
	index = SPAN(page_index, n_pages, uint32_t);
	pages = SPAN(pages, n_pages, struct sl_page);
	cands = SPAN(cands, 2, uint32_t);
	rules = SPAN(rules, 2, struct sl_rule);
	(void)SPAN(conds, 0, struct sl_cond);
	(void)SPAN(bitmaps, 0, struct sl_bitmap);
	char *strings = SPAN(strings, 24, char);
	memcpy(strings, "\0test\0dir/test.policy", 22);
	img->name = 1;
	img->size = at;
	cands[1] = 1;
	rules[0] = (struct sl_rule){.verb = SL_VERB_ALLOW, .file = 6, .line = 3};
	rules[1] = (struct sl_rule){.verb = SL_VERB_DENY, .file = 6, .line = 7};
	for (uint32_t i = 0; i < n_pages; i++)
		index[i] = i;
	for (uint32_t r = 0; r < sl_row_count; r++) {
		struct sl_list *l = &pages[r / SL_PAGE_ROWS].row[r % SL_PAGE_ROWS];

		*l = (struct sl_list){.n_rules = 1};
		if (deny && strncmp(sl_rows[r].name, deny, strlen(deny)) == 0)
			l->n_rules = 2;
	}
	assert(sl_image_check(img, img->size, &why) == 0 || (puts(why), false));
	return img;
}

static inline struct sl_command identify(void)
{
	struct sl_command c = {
		.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_IN, .req_len = 64, .data_len = 4096};

	c.req[0] = 0x06;
	c.req[40] = 0x01;
	return c;
}

static inline struct sl_command write_block(uint64_t lba)
{
	struct sl_command c = {.set = SL_SET_NVME_IO,
			       .dir = SL_DIR_OUT,
			       .req_len = 64,
			       .data_len = 512,
			       .node_nsid = NS};

	c.req[0] = 0x01;
	sl_put_le32(c.req + 4, NS);
	sl_put_le64(c.req + 40, lba);
	return c;
}

static inline struct sl_command format(void)
{
	struct sl_command c = {.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_NONE, .req_len = 64};

	c.req[0] = 0x80;
	sl_put_le32(c.req + 4, NS);
	return c;
}

static inline void serve(void)
{
	sl_session_read(g, 0);
}

static inline void send_data(uint32_t tag, struct sl_command c, const uint8_t *data)
{
	assert(sl_client_send(client, tag, &c, data, NULL) == 0);
	serve();
}

static inline void send_command(uint32_t tag, struct sl_command c)
{
	static const uint8_t data[4096] = {0x5a};

	send_data(tag, c, data);
}

static inline struct sl_client_reply answer(void)
{
	struct sl_client_reply r;

	assert(sl_client_recv(client, false, &r) == 1);
	return r;
}

static inline bool no_answer(void)
{
	struct sl_client_reply r;

	return sl_client_recv(client, false, &r) == 0;
}

/* The client's handshake blocks, so the greeting is sent by hand and the broker answers in between.
 */
static inline void connect_client(void)
{
	struct sl_identity root = {.known = 1};
	int sv[2];
	pid_t pid;

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0);
	assert(sl_session_add(g, sv[0], &root) == 0);
	/* A child plays the broker for one message: the state it changes is the socket's alone. */
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		fcntl(sv[0], F_SETFL, 0);
		while (!g->sessions[0].greeted) {
			char c;

			(void)recv(sv[0], &c, 1, MSG_PEEK);
			serve();
		}
		_exit(0);
	}
	assert(sl_client_new(sv[1], &client) == 0);
	assert(waitpid(pid, NULL, 0) == pid);
	g->sessions[0].greeted = true;
	assert(sl_client_devices(client) == 1);
}

static inline void set_up(const char *deny)
{
	char name[] = "/tmp/sluice-gate-XXXXXX";

	g = calloc(1, sizeof(*g));
	assert(g && sl_gate_init(g) == 0);
	ledger_fd = mkostemp(name, O_APPEND);
	assert(ledger_fd >= 0 && unlink(name) == 0);
	sl_ledger_init(&g->ledger, ledger_fd, 1, 0);
	g->image = image(deny);
	held = (struct held){.dev = {.ops = &held_ops, .poll_fd = -1, .max_transfer = 131072}};
	g->devices[0].dev = &held.dev;
	g->devices[0].protocol = SL_WIRE_NVME;
	strcpy(g->devices[0].name, "held");
	g->n_devices = 1;
	sl_gate_attach(g, &held.dev);
	held.survey = true;
	sl_survey_begin(g, 0);
	held.survey = false;
	assert(g->devices[0].state == SL_DEV_READY);
	assert(g->devices[0].contract[g->devices[0].now].generation == 1);
	connect_client();
}

static inline void tear_down(void)
{
	client = sl_client_free(client);
	if (g->sessions[0].fd >= 0)
		sl_session_drop(g, 0);
	assert(g->free_slots == SL_SLOTS_MAX && g->sessions[0].slots == 0);
	close(ledger_fd);
	free((void *)(uintptr_t)g->image);
	free(g);
}

static inline struct sl_record record_at(uint64_t seq)
{
	struct sl_record r;

	assert(pread(ledger_fd, &r, sizeof(r), (off_t)((seq - 1) * sizeof(r))) == sizeof(r));
	assert(r.magic == SL_LEDGER_MAGIC && r.seq == seq);
	return r;
}

#endif
