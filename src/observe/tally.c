/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matrix of a report (what each command declares, may and was seen to do), and how much of what
 * the device declares was tried: what was left out, and why.
 */
#include "observe/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/entry.h"
#include "core/table.h"
#include "observe/phase.h"
#include "spec/names.h"

static bool many_opcodes(uint16_t row)
{
	return sl_rows[row].op_lo != sl_rows[row].op_hi || sl_rows[row].flags & SL_ROW_UNLISTED;
}

static struct sl_tally *tally_of(struct sl_verdicts *out, uint16_t row,
				 const struct sl_command *cmd)
{
	for (size_t i = 0; i < out->n_tallies; i++) {
		struct sl_tally *t = &out->tally[i];

		if (t->row == row &&
		    (!many_opcodes(row) || (t->opcode == cmd->req[0] && t->set == cmd->set)))
			return t;
	}
	return NULL;
}

static int add_case(struct sl_verdicts *out, const struct sl_case *x)
{
	struct sl_tally *t = tally_of(out, x->row, &x->cmd);
	const struct sl_row *row = &sl_rows[x->row];

	if (!t) {
		struct sl_tally *v = realloc(out->tally, (out->n_tallies + 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		out->tally = v;
		t = &v[out->n_tallies++];
		*t = (struct sl_tally){.row = x->row, .set = x->cmd.set, .opcode = x->cmd.req[0]};
		(void)snprintf(t->name, sizeof(t->name), "%s", row->name);
		if (many_opcodes(x->row))
			(void)snprintf(t->name, sizeof(t->name), "%.80s %02Xh", row->name,
				       x->cmd.req[0]);
	}
	t->listed |= x->listed;
	t->declared |= x->declared;
	t->floor |= x->floor;
	t->forms++;
	t->done += x->tried && !x->status;
	t->unknown += x->refused;
	if (x->tried && x->status)
		t->status = x->status;
	return 0;
}

/*
 * The effects that a finding says the command should not have had, or should have declared. What
 * changed witnesses one of several: where the specification names some of these, it was these.
 */
static sl_effects against(const struct sl_breach *b)
{
	sl_effects all = SL_E_NONE;

	if (sl_breach_kinds[b->id].weight != SL_WEIGHT_CAUGHT)
		return SL_E_NONE;
	for (unsigned i = 0; i < b->n_evidence; i++) {
		sl_effects e = b->evidence[i].effects;
		sl_effects known = e & (b->declared | b->floor);
		sl_effects lacking = known & ~b->declared;

		all |= b->id == SL_BREACH_UNDERDECLARED	   ? (known ? lacking : e)
		       : b->id == SL_BREACH_SCOPE && known ? known
							   : e;
	}
	return all;
}

static void finish(const struct sl_verifier *v, struct sl_tally *t)
{
	struct sl_command cmd = {.set = t->set, .req = {t->opcode}};
	const struct sl_use *use = sl_use_of(v, t->row, &cmd);

	t->seen = use->seen;
	t->sent = use->sent;
	t->ms = use->ms;
	t->ms_max = use->ms_max;
	t->turned = use->turned;
	t->fields = sl_formats[sl_rows[t->row].format].n_fields;
	t->fixed = sl_fields_fixed(t->row);
}

/* The keys under which a log lists a command. */
static unsigned keys_of(const struct sl_case *x, uint64_t ret[2])
{
	const struct sl_row *row = &sl_rows[x->row];
	struct sl_field sel;

	ret[0] = sl_key(x->cmd.set, x->cmd.req[0], SL_SEL_ANY);
	if (row->flags & SL_ROW_SELECTOR && sl_row_selector(x->row, &sel)) {
		ret[0] = sl_key(x->cmd.set, x->cmd.req[0],
				(uint16_t)(sl_field_get(&sel, x->cmd.req) | SL_ROW_SEL_HIGH(row)));
		return 1;
	}
	if (row->flags & SL_ROW_SELECTOR) /* a mailbox's command, beside its set */
		ret[0] = sl_key(x->cmd.set, x->cmd.req[0], x->cmd.req[1]);
	if (!row->decl || !sl_row_selector(x->row, &sel))
		return 1;
	ret[1] = sl_key(x->cmd.set, row->decl, (uint16_t)sl_field_get(&sel, x->cmd.req));
	return 2;
}

/* Why an entry was not carried out in any form; NULL: it was. */
static const char *reason(const struct sl_verifier *v, uint64_t key, char buf[96])
{
	const struct sl_case *refused = NULL, *waiting = NULL;
	const struct sl_row *row;
	char name[SL_KEY_NAME_MAX];

	for (size_t i = 0; i < v->cases.n; i++) {
		const struct sl_case *x = &v->cases.v[i];
		uint64_t keys[2];
		unsigned n = keys_of(x, keys);

		if (keys[0] != key && (n < 2 || keys[1] != key))
			continue;
		if (x->tried && !x->status)
			return NULL;
		refused = x->tried ? x : refused;
		waiting = x;
	}
	if (sl_rows[sl_key_row(key)].flags & SL_ROW_KERNEL)
		return "it is the kernel driver's own";
	if (sl_key_set(key) == SL_SET_NVME_KV)
		return "key-value commands are not tried";
	if (refused && refused->status == 0xffff)
		return "the device did not answer";
	if (refused) {
		(void)snprintf(buf, 96, "every form was refused, the last with status %Xh",
			       refused->status);
		return buf;
	}
	if (waiting)
		return "it was not its turn yet when the verification ended";
	if (v->o->only && !strstr(sl_key_name(key, name), v->o->only))
		return "--only names others";
	row = &sl_rows[sl_key_row(key)];
	if (row->flags & (SL_ROW_UNLISTED | SL_ROW_NO_DEPTH))
		return "no form of it is known: name or fields are in no table";
	if (!(v->rig->can & SL_RIG_WRITES))
		return "it may have effects, or offers nothing: --destructive was not given";
	return "no form of it is known: name or fields are in no table";
}

static int add_gap(struct sl_verdicts *out, uint64_t key, const char *why)
{
	char name[SL_KEY_NAME_MAX];
	struct sl_gap *g = realloc(out->gap, (out->n_gaps + 1) * sizeof(*g));

	if (!g)
		return -ENOMEM;
	out->gap = g;
	g += out->n_gaps++;
	(void)snprintf(g->what, sizeof(g->what), "%s", sl_key_name(key, name));
	(void)snprintf(g->why, sizeof(g->why), "%s", why);
	return 0;
}

static int entries(const struct sl_verifier *v)
{
	struct sl_verdicts *out = v->out;
	uint64_t keys[SL_CONTRACT_MAX];
	size_t n = sl_contract_keys(v->c, keys);
	int error = 0;

	for (size_t i = 0; i < n && !error; i++) {
		const struct sl_entry *e = sl_contract_find(v->c, keys[i]);
		char buf[96];
		const char *why;

		/* Pages of logs that are not commands are facets, and counted there. */
		if (!e || !(e->flags & SL_ENTRY_SUPPORTED) || e->source == SL_SOURCE_LID13 ||
		    e->source == SL_SOURCE_LID14)
			continue;
		out->entries++;
		why = reason(v, keys[i], buf);
		if (why)
			error = add_gap(out, keys[i], why);
		else
			out->covered++;
	}
	return error;
}

int sl_tally_fill(struct sl_verifier *v)
{
	struct sl_verdicts *out = v->out;
	int error = 0;

	for (size_t i = 0; i < v->cases.n && !error; i++)
		if (v->cases.v[i].kind <= SL_CASE_FIELD)
			error = add_case(out, &v->cases.v[i]);
	for (size_t i = 0; i < out->n_tallies; i++)
		finish(v, &out->tally[i]);
	for (size_t i = 0; i < out->n && !error; i++) {
		const struct sl_breach *b = &out->v[i];
		struct sl_tally *t =
			b->has_cmd ? tally_of(out, sl_row_find(b->cmd.set, b->cmd.req), &b->cmd)
				   : NULL;

		if (t)
			t->against |= against(b);
	}
	for (unsigned i = 0; i < _SL_FACET_N; i++)
		if (out->facets[i])
			out->witnessed |= sl_facets[i].effects;
	return error ? error : entries(v);
}

sl_effects sl_tally_unseen(const struct sl_verdicts *out, const struct sl_tally *t)
{
	if (!t->done || t->declared & SL_E_UNKNOWN)
		return SL_E_NONE;
	return t->declared & out->witnessed & ~t->seen & ~t->against;
}

bool sl_tally_stalls(const struct sl_tally *t)
{
	return t->sent >= 8 && t->ms_max >= 20 && t->ms_max >= 10 * (t->ms / t->sent + 1);
}

void sl_tally_fields(const struct sl_verdicts *out, struct sl_field_count *ret)
{
	*ret = (struct sl_field_count){0};
	for (size_t i = 0; i < out->n_tallies; i++) {
		const struct sl_tally *t = &out->tally[i];
		unsigned n = t->fields < 64 ? t->fields : 64;

		for (unsigned f = 0; f < n; f++) {
			ret->all++;
			if (t->turned >> f & 1)
				ret->turned++;
			else if (t->fixed >> f & 1)
				ret->fixed++;
			else if (!t->done)
				ret->refused++;
			else if (t->against)
				ret->caught++;
			else
				ret->waiting++;
		}
	}
}
