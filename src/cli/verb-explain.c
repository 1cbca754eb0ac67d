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
#include "core/decode-cxl.h"
#include "ledger/reader.h"
#include "policy/parse.h"
#include "spec/decode.h"
#include "spec/names.h"
#include "spec/nvme.h"

#define HEX_MAX 4096u /* bytes of --hex: a request, and a mailbox's payload */

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

/*
 * What --hex is a request of: the queue or set that was named, else the device's own. A set's name
 * ("scsi.sbc") says the device's type as well.
 */
static int hex_set(struct sl_cli *cli, const struct explain *x, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t protocol, set;
	} queues[] = {{"admin", SL_WIRE_NVME, SL_SET_NVME_ADMIN},
		      {"io", 0, SL_SET_NVME_IO},
		      {"scsi", SL_WIRE_SCSI, SL_SET_SCSI_SBC},
		      {"cxl", SL_WIRE_CXL, SL_SET_CXL},
		      {"fwctl", SL_WIRE_FWCTL, SL_SET_FWCTL_CXL}};
	const char *queue = sl_cli_get(cli, "queue");
	uint8_t protocol = x->doc && !sl_cli_given(cli, "queue") ? x->doc->contract.protocol : 0;

	for (unsigned i = 0; i < SL_COUNT(queues); i++)
		if (protocol ? queues[i].protocol == protocol
			     : strcmp(queue, queues[i].name) == 0) {
			*ret = queues[i].set;
			if (*ret == SL_SET_FWCTL_CXL && x->doc)
				*ret = sl_set_of_type(SL_SET_FWCTL, x->doc->contract.type);
			return 0;
		}
	for (uint8_t set = SL_SET_NONE + 1; set < _SL_SET_N; set++)
		if (strcmp(queue, sl_sets[set].name) == 0) {
			*ret = set;
			return 0;
		}
	return sl_cli_usage(cli, "--queue %s: admin, io, scsi, cxl, fwctl or a command set's name",
			    queue);
}

/* How many bytes a request of the set has; what follows a mailbox header is the payload. */
static int split_hex(struct sl_cli *cli, struct explain *x, const uint8_t *bytes, size_t n)
{
	struct sl_command *cmd = &x->q.cmd;
	size_t len = n;

	switch (sl_sets[cmd->set].protocol) {
	case SL_WIRE_NVME:
		if (n != SL_REQ_MAX)
			return sl_cli_usage(cli,
					    "--hex: %zu bytes; a submission queue entry has %d", n,
					    SL_REQ_MAX);
		break;
	case SL_WIRE_SCSI:
		if (n < 6 || n > SL_REQ_MAX)
			return sl_cli_usage(cli, "--hex: %zu bytes; a CDB has 6 to %d", n,
					    SL_REQ_MAX);
		break;
	default:
		if (n < SL_MBOX_REQ_LEN)
			return sl_cli_usage(cli, "--hex: %zu bytes; a mailbox header has %u", n,
					    SL_MBOX_REQ_LEN);
		len = SL_MBOX_REQ_LEN;
		x->data_len = n - len;
		memcpy(x->data, bytes + len, x->data_len);
	}
	memcpy(cmd->req, bytes, len);
	cmd->req_len = (uint16_t)len;
	if (len < n && !sl_get_le32(cmd->req + SL_MBOX_IN_LEN))
		sl_put_le32(cmd->req + SL_MBOX_IN_LEN, (uint32_t)x->data_len);
	return 0;
}

/* Bytes as hex digits with whatever blanks, colons or commas between them. */
static int parse_hex(struct sl_cli *cli, const char *text, struct explain *x)
{
	uint8_t bytes[HEX_MAX];
	size_t n = 0;
	int r;

	for (const char *p = text; *p; p++) {
		int high, low;

		if (strchr(" \t\n:,_", *p))
			continue;
		high = hex_digit(*p);
		low = high < 0 ? -1 : hex_digit(p[1]);
		if (low < 0)
			return sl_cli_usage(cli, "--hex: '%.8s' is not a byte in hex", p);
		if (n == HEX_MAX)
			return sl_cli_usage(cli, "--hex: more than %u bytes", HEX_MAX);
		bytes[n++] = (uint8_t)(high << 4 | low);
		p++;
	}
	r = hex_set(cli, x, &x->q.cmd.set);
	return r ? r : split_hex(cli, x, bytes, n);
}

static const char *row_name(unsigned i, const void *ctx)
{
	(void)ctx;
	return i < sl_row_count ? sl_rows[i].name : NULL;
}

static int parse_words(struct sl_cli *cli, struct explain *x)
{
	struct sl_diag d = {0};
	const char *near;
	uint16_t row;

	if (sl_encode_payload(cli->argv[0], cli->argv + 1, (unsigned)cli->argc - 1, &x->q.cmd,
			      x->data, SL_WIRE_DATA_MAX, &x->data_len, &d) == 0)
		return 0;
	near = sl_row_named(cli->argv[0], &row) ? NULL : sl_nearest(cli->argv[0], row_name, NULL);
	if (near)
		return sl_cli_error(SL_EXIT_USAGE, "no command is called '%s': did you mean '%s'?",
				    cli->argv[0], near);
	return sl_cli_diag(SL_EXIT_USAGE, &d);
}

static int read_payload(struct sl_cli *cli, struct explain *x)
{
	const char *path = sl_cli_get(cli, "data");
	FILE *f;

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
	/* The way of a vendor's command is its sender's to know. */
	resolved.dir = x->data_len ? SL_DIR_OUT : SL_DIR_IN;
	cmd->dir = resolved.dir = sl_command_dir(&resolved);
	if (x->data_len > cmd->data_len && cmd->dir == SL_DIR_OUT) {
		cmd->data_len = (uint32_t)x->data_len;
		return;
	}
	resolved.data_len = cmd->dir & SL_DIR_OUT ? SL_WIRE_DATA_MAX : 0;
	sl_facts_collect(x->q.contract, &resolved, x->data, &f);
	if (!cmd->data_len && f.length_known)
		cmd->data_len = f.length;
	cmd->meta_len = f.length_known ? f.meta_length : 0;
	if (!cmd->data_len)
		cmd->dir = SL_DIR_NONE;
}

/* On what device */

static void assume_namespace(struct explain *x)
{
	uint32_t nsid = sl_get_le32(x->q.cmd.req + 4);

	if (!nsid || nsid == NVME_NSID_ALL) {
		(void)snprintf(x->assumed, sizeof(x->assumed),
			       "a device that declares nothing; --device SPEC asks a real one");
		return;
	}
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

/* A unit of the kind that has such commands. */
static void assume_unit(struct explain *x)
{
	static const struct {
		const char *text;
		uint8_t shift;
	} units[_SL_WIRE_PROTOCOL_N] = {
		[SL_WIRE_SCSI] = {"a logical unit of 512-byte blocks", 9},
		[SL_WIRE_CXL] = {"memory in units of 64 bytes", SL_CXL_UNIT_SHIFT},
		[SL_WIRE_FWCTL] = {"a device of that fwctl driver", SL_CXL_UNIT_SHIFT},
	};
	const struct sl_set_info *set = &sl_sets[x->q.cmd.set];

	x->bare.type = set->type;
	x->bare.n_ns = 1;
	x->bare.ns[0] = (struct sl_ns){.nsid = set->lu,
				       .lba_shift = units[set->protocol].shift,
				       .blocks = UINT64_C(1) << 31};
	(void)snprintf(x->assumed, sizeof(x->assumed),
		       "a device that declares nothing, %s; --device SPEC asks a real one",
		       units[set->protocol].text);
}

static void assume(struct explain *x)
{
	x->bare.generation = 1;
	x->bare.protocol = sl_sets[x->q.cmd.set].protocol;
	x->q.contract = &x->bare;
	x->q.device = "any";
	if (sl_sets[x->q.cmd.set].lu)
		assume_unit(x);
	else
		assume_namespace(x);
	x->q.assumed = x->assumed;
}

/* The device's contract, where one is given. */
static int read_device(struct sl_cli *cli, struct explain *x)
{
	const char *spec = sl_cli_get(cli, "device");
	char ledger[4096];

	if (!spec)
		return 0;
	(void)snprintf(ledger, sizeof(ledger), "%s", sl_cli_get(cli, "ledger"));
	if (sl_gate_read_contract(spec, ledger, &x->doc) < 0)
		return SL_EXIT_FAILED;
	x->q.contract = &x->doc->contract;
	x->q.device = spec;
	return 0;
}

/* As a front end asks that device for it: its type decides what it is. */
static void fit_device(struct explain *x)
{
	uint8_t protocol = sl_sets[x->q.cmd.set].protocol;

	if (!x->doc) {
		assume(x);
		return;
	}
	if (protocol != SL_WIRE_NVME && !sl_question_foreign(&x->q))
		x->q.cmd.set = sl_sets[x->q.cmd.set].asked;
}

static int ask(struct sl_cli *cli, struct explain *x)
{
	const char *hex = sl_cli_get(cli, "hex");
	int r;

	if (!hex && !cli->argc)
		return sl_cli_usage(cli, "give a command, --hex or --last");
	if (hex && cli->argc)
		return sl_cli_usage(cli, "give a command by name or by --hex, not both");
	x->data = calloc(1, SL_WIRE_DATA_MAX);
	if (!x->data)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	/* What --hex is depends on the device; a name is wrong whatever the device. */
	r = hex ? read_device(cli, x) : parse_words(cli, x);
	if (r == 0)
		r = hex ? parse_hex(cli, hex, x) : 0;
	if (r == 0)
		r = parse_who(cli, &x->who);
	if (r == 0)
		r = read_payload(cli, x);
	if (r == 0 && !hex)
		r = read_device(cli, x);
	if (r == 0)
		fit_device(x);
	if (r == 0 && sl_policy_open(sl_cli_get(cli, "policy"), &x->policy) < 0)
		r = SL_EXIT_FAILED;
	if (r)
		return r;
	if ((!x->q.cmd.data_len || x->data_len) && !sl_question_foreign(&x->q))
		fit_buffer(x);
	x->q.policy = &x->policy;
	x->q.who = &x->who;
	x->q.data = x->q.cmd.dir & SL_DIR_OUT ? x->data : NULL;
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

/* What the ledger kept of the payload. */
static void show_payload(struct sl_emit *e, const struct explain *x, const struct sl_command *final)
{
	struct sl_command cmd = x->q.cmd;
	struct sl_facts f;

	if (!(cmd.dir & SL_DIR_OUT))
		return;
	memcpy(cmd.req, final->req, sizeof(cmd.req));
	sl_facts_collect(x->q.contract, &cmd, x->data, &f);
	if (f.payload > SL_RECORD_HEAD)
		f.payload = SL_RECORD_HEAD;
	sl_explain_payload(e, &cmd, x->data, f.payload);
	sl_explain_blocks(&x->q, e, &cmd, &f);
}

/* What the ledger knows of it is what was decided then; the policy is asked again for remedies. */
static void show_record(struct sl_emit *e, const struct explain *x, const struct sl_record *rec)
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
	show_payload(e, x, &final);
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
		.req_len = (uint16_t)sl_formats[sl_rows[sl_record_row(rec)].format].req_len,
		.data_len = rec->data_len,
	};
	memcpy(x->q.cmd.req, rec->requested, SL_REQ_MAX);
	memcpy(x->data, rec->head, SL_RECORD_HEAD);
	x->who = (struct sl_identity){.uid = rec->uid, .known = 1};
	assume(x);
	declare(x, rec);
	x->bare.caught = rec->reason == SL_REASON_CAUGHT;
	x->q.who = &x->who;
	x->q.policy = &x->policy;
	x->q.data = x->data;
}

/* Asked again, without the device and with what the ledger kept: it may find less than it did. */
static void remedies(struct sl_emit *e, const struct explain *x, const struct sl_record *rec,
		     struct sl_verdict *v)
{
	if (sl_reason_is_policy(rec->reason) && !sl_reason_is_policy(v->reason)) {
		sl_emit_object(e, "remedies", "What would allow it");
		sl_emit_str(e, "advice", "not known",
			    "the ledger kept too little of it; ask with the whole payload: "
			    "sluice explain --hex REQUEST --data FILE --device SPEC");
		sl_emit_end(e);
		return;
	}
	v->reason = rec->reason;
	sl_explain_remedies(&x->q, e, &x->q.cmd, v);
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
	if (r < 0 && r != -ENOENT) {
		free(l);
		return sl_cli_error(SL_EXIT_FAILED, "%s: the ledger cannot be read: %s", dir,
				    strerror(-r));
	}
	if (r < 0 || !l->found) {
		free(l);
		return sl_cli_error(SL_EXIT_FAILED,
				    "%s: no denied command is recorded there; what a broker "
				    "denied is in its own ledger, which --ledger names",
				    dir);
	}
	e = sl_cli_emit(cli);
	question_of(&l->rec, x);
	show_record(e, x, &l->rec);
	if (open_policy_of(cli, l, x) == 0 &&
	    sl_question_judge(&x->q, x->policy.image, &x->q.cmd, &v) == 0 && !v.allow)
		remedies(e, x, &l->rec, &v);
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
