/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every shipped SCSI persona keeps its word: what it lists exists, what it does not list does not,
 * and an honest one has a usage map for each command. Arguments: folders of personas.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/scsi/test-lu.h"

static struct test_device *load(const char *path)
{
	struct test_device *d = calloc(1, sizeof(*d));
	struct sl_diag diag;
	char text[1024];

	assert(d);
	if (sl_persona_load(path, &d->p, &diag) < 0) {
		fprintf(stderr, "%s\n", sl_diag_str(&diag, text, sizeof(text)));
		abort();
	}
	assert(sl_model_new(d->p, d->p->seed, &d->m) == 0);
	return d;
}

static bool vendor(const struct sl_persona *p, unsigned opcode)
{
	for (unsigned i = 0; i < p->n_vendor; i++)
		if (p->vendor[i].match.opcode[opcode])
			return true;
	return false;
}

/* A CDB of zeroes, on a device as new: all that matters is whether there is such a command. */
static void opcodes(struct test_device *d)
{
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		uint8_t cdb[16] = {(uint8_t)opcode};
		bool works = vendor(d->p, opcode);
		uint32_t word;

		for (unsigned i = 0; i < d->p->scsi->n_commands; i++)
			works |= d->p->scsi->commands[i].opcode == opcode &&
				 d->p->scsi->commands[i].works &&
				 sl_scsi_row_find(d->p->scsi->kind, (uint8_t)opcode,
						  d->p->scsi->commands[i].sa);
		sl_model_free(d->m);
		assert(sl_model_new(d->p, d->p->seed, &d->m) == 0);
		word = test_cdb(d, SL_DIR_NONE, 0, 16, cdb);
		sl_model_cancel(d->m, d);
		if (d->p->scsi->quirks & SL_SCSI_IMPLEMENTS_UNLISTED)
			continue;
		if (!d->p->honest && vendor(d->p, opcode)) /* a rule may hide it */
			continue;
		if ((word != S_OPCODE) != works)
			fprintf(stderr, "%s: opcode %02x: works %d, word %06x\n", d->p->name,
				opcode, works, word);
		assert((word != S_OPCODE) == works);
	}
}

/* The list of the device is the persona's, and each command in it has its one-command form. */
static void contract(struct test_device *d)
{
	const struct sl_persona_scsi *s = d->p->scsi;
	uint32_t word = CDB(d, IN, 4096, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0), n;
	uint8_t list[4096];

	if (s->quirks & SL_SCSI_RSOC_REFUSED || s->kind == SCSI_CD) {
		assert(word == S_OPCODE || word == S_FIELD);
		return;
	}
	assert(word == 0);
	memcpy(list, d->data, sizeof(list));
	n = sl_get_be32(list) / 8;
	for (uint32_t i = 0; i < n && d->p->honest; i++) {
		const uint8_t *e = list + 4 + 8 * i;
		uint8_t how = e[5] & 1 ? 2 : 1;

		assert(CDB(d, IN, 64, 0xa3, 0x0c, how, e[0], e[2], e[3], 0, 0, 0, 64, 0, 0) == 0);
		assert((d->data[1] & 7) >= 3 && d->data[3] == e[7] && d->data[4] == e[0]);
	}
}

/* Looking leaves no trace on a device without rules. */
static void reading(struct test_device *d)
{
	uint8_t before[32], after[32];

	sl_model_free(d->m);
	assert(sl_model_new(d->p, d->p->seed, &d->m) == 0);
	sl_model_hash(d->m, before);
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0);
	for (unsigned page = 0; page < 256; page++)
		(void)CDB(d, IN, 4096, 0x12, 1, (uint8_t)page, 0x10, 0, 0);
	for (unsigned page = 0; page < 256; page++) {
		(void)CDB(d, IN, 4096, 0x5a, 0, (uint8_t)page, 0xff, 0, 0, 0, 0x10, 0, 0);
		(void)CDB(d, IN, 4096, 0x4d, 0, (uint8_t)page, 0, 0, 0, 0, 0x10, 0, 0);
	}
	(void)CDB(d, IN, 4096, 0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0);
	sl_model_hash(d->m, after);
	assert(d->p->n_rules || d->p->n_drift || !memcmp(before, after, 32));
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *e;

		assert(dir);
		while ((e = readdir(dir)) != NULL) {
			struct sl_persona_summary s;
			struct test_device *d;
			char path[1024];

			if (!strstr(e->d_name, ".json"))
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			assert(sl_persona_summary(path, &s, NULL) == 0);
			if (s.protocol != SL_WIRE_SCSI)
				continue;
			d = load(path);
			opcodes(d);
			contract(d);
			reading(d);
			test_device_free(d);
			n++;
		}
		closedir(dir);
	}
	assert(n > 0);
	return 0;
}
