/* SPDX-License-Identifier: Apache-2.0 */
/* Facets as rows; which of them a device has, and their values at a moment. */
#include "observe/facet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/table.h"
#include "observe/case.h"
#include "observe/protocol.h"
#include "spec/nvme.h"

/* What a row witnesses, in the words of effects.def. */
enum {
#define EFFECT(id, name, text) id = SL_E_##id,
#include "spec/effects.def"
	NONE = 0,
	DECLARES = SL_FACETF_DECLARES,
	ERRORS = SL_FACETF_ERRORS,
	COUNTERS = SL_FACETF_COUNTERS,
	KEPT = SL_FACETF_KEPT,
};

const struct sl_facet sl_facets[_SL_FACET_N] = {
#define FACET(id, name_, effects_, flags_, text_)                                                  \
	[SL_FACET_##id] = {.name = name_, .text = text_, .effects = effects_, .flags = flags_},
#include "observe/facets.def"
};

static const struct sl_facet_field fields[] = {
#define FIELD(facet_, off_, len_, name_, effects_, rule_, why_)                                    \
	{.facet = SL_FACET_##facet_,                                                               \
	 .rule = SL_FIELD_##rule_,                                                                 \
	 .off = off_,                                                                              \
	 .len = len_,                                                                              \
	 .effects = effects_,                                                                      \
	 .name = name_,                                                                            \
	 .why = why_},
#include "observe/facets.def"
};

enum per { PER_CTRL, PER_NS, PER_CSI, PER_BOTH };

static const struct {
	uint8_t cns, facet, per;
	const char *name;
} identifies[] = {
#define IDENTIFY(cns_, name_, facet_, per_) {cns_, SL_FACET_##facet_, PER_##per_, name_},
#include "observe/facets.def"
};

static const struct {
	uint8_t lid, facet, per;
	uint16_t bytes;
} logs[] = {
#define LOGPAGE(lid_, facet_, bytes_, per_) {lid_, SL_FACET_##facet_, PER_##per_, bytes_},
#include "observe/facets.def"
};

#define KEYED_BLOCKS 16 /* blocks of a namespace that the key picks */
#define RETRIES	     2	/* of what is refused while looking */
#define END_BLOCKS   8u /* blocks at either end */

const struct sl_facet_field *sl_facet_field(unsigned facet, uint32_t at)
{
	for (size_t i = 0; i < SL_COUNT(fields); i++)
		if (fields[i].facet == facet && at >= fields[i].off &&
		    at < (uint32_t)fields[i].off + fields[i].len)
			return &fields[i];
	return NULL;
}

static struct sl_command admin_in(uint8_t opcode, uint32_t nsid, uint32_t cdw10, uint32_t len)
{
	struct sl_command cmd = {
		.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_IN, .req_len = SL_REQ_MAX, .data_len = len};

	cmd.req[0] = opcode;
	sl_put_le32(cmd.req + 4, nsid);
	sl_put_le32(cmd.req + 40, cdw10);
	return cmd;
}

void sl_probe_fill(const struct sl_probe *p, uint8_t *data)
{
	if (!(p->cmd.dir & SL_DIR_OUT))
		return;
	memset(data, 0, p->cmd.data_len);
	memcpy(data, p->out, p->out_len);
}

static void ask(struct sl_finder *f, const struct sl_probe *probe, struct sl_answer *ret)
{
	sl_probe_fill(probe, f->data);
	f->error = sl_rig_call(f->rig, &probe->cmd, f->data, ret);
}

/*
 * Where nothing can be had fresh, what reading takes away is seen when it is read for the first
 * time or never: the answer is held against those that follow at once, which have to be alike.
 */
static void read_again(struct sl_finder *f, struct sl_probe *probe)
{
	uint32_t n = probe->cmd.data_len, at = 0;
	uint8_t *first = malloc(2 * (size_t)n + 1), *second = first + n;
	struct sl_answer a = {0};
	bool alike = first && probe->facet != SL_FACET_CHANGED && probe->facet != SL_FACET_BLOCKS;

	for (unsigned i = 0; i < 3 && alike && !f->error; i++) {
		if (i < 2)
			memcpy(i ? second : first, f->data, n);
		ask(f, probe, &a);
		alike = sl_answer_ok(&a) && (!i || memcmp(second, f->data, n) == 0);
	}
	for (; alike && at < n; at++) {
		const struct sl_facet_field *field = sl_facet_field(probe->facet, at);

		if (first[at] != second[at] &&
		    !(field && (field->rule == SL_FIELD_MOVES || field->rule == SL_FIELD_UP)) &&
		    !(sl_facets[probe->facet].flags & SL_FACETF_COUNTERS && second[at] > first[at]))
			break;
	}
	probe->consumed = alike && at < n;
	probe->consumed_at = at;
	free(first);
}

/* The very first answers, one behind the other. */
static bool keep_first(struct sl_finder *f, uint32_t n)
{
	uint8_t *first = realloc(f->p->first, f->p->bytes + n + 1);

	if (!first) {
		f->error = -ENOMEM;
		return false;
	}
	f->p->first = first;
	memcpy(first + f->p->bytes, f->data, n);
	return true;
}

/* Keeps the probe when the device answers it. */
bool sl_finder_try(struct sl_finder *f, struct sl_probe *probe)
{
	struct sl_probes *p = f->p;
	struct sl_answer a;

	if (f->error)
		return false;
	ask(f, probe, &a);
	if (f->error || !sl_answer_ok(&a))
		return false;
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 128;
		struct sl_probe *v = realloc(p->v, cap * sizeof(*v));

		if (!v) {
			f->error = -ENOMEM;
			return false;
		}
		p->v = v;
		p->cap = cap;
	}
	if (!keep_first(f, probe->cmd.data_len))
		return false;
	if (!(f->rig->can & SL_RIG_FRESH) && !f->watched)
		read_again(f, probe);
	probe->off = p->bytes;
	p->bytes += probe->cmd.data_len;
	p->v[p->n++] = *probe;
	return true;
}

/* What every controller has, Base 2.1 figures 202 and 385, without asking. */
static const uint8_t mandatory_logs[] = {0x01, 0x02, 0x03};
static const uint8_t mandatory_features[] = {0x01, 0x02, 0x04, 0x05, 0x07, 0x09, 0x0a, 0x0b};

static bool among(const uint8_t *v, size_t n, unsigned x)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == x)
			return true;
	return false;
}

/*
 * Somebody's device is asked for what it says that it has, or must have: a refusal is an entry in
 * its error log.
 */
static bool offered(const struct sl_finder *f, uint8_t opcode, uint8_t sel)
{
	const struct sl_entry *e;

	if (!(f->rig->can & SL_RIG_REAL))
		return true;
	e = sl_contract_find(f->c, sl_key(SL_SET_NVME_ADMIN, opcode, sel));
	if (e && e->flags & SL_ENTRY_SUPPORTED)
		return true;
	if (opcode == NVME_ADMIN_GET_LOG_PAGE)
		/* LPA bit 1: there is an effects log. */
		return among(mandatory_logs, SL_COUNT(mandatory_logs), sel) ||
		       (sel == 0x05 && f->id[261] & 2);
	return among(mandatory_features, SL_COUNT(mandatory_features), sel) ||
	       (sel == 0x06 && f->id[525] & 1); /* VWC: a volatile cache to switch */
}

static bool identify_offered(const struct sl_finder *f, unsigned cns)
{
	uint32_t ver = sl_get_le32(f->id + 80);
	uint16_t oacs = sl_get_le16(f->id + 256);

	if (!(f->rig->can & SL_RIG_REAL) || cns <= 2)
		return true;
	if (cns == 3)
		return ver >= 0x10300;
	if (cns >= 0x10 && cns <= 0x13)
		return oacs >> 3 & 1; /* Namespace Management */
	if (cns == 0x14 || cns == 0x15)
		return oacs >> 7 & 1; /* Virtualization Management */
	return cns >= 5 && cns <= 8 && ver >= 0x20000;
}

static void find_identify(struct sl_finder *f, unsigned row, uint32_t nsid, uint8_t csi)
{
	struct sl_probe p = {.facet = identifies[row].facet,
			     .sel = identifies[row].cns,
			     .sub = csi,
			     .nsid = nsid,
			     .cmd = admin_in(NVME_ADMIN_IDENTIFY, nsid, identifies[row].cns, 4096)};

	p.cmd.req[47] = csi;
	(void)snprintf(p.name, sizeof(p.name), "identify.%s", identifies[row].name);
	(void)sl_finder_try(f, &p);
}

static bool csi_in_use(const struct sl_contract *c, uint8_t csi)
{
	for (uint32_t i = 0; i < c->n_ns; i++)
		if (c->ns[i].csi == csi)
			return true;
	return csi == 0;
}

static void find_identifies(struct sl_finder *f)
{
	for (unsigned row = 0; row < SL_COUNT(identifies); row++) {
		enum per per = identifies[row].per;

		if (!identify_offered(f, identifies[row].cns))
			continue;
		if (per == PER_CTRL)
			find_identify(f, row, 0, 0);
		for (uint8_t csi = 0; per == PER_CSI && csi < 3; csi++)
			if (csi_in_use(f->c, csi))
				find_identify(f, row, 0, csi);
		for (uint32_t i = 0; (per == PER_NS || per == PER_BOTH) && i < f->c->n_ns; i++)
			find_identify(f, row, f->c->ns[i].nsid,
				      per == PER_BOTH ? f->c->ns[i].csi : 0);
	}
}

static void find_log(struct sl_finder *f, uint8_t facet, uint8_t lid, uint32_t bytes, uint32_t nsid,
		     uint8_t csi)
{
	struct sl_probe p = {
		.facet = facet,
		.sel = lid,
		.sub = csi,
		.nsid = nsid,
		/* RAE: looking takes no event away. NUMDL: one less than the dwords. */
		.cmd = admin_in(NVME_ADMIN_GET_LOG_PAGE, nsid,
				lid | 1u << 15 | (bytes / 4 - 1) << 16, bytes)};

	p.cmd.req[59] = csi;
	/* The whole controller's; some take no NSID of 0 for that. */
	if (facet == SL_FACET_SMART)
		sl_put_le32(p.cmd.req + 4, NVME_NSID_ALL);
	(void)snprintf(p.name, sizeof(p.name), "log %02Xh", lid);
	if (!sl_finder_try(f, &p) && bytes > 512 && facet == SL_FACET_LOG_VENDOR)
		find_log(f, facet, lid, 512, nsid, csi);
}

static uint32_t log_bytes(const struct sl_finder *f, unsigned row)
{
	uint32_t n = logs[row].bytes;

	/* ELPE, byte 262: the error log's entries, less one. */
	if (logs[row].facet == SL_FACET_ERRORS)
		n *= f->id[262] + 1u;
	return f->rig->max_transfer && n > f->rig->max_transfer ? f->rig->max_transfer : n;
}

static void find_logs(struct sl_finder *f)
{
	for (unsigned row = 0; row < SL_COUNT(logs); row++) {
		uint32_t bytes = log_bytes(f, row);

		if (!offered(f, NVME_ADMIN_GET_LOG_PAGE, logs[row].lid))
			continue;
		if (logs[row].per == PER_CTRL)
			find_log(f, logs[row].facet, logs[row].lid, bytes, 0, 0);
		for (uint8_t csi = 0; logs[row].per == PER_CSI && csi < 3; csi++)
			if (csi_in_use(f->c, csi))
				find_log(f, logs[row].facet, logs[row].lid, bytes, 0, csi);
		for (uint32_t i = 0; logs[row].per == PER_NS && i < f->c->n_ns; i++)
			find_log(f, logs[row].facet, logs[row].lid, bytes, f->c->ns[i].nsid, 0);
	}
	/* A vendor's log is not known to be read without effect. */
	for (unsigned lid = 0xc0; lid < 0x100 && !(f->rig->can & SL_RIG_REAL); lid++)
		find_log(f, SL_FACET_LOG_VENDOR, (uint8_t)lid, 4096, 0, 0);
}

void sl_nvme_declaration(struct sl_finder *f)
{
	find_log(f, SL_FACET_EFFECTS, 0x05, 4096, 0, 0);
}

static bool find_feature(struct sl_finder *f, uint8_t fid, unsigned sel, uint32_t nsid)
{
	static const char *const names[] = {"", ", default", ", saved", ", capabilities"};
	struct sl_probe p = {.facet = sel == 0	 ? SL_FACET_FEATURE
				      : sel == 2 ? SL_FACET_FEATURE_SAVED
						 : SL_FACET_FEATURE_OTHER,
			     .sel = fid,
			     .sub = (uint8_t)sel,
			     .nsid = nsid,
			     .cmd = admin_in(NVME_ADMIN_GET_FEATURES, nsid, fid | sel << 8, 4096)};

	if (fid == 0x81) /* Host Identifier: the long one */
		p.cmd.req[44] = 1;
	(void)snprintf(p.name, sizeof(p.name), "feature %02Xh%s", fid, names[sel]);
	return sl_finder_try(f, &p);
}

static void find_features(struct sl_finder *f)
{
	/* ONCS bit 4: other values than the one in force can be asked for. */
	unsigned sels = f->rig->can & SL_RIG_REAL && !(f->id[520] >> 4 & 1) ? 1 : 4;

	for (unsigned fid = 1; fid < 256; fid++) {
		bool any = offered(f, NVME_ADMIN_GET_FEATURES, (uint8_t)fid) &&
			   find_feature(f, (uint8_t)fid, 0, 0);

		for (unsigned sel = 1; any && sel < sels; sel++)
			(void)find_feature(f, (uint8_t)fid, sel, 0);
		for (uint32_t i = 0;
		     i < f->c->n_ns && !any && offered(f, NVME_ADMIN_GET_FEATURES, (uint8_t)fid);
		     i++) {
			bool own = find_feature(f, (uint8_t)fid, 0, f->c->ns[i].nsid);

			for (unsigned sel = 1; own && sel < sels; sel++)
				(void)find_feature(f, (uint8_t)fid, sel, f->c->ns[i].nsid);
			if (!own)
				break;
		}
	}
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void find_blocks(struct sl_finder *f, const struct sl_ns *ns, uint64_t lba, uint32_t n)
{
	struct sl_probe p = {.facet = SL_FACET_BLOCKS, .nsid = ns->nsid, .lba = lba, .blocks = n};

	sl_observed_of(f->c->protocol)->block(f->c, ns, SL_BLOCK_READ, lba, n, &p.cmd);
	if (n > 1)
		(void)snprintf(p.name, sizeof(p.name), "blocks %llu-%llu", (unsigned long long)lba,
			       (unsigned long long)lba + n - 1);
	else
		(void)snprintf(p.name, sizeof(p.name), "block %llu", (unsigned long long)lba);
	(void)sl_finder_try(f, &p);
}

/* What a namespace has beside its blocks. */
static void find_ns(struct sl_finder *f, const struct sl_ns *ns)
{
	struct sl_probe resv = {.facet = SL_FACET_RESERVATION, .nsid = ns->nsid};
	struct sl_probe zones = {.facet = SL_FACET_ZONES, .nsid = ns->nsid};

	resv.cmd = admin_in(0x0e, ns->nsid, 1023, 4096); /* Reservation Report, extended */
	resv.cmd.set = SL_SET_NVME_IO;
	resv.cmd.req[44] = 1;
	(void)snprintf(resv.name, sizeof(resv.name), "reservation report");
	if (!(f->rig->can & SL_RIG_REAL) || f->id[520] >> 5 & 1) /* ONCS bit 5 */
		(void)sl_finder_try(f, &resv);
	zones.cmd = admin_in(0x7a, ns->nsid, 0, 4096); /* Zone Management Receive, report */
	zones.cmd.set = SL_SET_NVME_IO;
	sl_put_le32(zones.cmd.req + 48, 1023);
	(void)snprintf(zones.name, sizeof(zones.name), "zone report");
	if (ns->csi == 2)
		(void)sl_finder_try(f, &zones);
	sl_finder_blocks(f, ns);
}

void sl_finder_blocks(struct sl_finder *f, const struct sl_ns *ns)
{
	if (!sl_observed_of(f->c->protocol)->block || !ns->lba_shift || ns->blocks < 2 * END_BLOCKS)
		return;
	find_blocks(f, ns, 0, END_BLOCKS);
	find_blocks(f, ns, ns->blocks - END_BLOCKS, END_BLOCKS);
	if (ns->blocks >= sl_arena(ns, f->p->key) + SL_ARENA_BLOCKS)
		find_blocks(f, ns, sl_arena(ns, f->p->key), SL_ARENA_BLOCKS);
	for (uint64_t i = 0; i < KEYED_BLOCKS; i++) {
		uint64_t span = ns->blocks - 2 * END_BLOCKS;

		if (span)
			find_blocks(f, ns,
				    END_BLOCKS + mix(f->p->key ^ mix(i + 1) ^ ns->nsid) % span, 1);
	}
}

static void find_security(struct sl_finder *f)
{
	/* Protocols, and TCG Level 0 Discovery: the only part of TCG that is no dialogue. */
	static const uint32_t what[] = {0x00000000, 0x01000100};

	if (f->rig->can & SL_RIG_REAL && !(f->id[256] & 1)) /* OACS bit 0 */
		return;
	for (unsigned i = 0; i < SL_COUNT(what); i++) {
		struct sl_probe p = {.facet = SL_FACET_SECURITY,
				     .sel = (uint8_t)i,
				     .cmd = admin_in(0x82, 0, what[i], 512)};

		sl_put_le32(p.cmd.req + 44, 512);
		(void)snprintf(p.name, sizeof(p.name), "%s",
			       i ? "TCG level 0 discovery" : "security protocols");
		(void)sl_finder_try(f, &p);
	}
}

static void read_id(struct sl_finder *f)
{
	struct sl_command id = admin_in(NVME_ADMIN_IDENTIFY, 0, 1, sizeof(f->id));
	struct sl_answer a;

	f->error = sl_rig_call(f->rig, &id, f->data, &a);
	memcpy(f->id, f->data, sizeof(f->id));
}

void sl_nvme_probes(struct sl_finder *f)
{
	read_id(f);
	find_identifies(f);
	find_logs(f);
	find_features(f);
	find_security(f);
	for (uint32_t i = 0; i < f->c->n_ns; i++)
		find_ns(f, &f->c->ns[i]);
}

static int find(struct sl_finder *f, void (*how)(struct sl_finder *f))
{
	f->data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	if (!f->data)
		return -ENOMEM;
	how(f);
	free(f->data);
	f->p->mask = calloc(1, f->p->bytes + 1);
	if (!f->error && !f->p->mask)
		f->error = -ENOMEM;
	if (f->error)
		sl_probes_done(f->p);
	return f->error;
}

int sl_probes_find(struct sl_rig *rig, const struct sl_contract *c, uint64_t key,
		   struct sl_probes *ret)
{
	struct sl_finder f = {.rig = rig, .c = c, .p = ret};

	*ret = (struct sl_probes){.key = key};
	return find(&f, sl_observed_of(c->protocol)->find);
}

int sl_probes_declaration(struct sl_rig *rig, struct sl_probes *ret)
{
	struct sl_finder f = {.rig = rig, .p = ret};
	struct sl_contract *nobody;
	int r;

	*ret = (struct sl_probes){0};
	/* Of somebody's device it is not known yet that it has one. */
	if (rig->can & SL_RIG_REAL)
		return 0;
	nobody = calloc(1, sizeof(*nobody));
	if (!nobody)
		return -ENOMEM;
	nobody->protocol = rig->protocol;
	f.c = nobody;
	r = find(&f, sl_observed_of(rig->protocol)->declaration);
	free(nobody);
	return r;
}

int sl_probes_watch(struct sl_rig *rig, const struct sl_contract *c, struct sl_probes *ret)
{
	struct sl_finder f = {.rig = rig, .c = c, .p = ret, .watched = true};

	*ret = (struct sl_probes){0};
	return find(&f, sl_observed_of(c->protocol)->watch);
}

void sl_probes_done(struct sl_probes *p)
{
	free(p->v);
	free(p->mask);
	free(p->first);
	*p = (struct sl_probes){0};
}

int sl_look_new(const struct sl_probes *p, struct sl_look *ret)
{
	ret->item = calloc(p->n + 1, sizeof(*ret->item));
	ret->bytes = calloc(1, p->bytes + 1);
	ret->hashed = false;
	if (ret->item && ret->bytes)
		return 0;
	sl_look_done(ret);
	return -ENOMEM;
}

void sl_look_done(struct sl_look *l)
{
	free(l->item);
	free(l->bytes);
	*l = (struct sl_look){0};
}

struct taking {
	const struct sl_probes *p;
	struct sl_look *l;
	size_t *order;
	bool lost; /* it does not answer any more */
};

static const struct sl_command *take_command(void *ctx, unsigned i)
{
	const struct taking *t = ctx;

	return &t->p->v[t->order[i]].cmd;
}

static const uint8_t *take_payload(void *ctx, unsigned i, uint32_t *ret_len)
{
	const struct taking *t = ctx;
	const struct sl_probe *probe = &t->p->v[t->order[i]];

	*ret_len = probe->out_len;
	return probe->out;
}

static void take_answer(void *ctx, unsigned i, const struct sl_answer *a, const uint8_t *data)
{
	struct taking *t = ctx;
	const struct sl_probe *probe = &t->p->v[t->order[i]];
	uint32_t n = a->len < probe->cmd.data_len ? a->len : probe->cmd.data_len;

	t->l->item[t->order[i]] = (struct sl_look_item){
		.status = (uint16_t)(sl_answer_code(a) | (a->lost ? 0x8000u : 0)),
		.lost = a->lost,
		.len = a->len,
		/* DW0 of a completion means something for features alone. */
		.result = probe->cmd.req[0] == NVME_ADMIN_GET_FEATURES ? a->result : 0};
	t->lost |= a->lost == SL_RIG_SILENT || a->lost == SL_RIG_GONE;
	/* Looks are used again and again, and most of what is looked at stays: to read is cheaper
	 * than to write. */
	if (memcmp(t->l->bytes + probe->off, data, n) != 0)
		memcpy(t->l->bytes + probe->off, data, n);
	memset(t->l->bytes + probe->off + n, 0, probe->cmd.data_len - n);
}

/* Forwards, backwards, or shuffled. */
static size_t *order_of(const struct sl_probes *p, unsigned order)
{
	size_t *v = malloc((p->n + 1) * sizeof(*v));

	for (size_t i = 0; v && i < p->n; i++)
		v[i] = order == SL_LOOK_BACKWARDS ? p->n - 1 - i : i;
	for (size_t i = p->n; v && order > SL_LOOK_BACKWARDS && i > 1; i--) {
		size_t k = (size_t)(mix(p->key ^ mix(order) ^ i) % i), t = v[k];

		v[k] = v[i - 1];
		v[i - 1] = t;
	}
	return v;
}

int sl_look_take(struct sl_rig *rig, const struct sl_probes *p, unsigned order, bool hash,
		 uint8_t *data, struct sl_look *l)
{
	struct taking t = {.p = p, .l = l, .order = order_of(p, order)};
	const struct sl_rig_stream s = {.ctx = &t,
					.n = (unsigned)p->n,
					.command = take_command,
					.payload = take_payload,
					.done = take_answer};
	int r = t.order ? 0 : -ENOMEM;

	l->failed = false;
	l->hashed = hash && rig->can & SL_RIG_HASH && rig->ops->hash(rig, l->hash) == 0;
	if (!r)
		r = sl_rig_stream(rig, &s, data);
	/* A failure may pass; one that stays is a change. */
	for (unsigned i = 0; i < s.n && !r && !t.lost; i++)
		for (unsigned n = 0;
		     n < RETRIES && !r && !l->item[t.order[i]].lost && l->item[t.order[i]].status;
		     n++) {
			struct sl_answer a;

			l->failed = true;
			sl_rig_stage(&s, i, data);
			r = sl_rig_call(rig, take_command(&t, i), data, &a);
			if (!r)
				take_answer(&t, i, &a, data);
		}
	l->lost = t.lost;
	free(t.order);
	return r;
}

static uint64_t value_at(const uint8_t *p, uint32_t n, bool be)
{
	uint64_t v = 0;

	n = n < 8 ? n : 8;
	for (uint32_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * (be ? n - 1 - i : i);
	return v;
}

struct comparison {
	const struct sl_probes *p;
	const struct sl_look *before, *now;
	bool (*each)(void *ctx, const struct sl_change *c);
	void *ctx;
};

/*
 * What no field names: words, or the parameter of a log page that holds the byte, whose length is
 * in the last of the four bytes in front of it (SPC-6 §7.3.2).
 */
static void unnamed(const struct sl_probe *p, const uint8_t *page, uint32_t at, bool be,
		    uint32_t *ret_start, uint32_t *ret_end)
{
	uint32_t word = be ? 4 : 8;

	*ret_start = at & ~(word - 1);
	*ret_end = *ret_start + word;
	for (uint32_t i = 8; p->facet == SL_FACET_S_LOG && i <= at; i += page[i - 1] + 4u)
		if (page[i - 1] <= 8 && at < i + page[i - 1]) {
			*ret_start = i;
			*ret_end = i + page[i - 1];
		}
}

/* One change per field that differs, and one per run of bytes that no field names. */
static bool compare_bytes(const struct comparison *x, const struct sl_probe *probe)
{
	const uint8_t *a = x->before->bytes + probe->off, *b = x->now->bytes + probe->off;
	const uint8_t *mask = x->p->mask + probe->off;
	/* What is not described: big-endian counters stand behind headers of four bytes. */
	bool be = sl_sets[probe->cmd.set].sense;

	/* Most of what is looked at stays: found out at the speed of memory. */
	if (memcmp(a, b, probe->cmd.data_len) == 0)
		return true;
	for (uint32_t i = 0; i < probe->cmd.data_len;) {
		const struct sl_facet_field *field;
		struct sl_change c = {.probe = probe, .old_bytes = a, .new_bytes = b};
		uint32_t start, end, last = i;

		if (a[i] == b[i] || mask[i]) {
			i++;
			continue;
		}
		field = sl_facet_field(probe->facet, i);
		if (field) {
			start = field->off;
			end = start + field->len;
		} else {
			unnamed(probe, a, i, be, &start, &end);
		}
		if (end > probe->cmd.data_len)
			end = probe->cmd.data_len;
		for (uint32_t k = i; k < end; k++)
			if (a[k] != b[k] && !mask[k])
				last = k;
		c.field = field;
		c.at = i;
		c.len = last - i + 1;
		c.old_value = value_at(a + start, end - start, be);
		c.new_value = value_at(b + start, end - start, be);
		i = end;
		if (field && field->rule == SL_FIELD_MOVES)
			continue;
		if (!x->each(x->ctx, &c))
			return false;
	}
	return true;
}

void sl_look_compare(const struct sl_probes *p, const struct sl_look *before,
		     const struct sl_look *now, bool (*each)(void *ctx, const struct sl_change *c),
		     void *ctx)
{
	struct comparison x = {p, before, now, each, ctx};

	for (size_t i = 0; i < p->n; i++) {
		const struct sl_look_item *a = &before->item[i], *b = &now->item[i];
		struct sl_change c = {.probe = &p->v[i], .status = true};

		c.old_status = a->status;
		c.new_status = b->status;
		c.old_bytes = before->bytes + c.probe->off;
		c.new_bytes = now->bytes + c.probe->off;
		if (a->status != b->status || a->lost != b->lost) {
			if (!each(ctx, &c))
				return;
			continue;
		}
		if (a->result != b->result) {
			c.status = false;
			c.result = true;
			c.len = 4;
			c.old_value = a->result;
			c.new_value = b->result;
			if (!each(ctx, &c))
				return;
		}
		if (memcmp(before->bytes + c.probe->off, now->bytes + c.probe->off,
			   c.probe->cmd.data_len) != 0 &&
		    !compare_bytes(&x, c.probe))
			return;
	}
	if (before->hashed && now->hashed && memcmp(before->hash, now->hash, 32) != 0) {
		struct sl_change c = {0};

		(void)each(ctx, &c);
	}
}

/*
 * What must not move is a finding when it does, and nothing to leave out. Counters go up by their
 * rule, and are wanted for when they go down.
 */
static bool may_move(const struct sl_probe *p, uint32_t at)
{
	const struct sl_facet_field *field = sl_facet_field(p->facet, at);

	return !(sl_facets[p->facet].flags & SL_FACETF_DECLARES) &&
	       !(field && (field->rule == SL_FIELD_FIXED || field->rule == SL_FIELD_COUNTS ||
			   field->rule == SL_FIELD_UP));
}

size_t sl_probes_learn(struct sl_probes *p, const struct sl_look *a, const struct sl_look *b)
{
	size_t n = 0;

	for (size_t k = 0; k < p->n; k++)
		for (uint32_t i = 0; i < p->v[k].cmd.data_len; i++) {
			size_t at = p->v[k].off + i;

			if (a->bytes[at] == b->bytes[at] || p->mask[at] || !may_move(&p->v[k], i))
				continue;
			p->mask[at] = 1;
			n++;
		}
	p->n_masked += n;
	return n;
}
