/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a persona: the file, its outline, and what happens to a half-built one (nothing of it
 * gets out). The sections are read by persona-*.c.
 */
#include "model/persona.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "model/cxl/cxl.h"
#include "model/persona-json.h"
#include "model/scsi/persona.h"
#include "wire/wire.h"

/* ---- the outline ---- */

static int read_format(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint64_t n;

	(void)field, (void)k;
	return sl_pj_u64(j, v, SL_PERSONA_FORMAT, SL_PERSONA_FORMAT, &n);
}

/* In the order of enum sl_wire_protocol, from 1 on. */
static const char *const protocols[] = {"nvme", "scsi", "cxl", "fwctl"};

const char *sl_persona_protocol(uint8_t protocol)
{
	return protocol && protocol <= SL_COUNT(protocols) ? protocols[protocol - 1] : "unknown";
}

/* Read before everything else: names of states and fields are the protocol's. */
static int read_protocol(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	unsigned w;
	int r = sl_pj_word(j, v, protocols, SL_COUNT(protocols), &w);

	(void)k;
	if (!r)
		*(uint8_t *)field = (uint8_t)(SL_WIRE_NVME + w);
	return r;
}

static int read_source(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	const char *s;
	int r = sl_pj_string(j, v, &s);

	if (r)
		return r;
	if (strlen(s) >= k->size)
		return sl_pj_fail(j, "%zu bytes, at most %zu are allowed", strlen(s), k->size - 1);
	memcpy(field, s, strlen(s) + 1);
	return 0;
}

static int read_unlisted(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field;
	return sl_persona_read_opcodes(j, v, &j->unlisted, k);
}

static int read_refused(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field;
	return sl_persona_read_opcodes(j, v, &j->refused, k);
}

static int read_lids(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	j->lids_given = true;
	return sl_persona_read_lids(j, v, field, k);
}

static int read_error_log(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"entries", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, error_count)},
		{"total", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, error_total)},
	};
	struct sl_persona *p = j->p;
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), p);

	(void)field, (void)k;
	if (!r && !json_object_get(v, "total"))
		p->error_total = p->error_count;
	if (!r && p->error_total < p->error_count)
		r = sl_pj_fail_at(j, "total", "less than \"entries\"");
	return r;
}

static int read_timing(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"latency_us", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, latency_us),
		 .max = SL_PERSONA_DELAY_MAX_MS * UINT64_C(1000)},
		{"sanitize_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, sanitize_ms)},
		{"format_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, format_ms),
		 .max = SL_PERSONA_DELAY_MAX_MS},
		{"self_test_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, self_test_ms)},
	};

	(void)field, (void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), j->p);
}

static int read_blocks(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint64_t n;
	int r = sl_pj_u64(j, v, 0, SL_PERSONA_LOG_BYTES_MAX, &n);

	(void)k;
	if (!r && n % 512)
		r = sl_pj_fail(j, "not a multiple of 512");
	if (!r)
		*(uint32_t *)field = (uint32_t)n;
	return r;
}

static int read_telemetry(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"host_bytes", read_blocks, SL_PJ_FIELD(struct sl_persona, telemetry_host_bytes)},
		{"controller_bytes", read_blocks,
		 SL_PJ_FIELD(struct sl_persona, telemetry_ctrl_bytes)},
	};

	(void)field, (void)k;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), j->p);
}

#define COMMON_HEAD                                                                                \
	{"format", read_format, .required = true}, {"protocol", sl_pj_read_skip},                  \
		{"name", sl_pj_read_name, SL_PJ_FIELD(struct sl_persona, name)},                   \
		{"title", sl_pj_read_ascii, SL_PJ_FIELD(struct sl_persona, title), .min = 1},      \
		{"source", read_source, SL_PJ_FIELD(struct sl_persona, source)},                   \
		{"honest", sl_pj_read_bool, SL_PJ_FIELD(struct sl_persona, honest)},               \
	{                                                                                          \
		"seed", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona, seed)                      \
	}
#define COMMON_TAIL                                                                                \
	{"timing", read_timing}, {"variables", sl_persona_read_variables},                         \
		{"vendor_commands", sl_persona_read_vendor},                                       \
		{"behaviours", sl_persona_read_rules},                                             \
	{                                                                                          \
		"drift", sl_persona_read_drift                                                     \
	}

/* In the order of reading: rules name variables, vendor commands share actions with rules. */
static const struct sl_pj_key outline[] = {
	COMMON_HEAD,
	{"identify_controller", sl_persona_read_identify, SL_PJ_FIELD(struct sl_persona, id_ctrl),
	 .required = true},
	{"identify_controller_raw", sl_pj_read_skip},
	{"effects_log", sl_persona_read_effects},
	{"effects_log_raw", sl_persona_read_effects_raw, SL_PJ_FIELD(struct sl_persona, effects)},
	{"unlisted", read_unlisted},
	{"refused", read_refused},
	{"features", sl_persona_read_features, SL_PJ_FIELD(struct sl_persona, feature)},
	{"supported_logs", read_lids, SL_PJ_FIELD(struct sl_persona, log_supported)},
	{"logs", sl_persona_read_logs},
	{"smart", sl_persona_read_smart, SL_PJ_FIELD(struct sl_persona, smart)},
	{"smart_raw", sl_persona_read_raw, SL_PJ_FIELD(struct sl_persona, smart)},
	{"error_log", read_error_log},
	{"firmware", sl_persona_read_firmware, SL_PJ_FIELD(struct sl_persona, firmware)},
	{"quirks", sl_persona_read_quirks},
	{"telemetry", read_telemetry},
	{"namespaces", sl_persona_read_namespaces},
	COMMON_TAIL,
};

static const struct sl_pj_key scsi_outline[] = {
	COMMON_HEAD,
	{"inquiry", sl_scsi_read_inquiry, .required = true},
	{"inquiry_raw", sl_scsi_read_inquiry_raw},
	{"medium", sl_scsi_read_medium},
	{"tape", sl_scsi_read_tape},
	{"ata", sl_scsi_read_ata},
	{"quirks", sl_scsi_read_quirks},
	{"block_limits", sl_scsi_read_limits},
	{"vpd", sl_scsi_read_vpd},
	{"mode_pages", sl_scsi_read_modes},
	{"log_pages", sl_scsi_read_logs},
	{"commands", sl_scsi_read_commands},
	{"unlisted", sl_scsi_read_unlisted},
	{"refused", sl_scsi_read_refused},
	COMMON_TAIL,
};

/* ---- building and freeing ---- */

void sl_match_done(struct sl_match *m)
{
	for (unsigned i = 0; i < m->n_bytes; i++) {
		free(m->payload[i].value.p);
		free(m->payload[i].mask.p);
	}
	free(m->numbers);
	free(m->payload);
	free(m->states);
}

void sl_dos_free(struct sl_do *dos, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(dos[i].bytes.p);
		free(dos[i].refs);
	}
	free(dos);
}

static void rules_free(struct sl_rule *rules, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned s = 0; s < rules[i].n_steps; s++)
			sl_match_done(&rules[i].steps[s]);
		free(rules[i].steps);
		free(rules[i].states);
		sl_dos_free(rules[i].dos, rules[i].n_dos);
	}
	free(rules);
}

struct sl_persona *sl_persona_free(struct sl_persona *p)
{
	if (!p)
		return NULL;
	for (unsigned i = 0; i < 256; i++)
		free(p->feature[i].data.p);
	for (unsigned i = 0; i < p->n_logs; i++)
		free(p->logs[i].data.p);
	free(p->logs);
	for (unsigned i = 0; i < p->n_ns; i++) {
		for (unsigned f = 0; f < p->ns[i].n_fills; f++)
			free(p->ns[i].fills[f].pattern.p);
		free(p->ns[i].fills);
	}
	free(p->ns);
	for (unsigned i = 0; i < p->n_vendor; i++) {
		sl_match_done(&p->vendor[i].match);
		free(p->vendor[i].answer.p);
		sl_dos_free(p->vendor[i].dos, p->vendor[i].n_dos);
	}
	free(p->vendor);
	rules_free(p->rules, p->n_rules);
	free(p->drift);
	free(p->vars);
	sl_scsi_persona_free(p->scsi);
	free(p->cxl);
	free(p);
	return NULL;
}

/* The file's name without folder and ".json", where it may be a name. */
static void name_from_path(struct sl_persona *p, const char *path)
{
	const char *base = strrchr(path, '/');
	size_t n;

	base = base ? base + 1 : path;
	n = strcspn(base, ".");
	if (n >= sizeof(p->name))
		n = sizeof(p->name) - 1;
	memcpy(p->name, n ? base : "unnamed", n ? n : 8);
}

/*
 * Nesting is bounded before anything recurses over it. 0, or the error reported. A bracket inside a
 * string does not count.
 */
static int check_depth(struct sl_pj *j)
{
	unsigned depth = 0, line = 1, column = 0;
	bool string = false;

	for (size_t i = 0; i < j->len; i++) {
		char c = j->text[i];

		column++;
		if (c == '\n') {
			line++;
			column = 0;
		} else if (string) {
			i += c == '\\';
			column += c == '\\';
			string = c != '"';
		} else if (c == '"') {
			string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > SL_PERSONA_DEPTH_MAX)
				return sl_diag_set(j->diag, -EINVAL, j->file, line, column,
						   "nested deeper than %u", SL_PERSONA_DEPTH_MAX);
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return 0;
}

static const struct sl_pj_key cxl_outline[] = {
	COMMON_HEAD,
	{"memory", sl_cxl_read_memory, .required = true},
	{"identify_raw", sl_cxl_read_identify},
	{"health_raw", sl_cxl_read_health},
	{"alert_raw", sl_cxl_read_alert},
	{"effects_log", sl_cxl_read_log},
	{"unlisted", sl_cxl_read_unlisted},
	{"refused", sl_cxl_read_refused},
	{"features", sl_cxl_read_features},
	COMMON_TAIL,
};

static int build_cxl(struct sl_pj *j, json_t *root, uint8_t protocol)
{
	int r;

	j->p->protocol = protocol;
	j->p->cxl = calloc(1, sizeof(*j->p->cxl));
	if (!j->p->cxl)
		return sl_pj_nomem(j);
	r = sl_pj_object(j, root, cxl_outline, SL_COUNT(cxl_outline), j->p);
	return r ? r : sl_cxl_persona_complete(j);
}

static int build(struct sl_pj *j, json_t *root)
{
	json_t *protocol = json_object_get(root, "protocol");
	int r = 0;

	if (protocol) {
		sl_pj_enter(j, "protocol");
		r = read_protocol(j, protocol, &j->p->protocol, NULL);
		sl_pj_leave(j);
	}
	if (!r && j->p->protocol == SL_WIRE_NVME) {
		r = sl_pj_object(j, root, outline, SL_COUNT(outline), j->p);
		return r ? r : sl_persona_complete(j, root);
	}
	if (r)
		return r;
	if (j->p->protocol == SL_WIRE_CXL || j->p->protocol == SL_WIRE_FWCTL)
		return build_cxl(j, root, j->p->protocol);
	j->p->scsi = calloc(1, sizeof(*j->p->scsi));
	if (!j->p->scsi)
		return sl_pj_nomem(j);
	j->p->scsi->present = true;
	r = sl_pj_object(j, root, scsi_outline, SL_COUNT(scsi_outline), j->p);
	return r ? r : sl_scsi_persona_complete(j, root);
}

int sl_persona_parse(const char *text, size_t len, const char *name, struct sl_persona **ret,
		     struct sl_diag *diag)
{
	struct sl_pj j = {.file = name, .text = text, .len = len, .diag = diag};
	json_error_t e;
	json_t *root;
	int r;

	*ret = NULL;
	if (len > SL_PERSONA_FILE_MAX)
		return sl_diag_set(diag, -EFBIG, name, 0, 0, "larger than %u bytes",
				   SL_PERSONA_FILE_MAX);
	r = check_depth(&j);
	if (r)
		return r;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!root)
		return sl_diag_set(diag, -EINVAL, name, e.line > 0 ? (unsigned)e.line : 0,
				   e.column > 0 ? (unsigned)e.column : 0, "%s", e.text);
	j.p = calloc(1, sizeof(*j.p));
	if (j.p) {
		j.p->protocol = SL_WIRE_NVME;
		name_from_path(j.p, name);
		r = build(&j, root);
	} else {
		r = sl_pj_nomem(&j);
	}
	json_decref(root);
	if (r)
		j.p = sl_persona_free(j.p);
	*ret = j.p;
	return r;
}

/* ---- files ---- */

static int read_file(const char *path, char **ret, size_t *ret_len, struct sl_diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	size_t size = SL_PERSONA_FILE_MAX + 1, at = 0;
	struct stat st;
	char *buf = NULL;

	if (fd < 0)
		return sl_diag_set(diag, -errno, path, 0, 0, "%s", strerror(errno));
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (st.st_size > SL_PERSONA_FILE_MAX)
		r = -EFBIG;
	if (!r && !(buf = malloc(size)))
		r = -ENOMEM;
	while (!r && at < size) {
		ssize_t n = read(fd, buf + at, size - at);

		if (n < 0 && errno != EINTR)
			r = -errno;
		if (!n)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (!r) {
		*ret = buf;
		*ret_len = at;
		return 0;
	}
	free(buf);
	if (r == -EFBIG)
		return sl_diag_set(diag, r, path, 0, 0, "larger than %u bytes",
				   SL_PERSONA_FILE_MAX);
	return sl_diag_set(diag, r, path, 0, 0, "%s",
			   r == -EINVAL ? "not a regular file" : strerror(-r));
}

int sl_persona_load(const char *path, struct sl_persona **ret, struct sl_diag *diag)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	*ret = NULL;
	r = read_file(path, &text, &len, diag);
	if (r)
		return r;
	r = sl_persona_parse(text, len, path, ret, diag);
	free(text);
	return r;
}

/* Identify text without its padding. */
static void unpad(char *to, const uint8_t *from, size_t n)
{
	memcpy(to, from, n);
	while (n && (to[n - 1] == ' ' || !to[n - 1]))
		n--;
	to[n] = 0;
}

int sl_persona_summary(const char *path, struct sl_persona_summary *ret, struct sl_diag *diag)
{
	struct sl_persona *p;
	int r = sl_persona_load(path, &p, diag);

	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, p->name, sizeof(ret->name));
	memcpy(ret->title, p->title, sizeof(ret->title));
	if (p->scsi) {
		unpad(ret->mn, p->scsi->inquiry + 8, 24);
		unpad(ret->fr, p->scsi->inquiry + 32, 4);
	} else if (p->cxl) {
		memcpy(ret->mn, "CXL memory", 11);
		unpad(ret->fr, p->cxl->identify, 16);
	} else {
		unpad(ret->mn, p->id_ctrl + 24, 40);
		unpad(ret->fr, p->id_ctrl + 64, 8);
	}
	ret->protocol = p->protocol;
	ret->namespaces = p->n_ns;
	ret->rules = p->n_rules;
	ret->honest = p->honest;
	sl_persona_free(p);
	return 0;
}
