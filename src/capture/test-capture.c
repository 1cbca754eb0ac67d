/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every shipped persona, captured and played again, says the same; masked, it does not say who it
 * is. The two personas are also compared as the loader has them, past the code that captured them.
 * Argument: where they are.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "capture/scsi.h"
#include "model/model.h"
#include "model/persona.h"

static void capture(const struct sl_persona *p, struct sl_capture *c)
{
	struct sl_capture_source source = {.call = sl_capture_model_call};
	struct sl_model *m;

	assert(sl_model_new(p, p->seed, &m) == 0);
	source.ctx = m;
	assert(sl_capture_read(c, &source) == 0);
	sl_model_free(m);
}

static struct sl_persona *loaded(json_t *root)
{
	char *text = json_dumps(root, 0), message[1024];
	struct sl_persona *p;
	struct sl_diag d = {0};

	if (sl_persona_parse(text, strlen(text), "captured.json", &p, &d) < 0) {
		fprintf(stderr, "%s\n", sl_diag_str(&d, message, sizeof(message)));
		abort();
	}
	free(text);
	return p;
}

static void same_bytes(const char *name, const char *what, const void *a, const void *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i]) {
			fprintf(stderr, "%s: %s: byte %zu\n", name, what, i);
			abort();
		}
}

static void same_persona(const char *name, const struct sl_persona *a, const struct sl_persona *b,
			 bool effects)
{
	same_bytes(name, "Identify Controller", a->id_ctrl, b->id_ctrl, sizeof(a->id_ctrl));
	same_bytes(name, "SMART", a->smart, b->smart, sizeof(a->smart));
	if (effects)
		same_bytes(name, "effects log", a->effects[0], b->effects[0], 4096);
	if (a->has_effects[2] && b->has_effects[2])
		same_bytes(name, "zoned effects", a->effects[2], b->effects[2], 4096);
	assert(a->n_ns == b->n_ns);
	for (unsigned i = 0; i < a->n_ns; i++) {
		same_bytes(name, "Identify Namespace", a->ns[i].id_ns, b->ns[i].id_ns, 4096);
		assert(a->ns[i].csi == b->ns[i].csi && a->ns[i].zone_size == b->ns[i].zone_size);
		if (a->ns[i].zone_size)
			same_bytes(name, "zones", a->ns[i].id_zns, b->ns[i].id_zns, 4096);
		if (a->ns[i].attached) /* else no command tells it */
			same_bytes(name, "UUID", a->ns[i].uuid, b->ns[i].uuid, 16);
	}
	for (unsigned fid = 0; fid < 256; fid++) {
		const struct sl_persona_feature *x = &a->feature[fid], *y = &b->feature[fid];

		/* The time and the host's name are data: their dword is not told. */
		if (!y->supported || fid == 0x0e || fid == 0x81)
			continue;
		assert(x->supported && x->current == y->current);
		/* ONCS, save and select: else no command tells whose a feature is. */
		if (sl_get_le16(a->id_ctrl + 520) & 1 << 4)
			assert(x->per_namespace == y->per_namespace && x->dflt == y->dflt &&
			       x->changeable == y->changeable && x->saveable == y->saveable);
	}
	assert(a->firmware.active == b->firmware.active);
}

static unsigned bad, units[_SL_WIRE_PROTOCOL_N];

static bool has_bytes(const struct sl_capture *c, const char *text)
{
	size_t n = strlen(text);

	for (unsigned i = 0; i < c->n; i++)
		if (sl_answer_good(c->answer[i]) &&
		    memmem(c->answer[i]->data, c->answer[i]->len, text, n))
			return true;
	return false;
}

/* Once more, and the unit's names are not in it, neither as text nor in hexadecimal. */
static void masked_unit(const char *path, struct sl_capture *c)
{
	static const char *const names[][2] = {
		{"scsi-disk.json", "SLSCSI0001"},
		{"scsi-norsoc.json", "SLOLD00001"},
		{"scsi-sata.json", "SLSATA0001"},
	};
	static const uint8_t page_83[3] = {0x12, 1, 0x83};
	struct sl_capture_label label = {.source = "a test"};
	const struct sl_answer *a = sl_scsi_find(c, page_83, sizeof(page_83));
	uint8_t naa[8] = {0};
	struct sl_diag d = {0};
	char *text;
	unsigned differ;
	json_t *root;

	for (uint32_t at = 4; a && at + 4 <= a->len && !naa[0]; at += 4u + a->data[at + 3])
		if ((a->data[at + 1] & 0xf) == 3 && at + 12 <= a->len)
			memcpy(naa, a->data + at + 4, sizeof(naa));
	for (size_t i = 0; i < SL_COUNT(names); i++)
		assert(strcmp(names[i][0], path) != 0 || has_bytes(c, names[i][1]));
	sl_capture_mask(c);
	for (size_t i = 0; i < SL_COUNT(names); i++)
		assert(!has_bytes(c, names[i][1]));
	assert(sl_capture_persona(c, &label, &root, &differ, &d) == 0 && !differ);
	text = json_dumps(root, 0);
	if (naa[0]) {
		char hex[17];

		for (unsigned i = 0; i < 8; i++)
			(void)snprintf(hex + (size_t)2 * i, 3, "%02x", naa[i]);
		assert(!strstr(text, hex));
	}
	free(text);
	sl_persona_free(loaded(root));
	json_decref(root);
}

/* A unit or a mailbox: the model of the file answers every command as the device did. */
static void unit(const char *path, const struct sl_persona *p)
{
	struct sl_capture_label label = {.source = "a test"};
	struct sl_capture *c = calloc(1, sizeof(*c));
	struct sl_diag d = {0};
	unsigned differ;
	json_t *root;

	assert(c);
	c->protocol = p->protocol;
	capture(p, c);
	if (sl_capture_persona(c, &label, &root, &differ, &d) < 0) {
		fprintf(stderr, "%s: %s\n", path, d.text);
		abort();
	}
	if (differ) {
		json_dumpf(json_object_get(root, "comment"), stderr, JSON_INDENT(1));
		fprintf(stderr, "%s: %u differ\n", path, differ);
	}
	bad += differ;
	units[p->protocol]++;
	json_decref(root);
	if (p->protocol == SL_WIRE_SCSI)
		masked_unit(path, c);
	sl_capture_done(c);
	free(c);
}

static void one(const char *path)
{
	struct sl_capture_label label = {.source = "a test"};
	struct sl_capture *c = calloc(1, sizeof(*c));
	struct sl_persona *p, *again;
	struct sl_diag d = {0};
	bool masked; /* it was captured itself */
	char sn[21], *text;
	unsigned differ;
	json_t *root;

	assert(c && sl_persona_load(path, &p, &d) == 0);
	if (p->protocol != SL_WIRE_NVME) {
		if (p->protocol != SL_WIRE_FWCTL) /* the verb refuses it */
			unit(path, p);
		free(c);
		sl_persona_free(p);
		return;
	}
	capture(p, c);
	if (sl_capture_persona(c, &label, &root, &differ, &d) < 0)
		fprintf(stderr, "%s: %s\n", path, d.text);
	assert(root);
	if (differ) {
		json_dumpf(json_object_get(root, "comment"), stderr, JSON_INDENT(1));
		fprintf(stderr, "%s: %u differ\n", path, differ);
	}
	bad += differ;
	again = loaded(root);
	/* A device with rules may have moved while it was asked. */
	if (!p->n_rules && !p->n_drift)
		same_persona(path, p, again, sl_capture_find(c, 0x02, 0, 0x05, 0) != NULL);
	sl_persona_free(again);
	json_decref(root);

	memcpy(sn, p->id_ctrl + 4, 20);
	sn[20] = 0;
	sn[strcspn(sn, " ")] = 0;
	masked = !strcmp(sn, "MASKED");
	sl_capture_mask(c);
	assert(sl_capture_persona(c, &label, &root, &differ, &d) == 0);
	text = json_dumps(root, 0);
	assert(masked || !strstr(text, sn));
	free(text);
	again = loaded(root);
	assert(!memcmp(again->id_ctrl + 4, "MASKED ", 7));
	for (unsigned i = 0; i < p->n_ns; i++) {
		static const uint8_t none[16];

		assert(masked || !memcmp(p->ns[i].nguid, none, 16) ||
		       memcmp(p->ns[i].nguid, again->ns[i].nguid, 16) != 0);
	}
	sl_persona_free(again);
	json_decref(root);
	sl_capture_done(c);
	free(c);
	sl_persona_free(p);
}

static unsigned folder(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *e;
	char path[600];
	unsigned n = 0;

	assert(dir);
	while ((e = readdir(dir)) != NULL) {
		if (!strstr(e->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, e->d_name);
		one(path);
		n++;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	assert(argc == 2 && chdir(argv[1]) == 0);
	assert(folder(".") > 0 && folder("honest") > 0 && folder("liars") > 0 &&
	       folder("liars-scsi") > 0 && folder("liars-cxl") > 0);
	assert(!bad && units[SL_WIRE_SCSI] >= 5 && units[SL_WIRE_CXL] >= 5);
	return 0;
}
