/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nvme-cli prints with -o json: an effects log, a list of them, or Identify Controller. Read
 * by its keys wherever they stand, since their nesting differs between versions.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "contract/build.h"

#define DEPTH_MAX 8

static bool word_of(const json_t *v, uint32_t *ret)
{
	if (json_is_integer(v)) {
		json_int_t n = json_integer_value(v);

		*ret = (uint32_t)n;
		return n >= 0 && n <= UINT32_MAX;
	}
	if (json_is_string(v)) {
		char *end;
		unsigned long n;

		errno = 0;
		n = strtoul(json_string_value(v), &end, 0);
		*ret = (uint32_t)n;
		return !errno && end != json_string_value(v) && !*end && n <= UINT32_MAX;
	}
	return false;
}

/* "ACS_2 (Get Log Page)" or "IOCS_1 (Write)". 1 taken, 0 another key, -errno. */
static int command(struct sl_build *b, const char *key, const json_t *v, struct sl_diag *reterr)
{
	bool admin = !strncmp(key, "ACS_", 4);
	const char *digits = key + (admin ? 4 : 5);
	unsigned long opcode;
	uint32_t word;
	char *end;

	if (!admin && strncmp(key, "IOCS_", 5) != 0)
		return 0;
	opcode = strtoul(digits, &end, 10);
	if (end == digits || opcode > 255 || !word_of(v, &word))
		return sl_diag_set(reterr, -EINVAL, b->path, 0, 0,
				   "\"%.40s\" needs an opcode up to 255 and a word of 32 bits",
				   key);
	return sl_build_word(b, SL_PART_LID05 + b->csi,
			     (admin ? 0u : SL_NVME_WORDS) + (unsigned)opcode, word, 0, reterr)
		       ?: 1;
}

static bool identity(struct sl_build *b, const char *key, const json_t *v)
{
	char text[32];

	if (json_is_string(v))
		return sl_build_identity(b, key, json_string_value(v));
	if (!json_is_integer(v))
		return false;
	(void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)json_integer_value(v));
	return sl_build_identity(b, key, text);
}

/* Counts what it recognised; -errno. */
static int walk(struct sl_build *b, json_t *v, unsigned depth, struct sl_diag *reterr)
{
	const char *key;
	json_t *item;
	size_t i;
	int found = 0, n;

	if (depth > DEPTH_MAX)
		return 0;
	json_array_foreach(v, i, item) {
		n = walk(b, item, depth + 1, reterr);
		if (n < 0)
			return n;
		found += n;
	}
	item = json_object_get(v, "command_set_identifier");
	if (json_is_integer(item)) {
		if (json_integer_value(item) < 0 || json_integer_value(item) >= SL_DOC_CSI_N)
			return 0; /* a command set that we have no table for */
		b->csi = (uint8_t)json_integer_value(item);
	}
	json_object_foreach(v, key, item) {
		n = json_is_object(item) || json_is_array(item) ? walk(b, item, depth + 1, reterr)
								: command(b, key, item, reterr);
		if (n < 0)
			return n;
		if (!n && !depth && identity(b, key, item))
			n = 1;
		found += n;
	}
	return found;
}

int sl_build_json(struct sl_build *b, const char *text, size_t len, struct sl_diag *reterr)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	int n;

	if (!root)
		return sl_diag_set(reterr, -EINVAL, b->path,
				   error.line > 0 ? (unsigned)error.line : 0,
				   error.column > 0 ? (unsigned)error.column : 0, "%s", error.text);
	b->csi = 0;
	n = walk(b, root, 0, reterr);
	json_decref(root);
	if (n < 0)
		return n;
	b->doc->format = "nvme-cli JSON";
	return n ? 0 : -ENOMSG;
}
