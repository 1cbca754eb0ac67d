/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verbs that talk to a device have in common: find and compile a policy, start a private
 * broker with devices behind it, and open one session. Every error is a line for people on stderr.
 */
#ifndef SL_CLI_GATE_H
#define SL_CLI_GATE_H

#include "contract/doc.h"
#include "core/image.h"
#include "launch/launch.h"
#include "lib/client.h"
#include "policy/policy.h"

struct sl_gate {
	struct sl_launch *launch;
	struct sl_client *client;
};

/* A compiled policy. */
struct sl_compiled {
	char path[4096];
	struct sl_policy *policy;
	void *image; /* a struct sl_image that sl_image_check accepted */
	size_t size;
};

/* Finds, loads, compiles and checks. 0 or -errno; the messages were printed. */
int sl_policy_open(const char *name, struct sl_compiled *ret);
/* The same; a model of another filter is refused. */
int sl_policy_open_enforced(const char *name, struct sl_compiled *ret);
/* As sl_policy_open_enforced; `watched`: with the rule by which a watcher may look. */
int sl_policy_open_served(const char *name, bool watched, struct sl_compiled *ret);
void sl_policy_close(struct sl_compiled *c);

struct sl_gate_config {
	const struct sl_compiled *policy;
	const struct sl_spec *specs; /* their order is the devices' numbers */
	unsigned n_specs;
	const char *ledger; /* directory; NULL: none, then nothing that changes anything passes */
	const char *label;  /* of the session; NULL: none */
};

/* Starts all of it. 0 or -errno; then nothing is left behind. */
int sl_gate_open(const struct sl_gate_config *cfg, struct sl_gate *ret);
void sl_gate_close(struct sl_gate *gate);

/*
 * Reads a device's contract through a private broker whose policy allows what that takes and
 * nothing else. With `ledger` that is recorded there, and what is known of the device beyond its
 * word is in the contract; NULL: neither. 0: *ret is the caller's; -errno.
 */
int sl_gate_read_contract(const char *spec, const char *ledger, struct sl_doc **ret);

#endif
