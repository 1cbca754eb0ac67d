/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every system call that the broker makes for a command fails once, in turn, with several errors.
 * The linker puts the functions below before the real ones (-Wl,--wrap), and only while the broker
 * runs.
 *
 * Whatever fails: nothing mutating reaches the device without its intent on the disk, the client
 * gets an answer or a closed socket, and no slot is lost.
 *
 * And, since the calls pass by here: the device gets the very bytes that the socket gave, and the
 * socket those that the device gave.
 */
#include "broker/test-rig.h"

static bool armed;
static unsigned calls, fail_at;
static int fail_with;
static bool failed;
static bool sync_failed;
static const void *received_into, *sent_from;

static bool fails(void)
{
	if (!armed || ++calls != fail_at)
		return false;
	failed = true;
	errno = fail_with;
	return true;
}

ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	for (size_t i = 1; i < m->msg_iovlen; i++)
		if (armed && m->msg_iov[i].iov_len == 4096)
			sent_from = m->msg_iov[i].iov_base;
	return fails() ? -1 : __real_sendmsg(fd, m, flags);
}

ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = fails() ? -1 : __real_recvmsg(fd, m, flags);

	if (armed && m->msg_iovlen > 1 && n > (ssize_t)sizeof(struct sl_wire_command))
		received_into = m->msg_iov[1].iov_base;
	return n;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (!fails())
		return __real_write(fd, p, n);
	/* A disk that fills up in the middle of a record. */
	return fail_with == ENOSPC ? __real_write(fd, p, n / 2) : -1;
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	if (!fails())
		return __real_fdatasync(fd);
	sync_failed = true;
	return -1;
}

off_t __real_lseek(int fd, off_t off, int whence);
off_t __wrap_lseek(int fd, off_t off, int whence);
off_t __wrap_lseek(int fd, off_t off, int whence)
{
	return fails() ? -1 : __real_lseek(fd, off, whence);
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
	return fails() ? -1 : __real_ftruncate(fd, size);
}

/* Is there an intent for this write on the disk, whole and with the checksum that continues the
 * last? */
static bool intent_on_disk(void)
{
	struct sl_record r;
	uint32_t check = 0;
	off_t at = 0;

	while (pread(ledger_fd, &r, sizeof(r), at) == (ssize_t)sizeof(r)) {
		assert(r.magic == SL_LEDGER_MAGIC && r.check == sl_record_check(check, &r));
		check = r.check;
		at += (off_t)sizeof(r);
		if (r.type == SL_RECORD_INTENT && r.set == SL_SET_NVME_NVM && r.final[0] == 0x01)
			return true;
	}
	return false;
}

/* One write, with the fail_at-th call failing. False: there were not that many calls. */
static bool once(unsigned n, int error)
{
	struct sl_client_reply r;
	struct sl_command c;
	static const uint8_t data[512];

	armed = false;
	set_up(NULL);
	calls = 0;
	fail_at = n;
	fail_with = error;
	failed = sync_failed = false;
	c = write_block(3);
	assert(sl_client_send(client, 1, &c, data, NULL) == 0);
	armed = true;
	serve();
	armed = false;
	if (held.n) {
		assert(intent_on_disk() && !sync_failed);
		armed = true;
		complete(0);
		armed = false;
	}
	/* Again, now that nothing fails: a command that was only put off is taken now. */
	if (g->sessions[0].fd >= 0)
		serve();
	while (held.n)
		complete(0);
	if (g->sessions[0].fd >= 0 && sl_client_recv(client, false, &r) == 1)
		assert(r.c.outcome == SL_OUTCOME_OK || r.c.outcome == SL_OUTCOME_DENIED);
	assert(g->free_slots == SL_SLOTS_MAX);
	tear_down();
	return failed;
}

static void test_data_moves_once(void)
{
	static uint8_t data[SL_WIRE_DATA_MAX];
	/* Metadata comes behind the data: within their buffer, at its end, beyond it. */
	static const uint32_t lengths[] = {512, SL_WIRE_DATA_MAX - 8, SL_WIRE_DATA_MAX - 3,
					   SL_WIRE_DATA_MAX};
	const uint8_t meta[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	fail_at = 0;
	set_up(NULL);
	memset(data, 0x5a, sizeof(data));
	for (unsigned i = 0; i < SL_COUNT(lengths); i++) {
		struct sl_command c = write_block(3);
		const struct sl_slot *s = sl_gate_spare(g);

		c.data_len = lengths[i];
		c.meta_len = sizeof(meta);
		assert(sl_client_send(client, 1, &c, data, meta) == 0);
		armed = true;
		serve();
		armed = false;
		/* No such namespace has metadata: refused, with all its parts in place. */
		assert(received_into == s->data && memcmp(s->meta, meta, sizeof(meta)) == 0);
		assert(memcmp(s->data, data, c.data_len) == 0);
		assert(answer().c.outcome == SL_OUTCOME_DENIED);
	}
	received_into = NULL;
	armed = true;
	send_command(2, write_block(3));
	assert(held.n == 1 && held.io[0]->data == received_into);
	complete(0);
	assert(answer().c.outcome == SL_OUTCOME_OK);
	send_command(3, identify());
	received_into = held.io[0]->data;
	complete(0);
	assert(sent_from == received_into);
	assert(answer().c.outcome == SL_OUTCOME_OK);
	armed = false;
	tear_down();
}

int main(void)
{
	static const int errors[] = {EIO, ENOSPC, ENOMEM, EINTR, EAGAIN, EPIPE, ENOBUFS};
	unsigned most = 0;

	for (unsigned e = 0; e < SL_COUNT(errors); e++) {
		unsigned n = 1;

		while (once(n, errors[e]))
			n++;
		most = n > most ? n : most;
	}
	test_data_moves_once();
	/* recvmsg, write, fdatasync, write, sendmsg at the least: else nothing was injected. */
	assert(most > 5);
	return 0;
}
