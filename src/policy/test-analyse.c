/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analyses agree with brute force: a representative decides as every value it stands for, and
 * an answer about Get Log Page is what trying every form of it says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-nvme.h"
#include "core/table.h"
#include "policy/analyse.h"
#include "policy/bits.h"
#include "policy/domain.h"
#include "policy/random.h"
#include "spec/names.h"
#include "wire/wire.h"

#undef NDEBUG
#include <assert.h>

struct compiled {
	struct sl_policy *policy;
	void *image;
};

static bool compile(const char *text, struct compiled *ret)
{
	static struct sl_policy_messages msgs;
	size_t size;

	memset(&msgs, 0, sizeof(msgs));
	if (sl_policy_parse("random", text, strlen(text), &msgs, &ret->policy) < 0)
		return false;
	if (sl_policy_compile(ret->policy, &msgs, &ret->image, &size) == 0)
		return true;
	ret->policy = sl_policy_free(ret->policy);
	return false;
}

static void done(struct compiled *c)
{
	free(c->image);
	c->policy = sl_policy_free(c->policy);
}

/* --- representatives ----------------------------------------------------------------------- */

static unsigned long long tried[_SL_WIRE_PROTOCOL_N];

/* Does what the contract is keyed by, or what a length is, hang on it? Then it stays. */
static bool fixed(const struct sl_domain *d, const struct sl_field *f)
{
	const struct sl_field opcode = {.bytes = 1, .width = 8};
	const struct sl_row *row = &sl_rows[d->row];
	struct sl_field sel;

	if (sl_bits_meet(f, &opcode) || (sl_row_selector(d->row, &sel) && sl_bits_meet(f, &sel)))
		return true;
	if (sl_sets[row->set].protocol == SL_WIRE_NVME)
		return f->off < 8 || ((row->flags & SL_ROW_VENDOR) && f->off == 40);
	if (f->space == SL_SPACE_DATA)
		return (row->flags & SL_ROW_FEATURE) && f->off < 16;
	/* The command within its set, and how long its payload is. */
	return sl_sets[row->set].protocol != SL_WIRE_SCSI &&
	       (f->off < 4 || f->off == SL_MBOX_IN_LEN);
}

static bool covered(const struct sl_domain *d, const struct sl_field *f)
{
	for (uint32_t i = 0; i < d->n_vars; i++)
		if (d->var[i].kind == SL_VAR_FIELD && sl_bits_meet(f, &d->var[i].field))
			return true;
	return fixed(d, f);
}

static uint8_t *place(const struct sl_domain *d, const struct sl_field *f, struct sl_command *cmd)
{
	return f->space == SL_SPACE_DATA ? d->data : cmd->req;
}

/* Any other value of the same intervals, and any value of what no condition names. */
static void vary(struct sl_random *r, const struct sl_domain *d, uint32_t n, struct sl_command *cmd)
{
	const struct sl_format *f = &sl_formats[sl_rows[d->row].format];

	for (uint32_t i = 0; i < d->n_vars; i++) {
		const struct sl_var *v = &d->var[i];
		uint32_t k = sl_domain_value(d, n, i);
		uint64_t width = v->rep[k].hi - v->rep[k].lo;

		/* With a fence, how many blocks there are is beyond the representatives. */
		if (v->kind != SL_VAR_FIELD || fixed(d, &v->field) ||
		    (d->fence.any && f->size.bytes && sl_bits_meet(&v->field, &f->size)))
			continue;
		if (sl_random_below(r, 2) && width > 64)
			width = 64;
		sl_field_set(&v->field, place(d, &v->field, cmd),
			     v->rep[k].lo + (width == UINT64_MAX
						     ? sl_random_next(r)
						     : sl_random_next(r) % (width + 1)));
	}
	for (uint32_t i = 0; i < f->n_fields && !d->fence.any; i++)
		if (!covered(d, &f->fields[i].field) && sl_random_below(r, 2))
			sl_field_set(&f->fields[i].field, place(d, &f->fields[i].field, cmd),
				     sl_random_below(r, 3));
}

static bool refit(const struct sl_domain *d, struct sl_command *cmd)
{
	struct sl_command resolved = *cmd;
	struct sl_facts f;

	resolved.dir = sl_rows[d->row].dir;
	sl_command_resolve(d->contract, &resolved);
	cmd->dir = resolved.dir = sl_command_dir(&resolved);
	sl_facts_collect(d->contract, &resolved, d->data, &f);
	if (f.length_known)
		cmd->data_len = f.length;
	cmd->meta_len = f.meta_length;
	if (!cmd->data_len)
		cmd->dir = SL_DIR_NONE;
	return f.row == d->row && cmd->data_len <= 4096;
}

static void check_point(struct sl_random *r, struct sl_domain *d, uint32_t n, const char *text)
{
	struct sl_point p, q;
	struct sl_command final;
	struct sl_verdict a, b;

	sl_domain_point(d, n, &p);
	sl_domain_judge(d, 0, &p, &final, &a);
	q = p; /* the payload is one and the same */
	vary(r, d, n, &q.cmd);
	if (!refit(d, &q.cmd))
		return;
	q.data = q.cmd.dir & SL_DIR_OUT ? d->data : NULL;
	sl_domain_judge(d, 0, &q, &final, &b);
	/* Where the facts already part them (a longer transfer, a bad descriptor), it is not the
	 * policy. */
	if (a.facts.reason != b.facts.reason || a.facts.length_known != b.facts.length_known)
		return;
	tried[sl_sets[sl_rows[d->row].set].protocol]++;
	if (a.allow == b.allow)
		return;
	(void)fprintf(stderr, "%s\nrow %s point %u: %u and %u\n", text, sl_rows[d->row].name, n,
		      a.allow, b.allow);
	for (unsigned i = 0; i < SL_REQ_MAX; i++)
		(void)fprintf(stderr, "%02x/%02x%s", p.cmd.req[i], q.cmd.req[i],
			      i % 4 == 3 ? "\n" : " ");
	abort();
}

static void representatives(struct sl_random *r, unsigned rounds)
{
	static char text[16384];

	for (unsigned i = 0; i < rounds; i++) {
		struct compiled c;
		struct sl_domain *d;

		sl_random_policy(r, 4, text, sizeof(text));
		if (!compile(text, &c))
			continue;
		d = sl_domain_new((const struct sl_image *const[]){c.image}, 1);
		for (uint32_t k = 0; k < d->n_kinds; k += 1 + sl_random_below(r, 8))
			for (unsigned row = 0; row < sl_row_count;
			     row += 1 + sl_random_below(
						r, d->kinds[k].protocol == SL_WIRE_NVME ? 60 : 6)) {
				uint32_t view = 0;

				for (; sl_domain_row(d, k, (uint16_t)row, view); view++)
					for (unsigned m = 0; m < 24 && !d->sampled; m++)
						check_point(r, d, sl_random_below(r, d->n_points),
							    text);
			}
		(void)sl_domain_free(d);
		done(&c);
	}
}

/* --- brute force --------------------------------------------------------------------------- */

static const char *const wheres[] = {
	"rae = 1",
	"rae = 1 and lid < 9",
	"lsp = 0",
	"effects within {none}",
	"effects within {none, log}",
	"effects within {log, reveals-secret}",
	"declared within {none} and lid != 7",
	"lid in {2, 13, 0x80..0xff} and trust >= declared",
	"lsp >= 1 and effects has none {data, capability}",
	"log[3:1] = 2",
	"not listed or lid = 1",
	"lid in {7} and lsp = 1 and not caught",
};

/* Those that a condition or a row tells apart, and one of each stretch between. */
static const uint8_t lids[] = {0, 1, 2, 5, 7, 8, 9, 12, 13, 14, 17, 0x70, 0x7f, 0x80, 0xc0, 0xff};

static const sl_effects asked[] = {SL_E_FIRMWARE, SL_E_LOG};

/* Is there a Get Log Page, under any declaration, that is allowed and has one of the effects? */
static bool brute(const struct sl_image *img, sl_effects effects)
{
	static struct sl_contract c;
	const struct sl_identity who = {.uid = 65534, .known = 1};
	struct sl_entry *e;
	struct sl_bind bind;

	memset(&c, 0, sizeof(c));
	c.generation = 1;
	c.max_transfer = UINT32_MAX;
	assert(sl_image_bind(img, &who, &c, "nvme0", SL_WIRE_NVME, &bind) == 0);
	e = sl_contract_add(&c, sl_key(SL_SET_NVME_ADMIN, 0x02, SL_SEL_ANY));
	for (uint32_t word = 0; word < 64; word += word == 15 ? 17 : 1)
		for (unsigned caught = 0; caught < 2; caught++)
			for (unsigned lid = 0; lid < SL_COUNT(lids); lid++)
				for (unsigned low = 0; low < 8; low++) {
					struct sl_command cmd = {.set = SL_SET_NVME_ADMIN,
								 .req_len = SL_REQ_MAX,
								 .dir = SL_DIR_IN,
								 .data_len = 4};
					struct sl_verdict v;

					(void)sl_contract_nvme_word(e, SL_SOURCE_LID05, word);
					c.caught = (uint8_t)caught;
					cmd.req[0] = 0x02;
					cmd.req[40] = lids[lid];
					cmd.req[41] = (uint8_t)((low & 3) | (low & 4) << 5);
					sl_judge(img, &bind, &c, &cmd, NULL, UINT64_MAX, &v);
					if (v.allow && sl_effects_any(v.facts.effective, effects))
						return true;
				}
	return false;
}

/* A verifier's observations are free in the proof, so a set expression must cover them as well. */
static void proofs(void)
{
	unsigned yes = 0, no = 0;

	for (unsigned w = 0; w < SL_COUNT(wheres); w++) {
		/* Both questions, each with and without the other rule. */
		sl_effects asks = asked[w / 2 % SL_COUNT(asked)];
		static struct sl_policy_messages msgs;
		struct sl_policy_answer answer;
		struct compiled c;
		char text[512], question[128];
		bool found;

		(void)snprintf(text, sizeof(text),
			       "policy \"p\" version 1\nallow any: nvme.admin.get-log-page "
			       "where %s\n%s",
			       wheres[w],
			       w % 2 ? "deny any: effects has any {data, unknown}\n" : "");
		assert(compile(text, &c));
		found = brute(c.image, asks);
		(void)snprintf(question, sizeof(question), "no one can cause %s",
			       sl_effect_name((unsigned)__builtin_ctz(asks)));
		assert(sl_policy_prove(c.policy, c.image, question, &msgs, &answer) == 0);
		assert(answer.sampled.n == 0 && !answer.sampled.clients);
		/* Brute force knows no observations: they can only add examples. */
		if ((found && answer.yes) ||
		    (!found && !answer.yes && !strstr(answer.given, "verifier"))) {
			(void)fprintf(stderr, "%s%s: %s, brute force: %s (%s)\n", text, question,
				      answer.yes ? "yes" : "no", found ? "no" : "yes",
				      answer.given);
			abort();
		}
		yes += answer.yes;
		no += !answer.yes;
		done(&c);
	}
	assert(yes > 2 && no > 2);
}

/* The example of a counterproof says what is in the payload. */
static void examples(void)
{
	static const struct {
		const char *rule, *question;
		bool yes;
		const char *command;
	} cases[] = {
		{"cxl.set-feature", "no one can cause persist", false,
		 "cxl.set-feature in-length=32 saved=1"},
		{"cxl.set-feature where saved = 0", "no one can cxl.set-feature where saved = 1",
		 true, ""},
		{"scsi.sbc.write-1*", "no one can cause data", false, "scsi.sbc.write-10"},
		{"scsi.spc.mode-select-6 where block-descriptor-length = 0 and effects has none "
		 "{unknown}",
		 "no one can scsi.spc.mode-select-6 where block-descriptor-length >= 1", true, ""},
		{"fwctl.cxl.set-feature where declared within {config-reset} and effects within "
		 "{config, config-reset, persist}",
		 "no one can cause data", true, ""},
		/* Each kind of node is tried. */
		{"scsi.sbc.read-10 where door = sg", "any cannot scsi.sbc.read-10", false,
		 "scsi.sbc.read-10"},
		{"scsi.sbc.read-10 where door = scsi-block",
		 "no one can scsi.sbc.read-10 where door in {native, partition, sg, bsg}", true,
		 ""},
		{"cxl.get-health-info where door = cxl", "no one can cxl.get-health-info", false,
		 "cxl.get-health-info"},
		{"scsi.sbc.read-10 with fence namespace 1 lba 0..9",
		 "no one can scsi.sbc.read-10 where lba > 9 and transfer-length > 0", true, ""},
	};

	for (unsigned i = 0; i < SL_COUNT(cases); i++) {
		static struct sl_policy_messages msgs;
		struct sl_policy_answer answer;
		struct compiled c;
		char text[512];

		(void)snprintf(text, sizeof(text), "policy \"p\" version 1\nallow any: %s\n",
			       cases[i].rule);
		assert(compile(text, &c));
		assert(sl_policy_prove(c.policy, c.image, cases[i].question, &msgs, &answer) == 0);
		if (answer.yes != cases[i].yes || answer.sampled.n ||
		    strcmp(answer.command, cases[i].command) != 0) {
			(void)fprintf(stderr, "%s%s: %u, %s (%s)\n", text, cases[i].question,
				      answer.yes, answer.command, answer.given);
			abort();
		}
		done(&c);
	}
}

struct counting {
	unsigned gained, lost;
	char text[8192];
};

static void count(void *userdata, const struct sl_policy_change *c)
{
	struct counting *n = userdata;
	size_t len = strlen(n->text);

	n->gained += c->gained;
	n->lost += !c->gained;
	(void)snprintf(n->text + len, sizeof(n->text) - len, "%c %s | %s | %s\n",
		       c->gained ? '+' : '-', c->client, c->commands, c->where);
}

static void diff_within(const char *a, const char *b, size_t memory, const char *expected)
{
	struct compiled x, y;
	struct counting n = {0};
	struct sl_policy_sampled sampled;
	char old[512], new[512];

	(void)snprintf(old, sizeof(old), "policy \"a\" version 1\n%s\n", a);
	(void)snprintf(new, sizeof(new), "policy \"b\" version 1\n%s\n", b);
	assert(compile(old, &x) && compile(new, &y));
	assert(sl_policy_diff(x.image, y.image, memory, count, NULL, &n, &sampled) == 0);
	assert(sampled.n == 0 && !sampled.clients);
	if (strcmp(n.text, expected) != 0) {
		(void)fprintf(stderr, "%s\n%s\nexpected\n%sgot\n%s", a, b, expected, n.text);
		abort();
	}
	done(&x);
	done(&y);
}

static void diff(const char *a, const char *b, const char *expected)
{
	diff_within(a, b, SL_DIFF_MEMORY, expected);
}

/* Without memory the same is told, each command and client for itself. */
static void diff_bounded(void)
{
	static const char old[] = "allow uid 7: nvme.nvm.read, nvme.nvm.write where nlb < 8\n"
				  "allow uid 9: nvme.nvm.read, nvme.nvm.write where nlb < 8";

	diff(old, "deny any: anything",
	     "- uid 7, uid 9 | nvme.nvm.write, nvme.nvm.read | nlb in {0..7}\n");
	diff_within(old, "deny any: anything", 0,
		    "- uid 7 | nvme.nvm.write | nlb in {0..7}\n"
		    "- uid 7 | nvme.nvm.read | nlb in {0..7}\n"
		    "- uid 9 | nvme.nvm.write | nlb in {0..7}\n"
		    "- uid 9 | nvme.nvm.read | nlb in {0..7}\n");
}

static void diffs(void)
{
	diff_bounded();
	diff("allow any: nvme.admin.get-log-page.smart",
	     "allow any: nvme.admin.get-log-page.smart where rae = 1",
	     "- anybody | nvme.admin.get-log-page.smart | rae = 0\n");
	diff("allow any: nvme.nvm.read where nlb < 8", "allow any: nvme.nvm.read where nlb < 16",
	     "+ anybody | nvme.nvm.read | nlb in {8..15}\n");
	diff("allow root: nvme.nvm.read", "allow uid 0..9: nvme.nvm.read",
	     "+ uid 1..9 | nvme.nvm.read | \n");
	diff("allow any: nvme.nvm.read where effects within {reveals-data}",
	     "allow any: nvme.nvm.read where effects within {reveals-data, data}",
	     "+ anybody | nvme.nvm.read | effects within {data, reveals-data} and effects not "
	     "within "
	     "{reveals-data}\n");
	/* Fields of a CDB are big-endian, and those of a payload are free as well. */
	diff("allow any: scsi.sbc.read-10 where lba < 8",
	     "allow any: scsi.sbc.read-10 where lba < 16",
	     "+ anybody | scsi.sbc.read-10 | lba in {8..15} and rdprotect = 0\n");
	diff("allow any: scsi.sbc.unmap",
	     "allow any: scsi.sbc.unmap with fence namespace 1 lba 0..99",
	     "- anybody | scsi.sbc.unmap | blocks of the payload outside of the fence\n");
	diff("allow any: scsi.spc.third-party-copy-out.*-token",
	     "allow any: scsi.spc.third-party-copy-out.*-token with fence namespace 1 lba 0..99",
	     "- anybody | scsi.spc.third-party-copy-out.{populate-token, write-using-token} | "
	     "blocks of the payload outside of the fence\n");
	diff("allow any: scsi.spc.third-party-copy-out.extended-copy-lid4",
	     "allow any: scsi.spc.third-party-copy-out.extended-copy-lid4"
	     " with fence namespace 1 lba 0..99",
	     "- anybody | scsi.spc.third-party-copy-out.extended-copy-lid4 | blocks of the "
	     "payload "
	     "outside of the fence\n");
	diff("allow any: scsi.spc.mode-select-6 where sp = 0",
	     "allow any: scsi.spc.mode-select-6 where field.first-page-code = 8",
	     "+ anybody | scsi.spc.mode-select-6 | parameter-list-length >= 5 and first-page-code "
	     "= 8 "
	     "and sp = 1\n"
	     "- anybody | scsi.spc.mode-select-6 | parameter-list-length = 4 and sp = 0\n"
	     "- anybody | scsi.spc.mode-select-6 | parameter-list-length >= 5 and first-page-code "
	     "in "
	     "{0..7, 9..63} and sp = 0\n");
	diff("allow any: cxl.set-feature", "allow any: cxl.set-feature where saved = 0",
	     "- anybody | cxl.set-feature | in-length >= 32 and payload byte 16 = 0 and transfer "
	     "in {0..4} and saved = 1 and listed\n");
	diff("allow any: fwctl.cxl.set-feature where field.scope >= 2",
	     "allow any: fwctl.cxl.set-feature where field.scope = 3",
	     "- anybody | fwctl.cxl.set-feature | in-length >= 32 and payload byte 16 = 0 and "
	     "transfer in {0..4} and scope = 2 and listed\n");
	/* A device's names, as long as they come. */
	diff("device d = vendor \"VENDOR-8\" and serial \"0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa\" "
	     "and firmware \"FIRMWARE-OF-16-C\"\nallow any: cxl.clear-log on d",
	     "deny any: anything", "- anybody | cxl.clear-log | \n");
	diff("allow any: anything", "allow any: anything\nallow any: nvme.nvm.*", "");
	diff("allow any: nvme.admin.format-nvm", "deny any: anything",
	     "- anybody | nvme.admin.format-nvm.* | pi in {0..3}\n");
}

int main(int argc, char **argv)
{
	struct sl_random r = {argc > 2 ? strtoull(argv[2], NULL, 0) : 3};

	representatives(&r, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 30);
	assert(tried[SL_WIRE_NVME] > 400 && tried[SL_WIRE_SCSI] > 200 && tried[SL_WIRE_CXL] > 60 &&
	       tried[SL_WIRE_FWCTL] > 60);
	proofs();
	examples();
	diffs();
	return 0;
}
