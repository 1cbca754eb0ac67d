/* SPDX-License-Identifier: Apache-2.0 */
/* A persona of a logical unit: pages as they came, capacity and commands by their keys. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/scsi.h"
#include "capture/write.h"

enum { BYTES_MAX = 4096, MODE_MAX = 255 }; /* of one page in a persona */

struct writer {
	const struct sl_capture *c;
	json_t *root, *notes;
	uint8_t type;
};

static void set(json_t *o, const char *key, json_t *v)
{
	(void)json_object_set_new(o, key, v);
}

/* Text of a device: padded, and not always text. */
static json_t *text(const uint8_t *p, unsigned n)
{
	char buf[64];

	while (n && (p[n - 1] == ' ' || !p[n - 1]))
		n--;
	for (unsigned i = 0; i < n; i++)
		buf[i] = p[i] < 0x20 || p[i] > 0x7e ? '?' : (char)p[i];
	return json_stringn(n ? buf : "?", n ? n : 1);
}

static const char *hex_key(unsigned v, char buf[16])
{
	(void)snprintf(buf, 16, "0x%02x", v);
	return buf;
}

/* The names can be read; all else of it is bytes. */
static void write_inquiry(struct writer *w, const struct sl_answer *a)
{
	uint32_t whole = a->data[4] + 5u, n = a->len < whole ? a->len : whole;
	json_t *o = json_object(), *raw = json_object();

	set(o, "type", json_integer(w->type));
	set(o, "vendor", text(a->data + 8, 8));
	set(o, "product", text(a->data + 16, 16));
	set(o, "revision", text(a->data + 32, 4));
	set(o, "removable", json_boolean(a->data[1] & 0x80));
	set(o, "version", json_integer(a->data[2]));
	set(o, "length", json_integer(whole < 36 ? 36 : whole > 256 ? 256 : whole));
	set(w->root, "inquiry", o);
	set(raw, "0", sl_write_hex(a->data, 8));
	if (n > 36)
		set(raw, "36", sl_write_hex(a->data + 36, n - 36));
	set(w->root, "inquiry_raw", raw);
}

static void write_vpd(struct writer *w)
{
	json_t *pages = json_object();

	for (unsigned page = 0; page < 0xc0; page++) {
		const uint8_t cdb[3] = {SCSI_INQUIRY, 1, (uint8_t)page};
		const struct sl_answer *a = sl_scsi_find(w->c, cdb, sizeof(cdb));
		uint32_t n = a && a->len >= 4 ? sl_get_be16(a->data + 2) : 0;
		char key[16];

		if (!a || a->len < 4)
			continue;
		n = n < a->len - 4 ? n : a->len - 4;
		if (n <= BYTES_MAX)
			set(pages, hex_key(page, key), sl_write_hex(a->data + 4, n));
		else
			sl_write_note(w->notes, "too long for a persona: VPD page %02xh", page);
	}
	set(w->root, "vpd", pages);
}

/* Of a medium that is there, or of none. */
static void write_medium(struct writer *w)
{
	static const uint8_t ten[1] = {SCSI_READ_CAPACITY}, sixteen[2] = {0x9e, 0x10},
			     thin[3] = {SCSI_INQUIRY, 1, 0xb2};
	const struct sl_answer *a = sl_scsi_find(w->c, sixteen, sizeof(sixteen)),
			       *b = sl_scsi_find(w->c, ten, sizeof(ten)),
			       *p = sl_scsi_find(w->c, thin, sizeof(thin));
	static const char *const kinds[] = {"full", "resource", "thin"};
	unsigned kind = p && p->len >= 8 ? p->data[6] & 7 : 0;
	const uint64_t most = UINT64_C(1) << 40;
	uint64_t blocks = 1;
	uint32_t size = w->type == SCSI_OPTICAL ? 2048 : 512;
	json_t *o = json_object();

	if (a && a->len >= 16) {
		blocks = sl_get_be64(a->data) + 1;
		size = sl_get_be32(a->data + 8);
		set(o, "physical_exponent", json_integer(a->data[13] & 0xf));
		set(o, "lowest_aligned", json_integer(sl_get_be16(a->data + 14) & 0x3fff));
		set(o, "reads_zero", json_boolean(a->data[14] & 0x40));
		if (a->data[14] & 0x80 && !kind)
			kind = 2;
	} else if (b && b->len >= 8) {
		blocks = sl_get_be32(b->data) + UINT64_C(1);
		size = sl_get_be32(b->data + 4);
	} else {
		set(o, "present", json_false());
	}
	if (!blocks || blocks > most)
		sl_write_note(w->notes, "larger than a persona can be: %llu blocks",
			      (unsigned long long)blocks);
	set(o, "blocks", sl_write_number(!blocks || blocks > most ? most : blocks));
	set(o, "block_size", json_integer(size));
	set(o, "provisioning", json_string(kinds[kind < 3 ? kind : 0]));
	set(w->root, "medium", o);
}

/* The page (and subpage) at `at` of an answer to MODE SENSE (10); 0: there is none, else its size.
 */
static uint32_t mode_at(const struct sl_answer *a, uint32_t at, uint32_t *ret_head)
{
	uint32_t end = a->len, n;

	if (a->len >= 2 && sl_get_be16(a->data) + 2u < end)
		end = sl_get_be16(a->data) + 2u;
	if (at + 2 > end)
		return 0;
	*ret_head = a->data[at] & 0x40 ? 4 : 2;
	if (at + *ret_head > end)
		return 0;
	n = *ret_head + (*ret_head == 4 ? sl_get_be16(a->data + at + 2) : a->data[at + 1]);
	return at + n <= end ? n : 0;
}

static uint32_t modes_begin(const struct sl_answer *a)
{
	return a->len >= 8 ? 8u + sl_get_be16(a->data + 6) : a->len;
}

/* The same page with other page control values. */
static const uint8_t *mode_like(const struct sl_answer *a, const uint8_t *page, uint32_t size)
{
	uint32_t head, n;

	for (uint32_t at = a ? modes_begin(a) : 0; a && (n = mode_at(a, at, &head)); at += n)
		if (n == size && !((a->data[at] ^ page[0]) & 0x7f) &&
		    (head == 2 || a->data[at + 1] == page[1]))
			return a->data + at;
	return NULL;
}

static void write_modes(struct writer *w)
{
	static const char *const names[] = {"current", "changeable", "default", "saved"};
	const struct sl_answer *pc[4];
	json_t *pages = json_object();
	uint32_t head = 0, n;

	for (uint8_t i = 0; i < 4; i++) {
		const uint8_t cdb[3] = {SCSI_MODE_SENSE, 8, (uint8_t)(i << 6 | 0x3f)};

		pc[i] = sl_scsi_find(w->c, cdb, sizeof(cdb));
	}
	for (uint32_t at = pc[0] ? modes_begin(pc[0]) : 0; pc[0] && (n = mode_at(pc[0], at, &head));
	     at += n) {
		const uint8_t *page = pc[0]->data + at;
		json_t *o;
		char key[16];

		if (n - head > MODE_MAX || n == head) {
			sl_write_note(w->notes, "no page that a persona can have: mode page %02xh",
				      page[0] & 0x3f);
			continue;
		}
		o = json_object();
		for (unsigned i = 0; i < 4; i++) {
			const uint8_t *v = mode_like(pc[i], page, n);

			if (v)
				set(o, names[i], sl_write_hex(v + head, n - head));
		}
		set(o, "saveable", json_boolean(page[0] & 0x80));
		(void)snprintf(key, sizeof(key), head == 4 ? "0x%02x/0x%02x" : "0x%02x",
			       page[0] & 0x3f, page[1]);
		set(pages, key, o);
	}
	set(w->root, "mode_pages", pages);
}

static void write_logs(struct writer *w)
{
	json_t *pages = json_object();

	for (uint8_t page = 1; page < 0x30; page++) {
		const uint8_t cdb[3] = {SCSI_LOG_SENSE, 0, 0x40 | page};
		const struct sl_answer *a = sl_scsi_find(w->c, cdb, sizeof(cdb));
		uint32_t end = a && a->len >= 4 ? sl_get_be16(a->data + 2) + 4u : 0;
		json_t *params = a ? json_array() : NULL;
		char key[16];

		if (!a)
			continue;
		end = end < a->len ? end : a->len;
		for (uint32_t at = 4; at + 4 <= end && at + 4u + a->data[at + 3] <= end;
		     at += 4u + a->data[at + 3]) {
			const uint8_t *p = a->data + at;

			(void)json_array_append_new(params,
						    json_pack("{s:i,s:i,s:o}", "code",
							      sl_get_be16(p), "control", p[2],
							      "data", sl_write_hex(p + 4, p[3])));
		}
		set(pages, hex_key(page, key), params);
	}
	set(w->root, "log_pages", pages);
}

/* A command as the list has it; with its CDB's bits where they were told. */
static json_t *command(const struct writer *w, const struct sl_scsi_listed *l, bool *ret_one)
{
	uint8_t cdb[6] = {SCSI_MAINTENANCE_IN,	 SCSI_RSOC,	l->has_sa ? 0x82 : 0x81, l->opcode,
			  (uint8_t)(l->sa >> 8), (uint8_t)l->sa};
	const struct sl_answer *a = sl_scsi_find(w->c, cdb, sizeof(cdb));
	uint32_t n = a && a->len >= 4 ? sl_get_be16(a->data + 2) : 0;
	json_t *o = json_object();

	set(o, "mlu", json_integer(l->flags >> 4 & 3));
	set(o, "rwcdlp", json_integer(l->flags >> 6 & 1));
	set(o, "cdlp", json_integer(l->flags >> 2 & 3));
	*ret_one = a;
	if (!a || n < 6 || n > 32 || 4 + n > a->len) {
		set(o, "timeouts", json_boolean(l->flags & 2));
		return o;
	}
	set(o, "support", json_integer((a->data[1] & 7) == 5 ? 5 : 3));
	set(o, "usage", sl_write_hex(a->data + 4, n));
	if (a->data[1] & 0x80 && 4 + n + 12 <= a->len) {
		set(o, "nominal", json_integer(sl_get_be32(a->data + 4 + n + 4)));
		set(o, "recommended", json_integer(sl_get_be32(a->data + 4 + n + 8)));
	} else {
		set(o, "timeouts", json_false());
	}
	return o;
}

static void write_commands(struct writer *w)
{
	static const uint8_t all[3] = {SCSI_MAINTENANCE_IN, SCSI_RSOC, 0x80};
	const struct sl_answer *list = sl_scsi_find(w->c, all, sizeof(all));
	json_t *commands, *quirks;
	struct sl_scsi_listed l;
	bool one = true;

	if (w->type == SCSI_OPTICAL)
		return;
	quirks = json_object();
	commands = json_object();
	for (uint32_t at = 4; list && sl_scsi_listed(list, &at, &l);) {
		bool told;
		char key[32];

		(void)snprintf(key, sizeof(key), l.has_sa ? "0x%02x/0x%02x" : "0x%02x", l.opcode,
			       l.sa);
		set(commands, key, command(w, &l, &told));
		one &= told;
	}
	if (!list) {
		sl_write_note(
			w->notes,
			"no list of its commands: it is taken to have all that the model knows");
		set(quirks, "rsoc_refused", json_true());
		set(commands, "*", json_true());
	} else if (!one) {
		sl_write_note(w->notes, "the bits of its CDBs are not told");
		set(quirks, "rsoc_one_command_refused", json_true());
	}
	set(w->root, "commands", commands);
	set(w->root, "quirks", quirks);
}

/* Text in words of two letters, the second first. */
static json_t *ata_text(const uint8_t *p, unsigned n)
{
	uint8_t buf[40];
	unsigned skip = 0;

	for (unsigned i = 0; i < n; i++)
		buf[i] = p[i ^ 1];
	while (skip < n && buf[skip] == ' ')
		skip++;
	return text(buf + skip, n - skip);
}

/* VPD page 89h: a SATA disk behind a translation layer. */
static void write_ata(struct writer *w)
{
	static const uint8_t cdb[3] = {SCSI_INQUIRY, 1, 0x89};
	const struct sl_answer *a = sl_scsi_find(w->c, cdb, sizeof(cdb));
	const uint8_t *id = a ? a->data + 60 : NULL;

	if (!a || a->len < 60 + 512 || w->type != SCSI_DISK)
		return;
	set(w->root, "ata",
	    json_pack("{s:o,s:o,s:o,s:{s:o}}", "model", ata_text(id + 54, 40), "serial",
		      ata_text(id + 20, 20), "firmware", ata_text(id + 46, 8), "identify_raw", "0",
		      sl_write_hex(id, 512)));
	sl_write_note(w->notes, "ATA commands are the model's: SMART data and logs were not read");
}

static void write_refused(struct writer *w)
{
	for (unsigned i = 0; i < w->c->n; i++) {
		const struct sl_answer *a = w->c->answer[i];

		if (a->denied)
			sl_write_note(
				w->notes,
				"not asked, the policy does not allow it: CDB %02x %02x %02x %02x",
				a->cmd.req[0], a->cmd.req[1], a->cmd.req[2], a->cmd.req[3]);
		else if (a->status)
			sl_write_note(
				w->notes,
				"refused by the device with status %02xh: CDB %02x %02x %02x %02x",
				a->status, a->cmd.req[0], a->cmd.req[1], a->cmd.req[2],
				a->cmd.req[3]);
	}
}

json_t *sl_scsi_capture_write(const struct sl_capture *c, const struct sl_capture_label *label)
{
	static const uint8_t cdb[3] = {SCSI_INQUIRY};
	const struct sl_answer *id = sl_scsi_find(c, cdb, sizeof(cdb));
	struct writer w = {.c = c, .root = json_object(), .notes = json_array()};
	char title[64];

	if (!id || id->len < 36 || !w.root || !w.notes) {
		json_decref(w.root);
		json_decref(w.notes);
		return NULL;
	}
	w.type = id->data[0] & 0x1f;
	(void)snprintf(title, sizeof(title), "captured: %.8s %.16s", (const char *)id->data + 8,
		       (const char *)id->data + 16);
	for (char *p = title; *p; p++)
		*p = *p < 0x20 || *p > 0x7e ? '?' : *p;
	set(w.root, "format", json_integer(SL_PERSONA_FORMAT));
	set(w.root, "protocol", json_string("scsi"));
	set(w.root, "title", json_string(label->title ? label->title : title));
	set(w.root, "source", json_string(label->source ? label->source : ""));
	set(w.root, "comment", w.notes);
	sl_write_note(w.notes,
		      "A device as it described itself. What it does beside that was not tried.");
	write_inquiry(&w, id);
	write_vpd(&w);
	if (w.type == SCSI_DISK || w.type == SCSI_ZONED || w.type == SCSI_OPTICAL)
		write_medium(&w);
	if (w.type == SCSI_TAPE)
		set(w.root, "tape", json_pack("{s:[]}", "files"));
	write_ata(&w);
	write_modes(&w);
	write_logs(&w);
	write_commands(&w);
	write_refused(&w);
	return w.root;
}
