/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command costs the broker, in system calls: timing under emulation means nothing, counts
 * do. Traces a running broker that serves namespace 2 of SOLO to root, sends it commands, and fails
 * when there were more calls, or more bytes in them, than there should be.
 *
 *   calls SOCKET PID-OF-SLUICED
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "lib/client.h"
#include "nvme.h"

#define NSID	2 /* blocks of 4,096 bytes */
#define BLOCK	4096u
#define LARGE	65536u
#define COUNT	16u
#define THREADS 8

enum call {
	CALL_IOCTL,
	CALL_ENTER, /* io_uring_enter */
	CALL_TURN,  /* ppoll: one turn of the broker's loop */
	CALL_N
};

enum bytes { BYTES_RECEIVED, BYTES_SENT, BYTES_OTHER, BYTES_N };

/* Shared by the tracer and the client. */
struct shared {
	atomic_bool ready, hold;
	atomic_bool idle; /* in its poll */
	atomic_ulong calls[CALL_N], bytes[BYTES_N];
};

static struct shared *shared;

/* The tracer */

static const struct {
	unsigned nr;
	enum call call;
} counted[] = {{SYS_ioctl, CALL_IOCTL}, {SYS_io_uring_enter, CALL_ENTER}, {SYS_ppoll, CALL_TURN}};

/* Calls whose result is a number of bytes; every way that data could take is one of them. */
static const struct {
	unsigned nr;
	enum bytes bytes;
} moved[] = {
	{SYS_recvmsg, BYTES_RECEIVED},
	{SYS_recvfrom, BYTES_RECEIVED},
	{SYS_sendmsg, BYTES_SENT},
	{SYS_sendto, BYTES_SENT},
	{SYS_read, BYTES_OTHER},
	{SYS_readv, BYTES_OTHER},
	{SYS_pread64, BYTES_OTHER},
	{SYS_preadv, BYTES_OTHER},
	{SYS_write, BYTES_OTHER},
	{SYS_writev, BYTES_OTHER},
	{SYS_pwrite64, BYTES_OTHER},
	{SYS_pwritev, BYTES_OTHER},
	{SYS_process_vm_readv, BYTES_OTHER},
	{SYS_process_vm_writev, BYTES_OTHER},
	{SYS_splice, BYTES_OTHER},
	{SYS_sendfile, BYTES_OTHER},
	{SYS_copy_file_range, BYTES_OTHER},
};

static void account(pid_t tid)
{
	static struct {
		pid_t tid;
		uint64_t nr;
	} in[THREADS];
	struct __ptrace_syscall_info i;
	unsigned t = 0;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(i), &i) <= 0)
		return;
	while (t < THREADS - 1 && in[t].tid && in[t].tid != tid)
		t++;
	in[t].tid = tid;
	if (i.op == PTRACE_SYSCALL_INFO_ENTRY) {
		in[t].nr = i.entry.nr;
		atomic_store(&shared->idle, i.entry.nr == SYS_ppoll);
		for (unsigned k = 0; k < SL_COUNT(counted); k++)
			if (i.entry.nr == counted[k].nr)
				atomic_fetch_add(&shared->calls[counted[k].call], 1);
		return;
	}
	for (unsigned k = 0; k < SL_COUNT(moved); k++)
		if (in[t].nr == moved[k].nr && i.exit.rval > 0)
			atomic_fetch_add(&shared->bytes[moved[k].bytes],
					 (unsigned long)i.exit.rval);
	if (in[t].nr != SYS_ppoll)
		return;
	/* Held at the end of its poll: whoever wants to speak has spoken when it looks. */
	atomic_store(&shared->idle, false);
	while (atomic_load(&shared->hold))
		(void)usleep(1000);
}

static void seize(const char *pid)
{
	char path[64];
	const struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%s/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		pid_t tid = atoi(e->d_name);

		if (tid > 0 && (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD) < 0 ||
				ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0))
			die("calls: tracing %d: %s", tid, strerror(errno));
	}
	if (!d)
		die("calls: no process %s", pid);
	(void)closedir(d);
}

static void trace(const char *pid)
{
	int status;
	pid_t tid;

	seize(pid);
	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		int sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

		if (!sig)
			continue;
		if (sig == (SIGTRAP | 0x80))
			account(tid);
		else if (status >> 16 == PTRACE_EVENT_STOP)
			atomic_store(&shared->ready, true);
		(void)ptrace(PTRACE_SYSCALL, tid, NULL,
			     sig == (SIGTRAP | 0x80) || sig == SIGTRAP ? 0 : sig);
	}
}

/* The client */

static struct sl_client *client;
static uint8_t data[LARGE];

static void make(uint8_t opcode, uint32_t size, struct sl_command *ret)
{
	bool admin = opcode == 0x09;

	*ret = (struct sl_command){
		.set = admin ? SL_SET_NVME_ADMIN : SL_SET_NVME_IO,
		.dir = size == 0       ? SL_DIR_NONE
		       : opcode & 0x01 ? SL_DIR_OUT
				       : SL_DIR_IN,
		.door = admin ? SL_DOOR_CTRL : SL_DOOR_NS_CHAR,
		.writable = 1,
		.req_len = 64,
		.node_nsid = admin ? 0 : NSID,
		.data_len = size,
	};
	ret->req[0] = opcode;
	if (admin) {
		sl_put_le32(ret->req + 40, 0x04); /* temperature threshold */
		sl_put_le32(ret->req + 44, 0x014d);
	} else {
		sl_put_le32(ret->req + 4, NSID);
		sl_put_le32(ret->req + 48, size / BLOCK - 1);
	}
}

static void answered(const char *what)
{
	struct sl_client_reply r;

	if (sl_client_recv(client, true, &r) != 1)
		die("calls: %s: the broker has gone", what);
	if (r.c.outcome != SL_OUTCOME_OK || r.c.status)
		die("calls: %s: outcome %u, status %04x %s", what, r.c.outcome, r.c.status, r.text);
}

static void commands(const char *what, uint8_t opcode, uint32_t size, bool together)
{
	struct sl_command cmd;

	for (unsigned i = 0; i < CALL_N; i++)
		atomic_store(&shared->calls[i], 0);
	for (unsigned i = 0; i < BYTES_N; i++)
		atomic_store(&shared->bytes[i], 0);
	make(opcode, size, &cmd);
	atomic_store(&shared->hold, together);
	for (unsigned i = 0; i < COUNT; i++) {
		if (sl_client_send(client, i, &cmd, data, NULL) < 0)
			die("calls: %s: the broker has gone", what);
		if (!together)
			answered(what);
	}
	atomic_store(&shared->hold, false);
	for (unsigned i = 0; together && i < COUNT; i++)
		answered(what);
	/* The answer came before the call that sent it was seen to end. */
	while (!atomic_load(&shared->idle))
		(void)usleep(1000);
	(void)printf("%s, %u times: %lu ioctl, %lu io_uring_enter, %lu bytes received, %lu sent, "
		     "%lu to and from files\n",
		     what, COUNT, shared->calls[CALL_IOCTL], shared->calls[CALL_ENTER],
		     shared->bytes[BYTES_RECEIVED], shared->bytes[BYTES_SENT],
		     shared->bytes[BYTES_OTHER]);
}

static bool failed;

static void between(const char *what, unsigned long n, unsigned long least, unsigned long most)
{
	if (n >= least && n <= most)
		return;
	(void)printf("  %s: %lu, expected %lu to %lu\n", what, n, least, most);
	failed = true;
}

/* `most` entries into the ring, `ioctls`, and data that moves through the socket once. */
static void expect(unsigned long ioctls, unsigned long least, unsigned long most, unsigned long in,
		   unsigned long out)
{
	const unsigned long text = SL_WIRE_TEXT_MAX;

	between("ioctl", shared->calls[CALL_IOCTL], ioctls, ioctls);
	between("io_uring_enter", shared->calls[CALL_ENTER], least, most);
	between("bytes received", shared->bytes[BYTES_RECEIVED],
		COUNT * (sizeof(struct sl_wire_command) + in),
		COUNT * (sizeof(struct sl_wire_command) + in));
	between("bytes sent", shared->bytes[BYTES_SENT],
		COUNT * (sizeof(struct sl_wire_completion) + out),
		COUNT * (sizeof(struct sl_wire_completion) + out + text));
	/* The ledger's two records, an eventfd's eight bytes, a tag: no data. */
	between("bytes to and from files", shared->bytes[BYTES_OTHER], 0, COUNT * 2048);
}

int main(int argc, char **argv)
{
	pid_t tracer;

	if (argc != 3)
		die("usage: calls SOCKET PID-OF-SLUICED");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || sl_client_connect(argv[1], &client) < 0)
		die("calls: %s: nobody serves there", argv[1]);
	tracer = fork();
	if (tracer == 0)
		trace(argv[2]);
	while (!atomic_load(&shared->ready))
		if (waitpid(tracer, NULL, WNOHANG) != 0)
			return 1;
	commands("Set Features, by itself", 0x09, 0, false);
	expect(COUNT, 0, 0, 0, 0);
	commands("Read of 4 KiB, one after the other", 0x02, BLOCK, false);
	expect(0, COUNT, COUNT, 0, BLOCK);
	/* The broker hears the first alone, then all that were said meanwhile. */
	commands("Read of 4 KiB, all at once", 0x02, BLOCK, true);
	expect(0, 1, 2, 0, BLOCK);
	commands("Write of 64 KiB", 0x01, LARGE, false);
	expect(0, COUNT, COUNT, LARGE, 0);
	commands("Read of 64 KiB", 0x02, LARGE, false);
	expect(0, COUNT, COUNT, 0, LARGE);
	(void)kill(tracer, SIGKILL);
	(void)waitpid(tracer, NULL, 0);
	return failed;
}
