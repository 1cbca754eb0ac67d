/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a document from the parts that the readers found: fills pages, and gives each to the
 * decoder that the broker uses.
 */
#include "contract/doc.h"

#include <ctype.h>
#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "contract/build.h"
#include "core/decode-cxl.h"
#include "core/decode-scsi.h"
#include "core/reader.h"
#include "core/table.h"
#include "wire/wire.h"

struct sl_doc *sl_doc_free(struct sl_doc *d)
{
	free(d);
	return NULL;
}

/* Parts */

static const struct {
	const char *prefix;
	const char *format;
	size_t size; /* 0: as long as it is */
	uint8_t lid, csi;
	uint8_t protocol; /* 0: NVMe */
} parts[_SL_PART_N] = {
	[SL_PART_CTRL] = {"id-ctrl:", "Identify Controller", SL_NVME_IDENTIFY_SIZE, 0, 0},
	[SL_PART_LID00] = {"lid00:", "Supported Log Pages", SL_NVME_SUPPORTED_LOGS_SIZE, 0x00, 0},
	[SL_PART_LID05] = {"lid05:", "Commands Supported and Effects", SL_NVME_EFFECTS_SIZE, 0x05,
			   0},
	[SL_PART_LID05_KV] = {"lid05.1:", "Commands Supported and Effects, KV",
			      SL_NVME_EFFECTS_SIZE, 0x05, 1},
	[SL_PART_LID05_ZNS] = {"lid05.2:", "Commands Supported and Effects, ZNS",
			       SL_NVME_EFFECTS_SIZE, 0x05, 2},
	[SL_PART_LID12] = {"lid12:", "Feature Identifiers Supported and Effects",
			   SL_NVME_FID_EFFECTS_SIZE, 0x12, 0},
	[SL_PART_LID13] = {"lid13:", "NVMe-MI Commands Supported and Effects",
			   SL_NVME_MI_EFFECTS_SIZE, 0x13, 0},
	[SL_PART_LID14] = {"lid14:", "Command and Feature Lockdown", SL_NVME_LOCKDOWN_SIZE, 0x14,
			   0},
	[SL_PART_INQUIRY] = {"inquiry:", "INQUIRY data", .protocol = SL_WIRE_SCSI},
	[SL_PART_CAPACITY] = {"capacity:", "READ CAPACITY data", .protocol = SL_WIRE_SCSI},
	[SL_PART_RSOC] = {"rsoc:", "REPORT SUPPORTED OPERATION CODES", .protocol = SL_WIRE_SCSI},
	[SL_PART_CXL_ID] = {"cxl-id:", "Identify Memory Device", .protocol = SL_WIRE_CXL},
	[SL_PART_CEL] = {"cel:", "Command Effects Log", .protocol = SL_WIRE_CXL},
	[SL_PART_FEATURES] = {"features:", "Supported Features", .protocol = SL_WIRE_CXL},
};

int sl_build_word(struct sl_build *b, unsigned part, unsigned index, uint32_t word, unsigned line,
		  struct sl_diag *reterr)
{
	uint8_t *at = b->page[part] + 4 * index;
	uint32_t bit = 1u << index % 32;

	if ((b->set[part][index / 32] & bit) && sl_get_le32(at) != word)
		return sl_diag_set(reterr, -EINVAL, b->path, line, 0,
				   "listed before as %08x, and here as %08x", sl_get_le32(at),
				   word);
	b->set[part][index / 32] |= bit;
	sl_put_le32(at, word);
	b->len[part] = parts[part].size;
	return 0;
}

/* Where Identify Controller keeps it, and how (Base 2.1, figure "Identify Controller"). */
static const struct {
	const char *name;
	uint16_t off;
	uint8_t bytes;
	bool text;
} identity[] = {
	{"vid", 0, 2, false},  {"sn", 4, 20, true},	{"mn", 24, 40, true},
	{"fr", 64, 8, true},   {"mdts", 77, 1, false},	{"cntlid", 78, 2, false},
	{"ver", 80, 4, false}, {"oacs", 256, 2, false}, {"lpa", 261, 1, false},
};

bool sl_build_identity(struct sl_build *b, const char *name, const char *value)
{
	uint8_t *page = b->page[SL_PART_CTRL];
	unsigned i = 0;
	unsigned long v;
	char *end;

	while (i < SL_COUNT(identity) && strcmp(name, identity[i].name) != 0)
		i++;
	if (i == SL_COUNT(identity))
		return false;
	if (identity[i].text) {
		size_t n = strlen(value);

		if (n > identity[i].bytes)
			return false;
		memset(page + identity[i].off, ' ', identity[i].bytes);
		memcpy(page + identity[i].off, value, n);
	} else {
		/* nvme-cli prints VER, and SPDK a vendor, in hexadecimal without saying so. */
		v = strtoul(value, &end, strcmp(name, "ver") && strcmp(name, "vid") ? 0 : 16);
		if (end == value || *end || (identity[i].bytes < 4 && v >> 8 * identity[i].bytes))
			return false;
		for (unsigned k = 0; k < identity[i].bytes; k++)
			page[identity[i].off + k] = (uint8_t)(v >> 8 * k);
	}
	b->len[SL_PART_CTRL] = parts[SL_PART_CTRL].size;
	return true;
}

int sl_build_page(struct sl_build *b, unsigned part, const void *bytes, size_t len,
		  struct sl_diag *reterr)
{
	if (b->len[part])
		return sl_diag_set(reterr, -EINVAL, b->path, 0, 0, "%s was given before",
				   parts[part].format);
	if (!parts[part].size && len > sizeof(b->page[part]))
		return sl_diag_set(reterr, -EFBIG, b->path, 0, 0, "longer than %zu bytes",
				   sizeof(b->page[part]));
	/* More than a page is kept as a page and its length: the decoder refuses it. */
	memcpy(b->page[part], bytes, len < 4096 ? len : 4096);
	b->len[part] = len ? len : 1;
	b->doc->format = parts[part].format;
	return 0;
}

static int decode(struct sl_build *b, unsigned part)
{
	struct sl_contract *c = &b->doc->contract;
	struct sl_nvme_caps caps;
	/* Never more than a page is read: the decoders compare the length first. */
	const uint8_t *page = b->page[part];
	size_t len = b->len[part];
	uint16_t total;

	switch (part) {
	case SL_PART_CTRL:
		return sl_contract_nvme_ctrl(c, page, len, &caps);
	case SL_PART_LID00:
		return sl_contract_nvme_supported_logs(c, page, len);
	case SL_PART_LID12:
		return sl_contract_nvme_feature_effects(c, page, len);
	case SL_PART_LID13:
		return sl_contract_nvme_mi_effects(c, page, len);
	case SL_PART_LID14:
		return sl_contract_nvme_lockdown(c, page, len);
	case SL_PART_INQUIRY:
		return sl_contract_scsi_inquiry(c, page, len);
	case SL_PART_CAPACITY:
		return sl_contract_scsi_capacity(c, page, len);
	case SL_PART_RSOC:
		return sl_contract_scsi_rsoc(c, page, len);
	case SL_PART_CXL_ID:
		return sl_contract_cxl_identify(c, page, len);
	case SL_PART_CEL:
		return sl_contract_cxl_cel(c, page, len);
	case SL_PART_FEATURES:
		return sl_contract_cxl_features(c, page, len, &total);
	default:
		return sl_contract_nvme_effects(c, parts[part].csi, page, len);
	}
}

static void hash_bytes(void *ctx, const void *bytes, size_t len)
{
	SHA256Update(ctx, bytes, len);
}

/* The logs without one of which there is no contract. */
#define LISTS                                                                                      \
	(1u << SL_SOURCE_LID05 | 1u << SL_SOURCE_RSOC | 1u << SL_SOURCE_CEL |                      \
	 1u << SL_SOURCE_FEATURES)

/* Decodes what was found, and pins it as the reader would. */
static void finish(struct sl_build *b)
{
	struct sl_doc *d = b->doc;
	struct sl_contract *c = &d->contract;
	SHA2_CTX md;

	SHA256Init(&md);
	c->protocol = SL_WIRE_NVME;
	for (unsigned part = 0; part < _SL_PART_N; part++)
		if (b->len[part] && parts[part].protocol)
			c->protocol = parts[part].protocol;
	for (unsigned part = 0; part < _SL_PART_N; part++) {
		int flaw = b->len[part] ? decode(b, part) : 0;

		if (flaw)
			d->flaws |= 1u << flaw;
		if (part == SL_PART_CTRL)
			sl_pin_identity(c, hash_bytes, &md);
		else if (parts[part].protocol && b->len[part])
			SHA256Update(&md, b->page[part], b->len[part]);
		else if (b->len[part] && b->len[part] == parts[part].size && part != SL_PART_LID14)
			sl_pin_log(parts[part].lid, parts[part].csi, b->page[part],
				   parts[part].size, hash_bytes, &md);
	}
	if (!(c->sources & LISTS) && !(d->flaws & SL_FLAW_VOIDS))
		d->flaws |= 1u << SL_FLAW_NO_LOG;
	/* Features or a list of logs alone are half a contract: shown, and never decided by. */
	if (d->flaws & SL_FLAW_VOIDS & ~(1u << SL_FLAW_NO_LOG))
		sl_contract_void(c);
	else
		SHA256Final(c->hash, &md);
	if (!strcmp(c->vendor, "0x0000"))
		c->vendor[0] = 0; /* the text did not say; no vendor has that number */
}

/* Forms */

static bool is_text(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 && !isspace(p[i]))
			return false;
	return len > 0;
}

/* Identify Controller has two printable strings where a log of words has bytes that are not. */
static bool is_identify(const uint8_t *p, size_t len)
{
	if (len != SL_NVME_IDENTIFY_SIZE)
		return false;
	for (unsigned i = 4; i < 72; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

/* A list of supported commands: its first four bytes count the rest, in descriptors of 8 or 20. */
static bool is_rsoc(const uint8_t *p, size_t len)
{
	return len >= 12 && len % 4 == 0 && sl_get_be32(p) == len - 4;
}

/* Entries of four bytes, of command sets that there are, and none like the one before. */
static bool is_cel(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint16_t row = sl_row_find_key(SL_SET_CXL, p[i + 1], p[i]);

		if (row == SL_SET_CXL || (i && sl_get_le16(p + i) == sl_get_le16(p + i - 4)))
			return false;
	}
	return len && len % 4 == 0;
}

static unsigned part_of(const uint8_t *p, size_t len)
{
	if (is_identify(p, len))
		return SL_PART_CTRL;
	if (is_rsoc(p, len))
		return SL_PART_RSOC;
	return len < SL_NVME_EFFECTS_SIZE && is_cel(p, len) ? SL_PART_CEL : SL_PART_LID05;
}

/* One file's bytes; `part` is _SL_PART_N where the content decides. */
static int add(struct sl_build *b, unsigned part, const uint8_t *bytes, size_t len,
	       struct sl_diag *reterr)
{
	char *text;
	int error;

	if (part == _SL_PART_N && !is_text(bytes, len)) {
		if (!len)
			return sl_diag_set(reterr, -EINVAL, b->path, 0, 0, "the file is empty");
		if (len == SL_NVME_FID_EFFECTS_SIZE)
			return sl_diag_set(reterr, -EINVAL, b->path, 0, 0,
					   "1024 bytes can be log 00h or 12h: say which, as "
					   "lid00:FILE or lid12:FILE");
		part = part_of(bytes, len);
	}
	if (part < _SL_PART_N)
		return sl_build_page(b, part, bytes, len, reterr);
	text = malloc(len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, bytes, len);
	text[len] = 0;
	if (text[strspn(text, " \t\r\n")] == '{' || text[strspn(text, " \t\r\n")] == '[')
		error = sl_build_json(b, text, len, reterr);
	else
		error = sl_build_text(b, text, reterr);
	free(text);
	if (error == -ENOMSG)
		error = sl_diag_set(reterr, -EINVAL, b->path, 0, 0,
				    "no contract in any form that is known here");
	return error;
}

static struct sl_build *build_new(const char *name)
{
	struct sl_build *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->doc = calloc(1, sizeof(*b->doc));
	if (!b->doc) {
		free(b);
		return NULL;
	}
	(void)snprintf(b->doc->name, sizeof(b->doc->name), "%s", name);
	return b;
}

static int build_end(struct sl_build *b, int error, struct sl_doc **ret)
{
	*ret = NULL;
	if (!error) {
		finish(b);
		*ret = b->doc;
	} else {
		sl_doc_free(b->doc);
	}
	free(b);
	return error;
}

int sl_doc_parse(const char *name, const void *bytes, size_t len, struct sl_doc **ret,
		 struct sl_diag *reterr)
{
	struct sl_build *b = build_new(name);

	*ret = NULL;
	if (!b)
		return sl_diag_set(reterr, -ENOMEM, name, 0, 0, "out of memory");
	b->path = name;
	return build_end(b, add(b, _SL_PART_N, bytes, len, reterr), ret);
}

/* Reads a whole file of at most SL_DOC_FILE_MAX bytes. */
static int read_file(const char *path, uint8_t **ret, size_t *ret_len, struct sl_diag *reterr)
{
	FILE *f = fopen(path, "re");
	uint8_t *p;
	int error = 0;

	if (!f)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	p = malloc(SL_DOC_FILE_MAX + 1);
	if (!p) {
		(void)fclose(f);
		return -ENOMEM;
	}
	*ret_len = fread(p, 1, SL_DOC_FILE_MAX + 1, f);
	if (ferror(f))
		error = sl_diag_set(reterr, -EIO, path, 0, 0, "cannot be read");
	else if (*ret_len > SL_DOC_FILE_MAX)
		error = sl_diag_set(reterr, -EFBIG, path, 0, 0, "longer than %u bytes: no contract",
				    SL_DOC_FILE_MAX);
	(void)fclose(f);
	if (error) {
		free(p);
		return error;
	}
	*ret = p;
	return 0;
}

static int load_part(struct sl_build *b, const char *arg, struct sl_diag *reterr)
{
	unsigned part = 0;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int error;

	while (part < _SL_PART_N &&
	       strncmp(arg, parts[part].prefix, strlen(parts[part].prefix)) != 0)
		part++;
	b->path = part < _SL_PART_N ? arg + strlen(parts[part].prefix) : arg;
	error = read_file(b->path, &bytes, &len, reterr);
	if (error)
		return error;
	error = add(b, part, bytes, len, reterr);
	free(bytes);
	return error;
}

int sl_doc_load(const char *arg, struct sl_doc **ret, struct sl_diag *reterr)
{
	struct sl_build *b = build_new(arg);
	char *copy = strdup(arg), *save = NULL;
	int error = sl_diag_set(reterr, -ENOENT, NULL, 0, 0, "no file given");

	*ret = NULL;
	if (!b || !copy) {
		if (b)
			sl_doc_free(b->doc);
		free(b);
		free(copy);
		return sl_diag_set(reterr, -ENOMEM, arg, 0, 0, "out of memory");
	}
	/* A file whose own name has a comma is one file. */
	if (!access(arg, F_OK))
		error = load_part(b, arg, reterr);
	else
		for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
			error = load_part(b, s, reterr);
			if (error)
				break;
		}
	error = build_end(b, error, ret);
	free(copy);
	return error;
}

/* Live */

int sl_doc_read(const char *name, const struct sl_doc_source *source, struct sl_doc **ret)
{
	struct sl_doc *d = calloc(1, sizeof(*d));
	SHA2_CTX md;
	struct sl_reader r;
	struct sl_command cmd;
	int error = 0;

	*ret = NULL;
	if (!d)
		return -ENOMEM;
	SHA256Init(&md);
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	d->format = "read from the device";
	d->live = true;
	sl_reader_init(&r, &d->contract, source->protocol ? source->protocol : SL_WIRE_NVME,
		       hash_bytes, &md);
	if (source->type)
		d->contract.type = source->type;
	while (!error && sl_reader_next(&r, &cmd)) {
		uint8_t data[SL_READER_DATA_MAX] = {0};
		uint16_t status = 0;
		size_t len = 0;

		if (cmd.dir & SL_DIR_OUT)
			memcpy(data, r.payload, cmd.data_len);
		error = source->call(source->ctx, &cmd, data, &status, &len);
		if (error)
			break;
		if (source->keep)
			source->keep(source->ctx, r.step, &cmd, status, data, len);
		sl_reader_feed(&r, status, data, len < sizeof(data) ? len : sizeof(data));
	}
	d->flaws = r.flaws;
	d->flawed_in = r.flawed_in;
	if (!error && d->contract.state == SL_CONTRACT_PRESENT)
		SHA256Final(d->contract.hash, &md);
	if (error) {
		sl_doc_free(d);
		return error;
	}
	*ret = d;
	return 0;
}
