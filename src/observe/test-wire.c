/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The personas again, each served by a process of its own: what can be caught where nothing can be
 * had fresh, nobody's time is ours, and, `plain`, the device cannot even be cut from power.
 * Usage: test-wire MODEL LIST PERSONAS PART PARTS plain|full. LIST as that of test-personas, with a
 * verdict in front: "caught", "not" (with the reason in the last column), or "honest".
 */
#undef NDEBUG
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "observe/verify.h"

#define COLUMNS 5

struct line {
	char *persona, *plain, *full, *kinds, *command;
};

static pid_t serve(const char *model, const char *persona, const char *socket)
{
	const struct timespec t = {.tv_nsec = 10000000};
	struct stat s;
	pid_t pid = fork();

	assert(pid >= 0);
	if (pid == 0) {
		execl(model, model, "--socket", socket, persona, (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 1000 && stat(socket, &s) < 0; i++)
		nanosleep(&t, NULL);
	return pid;
}

static bool is_one_of(const char *kind, const char *kinds)
{
	size_t n = strlen(kind);

	for (const char *p = kinds; (p = strstr(p, kind)); p += n)
		if ((p == kinds || p[-1] == '|') && (p[n] == 0 || p[n] == '|'))
			return true;
	return false;
}

static void say(const struct line *l, const char *expected, const struct sl_verdicts *v)
{
	fprintf(stderr, "%s: expected: %s; %u caught, %.1f s\n", l->persona, expected,
		v->count[SL_WEIGHT_CAUGHT], v->seconds);
	for (unsigned i = 0; i < v->n_phases && getenv("VERBOSE"); i++)
		fprintf(stderr, "  %6.0f ms %8llu commands%s: %s\n", v->phase[i].seconds * 1000,
			(unsigned long long)v->phase[i].commands, v->phase[i].cut ? ", cut" : "",
			v->phase[i].name);
	for (size_t i = 0; i < v->n; i++)
		fprintf(stderr, "  %s by %s: %s %s; %s\n", sl_breach_kinds[v->v[i].id].name,
			v->v[i].command, v->v[i].evidence[0].where, v->v[i].evidence[0].what,
			v->v[i].note);
}

static bool judge(const char *model, const char *dir, const struct line *l, bool plain)
{
	/* One that takes milliseconds for each command would take all day. */
	const struct sl_verify_options o = {
		.perturb = true,
		/* That all phases end well the honest ones show. */
		.first = strcmp(l->kinds, "") != 0,
		.patience_ms = 600,
		.seconds = strcmp(l->persona, "honest/slow") == 0 ? 45 : 0,
		/* What comes by chance is held against itself again each time that it comes. */
		.commands = strcmp(l->persona, "honest/by-chance") == 0 ? 300000 : 0,
	};
	const char *expected = plain ? l->plain : l->full;
	char path[4096], socket[] = "/tmp/sluice-test-wire.XXXXXX", sock[64];
	struct sl_verdicts v;
	struct sl_diag d = {0};
	struct sl_rig *rig;
	bool caught = false, good;
	pid_t pid;

	assert(mkdtemp(socket));
	snprintf(path, sizeof(path), "%s/%s.json", dir, l->persona);
	snprintf(sock, sizeof(sock), "%s/s", socket);
	pid = serve(model, path, sock);
	assert(sl_rig_wire(sock, &rig, &d) == 0);
	assert(rig->can & SL_RIG_POWER);
	if (plain)
		rig->can &= SL_RIG_WRITES | SL_RIG_BESIDE;
	assert(sl_verify(rig, l->persona, &o, &v, &d) == 0);
	for (size_t i = 0; i < v.n; i++)
		caught |= sl_breach_kinds[v.v[i].id].weight == SL_WEIGHT_CAUGHT &&
			  (!l->kinds[0] || (is_one_of(sl_breach_kinds[v.v[i].id].name, l->kinds) &&
					    strstr(v.v[i].command, l->command)));
	/* What is not caught must not be blamed on somebody else either. */
	good = caught == (strcmp(expected, "caught") == 0) &&
	       (caught || !v.count[SL_WEIGHT_CAUGHT]);
	if (!good || getenv("VERBOSE"))
		say(l, expected, &v);
	sl_verdicts_done(&v);
	sl_rig_close(rig);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	unlink(sock);
	rmdir(socket);
	return good;
}

int main(int argc, char **argv)
{
	unsigned part, parts, n = 0, bad = 0;
	char text[512];
	FILE *f;

	assert(argc == 7);
	part = (unsigned)atoi(argv[4]);
	parts = (unsigned)atoi(argv[5]);
	f = fopen(argv[2], "r");
	assert(f);
	while (fgets(text, sizeof(text), f)) {
		char *column[COLUMNS] = {text}, *tab;

		text[strcspn(text, "\n")] = 0;
		if (text[0] == '#')
			continue;
		for (unsigned i = 1; i < COLUMNS; i++) {
			tab = strchr(column[i - 1], '\t');
			assert(tab);
			*tab = 0;
			column[i] = tab + 1;
		}
		column[4][strcspn(column[4], "\t")] = 0; /* then the reason */
		/* What CONTROL makes no difference to is tried without. */
		if (strcmp(argv[6], "full") == 0 && strcmp(column[1], column[2]) == 0 &&
		    strcmp(column[1], "honest") != 0)
			continue;
		if (n++ % parts == part && (!getenv("ONLY") || strstr(text, getenv("ONLY"))))
			bad += !judge(argv[1], argv[3],
				      &(struct line){column[0], column[1], column[2], column[3],
						     column[4]},
				      strcmp(argv[6], "plain") == 0);
	}
	fclose(f);
	assert(n >= 10);
	return bad ? 1 : 0;
}
