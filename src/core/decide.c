/* SPDX-License-Identifier: Apache-2.0 */
/* The fast evaluator. src/policy/slow.c is the other one; the two must agree on everything. */
#include "core/decide.h"

#include "base/bytes.h"
#include "core/ranges.h"

/* A condition's worth. */
enum tri {
	NO,
	YES,
	DUNNO,
	VOID, /* not known, because it rests on the word of a device that was caught */
};

struct judged {
	const struct sl_image *img;
	const struct sl_contract *contract;
	const struct sl_command *cmd;
	const uint8_t *data;
	const struct sl_facts *facts;
};

static enum tri tri(bool b)
{
	return b ? YES : NO;
}

/* One lie anywhere voids trust everywhere. */
static bool is_caught(const struct sl_contract *c, const struct sl_facts *f)
{
	return f->caught || c->caught;
}

/* A word from a device that was caught is no word, except where our own table says enough. */
static bool word_is_void(const struct judged *j)
{
	return is_caught(j->contract, j->facts) && !(j->img->flags & SL_IMAGE_MODEL) &&
	       (sl_effects_mutating(j->facts->floor) ||
		(sl_rows[j->facts->row].flags & SL_ROW_VENDOR));
}

static bool field_value(const struct judged *j, const struct sl_field *f, uint64_t *ret)
{
	switch ((enum sl_space)f->space) {
	case SL_SPACE_REQ:
		*ret = f->be || f->off > SL_REQ_MAX - 8 ? sl_field_get(f, j->cmd->req)
							: sl_field_bits(f, j->cmd->req);
		return true;
	case SL_SPACE_DATA:
		if (!j->data || (uint32_t)f->off + f->bytes > j->facts->payload)
			return false;
		*ret = sl_field_get(f, j->data);
		return true;
	case SL_SPACE_DECL:
		if (!j->facts->declared_known)
			return false;
		*ret = (j->facts->raw >> f->shift) & ((UINT64_C(2) << (f->width - 1)) - 1);
		return true;
	case _SL_SPACE_N:
		break;
	}
	return false;
}

static enum tri fenced(const struct judged *j, const struct sl_cond *c)
{
	struct sl_ranges it;
	struct sl_range r;

	/* Also what names no block must stay in the namespace: no broadcast, no neighbour. */
	if (j->facts->nsid != c->nsid)
		return NO;
	sl_ranges_init(&it, j->contract, j->cmd, j->facts, j->data);
	while (sl_ranges_next(&it, &r)) {
		if (r.nsid != c->nsid || r.lba < c->a || r.lba > c->b || r.count - 1 > c->b - r.lba)
			return NO;
	}
	return it.bad ? DUNNO : YES;
}

/*
 * Is the list of a MODE SELECT one page in the standard's format (PF), whole, and nothing else: no
 * block descriptor, no other page? SPC-6 §7.5. Then what its first bytes say is said of all of it.
 */
static bool one_page(const struct judged *j)
{
	const struct sl_row *row = &sl_rows[j->facts->row];
	uint32_t n = j->facts->payload, head = row->len_arg, size;
	const uint8_t *page;

	if (!(row->flags & SL_ROW_PAGES) || !j->data || n < head + 4 || !(j->cmd->req[1] & 0x10))
		return false;
	page = j->data + head;
	size = page[0] & 0x40 ? 4u + sl_get_be16(page + 2) : 2u + page[1]; /* SPF: a subpage */
	return head + size == n && !page[-1] && (head == 4 || !page[-2]);  /* no descriptors */
}

static uint32_t state_bits(const struct judged *j)
{
	const struct sl_facts *f = j->facts;
	uint32_t s = 0;

	if (j->cmd->writable)
		s |= SL_STATE_WRITABLE;
	if (f->ns && f->ns->claimed)
		s |= SL_STATE_CLAIMED;
	if (f->ns && f->ns->used_by_kernel)
		s |= SL_STATE_IN_USE;
	if (f->entry && (f->entry->flags & SL_ENTRY_SUPPORTED))
		s |= SL_STATE_LISTED;
	if (is_caught(j->contract, f))
		s |= SL_STATE_CAUGHT;
	if (j->cmd->node_nsid == f->nsid)
		s |= SL_STATE_NODE_NS;
	if (one_page(j))
		s |= SL_STATE_ONE_PAGE;
	return s;
}

static enum tri effects_test(const struct judged *j, const struct sl_cond *c)
{
	const struct sl_facts *f = j->facts;
	sl_effects e = f->effective;

	if (c->subject == SL_SUBJECT_FLOOR) {
		e = f->floor;
	} else {
		if (word_is_void(j))
			return VOID;
		if (c->subject == SL_SUBJECT_DECLARED) {
			if (!f->declared_known)
				return DUNNO;
			e = f->declared;
		}
	}
	if (c->kind == SL_COND_EFFECTS_ANY)
		return tri(sl_effects_any(e, (sl_effects)c->a));
	return tri(sl_effects_within(e, (sl_effects)c->a));
}

static enum tri test(const struct judged *j, const struct sl_cond *c)
{
	const struct sl_facts *f = j->facts;
	const struct sl_bitmap *maps;
	uint64_t v;

	switch ((enum sl_cond_kind)c->kind) {
	case SL_COND_FIELD_RANGE:
	case SL_COND_FIELD_BITMAP:
		if (c->field.space == SL_SPACE_DECL && word_is_void(j))
			return VOID;
		if (!field_value(j, &c->field, &v))
			return DUNNO;
		if (c->kind == SL_COND_FIELD_RANGE)
			return tri(v >= c->a && v <= c->b);
		maps = sl_image_at(j->img, j->img->bitmaps);
		return tri(v < 256 && (maps[c->a].bits[v / 64] >> (v % 64) & 1));
	case SL_COND_EFFECTS_ANY:
	case SL_COND_EFFECTS_WITHIN:
		return effects_test(j, c);
	case SL_COND_SCOPE_WITHIN:
		return f->scope ? tri((f->scope & ~c->a) == 0) : DUNNO;
	case SL_COND_TRUST:
		return word_is_void(j) ? VOID : tri(f->trust >= c->a);
	case SL_COND_LENGTH:
		if (!f->length_known)
			return DUNNO;
		return tri(f->length >= c->a && f->length <= c->b);
	case SL_COND_STATE:
		if ((c->a & SL_STATE_LISTED) && word_is_void(j))
			return VOID;
		return tri((state_bits(j) & c->a) == c->b);
	case SL_COND_DOOR:
		return tri(c->a >> j->cmd->door & 1);
	case SL_COND_FENCE:
		return fenced(j, c);
	case SL_COND_SET:
	case _SL_COND_N:
		break;
	}
	return DUNNO;
}

/* NO, YES, or VOID: it would match if a caught device were believed. */
static enum tri matches(const struct judged *j, const struct sl_rule *r)
{
	const struct sl_cond *c = sl_image_at(j->img, j->img->conds);
	enum tri all = YES;

	c += r->conds + r->n_sets;
	for (unsigned i = 0; i < (unsigned)r->n_conds - r->n_sets; i++, c++) {
		enum tri t = test(j, c);

		if (c->negate && t <= YES)
			t = t == YES ? NO : YES;
		if (t == NO || (t == DUNNO && r->verb != SL_VERB_DENY))
			return NO;
		if (t == VOID && r->verb != SL_VERB_DENY)
			all = VOID;
	}
	return all;
}

static const struct sl_list *list_of(const struct sl_image *img, uint32_t section, uint16_t row)
{
	const uint32_t *index = sl_image_at(img, img->page_index);
	const struct sl_page *pages = sl_image_at(img, img->pages);

	return &pages[index[section * img->n_pages + row / SL_PAGE_ROWS]].row[row % SL_PAGE_ROWS];
}

/* Eight bytes at a time: this is on the path of every health command. */
static void clear_reserved(const uint32_t known[SL_REQ_MAX / 4], uint8_t *req)
{
	for (unsigned i = 0; i < SL_REQ_MAX / 8; i++) {
		uint64_t keep = (uint64_t)known[2 * i + 1] << 32 | known[2 * i];

		sl_put_le64(req + 8 * i, sl_get_le64(req + 8 * i) & keep);
	}
}

/* What one normaliser asks for. */
static void apply(const struct sl_image *img, const struct sl_rule *r, uint16_t row, uint8_t *req)
{
	const struct sl_cond *set = sl_image_at(img, img->conds);

	set += r->conds;
	for (unsigned s = 0; s < r->n_sets; s++)
		sl_field_set(&set[s].field, req, set[s].a);
	if (r->flags & SL_RULE_RESERVED_0)
		clear_reserved(sl_formats[sl_rows[row].format].known, req);
}

/*
 * Every normaliser that matches the requested bytes. Its conditions are over request fields only
 * (sl_image_check), so facts are not needed yet; and it never sets a field that selects a row, so
 * the row stays.
 */
static bool normalise(const struct sl_image *img, const struct sl_bind *bind, uint16_t row,
		      struct sl_command *cmd)
{
	const uint32_t *cands = sl_image_at(img, img->cands);
	const struct sl_rule *rules = sl_image_at(img, img->rules);
	const struct sl_facts none = {.row = row};
	struct sl_command asked;
	const struct judged j = {.img = img, .cmd = &asked, .facts = &none};
	bool changed = false;

	for (uint32_t i = 0; i < bind->n; i++) {
		const struct sl_list *l = list_of(img, bind->s[i].section, row);

		if (bind->s[i].deny_only)
			continue;
		for (uint32_t k = 0; k < l->n_normalise; k++) {
			const struct sl_rule *r = &rules[cands[l->first + k]];

			/* All look at what was asked, so that their order does not matter. */
			if (!changed)
				asked = *cmd;
			if (matches(&j, r) != YES)
				continue;
			apply(img, r, row, cmd->req);
			changed = true;
		}
	}
	return changed && __builtin_memcmp(asked.req, cmd->req, sizeof(cmd->req)) != 0;
}

/*
 * The rules of one section. Order must not matter, so the deciding rule is the lowest-numbered one
 * that matches with the winning verb, and the obligations are those of every allow rule that
 * matches.
 */
static void ask_section(const struct judged *j, uint32_t section, bool deny_only,
			struct sl_verdict *v, bool *caught)
{
	const uint32_t *cands = sl_image_at(j->img, j->img->cands);
	const struct sl_rule *rules = sl_image_at(j->img, j->img->rules);
	const struct sl_list *l = list_of(j->img, section, j->facts->row);

	cands += l->first + l->n_normalise;
	for (uint32_t k = 0; k < l->n_rules; k++) {
		const struct sl_rule *r = &rules[cands[k]];
		bool deny = r->verb == SL_VERB_DENY;
		bool later = v->rule && cands[k] + 1 > v->rule;
		enum tri match;

		if (!deny && (deny_only || v->reason == SL_REASON_DENY_RULE ||
			      (v->allow && later && !r->flags)))
			continue;
		if (deny && later && v->reason == SL_REASON_DENY_RULE)
			continue;
		match = matches(j, r);
		if (match == VOID)
			*caught = true;
		if (match != YES)
			continue;
		if (deny) {
			if (v->allow || !later)
				v->rule = cands[k] + 1;
			v->allow = false;
			v->reason = SL_REASON_DENY_RULE;
			continue;
		}
		if (!later)
			v->rule = cands[k] + 1;
		v->allow = true;
		v->reason = SL_REASON_ALLOWED;
		if (r->flags & SL_RULE_ALONE)
			v->flags |= SL_VERDICT_ALONE;
		if (r->flags & SL_RULE_DURABLE)
			v->flags |= SL_VERDICT_DURABLE;
	}
}

static void ask_policy(const struct judged *j, const struct sl_bind *bind, uint64_t now,
		       struct sl_verdict *v)
{
	bool caught = false;

	v->reason = SL_REASON_NO_RULE;
	for (uint32_t i = 0; i < bind->n; i++)
		ask_section(j, bind->s[i].section, bind->s[i].deny_only, v, &caught);
	if (v->reason == SL_REASON_NO_RULE && caught)
		v->reason = SL_REASON_CAUGHT;
	/* Obligations are those of a permission: a denial must not keep any, whatever came first.
	 */
	if (!v->allow)
		v->flags &= SL_VERDICT_NORMALISED;
	if (!v->allow && now < bind->observe_until) {
		v->allow = true;
		v->flags |= SL_VERDICT_OBSERVED;
	}
	if (v->allow && j->facts->in_use && !(j->img->flags & SL_IMAGE_MODEL)) {
		v->allow = false;
		v->reason = SL_REASON_IN_USE;
	}
}

static void finish(const struct sl_contract *contract, const struct sl_command *cmd,
		   struct sl_verdict *v)
{
	uint32_t least = sl_rows[v->facts.row].timeout_s * 1000u;
	uint32_t wish = cmd->timeout_ms < SL_TIMEOUT_MOST_MS ? cmd->timeout_ms : SL_TIMEOUT_MOST_MS;

	v->generation = contract->generation;
	v->excl = v->facts.excl;
	v->timeout_ms = wish > least ? wish : least;
	if (is_caught(contract, &v->facts))
		v->flags |= SL_VERDICT_SUSPECT;
	if (sl_effects_mutating(v->facts.effective))
		v->flags |= SL_VERDICT_DURABLE;
}

/*
 * What a command carries is judged as itself and by the same rules. Both have to be allowed; what
 * they can do, and how they have to run, is said of both together.
 */
__attribute__((cold, noinline)) static void judge_carried(const struct judged *outer,
							  const struct sl_bind *bind, uint64_t now,
							  struct sl_verdict *v)
{
	struct sl_verdict in = {.reason = SL_REASON_CARRIED,
				.facts = {.floor = SL_E_UNKNOWN, .effective = SL_E_UNKNOWN}};
	struct sl_command cmd;
	const uint8_t *data;

	if (sl_facts_carried(outer->contract, outer->cmd, outer->data, &v->facts, &cmd, &data))
		sl_judge(outer->img, bind, outer->contract, &cmd, data, now, &in);
	sl_facts_join(&v->facts, &in.facts);
	v->flags |= in.flags;
	if (v->allow && !in.allow) {
		v->allow = false;
		v->reason = in.reason;
		v->rule = in.rule;
	}
	if (!v->allow)
		v->flags &= SL_VERDICT_NORMALISED;
}

__attribute__((flatten)) void sl_judge(const struct sl_image *img, const struct sl_bind *bind,
				       const struct sl_contract *contract, struct sl_command *cmd,
				       const uint8_t *data, uint64_t now, struct sl_verdict *ret)
{
	const struct judged j = {img, contract, cmd, data, &ret->facts};
	bool changed;

	/* Resolve the command set first: the row, and so the normalisers, depend on it. */
	sl_command_resolve(contract, cmd);
	/* What is inside stays as it is: it is sent as it stands in the payload. */
	changed = !cmd->carried && normalise(img, bind, sl_row_find(cmd->set, cmd->req), cmd);
	*ret = (struct sl_verdict){.flags = changed ? SL_VERDICT_NORMALISED : 0};
	sl_facts_collect(contract, cmd, data, &ret->facts);
	ret->reason = ret->facts.reason;
	/* A model of somebody else's filter knows nothing of what we comprehend. */
	if (ret->reason == SL_REASON_ALLOWED || (img->flags & SL_IMAGE_MODEL))
		ask_policy(&j, bind, now, ret);
	if ((sl_rows[ret->facts.row].flags & SL_ROW_CARRIER) && !bind->outer &&
	    !(img->flags & SL_IMAGE_MODEL))
		judge_carried(&j, bind, now, ret);
	finish(contract, cmd, ret);
}

void sl_judge_internal(const struct sl_contract *contract, struct sl_command *cmd,
		       const uint8_t *data, struct sl_verdict *ret)
{
	*ret = (struct sl_verdict){0};
	sl_command_resolve(contract, cmd);
	sl_facts_collect(contract, cmd, data, &ret->facts);
	ret->reason = ret->facts.reason;
	if (ret->reason == SL_REASON_ALLOWED) {
		ret->allow = (sl_rows[ret->facts.row].flags & SL_ROW_CONTRACT) &&
			     !sl_effects_mutating(ret->facts.floor);
		if (!ret->allow)
			ret->reason = SL_REASON_NO_RULE;
	}
	finish(contract, cmd, ret);
}

bool sl_row_reachable(const struct sl_image *img, const struct sl_bind *bind, uint16_t row)
{
	const uint32_t *cands = sl_image_at(img, img->cands);
	const struct sl_rule *rules = sl_image_at(img, img->rules);
	bool allowed = false;

	/* What is never comprehended, or never anybody's but the kernel's, no rule can allow. */
	if (sl_rows[row].flags & (SL_ROW_UNLISTED | SL_ROW_NO_DEPTH | SL_ROW_KERNEL))
		return false;
	for (uint32_t i = 0; i < bind->n; i++) {
		const struct sl_list *l = list_of(img, bind->s[i].section, row);

		for (uint32_t k = l->n_normalise; k < (uint32_t)l->n_normalise + l->n_rules; k++) {
			const struct sl_rule *r = &rules[cands[l->first + k]];

			if (r->verb == SL_VERB_DENY && r->n_conds == 0)
				return false;
			if (r->verb == SL_VERB_ALLOW && !bind->s[i].deny_only)
				allowed = true;
		}
	}
	return allowed;
}
