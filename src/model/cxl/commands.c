/* SPDX-License-Identifier: Apache-2.0 */
/* What each mailbox command does to the state of a device, and what it says. */
#include <string.h>

#include "base/bytes.h"
#include "core/command.h"
#include "model/cxl/cxl.h"

void sl_cxl_put(struct sl_cxl_call *k, const void *p, uint32_t n)
{
	uint32_t room = k->out_len - k->put;

	if (n > room)
		n = room;
	if (n)
		memcpy(k->out + k->put, p, n);
	k->put += n;
}

static void put_le(struct sl_cxl_call *k, uint64_t v, unsigned bytes)
{
	uint8_t b[8];

	sl_put_le64(b, v);
	sl_cxl_put(k, b, bytes);
}

static void put_zero(struct sl_cxl_call *k, uint32_t n)
{
	static const uint8_t zero[128];

	for (; n > sizeof(zero); n -= (uint32_t)sizeof(zero))
		sl_cxl_put(k, zero, sizeof(zero));
	sl_cxl_put(k, zero, n);
}

static uint16_t begin(struct sl_cxl_call *k, uint16_t opcode, uint32_t ms)
{
	if (k->c->work)
		return CXL_BUSY;
	k->c->work = opcode;
	k->c->work_until_ms = k->m->now_ms + ms;
	return CXL_BACKGROUND;
}

static uint16_t background_status(struct sl_cxl_call *k)
{
	uint8_t s[8] = {k->c->work ? 1 : 0};

	sl_put_le16(s + 2, k->c->work);
	sl_cxl_put(k, s, sizeof(s));
	return CXL_SUCCESS;
}

/* ---- events, §8.2.9.2 ---- */

void sl_cxl_event(struct sl_model *m, unsigned log, const char *text)
{
	struct sl_cxl *c = m->cxl;
	uint8_t *rec;

	if (c->n_events[log] >= CXL_EVENT_MAX)
		return; /* an overflow: the newest are lost */
	rec = c->events[log][c->n_events[log]++];
	memset(rec, 0, CXL_RECORD);
	rec[0x10] = CXL_RECORD;
	sl_put_le16(rec + 0x14, ++c->next_handle);
	sl_put_le64(rec + 0x18, c->timestamp);
	memcpy(rec + 0x30, text, strnlen(text, 64));
}

static uint16_t get_events(struct sl_cxl_call *k)
{
	uint8_t log = k->in[0];
	uint32_t n, room = k->out_len < 32 ? 0 : (k->out_len - 32) / CXL_RECORD;
	uint8_t head[32] = {0};

	if (log > CXL_EVENT_LOGS)
		return CXL_INPUT;
	n = log < CXL_EVENT_LOGS ? k->c->n_events[log] : 0;
	head[0] = n > room ? 2 : 0; /* more event records */
	n = n < room ? n : room;
	sl_put_le16(head + 0x14, (uint16_t)n);
	sl_cxl_put(k, head, sizeof(head));
	for (uint32_t i = 0; i < n; i++)
		sl_cxl_put(k, k->c->events[log][i], CXL_RECORD);
	return CXL_SUCCESS;
}

static uint16_t clear_events(struct sl_cxl_call *k)
{
	uint8_t log = k->in[0];
	uint32_t *n = &k->c->n_events[log % CXL_EVENT_LOGS];

	if (log >= CXL_EVENT_LOGS)
		return CXL_INPUT;
	if (k->in[1] & 1) {
		*n = 0;
		return CXL_SUCCESS;
	}
	if (k->in_len < 6u + 2u * k->in[2])
		return CXL_LENGTH;
	/* In the order of the records, oldest first. */
	for (unsigned i = 0; i < k->in[2]; i++) {
		uint8_t *first = k->c->events[log][0];

		if (!*n || sl_get_le16(first + 0x14) != sl_get_le16(k->in + 6 + 2 * i))
			return CXL_HANDLE;
		memmove(first, first + CXL_RECORD, --*n * (size_t)CXL_RECORD);
	}
	return CXL_SUCCESS;
}

static uint16_t get_interrupt(struct sl_cxl_call *k)
{
	sl_cxl_put(k, k->c->interrupt, sizeof(k->c->interrupt));
	return CXL_SUCCESS;
}

static uint16_t set_interrupt(struct sl_cxl_call *k)
{
	memcpy(k->c->interrupt, k->in, sizeof(k->c->interrupt));
	return CXL_SUCCESS;
}

/* ---- firmware, §8.2.9.3 ---- */

static uint16_t fw_info(struct sl_cxl_call *k)
{
	uint8_t head[16] = {2, (uint8_t)(k->c->active | k->c->staged << 3), 1};

	sl_cxl_put(k, head, sizeof(head));
	sl_cxl_put(k, k->c->slot, sizeof(k->c->slot));
	put_zero(k, 32);
	return CXL_SUCCESS;
}

/* The image's first 16 bytes are its revision. */
static uint16_t transfer_fw(struct sl_cxl_call *k)
{
	uint8_t action = k->in[0], slot = k->in[1];
	struct sl_cxl *c = k->c;

	if (action > 4)
		return CXL_INPUT;
	if (action == 4) {
		c->transferring = 0;
		return CXL_SUCCESS;
	}
	if (action <= 1) {
		if (slot < 1 || slot > 2 || slot == c->active)
			return CXL_FW_SLOT;
		c->transferring = slot;
		c->transferred = 0;
		if (k->in_len >= 144)
			memcpy(c->slot[slot - 1], k->in + 128, 16);
	} else if (!c->transferring || sl_get_le32(k->in + 4) * 128u != c->transferred) {
		return CXL_FW_ORDER;
	}
	c->transferred += k->in_len - 128;
	if (action == 0 || action == 3)
		c->transferring = 0;
	return CXL_SUCCESS;
}

static uint16_t activate_fw(struct sl_cxl_call *k)
{
	uint8_t slot = k->in[1];
	struct sl_cxl *c = k->c;

	if (k->in[0] > 1)
		return CXL_INPUT;
	if (slot < 1 || slot > 2 || !c->slot[slot - 1][0])
		return CXL_FW_SLOT;
	if (k->in[0] == 1) {
		c->staged = slot;
		return CXL_SUCCESS;
	}
	c->active = slot;
	memcpy(c->identify, c->slot[slot - 1], 16);
	return CXL_SUCCESS;
}

/* ---- time and logs, §8.2.9.4 and §8.2.9.5 ---- */

static uint16_t get_time(struct sl_cxl_call *k)
{
	put_le(k, k->c->timestamp ? k->c->timestamp + k->m->now_ms * 1000000u : 0, 8);
	return CXL_SUCCESS;
}

static uint16_t set_time(struct sl_cxl_call *k)
{
	k->c->timestamp = sl_get_le64(k->in) - k->m->now_ms * 1000000u;
	return CXL_SUCCESS;
}

/* Command Effects Log, 0da9c0b5-bf41-4b78-8f79-96b1623b3f17. */
static const uint8_t cel_uuid[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
				     0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};
/* Vendor Debug Log, 5e1819d9-11a9-400c-811f-d60719403d86. */
static const uint8_t debug_uuid[16] = {0x5e, 0x18, 0x19, 0xd9, 0x11, 0xa9, 0x40, 0x0c,
				       0x81, 0x1f, 0xd6, 0x07, 0x19, 0x40, 0x3d, 0x86};
#define DEBUG_LEN 512u

static uint32_t cel_bytes(const struct sl_cxl *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->n_log; i++)
		n += 4u * c->log[i].listed;
	return n;
}

static uint16_t get_logs(struct sl_cxl_call *k)
{
	put_le(k, 2, 2);
	put_zero(k, 6);
	sl_cxl_put(k, cel_uuid, 16);
	put_le(k, cel_bytes(k->c), 4);
	sl_cxl_put(k, debug_uuid, 16);
	put_le(k, DEBUG_LEN, 4);
	return CXL_SUCCESS;
}

static uint16_t get_log(struct sl_cxl_call *k)
{
	uint32_t off = sl_get_le32(k->in + 16), n = sl_get_le32(k->in + 20), at = 0;
	bool cel = !memcmp(k->in, cel_uuid, 16);
	uint32_t size = cel ? cel_bytes(k->c) : DEBUG_LEN;

	if (!cel && memcmp(k->in, debug_uuid, 16) != 0)
		return CXL_LOG;
	if (off > size || n > size - off || n > k->out_len)
		return CXL_INPUT;
	if (!cel) {
		sl_cxl_put(k, k->c->vendor_log + off, n);
		return CXL_SUCCESS;
	}
	for (unsigned i = 0; i < k->c->n_log; i++) {
		const struct sl_cxl_entry *e = &k->c->log[i];
		uint8_t word[4];

		if (!e->listed)
			continue;
		sl_put_le16(word, e->opcode);
		sl_put_le16(word + 2, e->effects);
		for (unsigned b = 0; b < 4; b++, at++)
			if (at >= off && at < off + n)
				sl_cxl_put(k, word + b, 1);
	}
	return CXL_SUCCESS;
}

static uint16_t clear_log(struct sl_cxl_call *k)
{
	if (memcmp(k->in, debug_uuid, 16) != 0)
		return CXL_LOG;
	memset(k->c->vendor_log, 0, DEBUG_LEN);
	return CXL_SUCCESS;
}

/* ---- features, §8.2.9.6 ---- */

static struct sl_cxl_feature *feature(struct sl_cxl_call *k)
{
	for (unsigned i = 0; i < k->c->n_features; i++)
		if (!memcmp(k->c->features[i].uuid, k->in, 16))
			return &k->c->features[i];
	return NULL;
}

static uint16_t get_features(struct sl_cxl_call *k)
{
	uint32_t room = sl_get_le32(k->in), n, first = sl_get_le16(k->in + 4);

	if (room > k->out_len)
		room = k->out_len;
	if (room < 8 || first > k->c->n_features)
		return CXL_INPUT;
	n = (room - 8) / 48 < k->c->n_features - first ? (room - 8) / 48 : k->c->n_features - first;
	put_le(k, n, 2);
	put_le(k, k->c->n_features, 2);
	put_zero(k, 4);
	for (uint32_t i = first; i < first + n; i++) {
		const struct sl_cxl_feature *f = &k->c->features[i];

		sl_cxl_put(k, f->uuid, 16);
		put_le(k, i, 2);
		put_le(k, f->len, 2);
		put_le(k, f->flags & 1 ? f->len : 0, 2);
		put_le(k, f->flags, 4);
		put_le(k, 0x0101, 2); /* versions of Get and Set */
		put_le(k, f->effects, 2);
		put_zero(k, 18);
	}
	return CXL_SUCCESS;
}

static uint16_t get_feature(struct sl_cxl_call *k)
{
	const struct sl_cxl_feature *f = feature(k);
	uint32_t off = sl_get_le16(k->in + 16), n = sl_get_le16(k->in + 18);
	uint8_t which = k->in[20];

	if (!f || which > 2)
		return f ? CXL_INPUT : CXL_UNSUPPORTED;
	if (off > f->len || n > f->len - off)
		return CXL_INPUT;
	sl_cxl_put(k, (which == 2 ? f->saved : which == 1 ? f->dflt : f->current) + off, n);
	return CXL_SUCCESS;
}

/* Whole transfers only, or pieces by offset: full, initiate, continue, finish, abort. */
static uint16_t set_feature(struct sl_cxl_call *k)
{
	struct sl_cxl_feature *f = feature(k);
	uint32_t off = sl_get_le16(k->in + 20), n = k->in_len - 32;

	if (!f)
		return CXL_UNSUPPORTED;
	if (!(f->flags & 1) || (k->in[16] & 7) > 4 || off > f->len || n > f->len - off)
		return CXL_INPUT;
	if ((k->in[16] & 7) == 4)
		return CXL_SUCCESS;
	memcpy(f->current + off, k->in + 32, n);
	if (k->in[16] & 8)
		memcpy(f->saved + off, k->in + 32, n);
	return CXL_SUCCESS;
}

/* ---- the memory, §8.2.9.9 ---- */

static uint16_t identify(struct sl_cxl_call *k)
{
	sl_cxl_put(k, k->c->identify, CXL_IDENTIFY);
	return CXL_SUCCESS;
}

static uint64_t capacity(const struct sl_cxl *c)
{
	return sl_get_le64(c->identify + 16);
}

static uint16_t get_partition(struct sl_cxl_call *k)
{
	const struct sl_cxl *c = k->c;

	put_le(k, c->volatile_units, 8);
	put_le(k, capacity(c) - c->volatile_units, 8);
	put_le(k, c->has_next ? c->next_volatile : 0, 8);
	put_le(k, c->has_next ? capacity(c) - c->next_volatile : 0, 8);
	return CXL_SUCCESS;
}

static uint16_t set_partition(struct sl_cxl_call *k)
{
	uint64_t want = sl_get_le64(k->in);
	struct sl_cxl *c = k->c;

	if (want > capacity(c))
		return CXL_INPUT;
	if (k->in[8] & 1) {
		c->volatile_units = want;
		c->contents++;
	} else {
		c->next_volatile = want;
		c->has_next = 1;
	}
	return CXL_SUCCESS;
}

static uint16_t get_lsa(struct sl_cxl_call *k)
{
	uint32_t off = sl_get_le32(k->in), n = sl_get_le32(k->in + 4);

	if (off > k->c->lsa_len || n > k->c->lsa_len - off || n > k->out_len)
		return CXL_INPUT;
	sl_cxl_put(k, k->c->lsa + off, n);
	return CXL_SUCCESS;
}

static uint16_t set_lsa(struct sl_cxl_call *k)
{
	uint32_t off = sl_get_le32(k->in), n = k->in_len - 8;

	if (off > k->c->lsa_len || n > k->c->lsa_len - off)
		return CXL_INPUT;
	memcpy(k->c->lsa + off, k->in + 8, n);
	return CXL_SUCCESS;
}

static uint16_t get_health(struct sl_cxl_call *k)
{
	sl_cxl_put(k, k->c->health, CXL_HEALTH);
	return CXL_SUCCESS;
}

static uint16_t get_alert(struct sl_cxl_call *k)
{
	sl_cxl_put(k, k->c->alert, CXL_ALERT);
	return CXL_SUCCESS;
}

/* Valid and enable bits, then thresholds from byte 4 on; those that can be programmed. */
static uint16_t set_alert(struct sl_cxl_call *k)
{
	static const uint8_t from[] = {2, 4, 6, 8, 10}, to[] = {7, 8, 10, 12, 14};
	static const uint8_t len[] = {1, 2, 2, 2, 2};

	for (unsigned i = 0; i < sizeof(from); i++)
		if (k->in[0] >> i & 1)
			memcpy(k->c->alert + to[i], k->in + from[i], len[i]);
	k->c->alert[1] = (uint8_t)((k->c->alert[1] & ~k->in[0]) | (k->in[1] & k->in[0]));
	return CXL_SUCCESS;
}

static uint16_t get_shutdown(struct sl_cxl_call *k)
{
	put_le(k, k->c->shutdown, 1);
	return CXL_SUCCESS;
}

static uint16_t set_shutdown(struct sl_cxl_call *k)
{
	if (k->in[0] > 1)
		return CXL_INPUT;
	k->c->shutdown = k->in[0];
	return CXL_SUCCESS;
}

static bool beyond(const struct sl_cxl_call *k, uint64_t dpa)
{
	return dpa >> 28 >= capacity(k->c);
}

static uint16_t get_poison(struct sl_cxl_call *k)
{
	uint64_t from = sl_get_le64(k->in), n = sl_get_le64(k->in + 8);
	uint8_t head[32] = {0};
	uint32_t at = k->put, found = 0;

	if (beyond(k, from))
		return CXL_ADDRESS;
	sl_cxl_put(k, head, sizeof(head));
	for (uint32_t i = 0; i < k->c->n_poison; i++) {
		if (k->c->poison[i] < from || (k->c->poison[i] - from) / 64 >= n)
			continue;
		put_le(k, k->c->poison[i] | 3, 8); /* source: injected */
		put_le(k, 1, 4);
		put_zero(k, 4);
		found++;
	}
	if (k->out_len >= at + 12)
		sl_put_le16(k->out + at + 10, (uint16_t)found);
	return CXL_SUCCESS;
}

static uint16_t inject_poison(struct sl_cxl_call *k)
{
	uint64_t dpa = sl_get_le64(k->in);
	struct sl_cxl *c = k->c;

	if (beyond(k, dpa) || dpa & 63)
		return CXL_ADDRESS;
	for (uint32_t i = 0; i < c->n_poison; i++)
		if (c->poison[i] == dpa)
			return CXL_SUCCESS;
	if (c->n_poison >= CXL_POISON_MAX)
		return CXL_POISON_LIMIT;
	c->poison[c->n_poison++] = dpa;
	c->contents++;
	sl_cxl_event(k->m, 0, "poison injected");
	return CXL_SUCCESS;
}

static uint16_t clear_poison(struct sl_cxl_call *k)
{
	uint64_t dpa = sl_get_le64(k->in);
	struct sl_cxl *c = k->c;

	if (beyond(k, dpa) || dpa & 63)
		return CXL_ADDRESS;
	for (uint32_t i = 0; i < c->n_poison; i++)
		if (c->poison[i] == dpa)
			c->poison[i] = c->poison[--c->n_poison];
	c->contents++;
	return CXL_SUCCESS;
}

static uint16_t scan_caps(struct sl_cxl_call *k)
{
	if (beyond(k, sl_get_le64(k->in)))
		return CXL_ADDRESS;
	put_le(k, 100, 4); /* milliseconds */
	return CXL_SUCCESS;
}

static uint16_t scan_media(struct sl_cxl_call *k)
{
	if (beyond(k, sl_get_le64(k->in)))
		return CXL_ADDRESS;
	k->c->scan_results = 1;
	return begin(k, 0x4304, 100);
}

static uint16_t scan_results(struct sl_cxl_call *k)
{
	if (!k->c->scan_results)
		return CXL_UNSUPPORTED;
	k->c->scan_results = 0;
	put_zero(k, 32);
	return CXL_SUCCESS;
}

/* Sanitize and Secure Erase: everything that was in the memory is gone. */
static uint16_t erase(struct sl_cxl_call *k)
{
	struct sl_cxl *c = k->c;
	uint16_t r = begin(k, k->opcode, k->m->p->sanitize_ms);

	if (r != CXL_BACKGROUND)
		return r;
	memset(c->lsa, 0, c->lsa_len);
	c->n_poison = 0;
	c->contents++;
	return r;
}

/* ---- security, §8.2.9.9.6: passphrases of user (0) and master (1) ---- */

#define SECURE_SET(which) (1u << (which))
#define SECURE_LOCKED	  (1u << 2)
#define SECURE_FROZEN	  (1u << 3)

static uint16_t get_security(struct sl_cxl_call *k)
{
	put_le(k, k->c->security, 4);
	return CXL_SUCCESS;
}

static uint16_t set_passphrase(struct sl_cxl_call *k)
{
	uint8_t which = k->in[0] & 1;
	struct sl_cxl *c = k->c;

	if (c->security & SECURE_FROZEN)
		return CXL_SECURITY;
	if ((c->security & SECURE_SET(which)) && memcmp(c->passphrase[which], k->in + 32, 32) != 0)
		return CXL_PASSPHRASE;
	memcpy(c->passphrase[which], k->in + 64, 32);
	c->security |= SECURE_SET(which);
	return CXL_SUCCESS;
}

static uint16_t disable_passphrase(struct sl_cxl_call *k)
{
	uint8_t which = k->in[0] & 1;
	struct sl_cxl *c = k->c;

	if ((c->security & SECURE_FROZEN) || !(c->security & SECURE_SET(which)))
		return CXL_SECURITY;
	if (memcmp(c->passphrase[which], k->in + 32, 32) != 0)
		return CXL_PASSPHRASE;
	c->security &= ~SECURE_SET(which);
	memset(c->passphrase[which], 0, 32);
	return CXL_SUCCESS;
}

static uint16_t unlock(struct sl_cxl_call *k)
{
	struct sl_cxl *c = k->c;

	if ((c->security & SECURE_FROZEN) || !(c->security & SECURE_LOCKED))
		return CXL_SECURITY;
	if (memcmp(c->passphrase[0], k->in, 32) != 0)
		return CXL_PASSPHRASE;
	c->security &= ~SECURE_LOCKED;
	return CXL_SUCCESS;
}

static uint16_t freeze(struct sl_cxl_call *k)
{
	k->c->security |= SECURE_FROZEN;
	return CXL_SUCCESS;
}

static uint16_t erase_passphrase(struct sl_cxl_call *k)
{
	uint8_t which = k->in[0] & 1;

	if (k->c->security & SECURE_FROZEN)
		return CXL_SECURITY;
	if ((k->c->security & SECURE_SET(which)) &&
	    memcmp(k->c->passphrase[which], k->in + 32, 32) != 0)
		return CXL_PASSPHRASE;
	k->c->security &= ~SECURE_SET(which);
	return erase(k);
}

/* The list of protocols, SPC-6 §7.7: only itself. */
static uint16_t security_receive(struct sl_cxl_call *k)
{
	static const uint8_t list[9] = {[7] = 1};

	if (k->in[0])
		return CXL_INPUT;
	sl_cxl_put(k, list, sizeof(list));
	return CXL_SUCCESS;
}

/*
 * Tunnel Management Command, §7.6.7.3.1. The device has one logical device, LD-ID 0, which is also
 * all of the pool (target type 1): what comes through the tunnel is a command to itself.
 */
static uint16_t tunnel(struct sl_cxl_call *k)
{
	const uint8_t *msg = k->in + 4;
	uint8_t envelope[16] = {[4] = 1, [5] = msg[1], [7] = msg[3], [8] = msg[4]};
	uint32_t len = sl_get_le32(msg + 4) >> 8 & 0x1fffff;
	struct sl_cxl_call in = *k;

	if (sl_get_le16(k->in + 2) != k->in_len - 4 || len != k->in_len - 16)
		return CXL_LENGTH;
	if (k->tunnelled || (msg[0] & 15) || k->in[1] > 1 || (!k->in[1] && k->in[0]))
		return CXL_INPUT;
	if (k->out_len < sizeof(envelope))
		return CXL_LENGTH;
	in.tunnelled = true;
	in.opcode = sl_get_le16(msg + 3);
	in.in = msg + 12;
	in.in_len = len;
	in.out = k->out ? k->out + sizeof(envelope) : NULL;
	in.out_len = k->out_len - (uint32_t)sizeof(envelope);
	in.put = 0;
	sl_put_le16(envelope + 12, sl_cxl_run(&in)); /* the answer's own return code */
	sl_put_le16(envelope, (uint16_t)(in.put + 12));
	envelope[9] = (uint8_t)in.put;
	envelope[10] = (uint8_t)(in.put >> 8);
	envelope[11] = (uint8_t)(in.put >> 16);
	sl_cxl_put(k, envelope, sizeof(envelope));
	k->put += in.put;
	return CXL_SUCCESS;
}

/* Effects as §8.2.9 states them for each: 0 configuration after a cold reset, 1 configuration, 2
 * data, 3 policy, 4 log, 5 security, 6 background; 9 makes 10 (conventional) and 11 (CXL reset)
 * valid. */
const struct sl_cxl_row sl_cxl_rows[] = {
	{0x0002, 0x0000, 0, false, background_status},
	{0x0100, 0x0000, 1, false, get_events},
	{0x0101, 0x0010, 6, true, clear_events},
	{0x0102, 0x0000, 0, false, get_interrupt},
	{0x0103, 0x0008, 4, true, set_interrupt},
	{0x0200, 0x0000, 0, false, fw_info},
	{0x0201, 0x0041, 128, true, transfer_fw},
	{0x0202, 0x0043, 2, false, activate_fw},
	{0x0300, 0x0000, 0, false, get_time},
	{0x0301, 0x0008, 8, false, set_time},
	{0x0400, 0x0000, 0, false, get_logs},
	{0x0401, 0x0000, 24, false, get_log},
	{0x0403, 0x0010, 16, false, clear_log},
	{0x0500, 0x0000, 8, false, get_features},
	{0x0501, 0x0000, 21, false, get_feature},
	{0x0502, 0x000a, 32, true, set_feature},
	{0x4000, 0x0000, 0, false, identify},
	{0x4100, 0x0000, 0, false, get_partition},
	{0x4101, 0x0007, 9, true, set_partition},
	{0x4102, 0x0000, 8, false, get_lsa},
	{0x4103, 0x0006, 8, true, set_lsa},
	{0x4200, 0x0000, 0, false, get_health},
	{0x4201, 0x0000, 0, false, get_alert},
	{0x4202, 0x0008, 12, false, set_alert},
	{0x4203, 0x0000, 0, false, get_shutdown},
	{0x4204, 0x0008, 1, false, set_shutdown},
	{0x4300, 0x0000, 16, false, get_poison},
	{0x4301, 0x0014, 8, false, inject_poison},
	{0x4302, 0x0014, 72, false, clear_poison},
	{0x4303, 0x0000, 16, false, scan_caps},
	{0x4304, 0x0050, 17, false, scan_media},
	{0x4305, 0x0010, 0, false, scan_results},
	{0x4400, 0x0064, 0, false, erase},
	{0x4401, 0x0064, 0, false, erase},
	{0x4500, 0x0000, 0, false, get_security},
	{0x4501, 0x0028, 96, false, set_passphrase},
	{0x4502, 0x0028, 64, false, disable_passphrase},
	{0x4503, 0x0028, 32, false, unlock},
	{0x4504, 0x0028, 0, false, freeze},
	{0x4505, 0x006c, 64, false, erase_passphrase},
	{0x4601, 0x0000, 8, false, security_receive},
	{0x5300, 0x0000, 16, true, tunnel},
};
const size_t sl_cxl_rows_n = SL_COUNT(sl_cxl_rows);

const struct sl_cxl_row *sl_cxl_row_find(uint16_t opcode)
{
	for (size_t i = 0; i < SL_COUNT(sl_cxl_rows); i++)
		if (sl_cxl_rows[i].opcode == opcode)
			return &sl_cxl_rows[i];
	return NULL;
}
