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
#include "policy/domain.h"
#include "policy/random.h"
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

static unsigned long long tried;

static bool covered(const struct sl_domain *d, const struct sl_field *f)
{
	unsigned a = 8u * f->off + f->shift;

	/* The selector's values are the row's, and the contract's key. */
	struct sl_field sel;

	if (sl_row_selector(d->row, &sel) && 8u * sel.off + sel.shift == a)
		return true;

	for (uint32_t i = 0; i < d->n_vars; i++) {
		const struct sl_field *o = &d->var[i].field;
		unsigned b = 8u * o->off + o->shift;

		if (d->var[i].kind == SL_VAR_FIELD && a < b + o->width && b < a + f->width)
			return true;
	}
	return f->off < 8;
}

/* Any other value of the same intervals, and any value of what no condition names. */
static void vary(struct sl_random *r, const struct sl_domain *d, uint32_t n, struct sl_command *cmd)
{
	const struct sl_format *f = &sl_formats[sl_rows[d->row].format];

	for (uint32_t i = 0; i < d->n_vars; i++) {
		const struct sl_var *v = &d->var[i];
		uint32_t k = sl_domain_value(d, n, i);
		uint64_t width = v->rep[k].hi - v->rep[k].lo;

		/* What the contract is keyed by stays. */
		if (v->kind != SL_VAR_FIELD || v->field.off < 8 ||
		    ((sl_rows[d->row].flags & SL_ROW_VENDOR) && v->field.off == 40))
			continue;
		sl_field_set(&v->field, cmd->req,
			     v->rep[k].lo + (width == UINT64_MAX
						     ? sl_random_next(r)
						     : sl_random_next(r) % (width + 1)));
	}
	/* With a fence, how many blocks there are is beyond the representatives. */
	for (uint32_t i = 0; i < f->n_fields && !d->fence.any; i++)
		if (!covered(d, &f->fields[i].field) && sl_random_below(r, 2))
			sl_field_set(&f->fields[i].field, cmd->req, sl_random_below(r, 3));
}

static bool refit(const struct sl_domain *d, struct sl_command *cmd)
{
	struct sl_command resolved = *cmd;
	struct sl_facts f;

	cmd->dir = resolved.dir = sl_rows[d->row].dir;
	if (sl_rows[d->row].flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED))
		cmd->dir = resolved.dir = cmd->req[0] & 3;
	sl_command_resolve(d->contract, &resolved);
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
	q = p;
	vary(r, d, n, &q.cmd);
	if (!refit(d, &q.cmd))
		return;
	q.data = q.cmd.dir & SL_DIR_OUT ? d->data : NULL;
	sl_domain_judge(d, 0, &p, &final, &a);
	sl_domain_judge(d, 0, &q, &final, &b);
	/* Where the facts already part them (a longer transfer, a bad descriptor), it is not the
	 * policy. */
	if (a.facts.reason != b.facts.reason || a.facts.length_known != b.facts.length_known)
		return;
	tried++;
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
			     row += 1 + sl_random_below(r, 60)) {
				if (!sl_domain_row(d, k, (uint16_t)row) || d->sampled)
					continue;
				for (unsigned m = 0; m < 24; m++)
					check_point(r, d, sl_random_below(r, d->n_points), text);
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

static const sl_effects asked[] = {SL_E_LOG, SL_E_FIRMWARE};

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
			for (unsigned lid = 0; lid < 256; lid++)
				for (unsigned low = 0; low < 8; low++) {
					struct sl_command cmd = {.set = SL_SET_NVME_ADMIN,
								 .req_len = SL_REQ_MAX,
								 .dir = SL_DIR_IN,
								 .data_len = 4};
					struct sl_verdict v;

					(void)sl_contract_nvme_word(e, SL_SOURCE_LID05, word);
					c.caught = (uint8_t)caught;
					cmd.req[0] = 0x02;
					cmd.req[40] = (uint8_t)lid;
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

	for (unsigned w = 0; w < SL_COUNT(wheres); w++)
		for (unsigned deny = w % 2; deny < 2; deny += 2) {
			char text[512];
			struct compiled c;

			(void)snprintf(text, sizeof(text),
				       "policy \"p\" version 1\nallow any: nvme.admin.get-log-page "
				       "where %s\n%s",
				       wheres[w],
				       deny ? "deny any: effects has any {data, unknown}\n" : "");
			assert(compile(text, &c));
			for (unsigned a = 0; a < SL_COUNT(asked); a++) {
				static struct sl_policy_messages msgs;
				struct sl_policy_answer answer;
				char question[128];
				bool found = brute(c.image, asked[a]);

				(void)snprintf(question, sizeof(question), "no one can cause %s",
					       sl_effect_name((unsigned)__builtin_ctz(asked[a])));
				assert(sl_policy_prove(c.policy, c.image, question, &msgs,
						       &answer) == 0);
				assert(answer.sampled == 0);
				/* Brute force knows no observations: they can only add examples. */
				if ((found && answer.yes) ||
				    (!found && !answer.yes && !strstr(answer.given, "verifier"))) {
					(void)fprintf(stderr, "%s%s: %s, brute force: %s (%s)\n",
						      text, question, answer.yes ? "yes" : "no",
						      found ? "no" : "yes", answer.given);
					abort();
				}
				yes += answer.yes;
				no += !answer.yes;
			}
			done(&c);
		}
	assert(yes > 2 && no > 2);
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

static void diff(const char *a, const char *b, const char *expected)
{
	struct compiled x, y;
	struct counting n = {0};
	unsigned sampled;
	char old[512], new[512];

	(void)snprintf(old, sizeof(old), "policy \"a\" version 1\n%s\n", a);
	(void)snprintf(new, sizeof(new), "policy \"b\" version 1\n%s\n", b);
	assert(compile(old, &x) && compile(new, &y));
	assert(sl_policy_diff(x.image, y.image, count, &n, &sampled) == 0 && sampled == 0);
	if (strcmp(n.text, expected) != 0) {
		(void)fprintf(stderr, "%s\n%s\nexpected\n%sgot\n%s", a, b, expected, n.text);
		abort();
	}
	done(&x);
	done(&y);
}

static void diffs(void)
{
	diff("allow any: nvme.admin.get-log-page.smart",
	     "allow any: nvme.admin.get-log-page.smart where rae = 1",
	     "- anybody | nvme.admin.get-log-page.{smart} | rae = 0\n");
	diff("allow any: nvme.nvm.read where nlb < 8", "allow any: nvme.nvm.read where nlb < 16",
	     "+ anybody | nvme.nvm.read | nlb in {8..15}\n");
	diff("allow root: nvme.nvm.read", "allow uid 0..9: nvme.nvm.read",
	     "+ uid 1..9 | nvme.nvm.read | \n");
	diff("allow any: nvme.nvm.read where effects within {reveals-data}",
	     "allow any: nvme.nvm.read where effects within {reveals-data, data}",
	     "+ anybody | nvme.nvm.read | effects within {data, reveals-data} and effects not "
	     "within "
	     "{reveals-data}\n");
	diff("allow any: anything", "allow any: anything\nallow any: nvme.nvm.*", "");
	diff("allow any: nvme.admin.format-nvm", "deny any: anything",
	     "- anybody | nvme.admin.format-nvm.* | pi in {0..3}\n");
}

int main(int argc, char **argv)
{
	struct sl_random r = {argc > 2 ? strtoull(argv[2], NULL, 0) : 3};

	representatives(&r, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 4);
	assert(tried > 400);
	proofs();
	diffs();
	return 0;
}
