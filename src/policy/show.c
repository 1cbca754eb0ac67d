/* SPDX-License-Identifier: Apache-2.0 */
/* The disassembler: reads nothing but the image, so that it shows what will really be asked. */
#include <stdlib.h>
#include <string.h>

#include "base/emit.h"
#include "core/table.h"
#include "policy/analyse.h"
#include "policy/ast.h"
#include "policy/parse.h"
#include "policy/show.h"
#include "spec/names.h"

struct out {
	char *p;
	size_t left;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->p, o->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= o->left)
		n = o->left ? (int)o->left - 1 : 0;
	o->p += n;
	o->left -= (size_t)n;
}

static void put_bits(struct out *o, uint64_t bits, const char *(*name)(unsigned))
{
	const char *s;
	bool first = true;

	put(o, "{");
	for (unsigned i = 0; (s = name(i)); i++)
		if (bits >> i & 1) {
			put(o, "%s%s", first ? "" : ", ", s);
			first = false;
		}
	put(o, "%s}", first ? "none" : "");
}

static void put_field(struct out *o, const struct sl_field *f, uint16_t row)
{
	for (unsigned up = 0; up < 2; up++) {
		const struct sl_format *fmt =
			&sl_formats[sl_rows[up ? sl_rows[row].parent : row].format];

		for (uint32_t i = 0; i < fmt->n_fields; i++)
			if (memcmp(&fmt->fields[i].field, f, sizeof(*f)) == 0) {
				put(o, "%s", fmt->fields[i].name);
				return;
			}
	}
	if (f->space == SL_SPACE_DECL)
		put(o, "log");
	else if (f->space == SL_SPACE_DATA)
		put(o, "data%u", f->off);
	else
		put(o, "cdw%u", f->off / 4);
	if (f->width != 32)
		put(o, "[%u:%u]", f->shift + f->width - 1, f->shift);
}

static void put_bitmap(struct out *o, const struct sl_bitmap *b)
{
	bool first = true;

	put(o, "{");
	for (unsigned v = 0; v < 256; v++) {
		unsigned to = v;

		if (!(b->bits[v / 64] >> (v % 64) & 1))
			continue;
		while (to < 255 && (b->bits[(to + 1) / 64] >> ((to + 1) % 64) & 1))
			to++;
		put(o, to > v ? "%s%u..%u" : "%s%u", first ? "" : ", ", v, to);
		first = false;
		v = to;
	}
	put(o, "}");
}

static const char *state_name(unsigned bit)
{
	static const char *const names[] = {"writable", "claimed",	  "in-use",  "listed",
					    "caught",	"node-namespace", "one-page"};

	return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

static void put_range(struct out *o, const struct sl_cond *c)
{
	unsigned long long a = c->a, b = c->b;

	if (c->a == c->b)
		put(o, " %s %llu", c->negate ? "!=" : "=", a);
	else if (c->a == 0)
		put(o, " %s %llu", c->negate ? ">" : "<=", b);
	else if (c->b == UINT64_MAX)
		put(o, " %s %llu", c->negate ? "<" : ">=", a);
	else
		put(o, " %sin {%llu..%llu}", c->negate ? "not " : "", a, b);
}

static void put_state(struct out *o, const struct sl_cond *c)
{
	bool first = true;

	for (unsigned i = 0; state_name(i); i++)
		if (c->a >> i & 1) {
			put(o, "%s%s%s", first ? "" : " and ", c->b >> i & 1 ? "" : "not ",
			    state_name(i));
			first = false;
		}
}

static void put_cond(struct out *o, const struct sl_image *img, const struct sl_cond *c,
		     uint16_t row)
{
	static const char *const subject[] = {"effects", "declared", "floor"};
	const struct sl_bitmap *maps = sl_image_at(img, img->bitmaps);

	switch ((enum sl_cond_kind)c->kind) {
	case SL_COND_SET:
		put_field(o, &c->field, row);
		put(o, " := %llu", (unsigned long long)c->a);
		break;
	case SL_COND_FIELD_RANGE:
		put_field(o, &c->field, row);
		put_range(o, c);
		break;
	case SL_COND_FIELD_BITMAP:
		put_field(o, &c->field, row);
		put(o, c->negate ? " not in " : " in ");
		put_bitmap(o, &maps[c->a]);
		break;
	case SL_COND_EFFECTS_ANY:
		put(o, "%s has %s ", subject[c->subject], c->negate ? "none" : "any");
		put_bits(o, c->a, sl_effect_name);
		break;
	case SL_COND_EFFECTS_WITHIN:
		put(o, "%s %swithin ", subject[c->subject], c->negate ? "not " : "");
		put_bits(o, c->a, sl_effect_name);
		break;
	case SL_COND_SCOPE_WITHIN:
		put(o, "scope %swithin ", c->negate ? "not " : "");
		put_bits(o, c->a, sl_scope_name);
		break;
	case SL_COND_TRUST:
		put(o, "trust %s %s", c->negate ? "<" : ">=",
		    c->a < _SL_TRUST_N ? sl_trust_name((unsigned)c->a) : "beyond all");
		break;
	case SL_COND_LENGTH:
		put(o, "length");
		put_range(o, c);
		break;
	case SL_COND_STATE:
		put_state(o, c);
		break;
	case SL_COND_DOOR:
		put(o, "door in ");
		put_bits(o, c->a, sl_word_door);
		break;
	case SL_COND_FENCE:
		put(o, "fence namespace %u lba %llu..%llu", c->nsid, (unsigned long long)c->a,
		    (unsigned long long)c->b);
		break;
	case _SL_COND_N:
		break;
	}
}

static void put_who(struct out *o, const struct sl_image *img, const struct sl_who *w)
{
	bool first = true;

	if (!w->asks)
		put(o, "any");
	if (w->asks & SL_WHO_UID) {
		put(o, w->uid_lo == w->uid_hi ? "uid %u" : "uid %u..%u", w->uid_lo, w->uid_hi);
		first = false;
	}
	if (w->asks & SL_WHO_GID) {
		put(o, first ? "" : " and ");
		put(o, w->gid_lo == w->gid_hi ? "gid %u" : "gid %u..%u", w->gid_lo, w->gid_hi);
		first = false;
	}
	if (w->asks & SL_WHO_LABEL)
		put(o, "%slabel \"%s\"", first ? "" : " and ", sl_image_str(img, w->label));
}

static void put_where(struct out *o, const struct sl_image *img, const struct sl_where *d)
{
	static const char *const protocols[] = {"", "nvme", "scsi", "cxl", "fwctl"};
	const struct {
		const char *word;
		uint32_t off;
	} texts[] = {{"vendor", d->vendor},
		     {"model", d->model},
		     {"firmware", d->firmware},
		     {"serial", d->serial},
		     {"path", d->name}};
	bool first = true;

	if (d->protocol && d->protocol < 5) {
		put(o, " on protocol %s", protocols[d->protocol]);
		first = false;
	}
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].off) {
			put(o, "%s%s \"%s\"", first ? " on " : " and ", texts[i].word,
			    sl_image_str(img, texts[i].off));
			first = false;
		}
	if (d->observe_until)
		put(o, " (only observed until %llu)", (unsigned long long)d->observe_until);
}

void sl_image_section_text(const struct sl_image *img, uint32_t section, char *buf, size_t size)
{
	const struct sl_section *s = sl_image_at(img, img->sections);
	const struct sl_who *w = sl_image_at(img, img->who);
	const struct sl_where *d = sl_image_at(img, img->where);
	struct out o = {buf, size};

	buf[0] = 0;
	put_who(&o, img, &w[s[section].who]);
	put_where(&o, img, &d[s[section].where]);
}

void sl_image_rule_text(const struct sl_image *img, uint32_t rule, uint16_t row, char *buf,
			size_t size)
{
	const struct sl_rule *r = (const struct sl_rule *)sl_image_at(img, img->rules) + rule;
	const struct sl_cond *c = (const struct sl_cond *)sl_image_at(img, img->conds) + r->conds;
	struct out o = {buf, size};
	bool first = true;

	buf[0] = 0;
	for (unsigned i = 0; i < r->n_conds; i++) {
		put(&o, i == r->n_sets && i ? " when "
			: first		    ? ""
			: i < r->n_sets	    ? ", "
					    : " and ");
		put_cond(&o, img, &c[i], row);
		first = false;
	}
	if (r->verb == SL_VERB_NORMALISE && (r->flags & SL_RULE_RESERVED_0))
		put(&o, "%sreserved := 0", first ? "" : ", ");
	if (r->verb == SL_VERB_ALLOW && r->flags)
		put(&o, "%swith%s%s", first ? "" : " ", r->flags & SL_RULE_ALONE ? " alone" : "",
		    r->flags & SL_RULE_DURABLE ? " durable" : "");
}

/* The rows that a rule is a candidate for, in any section: their names, and the first of them. */
static void rows_text(const uint8_t *rows, char *buf, size_t size, uint16_t *ret_row)
{
	const uint8_t *first = memchr(rows, 1, sl_row_count);

	*ret_row = first ? (uint16_t)(first - rows) : 0;
	if (memchr(rows, 0, sl_row_count))
		sl_rows_text(rows, buf, size);
	else
		(void)snprintf(buf, size, "anything");
}

/* Marks the rows and sections in which each rule is found. rows: rules × sl_row_count bytes. */
static void find_rules(const struct sl_image *img, uint8_t *rows, uint8_t *sections)
{
	const uint32_t *index = sl_image_at(img, img->page_index);
	const struct sl_page *pages = sl_image_at(img, img->pages);
	const uint32_t *cands = sl_image_at(img, img->cands);

	for (uint32_t s = 0; s < img->sections.n; s++)
		for (uint32_t row = 0; row < sl_row_count; row++) {
			const struct sl_list *l =
				&pages[index[s * img->n_pages + row / SL_PAGE_ROWS]]
					 .row[row % SL_PAGE_ROWS];

			for (uint32_t k = 0; k < (uint32_t)l->n_normalise + l->n_rules; k++) {
				uint32_t rule = cands[l->first + k];

				rows[(size_t)rule * sl_row_count + row] = 1;
				sections[(size_t)rule * img->sections.n + s] = 1;
			}
		}
}

void sl_policy_show(const struct sl_image *img, struct sl_emit *e)
{
	static const char *const verbs[] = {"allow", "deny", "normalise"};
	static const char *const columns[][2] = {
		{"rule", "RULE"},	 {"place", "PLACE"},   {"verb", "VERB"}, {"who", "WHO"},
		{"conditions", "WHERE"}, {"commands", "WHAT"}, {NULL, NULL}};
	const struct sl_rule *r = sl_image_at(img, img->rules);
	uint8_t *rows = calloc((size_t)img->rules.n + 1, sl_row_count);
	uint8_t *sections = calloc((size_t)img->rules.n + 1, (size_t)img->sections.n + 1);
	char text[8192], who[4096];

	if (!rows || !sections)
		abort();
	find_rules(img, rows, sections);
	sl_emit_str(e, "name", "policy", "%s", sl_image_str(img, img->name));
	sl_emit_str(e, "answers", "answers", "%s",
		    img->flags & SL_IMAGE_ANSWERS_AS_DEVICE ? "as-device" : "as-allowed");
	sl_emit_bool(e, "model", "model of another filter", img->flags & SL_IMAGE_MODEL);
	sl_emit_u64(e, "bytes", "bytes", img->size);
	sl_emit_u64(e, "sections", "sections", img->sections.n);
	sl_emit_u64(e, "pages", "pages", img->pages.n);
	sl_emit_u64(e, "conditions", "conditions", img->conds.n);
	sl_emit_table(e, "rules", columns);
	for (uint32_t i = 0; i < img->rules.n; i++) {
		struct out o = {who, sizeof(who)};
		const char *file = sl_image_str(img, r[i].file), *slash = strrchr(file, '/');
		uint16_t row;
		bool first = true;

		who[0] = 0;
		for (uint32_t s = 0; s < img->sections.n; s++) {
			char one[512];

			if (!sections[(size_t)i * img->sections.n + s])
				continue;
			sl_image_section_text(img, s, one, sizeof(one));
			put(&o, "%s%s", first ? "" : " or ", one);
			first = false;
		}
		sl_emit_cell_u64(e, i + 1);
		sl_emit_cell(e, "%s:%u", slash ? slash + 1 : file, r[i].line);
		sl_emit_cell(e, "%s", verbs[r[i].verb]);
		sl_emit_cell(e, "%s", who);
		rows_text(rows + (size_t)i * sl_row_count, text, sizeof(text), &row);
		sl_image_rule_text(img, i, row, who, sizeof(who));
		sl_emit_cell(e, "%s", who);
		sl_emit_cell(e, "%s", text);
	}
	sl_emit_end(e);
	free(rows);
	free(sections);
}
