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

#define RAE		  (1u << 15)
#define NVME_ADMIN_FORMAT 0x80u

/* Identify Controller, Base 2.1 figure 312 */
enum {
	ID_FR = 64,
	ID_CMIC = 76,
	ID_MEC = 255,
	ID_LPA = 261,
	ID_NPSS = 263,
	ID_APSTA = 265,
	ID_HCTMA = 322,
	ID_SANICAP = 328,
	ID_ONCS = 520,
	ID_FNA = 524,
	ID_VWC = 525,
	ID_PSD = 2048,
	LISTED = 0xffff, /* none of its bytes: the feature is in the log of features (LID 12h) */
};

/* One thing to read, and what has to be set in Identify Controller for it to be there. */
static const struct {
	uint8_t opcode, facet, sel, per_ns;
	uint16_t bytes;
	uint16_t need_byte;
	uint8_t need_mask; /* 0: always */
} choice[] = {
	{NVME_ADMIN_IDENTIFY, SL_FACET_ID_CTRL, 0x01, 0, 4096, 0, 0},
	{NVME_ADMIN_IDENTIFY, SL_FACET_ID_LIST, 0x02, 0, 4096, 0, 0},
	{NVME_ADMIN_IDENTIFY, SL_FACET_ID_NS, 0x00, 1, 4096, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_ERRORS, 0x01, 0, 64, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_SMART, 0x02, 0, 512, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_FIRMWARE, 0x03, 0, 512, 0, 0},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_EFFECTS, 0x05, 0, 4096, ID_LPA, 0x02},
	{NVME_ADMIN_GET_LOG_PAGE, SL_FACET_SANITIZE, 0x81, 0, 512, ID_SANICAP, 0x07},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x01, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x02, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x04, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x05, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x06, 0, 0, ID_VWC, 0x01},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x07, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x0a, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x0b, 0, 0, 0, 0},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x0c, 0, 256, ID_APSTA, 0x01},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x10, 0, 0, ID_HCTMA, 0x01},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x11, 0, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x12, 0, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x16, 0, 512, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x80, 0, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x82, 1, 0, LISTED, 1},
	{NVME_ADMIN_GET_FEATURES, SL_FACET_FEATURE, 0x84, 1, 0, LISTED, 1},
};

static int doc_call(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		    size_t *ret_len)
{
	struct sl_watched *d = ctx;
	struct sl_answer a;
	int r = sl_watch_call(d, cmd, &a);

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
	struct sl_doc_source source = {.call = doc_call, .ctx = d};

	return sl_doc_read(d->w->config.device[d->index].name, &source, ret);
}

static struct sl_command command_of(unsigned row, uint32_t nsid)
{
	struct sl_command cmd = {.set = SL_SET_NVME_ADMIN, .req_len = SL_REQ_MAX};
	uint32_t bytes = choice[row].bytes, cdw10 = choice[row].sel;

	if (choice[row].opcode == NVME_ADMIN_GET_LOG_PAGE)
		cdw10 |= RAE | (bytes / 4 - 1) << 16;
	cmd.req[0] = choice[row].opcode;
	sl_put_le32(cmd.req + 4, nsid);
	sl_put_le32(cmd.req + 40, cdw10);
	cmd.data_len = bytes;
	cmd.dir = bytes ? SL_DIR_IN : SL_DIR_NONE;
	return cmd;
}

/* Keeps what answers. */
static int try(struct sl_watched *d, unsigned row, uint32_t nsid)
{
	struct sl_probe p = {
		.facet = choice[row].facet,
		.sel = choice[row].sel,
		.nsid = nsid,
		.cmd = command_of(row, nsid),
		.off = d->probes.bytes,
	};
	struct sl_answer a;
	int r = sl_watch_call(d, &p.cmd, &a);

	if (r < 0 || !sl_answer_ok(&a))
		return r;
	(void)snprintf(p.name, sizeof(p.name), "%s %02Xh", sl_facets[p.facet].name, p.sel);
	d->probes.v[d->probes.n++] = p;
	d->probes.bytes += p.cmd.data_len;
	return 0;
}

/*
 * Is it there? To ask for what is not leaves an entry in the device's error log; a program may be
 * asked for everything.
 */
static bool is_there(const struct sl_watched *d, unsigned row, const uint8_t *id)
{
	const struct sl_entry *e;

	if (!choice[row].need_mask || d->w->config.device[d->index].evidence & SL_WATCH_SOFT)
		return true;
	if (choice[row].need_byte != LISTED)
		return id[choice[row].need_byte] & choice[row].need_mask;
	e = sl_contract_find(&d->doc->contract,
			     sl_key(SL_SET_NVME_ADMIN, NVME_ADMIN_SET_FEATURES, choice[row].sel));
	return e && e->flags & SL_ENTRY_SUPPORTED;
}

static int choose(struct sl_watched *d, const uint8_t *id)
{
	const struct sl_contract *c = &d->doc->contract;
	int r = 0;

	d->probes.cap = SL_COUNT(choice) * (1 + c->n_ns);
	d->probes.v = calloc(d->probes.cap, sizeof(*d->probes.v));
	if (!d->probes.v)
		return -ENOMEM;
	for (unsigned row = 0; row < SL_COUNT(choice) && r == 0; row++) {
		if (!is_there(d, row, id))
			continue;
		if (!choice[row].per_ns)
			r = try(d, row, 0);
		for (uint32_t i = 0; choice[row].per_ns && i < c->n_ns && r == 0; i++)
			r = try(d, row, c->ns[i].nsid);
	}
	d->probes.mask = calloc(1, d->probes.bytes + 1);
	d->probe = calloc(d->probes.n + 1, sizeof(*d->probe));
	if (r == 0 && (!d->probes.mask || !d->probe))
		r = -ENOMEM;
	if (r == 0 && (!d->probes.n || d->probes.v[0].facet != SL_FACET_ID_CTRL))
		r = -ENODEV; /* it identified itself a moment ago */
	if (r == 0)
		r = sl_look_new(&d->probes, &d->before);
	return r < 0 ? r : sl_look_new(&d->probes, &d->now);
}

/* Can a command wake it? Any power state that does no I/O (NOPS), or transitions by itself. */
static bool can_sleep(const uint8_t *id)
{
	for (unsigned i = 0; i <= id[ID_NPSS] && i < 32; i++)
		if (id[ID_PSD + 32 * i + 3] & 2)
			return true;
	return false;
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
	if (id[ID_CMIC] & 7)
		add(d->others, sizeof(d->others),
		    "other hosts or controllers: it says that it has several (CMIC)");
	else
		add(d->excluded, sizeof(d->excluded), "it has one port and one controller (CMIC)");
	if (id[ID_MEC] & 3)
		add(d->others, sizeof(d->others),
		    "a management controller: it says that it has an endpoint for one (MEC)");
	else
		add(d->excluded, sizeof(d->excluded), "it has no management endpoint (MEC)");
}

int sl_watched_init(struct sl_watched *d)
{
	struct sl_command identify = command_of(0, 0);
	struct sl_answer a;
	int r = sl_watch_call(d, &identify, &a);
	uint8_t id[4096];

	if (r == 0 && !sl_answer_ok(&a))
		r = d->rig.denied ? -EACCES : -ENODEV;
	memcpy(id, d->w->data, sizeof(id));
	if (r == 0)
		r = read_contract(d, &d->doc);
	if (r < 0)
		return r;
	d->fna = id[ID_FNA];
	d->sleeps = can_sleep(id);
	find_others(d, id);
	r = choose(d, id);
	if (r == 0)
		r = sl_blocks_init(d, NULL);
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
	if (act->cmd.set == SL_SET_NVME_NVM && row->len == SL_LEN_NLB)
		return sl_get_le32(cmd->req + 4) == nsid &&
		       lba <= sl_get_le64(cmd->req + 40) + sl_get_le16(cmd->req + 48) &&
		       sl_get_le64(cmd->req + 40) < lba + n;
	sl_facts_collect(&d->doc->contract, cmd, NULL, &f);
	/* FNA: a format, or an erase, may be of all namespaces whichever is named. */
	if (f.nsid && f.nsid != NVME_NSID_ALL && f.nsid != nsid && !(f.scope & beyond) &&
	    !(cmd->req[0] == NVME_ADMIN_FORMAT && d->fna & 3))
		return false;
	/* What a payload names is not recorded. */
	if (row->ranges == SL_RANGES_NONE || row->ranges == SL_RANGES_NS ||
	    row->ranges == SL_RANGES_DSM || row->ranges == SL_RANGES_COPY)
		return true;
	sl_ranges_init(&it, &d->doc->contract, cmd, &f, NULL);
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
		.nsid = sl_get_le32(act->cmd.req + 4),
	};
	struct sl_done done = {.x = &x, .status = act->status, .lost = act->lost};

	sl_facts_collect(&d->doc->contract, &x.cmd, NULL, &x.facts);
	x.scope = x.facts.scope;
	/* What the floor says and the device does not is known before it runs: `contract lint`. */
	return sl_explain(&d->doc->contract, &done, change, d->fna, false);
}

enum sl_level sl_act_level(const struct sl_act *act)
{
	uint8_t op = act->cmd.req[0];

	if (sl_effects_mutating(act->declared | act->floor) ||
	    sl_rows[act->row].flags & SL_ROW_VENDOR)
		return SL_LEVEL_STIRS;
	return act->cmd.set == SL_SET_NVME_ADMIN &&
			       (op == NVME_ADMIN_IDENTIFY || op == NVME_ADMIN_GET_LOG_PAGE ||
				op == NVME_ADMIN_GET_FEATURES)
		       ? SL_LEVEL_REPORTS
		       : SL_LEVEL_WORKS;
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
	return d->now.bytes + d->probes.v[0].off + ID_FR; /* Identify Controller is the first */
}

static int read_one(struct sl_watched *d, size_t i)
{
	struct sl_probes one = d->probes;
	struct sl_look look = {.item = &d->now.item[i], .bytes = d->now.bytes};
	int r;

	one.n = 1;
	one.v = &d->probes.v[i];
	d->rig.first = d->rig.last = 0;
	d->w->tokens -= 1;
	r = sl_look_take(&d->rig.rig, &one, false, false, d->w->data, &look);
	return r == 0 ? sl_watch_catch_up(d->w) : r;
}

/* Somebody has put other firmware on it since that was read: it is another device now. */
static bool is_new_firmware(struct sl_watched *d, size_t probe)
{
	if (probe != 0)
		(void)read_one(d, 0);
	return memcmp(firmware(d), d->probe[probe].firmware, sizeof(d->probe[0].firmware)) != 0;
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
	memcpy(x->firmware, firmware(d), sizeof(x->firmware));
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
