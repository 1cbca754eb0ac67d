/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher: starts a broker and everything it needs, hands it all over as descriptors, and
 * looks after the processes. Used by every verb that talks to a device; it judges nothing and, once
 * the broker has started, can touch nothing that the broker holds.
 *
 * Order of calls: new, image, ledger, devices, sessions or listen, start. One thread.
 */
#ifndef SL_LAUNCH_LAUNCH_H
#define SL_LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "broker/control.h"
#include "core/trust.h"

struct sl_launch;

/* What a device's SPEC names. */
enum sl_spec_kind {
	SL_SPEC_MODEL, /* model:NAME or model:FILE */
	SL_SPEC_WIRE,  /* wire:/path/to.sock */
	SL_SPEC_NULL,  /* null: answers everything with zeroes */
	SL_SPEC_NVME,  /* nvme:/dev/nvme0, nvme:SERIAL, nvme:ADDRESS, nvme:NQN, or a plain path */
	SL_SPEC_SG,    /* sg:/dev/sg0, sg:/dev/sda, sg:SERIAL, sg:WWN, or a plain path */
	SL_SPEC_BSG,   /* bsg: likewise, through that node */
	SL_SPEC_CXL,   /* cxl:/dev/cxl/mem0, cxl:SERIAL, or a plain path */
	SL_SPEC_ISCSI, /* iscsi://HOST[:PORT]/TARGET/LUN */
	SL_SPEC_FWCTL, /* fwctl:/dev/fwctl/fwctl0, or a plain path */
	_SL_SPEC_N
};

struct sl_spec {
	uint8_t kind;	   /* enum sl_spec_kind */
	char target[4096]; /* MODEL: the persona's file; WIRE: the socket; ISCSI: the URL; else the
			      node */
	char name[SL_WIRE_NAME_MAX]; /* as clients and policies see the device */
};

/*
 * Parses a SPEC and finds what it names. 0; -EINVAL: not a SPEC; -ENOTSUP: nothing here drives such
 * a device; -ENOENT: no such persona. *reterr says it for people.
 */
int sl_spec_parse(const char *spec, struct sl_spec *ret, struct sl_diag *reterr);

/* Starts `sluiced`, empty. 0 or -errno with *reterr. */
int sl_launch_new(struct sl_launch **ret, struct sl_diag *reterr);
/* Ends the broker, then its devices, and waits for both. NULL-safe, returns NULL. */
struct sl_launch *sl_launch_free(struct sl_launch *l);

/* The policy. The blob is copied. */
int sl_launch_image(struct sl_launch *l, const void *blob, size_t size, struct sl_diag *reterr);
/*
 * What is known of devices beyond their word: at most SL_TRUST_ROWS_MAX statements, which replace
 * those before; also while it serves.
 */
int sl_launch_trust(struct sl_launch *l, const struct sl_trust_row *rows, unsigned n,
		    struct sl_diag *reterr);
/* Which reads and writes leave a digest in the ledger, for a watcher; before sl_launch_ledger. */
struct sl_sample {
	uint64_t seed;
	uint32_t burst; /* a second */
	uint32_t of;	/* beyond that one in so many; 0: none at all */
};
void sl_launch_sample(struct sl_launch *l, const struct sl_sample *s);
/* The ledger that the broker writes, open for reading; stays the launcher's. -1: there is none. */
int sl_launch_ledger_fd(const struct sl_launch *l);
/*
 * The ledger in directory `dir`, created where needed. Without it the broker refuses whatever
 * changes anything. A torn last record is cut off, which is said on `warn` (NULL: not at all).
 */
int sl_launch_ledger(struct sl_launch *l, const char *dir, struct sl_diag *ret_warn,
		     struct sl_diag *reterr);
/* Adds a device; its number within every session is the order of these calls. */
int sl_launch_device(struct sl_launch *l, const struct sl_spec *spec, struct sl_diag *reterr);
/*
 * A descriptor that is readable when namespaces of the devices may have come or gone; -1: there is
 * no such device, or the kernel does not say. It stays the launcher's.
 */
int sl_launch_changes(struct sl_launch *l);
/* Hands the broker the nodes of namespaces that were not there before. 0 or -errno. */
int sl_launch_look_again(struct sl_launch *l, struct sl_diag *reterr);
/* A connection for a client with this identity. *ret_fd is the caller's; shake hands after start.
 */
int sl_launch_session(struct sl_launch *l, const struct sl_identity *who, int *ret_fd,
		      struct sl_diag *reterr);
/* A listening SOCK_SEQPACKET socket; the kernel says who connects. `fd` stays the caller's. */
int sl_launch_listen(struct sl_launch *l, int fd, struct sl_diag *reterr);
/* From here on it serves. */
int sl_launch_start(struct sl_launch *l, struct sl_diag *reterr);

/*
 * Has a process ended that should not have? false: all live; true: *ret says which and how. Does
 * not block; also true when somebody else has waited for the child.
 */
bool sl_launch_ended(struct sl_launch *l, struct sl_diag *ret);
/* Is the broker there still, and a device that it can serve? Of the dead, those that were told. */
bool sl_launch_goes_on(const struct sl_launch *l);
/* Waits until a process has ended or one of the signals blocked by the caller is in `sigfd`. */
int sl_launch_wait(struct sl_launch *l, int sigfd);
/* The broker's one line about itself. `text` holds SL_CONTROL_TEXT_MAX bytes. */
int sl_launch_status(struct sl_launch *l, char *text, struct sl_diag *reterr);

/* The calling process: its uid, its groups, and `label` ("" for none). 0 or -errno. */
int sl_identity_self(const char *label, struct sl_identity *ret);

#endif
