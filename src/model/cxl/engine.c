/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes the engine a CXL memory device, or a fwctl device of one: the header, payload lengths,
 * background operations, resets, names of state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"
#include "model/cxl/cxl.h"
#include "model/items.h"

#define DEBUG_LEN 512u
#define IN_MAX	  4096u /* input payload that is kept while the output takes its place */

static struct sl_cxl_entry *entry(struct sl_cxl *c, uint16_t opcode)
{
	for (unsigned i = 0; i < c->n_log; i++)
		if (c->log[i].opcode == opcode)
			return &c->log[i];
	return NULL;
}

static uint16_t opcode_of(const struct sl_model_req *r)
{
	return (uint16_t)(r->sqe[0] << 8 | r->sqe[1]);
}

/* ---- one command ---- */

uint16_t sl_cxl_run(struct sl_cxl_call *k)
{
	const struct sl_cxl_row *row = sl_cxl_row_find(k->opcode);
	const struct sl_cxl_entry *e = entry(k->c, k->opcode);

	if (!row || !e || !e->works)
		return CXL_UNSUPPORTED;
	if (row->more ? k->in_len < row->in : k->in_len != row->in)
		return CXL_LENGTH;
	return row->run(k);
}

static void cxl_execute(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t copy[IN_MAX] = {0};
	struct sl_cxl_call k = {
		.m = m,
		.c = m->cxl,
		.r = r,
		.opcode = opcode_of(r),
		.in_len = sl_get_le32(r->sqe + SL_MBOX_IN_LEN),
		.out_len = r->dir & SL_DIR_IN ? sl_get_le32(r->sqe + SL_MBOX_OUT_LEN) : 0,
	};

	k.in = r->data ? r->data : copy;
	k.out = r->data;
	if (k.out_len > r->data_cap)
		k.out_len = r->data_cap;
	/* One buffer for both: what comes in must not be written over while it is read. */
	if (r->data && k.out_len) {
		memcpy(copy, r->data, r->data_len < IN_MAX ? r->data_len : IN_MAX);
		k.in = copy;
		if (k.in_len > IN_MAX)
			k.in_len = UINT32_MAX; /* no command has both so long: a wrong length */
	}
	if (k.in_len > (r->dir & SL_DIR_OUT ? r->data_len : 0))
		r->status = CXL_LENGTH;
	else
		r->status = sl_cxl_run(&k);
	r->ret_len = r->status > CXL_BACKGROUND ? 0 : k.put;
}

static bool cxl_takes(uint8_t queue, uint16_t req_len)
{
	return queue == SL_WIRE_CXL_MAILBOX && req_len == SL_MBOX_REQ_LEN;
}

static bool fwctl_takes(uint8_t queue, uint16_t req_len)
{
	return queue == SL_WIRE_FWCTL_RPC && req_len == SL_MBOX_REQ_LEN;
}

static void cxl_decode(struct sl_model *m, struct sl_model_req *r)
{
	(void)m;
	r->opc = r->sqe[0];
	r->nsid = 1;
	r->csi = 0;
	r->ns = NULL;
}

/* fwctl lets nothing through but the features. */
static void fwctl_execute(struct sl_model *m, struct sl_model_req *r)
{
	if (r->sqe[0] == 0x05)
		cxl_execute(m, r);
	else
		r->status = CXL_UNSUPPORTED;
}

static bool cxl_reachable(struct sl_model *m, struct sl_model_req *r)
{
	(void)m, (void)r;
	return true;
}

static void cxl_finish(struct sl_model *m, struct sl_model_req *r)
{
	(void)m, (void)r;
}

static void cxl_set_status(struct sl_model_req *r, uint32_t word)
{
	r->status = (uint16_t)word;
}

static bool cxl_is_vendor(const struct sl_model_req *r)
{
	return r->opc >= 0xc0;
}

/* Device physical addresses, in units of 64 bytes. */
static bool cxl_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		      uint64_t *ret_blocks)
{
	uint32_t in = sl_get_le32(r->sqe + SL_MBOX_IN_LEN);

	if (i || r->opc != 0x43 || r->sqe[1] == 5 || !r->data || in < 8 || in > r->data_len)
		return false;
	*ret_lba = sl_get_le64(r->data) / 64;
	*ret_blocks = r->sqe[1] == 0 || r->sqe[1] == 3 || r->sqe[1] == 4
			      ? in >= 16 ? sl_get_le64(r->data + 8) : 1
			      : 1;
	return true;
}

static uint8_t cxl_look(const struct sl_model_req *r)
{
	static const struct {
		uint16_t opcode;
		uint8_t look;
	} looks[] = {
		{0x4000, SL_LOOK_IDENTIFY}, {0x4100, SL_LOOK_IDENTIFY}, {0x0200, SL_LOOK_IDENTIFY},
		{0x4500, SL_LOOK_IDENTIFY}, {0x0400, SL_LOOK_LOG},	{0x0401, SL_LOOK_LOG},
		{0x0100, SL_LOOK_LOG},	    {0x4200, SL_LOOK_LOG},	{0x0501, SL_LOOK_FEATURE},
		{0x0500, SL_LOOK_FEATURE},  {0x4201, SL_LOOK_FEATURE},	{0x4203, SL_LOOK_FEATURE},
		{0x4102, SL_LOOK_READ},	    {0x4300, SL_LOOK_READ},
	};

	for (size_t i = 0; i < SL_COUNT(looks); i++)
		if (looks[i].opcode == opcode_of(r))
			return looks[i].look;
	return 0;
}

static void cxl_inner(const struct sl_model *m, struct sl_model_req *r, bool out)
{
	r->queue = m->ops->protocol == SL_WIRE_CXL ? SL_WIRE_CXL_MAILBOX : SL_WIRE_FWCTL_RPC;
	r->req_len = SL_MBOX_REQ_LEN;
	r->dir = out ? SL_DIR_OUT : SL_DIR_IN;
	if (out)
		sl_put_le32(r->sqe + SL_MBOX_IN_LEN, r->data_len);
	else
		sl_put_le32(r->sqe + SL_MBOX_OUT_LEN, r->data_len);
}

static void cxl_tick(struct sl_model *m)
{
	if (m->cxl->work && m->now_ms >= m->cxl->work_until_ms)
		m->cxl->work = 0;
}

static uint64_t cxl_next(const struct sl_model *m)
{
	return m->cxl->work ? m->cxl->work_until_ms : UINT64_MAX;
}

static void cxl_deliver(struct sl_model *m)
{
	(void)m; /* events wait in their logs */
}

static void cxl_reset(struct sl_model *m, bool power)
{
	struct sl_cxl *c = m->cxl;

	if (c->has_next) {
		c->volatile_units = c->next_volatile;
		c->has_next = 0;
		c->contents++;
	}
	if (c->staged) {
		c->active = c->staged;
		memcpy(c->identify, c->slot[c->active - 1], 16);
		c->staged = 0;
	}
	c->work = 0;
	c->transferring = 0;
	for (unsigned i = 0; i < c->n_features; i++)
		if (c->features[i].flags & (power ? 0xe : 0xc)) /* deepest reset persistence */
			memcpy(c->features[i].current, c->features[i].saved, CXL_VALUE_MAX);
	if (!power)
		return;
	c->timestamp = 0;
	memset(c->interrupt, 0, sizeof(c->interrupt));
	c->security &= ~(1u << 3); /* frozen until then */
	if (c->security & 1)
		c->security |= 1u << 2;
}

/* ---- from a persona, and back to nothing ---- */

static void cxl_unload(struct sl_model *m)
{
	if (!m->cxl)
		return;
	free(m->cxl->lsa);
	free(m->cxl->vendor_log);
	free(m->cxl);
	m->cxl = NULL;
}

static int cxl_load(struct sl_model *m)
{
	const struct sl_persona_cxl *p = m->p->cxl;
	struct sl_cxl *c = calloc(1, sizeof(*c));

	m->cxl = c;
	if (!c)
		return -ENOMEM;
	memcpy(c->identify, p->identify, sizeof(c->identify));
	memcpy(c->health, p->health, sizeof(c->health));
	memcpy(c->alert, p->alert, sizeof(c->alert));
	c->lsa_len = p->lsa_len;
	c->lsa = calloc(1, c->lsa_len + 1u);
	c->vendor_log = calloc(1, DEBUG_LEN);
	c->n_log = p->n_log;
	memcpy(c->log, p->log, sizeof(c->log));
	c->n_features = p->n_features;
	memcpy(c->features, p->features, sizeof(c->features));
	c->volatile_units = sl_get_le64(c->identify + 24);
	c->active = 1;
	memcpy(c->slot[0], c->identify, 16);
	if (!c->lsa || !c->vendor_log)
		return -ENOMEM;
	memcpy(c->vendor_log, "what the firmware kept of its last fault", 40);
	sl_cxl_event(m, 0, "power on");
	return 0;
}

#define FEED(h, x) sl_hash_feed(h, &(x), sizeof(x))

void sl_cxl_hash(const struct sl_model *m, void *h)
{
	const struct sl_cxl *c = m->cxl;

	FEED(h, c->identify);
	FEED(h, c->alert);
	FEED(h, c->volatile_units);
	FEED(h, c->next_volatile);
	FEED(h, c->has_next);
	FEED(h, c->shutdown);
	FEED(h, c->interrupt);
	FEED(h, c->timestamp);
	FEED(h, c->slot);
	FEED(h, c->active);
	FEED(h, c->staged);
	FEED(h, c->transferring);
	FEED(h, c->security);
	FEED(h, c->passphrase);
	FEED(h, c->n_poison);
	sl_hash_feed(h, c->poison, c->n_poison * sizeof(c->poison[0]));
	FEED(h, c->n_events);
	FEED(h, c->contents);
	FEED(h, c->scan_results);
	FEED(h, c->work);
	sl_hash_feed(h, c->lsa, c->lsa_len);
	sl_hash_feed(h, c->vendor_log, DEBUG_LEN);
	for (unsigned i = 0; i < c->n_log; i++) {
		FEED(h, c->log[i].opcode);
		FEED(h, c->log[i].effects);
		FEED(h, c->log[i].listed);
		FEED(h, c->log[i].works);
	}
	for (unsigned i = 0; i < c->n_features; i++) {
		FEED(h, c->features[i].flags);
		FEED(h, c->features[i].effects);
		FEED(h, c->features[i].current);
		FEED(h, c->features[i].saved);
	}
}

/* ---- names of state ---- */

enum area {
	STATE,
	COMMAND,
	FEATURE,
	LSA,
	VENDOR_LOG,
	VENDOR,
};

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define INT		SL_MODEL_INT
#define BYTES		SL_MODEL_BYTES

static const struct sl_item_row rows[] = {
	{"identify", STATE, BYTES, AT(sl_cxl, identify), "Identify Memory Device, output payload"},
	{"health", STATE, BYTES, AT(sl_cxl, health), "Get Health Info, output payload"},
	{"alert", STATE, BYTES, AT(sl_cxl, alert), "Get Alert Configuration, output payload"},
	{"partition.volatile", STATE, INT, AT(sl_cxl, volatile_units), "in units of 256 MiB"},
	{"partition.next", STATE, INT, AT(sl_cxl, next_volatile), "after the next reset"},
	{"shutdown", STATE, INT, AT(sl_cxl, shutdown), "1: dirty"},
	{"interrupt", STATE, BYTES, AT(sl_cxl, interrupt), "event interrupt policy"},
	{"timestamp", STATE, INT, AT(sl_cxl, timestamp), "nanoseconds since 1970; 0: not set"},
	{"firmware.active", STATE, INT, AT(sl_cxl, active), "slot, 1 or 2"},
	{"firmware.staged", STATE, INT, AT(sl_cxl, staged), "slot after the next reset; 0: none"},
	{"security", STATE, INT, AT(sl_cxl, security), "as Get Security State says it"},
	{"poison", STATE, INT, AT(sl_cxl, n_poison), "addresses in the poison list"},
	{"contents", STATE, INT, AT(sl_cxl, contents), "changes of memory that no host made"},
	{"lsa", LSA, BYTES, 0, 0, "label storage area"},
	{"vendor_log", VENDOR_LOG, BYTES, 0, 0, "Vendor Debug Log"},
	{"command.OID.SID.effects", COMMAND, INT, AT(sl_cxl_entry, effects), "word in the log"},
	{"command.OID.SID.listed", COMMAND, INT, AT(sl_cxl_entry, listed), "1: in the log"},
	{"command.OID.SID.works", COMMAND, INT, AT(sl_cxl_entry, works), "1: it is carried out"},
	{"feature.N.current", FEATURE, BYTES, AT(sl_cxl_feature, current), "in force"},
	{"feature.N.default", FEATURE, BYTES, AT(sl_cxl_feature, dflt), "from the factory"},
	{"feature.N.saved", FEATURE, BYTES, AT(sl_cxl_feature, saved), "after a reset"},
	{"feature.N.effects", FEATURE, INT, AT(sl_cxl_feature, effects), "of setting it, as told"},
	{"vendor.NAME", VENDOR, INT, 0, 0, "a variable of the persona"},
};

static int place(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a,
		 struct sl_model_item *ret)
{
	struct sl_cxl *c = m->cxl;
	struct sl_cxl_entry *e;

	switch (row->area) {
	case STATE:
		ret->p = (uint8_t *)c + row->offset;
		return 0;
	case COMMAND:
		e = entry(c, (uint16_t)(a->n[0] << 8 | (a->n[1] & 0xff)));
		ret->p = e ? (uint8_t *)e + row->offset : NULL;
		return e ? 0 : -ENOENT;
	case FEATURE:
		if (a->n[0] >= c->n_features)
			return -ENOENT;
		ret->p = (uint8_t *)&c->features[a->n[0]] + row->offset;
		if (ret->kind == SL_MODEL_BYTES)
			ret->len = c->features[a->n[0]].len;
		return 0;
	case LSA:
		ret->p = c->lsa;
		ret->len = c->lsa_len;
		return 0;
	case VENDOR_LOG:
		ret->p = c->vendor_log;
		ret->len = DEBUG_LEN;
		return 0;
	default:
		return sl_item_vendor(m, a, ret);
	}
}

static int follow(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a)
{
	(void)a;
	if (row->area == STATE && m->cxl->n_poison > CXL_POISON_MAX)
		m->cxl->n_poison = CXL_POISON_MAX;
	if (row->area == STATE && (m->cxl->active < 1 || m->cxl->active > 2))
		m->cxl->active = 1;
	if (row->area == STATE && m->cxl->staged > 2)
		m->cxl->staged = 0;
	return 0;
}

static const struct sl_item_table items = {rows, SL_COUNT(rows), place, follow};

#define OPS(name, proto, takes_fn, execute_fn)                                                     \
	const struct sl_model_ops name = {                                                         \
		.protocol = (proto),                                                               \
		.request_len = SL_MBOX_REQ_LEN,                                                    \
		.bad_field = CXL_INPUT,                                                            \
		.items = &items,                                                                   \
		.takes = takes_fn,                                                                 \
		.load = cxl_load,                                                                  \
		.unload = cxl_unload,                                                              \
		.decode = cxl_decode,                                                              \
		.execute = execute_fn,                                                             \
		.reachable = cxl_reachable,                                                        \
		.finish = cxl_finish,                                                              \
		.set_status = cxl_set_status,                                                      \
		.is_vendor = cxl_is_vendor,                                                        \
		.range = cxl_range,                                                                \
		.look = cxl_look,                                                                  \
		.inner = cxl_inner,                                                                \
		.tick = cxl_tick,                                                                  \
		.next = cxl_next,                                                                  \
		.deliver = cxl_deliver,                                                            \
		.reset = cxl_reset,                                                                \
		.hash = sl_cxl_hash,                                                               \
	}

OPS(sl_model_cxl, SL_WIRE_CXL, cxl_takes, cxl_execute);
OPS(sl_model_fwctl, SL_WIRE_FWCTL, fwctl_takes, fwctl_execute);
