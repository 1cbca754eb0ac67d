/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for people, read from the command tables. Judges nothing. */
#include "spec/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/diag.h"
#include "core/contract.h"
#include "core/facts.h"
#include "spec/names.h"

static const struct {
	const char *row;
	const char *field;
	uint64_t value;
	const char *name;
} values[] = {
#define VALUE(row, field, value, name) {row, field, value, name},
#include "spec/nvme_value.def"
#include "spec/scsi_value.def"
#undef VALUE
};

#define N_VALUES (sizeof(values) / sizeof(values[0]))

static bool value_applies(size_t i, const char *row, const char *field)
{
	return !strncmp(row, values[i].row, strlen(values[i].row)) &&
	       !strcmp(field, values[i].field);
}

const char *sl_row_sub_name(uint16_t row)
{
	const char *name = sl_rows[row].name, *parent = sl_rows[sl_rows[row].parent].name;
	size_t n = strlen(parent);

	if (sl_rows[row].parent == row)
		return 0;
	if (!strncmp(name, parent, n) && name[n] == '.')
		return name + n + 1;
	/* A CXL command set's name is not part of its commands'. */
	return name + strlen(sl_set_name(sl_rows[row].set)) + 1;
}

static bool is_selector(uint16_t row, const struct sl_field *f)
{
	struct sl_field s;

	return sl_row_selector(row, &s) && s.off * 8 + s.shift == f->off * 8 + f->shift;
}

const char *sl_value_name(uint16_t row, const char *field, uint64_t value)
{
	const struct sl_field *f = sl_row_field(row, field);

	if (!f)
		return 0;
	if (!strcmp(field, "opcode"))
		return sl_rows[sl_rows[row].parent].name;
	if (is_selector(row, f)) {
		const struct sl_row *r = &sl_rows[row];

		if (value > 0xff)
			return 0;
		return sl_row_sub_name(sl_row_find_key(r->set, (uint8_t)r->op_lo, (uint16_t)value));
	}
	for (size_t i = 0; i < N_VALUES; i++)
		if (values[i].value == value && value_applies(i, sl_rows[row].name, field))
			return values[i].name;
	return 0;
}

uint16_t sl_decode_fields(uint8_t set, const uint8_t req[SL_REQ_MAX],
			  void (*each)(void *userdata, const struct sl_decoded *d), void *userdata)
{
	uint16_t row = sl_row_find(set == SL_SET_NVME_IO ? SL_SET_NVME_NVM : set, req);
	const struct sl_format *format = &sl_formats[sl_rows[row].format];

	for (uint32_t i = 0; i < format->n_fields; i++) {
		const struct sl_named_field *f = &format->fields[i];
		struct sl_decoded d = {.name = f->name, .field = f->field};

		if (f->field.space != SL_SPACE_REQ)
			continue;
		d.value = sl_field_get(&f->field, req);
		d.meaning = sl_value_name(row, f->name, d.value);
		each(userdata, &d);
	}
	for (uint8_t i = 0; i < SL_REQ_MAX / 4; i++) {
		uint32_t bits = sl_get_le32(req + 4 * i) & ~format->known[i];
		struct sl_decoded d = {.name = "reserved",
				       .meaning = "bits that the specification reserves",
				       .value = bits,
				       .field = {.off = (uint8_t)(4 * i), .bytes = 4, .width = 32}};

		if (bits)
			each(userdata, &d);
	}
	return row;
}

uint16_t sl_decode_payload(uint8_t set, const uint8_t req[SL_REQ_MAX], const uint8_t *data,
			   size_t len, void (*each)(void *userdata, const struct sl_decoded *d),
			   void *userdata)
{
	uint16_t row = sl_row_find(set == SL_SET_NVME_IO ? SL_SET_NVME_NVM : set, req);
	const struct sl_format *format = &sl_formats[sl_rows[row].format];

	for (uint32_t i = 0; i < format->n_fields; i++) {
		const struct sl_named_field *f = &format->fields[i];
		struct sl_decoded d = {.name = f->name, .field = f->field};

		if (f->field.space != SL_SPACE_DATA || (size_t)f->field.off + f->field.bytes > len)
			continue;
		d.value = sl_field_get(&f->field, data);
		d.meaning = sl_value_name(row, f->name, d.value);
		each(userdata, &d);
	}
	return row;
}

bool sl_row_named(const char *name, uint16_t *ret_row)
{
	for (uint32_t i = 0; i < sl_row_count; i++) {
		if (strcmp(sl_rows[i].name, name))
			continue;
		*ret_row = (uint16_t)i;
		return true;
	}
	return false;
}

/* "12", "0x0c", "0ch"; nothing else around it. */
static bool number(const char *text, uint64_t *ret)
{
	size_t len = strlen(text);
	char *end;

	if (!len || text[0] == '-' || text[0] == '+' || text[0] == ' ')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	if (!*end && !errno)
		return true;
	errno = 0;
	*ret = strtoull(text, &end, 16);
	return !errno && (*end == 'h' || *end == 'H') && end == text + len - 1;
}

static bool named_value(uint16_t row, const char *field, const struct sl_field *f, const char *text,
			uint64_t *ret)
{
	if (is_selector(row, f)) {
		for (uint32_t i = 0; i < sl_row_count; i++) {
			const char *sub = sl_row_sub_name((uint16_t)i);

			if (!sub || sl_rows[i].parent != sl_rows[row].parent || strcmp(sub, text))
				continue;
			*ret = sl_rows[i].sel_lo;
			return true;
		}
	}
	for (size_t i = 0; i < N_VALUES; i++) {
		if (strcmp(values[i].name, text) || !value_applies(i, sl_rows[row].name, field))
			continue;
		*ret = values[i].value;
		return true;
	}
	return false;
}

/* What is being put together. */
struct encoding {
	struct sl_command *cmd;
	uint8_t *data; /* NULL: no field of a payload can be set */
	size_t size, len;
	bool length_said;
	struct sl_diag *reterr;
};

static bool uuid(const char *text, uint8_t ret[16])
{
	unsigned n = 0;

	for (const char *s = text; *s; s++) {
		char two[3] = {s[0], s[1]};
		char *end;

		if (*s == '-')
			continue;
		if (n == 16 || !s[1])
			return false;
		ret[n++] = (uint8_t)strtoul(two, &end, 16);
		if (end != two + 2)
			return false;
		s++;
	}
	return n == 16 && strchr(text, '-');
}

/* Makes room for the bytes of a field of the payload. */
static int reach(struct encoding *e, const char *field, size_t end)
{
	if (!e->data || end > e->size)
		return sl_diag_set(e->reterr, -EINVAL, "", 0, 0,
				   "%s is a field of the payload, not of the request", field);
	if (e->len < end)
		e->len = end;
	return 0;
}

static int set_buffer(struct encoding *e, const char *field, const char *text)
{
	uint64_t value;

	if (!number(text, &value) || value > UINT32_MAX)
		return sl_diag_set(e->reterr, -EINVAL, "", 0, 0, "'%s' is not a length", text);
	*(field[0] == 'd' ? &e->cmd->data_len : &e->cmd->meta_len) = (uint32_t)value;
	e->length_said |= field[0] == 'd';
	return 0;
}

static int no_field(uint16_t row, const char *name, struct sl_diag *reterr)
{
	const struct sl_format *f = &sl_formats[sl_rows[row].format];
	char all[320] = "";
	size_t n = 0;

	for (unsigned i = 0; i < f->n_fields && n < sizeof(all); i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "",
				      f->fields[i].name);
	return sl_diag_set(reterr, -EINVAL, "", 0, 0, "%s has no field '%s'; it has %s",
			   sl_rows[row].name, name, all);
}

/* One "field=value" into the request. The row may change under it: selectors come as fields too. */
static int set_word(uint16_t row, const char *word, struct encoding *e)
{
	const char *eq = strchr(word, '=');
	const struct sl_field *f;
	uint8_t id[16];
	char field[32];
	uint64_t value;
	int err = 0;

	if (!eq || eq == word || (size_t)(eq - word) >= sizeof(field))
		return sl_diag_set(e->reterr, -EINVAL, "", 0, 0,
				   "'%s' is not of the form field=value", word);
	memcpy(field, word, (size_t)(eq - word));
	field[eq - word] = 0;
	if (!strcmp(field, "data") || !strcmp(field, "meta"))
		return set_buffer(e, field, eq + 1);
	f = sl_row_field(row, field);
	if (!f)
		return no_field(row, field, e->reterr);
	if (f->space == SL_SPACE_DATA)
		err = reach(e, field, (size_t)f->off + f->bytes);
	if (err)
		return err;
	if (f->space == SL_SPACE_DATA && uuid(eq + 1, id) &&
	    !reach(e, field, (size_t)f->off + sizeof(id))) {
		memcpy(e->data + f->off, id, sizeof(id));
		return 0;
	}
	if (!number(eq + 1, &value) && !named_value(row, field, f, eq + 1, &value))
		return sl_diag_set(e->reterr, -EINVAL, "", 0, 0,
				   "'%s' is neither a number nor a value of %s", eq + 1, field);
	if (value > UINT64_MAX >> (64 - f->width))
		return sl_diag_set(e->reterr, -EINVAL, "", 0, 0, "%s has %u bits, %s does not fit",
				   field, f->width, eq + 1);
	sl_field_set(f, f->space == SL_SPACE_DATA ? e->data : e->cmd->req, value);
	return 0;
}

/* What the payload has to say of itself, where it does. */
static void state_key(struct encoding *e)
{
	const struct sl_field *key = &sl_sets[e->cmd->set].key;
	size_t end = (size_t)key->off + key->bytes;

	if (!key->bytes || e->size < end)
		return;
	sl_field_set(key, e->data, sl_get_be16(e->cmd->req));
	if (e->len < end)
		e->len = end;
}

/* The length of the payload into the request that states it, unless a word did. */
static void state_length(const struct encoding *e)
{
	const struct sl_row *row = &sl_rows[sl_row_find(e->cmd->set, e->cmd->req)];
	const struct sl_field in = {.off = SL_MBOX_IN_LEN, .bytes = 4, .width = 32};
	const struct sl_field *f = row->len == SL_LEN_SIZE ? &sl_formats[row->format].size : &in;
	bool mailbox = row->len == SL_LEN_MBOX || row->len == SL_LEN_MBOX_MIN;
	size_t len = e->len;

	if (!mailbox && (row->len != SL_LEN_SIZE || row->dir == SL_DIR_IN || !f->bytes ||
			 f->space != SL_SPACE_REQ))
		return;
	if (mailbox && (len < row->len_arg || row->len == SL_LEN_MBOX))
		len = row->len_arg;
	if (len && !sl_field_get(f, e->cmd->req))
		sl_field_set(f, e->cmd->req, len);
}

/* The length that follows from the request alone; block commands need a namespace and keep 0. */
static uint32_t own_length(const struct sl_command *cmd)
{
	struct sl_contract *none = calloc(1, sizeof(*none));
	struct sl_facts facts;

	if (!none)
		return 0;
	none->type = sl_sets[cmd->set].type;
	sl_facts_collect(none, cmd, 0, &facts);
	free(none);
	return facts.length_known ? facts.length : 0;
}

/* A CDB whose opcode only says the group: the shortest that it allows, SPC-6 §4.3. */
static uint16_t cdb_len(uint8_t opcode)
{
	return opcode < 0x20 ? 6 : opcode < 0x60 ? 10 : opcode < 0xa0 ? 16 : 12;
}

int sl_encode_payload(const char *name, char *const words[], unsigned n, struct sl_command *ret,
		      uint8_t *data, size_t size, size_t *len, struct sl_diag *reterr)
{
	struct encoding e = {ret, data, size, *len, false, reterr};
	const struct sl_row *r;
	struct sl_field sel;
	uint16_t row;
	int err;

	memset(ret, 0, sizeof(*ret));
	if (!sl_row_named(name, &row))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0, "no command is called '%s'", name);
	r = &sl_rows[row];
	ret->set = r->set;
	ret->req_len = (uint16_t)sl_formats[r->format].req_len;
	ret->req[0] = (uint8_t)r->op_lo;
	if (r->parent != row && sl_row_selector(row, &sel))
		sl_field_set(&sel, ret->req, r->sel_lo);
	for (unsigned i = 0; i < n; i++) {
		uint16_t now = sl_row_find(ret->set, ret->req);

		/* The fields of a sub-selector named so far, else those of the command. */
		err = set_word(now, words[i], &e);
		if (err)
			return err;
	}
	if (!ret->req_len)
		ret->req_len = cdb_len(ret->req[0]);
	state_key(&e);
	state_length(&e);
	*len = e.len;
	if (!e.length_said)
		ret->data_len = own_length(ret);
	ret->dir = SL_DIR_IN; /* where neither the table nor the request says it */
	ret->dir = ret->data_len ? sl_command_dir(ret) : SL_DIR_NONE;
	return 0;
}

int sl_encode(const char *name, char *const words[], unsigned n, struct sl_command *ret,
	      struct sl_diag *reterr)
{
	size_t len = 0;

	return sl_encode_payload(name, words, n, ret, 0, 0, &len, reterr);
}
