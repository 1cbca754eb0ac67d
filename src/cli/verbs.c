/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb, its options and what each says about itself. A new verb is a row here and a function.
 */
#include "cli/cli.h"

#include "base/paths.h"

static int find_ledger(char *buf, size_t size, const char **ret_why)
{
	return sl_path_state(buf, size, ret_why);
}

static int find_socket(char *buf, size_t size, const char **ret_why)
{
	return sl_path_socket(buf, size, ret_why);
}

#define OPT_POLICY                                                                                 \
	{                                                                                          \
		.name = "policy", .arg = "FILE", .dflt = "health",                                 \
		.text = "a policy file, or the name of one that is shipped or the site's"          \
	}
#define OPT_LEDGER                                                                                 \
	{                                                                                          \
		.name = "ledger", .arg = "DIR", .find = find_ledger,                               \
		.text = "directory of the ledger"                                                  \
	}
#define OPT_SOCKET(words)                                                                          \
	{                                                                                          \
		.name = "socket", .arg = "PATH", .find = find_socket, .text = words                \
	}

static const struct sl_option run_options[] = {
	OPT_POLICY,
	{.name = "device",
	 .arg = "PATH=SPEC",
	 .repeat = true,
	 .text = "what the tool sees at PATH: model:NAME, model:FILE or wire:SOCKET"},
	OPT_LEDGER,
	OPT_SOCKET("a running broker to use instead of a private one"),
	{.name = "quiet", .text = "no line on stderr for a denied command"},
	{.name = "appear-root", .text = "the tool sees itself as uid 0, and gains nothing by it"},
	{0},
};

const struct sl_cli_verb sl_verbs[] = {
	{.name = "run",
	 .args = "-- TOOL ARGS…",
	 .help = "run an unmodified program whose device commands go through the gate",
	 .text = "Starts TOOL in a place where the mapped devices are the only ones, and where "
		 "each "
		 "command that it sends them is judged by the policy first. A denied command fails "
		 "as "
		 "the kernel would let it fail, and is one line on stderr.\n\n"
		 "A running broker is used when its socket is there and neither --policy nor "
		 "--device "
		 "is given; else a private one is started, with your own rights.\n\n"
		 "The tool and all it starts are confined, not accomplices outside of that tree.",
	 .flags = SL_CLI_TOOL,
	 .args_min = 1,
	 .args_max = 4096,
	 .options = run_options,
	 .fn = sl_verb_run},
	{0},
};
