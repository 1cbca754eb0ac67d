/* SPDX-License-Identifier: Apache-2.0 */
/* --help and --version, from the tables. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/parse.h"
#include "sluice-paths.h" /* SL_VERSION, by meson */

/* Of a terminal its own width: none has to be read broken. */
static unsigned width(FILE *out)
{
	enum { WIDEST = 100, NARROWEST = 40 };
	struct winsize w;

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &w) < 0 ||
	    w.ws_col < NARROWEST || w.ws_col > WIDEST)
		return WIDEST;
	return w.ws_col;
}

/* Text wrapped, with a hanging indent; blank lines stay. */
static void wrap(FILE *out, const char *text, unsigned indent)
{
	const unsigned columns = width(out);
	unsigned col = indent, blank = 0; /* before the next word, if it stands on this line */

	(void)fprintf(out, "%*s", (int)indent, "");
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " \n");

		if (col + blank + n > columns && col > indent) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			col = indent;
			blank = 0;
		}
		(void)fprintf(out, "%*s", (int)blank, "");
		col += blank;
		blank = 0;
		(void)fwrite(p, 1, n, out);
		col += (unsigned)n;
		p += n;
		for (; *p == '\n'; p++) {
			(void)fprintf(out, "\n%*s", p[1] == '\n' ? 0 : (int)indent, "");
			col = indent;
		}
		if (*p == ' ') {
			p++;
			blank = 1;
		}
	}
	(void)fputc('\n', out);
}

/* What was printed, as an exit status: help that nobody got is a failure. */
static int flushed(FILE *out, int status)
{
	errno = 0;
	if (fflush(out) || ferror(out))
		return sl_cli_error(SL_EXIT_FAILED, "output: %s", strerror(errno ? errno : EIO));
	return status;
}

static void option_line(FILE *out, const struct sl_option *o)
{
	char left[64], value[1024];
	const char *why;

	(void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "",
		       o->arg ? o->arg : "");
	(void)fprintf(out, "  %-24s %s", left, o->text);
	if (o->find && o->find(value, sizeof(value), &why) == 0)
		(void)fprintf(out, " [%s]", value);
	else if (o->dflt)
		(void)fprintf(out, " [%s]", o->dflt);
	(void)fprintf(out, "%s\n", o->repeat ? " (may be repeated)" : "");
}

int sl_help_all(FILE *out, int status)
{
	(void)fprintf(out, "sluice: a gate for device commands\n\nusage: sluice VERB …\n\n");
	for (const struct sl_cli_verb *v = sl_verbs; v->name; v++) {
		(void)fprintf(out, "  %-14s %s\n", v->name, v->help);
		for (const struct sl_cli_verb *s = v->subs; s && s->name; s++)
			(void)fprintf(out, "    %-12s %s\n", s->name, s->help);
	}
	(void)fprintf(out, "\nExit status:");
#define EXIT(id, code, text) (void)fprintf(out, "\n  %3d  %s", code, text);
	SL_EXITS(EXIT)
#undef EXIT
	(void)fprintf(out, "\n\n`sluice VERB --help` says more, sluice(1) says all.\n");
	return flushed(out, status);
}

int sl_help_verb(FILE *out, const struct sl_cli *cli, int status)
{
	const struct sl_cli_verb *v = sl_cli_row(cli);

	(void)fprintf(out, "sluice %s%s%s: %s\n\n", cli->verb->name, cli->sub ? " " : "",
		      cli->sub ? cli->sub->name : "", v->help);
	if (v->subs) {
		for (const struct sl_cli_verb *s = v->subs; s->name; s++)
			(void)fprintf(out, "  sluice %s %s%s%s\n      %s\n", v->name, s->name,
				      s->args[0] ? " " : "", s->args, s->help);
		if (v->text) {
			(void)fputc('\n', out);
			wrap(out, v->text, 0);
		}
		return flushed(out, status);
	}
	(void)fprintf(out, "usage: sluice %s%s%s [OPTIONS]%s%s\n", cli->verb->name,
		      cli->sub ? " " : "", cli->sub ? cli->sub->name : "", v->args[0] ? " " : "",
		      v->args);
	if (v->text) {
		(void)fputc('\n', out);
		wrap(out, v->text, 0);
	}
	(void)fputc('\n', out);
	for (const struct sl_option *o = v->options; o && o->name; o++)
		option_line(out, o);
	for (const struct sl_option *o = sl_common_options; o->name; o++)
		if (sl_option_applies(v, o))
			option_line(out, o);
	return flushed(out, status);
}

int sl_help_version(void)
{
	(void)printf("sluice %s\n", SL_VERSION);
	return flushed(stdout, SL_EXIT_OK);
}
