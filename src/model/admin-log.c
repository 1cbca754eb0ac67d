/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Get Log Page: one row per log that the engine makes from its state (Base 2.1 §5.1.12); other logs
 * are the persona's bytes. A row makes the whole log, the command cuts the piece that was asked
 * for.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/state.h"

struct log_buf {
	uint8_t *p;
	uint32_t len;
	bool ends_short; /* what lies behind the end is not written, rather than zero */
};

enum {
	LOG_PERSONA_FIRST = 1 << 0, /* a declaration: the persona's bytes are it, where given */
};

struct log_row {
	uint8_t lid;
	uint8_t flags;
	uint16_t (*make)(struct sl_model *m, struct sl_model_req *r, struct log_buf *b);
	void (*consume)(struct sl_model *m, const struct sl_model_req *r); /* RAE was clear */
};

static uint8_t lsp(const struct sl_model_req *r)
{
	return r->cdw[10] >> 8 & 0x7f;
}

static uint16_t lsi(const struct sl_model_req *r)
{
	return (uint16_t)(r->cdw[11] >> 16);
}

static uint8_t csi(const struct sl_model_req *r)
{
	return (uint8_t)(r->cdw[14] >> 24);
}

/* Zeroed bytes for the log. */
static uint16_t room(struct log_buf *b, uint32_t len)
{
	b->p = calloc(1, len ? len : 1);
	b->len = len;
	return b->p ? NVME_OK : NVME_INTERNAL;
}

static uint16_t give(struct log_buf *b, const void *p, uint32_t len)
{
	uint16_t s = room(b, len);

	if (!s)
		memcpy(b->p, p, len);
	return s;
}

static uint16_t make_supported(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint16_t s;

	(void)r;
	if (m->p->quirks & SL_QUIRK_SUPPORTED_LOGS_MISSING)
		return NVME_INVALID_LOG;
	s = room(b, 1024);
	for (unsigned lid = 0; !s && lid < 256; lid++)
		if (m->p->log_supported[lid])
			b->p[4 * lid] = 1; /* LSUPP */
	return s;
}

static uint16_t make_errors(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	unsigned size = m->id_ctrl[262] + 1u;
	uint16_t s = room(b, size * 64);

	(void)r;
	for (unsigned i = 0; !s && i < m->n_errors; i++)
		memcpy(b->p + 64 * i, m->error[(m->error_at + size - i) % size].b, 64);
	return s;
}

static uint16_t make_smart(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	bool per_ns = m->id_ctrl[261] & 1; /* LPA bit 0 */

	if (r->nsid && r->nsid != NSID_ALL) {
		if (!per_ns && !(m->p->quirks & SL_QUIRK_RESERVED_IGNORED))
			return sl_fail_field(r, 4, 0);
		if (!r->ns)
			return NVME_INVALID_NS;
	}
	return give(b, m->smart, sizeof(m->smart));
}

static uint16_t make_firmware(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	(void)r;
	return give(b, m->firmware, sizeof(m->firmware));
}

static uint16_t make_changed(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint16_t s = room(b, 4096);

	(void)r;
	if (s)
		return s;
	if (m->n_changed > 1024)
		sl_put_le32(b->p, NSID_ALL);
	for (uint32_t i = 0; m->n_changed <= 1024 && i < m->n_changed; i++) {
		uint32_t at = i;

		/* In order of NSID, as the specification wants the list. */
		while (at && sl_get_le32(b->p + 4 * (at - 1)) > m->changed[i]) {
			memcpy(b->p + 4 * at, b->p + 4 * (at - 1), 4);
			at--;
		}
		sl_put_le32(b->p + 4 * at, m->changed[i]);
	}
	return NVME_OK;
}

static void consume_changed(struct sl_model *m, const struct sl_model_req *r)
{
	(void)r;
	m->n_changed = 0;
}

static uint16_t make_effects(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint8_t set = csi(r);
	uint16_t s;

	if (m->p->quirks & SL_QUIRK_EFFECTS_LOG_MISSING)
		return m->p->effects_log_status ? m->p->effects_log_status : NVME_INVALID_LOG;
	if (m->p->quirks & SL_QUIRK_EFFECTS_LOG_IGNORES_CSI)
		set = 0;
	if (set >= SL_PERSONA_CSI_N || !m->p->has_effects[set])
		return sl_fail_field(r, 59, 0);
	s = give(b, m->effects[set], MODEL_PAGE);
	if (!s && m->p->quirks & SL_QUIRK_EFFECTS_LOG_SHORT &&
	    m->p->effects_log_bytes < MODEL_PAGE) {
		b->len = m->p->effects_log_bytes;
		b->ends_short = true;
	}
	return s;
}

static uint16_t make_self_test(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	(void)r;
	return give(b, m->self_test, sizeof(m->self_test));
}

/* Base 2.1 figures 214 and 216. The blocks are noise that repeats with the generation. */
static uint16_t telemetry(struct sl_model *m, const struct sl_telemetry *t, uint8_t lid,
			  uint32_t bytes, struct log_buf *b)
{
	uint32_t blocks = t->available ? bytes / 512 : 0;
	uint64_t z = t->seed;
	uint16_t s = room(b, 512 + blocks * 512);

	if (s)
		return s;
	b->p[0] = lid;
	memcpy(b->p + 5, m->id_ctrl + 73, 3); /* IEEE OUI */
	for (unsigned area = 0; area < 3; area++)
		sl_put_le16(b->p + 8 + 2 * area, (uint16_t)(area == 0	? (blocks + 3) / 4
							    : area == 1 ? (blocks + 1) / 2
									: blocks));
	b->p[381] = m->host_telemetry.gen;
	b->p[382] = m->ctrl_telemetry.available;
	b->p[383] = m->ctrl_telemetry.gen;
	for (uint32_t i = 512; i < b->len; i += 4) {
		z = z * 6364136223846793005u + 1442695040888963407u;
		sl_put_le32(b->p + i, (uint32_t)(z >> 32));
	}
	return NVME_OK;
}

static uint16_t make_host_telemetry(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	if (lsp(r) & 1) { /* create */
		m->host_telemetry.gen++;
		m->host_telemetry.available = true;
		m->host_telemetry.seed = sl_model_random(m);
	}
	return telemetry(m, &m->host_telemetry, 0x07, m->p->telemetry_host_bytes, b);
}

static uint16_t make_ctrl_telemetry(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	(void)r;
	return telemetry(m, &m->ctrl_telemetry, 0x08, m->p->telemetry_ctrl_bytes, b);
}

static void consume_ctrl_telemetry(struct sl_model *m, const struct sl_model_req *r)
{
	(void)r;
	m->ctrl_telemetry.available = false;
}

/* Base 2.1 figure 218: the one endurance group counts what the SMART log counts. */
static uint16_t make_endurance(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	static const struct {
		uint8_t to, from, len;
	} rows[] = {{0, 0, 1},	  {3, 3, 3},	 {48, 32, 16},	 {64, 48, 16},	{80, 48, 16},
		    {96, 64, 16}, {112, 80, 16}, {128, 160, 16}, {144, 176, 16}};
	uint16_t s;

	if (lsi(r) != 1)
		return sl_fail_field(r, 46, 0);
	s = room(b, 512);
	for (size_t i = 0; !s && i < SL_COUNT(rows); i++)
		memcpy(b->p + rows[i].to, m->smart + rows[i].from, rows[i].len);
	if (!s) {
		memcpy(b->p + 160, m->id_ctrl + 280, 16);
		memcpy(b->p + 176, m->id_ctrl + 296, 16);
	}
	return s;
}

/* Base 2.1 figure 223: one group with all namespaces, and its path is good. LSP bit 0: no NSIDs. */
static uint16_t make_ana(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint32_t n = 0;
	uint16_t s;

	for (const struct sl_model_ns *ns = m->ns; ns && !(lsp(r) & 1); ns = ns->next)
		n += ns->attached != 0;
	s = room(b, 48 + 4 * n);
	if (s)
		return s;
	sl_put_le16(b->p + 8, 1);
	sl_put_le32(b->p + 16, 1);
	sl_put_le32(b->p + 20, n);
	b->p[32] = 1; /* optimized */
	n = 0;
	for (const struct sl_model_ns *ns = m->ns; ns && !(lsp(r) & 1); ns = ns->next)
		if (ns->attached)
			sl_put_le32(b->p + 48 + 4 * n++, ns->nsid);
	return NVME_OK;
}

/* ZNS 1.1 §4.1.4: zones that the controller changed by itself. */
static uint16_t make_changed_zones(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint16_t s;

	(void)m;
	if (!r->ns || r->ns->csi != NVME_CSI_ZNS)
		return NVME_INVALID_NS;
	s = room(b, 4096);
	if (s)
		return s;
	if (r->ns->n_changed_zones > 511) {
		sl_put_le16(b->p, 0xffff);
		return NVME_OK;
	}
	sl_put_le16(b->p, (uint16_t)r->ns->n_changed_zones);
	for (uint32_t i = 0; i < r->ns->n_changed_zones; i++)
		sl_put_le64(b->p + 8 + 8 * i, r->ns->changed_zone[i]);
	return NVME_OK;
}

static void consume_changed_zones(struct sl_model *m, const struct sl_model_req *r)
{
	(void)m;
	if (r->ns)
		r->ns->n_changed_zones = 0;
}

enum { PEL_READ, PEL_ESTABLISH_READ, PEL_RELEASE };

/* Persistent event log (Base 2.1 §5.1.12.1.14): the header, and no events. */
static uint16_t make_events(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint8_t action = lsp(r) & 3;
	uint16_t s;

	if (action == PEL_RELEASE) {
		m->pel_context = false;
		return room(b, 512);
	}
	if (action > PEL_RELEASE)
		return sl_fail_field(r, 41, 0);
	if ((action == PEL_ESTABLISH_READ) == m->pel_context)
		return NVME_SEQUENCE;
	m->pel_context = true;
	s = room(b, 512);
	if (s)
		return s;
	b->p[0] = 0x0d;
	sl_put_le64(b->p + 8, 512); /* total log length */
	b->p[16] = 3;		    /* revision */
	sl_put_le16(b->p + 18, 512 - 20);
	memcpy(b->p + 28, m->smart + 128, 16); /* power on hours */
	memcpy(b->p + 44, m->smart + 112, 8);  /* power cycles */
	memcpy(b->p + 52, m->id_ctrl, 64);     /* VID, SSVID, SN, MN */
	memcpy(b->p + 116, m->id_ctrl + 768, 256);
	return NVME_OK;
}

/* Scopes, Base 2.1 figure 275: FSUPP and to what it applies. */
static uint16_t make_feature_effects(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint16_t s;

	(void)r;
	if (m->p->quirks & SL_QUIRK_FEATURE_EFFECTS_MISSING)
		return NVME_INVALID_LOG;
	s = room(b, 1024);
	for (unsigned fid = 0; !s && fid < 256; fid++)
		if (m->p->feature[fid].supported)
			sl_put_le32(b->p + 4 * fid,
				    1u | (m->p->feature[fid].per_namespace ? 1u << 20 : 1u << 21));
	return s;
}

static uint16_t make_mi_effects(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	(void)m;
	(void)r;
	return room(b, 1024); /* no MI command is supported through the admin queue */
}

/* Base 2.1 figure 278: scope LSP[3:0], contents LSP[5:4]. */
static uint16_t make_lockdown(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint8_t scope = lsp(r) & 0xf, contents = lsp(r) >> 4 & 3, n = 0;
	const uint8_t *now = scope == 0 ? m->lock.admin : m->lock.set_feature;
	uint16_t s;

	if (contents > 2 || (scope != 0 && scope != 2))
		return sl_fail_field(r, 41, 0);
	s = room(b, 512);
	if (s)
		return s;
	b->p[0] = lsp(r);
	for (unsigned i = 0; i < 256 && n < 255; i++) {
		bool can = scope == 0 ? m->p->admin[i] && i != 0x24 : m->p->feature[i].supported;

		if (contents == 0 ? can : contents == 1 && now[i])
			b->p[4 + n++] = (uint8_t)i;
	}
	b->p[3] = n;
	return NVME_OK;
}

static uint16_t make_resv(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	uint16_t s;

	(void)r;
	if (!m->resv_pending)
		return room(b, 64);
	s = give(b, m->resv_log, sizeof(m->resv_log));
	if (!s)
		b->p[9] = (uint8_t)(m->resv_pending > 255 ? 255 : m->resv_pending);
	return s;
}

static void consume_resv(struct sl_model *m, const struct sl_model_req *r)
{
	(void)r;
	if (m->resv_pending)
		m->resv_pending--;
}

static uint16_t make_sanitize(struct sl_model *m, struct sl_model_req *r, struct log_buf *b)
{
	(void)r;
	return give(b, m->sanitize, sizeof(m->sanitize));
}

static const struct log_row rows[] = {
	{0x00, LOG_PERSONA_FIRST, make_supported, NULL},
	{0x01, 0, make_errors, NULL},
	{0x02, 0, make_smart, NULL},
	{0x03, 0, make_firmware, NULL},
	{0x04, 0, make_changed, consume_changed},
	{0x05, 0, make_effects, NULL},
	{0x06, 0, make_self_test, NULL},
	{0x07, 0, make_host_telemetry, NULL},
	{0x08, 0, make_ctrl_telemetry, consume_ctrl_telemetry},
	{0x09, 0, make_endurance, NULL},
	{0x0c, 0, make_ana, NULL},
	{0x0d, 0, make_events, NULL},
	{0x12, LOG_PERSONA_FIRST, make_feature_effects, NULL},
	{0x13, LOG_PERSONA_FIRST, make_mi_effects, NULL},
	{0x14, LOG_PERSONA_FIRST, make_lockdown, NULL},
	{0x80, 0, make_resv, consume_resv},
	{0x81, 0, make_sanitize, NULL},
	{0xbf, 0, make_changed_zones, consume_changed_zones},
};

static const struct log_row *row_find(uint8_t lid)
{
	for (size_t i = 0; i < SL_COUNT(rows); i++)
		if (rows[i].lid == lid)
			return &rows[i];
	return NULL;
}

static const struct sl_model_log *persona_log(const struct sl_model *m, uint8_t lid, uint8_t set)
{
	const struct sl_model_log *any = NULL;

	for (uint32_t i = 0; i < m->n_logs; i++) {
		if (m->log[i].lid != lid)
			continue;
		if (m->log[i].csi == set)
			return &m->log[i];
		if (m->log[i].csi == 0)
			any = &m->log[i];
	}
	return any;
}

static uint16_t make(struct sl_model *m, struct sl_model_req *r, const struct log_row *row,
		     struct log_buf *b)
{
	uint8_t lid = (uint8_t)r->cdw[10];
	const struct sl_model_log *given = persona_log(m, lid, csi(r));

	if (!m->p->log_supported[lid])
		return NVME_INVALID_LOG;
	if (given && (!row || given->override || row->flags & LOG_PERSONA_FIRST))
		return give(b, given->p, given->len);
	if (!row)
		return NVME_INVALID_LOG;
	return row->make(m, r, b);
}

/* Cuts [offset, offset + want) out of the log; zeroes behind its end. */
static uint16_t cut(struct sl_model_req *r, const struct log_buf *b, uint64_t offset, uint64_t want)
{
	uint32_t have;

	if (offset > b->len)
		return sl_fail_field(r, 48, 0);
	if (want > r->data_len)
		return NVME_SGL_LENGTH;
	have = (uint32_t)(b->len - offset);
	if (have > want)
		have = (uint32_t)want;
	memcpy(r->data, b->p + offset, have);
	if (!b->ends_short) {
		memset(r->data + have, 0, want - have);
		have = (uint32_t)want;
	}
	r->ret_len = have;
	return NVME_OK;
}

uint16_t sl_cmd_get_log(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t lid = (uint8_t)r->cdw[10];
	bool extended = m->id_ctrl[261] & 4; /* LPA: NUMDU and offset are there */
	uint64_t dwords = (r->cdw[10] >> 16) + 1ull;
	uint64_t offset = r->cdw[12] | (uint64_t)r->cdw[13] << 32;
	const struct log_row *row = row_find(lid);
	struct log_buf b = {0};
	uint16_t s;

	if (extended)
		dwords += (uint64_t)(r->cdw[11] & 0xffff) << 16;
	else if (offset || r->cdw[11] & 0xffff)
		return sl_fail_field(r, offset ? 48 : 44, 0);
	if (offset & 3)
		return sl_fail_field(r, 48, 0);
	if (r->cdw[14] & 1u << 23) /* an index is no offset that we have */
		return sl_fail_field(r, 58, 7);
	s = make(m, r, row, &b);
	if (!s)
		s = cut(r, &b, offset, dwords * 4);
	free(b.p);
	if (s)
		return s;
	if (!(r->cdw[10] & 1u << 15) || m->p->quirks & SL_QUIRK_IGNORES_RAE) {
		if (row && row->consume)
			row->consume(m, r);
		sl_events_ack(m, lid);
	}
	return NVME_OK;
}
