/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running kernel lets an ordinary user do, command by command: every I/O opcode, every
 * admin opcode with every CNS, FID and LID, the namespace's own and other NSIDs, flags, nodes open
 * for reading and for writing, a partition, and each of the driver's doors. Held against a policy
 * that claims to predict it; each difference is a line.
 *
 *   parity --tsv                 the kernel's answers alone
 *   parity POLICY [NAME]         the differences; exit status 1 when there is one
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/decide.h"
#include "core/reader.h"
#include "model.h"
#include "nvme.h"
#include "wire/wire.h"

/* A case: what is asked, through what. */
struct ask {
	enum node_kind node;
	enum door door;
	bool writable;
	uint8_t opcode, flags;
	uint32_t node_nsid, nsid, cdw10, cdw11;
};

/* One device under test, open to the ordinary user. */
struct target {
	const char *serial;
	uint32_t nsid, other; /* the namespace whose nodes are open, and another one of it */
	int fd[NODE_N][2];    /* read-only, read-write; -1: there is no such node */
	struct sl_contract contract;
	struct sl_bind bind;
};

static uint8_t data[4096] __attribute__((aligned(4096)));
static const struct sl_image *image; /* NULL: only print */
static unsigned long n_cases, n_allowed, n_different;
static bool print_all;

/* The contract, as the broker reads it, but as root through the bare node. */
static void read_contract(struct target *t)
{
	struct sl_command cmd;
	struct sl_reader r;
	char node[64];
	int fd;

	find_ctrl(t->serial, 0, node);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", node, strerror(errno));
	sl_reader_init(&r, &t->contract, SL_WIRE_NVME, NULL, NULL);
	while (sl_reader_next(&r, &cmd)) {
		struct nvme_passthru_cmd64 c = {.opcode = cmd.req[0],
						.nsid = sl_get_le32(cmd.req + 4),
						.addr = (uintptr_t)data,
						.data_len = cmd.data_len};
		uint32_t *dw[] = {&c.cdw10, &c.cdw11, &c.cdw12, &c.cdw13, &c.cdw14, &c.cdw15};
		int st;

		for (unsigned i = 0; i < SL_COUNT(dw); i++)
			*dw[i] = sl_get_le32(cmd.req + 40 + 4 * i);
		st = door_send(DOOR_ADMIN64, fd, &c);
		sl_reader_feed(&r, st < 0 ? SL_READER_LOST : (uint16_t)st, data, cmd.data_len);
	}
	t->contract.generation = 1;
	close(fd);
}

static void open_target(struct target *t)
{
	char node[64];

	read_contract(t);
	for (unsigned k = 0; k < NODE_N; k++) {
		t->fd[k][0] = t->fd[k][1] = -1;
		if (k == NODE_CTRL)
			find_ctrl(t->serial, 0, node);
		else if (k == NODE_PART && t->fd[NODE_BLOCK][0] >= 0 &&
			 find_node(t->serial, t->nsid, NODE_BLOCK, node))
			add_partition(node);
		if (k != NODE_CTRL && !find_node(t->serial, t->nsid, k, node))
			continue;
		/* Who opens it makes no difference to the driver, who sends does. */
		t->fd[k][0] = open(node, O_RDONLY | O_CLOEXEC);
		t->fd[k][1] = open(node, O_RDWR | O_CLOEXEC);
		if (errno == ENXIO && t->fd[k][0] < 0)
			continue; /* a namespace that Linux shows and does not use */
		if (t->fd[k][0] < 0 || t->fd[k][1] < 0)
			die("%s: %s", node, strerror(errno));
	}
	if (image)
		model_bind(image, USER, &t->contract, SL_WIRE_NVME, &t->bind);
}

static bool is_admin(enum door d)
{
	return d == DOOR_ADMIN || d == DOOR_ADMIN64 || d == DOOR_RING_ADMIN;
}

/* What the policy says of the same command. */
static bool predict(struct target *t, const struct ask *a, struct sl_verdict *ret)
{
	static const uint8_t doors[NODE_N] = {SL_DOOR_CTRL, SL_DOOR_NS_CHAR, SL_DOOR_NS_BLOCK,
					      SL_DOOR_PARTITION};
	struct sl_command c = {
		.set = is_admin(a->door) ? SL_SET_NVME_ADMIN : SL_SET_NVME_IO,
		.dir = a->opcode & 1 ? SL_DIR_OUT : SL_DIR_IN,
		.door = doors[a->node],
		.writable = a->writable,
		.req_len = 64,
		.node_nsid = a->node == NODE_CTRL ? 0 : a->node_nsid,
		.data_len = sizeof(data),
	};

	c.req[0] = a->opcode;
	c.req[1] = a->flags;
	sl_put_le32(c.req + 4, a->nsid);
	sl_put_le32(c.req + 40, a->cdw10);
	sl_put_le32(c.req + 44, a->cdw11);
	sl_judge(image, &t->bind, &t->contract, &c, data, 0, ret);
	return ret->allow;
}

static const char *answer_name(int r, char buf[32])
{
	if (r >= 0)
		(void)snprintf(buf, 32, "status %04x", (unsigned)r);
	else
		(void)snprintf(buf, 32, "%s", errno_name(-r));
	return buf;
}

static void print(const struct target *t, const struct ask *a, int r)
{
	char answer[32];

	(void)printf("%s/%u\t%s\t%s\t%s\t%02x\t%02x\t%08x\t%08x\t%08x\t%s", t->serial, t->nsid,
		     node_names[a->node], a->writable ? "rw" : "ro", door_names[a->door], a->opcode,
		     a->flags, a->nsid, a->cdw10, a->cdw11, answer_name(r, answer));
}

/* An errno by which the driver refuses before it asks the device. */
static bool refused(int r)
{
	return r == -EACCES || r == -EPERM || r == -EINVAL || r == -ENOTTY || r == -EOPNOTSUPP;
}

/*
 * Differences between the driver's doors that a policy over commands cannot express and need not:
 * the driver forgets its own check on one of them. doc/kernel-parity.md has them in words. `seen`
 * counts.
 */
static struct {
	const char *what;
	uint32_t doors, nodes; /* 1 << enum */
	unsigned long seen;
} explained[] = {
	{"SUBMIT_IO is not judged at all", 1 << DOOR_SUBMIT_IO, ~0U, 0},
	{"K2, see doc/kernel-parity.md", 1 << DOOR_IO, 1 << NODE_PART, 0},
};

static bool is_explained(const struct ask *a, int r)
{
	for (unsigned i = 0; !refused(r) && i < SL_COUNT(explained); i++)
		if ((explained[i].doors >> a->door & 1) && (explained[i].nodes >> a->node & 1)) {
			explained[i].seen++;
			return true;
		}
	return false;
}

/* SUBMIT_IO is a form of Read, Write and Compare; there is nothing to judge in the others. */
static bool no_such_form(const struct ask *a, int r)
{
	if (a->door == DOOR_SUBMIT_IO && r == -EINVAL)
		return a->opcode != 0x01 && a->opcode != 0x02 && a->opcode != 0x05;
	return r == -ENOTTY || r == -EOPNOTSUPP;
}

static void try(struct target *t, const struct ask *a)
{
	struct nvme_passthru_cmd64 c = {
		.opcode = a->opcode,
		.flags = a->flags,
		.nsid = a->nsid,
		.addr = (uintptr_t)data,
		.data_len = sizeof(data),
		.cdw10 = a->cdw10,
		.cdw11 = a->cdw11,
		.timeout_ms = 5000,
	};
	int fd = t->fd[a->node][a->writable], r;
	struct sl_verdict v;

	if (fd < 0)
		return;
	memset(data, 0, sizeof(data));
	r = door_send(a->door, fd, &c);
	if (no_such_form(a, r))
		return;
	n_cases++;
	n_allowed += !refused(r);
	if (print_all) {
		print(t, a, r);
		(void)putchar('\n');
	}
	memset(data, 0, sizeof(data));
	if (image && predict(t, a, &v) == refused(r) && !is_explained(a, r)) {
		n_different++;
		if (n_different <= 200) {
			print(t, a, r);
			(void)printf("\t%s\n", model_said(&v));
		}
	}
}

/* The same command through every door of its queue, on every node, open in both ways. */
static void everywhere(struct target *t, struct ask a, bool admin)
{
	static const enum door io[] = {DOOR_IO, DOOR_IO64, DOOR_RING_IO};
	static const enum door adm[] = {DOOR_ADMIN, DOOR_ADMIN64, DOOR_RING_ADMIN};

	for (unsigned n = 0; n < NODE_N; n++) {
		for (unsigned w = 0; w < 2; w++) {
			for (unsigned d = 0; d < 3; d++) {
				a.node = n;
				a.writable = w;
				a.door = admin ? adm[d] : io[d];
				/* Block nodes have no ring. */
				if (d == 2 && (n == NODE_BLOCK || n == NODE_PART))
					continue;
				try(t, &a);
			}
		}
	}
}

static void sweep_io(struct target *t)
{
	const uint32_t nsids[] = {t->nsid, t->other, 0xffffffff, 0};
	static const uint8_t flags[] = {0, 0x01, 0x02, 0x40, 0x80};

	for (unsigned op = 0; op < 256; op++) {
		struct ask a = {.opcode = (uint8_t)op, .node_nsid = t->nsid, .nsid = t->nsid};

		everywhere(t, a, false);
		for (unsigned i = 1; i < SL_COUNT(nsids); i++) {
			a.nsid = nsids[i];
			everywhere(t, a, false);
		}
		a.nsid = t->nsid;
		a.node = NODE_CHAR;
		a.writable = true;
		for (unsigned i = 1; i < SL_COUNT(flags); i++) {
			a.flags = flags[i];
			a.door = DOOR_IO64;
			try(t, &a);
			a.door = DOOR_RING_IO;
			try(t, &a);
		}
		a.flags = 0;
		a.door = DOOR_SUBMIT_IO;
		for (unsigned n = NODE_CHAR; n < NODE_N; n++)
			for (unsigned w = 0; w < 2; w++) {
				a.node = n;
				a.writable = w;
				try(t, &a);
			}
	}
}

static void sweep_admin(struct target *t)
{
	const uint32_t nsids[] = {0, t->nsid, t->other, 0xffffffff};
	static const uint8_t flags[] = {0x01, 0x02, 0x40, 0x80};
	/* Opcodes whose low byte of CDW10 decides: Get Log Page, Identify, Set and Get Features. */
	static const uint8_t selected[] = {0x02, 0x06, 0x09, 0x0a};

	for (unsigned op = 0; op < 256; op++) {
		struct ask a = {.opcode = (uint8_t)op, .node_nsid = t->nsid};

		for (unsigned i = 0; i < 2; i++) {
			a.nsid = nsids[i];
			everywhere(t, a, true);
		}
		a.writable = true;
		a.door = DOOR_ADMIN64;
		for (unsigned i = 0; i < SL_COUNT(flags); i++) {
			a.flags = flags[i];
			try(t, &a);
		}
	}
	for (unsigned s = 0; s < SL_COUNT(selected); s++) {
		for (unsigned sel = 0; sel < 256; sel++) {
			struct ask a = {.opcode = selected[s], .node_nsid = t->nsid, .cdw10 = sel};

			if (a.opcode == 0x02)
				a.cdw10 |= 1023u << 16; /* 4,096 bytes */
			for (unsigned i = 0; i < SL_COUNT(nsids); i++) {
				a.nsid = nsids[i];
				everywhere(t, a, true);
			}
		}
	}
}

int main(int argc, char **argv)
{
	static struct target targets[] = {
		{.serial = "SOLO", .nsid = 1, .other = 2},
		{.serial = "SOLO", .nsid = 4, .other = 1}, /* zoned */
		{.serial = "PAIR", .nsid = 1, .other = 2}, /* through the multipath head */
	};
	struct utsname u;

	if (argc != 2)
		die("usage: parity --tsv | parity POLICY");
	print_all = strcmp(argv[1], "--tsv") == 0;
	if (!print_all)
		image = model_load(argv[1]);
	(void)uname(&u);
	for (unsigned i = 0; i < SL_COUNT(targets); i++)
		open_target(&targets[i]);
	become_user();
	for (unsigned i = 0; i < SL_COUNT(targets); i++) {
		sweep_io(&targets[i]);
		sweep_admin(&targets[i]);
	}
	for (unsigned i = 0; i < SL_COUNT(explained); i++)
		if (explained[i].seen)
			(void)fprintf(stderr, "parity: %lu answers explained: %s\n",
				      explained[i].seen, explained[i].what);
	(void)fprintf(stderr,
		      "parity: Linux %s: %lu cases, %lu reached the device, %lu differ without "
		      "explanation\n",
		      u.release, n_cases, n_allowed, n_different);
	return n_different ? 1 : 0;
}
