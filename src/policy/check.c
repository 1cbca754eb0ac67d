/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule names exists, and its conditions fit the commands they are about. */
#include <errno.h>
#include <string.h>

#include "core/table.h"
#include "policy/bits.h"
#include "policy/parse.h"
#include "spec/names.h"
#include "wire/wire.h"

bool sl_row_opaque(uint16_t row)
{
	return sl_rows[row].flags & (SL_ROW_UNLISTED | SL_ROW_NO_DEPTH);
}

static const char *class_or_row(unsigned i, const void *ctx)
{
	const struct sl_policy *policy = ctx;

	if (i < policy->n_classes)
		return policy->classes[i]->name;
	i -= policy->n_classes;
	return i < sl_row_count ? sl_rows[i].name : NULL;
}

static bool rows_of_pattern(const char *pattern, uint32_t *rows)
{
	bool some = false;

	for (uint32_t i = 0; i < sl_row_count; i++)
		if (sl_pattern_row(pattern, (uint16_t)i)) {
			rows[i / 32] |= 1u << (i % 32);
			some = true;
		}
	return some;
}

static void rows_add(uint32_t *rows, const uint32_t *more)
{
	for (uint32_t i = 0; i < sl_rowset_words(); i++)
		rows[i] |= more[i];
}

static uint32_t *rows_new(struct sl_parser *p)
{
	return sl_arena_get(&p->policy->arena, sl_rowset_words() * sizeof(uint32_t));
}

static int unknown_item(struct sl_parser *p, const struct sl_item *item)
{
	const char *near = sl_nearest(item->name, class_or_row, p->policy);
	const char *what = strchr(item->name, '*')   ? "no command fits"
			   : strchr(item->name, '.') ? "there is no command"
						     : "there is no class or command";

	return sl_policy_error(p->msgs, item->at, "%s '%s'%s%s%s", what, item->name,
			       near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int parse_item(struct sl_parser *p, struct sl_item *item)
{
	const struct sl_token *t = &p->t;
	uint32_t *rows = rows_new(p);
	unsigned stars = 0;

	*item = (struct sl_item){.at = t->at, .rows = rows};
	if (sl_take(p, "anything")) {
		memset(rows, 0xff, sl_rowset_words() * sizeof(*rows));
		return 0;
	}
	if (t->kind != SL_TOK_WORD || sl_word_reserved(t->text, t->len))
		return sl_fail(p, "a command like nvme.admin.identify, a class, or anything");
	item->name = sl_arena_str(&p->policy->arena, t->text, t->len);
	for (uint32_t i = 0; i < p->policy->n_classes; i++) {
		struct sl_class *c = p->policy->classes[i];

		if (strcmp(c->name, item->name) != 0)
			continue;
		c->used = true;
		item->class = c;
		for (uint32_t k = 0; k < c->n_items; k++)
			rows_add(rows, c->items[k].rows);
		sl_next(p);
		return 0;
	}
	for (const char *s = item->name; *s; s++)
		stars += *s == '*';
	if (stars > 3)
		return sl_policy_error(p->msgs, item->at, "a pattern has three '*' at most");
	if (!rows_of_pattern(item->name, rows))
		return unknown_item(p, item);
	sl_next(p);
	return 0;
}

int sl_parse_items(struct sl_parser *p, uint32_t *ret_n, struct sl_item **ret)
{
	*ret_n = 0;
	do {
		struct sl_item item;
		int r = parse_item(p, &item);

		if (r < 0)
			return r;
		*(struct sl_item *)sl_arena_push(&p->policy->arena, ret, ret_n, sizeof(item)) =
			item;
	} while (sl_take(p, ","));
	return 0;
}

struct field_names {
	uint16_t row;
};

static const char *row_field_name(unsigned i, const void *ctx)
{
	const struct field_names *names = ctx;
	const struct sl_row *row = &sl_rows[names->row];
	const struct sl_format *f = &sl_formats[row->format];

	if (i >= f->n_fields && row->parent != names->row) {
		i -= f->n_fields;
		f = &sl_formats[sl_rows[row->parent].format];
	}
	return i < f->n_fields ? f->fields[i].name : NULL;
}

static int no_field(struct sl_parser *p, struct sl_place at, const char *name, uint16_t row)
{
	struct field_names ctx = {row};
	const char *near = sl_nearest(name, row_field_name, &ctx);
	const char *s;
	char all[300] = "";
	size_t n = 0;

	/* Its own fields: those of the command it belongs to are in the text already, or reserved.
	 */
	for (unsigned i = 0; i < sl_formats[sl_rows[row].format].n_fields && n < sizeof(all); i++) {
		s = row_field_name(i, &ctx);
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", s);
	}
	if (near)
		return sl_policy_error(p->msgs, at,
				       "%s has no field '%s': did you mean '%s'? It has %s",
				       sl_rows[row].name, name, near, all);
	return sl_policy_error(p->msgs, at, "%s has no field '%s'; it has %s", sl_rows[row].name,
			       name, all);
}

static uint64_t width_mask(const struct sl_field *f)
{
	return (UINT64_C(2) << (f->width - 1)) - 1;
}

static int check_name(struct sl_parser *p, struct sl_place at, const char *name,
		      const uint32_t *rows, uint64_t *ret_mask)
{
	struct sl_field f;
	uint16_t lacking = 0;
	bool some = false;

	*ret_mask = 0;
	for (uint32_t i = 0; i < sl_row_count; i++) {
		if (!sl_rowset_has(rows, i))
			continue;
		if (!sl_name_field(name, (uint16_t)i, &f)) {
			if (!sl_row_opaque((uint16_t)i))
				return no_field(p, at, name, sl_rows[i].parent);
			lacking = (uint16_t)i;
			continue;
		}
		some = true;
		if (width_mask(&f) > *ret_mask)
			*ret_mask = width_mask(&f);
	}
	return some ? 0 : no_field(p, at, name, lacking);
}

static int check_term(struct sl_parser *p, const struct sl_term *t, const uint32_t *rows)
{
	uint64_t mask;
	int r;

	if (t->kind != SL_TERM_FIELD)
		return 0;
	if (t->name) {
		r = check_name(p, t->at, t->name, rows, &mask);
		if (r < 0)
			return r;
	} else {
		mask = width_mask(&t->field);
	}
	for (uint32_t i = 0; i < t->n_set; i++)
		if (t->set[i].lo > mask || (t->set[i].hi > mask && t->set[i].hi != UINT64_MAX))
			return sl_policy_error(
				p->msgs, t->at, "%s%s%s is never %llu: it is at most %llu",
				t->name ? "'" : "the field", t->name ? t->name : "",
				t->name ? "'" : "",
				(unsigned long long)(t->set[i].lo > mask ? t->set[i].lo
									 : t->set[i].hi),
				(unsigned long long)mask);
	return 0;
}

int sl_check_items(struct sl_parser *p, const struct sl_item *items, uint32_t n,
		   const struct sl_any *where)
{
	uint32_t *rows = rows_new(p);

	for (uint32_t i = 0; i < n; i++)
		rows_add(rows, items[i].rows);
	for (uint32_t a = 0; a < where->n; a++)
		for (uint32_t t = 0; t < where->all[a].n; t++) {
			int r = check_term(p, where->all[a].term[t], rows);

			if (r < 0)
				return r;
		}
	return 0;
}

/* Is every bit of the field one that the row's format knows? */
static bool known_bits(const struct sl_field *f, uint16_t row)
{
	const uint32_t *known = sl_formats[sl_rows[row].format].known;

	for (unsigned b = 0; b < f->width; b++) {
		unsigned bit = sl_bits_at(f, b);

		if (!(known[bit / 32] >> (bit % 32) & 1))
			return false;
	}
	return true;
}

static int check_set_on_row(struct sl_parser *p, const struct sl_set_to *s, uint16_t row)
{
	struct sl_field f = s->field, sel;

	if (s->name && !sl_name_field(s->name, row, &f))
		return 0;
	if (sl_row_opaque(row))
		return 0;
	if (sl_row_selector(row, &sel) && sl_bits_meet(&f, &sel))
		return sl_policy_error(p->msgs, s->at,
				       "'%s' says which command it is: it cannot be set",
				       s->name ? s->name : "the field");
	if (f.space != SL_SPACE_REQ)
		return sl_policy_error(p->msgs, s->at,
				       "only fields of the request can be set, not of its payload");
	if (f.off < (sl_sets[sl_rows[row].set].protocol == SL_WIRE_NVME ? 8 : 1))
		return sl_policy_error(p->msgs, s->at, "opcode, flags and namespace cannot be set");
	if (!known_bits(&f, row))
		return sl_policy_error(p->msgs, s->at,
				       "these bits are reserved in %s: 'reserved = 0' clears them",
				       sl_rows[row].name);
	return 0;
}

static int check_sets(struct sl_parser *p, const struct sl_rule_def *rule, const uint32_t *rows)
{
	if (rule->n_sets > SL_SETS_MAX)
		return sl_policy_error(p->msgs, rule->sets[SL_SETS_MAX].at,
				       "a rule sets %u fields at most", SL_SETS_MAX);
	for (uint32_t i = 0; i < rule->n_sets; i++) {
		const struct sl_set_to *s = &rule->sets[i];
		uint64_t mask = 0;
		int r = 0;

		if (s->name)
			r = check_name(p, s->at, s->name, rows, &mask);
		else
			mask = width_mask(&s->field);
		if (r < 0)
			return r;
		if (s->value > mask)
			return sl_policy_error(p->msgs, s->at,
					       "the value does not fit: at most %llu",
					       (unsigned long long)mask);
		for (uint32_t k = 0; k < sl_row_count; k++) {
			r = sl_rowset_has(rows, k) ? check_set_on_row(p, s, (uint16_t)k) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int sl_check_rule(struct sl_parser *p, struct sl_rule_def *rule)
{
	uint32_t *rows = rows_new(p);
	int r = sl_check_items(p, rule->items, rule->n_items, &rule->where);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < rule->n_items; i++)
		rows_add(rows, rule->items[i].rows);
	return check_sets(p, rule, rows);
}
