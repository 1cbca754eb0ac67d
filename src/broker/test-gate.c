/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in process: a scripted device that checks what it is sent, a real client on a
 * socketpair, and a hand-made image. Shows that what is denied never arrives, that what arrives is
 * what was judged, that intents precede, and that who wants to be alone is.
 */
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

static void identify_answer(struct sl_io *io)
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

static int held_submit(struct sl_device *dev, struct sl_io *io)
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

static int held_poll(struct sl_device *dev)
{
	(void)dev;
	return 0;
}

static void held_detach(struct sl_device *dev, struct sl_io *io)
{
	(void)dev;
	(void)io;
}

static void held_close(struct sl_device *dev)
{
	(void)dev;
}

static const struct sl_device_ops held_ops = {
	"held", held_submit, held_poll, held_detach, held_close,
};

/* Completes the oldest command. */
static void complete(uint16_t status)
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

static struct sl_command identify(void)
{
	struct sl_command c = {
		.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_IN, .req_len = 64, .data_len = 4096};

	c.req[0] = 0x06;
	c.req[40] = 0x01;
	return c;
}

static struct sl_command write_block(uint64_t lba)
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

static struct sl_command format(void)
{
	struct sl_command c = {.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_NONE, .req_len = 64};

	c.req[0] = 0x80;
	sl_put_le32(c.req + 4, NS);
	return c;
}

static void serve(void)
{
	sl_session_read(g, 0);
}

static void send_command(uint32_t tag, struct sl_command c)
{
	static const uint8_t data[4096] = {0x5a};

	assert(sl_client_send(client, tag, &c, data, NULL) == 0);
	serve();
}

static struct sl_client_reply answer(void)
{
	struct sl_client_reply r;

	assert(sl_client_recv(client, false, &r) == 1);
	return r;
}

static bool no_answer(void)
{
	struct sl_client_reply r;

	return sl_client_recv(client, false, &r) == 0;
}

/* The client's handshake blocks, so the greeting is sent by hand and the broker answers in between.
 */
static void connect_client(void)
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

static void set_up(const char *deny)
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

static struct sl_record record_at(uint64_t seq)
{
	struct sl_record r;

	assert(pread(ledger_fd, &r, sizeof(r), (off_t)((seq - 1) * sizeof(r))) == sizeof(r));
	assert(r.magic == SL_LEDGER_MAGIC && r.seq == seq);
	return r;
}

static void test_allowed(void)
{
	struct sl_client_reply r;
	struct sl_record rec;

	send_command(7, identify());
	assert(held.n == 1 && held.io[0]->cmd->req[0] == 0x06);
	/* The intent was in the ledger before the device was asked. */
	rec = record_at(held.at_submit - 1);
	assert(rec.type == SL_RECORD_INTENT && rec.final[0] == 0x06 && rec.rule == 1 &&
	       rec.line == 3);
	complete(0);
	r = answer();
	assert(r.tag == 7 && r.c.outcome == SL_OUTCOME_OK && r.c.data_len == 4096 && r.rule == 1);
	rec = record_at(g->ledger.next - 1);
	assert(rec.type == SL_RECORD_OUTCOME && rec.of == r.record);
	assert(g->free_slots == SL_SLOTS_MAX);
}

static void test_denied(void)
{
	unsigned before = held.total;
	struct sl_client_reply r;
	struct sl_record rec;

	send_command(8, format());
	r = answer();
	assert(held.total == before && r.c.outcome == SL_OUTCOME_DENIED && r.c.error == EACCES);
	assert(r.reason == SL_REASON_DENY_RULE && r.rule == 2);
	assert(strstr(r.text, "nvme.admin.format-nvm") && strstr(r.text, "(test.policy:7)"));
	rec = record_at(g->ledger.next - 1);
	assert(rec.type == SL_RECORD_DENIAL && rec.requested[0] == 0x80);
}

/* Something reserved set: no rule is asked. */
static void test_not_comprehended(void)
{
	struct sl_command c = identify();
	struct sl_client_reply r;

	c.req[15 * 4 + 3] = 0x80;
	send_command(9, c);
	r = answer();
	assert(r.c.outcome == SL_OUTCOME_DENIED && r.reason == SL_REASON_RESERVED_BITS &&
	       r.rule == 0);
	c = identify();
	c.data_len = 512;
	send_command(10, c);
	r = answer();
	assert(r.c.outcome == SL_OUTCOME_DENIED && r.reason == SL_REASON_LENGTH);
	assert(held.n == 0);
}

static void test_exclusive(void)
{
	struct sl_client_reply r;

	g->image = image(NULL);
	sl_gate_policy(g, g->image);
	send_command(1, write_block(0));
	send_command(2, write_block(1));
	send_command(3, format());	 /* wants to be alone: waits for two */
	send_command(4, write_block(2)); /* came later: waits for the format */
	assert(held.n == 2 && g->devices[0].waiting == 2);
	complete(0);
	assert(held.n == 1);
	complete(0);
	assert(held.n == 1 && held.io[0]->cmd->req[0] == 0x80);
	complete(0);
	(void)answer();
	(void)answer();
	r = answer();
	assert(r.tag == 3);
	/* A Format changes what verdicts are bound to: the contract is read before the next goes
	 * on. */
	assert(g->devices[0].state == SL_DEV_READING && held.n == 1);
	assert(held.io[0]->cmd->req[0] == 0x06 && no_answer());
	while (g->devices[0].state == SL_DEV_READING) {
		struct sl_io *io = held.io[0];

		held.n--;
		identify_answer(io);
		held.dev.done(&held.dev, io);
	}
	assert(g->devices[0].contract[g->devices[0].now].generation == 2);
	assert(held.n == 1 && held.io[0]->cmd->req[0] == 0x01);
	complete(0);
	r = answer();
	assert(r.tag == 4 && r.c.outcome == SL_OUTCOME_OK);
	assert(g->free_slots == SL_SLOTS_MAX && g->devices[0].waiting == 0);
}

/* No room for an intent: what mutates is denied, what only looks passes. The loss is counted. */
static void test_full_disk(void)
{
	int full = open("/dev/full", O_WRONLY | O_APPEND);
	int fd = g->ledger.fd;
	struct sl_client_reply r;
	struct sl_record rec;

	assert(full >= 0);
	g->ledger.fd = full;
	send_command(1, write_block(0));
	r = answer();
	assert(r.c.outcome == SL_OUTCOME_DENIED && r.reason == SL_REASON_LEDGER && held.n == 0);
	send_command(2, identify());
	assert(held.n == 1);
	complete(0);
	r = answer();
	assert(r.c.outcome == SL_OUTCOME_OK);
	g->ledger.fd = fd;
	close(full);
	assert(g->ledger.lost >= 3);
	send_command(3, identify());
	complete(0);
	(void)answer();
	rec = record_at(g->ledger.next - 3);
	assert(rec.type == SL_RECORD_GAP && rec.lost >= 3);
}

/* The client goes while its command is at the device: the outcome is recorded all the same. */
static void test_client_gone(void)
{
	struct sl_record rec;

	send_command(1, write_block(0));
	assert(held.n == 1);
	client = sl_client_free(client);
	sl_session_read(g, 0);
	assert(g->sessions[0].fd < 0 && g->free_slots == SL_SLOTS_MAX - 1);
	complete(0);
	rec = record_at(g->ledger.next - 1);
	assert(rec.type == SL_RECORD_OUTCOME && g->free_slots == SL_SLOTS_MAX);
}

static void test_deadline(void)
{
	struct sl_client_reply r;

	send_command(1, identify());
	assert(held.n == 1 && sl_gate_timeout(g) > 0);
	g->now_ms += 1u << 30;
	sl_gate_tick(g);
	r = answer();
	assert(r.c.outcome == SL_OUTCOME_FAILED && r.c.error == ETIMEDOUT);
	/* The slot is the device's until it answers: its buffer is not given to anybody else. */
	assert(g->free_slots == SL_SLOTS_MAX - 1);
	complete(0);
	assert(g->free_slots == SL_SLOTS_MAX && no_answer());
}

int main(void)
{
	set_up("nvme.admin.format");
	test_allowed();
	test_denied();
	test_not_comprehended();
	test_deadline();
	test_exclusive();
	test_full_disk();
	test_client_gone();
	return 0;
}
