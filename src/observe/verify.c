/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a verification: which experiments, in which order, and what each finding means. How
 * one is carried out is in trial.c, how a change is judged in judge.c.
 */
#include "observe/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/phase.h"
#include "observe/tally.h"

#define NVME_INVALID_OPCODE 0x001u
#define IDLE_LOOKS	    6 /* to learn what moves by itself, where time is real */
#define IDLE_MS		    150u

static int doc_call(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		    size_t *ret_len)
{
	struct sl_verifier *v = ctx;
	struct sl_answer a;
	int r = sl_rig_call(v->rig, cmd, v->data, &a);

	if (r)
		return r;
	if (a.lost)
		return -ENODEV;
	*ret_status = a.status;
	*ret_len = a.len;
	memcpy(data, v->data, a.len < cmd->data_len ? a.len : cmd->data_len);
	return 0;
}

/* Harmless commands of which one stands in where a twin needs something to do. */
static const struct {
	uint8_t opcode;
	uint32_t cdw10;
	uint32_t len;
	const char *name;
} neutrals[] = {
	{0x0a, 0x07, 4096, "get-features 07h"},
	{0x02, 0x03 | 1u << 15 | 127u << 16, 512, "get-log-page 03h"},
	{0x06, 0x01, 4096, "identify 01h"},
};

static void neutral_case(unsigned i, struct sl_case *ret)
{
	*ret = (struct sl_case){0};
	ret->cmd.set = SL_SET_NVME_ADMIN;
	ret->cmd.dir = SL_DIR_IN;
	ret->cmd.req_len = SL_REQ_MAX;
	ret->cmd.req[0] = neutrals[i].opcode;
	sl_put_le32(ret->cmd.req + 40, neutrals[i].cdw10);
	ret->cmd.data_len = neutrals[i].len;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", neutrals[i].name);
	ret->row = sl_row_find(ret->cmd.set, ret->cmd.req);
}

/*
 * A stand-in that is itself a liar would make all others look like liars: takes one that agrees
 * with another in everything that can be seen.
 */
static int choose_neutral(struct sl_verifier *v)
{
	struct sl_trial run[SL_COUNT(neutrals)];
	bool works[SL_COUNT(neutrals)] = {false};
	unsigned best = 2, votes_best = 0;
	int r = 0;

	for (unsigned i = 0; i < SL_COUNT(neutrals) && !r; i++) {
		r = sl_trial_new(v, 1, &run[i]);
		if (r)
			return r;
		neutral_case(i, &v->neutral);
		run[i].step[0].x = &v->neutral;
		run[i].flags = SL_TRIAL_BACKWARDS;
		r = sl_trial_run(v, &run[i]);
		works[i] = sl_answer_ok(&run[i].step[0].a);
	}
	for (unsigned i = 0; i < SL_COUNT(neutrals) && !r; i++) {
		unsigned votes = 0;

		for (unsigned k = 0; k < SL_COUNT(neutrals) && works[i]; k++) {
			struct sl_difference d = {0};

			if (k == i || !works[k])
				continue;
			sl_look_explain(v, &run[i], SL_STAGE_NOW, &run[k].look[SL_STAGE_NOW],
					&run[i].look[SL_STAGE_NOW], &d);
			votes += d.n == 0;
		}
		if (votes > votes_best || (votes == votes_best && works[i] && !works[best])) {
			best = i;
			votes_best = votes;
		}
	}
	for (unsigned i = 0; i < SL_COUNT(neutrals); i++)
		sl_trial_done(&run[i]);
	neutral_case(best, &v->neutral);
	return r;
}

/* Looks several times without a command in between: what differs moves by itself. */
static int learn(struct sl_verifier *v)
{
	struct sl_look now;
	int r = sl_look_new(&v->probes, &now);

	if (!r)
		r = sl_look_take(v->rig, &v->probes, false, true, v->data, &v->start);
	for (unsigned i = 0; i < IDLE_LOOKS && !r; i++) {
		if (!(v->rig->can & SL_RIG_CLOCK))
			v->rig->ops->pass(v->rig, IDLE_MS);
		r = sl_look_take(v->rig, &v->probes, i & 1, true, v->data, &now);
		/* A twin moves along: nothing has to be left out. */
		if (!r && !(v->rig->can & SL_RIG_FRESH)) {
			(void)sl_probes_learn(&v->probes, &v->start, &now);
			if (v->start.hashed && memcmp(v->start.hash, now.hash, 32) != 0)
				v->rig->can &= ~(unsigned)SL_RIG_HASH;
		}
	}
	sl_look_done(&now);
	return r;
}

static int read_contract(struct sl_verifier *v, const char *name, struct sl_diag *reterr)
{
	struct sl_doc_source source = {.call = doc_call, .ctx = v};
	int r = sl_doc_read(name, &source, &v->out->doc);

	if (r)
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: the device could not be asked: %s",
				   name, strerror(-r));
	v->c = &v->out->doc->contract;
	v->out->declares = v->c->state == SL_CONTRACT_PRESENT;
	return 0;
}

static int read_fna(struct sl_verifier *v)
{
	struct sl_answer a;
	int r;

	neutral_case(2, &v->neutral);
	r = sl_verifier_call(v, &v->neutral, &a);
	v->fna = v->data[524];
	return r;
}

static int set_up(struct sl_verifier *v, const char *name, struct sl_diag *reterr)
{
	int r;

	v->data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	v->expect = malloc(SL_RIG_DATA_MAX);
	v->use = calloc(sl_use_count(), sizeof(*v->use));
	if (!v->data || !v->expect || !v->use)
		return sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	r = read_contract(v, name, reterr);
	if (r)
		return r;
	r = sl_probes_find(v->rig, v->c, v->o->key, &v->probes);
	if (!r)
		r = sl_look_new(&v->probes, &v->start);
	if (!r)
		r = sl_look_new(&v->probes, &v->before);
	if (!r)
		r = sl_look_new(&v->probes, &v->again);
	if (!r)
		r = read_fna(v);
	if (!r)
		r = sl_verifier_prepare(v, true);
	if (!r)
		r = learn(v);
	if (!r)
		r = sl_cases_base(v->c, &v->probes, &v->start, &v->cases);
	if (!r && v->rig->can & SL_RIG_FRESH)
		r = choose_neutral(v);
	if (r)
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: %s", name, strerror(-r));
	v->out->n_probes = v->probes.n;
	v->out->n_masked = v->probes.n_masked;
	for (size_t i = 0; i < v->probes.n; i++)
		v->out->facets[v->probes.v[i].facet]++;
	return 0;
}

int sl_verify(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
	      struct sl_verdicts *ret, struct sl_diag *reterr)
{
	struct sl_verifier v = {.rig = rig, .o = o, .out = ret, .t0 = sl_now()};
	int r;

	*ret = (struct sl_verdicts){.t0 = v.t0, .rig = rig};
	r = set_up(&v, name, reterr);
	for (unsigned i = 0; i < sl_n_phases && !r; i++) {
		uint64_t commands = rig->commands, freshes = rig->freshes;
		double start = v.phase_t0 = sl_now();

		if (sl_phases[i].perturbs && !o->perturb)
			continue;
		if (sl_phases[i].needs & ~rig->can)
			continue;
		v.phase = ret->n_phases++;
		ret->phase[v.phase].name = sl_phases[i].text;
		ret->phase[v.phase].start = start - v.t0;
		sl_progress(&v, 0, 1);
		if (sl_budget(&v))
			r = sl_phases[i].run(&v);
		ret->phase[v.phase].seconds = sl_now() - start;
		ret->phase[v.phase].commands = rig->commands - commands;
		ret->phase[v.phase].experiments = rig->freshes - freshes;
	}
	if (r)
		sl_diag_set(reterr, r, NULL, 0, 0, "%s: %s", name, strerror(-r));
	sl_breach_tidy(ret);
	if (v.use && ret->doc && sl_tally_fill(&v) && !r)
		r = sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	ret->commands = rig->commands;
	ret->experiments = rig->freshes;
	ret->n_cases = v.cases.n;
	for (size_t i = 0; i < v.cases.n; i++)
		ret->n_refused += v.cases.v[i].refused;
	ret->seconds = sl_now() - v.t0;
	sl_cases_done(&v.cases);
	sl_probes_done(&v.probes);
	sl_look_done(&v.start);
	sl_look_done(&v.before);
	sl_look_done(&v.again);
	for (unsigned i = 0; i < SL_TWINS_MAX; i++)
		sl_trial_done(&v.twins[i]);
	free(v.data);
	free(v.expect);
	free(v.use);
	ret->rig = NULL;
	return r;
}

void sl_verdicts_done(struct sl_verdicts *v)
{
	sl_doc_free(v->doc);
	for (size_t i = 0; i < v->n; i++)
		sl_breach_done(&v->v[i]);
	free(v->v);
	free(v->tally);
	free(v->gap);
	*v = (struct sl_verdicts){0};
}
