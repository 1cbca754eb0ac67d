/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/domain.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/table.h"
#include "policy/bits.h"
#include "spec/names.h"
#include "spec/nvme.h"
#include "wire/wire.h"

struct sl_domain *sl_domain_new(const struct sl_image *const *img, unsigned n)
{
	struct sl_domain *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	for (unsigned i = 0; i < n && i < SL_DOMAIN_IMAGES; i++)
		d->img[d->n_images++] = img[i];
	d->kinds = calloc(SL_DOMAIN_KINDS, sizeof(*d->kinds));
	d->contract = calloc(1, sizeof(*d->contract));
	d->data = calloc(1, SL_DOMAIN_DATA);
	if (!d->kinds || !d->contract || !d->data)
		abort();
	sl_domain_kinds(d);
	return d;
}

struct sl_domain *sl_domain_free(struct sl_domain *d)
{
	if (d) {
		free(d->kinds);
		free(d->contract);
		free(d->data);
		free(d);
	}
	return NULL;
}

/* --- variables of a row -------------------------------------------------------------------- */

struct cuts {
	uint32_t n;
	uint64_t at[4 * SL_DOMAIN_REPS];
};

struct wanted {
	struct sl_domain *d;
	bool effects, trust, caught, scope, writable, in_use, claimed, door, node, nsid, payload;
	uint32_t log_bits;
	sl_effects masks[16];
	uint32_t n_masks;
	uint32_t n_fields;
	struct {
		struct sl_field field;
		struct cuts cuts;
	} field[SL_DOMAIN_VARS];
	uint32_t n_limits; /* what the view in hand has of guards' fields */
	struct {
		struct sl_field field;
		uint64_t lo, hi;
		bool in;
	} limit[SL_DOMAIN_VARS];
};

static struct cuts *cuts_of(struct wanted *w, const struct sl_field *f)
{
	for (uint32_t i = 0; i < w->n_fields; i++) {
		/* The same bits, however the bytes around them are loaded. */
		if (sl_bits_same(&w->field[i].field, f))
			return &w->field[i].cuts;
	}
	if (w->n_fields == SL_COUNT(w->field)) {
		w->d->sampled = true;
		return NULL;
	}
	w->field[w->n_fields].field = *f;
	return &w->field[w->n_fields++].cuts;
}

static void cut(struct wanted *w, const struct sl_field *f, uint64_t at)
{
	struct cuts *c = cuts_of(w, f);
	uint64_t mask = (UINT64_C(2) << (f->width - 1)) - 1;

	if (!c || at == 0 || at > mask)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->at[i] == at)
			return;
	if (c->n == SL_COUNT(c->at))
		w->d->sampled = true;
	else
		c->at[c->n++] = at;
}

static const struct sl_field mailbox_out = {.off = SL_MBOX_OUT_LEN, .bytes = 4, .width = 32};

static bool length_of(const struct sl_row *row, struct sl_length *ret)
{
	*ret = sl_lengths[row->len];
	if (row->len == SL_LEN_COPY)
		ret->unit = row->len_arg;
	if (!ret->field.bytes)
		ret->field = sl_formats[row->format].size;
	return ret->unit && ret->field.bytes;
}

/* What else a length hangs on (as sl_facts_collect computes it): a field and where it is cut. */
static const struct {
	struct sl_field field; /* at byte `len_arg` where bytes is 0 */
	uint8_t len;
	uint8_t cuts; /* at 1 … cuts */
	bool arg;     /* at len_arg and after it instead */
} length_hangs[] = {
	{{.off = 40, .bytes = 4, .shift = 8, .width = 3}, SL_LEN_FIXED_OPT, 4, false},
	{{.off = 40, .bytes = 4, .shift = 8, .width = 3}, SL_LEN_HOST_ID, 4, false},
	{{.off = 44, .bytes = 4, .width = 1}, SL_LEN_HOST_ID, 1, false},
	{{.off = 44, .bytes = 4, .width = 8}, SL_LEN_DIRECTIVE, 0, true},
	{{.shift = 1, .width = 2}, SL_LEN_BYTCHK, 3, false},
	{{.width = 1}, SL_LEN_NDOB, 1, false},
};

/* An input payload is as long as the command wants it, or it is refused. */
static void cut_mailbox(struct wanted *w)
{
	const struct sl_row *row = &sl_rows[w->d->row];

	if (row->len != SL_LEN_MBOX && row->len != SL_LEN_MBOX_MIN)
		return;
	cut(w, &sl_lengths[row->len].field, row->len_arg);
	if (row->len == SL_LEN_MBOX)
		cut(w, &sl_lengths[row->len].field, row->len_arg + 1);
}

/* a ≤ (v + bias) × unit ≤ b */
static void cut_length(struct wanted *w, const struct sl_length *l, const struct sl_cond *c)
{
	uint64_t from = (c->a + l->unit - 1) / l->unit, past = c->b / l->unit;

	cut(w, &l->field, from > l->bias ? from - l->bias : 0);
	if (c->b != UINT64_MAX)
		cut(w, &l->field, past + 1 > l->bias ? past + 1 - l->bias : 0);
}

static void want_length(struct wanted *w, const struct sl_cond *c)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	struct sl_length l;

	for (unsigned i = 0; i < SL_COUNT(length_hangs); i++) {
		struct sl_field f = length_hangs[i].field;

		if (length_hangs[i].len != row->len)
			continue;
		if (!f.bytes) {
			f.off = (uint8_t)row->len_arg;
			f.bytes = 1;
		}
		for (unsigned v = 1; v <= length_hangs[i].cuts; v++)
			cut(w, &f, v);
		if (length_hangs[i].arg) {
			cut(w, &f, row->len_arg);
			cut(w, &f, row->len_arg + 1);
		}
	}
	/* Too many ways to say it: the plain one is looked at, and that it is one is said. */
	if (row->len == SL_LEN_ATA)
		w->d->sampled = true;
	if (!length_of(row, &l))
		return;
	cut_length(w, &l, c);
	cut_mailbox(w);
	if (row->len == SL_LEN_BLOCKS)
		cut(w, &l.field, 1); /* 0 stands for another number */
	if (row->len == SL_LEN_ALLOC && c->b > UINT64_MAX >> (64 - l.field.width) &&
	    c->a > UINT64_MAX >> (64 - l.field.width))
		w->d->sampled = true; /* a longer buffer than the field can say */
	if (row->len == SL_LEN_MBOX || row->len == SL_LEN_MBOX_MIN) {
		l.field = mailbox_out;
		cut_length(w, &l, c);
	}
}

/* A field of the payload is looked at: it is there, or the payload ends before it. */
static void want_payload(struct wanted *w, const struct sl_field *f)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	uint32_t end = (uint32_t)f->off + f->bytes;
	struct sl_length l;

	if (end > w->d->payload)
		w->d->payload = end;
	if (length_of(row, &l) && l.unit == 1 && row->len != SL_LEN_ALLOC)
		cut(w, &l.field, end);
	cut_mailbox(w);
}

static void want_mask(struct wanted *w, sl_effects mask)
{
	w->effects = true;
	for (uint32_t i = 0; i < w->n_masks; i++)
		if (w->masks[i] == mask)
			return;
	if (w->n_masks < SL_COUNT(w->masks))
		w->masks[w->n_masks++] = mask;
	else
		w->d->sampled = true;
}

static void want_field(struct wanted *w, const struct sl_image *img, const struct sl_cond *c)
{
	const struct sl_bitmap *maps = sl_image_at(img, img->bitmaps);
	bool before = false;

	if (c->field.space == SL_SPACE_DECL) {
		w->effects = true;
		for (unsigned b = 0; b < c->field.width; b++)
			w->log_bits |= 1u << (c->field.shift + b);
		return;
	}
	if (c->field.space == SL_SPACE_DATA)
		want_payload(w, &c->field);
	else if (c->field.off == 4 && c->field.width == 32)
		w->nsid = true;
	if (c->kind == SL_COND_FIELD_BITMAP) {
		for (unsigned v = 0; v < 256; v++) {
			bool in = maps[c->a].bits[v / 64] >> (v % 64) & 1;

			if (in != before)
				cut(w, &c->field, v);
			before = in;
		}
		cut(w, &c->field, 256);
		return;
	}
	cut(w, &c->field, c->a);
	if (c->kind == SL_COND_SET ? c->a != UINT64_MAX : c->b != UINT64_MAX)
		cut(w, &c->field, (c->kind == SL_COND_SET ? c->a : c->b) + 1);
}

/* Which block a command names, where one field says it. */
static bool first_block(const struct sl_row *row, struct sl_field *ret)
{
	switch (row->ranges) {
	case SL_RANGES_SLBA_NLB:
	case SL_RANGES_COPY:
	case SL_RANGES_ZONE:
	case SL_RANGES_ZONE_APPEND:
		*ret = (struct sl_field){.off = 40, .bytes = 8, .width = 64};
		return true;
	case SL_RANGES_LBA:
	case SL_RANGES_LBA_END:
	case SL_RANGES_LBA_ON:
		*ret = sl_formats[row->format].lba;
		return true;
	default:
		return false;
	}
}

static void want_fence(struct wanted *w, const struct sl_cond *c)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	const struct sl_field nsid = {.off = 4, .bytes = 4, .width = 32};
	const struct sl_field *size = &sl_formats[row->format].size;
	struct sl_field lba;

	if (!sl_sets[row->set].lu) {
		cut(w, &nsid, c->nsid);
		cut(w, &nsid, c->nsid + 1);
	}
	if (first_block(row, &lba)) {
		cut(w, &lba, c->a);
		if (c->b != UINT64_MAX)
			cut(w, &lba, c->b + 1);
		if (lba.space == SL_SPACE_DATA)
			want_payload(w, &lba);
		if (size->space == SL_SPACE_DATA && size->bytes)
			want_payload(w, size);
		if (size->bytes)
			cut(w, size, 1); /* 0: none, or all that follow */
	}
	if (row->ranges >= SL_RANGES_DSM) {
		/* Descriptors are put into one fence or outside of it. */
		w->d->sampled |= w->payload && (w->d->fence.nsid != c->nsid ||
						w->d->fence.lo != c->a || w->d->fence.hi != c->b);
		w->payload = true;
	}
	w->d->fence.any = true;
	w->d->fence.nsid = c->nsid;
	w->d->fence.lo = c->a;
	w->d->fence.hi = c->b;
}

/* Where the list ends hangs on the page's length: short lists are tried, and that this is said. */
static void want_one_page(struct wanted *w)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	const struct sl_field pf = {.off = 1, .bytes = 1, .shift = 4, .width = 1};
	struct sl_field len = {.space = SL_SPACE_DATA, .bytes = 1, .width = 8, .be = 1};
	struct sl_field blocks = len;

	if (!(row->flags & SL_ROW_PAGES))
		return;
	len.off = (uint8_t)(row->len_arg + 1);
	blocks.off = (uint8_t)(row->len_arg - 1);
	cut(w, &pf, 1);
	cut(w, &blocks, 1);
	cut(w, &len, 2);
	cut(w, &len, 3);
	want_payload(w, &len);
	len.off += 2;
	want_payload(w, &len);
	w->d->sampled = true;
}

static void want_cond(struct wanted *w, const struct sl_image *img, const struct sl_cond *c)
{
	switch ((enum sl_cond_kind)c->kind) {
	case SL_COND_SET:
	case SL_COND_FIELD_RANGE:
	case SL_COND_FIELD_BITMAP:
		want_field(w, img, c);
		break;
	case SL_COND_EFFECTS_ANY:
	case SL_COND_EFFECTS_WITHIN:
		want_mask(w, (sl_effects)c->a);
		break;
	case SL_COND_SCOPE_WITHIN:
		w->scope = w->nsid = true;
		break;
	case SL_COND_TRUST:
		w->effects = w->trust = true;
		break;
	case SL_COND_LENGTH:
		want_length(w, c);
		break;
	case SL_COND_STATE:
		w->writable |= c->a & SL_STATE_WRITABLE;
		w->claimed |= c->a & SL_STATE_CLAIMED;
		w->in_use |= c->a & SL_STATE_IN_USE;
		w->caught |= c->a & SL_STATE_CAUGHT;
		w->node |= c->a & SL_STATE_NODE_NS;
		w->effects |= (c->a & SL_STATE_LISTED) != 0;
		if (c->a & SL_STATE_ONE_PAGE)
			want_one_page(w);
		break;
	case SL_COND_DOOR:
		w->door = true;
		break;
	case SL_COND_FENCE:
		w->nsid = true;
		want_fence(w, c);
		break;
	case _SL_COND_N:
		break;
	}
}

/* Collects what the candidates of the row ask for. False: no rule allows it anything. */
static bool want_image(struct wanted *w, unsigned a)
{
	const struct sl_image *img = w->d->img[a];
	const struct sl_bind *bind = &w->d->kind->bind[a];
	const uint32_t *index = sl_image_at(img, img->page_index);
	const struct sl_page *pages = sl_image_at(img, img->pages);
	const uint32_t *cands = sl_image_at(img, img->cands);
	const struct sl_rule *rules = sl_image_at(img, img->rules);
	const struct sl_cond *conds = sl_image_at(img, img->conds);
	uint16_t row = w->d->row;
	bool allows = false;

	for (uint32_t s = 0; s < bind->n; s++) {
		const struct sl_list *l =
			&pages[index[bind->s[s].section * img->n_pages + row / SL_PAGE_ROWS]]
				 .row[row % SL_PAGE_ROWS];

		for (uint32_t k = 0; k < (uint32_t)l->n_normalise + l->n_rules; k++) {
			const struct sl_rule *r = &rules[cands[l->first + k]];

			allows |= r->verb == SL_VERB_ALLOW;
			for (unsigned i = 0; i < r->n_conds; i++)
				want_cond(w, img, &conds[r->conds + i]);
		}
	}
	/* An I/O command whose namespace is not known is none at all. */
	if (sl_rows[row].set == SL_SET_NONE || sl_rows[row].set == SL_SET_NVME_IO)
		return false;
	return allows && ((img->flags & SL_IMAGE_MODEL) ||
			  !(sl_rows[row].flags & (SL_ROW_KERNEL | SL_ROW_UNLISTED)));
}

static uint32_t guards_of(const struct sl_when *when, uint32_t n)
{
	uint32_t guards = 0;

	for (uint32_t i = 0; i < n; i++)
		guards += when[i].guards > 0;
	return guards;
}

/*
 * View 0 is where no guard holds; view n is where the nth does, with those around it and without
 * those inside. Those side by side exclude each other (core/table's test).
 */
static void want_whens(struct wanted *w, uint32_t view)
{
	const struct sl_when_list *list = &sl_whens[sl_rows[w->d->row].when];
	uint32_t guard = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct sl_when *x = &list->when[i];
		uint32_t inside = guards_of(x + 1, x->guards);
		bool in;

		if (x->field.space == SL_SPACE_DATA)
			want_payload(w, &x->field);
		cut(w, &x->field, x->lo);
		if (x->hi != UINT64_MAX)
			cut(w, &x->field, x->hi + 1);
		if (!x->guards)
			continue;
		guard++;
		in = view >= guard && view <= guard + inside;
		if (w->n_limits == SL_COUNT(w->limit)) {
			w->d->sampled = true;
		} else {
			w->limit[w->n_limits].field = x->field;
			w->limit[w->n_limits].lo = x->lo;
			w->limit[w->n_limits].hi = x->hi;
			w->limit[w->n_limits++].in = in;
		}
		if (!in) {
			i += x->guards;
			guard += inside;
		}
	}
}

static struct sl_var *new_var(struct sl_domain *d, enum sl_var_kind kind, uint32_t n)
{
	struct sl_var *v;

	if (d->n_vars == SL_DOMAIN_VARS) {
		d->sampled = true;
		return NULL;
	}
	v = &d->var[d->n_vars++];
	*v = (struct sl_var){.kind = (uint8_t)kind, .n = n};
	for (uint32_t i = 0; i < n && i < SL_DOMAIN_REPS; i++)
		v->rep[i].lo = v->rep[i].hi = i;
	return v;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static const struct sl_field opcode_field = {.space = SL_SPACE_REQ, .bytes = 1, .width = 8};

/* Does the row stay the row with this value of its opcode or selector? */
static bool stays(const struct sl_domain *d, const struct sl_field *f, uint64_t v)
{
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_field sel;

	if (sl_bits_same(f, &opcode_field))
		return row->flags & SL_ROW_UNLISTED && !row->sel_group
			       ? sl_row_find_key(row->set, (uint8_t)v, SL_SEL_ANY) == d->row
			       : v >= row->op_lo && v <= row->op_hi;
	if (sl_row_selector(d->row, &sel) && sl_bits_same(f, &sel))
		return sl_row_find_key(row->set, (uint8_t)row->op_lo,
				       (uint16_t)(v | SL_ROW_SEL_HIGH(row))) == d->row;
	return true;
}

static bool deciding(const struct sl_domain *d, const struct sl_field *f)
{
	struct sl_field sel;

	return sl_bits_same(f, &opcode_field) ||
	       (sl_row_selector(d->row, &sel) && sl_bits_same(f, &sel));
}

/* Has the view in hand this value of the field? */
static bool in_view(const struct wanted *w, struct sl_var *v, uint64_t value)
{
	for (uint32_t i = 0; i < w->n_limits; i++)
		if (sl_bits_same(&w->limit[i].field, &v->field) &&
		    (value >= w->limit[i].lo && value <= w->limit[i].hi) != w->limit[i].in) {
			v->limited = true;
			return false;
		}
	return true;
}

static void add_rep(struct sl_domain *d, struct sl_var *v, uint64_t lo, uint64_t hi)
{
	if (v->n == SL_DOMAIN_REPS) {
		d->sampled = true;
		return;
	}
	v->rep[v->n].lo = lo;
	v->rep[v->n++].hi = hi;
}

/* split: other conditions look at some of its bits, so every value stands for itself. */
static void add_field(struct wanted *w, const struct sl_field *f, struct cuts *c, bool split)
{
	struct sl_domain *d = w->d;
	struct sl_var *v = new_var(d, SL_VAR_FIELD, 0);
	uint64_t mask = (UINT64_C(2) << (f->width - 1)) - 1;
	uint64_t from = 0;

	if (!v)
		return;
	v->field = *f;
	qsort(c->at, c->n, sizeof(c->at[0]), by_value);
	for (uint32_t i = 0; i <= c->n; i++) {
		uint64_t to = i < c->n ? c->at[i] - 1 : mask;

		if (!deciding(d, f)) {
			/* I/O commands are of one namespace, or of all where that is allowed. */
			if ((f->off != 4 || f->space != SL_SPACE_REQ ||
			     sl_sets[sl_rows[d->row].set].asked != SL_SET_NVME_IO || from ||
			     to != 0) &&
			    in_view(w, v, from))
				add_rep(d, v, from, to);
		} else {
			/* Runs of values that keep the row. */
			for (uint64_t a = from; a <= to; a++) {
				uint64_t b = a;

				if (!stays(d, f, a))
					continue;
				while (b < to && !split && stays(d, f, b + 1))
					b++;
				add_rep(d, v, a, b);
				a = b;
			}
		}
		from = to + 1;
	}
	if (v->n == 0)
		d->n_vars--;
}

/* Opcode and selector always have a variable: most often of a single value. */
static void add_fields(struct wanted *w)
{
	struct sl_field sel;

	(void)cuts_of(w, &opcode_field);
	if (sl_row_selector(w->d->row, &sel))
		(void)cuts_of(w, &sel);
	/* Wide ones first: what lies within them is set after them. */
	for (unsigned width = 64; width > 0; width--)
		for (uint32_t i = 0; i < w->n_fields; i++) {
			const struct sl_field *f = &w->field[i].field;
			bool meets = false;

			if (f->width != width)
				continue;
			for (uint32_t k = 0; k < w->n_fields; k++)
				if (k != i && sl_bits_meet(f, &w->field[k].field) &&
				    (deciding(w->d, f) || deciding(w->d, &w->field[k].field)))
					meets = true;
			/* Part of what decides which row it is follows from that. */
			if (!meets || deciding(w->d, f))
				add_field(w, f, &w->field[i].cuts, meets);
		}
}

/* One variable for each bit of the declaration that can make a difference. */
static void add_bits(struct wanted *w, uint32_t bits)
{
	unsigned n = 0;

	for (unsigned b = 0; b < 32; b++)
		if (bits >> b & 1) {
			struct sl_var *v = n++ < 9 ? new_var(w->d, SL_VAR_BIT, 2) : NULL;

			if (v)
				v->bit = (uint8_t)b;
			else
				w->d->sampled = true;
		}
}

static void declared_nvme(struct wanted *w)
{
	uint32_t bits = w->log_bits;

	/* LBCC, NCC, NIC and a reserved bit are all the effects that a word can say. */
	if (w->n_masks || w->trust)
		bits |= 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5;
	if (w->scope)
		bits |= 3u << 20 | 1u << 25;
	bits |= 1;
	/* Of many reserved ones, and of an exclusivity or relaxation, one bit stands for all. */
	bits &= 0x0231403fu | (bits & 0x03f00000u);
	add_bits(w, bits);
}

/* REPORT SUPPORTED OPERATION CODES: listed or not, MLU, and a reserved bit. No effects. */
static void declared_scsi(struct wanted *w)
{
	uint32_t bits = w->log_bits;

	(void)new_var(w->d, SL_VAR_LISTED, 2);
	if (w->n_masks || w->trust)
		bits |= 1u << 7;
	if (w->scope)
		bits |= 3u << 4;
	add_bits(w, bits);
}

/* An effect word: of the effects that the conditions do not tell apart, one stands for all. */
static void declared_cxl(struct wanted *w)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	uint64_t seen[16];
	uint32_t bits = w->log_bits & 0xffff, n = 0;

	(void)new_var(w->d, SL_VAR_LISTED, 2);
	/* Bits 9 to 11 say what bit 0 says, or are as wrong as a reserved one. */
	for (unsigned b = 0; b < 16 && (w->n_masks || w->trust); b += b == 6 ? 6 : 1) {
		sl_effects e;
		uint64_t sign = 0;
		bool have = false;

		(void)sl_contract_cxl_word((uint16_t)(1u << b), &e);
		if (!e)
			continue;
		for (uint32_t m = 0; m < w->n_masks; m++)
			sign |= (uint64_t)((w->masks[m] & e) != 0) << m;
		/* Whether the declaration contains the floor is a matter of trust. */
		sign |= (uint64_t)((row->floor & e) != 0) << 62;
		sign |= (uint64_t)((e & SL_E_UNKNOWN) != 0) << 63;
		for (uint32_t i = 0; i < n; i++)
			have |= seen[i] == sign;
		if (!have) {
			seen[n++] = sign;
			bits |= 1u << b;
		}
	}
	add_bits(w, bits);
}

static void add_declared(struct wanted *w)
{
	const struct sl_row *row = &sl_rows[w->d->row];

	if (!w->effects && !w->scope && !(row->flags & (SL_ROW_VENDOR | SL_ROW_FEATURE)))
		return;
	switch (sl_sets[row->set].protocol) {
	case SL_WIRE_NVME:
		declared_nvme(w);
		break;
	case SL_WIRE_SCSI:
		declared_scsi(w);
		break;
	case SL_WIRE_CXL:
		declared_cxl(w);
		break;
	default: /* fwctl: a feature declares, nothing else does */
		if (row->flags & SL_ROW_FEATURE)
			declared_cxl(w);
	}
}

/* One effect of each kind that the conditions tell apart, beyond what a word can declare. */
static void add_observed(struct wanted *w)
{
	struct sl_var *v;
	uint64_t seen[_SL_EFFECT_N];
	uint32_t n_seen = 0;

	if (!w->n_masks)
		return;
	v = new_var(w->d, SL_VAR_OBSERVED, 1);
	if (!v)
		return;
	for (unsigned e = 0; e < _SL_EFFECT_N; e++) {
		uint64_t sign = 0;
		bool have = false;

		for (uint32_t m = 0; m < w->n_masks; m++)
			sign |= (uint64_t)(w->masks[m] >> e & 1) << m;
		for (uint32_t i = 0; i < n_seen; i++)
			have |= seen[i] == sign;
		if (have || e == SL_EB_UNKNOWN)
			continue;
		seen[n_seen++] = sign;
		add_rep(w->d, v, 1u << e, 1u << e);
	}
}

/* The doors through which a command of this protocol can come. */
static void add_doors(struct wanted *w)
{
	static const uint32_t doors[] = {
		[SL_WIRE_NVME] = 1 << SL_DOOR_NATIVE | 1 << SL_DOOR_CTRL | 1 << SL_DOOR_NS_CHAR |
				 1 << SL_DOOR_NS_BLOCK | 1 << SL_DOOR_PARTITION,
		[SL_WIRE_SCSI] = 1 << SL_DOOR_NATIVE | 1 << SL_DOOR_PARTITION | 1 << SL_DOOR_SG |
				 1 << SL_DOOR_BSG | 1 << SL_DOOR_SCSI_BLOCK,
		[SL_WIRE_CXL] = 1 << SL_DOOR_NATIVE | 1 << SL_DOOR_CXL,
		[SL_WIRE_FWCTL] = 1 << SL_DOOR_NATIVE | 1 << SL_DOOR_FWCTL,
	};
	struct sl_var *v = new_var(w->d, SL_VAR_DOOR, 0);

	for (uint32_t i = 0; v && i < _SL_DOOR_N; i++)
		if (doors[w->d->kind->protocol] >> i & 1) {
			v->rep[v->n].lo = v->rep[v->n].hi = i;
			v->n++;
		}
}

static void add_states(struct wanted *w)
{
	struct sl_domain *d = w->d;
	bool model = false, gate = false, reserved = false;

	for (unsigned i = 0; i < d->n_images; i++) {
		model |= (d->img[i]->flags & SL_IMAGE_MODEL) != 0;
		gate |= !(d->img[i]->flags & SL_IMAGE_MODEL);
	}
	for (unsigned i = 0; i < SL_REQ_MAX / 4; i++)
		reserved |= sl_domain_reserved(d, i) != 0;
	/* Where a model is compared, what only the gate refuses makes a difference too. */
	if (model && gate && reserved)
		(void)new_var(d, SL_VAR_RESERVED, 2);
	if (w->in_use || (model && gate))
		(void)new_var(d, SL_VAR_IN_USE, 2);
	if (w->claimed)
		(void)new_var(d, SL_VAR_CLAIMED, 2);
	if (w->writable)
		(void)new_var(d, SL_VAR_WRITABLE, 2);
	if (w->door)
		add_doors(w);
	if (w->node)
		(void)new_var(d, SL_VAR_NODE, 2);
}

static void want_nsid(struct wanted *w)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	const struct sl_field f = {.space = SL_SPACE_REQ, .off = 4, .bytes = 4, .width = 32};

	if (w->payload)
		(void)new_var(w->d, SL_VAR_PAYLOAD, row->ranges == SL_RANGES_COPY ? 3 : 2);
	if (sl_sets[row->set].lu || (!w->nsid && !(w->scope && (row->flags & SL_ROW_NSID_ALL))))
		return;
	cut(w, &f, 1);
	cut(w, &f, 2);
	cut(w, &f, NVME_NSID_ALL);
}

bool sl_domain_row(struct sl_domain *d, uint32_t kind, uint16_t row, uint32_t view)
{
	const struct sl_when_list *whens = &sl_whens[sl_rows[row].when];
	struct wanted *w = calloc(1, sizeof(*w));
	bool any = false;
	uint64_t points = 1;

	if (!w)
		abort();
	w->d = d;
	d->kind = &d->kinds[kind];
	d->row = row;
	d->n_vars = 0;
	d->n_points = 0;
	d->sampled = false;
	d->fence.any = false;
	d->payload = 0;
	d->n_entries = 0;
	if (d->kind->protocol != sl_sets[sl_rows[row].set].protocol ||
	    view > guards_of(whens->when, whens->n)) {
		free(w);
		return false;
	}
	memset(d->contract, 0, sizeof(*d->contract));
	(void)sl_domain_bind(d, &d->kinds[kind]);
	d->contract->generation = 1;
	d->contract->state = SL_CONTRACT_PRESENT;
	d->contract->max_transfer = UINT32_MAX;
	for (unsigned i = 0; i < d->n_images; i++)
		any |= want_image(w, i);
	if (any) {
		want_whens(w, view);
		want_nsid(w);
		add_fields(w);
		add_states(w);
		add_declared(w);
		add_observed(w);
		if (w->trust)
			(void)new_var(d, SL_VAR_VERIFIED, 2);
		if (w->caught || w->effects)
			(void)new_var(d, SL_VAR_CAUGHT, 2);
		memcpy(d->masks, w->masks, sizeof(d->masks));
		d->n_masks = w->n_masks;
		for (uint32_t i = 0; i < d->n_vars; i++)
			points *= d->var[i].n ? d->var[i].n : 1;
		/* What does not fit is held at its first value. */
		for (uint32_t i = d->n_vars; points > SL_DOMAIN_POINTS && i-- > 0;) {
			points /= d->var[i].n;
			d->var[i].n = 1;
			d->sampled = true;
		}
		d->n_points = (uint32_t)points;
	}
	free(w);
	return any;
}
