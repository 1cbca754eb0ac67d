/* SPDX-License-Identifier: Apache-2.0 */
/* Which commands two policies decide differently, for whom and when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "policy/analyse.h"
#include "policy/ast.h"
#include "policy/domain.h"
#include "policy/overview.h"
#include "spec/decode.h"

/* What changed for one kind of client and device on one row: its lines, joined. */
struct change {
	bool gained;
	uint32_t kind;
	char *lines;
	uint8_t *rows; /* a byte a row */
	bool told;
};

/* Lines, joined; `whole`: all points of all views, so that they say no more than "all of it". */
struct lines {
	char *text;
	size_t len, size;
	bool any, whole;
};

struct diffing {
	struct sl_domain *d;
	struct sl_arena arena;
	uint32_t n;
	struct change *change;
	size_t held;	      /* bytes of changes */
	struct lines text[2]; /* of the row in hand: what was lost, what was gained */
	struct sl_overview *overview;
	bool exact; /* every condition is asked for */
	uint8_t set[2][SL_DOMAIN_POINTS];
	sl_effects effects[2][SL_DOMAIN_POINTS];
};

static void add_line(void *userdata, const char *line)
{
	struct lines *s = userdata;
	size_t n = strlen(line);

	if (s->len + n + 2 > s->size) {
		s->size = 2 * s->size + n + 256;
		s->text = realloc(s->text, s->size);
		if (!s->text)
			abort();
	}
	if (s->any)
		s->text[s->len++] = '\n';
	memcpy(s->text + s->len, line, n + 1);
	s->len += n;
	s->any = true;
}

static void record(struct diffing *s, uint32_t kind, bool gained)
{
	struct lines *l = &s->text[gained];
	struct change *c;

	if (!l->any)
		return;
	if (l->whole)
		l->text[0] = 0;
	for (uint32_t i = s->n; i-- > 0;) {
		c = &s->change[i];
		if (c->kind != kind)
			break;
		if (c->gained == gained && strcmp(c->lines, l->text) == 0) {
			c->rows[s->d->row] = 1;
			return;
		}
	}
	c = sl_arena_push(&s->arena, &s->change, &s->n, sizeof(*c));
	c->gained = gained;
	c->kind = kind;
	c->lines = sl_arena_str(&s->arena, l->text, strlen(l->text));
	c->rows = sl_arena_get(&s->arena, sl_row_count);
	c->rows[s->d->row] = 1;
	s->held += sizeof(*c) + strlen(l->text) + sl_row_count;
}

static void diff_view(struct diffing *s)
{
	struct sl_domain *d = s->d;

	for (uint32_t n = 0; n < d->n_points; n++) {
		struct sl_point p;
		struct sl_command final;
		struct sl_verdict a, b;

		sl_domain_point(d, n, &p);
		sl_domain_judge(d, 0, &p, &final, &a);
		sl_domain_judge(d, 1, &p, &final, &b);
		s->set[1][n] = b.allow && !a.allow;
		s->set[0][n] = a.allow && !b.allow;
		/* Each by the final bytes of the policy that allows it. */
		s->effects[1][n] = b.facts.effective;
		s->effects[0][n] = a.facts.effective;
		if (a.allow != b.allow)
			sl_overview_point(s->overview, d, n, &p, b.allow,
					  b.allow ? b.facts.floor : a.facts.floor);
	}
	if (!s->exact)
		return;
	for (unsigned i = 0; i < 2; i++) {
		s->text[i].whole &= !memchr(s->set[i], 0, d->n_points);
		sl_domain_describe(d, s->set[i], s->effects[i], add_line, &s->text[i]);
	}
}

/* True: not every combination was looked at. */
static bool diff_row(struct diffing *s, uint32_t kind, uint16_t row)
{
	bool sampled = false;
	uint32_t view = 0;

	for (unsigned i = 0; i < 2; i++) {
		s->text[i].len = 0;
		s->text[i].any = false;
		s->text[i].whole = true;
	}
	for (; sl_domain_row(s->d, kind, row, view); view++) {
		diff_view(s);
		sampled |= s->d->sampled;
	}
	if (view)
		sl_overview_row(s->overview, s->d, kind);
	record(s, kind, true);
	record(s, kind, false);
	return sampled;
}

/* Does every sub-selector of the command change alike? What is not listed need not. */
static bool whole_command(const uint8_t *rows, uint16_t parent)
{
	for (uint32_t k = 0; k < sl_row_count; k++)
		if (sl_rows[k].parent == parent && k != parent && !rows[k])
			return false;
	return true;
}

/* What the names of a command's sub-selectors begin with: its own, or that of its set. */
static const char *stem_of(uint16_t parent, char *buf, size_t size)
{
	for (uint32_t k = 0; k < sl_row_count; k++)
		if (sl_rows[k].parent == parent && k != parent) {
			(void)snprintf(buf, size, "%.*s",
				       (int)(sl_row_sub_name((uint16_t)k) - sl_rows[k].name),
				       sl_rows[k].name);
			break;
		}
	return buf;
}

/* The command's only sub-selector here? */
static bool alone(const uint8_t *rows, uint16_t row)
{
	for (uint32_t k = 0; k < sl_row_count; k++)
		if (rows[k] && k != row && k != sl_rows[row].parent &&
		    sl_rows[k].parent == sl_rows[row].parent)
			return false;
	return true;
}

void sl_rows_text(const uint8_t *rows, char *buf, size_t size)
{
	char stem[128] = "";
	size_t n = 0;

	buf[0] = 0;
	for (uint32_t i = 0; i < sl_row_count && n + 1 < size; i++) {
		uint16_t parent = sl_rows[i].parent;
		const char *name = sl_rows[parent].name, *sep = "";
		bool all = rows[parent] && whole_command(rows, parent); /* its name says it */

		if (rows[i] && parent == i)
			n += (size_t)snprintf(buf + n, size - n, "%s%s%s", n ? ", " : "", name,
					      sl_rows[i].sel_group && !all ? " (what is not listed)"
									   : "");
		if (!rows[i] || parent == i || all)
			continue;
		for (uint32_t k = 0; k < i; k++)
			if (rows[k] && sl_rows[k].parent == parent && k != parent)
				goto next; /* told with the first of them */
		if (whole_command(rows, parent) &&
		    strncmp(sl_rows[i].name, name, strlen(name)) == 0) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s.*", n ? ", " : "", name);
			continue;
		}
		if (alone(rows, (uint16_t)i)) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      sl_rows[i].name);
			continue;
		}
		n += (size_t)snprintf(buf + n, size - n, "%s%s{", n ? ", " : "",
				      stem_of(parent, stem, sizeof(stem)));
		for (uint32_t k = i; k < sl_row_count && n + 1 < size; k++) {
			if (!rows[k] || sl_rows[k].parent != parent)
				continue;
			n += (size_t)snprintf(buf + n, size - n, "%s%s", sep,
					      sl_row_sub_name((uint16_t)k));
			sep = ", ";
		}
		if (n + 1 < size)
			n += (size_t)snprintf(buf + n, size - n, "}");
	next:;
	}
}

void sl_sampled_set(struct sl_policy_sampled *ret, const uint8_t *rows)
{
	for (uint32_t i = 0; i < sl_row_count; i++)
		ret->n += rows[i];
	sl_rows_text(rows, ret->commands, sizeof(ret->commands));
}

/* The same change for several kinds of clients is told once. */
static void tell(struct diffing *s, uint32_t n,
		 void (*each)(void *userdata, const struct sl_policy_change *c), void *userdata)
{
	struct change *c = &s->change[n];
	const struct sl_kind *kinds = s->d->kinds;
	char client[2048] = "", commands[16384];
	struct sl_policy_change out = {.gained = c->gained, .commands = commands, .client = client};
	size_t len = 0;
	char *line, *save = NULL;

	if (c->told)
		return;
	out.device = kinds[c->kind].device;
	for (uint32_t i = n; i < s->n; i++) {
		struct change *o = &s->change[i];

		if (o->told || o->gained != c->gained || strcmp(o->lines, c->lines) != 0 ||
		    strcmp(kinds[o->kind].device, out.device) != 0 ||
		    memcmp(o->rows, c->rows, sl_row_count) != 0)
			continue;
		o->told = true;
		/* "root and gid 6" says nothing more where "root" is told. */
		if (len && strstr(kinds[o->kind].client, " and ") &&
		    strstr(kinds[o->kind].client, kinds[c->kind].client))
			continue;
		if (len + 1 < sizeof(client))
			len += (size_t)snprintf(client + len, sizeof(client) - len, "%s%s",
						len ? ", " : "", kinds[o->kind].client);
	}
	sl_rows_text(c->rows, commands, sizeof(commands));
	/* Nobody compares with what has been told. */
	line = strtok_r(c->lines, "\n", &save);
	do {
		out.where = line ? line : "";
		each(userdata, &out);
	} while (line && (line = strtok_r(NULL, "\n", &save)));
}

/* All that is held. What comes later and changes alike is told for itself. */
static void tell_all(struct diffing *s, void (*each)(void *, const struct sl_policy_change *),
		     void *userdata)
{
	for (uint32_t i = 0; i < s->n; i++)
		tell(s, i, each, userdata);
	sl_arena_done(&s->arena);
	s->change = NULL;
	s->n = 0;
	s->held = 0;
}

int sl_policy_diff(const struct sl_image *old, const struct sl_image *new, size_t memory,
		   void (*each)(void *userdata, const struct sl_policy_change *c),
		   sl_policy_line_fn line, void *userdata, struct sl_policy_sampled *ret)
{
	const struct sl_image *img[] = {old, new};
	struct diffing *s = calloc(1, sizeof(*s));
	uint8_t *sampled = calloc(1, sl_row_count);

	if (!s || !sampled) {
		free(s);
		free(sampled);
		return -ENOMEM;
	}
	*ret = (struct sl_policy_sampled){0};
	s->exact = each != NULL;
	s->overview = sl_overview_new();
	s->d = sl_domain_new(img, 2);
	ret->clients = s->d->truncated;
	for (uint32_t k = 0; k < s->d->n_kinds; k++)
		for (uint32_t i = 0; i < sl_row_count; i++) {
			/* What is in no table is told last. */
			uint32_t row = (i + _SL_SET_N) % sl_row_count;

			sampled[row] |= diff_row(s, k, (uint16_t)row);
			if (s->held > memory)
				tell_all(s, each, userdata);
		}
	if (each)
		tell_all(s, each, userdata);
	if (line)
		sl_overview_tell(s->overview, s->d->kinds, line, userdata);
	sl_sampled_set(ret, sampled);
	free(sampled);
	free(s->text[0].text);
	free(s->text[1].text);
	(void)sl_overview_free(s->overview);
	(void)sl_domain_free(s->d);
	free(s);
	return 0;
}
