/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client, or one device, costs another nothing: no flood keeps the broker to itself, no way to
 * leave or to give up gives slots back that a device still has, nobody waits for who has gone, no
 * byte of one command is seen by the next, and a policy that changes under a command is not read
 * with the old one's numbers.
 */
#include "broker/test-rig.h"

#include <sys/time.h>

/* A second client, spoken to by hand: session 1. */
static int other;

static int add_client(uint32_t uid)
{
	struct sl_identity who = {.uid = uid, .known = 1};
	int sv[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0);
	if (sl_session_add(g, sv[0], &who) < 0) {
		close(sv[1]);
		return -1;
	}
	for (unsigned i = 0; i < SL_SESSIONS_MAX; i++)
		if (g->sessions[i].fd == sv[0])
			g->sessions[i].greeted = true;
	return sv[1];
}

static void send_raw(int fd, uint32_t tag, const struct sl_command *c, const void *data)
{
	struct sl_wire_command w = {
		.head = {.type = SL_WIRE_COMMAND, .tag = tag},
		.queue = c->set == SL_SET_NVME_ADMIN ? SL_WIRE_NVME_ADMIN : SL_WIRE_NVME_IO,
		.dir = c->dir,
		.req_len = 64,
		.node_nsid = c->node_nsid,
		.data_len = c->data_len,
	};
	struct sl_wire_part part = {data, c->dir == SL_DIR_OUT ? c->data_len : 0};

	memcpy(w.req, c->req, sizeof(w.req));
	assert(sl_wire_send(fd, &w, sizeof(w), &part, 1) == 0);
}

static bool unread(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void finish_all(void)
{
	while (held.n)
		complete(0);
}

static void drain_answers(void)
{
	struct sl_client_reply r;

	while (sl_client_recv(client, false, &r) == 1)
		;
}

static void test_client_flood(void)
{
	send_command(1, identify());
	send_command(2, identify());
	assert(held.n == 2);
	/* Messages that cost it nothing: commands that it never sent are given up. */
	for (uint32_t i = 0; i < 200; i++)
		assert(sl_client_detach(client, 1000 + i) == 0);
	serve();
	assert(unread(g->sessions[0].fd));
	while (unread(g->sessions[0].fd))
		serve();
	finish_all();
	drain_answers();
}

static void test_device_flood(void)
{
	struct sl_wire_dev w = {.dev = {.poll_fd = -1}};
	struct sl_wire_head event = {.type = SL_WIRE_EVENT};
	int sv[2];
	pid_t pid;

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		struct sl_wire_device d = {.head = {.type = SL_WIRE_DEVICE},
					   .protocol = SL_WIRE_NVME,
					   .max_transfer = 4096};
		char query[64];

		close(sv[0]);
		if (sl_wire_accept(sv[1], 1, 4096) < 0 ||
		    recv(sv[1], query, sizeof(query), 0) < 0 ||
		    sl_wire_send(sv[1], &d, sizeof(d), NULL, 0) < 0)
			_exit(1);
		while (sl_wire_send(sv[1], &event, sizeof(event), NULL, 0) == 0)
			;
		_exit(0);
	}
	close(sv[1]);
	assert(sl_wire_dev_init(&w, sv[0]) == 0);
	alarm(10); /* a broker that never comes back ends here */
	for (unsigned i = 0; i < 50 || !w.dev.event; i++)
		assert(w.dev.ops->poll(&w.dev) == 0);
	alarm(0);
	w.dev.ops->close(&w.dev);
	assert(waitpid(pid, NULL, 0) == pid);
}

/* What a client gives up is its own until the device gives it back; and then it is told. */
static void test_detach_keeps_slots(void)
{
	for (uint32_t i = 0; i < SL_USER_SLOTS_MAX; i++)
		send_command(i, identify());
	assert(held.n == SL_USER_SLOTS_MAX && !sl_gate_room(g, 0));
	for (uint32_t i = 0; i < SL_USER_SLOTS_MAX; i++)
		sl_gate_detach(g, 0, i);
	assert(!sl_gate_room(g, 0) && sl_gate_room(g, 1));
	complete(0);
	assert(sl_gate_room(g, 0) && answer().tag == 0);
	finish_all();
	drain_answers();
	assert(g->free_slots == SL_SLOTS_MAX);
}

static void test_deadline_keeps_slots(void)
{
	for (uint32_t i = 0; i < SL_USER_SLOTS_MAX; i++)
		send_command(i, identify());
	g->now_ms += 1u << 30;
	sl_gate_tick(g);
	assert(answer().c.error == ETIMEDOUT);
	drain_answers();
	assert(!sl_gate_room(g, 0) && sl_gate_room(g, 1));
	finish_all();
	assert(no_answer() && g->free_slots == SL_SLOTS_MAX);
}

/* Leaving and coming back, or coming many times, gets one user no more. */
static void test_leave_keeps_slots(void)
{
	int again = add_client(0), third;
	struct sl_command c = identify();

	assert(again >= 0);
	for (uint32_t i = 0; i < SL_USER_SLOTS_MAX; i++) {
		send_raw(again, i, &c, NULL);
		sl_session_read(g, 2);
	}
	assert(held.n == SL_USER_SLOTS_MAX && !sl_gate_room(g, 2) && !sl_gate_room(g, 0));
	close(again);
	sl_session_drop(g, 2);
	third = add_client(0);
	assert(third >= 0 && !sl_gate_room(g, 2) && sl_gate_room(g, 1));
	finish_all();
	assert(sl_gate_room(g, 2));
	close(third);
	sl_session_drop(g, 2);
}

static void test_many_sockets(void)
{
	int fd[SL_SESSIONS_MAX];
	unsigned n = 0;

	while (n < SL_SESSIONS_MAX && (fd[n] = add_client(1000)) >= 0)
		n++;
	assert(n == SL_USER_SESSIONS_MAX - 1); /* and session 1 */
	fd[n] = add_client(1001);
	assert(fd[n] >= 0);
	for (unsigned i = 0; i <= n; i++)
		close(fd[i]);
	for (int i = 2; i < SL_SESSIONS_MAX; i++)
		if (g->sessions[i].fd >= 0)
			sl_session_drop(g, i);
	fd[0] = add_client(1000);
	assert(fd[0] >= 0);
	close(fd[0]);
	sl_session_drop(g, 2);
}

/* Clients that hold all they can leave the broker what it needs to read a contract. */
static void test_reading_has_room(void)
{
	struct sl_command c = identify();
	const struct sl_contract *now;
	uint32_t allowed = 0;

	send_command(1, format());
	assert(held.n == 1);
	for (uint32_t i = 0; i < SL_SLOTS_MAX; i++) {
		send_raw(other, i, &c, NULL);
		sl_session_read(g, 1);
		send_command(100 + i, identify());
	}
	assert(held.n == 1);
	complete(0);
	assert(g->devices[0].state == SL_DEV_READING);
	while (g->devices[0].state == SL_DEV_READING) {
		struct sl_io *io = held.io[0];

		assert(held.n == 1);
		held.n--;
		identify_answer(io);
		held.dev.done(&held.dev, io);
	}
	now = &g->devices[0].contract[g->devices[0].now];
	assert(now->n_ns == 1 && strcmp(now->model, "Test drive") == 0);
	while (held.n || unread(g->sessions[0].fd) || unread(g->sessions[1].fd)) {
		if (held.n)
			complete(0);
		serve();
		sl_session_read(g, 1);
		drain_answers();
		while (unread(other)) {
			struct sl_wire_completion w;

			assert(recv(other, &w, sizeof(w), 0) > 0);
			allowed += w.outcome == SL_OUTCOME_OK;
		}
	}
	assert(allowed == SL_SLOTS_MAX && g->free_slots == SL_SLOTS_MAX);
}

/* Who waited for one that has gone goes on at once. */
static void test_gone_holds_nobody(void)
{
	struct sl_command c = format();

	send_command(1, write_block(0)); /* at the device */
	send_raw(other, 2, &c, NULL);	 /* wants the namespace alone */
	sl_session_read(g, 1);
	send_command(3, write_block(1)); /* came later */
	assert(held.n == 1 && g->devices[0].waiting == 2);
	close(other);
	sl_session_drop(g, 1);
	assert(held.n == 2 && g->devices[0].waiting == 0);
	other = add_client(1000);

	send_raw(other, 2, &c, NULL);
	sl_session_read(g, 1);
	send_command(4, write_block(1));
	assert(held.n == 2 && g->devices[0].waiting == 2);
	sl_gate_detach(g, 1, 2);
	assert(held.n == 3 && g->devices[0].waiting == 0 && unread(other));
	finish_all();
	drain_answers();
}

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return n == 0;
}

/* The slot's memory held another client's command: nothing of it is left for a device to take. */
static void test_nothing_left_behind(void)
{
	struct sl_command c = write_block(0);
	struct sl_io *io;

	send_command(1, c);
	io = held.io[0];
	memset(io->data, 0x5a, SL_WIRE_DATA_MAX); /* as full as it can be */
	memset(io->meta, 0x5a, SL_WIRE_META_MAX);
	complete(0);
	drain_answers();
	send_command(2, c);
	io = held.io[0];
	assert(io->data_size == 512 && all_zero(io->data + 512, 4096 - 512));
	memset(io->data, 0x5a, SL_WIRE_DATA_MAX);
	complete(0);
	drain_answers();
	/* A device that answers less than it says. */
	send_command(3, identify());
	io = held.io[0];
	assert(all_zero(io->data, 4096));
	memset(io->data, 0x5a, SL_WIRE_DATA_MAX);
	held.n = 0;
	/* What failed has no answer, whatever the device says. */
	io->out = (struct sl_completion){
		.outcome = SL_OUTCOME_FAILED, .error = EIO, .data_len = SL_WIRE_DATA_MAX};
	held.dev.done(&held.dev, io);
	assert(answer().c.data_len == 0);
}

/* A new policy while a command is at the device: its record names the rule that let it through. */
static void test_policy_under_command(void)
{
	struct sl_image *next = (struct sl_image *)(uintptr_t)image(NULL);
	const struct sl_image *old = g->image;
	struct sl_rule *rules = (void *)((uint8_t *)next + next->rules.off);
	struct sl_record rec;

	send_command(1, identify());
	rules[0].line = 99;
	sl_gate_policy(g, next);
	complete(0);
	drain_answers();
	rec = record_at(g->ledger.next - 1);
	assert(rec.type == SL_RECORD_OUTCOME && rec.line == 3);
	send_command(2, identify());
	complete(0);
	drain_answers();
	assert(record_at(g->ledger.next - 1).line == 99);
	free((void *)(uintptr_t)old);
}

static unsigned turns(unsigned device, uint64_t until)
{
	struct sl_gate_device *d = &g->devices[device];
	uint32_t before = d->contract[d->now].generation;

	held.survey = true;
	for (; g->now_ms < until; g->now_ms += 10) {
		/* It has something to say each time it is looked at. */
		d->dev->event = 1;
		sl_gate_poll(g, device);
		sl_gate_tick(g);
		assert(!d->event_due || sl_gate_timeout(g) >= 0);
	}
	held.survey = false;
	return d->contract[d->now].generation - before;
}

/* Events without end: clients are served between two readings, and the ledger does not fill up. */
static void test_events(void)
{
	struct sl_gate_device *d = &g->devices[0];
	uint64_t start = g->now_ms;
	unsigned n;

	n = turns(0, start + 10);
	assert(n == 1); /* the first is heeded at once */
	assert(turns(0, start + 3600000) < 70);
	assert(d->state == SL_DEV_READY && !d->reread);
	/* An hour of peace is forgiven. */
	g->now_ms += 3600000;
	held.survey = true;
	sl_gate_tick(g); /* the last one of the storm */
	held.survey = false;
	start = g->now_ms;
	assert(turns(0, start + 10) == 1);
	d->event_due = 0;
}

int main(void)
{
	set_up(NULL);
	other = add_client(1000);
	assert(other >= 0);
	test_client_flood();
	test_device_flood();
	test_detach_keeps_slots();
	test_deadline_keeps_slots();
	test_leave_keeps_slots();
	test_many_sockets();
	test_reading_has_room();
	test_gone_holds_nobody();
	test_nothing_left_behind();
	test_policy_under_command();
	test_events();
	close(other);
	sl_session_drop(g, 1);
	tear_down();
	return 0;
}
