/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents of blocks: of small namespaces all of them, of large ones both ends and a sample that
 * nobody can foresee. Kept as digests. What was written is read back, and what a client read is
 * read again, while nobody else can have changed it.
 */
#include <errno.h>
#define OPENSSL_API_COMPAT 0x10100000L /* as src/broker/gate.h */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/ranges.h"
#include "core/table.h"
#include "spec/names.h"
#include "watch/watcher.h"

#define CHUNK_BYTES (64u << 10)
#define CHUNKS_MAX  1024u /* of a namespace */
#define ENDS	    8u	  /* chunks at either end of a large one */
#define TOKEN_BYTES 16384u
#define URGENT_MAX  32u	 /* chunks: what is looked at in a fifth of a second under load */
#define LATE	    5.0	 /* seconds: what is read again later says too little */
#define SOON	    0.25 /* likewise, where somebody else may write, for all that is known */
#define SOON_SHARE  0.02 /* and of the time it was watched: an accident is no likelier than that */
#define OWED_MAX    16.0 /* commands */
#define SETTLE	    2.0	 /* seconds: an erasure may go on when its command has ended */
#define PUT_OFF	    0.1	 /* seconds, of what the device does not let be read */

static uint64_t digest(const uint8_t *p, size_t n, uint64_t seed)
{
	uint8_t md[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;

	(void)SHA256_Init(&ctx);
	(void)SHA256_Update(&ctx, &seed, sizeof(seed));
	(void)SHA256_Update(&ctx, p, n);
	(void)SHA256_Final(md, &ctx);
	return sl_get_le64(md) | 1;
}

/*
 * Of a block, for comparing with itself. Only this process knows the seed, so nobody can make two
 * blocks alike to it; and it is fast, because it is most of what a look costs.
 */
static uint64_t mix(const uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t a = seed | 1, b = ~seed;

	for (size_t i = 0; i + 16 <= n; i += 16) {
		a = (a ^ sl_get_le64(p + i)) * 0x9e3779b97f4a7c15u;
		b = (b ^ sl_get_le64(p + i + 8)) * 0xd6e8feb86659fd93u;
		a ^= b >> 32;
		b ^= a >> 29;
	}
	return (a ^ b) | 1;
}

static void chunk_done(struct sl_chunk *c)
{
	free(c->hash);
	free(c->moves);
	*c = (struct sl_chunk){0};
}

void sl_blocks_done(struct sl_blocks *b)
{
	for (size_t i = 0; i < b->n; i++)
		chunk_done(&b->chunk[i]);
	free(b->chunk);
	*b = (struct sl_blocks){0};
}

static bool plain(const struct sl_ns *ns)
{
	return ns->csi == 0 && ns->lba_shift >= 9 && ns->lba_shift <= 16 && !ns->meta && ns->blocks;
}

static bool same_shape(const struct sl_ns *a, const struct sl_ns *b)
{
	return a && b && a->blocks == b->blocks && a->lba_shift == b->lba_shift &&
	       a->meta == b->meta && a->csi == b->csi;
}

/* What was known of it, when the namespace is as it was. */
static void inherit(struct sl_blocks *old, struct sl_chunk *c)
{
	for (size_t i = 0; i < old->n; i++) {
		struct sl_chunk *o = &old->chunk[i];

		if (o->nsid != c->nsid || o->lba != c->lba || o->n != c->n)
			continue;
		*c = *o;
		c->urgent = false;
		*o = (struct sl_chunk){0};
		return;
	}
}

static int add(struct sl_blocks *b, uint32_t nsid, uint64_t lba, uint32_t n)
{
	struct sl_chunk *v = realloc(b->chunk, (b->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	b->chunk = v;
	v[b->n++] = (struct sl_chunk){.nsid = nsid, .lba = lba, .n = n};
	return 0;
}

/* Which chunk of `of` is the i-th of `count`: both ends, and in between one of each stretch. */
static uint64_t pick(uint64_t i, uint64_t count, uint64_t of, uint64_t seed)
{
	uint64_t span;

	if (count == of || i < ENDS)
		return i;
	if (i >= count - ENDS)
		return of - (count - i);
	span = (of - 2 * ENDS) / (count - 2 * ENDS);
	return ENDS + (i - ENDS) * span + ((i ^ seed) * 0x9e3779b97f4a7c15u >> 32) % span;
}

static int add_ns(struct sl_watched *d, struct sl_blocks *b, const struct sl_ns *ns)
{
	uint32_t per = CHUNK_BYTES >> ns->lba_shift, most = d->doc->contract.max_transfer;
	uint64_t of, count;
	int r = 0;

	if (most && most < CHUNK_BYTES)
		per = most >> ns->lba_shift;
	if (!per)
		return 0;
	of = (ns->blocks + per - 1) / per;
	count = of < CHUNKS_MAX ? of : CHUNKS_MAX;
	for (uint64_t i = 0; i < count && r == 0; i++) {
		uint64_t lba = pick(i, count, of, d->w->config.seed) * per;
		uint64_t left = ns->blocks - lba;

		r = add(b, ns->nsid, lba, left < per ? (uint32_t)left : per);
	}
	return r;
}

int sl_blocks_init(struct sl_watched *d, const struct sl_contract *old)
{
	struct sl_blocks was = d->blocks, *b = &d->blocks;
	const struct sl_contract *c = &d->doc->contract;
	int r = 0;

	*b = (struct sl_blocks){.erased = was.erased};
	for (uint32_t i = 0; i < c->n_ns && d->o->block && r == 0; i++)
		if (plain(&c->ns[i]))
			r = add_ns(d, b, &c->ns[i]);
	for (size_t i = 0; i < b->n && r == 0; i++) {
		struct sl_chunk *k = &b->chunk[i];

		if (old && same_shape(sl_contract_ns(old, k->nsid), sl_contract_ns(c, k->nsid)))
			inherit(&was, k);
		if (k->hash)
			continue;
		k->hash = calloc(k->n, sizeof(*k->hash));
		k->moves = calloc(k->n, 1);
		if (!k->hash || !k->moves)
			r = -ENOMEM;
	}
	b->due = b->n;
	sl_blocks_done(&was);
	return r;
}

/* Namespaces come in order of their numbers, and so do the chunks of each. */
struct sl_chunk *sl_blocks_find(struct sl_watched *d, uint32_t nsid, uint64_t lba)
{
	size_t lo = 0, hi = d->blocks.n;
	struct sl_chunk *c;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		c = &d->blocks.chunk[mid];
		if (c->nsid < nsid || (c->nsid == nsid && c->lba + c->n <= lba))
			lo = mid + 1;
		else
			hi = mid;
	}
	c = &d->blocks.chunk[lo];
	return lo < d->blocks.n && c->nsid == nsid && lba >= c->lba ? c : NULL;
}

void sl_blocks_hurry(struct sl_watched *d, struct sl_chunk *chunk)
{
	if (chunk && !chunk->urgent) {
		chunk->urgent = true;
		d->blocks.urgent++;
	}
}

/* Under load this is asked thousands of times a second: mostly all of it lies in one chunk. */
static void hurry_near(struct sl_watched *d, const struct sl_range *at)
{
	uint64_t first = at->lba ? at->lba - 1 : 0, last = at->lba + at->count;
	struct sl_chunk *c = sl_blocks_find(d, at->nsid, at->lba);

	sl_blocks_hurry(d, c);
	if (!c || first < c->lba)
		sl_blocks_hurry(d, sl_blocks_find(d, at->nsid, first));
	if (!c || last >= c->lba + c->n)
		sl_blocks_hurry(d, sl_blocks_find(d, at->nsid, last));
}

/* How many bytes of what a command moved its digest is of. */
static size_t read_back(const struct sl_ns *ns, const struct sl_act *act)
{
	uint64_t blocks = act->role == SL_ROLE_FILLS ? 1 : act->blocks.count;

	return blocks < SL_DIGEST_BYTES >> ns->lba_shift ? (size_t)blocks << ns->lba_shift
							 : SL_DIGEST_BYTES;
}

static void keep(struct sl_blocks *b, const struct sl_act *act, uint64_t value)
{
	if (b->n_rereads == SL_REREADS_MAX) {
		b->late++;
		return;
	}
	b->reread[b->n_rereads++] = (struct sl_reread){.act = *act, .digest = value};
}

static void forget(struct sl_blocks *b, unsigned i)
{
	b->n_rereads--;
	memmove(b->reread + i, b->reread + i + 1, (b->n_rereads - i) * sizeof(b->reread[0]));
}

/* What is there is another's now, who may be read back in its turn. */
static void make_moot(struct sl_watched *d, const struct sl_act *act)
{
	struct sl_blocks *b = &d->blocks;

	for (unsigned i = b->n_rereads; i > 0; i--) {
		const struct sl_range *at = &b->reread[i - 1].act.blocks;

		if (!sl_act_touches(d, act, at->nsid, at->lba, at->count))
			continue;
		forget(b, i - 1);
		b->late++;
	}
}

void sl_blocks_note(struct sl_watched *d, const struct sl_act *act)
{
	static const uint8_t zeroes[SL_DIGEST_BYTES];
	const struct sl_range *x = &act->blocks;
	const struct sl_ns *ns = x->count ? sl_contract_ns(&d->doc->contract, x->nsid) : NULL;
	bool good = !act->status && !act->lost && ns && plain(ns) && d->o->block;

	if (d->blocks.n_rereads && !sl_act_harmless(act))
		make_moot(d, act);
	if (good && act->digest &&
	    (act->role == SL_ROLE_READS || act->role == SL_ROLE_STORES ||
	     act->role == SL_ROLE_FILLS))
		keep(&d->blocks, act, act->digest);
	if (good && act->role == SL_ROLE_ZEROES)
		keep(&d->blocks, act, digest(zeroes, read_back(ns, act), d->w->config.seed));
	if (sl_act_harmless(act))
		return;
	if (act->role == SL_ROLE_ERASES && !act->status && !act->lost)
		d->blocks.erased = act->t;
	/*
	 * The neighbours first: there a command that does more than it says writes its answer. Of
	 * more than can be looked at soon, none is first.
	 */
	if (good && d->blocks.urgent < URGENT_MAX && d->blocks.urgent < d->blocks.n)
		hurry_near(d, x);
	d->blocks.due = d->blocks.n;
}

/* Reads blocks. 1: they came; 0: refused, or not on record; -errno. */
static int read_blocks(struct sl_watched *d, const struct sl_ns *ns, uint64_t lba, uint32_t n,
		       const struct sl_act **ret)
{
	const struct sl_act *own;
	struct sl_command cmd;
	struct sl_answer a;
	int r;

	d->o->block(&d->doc->contract, ns, SL_BLOCK_READ, lba, n, &cmd);
	/* What nobody else waits for costs no more than its command. */
	d->w->tokens -= d->w->quiet ? 0 : cmd.data_len / TOKEN_BYTES;
	d->rig.first = d->rig.last = 0;
	r = sl_rig_call(&d->rig.rig, &cmd, d->w->data, &a);
	if (r == 0)
		r = sl_watch_catch_up(d->w);
	if (r < 0)
		return r;
	own = sl_acts_find(d->w->acts, d->rig.last);
	if (!sl_answer_ok(&a) || a.len != cmd.data_len || !own)
		return 0;
	*ret = own;
	return 1;
}

struct span {
	uint32_t first, n;
};

/* Blocks that are not what they were, and that nobody named. */
static void judge(struct sl_watched *d, struct sl_chunk *c, struct span at,
		  const struct sl_window *w)
{
	struct sl_sight s = {
		.kind = "undeclared-effect",
		.effects = SL_E_DATA,
		.kept = sl_facets[SL_FACET_BLOCKS].flags & SL_FACETF_KEPT,
		.nsid = c->nsid,
		.lba = c->lba + at.first,
		.window = *w,
	};
	const struct sl_act *act;
	uint64_t i = 0;

	while ((act = sl_window_next(d->w->acts, w, &i)))
		if (!act->own && (act->declared | act->floor) & SL_E_DATA)
			s.kind = "wrong-scope";
	(void)snprintf(s.where, sizeof(s.where), "blocks nsid=%u lba=%llu", c->nsid,
		       (unsigned long long)s.lba);
	(void)snprintf(s.what, sizeof(s.what), "%u block%s changed that no command names", at.n,
		       at.n == 1 ? "" : "s");
	if (!sl_suspect(d, &s))
		memset(c->moves + at.first, 1, at.n);
}

static bool touched(const struct sl_watched *d, const struct sl_chunk *c, uint32_t i,
		    const struct sl_window *w)
{
	const struct sl_act *act;
	uint64_t at = 0;

	while ((act = sl_window_next(d->w->acts, w, &at)))
		if (sl_act_touches(d, act, c->nsid, c->lba + i, 1))
			return true;
	return false;
}

/*
 * A Copy within one namespace that is all that can have changed this
 * block: it brings what the namespace held. Where all of it is known, anything else is foreign.
 */
static const struct sl_act *brought(const struct sl_watched *d, const struct sl_chunk *c,
				    uint32_t i, uint64_t now, const struct sl_window *w)
{
	const struct sl_act *act, *copy = NULL;
	const struct sl_field *to;
	uint64_t at = 0, known = 0;

	while ((act = sl_window_next(d->w->acts, w, &at))) {
		if (act->own || sl_act_harmless(act))
			continue;
		to = sl_row_field(act->row, "sdlba");
		if (act->role != SL_ROLE_COPIES || !to || act->status || act->lost ||
		    act->nsid != c->nsid || sl_field_get(to, act->cmd.req) > c->lba + i)
			return NULL;
		copy = act;
	}
	for (size_t k = 0; copy && k < d->blocks.n; k++) {
		const struct sl_chunk *o = &d->blocks.chunk[k];

		if (o->nsid != c->nsid)
			continue;
		for (uint32_t b = 0; b < o->n; b++)
			if (o->hash[b] == now)
				return NULL;
		known += o->stretch.since ? o->n : 0;
	}
	return copy && known == sl_contract_ns(&d->doc->contract, c->nsid)->blocks ? copy : NULL;
}

/* The command that erased this block, where nothing else touched it in the window. */
static const struct sl_act *eraser(const struct sl_watched *d, const struct sl_chunk *c, uint32_t i,
				   const struct sl_window *w)
{
	const struct sl_act *act, *ret = NULL;
	uint64_t at = 0;

	while ((act = sl_window_next(d->w->acts, w, &at))) {
		if (act->own || !sl_act_touches(d, act, c->nsid, c->lba + i, 1))
			continue;
		if (act->role != SL_ROLE_ERASES || act->status || act->lost)
			return NULL;
		ret = act;
	}
	return ret;
}

/* Blocks of which something was left after a command that says that it erased them. */
static void find_left(struct sl_watched *d, struct sl_chunk *c, const uint64_t *now,
		      const struct sl_window *w)
{
	uint32_t n = 0;
	struct sl_sight s = {.kind = "not-stored",
			     .effects = SL_E_DATA,
			     .strong = true,
			     .nsid = c->nsid,
			     .window = *w};

	for (uint32_t i = 0; i < c->n; i++) {
		uint64_t beside = now[i ? i - 1 : 1 % c->n];
		const struct sl_act *act;

		/* What an erasure leaves is alike in all blocks, and the one before left it too. */
		if (c->hash[i] != now[i] || c->moves[i] || now[i] == beside)
			continue;
		act = eraser(d, c, i, w);
		if (!act)
			continue;
		s.lba = n++ ? s.lba : c->lba + i;
		s.who = act;
	}
	if (!n)
		return;
	(void)snprintf(s.where, sizeof(s.where), "blocks nsid=%u lba=%llu", c->nsid,
		       (unsigned long long)s.lba);
	(void)snprintf(s.what, sizeof(s.what), "%u block%s what was there before it was erased", n,
		       n == 1 ? " holds" : "s hold");
	(void)sl_suspect(d, &s);
}

static void compare(struct sl_watched *d, struct sl_chunk *c, const uint64_t *now,
		    const struct sl_window *w)
{
	struct span at = {0};

	for (uint32_t i = 0; i <= c->n; i++) {
		bool differs = i < c->n && c->hash[i] != now[i] && !c->moves[i];
		bool named = differs && touched(d, c, i, w);
		const struct sl_act *copy = named ? brought(d, c, i, now[i], w) : NULL;

		if (copy) {
			struct sl_sight s = {.kind = "wrong-scope",
					     .effects = SL_E_DATA,
					     .strong = true,
					     .nsid = c->nsid,
					     .lba = c->lba + i,
					     .window = *w,
					     .who = copy};

			(void)snprintf(s.where, sizeof(s.where), "blocks nsid=%u lba=%llu", c->nsid,
				       (unsigned long long)s.lba);
			(void)snprintf(s.what, sizeof(s.what),
				       "copied what its own namespace did not hold");
			(void)sl_suspect(d, &s);
		}
		if (differs && !named) {
			if (!at.n)
				at.first = i;
			at.n++;
		} else if (at.n) {
			judge(d, c, at, w);
			at.n = 0;
		}
	}
}

static int look_at(struct sl_watched *d, struct sl_chunk *c)
{
	const struct sl_ns *ns = sl_contract_ns(&d->doc->contract, c->nsid);
	struct sl_window window;
	uint64_t now[CHUNK_BYTES >> 9];
	const struct sl_act *own = NULL;
	double t = c->stretch.t, had = d->w->tokens;
	int r = ns ? read_blocks(d, ns, c->lba, c->n, &own) : 0;

	sl_blocks_owe(d, had);
	if (r <= 0)
		return r;
	for (uint32_t i = 0; i < c->n; i++)
		now[i] = mix(d->w->data + ((size_t)i << ns->lba_shift), (size_t)1 << ns->lba_shift,
			     d->w->config.seed);
	if (sl_stretch_read(d, &c->stretch, own->intent, own, &window)) {
		sl_suspect_read(d, &c->stretch, &window, c->stretch.t - t);
		compare(d, c, now, &window);
		if (d->blocks.erased >= t)
			find_left(d, c, now, &window);
	}
	memcpy(c->hash, now, c->n * sizeof(now[0]));
	return 0;
}

/* Did anybody but `act` have a hand in its blocks, from when it began until now? */
static bool disturbed(const struct sl_watched *d, const struct sl_act *act, uint32_t nsid,
		      uint64_t lba, uint32_t n, const struct sl_window *w)
{
	const struct sl_window since = {.from = act->intent, .to = w->to, .device = d->index};
	const struct sl_act *o;
	uint64_t at = 0;

	while ((o = sl_window_next(d->w->acts, &since, &at)))
		if (o->intent != act->intent && sl_act_touches(d, o, nsid, lba, n))
			return true;
	return !sl_acts_known(d->w->acts, act->intent);
}

/*
 * Was it read again so soon that nobody can be meant to have written just then, unknown to us? An
 * actor of whom the device says nothing writes when it likes.
 */
static bool soon(const struct sl_watched *d, const struct sl_act *act, double now)
{
	double passed = now - act->since;

	return passed <= SOON && passed <= SOON_SHARE * (now - d->t_first);
}

/* Reads again what somebody has written or read. 1: not now; 0; -errno. */
static int reread(struct sl_watched *d, const struct sl_reread *x)
{
	const struct sl_range *at = &x->act.blocks;
	const struct sl_ns *ns = sl_contract_ns(&d->doc->contract, at->nsid);
	bool wrote = x->act.role != SL_ROLE_READS;
	struct sl_sight s = {
		.kind = wrote ? "not-stored" : "answer-nobody-wrote",
		.effects = SL_E_DATA,
		.nsid = at->nsid,
		.lba = at->lba,
		.who = &x->act,
	};
	struct sl_chunk *c = sl_blocks_find(d, at->nsid, at->lba);
	double late = d->others[0] ? SOON : LATE;
	size_t bytes;
	uint32_t n;

	if (!ns || sl_watch_now() - x->act.t > late || (c && c->moves[at->lba - c->lba])) {
		d->blocks.late++;
		return 0;
	}
	bytes = read_back(ns, &x->act);
	n = bytes >> ns->lba_shift ? (uint32_t)(bytes >> ns->lba_shift) : 1;
	/* Twice: what passes is no finding. */
	for (unsigned i = 0; i < 2; i++) {
		const struct sl_act *own = NULL;
		int r = read_blocks(d, ns, at->lba, n, &own);

		if (r <= 0)
			return r < 0 ? r : !d->rig.denied;
		s.window = (struct sl_window){
			.from = own->intent,
			.to = own->outcome ? own->outcome : own->intent,
			.device = d->index,
		};
		if (digest(d->w->data, bytes, d->w->config.seed) == x->digest)
			break;
		if (i == 0)
			s.strong = soon(d, &x->act, sl_watch_now());
		if (i == 0 || disturbed(d, &x->act, at->nsid, at->lba, n, &s.window))
			continue;
		(void)snprintf(s.where, sizeof(s.where), "blocks nsid=%u lba=%llu", at->nsid,
			       (unsigned long long)at->lba);
		(void)snprintf(s.what, sizeof(s.what), "%s",
			       wrote ? "reading back does not return what was written"
				     : "it returned what reading again does not");
		(void)sl_suspect(d, &s);
	}
	d->blocks.compared++;
	return 0;
}

/* Where the blocks of one that lies within a run end; 0: it does not, or they are no whole blocks.
 */
static uint64_t end_within(const struct sl_reread *x, const struct sl_ns *ns,
			   const struct sl_range *run)
{
	const struct sl_range *at = &x->act.blocks;
	uint64_t n = read_back(ns, &x->act) >> ns->lba_shift;

	return at->nsid == run->nsid && n && at->lba >= run->lba &&
			       at->lba + n <= run->lba + run->count
		       ? at->lba + n
		       : 0;
}

/*
 * One read, of the newest of them and of what lies just before it: those that are found as they
 * have to be are done with. 0 or -errno.
 */
static int reread_near(struct sl_watched *d)
{
	struct sl_blocks *b = &d->blocks;
	struct sl_range run = b->reread[b->n_rereads - 1].act.blocks;
	const struct sl_ns *ns = sl_contract_ns(&d->doc->contract, run.nsid);
	uint64_t most = ns && plain(ns) ? (TOKEN_BYTES - 1) >> ns->lba_shift : 0;
	uint64_t first = run.lba, end = run.lba + run.count;
	const struct sl_act *own;
	int r;

	if (run.count > most)
		return 0;
	run.lba = end > most ? end - most : 0;
	run.count = end - run.lba;
	for (unsigned i = 0; i < b->n_rereads; i++)
		if (end_within(&b->reread[i], ns, &run) && b->reread[i].act.blocks.lba < first)
			first = b->reread[i].act.blocks.lba;
	if (first == b->reread[b->n_rereads - 1].act.blocks.lba) /* it is alone */
		return 0;
	run.lba = first;
	run.count = end - first;
	r = read_blocks(d, ns, run.lba, (uint32_t)run.count, &own);
	for (unsigned i = b->n_rereads; i > 0 && r > 0; i--) {
		const struct sl_reread *x = &b->reread[i - 1];
		const uint8_t *at = d->w->data + ((x->act.blocks.lba - first) << ns->lba_shift);

		if (!end_within(x, ns, &run) ||
		    digest(at, read_back(ns, &x->act), d->w->config.seed) != x->digest)
			continue;
		forget(b, i - 1);
		b->compared++;
	}
	return r < 0 ? r : 0;
}

void sl_blocks_owe(struct sl_watched *d, double had)
{
	d->blocks.owed += had - d->w->tokens;
	d->blocks.owed = d->blocks.owed < OWED_MAX ? d->blocks.owed : OWED_MAX;
}

static void paid(struct sl_watched *d, double had)
{
	d->blocks.owed -= had - d->w->tokens;
	d->blocks.owed = d->blocks.owed > -OWED_MAX ? d->blocks.owed : -OWED_MAX;
}

/* Looks would leave nothing for what can be read again now or never: half is for that. */
static bool may_reread(const struct sl_watched *d)
{
	return d->w->tokens >= 1 || d->blocks.owed >= 1;
}

/*
 * Those that it is time for, the newest first: it is the last to be moot. What the device does not
 * let be read now is put off.
 */
static int reread_some(struct sl_watched *d)
{
	struct sl_blocks *b = &d->blocks;
	int r = 0;

	for (unsigned n = b->n_rereads; n > 0 && may_reread(d) && r >= 0; n--) {
		double now = sl_watch_now(), had = d->w->tokens;
		struct sl_reread x;

		if (n > b->n_rereads || b->reread[n - 1].not_before > now)
			continue;
		if (n == b->n_rereads) {
			r = reread_near(d);
			paid(d, had);
			had = d->w->tokens;
		}
		if (r < 0 || n > b->n_rereads)
			continue;
		/* Newer ones may come meanwhile, and take its place. */
		x = b->reread[n - 1];
		forget(b, n - 1);
		r = reread(d, &x);
		if (r > 0) {
			x.not_before = now + PUT_OFF;
			if (b->n_rereads < SL_REREADS_MAX)
				b->reread[b->n_rereads++] = x;
		}
		paid(d, had);
	}
	return r < 0 ? r : 0;
}

/* May blocks be looked at? Not while what a command erased may still be on its way out. */
static bool may_look(const struct sl_watched *d)
{
	return d->w->tokens >= 1 && sl_watch_now() >= d->blocks.erased + SETTLE;
}

int sl_blocks_look(struct sl_watched *d)
{
	struct sl_blocks *b = &d->blocks;
	int r = reread_some(d);

	for (size_t i = 0; i < b->n && b->urgent && r == 0 && may_look(d); i++) {
		if (!b->chunk[i].urgent)
			continue;
		b->chunk[i].urgent = false;
		b->urgent--;
		r = look_at(d, &b->chunk[i]);
		/* What is written meanwhile is read back first. */
		if (r == 0)
			r = reread_some(d);
	}
	for (unsigned i = 0; i < 16 && b->due && r == 0 && may_look(d); i++) {
		b->due--;
		b->at = (b->at + 1) % b->n;
		r = look_at(d, &b->chunk[b->at]);
		if (r == 0)
			r = reread_some(d);
	}
	return d->rig.gone ? -ENODEV : r;
}
