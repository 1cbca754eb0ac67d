/* SPDX-License-Identifier: Apache-2.0 */
/* Malformed policies: each gets one clear message with its place, and nothing is loaded. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#undef NDEBUG
#include <assert.h>

#define HEAD "policy \"p\" version 1\n"

/* P: after a good head, which is line 1. N: the whole text. Then place and message. */
#define P(text, message)                                                                           \
	{                                                                                          \
		HEAD text, sizeof(HEAD text) - 1, message                                          \
	}
#define N(text, message)                                                                           \
	{                                                                                          \
		text, sizeof(text) - 1, message                                                    \
	}

/* clang-format off */
static const struct {
	const char *text;
	size_t size;
	const char *message;
} cases[] = {
	N("",
	  "1:1: expected 'policy \"NAME\" version 1' first, found the end of the file"),
	N("# only a comment\n",
	  "2:1: expected 'policy \"NAME\" version 1' first, found the end of the file"),
	N("allow any: anything\n",
	  "1:1: expected 'policy \"NAME\" version 1' first, found 'allow'"),
	N("policy\n",
	  "2:1: expected the policy's name in quotes, found the end of the file"),
	N("policy health version 1\n",
	  "1:8: expected the policy's name in quotes, found 'health'"),
	N("policy \"\" version 1\n",
	  "1:8: expected the policy's name, found an empty string"),
	N("policy \"x\"\n",
	  "2:1: expected 'version' after the policy's name, found the end of the file"),
	N("policy \"x\" version\n",
	  "2:1: expected the version's number, found the end of the file"),
	N("policy \"x\" version one\n",
	  "1:20: expected the version's number, found 'one'"),
	N("policy \"x version 1\n",
	  "1:8: the string is not closed: expected '\"' on this line"),
	N("policy \"x\" version 1 2\n",
	  "1:22: expected the end of the statement, found the number 2"),
	N("polcy \"x\" version 1\n",
	  "1:1: expected 'policy \"NAME\" version 1' first, found 'polcy'"),
	P("policy \"q\" version 2\n",
	  "2:1: the policy has a name already"),
	N("\000\n",
	  "1:1: byte 00h has no meaning outside comments and strings"),
	N("\377\376\n",
	  "1:1: byte ffh has no meaning outside comments and strings"),
	P("alow any: anything\n",
	  "2:1: expected a statement (did you mean 'allow'?), found 'alow'"),
	P("permit any: anything\n",
	  "2:1: expected a statement (allow, deny, class, who, device, field, \342\200\246), found 'permit'"),
	P("any: anything\n",
	  "2:1: expected a statement (allow, deny, class, who, device, field, \342\200\246), found 'any'"),
	P("answers\n",
	  "3:1: expected 'as-device' or 'as-allowed', found the end of the file"),
	P("answers truthfully\n",
	  "2:9: expected 'as-device' or 'as-allowed', found 'truthfully'"),
	P("{ }\n",
	  "2:1: expected a statement (allow, deny, class, who, device, field, \342\200\246), found '{'"),
	P("allow\n",
	  "3:1: expected who: a name, any, root, uid N, gid N or label \"\342\200\246\", found the end of the file"),
	P("allow any\n",
	  "3:1: expected ':' after the clients of the rule, found the end of the file"),
	P("allow any:\n",
	  "3:1: expected a command like nvme.admin.identify, a class, or anything, found the end of the file"),
	P("allow any anything\n",
	  "2:11: expected ':' after the clients of the rule, found 'anything'"),
	P("allow any: anything anything\n",
	  "2:21: expected the end of the statement, found 'anything'"),
	P("deny any: anything with alone\n",
	  "2:20: a deny rule takes no 'with': nothing is sent"),
	P("allow nobody: anything\n",
	  "2:7: no clients are called 'nobody': define them above with 'who nobody = \342\200\246'"),
	P("who metrics = uid 5\nallow metric: anything\n",
	  "3:7: no clients are called 'metric': did you mean 'metrics'?"),
	P("allow uid: anything\n",
	  "2:10: expected a user's number or name, found ':'"),
	P("allow uid 5..: anything\n",
	  "2:14: expected the end of the range, found ':'"),
	P("allow uid 9..5: anything\n",
	  "2:11: the range ends before it begins"),
	P("allow uid 4294967295: anything\n",
	  "2:11: an id is less than 4294967295"),
	P("allow uid nosuchuser: anything\n",
	  "2:11: this machine knows no user 'nosuchuser'"),
	P("allow gid nosuchgroup: anything\n",
	  "2:11: this machine knows no group 'nosuchgroup'"),
	P("allow label metrics: anything\n",
	  "2:13: expected a label in quotes, found 'metrics'"),
	P("allow label \"\": anything\n",
	  "2:13: expected a label, found an empty string"),
	P("allow label \"a-label-that-is-longer-than-thirty-one\": anything\n",
	  "2:13: a label has less than 32 bytes"),
	P("allow uid 1 and uid 2: anything\n",
	  "2:17: 'and' can ask a client for one uid, one gid and one label; for alternatives write 'or'"),
	P("who any = uid 5\n",
	  "2:5: expected a name for the clients, but 'any' is a word of the language"),
	P("who = uid 5\n",
	  "2:5: expected a name for the clients, found '='"),
	P("who x uid 5\n",
	  "2:7: expected '=' after the name of the clients, found 'uid'"),
	P("who x = uid 5, gid 6\n",
	  "2:14: expected the end of the statement, found ','"),
	P("who x = uid 5\nwho x = uid 6\n",
	  "3:5: 'x' is defined already, at p.policy:2"),
	P("who x.y = uid 5\n",
	  "2:5: expected a name for the clients; a name has no '.' and no '*' in it"),
	P("who x = uid 99999999999999999999\n",
	  "2:13: '99999999999999999999' is larger than 64 bits"),
	P("device intel\n",
	  "3:1: expected '=' after the name of the devices, found the end of the file"),
	P("device intel = \"INTEL\"\n",
	  "2:16: expected devices: a name, protocol, vendor, model, firmware, serial or path, found the string \"INTEL\""),
	P("device intel = modl \"INTEL\"\n",
	  "2:16: no devices are called 'modl': define them above with 'device modl = \342\200\246'"),
	P("device intel = model INTEL\n",
	  "2:22: expected a string or a beginning with '*' in quotes, found 'INTEL'"),
	P("device intel = model \"IN*EL\"\n",
	  "2:22: '*' stands at the end of a pattern or nowhere"),
	P("device intel = protocol usb\n",
	  "2:25: expected a protocol: nvme, scsi, cxl or fwctl, found 'usb'"),
	P("device intel = model \"A\" and model \"B\"\n",
	  "2:30: 'and' asks twice for the same; for alternatives write 'or'"),
	P("allow any: anything on itel\n",
	  "2:24: no devices are called 'itel': define them above with 'device itel = \342\200\246'"),
	P("device intel = model \"I\"\nallow any: anything on intl\n",
	  "3:24: no devices are called 'intl': did you mean 'intel'?"),
	P("field x = cdw16[7:0]\n",
	  "2:11: a command has dwords cdw0 to cdw15"),
	P("field x = cdw10[0:7]\n",
	  "2:16: bits are written [high:low], 31 at most, as in cdw10[15:8]"),
	P("field x = cdw10[32:0]\n",
	  "2:16: bits are written [high:low], 31 at most, as in cdw10[15:8]"),
	P("field x = cdw10[7\n",
	  "3:1: expected ']' after the bits, found the end of the file"),
	P("field x = lid\n",
	  "2:11: expected bits like cdw12[7:0], found 'lid'"),
	P("field lid = cdw10[7:0]\n",
	  "2:7: 'lid' is a field of the specification already: choose another name"),
	P("field x = 5\n",
	  "2:11: expected a field, found the number 5"),
	P("class c =\n",
	  "3:1: expected a command like nvme.admin.identify, a class, or anything, found the end of the file"),
	P("class c nvme.admin.identify\n",
	  "2:9: expected '=' after the name of the class, found 'nvme.admin.identify'"),
	P("class c = nvme.admin.identfy\n",
	  "2:11: there is no command 'nvme.admin.identfy': did you mean 'nvme.admin.identify'?"),
	P("class c = nvme.admin.get-log-page.smrt\n",
	  "2:11: there is no command 'nvme.admin.get-log-page.smrt': did you mean 'nvme.admin.get-log-page.smart'?"),
	P("class c = smart\n",
	  "2:11: there is no class or command 'smart'"),
	P("class c = nvme.foo.*\n",
	  "2:11: no command fits 'nvme.foo.*'"),
	P("class c = nvme.admin.identify,\n",
	  "3:1: expected a command like nvme.admin.identify, a class, or anything, found the end of the file"),
	P("class c = d\nclass d = nvme.admin.identify\n",
	  "2:11: there is no class or command 'd'"),
	P("class c = nvme.admin.identify\nclass c = nvme.nvm.read\n",
	  "3:7: 'c' is defined already, at p.policy:2"),
	P("class anything = nvme.nvm.read\n",
	  "2:7: expected a name for the class, but 'anything' is a word of the language"),
	P("class c = nvme.*.*.*.*\n",
	  "2:11: a pattern has three '*' at most"),
	P("allow any: nvme.admin.identify and nvme.nvm.read\n",
	  "2:32: expected the end of the statement, found 'and'"),
	P("allow any: nvme.admin.get-log-page where ld = 2\n",
	  "2:42: nvme.admin.get-log-page has no field 'ld': did you mean 'lid'? It has opcode, nsid, lid, rae, numd, lpo, uidx, ot, csi, lsi, lsp"),
	P("allow any: nvme.admin.get-log-page, nvme.admin.identify where lid = 2\n",
	  "2:63: nvme.admin.identify has no field 'lid'; it has opcode, nsid, cns, uidx, cntid, cnssid, csi"),
	P("allow any: nvme.admin.get-log-page where lid\n",
	  "3:1: expected =, !=, <, <=, >, >=, in or not in after 'lid', found the end of the file"),
	P("allow any: nvme.admin.get-log-page where lid = \n",
	  "3:1: expected a value, found the end of the file"),
	P("allow any: nvme.admin.get-log-page where lid = smart2 \n",
	  "2:48: expected a value, found 'smart2'"),
	P("allow any: nvme.admin.get-log-page where lid in 2\n",
	  "2:49: expected '{' before the values, found the number 2"),
	P("allow any: nvme.admin.get-log-page where lid in {2\n",
	  "3:1: expected ',' or '}' after a value, found the end of the file"),
	P("allow any: nvme.admin.get-log-page where lid in {2 3}\n",
	  "2:52: expected ',' or '}' after a value, found the number 3"),
	P("allow any: nvme.admin.get-log-page where lid in {}\n",
	  "2:50: expected a value, found '}'"),
	P("allow any: nvme.admin.get-log-page where lid in {9..2}\n",
	  "2:50: the range ends before it begins"),
	P("allow any: nvme.admin.get-log-page where lid = 300\n",
	  "2:42: 'lid' is never 300: it is at most 255"),
	P("allow any: nvme.admin.get-log-page where lid = 0x\n",
	  "2:48: '0x' is not a number: write 12, 0x0c or 0Ch"),
	P("allow any: nvme.admin.get-log-page where lid = 12z\n",
	  "2:48: '12z' is not a number: write 12, 0x0c or 0Ch"),
	P("allow any: nvme.admin.get-log-page where lid < 2..4\n",
	  "2:48: '<' compares with one value, not a range"),
	P("allow any: nvme.admin.get-log-page where lid < 0\n",
	  "2:48: nothing is less than that"),
	P("allow any: nvme.admin.get-log-page where lid not 2\n",
	  "2:50: expected 'in' after 'not', found the number 2"),
	P("allow any: nvme.admin.get-log-page where not lid = 2\n",
	  "2:46: expected a state after 'not' (writable, claimed, in-use, listed, caught, node-namespace, one-page), found 'lid'"),
	P("allow any: nvme.admin.get-log-page where lid = {2}\n",
	  "2:48: expected one value; a set follows 'in', found '{'"),
	P("allow any: anything where lid = 2\n",
	  "2:27: nvme.admin.delete-io-sq has no field 'lid': did you mean 'qid'? It has opcode, nsid, qid"),
	P("allow any: anything where effects\n",
	  "3:1: expected within, not within, has any, has none, = or !=, found the end of the file"),
	P("allow any: anything where effects in {log}\n",
	  "2:35: expected within, not within, has any, has none, = or !=, found 'in'"),
	P("allow any: anything where effects within {lgo}\n",
	  "2:43: there is no effect 'lgo'; there are none, data, config, config-reset, persist, policy, log, capability, inventory, security, firmware, availability, background, peer, host-memory, tunnel, reveals-data, reveals-secret, unknown"),
	P("allow any: anything where effects has {log}\n",
	  "2:39: expected 'any' or 'none' after 'has', found '{'"),
	P("allow any: anything where effects has any {}\n",
	  "2:43: 'has' needs at least one name"),
	P("allow any: anything where effects within {log, }\n",
	  "2:48: expected an effect, found '}'"),
	P("allow any: anything where scope within {galaxy}\n",
	  "2:41: there is no scope 'galaxy'; there are none, lba-range, namespace, nvm-set, endurance-group, controller, domain, subsystem, other-hosts"),
	P("allow any: anything where trust >= blind\n",
	  "2:36: expected a value (unlisted, declared, consistent, verified), found 'blind'"),
	P("allow any: anything where door = window\n",
	  "2:34: expected a value (native, controller, ns-char, ns-block, partition, sg, bsg, scsi-block, cxl, fwctl), found 'window'"),
	P("allow any: anything where length within {4}\n",
	  "2:34: expected =, !=, <, <=, >, >=, in or not in after 'length', found 'within'"),
	P("allow any: anything where writable = 1\n",
	  "2:36: expected the end of the statement, found '='"),
	P("allow any: anything where (writable\n",
	  "3:1: expected ')' after the conditions in parentheses, found the end of the file"),
	P("allow any: anything where writable and\n",
	  "3:1: expected a condition, found the end of the file"),
	P("allow any: anything where or writable\n",
	  "2:27: expected a field, found 'or'"),
	P("allow any: anything where\n",
	  "3:1: expected a condition, found the end of the file"),
	P("allow any: anything where ((((((((((writable))))))))))\n",
	  "2:35: too many parentheses"),
	P("allow any: anything where writable where claimed\n",
	  "2:36: expected the end of the statement, found 'where'"),
	P("allow any: anything with\n",
	  "3:1: expected alone, durable, length, fence, reserved = 0 or FIELD = VALUE, found the end of the file"),
	P("allow any: anything with haste\n",
	  "3:1: expected '=' and the value to set the field to, found the end of the file"),
	P("allow any: anything with alone durable\n",
	  "2:32: expected the end of the statement, found 'durable'"),
	P("allow any: anything with reserved = 1\n",
	  "2:26: reserved bits can only be set to 0"),
	P("allow any: nvme.admin.get-log-page with lid = 2\n",
	  "2:41: 'lid' says which command it is: it cannot be set"),
	P("allow any: nvme.admin.get-log-page with rae = 2\n",
	  "2:41: the value does not fit: at most 1"),
	P("allow any: nvme.admin.identify with rae = 1\n",
	  "2:37: nvme.admin.identify has no field 'rae'; it has opcode, nsid, cns, uidx, cntid, cnssid, csi"),
	P("allow any: nvme.admin.identify with nsid = 1\n",
	  "2:37: opcode, flags and namespace cannot be set"),
	P("allow any: nvme.admin.identify with cdw13[3:0] = 1\n",
	  "2:37: these bits are reserved in nvme.admin.identify.ns: 'reserved = 0' clears them"),
	P("allow any: anything with fence 1\n",
	  "2:32: expected 'namespace' after 'fence', found the number 1"),
	P("allow any: anything with fence namespace 0\n",
	  "2:42: a fence is around one namespace, 1 or more"),
	P("allow any: anything with fence namespace 1 lba 9..3\n",
	  "2:48: the range ends before it begins"),
	P("allow any: anything with log[0] = 1\n",
	  "2:26: only fields of the command can be set"),
	P("allow any: nvme.admin.get-log-page with rae = 1\nallow root: nvme.admin.get-log-page.smart with rae = 0\n",
	  "3:1: it sets a field differently than the rule at p.policy:2 does for the same command"),
	P("observe until tomorrow\n",
	  "2:15: expected a date like 2026-12-31, found 'tomorrow'"),
	P("observe until 2026-13-01\n",
	  "2:15: there is no day '2026-13-01'"),
	P("observe until 2026-02-30\n",
	  "2:15: there is no day '2026-02-30'"),
	P("observe 2026-12-31\n",
	  "2:9: expected 'until' after 'observe', found the date 2026-12-31"),
	P("include health\n",
	  "2:9: expected the name of a file in quotes, found 'health'"),
	P("include \"no-such-file.policy\"\n",
	  "2:9: 'no-such-file.policy' cannot be read: No such file or directory"),
	P("include \"p.policy\"\n",
	  "2:9: 'p.policy' includes itself"),
	P("allow any: anything; deny any: anything\n",
	  "2:20: ';' has no meaning here"),
	P("allow any: anything where cdw10[7:0] = \"x\"\n",
	  "2:40: expected a value, found the string \"x\""),
	P("allow any: \"nvme.admin.identify\"\n",
	  "2:12: expected a command like nvme.admin.identify, a class, or anything, found the string \"nvme.admin.identify\""),
	P("allow any: anything where lid \357\274\235 2\n",
	  "2:31: byte efh has no meaning outside comments and strings"),
	P("allow any: nvme.admin.identify where (cns = 0 or cns = 1) and (cns = 2 or cns = 3) and (cns = 4 or cns = 5) and (cns = 6 or cns = 7) and (cns = 8 or cns = 9) and (cns = 10 or cns = 11) and (cns = 12 or cns = 13)\n",
	  "2:190: more than 64 alternatives: write several rules"),
	P("allow any: nvme.admin.identify where length != 0 and length != 1 and length != 2 and length != 3 and length != 4 and length != 5 and length != 6 and length != 7 and length != 8 and length != 9 and length != 10 and length != 11 and length != 12 and length != 13 and length != 14 and length != 15 and length != 16\n",
	  "2:1: it takes more than 16 conditions: write several rules"),
};
/* clang-format on */

static unsigned failures;

static void one(const char *text, size_t size, const char *message)
{
	static struct sl_policy_messages msgs;
	struct sl_policy *policy = NULL;
	char got[640] = "";
	void *image = NULL;
	size_t n;
	int r;

	memset(&msgs, 0, sizeof(msgs));
	r = sl_policy_parse("p.policy", text, size, &msgs, &policy);
	assert((r == 0) == (policy != NULL));
	if (r == 0) {
		r = sl_policy_compile(policy, &msgs, &image, &n);
		(void)sl_policy_free(policy);
	}
	if (msgs.n)
		(void)snprintf(got, sizeof(got), "%u:%u: %s", msgs.m[0].diag.line,
			       msgs.m[0].diag.column, msgs.m[0].diag.text);
	if (r < 0 && !image && msgs.errors == 1 && strcmp(got, message) == 0)
		return;
	failures++;
	(void)fprintf(stderr, "%.*s\nexpected: %s\ngot %u messages: %s\n", (int)size, text, message,
		      msgs.errors, got);
	free(image);
}

/* Cut anywhere, a good policy is either a policy still or refused: never a crash, never a part. */
static void cut_everywhere(void)
{
	static const char good[] = HEAD
		"who m = uid 998 or gid 6 and label \"x*\"\n"
		"device d = model \"INTEL*\" and firmware \"V1\"\n"
		"field f = cdw12[7:0]\n"
		"class c = nvme.admin.get-log-page where lid in {2, 0x3..5} and (rae = 1 or f != "
		"2)\n"
		"allow m or root: c on d where effects within {none, log} and trust >= declared\n"
		"\twith rae = 1, reserved = 0, alone, length <= 4K, fence namespace 1 lba 0..9\n"
		"deny any: effects has any {firmware} and not claimed\n"
		"observe until 2026-12-31 on d\n";

	for (size_t n = 0; n < sizeof(good); n++) {
		static struct sl_policy_messages msgs;
		struct sl_policy *policy = NULL;
		int r;

		memset(&msgs, 0, sizeof(msgs));
		r = sl_policy_parse("p.policy", good, n, &msgs, &policy);
		assert((r == 0) == (policy != NULL) && (r == 0) == (msgs.errors == 0));
		assert(n + 1 < sizeof(good) || r == 0);
		(void)sl_policy_free(policy);
	}
}

/* Several statements may be wrong at once; each is told, and only so many. */
static void several(void)
{
	static struct sl_policy_messages msgs;
	static char text[8192] = HEAD;
	struct sl_policy *policy;

	for (unsigned i = 0; i < 40; i++)
		strcat(text, "allow any: nvme.admin.nothing\n");
	assert(sl_policy_parse("p.policy", text, strlen(text), &msgs, &policy) < 0);
	assert(msgs.n == SL_POLICY_MESSAGES && msgs.m[3].diag.line == 5);
	assert(!strcmp(msgs.m[0].source, "allow any: nvme.admin.nothing"));
}

int main(void)
{
	_Static_assert(sizeof(cases) / sizeof(cases[0]) >= 100, "a hundred ways to be wrong");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		one(cases[i].text, cases[i].size, cases[i].message);
	cut_everywhere();
	several();
	return failures != 0;
}
