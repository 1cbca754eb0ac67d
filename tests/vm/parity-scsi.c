/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running kernel lets an ordinary user send to a SCSI device, CDB by CDB: all 256 opcodes,
 * the service actions of those that have some; through sg, bsg, block node and partition and each
 * of their doors; with nodes open for reading, for both and for writing alone; to units of several
 * peripheral device types.
 *
 *   parity-scsi --tsv      the kernel's answers
 *   parity-scsi POLICY     the differences from what it predicts; exit status 1 when there is one
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/pr.h>
#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bytes.h"
#include "model.h"
#include "nvme.h"
#include "scsi.h"
#include "wire/wire.h"

#define MAX_UNITS 64

enum mode { MODE_READ, MODE_BOTH, MODE_WRITE, MODE_N };
static const char *const mode_names[MODE_N] = {"ro", "rw", "wo"};

struct ask {
	const struct scsi_unit *unit;
	enum scsi_door door;
	enum mode mode;
	uint8_t opcode;
	int service_action; /* < 0: byte 1 is zero and has no meaning of that kind */
};

static const struct sl_image *image; /* NULL: only print */
static struct sl_contract contract;  /* of the unit */
static struct sl_bind bound;
static unsigned long n_cases, n_allowed, n_different;

/*
 * Where a kernel's doors differ in a way that a policy over commands cannot express and need not.
 * doc/kernel-parity.md has them in words. `seen` counts.
 */
static struct {
	const char *what;
	bool allowed; /* the kernel's answer; the model says the other */
	enum scsi_node node;
	uint32_t doors, modes; /* 1 << enum; no door: requests by which Linux makes the CDB */
	int type;	       /* peripheral device type; < 0: any */
	unsigned long seen;
} explained[] = {
	{"SCSI_IOCTL_SEND_COMMAND through sg is judged, SG_IO is not", false, SCSI_NODE_SG,
	 1 << SCSI_DOOR_SG_SEND, 1 << MODE_BOTH | 1 << MODE_WRITE, -1, 0},
	{"sg open for writing alone is judged, open for both it is not", false, SCSI_NODE_SG,
	 1 << SCSI_DOOR_SG_IO, 1 << MODE_WRITE, -1, 0},
	{"a scanner's sg is not judged", true, SCSI_NODE_SG, 1 << SCSI_DOOR_SG_IO, 1 << MODE_READ,
	 6, 0},
	{"sg takes no request by which Linux makes the CDB, unless open for both", false,
	 SCSI_NODE_SG, 0, 1 << MODE_READ | 1 << MODE_WRITE, -1, 0},
	{"K9: the requests by which Linux makes the CDB are not judged by the list", true,
	 SCSI_NODE_BLOCK, 0, ~0u, -1, 0},
};

static bool is_explained(const struct scsi_unit *u, enum scsi_node node, uint32_t door,
			 enum mode mode, bool allowed)
{
	for (unsigned i = 0; i < SL_COUNT(explained); i++) {
		if (explained[i].node != node || explained[i].allowed != allowed ||
		    (door ? !(explained[i].doors & door) : explained[i].doors != 0) ||
		    !(explained[i].modes >> mode & 1) ||
		    (explained[i].type >= 0 && (unsigned)explained[i].type != u->type))
			continue;
		explained[i].seen++;
		return true;
	}
	return false;
}

/*
 * One answer of the kernel's: counted, printed, held against the model. `door`: 1 << enum
 * scsi_door, or 0. `name` is for the line.
 */
static void answer(const struct scsi_unit *u, enum scsi_node node, uint32_t door, enum mode mode,
		   const uint8_t cdb[16], const char *name, bool allowed, int e)
{
	static const uint8_t doors[SCSI_NODE_N] = {SL_DOOR_SG, SL_DOOR_SCSI_BLOCK,
						   SL_DOOR_PARTITION, SL_DOOR_BSG};
	struct sl_command c = {.set = SL_SET_SCSI,
			       .door = doors[node],
			       .writable = mode != MODE_READ,
			       .req_len = 16};
	struct sl_verdict v;
	bool differs = false;

	n_cases++;
	n_allowed += allowed;
	memcpy(c.req, cdb, 16);
	if (image) {
		sl_judge(image, &bound, &contract, &c, NULL, 0, &v);
		differs = v.allow != allowed && !is_explained(u, node, door, mode, allowed);
		n_different += differs;
	}
	if (image && (!differs || n_different > 200))
		return;
	(void)printf("scsi\t%02x\t%s\t%s\t%02x\t%02x\t%s\t%s", u->type, name, mode_names[mode],
		     cdb[0], cdb[0] == 0x7f ? cdb[9] : cdb[1], allowed ? "allowed" : "refused",
		     e ? errno_name(e) : "-");
	(void)printf(differs ? "\t%s\n" : "%s\n", differs ? model_said(&v) : "");
}

/* scsi_debug shows a unit of another type for each host that is added after this is set. */
static void set_debug(const char *name, const char *value)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/sys/bus/pseudo/drivers/scsi_debug/%s", name);
	f = fopen(path, "we");
	if (!f || fputs(value, f) < 0 || fclose(f) != 0)
		die("%s: %s", path, strerror(errno));
}

static bool has_type(unsigned type)
{
	static struct scsi_unit units[MAX_UNITS];
	unsigned n = scsi_units(units, MAX_UNITS);

	for (unsigned i = 0; i < n; i++)
		if (units[i].debug && units[i].type == type)
			return true;
	return false;
}

static void add_types(void)
{
	/* Tape, CD, scanner, optical, changer, enclosure, reduced block commands. */
	static const unsigned types[] = {1, 5, 6, 7, 8, 13, 14};
	char text[16];

	set_debug("delay", "0");
	set_debug("strict", "1"); /* see try() */
	for (unsigned i = 0; i < SL_COUNT(types); i++) {
		(void)snprintf(text, sizeof(text), "%u", types[i]);
		set_debug("ptype", text);
		set_debug("add_host", "1");
		/* The units come later, and are of the type that is set then. */
		for (unsigned turn = 0; !has_type(types[i]); turn++) {
			if (turn == 200)
				die("scsi_debug shows no unit of type %u", types[i]);
			(void)usleep(50000);
		}
		(void)usleep(100000);
	}
	set_debug("ptype", "0");
	(void)usleep(500000); /* block nodes come last */
}

/* Whether the driver itself refuses. A partition has no SG_IO for an ordinary user: ENOTTY. */
static bool refused(const struct ask *a, int r)
{
	if (scsi_door_node(a->door) == SCSI_NODE_PART && r == -ENOTTY)
		return true;
	return r == -EPERM || r == -EACCES;
}

/* A door that this kernel, or this node, or a descriptor of this kind does not have. */
static bool no_such_door(const struct ask *a, int r)
{
	if (a->door == SCSI_DOOR_BSG_RING)
		return r == -EOPNOTSUPP || r == -EINVAL || r == -ENOTTY;
	if (a->door == SCSI_DOOR_SG_WRITE)
		return r == -EBADF;
	return scsi_door_node(a->door) != SCSI_NODE_PART && r == -ENOTTY;
}

static void try(const struct ask *a, int fd)
{
	/* Bytes of a CDB by the opcode's group, SPC-6 §4.2.2.1. */
	static const uint8_t lengths[8] = {6, 10, 10, 16, 16, 12, 16, 16};
	uint8_t cdb[16] = {a->opcode};
	int r;

	/*
	 * Reserved bits of the CONTROL byte, which no kernel looks at: the device is asked and
	 * carries nothing out. (Linux 7.3's scsi_debug falls over the tape commands.)
	 */
	cdb[lengths[a->opcode >> 5] - 1] = 0x38;

	if (a->service_action >= 0)
		cdb[a->opcode == 0x7f ? 9 : 1] = (uint8_t)a->service_action;
	if (a->opcode == 0x7f)
		cdb[7] = 8; /* additional length: a CDB of 16 bytes */
	r = scsi_send(a->door, fd, cdb);
	if (no_such_door(a, r))
		return;
	answer(a->unit, scsi_door_node(a->door), 1u << a->door, a->mode, cdb,
	       scsi_door_names[a->door], !refused(a, r), r < 0 ? -r : 0);
}

static void sweep_door(const struct scsi_unit *u, enum scsi_door door, enum mode mode, int fd)
{
	/* Opcodes whose byte 1 has a service action, SPC-6 §4.2.2.1.7; 7Fh: bytes 8 and 9. */
	static const uint8_t selected[] = {0x48, 0x5e, 0x5f, 0x7f, 0x83, 0x84, 0x94,
					   0x95, 0x9e, 0x9f, 0xa3, 0xa4, 0xab};
	struct ask a = {.unit = u, .door = door, .mode = mode, .service_action = -1};

	for (unsigned op = 0; op < 256; op++) {
		a.opcode = (uint8_t)op;
		try(&a, fd);
	}
	for (unsigned i = 0; i < SL_COUNT(selected); i++) {
		a.opcode = selected[i];
		for (a.service_action = 1; a.service_action < 32; a.service_action++)
			try(&a, fd);
	}
}

/*
 * Requests by which Linux makes the CDB itself. Most return without a word to the device when it is
 * of another kind; what counts is who says no. (SCSI_IOCTL_TEST_UNIT_READY is no longer one: 2 is
 * FIGETBSZ, which every file answers.)
 */
static const struct form {
	const char *name;
	unsigned long request;
	uint8_t opcode;
	uint8_t arg[32];
} forms[] = {
	{"STOP_UNIT", SCSI_IOCTL_STOP_UNIT, 0x1b, {0}},
	{"START_UNIT", SCSI_IOCTL_START_UNIT, 0x1b, {0}},
	{"CDROMEJECT", CDROMEJECT, 0x1b, {0}},
	{"CDROMCLOSETRAY", CDROMCLOSETRAY, 0x1b, {0}},
	{"DOORLOCK", SCSI_IOCTL_DOORLOCK, 0x1e, {0}},
	{"DOORUNLOCK", SCSI_IOCTL_DOORUNLOCK, 0x1e, {0}},
	{"PR_REGISTER", IOC_PR_REGISTER, 0x5f, {[8] = 1}},
	{"PR_RESERVE", IOC_PR_RESERVE, 0x5f, {[0] = 1, [8] = PR_WRITE_EXCLUSIVE}},
	{"PR_RELEASE", IOC_PR_RELEASE, 0x5f, {[0] = 1, [8] = PR_WRITE_EXCLUSIVE}},
	{"PR_CLEAR", IOC_PR_CLEAR, 0x5f, {[0] = 1}},
};

static void sweep_forms(const struct scsi_unit *u, enum scsi_node node, enum mode mode, int fd)
{
	static const char *const names[] = {"sg-ioctl", "block-ioctl", "part-ioctl", "bsg-ioctl"};

	for (unsigned i = 0; i < SL_COUNT(forms); i++) {
		const struct form *f = &forms[i];
		const uint8_t cdb[16] = {f->opcode};
		uint8_t arg[32];
		char name[64];
		int e;

		memcpy(arg, f->arg, sizeof(arg));
		e = ioctl(fd, f->request, arg) < 0 ? errno : 0;
		if (e == ENOTTY || e == EINVAL)
			continue; /* no such request here */
		(void)snprintf(name, sizeof(name), "%s %s", names[node], f->name);
		answer(u, node, 0, mode, cdb, name, e != EPERM && e != EACCES, e);
	}
}

static void sweep(const struct scsi_unit *u)
{
	static const int flags[MODE_N] = {O_RDONLY, O_RDWR, O_WRONLY};

	contract = (struct sl_contract){.generation = 1,
					.state = SL_CONTRACT_PRESENT,
					.protocol = SL_WIRE_SCSI,
					.type = (uint8_t)u->type,
					.max_transfer = UINT32_MAX};
	if (image)
		model_bind(image, USER, &contract, SL_WIRE_SCSI, &bound);
	for (unsigned n = 0; n < SCSI_NODE_N; n++) {
		for (unsigned m = 0; m < MODE_N && u->node[n][0]; m++) {
			int fd = open(u->node[n], flags[m] | O_NONBLOCK | O_CLOEXEC);

			if (fd < 0 && errno == EROFS)
				continue; /* a CD, for writing */
			if (fd < 0)
				die("%s: %s", u->node[n], strerror(errno));
			/* sg: the answer is waited for. */
			if (fcntl(fd, F_SETFL, flags[m]) < 0)
				die("%s: %s", u->node[n], strerror(errno));
			for (unsigned d = 0; d < SCSI_DOOR_N; d++)
				if (scsi_door_node(d) == n &&
				    (d != SCSI_DOOR_SG_WRITE || m == MODE_BOTH))
					sweep_door(u, d, m, fd);
			sweep_forms(u, n, m, fd);
			close(fd);
		}
	}
}

/* One unit of each type, of scsi_debug: QEMU's are somebody's disks. */
static unsigned choose(struct scsi_unit *units)
{
	unsigned n = scsi_units(units, MAX_UNITS), kept = 0;
	uint32_t seen = 0;

	for (unsigned i = 0; i < n; i++) {
		struct scsi_unit *u = &units[i];

		if (!u->debug || u->lun != 0 || u->type > 31 || seen >> u->type & 1)
			continue;
		seen |= 1u << u->type;
		if (u->node[SCSI_NODE_BLOCK][0] && (u->type == 0 || u->type == 14)) {
			add_partition(u->node[SCSI_NODE_BLOCK]);
			(void)snprintf(u->node[SCSI_NODE_PART], 64, "%.60s1",
				       u->node[SCSI_NODE_BLOCK]);
		}
		for (unsigned k = 0; k < SCSI_NODE_N; k++)
			if (u->node[k][0])
				open_to_all(u->node[k], true);
		units[kept++] = *u;
	}
	if (!(seen & 1))
		die("scsi_debug shows no disk");
	return kept;
}

int main(int argc, char **argv)
{
	static struct scsi_unit units[MAX_UNITS];
	struct utsname u;
	unsigned n;

	if (argc != 2)
		die("usage: parity-scsi --tsv | parity-scsi POLICY");
	if (strcmp(argv[1], "--tsv") != 0)
		image = model_load(argv[1]);
	(void)uname(&u);
	add_types();
	n = choose(units);
	become_user();
	for (unsigned i = 0; i < n; i++)
		sweep(&units[i]);
	for (unsigned i = 0; i < SL_COUNT(explained); i++)
		if (explained[i].seen)
			(void)fprintf(stderr, "parity-scsi: %lu answers explained: %s\n",
				      explained[i].seen, explained[i].what);
	(void)fprintf(
		stderr,
		"parity-scsi: Linux %s: %u device types, %lu cases, %lu reached the device, %lu "
		"differ without explanation\n",
		u.release, n, n_cases, n_allowed, n_different);
	return n_different ? 1 : 0;
}
