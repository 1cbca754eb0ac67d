/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's machinery: words to a call of a verb. Knows no verb by name. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/parse.h"

const struct sl_option sl_common_options[] = {
	{.name = "json", .text = "print JSON instead of text"},
	{.name = "print-config", .text = "print each setting and where it came from, then stop"},
	{.name = "help", .text = "print this and stop"},
	{0},
};

const struct sl_cli_verb *sl_cli_row(const struct sl_cli *cli)
{
	return cli->sub ? cli->sub : cli->verb;
}

/* Options */

bool sl_option_applies(const struct sl_cli_verb *v, const struct sl_option *o)
{
	return strcmp(o->name, "json") != 0 || (v->flags & SL_CLI_JSON);
}

const struct sl_option *sl_option_find(const struct sl_cli_verb *v, const char *name, size_t n)
{
	const struct sl_option *lists[] = {v->options, sl_common_options};

	for (unsigned l = 0; l < 2; l++)
		for (const struct sl_option *o = lists[l]; o && o->name; o++)
			if (strlen(o->name) == n && memcmp(o->name, name, n) == 0 &&
			    sl_option_applies(v, o))
				return o;
	return NULL;
}

/* The n-th name of a verb's options, its own and the common ones. */
static const char *option_name(const void *ctx, unsigned i)
{
	const struct sl_cli_verb *v = ctx;
	const struct sl_option *o = v->options;

	for (; o && o->name; o++)
		if (i-- == 0)
			return o->name;
	for (o = sl_common_options; o->name; o++)
		if (sl_option_applies(v, o) && i-- == 0)
			return o->name;
	return NULL;
}

static const struct sl_option *own(const struct sl_cli *cli, const char *name)
{
	return sl_option_find(sl_cli_row(cli), name, strlen(name));
}

bool sl_cli_given(const struct sl_cli *cli, const char *option)
{
	return sl_cli_nth(cli, option, 0) != NULL;
}

const char *sl_cli_nth(const struct sl_cli *cli, const char *option, unsigned n)
{
	for (unsigned i = 0; i < cli->n_values; i++)
		if (strcmp(cli->values[i].option->name, option) == 0 && n-- == 0)
			return cli->values[i].value;
	return NULL;
}

const char *sl_cli_get(struct sl_cli *cli, const char *option)
{
	const struct sl_option *o;
	const char *why;

	for (unsigned i = cli->n_values; i-- > 0;)
		if (strcmp(cli->values[i].option->name, option) == 0)
			return cli->values[i].value;
	o = own(cli, option);
	if (!o)
		return NULL;
	if (o->find && o->find(cli->found, sizeof(cli->found), &why) == 0)
		return cli->found;
	return o->dflt;
}

/* Words */

static int add_value(struct sl_cli *cli, const struct sl_option *o, const char *value)
{
	if (cli->n_values == SL_CLI_VALUES_MAX)
		return sl_cli_usage(cli, "too many options");
	if (!o->repeat && sl_cli_given(cli, o->name))
		return sl_cli_usage(cli, "--%s is given twice", o->name);
	cli->values[cli->n_values].option = o;
	cli->values[cli->n_values++].value = value;
	return 0;
}

/* One word that starts with a dash. *at moves over a value in the next word. */
static int parse_option(struct sl_cli *cli, char **words, int n, int *at)
{
	const struct sl_cli_verb *v = sl_cli_row(cli);
	const char *word = words[*at], *name, *eq;
	const struct sl_option *o;
	size_t len;

	if (strcmp(word, "-h") == 0)
		word = "--help";
	if (word[1] != '-')
		return sl_cli_usage(cli, "unknown option %s; options are long: --name", word);
	name = word + 2;
	eq = strchr(name, '=');
	len = eq ? (size_t)(eq - name) : strlen(name);
	o = sl_option_find(v, name, len);
	if (!o) {
		char copy[64];
		const char *meant;

		(void)snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
		meant = sl_suggest(copy, option_name, v);
		if (meant)
			return sl_cli_usage(cli, "unknown option --%s; did you mean --%s?", copy,
					    meant);
		return sl_cli_usage(cli, "unknown option --%s", copy);
	}
	if (!o->arg && eq)
		return sl_cli_usage(cli, "--%s takes no value", o->name);
	if (!o->arg)
		return add_value(cli, o, "");
	if (eq)
		return add_value(cli, o, eq + 1);
	if (*at + 1 >= n)
		return sl_cli_usage(cli, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
	return add_value(cli, o, words[++*at]);
}

static const char *verb_name(const void *ctx, unsigned i)
{
	const struct sl_cli_verb *v = ctx;

	return v[i].name;
}

/* The verb of a word, or NULL with a line for people. */
static const struct sl_cli_verb *find_verb(const struct sl_cli_verb *list, const char *above,
					   const char *word)
{
	const char *meant;

	for (const struct sl_cli_verb *v = list; v->name; v++)
		if (strcmp(v->name, word) == 0)
			return v;
	meant = sl_suggest(word, verb_name, list);
	if (meant)
		(void)sl_cli_error(0, "'%s' is no form of `sluice%s`; did you mean `sluice%s %s`?",
				   word, above, above, meant);
	else
		(void)sl_cli_error(0, "'%s' is no form of `sluice%s`; see `sluice%s --help`", word,
				   above, above);
	return NULL;
}

static int parse_words(struct sl_cli *cli, char **words, int n)
{
	const struct sl_cli_verb *v = sl_cli_row(cli);
	int r;

	cli->argc = 0;
	cli->argv = words;
	for (int i = 0; i < n; i++) {
		if (strcmp(words[i], "--") == 0) {
			for (i++; i < n; i++)
				words[cli->argc++] = words[i];
			break;
		}
		if (words[i][0] == '-' && words[i][1]) {
			r = parse_option(cli, words, n, &i);
			if (r)
				return r;
			continue;
		}
		if (v->flags & SL_CLI_TOOL) {
			for (; i < n; i++)
				words[cli->argc++] = words[i];
			break;
		}
		words[cli->argc++] = words[i];
	}
	words[cli->argc] = NULL;
	cli->json = sl_cli_given(cli, "json");
	return 0;
}

static int print_config(struct sl_cli *cli)
{
	static const char *const columns[][2] = {
		{"setting", "SETTING"}, {"value", "VALUE"}, {"source", "FROM"}, {NULL, NULL}};
	struct sl_emit *e = sl_cli_emit(cli);

	sl_emit_table(e, "config", columns);
	for (const struct sl_option *o = sl_cli_row(cli)->options; o && o->name; o++) {
		const char *why = "default", *value;

		for (unsigned i = 0; sl_cli_nth(cli, o->name, i); i++) {
			sl_emit_cell(e, "%s", o->name);
			sl_emit_cell(e, "%s", o->arg ? sl_cli_nth(cli, o->name, i) : "yes");
			sl_emit_cell(e, "command line");
		}
		if (sl_cli_given(cli, o->name))
			continue;
		value = sl_cli_get(cli, o->name);
		if (value == cli->found && o->find(cli->found, sizeof(cli->found), &why) < 0)
			value = NULL;
		sl_emit_cell(e, "%s", o->name);
		sl_emit_cell(e, "%s", value ? value : o->arg ? "-" : "no");
		sl_emit_cell(e, "%s", why);
	}
	sl_emit_end(e);
	return sl_cli_finish(e, SL_EXIT_OK);
}

static int check_words(struct sl_cli *cli)
{
	const struct sl_cli_verb *v = sl_cli_row(cli);

	if ((unsigned)cli->argc < v->args_min)
		return sl_cli_usage(cli, "something is missing: %s", v->args);
	if ((unsigned)cli->argc > v->args_max)
		return sl_cli_usage(cli, "'%s' is one word too many", cli->argv[v->args_max]);
	return 0;
}

int sl_cli_main(int argc, char **argv)
{
	static char help[] = "--help";
	struct sl_cli cli = {0};
	char above[64];
	int at = 1, r;

	if (argc < 2)
		return sl_help_all(stderr, SL_EXIT_USAGE);
	if (argc > 2 && strcmp(argv[1], "help") == 0) { /* help VERB: VERB --help */
		memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof(*argv));
		argv[argc - 1] = help;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    (strcmp(argv[1], "help") == 0 && argc == 2))
		return sl_help_all(stdout, SL_EXIT_OK);
	if (strcmp(argv[1], "--version") == 0)
		return sl_help_version();
	if (argv[1][0] == '-')
		return sl_cli_error(SL_EXIT_USAGE, "unknown option %s; see `sluice --help`",
				    argv[1]);
	cli.verb = find_verb(sl_verbs, "", argv[at++]);
	if (!cli.verb)
		return SL_EXIT_USAGE;
	if (cli.verb->subs) {
		(void)snprintf(above, sizeof(above), " %s", cli.verb->name);
		if (at == argc)
			return sl_help_verb(stderr, &cli, SL_EXIT_USAGE);
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
			return sl_help_verb(stdout, &cli, SL_EXIT_OK);
		cli.sub = find_verb(cli.verb->subs, above, argv[at++]);
		if (!cli.sub)
			return SL_EXIT_USAGE;
	}
	r = parse_words(&cli, argv + at, argc - at);
	if (r)
		return r;
	if (sl_cli_given(&cli, "help"))
		return sl_help_verb(stdout, &cli, SL_EXIT_OK);
	if (sl_cli_given(&cli, "print-config"))
		return print_config(&cli);
	r = check_words(&cli);
	return r ? r : sl_cli_row(&cli)->fn(&cli);
}

/* Words for people */

static void line(const char *fmt, va_list ap)
{
	char text[2048];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	(void)fprintf(stderr, "sluice: %s\n", text);
}

int sl_cli_error(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
	return status;
}

int sl_cli_diag(int status, const struct sl_diag *d)
{
	char text[1024];

	return sl_cli_error(status, "%s", sl_diag_str(d, text, sizeof(text)));
}

int sl_cli_usage(const struct sl_cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "see `sluice %s%s%s --help`\n", cli->verb->name, cli->sub ? " " : "",
		      cli->sub ? cli->sub->name : "");
	return SL_EXIT_USAGE;
}

struct sl_emit *sl_cli_emit(struct sl_cli *cli)
{
	return sl_emit_new(stdout, cli->json);
}

int sl_cli_finish(struct sl_emit *e, int status)
{
	int r = sl_emit_done(e);

	if (r == -EPIPE) /* the reader had enough, as `head` has: a failure, and nothing to say */
		return SL_EXIT_FAILED;
	if (r < 0)
		return sl_cli_error(SL_EXIT_FAILED, "standard output: %s", strerror(-r));
	return status;
}

/* Levenshtein's distance, or more than `limit`. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[64], above, next;

	if (n >= 63 || strlen(a) >= 63)
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		above = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			next = above + (a[i] != b[j]);
			above = row[j + 1];
			if (next > above + 1)
				next = above + 1;
			if (next > row[j] + 1)
				next = row[j] + 1;
			row[j + 1] = next;
		}
	}
	return row[n];
}

const char *sl_suggest(const char *word, const char *(*name)(const void *ctx, unsigned i),
		       const void *ctx)
{
	const char *best = NULL, *s;
	unsigned least = 99;

	for (unsigned i = 0; (s = name(ctx, i)); i++) {
		unsigned d = distance(word, s);

		if (d < least) {
			least = d;
			best = s;
		}
	}
	/* A third of the word may be wrong. */
	return best && least <= 1 + strlen(word) / 4 ? best : NULL;
}
