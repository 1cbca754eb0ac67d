/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front end `run`: an unmodified program, and all it starts, whose device commands go through a
 * gate. A seccomp notification listener sees the calls, a private mount namespace has no other way
 * to a device, and everything that is a command is translated to struct sl_command and sent to
 * `client`.
 *
 * It decides nothing: verdicts come from the broker. It confines a tree of processes, not their
 * accomplices outside of it (a daemon that the tool asks, an ssh to another host).
 */
#ifndef SL_FRONT_RUN_RUN_H
#define SL_FRONT_RUN_RUN_H

#include <stdbool.h>

#include "base/diag.h"
#include "lib/client.h"

/* A device of the session and the controller node the tool sees it as. */
struct sl_run_device {
	const char *path; /* under /dev: "/dev/nvme0"; need not exist. Namespaces follow from it */
	unsigned device;  /* index within the client's session */
};

/*
 * Of the caller's descriptors the tool inherits those that are not close-on-exec, except what could
 * lead to a device: see inherit.h.
 */
struct sl_run_config {
	struct sl_client *client; /* connected; nothing in flight. Not taken: the caller frees it */
	const struct sl_run_device *devices;
	unsigned n_devices;
	const char *ledger; /* where `explain --last` finds what is denied; NULL: where it looks */
	char *const *argv;  /* NULL-terminated; argv[0] is looked up in $PATH */
	char *const *envp;  /* NULL: the caller's environment */
	bool appear_root;   /* the tool sees uid and gid 0; it gains no right by it */
	bool quiet;	    /* no line per denial */
	int report_fd;	    /* where lines for people go; -1: stderr (2) */
	/* Called (may be NULL) for each denial, before its line is written. */
	void (*denied)(void *user, const char *path, const struct sl_client_reply *reply);
	void *user;
};

/*
 * Runs the tool to its end and returns when its whole tree has ended. The calling process becomes a
 * child subreaper and must have no other thread; children that it had before are left to whoever
 * started them. Its soft limit of descriptors is raised to the hard one. SIGINT, SIGQUIT are
 * ignored meanwhile, SIGTERM and SIGHUP are passed on to the tool.
 *
 * 0: *ret_status is the tool's wait status (waitpid). <0: sluice itself failed or this place does
 * not allow it to work (-errno), *reterr says what and what to do; the tool was then never started,
 * with one exception: -EPIPE, the broker was lost before the end, *ret_status is valid
 * nevertheless.
 */
int sl_run(const struct sl_run_config *cfg, int *ret_status, struct sl_diag *reterr);

/* The exit status a shell would give: the code, or 128 + the signal. */
int sl_run_exit_code(int status);

/* What this place allows. One row per check; the texts are static or live in the row. */
enum sl_run_level {
	SL_RUN_OK,
	SL_RUN_WARN, /* works, with a drawback that `advice` names */
	SL_RUN_FAIL, /* `run` refuses to start here */
};

struct sl_run_check {
	const char *name;  /* "user-namespace", for programs */
	const char *label; /* for people */
	enum sl_run_level level;
	char found[160];
	const char *advice; /* what to do; "" where level is OK */
};

#define SL_RUN_CHECKS_MAX 16

struct sl_run_probe {
	struct sl_run_check checks[SL_RUN_CHECKS_MAX];
	unsigned n;
	enum sl_run_level worst;
};

/*
 * Tries everything `run` needs in short-lived children and changes nothing. `tool` (a name or a
 * path, may be NULL) is checked too: found, 64-bit, set-uid, file capabilities. 0 or -errno.
 */
int sl_run_probe(const char *tool, struct sl_run_probe *ret);

#endif
