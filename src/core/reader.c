/* SPDX-License-Identifier: Apache-2.0 */
/* The contract reader: a table of steps, each with the command it sends and the decoder it feeds.
 */
#include "core/reader.h"

#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/decode-scsi.h"
#include "core/table.h"
#include "wire/wire.h"

enum {
	OP_GET_LOG = 0x02,
	OP_IDENTIFY = 0x06,
	OP_INQUIRY = 0x12,
	OP_READ_CAPACITY10 = 0x25,
	OP_SERVICE_IN16 = 0x9e,
	OP_MAINTENANCE_IN = 0xa3,
};

/* A row of spec/answers.def. */
struct step {
	bool (*want)(const struct sl_reader *);
	uint8_t opcode, id;
	uint16_t size;
	bool pinned;
};

static const struct step steps[_SL_RAW_N];

static bool always(const struct sl_reader *r)
{
	(void)r;
	return true;
}

/* Has the device said that it has this very log? */
static bool want_listed(const struct sl_reader *r)
{
	const struct sl_entry *e = sl_contract_find(
		r->contract, sl_key(SL_SET_NVME_ADMIN, OP_GET_LOG, steps[r->step].id));

	return e && (e->flags & SL_ENTRY_SUPPORTED);
}

/*
 * Namespace lists and descriptors came with version 1.2 and 1.3 (the first is 1.1, but VER reads 0
 * up to there); before, namespaces are asked for one by one.
 */
static bool has_list(const struct sl_reader *r)
{
	return r->caps.version >= 0x10200;
}

static bool want_namespaces(const struct sl_reader *r)
{
	return r->ns < r->contract->n_ns;
}

static bool want_descs(const struct sl_reader *r)
{
	return want_namespaces(r) && r->caps.version >= 0x10300;
}

static bool want_ns(const struct sl_reader *r)
{
	/* A key-value namespace has no blocks: CNS 00h does not describe it. */
	if (has_list(r))
		return want_namespaces(r) && r->contract->ns[r->ns].csi != 1;
	return r->nsid <= r->caps.nn && r->nsid <= SL_NS_MAX;
}

static bool want_zoned(const struct sl_reader *r)
{
	return want_namespaces(r) && r->contract->ns[r->ns].csi == 2;
}

static bool want_supported(const struct sl_reader *r)
{
	return r->caps.lpa & SL_NVME_LPA_SUPPORTED;
}

static bool want_effects(const struct sl_reader *r)
{
	return (r->caps.lpa & SL_NVME_LPA_EFFECTS) || want_listed(r);
}

/* LSP of each list that Lockdown keeps: contents (lockable, prohibited) and scope (opcodes, FIDs).
 */
static const uint8_t lockdown_lsp[] = {0x00, 0x10, 0x02, 0x12};

static bool want_lockdown(const struct sl_reader *r)
{
	return (r->caps.oacs & SL_NVME_OACS_LOCKDOWN) && want_listed(r);
}

/* Does the type of the unit have this very command at all? The tables know. */
static bool want_command(const struct sl_reader *r)
{
	const struct step *s = &steps[r->step];
	uint8_t set = sl_set_of_type(SL_SET_SCSI, r->contract->type);

	return sl_rows[sl_row_find_key(set, s->opcode, s->id)].flags & SL_ROW_CONTRACT;
}

static bool want_capacity10(const struct sl_reader *r)
{
	return want_command(r) && !r->contract->ns[0].blocks;
}

/* The next entry of the list that is to be asked for alone. */
static struct sl_entry *next_entry(struct sl_reader *r)
{
	for (; r->ns < SL_CONTRACT_SLOTS; r->ns++)
		if (r->contract->entries[r->ns].source == SL_SOURCE_RSOC)
			return &r->contract->entries[r->ns];
	return 0;
}

static bool want_usage(const struct sl_reader *r)
{
	return r->contract->sources >> SL_SOURCE_RSOC & 1 && r->ns < SL_CONTRACT_SLOTS;
}

static bool want_cel(const struct sl_reader *r)
{
	return r->at < r->cel;
}

/* Get Supported Features: where the log lists it, or where it is all there is. */
static bool want_supported_features(const struct sl_reader *r)
{
	if (r->contract->protocol != SL_WIRE_CXL)
		return r->contract->type == sl_sets[SL_SET_FWCTL_CXL].type;
	return sl_contract_find(r->contract, sl_key(SL_SET_CXL, 0x05, 0x00));
}

static const struct step steps[_SL_RAW_N] = {
#define RAW(id, name, want, opcode, sub, size, pinned) {want, opcode, sub, size, pinned},
#include "spec/answers.def"
};

/* The steps of each protocol, and how they become a command. */
static void fill_nvme(struct sl_reader *r, struct sl_command *cmd);
static void fill_scsi(struct sl_reader *r, struct sl_command *cmd);
static void fill_cxl(struct sl_reader *r, struct sl_command *cmd);

static const struct {
	uint8_t first, end;
	uint8_t type; /* until the device has said otherwise */
	void (*fill)(struct sl_reader *r, struct sl_command *cmd);
} readings[_SL_WIRE_PROTOCOL_N] = {
	[SL_WIRE_NVME] = {SL_RAW_CTRL, SL_RAW_LID14 + 1, SL_TYPE_NONE, fill_nvme},
	[SL_WIRE_SCSI] = {SL_RAW_INQUIRY, SL_RAW_USAGE + 1, SL_TYPE_NONE, fill_scsi},
	[SL_WIRE_CXL] = {SL_RAW_CXL_ID, SL_RAW_FEATURES + 1, SL_TYPE_NONE, fill_cxl},
	/* The kernel's other drivers publish nothing that could be read by a command. */
	[SL_WIRE_FWCTL] = {SL_RAW_FEATURES, SL_RAW_FEATURES + 1, 2, fill_cxl},
};

void sl_reader_init(struct sl_reader *r, struct sl_contract *c, uint8_t protocol,
		    sl_reader_hash hash, void *ctx)
{
	memset(r, 0, sizeof(*r));
	memset(c, 0, sizeof(*c));
	r->contract = c;
	c->protocol = protocol < _SL_WIRE_PROTOCOL_N ? protocol : 0;
	c->type = readings[c->protocol].type;
	r->step = readings[c->protocol].first;
	r->end = readings[c->protocol].end;
	r->hash = hash;
	r->ctx = ctx;
	r->nsid = 1;
	r->sets = 1; /* the NVM command set: what a device has that says nothing else */
}

static void flaw(struct sl_reader *r, int found)
{
	if (!found)
		return;
	r->flaws |= 1u << found;
	r->flawed_in |= 1u << r->step;
}

/* The next command set in use, or 32: none. */
static uint8_t next_csi(const struct sl_reader *r, unsigned from)
{
	while (from < 32 && !(r->sets >> from & 1))
		from++;
	return (uint8_t)from;
}

/* From one step to the one after it, through the loops over namespaces, sets and lists. */
static void advance(struct sl_reader *r)
{
	uint32_t was = r->progress;

	r->tries = 0;
	r->progress = r->at + r->contract->n_features;
	switch (r->step) {
	case SL_RAW_USAGE:
		r->ns++;
		if (next_entry(r))
			return;
		break;
	case SL_RAW_CEL:
		/* A device that refuses, or sends nothing, is not asked for ever. */
		if (want_cel(r) && r->progress != was)
			return;
		break;
	case SL_RAW_FEATURES:
		if (r->progress != was && r->contract->n_features < r->features &&
		    r->contract->n_features < SL_FEATURES_MAX)
			return;
		break;
	case SL_RAW_NS:
		if (!has_list(r) && want_ns(r)) {
			r->nsid++;
			return;
		}
		break;
	case SL_RAW_NS_ZONED:
		if (r->ns < r->contract->n_ns) {
			uint8_t csi = r->contract->ns[r->ns].csi;

			r->sets |= csi < 32 ? 1u << csi : 0;
			r->ns++;
			if (r->ns < r->contract->n_ns) {
				r->step = SL_RAW_NS_DESCS;
				return;
			}
		}
		break;
	case SL_RAW_LID05:
		r->csi = next_csi(r, r->csi + 1u);
		if (r->csi < 32)
			return;
		break;
	case SL_RAW_LID14:
		if (++r->lockdown < SL_COUNT(lockdown_lsp))
			return;
		break;
	default:
		break;
	}
	if (++r->step == r->end)
		r->step = _SL_RAW_N;
}

static void finish(struct sl_reader *r)
{
	static const uint32_t lists = 1u << SL_SOURCE_LID05 | 1u << SL_SOURCE_RSOC |
				      1u << SL_SOURCE_CEL | 1u << SL_SOURCE_FEATURES;

	if (!(r->contract->sources & lists) && !(r->flaws & SL_FLAW_VOIDS))
		r->flaws |= 1u << SL_FLAW_NO_LOG;
	if (r->flaws & SL_FLAW_VOIDS)
		sl_contract_void(r->contract);
}

static void fill_nvme(struct sl_reader *r, struct sl_command *cmd)
{
	const struct step *s = &steps[r->step];
	uint32_t nsid = 0, cdw10 = s->id, cdw11 = 0, cdw14 = 0;

	if (s->opcode == OP_GET_LOG) {
		nsid = 0xffffffff;
		cdw10 |= (s->size / 4u - 1) << 16; /* NUMDL */
		if (r->step == SL_RAW_LID05)
			cdw14 = (uint32_t)r->csi << 24;
		if (r->step == SL_RAW_LID14)
			cdw10 |= (uint32_t)lockdown_lsp[r->lockdown] << 8;
	} else if (r->step >= SL_RAW_NS_DESCS) {
		nsid = has_list(r) ? r->contract->ns[r->ns].nsid : r->nsid;
		if (r->step == SL_RAW_NS_ZONED)
			cdw11 = 2u << 24; /* CSI */
	}
	cmd->set = SL_SET_NVME_ADMIN;
	cmd->req_len = 64;
	cmd->req[0] = s->opcode;
	sl_put_le32(cmd->req + 4, nsid);
	sl_put_le32(cmd->req + 40, cdw10);
	sl_put_le32(cmd->req + 44, cdw11);
	sl_put_le32(cmd->req + 56, cdw14);
}

static void fill_scsi(struct sl_reader *r, struct sl_command *cmd)
{
	const struct step *s = &steps[r->step];
	uint8_t *cdb = cmd->req;

	cmd->set = SL_SET_SCSI;
	cdb[0] = s->opcode;
	switch (s->opcode) {
	case OP_INQUIRY:
		cmd->req_len = 6;
		cdb[1] = r->step != SL_RAW_INQUIRY; /* EVPD */
		cdb[2] = s->id;
		cdb[4] = (uint8_t)s->size;
		break;
	case OP_READ_CAPACITY10:
		cmd->req_len = 10;
		break;
	case OP_SERVICE_IN16:
		cmd->req_len = 16;
		cdb[1] = s->id;
		cdb[13] = (uint8_t)s->size;
		break;
	default:
		cmd->req_len = 12;
		cdb[1] = s->id;
		cdb[8] = (uint8_t)(s->size >> 8);
		cdb[9] = (uint8_t)s->size;
		if (r->step == SL_RAW_USAGE) {
			uint64_t key = next_entry(r)->key;
			bool sa = (uint16_t)key != SL_SEL_ANY;

			cdb[2] = sa ? 2 : 1; /* REPORTING OPTIONS, SPC-6 table 217 */
			cdb[3] = (uint8_t)(key >> 16);
			cdb[4] = sa ? (uint8_t)(key >> 8) : 0;
			cdb[5] = sa ? (uint8_t)key : 0;
		}
	}
}

static void fill_cxl(struct sl_reader *r, struct sl_command *cmd)
{
	const struct step *s = &steps[r->step];
	uint32_t in = 0, n = r->cel - r->at;

	cmd->set = r->contract->protocol == SL_WIRE_CXL ? SL_SET_CXL : SL_SET_FWCTL;
	cmd->req_len = SL_MBOX_REQ_LEN;
	cmd->req[0] = s->opcode;
	cmd->req[1] = s->id;
	memset(r->payload, 0, sizeof(r->payload));
	if (r->step == SL_RAW_CEL) {
		in = 24;
		memcpy(r->payload, sl_cxl_cel_uuid, 16);
		sl_put_le32(r->payload + 16, r->at);
		sl_put_le32(r->payload + 20, n < s->size ? n : s->size);
	} else if (r->step == SL_RAW_FEATURES) {
		in = 8;
		sl_put_le32(r->payload, s->size);
		sl_put_le16(r->payload + 4, (uint16_t)r->contract->n_features);
	}
	sl_put_le32(cmd->req + SL_MBOX_IN_LEN, in);
	sl_put_le32(cmd->req + SL_MBOX_OUT_LEN, s->size);
	cmd->dir = in ? SL_DIR_BOTH : SL_DIR_IN;
}

int sl_reader_next(struct sl_reader *r, struct sl_command *ret)
{
	bool was_done = r->step == _SL_RAW_N;

	while (r->step < _SL_RAW_N && !steps[r->step].want(r))
		advance(r);
	if (r->step == SL_RAW_USAGE && !next_entry(r))
		r->step = _SL_RAW_N;
	if (r->step == _SL_RAW_N) {
		if (!was_done)
			finish(r);
		return 0;
	}
	memset(ret, 0, sizeof(*ret));
	ret->dir = SL_DIR_IN;
	ret->data_len = steps[r->step].size;
	readings[r->contract->protocol].fill(r, ret);
	r->asked = 1;
	return 1;
}

void sl_pin_identity(const struct sl_contract *c, sl_reader_hash hash, void *ctx)
{
	hash(ctx, c->vendor, sizeof(c->vendor));
	hash(ctx, c->model, sizeof(c->model));
	hash(ctx, c->firmware, sizeof(c->firmware));
}

void sl_pin_log(uint8_t lid, uint8_t csi, const void *log, size_t len, sl_reader_hash hash,
		void *ctx)
{
	uint8_t head[8] = {lid, csi};

	sl_put_le32(head + 4, (uint32_t)len);
	hash(ctx, head, sizeof(head));
	hash(ctx, log, len);
}

static int decode(struct sl_reader *r, const void *data, size_t len)
{
	struct sl_contract *c = r->contract;
	uint32_t nsid = has_list(r) && r->ns < c->n_ns ? c->ns[r->ns].nsid : r->nsid;

	switch (r->step) {
	case SL_RAW_CTRL:
		return sl_contract_nvme_ctrl(c, data, len, &r->caps);
	case SL_RAW_NS_LIST:
		return sl_contract_nvme_ns_list(c, data, len);
	case SL_RAW_NS_DESCS:
		return sl_contract_nvme_ns_descs(c, nsid, data, len);
	case SL_RAW_NS:
		return sl_contract_nvme_ns(c, nsid, data, len);
	case SL_RAW_NS_ZONED:
		return sl_contract_nvme_ns_zoned(c, nsid, data, len);
	case SL_RAW_LID00:
		return sl_contract_nvme_supported_logs(c, data, len);
	case SL_RAW_LID05:
		return sl_contract_nvme_effects(c, r->csi, data, len);
	case SL_RAW_LID12:
		return sl_contract_nvme_feature_effects(c, data, len);
	case SL_RAW_LID13:
		return sl_contract_nvme_mi_effects(c, data, len);
	case SL_RAW_LID14:
		return sl_contract_nvme_lockdown(c, data, len);
	case SL_RAW_INQUIRY:
		return sl_contract_scsi_inquiry(c, data, len);
	case SL_RAW_VPD80:
		return sl_contract_scsi_serial(c, data, len);
	case SL_RAW_VPD83:
		return sl_contract_scsi_ident(c, data, len);
	case SL_RAW_CAPACITY16:
	case SL_RAW_CAPACITY10:
		return sl_contract_scsi_capacity(c, data, len);
	case SL_RAW_RSOC:
		return sl_contract_scsi_rsoc(c, data, len);
	case SL_RAW_USAGE:
		return sl_contract_scsi_usage(c, next_entry(r), data, len);
	case SL_RAW_CXL_ID:
		return sl_contract_cxl_identify(c, data, len);
	case SL_RAW_CXL_LOGS:
		return sl_contract_cxl_logs(data, len, &r->cel);
	case SL_RAW_CEL:
		r->at += (uint32_t)len;
		return sl_contract_cxl_cel(c, data, len);
	default:
		return sl_contract_cxl_features(c, data, len, &r->features);
	}
}

/* A log that denies the two commands that carried it here is not about this device. */
static int check_self(const struct sl_reader *r)
{
	static const uint8_t used[] = {OP_GET_LOG, OP_IDENTIFY};

	for (unsigned i = 0; i < SL_COUNT(used); i++) {
		const struct sl_entry *e = sl_contract_find(
			r->contract, sl_key(SL_SET_NVME_ADMIN, used[i], SL_SEL_ANY));

		if (!e || !(e->flags & SL_ENTRY_SUPPORTED))
			return SL_FLAW_SELF;
	}
	return 0;
}

void sl_reader_feed(struct sl_reader *r, uint16_t status, const void *data, size_t len)
{
	int found;

	if (!r->asked)
		return;
	r->asked = 0;
	if (status == SL_READER_LOST) {
		flaw(r, SL_FLAW_LOST);
		r->step = _SL_RAW_N;
		finish(r);
		return;
	}
	if (status && r->step >= SL_RAW_INQUIRY && r->step <= SL_RAW_USAGE && r->tries++ < 2)
		return;
	found = status ? SL_FLAW_REFUSED : decode(r, data, len);
	flaw(r, found);
	if (r->hash && !status && steps[r->step].pinned && !(1u << found & SL_FLAW_VOIDS))
		sl_pin_log(steps[r->step].id, r->step == SL_RAW_LID05 ? r->csi : 0, data, len,
			   r->hash, r->ctx);
	if (r->step == readings[r->contract->protocol].first) {
		if (status || (1u << found & SL_FLAW_VOIDS)) { /* nothing else can be asked for */
			r->step = _SL_RAW_N;
			finish(r);
			return;
		}
		if (r->hash)
			sl_pin_identity(r->contract, r->hash, r->ctx);
	}
	if (r->step == SL_RAW_LID05 && !status && !(1u << found & SL_FLAW_VOIDS))
		flaw(r, check_self(r));
	advance(r);
}
