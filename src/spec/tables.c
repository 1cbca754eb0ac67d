/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command tables of the .def files as constant arrays: data and nothing that runs. Two rows for
 * one key, or two fields for one bit, do not compile.
 */
#include <stddef.h>

#include "core/contract.h"
#include "core/map.h"
#include "core/table.h"
#include "spec/cxl_format.def"
#include "spec/nvme_format.def"
#include "spec/scsi_format.def"
#include "wire/wire.h"

#pragma GCC diagnostic error "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic error "-Winitializer-overrides"
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The words that the columns of the tables use. */
enum {
#define EFFECT(id, name, text) id = SL_E_##id,
#define SCOPE(id, name, text)  id = SL_S_##id,
#include "spec/effects.def"
	NONE = 0,
	KERNEL = SL_ROW_KERNEL,
	CONTRACT = SL_ROW_CONTRACT,
	UNLISTED = SL_ROW_UNLISTED,
	VENDOR = SL_ROW_VENDOR,
	NO_DEPTH = SL_ROW_NO_DEPTH,
	NSID_NONE = SL_ROW_NSID_NONE,
	NSID_ALL = SL_ROW_NSID_ALL,
	WIDE = SL_ROW_WIDE,
	CSI_LOG = SL_ROW_CSI_LOG,
	FID_LOG = SL_ROW_FID_LOG,
	LID_LOG = SL_ROW_LID_LOG,
	CTRL_ID = SL_ROW_CTRL_ID,
	REREAD = SL_ROW_REREAD,
	SELECTOR = SL_ROW_SELECTOR,
	FEATURE = SL_ROW_FEATURE,
	RSOC = SL_ROW_RSOC,
	CEL = SL_ROW_CEL,
	PAGES = SL_ROW_PAGES,
#define SEL_HIGH(byte) ((byte) << 24)
};

enum {
	K_NONE,
#define CARRIER(id, ...) K_##id,
#include "spec/carriers.def"
#undef CARRIER
#define CARRIES(id) (K_##id * (1 << 17))
};

/* --- Formats ------------------------------------------------------------------------------- */

/* Bits lsb … lsb+w-1 of a dword; what runs over goes to the next one. */
#define BITS(lsb, w)	   ((w) >= 32 ? UINT32_MAX << (lsb) : ((UINT32_C(1) << ((w)&31)) - 1) << (lsb))
#define LOW(d, dw, lsb, w) ((dw) == (d) ? BITS(lsb, w) & UINT32_MAX : 0u)
#define HIGH(d, dw, lsb, w)                                                                        \
	((dw) + 1 == (d) && (lsb) + (w) > 32 ? BITS(0, ((lsb) + (w)) & 31 ? (lsb) + (w)-32 : 32)   \
					     : 0u)
#define MASK(d, name, dw, lsb, w) | LOW(d, dw, lsb, w) | HIGH(d, dw, lsb, w)
#define SUM(d, name, dw, lsb, w)  +(uint64_t)LOW(d, dw, lsb, w) + (uint64_t)HIGH(d, dw, lsb, w)

#define FIELD_AT(dw, lsb, w)                                                                       \
	{                                                                                          \
		.space = SL_SPACE_REQ, .off = (dw)*4, .bytes = (lsb) + (w) > 32 ? 8 : 4,           \
		.shift = (lsb), .width = (w)                                                       \
	}
#define FIELD(a, name, dw, lsb, w) {name, FIELD_AT(dw, lsb, w)},

/* A sum equals an OR exactly when no bit is in it twice: no two fields of a format overlap. */
#define DISJOINT(id, d) ((0 FMT_##id(SUM, d)) == (0u FMT_##id(MASK, d)))
#define X(id)                                                                                      \
	static const struct sl_named_field fields_##id[] = {FMT_##id(FIELD, 0)};                   \
	_Static_assert(DISJOINT(id, 0) && DISJOINT(id, 1) && DISJOINT(id, 2) && DISJOINT(id, 3) && \
			       DISJOINT(id, 10) && DISJOINT(id, 11) && DISJOINT(id, 12) &&         \
			       DISJOINT(id, 13) && DISJOINT(id, 14) && DISJOINT(id, 15),           \
		       "fields overlap: " #id);
NVME_FORMATS(X)
#undef X

/* SCSI: numbers of `n` bytes, big-endian, from byte `at` on; the part of one in byte i, in dword d.
 */
#define BYTE(i, at, n, sh, w)                                                                      \
	((i) >= (at) && (i) < (at) + (n) ? (uint32_t)((UINT64_MAX >> (64 - (w)) << (sh)) >>        \
							      (8 * ((at) + (n)-1 - (i)) & 63) &    \
						      0xff)                                        \
					 : 0u)
#define CDB_BITS(d, at, n, sh, w)                                                                  \
	(BYTE(4 * (d), at, n, sh, w) | BYTE(4 * (d) + 1, at, n, sh, w) << 8 |                      \
	 BYTE(4 * (d) + 2, at, n, sh, w) << 16 | BYTE(4 * (d) + 3, at, n, sh, w) << 24)
#define CDB_MASK(d, name, at, n, sh, w) | CDB_BITS(d, at, n, sh, w)
#define CDB_SUM(d, name, at, n, sh, w)	+(uint64_t)CDB_BITS(d, at, n, sh, w)
#define AT_BYTES(sp, at, n, sh, w, big)                                                            \
	{                                                                                          \
		.space = SL_SPACE_##sp, .off = (at), .bytes = (n), .shift = (sh), .width = (w),    \
		.be = (big)                                                                        \
	}
#define CDB_FIELD(a, name, at, n, sh, w)     {name, AT_BYTES(REQ, at, n, sh, w, 1)},
#define PARAM_FIELD(a, name, at, n, sh, w)   {name, AT_BYTES(DATA, at, n, sh, w, 1)},
#define PARAM_FIELD_LE			     PAYLOAD_FIELD
#define PAYLOAD_FIELD(a, name, at, n, sh, w) {name, AT_BYTES(DATA, at, n, sh, w, 0)},
#define NO_FIELD(...)
#define NO_FIELD_LE(...)
#define NOWHERE                                                                                    \
	{                                                                                          \
		0                                                                                  \
	}

#define CDB_DISJOINT(id, d)                                                                        \
	((0 FMT_##id(CDB_SUM, NO_FIELD, d)) == (0u FMT_##id(CDB_MASK, NO_FIELD, d)))
#define X(id, len, lba, size)                                                                      \
	static const struct sl_named_field fields_##id[] = {FMT_##id(CDB_FIELD, PARAM_FIELD, 0)};  \
	_Static_assert(CDB_DISJOINT(id, 0) && CDB_DISJOINT(id, 1) && CDB_DISJOINT(id, 2) &&        \
			       CDB_DISJOINT(id, 3) && CDB_DISJOINT(id, 4) &&                       \
			       CDB_DISJOINT(id, 5) && CDB_DISJOINT(id, 6) && CDB_DISJOINT(id, 7),  \
		       "fields overlap: " #id);
SCSI_FORMATS(X)
#undef X
#define X(id, lba, size)                                                                           \
	static const struct sl_named_field fields_##id[] = {FMT_##id(FIELD, PAYLOAD_FIELD, 0)};    \
	_Static_assert((0 FMT_##id(SUM, NO_FIELD, 0)) == (0u FMT_##id(MASK, NO_FIELD, 0)),         \
		       "fields overlap: " #id);
CXL_FORMATS(X)
#undef X

enum {
#define X(id, ...) F_##id,
	NVME_FORMATS(X) SCSI_FORMATS(X) CXL_FORMATS(X)
#undef X
};

#define KNOWN(id, d) [d] = 0u FMT_##id(MASK, d)
#define X(id)                                                                                      \
	[F_##id] = {.name = "nvme-" #id,                                                           \
		    .fields = fields_##id,                                                         \
		    .n_fields = COUNT(fields_##id),                                                \
		    .req_len = SL_REQ_MAX,                                                         \
		    .known = {KNOWN(id, 0), KNOWN(id, 1), KNOWN(id, 2), KNOWN(id, 3),              \
			      KNOWN(id, 10), KNOWN(id, 11), KNOWN(id, 12), KNOWN(id, 13),          \
			      KNOWN(id, 14), KNOWN(id, 15)}},
const struct sl_format sl_formats[] = {NVME_FORMATS(X)
#undef X
#undef KNOWN
#define AT(at, n, sh, w) AT_BYTES(REQ, at, n, sh, w, 1)
#define KNOWN(id, d)	 [d] = 0u FMT_##id(CDB_MASK, NO_FIELD, d)
#define X(id, len, first, many)                                                                    \
	[F_##id] = {.name = "scsi-" #id,                                                           \
		    .fields = fields_##id,                                                         \
		    .n_fields = COUNT(fields_##id),                                                \
		    .req_len = (len),                                                              \
		    .lba = first,                                                                  \
		    .size = many,                                                                  \
		    .known = {KNOWN(id, 0), KNOWN(id, 1), KNOWN(id, 2), KNOWN(id, 3),              \
			      KNOWN(id, 4), KNOWN(id, 5), KNOWN(id, 6), KNOWN(id, 7)}},
					       SCSI_FORMATS(X)
#undef X
#undef KNOWN
#undef AT
#define AT(at, n, sh, w) AT_BYTES(DATA, at, n, sh, w, 0)
#define KNOWN(id, d)	 [d] = 0u FMT_##id(MASK, NO_FIELD, d)
#define X(id, first, many)                                                                         \
	[F_##id] = {.name = "cxl-" #id,                                                            \
		    .fields = fields_##id,                                                         \
		    .n_fields = COUNT(fields_##id),                                                \
		    .req_len = SL_MBOX_REQ_LEN,                                                    \
		    .lba = first,                                                                  \
		    .size = many,                                                                  \
		    .known = {KNOWN(id, 0), KNOWN(id, 1), KNOWN(id, 2), KNOWN(id, 3)}},
						       CXL_FORMATS(X)
#undef X
#undef KNOWN
#undef AT
};
const uint32_t sl_format_count = COUNT(sl_formats);

/* --- Refinements --------------------------------------------------------------------------- */

/* All eight bytes wide, so that the core takes each with one load; CDW15 is the upper half of its
 * eight. */
#define WHEN_AT(dw, lsb, w)                                                                        \
	{                                                                                          \
		.space = SL_SPACE_REQ, .off = (dw) == 15 ? 56 : (dw)*4, .bytes = 8,                \
		.shift = (dw) == 15 ? (lsb) + 32 : (lsb), .width = (w)                             \
	}
#define W(dw, lsb, w, from, to, e, s)                                                              \
	{                                                                                          \
		.field = WHEN_AT(dw, lsb, w), .lo = (from), .hi = (to), .effects = (e),            \
		.scope = (s)                                                                       \
	}
#define WN(dw, lsb, w, from, to, e, s)                                                             \
	{                                                                                          \
		.field = WHEN_AT(dw, lsb, w), .negate = 1, .lo = (from), .hi = (to),               \
		.effects = (e), .scope = (s)                                                       \
	}
/* A byte of the CDB, in eight that lie within the request. */
#define IN_EIGHT(at) ((at) < SL_REQ_MAX - 8 ? (at) : SL_REQ_MAX - 8)
#define CDB_WHEN(at, lsb, w)                                                                       \
	{                                                                                          \
		.space = SL_SPACE_REQ, .off = IN_EIGHT(at), .bytes = 8,                            \
		.shift = 8 * ((at)-IN_EIGHT(at)) + (lsb), .width = (w)                             \
	}
#define ADDS(not, at, from, to, e, s)                                                              \
	{                                                                                          \
		.field = at, .negate = (not ), .lo = (from), .hi = (to), .effects = (e),           \
		.scope = (s)                                                                       \
	}
#define B(at, lsb, w, ...)    ADDS(0, CDB_WHEN(at, lsb, w), __VA_ARGS__)
#define BN(at, lsb, w, ...)   ADDS(1, CDB_WHEN(at, lsb, w), __VA_ARGS__)
#define P(at, n, sh, w, ...)  ADDS(0, AT_BYTES(DATA, at, n, sh, w, 1), __VA_ARGS__)
#define PN(at, n, sh, w, ...) ADDS(1, AT_BYTES(DATA, at, n, sh, w, 1), __VA_ARGS__)
#define L(at, n, sh, w, ...)  ADDS(0, AT_BYTES(DATA, at, n, sh, w, 0), __VA_ARGS__)
#define LN(at, n, sh, w, ...) ADDS(1, AT_BYTES(DATA, at, n, sh, w, 0), __VA_ARGS__)
/* Adds nothing itself: those that follow in the list of arguments hold where it does. */
#define N_WHENS(...) (sizeof((struct sl_when[]){__VA_ARGS__}) / sizeof(struct sl_when))
#define GUARD(at, from, to, ...)                                                                   \
	{.field = at, .lo = (from), .hi = (to), .guards = N_WHENS(__VA_ARGS__)}, __VA_ARGS__
#define B_ONLY(at, lsb, w, from, to, ...) GUARD(CDB_WHEN(at, lsb, w), from, to, __VA_ARGS__)
#define L_ONLY(at, n, sh, w, from, to, ...)                                                        \
	GUARD(AT_BYTES(DATA, at, n, sh, w, 0), from, to, __VA_ARGS__)
#define WHEN(id, ...) static const struct sl_when when_##id[] = {__VA_ARGS__};
#include "spec/when.def"
#undef WHEN

enum {
	W_NONE,
	W_S_NONE = W_NONE,
#define WHEN(id, ...) W_##id,
#include "spec/when.def"
#undef WHEN
};

const struct sl_when_list sl_whens[] = {
	[W_NONE] = {0, 0},
#define WHEN(id, ...) [W_##id] = {when_##id, COUNT(when_##id)},
#include "spec/when.def"
#undef WHEN
};

/* --- Rows ---------------------------------------------------------------------------------- */

/*
 * The command sets: name, protocol, queue, the set that is asked for, the device's type that makes
 * it this one, the namespace that all is about, direction in the opcode, sense data, where the
 * payload has opcode and selector.
 */
#define SETS(S)                                                                                    \
	S(NONE, "none", NVME, NVME_ADMIN, NONE, SL_TYPE_NONE, 0, 1, 0, NOWHERE)                    \
	S(NVME_ADMIN, "nvme.admin", NVME, NVME_ADMIN, NVME_ADMIN, SL_TYPE_NONE, 0, 1, 0, NOWHERE)  \
	S(NVME_IO, "nvme.io", NVME, NVME_IO, NVME_IO, SL_TYPE_NONE, 0, 1, 0, NOWHERE)              \
	S(NVME_NVM, "nvme.nvm", NVME, NVME_IO, NVME_IO, 0, 0, 1, 0, NOWHERE)                       \
	S(NVME_KV, "nvme.kv", NVME, NVME_IO, NVME_IO, 1, 0, 1, 0, NOWHERE)                         \
	S(NVME_ZNS, "nvme.zns", NVME, NVME_IO, NVME_IO, 2, 0, 1, 0, NOWHERE)                       \
	S(SCSI, "scsi.spc", SCSI, SCSI_CDB, SCSI, SL_TYPE_NONE, 1, 0, 1, NOWHERE)                  \
	S(SCSI_SBC, "scsi.sbc", SCSI, SCSI_CDB, SCSI, 0x00, 1, 0, 1, NOWHERE)                      \
	S(SCSI_SSC, "scsi.ssc", SCSI, SCSI_CDB, SCSI, 0x01, 1, 0, 1, NOWHERE)                      \
	S(SCSI_MMC, "scsi.mmc", SCSI, SCSI_CDB, SCSI, 0x05, 1, 0, 1, NOWHERE)                      \
	S(SCSI_SMC, "scsi.smc", SCSI, SCSI_CDB, SCSI, 0x08, 1, 0, 1, NOWHERE)                      \
	S(SCSI_SES, "scsi.ses", SCSI, SCSI_CDB, SCSI, 0x0d, 1, 0, 1, NOWHERE)                      \
	S(CXL, "cxl", CXL, CXL_MAILBOX, CXL, SL_TYPE_NONE, 1, 0, 0, NOWHERE)                       \
	S(FWCTL, "fwctl", FWCTL, FWCTL_RPC, FWCTL, SL_TYPE_NONE, 1, 0, 0, NOWHERE)                 \
	S(FWCTL_MLX5, "fwctl.mlx5", FWCTL, FWCTL_RPC, FWCTL, 1, 1, 0, 0,                           \
	  AT_BYTES(DATA, 0, 2, 0, 16, 1))                                                          \
	S(FWCTL_CXL, "fwctl.cxl", FWCTL, FWCTL_RPC, FWCTL, 2, 1, 0, 0, NOWHERE)                    \
	S(FWCTL_BNXT, "fwctl.bnxt", FWCTL, FWCTL_RPC, FWCTL, 3, 1, 0, 0,                           \
	  AT_BYTES(DATA, 0, 2, 0, 16, 0))                                                          \
	S(FWCTL_PDS, "fwctl.pds", FWCTL, FWCTL_RPC, FWCTL, 4, 1, 0, 0, NOWHERE)

const struct sl_set_info sl_sets[_SL_SET_N] = {
#define S(id, nm, pr, qu, as, ty, unit, od, se, in)                                                \
	[SL_SET_##id] = {.name = nm,                                                               \
			 .protocol = SL_WIRE_##pr,                                                 \
			 .queue = SL_WIRE_##qu,                                                    \
			 .asked = SL_SET_##as,                                                     \
			 .type = (ty),                                                             \
			 .lu = (unit),                                                             \
			 .opcode_dir = (od),                                                       \
			 .sense = (se),                                                            \
			 .key = in},
	SETS(S)
#undef S
};

const uint8_t sl_set_by_type[_SL_SET_N][SL_TYPE_NONE + 1] = {
#define S(id, nm, pr, qu, as, ty, ...) [SL_SET_##as][ty] = SL_SET_##id,
	SETS(S)
#undef S
		/* Disks of the host-managed zoned kind have the commands of the others. */
		[SL_SET_SCSI][0x14] = SL_SET_SCSI_SBC,
};

/* Row numbers: one unlisted row a set, numbered as the set, then the commands. */
enum {
	R_UNLISTED_LAST = _SL_SET_N - 1,
#define CMD(id, ...)	    R_##id,
#define GROUP(id, ...)	    R_##id,
#define SUB(group, id, ...) R_##id,
#include "spec/commands.def"
#undef CMD
#undef GROUP
#undef SUB
	_R_N
};

enum {
	G_NONE,
#define CMD(...)
#define GROUP(id, ...) G_##id,
#define SUB(...)
#include "spec/commands.def"
#undef GROUP
	_G_N
};

/* What a sub-selector takes over from its command. */
enum {
#define GROUP(id, op, name, fmt, dir, dw, lsb, w, decl, log, ...)                                  \
	OP_##id = (op), DIR_##id = SL_DIR_##dir, DECL_##id = (decl), LOG_OF_##id = SL_SOURCE_##log,
#include "spec/commands.def"
#undef GROUP
};

const struct sl_selector sl_selectors[] = {
	[G_NONE] = {0},
#define GROUP(id, op, name, fmt, dir, dw, lsb, w, ...)                                             \
	[G_##id] = {.off = (dw)*4 + (lsb) / 8,                                                     \
		    .shift = (lsb) % 8,                                                            \
		    .mask = (1 << (w)) - 1,                                                        \
		    .width = (w)},
#include "spec/commands.def"
#undef GROUP
#undef CMD
#undef SUB
};

#define CMD(id, lo, hi, nm, fmt, d, ln, arg, fl, sc, ex, sec, wh, rg, fg, sp)                      \
	[R_##id] = {.name = nm,                                                                    \
		    .spec = SPEC_OF_FILE sp,                                                       \
		    .set = SET_OF_FILE,                                                            \
		    .dir = SL_DIR_##d,                                                             \
		    .format = F_##fmt,                                                             \
		    .len = SL_LEN_##ln,                                                            \
		    .ranges = SL_RANGES_##rg,                                                      \
		    .excl = SL_EXCL_##ex,                                                          \
		    .when = W_##wh,                                                                \
		    .op_lo = (lo),                                                                 \
		    .op_hi = (hi),                                                                 \
		    .sel_hi = 0xffff,                                                              \
		    .parent = R_##id,                                                              \
		    .timeout_s = (sec),                                                            \
		    .flags = (fg),                                                                 \
		    .len_arg = (arg),                                                              \
		    .floor = (fl),                                                                 \
		    .scope = (sc)},
#define GROUP(id, op, nm, fmt, d, dw, lsb, w, dc, log, sec, fg, sp)                                \
	[R_##id] = {.name = nm,                                                                    \
		    .spec = SPEC_OF_FILE sp,                                                       \
		    .set = SET_OF_FILE,                                                            \
		    .dir = SL_DIR_##d,                                                             \
		    .format = F_##fmt,                                                             \
		    .len = SL_LEN_UNKNOWN,                                                         \
		    .excl = SL_EXCL_DEVICE,                                                        \
		    .sel_group = G_##id,                                                           \
		    .op_lo = (op),                                                                 \
		    .op_hi = (op),                                                                 \
		    .sel_hi = 0xffff,                                                              \
		    .parent = R_##id,                                                              \
		    .timeout_s = (sec),                                                            \
		    .flags = SL_ROW_UNLISTED | (fg),                                               \
		    .floor = SL_E_UNKNOWN,                                                         \
		    .scope = SL_S_ALL},
#define SUB(group, id, lo, hi, nm, fmt, ln, arg, fl, sc, ex, sec, wh, rg, fg, sp)                  \
	[R_##id] = {.name = nm,                                                                    \
		    .spec = SPEC_OF_FILE sp,                                                       \
		    .set = SET_OF_FILE,                                                            \
		    .dir = DIR_##group,                                                            \
		    .format = F_##fmt,                                                             \
		    .len = SL_LEN_##ln,                                                            \
		    .ranges = SL_RANGES_##rg,                                                      \
		    .excl = SL_EXCL_##ex,                                                          \
		    .when = W_##wh,                                                                \
		    .op_lo = OP_##group,                                                           \
		    .op_hi = OP_##group,                                                           \
		    .sel_lo = (lo),                                                                \
		    .sel_hi = (hi),                                                                \
		    .parent = R_##group,                                                           \
		    .decl = DECL_##group,                                                          \
		    .decl_source = LOG_OF_##group,                                                 \
		    .timeout_s = (sec),                                                            \
		    .flags = (fg),                                                                 \
		    .len_arg = (arg),                                                              \
		    .floor = (fl),                                                                 \
		    .scope = (sc)},

const struct sl_row sl_rows[] = {
#define S(id, nm, ...)                                                                             \
	[SL_SET_##id] = {.name = nm ".unlisted",                                                   \
			 .spec = "in no table",                                                    \
			 .set = SL_SET_##id,                                                       \
			 .dir = SL_DIR_BOTH,                                                       \
			 .format = F_OPAQUE,                                                       \
			 .len = SL_LEN_UNKNOWN,                                                    \
			 .excl = SL_EXCL_DEVICE,                                                   \
			 .op_hi = 0xff,                                                            \
			 .sel_hi = 0xffff,                                                         \
			 .parent = SL_SET_##id,                                                    \
			 .timeout_s = 60,                                                          \
			 .flags = SL_ROW_UNLISTED,                                                 \
			 .floor = SL_E_UNKNOWN,                                                    \
			 .scope = SL_S_ALL},
	SETS(S)
#undef S
#include "spec/commands.def"
#undef CMD
#undef GROUP
#undef SUB
};
const uint32_t sl_row_count = COUNT(sl_rows);
_Static_assert(COUNT(sl_rows) == _R_N, "one row for each number");

/* --- Payloads of blocks --------------------------------------------------------------------- */

#include "spec/lists.def"

/* --- Commands inside commands --------------------------------------------------------------- */

const struct sl_carrier sl_carriers[] = {
#define CARRIER(id, ...) [K_##id] = {.row = R_##id, __VA_ARGS__},
#include "spec/carriers.def"
#undef CARRIER
};
const uint32_t sl_carrier_count = COUNT(sl_carriers);
_Static_assert(COUNT(sl_carriers) <= 4, "a number of two bits in the flags");

/* --- Look-up ------------------------------------------------------------------------------- */

/* Opcode to row; 0: in no table. The pragma above makes a second row for an opcode an error. */
const uint16_t sl_op_map[_SL_SET_N][256] = {
#define CMD(id, lo, hi, ...) [(lo)...(hi)] = R_##id,
#define GROUP(id, op, ...)   [(op)] = R_##id,
#define SUB(...)
	[SL_SET_NVME_ADMIN] =
		{
#include "spec/nvme_admin.def"
		},
	[SL_SET_NVME_NVM] =
		{
#include "spec/nvme_nvm.def"
		},
	[SL_SET_NVME_ZNS] =
		{
#include "spec/nvme_nvm.def"
#include "spec/nvme_zns.def"
		},
	[SL_SET_NVME_KV] =
		{
#include "spec/nvme_kv.def"
		},
	[SL_SET_SCSI] =
		{
#include "spec/scsi_spc.def"
		},
	[SL_SET_SCSI_SBC] =
		{
#include "spec/scsi_maint.def"
#include "spec/scsi_sbc.def"
#include "spec/scsi_spc.def"
		},
	[SL_SET_SCSI_SSC] =
		{
#include "spec/scsi_maint.def"
#include "spec/scsi_spc.def"
#include "spec/scsi_ssc.def"
		},
	[SL_SET_SCSI_MMC] =
		{
#include "spec/scsi_mmc.def"
#include "spec/scsi_spc.def"
		},
	[SL_SET_SCSI_SMC] =
		{
#include "spec/scsi_maint.def"
#include "spec/scsi_smc.def"
#include "spec/scsi_spc.def"
		},
	[SL_SET_SCSI_SES] =
		{
#include "spec/scsi_maint.def"
#include "spec/scsi_spc.def"
		},
	[SL_SET_CXL] =
		{
#include "spec/cxl.def"
		},
	[SL_SET_FWCTL_CXL] =
		{
#include "spec/fwctl.def"
		},
	[SL_SET_FWCTL_MLX5] =
		{
#include "spec/fwctl_mlx5.def"
		},
	[SL_SET_FWCTL_BNXT] =
		{
#include "spec/fwctl_bnxt.def"
		},
#undef CMD
#undef GROUP
#undef SUB
};

/* Selector value to row; 0: the command's own row. */
const uint16_t sl_sel_map[_G_N][256] = {
#define CMD(...)
#define GROUP(...)
#define SUB(group, id, lo, hi, ...) [G_##group][(lo)...(hi)] = R_##id,
#include "spec/commands.def"
#undef CMD
#undef GROUP
#undef SUB
};
