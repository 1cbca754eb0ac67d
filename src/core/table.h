/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table as the core reads it: one row per command and per deciding sub-selector, from
 * src/spec. Everything that varies per command is a column here; no code knows a command by name.
 *
 *   set, opcode  → op_map  → row of the command …
 *   … its selector field → sel_map → row of the sub-selector (or the command's own row, whose floor
 *   is `unknown`: an unlisted log page is not comprehended, whatever the opcode).
 */
#ifndef SL_CORE_TABLE_H
#define SL_CORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "core/command.h"
#include "core/effects.h"

/* Where a field's bytes are. */
enum sl_space {
	SL_SPACE_REQ,  /* in the raw request */
	SL_SPACE_DATA, /* in the first bytes of the outgoing data */
	SL_SPACE_DECL, /* in the raw declaration word of the contract entry */
	_SL_SPACE_N
};

/* A run of bits: `bytes` bytes at `off`, in the stated order, then (value >> shift) & mask(width).
 */
struct sl_field {
	uint8_t space; /* enum sl_space */
	uint8_t off;
	uint8_t bytes; /* 1, 2, 4 or 8; 0: there is no such field */
	uint8_t shift;
	uint8_t width; /* 1 … 64 */
	uint8_t be;    /* big-endian (SCSI) */
};

struct sl_named_field {
	const char *name; /* as the specification and the policy language write it, lower case */
	struct sl_field field;
};

/*
 * The layout of a request. `known` has a one for every bit that some field covers; a request with
 * another bit set is not comprehended. Little-endian dwords of req[]. Fields of the payload's head
 * follow those of the request.
 */
struct sl_format {
	const char *name;
	const struct sl_named_field *fields;
	uint32_t n_fields;
	uint32_t req_len;     /* bytes of req that such a request has; 0: any */
	struct sl_field lba;  /* the first block that it names (SL_RANGES_LBA…) */
	struct sl_field size; /* how much (SL_LEN_SIZE…, SL_RANGES_LBA…) */
	uint32_t known[SL_REQ_MAX / 4];
};

/*
 * A command set: where its commands come from and what all of them have in common. `asked` is the
 * set as a front end says it; the device's `type` (CSI, peripheral device type, fwctl device type)
 * makes it this one.
 */
struct sl_set_info {
	const char *name;    /* prefix of its rows' names */
	uint8_t protocol;    /* enum sl_wire_protocol */
	uint8_t queue;	     /* enum sl_wire_queue: how it is asked for on the wire */
	uint8_t asked;	     /* enum sl_set; itself where nothing is resolved */
	uint8_t type;	     /* see above; SL_TYPE_NONE */
	uint8_t lu;	     /* nsid of what all its commands are about; 0: the request says */
	uint8_t opcode_dir;  /* bits 1:0 of an opcode without a row are its direction */
	uint8_t sense;	     /* metadata is sense data: any length, only ever returned */
	struct sl_field key; /* where the payload says opcode and selector: what will be done */
};

#define SL_TYPE_NONE 0x1f /* no type, or unknown: SPC-6 §6.7.2, peripheral device type 1Fh */

/*
 * A refinement: when lo ≤ field ≤ hi (or not, if `negate`), effects and scope are added, never
 * removed. Data and not code, so that the prover reasons about the same thing that the core runs.
 */
struct sl_when {
	struct sl_field field; /* eight bytes of the request, little-endian; or of the payload */
	uint8_t negate;
	uint8_t guards; /* so many of those that follow are looked at only where this one holds */
	uint64_t lo, hi;
	sl_effects effects;
	sl_scope scope;
};

/* How many bytes the command moves: computed by us, never taken from the client. */
enum sl_len {
	SL_LEN_NONE,	  /* moves no data */
	SL_LEN_FIXED,	  /* `len_arg` bytes */
	SL_LEN_FIXED_OPT, /* `len_arg` bytes, but none when SEL (CDW10[10:8]) is 3: Get Features */
	SL_LEN_NUMD_LOG,  /* Get Log Page: (NUMDU:NUMDL + 1) dwords */
	SL_LEN_NUMD10,	  /* (CDW10 + 1) dwords: Firmware Download, Reservation Report */
	SL_LEN_NUMD11,	  /* (CDW11 + 1) dwords: I/O Management Receive */
	SL_LEN_NUMD12,	  /* (CDW12 + 1) dwords: Zone Management Receive, Get LBA Status */
	SL_LEN_DIRECTIVE, /* as NUMD10, but none when DOPER (CDW11[7:0]) is `len_arg`: Directive
			     Receive */
	SL_LEN_HOST_ID,	  /* 16 bytes when EXHID (CDW11[0]) is set, else 8: Host Identifier */
	SL_LEN_BYTES11,	  /* CDW11 bytes: Security Send/Receive allocation length */
	SL_LEN_NLB,	  /* (CDW12[15:0] + 1) logical blocks, with metadata */
	SL_LEN_RANGES,	  /* (CDW10[7:0] + 1) × 16: Dataset Management */
	SL_LEN_COPY,  /* (CDW12[7:0] + 1) × `len_arg`: Copy, the descriptor's size by its format */
	SL_LEN_RUH,   /* (CDW10[31:16] + 1) × 2: placement identifiers */
	SL_LEN_SIZE,  /* the format's size field, in bytes: a parameter list's length */
	SL_LEN_ALLOC, /* likewise, and the buffer may be longer: an allocation length */
	SL_LEN_BLOCKS,	/* the size field, in blocks; 0 stands for `len_arg` */
	SL_LEN_BLOCKS2, /* twice as many: COMPARE AND WRITE */
	SL_LEN_BYTCHK, /* blocks by BYTCHK, bits 2:1 of byte `len_arg`: none, all, -, one: VERIFY */
	SL_LEN_NDOB,   /* one block, none when bit 0 of byte `len_arg` (NDOB) is set: WRITE SAME */
	SL_LEN_ATA,    /* by T_LENGTH: `len_arg` is enum sl_ata_layout */
	SL_LEN_MBOX,   /* input payload of `len_arg` bytes; any output buffer */
	SL_LEN_MBOX_MIN, /* input payload of at least `len_arg` bytes */
	SL_LEN_UNKNOWN,	 /* not computable: the device gets its maximum */
	_SL_LEN_N
};

/* Those of whose data a sample is digested: blocks as they are. */
#define SL_LENS_OF_BLOCKS (1u << SL_LEN_NLB | 1u << SL_LEN_BLOCKS | 1u << SL_LEN_NDOB)

/*
 * Where the length is in the request: (value + bias) × unit bytes. `alone`: it hangs on nothing
 * else. No field: the format's size field.
 */
struct sl_length {
	struct sl_field field;
	uint32_t unit, bias;
	bool alone;
};

extern const struct sl_length sl_lengths[_SL_LEN_N];

/*
 * Where ATA PASS-THROUGH keeps what its length depends on, SAT-5 §12.2: from the lowest byte on the
 * offset of T_LENGTH, of FEATURES and of COUNT (their low bytes); whether these can be two bytes
 * wide.
 */
enum sl_ata_layout { SL_ATA_12 = 0x00040302, SL_ATA_16 = 0x01060402, SL_ATA_32 = 0x0117150b };

/* Which blocks the command names: walked by core/ranges.h. */
enum sl_ranges_kind {
	SL_RANGES_NONE,
	SL_RANGES_SLBA_NLB,    /* CDW10/11 SLBA, CDW12[15:0] NLB (0-based) */
	SL_RANGES_ZONE,	       /* one zone from SLBA, or all when Select All is set */
	SL_RANGES_ZONE_APPEND, /* somewhere in the one zone that CDW10/11 names */
	SL_RANGES_NS,	       /* the whole namespace, or all of them (Format, Sanitize) */
	SL_RANGES_LBA,	       /* the format's lba and size fields, as SL_LEN_BLOCKS counts */
	SL_RANGES_LBA_END,     /* likewise, but size 0 stands for all that follow */
	SL_RANGES_LBA_ON,      /* all blocks from the lba field on */
	SL_RANGES_UNTOLD,      /* blocks, here or elsewhere, that the request does not say to us */
	/* From here on descriptors of the payload say it. */
	SL_RANGES_DSM,	 /* 16-byte range definitions */
	SL_RANGES_COPY,	 /* sl_copy_sources; and the destination SDLBA */
	SL_RANGES_LIST,	 /* SCSI's lists of blocks: sl_block_lists by `len_arg` */
	SL_RANGES_XCOPY, /* EXTENDED COPY: sl_copy_lists by `len_arg` */
	_SL_RANGES_N
};

/* A source of NVMe's Copy: its bytes, whether it names a namespace, and what is reserved in it. */
struct sl_copy_source {
	uint8_t size;
	uint8_t snsid;
	uint8_t reserved[40];
};

/* A list of ranges: all bytes but two at 0, those of the descriptors at `size`, `zeros` at `zero`.
 */
struct sl_block_list {
	uint16_t head, size, zero, zeros;
};

/* A parameter list of EXTENDED COPY: `format` is its first byte, if not 0; bytes of each part. */
struct sl_copy_list {
	uint8_t head, format;
	struct sl_field targets, segments, inlined;
};

extern const struct sl_copy_source sl_copy_sources[];
extern const uint32_t sl_copy_source_count;
extern const struct sl_block_list sl_block_lists[];
extern const struct sl_copy_list sl_copy_lists[];
extern const uint8_t
	sl_copy_segments[256]; /* bytes of each type behind the first four; 0: unknown */

enum sl_row_flag {
	SL_ROW_KERNEL = 1 << 0,	   /* state that the kernel's driver owns: denied to everybody */
	SL_ROW_CONTRACT = 1 << 1,  /* the broker itself may send it, to read contracts */
	SL_ROW_UNLISTED = 1 << 2,  /* in no table: not comprehended */
	SL_ROW_VENDOR = 1 << 3,	   /* meaning is the vendor's: comprehended only if declared */
	SL_ROW_NO_DEPTH = 1 << 4,  /* fields not described: a floor, but never comprehended */
	SL_ROW_NSID_NONE = 1 << 5, /* NSID is not used and shall be zero */
	SL_ROW_NSID_ALL = 1 << 6,  /* NSID FFFFFFFFh addresses all namespaces: scope widens */
	SL_ROW_WIDE = 1 << 7,	   /* NSID 0 or FFFFFFFFh is the ordinary controller-wide form */
	SL_ROW_CSI_LOG = 1 << 8,   /* answer to be rewritten: effects log (05h) */
	SL_ROW_FID_LOG = 1 << 9,   /* answer to be rewritten: feature effects log (12h) */
	SL_ROW_LID_LOG = 1 << 10,  /* answer to be rewritten: supported log pages (00h) */
	SL_ROW_CTRL_ID = 1 << 11,  /* answer to be rewritten: Identify Controller */
	SL_ROW_REREAD = 1 << 12,   /* afterwards the broker reads namespaces and contract again */
	SL_ROW_SELECTOR = 1 << 13, /* logs list (opcode, selector), never the opcode alone */
	SL_ROW_FEATURE = 1 << 14,  /* the payload's first 16 bytes name a feature of the contract */
	SL_ROW_RSOC = 1 << 15,	   /* answer to be rewritten: supported operation codes */
	SL_ROW_CEL = 1 << 16,	   /* answer to be rewritten: a CXL log */
	SL_ROW_CARRIER = 3 << 17,  /* another command inside, which is judged too: its number */
	SL_ROW_PAGES = 1 << 19,	   /* a list of mode pages, behind a head of `len_arg` bytes */
	/* bits 31:24: of a selector of two bytes, by the second of which rows are found, the first
	 */
};

struct sl_row {
	const char *name;  /* "nvme.admin.get-log-page.smart": set, command, sub-selector */
	const char *spec;  /* document and section */
	uint8_t set;	   /* enum sl_set in which it is listed (NVM rows serve ZNS too) */
	uint8_t dir;	   /* enum sl_dir */
	uint8_t format;	   /* index into sl_formats */
	uint8_t len;	   /* enum sl_len */
	uint8_t ranges;	   /* enum sl_ranges_kind */
	uint8_t excl;	   /* enum sl_exclusivity: floor */
	uint8_t when;	   /* index into sl_whens: list of refinements */
	uint8_t sel_group; /* on a command with sub-selectors: index into sel_map; else 0 */
	uint8_t decl; /* opcode under which a log lists the selector's values (FID, LID); 0: none */
	uint8_t decl_source;   /* that log, an enum sl_source; what it leaves out does not exist */
	uint16_t op_lo, op_hi; /* opcodes */
	uint16_t sel_lo, sel_hi; /* selector values of a sub-selector row; 0,ffff: any */
	uint16_t parent;	 /* the command's own row; itself for a command */
	uint16_t timeout_s;	 /* seconds that the command may take */
	uint32_t flags;		 /* enum sl_row_flag */
	uint32_t len_arg;
	sl_effects floor; /* what a standard command does at least */
	sl_scope scope;
};

/*
 * Where a command that carries another one keeps it. Byte i of the request inside is byte at[i] of
 * the payload, if there is a head, or of the outer request; 0 where at[i] is 0, and its like where
 * it is SL_AS_OUTER.
 */
struct sl_carrier {
	uint16_t row;	/* of the outer command */
	uint8_t set;	/* enum sl_set of what is inside, as asked for */
	uint8_t opcode; /* its first byte, if not 0 */
	uint8_t req_len;
	uint8_t head; /* a mailbox command of another component: bytes of payload before its own,
			 both ways; 0: a command of this device, with the same data */
	struct sl_field size; /* with a head: bytes from its own end to that of the payload */
	uint8_t at[SL_REQ_MAX];
};

#define SL_AS_OUTER 0xff

extern const struct sl_carrier sl_carriers[]; /* from 1 on */
extern const uint32_t sl_carrier_count;
#define SL_ROW_CARRIER_OF(r) ((r)->flags / (1u << 17) & 3)
#define SL_ROW_SEL_HIGH(r)   ((uint16_t)((r)->flags >> 24 << 8))

struct sl_when_list {
	const struct sl_when *when;
	uint32_t n;
};

extern const struct sl_row sl_rows[];
extern const uint32_t sl_row_count;
extern const struct sl_format sl_formats[];
extern const uint32_t sl_format_count;
extern const struct sl_when_list sl_whens[];

extern const struct sl_set_info sl_sets[_SL_SET_N];

/* The set that a device's type makes of the one asked for; that one itself: no table for it. */
uint8_t sl_set_of_type(uint8_t asked, uint8_t type);
/* The set that a client asks for by an enum sl_wire_queue; SL_SET_NONE: none such. */
uint8_t sl_set_of_queue(uint8_t queue);

/* The row of a request: total, never fails (an unlisted opcode has a row too, flagged). */
uint16_t sl_row_find(uint8_t set, const uint8_t req[SL_REQ_MAX]);
/* The row of an opcode and selector value, for tools and tests. */
uint16_t sl_row_find_key(uint8_t set, uint8_t opcode, uint16_t sel);

/* A little-endian field in eight bytes of the request, in one load. */
static inline uint64_t sl_field_bits(const struct sl_field *f, const uint8_t *req)
{
	return sl_get_le64(req + f->off) >> f->shift & UINT64_MAX >> (64 - f->width);
}

/* Value of a REQ or DATA field; the caller has checked that the bytes are there. */
uint64_t sl_field_get(const struct sl_field *f, const uint8_t *bytes);
void sl_field_set(const struct sl_field *f, uint8_t *bytes, uint64_t value);

#endif
