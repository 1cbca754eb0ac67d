/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state hash, and the blocks of a namespace as rules and tests reach them.
 */
#include <errno.h>
#include <sha2.h>

#include "model/state.h"

void sl_hash_feed(void *h, const void *p, size_t n)
{
	SHA256Update(h, p, n);
}

#define feed sl_hash_feed

#define FEED(h, x) feed(h, &(x), sizeof(x))

/* SMART without what moves by itself or with every command: see sl_model_hash in model.h. */
static void hash_smart(SHA2_CTX *h, const struct sl_model *m)
{
	static const struct {
		uint16_t from, len;
	} kept[] = {{0, 1}, {3, 29}, {112, 16}, {144, 48}, {232, 280}};

	for (size_t i = 0; i < SL_COUNT(kept); i++)
		feed(h, m->smart + kept[i].from, kept[i].len);
}

static void hash_feature(SHA2_CTX *h, const struct sl_feature *f)
{
	FEED(h, f->present);
	FEED(h, f->current);
	FEED(h, f->dflt);
	FEED(h, f->saved);
	feed(h, f->data, f->data_len);
	feed(h, f->saved_data, f->data_len);
}

static void hash_resv(SHA2_CTX *h, const struct sl_resv *v)
{
	FEED(h, v->gen);
	FEED(h, v->type);
	FEED(h, v->ptpl);
	FEED(h, v->n);
	FEED(h, v->holder);
	FEED(h, v->notify_mask);
	for (unsigned i = 0; i < v->n; i++) {
		FEED(h, v->reg[i].hostid);
		FEED(h, v->reg[i].key);
		FEED(h, v->reg[i].cntlid);
	}
}

static void hash_ns(SHA2_CTX *h, const struct sl_model_ns *ns)
{
	FEED(h, ns->nsid);
	FEED(h, ns->csi);
	FEED(h, ns->attached);
	FEED(h, ns->protect);
	FEED(h, ns->uuid);
	FEED(h, ns->id);
	FEED(h, ns->id_csi);
	sl_store_digest(ns->store, feed, h);
	hash_resv(h, &ns->resv);
	FEED(h, ns->placed);
	FEED(h, ns->n_changed_zones);
	for (unsigned fid = 0; fid < 256; fid++)
		if (ns->feature[fid])
			hash_feature(h, ns->feature[fid]);
	feed(h, ns->zone, 64ull * ns->n_zones);
	feed(h, ns->zone_ext, ns->zone_ext ? (size_t)ns->n_zones * ns->zone_ext_len : 0);
}

static void hash_admin(SHA2_CTX *h, const struct sl_model *m)
{
	FEED(h, m->id_ctrl);
	FEED(h, m->effects);
	FEED(h, m->firmware);
	FEED(h, m->sanitize);
	FEED(h, m->self_test);
	for (unsigned fid = 0; fid < 256; fid++)
		hash_feature(h, &m->feature[fid]);
	FEED(h, m->threshold);
	FEED(h, m->time_base_ms);
	FEED(h, m->time_origin);
	for (uint32_t i = 0; i < m->n_logs; i++)
		feed(h, m->log[i].p, m->log[i].len);
	FEED(h, m->error_count);
	FEED(h, m->n_errors);
	FEED(h, m->error_at);
	FEED(h, m->error);
}

static void hash_pending(SHA2_CTX *h, const struct sl_model *m)
{
	FEED(h, m->n_changed);
	feed(h, m->changed, m->n_changed * sizeof(m->changed[0]));
	FEED(h, m->n_events);
	for (uint32_t i = 0; i < m->n_events; i++)
		FEED(h, m->event[i]);
	FEED(h, m->event_masked);
	FEED(h, m->fw_len);
	feed(h, m->fw_image, m->fw_len);
	FEED(h, m->fw_new);
	FEED(h, m->lock);
	FEED(h, m->queues);
	FEED(h, m->doorbell_buffers);
	FEED(h, m->host_telemetry.gen);
	FEED(h, m->host_telemetry.available);
	FEED(h, m->ctrl_telemetry.gen);
	FEED(h, m->ctrl_telemetry.available);
	FEED(h, m->pel_context);
	FEED(h, m->directive_streams);
	FEED(h, m->streams_allocated);
	FEED(h, m->security);
	FEED(h, m->security_len);
	FEED(h, m->security_sends);
	FEED(h, m->security_proto);
	FEED(h, m->security_sp);
	FEED(h, m->resv_log);
	FEED(h, m->resv_pending);
	FEED(h, m->resv_count);
}

void sl_nvme_hash(const struct sl_model *m, void *h)
{
	hash_admin(h, m);
	hash_smart(h, m);
	hash_pending(h, m);
	for (const struct sl_model_ns *ns = m->ns; ns; ns = ns->next)
		hash_ns(h, ns);
}

void sl_model_hash(const struct sl_model *m, uint8_t ret[32])
{
	SHA2_CTX h;

	SHA256Init(&h);
	for (unsigned i = 0; i < m->p->n_vars; i++)
		sl_hash_feed(&h, m->var[i], m->p->vars[i].len);
	m->ops->hash(m, &h);
	SHA256Final(ret, &h);
}

/* ---- blocks ---- */

static int blocks(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n,
		  struct sl_model_ns **ret)
{
	*ret = sl_ns_find(m, nsid);
	if (!*ret)
		return -ENOENT;
	return sl_io_check(*ret, lba, n) ? -ERANGE : 0;
}

uint32_t sl_model_block_size(const struct sl_model *m, uint32_t nsid)
{
	const struct sl_model_ns *ns = m->ns;

	while (ns && ns->nsid != nsid)
		ns = ns->next;
	return ns ? sl_ns_block(ns) : 0;
}

int sl_model_blocks_read(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n, void *p)
{
	struct sl_model_ns *ns;
	int r = blocks(m, nsid, lba, n, &ns);

	if (r == 0)
		sl_store_read(ns->store, lba, n, p, NULL);
	return r;
}

int sl_model_blocks_write(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n,
			  const void *p)
{
	struct sl_model_ns *ns;
	int r = blocks(m, nsid, lba, n, &ns);

	if (r == 0)
		r = sl_store_write(ns->store, lba, n, p, NULL);
	if (r == 0)
		sl_ns_usage(ns);
	return r;
}

int sl_model_blocks_fill(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n, uint8_t byte)
{
	struct sl_model_ns *ns;
	int r = blocks(m, nsid, lba, n, &ns);

	if (r == 0 && n > MODEL_FILL_MAX)
		r = -ERANGE;
	if (r == 0)
		r = sl_store_fill(ns->store, lba, n, byte);
	if (r == 0)
		sl_ns_usage(ns);
	return r;
}

int sl_model_blocks_deallocate(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n)
{
	struct sl_model_ns *ns;
	int r = blocks(m, nsid, lba, n, &ns);

	if (r == 0) {
		sl_store_deallocate(ns->store, lba, n);
		sl_ns_usage(ns);
	}
	return r;
}
