/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validates a compiled policy and binds it to a client and a device. The only parser that the
 * trusted process has for policies: offsets and counts, no text.
 */
#include "core/image.h"

#include <errno.h>

static int bad(const char **reterr_why, const char *why)
{
	*reterr_why = why;
	return -EBADMSG;
}

uint32_t sl_table_hash(void)
{
	uint32_t h = 2166136261u; /* FNV-1a, 32 bits */

	for (uint32_t i = 0; i < sl_row_count; i++)
		for (const char *p = sl_rows[i].name;; p++) {
			h = (h ^ (uint8_t)*p) * 16777619u;
			if (!*p)
				break;
		}
	return h;
}

static bool span_ok(const struct sl_image *img, struct sl_span s, size_t elem)
{
	return s.off % 8 == 0 && s.off >= sizeof(*img) && s.off <= img->size &&
	       s.n <= (img->size - s.off) / elem;
}

static bool str_ok(const struct sl_image *img, uint32_t off)
{
	return off < img->strings.n;
}

static bool field_ok(const struct sl_field *f)
{
	unsigned room = f->space == SL_SPACE_REQ ? SL_REQ_MAX : 256;

	if (f->space >= _SL_SPACE_N || f->be > 1)
		return false;
	if (f->bytes != 1 && f->bytes != 2 && f->bytes != 4 && f->bytes != 8)
		return false;
	if (f->space == SL_SPACE_DECL && f->bytes != sizeof(((struct sl_entry *)0)->raw))
		return false;
	if (f->width == 0 || f->width > 64 || f->shift + f->width > 8u * f->bytes)
		return false;
	return (unsigned)f->off + f->bytes <= room;
}

static bool cond_ok(const struct sl_image *img, const struct sl_cond *c, bool normaliser)
{
	if (c->kind >= _SL_COND_N || c->negate > 1 || c->subject >= _SL_SUBJECT_N)
		return false;
	switch ((enum sl_cond_kind)c->kind) {
	case SL_COND_SET:
		return normaliser && field_ok(&c->field) && c->field.space == SL_SPACE_REQ;
	case SL_COND_FIELD_BITMAP:
		if (c->a >= img->bitmaps.n)
			return false;
		/* fallthrough */
	case SL_COND_FIELD_RANGE:
		return field_ok(&c->field) && (!normaliser || c->field.space == SL_SPACE_REQ);
	case SL_COND_EFFECTS_ANY:
	case SL_COND_EFFECTS_WITHIN:
	case SL_COND_SCOPE_WITHIN:
	case SL_COND_TRUST:
	case SL_COND_LENGTH:
	case SL_COND_STATE:
	case SL_COND_DOOR:
	case SL_COND_FENCE:
		return !normaliser;
	case _SL_COND_N:
		break;
	}
	return false;
}

static int check_rules(const struct sl_image *img, const char **why)
{
	const struct sl_rule *r = sl_image_at(img, img->rules);
	const struct sl_cond *c = sl_image_at(img, img->conds);

	for (uint32_t i = 0; i < img->rules.n; i++, r++) {
		bool normaliser = r->verb == SL_VERB_NORMALISE;

		if (r->verb >= _SL_VERB_N || r->n_conds > SL_CONDS_MAX + SL_SETS_MAX ||
		    r->n_sets > r->n_conds || r->n_sets > SL_SETS_MAX || (r->n_sets && !normaliser))
			return bad(why, "rule: undefined verb or too many conditions");
		if (r->conds > img->conds.n || r->n_conds > img->conds.n - r->conds)
			return bad(why, "rule: conditions out of bounds");
		if (!str_ok(img, r->file))
			return bad(why, "rule: file name out of bounds");
		for (unsigned k = 0; k < r->n_conds; k++) {
			const struct sl_cond *x = &c[r->conds + k];

			if ((x->kind == SL_COND_SET) != (k < r->n_sets) ||
			    !cond_ok(img, x, normaliser))
				return bad(why, "rule: undefined condition");
		}
	}
	return 0;
}

static int check_lists(const struct sl_image *img, const char **why)
{
	const struct sl_page *p = sl_image_at(img, img->pages);
	const uint32_t *index = sl_image_at(img, img->page_index);
	const uint32_t *cands = sl_image_at(img, img->cands);
	const struct sl_rule *rules = sl_image_at(img, img->rules);

	for (uint32_t i = 0; i < img->page_index.n; i++)
		if (index[i] >= img->pages.n)
			return bad(why, "section: page out of bounds");
	for (uint32_t i = 0; i < img->cands.n; i++)
		if (cands[i] >= img->rules.n)
			return bad(why, "list: rule out of bounds");
	for (uint32_t i = 0; i < img->pages.n; i++, p++)
		for (uint32_t k = 0; k < SL_PAGE_ROWS; k++) {
			const struct sl_list *l = &p->row[k];
			uint32_t n = (uint32_t)l->n_normalise + l->n_rules;

			if (n > SL_LIST_MAX || l->first > img->cands.n ||
			    n > img->cands.n - l->first)
				return bad(why, "page: list out of bounds");
			for (uint32_t m = 0; m < n; m++)
				if ((rules[cands[l->first + m]].verb == SL_VERB_NORMALISE) !=
				    (m < l->n_normalise))
					return bad(why, "list: rule of the wrong kind");
		}
	return 0;
}

static int check_heads(const struct sl_image *img, const char **why)
{
	const struct sl_who *w = sl_image_at(img, img->who);
	const struct sl_where *d = sl_image_at(img, img->where);
	const struct sl_section *s = sl_image_at(img, img->sections);
	const char *strings = sl_image_at(img, img->strings);

	if (img->strings.n == 0 || strings[0] || strings[img->strings.n - 1])
		return bad(why, "strings are not terminated");
	if (!str_ok(img, img->name))
		return bad(why, "name out of bounds");
	for (uint32_t i = 0; i < img->who.n; i++)
		if (!str_ok(img, w[i].label))
			return bad(why, "who: label out of bounds");
	for (uint32_t i = 0; i < img->where.n; i++)
		if (!str_ok(img, d[i].vendor) || !str_ok(img, d[i].model) ||
		    !str_ok(img, d[i].firmware) || !str_ok(img, d[i].serial) ||
		    !str_ok(img, d[i].name))
			return bad(why, "where: string out of bounds");
	for (uint32_t i = 0; i < img->sections.n; i++)
		if (s[i].who >= img->who.n || s[i].where >= img->where.n)
			return bad(why, "section: index out of bounds");
	return 0;
}

int sl_image_check(const void *blob, size_t size, const char **reterr_why)
{
	const struct sl_image *img = blob;
	int r;

	if (size < sizeof(*img) || (uintptr_t)blob % 8)
		return bad(reterr_why, "shorter than its head, or not aligned");
	if (img->magic != SL_IMAGE_MAGIC || img->version != SL_IMAGE_VERSION)
		return bad(reterr_why, "not a policy image of this version");
	if (img->size != size || size > SL_IMAGE_MAX)
		return bad(reterr_why, "size does not match");
	if (img->table_hash != sl_table_hash())
		return bad(reterr_why, "compiled against other command tables: compile it again");
	if (!span_ok(img, img->who, sizeof(struct sl_who)) ||
	    !span_ok(img, img->where, sizeof(struct sl_where)) ||
	    !span_ok(img, img->sections, sizeof(struct sl_section)) ||
	    !span_ok(img, img->page_index, sizeof(uint32_t)) ||
	    !span_ok(img, img->pages, sizeof(struct sl_page)) ||
	    !span_ok(img, img->cands, sizeof(uint32_t)) ||
	    !span_ok(img, img->rules, sizeof(struct sl_rule)) ||
	    !span_ok(img, img->conds, sizeof(struct sl_cond)) ||
	    !span_ok(img, img->bitmaps, sizeof(struct sl_bitmap)) || !span_ok(img, img->strings, 1))
		return bad(reterr_why, "a table lies outside");
	if (img->n_pages != (sl_row_count + SL_PAGE_ROWS - 1) / SL_PAGE_ROWS ||
	    (uint64_t)img->sections.n * img->n_pages != img->page_index.n)
		return bad(reterr_why, "page index does not match the tables");
	r = check_heads(img, reterr_why);
	if (r == 0)
		r = check_rules(img, reterr_why);
	if (r == 0)
		r = check_lists(img, reterr_why);
	return r;
}

/* Is text matched by the pattern? A final '*' matches any rest. */
static bool like(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*' && !pattern[1])
			return true;
		if (*pattern != *text)
			return false;
	}
	return !*text;
}

/* Bits of a match: an attribute may be unknown, which only deny rules take for a match. */
enum {
	MATCH_NO,
	MATCH_YES,
	MATCH_UNKNOWN,
};

static int match_who(const struct sl_image *img, const struct sl_who *w,
		     const struct sl_identity *id)
{
	if (w->asks && !id->known)
		return MATCH_UNKNOWN;
	if ((w->asks & SL_WHO_UID) && (id->uid < w->uid_lo || id->uid > w->uid_hi))
		return MATCH_NO;
	if ((w->asks & SL_WHO_LABEL) && !like(sl_image_str(img, w->label), id->label))
		return MATCH_NO;
	if (w->asks & SL_WHO_GID) {
		for (uint32_t i = 0; i < id->n_gids && i < SL_GIDS_MAX; i++)
			if (id->gids[i] >= w->gid_lo && id->gids[i] <= w->gid_hi)
				return MATCH_YES;
		/* Groups beyond what we hold may or may not be meant. */
		return id->n_gids > SL_GIDS_MAX ? MATCH_UNKNOWN : MATCH_NO;
	}
	return MATCH_YES;
}

static int match_where(const struct sl_image *img, const struct sl_where *d,
		       const struct sl_contract *c, const char *name, uint32_t protocol)
{
	const struct {
		uint32_t pattern;
		const char *text;
	} asks[] = {
		{d->vendor, c->vendor},
		{d->model, c->model},
		{d->firmware, c->firmware},
		{d->serial, c->serial},
	};
	int r = MATCH_YES;

	if (d->protocol && d->protocol != protocol)
		return MATCH_NO;
	if (d->name && !like(sl_image_str(img, d->name), name))
		return MATCH_NO;
	for (unsigned i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		if (!asks[i].pattern)
			continue;
		if (!asks[i].text[0])
			r = MATCH_UNKNOWN; /* the device has not said */
		else if (!like(sl_image_str(img, asks[i].pattern), asks[i].text))
			return MATCH_NO;
	}
	return r;
}

int sl_image_bind(const struct sl_image *img, const struct sl_identity *who,
		  const struct sl_contract *contract, const char *name, uint32_t protocol,
		  struct sl_bind *ret)
{
	const struct sl_who *w = sl_image_at(img, img->who);
	const struct sl_where *d = sl_image_at(img, img->where);
	const struct sl_section *s = sl_image_at(img, img->sections);

	*ret = (struct sl_bind){0};
	for (uint32_t i = 0; i < img->sections.n; i++) {
		int mw = match_who(img, &w[s[i].who], who);
		int md = mw ? match_where(img, &d[s[i].where], contract, name, protocol) : MATCH_NO;
		uint64_t until = d[s[i].where].observe_until;

		if (mw == MATCH_NO || md == MATCH_NO)
			continue;
		if (ret->n == SL_BIND_MAX) {
			*ret = (struct sl_bind){0};
			return -E2BIG;
		}
		ret->s[ret->n].section = i;
		ret->s[ret->n].deny_only = mw == MATCH_UNKNOWN || md == MATCH_UNKNOWN;
		if (until && (!ret->observe_until || until < ret->observe_until) &&
		    !ret->s[ret->n].deny_only)
			ret->observe_until = until;
		ret->n++;
	}
	return 0;
}
