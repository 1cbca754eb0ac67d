/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lints: checks over one entry, checks over the whole contract, and tables of what belongs
 * together. A new lint is a row of SL_LINTS and a few lines here.
 */
#include "contract/lint-find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/reader.h"
#include "spec/names.h"
#include "wire/wire.h"

/* Bits of a declaration word. */
enum { LBCC = 1 << 1, NCC = 1 << 2, NIC = 1 << 3, CCC = 1 << 4, EFFECT_BITS = 0x1e };

const struct sl_lint_rule sl_lint_rules[_SL_LINT_ID_N] = {
#define LINT(id, name, severity, text, why)                                                        \
	[SL_LINT_ID_##id] = {name, SL_LINT_##severity, text, why},
	SL_LINTS(LINT)
#undef LINT
};

const char *sl_lint_severity_name(unsigned severity)
{
	static const char *const names[] = {"note", "warning", "error"};

	return severity < _SL_LINT_SEVERITY_N ? names[severity] : NULL;
}

struct sl_finding *sl_lint_find(struct lint *l, unsigned id, const struct sl_entry *e)
{
	struct sl_findings *f = l->out;
	struct sl_finding *v;

	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 32;

		v = cap <= SL_FINDINGS_MAX ? realloc(f->v, cap * sizeof(*v)) : NULL;
		if (!v) {
			l->error = -ENOMEM;
			return &l->scratch;
		}
		f->v = v;
		f->cap = cap;
	}
	v = &f->v[f->n++];
	*v = (struct sl_finding){.id = (uint8_t)id, .spec = "NVMe Base 5.1.12.1.6"};
	f->count[sl_lint_rules[id].severity]++;
	if (e) {
		v->has_key = true;
		v->key = e->key;
		v->raw = e->raw;
		v->source = e->source;
		v->declared = e->declared;
		v->spec = sl_rows[sl_key_row(e->key)].spec;
	}
	return v;
}

/* The bits that a form's floor calls for and the word does not have. */
static uint32_t missing_bits(uint16_t row, sl_effects floor, uint32_t raw)
{
	bool ns = sl_rows[row].scope & (SL_S_NS | SL_S_LBA);
	uint32_t m = 0;

	if ((floor & SL_E_DATA) && !(raw & LBCC))
		m |= LBCC;
	if ((floor & SL_E_INVENTORY) && !(raw & NIC))
		m |= NIC;
	/* What changes in a namespace is its capability; else either bit will do. */
	if ((floor & SL_E_CAPABILITY) && !(raw & (ns ? NCC : NCC | CCC)))
		m |= ns ? NCC : CCC;
	return m;
}

/* What the forms of a key have in common, and what only some do. */
struct forms {
	unsigned n;
	sl_effects all;	   /* floors of all forms together, with refinements */
	unsigned mutating; /* forms that change something */
	uint32_t missing_any, missing_every;
	uint8_t excl_max, excl_min;
	uint16_t first; /* a form that lacks something */
	uint16_t excl_row;
};

static struct forms collect(const struct sl_entry *e)
{
	struct forms f = {.missing_every = EFFECT_BITS, .excl_min = 0xff};
	uint16_t at = 0, row;

	while (sl_key_form(e->key, &at, &row)) {
		uint32_t m = missing_bits(row, sl_row_full_floor(row), e->raw);

		f.n++;
		f.all |= sl_row_full_floor(row);
		f.mutating += sl_effects_mutating(sl_rows[row].floor);
		f.missing_every &= missing_bits(row, sl_rows[row].floor, e->raw);
		if (m & ~f.missing_any && !f.first)
			f.first = row;
		f.missing_any |= m;
		if (sl_rows[row].excl > f.excl_max) {
			f.excl_max = sl_rows[row].excl;
			f.excl_row = row;
		}
		if (sl_rows[row].excl < f.excl_min)
			f.excl_min = sl_rows[row].excl;
	}
	return f;
}

static const char *bit_names(uint32_t bits, bool feature, char buf[40])
{
	(void)snprintf(buf, 40, "%s%s%s%s", bits & LBCC ? feature ? " UDCC" : " LBCC" : "",
		       bits & NCC ? " NCC" : "", bits & NIC ? " NIC" : "",
		       bits & CCC ? " CCC" : "");
	return buf[0] ? buf + 1 : buf;
}

static void lint_missing(struct lint *l, const struct sl_entry *e, const struct forms *f)
{
	static const struct {
		uint32_t bits;
		unsigned id;
	} kinds[] = {
		{LBCC, SL_LINT_ID_MISSING_DATA},
		{NIC, SL_LINT_ID_MISSING_INVENTORY},
		{NCC | CCC, SL_LINT_ID_MISSING_CAPABILITY},
	};
	/* Data that can be lost in any form is an error; the rest only where every form does it. */
	uint32_t hard = f->missing_every | (f->missing_any & LBCC), soft = f->missing_any & ~hard;
	char buf[40];

	for (unsigned i = 0; i < SL_COUNT(kinds); i++) {
		struct sl_finding *v;

		if (!(hard & kinds[i].bits))
			continue;
		v = sl_lint_find(l, kinds[i].id, e);
		v->floor = f->all;
		v->bits = hard & kinds[i].bits;
		(void)snprintf(v->detail, sizeof(v->detail), "%s not set",
			       bit_names(v->bits, e->source == SL_SOURCE_LID12, buf));
	}
	if (soft && (e->raw & EFFECT_BITS)) {
		struct sl_finding *v = sl_lint_find(l, SL_LINT_ID_MISSING_SOME, e);

		v->floor = f->all;
		v->bits = soft;
		(void)snprintf(v->detail, sizeof(v->detail), "%s not set; it takes that for %s",
			       bit_names(soft, e->source == SL_SOURCE_LID12, buf),
			       sl_rows[f->first].name);
	}
}

/* Nothing declared at all, and yet every form changes something. */
static void lint_silent(struct lint *l, const struct sl_entry *e, const struct forms *f)
{
	static const sl_effects serious = SL_E_DATA | SL_E_CAPABILITY | SL_E_INVENTORY |
					  SL_E_PERSIST | SL_E_POLICY | SL_E_SECURITY | SL_E_PEER;
	const struct sl_row *r = &sl_rows[sl_key_row(e->key)];
	struct sl_finding *v;

	if ((e->raw & EFFECT_BITS) || f->mutating < f->n || (r->flags & SL_ROW_KERNEL))
		return;
	if (f->missing_every | (f->missing_any & LBCC))
		return; /* said already */
	v = sl_lint_find(l, f->all & serious ? SL_LINT_ID_SILENT : SL_LINT_ID_SILENT_MINOR, e);
	v->floor = f->all;
}

static void lint_exclusion(struct lint *l, const struct sl_entry *e, const struct forms *f)
{
	struct sl_finding *v;

	if (e->source != SL_SOURCE_LID05)
		return;
	if (f->excl_min > SL_EXCL_NONE && e->excl < f->excl_max) {
		v = sl_lint_find(l, SL_LINT_ID_NOT_EXCLUSIVE, e);
		v->floor = f->all;
		(void)snprintf(v->detail, sizeof(v->detail),
			       "CSE says %s; %s must run alone in the %s",
			       sl_exclusivity_name(e->excl), sl_rows[f->excl_row].name,
			       sl_exclusivity_name(f->excl_max));
	}
	if (e->excl != SL_EXCL_NONE && f->excl_max == SL_EXCL_NONE &&
	    (!sl_effects_mutating(f->all) || sl_rows[sl_key_row(e->key)].dir == SL_DIR_IN)) {
		v = sl_lint_find(l, SL_LINT_ID_EXCLUSIVE_READ, e);
		v->floor = f->all;
		(void)snprintf(v->detail, sizeof(v->detail), "CSE says %s",
			       sl_exclusivity_name(e->excl));
	}
}

static void lint_over(struct lint *l, const struct sl_entry *e, const struct forms *f)
{
	sl_effects more = e->declared & sl_contract_expressible(e->source) & ~f->all;
	struct sl_finding *v;

	/* Only where the floor is that it changes nothing: elsewhere more is caution, not a fault.
	 */
	if (!more || sl_effects_mutating(f->all))
		return;
	v = sl_lint_find(l, SL_LINT_ID_OVER, e);
	v->floor = f->all;
	v->bits = e->raw & EFFECT_BITS;
}

static void lint_malformed(struct lint *l, const struct sl_entry *e)
{
	struct sl_entry again = {0};

	if (!(e->flags & SL_ENTRY_RESERVED))
		return;
	if (e->source == SL_SOURCE_LID00 || (e->raw & 1))
		(void)sl_lint_find(l,
				   e->source != SL_SOURCE_LID00 &&
						   !sl_contract_nvme_word(&again, e->source, e->raw)
					   ? SL_LINT_ID_CONTRADICTS
					   : SL_LINT_ID_RESERVED,
				   e);
	else
		(void)sl_lint_find(l, SL_LINT_ID_UNSUPPORTED, e);
}

/* The same bits in a feature's word and in that of Set Features, which speaks for all of them. */
static void lint_feature(struct lint *l, const struct sl_entry *e)
{
	const struct sl_entry *set = sl_contract_find(
		l->c, sl_key(SL_SET_NVME_ADMIN, sl_key_opcode(e->key), SL_SEL_ANY));
	struct sl_finding *v;
	char buf[40];

	if (e->source != SL_SOURCE_LID12 || !(e->raw & 1) || (l->doc->partial && !set))
		return;
	if (!set || !(set->raw & 1) || (e->raw & ~set->raw & EFFECT_BITS)) {
		v = sl_lint_find(l, SL_LINT_ID_FEATURE, e);
		v->bits = set ? e->raw & ~set->raw & EFFECT_BITS : 0;
		(void)snprintf(v->detail, sizeof(v->detail), "Set Features %s%s",
			       v->bits ? "lacks " : "is not listed",
			       bit_names(v->bits, false, buf));
	}
}

static void lint_nvme(struct lint *l, const struct sl_entry *e)
{
	const struct sl_row *r = &sl_rows[sl_key_row(e->key)];
	struct forms f;

	lint_malformed(l, e);
	if (!(e->flags & SL_ENTRY_SUPPORTED) ||
	    (e->source != SL_SOURCE_LID05 && e->source != SL_SOURCE_LID12))
		return;
	lint_feature(l, e);
	if (r->flags & SL_ROW_VENDOR) {
		if (!(e->raw & EFFECT_BITS))
			(void)sl_lint_find(l, SL_LINT_ID_VENDOR_SILENT, e);
	} else if (r->flags & SL_ROW_UNLISTED && !r->sel_group) {
		(void)sl_lint_find(l, SL_LINT_ID_UNKNOWN_OPCODE, e);
	}
	f = collect(e);
	if (f.n) {
		lint_missing(l, e, &f);
		lint_silent(l, e, &f);
		lint_exclusion(l, e, &f);
		lint_over(l, e, &f);
	}
	if (e->source == SL_SOURCE_LID05 && (e->raw & EFFECT_BITS) && !(e->raw >> 20) &&
	    (l->c->sources >> SL_SOURCE_LID00 & 1))
		(void)sl_lint_find(l, SL_LINT_ID_NO_SCOPE, e);
}

static void lint_entry(struct lint *l, const struct sl_entry *e)
{
	if (e->source == SL_SOURCE_RSOC)
		sl_lint_scsi(l, e);
	else if (e->source == SL_SOURCE_CEL)
		sl_lint_cxl(l, e);
	else
		lint_nvme(l, e);
}

/* What is required, and by whom. `with`: only where this one is listed; 0xffff: where the set is.
 */
#define ALWAYS 0xfffe
#define IF_SET 0xffff
static const struct {
	uint8_t set, opcode;
	uint16_t with;
	const char *spec;
} required[] = {
	{SL_SET_NVME_ADMIN, 0x02, ALWAYS, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x06, ALWAYS, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x08, ALWAYS, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x09, ALWAYS, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x0a, ALWAYS, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x0c, ALWAYS, "NVMe Base 3.1.3.4"},
	/* Queues: over PCIe all four, over fabrics none. */
	{SL_SET_NVME_ADMIN, 0x00, 0x01, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x01, 0x00, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x04, 0x01, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_ADMIN, 0x05, 0x01, "NVMe Base 3.1.3.4"},
	{SL_SET_NVME_NVM, 0x00, IF_SET, "NVMe NVM 3.1"},
	{SL_SET_NVME_NVM, 0x01, IF_SET, "NVMe NVM 3.1"},
	{SL_SET_NVME_NVM, 0x02, IF_SET, "NVMe NVM 3.1"},
	{SL_SET_NVME_ZNS, 0x01, IF_SET, "NVMe ZNS 3.1"},
	{SL_SET_NVME_ZNS, 0x02, IF_SET, "NVMe ZNS 3.1"},
	{SL_SET_NVME_ZNS, 0x79, IF_SET, "NVMe ZNS 3.1"},
	{SL_SET_NVME_ZNS, 0x7a, IF_SET, "NVMe ZNS 3.1"},
	{SL_SET_NVME_ZNS, 0x7d, IF_SET, "NVMe ZNS 3.1"},
	{SL_SET_NVME_KV, 0x01, IF_SET, "NVMe KV 3.1"},
	{SL_SET_NVME_KV, 0x02, IF_SET, "NVMe KV 3.1"},
	{SL_SET_NVME_KV, 0x06, IF_SET, "NVMe KV 3.1"},
	{SL_SET_NVME_KV, 0x10, IF_SET, "NVMe KV 3.1"},
	{SL_SET_NVME_KV, 0x14, IF_SET, "NVMe KV 3.1"},
};

/* Commands that one bit of Identify Controller (OACS, ONCS) supports together. */
static const struct {
	uint8_t set, opcode, other;
	const char *spec;
} pairs[] = {
	{SL_SET_NVME_ADMIN, 0x0d, 0x15, "NVMe Base 5.1.13, OACS NMS"},
	{SL_SET_NVME_ADMIN, 0x10, 0x11, "NVMe Base 5.1.13, OACS FWDS"},
	{SL_SET_NVME_ADMIN, 0x19, 0x1a, "NVMe Base 5.1.13, OACS DIRS"},
	{SL_SET_NVME_ADMIN, 0x1d, 0x1e, "NVMe Base 5.1.13, OACS NMSRS"},
	{SL_SET_NVME_ADMIN, 0x3d, 0x3e, "NVMe Base 5.1.26, 5.1.27"},
	{SL_SET_NVME_ADMIN, 0x41, 0x42, "NVMe Base 5.1.16, 5.1.17"},
	{SL_SET_NVME_ADMIN, 0x81, 0x82, "NVMe Base 5.1.13, OACS SSRS"},
	{SL_SET_NVME_NVM, 0x0d, 0x0e, "NVMe Base 5.1.13, ONCS RESERVS"},
	{SL_SET_NVME_NVM, 0x0d, 0x11, "NVMe Base 5.1.13, ONCS RESERVS"},
	{SL_SET_NVME_NVM, 0x0d, 0x15, "NVMe Base 5.1.13, ONCS RESERVS"},
	{SL_SET_NVME_NVM, 0x12, 0x1d, "NVMe Base 7.3, 7.4"},
};

static bool supported(const struct sl_contract *c, uint8_t set, uint8_t opcode)
{
	const struct sl_entry *e = sl_contract_find(c, sl_key(set, opcode, SL_SEL_ANY));

	return e && (e->flags & SL_ENTRY_SUPPORTED);
}

static bool has_set(const struct sl_contract *c, uint8_t set)
{
	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++)
		if ((c->entries[i].flags & SL_ENTRY_USED) && sl_key_set(c->entries[i].key) == set)
			return true;
	return false;
}

static void lint_required(struct lint *l)
{
	if (l->doc->partial)
		return; /* what an excerpt does not list may exist */
	for (unsigned i = 0; i < SL_COUNT(required); i++) {
		uint16_t with = required[i].with;
		struct sl_finding *v;

		if (supported(l->c, required[i].set, required[i].opcode) ||
		    (with == IF_SET && !has_set(l->c, required[i].set)) ||
		    (with < 256 && !supported(l->c, required[i].set, (uint8_t)with)))
			continue;
		v = sl_lint_find(l, SL_LINT_ID_REQUIRED, NULL);
		v->has_key = true;
		v->key = sl_key(required[i].set, required[i].opcode, SL_SEL_ANY);
		v->spec = required[i].spec;
	}
	for (unsigned i = 0; i < 2 * SL_COUNT(pairs); i++) {
		uint8_t set = pairs[i / 2].set;
		uint8_t a = i & 1 ? pairs[i / 2].other : pairs[i / 2].opcode;
		uint8_t b = i & 1 ? pairs[i / 2].opcode : pairs[i / 2].other;
		struct sl_finding *v;
		char name[SL_KEY_NAME_MAX];

		if (!supported(l->c, set, a) || supported(l->c, set, b))
			continue;
		v = sl_lint_find(l, SL_LINT_ID_PAIR,
				 sl_contract_find(l->c, sl_key(set, a, SL_SEL_ANY)));
		v->spec = pairs[i / 2].spec;
		(void)snprintf(v->detail, sizeof(v->detail), "%s is not listed",
			       sl_key_name(sl_key(set, b, SL_SEL_ANY), name));
	}
}

static void lint_logs(struct lint *l)
{
	static const struct {
		uint8_t source, lid;
	} logs[] = {{SL_SOURCE_LID05, 0x05},
		    {SL_SOURCE_LID12, 0x12},
		    {SL_SOURCE_LID13, 0x13},
		    {SL_SOURCE_LID14, 0x14},
		    {SL_SOURCE_LID00, 0x00}};

	if (!(l->c->sources >> SL_SOURCE_LID00 & 1) || l->doc->partial)
		return;
	for (unsigned i = 0; i < SL_COUNT(logs); i++) {
		uint64_t key = sl_key(SL_SET_NVME_ADMIN, 0x02, logs[i].lid);
		const struct sl_entry *e = sl_contract_find(l->c, key);
		struct sl_finding *v;

		if (!(l->c->sources >> logs[i].source & 1) ||
		    (e && (e->flags & SL_ENTRY_SUPPORTED)))
			continue;
		v = sl_lint_find(l, SL_LINT_ID_LOG_LIST, NULL);
		v->has_key = true;
		v->key = key;
		v->spec = "NVMe Base 5.1.12.1.1";
	}
}

static void lint_flaws(struct lint *l)
{
	for (unsigned i = 0; i < _SL_FLAW_N; i++) {
		struct sl_finding *v;
		size_t at;

		/* These two are said of each entry. */
		if (!(l->doc->flaws >> i & 1) || i == SL_FLAW_CONTRADICTS || i == SL_FLAW_RESERVED)
			continue;
		v = sl_lint_find(
			l, SL_FLAW_VOIDS >> i & 1 ? SL_LINT_ID_NO_CONTRACT : SL_LINT_ID_FLAW, NULL);
		at = (size_t)snprintf(v->detail, sizeof(v->detail), "%s", sl_flaw_text(i));
		for (unsigned k = 0, n = 0; l->doc->live && k < _SL_RAW_N; k++)
			if ((l->doc->flawed_in >> k & 1) && at < sizeof(v->detail))
				at += (size_t)snprintf(v->detail + at, sizeof(v->detail) - at,
						       "%s%s", n++ ? ", " : ": ", sl_raw_name(k));
		v->spec = l->c->protocol == SL_WIRE_SCSI  ? "SPC-6 6.35"
			  : l->c->protocol == SL_WIRE_CXL ? "CXL 3.1 8.2.9.5.2"
							  : "NVMe Base 5.1.12";
	}
}

static int compare(const void *a, const void *b)
{
	const struct sl_finding *x = a, *y = b;
	uint8_t s = sl_lint_rules[x->id].severity, t = sl_lint_rules[y->id].severity;

	if (s != t)
		return s > t ? -1 : 1;
	if (x->has_key != y->has_key)
		return x->has_key ? 1 : -1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (int)x->id - (int)y->id;
}

int sl_lint(const struct sl_doc *d, struct sl_findings *ret)
{
	struct lint l = {.doc = d, .c = &d->contract, .out = ret};

	memset(ret, 0, sizeof(*ret));
	lint_flaws(&l);
	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++)
		if (l.c->entries[i].flags & SL_ENTRY_USED)
			lint_entry(&l, &l.c->entries[i]);
	if (l.c->sources >> SL_SOURCE_LID05 & 1)
		lint_required(&l);
	sl_lint_features(&l);
	lint_logs(&l);
	if (l.error) {
		sl_findings_done(ret);
		return l.error;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(ret->v[0]), compare);
	return 0;
}

void sl_findings_done(struct sl_findings *f)
{
	free(f->v);
	memset(f, 0, sizeof(*f));
}
