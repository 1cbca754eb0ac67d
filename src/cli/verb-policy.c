/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice policy check|show|test`: is it a policy, what was compiled, does it do what is expected.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "policy/analyse.h"
#include "policy/policy.h"
#include "policy/table-test.h"
#include "spec/names.h"
#include "wire/wire.h"

struct opened {
	char path[4096];
	struct sl_policy *policy;
	void *image;
	size_t size;
	struct sl_policy_messages msgs;
};

static void close_policy(struct opened *o)
{
	if (!o)
		return;
	free(o->image);
	(void)sl_policy_free(o->policy);
	free(o);
}

/* Finds, reads and compiles; what is wrong was said on stderr. NULL then. */
static struct opened *open_policy(const char *name, bool doubts)
{
	struct opened *o = calloc(1, sizeof(*o));
	int r;

	if (!o) {
		(void)sl_cli_error(0, "out of memory");
		return NULL;
	}
	r = sl_policy_find(name, o->path, sizeof(o->path));
	if (r < 0) {
		(void)sl_cli_error(0, "policy %s: %s", name,
				   r == -ENOENT ? "there is no such file and none of that name"
						: strerror(-r));
		close_policy(o);
		return NULL;
	}
	r = sl_policy_load(o->path, &o->msgs, &o->policy);
	if (r == 0)
		r = sl_policy_compile(o->policy, &o->msgs, &o->image, &o->size);
	if (r == 0 && doubts)
		sl_policy_lint(o->policy, &o->msgs);
	sl_policy_messages_print(&o->msgs, stderr);
	if (r < 0) {
		if (!o->msgs.errors)
			(void)sl_cli_error(0, "%s: %s", o->path, strerror(-r));
		close_policy(o);
		return NULL;
	}
	return o;
}

static int policy_check(struct sl_cli *cli)
{
	struct sl_emit *e = sl_cli_emit(cli);
	static const char *const columns[][2] = {{"file", "FILE"},	   {"policy", "POLICY"},
						 {"rules", "RULES"},	   {"bytes", "IMAGE BYTES"},
						 {"warnings", "WARNINGS"}, {NULL, NULL}};
	int status = SL_EXIT_OK;
	bool table = sl_emit_is_json(e); /* for people no table of nothing below the errors */

	if (table)
		sl_emit_table(e, "policies", columns);
	for (int i = 0; i < cli->argc; i++) {
		struct opened *o = open_policy(cli->argv[i], true);
		const struct sl_image *img = o ? o->image : NULL;

		if (!o) {
			status = SL_EXIT_FAILED;
			continue;
		}
		if (!table)
			sl_emit_table(e, "policies", columns);
		table = true;
		if (o->msgs.warnings && sl_cli_given(cli, "strict"))
			status = SL_EXIT_FAILED;
		sl_emit_cell(e, "%s", o->path);
		sl_emit_cell(e, "%s", sl_policy_name(o->policy));
		sl_emit_cell_u64(e, img->rules.n);
		sl_emit_cell_u64(e, o->size);
		sl_emit_cell_u64(e, o->msgs.warnings);
		close_policy(o);
	}
	if (table)
		sl_emit_end(e);
	return sl_cli_finish(e, status);
}

static int policy_show(struct sl_cli *cli)
{
	struct opened *o = open_policy(cli->argv[0], false);
	struct sl_emit *e;

	if (!o)
		return SL_EXIT_FAILED;
	e = sl_cli_emit(cli);
	sl_policy_show(o->image, e);
	close_policy(o);
	return sl_cli_finish(e, SL_EXIT_OK);
}

struct tested {
	struct sl_emit *e;
	const char *file;
	unsigned n, failed;
	bool all;
	bool table; /* has begun: for people at the first row that is shown */
};

static void begin_cases(struct tested *t)
{
	static const char *const columns[][2] = {{"place", "PLACE"},
						 {"result", "RESULT"},
						 {"who", "WHO"},
						 {"command", "COMMAND"},
						 {"expected", "EXPECTED"},
						 {"got", "GOT"},
						 {NULL, NULL}};

	if (!t->table)
		sl_emit_table(t->e, "cases", columns);
	t->table = true;
}

static void each_case(void *userdata, const struct sl_policy_test_case *c)
{
	struct tested *t = userdata;

	t->n++;
	t->failed += !c->passed;
	if (c->passed && !t->all)
		return;
	begin_cases(t);
	sl_emit_cell(t->e, "%s:%u", t->file, c->line);
	sl_emit_cell(t->e, "%s", c->passed ? "ok" : "FAILED");
	sl_emit_cell(t->e, "%s", c->who);
	sl_emit_cell(t->e, "%s", c->command);
	sl_emit_cell(t->e, "%s", c->expected);
	sl_emit_cell(t->e, "%s", c->got);
}

static int policy_test(struct sl_cli *cli)
{
	struct opened *o = open_policy(cli->argv[0], false);
	char path[4200];
	const char *slash;
	struct sl_diag d = {0};
	struct tested t = {.all = sl_cli_given(cli, "all")};
	int r;

	if (!o)
		return SL_EXIT_FAILED;
	(void)snprintf(path, sizeof(path), "%s", cli->argc > 1 ? cli->argv[1] : o->path);
	if (cli->argc < 2)
		(void)snprintf(path, sizeof(path), "%s.test", o->path);
	slash = strrchr(path, '/');
	t.file = slash ? slash + 1 : path;
	t.e = sl_cli_emit(cli);
	if (sl_emit_is_json(t.e))
		begin_cases(&t);
	r = sl_policy_table_test(o->policy, o->image, path, each_case, &t, &d);
	if (t.table)
		sl_emit_end(t.e);
	sl_emit_u64(t.e, "tests", "tests", t.n);
	sl_emit_u64(t.e, "failed", "failed", t.failed);
	close_policy(o);
	if (r < 0)
		return sl_cli_finish(t.e, sl_cli_diag(SL_EXIT_FAILED, &d));
	return sl_cli_finish(t.e, t.failed ? SL_EXIT_FAILED : SL_EXIT_OK);
}

/* The conditions under which the same commands change for the same client, until others come. */
struct differing {
	struct sl_emit *e;
	unsigned gained, lost;
	bool group_gained;
	char *client, *device, *commands;
	char **where;
	size_t n, room;
};

#define WRAP_COLUMNS 96 /* where it is no terminal */

/* How much of a text stands in a line of `room` columns: it is broken at its blanks. */
static size_t line_of(const char *text, size_t room)
{
	size_t n = strlen(text);

	if (n <= room)
		return n;
	for (n = room; n && text[n] != ' '; n--)
		;
	return n ? n : strcspn(text, " ");
}

/* A long list for people, each line indented. */
static void note_wrapped(struct sl_emit *e, const char *first, const char *next, const char *text)
{
	const char *indent = first;

	const unsigned width = sl_emit_width(e) ? sl_emit_width(e) : WRAP_COLUMNS;

	while (*text) {
		size_t n = line_of(text, width - strlen(indent));

		sl_emit_note(e, "%s%.*s", indent, (int)n, text);
		text += n + strspn(text + n, " ");
		indent = next;
	}
}

#define AND " and "

/* The next term of a condition at *s, "a = 1 and b in {2, 3}", moves *s behind it. */
static size_t term(const char **s)
{
	const char *end = strstr(*s, AND);
	size_t n = end ? (size_t)(end - *s) : strlen(*s);

	*s += end ? n + strlen(AND) : n;
	return n;
}

static bool has_term(const char *where, const char *t, size_t n)
{
	while (*where) {
		const char *at = where;

		if (term(&where) == n && memcmp(at, t, n) == 0)
			return true;
	}
	return false;
}

/* Of one of the conditions the terms that all have, or those that not all have. */
static char *terms(const struct differing *d, const char *where, bool common)
{
	char *text = malloc(strlen(where) + 1), *end = text;

	if (!text)
		abort();
	*end = '\0';
	while (*where) {
		const char *at = where;
		size_t n = term(&where), have = 0;

		while (have < d->n && has_term(d->where[have], at, n))
			have++;
		if ((have == d->n) != common)
			continue;
		end = stpcpy(end, end == text ? "" : AND);
		end = (char *)memcpy(end, at, n) + n;
		*end = '\0';
	}
	return text;
}

static void tell_group(struct differing *d)
{
	char *common, *head;

	if (!d->n)
		return;
	sl_emit_note(d->e, "%c %s%s%s", d->group_gained ? '+' : '-', d->client,
		     d->device[0] ? " on " : "", d->device);
	note_wrapped(d->e, "    ", "        ", d->commands);
	common = terms(d, d->where[0], true);
	if (asprintf(&head, "%s%s", common, d->n == 1 ? "" : common[0] ? ", and" : "any of") < 0)
		abort();
	if (head[0])
		note_wrapped(d->e, "    where ", "        ", head);
	for (size_t i = 0; i < d->n; i++) {
		char *own = terms(d, d->where[i], false);

		if (own[0])
			note_wrapped(d->e, i ? "      or " : "         ", "           ", own);
		free(own);
	}
	for (size_t i = 0; i < d->n; i++)
		free(d->where[i]);
	free(head);
	free(common);
	free(d->client);
	free(d->device);
	free(d->commands);
	d->n = 0;
}

static char *copy(const char *s)
{
	char *c = strdup(s);

	if (!c)
		abort();
	return c;
}

static void each_change(void *userdata, const struct sl_policy_change *c)
{
	struct differing *d = userdata;

	d->gained += c->gained;
	d->lost += !c->gained;
	if (sl_emit_is_json(d->e)) {
		sl_emit_cell(d->e, "%s", c->gained ? "gained" : "lost");
		sl_emit_cell(d->e, "%s", c->client);
		sl_emit_cell(d->e, "%s", c->device);
		sl_emit_cell(d->e, "%s", c->commands);
		sl_emit_cell(d->e, "%s", c->where);
		return;
	}
	if (d->n && (d->group_gained != c->gained || strcmp(d->client, c->client) != 0 ||
		     strcmp(d->device, c->device) != 0 || strcmp(d->commands, c->commands) != 0))
		tell_group(d);
	if (!d->n) {
		d->group_gained = c->gained;
		d->client = copy(c->client);
		d->device = copy(c->device);
		d->commands = copy(c->commands);
	}
	if (d->n == d->room) {
		d->room = d->room ? 2 * d->room : 16;
		d->where = realloc(d->where, d->room * sizeof(*d->where));
		if (!d->where)
			abort();
	}
	d->where[d->n++] = copy(c->where);
}

static void tell_sampled(const struct sl_policy_sampled *s)
{
	if (s->clients)
		(void)sl_cli_error(0, "the policies tell apart more kinds of clients and devices "
				      "than were looked at: this is not the whole truth");
	if (!s->n)
		return;
	(void)sl_cli_error(0,
			   "%u commands have more combinations of fields and states than can be "
			   "tried (262144):",
			   s->n);
	(void)sl_cli_error(0, "some were held at one value. What is told of them is true, and "
			      "there may be more:");
	for (const char *at = s->commands; *at;) {
		size_t n = line_of(at, WRAP_COLUMNS - 4);

		(void)fprintf(stderr, "    %.*s\n", (int)n, at);
		at += n + strspn(at + n, " ");
	}
}

static const char *const protocol_words[] = {[SL_WIRE_NVME] = "nvme",
					     [SL_WIRE_SCSI] = "scsi",
					     [SL_WIRE_CXL] = "cxl",
					     [SL_WIRE_FWCTL] = "fwctl"};

/* A row of the overview; the totals are those of its rows. */
static void each_line(void *userdata, const struct sl_policy_line *l)
{
	struct differing *d = userdata;
	const char *given = l->given[0] ? ", where " : "";

	d->gained += l->gained;
	d->lost += !l->gained;
	sl_emit_cell(d->e, "%s", l->gained ? "gained" : "lost");
	sl_emit_cell(d->e, "%s", protocol_words[l->protocol]);
	sl_emit_cell(d->e, "%s", l->node);
	sl_emit_cell(d->e, "%s%s%s", l->client, l->device[0] ? " on " : "", l->device);
	sl_emit_cell(d->e, "%s", l->effect < 0 ? "none" : sl_effect_name((unsigned)l->effect));
	sl_emit_cell_u64(d->e, l->commands);
	sl_emit_cell(d->e, "%s%s%s", l->example, given, l->given);
}

static int policy_diff(struct sl_cli *cli)
{
	static const char *const columns[][2] = {{"change", "CHANGE"}, {"who", "WHO"},
						 {"device", "DEVICE"}, {"commands", "COMMANDS"},
						 {"where", "WHERE"},   {NULL, NULL}};
	static const char *const brief_columns[][2] = {
		{"change", "CHANGE"},	    {"protocol", "PROTOCOL"},
		{"node", "NODE"},	    {"who", "WHO"},
		{"worst", "WORST"},	    {"commands", "COMMANDS"},
		{"example", "FOR EXAMPLE"}, {NULL, NULL}};
	struct opened *old = open_policy(cli->argv[0], false);
	struct opened *new = old ? open_policy(cli->argv[1], false) : NULL;
	struct differing d = {0};
	struct sl_policy_sampled sampled;
	bool brief = sl_cli_given(cli, "brief");
	int r;

	if (!new) {
		close_policy(old);
		return SL_EXIT_FAILED;
	}
	d.e = sl_cli_emit(cli);
	if (brief)
		sl_emit_table(d.e, "overview", brief_columns);
	else if (cli->json)
		sl_emit_table(d.e, "changes", columns);
	r = sl_policy_diff(old->image, new->image, SL_DIFF_MEMORY, brief ? NULL : each_change,
			   brief ? each_line : NULL, &d, &sampled);
	if (brief || cli->json)
		sl_emit_end(d.e);
	tell_group(&d);
	free(d.where);
	sl_emit_u64(d.e, "gained", brief ? NULL : "gained", d.gained);
	sl_emit_u64(d.e, "lost", brief ? NULL : "lost", d.lost);
	sl_emit_u64(d.e, "sampled", NULL, sampled.n);
	tell_sampled(&sampled);
	close_policy(old);
	close_policy(new);
	if (r < 0)
		return sl_cli_finish(d.e, sl_cli_error(SL_EXIT_FAILED, "%s", strerror(-r)));
	return sl_cli_finish(d.e, SL_EXIT_OK);
}

static int policy_prove(struct sl_cli *cli)
{
	struct opened *o = open_policy(cli->argv[0], false);
	struct sl_policy_messages *msgs = calloc(1, sizeof(*msgs));
	struct sl_policy_answer a;
	struct sl_emit *e;
	char question[2048] = "";

	if (!o || !msgs) {
		close_policy(o);
		free(msgs);
		return SL_EXIT_FAILED;
	}
	for (int i = 1; i < cli->argc; i++) {
		size_t n = strlen(question);

		(void)snprintf(question + n, sizeof(question) - n, "%s%s", n ? " " : "",
			       cli->argv[i]);
	}
	if (sl_policy_prove(o->policy, o->image, question, msgs, &a) < 0) {
		sl_policy_messages_print(msgs, stderr);
		close_policy(o);
		free(msgs);
		return SL_EXIT_USAGE;
	}
	free(msgs);
	e = sl_cli_emit(cli);
	sl_emit_str(e, "question", "question", "%s", question);
	sl_emit_str(e, "answer", "answer", "%s", a.yes ? "yes" : "no");
	sl_emit_u64(e, "tried", "combinations", a.tried);
	sl_emit_u64(e, "sampled", NULL, a.sampled.n);
	if (a.command[0]) {
		sl_emit_object(e, "example", a.yes ? "Example" : "Counterexample");
		sl_emit_str(e, "who", "who", "%s", a.client);
		if (a.device[0])
			sl_emit_str(e, "device", "device", "%s", a.device);
		sl_emit_str(e, "command", "sluice explain", "%s", a.command);
		if (a.given[0])
			sl_emit_str(e, "given", "given", "%s", a.given);
		sl_emit_bits(e, "effects", "effects", a.effects, sl_effect_name);
		if (a.rule[0])
			sl_emit_str(e, "rule", "rule", "%s", a.rule);
		sl_emit_end(e);
	}
	tell_sampled(&a.sampled);
	close_policy(o);
	return sl_cli_finish(e, a.yes ? SL_EXIT_OK : SL_EXIT_FAILED);
}

static const struct sl_option check_options[] = {
	{.name = "strict", .text = "a warning is a failure too"},
	{0},
};
static const struct sl_option diff_options[] = {
	{.name = "brief", .text = "a line for each node, client and gravest effect"},
	{0},
};
static const struct sl_option test_options[] = {
	{.name = "all", .text = "show also the tests that passed"},
	{0},
};

const struct sl_cli_verb sl_policy_subs[] = {
	{.name = "check",
	 .args = "POLICY…",
	 .help = "read and compile policies, say what is wrong or doubtful, and where",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 64,
	 .options = check_options,
	 .fn = policy_check},
	{.name = "show",
	 .args = "POLICY",
	 .help = "the compiled image, rule by rule, as the broker reads it",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 1,
	 .fn = policy_show},
	{.name = "test",
	 .args = "POLICY [TESTFILE]",
	 .help = "judge every line of a table of tests (POLICY.test beside it)",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 2,
	 .options = test_options,
	 .fn = policy_test},
	{.name = "diff",
	 .args = "OLD NEW",
	 .help = "everything that one of two policies allows and the other does not",
	 .text = "A line with + is what NEW allows and OLD does not, - the reverse. A model of "
		 "somebody else's filter can stand on either side, as in `sluice policy diff "
		 "linux health`. With --brief what OLD lets through and NEW does not comes first, "
		 "by protocol and node, each with the gravest effect that these commands can have "
		 "and the plainest of them.",
	 .flags = SL_CLI_JSON,
	 .args_min = 2,
	 .args_max = 2,
	 .options = diff_options,
	 .fn = policy_diff},
	{.name = "prove",
	 .args = "POLICY QUESTION",
	 .help = "is a claim about a policy true? with a counterexample where it is not",
	 .text = "QUESTION is one of: only WHO can cause EFFECTS; no one can cause EFFECTS; WHO "
		 "can, "
		 "cannot or can always cause EFFECTS, or COMMANDS [where CONDITIONS]; everything "
		 "allowed [to WHO] has CONDITIONS. The exit status is 0 for yes and 1 for no.",
	 .flags = SL_CLI_JSON,
	 .args_min = 2,
	 .args_max = 64,
	 .fn = policy_prove},
	{0},
};
