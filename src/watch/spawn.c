/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/paths.h"

/* In the child: three descriptors in their places, all else closed. */
static void __attribute__((noreturn))
become(const char *path, int session, int control, int ledger, pid_t parent)
{
	const int from[] = {session, control, ledger};
	char *argv[] = {(char *)(uintptr_t) "sluice-watch", NULL};
	sigset_t none;
	int high[3];

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* Out of the way first: one may stand where another goes. */
	for (int i = 0; i < 3; i++)
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < 3; i++)
		if (high[i] < 0 || dup2(high[i], SL_WATCH_SESSION + i) < 0)
			_exit(127);
	if (syscall(SYS_close_range, SL_WATCH_LEDGER + 1u, ~0U, 0) < 0)
		_exit(127);
	execv(path, argv);
	_exit(127);
}

int sl_watch_start(const struct sl_watch_config *config, int session, int ledger,
		   struct sl_watch *ret, struct sl_diag *reterr)
{
	char path[4096];
	pid_t self = getpid();
	int sv[2], r;

	*ret = (struct sl_watch){.control = -1};
	r = sl_path_program("sluice-watch", path, sizeof(path));
	if (r < 0)
		return sl_diag_set(reterr, r, NULL, 0, 0, "program sluice-watch (%s): %s", path,
				   strerror(-r));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "socket pair: %s", strerror(errno));
	ret->pid = fork();
	if (ret->pid == 0)
		become(path, session, sv[1], ledger, self);
	close(sv[1]);
	ret->control = sv[0];
	r = ret->pid < 0 ? -errno : 0;
	if (r == 0 && (send(sv[0], config, sizeof(*config), MSG_NOSIGNAL) < 0 ||
		       fcntl(sv[0], F_SETFL, O_NONBLOCK) < 0))
		r = -errno;
	if (r < 0) {
		sl_watch_stop(ret);
		return sl_diag_set(reterr, r, NULL, 0, 0, "sluice-watch: %s", strerror(-r));
	}
	return 0;
}

void sl_watch_stop(struct sl_watch *w)
{
	if (w->control >= 0)
		close(w->control);
	if (w->pid > 0) {
		(void)kill(w->pid, SIGTERM);
		(void)waitpid(w->pid, NULL, 0);
	}
	*w = (struct sl_watch){.control = -1};
}

/* Text ends, numbers are in range, and it says no more than a watcher may say. */
static bool is_sound(struct sl_note *n)
{
	if (n->n_lines > SL_NOTE_LINES || n->state > SL_NOTE_ALERTS || !n->row.model[0] ||
	    memchr(n->kind, '\0', sizeof(n->kind)) == NULL)
		return false;
	n->command[sizeof(n->command) - 1] = n->found[sizeof(n->found) - 1] = '\0';
	n->reason[sizeof(n->reason) - 1] = '\0';
	n->row.vendor[sizeof(n->row.vendor) - 1] = n->row.model[sizeof(n->row.model) - 1] = '\0';
	n->row.serial[sizeof(n->row.serial) - 1] = '\0';
	n->row.firmware[sizeof(n->row.firmware) - 1] = '\0';
	for (unsigned i = 0; i < n->n_lines; i++)
		n->line[i][SL_NOTE_LINE_MAX - 1] = '\0';
	n->row.say = SL_TRUST_SAY_CAUGHT;
	n->row.match = SL_TRUST_BY_SERIAL;
	n->row.observed &= SL_E_ALL;
	(void)snprintf(n->by, sizeof(n->by), "watch");
	return true;
}

int sl_watch_take(struct sl_watch *w, uint32_t *ret_device, struct sl_note *ret,
		  struct sl_diag *reterr)
{
	struct sl_watch_report r;
	ssize_t n = recv(w->control, &r, sizeof(r), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	if (n != (ssize_t)sizeof(r) || !is_sound(&r.note))
		return sl_diag_set(reterr, -EBADMSG, NULL, 0, 0, "sluice-watch talks nonsense");
	*ret_device = r.device;
	*ret = r.note;
	return 1;
}
