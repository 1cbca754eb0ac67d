/* SPDX-License-Identifier: Apache-2.0 */
/* Which commands two policies decide differently, for whom and when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "policy/analyse.h"
#include "policy/ast.h"
#include "policy/domain.h"
#include "spec/decode.h"

/* What changed for one kind of client and device on one row: its lines, joined. */
struct change {
	bool gained;
	uint32_t kind;
	char *lines;
	uint8_t *rows; /* a byte a row */
	bool told;
};

struct diffing {
	struct sl_domain *d;
	struct sl_arena arena;
	uint32_t n;
	struct change *change;
	size_t held; /* bytes of changes */
	char *text;  /* the lines of the row in hand */
	size_t text_len, text_size;
	uint8_t gained[SL_DOMAIN_POINTS], lost[SL_DOMAIN_POINTS];
	sl_effects effects[2][SL_DOMAIN_POINTS];
};

static void add_line(void *userdata, const char *line)
{
	struct diffing *s = userdata;
	size_t n = strlen(line);

	if (s->text_len + n + 2 > s->text_size) {
		s->text_size = 2 * s->text_size + n + 256;
		s->text = realloc(s->text, s->text_size);
		if (!s->text)
			abort();
	}
	if (s->text_len)
		s->text[s->text_len++] = '\n';
	memcpy(s->text + s->text_len, line, n + 1);
	s->text_len += n;
}

static void record(struct diffing *s, uint32_t kind, bool gained, const uint8_t *set,
		   const sl_effects *effects)
{
	struct change *c;

	s->text_len = 0;
	add_line(s, "");
	s->text_len = 0;
	sl_domain_describe(s->d, set, effects, add_line, s);
	for (uint32_t i = s->n; i-- > 0;) {
		c = &s->change[i];
		if (c->kind != kind)
			break;
		if (c->gained == gained && strcmp(c->lines, s->text) == 0) {
			c->rows[s->d->row] = 1;
			return;
		}
	}
	c = sl_arena_push(&s->arena, &s->change, &s->n, sizeof(*c));
	c->gained = gained;
	c->kind = kind;
	c->lines = sl_arena_str(&s->arena, s->text, strlen(s->text));
	c->rows = sl_arena_get(&s->arena, sl_row_count);
	c->rows[s->d->row] = 1;
	s->held += sizeof(*c) + strlen(s->text) + sl_row_count;
}

static void diff_row(struct diffing *s, uint32_t kind)
{
	struct sl_domain *d = s->d;
	uint8_t *gained = s->gained, *lost = s->lost;
	bool any_gained = false, any_lost = false;

	for (uint32_t n = 0; n < d->n_points; n++) {
		struct sl_point p;
		struct sl_command final;
		struct sl_verdict a, b;

		sl_domain_point(d, n, &p);
		sl_domain_judge(d, 0, &p, &final, &a);
		sl_domain_judge(d, 1, &p, &final, &b);
		gained[n] = b.allow && !a.allow;
		lost[n] = a.allow && !b.allow;
		/* Each by the final bytes of the policy that allows it. */
		s->effects[1][n] = b.facts.effective;
		s->effects[0][n] = a.facts.effective;
		any_gained |= gained[n];
		any_lost |= lost[n];
	}
	if (any_gained)
		record(s, kind, true, gained, s->effects[1]);
	if (any_lost)
		record(s, kind, false, lost, s->effects[0]);
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

/* nvme.admin.get-log-page.{smart, error}, nvme.admin.identify.*, cxl.{get-log} */
static void tell_rows(const uint8_t *rows, char *buf, size_t size)
{
	char stem[128] = "";
	size_t n = 0;

	buf[0] = 0;
	for (uint32_t i = 0; i < sl_row_count && n + 1 < size; i++) {
		uint16_t parent = sl_rows[i].parent;
		const char *name = sl_rows[parent].name, *sep = "";

		if (rows[i] && parent == i)
			n += (size_t)snprintf(buf + n, size - n, "%s%s%s", n ? ", " : "", name,
					      sl_rows[i].sel_group ? " (what is not listed)" : "");
		if (!rows[i] || parent == i)
			continue;
		for (uint32_t k = 0; k < i; k++)
			if (rows[k] && sl_rows[k].parent == parent && k != parent)
				goto next; /* told with the first of them */
		if (whole_command(rows, parent) &&
		    strncmp(sl_rows[i].name, name, strlen(name)) == 0) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s.*", n ? ", " : "", name);
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
	tell_rows(c->rows, commands, sizeof(commands));
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
		   void (*each)(void *userdata, const struct sl_policy_change *c), void *userdata,
		   unsigned *ret_sampled)
{
	const struct sl_image *img[] = {old, new};
	struct diffing *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->d = sl_domain_new(img, 2);
	*ret_sampled = s->d->truncated;
	for (uint32_t k = 0; k < s->d->n_kinds; k++)
		for (uint32_t i = 0; i < sl_row_count; i++) {
			/* What is in no table is told last. */
			uint32_t row = (i + _SL_SET_N) % sl_row_count;

			if (!sl_domain_row(s->d, k, (uint16_t)row))
				continue;
			*ret_sampled += s->d->sampled;
			diff_row(s, k);
			if (s->held > memory)
				tell_all(s, each, userdata);
		}
	tell_all(s, each, userdata);
	free(s->text);
	(void)sl_domain_free(s->d);
	free(s);
	return 0;
}
