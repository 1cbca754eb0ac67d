/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/overview.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "policy/ast.h"
#include "policy/parse.h"

/* Effects as an administrator fears them. What is `unknown` to our table can be any of them. */
static const uint8_t gravity[] = {
	SL_EB_UNKNOWN,	      SL_EB_FIRMWARE,	  SL_EB_SECURITY,    SL_EB_DATA,
	SL_EB_INVENTORY,      SL_EB_CAPABILITY,	  SL_EB_HOST_MEMORY, SL_EB_PEER,
	SL_EB_AVAILABILITY,   SL_EB_POLICY,	  SL_EB_CONFIG,	     SL_EB_CONFIG_RESET,
	SL_EB_PERSIST,	      SL_EB_LOG,	  SL_EB_BACKGROUND,  SL_EB_TUNNEL,
	SL_EB_REVEALS_SECRET, SL_EB_REVEALS_DATA,
};

#define HARMLESS SL_COUNT(gravity)

/* What the points of the row in hand have shown. */
struct seen {
	bool any, read_only;
	uint32_t doors, all_doors;
	unsigned rank, odd;
	char example[512], given[512];
};

struct line {
	bool gained, read_only, told;
	uint8_t protocol;
	uint32_t kind, doors, n;
	unsigned rank, odd;
	uint8_t *rows;
	char *example, *given;
};

struct sl_overview {
	struct sl_arena arena;
	struct seen seen[2];
	struct line *line;
	uint32_t n;
};

struct sl_overview *sl_overview_new(void)
{
	struct sl_overview *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	return o;
}

struct sl_overview *sl_overview_free(struct sl_overview *o)
{
	if (o)
		sl_arena_done(&o->arena);
	free(o);
	return NULL;
}

static const struct sl_var *var_of(const struct sl_domain *d, enum sl_var_kind kind)
{
	for (uint32_t i = 0; i < d->n_vars; i++)
		if (d->var[i].kind == kind)
			return &d->var[i];
	return NULL;
}

/* A reserved bit or a missing payload makes everything unknown: that is no effect of the command.
 */
static unsigned rank_of(const struct sl_row *row, sl_effects floor)
{
	if (!(row->floor & SL_E_UNKNOWN) && !(row->flags & SL_ROW_VENDOR))
		floor &= ~(sl_effects)SL_E_UNKNOWN;
	else
		floor |= SL_E_UNKNOWN;
	for (unsigned i = 0; i < SL_COUNT(gravity); i++)
		if (floor >> gravity[i] & 1)
			return i;
	return HARMLESS;
}

void sl_overview_point(struct sl_overview *o, const struct sl_domain *d, uint32_t n,
		       const struct sl_point *p, bool gained, sl_effects floor)
{
	struct seen *s = &o->seen[gained];
	const struct sl_var *door = var_of(d, SL_VAR_DOOR);
	unsigned rank = rank_of(&sl_rows[d->row], floor), odd = sl_domain_oddness(d, n);

	if (door) {
		s->doors |= 1u << p->cmd.door;
		for (uint32_t i = 0; i < door->n; i++)
			s->all_doors |= 1u << door->rep[i].lo;
	}
	if (var_of(d, SL_VAR_WRITABLE) && !p->cmd.writable)
		s->read_only = true;
	if (s->any && (rank > s->rank || (rank == s->rank && odd >= s->odd)))
		return;
	s->any = true;
	s->rank = rank;
	s->odd = odd;
	sl_domain_command(d, p, s->example, sizeof(s->example));
	sl_domain_given(d, n, s->given, sizeof(s->given));
}

static struct line *line_of(struct sl_overview *o, const struct sl_domain *d, uint32_t kind,
			    bool gained)
{
	const struct seen *s = &o->seen[gained];
	struct line *l;

	for (uint32_t i = 0; i < o->n; i++) {
		l = &o->line[i];
		if (l->kind == kind && l->gained == gained && l->rank == s->rank &&
		    l->doors == s->doors && l->read_only == s->read_only)
			return l;
	}
	l = sl_arena_push(&o->arena, &o->line, &o->n, sizeof(*l));
	*l = (struct line){.gained = gained,
			   .read_only = s->read_only,
			   .protocol = (uint8_t)d->kind->protocol,
			   .kind = kind,
			   .doors = s->doors,
			   .rank = s->rank,
			   .odd = UINT32_MAX};
	l->rows = sl_arena_get(&o->arena, sl_row_count);
	return l;
}

void sl_overview_row(struct sl_overview *o, const struct sl_domain *d, uint32_t kind)
{
	for (unsigned gained = 0; gained < 2; gained++) {
		struct seen *s = &o->seen[gained];
		struct line *l;

		if (!s->any)
			continue;
		if (s->doors == s->all_doors)
			s->doors = 0;
		l = line_of(o, d, kind, gained);
		l->n++;
		l->rows[d->row] = 1;
		if (s->odd < l->odd) {
			l->odd = s->odd;
			l->example = sl_arena_str(&o->arena, s->example, strlen(s->example));
			l->given = sl_arena_str(&o->arena, s->given, strlen(s->given));
		}
		*s = (struct seen){0};
	}
}

static int by_gravity(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->gained != y->gained)
		return x->gained - y->gained;
	if (x->protocol != y->protocol)
		return x->protocol - y->protocol;
	/* Nobody in particular is the first kind there is. */
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->read_only != y->read_only)
		return y->read_only - x->read_only;
	if (x->doors != y->doors)
		return x->doors < y->doors ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void node_text(const struct line *l, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < _SL_DOOR_N && n + 1 < size; i++)
		if (l->doors >> i & 1)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      sl_word_door(i));
	if (!l->doors)
		n = (size_t)snprintf(buf, size, "any");
	if (l->read_only && n + 1 < size)
		(void)snprintf(buf + n, size - n, ", read-only");
}

/* The same commands for several kinds of clients are one line. */
void sl_overview_tell(struct sl_overview *o, const struct sl_kind *kinds, sl_policy_line_fn tell,
		      void *userdata)
{
	if (o->n)
		qsort(o->line, o->n, sizeof(*o->line), by_gravity);
	for (uint32_t i = 0; i < o->n; i++) {
		struct line *l = &o->line[i];
		char client[512] = "", node[128];
		struct sl_policy_line out = {.gained = l->gained,
					     .protocol = l->protocol,
					     .client = client,
					     .node = node,
					     .device = kinds[l->kind].device,
					     .effect = l->rank == HARMLESS ? -1 : gravity[l->rank],
					     .commands = l->n,
					     .example = l->example,
					     .given = l->given};
		size_t n = 0;

		if (l->told)
			continue;
		node_text(l, node, sizeof(node));
		for (uint32_t k = i; k < o->n; k++) {
			struct line *m = &o->line[k];

			if (m->gained != l->gained || m->protocol != l->protocol ||
			    m->doors != l->doors || m->read_only != l->read_only ||
			    m->rank != l->rank || memcmp(m->rows, l->rows, sl_row_count) != 0 ||
			    strcmp(kinds[m->kind].device, out.device) != 0)
				continue;
			m->told = true;
			/* Who is among those that were named is not named again. */
			if (n && (strcmp(kinds[l->kind].client, "anybody") == 0 ||
				  (strstr(kinds[m->kind].client, " and ") &&
				   strstr(kinds[m->kind].client, kinds[l->kind].client))))
				continue;
			if (n + 1 < sizeof(client))
				n += (size_t)snprintf(client + n, sizeof(client) - n, "%s%s",
						      n ? ", " : "", kinds[m->kind].client);
		}
		tell(userdata, &out);
	}
}
