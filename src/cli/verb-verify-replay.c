/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice verify --replay`: the findings of an evidence bundle, tried on a device. */
#include <stdio.h>
#include <string.h>

#include "cli/verify.h"
#include "observe/bundle.h"

struct outcome {
	bool shows, same_place, failed;
	char where[96], what[96];
	char error[160];
};

static struct outcome try_one(struct sl_rig *rig, const char *spec, struct sl_verify_options *o,
			      const struct sl_bundle_finding *f)
{
	struct outcome out = {0};
	struct sl_verdicts v;
	struct sl_diag d = {0};
	size_t at = 0;
	int r = sl_verify_again(rig, spec, o, &f->breach, f->phase, &v, &at, &d);

	out.failed = r < 0;
	out.shows = r > 0;
	if (r > 0) {
		const struct sl_evidence *e = &v.v[at].evidence[0];

		(void)snprintf(out.where, sizeof(out.where), "%s", e->where);
		(void)snprintf(out.what, sizeof(out.what), "%s", e->what);
		out.same_place = strcmp(e->where, f->breach.evidence[0].where) == 0;
	}
	if (r < 0)
		(void)snprintf(out.error, sizeof(out.error), "%.150s", d.text);
	sl_verdicts_done(&v);
	return out;
}

static void say(struct sl_emit *e, const struct sl_bundle_finding *f, const struct outcome *o)
{
	const struct sl_breach *b = &f->breach;

	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "finding", NULL, "%s", sl_breach_kinds[b->id].name);
	sl_emit_str(e, "command", NULL, "%s", b->command);
	sl_emit_bool(e, "reproduced", NULL, o->shows);
	if (o->shows) {
		sl_emit_bool(e, "same_place", NULL, o->same_place);
		sl_emit_str(e, "where", NULL, "%s", o->where);
		sl_emit_str(e, "what", NULL, "%s", o->what);
	}
	if (o->failed)
		sl_emit_str(e, "error", NULL, "%s", o->error);
	sl_emit_end(e);
}

static void say_text(struct sl_emit *e, const struct sl_bundle_finding *f, const struct outcome *o)
{
	const struct sl_breach *b = &f->breach;

	sl_emit_note(e, "%s: %s: %s",
		     o->failed	? "not tried"
		     : o->shows ? "reproduced"
				: "not reproduced",
		     b->command[0] ? b->command : "the device", sl_breach_kinds[b->id].text);
	if (b->n_evidence)
		sl_emit_note(e, "    then: %s: %s", b->evidence[0].where, b->evidence[0].what);
	if (o->shows)
		sl_emit_note(e, "    now: %s: %s%s", o->where, o->what,
			     o->same_place ? "" : " (another place)");
	if (o->failed)
		sl_emit_note(e, "    %s", o->error);
}

static int run(struct sl_cli *cli, struct sl_rig *rig, struct sl_verify_options *o,
	       const struct sl_bundle *b)
{
	unsigned shown = 0, caught = 0, failed = 0;
	struct sl_emit *e = sl_cli_emit(cli);

	o->key = b->key;
	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "evidence", "evidence", "of %s, firmware %s (%s), %s", b->model, b->firmware,
		    b->spec, b->made);
	sl_emit_str(e, "device", "tried on", "%s", cli->argv[0]);
	sl_emit_array(e, "findings", NULL);
	for (size_t i = 0; i < b->n; i++) {
		struct outcome out = try_one(rig, cli->argv[0], o, &b->v[i]);

		shown += out.shows;
		failed += out.failed;
		caught +=
			out.shows && sl_breach_kinds[b->v[i].breach.id].weight == SL_WEIGHT_CAUGHT;
		if (sl_emit_is_json(e))
			say(e, &b->v[i], &out);
		else
			say_text(e, &b->v[i], &out);
	}
	sl_emit_end(e);
	sl_emit_u64(e, "reproduced", NULL, shown);
	sl_emit_end(e);
	if (!b->n)
		sl_emit_note(e, "There is no finding in it.");
	else
		sl_emit_note(e, "%u of %zu show on this device.%s", shown, b->n,
			     shown < b->n ? " What does not show again is not refuted: it may take "
					    "a state that this device is not in."
					  : "");
	return sl_cli_finish(e, caught	 ? SL_EXIT_CONTRADICTED
				: failed ? SL_EXIT_FAILED
					 : SL_EXIT_OK);
}

int sl_cli_replay(struct sl_cli *cli, struct sl_verify_options *o)
{
	struct sl_diag d = {0};
	struct sl_bundle b;
	struct sl_rig *rig;
	int status, r = sl_bundle_read(sl_cli_get(cli, "replay"), &b, &d);

	if (r < 0)
		return sl_cli_diag(SL_EXIT_FAILED, &d);
	status = sl_cli_rig(cli, cli->argv[0], &rig);
	if (!status) {
		status = run(cli, rig, o, &b);
		sl_rig_close(rig);
	}
	sl_bundle_done(&b);
	return status;
}
