/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations (Base 2.1 §8.1.22) as one controller sees them: a host is known by its identifier
 * (feature 81h), and another host is what this one becomes when it sets another after a reset.
 */
#include <stdlib.h>

#include "model/state.h"

enum {
	FID_HOST_ID = 0x81,
	RESCAP_PTPL = 1 << 0,
	/* reservation types */
	WRITE_EXCL = 1,
	EXCL_ACCESS,
	WRITE_EXCL_REGS,
	EXCL_ACCESS_REGS,
	WRITE_EXCL_ALL,
	EXCL_ACCESS_ALL,
	/* notifications, figure 287 */
	NOTE_REG_PREEMPTED = 1,
	NOTE_RELEASED = 2,
	NOTE_PREEMPTED = 3,
};

static const uint8_t *host_id(const struct sl_model *m)
{
	static const uint8_t none[16];

	return m->feature[FID_HOST_ID].data ? m->feature[FID_HOST_ID].data : none;
}

static struct sl_registrant *me(const struct sl_model *m, const struct sl_model_ns *ns)
{
	struct sl_resv *v = (struct sl_resv *)(uintptr_t)&ns->resv;

	for (unsigned i = 0; i < v->n; i++)
		if (memcmp(v->reg[i].hostid, host_id(m), 16) == 0)
			return &v->reg[i];
	return NULL;
}

static bool all_registrants(uint8_t type)
{
	return type == WRITE_EXCL_ALL || type == EXCL_ACCESS_ALL;
}

static bool holds(const struct sl_resv *v, const struct sl_registrant *reg)
{
	return v->type && reg && (all_registrants(v->type) || reg == &v->reg[v->holder]);
}

bool sl_resv_permits(const struct sl_model *m, const struct sl_model_ns *ns, bool write)
{
	const struct sl_registrant *reg = me(m, ns);
	const struct sl_resv *v = &ns->resv;

	if (!v->type || holds(v, reg))
		return true;
	if (v->type == WRITE_EXCL)
		return !write;
	if (v->type == WRITE_EXCL_REGS || v->type == WRITE_EXCL_ALL)
		return !write || reg;
	return v->type == EXCL_ACCESS ? false : reg != NULL;
}

static void notify(struct sl_model *m, struct sl_model_ns *ns, uint8_t type)
{
	if (ns->resv.notify_mask & 1u << type)
		return;
	memset(m->resv_log, 0, sizeof(m->resv_log));
	sl_put_le64(m->resv_log, ++m->resv_count);
	m->resv_log[8] = type;
	sl_put_le32(m->resv_log + 12, ns->nsid);
	m->resv_pending++;
	sl_model_event(m, 6, 0, 0x80);
}

static void drop(struct sl_resv *v, unsigned i)
{
	v->n--;
	memmove(&v->reg[i], &v->reg[i + 1], (v->n - i) * sizeof(v->reg[0]));
	memset(&v->reg[v->n], 0, sizeof(v->reg[0]));
	if (v->holder > i)
		v->holder--;
}

/* Takes a registrant away; a reservation that it alone held goes with it. */
static void unregister(struct sl_model *m, struct sl_model_ns *ns, unsigned i)
{
	struct sl_resv *v = &ns->resv;
	bool held = v->type && (all_registrants(v->type) ? v->n == 1 : v->holder == i);

	if (held) {
		if (v->type == WRITE_EXCL_REGS || v->type == EXCL_ACCESS_REGS)
			notify(m, ns, NOTE_RELEASED);
		v->type = 0;
	}
	drop(v, i);
}

static uint16_t keys(const struct sl_model_req *r, uint32_t n, uint64_t *ret_crkey,
		     uint64_t *ret_second)
{
	uint16_t s = sl_req_need(r, n);

	if (!s) {
		*ret_crkey = sl_get_le64(r->data);
		*ret_second = n > 8 ? sl_get_le64(r->data + 8) : 0;
	}
	return s;
}

uint16_t sl_cmd_resv_register(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t action = r->cdw[10] & 7, cptpl = r->cdw[10] >> 30;
	bool ignore = r->cdw[10] & 8;
	struct sl_resv *v = &r->ns->resv;
	struct sl_registrant *reg = me(m, r->ns);
	uint64_t old, fresh;
	uint16_t s = keys(r, 16, &old, &fresh);

	if (s)
		return s;
	if (action > 2 || cptpl == 1 || (cptpl == 3 && !(r->ns->id[31] & RESCAP_PTPL)))
		return sl_fail_field(r, 40, 0);
	if (action == 0) {
		if (reg)
			return reg->key == fresh ? NVME_OK : NVME_RESERVED;
		if (v->n == MODEL_REG_MAX)
			return NVME_RESERVED;
		reg = &v->reg[v->n++];
		memcpy(reg->hostid, host_id(m), 16);
		reg->cntlid = sl_get_le16(m->id_ctrl + 78);
		reg->key = fresh;
	} else {
		if (!reg || (!ignore && reg->key != old))
			return NVME_RESERVED;
		if (action == 1)
			unregister(m, r->ns, (unsigned)(reg - v->reg));
		else
			reg->key = fresh;
	}
	v->gen++;
	if (cptpl)
		v->ptpl = cptpl == 3;
	return NVME_OK;
}

static uint16_t preempt(struct sl_model *m, struct sl_model_req *r, struct sl_registrant *reg,
			uint64_t prkey, uint8_t type)
{
	struct sl_model_ns *ns = r->ns;
	struct sl_resv *v = &ns->resv;
	uint8_t mine[16];
	bool takes, found = false;

	memcpy(mine, reg->hostid, 16);
	takes = v->type && (all_registrants(v->type) ? prkey == 0 : v->reg[v->holder].key == prkey);
	if (!prkey && !(v->type && all_registrants(v->type)))
		return sl_fail_field(r, 0, 0);
	for (unsigned i = 0; i < v->n;) {
		bool other = memcmp(v->reg[i].hostid, mine, 16) != 0;

		found |= v->reg[i].key == prkey || !prkey;
		if (other && (v->reg[i].key == prkey || !prkey)) {
			if (takes)
				v->type = 0;
			unregister(m, ns, i);
			notify(m, ns, NOTE_REG_PREEMPTED);
		} else {
			i++;
		}
	}
	if (!found)
		return NVME_RESERVED;
	if (takes) {
		v->type = type;
		v->holder = (uint8_t)(me(m, ns) - v->reg);
		notify(m, ns, NOTE_PREEMPTED);
	}
	v->gen++;
	return NVME_OK;
}

uint16_t sl_cmd_resv_acquire(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t action = r->cdw[10] & 7;
	uint8_t type = (uint8_t)(r->cdw[10] >> 8);
	struct sl_resv *v = &r->ns->resv;
	struct sl_registrant *reg = me(m, r->ns);
	uint64_t crkey, prkey;
	uint16_t s = keys(r, 16, &crkey, &prkey);

	if (s)
		return s;
	if (action > 2 || type == 0 || type > EXCL_ACCESS_ALL || r->cdw[10] & 8)
		return sl_fail_field(r, 40, 0);
	if (!reg || reg->key != crkey)
		return NVME_RESERVED;
	if (action)
		return preempt(m, r, reg, prkey, type);
	if (v->type)
		return holds(v, reg) && v->type == type ? NVME_OK : NVME_RESERVED;
	v->type = type;
	v->holder = (uint8_t)(reg - v->reg);
	return NVME_OK;
}

uint16_t sl_cmd_resv_release(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t action = r->cdw[10] & 7;
	uint8_t type = (uint8_t)(r->cdw[10] >> 8);
	struct sl_resv *v = &r->ns->resv;
	struct sl_registrant *reg = me(m, r->ns);
	uint64_t crkey, unused;
	uint16_t s = keys(r, 8, &crkey, &unused);

	if (s)
		return s;
	if (action > 1 || r->cdw[10] & 8)
		return sl_fail_field(r, 40, 0);
	if (!reg || reg->key != crkey)
		return NVME_RESERVED;
	if (action == 1) { /* clear: everybody is out */
		if (v->n > 1)
			notify(m, r->ns, NOTE_PREEMPTED);
		v->type = 0;
		v->n = 0;
		memset(v->reg, 0, sizeof(v->reg));
		v->gen++;
		return NVME_OK;
	}
	if (!holds(v, reg))
		return NVME_OK;
	if (v->type != type)
		return sl_fail_field(r, 41, 0);
	if (type != WRITE_EXCL && type != EXCL_ACCESS && v->n > 1)
		notify(m, r->ns, NOTE_RELEASED);
	v->type = 0;
	return NVME_OK;
}

/* Base 2.1 figures 581, 582: with EDS, registrants have 64 bytes and 128-bit identifiers. */
uint16_t sl_cmd_resv_report(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t want = ((uint64_t)r->cdw[10] + 1) * 4;
	bool extended = r->cdw[11] & 1;
	uint32_t size = extended ? 64 : 24, head = extended ? 64 : 24;
	uint8_t b[64 + 64 * MODEL_REG_MAX] = {0};
	const struct sl_resv *v = &r->ns->resv;

	if (extended && !(m->id_ctrl[96] & 1))
		return NVME_HOSTID_FORMAT;
	if (want > r->data_len)
		return NVME_SGL_LENGTH;
	sl_put_le32(b, v->gen);
	b[4] = v->type;
	sl_put_le16(b + 5, v->n);
	b[9] = v->ptpl;
	for (unsigned i = 0; i < v->n; i++) {
		uint8_t *d = b + head + i * size;

		sl_put_le16(d, v->reg[i].cntlid);
		d[2] = holds(v, &v->reg[i]);
		if (extended) {
			sl_put_le64(d + 8, v->reg[i].key);
			memcpy(d + 16, v->reg[i].hostid, 16);
		} else {
			memcpy(d + 8, v->reg[i].hostid, 8);
			sl_put_le64(d + 16, v->reg[i].key);
		}
	}
	memset(r->data, 0, want);
	memcpy(r->data, b, want < sizeof(b) ? want : sizeof(b));
	r->ret_len = (uint32_t)want;
	return NVME_OK;
}

void sl_resv_reset(struct sl_model *m, bool power)
{
	for (struct sl_model_ns *ns = m->ns; power && ns; ns = ns->next)
		if (!ns->resv.ptpl)
			ns->resv = (struct sl_resv){0};
	if (power)
		m->resv_pending = 0;
}
