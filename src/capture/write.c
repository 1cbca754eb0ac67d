/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as the keys of a persona. Each section is written from the fields that have names, and
 * into a scratch copy beside it; where the copy then differs from what the device said, the rest
 * goes into the section's raw bytes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/cxl.h"
#include "capture/scsi.h"
#include "capture/write.h"
#include "wire/wire.h"

enum { PAGE = 4096 };

/* Identify Controller, Base 2.1 Figure 312. */
enum {
	ID_SN = 4,
	ID_MN = 24,
	ID_FR = 64,
	ID_IEEE = 73,
	ID_MDTS = 77,
	ID_FGUID = 112,
	ID_OACS = 256,
	ID_FRMW = 260,
	ID_NPSS = 263,
	ID_ONCS = 520,
	ID_SUBNQN = 768,
	ID_PSD = 2048,
};

struct writer {
	const struct sl_capture *c;
	const uint8_t *id;
	const struct sl_answer *effects[SL_PERSONA_CSI_N];
	json_t *root;
};

json_t *sl_write_number(uint64_t v)
{
	char text[32];

	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	(void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
	return json_string(text);
}

json_t *sl_write_hex(const uint8_t *p, size_t n)
{
	char *text = malloc(2 * n + 1);
	json_t *v;

	for (size_t i = 0; text && i < n; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", p[i]);
	v = text ? json_stringn(text, 2 * n) : NULL;
	free(text);
	return v;
}

static void set(json_t *o, const char *key, json_t *v)
{
	(void)json_object_set_new(o, key, v);
}

static void set_numbered(json_t *o, unsigned n, json_t *v)
{
	char key[16];

	(void)snprintf(key, sizeof(key), "0x%02x", n);
	set(o, key, v);
}

/* An object that is there only when something is in it. */
static void set_unless_empty(json_t *o, const char *key, json_t *v)
{
	if (json_object_size(v) || json_array_size(v))
		set(o, key, v);
	else
		json_decref(v);
}

bool sl_write_zero(const uint8_t *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return n == 0;
}

/* Printable text without its padding; what is not printable is left to the raw bytes. */
static void set_text(json_t *o, const char *key, const uint8_t *from, size_t n, uint8_t pad,
		     uint8_t *scratch)
{
	char text[257];
	size_t len = 0;

	while (len < n && from[len] >= 0x20 && from[len] <= 0x7e)
		len++;
	while (len && from[len - 1] == ' ' && pad == ' ')
		len--;
	memcpy(text, from, len);
	text[len] = 0;
	memset(scratch, pad, n);
	memcpy(scratch, text, len);
	set(o, key, json_string(text));
}

/* What people read bit by bit. */
static json_t *field_value(const char *name, uint64_t v)
{
	static const char *const bits[] = {"vid",  "ssvid", "ver",  "oaes",    "ctratt", "oacs",
					   "oncs", "sgls",  "sqes", "sanicap", "cqes"};
	char text[32];

	for (size_t i = 0; i < SL_COUNT(bits); i++)
		if (!strcmp(bits[i], name)) {
			(void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
			return json_string(text);
		}
	return sl_write_number(v);
}

void sl_write_fields(json_t *o, const struct sl_field *f, size_t n, const char *const *dflt,
		     const uint8_t *from, uint8_t *scratch)
{
	for (size_t i = 0; i < n; i++) {
		unsigned size = f[i].size < 8 ? f[i].size : 8;
		bool always = false;
		uint64_t v = 0;

		if (i && f[i].offset == f[i - 1].offset)
			continue; /* another name of the same */
		for (unsigned b = size; b--;)
			v = v << 8 | from[f[i].offset + b];
		for (const char *const *d = dflt; *d; d++)
			always = always || strcmp(*d, f[i].name) == 0;
		memcpy(scratch + f[i].offset, from + f[i].offset, size);
		if (v || always)
			set(o, f[i].name, field_value(f[i].name, v));
	}
}

/* The rest: runs of bytes that differ from what the keys make; short gaps are bridged. */
void sl_write_raw(json_t *o, const char *key, const uint8_t *want, const uint8_t *scratch, size_t n)
{
	json_t *raw = json_object();

	for (size_t at = 0; at < n; at++) {
		size_t end = at, last = at;
		char offset[24];

		if (want[at] == scratch[at])
			continue;
		for (; end < n && end - last < 8; end++)
			if (want[end] != scratch[end])
				last = end;
		(void)snprintf(offset, sizeof(offset), "%zu", at);
		set(raw, offset, sl_write_hex(want + at, last + 1 - at));
		at = last;
	}
	set_unless_empty(o, key, raw);
}

/* ---- Identify Controller ---- */

static void set_power_states(json_t *o, const uint8_t *id, uint8_t *scratch)
{
	static const char *const none[] = {NULL};
	json_t *states = json_array();

	for (unsigned i = 0; i <= id[ID_NPSS] && i < 32; i++) {
		const uint8_t *p = id + ID_PSD + 32 * i;
		json_t *s = json_object();

		uint8_t *to = scratch + ID_PSD + 32 * i;

		sl_write_fields(s, sl_fields_psd, sl_fields_psd_n, none, p, to);
		if (p[3] & 1)
			set(s, "mxps", json_true());
		if (p[3] & 2)
			set(s, "nops", json_true());
		to[3] = p[3] & 3;
		(void)json_array_append_new(states, s);
	}
	set(o, "power_states", states);
}

static void write_controller(struct writer *w)
{
	/* What the loader fills in where nothing is said. */
	static const char *const dflt[] = {
		"ver",	 "cntrltype", "acl",	"aerl", "elpe",	   "sqes", "cqes",  "mdts",
		"avscc", "wctemp",    "cctemp", "nn",	"frmw",	   "lpa",  "rtd3r", "rtd3e",
		"oacs",	 "sanicap",   "oncs",	"cdfs", "tnvmcap", NULL};
	uint8_t *scratch = calloc(1, PAGE);
	const uint8_t *id = w->id;
	json_t *o = json_object();
	uint8_t oui[3] = {id[ID_IEEE + 2], id[ID_IEEE + 1], id[ID_IEEE]};

	if (!scratch) {
		json_decref(o);
		return;
	}
	set_text(o, "sn", id + ID_SN, 20, ' ', scratch + ID_SN);
	set_text(o, "mn", id + ID_MN, 40, ' ', scratch + ID_MN);
	set_text(o, "fr", id + ID_FR, 8, ' ', scratch + ID_FR);
	set_text(o, "subnqn", id + ID_SUBNQN, 223, 0, scratch + ID_SUBNQN);
	set(o, "ieee", sl_write_hex(oui, sizeof(oui)));
	memcpy(scratch + ID_IEEE, id + ID_IEEE, 3);
	if (!sl_write_zero(id + ID_FGUID, 16))
		set(o, "fguid", sl_write_hex(id + ID_FGUID, 16));
	memcpy(scratch + ID_FGUID, id + ID_FGUID, 16);
	sl_write_fields(o, sl_fields_id_ctrl, sl_fields_id_ctrl_n, dflt, id, scratch);
	set_power_states(o, id, scratch);
	set(w->root, "identify_controller", o);
	sl_write_raw(w->root, "identify_controller_raw", id, scratch, PAGE);
	free(scratch);
}

/* ---- effects logs and commands ---- */

static json_t *opcode_map(const uint8_t *log)
{
	json_t *o = json_object();
	char text[160];

	for (unsigned op = 0; op < 256; op++) {
		uint32_t word = sl_get_le32(log + 4 * op);

		if (word)
			set_numbered(o, op,
				     json_string(sl_persona_effect_text(word, text, sizeof(text))));
	}
	return o;
}

/* Commands that work without the effects log's word: what answered, or the capability bits. */
static void write_unlisted(struct writer *w)
{
	static const uint8_t mandatory[] = {0x00, 0x01, 0x02, 0x04, 0x05,
					    0x06, 0x08, 0x09, 0x0a, 0x0c};
	json_t *admin = json_array(), *nvm = json_array(), *o = json_object();
	const uint8_t *log = w->effects[0] ? w->effects[0]->data : NULL;
	bool answered[256] = {false};

	for (unsigned i = 0; i < w->c->n; i++)
		if (sl_answer_good(w->c->answer[i]))
			answered[w->c->answer[i]->cmd.req[0]] = true;
	for (unsigned i = 0; !log && i < SL_COUNT(mandatory); i++)
		answered[mandatory[i]] = true;
	for (size_t i = 0; !log && i < sl_persona_capabilities_n; i++) {
		const struct sl_persona_capability *k = &sl_persona_capabilities[i];
		uint16_t bits = sl_get_le16(w->id + (k->io ? ID_ONCS : ID_OACS));

		if (bits & k->bit && k->io)
			(void)json_array_append_new(nvm, json_integer(k->opcode));
		else if (bits & k->bit)
			answered[k->opcode] = true;
	}
	for (unsigned op = 0; op < 256; op++)
		if (answered[op] && !(log && log[4 * op] & 1))
			(void)json_array_append_new(admin, json_integer((json_int_t)op));
	for (unsigned op = 0; !log && op < 3; op++) /* Flush, Write, Read */
		(void)json_array_append_new(nvm, json_integer((json_int_t)op));
	set_unless_empty(o, "admin", admin);
	set_unless_empty(o, "nvm", nvm);
	set_unless_empty(w->root, "unlisted", o);
}

static void write_effects(struct writer *w)
{
	static const char *const names[SL_PERSONA_CSI_N] = {"nvm", "kv", "zns"};
	json_t *o = json_object(), *raw = json_object(), *quirks = json_object();
	uint8_t *scratch = malloc(PAGE);

	for (unsigned csi = 0; scratch && csi < SL_PERSONA_CSI_N; csi++) {
		const struct sl_answer *a = w->effects[csi];

		if (!a)
			continue;
		if (!csi)
			set(o, "admin", opcode_map(a->data));
		set(o, names[csi], opcode_map(a->data + 1024));
		memset(scratch, 0, PAGE);
		memcpy(scratch, a->data, 2048);
		sl_write_raw(raw, names[csi], a->data, scratch, PAGE);
		if (!csi && a->len < PAGE)
			set(quirks, "effects_log_bytes", json_integer(a->len));
	}
	for (unsigned i = 0; i < w->c->n; i++) {
		const struct sl_answer *a = w->c->answer[i];

		if (a->denied || !a->status || a->cmd.req[0] != SL_CAPTURE_GET_LOG ||
		    sl_capture_sub(a) != 0x05 || a->cmd.req[59])
			continue;
		set(quirks, "effects_log_missing", json_true());
		set(quirks, "effects_log_status", json_integer(a->status));
	}
	free(scratch);
	set_unless_empty(w->root, "effects_log", o);
	set_unless_empty(w->root, "effects_log_raw", raw);
	set_unless_empty(w->root, "quirks", quirks);
	write_unlisted(w);
}

/* ---- features ---- */

static const struct sl_answer *feature(const struct writer *w, unsigned fid, unsigned sel)
{
	for (unsigned i = 0; i < w->c->n; i++) {
		const struct sl_answer *a = w->c->answer[i];

		if (sl_answer_good(a) && a->cmd.req[0] == SL_CAPTURE_GET_FEATURES &&
		    sl_capture_sub(a) == (fid | sel << 8))
			return a;
	}
	return NULL;
}

static json_t *feature_object(const struct writer *w, unsigned fid)
{
	enum { FID_TIMESTAMP = 0x0e };
	static const char *const names[] = {"current", "default", "saved"};
	const struct sl_answer *now = feature(w, fid, 0), *caps = feature(w, fid, 3);
	json_t *o = json_object();
	uint32_t can = caps ? (uint32_t)caps->result : 4;
	uint32_t nsid = now ? sl_get_le32(now->cmd.req + 4) : 0;

	for (unsigned sel = 0; sel < SL_COUNT(names); sel++) {
		const struct sl_answer *a = feature(w, fid, sel);

		if (a && (sel != 2 || can & 1))
			set(o, names[sel], sl_write_number((uint32_t)a->result));
	}
	if (!(can & 4))
		set(o, "changeable", json_false());
	if (can & 1)
		set(o, "saveable", json_true());
	if (caps ? can & 2 : nsid != 0)
		set(o, "namespace_specific", json_true());
	/* A clock runs; its value is none to start from. */
	if (now && fid != FID_TIMESTAMP && !sl_write_zero(now->data, now->len))
		set(o, "data", sl_write_hex(now->data, now->len));
	return o;
}

static void write_features(struct writer *w)
{
	json_t *o = json_object();

	for (unsigned fid = 1; fid < 256; fid++)
		if (feature(w, fid, 0))
			set_numbered(o, fid, feature_object(w, fid));
	set_unless_empty(w->root, "features", o);
}

/* ---- logs ---- */

/* Given by the device's bytes: declarations, and what the model does not make itself. */
static bool given(uint8_t lid, const bool fixed[256])
{
	static const uint8_t lids[] = {0x00, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x16, 0x22};

	return fixed[lid] || memchr(lids, lid, sizeof(lids));
}

static void write_logs(struct writer *w, const bool fixed[256])
{
	const struct sl_answer *list = sl_capture_find(w->c, SL_CAPTURE_GET_LOG, 0, 0x00, 0);
	json_t *logs = json_array(), *lids = json_array();
	bool has[256] = {false};

	for (unsigned i = 0; list && i < 256; i++)
		has[i] = list->data[4 * i] & 1;
	for (unsigned i = 0; i < w->c->n; i++) {
		const struct sl_answer *a = w->c->answer[i];
		uint8_t lid = (uint8_t)sl_capture_sub(a);
		json_t *o;

		if (!sl_answer_good(a) || a->cmd.req[0] != SL_CAPTURE_GET_LOG)
			continue;
		has[lid] = true;
		if (!given(lid, fixed) || !a->len)
			continue;
		o = json_object();
		set(o, "lid", json_integer(lid));
		set(o, "data", sl_write_hex(a->data, a->len));
		if (fixed[lid])
			set(o, "override", json_true());
		(void)json_array_append_new(logs, o);
	}
	for (unsigned lid = 0; lid < 256; lid++)
		if (has[lid])
			(void)json_array_append_new(lids, json_integer((json_int_t)lid));
	set(w->root, "supported_logs", lids);
	set_unless_empty(w->root, "logs", logs);
}

/* How many entries there are, and how many there were. The model makes entries of its own. */
static void write_errors(struct writer *w)
{
	const struct sl_answer *a = sl_capture_find(w->c, SL_CAPTURE_GET_LOG, 0, 0x01, 0);
	json_t *o;
	unsigned n = 0;

	while (a && n < a->len / 64 && sl_get_le64(a->data + 64 * n))
		n++;
	if (!n)
		return;
	o = json_object();
	set(o, "entries", json_integer((json_int_t)n));
	set(o, "total", sl_write_number(sl_get_le64(a->data)));
	set(w->root, "error_log", o);
}

static void write_smart(struct writer *w)
{
	static const char *const dflt[] = {"temperature", "available_spare", "spare_threshold",
					   "error_entries", NULL};
	const struct sl_answer *a =
		sl_capture_find(w->c, SL_CAPTURE_GET_LOG, SL_CAPTURE_NSID_ALL, 0x02, 0);
	uint8_t scratch[512] = {0};
	json_t *o;

	if (!a)
		return;
	o = json_object();
	sl_write_fields(o, sl_fields_smart, sl_fields_smart_n, dflt, a->data, scratch);
	set(w->root, "smart", o);
	sl_write_raw(w->root, "smart_raw", a->data, scratch, sizeof(scratch));
}

static void write_firmware(struct writer *w)
{
	const struct sl_answer *a = sl_capture_find(w->c, SL_CAPTURE_GET_LOG, 0, 0x03, 0);
	json_t *o = json_object(), *revisions = json_object();
	uint8_t frmw = w->id[ID_FRMW], slots = frmw >> 1 & 7, scratch[8];
	uint8_t active = a ? a->data[0] & 7 : 0, next = a ? a->data[0] >> 4 & 7 : 0;

	for (uint8_t s = 1; a && s <= 7; s++) {
		char key[2] = {(char)('0' + s), 0};

		if (sl_write_zero(a->data + 8 * s, 8))
			continue;
		set_text(revisions, key, a->data + 8 * s, 8, ' ', scratch);
		slots = s > slots ? s : slots;
	}
	slots = active > slots ? active : slots;
	set(o, "slots", json_integer(slots ? slots : 1));
	set(o, "slot1_read_only", json_boolean(frmw & 1));
	set(o, "activate_without_reset", json_boolean(frmw & 0x10));
	if (active)
		set(o, "active", json_integer(active));
	if (next && next <= slots && !sl_write_zero(a->data + 8 * next, 8))
		set(o, "next", json_integer(next));
	set_unless_empty(o, "revisions", revisions);
	set(w->root, "firmware", o);
}

/* ---- what is not in the file ---- */

void sl_write_note(json_t *notes, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)json_array_append_new(notes, json_string(text));
}

static json_t *notes(const struct writer *w)
{
	const struct sl_answer *list = sl_capture_find(w->c, SL_CAPTURE_GET_LOG, 0, 0x00, 0);
	json_t *n = json_array();
	bool asked[256] = {false};

	sl_write_note(n,
		      "A device as it described itself. What it does beside that was not tried.");
	for (unsigned i = 0; i < w->c->n; i++) {
		const struct sl_answer *a = w->c->answer[i];

		if (a->cmd.req[0] == SL_CAPTURE_GET_LOG)
			asked[sl_capture_sub(a) & 0xff] = true;
		if (a->denied)
			sl_write_note(
				n, "not asked, the policy does not allow it: opcode %02xh, %03xh",
				a->cmd.req[0], sl_capture_sub(a));
		else if (a->status)
			sl_write_note(
				n, "refused by the device with status %03xh: opcode %02xh, %03xh",
				a->status, a->cmd.req[0], sl_capture_sub(a));
	}
	for (unsigned lid = 0; list && lid < 256; lid++)
		if (list->data[4 * lid] & 1 && !asked[lid])
			sl_write_note(
				n,
				"not read, reading it may change something or tell too much: log "
				"%02xh",
				lid);
	return n;
}

json_t *sl_capture_write(const struct sl_capture *c, const struct sl_capture_label *label,
			 const bool fixed[256])
{
	const struct sl_answer *id = sl_capture_find(c, SL_CAPTURE_IDENTIFY, 0, 0x01, 0);
	struct writer w = {.c = c, .root = json_object()};
	char title[128];
	int n = 40;

	if (c->protocol == SL_WIRE_SCSI) {
		json_decref(w.root);
		return sl_scsi_capture_write(c, label);
	}
	if (c->protocol == SL_WIRE_CXL) {
		json_decref(w.root);
		return sl_cxl_capture_write(c, label);
	}
	if (!id || !w.root)
		return NULL;
	w.id = id->data;
	for (unsigned csi = 0; csi < SL_PERSONA_CSI_N; csi++)
		w.effects[csi] = sl_capture_find(c, SL_CAPTURE_GET_LOG, 0, 0x05, csi);
	while (n && (w.id[ID_MN + n - 1] == ' ' || !w.id[ID_MN + n - 1]))
		n--;
	(void)snprintf(title, sizeof(title), "captured: %.*s", n, (const char *)w.id + ID_MN);
	for (char *p = title; *p; p++)
		*p = *p < 0x20 || *p > 0x7e ? '?' : *p;
	set(w.root, "format", json_integer(SL_PERSONA_FORMAT));
	set(w.root, "title", json_string(label->title ? label->title : title));
	set(w.root, "source", json_string(label->source ? label->source : ""));
	set(w.root, "comment", notes(&w));
	write_controller(&w);
	write_effects(&w);
	write_features(&w);
	write_logs(&w, fixed);
	write_smart(&w);
	write_errors(&w);
	write_firmware(&w);
	sl_write_namespaces(c, w.root);
	return w.root;
}
