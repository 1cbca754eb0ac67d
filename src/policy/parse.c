/* SPDX-License-Identifier: Apache-2.0 */
/* Statements. One message for each statement that is wrong; then on to the next one. */
#include "policy/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int parse_source(struct sl_parser *p, const struct sl_text *source);

void sl_next(struct sl_parser *p)
{
	sl_lexer_next(&p->lexer, &p->t);
}

bool sl_is(const struct sl_parser *p, const char *text)
{
	return (p->t.kind == SL_TOK_WORD || p->t.kind == SL_TOK_SIGN) && strlen(text) == p->t.len &&
	       memcmp(text, p->t.text, p->t.len) == 0;
}

bool sl_take(struct sl_parser *p, const char *text)
{
	if (!sl_is(p, text))
		return false;
	sl_next(p);
	return true;
}

int sl_fail(struct sl_parser *p, const char *fmt, ...)
{
	const struct sl_token *t = &p->t;
	char expected[256];
	va_list ap;
	int shown = t->len > 40 ? 40 : (int)t->len;

	va_start(ap, fmt);
	(void)vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	switch (t->kind) {
	case SL_TOK_BAD: /* said already */
		return -EBADMSG;
	case SL_TOK_END:
		return sl_policy_error(p->msgs, t->at, "expected %s, found the end of the file",
				       expected);
	case SL_TOK_NUMBER:
		return sl_policy_error(p->msgs, t->at, "expected %s, found the number %.*s",
				       expected, shown, t->text);
	case SL_TOK_DATE:
		return sl_policy_error(p->msgs, t->at, "expected %s, found the date %.*s", expected,
				       shown, t->text);
	case SL_TOK_STRING:
		return sl_policy_error(p->msgs, t->at, "expected %s, found the string \"%.*s\"",
				       expected, shown, t->text);
	case SL_TOK_WORD:
	case SL_TOK_SIGN:
		break;
	}
	return sl_policy_error(p->msgs, t->at, "expected %s, found '%.*s'", expected, shown,
			       t->text);
}

int sl_expect(struct sl_parser *p, const char *text, const char *why)
{
	if (sl_take(p, text))
		return 0;
	return sl_fail(p, "'%s' %s", text, why);
}

int sl_parse_name(struct sl_parser *p, const char *what, struct sl_place *ret_at,
		  const char **ret_name)
{
	const struct sl_token *t = &p->t;

	if (t->kind != SL_TOK_WORD)
		return sl_fail(p, "%s", what);
	if (sl_word_reserved(t->text, t->len))
		return sl_policy_error(p->msgs, t->at,
				       "expected %s, but '%.*s' is a word of the language", what,
				       (int)t->len, t->text);
	if (memchr(t->text, '.', t->len) || memchr(t->text, '*', t->len))
		return sl_policy_error(p->msgs, t->at,
				       "expected %s; a name has no '.' and no '*' in it", what);
	if (t->len >= 64)
		return sl_policy_error(p->msgs, t->at, "expected %s of at most 63 letters", what);
	*ret_at = t->at;
	*ret_name = sl_arena_str(&p->policy->arena, t->text, t->len);
	sl_next(p);
	return 0;
}

int sl_parse_string(struct sl_parser *p, const char *what, const char **ret)
{
	if (p->t.kind != SL_TOK_STRING)
		return sl_fail(p, "%s in quotes", what);
	if (p->t.len == 0)
		return sl_policy_error(p->msgs, p->t.at, "expected %s, found an empty string",
				       what);
	*ret = sl_arena_str(&p->policy->arena, p->t.text, p->t.len);
	sl_next(p);
	return 0;
}

int sl_parse_number(struct sl_parser *p, const char *what, uint64_t *ret)
{
	if (p->t.kind != SL_TOK_NUMBER)
		return sl_fail(p, "%s", what);
	*ret = p->t.value;
	sl_next(p);
	return 0;
}

static int parse_head(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	const char *name;
	int r;

	if (p->headed && p->depth == 0)
		return sl_policy_error(p->msgs, p->t.at, "the policy has a name already");
	if (p->depth == 0)
		policy->at = p->t.at;
	sl_next(p);
	r = sl_parse_string(p, "the policy's name", &name);
	if (r < 0)
		return r;
	r = sl_expect(p, "version", "after the policy's name");
	if (r < 0)
		return r;
	if (p->depth == 0) {
		policy->name = name;
		p->headed = true;
		return sl_parse_number(p, "the version's number", &policy->version);
	}
	/* An included policy keeps its head, so that it can be used alone. */
	return sl_parse_number(p, "the version's number", &(uint64_t){0});
}

static int parse_answers(struct sl_parser *p)
{
	sl_next(p);
	if (sl_take(p, "as-device"))
		p->policy->flags |= SL_IMAGE_ANSWERS_AS_DEVICE;
	else if (sl_take(p, "as-allowed"))
		p->policy->flags &= ~(uint32_t)SL_IMAGE_ANSWERS_AS_DEVICE;
	else
		return sl_fail(p, "'as-device' or 'as-allowed'");
	return 0;
}

static int parse_model(struct sl_parser *p)
{
	sl_next(p);
	p->policy->flags |= SL_IMAGE_MODEL;
	return 0;
}

static int already(struct sl_parser *p, struct sl_place at, const char *name, struct sl_place old)
{
	return sl_policy_error(p->msgs, at, "'%s' is defined already, at %s:%u", name,
			       old.source->file, old.line);
}

static int parse_who_def(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	struct sl_who_def d = {0};
	int r;

	sl_next(p);
	r = sl_parse_name(p, "a name for the clients", &d.at, &d.name);
	if (r == 0)
		r = sl_expect(p, "=", "after the name of the clients");
	if (r == 0)
		r = sl_parse_who(p, &d.n, &d.all);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < policy->n_whos; i++)
		if (strcmp(policy->whos[i]->name, d.name) == 0)
			return already(p, d.at, d.name, policy->whos[i]->at);
	struct sl_who_def **at =
		sl_arena_push(&policy->arena, &policy->whos, &policy->n_whos, sizeof(*at));
	*at = sl_arena_get(&policy->arena, sizeof(d));
	**at = d;
	return 0;
}

static int parse_device_def(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	struct sl_device_def d = {0};
	int r;

	sl_next(p);
	r = sl_parse_name(p, "a name for the devices", &d.at, &d.name);
	if (r == 0)
		r = sl_expect(p, "=", "after the name of the devices");
	if (r == 0)
		r = sl_parse_device(p, &d.n, &d.all);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < policy->n_devices; i++)
		if (strcmp(policy->devices[i]->name, d.name) == 0)
			return already(p, d.at, d.name, policy->devices[i]->at);
	struct sl_device_def **at =
		sl_arena_push(&policy->arena, &policy->devices, &policy->n_devices, sizeof(*at));
	*at = sl_arena_get(&policy->arena, sizeof(d));
	**at = d;
	return 0;
}

static const char *format_field(unsigned i, const void *ctx)
{
	(void)ctx;
	for (uint32_t f = 0; f < sl_format_count; f++) {
		if (i < sl_formats[f].n_fields)
			return sl_formats[f].fields[i].name;
		i -= sl_formats[f].n_fields;
	}
	return NULL;
}

static int parse_field_def(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	struct sl_field_def d = {0};
	const char *name, *s;
	int r;

	sl_next(p);
	r = sl_parse_name(p, "a name for the field", &d.at, &d.name);
	if (r == 0)
		r = sl_expect(p, "=", "after the name of the field");
	if (r < 0)
		return r;
	struct sl_place bits_at = p->t.at;

	r = sl_parse_bits(p, &name, &d.field);
	if (r < 0)
		return r;
	if (name)
		return sl_policy_error(p->msgs, bits_at,
				       "expected bits like cdw12[7:0], found '%s'", name);
	for (unsigned i = 0; (s = format_field(i, NULL)); i++)
		if (strcmp(s, d.name) == 0)
			return sl_policy_error(p->msgs, d.at,
					       "'%s' is a field of the specification already: "
					       "choose another name",
					       d.name);
	for (uint32_t i = 0; i < policy->n_fields; i++)
		if (strcmp(policy->fields[i]->name, d.name) == 0)
			return already(p, d.at, d.name, policy->fields[i]->at);
	struct sl_field_def **at =
		sl_arena_push(&policy->arena, &policy->fields, &policy->n_fields, sizeof(*at));
	*at = sl_arena_get(&policy->arena, sizeof(d));
	**at = d;
	return 0;
}

static int parse_class_def(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	struct sl_class d = {0};
	int r;

	sl_next(p);
	r = sl_parse_name(p, "a name for the class", &d.at, &d.name);
	if (r == 0)
		r = sl_expect(p, "=", "after the name of the class");
	if (r == 0)
		r = sl_parse_items(p, &d.n_items, &d.items);
	if (r == 0 && sl_take(p, "where"))
		r = sl_parse_where(p, &d.where);
	if (r == 0)
		r = sl_check_items(p, d.items, d.n_items, &d.where);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < policy->n_classes; i++)
		if (strcmp(policy->classes[i]->name, d.name) == 0)
			return already(p, d.at, d.name, policy->classes[i]->at);
	struct sl_class **at =
		sl_arena_push(&policy->arena, &policy->classes, &policy->n_classes, sizeof(*at));
	*at = sl_arena_get(&policy->arena, sizeof(d));
	**at = d;
	return 0;
}

static int parse_observe(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	struct sl_observe o = {.at = p->t.at};
	int r;

	sl_next(p);
	r = sl_expect(p, "until", "after 'observe'");
	if (r < 0)
		return r;
	if (p->t.kind != SL_TOK_DATE)
		return sl_fail(p, "a date like 2026-12-31");
	o.until = p->t.value;
	sl_next(p);
	if (sl_take(p, "on")) {
		r = sl_parse_device(p, &o.n_device, &o.device);
		if (r < 0)
			return r;
	}
	*(struct sl_observe *)sl_arena_push(&policy->arena, &policy->observes, &policy->n_observes,
					    sizeof(o)) = o;
	return 0;
}

/* Does a condition begin here, so that the rule is about everything? */
static bool is_condition(const struct sl_parser *p)
{
	const struct sl_token *t = &p->t;

	if (t->kind != SL_TOK_WORD)
		return false;
	return sl_word_find(SL_WORD_SUBJECT, t->text, t->len) ||
	       sl_word_find(SL_WORD_STATE, t->text, t->len) || sl_is(p, "not");
}

static int parse_what(struct sl_parser *p, struct sl_rule_def *rule)
{
	size_t size = sl_rowset_words() * sizeof(uint32_t);
	uint32_t *rows = sl_arena_get(&p->policy->arena, size);
	struct sl_item all = {.at = p->t.at, .rows = rows};

	if (!is_condition(p) && !sl_is(p, "("))
		return sl_parse_items(p, &rule->n_items, &rule->items);
	memset(rows, 0xff, size);
	*(struct sl_item *)sl_arena_push(&p->policy->arena, &rule->items, &rule->n_items,
					 sizeof(all)) = all;
	return sl_parse_where(p, &rule->where);
}

static int parse_clauses(struct sl_parser *p, struct sl_rule_def *rule, struct sl_any *with)
{
	bool on = false, where = false, has_with = false;
	struct sl_any cond;
	int r;

	for (;;) {
		struct sl_place at = p->t.at;

		if (sl_is(p, "on") && !on) {
			on = true;
			sl_next(p);
			r = sl_parse_device(p, &rule->n_device, &rule->device);
		} else if (sl_is(p, "where") && !where) {
			where = true;
			sl_next(p);
			r = sl_parse_where(p, &cond);
			if (r == 0)
				r = sl_any_and(p, at, rule->where, cond, &rule->where);
		} else if (sl_is(p, "with") && !has_with) {
			if (rule->verb == SL_VERB_DENY)
				return sl_policy_error(
					p->msgs, at,
					"a deny rule takes no 'with': nothing is sent");
			has_with = true;
			sl_next(p);
			r = sl_parse_with(p, rule, with);
		} else {
			return 0;
		}
		if (r < 0)
			return r;
	}
}

static int parse_rule(struct sl_parser *p)
{
	struct sl_policy *policy = p->policy;
	struct sl_rule_def rule = {.at = p->t.at};
	struct sl_any with = {0};
	int r;

	rule.verb = sl_is(p, "deny") ? SL_VERB_DENY : SL_VERB_ALLOW;
	sl_next(p);
	r = sl_parse_who(p, &rule.n_who, &rule.who);
	if (r == 0)
		r = sl_expect(p, ":", "after the clients of the rule");
	if (r == 0)
		r = parse_what(p, &rule);
	if (r == 0)
		r = parse_clauses(p, &rule, &with);
	if (r == 0)
		r = sl_any_and(p, rule.at, rule.where, with, &rule.where);
	if (r == 0)
		r = sl_check_rule(p, &rule);
	if (r < 0)
		return r;
	*(struct sl_rule_def *)sl_arena_push(&policy->arena, &policy->rules, &policy->n_rules,
					     sizeof(rule)) = rule;
	return 0;
}

int sl_source_read(struct sl_arena *a, const char *path, struct sl_text *ret);
int sl_source_read(struct sl_arena *a, const char *path, struct sl_text *ret)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;
	int r = 0;

	if (!f)
		return -errno;
	text = malloc(SL_POLICY_TEXT_MAX + 1);
	if (!text) {
		(void)fclose(f);
		return -ENOMEM;
	}
	n = fread(text, 1, SL_POLICY_TEXT_MAX + 1, f);
	if (ferror(f))
		r = errno ? -errno : -EIO;
	else if (n > SL_POLICY_TEXT_MAX)
		r = -EFBIG;
	(void)fclose(f);
	if (r == 0) {
		ret->text = sl_arena_str(a, text, n);
		ret->size = n;
		ret->file = sl_arena_str(a, path, strlen(path));
	}
	free(text);
	return r;
}

static int parse_include(struct sl_parser *p)
{
	struct sl_arena *a = &p->policy->arena;
	struct sl_text *s = sl_arena_get(a, sizeof(*s));
	const struct sl_text *here = p->t.at.source;
	const char *slash = strrchr(here->file, '/');
	size_t dir = slash ? (size_t)(slash - here->file) + 1 : 0;
	struct sl_place at;
	const char *name;
	char *path;
	int r;

	sl_next(p);
	at = p->t.at;
	r = sl_parse_string(p, "the name of a file", &name);
	if (r < 0)
		return r;
	if (name[0] == '/')
		dir = 0;
	path = sl_arena_get(a, dir + strlen(name) + 1);
	memcpy(path, here->file, dir);
	memcpy(path + dir, name, strlen(name) + 1);
	for (const struct sl_text *up = here; up; up = up->parent)
		if (strcmp(up->file, path) == 0)
			return sl_policy_error(p->msgs, at, "'%s' includes itself", path);
	if (p->depth + 1 == SL_INCLUDE_DEPTH)
		return sl_policy_error(p->msgs, at, "more than %u files include each other",
				       SL_INCLUDE_DEPTH);
	r = sl_source_read(a, path, s);
	if (r < 0)
		return sl_policy_error(p->msgs, at, "'%s' cannot be read: %s", path, strerror(-r));
	s->parent = (struct sl_text *)(uintptr_t)here;
	p->depth++;
	struct sl_lexer outer = p->lexer;
	struct sl_token after = p->t;

	r = parse_source(p, s);
	p->lexer = outer;
	p->t = after;
	p->depth--;
	return r;
}

/* In the order of the statements in sl_words. */
static const struct {
	const char *word;
	int (*parse)(struct sl_parser *p);
} statements[] = {
	{"policy", parse_head},	    {"answers", parse_answers}, {"model", parse_model},
	{"include", parse_include}, {"who", parse_who_def},	{"device", parse_device_def},
	{"field", parse_field_def}, {"class", parse_class_def}, {"observe", parse_observe},
	{"allow", parse_rule},	    {"deny", parse_rule},
};

static const char *statement_name(unsigned i, const void *ctx)
{
	(void)ctx;
	return i < sizeof(statements) / sizeof(statements[0]) ? statements[i].word : NULL;
}

static int parse_statement(struct sl_parser *p)
{
	const char *near = NULL;
	char word[32];

	for (unsigned i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (!sl_is(p, statements[i].word))
			continue;
		if (!p->headed && i != 0)
			return sl_fail(p, "'policy \"NAME\" version 1' first");
		return statements[i].parse(p);
	}
	if (!p->headed)
		return sl_fail(p, "'policy \"NAME\" version 1' first");
	if (p->t.kind == SL_TOK_WORD) {
		(void)snprintf(word, sizeof(word), "%.*s", (int)p->t.len, p->t.text);
		near = sl_nearest(word, statement_name, NULL);
	}
	if (near)
		return sl_fail(p, "a statement (did you mean '%s'?)", near);
	return sl_fail(p, "a statement (allow, deny, class, who, device, field, …)");
}

/* To the beginning of the next statement: a statement's word that is the first of its line. */
static void skip_statement(struct sl_parser *p)
{
	do
		sl_next(p);
	while (p->t.kind != SL_TOK_END && !(p->t.first && p->t.kind == SL_TOK_WORD &&
					    sl_word_find(SL_WORD_STATEMENT, p->t.text, p->t.len)));
}

static int parse_source(struct sl_parser *p, const struct sl_text *source)
{
	bool stuck;

	sl_lexer_init(&p->lexer, source, p->msgs);
	sl_next(p);
	while (p->t.kind != SL_TOK_END && p->msgs->errors < SL_POLICY_MESSAGES) {
		struct sl_place at = p->t.at;
		int r = parse_statement(p);

		if (r == 0 && p->t.kind != SL_TOK_END && !p->t.first)
			r = sl_fail(p, "the end of the statement");
		if (r == 0)
			continue;
		if (!p->headed && p->depth == 0)
			return r; /* all the rest would only be consequences */
		stuck = at.line == p->t.at.line && at.column == p->t.at.column;
		if (stuck || !p->t.first || p->t.kind != SL_TOK_WORD ||
		    !sl_word_find(SL_WORD_STATEMENT, p->t.text, p->t.len))
			skip_statement(p);
	}
	if (p->depth == 0 && !p->headed && !p->msgs->errors)
		return sl_fail(p, "'policy \"NAME\" version 1' first");
	return p->msgs->errors ? -EBADMSG : 0;
}

static int parse_all(struct sl_policy *policy, struct sl_text *source,
		     struct sl_policy_messages *msgs, struct sl_policy **ret_policy)
{
	struct sl_parser p = {.policy = policy, .msgs = msgs};
	int r = parse_source(&p, source);

	/* A message of any kind of error means that nothing is loaded. */
	if (r < 0 || msgs->errors) {
		(void)sl_policy_free(policy);
		return r < 0 ? r : -EBADMSG;
	}
	*ret_policy = policy;
	return 0;
}

int sl_policy_parse(const char *name, const char *text, size_t size,
		    struct sl_policy_messages *msgs, struct sl_policy **ret_policy)
{
	struct sl_policy *policy = calloc(1, sizeof(*policy));
	struct sl_text *s;

	*ret_policy = NULL;
	if (!policy)
		return -ENOMEM;
	s = sl_arena_get(&policy->arena, sizeof(*s));
	s->file = sl_arena_str(&policy->arena, name, strlen(name));
	s->text = sl_arena_str(&policy->arena, text, size);
	s->size = size;
	return parse_all(policy, s, msgs, ret_policy);
}

int sl_policy_load(const char *path, struct sl_policy_messages *msgs, struct sl_policy **ret_policy)
{
	struct sl_policy *policy = calloc(1, sizeof(*policy));
	struct sl_text *s;
	int r;

	*ret_policy = NULL;
	if (!policy)
		return -ENOMEM;
	s = sl_arena_get(&policy->arena, sizeof(*s));
	r = sl_source_read(&policy->arena, path, s);
	if (r < 0) {
		s->file = sl_arena_str(&policy->arena, path, strlen(path));
		s->text = "";
		(void)sl_policy_error(msgs, (struct sl_place){.source = s}, "cannot be read: %s",
				      strerror(-r));
		(void)sl_policy_free(policy);
		return r;
	}
	return parse_all(policy, s, msgs, ret_policy);
}
