/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow evaluator: a command judged rule by rule, straight from what was written. It shares no
 * table with the compiler and takes no short cut, so that each can be held against the other.
 */
#include <string.h>

#include "core/ranges.h"
#include "core/table.h"
#include "policy/ast.h"

enum tri {
	NO,
	YES,
	UNSURE,
	BROKEN_WORD, /* unsure, because a caught device's word is not believed */
};

struct scene {
	const struct sl_policy *policy;
	const struct sl_contract *contract;
	const struct sl_command *cmd;
	const uint8_t *data;
	const struct sl_facts *facts;
	bool word_broken;
};

static enum tri yes_if(bool b)
{
	return b ? YES : NO;
}

static enum tri not(enum tri t) { return t == YES ? NO : t == NO ? YES : t; }

static enum tri both(enum tri a, enum tri b)
{
	if (a == NO || b == NO)
		return NO;
	if (a == UNSURE || b == UNSURE)
		return UNSURE;
	return a == YES ? b : a;
}

/* --- who and where ------------------------------------------------------------------------- */

static enum tri client_is(const struct sl_who_all *w, const struct sl_identity *id)
{
	enum tri r = YES;

	if (!w->asks)
		return YES;
	if (!id->known)
		return UNSURE;
	if (w->asks & SL_WHO_UID)
		r = both(r, yes_if(id->uid >= w->uid_lo && id->uid <= w->uid_hi));
	if (w->asks & SL_WHO_LABEL)
		r = both(r, yes_if(sl_pattern_like(w->label, id->label)));
	if (w->asks & SL_WHO_GID) {
		enum tri g = id->n_gids > SL_GIDS_MAX ? UNSURE : NO;

		for (uint32_t i = 0; i < id->n_gids && i < SL_GIDS_MAX; i++)
			if (id->gids[i] >= w->gid_lo && id->gids[i] <= w->gid_hi)
				g = YES;
		r = both(r, g);
	}
	return r;
}

static enum tri text_is(const char *pattern, const char *text)
{
	if (!pattern)
		return YES;
	if (!*text)
		return UNSURE; /* the device has not said */
	return yes_if(sl_pattern_like(pattern, text));
}

static enum tri device_is(const struct sl_device_all *d, const struct sl_policy_device *device,
			  const struct sl_contract *c)
{
	enum tri r = YES;

	if (d->protocol)
		r = both(r, yes_if(d->protocol == device->protocol));
	if (d->name)
		r = both(r, yes_if(sl_pattern_like(d->name, device->name)));
	r = both(r, text_is(d->vendor, c->vendor));
	r = both(r, text_is(d->model, c->model));
	r = both(r, text_is(d->firmware, c->firmware));
	return both(r, text_is(d->serial, c->serial));
}

/* --- conditions ---------------------------------------------------------------------------- */

static enum tri in_fence(const struct scene *s, const struct sl_term *t)
{
	struct sl_ranges it;
	struct sl_range r;

	if (s->facts->nsid != t->nsid)
		return NO;
	sl_ranges_init(&it, s->contract, s->cmd, s->facts, s->data);
	while (sl_ranges_next(&it, &r)) {
		uint64_t last = r.lba + (r.count - 1);

		if (r.nsid != t->nsid || r.lba < t->set[0].lo || last < r.lba ||
		    last > t->set[0].hi)
			return NO;
	}
	return it.bad ? UNSURE : YES;
}

/* A head without block descriptors, and a page that ends where the list does. */
static bool single_page(const struct scene *s)
{
	const struct sl_named_field *f = sl_formats[sl_rows[s->facts->row].format].fields;
	uint32_t n = sl_formats[sl_rows[s->facts->row].format].n_fields;
	uint64_t at = 0, len = 0, pf = 0;
	bool page = false;

	for (; n; n--, f++) {
		bool there =
			f->field.space == SL_SPACE_REQ ||
			(s->data && (uint32_t)f->field.off + f->field.bytes <= s->facts->payload);

		if (!there)
			continue;
		if (!strcmp(f->name, "pf"))
			pf = sl_field_get(&f->field, s->cmd->req);
		if (!strcmp(f->name, "block-descriptor-length") &&
		    sl_field_get(&f->field, s->data) != 0)
			return false;
		if (!strcmp(f->name, "first-page-code"))
			at = f->field.off;
		if (!strcmp(f->name, "first-page-length")) {
			len = sl_field_get(&f->field, s->data);
			page = true;
		}
	}
	if (!page || !pf || s->facts->payload < at + 4)
		return false;
	if (s->data[at] >> 6 & 1)
		return s->facts->payload - at - 4 ==
		       ((uint32_t)s->data[at + 2] << 8 | s->data[at + 3]);
	return s->facts->payload - at - 2 == len;
}

static enum tri state_holds(const struct scene *s, uint32_t state)
{
	const struct sl_facts *f = s->facts;

	switch (state) {
	case SL_STATE_WRITABLE:
		return yes_if(s->cmd->writable);
	case SL_STATE_CLAIMED:
		return yes_if(f->ns && f->ns->claimed);
	case SL_STATE_IN_USE:
		return yes_if(f->ns && f->ns->used_by_kernel);
	case SL_STATE_LISTED:
		if (s->word_broken)
			return BROKEN_WORD;
		return yes_if(f->entry && (f->entry->flags & SL_ENTRY_SUPPORTED));
	case SL_STATE_CAUGHT:
		return yes_if(f->caught || s->contract->caught);
	case SL_STATE_NODE_NS:
		return yes_if(s->cmd->node_nsid == f->nsid);
	case SL_STATE_ONE_PAGE:
		return yes_if(single_page(s));
	default:
		return UNSURE;
	}
}

static enum tri bits_hold(const struct sl_term *t, uint32_t have)
{
	switch (t->op) {
	case SL_OP_WITHIN:
		return yes_if((have & ~t->bits) == 0);
	case SL_OP_ANY:
		return yes_if((have & t->bits) != 0);
	default:
		return yes_if(have == t->bits);
	}
}

static enum tri effects_hold(const struct scene *s, const struct sl_term *t)
{
	const struct sl_facts *f = s->facts;

	if (t->subject == SL_SUBJECT_FLOOR)
		return bits_hold(t, sl_effects_full(f->floor));
	if (s->word_broken)
		return BROKEN_WORD;
	if (t->subject == SL_SUBJECT_EFFECTIVE)
		return bits_hold(t, sl_effects_full(f->effective));
	return f->declared_known ? bits_hold(t, sl_effects_full(f->declared)) : UNSURE;
}

static enum tri field_holds(const struct scene *s, const struct sl_term *t, uint16_t row)
{
	struct sl_field f;
	uint64_t v;

	if (!sl_term_field(t, row, &f))
		return UNSURE;
	if (f.space == SL_SPACE_DECL) {
		if (s->word_broken)
			return BROKEN_WORD;
		if (!s->facts->declared_known)
			return UNSURE;
		v = s->facts->raw >> f.shift;
		if (f.width < 32)
			v &= (1u << f.width) - 1;
	} else if (f.space == SL_SPACE_DATA) {
		if (!s->data || (uint32_t)f.off + f.bytes > s->facts->payload)
			return UNSURE;
		v = sl_field_get(&f, s->data);
	} else {
		v = sl_field_get(&f, s->cmd->req);
	}
	return yes_if(sl_interval_has(t->set, t->n_set, v));
}

static enum tri term_holds(const struct scene *s, const struct sl_term *t)
{
	const struct sl_facts *f = s->facts;
	enum tri r = UNSURE;

	switch ((enum sl_term_kind)t->kind) {
	case SL_TERM_FIELD:
		r = field_holds(s, t, f->row);
		break;
	case SL_TERM_LENGTH:
		if (f->length_known)
			r = yes_if(sl_interval_has(t->set, t->n_set, f->length));
		break;
	case SL_TERM_TRUST:
		r = s->word_broken ? BROKEN_WORD
				   : yes_if(sl_interval_has(t->set, t->n_set, f->trust));
		break;
	case SL_TERM_DOOR:
		r = yes_if(sl_interval_has(t->set, t->n_set, s->cmd->door));
		break;
	case SL_TERM_EFFECTS:
		r = effects_hold(s, t);
		break;
	case SL_TERM_SCOPE:
		if (f->scope)
			r = bits_hold(t, f->scope);
		break;
	case SL_TERM_STATE:
		r = state_holds(s, t->bits);
		break;
	case SL_TERM_FENCE:
		r = in_fence(s, t);
		break;
	}
	return t->negate ? not(r) : r;
}

/* --- rules --------------------------------------------------------------------------------- */

/* Every field that a conjunction or the rule's assignments ask for is one of the row's. */
static bool row_has_fields(const struct sl_rule_def *rule, const struct sl_any *const *chain,
			   const uint32_t *pick, unsigned n, uint16_t row)
{
	struct sl_field f;

	for (unsigned i = 0; i < n; i++) {
		if (!chain[i]->n)
			continue;
		const struct sl_all *all = &chain[i]->all[pick[i]];

		for (uint32_t t = 0; t < all->n; t++)
			if (all->term[t]->kind == SL_TERM_FIELD &&
			    !sl_term_field(all->term[t], row, &f))
				return false;
	}
	for (uint32_t i = 0; i < rule->n_sets; i++)
		if (rule->sets[i].name && !sl_name_field(rule->sets[i].name, row, &f))
			return false;
	return true;
}

#define CHAIN_MAX 32

struct asking {
	const struct scene *scene;
	const struct sl_rule_def *rule;
	bool normaliser; /* only conditions on fields of the request, as they were asked */
	const struct sl_any *chain[CHAIN_MAX]; /* the rule's conditions, then its classes' */
	uint32_t pick[CHAIN_MAX];
	enum tri best;
};

static enum tri pick_holds(const struct asking *a, unsigned n)
{
	enum tri r = YES;

	for (unsigned i = 0; i < n; i++) {
		if (!a->chain[i]->n)
			continue;
		const struct sl_all *all = &a->chain[i]->all[a->pick[i]];

		for (uint32_t t = 0; t < all->n; t++) {
			const struct sl_term *x = all->term[t];
			struct sl_field f;

			if (a->normaliser && (x->kind != SL_TERM_FIELD ||
					      !sl_term_field(x, a->scene->facts->row, &f) ||
					      f.space != SL_SPACE_REQ))
				continue;
			r = both(r, term_holds(a->scene, x));
		}
	}
	return r;
}

/* Every choice of an alternative from each part of the chain. */
static void try_alternatives(struct asking *a, unsigned n, unsigned at)
{
	if (at < n) {
		uint32_t count = a->chain[at]->n ? a->chain[at]->n : 1;

		for (a->pick[at] = 0; a->pick[at] < count; a->pick[at]++)
			try_alternatives(a, n, at + 1);
		return;
	}
	if (!row_has_fields(a->rule, a->chain, a->pick, n, a->scene->facts->row))
		return;
	enum tri r = pick_holds(a, n);

	/* Yes counts more than any doubt, any doubt more than no. */
	if (r == YES || a->best == NO || (r == BROKEN_WORD && a->best == UNSURE))
		a->best = a->best == YES ? YES : r;
}

static void try_items(struct asking *a, const struct sl_item *items, uint32_t n, unsigned depth)
{
	for (uint32_t i = 0; i < n; i++) {
		if (items[i].class && depth < CHAIN_MAX) {
			a->chain[depth] = &items[i].class->where;
			try_items(a, items[i].class->items, items[i].class->n_items, depth + 1);
		} else if (!items[i].class &&
			   (!items[i].name ||
			    sl_pattern_row(items[i].name, a->scene->facts->row))) {
			try_alternatives(a, depth, 0);
		}
	}
}

static enum tri rule_holds(const struct scene *s, const struct sl_rule_def *rule, bool normaliser)
{
	struct asking a = {.scene = s, .rule = rule, .normaliser = normaliser, .best = NO};

	a.chain[0] = &rule->where;
	try_items(&a, rule->items, rule->n_items, 1);
	return a.best;
}

/*
 * Is the rule about this client on this device? Unsure only when no alternative is sure: then its
 * deny, but not its allow, counts.
 */
static enum tri rule_concerns(const struct sl_rule_def *rule, const struct sl_identity *who,
			      const struct sl_policy_device *device, const struct sl_contract *c)
{
	enum tri best = NO;

	for (uint32_t i = 0; i < (rule->n_who ? rule->n_who : 1); i++)
		for (uint32_t k = 0; k < (rule->n_device ? rule->n_device : 1); k++) {
			enum tri t = YES;

			if (rule->n_who)
				t = client_is(&rule->who[i], who);
			if (rule->n_device)
				t = both(t, device_is(&rule->device[k], device, c));
			if (t == YES || (t == UNSURE && best == NO))
				best = t;
		}
	return best;
}

/* --- the verdict --------------------------------------------------------------------------- */

struct player {
	const struct sl_identity *who;
	const struct sl_policy_device *device;
};

static bool normalise(const struct scene *s, const struct player *p, struct sl_command *cmd)
{
	const struct sl_command asked = *cmd;
	struct scene before = *s;
	struct sl_facts facts = {.row = sl_row_find(cmd->set, cmd->req)};

	before.cmd = &asked;
	before.facts = &facts;
	for (uint32_t i = 0; i < s->policy->n_rules; i++) {
		const struct sl_rule_def *rule = &s->policy->rules[i];

		if ((!rule->n_sets && !(rule->flags & SL_RULE_RESERVED_0)) ||
		    rule_concerns(rule, p->who, p->device, s->contract) != YES ||
		    rule_holds(&before, rule, true) != YES)
			continue;
		for (uint32_t k = 0; k < rule->n_sets; k++) {
			struct sl_field f = rule->sets[k].field;

			if (rule->sets[k].name)
				(void)sl_name_field(rule->sets[k].name, facts.row, &f);
			sl_field_set(&f, cmd->req, rule->sets[k].value);
		}
		if (rule->flags & SL_RULE_RESERVED_0)
			for (unsigned b = 0; b < SL_REQ_MAX; b++)
				cmd->req[b] &= (uint8_t)(sl_formats[sl_rows[facts.row].format]
								 .known[b / 4] >>
							 8 * (b % 4));
	}
	return memcmp(asked.req, cmd->req, sizeof(asked.req)) != 0;
}

/* The least day until which one of the observations on this device lasts; 0: none. */
static uint64_t observed_until(const struct scene *s, const struct player *p)
{
	uint64_t until = 0;

	for (uint32_t i = 0; i < s->policy->n_observes; i++) {
		const struct sl_observe *o = &s->policy->observes[i];
		bool here = !o->n_device;

		for (uint32_t k = 0; k < o->n_device; k++)
			here |= device_is(&o->device[k], p->device, s->contract) == YES;
		if (here && (!until || o->until < until))
			until = o->until;
	}
	return until;
}

static void ask_rules(const struct scene *s, const struct player *p, struct sl_verdict *v)
{
	uint32_t allowed = 0, denied = 0;
	bool caught = false;

	for (uint32_t i = 0; i < s->policy->n_rules; i++) {
		const struct sl_rule_def *rule = &s->policy->rules[i];
		enum tri about = rule_concerns(rule, p->who, p->device, s->contract);
		enum tri holds;

		if (about == NO)
			continue;
		holds = rule_holds(s, rule, false);
		if (holds == NO)
			continue;
		if (rule->verb == SL_VERB_DENY) {
			if (!denied)
				denied = i + 1;
			continue;
		}
		if (about != YES)
			continue;
		caught |= holds == BROKEN_WORD;
		if (holds != YES)
			continue;
		if (!allowed)
			allowed = i + 1;
		if (rule->flags & SL_RULE_ALONE)
			v->flags |= SL_VERDICT_ALONE;
		if (rule->flags & SL_RULE_DURABLE)
			v->flags |= SL_VERDICT_DURABLE;
	}
	v->allow = allowed && !denied;
	v->rule = denied ? denied : allowed;
	v->reason = denied    ? SL_REASON_DENY_RULE
		    : allowed ? SL_REASON_ALLOWED
		    : caught  ? SL_REASON_CAUGHT
			      : SL_REASON_NO_RULE;
	if (!v->allow)
		v->flags &= SL_VERDICT_NORMALISED;
}

/* What the rules, an observation and the kernel's use make of facts that were comprehended. */
static void judge_scene(struct scene *s, const struct player *p, uint64_t now, struct sl_verdict *v)
{
	bool model = s->policy->flags & SL_IMAGE_MODEL;
	const struct sl_facts *f = s->facts;

	s->word_broken = (f->caught || s->contract->caught) && !model &&
			 (sl_effects_mutating(f->floor) || (sl_rows[f->row].flags & SL_ROW_VENDOR));
	v->reason = f->reason;
	if (f->reason != SL_REASON_ALLOWED && !model)
		return;
	ask_rules(s, p, v);
	if (!v->allow && now < observed_until(s, p)) {
		v->allow = true;
		v->flags |= SL_VERDICT_OBSERVED;
	}
	if (v->allow && !model && f->in_use) {
		v->allow = false;
		v->reason = SL_REASON_IN_USE;
	}
}

/* The command inside has to be allowed as well. */
static void judge_inside(const struct scene *outer, const struct player *p, uint64_t now,
			 struct sl_verdict *v)
{
	struct sl_verdict inside = {.reason = SL_REASON_CARRIED};
	struct sl_command cmd;
	const uint8_t *data;

	inside.facts.floor = inside.facts.effective = SL_E_UNKNOWN;
	if (sl_facts_carried(outer->contract, outer->cmd, outer->data, &v->facts, &cmd, &data)) {
		struct scene s = {outer->policy, outer->contract, &cmd, data, &inside.facts, false};

		sl_facts_collect(outer->contract, &cmd, data, &inside.facts);
		judge_scene(&s, p, now, &inside);
		if (inside.facts.caught)
			inside.flags |= SL_VERDICT_SUSPECT;
	}
	sl_facts_join(&v->facts, &inside.facts);
	v->flags |= inside.flags;
	if (v->allow && !inside.allow) {
		v->reason = inside.reason;
		v->rule = inside.rule;
	}
	v->allow = v->allow && inside.allow;
	if (!v->allow)
		v->flags &= SL_VERDICT_NORMALISED;
}

void sl_slow_judge(const struct sl_policy *policy, const struct sl_identity *who,
		   const struct sl_policy_device *device, const struct sl_contract *contract,
		   struct sl_command *cmd, const uint8_t *data, uint64_t now,
		   struct sl_verdict *ret)
{
	struct scene s = {policy, contract, cmd, data, &ret->facts, false};
	const struct player p = {who, device};
	const struct sl_facts *f = &ret->facts;

	*ret = (struct sl_verdict){0};
	sl_command_resolve(contract, cmd);
	if (normalise(&s, &p, cmd))
		ret->flags |= SL_VERDICT_NORMALISED;
	sl_facts_collect(contract, cmd, data, &ret->facts);
	judge_scene(&s, &p, now, ret);
	if ((sl_rows[f->row].flags & SL_ROW_CARRIER) && !(policy->flags & SL_IMAGE_MODEL))
		judge_inside(&s, &p, now, ret);
	ret->generation = contract->generation;
	ret->excl = f->excl;
	ret->timeout_ms = sl_rows[f->row].timeout_s * 1000u;
	if (cmd->timeout_ms > ret->timeout_ms)
		ret->timeout_ms = ret->timeout_ms > SL_TIMEOUT_MOST_MS	 ? ret->timeout_ms
				  : cmd->timeout_ms > SL_TIMEOUT_MOST_MS ? SL_TIMEOUT_MOST_MS
									 : cmd->timeout_ms;
	if (f->caught || contract->caught)
		ret->flags |= SL_VERDICT_SUSPECT;
	if (sl_effects_mutating(f->effective))
		ret->flags |= SL_VERDICT_DURABLE;
}
