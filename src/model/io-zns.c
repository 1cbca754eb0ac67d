/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The zoned namespace command set (ZNS 1.1): zone states and write pointers, kept in the 64-byte
 * descriptors that Zone Management Receive returns.
 */
#include <stdlib.h>

#include "model/io.h"

/* Zone states, ZNS 1.1 figure 37. */
enum {
	ZS_EMPTY = 0x1,
	ZS_IMPLICIT = 0x2,
	ZS_EXPLICIT = 0x3,
	ZS_CLOSED = 0x4,
	ZS_READ_ONLY = 0xd,
	ZS_FULL = 0xe,
	ZS_OFFLINE = 0xf,
};

enum {
	ZSA_CLOSE = 0x01,
	ZSA_FINISH = 0x02,
	ZSA_OPEN = 0x03,
	ZSA_RESET = 0x04,
	ZSA_OFFLINE = 0x05,
	ZSA_SET_EXT = 0x10,
	ZA_EXT_VALID = 1 << 7, /* zone attributes: the extension holds something */
};

static uint8_t *zone_of(const struct sl_model_ns *ns, uint64_t lba)
{
	return ns->zone + 64 * (lba / ns->zone_size);
}

static uint8_t state(const uint8_t *z)
{
	return z[1] >> 4;
}

static void set_state(uint8_t *z, uint8_t to)
{
	z[1] = (uint8_t)(to << 4);
	if (to == ZS_FULL || to == ZS_READ_ONLY || to == ZS_OFFLINE)
		sl_put_le64(z + 24, UINT64_MAX); /* the write pointer means nothing */
}

static bool is_open(uint8_t s)
{
	return s == ZS_IMPLICIT || s == ZS_EXPLICIT;
}

static uint32_t count(const struct sl_model_ns *ns, bool open_only, uint8_t **ret_implicit)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ns->n_zones; i++) {
		uint8_t *z = ns->zone + 64ull * i, s = state(z);

		if (is_open(s) || (!open_only && s == ZS_CLOSED))
			n++;
		if (ret_implicit && s == ZS_IMPLICIT)
			*ret_implicit = z;
	}
	return n;
}

/*
 * Are there resources to open z? An implicitly open zone gives way (ZNS 1.1 §2.1.1.4). MAR and MOR
 * are 0's based; all ones: no limit.
 */
static uint16_t resources(const struct sl_model_ns *ns, const uint8_t *z, uint8_t **ret_close)
{
	uint32_t mar = sl_get_le32(ns->id_csi + 4), mor = sl_get_le32(ns->id_csi + 8);
	uint8_t *implicit = NULL;

	*ret_close = NULL;
	if (is_open(state(z)))
		return NVME_OK;
	if (state(z) == ZS_EMPTY && mar != UINT32_MAX && count(ns, false, NULL) > mar)
		return NVME_ZONE_ACTIVE;
	if (mor != UINT32_MAX && count(ns, true, &implicit) > mor) {
		if (!implicit)
			return NVME_ZONE_OPEN;
		*ret_close = implicit;
	}
	return NVME_OK;
}

static uint16_t unusable(const uint8_t *z)
{
	switch (state(z)) {
	case ZS_FULL:
		return NVME_ZONE_FULL;
	case ZS_READ_ONLY:
		return NVME_ZONE_READ_ONLY;
	case ZS_OFFLINE:
		return NVME_ZONE_OFFLINE;
	}
	return NVME_OK;
}

uint16_t sl_zone_write(const struct sl_model_ns *ns, uint64_t lba, uint64_t n)
{
	uint8_t *z, *yields;
	uint64_t offset;
	uint16_t s;

	if (ns->csi != NVME_CSI_ZNS)
		return NVME_OK;
	z = zone_of(ns, lba);
	offset = lba - sl_get_le64(z + 16);
	s = unusable(z);
	if (s)
		return s;
	if (offset + n > sl_get_le64(z + 8))
		return NVME_ZONE_BOUNDARY;
	if (lba != sl_get_le64(z + 24))
		return NVME_ZONE_WRITE;
	return resources(ns, z, &yields);
}

static void open_zone(struct sl_model_ns *ns, uint8_t *z, uint8_t to)
{
	uint8_t *yields;

	if (resources(ns, z, &yields) == NVME_OK && yields)
		set_state(yields, ZS_CLOSED);
	set_state(z, to);
}

void sl_zone_wrote(struct sl_model_ns *ns, uint64_t lba, uint64_t n)
{
	uint8_t *z;

	if (ns->csi != NVME_CSI_ZNS)
		return;
	z = zone_of(ns, lba);
	if (!is_open(state(z)))
		open_zone(ns, z, ZS_IMPLICIT);
	sl_put_le64(z + 24, lba + n);
	if (lba + n - sl_get_le64(z + 16) >= sl_get_le64(z + 8))
		set_state(z, ZS_FULL);
}

uint16_t sl_zone_read(const struct sl_model_ns *ns, uint64_t lba, uint64_t n)
{
	if (ns->csi != NVME_CSI_ZNS)
		return NVME_OK;
	/* OZCS bit 0: may a read cross zones? */
	if (!(ns->id_csi[2] & 1) && lba / ns->zone_size != (lba + n - 1) / ns->zone_size)
		return NVME_ZONE_BOUNDARY;
	for (uint64_t at = lba - lba % ns->zone_size; at < lba + n; at += ns->zone_size)
		if (state(zone_of(ns, at)) == ZS_OFFLINE)
			return NVME_ZONE_OFFLINE;
	return NVME_OK;
}

static void reset_zone(struct sl_model_ns *ns, uint8_t *z)
{
	sl_store_deallocate(ns->store, sl_get_le64(z + 16), ns->zone_size);
	set_state(z, ZS_EMPTY);
	z[2] = 0;
	sl_put_le64(z + 24, sl_get_le64(z + 16));
	if (ns->zone_ext)
		memset(ns->zone_ext + (size_t)(z - ns->zone) / 64 * ns->zone_ext_len, 0,
		       ns->zone_ext_len);
}

void sl_zones_reset(struct sl_model_ns *ns)
{
	for (uint32_t i = 0; i < ns->n_zones; i++)
		reset_zone(ns, ns->zone + 64ull * i);
}

void sl_zone_changed(struct sl_model *m, struct sl_model_ns *ns, uint64_t zone)
{
	uint64_t start = zone * ns->zone_size;

	for (uint32_t i = 0; i < ns->n_changed_zones && i < 511; i++)
		if (ns->changed_zone[i] == start)
			return;
	if (ns->n_changed_zones < 511)
		ns->changed_zone[ns->n_changed_zones] = start;
	if (ns->n_changed_zones < 512)
		ns->n_changed_zones++;
	sl_model_event(m, 2, 0xef, 0xbf); /* zone descriptor changed */
}

/* ---- Zone Management Send: a row per action (ZNS 1.1 §3.4.3) ---- */

static uint16_t act_close(struct sl_model_ns *ns, uint8_t *z)
{
	/* A zone that was opened and never written becomes empty: it has nothing to keep. */
	if (is_open(state(z)))
		set_state(z, sl_get_le64(z + 24) == sl_get_le64(z + 16) && !(z[2] & ZA_EXT_VALID)
				     ? ZS_EMPTY
				     : ZS_CLOSED);
	else if (state(z) != ZS_CLOSED)
		return NVME_ZONE_TRANSITION;
	(void)ns;
	return NVME_OK;
}

static uint16_t act_finish(struct sl_model_ns *ns, uint8_t *z)
{
	uint8_t s = state(z), *yields;
	uint16_t r;

	if (s == ZS_FULL)
		return NVME_OK;
	if (!is_open(s) && s != ZS_CLOSED && s != ZS_EMPTY)
		return NVME_ZONE_TRANSITION;
	r = resources(ns, z, &yields);
	if (!r)
		set_state(z, ZS_FULL);
	return r;
}

static uint16_t act_open(struct sl_model_ns *ns, uint8_t *z)
{
	uint8_t s = state(z), *yields;
	uint16_t r;

	if (!is_open(s) && s != ZS_CLOSED && s != ZS_EMPTY)
		return NVME_ZONE_TRANSITION;
	r = resources(ns, z, &yields);
	if (!r)
		open_zone(ns, z, ZS_EXPLICIT);
	return r;
}

static uint16_t act_reset(struct sl_model_ns *ns, uint8_t *z)
{
	uint8_t s = state(z);

	if (s == ZS_READ_ONLY || s == ZS_OFFLINE)
		return NVME_ZONE_TRANSITION;
	reset_zone(ns, z);
	return NVME_OK;
}

static uint16_t act_offline(struct sl_model_ns *ns, uint8_t *z)
{
	(void)ns;
	if (state(z) != ZS_READ_ONLY && state(z) != ZS_OFFLINE)
		return NVME_ZONE_TRANSITION;
	set_state(z, ZS_OFFLINE);
	return NVME_OK;
}

#define IN(s) (1u << (s))

static const struct {
	uint8_t action;
	uint16_t all; /* states that "select all" means; 0: not with select all */
	uint16_t (*run)(struct sl_model_ns *ns, uint8_t *z);
} actions[] = {
	{ZSA_CLOSE, IN(ZS_IMPLICIT) | IN(ZS_EXPLICIT), act_close},
	{ZSA_FINISH, IN(ZS_IMPLICIT) | IN(ZS_EXPLICIT) | IN(ZS_CLOSED), act_finish},
	{ZSA_OPEN, IN(ZS_CLOSED), act_open},
	{ZSA_RESET, IN(ZS_IMPLICIT) | IN(ZS_EXPLICIT) | IN(ZS_CLOSED) | IN(ZS_FULL), act_reset},
	{ZSA_OFFLINE, IN(ZS_READ_ONLY), act_offline},
};

static uint16_t set_extension(struct sl_model_req *r, uint8_t *z)
{
	struct sl_model_ns *ns = r->ns;
	uint8_t *yields;
	uint16_t s;

	if (!ns->zone_ext)
		return sl_fail_field(r, 52, 0);
	if (state(z) != ZS_EMPTY)
		return NVME_ZONE_TRANSITION;
	s = sl_req_need(r, ns->zone_ext_len);
	if (!s)
		s = resources(ns, z, &yields);
	if (s)
		return s;
	memcpy(ns->zone_ext + (size_t)(z - ns->zone) / 64 * ns->zone_ext_len, r->data,
	       ns->zone_ext_len);
	z[2] |= ZA_EXT_VALID;
	set_state(z, ZS_CLOSED);
	return NVME_OK;
}

uint16_t sl_cmd_zone_send(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba = r->cdw[10] | (uint64_t)r->cdw[11] << 32;
	uint8_t action = (uint8_t)r->cdw[13];
	bool all = r->cdw[13] & 1u << 8;
	struct sl_model_ns *ns = r->ns;
	uint16_t s = NVME_OK;

	(void)m;
	if (!all && lba >= sl_ns_limit(ns))
		return NVME_LBA_RANGE;
	if (!all && lba % ns->zone_size)
		return sl_fail_field(r, 40, 0);
	if (action == ZSA_SET_EXT)
		return all ? sl_fail_field(r, 53, 0) : set_extension(r, zone_of(ns, lba));
	for (size_t i = 0; i < SL_COUNT(actions); i++) {
		if (actions[i].action != action)
			continue;
		if (!all)
			s = actions[i].run(ns, zone_of(ns, lba));
		for (uint32_t k = 0; all && k < ns->n_zones && !s; k++)
			if (actions[i].all & IN(state(ns->zone + 64ull * k)))
				s = actions[i].run(ns, ns->zone + 64ull * k);
		sl_ns_usage(ns);
		return s;
	}
	return sl_fail_field(r, 52, 0);
}

static bool reported(const uint8_t *z, uint8_t filter)
{
	static const uint8_t by_filter[] = {0,	       ZS_EMPTY, ZS_IMPLICIT,  ZS_EXPLICIT,
					    ZS_CLOSED, ZS_FULL,	 ZS_READ_ONLY, ZS_OFFLINE};

	return filter == 0 || by_filter[filter] == state(z);
}

uint16_t sl_cmd_zone_recv(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba = r->cdw[10] | (uint64_t)r->cdw[11] << 32;
	uint64_t size = ((uint64_t)r->cdw[12] + 1) * 4, at = 64, n = 0, shown = 0;
	uint8_t action = (uint8_t)r->cdw[13], filter = (uint8_t)(r->cdw[13] >> 8);
	const struct sl_model_ns *ns = r->ns;
	uint32_t ext = action == 1 ? ns->zone_ext_len : 0;

	(void)m;
	if (action > 1 || (action == 1 && !ns->zone_ext))
		return sl_fail_field(r, 52, 0);
	if (filter > 7)
		return sl_fail_field(r, 53, 0);
	if (lba >= sl_ns_limit(ns))
		return NVME_LBA_RANGE;
	if (size > r->data_len || size < 64)
		return NVME_SGL_LENGTH;
	memset(r->data, 0, size);
	for (uint64_t i = lba / ns->zone_size; i < ns->n_zones; i++) {
		if (!reported(ns->zone + 64 * i, filter))
			continue;
		n++;
		if (at + 64 + ext > size)
			continue;
		memcpy(r->data + at, ns->zone + 64 * i, 64);
		if (ext)
			memcpy(r->data + at + 64, ns->zone_ext + i * ext, ext);
		at += 64 + ext;
		shown++;
	}
	sl_put_le64(r->data, r->cdw[13] & 1u << 16 ? shown : n); /* partial report */
	r->ret_len = (uint32_t)size;
	return NVME_OK;
}

uint16_t sl_cmd_zone_append(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, true, &x);
	const uint8_t *z;

	if (s)
		return s;
	if (x.lba % r->ns->zone_size)
		return sl_fail_field(r, 40, 0);
	z = zone_of(r->ns, x.lba);
	s = unusable(z);
	if (s)
		return s;
	x.lba = sl_get_le64(z + 24);
	s = sl_zone_write(r->ns, x.lba, x.n);
	if (!s)
		s = sl_xfer_write(&x);
	if (s)
		return s;
	sl_zone_wrote(r->ns, x.lba, x.n);
	sl_smart_io(m, x.n << r->ns->lbads, true);
	r->result = x.lba;
	return NVME_OK;
}
