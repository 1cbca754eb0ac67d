/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every lying persona is caught, with the right command named; every honest one has nothing found.
 * Usage: test-personas LIST PERSONAS PART PARTS LEAST. LIST has lines "persona TAB kinds|… TAB
 * command": one of these kinds of finding has to name a command whose name contains this, the
 * first that is caught unless "TAB whole" follows. It has LEAST lines or more.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/verify.h"

static bool is_one_of(const char *kind, const char *kinds)
{
	size_t n = strlen(kind);

	for (const char *p = kinds; (p = strstr(p, kind)); p += n)
		if ((p == kinds || p[-1] == '|') && (p[n] == 0 || p[n] == '|'))
			return true;
	return false;
}

static void say(const char *persona, const struct sl_verdicts *v)
{
	fprintf(stderr, "%s: %u caught\n", persona, v->count[SL_WEIGHT_CAUGHT]);
	for (size_t i = 0; i < v->n; i++)
		fprintf(stderr, "  %s by %s: %s %s\n", sl_breach_kinds[v->v[i].id].name,
			v->v[i].command, v->v[i].evidence[0].where, v->v[i].evidence[0].what);
}

static bool judge(const char *dir, const char *persona, const char *kinds, const char *command,
		  bool whole)
{
	/* Of a liar what is caught first: that all phases end well the honest ones show. */
	const struct sl_verify_options o = {.perturb = true, .first = kinds[0] && !whole};
	struct sl_verdicts v;
	struct sl_diag d = {0};
	struct sl_rig *rig;
	char path[4096];
	bool good = !kinds[0];

	snprintf(path, sizeof(path), "%s/%s.json", dir, persona);
	assert(sl_rig_model(path, &rig, &d) == 0);
	assert(sl_verify(rig, persona, &o, &v, &d) == 0);
	for (size_t i = 0; i < v.n; i++) {
		const struct sl_breach *b = &v.v[i];

		if (sl_breach_kinds[b->id].weight != SL_WEIGHT_CAUGHT)
			continue;
		if (!kinds[0])
			good = false;
		else if (is_one_of(sl_breach_kinds[b->id].name, kinds) &&
			 strstr(b->command, command))
			good = true;
	}
	if (!good)
		say(persona, &v);
	sl_verdicts_done(&v);
	sl_rig_close(rig);
	return good;
}

int main(int argc, char **argv)
{
	unsigned part, parts, n = 0, bad = 0;
	char line[512];
	FILE *f;

	assert(argc == 6);
	part = (unsigned)atoi(argv[3]);
	parts = (unsigned)atoi(argv[4]);
	f = fopen(argv[1], "r");
	assert(f);
	while (fgets(line, sizeof(line), f)) {
		char *kinds, *command, *whole;

		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			continue;
		kinds = strchr(line, '\t');
		assert(kinds);
		*kinds++ = 0;
		command = strchr(kinds, '\t');
		assert(command);
		*command++ = 0;
		whole = strchr(command, '\t');
		if (whole)
			*whole = 0;
		if (n++ % parts == part)
			bad += !judge(argv[2], line, kinds, command, whole);
	}
	fclose(f);
	assert(n >= (unsigned)atoi(argv[5]));
	return bad ? 1 : 0;
}
