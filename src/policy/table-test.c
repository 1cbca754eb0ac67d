/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/table-test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/table.h"
#include "policy/parse.h"
#include "spec/decode.h"
#include "spec/names.h"
#include "wire/wire.h"

#define LINE_MAX_BYTES 1024
#define WORDS_MAX      40
#define PAYLOAD_MAX    4096

struct run {
	const struct sl_policy *policy;
	const struct sl_image *img;
	const char *path;
	unsigned line;
	struct sl_diag *reterr;
	struct sl_contract *contract;
	char device[64];
	uint32_t protocol;
	void (*each)(void *userdata, const struct sl_policy_test_case *c);
	void *userdata;
};

static int fail(struct run *t, const char *fmt, const char *what)
{
	return sl_diag_set(t->reterr, -EBADMSG, t->path, t->line, 0, fmt, what);
}

/* Cuts a text into words, in place. Quotes keep blanks together, also after a '='. */
static unsigned words_of(char *s, char **word)
{
	unsigned n = 0;

	while (*s && n < WORDS_MAX) {
		char *to;
		bool quoted = false;

		while (*s == ' ' || *s == '\t')
			s++;
		if (!*s)
			break;
		word[n++] = to = s;
		for (; *s && (quoted || (*s != ' ' && *s != '\t')); s++) {
			if (*s == '"')
				quoted = !quoted;
			else
				*to++ = *s;
		}
		if (*s)
			s++;
		*to = 0;
	}
	return n;
}

static const char *after(const char *word, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(word, prefix, n) == 0 ? word + n : NULL;
}

static bool number(const char *s, uint64_t max, uint64_t *ret)
{
	char *end;
	size_t n = strlen(s);
	bool hex = n > 1 && (s[n - 1] == 'h' || s[n - 1] == 'H');

	errno = 0;
	*ret = strtoull(s, &end, hex ? 16 : 0);
	return n && !errno && s[0] != '-' && end == s + n - hex && *ret <= max;
}

/* --- the device ---------------------------------------------------------------------------- */

/* With one namespace, or logical unit, of which nothing is known but its size. */
static void another_device(struct sl_contract *c, uint8_t protocol)
{
	sl_contract_void(c);
	c->state = SL_CONTRACT_PRESENT;
	c->protocol = protocol;
	c->caught = 0;
	c->n_ns = 1;
	c->ns[0] = (struct sl_ns){.nsid = 1, .lba_shift = 9, .blocks = 1u << 20};
}

/* protocol=NAME, type=N: a peripheral device type, or fwctl's device type. */
static bool read_kind(struct run *t, const char *word)
{
	static const char *const names[] = {[SL_WIRE_NVME] = "nvme",
					    [SL_WIRE_SCSI] = "scsi",
					    [SL_WIRE_CXL] = "cxl",
					    [SL_WIRE_FWCTL] = "fwctl"};
	const char *value = after(word, "protocol=");
	uint64_t v;

	for (unsigned i = SL_WIRE_NVME; value && i < SL_COUNT(names); i++)
		if (strcmp(value, names[i]) == 0) {
			t->protocol = i;
			another_device(t->contract, (uint8_t)i);
			return true;
		}
	value = after(word, "type=");
	if (!value || !number(value, UINT8_MAX, &v))
		return false;
	t->contract->type = (uint8_t)v;
	return true;
}

static int read_device(struct run *t, char **word, unsigned n)
{
	struct sl_contract *c = t->contract;
	const struct {
		const char *prefix;
		char *to;
		size_t size;
	} texts[] = {{"model=", c->model, sizeof(c->model)},
		     {"firmware=", c->firmware, sizeof(c->firmware)},
		     {"serial=", c->serial, sizeof(c->serial)},
		     {"vendor=", c->vendor, sizeof(c->vendor)},
		     {"path=", t->device, sizeof(t->device)}};

	for (unsigned i = 0; i < n; i++) {
		const char *value = NULL;

		for (unsigned k = 0; k < SL_COUNT(texts) && !value; k++) {
			value = after(word[i], texts[k].prefix);
			if (value &&
			    snprintf(texts[k].to, texts[k].size, "%s", value) >= (int)texts[k].size)
				return fail(t, "'%s' is too long", word[i]);
		}
		if (strcmp(word[i], "caught") == 0)
			c->caught = 1;
		else if (!value && !read_kind(t, word[i]))
			return fail(t,
				    "expected protocol=, type=, model=, firmware=, serial=, "
				    "vendor=, path= or caught, found '%s'",
				    word[i]);
	}
	return 0;
}

static int read_namespace(struct run *t, char **word, unsigned n)
{
	struct sl_contract *c = t->contract;
	struct sl_ns ns = {.lba_shift = 9, .blocks = 1u << 20};
	struct sl_ns *to = NULL;
	uint64_t v;

	if (!n || !number(word[0], UINT32_MAX - 1, &v) || !v)
		return fail(t, "expected a namespace's number%s", "");
	ns.nsid = (uint32_t)v;
	for (unsigned i = 1; i < n; i++) {
		if (strcmp(word[i], "in-use") == 0)
			ns.used_by_kernel = 1;
		else if (strcmp(word[i], "claimed") == 0)
			ns.claimed = 1;
		else if (after(word[i], "blocks=") &&
			 number(after(word[i], "blocks="), UINT64_MAX, &v))
			ns.blocks = v;
		else if (after(word[i], "csi=") && number(after(word[i], "csi="), 2, &v))
			ns.csi = (uint8_t)v;
		else
			return fail(t, "expected in-use, claimed, blocks=N or csi=N, found '%s'",
				    word[i]);
	}
	for (uint32_t i = 0; i < c->n_ns; i++)
		if (c->ns[i].nsid == ns.nsid)
			to = &c->ns[i];
	if (!to) {
		if (c->n_ns == SL_NS_MAX)
			return fail(t, "too many namespaces%s", "");
		to = &c->ns[c->n_ns++];
	}
	*to = ns;
	return 0;
}

/* The bit of an effects log that stands for an effect (Base specification 5.1.12.1.6). */
static uint32_t log_bit(unsigned effect)
{
	return effect == SL_EB_DATA	    ? 1u << 1
	       : effect == SL_EB_CAPABILITY ? 1u << 2
	       : effect == SL_EB_INVENTORY  ? 1u << 3
	       : effect == SL_EB_CONFIG	    ? 1u << 4
					    : 0;
}

/* The key under which a log of the device lists the command. */
static uint64_t key_of(const struct run *t, uint16_t row, const struct sl_command *cmd)
{
	uint8_t set = sl_rows[row].set;
	uint16_t value = SL_SEL_ANY;
	struct sl_field sel;

	if (t->protocol != SL_WIRE_NVME)
		set = sl_set_of_type(sl_sets[set].asked, t->contract->type);
	if (sl_rows[row].flags & SL_ROW_SELECTOR)
		value = sl_row_selector(row, &sel) ? (uint16_t)sl_field_get(&sel, cmd->req)
						   : cmd->req[1];
	return sl_key(set, cmd->req[0], value);
}

/* feature UUID [word=N] [fixed]: one of a CXL device; it can be set unless it is fixed. */
static int read_feature(struct run *t, char **word, unsigned n)
{
	struct sl_contract *c = t->contract;
	struct sl_feature f = {.flags = 1, .set_size = 16};
	const char *hex = "0123456789abcdef";
	unsigned digits = 0;
	uint64_t v;

	for (const char *s = n ? word[0] : ""; *s; s++) {
		const char *d = strchr(hex, *s);

		if (*s == '-')
			continue;
		if (!d || digits == 32)
			return fail(t, "'%s' is not a UUID", word[0]);
		f.uuid[digits / 2] = (uint8_t)(f.uuid[digits / 2] << 4 | (d - hex));
		digits++;
	}
	if (digits != 32 || c->n_features == SL_FEATURES_MAX)
		return fail(t, "expected the UUID of a feature%s", "");
	for (unsigned i = 1; i < n; i++) {
		if (strcmp(word[i], "fixed") == 0)
			f.flags = 0;
		else if (after(word[i], "word=") && number(after(word[i], "word="), 0xffff, &v))
			f.raw = (uint16_t)v;
		else
			return fail(t, "expected word=N or fixed, found '%s'", word[i]);
	}
	(void)sl_contract_cxl_word(f.raw, &f.declared);
	c->features[c->n_features++] = f;
	return 0;
}

/* declare COMMAND [opcode=N]: EFFECT…  What the device says of a command; `none`: no effect. */
static int read_declare(struct run *t, char **word, unsigned n)
{
	struct sl_command cmd;
	struct sl_entry *e;
	unsigned i = 0;
	uint16_t row;

	while (i < n && !strchr(word[i], ':'))
		i++;
	if (i == n)
		return fail(t, "expected ':' and effects after the command%s", "");
	*strchr(word[i], ':') = 0;
	struct sl_diag d = {0};

	if (sl_encode(word[0], word + 1, i, &cmd, &d) < 0)
		return fail(t, "%s", d.text);
	if (!sl_row_named(word[0], &row))
		return fail(t, "there is no command '%s'", word[0]);
	e = sl_contract_add(t->contract, key_of(t, row, &cmd));
	if (!e)
		return fail(t, "too many declarations%s", "");
	e->source = SL_SOURCE_LID05;
	e->flags |= SL_ENTRY_SUPPORTED;
	e->raw = 1;
	for (i++; i < n; i++) {
		uint64_t raw;
		unsigned b = 0;

		if (after(word[i], "log=") && number(after(word[i], "log="), UINT32_MAX, &raw)) {
			e->raw = (uint32_t)raw;
			continue;
		}
		if (strcmp(word[i], "caught") == 0) {
			e->flags |= SL_ENTRY_CAUGHT;
			continue;
		}
		while (b < _SL_EFFECT_N && strcmp(sl_effect_name(b), word[i]) != 0)
			b++;
		if (b < _SL_EFFECT_N) {
			e->declared |= 1u << b;
			e->raw |= log_bit(b);
		} else if (strcmp(word[i], "none") != 0) {
			return fail(t, "there is no effect '%s'", word[i]);
		}
	}
	return 0;
}

/* --- one line ------------------------------------------------------------------------------ */

static int read_who(struct run *t, char **word, unsigned n, struct sl_identity *who,
		    struct sl_command *cmd)
{
	*who = (struct sl_identity){.uid = 65534, .known = 1};
	for (unsigned i = 0; i < n; i++) {
		const char *s;
		uint64_t v;

		if (strcmp(word[i], "any") == 0)
			continue;
		if (strcmp(word[i], "root") == 0)
			who->uid = 0;
		else if (strcmp(word[i], "unknown") == 0)
			who->known = 0;
		else if (strcmp(word[i], "writable") == 0)
			cmd->writable = 1;
		else if ((s = after(word[i], "uid:")) && number(s, UINT32_MAX, &v))
			who->uid = (uint32_t)v;
		else if ((s = after(word[i], "gid:")) && number(s, UINT32_MAX, &v) &&
			 who->n_gids < SL_GIDS_MAX)
			who->gids[who->n_gids++] = (uint32_t)v;
		else if ((s = after(word[i], "label:")) && strlen(s) < SL_LABEL_MAX)
			(void)snprintf(who->label, sizeof(who->label), "%s", s);
		else if ((s = after(word[i], "node:")) && number(s, UINT32_MAX, &v))
			cmd->node_nsid = (uint32_t)v;
		else if ((s = after(word[i], "door:"))) {
			const struct sl_word *w = sl_word_find(SL_WORD_DOOR, s, strlen(s));

			if (!w)
				return fail(t, "there is no door '%s'", s);
			cmd->door = (uint8_t)w->value;
		} else {
			return fail(t,
				    "expected any, root, unknown, writable, uid:, gid:, label:, "
				    "door: or node:, found '%s'",
				    word[i]);
		}
	}
	return 0;
}

static int read_hex(struct run *t, const char *s, uint8_t *to, size_t max, size_t *ret_n)
{
	size_t n = strlen(s);

	if (n % 2 || n / 2 > max || strspn(s, "0123456789abcdefABCDEF") != n)
		return fail(t, "'%s' is not bytes in hex", s);
	for (size_t i = 0; i < n / 2; i++) {
		char two[3] = {s[2 * i], s[2 * i + 1], 0};

		to[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	*ret_n = n / 2;
	return 0;
}

/* The bytes of a request, of the set that the device has: hex=BYTES [queue=admin|io] [data=N]. */
static int read_raw(struct run *t, char **word, unsigned n, struct sl_command *cmd)
{
	static const uint8_t sets[] = {[SL_WIRE_SCSI] = SL_SET_SCSI,
				       [SL_WIRE_CXL] = SL_SET_CXL,
				       [SL_WIRE_FWCTL] = SL_SET_FWCTL};
	size_t got = 0;

	if (read_hex(t, after(word[0], "hex="), cmd->req, SL_REQ_MAX, &got) < 0)
		return -EBADMSG;
	cmd->set = SL_SET_NVME_ADMIN;
	cmd->req_len = SL_REQ_MAX;
	for (unsigned i = 1; i < n; i++) {
		const char *data = after(word[i], "data=");
		uint64_t v;

		if (data && number(data, PAYLOAD_MAX, &v))
			cmd->data_len = (uint32_t)v;
		else if (strcmp(word[i], "queue=io") == 0)
			cmd->set = SL_SET_NVME_IO;
		else if (strcmp(word[i], "queue=admin") != 0)
			return fail(t, "'%s' says nothing about bytes", word[i]);
	}
	if (t->protocol != SL_WIRE_NVME) {
		cmd->set = sets[t->protocol];
		cmd->req_len = (uint16_t)got;
	}
	return 0;
}

/* COMMAND field=value… [payload=HEX], or what read_raw takes */
static int read_command(struct run *t, char **word, unsigned n, struct sl_command *cmd,
			uint8_t *data)
{
	struct sl_command asked = {0};
	struct sl_diag d = {0};
	unsigned kept = 0;
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		const char *s = after(word[i], "payload=");

		if (!s)
			word[kept++] = word[i];
		else if (read_hex(t, s, data, PAYLOAD_MAX, &len) < 0)
			return -EBADMSG;
	}
	if (!kept)
		return fail(t, "expected a command%s", "");
	if (after(word[0], "hex=")) {
		if (read_raw(t, word, kept, &asked) < 0)
			return -EBADMSG;
	} else if (sl_encode_payload(word[0], word + 1, kept - 1, &asked, data, PAYLOAD_MAX, &len,
				     &d) < 0) {
		return fail(t, "%s", d.text);
	}
	asked.door = cmd->door;
	asked.writable = cmd->writable;
	asked.node_nsid = cmd->node_nsid;
	/* As a front end asks for it: the device's type decides what it is. */
	if (t->protocol != SL_WIRE_NVME)
		asked.set = sl_sets[asked.set].asked;
	*cmd = asked;
	if (len > cmd->data_len)
		cmd->data_len = (uint32_t)len;
	if (!asked.data_len && !len) {
		/* What follows from the command and the namespace, as a well-meaning tool would. */
		struct sl_command resolved = asked;
		struct sl_facts f;

		sl_command_resolve(t->contract, &resolved);
		sl_facts_collect(t->contract, &resolved, data, &f);
		if (f.length_known && f.length <= PAYLOAD_MAX)
			cmd->data_len = f.length;
		cmd->meta_len = f.meta_length;
	}
	if (cmd->data_len && cmd->dir == SL_DIR_NONE) {
		struct sl_command resolved = *cmd;

		sl_command_resolve(t->contract, &resolved);
		resolved.dir = len ? SL_DIR_OUT : SL_DIR_IN;
		cmd->dir = sl_command_dir(&resolved);
	}
	if (!cmd->data_len)
		cmd->dir = SL_DIR_NONE;
	return 0;
}

/* allow|deny [line N] [alone] [durable] [observed] [sent field=value…] */
static int compare(struct run *t, char **word, unsigned n, const struct sl_command *final,
		   const struct sl_verdict *v, unsigned line, bool *ret_passed)
{
	bool sent = false;

	if (!n || (strcmp(word[0], "allow") != 0 && strcmp(word[0], "deny") != 0))
		return fail(t, "expected allow or deny%s", "");
	*ret_passed = v->allow == (word[0][0] == 'a');
	for (unsigned i = 1; i < n; i++) {
		char *eq = strchr(word[i], '=');
		uint64_t value;

		if (strcmp(word[i], "line") == 0 && i + 1 < n &&
		    number(word[i + 1], UINT32_MAX, &value)) {
			*ret_passed &= value == line;
			i++;
		} else if (strcmp(word[i], "alone") == 0) {
			*ret_passed &= (v->flags & SL_VERDICT_ALONE) != 0;
		} else if (strcmp(word[i], "durable") == 0) {
			*ret_passed &= (v->flags & SL_VERDICT_DURABLE) != 0;
		} else if (strcmp(word[i], "observed") == 0) {
			*ret_passed &= (v->flags & SL_VERDICT_OBSERVED) != 0;
		} else if (strcmp(word[i], "sent") == 0) {
			sent = true;
		} else if (sent && eq && number(eq + 1, UINT64_MAX, &value)) {
			struct sl_field f;

			*eq = 0;
			if (!sl_name_field(word[i], v->facts.row, &f))
				return fail(t, "the command has no field '%s'", word[i]);
			*eq = '=';
			*ret_passed &= sl_field_get(&f, final->req) == value;
		} else {
			return fail(t,
				    "expected line N, alone, durable, observed or sent "
				    "FIELD=VALUE, found '%s'",
				    word[i]);
		}
	}
	return 0;
}

static int judge(struct run *t, const struct sl_identity *who, struct sl_command *cmd,
		 const uint8_t *data, struct sl_verdict *v, unsigned *ret_line, bool *ret_agree)
{
	const struct sl_policy_device device = {t->device, t->protocol};
	const struct sl_rule *rules = sl_image_at(t->img, t->img->rules);
	struct sl_command again = *cmd;
	struct sl_verdict slow;
	struct sl_bind bind;
	unsigned line = 0;

	if (sl_image_bind(t->img, who, t->contract, t->device, t->protocol, &bind) < 0)
		return fail(t, "too many parts of the policy are about this client%s", "");
	sl_judge(t->img, &bind, t->contract, cmd, data, 0, v);
	sl_slow_judge(t->policy, who, &device, t->contract, &again, data, 0, &slow);
	if (slow.rule)
		(void)sl_policy_rule_place(t->policy, slow.rule - 1, &line);
	*ret_line = v->rule ? rules[v->rule - 1].line : 0;
	*ret_agree = v->allow == slow.allow && v->reason == slow.reason && line == *ret_line &&
		     memcmp(cmd->req, again.req, sizeof(cmd->req)) == 0;
	return 0;
}

static int test_line(struct run *t, char *who_text, char *command_text, char *expected_text)
{
	struct sl_policy_test_case c = {.line = t->line};
	char copy[3][LINE_MAX_BYTES];
	char *word[WORDS_MAX];
	struct sl_command cmd = {0};
	struct sl_identity who;
	struct sl_verdict v;
	uint8_t *data = calloc(1, PAYLOAD_MAX);
	unsigned line = 0;
	bool agree = false;
	int r;

	if (!data)
		return -ENOMEM;
	(void)snprintf(copy[0], sizeof(copy[0]), "%s", who_text);
	(void)snprintf(copy[1], sizeof(copy[1]), "%s", command_text);
	(void)snprintf(copy[2], sizeof(copy[2]), "%s", expected_text);
	c.who = copy[0];
	c.command = copy[1];
	c.expected = copy[2];
	r = read_who(t, word, words_of(who_text, word), &who, &cmd);
	if (r == 0)
		r = read_command(t, word, words_of(command_text, word), &cmd, data);
	if (r == 0)
		r = judge(t, &who, &cmd, cmd.dir & SL_DIR_OUT ? data : NULL, &v, &line, &agree);
	if (r == 0)
		r = compare(t, word, words_of(expected_text, word), &cmd, &v, line, &c.passed);
	free(data);
	if (r < 0)
		return r;
	c.passed &= agree;
	(void)snprintf(c.got, sizeof(c.got), "%s", v.allow ? "allow" : "deny");
	if (line)
		(void)snprintf(c.got + strlen(c.got), sizeof(c.got) - strlen(c.got), " line %u",
			       line);
	if (!v.allow)
		(void)snprintf(c.got + strlen(c.got), sizeof(c.got) - strlen(c.got), ": %s",
			       sl_reason_text(v.reason));
	if (!agree)
		(void)snprintf(c.got + strlen(c.got), sizeof(c.got) - strlen(c.got),
			       " (and the two evaluators differ: a defect)");
	t->each(t->userdata, &c);
	return 0;
}

static char *trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = 0;
	return s;
}

static int do_line(struct run *t, char *s)
{
	char *bar1 = strchr(s, '|'), *bar2 = bar1 ? strchr(bar1 + 1, '|') : NULL;
	char *word[WORDS_MAX];
	unsigned n;

	if (bar2) {
		*bar1 = *bar2 = 0;
		return test_line(t, trim(s), trim(bar1 + 1), trim(bar2 + 1));
	}
	if (bar1)
		return fail(t, "expected WHO | COMMAND | VERDICT%s", "");
	n = words_of(s, word);
	if (n && strcmp(word[0], "device") == 0)
		return read_device(t, word + 1, n - 1);
	if (n && strcmp(word[0], "namespace") == 0)
		return read_namespace(t, word + 1, n - 1);
	if (n && strcmp(word[0], "feature") == 0)
		return read_feature(t, word + 1, n - 1);
	if (n && strcmp(word[0], "declare") == 0)
		return read_declare(t, word + 1, n - 1);
	return fail(t,
		    "expected WHO | COMMAND | VERDICT, or device, namespace, feature or declare, "
		    "found '%s'",
		    n ? word[0] : "");
}

int sl_policy_table_test(const struct sl_policy *policy, const struct sl_image *img,
			 const char *path,
			 void (*each)(void *userdata, const struct sl_policy_test_case *c),
			 void *userdata, struct sl_diag *reterr)
{
	struct run t = {
		.policy = policy,
		.img = img,
		.path = path,
		.reterr = reterr,
		.device = "device",
		.protocol = SL_WIRE_NVME,
		.each = each,
		.userdata = userdata,
	};
	FILE *f = fopen(path, "re");
	char line[LINE_MAX_BYTES];
	int r = 0;

	if (!f)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	t.contract = calloc(1, sizeof(*t.contract));
	if (!t.contract) {
		(void)fclose(f);
		return sl_diag_set(reterr, -ENOMEM, path, 0, 0, "out of memory");
	}
	t.contract->generation = 1;
	t.contract->max_transfer = UINT32_MAX;
	another_device(t.contract, SL_WIRE_NVME);
	while (r == 0 && fgets(line, sizeof(line), f)) {
		char *s;

		t.line++;
		if (!strchr(line, '\n') && strlen(line) == sizeof(line) - 1) {
			r = fail(&t, "the line is too long%s", "");
			break;
		}
		if (strchr(line, '#'))
			*strchr(line, '#') = 0;
		s = trim(line);
		if (*s)
			r = do_line(&t, s);
	}
	if (r == 0 && ferror(f))
		r = sl_diag_set(reterr, -EIO, path, 0, 0, "cannot be read");
	free(t.contract);
	(void)fclose(f);
	return r;
}
