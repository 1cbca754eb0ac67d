/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is looked at in production: of the verifier's facets those that every device answers without
 * an error of its own, at one command each. What may not be asked for by the policy is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/ranges.h"
#include "core/table.h"
#include "spec/nvme.h"
#include "watch/watcher.h"

#define NVME_ADMIN_FORMAT 0x80u

static int doc_call(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		    size_t *ret_len)
{
	struct sl_watched *d = ctx;
	struct sl_answer a;
	int r;

	memcpy(d->w->data, data, cmd->data_len);
	r = sl_rig_call(&d->rig.rig, cmd, d->w->data, &a);
	if (r < 0)
		return r;
	if (a.lost)
		return d->rig.denied ? -EACCES : -ENODEV;
	*ret_status = a.status;
	*ret_len = a.len;
	memcpy(data, d->w->data, a.len);
	return 0;
}

static int read_contract(struct sl_watched *d, struct sl_doc **ret)
{
	struct sl_doc_source source = {.call = doc_call, .ctx = d, .protocol = d->protocol};

	return sl_doc_read(d->w->config.device[d->index].name, &source, ret);
}

static void add(char *to, size_t size, const char *text)
{
	size_t n = strlen(to);

	(void)snprintf(to + n, size - n, "%s%s", n ? "; " : "", text);
}

/* Who else could have done it, and what says that nobody could. */
static void find_others(struct sl_watched *d, const uint8_t *id)
{
	unsigned evidence = d->w->config.device[d->index].evidence;

	if (evidence & SL_WATCH_SOLE) {
		add(d->excluded, sizeof(d->excluded),
		    "the operator says that nobody else changes it");
		return;
	}
	if (evidence & SL_WATCH_OURS)
		add(d->excluded, sizeof(d->excluded),
		    "its process was started by this broker's launcher, which has its only "
		    "connection");
	else if (evidence & SL_WATCH_ALONE)
		add(d->excluded, sizeof(d->excluded),
		    "its socket has one connection, this broker's, as of the start and of now");
	else
		add(d->others, sizeof(d->others),
		    "the kernel, and other programs with a way to it");
	for (const struct sl_actor *a = d->o->actors; a && a->mask; a++) {
		if (id[a->at] & a->mask)
			add(d->others, sizeof(d->others), a->others);
		else
			add(d->excluded, sizeof(d->excluded), a->nobody);
	}
}

static void nobody(void *ctx, const struct sl_act *act)
{
	(void)ctx;
	(void)act;
}

/* Which session of the ledger's is ours: its first commands say. */
static int find_session(struct sl_watched *d)
{
	const struct sl_act *act;
	int r = sl_acts_read(d->w->acts, nobody, NULL);

	if (r < 0 || d->w->acts->session)
		return r;
	act = sl_acts_find(d->w->acts, d->rig.last);
	if (act)
		sl_acts_own(d->w->acts, act->session);
	return act ? 0 : -ENOMSG;
}

/* What is to be looked at, and what there is to say of it at the start. */
static int choose(struct sl_watched *d)
{
	int r = sl_probes_watch(&d->rig.rig, &d->doc->contract, &d->probes);

	if (r < 0)
		return r;
	/* It said what it is a moment ago. */
	if (!d->probes.n || d->probes.v[0].off)
		return -ENODEV;
	d->fna = d->o->fna_at ? d->probes.first[d->o->fna_at] : 0;
	d->sleeps = d->o->sleeps && d->o->sleeps(&d->probes, d->rig.rig.can & SL_RIG_REAL);
	find_others(d, d->probes.first);
	d->probe = calloc(d->probes.n, sizeof(*d->probe));
	if (!d->probe)
		return -ENOMEM;
	r = sl_look_new(&d->probes, &d->before);
	return r < 0 ? r : sl_look_new(&d->probes, &d->now);
}

int sl_watched_init(struct sl_watched *d)
{
	int r = read_contract(d, &d->doc);

	if (r == 0)
		r = find_session(d);
	if (r == 0)
		r = choose(d);
	if (r == 0)
		r = sl_blocks_init(d, NULL);
	if (r < 0)
		return r;
	d->t_first = d->t_act = sl_watch_now();
	sl_watched_begin(d);
	while (r == 0 && d->due && !d->rig.gone)
		r = sl_watched_look(d);
	return r;
}

void sl_watched_done(struct sl_watched *d)
{
	sl_probes_done(&d->probes);
	free(d->probe);
	sl_look_done(&d->before);
	sl_look_done(&d->now);
	sl_blocks_done(&d->blocks);
	d->doc = sl_doc_free(d->doc);
}

int sl_watched_renew(struct sl_watched *d)
{
	struct sl_doc *doc, *old = d->doc;
	int r = read_contract(d, &doc);

	if (r < 0)
		return r;
	d->doc = doc;
	r = sl_blocks_init(d, &old->contract);
	sl_doc_free(old);
	return r;
}

/* Its payload, where the ledger has all of it; NULL. */
static const uint8_t *payload_of(const struct sl_act *act)
{
	return act->cmd.dir & SL_DIR_OUT && act->cmd.data_len <= sizeof(act->head) ? act->head
										   : NULL;
}

bool sl_act_touches(const struct sl_watched *d, const struct sl_act *act, uint32_t nsid,
		    uint64_t lba, uint64_t n)
{
	const sl_scope beyond = SL_S_SET | SL_S_ENDGRP | SL_S_CTRL | SL_S_DOMAIN | SL_S_SUBSYSTEM;
	const sl_effects may = act->declared | act->floor;
	const struct sl_row *row = &sl_rows[act->row];
	const struct sl_command *cmd = &act->cmd;
	struct sl_facts f;
	struct sl_ranges it;
	struct sl_range r;

	if (may & SL_E_UNKNOWN)
		return true;
	if (!sl_effects_any(may, SL_E_DATA | SL_E_CAPABILITY | SL_E_INVENTORY))
		return false;
	/* Under load there are thousands of these: without the facts. */
	if (act->blocks.count)
		return (act->blocks.nsid == nsid || act->blocks.nsid == NVME_NSID_ALL) &&
		       lba < act->blocks.lba + act->blocks.count && act->blocks.lba < lba + n;
	if (sl_only_hints(act->row, cmd->req))
		return false;
	sl_facts_collect(&d->doc->contract, cmd, payload_of(act), &f);
	/* FNA: a format, or an erase, may be of all namespaces whichever is named. */
	if (f.nsid && f.nsid != NVME_NSID_ALL && f.nsid != nsid && !(f.scope & beyond) &&
	    !(cmd->set == SL_SET_NVME_ADMIN && cmd->req[0] == NVME_ADMIN_FORMAT && d->fna & 3))
		return false;
	/* A payload that is not on record may name any. */
	if (row->ranges == SL_RANGES_NONE || row->ranges == SL_RANGES_NS ||
	    (row->ranges >= SL_RANGES_DSM && !payload_of(act)))
		return true;
	sl_ranges_init(&it, &d->doc->contract, cmd, &f, payload_of(act));
	while (sl_ranges_next(&it, &r))
		if (!r.source && (r.nsid == nsid || r.nsid == NVME_NSID_ALL) &&
		    lba < r.lba + r.count && r.lba < lba + n)
			return true;
	return it.bad;
}

enum sl_explanation sl_act_explains(const struct sl_watched *d, const struct sl_act *act,
				    const struct sl_change *change)
{
	struct sl_case x = {
		.row = act->row,
		.cmd = act->cmd,
		.declared = act->declared,
		.floor = act->floor,
		.nsid = act->nsid,
		/* What is looked at in it lies in its head; nobody writes to it. */
		.payload = act->cmd.dir & SL_DIR_OUT ? (uint8_t *)(uintptr_t)act->head : NULL,
	};
	/* Nobody tells of resets. */
	struct sl_done done = {.x = &x, .status = act->status, .lost = act->lost, .reset = true};

	sl_facts_collect(&d->doc->contract, &x.cmd, NULL, &x.facts);
	x.scope = x.facts.scope;
	/* What the floor says and the device does not is known before it runs: `contract lint`. */
	return sl_explain(&d->doc->contract, &done, change, d->fna, false);
}

struct judging {
	struct sl_watched *d;
	size_t probe;
	struct sl_window window;
};

/* An entry in no log that moves by itself is what logs are for. */
static bool is_log(const struct sl_change *c)
{
	return sl_effects_within(sl_change_effects(c) & ~(sl_effects)SL_E_INVENTORY,
				 SL_E_LOG | SL_E_BACKGROUND);
}

static bool goes_up(const struct sl_change *c)
{
	return c->field && !c->status && c->field->rule == SL_FIELD_UP &&
	       c->new_value > c->old_value;
}

static void mask(struct sl_watched *d, const struct sl_change *c)
{
	uint32_t at = c->field ? c->field->off : c->at, n = c->field ? c->field->len : c->len;

	for (uint32_t i = 0; i < n && at + i < c->probe->cmd.data_len; i++)
		d->probes.mask[c->probe->off + at + i] = 1;
}

static const uint8_t *firmware(const struct sl_watched *d)
{
	return d->now.bytes + d->o->firmware_at; /* the first says what the device is */
}

static int read_one(struct sl_watched *d, size_t i)
{
	struct sl_probes one = d->probes;
	struct sl_look look = {.item = &d->now.item[i], .bytes = d->now.bytes};
	double had = d->w->tokens;
	int r;

	one.n = 1;
	one.v = &d->probes.v[i];
	d->rig.first = d->rig.last = 0;
	r = sl_look_take(&d->rig.rig, &one, false, false, d->w->data, &look);
	sl_blocks_owe(d, had);
	return r == 0 ? sl_watch_catch_up(d->w) : r;
}

/* Somebody has put other firmware on it since that was read: it is another device now. */
static bool is_new_firmware(struct sl_watched *d, size_t probe)
{
	if (probe != 0)
		(void)read_one(d, 0);
	return memcmp(firmware(d), d->probe[probe].firmware, d->o->firmware_len) != 0;
}

static bool judge(void *ctx, const struct sl_change *c)
{
	struct judging *j = ctx;
	struct sl_watched *d = j->d;
	struct sl_sight s = {.kind = "undeclared-effect", .window = j->window, .probe = j->probe};
	struct sl_evidence e;
	const struct sl_act *act;
	uint64_t at = 0;

	/* What was refused, by a policy or in passing, says nothing. */
	if (d->before.item[j->probe].lost || d->now.item[j->probe].lost || goes_up(c))
		return true;
	while ((act = sl_window_next(d->w->acts, &j->window, &at))) {
		enum sl_explanation why = sl_act_explains(d, act, c);

		if (why == SL_EXPLAINED)
			return true;
		if (why == SL_OUT_OF_SCOPE && !act->own)
			s.kind = "wrong-scope";
	}
	if (sl_change_fixed(c)) {
		if (is_new_firmware(d, j->probe))
			return true;
		s.kind = "declaration-changes";
		s.strong = s.nobody = true;
	}
	sl_change_describe(c, &e);
	memcpy(s.where, e.where, sizeof(s.where));
	memcpy(s.what, e.what, sizeof(s.what));
	s.effects = e.effects;
	s.kept = sl_change_kept(c);
	s.noise = !s.kept && is_log(c);
	if (!sl_suspect(d, &s) && !s.strong)
		mask(d, c);
	return true;
}

/* One of them as if it were all. */
static void compare(struct sl_watched *d, size_t i, struct judging *j)
{
	struct sl_probes one = d->probes;
	struct sl_look before = {.item = &d->before.item[i], .bytes = d->before.bytes};
	struct sl_look now = {.item = &d->now.item[i], .bytes = d->now.bytes};

	one.n = 1;
	one.v = &d->probes.v[i];
	sl_look_compare(&one, &before, &now, judge, j);
}

static int look_at(struct sl_watched *d, size_t i)
{
	const struct sl_probe *p = &d->probes.v[i];
	struct sl_watched_probe *x = &d->probe[i];
	struct judging j = {.d = d, .probe = i};
	double t = x->stretch.t;
	const struct sl_act *own;
	int r = read_one(d, i);

	if (r < 0 || d->rig.gone)
		return r;
	own = sl_acts_find(d->w->acts, d->rig.last);
	/* A look that is not on record can be compared with nothing. */
	if (!own || !d->rig.first)
		x->stretch.since = 0;
	else if (sl_stretch_read(d, &x->stretch, d->rig.first, own, &j.window)) {
		sl_suspect_read(d, &x->stretch, &j.window, x->stretch.t - t);
		compare(d, i, &j);
	}
	d->before.item[i] = d->now.item[i];
	memcpy(d->before.bytes + p->off, d->now.bytes + p->off, p->cmd.data_len);
	memcpy(x->firmware, firmware(d), d->o->firmware_len);
	return 0;
}

void sl_watched_begin(struct sl_watched *d)
{
	d->acted = d->stirred = false;
	d->t_look = sl_watch_now();
	d->due = d->probes.n;
	d->blocks.due = d->blocks.n;
}

/* A few at a time: what was written meanwhile is read back first. */
#define AT_ONCE 8u

int sl_watched_look(struct sl_watched *d)
{
	int r = 0;

	for (size_t i = 0; i < d->probes.n && r == 0 && d->w->tokens >= 1; i++) {
		if (!d->probe[i].urgent)
			continue;
		d->probe[i].urgent = false;
		r = look_at(d, i);
	}
	for (unsigned i = 0; i < AT_ONCE && d->due && r == 0 && d->w->tokens >= 1; i++) {
		d->due--;
		d->at = (d->at + 1) % d->probes.n;
		r = look_at(d, d->at);
	}
	return d->rig.gone ? -ENODEV : r;
}
