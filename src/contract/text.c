/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contracts as lines of text: a table of forms, each a function that takes one line. The first form
 * that knows a line decides how the rest is read. Lines that a foreign tool prints around its log
 * are passed over; in our own form a line that is not understood is an error.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "contract/build.h"

#define LINE_MAX_LEN 1024

/* A line handler: 1: taken; 0: not one of this form's lines; -errno with *reterr. */
typedef int (*line_fn)(struct sl_build *b, char *line, unsigned number, struct sl_diag *reterr);

static unsigned iocs_part(const struct sl_build *b)
{
	return SL_PART_LID05 + (b->csi < SL_DOC_CSI_N ? b->csi : 0);
}

static bool number(const char *s, int base, unsigned long max, unsigned long *ret)
{
	char *end;

	if (!isxdigit((unsigned char)*s))
		return false;
	errno = 0;
	*ret = strtoul(s, &end, base);
	return !errno && !*end && *ret <= max;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Our own lines */

static const struct {
	const char *name;
	int part; /* -1: of the command set at hand */
	unsigned base;
} word_keys[] = {
	{"acs", SL_PART_LID05, 0}, {"iocs", -1, SL_NVME_WORDS}, {"fid", SL_PART_LID12, 0},
	{"lid", SL_PART_LID00, 0}, {"mi", SL_PART_LID13, 0},
};

static const struct {
	const char *name, *field;
} identity_keys[] = {
	{"vendor", "vid"},  {"serial", "sn"},	      {"model", "mn"},
	{"firmware", "fr"}, {"controller", "cntlid"}, {"mdts", "mdts"},
};

static int own_word(struct sl_build *b, unsigned k, char *args, unsigned line,
		    struct sl_diag *reterr)
{
	char *save = NULL, *id = strtok_r(args, " \t", &save), *word = strtok_r(NULL, " \t", &save);
	unsigned part = word_keys[k].part < 0 ? iocs_part(b) : (unsigned)word_keys[k].part;
	unsigned long index, value;

	if (!id || !word || strtok_r(NULL, " \t", &save))
		return sl_diag_set(reterr, -EINVAL, b->path, line, 0,
				   "expected: %s NUMBER WORD, both hexadecimal", word_keys[k].name);
	if (!number(id, 16, 255, &index))
		return sl_diag_set(reterr, -EINVAL, b->path, line, 0,
				   "%s: \"%.20s\" is no number from 00 to ff", word_keys[k].name,
				   id);
	if (!number(word, 16, 0xffffffff, &value))
		return sl_diag_set(reterr, -EINVAL, b->path, line, 0,
				   "%s %s: \"%.20s\" is no word of 32 bits in hexadecimal",
				   word_keys[k].name, id, word);
	if (word_keys[k].part == SL_PART_LID05)
		part = iocs_part(b); /* each command set's log has its own admin half */
	return sl_build_word(b, part, word_keys[k].base + (unsigned)index, (uint32_t)value, line,
			     reterr)
		       ?: 1;
}

static int own_csi(struct sl_build *b, const char *args, unsigned line, struct sl_diag *reterr)
{
	unsigned long csi;

	if (!number(args, 16, SL_DOC_CSI_N - 1, &csi))
		return sl_diag_set(reterr, -EINVAL, b->path, line, 0,
				   "csi: \"%.20s\" is none of 0 (NVM), 1 (KV), 2 (ZNS)", args);
	b->csi = (uint8_t)csi;
	return 1;
}

static int line_own(struct sl_build *b, char *line, unsigned n, struct sl_diag *reterr)
{
	char *args = line + strcspn(line, " \t");

	if (*args)
		*args++ = 0;
	args = trim(args);
	for (unsigned k = 0; k < SL_COUNT(word_keys); k++)
		if (!strcmp(line, word_keys[k].name))
			return own_word(b, k, args, n, reterr);
	for (unsigned k = 0; k < SL_COUNT(identity_keys); k++) {
		if (strcmp(line, identity_keys[k].name) != 0)
			continue;
		if (!sl_build_identity(b, identity_keys[k].field, args))
			return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
					   "%s: \"%.60s\" is not a value for it", line, args);
		return 1;
	}
	if (!strcmp(line, "csi"))
		return own_csi(b, args, n, reterr);
	if (!strcmp(line, "source")) {
		(void)snprintf(b->doc->source, sizeof(b->doc->source), "%s", args);
		return 1;
	}
	if (!strcmp(line, "partial") && !*args) {
		b->doc->partial = true;
		return 1;
	}
	return 0;
}

/* nvme-cli: "ACS2     [Get Log Page    ] 00000001  CSUPP+ …" below "NVM Command Set Log Page". */
static int line_nvme_cli(struct sl_build *b, char *line, unsigned n, struct sl_diag *reterr)
{
	static const char *const sets[SL_DOC_CSI_N] = {"NVM Command Set Log", "KV Command Set Log",
						       "ZNS Command Set Log"};
	bool admin = !strncmp(line, "ACS", 3);
	char *name, *close;
	unsigned long index, value;

	for (unsigned csi = 0; csi < SL_DOC_CSI_N; csi++) {
		if (!strncmp(line, sets[csi], strlen(sets[csi]))) {
			b->csi = (uint8_t)csi;
			return 1;
		}
	}
	name = line + (admin ? 3 : 4);
	if ((!admin && strncmp(line, "IOCS", 4) != 0) || !isdigit((unsigned char)*name))
		return 0;
	close = strchr(name, ']');
	name[strcspn(name, " \t[")] = 0;
	if (!number(name, 10, 255, &index))
		return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
				   "\"%.20s\" is no opcode from 0 to 255", name);
	close = close ? close + 1 + strspn(close + 1, " \t") : NULL;
	if (close)
		close[strcspn(close, " \t")] = 0;
	if (!close || strlen(close) != 8 || !number(close, 16, 0xffffffff, &value))
		return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
				   "expected: %s%lu [NAME] and a word of eight hexadecimal digits",
				   admin ? "ACS" : "IOCS", index);
	return sl_build_word(b, iocs_part(b), (admin ? 0u : SL_NVME_WORDS) + (unsigned)index,
			     (uint32_t)value, n, reterr)
		       ?: 1;
}

/* SPDK identify: "Set Features (09h): Supported NS-Cap-Change …" below "Admin Commands". */
static const struct {
	const char *name;
	uint32_t bits;
} spdk_words[] = {
	{"Supported", 0x00000001},	  {"LBA-Change", 0x00000002},
	{"NS-Cap-Change", 0x00000004},	  {"NS-Inventory-Change", 0x00000008},
	{"Ctrlr-Cap-Change", 0x00000010}, {"Per-NS-Exclusive", 0x00010000},
	{"All-NS-Exclusive", 0x00020000},
};

static int spdk_command(struct sl_build *b, char *line, unsigned n, struct sl_diag *reterr)
{
	char *open = strrchr(line, '('), *save = NULL, *text;
	unsigned long opcode;
	uint32_t word = 0;

	text = open ? strstr(open, "h): Supported") : NULL;
	if (!text)
		return 0;
	*text = 0;
	if (!number(open + 1, 16, 255, &opcode))
		return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
				   "\"%.20s\" is no opcode from 00 to FF", open + 1);
	for (char *w = strtok_r(text + 4, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		unsigned i = 0;

		while (i < SL_COUNT(spdk_words) && strcmp(w, spdk_words[i].name) != 0)
			i++;
		if (i == SL_COUNT(spdk_words))
			return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
					   "\"%.40s\" is no effect of an SPDK listing", w);
		word |= spdk_words[i].bits;
	}
	return sl_build_word(b, SL_PART_LID05, (b->io ? SL_NVME_WORDS : 0) + (unsigned)opcode, word,
			     n, reterr)
		       ?: 1;
}

static int line_spdk(struct sl_build *b, char *line, unsigned n, struct sl_diag *reterr)
{
	static const struct {
		const char *name, *field;
	} identity[] = {{"Vendor ID", "vid"},
			{"Serial Number", "sn"},
			{"Model Number", "mn"},
			{"Firmware Version", "fr"}};
	size_t name = strcspn(line, ":");

	/* nvme-cli has the same headings: they say which half follows, not whose listing it is. */
	if (!strcmp(line, "Admin Commands") || !strcmp(line, "I/O Commands")) {
		b->io = line[0] == 'I';
		return 0;
	}
	for (unsigned i = 0; i < SL_COUNT(identity); i++) {
		if (strlen(identity[i].name) != name ||
		    strncmp(line, identity[i].name, name) != 0 || line[name] != ':')
			continue;
		return sl_build_identity(b, identity[i].field, trim(line + name + 1));
	}
	return spdk_command(b, line, n, reterr);
}

/* nvme-cli id-ctrl: "mn        : PC401 NVMe SK hynix 256GB". */
static int line_id_ctrl(struct sl_build *b, char *line, unsigned n, struct sl_diag *reterr)
{
	char *colon = strchr(line, ':');
	char field[16];

	(void)n;
	(void)reterr;
	if (!colon || (size_t)(colon - line) >= sizeof(field))
		return 0;
	(void)snprintf(field, sizeof(field), "%.*s", (int)(colon - line), line);
	return sl_build_identity(b, trim(field), trim(colon + 1));
}

static const struct {
	const char *format;
	line_fn fn;
	bool strict;
} forms[] = {
	{"sluice's own lines", line_own, true},
	{"nvme-cli effects-log", line_nvme_cli, false},
	{"SPDK identify", line_spdk, false},
	{"nvme-cli id-ctrl", line_id_ctrl, false},
};

int sl_build_text(struct sl_build *b, const char *text, struct sl_diag *reterr)
{
	char line[LINE_MAX_LEN], copy[LINE_MAX_LEN];
	unsigned n = 0, form = SL_COUNT(forms);
	bool any = false;

	b->csi = 0;
	b->io = false;
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t len = strcspn(p, "\n");
		char *s;
		int error = 0;

		n++;
		if (len >= sizeof(line))
			return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
					   "the line is longer than %d bytes", LINE_MAX_LEN - 1);
		(void)snprintf(line, sizeof(line), "%.*s", (int)len, p);
		s = trim(line);
		if (!*s || *s == '#')
			continue;
		for (unsigned i = 0; form == SL_COUNT(forms) && i < SL_COUNT(forms); i++) {
			(void)snprintf(copy, sizeof(copy), "%s", s);
			error = forms[i].fn(b, copy, n, reterr);
			if (error)
				form = i;
		}
		if (form == SL_COUNT(forms))
			continue;
		if (!error)
			error = forms[form].fn(b, s, n, reterr);
		if (error < 0)
			return error;
		if (!error && forms[form].strict)
			return sl_diag_set(reterr, -EINVAL, b->path, n, 0,
					   "\"%.40s\" begins no line that is known here", s);
		any |= error > 0;
	}
	if (!any)
		return -ENOMSG;
	b->doc->format = forms[form].format;
	return 0;
}
