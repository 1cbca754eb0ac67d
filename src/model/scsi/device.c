/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a persona to a logical unit, and back to nothing; the state hash of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/scsi/scsi.h"

static int copy_bytes(struct sl_bytes *to, const struct sl_bytes *from)
{
	to->p = malloc(from->len + 1u);
	if (!to->p)
		return -ENOMEM;
	if (from->len)
		memcpy(to->p, from->p, from->len);
	to->len = from->len;
	return 0;
}

static int load_pages(struct sl_scsi *s, const struct sl_persona_scsi *p)
{
	int r = 0;

	s->vpd = calloc(p->n_vpd + 1u, sizeof(*s->vpd));
	s->modes = calloc(p->n_modes + 1u, sizeof(*s->modes));
	s->logs = calloc(p->n_logs + 1u, sizeof(*s->logs));
	s->commands = calloc(p->n_commands + 1u, sizeof(*s->commands));
	if (!s->vpd || !s->modes || !s->logs || !s->commands)
		return -ENOMEM;
	for (; !r && s->n_vpd < p->n_vpd; s->n_vpd++) {
		s->vpd[s->n_vpd].page = p->vpd[s->n_vpd].page;
		r = copy_bytes(&s->vpd[s->n_vpd].data, &p->vpd[s->n_vpd].data);
	}
	for (; !r && s->n_logs < p->n_logs; s->n_logs++) {
		struct sl_scsi_log *l = &s->logs[s->n_logs];

		l->page = p->logs[s->n_logs].page;
		l->subpage = p->logs[s->n_logs].subpage;
		r = copy_bytes(&l->data, &p->logs[s->n_logs].data);
		if (!r)
			r = copy_bytes(&l->dflt, &p->logs[s->n_logs].data);
	}
	for (; s->n_modes < p->n_modes; s->n_modes++)
		s->modes[s->n_modes] = p->modes[s->n_modes];
	for (; s->n_commands < p->n_commands; s->n_commands++)
		s->commands[s->n_commands] = p->commands[s->n_commands];
	return r;
}

int sl_scsi_load(struct sl_model *m)
{
	const struct sl_persona_scsi *p = m->p->scsi;
	struct sl_scsi *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	m->scsi = s;
	s->kind = p->kind;
	memcpy(s->inquiry, p->inquiry, sizeof(s->inquiry));
	s->inquiry_len = p->inquiry_len;
	s->present = p->present;
	s->protect = p->protect;
	sl_scsi_ata_load(m);
	r = load_pages(s, p);
	s->region_changes = 5;
	s->read_speed = SL_CD_SPEED;
	if (!r && p->kind == SCSI_TAPE)
		r = sl_scsi_tape_load(m);
	for (unsigned i = 0; !r && i < m->p->n_ns; i++)
		r = sl_ns_load(m, &m->p->ns[i]);
	if (p->quirks & SL_SCSI_POWER_ON_ATTENTION)
		sl_scsi_attention(m, S_POWER_ON);
	return r;
}

void sl_scsi_unload(struct sl_model *m)
{
	struct sl_scsi *s = m->scsi;

	if (!s)
		return;
	for (unsigned i = 0; s->vpd && i < m->p->scsi->n_vpd; i++)
		free(s->vpd[i].data.p);
	for (unsigned i = 0; s->logs && i < m->p->scsi->n_logs; i++) {
		free(s->logs[i].data.p);
		free(s->logs[i].dflt.p);
	}
	sl_scsi_tape_free(m);
	free(s->vpd);
	free(s->modes);
	free(s->logs);
	free(s->commands);
	free(s->image);
	free(s);
	m->scsi = NULL;
}

#define FEED(h, x) sl_hash_feed(h, &(x), sizeof(x))

/* Padding is zero: structures are made by calloc and copied whole. */
static void hash_pages(const struct sl_scsi *s, void *h)
{
	for (unsigned i = 0; i < s->n_vpd; i++) {
		FEED(h, s->vpd[i].page);
		sl_hash_feed(h, s->vpd[i].data.p, s->vpd[i].data.len);
	}
	for (unsigned i = 0; i < s->n_modes; i++) {
		FEED(h, s->modes[i].page);
		FEED(h, s->modes[i].subpage);
		for (unsigned pc = 0; pc < 4; pc++)
			sl_hash_feed(h, s->modes[i].value[pc], s->modes[i].len);
	}
	for (unsigned i = 0; i < s->n_commands; i++) {
		const struct sl_scsi_command *c = &s->commands[i];

		FEED(h, c->opcode);
		FEED(h, c->sa);
		FEED(h, c->listed);
		FEED(h, c->works);
		FEED(h, c->support);
		FEED(h, c->len);
		FEED(h, c->mlu);
		FEED(h, c->usage);
		FEED(h, c->nominal_s);
		FEED(h, c->recommended_s);
	}
}

static void hash_pr(const struct sl_scsi_pr *pr, void *h)
{
	FEED(h, pr->generation);
	FEED(h, pr->type);
	FEED(h, pr->aptpl);
	FEED(h, pr->n);
	FEED(h, pr->holder);
	for (unsigned i = 0; i < pr->n; i++) {
		FEED(h, pr->reg[i].key);
		FEED(h, pr->reg[i].nexus);
	}
}

/* Counters of reading, writing and temperature move with every command, or by themselves. */
static void hash_logs(const struct sl_scsi *s, void *h)
{
	static const uint8_t moving[] = {0x02, 0x03, 0x04, 0x05, 0x0d, 0x19};

	for (unsigned i = 0; i < s->n_logs; i++)
		if (!memchr(moving, s->logs[i].page, sizeof(moving)))
			sl_hash_feed(h, s->logs[i].data.p, s->logs[i].data.len);
}

/* Of SMART, what it counts with every command is left out: blocks written and read. */
static void hash_ata(const struct sl_scsi *s, void *h)
{
	uint8_t smart[512];

	memcpy(smart, s->smart, sizeof(smart));
	for (unsigned i = 0; i < 30; i++)
		if (smart[2 + 12 * i] == 241 || smart[2 + 12 * i] == 242)
			memset(smart + 2 + 12 * i + 5, 0, 6);
	FEED(h, smart);
	FEED(h, s->identify);
	FEED(h, s->thresholds);
	FEED(h, s->ata_power);
	FEED(h, s->smart_enabled);
	FEED(h, s->ata_frozen);
	FEED(h, s->ata_log);
	FEED(h, s->self_tests);
}

void sl_scsi_hash(const struct sl_model *m, void *h)
{
	const struct sl_scsi *s = m->scsi;

	FEED(h, s->inquiry);
	FEED(h, s->inquiry_len);
	hash_pages(s, h);
	hash_logs(s, h);
	FEED(h, s->n_attention);
	sl_hash_feed(h, s->attention, s->n_attention * sizeof(s->attention[0]));
	FEED(h, s->stopped);
	FEED(h, s->present);
	FEED(h, s->prevented);
	FEED(h, s->protect);
	FEED(h, s->power);
	FEED(h, s->sanitize_failed);
	FEED(h, s->format_corrupt);
	FEED(h, s->pending_block);
	FEED(h, s->reserved_by);
	FEED(h, s->work);
	hash_pr(&s->pr, h);
	FEED(h, s->buffer);
	sl_hash_feed(h, s->echo, s->echo_len);
	sl_hash_feed(h, s->image, s->image_len);
	FEED(h, s->deferred);
	hash_ata(s, h);
	sl_scsi_tape_hash(m, h);
	FEED(h, s->media_event);
	FEED(h, s->region);
	FEED(h, s->region_changes);
	FEED(h, s->read_speed);
	FEED(h, s->activate_on_reset);
	sl_hash_feed(h, s->defects, s->n_defects * sizeof(s->defects[0]));
	for (const struct sl_model_ns *ns = m->ns; ns; ns = ns->next) {
		FEED(h, ns->nsid);
		FEED(h, ns->id);
		sl_store_digest(ns->store, sl_hash_feed, h);
	}
}
