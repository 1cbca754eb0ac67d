/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a persona to a device: makes the state that the engine works on, and takes it apart again.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/state.h"

static int load_logs(struct sl_model *m)
{
	if (!m->p->n_logs)
		return 0;
	m->log = calloc(m->p->n_logs, sizeof(m->log[0]));
	if (!m->log)
		return -ENOMEM;
	for (unsigned i = 0; i < m->p->n_logs; i++) {
		const struct sl_persona_log *from = &m->p->logs[i];
		struct sl_model_log *to = &m->log[i];

		*to = (struct sl_model_log){
			.lid = from->lid, .csi = from->csi, .override = from->override};
		to->p = malloc(from->data.len + 1);
		if (!to->p)
			return -ENOMEM;
		if (from->data.len)
			memcpy(to->p, from->data.p, from->data.len);
		to->len = from->data.len;
		m->n_logs++;
	}
	return 0;
}

/* The error log of a device with a past: entries that say only that there were errors. */
static void load_errors(struct sl_model *m)
{
	unsigned size = m->id_ctrl[262] + 1u;
	unsigned n = m->p->error_count < size ? m->p->error_count : size;

	m->error_count = m->p->error_total;
	m->n_errors = n;
	m->error_at = n ? n - 1 : size - 1;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *b = m->error[i].b;

		sl_put_le64(b, m->error_count - (n - 1 - i));
		sl_put_le16(b + 12, (uint16_t)((NVME_INVALID_FIELD | SL_NVME_DNR) << 1));
		sl_put_le16(b + 14, 0xffff);
	}
}

static int load_vars(struct sl_model *m)
{
	if (m->p->n_vars > SL_COUNT(m->var))
		return -EINVAL;
	for (unsigned i = 0; i < m->p->n_vars; i++) {
		m->var[i] = malloc(m->p->vars[i].len);
		if (!m->var[i])
			return -ENOMEM;
		memcpy(m->var[i], m->p->vars[i].init, m->p->vars[i].len);
	}
	return 0;
}

int sl_nvme_load(struct sl_model *m)
{
	const struct sl_persona *p = m->p;
	int r;

	memcpy(m->id_ctrl, p->id_ctrl, sizeof(m->id_ctrl));
	memcpy(m->effects, p->effects, sizeof(m->effects));
	memcpy(m->smart, p->smart, sizeof(m->smart));
	sl_media_load(m);
	load_errors(m);
	sl_fw_load(m);
	m->host_telemetry.seed = m->ctrl_telemetry.seed = m->random;
	r = load_logs(m);
	if (r == 0)
		r = sl_features_load(m);
	if (r == 0)
		sl_queues_reset(m);
	for (unsigned i = 0; r == 0 && i < p->n_ns; i++)
		r = sl_ns_load(m, &p->ns[i]);
	return r;
}

void sl_nvme_unload(struct sl_model *m)
{
	for (unsigned i = 0; i < 256; i++)
		sl_feature_done(&m->feature[i]);
	for (unsigned i = 0; i < m->n_logs; i++)
		free(m->log[i].p);
	free(m->log);
	free(m->fw_image);
}

static int load(struct sl_model *m)
{
	int r = load_vars(m);

	if (r == 0)
		r = m->ops->load(m);
	if (r == 0)
		r = sl_behave_new(m->p, m, &m->behave);
	return r;
}

int sl_model_new(const struct sl_persona *persona, uint64_t seed, struct sl_model **ret)
{
	struct sl_model *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->p = persona;
	m->ops = sl_model_ops_of(persona->protocol);
	if (!m->ops) {
		free(m);
		return -EINVAL;
	}
	m->random = seed;
	r = load(m);
	if (r < 0) {
		sl_model_free(m);
		return r;
	}
	m->running = true;
	sl_behave_trigger(m->behave, SL_TRIGGER_START);
	m->running = false;
	*ret = m;
	return 0;
}

struct sl_model *sl_model_free(struct sl_model *m)
{
	if (!m)
		return NULL;
	sl_behave_free(m->behave);
	while (m->ns) {
		struct sl_model_ns *ns = m->ns;

		m->ns = ns->next;
		sl_ns_free(ns);
	}
	m->ops->unload(m);
	for (unsigned i = 0; i < SL_COUNT(m->var); i++)
		free(m->var[i]);
	free(m);
	return NULL;
}

void sl_model_listen(struct sl_model *m, const struct sl_model_listener *l)
{
	m->listener = *l;
}

const struct sl_persona *sl_model_persona(const struct sl_model *m)
{
	return m->p;
}

uint32_t sl_model_max_transfer(const struct sl_model *m)
{
	uint32_t max = m->p->max_transfer;

	return max && max < SL_WIRE_DATA_MAX ? max : SL_WIRE_DATA_MAX;
}
