/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/random.h"

#include <stdarg.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/table.h"
#include "spec/names.h"
#include "wire/wire.h"

uint64_t sl_random_next(struct sl_random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u); /* SplitMix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t sl_random_below(struct sl_random *r, uint32_t n)
{
	return (uint32_t)((sl_random_next(r) >> 32) * n >> 32);
}

static bool chance(struct sl_random *r, unsigned in)
{
	return sl_random_below(r, in) == 0;
}

struct text {
	char *p;
	size_t left;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p, t->left, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < t->left) {
		t->p += n;
		t->left -= (size_t)n;
	}
}

static void put_set(struct sl_random *r, struct text *t, uint64_t mask)
{
	unsigned n = 1 + sl_random_below(r, 3);

	put(t, "{");
	for (unsigned i = 0; i < n; i++) {
		uint64_t small = mask < 300 ? mask : 300;
		uint64_t lo = sl_random_next(r) % (small + 1);
		uint64_t hi = lo + sl_random_next(r) % (mask - lo < 8 ? mask - lo + 1 : 8);

		put(t, "%s%llu", i ? ", " : "", (unsigned long long)lo);
		if (hi > lo)
			put(t, "..%llu", (unsigned long long)hi);
	}
	put(t, "}");
}

static void put_effects(struct sl_random *r, struct text *t)
{
	unsigned n = sl_random_below(r, 5);

	put(t, "{none");
	for (unsigned i = 0; i < n; i++)
		put(t, ", %s", sl_effect_name(sl_random_below(r, _SL_EFFECT_N)));
	put(t, "}");
}

static void put_field_condition(struct sl_random *r, struct text *t, uint16_t row)
{
	const struct sl_format *f = &sl_formats[sl_rows[row].format];
	const struct sl_named_field *x = &f->fields[sl_random_below(r, f->n_fields)];
	uint64_t mask = (UINT64_C(2) << (x->field.width - 1)) - 1;
	static const char *const signs[] = {"=", "!=", "<=", ">="};
	unsigned k = sl_random_below(r, 7);

	put(t, "field.");
	if (k < 4)
		put(t, "%s %s %llu", x->name, signs[k],
		    (unsigned long long)(sl_random_next(r) % ((mask < 15 ? mask : 15) + 1)));
	else {
		put(t, "%s %s ", x->name, k == 4 ? "not in" : "in");
		put_set(r, t, mask);
	}
}

static void put_condition(struct sl_random *r, struct text *t, uint16_t row)
{
	static const char *const of[] = {"effects", "effects", "declared", "floor"};
	static const char *const is[] = {"within", "not within", "=", "!="};
	static const char *const states[] = {"writable", "claimed",	   "in-use",  "listed",
					     "caught",	 "node-namespace", "one-page"};

	switch (sl_random_below(r, 12)) {
	case 0:
	case 1:
		put(t, "%s %s ", of[sl_random_below(r, 4)], is[sl_random_below(r, 4)]);
		put_effects(r, t);
		break;
	case 2:
		put(t, "%s has %s {%s, mutating}", of[sl_random_below(r, 4)],
		    chance(r, 2) ? "any" : "none",
		    sl_effect_name(sl_random_below(r, _SL_EFFECT_N)));
		break;
	case 3:
		put(t, "%s%s", chance(r, 2) ? "not " : "", states[sl_random_below(r, 7)]);
		break;
	case 4:
		put(t, "trust %s %s",
		    chance(r, 2) ? ">=" : "!=", sl_trust_name(sl_random_below(r, _SL_TRUST_N)));
		break;
	case 5:
		put(t, "length in {0..%u, 4096}", sl_random_below(r, 600));
		break;
	case 6:
		put(t, "door %s %s",
		    chance(r, 2) ? "=" : "!=", chance(r, 2) ? "ns-char" : "partition");
		break;
	case 7:
		put(t, "log[%u:%u] in ", 8 + sl_random_below(r, 20), sl_random_below(r, 3));
		put_set(r, t, 63);
		break;
	case 8:
		put(t, "scope %s {%s, %s}", chance(r, 2) ? "within" : "has any",
		    sl_scope_name(sl_random_below(r, _SL_SCOPE_N)),
		    sl_scope_name(sl_random_below(r, _SL_SCOPE_N)));
		break;
	default:
		put_field_condition(r, t, row);
	}
}

/* As often one of each protocol, however many commands it has. */
static uint16_t any_row(struct sl_random *r)
{
	static const uint8_t protocols[] = {SL_WIRE_NVME, SL_WIRE_NVME, SL_WIRE_SCSI,
					    SL_WIRE_SCSI, SL_WIRE_CXL,	SL_WIRE_FWCTL};
	uint8_t protocol = protocols[sl_random_below(r, SL_COUNT(protocols))];
	uint16_t row;

	do
		row = (uint16_t)sl_random_below(r, sl_row_count);
	while (sl_sets[sl_rows[row].set].protocol != protocol);
	return row;
}

static void put_rule(struct sl_random *r, struct text *t, unsigned classes)
{
	static const char *const who[] = {"any",
					  "any",
					  "root",
					  "metrics",
					  "uid 1000..2000",
					  "gid 6",
					  "label \"tenant*\"",
					  "root or gid 6 and uid 7"};
	static const char *const many[] = {
		"anything",	"nvme.admin.*", "nvme.nvm.*",
		"nvme.*.get-*", "scsi.*",	"scsi.sbc.*",
		"cxl.*",	"fwctl.cxl.*",	"effects has any {firmware, security, peer}"};
	static const char *const on[] = {"intel", "protocol nvme", "protocol scsi or protocol cxl",
					 "protocol fwctl and model \"Other\""};
	uint16_t row = any_row(r);
	bool deny = chance(r, 4), anything = chance(r, 3), where;
	struct sl_field sel;

	put(t, "%s %s: ", deny ? "deny" : "allow", who[sl_random_below(r, 8)]);
	if (anything)
		put(t, "%s", many[sl_random_below(r, SL_COUNT(many))]);
	else if (classes && chance(r, 4))
		put(t, "c%u, %s", sl_random_below(r, classes), sl_rows[row].name);
	else
		put(t, "%s", sl_rows[chance(r, 2) ? sl_rows[row].parent : row].name);
	if (chance(r, 4))
		put(t, " on %s", on[sl_random_below(r, SL_COUNT(on))]);
	where = !chance(r, 3);
	if (where) {
		/* A field of one row is not one of everything. */
		put(t, " where ");
		if (anything || classes)
			put(t,
			    chance(r, 2)
				    ? "effects within {none, log, reveals-data}"
				    : "floor has none {firmware, security} and trust >= declared");
		else
			put_condition(r, t, row);
		for (unsigned i = sl_random_below(r, 3); i > 0 && !anything && !classes; i--) {
			put(t, chance(r, 3) ? " or " : " and ");
			put_condition(r, t, row);
		}
	}
	if (!deny && chance(r, 4)) {
		put(t, " with reserved = 0");
		if (!anything && !classes && sl_row_field(row, "rae"))
			put(t, ", rae = 1");
		else if (!anything && !classes && sl_row_selector(row, &sel) &&
			 sl_row_field(row, "uidx"))
			put(t, ", uidx = 0");
		if (chance(r, 3))
			put(t, chance(r, 2) ? ", alone" : ", durable, length <= 8192");
		if (chance(r, 3))
			put(t, ", fence namespace 1 lba 0..%u", 1 + sl_random_below(r, 4096));
	}
	put(t, "\n");
}

void sl_random_policy(struct sl_random *r, unsigned n, char *buf, size_t size)
{
	struct text t = {buf, size};
	unsigned classes = chance(r, 2) ? 1 + sl_random_below(r, 3) : 0;

	put(&t, "policy \"random\" version 1\n");
	if (chance(r, 12))
		put(&t, "model\n");
	put(&t, "who metrics = uid 998 or gid 6..7\n"
		"device intel = model \"INTEL*\" or firmware \"V1\" and vendor \"8086\"\n");
	for (unsigned i = 0; i < classes; i++) {
		uint16_t row = any_row(r);

		put(&t, "class c%u = %s where ", i, sl_rows[row].name);
		put_condition(r, &t, row);
		if (chance(r, 2)) {
			put(&t, chance(r, 2) ? " or " : " and ");
			put_condition(r, &t, row);
		}
		put(&t, "\n");
	}
	if (chance(r, 10))
		put(&t, "observe until 2026-12-31 on intel\n");
	for (unsigned i = 0; i < n; i++)
		put_rule(r, &t, chance(r, 3) ? classes : 0);
}

void sl_random_identity(struct sl_random *r, struct sl_identity *ret)
{
	static const uint32_t uids[] = {0, 7, 998, 1000, 1500, 65534};

	memset(ret, 0, sizeof(*ret));
	ret->uid = uids[sl_random_below(r, 6)];
	ret->known = !chance(r, 8);
	ret->n_gids = chance(r, 16) ? SL_GIDS_MAX + 1 : sl_random_below(r, 3);
	for (uint32_t i = 0; i < ret->n_gids && i < SL_GIDS_MAX; i++)
		ret->gids[i] = 4 + sl_random_below(r, 6);
	if (chance(r, 3))
		(void)snprintf(ret->label, sizeof(ret->label), "%s",
			       chance(r, 2) ? "tenant-1" : "other");
}

/* What a front end asks for, and the device's type that makes a command set of it. */
static const struct {
	uint8_t protocol, asked;
	uint8_t types[8];
} families[] = {
	{SL_WIRE_NVME, SL_SET_NVME_ADMIN, {SL_TYPE_NONE}},
	{SL_WIRE_NVME, SL_SET_NVME_ADMIN, {SL_TYPE_NONE}},
	{SL_WIRE_SCSI, SL_SET_SCSI, {0x00, 0x00, 0x01, 0x05, 0x08, 0x0d, 0x14, SL_TYPE_NONE}},
	{SL_WIRE_CXL, SL_SET_CXL, {SL_TYPE_NONE}},
	{SL_WIRE_FWCTL, SL_SET_FWCTL, {1, 2, 2, 2, 2, 3, 4, 9}},
};

static void random_units(struct sl_random *r, struct sl_contract *ret)
{
	ret->n_ns = ret->protocol == SL_WIRE_NVME ? 3 : 1;
	for (uint32_t i = 0; i < ret->n_ns; i++)
		ret->ns[i] = (struct sl_ns){
			.nsid = i + 1,
			.csi = (uint8_t)(i == 2 ? 2 : 0),
			.lba_shift = 9,
			.used_by_kernel = chance(r, 3),
			.claimed = chance(r, 2),
			.blocks = 1u << 20,
			.meta = (uint16_t)(i == 1 && chance(r, 4) ? 8 : 0),
		};
	for (; ret->protocol >= SL_WIRE_CXL && ret->n_features < 3; ret->n_features++) {
		struct sl_feature *f = &ret->features[ret->n_features];

		memset(f->uuid, (int)ret->n_features, sizeof(f->uuid));
		f->flags = !chance(r, 6);
		f->set_size = chance(r, 6) ? 0 : 16;
		f->raw = (uint16_t)(sl_random_next(r) & sl_random_next(r));
		(void)sl_contract_cxl_word(f->raw, &f->declared);
	}
}

/* Commands that the tables know, mostly: of the sets that the device has. */
static uint64_t random_key(struct sl_random *r, const struct sl_contract *c)
{
	const struct sl_row *row = &sl_rows[sl_random_below(r, sl_row_count)];
	bool sub = chance(r, 2);

	if (sl_sets[row->set].protocol != c->protocol || chance(r, 4))
		return sl_key((uint8_t)(1 + sl_random_below(r, _SL_SET_N - 1)),
			      (uint16_t)sl_random_below(r, 256),
			      sub ? (uint16_t)sl_random_below(r, 256) : SL_SEL_ANY);
	if (row->flags & SL_ROW_SELECTOR)
		sub = true;
	return sl_key(sl_set_of_type(sl_sets[row->set].asked, c->type), row->op_lo,
		      sub ? row->sel_lo : SL_SEL_ANY);
}

void sl_random_contract(struct sl_random *r, struct sl_contract *ret)
{
	unsigned family = sl_random_below(r, SL_COUNT(families));

	memset(ret, 0, sizeof(*ret));
	ret->generation = 1 + sl_random_below(r, 1000);
	ret->state = SL_CONTRACT_PRESENT;
	ret->caught = chance(r, 6);
	ret->max_transfer = 1u << 20;
	ret->protocol = families[family].protocol;
	ret->type = families[family].types[0];
	if (ret->protocol == SL_WIRE_SCSI || ret->protocol == SL_WIRE_FWCTL)
		ret->type = families[family].types[sl_random_below(r, 8)];
	if (!chance(r, 8)) {
		(void)snprintf(ret->model, sizeof(ret->model), "%s",
			       chance(r, 2) ? "INTEL SSDPE2KX" : "Other");
		(void)snprintf(ret->firmware, sizeof(ret->firmware), "%s",
			       chance(r, 2) ? "V1" : "V2");
		(void)snprintf(ret->vendor, sizeof(ret->vendor), "8086");
	}
	random_units(r, ret);
	for (unsigned i = 0; i < 256; i++) {
		struct sl_entry *e = sl_contract_add(ret, random_key(r, ret));

		if (!e)
			break;
		e->raw = (uint32_t)sl_random_next(r);
		e->declared = (sl_effects)(sl_random_next(r) & sl_random_next(r) &
					   sl_random_next(r) & SL_E_ALL);
		e->scope = (sl_scope)(sl_random_next(r) & sl_random_next(r) & SL_S_ALL);
		e->observed =
			chance(r, 8) ? (sl_effects)(1u << sl_random_below(r, _SL_EFFECT_N)) : 0;
		e->excl = (uint8_t)sl_random_below(r, _SL_EXCL_N);
		e->trust = (uint8_t)sl_random_below(r, _SL_TRUST_N);
		e->source = SL_SOURCE_LID05;
		e->flags |= (uint8_t)((chance(r, 8) ? 0 : SL_ENTRY_SUPPORTED) |
				      (chance(r, 12) ? SL_ENTRY_RESERVED : 0) |
				      (chance(r, 16) ? SL_ENTRY_CAUGHT : 0));
		if (ret->protocol == SL_WIRE_SCSI && !e->usage && ret->n_usage < SL_USAGE_MAX &&
		    chance(r, 4)) {
			memset(ret->usage[ret->n_usage], 0xff, SL_CDB_MAX);
			ret->usage[ret->n_usage][1 + sl_random_below(r, 8)] =
				(uint8_t)sl_random_next(r);
			e->usage = (uint8_t)++ret->n_usage;
		}
	}
}

/* Fields that the format has, mostly small values; now and then any bits at all. */
static void random_fields(struct sl_random *r, const struct sl_row *row, uint8_t *req,
			  uint8_t *data)
{
	const struct sl_format *f = &sl_formats[row->format];
	unsigned first = sl_sets[row->set].protocol == SL_WIRE_NVME ? 8 : 1;

	for (uint32_t i = 0; i < f->n_fields; i++) {
		const struct sl_field *x = &f->fields[i].field;

		if (x->space == SL_SPACE_DATA && chance(r, 2))
			sl_field_set(x, data, sl_random_below(r, 6));
		if (x->space != SL_SPACE_REQ || x->off < first)
			continue;
		if (chance(r, 3))
			sl_field_set(x, req,
				     chance(r, 8) ? sl_random_next(r) : sl_random_below(r, 20));
	}
	if (f->size.bytes && f->size.space == SL_SPACE_REQ && !chance(r, 4))
		sl_field_set(&f->size, req, 8u * sl_random_below(r, 5));
	if (chance(r, 16))
		req[first + sl_random_below(r, SL_REQ_MAX - first)] ^=
			(uint8_t)(1u << sl_random_below(r, 8));
	if (chance(r, 64))
		for (unsigned i = 0; i < SL_REQ_MAX; i++)
			req[i] = (uint8_t)sl_random_next(r);
}

/* A mailbox header's lengths, mostly those that the command wants. */
static void random_mailbox(struct sl_random *r, const struct sl_row *row, uint8_t *req)
{
	uint32_t in = row->len == SL_LEN_MBOX || row->len == SL_LEN_MBOX_MIN ? row->len_arg : 0;

	if (chance(r, 8) || row->len == SL_LEN_MBOX_MIN)
		in += sl_random_below(r, 16);
	sl_put_le32(req + SL_MBOX_IN_LEN, in);
	sl_put_le32(req + SL_MBOX_OUT_LEN, chance(r, 2) ? sl_random_below(r, 64) : 0);
	if (chance(r, 2))
		req[SL_MBOX_SCOPE] = 0;
}

/* Mostly a whole command where one carries another in its payload: any row, as long as it should
 * be. */
static void random_carried(struct sl_random *r, uint16_t number, struct sl_command *cmd,
			   uint8_t *data)
{
	for (uint32_t i = 1; i < sl_carrier_count; i++) {
		const struct sl_carrier *k = &sl_carriers[i];
		const struct sl_row *in;
		uint32_t len;

		if (k->row != number || !k->head || chance(r, 8))
			continue;
		do
			in = &sl_rows[sl_random_below(r, sl_row_count)];
		while (in->set != k->set);
		len = in->len == SL_LEN_MBOX || in->len == SL_LEN_MBOX_MIN ? in->len_arg : 0;
		if (len > 64)
			len = 64;
		memset(data, 0, k->head);
		data[0] = (uint8_t)sl_random_below(r, 3);
		sl_field_set(&k->size, data, k->head + len - k->size.off - k->size.bytes);
		data[k->at[0]] = (uint8_t)in->op_lo;
		data[k->at[1]] = (uint8_t)in->sel_lo;
		data[k->at[SL_MBOX_IN_LEN]] = (uint8_t)len;
		sl_put_le32(cmd->req + SL_MBOX_IN_LEN, k->head + len);
		sl_put_le32(cmd->req + SL_MBOX_OUT_LEN, k->head + 64);
	}
}

/* Mostly a message that begins as its header says, and as bnxt's driver would fill it in. */
static void random_message(struct sl_random *r, const struct sl_row *row,
			   const struct sl_command *cmd, uint8_t *data)
{
	const struct sl_field *key = &sl_sets[row->set].key;

	if (!key->bytes || chance(r, 8))
		return;
	if (!chance(r, 8)) {
		memset(data, 0xff, 8);
		memset(data + 8, 0, 8);
	}
	sl_field_set(key, data, sl_get_be16(cmd->req));
}

/* A row that this device's commands can be. */
static uint16_t random_row(struct sl_random *r, const struct sl_contract *c)
{
	for (;;) {
		uint16_t n = chance(r, 8)
				     ? sl_carriers[1 + sl_random_below(r, sl_carrier_count - 1)].row
				     : (uint16_t)sl_random_below(r, sl_row_count);
		const struct sl_row *row = &sl_rows[n];
		uint8_t set = sl_set_of_type(sl_sets[row->set].asked, c->type);

		if (sl_sets[row->set].protocol != c->protocol)
			continue;
		if (c->protocol == SL_WIRE_NVME || chance(r, 16) ||
		    sl_row_find_key(set, (uint8_t)row->op_lo,
				    (uint16_t)(row->sel_lo | SL_ROW_SEL_HIGH(row))) == n)
			return n;
	}
}

void sl_random_command(struct sl_random *r, const struct sl_contract *c, struct sl_command *ret,
		       uint8_t *data)
{
	static const uint32_t nsids[] = {0, 1, 1, 2, 3, 5, 0xffffffffu};
	uint16_t number = random_row(r, c);
	const struct sl_row *row = &sl_rows[number];
	struct sl_field sel;
	struct sl_command resolved;
	struct sl_facts facts;
	uint32_t nsid = nsids[sl_random_below(r, 7)];

	memset(ret, 0, sizeof(*ret));
	ret->set = sl_sets[row->set].asked;
	ret->req_len = chance(r, 200) ? 16 : (uint16_t)sl_formats[row->format].req_len;
	ret->door = (uint8_t)sl_random_below(r, _SL_DOOR_N);
	ret->writable = chance(r, 2);
	ret->node_nsid = chance(r, 2) ? nsid : 0;
	ret->timeout_ms = chance(r, 8) ? sl_random_below(r, 1000000) : 0;
	for (unsigned i = 0; i < 64; i++)
		data[i] = chance(r, 4) ? (uint8_t)sl_random_below(r, 3) : 0;
	if (c->n_features && chance(r, 2))
		memcpy(data, c->features[sl_random_below(r, c->n_features)].uuid, 16);
	random_fields(r, row, ret->req, data);
	ret->req[0] = (uint8_t)(row->op_lo + sl_random_below(r, row->op_hi - row->op_lo + 1u));
	if (!sl_sets[row->set].lu)
		memcpy(ret->req + 4, &nsid, sizeof(nsid));
	else if (c->protocol != SL_WIRE_SCSI && !chance(r, 32))
		random_mailbox(r, row, ret->req);
	if (sl_row_selector(number, &sel) && !chance(r, 32))
		sl_field_set(&sel, ret->req,
			     row->sel_lo +
				     sl_random_below(r, (row->sel_hi & 0xff) - row->sel_lo + 1u));
	random_carried(r, number, ret, data);
	random_message(r, row, ret, data);
	resolved = *ret;
	sl_command_resolve(c, &resolved);
	resolved.dir = chance(r, 2) ? SL_DIR_IN : SL_DIR_OUT;
	ret->dir = sl_command_dir(&resolved);
	/* Ask the facts how long it is, so that most commands have the right length. */
	sl_facts_collect(c, &resolved, NULL, &facts);
	ret->data_len = chance(r, 10) ? sl_random_below(r, 5000) : facts.length;
	ret->meta_len = chance(r, 50) ? 64 : facts.meta_length;
	if (ret->data_len > 4096 && (ret->dir & SL_DIR_OUT))
		ret->data_len = 4096;
	if (!ret->data_len)
		ret->dir = SL_DIR_NONE;
	if (chance(r, 50))
		ret->dir = (uint8_t)sl_random_below(r, 4);
}
