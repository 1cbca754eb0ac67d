/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for people, read from the command tables. Judges nothing. */
#include "spec/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/diag.h"
#include "core/contract.h"
#include "core/facts.h"

static const struct {
	const char *row;
	const char *field;
	uint64_t value;
	const char *name;
} values[] = {
#define VALUE(row, field, value, name) {row, field, value, name},
#include "spec/nvme_value.def"
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

/* One "field=value" into the request. The row may change under it: selectors come as fields too. */
static int set_word(uint16_t row, const char *word, struct sl_command *cmd, bool *ret_data,
		    struct sl_diag *reterr)
{
	const char *eq = strchr(word, '=');
	const struct sl_field *f;
	char field[32];
	uint64_t value;

	if (!eq || eq == word || (size_t)(eq - word) >= sizeof(field))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0, "'%s' is not of the form field=value",
				   word);
	memcpy(field, word, (size_t)(eq - word));
	field[eq - word] = 0;
	if (!strcmp(field, "data") || !strcmp(field, "meta")) {
		if (!number(eq + 1, &value) || value > UINT32_MAX)
			return sl_diag_set(reterr, -EINVAL, "", 0, 0, "'%s' is not a length",
					   eq + 1);
		*(field[0] == 'd' ? &cmd->data_len : &cmd->meta_len) = (uint32_t)value;
		*ret_data |= field[0] == 'd';
		return 0;
	}
	f = sl_row_field(row, field);
	if (!f)
		return sl_diag_set(reterr, -EINVAL, "", 0, 0, "%s has no field '%s'",
				   sl_rows[row].name, field);
	if (!number(eq + 1, &value) && !named_value(row, field, f, eq + 1, &value))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0,
				   "'%s' is neither a number nor a value of %s", eq + 1, field);
	if (value > UINT64_MAX >> (64 - f->width))
		return sl_diag_set(reterr, -EINVAL, "", 0, 0, "%s has %u bits, %s does not fit",
				   field, f->width, eq + 1);
	sl_field_set(f, cmd->req, value);
	return 0;
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

int sl_encode(const char *name, char *const words[], unsigned n, struct sl_command *ret,
	      struct sl_diag *reterr)
{
	const struct sl_row *r;
	struct sl_field sel;
	bool data = false;
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
		err = set_word(now, words[i], ret, &data, reterr);
		if (err)
			return err;
	}
	if (!ret->req_len) /* a vendor's CDB: the shortest that its opcode's group allows, SPC-6
			      §4.3 */
		ret->req_len = ret->req[0] < 0x20   ? 6
			       : ret->req[0] < 0x60 ? 10
			       : ret->req[0] < 0xa0 ? 16
						    : 12;
	if (!data)
		ret->data_len = own_length(ret);
	ret->dir = SL_DIR_IN; /* where neither the table nor the request says it */
	ret->dir = ret->data_len ? sl_command_dir(ret) : SL_DIR_NONE;
	return 0;
}
