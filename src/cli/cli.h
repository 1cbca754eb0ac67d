/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: verbs, options and exit codes as tables. Parsing, --help, --print-config, the
 * man page's option sections and the completions all read them, so that none can differ from
 * another.
 *
 * A verb is a row (verbs.c) and a function; a verb with several forms has `subs`.
 */
#ifndef SL_CLI_CLI_H
#define SL_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/emit.h"

/* EXIT(ID, code, meaning). DESIGN: stable, scripts rely on it. */
#define SL_EXITS(EXIT)                                                                             \
	EXIT(OK, 0, "ok")                                                                          \
	EXIT(FAILED, 1, "failed")                                                                  \
	EXIT(USAGE, 2, "the command line is wrong")                                                \
	EXIT(DENIED, 3, "denied")                                                                  \
	EXIT(DEVICE, 4, "the device reported an error")                                            \
	EXIT(CONTRADICTED, 5, "an effect contradicts its declaration")                             \
	EXIT(LEDGER, 6, "the ledger is broken")                                                    \
	EXIT(BROKER, 7, "the broker could not be reached")                                         \
	EXIT(RUN, 125, "`run`: sluice itself failed; else the tool's own status")

enum sl_exit {
#define EXIT(id, code, text) SL_EXIT_##id = (code),
	SL_EXITS(EXIT)
#undef EXIT
};

struct sl_cli;

/* An option. `arg` NULL: a flag. A default is a text, or a function that finds it out. */
struct sl_option {
	const char *name; /* without the dashes */
	const char *arg;  /* "FILE" */
	const char *text; /* one line for --help */
	bool repeat;
	const char *dflt; /* NULL: none */
	/* Fills buf and *ret_why with where the value comes from. */
	int (*find)(char *buf, size_t size, const char **ret_why);
};

enum sl_cli_verb_flag {
	SL_CLI_JSON = 1 << 0, /* prints data: takes --json */
	SL_CLI_TOOL = 1 << 1, /* options end at the first word; the rest is a command */
};

struct sl_cli_verb {
	const char *name;
	const char *args;		 /* after the options: "-- TOOL ARGS…" */
	const char *help;		 /* one line */
	const char *text;		 /* more, for --help and the manual; NULL */
	unsigned flags;			 /* enum sl_cli_verb_flag */
	unsigned args_min, args_max;	 /* words that are no options */
	const struct sl_option *options; /* ends with name NULL; NULL: none of its own */
	const struct sl_cli_verb *subs;	 /* ends with name NULL; NULL: fn */
	int (*fn)(struct sl_cli *cli);	 /* returns enum sl_exit or, for `run`, the tool's status */
};

extern const struct sl_cli_verb sl_verbs[]; /* ends with name NULL */
extern const struct sl_option sl_common_options[];

#define SL_CLI_VALUES_MAX 64

/* One call of a verb. */
struct sl_cli {
	const struct sl_cli_verb *verb, *sub; /* sub NULL: the verb has none */
	int argc;			      /* words that are no options */
	char **argv;			      /* NULL-terminated */
	bool json;
	unsigned n_values;
	struct {
		const struct sl_option *option;
		const char *value; /* "" for a flag */
	} values[SL_CLI_VALUES_MAX];
	char found[1024]; /* holds what sl_option.find answered last */
};

/* An option's value: the last one given, else its default; NULL when there is neither. */
const char *sl_cli_get(struct sl_cli *cli, const char *option);
/* Was it given? The same for flags. */
bool sl_cli_given(const struct sl_cli *cli, const char *option);
/* The n-th value given of a repeatable option; NULL past the end. */
const char *sl_cli_nth(const struct sl_cli *cli, const char *option, unsigned n);

/* One line "sluice: …" on stderr. Returns `status`, so that a verb can `return sl_cli_error(…)`. */
int sl_cli_error(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int sl_cli_diag(int status, const struct sl_diag *d);
/* The same for a wrong command line, with a pointer to --help. Returns SL_EXIT_USAGE. */
int sl_cli_usage(const struct sl_cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The emitter for a verb's data, on stdout, and its end: a failed write is a failed verb. */
struct sl_emit *sl_cli_emit(struct sl_cli *cli);
int sl_cli_finish(struct sl_emit *e, int status);

/* Appends /usr/sbin and /sbin to PATH where it has not the first: `run` and `doctor` find tools
 * there. */
void sl_cli_sbin(void);

/* The closest of the names, when it is close enough to have been meant; else NULL. */
const char *sl_suggest(const char *word, const char *(*name)(const void *ctx, unsigned i),
		       const void *ctx);

/* Verbs. */
int sl_verb_run(struct sl_cli *cli);
int sl_verb_serve(struct sl_cli *cli);
int sl_verb_explain(struct sl_cli *cli);
int sl_verb_device_list(struct sl_cli *cli);
int sl_verb_device_personas(struct sl_cli *cli);
int sl_verb_device_capture(struct sl_cli *cli);
int sl_verb_device_trust(struct sl_cli *cli);
int sl_verb_device_distrust(struct sl_cli *cli);
int sl_verb_device_clear(struct sl_cli *cli);
int sl_verb_device_findings(struct sl_cli *cli);
int sl_verb_device_export(struct sl_cli *cli);
int sl_verb_device_import(struct sl_cli *cli);
int sl_verb_ledger_show(struct sl_cli *cli);
int sl_verb_ledger_verify(struct sl_cli *cli);
int sl_verb_verify(struct sl_cli *cli);
int sl_verb_status(struct sl_cli *cli);
int sl_verb_doctor(struct sl_cli *cli);
int sl_verb_dump_metadata(struct sl_cli *cli);
/* verb-contract.c and verb-policy.c; each owns the table of its forms. */
extern const struct sl_cli_verb sl_contract_subs[];
extern const struct sl_cli_verb sl_policy_subs[];

#endif
