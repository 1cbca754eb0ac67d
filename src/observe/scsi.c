/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier knows of SCSI: what can be read (SPC-6, SBC-4), and the canonical commands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "observe/trial.h"
#include "spec/names.h"
#include "wire/wire.h"

#define SENSE_BYTES    64u
#define INVALID_OPCODE 0x052000u /* illegal request, invalid command operation code */
#define LU	       1u
#define OP_READ10      0x28u
#define OP_WRITE10     0x2au
#define OP_VERIFY10    0x2fu
#define ATA_16	       0x85u
#define OP_READ16      0x88u
#define OP_WRITE16     0x8au
#define OP_VERIFY16    0x8fu
#define MODE_SELECT_10 0x55u
#define MODE_BYTES     252u
#define MODE_HEADER    8u /* in front of the page, by the ten-byte commands, without descriptors */
/* REPORT SUPPORTED OPERATION CODES: all, with timeouts */
#define RSOC_BYTES 8192u
#define RSOC_CDB                                                                                   \
	{                                                                                          \
		0xa3, 0x0c, 0x80, [8] = RSOC_BYTES >> 8                                            \
	}
#define ATTENTIONS 3u
#define PAGES_MAX  64u
#define VPD_VENDOR 0xc0u
#define VPD_ATA	   0x89u /* ATA Information, SAT-5 §12.4.2 */
#define LOG_VENDOR 0x30u
#define MODE_ALL   0x3fu
#define POWER_PAGE 0x1au /* power conditions */

/* Bytes of a CDB by its operation code: SPC-6 §4.2.5.1; of a variable one its own, here the longest
 * that we know. */
static uint16_t cdb_len(uint8_t opcode)
{
	static const uint8_t by_group[8] = {6, 10, 10, 32, 16, 12, 10, 10};

	return by_group[opcode >> 5];
}

static void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static struct sl_command cdb_in(const struct sl_contract *c, const uint8_t *cdb, uint32_t len)
{
	struct sl_command cmd = {.set = SL_SET_SCSI,
				 .dir = len ? SL_DIR_IN : SL_DIR_NONE,
				 .req_len = cdb_len(cdb[0]),
				 .data_len = len,
				 .meta_len = SENSE_BYTES};

	memcpy(cmd.req, cdb, cmd.req_len);
	sl_command_resolve(c, &cmd);
	return cmd;
}

static bool no_such(const struct sl_answer *a)
{
	return a->sense == INVALID_OPCODE;
}

static bool look(struct sl_finder *f, uint8_t facet, unsigned sel, unsigned sub, const uint8_t *cdb,
		 uint32_t len, const char *name)
{
	struct sl_probe p = {.facet = facet,
			     .sel = (uint8_t)sel,
			     .sub = (uint8_t)sub,
			     .cmd = cdb_in(f->c, cdb, len)};

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	return sl_finder_try(f, &p);
}

/*
 * What is one command each. The first takes what waits to be said. Not watched is what takes a unit
 * attention as its answer, REPORT LUNS too (SPC-6 §6.38).
 */
static const struct {
	uint8_t facet;
	uint16_t len;
	bool watched;
	const char *name;
	uint8_t cdb[16];
} singles[] = {
	{SL_FACET_S_ATTENTION, 252, false, "sense data", {0x03, 0, 0, 0, 252}},
	{SL_FACET_S_READY, 0, false, "test unit ready", {0x00}},
	{SL_FACET_S_INQUIRY, 96, true, "inquiry", {0x12, 0, 0, 0, 96}},
	{SL_FACET_S_LUNS, 512, false, "report luns", {0xa0, [8] = 2}},
	{SL_FACET_S_RSOC, RSOC_BYTES, true, "operation codes", RSOC_CDB},
	{SL_FACET_S_CAPACITY, 8, true, "read capacity (10)", {0x25}},
	{SL_FACET_S_CAPACITY, 32, true, "read capacity (16)", {0x9e, 0x10, [13] = 32}},
	{SL_FACET_S_RESERVATION, 512, true, "keys", {0x5e, 0, [7] = 2}},
	{SL_FACET_S_RESERVATION, 512, true, "reservation", {0x5e, 1, [7] = 2}},
	{SL_FACET_S_RESERVATION, 512, false, "reservation capabilities", {0x5e, 2, [7] = 2}},
	{SL_FACET_S_RESERVATION, 512, false, "full status", {0x5e, 3, [7] = 2}},
	/* IDENTIFY DEVICE by PIO, one block: SAT-5 §12.2.3 */
	{SL_FACET_S_ATA, 512, false, "ata identify", {0x85, 0x08, 0x0e, [6] = 1, [14] = 0xec}},
};

/* Of what waits to be said (a unit attention) only one command is told. */
static void declaration(struct sl_finder *f)
{
	static const uint8_t cdb[16] = RSOC_CDB;

	for (unsigned i = 0; i < ATTENTIONS; i++)
		if (look(f, SL_FACET_S_RSOC, 0, 0, cdb, RSOC_BYTES, "operation codes"))
			break;
}

static bool look_vpd(struct sl_finder *f, unsigned page)
{
	const uint8_t cdb[16] = {0x12, 1, (uint8_t)page, 2, 0};
	char name[16];

	(void)snprintf(name, sizeof(name), "vpd %02Xh", page);
	/* It holds the disk's IDENTIFY DEVICE data, which say what is enabled, too. */
	return look(f, page == VPD_ATA ? SL_FACET_S_ATA : SL_FACET_S_VPD, page, 0, cdb, 512, name);
}

static bool look_log(struct sl_finder *f, unsigned page)
{
	const uint8_t cdb[16] = {0x4d, 0, (uint8_t)(0x40 | page), [7] = 4};
	char name[16];

	(void)snprintf(name, sizeof(name), "log page %02Xh", page);
	return look(f, SL_FACET_S_LOG, page, 0, cdb, 1024, name);
}

/* A mode page by one of its four page controls: current, changeable, default, saved. */
static bool look_mode(struct sl_finder *f, unsigned page, unsigned pc)
{
	static const char *const names[] = {"", ", changeable", ", default", ", saved"};
	static const uint8_t facets[] = {SL_FACET_S_MODE, SL_FACET_S_MODE_OTHER,
					 SL_FACET_S_MODE_OTHER, SL_FACET_S_MODE_SAVED};
	/* DBD: without block descriptors; where they are, page 3Fh has them. */
	const uint8_t cdb[16] = {0x5a, 8, (uint8_t)(pc << 6 | page), [8] = MODE_BYTES};
	char name[64];

	(void)snprintf(name, sizeof(name), "mode page %02Xh%s", page, names[pc]);
	return look(f, facets[pc], page, pc, cdb, MODE_BYTES, name);
}

static void find_modes(struct sl_finder *f)
{
	for (unsigned page = 0; page < MODE_ALL; page++) {
		bool any = look_mode(f, page, 0);

		for (unsigned pc = 1; pc < 4 && any; pc++)
			(void)look_mode(f, page, pc);
	}
}

static void find(struct sl_finder *f)
{
	for (size_t i = 0; i < SL_COUNT(singles); i++)
		(void)look(f, singles[i].facet, (unsigned)i, 0, singles[i].cdb, singles[i].len,
			   singles[i].name);
	find_modes(f);
	for (unsigned page = 0; page < 256; page++)
		(void)look_vpd(f, page);
	for (unsigned page = 0; page < MODE_ALL; page++)
		(void)look_log(f, page);
	for (uint32_t i = 0; i < f->c->n_ns; i++)
		sl_finder_blocks(f, &f->c->ns[i]);
}

/* The pages that were just listed: VPD page 00h and log page 00h, a header of four bytes each. */
static uint32_t list_of(const struct sl_finder *f, uint8_t *ret)
{
	uint32_t n = sl_get_be16(f->data + 2);

	n = n < PAGES_MAX ? n : PAGES_MAX;
	memcpy(ret, f->data + 4, n);
	return n;
}

/* Those that there are: each as it is, and as it is kept where it can be (PS). SPC-6 §7.5. */
static void watch_modes(struct sl_finder *f)
{
	const struct sl_command all =
		cdb_in(f->c, (const uint8_t[16]){0x5a, 8, MODE_ALL, [7] = 4}, 1024);
	struct sl_answer a;
	uint8_t b[1024];
	uint32_t end;

	f->error = f->error ? f->error : sl_rig_call(f->rig, &all, f->data, &a);
	if (f->error || !sl_answer_ok(&a))
		return;
	memcpy(b, f->data, sizeof(b));
	end = sl_get_be16(b) + 2u < a.len ? sl_get_be16(b) + 2u : a.len;
	for (uint32_t at = MODE_HEADER + sl_get_be16(b + 6); at + 4 <= end;) {
		bool sub = b[at] & 0x40;

		if (!sub && look_mode(f, b[at] & 0x3f, 0) && b[at] & 0x80)
			(void)look_mode(f, b[at] & 0x3f, 3);
		at += sub ? sl_get_be16(b + at + 2) + 4u : b[at + 1] + 2u;
	}
}

static void watch(struct sl_finder *f)
{
	uint8_t pages[PAGES_MAX];
	uint32_t n = 0;

	for (size_t i = 0; i < SL_COUNT(singles); i++)
		if (singles[i].watched)
			(void)look(f, singles[i].facet, (unsigned)i, 0, singles[i].cdb,
				   singles[i].len, singles[i].name);
	watch_modes(f);
	if (look_vpd(f, 0))
		n = list_of(f, pages);
	for (uint32_t i = 0; i < n; i++)
		if (pages[i] && pages[i] < VPD_VENDOR)
			(void)look_vpd(f, pages[i]);
	n = look_log(f, 0) ? list_of(f, pages) : 0;
	for (uint32_t i = 0; i < n; i++)
		if (pages[i] && pages[i] < LOG_VENDOR)
			(void)look_log(f, pages[i]);
}

/*
 * A program does when a timer is set: STANDBY_Y, STANDBY_Z or one of IDLE, SPC-6 §7.5.15. Of a disk
 * that is not enough, for a translation has timers of its own; and what it has to tell its host
 * while nobody asks (unit attentions) is for who asks next.
 */
static bool sleeps(const struct sl_probes *p, bool real)
{
	for (size_t i = 0; i < p->n; i++) {
		const uint8_t *page = p->first + p->v[i].off + MODE_HEADER;

		if (p->v[i].facet == SL_FACET_S_MODE && p->v[i].sel == POWER_PAGE &&
		    (page[2] & 1 || page[3] & 15))
			return true;
	}
	return real;
}

/* Byte 6 of INQUIRY, SPC-6 §6.7.2 */
static const struct sl_actor actors[] = {
	{6, 0x10, "other hosts: it says that it has several ports (MULTIP)",
	 "it has one port (MULTIP)"},
	{0, 0, NULL, NULL},
};

#define SBC(op, role)                                                                              \
	{                                                                                          \
		SL_SET_SCSI_SBC, op, 0, 0, 0, SL_ROLE_##role                                       \
	}
#define SPC(op, role)                                                                              \
	{                                                                                          \
		SL_SET_SCSI, op, 0, 0, 0, SL_ROLE_##role                                           \
	}
#define VARIABLE(sa, role)                                                                         \
	{                                                                                          \
		SL_SET_SCSI_SBC, 0x7f, 9, 0xff, sa, SL_ROLE_##role                                 \
	}
/* START STOP UNIT by START and the power condition; WRITE SAME by UNMAP, two obsolete bits, NDOB.
 */
#define START(mask, value, role)                                                                   \
	{                                                                                          \
		SL_SET_SCSI_SBC, 0x1b, 4, mask, value, SL_ROLE_##role                              \
	}
#define SAME(op, at, value, role)                                                                  \
	{                                                                                          \
		SL_SET_SCSI_SBC, op, at, 0x0f, value, SL_ROLE_##role                               \
	}

static const struct sl_known known[] = {
	/* SANITIZE: overwrite, block erase, cryptographic erase */
	{SL_SET_SCSI_SBC, 0x48, 1, 0x1f, 1, SL_ROLE_ERASES},
	{SL_SET_SCSI_SBC, 0x48, 1, 0x1f, 2, SL_ROLE_ERASES},
	{SL_SET_SCSI_SBC, 0x48, 1, 0x1f, 3, SL_ROLE_ERASES},
	SBC(0x08, READS),
	SBC(OP_READ10, READS),
	SBC(0xa8, READS),
	SBC(OP_READ16, READS),
	VARIABLE(0x09, READS),
	SBC(0x0a, STORES),
	SBC(OP_WRITE10, STORES),
	SBC(0xaa, STORES),
	SBC(OP_WRITE16, STORES),
	SBC(0x2e, STORES),
	SBC(0xae, STORES),
	SBC(0x8e, STORES), /* WRITE AND VERIFY */
	SBC(0x9a, STORES),
	SBC(0x9c, STORES), /* WRITE STREAM, WRITE ATOMIC */
	VARIABLE(0x0b, STORES),
	VARIABLE(0x0c, STORES),
	SAME(0x41, 1, 0, FILLS),
	SAME(0x93, 1, 0, FILLS),
	SAME(0x93, 1, 1, ZEROES),
	START(0xf1, 0x01, WAKES),
	START(0xf0, 0x10, WAKES),
	START(0, 0, RESTS),
	SPC(0x12, VITAL),
	SPC(0x4d, VITAL), /* INQUIRY, LOG SENSE */
	SPC(0x00, REPORTS),
	SPC(0x03, REPORTS),
	SPC(0x1a, REPORTS),
	SPC(0x5a, REPORTS),
	SPC(0xa0, REPORTS),
	SPC(0xa3, REPORTS),
	SPC(0x5e, REPORTS),
	SBC(0x25, REPORTS),
	{SL_SET_SCSI_SBC, 0x9e, 1, 0x1f, 0x10, SL_ROLE_REPORTS}, /* READ CAPACITY (16) */
};
#undef SBC
#undef SPC
#undef VARIABLE
#undef START
#undef SAME

static void neutral(const struct sl_contract *c, unsigned i, struct sl_case *ret)
{
	static const struct {
		const char *name;
		uint16_t len;
		uint8_t cdb[16];
	} v[SL_NEUTRALS] = {
		{"inquiry vpd 00h", 252, {0x12, 1, 0, 0, 252}},
		{"report luns", 512, {0xa0, [8] = 2}},
		{"request sense", 252, {0x03, 0, 0, 0, 252}},
	};

	*ret = (struct sl_case){.nsid = LU, .cmd = cdb_in(c, v[i].cdb, v[i].len)};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", v[i].name);
}

static void block(const struct sl_contract *c, const struct sl_ns *ns, enum sl_block_op op,
		  uint64_t lba, uint32_t n, struct sl_command *ret)
{
	static const uint8_t opcodes[2][_SL_BLOCK_N] = {{[SL_BLOCK_WRITE] = OP_WRITE10,
							 [SL_BLOCK_READ] = OP_READ10,
							 [SL_BLOCK_COMPARE] = OP_VERIFY10},
							{[SL_BLOCK_WRITE] = OP_WRITE16,
							 [SL_BLOCK_READ] = OP_READ16,
							 [SL_BLOCK_COMPARE] = OP_VERIFY16}};
	bool far = lba > UINT32_MAX; /* beyond what the form of ten bytes can name */
	uint8_t cdb[16] = {opcodes[far][op]};

	put_be(cdb + 2, lba, far ? 8 : 4);
	put_be(cdb + (far ? 10 : 7), n, far ? 4 : 2);
	cdb[1] = op == SL_BLOCK_COMPARE ? 2 : 0; /* BYTCHK 01b: against the data */
	*ret = cdb_in(c, cdb, n * sl_ns_bytes(ns));
	ret->dir = op == SL_BLOCK_READ ? SL_DIR_IN : SL_DIR_OUT;
}

/* What a command's canonical form needs beyond its row; the first whose name is a prefix counts. */
enum payload {
	PAY_NONE,
	PAY_PATTERN,
	PAY_ARENA,  /* what the arena holds, as often as there is room */
	PAY_UNMAP,  /* one descriptor of four blocks */
	PAY_MODE6,  /* the control page as it is */
	PAY_MODE10, /* likewise */
	PAY_KEYS,   /* service action key 51h */
};

struct recipe {
	const char *row;
	uint8_t payload;
	uint8_t at, blocks; /* block of the arena, and how many */
	uint16_t size;	    /* bytes of the parameter list or of the answer */
	struct {
		const char *field;
		uint32_t value;
	} set[4];
};

#define MODE_PAGE 0x0au /* control */

static const struct recipe recipes[] = {
	{"scsi.spc.mode-sense-6", 0, 0, 0, 252, {{"page-code", MODE_PAGE}, {"dbd", 1}}},
	{"scsi.spc.mode-sense-10", 0, 0, 0, 252, {{"page-code", MODE_PAGE}, {"dbd", 1}}},
	{"scsi.spc.mode-select-6", PAY_MODE6, 0, 0, 0, {{"pf", 1}}},
	{"scsi.spc.mode-select-10", PAY_MODE10, 0, 0, 0, {{"pf", 1}}},
	{"scsi.spc.log-sense", 0, 0, 0, 512, {{"pc", 1}}},
	{"scsi.spc.log-select", 0, 0, 0, 0, {{"pcr", 1}, {"pc", 1}}},
	{"scsi.spc.send-diagnostic", 0, 0, 0, 0, {{"self-test", 1}}},
	{"scsi.spc.persistent-reserve-out", PAY_KEYS, 0, 0, 24, {{"type", 1}}},
	{"scsi.spc.write-buffer.data", PAY_PATTERN, 0, 0, 512, {{NULL, 0}}},
	{"scsi.spc.write-buffer.download-microcode", PAY_PATTERN, 0, 0, 4096, {{NULL, 0}}},
	{"scsi.spc.write-buffer.echo", PAY_PATTERN, 0, 0, 64, {{NULL, 0}}},
	{"scsi.sbc.unmap", PAY_UNMAP, 0, 4, 24, {{NULL, 0}}},
	{"scsi.sbc.write-and-verify", PAY_PATTERN, 6, 1, 0, {{NULL, 0}}},
	{"scsi.sbc.write-same", PAY_PATTERN, 4, 1, 0, {{NULL, 0}}},
	{"scsi.sbc.write-long", PAY_PATTERN, 5, 0, 0, {{NULL, 0}}},
	{"scsi.sbc.write", PAY_PATTERN, 2, 1, 0, {{NULL, 0}}},
	{"scsi.sbc.orwrite", PAY_PATTERN, 7, 1, 0, {{NULL, 0}}},
	{"scsi.sbc.compare-and-write", PAY_ARENA, 0, 1, 0, {{NULL, 0}}},
	{"scsi.sbc.variable-length.write", PAY_PATTERN, 3, 1, 0, {{NULL, 0}}},
	{"scsi.sbc", 0, 0, 1, 512, {{NULL, 0}}},
	{"scsi.mmc.read", 0, 0, 1, 512, {{NULL, 0}}},
};

static const struct recipe *recipe_of(const char *row)
{
	static const struct recipe other = {"", 0, 0, 0, 252, {{NULL, 0}}};

	for (size_t i = 0; i < SL_COUNT(recipes); i++)
		if (strncmp(row, recipes[i].row, strlen(recipes[i].row)) == 0)
			return &recipes[i];
	return &other;
}

/* The mode page as it was looked at, behind a header of `head` bytes; its bytes. */
static uint32_t mode_list(const struct sl_maker *m, uint8_t *b, uint32_t head)
{
	for (size_t i = 0; i < m->p->n; i++) {
		const struct sl_probe *p = &m->p->v[i];
		const uint8_t *now = m->look->bytes + p->off;
		uint32_t n = now[8 + 1] + 2u;

		if (p->facet != SL_FACET_S_MODE || p->sel != MODE_PAGE)
			continue;
		memcpy(b + head, now + 8, n);
		b[head] &= 0x3f; /* PS is the device's */
		return head + n;
	}
	return 0;
}

/* Returns how many bytes the payload has; 0: the row says. */
static uint32_t fill(struct sl_maker *m, const struct recipe *r, uint16_t row, uint64_t arena)
{
	uint8_t *b = m->payload;

	memset(b, 0, sizeof(m->payload));
	switch (r->payload) {
	case PAY_PATTERN:
		for (uint32_t i = 0; i + 8 <= sizeof(m->payload); i += 8)
			sl_put_le64(b + i, 0x6563696c756c7331u ^ (uint64_t)i << 32 ^ row);
		break;
	case PAY_ARENA:
		if (m->c->n_ns && sl_ns_bytes(m->c->ns)) {
			sl_pattern(b, sl_ns_bytes(m->c->ns), LU, arena + r->at);
			memset(b + sl_ns_bytes(m->c->ns), 0x5a, sl_ns_bytes(m->c->ns));
		}
		break;
	case PAY_UNMAP: /* SBC-4 §5.35.3 */
		put_be(b, 22, 2);
		put_be(b + 2, 16, 2);
		put_be(b + 8, arena + r->at, 8);
		put_be(b + 16, r->blocks, 4);
		break;
	case PAY_MODE6:
		return mode_list(m, b, 4);
	case PAY_MODE10:
		return mode_list(m, b, 8);
	case PAY_KEYS:
		put_be(b + 8, 0x51, 8);
		break;
	default:
		break;
	}
	return 0;
}

/* The format's size field: blocks, or bytes; as many as the field can say. */
static uint64_t size_of(const struct sl_row *row, const struct recipe *r, uint32_t payload)
{
	const struct sl_field *f = &sl_formats[row->format].size;
	uint64_t most = f->bytes ? UINT64_MAX >> (64 - f->width) : 0;
	uint64_t n = 0;

	switch (row->len) {
	case SL_LEN_BLOCKS:
	case SL_LEN_BLOCKS2:
	case SL_LEN_BYTCHK:
	case SL_LEN_NDOB:
		n = 1;
		break;
	case SL_LEN_NONE:
		n = row->ranges == SL_RANGES_LBA_END ? 1 : 0;
		break;
	case SL_LEN_ALLOC:
		n = r->size ? r->size : 252;
		break;
	case SL_LEN_SIZE:
		n = payload ? payload : r->payload ? r->size : 0;
		break;
	default:
		break;
	}
	return n < most ? n : most;
}

/* ATA PASS-THROUGH (12) and (16), SAT-5 §12.2: protocol by direction, one block of 512 bytes. */
static void set_ata(struct sl_case *x, bool wide)
{
	const struct sl_row *row = &sl_rows[x->row];
	uint8_t *req = x->cmd.req;
	bool out = sl_effects_mutating(row->floor);

	req[1] = 3u << 1; /* non-data */
	if (strstr(row->name, "read") || strstr(row->name, "identify") || strstr(row->name, "rec"))
		req[1] = 4u << 1; /* PIO in */
	else if (out && strstr(row->name, "write"))
		req[1] = 5u << 1;
	if (strstr(row->name, "dma"))
		req[1] = 6u << 1;
	if (req[1] == 3u << 1 || strstr(row->name, "verify") || strstr(row->name, "max")) {
		req[1] = 3u << 1;
		return;
	}
	req[2] = (uint8_t)(0x06 | (out ? 0 : 8)); /* T_LENGTH: COUNT; BYT_BLOK */
	req[wide ? 6 : 4] = 1;
}

/* The rows of a set, of all device types' commands, and those that share an opcode with others. */
static bool same_row(struct sl_case *x, uint16_t row)
{
	return sl_row_find(x->cmd.set, x->cmd.req) == row;
}

static void finish(struct sl_maker *m, struct sl_case *x, const struct recipe *r)
{
	struct sl_facts f;
	uint64_t arena = m->c->n_ns ? sl_arena(m->c->ns, m->p->key) : 0;

	if (m->error)
		return;
	x->cmd.dir = sl_command_dir(&x->cmd);
	sl_facts_collect(m->c, &x->cmd, NULL, &f);
	x->cmd.data_len = f.length_known ? f.length : 512;
	if (x->cmd.data_len > SL_RIG_DATA_MAX)
		return;
	if (!x->cmd.data_len)
		x->cmd.dir = SL_DIR_NONE;
	if (x->cmd.dir == SL_DIR_NONE)
		x->cmd.data_len = 0;
	(void)fill(m, r, x->row, arena);
	sl_case_judge(m->c, x->cmd.dir & SL_DIR_OUT ? m->payload : NULL, x);
	x->payload = x->cmd.dir & SL_DIR_OUT ? m->payload : NULL;
	if (!sl_cases_add(m->out, x))
		m->error = -ENOMEM;
}

static struct sl_case start(struct sl_maker *m, uint16_t row, uint8_t opcode,
			    const struct recipe *r)
{
	const struct sl_row *w = &sl_rows[row];
	const struct sl_format *fmt = &sl_formats[w->format];
	struct sl_case x = {.row = row, .nsid = LU};
	uint64_t arena = m->c->n_ns ? sl_arena(m->c->ns, m->p->key) : 0;
	struct sl_field sel;

	x.cmd.set = SL_SET_SCSI;
	x.cmd.req[0] = opcode;
	x.cmd.req_len = fmt->req_len ? (uint16_t)fmt->req_len : cdb_len(opcode);
	x.cmd.meta_len = SENSE_BYTES;
	sl_command_resolve(m->c, &x.cmd);
	if (sl_row_selector(row, &sel))
		sl_field_set(&sel, x.cmd.req, w->sel_lo);
	if (x.cmd.req[0] == 0x7f)
		x.cmd.req[7] = (uint8_t)(x.cmd.req_len - 8);
	for (unsigned i = 0; i < SL_COUNT(r->set) && r->set[i].field; i++) {
		const struct sl_field *f = sl_row_field(row, r->set[i].field);

		if (f)
			sl_field_set(f, x.cmd.req, r->set[i].value);
	}
	if (fmt->lba.bytes && m->c->n_ns)
		sl_field_set(&fmt->lba, x.cmd.req, arena + r->at);
	if (fmt->size.bytes)
		sl_field_set(&fmt->size, x.cmd.req, size_of(w, r, fill(m, r, row, arena)));
	if (w->len == SL_LEN_ATA && !(w->flags & SL_ROW_CARRIER))
		set_ata(&x, w->len_arg == SL_ATA_16);
	(void)snprintf(x.name, sizeof(x.name), "%s", w->name);
	return x;
}

/* One form for each value that a page field can have on this device: what was looked at. */
static void make_pages(struct sl_maker *m, uint16_t row, uint8_t opcode, const struct recipe *r)
{
	static const struct {
		uint8_t opcode, facet;
	} by[] = {{0x1a, SL_FACET_S_MODE},
		  {0x5a, SL_FACET_S_MODE},
		  {0x4d, SL_FACET_S_LOG},
		  {0x12, SL_FACET_S_VPD},
		  {0x12, SL_FACET_S_ATA}};
	const struct sl_field *page = sl_row_field(row, "page-code");
	const struct sl_field *evpd = sl_row_field(row, "evpd");

	for (size_t k = 0; k < SL_COUNT(by); k++)
		for (size_t i = 0; i < m->p->n && by[k].opcode == opcode && page; i++) {
			const struct sl_probe *p = &m->p->v[i];
			struct sl_case x;

			if (p->facet != by[k].facet ||
			    (p->facet == SL_FACET_S_ATA && p->cmd.req[0] != opcode))
				continue;
			x = start(m, row, opcode, r);
			sl_field_set(page, x.cmd.req, p->sel);
			if (evpd)
				sl_field_set(evpd, x.cmd.req, 1);
			(void)snprintf(x.name, sizeof(x.name), "%s %02Xh", sl_rows[row].name,
				       p->sel);
			finish(m, &x, r);
		}
}

/* READ LOG EXT of each log that the host or a vendor defines: 80h to DFh, ACS-4 §9.1. */
static void make_logs(struct sl_maker *m, uint16_t row, uint8_t opcode, const struct recipe *r)
{
	for (unsigned log = 0x80; log < 0xe0 && strstr(sl_rows[row].name, ".read-log-ext"); log++) {
		struct sl_case x = start(m, row, opcode, r);

		x.kind = SL_CASE_FIELD;
		x.cmd.req[opcode == ATA_16 ? 8 : 5] = (uint8_t)log; /* LBA (7:0) */
		(void)snprintf(x.name, sizeof(x.name), "%s %02Xh", sl_rows[row].name, log);
		finish(m, &x, r);
	}
}

static bool vendor_listed(const struct sl_contract *c, uint8_t set, unsigned op)
{
	const struct sl_entry *e = sl_contract_find(c, sl_key(set, (uint16_t)op, SL_SEL_ANY));

	return e && e->flags & SL_ENTRY_SUPPORTED;
}

/* MODE SELECT (10) of the page that MODE SENSE (10) returned: SPC-6 §6.12. */
static bool set(const struct sl_contract *c, const struct sl_probe *p, uint64_t value,
		const uint8_t *bytes, uint8_t *payload, struct sl_command *ret)
{
	uint8_t cdb[16] = {MODE_SELECT_10, 0x10}; /* PF */
	uint32_t n;

	(void)value;
	if (p->facet != SL_FACET_S_MODE || !bytes || bytes[MODE_HEADER] & 0x40)
		return false; /* pages with subpages have another form */
	n = MODE_HEADER + bytes[MODE_HEADER + 1] + 2u;
	if (n > p->cmd.data_len)
		return false;
	memcpy(payload + MODE_HEADER, bytes + MODE_HEADER, n - MODE_HEADER);
	payload[MODE_HEADER] &= 0x3f; /* PS is the device's */
	put_be(cdb + 7, n, 2);
	*ret = cdb_in(c, cdb, n);
	ret->dir = SL_DIR_OUT;
	return true;
}

/* One bit after the other of those that MODE SENSE says can be changed: SPC-6 §6.14, PC 01b. */
static bool other(const struct sl_probes *p, const struct sl_look *l, const struct sl_probe *q,
		  unsigned i, uint8_t *bytes)
{
	const uint8_t *may = NULL;

	for (size_t k = 0; k < p->n && q->facet == SL_FACET_S_MODE; k++)
		if (p->v[k].facet == SL_FACET_S_MODE_OTHER && p->v[k].sel == q->sel &&
		    p->v[k].sub == 1 && !l->item[k].status)
			may = l->bytes + p->v[k].off;
	for (uint32_t at = MODE_HEADER + 2; may && at < q->cmd.data_len; at++)
		for (unsigned bit = 0; bit < 8; bit++)
			if (may[at] >> bit & 1 && !i--) {
				bytes[at] ^= (uint8_t)(1u << bit);
				return true;
			}
	return false;
}

/* MODE SELECT of each page that can be changed, one bit of it another. */
static void make_selects(struct sl_maker *m, uint16_t row, uint8_t opcode)
{
	for (size_t i = 0; i < m->p->n && opcode == MODE_SELECT_10 && !m->error; i++) {
		const struct sl_probe *p = &m->p->v[i];
		struct sl_case x = {.kind = SL_CASE_FIELD, .row = row, .nsid = LU};
		uint8_t bytes[MODE_BYTES];

		if (p->facet != SL_FACET_S_MODE || p->cmd.data_len > sizeof(bytes))
			continue;
		memcpy(bytes, m->look->bytes + p->off, p->cmd.data_len);
		memset(m->payload, 0, sizeof(bytes));
		if (!other(m->p, m->look, p, 0, bytes) ||
		    !set(m->c, p, 0, bytes, m->payload, &x.cmd))
			continue;
		x.payload = m->payload;
		sl_case_judge(m->c, m->payload, &x);
		(void)snprintf(x.name, sizeof(x.name), "%s page=%02Xh", sl_rows[row].name, p->sel);
		if (!sl_cases_add(m->out, &x))
			m->error = -ENOMEM;
	}
}

static void base(struct sl_maker *m)
{
	uint8_t set = sl_set_of_type(SL_SET_SCSI, m->c->type);

	for (uint16_t row = 0; row < sl_row_count && !m->error; row++) {
		const struct sl_row *w = &sl_rows[row];
		const struct recipe *r = recipe_of(w->name);

		if (w->flags & (SL_ROW_KERNEL | SL_ROW_UNLISTED | SL_ROW_NO_DEPTH) ||
		    w->sel_group || sl_sets[w->set].protocol != SL_WIRE_SCSI)
			continue;
		for (unsigned op = w->op_lo; op <= w->op_hi; op++) {
			struct sl_case x = start(m, row, (uint8_t)op, r);

			if (!same_row(&x, row) ||
			    (w->flags & SL_ROW_VENDOR && !vendor_listed(m->c, set, op)))
				continue;
			if (w->op_lo != w->op_hi)
				(void)snprintf(x.name, sizeof(x.name), "%s %02Xh", w->name, op);
			finish(m, &x, r);
			make_pages(m, row, (uint8_t)op, r);
			make_logs(m, row, (uint8_t)op, r);
			make_selects(m, row, (uint8_t)op);
		}
	}
}

/* Is the opcode listed, with any service action? */
static bool listed(const struct sl_contract *c, uint8_t set, unsigned op)
{
	if (vendor_listed(c, set, op))
		return true;
	for (unsigned sel = 0; sel < 256; sel++) {
		const struct sl_entry *e =
			sl_contract_find(c, sl_key(set, (uint16_t)op, (uint16_t)sel));

		if (e && e->flags & SL_ENTRY_SUPPORTED)
			return true;
	}
	return false;
}

static int opcodes(const struct sl_contract *c, struct sl_cases *cases)
{
	uint8_t set = sl_set_of_type(SL_SET_SCSI, c->type);

	for (unsigned op = 0; op < 256; op++) {
		struct sl_case x = {.kind = SL_CASE_OPCODE, .nsid = LU};

		if (listed(c, set, op))
			continue;
		x.cmd.set = set;
		x.cmd.req[0] = (uint8_t)op;
		x.cmd.req_len = cdb_len((uint8_t)op);
		x.cmd.meta_len = SENSE_BYTES;
		x.row = sl_row_find(set, x.cmd.req);
		x.cmd.dir = sl_rows[x.row].dir;
		if (sl_rows[x.row].flags & (SL_ROW_UNLISTED | SL_ROW_VENDOR))
			x.cmd.dir = SL_DIR_IN;
		x.cmd.data_len = x.cmd.dir ? 512 : 0;
		x.floor = sl_rows[x.row].floor;
		x.scope = sl_rows[x.row].scope;
		if (x.cmd.dir == SL_DIR_BOTH)
			x.cmd.dir = SL_DIR_IN;
		(void)snprintf(x.name, sizeof(x.name), "opcode %02Xh", op);
		x.payload = x.cmd.dir & SL_DIR_OUT ? calloc(1, x.cmd.data_len) : NULL;
		if (!sl_cases_add(cases, &x)) {
			free(x.payload);
			return -ENOMEM;
		}
		free(x.payload);
	}
	return 0;
}

/* MODE SELECT sets the page that its list holds, where that is one. */
static bool sets_one(const struct sl_case *x, const struct sl_probe *p, bool *ret_this)
{
	const struct sl_field *page = sl_row_field(x->row, "first-page-code");

	if ((p->facet != SL_FACET_S_MODE && p->facet != SL_FACET_S_MODE_SAVED) || !page ||
	    page->space != SL_SPACE_DATA || !x->payload || !(sl_rows[x->row].floor & SL_E_CONFIG) ||
	    x->cmd.data_len < page->off + 2u ||
	    x->cmd.data_len > page->off + 2u + x->payload[page->off + 1])
		return false;
	*ret_this = p->sel == sl_field_get(page, x->payload);
	return true;
}

const struct sl_observed sl_observed_scsi = {
	.set = set,
	.other = other,
	/* SWP of the control mode page */
	.protects = {SL_FACET_S_MODE, 0x0a, MODE_HEADER + 4, 0x08},
	.declaration = declaration,
	.source = SL_SOURCE_RSOC,
	.facets = SL_FACETS(S_INQUIRY, S_ATA) | SL_FACETS(BLOCKS, HASH),
	.vary = 0xff,
	.block_opcodes = {[SL_BLOCK_WRITE] = OP_WRITE10,
			  [SL_BLOCK_READ] = OP_READ10,
			  [SL_BLOCK_COMPARE] = OP_VERIFY10},
	.no_such_text = "Invalid Command Operation Code",
	.no_such = no_such,
	.find = find,
	.neutral = neutral,
	.block = block,
	.base = base,
	.opcodes = opcodes,
	.sets_one = sets_one,
	.watch = watch,
	.firmware_at = 32,
	.firmware_len = 4,
	.actors = actors,
	.sleeps = sleeps,
	.known = known,
	.n_known = SL_COUNT(known),
};
