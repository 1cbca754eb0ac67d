/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of the device model: a device in memory (an NVMe controller, a SCSI logical unit, a
 * memory device with a mailbox), driven by a persona. Commands go in
 * by sl_model_submit and come out by their `done`; time is what the caller says it is, so that
 * tests and seeds repeat exactly. It opens nothing, sends nothing and reads no clock.
 *
 * Every piece of mutable state has a name (sl_model_find): behaviour rules change state by name and
 * never reach into the engine.
 */
#ifndef SL_MODEL_MODEL_H
#define SL_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

struct sl_persona;
struct sl_model;
struct sl_model_ns;

/* Status words as struct sl_completion has them: SCT << 8 | SC, DNR at bit 14, MORE at bit 13. */
#define SL_NVME_DNR  0x4000u
#define SL_NVME_MORE 0x2000u

/*
 * One command at the model. The caller fills the first part, keeps it alive until done(), and
 * offers a data buffer of data_cap bytes, of which the host asked for data_len (likewise meta).
 */
struct sl_model_req {
	uint8_t queue;	   /* enum sl_wire_queue */
	uint8_t dir;	   /* enum sl_dir */
	uint16_t req_len;  /* bytes of the request in use; 0: all */
	uint32_t tag;	   /* the caller's; also the command identifier for Abort (low 16 bits) */
	void *owner;	   /* the caller's: sl_model_cancel forgets all of one owner */
	uint8_t sqe[64];   /* the raw request */
	uint8_t *data;	   /* OUT: what the host sends; IN: where the answer goes, zeroed */
	uint32_t data_len; /* bytes of the host's buffer */
	uint32_t data_cap; /* bytes that may be touched, ≥ data_len: room for a device that overruns
			    */
	uint8_t *meta;
	uint32_t meta_len;
	uint32_t meta_cap;
	void (*done)(struct sl_model_req *req);
	bool internal; /* a rule runs it: no behaviour hook, no hanging, completes at once */

	/* The answer. */
	uint16_t status; /* as struct sl_completion has it */
	uint64_t result;
	uint32_t ret_len; /* bytes of data for the host; more than data_len is an overrun */
	uint32_t ret_meta_len;

	/* Decoded from sqe by sl_model_submit, before any hook runs. */
	uint8_t opc;
	uint8_t csi; /* I/O queue: command set of the namespace; admin: 0 */
	uint32_t nsid;
	uint32_t cdw[16];	/* cdw[0] … cdw[15], host order */
	struct sl_model_ns *ns; /* attached namespace nsid; NULL when there is none */

	/* What a behaviour may ask for, in its before or after hook. */
	bool answered; /* before: status/result/data are set, the command does not run */
	bool hang;     /* never complete it (until cancel, reset or power cycle) */
	bool fail;     /* after `hang`: the transport fails with errno `error` instead */
	uint32_t error;
	uint32_t delay_ms; /* complete it this much later than the command itself takes */

	/* The engine's own. */
	uint32_t work_ms;  /* how long the command itself takes, beyond the persona's latency */
	uint16_t err_at;   /* byte | bit << 8 of the field that is wrong, for the error log */
	uint32_t sense;	   /* SCSI: sense key, ASC, ASCQ */
	uint16_t specific; /* sense-key specific: progress indication, 0: none */
	bool in_payload;   /* err_at is in the parameter list */
	bool has_info;	   /* the information field is valid */
	uint64_t info;
	uint8_t ata[14]; /* ATA Status Return descriptor; length 0: none */
	bool parked;	 /* an asynchronous event request, or a command that hangs */
	uint64_t due_ms;
	struct sl_model_req *next;
};

/* Where the model tells its caller that something happened without a command. */
struct sl_model_listener {
	void (*event)(void *arg); /* the device wants attention */
	void *arg;
};

/*
 * Builds a device in the state that the persona describes. The persona is borrowed and must outlive
 * the model; `seed` is for whatever is random. 0, -ENOMEM, or -EINVAL when the persona contradicts
 * itself.
 */
int sl_model_new(const struct sl_persona *persona, uint64_t seed, struct sl_model **ret);
/* Forgets commands in flight without done(). NULL-safe, returns NULL. */
struct sl_model *sl_model_free(struct sl_model *m);
void sl_model_listen(struct sl_model *m, const struct sl_model_listener *l);

/* Is this a queue that the device has, and a request of that length one that it could carry? */
bool sl_model_takes(const struct sl_model *m, uint8_t queue, uint16_t req_len);
/* Starts a command; done() is called once, perhaps before this returns. */
void sl_model_submit(struct sl_model *m, struct sl_model_req *req);
/* Forgets every command of `owner` that has not completed: done() is not called for them. */
void sl_model_cancel(struct sl_model *m, const void *owner);

/* Time, in milliseconds since the model was made; never goes back. Runs what has become due. */
void sl_model_advance(struct sl_model *m, uint64_t now_ms);
uint64_t sl_model_now(const struct sl_model *m);
/* Milliseconds until something is due; -1: nothing is. */
int64_t sl_model_next_due(const struct sl_model *m);
/* Numbers that repeat with the seed. */
uint64_t sl_model_random(struct sl_model *m);

/* Power off and on: volatile state is lost, `saved` features return. Commands in flight fail. */
void sl_model_power_cycle(struct sl_model *m);
/* Controller level reset: queues, events and current features go back, firmware activates. */
void sl_model_reset(struct sl_model *m);
const struct sl_persona *sl_model_persona(const struct sl_model *m);
uint32_t sl_model_max_transfer(const struct sl_model *m);

/*
 * SHA-256 over all state that a command may not change without saying so: identity, effects logs,
 * namespaces and their attachment, block content, metadata and deallocation, write protection,
 * zones, features (current, default, saved), firmware and what was downloaded, security, vendor
 * variables, reservations, lockdown, queues, telemetry, sanitize and self-test, the error log,
 * pending and masked events, unread change lists, the persona's logs, and the SMART counters of
 * damage, power cycles and errors.
 * Left out, because it moves by itself or with every command: temperatures and the time above
 * them, power-on hours, busy time, data units and command counters, the running timestamp, what is
 * in flight, the random numbers to come, and how often each rule has counted. Of a logical unit
 * likewise: error counters, temperature and statistics pages, SMART's blocks written and read.
 */
void sl_model_hash(const struct sl_model *m, uint8_t ret[32]);

/*
 * State by name. Integers are of 1, 2, 4 or 8 bytes; these and bytes are as a log would show them,
 * little-endian. Names are a path: "smart.temperature", "ns.1.size", "feature.06.current",
 * "feature.84.ns.1.saved", "fw.slot.2", "sanitize.status", "id-ctrl", "log.ca", "vendor.NAME", …;
 * sl_model_items lists them. Behind a byte item, "[8]" is its byte 8 and "[8:4]" four bytes from 8.
 */
enum sl_model_kind {
	SL_MODEL_INT,
	SL_MODEL_BYTES,
};

struct sl_model_item {
	void *p;
	size_t len;
	enum sl_model_kind kind;
};

/* 0, or -ENOENT: no such state in this device now. */
int sl_model_find(struct sl_model *m, const char *name, struct sl_model_item *ret);
/* Byte items of up to 8 bytes read as integers: NVMe little-endian, SCSI big-endian. 0, -ENOENT, or
 * -EINVAL: too long. */
int sl_model_get(struct sl_model *m, const char *name, uint64_t *ret);
int sl_model_set(struct sl_model *m, const char *name, uint64_t value);
/* Sets bytes, zero-padded to the item's length. 0, -ENOENT, or -ERANGE: longer than the item. */
int sl_model_set_bytes(struct sl_model *m, const char *name, const void *p, size_t len);
/* Could this name ever be a state, on some device? For checks before there is one. */
bool sl_model_name_known(uint8_t protocol, const char *name);
/* Calls fn for the pattern of every name, with a line that says what it is. */
void sl_model_items(uint8_t protocol, void (*fn)(void *arg, const char *name, const char *text),
		    void *arg);

/* Changes that are more than a value. Each has the side effects that the command would have. */

/* Blocks of a namespace, attached or not; out of range is -ERANGE, no such namespace -ENOENT. */
int sl_model_blocks_write(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n,
			  const void *p);
int sl_model_blocks_fill(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n, uint8_t byte);
int sl_model_blocks_deallocate(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n);
/* Bytes of data in a block of nsid; 0: no such namespace. */
uint32_t sl_model_block_size(const struct sl_model *m, uint32_t nsid);
int sl_model_blocks_read(struct sl_model *m, uint32_t nsid, uint64_t lba, uint64_t n, void *p);

/* 0; -EEXIST, -ENOENT, -ENOSPC, -EINVAL. nsid 0: the first free one. */
int sl_model_ns_create(struct sl_model *m, uint32_t nsid, uint64_t blocks, uint8_t flbas,
		       uint8_t csi, uint32_t *ret_nsid);
int sl_model_ns_delete(struct sl_model *m, uint32_t nsid);
int sl_model_ns_attach(struct sl_model *m, uint32_t nsid, bool attach);
/* Adds nsid to the changed namespace list and raises its event. */
void sl_model_ns_changed(struct sl_model *m, uint32_t nsid);

/* Raises an asynchronous event: type, information and log page as in CQE DW0. */
void sl_model_event(struct sl_model *m, uint8_t type, uint8_t info, uint8_t lid);
/* Appends to the error log, as a failed command does. */
void sl_model_error(struct sl_model *m, uint16_t status, uint32_t nsid, uint64_t lba, uint16_t cid);
/* Starts what the commands start: action/code as in their CDW10. 0, or -EBUSY, -EINVAL. */
int sl_model_sanitize(struct sl_model *m, uint8_t sanact, bool fail);
int sl_model_selftest(struct sl_model *m, uint8_t stc);
/* Activates a firmware slot now. 0 or -ENOENT: the slot is empty. */
int sl_model_fw_activate(struct sl_model *m, uint8_t slot);

#endif
