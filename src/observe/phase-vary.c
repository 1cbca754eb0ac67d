/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments with commands that are not canonical: other fields, reserved bits, blocks, payloads.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/live.h"
#include "observe/phase.h"
#include "spec/names.h"

#define SWEEP	      2048u /* blocks of one experiment */
#define SWEEP_S	      2.0   /* seconds for the blocks of one device, where no other budget is set */
#define SWEEP_LIVE_S  24.0
#define VARIANTS_MAX  600u
#define LIVE_VARIANTS 24u
#define LIVE_WIDE     16384u
#define LIVE_SWEEP    256u

/* Fields whose value says how much is moved, or where to: not a variation of the same command. */
static bool keeps_shape(uint16_t row, const struct sl_named_field *f, const struct sl_field *sel)
{
	static const char *const other[] = {"opcode", "nsid", "slba", "sdlba", "zslba", "nlb",
					    "numd",   "tl",   "nr",   "mndw",  "rl",	"lpo",
					    "exhid",  "fid",  "lid",  "cns",   "lba"};

	const struct sl_format *fmt = &sl_formats[sl_rows[row].format];

	if (fmt->size.bytes && f->field.space == SL_SPACE_REQ && f->field.off == fmt->size.off)
		return false;
	for (size_t i = 0; i < SL_COUNT(other); i++)
		if (strcmp(f->name, other[i]) == 0)
			return false;
	return !sel || f->field.off * 8u + f->field.shift != sel->off * 8u + sel->shift;
}

/* May bit `bit` of dword `dw` be turned? *ret_known: a field defines it. */
static bool may_turn(uint16_t row, unsigned dw, unsigned bit, bool *ret_known)
{
	const struct sl_format *f = &sl_formats[sl_rows[row].format];
	struct sl_field sel;
	bool has_sel = sl_row_selector(row, &sel);

	*ret_known = f->known[dw] >> bit & 1;
	if (!*ret_known)
		return true;
	for (uint32_t i = 0; i < f->n_fields; i++) {
		const struct sl_field *x = &f->fields[i].field;
		unsigned at = (dw * 4 - x->off) * 8 + bit;

		if (x->space != SL_SPACE_REQ || dw * 4 + bit / 8 < x->off ||
		    dw * 4 + bit / 8 >= (unsigned)x->off + x->bytes)
			continue;
		if (x->be)
			at = (x->bytes - 1u - at / 8) * 8 + bit % 8;
		if (at >= x->shift && at < (unsigned)x->shift + x->width)
			return keeps_shape(row, &f->fields[i], has_sel ? &sel : NULL);
	}
	return false;
}

uint64_t sl_fields_fixed(uint16_t row)
{
	const struct sl_format *f = &sl_formats[sl_rows[row].format];
	struct sl_field sel;
	bool has_sel = sl_row_selector(row, &sel);
	uint32_t dwords = sl_observed_of(sl_sets[sl_rows[row].set].protocol)->vary;
	uint64_t fixed = 0;

	for (uint32_t i = 0; i < f->n_fields && i < 64; i++)
		if (f->fields[i].field.space != SL_SPACE_REQ ||
		    !(dwords >> f->fields[i].field.off / 4 & 1) ||
		    !keeps_shape(row, &f->fields[i], has_sel ? &sel : NULL))
			fixed |= UINT64_C(1) << i;
	return fixed;
}

static void name_bit(struct sl_case *ret, const struct sl_case *x, bool known, unsigned dw,
		     unsigned bit)
{
	const char *what = known ? "" : "reserved ";

	if (sl_sets[x->cmd.set].sense)
		(void)snprintf(ret->name, sizeof(ret->name), "%.60s, %sbit %u of byte %u", x->name,
			       what, bit % 8, 4 * dw + bit / 8);
	else
		(void)snprintf(ret->name, sizeof(ret->name), "%.60s, %sbit %u of CDW%u", x->name,
			       what, bit, dw);
}

static unsigned vary(const struct sl_verifier *v, const struct sl_case *x, struct sl_case *ret)
{
	uint32_t dwords = sl_observed_of(v->c->protocol)->vary;
	unsigned n = 0;

	for (unsigned dw = 0; dw < SL_REQ_MAX / 4; dw++)
		for (unsigned bit = 0; bit < 32 && n < VARIANTS_MAX; bit++) {
			uint8_t *p;
			bool known;

			/* A bit of a CDB is one of its bytes; the operation code is another
			 * command. */
			if (!(dwords >> dw & 1) || 4 * dw + bit / 8 >= x->cmd.req_len ||
			    (!dw && bit < 8))
				continue;
			if (!may_turn(x->row, dw, bit, &known))
				continue;
			ret[n] = *x;
			p = ret[n].cmd.req + 4 * dw;
			sl_put_le32(p, sl_get_le32(p) ^ 1u << bit);
			if (!sl_rig_may(v->rig, &ret[n].cmd, x->payload))
				continue;
			ret[n].kind = known ? SL_CASE_FIELD : SL_CASE_BIT;
			name_bit(&ret[n], x, known, dw, bit);
			/* A defined value may add effects; an undefined one has none to add. */
			if (known) {
				sl_facts_collect(v->c, &ret[n].cmd, x->payload, &ret[n].facts);
				ret[n].floor |= ret[n].facts.floor & ~(sl_effects)SL_E_UNKNOWN;
			}
			n++;
		}
	return n;
}

size_t sl_variants(const struct sl_verifier *v)
{
	struct sl_case *x = calloc(VARIANTS_MAX, sizeof(*x));
	size_t n = 0;

	for (size_t i = 0; x && i < v->cases.n; i++)
		if (v->cases.v[i].kind == SL_CASE_BASE)
			n += vary(v, &v->cases.v[i], x);
	free(x);
	return n;
}

static int run_variants(struct sl_verifier *v, const struct sl_case *x, unsigned n, unsigned flags)
{
	struct sl_trial r;
	int error = sl_trial_new(v, n, &r);

	if (error)
		return error;
	if (n && x->kind != SL_CASE_PAYLOAD)
		sl_use_of(v, x->row, &x->cmd)->turned |= ~sl_fields_fixed(x->row);
	for (unsigned i = 0; i < n; i++)
		r.step[i] = (struct sl_step){.x = &x[i], .keep = true};
	r.flags = flags;
	if (v->rig->can & SL_RIG_CLOCK)
		r.stages = (1u << _SL_STAGE_N) - 1;
	error = sl_experiment(v, &r);
	sl_trial_done(&r);
	return error;
}

/* What can be seen only once has to stand among few: a device of which there is no other. */
static int run_some(struct sl_verifier *v, const struct sl_case *x, unsigned n, unsigned flags)
{
	unsigned step = v->rig->can & SL_RIG_FRESH ? n : LIVE_VARIANTS;
	int error = 0;

	for (unsigned at = 0; at < n && !error && sl_budget(v); at += step)
		error = run_variants(v, x + at, n - at < step ? n - at : step, flags);
	return error;
}

int sl_phase_variations(struct sl_verifier *v)
{
	struct sl_case *variants = calloc(VARIANTS_MAX, sizeof(*variants));
	size_t base = v->cases.n;
	int error = variants ? 0 : -ENOMEM;

	for (size_t i = 0; i < base && !error && sl_budget(v); i++) {
		const struct sl_case *x = &v->cases.v[i];

		sl_progress(v, i, base);
		if (x->kind != SL_CASE_BASE || x->refused || x->status == 0xffff ||
		    sl_breach_of_row(v->out, x->row))
			continue;
		error = run_some(v, variants, vary(v, x, variants), 0);
	}
	free(variants);
	return error;
}

/* The canonical write, read or the like of a namespace. */
static const struct sl_case *base_of(const struct sl_verifier *v, enum sl_block_op op,
				     uint32_t nsid)
{
	uint8_t opcode = sl_observed_of(v->c->protocol)->block_opcodes[op];

	for (size_t i = 0; opcode && i < v->cases.n; i++) {
		const struct sl_case *x = &v->cases.v[i];

		if (x->kind == SL_CASE_BASE && !x->refused && x->status == 0 && x->nsid == nsid &&
		    x->cmd.req[0] == opcode && sl_rows[x->row].set != SL_SET_NVME_ADMIN)
			return x;
	}
	return NULL;
}

/* Heads of blocks that make known devices do something else than store them. */
static const struct {
	const char *name;
	const char *bytes;
	uint16_t len, off;
} payloads[] = {
	{"zeroes", "", 0, 0},
	{"UF2 block", "UF2\n\x57\x51\x5d\x9e\0\0\0\0\0\0\0\x10\0\1\0\0\0\0\0\0\1\0\0\0", 28, 0},
	{"DAPLink ERASE.ACT", "ERASE   ACT\x20", 12, 0},
	{"DAPLink START_BL.ACT", "START_BLACT\x20", 12, 0},
	{"DAPLink HARD_RST.CFG", "HARD_RSTCFG\x20", 12, 0},
	{"Eye-Fi get", "o\xff", 2, 0},
	{"Eye-Fi set", "O\x0a\1\1", 4, 0},
	{"SCT action 2", "\2\0\1\0", 4, 0},
	{"WD vendor key", "\x2a\0\2\0\2\0\0\0\0\0\0\0\x0d\0\0\0\x16", 17, 0},
	{"Areca frame", "\x5e\1\x61\1\0\x23", 6, 0},
	{"Realtek/JMicron signature", "NVME", 4, 0},
	{"Phison INFO", "\6\5INFO", 6, 0},
	{"JM", "JM", 2, 0},
	{"submission entry: Format NVM",
	 "\x80\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2",
	 42, 0},
	{"submission entry: Set Features 06h",
	 "\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\0\0"
	 "\0\0",
	 45, 0},
	{"ASCII", "OPEN", 4, 0},
	{"ASCII", "MAGIC", 5, 0},
	{"ASCII", "UNLOCK", 6, 0},
	{"ASCII", "SECRET", 6, 0},
	{"DEADBEEF", "\xef\xbe\xad\xde", 4, 0},
	{"BADC0DE", "\xde\xc0\xad\x0b", 4, 0},
	{"ones", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0},
};

static uint8_t *payload_of(unsigned i, uint32_t len)
{
	uint8_t *p = calloc(1, len ? len : 1);

	if (!p)
		return NULL;
	if (payloads[i].off + payloads[i].len <= len)
		memcpy(p + payloads[i].off, payloads[i].bytes, payloads[i].len);
	/* The last word of a UF2 block. */
	if (i == 1 && len >= 512)
		sl_put_le32(p + 508, 0x0ab16f30);
	return p;
}

int sl_phase_payloads(struct sl_verifier *v)
{
	int error = 0;

	for (uint32_t k = 0; k < v->c->n_ns && !error && sl_budget(v); k++) {
		const struct sl_case *w = base_of(v, SL_BLOCK_WRITE, v->c->ns[k].nsid);
		struct sl_case x[SL_COUNT(payloads)];
		unsigned n = 0;

		for (; w && n < SL_COUNT(payloads); n++) {
			x[n] = *w;
			x[n].kind = SL_CASE_PAYLOAD;
			x[n].payload = payload_of(n, w->cmd.data_len);
			(void)snprintf(x[n].name, sizeof(x[n].name), "%.60s, payload: %s", w->name,
				       payloads[n].name);
			if (!x[n].payload) {
				error = -ENOMEM;
				break;
			}
		}
		if (n && !error)
			error = run_variants(v, x, n, SL_TRIAL_READBACK);
		for (unsigned i = 0; i < n; i++)
			free(x[i].payload);
	}
	return error;
}

/* Blocks that somebody who hides something might choose come first, then all. */
static uint64_t block_at(const struct sl_ns *ns, uint64_t i, bool all)
{
	uint64_t n = ns->blocks;

	if (all)
		return i;
	if (i < 64)
		return i;
	if (i < 128)
		return n - 1 - (i - 64);
	if (i < 128 + 3 * 40) {
		uint64_t p = UINT64_C(1) << (i - 128) / 3;

		return (p + (i - 128) % 3 - 1) % n;
	}
	if (i < 1200)
		return (i - 248) * 11 % n; /* 11, 22, … 77 … 1111, 1001 … */
	return (i * 0x9e3779b97f4a7c15u >> 7) % n;
}

struct sweep {
	struct sl_verifier *v;
	const struct sl_ns *ns;
	const struct sl_case *base;
	struct sl_case *x;
	uint8_t *payloads;
	unsigned at_once;
};

static unsigned fill(struct sweep *s, uint64_t from, uint64_t total, bool all)
{
	unsigned n = 0;

	for (; n < s->at_once && from + n < total; n++) {
		uint64_t lba = block_at(s->ns, from + n, all);
		struct sl_case *x = &s->x[n];

		*x = *s->base;
		x->kind = SL_CASE_LBA;
		sl_case_set_lba(x, lba);
		(void)snprintf(x->name, sizeof(x->name), "%.40s slba=%llu", s->base->name,
			       (unsigned long long)lba);
		if (x->payload) {
			x->payload = s->payloads + (size_t)n * x->cmd.data_len;
			sl_pattern(x->payload, x->cmd.data_len, x->nsid, lba);
		}
	}
	return n;
}

static int sweep_wide(struct sweep *s, uint64_t to, uint64_t total, bool all)
{
	unsigned step = s->at_once, n;
	struct sl_trial r;
	int error;

	s->at_once = LIVE_WIDE;
	n = fill(s, to > LIVE_WIDE ? to - LIVE_WIDE : 0, to < total ? to : total, all);
	s->at_once = step;
	error = sl_trial_new(s->v, n, &r);
	for (unsigned i = 0; i < n && !error; i++)
		r.step[i] = (struct sl_step){.x = &s->x[i], .keep = true};
	if (!error) {
		r.flags = SL_TRIAL_UNSEEDED;
		error = sl_live_restore(s->v);
		if (!error)
			error = sl_experiment(s->v, &r);
		sl_trial_done(&r);
	}
	return error;
}

static int sweep(struct sl_verifier *v, const struct sl_ns *ns, enum sl_block_op op, double until)
{
	struct sweep s = {.v = v, .ns = ns, .base = base_of(v, op, ns->nsid)};
	bool all = ns->blocks <= (v->rig->can & SL_RIG_FRESH ? 1u << 20 : 1u << 14);
	uint64_t total = all || ns->blocks < 3 * SWEEP ? ns->blocks : 3 * SWEEP;
	unsigned doubts, most = v->rig->can & SL_RIG_FRESH ? SWEEP : LIVE_WIDE;
	int error = 0;

	if (!s.base)
		return 0;
	s.at_once = v->rig->can & SL_RIG_FRESH ? SWEEP : LIVE_SWEEP;
	s.x = calloc(most, sizeof(*s.x));
	s.payloads = malloc((size_t)most * (s.base->cmd.data_len + 1));
	if (!s.x || !s.payloads)
		error = -ENOMEM;
	for (uint64_t at = 0; at < total && !error && sl_budget(v); at += s.at_once) {
		struct sl_trial r;
		unsigned n = fill(&s, at, total, all);

		if (!v->o->seconds && !v->o->commands && sl_now() > until) {
			v->out->phase[v->phase].cut = true;
			break;
		}
		sl_progress(v, at, total);
		error = sl_trial_new(v, n, &r);
		if (error)
			break;
		for (unsigned i = 0; i < n; i++)
			r.step[i] = (struct sl_step){.x = &s.x[i], .keep = true};
		r.flags = SL_TRIAL_UNSEEDED |
			  (s.base->payload ? SL_TRIAL_READBACK | SL_TRIAL_AUDIT : 0u);
		doubts = v->out->count[SL_WEIGHT_UNATTRIBUTED];
		error = sl_experiment(v, &r);
		v->out->blocks_tried += n;
		sl_trial_done(&r);
		/* It may have begun with blocks before these. */
		if (!error && at && v->out->count[SL_WEIGHT_UNATTRIBUTED] > doubts)
			error = sweep_wide(&s, at + n, total, all);
	}
	free(s.x);
	free(s.payloads);
	return error;
}

int sl_phase_blocks(struct sl_verifier *v)
{
	/* What a read does must not be laid to the reading back of writes. */
	static const uint8_t opcodes[] = {SL_BLOCK_READ, SL_BLOCK_WRITE};
	unsigned shares = v->c->n_ns * (unsigned)SL_COUNT(opcodes), share = 0;
	double start = sl_now(), seconds = v->rig->can & SL_RIG_FRESH ? SWEEP_S : SWEEP_LIVE_S;
	bool blocks = sl_observed_of(v->c->protocol)->block;
	int error = 0;

	for (uint32_t i = 0; blocks && i < v->c->n_ns && !error; i++)
		for (unsigned k = 0; k < SL_COUNT(opcodes) && !error; k++) {
			share++;
			if (v->c->ns[i].csi != 0 || v->c->ns[i].blocks < 256)
				continue;
			v->out->blocks_of += v->c->ns[i].blocks;
			error = sweep(v, &v->c->ns[i], opcodes[k],
				      start + seconds * share / shares);
		}
	return error;
}
