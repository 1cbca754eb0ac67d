/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier knows of CXL memory devices: what their mailbox lets be read (CXL 3.1 §8.2.9),
 * and the canonical commands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "wire/wire.h"

#define UNSUPPORTED	   0x03u /* return code, table 8-34 */
#define OUT_MAX		   2048u
#define SCAN_RESULTS	   0x4305u
#define LSA_BYTES	   512u
#define UUID_BYTES	   16u
#define FEATURE_MAX	   128u
#define SELECTIONS	   3u
#define CEL_MAX		   2048u
#define SUPPORTED_FEATURES 0x0500u
#define SET_HEADER	   32u /* bytes in front of the value in Set Feature */
#define COMMANDS	   16u /* of each command set that are tried although nobody lists them */

static struct sl_command mailbox(uint16_t opcode, uint32_t in, uint32_t out)
{
	struct sl_command cmd = {.set = SL_SET_CXL,
				 .dir = (uint8_t)((in ? SL_DIR_OUT : 0) | (out ? SL_DIR_IN : 0)),
				 .req_len = SL_MBOX_REQ_LEN,
				 .data_len = in > out ? in : out};

	cmd.req[0] = (uint8_t)(opcode >> 8);
	cmd.req[1] = (uint8_t)opcode;
	sl_put_le32(cmd.req + SL_MBOX_IN_LEN, in);
	sl_put_le32(cmd.req + SL_MBOX_OUT_LEN, out);
	return cmd;
}

static bool no_such(const struct sl_answer *a)
{
	return sl_answer_code(a) == UNSUPPORTED;
}

static bool look(struct sl_finder *f, uint8_t facet, unsigned sel, uint16_t opcode,
		 const uint8_t *in, uint8_t in_len, uint32_t out, const char *name)
{
	struct sl_probe p = {.facet = facet,
			     .sel = (uint8_t)sel,
			     .cmd = mailbox(opcode, in_len, out),
			     .out_len = in_len};

	if (in_len)
		memcpy(p.out, in, in_len);
	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	return sl_finder_try(f, &p);
}

/* Not watched is what tells of time, of progress and of how the host talks to it. */
static const struct {
	uint8_t facet, in_len;
	uint16_t opcode, out;
	bool watched;
	const char *name;
	uint8_t in[16];
} singles[] = {
	{SL_FACET_C_IDENTIFY, 0, 0x4000, 0x45, true, "identify memory device", {0}},
	{SL_FACET_C_BACKGROUND, 0, 0x0002, 8, false, "background operation", {0}},
	{SL_FACET_C_POLICY, 0, 0x0003, 1, false, "response message limit", {0}},
	{SL_FACET_C_EVENTS, 1, 0x0100, 2048, true, "informational events", {0}},
	{SL_FACET_C_EVENTS, 1, 0x0100, 2048, true, "warning events", {1}},
	{SL_FACET_C_EVENTS, 1, 0x0100, 2048, true, "failure events", {2}},
	{SL_FACET_C_EVENTS, 1, 0x0100, 2048, true, "fatal events", {3}},
	{SL_FACET_C_POLICY, 0, 0x0102, 8, true, "event interrupt policy", {0}},
	{SL_FACET_C_POLICY, 0, 0x0104, 8, false, "event notification policy", {0}},
	{SL_FACET_C_FIRMWARE, 0, 0x0200, 0x50, true, "firmware info", {0}},
	{SL_FACET_C_TIME, 0, 0x0300, 8, false, "timestamp", {0}},
	{SL_FACET_SUPPORTED, 0, 0x0400, 256, true, "supported logs", {0}},
	{SL_FACET_SUPPORTED, 8, 0x0500, 2048, true, "supported features", {0, 8}},
	{SL_FACET_C_PARTITION, 0, 0x4100, 0x20, true, "partition", {0}},
	{SL_FACET_C_LSA, 8, 0x4102, LSA_BYTES, true, "labels", {0, 0, 0, 0, 0, 2}},
	{SL_FACET_C_HEALTH, 0, 0x4200, 0x12, true, "health", {0}},
	{SL_FACET_C_ALERT, 0, 0x4201, 0x10, true, "alert configuration", {0}},
	{SL_FACET_C_SHUTDOWN, 0, 0x4203, 1, true, "shutdown state", {0}},
	/* Physical address 0, as many units of 64 bytes as can be said. */
	{SL_FACET_C_POISON, 16, 0x4300, 2048, true, "poison list", {[12] = 1}},
	{SL_FACET_C_SECURITY, 0, 0x4500, 4, true, "security state", {0}},
	{SL_FACET_C_POLICY, 0, 0x4700, 8, true, "QoS control", {0}},
};

static bool look_single(struct sl_finder *f, size_t i)
{
	return look(f, singles[i].facet, (unsigned)i, singles[i].opcode, singles[i].in,
		    singles[i].in_len, singles[i].out, singles[i].name);
}

static bool look_cel(struct sl_finder *f, uint32_t bytes)
{
	uint8_t in[24] = {0};

	memcpy(in, sl_cxl_cel_uuid, UUID_BYTES);
	sl_put_le32(in + 20, bytes);
	return look(f, SL_FACET_EFFECTS, 0, 0x0401, in, sizeof(in), bytes, "effects log");
}

/* Current, default and saved: §8.2.9.6.2, Selection. */
static bool look_feature(struct sl_finder *f, unsigned i, const uint8_t *uuid, uint8_t sel,
			 uint16_t bytes)
{
	static const char *const names[] = {"", ", default", ", saved"};
	static const uint8_t facets[] = {SL_FACET_FEATURE, SL_FACET_FEATURE_OTHER,
					 SL_FACET_FEATURE_SAVED};
	uint8_t in[21] = {0};
	char name[64];

	(void)snprintf(name, sizeof(name), "feature %02x%02x%02x%02x%s", uuid[0], uuid[1], uuid[2],
		       uuid[3], names[sel]);
	memcpy(in, uuid, UUID_BYTES);
	sl_put_le16(in + 18, bytes);
	in[20] = sel;
	return look(f, facets[sel], i, 0x0501, in, sizeof(in), bytes, name);
}

/* As long as the list of logs says that it is; a device refuses more. */
static void find_cel(struct sl_finder *f)
{
	const struct sl_command logs = mailbox(0x0400, 0, 256);
	struct sl_answer a;
	uint32_t n = 0;

	f->error = sl_rig_call(f->rig, &logs, f->data, &a);
	if (!f->error && sl_answer_ok(&a))
		(void)sl_contract_cxl_logs(f->data, a.len < 256 ? a.len : 256, &n);
	for (n = n && n < CEL_MAX ? n & ~3u : CEL_MAX; n >= 4 && !f->error && !look_cel(f, n);)
		n -= 4;
}

static void find(struct sl_finder *f)
{
	for (size_t i = 0; i < SL_COUNT(singles); i++)
		(void)look_single(f, i);
	find_cel(f);
	/* A device refuses more than a feature has. */
	for (unsigned i = 0; i < f->c->n_features; i++)
		for (uint8_t sel = 0; sel < SELECTIONS; sel++)
			for (uint16_t n = FEATURE_MAX; n; n--)
				if (look_feature(f, i, f->c->features[i].uuid, sel, n))
					break;
}

/* Supported Feature Entry, §8.2.9.6.1: UUID, index, bytes to get, … */
#define ENTRY_HEAD  8u
#define ENTRY_BYTES 48u
#define ENTRY_GET   18u

static void watch(struct sl_finder *f)
{
	uint8_t list[2048] = {0};
	uint32_t cel = 0, n;

	for (size_t i = 0; i < SL_COUNT(singles); i++) {
		if (!singles[i].watched || !look_single(f, i) ||
		    singles[i].facet != SL_FACET_SUPPORTED)
			continue;
		if (singles[i].opcode == SUPPORTED_FEATURES)
			memcpy(list, f->data, sizeof(list));
		else
			(void)sl_contract_cxl_logs(f->data, singles[i].out, &cel);
	}
	if (cel)
		(void)look_cel(f, cel < CEL_MAX ? cel : CEL_MAX);
	n = sl_get_le16(list);
	for (unsigned i = 0; i < n && ENTRY_HEAD + (i + 1) * ENTRY_BYTES <= sizeof(list); i++) {
		const uint8_t *e = list + ENTRY_HEAD + (size_t)i * ENTRY_BYTES;
		uint16_t bytes = sl_get_le16(e + ENTRY_GET);

		if (!bytes || bytes > FEATURE_MAX)
			continue;
		(void)look_feature(f, i, e, 0, bytes);
		(void)look_feature(f, i, e, 2, bytes);
	}
}

#define KNOWN(set, command, role)                                                                  \
	{                                                                                          \
		SL_SET_CXL, set, 1, 0xff, command, SL_ROLE_##role                                  \
	}

static const struct sl_known known[] = {
	KNOWN(0x40, 0x00, VITAL),   KNOWN(0x42, 0x00, VITAL),	KNOWN(0x04, 0x01, VITAL),
	KNOWN(0x00, 0x01, REPORTS), KNOWN(0x00, 0x02, REPORTS), KNOWN(0x01, 0x00, REPORTS),
	KNOWN(0x01, 0x02, REPORTS), KNOWN(0x02, 0x00, REPORTS), KNOWN(0x03, 0x00, REPORTS),
	KNOWN(0x04, 0x00, REPORTS), KNOWN(0x05, 0x00, REPORTS), KNOWN(0x05, 0x01, REPORTS),
	KNOWN(0x41, 0x00, REPORTS), KNOWN(0x42, 0x01, REPORTS), KNOWN(0x42, 0x03, REPORTS),
	KNOWN(0x43, 0x00, REPORTS), KNOWN(0x45, 0x00, REPORTS),
};

static void neutral(const struct sl_contract *c, unsigned i, struct sl_case *ret)
{
	static const struct {
		uint16_t opcode, out;
		const char *name;
	} v[SL_NEUTRALS] = {
		{0x0400, 256, "get-supported-logs"},
		{0x0200, 0x50, "get-fw-info"},
		{0x4100, 0x20, "get-partition-info"},
	};

	(void)c;
	*ret = (struct sl_case){.nsid = 1, .cmd = mailbox(v[i].opcode, 0, v[i].out)};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", v[i].name);
}

/* Input payloads of canonical forms. `more`: bytes beyond those that the row has at least. */
static const struct {
	uint16_t opcode;
	uint8_t more, len;
	uint8_t bytes[24];
} payloads[] = {
	{0x0101, 0, 2, {0, 1}},		  /* Clear Event Records: all */
	{0x0102, 0, 0, {0}},		  /**/
	{0x0201, 128, 2, {0, 2}},	  /* Transfer FW: full, slot 2 */
	{0x0202, 0, 2, {1, 2}},		  /* Activate FW: at reset, slot 2 */
	{0x0301, 0, 8, {1, 2, 3, 4, 5}},  /* Set Timestamp */
	{0x0500, 0, 8, {0, 8}},		  /* Get Supported Features */
	{0x4101, 0, 9, {1}},		  /* Set Partition: 256 MiB, at reset */
	{0x4102, 0, 8, {0, 0, 0, 0, 64}}, /* Get LSA */
	{0x4103, 64, 16, {[8] = 's', 'l', 'u', 'i', 'c', 'e'}}, /* Set LSA */
	{0x4202, 0, 12, {1, 1, 80}},				/* Set Alert: life used */
	{0x4300, 0, 16, {[8] = 16}},				/* Get Poison List */
	{0x4301, 0, 8, {0, 0x10}},				/* Inject Poison */
	{0x4302, 0, 8, {0, 0x10}},				/* Clear Poison */
	{0x4303, 0, 16, {[8] = 16}},				/* Get Scan Media Capabilities */
	{0x4304, 0, 17, {[8] = 16}},				/* Scan Media */
};

static struct sl_case start(struct sl_maker *m, uint16_t row, uint16_t opcode)
{
	const struct sl_row *w = &sl_rows[row];
	uint32_t in = w->len == SL_LEN_MBOX || w->len == SL_LEN_MBOX_MIN ? w->len_arg : 0;
	struct sl_case x = {.row = row, .nsid = 1};

	memset(m->payload, 0, sizeof(m->payload));
	for (size_t i = 0; i < SL_COUNT(payloads); i++)
		if (payloads[i].opcode == opcode) {
			memcpy(m->payload, payloads[i].bytes, payloads[i].len);
			in += payloads[i].more;
		}
	x.cmd = mailbox(opcode, in, OUT_MAX);
	/* What there is to get takes another command before it. */
	x.kind = opcode == SCAN_RESULTS ? SL_CASE_FIELD : SL_CASE_BASE;
	(void)snprintf(x.name, sizeof(x.name), "%s", w->name);
	return x;
}

static void finish(struct sl_maker *m, struct sl_case *x)
{
	bool out = x->cmd.dir & SL_DIR_OUT;

	if (m->error)
		return;
	x->payload = NULL;
	sl_case_judge(m->c, out ? m->payload : NULL, x);
	x->payload = out ? m->payload : NULL;
	if (!sl_cases_add(m->out, x))
		m->error = -ENOMEM;
}

/* Each log by its UUID; each feature, set to the value that it has and to one beside it. */
static void make_features(struct sl_maker *m, uint16_t row, uint16_t opcode)
{
	for (size_t i = 0; i < m->p->n; i++) {
		const struct sl_probe *p = &m->p->v[i];
		const struct sl_feature *x = sl_contract_feature(m->c, p->out);
		uint32_t size;

		if (p->facet != SL_FACET_FEATURE || !x || (opcode == 0x0502 && !x->set_size))
			continue;
		size = sl_get_le16(p->out + 18);
		for (unsigned v = 0; v < 4; v++) {
			struct sl_case k = start(m, row, opcode);
			bool get = (opcode & 0xff) == 1;
			uint32_t n = get ? p->out_len : SET_HEADER + size;

			if (get) {
				memcpy(m->payload, p->out, p->out_len);
				m->payload[20] = (uint8_t)(v % 3);
			} else {
				memcpy(m->payload, p->out, UUID_BYTES);
				m->payload[16] = (uint8_t)((v & 1) << 3); /* saved */
				m->payload[22] = 1;			  /* version */
				memcpy(m->payload + SET_HEADER, m->look->bytes + p->off, size);
				m->payload[SET_HEADER] ^= (uint8_t)(v >> 1);
			}
			k.cmd = mailbox(opcode, n, get ? OUT_MAX : 0);
			k.kind = v ? SL_CASE_FIELD : SL_CASE_BASE;
			(void)snprintf(k.name, sizeof(k.name), "%s %.40s%s", sl_rows[row].name,
				       p->name, !get && v & 1 ? " saved" : "");
			finish(m, &k);
		}
	}
}

static void make(struct sl_maker *m, uint16_t row, uint16_t opcode)
{
	struct sl_case x = start(m, row, opcode);

	if (opcode == 0x0501 || opcode == 0x0502) {
		make_features(m, row, opcode);
		return;
	}
	if (sl_rows[row].flags & SL_ROW_CEL || strstr(sl_rows[row].name, "log-cap")) {
		memcpy(m->payload, sl_cxl_cel_uuid, UUID_BYTES);
		m->payload[20] = 4;
	}
	if (sl_rows[row].flags & SL_ROW_VENDOR)
		(void)snprintf(x.name, sizeof(x.name), "%s %04Xh", sl_rows[row].name, opcode);
	finish(m, &x);
}

static bool listed(const struct sl_contract *c, uint16_t opcode)
{
	const struct sl_entry *e =
		sl_contract_find(c, sl_key(SL_SET_CXL, opcode >> 8, opcode & 0xff));

	return e && e->flags & SL_ENTRY_SUPPORTED;
}

static void base(struct sl_maker *m)
{
	for (uint16_t row = 0; row < sl_row_count && !m->error; row++) {
		const struct sl_row *w = &sl_rows[row];

		if (w->set != SL_SET_CXL || w->sel_group ||
		    w->flags & (SL_ROW_KERNEL | SL_ROW_UNLISTED | SL_ROW_NO_DEPTH))
			continue;
		for (unsigned set = w->op_lo; set <= w->op_hi; set++)
			for (unsigned n = 0; n < 256; n++) {
				uint16_t opcode = (uint16_t)(set << 8 | n);

				if (w->flags & SL_ROW_VENDOR ? listed(m->c, opcode)
							     : n >= w->sel_lo && n <= w->sel_hi)
					make(m, row, opcode);
			}
	}
}

static int opcodes(const struct sl_contract *c, struct sl_cases *cases)
{
	for (unsigned i = 0; i < 256 * COMMANDS; i++) {
		uint16_t opcode = (uint16_t)(i / COMMANDS << 8 | i % COMMANDS);
		struct sl_case x = {.kind = SL_CASE_OPCODE, .nsid = 1};
		const struct sl_row *w;

		if (listed(c, opcode))
			continue;
		x.cmd = mailbox(opcode, 0, OUT_MAX);
		x.row = sl_row_find(SL_SET_CXL, x.cmd.req);
		w = &sl_rows[x.row];
		if (w->flags & SL_ROW_KERNEL)
			continue;
		if (w->len == SL_LEN_MBOX || w->len == SL_LEN_MBOX_MIN)
			x.cmd = mailbox(opcode, w->len_arg, OUT_MAX);
		x.floor = w->floor;
		x.scope = w->scope;
		(void)snprintf(x.name, sizeof(x.name), "%s opcode %04Xh", w->name, opcode);
		x.payload = x.cmd.dir & SL_DIR_OUT ? calloc(1, x.cmd.data_len) : NULL;
		if (!sl_cases_add(cases, &x)) {
			free(x.payload);
			return -ENOMEM;
		}
		free(x.payload);
	}
	return 0;
}

/* Set Feature sets the one that its payload names. */
static bool sets_one(const struct sl_case *x, const struct sl_probe *p, bool *ret_this)
{
	if ((p->facet != SL_FACET_FEATURE && p->facet != SL_FACET_FEATURE_SAVED) ||
	    !(sl_rows[x->row].flags & SL_ROW_FEATURE) || !x->payload)
		return false;
	*ret_this = memcmp(p->out, x->payload, UUID_BYTES) == 0;
	return true;
}

/* Set Feature, Set LSA, Set Alert Configuration, Set Shutdown State: as they were read. */
static bool set(const struct sl_contract *c, const struct sl_probe *p, uint64_t value,
		const uint8_t *bytes, uint8_t *payload, struct sl_command *ret)
{
	const struct sl_feature *x = sl_contract_feature(c, p->out);
	uint32_t size = sl_get_le16(p->out + 18);

	(void)value;
	if (!bytes)
		return false;
	switch (p->facet) {
	case SL_FACET_FEATURE:
		if (!x || !x->set_size)
			return false;
		memcpy(payload, p->out, UUID_BYTES);
		payload[22] = 1; /* version */
		memcpy(payload + SET_HEADER, bytes, size);
		*ret = mailbox(0x0502, SET_HEADER + size, 0);
		return true;
	case SL_FACET_C_LSA:
		memcpy(payload + 8, bytes, LSA_BYTES);
		*ret = mailbox(0x4103, 8 + LSA_BYTES, 0);
		return true;
	case SL_FACET_C_ALERT: /* tables 8-136 and 8-137 */
		payload[0] = bytes[1];
		payload[1] = bytes[0] & bytes[1];
		payload[2] = bytes[3];
		memcpy(payload + 4, bytes + 8, 8);
		*ret = mailbox(0x4202, 12, 0);
		return true;
	case SL_FACET_C_SHUTDOWN: /* a kernel's to say; none uses a device on the wire */
		payload[0] = bytes[0] & 1;
		*ret = mailbox(0x4204, 1, 0);
		return true;
	default:
		return false;
	}
}

/* Of features and labels the first byte, of alerts the threshold of life used; clean or dirty. */
static bool other(const struct sl_probes *p, const struct sl_look *l, const struct sl_probe *q,
		  unsigned i, uint8_t *bytes)
{
	(void)p;
	(void)l;
	if (i || (q->facet != SL_FACET_FEATURE && q->facet != SL_FACET_C_LSA &&
		  q->facet != SL_FACET_C_ALERT && q->facet != SL_FACET_C_SHUTDOWN))
		return false;
	bytes[q->facet == SL_FACET_C_ALERT ? 3 : 0] ^= 1;
	return true;
}

const struct sl_observed sl_observed_cxl = {
	.set = set,
	.other = other,
	.declaration = find_cel,
	.source = SL_SOURCE_CEL,
	.facets = SL_FACETS(C_IDENTIFY, C_BACKGROUND) | SL_FACETS(FEATURE, SUPPORTED) |
		  SL_FACETS(HASH, HASH),
	.no_such_text = "Unsupported",
	.no_such = no_such,
	.find = find,
	.neutral = neutral,
	.base = base,
	.opcodes = opcodes,
	.sets_one = sets_one,
	.watch = watch,
	.firmware_at = 0,
	.firmware_len = 16,
	.known = known,
	.n_known = SL_COUNT(known),
};
