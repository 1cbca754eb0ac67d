/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical commands from the tables, with the few fields and payloads that make them work. */
#include "observe/case.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-nvme.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "spec/names.h"
#include "spec/nvme.h"
#include "wire/wire.h"

enum payload {
	PAY_NONE,
	PAY_PATTERN, /* bytes that say which command wrote them */
	PAY_ARENA,   /* what the arena holds: for Compare */
	PAY_RANGE,   /* Dataset Management: one range of four blocks at the arena */
	PAY_COPY,    /* Copy: one range of two blocks at the arena */
	PAY_NS,	     /* Namespace Management: a small namespace */
	PAY_CTRL,    /* Namespace Attachment: this controller */
	PAY_KEYS,    /* reservations: key 0, new key */
};

/*
 * What the canonical form of a row needs: fields, a payload, where in the arena. The first row
 * whose name is a prefix of the command's counts.
 */
struct recipe {
	const char *row;
	uint8_t payload;
	uint8_t at, blocks; /* block of the arena, and how many */
	struct {
		const char *field;
		uint32_t value;
	} set[5];
};

static const struct recipe recipes[] = {
	{"nvme.admin.get-log-page", 0, 0, 0, {{"rae", 1}, {"numd", 127}}},
	{"nvme.admin.security-receive", 0, 0, 0, {{"tl", 512}}},
	{"nvme.admin.security-send", PAY_PATTERN, 0, 0, {{"tl", 512}, {"spsp", 1}}},
	{"nvme.admin.ns-management.create", PAY_NS, 0, 0, {{NULL, 0}}},
	{"nvme.admin.ns-attachment", PAY_CTRL, 0, 0, {{NULL, 0}}},
	{"nvme.admin.firmware-download", PAY_PATTERN, 0, 0, {{"numd", 1023}}},
	{"nvme.admin.firmware-commit.replace", 0, 0, 0, {{"fs", 2}}},
	{"nvme.admin.firmware-commit.activate", 0, 0, 0, {{"fs", 2}}},
	{"nvme.admin.directive-send.identify",
	 0,
	 0,
	 0,
	 {{"doper", 1}, {"endir", 1}, {"tdtype", 1}}},
	{"nvme.admin.directive-send.streams", 0, 0, 0, {{"doper", 2}}},
	{"nvme.admin.directive-receive", 0, 0, 0, {{"doper", 1}, {"numd", 127}}},
	{"nvme.admin.lockdown", 0, 0, 0, {{"prhbt", 1}, {"ofi", 0x14}}},
	{"nvme.admin.get-lba-status", 0, 0, 16, {{"mndw", 127}, {"atype", 0x11}}},
	{"nvme.nvm.write-uncorrectable", 0, 6, 1, {{NULL, 0}}},
	{"nvme.nvm.write-zeroes", 0, 4, 1, {{NULL, 0}}},
	{"nvme.nvm.write", PAY_PATTERN, 2, 1, {{NULL, 0}}},
	{"nvme.nvm.compare", PAY_ARENA, 0, 1, {{NULL, 0}}},
	{"nvme.nvm.read", 0, 0, 1, {{NULL, 0}}},
	{"nvme.nvm.verify", 0, 0, 1, {{NULL, 0}}},
	{"nvme.nvm.dataset-management", PAY_RANGE, 0, 4, {{"ad", 1}}},
	{"nvme.nvm.copy", PAY_COPY, 12, 2, {{NULL, 0}}},
	{"nvme.nvm.reservation-report", 0, 0, 0, {{"numd", 127}, {"eds", 1}}},
	{"nvme.nvm.reservation-acquire", PAY_KEYS, 0, 0, {{"rtype", 1}}},
	{"nvme.nvm.reservation-release", PAY_KEYS, 0, 0, {{"rtype", 1}}},
	{"nvme.nvm.reservation", PAY_KEYS, 0, 0, {{NULL, 0}}},
	{"nvme.nvm.io-management-receive", 0, 0, 0, {{"numd", 127}}},
	{"nvme.zns.zone-management-receive", 0, 0, 0, {{"numd", 127}}},
	{"nvme.zns.zone-append", PAY_PATTERN, 0, 1, {{NULL, 0}}},
};

uint64_t sl_arena(const struct sl_ns *ns, uint64_t key)
{
	uint64_t span = ns->blocks > 4 * SL_ARENA_BLOCKS ? ns->blocks - 3 * SL_ARENA_BLOCKS : 0;

	/* A zoned namespace is written from its start. */
	if (ns->csi == 2 || !span)
		return 0;
	return SL_ARENA_BLOCKS + (key * 0x9e3779b97f4a7c15u >> 11) % span;
}

void sl_pattern(uint8_t *p, uint32_t len, uint32_t nsid, uint64_t lba)
{
	uint64_t z = (lba + 1) * 0x9e3779b97f4a7c15u ^ nsid;

	for (uint32_t i = 0; i + 8 <= len; i += 8)
		sl_put_le64(p + i, z ^= z << 13 ^ i);
}

void sl_cases_done(struct sl_cases *cases)
{
	for (size_t i = 0; i < cases->n; i++)
		free(cases->v[i].payload);
	free(cases->v);
	*cases = (struct sl_cases){0};
}

struct sl_case *sl_cases_add(struct sl_cases *cases, const struct sl_case *x)
{
	struct sl_case *to;

	if (cases->n == cases->cap) {
		size_t cap = cases->cap ? 2 * cases->cap : 256;
		struct sl_case *v = realloc(cases->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		cases->v = v;
		cases->cap = cap;
	}
	to = &cases->v[cases->n];
	*to = *x;
	if (x->payload && x->cmd.data_len) {
		to->payload = malloc(x->cmd.data_len);
		if (!to->payload)
			return NULL;
		memcpy(to->payload, x->payload, x->cmd.data_len);
	}
	cases->n++;
	return to;
}

static void set_field(struct sl_case *x, const char *name, uint64_t value)
{
	const struct sl_field *f = sl_row_field(x->row, name);

	if (f)
		sl_field_set(f, x->cmd.req, value);
}

static void fill_payload(struct sl_maker *m, const struct recipe *r, const struct sl_case *x,
			 const struct sl_ns *ns)
{
	uint64_t arena = ns ? sl_arena(ns, m->p->key) : 0;
	uint8_t *b = m->payload;

	memset(b, 0, sizeof(m->payload));
	switch (r ? r->payload : PAY_NONE) {
	case PAY_PATTERN:
		for (uint32_t i = 0; i + 8 <= x->cmd.data_len; i += 8)
			sl_put_le64(b + i, 0x6563696c756c7331u ^ (uint64_t)i << 32 ^ x->row);
		break;
	case PAY_ARENA:
		sl_pattern(b, x->cmd.data_len, x->nsid, arena + r->at);
		break;
	case PAY_RANGE:
		sl_put_le32(b + 4, r->blocks);
		sl_put_le64(b + 8, arena + r->at);
		break;
	case PAY_COPY:
		sl_put_le32(b, x->nsid); /* formats 2h and 3h: source namespace */
		sl_put_le64(b + 8, arena);
		sl_put_le16(b + 16, (uint16_t)(r->blocks - 1));
		break;
	case PAY_NS:
		sl_put_le64(b, 16);
		sl_put_le64(b + 8, 16);
		break;
	case PAY_CTRL:
		sl_put_le16(b, 1);
		sl_put_le16(b + 2, m->c->cntlid);
		break;
	case PAY_KEYS:
		sl_put_le64(b + 8, 0x51);
		break;
	default:
		break;
	}
}

void sl_case_judge(const struct sl_contract *c, const uint8_t *payload, struct sl_case *x)
{
	struct sl_facts *f = &x->facts;

	sl_facts_collect(c, &x->cmd, payload, f);
	x->floor = f->floor;
	x->declared = f->declared;
	x->listed = f->declared_known;
	x->source = f->entry ? f->entry->source : SL_SOURCE_NONE;
	x->scope = sl_rows[x->row].scope | (f->entry ? f->entry->scope : 0);
	/* Unlisted is no declaration; that it works at all is a finding of its own. */
	if (!x->listed)
		x->declared = SL_E_NONE;
}

static void finish(struct sl_maker *m, struct sl_case *x, const struct recipe *r,
		   const struct sl_ns *ns)
{
	const struct sl_row *row = &sl_rows[x->row];
	struct sl_facts f;

	if (m->error)
		return;
	sl_facts_collect(m->c, &x->cmd, NULL, &f);
	x->cmd.data_len = f.length_known ? f.length : 512;
	x->cmd.meta_len = f.meta_length;
	if (x->cmd.data_len > SL_RIG_DATA_MAX)
		return;
	x->cmd.dir = row->dir;
	if (row->flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED))
		x->cmd.dir = x->cmd.req[0] & 3;
	if (!x->cmd.data_len)
		x->cmd.dir = SL_DIR_NONE;
	if (x->cmd.dir == SL_DIR_NONE)
		x->cmd.data_len = 0;
	fill_payload(m, r, x, ns);
	sl_case_judge(m->c, m->payload, x);
	x->payload = x->cmd.dir & SL_DIR_OUT ? m->payload : NULL;
	if (!x->name[0])
		(void)snprintf(x->name, sizeof(x->name), "%s", row->name);
	if (!sl_cases_add(m->out, x))
		m->error = -ENOMEM;
}

static const struct recipe *recipe_of(const char *row)
{
	for (size_t i = 0; i < SL_COUNT(recipes); i++)
		if (strncmp(row, recipes[i].row, strlen(recipes[i].row)) == 0)
			return &recipes[i];
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void name_case(struct sl_case *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(x->name, sizeof(x->name), fmt, ap);
	va_end(ap);
}

/* The canonical form on one namespace, or none. */
static struct sl_case start(struct sl_maker *m, uint16_t row, uint8_t opcode,
			    const struct sl_ns *ns)
{
	const struct sl_row *r = &sl_rows[row];
	const struct recipe *recipe = recipe_of(r->name);
	struct sl_case x = {.row = row, .nsid = ns ? ns->nsid : 0};
	struct sl_field sel;

	x.cmd.set = r->set == SL_SET_NVME_ADMIN ? SL_SET_NVME_ADMIN : SL_SET_NVME_IO;
	x.cmd.req_len = SL_REQ_MAX;
	x.cmd.req[0] = opcode;
	sl_put_le32(x.cmd.req + 4, x.nsid);
	if (sl_row_selector(row, &sel))
		sl_field_set(&sel, x.cmd.req, r->sel_lo);
	if (x.cmd.set == SL_SET_NVME_IO)
		sl_command_resolve(m->c, &x.cmd);
	for (unsigned i = 0; recipe && i < SL_COUNT(recipe->set) && recipe->set[i].field; i++)
		set_field(&x, recipe->set[i].field, recipe->set[i].value);
	if (recipe && recipe->blocks && ns && r->ranges != SL_RANGES_DSM) {
		uint64_t lba = sl_arena(ns, m->p->key) + recipe->at;

		set_field(&x, "slba", lba);
		set_field(&x, "sdlba", lba);
		set_field(&x, "zslba", lba);
		set_field(&x, "nlb", recipe->blocks - 1u);
		set_field(&x, "rl", recipe->blocks);
	}
	if (ns && m->c->n_ns > 1)
		name_case(&x, "%s nsid=%u", r->name, ns->nsid);
	else if (r->flags & SL_ROW_VENDOR)
		name_case(&x, "%s %02Xh", r->name, opcode);
	return x;
}

static void make(struct sl_maker *m, uint16_t row, uint8_t opcode, const struct sl_ns *ns)
{
	const struct recipe *recipe = recipe_of(sl_rows[row].name);
	struct sl_case x = start(m, row, opcode, ns);
	const struct sl_field *lbafl = sl_row_field(row, "lbafl");

	finish(m, &x, recipe, ns);
	/* A command that says whether something is so does it also where it is not. */
	if (recipe && recipe->payload == PAY_ARENA) {
		struct recipe other = *recipe;

		other.payload = PAY_PATTERN;
		x = start(m, row, opcode, ns);
		x.kind = SL_CASE_FIELD;
		name_case(&x, "%s nsid=%u, with other data", sl_rows[row].name, x.nsid);
		finish(m, &x, &other, ns);
	}
	/* Another format than the one in use, where that is something to choose. */
	for (unsigned i = 0; lbafl && ns && i < 2; i++) {
		x = start(m, row, opcode, ns);
		sl_field_set(lbafl, x.cmd.req, i);
		name_case(&x, "%s nsid=%u lbafl=%u", sl_rows[row].name, ns->nsid, i);
		finish(m, &x, recipe, ns);
	}
}

/* Set Features: the value it has, and values beside it; for this reset and for all. */
static void make_features(struct sl_maker *m, uint16_t row)
{
	for (size_t i = 0; i < m->p->n; i++) {
		const struct sl_probe *probe = &m->p->v[i];
		uint32_t now = (uint32_t)m->look->item[i].result;
		const uint32_t values[] = {now, now ^ 1, 0, now + 1};

		if (probe->facet != SL_FACET_FEATURE || probe->sel < sl_rows[row].sel_lo ||
		    probe->sel > sl_rows[row].sel_hi)
			continue;
		for (unsigned v = 0; v < 2 * SL_COUNT(values); v++) {
			struct sl_case x = start(m, row, NVME_ADMIN_SET_FEATURES, NULL);
			uint32_t value = values[v / 2];

			if (v / 2 && value == now)
				continue;
			x.kind = v > 2 ? SL_CASE_FIELD : SL_CASE_BASE;
			x.nsid = probe->nsid;
			sl_put_le32(x.cmd.req + 4, probe->nsid);
			x.cmd.req[40] = probe->sel;
			x.cmd.req[43] = (uint8_t)((v & 1) << 7); /* SV */
			sl_put_le32(x.cmd.req + 44, value);
			if (probe->sel == 0x81)
				x.cmd.req[44] = 1;
			name_case(&x, "%s cdw11=%Xh%s%s", sl_rows[row].name, value,
				  v & 1 ? " sv=1" : "", probe->nsid ? " (namespace)" : "");
			finish(m, &x, NULL, NULL);
		}
	}
}

static void make_row(struct sl_maker *m, uint16_t row)
{
	const struct sl_row *r = &sl_rows[row];
	bool io = r->set != SL_SET_NVME_ADMIN;
	/* Admin commands that act on a namespace take it in NSID. */
	bool ns_admin = !io && !(r->flags & (SL_ROW_NSID_NONE | SL_ROW_WIDE | SL_ROW_VENDOR)) &&
			(r->scope & (SL_S_NS | SL_S_LBA) ||
			 strncmp(r->name, "nvme.admin.identify", 19) == 0);

	for (unsigned op = r->op_lo; op <= r->op_hi && !m->error; op++) {
		if (r->flags & (SL_ROW_VENDOR | SL_ROW_NO_DEPTH) && r->op_lo != r->op_hi) {
			const struct sl_entry *e =
				sl_contract_find(m->c, sl_key(r->set, (uint16_t)op, SL_SEL_ANY));

			if (!e || !(e->flags & SL_ENTRY_SUPPORTED))
				continue;
		}
		if (!io && op == NVME_ADMIN_SET_FEATURES) {
			make_features(m, row);
			continue;
		}
		if (!io && !ns_admin)
			make(m, row, (uint8_t)op, NULL);
		for (uint32_t i = 0; (io || ns_admin) && i < m->c->n_ns && i < 4; i++) {
			uint8_t csi = m->c->ns[i].csi;

			if (!io || r->set == sl_nvme_set(csi) ||
			    (r->set == SL_SET_NVME_NVM && csi == 2))
				make(m, row, (uint8_t)op, &m->c->ns[i]);
		}
	}
}

void sl_nvme_cases(struct sl_maker *m)
{
	for (uint16_t row = 0; row < sl_row_count; row++) {
		const struct sl_row *r = &sl_rows[row];

		if (r->flags & (SL_ROW_KERNEL | SL_ROW_UNLISTED) || r->sel_group ||
		    r->set == SL_SET_NVME_KV || sl_sets[r->set].protocol != SL_WIRE_NVME)
			continue;
		make_row(m, row);
	}
}

int sl_cases_opcodes(const struct sl_contract *c, struct sl_cases *cases)
{
	return sl_observed_of(c->protocol)->opcodes(c, cases);
}

int sl_cases_base(const struct sl_contract *c, const struct sl_probes *p,
		  const struct sl_look *look, struct sl_cases *ret)
{
	struct sl_maker *m = calloc(1, sizeof(*m));
	int error;

	if (!m)
		return -ENOMEM;
	m->c = c;
	m->p = p;
	m->look = look;
	m->out = ret;
	sl_observed_of(c->protocol)->base(m);
	error = m->error;
	free(m);
	return error;
}

/* Of what selects among logs, features and structures, what the device offers. */
static bool is_offered(const struct sl_case *x, const struct sl_probes *p)
{
	uint8_t op = x->cmd.req[0];

	if (x->cmd.set != SL_SET_NVME_ADMIN ||
	    (op != NVME_ADMIN_IDENTIFY && op != NVME_ADMIN_GET_LOG_PAGE &&
	     op != NVME_ADMIN_GET_FEATURES))
		return true;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].cmd.set == x->cmd.set && p->v[i].cmd.req[0] == op &&
		    p->v[i].cmd.req[40] == x->cmd.req[40])
			return true;
	return false;
}

void sl_cases_calm(struct sl_cases *cases, const struct sl_rig *rig, const struct sl_probes *p,
		   bool declares)
{
	size_t n = 0;

	for (size_t i = 0; i < cases->n; i++) {
		struct sl_case *x = &cases->v[i];

		if (sl_rig_may(rig, &x->cmd, x->payload) && is_offered(x, p) &&
		    sl_case_harmless(x) && !((x->floor | x->declared) & SL_E_UNKNOWN) &&
		    !x->payload && (x->listed || !declares) &&
		    !(sl_rows[x->row].flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED)))
			cases->v[n++] = *x;
		else
			free(x->payload);
	}
	cases->n = n;
}

void sl_cases_only(struct sl_cases *cases, const char *part)
{
	size_t n = 0;

	for (size_t i = 0; i < cases->n; i++)
		if (strstr(cases->v[i].name, part))
			cases->v[n++] = cases->v[i];
		else
			free(cases->v[i].payload);
	cases->n = n;
}

int sl_nvme_cases_opcodes(const struct sl_contract *c, struct sl_cases *cases)
{
	for (unsigned i = 0; i < 512; i++) {
		bool io = i >= 256;
		uint8_t op = (uint8_t)i;
		struct sl_case x = {.kind = SL_CASE_OPCODE};
		const struct sl_entry *e;

		if (io && !c->n_ns)
			break;
		x.cmd.set = io ? SL_SET_NVME_IO : SL_SET_NVME_ADMIN;
		x.cmd.req_len = SL_REQ_MAX;
		x.cmd.req[0] = op;
		x.nsid = io ? c->ns[0].nsid : 0;
		sl_put_le32(x.cmd.req + 4, x.nsid);
		if (io)
			sl_command_resolve(c, &x.cmd);
		e = sl_contract_find(c, sl_key(x.cmd.set, op, SL_SEL_ANY));
		if (e && e->flags & SL_ENTRY_SUPPORTED)
			continue;
		x.row = sl_row_find(x.cmd.set, x.cmd.req);
		if (sl_rows[x.row].flags & SL_ROW_KERNEL)
			continue;
		x.cmd.dir = op & 3;
		x.cmd.data_len = x.cmd.dir ? 512 : 0;
		x.floor = sl_rows[x.row].floor;
		x.scope = sl_rows[x.row].scope;
		name_case(&x, "%s opcode %02Xh", io ? "I/O" : "admin", op);
		if (x.cmd.dir & SL_DIR_OUT) {
			x.payload = calloc(1, x.cmd.data_len);
			if (!x.payload)
				return -ENOMEM;
		}
		if (!sl_cases_add(cases, &x))
			return -ENOMEM;
		free(x.payload);
	}
	return 0;
}
