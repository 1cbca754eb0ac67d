/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shipped policies allow of the plain form of every command, and nothing else: one line of
 * tests/vectors/policy.tsv is policy, client, command. A new row of the command tables that a
 * shipped policy lets through shows up here. With --write the file is written anew.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "policy/policy.h"
#include "spec/names.h"
#include "wire/wire.h"

#undef NDEBUG
#include <assert.h>

static const char *const policies[] = {"health", "read-only", "vendor-support", "tenant",
				       "admin",	 "linux-6.1", "linux-6.12",	"linux-2026"};

static const struct {
	const char *name;
	struct sl_identity who;
} clients[] = {
	{"root", {.uid = 0, .known = 1}},
	{"uid 1000", {.uid = 1000, .known = 1}},
	{"tenant-1", {.uid = 1000, .known = 1, .label = "tenant-1"}},
	{"unknown", {.known = 0}},
};

static struct sl_contract contract;

/* Enough for every field of the payload to be there: all zeros, but one unit where it names a
 * range. */
static uint32_t payload_of(const struct sl_row *r)
{
	const struct sl_format *f = &sl_formats[r->format];
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_fields; i++) {
		const struct sl_field *x = &f->fields[i].field;

		if (x->space == SL_SPACE_DATA && (uint32_t)x->off + x->bytes > n)
			n = (uint32_t)x->off + x->bytes;
	}
	return n;
}

/* As a plain tool would send it: namespace 1 or none, every other field zero, the buffer that fits.
 */
static void plain(uint16_t row, struct sl_command *cmd)
{
	const struct sl_row *r = &sl_rows[row];
	struct sl_command resolved;
	struct sl_field sel;
	struct sl_facts f;

	memset(cmd, 0, sizeof(*cmd));
	cmd->set = sl_sets[r->set].asked;
	cmd->req_len = (uint16_t)sl_formats[r->format].req_len;
	contract.type = sl_sets[r->set].type;
	cmd->req[0] = (uint8_t)r->op_lo;
	if (!sl_sets[r->set].lu && !(r->flags & SL_ROW_NSID_NONE))
		cmd->req[4] = r->set == SL_SET_NVME_ZNS ? 2 : r->set == SL_SET_NVME_KV ? 3 : 1;
	if (sl_row_selector(row, &sel))
		sl_field_set(&sel, cmd->req, r->sel_lo);
	if (r->len == SL_LEN_SIZE && sl_formats[r->format].size.space == SL_SPACE_REQ)
		sl_field_set(&sl_formats[r->format].size, cmd->req, payload_of(r));
	if (r->len == SL_LEN_MBOX || r->len == SL_LEN_MBOX_MIN)
		sl_put_le32(cmd->req + SL_MBOX_IN_LEN, r->len_arg);
	cmd->writable = 1;
	resolved = *cmd;
	resolved.dir = r->dir;
	sl_command_resolve(&contract, &resolved);
	cmd->dir = sl_command_dir(&resolved);
	sl_facts_collect(&contract, &resolved, NULL, &f);
	cmd->data_len = f.length < 4096 ? f.length : 4096;
	if (!cmd->data_len)
		cmd->dir = SL_DIR_NONE;
}

static void one(const char *dir, const char *name, FILE *out)
{
	static struct sl_policy_messages msgs;
	static uint8_t data[4096];
	struct sl_policy *policy;
	char path[4096];
	void *image;
	size_t image_size;

	(void)snprintf(path, sizeof(path), "%s/%s.policy", dir, name);
	assert(sl_policy_load(path, &msgs, &policy) == 0);
	assert(sl_policy_compile(policy, &msgs, &image, &image_size) == 0);
	for (unsigned c = 0; c < SL_COUNT(clients); c++) {
		struct sl_bind bind[_SL_WIRE_PROTOCOL_N];

		for (uint32_t p = SL_WIRE_NVME; p < _SL_WIRE_PROTOCOL_N; p++)
			assert(sl_image_bind(image, &clients[c].who, &contract, "device", p,
					     &bind[p]) == 0);
		for (uint32_t row = _SL_SET_N; row < sl_row_count; row++) {
			struct sl_command cmd, again;
			struct sl_verdict fast, slow;
			const uint32_t protocol = sl_sets[sl_rows[row].set].protocol;
			const struct sl_policy_device device = {"device", protocol};
			const uint8_t *payload;

			const struct sl_field *size = &sl_formats[sl_rows[row].format].size;

			memset(data, 0, sizeof(data));
			if (size->bytes && size->space == SL_SPACE_DATA)
				sl_field_set(size, data, 1); /* a range of none is no range */
			plain((uint16_t)row, &cmd);
			again = cmd;
			payload = cmd.dir & SL_DIR_OUT ? data : NULL;
			sl_judge(image, &bind[protocol], &contract, &cmd, payload, 0, &fast);
			sl_slow_judge(policy, &clients[c].who, &device, &contract, &again, payload,
				      0, &slow);
			assert(fast.allow == slow.allow && fast.reason == slow.reason);
			if (fast.allow)
				(void)fprintf(out, "%s\t%s\t%s\n", name, clients[c].name,
					      sl_rows[row].name);
		}
	}
	free(image);
	(void)sl_policy_free(policy);
}

int main(int argc, char **argv)
{
	FILE *out, *want;
	char got[256], line[256];
	unsigned n = 0;

	assert(argc == 3 || (argc == 4 && strcmp(argv[3], "--write") == 0));
	contract.generation = 1;
	contract.max_transfer = UINT32_MAX;
	contract.n_features = 1; /* of which the UUID is all zeros too */
	contract.features[0] = (struct sl_feature){.flags = 1, .set_size = 16};
	contract.n_ns = 3;
	for (uint32_t i = 0; i < 3; i++)
		contract.ns[i] = (struct sl_ns){.nsid = i + 1,
						.csi = (uint8_t)(i == 1	  ? 2
								 : i == 2 ? 1
									  : 0),
						.lba_shift = 9,
						.blocks = 1u << 20};
	out = argc == 4 ? fopen(argv[2], "we") : tmpfile();
	assert(out);
	for (unsigned i = 0; i < SL_COUNT(policies); i++)
		one(argv[1], policies[i], out);
	if (argc == 4)
		return fclose(out) != 0;
	rewind(out);
	want = fopen(argv[2], "re");
	assert(want);
	for (;; n++) {
		const char *a = fgets(line, sizeof(line), want), *b = fgets(got, sizeof(got), out);

		if (!a && !b)
			break;
		if (!a || !b || strcmp(a, b) != 0) {
			(void)fprintf(stderr, "%s:%u: expected %sgot %s", argv[2], n + 1,
				      a ? a : "the end\n", b ? b : "the end\n");
			return 1;
		}
	}
	assert(n > 500);
	return 0;
}
