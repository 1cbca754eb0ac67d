/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report rests on: the bytes of a finding, the matrix of commands and effects, what was
 * covered. Usage: test-report PERSONAS.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/tally.h"
#include "observe/verify.h"

static void verify(const char *dir, const char *persona, unsigned seconds, struct sl_verdicts *ret)
{
	const struct sl_verify_options o = {.perturb = true, .seconds = seconds};
	struct sl_diag d = {0};
	struct sl_rig *rig;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.json", dir, persona);
	assert(sl_rig_model(path, &rig, &d) == 0);
	assert(sl_verify(rig, persona, &o, ret, &d) == 0);
	sl_rig_close(rig);
}

static const struct sl_breach *breach_by(const struct sl_verdicts *v, unsigned id, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].id == id && strstr(v->v[i].command, name))
			return &v->v[i];
	return NULL;
}

static const struct sl_tally *tally(const struct sl_verdicts *v, const char *name)
{
	for (size_t i = 0; i < v->n_tallies; i++)
		if (strcmp(v->tally[i].name, name) == 0)
			return &v->tally[i];
	abort();
}

/* QEMU's Format changes the block format and declares that it changes data. */
static void test_qemu(const char *dir)
{
	const struct sl_breach *b;
	const struct sl_exhibit *x;
	const struct sl_tally *t;
	struct sl_verdicts v;
	struct sl_field_count f;
	uint32_t start, len;
	char name[64];

	verify(dir, "qemu", 0, &v);
	b = breach_by(&v, SL_BREACH_UNDERDECLARED, "format-nvm.no-erase");
	assert(b && b->n_evidence);
	x = b->evidence[0].exhibit;
	assert(x && x->facet == SL_FACET_ID_NS && x->of == 4096 && x->len == 4096 && !x->from);
	assert(x->was[26] == 0 && x->is[26] == 1 && memcmp(x->was, x->is, 26) == 0);
	assert(strcmp(sl_exhibit_field(x, 26, name, &start, &len), "FLBAS") == 0);
	assert(start == 26 && len == 1);
	assert(strcmp(sl_exhibit_field(x, 3000, name, &start, &len), "") == 0 && len == 8);
	assert(b->at >= 0 && b->at_command > 0 && b->at_command < v.commands && b->phase == 0);

	t = tally(&v, "nvme.admin.format-nvm.no-erase");
	assert(t->declared == SL_E_DATA && t->floor & SL_E_CAPABILITY);
	assert(t->against & SL_E_CAPABILITY && !(t->against & t->declared));
	t = tally(&v, "nvme.nvm.write");
	assert(t->seen == SL_E_DATA && !t->against && t->sent > 1000 && t->turned);
	t = tally(&v, "nvme.nvm.read");
	assert(!t->seen && !t->against && t->done);
	/* What is written, and what is not, adds up. */
	assert(v.entries > 20 && v.covered + v.n_gaps == v.entries && v.covered > 10);
	for (size_t i = 0; i < v.n_gaps; i++)
		assert(v.gap[i].what[0] && v.gap[i].why[0]);
	sl_tally_fields(&v, &f);
	assert(f.turned && f.all == f.turned + f.fixed + f.refused + f.caught + f.waiting);
	sl_verdicts_done(&v);
}

/* A block that is not as written: what was, and what is there instead. */
static void test_stored(const char *dir)
{
	const struct sl_breach *b;
	const struct sl_exhibit *x;
	struct sl_verdicts v;
	uint32_t start, len;
	char name[64];

	verify(dir, "liars/not-stored", 0, &v);
	b = breach_by(&v, SL_BREACH_NOT_STORED, "nvme.nvm.write");
	assert(b && b->n_evidence);
	x = b->evidence[0].exhibit;
	assert(x && x->kind == SL_EXHIBIT_STORED && x->len == x->block && x->block >= 512);
	assert(memcmp(x->was, x->is, x->len) != 0);
	assert(strncmp(sl_exhibit_field(x, 5, name, &start, &len), "block ", 6) == 0);
	assert(start == 0 && len == x->block);
	sl_verdicts_done(&v);
}

/* Nothing that was found is lost when the time is up, and what was left out is told. */
static void test_cut(const char *dir)
{
	struct sl_verdicts v;
	struct sl_field_count f;
	bool cut = false;

	verify(dir, "default", 1, &v);
	for (unsigned i = 0; i < v.n_phases; i++)
		cut |= v.phase[i].cut;
	assert(cut);
	assert(v.covered + v.n_gaps == v.entries);
	sl_tally_fields(&v, &f);
	assert(f.all == f.turned + f.fixed + f.refused + f.caught + f.waiting);
	sl_verdicts_done(&v);
}

static void test_exhibit(void)
{
	static uint8_t was[8192], is[8192];
	struct sl_probe p = {.facet = SL_FACET_EFFECTS, .name = "log 05h"};
	struct sl_change c = {.probe = &p, .at = 6000, .len = 4, .old_bytes = was, .new_bytes = is};
	static struct sl_exhibit x;
	uint32_t start, len;
	char name[64];

	p.cmd.data_len = sizeof(was);
	is[6000] = 7;
	sl_exhibit_fill(&x, &c);
	assert(x.from == (6000 & ~15u) && x.len == sizeof(was) - x.from && x.of == sizeof(was));
	assert(x.is[6000 - x.from] == 7 && x.was[6000 - x.from] == 0);
	/* The word of admin opcode 80h, and of I/O opcode 01h. */
	assert(strcmp(sl_exhibit_field(&x, 4 * 0x80 + 1, name, &start, &len), "admin opcode 80h") ==
	       0);
	assert(start == 4 * 0x80 && len == 4);
	assert(strcmp(sl_exhibit_field(&x, 1024 + 4, name, &start, &len), "I/O opcode 01h") == 0);
}

int main(int argc, char **argv)
{
	assert(argc == 2);
	test_exhibit();
	test_qemu(argv[1]);
	test_stored(argv[1]);
	test_cut(argv[1]);
	return 0;
}
