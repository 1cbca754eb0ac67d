/* SPDX-License-Identifier: Apache-2.0 */
/* Doubts about a policy that is not wrong: what does nothing, and what does more than it seems to.
 */
#include <string.h>

#include "core/table.h"
#include "policy/ast.h"

static void lint_names(const struct sl_policy *policy, struct sl_policy_messages *msgs)
{
	for (uint32_t i = 0; i < policy->n_whos; i++)
		if (!policy->whos[i]->used)
			sl_policy_warning(msgs, policy->whos[i]->at, "no rule is about '%s'",
					  policy->whos[i]->name);
	for (uint32_t i = 0; i < policy->n_devices; i++)
		if (!policy->devices[i]->used)
			sl_policy_warning(msgs, policy->devices[i]->at, "no rule is about '%s'",
					  policy->devices[i]->name);
	for (uint32_t i = 0; i < policy->n_classes; i++)
		if (!policy->classes[i]->used)
			sl_policy_warning(msgs, policy->classes[i]->at, "no rule names '%s'",
					  policy->classes[i]->name);
	for (uint32_t i = 0; i < policy->n_fields; i++)
		if (!policy->fields[i]->used)
			sl_policy_warning(msgs, policy->fields[i]->at, "no condition names '%s'",
					  policy->fields[i]->name);
}

/* Values that both terms leave to a field, when both are positive sets over the same name. */
static bool disjoint(const struct sl_term *a, const struct sl_term *b)
{
	if (a->kind != b->kind || a->op != SL_OP_IN || b->op != SL_OP_IN || a->negate ||
	    b->negate ||
	    (a->kind != SL_TERM_FIELD && a->kind != SL_TERM_LENGTH && a->kind != SL_TERM_TRUST &&
	     a->kind != SL_TERM_DOOR))
		return false;
	if (a->kind == SL_TERM_FIELD &&
	    (!a->name != !b->name || (a->name && strcmp(a->name, b->name) != 0) ||
	     (!a->name && memcmp(&a->field, &b->field, sizeof(a->field)) != 0)))
		return false;
	for (uint32_t i = 0; i < a->n_set; i++)
		for (uint32_t k = 0; k < b->n_set; k++)
			if (a->set[i].lo <= b->set[k].hi && b->set[k].lo <= a->set[i].hi)
				return false;
	return true;
}

/* A set over effects that no command can meet, because another forbids it. */
static bool effects_clash(const struct sl_term *a, const struct sl_term *b)
{
	return a->kind == SL_TERM_EFFECTS && b->kind == SL_TERM_EFFECTS &&
	       a->subject == b->subject && !a->negate && !b->negate && a->op == SL_OP_WITHIN &&
	       b->op == SL_OP_ANY && !(a->bits & b->bits);
}

static bool never(const struct sl_all *all)
{
	for (uint32_t i = 0; i < all->n; i++)
		for (uint32_t k = 0; k < all->n; k++)
			if (i != k && (disjoint(all->term[i], all->term[k]) ||
				       effects_clash(all->term[i], all->term[k])))
				return true;
	return false;
}

/* The rule sets a field to what its own condition then refuses. */
static const struct sl_set_to *undone(const struct sl_rule_def *rule, const struct sl_all *all)
{
	for (uint32_t i = 0; i < all->n; i++) {
		const struct sl_term *t = all->term[i];

		if (t->kind != SL_TERM_FIELD || !t->name)
			continue;
		for (uint32_t k = 0; k < rule->n_sets; k++)
			if (rule->sets[k].name && strcmp(rule->sets[k].name, t->name) == 0 &&
			    sl_interval_has(t->set, t->n_set, rule->sets[k].value) == t->negate)
				return &rule->sets[k];
	}
	return NULL;
}

/* Rows that can be comprehended at all; without them a rule allows nothing. */
static bool hopeless(const struct sl_rule_def *rule)
{
	for (uint32_t i = 0; i < rule->n_items; i++)
		for (uint32_t row = 0; row < sl_row_count; row++)
			if (sl_rowset_has(rule->items[i].rows, row) &&
			    !(sl_rows[row].flags &
			      (SL_ROW_KERNEL | SL_ROW_UNLISTED | SL_ROW_NO_DEPTH)))
				return false;
	return true;
}

static void lint_rule(const struct sl_policy *policy, const struct sl_rule_def *rule,
		      struct sl_policy_messages *msgs)
{
	bool all_never = rule->where.n > 0;
	const struct sl_set_to *set;

	for (uint32_t i = 0; i < rule->where.n; i++) {
		const struct sl_all *all = &rule->where.all[i];

		all_never &= never(all);
		set = undone(rule, all);
		if (set)
			sl_policy_warning(msgs, set->at,
					  "the rule sets '%s' to %llu and then does not allow it",
					  set->name, (unsigned long long)set->value);
		for (uint32_t k = 0; k < all->n; k++)
			if (rule->verb == SL_VERB_ALLOW && all->term[k]->kind == SL_TERM_EFFECTS &&
			    all->term[k]->op == SL_OP_WITHIN && !all->term[k]->negate &&
			    all->term[k]->bits == SL_E_ALL)
				sl_policy_warning(msgs, all->term[k]->at,
						  "who admits 'unknown' admits every effect");
	}
	if (all_never)
		sl_policy_warning(msgs, rule->at, "no command can meet these conditions");
	if (rule->verb == SL_VERB_ALLOW && !(policy->flags & SL_IMAGE_MODEL) && hopeless(rule))
		sl_policy_warning(
			msgs, rule->at,
			"nothing that it names is ever let through: the kernel owns it, or "
			"its fields are not known");
}

static bool covers_who(const struct sl_rule_def *a, const struct sl_rule_def *b)
{
	bool everybody = !a->n_who, everywhere = !a->n_device;

	for (uint32_t i = 0; i < a->n_who; i++)
		everybody |= !a->who[i].asks;
	if (!everybody && a->n_who == b->n_who)
		everybody = memcmp(a->who, b->who, a->n_who * sizeof(*a->who)) == 0;
	if (!everywhere && a->n_device == b->n_device)
		everywhere = memcmp(a->device, b->device, a->n_device * sizeof(*a->device)) == 0;
	return everybody && everywhere;
}

static bool covers_rows(const struct sl_rule_def *a, const struct sl_rule_def *b)
{
	for (uint32_t w = 0; w < sl_rowset_words(); w++) {
		uint32_t has = 0, needs = 0;

		for (uint32_t i = 0; i < a->n_items; i++)
			if (!a->items[i].class || !a->items[i].class->where.n)
				has |= a->items[i].rows[w];
		for (uint32_t i = 0; i < b->n_items; i++)
			needs |= b->items[i].rows[w];
		if (needs & ~has)
			return false;
	}
	return true;
}

/* A rule without conditions that says at least as much, and asks nothing. */
static void lint_shadow(const struct sl_policy *policy, uint32_t n, struct sl_policy_messages *msgs)
{
	const struct sl_rule_def *b = &policy->rules[n];

	for (uint32_t i = 0; i < policy->n_rules; i++) {
		const struct sl_rule_def *a = &policy->rules[i];

		if (i == n || a->where.n || (a->verb == SL_VERB_ALLOW && b->verb == SL_VERB_DENY) ||
		    a->flags || a->n_sets || b->n_sets || b->flags || !covers_who(a, b) ||
		    !covers_rows(a, b))
			continue;
		/* Two equal rules: the later one is the one too many. */
		if (i > n && covers_who(b, a) && covers_rows(b, a) && !b->where.n &&
		    a->verb == b->verb)
			continue;
		sl_policy_warning(msgs, b->at, "it changes nothing: the rule at %s:%u %s as much",
				  a->at.source->file, a->at.line,
				  a->verb == SL_VERB_DENY ? "denies" : "allows");
		return;
	}
}

void sl_policy_lint(const struct sl_policy *policy, struct sl_policy_messages *msgs)
{
	lint_names(policy, msgs);
	if (!policy->n_rules)
		sl_policy_warning(msgs, policy->at, "it has no rule: everything is denied");
	for (uint32_t i = 0; i < policy->n_rules; i++) {
		lint_rule(policy, &policy->rules[i], msgs);
		/* Quadratic, and only of use where a person reads every rule. */
		if (policy->n_rules <= 2000)
			lint_shadow(policy, i, msgs);
	}
}
