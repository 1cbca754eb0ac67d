/* SPDX-License-Identifier: Apache-2.0 */
/* The contract reader: a table of steps, each with the command it sends and the decoder it feeds.
 */
#include "core/reader.h"

#include <string.h>

#include "base/bytes.h"

enum { OP_GET_LOG = 0x02, OP_IDENTIFY = 0x06 };

const char *sl_raw_name(unsigned raw)
{
	static const char *const names[] = {
#define R(id, name) name,
		SL_RAWS(R)
#undef R
	};

	return raw < _SL_RAW_N ? names[raw] : 0;
}

/* Has the device said that it has this log? */
static bool listed(const struct sl_reader *r, uint8_t lid)
{
	const struct sl_entry *e =
		sl_contract_find(r->contract, sl_key(SL_SET_NVME_ADMIN, OP_GET_LOG, lid));

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
	return (r->caps.lpa & SL_NVME_LPA_EFFECTS) || listed(r, 0x05);
}

static bool want_features(const struct sl_reader *r)
{
	return listed(r, 0x12);
}

static bool want_mi(const struct sl_reader *r)
{
	return listed(r, 0x13);
}

/* LSP of each list that Lockdown keeps: contents (lockable, prohibited) and scope (opcodes, FIDs).
 */
static const uint8_t lockdown_lsp[] = {0x00, 0x10, 0x02, 0x12};

static bool want_lockdown(const struct sl_reader *r)
{
	return (r->caps.oacs & SL_NVME_OACS_LOCKDOWN) && listed(r, 0x14);
}

static const struct step {
	bool (*want)(const struct sl_reader *); /* NULL: always */
	uint8_t opcode, id;			/* id: CNS or LID */
	uint16_t size;				/* bytes of the answer */
	bool pinned;				/* part of the digest */
} steps[_SL_RAW_N] = {
	[SL_RAW_CTRL] = {NULL, OP_IDENTIFY, 0x01, SL_NVME_IDENTIFY_SIZE, false},
	[SL_RAW_NS_LIST] = {has_list, OP_IDENTIFY, 0x02, SL_NVME_IDENTIFY_SIZE, false},
	[SL_RAW_NS_DESCS] = {want_descs, OP_IDENTIFY, 0x03, SL_NVME_IDENTIFY_SIZE, false},
	[SL_RAW_NS] = {want_ns, OP_IDENTIFY, 0x00, SL_NVME_IDENTIFY_SIZE, false},
	[SL_RAW_NS_ZONED] = {want_zoned, OP_IDENTIFY, 0x05, SL_NVME_IDENTIFY_SIZE, false},
	[SL_RAW_LID00] = {want_supported, OP_GET_LOG, 0x00, SL_NVME_SUPPORTED_LOGS_SIZE, true},
	[SL_RAW_LID05] = {want_effects, OP_GET_LOG, 0x05, SL_NVME_EFFECTS_SIZE, true},
	[SL_RAW_LID12] = {want_features, OP_GET_LOG, 0x12, SL_NVME_FID_EFFECTS_SIZE, true},
	[SL_RAW_LID13] = {want_mi, OP_GET_LOG, 0x13, SL_NVME_MI_EFFECTS_SIZE, true},
	[SL_RAW_LID14] = {want_lockdown, OP_GET_LOG, 0x14, SL_NVME_LOCKDOWN_SIZE, false},
};

void sl_reader_init(struct sl_reader *r, struct sl_contract *c, sl_reader_hash hash, void *ctx)
{
	memset(r, 0, sizeof(*r));
	memset(c, 0, sizeof(*c));
	r->contract = c;
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
	switch (r->step) {
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
	r->step++;
}

static void finish(struct sl_reader *r)
{
	if (!(r->contract->sources >> SL_SOURCE_LID05 & 1) && !(r->flaws & SL_FLAW_VOIDS))
		r->flaws |= 1u << SL_FLAW_NO_LOG;
	if (r->flaws & SL_FLAW_VOIDS)
		sl_contract_void(r->contract);
}

static void fill(const struct sl_reader *r, struct sl_command *cmd)
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
	memset(cmd, 0, sizeof(*cmd));
	cmd->set = SL_SET_NVME_ADMIN;
	cmd->dir = SL_DIR_IN;
	cmd->door = SL_DOOR_CTRL;
	cmd->req_len = 64;
	cmd->data_len = s->size;
	cmd->req[0] = s->opcode;
	sl_put_le32(cmd->req + 4, nsid);
	sl_put_le32(cmd->req + 40, cdw10);
	sl_put_le32(cmd->req + 44, cdw11);
	sl_put_le32(cmd->req + 56, cdw14);
}

int sl_reader_next(struct sl_reader *r, struct sl_command *ret)
{
	bool was_done = r->step == _SL_RAW_N;

	while (r->step < _SL_RAW_N && steps[r->step].want && !steps[r->step].want(r))
		advance(r);
	if (r->step == _SL_RAW_N) {
		if (!was_done)
			finish(r);
		return 0;
	}
	fill(r, ret);
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
	default:
		return sl_contract_nvme_lockdown(c, data, len);
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
	found = status ? SL_FLAW_REFUSED : decode(r, data, len);
	flaw(r, found);
	if (r->hash && !status && steps[r->step].pinned && !(1u << found & SL_FLAW_VOIDS))
		sl_pin_log(steps[r->step].id, r->step == SL_RAW_LID05 ? r->csi : 0, data, len,
			   r->hash, r->ctx);
	if (r->step == SL_RAW_CTRL) {
		if (found) { /* nothing else can be asked for */
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
