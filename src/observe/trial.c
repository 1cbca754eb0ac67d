/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out experiments, and compares one with its twin. */
#include "observe/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "wire/wire.h"

#define PATIENCE_MS	   6000u
#define SILENT_MAX	   3 /* answers that do not come, until nobody waits any more */
#define LIVE_PHASE_S	   30.0
#define FAILING_MAX	   12  /* commands in a row that the transport fails, likewise */
#define FIRST_PAUSE	   31u /* commands of a row that are sent before the first look */
#define RETRIES		   2   /* of a read that fails */
#define SMART_WARNING	   0
#define WARNS_OF_HEAT	   2 /* its bit 1 */
#define SMART_POWER_CYCLES 112
#define SMART_UNSAFE	   144
#define SMART_MEDIA_ERRORS 160
#define SMART_ERRORS	   176 /* offset of the number of error log entries */
#define NS_FLBAS	   26  /* offset of the format in use, in Identify Namespace */
#define LINGERS		   ((sl_effects)(SL_E_BACKGROUND | SL_E_AVAILABILITY))
#define LOOK_UNITS	   64 /* data units that looks may read */
#define SCSI_ORWRITE16	   0x8bu
#define NVM_ZEROES	   0x08u
#define NVME_ERROR_BYTES   64u /* of an entry of the error log; the newest is the first */

double sl_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

unsigned sl_patience_ms(const struct sl_verifier *v)
{
	return v->o->patience_ms ? v->o->patience_ms : PATIENCE_MS;
}

bool sl_budget(struct sl_verifier *v)
{
	if (v->gone)
		return false;
	/* Without a twin every doubt costs a power cycle: no phase may take all the time. */
	if (!v->o->commands && !v->o->seconds && !(v->rig->can & SL_RIG_FRESH) &&
	    sl_now() - v->phase_t0 >= LIVE_PHASE_S) {
		if (v->phase < SL_PHASES_MAX)
			v->out->phase[v->phase].cut = true;
		return false;
	}
	if ((v->o->commands && v->rig->commands >= v->o->commands) ||
	    (v->o->first && v->out->count[SL_WEIGHT_CAUGHT]) ||
	    (v->o->seconds && sl_now() - v->t0 >= v->o->seconds)) {
		if (v->phase < SL_PHASES_MAX)
			v->out->phase[v->phase].cut = true;
		return false;
	}
	return true;
}

uint32_t sl_ns_bytes(const struct sl_ns *ns)
{
	if (!ns->lba_shift || ns->lba_shift > 16)
		return 0;
	return (1u << ns->lba_shift) + (ns->meta_ext ? ns->meta : 0);
}

int sl_trial_new(const struct sl_verifier *v, unsigned n, struct sl_trial *ret)
{
	int r = 0;

	*ret = (struct sl_trial){.n = n, .stages = 1u << SL_STAGE_NOW};
	ret->step = calloc(n ? n : 1, sizeof(*ret->step));
	if (!ret->step)
		return -ENOMEM;
	for (unsigned s = 0; s < _SL_STAGE_N && !r; s++)
		r = sl_look_new(&v->probes, &ret->look[s]);
	if (r)
		sl_trial_done(ret);
	return r;
}

void sl_trial_done(struct sl_trial *r)
{
	for (unsigned s = 0; s < _SL_STAGE_N; s++)
		sl_look_done(&r->look[s]);
	free(r->step);
	*r = (struct sl_trial){0};
}

size_t sl_use_count(void)
{
	return sl_row_count + 512u;
}

/* One row of the tables is one command, but for those that stand for many opcodes. */
struct sl_use *sl_use_of(const struct sl_verifier *v, uint16_t row, const struct sl_command *cmd)
{
	const struct sl_row *r = &sl_rows[row];

	if (r->op_lo == r->op_hi && !(r->flags & SL_ROW_UNLISTED))
		return &v->use[row];
	return &v->use[sl_row_count + (cmd->set == SL_SET_NVME_ADMIN ? 0 : 256) + cmd->req[0]];
}

int sl_verifier_call(struct sl_verifier *v, const struct sl_case *x, struct sl_answer *ret)
{
	struct sl_use *use = sl_use_of(v, x->row, &x->cmd);
	int r;

	if (x->payload)
		memcpy(v->data, x->payload, x->cmd.data_len);
	r = sl_rig_call(v->rig, &x->cmd, v->data, ret);
	if (r)
		return r;
	if (ret->lost == SL_RIG_SILENT && !(v->rig->can & SL_RIG_CLOCK))
		v->silent++;
	else
		v->silent = 0;
	if (ret->lost != SL_RIG_FAILED)
		v->failing = 0;
	else if (!v->failing || v->failing_row != x->row)
		v->failing++;
	v->failing_row = x->row;
	v->lingers |= sl_answer_ok(ret) && (x->declared | x->floor) & LINGERS;
	use->sent++;
	use->ms += ret->ms;
	use->ms_max = ret->ms > use->ms_max ? ret->ms : use->ms_max;
	if (v->silent >= SILENT_MAX ||
	    (v->failing >= FAILING_MAX && !(v->rig->can & SL_RIG_FRESH)) ||
	    (ret->lost == SL_RIG_GONE && !(v->rig->can & SL_RIG_FRESH)))
		v->gone = true;
	return 0;
}

/* A read or write of blocks of one namespace, as a case without a name. */
void sl_block_case(const struct sl_verifier *v, const struct sl_ns *ns, enum sl_block_op op,
		   uint64_t lba, uint32_t n, struct sl_case *ret)
{
	*ret = (struct sl_case){.nsid = ns->nsid};
	sl_observed_of(v->c->protocol)->block(v->c, ns, op, lba, n, &ret->cmd);
	ret->row = sl_row_find(ret->cmd.set, ret->cmd.req);
	(void)snprintf(ret->name, sizeof(ret->name), "%s %s=%llu", sl_rows[ret->row].name,
		       sl_sets[ret->cmd.set].sense ? "lba" : "slba", (unsigned long long)lba);
}

/* Writes a pattern to some blocks. */
static int seed(struct sl_verifier *v, const struct sl_ns *ns, uint64_t lba, uint32_t n)
{
	uint32_t size = sl_ns_bytes(ns);
	struct sl_answer a;
	struct sl_case x;

	if (!sl_observed_of(v->c->protocol)->block || !size || ns->blocks < lba + n ||
	    ns->blocks < 4 * SL_ARENA_BLOCKS)
		return 0;
	sl_block_case(v, ns, SL_BLOCK_WRITE, lba, n, &x);
	for (uint32_t b = 0; b < n; b++)
		sl_pattern(v->data + b * size, size, ns->nsid, lba + b);
	return sl_verifier_call(v, &x, &a);
}

int sl_verifier_prepare(struct sl_verifier *v, bool seeded)
{
	const uint32_t n = SL_ARENA_BLOCKS / 2;
	int r = v->rig->can & SL_RIG_FRESH ? v->rig->ops->fresh(v->rig) : 0;

	v->rig->freshes++;
	for (uint32_t i = 0; !r && seeded && v->rig->can & SL_RIG_WRITES && i < v->c->n_ns; i++) {
		const struct sl_ns *ns = &v->c->ns[i];

		r = seed(v, ns, sl_arena(ns, v->probes.key), n);
		/* Zones are written in order: only the first blocks can be. */
		if (!r && ns->csi == 0)
			r = seed(v, ns, 0, n);
		if (!r && ns->csi == 0)
			r = seed(v, ns, ns->blocks - n, n);
	}
	return r;
}

/* What a write should have left in the blocks it names; false: that is not known. */
static bool expected(const struct sl_verifier *v, const struct sl_case *x, uint32_t len)
{
	const struct sl_row *row = &sl_rows[x->row];

	/* SCSI's writes, but for one that is an operation on what is there. */
	if (row->ranges == SL_RANGES_LBA && row->len == SL_LEN_BLOCKS && x->payload &&
	    row->floor == SL_E_DATA && x->cmd.req[0] != SCSI_ORWRITE16) {
		memcpy(v->expect, x->payload, len);
		return true;
	}
	if (row->set == SL_SET_NVME_ADMIN || row->ranges != SL_RANGES_SLBA_NLB)
		return false;
	if (x->cmd.req[0] == SL_BLOCK_WRITE && x->payload) {
		memcpy(v->expect, x->payload, len);
		return true;
	}
	if (x->cmd.req[0] == NVM_ZEROES) {
		memset(v->expect, 0, len);
		return true;
	}
	return false;
}

/*
 * The bytes are not what was written. Were they not stored, or is it the read that lies? A second
 * read, and a Compare, which looks at the same block without saying what is in it, may tell.
 */
static int blame(struct sl_verifier *v, const struct sl_ns *ns, const struct sl_case *read,
		 struct sl_step *s)
{
	uint32_t n = sl_case_blocks(read);
	struct sl_answer a;
	struct sl_case x;
	int r = sl_verifier_call(v, read, &a);

	if (!r && sl_answer_ok(&a) && memcmp(v->data, v->expect, read->cmd.data_len) == 0) {
		s->mismatch |= SL_MISMATCH_READ;
		return 0;
	}
	if (r)
		return r;
	sl_block_case(v, ns, SL_BLOCK_COMPARE, sl_case_lba(read), n, &x);
	memcpy(v->data, v->expect, x.cmd.data_len);
	r = sl_verifier_call(v, &x, &a);
	if (!r && sl_answer_ok(&a))
		s->mismatch |= SL_MISMATCH_READ;
	else
		v->own_failed = true; /* an entry in the error log that is ours */
	return r;
}

/* Reads back what a step wrote. */
static int read_back(struct sl_verifier *v, struct sl_step *s, uint8_t mismatch)
{
	const struct sl_ns *ns = sl_contract_ns(v->c, s->x->nsid);
	struct sl_answer a;
	struct sl_case x;
	int r;

	if (!sl_observed_of(v->c->protocol)->block || !ns || !sl_ns_bytes(ns) || !s->keep ||
	    !sl_answer_ok(&s->a) || s->mismatch)
		return 0;
	sl_block_case(v, ns, SL_BLOCK_READ, sl_case_lba(s->x), sl_case_blocks(s->x), &x);
	/* Zeroes do not say what becomes of metadata. */
	if (x.cmd.data_len > SL_RIG_DATA_MAX || (ns->meta_ext && !s->x->payload) ||
	    !expected(v, s->x, x.cmd.data_len))
		return 0;
	r = sl_verifier_call(v, &x, &a);
	for (unsigned t = 0; t < RETRIES && !r && !a.lost && sl_answer_code(&a); t++) {
		v->own_failed = true;
		r = sl_verifier_call(v, &x, &a);
	}
	if (r || a.lost || (sl_answer_ok(&a) && memcmp(v->data, v->expect, x.cmd.data_len) == 0))
		return r;
	if (sl_answer_ok(&a) && !v->stored_case) {
		v->stored_case = s->x;
		sl_exhibit_stored(&v->stored, &x.cmd, ns->nsid, sl_case_lba(&x), sl_ns_bytes(ns),
				  v->expect, v->data, x.cmd.data_len);
	}
	/* Gone altogether is for the looks to say. */
	if (!sl_answer_ok(&a) && mismatch == SL_MISMATCH_LATER)
		return 0;
	s->mismatch |= mismatch;
	return sl_answer_ok(&a) ? blame(v, ns, &x, s) : 0;
}

/* A digest that only has to differ where the bytes do. */
static uint64_t digest(const uint8_t *p, uint32_t n)
{
	uint64_t h = 0x2545f4914f6cdd1du;

	for (uint32_t i = 0; i + 8 <= n; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (uint32_t i = n & ~7u; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* The digest says something where nothing may change at all. */
static bool calm(const struct sl_trial *r)
{
	for (unsigned i = r->prefix; i < r->n; i++)
		if (r->step[i].keep && !sl_case_harmless(r->step[i].x))
			return false;
	return true;
}

static int look(struct sl_verifier *v, struct sl_trial *r, unsigned stage)
{
	int error;

	if (!(r->stages >> stage & 1) || v->gone)
		return 0;
	error = sl_look_take(v->rig, &v->probes,
			     r->flags & SL_TRIAL_BACKWARDS ? SL_LOOK_BACKWARDS : r->order,
			     v->rig->can & SL_RIG_FRESH && stage == SL_STAGE_NOW && calm(r),
			     v->data, &r->look[stage]);
	r->looked |= 1u << stage;
	return error;
}

/* The same moment in every experiment of one length: what drifts has drifted as far. */
static void pad(struct sl_verifier *v, struct sl_trial *r, uint64_t elapsed)
{
	uint64_t to = 1000;

	if (!(v->rig->can & SL_RIG_CLOCK))
		return;
	while (to < elapsed || to < r->elapsed)
		to *= 10;
	r->elapsed = to;
	v->rig->ops->pass(v->rig, to - elapsed);
}

/*
 * What turns something back and forth every so many times is where it was after an even number of
 * turns. Looks after 31, 63, 127, … commands: whatever the number, and however far it has counted
 * before, between two of these it turns just once; of one that turns more often than that each look
 * sees every other turn. 1: something shows, and nothing more is sent.
 */
static int shows_by_now(struct sl_verifier *v, struct sl_trial *r, unsigned done)
{
	struct sl_difference *d;
	int error;

	if (!(r->flags & SL_TRIAL_REPEAT) || v->rig->can & SL_RIG_FRESH || done & (done + 1) ||
	    done < FIRST_PAUSE || !(r->stages & 1u << SL_STAGE_NOW))
		return 0;
	d = calloc(1, sizeof(*d));
	error = d ? look(v, r, SL_STAGE_NOW) : -ENOMEM;
	if (!error && !v->gone)
		sl_look_explain(v, r, SL_STAGE_NOW, &v->before, &r->look[SL_STAGE_NOW], d);
	error = error ? error : d->n > 0;
	free(d);
	return error;
}

/* In the place of what another run sent to read back. */
static int stand_in(struct sl_verifier *v, uint64_t n)
{
	struct sl_answer a;
	int error = 0;

	while (n-- && !error && !v->gone)
		error = sl_verifier_call(v, &v->neutral, &a);
	return error;
}

/* Reads back what the i-th step wrote, at once; the twin of a run that did sends as much. */
static int behind_step(struct sl_verifier *v, struct sl_trial *r, unsigned i)
{
	uint64_t before = v->rig->commands;
	int error;

	if (!(r->flags & SL_TRIAL_READBACK))
		return stand_in(v, r->step[i].own);
	error = read_back(v, &r->step[i], SL_MISMATCH_AT_ONCE);
	r->step[i].own = (uint16_t)(v->rig->commands - before);
	return error;
}

/* Likewise what all of them wrote, when all is done. */
static int behind_all(struct sl_verifier *v, struct sl_trial *r)
{
	uint64_t before = v->rig->commands;
	int error = 0;

	if (!(r->flags & SL_TRIAL_AUDIT))
		return stand_in(v, r->own);
	for (unsigned i = 0; i < r->n && !error; i++)
		error = read_back(v, &r->step[i], SL_MISMATCH_LATER);
	r->own = v->rig->commands - before;
	return error;
}

int sl_trial_run(struct sl_verifier *v, struct sl_trial *r)
{
	uint64_t elapsed = 0;
	int error = 0;

	r->looked = 0;
	v->own_failed = false;
	if (r->flags & SL_TRIAL_READBACK) /* a twin does not: what its run found stays */
		v->stored_case = NULL;
	if (v->rig->can & SL_RIG_FRESH)
		error = sl_verifier_prepare(v, !(r->flags & SL_TRIAL_UNSEEDED));
	for (unsigned i = 0; i < r->n && !error && !v->gone; i++) {
		struct sl_step *s = &r->step[i];
		const struct sl_case *x = s->keep ? s->x : &v->neutral;

		error = sl_verifier_call(v, x, &s->a);
		elapsed += s->a.ms;
		s->mismatch = 0;
		s->digest = x->cmd.dir & SL_DIR_IN && sl_answer_ok(&s->a)
				    ? digest(v->data, x->cmd.data_len)
				    : 0;
		if (!error)
			error = behind_step(v, r, i);
		if (!error)
			error = shows_by_now(v, r, i + 1);
	}
	if (error > 0) {
		r->failed = v->own_failed;
		return 0;
	}
	if (!error)
		error = behind_all(v, r);
	r->failed = v->own_failed;
	if (r->flags & SL_TRIAL_CUT && !error && !v->gone)
		error = v->rig->ops->reset(v->rig);
	if (r->flags & SL_TRIAL_CUT && !error && !v->gone)
		error = v->rig->ops->power_cycle(v->rig);
	pad(v, r, elapsed);
	if (!error)
		error = look(v, r, SL_STAGE_NOW);
	if (error || r->stages >> SL_STAGE_LATER == 0)
		return error;
	if (v->rig->can & SL_RIG_CLOCK)
		v->rig->ops->pass(v->rig, SL_LATER_MS);
	error = look(v, r, SL_STAGE_LATER);
	if (error || r->stages >> SL_STAGE_RESET == 0 || !(v->rig->can & SL_RIG_POWER))
		return error;
	error = v->rig->ops->reset(v->rig);
	if (!error)
		error = v->rig->ops->power_cycle(v->rig);
	return error ? error : look(v, r, SL_STAGE_RESET);
}

struct explaining {
	const struct sl_verifier *v;
	const struct sl_trial *run;
	struct sl_difference *d;
	unsigned stage;
	bool failed;  /* a look was refused */
	bool format;  /* a namespace's blocks have another size: looks read more of it, or less */
	bool visible; /* something that the digest covers differs, explained or not */
};

/*
 * A look that is refused where it was not at the start (a namespace has gone, a block is
 * unreadable) leaves an entry in the error log: our doing, of which the refusal itself is the
 * finding.
 */
static bool looks_failed(const struct sl_trial *r, unsigned stage)
{
	for (unsigned s = 0; s <= stage; s++)
		if (r->looked >> s & 1 && r->look[s].failed)
			return true;
	return r->failed;
}

/*
 * Both twins have an entry of this number, and neither had it at the start: it came by itself, and
 * tells of the command that ran then.
 */
static bool same_error(const struct sl_verifier *v, const struct sl_change *c)
{
	uint32_t entry = c->at / NVME_ERROR_BYTES * NVME_ERROR_BYTES;
	uint64_t number;

	if (!(v->rig->can & SL_RIG_FRESH) || !c->probe || c->status || c->result ||
	    c->probe->facet != SL_FACET_ERRORS)
		return false;
	number = sl_get_le64(c->new_bytes + entry);
	return number && number == sl_get_le64(c->old_bytes + entry) &&
	       number > sl_get_le64(v->start.bytes + c->probe->off);
}

/* The warning of the temperature comes and goes with it. */
static bool by_heat(const struct sl_verifier *v, const struct sl_change *c)
{
	return !(v->rig->can & SL_RIG_FRESH) && c->probe && !c->status && c->field &&
	       c->probe->facet == SL_FACET_SMART && c->field->off == SMART_WARNING &&
	       (c->old_value ^ c->new_value) == WARNS_OF_HEAT;
}

/* It counts its power cycles: those were ours. */
static bool own_cut(const struct sl_trial *r, const struct sl_change *c)
{
	return r->flags & SL_TRIAL_CUT && c->probe && c->probe->facet == SL_FACET_SMART &&
	       c->field && (c->field->off == SMART_POWER_CYCLES || c->field->off == SMART_UNSAFE) &&
	       c->new_value > c->old_value;
}

/* Counters of what the looks themselves do: errors, and reads that did not happen. */
bool sl_change_own(const struct sl_change *c)
{
	if (!c->probe)
		return false;
	return c->probe->facet == SL_FACET_ERRORS ||
	       (c->probe->facet == SL_FACET_SMART && c->field &&
		(c->field->rule == SL_FIELD_COUNTS || c->field->off == SMART_MEDIA_ERRORS ||
		 c->field->off == SMART_ERRORS)) ||
	       sl_facets[c->probe->facet].flags & SL_FACETF_COUNTERS;
}

unsigned sl_unexplained_rank(const struct sl_unexplained *u)
{
	return 2u * (unsigned)u->why + (u->change.probe && u->change.probe->cmd.req[0] != 0x02);
}

/* Keeps the bytes, of as many things as a finding shows: of those that say most. */
static void keep_bytes(struct sl_difference *d, const struct sl_unexplained *u,
		       const struct sl_change *c)
{
	unsigned rank = sl_unexplained_rank(u), at = 0;

	if (!c->probe)
		return;
	for (unsigned i = 0; i < d->n_kept; i++) {
		if (d->kept[i].probe == c->probe) {
			if (c->result) {
				d->kept[i].exhibit.old_result = c->old_value;
				d->kept[i].exhibit.new_result = c->new_value;
			}
			return;
		}
		if (d->kept[i].rank < d->kept[at].rank)
			at = i;
	}
	if (d->n_kept < SL_EVIDENCE_MAX)
		at = d->n_kept++;
	else if (d->kept[at].rank >= rank)
		return;
	d->kept[at].probe = c->probe;
	d->kept[at].rank = rank;
	sl_exhibit_fill(&d->kept[at].exhibit, c);
}

static void keep(struct explaining *x, const struct sl_change *c, enum sl_explanation why)
{
	struct sl_difference *d = x->d;
	struct sl_unexplained u = {*c, why, (uint8_t)x->stage};
	struct sl_unexplained *last = d->n ? &d->v[d->n - 1] : NULL;

	keep_bytes(d, &u, c);
	u.change.old_bytes = u.change.new_bytes = NULL;
	/* Bytes without a name that lie side by side are one change. */
	if (last && last->change.probe == c->probe && last->why == why && last->stage == u.stage &&
	    !c->status && !last->change.status && !c->result && !last->change.result && !c->field &&
	    !last->change.field && c->at - (last->change.at + last->change.len) < 8)
		last->change.len = c->at + c->len - last->change.at;
	else if (d->n == SL_UNEXPLAINED_MAX)
		d->more++;
	else
		d->v[d->n++] = u;
}

/* What a command alone was seen to do, and may: the other half of the matrix. */
static void tally(const struct explaining *x, const struct sl_change *c)
{
	const struct sl_case *k = x->run->step[0].x;
	sl_effects may;

	/* Of a command that failed, all that is seen is its trace in the error log. */
	if (x->run->n != 1 || !x->run->step[0].keep || !c->probe ||
	    !sl_answer_ok(&x->run->step[0].a))
		return;
	if (c->field && (c->field->rule == SL_FIELD_COUNTS || c->field->rule == SL_FIELD_UP))
		return;
	may = (k->declared | k->floor) & ~(sl_effects)SL_E_UNKNOWN;
	sl_use_of(x->v, k->row, &k->cmd)->seen |= may & sl_change_effects(c);
}

/* No more than the looks read, which move a few hundred blocks. */
static bool by_looks(const struct sl_change *c)
{
	uint64_t by = c->new_value > c->old_value ? c->new_value - c->old_value
						  : c->old_value - c->new_value;

	return c->field && c->field->rule == SL_FIELD_COUNTS && by <= LOOK_UNITS;
}

static bool explain_one(void *ctx, const struct sl_change *c)
{
	struct explaining *x = ctx;
	enum sl_explanation best = SL_UNEXPLAINED;

	/* The digest differs where something visible does: that is said already. */
	if (!c->probe && x->visible)
		return true;
	if (c->probe && !(c->field && c->field->rule == SL_FIELD_COUNTS))
		x->visible = true;
	x->format |= c->probe && c->probe->facet == SL_FACET_ID_NS && c->field &&
		     c->field->off == NS_FLBAS;
	if ((x->failed || (x->format && by_looks(c))) && sl_change_own(c))
		return true;
	if (own_cut(x->run, c) || same_error(x->v, c) || by_heat(x->v, c))
		return true;
	/* What goes on after its command has ended is no other command's doing. */
	if (!(x->v->rig->can & SL_RIG_FRESH) && x->v->lingers && c->probe &&
	    sl_facets[c->probe->facet].effects & LINGERS)
		return true;
	/* Without a twin, the looks' own reads count too. */
	if (!(x->v->rig->can & SL_RIG_FRESH) && c->field && c->new_value > c->old_value &&
	    (c->field->rule == SL_FIELD_COUNTS || c->field->rule == SL_FIELD_UP))
		return true;
	for (unsigned i = x->run->prefix; i < x->run->n && best != SL_EXPLAINED; i++) {
		const struct sl_step *s = &x->run->step[i];
		struct sl_done done = {.x = s->x,
				       .status = sl_answer_code(&s->a),
				       .lost = s->a.lost,
				       .reset = x->stage == SL_STAGE_RESET ||
						x->run->flags & SL_TRIAL_CUT};
		enum sl_explanation e;

		if (!s->keep)
			continue;
		e = sl_explain(x->v->c, &done, c, x->v->fna, x->v->out->declares);
		if (e < best)
			best = e;
	}
	if (best == SL_EXPLAINED)
		tally(x, c);
	else
		keep(x, c, best);
	return true;
}

void sl_look_explain(const struct sl_verifier *v, const struct sl_trial *run, unsigned stage,
		     const struct sl_look *a, const struct sl_look *b, struct sl_difference *ret)
{
	struct explaining x = {.v = v, .run = run, .d = ret, .stage = stage};

	x.failed = a->failed || b->failed || looks_failed(run, stage);
	sl_look_compare(&v->probes, a, b, explain_one, &x);
}

void sl_trial_compare(const struct sl_verifier *v, const struct sl_trial *run,
		      const struct sl_trial *twin, struct sl_difference *ret)
{
	ret->n = ret->more = ret->n_kept = 0;
	for (unsigned s = 0; s < _SL_STAGE_N && !ret->n; s++)
		if (run->looked >> s & 1 && twin->looked >> s & 1)
			sl_look_explain(v, run, s, &twin->look[s], &run->look[s], ret);
}
