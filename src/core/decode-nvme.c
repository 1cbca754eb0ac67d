/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders of NVMe contract answers. Trusted: no heap, no syscalls, no words but the flaw table; an
 * answer is read through a bounded view whose length was compared with its format first.
 */
#include "core/decode-nvme.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"

static int length(size_t len, size_t want)
{
	return len < want ? SL_FLAW_TRUNCATED : len > want ? SL_FLAW_OVERSIZED : 0;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/*
 * The layout of a declaration word, per log: which bits exist and what each says. Base 2.1 figures
 * "Commands Supported and Effects Data Structure" (05h), "FID Supported and Effects Data Structure"
 * (12h), "NVMe-MI Command Supported and Effects Data Structure" (13h).
 */
#define CSUPP	  (1u << 0)
#define CSER(w)	  ((w) >> 14 & 3)
#define CSE(w)	  ((w) >> 16 & 7)
#define SCOPES(w) ((w) >> 20)

static const struct {
	uint8_t bit;
	sl_effects effect;
} word_effects[] = {
	{1, SL_E_DATA},	      /* LBCC, UDCC */
	{2, SL_E_CAPABILITY}, /* NCC */
	{3, SL_E_INVENTORY},  /* NIC */
	{4, SL_E_CAPABILITY}, /* CCC */
};

static const sl_scope word_scopes[] = {
	SL_S_NS,     SL_S_CTRL,	     SL_S_SET,	SL_S_ENDGRP,
	SL_S_DOMAIN, SL_S_SUBSYSTEM, SL_S_CTRL, /* a controller data queue: LID 12h only */
};

static const struct {
	uint32_t reserved;
	bool exclusive; /* CSER and CSE exist */
} layouts[_SL_SOURCE_N] = {
	[SL_SOURCE_LID05] = {0xfc003fe0, true},
	[SL_SOURCE_LID12] = {0xf807ffe0, false},
	[SL_SOURCE_LID13] = {0xfc0fffe0, false},
};

int sl_contract_nvme_word(struct sl_entry *e, uint8_t source, uint32_t word)
{
	static const uint8_t excl[] = {SL_EXCL_NONE, SL_EXCL_NAMESPACE, SL_EXCL_DEVICE};
	bool bad = word & layouts[source].reserved;

	e->raw = word;
	e->source = source;
	e->trust = SL_TRUST_DECLARED;
	e->declared = SL_E_NONE;
	e->scope = SL_S_NONE;
	e->excl = SL_EXCL_NONE;
	e->flags &= SL_ENTRY_LOCKABLE | SL_ENTRY_LOCKED;
	e->flags |= SL_ENTRY_USED | (word & CSUPP ? SL_ENTRY_SUPPORTED : 0);
	for (unsigned i = 0; i < SL_COUNT(word_effects); i++)
		if (word >> word_effects[i].bit & 1)
			e->declared |= word_effects[i].effect;
	for (unsigned i = 0; i < SL_COUNT(word_scopes); i++)
		if (SCOPES(word) >> i & 1)
			e->scope |= word_scopes[i];
	if (layouts[source].exclusive) {
		/* CSER relaxes what CSE demands: alone it says nothing. */
		bad |= CSE(word) >= SL_COUNT(excl) || CSER(word) > 1 || (CSER(word) && !CSE(word));
		e->excl = CSE(word) < SL_COUNT(excl) ? excl[CSE(word)] : SL_EXCL_DEVICE;
	}
	/* A word that declares effects of a command that it does not support is no declaration. */
	bad |= word && !(word & CSUPP);
	if (!bad)
		return 0;
	e->flags |= SL_ENTRY_RESERVED;
	e->declared |= SL_E_UNKNOWN;
	if (SCOPES(word) & (layouts[source].reserved >> 20))
		e->scope = SL_S_ALL;
	return SL_FLAW_RESERVED;
}

/*
 * Adds 256 words of a log: of opcodes, or of the selectors of one. `again`: the same words were
 * read before, in another log; one that differs there makes its entry unknown.
 */
static int add_words(struct sl_contract *c, uint8_t set, int opcode, uint8_t source,
		     const uint8_t *words, bool again)
{
	int flaw = 0;

	for (unsigned i = 0; i < SL_NVME_WORDS; i++) {
		uint32_t word = sl_get_le32(words + 4 * i);
		uint64_t key = opcode < 0 ? sl_key(set, (uint16_t)i, SL_SEL_ANY)
					  : sl_key(set, (uint16_t)opcode, (uint16_t)i);
		const struct sl_entry *old = sl_contract_find(c, key);
		struct sl_entry *e;

		bool differs = again && (old ? old->raw : 0) != word;

		if (!word && !differs)
			continue;
		e = sl_contract_add(c, key);
		if (!e)
			return SL_FLAW_FULL;
		if ((!old || !again) && sl_contract_nvme_word(e, source, word) && !flaw)
			flaw = SL_FLAW_RESERVED;
		if (differs) {
			e->declared |= SL_E_UNKNOWN;
			e->flags |= SL_ENTRY_RESERVED;
			flaw = SL_FLAW_CONTRADICTS;
		}
	}
	return flaw;
}

int sl_contract_nvme_effects(struct sl_contract *c, uint8_t csi, const void *log, size_t len)
{
	const uint8_t *p = log;
	bool again = c->sources >> SL_SOURCE_LID05 & 1;
	uint8_t set = sl_nvme_set(csi);
	int flaw = length(len, SL_NVME_EFFECTS_SIZE), io;

	if (flaw)
		return flaw;
	if (is_zero(p, 2 * 4 * SL_NVME_WORDS))
		return SL_FLAW_EMPTY;
	flaw = add_words(c, SL_SET_NVME_ADMIN, -1, SL_SOURCE_LID05, p, again);
	if (flaw == SL_FLAW_FULL)
		return flaw;
	if (set != SL_SET_NONE) {
		io = add_words(c, set, -1, SL_SOURCE_LID05, p + 4 * SL_NVME_WORDS, false);
		if (io == SL_FLAW_FULL)
			return io;
		flaw = flaw ? flaw : io;
	}
	if (!flaw && !is_zero(p + 8 * SL_NVME_WORDS, len - 8 * SL_NVME_WORDS))
		flaw = SL_FLAW_RESERVED;
	c->sources |= 1u << SL_SOURCE_LID05;
	c->state = SL_CONTRACT_PRESENT;
	return flaw;
}

/* A log of words about the selectors of one opcode, and maybe more behind them. */
static int add_selectors(struct sl_contract *c, uint8_t opcode, uint8_t source, const void *log,
			 int flaw)
{
	if (flaw)
		return flaw;
	flaw = add_words(c, SL_SET_NVME_ADMIN, opcode, source, log, false);
	if (flaw != SL_FLAW_FULL)
		c->sources |= 1u << source;
	return flaw;
}

int sl_contract_nvme_feature_effects(struct sl_contract *c, const void *log, size_t len)
{
	return add_selectors(c, 0x09, SL_SOURCE_LID12, log, length(len, SL_NVME_FID_EFFECTS_SIZE));
}

int sl_contract_nvme_mi_effects(struct sl_contract *c, const void *log, size_t len)
{
	return add_selectors(c, 0x1d, SL_SOURCE_LID13, log, length(len, SL_NVME_MI_EFFECTS_SIZE));
}

int sl_contract_nvme_supported_logs(struct sl_contract *c, const void *log, size_t len)
{
	struct sl_view v = sl_view(log, len);
	int flaw = length(len, SL_NVME_SUPPORTED_LOGS_SIZE);

	if (flaw)
		return flaw;
	for (uint16_t lid = 0; lid < SL_NVME_WORDS; lid++) {
		uint32_t word = sl_view_le32(&v);
		struct sl_entry *e;

		if (!word)
			continue;
		e = sl_contract_add(c, sl_key(SL_SET_NVME_ADMIN, 0x02, lid));
		if (!e)
			return SL_FLAW_FULL;
		/* Bit 0 LSUPP, bit 1 IOS, 31:16 for the log page to define: nothing else exists. */
		e->raw = word;
		e->source = SL_SOURCE_LID00;
		e->trust = SL_TRUST_DECLARED;
		e->flags = SL_ENTRY_USED | SL_ENTRY_NO_EFFECTS |
			   (word & 1 ? SL_ENTRY_SUPPORTED : SL_ENTRY_RESERVED);
		if (word & 0xfffc) {
			e->flags |= SL_ENTRY_RESERVED;
			e->declared |= SL_E_UNKNOWN;
			flaw = SL_FLAW_RESERVED;
		}
	}
	c->sources |= 1u << SL_SOURCE_LID00;
	return flaw;
}

int sl_contract_nvme_lockdown(struct sl_contract *c, const void *log, size_t len)
{
	struct sl_view v = sl_view(log, len);
	int flaw = length(len, SL_NVME_LOCKDOWN_SIZE);
	uint8_t what, count;

	if (flaw)
		return flaw;
	what = sl_view_u8(&v);
	(void)sl_view_le16(&v);
	count = sl_view_u8(&v);
	/* Scope 0: admin opcodes, 2: features; contents 0: lockable, 1: prohibited in-band. */
	if ((what & 0xc0) || ((what & 15) != 0 && (what & 15) != 2) || (what >> 4 & 3) > 1)
		return SL_FLAW_RESERVED;
	for (; count; count--) {
		uint8_t id = sl_view_u8(&v);
		uint64_t key = what & 15 ? sl_key(SL_SET_NVME_ADMIN, 0x09, id)
					 : sl_key(SL_SET_NVME_ADMIN, id, SL_SEL_ANY);
		struct sl_entry *e = sl_contract_add(c, key);

		if (!e)
			return SL_FLAW_FULL;
		if (e->source == SL_SOURCE_NONE) {
			/* Listed here alone: it is not thereby supported. */
			e->source = SL_SOURCE_LID14;
			e->flags |= SL_ENTRY_NO_EFFECTS;
		}
		e->flags |= what >> 4 ? SL_ENTRY_LOCKED : SL_ENTRY_LOCKABLE;
	}
	c->sources |= 1u << SL_SOURCE_LID14;
	return 0;
}

int sl_contract_nvme_ctrl(struct sl_contract *c, const void *id, size_t len,
			  struct sl_nvme_caps *ret_caps)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = id;
	int flaw = length(len, SL_NVME_IDENTIFY_SIZE);
	uint16_t vid;

	memset(ret_caps, 0, sizeof(*ret_caps));
	if (flaw)
		return flaw;
	vid = sl_get_le16(p);
	memcpy(c->vendor, "0x", 2);
	for (unsigned i = 0; i < 4; i++)
		c->vendor[2 + i] = digits[vid >> (12 - 4 * i) & 15];
	c->vendor[6] = 0;
	sl_contract_trim(c->serial, sizeof(c->serial), p + 4, 20);
	sl_contract_trim(c->model, sizeof(c->model), p + 24, 40);
	sl_contract_trim(c->firmware, sizeof(c->firmware), p + 64, 8);
	/* MDTS counts CAP.MPSMIN pages, which are at least 4 KiB: assuming 4 is never too much. */
	c->max_transfer = p[77] && p[77] < 20 ? 4096u << p[77] : UINT32_MAX;
	c->cntlid = sl_get_le16(p + 78);
	ret_caps->version = sl_get_le32(p + 80);
	ret_caps->oacs = sl_get_le16(p + 256);
	ret_caps->lpa = p[261];
	ret_caps->nn = sl_get_le32(p + 516);
	return 0;
}

int sl_contract_nvme_ns_list(struct sl_contract *c, const void *list, size_t len)
{
	struct sl_view v = sl_view(list, len);
	int flaw = length(len, SL_NVME_IDENTIFY_SIZE);
	uint32_t nsid, last = 0;

	if (flaw)
		return flaw;
	/* Zero ends the list; so does its last entry, behind which the view yields zero. */
	while ((nsid = sl_view_le32(&v))) {
		/* Ascending, by the specification: anything else is no list. */
		if (nsid <= last || nsid == 0xffffffff)
			return SL_FLAW_BAD_NS;
		last = nsid;
		if (!sl_contract_ns_add(c, nsid))
			return SL_FLAW_MANY_NS;
	}
	return 0;
}

/* An answer about a namespace, which is added where it was not listed. */
static int about_ns(struct sl_contract *c, uint32_t nsid, size_t len, struct sl_ns **ret)
{
	int flaw = length(len, SL_NVME_IDENTIFY_SIZE);

	if (flaw)
		return flaw;
	*ret = sl_contract_ns_add(c, nsid);
	return *ret ? 0 : SL_FLAW_MANY_NS;
}

/* The index of the LBA format in use: FLBAS[6:5] joins FLBAS[3:0] where more than 16 exist. */
static unsigned lba_format(const uint8_t *id)
{
	unsigned index = id[26] & 15u;

	return id[25] < 16 ? index : index | (unsigned)(id[26] >> 5 & 3) << 4;
}

int sl_contract_nvme_ns(struct sl_contract *c, uint32_t nsid, const void *id, size_t len)
{
	const uint8_t *p = id;
	const uint8_t *lbaf;
	int flaw = length(len, SL_NVME_IDENTIFY_SIZE);
	struct sl_ns *ns;

	if (flaw)
		return flaw;
	if (is_zero(p, len))
		return 0;
	ns = sl_contract_ns_add(c, nsid);
	if (!ns)
		return SL_FLAW_MANY_NS;
	ns->blocks = sl_get_le64(p);
	if (is_zero(ns->guid, 16))
		memcpy(ns->guid, p + 104, 16); /* NGUID */
	if (is_zero(ns->guid, 16))
		memcpy(ns->guid + 8, p + 120, 8); /* EUI64 */
	ns->lba_format = (uint8_t)lba_format(p);
	ns->lba_shift = 0;
	if (lba_format(p) > p[25])
		return SL_FLAW_BAD_NS;
	lbaf = p + 128 + 4 * lba_format(p);
	/* LBADS below 9 is not allowed to exist; past 24 nothing is believable. */
	if (lbaf[2] < 9 || lbaf[2] > 24)
		return SL_FLAW_BAD_NS;
	ns->lba_shift = lbaf[2];
	ns->meta = sl_get_le16(lbaf);
	ns->meta_ext = p[26] >> 4 & 1;
	ns->pi = p[29] & 7; /* DPS */
	return 0;
}

int sl_contract_nvme_ns_descs(struct sl_contract *c, uint32_t nsid, const void *list, size_t len)
{
	struct sl_view v = sl_view(list, len);
	struct sl_ns *ns;
	int flaw = about_ns(c, nsid, len, &ns);
	unsigned rank = 0;

	if (flaw)
		return flaw;
	while (v.at + 4 <= v.len) {
		uint8_t type = sl_view_u8(&v), n = sl_view_u8(&v);
		const uint8_t *p;

		(void)sl_view_le16(&v);
		if (!type && !n)
			return 0;
		p = sl_view_take(&v, n);
		if (!p)
			return SL_FLAW_BAD_NS;
		if (type == 4 && n == 1) { /* CSI */
			ns->csi = p[0];
		} else if (type == 2 && n == 16 && rank < 3) { /* NGUID: the best of the three */
			memcpy(ns->guid, p, 16);
			rank = 3;
		} else if (type == 3 && n == 16 && rank < 2) { /* UUID */
			memcpy(ns->guid, p, 16);
			rank = 2;
		} else if (type == 1 && n == 8 && rank < 1) { /* EUI64 */
			memset(ns->guid, 0, 8);
			memcpy(ns->guid + 8, p, 8);
			rank = 1;
		}
	}
	return 0;
}

int sl_contract_nvme_ns_zoned(struct sl_contract *c, uint32_t nsid, const void *id, size_t len)
{
	const uint8_t *p = id;
	struct sl_ns *ns;
	int flaw = about_ns(c, nsid, len, &ns);

	if (flaw)
		return flaw;
	_Static_assert(2816 + 16 * 64 <= SL_NVME_IDENTIFY_SIZE, "six bits of index stay inside");
	/* LBA Format Extensions at 2816, 16 bytes each: ZSZE, ZDES. */
	ns->zone = sl_get_le64(p + 2816 + 16u * ns->lba_format);
	return ns->zone ? 0 : SL_FLAW_BAD_NS;
}
