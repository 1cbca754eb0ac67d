/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What works on all the media at once and takes its time: Format NVM (Base 2.1 §5.1.10), Sanitize
 * (§5.1.22) and Device Self-test (§5.1.5). Sanitize and self-test go on in the background; their
 * logs are the state.
 */
#include <errno.h>

#include "model/state.h"

enum {
	ID_FNA = 524,
	FNA_FORMAT_ALL = 1,
	FNA_ERASE_ALL = 2,
	FNA_CRYPTO = 4,
	FNA_NO_BROADCAST = 8,
	ID_SANICAP = 328,
	SANACT_EXIT_FAILURE = 1,
	SANACT_BLOCK = 2,
	SANACT_OVERWRITE = 3,
	SANACT_CRYPTO = 4,
	SSTAT_DONE = 1, /* sanitize status, LID 81h bytes 3:2, bits 2:0 */
	SSTAT_RUNS = 2,
	SSTAT_FAILED = 3,
	SSTAT_DONE_KEPT = 4, /* completed, not deallocated as was asked */
	STC_SHORT = 1,
	STC_EXTENDED = 2,
	STC_ABORT = 0xf,
	TEST_ENTRY = 28, /* bytes of a result in LID 06h */
	TEST_ENTRIES = 20,
	EXTENDED_TIMES = 4, /* an extended test takes so many short ones */
};

/* ---- Format NVM ---- */

static uint16_t format_check(const struct sl_model_req *r, const struct sl_model_ns *ns,
			     unsigned index)
{
	uint8_t pi = r->cdw[10] >> 5 & 7, mset = r->cdw[10] >> 4 & 1;
	const uint8_t *f = sl_id_lbaf(ns->id, index);

	if (ns->protect)
		return NVME_NS_PROTECTED;
	if (!f)
		return NVME_INVALID_FORMAT;
	if (ns->csi == NVME_CSI_ZNS) { /* zones of that format must fill the namespace */
		uint64_t blocks = (sl_ns_size(ns) << ns->lbads) >> f[2];
		uint64_t zone = sl_get_le64(ns->id_csi + 2816 + 16 * index);

		if (!zone || blocks % zone || blocks / zone > MODEL_ZONE_MAX)
			return NVME_INVALID_FORMAT;
	}
	if (pi > 3 || (pi && (sl_get_le16(f) < 8 || !(ns->id[28] & 1u << (pi - 1)))))
		return NVME_INVALID_FORMAT;
	if (sl_get_le16(f) && !(ns->id[27] & (mset ? 1 : 2)))
		return NVME_INVALID_FORMAT;
	return NVME_OK;
}

static uint16_t format_one(struct sl_model *m, const struct sl_model_req *r, struct sl_model_ns *ns,
			   unsigned index)
{
	const uint8_t *f = sl_id_lbaf(ns->id, index);
	unsigned mset = r->cdw[10] >> 4 & 1;

	for (unsigned at = 0; at <= 8; at += 8) { /* NSZE, NCAP: as many bytes in other blocks */
		uint64_t bytes = sl_get_le64(ns->id + at) << ns->lbads;

		sl_put_le64(ns->id + at, bytes >> f[2]);
	}
	ns->id[26] = (uint8_t)((index & 0xf) | mset << 4 | (index >> 4) << 5);
	ns->id[29] = (uint8_t)((r->cdw[10] >> 5 & 7) | (r->cdw[10] >> 8 & 1) << 3);
	if (sl_ns_store(ns) < 0 || sl_ns_zones(ns) < 0)
		return NVME_INTERNAL;
	ns->busy_until_ms = m->now_ms + m->p->format_ms;
	sl_ns_changed(m, ns->nsid);
	return NVME_OK;
}

uint16_t sl_cmd_format(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t fna = m->id_ctrl[ID_FNA], ses = r->cdw[10] >> 9 & 7;
	unsigned index = (r->cdw[10] & 0xf) | (r->cdw[10] >> 12 & 3) << 4;
	bool all = r->nsid == NSID_ALL || fna & FNA_FORMAT_ALL || (ses && fna & FNA_ERASE_ALL);
	uint16_t s = NVME_OK;

	if (ses > 2 || (ses == 2 && !(fna & FNA_CRYPTO)))
		return sl_fail_field(r, 41, 1);
	if (r->nsid == NSID_ALL && fna & FNA_NO_BROADCAST)
		return sl_fail_field(r, 4, 0);
	if (r->nsid != NSID_ALL && !sl_ns_find(m, r->nsid))
		return r->nsid && r->nsid <= sl_get_le32(m->id_ctrl + 516) ? sl_fail_field(r, 4, 0)
									   : NVME_INVALID_NS;
	/* All are checked before the first is touched. */
	for (struct sl_model_ns *ns = m->ns; ns && !s; ns = ns->next)
		if (all || ns->nsid == r->nsid)
			s = format_check(r, ns, index);
	for (struct sl_model_ns *ns = m->ns; ns && !s; ns = ns->next)
		if (all || ns->nsid == r->nsid)
			s = format_one(m, r, ns, index);
	if (s)
		return s;
	sl_selftest_abort(m, 4);
	r->work_ms = m->p->format_ms;
	return NVME_OK;
}

/* ---- Sanitize ---- */

bool sl_media_sanitizing(const struct sl_model *m)
{
	return (m->sanitize[2] & 7) == SSTAT_RUNS;
}

static void sanitize_status(struct sl_model *m, uint8_t status)
{
	m->sanitize[2] = (uint8_t)((m->sanitize[2] & ~7u) | status);
}

static void sanitize_end(struct sl_model *m)
{
	m->sanitize_until_ms = 0;
	sl_put_le16(m->sanitize, 0xffff);
	if (m->sanitize_fail) {
		sanitize_status(m, SSTAT_FAILED);
	} else {
		sanitize_status(m, m->sanitize_keep ? SSTAT_DONE_KEPT : SSTAT_DONE);
		m->sanitize[3] |= 1; /* global data erased: nothing was written since */
	}
	sl_model_event(m, 6, 1, 0x81);
}

static void wipe(struct sl_model *m, uint8_t sanact)
{
	for (struct sl_model_ns *ns = m->ns; ns; ns = ns->next) {
		uint32_t pattern = (ns->id[33] & 7) == 2 ? 0xffffffffu : 0;

		if (sanact == SANACT_OVERWRITE)
			pattern = m->sanitize_pattern;
		sl_store_erase(ns->store, pattern);
		sl_zones_reset(ns);
		sl_ns_usage(ns);
	}
}

static void sanitize_start(struct sl_model *m, uint8_t sanact, uint32_t cdw10, bool fail)
{
	wipe(m, sanact);
	sl_selftest_abort(m, 9);
	sl_put_le16(m->sanitize, 0);
	sl_put_le16(m->sanitize + 2, SSTAT_RUNS);
	sl_put_le32(m->sanitize + 4, cdw10);
	m->sanitize_fail = fail;
	m->sanitize_from_ms = m->now_ms;
	m->sanitize_until_ms = m->now_ms + m->p->sanitize_ms;
	if (!m->p->sanitize_ms)
		sanitize_end(m);
}

static bool sanitize_known(const struct sl_model *m, uint8_t sanact)
{
	static const uint8_t bit[] = {0, 0, 1, 2, 0}; /* SANICAP: crypto, block, overwrite */

	return sanact >= SANACT_BLOCK && sanact <= SANACT_CRYPTO &&
	       m->id_ctrl[ID_SANICAP] & 1u << bit[sanact];
}

int sl_model_sanitize(struct sl_model *m, uint8_t sanact, bool fail)
{
	if (sanact < SANACT_BLOCK || sanact > SANACT_CRYPTO)
		return -EINVAL;
	if (sl_media_sanitizing(m))
		return -EBUSY;
	sanitize_start(m, sanact, sanact, fail);
	return 0;
}

uint16_t sl_cmd_sanitize(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t sanact = r->cdw[10] & 7;

	if (sl_media_sanitizing(m))
		return NVME_SANITIZE_BUSY;
	if (sanact == SANACT_EXIT_FAILURE) {
		if ((m->sanitize[2] & 7) != SSTAT_FAILED)
			return NVME_OK;
		if (!m->sanitize_ause)
			return NVME_SANITIZE_FAILED;
		sanitize_status(m, 0);
		return NVME_OK;
	}
	if (!sanitize_known(m, sanact))
		return sl_fail_field(r, 40, 0);
	if (m->firmware[0] & 0x70)
		return NVME_FW_NEEDS_RESET;
	for (const struct sl_model_ns *ns = m->ns; ns; ns = ns->next)
		if (ns->protect)
			return NVME_NS_PROTECTED;
	m->sanitize_ause = r->cdw[10] & 1u << 3;
	m->sanitize_keep = r->cdw[10] & 1u << 9; /* NDAS */
	m->sanitize_pattern = r->cdw[11];
	sanitize_start(m, sanact, r->cdw[10], false);
	return NVME_OK;
}

/* ---- Device Self-test ---- */

static void selftest_end(struct sl_model *m, uint8_t result)
{
	uint8_t *e = m->self_test + 4;

	memmove(e + TEST_ENTRY, e, TEST_ENTRY * (TEST_ENTRIES - 1));
	memset(e, 0, TEST_ENTRY);
	e[0] = (uint8_t)((m->self_test[0] & 0xf) << 4 | result);
	if (m->test_nsid) {
		e[2] = 1; /* NSID is valid */
		sl_put_le32(e + 12, m->test_nsid);
	}
	memcpy(e + 4, m->smart + 128, 8); /* power on hours */
	m->self_test[0] = m->self_test[1] = 0;
	m->test_until_ms = 0;
}

void sl_selftest_abort(struct sl_model *m, uint8_t result)
{
	if (m->self_test[0] & 0xf)
		selftest_end(m, result);
}

static void selftest_start(struct sl_model *m, uint8_t stc, uint32_t nsid)
{
	uint64_t ms = (uint64_t)m->p->self_test_ms * (stc == STC_EXTENDED ? EXTENDED_TIMES : 1);

	m->self_test[0] = stc;
	m->self_test[1] = 0;
	m->test_nsid = nsid;
	m->test_from_ms = m->now_ms;
	m->test_until_ms = m->now_ms + ms;
	if (!ms)
		selftest_end(m, 0);
}

int sl_model_selftest(struct sl_model *m, uint8_t stc)
{
	if (stc != STC_SHORT && stc != STC_EXTENDED)
		return -EINVAL;
	if (m->self_test[0] & 0xf)
		return -EBUSY;
	selftest_start(m, stc, 0);
	return 0;
}

uint16_t sl_cmd_self_test(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t stc = r->cdw[10] & 0xf;

	if (r->nsid && r->nsid != NSID_ALL && !r->ns)
		return r->nsid <= sl_get_le32(m->id_ctrl + 516) ? sl_fail_field(r, 4, 0)
								: NVME_INVALID_NS;
	if (stc == STC_ABORT) {
		sl_selftest_abort(m, 1);
		return NVME_OK;
	}
	if (stc != STC_SHORT && stc != STC_EXTENDED)
		return sl_fail_field(r, 40, 0);
	if (m->self_test[0] & 0xf)
		return NVME_SELF_TEST_BUSY;
	selftest_start(m, stc, r->nsid);
	return NVME_OK;
}

/* ---- time ---- */

/* The logs of a device on which nothing has run yet. */
void sl_media_load(struct sl_model *m)
{
	uint32_t seconds = m->p->sanitize_ms / 1000 + (m->p->sanitize_ms % 1000 != 0);

	sl_put_le16(m->sanitize, 0xffff);
	/* How long: overwrite, block erase, crypto erase; then without deallocation: not reported.
	 */
	for (unsigned i = 0; i < 6; i++) {
		static const uint8_t action[] = {SANACT_OVERWRITE, SANACT_BLOCK, SANACT_CRYPTO};
		bool known = i < 3 && sanitize_known(m, action[i]);

		sl_put_le32(m->sanitize + 8 + 4 * i, known ? seconds : UINT32_MAX);
	}
	for (unsigned i = 0; i < TEST_ENTRIES; i++)
		m->self_test[4 + TEST_ENTRY * i] = 0xf; /* entry not used */
}

static uint64_t share(uint64_t from, uint64_t until, uint64_t now, uint64_t of)
{
	return until > from ? (now - from) * of / (until - from) : of;
}

void sl_media_tick(struct sl_model *m)
{
	if (sl_media_sanitizing(m) && m->sanitize_until_ms) {
		if (m->now_ms >= m->sanitize_until_ms)
			sanitize_end(m);
		else
			sl_put_le16(m->sanitize,
				    (uint16_t)share(m->sanitize_from_ms, m->sanitize_until_ms,
						    m->now_ms, 65535));
	}
	if (m->self_test[0] & 0xf && m->test_until_ms) {
		if (m->now_ms >= m->test_until_ms)
			selftest_end(m, 0);
		else
			m->self_test[1] =
				(uint8_t)share(m->test_from_ms, m->test_until_ms, m->now_ms, 100);
	}
}

uint64_t sl_media_next(const struct sl_model *m)
{
	uint64_t at = UINT64_MAX;

	if (sl_media_sanitizing(m) && m->sanitize_until_ms)
		at = m->sanitize_until_ms;
	if (m->self_test[0] & 0xf && m->test_until_ms && m->test_until_ms < at)
		at = m->test_until_ms;
	return at;
}

/* A sanitize outlives everything; a short test does not outlive a reset, Base 2.1 §8.1.7. */
void sl_media_reset(struct sl_model *m, bool power)
{
	(void)power;
	if ((m->self_test[0] & 0xf) == STC_SHORT)
		sl_selftest_abort(m, 2);
	for (struct sl_model_ns *ns = m->ns; ns; ns = ns->next)
		ns->busy_until_ms = 0;
}
