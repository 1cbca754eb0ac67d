/* SPDX-License-Identifier: Apache-2.0 */
/* Holds one change against one command. */
#include "observe/judge.h"

#include <stdio.h>
#include <string.h>

#include "core/ranges.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "spec/names.h"
#include "spec/nvme.h"

#define NVME_ADMIN_FORMAT  0x80u
#define NVME_FEATURE_POWER 0x02u
#define COUNTER_STEP_MAX   (1u << 24) /* what looks like a counter may go up by */

sl_effects sl_change_effects(const struct sl_change *c)
{
	sl_effects e;

	if (!c->probe)
		return SL_E_NONE;
	e = c->field && !c->status ? c->field->effects : sl_facets[c->probe->facet].effects;
	/* What belongs to a namespace comes and goes with it. */
	if (c->probe->nsid)
		e |= SL_E_INVENTORY;
	if (c->status)
		e |= SL_E_AVAILABILITY | SL_E_POLICY | SL_E_SECURITY;
	return e;
}

bool sl_change_fixed(const struct sl_change *c)
{
	if (!c->probe || c->status)
		return false;
	return sl_facets[c->probe->facet].flags & SL_FACETF_DECLARES ||
	       (c->field && c->field->rule == SL_FIELD_FIXED);
}

bool sl_change_kept(const struct sl_change *c)
{
	const struct sl_facet_field *f = c->field;

	if (!c->probe || c->status)
		return false;
	if (f && (f->rule == SL_FIELD_COUNTS || f->rule == SL_FIELD_UP || f->rule == SL_FIELD_ADDS))
		return c->new_value < c->old_value;
	/* The power state in force is the device's own choice too (APST). */
	if (c->probe->facet == SL_FACET_FEATURE && c->probe->cmd.set == SL_SET_NVME_ADMIN &&
	    c->probe->sel == NVME_FEATURE_POWER)
		return false;
	return sl_facets[c->probe->facet].flags & SL_FACETF_KEPT &&
	       !(f && f->rule == SL_FIELD_LAGS);
}

/* Counters go up with use. */
static bool counted(const struct sl_done *d, const struct sl_change *c)
{
	bool up = c->new_value > c->old_value;
	bool io = sl_rows[d->x->row].set != SL_SET_NVME_ADMIN;

	if (c->status || !up)
		return false;
	if (c->field && c->field->rule == SL_FIELD_UP)
		return true;
	if (c->field && c->field->rule == SL_FIELD_COUNTS)
		return io || sl_rows[d->x->row].flags & SL_ROW_VENDOR;
	/* Log pages of a logical unit count bytes, too. */
	return sl_facets[c->probe->facet].flags & SL_FACETF_COUNTERS &&
	       (c->probe->facet == SL_FACET_S_LOG ||
		c->new_value - c->old_value < COUNTER_STEP_MAX);
}

/* A failed command leaves a trace in the error log, or takes what waited to be said; nothing else.
 */
static bool recorded(const struct sl_done *d, const struct sl_change *c)
{
	if (!d->status && !d->lost)
		return false;
	return c->probe->facet == SL_FACET_ERRORS || c->probe->facet == SL_FACET_S_ATTENTION ||
	       (c->probe->facet == SL_FACET_SMART && c->field && c->field->off == 176);
}

/*
 * A self-test that runs ends when its namespace is formatted, sanitized or taken away (Base
 * specification 2.1, 5.1.6, figure "Self-test Result Data Structure": 3h, 4h, 9h).
 */
static bool ends_self_test(const struct sl_done *d, const struct sl_change *c)
{
	return c->probe->facet == SL_FACET_SELF_TEST && !d->status &&
	       sl_rows[d->x->row].set == SL_SET_NVME_ADMIN &&
	       sl_rows[d->x->row].floor & (SL_E_DATA | SL_E_INVENTORY);
}

static bool clear(uint16_t row, const uint8_t *req, const char *name)
{
	const struct sl_field *f = sl_row_field(row, name);

	return f && !sl_field_get(f, req);
}

bool sl_only_hints(uint16_t row, const uint8_t *req)
{
	return sl_rows[row].ranges == SL_RANGES_DSM && clear(row, req, "ad");
}

/* What the command can do, and was not asked for: to save, or to do more than take a hint. */
static bool not_asked(const struct sl_case *x, const struct sl_change *c)
{
	switch (c->probe->facet) {
	case SL_FACET_FEATURE_SAVED:
		return clear(x->row, x->cmd.req, "sv");
	case SL_FACET_S_MODE_SAVED:
		return clear(x->row, x->cmd.req, "sp");
	case SL_FACET_BLOCKS:
		return sl_only_hints(x->row, x->cmd.req);
	default:
		return false;
	}
}

/* Firmware that runs at once, by a command that leaves that to a reset. */
static bool too_soon(const struct sl_done *d, const struct sl_change *c)
{
	sl_effects floor = sl_rows[d->x->row].floor;
	const uint64_t active = 7; /* bits of the slot that runs, AFI */
	bool runs;

	if (d->reset || c->status || !(floor & SL_E_FIRMWARE) ||
	    floor & (SL_E_CONFIG | SL_E_AVAILABILITY))
		return false;
	switch (c->probe->facet) {
	case SL_FACET_ID_CTRL:
	case SL_FACET_S_INQUIRY:
	case SL_FACET_C_IDENTIFY:
		runs = c->field && c->field->effects == SL_E_FIRMWARE;
		break;
	case SL_FACET_FIRMWARE:
		runs = !c->at && (c->old_value ^ c->new_value) & active;
		break;
	default:
		runs = false;
	}
	/* CXL: action 0 is to switch at once. */
	return runs && (sl_rows[d->x->row].set != SL_SET_CXL ||
			(d->x->payload && d->x->cmd.data_len && d->x->payload[0]));
}

/* Beyond one namespace, by the specification or the declaration. */
static bool wide(const struct sl_done *d, uint8_t fna)
{
	const sl_scope beyond = SL_S_SET | SL_S_ENDGRP | SL_S_CTRL | SL_S_DOMAIN | SL_S_SUBSYSTEM;
	uint8_t ses = d->x->cmd.req[41] >> 1 & 7;

	if (d->x->scope & beyond || !d->x->nsid || d->x->nsid == NVME_NSID_ALL)
		return true;
	/* FNA bit 0: a format is of all namespaces; bit 1: an erase is. */
	return sl_rows[d->x->row].set == SL_SET_NVME_ADMIN &&
	       d->x->cmd.req[0] == NVME_ADMIN_FORMAT && fna & (ses ? 2 : 1);
}

static bool named_blocks(const struct sl_contract *c, const struct sl_done *d,
			 const struct sl_change *change)
{
	const struct sl_ns *ns = sl_contract_ns(c, change->probe->nsid);
	uint64_t size = ns && ns->lba_shift
				? (UINT64_C(1) << ns->lba_shift) + (ns->meta_ext ? ns->meta : 0)
				: 512;
	uint64_t lba = change->probe->lba + change->at / size;
	struct sl_ranges it;
	struct sl_range r;

	/* A read of several blocks fails when one of them does. */
	if (change->status)
		lba = change->probe->lba;
	sl_ranges_init(&it, c, &d->x->cmd, &d->x->facts, d->x->payload);
	while (sl_ranges_next(&it, &r)) {
		uint64_t end = lba + (change->status ? change->probe->blocks : 1);

		if (!r.source && (r.nsid == change->probe->nsid || r.nsid == NVME_NSID_ALL) &&
		    lba < r.lba + r.count && end > r.lba)
			return true;
	}
	return false;
}

/* Is the changed thing one that the command names? */
static bool in_scope(const struct sl_contract *c, const struct sl_done *d,
		     const struct sl_change *change, uint8_t fna)
{
	const struct sl_row *row = &sl_rows[d->x->row];
	const struct sl_probe *p = change->probe;
	bool this_one = false;

	/* Blocks that a command carried inside this one names: any may be meant. */
	if (p->facet == SL_FACET_BLOCKS && row->ranges == SL_RANGES_UNTOLD)
		return true;
	if (p->facet == SL_FACET_BLOCKS && row->ranges != SL_RANGES_NONE &&
	    !(row->flags & SL_ROW_VENDOR) && !wide(d, fna))
		return named_blocks(c, d, change);
	if (p->facet == SL_FACET_BLOCKS && row->ranges != SL_RANGES_NONE &&
	    row->ranges != SL_RANGES_NS)
		return named_blocks(c, d, change);
	if (sl_observed_of(c->protocol)->sets_one(d->x, p, &this_one))
		return this_one;
	return !p->nsid || p->nsid == d->x->nsid || wide(d, fna);
}

static enum sl_explanation explain_hash(const struct sl_done *d)
{
	/* What has no effect although data goes out keeps them: an echo buffer. */
	bool keeps = d->x->payload && !d->x->floor && sl_sets[d->x->cmd.set].sense;

	return d->status || d->lost || keeps || !sl_case_harmless(d->x) ? SL_EXPLAINED
									: SL_UNEXPLAINED;
}

enum sl_explanation sl_explain(const struct sl_contract *c, const struct sl_done *d,
			       const struct sl_change *change, uint8_t fna, bool declares)
{
	sl_effects has, may = d->x->declared | d->x->floor, e = sl_change_effects(change);
	sl_effects bits;

	/* The device says that it could be anything: nothing contradicts that. */
	if (may & SL_E_UNKNOWN)
		return SL_EXPLAINED;
	if (!change->probe)
		return explain_hash(d);
	if (recorded(d, change) || counted(d, change) || ends_self_test(d, change))
		return SL_EXPLAINED;
	if (not_asked(d->x, change) || too_soon(d, change))
		return SL_UNEXPLAINED;
	if (sl_change_fixed(change))
		return may & SL_E_FIRMWARE || (sl_rows[d->x->row].flags & SL_ROW_VENDOR &&
					       d->x->declared & SL_E_CAPABILITY)
			       ? SL_EXPLAINED
			       : SL_UNEXPLAINED;
	has = may & e;
	/* There is no bit for what a vendor's command does to its own logs. */
	if (!has && sl_rows[d->x->row].flags & SL_ROW_VENDOR &&
	    sl_effects_within(e & ~(sl_effects)SL_E_INVENTORY, SL_E_LOG | SL_E_BACKGROUND))
		return SL_EXPLAINED;
	if (!has)
		return SL_UNEXPLAINED;
	if (!in_scope(c, d, change, fna))
		return SL_OUT_OF_SCOPE;
	bits = sl_contract_expressible(sl_observed_of(c->protocol)->source);
	if (declares && !(d->x->declared & e) && !(has & ~bits))
		return SL_UNDERDECLARED;
	return SL_EXPLAINED;
}

void sl_change_describe(const struct sl_change *c, struct sl_evidence *ret)
{
	const struct sl_probe *p = c->probe;

	*ret = (struct sl_evidence){.at = c->at, .len = c->len, .effects = sl_change_effects(c)};
	if (!p) {
		(void)snprintf(ret->where, sizeof(ret->where), "state digest");
		(void)snprintf(ret->what, sizeof(ret->what), "differs");
		return;
	}
	(void)snprintf(ret->where, sizeof(ret->where), "%s%s%.0u%s%s", p->name,
		       p->nsid ? " nsid=" : "", p->nsid, c->field && !c->status ? ": " : "",
		       c->field && !c->status ? c->field->name : "");
	if (c->status && c->new_status & 0x8000)
		(void)snprintf(ret->what, sizeof(ret->what), "no answer any more");
	else if (c->status && c->old_status == 0)
		(void)snprintf(ret->what, sizeof(ret->what), "refused, status %Xh", c->new_status);
	else if (c->status)
		(void)snprintf(ret->what, sizeof(ret->what), "status %Xh -> %Xh", c->old_status,
			       c->new_status);
	else if (c->result)
		(void)snprintf(ret->what, sizeof(ret->what), "%llX -> %llX",
			       (unsigned long long)c->old_value, (unsigned long long)c->new_value);
	else if (c->len > 8 && !c->field)
		(void)snprintf(ret->what, sizeof(ret->what), "%u bytes differ, %u-%u", c->len,
			       c->at, c->at + c->len - 1);
	else
		(void)snprintf(ret->what, sizeof(ret->what), "%llX -> %llX, byte%s %u%s%.0u",
			       (unsigned long long)c->old_value, (unsigned long long)c->new_value,
			       c->len > 1 ? "s" : "", c->at, c->len > 1 ? "-" : "",
			       c->len > 1 ? c->at + c->len - 1 : 0);
}
