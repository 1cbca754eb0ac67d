/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/vectors/nvme-facts.tsv against the core: what each request is, why it is not comprehended,
 * the effects it is judged by and the bytes it moves; and that every row of the tables has a
 * vector. What carries a command is "the row with the row inside". With arguments, prints the line
 * of a request: test-vectors QUEUE HEX DATA-BYTES [PAYLOAD-HEX].
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/table.h"
#include "core/test-device.h"
#include "spec/names.h"
#include "wire/wire.h"

static struct sl_contract contract;
static uint8_t payload[2 << 20];

static const char *const reasons[] = {
#define REASON(id, text) #id,
#include "spec/reasons.def"
};

/* Hex digits into buf, the rest zero; false: not hex, or too much. */
static bool unhex(const char *text, uint8_t *buf, size_t size)
{
	size_t len = strlen(text);

	memset(buf, 0, size);
	if (len % 2 || len / 2 > size)
		return false;
	for (size_t i = 0; i < len / 2; i++) {
		unsigned v;

		if (sscanf(text + 2 * i, "%2x", &v) != 1)
			return false;
		buf[i] = (uint8_t)v;
	}
	return true;
}

static void effect_names(sl_effects e, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	if (!e)
		snprintf(buf, size, "none");
	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (e & 1u << i)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? "," : "",
					       sl_effect_name(i));
}

/* "admin", "io", or the set that the device's type makes of the queue: "scsi.mmc", "cxl" … */
static uint8_t set_of(const char *queue)
{
	if (!strcmp(queue, "admin"))
		return SL_SET_NVME_ADMIN;
	for (uint8_t i = 0; i < _SL_SET_N; i++)
		if (!strcmp(queue, sl_set_name(i)))
			return i;
	assert(!strcmp(queue, "io"));
	return SL_SET_NVME_IO;
}

/* The four columns that are facts, as the file writes them. */
static uint16_t judge(const char *queue, const char *hex, const char *data_len, const char *bytes,
		      char *ret_line, size_t size)
{
	struct sl_command cmd = {.req_len = (uint16_t)(strlen(hex) / 2)};
	struct sl_facts f, inside;
	struct sl_command carried;
	const uint8_t *data;
	char effects[512], length[16];

	cmd.set = set_of(queue);
	test_contract(&contract);
	contract.type = sl_sets[cmd.set].type;
	cmd.set = sl_sets[cmd.set].asked;
	assert(unhex(hex, cmd.req, sizeof(cmd.req)));
	assert(unhex(bytes, payload, sizeof(payload)));
	cmd.data_len = (uint32_t)strtoul(data_len, 0, 10);
	assert(cmd.data_len <= sizeof(payload));
	if (sl_sets[cmd.set].protocol == SL_WIRE_NVME) /* zeros at the end are left out */
		cmd.req_len = SL_REQ_MAX;
	cmd.dir = bytes[0] ? SL_DIR_OUT : SL_DIR_IN; /* where nothing else says it */
	sl_command_resolve(&contract, &cmd);
	cmd.dir = cmd.data_len ? sl_command_dir(&cmd) : SL_DIR_NONE;
	sl_facts_collect(&contract, &cmd, cmd.dir & SL_DIR_OUT ? payload : 0, &f);
	snprintf(length, sizeof(length), f.length_known ? "%u" : "-", f.length);
	if (f.reason == SL_REASON_ALLOWED && (sl_rows[f.row].flags & SL_ROW_CARRIER)) {
		if (sl_facts_carried(&contract, &cmd, cmd.dir & SL_DIR_OUT ? payload : 0, &f,
				     &carried, &data)) {
			sl_facts_collect(&contract, &carried, data, &inside);
			sl_facts_join(&f, &inside);
			f.reason = inside.reason;
		} else {
			f.effective |= SL_E_UNKNOWN;
			f.reason = SL_REASON_CARRIED;
		}
	}
	effect_names(f.effective, effects, sizeof(effects));
	snprintf(ret_line, size, "%s%s%s\t%s\t%s\t%s", sl_rows[f.row].name,
		 f.carried ? " with " : "", f.carried ? sl_rows[f.carried].name : "",
		 reasons[f.reason], effects, length);
	return f.row;
}

static bool *seen;

/* Every line of one file; returns how many are wrong. */
static unsigned check(const char *path)
{
	static char line[8192], got[2048], want[2048];
	unsigned number = 0, failed = 0;
	FILE *file = fopen(path, "r");

	assert(file);
	while (fgets(line, sizeof(line), file)) {
		char *col[8] = {0}, *at = line;
		unsigned n = 0;

		number++;
		line[strcspn(line, "\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		while (n < 8 && at)
			col[n++] = strsep(&at, "\t");
		if (n < 7) {
			fprintf(stderr, "%s:%u: seven columns expected\n", path, number);
			failed++;
			continue;
		}
		snprintf(want, sizeof(want), "%s\t%s\t%s\t%s", col[3], col[4], col[5], col[6]);
		seen[judge(col[0], col[1], col[2], col[7] ? col[7] : "", got, sizeof(got))] = true;
		if (strcmp(got, want)) {
			fprintf(stderr, "%s:%u: want %s\n\tgot  %s\n", path, number, want, got);
			failed++;
		}
	}
	fclose(file);
	return failed;
}

int main(int argc, char **argv)
{
	static char got[2048];
	unsigned failed = 0;

	seen = calloc(sl_row_count, sizeof(*seen));
	assert(seen && argc >= 2);
	if (!strchr(argv[1], '/')) {
		judge(argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "", got, sizeof(got));
		printf("%s\t%s\t%s\t%s\t%s\n", argv[1], argv[2], argv[3], got,
		       argc > 4 ? argv[4] : "");
		return 0;
	}
	for (int i = 1; i < argc; i++)
		failed += check(argv[i]);
	/* Row SL_SET_NONE is of no queue: no request can be it. */
	for (uint32_t i = 1; i < sl_row_count; i++) {
		if (seen[i])
			continue;
		fprintf(stderr, "no vector for %s\n", sl_rows[i].name);
		failed++;
	}
	free(seen);
	return failed ? 1 : 0;
}
