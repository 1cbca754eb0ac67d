/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware Image Download and Commit (Base 2.1 §5.1.8, §5.1.9). The firmware slot log is the state.
 * An image is any bytes; its revision is its first eight characters where they are printable,
 * else made from its content. A device that checks signatures says so by a rule.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/state.h"

enum {
	CA_REPLACE = 0,
	CA_REPLACE_ACTIVATE = 1,
	CA_ACTIVATE = 2,
	CA_ACTIVATE_NOW = 3,
	ID_FR = 64, /* Identify Controller: revision in force */
	REV = 8,    /* bytes of a revision; slot n is at REV * n of the log */
};

static uint8_t active(const struct sl_model *m)
{
	return m->firmware[0] & 7;
}

static bool occupied(const struct sl_model *m, uint8_t slot)
{
	return slot && m->firmware[REV * slot] != 0;
}

void sl_fw_load(struct sl_model *m)
{
	const struct sl_persona_firmware *f = &m->p->firmware;

	m->firmware[0] = (uint8_t)((f->active & 7) | (f->next & 7) << 4);
	for (unsigned slot = 1; slot <= 7; slot++) {
		size_t len = strnlen(f->revision[slot], REV);

		if (!len)
			continue;
		memset(m->firmware + REV * slot, ' ', REV);
		memcpy(m->firmware + REV * slot, f->revision[slot], len);
	}
}

void sl_fw_activate(struct sl_model *m, uint8_t slot)
{
	m->firmware[0] = slot;
	memcpy(m->id_ctrl + ID_FR, m->firmware + REV * slot, REV);
	sl_model_event(m, 2, 1, 0x03); /* firmware activation starting */
}

int sl_model_fw_activate(struct sl_model *m, uint8_t slot)
{
	if (slot > 7 || !occupied(m, slot))
		return -ENOENT;
	sl_fw_activate(m, slot);
	return 0;
}

/* A reset is what a pending activation waits for; a half downloaded image is forgotten. */
void sl_fw_reset(struct sl_model *m)
{
	uint8_t next = m->firmware[0] >> 4 & 7;

	m->fw_len = 0;
	m->fw_new = false;
	if (next && occupied(m, next)) {
		m->firmware[0] = next;
		memcpy(m->id_ctrl + ID_FR, m->firmware + REV * next, REV);
	}
}

uint16_t sl_cmd_fw_download(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t bytes = ((uint64_t)r->cdw[10] + 1) * 4, at = (uint64_t)r->cdw[11] * 4;
	uint16_t s =
		bytes > SL_WIRE_DATA_MAX ? NVME_INVALID_FIELD : sl_req_need(r, (uint32_t)bytes);

	if (s)
		return s;
	if (at == 0) {
		m->fw_len = 0; /* an image from its start is another image */
		m->fw_gap = false;
	}
	if (at < m->fw_len)
		return NVME_OVERLAP;
	if (at + bytes > MODEL_FW_MAX)
		return sl_fail_field(r, 44, 0);
	if (at + bytes > m->fw_cap) {
		uint64_t cap = (at + bytes) * 2 > MODEL_FW_MAX ? MODEL_FW_MAX : (at + bytes) * 2;
		uint8_t *p = realloc(m->fw_image, cap);

		if (!p)
			return NVME_INTERNAL;
		m->fw_image = p;
		m->fw_cap = (uint32_t)cap;
	}
	if (at > m->fw_len) {
		memset(m->fw_image + m->fw_len, 0, at - m->fw_len);
		m->fw_gap = true;
	}
	memcpy(m->fw_image + at, r->data, bytes);
	m->fw_len = (uint32_t)(at + bytes);
	m->fw_new = true;
	return NVME_OK;
}

static void revision(const struct sl_model *m, uint8_t ret[REV])
{
	uint32_t h = 2166136261u; /* FNV-1a: names an image, protects nothing */
	char name[REV + 1];
	bool text = m->fw_len >= REV;

	for (unsigned i = 0; i < REV && text; i++)
		text = m->fw_image[i] > ' ' && m->fw_image[i] < 0x7f;
	if (text) {
		memcpy(ret, m->fw_image, REV);
		return;
	}
	for (uint32_t i = 0; i < m->fw_len; i++)
		h = (h ^ m->fw_image[i]) * 16777619u;
	snprintf(name, sizeof(name), "%08X", h);
	memcpy(ret, name, REV);
}

/* The slot that the controller picks for "0": the first that is not in force and can be written. */
static uint8_t pick(const struct sl_model *m)
{
	const struct sl_persona_firmware *f = &m->p->firmware;

	for (uint8_t slot = f->slot1_read_only ? 2 : 1; slot <= f->slots; slot++)
		if (slot != active(m) || f->slots == (f->slot1_read_only ? 2 : 1))
			return slot;
	return 0;
}

static uint16_t put_image(struct sl_model *m, uint8_t slot)
{
	if (slot == 1 && m->p->firmware.slot1_read_only)
		return NVME_FW_SLOT;
	if (!m->fw_new || m->fw_gap)
		return NVME_FW_IMAGE;
	revision(m, m->firmware + REV * slot);
	m->fw_new = false;
	m->fw_len = 0;
	return NVME_OK;
}

uint16_t sl_cmd_fw_commit(struct sl_model *m, struct sl_model_req *r)
{
	uint8_t slot = r->cdw[10] & 7, action = r->cdw[10] >> 3 & 7;
	uint16_t s = NVME_OK;

	if (action > CA_ACTIVATE_NOW || r->cdw[10] & 1u << 31) /* there are no boot partitions */
		return sl_fail_field(r, 40, 3);
	if (action == CA_ACTIVATE_NOW && !m->p->firmware.activate_without_reset)
		return sl_fail_field(r, 40, 3);
	if (!slot && action <= CA_REPLACE_ACTIVATE)
		slot = pick(m);
	if (!slot || slot > m->p->firmware.slots)
		return NVME_FW_SLOT;
	if (action <= CA_REPLACE_ACTIVATE || (action == CA_ACTIVATE_NOW && m->fw_new))
		s = put_image(m, slot);
	if (s)
		return s;
	if (!occupied(m, slot))
		return NVME_FW_IMAGE;
	if (action == CA_ACTIVATE_NOW)
		sl_fw_activate(m, slot);
	else if (action != CA_REPLACE)
		m->firmware[0] = (uint8_t)(active(m) | slot << 4);
	return NVME_OK;
}
