/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb, its options and what each says about itself. A new verb is a row here and a function.
 */
#include "cli/cli.h"

#include <limits.h>

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
	 .text = "what the tool sees at PATH: model:NAME, nvme:/dev/nvme1, wire:SOCKET …"},
	OPT_LEDGER,
	OPT_SOCKET("a running broker to use instead of a private one"),
	{.name = "quiet", .text = "no line on stderr for a denied command"},
	{.name = "appear-root", .text = "the tool sees itself as uid 0, and gains nothing by it"},
	{0},
};

static const struct sl_option serve_options[] = {
	OPT_POLICY,
	{.name = "device",
	 .arg = "NAME=SPEC",
	 .repeat = true,
	 .text = "a device and what clients and policies call it; a path in /dev for `run`"},
	OPT_LEDGER,
	OPT_SOCKET("where to listen"),
	{.name = "watch",
	 .text = "look at the devices while they are used, and report what no command explains"},
	{.name = "watch-cost",
	 .arg = "N",
	 .dflt = "10",
	 .text = "commands to look with, per thousand that run"},
	{.name = "sole",
	 .text = "nobody else changes these devices: what no command explains counts at once"},
	{0},
};

static const struct sl_option show_options[] = {
	OPT_LEDGER,
	{.name = "denied", .text = "only what was denied"},
	{.name = "outcomes", .text = "also the outcomes that say only: done"},
	{.name = "last", .arg = "N", .text = "only the last N records"},
	{0},
};

static const struct sl_option ledger_options[] = {OPT_LEDGER, {0}};
static const struct sl_option socket_options[] = {OPT_SOCKET("where the broker listens"), {0}};
static const struct sl_option doctor_options[] = {
	OPT_LEDGER,
	OPT_SOCKET("where a broker would listen"),
	{0},
};

static const struct sl_option explain_options[] = {
	OPT_POLICY,
	{.name = "device",
	 .arg = "SPEC",
	 .text = "judge it for this device, whose contract is read first"},
	{.name = "as",
	 .arg = "WHO",
	 .repeat = true,
	 .text = "ask as uid:NUMBER, gid:NUMBER or label:NAME instead of as yourself"},
	{.name = "hex",
	 .arg = "BYTES",
	 .text = "the 64 bytes of a submission queue entry, a CDB, or a mailbox header and "
		 "payload"},
	{.name = "queue",
	 .arg = "QUEUE",
	 .dflt = "admin",
	 .text = "of --hex: admin, io, scsi, cxl, fwctl or a command set (scsi.mmc); else the "
		 "device's"},
	{.name = "data", .arg = "FILE", .text = "the payload that goes out with it; else zeroes"},
	{.name = "last", .text = "the last command that was denied, from the ledger"},
	OPT_LEDGER,
	{0},
};

static const struct sl_option verify_options[] = {
	{.name = "perturb",
	 .text = "also reserved bits, vendor's fields, every block, known payloads, many repeats"},
	{.name = "destructive",
	 .arg = "SERIAL",
	 .text = "hardware: send whatever is not the kernel's own; what is on the device is lost"},
	{.name = "only", .arg = "NAME", .text = "only commands whose names have this in them"},
	{.name = "first", .text = "stop at the first contradiction"},
	{.name = "commands", .arg = "N", .dflt = "0", .text = "stop after so many; 0: no limit"},
	{.name = "time", .arg = "SECONDS", .dflt = "0", .text = "stop after so long; 0: no limit"},
	{.name = "wait",
	 .arg = "SECONDS",
	 .dflt = "6",
	 .text = "for effects that come late, where time is real"},
	{.name = "key", .arg = "N", .dflt = "0", .text = "picks the blocks that are sampled"},
	{.name = "html", .arg = "FILE", .text = "also write the report as one page for a browser"},
	{.name = "junit",
	 .arg = "FILE",
	 .text = "also write it as JUnit's XML: a command is a test"},
	{.name = "power-cycle",
	 .arg = "COMMAND",
	 .text = "cuts the device's power and brings it back; for effects after a loss of it"},
	{.name = "state",
	 .arg = "FILE",
	 .text = "note down there how far it is; go on from there when it was cut off"},
	{.name = "bundle",
	 .arg = "PATH",
	 .text = "also write the evidence: one file, or a directory where PATH ends with /"},
	{.name = "replay",
	 .arg = "BUNDLE",
	 .text = "only try whether the findings of that evidence show on this device"},
	{.name = "plan", .text = "say what would be done, and do nothing"},
	{0},
};

static const struct sl_option trust_options[] = {
	OPT_LEDGER,
	{.name = "reason", .arg = "TEXT", .text = "why, for whoever reads it later"},
	{0},
};

static const struct sl_option distrust_options[] = {
	{.name = "command",
	 .arg = "NAME",
	 .text = "which command contradicts what is declared of it"},
	OPT_LEDGER,
	{.name = "reason", .arg = "TEXT", .text = "why, for whoever reads it later"},
	{0},
};

static const struct sl_option import_options[] = {
	{.name = "accept", .text = "it counts here; else it only alerts"},
	OPT_LEDGER,
	{0},
};

static const struct sl_option list_options[] = {
	OPT_LEDGER,
	{.name = "check", .text = "only the ways that are open to others than root; fail if any"},
	{0},
};

static const struct sl_option capture_options[] = {
	{.name = "output", .arg = "FILE", .text = "where to write it; else to stdout"},
	{.name = "identifiers",
	 .text = "keep serial numbers, names and identifiers; else they are invented"},
	{0},
};

static const struct sl_cli_verb device_subs[] = {
	{.name = "list",
	 .args = "",
	 .help = "what can be put behind the gate here, and who else holds it",
	 .text = "For each device: who may open its nodes, which processes have them open, what is "
		 "mounted on it, which attributes do something to it; and what the kernel's own "
		 "filter lets an ordinary user do there. With --check the exit status is 1 when a "
		 "way is open to somebody who is not root, and each line says what closes it.",
	 .flags = SL_CLI_JSON,
	 .options = list_options,
	 .fn = sl_verb_device_list},
	{.name = "personas",
	 .args = "",
	 .help = "the devices that the device model can be",
	 .flags = SL_CLI_JSON,
	 .fn = sl_verb_device_personas},
	{.name = "capture",
	 .args = "SPEC",
	 .help = "a device as a persona file, for the model to be",
	 .text = "Reads what an NVMe, SCSI or CXL device says of itself: identity, namespaces, "
		 "logs, "
		 "features; pages, capacity, its list of commands. "
		 "Every command goes through a private broker under the policy `health`, and only "
		 "commands are sent that the device says it has. What the file cannot express is "
		 "in its \"comment\".",
	 .args_min = 1,
	 .args_max = 1,
	 .options = capture_options,
	 .fn = sl_verb_device_capture},
	{.name = "distrust",
	 .args = "SPEC",
	 .help = "believe a device nothing, until it is cleared",
	 .text = "Every permission that rests on what the device declares falls, also in a broker "
		 "that "
		 "serves; Identify and health logs stay readable and are marked suspect. What is "
		 "known of "
		 "devices is kept beside the ledger, under its vendor, model and serial number.",
	 .args_min = 1,
	 .args_max = 1,
	 .options = distrust_options,
	 .fn = sl_verb_device_distrust},
	{.name = "trust",
	 .args = "SPEC",
	 .help = "vouch for what a device declares: `trust >= verified` holds",
	 .text = "For this serial number, this firmware and these declarations; when one of them "
		 "changes, it is void. It does not clear a device that was caught.",
	 .args_min = 1,
	 .args_max = 1,
	 .options = trust_options,
	 .fn = sl_verb_device_trust},
	{.name = "clear",
	 .args = "SPEC | SERIAL | FINDING",
	 .help = "take back what was found or said of a device",
	 .text = "The findings stay on record and do not count any more.",
	 .args_min = 1,
	 .args_max = 1,
	 .options = ledger_options,
	 .fn = sl_verb_device_clear},
	{.name = "findings",
	 .args = "[FINDING]",
	 .help = "what was found or said of devices",
	 .flags = SL_CLI_JSON,
	 .args_max = 1,
	 .options = ledger_options,
	 .fn = sl_verb_device_findings},
	{.name = "export",
	 .args = "FINDING",
	 .help = "a finding as a signed file, for other hosts",
	 .args_min = 1,
	 .args_max = 1,
	 .options = ledger_options,
	 .fn = sl_verb_device_export},
	{.name = "import",
	 .args = "FILE",
	 .help = "take a finding of another host",
	 .text = "It is about every device of that model, firmware and contract. It only alerts, "
		 "unless --accept says that it is to count here.",
	 .args_min = 1,
	 .args_max = 1,
	 .options = import_options,
	 .fn = sl_verb_device_import},
	{0},
};

static const struct sl_cli_verb ledger_subs[] = {
	{.name = "show",
	 .args = "[DIR]",
	 .help = "what was asked, decided, sent, and what came of it",
	 .flags = SL_CLI_JSON,
	 .args_max = 1,
	 .options = show_options,
	 .fn = sl_verb_ledger_show},
	{.name = "verify",
	 .args = "[DIR]",
	 .help = "hold every record against the one before it",
	 .text = "Finds changed, missing, exchanged and torn records. It cannot find that records "
		 "were cut "
		 "off at the end, or that all of the file was written anew: that takes a copy of "
		 "the last "
		 "checksum kept elsewhere.",
	 .flags = SL_CLI_JSON,
	 .args_max = 1,
	 .options = ledger_options,
	 .fn = sl_verb_ledger_verify},
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
	 .args_max = UINT_MAX,
	 .options = run_options,
	 .fn = sl_verb_run},
	{.name = "serve",
	 .args = "",
	 .help = "serve devices to everybody on this machine, as far as the policy goes",
	 .text = "Compiles the policy, opens the devices, starts sluiced and stays in the "
		 "foreground. Who "
		 "connects is what the kernel says; give the device nodes to this service alone, "
		 "and it is "
		 "the boundary.",
	 .options = serve_options,
	 .fn = sl_verb_serve},
	{.name = "explain",
	 .args = "COMMAND [FIELD=VALUE]… | --hex BYTES | --last",
	 .help = "what a command is, what it can do, what decides it, and what would allow it",
	 .text = "COMMAND and its fields go by the names of the specification, as in `sluice "
		 "explain "
		 "nvme.admin.get-log-page lid=2 rae=0`. `data=BYTES` gives a buffer's length where "
		 "it does "
		 "not follow from the command. The exit status is 0 when it is allowed and 3 when "
		 "it is "
		 "denied; with --last, which only tells what was, it is 0.",
	 .flags = SL_CLI_JSON,
	 .args_max = 64,
	 .options = explain_options,
	 .fn = sl_verb_explain},
	{.name = "contract",
	 .args = "",
	 .help = "what a device declares that its commands do",
	 .subs = sl_contract_subs},
	{.name = "verify",
	 .args = "SPEC | diff OLD NEW",
	 .help = "hold what a device does against what it declares",
	 .text = "Sends every command that the device and the specifications know, one at a time "
		 "and in "
		 "sequences, looks at all that can be read, and attributes each change. The exit "
		 "status is "
		 "5 when something contradicts a declaration, and 0 when nothing was seen to. "
		 "The contents "
		 "of models and of devices on the wire protocol are lost. NVMe hardware is sent "
		 "commands without "
		 "effects in their canonical forms; more only with --perturb or --destructive, and "
		 "then only "
		 "when nobody else uses it.\n\n"
		 "`diff` compares two reports (--json) or two bundles, of two firmwares: what is "
		 "declared, what was seen, what was found. The exit status is 5 when NEW has a "
		 "contradiction that OLD has not.",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 3,
	 .options = verify_options,
	 .fn = sl_verb_verify},
	{.name = "device",
	 .args = "",
	 .help = "what can be put behind the gate",
	 .subs = device_subs},
	{.name = "policy",
	 .args = "",
	 .help = "check, show, test, compare and question policies",
	 .subs = sl_policy_subs},
	{.name = "ledger", .args = "", .help = "read what the gate recorded", .subs = ledger_subs},
	{.name = "status",
	 .args = "",
	 .help = "the broker that serves here, and its devices",
	 .flags = SL_CLI_JSON,
	 .options = socket_options,
	 .fn = sl_verb_status},
	{.name = "doctor",
	 .args = "[TOOL]",
	 .help = "would `run` work here, with this tool?",
	 .flags = SL_CLI_JSON,
	 .args_max = 1,
	 .options = doctor_options,
	 .fn = sl_verb_doctor},
	{.name = "dump-metadata",
	 .args = "",
	 .help = "verbs, options, exit codes, effects and commands, for generators",
	 .flags = SL_CLI_JSON,
	 .fn = sl_verb_dump_metadata},
	{0},
};
