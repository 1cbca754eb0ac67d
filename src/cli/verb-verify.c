/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice verify`: what a device does, held against what it declares. Drives models, devices on
 * the wire protocol, and NVMe hardware as far as the options say.
 */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/verify.h"
#include "launch/launch.h"
#include "observe/bundle.h"
#include "observe/html.h"
#include "observe/junit.h"
#include "observe/power.h"
#include "observe/protocol.h"
#include "observe/report.h"
#include "observe/rig-nvme.h"
#include "observe/verify.h"
#include "sluice-paths.h" /* SL_VERSION, by meson */

struct line {
	bool tty;
	char last[160];
};

/* On stderr, so that a report can be piped; quiet when nobody looks. */
static void progress(void *ctx, const struct sl_progress *p)
{
	struct line *l = ctx;
	char left[40] = "", text[160];

	if (!l->tty)
		return;
	if (p->seconds_left >= 90)
		(void)snprintf(left, sizeof(left), ", about %.0f minutes left",
			       p->seconds_left / 60);
	else if (p->seconds_left >= 0)
		(void)snprintf(left, sizeof(left), ", about %.0f s left", p->seconds_left);
	(void)snprintf(text, sizeof(text), "%3.0f %%%s: %s", 100 * p->part, left, p->phase);
	if (strcmp(text, l->last) != 0)
		fprintf(stderr, "\r\033[K%s", text);
	memcpy(l->last, text, sizeof(l->last));
}

static bool number(const char *s, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 0);
	return !errno && end != s && !*end && *s != '-';
}

/* What hardware may be sent: nothing that it could mind, unless asked for by its serial number. */
static unsigned touch_of(struct sl_cli *cli)
{
	if (sl_cli_get(cli, "destructive"))
		return SL_TOUCH_ALL;
	return sl_cli_given(cli, "perturb") ? SL_TOUCH_ODD : SL_TOUCH_NOTHING;
}

int sl_cli_rig(struct sl_cli *cli, const char *arg, struct sl_rig **ret)
{
	struct sl_diag d = {0};
	struct sl_spec spec;
	int r = sl_spec_parse(arg, &spec, &d);

	if (r < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	switch (spec.kind) {
	case SL_SPEC_MODEL:
		r = sl_rig_model(spec.target, ret, &d);
		break;
	case SL_SPEC_WIRE:
		r = sl_rig_wire(spec.target, ret, &d);
		break;
	case SL_SPEC_NVME:
		r = sl_rig_nvme(spec.target, touch_of(cli), sl_cli_get(cli, "destructive"), ret,
				&d);
		break;
	default:
		return sl_cli_error(SL_EXIT_FAILED,
				    "%s: verify drives models (model:NAME, model:FILE), devices on "
				    "the wire protocol (wire:SOCKET) and NVMe devices",
				    arg);
	}
	if (r < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	if (sl_observed_known((*ret)->protocol))
		return 0;
	*ret = sl_rig_close(*ret);
	return sl_cli_error(
		SL_EXIT_FAILED,
		"%s: verify knows NVMe, SCSI and CXL devices; what fwctl's commands do and "
		"what they let be read is each driver's own",
		arg);
}

/* Files beside the report on stdout. */
static const struct {
	const char *option;
	int (*write)(FILE *f, const struct sl_verdicts *v, const struct sl_report_about *about);
} files[] = {
	{"html", sl_report_html},
	{"junit", sl_report_junit},
};

/* What cannot be written to is better said before all the work than behind it. */
static int writable(struct sl_cli *cli, const char *option)
{
	const char *path = sl_cli_get(cli, option);
	char copy[4096];

	if (!path || access(path, W_OK) == 0)
		return 0;
	if (errno == ENOENT && strlen(path) < sizeof(copy) &&
	    access(dirname(strcpy(copy, path)), W_OK | X_OK) == 0)
		return 0;
	return sl_cli_error(SL_EXIT_FAILED, "--%s %s: %s", option, path, strerror(errno));
}

static int write_bundle(struct sl_cli *cli, const struct sl_verdicts *v,
			const struct sl_report_about *about)
{
	const char *path = sl_cli_get(cli, "bundle");
	struct sl_diag d = {0};

	if (!path || sl_bundle_write(path, v, about, &d) == 0)
		return 0;
	return sl_cli_diag(SL_EXIT_FAILED, &d);
}

/* Opens, writes, closes: what could not be written whole is an error. */
static int write_files(struct sl_cli *cli, const struct sl_verdicts *v,
		       const struct sl_report_about *about)
{
	int status = write_bundle(cli, v, about);

	for (size_t i = 0; i < SL_COUNT(files); i++) {
		const char *path = sl_cli_get(cli, files[i].option);
		FILE *f = path ? fopen(path, "we") : NULL;
		int r = path && !f ? -errno : 0;

		if (f)
			r = files[i].write(f, v, about);
		if (f && fclose(f) && !r)
			r = -errno;
		if (r)
			status = sl_cli_error(SL_EXIT_FAILED, "%s: %s", path, strerror(-r));
	}
	return status;
}

static int report(struct sl_cli *cli, struct sl_rig *rig, const struct sl_verify_options *o)
{
	const struct sl_report_about about = {
		.version = SL_VERSION, .spec = cli->argv[0], .when = time(NULL), .options = o};
	struct sl_verdicts v;
	struct sl_diag d = {0};
	struct sl_emit *e;
	struct line *l = o->ctx;
	const char *command = sl_cli_get(cli, "power-cycle");
	struct sl_power *power = NULL;
	int status, r = command ? sl_power_wrap(rig, command, &power) : 0;

	if (r < 0)
		return sl_cli_error(SL_EXIT_FAILED, "%s", strerror(-r));
	r = sl_verify(rig, cli->argv[0], o, &v, &d);
	if (power && sl_power_error(power)[0])
		sl_diag_set(&d, r, NULL, 0, 0, "%s: %s", cli->argv[0], sl_power_error(power));
	power = sl_power_unwrap(power);

	if (l->tty)
		fprintf(stderr, "\r\033[K");
	if (r < 0 && !v.doc)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	e = sl_cli_emit(cli);
	sl_report_print(e, &v);
	status = v.count[SL_WEIGHT_CAUGHT] ? SL_EXIT_CONTRADICTED : SL_EXIT_OK;
	if (write_files(cli, &v, &about))
		status = SL_EXIT_FAILED;
	if (v.ended[0] && status == SL_EXIT_OK)
		status = sl_cli_error(SL_EXIT_FAILED, "%s: %s", cli->argv[0], v.ended);
	if (r < 0)
		status = sl_cli_diag(SL_EXIT_FAILED, &d);
	sl_verdicts_done(&v);
	return sl_cli_finish(e, status);
}

/* On hardware: how much of what it would be. */
static int estimate(struct sl_emit *e, struct sl_cli *cli, struct sl_rig *rig,
		    const struct sl_verify_options *o)
{
	struct sl_estimate x;
	struct sl_diag d = {0};

	if (!(rig->can & SL_RIG_REAL) || sl_emit_is_json(e))
		return SL_EXIT_OK;
	if (sl_verify_estimate(rig, cli->argv[0], o, &x, &d) < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	sl_emit_note(e,
		     "%zu forms of commands and %zu variations of them: at most %" PRIu64
		     " commands, about %.0f s",
		     x.forms, x.variants, x.commands, x.seconds);
	sl_emit_note(e, "bytes that may be overwritten: %" PRIu64, x.bytes);
	sl_emit_note(e, "entries to expect in its error log: %s%" PRIu64,
		     x.errors ? "at most " : "", x.errors);
	sl_emit_note(e, "to find this out, %" PRIu64 " commands without effects were sent",
		     x.asked);
	return SL_EXIT_OK;
}

int sl_verb_verify(struct sl_cli *cli)
{
	struct line l = {.tty = isatty(STDERR_FILENO)};
	struct sl_verify_options o = {.progress = progress, .ctx = &l};
	uint64_t seconds = 0, wait = 0;
	struct sl_rig *rig;
	int status;

	if (strcmp(cli->argv[0], "diff") == 0 && cli->argc == 3)
		return sl_cli_verify_diff(cli);
	if (cli->argc != 1)
		return sl_cli_usage(cli, "it takes one device, or `diff` and two reports");
	if (!number(sl_cli_get(cli, "commands"), &o.commands))
		return sl_cli_usage(cli, "--commands takes a number");
	if (!number(sl_cli_get(cli, "time"), &seconds) || seconds > 1000000)
		return sl_cli_usage(cli, "--time takes seconds");
	if (!number(sl_cli_get(cli, "key"), &o.key))
		return sl_cli_usage(cli, "--key takes a number");
	if (!number(sl_cli_get(cli, "wait"), &wait) || !wait || wait > 3600)
		return sl_cli_usage(cli, "--wait takes seconds, 1 to 3600");
	o.seconds = (unsigned)seconds;
	o.patience_ms = (unsigned)wait * 1000;
	o.first = sl_cli_given(cli, "first");
	o.only = sl_cli_get(cli, "only");
	o.state = sl_cli_get(cli, "state");
	/* A model can be made anew; what happens to another process's device is somebody's loss. */
	o.perturb = strncmp(cli->argv[0], "model:", 6) == 0 || sl_cli_given(cli, "perturb");
	if (sl_cli_given(cli, "power-cycle") && strncmp(cli->argv[0], "model:", 6) == 0)
		return sl_cli_usage(cli, "a model's power is cut without a command");
	if (sl_cli_given(cli, "replay"))
		return sl_cli_replay(cli, &o);
	if (writable(cli, "html") || writable(cli, "junit") || writable(cli, "bundle"))
		return SL_EXIT_FAILED;
	status = sl_cli_rig(cli, cli->argv[0], &rig);
	if (status)
		return status;
	if (sl_cli_given(cli, "plan")) {
		struct sl_emit *e = sl_cli_emit(cli);

		sl_report_plan(e, rig, &o);
		status = sl_cli_finish(e, estimate(e, cli, rig, &o));
	} else {
		status = report(cli, rig, &o);
	}
	sl_rig_close(rig);
	return status;
}
