/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running kernel lets through to a CXL mailbox, command by command: every command id with
 * payloads of the right and of a wrong length, the fields that the kernel looks at, RAW with every
 * opcode; as root and as an ordinary user, with the node open for reading, for both, and for
 * writing.
 *
 *   parity-cxl --tsv NODE             the kernel's answers
 *   parity-cxl POLICY NODE [RAW]      the differences from what POLICY predicts of the command ids,
 * and the policy RAW of the kernel that has raw commands; exit status 1 when there is one
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/cxl_mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/reader.h"
#include "model.h"
#include "nvme.h"
#include "wire/wire.h"

#define N_MODES	  3
#define N_WHO	  2
#define N_IDS	  40 /* more than there are */
#define ID_RAW	  2
#define DATA_SIZE 512 /* less than the smallest mailbox */

/*
 * Command ids, their opcodes and what their input looks like: include/uapi/linux/cxl_mem.h and
 * drivers/cxl/cxlmem.h of Linux 7.3 (the headers of Debian 12 end at 20). No opcode: never one.
 */
static const struct {
	uint16_t opcode;
	uint8_t in;
} ids[N_IDS] = {
	[1] = {0x4000, 0},   [3] = {0x0400, 0},	  [4] = {0x0200, 0},   [5] = {0x4100, 0},
	[6] = {0x4102, 8},   [7] = {0x4200, 0},	  [8] = {0x0401, 24},  [9] = {0x4101, 10},
	[10] = {0x4103, 12}, [11] = {0x4201, 0},  [12] = {0x4202, 12}, [13] = {0x4203, 0},
	[14] = {0x4204, 1},  [15] = {0x4300, 16}, [16] = {0x4301, 8},  [17] = {0x4302, 72},
	[18] = {0x4303, 16}, [19] = {0x4304, 17}, [20] = {0x4305, 0},  [21] = {0x0300, 0},
	[22] = {0x0402, 16}, [23] = {0x0403, 16}, [24] = {0x0405, 2},
};

struct ask {
	const char *what;
	uint8_t id;
	uint16_t opcode;
	uint32_t flags, reserved;
	uint32_t in, out;
	uint8_t payload[128];
};

static struct ask *asks;
static unsigned n_asks, max_asks;
static int16_t (*answers)[N_WHO][N_MODES]; /* 0 or a positive errno */
static const char *const mode_names[N_MODES] = {"ro", "rw", "wo"};
static const char *const who_names[N_WHO] = {"user", "root"};

static struct ask *add(const char *what, uint8_t id, uint16_t opcode, uint32_t in)
{
	struct ask *a;

	if (n_asks == max_asks) {
		max_asks = max_asks ? 2 * max_asks : 4096;
		asks = realloc(asks, max_asks * sizeof(*asks));
		if (!asks)
			die("no memory");
	}
	a = &asks[n_asks++];
	*a = (struct ask){.what = what, .id = id, .opcode = opcode, .in = in, .out = DATA_SIZE};
	if (opcode == 0x4102)
		a->payload[4] = 16; /* Get LSA: a length of 0 is no request that QEMU takes */
	return a;
}

/* CXL 3.1 table 8-77: the log that Clear Log may clear for the kernel, and another one. */
static const uint8_t vendor_log[16] = {0x5e, 0x18, 0x19, 0xd9, 0x11, 0xa9, 0x40, 0x0c,
				       0x81, 0x1f, 0xd6, 0x07, 0x19, 0x40, 0x3d, 0x86};
static const uint8_t effects_log[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
					0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};

static void build(void)
{
	for (uint8_t id = 0; id < N_IDS; id++) {
		struct ask *a;

		if (id == ID_RAW)
			continue;
		a = add("plain", id, ids[id].opcode, ids[id].in);
		if (ids[id].opcode == 0x0403)
			memcpy(a->payload, effects_log, 16);
		if (!ids[id].opcode)
			continue;
		add("long", id, ids[id].opcode, ids[id].in + 1u);
		if (ids[id].in)
			add("short", id, ids[id].opcode, ids[id].in - 1u);
		add("flags", id, ids[id].opcode, ids[id].in)->flags = 4;
		add("reserved", id, ids[id].opcode, ids[id].in)->reserved = 1;
		add("no-output", id, ids[id].opcode, ids[id].in)->out = 0;
	}
	add("immediate", 9, 0x4101, 10)->payload[8] = 1; /* Set Partition Info, now */
	memcpy(add("vendor-log", 23, 0x0403, 16)->payload, vendor_log, 16);
	for (uint32_t op = 0; op < 0x10000; op++)
		add("raw", ID_RAW, (uint16_t)op, 0);
	add("raw-payload", ID_RAW, 0x4000, 16);
	add("raw-reserved", ID_RAW, 0x4000, 0)->reserved = 1;
	add("raw-immediate", ID_RAW, 0x4101, 10)->payload[8] = 1;
	memcpy(add("raw-effects-log", ID_RAW, 0x0403, 16)->payload, effects_log, 16);
	memcpy(add("raw-vendor-log", ID_RAW, 0x0403, 16)->payload, vendor_log, 16);
	memcpy(add("raw-vendor-log-short", ID_RAW, 0x0403, 15)->payload, vendor_log, 15);
}

static int try(int fd, struct ask *a)
{
	static uint8_t out[DATA_SIZE];
	struct cxl_send_command c = {
		.id = a->id, .flags = a->flags, .in = {.size = a->in}, .out = {.size = a->out}};

	c.in.payload = (uintptr_t)a->payload;
	c.out.payload = (uintptr_t)out;
	if (a->id == ID_RAW) {
		c.raw.opcode = a->opcode;
		c.raw.rsvd = (uint16_t)a->reserved;
	} else {
		c.rsvd = a->reserved;
	}
	return ioctl(fd, CXL_MEM_SEND_COMMAND, &c) < 0 ? errno : 0;
}

/* The node is opened by whoever sends. */
static void sweep(const char *node, unsigned who)
{
	static const int flags[N_MODES] = {O_RDONLY, O_RDWR, O_WRONLY};

	for (unsigned m = 0; m < N_MODES; m++) {
		int fd = open(node, flags[m] | O_CLOEXEC);

		if (fd < 0)
			die("%s: %s", node, strerror(errno));
		for (unsigned i = 0; i < n_asks; i++)
			answers[i][who][m] = (int16_t)try(fd, &asks[i]);
		close(fd);
	}
}

static void user_half(const char *node)
{
	pid_t p;
	int status;

	open_to_all(node, true);
	(void)fflush(stdout);
	p = fork();
	if (p == 0) {
		become_user();
		sweep(node, 0);
		_exit(0);
	}
	if (waitpid(p, &status, 0) != p || !WIFEXITED(status) || WEXITSTATUS(status))
		die("the ordinary user's half did not end");
}

/* What the kernel answers itself; anything else comes from the device or the way to it. */
static bool refused(int e)
{
	return e == EPERM || e == EBUSY || e == ENOTTY || e == EINVAL || e == ENOMEM;
}

static void print(unsigned i, unsigned who, unsigned mode)
{
	const struct ask *a = &asks[i];
	int e = answers[i][who][mode];

	(void)printf("cxl\t%s\t%s\t%u\t%04x\t%s/%u\t%s\t%s", who_names[who], mode_names[mode],
		     a->id, a->opcode, a->what, a->in, refused(e) ? "refused" : "allowed",
		     e ? errno_name(e) : "-");
}

static struct {
	uint32_t n, reserved;
	struct cxl_command_info c[N_IDS];
} q = {.n = N_IDS};

static void query(const char *node, bool print_it)
{
	int fd = open(node, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, CXL_MEM_QUERY_COMMANDS, &q) < 0)
		die("%s: %s", node, strerror(errno));
	for (unsigned i = 0; i < N_IDS; i++)
		if (print_it && q.c[i].id)
			(void)printf("query\t%u\t%x\t%d\t%d\n", q.c[i].id, q.c[i].flags,
				     (int)q.c[i].size_in, (int)q.c[i].size_out);
	close(fd);
}

/* The contract, as the broker reads it, as root; what has no command id the kernel keeps from it.
 */
static void read_contract(const char *node, struct sl_contract *c)
{
	int fd = open(node, O_RDONLY | O_CLOEXEC);
	struct sl_command cmd;
	struct sl_reader r;

	if (fd < 0)
		die("%s: %s", node, strerror(errno));
	sl_reader_init(&r, c, SL_WIRE_CXL, NULL, NULL);
	while (sl_reader_next(&r, &cmd)) {
		uint16_t opcode = (uint16_t)(cmd.req[0] << 8 | cmd.req[1]);
		uint8_t out[SL_READER_DATA_MAX] = {0};
		struct cxl_send_command s = {
			.in = {.size = sl_get_le32(cmd.req + SL_MBOX_IN_LEN)},
			.out = {.size = sl_get_le32(cmd.req + SL_MBOX_OUT_LEN)}};

		for (uint32_t id = 0; id < N_IDS; id++)
			if (ids[id].opcode == opcode)
				s.id = id;
		s.in.payload = (uintptr_t)r.payload;
		s.out.payload = (uintptr_t)out;
		if (!s.id || ioctl(fd, CXL_MEM_SEND_COMMAND, &s) < 0)
			sl_reader_feed(&r, 3, NULL, 0); /* Unsupported */
		else
			sl_reader_feed(&r, (uint16_t)s.retval, out, s.out.size);
	}
	close(fd);
	c->generation = 1;
}

static struct sl_contract contract;

/* A request that is wrong as such, so that there is no command in it; or none that anybody knows.
 */
static bool no_command(const struct ask *a)
{
	return a->flags || a->reserved || (a->id != ID_RAW && !ids[a->id].opcode);
}

/* What the model says of the command. */
static bool predict(const struct sl_image *img, const struct sl_bind *b, const struct ask *a,
		    bool writable, struct sl_verdict *ret)
{
	struct sl_command c = {.set = SL_SET_CXL,
			       .dir = SL_DIR_BOTH,
			       .door = SL_DOOR_CXL,
			       .writable = writable,
			       .req_len = SL_MBOX_REQ_LEN,
			       .data_len = a->in > a->out ? a->in : a->out};
	uint8_t data[DATA_SIZE] = {0};

	c.req[0] = (uint8_t)(a->opcode >> 8);
	c.req[1] = (uint8_t)a->opcode;
	sl_put_le32(c.req + SL_MBOX_IN_LEN, a->in);
	sl_put_le32(c.req + SL_MBOX_OUT_LEN, a->out);
	memcpy(data, a->payload, sizeof(a->payload));
	sl_judge(img, b, &contract, &c, data, 0, ret);
	return ret->allow;
}

/* A driver has taken the labels: include/uapi/linux/cxl_mem.h, CXL_MEM_COMMAND_FLAG_EXCLUSIVE. */
static bool is_taken(const struct ask *a, int e)
{
	for (unsigned i = 0; e == EBUSY && i < N_IDS; i++)
		if (q.c[i].id == a->id && q.c[i].flags & 2)
			return true;
	return false;
}

/*
 * RAW keeps back what has an id of its own: the model of such a kernel says what can be had through
 * either.
 */
static bool is_explained(const struct ask *a, const struct sl_image *raw, bool kernel, bool model)
{
	if (a->id != ID_RAW || kernel || !model)
		return false;
	if (!raw)
		return true;
	for (unsigned i = 0; i < N_IDS; i++)
		if (ids[i].opcode == a->opcode)
			return true;
	return false;
}

static unsigned long compare(const char *policy, const char *raw_policy, const char *node)
{
	const struct sl_image *img = model_load(policy),
			      *raw = raw_policy ? model_load(raw_policy) : NULL;
	const uint32_t uids[N_WHO] = {USER, 0};
	unsigned long different = 0, explained = 0, taken = 0;

	read_contract(node, &contract);
	for (unsigned w = 0; w < N_WHO; w++) {
		struct sl_bind bind, raw_bind;

		model_bind(img, uids[w], &contract, SL_WIRE_CXL, &bind);
		if (raw)
			model_bind(raw, uids[w], &contract, SL_WIRE_CXL, &raw_bind);
		for (unsigned i = 0; i < n_asks; i++) {
			const struct ask *a = &asks[i];
			bool is_raw = a->id == ID_RAW && raw;

			for (unsigned m = 0; m < N_MODES && !no_command(a); m++) {
				bool kernel = !refused(answers[i][w][m]);
				struct sl_verdict v;
				bool model = predict(is_raw ? raw : img, is_raw ? &raw_bind : &bind,
						     a, m != 0, &v);

				if (kernel == model)
					continue;
				if (is_taken(a, answers[i][w][m])) {
					taken++;
					continue;
				}
				if (is_explained(a, raw, kernel, model)) {
					explained++;
					continue;
				}
				if (different++ < 200) {
					print(i, w, m);
					(void)printf("\t%s\n", model_said(&v));
				}
			}
		}
	}
	if (taken)
		(void)fprintf(stderr,
			      "parity-cxl: %lu answers explained: a driver owns the labels\n",
			      taken);
	if (explained)
		(void)fprintf(stderr, "parity-cxl: %lu answers explained: %s\n", explained,
			      raw ? "RAW keeps back what has an id"
				  : "there is no RAW in this kernel");
	return different;
}

int main(int argc, char **argv)
{
	unsigned long allowed = 0, different = 0;
	struct utsname u;
	bool tsv;

	if (argc < 3 || argc > 4)
		die("usage: parity-cxl --tsv NODE | parity-cxl POLICY NODE [RAW]");
	tsv = strcmp(argv[1], "--tsv") == 0;
	if (access("/out/stage2", F_OK) < 0)
		die("this is not a guest of tools/vm: nothing was done");
	(void)uname(&u);
	build();
	answers = mmap(NULL, n_asks * sizeof(*answers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED)
		die("no memory");
	query(argv[2], tsv);
	user_half(argv[2]);
	sweep(argv[2], 1);
	for (unsigned i = 0; i < n_asks; i++)
		for (unsigned w = 0; w < N_WHO; w++)
			for (unsigned m = 0; m < N_MODES; m++) {
				allowed += !refused(answers[i][w][m]);
				if (tsv) {
					print(i, w, m);
					(void)putchar('\n');
				}
			}
	if (!tsv)
		different = compare(argv[1], argc > 3 ? argv[3] : NULL, argv[2]);
	(void)fprintf(stderr,
		      "parity-cxl: Linux %s: %zu cases, %lu reached the device, %lu differ without "
		      "explanation\n",
		      u.release, n_asks * sizeof(*answers) / sizeof(int16_t), allowed, different);
	return different ? 1 : 0;
}
