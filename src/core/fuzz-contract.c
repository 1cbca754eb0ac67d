/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of the contract decoders and the reader: a device that answers anything. Input: the
 * protocol (F0h and more in its low three bits; else NVMe), then one record per answer, `kind
 * status length16 bytes`. Kinds below _SL_RAW_N go straight to a decoder; the others answer
 * whatever the reader asks next, short, long or refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/decode-nvme.h"
#include "core/decode-scsi.h"
#include "core/reader.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sl_contract *c)
{
	uint32_t used = 0;

	if (c->n_entries > SL_CONTRACT_MAX || c->n_ns > SL_NS_MAX || c->n_usage > SL_USAGE_MAX ||
	    c->n_features > SL_FEATURES_MAX || c->type > SL_TYPE_NONE)
		abort();
	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++) {
		const struct sl_entry *e = &c->entries[i];

		if (!(e->flags & SL_ENTRY_USED))
			continue;
		used++;
		/* What is malformed is unknown, or not supported at all. */
		if ((e->flags & SL_ENTRY_RESERVED) && (e->flags & SL_ENTRY_SUPPORTED) &&
		    !(e->declared & SL_E_UNKNOWN))
			abort();
		if (sl_contract_find(c, e->key) != e || e->source >= _SL_SOURCE_N ||
		    e->excl >= _SL_EXCL_N || e->trust >= _SL_TRUST_N)
			abort();
		for (sl_effects floor = 1; floor <= SL_E_UNKNOWN; floor <<= 1)
			if (sl_contract_trust(e, floor) >= _SL_TRUST_N)
				abort();
	}
	if (used != c->n_entries)
		abort();
	for (uint32_t i = 0; i < c->n_ns; i++)
		if (!c->ns[i].nsid || (c->ns[i].lba_shift && c->ns[i].lba_shift < 9 &&
				       c->ns[i].lba_shift != SL_CXL_UNIT_SHIFT))
			abort();
	if (strnlen(c->model, sizeof(c->model)) == sizeof(c->model) ||
	    strnlen(c->serial, sizeof(c->serial)) == sizeof(c->serial))
		abort();
}

/* The usage data of some entry that there is. */
static int usage(struct sl_contract *c, uint8_t arg, const uint8_t *p, size_t len)
{
	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++)
		if ((c->entries[i].flags & SL_ENTRY_USED) && arg-- == 0)
			return sl_contract_scsi_usage(c, &c->entries[i], p, len);
	return 0;
}

static int decode(struct sl_contract *c, unsigned raw, uint8_t arg, const uint8_t *p, size_t len)
{
	struct sl_nvme_caps caps;
	uint32_t cel;
	uint16_t total;

	switch (raw) {
	case SL_RAW_CTRL:
		return sl_contract_nvme_ctrl(c, p, len, &caps);
	case SL_RAW_NS_LIST:
		return sl_contract_nvme_ns_list(c, p, len);
	case SL_RAW_NS_DESCS:
		return sl_contract_nvme_ns_descs(c, arg + 1u, p, len);
	case SL_RAW_NS:
		return sl_contract_nvme_ns(c, arg + 1u, p, len);
	case SL_RAW_NS_ZONED:
		return sl_contract_nvme_ns_zoned(c, arg + 1u, p, len);
	case SL_RAW_LID00:
		return sl_contract_nvme_supported_logs(c, p, len);
	case SL_RAW_LID05:
		return sl_contract_nvme_effects(c, arg, p, len);
	case SL_RAW_LID12:
		return sl_contract_nvme_feature_effects(c, p, len);
	case SL_RAW_LID13:
		return sl_contract_nvme_mi_effects(c, p, len);
	case SL_RAW_LID14:
		return sl_contract_nvme_lockdown(c, p, len);
	case SL_RAW_INQUIRY:
		return sl_contract_scsi_inquiry(c, p, len);
	case SL_RAW_VPD80:
		return sl_contract_scsi_serial(c, p, len);
	case SL_RAW_VPD83:
		return sl_contract_scsi_ident(c, p, len);
	case SL_RAW_CAPACITY16:
	case SL_RAW_CAPACITY10:
		return sl_contract_scsi_capacity(c, p, len);
	case SL_RAW_RSOC:
		return sl_contract_scsi_rsoc(c, p, len);
	case SL_RAW_USAGE:
		return usage(c, arg, p, len);
	case SL_RAW_CXL_ID:
		return sl_contract_cxl_identify(c, p, len);
	case SL_RAW_CXL_LOGS:
		return sl_contract_cxl_logs(p, len, &cel);
	case SL_RAW_CEL:
		return sl_contract_cxl_cel(c, p, len);
	default:
		return sl_contract_cxl_features(c, p, len, &total);
	}
}

/* The next record's bytes on memory of exactly `len`, padded with zeroes: a read past it is seen.
 */
static uint8_t *take(struct sl_view *v, size_t len)
{
	size_t left = v->len - v->at, n = len < left ? len : left;
	uint8_t *p = calloc(1, len ? len : 1);

	if (p)
		memcpy(p, v->p + v->at, n);
	v->at += n;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_contract direct, read;
	struct sl_view v = sl_view(data, size);
	struct sl_reader r;
	struct sl_command cmd;
	uint8_t protocol = SL_WIRE_NVME;
	unsigned steps = 0;

	memset(&direct, 0, sizeof(direct));
	/* Old inputs begin with a record at once: what is no other protocol takes nothing away. */
	if (size && data[0] >= 0xf0 && (data[0] & 7) && (data[0] & 7) < _SL_WIRE_PROTOCOL_N)
		protocol = sl_view_u8(&v) & 7;
	sl_reader_init(&r, &read, protocol, NULL, NULL);
	while (v.at + 4 <= v.len) {
		uint8_t kind = sl_view_u8(&v), arg = sl_view_u8(&v);
		size_t len = sl_view_le16(&v) % 5000;
		uint8_t *p;

		if (kind < _SL_RAW_N) {
			p = take(&v, len);
			if (!p || decode(&direct, kind, arg, p, len) >= _SL_FLAW_N)
				abort();
			free(p);
			continue;
		}
		if (!sl_reader_next(&r, &cmd))
			break;
		/* Mostly an answer of the length that was asked for: else nothing goes on. */
		if (!(kind & 0x80))
			len = cmd.data_len;
		p = take(&v, len);
		if (!p)
			abort();
		sl_reader_feed(&r, kind & 0x40 ? arg : 0, p, len);
		free(p);
	}
	/* A reader ends, whatever it is told. */
	while (sl_reader_next(&r, &cmd)) {
		if (++steps > 8 * SL_NS_MAX + 4 * SL_CONTRACT_MAX ||
		    cmd.data_len > SL_READER_DATA_MAX)
			abort();
		sl_reader_feed(&r, 2, NULL, 0);
	}
	check(&direct);
	check(&read);
	return 0;
}
