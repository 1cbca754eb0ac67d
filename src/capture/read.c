/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked, in which order, and why a device may be asked it: tables of CNS, LID and FID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/cxl.h"
#include "capture/scsi.h"
#include "core/decode-nvme.h"
#include "wire/wire.h"

enum { PAGE = 4096, NS_MAX = 64 };

struct reader {
	struct sl_capture *c;
	const struct sl_capture_source *source;
	int error; /* the first; then nothing is asked any more */
	uint32_t version;
	uint16_t oacs, oncs;
	uint8_t lpa;
	const uint8_t *id;     /* Identify Controller */
	const uint8_t *listed; /* log 00h; NULL: it has none */
	unsigned n_ns;
	uint32_t ns[NS_MAX];
	uint8_t csi[NS_MAX];
	uint32_t sets; /* command sets: 1 << CSI */
};

/* Identify Controller, Base 2.1 Figure 312. */
enum {
	ID_CMIC = 76,
	ID_VER = 80,
	ID_CTRATT = 96,
	ID_OACS = 256,
	ID_LPA = 261,
	ID_ELPE = 262,
	ID_APSTA = 265,
	ID_HMPRE = 272,
	ID_KAS = 320,
	ID_HCTMA = 322,
	ID_SANICAP = 328,
	ID_ENDGIDMAX = 340,
	ID_NN = 516,
	ID_ONCS = 520,
	ID_VWC = 525,
	ID_NWPC = 531,
};

bool sl_answer_good(const struct sl_answer *a)
{
	return a && !a->denied && !a->status;
}

unsigned sl_capture_sub(const struct sl_answer *a)
{
	uint32_t cdw10 = sl_get_le32(a->cmd.req + 40);

	return a->cmd.req[0] == SL_CAPTURE_GET_FEATURES ? cdw10 & 0x7ff : cdw10 & 0xff;
}

static unsigned csi_of(const struct sl_answer *a)
{
	return a->cmd.req[0] == SL_CAPTURE_GET_LOG ? a->cmd.req[59] : a->cmd.req[47];
}

const struct sl_answer *sl_capture_find(const struct sl_capture *c, uint8_t opcode, uint32_t nsid,
					unsigned sub, unsigned csi)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct sl_answer *a = c->answer[i];

		if (sl_answer_good(a) && a->cmd.req[0] == opcode && sl_capture_sub(a) == sub &&
		    sl_get_le32(a->cmd.req + 4) == nsid && csi_of(a) == csi)
			return a;
	}
	return NULL;
}

void sl_capture_done(struct sl_capture *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->answer[i]);
	c->n = 0;
}

struct sl_answer *sl_capture_room(struct sl_capture *c, uint32_t len, int *error)
{
	struct sl_answer *a;

	if (*error || c->n == SL_CAPTURE_MAX)
		return NULL;
	a = calloc(1, sizeof(*a) + len);
	if (a)
		c->answer[c->n++] = a;
	else
		*error = -ENOMEM;
	return a;
}

/* Asks; NULL unless the device gave an answer. */
static const struct sl_answer *ask(struct reader *r, uint8_t opcode, uint32_t nsid, uint32_t len,
				   uint32_t cdw10, uint32_t cdw11, uint8_t log_csi)
{
	struct sl_answer *a = sl_capture_room(r->c, len, &r->error);

	if (!a)
		return NULL;
	a->cmd = (struct sl_command){
		.set = SL_SET_NVME_ADMIN,
		.dir = len ? SL_DIR_IN : SL_DIR_NONE,
		.req_len = 64,
		.data_len = len,
	};
	a->cmd.req[0] = opcode;
	sl_put_le32(a->cmd.req + 4, nsid);
	sl_put_le32(a->cmd.req + 40, cdw10);
	sl_put_le32(a->cmd.req + 44, cdw11);
	a->cmd.req[59] = log_csi;
	r->error = r->source->call(r->source->ctx, a);
	a->status &= 0x7ff; /* DNR and MORE say nothing of what was asked */
	return r->error || !sl_answer_good(a) ? NULL : a;
}

static const struct sl_answer *identify(struct reader *r, uint8_t cns, uint32_t nsid, uint8_t csi)
{
	return ask(r, SL_CAPTURE_IDENTIFY, nsid, PAGE, cns, (uint32_t)csi << 24, 0);
}

/* RAE is set: reading takes no event away. */
static const struct sl_answer *get_log(struct reader *r, uint8_t lid, uint32_t len, uint16_t lsi,
				       uint8_t csi)
{
	uint32_t numd = len / 4 - 1;

	return ask(r, SL_CAPTURE_GET_LOG, lid == 0x02 ? SL_CAPTURE_NSID_ALL : 0, len,
		   lid | 1u << 15 | (numd & 0xffff) << 16, numd >> 16 | (uint32_t)lsi << 16, csi);
}

/* ---- the controller ---- */

static void read_controller(struct reader *r)
{
	const struct sl_answer *a = identify(r, 0x01, 0, 0);
	uint32_t errors;

	if (!a && !r->error)
		r->error = -EPROTO;
	if (!a)
		return;
	r->id = a->data;
	r->version = sl_get_le32(r->id + ID_VER);
	r->oacs = sl_get_le16(r->id + ID_OACS);
	r->oncs = sl_get_le16(r->id + ID_ONCS);
	r->lpa = r->id[ID_LPA];
	/* The counters first: they move. */
	(void)get_log(r, 0x02, 512, 0, 0);
	errors = (r->id[ID_ELPE] + 1u) * 64;
	(void)get_log(r, 0x01, errors < PAGE ? errors : PAGE, 0, 0);
	(void)get_log(r, 0x03, 512, 0, 0);
}

static bool need(const struct reader *r, uint32_t version, uint16_t oacs, uint32_t ctratt)
{
	return r->version >= version && (r->oacs & oacs) == oacs &&
	       (sl_get_le32(r->id + ID_CTRATT) & ctratt) == ctratt;
}

/* Identify pages of the controller, and what says that it has them. */
static void read_identify(struct reader *r)
{
	static const struct {
		uint8_t cns;
		uint16_t oacs;
		uint32_t version, ctratt;
	} pages[] = {
		{0x04, 0, 0x10400, 1 << 2}, /* NVM Sets */
		{0x13, 1 << 3, 0x10200, 0}, /* controllers */
		{0x14, 1 << 7, 0x10300, 0}, /* primary controller capabilities */
		{0x15, 1 << 7, 0x10300, 0}, /* secondary controllers */
		{0x17, 0, 0x10400, 1 << 9}, /* UUIDs */
		{0x19, 0, 0x10400, 1 << 4}, /* endurance groups */
	};

	for (size_t i = 0; r->id && i < SL_COUNT(pages); i++)
		if (need(r, pages[i].version, pages[i].oacs, pages[i].ctratt))
			(void)identify(r, pages[i].cns, 0, 0);
}

/* ---- namespaces ---- */

static uint8_t csi_from(const struct sl_answer *descriptors)
{
	const uint8_t *p = descriptors ? descriptors->data : NULL;

	for (unsigned at = 0; p && at + 5 <= PAGE && p[at + 1]; at += 4u + p[at + 1])
		if (p[at] == 4)
			return p[at + 4];
	return 0;
}

static void read_ns(struct reader *r, uint32_t nsid)
{
	const struct sl_answer *a = NULL;
	uint8_t csi;

	if (r->version >= 0x10300)
		a = identify(r, 0x03, nsid, 0);
	csi = csi_from(a);
	r->sets |= csi < 32 ? 1u << csi : 0;
	r->csi[r->n_ns] = csi;
	r->ns[r->n_ns++] = nsid;
	if (csi == 0 || csi == 2)
		(void)identify(r, 0x00, nsid, 0);
	if (csi || r->version >= 0x20000)
		(void)identify(r, 0x05, nsid, csi);
	if (r->version >= 0x20000)
		(void)identify(r, 0x08, nsid, 0);
}

/* Before namespace lists, a namespace was there when it had a size. */
static void read_ns_each(struct reader *r)
{
	uint32_t nn = sl_get_le32(r->id + ID_NN);

	for (uint32_t nsid = 1; nsid <= nn && nsid <= NS_MAX; nsid++) {
		const struct sl_answer *a = identify(r, 0x00, nsid, 0);

		if (a && sl_get_le64(a->data))
			r->ns[r->n_ns++] = nsid;
	}
}

static bool attached(const struct reader *r, uint32_t nsid)
{
	for (unsigned i = 0; i < r->n_ns; i++)
		if (r->ns[i] == nsid)
			return true;
	return false;
}

static void read_namespaces(struct reader *r)
{
	const struct sl_answer *list = NULL, *sets;

	r->sets = 1;
	if (!r->id)
		return;
	if (r->version < 0x10200) {
		read_ns_each(r);
		return;
	}
	list = identify(r, 0x02, 0, 0);
	for (unsigned i = 0; list && i < PAGE / 4 && r->n_ns < NS_MAX; i++)
		if (sl_get_le32(list->data + 4 * i))
			read_ns(r, sl_get_le32(list->data + 4 * i));
	if (need(r, 0x10200, 1 << 3, 0)) {
		list = identify(r, 0x10, 0, 0);
		for (unsigned i = 0; list && i < NS_MAX && sl_get_le32(list->data + 4 * i); i++)
			if (!attached(r, sl_get_le32(list->data + 4 * i)))
				(void)identify(r, 0x11, sl_get_le32(list->data + 4 * i), 0);
	}
	if (r->version < 0x20000 && r->sets == 1)
		return;
	sets = identify(r, 0x1c, 0, 0);
	for (unsigned i = 0; sets && i < PAGE / 8; i++)
		r->sets |= (uint32_t)sl_get_le64(sets->data + 8 * i);
	for (uint8_t csi = 0; csi < 3; csi++)
		if (r->sets & 1u << csi)
			(void)identify(r, 0x06, 0, csi);
}

/* ---- logs ---- */

static bool any16(const struct reader *r, unsigned at)
{
	return sl_get_le16(r->id + at) != 0;
}

static bool has_self_test(const struct reader *r)
{
	return r->oacs & 1 << 4;
}

static bool has_sanitize(const struct reader *r)
{
	return sl_get_le32(r->id + ID_SANICAP) & 7;
}

static bool has_groups(const struct reader *r)
{
	return any16(r, ID_ENDGIDMAX);
}

static bool has_ana(const struct reader *r)
{
	return r->id[ID_CMIC] & 1 << 3;
}

/* Base 2.1 Figure 203. `has`: what else than log 00h says that it is there. */
static const struct {
	uint8_t lid, lsi;
	uint16_t len;
	bool (*has)(const struct reader *r);
} logs[] = {
	{0x06, 0, 564, has_self_test}, {0x09, 1, 512, has_groups}, {0x0a, 0, 512, NULL},
	{0x0b, 0, 512, NULL},	       {0x0c, 0, 4096, has_ana},   {0x10, 0, 512, NULL},
	{0x12, 0, 1024, NULL},	       {0x13, 0, 1024, NULL},	   {0x14, 0, 512, NULL},
	{0x16, 1, 512, NULL},	       {0x22, 1, 64, NULL},	   {0x81, 0, 512, has_sanitize},
};

static bool listed(const struct reader *r, uint8_t lid)
{
	return r->listed && r->listed[4 * lid] & 1;
}

static void read_logs(struct reader *r)
{
	const struct sl_answer *a = NULL;

	if (!r->id)
		return;
	if (r->lpa & SL_NVME_LPA_SUPPORTED)
		a = get_log(r, 0x00, 1024, 0, 0);
	r->listed = a ? a->data : NULL;
	for (uint8_t csi = 0; csi < 3; csi++)
		if (r->sets & 1u << csi && (r->lpa & SL_NVME_LPA_EFFECTS || listed(r, 0x05)))
			(void)get_log(r, 0x05, PAGE, 0, csi);
	for (size_t i = 0; i < SL_COUNT(logs); i++)
		if (r->listed ? listed(r, logs[i].lid) : logs[i].has && logs[i].has(r))
			(void)get_log(r, logs[i].lid, logs[i].len, logs[i].lsi, 0);
}

/* ---- features ---- */

enum { FID_ALWAYS = 1, FID_PER_NS = 2 };

/*
 * Features with a data structure, those of a namespace, and those that a device without log 12h
 * has: always, or where bits of Identify Controller say so (Base 2.1 Figure 385).
 */
static const struct {
	uint8_t fid, flags;
	uint16_t data, id_at, id_mask;
} features[] = {
	{0x01, FID_ALWAYS, 0, 0, 0},
	{0x02, FID_ALWAYS, 0, 0, 0},
	{0x03, FID_PER_NS, 4096, 0, 0},
	{0x04, FID_ALWAYS, 0, 0, 0},
	{0x05, FID_ALWAYS | FID_PER_NS, 0, 0, 0},
	{0x06, 0, 0, ID_VWC, 1},
	{0x07, FID_ALWAYS, 0, 0, 0},
	{0x08, FID_ALWAYS, 0, 0, 0},
	{0x09, FID_ALWAYS, 0, 0, 0},
	{0x0a, FID_ALWAYS, 0, 0, 0},
	{0x0b, FID_ALWAYS, 0, 0, 0},
	{0x0c, 0, 256, ID_APSTA, 1},
	{0x0d, 0, 4096, ID_HMPRE, 0xffff},
	{0x0e, 0, 8, ID_ONCS, 1 << 6},
	{0x0f, 0, 0, ID_KAS, 0xffff},
	{0x10, 0, 0, ID_HCTMA, 1},
	{0x16, 0, 512, 0, 0},
	{0x81, 0, 8, ID_ONCS, 1 << 5},
	{0x82, FID_PER_NS, 0, ID_ONCS, 1 << 5},
	{0x83, FID_PER_NS, 0, ID_ONCS, 1 << 5},
	{0x84, FID_PER_NS, 0, ID_NWPC, 7},
};

static void read_feature(struct reader *r, uint8_t fid, uint32_t nsid, uint16_t data)
{
	const struct sl_answer *caps = NULL;
	/* The longer host identifier where the controller has it. */
	uint32_t extended = fid == 0x81 && sl_get_le32(r->id + ID_CTRATT) & 1;

	data = extended ? 16 : data;
	(void)ask(r, SL_CAPTURE_GET_FEATURES, nsid, data, fid, extended, 0);
	if (!(r->oncs & 1 << 4)) /* save and select */
		return;
	caps = ask(r, SL_CAPTURE_GET_FEATURES, nsid, 0, fid | 3u << 8, 0, 0);
	(void)ask(r, SL_CAPTURE_GET_FEATURES, nsid, data, fid | 1u << 8, extended, 0);
	if (caps && caps->result & 1)
		(void)ask(r, SL_CAPTURE_GET_FEATURES, nsid, data, fid | 2u << 8, extended, 0);
}

static void read_features(struct reader *r)
{
	const struct sl_answer *effects = sl_capture_find(r->c, SL_CAPTURE_GET_LOG, 0, 0x12, 0);

	/* From C0h on they are the vendor's, and reading one may do anything. */
	for (unsigned fid = 1; r->id && fid < 0xc0; fid++) {
		uint32_t word = effects ? sl_get_le32(effects->data + 4 * fid) : 0;
		bool has = word & 1, per_ns = word & 1u << 20;
		uint16_t data = 0;

		for (size_t i = 0; i < SL_COUNT(features); i++) {
			if (features[i].fid != fid)
				continue;
			data = features[i].data;
			if (effects)
				continue;
			per_ns = features[i].flags & FID_PER_NS;
			has = features[i].flags & FID_ALWAYS ||
			      (features[i].id_mask &&
			       sl_get_le16(r->id + features[i].id_at) & features[i].id_mask);
		}
		for (unsigned n = 0; has && n < (per_ns ? r->n_ns : 1); n++)
			read_feature(r, (uint8_t)fid, per_ns ? r->ns[n] : 0, data);
	}
}

int sl_capture_read(struct sl_capture *c, const struct sl_capture_source *source)
{
	struct reader r = {.c = c, .source = source};

	if (c->protocol == SL_WIRE_SCSI)
		return sl_scsi_capture_read(c, source);
	if (c->protocol == SL_WIRE_CXL)
		return sl_cxl_capture_read(c, source);
	c->n = 0;
	read_controller(&r);
	read_namespaces(&r);
	read_identify(&r);
	read_logs(&r);
	read_features(&r);
	return r.error;
}
