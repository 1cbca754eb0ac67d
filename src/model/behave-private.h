/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules of a persona remember, shared by the parts of behave. Private to behave*.c.
 */
#ifndef SL_MODEL_BEHAVE_PRIVATE_H
#define SL_MODEL_BEHAVE_PRIVATE_H

#include "model/behave.h"
#include "model/state.h"

#define SL_BEHAVE_PENDING_MAX 256  /* deferred actions; more are forgotten, as a device would */
#define SL_BEHAVE_CATCH_UP    1000 /* repetitions of one rule in one tick */

/* What fired a rule. */
struct sl_behave_ctx {
	struct sl_model_req *req; /* NULL: no command, or one that has passed */
	uint32_t nsid;
	bool has_lba;
	uint64_t lba, blocks;
};

struct sl_rule_state {
	unsigned pos; /* steps of the sequence seen */
	uint64_t since_command, since_ms;
	uint64_t count, fired;
	uint64_t next_ms; /* time rules; UINT64_MAX: never again */
};

struct sl_pending {
	const struct sl_rule *rule; /* NULL: free */
	uint64_t due;		    /* command number or ms, as rule->defer says */
	struct sl_behave_ctx ctx;
};

/* One remembered state. */
struct sl_saved {
	struct sl_state_ref ref;
	struct sl_bytes bytes;
};

struct sl_snapshot {
	unsigned n;
	struct sl_saved *items;
};

struct sl_behave {
	const struct sl_persona *p;
	struct sl_model *m;
	uint64_t start_ms, commands;
	bool dead;
	const struct sl_persona_vendor *vendor; /* of the command between before and after */
	struct sl_rule_state *rules;
	uint64_t *drift_ms;
	unsigned n_pending; /* of these in use */
	struct sl_pending pending[SL_BEHAVE_PENDING_MAX];
	struct sl_snapshot snapshots[SL_PERSONA_SNAPSHOT_MAX];
};

/* ---- behave-match.c ---- */

struct sl_behave_ctx sl_behave_ctx(struct sl_behave *b, struct sl_model_req *req);
bool sl_match_queue(const struct sl_match *m, const struct sl_model_req *req);
/* after: the command has its status. */
bool sl_match_command(struct sl_behave *b, const struct sl_match *m, struct sl_model_req *req,
		      bool after);
bool sl_match_states(struct sl_behave *b, const struct sl_match_state *s, unsigned n,
		     uint32_t nsid);
/* The name with `*` replaced; false: too long. */
bool sl_state_expand(const struct sl_state_ref *ref, uint32_t nsid, struct sl_state_ref *ret);

/* ---- behave-act.c ---- */

void sl_behave_do(struct sl_behave *b, const struct sl_do *dos, unsigned n,
		  struct sl_behave_ctx *ctx);
void sl_snapshot_done(struct sl_snapshot *s);
/* Puts an integer state's new value, cut to its width. */
void sl_behave_put(struct sl_model *m, const char *name, uint64_t value);

#endif
