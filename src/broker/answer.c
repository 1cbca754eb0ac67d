/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/answer.h"

#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"

struct ctx {
	const struct sl_image *img;
	const struct sl_bind *bind;
	const struct sl_command *cmd;
	const struct sl_facts *facts;
};

/* Could this opcode, in any of its forms, be allowed? */
static bool opcode_reachable(const struct ctx *x, uint8_t set, uint8_t opcode)
{
	uint16_t cmd = sl_row_find_key(set, opcode, SL_SEL_ANY);

	/* Rows of one command stand together: the command, then its sub-selectors. */
	for (uint32_t r = cmd; r < sl_row_count && sl_rows[r].parent == cmd; r++)
		if (sl_row_reachable(x->img, x->bind, (uint16_t)r))
			return true;
	return false;
}

static bool sel_reachable(const struct ctx *x, uint8_t set, uint8_t opcode, uint16_t sel)
{
	if (sel == SL_SEL_ANY)
		return opcode_reachable(x, set, opcode);
	return sl_row_reachable(x->img, x->bind, sl_row_find_key(set, opcode, sel));
}

/* Which dword of a log must go: true when its subject is out of reach. */
typedef bool (*hidden_fn)(const struct ctx *x, uint32_t dword);

/* LID 05h: 256 admin opcodes, then 256 of the command set named by CSI in CDW14. */
static bool effects_hidden(const struct ctx *x, uint32_t dword)
{
	uint8_t csi = x->cmd->req[4 * 14 + 3];

	if (dword < 256)
		return !opcode_reachable(x, SL_SET_NVME_ADMIN, (uint8_t)dword);
	if (dword >= 512)
		return false;
	return !opcode_reachable(x, sl_set_of_type(SL_SET_NVME_IO, csi), (uint8_t)(dword - 256));
}

/* LID 12h: a feature is worth mentioning when it can be set or read. */
static bool feature_hidden(const struct ctx *x, uint32_t dword)
{
	return dword < 256 && !sel_reachable(x, SL_SET_NVME_ADMIN, 0x09, (uint16_t)dword) &&
	       !sel_reachable(x, SL_SET_NVME_ADMIN, 0x0a, (uint16_t)dword);
}

/* LID 00h */
static bool log_hidden(const struct ctx *x, uint32_t dword)
{
	return dword < 256 && !sel_reachable(x, SL_SET_NVME_ADMIN, 0x02, (uint16_t)dword);
}

/* A window of a log of dwords, from the byte offset that the command asks for. */
static void clear_dwords(const struct ctx *x, hidden_fn hidden, uint8_t *data, uint32_t len)
{
	const struct sl_command *cmd = x->cmd;
	uint64_t off = sl_get_le32(cmd->req + 48) | (uint64_t)sl_get_le32(cmd->req + 52) << 32;

	/* OT: the offset counts entries of the log. Where they begin is not known: nothing is told.
	 */
	if (cmd->req[58] & 0x80) {
		memset(data, 0, len);
		return;
	}
	for (uint32_t i = 0; i < len; i++) {
		uint64_t at = off + i;

		if (at >= 4096)
			break;
		if (hidden(x, (uint32_t)(at / 4)))
			data[i] = 0;
	}
}

/*
 * REPORT SUPPORTED OPERATION CODES, SPC-6 §6.35: the list (REPORTING OPTIONS 0) loses what is out
 * of reach, one command out of reach is not supported (SUPPORT 1). Descriptors have 8 bytes, with
 * CTDP 20.
 */
static void cut_rsoc(const struct ctx *x, uint8_t *data, uint32_t len)
{
	const struct sl_command *cmd = x->cmd;
	uint32_t at = 4, kept = 4, left;
	uint16_t sa;

	if (len < 4 || (cmd->req[2] & 7)) {
		sa = (cmd->req[2] & 7) == 1 ? SL_SEL_ANY : sl_get_be16(cmd->req + 4);
		if (len >= 2 && !sel_reachable(x, cmd->set, cmd->req[3], sa)) {
			memset(data, 0, len);
			data[1] = 1;
		}
		return;
	}
	left = sl_get_be32(data) < len - 4 ? sl_get_be32(data) + 4 : len;
	while (at + 8 <= left) {
		uint32_t size = data[at + 5] & 2 ? 20 : 8;

		sa = data[at + 5] & 1 ? sl_get_be16(data + at + 2) : SL_SEL_ANY;
		if (at + size > left)
			break;
		if (sel_reachable(x, cmd->set, data[at], sa)) {
			memmove(data + kept, data + at, size);
			kept += size;
		}
		at += size;
	}
	/* A list that was cut short keeps the length that says how much to ask for. */
	if (sl_get_be32(data) <= len - 4) {
		data[2] = (uint8_t)((kept - 4) >> 8);
		data[3] = (uint8_t)(kept - 4);
	}
	memset(data + kept, 0, len - kept);
}

/*
 * The Command Effects Log, CXL 3.1 §8.2.9.5.2.1: an entry out of reach is zero. Out of reach of a
 * tunnel (sl_facts_carried) is what hangs on a declaration, and another tunnel.
 */
static void cut_cel(const struct ctx *x, uint8_t *data, uint32_t len)
{
	uint32_t never = x->facts->carried ? SL_ROW_VENDOR | SL_ROW_FEATURE | SL_ROW_CARRIER : 0;

	if (x->facts->head != sl_get_le64(sl_cxl_cel_uuid))
		return;
	for (uint32_t i = 0; i < len; i += 4)
		if (i + 4 > len || !sel_reachable(x, SL_SET_CXL, data[i + 1], data[i]) ||
		    (sl_rows[sl_row_find_key(SL_SET_CXL, data[i + 1], data[i])].flags & never))
			memset(data + i, 0, len - i < 4 ? len - i : 4);
}

static const struct {
	uint16_t byte;
	uint8_t bit;
	uint8_t set, opcode;
} advertised[] = {
#define ADVERTISED(byte, bit, set, opcode) {byte, bit, SL_SET_##set, opcode},
#include "spec/nvme_identify.def"
};

static void clear_identify(const struct ctx *x, uint8_t *data, uint32_t len)
{
	for (unsigned i = 0; i < SL_COUNT(advertised); i++)
		if (advertised[i].byte < len &&
		    !opcode_reachable(x, advertised[i].set, advertised[i].opcode))
			data[advertised[i].byte] &= (uint8_t) ~(1u << advertised[i].bit);
}

void sl_answer_rewrite(const struct sl_image *img, const struct sl_bind *bind,
		       const struct sl_facts *facts, const struct sl_command *cmd, uint8_t *data,
		       uint32_t len)
{
	const struct ctx x = {img, bind, cmd, facts};
	uint32_t flags = sl_rows[facts->row].flags | sl_rows[facts->carried].flags;
	uint32_t head = sl_carriers[SL_ROW_CARRIER_OF(&sl_rows[facts->row])].head;

	if ((img->flags & SL_IMAGE_ANSWERS_AS_DEVICE) || len < head)
		return;
	data += head; /* of what is carried: the answer lies behind the envelope */
	len -= head;
	if (flags & SL_ROW_CSI_LOG)
		clear_dwords(&x, effects_hidden, data, len);
	else if (flags & SL_ROW_FID_LOG)
		clear_dwords(&x, feature_hidden, data, len);
	else if (flags & SL_ROW_LID_LOG)
		clear_dwords(&x, log_hidden, data, len);
	else if (flags & SL_ROW_RSOC)
		cut_rsoc(&x, data, len);
	else if (flags & SL_ROW_CEL)
		cut_cel(&x, data, len);
	else if (flags & SL_ROW_CTRL_ID)
		clear_identify(&x, data, len);
}
