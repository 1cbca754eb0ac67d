/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SCSI persona file says of the logical unit: identity, medium, commands. Pages are read by
 * persona-pages.c. What is told to the host may contradict itself: that is what liars are for.
 */
#include "model/scsi/persona.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/command.h"

#define TAPE_RECORDS_MAX 1024u

/* ---- identity ---- */

struct inquiry_json {
	uint8_t type, version;
	char vendor[9], product[17], revision[5];
	bool removable;
	uint32_t length;
};

static int read_naa(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_scsi *s = j->p->scsi;

	(void)field, (void)k;
	s->has_naa = true;
	return sl_pj_hex_exact(j, v, sizeof(s->naa), s->naa);
}

static int read_serial(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_scsi *s = j->p->scsi;

	(void)field, (void)k;
	return sl_pj_ascii(j, v, 1, s->serial, sizeof(s->serial));
}

static void pad(uint8_t *to, const char *from, size_t n)
{
	memset(to, ' ', n);
	memcpy(to, from, strlen(from));
}

/* Standard INQUIRY data, SPC-6 table 142. */
static void build_inquiry(struct sl_persona_scsi *s, const struct inquiry_json *i)
{
	uint8_t *b = s->inquiry;

	b[0] = i->type;
	b[1] = i->removable ? 0x80 : 0;
	b[2] = i->version;
	b[3] = 0x12; /* HISUP, response data format 2 */
	b[4] = (uint8_t)(i->length - 5);
	b[7] = 0x02; /* CMDQUE */
	pad(b + 8, i->vendor, 8);
	pad(b + 16, i->product, 16);
	pad(b + 32, i->revision, 4);
	s->inquiry_len = i->length;
	s->kind = sl_scsi_kind(i->type);
}

int sl_scsi_read_inquiry(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"type", sl_pj_read_uint, SL_PJ_FIELD(struct inquiry_json, type), .max = 31},
		{"vendor", sl_pj_read_ascii, SL_PJ_FIELD(struct inquiry_json, vendor),
		 .required = true},
		{"product", sl_pj_read_ascii, SL_PJ_FIELD(struct inquiry_json, product),
		 .required = true},
		{"revision", sl_pj_read_ascii, SL_PJ_FIELD(struct inquiry_json, revision),
		 .required = true},
		{"removable", sl_pj_read_bool, SL_PJ_FIELD(struct inquiry_json, removable)},
		{"version", sl_pj_read_uint, SL_PJ_FIELD(struct inquiry_json, version)},
		{"length", sl_pj_read_uint, SL_PJ_FIELD(struct inquiry_json, length), .min = 36,
		 .max = SCSI_INQUIRY_MAX},
		{"serial", read_serial},
		{"naa", read_naa},
	};
	struct inquiry_json i = {.version = 7, .length = 96};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &i);

	(void)field, (void)k;
	if (!r)
		build_inquiry(j->p->scsi, &i);
	return r;
}

int sl_scsi_read_inquiry_raw(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_scsi *s = j->p->scsi;

	(void)field, (void)k;
	return sl_pj_overlay(j, v, s->inquiry, s->inquiry_len);
}

/* ---- medium ---- */

struct medium_json {
	uint64_t blocks;
	uint32_t block_size;
	bool lbprz, not_unmap, not_write_same;
};

static int read_provisioning(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"full", "resource", "thin"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)field, (void)k;
	if (!r)
		j->p->scsi->provisioning = (uint8_t)w;
	return r;
}

static int read_present(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field;
	return sl_pj_read_bool(j, v, &j->p->scsi->present, k);
}

static int read_protect(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field;
	return sl_pj_read_bool(j, v, &j->p->scsi->protect, k);
}

#define SCSI_NUMBER(name, max_value)                                                               \
	static int read_##name(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k) \
	{                                                                                          \
		uint64_t n;                                                                        \
		int r = sl_pj_u64(j, v, 0, max_value, &n);                                         \
                                                                                                   \
		(void)field, (void)k;                                                              \
		if (!r)                                                                            \
			j->p->scsi->name = (__typeof__(j->p->scsi->name))n;                        \
		return r;                                                                          \
	}
SCSI_NUMBER(physical_exponent, 15)
SCSI_NUMBER(lowest_aligned, 0x3fff)
SCSI_NUMBER(rotation, 0xffff)

/* The blocks are a namespace of the model: its identity bytes say how many and how large. */
static int make_blocks(struct sl_pj *j, json_t *v, const struct medium_json *m)
{
	struct sl_persona *p = j->p;
	struct sl_persona_ns *ns = calloc(1, sizeof(*ns));
	json_t *content = json_object_get(v, "content");
	unsigned shift = (unsigned)__builtin_ctz(m->block_size);
	int r = 0;

	if (!ns)
		return sl_pj_nomem(j);
	p->ns = ns;
	p->n_ns = 1;
	ns->nsid = 1;
	ns->attached = true;
	ns->size = ns->capacity = m->blocks;
	ns->n_lbaf = 1;
	ns->lbaf[0].ds = (uint8_t)shift;
	sl_put_le64(ns->id_ns, m->blocks);
	sl_put_le64(ns->id_ns + 8, m->blocks);
	sl_put_le64(ns->id_ns + 16, m->blocks);
	ns->id_ns[24] = p->scsi->provisioning ? 1 : 0;
	ns->id_ns[130] = (uint8_t)shift;
	if (content) {
		sl_pj_enter(j, "content");
		r = sl_persona_read_content(j, content, ns, NULL);
		for (unsigned i = 0; !r && i < ns->n_fills; i++)
			if (ns->fills[i].lba > ns->size ||
			    ns->fills[i].blocks > ns->size - ns->fills[i].lba)
				r = sl_pj_fail(j, "item %u is past the end", i);
		sl_pj_leave(j);
	}
	return r;
}

int sl_scsi_read_medium(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"blocks", sl_pj_read_uint, SL_PJ_FIELD(struct medium_json, blocks), .min = 1,
		 .max = SCSI_LBA_MAX, .required = true},
		{"block_size", sl_pj_read_uint, SL_PJ_FIELD(struct medium_json, block_size),
		 .min = 512, .max = 4096},
		{"physical_exponent", read_physical_exponent},
		{"lowest_aligned", read_lowest_aligned},
		{"rotation", read_rotation},
		{"provisioning", read_provisioning},
		{"reads_zero", sl_pj_read_bool, SL_PJ_FIELD(struct medium_json, lbprz)},
		{"present", read_present},
		{"write_protected", read_protect},
		{"content", sl_pj_read_skip},
	};
	struct sl_persona_scsi *s = j->p->scsi;
	struct medium_json m = {.block_size = 512, .lbprz = true};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &m);

	(void)field, (void)k;
	if (!r && m.block_size & (m.block_size - 1))
		r = sl_pj_fail_at(j, "block_size", "not a power of two");
	if (!r && s->kind != SCSI_DISK && s->kind != SCSI_CD)
		r = sl_pj_fail(j, "this type of device has no blocks");
	if (r)
		return r;
	s->lbprz = m.lbprz;
	s->unmap = s->write_same_unmap = s->provisioning != 0;
	return make_blocks(j, v, &m);
}

/* ---- tape ---- */

static int add_record(struct sl_pj *j, json_t *v)
{
	struct sl_persona_scsi *s = j->p->scsi;
	struct sl_bytes *p;

	if (s->n_records == TAPE_RECORDS_MAX)
		return sl_pj_fail(j, "more than %u records and filemarks", TAPE_RECORDS_MAX);
	p = realloc(s->records, (s->n_records + 1) * sizeof(*p));
	if (!p)
		return sl_pj_nomem(j);
	s->records = p;
	p[s->n_records++] = (struct sl_bytes){0};
	return v ? sl_pj_bytes(j, v, SL_PERSONA_BYTES_MAX, &p[s->n_records - 1]) : 0;
}

/* Files of records; behind each a filemark. */
static int read_files(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_array(j, v, TAPE_RECORDS_MAX);
	json_t *file, *record;
	size_t i, n;

	(void)field, (void)k;
	json_array_foreach(v, i, file) {
		if (r)
			return r;
		sl_pj_enter_index(j, i);
		r = sl_pj_want_array(j, file, TAPE_RECORDS_MAX);
		json_array_foreach(file, n, record) {
			if (r)
				break;
			sl_pj_enter_index(j, n);
			r = add_record(j, record);
			sl_pj_leave(j);
		}
		if (!r)
			r = add_record(j, NULL);
		sl_pj_leave(j);
	}
	return r;
}

int sl_scsi_read_tape(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"block_size", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_scsi, tape_block),
		 .max = 65536},
		{"files", read_files},
		{"present", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona_scsi, present)},
		{"write_protected", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona_scsi, protect)},
	};
	struct sl_persona_scsi *s = j->p->scsi;

	(void)field, (void)k;
	if (s->kind != SCSI_TAPE)
		return sl_pj_fail(j, "this type of device has no tape");
	return sl_pj_object(j, v, keys, SL_COUNT(keys), s);
}

/* ---- commands ---- */

int sl_scsi_key_pair(struct sl_pj *j, const char *key, uint64_t max_a, uint64_t *ret_a,
		     uint64_t max_b, uint64_t *ret_b)
{
	const char *slash = strchr(key, '/');
	char first[24];
	int r;

	snprintf(first, sizeof(first), "%.*s", (int)(slash ? slash - key : 20), key);
	r = sl_pj_key_u64(j, first, 0, max_a, ret_a);
	if (!r && slash)
		r = sl_pj_key_u64(j, slash + 1, 0, max_b, ret_b);
	return r;
}

struct command_json {
	struct sl_scsi_command *c;
	struct sl_bytes usage;
	uint8_t length;
};

static int read_usage(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, SCSI_CDB_MAX, field);
}

static int read_command(struct sl_pj *j, json_t *v, struct sl_scsi_command *c)
{
	static const struct sl_pj_key keys[] = {
		{"usage", read_usage, SL_PJ_FIELD(struct command_json, usage)},
		{"length", sl_pj_read_uint, SL_PJ_FIELD(struct command_json, length), .min = 6,
		 .max = SCSI_CDB_MAX},
	};
	static const struct sl_pj_key own[] = {
		{"usage", sl_pj_read_skip},
		{"length", sl_pj_read_skip},
		{"support", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_command, support),
		 .max = 7},
		{"mlu", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_command, mlu), .max = 3},
		{"cdlp", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_command, cdlp), .max = 3},
		{"rwcdlp", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_command, rwcdlp), .max = 1},
		{"timeouts", sl_pj_read_bool, SL_PJ_FIELD(struct sl_scsi_command, has_timeouts)},
		{"nominal", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_command, nominal_s)},
		{"recommended", sl_pj_read_uint,
		 SL_PJ_FIELD(struct sl_scsi_command, recommended_s)},
	};
	struct command_json x = {.c = c};
	int r;

	if (json_is_true(v))
		return 0;
	r = sl_pj_object(j, v, own, SL_COUNT(own), c);
	for (size_t i = 0; !r && i < SL_COUNT(keys); i++) {
		json_t *item = json_object_get(v, keys[i].key);

		if (!item)
			continue;
		sl_pj_enter(j, keys[i].key);
		r = keys[i].read(j, item, (char *)&x + keys[i].at, &keys[i]);
		sl_pj_leave(j);
	}
	if (!r && x.length)
		c->len = x.length;
	if (!r && x.usage.len) {
		c->len = (uint8_t)x.usage.len;
		memset(c->usage, 0, sizeof(c->usage));
		memcpy(c->usage, x.usage.p, x.usage.len);
	}
	free(x.usage.p);
	return r;
}

/* WRITE BUFFER, READ BUFFER, SECURITY PROTOCOL OUT: code, buffers and keys are the whole device's.
 */
static bool reaches_all(uint8_t opcode)
{
	return opcode == 0x3b || opcode == 0x3c || opcode == 0xb5;
}

/* What the engine's row says; of a command that it does not know, the length by its group. */
static void standard(const struct sl_persona_scsi *s, uint8_t opcode, uint16_t sa,
		     struct sl_scsi_command *c)
{
	const struct sl_scsi_row *row = sl_scsi_row_find(s->kind, opcode, sa);
	uint8_t cdb[16] = {opcode};

	*c = (struct sl_scsi_command){.opcode = opcode,
				      .sa = sa,
				      .listed = true,
				      .works = true,
				      .support = 3,
				      .mlu = reaches_all(opcode) ? 3 : 1,
				      .has_timeouts = true,
				      .nominal_s = 1,
				      .recommended_s = 60};
	c->len = (uint8_t)(row ? row->len : sl_scsi_cdb_len(cdb));
	c->usage[0] = opcode;
	if (row) {
		memcpy(c->usage, row->usage, row->len);
		c->nominal_s = row->nominal_s;
		c->recommended_s = row->recommended_s;
	}
	if (opcode >= 0xc0)
		c->support = 5;
}

static struct sl_scsi_command *find(struct sl_persona_scsi *s, uint8_t opcode, uint16_t sa)
{
	for (unsigned i = 0; i < s->n_commands; i++)
		if (s->commands[i].opcode == opcode && s->commands[i].sa == sa)
			return &s->commands[i];
	return NULL;
}

static int add(struct sl_pj *j, uint8_t opcode, uint16_t sa, struct sl_scsi_command **ret)
{
	struct sl_persona_scsi *s = j->p->scsi;

	if (!s->commands) {
		s->commands = calloc(SCSI_COMMAND_MAX, sizeof(*s->commands));
		if (!s->commands)
			return sl_pj_nomem(j);
	}
	*ret = find(s, opcode, sa);
	if (*ret)
		return 0;
	if (s->n_commands == SCSI_COMMAND_MAX)
		return sl_pj_fail(j, "more than %u commands", SCSI_COMMAND_MAX);
	*ret = &s->commands[s->n_commands++];
	standard(s, opcode, sa, *ret);
	return 0;
}

/* Not those that need what this device has not: a translation layer, thin provisioning, RSOC. */
static bool offered(const struct sl_persona_scsi *s, const struct sl_scsi_row *row)
{
	bool ata = row->opcode == 0x85 || row->opcode == 0xa1;

	if (!(row->kinds & s->kind))
		return false;
	if (ata && s->kind == SCSI_DISK && !s->ata.present)
		return false;
	if (row->opcode == 0x42 && s->kind == SCSI_DISK && !s->unmap)
		return false;
	return !(row->opcode == 0xa3 && row->sa == 0x0c && s->quirks & SL_SCSI_RSOC_REFUSED);
}

static int all_commands(struct sl_pj *j)
{
	struct sl_scsi_command *c;
	int r = 0;

	for (size_t i = 0; !r && i < sl_scsi_rows_n; i++)
		if (offered(j->p->scsi, &sl_scsi_rows[i]))
			r = add(j, sl_scsi_rows[i].opcode, sl_scsi_rows[i].sa, &c);
	return r;
}

/* "0x9e/0x10", or "0x28". */
static int read_key(struct sl_pj *j, const char *key, struct sl_scsi_command **ret)
{
	uint64_t opcode, sa = SCSI_NO_SA;
	int r = sl_scsi_key_pair(j, key, 0xff, &opcode, 0xfffe, &sa);

	return r ? r : add(j, (uint8_t)opcode, (uint16_t)sa, ret);
}

int sl_scsi_read_commands(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	(void)field, (void)k;
	if (!r && json_object_get(v, "*"))
		r = json_is_true(json_object_get(v, "*")) ? all_commands(j)
							  : sl_pj_fail_at(j, "*", "expected true");
	json_object_foreach(v, key, item) {
		struct sl_scsi_command *c;

		if (r || !strcmp(key, "comment") || !strcmp(key, "*"))
			continue;
		sl_pj_enter(j, key);
		r = read_key(j, key, &c);
		if (!r && !json_is_object(item) && !json_is_true(item))
			r = sl_pj_fail(j, "expected true or an object");
		if (!r)
			r = read_command(j, item, c);
		sl_pj_leave(j);
	}
	return r;
}

static int read_list(struct sl_pj *j, json_t *v, bool works)
{
	int r = sl_pj_want_array(j, v, SCSI_COMMAND_MAX);
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item) {
		struct sl_persona_scsi *s = j->p->scsi;
		struct sl_scsi_command *c;
		unsigned before = s->n_commands;
		const char *key;

		if (r)
			break;
		sl_pj_enter_index(j, i);
		r = sl_pj_string(j, item, &key);
		if (!r)
			r = read_key(j, key, &c);
		if (!r) {
			c->works = works;
			if (works)
				c->listed = false;
			else if (s->n_commands != before)
				c->listed = true; /* told of, and nothing behind it */
		}
		sl_pj_leave(j);
	}
	return r;
}

int sl_scsi_read_unlisted(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_list(j, v, true);
}

int sl_scsi_read_refused(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_list(j, v, false);
}

int sl_scsi_read_quirks(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct {
		const char *key;
		uint32_t bit;
	} quirks[] = {
		{"rsoc_refused", SL_SCSI_RSOC_REFUSED},
		{"rsoc_one_command_refused", SL_SCSI_RSOC_ONE_REFUSED},
		{"reserved_ignored", SL_SCSI_RESERVED_IGNORED},
		{"implements_unlisted", SL_SCSI_IMPLEMENTS_UNLISTED},
		{"power_on_attention", SL_SCSI_POWER_ON_ATTENTION},
	};
	const char *key;
	json_t *item;
	int r = sl_pj_want_object(j, v);

	(void)field, (void)k;
	json_object_foreach(v, key, item) {
		size_t i = 0;

		if (r || !strcmp(key, "comment"))
			continue;
		while (i < SL_COUNT(quirks) && strcmp(quirks[i].key, key))
			i++;
		if (i == SL_COUNT(quirks))
			r = sl_pj_fail_at(j, key, "unknown key");
		else if (!json_is_boolean(item))
			r = sl_pj_fail_at(j, key, "expected true or false");
		else if (json_is_true(item))
			j->p->scsi->quirks |= quirks[i].bit;
	}
	return r;
}

/* ---- together ---- */

static int by_opcode(const void *a, const void *b)
{
	const struct sl_scsi_command *x = a, *y = b;

	return x->opcode != y->opcode ? x->opcode - y->opcode : x->sa - y->sa;
}

int sl_scsi_persona_complete(struct sl_pj *j, json_t *root)
{
	struct sl_persona_scsi *s = j->p->scsi;
	int r = 0;

	if ((s->kind == SCSI_DISK || s->kind == SCSI_CD) && !j->p->n_ns)
		return sl_pj_fail(j, "\"medium\" is missing");
	if (!json_object_get(root, "commands"))
		r = all_commands(j);
	if (!r && !json_object_get(root, "mode_pages"))
		r = sl_scsi_default_modes(j);
	if (!r && !json_object_get(root, "log_pages"))
		r = sl_scsi_default_logs(j);
	if (!r)
		r = sl_scsi_default_vpd(j);
	if (s->n_commands)
		qsort(s->commands, s->n_commands, sizeof(*s->commands), by_opcode);
	return r;
}

void sl_scsi_persona_free(struct sl_persona_scsi *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_vpd; i++)
		free(s->vpd[i].data.p);
	for (unsigned i = 0; i < s->n_logs; i++)
		free(s->logs[i].data.p);
	for (unsigned i = 0; i < s->n_records; i++)
		free(s->records[i].p);
	free(s->records);
	free(s->vpd);
	free(s->modes);
	free(s->logs);
	free(s->commands);
	free(s);
}
