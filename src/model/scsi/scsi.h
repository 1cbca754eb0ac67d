/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SCSI logical unit: what a persona says of it, its state, and the parts of its engine. Private
 * to src/model. As with NVMe, what a standard lays out in bytes is kept in those bytes (INQUIRY
 * data, VPD, mode and log pages), so that a page, a rule and the engine never disagree. The blocks
 * are those of namespace 1 of the model.
 *
 * Standards: SPC-6, SBC-5, SSC-5, MMC-6, SAT-5, ACS-4; sections are of these.
 */
#ifndef SL_MODEL_SCSI_SCSI_H
#define SL_MODEL_SCSI_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/state.h"

#define SCSI_INQUIRY_MAX   256u
#define SCSI_PAGE_MAX	   64u	  /* VPD, mode, log pages: of each */
#define SCSI_BYTES_MAX	   4096u  /* of one of them */
#define SCSI_COMMAND_MAX   160u	  /* rows of the supported operation codes */
#define SCSI_CDB_MAX	   32u	  /* bytes of a usage map */
#define SCSI_BUFFER_MAX	   65536u /* WRITE BUFFER, echo buffer */
#define SCSI_KEY_MAX	   8u	  /* registered reservation keys */
#define SCSI_ATTENTION_MAX 8u
#define SCSI_DEFECT_MAX	   256u
#define SCSI_LBA_MAX	   (UINT64_C(1) << 40)
#define SCSI_NO_SA	   0xffffu

/* Kinds of device, by peripheral device type (SPC-6 table 60): bits of a row. */
enum {
	SCSI_DISK = 1,	/* 00h, 14h */
	SCSI_TAPE = 2,	/* 01h */
	SCSI_CD = 4,	/* 05h */
	SCSI_OTHER = 8, /* the rest: SPC only */
	SCSI_ALL = 15,
	SCSI_NOT_CD = SCSI_DISK | SCSI_TAPE | SCSI_OTHER,
};

/* A persona's word: sense key, ASC, ASCQ; or, below 100h, a status byte (SAM-6 §5.3.1). */
#define SL_CD_SPEED	      8467u /* kB/s: 6 x DVD */
#define SENSE(key, asc, ascq) ((uint32_t)(key) << 16 | (uint32_t)(asc) << 8 | (uint32_t)(ascq))
enum {
	SCSI_GOOD = 0x00,
	SCSI_CHECK = 0x02,
	SCSI_CONDITION_MET = 0x04,
	SCSI_CONFLICT = 0x18,
	S_NO_REPORT = SENSE(0x0, 0x00, 0x00),
	S_BLANK = SENSE(0x8, 0x00, 0x05),
	S_BECOMING_READY = SENSE(0x2, 0x04, 0x01),
	S_NOT_STARTED = SENSE(0x2, 0x04, 0x02),
	S_FORMATTING = SENSE(0x2, 0x04, 0x04),
	S_SELF_TEST = SENSE(0x2, 0x04, 0x09),
	S_SANITIZING = SENSE(0x2, 0x04, 0x1b),
	S_NO_MEDIUM = SENSE(0x2, 0x3a, 0x00),
	S_FORMAT_CORRUPT = SENSE(0x3, 0x31, 0x00),
	S_SANITIZE_FAILED = SENSE(0x3, 0x31, 0x03),
	S_READ_ERROR = SENSE(0x3, 0x11, 0x00),
	S_LIST_LENGTH = SENSE(0x5, 0x1a, 0x00),
	S_MISCOMPARE = SENSE(0xe, 0x1d, 0x00),
	S_OPCODE = SENSE(0x5, 0x20, 0x00),
	S_LBA = SENSE(0x5, 0x21, 0x00),
	S_FIELD = SENSE(0x5, 0x24, 0x00),
	S_PARAMETER = SENSE(0x5, 0x26, 0x00),
	S_VALUE = SENSE(0x5, 0x26, 0x02),
	S_SEQUENCE = SENSE(0x5, 0x2c, 0x00),
	S_SAVING = SENSE(0x5, 0x39, 0x00),
	S_PREVENTED = SENSE(0x5, 0x53, 0x02),
	S_PROTECTED = SENSE(0x7, 0x27, 0x00),
	S_POWER_ON = SENSE(0x6, 0x29, 0x00),
	S_RESET = SENSE(0x6, 0x29, 0x03),
	S_NEW_MICROCODE = SENSE(0x6, 0x3f, 0x01),
	S_CAPACITY_CHANGED = SENSE(0x6, 0x2a, 0x09),
	S_MEDIUM_CHANGED = SENSE(0x6, 0x28, 0x00),
	S_DATA_PHASE = SENSE(0xb, 0x4b, 0x00),
	S_INTERNAL = SENSE(0x4, 0x44, 0x00),
	S_NO_DEFECTS_LEFT = SENSE(0x4, 0x32, 0x00),
};

/* Bits of sense data that only a tape has, and a CHECK CONDITION of NO SENSE; not a persona's. */
#define SENSE_NONE	(UINT32_C(1) << 24)
#define SENSE_FILEMARK	(SENSE_NONE | UINT32_C(0x80) << 24 | SENSE(0x0, 0x00, 0x01))
#define SENSE_BEGINNING (SENSE_NONE | UINT32_C(0x40) << 24 | SENSE(0x0, 0x00, 0x04))
#define SENSE_ILI	(SENSE_NONE | UINT32_C(0x20) << 24)

struct sl_scsi_vpd {
	uint8_t page;
	struct sl_bytes data; /* behind the 4 bytes of header */
};

/* Whole pages, with their own header, by page control (SPC-6 table 188). */
struct sl_scsi_mode {
	uint8_t page, subpage;
	bool saveable;
	uint32_t len;
	uint8_t value[4][260]; /* current, changeable, default, saved */
};

/* Log parameters as LOG SENSE returns them, behind the page header. */
struct sl_scsi_log {
	uint8_t page, subpage;
	struct sl_bytes data, dflt;
};

/* One supported operation code: what is told, and whether it works. */
struct sl_scsi_command {
	uint8_t opcode;
	uint16_t sa;	       /* SCSI_NO_SA: has none */
	uint8_t listed, works; /* 1: yes */
	uint8_t support; /* one-command form: 1 no, 3 as the standard says, 5 in a vendor's manner
			  */
	uint8_t len, mlu, cdlp, rwcdlp;
	uint8_t usage[SCSI_CDB_MAX];
	bool has_timeouts;
	uint32_t nominal_s, recommended_s;
};

enum sl_scsi_quirk {
	SL_SCSI_RSOC_REFUSED = 1 << 0,	   /* REPORT SUPPORTED OPERATION CODES does not exist */
	SL_SCSI_RSOC_ONE_REFUSED = 1 << 1, /* only its list does */
	SL_SCSI_RESERVED_IGNORED = 1 << 2, /* reserved CDB bits are not checked */
	SL_SCSI_IMPLEMENTS_UNLISTED = 1 << 3,
	SL_SCSI_POWER_ON_ATTENTION = 1 << 4, /* also when the model starts */
};

struct sl_scsi_attribute {
	uint8_t id, value, worst, threshold;
	uint16_t flags;
	uint64_t raw;
};

struct sl_persona_ata {
	bool present;
	char model[41], serial[21], firmware[9];
	uint8_t identify[512];
	unsigned n_attributes;
	struct sl_scsi_attribute attribute[30];
	uint8_t smart[512], thresholds[512];
};

struct sl_persona_scsi {
	uint8_t kind; /* one of SCSI_* */
	uint8_t inquiry[SCSI_INQUIRY_MAX];
	uint32_t inquiry_len;
	char serial[37];
	uint8_t naa[8];
	bool has_naa;
	uint8_t physical_exponent, provisioning; /* B2h: 0 none/full, 1 resource, 2 thin */
	uint16_t rotation;			 /* B1h: 1 is no rotation */
	uint16_t lowest_aligned;
	uint8_t lbprz;
	bool unmap, write_same_unmap;
	bool present, protect; /* is there a medium; is it write protected */
	uint32_t quirks;
	unsigned n_vpd, n_modes, n_logs, n_commands;
	struct sl_scsi_vpd *vpd;
	struct sl_scsi_mode *modes;
	struct sl_scsi_log *logs;
	struct sl_scsi_command *commands;
	struct sl_persona_ata ata;
	uint32_t tape_block;
	unsigned n_records;
	struct sl_bytes *records; /* of a tape; empty ones are filemarks */
};

/* Persistent reservations, SPC-6 §5.15: nexus 0 is the host, others are other hosts' (rules). */
struct sl_scsi_registrant {
	uint64_t key;
	uint32_t nexus;
};

struct sl_scsi_pr {
	uint32_t generation;
	uint8_t type; /* 0: no reservation */
	uint8_t aptpl;
	uint8_t n;
	uint32_t holder; /* nexus; meaningless when type is 0 */
	struct sl_scsi_registrant reg[SCSI_KEY_MAX];
};

enum { SCSI_WORK_NONE, SCSI_WORK_FORMAT, SCSI_WORK_SANITIZE, SCSI_WORK_TEST };

struct sl_scsi {
	uint8_t kind;
	uint8_t inquiry[SCSI_INQUIRY_MAX];
	uint32_t inquiry_len;
	unsigned n_vpd, n_modes, n_logs, n_commands;
	struct sl_scsi_vpd *vpd;
	struct sl_scsi_mode *modes;
	struct sl_scsi_log *logs;
	struct sl_scsi_command *commands;

	uint32_t attention[SCSI_ATTENTION_MAX]; /* pending unit attentions, oldest first */
	unsigned n_attention;
	uint8_t stopped, present, prevented, protect;
	uint8_t power; /* power condition that START STOP UNIT asked for */
	uint8_t sanitize_failed, format_corrupt;
	uint32_t pending_block; /* block length that the next FORMAT UNIT makes; 0: as it is */
	struct sl_scsi_pr pr;
	uint64_t reserved_by; /* RESERVE(6): 1 this host, 2 another */

	uint8_t work; /* background work */
	uint64_t work_from_ms, work_until_ms;
	uint8_t work_fill, work_is_fill, work_fails;

	uint8_t buffer[SCSI_BUFFER_MAX], echo[4096];
	uint32_t echo_len;
	uint8_t *image; /* microcode as far as it has come, model's fw_* serve NVMe */
	uint32_t image_len, image_cap;
	uint8_t deferred; /* it waits for activation */
	uint8_t activate_on_reset;
	uint8_t next_revision[4];
	uint32_t n_defects;
	uint64_t defects[SCSI_DEFECT_MAX];
	uint64_t read_blocks, written_blocks;

	/* SATA disk behind a translation layer */
	uint8_t identify[512], smart[512], thresholds[512];
	uint8_t ata_power; /* FFh active, 80h idle, 00h standby */
	uint8_t smart_enabled, ata_frozen;
	uint32_t ata_downloads;
	uint8_t ata_log[32][512]; /* 80h … 9Fh: the host's own */
	uint8_t self_tests[512];  /* SMART log 06h */
	uint16_t sct_action, sct_function, sct_status;
	uint16_t sct_timer[4]; /* 100 ms: reading and writing; the same after power-on */
	uint16_t sct_feature[3], sct_option[3];
	uint8_t sct_data; /* what log E1h is about */
	uint8_t sct_page[512];

	struct sl_scsi_tape *tape;

	/* optical drive */
	uint8_t media_event, region, region_changes;
	uint32_t read_speed;
};

/* ---- rows.c: the commands that exist ---- */

typedef uint32_t sl_scsi_handler(struct sl_model *m, struct sl_model_req *r);

enum {
	ROW_ATTENTION = 1 << 0, /* done although a unit attention is pending */
	ROW_BUSY = 1 << 1,	/* done during format and sanitize */
	ROW_READY = 1 << 2,	/* needs a medium that is ready */
	ROW_MEDIA_READ = 1 << 3,
	ROW_MEDIA_WRITE = 1 << 4, /* write protection */
	ROW_SHARED = 1 << 5,	  /* done under another's reservation, SPC-6 table 68 */
};

struct sl_scsi_row {
	uint8_t kinds;
	uint8_t opcode;
	uint16_t sa;
	uint8_t len;
	uint8_t dir;
	uint8_t flags;
	sl_scsi_handler *run;
	uint32_t nominal_s, recommended_s;
	uint8_t usage[SCSI_CDB_MAX]; /* CDB usage map: bits that mean something */
};
extern const struct sl_scsi_row sl_scsi_rows[];
extern const size_t sl_scsi_rows_n;

/* The row of a CDB on a kind of device; NULL: no such command. */
const struct sl_scsi_row *sl_scsi_row_find(uint8_t kind, uint8_t opcode, uint16_t sa);
/* The service action of a CDB on this kind of device; SCSI_NO_SA: its opcode has none. */
uint16_t sl_scsi_sa(uint8_t kind, const uint8_t *cdb);
/* Bytes of a CDB by the group code of its opcode, SPC-6 §4.2.1; `rest` bytes are there. */
uint32_t sl_scsi_cdb_len(const uint8_t *cdb);
uint8_t sl_scsi_kind(uint8_t type);

/* ---- engine.c ---- */

/* The word for a wrong field: byte and bit of the CDB, or of the parameter list. */
uint32_t sl_scsi_bad(struct sl_model_req *r, unsigned byte, unsigned bit);
uint32_t sl_scsi_bad_parameter(struct sl_model_req *r, unsigned byte, unsigned bit);
/* Returns n bytes as far as allocation length and the host's buffer go. Always SCSI_GOOD. */
uint32_t sl_scsi_give(struct sl_model_req *r, const void *p, uint32_t n, uint32_t alloc);
/* Is the parameter list there? SCSI_GOOD, S_DATA_PHASE. It counts as transferred. */
uint32_t sl_scsi_need(struct sl_model_req *r, uint32_t n);
void sl_scsi_attention(struct sl_model *m, uint32_t word);
/* Sense data of a word, fixed or descriptor format. Returns its length; buf has 252 bytes. */
uint32_t sl_scsi_sense(const struct sl_model_req *r, uint32_t word, bool descriptor, uint8_t *buf);
/* The oldest unit attention, which is gone then; SCSI_GOOD: there is none. */
uint32_t sl_scsi_attention_take(struct sl_model *m);
const struct sl_scsi_vpd *sl_scsi_vpd(const struct sl_model *m, uint8_t page);
struct sl_scsi_command *sl_scsi_command(const struct sl_model *m, uint8_t opcode, uint16_t sa);
/* What stands in the way of an access to the medium; SCSI_GOOD: nothing. */
uint32_t sl_scsi_ready(const struct sl_model *m, struct sl_model_req *r);
static inline struct sl_model_ns *sl_scsi_blocks(const struct sl_model *m)
{
	return m->ns;
}

/* ---- device.c ---- */
int sl_scsi_load(struct sl_model *m);
void sl_scsi_unload(struct sl_model *m);
void sl_scsi_hash(const struct sl_model *m, void *h);

/* ---- mode.c, log.c ---- */
struct sl_scsi_mode *sl_scsi_mode(const struct sl_model *m, uint8_t page, uint8_t subpage);
/* A byte of a page's current value; 0: there is no such page or byte. */
uint8_t sl_scsi_mode_byte(const struct sl_model *m, uint8_t page, unsigned at);
void sl_scsi_modes_reset(struct sl_model *m);
bool sl_scsi_protected(const struct sl_model *m);
struct sl_scsi_log *sl_scsi_log(const struct sl_model *m, uint8_t page, uint8_t subpage);
/* Adds to a log parameter, where the page has it. */
void sl_scsi_log_add(struct sl_model *m, uint8_t page, uint8_t subpage, uint16_t code, uint64_t n);
void sl_scsi_count(struct sl_model *m, uint64_t blocks, bool write);

/* ---- resv.c, media.c, buffer.c, ata.c, tape.c ---- */
bool sl_scsi_permits(const struct sl_model *m, const struct sl_scsi_row *row);
void sl_scsi_pr_reset(struct sl_model *m, bool power);
void sl_scsi_work_tick(struct sl_model *m);
void sl_scsi_work_reset(struct sl_model *m, bool power);
uint16_t sl_scsi_progress(const struct sl_model *m);
void sl_scsi_buffer_reset(struct sl_model *m);
void sl_scsi_ata_load(struct sl_model *m);
void sl_scsi_ata_reset(struct sl_model *m, bool power);
/* Fills in the 572 bytes of VPD page 89h, SAT-5 §12.4.2. */
uint32_t sl_scsi_ata_vpd(const struct sl_model *m, uint8_t *ret);
int sl_scsi_tape_load(struct sl_model *m);
void sl_scsi_tape_free(struct sl_model *m);
uint32_t sl_scsi_tape_block(const struct sl_model *m);
void sl_scsi_tape_set_block(struct sl_model *m, uint32_t block);
void sl_scsi_tape_rewound(struct sl_model *m);
void sl_scsi_tape_hash(const struct sl_model *m, void *h);

/* Range number i of blocks that a CDB and its parameter list name. */
bool sl_scsi_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		   uint64_t *ret_blocks);

static inline void be_put16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void be_put32(void *p, uint32_t v)
{
	be_put16(p, (uint16_t)(v >> 16));
	be_put16((uint8_t *)p + 2, (uint16_t)v);
}

static inline void be_put64(void *p, uint64_t v)
{
	be_put32(p, (uint32_t)(v >> 32));
	be_put32((uint8_t *)p + 4, (uint32_t)v);
}

static inline uint32_t be_get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | sl_get_be16(p + 1);
}

#endif
