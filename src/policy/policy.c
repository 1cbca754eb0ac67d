/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds a policy: messages, files, its end. */
#include "policy/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "policy/ast.h"

static void say(struct sl_policy_messages *msgs, struct sl_place at, bool warning, const char *fmt,
		va_list ap)
{
	struct sl_policy_message *m;
	const char *line, *end;
	char text[512];

	if (!msgs)
		return;
	msgs->errors += !warning;
	msgs->warnings += warning;
	if (msgs->n == SL_POLICY_MESSAGES)
		return;
	m = &msgs->m[msgs->n++];
	m->warning = warning;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	(void)sl_diag_set(&m->diag, 0, at.source ? at.source->file : "", at.line, at.column, "%s",
			  text);
	m->source[0] = 0;
	if (!at.source || !at.line)
		return;
	line = at.source->text;
	end = line + at.source->size;
	for (unsigned i = 1; i < at.line && line; i++) {
		line = memchr(line, '\n', (size_t)(end - line));
		line = line ? line + 1 : NULL;
	}
	for (size_t n = 0; line && line + n < end && n + 1 < sizeof(m->source); n++) {
		unsigned char c = (unsigned char)line[n];

		if (c == '\n' || c == '\r')
			break;
		m->source[n] = c == '\t' || (c >= ' ' && c != 0x7f) ? line[n] : '?';
		m->source[n + 1] = 0;
	}
}

int sl_policy_error(struct sl_policy_messages *msgs, struct sl_place at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(msgs, at, false, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

void sl_policy_warning(struct sl_policy_messages *msgs, struct sl_place at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(msgs, at, true, fmt, ap);
	va_end(ap);
}

void sl_policy_messages_print(const struct sl_policy_messages *msgs, FILE *out)
{
	for (unsigned i = 0; i < msgs->n; i++) {
		const struct sl_policy_message *m = &msgs->m[i];
		struct sl_diag d = m->diag;
		char where[320];

		d.text[0] = 0;
		(void)sl_diag_str(&d, where, sizeof(where));
		(void)fprintf(out, "%s%s%s\n", where,
			      m->warning ? "warning: " : "error: ", m->diag.text);
		if (!m->source[0])
			continue;
		(void)fprintf(out, "    %s\n    ", m->source);
		for (unsigned k = 0; k + 1 < m->diag.column && m->source[k]; k++)
			(void)fputc(m->source[k] == '\t' ? '\t' : ' ', out);
		(void)fprintf(out, "^\n");
	}
	if (msgs->errors + msgs->warnings > msgs->n)
		(void)fprintf(out, "… and %u more\n", msgs->errors + msgs->warnings - msgs->n);
}

int sl_policy_find(const char *name, char *buf, size_t size)
{
	static const char *const places[] = {"", "/etc/sluice/policy.d/"};
	char file[256];
	int r;

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (unsigned ext = 0; ext < 2; ext++) {
			/* A bare word names a policy; only a path or a whole file name a file. */
			if (i == 0 && !ext && !strchr(name, '/') && !strstr(name, ".policy"))
				continue;
			if (snprintf(buf, size, "%s%s%s", places[i], name, ext ? ".policy" : "") >=
			    (int)size)
				return -ENAMETOOLONG;
			if (access(buf, R_OK) == 0 && (i || strchr(name, '/') || !ext))
				return 0;
		}
	if (strchr(name, '/'))
		return -ENOENT;
	r = sl_path_data("policies", name, buf, size);
	if (r == 0 && access(buf, R_OK) == 0)
		return 0;
	if (snprintf(file, sizeof(file), "%s.policy", name) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	r = sl_path_data("policies", file, buf, size);
	if (r < 0)
		return r;
	return access(buf, R_OK) == 0 ? 0 : -ENOENT;
}

struct sl_policy *sl_policy_free(struct sl_policy *policy)
{
	if (policy) {
		sl_arena_done(&policy->arena);
		free(policy);
	}
	return NULL;
}

const char *sl_policy_name(const struct sl_policy *policy)
{
	return policy->name;
}

const char *sl_policy_rule_place(const struct sl_policy *policy, uint32_t ordinal,
				 unsigned *ret_line)
{
	if (ordinal >= policy->n_rules)
		return NULL;
	*ret_line = policy->rules[ordinal].at.line;
	return policy->rules[ordinal].at.source->file;
}
