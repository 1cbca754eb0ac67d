/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: resolves the command set, finds the row and checks that everything a command says is
 * comprehended: bits, namespace, direction, lengths, payload. Decides nothing, believes no length
 * that the client states.
 */
#include "core/facts.h"

#include <string.h>

#include "base/bytes.h"
#include "core/map.h"
#include "core/ranges.h"
#include "core/table.h"
#include "spec/nvme.h"
#include "wire/wire.h"

static const char *const reason_texts[] = {
#define REASON(id, text) text,
#include "spec/reasons.def"
};

const char *sl_reason_text(unsigned reason)
{
	return reason < _SL_REASON_N ? reason_texts[reason] : 0;
}

/* The first reason stays; a request that means something unknown can have every effect. */
__attribute__((cold, noinline)) static void refuse(struct sl_facts *f, uint8_t reason)
{
	if (f->reason == SL_REASON_ALLOWED)
		f->reason = reason;
	if (reason == SL_REASON_RESERVED_BITS || reason == SL_REASON_SHORT ||
	    reason == SL_REASON_CARRIED)
		f->floor |= SL_E_UNKNOWN;
}

void sl_command_resolve(const struct sl_contract *contract, struct sl_command *cmd)
{
	uint32_t nsid = sl_get_le32(cmd->req + 4);
	const struct sl_ns *ns;

	if (cmd->set != SL_SET_NVME_IO) {
		if (cmd->set < _SL_SET_N)
			cmd->set = sl_set_of_type(cmd->set, contract->type);
		return;
	}
	ns = sl_contract_ns(contract, nsid);
	if (ns)
		cmd->set = sl_set_of_type(cmd->set, ns->csi);
	else if (nsid == NVME_NSID_ALL && !cmd->node_nsid)
		cmd->set = SL_SET_NVME_NVM;
}

/* An I/O command is one of its namespace's command set, sent through no other namespace's node. */
static void check_set(const struct sl_command *cmd, struct sl_facts *f)
{
	if (sl_sets[cmd->set].asked != SL_SET_NVME_IO)
		return;
	if (f->nsid == NVME_NSID_ALL && !cmd->node_nsid && cmd->set != SL_SET_NVME_IO)
		return;
	if (cmd->set == SL_SET_NVME_IO || !f->ns ||
	    sl_set_of_type(SL_SET_NVME_IO, f->ns->csi) != cmd->set ||
	    (cmd->node_nsid && cmd->node_nsid != f->nsid))
		refuse(f, SL_REASON_NAMESPACE);
}

/*
 * A bit of the request is set that the mask has not: words as the machine loads them, no loop over
 * fields. known[] holds dwords in the machine's order and the request little-endian ones, so this
 * is for little-endian machines.
 */
static inline bool beyond(const uint8_t *req, const void *mask, unsigned words)
{
	uint64_t set = 0, r, m;

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "known[] is compared as bytes");
	for (unsigned i = 0; i < words; i++) {
		memcpy(&r, req + 8 * i, 8);
		memcpy(&m, (const uint8_t *)mask + 8 * i, 8);
		set |= r & ~m;
	}
	return set != 0;
}

/* NSID as the row uses it: where it is not used, 0 and FFFFFFFFh are both in common use. */
static void check_nsid(const struct sl_row *row, uint8_t set, struct sl_facts *f)
{
	bool all = f->nsid == NVME_NSID_ALL;

	if ((row->flags & SL_ROW_NSID_NONE) && f->nsid && !all)
		refuse(f, SL_REASON_RESERVED_BITS);
	if (set != SL_SET_NVME_ADMIN && all && !(row->flags & SL_ROW_NSID_ALL))
		refuse(f, SL_REASON_NAMESPACE);
	if (all && (row->flags & SL_ROW_NSID_ALL)) {
		f->scope |= SL_S_SUBSYSTEM;
		if (f->excl == SL_EXCL_NAMESPACE)
			f->excl = SL_EXCL_DEVICE;
	}
}

/* Adds what the values of fields add; a value that is UNKNOWN is a selector in no table. */
static void refine(const struct sl_row *row, const struct sl_command *cmd, const uint8_t *data,
		   struct sl_facts *f)
{
	const struct sl_when_list *list = &sl_whens[row->when];

	for (uint32_t i = 0; i < list->n; i++) {
		const struct sl_when *w = &list->when[i];
		uint64_t v;

		if (w->field.space == SL_SPACE_REQ) {
			v = sl_field_bits(&w->field, cmd->req);
		} else if (data && (uint32_t)w->field.off + w->field.bytes <= f->payload) {
			v = sl_field_get(&w->field, data);
		} else {
			refuse(f, SL_REASON_SHORT);
			continue;
		}

		if ((v - w->lo <= w->hi - w->lo) != w->negate) {
			f->floor |= w->effects;
			f->scope |= w->scope;
		} else {
			i += w->guards;
		}
	}
	if (f->floor & SL_E_UNKNOWN)
		refuse(f, SL_REASON_UNLISTED);
}

/* A command about one feature of many: what the device says of setting that one counts as well. */
static void look_up_feature(const struct sl_contract *c, const uint8_t *data, struct sl_facts *f)
{
	const struct sl_feature *feature =
		data && f->payload >= 16 ? sl_contract_feature(c, data) : 0;

	if (!feature || !(feature->flags & 1) || !feature->set_size ||
	    (feature->declared & SL_E_UNKNOWN)) {
		f->declared |= SL_E_UNKNOWN;
		refuse(f, SL_REASON_NO_FEATURE);
		return;
	}
	f->declared_known = 1;
	f->raw |= feature->raw;
	f->declared |= feature->declared;
}

/* Of a payload that is a whole message the device reads its own opcode: the header has the same. */
static void check_key(const struct sl_command *cmd, const uint8_t *data, struct sl_facts *f)
{
	const struct sl_field *key = &sl_sets[cmd->set].key;

	if (key->bytes && (!data || f->payload < (uint32_t)key->off + key->bytes ||
			   sl_field_get(key, data) != sl_get_be16(cmd->req)))
		refuse(f, SL_REASON_CARRIED);
}

/* What a log says about the command: its opcode's entry, refined by the selector's where one is
 * listed. */
static void look_up(const struct sl_contract *c, const struct sl_row *row, uint16_t sel,
		    const struct sl_command *cmd, struct sl_facts *f)
{
	const struct sl_entry *op, *sub = 0, *e;
	bool supported;

	op = sl_contract_find(
		c, sl_key(cmd->set, cmd->req[0], row->flags & SL_ROW_SELECTOR ? sel : SL_SEL_ANY));
	if (row->decl && !(row->flags & SL_ROW_SELECTOR))
		sub = sl_contract_find(c, sl_key(cmd->set, row->decl, sel));
	/* A feature's effects are those of setting it; a list of log pages states no effects. */
	e = sub && row->decl == cmd->req[0] && !(sub->flags & SL_ENTRY_NO_EFFECTS) ? sub : op;
	supported = op && (op->flags & SL_ENTRY_SUPPORTED) &&
		    (sub ? (sub->flags & SL_ENTRY_SUPPORTED) != 0
			 : !(row->flags & SL_ROW_VENDOR) || !(c->sources >> row->decl_source & 1));
	/* One lie anywhere voids trust everywhere (doc/design.md). */
	f->caught = c->caught || (op && (op->flags & SL_ENTRY_CAUGHT)) ||
		    (sub && (sub->flags & SL_ENTRY_CAUGHT));
	f->observed = (op ? op->observed : 0) | (sub ? sub->observed : 0);
	if (supported) {
		f->entry = e;
		f->declared_known = 1;
		f->raw = e->raw;
		f->declared = e->declared;
		f->scope |= e->scope;
		f->excl = e->excl > f->excl ? e->excl : f->excl;
		/* A list that states no effects says of a vendor's command only that it is there.
		 */
		if ((e->flags & SL_ENTRY_RESERVED) ||
		    ((row->flags & SL_ROW_VENDOR) && (e->flags & SL_ENTRY_NO_EFFECTS)))
			f->declared |= SL_E_UNKNOWN;
		/* A bit of the CDB that the device says it does not look at (SPC-6 §6.35.3). */
		if (e->usage && beyond(cmd->req, c->usage[e->usage - 1], SL_CDB_MAX / 8))
			refuse(f, SL_REASON_NOT_EVALUATED);
	}
	if ((row->flags & SL_ROW_VENDOR) && (!supported || (e->flags & SL_ENTRY_RESERVED))) {
		f->declared |= SL_E_UNKNOWN;
		refuse(f, SL_REASON_VENDOR_UNDECLARED);
	}
}

/* Blocks × their size; metadata in the same buffer or in one of its own (NVM §5.3). */
static uint64_t block_bytes(uint64_t blocks, struct sl_facts *f)
{
	if (!f->ns || !f->ns->lba_shift || f->ns->lba_shift > 31) {
		refuse(f, SL_REASON_NAMESPACE);
		return 0;
	}
	if (f->ns->meta_ext)
		return (blocks << f->ns->lba_shift) + blocks * f->ns->meta;
	f->meta_length = (uint32_t)blocks * f->ns->meta;
	return blocks << f->ns->lba_shift;
}

/* NVMe read, write and their like. */
static uint64_t nlb_bytes(const struct sl_command *cmd, struct sl_facts *f)
{
	uint64_t blocks = sl_get_le16(cmd->req + 48) + 1u, bytes = block_bytes(blocks, f);

	if (!f->ns || !f->ns->meta || !(cmd->req[51] & 0x20))
		return bytes;
	/*
	 * PRACT: protection information that is all of the metadata is inserted and stripped by
	 * the controller and not moved (NVM §5.3). It has 8 or 16 bytes: 16 are one or the other.
	 */
	if (f->ns->pi && f->ns->meta == 8) {
		f->meta_length = 0;
		return f->ns->meta_ext ? bytes - blocks * 8 : bytes;
	}
	if (!f->ns->pi || f->ns->meta <= 16)
		refuse(f, SL_REASON_META_UNKNOWN);
	return bytes;
}

/*
 * ATA PASS-THROUGH, SAT-5 §12.2: T_LENGTH (bits 1:0: none, FEATURES, COUNT, the transport's) counts
 * bytes, or with BYT_BLOK (bit 2) blocks of 512 bytes, or with T_TYPE (bit 4) logical blocks.
 * EXTEND (bit 0 of the byte before) makes registers that can be so two bytes wide.
 */
static uint64_t ata_bytes(uint32_t layout, const struct sl_command *cmd, struct sl_facts *f)
{
	const uint8_t *t = cmd->req + (layout & 0xff);
	const uint8_t *low = cmd->req + (layout >> ((*t & 3) == 1 ? 8 : 16) & 0xff);
	uint64_t n = layout >> 24 && (t[-1] & 1) ? sl_get_be16(low - 1) : *low;

	if ((*t & 3) == 0)
		return 0;
	if ((*t & 3) == 3)
		f->length_known = 0;
	if (!(*t & 4))
		return n;
	return *t & 0x10 ? block_bytes(n, f) : n * 512;
}

/* A SCSI command's by its format's size field, or CXL's by the header's. */
static uint64_t sized_bytes(const struct sl_row *row, const struct sl_command *cmd,
			    struct sl_facts *f)
{
	const struct sl_field *field = &sl_formats[row->format].size;
	uint64_t n = field->bytes ? sl_field_get(field, cmd->req) : 0;
	const uint8_t *arg = cmd->req + row->len_arg % SL_REQ_MAX;

	switch (row->len) {
	case SL_LEN_SIZE:
		return n;
	case SL_LEN_ALLOC:
		/* It is no harm to hold more room than the device may fill. */
		return n < cmd->data_len ? cmd->data_len : n;
	case SL_LEN_BLOCKS:
		return block_bytes(n ? n : row->len_arg, f);
	case SL_LEN_BLOCKS2:
		return block_bytes(2 * n, f);
	case SL_LEN_BYTCHK:
		return *arg & 6 ? block_bytes((*arg & 6) == 6 ? 1 : n, f) : 0;
	case SL_LEN_NDOB:
		return *arg & 1 ? 0 : block_bytes(1, f);
	case SL_LEN_ATA:
		return ata_bytes(row->len_arg, cmd, f);
	default: /* SL_LEN_MBOX, SL_LEN_MBOX_MIN */
		if (row->len == SL_LEN_MBOX ? f->payload != row->len_arg
					    : f->payload < row->len_arg)
			refuse(f, SL_REASON_SHORT);
		n = sl_get_le32(cmd->req + SL_MBOX_IN_LEN);
		if (n < sl_get_le32(cmd->req + SL_MBOX_OUT_LEN))
			n = sl_get_le32(cmd->req + SL_MBOX_OUT_LEN);
		return n;
	}
}

/* The bytes the command will move. f->length_known is cleared when no rule gives them. */
static uint64_t length_of(const struct sl_row *row, const struct sl_command *cmd,
			  struct sl_facts *f)
{
	const struct sl_length *l = &sl_lengths[row->len];
	const uint8_t *req = cmd->req;

	f->length_known = 1;
	if (l->alone)
		return (sl_field_bits(&l->field, req) + l->bias) * l->unit;
	switch (row->len) {
	case SL_LEN_NONE:
		return 0;
	case SL_LEN_FIXED:
		return row->len_arg;
	case SL_LEN_FIXED_OPT:
		return (req[41] & 7) == 3 ? 0 : row->len_arg;
	case SL_LEN_DIRECTIVE:
		return req[44] == row->len_arg ? 0 : (sl_get_le32(req + 40) + UINT64_C(1)) * 4;
	case SL_LEN_HOST_ID:
		return (req[41] & 7) == 3 ? 0 : (req[44] & 1) ? 16 : 8;
	case SL_LEN_NLB:
		return nlb_bytes(cmd, f);
	case SL_LEN_COPY:
		return (req[48] + UINT64_C(1)) * row->len_arg;
	case SL_LEN_UNKNOWN:
		f->length_known = 0;
		return cmd->data_len;
	default:
		return sized_bytes(row, cmd, f);
	}
}

/* Which way the data goes. */
static uint8_t dir_of(const struct sl_row *row, const struct sl_command *cmd)
{
	if (row->dir != SL_DIR_BOTH && !(row->flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED)))
		return row->dir;
	if (row->len == SL_LEN_ATA) { /* T_LENGTH and T_DIR */
		uint8_t t = cmd->req[row->len_arg & 0xff];

		return !(t & 3) ? SL_DIR_NONE : t & 8 ? SL_DIR_IN : SL_DIR_OUT;
	}
	if (row->len == SL_LEN_MBOX || row->len == SL_LEN_MBOX_MIN)
		return (sl_get_le32(cmd->req + SL_MBOX_IN_LEN) ? SL_DIR_OUT : 0) |
		       (sl_get_le32(cmd->req + SL_MBOX_OUT_LEN) ? SL_DIR_IN : 0);
	/* NVMe opcode bits 1:0 where the row covers many opcodes (Base §3.3.3.1). */
	return sl_sets[cmd->set].opcode_dir ? cmd->req[0] & 3 : cmd->dir;
}

uint8_t sl_command_dir(const struct sl_command *cmd)
{
	return dir_of(&sl_rows[sl_row_find(cmd->set, cmd->req)], cmd);
}

/* Buffer against transfer: direction, length, metadata. */
static void check_transfer(const struct sl_contract *c, const struct sl_row *row,
			   const struct sl_command *cmd, const uint8_t *data, struct sl_facts *f)
{
	uint64_t length = length_of(row, cmd, f);
	uint8_t dir = dir_of(row, cmd);

	f->length = length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
	if (sl_sets[cmd->set].sense) {
		if (cmd->meta_len > SL_SENSE_MAX)
			refuse(f, SL_REASON_META_UNKNOWN);
		f->meta_length = cmd->meta_len;
	}
	if (cmd->meta_len != f->meta_length)
		refuse(f, SL_REASON_META_UNKNOWN);
	if (cmd->data_len ? cmd->dir != dir || !dir : cmd->dir && cmd->dir != dir)
		refuse(f, SL_REASON_DIRECTION);
	if (length != cmd->data_len)
		refuse(f, SL_REASON_LENGTH);
	if (c->max_transfer && length > c->max_transfer)
		refuse(f, SL_REASON_TOO_LONG);
	if (cmd->data_len && (cmd->dir & SL_DIR_OUT) && !data)
		refuse(f, SL_REASON_SHORT);
}

/* Every descriptor of a payload of ranges is comprehended. */
static void check_payload(const struct sl_contract *c, const struct sl_row *row,
			  const struct sl_command *cmd, const uint8_t *data, struct sl_facts *f)
{
	struct sl_ranges it;
	struct sl_range r;

	if (row->ranges < SL_RANGES_DSM || f->reason != SL_REASON_ALLOWED)
		return;
	sl_ranges_init(&it, c, cmd, f, data);
	while (sl_ranges_next(&it, &r))
		;
	if (it.bad)
		refuse(f, it.reason);
}

/*
 * Would it change what the kernel uses, unclaimed? Taking an event from a log changes nothing that
 * the kernel keeps on the namespace. A command to all namespaces is one to each; one that names
 * none (a Sanitize) changes all of them if it changes data or capabilities at all.
 */
static bool in_use(const struct sl_contract *c, const struct sl_facts *f)
{
	sl_effects harm = SL_E_DATA | SL_E_CAPABILITY;

	if (f->ns)
		return f->ns->used_by_kernel && !f->ns->claimed &&
		       sl_effects_any(f->effective, SL_E_MUTATING & ~SL_E_LOG);
	if (f->nsid == NVME_NSID_ALL && (sl_rows[f->row].flags & SL_ROW_NSID_ALL))
		harm = SL_E_MUTATING & ~SL_E_LOG; /* as of one of them */
	if (!sl_effects_any(f->effective, harm))
		return false;
	for (uint32_t i = 0; i < c->n_ns; i++)
		if (c->ns[i].used_by_kernel && !c->ns[i].claimed)
			return true;
	return false;
}

/* How much of the outgoing data is the command's; a mailbox header says it, within the buffer. */
static uint32_t payload_of(const struct sl_command *cmd)
{
	uint8_t queue = sl_sets[cmd->set].queue;
	uint32_t in;

	if (!(cmd->dir & SL_DIR_OUT))
		return 0;
	in = sl_get_le32(cmd->req + SL_MBOX_IN_LEN);
	return (queue == SL_WIRE_CXL_MAILBOX || queue == SL_WIRE_FWCTL_RPC) && in < cmd->data_len
		       ? in
		       : cmd->data_len;
}

/* Of another component's command nothing holds that this device says or that it is. */
static void elsewhere(struct sl_facts *f)
{
	if (sl_rows[f->row].flags & (SL_ROW_VENDOR | SL_ROW_FEATURE)) {
		f->floor |= SL_E_UNKNOWN;
		refuse(f, SL_REASON_NOT_DECLARED);
	}
	f->nsid = NVME_NSID_ALL;
	f->ns = 0;
	f->entry = 0;
	f->declared_known = f->trust = f->in_use = 0;
	f->raw = f->declared = 0;
	f->effective = f->floor;
}

void sl_facts_collect(const struct sl_contract *contract, const struct sl_command *cmd,
		      const uint8_t *data, struct sl_facts *ret)
{
	const struct sl_row *row;
	uint16_t sel;

	memset(ret, 0, sizeof(*ret));
	if (cmd->set >= _SL_SET_N) {
		ret->floor = SL_E_UNKNOWN;
		ret->effective = SL_E_UNKNOWN;
		refuse(ret, SL_REASON_UNLISTED);
		return;
	}
	ret->nsid = sl_sets[cmd->set].lu ? sl_sets[cmd->set].lu : sl_get_le32(cmd->req + 4);
	if (ret->nsid && ret->nsid != NVME_NSID_ALL)
		ret->ns = sl_contract_ns(contract, ret->nsid);
	ret->payload = payload_of(cmd);
	if (data && ret->payload >= sizeof(ret->head))
		ret->head = sl_get_le64(data);
	check_set(cmd, ret);
	ret->row = sl_row_at(cmd->set, cmd->req, &sel);
	row = &sl_rows[ret->row];
	ret->floor = row->floor;
	ret->scope = row->scope;
	ret->excl = row->excl;
	if (row->flags & SL_ROW_KERNEL)
		refuse(ret, SL_REASON_KERNEL_OWNED);
	if (row->flags & SL_ROW_UNLISTED)
		refuse(ret, SL_REASON_UNLISTED);
	if (row->flags & SL_ROW_NO_DEPTH)
		refuse(ret, SL_REASON_UNDESCRIBED);
	if (sl_formats[row->format].req_len && cmd->req_len != sl_formats[row->format].req_len)
		refuse(ret, SL_REASON_SHORT);
	if (beyond(cmd->req, sl_formats[row->format].known, SL_REQ_MAX / 8))
		refuse(ret, SL_REASON_RESERVED_BITS);
	check_nsid(row, cmd->set, ret);
	look_up(contract, row, sel, cmd, ret);
	if (row->flags & SL_ROW_FEATURE)
		look_up_feature(contract, data, ret);
	refine(row, cmd, data, ret);
	check_key(cmd, data, ret);
	check_transfer(contract, row, cmd, data, ret);
	check_payload(contract, row, cmd, data, ret);
	ret->trust = sl_contract_trust(ret->entry, ret->floor);
	ret->effective = ret->floor | ret->declared | ret->observed;
	ret->in_use = in_use(contract, ret);
	if (cmd->carried == SL_CARRIED_ELSEWHERE)
		elsewhere(ret);
}

/*
 * Takes the mailbox command inside out of its envelope: the length it states for itself, the one
 * the envelope states and the payload's own are one, and there is room for the answer's envelope.
 */
static bool unwrap(const struct sl_carrier *k, const uint8_t *data, uint32_t payload,
		   struct sl_command *cmd)
{
	uint32_t in = sl_get_le32(cmd->req + SL_MBOX_IN_LEN);
	uint32_t out = sl_get_le32(cmd->req + SL_MBOX_OUT_LEN);

	if (out < k->head || in != payload - k->head ||
	    sl_field_get(&k->size, data) + k->size.off + k->size.bytes != payload)
		return false;
	out -= k->head;
	sl_put_le32(cmd->req + SL_MBOX_OUT_LEN, out);
	cmd->data_len = in < out ? out : in;
	cmd->dir = cmd->data_len ? sl_command_dir(cmd) : SL_DIR_NONE;
	cmd->carried = SL_CARRIED_ELSEWHERE;
	return true;
}

bool sl_facts_carried(const struct sl_contract *contract, const struct sl_command *cmd,
		      const uint8_t *data, struct sl_facts *facts, struct sl_command *ret,
		      const uint8_t **ret_data)
{
	const struct sl_carrier *k = &sl_carriers[SL_ROW_CARRIER_OF(&sl_rows[facts->row])];

	if (facts->reason != SL_REASON_ALLOWED || (k->head && facts->payload < k->head))
		return false;
	*ret = *cmd;
	for (unsigned i = 0; i < SL_REQ_MAX; i++)
		if (k->at[i] != SL_AS_OUTER)
			ret->req[i] = k->at[i] ? (k->head ? data : cmd->req)[k->at[i]] : 0;
	if (k->opcode)
		ret->req[0] = k->opcode;
	ret->set = k->set;
	ret->req_len = k->req_len;
	ret->carried = SL_CARRIED_HERE;
	sl_command_resolve(contract, ret);
	facts->carried = sl_row_find(ret->set, ret->req);
	if ((sl_rows[facts->carried].flags & SL_ROW_CARRIER) ||
	    (k->head && !unwrap(k, data, facts->payload, ret)))
		return false;
	*ret_data = ret->dir & SL_DIR_OUT ? data + k->head : 0;
	return true;
}

void sl_facts_join(struct sl_facts *f, const struct sl_facts *carried)
{
	f->head = carried->head;
	f->floor |= carried->floor;
	f->effective |= carried->effective;
	f->scope |= carried->scope;
	f->excl = carried->excl > f->excl ? carried->excl : f->excl;
}
