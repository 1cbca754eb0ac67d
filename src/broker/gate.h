/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: the one choke point between every front end and every device. A command takes a slot,
 * is copied once, judged, recorded, sent, answered, recorded, and leaves. Single-threaded; no heap:
 * all state is one struct sl_gate of fixed size.
 */
#ifndef SL_BROKER_GATE_H
#define SL_BROKER_GATE_H

/*
 * The digest without a provider: the newer interface allocates and opens a configuration file, and
 * the sandbox has neither.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/control.h"
#include "core/decide.h"
#include "core/reader.h"
#include "core/trust.h"
#include "device/device.h"
#include "device/node/node-device.h"
#include "device/nvme/nvme-device.h"
#include "device/wire/wire-device.h"
#include "ledger/ledger.h"

#define SL_SLOTS_MAX	     64 /* commands in the gate; equals SL_WIRE_INFLIGHT: the slot is the tag */
#define SL_USER_SLOTS_MAX    32 /* of one user: the others keep half */
#define SL_USER_SESSIONS_MAX 16 /* of one user: a quarter */
/* Users that have a session, or a command that a device has not given back yet. */
#define SL_USERS_MAX (SL_SESSIONS_MAX + SL_SLOTS_MAX)

enum sl_slot_state {
	SL_SLOT_FREE,
	SL_SLOT_WAITING, /* judged, until the device may run it */
	SL_SLOT_SENT,
};

enum {
	SL_NOBODY = -1,	   /* the client has gone or was told: only the record waits */
	SL_OURSELVES = -2, /* the broker's own reading of contracts */
};

struct sl_slot {
	uint8_t state; /* enum sl_slot_state */
	uint8_t device;
	bool detached;	      /* nobody waits: no deadline */
	bool told;	      /* the client was answered before the device did */
	int session;	      /* index, SL_NOBODY or SL_OURSELVES */
	int user;	      /* index, or SL_NOBODY: who pays for it until the device is done */
	uint32_t tag;	      /* the client's */
	uint64_t order;	      /* first come, first served, per device */
	uint64_t deadline;    /* CLOCK_MONOTONIC, ms */
	uint64_t record;      /* of the intent; 0: not recorded yet */
	uint8_t *data, *meta; /* pages of their own, guarded */
	uint8_t requested[SL_REQ_MAX];
	const struct sl_image *image; /* that the verdict names rules of; NULL: not judged yet */
	struct sl_command cmd;
	struct sl_verdict verdict;
	struct sl_io io;
};

enum sl_dev_state {
	SL_DEV_UNUSED,
	SL_DEV_READING, /* its contract is being read: clients wait */
	SL_DEV_READY,
	SL_DEV_GONE,
};

struct sl_gate_device {
	uint8_t state;	      /* enum sl_dev_state */
	uint8_t backend_kind; /* enum sl_backend */
	uint8_t now;	      /* which of the two contracts is in use */
	uint32_t exclusive;   /* commands in flight that want to be alone */
	bool reread;	      /* something may have changed: read the contract when it is quiet */
	/* Events make us read the contract; one after the other makes us wait longer each time. */
	uint64_t event_due;  /* when to heed the one that came; 0: none did */
	uint64_t event_last; /* when one came last */
	uint64_t event_read; /* when one was heeded last */
	uint32_t event_wait; /* ms from there to the next */
	uint32_t inflight;
	uint32_t waiting;
	uint32_t protocol;
	char name[SL_WIRE_NAME_MAX];
	struct sl_device *dev;
	union {
		struct sl_device null;
		struct sl_wire_dev wire;
		struct sl_nvme_dev nvme;
		struct sl_node_dev node;
	} backend;
	struct sl_reader reader;
	SHA256_CTX hash; /* of the logs that the reader sees, so far */
	struct sl_contract contract[2];
};

/* Whoever cannot be told apart by who they are: what one has, the other cannot have. */
struct sl_user {
	uint32_t uid;
	uint8_t known;
	char label[SL_LABEL_MAX];
	uint32_t sessions;
	uint32_t slots; /* also of sessions that have gone: the device has them still */
};

struct sl_session {
	int fd; /* -1: free */
	int user;
	bool greeted;
	bool answered;	/* in this turn of the loop */
	uint32_t slots; /* commands in the gate */
	uint32_t id;	/* never used twice: for the ledger */
	struct sl_identity who;
	uint32_t bound[SL_DEVICES_MAX]; /* generation for which bind[] holds; 0: none */
	struct sl_bind bind[SL_DEVICES_MAX];
};

struct sl_gate {
	const struct sl_image *image;
	struct sl_ledger ledger;
	uint32_t table_hash;
	uint32_t sessions_seen;
	uint32_t sessions_high; /* no session at this index or above was ever used */
	uint32_t free_slots;
	uint64_t order;
	uint64_t now;	 /* seconds since the epoch, of this turn */
	uint64_t now_ms; /* CLOCK_MONOTONIC, of this turn */
	unsigned n_devices;
	int listen_fd; /* -1: none */
	struct sl_gate_device devices[SL_DEVICES_MAX];
	struct sl_session sessions[SL_SESSIONS_MAX];
	struct sl_user users[SL_USERS_MAX];
	uint64_t sample_seed, sample_second; /* which data is digested for who reads it back */
	uint32_t sample_of, sample_burst, sample_left;
	uint32_t n_trust;
	struct sl_trust_row trust[SL_TRUST_ROWS_MAX]; /* what the launcher knows of devices */
	struct sl_slot slots[SL_SLOTS_MAX];
	uint64_t n_allowed, n_denied, n_failed;
};

/* Maps the buffers. 0 or -errno. The struct must be zeroed. */
int sl_gate_init(struct sl_gate *g);
void sl_gate_clock(struct sl_gate *g);

/* The slot that the next command will take: its parts are received right into it. NULL: none. */
struct sl_slot *sl_gate_spare(struct sl_gate *g);
/*
 * A client's command, already checked by sl_wire_check(), its parts in the spare slot: data, and
 * behind it, from the end of that buffer on in the other, metadata. Answers at once, or later.
 */
void sl_gate_command(struct sl_gate *g, int session, const struct sl_wire_command *msg);
/*
 * The client does not wait for a command any more. At a device it goes on, its outcome is recorded,
 * and its slot is the client's until then; the completion comes in either case.
 */
void sl_gate_detach(struct sl_gate *g, int session, uint32_t tag);
/*
 * A client has gone: its waiting commands are dropped, those at a device are detached and stay on
 * its user's account.
 */
void sl_gate_leave(struct sl_gate *g, int session);
/* May this session put another command into the gate? If not, its socket is not read. */
bool sl_gate_room(const struct sl_gate *g, int session);

/* The device's socket is readable. */
void sl_gate_poll(struct sl_gate *g, unsigned device);
/* Deadlines. */
void sl_gate_tick(struct sl_gate *g);
/* Milliseconds until the next deadline; -1: none. */
int sl_gate_timeout(const struct sl_gate *g);

/* Replaces the image; bindings are made anew. What is in flight was judged and stays. */
void sl_gate_policy(struct sl_gate *g, const struct sl_image *img);

/*
 * The broker's own command, judged by what the tables let the broker read. 0: sl_survey_feed() will
 * be called; -errno: it was not sent.
 */
int sl_gate_internal(struct sl_gate *g, unsigned device, const struct sl_command *cmd,
		     const uint8_t *payload);
/* Sends what this turn has queued at devices that gather commands. */
void sl_gate_kick(struct sl_gate *g);
/* Ties a back end to the gate. */
void sl_gate_attach(struct sl_gate *g, struct sl_device *dev);
/* Those who waited for a device go on, as far as they may: it is read, quiet, or has gone. */
void sl_gate_resume(struct sl_gate *g, unsigned device);

/* Sends an answer to a session; drops the session when it does not take it. In session.c. */
void sl_session_reply(struct sl_gate *g, int session, struct sl_wire_completion *m,
		      const uint8_t *data, const uint8_t *meta, const char *text);

#endif
