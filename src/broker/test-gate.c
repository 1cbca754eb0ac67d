/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in process: a scripted device that checks what it is sent, a real client on a
 * socketpair, and a hand-made image. Shows that what is denied never arrives, that what arrives is
 * what was judged, that intents precede, and that who wants to be alone is.
 */
#include "broker/test-rig.h"

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

/* The bytes of one protocol mean something else to a device of another: A0h is REPORT LUNS, and a
 * vendor's I/O command to an NVMe drive; 0400h is Get Supported Logs, and FORMAT UNIT to a disk. */
static void test_other_protocol(void)
{
	static const uint8_t sets[] = {SL_SET_SCSI, SL_SET_CXL, SL_SET_FWCTL};

	for (unsigned i = 0; i < SL_COUNT(sets); i++) {
		struct sl_command c = {.set = sets[i], .req_len = 16, .req = {0xa0}};
		struct sl_client_reply r;

		send_command(20 + i, c);
		r = answer();
		assert(r.c.outcome == SL_OUTCOME_DENIED && r.reason == SL_REASON_PROTOCOL);
		assert(held.n == 0);
	}
}

static void test_exclusive(void)
{
	struct sl_client_reply r;

	free((void *)(uintptr_t)g->image);
	sl_gate_policy(g, image(NULL));
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

/*
 * A table of trust holds from the next verdict on, for what waits too; answers of a device that was
 * caught say so, to the client and in the ledger; an empty table takes it back.
 */
static void test_caught(void)
{
	struct sl_gate_device *d = &g->devices[0];
	uint32_t generation = d->contract[d->now].generation;
	struct sl_client_reply r;

	memcpy(g->trust[0].vendor, d->contract[d->now].vendor, sizeof(g->trust[0].vendor));
	memcpy(g->trust[0].model, d->contract[d->now].model, sizeof(g->trust[0].model));
	g->trust[0].say = SL_TRUST_SAY_CAUGHT;
	g->n_trust = 1;
	send_command(1, format());
	send_command(2, identify()); /* waits for the format */
	assert(held.n == 1);
	sl_survey_trust(g);
	assert(d->contract[d->now].caught);
	assert(d->contract[d->now].generation == generation + 1);
	complete(0);
	r = answer();
	assert(r.tag == 1 && !r.text[0]); /* sent before it was known */
	while (d->state == SL_DEV_READING) {
		struct sl_io *io = held.io[0];

		held.n--;
		identify_answer(io);
		held.dev.done(&held.dev, io);
	}
	assert(d->contract[d->now].caught); /* and what was read anew is held against it as well */
	complete(0);
	r = answer();
	assert(r.tag == 2 && r.c.outcome == SL_OUTCOME_OK && strstr(r.text, "suspect"));
	assert(record_at(g->ledger.next - 1).verdict_flags & SL_VERDICT_SUSPECT);
	g->n_trust = 0;
	sl_survey_trust(g);
	assert(!d->contract[d->now].caught);
	send_command(3, identify());
	complete(0);
	assert(!answer().text[0]);
}

/* The data of a sample leaves a digest: of what is written, and of what was read, and of no more.
 */
static void test_sample(void)
{
	struct sl_command read = write_block(7);
	uint64_t written;

	read.req[0] = 0x02;
	read.dir = SL_DIR_IN;
	g->sample_of = 1000000;
	g->sample_burst = 2;
	g->sample_seed = 99;
	send_command(1, write_block(7));
	written = record_at(g->ledger.next - 1).digest;
	assert(written);
	complete(0);
	assert(record_at(g->ledger.next - 1).digest == 0);
	(void)answer();
	send_command(2, read);
	assert(record_at(g->ledger.next - 1).digest == 0);
	memset(held.io[0]->data, 0, 512);
	held.io[0]->data[0] = 0x5a; /* what send_command() sent */
	complete(0);
	assert(record_at(g->ledger.next - 1).digest == written);
	(void)answer();
	/* Neither what is no block, nor beyond the burst. */
	send_command(3, identify());
	complete(0);
	assert(record_at(g->ledger.next - 1).digest == 0);
	(void)answer();
	strcpy(g->sessions[0].who.label, SL_WATCH_LABEL);
	g->sample_left = 2;
	send_command(5, write_block(7));
	assert(record_at(g->ledger.next - 1).digest == 0);
	complete(0);
	(void)answer();
	g->sessions[0].who.label[0] = '\0';
	g->sample_left = 0;
	send_command(4, write_block(7));
	assert(record_at(g->ledger.next - 1).digest == 0);
	complete(0);
	(void)answer();
	g->sample_of = 0;
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

/* A client's patience counts between the table's and an hour: it can hurry nobody, nor stop the
 * clock. */
static void test_patience(void)
{
	static const uint32_t wishes[] = {0, 1, UINT32_MAX};
	uint32_t given[SL_COUNT(wishes)];

	for (unsigned i = 0; i < SL_COUNT(wishes); i++) {
		struct sl_command c = identify();

		c.timeout_ms = wishes[i];
		send_command(1, c);
		given[i] = held.io[0]->timeout_ms;
		complete(0);
		(void)answer();
	}
	assert(given[0] >= 1000 && given[1] == given[0] && given[2] == SL_TIMEOUT_MOST_MS);
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

/* An mlx5 device's RPC: what its message begins with is judged, and only that reaches the device.
 */
static void test_fwctl_message(void)
{
	static const struct {
		uint16_t header, message;
		uint8_t reason;
	} cases[] = {
		{0x010a, 0x010a, SL_REASON_ALLOWED},  {0x0109, 0x0109, SL_REASON_DENY_RULE},
		{0x010a, 0x0109, SL_REASON_CARRIED},  {0x0109, 0x010a, SL_REASON_CARRIED},
		{0x0108, 0x0108, SL_REASON_UNLISTED}, {0x0805, 0x0805, SL_REASON_UNDESCRIBED},
	};

	g->devices[0].protocol = SL_WIRE_FWCTL;
	held.dev.type = 1;
	sl_survey_begin(g, 0); /* asks for nothing: that driver has nothing to declare */
	assert(g->devices[0].state == SL_DEV_READY && held.n == 0);
	for (unsigned i = 0; i < SL_COUNT(cases); i++) {
		struct sl_command c = {.set = SL_SET_FWCTL,
				       .dir = SL_DIR_BOTH,
				       .req_len = SL_MBOX_REQ_LEN,
				       .data_len = 32};
		uint8_t message[32] = {(uint8_t)(cases[i].message >> 8), (uint8_t)cases[i].message};
		struct sl_client_reply r;

		c.req[0] = (uint8_t)(cases[i].header >> 8);
		c.req[1] = (uint8_t)cases[i].header;
		sl_put_le32(c.req + SL_MBOX_IN_LEN, 16);
		sl_put_le32(c.req + SL_MBOX_OUT_LEN, 32);
		send_data(i, c, message);
		assert(held.n == (cases[i].reason == SL_REASON_ALLOWED));
		if (held.n) {
			assert(held.io[0]->cmd->set == SL_SET_FWCTL_MLX5);
			assert(memcmp(held.io[0]->data, message, 16) == 0);
			complete(0);
		}
		r = answer();
		assert(r.tag == i && r.reason == cases[i].reason);
	}
}

int main(void)
{
	set_up("nvme.admin.format");
	test_allowed();
	test_denied();
	test_not_comprehended();
	test_other_protocol();
	test_patience();
	test_deadline();
	test_exclusive();
	test_caught();
	test_sample();
	test_full_disk();
	test_client_gone();
	tear_down();
	set_up("fwctl.mlx5.set-hca-cap");
	test_fwctl_message();
	tear_down();
	return 0;
}
