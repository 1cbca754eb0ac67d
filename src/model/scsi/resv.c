/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persistent reservations (SPC-6 §5.15, §6.16, §6.17) and RESERVE, RELEASE(6) (SPC-2). The host is
 * nexus 0; other hosts exist only where a rule makes them.
 */
#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

enum {
	WRITE_EXCLUSIVE = 1,
	EXCLUSIVE = 3,
	WRITE_REGISTRANTS = 5,
	EXCLUSIVE_REGISTRANTS = 6,
	WRITE_ALL = 7,
	EXCLUSIVE_ALL = 8,
};

#define INVALID_RELEASE SENSE(0x5, 0x26, 0x04)
#define NO_RESOURCES	SENSE(0x5, 0x55, 0x04)

static struct sl_scsi_registrant *registered(struct sl_scsi_pr *pr, uint32_t nexus)
{
	for (unsigned i = 0; i < pr->n && i < SCSI_KEY_MAX; i++)
		if (pr->reg[i].nexus == nexus)
			return &pr->reg[i];
	return NULL;
}

static bool all_registrants(uint8_t type)
{
	return type == WRITE_ALL || type == EXCLUSIVE_ALL;
}

static bool holds(struct sl_scsi_pr *pr, uint32_t nexus)
{
	if (!pr->type)
		return false;
	return all_registrants(pr->type) ? registered(pr, nexus) != NULL : pr->holder == nexus;
}

bool sl_scsi_permits(const struct sl_model *m, const struct sl_scsi_row *row)
{
	struct sl_scsi_pr *pr = &m->scsi->pr;
	bool reg;

	if (row->flags & ROW_SHARED)
		return true;
	if (m->scsi->reserved_by > 1)
		return false;
	if (!pr->type || holds(pr, 0))
		return true;
	reg = registered(pr, 0) != NULL;
	if (reg && pr->type >= WRITE_REGISTRANTS)
		return true;
	/* Write exclusive: others may read; whatever else changes something is theirs no more. */
	if (pr->type == WRITE_EXCLUSIVE || pr->type == WRITE_REGISTRANTS || pr->type == WRITE_ALL)
		return row->dir != SL_DIR_OUT && !(row->flags & ROW_MEDIA_WRITE);
	return false;
}

void sl_scsi_pr_reset(struct sl_model *m, bool power)
{
	struct sl_scsi_pr *pr = &m->scsi->pr;

	if (!power || pr->aptpl)
		return;
	*pr = (struct sl_scsi_pr){.generation = 0};
}

/* ---- in ---- */

uint32_t sl_scsi_pr_in(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_pr *pr = &m->scsi->pr;
	uint32_t alloc = sl_get_be16(r->sqe + 7), n = 8;
	uint8_t b[8 + 32 * SCSI_KEY_MAX] = {0}, sa = r->sqe[1] & 0x1f;

	be_put32(b, pr->generation);
	if (sa == 0) { /* READ KEYS */
		for (unsigned i = 0; i < pr->n && i < SCSI_KEY_MAX; i++, n += 8)
			be_put64(b + n, pr->reg[i].key);
	} else if (sa == 1) { /* READ RESERVATION */
		struct sl_scsi_registrant *g = registered(pr, pr->holder);

		if (pr->type) {
			be_put64(b + 8, g && !all_registrants(pr->type) ? g->key : 0);
			b[21] = pr->type;
			n = 24;
		}
	} else if (sa == 2) { /* REPORT CAPABILITIES: PTPL_C, TMV, all six types */
		be_put16(b, 8);
		b[2] = 0x01;
		b[3] = (uint8_t)(0x80 | (pr->aptpl ? 1 : 0));
		be_put16(b + 4, 0xea01);
		return sl_scsi_give(r, b, 8, alloc);
	} else { /* READ FULL STATUS */
		for (unsigned i = 0; i < pr->n && i < SCSI_KEY_MAX; i++, n += 24) {
			be_put64(b + n, pr->reg[i].key);
			b[n + 12] = holds(pr, pr->reg[i].nexus) ? 1 : 0;
			b[n + 13] = holds(pr, pr->reg[i].nexus) ? pr->type : 0;
			be_put16(b + n + 18, (uint16_t)(pr->reg[i].nexus + 1));
		}
	}
	be_put32(b + 4, n - 8);
	return sl_scsi_give(r, b, n, alloc);
}

/* ---- out ---- */

static void unregister(struct sl_scsi_pr *pr, struct sl_scsi_registrant *g)
{
	uint32_t nexus = g->nexus;
	bool held = holds(pr, nexus);
	unsigned i = (unsigned)(g - pr->reg);

	memmove(g, g + 1, (pr->n - i - 1u) * sizeof(*g));
	pr->n--;
	if (held && (!all_registrants(pr->type) || !pr->n))
		pr->type = 0;
}

static uint32_t do_register(struct sl_scsi_pr *pr, const uint8_t *p, bool ignore)
{
	struct sl_scsi_registrant *g = registered(pr, 0);
	uint64_t key = sl_get_be64(p), new = sl_get_be64(p + 8);

	if (!ignore && key != (g ? g->key : 0))
		return SCSI_CONFLICT;
	if (new && !g && pr->n >= SCSI_KEY_MAX)
		return NO_RESOURCES;
	pr->aptpl = p[20] & 1;
	if (new &&g)
		g->key = new;
	else if (new)
		pr->reg[pr->n++] = (struct sl_scsi_registrant){.key = new};
	else if (g)
		unregister(pr, g);
	pr->generation++;
	return SCSI_GOOD;
}

static bool type_known(uint8_t type)
{
	return type == 1 || type == 3 || (type >= 5 && type <= 8);
}

static uint32_t do_reserve(struct sl_scsi_pr *pr, struct sl_model_req *r, uint8_t scope_type)
{
	if (scope_type >> 4 || !type_known(scope_type & 0xf))
		return sl_scsi_bad(r, 2, scope_type >> 4 ? 7 : 3);
	if (pr->type && (!holds(pr, 0) || pr->type != (scope_type & 0xf)))
		return SCSI_CONFLICT;
	pr->type = scope_type & 0xf;
	pr->holder = 0;
	return SCSI_GOOD;
}

static uint32_t do_release(struct sl_scsi_pr *pr, uint8_t scope_type)
{
	if (!pr->type || !holds(pr, 0))
		return SCSI_GOOD;
	if (pr->type != scope_type)
		return INVALID_RELEASE;
	pr->type = 0;
	return SCSI_GOOD;
}

/* PREEMPT: registrations of a key go, and with them a reservation, which becomes the host's. */
static uint32_t do_preempt(struct sl_scsi_pr *pr, struct sl_model_req *r, uint64_t key,
			   uint8_t scope_type)
{
	struct sl_scsi_registrant *holder = registered(pr, pr->holder);
	bool all = pr->type && all_registrants(pr->type);
	bool take = pr->type && (all ? key == 0 : holder && holder->key == key);
	bool found = false;

	if (take && !type_known(scope_type & 0xf))
		return sl_scsi_bad(r, 2, 3);
	if (!key && !take)
		return sl_scsi_bad_parameter(r, 8, 7);
	for (unsigned i = 0; i < pr->n;) {
		if ((key ? pr->reg[i].key == key : all) && pr->reg[i].nexus != 0) {
			unregister(pr, &pr->reg[i]);
			found = true;
		} else {
			found |= key && pr->reg[i].key == key;
			i++;
		}
	}
	if (!found && !take)
		return SCSI_CONFLICT;
	if (take) {
		pr->type = scope_type & 0xf;
		pr->holder = 0;
	}
	pr->generation++;
	return SCSI_GOOD;
}

uint32_t sl_scsi_pr_out(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_scsi_pr *pr = &m->scsi->pr;
	struct sl_scsi_registrant *g = registered(pr, 0);
	uint8_t sa = r->sqe[1] & 0x1f, scope_type = r->sqe[2];
	uint32_t len = sl_get_be32(r->sqe + 5);
	uint32_t word = len != 24 ? (uint32_t)S_LIST_LENGTH : sl_scsi_need(r, len);

	if (word)
		return word;
	if (r->data[20] & 0x0c) /* SPEC_I_PT, ALL_TG_PT: not kept */
		return sl_scsi_bad_parameter(r, 20, 3);
	if (sa == 0 || sa == 6)
		return do_register(pr, r->data, sa == 6);
	if (!g || g->key != sl_get_be64(r->data))
		return SCSI_CONFLICT;
	switch (sa) {
	case 1:
		return do_reserve(pr, r, scope_type);
	case 2:
		return do_release(pr, scope_type);
	case 3: /* CLEAR */
		pr->n = 0;
		pr->type = 0;
		pr->generation++;
		return SCSI_GOOD;
	default: /* 4 PREEMPT, 5 PREEMPT AND ABORT: there is nothing to abort */
		return do_preempt(pr, r, sl_get_be64(r->data + 8), scope_type);
	}
}

uint32_t sl_scsi_reserve6(struct sl_model *m, struct sl_model_req *r)
{
	(void)r;
	if (m->scsi->pr.n)
		return SCSI_CONFLICT;
	m->scsi->reserved_by = 1;
	return SCSI_GOOD;
}

uint32_t sl_scsi_release6(struct sl_model *m, struct sl_model_req *r)
{
	(void)r;
	if (m->scsi->reserved_by == 1)
		m->scsi->reserved_by = 0;
	return SCSI_GOOD;
}
