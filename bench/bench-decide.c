/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs, beside the bare chain of dependent loads that it cannot do without, with
 * ten rules and with ten thousand. Also: the time to compile ten thousand rules, and that a
 * decision allocates nothing (the core has no allocator to call: tools/check-imports).
 *
 * usage: bench-decide [policy file]
 */
#include <string.h>

#include "base/bytes.h"
#include "core/decide.h"
#include "policy/policy.h"
#include "stats.h"

#define SAMPLES 4000
#define BATCH	64 /* a clock read costs as much as a decision: time this many at once */

/*
 * Loads that depend on one another in a judgement of Get Log Page under a policy with one rule for
 * it: opcode map, selector map, row, format mask, contract hash slot, namespace or entry, section
 * index, page, list, candidate, rule, condition, condition field: 13, in the working set's own
 * cache lines.
 */
#define LOADS 13

static struct sl_contract contract = {.generation = 1, .state = SL_CONTRACT_PRESENT};

static void *compile(const char *name, const char *text, size_t len, double *ret_s)
{
	struct sl_policy_messages msgs = {0};
	struct sl_policy *p = NULL;
	uint64_t t = bench_now();
	void *image = NULL;
	size_t size;

	if (sl_policy_parse(name, text, len, &msgs, &p) < 0 ||
	    sl_policy_compile(p, &msgs, &image, &size) < 0) {
		sl_policy_messages_print(&msgs, stderr);
		exit(1);
	}
	*ret_s = (double)(bench_now() - t) / 1e9;
	(void)sl_policy_free(p);
	return image;
}

/* `n` rules that matter to others, and one that is asked. */
static char *many_rules(unsigned n, size_t *ret_len)
{
	size_t size = 400 + 160 * (size_t)n, at = 0;
	char *s = malloc(size);

	if (!s)
		exit(1);
	at += (size_t)snprintf(s + at, size - at, "policy \"bench\" version 1\n");
	for (unsigned i = 1; i < n; i++)
		at += (size_t)snprintf(s + at, size - at,
				       "allow uid %u: nvme.admin.get-log-page.* where lpo >= %u\n",
				       100000 + i, i);
	at += (size_t)snprintf(s + at, size - at,
			       "allow uid 0: nvme.admin.get-log-page where lid in {1, 2, 3}\n"
			       "allow uid 0: scsi.spc.log-sense where page-code in {0, 13, 47}\n"
			       "allow uid 0: cxl.get-health-info where out-length <= 4096\n");
	*ret_len = at;
	return s;
}

/* One question of a health agent per protocol: SMART, a log page, health. */
static const struct sl_command smart = {
	.set = SL_SET_NVME_ADMIN,
	.dir = SL_DIR_IN,
	.req_len = 64,
	.data_len = 512,
	.req = {0x02, [4] = 0xff, 0xff, 0xff, 0xff, [40] = 0x02, 0x80, 127},
};
static const struct sl_command log_sense = {
	.set = SL_SET_SCSI,
	.dir = SL_DIR_IN,
	.req_len = 10,
	.data_len = 255,
	.req = {0x4d, 0, 0x40 | 0x2f, [8] = 255},
};
static const struct sl_command cxl_health = {
	.set = SL_SET_CXL,
	.dir = SL_DIR_IN,
	.req_len = SL_MBOX_REQ_LEN,
	.data_len = 256,
	.req = {0x42, 0x00, [9] = 1},
};

/* Both are listed by their devices, the CDB with the bits that are looked at. */
static void declare(void)
{
	struct sl_entry *e = sl_contract_add(&contract, sl_key(SL_SET_SCSI_SBC, 0x4d, SL_SEL_ANY));

	memset(contract.usage[0], 0xff, SL_CDB_MAX);
	contract.n_usage = 1;
	e->usage = 1;
	e->source = SL_SOURCE_RSOC;
	e->flags |= SL_ENTRY_SUPPORTED | SL_ENTRY_NO_EFFECTS;
	e = sl_contract_add(&contract, sl_key(SL_SET_CXL, 0x42, 0x00));
	e->source = SL_SOURCE_CEL;
	e->flags |= SL_ENTRY_SUPPORTED;
	contract.n_ns = 1;
	contract.ns[0] = (struct sl_ns){.nsid = 1, .lba_shift = 9, .blocks = 1 << 20};
}

static void measure(const char *name, const void *image, const struct sl_command *cmd, uint64_t *v)
{
	const struct sl_image *img = image;
	struct sl_identity root = {.known = 1};
	struct sl_command c = *cmd;
	struct sl_verdict verdict;
	struct sl_bind bind;

	if (sl_image_bind(img, &root, &contract, "bench", sl_sets[c.set].protocol, &bind) < 0)
		exit(1);
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t t = bench_now();

		for (unsigned k = 0; k < BATCH; k++)
			sl_judge(img, &bind, &contract, &c, NULL, 0, &verdict);
		c.set = cmd->set;
		v[i] = bench_now() - t;
		if (!verdict.allow) {
			fprintf(stderr, "bench-decide: %s was denied: %s\n", name,
				sl_reason_text(verdict.reason));
			exit(1);
		}
	}
	bench_print(name, v, SAMPLES, BATCH);
}

/* A chain through memory of about the decision's footprint, that no compiler can shorten. */
static void floor_loads(uint64_t *v)
{
	static volatile uint32_t next[16384];
	uint32_t at = 0;

	for (uint32_t i = 0; i < 16384; i++)
		next[i] = (i + 1031) % 16384;
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t t = bench_now();

		/* Each judgement starts at the same place, as the tables do. */
		for (unsigned k = 0; k < BATCH; k++) {
			at &= 15;
			for (unsigned n = 0; n < LOADS; n++)
				at = next[at];
		}
		v[i] = bench_now() - t;
	}
	bench_print("dependent-loads", v, SAMPLES, BATCH);
}

int main(void)
{
	uint64_t *v = calloc(SAMPLES, sizeof(*v));
	double few_s, many_s;
	char *few_text, *many_text;
	size_t few_len, many_len;
	void *few, *many;

	if (!v)
		return 1;
	few_text = many_rules(10, &few_len);
	many_text = many_rules(10000, &many_len);
	few = compile("ten", few_text, few_len, &few_s);
	many = compile("ten-thousand", many_text, many_len, &many_s);
	floor_loads(v);
	declare();
	measure("decide-10-rules", few, &smart, v);
	measure("decide-10000-rules", many, &smart, v);
	measure("decide-scsi", few, &log_sense, v);
	measure("decide-cxl", few, &cxl_health, v);
	floor_loads(v);
	measure("decide-10-rules-again", few, &smart, v);
	printf("compile-10000-rules-seconds\t%.3f\t%.3f\n", many_s, many_s);
	free(few_text);
	free(many_text);
	free(few);
	free(many);
	free(v);
	return 0;
}
