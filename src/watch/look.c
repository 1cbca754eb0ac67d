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
	if (r == 0 && !d->probes.mask)
		r = -ENOMEM;
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
	d->rig.first = 0;
	if (r == 0)
		r = sl_look_take(&d->rig.rig, &d->probes, false, false, d->w->data, &d->before);
	d->from = d->rig.first;
	d->t_first = d->t_look = sl_watch_now();
	return r;
}

void sl_watched_done(struct sl_watched *d)
{
	sl_probes_done(&d->probes);
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
	struct sl_window window;
	bool new_firmware;
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

static bool judge(void *ctx, const struct sl_change *c)
{
	struct judging *j = ctx;
	struct sl_watched *d = j->d;
	size_t i = (size_t)(c->probe - d->probes.v);
	struct sl_sight s = {.kind = "undeclared-effect", .window = j->window};
	struct sl_evidence e;
	const struct sl_act *act;
	uint64_t at = 0;

	/* What was refused, by a policy or in passing, says nothing. */
	if (d->before.item[i].lost || d->now.item[i].lost || goes_up(c))
		return true;
	while ((act = sl_window_next(d->w->acts, &j->window, &at))) {
		enum sl_explanation why = sl_act_explains(d, act, c);

		if (why == SL_EXPLAINED)
			return true;
		if (why == SL_OUT_OF_SCOPE && !act->own)
			s.kind = "wrong-scope";
	}
	if (sl_change_fixed(c)) {
		/* Somebody has put other firmware on it: it is another device now. */
		if (j->new_firmware)
			return true;
		s.kind = "declaration-changes";
		s.strong = s.nobody = true;
	}
	sl_change_describe(c, &e);
	memcpy(s.where, e.where, sizeof(s.where));
	memcpy(s.what, e.what, sizeof(s.what));
	s.effects = e.effects;
	s.noise = is_log(c);
	if (!sl_suspect(d, &s) && !s.strong)
		mask(d, c);
	return true;
}

static bool find_firmware(void *ctx, const struct sl_change *c)
{
	bool *found = ctx;

	*found |=
		c->probe && c->probe->facet == SL_FACET_ID_CTRL && c->field && c->field->off == 64;
	return true;
}

int sl_watched_look(struct sl_watched *d)
{
	struct judging j = {.d = d, .window = {.from = d->from, .device = d->index}};
	bool busy = false, stirring = false;
	uint64_t at = 0;
	const struct sl_act *act;
	struct sl_look swap;
	double now;
	int r;

	d->rig.first = d->rig.last = 0;
	d->acted = d->stirred = false;
	d->w->tokens -= (double)d->probes.n;
	r = sl_look_take(&d->rig.rig, &d->probes, false, false, d->w->data, &d->now);
	if (r == 0)
		r = sl_watch_catch_up(d->w);
	if (r < 0 || d->rig.gone)
		return r;
	now = sl_watch_now();
	d->looks++;
	act = sl_acts_find(d->w->acts, d->rig.last);
	/* A look that is not on record, or records that are missing: nothing can be compared. */
	if (act && d->rig.first && d->from && d->gaps == d->w->acts->gaps) {
		j.window.to = act->outcome ? act->outcome : act->intent;
		j.window.whole =
			d->w->acts->first == 0 ||
			d->w->acts->act[d->w->acts->first & (SL_ACTS_MAX - 1)].intent <= d->from;
		while ((act = sl_window_next(d->w->acts, &j.window, &at))) {
			busy |= !act->own;
			stirring |= !act->own && !sl_act_harmless(act);
		}
		d->busy[0] += busy ? now - d->t_look : 0;
		d->busy[1] += stirring ? now - d->t_look : 0;
		sl_look_compare(&d->probes, &d->before, &d->now, find_firmware, &j.new_firmware);
		if (j.window.whole)
			sl_look_compare(&d->probes, &d->before, &d->now, judge, &j);
	}
	swap = d->before;
	d->before = d->now;
	d->now = swap;
	d->from = d->rig.first;
	d->gaps = d->w->acts->gaps;
	d->t_look = now;
	sl_suspect_age(d);
	return 0;
}
