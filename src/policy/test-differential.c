/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast and the slow evaluator agree: on every opcode with every selector value, and on random
 * commands, contracts, clients and policies. An argument gives the number of random commands.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "policy/random.h"
#include "wire/wire.h"

#undef NDEBUG
#include <assert.h>

#define DEVICE_NAME "disk0"

static struct sl_contract contract;
static unsigned long long seen[_SL_REASON_N], allowed, normalised, carried;

struct setting {
	struct sl_policy *policy;
	void *image;
	struct sl_bind bind;
	struct sl_identity who;
	const char *text;
};

static void report(const struct setting *s, const struct sl_command *asked,
		   const struct sl_verdict *fast, const struct sl_verdict *slow, const char *what)
{
	(void)fprintf(stderr, "they differ in %s\n%s\nuid %u known %u label %s caught %u\n", what,
		      s->text, s->who.uid, s->who.known, s->who.label, contract.caught);
	(void)fprintf(stderr, "set %u door %u writable %u node %u data %u dir %u\n", asked->set,
		      asked->door, asked->writable, asked->node_nsid, asked->data_len, asked->dir);
	for (unsigned i = 0; i < SL_REQ_MAX; i++)
		(void)fprintf(stderr, "%02x%s", asked->req[i], i % 4 == 3 ? " " : "");
	(void)fprintf(
		stderr,
		"\nrow %s\nfast: allow %u reason %u rule %u flags %x\nslow: allow %u reason %u "
		"rule %u flags %x\n",
		sl_rows[fast->facts.row].name, fast->allow, fast->reason, fast->rule, fast->flags,
		slow->allow, slow->reason, slow->rule, slow->flags);
	abort();
}

static void compare(const struct setting *s, const struct sl_command *cmd, const uint8_t *data,
		    uint64_t now)
{
	const struct sl_image *img = s->image;
	const struct sl_rule *rules = sl_image_at(img, img->rules);
	const struct sl_policy_device device = {DEVICE_NAME, contract.protocol};
	struct sl_command a = *cmd, b = *cmd;
	struct sl_verdict fast, slow;
	unsigned line = 0;

	if (!(cmd->dir & SL_DIR_OUT))
		data = NULL;
	sl_judge(img, &s->bind, &contract, &a, data, now, &fast);
	sl_slow_judge(s->policy, &s->who, &device, &contract, &b, data, now, &slow);
	if (slow.rule)
		(void)sl_policy_rule_place(s->policy, slow.rule - 1, &line);
	if (fast.allow != slow.allow)
		report(s, cmd, &fast, &slow, "what they allow");
	if (fast.reason != slow.reason || fast.flags != slow.flags || fast.excl != slow.excl ||
	    fast.timeout_ms != slow.timeout_ms || fast.generation != slow.generation)
		report(s, cmd, &fast, &slow, "reason or obligations");
	if (!fast.rule != !slow.rule || (fast.rule && rules[fast.rule - 1].line != line))
		report(s, cmd, &fast, &slow, "the rule");
	if (memcmp(a.req, b.req, sizeof(a.req)) != 0 || a.set != b.set)
		report(s, cmd, &fast, &slow, "the final bytes");
	seen[fast.reason]++;
	allowed += fast.allow;
	carried += fast.allow && fast.facts.carried;
	normalised += (fast.flags & SL_VERDICT_NORMALISED) != 0;
}

static bool setting_make(struct sl_random *r, struct setting *s)
{
	static char text[16384];
	struct sl_policy_messages msgs = {0};
	size_t size;

	sl_random_policy(r, 1 + sl_random_below(r, 12), text, sizeof(text));
	s->text = text;
	if (sl_policy_parse("random", text, strlen(text), &msgs, &s->policy) < 0 ||
	    sl_policy_compile(s->policy, &msgs, &s->image, &size) < 0) {
		if (getenv("SL_TEST_VERBOSE"))
			sl_policy_messages_print(&msgs, stderr);
		s->policy = sl_policy_free(s->policy);
		return false;
	}
	return true;
}

static bool client_make(struct sl_random *r, struct setting *s)
{
	sl_random_identity(r, &s->who);
	return sl_image_bind(s->image, &s->who, &contract, DEVICE_NAME, contract.protocol,
			     &s->bind) == 0;
}

/*
 * Every opcode with every value of a byte that can select a sub-command, through nodes open for
 * reading and for writing. `set` is what the front end says.
 */
static void every_key(struct sl_random *r, const struct setting *s, uint8_t set)
{
	static const uint8_t nvme[] = {40, 41, 43, 45, 49, 52};
	bool is_nvme = sl_sets[set].protocol == SL_WIRE_NVME;
	unsigned values = sl_sets[set].protocol == SL_WIRE_SCSI ? 32 : 256;
	static uint8_t data[4096];

	for (unsigned op = 0; op < 256; op++)
		for (unsigned sel = 0; sel < values; sel++)
			for (unsigned writable = 0; writable < 2; writable++) {
				struct sl_command c = {.set = set, .writable = (uint8_t)writable};
				struct sl_facts facts;
				struct sl_command k;

				c.req[0] = (uint8_t)op;
				c.req[is_nvme ? nvme[sl_random_below(r, 6)] : 1] = (uint8_t)sel;
				if (is_nvme)
					c.req[4] = (uint8_t)(1 + sl_random_below(r, 3));
				c.door = (uint8_t)sl_random_below(r, _SL_DOOR_N);
				k = c;
				sl_command_resolve(&contract, &k);
				sl_facts_collect(&contract, &k, NULL, &facts);
				c.req_len = (uint16_t)sl_formats[sl_rows[facts.row].format].req_len;
				c.dir = sl_command_dir(&k);
				c.data_len = facts.length < 4096 ? facts.length : 4096;
				compare(s, &c, data, 0);
			}
}

/* All keys of what the contract's device can be asked for. */
static void every_set(struct sl_random *r, const struct setting *s)
{
	for (unsigned set = SL_SET_NONE + 1; set < _SL_SET_N; set++)
		if (sl_sets[set].asked == set && sl_sets[set].protocol == contract.protocol)
			every_key(r, s, (uint8_t)set);
}

/* The same for every peripheral and fwctl device type there can be. */
static void every_type(struct sl_random *r)
{
	static const uint8_t protocols[] = {SL_WIRE_SCSI, SL_WIRE_FWCTL};

	for (unsigned p = 0; p < SL_COUNT(protocols); p++)
		for (uint8_t type = 0; type <= SL_TYPE_NONE; type++) {
			struct setting s = {0};

			do
				sl_random_contract(r, &contract);
			while (contract.protocol != protocols[p]);
			contract.type = type;
			if (!setting_make(r, &s))
				continue;
			if (client_make(r, &s))
				every_set(r, &s);
			free(s.image);
			(void)sl_policy_free(s.policy);
		}
}

int main(int argc, char **argv)
{
	unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 0) : 300000;
	struct sl_random r = {argc > 2 ? strtoull(argv[2], NULL, 0) : 1};
	unsigned long long done = 0, policies = 0, refused = 0;
	static uint8_t data[4096];

	every_type(&r);
	while (done < count) {
		struct setting s = {0};

		sl_random_contract(&r, &contract);
		if (!setting_make(&r, &s)) {
			refused++;
			continue;
		}
		for (unsigned k = 0; k < 4; k++) {
			if (!client_make(&r, &s))
				continue;
			if (policies % 400 == 0)
				every_set(&r, &s);
			for (unsigned i = 0; i < 250; i++, done++) {
				struct sl_command cmd;

				sl_random_command(&r, &contract, &cmd, data);
				compare(&s, &cmd, data,
					sl_random_below(&r, 2) ? 1 : UINT64_C(4000000000));
			}
		}
		policies++;
		free(s.image);
		(void)sl_policy_free(s.policy);
	}
	if (getenv("SL_TEST_VERBOSE")) {
		for (unsigned i = 0; i < _SL_REASON_N; i++)
			(void)fprintf(stderr, "%s: %llu\n", sl_reason_text(i), seen[i]);
		(void)fprintf(stderr, "allowed %llu normalised %llu policies %llu refused %llu\n",
			      allowed, normalised, policies, refused);
	}
	/* A generator that reaches nothing would prove nothing. */
	assert(policies > 3 * refused);
	assert(carried > 10);
	assert(allowed * 50 > done && normalised * 100 > done / 10);
	for (unsigned i = SL_REASON_ALLOWED; i < _SL_REASON_N; i++)
		if ((i <= SL_REASON_IN_USE || i >= SL_REASON_NOT_EVALUATED) &&
		    i != SL_REASON_TOO_LONG && i != SL_REASON_NOT_DECLARED &&
		    i != SL_REASON_PROTOCOL) /* the gate's own, before there is a command */
			assert(seen[i] > 0);
	if (argc > 1)
		(void)printf("%llu commands under %llu policies: agreed\n", done, policies);
	return 0;
}
