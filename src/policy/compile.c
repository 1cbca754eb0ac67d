/* SPDX-License-Identifier: Apache-2.0 */
/* From rules to the image: every alternative of a rule becomes a rule of the image, in order. */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"

/* A part of a rule that has its own conditions: plain rows, or a class. */
struct part {
	uint32_t *rows;
	struct sl_any where;
};
struct parts {
	uint32_t n;
	struct part *part;
};

static uint32_t string_of(struct sl_compiler *c, const char *s)
{
	return s && *s ? sl_pool_intern(&c->strings, s, (uint32_t)strlen(s) + 1) : 0;
}

static int and_any(struct sl_compiler *c, struct sl_place at, struct sl_any a, struct sl_any b,
		   struct sl_any *ret)
{
	struct sl_any r = {0};

	if (!a.n || !b.n) {
		*ret = a.n ? a : b;
		return 0;
	}
	if ((uint64_t)a.n * b.n > 64)
		return sl_policy_error(
			c->msgs, at, "with those of its classes it has more than 64 alternatives");
	for (uint32_t i = 0; i < a.n * b.n; i++) {
		struct sl_all *x = &a.all[i / b.n], *y = &b.all[i % b.n];
		struct sl_all *all = sl_arena_push(&c->arena, &r.all, &r.n, sizeof(*all));

		for (uint32_t t = 0; t < x->n + y->n; t++)
			*(struct sl_term **)sl_arena_push(&c->arena, &all->term, &all->n,
							  sizeof(struct sl_term *)) =
				t < x->n ? x->term[t] : y->term[t - x->n];
	}
	*ret = r;
	return 0;
}

/* Rows of one list of items: those without conditions of their own together, each class apart. */
static int split(struct sl_compiler *c, struct sl_place at, const struct sl_item *items, uint32_t n,
		 struct sl_any where, struct parts *parts)
{
	uint32_t *plain = NULL; /* rows, and not the part: the array of parts moves */
	int r;

	for (uint32_t i = 0; i < n; i++) {
		if (items[i].class) {
			const struct sl_class *k = items[i].class;
			struct sl_any both;

			r = and_any(c, at, where, k->where, &both);
			if (r == 0)
				r = split(c, at, k->items, k->n_items, both, parts);
			if (r < 0)
				return r;
			continue;
		}
		if (!plain) {
			struct part *p =
				sl_arena_push(&c->arena, &parts->part, &parts->n, sizeof(*p));

			p->where = where;
			p->rows = sl_arena_get(&c->arena, sl_rowset_words() * sizeof(*p->rows));
			plain = p->rows;
		}
		for (uint32_t w = 0; w < sl_rowset_words(); w++)
			plain[w] |= items[i].rows[w];
	}
	return 0;
}

static bool same_fields(const struct sl_rule_def *def, const struct sl_all *all, uint16_t a,
			uint16_t b)
{
	struct sl_field x, y;

	for (uint32_t i = 0; i < all->n; i++) {
		if (all->term[i]->kind != SL_TERM_FIELD || !all->term[i]->name)
			continue;
		if (!sl_term_field(all->term[i], a, &x) || !sl_term_field(all->term[i], b, &y) ||
		    memcmp(&x, &y, sizeof(x)) != 0)
			return false;
	}
	for (uint32_t i = 0; i < def->n_sets; i++) {
		if (!def->sets[i].name)
			continue;
		if (!sl_name_field(def->sets[i].name, a, &x) ||
		    !sl_name_field(def->sets[i].name, b, &y) || memcmp(&x, &y, sizeof(x)) != 0)
			return false;
	}
	return true;
}

/* Can the rule say anything about this row: has it every field that is asked for? */
static bool fits(const struct sl_rule_def *def, const struct sl_all *all, uint16_t row)
{
	return same_fields(def, all, row, row);
}

static void emit(struct sl_compiler *c, const struct sl_rule_def *def, uint8_t verb, uint8_t flags,
		 const struct sl_cond *conds, uint32_t n, uint32_t n_sets, const uint32_t *rows)
{
	struct sl_rule r = {
		.verb = verb,
		.n_conds = (uint8_t)n,
		.n_sets = (uint8_t)n_sets,
		.flags = flags,
		.conds = sl_pool_intern(&c->conds, conds, n),
		.file = string_of(c, def->at.source->file),
		.line = def->at.line,
	};
	struct sl_out_rule o = {.def = def, .rows = rows};

	if (verb == SL_VERB_NORMALISE) {
		/* Once is enough, however many alternatives the rule has. */
		for (uint32_t i = c->rules.n; i-- > 0;) {
			const struct sl_out_rule *old = &((struct sl_out_rule *)c->out.data)[i];

			if (old->def != def)
				break;
			if (memcmp(&((struct sl_rule *)c->rules.data)[i], &r, sizeof(r)) == 0 &&
			    memcmp(old->rows, rows, sl_rowset_words() * sizeof(*rows)) == 0)
				return;
		}
		o.sets = sl_pool_intern(&c->set_runs, conds, n_sets) + 1;
	}
	(void)sl_pool_append(&c->rules, &r, 1);
	(void)sl_pool_append(&c->out, &o, 1);
}

static int emit_normaliser(struct sl_compiler *c, const struct sl_rule_def *def,
			   const struct sl_cond_list *list, uint16_t row, const uint32_t *rows)
{
	struct sl_cond conds[SL_SETS_MAX + SL_CONDS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < def->n_sets; i++) {
		const struct sl_set_to *s = &def->sets[i];
		struct sl_cond cond = {.kind = SL_COND_SET, .field = s->field, .a = s->value};

		if (s->name && !sl_name_field(s->name, row, &cond.field))
			return -EBADMSG; /* check.c has seen to it */
		conds[n++] = cond;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		const struct sl_cond *k = &list->c[i];

		if ((k->kind == SL_COND_FIELD_RANGE || k->kind == SL_COND_FIELD_BITMAP) &&
		    k->field.space == SL_SPACE_REQ)
			conds[n++] = *k;
	}
	emit(c, def, SL_VERB_NORMALISE, def->flags & SL_RULE_RESERVED_0, conds, n, def->n_sets,
	     rows);
	return 0;
}

/* One conjunction on the rows of a part, once for each way in which its fields lie. */
static int expand(struct sl_compiler *c, const struct sl_rule_def *def, const struct part *part,
		  const struct sl_all *all)
{
	uint32_t words = sl_rowset_words();
	uint32_t *left = sl_arena_get(&c->arena, words * sizeof(*left));

	memcpy(left, part->rows, words * sizeof(*left));
	for (uint32_t i = 0; i < sl_row_count; i++) {
		struct sl_cond_list *list;
		uint32_t n, *rows;
		int r;

		if (!sl_rowset_has(left, i) || !fits(def, all, (uint16_t)i))
			continue;
		rows = sl_arena_get(&c->arena, words * sizeof(*rows));
		for (uint32_t k = i; k < sl_row_count; k++)
			if (sl_rowset_has(left, k) &&
			    same_fields(def, all, (uint16_t)i, (uint16_t)k)) {
				rows[k / 32] |= 1u << (k % 32);
				left[k / 32] &= ~(1u << (k % 32));
			}
		r = sl_lower(c, def->at, all, (uint16_t)i, &n, &list);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < n; k++) {
			if (def->n_sets || (def->flags & SL_RULE_RESERVED_0)) {
				r = emit_normaliser(c, def, &list[k], (uint16_t)i, rows);
				if (r < 0)
					return r;
			}
			emit(c, def, def->verb, def->flags & (uint8_t)~SL_RULE_RESERVED_0,
			     list[k].c, list[k].n, 0, rows);
		}
	}
	return 0;
}

static uint32_t where_of(struct sl_compiler *c, const struct sl_device_all *d, uint64_t until)
{
	struct sl_where w = {.observe_until = until};

	if (d) {
		w.vendor = string_of(c, d->vendor);
		w.model = string_of(c, d->model);
		w.firmware = string_of(c, d->firmware);
		w.serial = string_of(c, d->serial);
		w.name = string_of(c, d->name);
		w.protocol = d->protocol;
	}
	return sl_pool_intern(&c->where, &w, 1);
}

static uint32_t who_of(struct sl_compiler *c, const struct sl_who_all *a)
{
	struct sl_who w = {0};

	if (a)
		w = (struct sl_who){
			.asks = a->asks,
			.uid_lo = a->uid_lo,
			.uid_hi = a->uid_hi,
			.gid_lo = a->gid_lo,
			.gid_hi = a->gid_hi,
			.label = string_of(c, a->label),
		};
	return sl_pool_intern(&c->who, &w, 1);
}

/* The sections of a rule, each once. */
static uint32_t sections_of(struct sl_compiler *c, const struct sl_rule_def *def, uint32_t *ret_n)
{
	uint32_t first = c->section_of.n;
	uint32_t n_who = def->n_who ? def->n_who : 1, n_device = def->n_device ? def->n_device : 1;

	for (uint32_t i = 0; i < n_who * n_device; i++) {
		struct sl_section s = {
			.who = who_of(c, def->n_who ? &def->who[i / n_device] : NULL),
			.where = where_of(c, def->n_device ? &def->device[i % n_device] : NULL, 0),
		};
		uint32_t number = sl_pool_intern(&c->sections, &s, 1);
		bool have = false;

		for (uint32_t k = first; k < c->section_of.n; k++)
			have |= ((uint32_t *)c->section_of.data)[k] == number;
		if (!have)
			(void)sl_pool_append(&c->section_of, &number, 1);
	}
	*ret_n = c->section_of.n - first;
	return first;
}

static int compile_rule(struct sl_compiler *c, const struct sl_rule_def *def)
{
	static const struct sl_all nothing;
	struct parts parts = {0};
	uint32_t from = c->out.n, n_sections;
	uint32_t first = sections_of(c, def, &n_sections);
	int r = split(c, def->at, def->items, def->n_items, def->where, &parts);

	for (uint32_t i = 0; r == 0 && i < parts.n; i++) {
		const struct part *p = &parts.part[i];

		if (!p->where.n)
			r = expand(c, def, p, &nothing);
		for (uint32_t k = 0; r == 0 && k < p->where.n; k++)
			r = expand(c, def, p, &p->where.all[k]);
	}
	for (uint32_t i = from; i < c->out.n; i++) {
		struct sl_out_rule *o = &((struct sl_out_rule *)c->out.data)[i];

		o->section = first;
		o->n_sections = n_sections;
	}
	return r;
}

/* The rules of every section, in order. */
struct by_section {
	uint32_t *first; /* sections + 1 */
	uint32_t *rule;
};

static void sort_by_section(struct sl_compiler *c, struct by_section *ret)
{
	const struct sl_out_rule *out = (struct sl_out_rule *)c->out.data;
	const uint32_t *of = (uint32_t *)c->section_of.data;
	uint32_t n = c->sections.n, *at;

	ret->first = sl_arena_get(&c->arena, (n + 2) * sizeof(uint32_t));
	for (uint32_t i = 0; i < c->out.n; i++)
		for (uint32_t k = 0; k < out[i].n_sections; k++)
			ret->first[of[out[i].section + k] + 1]++;
	for (uint32_t s = 0; s < n; s++)
		ret->first[s + 1] += ret->first[s];
	ret->rule = sl_arena_get(&c->arena, (ret->first[n] + 1) * sizeof(uint32_t));
	at = sl_arena_get(&c->arena, (n + 1) * sizeof(uint32_t));
	memcpy(at, ret->first, (n + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < c->out.n; i++)
		for (uint32_t k = 0; k < out[i].n_sections; k++)
			ret->rule[at[of[out[i].section + k]]++] = i;
}

static int too_many_candidates(struct sl_compiler *c, uint32_t row, const uint32_t *rules,
			       uint32_t n)
{
	const struct sl_out_rule *out = (struct sl_out_rule *)c->out.data;
	char lines[128] = "";
	size_t at = 0;
	unsigned last = 0;

	for (uint32_t i = 0; i < n && at + 24 < sizeof(lines); i++) {
		const struct sl_rule_def *d = out[rules[i]].def;

		if (!sl_rowset_has(out[rules[i]].rows, row) || d->at.line == last)
			continue;
		last = d->at.line;
		at += (size_t)snprintf(lines + at, sizeof(lines) - at, "%s%u", at ? ", " : "",
				       last);
	}
	return sl_policy_error(c->msgs, out[rules[n - 1]].def->at,
			       "more than %u rules for %s and the same clients and devices, in "
			       "lines %s, …",
			       SL_LIST_MAX, sl_rows[row].name, lines);
}

static int build_row(struct sl_compiler *c, const uint32_t *rules, uint32_t n, uint32_t row,
		     struct sl_list *ret)
{
	const struct sl_out_rule *out = (struct sl_out_rule *)c->out.data;
	const struct sl_rule *rule = (struct sl_rule *)c->rules.data;
	uint32_t list[SL_LIST_MAX], k = 0;

	for (int normalisers = 1; normalisers >= 0; normalisers--)
		for (uint32_t i = 0; i < n; i++) {
			if (!sl_rowset_has(out[rules[i]].rows, row) ||
			    (rule[rules[i]].verb == SL_VERB_NORMALISE) != normalisers)
				continue;
			if (k == SL_LIST_MAX)
				return too_many_candidates(c, row, rules, n);
			list[k++] = rules[i];
			ret->n_normalise = (uint16_t)(ret->n_normalise + normalisers);
		}
	ret->n_rules = (uint16_t)(k - ret->n_normalise);
	ret->first = k ? sl_pool_intern(&c->cands, list, k) : 0;
	return 0;
}

static int build_pages(struct sl_compiler *c)
{
	uint32_t n_pages = (sl_row_count + SL_PAGE_ROWS - 1) / SL_PAGE_ROWS;
	struct by_section by;

	sort_by_section(c, &by);
	for (uint32_t s = 0; s < c->sections.n; s++)
		for (uint32_t p = 0; p < n_pages; p++) {
			struct sl_page page = {0};
			uint32_t number;

			for (uint32_t k = 0; k < SL_PAGE_ROWS; k++) {
				uint32_t row = p * SL_PAGE_ROWS + k;
				int r = 0;

				if (row < sl_row_count)
					r = build_row(c, by.rule + by.first[s],
						      by.first[s + 1] - by.first[s], row,
						      &page.row[k]);
				if (r < 0)
					return r;
			}
			number = sl_pool_intern(&c->pages, &page, 1);
			(void)sl_pool_append(&c->page_index, &number, 1);
		}
	return 0;
}

static int build_image(struct sl_compiler *c, uint32_t name, void **ret_image, size_t *ret_size)
{
	struct sl_image img = {
		.magic = SL_IMAGE_MAGIC,
		.version = SL_IMAGE_VERSION,
		.table_hash = sl_table_hash(),
		.flags = c->policy->flags,
		.n_pages = (sl_row_count + SL_PAGE_ROWS - 1) / SL_PAGE_ROWS,
		.name = name,
	};
	const struct {
		const struct sl_pool *pool;
		struct sl_span *span;
	} parts[] = {
		{&c->who, &img.who},	       {&c->where, &img.where},
		{&c->sections, &img.sections}, {&c->page_index, &img.page_index},
		{&c->pages, &img.pages},       {&c->cands, &img.cands},
		{&c->rules, &img.rules},       {&c->conds, &img.conds},
		{&c->bitmaps, &img.bitmaps},   {&c->strings, &img.strings},
	};
	size_t size = sizeof(img);
	uint8_t *blob;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size = (size + 7) & ~(size_t)7;
		*parts[i].span = (struct sl_span){(uint32_t)size, parts[i].pool->n};
		size += parts[i].pool->n * parts[i].pool->elem;
	}
	size = (size + 7) & ~(size_t)7;
	if (size > SL_IMAGE_MAX)
		return sl_policy_error(c->msgs, (struct sl_place){0},
				       "the image takes more than %u MiB", SL_IMAGE_MAX >> 20);
	img.size = (uint32_t)size;
	blob = calloc(1, size);
	if (!blob)
		return -ENOMEM;
	memcpy(blob, &img, sizeof(img));
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].pool->n)
			memcpy(blob + parts[i].span->off, parts[i].pool->data,
			       parts[i].pool->n * parts[i].pool->elem);
	*ret_image = blob;
	*ret_size = size;
	return 0;
}

static int compile(struct sl_compiler *c, void **ret_image, size_t *ret_size)
{
	const struct sl_policy *policy = c->policy;
	uint32_t name;
	int r = 0;

	(void)sl_pool_append(&c->strings, "", 1); /* string 0 is the empty one */
	name = string_of(c, policy->name);
	for (uint32_t i = 0; r == 0 && i < policy->n_rules; i++)
		r = compile_rule(c, &policy->rules[i]);
	for (uint32_t i = 0; r == 0 && i < policy->n_observes; i++) {
		const struct sl_observe *o = &policy->observes[i];

		for (uint32_t k = 0; k < (o->n_device ? o->n_device : 1); k++) {
			struct sl_section s = {
				.who = who_of(c, NULL),
				.where = where_of(c, o->n_device ? &o->device[k] : NULL, o->until),
			};
			(void)sl_pool_intern(&c->sections, &s, 1);
		}
	}
	if (r == 0)
		r = sl_limit_binds(c);
	if (r == 0)
		r = sl_limit_normalisers(c);
	if (r == 0)
		r = build_pages(c);
	if (r == 0)
		r = build_image(c, name, ret_image, ret_size);
	return r;
}

int sl_policy_compile(const struct sl_policy *policy, struct sl_policy_messages *msgs,
		      void **ret_image, size_t *ret_size)
{
	struct sl_compiler c = {.policy = policy, .msgs = msgs};
	const struct {
		struct sl_pool *pool;
		size_t elem;
	} pools[] = {
		{&c.who, sizeof(struct sl_who)},
		{&c.where, sizeof(struct sl_where)},
		{&c.sections, sizeof(struct sl_section)},
		{&c.rules, sizeof(struct sl_rule)},
		{&c.conds, sizeof(struct sl_cond)},
		{&c.bitmaps, sizeof(struct sl_bitmap)},
		{&c.strings, 1},
		{&c.set_runs, sizeof(struct sl_cond)},
		{&c.out, sizeof(struct sl_out_rule)},
		{&c.section_of, sizeof(uint32_t)},
		{&c.pages, sizeof(struct sl_page)},
		{&c.cands, sizeof(uint32_t)},
		{&c.page_index, sizeof(uint32_t)},
	};
	const char *why;
	int r;

	*ret_image = NULL;
	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		sl_pool_init(pools[i].pool, pools[i].elem);
	r = compile(&c, ret_image, ret_size);
	if (r == 0 && sl_image_check(*ret_image, *ret_size, &why) < 0) {
		r = sl_policy_error(msgs, (struct sl_place){0}, "the compiler made a bad image: %s",
				    why);
		free(*ret_image);
		*ret_image = NULL;
	}
	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		sl_pool_done(pools[i].pool);
	sl_arena_done(&c.arena);
	return r;
}
