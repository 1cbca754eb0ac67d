/* SPDX-License-Identifier: Apache-2.0 */
/* A point of the domain as a real command on a real contract, and sets of points in words. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/decode-nvme.h"
#include "core/decode-scsi.h"
#include "core/table.h"
#include "policy/bits.h"
#include "policy/domain.h"
#include "policy/parse.h"
#include "spec/names.h"
#include "spec/nvme.h"
#include "wire/wire.h"

#define NS_BLOCKS (UINT64_C(1) << 48)

uint32_t sl_domain_value(const struct sl_domain *d, uint32_t n, uint32_t var)
{
	for (uint32_t i = d->n_vars; i-- > var + 1;)
		n /= d->var[i].n;
	return n % d->var[var].n;
}

static void add_ns(struct sl_contract *c, uint32_t nsid, uint8_t set, bool in_use, bool claimed)
{
	if (!nsid || nsid == NVME_NSID_ALL || sl_contract_ns(c, nsid))
		return;
	c->ns[c->n_ns++] = (struct sl_ns){
		.nsid = nsid,
		.csi = sl_sets[set].asked == SL_SET_NVME_IO ? sl_sets[set].type : 0,
		.lba_shift = 9,
		.used_by_kernel = in_use,
		.claimed = claimed,
		.blocks = NS_BLOCKS,
	};
}

static void put_be(uint8_t *p, unsigned bytes, uint64_t value)
{
	const struct sl_field f = {.bytes = (uint8_t)bytes, .width = (uint8_t)(8 * bytes), .be = 1};

	sl_field_set(&f, p, value);
}

/* A list of ranges of that many bytes (sl_block_lists): descriptors of one block. */
static void block_list(struct sl_domain *d, uint32_t size, uint64_t lba)
{
	const struct sl_block_list *l = &sl_block_lists[sl_rows[d->row].len_arg];
	uint32_t n = size < l->head ? 0 : (size - l->head) / 16;
	uint8_t *p = d->data + l->head;

	if (n > (SL_DOMAIN_DATA - l->head) / 16)
		n = (SL_DOMAIN_DATA - l->head) / 16;
	memset(d->data, 0, l->head + (size_t)16 * n);
	put_be(d->data, 2, l->head - 2 + 16 * n);
	put_be(d->data + l->size, 2, 16 * n);
	for (uint32_t i = 0; i < n; i++, p += 16) {
		put_be(p, 8, lba);
		put_be(p + 8, 4, 1);
	}
}

/* EXTENDED COPY: nothing, which every fence holds, or a block of another unit, which none does. */
static void copy_list(struct sl_domain *d, struct sl_command *cmd, bool elsewhere)
{
	const struct sl_row *row = &sl_rows[d->row];
	const struct sl_copy_list *l = &sl_copy_lists[row->len_arg];
	uint8_t *segment = d->data + l->head + 32;
	uint32_t n = elsewhere ? l->head + 32u + 28u : 0;

	sl_field_set(&sl_formats[row->format].size, cmd->req, n);
	memset(d->data, 0, n);
	if (!elsewhere)
		return;
	d->data[0] = l->format;
	sl_field_set(&l->targets, d->data, 32);
	sl_field_set(&l->segments, d->data, 28);
	segment[0] = 0x02;
	segment[3] = sl_copy_segments[0x02];
	segment[11] = 1;
}

/* Every descriptor of the payload names one block; where, says the variable. */
static void set_payload(struct sl_domain *d, struct sl_command *cmd, uint32_t value, uint32_t nsid)
{
	const struct sl_row *row = &sl_rows[d->row];
	const struct sl_field *size = &sl_formats[row->format].size;
	bool copy = row->ranges == SL_RANGES_COPY;
	size_t step = copy ? row->len_arg : 16;
	uint64_t lba = d->fence.lo;

	if (value == 1)
		lba = d->fence.hi != UINT64_MAX ? d->fence.hi + 1
		      : d->fence.lo		? d->fence.lo - 1
						: lba;
	if (row->ranges == SL_RANGES_LIST) {
		block_list(d, (uint32_t)sl_field_get(size, cmd->req), lba);
		return;
	}
	if (row->ranges == SL_RANGES_XCOPY) {
		copy_list(d, cmd, value != 0);
		return;
	}
	for (size_t i = 0; step && i < 256; i++) {
		uint8_t *p = d->data + i * step;

		memset(p, 0, step);
		sl_put_le64(p + 8, lba);
		if (!copy)
			sl_put_le32(p + 4, 1);
		else if (sl_rows[d->row].sel_lo >= 2)
			sl_put_le32(p, value == 2 ? nsid + 1 : nsid);
	}
}

uint32_t sl_domain_reserved(const struct sl_domain *d, unsigned n)
{
	const struct sl_row *row = &sl_rows[d->row];
	const struct sl_format *f = &sl_formats[row->format];
	uint32_t sent = f->req_len ? f->req_len : SL_REQ_MAX;

	/* Not in NVMe's pointers: a front end clears those. */
	if (!sl_sets[row->set].lu && (n < 2 || (n >= 4 && n <= 9)))
		return 0;
	if (4 * n >= sent)
		return 0;
	return ~f->known[n] & (sent - 4 * n >= 4 ? UINT32_MAX : (1u << 8 * (sent - 4 * n)) - 1);
}

/* The first free bit stands for all. */
static void set_reserved(const struct sl_domain *d, struct sl_command *cmd)
{
	for (unsigned dw = 0; dw < SL_REQ_MAX / 4; dw++) {
		uint32_t bits = sl_domain_reserved(d, dw);

		if (bits) {
			unsigned bit = (unsigned)__builtin_ctz(bits);

			cmd->req[4 * dw + bit / 8] |= (uint8_t)(1u << bit % 8);
			return;
		}
	}
}

/* What the variables say, before it is put together. */
struct chosen {
	uint32_t word, nsid;
	sl_effects observed;
	bool verified, in_use, claimed, reserved, node, declares, listed;
	int payload;
};

static struct sl_entry *entry_of(struct sl_domain *d, const struct sl_command *cmd)
{
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_field sel;
	uint16_t value = SL_SEL_ANY;
	struct sl_entry *e;

	if (row->flags & SL_ROW_SELECTOR)
		value = sl_row_selector(d->row, &sel)
				? (uint16_t)(sl_field_get(&sel, cmd->req) | SL_ROW_SEL_HIGH(row))
				: cmd->req[1];
	e = sl_contract_add(d->contract, sl_key(row->set, cmd->req[0], value));
	if (e)
		d->entries[d->n_entries++] = e;
	return e;
}

static void declare_nvme(struct sl_domain *d, const struct sl_command *cmd, const struct chosen *c)
{
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_entry *e = entry_of(d, cmd);
	struct sl_field sel;

	if (e)
		(void)sl_contract_nvme_word(e, SL_SOURCE_LID05, c->word);
	/* A vendor's log page or feature must be listed by its own number too. */
	if (!row->decl || !(row->flags & SL_ROW_VENDOR) || !sl_row_selector(d->row, &sel))
		return;
	e = sl_contract_add(d->contract,
			    sl_key(row->set, row->decl, (uint16_t)sl_field_get(&sel, cmd->req)));
	if (e) {
		d->entries[d->n_entries++] = e;
		e->source = SL_SOURCE_LID00;
		e->flags = (uint8_t)(SL_ENTRY_USED | SL_ENTRY_NO_EFFECTS |
				     (c->word & 1 ? SL_ENTRY_SUPPORTED : 0));
	}
}

/* As a list of one command, SPC-6 §6.35.2. */
static void declare_scsi(struct sl_domain *d, const struct sl_command *cmd, const struct chosen *c)
{
	uint8_t list[12] = {[3] = 8, [4] = cmd->req[0]};
	struct sl_field sel;

	list[9] = (uint8_t)(c->word & 0xfe);
	if ((sl_rows[d->row].flags & SL_ROW_SELECTOR) && sl_row_selector(d->row, &sel)) {
		list[6] = (uint8_t)(SL_ROW_SEL_HIGH(&sl_rows[d->row]) >> 8);
		list[7] = (uint8_t)sl_field_get(&sel, cmd->req);
		list[9] |= 1; /* SERVACTV */
	}
	if (list[9] & 2) /* CTDP: twelve more bytes would follow */
		list[9] &= (uint8_t)~2u;
	put_be(list + 10, 2, c->word >> 16);
	if (entry_of(d, cmd) && c->listed)
		(void)sl_contract_scsi_rsoc(d->contract, list, sizeof(list));
}

/* The word stands in the Command Effects Log or, for Set Feature, beside the feature. */
static void declare_cxl(struct sl_domain *d, const struct sl_command *cmd, const struct chosen *c)
{
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_contract *contract = d->contract;
	uint8_t cel[4] = {cmd->req[1], cmd->req[0]};

	if (row->flags & SL_ROW_FEATURE) {
		struct sl_feature *f = &contract->features[0];

		contract->n_features = c->listed;
		memcpy(f->uuid, d->data, sizeof(f->uuid));
		f->flags = 1;
		f->set_size = 16;
		f->raw = (uint16_t)c->word;
		(void)sl_contract_cxl_word(f->raw, &f->declared);
	} else {
		sl_put_le16(cel + 2, (uint16_t)c->word);
	}
	if (sl_sets[row->set].protocol == SL_WIRE_CXL && entry_of(d, cmd) && c->listed)
		(void)sl_contract_cxl_cel(contract, cel, sizeof(cel));
}

static void declare(struct sl_domain *d, const struct sl_command *cmd, const struct chosen *c)
{
	static void (*const by_protocol[])(struct sl_domain * d, const struct sl_command *cmd,
					   const struct chosen *c) = {
		[SL_WIRE_NVME] = declare_nvme,
		[SL_WIRE_SCSI] = declare_scsi,
		[SL_WIRE_CXL] = declare_cxl,
		[SL_WIRE_FWCTL] = declare_cxl,
	};
	uint8_t protocol = sl_sets[sl_rows[d->row].set].protocol;

	by_protocol[protocol](d, cmd, c);
	if (protocol != SL_WIRE_NVME && !d->n_entries && (c->observed || c->verified))
		(void)entry_of(d, cmd);
	if (!d->n_entries)
		return;
	d->entries[0]->observed = c->observed;
	if (c->verified)
		d->entries[0]->trust = SL_TRUST_VERIFIED;
}

static void fit_data(struct sl_domain *d, struct sl_point *p)
{
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_command resolved = p->cmd;
	struct sl_facts f;

	resolved.dir = row->dir;
	sl_command_resolve(d->contract, &resolved);
	p->cmd.dir = resolved.dir = sl_command_dir(&resolved);
	sl_facts_collect(d->contract, &resolved, d->data, &f);
	if (f.length_known)
		p->cmd.data_len = f.length;
	p->cmd.meta_len = f.meta_length;
	if (!p->cmd.data_len)
		p->cmd.dir = SL_DIR_NONE;
	p->data = p->cmd.dir & SL_DIR_OUT ? d->data : NULL;
}

static void choose(struct sl_domain *d, uint32_t n, struct sl_command *cmd, struct chosen *c)
{
	const struct sl_row *row = &sl_rows[d->row];
	uint32_t digit[SL_DOMAIN_VARS];

	for (uint32_t i = d->n_vars; i-- > 0; n /= d->var[i].n)
		digit[i] = n % d->var[i].n;
	for (uint32_t i = 0; i < d->n_vars; i++) {
		const struct sl_var *v = &d->var[i];
		uint64_t value = v->rep[digit[i]].lo;

		switch ((enum sl_var_kind)v->kind) {
		case SL_VAR_FIELD:
			if (v->field.off == 4 && v->field.width == 32 && !sl_sets[row->set].lu)
				c->nsid = (uint32_t)value;
			sl_field_set(&v->field,
				     v->field.space == SL_SPACE_DATA ? d->data : cmd->req, value);
			break;
		case SL_VAR_RESERVED:
			c->reserved = value;
			break;
		case SL_VAR_PAYLOAD:
			c->payload = (int)value;
			break;
		case SL_VAR_LISTED:
			c->declares = true;
			c->listed = value;
			break;
		case SL_VAR_BIT:
			c->declares = true;
			c->word |= (uint32_t)value << v->bit;
			break;
		case SL_VAR_OBSERVED:
			c->observed = (sl_effects)value;
			break;
		case SL_VAR_VERIFIED:
			c->verified = value;
			break;
		case SL_VAR_CAUGHT:
			d->contract->caught = (uint8_t)value;
			break;
		case SL_VAR_WRITABLE:
			cmd->writable = (uint8_t)value;
			break;
		case SL_VAR_IN_USE:
			c->in_use = value;
			break;
		case SL_VAR_CLAIMED:
			c->claimed = value;
			break;
		case SL_VAR_DOOR:
			cmd->door = (uint8_t)value;
			break;
		case SL_VAR_NODE:
			c->node = value;
			break;
		}
	}
}

/* Lengths and payload as a plain command has them; variables come on top. */
static void plain(struct sl_domain *d, struct sl_command *cmd)
{
	const struct sl_row *row = &sl_rows[d->row];
	const struct sl_format *f = &sl_formats[row->format];
	uint32_t payload = d->payload;

	memset(d->data, 0, SL_DOMAIN_HEAD);
	if (row->ranges == SL_RANGES_LIST && d->fence.any)
		payload = sl_block_lists[row->len_arg].head + 16u;
	if (row->len == SL_LEN_SIZE && f->size.space == SL_SPACE_REQ)
		sl_field_set(&f->size, cmd->req, payload);
	if (row->len == SL_LEN_ATA && payload) /* COUNT: one page */
		cmd->req[row->len_arg >> 16 & 0xff] = 1;
	if (row->len == SL_LEN_MBOX || row->len == SL_LEN_MBOX_MIN)
		sl_put_le32(cmd->req + SL_MBOX_IN_LEN,
			    payload > row->len_arg ? payload : row->len_arg);
}

static void reset_contract(struct sl_domain *d)
{
	struct sl_contract *contract = d->contract;

	/* Only what a point sets is cleared: the table of entries is large. */
	while (d->n_entries)
		memset(d->entries[--d->n_entries], 0, sizeof(*d->entries[0]));
	contract->n_entries = 0;
	contract->n_ns = 0;
	contract->n_features = 0;
	contract->sources = 0;
	contract->caught = 0;
	contract->type = sl_sets[sl_rows[d->row].set].type;
}

void sl_domain_point(struct sl_domain *d, uint32_t n, struct sl_point *ret)
{
	const struct sl_row *row = &sl_rows[d->row];
	const struct sl_format *format = &sl_formats[row->format];
	struct sl_command *cmd = &ret->cmd;
	struct chosen c = {.payload = -1};
	struct sl_contract *contract = d->contract;

	memset(ret, 0, sizeof(*ret));
	reset_contract(d);
	cmd->set = sl_sets[row->set].asked;
	/* Where any length does, one that every field lies in. */
	cmd->req_len = (uint16_t)(format->req_len ? format->req_len : 16);
	c.nsid = row->flags & SL_ROW_NSID_NONE ? 0 : 1;
	if (!sl_sets[row->set].lu)
		sl_put_le32(cmd->req + 4, c.nsid);
	plain(d, cmd);
	choose(d, n, cmd, &c);
	add_ns(contract, c.nsid, row->set, c.in_use, c.claimed);
	if (!contract->n_ns) /* a broadcast changes it too */
		add_ns(contract, 1, row->set, c.in_use, c.claimed);
	if (c.payload >= 0 && !sl_sets[row->set].lu)
		add_ns(contract, c.nsid + 1, row->set, false, false);
	if (row->ranges >= SL_RANGES_DSM && (row->ranges != SL_RANGES_XCOPY || c.payload >= 0))
		set_payload(d, cmd, c.payload < 0 ? 0 : (uint32_t)c.payload, c.nsid);
	if (c.node)
		cmd->node_nsid = c.nsid;
	if (c.reserved)
		set_reserved(d, cmd);
	if (c.declares || c.observed || c.verified)
		declare(d, cmd, &c);
	if (sl_sets[row->set].key.bytes)
		sl_field_set(&sl_sets[row->set].key, d->data, sl_get_be16(cmd->req));
	fit_data(d, ret);
}

void sl_domain_judge(struct sl_domain *d, unsigned image, const struct sl_point *p,
		     struct sl_command *ret_final, struct sl_verdict *ret)
{
	struct sl_bind bind = d->kind->bind[image];

	bind.outer = 1;
	*ret_final = p->cmd;
	sl_judge(d->img[image], &bind, d->contract, ret_final, p->data, UINT64_MAX, ret);
}

/* --- words --------------------------------------------------------------------------------- */

struct describing {
	const struct sl_domain *d;
	void (*each)(void *userdata, const char *line);
	void *userdata;
	const uint8_t *all; /* the whole set, to know where a part of it is */
	const sl_effects *effects;
	char line[2048];
};

static const char *field_name(const struct sl_domain *d, const struct sl_field *f, char *buf,
			      size_t size)
{
	for (unsigned up = 0; up < 2; up++) {
		const struct sl_row *row = &sl_rows[up ? sl_rows[d->row].parent : d->row];
		const struct sl_format *fmt = &sl_formats[row->format];

		for (uint32_t i = 0; i < fmt->n_fields; i++) {
			const struct sl_field *o = &fmt->fields[i].field;

			if (sl_bits_same(o, f))
				return fmt->fields[i].name;
		}
	}
	unsigned bit = 8u * f->off + f->shift;

	if (f->space == SL_SPACE_DATA) {
		(void)snprintf(buf, size, "payload byte %u", f->off);
		return buf;
	}
	(void)snprintf(buf, size, f->width == 32 && bit % 32 == 0 ? "cdw%u" : "cdw%u[%u:%u]",
		       bit / 32, bit % 32 + f->width - 1, bit % 32);
	return buf;
}

static void put(char *line, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put(char *line, size_t size, const char *fmt, ...)
{
	size_t n = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line + n, size - n, fmt, ap);
	va_end(ap);
}

static void field_text(const struct sl_domain *d, const struct sl_var *v, uint64_t values,
		       char *line, size_t size)
{
	char buf[32];
	const char *sep = "";
	uint64_t mask = (UINT64_C(2) << (v->field.width - 1)) - 1;
	uint32_t runs = 0, first = 0;

	for (uint32_t i = 0; i < v->n; i++)
		if (values >> i & 1 &&
		    !(i && (values >> (i - 1) & 1) && v->rep[i - 1].hi + 1 == v->rep[i].lo)) {
			runs++;
			first = i;
		}
	put(line, size, "%s", field_name(d, &v->field, buf, sizeof(buf)));
	if (runs == 1) {
		uint64_t lo = v->rep[first].lo, hi = v->rep[first].hi;

		for (uint32_t i = first + 1; i < v->n && (values >> i & 1); i++)
			hi = v->rep[i].hi;
		if (lo == hi)
			put(line, size, " = %llu", (unsigned long long)lo);
		else if (hi == mask)
			put(line, size, " >= %llu", (unsigned long long)lo);
		else
			put(line, size, " in {%llu..%llu}", (unsigned long long)lo,
			    (unsigned long long)hi);
		return;
	}
	put(line, size, " in {");
	for (uint32_t i = 0; i < v->n; i++) {
		uint64_t lo = v->rep[i].lo, hi;

		if (!(values >> i & 1))
			continue;
		while (i + 1 < v->n && (values >> (i + 1) & 1) &&
		       v->rep[i].hi + 1 == v->rep[i + 1].lo)
			i++;
		hi = v->rep[i].hi;
		put(line, size, lo == hi ? "%s%llu" : "%s%llu..%llu", sep, (unsigned long long)lo,
		    (unsigned long long)hi);
		sep = ", ";
	}
	put(line, size, "}");
}

static void list_text(uint64_t values, uint32_t n, const char *const *names, char *line,
		      size_t size)
{
	const char *sep = "";

	for (uint32_t i = 0; i < n; i++)
		if (values >> i & 1) {
			put(line, size, "%s%s", sep, names[i]);
			sep = " or ";
		}
}

/*
 * Names of the bits of a declaration. NVMe Base 5.1.12.1.6; SPC-6 §6.35.2 (byte 5 of a descriptor);
 * CXL 3.1 §8.2.9.5.2.1.
 */
static const char *bit_name(const struct sl_domain *d, unsigned bit)
{
	static const char *const nvme[16] = {"CSUPP", "LBCC", "NCC", "NIC", "CCC", "reserved"};
	static const char *const scsi[16] = {
		[1] = "CTDP", [4] = "MLU", [5] = "MLU", [7] = "reserved"};
	static const char *const cxl[16] = {"configuration after cold reset",
					    "immediate configuration change",
					    "immediate data change",
					    "immediate policy change",
					    "immediate log change",
					    "security state change",
					    "background operation",
					    "secondary mailbox",
					    "abort of a background operation",
					    "bits 11:10 valid",
					    "configuration after conventional reset",
					    "configuration after CXL reset",
					    "reserved",
					    "reserved",
					    "reserved",
					    "reserved"};
	uint8_t protocol = sl_sets[sl_rows[d->row].set].protocol;

	if (bit >= 16)
		return NULL;
	return protocol == SL_WIRE_NVME	  ? nvme[bit]
	       : protocol == SL_WIRE_SCSI ? scsi[bit]
					  : cxl[bit];
}

static void bit_text(const struct sl_domain *d, const struct sl_var *v, bool set, char *line,
		     size_t size)
{
	const char *name = bit_name(d, v->bit);

	if (v->bit == 0 && sl_sets[sl_rows[d->row].set].protocol == SL_WIRE_NVME)
		put(line, size, set ? "listed" : "not listed");
	else if (name)
		put(line, size, "log[%u] = %u (%s)", v->bit, set, name);
	else
		put(line, size, "log[%u] = %u", v->bit, set);
}

static void var_text(const struct sl_domain *d, const struct sl_var *v, uint64_t values, char *line,
		     size_t size)
{
	static const char *const payload[] = {"blocks of the payload within the fence",
					      "blocks of the payload outside of the fence",
					      "blocks of another namespace in the payload"};
	static const char *const flags[][2] = {
		[SL_VAR_RESERVED] = {"no reserved bit set", "a reserved bit set"},
		[SL_VAR_LISTED] = {"not listed", "listed"},
		[SL_VAR_VERIFIED] = {"trust < verified", "trust = verified"},
		[SL_VAR_CAUGHT] = {"not caught", "caught"},
		[SL_VAR_WRITABLE] = {"not writable", "writable"},
		[SL_VAR_IN_USE] = {"not in-use", "in-use"},
		[SL_VAR_CLAIMED] = {"not claimed", "claimed"},
		[SL_VAR_NODE] = {"not node-namespace", "node-namespace"},
	};
	const char *sep = "";

	switch ((enum sl_var_kind)v->kind) {
	case SL_VAR_FIELD:
		field_text(d, v, values, line, size);
		break;
	case SL_VAR_PAYLOAD:
		list_text(values, v->n, payload, line, size);
		break;
	case SL_VAR_DOOR:
		put(line, size, "door in {");
		for (uint32_t i = 0; i < v->n; i++)
			if (values >> i & 1) {
				put(line, size, "%s%s", sep, sl_word_door((unsigned)v->rep[i].lo));
				sep = ", ";
			}
		put(line, size, "}");
		break;
	case SL_VAR_BIT:
		bit_text(d, v, values & 2, line, size);
		break;
	case SL_VAR_OBSERVED:
		put(line, size, "was seen to change ");
		for (uint32_t i = 0; i < v->n; i++)
			if (values >> i & 1) {
				put(line, size, "%s%s", sep,
				    v->rep[i].lo ? sl_effect_name(
							   (unsigned)__builtin_ctzll(v->rep[i].lo))
						 : "nothing");
				sep = " or ";
			}
		break;
	default:
		put(line, size, "%s", flags[v->kind][values & 2 ? 1 : 0]);
	}
}

/* Is the part the same as: effects within `in`, and (when asked) not within `out`? */
static bool is_within(const struct describing *s, const uint8_t *set, uint32_t n, sl_effects in,
		      bool has_out, sl_effects out)
{
	const sl_effects *e = s->effects + (set - s->all);

	for (uint32_t i = 0; i < n; i++)
		if (set[i] !=
		    (sl_effects_within(e[i], in) && !(has_out && sl_effects_within(e[i], out))))
			return false;
	return true;
}

static void effects_text(sl_effects e, char *line, size_t size)
{
	const char *sep = "";

	put(line, size, "{");
	for (unsigned b = 0; b < _SL_EFFECT_N; b++)
		if (e >> b & 1) {
			put(line, size, "%s%s", sep, sl_effect_name(b));
			sep = ", ";
		}
	put(line, size, "%s}", e ? "" : "none");
}

/* Says what the last variables leave in words of effects, where that is all there is to it. */
static bool describe_effects(struct describing *s, const uint8_t *set, uint32_t var, uint32_t n)
{
	const struct sl_domain *d = s->d;
	sl_effects masks[SL_COUNT(d->masks) + 1] = {SL_E_NONE};
	uint32_t count = 1;

	if (!s->effects || (d->var[var].kind != SL_VAR_BIT && d->var[var].kind != SL_VAR_LISTED))
		return false;
	for (uint32_t i = 0; i < d->n_masks; i++)
		masks[count++] = d->masks[i];
	for (uint32_t i = 0; i <= count; i++)
		for (uint32_t k = 0; k <= count; k++) {
			sl_effects in = i < count ? masks[i] : SL_E_ALL;

			if (i == count && k == count)
				continue;
			if (!is_within(s, set, n, in, k < count, k < count ? masks[k] : 0))
				continue;
			size_t len = strlen(s->line);

			put(s->line, sizeof(s->line), "%s", len ? " and " : "");
			if (i < count) {
				put(s->line, sizeof(s->line), "effects within ");
				effects_text(in, s->line, sizeof(s->line));
			}
			if (k < count) {
				put(s->line, sizeof(s->line), "%seffects not within ",
				    i < count ? " and " : "");
				effects_text(masks[k], s->line, sizeof(s->line));
			}
			s->each(s->userdata, s->line);
			s->line[len] = 0;
			return true;
		}
	return false;
}

/* All of a view is not all of the command: its limits are told. */
static bool limited_from(const struct sl_domain *d, uint32_t var)
{
	for (; var < d->n_vars; var++)
		if (d->var[var].limited)
			return true;
	return false;
}

static void describe(struct describing *s, const uint8_t *set, uint32_t var, uint32_t n)
{
	const struct sl_domain *d = s->d;
	uint32_t part, values;
	uint64_t done = 0;

	if (!memchr(set, 1, n))
		return;
	if (var == d->n_vars || (!memchr(set, 0, n) && !limited_from(d, var))) {
		s->each(s->userdata, s->line);
		return;
	}
	if (describe_effects(s, set, var, n))
		return;
	values = d->var[var].n;
	part = n / values;
	for (uint32_t i = 0; i < values; i++) {
		size_t len = strlen(s->line);
		uint64_t alike = 0;

		if (done >> i & 1)
			continue;
		/* Values after which everything is the same are told together. */
		for (uint32_t k = i; k < values; k++)
			if (memcmp(set + (size_t)i * part, set + (size_t)k * part, part) == 0)
				alike |= UINT64_C(1) << k;
		done |= alike;
		if (alike != (UINT64_C(2) << (values - 1)) - 1 || d->var[var].limited) {
			if (len)
				put(s->line, sizeof(s->line), " and ");
			var_text(d, &d->var[var], alike, s->line, sizeof(s->line));
		}
		describe(s, set + (size_t)i * part, var + 1, part);
		s->line[len] = 0;
	}
}

void sl_domain_describe(const struct sl_domain *d, const uint8_t *set, const sl_effects *effects,
			void (*each)(void *userdata, const char *line), void *userdata)
{
	struct describing s = {
		.d = d, .each = each, .userdata = userdata, .all = set, .effects = effects};

	describe(&s, set, 0, d->n_points);
}
