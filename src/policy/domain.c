/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/domain.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-nvme.h"
#include "core/table.h"
#include "policy/show.h"
#include "spec/nvme.h"
#include "wire/wire.h"

#define DATA_SIZE 16384u
#define UNIT_512  9

/* --- kinds of clients and devices ---------------------------------------------------------- */

static void literal(char *to, size_t size, const char *pattern)
{
	size_t n = strlen(pattern);

	(void)snprintf(to, size, "%s", pattern);
	if (n && n < size && to[n - 1] == '*')
		to[n - 1] = 0;
}

/*
 * Adds what the conjunction asks for to a client, with these ids out of its ranges; false: it has
 * something else there already.
 */
static bool add_who(const struct sl_image *img, const struct sl_who *w, uint32_t uid, uint32_t gid,
		    struct sl_identity *id, uint32_t *asks)
{
	if (w->asks & SL_WHO_UID) {
		if ((*asks & SL_WHO_UID) && id->uid != uid)
			return false;
		id->uid = uid;
	}
	if (w->asks & SL_WHO_LABEL) {
		char label[SL_LABEL_MAX];

		literal(label, sizeof(label), sl_image_str(img, w->label));
		if ((*asks & SL_WHO_LABEL) && strcmp(id->label, label) != 0)
			return false;
		memcpy(id->label, label, sizeof(label));
	}
	if ((w->asks & SL_WHO_GID) && id->n_gids < SL_GIDS_MAX)
		id->gids[id->n_gids++] = gid;
	*asks |= w->asks;
	return true;
}

static void who_text(const struct sl_identity *id, uint32_t uid_hi, uint32_t asks, char *buf,
		     size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	if (!asks)
		(void)snprintf(buf, size, "anybody");
	if (asks & SL_WHO_UID)
		n = (size_t)snprintf(buf, size,
				     uid_hi > id->uid ? "uid %u..%u"
				     : id->uid	      ? "uid %u"
						      : "root",
				     id->uid, uid_hi);
	for (uint32_t i = 0; i < id->n_gids && n + 1 < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%sgid %u", n ? " and " : "", id->gids[i]);
	if ((asks & SL_WHO_LABEL) && n + 1 < size)
		(void)snprintf(buf + n, size - n, "%slabel \"%s\"", n ? " and " : "", id->label);
}

static void add_device(const struct sl_image *img, const struct sl_where *w, struct sl_kind *k)
{
	const struct {
		uint32_t off;
		char *to;
		size_t size;
	} texts[] = {{w->vendor, k->vendor, sizeof(k->vendor)},
		     {w->model, k->model, sizeof(k->model)},
		     {w->serial, k->serial, sizeof(k->serial)},
		     {w->firmware, k->firmware, sizeof(k->firmware)},
		     {w->name, k->path, sizeof(k->path)}};

	for (unsigned i = 0; i < SL_COUNT(texts); i++)
		if (texts[i].off)
			literal(texts[i].to, texts[i].size, sl_image_str(img, texts[i].off));
	if (w->protocol)
		k->protocol = w->protocol;
}

static void device_text(struct sl_kind *k, bool other)
{
	size_t n = 0;
	const struct {
		const char *word, *text;
	} texts[] = {{"vendor", k->vendor},
		     {"model", k->model},
		     {"serial", k->serial},
		     {"firmware", k->firmware},
		     {"path", k->path}};

	k->device[0] = 0;
	for (unsigned i = 0; i < SL_COUNT(texts) && !other; i++)
		if (texts[i].text[0] && texts[i].text[0] != '?' && n + 1 < sizeof(k->device))
			n += (size_t)snprintf(k->device + n, sizeof(k->device) - n, "%s%s \"%s\"",
					      n ? " and " : "", texts[i].word, texts[i].text);
}

static bool bind_kind(struct sl_domain *d, struct sl_kind *k)
{
	struct sl_contract *c = d->contract;

	memcpy(c->vendor, k->vendor, sizeof(c->vendor));
	memcpy(c->model, k->model, sizeof(c->model));
	memcpy(c->serial, k->serial, sizeof(c->serial));
	memcpy(c->firmware, k->firmware, sizeof(c->firmware));
	for (unsigned i = 0; i < d->n_images; i++)
		if (sl_image_bind(d->img[i], &k->who, c, k->path, k->protocol, &k->bind[i]) < 0)
			return false;
	return true;
}

static void add_kind(struct sl_domain *d, struct sl_kind *k)
{
	if (!bind_kind(d, k))
		return;
	for (uint32_t i = 0; i < d->n_kinds; i++)
		if (memcmp(d->kinds[i].bind, k->bind, sizeof(k->bind)) == 0)
			return; /* the same rules are about it */
	if (d->n_kinds == SL_DOMAIN_KINDS)
		d->truncated = true;
	else
		d->kinds[d->n_kinds++] = *k;
}

struct clients {
	uint32_t n;
	struct {
		struct sl_identity who;
		uint32_t uid_hi; /* as far as every uid is alike */
		uint32_t asks;
	} c[SL_DOMAIN_CLIENTS];
};

/* Where some range of ids begins, or one has just ended. */
struct boundaries {
	uint32_t n_uid, n_gid;
	uint32_t uid[SL_DOMAIN_CLIENTS], gid[SL_DOMAIN_CLIENTS];
};

static void boundary(struct sl_domain *d, uint32_t *list, uint32_t *n, uint32_t at)
{
	for (uint32_t i = 0; i < *n; i++)
		if (list[i] == at)
			return;
	if (*n == SL_DOMAIN_CLIENTS)
		d->truncated = true;
	else
		list[(*n)++] = at;
}

static void collect_boundaries(struct sl_domain *d, struct boundaries *b)
{
	for (unsigned a = 0; a < d->n_images; a++) {
		const struct sl_who *w = sl_image_at(d->img[a], d->img[a]->who);

		for (uint32_t i = 0; i < d->img[a]->who.n; i++) {
			if (w[i].asks & SL_WHO_UID) {
				boundary(d, b->uid, &b->n_uid, w[i].uid_lo);
				boundary(d, b->uid, &b->n_uid, w[i].uid_hi + 1);
			}
			if (w[i].asks & SL_WHO_GID) {
				boundary(d, b->gid, &b->n_gid, w[i].gid_lo);
				boundary(d, b->gid, &b->n_gid, w[i].gid_hi + 1);
			}
		}
	}
	/* What does not ask for ids is about any: one value for it. */
	if (!b->n_uid)
		b->n_uid = 1;
	if (!b->n_gid)
		b->n_gid = 1;
}

static bool in_range(uint32_t asks, uint32_t bit, uint32_t at, uint32_t index, uint32_t lo,
		     uint32_t hi)
{
	return asks & bit ? at >= lo && at <= hi : index == 0;
}

/* The client with what this conjunction asks for, once for each stretch of ids that matters. */
static void extend(struct sl_domain *d, const struct boundaries *b, struct clients *to,
		   uint32_t from, const struct sl_image *img, const struct sl_who *w)
{
	for (uint32_t u = 0; u < b->n_uid; u++)
		for (uint32_t g = 0; g < b->n_gid; g++) {
			struct sl_identity id = to->c[from].who;
			uint32_t asks = to->c[from].asks;

			if (!in_range(w->asks, SL_WHO_UID, b->uid[u], u, w->uid_lo, w->uid_hi) ||
			    !in_range(w->asks, SL_WHO_GID, b->gid[g], g, w->gid_lo, w->gid_hi) ||
			    !add_who(img, w, b->uid[u], b->gid[g], &id, &asks))
				continue;
			if (to->n == SL_DOMAIN_CLIENTS) {
				d->truncated = true;
				return;
			}
			to->c[to->n].uid_hi = UINT32_MAX;
			for (uint32_t i = 0; i < b->n_uid; i++)
				if (b->uid[i] > id.uid && b->uid[i] - 1 < to->c[to->n].uid_hi)
					to->c[to->n].uid_hi = b->uid[i] - 1;
			to->c[to->n].who = id;
			to->c[to->n++].asks = asks;
		}
}

/* Nobody in particular; what one conjunction asks for; what two ask for at once. */
static void collect_clients(struct sl_domain *d, struct clients *to)
{
	struct boundaries *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	collect_boundaries(d, b);
	memset(to, 0, sizeof(*to));
	to->c[to->n++].who = (struct sl_identity){.uid = 65534, .known = 1};
	for (uint32_t from = 0, n = 1; from < n; from++) {
		for (unsigned a = 0; a < d->n_images; a++) {
			const struct sl_who *w = sl_image_at(d->img[a], d->img[a]->who);

			for (uint32_t i = 0; i < d->img[a]->who.n; i++)
				if (w[i].asks)
					extend(d, b, to, from, d->img[a], &w[i]);
		}
		if (from == 0)
			n = to->n;
	}
	free(b);
}

static void collect_kinds(struct sl_domain *d)
{
	struct clients *clients = calloc(1, sizeof(*clients));

	if (!clients)
		abort();
	collect_clients(d, clients);
	for (uint32_t i = 0; i < clients->n; i++) {
		struct sl_kind other = {
			.vendor = "?", .model = "?", .serial = "?", .firmware = "?"};

		other.protocol = SL_WIRE_NVME;
		other.who = clients->c[i].who;
		(void)snprintf(other.path, sizeof(other.path), "?");
		who_text(&other.who, clients->c[i].uid_hi, clients->c[i].asks, other.client,
			 sizeof(other.client));
		add_kind(d, &other);
		for (unsigned a = 0; a < d->n_images; a++)
			for (uint32_t w = 0; w < d->img[a]->where.n; w++)
				for (uint32_t v = 0; v <= w; v++) {
					const struct sl_where *where =
						sl_image_at(d->img[a], d->img[a]->where);
					struct sl_kind k = other;

					add_device(d->img[a], &where[v], &k);
					add_device(d->img[a], &where[w], &k);
					device_text(&k, false);
					if (k.protocol == SL_WIRE_NVME)
						add_kind(d, &k);
				}
	}
	free(clients);
}

struct sl_domain *sl_domain_new(const struct sl_image *const *img, unsigned n)
{
	struct sl_domain *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	for (unsigned i = 0; i < n && i < SL_DOMAIN_IMAGES; i++)
		d->img[d->n_images++] = img[i];
	d->kinds = calloc(SL_DOMAIN_KINDS, sizeof(*d->kinds));
	d->contract = calloc(1, sizeof(*d->contract));
	d->data = calloc(1, DATA_SIZE);
	if (!d->kinds || !d->contract || !d->data)
		abort();
	collect_kinds(d);
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
	bool effects, trust, caught, scope, writable, in_use, claimed, door, node, nsid, blocks;
	uint32_t log_bits;
	sl_effects masks[16];
	uint32_t n_masks;
	uint32_t n_fields;
	struct {
		struct sl_field field;
		struct cuts cuts;
	} field[SL_DOMAIN_VARS];
};

static struct cuts *cuts_of(struct wanted *w, const struct sl_field *f)
{
	for (uint32_t i = 0; i < w->n_fields; i++) {
		const struct sl_field *o = &w->field[i].field;

		/* The same bits, however the bytes around them are loaded. */
		if (8 * o->off + o->shift == 8 * f->off + f->shift && o->width == f->width)
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

/* Where the length of the transfer is in the request (as sl_facts_collect computes it). */
static bool length_field(const struct sl_row *row, struct sl_field *f, uint32_t *unit,
			 uint32_t *bias)
{
	*f = (struct sl_field){.space = SL_SPACE_REQ, .bytes = 4, .width = 32};
	*unit = 4;
	*bias = 1;
	switch (row->len) {
	case SL_LEN_NUMD_LOG:
		*f = (struct sl_field){.off = 40, .bytes = 8, .shift = 16, .width = 32};
		return true;
	case SL_LEN_NUMD10:
	case SL_LEN_DIRECTIVE:
		f->off = 40;
		return true;
	case SL_LEN_NUMD11:
		f->off = 44;
		return true;
	case SL_LEN_NUMD12:
		f->off = 48;
		return true;
	case SL_LEN_BYTES11:
		f->off = 44;
		*unit = 1;
		*bias = 0;
		return true;
	case SL_LEN_NLB:
		f->off = 48;
		f->width = 16;
		*unit = 1u << UNIT_512;
		return true;
	case SL_LEN_RANGES:
		f->off = 40;
		f->width = 8;
		*unit = 16;
		return true;
	case SL_LEN_COPY:
		f->off = 48;
		f->width = 8;
		*unit = row->len_arg;
		return true;
	case SL_LEN_RUH:
		f->off = 40;
		f->shift = 16;
		f->width = 16;
		*unit = 2;
		return true;
	default:
		return false;
	}
}

static void want_length(struct wanted *w, const struct sl_cond *c)
{
	/* What else a length hangs on (as sl_facts_collect computes it). */
	static const struct sl_field sel = {.off = 40, .bytes = 4, .shift = 8, .width = 3};
	static const struct sl_field exhid = {.off = 44, .bytes = 4, .width = 1};
	static const struct sl_field doper = {.off = 44, .bytes = 4, .width = 8};
	const struct sl_row *row = &sl_rows[w->d->row];
	struct sl_field f;
	uint32_t unit, bias;

	if (row->len == SL_LEN_FIXED_OPT || row->len == SL_LEN_HOST_ID) {
		cut(w, &sel, 3);
		cut(w, &sel, 4);
	}
	if (row->len == SL_LEN_HOST_ID)
		cut(w, &exhid, 1);
	if (row->len == SL_LEN_DIRECTIVE) {
		cut(w, &doper, row->len_arg);
		cut(w, &doper, row->len_arg + 1);
	}
	if (!length_field(&sl_rows[w->d->row], &f, &unit, &bias) || !unit)
		return;
	/* a ≤ (v + bias) × unit ≤ b */
	uint64_t from = (c->a + unit - 1) / unit, past = c->b / unit;

	cut(w, &f, from > bias ? from - bias : 0);
	if (c->b != UINT64_MAX)
		cut(w, &f, past + 1 > bias ? past + 1 - bias : 0);
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
	if (c->field.off == 4 && c->field.width == 32)
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
		break;
	case SL_COND_DOOR:
		w->door = true;
		break;
	case SL_COND_FENCE:
		w->nsid = w->blocks = true;
		w->d->fence.any = true;
		w->d->fence.nsid = c->nsid;
		w->d->fence.lo = c->a;
		w->d->fence.hi = c->b;
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

static void want_whens(struct wanted *w)
{
	const struct sl_when_list *list = &sl_whens[sl_rows[w->d->row].when];

	for (uint32_t i = 0; i < list->n; i++) {
		const struct sl_when *x = &list->when[i];

		if (x->field.space != SL_SPACE_REQ)
			continue;
		cut(w, &x->field, x->lo);
		if (x->hi != UINT64_MAX)
			cut(w, &x->field, x->hi + 1);
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

/* Does the row stay the row with this value of its opcode or selector? */
static bool stays(const struct sl_domain *d, const struct sl_field *f, uint64_t v)
{
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_field sel;

	if (f->off == 0 && f->shift == 0 && f->width == 8)
		return row->flags & SL_ROW_UNLISTED && !row->sel_group
			       ? sl_row_find_key(row->set, (uint8_t)v, SL_SEL_ANY) == d->row
			       : v >= row->op_lo && v <= row->op_hi;
	if (sl_row_selector(d->row, &sel) && 8 * sel.off + sel.shift == 8 * f->off + f->shift &&
	    sel.width == f->width)
		return sl_row_find_key(row->set, (uint8_t)row->op_lo, (uint16_t)v) == d->row;
	return true;
}

static bool deciding(const struct sl_domain *d, const struct sl_field *f)
{
	struct sl_field sel;

	return (f->off == 0 && f->width == 8 && f->shift == 0) ||
	       (sl_row_selector(d->row, &sel) && 8 * sel.off + sel.shift == 8 * f->off + f->shift &&
		sel.width == f->width);
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
			if (f->off != 4 || sl_rows[d->row].set == SL_SET_NVME_ADMIN || from ||
			    to != 0)
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

static bool fields_meet(const struct sl_field *a, const struct sl_field *b)
{
	unsigned x = 8u * a->off + a->shift, y = 8u * b->off + b->shift;

	return x < y + b->width && y < x + a->width;
}

/* Opcode and selector always have a variable: most often of a single value. */
static void add_fields(struct wanted *w)
{
	const struct sl_field opcode = {.space = SL_SPACE_REQ, .bytes = 1, .width = 8};
	struct sl_field sel;

	(void)cuts_of(w, &opcode);
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
				if (k != i && fields_meet(f, &w->field[k].field) &&
				    (deciding(w->d, f) || deciding(w->d, &w->field[k].field)))
					meets = true;
			/* Part of what decides which row it is follows from that. */
			if (!meets || deciding(w->d, f))
				add_field(w, f, &w->field[i].cuts, meets);
		}
}

static void add_declared(struct wanted *w)
{
	struct sl_domain *d = w->d;
	uint32_t bits = w->log_bits;
	unsigned n = 0;

	if (!w->effects && !w->scope && !(sl_rows[d->row].flags & SL_ROW_VENDOR))
		return;
	/* LBCC, NCC, NIC and a reserved bit are all the effects that a word can say. */
	if (w->n_masks || w->trust)
		bits |= 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5;
	if (w->scope)
		bits |= 3u << 20 | 1u << 25;
	bits |= 1;
	/* Of many reserved ones, and of an exclusivity or relaxation, one bit stands for all. */
	bits &= 0x0231403fu | (bits & 0x03f00000u);
	for (unsigned b = 0; b < 32; b++)
		if (bits >> b & 1) {
			struct sl_var *v = n++ < 9 ? new_var(d, SL_VAR_BIT, 2) : NULL;

			if (v)
				v->bit = (uint8_t)b;
			else
				d->sampled = true;
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

static void add_states(struct wanted *w)
{
	struct sl_domain *d = w->d;
	const struct sl_format *f = &sl_formats[sl_rows[d->row].format];
	bool model = false, gate = false, reserved = false;

	for (unsigned i = 0; i < d->n_images; i++) {
		model |= (d->img[i]->flags & SL_IMAGE_MODEL) != 0;
		gate |= !(d->img[i]->flags & SL_IMAGE_MODEL);
	}
	for (unsigned i = 2; i < SL_REQ_MAX / 4; i++)
		reserved |= f->known[i] != UINT32_MAX;
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
		(void)new_var(d, SL_VAR_DOOR, _SL_DOOR_N);
	if (w->node)
		(void)new_var(d, SL_VAR_NODE, 2);
}

static void want_nsid(struct wanted *w)
{
	const struct sl_row *row = &sl_rows[w->d->row];
	const struct sl_field f = {.space = SL_SPACE_REQ, .off = 4, .bytes = 4, .width = 32};
	const struct sl_field slba = {.space = SL_SPACE_REQ, .off = 40, .bytes = 8, .width = 64};

	if (!w->nsid && !(w->scope && (row->flags & SL_ROW_NSID_ALL)))
		return;
	cut(w, &f, 1);
	cut(w, &f, 2);
	cut(w, &f, NVME_NSID_ALL);
	if (!w->blocks)
		return;
	cut(w, &f, w->d->fence.nsid);
	cut(w, &f, w->d->fence.nsid + 1);
	if (row->ranges == SL_RANGES_SLBA_NLB || row->ranges == SL_RANGES_COPY ||
	    row->ranges == SL_RANGES_ZONE || row->ranges == SL_RANGES_ZONE_APPEND) {
		cut(w, &slba, w->d->fence.lo);
		if (w->d->fence.hi != UINT64_MAX)
			cut(w, &slba, w->d->fence.hi + 1);
	}
	if (row->ranges == SL_RANGES_DSM || row->ranges == SL_RANGES_COPY)
		(void)new_var(w->d, SL_VAR_PAYLOAD, row->ranges == SL_RANGES_COPY ? 3 : 2);
}

bool sl_domain_row(struct sl_domain *d, uint32_t kind, uint16_t row)
{
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
	d->n_entries = 0;
	memset(d->contract, 0, sizeof(*d->contract));
	(void)bind_kind(d, &d->kinds[kind]);
	d->contract->generation = 1;
	d->contract->state = SL_CONTRACT_PRESENT;
	d->contract->max_transfer = UINT32_MAX;
	for (unsigned i = 0; i < d->n_images; i++)
		any |= want_image(w, i);
	if (any) {
		want_whens(w);
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
