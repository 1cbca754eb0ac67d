/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice ledger show|verify`: what the gate recorded, and whether it can be believed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "cli/cli.h"
#include "cli/record.h"
#include "ledger/reader.h"

static const char *directory(struct sl_cli *cli, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", cli->argc ? cli->argv[0] : sl_cli_get(cli, "ledger"));
	return buf;
}

static int no_ledger(const char *dir, int error)
{
	return sl_cli_error(SL_EXIT_FAILED, "%s: %s", dir,
			    error == -ENOENT ? "there is no ledger" : strerror(-error));
}

/* show */

struct shown {
	struct sl_emit *e;
	bool denied_only, outcomes;
	uint64_t skip; /* records of the kind asked for that --last leaves out */
	uint64_t seen;
	int status;
};

static bool wanted(const struct shown *s, const struct sl_record *rec)
{
	if (s->denied_only)
		return rec->type == SL_RECORD_DENIAL;
	/* An outcome is told beside its intent only where it says something. */
	return rec->type != SL_RECORD_OUTCOME || s->outcomes || rec->outcome || rec->status;
}

static void row(struct sl_emit *e, const struct sl_record *rec)
{
	char when[40], command[128], what[160], rule[96];

	sl_record_when(rec, when, sizeof(when));
	sl_record_command(rec, command, sizeof(command));
	sl_record_what(rec, what, sizeof(what));
	sl_record_rule(rec, rule, sizeof(rule));
	sl_emit_cell_u64(e, rec->seq);
	sl_emit_cell(e, "%s", when);
	sl_emit_cell(e, "%s", sl_record_type_name(rec->type));
	sl_emit_cell(e, "%s", rec->device);
	sl_emit_cell(e, "%s", command);
	sl_emit_cell(e, "%s", what);
	sl_emit_cell(e, "%s", rule);
}

static int visit(const char *path, void (*fn)(void *arg, const struct sl_record *rec), void *arg)
{
	struct sl_ledger_reader *r;
	struct sl_record rec;
	struct sl_diag d = {0};
	int n;

	n = sl_ledger_reader_new(path, &r, &d);
	if (n < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	while ((n = sl_ledger_reader_next(r, &rec, &d)) == 1)
		fn(arg, &rec);
	sl_ledger_reader_free(r);
	return n < 0 ? sl_cli_diag(SL_EXIT_LEDGER, &d) : 0;
}

static void count_one(void *arg, const struct sl_record *rec)
{
	struct shown *s = arg;

	s->seen += wanted(s, rec);
}

static void show_one(void *arg, const struct sl_record *rec)
{
	struct shown *s = arg;

	if (wanted(s, rec) && s->seen++ >= s->skip)
		row(s->e, rec);
}

/* A broken file does not hide the others: the worst status is kept. */
static int count_file(void *arg, const char *path)
{
	struct shown *s = arg;

	s->status = visit(path, count_one, s);
	return 0;
}

static int show_file(void *arg, const char *path)
{
	struct shown *s = arg;
	int r = visit(path, show_one, s);

	if (r > s->status)
		s->status = r;
	return 0;
}

static int parse_count(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || end == text || *end || text[0] == '-' ? -EINVAL : 0;
}

/* Stops at the first. */
static int any_file(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	return 1;
}

int sl_verb_ledger_show(struct sl_cli *cli)
{
	static const char *const columns[][2] = {
		{"seq", "SEQ"},		{"time", "TIME"}, {"type", "TYPE"}, {"device", "DEVICE"},
		{"command", "COMMAND"}, {"what", "WHAT"}, {"rule", "RULE"}, {NULL, NULL}};
	struct shown s = {.denied_only = sl_cli_given(cli, "denied"),
			  .outcomes = sl_cli_given(cli, "outcomes")};
	const char *last = sl_cli_get(cli, "last");
	char dir[4096];
	uint64_t keep = 0;
	int r;

	directory(cli, dir, sizeof(dir));
	if (last && parse_count(last, &keep) < 0)
		return sl_cli_usage(cli, "--last %s: not a number of records", last);
	r = sl_ledger_files(dir, any_file, NULL);
	if (r < 0)
		return no_ledger(dir, r);
	if (last) {
		(void)sl_ledger_files(dir, count_file, &s);
		s.skip = s.seen > keep ? s.seen - keep : 0;
		s.seen = 0;
	}
	s.status = 0;
	s.e = sl_cli_emit(cli);
	sl_emit_table(s.e, "records", columns);
	r = sl_ledger_files(dir, show_file, &s);
	sl_emit_end(s.e);
	r = r < 0 ? no_ledger(dir, r) : s.status;
	return sl_cli_finish(s.e, r);
}

/* verify */

struct verified {
	struct sl_emit *e;
	int status;
};

static int verify_file(void *arg, const char *path)
{
	struct verified *v = arg;
	struct sl_ledger_reader *r;
	struct sl_record rec;
	struct sl_diag d = {0};
	uint64_t n = 0, lost = 0;
	int more;

	more = sl_ledger_reader_new(path, &r, &d);
	if (more < 0) {
		v->status = sl_cli_diag(SL_EXIT_FAILED, &d);
		return 0;
	}
	while ((more = sl_ledger_reader_next(r, &rec, &d)) == 1) {
		n++;
		lost += rec.type == SL_RECORD_GAP ? rec.lost : 0;
	}
	sl_emit_object(v->e, NULL, path);
	sl_emit_str(v->e, "file", NULL, "%s", path);
	sl_emit_u64(v->e, "records", "sound records", n);
	sl_emit_u64(v->e, "open_intents", "without an outcome", sl_ledger_reader_open_intents(r));
	sl_emit_u64(v->e, "lost", "lost (disk full)", lost);
	sl_emit_bool(v->e, "sound", "sound", more == 0);
	if (more < 0)
		sl_emit_str(v->e, "finding", "finding", "%s", d.text);
	sl_emit_end(v->e);
	sl_ledger_reader_free(r);
	if (more < 0)
		v->status = SL_EXIT_LEDGER;
	return 0;
}

int sl_verb_ledger_verify(struct sl_cli *cli)
{
	struct verified v = {.e = sl_cli_emit(cli)};
	char dir[4096];
	int r;

	directory(cli, dir, sizeof(dir));
	sl_emit_array(v.e, "files", NULL);
	r = sl_ledger_files(dir, verify_file, &v);
	sl_emit_end(v.e);
	r = r < 0 ? no_ledger(dir, r) : v.status;
	return sl_cli_finish(v.e, r);
}
