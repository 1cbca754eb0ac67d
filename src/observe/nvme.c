/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier and the watcher know of NVMe, but for what can be read (facet.c) and the
 * canonical commands (case.c). */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "observe/trial.h"
#include "spec/nvme.h"

#define NVME_INVALID_OPCODE 0x001u

static bool nvme_no_such(const struct sl_answer *a)
{
	return sl_answer_code(a) == NVME_INVALID_OPCODE;
}

static const struct {
	uint8_t opcode;
	uint32_t cdw10;
	uint32_t len;
	const char *name;
} neutrals[SL_NEUTRALS] = {
	{0x0a, 0x07, 4096, "get-features 07h"},
	{0x02, 0x03 | 1u << 15 | 127u << 16, 512, "get-log-page 03h"},
	{0x06, 0x01, 4096, "identify 01h"},
};

static void nvme_neutral(const struct sl_contract *c, unsigned i, struct sl_case *ret)
{
	(void)c;
	*ret = (struct sl_case){0};
	ret->cmd.set = SL_SET_NVME_ADMIN;
	ret->cmd.dir = SL_DIR_IN;
	ret->cmd.req_len = SL_REQ_MAX;
	ret->cmd.req[0] = neutrals[i].opcode;
	sl_put_le32(ret->cmd.req + 40, neutrals[i].cdw10);
	ret->cmd.data_len = neutrals[i].len;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", neutrals[i].name);
}

static void nvme_block(const struct sl_contract *c, const struct sl_ns *ns, enum sl_block_op op,
		       uint64_t lba, uint32_t n, struct sl_command *ret)
{
	*ret = (struct sl_command){.set = SL_SET_NVME_IO, .req_len = SL_REQ_MAX};
	ret->req[0] = (uint8_t)op;
	sl_put_le32(ret->req + 4, ns->nsid);
	sl_put_le64(ret->req + NVME_SLBA, lba);
	sl_put_le16(ret->req + NVME_NLB, (uint16_t)(n - 1));
	sl_command_resolve(c, ret);
	ret->dir = op == SL_BLOCK_READ ? SL_DIR_IN : SL_DIR_OUT;
	ret->data_len = n * sl_ns_bytes(ns);
	ret->meta_len = ns->meta_ext ? 0 : n * ns->meta;
}

/* Setting a feature sets that one. */
static bool nvme_sets_one(const struct sl_case *x, const struct sl_probe *p, bool *ret_this)
{
	if ((p->facet != SL_FACET_FEATURE && p->facet != SL_FACET_FEATURE_SAVED) ||
	    sl_rows[x->row].set != SL_SET_NVME_ADMIN || x->cmd.req[0] != NVME_ADMIN_SET_FEATURES)
		return false;
	*ret_this = p->sel == x->cmd.req[40] &&
		    (!p->nsid || p->nsid == x->nsid || x->nsid == NVME_NSID_ALL);
	return true;
}

/* Set Features; SEL is a Get's. */
static bool nvme_set(const struct sl_contract *c, const struct sl_probe *p, uint64_t value,
		     const uint8_t *bytes, uint8_t *payload, struct sl_command *ret)
{
	(void)c;
	(void)bytes;
	(void)payload;
	if (p->facet != SL_FACET_FEATURE)
		return false;
	*ret = p->cmd;
	ret->dir = SL_DIR_NONE;
	ret->data_len = 0;
	ret->req[0] = NVME_ADMIN_SET_FEATURES;
	ret->req[41] = 0;
	sl_put_le32(ret->req + 44, (uint32_t)value);
	/* Queues and the like are the driver's. */
	return !(sl_rows[sl_row_find(ret->set, ret->req)].flags & SL_ROW_KERNEL);
}

#define RAE (1u << 15)

/* Identify Controller, Base 2.1 figure 312 */
enum {
	ID_FR = 64,
	FR_BYTES = 8,
	ID_CMIC = 76,
	ID_MEC = 255,
	ID_LPA = 261,
	ID_NPSS = 263,
	ID_APSTA = 265,
	ID_HCTMA = 322,
	ID_SANICAP = 328,
	ID_FNA = 524,
	ID_VWC = 525,
	ID_PSD = 2048,
	LISTED = 0xffff, /* none of its bytes: the feature is in the log of features (LID 12h) */
};

/* One thing to read, and what has to be set in Identify Controller for it to be there. */
static const struct {
	uint8_t opcode, facet, sel, per_ns;
	uint16_t bytes;
	uint16_t need_byte;
	uint8_t need_mask; /* 0: always */
} choice[] = {
	{NVME_ADMIN_IDENTIFY, SL_FACET_ID_CTRL, 0x01, 0, 4096, 0, 0},
	{NVME_ADMIN_IDENTIFY, SL_FACET_ID_LIST, 0x02, 0, 4096, 0, 0},
	{NVME_ADMIN_IDENTIFY, SL_FACET_ID_NS, 0x00, 1, 4096, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_ERRORS, 0x01, 0, 64, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_SMART, 0x02, 0, 512, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_FIRMWARE, 0x03, 0, 512, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_EFFECTS, 0x05, 0, 4096, ID_LPA, 0x02},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_SANITIZE, 0x81, 0, 512, ID_SANICAP, 0x07},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x01, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x02, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x04, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x05, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x06, 0, 0, ID_VWC, 0x01},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x07, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x0a, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x0b, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x0c, 0, 256, ID_APSTA, 0x01},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x10, 0, 0, ID_HCTMA, 0x01},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x11, 0, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x12, 0, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x16, 0, 512, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x80, 0, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x82, 1, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x84, 1, 0, LISTED, 1},
};

/* Is it there? To ask for what is not leaves an entry in a real device's error log. */
static bool is_there(const struct sl_finder *f, unsigned row)
{
	const struct sl_entry *e;

	if (!choice[row].need_mask || !(f->rig->can & SL_RIG_REAL))
		return true;
	if (choice[row].need_byte != LISTED)
		return f->id[choice[row].need_byte] & choice[row].need_mask;
	e = sl_contract_find(f->c,
			     sl_key(SL_SET_NVME_ADMIN, NVME_ADMIN_SET_FEATURES, choice[row].sel));
	return e && e->flags & SL_ENTRY_SUPPORTED;
}

static bool try(struct sl_finder *f, unsigned row, uint32_t nsid)
{
	uint32_t bytes = choice[row].bytes, cdw10 = choice[row].sel;
	struct sl_probe p = {.facet = choice[row].facet,
			     .sel = choice[row].sel,
			     .nsid = nsid,
			     .cmd = {.set = SL_SET_NVME_ADMIN,
				     .dir = bytes ? SL_DIR_IN : SL_DIR_NONE,
				     .req_len = SL_REQ_MAX,
				     .data_len = bytes}};

	if (choice[row].opcode == NVME_ADMIN_GET_LOG_PAGE)
		cdw10 |= RAE | (bytes / 4 - 1) << 16;
	p.cmd.req[0] = choice[row].opcode;
	sl_put_le32(p.cmd.req + 4, nsid);
	sl_put_le32(p.cmd.req + 40, cdw10);
	(void)snprintf(p.name, sizeof(p.name), "%s %02Xh", sl_facets[p.facet].name, p.sel);
	return sl_finder_try(f, &p);
}

static void nvme_watch(struct sl_finder *f)
{
	/* Identify Controller says what else there is. */
	if (!try(f, 0, 0))
		return;
	memcpy(f->id, f->data, sizeof(f->id));
	for (unsigned row = 1; row < SL_COUNT(choice); row++) {
		if (!is_there(f, row))
			continue;
		if (!choice[row].per_ns)
			(void)try(f, row, 0);
		for (uint32_t i = 0; choice[row].per_ns && i < f->c->n_ns; i++)
			(void)try(f, row, f->c->ns[i].nsid);
	}
}

/* Any power state that does no I/O (NOPS), or transitions by itself. */
static bool nvme_sleeps(const struct sl_probes *p, bool real)
{
	const uint8_t *id = p->first;

	(void)real;
	for (unsigned i = 0; i <= id[ID_NPSS] && i < 32; i++)
		if (id[ID_PSD + 32 * i + 3] & 2)
			return true;
	return false;
}

static const struct sl_actor nvme_actors[] = {
	{ID_CMIC, 7, "other hosts or controllers: it says that it has several (CMIC)",
	 "it has one port and one controller (CMIC)"},
	{ID_MEC, 3, "a management controller: it says that it has an endpoint for one (MEC)",
	 "it has no management endpoint (MEC)"},
	{0, 0, NULL, NULL},
};

static const struct sl_known nvme_known[] = {
	{SL_SET_NVME_NVM, 0x01, 0, 0, 0, SL_ROLE_STORES},
	{SL_SET_NVME_NVM, 0x02, 0, 0, 0, SL_ROLE_READS},
	{SL_SET_NVME_NVM, 0x05, 0, 0, 0, SL_ROLE_STORES}, /* Compare */
	/* Write Zeroes: what is deallocated (DEAC, CDW12 bit 25) may read as something else. */
	{SL_SET_NVME_NVM, 0x08, 51, 0x02, 0, SL_ROLE_ZEROES},
	/* Copy, descriptor formats 0 and 1. */
	{SL_SET_NVME_NVM, 0x19, 49, 0x0e, 0, SL_ROLE_COPIES},
	{SL_SET_NVME_ADMIN, NVME_ADMIN_IDENTIFY, 0, 0, 0, SL_ROLE_VITAL},
	{SL_SET_NVME_ADMIN, NVME_ADMIN_GET_LOG_PAGE, 0, 0, 0, SL_ROLE_VITAL},
	{SL_SET_NVME_ADMIN, NVME_ADMIN_GET_FEATURES, 0, 0, 0, SL_ROLE_REPORTS},
	/* Format, by SES; Sanitize, by SANACT. */
	{SL_SET_NVME_ADMIN, 0x80, 41, 0x0e, 1 << 1, SL_ROLE_ERASES},
	{SL_SET_NVME_ADMIN, 0x80, 41, 0x0e, 2 << 1, SL_ROLE_ERASES},
	{SL_SET_NVME_ADMIN, 0x84, 40, 0x07, 2, SL_ROLE_ERASES},
	{SL_SET_NVME_ADMIN, 0x84, 40, 0x07, 3, SL_ROLE_ERASES},
	{SL_SET_NVME_ADMIN, 0x84, 40, 0x07, 4, SL_ROLE_ERASES},
};

const struct sl_observed sl_observed_nvme = {
	.set_by_value = true,
	/* Namespace Write Protection Config */
	.protects = {SL_FACET_FEATURE, 0x84, 0, 0},
	.set = nvme_set,
	.declaration = sl_nvme_declaration,
	.source = SL_SOURCE_LID05,
	.fna_at = ID_FNA,
	.facets = SL_FACETS(ID_CTRL, ZONES) | SL_FACETS(BLOCKS, HASH),
	.vary = 0xfc0c, /* 2, 3, 10-15 */
	.block_opcodes =
		{[SL_BLOCK_WRITE] = 0x01, [SL_BLOCK_READ] = 0x02, [SL_BLOCK_COMPARE] = 0x05},
	.no_such_text = "Invalid Command Opcode",
	.no_such = nvme_no_such,
	.find = sl_nvme_probes,
	.neutral = nvme_neutral,
	.block = nvme_block,
	.base = sl_nvme_cases,
	.opcodes = sl_nvme_cases_opcodes,
	.sets_one = nvme_sets_one,
	.watch = nvme_watch,
	.firmware_at = ID_FR,
	.firmware_len = FR_BYTES,
	.actors = nvme_actors,
	.sleeps = nvme_sleeps,
	.known = nvme_known,
	.n_known = SL_COUNT(nvme_known),
};
