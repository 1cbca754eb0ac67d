/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice explain`: a command by its names, by its bytes, or the last one that was denied. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/record.h"
#include "ledger/reader.h"
#include "spec/decode.h"
#include "spec/nvme.h"

struct explain {
	struct sl_question q;
	struct sl_compiled policy;
	struct sl_identity who;
	struct sl_contract bare; /* where no device is given */
	struct sl_doc *doc;
	char assumed[256];
	uint8_t *data; /* the payload */
	size_t data_len;
};

/* Who asks */

static int number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	return errno || end == text || *end || text[0] == '-' || *ret > max ? -EINVAL : 0;
}

/* "uid:1000", "gid:6", "label:metrics": each given adds to the identity. */
static int parse_who(struct sl_cli *cli, struct sl_identity *who)
{
	const char *text;
	uint64_t n;
	int r;

	if (!sl_cli_given(cli, "as")) {
		r = sl_identity_self("", who);
		return r < 0 ? sl_cli_error(SL_EXIT_FAILED, "your groups: %s", strerror(-r)) : 0;
	}
	*who = (struct sl_identity){.known = 1};
	/* Nobody in particular, unless a uid is given. */
	who->uid = 65534;
	for (unsigned i = 0; (text = sl_cli_nth(cli, "as", i)); i++) {
		if (strncmp(text, "uid:", 4) == 0 && number(text + 4, UINT32_MAX, &n) == 0) {
			who->uid = (uint32_t)n;
		} else if (strncmp(text, "gid:", 4) == 0 && who->n_gids < SL_GIDS_MAX &&
			   number(text + 4, UINT32_MAX, &n) == 0) {
			who->gids[who->n_gids++] = (uint32_t)n;
		} else if (strncmp(text, "label:", 6) == 0 && text[6] &&
			   strlen(text + 6) < sizeof(who->label)) {
			strcpy(who->label, text + 6);
		} else {
			return sl_cli_usage(
				cli, "--as %s: give uid:NUMBER, gid:NUMBER or label:NAME", text);
		}
	}
	return 0;
}

/* What is asked */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *p;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

/* 64 bytes, as hex digits with whatever blanks, colons or commas between them. */
static int parse_hex(struct sl_cli *cli, const char *text, struct sl_command *cmd)
{
	const char *queue = sl_cli_get(cli, "queue");
	unsigned n = 0;

	for (const char *p = text; *p; p++) {
		int high, low;

		if (strchr(" \t\n:,_", *p))
			continue;
		high = hex_digit(*p);
		low = high < 0 ? -1 : hex_digit(p[1]);
		if (low < 0)
			return sl_cli_usage(cli, "--hex: '%.8s' is not a byte in hex", p);
		if (n == SL_REQ_MAX)
			return sl_cli_usage(cli,
					    "--hex: more than the %d bytes of a submission "
					    "queue entry",
					    SL_REQ_MAX);
		cmd->req[n++] = (uint8_t)(high << 4 | low);
		p++;
	}
	if (n != SL_REQ_MAX)
		return sl_cli_usage(cli, "--hex: %u bytes; a submission queue entry has %d", n,
				    SL_REQ_MAX);
	if (strcmp(queue, "admin") == 0)
		cmd->set = SL_SET_NVME_ADMIN;
	else if (strcmp(queue, "io") == 0)
		cmd->set = SL_SET_NVME_IO;
	else
		return sl_cli_usage(cli, "--queue %s: admin or io", queue);
	cmd->req_len = SL_REQ_MAX;
	return 0;
}

static int read_payload(struct sl_cli *cli, struct explain *x)
{
	const char *path = sl_cli_get(cli, "data");
	FILE *f;

	x->data = calloc(1, SL_WIRE_DATA_MAX);
	if (!x->data)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	if (!path)
		return 0;
	f = fopen(path, "re");
	if (f)
		x->data_len = fread(x->data, 1, SL_WIRE_DATA_MAX, f);
	if (!f || ferror(f) || fgetc(f) != EOF) {
		const char *why = !f ? strerror(errno) : ferror(f) ? "cannot be read" : "too long";

		if (f)
			(void)fclose(f);
		return sl_cli_error(SL_EXIT_FAILED, "%s: %s", path, why);
	}
	(void)fclose(f);
	return 0;
}

/* A buffer that fits, where the request says how long it must be. */
static void fit_buffer(struct explain *x)
{
	struct sl_command *cmd = &x->q.cmd;
	struct sl_command resolved = *cmd;
	struct sl_facts f;

	sl_command_resolve(x->q.contract, &resolved);
	cmd->dir = sl_rows[sl_row_find(resolved.set, cmd->req)].dir;
	resolved.dir = cmd->dir;
	if (x->data_len && cmd->dir == SL_DIR_OUT) {
		cmd->data_len = (uint32_t)x->data_len;
		return;
	}
	resolved.data_len = SL_WIRE_DATA_MAX;
	sl_facts_collect(x->q.contract, &resolved, x->data, &f);
	cmd->data_len = f.length_known ? f.length : 0;
	cmd->meta_len = f.length_known ? f.meta_length : 0;
	if (!cmd->data_len)
		cmd->dir = SL_DIR_NONE;
}

/* On what device */

static void assume(struct explain *x)
{
	uint32_t nsid = sl_get_le32(x->q.cmd.req + 4);

	x->bare.generation = 1;
	x->q.contract = &x->bare;
	x->q.device = "any";
	if (!nsid || nsid == NVME_NSID_ALL) {
		(void)snprintf(x->assumed, sizeof(x->assumed),
			       "a device that declares nothing; --device SPEC asks a real one");
	} else {
		x->bare.n_ns = 1;
		x->bare.ns[0] = (struct sl_ns){
			.nsid = nsid,
			.lba_shift = 9,
			.blocks = UINT64_C(1) << 31,
		};
		(void)snprintf(x->assumed, sizeof(x->assumed),
			       "a device that declares nothing, namespace %u of 512-byte blocks; "
			       "--device SPEC asks a real one",
			       nsid);
	}
	x->q.assumed = x->assumed;
}

static int find_device(struct sl_cli *cli, struct explain *x)
{
	const char *spec = sl_cli_get(cli, "device");
	char ledger[4096];

	if (!spec) {
		assume(x);
		return 0;
	}
	(void)snprintf(ledger, sizeof(ledger), "%s", sl_cli_get(cli, "ledger"));
	if (sl_gate_read_contract(spec, ledger, &x->doc) < 0)
		return SL_EXIT_FAILED;
	x->q.contract = &x->doc->contract;
	x->q.device = spec;
	return 0;
}

static int ask(struct sl_cli *cli, struct explain *x)
{
	const char *hex = sl_cli_get(cli, "hex");
	struct sl_diag d = {0};
	int r;

	if (!hex && !cli->argc)
		return sl_cli_usage(cli, "give a command, --hex or --last");
	if (hex && cli->argc)
		return sl_cli_usage(cli, "give a command by name or by --hex, not both");
	if (hex)
		r = parse_hex(cli, hex, &x->q.cmd);
	else
		r = sl_encode(cli->argv[0], cli->argv + 1, (unsigned)cli->argc - 1, &x->q.cmd, &d) <
				    0
			    ? sl_cli_diag(SL_EXIT_USAGE, &d)
			    : 0;
	if (r == 0)
		r = parse_who(cli, &x->who);
	if (r == 0)
		r = read_payload(cli, x);
	if (r == 0)
		r = find_device(cli, x);
	if (r == 0 && sl_policy_open(sl_cli_get(cli, "policy"), &x->policy) < 0)
		r = SL_EXIT_FAILED;
	if (r)
		return r;
	if (!x->q.cmd.data_len)
		fit_buffer(x);
	x->q.policy = &x->policy;
	x->q.who = &x->who;
	x->q.data = x->q.cmd.dir == SL_DIR_OUT ? x->data : NULL;
	return 0;
}

/* --last */

struct last {
	struct sl_record rec;
	bool found;
	char policy[64]; /* that the broker of the record had */
};

static int newest(void *arg, const char *path)
{
	struct last *l = arg;
	struct sl_ledger_reader *r;
	struct sl_record rec, start = {0};
	struct sl_diag d = {0};
	int n;

	if (sl_ledger_reader_new(path, &r, &d) < 0)
		return sl_cli_diag(0, &d);
	while ((n = sl_ledger_reader_next(r, &rec, &d)) == 1) {
		if (rec.type == SL_RECORD_START)
			start = rec;
		if (rec.type == SL_RECORD_DENIAL && (!l->found || rec.time_ns > l->rec.time_ns)) {
			l->rec = rec;
			l->found = true;
			memcpy(l->policy, start.text, sizeof(l->policy));
		}
	}
	if (n < 0)
		(void)sl_cli_diag(0, &d);
	sl_ledger_reader_free(r);
	return 0;
}

/* What the ledger knows of it is what was decided then; the policy is asked again for remedies. */
static void show_record(struct sl_emit *e, const struct sl_record *rec)
{
	struct sl_command asked = {.set = rec->set}, final = asked;
	struct sl_facts f = {
		.row = sl_record_row(rec),
		.floor = rec->floor,
		.declared = rec->declared,
		.declared_known = rec->declared != 0,
		.effective = rec->effects,
	};
	char when[40], rule[96];

	memcpy(asked.req, rec->requested, sizeof(asked.req));
	memcpy(final.req, rec->final, sizeof(final.req));
	sl_record_when(rec, when, sizeof(when));
	sl_record_rule(rec, rule, sizeof(rule));
	sl_emit_str(e, "command", "command", "%s", sl_rows[f.row].name);
	sl_emit_str(e, "specification", "specified in", "%s", sl_rows[f.row].spec);
	sl_emit_str(e, "device", "device", "%s", rec->device);
	sl_emit_str(e, "time", "denied at", "%s", when);
	sl_emit_u64(e, "record", "ledger record", rec->seq);
	sl_emit_u64(e, "uid", "asked by uid", rec->uid);
	sl_explain_fields(e, &asked, &final);
	sl_emit_object(e, "effects", "Effects");
	sl_emit_bits(e, "effective", "judged by", f.effective, sl_effect_name);
	sl_emit_bits(e, "floor", "floor (our table)", f.floor, sl_effect_name);
	sl_emit_bits(e, "declared", "declared (the device)", f.declared, sl_effect_name);
	sl_emit_end(e);
	sl_emit_object(e, "decision", "Decision");
	sl_emit_bool(e, "allowed", NULL, false);
	sl_emit_str(e, "verdict", "verdict", "denied");
	sl_emit_str(e, "reason", "because", "%s", sl_reason_text(rec->reason));
	sl_emit_str(e, "rule", "rule", "%s", rule[0] ? rule : "none matched");
	if (rec->rule)
		sl_explain_rule(e, rec->text, rec->line);
	sl_emit_end(e);
}

/* The policy that denied it, as far as it can be found by its name; else the one that is asked for.
 */
static int open_policy_of(struct sl_cli *cli, const struct last *l, struct explain *x)
{
	char path[4096];

	if (!sl_cli_given(cli, "policy") && l->policy[0]) {
		if (sl_policy_find(l->policy, path, sizeof(path)) == 0)
			return sl_policy_open(l->policy, &x->policy);
		(void)sl_cli_error(
			0,
			"it was denied by policy %s, which is none of the shipped or the "
			"site's: --policy FILE says which; what would allow it is asked of %s",
			l->policy, sl_cli_get(cli, "policy"));
	}
	return sl_policy_open(sl_cli_get(cli, "policy"), &x->policy);
}

/* What the device declared then, as the record has it: it is judged by again. */
static void declare(struct explain *x, const struct sl_record *rec)
{
	const struct sl_row *row = &sl_rows[sl_record_row(rec)];
	struct sl_entry *e;

	if (!rec->declared &&
	    (!(row->flags & SL_ROW_VENDOR) || rec->reason == SL_REASON_VENDOR_UNDECLARED))
		return;
	e = sl_contract_add(&x->bare, sl_key(rec->set, rec->requested[0], SL_SEL_ANY));
	if (!e)
		return;
	x->bare.state = SL_CONTRACT_PRESENT;
	e->declared = rec->declared;
	e->source = SL_SOURCE_LID05;
	e->flags |= SL_ENTRY_SUPPORTED;
	if (rec->declared & SL_E_UNKNOWN)
		e->flags |= SL_ENTRY_RESERVED;
}

static void question_of(const struct sl_record *rec, struct explain *x)
{
	x->q.cmd = (struct sl_command){
		.set = rec->set,
		.dir = rec->dir,
		.door = rec->door,
		.writable = rec->writable,
		.req_len = SL_REQ_MAX,
		.data_len = rec->data_len,
	};
	memcpy(x->q.cmd.req, rec->requested, SL_REQ_MAX);
	x->who = (struct sl_identity){.uid = rec->uid, .known = 1};
	assume(x);
	declare(x, rec);
	x->bare.caught = rec->reason == SL_REASON_CAUGHT;
	x->q.who = &x->who;
	x->q.policy = &x->policy;
	x->q.data = x->data;
}

static int explain_last(struct sl_cli *cli, struct explain *x)
{
	struct last *l = calloc(1, sizeof(*l));
	char dir[4096];
	struct sl_emit *e;
	struct sl_verdict v;
	int r;

	x->data = calloc(1, SL_WIRE_DATA_MAX);
	if (!l || !x->data) {
		free(l);
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	}
	(void)snprintf(dir, sizeof(dir), "%s", sl_cli_get(cli, "ledger"));
	r = sl_ledger_files(dir, newest, l);
	if (r < 0 || !l->found) {
		free(l);
		return sl_cli_error(SL_EXIT_FAILED, "%s: no denied command is recorded there", dir);
	}
	e = sl_cli_emit(cli);
	show_record(e, &l->rec);
	question_of(&l->rec, x);
	if (open_policy_of(cli, l, x) == 0 &&
	    sl_question_judge(&x->q, x->policy.image, &x->q.cmd, &v) == 0 && !v.allow)
		sl_explain_remedies(&x->q, e, &x->q.cmd, &v);
	free(l);
	return sl_cli_finish(e, SL_EXIT_OK);
}

int sl_verb_explain(struct sl_cli *cli)
{
	struct explain *x = calloc(1, sizeof(*x));
	struct sl_verdict v = {0};
	struct sl_emit *e;
	int r;

	if (!x)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	if (sl_cli_given(cli, "last")) {
		r = cli->argc || sl_cli_given(cli, "hex") ? sl_cli_usage(cli, "--last stands alone")
							  : explain_last(cli, x);
	} else {
		r = ask(cli, x);
		if (r == 0) {
			e = sl_cli_emit(cli);
			r = sl_question_answer(&x->q, e, &v);
			if (r < 0)
				r = sl_cli_error(SL_EXIT_FAILED,
						 "too many rules apply to this client: %s",
						 strerror(-r));
			r = sl_cli_finish(e, r ? r : v.allow ? SL_EXIT_OK : SL_EXIT_DENIED);
		}
	}
	sl_policy_close(&x->policy);
	sl_doc_free(x->doc);
	free(x->data);
	free(x);
	return r;
}
