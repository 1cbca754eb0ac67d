/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals while a tool is served: noted by a handler, taken only while the loop waits, so that none
 * is missed and no descriptor is needed for them.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "base/bytes.h"
#include "front/run/super.h"

static const int watched[] = {SIGCHLD, SIGTERM, SIGHUP};
/*
 * A terminal sends the first two to the tool as well; it decides, we stay to serve it. Nor may a
 * reader of our lines who goes away end us.
 */
static const int ignored[] = {SIGINT, SIGQUIT, SIGPIPE};

_Static_assert(SL_COUNT(watched) + SL_COUNT(ignored) == SL_SIGNALS, "room for all");

static volatile sig_atomic_t noted[SL_COUNT(watched)];

static void note(int sig)
{
	for (size_t i = 0; i < SL_COUNT(watched); i++) {
		if (watched[i] == sig)
			noted[i] = 1;
	}
}

void sl_signals_take(struct sl_signals *sg)
{
	struct sigaction act = {.sa_handler = note};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SL_COUNT(watched); i++) {
		sigaddset(&set, watched[i]);
		noted[i] = 0;
	}
	sigprocmask(SIG_BLOCK, &set, &sg->mask);
	sg->waiting = sg->mask;
	for (size_t i = 0; i < SL_COUNT(watched); i++) {
		sigdelset(&sg->waiting, watched[i]);
		sigaction(watched[i], &act, &sg->before[i]);
	}
	act.sa_handler = SIG_IGN;
	for (size_t i = 0; i < SL_COUNT(ignored); i++)
		sigaction(ignored[i], &act, &sg->before[SL_COUNT(watched) + i]);
}

void sl_signals_put(const struct sl_signals *sg)
{
	for (size_t i = 0; i < SL_COUNT(watched); i++)
		sigaction(watched[i], &sg->before[i], NULL);
	for (size_t i = 0; i < SL_COUNT(ignored); i++)
		sigaction(ignored[i], &sg->before[SL_COUNT(watched) + i], NULL);
	sigprocmask(SIG_SETMASK, &sg->mask, NULL);
}

int sl_signals_next(void)
{
	for (size_t i = 0; i < SL_COUNT(watched); i++) {
		if (noted[i]) {
			noted[i] = 0;
			return watched[i];
		}
	}
	return 0;
}
