/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions about one policy. What is asked becomes a policy of its own, whose rule holds for the
 * commands in question; then the domain of both together is searched for a point that decides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "policy/analyse.h"
#include "policy/bits.h"
#include "policy/domain.h"
#include "policy/parse.h"
#include "spec/names.h"
#include "wire/wire.h"

enum form {
	ONLY,	/* only WHO can … */
	CANNOT, /* WHO cannot …, no one can … */
	CAN,
	ALWAYS,
	HAS, /* everything allowed to WHO has … */
};

struct question {
	enum form form;
	uint32_t n_who; /* 0: anybody */
	struct sl_who_all *who;
	struct sl_rule_def rule; /* what is asked about */
};

/* firmware, security: the braces may be left out. */
static int parse_effects(struct sl_parser *p, struct sl_rule_def *rule)
{
	struct sl_term *t = sl_arena_get(&p->policy->arena, sizeof(*t));
	bool braces = sl_take(p, "{");

	t->at = p->t.at;
	t->kind = SL_TERM_EFFECTS;
	t->op = SL_OP_ANY;
	t->subject = SL_SUBJECT_EFFECTIVE;
	do {
		unsigned b = 0;

		while (b < _SL_EFFECT_N && !sl_is(p, sl_effect_name(b)))
			b++;
		if (b == _SL_EFFECT_N)
			return sl_fail(p, "an effect");
		t->bits |= 1u << b;
		sl_next(p);
	} while (sl_take(p, ",") || sl_take(p, "or"));
	rule->where = sl_any_of(&p->policy->arena, t);
	return braces ? sl_expect(p, "}", "after the effects") : 0;
}

static int add_anything(struct sl_parser *p, struct sl_rule_def *rule)
{
	uint32_t *rows = sl_arena_get(&p->policy->arena, sl_rowset_words() * sizeof(*rows));
	struct sl_item *item =
		sl_arena_push(&p->policy->arena, &rule->items, &rule->n_items, sizeof(*item));

	memset(rows, 0xff, sl_rowset_words() * sizeof(*rows));
	*item = (struct sl_item){.at = p->t.at, .rows = rows};
	return 0;
}

/* cause EFFECTS, or COMMANDS [where CONDITIONS] */
static int parse_deed(struct sl_parser *p, struct sl_rule_def *rule)
{
	int r;

	if (sl_take(p, "cause")) {
		(void)add_anything(p, rule);
		return parse_effects(p, rule);
	}
	r = sl_parse_items(p, &rule->n_items, &rule->items);
	if (r == 0 && sl_take(p, "where"))
		r = sl_parse_where(p, &rule->where);
	return r;
}

static int parse_question(struct sl_parser *p, struct question *q)
{
	int r;

	q->rule.at = p->t.at;
	q->rule.verb = SL_VERB_ALLOW;
	if (sl_take(p, "everything")) {
		q->form = HAS;
		r = sl_expect(p, "allowed", "after 'everything'");
		if (r == 0 && sl_take(p, "to"))
			r = sl_parse_who(p, &q->n_who, &q->who);
		if (r == 0)
			r = sl_expect(p, "has", "and the conditions it meets");
		(void)add_anything(p, &q->rule);
		return r < 0 ? r : sl_parse_where(p, &q->rule.where);
	}
	if (sl_take(p, "no")) {
		q->form = CANNOT;
		r = sl_expect(p, "one", "after 'no'");
		if (r == 0)
			r = sl_expect(p, "can", "after 'no one'");
		return r < 0 ? r : parse_deed(p, &q->rule);
	}
	bool only = sl_take(p, "only");

	r = sl_parse_who(p, &q->n_who, &q->who);
	if (r < 0)
		return r;
	if (only) {
		q->form = ONLY;
		r = sl_expect(p, "can", "after 'only' and the clients");
		return r < 0 ? r : parse_deed(p, &q->rule);
	}
	q->form = CANNOT;
	if (!sl_take(p, "cannot")) {
		r = sl_expect(p, "can", "or 'cannot' after the clients");
		if (r < 0)
			return r;
		q->form = sl_take(p, "always") ? ALWAYS : CAN;
	}
	return parse_deed(p, &q->rule);
}

/* The question as a policy: what is asked, and a rule that only brings its clients in. */
static int make_query(struct sl_parser *p, struct question *q, struct sl_policy_messages *msgs,
		      void **ret_image)
{
	struct sl_policy *policy = p->policy;
	struct sl_rule_def clients = {
		.at = q->rule.at, .verb = SL_VERB_ALLOW, .n_who = q->n_who, .who = q->who};
	uint32_t *rows = sl_arena_get(&policy->arena, sl_rowset_words() * sizeof(*rows));
	struct sl_item *item =
		sl_arena_push(&policy->arena, &clients.items, &clients.n_items, sizeof(*item));
	size_t size;
	int r;

	rows[SL_SET_NONE / 32] = 1u << SL_SET_NONE;
	*item = (struct sl_item){.at = q->rule.at, .name = sl_rows[SL_SET_NONE].name, .rows = rows};
	r = sl_check_rule(p, &q->rule);
	if (r < 0)
		return r;
	policy->name = "question";
	policy->flags = SL_IMAGE_MODEL;
	*(struct sl_rule_def *)sl_arena_push(&policy->arena, &policy->rules, &policy->n_rules,
					     sizeof(q->rule)) = q->rule;
	if (q->n_who)
		*(struct sl_rule_def *)sl_arena_push(&policy->arena, &policy->rules,
						     &policy->n_rules, sizeof(clients)) = clients;
	return sl_policy_compile(policy, msgs, ret_image, &size);
}

static bool is_one_of(const struct question *q, const struct sl_identity *id)
{
	for (uint32_t i = 0; i < q->n_who; i++) {
		const struct sl_who_all *w = &q->who[i];
		bool gid = !(w->asks & SL_WHO_GID);

		for (uint32_t g = 0; g < id->n_gids && g < SL_GIDS_MAX; g++)
			gid |= id->gids[g] >= w->gid_lo && id->gids[g] <= w->gid_hi;
		if (gid &&
		    (!(w->asks & SL_WHO_UID) || (id->uid >= w->uid_lo && id->uid <= w->uid_hi)) &&
		    (!(w->asks & SL_WHO_LABEL) || sl_pattern_like(w->label, id->label)))
			return true;
	}
	return !q->n_who;
}

/* Of a command that is allowed, or with ALWAYS refused: no other answers the question. */
static bool decides(const struct question *q, bool member, const struct sl_verdict *v, bool asked)
{
	switch (q->form) {
	case ONLY:
		return !member && asked;
	case CANNOT:
	case CAN:
		return member && asked;
	case ALWAYS:
		return member && asked &&
		       (v->reason == SL_REASON_NO_RULE || v->reason == SL_REASON_DENY_RULE ||
			v->reason == SL_REASON_CAUGHT);
	case HAS:
		return member && !asked;
	}
	return false;
}

static void search_row(struct sl_domain *d, const struct question *q, bool member,
		       struct sl_policy_answer *ret, unsigned *best)
{
	const struct sl_rule *rules = sl_image_at(d->img[0], d->img[0]->rules);

	for (uint32_t n = 0; n < d->n_points; n++) {
		struct sl_point p, again;
		struct sl_command final, unused;
		struct sl_verdict v, asked;
		unsigned odd;

		sl_domain_point(d, n, &p);
		sl_domain_judge(d, 0, &p, &final, &v);
		ret->tried++;
		if (v.allow == (q->form == ALWAYS)) /* decides() goes by that */
			continue;
		again = p;
		memcpy(again.cmd.req, final.req, sizeof(final.req));
		sl_domain_judge(d, 1, &again, &unused, &asked);
		if (!decides(q, member, &v, asked.allow))
			continue;
		odd = sl_domain_oddness(d, n);
		if (odd >= *best)
			continue;
		*best = odd;
		(void)snprintf(ret->client, sizeof(ret->client), "%s", d->kind->client);
		(void)snprintf(ret->device, sizeof(ret->device), "%s", d->kind->device);
		sl_domain_command(d, &p, ret->command, sizeof(ret->command));
		sl_domain_given(d, n, ret->given, sizeof(ret->given));
		ret->effects = v.facts.effective;
		ret->rule[0] = 0;
		if (v.rule)
			(void)snprintf(ret->rule, sizeof(ret->rule), "%s:%u",
				       sl_image_str(d->img[0], rules[v.rule - 1].file),
				       rules[v.rule - 1].line);
	}
}

static void search(const struct sl_image *img, const struct sl_image *query,
		   const struct question *q, struct sl_policy_answer *ret)
{
	const struct sl_image *both[] = {img, query};
	struct sl_domain *d = sl_domain_new(both, 2);
	uint8_t *rows = calloc(1, sl_row_count);
	unsigned best = UINT32_MAX;

	if (!rows)
		abort();
	ret->sampled.clients = d->truncated;
	for (uint32_t k = 0; k < d->n_kinds; k++) {
		bool member = is_one_of(q, &d->kinds[k].who);

		if (q->form == ONLY ? member : !member)
			continue;
		for (uint32_t row = 0; row < sl_row_count; row++) {
			bool sampled = false;

			for (uint32_t v = 0; sl_domain_row(d, k, (uint16_t)row, v); v++) {
				sampled |= d->sampled;
				search_row(d, q, member, ret, &best);
			}
			rows[row] |= sampled;
		}
	}
	ret->yes = (best != UINT32_MAX) == (q->form == CAN);
	sl_sampled_set(&ret->sampled, rows);
	free(rows);
	(void)sl_domain_free(d);
}

int sl_policy_prove(const struct sl_policy *policy, const struct sl_image *img,
		    const char *question, struct sl_policy_messages *msgs,
		    struct sl_policy_answer *ret)
{
	struct sl_policy names = {
		.n_whos = policy->n_whos,
		.whos = policy->whos,
		.n_classes = policy->n_classes,
		.classes = policy->classes,
		.n_fields = policy->n_fields,
		.fields = policy->fields,
	};
	struct sl_text source = {.file = "question", .text = question, .size = strlen(question)};
	struct sl_parser p = {.policy = &names, .msgs = msgs};
	struct question q = {0};
	void *query = NULL;
	int r;

	*ret = (struct sl_policy_answer){0};
	sl_lexer_init(&p.lexer, &source, msgs);
	sl_next(&p);
	r = parse_question(&p, &q);
	if (r == 0 && p.t.kind != SL_TOK_END)
		r = sl_fail(&p, "the end of the question");
	if (r == 0)
		r = make_query(&p, &q, msgs, &query);
	if (r == 0)
		search(img, query, &q, ret);
	free(query);
	sl_arena_done(&names.arena);
	return r;
}
