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
#define SWEEP_DOWN    1024u /* likewise, from the last to the first */
#define SWEEP_S	      2.0   /* seconds for the blocks of one device, where no other budget is set */
#define SWEEP_LIVE_S  24.0
#define SWEEP_UP      0.75 /* of that, from the first block to the last */
#define LIVE_VARIANTS 64u
#define LIVE_LENGTHS  256u
#define THRICE_BYTES  4096u
#define MOVED_MAX     (4u << 20) /* bytes of one experiment: what counts them must not jump */
#define PAYLOAD_BYTES 32u	 /* of which the bits are turned */
#define PAYLOAD_MAX   4096u
#define PAIRS_OF      16 /* bits of which any two are turned together */
#define LIVE_WIDE     16384u
#define LIVE_SWEEP    256u

/* Fields whose value says how much is moved, or where to: not a variation of the same command. */
static bool keeps_shape(uint16_t row, const struct sl_named_field *f, const struct sl_field *sel)
{
	static const char *const other[] = {"opcode", "nsid", "slba", "sdlba", "zslba", "nlb",
					    "numd",   "tl",   "nr",   "mndw",  "rl",	"exhid",
					    "fid",    "lid",  "cns",  "lba"};

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

/* Variants of a command as they are made. */
struct varying {
	const struct sl_verifier *v;
	const struct sl_case *x;
	struct sl_case *to;
	unsigned n;
};

/* A form that would be sent; its facts are of its own bytes. NULL: it would not, or there is no
 * room. */
static struct sl_case *begin_variant(struct varying *m, const struct sl_command *cmd)
{
	struct sl_case *y = &m->to[m->n];

	if (m->n == SL_VARIANTS_MAX || !sl_rig_may(m->v->rig, cmd, m->x->payload))
		return NULL;
	m->n++;
	*y = *m->x;
	y->cmd = *cmd;
	y->tried = false;
	return y;
}

/* A defined value may add effects; an undefined one has none to add. */
static void judge_variant(const struct varying *m, struct sl_case *y, bool known)
{
	y->kind = known ? SL_CASE_FIELD : SL_CASE_BIT;
	if (!known)
		return;
	sl_facts_collect(m->v->c, &y->cmd, m->x->payload, &y->facts);
	y->floor |= y->facts.floor & ~(sl_effects)SL_E_UNKNOWN;
}

/* Turns some bits of a dword. */
static void turn(struct varying *m, unsigned dw, uint32_t bits, bool known)
{
	const char *what = known ? "" : "reserved ";
	struct sl_command cmd = m->x->cmd;
	bool bytes = sl_sets[cmd.set].sense;
	struct sl_case *y;
	unsigned bit = 0;

	sl_put_le32(cmd.req + (size_t)4 * dw, sl_get_le32(cmd.req + (size_t)4 * dw) ^ bits);
	y = begin_variant(m, &cmd);
	if (!y)
		return;
	while (!(bits >> bit & 1))
		bit++;
	if (bits & (bits - 1) && bytes)
		(void)snprintf(y->name, sizeof(y->name), "%.50s, %sbits %X of bytes %u-%u",
			       m->x->name, what, bits, 4 * dw, 4 * dw + 3);
	else if (bits & (bits - 1))
		(void)snprintf(y->name, sizeof(y->name), "%.50s, %sbits %Xh of CDW%u", m->x->name,
			       what, bits, dw);
	else if (bytes)
		(void)snprintf(y->name, sizeof(y->name), "%.60s, %sbit %u of byte %u", m->x->name,
			       what, bit % 8, 4 * dw + bit / 8);
	else
		(void)snprintf(y->name, sizeof(y->name), "%.60s, %sbit %u of CDW%u", m->x->name,
			       what, bit, dw);
	judge_variant(m, y, known);
}

/* The bits of a dword that may be turned: those that a field defines, and those that none does. */
static void free_bits(const struct sl_verifier *v, const struct sl_case *x, unsigned dw,
		      uint32_t ret[2])
{
	ret[0] = ret[1] = 0;
	if (!(sl_observed_of(v->c->protocol)->vary >> dw & 1))
		return;
	for (unsigned bit = 0; bit < 32; bit++) {
		bool known;

		/* A bit of a CDB is one of its bytes; the operation code is another command. */
		if (4 * dw + bit / 8 < x->cmd.req_len && (dw || bit >= 8) &&
		    may_turn(x->row, dw, bit, &known))
			ret[known] |= 1u << bit;
	}
}

/* Two that mean something together only: any two of a few, else those side by side. */
static void turn_pairs(struct varying *m, unsigned dw, uint32_t bits)
{
	bool few = __builtin_popcount(bits) <= PAIRS_OF;

	for (unsigned i = 0; i < 32; i++)
		for (unsigned k = i + 1; k < 32 && (few || k == i + 1); k++)
			if (bits >> i & bits >> k & 1)
				turn(m, dw, 1u << i | 1u << k, true);
}

/* Of what nobody has defined: a byte, and all at once. */
static void turn_undefined(struct varying *m, unsigned dw, uint32_t bits)
{
	/* What people take who need a number that nobody else takes. */
	static const uint32_t famous[] = {0xdeadbeef, 0xcafebabe, 0xbaadf00d,
					  0x5a5a5a5a, 0xa5a5a5a5, 0x12345678};

	for (unsigned byte = 0; byte < 4; byte++) {
		uint32_t some = bits & 0xffu << 8 * byte;

		if (some & (some - 1))
			turn(m, dw, some, false);
	}
	if (bits & (bits - 1))
		turn(m, dw, bits, false);
	for (size_t i = 0; i < SL_COUNT(famous) && bits == UINT32_MAX; i++)
		turn(m, dw, famous[i], false);
}

/* Of what somebody has defined: a field's largest value, and the upper half of its bits. */
static void fill_fields(struct varying *m)
{
	const struct sl_format *f = &sl_formats[sl_rows[m->x->row].format];
	uint64_t fixed = sl_fields_fixed(m->x->row);

	for (uint32_t i = 0; i < f->n_fields && i < 64; i++) {
		const struct sl_field *field = &f->fields[i].field;
		uint64_t most = UINT64_MAX >> (64 - field->width);

		for (unsigned half = 0; half < 2 && field->width > 2 && !(fixed >> i & 1); half++) {
			struct sl_command cmd = m->x->cmd;
			uint64_t value = half ? most & ~(most >> field->width / 2) : most;
			struct sl_case *y;

			sl_field_set(field, cmd.req, value);
			if (memcmp(cmd.req, m->x->cmd.req, SL_REQ_MAX) == 0)
				continue;
			y = begin_variant(m, &cmd);
			if (!y)
				continue;
			(void)snprintf(y->name, sizeof(y->name), "%.50s, %s=%llXh", m->x->name,
				       f->fields[i].name, (unsigned long long)value);
			judge_variant(m, y, true);
		}
	}
}

unsigned sl_vary(const struct sl_verifier *v, const struct sl_case *x, struct sl_case *ret)
{
	struct varying m = {v, x, ret, 0};
	uint32_t bits[2];

	for (unsigned some = 0; some < 2; some++)
		for (unsigned dw = 0; dw < SL_REQ_MAX / 4; dw++) {
			free_bits(v, x, dw, bits);
			for (unsigned bit = 0; bit < 32 && !some; bit++)
				if ((bits[0] | bits[1]) >> bit & 1)
					turn(&m, dw, 1u << bit, bits[1] >> bit & 1);
			if (some) {
				turn_pairs(&m, dw, bits[1]);
				turn_undefined(&m, dw, bits[0]);
			}
		}
	fill_fields(&m);
	return m.n;
}

/* The field that says how much a command moves. */
static const struct sl_field *size_field(uint16_t row)
{
	static const char *const names[] = {"nlb", "numd", "tl", "mndw"};
	const struct sl_format *f = &sl_formats[sl_rows[row].format];
	const struct sl_field *found = f->size.bytes ? &f->size : NULL;

	for (size_t i = 0; !found && i < SL_COUNT(names); i++)
		found = sl_row_field(row, names[i]);
	return found && found->space == SL_SPACE_REQ ? found : NULL;
}

unsigned sl_vary_length(const struct sl_verifier *v, const struct sl_case *x, struct sl_case *ret)
{
	const struct sl_field *f = size_field(x->row);
	struct varying m = {v, x, ret, 0};
	uint64_t most = f ? UINT64_MAX >> (64 - f->width) : 0;
	uint32_t room = v->rig->max_transfer && v->rig->max_transfer < SL_RIG_DATA_MAX
				? v->rig->max_transfer
				: SL_RIG_DATA_MAX;

	if (!f || x->payload || !sl_case_harmless(x))
		return 0;
	/* Each that a byte can say, and what lies about each power of two. */
	for (unsigned i = 0; i < 256 + 3 * 8; i++) {
		uint64_t n = i < 256 ? i : (UINT64_C(256) << (i - 256) / 3) + (i - 256) % 3 - 1;
		struct sl_command cmd = x->cmd;
		struct sl_facts facts;
		struct sl_case *y;

		if (n > most)
			continue;
		sl_field_set(f, cmd.req, n);
		sl_facts_collect(v->c, &cmd, NULL, &facts);
		if (!facts.length_known || facts.length > room)
			continue;
		cmd.data_len = facts.length;
		cmd.dir = facts.length ? SL_DIR_IN : SL_DIR_NONE;
		if (!sl_sets[cmd.set].sense)
			cmd.meta_len = facts.meta_length;
		/* Some wait for the third; not all can, where much is moved. */
		for (unsigned t = 0; t < (facts.length > THRICE_BYTES ? 1 : 3); t++) {
			y = begin_variant(&m, &cmd);
			if (!y)
				continue;
			if (facts.length)
				(void)snprintf(y->name, sizeof(y->name), "%.60s, %u bytes", x->name,
					       facts.length);
			else
				(void)snprintf(y->name, sizeof(y->name), "%.60s, length %u",
					       x->name, (unsigned)n);
			judge_variant(&m, y, true);
		}
	}
	return m.n;
}

/*
 * Every value of what selects among structures, logs, features: there may be more of them than the
 * specification has. What is told of the canonical one has to hold for those nobody knows.
 */
static unsigned vary_selector(const struct sl_verifier *v, const struct sl_case *x,
			      struct sl_case *ret)
{
	struct varying m = {v, x, ret, 0};
	struct sl_field sel;

	if (!sl_row_selector(x->row, &sel) || sel.space != SL_SPACE_REQ || x->payload ||
	    !(x->cmd.dir & SL_DIR_IN) || !sl_case_harmless(x))
		return 0;
	for (unsigned n = 0; n < 256 && n >> sel.width == 0; n++) {
		struct sl_command cmd = x->cmd;
		struct sl_facts facts;
		struct sl_case *y;

		sl_field_set(&sel, cmd.req, n);
		sl_facts_collect(v->c, &cmd, NULL, &facts);
		if (sl_effects_mutating(facts.floor & ~(sl_effects)SL_E_UNKNOWN))
			continue;
		y = begin_variant(&m, &cmd);
		if (!y)
			continue;
		(void)snprintf(y->name, sizeof(y->name), "%.60s, as %02Xh", x->name, n);
		judge_variant(&m, y, true);
	}
	return m.n;
}

/* The bits of a payload, where a request is nothing but a header: of what only reads. */
static unsigned vary_payload(const struct sl_verifier *v, const struct sl_case *x,
			     struct sl_case *ret, uint8_t *payloads)
{
	struct varying m = {v, x, ret, 0};
	uint32_t len = x->cmd.data_len, in;

	if (sl_observed_of(v->c->protocol)->vary || !x->payload || !sl_case_harmless(x))
		return 0;
	in = sl_get_le32(x->cmd.req + SL_MBOX_IN_LEN);
	for (uint32_t bit = 0; bit < 8 * in && bit < 8 * PAYLOAD_BYTES; bit++) {
		struct sl_case *y = begin_variant(&m, &x->cmd);

		if (!y)
			continue;
		y->payload = payloads + (size_t)bit * len;
		memcpy(y->payload, x->payload, len);
		y->payload[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)snprintf(y->name, sizeof(y->name), "%.60s, bit %u of byte %u", x->name,
			       bit % 8, bit / 8);
		y->kind = SL_CASE_PAYLOAD;
	}
	return m.n;
}

size_t sl_variants(const struct sl_verifier *v)
{
	struct sl_case *x = calloc(SL_VARIANTS_MAX, sizeof(*x));
	size_t n = 0;

	for (size_t i = 0; x && i < v->cases.n; i++)
		if (v->cases.v[i].kind == SL_CASE_BASE)
			n += sl_vary(v, &v->cases.v[i], x) + sl_vary_length(v, &v->cases.v[i], x);
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

static sl_effects may_have(const struct sl_case *x)
{
	return x->declared | x->floor;
}

/*
 * Those alike in what they may do next to each other: a form that may change something (RAE clear)
 * would explain what another one did.
 */
static void by_effects(struct sl_case *x, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct sl_case t = x[i];
		unsigned k = i;

		for (; k && may_have(&x[k - 1]) > may_have(&t); k--)
			x[k] = x[k - 1];
		x[k] = t;
	}
}

/* What can be seen only once has to stand among few: a device of which there is no other. */
static int run_some(struct sl_verifier *v, struct sl_case *x, unsigned n, unsigned live)
{
	unsigned most = v->rig->can & SL_RIG_FRESH ? n : live, some;
	uint64_t moved;
	int error = 0;

	by_effects(x, n);
	for (unsigned at = 0; at < n && !error && sl_budget(v); at += some) {
		moved = x[at].cmd.data_len;
		for (some = 1; some < most && at + some < n && moved < MOVED_MAX &&
			       may_have(&x[at + some]) == may_have(&x[at]);
		     some++)
			moved += x[at + some].cmd.data_len;
		error = run_variants(v, x + at, some, 0);
	}
	return error;
}

int sl_phase_variations(struct sl_verifier *v)
{
	struct sl_case *variants = calloc(SL_VARIANTS_MAX, sizeof(*variants));
	uint8_t *payloads = malloc(8 * PAYLOAD_BYTES * (size_t)PAYLOAD_MAX);
	bool lengths[256] = {false}, selectors[256] = {false};
	size_t base = v->cases.n;
	int error = variants && payloads ? 0 : -ENOMEM;

	for (size_t i = 0; i < base && !error && sl_budget(v); i++) {
		const struct sl_case *x = &v->cases.v[i];

		sl_progress(v, i, base);
		if (x->kind != SL_CASE_BASE || x->refused || x->status == 0xffff ||
		    sl_breach_of_row(v->out, x->row))
			continue;
		error = run_some(v, variants, sl_vary(v, x, variants), LIVE_VARIANTS);
		/* One form of each opcode in all lengths. */
		if (!error && !lengths[x->cmd.req[0]]) {
			unsigned n = sl_vary_length(v, x, variants);

			lengths[x->cmd.req[0]] = n > 0;
			error = run_some(v, variants, n, LIVE_LENGTHS);
		}
		if (!error && !selectors[x->cmd.req[0]]) {
			unsigned n = vary_selector(v, x, variants);

			selectors[x->cmd.req[0]] = n > 0;
			error = run_some(v, variants, n, LIVE_VARIANTS);
		}
		if (!error && x->cmd.data_len <= PAYLOAD_MAX)
			error = run_some(v, variants, vary_payload(v, x, variants, payloads),
					 LIVE_VARIANTS);
	}
	free(payloads);
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
		x->tried = false;
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

/*
 * From the last to the first, with nothing in between; and what shows after the power was cut. One
 * experiment where every doubt costs a look.
 */
static int sweep_down(struct sweep *s, uint64_t total, bool all, double until)
{
	struct sl_verifier *v = s->v;
	bool fresh = v->rig->can & SL_RIG_FRESH;
	int error = 0;

	s->at_once = fresh ? SWEEP_DOWN : LIVE_WIDE;
	for (uint64_t done = 0; done < total && !error && sl_budget(v) && sl_now() < until;) {
		uint64_t left = total - done, n = left < s->at_once ? left : s->at_once;
		struct sl_trial r;

		n = fill(s, left - n, left, all);
		error = sl_trial_new(v, (unsigned)n, &r);
		if (error)
			break;
		for (unsigned i = 0; i < n; i++)
			r.step[i] = (struct sl_step){.x = &s->x[n - 1 - i], .keep = true};
		for (unsigned i = 0; i < n; i++)
			s->x[i].tried = true; /* on the way up */
		r.flags = SL_TRIAL_UNSEEDED |
			  (!fresh && v->rig->can & SL_RIG_POWER ? SL_TRIAL_CUT : 0u);
		if (fresh)
			r.stages = (1u << _SL_STAGE_N) - 1;
		else if (v->rig->can & SL_RIG_POWER)
			error = sl_live_cut(v);
		if (!error)
			error = sl_experiment(v, &r);
		sl_trial_done(&r);
		done += n;
		/* Both ends, where each experiment has a twin and begins anew. */
		if (fresh && done == SWEEP_DOWN && total > 2 * SWEEP_DOWN)
			done = total - SWEEP_DOWN;
	}
	return error;
}

static int sweep(struct sl_verifier *v, const struct sl_ns *ns, enum sl_block_op op, double until,
		 bool down)
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
	if (!error && down)
		error = sweep_down(&s, total, all, until);
	for (uint64_t at = 0; at < total && !error && !down && sl_budget(v); at += s.at_once) {
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

/* One direction, of all namespaces, from some point of time to another. */
static int sweep_all(struct sl_verifier *v, bool down, double from, double to)
{
	/* What a read does must not be laid to the reading back of writes. */
	static const uint8_t opcodes[] = {SL_BLOCK_READ, SL_BLOCK_WRITE};
	unsigned shares = v->c->n_ns * (unsigned)SL_COUNT(opcodes), share = 0;
	int error = 0;

	for (uint32_t i = 0; i < v->c->n_ns && !error; i++)
		for (unsigned k = 0; k < SL_COUNT(opcodes) && !error; k++) {
			share++;
			if (v->c->ns[i].csi != 0 || v->c->ns[i].blocks < 256)
				continue;
			v->out->blocks_of += down ? 0 : v->c->ns[i].blocks;
			error = sweep(v, &v->c->ns[i], opcodes[k],
				      from + (to - from) * share / shares, down);
		}
	return error;
}

int sl_phase_blocks(struct sl_verifier *v)
{
	double start = sl_now(), seconds = v->rig->can & SL_RIG_FRESH ? SWEEP_S : SWEEP_LIVE_S;
	double turn = start + seconds * SWEEP_UP;
	int error = 0;

	if (!sl_observed_of(v->c->protocol)->block)
		return 0;
	error = sweep_all(v, false, start, turn);
	return error ? error : sweep_all(v, true, turn, start + seconds);
}
