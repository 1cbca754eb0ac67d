/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people: one per denial, repeats counted instead of repeated. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "front/run/super.h"

static void put_line(const struct sl_report *rep, const char *line)
{
	char buf[800];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);

	/* One write, so that it does not mix with the tool's own words. Nobody to tell if it fails.
	 */
	if (n > 0 && write(rep->fd, buf, (size_t)n) < 0)
		return;
}

void sl_report_flush(struct sl_report *rep)
{
	char line[64];

	if (rep->repeats) {
		snprintf(line, sizeof(line), "sluice: … %u more times", rep->repeats);
		if (!rep->quiet)
			put_line(rep, line);
	}
	rep->repeats = 0;
}

void sl_report_line(struct sl_report *rep, const char *fmt, ...)
{
	char line[sizeof(rep->last)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (strcmp(line, rep->last) == 0) {
		rep->repeats++;
		return;
	}
	sl_report_flush(rep);
	strcpy(rep->last, line);
	if (!rep->quiet)
		put_line(rep, line);
}

void sl_report_denied(struct sl_super *s, const struct sl_node *node,
		      const struct sl_client_reply *r)
{
	const char *rule = strstr(r->text, " (");
	char path[SL_NODE_NAME + 8];

	snprintf(path, sizeof(path), "/dev/%s", node->name);
	if (s->cfg->denied)
		s->cfg->denied(s->cfg->user, path, r);
	if (r->c.outcome == SL_OUTCOME_FAILED) {
		if (r->text[0])
			sl_report_line(&s->report, "sluice: %s on %s", r->text, path);
		return;
	}
	/* The broker says "nvme.admin.sanitize (health.policy:12)"; the path stands before the
	 * rule. */
	if (rule)
		sl_report_line(
			&s->report, "sluice: denied %.*s on %s%s — sluice explain --last%s%s",
			(int)(rule - r->text), r->text, path, rule,
			s->cfg->ledger ? " --ledger " : "", s->cfg->ledger ? s->cfg->ledger : "");
	else
		sl_report_line(&s->report, "sluice: denied %s on %s — sluice explain --last%s%s",
			       r->text[0] ? r->text : "a command", path,
			       s->cfg->ledger ? " --ledger " : "",
			       s->cfg->ledger ? s->cfg->ledger : "");
}

void sl_report_refused(struct sl_super *s, const struct sl_node *node, const char *what)
{
	sl_report_line(&s->report,
		       "sluice: denied %s on /dev/%s (not a command that could be judged)", what,
		       node->name);
}
