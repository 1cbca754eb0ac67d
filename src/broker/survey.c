/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/survey.h"

#include <stdio.h>
#include <string.h>

#include "broker/words.h"

static struct sl_contract *next_contract(struct sl_gate_device *d)
{
	return &d->contract[!d->now];
}

static void hash_bytes(void *ctx, const void *p, size_t n)
{
	struct sl_gate_device *d = ctx;

	(void)SHA256_Update(&d->hash, p, n);
}

void sl_survey_begin(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];

	d->state = SL_DEV_READING;
	d->reread = false;
	(void)SHA256_Init(&d->hash);
	sl_reader_init(&d->reader, next_contract(d), (uint8_t)d->protocol, hash_bytes, d);
	if (d->dev->type)
		next_contract(d)->type = d->dev->type;
	sl_survey_step(g, device);
}

/*
 * What the launcher and a verifier know of the device, and the device itself does not say. A
 * namespace that the kernel uses stays known whatever the device lists: hidden, it would be
 * nobody's.
 */
static void carry_over(const struct sl_contract *old, struct sl_contract *c)
{
	for (uint32_t i = 0; i < old->n_ns; i++) {
		const struct sl_ns *was = &old->ns[i];
		struct sl_ns *ns;

		if (!was->used_by_kernel && !sl_contract_ns(c, was->nsid))
			continue;
		ns = sl_contract_ns_add(c, was->nsid);
		/* A full list: its end gives way, also to those found in use before. */
		for (uint32_t at = c->n_ns; !ns && at > 0; at--)
			if (!c->ns[at - 1].used_by_kernel) {
				ns = &c->ns[at - 1];
				*ns = (struct sl_ns){.nsid = was->nsid};
			}
		if (!ns)
			continue; /* as many in use as we can hold: old has no more */
		ns->used_by_kernel = was->used_by_kernel;
		ns->claimed = was->claimed;
	}
	c->caught |= old->caught;
}

/* What is declared, and what is known beyond it, goes on record. */
static void record(struct sl_gate *g, const struct sl_gate_device *d, const struct sl_contract *c,
		   const char *text)
{
	struct sl_record r = {
		.type = SL_RECORD_CONTRACT,
		.table_hash = g->table_hash,
		.generation = c->generation,
		.result = d->reader.flaws,
	};

	memcpy(r.final, c->hash, sizeof(c->hash));
	memcpy(r.device, d->name, sizeof(r.device));
	(void)snprintf(r.text, sizeof(r.text), "%.20s %.16s%s%s", c->model, c->firmware, text,
		       c->caught ? ", caught" : "");
	(void)sl_ledger_append(&g->ledger, &r, false);
}

static void put_to_use(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];
	struct sl_contract *c = next_contract(d);
	const struct sl_contract *old = &d->contract[d->now];
	bool other;

	(void)SHA256_Final(c->hash, &d->hash);
	if (c->max_transfer == 0 || c->max_transfer > d->dev->max_transfer)
		c->max_transfer = d->dev->max_transfer;
	sl_trust_apply(c, g->trust, g->n_trust);
	carry_over(old, c);
	c->generation = old->generation + 1;
	/* The same firmware must not say two things (doc/design.md, "Contracts"). */
	other = old->generation && memcmp(old->hash, c->hash, sizeof(c->hash)) != 0 &&
		strcmp(old->firmware, c->firmware) == 0;
	record(g, d, c, other ? " declares otherwise now" : "");
	d->now = !d->now;
	if (d->state == SL_DEV_READING)
		d->state = SL_DEV_READY;
	sl_gate_resume(g, device);
}

void sl_survey_step(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];
	struct sl_command cmd;

	if (d->state != SL_DEV_READING)
		return;
	while (sl_reader_next(&d->reader, &cmd)) {
		cmd.device = (uint16_t)device;
		/* Taken on by done(), which comes back here; a loop only over what cannot be sent.
		 */
		if (sl_gate_internal(g, device, &cmd, d->reader.payload) == 0)
			return;
		sl_reader_feed(&d->reader, SL_READER_LOST, NULL, 0);
	}
	put_to_use(g, device);
}

/* A device that did not answer once is not asked forty times: the rest is lost as well. */
static void give_up(struct sl_gate_device *d)
{
	struct sl_command cmd;

	while (sl_reader_next(&d->reader, &cmd))
		sl_reader_feed(&d->reader, SL_READER_LOST, NULL, 0);
}

void sl_survey_feed(struct sl_gate *g, unsigned device, const struct sl_io *io)
{
	struct sl_gate_device *d = &g->devices[device];

	if (io->out.outcome == SL_OUTCOME_OK)
		sl_reader_feed(&d->reader, io->out.status, io->data, io->out.data_len);
	else
		give_up(d);
}

void sl_survey_abandon(struct sl_gate *g, unsigned device)
{
	give_up(&g->devices[device]);
	put_to_use(g, device);
}

/* A contract that was read before the table came is judged by it from the next verdict on. */
void sl_survey_trust(struct sl_gate *g)
{
	for (unsigned i = 0; i < g->n_devices; i++) {
		struct sl_gate_device *d = &g->devices[i];
		struct sl_contract *c = &d->contract[d->now];

		if (!c->generation)
			continue;
		sl_trust_apply(c, g->trust, g->n_trust);
		c->generation++;
		record(g, d, c, ", trust");
		sl_gate_resume(g, i);
	}
}
