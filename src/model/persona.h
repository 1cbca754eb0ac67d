/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A persona: what one device is and how it behaves, as plain data. The loader reads a JSON
 * file (doc/personas.md), checks all of it and builds these structures completely or not at all;
 * the engine reads them and never sees JSON. Nothing here executes a command: standard commands are
 * the engine's, rules are behave.h's.
 */
#ifndef SL_MODEL_PERSONA_H
#define SL_MODEL_PERSONA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define SL_PERSONA_FORMAT	 1
#define SL_PERSONA_FILE_MAX	 (4u << 20) /* bytes of a persona file */
#define SL_PERSONA_DEPTH_MAX	 24
#define SL_PERSONA_NAME_MAX	 48 /* of personas, rules, variables, buffers, snapshots; with NUL */
#define SL_PERSONA_STATE_MAX	 80	/* of a state name; with NUL */
#define SL_PERSONA_RUN_MAX	 65536u /* bytes that a command inside the device moves */
#define SL_PERSONA_TIME_MAX_MS	 UINT64_C(31536000000) /* a year */
#define SL_PERSONA_NSID_MAX	 1024u
#define SL_PERSONA_ZONE_MAX	 65536u
#define SL_PERSONA_MDTS_MAX	 15u
#define SL_PERSONA_NS_MAX	 64
#define SL_PERSONA_LBAF_MAX	 64
#define SL_PERSONA_FILL_MAX	 64
#define SL_PERSONA_LOG_MAX	 64
#define SL_PERSONA_LOG_BYTES_MAX (1u << 20)
#define SL_PERSONA_VENDOR_MAX	 128
#define SL_PERSONA_RULE_MAX	 256
#define SL_PERSONA_STEP_MAX	 16   /* of a sequence */
#define SL_PERSONA_DO_MAX	 32   /* actions of one rule */
#define SL_PERSONA_COND_MAX	 16   /* dword, payload and state conditions of one match, each */
#define SL_PERSONA_BYTES_MAX	 4096 /* bytes of one pattern, answer or write */
#define SL_PERSONA_VAR_MAX	 32   /* variables of a persona */
#define SL_PERSONA_SNAPSHOT_MAX	 8
#define SL_PERSONA_DRIFT_MAX	 32
#define SL_PERSONA_CSI_N	 3 /* 0 NVM, 1 KV, 2 ZNS */
#define SL_PERSONA_BLOCKS_MAX	 (1ull << 40)
#define SL_PERSONA_DELAY_MAX_MS	 600000u
#define SL_PERSONA_OVERRUN_MAX	 65536u

/* Counted bytes that the persona owns. */
struct sl_bytes {
	uint8_t *p;
	uint32_t len;
};

/*
 * A state name of model.h ("smart.temperature", "ns.1.size", "log.ca[8:4]"), checked by the loader
 * against sl_model_items. A path component `*` stands for the NSID of the command that fired the
 * rule.
 */
struct sl_state_ref {
	char name[SL_PERSONA_STATE_MAX];
};

/* ---- the device ---- */

struct sl_persona_lbaf {
	uint16_t ms; /* metadata bytes; 0 */
	uint8_t ds;  /* log2 of the block size: 9 .. 16 */
	uint8_t rp;  /* relative performance 0 .. 3 */
};

/* Blocks that are not zero at the start: `pattern` repeated over [lba, lba + blocks). */
struct sl_persona_fill {
	uint64_t lba, blocks;
	struct sl_bytes pattern; /* len >= 1 */
};

struct sl_persona_ns {
	uint32_t nsid; /* 1 .. nn */
	uint8_t csi;   /* 0 or 2 */
	bool attached; /* to the controller that the model serves */
	bool write_protected;
	uint8_t flbas;	/* low 4 bits + bits 6:5 as the spec has them: index of the format in use */
	uint8_t n_lbaf; /* >= 1 */
	struct sl_persona_lbaf lbaf[SL_PERSONA_LBAF_MAX];
	uint64_t size;			       /* NSZE in blocks */
	uint64_t capacity;		       /* NCAP */
	uint8_t nguid[16], eui64[8], uuid[16]; /* zero: none */
	uint8_t id_ns[4096]; /* CNS 00h as at the start; complete, consistent with the fields above
			      */
	/* CSI 2 */
	uint8_t id_zns[4096]; /* CNS 05h CSI 2 */
	uint64_t zone_size;   /* blocks; divides size */
	uint64_t zone_capacity;
	uint32_t max_open, max_active; /* 0: no limit */
	unsigned n_fills;
	struct sl_persona_fill *fills;
};

struct sl_persona_feature {
	bool supported;
	uint32_t current, dflt, saved;
	bool changeable, saveable, per_namespace;
	uint32_t effects;     /* entry of log 12h that the file gives; 0: none */
	struct sl_bytes data; /* initial data structure (e.g. timestamp, APST); len 0: none */
};

/* A log page of which the persona gives the bytes; the engine serves the bytes of LIDs it does not
 * make. */
struct sl_persona_log {
	uint8_t lid;
	uint8_t csi;
	bool override; /* serve these bytes even where the engine has a live log of this LID */
	struct sl_bytes data;
};

struct sl_persona_firmware {
	uint8_t slots; /* 1 .. 7 */
	bool slot1_read_only;
	bool activate_without_reset;
	uint8_t active;	     /* 1 .. slots */
	uint8_t next;	     /* 0: none */
	char revision[8][9]; /* [1 .. 7]; "" empty slot; NUL-terminated, at most 8 characters */
};

enum sl_quirk {
	SL_QUIRK_EFFECTS_LOG_MISSING = 1 << 0, /* Get Log Page 05h fails with effects_log_status */
	SL_QUIRK_EFFECTS_LOG_SHORT =
		1 << 1, /* it ends after effects_log_bytes; the rest of the answer is not written */
	SL_QUIRK_IMPLEMENTS_UNLISTED =
		1 << 2, /* every standard command the engine knows works, listed or not */
	SL_QUIRK_EFFECTS_LOG_IGNORES_CSI = 1 << 3, /* log 05h is that of CSI 0 whatever is asked */
	SL_QUIRK_SUPPORTED_LOGS_MISSING = 1 << 4,  /* log 00h is refused */
	SL_QUIRK_FEATURE_EFFECTS_MISSING = 1 << 5, /* log 12h is refused */
	SL_QUIRK_IGNORES_RAE = 1 << 6, /* reading a log clears its event whatever RAE says */
	SL_QUIRK_RESERVED_IGNORED =
		1 << 7, /* reserved command bits are not checked (as most devices) */
};

/* What can be said of a command: where and which. Shared by vendor commands and rule triggers. */
enum sl_queue {
	SL_QUEUE_ANY = 0,
	SL_QUEUE_ADMIN = 1, /* these two as enum sl_wire_queue has them */
	SL_QUEUE_IO = 2,
};

/* A number in the request: a dword of the submission entry, bytes of a CDB. */
struct sl_match_number {
	uint8_t at, len; /* bytes of the request; at most 8, at + len <= 64 */
	bool big_endian;
	bool negate;
	uint64_t mask;
	uint64_t min, max; /* min <= (number & mask) <= max */
};

struct sl_match_bytes {
	bool anywhere; /* at any offset */
	uint32_t offset;
	uint32_t stride; /* 0: only at offset; else also at every multiple of it behind */
	struct sl_bytes value;
	struct sl_bytes mask; /* len 0: all ones; else as long as value */
};

enum sl_cmp {
	SL_CMP_EQ,
	SL_CMP_NE,
	SL_CMP_LT,
	SL_CMP_LE,
	SL_CMP_GT,
	SL_CMP_GE,
	SL_CMP_MASK /* any bit of */
};

struct sl_match_state {
	struct sl_state_ref ref; /* at most 8 bytes long */
	uint8_t cmp;		 /* enum sl_cmp */
	uint64_t value;
};

/* Classes of looking: what an observer sends. Bits. */
enum sl_look {
	SL_LOOK_IDENTIFY = 1 << 0, /* Identify, any CNS */
	SL_LOOK_LOG = 1 << 1,	   /* Get Log Page */
	SL_LOOK_FEATURE = 1 << 2,  /* Get Features */
	SL_LOOK_READ = 1 << 3,	   /* Read, Compare, Verify; Zone Management Receive */
};

struct sl_match {
	uint8_t queue; /* enum sl_queue */
	uint8_t look;  /* SL_LOOK_*; 0: not a condition */
	bool any_opcode;
	bool opcode[256];
	unsigned n_numbers, n_bytes, n_states;
	struct sl_match_number *numbers;
	struct sl_match_bytes *payload; /* host to device data */
	struct sl_match_state *states;
	bool lba_on; /* the command's LBA range touches [lba_first, lba_last] */
	uint64_t lba_first, lba_last;
	bool nsid_on;
	uint32_t nsid_first, nsid_last;
	uint8_t status; /* enum sl_match_status */
};

enum sl_match_status { SL_STATUS_ANY, SL_STATUS_SUCCESS, SL_STATUS_ERROR };

/* ---- rules ---- */

enum sl_trigger {
	SL_TRIGGER_COMMAND, /* a command that matches, or the last of a sequence */
	SL_TRIGGER_START,   /* the model has loaded the persona */
	SL_TRIGGER_RESET,   /* controller level reset */
	SL_TRIGGER_POWER,   /* power cycle */
	SL_TRIGGER_TIME,    /* after_ms since the start, then every_ms (0: once) */
};

enum sl_act {
	SL_ACT_SET,	     /* ref := value, or bytes where there are any */
	SL_ACT_ADD,	     /* ref := ref + value, modulo its width */
	SL_ACT_XOR,	     /* ref ^= value */
	SL_ACT_AND,	     /* ref &= value */
	SL_ACT_OR,	     /* ref |= value */
	SL_ACT_COPY,	     /* ref := from, as bytes */
	SL_ACT_CAPTURE,	     /* ref := `length` bytes at `offset` of `source` */
	SL_ACT_SNAPSHOT,     /* remember refs as snapshot `value` */
	SL_ACT_RESTORE,	     /* put snapshot `value` back, if one was taken */
	SL_ACT_WRITE_BLOCKS, /* bytes repeated over blocks of a namespace */
	SL_ACT_COPY_BLOCKS,
	SL_ACT_DEALLOCATE,
	SL_ACT_NAMESPACE, /* value: enum sl_ns_act, of nsid */
	SL_ACT_FIRMWARE,  /* activate slot `value` */
	SL_ACT_RUN,	  /* execute a submission entry inside the device */
	SL_ACT_EVENT,	  /* raise an asynchronous event */
	SL_ACT_ATTENTION, /* establish a unit attention condition of ASC, ASCQ `value` */
	SL_ACT_ERROR,	  /* make an error log entry of status `value` */
	SL_ACT_RESET,	  /* the controller resets itself */
	SL_ACT_DEAD,	  /* no command completes until reset or power cycle */
	SL_ACT_ANSWER,	  /* patch the data that goes back to the host */
	SL_ACT_RESULT,	  /* CQE DW0 and DW1 */
	SL_ACT_STATUS,	  /* CQE status */
	SL_ACT_DELAY,	  /* complete `value` ms later */
	SL_ACT_OVERRUN,	  /* `value` bytes more than the host asked for */
	SL_ACT_SHORT,	  /* only `value` bytes of the answer */
	SL_ACT_SILENT,	  /* this command never completes */
	SL_ACT_FAIL,	  /* the transport fails it with errno `value` */
	SL_ACT_DROP,	  /* the command is not executed and completes with status `value` */
	_SL_ACT_N
};

enum sl_ns_act { SL_NS_ATTACH, SL_NS_DETACH, SL_NS_DELETE, SL_NS_CHANGED };

/* Where bytes come from. */
enum sl_source {
	SL_SOURCE_BYTES,
	SL_SOURCE_STATE,
	SL_SOURCE_PAYLOAD,
	SL_SOURCE_ANSWER,
	SL_SOURCE_COMMAND, /* the 64 bytes of the submission entry */
};

struct sl_do {
	uint8_t act;	/* enum sl_act */
	uint8_t source; /* enum sl_source */
	struct sl_state_ref ref, from;
	struct sl_bytes bytes;
	uint64_t value;
	uint32_t offset; /* ANSWER: where; CAPTURE: from where; RUN: of the entry in the payload */
	uint32_t length; /* CAPTURE; RUN: bytes of its answer */
	bool exclusive_or;	  /* ANSWER: bytes flip bits */
	bool at_lba;		  /* ANSWER: offset counts from block `lba` of the answer */
	bool at_command;	  /* *BLOCKS: lba counts from the command's first */
	bool command_blocks;	  /* *BLOCKS: as many as the command's */
	bool from_at_command;	  /* COPY_BLOCKS: from_lba counts from the command's first */
	uint32_t nsid, from_nsid; /* 0: the command's */
	uint64_t lba, from_lba, blocks;
	uint8_t queue;	      /* RUN: enum sl_queue */
	uint8_t sqe[64];      /* RUN from BYTES */
	uint32_t data_offset; /* RUN from PAYLOAD: where its own payload is */
	bool reply;	      /* RUN: its answer and result become those of the command */
	uint8_t event_type, event_info, event_lid;
	unsigned n_refs;
	struct sl_state_ref *refs; /* SNAPSHOT */
};

enum sl_defer { SL_DEFER_NONE, SL_DEFER_COMMANDS, SL_DEFER_MS, SL_DEFER_RESET, SL_DEFER_POWER };

struct sl_rule {
	char name[SL_PERSONA_NAME_MAX];
	uint8_t trigger; /* enum sl_trigger */
	bool before;	 /* actions run before the command is executed, else after it and before its
			    answer */
	unsigned n_steps; /* COMMAND: >= 1; more than one is a sequence, the last step fires */
	struct sl_match *steps;
	bool strict_sequence; /* a command in between that matches no step starts over */
	uint64_t within_commands, within_ms; /* whole sequence; 0: no limit */
	uint64_t after_count;		     /* fires from the nth match on (1: from the first) */
	uint64_t every;			     /* then at every nth match (1: always) */
	uint64_t limit;			     /* fires at most so often; 0: no limit */
	uint64_t after_ms, every_ms;
	uint32_t probability; /* of 2^32 - 1; UINT32_MAX: always */
	unsigned n_states;
	struct sl_match_state *states; /* all triggers */
	uint8_t defer;		       /* enum sl_defer: state actions happen later */
	uint64_t defer_n;
	unsigned n_dos;
	struct sl_do *dos;
};

/* A command of the vendor. The rules named in `dos` are its whole effect. */
struct sl_persona_vendor {
	char name[SL_PERSONA_NAME_MAX];
	struct sl_match match; /* queue and opcode, dwords */
	uint32_t status;       /* as the protocol's personas say it */
	uint32_t result;
	uint8_t dir;		/* 0 none, 1 host to device, 2 device to host */
	struct sl_bytes answer; /* device to host data; the rest of the host's buffer is zero */
	unsigned n_dos;
	struct sl_do *dos;
};

/*
 * A variable of the device's own: engine state "vendor.NAME", an integer when len is 1, 2, 4 or 8
 * and `bytes` is false. Nothing shows it to the host unless a rule does.
 */
struct sl_persona_var {
	char name[SL_PERSONA_NAME_MAX];
	uint32_t len; /* 1 .. SL_PERSONA_BYTES_MAX */
	bool bytes;
	bool persistent; /* survives a power cycle; else it goes back to its initial value */
	uint8_t init[SL_PERSONA_BYTES_MAX]; /* little-endian when an integer */
};

/* A value that moves by itself. */
enum sl_drift_kind { SL_DRIFT_STEP, SL_DRIFT_WALK };

struct sl_drift {
	struct sl_state_ref ref; /* at most 8 bytes long */
	uint8_t kind;		 /* STEP: += step; WALK: ± up to step at random */
	uint64_t every_ms;	 /* 0: not by time */
	uint64_t every_commands; /* 0: not by commands */
	int64_t step;
	uint64_t min, max;
};

struct sl_persona_cxl;
struct sl_persona_scsi;

struct sl_persona {
	uint8_t protocol;		/* enum sl_wire_protocol */
	char name[SL_PERSONA_NAME_MAX]; /* the file's name without .json unless given */
	char title[128];		/* one line for people */
	char source[1024];		/* where the facts come from */
	bool honest;			/* declared: no rule lies (for listings only) */
	uint64_t seed;			/* of everything random */

	uint8_t id_ctrl[4096]; /* CNS 01h, complete */
	uint32_t nn;	       /* = id_ctrl[516] */
	uint16_t cntlid;
	uint32_t max_transfer; /* bytes, from MDTS and 4 KiB pages; 0: no limit */
	char subnqn[224];

	bool has_effects[SL_PERSONA_CSI_N];
	uint8_t effects[SL_PERSONA_CSI_N][4096]; /* log 05h by CSI; admin part is the same in all */
	bool admin[256];			 /* implemented admin opcodes */
	bool io[SL_PERSONA_CSI_N][256];		 /* implemented I/O opcodes by CSI */

	struct sl_persona_feature feature[256];
	struct sl_persona_firmware firmware;
	uint8_t smart[512];	 /* LID 02h as at the start */
	uint8_t error_count;	 /* entries in the error log at the start (ELPE bounds it) */
	uint64_t error_total;	 /* error count of the newest */
	bool log_supported[256]; /* LIDs that Get Log Page accepts and log 00h lists */
	unsigned n_logs;
	struct sl_persona_log *logs;

	uint32_t quirks; /* enum sl_quirk */
	uint16_t effects_log_status;
	uint32_t effects_log_bytes;
	uint32_t latency_us; /* of every command; 0: at once */
	uint32_t sanitize_ms, format_ms,
		self_test_ms; /* how long background work takes (short test) */
	uint32_t telemetry_host_bytes, telemetry_ctrl_bytes; /* data blocks * 512; 0: none */

	struct sl_persona_cxl *cxl;   /* protocol CXL or fwctl: the memory device */
	struct sl_persona_scsi *scsi; /* protocol SCSI: the logical unit */
	unsigned n_ns;
	struct sl_persona_ns *ns; /* in order of nsid */
	unsigned n_vendor;
	struct sl_persona_vendor *vendor;
	unsigned n_rules;
	struct sl_rule *rules;
	unsigned n_drift;
	struct sl_drift *drift;
	unsigned n_vars, n_snapshots;
	struct sl_persona_var *vars; /* the engine keeps them as state "vendor.NAME" */
	char snapshot_name[SL_PERSONA_SNAPSHOT_MAX][SL_PERSONA_NAME_MAX];
};

struct sl_persona_summary {
	char name[SL_PERSONA_NAME_MAX];
	char title[128];
	uint8_t protocol;    /* enum sl_wire_protocol */
	char mn[41], fr[17]; /* SCSI: vendor and product, revision */
	unsigned namespaces, rules;
	bool honest;
};

/*
 * Loads a persona file. 0: *ret is complete and the caller's; else -errno (-EINVAL, -EFBIG, what
 * opening said), *ret is NULL and *diag (may be NULL) says what is wrong and where.
 */
int sl_persona_load(const char *path, struct sl_persona **ret, struct sl_diag *diag);
/* The same from memory; `name` stands for the file in messages. */
int sl_persona_parse(const char *text, size_t len, const char *name, struct sl_persona **ret,
		     struct sl_diag *diag);
struct sl_persona *sl_persona_free(struct sl_persona *p);
/* What a persona's file calls a protocol of enum sl_wire_protocol. */
const char *sl_persona_protocol(uint8_t protocol);
/* Loads, tells, forgets. For listings. */
int sl_persona_summary(const char *path, struct sl_persona_summary *ret, struct sl_diag *diag);

#endif
