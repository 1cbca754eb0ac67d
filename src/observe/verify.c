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
#include "observe/live.h"
#include "observe/phase.h"
#include "observe/protocol.h"
#include "observe/recipe.h"
#include "observe/state.h"
#include "observe/tally.h"

#define IDLE_LOOKS 6 /* to learn what moves by itself, where time is real */
#define IDLE_MS	   150u

static int doc_call(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		    size_t *ret_len)
{
	struct sl_verifier *v = ctx;
	struct sl_answer a;
	int r;

	if (cmd->dir & SL_DIR_OUT)
		memcpy(v->data, data, cmd->data_len);
	r = sl_rig_call(v->rig, cmd, v->data, &a);
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
static void neutral_case(struct sl_verifier *v, unsigned i)
{
	sl_observed_of(v->c->protocol)->neutral(v->c, i, &v->neutral);
	v->neutral.row = sl_row_find(v->neutral.cmd.set, v->neutral.cmd.req);
}

/*
 * A stand-in that is itself a liar would make all others look like liars: takes one that agrees
 * with another in everything that can be seen.
 */
static int choose_neutral(struct sl_verifier *v)
{
	struct sl_trial run[SL_NEUTRALS] = {0};
	bool works[SL_NEUTRALS] = {false};
	unsigned best = 2, votes_best = 0;
	int r = 0;

	for (unsigned i = 0; i < SL_NEUTRALS && !r; i++) {
		r = sl_trial_new(v, 1, &run[i]);
		if (r)
			return r;
		neutral_case(v, i);
		run[i].step[0].x = &v->neutral;
		run[i].flags = SL_TRIAL_BACKWARDS;
		r = sl_trial_run(v, &run[i]);
		works[i] = sl_answer_ok(&run[i].step[0].a);
	}
	for (unsigned i = 0; i < SL_NEUTRALS && !r; i++) {
		unsigned votes = 0;

		for (unsigned k = 0; k < SL_NEUTRALS && works[i]; k++) {
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
	for (unsigned i = 0; i < SL_NEUTRALS; i++)
		sl_trial_done(&run[i]);
	neutral_case(v, best);
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
	if (!r && !(v->rig->can & SL_RIG_FRESH)) {
		struct sl_look first = v->start;

		first.bytes = v->probes.first;
		r = sl_live_settle(v);
		/* That it has gone is said once, not of each thing that it no longer answers. */
		if (!r && !v->gone && !v->start.lost && !v->before.lost) {
			sl_live_check_fixed(v, &first);
			sl_live_note(v, &first);
		}
	}
	sl_look_done(&now);
	return r;
}

/* The logs as the device wrote them go into the evidence. */
static void keep_raw(void *ctx, unsigned raw, const struct sl_command *cmd, uint16_t status,
		     const void *data, size_t len)
{
	struct sl_verdicts *out = ((struct sl_verifier *)ctx)->out;
	struct sl_raw_answer *a = realloc(out->raw, (out->n_raw + 1) * sizeof(*a));

	if (!a)
		return;
	out->raw = a;
	a += out->n_raw;
	*a = (struct sl_raw_answer){.raw = (uint8_t)raw, .status = status, .cmd = *cmd};
	a->data = malloc(len + 1);
	if (!a->data)
		return;
	a->len = (uint32_t)(len < cmd->data_len ? len : cmd->data_len);
	memcpy(a->data, data, a->len);
	out->n_raw++;
}

static int read_contract(struct sl_verifier *v, const char *name, struct sl_diag *reterr)
{
	struct sl_doc_source source = {
		.call = doc_call, .keep = keep_raw, .ctx = v, .protocol = v->rig->protocol};
	int r = sl_doc_read(name, &source, &v->out->doc);

	if (r == -EDQUOT)
		return r;
	if (r)
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: the device could not be asked: %s",
				   name, strerror(-r));
	v->c = &v->out->doc->contract;
	v->out->protocol = v->rig->protocol;
	v->out->declares = v->c->state == SL_CONTRACT_PRESENT;
	return 0;
}

static int read_fna(struct sl_verifier *v)
{
	uint16_t at = sl_observed_of(v->c->protocol)->fna_at;
	struct sl_answer a;
	int r;

	neutral_case(v, 2); /* where there are no twins it stays this one */
	if (!at)
		return 0;
	r = sl_verifier_call(v, &v->neutral, &a);
	v->fna = v->data[at];
	return r;
}

/* Why a device could not be judged. Returns r. */
static int not_judged(const struct sl_verifier *v, const char *name, int r, struct sl_diag *reterr)
{
	if (r != -EDQUOT)
		return sl_diag_set(reterr, r, NULL, 0, 0, "%s: %s", name, strerror(-r));
	return sl_diag_set(reterr, r, NULL, 0, 0,
			   "%s: a budget of %llu commands is too small to judge it", name,
			   (unsigned long long)v->rig->limit);
}

static int set_up(struct sl_verifier *v, const char *name, struct sl_diag *reterr)
{
	int r;

	v->data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	v->expect = malloc(SL_RIG_DATA_MAX);
	v->use = calloc(sl_use_count(), sizeof(*v->use));
	if (!v->data || !v->expect || !v->use)
		return sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	/* One that can be had fresh is asked again and again as if for the first time. */
	r = v->rig->can & SL_RIG_FRESH ? 0 : sl_probes_declaration(v->rig, &v->early);
	if (r)
		return not_judged(v, name, r, reterr);
	r = read_contract(v, name, reterr);
	if (r)
		return r == -EDQUOT ? not_judged(v, name, r, reterr) : r;
	r = sl_probes_find(v->rig, v->c, v->o->key, &v->probes);
	if (!r)
		sl_live_check_first(v, &v->early);
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
	if (v->o->only)
		sl_cases_only(&v->cases, v->o->only);
	if (!(v->rig->can & SL_RIG_WRITES))
		sl_cases_calm(&v->cases, v->rig, &v->probes, v->out->declares);
	if (!r && v->rig->can & SL_RIG_FRESH)
		r = choose_neutral(v);
	if (r)
		return not_judged(v, name, r, reterr);
	v->out->n_probes = v->probes.n;
	v->out->n_masked = v->probes.n_masked;
	for (size_t i = 0; i < v->probes.n; i++)
		v->out->facets[v->probes.v[i].facet]++;
	return 0;
}

/* Opens a phase of the report; what is done until the next belongs to it. */
static void begin(struct sl_verifier *v, const char *text)
{
	struct sl_verdicts *out = v->out;

	v->phase_t0 = sl_now();
	v->phase = out->n_phases++;
	out->serial = (uint64_t)v->phase << 20;
	out->phase[v->phase] = (struct sl_phase_count){.name = text,
						       .start = v->phase_t0 - v->t0,
						       .commands = v->rig->commands,
						       .experiments = v->rig->freshes};
	sl_progress(v, 0, 1);
}

static void end(struct sl_verifier *v)
{
	struct sl_phase_count *p = &v->out->phase[v->phase];

	p->seconds = sl_now() - v->phase_t0;
	p->commands = v->rig->commands - p->commands;
	p->experiments = v->rig->freshes - p->experiments;
}

static void leave_out(struct sl_verifier *v, const struct sl_phase *phase, const char *why)
{
	struct sl_gap *g = &v->out->undone[v->out->n_undone++];

	(void)snprintf(g->what, sizeof(g->what), "%s", phase->name);
	(void)snprintf(g->why, sizeof(g->why), "%s", why);
}

/* Done without anything to do it with is not done. */
static void note_idle(struct sl_verifier *v, const struct sl_phase *phase)
{
	const struct sl_phase_count *p = &v->out->phase[v->phase];

	if (phase->nothing && !p->commands && !p->cut && !v->gone)
		leave_out(v, phase, phase->nothing);
}

static int run_phase(struct sl_verifier *v, const struct sl_phase *phase)
{
	const char *why = sl_phase_not(phase, v->rig, v->o);
	int r = 0;

	if (sl_phase_needless(phase, v->rig))
		return 0;
	if (!why && v->o->first && v->out->count[SL_WEIGHT_CAUGHT])
		why = "--first: it had been caught";
	if (why) {
		leave_out(v, phase, why);
		return 0;
	}
	begin(v, phase->text);
	if (sl_state_phase(v, phase->text)) {
		note_idle(v, phase);
		return 0;
	}
	if (sl_budget(v))
		r = phase->run(v);
	/* The experiment that the last commands were too few for is as if it had not begun. */
	if (r == -EDQUOT) {
		v->out->phase[v->phase].cut = true;
		r = 0;
	}
	end(v);
	note_idle(v, phase);
	if (!r)
		sl_state_phase_end(v);
	return r;
}

/* What was found until the device went stays; that it went is said. */
static void note_gone(struct sl_verifier *v)
{
	struct sl_verdicts *out = v->out;
	struct sl_evidence e = {.where = "the device does not answer any more",
				.effects = SL_E_AVAILABILITY};

	(void)snprintf(out->ended, sizeof(out->ended),
		       "the device did not answer any more after %llu commands, in “%s”; nothing "
		       "was tried after that",
		       (unsigned long long)v->rig->commands,
		       out->n_phases ? out->phase[v->phase].name : "setting up");
	(void)snprintf(e.what, sizeof(e.what), "after %llu commands",
		       (unsigned long long)v->rig->commands);
	(void)sl_breach_add(out, SL_BREACH_LOST, NULL, &e);
}

/* Counts what was done, and lets go of everything but that. Returns r, or -ENOMEM. */
static int finish(struct sl_verifier *v, int r, struct sl_diag *reterr)
{
	struct sl_verdicts *out = v->out;

	if (v->gone)
		note_gone(v);
	sl_breach_tidy(out);
	if (v->use && out->doc && sl_tally_fill(v) && !r)
		r = sl_diag_set(reterr, -ENOMEM, NULL, 0, 0, "out of memory");
	out->commands = v->rig->commands;
	out->experiments = v->rig->freshes;
	out->n_cases = v->cases.n;
	for (size_t i = 0; i < v->cases.n; i++)
		out->n_refused += v->cases.v[i].refused;
	out->seconds = sl_now() - v->t0;
	sl_cases_done(&v->cases);
	sl_probes_done(&v->probes);
	sl_probes_done(&v->early);
	sl_look_done(&v->start);
	sl_look_done(&v->before);
	sl_look_done(&v->again);
	for (unsigned i = 0; i < SL_TWINS_MAX; i++)
		sl_trial_done(&v->twins[i]);
	free(v->data);
	free(v->expect);
	free(v->use);
	out->rig = NULL;
	return r;
}

int sl_verify_estimate(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
		       struct sl_estimate *ret, struct sl_diag *reterr)
{
	struct sl_verdicts out = {.t0 = sl_now(), .rig = rig};
	struct sl_verifier v = {.rig = rig, .o = o, .out = &out, .t0 = out.t0};
	int r = set_up(&v, name, reterr);
	uint64_t look = v.probes.n;
	double each = (sl_now() - v.t0) / (double)(rig->commands ? rig->commands : 1);

	*ret = (struct sl_estimate){.forms = v.cases.n, .asked = rig->commands};
	/* Each form in both orders of looking, with a look before where it changes something. */
	ret->commands = 2 * v.cases.n * (1 + 2 * look) + 3 * (v.cases.n + look);
	if (!r && o->perturb) {
		ret->variants = sl_variants(&v);
		ret->commands += ret->variants * (1 + look / 8) +
				 v.cases.n * (SL_REPEATS + SL_PAUSES * look);
		ret->errors = ret->variants;
	}
	for (uint32_t i = 0; !r && rig->can & SL_RIG_WRITES && i < v.c->n_ns; i++)
		ret->bytes += v.c->ns[i].blocks * sl_ns_bytes(&v.c->ns[i]);
	if (rig->can & SL_RIG_WRITES)
		ret->errors += 512 + v.cases.n; /* opcodes that it does not list, and forms */
	ret->seconds = each * (double)ret->commands;
	r = finish(&v, r, reterr);
	sl_verdicts_done(&out);
	return r;
}

/* Gone in the middle of something: no reason to lose what was found. */
static int unless_gone(struct sl_verifier *v, int r)
{
	if (r != -ENODEV || v->rig->can & SL_RIG_FRESH)
		return r;
	v->gone = true;
	return 0;
}

int sl_verify(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
	      struct sl_verdicts *ret, struct sl_diag *reterr)
{
	struct sl_verifier v = {.rig = rig, .o = o, .out = ret, .t0 = sl_now()};
	int r, error;
	bool refused = false;

	*ret = (struct sl_verdicts){.t0 = v.t0, .rig = rig};
	rig->limit = o->commands;
	r = set_up(&v, name, reterr);
	r = ret->doc ? unless_gone(&v, r) : r;
	if (!r && o->state) {
		r = sl_state_open(o->state, &v, reterr);
		refused = r < 0;
	}
	for (unsigned i = 0; i < sl_n_phases && !r && !v.gone; i++) {
		r = run_phase(&v, &sl_phases[i]);
		r = unless_gone(&v, r);
		if (r)
			sl_diag_set(reterr, r, NULL, 0, 0, "%s: %s", name, strerror(-r));
	}
	r = finish(&v, r, reterr);
	if (refused) /* nothing was tried: nothing to report */
		sl_verdicts_done(ret);
	error = sl_state_close(v.state);
	return error && !r ? sl_diag_set(reterr, error, o->state, 0, 0, "%s", strerror(-error)) : r;
}

/* A finding of the same kind, on the same command. */
static bool shows(const struct sl_verdicts *out, const struct sl_breach *b, size_t *ret_at)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct sl_breach *f = &out->v[i];

		if (f->id != b->id || f->has_cmd != b->has_cmd ||
		    (b->has_cmd &&
		     sl_row_find(f->cmd.set, f->cmd.req) != sl_row_find(b->cmd.set, b->cmd.req)))
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

int sl_verify_again(struct sl_rig *rig, const char *name, const struct sl_verify_options *o,
		    const struct sl_breach *b, const char *phase, struct sl_verdicts *ret,
		    size_t *ret_at, struct sl_diag *reterr)
{
	struct sl_verifier v = {.rig = rig, .o = o, .out = ret, .t0 = sl_now()};
	bool found = false;
	int r;

	*ret = (struct sl_verdicts){.t0 = v.t0, .rig = rig};
	rig->limit = o->commands;
	r = set_up(&v, name, reterr);
	if (!r && b->recipe) {
		begin(&v, "the commands of the finding");
		r = sl_recipe_run(&v, b->recipe);
		end(&v);
		found = shows(ret, b, ret_at);
		v.have_before = false;
	}
	/* Which commands the device takes is learned first: phases go by that. */
	for (unsigned i = 0; i < sl_n_phases && !r && !found; i++)
		if (i == 0 || strcmp(sl_phases[i].text, phase) == 0) {
			r = run_phase(&v, &sl_phases[i]);
			found = shows(ret, b, ret_at);
		}
	if (r)
		not_judged(&v, name, r, reterr);
	r = finish(&v, r, reterr);
	found = found && shows(ret, b, ret_at); /* findings move when they are tidied */
	return r < 0 ? r : found;
}

void sl_verdicts_done(struct sl_verdicts *v)
{
	sl_doc_free(v->doc);
	for (size_t i = 0; i < v->n; i++)
		sl_breach_done(&v->v[i]);
	free(v->v);
	for (size_t i = 0; i < v->n_raw; i++)
		free(v->raw[i].data);
	free(v->raw);
	free(v->tally);
	free(v->gap);
	*v = (struct sl_verdicts){0};
}
