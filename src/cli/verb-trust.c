/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice device trust|distrust|clear|findings|export|import`: what is known of devices beyond
 * their own word. Notes beside the ledger; a broker that serves from there heeds them at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/gate.h"
#include "cli/trust.h"
#include "core/table.h"
#include "launch/ledger-file.h"
#include "spec/decode.h"
#include "spec/names.h"
#include "watch/key.h"
#include "watch/sign.h"

static int notes_dir(struct sl_cli *cli, char *ret, size_t size)
{
	int r = sl_notes_dir(sl_cli_get(cli, "ledger"), ret, size);

	return r < 0 ? sl_cli_error(SL_EXIT_FAILED, "--ledger: %s", strerror(-r)) : 0;
}

static int load(const char *dir, struct sl_notes *ret)
{
	struct sl_diag d = {0};

	return sl_notes_load(dir, ret, &d) < 0 ? sl_cli_diag(SL_EXIT_FAILED, &d) : 0;
}

int sl_trust_load(const char *ledger, struct sl_trust_row *ret, unsigned *ret_n)
{
	struct sl_notes notes;
	struct sl_diag d = {0};
	char dir[4200];
	int r = sl_notes_dir(ledger, dir, sizeof(dir));

	*ret_n = 0;
	if (r == 0)
		r = sl_notes_load(dir, &notes, &d);
	if (r < 0)
		return sl_cli_diag(r, &d);
	*ret_n = sl_notes_rows(&notes, ret);
	sl_notes_done(&notes);
	return 0;
}

int sl_trust_heed(const char *ledger, struct sl_contract *c)
{
	struct sl_trust_row *rows = calloc(SL_TRUST_ROWS_MAX, sizeof(*rows));
	unsigned n = 0;
	int r = -ENOMEM;

	if (rows)
		r = sl_trust_load(ledger, rows, &n);
	if (r == 0 && n)
		sl_trust_apply(c, rows, n);
	free(rows);
	return r;
}

/* As people call it; what counts is either. */
static const char *state_word(const struct sl_note *n)
{
	if (n->state != SL_NOTE_COUNTS)
		return sl_note_state_name(n->state);
	return n->row.say == SL_TRUST_SAY_CAUGHT ? "caught" : "trusted";
}

static void table(struct sl_emit *e, const struct sl_notes *notes)
{
	static const char *const columns[][2] = {
		{"name", "FINDING"},  {"state", "STATE"}, {"model", "MODEL"},
		{"serial", "SERIAL"}, {"kind", "WHAT"},	  {"command", "COMMAND"},
		{"found", "FOUND"},   {"by", "BY"},	  {NULL, NULL}};

	sl_emit_table(e, "findings", columns);
	for (unsigned i = 0; i < notes->n; i++) {
		const struct sl_note *n = &notes->v[i];
		bool one = n->row.match & SL_TRUST_BY_SERIAL;

		sl_emit_cell(e, "%s", n->name);
		sl_emit_cell(e, "%s", state_word(n));
		sl_emit_cell(e, "%s", n->row.model);
		sl_emit_cell(e, "%s", one ? n->row.serial : "all of firmware");
		sl_emit_cell(e, "%s", n->kind);
		sl_emit_cell(e, "%s", n->command);
		sl_emit_cell(e, "%s", n->found);
		sl_emit_cell(e, "%s", n->by);
	}
	sl_emit_end(e);
}

int sl_trust_list(struct sl_cli *cli, struct sl_emit *e)
{
	struct sl_notes notes;
	struct sl_diag d = {0};
	char dir[4200];
	int r = sl_notes_dir(sl_cli_get(cli, "ledger"), dir, sizeof(dir));

	if (r == 0)
		r = sl_notes_load(dir, &notes, &d);
	/* Somebody else's notes are no reason not to list devices. */
	if (r == -EACCES)
		return SL_EXIT_OK;
	if (r < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	if (notes.n)
		table(e, &notes);
	sl_notes_done(&notes);
	return SL_EXIT_OK;
}

static void show(struct sl_emit *e, const struct sl_note *n)
{
	sl_emit_object(e, NULL, n->name);
	sl_emit_str(e, "name", "finding", "%s", n->name);
	sl_emit_str(e, "state", "state", "%s", state_word(n));
	sl_emit_str(e, "model", "model", "%s", n->row.model);
	sl_emit_str(e, "serial", "serial", "%s", n->row.serial);
	sl_emit_str(e, "firmware", "firmware", "%s", n->row.firmware);
	sl_emit_str(e, "kind", "what", "%s", n->kind);
	sl_emit_str(e, "command", "command", "%s", n->command);
	sl_emit_bits(e, "observed", "observed", n->row.observed, sl_effect_name);
	sl_emit_str(e, "found", "found", "%s", n->found);
	sl_emit_str(e, "by", "by", "%s", n->by);
	sl_emit_str(e, "reason", n->reason[0] ? "reason" : NULL, "%s", n->reason);
	if (n->n_lines || sl_emit_is_json(e)) {
		sl_emit_array(e, "lines", NULL);
		for (unsigned i = 0; i < n->n_lines; i++)
			sl_emit_str(e, NULL, "", "%s", n->line[i]);
		sl_emit_end(e);
	}
	sl_emit_end(e);
}

int sl_verb_device_findings(struct sl_cli *cli)
{
	struct sl_notes notes;
	struct sl_emit *e;
	char dir[4200];
	int status = notes_dir(cli, dir, sizeof(dir));

	if (!status)
		status = load(dir, &notes);
	if (status)
		return status;
	if (cli->argc) {
		unsigned i = 0;

		while (i < notes.n && strcmp(notes.v[i].name, cli->argv[0]) != 0)
			i++;
		if (i == notes.n) {
			sl_notes_done(&notes);
			return sl_cli_error(SL_EXIT_FAILED, "%s: no finding is called that",
					    cli->argv[0]);
		}
		e = sl_cli_emit(cli);
		show(e, &notes.v[i]);
	} else {
		e = sl_cli_emit(cli);
		if (notes.n || sl_emit_is_json(e))
			table(e, &notes);
		else
			sl_emit_note(e, "nothing was found or said of any device");
	}
	sl_notes_done(&notes);
	return sl_cli_finish(e, status);
}

/* CXL and fwctl devices have no serial number: then it is about every such device. */
static void tell(const struct sl_note *n, const char *done)
{
	const char *serial = n->row.serial;

	printf("%s%s%s: %s%s (%s)\n", n->row.model[0] ? n->row.model : "a device without a model",
	       serial[0] ? " " : ", every one without a serial number", serial, n->kind, done,
	       n->name);
}

/* An operator's word about a device that is there. */
static int state(struct sl_cli *cli, struct sl_note *n)
{
	const char *reason = sl_cli_get(cli, "reason");
	struct sl_doc *doc;
	struct sl_diag d = {0};
	char ledger[4096], dir[4200];

	(void)snprintf(ledger, sizeof(ledger), "%s", sl_cli_get(cli, "ledger"));
	if (sl_notes_dir(ledger, dir, sizeof(dir)) < 0 ||
	    sl_gate_read_contract(cli->argv[0], ledger, &doc) < 0)
		return SL_EXIT_FAILED;
	sl_note_about(n, &doc->contract);
	sl_doc_free(doc);
	(void)snprintf(n->by, sizeof(n->by), "operator, uid %u", (unsigned)getuid());
	(void)snprintf(n->reason, sizeof(n->reason), "%s", reason ? reason : "");
	sl_note_now(n);
	if (sl_note_put(dir, n, &d) < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	tell(n, "");
	return SL_EXIT_OK;
}

int sl_verb_device_trust(struct sl_cli *cli)
{
	struct sl_note *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	n->row.say = SL_TRUST_SAY_VERIFIED;
	/* Another firmware or another declaration is another thing to vouch for. */
	n->row.match = SL_TRUST_BY_SERIAL | SL_TRUST_BY_FIRMWARE | SL_TRUST_BY_HASH;
	(void)snprintf(n->kind, sizeof(n->kind), "trusted");
	r = state(cli, n);
	free(n);
	return r;
}

int sl_verb_device_distrust(struct sl_cli *cli)
{
	const char *name = sl_cli_get(cli, "command");
	struct sl_note *n = calloc(1, sizeof(*n));
	struct sl_command cmd;
	struct sl_diag d = {0};
	int r = 0;

	if (!n)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	n->row.say = SL_TRUST_SAY_CAUGHT;
	n->row.match = SL_TRUST_BY_SERIAL;
	(void)snprintf(n->kind, sizeof(n->kind), "distrusted");
	if (name && sl_encode(name, NULL, 0, &cmd, &d) < 0)
		r = sl_cli_diag(SL_EXIT_USAGE, &d);
	if (name && !r) {
		n->row.key = sl_key_of(&cmd);
		(void)snprintf(n->command, sizeof(n->command), "%s", name);
	}
	if (!r)
		r = state(cli, n);
	free(n);
	return r;
}

/* Which notes a word means: a device that is there, a serial number, or a finding's name. */
struct meant {
	const char *word;
	struct sl_doc *doc; /* NULL: it is no device */
};

static bool means(const struct meant *m, const struct sl_note *n)
{
	return m->doc ? sl_trust_is_about(&n->row, &m->doc->contract)
		      : strcmp(n->row.serial, m->word) == 0 || strcmp(n->name, m->word) == 0;
}

int sl_verb_device_clear(struct sl_cli *cli)
{
	struct meant m = {.word = cli->argv[0]};
	struct sl_notes notes;
	struct sl_diag d = {0};
	unsigned cleared = 0;
	char ledger[4096], dir[4200];
	int r = 0;

	(void)snprintf(ledger, sizeof(ledger), "%s", sl_cli_get(cli, "ledger"));
	if (sl_notes_dir(ledger, dir, sizeof(dir)) < 0 || load(dir, &notes))
		return SL_EXIT_FAILED;
	/* A device that does not answer any more can be cleared by its number. */
	if (strpbrk(m.word, ":/") && sl_gate_read_contract(m.word, ledger, &m.doc) < 0)
		r = SL_EXIT_FAILED;
	for (unsigned i = 0; r == 0 && i < notes.n; i++) {
		if (notes.v[i].state == SL_NOTE_CLEARED || !means(&m, &notes.v[i]))
			continue;
		if (sl_note_move(dir, &notes.v[i], SL_NOTE_CLEARED, &d) < 0)
			r = sl_cli_diag(SL_EXIT_FAILED, &d);
		else
			tell(&notes.v[i], " cleared");
		cleared++;
	}
	if (r == 0 && !cleared)
		r = sl_cli_error(SL_EXIT_FAILED,
				 "%s: no device, serial number or finding there to be cleared; "
				 "`sluice device findings` lists them",
				 m.word);
	sl_doc_free(m.doc);
	sl_notes_done(&notes);
	return r;
}

int sl_verb_device_export(struct sl_cli *cli)
{
	struct sl_notes notes;
	struct sl_diag d = {0};
	char dir[4200], text[SL_SIGNED_MAX];
	size_t n = 0;
	unsigned i = 0;
	int r = notes_dir(cli, dir, sizeof(dir));

	if (!r)
		r = load(dir, &notes);
	if (r)
		return r;
	while (i < notes.n && strcmp(notes.v[i].name, cli->argv[0]) != 0)
		i++;
	if (i == notes.n)
		r = sl_cli_error(SL_EXIT_FAILED, "%s: no finding is called that", cli->argv[0]);
	else if (sl_note_sign(dir, &notes.v[i], text, &n, &d) < 0)
		r = sl_cli_diag(SL_EXIT_FAILED, &d);
	else if (fwrite(text, 1, n, stdout) != n || fflush(stdout))
		r = sl_cli_error(SL_EXIT_FAILED, "stdout: %s", strerror(errno));
	sl_notes_done(&notes);
	return r;
}

/* What another host found is about the same firmware that says the same, whatever the number. */
static int adopt(struct sl_note *n, const char *key, bool accept)
{
	if (n->row.say != SL_TRUST_SAY_CAUGHT)
		return sl_cli_error(SL_EXIT_FAILED,
				    "it vouches for a device: that only its own operator can do");
	n->row.match = SL_TRUST_BY_FIRMWARE | SL_TRUST_BY_HASH;
	n->state = accept ? SL_NOTE_COUNTS : SL_NOTE_ALERTS;
	sl_note_line(n, "origin", "%s", n->by);
	(void)snprintf(n->by, sizeof(n->by), "key %s", key);
	return 0;
}

int sl_verb_device_import(struct sl_cli *cli)
{
	const char *file = cli->argv[0];
	struct sl_note *n = calloc(1, sizeof(*n));
	struct sl_diag d = {0};
	char dir[4200], text[SL_SIGNED_MAX], key[65];
	FILE *f = fopen(file, "re");
	size_t len = 0;
	int r = notes_dir(cli, dir, sizeof(dir));

	if (!f || !n) {
		r = sl_cli_error(SL_EXIT_FAILED, "%s: %s", file, strerror(errno));
	} else if (!r) {
		len = fread(text, 1, sizeof(text), f);
		if (sl_note_unsign(text, len, file, n, key, &d) < 0)
			r = sl_cli_diag(SL_EXIT_FAILED, &d);
	}
	if (!r)
		r = adopt(n, key, sl_cli_given(cli, "accept"));
	if (!r) /* no broker may have served here yet; what cannot be made, the next step says */
		(void)sl_ledger_make_dir(sl_cli_get(cli, "ledger"));
	if (!r && sl_note_put(dir, n, &d) < 0)
		r = sl_cli_diag(SL_EXIT_FAILED, &d);
	if (!r)
		printf("%s firmware %s: %s, %s (%s), signed by %s\n", n->row.model, n->row.firmware,
		       n->kind,
		       n->state == SL_NOTE_COUNTS ? "counts here" : "alerts only; --accept counts",
		       n->name, key);
	if (f)
		(void)fclose(f);
	free(n);
	return r;
}
