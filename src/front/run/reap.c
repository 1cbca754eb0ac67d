/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As a child subreaper we inherit the tool's orphans. They are waited for, or zombies would keep
 * the listener from hanging up; children that the caller had before are his.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/run/super.h"

static FILE *open_children(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	return fopen(path, "re");
}

void sl_reap_init(struct sl_super *s)
{
	FILE *f = open_children();

	while (f && s->n_others < SL_OTHERS_MAX && fscanf(f, "%d", &s->others[s->n_others]) == 1)
		s->n_others++;
	if (f)
		fclose(f);
}

static bool is_other(const struct sl_super *s, pid_t pid)
{
	for (unsigned i = 0; i < s->n_others; i++) {
		if (s->others[i] == pid)
			return true;
	}
	return pid == s->tool; /* waited for by the loop, which wants its status */
}

void sl_reap(struct sl_super *s)
{
	FILE *f = open_children();
	pid_t pid;

	while (f && fscanf(f, "%d", &pid) == 1) {
		if (!is_other(s, pid))
			(void)waitpid(pid, NULL, WNOHANG | __WALL);
	}
	if (f)
		fclose(f);
}
