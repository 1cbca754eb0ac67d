/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces as objects: made, found, formatted, taken away. The commands that ask for it are in
 * admin-ns.c and admin-media.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/state.h"

unsigned sl_id_format(const uint8_t id[MODEL_PAGE])
{
	return (id[26] & 0xfu) | (id[26] >> 5 & 3u) << 4;
}

const uint8_t *sl_id_lbaf(const uint8_t id[MODEL_PAGE], unsigned index)
{
	const uint8_t *f = id + 128 + 4u * index;

	/* LBADS: a format that the device does not offer has none; ours are those we can store. */
	if (index > id[25] || index > 63 || f[2] < 9 || f[2] > 16)
		return NULL;
	return f;
}

struct sl_model_ns *sl_ns_find(struct sl_model *m, uint32_t nsid)
{
	struct sl_model_ns *ns = m->ns;

	while (ns && ns->nsid < nsid)
		ns = ns->next;
	return ns && ns->nsid == nsid ? ns : NULL;
}

void sl_ns_changed(struct sl_model *m, uint32_t nsid)
{
	for (uint32_t i = 0; i < m->n_changed; i++)
		if (m->changed[i] == nsid)
			return;
	if (m->n_changed <= 1024)
		m->changed[m->n_changed++] = nsid;
	sl_model_event(m, 2, 0, 0x04);
}

void sl_model_ns_changed(struct sl_model *m, uint32_t nsid)
{
	sl_ns_changed(m, nsid);
}

/* What deallocated blocks read as: DLFEAT, NVM command set 1.1 figure 114. */
static uint8_t unmapped_byte(const struct sl_model_ns *ns)
{
	return (ns->id[33] & 7) == 2 ? 0xff : 0x00;
}

int sl_ns_store(struct sl_model_ns *ns)
{
	const uint8_t *f = sl_id_lbaf(ns->id, sl_id_format(ns->id));
	struct sl_store *store;
	int r;

	if (!f)
		return -EINVAL;
	r = sl_store_new(1u << f[2], sl_get_le16(f), unmapped_byte(ns), &store);
	if (r < 0)
		return r;
	sl_store_free(ns->store);
	ns->store = store;
	ns->use_base = 0;
	ns->lbads = f[2];
	ns->ms = sl_get_le16(f);
	sl_ns_usage(ns);
	return 0;
}

void sl_ns_usage(struct sl_model_ns *ns)
{
	uint64_t cap = sl_get_le64(ns->id + 8);
	int64_t used = ns->use_base + (int64_t)sl_store_mapped(ns->store);

	/* Where nothing is counted, the whole namespace is in use, whatever was written. */
	if (!ns->counts_use)
		used = (int64_t)cap;
	sl_put_le64(ns->id + 16, used < 0 ? 0 : (uint64_t)used > cap ? cap : (uint64_t)used);
}

static int make_zones(struct sl_model_ns *ns, uint64_t size, uint64_t capacity)
{
	uint64_t n;

	if (size == 0 || sl_ns_size(ns) % size != 0 || capacity > size)
		return -EINVAL;
	n = sl_ns_size(ns) / size;
	if (n > MODEL_ZONE_MAX)
		return -EINVAL;
	free(ns->zone);
	free(ns->zone_ext);
	ns->zone_ext = NULL;
	ns->zone = calloc(n + 1, 64);
	if (!ns->zone)
		return -ENOMEM;
	if (ns->zone_ext_len)
		ns->zone_ext = calloc(n + 1, ns->zone_ext_len);
	if (ns->zone_ext_len && !ns->zone_ext)
		return -ENOMEM;
	ns->n_zones = (uint32_t)n;
	ns->zone_size = size;
	for (uint64_t i = 0; i < n; i++) {
		uint8_t *z = ns->zone + 64 * i;

		z[0] = 2;      /* sequential write required */
		z[1] = 1 << 4; /* empty */
		sl_put_le64(z + 8, capacity);
		sl_put_le64(z + 16, i * size);
		sl_put_le64(z + 24, i * size);
	}
	return 0;
}

/* The entry of Identify CNS 05h CSI 02h for the format in use: ZSZE, ZDES (ZNS 1.1 figure 48). */
static const uint8_t *zone_format(const struct sl_model_ns *ns)
{
	return ns->id_csi + 2816 + 16 * sl_id_format(ns->id);
}

int sl_ns_zones(struct sl_model_ns *ns)
{
	uint64_t size, capacity;

	if (ns->csi != NVME_CSI_ZNS)
		return 0;
	size = sl_get_le64(zone_format(ns));
	if (size == 0)
		return -EINVAL;
	capacity = ns->n_zones && ns->zone_size == size ? sl_get_le64(ns->zone + 8) : size;
	ns->zone_ext_len = zone_format(ns)[8] * 64u;
	return make_zones(ns, size, capacity);
}

static void insert(struct sl_model *m, struct sl_model_ns *ns)
{
	struct sl_model_ns **at = &m->ns;

	while (*at && (*at)->nsid < ns->nsid)
		at = &(*at)->next;
	ns->next = *at;
	*at = ns;
}

static int fill(struct sl_model_ns *ns, const struct sl_persona_fill *f)
{
	uint32_t block = sl_ns_block(ns);
	uint8_t *b = malloc(block);
	uint64_t at = 0;
	int r = 0;

	if (!b)
		return -ENOMEM;
	if (f->blocks > MODEL_FILL_MAX)
		r = -EINVAL;
	for (uint64_t i = 0; i < f->blocks && r == 0; i++) {
		for (uint32_t k = 0; k < block; k++)
			b[k] = f->pattern.p[at++ % f->pattern.len];
		r = sl_store_write(ns->store, f->lba + i, 1, b, NULL);
	}
	free(b);
	return r;
}

static int load(struct sl_model_ns *ns, const struct sl_persona_ns *p)
{
	int r;

	ns->nsid = p->nsid;
	ns->csi = p->csi;
	ns->attached = p->attached;
	ns->protect = p->write_protected ? 1 : 0;
	memcpy(ns->uuid, p->uuid, sizeof(ns->uuid));
	memcpy(ns->id, p->id_ns, sizeof(ns->id));
	memcpy(ns->id_csi, p->id_zns, sizeof(ns->id_csi));
	r = sl_ns_store(ns);
	if (r == 0 && p->csi == NVME_CSI_ZNS) {
		ns->zone_ext_len = zone_format(ns)[8] * 64u;
		r = make_zones(ns, p->zone_size, p->zone_capacity);
	}
	for (unsigned i = 0; r == 0 && i < p->n_fills; i++)
		r = fill(ns, &p->fills[i]);
	/* What a device says is in use at its start has content that this model does not know. */
	if (r == 0) {
		uint64_t used = sl_get_le64(p->id_ns + 16);

		ns->counts_use = ns->id[24] & 1 || used != p->capacity;
		ns->use_base = (int64_t)(used - sl_store_mapped(ns->store));
		sl_ns_usage(ns);
	}
	return r;
}

int sl_ns_load(struct sl_model *m, const struct sl_persona_ns *p)
{
	struct sl_model_ns *ns = calloc(1, sizeof(*ns));
	int r;

	if (!ns)
		return -ENOMEM;
	r = load(ns, p);
	if (r == 0)
		r = sl_features_of_ns(m, ns);
	if (r < 0) {
		sl_ns_free(ns);
		return r;
	}
	insert(m, ns);
	return 0;
}

/* The identity of a namespace that is like those the device has; two plain formats else. */
static void identity(const struct sl_model *m, struct sl_model_ns *ns)
{
	for (unsigned i = 0; i < m->p->n_ns; i++) {
		if (m->p->ns[i].csi != ns->csi)
			continue;
		memcpy(ns->id, m->p->ns[i].id_ns, sizeof(ns->id));
		memcpy(ns->id_csi, m->p->ns[i].id_zns, sizeof(ns->id_csi));
		break;
	}
	if (ns->id[128 + 2] == 0) {
		ns->id[25] = 1;
		ns->id[128 + 2] = 9;
		ns->id[132 + 2] = 12;
	}
	memset(ns->id + 104, 0, 24); /* NGUID, EUI64 are of one namespace only */
	ns->id[99] = 0;
}

int sl_ns_make(struct sl_model *m, uint32_t nsid, uint8_t csi, struct sl_model_ns **ret)
{
	struct sl_model_ns *ns;
	uint32_t count = 0;

	for (ns = m->ns; ns; ns = ns->next)
		count++;
	if (count >= MODEL_NS_MAX)
		return -ENOSPC;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	ns->nsid = nsid;
	ns->csi = csi;
	identity(m, ns);
	/* Identifiers of its own, from the controller's OUI and what makes this one the next. */
	sl_put_le64(ns->id + 104, sl_model_random(m));
	sl_put_le64(ns->id + 112, sl_model_random(m));
	sl_put_le64(ns->uuid, sl_model_random(m));
	sl_put_le64(ns->uuid + 8, sl_model_random(m));
	ns->uuid[6] = (uint8_t)((ns->uuid[6] & 0x0f) | 0x40);
	ns->uuid[8] = (uint8_t)((ns->uuid[8] & 0x3f) | 0x80);
	ns->counts_use = ns->id[24] & 1;
	if (sl_features_of_ns(m, ns) < 0) {
		sl_ns_free(ns);
		return -ENOMEM;
	}
	insert(m, ns);
	*ret = ns;
	return 0;
}

void sl_ns_delete(struct sl_model *m, struct sl_model_ns *ns)
{
	struct sl_model_ns **at = &m->ns;

	while (*at != ns)
		at = &(*at)->next;
	*at = ns->next;
	sl_ns_free(ns);
}

void sl_ns_free(struct sl_model_ns *ns)
{
	for (unsigned i = 0; i < 256; i++) {
		if (ns->feature[i])
			sl_feature_done(ns->feature[i]);
		free(ns->feature[i]);
	}
	sl_store_free(ns->store);
	free(ns->zone);
	free(ns->zone_ext);
	free(ns);
}

int sl_ns_sync(struct sl_model *m, struct sl_model_ns *ns)
{
	const uint8_t *f = sl_id_lbaf(ns->id, sl_id_format(ns->id));
	int r = 0;

	/* Bytes that describe no format we can store stay a lie: the blocks stay as they are. */
	if (f && (f[2] != ns->lbads || sl_get_le16(f) != ns->ms))
		r = sl_ns_store(ns);
	if (r == 0 && ns->csi == NVME_CSI_ZNS &&
	    (uint64_t)ns->n_zones * ns->zone_size > sl_ns_size(ns))
		r = sl_ns_zones(ns);
	sl_ns_changed(m, ns->nsid);
	return r;
}
