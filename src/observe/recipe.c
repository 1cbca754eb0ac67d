/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "observe/phase.h"

struct sl_recipe *sl_recipe_free(struct sl_recipe *r)
{
	for (unsigned i = 0; r && i < r->n; i++)
		free(r->step[i].payload);
	if (r)
		free(r->step);
	free(r);
	return NULL;
}

static bool same(const struct sl_recipe_step *a, const struct sl_step *s)
{
	if (a->keep != s->keep)
		return false;
	if (!s->keep)
		return true;
	return memcmp(&a->cmd, &s->x->cmd, sizeof(a->cmd)) == 0 && !a->payload == !s->x->payload &&
	       (!a->payload || memcmp(a->payload, s->x->payload, a->cmd.data_len) == 0);
}

/* False: out of memory, or too long. */
static bool add(struct sl_recipe *r, const struct sl_step *s, size_t *payloads)
{
	struct sl_recipe_step *to = r->n ? &r->step[r->n - 1] : NULL;

	if (to && same(to, s)) {
		to->times++;
		return true;
	}
	if (r->n == SL_RECIPE_STEPS_MAX)
		return false;
	if ((r->n & (r->n - 1)) == 0) {
		struct sl_recipe_step *v =
			realloc(r->step, (r->n ? 2 * r->n : 1) * sizeof(*r->step));

		if (!v)
			return false;
		r->step = v;
	}
	to = &r->step[r->n];
	*to = (struct sl_recipe_step){.keep = s->keep, .times = 1};
	if (s->keep) {
		to->kind = s->x->kind;
		to->row = s->x->row;
		to->nsid = s->x->nsid;
		to->floor = s->x->floor;
		to->cmd = s->x->cmd;
		(void)snprintf(to->name, sizeof(to->name), "%s", s->x->name);
	}
	if (s->keep && s->x->payload && to->cmd.data_len) {
		*payloads += to->cmd.data_len;
		to->payload = *payloads <= SL_RECIPE_PAYLOAD_MAX ? malloc(to->cmd.data_len) : NULL;
		if (!to->payload)
			return false;
		memcpy(to->payload, s->x->payload, to->cmd.data_len);
	}
	r->n++;
	return true;
}

struct sl_recipe *sl_recipe_of(const struct sl_trial *run)
{
	struct sl_recipe *r = calloc(1, sizeof(*r));
	size_t payloads = 0;
	bool good = r && run->n <= SL_RECIPE_TIMES_MAX;

	for (unsigned i = 0; good && i < run->n; i++)
		good = add(r, &run->step[i], &payloads);
	if (!good)
		return sl_recipe_free(r);
	r->flags = run->flags;
	r->stages = run->stages;
	r->prefix = run->prefix;
	r->elapsed = run->elapsed;
	return r;
}

struct sl_recipe *sl_recipe_of_step(const struct sl_trial *run, const struct sl_step *s)
{
	struct sl_step one = *s;
	struct sl_trial t = *run;

	t.n = 1;
	t.prefix = 0;
	t.step = &one;
	t.elapsed = 0;
	return sl_recipe_of(&t);
}

static struct sl_case case_of(const struct sl_verifier *v, const struct sl_recipe_step *s)
{
	struct sl_case x = {.kind = s->kind,
			    .row = s->row,
			    .nsid = s->nsid,
			    .floor = s->floor,
			    .cmd = s->cmd,
			    .payload = s->payload};

	(void)snprintf(x.name, sizeof(x.name), "%s", s->name);
	sl_facts_collect(v->c, &x.cmd, x.payload, &x.facts);
	x.listed = x.facts.declared_known;
	x.declared = x.listed ? x.facts.declared : SL_E_NONE;
	x.scope = sl_rows[x.row].scope | (x.facts.entry ? x.facts.entry->scope : 0);
	return x;
}

int sl_recipe_run(struct sl_verifier *v, const struct sl_recipe *recipe)
{
	struct sl_case *x = calloc(recipe->n + 1, sizeof(*x));
	struct sl_trial r = {0};
	unsigned total = 0, at = 0;
	int error = x ? 0 : -ENOMEM;

	for (unsigned i = 0; i < recipe->n && total <= SL_RECIPE_TIMES_MAX; i++) {
		if (recipe->step[i].cmd.data_len > SL_RIG_DATA_MAX ||
		    recipe->step[i].times > SL_RECIPE_TIMES_MAX)
			error = -EINVAL;
		else
			total += recipe->step[i].times;
	}
	if (!error && (!total || total > SL_RECIPE_TIMES_MAX || recipe->prefix >= total))
		error = -EINVAL;
	if (!error)
		error = sl_trial_new(v, total, &r);
	for (unsigned i = 0; i < recipe->n && !error; i++) {
		x[i] = recipe->step[i].keep ? case_of(v, &recipe->step[i]) : v->neutral;
		for (unsigned k = 0; k < recipe->step[i].times; k++)
			r.step[at++] = (struct sl_step){.x = &x[i], .keep = recipe->step[i].keep};
	}
	if (!error) {
		r.flags = recipe->flags;
		r.stages = recipe->stages;
		r.prefix = recipe->prefix;
		r.elapsed = recipe->elapsed;
		error = sl_experiment(v, &r);
	}
	sl_trial_done(&r);
	free(x);
	return error;
}
