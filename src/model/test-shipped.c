/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every shipped persona keeps its word: what its effects log declares exists, what it does not
 * declare does not, and each log that it lists can be read. Argument: where they are.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "model/test-device.h"

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

static bool vendor(const struct sl_persona *p, uint8_t queue, unsigned opc)
{
	for (unsigned i = 0; i < p->n_vendor; i++)
		if (p->vendor[i].match.queue & queue && p->vendor[i].match.opcode[opc])
			return true;
	return false;
}

/* A device as new, of the same persona. */
static void renew(struct test_device *d)
{
	sl_model_free(d->m);
	assert(sl_model_new(d->p, d->p->seed, &d->m) == 0);
}

/* Sends an opcode with nothing but zeroes: all that matters is whether there is such a command. */
static void opcode(struct test_device *d, uint8_t queue, unsigned opc, uint32_t nsid,
		   bool implemented)
{
	bool known;

	renew(d);
	known = test_run(d, queue, (uint8_t)opc, nsid, SL_DIR_NONE, 0, 0, NULL) != 0x01;
	sl_model_cancel(d->m, d);
	if (d->p->quirks & SL_QUIRK_IMPLEMENTS_UNLISTED && known)
		return;
	if (known != (implemented || vendor(d->p, queue, opc)))
		fprintf(stderr, "%s: queue %u opcode %02x: implemented %d, known %d\n", d->p->name,
			queue, opc, implemented, known);
	assert(known == (implemented || vendor(d->p, queue, opc)));
}

static void commands(const char *path)
{
	struct test_device *d = load(path);

	for (unsigned opc = 0; opc < 256; opc++)
		opcode(d, SL_WIRE_NVME_ADMIN, opc, 0, d->p->admin[opc]);
	for (unsigned i = 0; i < d->p->n_ns; i++)
		for (unsigned opc = 0; d->p->ns[i].attached && opc < 256; opc++)
			opcode(d, SL_WIRE_NVME_IO, opc, d->p->ns[i].nsid,
			       d->p->io[d->p->ns[i].csi][opc]);
	test_device_free(d);
}

static void logs(const char *path)
{
	struct test_device *d = load(path);
	uint32_t zoned = 0;

	for (unsigned i = 0; i < d->p->n_ns; i++)
		if (d->p->ns[i].csi == 2)
			zoned = d->p->ns[i].nsid;
	for (unsigned lid = 0; lid < 256 && d->p->admin[2]; lid++) {
		uint32_t lsp = lid == 0x0d ? 1 << 8 : 0, lsi = lid == 0x09 ? 1 << 16 : 0;
		uint16_t s = ADMIN(d, 2, lid == 0xbf ? zoned : 0xffffffff, SL_DIR_IN, 512,
				   lid | lsp | 127 << 16, lsi);
		bool refused = (lid == 0x00 && d->p->quirks & SL_QUIRK_SUPPORTED_LOGS_MISSING) ||
			       (lid == 0x05 && d->p->quirks & SL_QUIRK_EFFECTS_LOG_MISSING) ||
			       (lid == 0x12 && d->p->quirks & SL_QUIRK_FEATURE_EFFECTS_MISSING);

		if (d->p->log_supported[lid] && !refused && s != 0)
			fprintf(stderr, "%s: log %02x: status %03x\n", path, lid, s);
		assert((s == 0) == (d->p->log_supported[lid] && !refused));
	}
	test_device_free(d);
}

/* What only reads leaves no trace on a device without rules; a refused command is in its error log.
 */
static void reading(const char *path)
{
	struct test_device *d = load(path);
	uint64_t before, after;
	uint8_t hash[32];

	assert(sl_model_get(d->m, "errors.count", &before) == 0);
	sl_model_hash(d->m, hash);
	for (unsigned fid = 1; fid < 256; fid++)
		if (d->p->feature[fid].supported)
			assert(ADMIN(d, 0x0a, d->p->feature[fid].per_namespace ? 1 : 0, SL_DIR_IN,
				     4096, fid) == 0);
	test_identify(d, 0, 1);
	for (unsigned i = 0; i < d->p->n_ns; i++)
		test_identify(d, d->p->ns[i].nsid, 0);
	test_log(d, 2, true, 512, 0);
	assert(sl_model_get(d->m, "errors.count", &after) == 0 && after == before);
	if (!d->p->n_rules && !d->p->n_drift)
		assert(test_unchanged(d, hash));
	test_device_free(d);
}

static bool nvme(const char *path)
{
	struct sl_persona_summary s;

	assert(sl_persona_summary(path, &s, NULL) == 0);
	return s.protocol == SL_WIRE_NVME;
}

int main(int argc, char **argv)
{
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	assert(argc == 2 && chdir(argv[1]) == 0);
	dir = opendir(".");
	assert(dir);
	while ((e = readdir(dir)) != NULL) {
		if (!strstr(e->d_name, ".json") || !nvme(e->d_name))
			continue;
		commands(e->d_name);
		logs(e->d_name);
		reading(e->d_name);
		n++;
	}
	closedir(dir);
	assert(n > 0);
	return 0;
}
