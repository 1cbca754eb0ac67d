/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a device model and the parts of the engine that work on it: private to src/model.
 * What a specification lays out in bytes is kept in those bytes (Identify data, SMART, firmware
 * slot, sanitize and self-test logs, effects), so that a log, a rule and the engine never disagree.
 */
#ifndef SL_MODEL_STATE_H
#define SL_MODEL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/behave.h"
#include "model/model.h"
#include "model/persona.h"
#include "model/storage.h"

/* Status codes, Base 2.1 §4.2.3 (generic, command specific, media), NVM and ZNS command sets. */
enum {
	NVME_OK = 0,
	NVME_INVALID_OPCODE = 0x01,
	NVME_INVALID_FIELD = 0x02,
	NVME_INTERNAL = 0x06,
	NVME_ABORTED = 0x07,
	NVME_INVALID_NS = 0x0b,
	NVME_SEQUENCE = 0x0c,
	NVME_SGL_LENGTH = 0x0f,
	NVME_HOSTID_FORMAT = 0x18,
	NVME_SANITIZE_FAILED = 0x1c,
	NVME_SANITIZE_BUSY = 0x1d,
	NVME_NS_PROTECTED = 0x20,
	NVME_LOCKED_DOWN = 0x23,
	NVME_LBA_RANGE = 0x80,
	NVME_CAPACITY = 0x81,
	NVME_RESERVED = 0x83,
	NVME_FORMATTING = 0x84,
	NVME_INVALID_QUEUE_TYPE = 0x101,
	NVME_ABORT_LIMIT = 0x103,
	NVME_AER_LIMIT = 0x105,
	NVME_FW_SLOT = 0x106,
	NVME_FW_IMAGE = 0x107,
	NVME_INVALID_LOG = 0x109,
	NVME_INVALID_FORMAT = 0x10a,
	NVME_FID_NOT_SAVEABLE = 0x10d,
	NVME_FID_NOT_CHANGEABLE = 0x10e,
	NVME_FID_NOT_NS = 0x10f,
	NVME_FW_NEEDS_RESET = 0x111,
	NVME_OVERLAP = 0x114,
	NVME_NS_CAPACITY = 0x115,
	NVME_NSID_UNAVAILABLE = 0x116,
	NVME_NS_ATTACHED = 0x118,
	NVME_NS_NOT_ATTACHED = 0x11a,
	NVME_THIN_UNSUPPORTED = 0x11b,
	NVME_CTRL_LIST = 0x11c,
	NVME_SELF_TEST_BUSY = 0x11d,
	NVME_SANITIZE_PMR = 0x123,
	NVME_LOCKDOWN_UNSUPPORTED = 0x128,
	NVME_CSI_UNSUPPORTED = 0x129,
	NVME_IOCS_COMBINATION = 0x12b,
	NVME_CONFLICTING = 0x180,
	NVME_PI_INVALID = 0x181,
	NVME_READ_ONLY_RANGE = 0x182,
	NVME_SIZE_LIMIT = 0x183,
	NVME_INCOMPATIBLE = 0x185,
	NVME_ZONE_BOUNDARY = 0x1b8,
	NVME_ZONE_FULL = 0x1b9,
	NVME_ZONE_READ_ONLY = 0x1ba,
	NVME_ZONE_OFFLINE = 0x1bb,
	NVME_ZONE_WRITE = 0x1bc,
	NVME_ZONE_ACTIVE = 0x1bd,
	NVME_ZONE_OPEN = 0x1be,
	NVME_ZONE_TRANSITION = 0x1bf,
	NVME_WRITE_FAULT = 0x280,
	NVME_READ_ERROR = 0x281,
	NVME_GUARD = 0x282,
	NVME_APPTAG = 0x283,
	NVME_REFTAG = 0x284,
	NVME_COMPARE = 0x285,
	NVME_UNWRITTEN = 0x287,
};

enum {
	NVME_CSI_NVM = 0,
	NVME_CSI_KV = 1,
	NVME_CSI_ZNS = 2,
};

#define NSID_ALL	0xffffffffu
#define MODEL_PAGE	4096u
#define MODEL_NS_MAX	64u /* allocated at the same time; NN of the persona may be larger */
#define MODEL_REG_MAX	8u  /* registrants of one namespace */
#define MODEL_EVENT_MAX 32u
#define MODEL_QUEUES	128u	    /* queue identifiers, 0 is the admin queue's */
#define MODEL_HANDLES	32u	    /* reclaim unit handles */
#define MODEL_FW_MAX	(16u << 20) /* bytes of a downloaded image */
#define MODEL_ZONE_MAX	(1u << 20)
#define MODEL_FILL_MAX	(1u << 20) /* blocks that a persona or a rule fills at a time */

struct sl_feature {
	bool present;
	uint32_t current, dflt, saved;
	uint32_t data_len; /* bytes of each of the two */
	uint8_t *data, *saved_data;
};

struct sl_registrant {
	uint8_t hostid[16];
	uint64_t key;
	uint16_t cntlid;
};

/* Reservation, Base 2.1 §8.1.22. */
struct sl_resv {
	uint32_t gen;
	uint8_t type; /* 0: none */
	bool ptpl;
	uint8_t n;	/* registrants */
	uint8_t holder; /* index; meaningless when type is 0 */
	uint8_t notify_mask;
	struct sl_registrant reg[MODEL_REG_MAX];
};

struct sl_model_ns {
	uint32_t nsid;
	uint8_t csi;
	uint8_t attached; /* 0: not to this controller */
	uint8_t protect;  /* feature 84h: 0 none … 3 permanent */
	uint8_t lbads;	  /* of the store: log2 of the block size */
	uint16_t ms;
	uint8_t uuid[16];
	uint8_t id[MODEL_PAGE];	    /* CNS 00h */
	uint8_t id_csi[MODEL_PAGE]; /* CNS 05h */
	struct sl_store *store;
	uint64_t busy_until_ms; /* a format runs */
	bool counts_use;	/* NUSE follows what is written */
	int64_t use_base;	/* NUSE less the mapped blocks */
	struct sl_resv resv;
	struct sl_feature *feature[256]; /* the namespace specific ones */
	uint64_t placed[MODEL_HANDLES];	 /* blocks written by reclaim unit handle */
	uint32_t n_changed_zones;	 /* changed zone list, LID BFh; 512: overflow */
	uint64_t changed_zone[512];
	/* ZNS: one 64-byte descriptor a zone (ZNS 1.1 figure 37), then its extension */
	uint32_t n_zones;
	uint64_t zone_size;
	uint8_t *zone;
	uint8_t *zone_ext;
	uint32_t zone_ext_len;
	struct sl_model_ns *next; /* by nsid */
};

struct sl_error_entry {
	uint8_t b[64];
};

struct sl_event {
	uint8_t type, info, lid;
};

struct sl_model_log {
	uint8_t lid, csi;
	bool override;
	uint8_t *p;
	uint32_t len;
};

/* What the host was refused by a Lockdown command. */
struct sl_lockdown {
	uint8_t admin[256]; /* 1: prohibited; bytes, because rules write them */
	uint8_t set_feature[256];
};

struct sl_telemetry {
	uint8_t gen;
	uint8_t available; /* controller-initiated data; host-initiated data was created */
	uint64_t seed;	   /* what the data blocks are made of */
};

/* I/O queues, by identifier. */
struct sl_queues {
	uint8_t cq[MODEL_QUEUES];  /* 1: exists */
	uint16_t sq[MODEL_QUEUES]; /* completion queue of an existing one, else 0 */
};

struct sl_item_table;
struct sl_scsi;
struct sl_cxl;

/*
 * What a protocol brings to the engine. The engine owns hooks, time, resets and what is in flight;
 * behaviour rules work on every protocol through these. A persona's words for a status are of the
 * protocol: NVMe's status field; SCSI's sense key, ASC and ASCQ, or a status byte.
 */
struct sl_model_ops {
	uint8_t protocol;     /* enum sl_wire_protocol */
	uint32_t request_len; /* bytes of a command that comes inside another one's data */
	uint32_t bad_field; /* a vendor command with a field that no row has, in a persona's word */
	bool big_endian;    /* numbers in the bytes of its pages */
	const struct sl_item_table *items;
	bool (*takes)(uint8_t queue, uint16_t req_len); /* could it be a command of this device? */
	int (*load)(struct sl_model *m);
	void (*unload)(struct sl_model *m); /* also what a failed load left */
	void (*decode)(struct sl_model *m, struct sl_model_req *r);
	/* Executes a decoded command and leaves its status; no hooks, no timing. */
	void (*execute)(struct sl_model *m, struct sl_model_req *r);
	/* Is there a way to the device at all? False: r->error says why not. */
	bool (*reachable)(struct sl_model *m, struct sl_model_req *r);
	/* Behind the hooks: error log, sense data. */
	void (*finish)(struct sl_model *m, struct sl_model_req *r);
	void (*set_status)(struct sl_model_req *r, uint32_t word);
	bool (*is_vendor)(
		const struct sl_model_req *r); /* an opcode that is the vendor's to define */
	/* Range number i of blocks that a command is about, if it has so many. */
	bool (*range)(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		      uint64_t *ret_blocks);
	uint8_t (*look)(const struct sl_model_req *r); /* what an observer sends: SL_LOOK_* */
	/* A command inside the device: its direction, its length; `out`: it brings data. */
	void (*inner)(const struct sl_model *m, struct sl_model_req *r, bool out);
	void (*attention)(struct sl_model *m, uint32_t word); /* of a rule; NULL: has none */
	void (*tick)(struct sl_model *m);
	uint64_t (*next)(const struct sl_model *m); /* UINT64_MAX: nothing */
	void (*deliver)(struct sl_model *m);	    /* events to those who wait for them */
	void (*reset)(struct sl_model *m, bool power);
	void (*hash)(const struct sl_model *m, void *h);
};
extern const struct sl_model_ops sl_model_nvme, sl_model_scsi, sl_model_cxl, sl_model_fwctl;
const struct sl_model_ops *sl_model_ops_of(uint8_t protocol);
void sl_hash_feed(void *h, const void *p, size_t n);

struct sl_model {
	const struct sl_persona *p;
	const struct sl_model_ops *ops;
	struct sl_cxl *cxl;   /* a memory device by its mailbox */
	struct sl_scsi *scsi; /* a logical unit; its blocks are those of namespace 1 */
	struct sl_behave *behave;
	struct sl_model_listener listener;
	uint64_t now_ms, random;

	uint8_t id_ctrl[MODEL_PAGE];
	uint8_t effects[SL_PERSONA_CSI_N][MODEL_PAGE];
	uint8_t smart[512];
	uint8_t firmware[512]; /* LID 03h */
	uint8_t sanitize[512]; /* LID 81h */
	uint8_t self_test[564];
	struct sl_model_ns *ns;
	struct sl_feature feature[256];
	uint32_t n_logs;
	struct sl_model_log *log;

	/* error log: a ring, newest at error_at */
	uint64_t error_count;
	uint32_t n_errors, error_at;
	struct sl_error_entry error[256];

	/* data units that are not yet a thousand blocks of 512 bytes */
	uint32_t read_rest, write_rest;

	uint32_t n_changed; /* changed namespace list; 1025: overflow */
	uint32_t changed[1025];
	uint32_t n_events;
	struct sl_event event[MODEL_EVENT_MAX];
	uint8_t event_masked; /* a bit a type: reported and not yet acknowledged */
	uint8_t smart_told;   /* critical warnings that raised their event */

	uint8_t *fw_image; /* MODEL_FW_MAX at most, as far as downloaded */
	uint32_t fw_len, fw_cap;
	bool fw_new; /* something was downloaded since the last commit */
	bool fw_gap; /* with a hole in it */

	struct sl_queues queues;
	bool doorbell_buffers; /* shadow doorbells in host memory */
	struct sl_lockdown lock;
	struct sl_telemetry host_telemetry, ctrl_telemetry;
	bool pel_context;	  /* a reading context of the persistent event log */
	uint16_t threshold[2][9]; /* feature 04h: over, under; composite and eight sensors */
	bool directive_streams;
	uint16_t streams_allocated;
	uint8_t security[512]; /* the last payload that Security Send left */
	uint32_t security_len, security_sends;
	uint8_t security_proto;
	uint16_t security_sp;

	uint8_t resv_log[64]; /* the newest notification */
	uint32_t resv_pending;
	uint64_t resv_count;

	/* background work: start and end; end 0: none */
	uint64_t sanitize_from_ms, sanitize_until_ms;
	uint32_t sanitize_pattern;
	bool sanitize_ause, sanitize_keep, sanitize_fail;
	uint64_t test_from_ms, test_until_ms;
	uint32_t test_nsid;

	uint64_t time_base_ms, time_set_ms; /* timestamp feature */
	uint8_t time_origin;

	uint8_t *var[SL_PERSONA_VAR_MAX]; /* "vendor.NAME" */
	bool running; /* a command is being executed: a reset waits for its end */
	bool reset_wanted, power_wanted;
	struct sl_model_req *inflight; /* delayed or parked, by no order */
};

/* ---- engine.c ---- */

/* The answer of a host-visible failure; remembers where the wrong field is (byte, bit of the SQE).
 */
uint16_t sl_fail_field(struct sl_model_req *r, unsigned byte, unsigned bit);
/* Hands bytes to the host: NVME_SGL_LENGTH when its buffer is shorter than n. */
uint16_t sl_req_give(struct sl_model_req *r, const void *p, uint32_t n);
/* Does the command bring data? */
bool sl_req_payload(const struct sl_model_req *r);
/* Is there a payload of n bytes? NVME_OK or NVME_SGL_LENGTH. */
uint16_t sl_req_need(const struct sl_model_req *r, uint32_t n);
bool sl_model_version(const struct sl_model *m, uint32_t at_least);
void sl_model_error_log(struct sl_model *m, const struct sl_model_req *r, uint16_t status);
/* Completes a parked or delayed command with a status, now. */
void sl_model_finish(struct sl_model *m, struct sl_model_req *r, uint16_t status);
struct sl_model_req *sl_model_inflight(struct sl_model *m, uint16_t cid, const void *owner);

/* ---- nvme.c, device.c, hash.c ---- */
int sl_nvme_load(struct sl_model *m);
void sl_nvme_unload(struct sl_model *m);
void sl_nvme_hash(const struct sl_model *m, void *h);

/* ---- event.c ---- */
void sl_events_deliver(struct sl_model *m);
/* A log was read with RAE clear: its events are acknowledged. */
void sl_events_ack(struct sl_model *m, uint8_t lid);
void sl_events_reset(struct sl_model *m);
/* Compares temperature and warnings with their thresholds and raises what is new. */
void sl_smart_check(struct sl_model *m);
/* Adds to a 128-bit counter of the SMART log. */
void sl_smart_add(struct sl_model *m, unsigned offset, uint64_t n);
void sl_smart_io(struct sl_model *m, uint64_t bytes, bool write);

/* ---- ns.c ---- */
struct sl_model_ns *sl_ns_find(struct sl_model *m, uint32_t nsid);
int sl_ns_load(struct sl_model *m, const struct sl_persona_ns *p);
/* A fresh namespace with the identity bytes of a like one; not in the list when it fails. */
int sl_ns_make(struct sl_model *m, uint32_t nsid, uint8_t csi, struct sl_model_ns **ret);
void sl_ns_delete(struct sl_model *m, struct sl_model_ns *ns);
void sl_ns_free(struct sl_model_ns *ns);
/* A new, empty store in the format that the identity bytes say. 0 or -errno. */
int sl_ns_store(struct sl_model_ns *ns);
/* After identity bytes changed: another format empties the namespace. */
int sl_ns_sync(struct sl_model *m, struct sl_model_ns *ns);
void sl_ns_changed(struct sl_model *m, uint32_t nsid);
int sl_ns_zones(struct sl_model_ns *ns);
void sl_ns_usage(struct sl_model_ns *ns);
/* LBA format `index` of these identity bytes: NULL when there is none. */
const uint8_t *sl_id_lbaf(const uint8_t id[MODEL_PAGE], unsigned index);
unsigned sl_id_format(const uint8_t id[MODEL_PAGE]);

static inline uint64_t sl_ns_size(const struct sl_model_ns *ns)
{
	return sl_get_le64(ns->id);
}

/* Blocks that can be reached: a size that a rule made up adds no zones. */
static inline uint64_t sl_ns_limit(const struct sl_model_ns *ns)
{
	uint64_t zones = ns->n_zones * ns->zone_size;

	return ns->csi == NVME_CSI_ZNS && zones < sl_ns_size(ns) ? zones : sl_ns_size(ns);
}

static inline uint32_t sl_ns_block(const struct sl_model_ns *ns)
{
	return 1u << ns->lbads;
}

/* Metadata travels at the end of each block (FLBAS bit 4), not in its own buffer. */
static inline bool sl_ns_extended(const struct sl_model_ns *ns)
{
	return ns->ms && (ns->id[26] & 0x10);
}

/* ---- admin-feature.c ---- */
int sl_features_load(struct sl_model *m);
void sl_features_reset(struct sl_model *m, bool power);
/* The value in force, controller's or namespace's; 0 when there is none. */
uint32_t sl_feature_current(const struct sl_model *m, uint8_t fid);
/* The feature of the controller (nsid 0) or a namespace. NULL: not in this device. */
struct sl_feature *sl_feature_find(struct sl_model *m, uint8_t fid, uint32_t nsid);
/* The features that a namespace has of its own. 0 or -ENOMEM. */
int sl_features_of_ns(struct sl_model *m, struct sl_model_ns *ns);
void sl_feature_done(struct sl_feature *f);

/* ---- admin-queue.c, io-fdp.c ---- */
void sl_queues_reset(struct sl_model *m);
/* Is there an I/O queue left to send a command to? */
bool sl_queues_any(const struct sl_model *m);
void sl_fdp_wrote(const struct sl_model *m, const struct sl_model_req *r, uint64_t blocks);

/* ---- admin-fw.c, admin-media.c ---- */
void sl_fw_load(struct sl_model *m);
void sl_fw_activate(struct sl_model *m, uint8_t slot);
void sl_fw_reset(struct sl_model *m);
void sl_media_load(struct sl_model *m);
void sl_media_tick(struct sl_model *m);
uint64_t sl_media_next(const struct sl_model *m); /* UINT64_MAX: nothing */
void sl_media_reset(struct sl_model *m, bool power);
bool sl_media_sanitizing(const struct sl_model *m);
void sl_selftest_abort(struct sl_model *m, uint8_t result);

/* ---- io-*.c ---- */
/* May this host write / read the namespace under its reservation? */
bool sl_resv_permits(const struct sl_model *m, const struct sl_model_ns *ns, bool write);
void sl_resv_reset(struct sl_model *m, bool power);
/*
 * A zoned namespace (others pass): may these blocks be written or read? _wrote moves the write
 * pointer afterwards.
 */
uint16_t sl_zone_write(const struct sl_model_ns *ns, uint64_t lba, uint64_t n);
void sl_zone_wrote(struct sl_model_ns *ns, uint64_t lba, uint64_t n);
uint16_t sl_zone_read(const struct sl_model_ns *ns, uint64_t lba, uint64_t n);
void sl_zones_reset(struct sl_model_ns *ns);
/* The controller changed a zone by itself: lists it and raises the event. */
void sl_zone_changed(struct sl_model *m, struct sl_model_ns *ns, uint64_t zone);
/* The LBA range of an I/O command, where it has one. */
bool sl_io_range(const struct sl_model_req *r, uint64_t *ret_lba, uint64_t *ret_blocks);
/* Is [lba, lba + n) in the namespace? */
uint16_t sl_io_check(const struct sl_model_ns *ns, uint64_t lba, uint64_t n);

/* ---- the command tables: rows of opcode and handler ---- */

typedef uint16_t sl_handler(struct sl_model *m, struct sl_model_req *r);

enum {
	ROW_SANITIZE = 1 << 0, /* runs while a sanitize does, Base 2.1 figure 104 */
	ROW_WRITES = 1 << 1,   /* I/O that changes media: write protection and reservations */
	ROW_READS = 1 << 2,    /* I/O that reads media: reservations */
	ROW_NSID = 1 << 3,     /* needs an attached namespace */
	ROW_ANY_NSID = 1 << 4, /* or NSID_ALL */
	ROW_NO_NSID = 1 << 5,  /* NSID is not used: must be zero */
};

struct sl_model_row {
	uint8_t opc;
	uint8_t flags;
	sl_handler *run;
	uint32_t used[6]; /* bits of CDW10 … CDW15 that are defined */
};

#define SL_HANDLERS(X)                                                                             \
	X(identify)                                                                                \
	X(get_log)                                                                                 \
	X(set_features)                                                                            \
	X(get_features)                                                                            \
	X(abort)                                                                                   \
	X(async_event)                                                                             \
	X(ns_mgmt)                                                                                 \
	X(ns_attach)                                                                               \
	X(fw_commit)                                                                               \
	X(fw_download)                                                                             \
	X(self_test)                                                                               \
	X(keep_alive)                                                                              \
	X(directive_send)                                                                          \
	X(directive_recv)                                                                          \
	X(lockdown)                                                                                \
	X(format)                                                                                  \
	X(security_send)                                                                           \
	X(security_recv)                                                                           \
	X(sanitize)                                                                                \
	X(lba_status)                                                                              \
	X(flush)                                                                                   \
	X(write)                                                                                   \
	X(read)                                                                                    \
	X(write_uncor)                                                                             \
	X(compare)                                                                                 \
	X(write_zeroes)                                                                            \
	X(dsm)                                                                                     \
	X(verify)                                                                                  \
	X(resv_register)                                                                           \
	X(resv_report)                                                                             \
	X(resv_acquire)                                                                            \
	X(resv_release)                                                                            \
	X(copy)                                                                                    \
	X(create_cq)                                                                               \
	X(create_sq)                                                                               \
	X(delete_sq)                                                                               \
	X(delete_cq)                                                                               \
	X(doorbell_buffers)                                                                        \
	X(virt_mgmt)                                                                               \
	X(io_mgmt_recv)                                                                            \
	X(io_mgmt_send)                                                                            \
	X(zone_send)                                                                               \
	X(zone_recv)                                                                               \
	X(zone_append)

#define X(name) uint16_t sl_cmd_##name(struct sl_model *m, struct sl_model_req *r);
SL_HANDLERS(X)
#undef X

#endif
