/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would allow a denied command. Whether a rule's condition holds is asked of the core: of a
 * copy of the image in which that rule and that condition are the only ones.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/paths.h"
#include "cli/explain.h"
#include "spec/names.h"

/* Reasons that no policy can overrule, and what could be done. NULL: a policy's matter. */
static const char *const advice[_SL_REASON_N] = {
	[SL_REASON_UNLISTED] =
		"no policy can allow what is in no table: a row for it must be added to "
		"the program first (doc/HOWTO-add-command.md)",
	[SL_REASON_RESERVED_BITS] =
		"clear the bits; or a rule that allows the command `with reserved = 0` clears them",
	[SL_REASON_KERNEL_OWNED] = "nothing: the kernel's driver would lose control of the device",
	[SL_REASON_LENGTH] = "a data buffer of exactly the length that the command transfers",
	[SL_REASON_DIRECTION] = "a data buffer of the direction that the command has",
	[SL_REASON_SHORT] = "a payload as long as its own header says",
	[SL_REASON_NAMESPACE] =
		"a namespace that exists and is the one of the node it is sent through",
	[SL_REASON_TOO_LONG] = "several shorter commands",
	[SL_REASON_META_UNKNOWN] = "nothing: the gate cannot bound what the device would write",
	[SL_REASON_VENDOR_UNDECLARED] =
		"a device whose effects log lists this opcode; what it does is not known otherwise",
	[SL_REASON_NOT_DECLARED] = "a device that says it supports the command",
	[SL_REASON_CAUGHT] = "an operator who clears the device, once it is known why it did what "
			     "it did not declare",
	[SL_REASON_IN_USE] = "the namespace unmounted and claimed by the launcher",
	[SL_REASON_LEDGER] = "a ledger that can be written to",
	[SL_REASON_BUSY] = "the same command again, later",
	[SL_REASON_STALE] = "the same command again",
	[SL_REASON_BROKER] = "a broker that can judge it: what failed is in its own message",
	[SL_REASON_UNDESCRIBED] =
		"a table that describes the fields of the command: it is known by its name alone",
	[SL_REASON_NOT_EVALUATED] =
		"the bit cleared: by its CDB usage data this device does not look at it, so what "
		"it would do with it nobody has said (SPC-6 6.35.3); or a rule that allows the "
		"command `with` that field = 0",
	[SL_REASON_NO_FEATURE] =
		"a feature that the device lists as changeable: `sluice contract show` names those "
		"it has, and what setting them may change",
	[SL_REASON_PROTOCOL] = "the command sent to a device of its protocol",
};

bool sl_reason_is_policy(uint8_t reason)
{
	return reason < SL_COUNT(advice) && !advice[reason];
}

static struct sl_list *list_of(struct sl_image *img, uint32_t section, uint16_t row)
{
	const uint32_t *index = sl_image_at(img, img->page_index);
	struct sl_page *pages = (struct sl_page *)((uint8_t *)img + img->pages.off);

	return &pages[index[section * img->n_pages + row / SL_PAGE_ROWS]].row[row % SL_PAGE_ROWS];
}

/* Does `rule` alone, with only its condition `cond`, allow the command? */
static bool holds(const struct sl_question *q, const struct sl_command *final,
		  const struct sl_verdict *v, const struct sl_bind *bind, uint32_t section,
		  uint32_t rule, uint32_t cond)
{
	const struct sl_image *img = q->policy->image;
	struct sl_image *copy = malloc(q->policy->size);
	struct sl_command cmd = *final;
	struct sl_verdict verdict;
	struct sl_rule *r;
	struct sl_list *l;
	uint32_t *cands;

	if (!copy)
		return false;
	memcpy(copy, img, q->policy->size);
	for (uint32_t i = 0; i < bind->n; i++) {
		l = list_of(copy, bind->s[i].section, v->facts.row);
		l->n_normalise = l->n_rules = 0;
	}
	r = (struct sl_rule *)((uint8_t *)copy + copy->rules.off) + rule;
	r->conds += r->n_sets + cond;
	r->n_sets = 0;
	r->n_conds = 1;
	cands = (uint32_t *)((uint8_t *)copy + copy->cands.off);
	l = list_of(copy, section, v->facts.row);
	l->n_rules = 1;
	cands[l->first] = rule;
	sl_judge(copy, bind, q->contract, &cmd, q->data, 0, &verdict);
	free(copy);
	return verdict.allow;
}

/* One allow rule that names the command: how many of its conditions do not hold? */
static void candidate(const struct sl_question *q, struct sl_emit *e,
		      const struct sl_command *final, const struct sl_verdict *v,
		      const struct sl_bind *bind, uint32_t section, uint32_t number)
{
	const struct sl_image *img = q->policy->image;
	const struct sl_rule *rule = (const struct sl_rule *)sl_image_at(img, img->rules) + number;
	unsigned failed = 0, n = (unsigned)(rule->n_conds - rule->n_sets);

	for (uint32_t i = 0; i < n; i++)
		failed += !holds(q, final, v, bind, section, number, i);
	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "rule", "this rule names it", "%s:%u", sl_image_str(img, rule->file),
		    rule->line);
	sl_explain_rule(e, sl_image_str(img, rule->file), rule->line);
	if (n == 1)
		sl_emit_str(e, "failed", "but", "its condition does not hold");
	else
		sl_emit_str(e, "failed", "but", "%u of its %u conditions do not hold", failed, n);
	sl_emit_end(e);
}

static void candidates(const struct sl_question *q, struct sl_emit *e,
		       const struct sl_command *final, const struct sl_verdict *v)
{
	const struct sl_image *img = q->policy->image;
	const uint32_t *cands = sl_image_at(img, img->cands);
	const struct sl_rule *rules = sl_image_at(img, img->rules);
	struct sl_bind bind;

	if (sl_image_bind(img, q->who, q->contract, q->device, sl_sets[q->cmd.set].protocol,
			  &bind) < 0)
		return;
	sl_emit_array(e, "near", NULL);
	for (uint32_t i = 0; i < bind.n; i++) {
		const struct sl_list *l =
			list_of(q->policy->image, bind.s[i].section, v->facts.row);

		for (uint32_t k = 0; k < l->n_rules; k++) {
			uint32_t number = cands[l->first + l->n_normalise + k];

			if (rules[number].verb == SL_VERB_ALLOW &&
			    rules[number].n_conds > rules[number].n_sets)
				candidate(q, e, final, v, &bind, bind.s[i].section, number);
		}
	}
	sl_emit_end(e);
}

/* Judged anew by another policy, as asked or as root. */
static bool allowed_by(const struct sl_question *q, const struct sl_compiled *policy, bool root)
{
	static const struct sl_identity superuser = {.n_gids = 1, .known = 1};
	struct sl_question as = *q;
	struct sl_command cmd = q->cmd;
	struct sl_verdict v;

	if (root)
		as.who = &superuser;
	return !(((const struct sl_image *)policy->image)->flags & SL_IMAGE_MODEL) &&
	       sl_question_judge(&as, policy->image, &cmd, &v) == 0 && v.allow;
}

/* " name", " name (for root)" or nothing. */
static size_t try_policy(const struct sl_question *q, const char *name, char *buf, size_t size)
{
	struct sl_compiled other;
	int n = 0;

	if (sl_policy_open(name, &other) < 0)
		return 0;
	if (allowed_by(q, &other, false))
		n = snprintf(buf, size, "%s", name);
	else if (allowed_by(q, &other, true))
		n = snprintf(buf, size, "%s (for root)", name);
	sl_policy_close(&other);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* Which of the shipped policies would? */
static void shipped(const struct sl_question *q, struct sl_emit *e)
{
	char dir[4096], names[512] = "none";
	struct dirent **list;
	size_t used = 0;
	int n;

	if (sl_path_data("policies", "", dir, sizeof(dir)) < 0)
		return;
	n = scandir(dir, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char *dot = strrchr(list[i]->d_name, '.'), one[128];
		size_t len = 0;

		if (dot && dot != list[i]->d_name && strcmp(dot, ".policy") == 0) {
			*dot = '\0';
			len = try_policy(q, list[i]->d_name, one, sizeof(one));
		}
		if (len && used + len + 3 < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", one);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	sl_emit_str(e, "policies", "shipped policies", "%s", names);
}

/* Would the policy with this rule added allow it? A remedy that is none must not be shown. */
static bool proved(const struct sl_question *q, const char *rule)
{
	struct sl_policy_messages *msgs = calloc(1, sizeof(*msgs));
	struct sl_compiled with = {0};
	char text[8192];
	bool ok = false;
	int n;

	n = snprintf(text, sizeof(text), "policy \"with\" version 1\ninclude \"%s\"\n%s\n",
		     q->policy->path, rule);
	if (msgs && n > 0 && (size_t)n < sizeof(text) &&
	    sl_policy_parse("remedy", text, (size_t)n, msgs, &with.policy) == 0 &&
	    sl_policy_compile(with.policy, msgs, &with.image, &with.size) == 0)
		ok = allowed_by(q, &with, false);
	sl_policy_close(&with);
	free(msgs);
	return ok;
}

/* A rule that allows this and, as far as a rule can say it, no more. */
static void new_rule(const struct sl_question *q, struct sl_emit *e, const struct sl_verdict *v)
{
	const struct sl_facts *f = &v->facts;
	char effects[512] = "none", rule[1024], opcode[32] = "";
	size_t used = 0;

	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (f->effective >> i & 1)
			used += (size_t)snprintf(effects + used, sizeof(effects) - used, "%s%s",
						 used ? ", " : "", sl_effect_name(i));
	if (sl_rows[f->row].flags & SL_ROW_VENDOR)
		(void)snprintf(opcode, sizeof(opcode), "opcode = 0x%02x and ", q->cmd.req[0]);
	(void)snprintf(rule, sizeof(rule), "allow uid %u: %s\n  where %seffects within {%s}",
		       q->who->uid, sl_rows[f->row].name, opcode, effects);
	if (proved(q, rule))
		sl_emit_str(e, "new_rule", "a new rule", "%s", rule);
}

void sl_explain_remedies(const struct sl_question *q, struct sl_emit *e,
			 const struct sl_command *final, const struct sl_verdict *v)
{
	sl_emit_object(e, "remedies", "What would allow it");
	if (advice[v->reason]) {
		sl_emit_str(e, "advice", "needed", "%s", advice[v->reason]);
	} else if (v->reason == SL_REASON_DENY_RULE) {
		sl_emit_str(e, "advice", "needed",
			    "the deny rule above taken out or narrowed: deny overrides allow");
	} else {
		candidates(q, e, final, v);
		new_rule(q, e, v);
	}
	shipped(q, e);
	sl_emit_end(e);
}
