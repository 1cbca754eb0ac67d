/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/bundle.h"

#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/reader.h"
#include "observe/breach.h"
#include "observe/recipe.h"
#include "observe/record.h"
#include "observe/report.h"
#include "spec/names.h"

#define FORMAT	     "sluice evidence 1"
#define FILE_MAX     (256u << 20)
#define FINDINGS_MAX 10000u

/* Over everything else in it, with sorted keys and no blanks: the same for every writer. */
static int hash_of(const json_t *json, char ret[65])
{
	json_t *copy = json_copy((json_t *)(uintptr_t)json);
	uint8_t digest[32];
	SHA2_CTX md;
	char *text;

	if (!copy)
		return -ENOMEM;
	(void)json_object_del(copy, "sha256");
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(copy);
	if (!text)
		return -ENOMEM;
	SHA256Init(&md);
	SHA256Update(&md, (const uint8_t *)text, strlen(text));
	SHA256Final(digest, &md);
	free(text);
	for (unsigned i = 0; i < 32; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static json_t *contract(const struct sl_verdicts *v)
{
	json_t *logs = json_array();

	for (size_t i = 0; i < v->n_raw; i++) {
		const struct sl_raw_answer *a = &v->raw[i];

		(void)json_array_append_new(
			logs, json_pack("{s:s, s:I, s:o, s:o}", "log", sl_raw_name(a->raw),
					"status", (json_int_t)a->status, "command",
					sl_record_hex(a->cmd.req, SL_REQ_MAX), "data",
					sl_record_hex(a->data, a->len)));
	}
	return json_pack("{s:b, s:o, s:o}", "published", v->declares, "sha256",
			 sl_record_hex(v->doc->contract.hash, 32), "logs", logs);
}

/* The report, as `verify --json` prints it. */
static json_t *report(const struct sl_verdicts *v)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct sl_emit *e = f ? sl_emit_new(f, true) : NULL;
	json_t *json = NULL;

	if (e) {
		sl_report_print(e, v);
		if (sl_emit_done(e) == 0)
			json = json_loads(text, 0, NULL);
	}
	if (f)
		(void)fclose(f);
	free(text);
	return json;
}

static json_t *build(const struct sl_verdicts *v, const struct sl_report_about *about)
{
	const struct sl_contract *c = &v->doc->contract;
	json_t *findings = json_array(), *json;
	char when[32] = "", hash[65];
	struct tm tm;

	if (gmtime_r(&about->when, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	for (size_t i = 0; i < v->n; i++)
		(void)json_array_append_new(findings, sl_record_breach(v, &v->v[i]));
	json = json_pack("{s:s, s:s+, s:s, s:o, s:{s:o, s:o, s:o, s:o, s:I}, s:{s:I, s:b}, s:o, "
			 "s:o, s:o}",
			 "format", FORMAT, "made_by", "sluice ", about->version, "made_at", when,
			 "spec", sl_record_text(about->spec), "device", "vendor",
			 sl_record_text(c->vendor), "model", sl_record_text(c->model), "serial",
			 sl_record_text(c->serial), "firmware", sl_record_text(c->firmware),
			 "controller", (json_int_t)c->cntlid, "options", "key",
			 (json_int_t)about->options->key, "perturb", about->options->perturb,
			 "contract", contract(v), "findings", findings, "report", report(v));
	if (json && hash_of(json, hash) == 0)
		(void)json_object_set_new(json, "sha256", json_string(hash));
	return json;
}

static int write_bytes(const char *dir, const char *name, const void *bytes, size_t n,
		       struct sl_diag *reterr)
{
	char path[4096];
	FILE *f;
	int error = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return sl_diag_set(reterr, -ENAMETOOLONG, dir, 0, 0, "the path is too long");
	f = fopen(path, "we");
	if (!f)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	errno = 0;
	if (fwrite(bytes, 1, n, f) != n)
		error = errno ? -errno : -EIO;
	if (fclose(f) && !error)
		error = -errno;
	return error ? sl_diag_set(reterr, error, path, 0, 0, "%s", strerror(-error)) : 0;
}

static int make_dir(const char *path, struct sl_diag *reterr)
{
	if (mkdir(path, 0777) && errno != EEXIST)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	return 0;
}

/* The commands of a finding, one file each, and what was read, before and after. */
static int write_finding(const char *dir, size_t nr, const struct sl_breach *b,
			 struct sl_diag *reterr)
{
	char sub[4096], name[64];
	int error;

	if (snprintf(sub, sizeof(sub), "%s/finding-%zu", dir, nr) >= (int)sizeof(sub))
		return sl_diag_set(reterr, -ENAMETOOLONG, dir, 0, 0, "the path is too long");
	error = make_dir(sub, reterr);
	if (!error && b->has_cmd)
		error = write_bytes(sub, "command.sqe", b->cmd.req, SL_REQ_MAX, reterr);
	for (unsigned i = 0; !error && b->recipe && i < b->recipe->n; i++) {
		const struct sl_recipe_step *s = &b->recipe->step[i];

		if (!s->keep)
			continue;
		(void)snprintf(name, sizeof(name), "step-%u.sqe", i + 1);
		error = write_bytes(sub, name, s->cmd.req, SL_REQ_MAX, reterr);
		(void)snprintf(name, sizeof(name), "step-%u.payload", i + 1);
		if (!error && s->payload)
			error = write_bytes(sub, name, s->payload, s->cmd.data_len, reterr);
	}
	for (unsigned i = 0; !error && i < b->n_evidence; i++) {
		const struct sl_exhibit *x = b->evidence[i].exhibit;

		(void)snprintf(name, sizeof(name), "item-%u.before", i + 1);
		if (x && x->old_valid)
			error = write_bytes(sub, name, x->was, x->len, reterr);
		(void)snprintf(name, sizeof(name), "item-%u.after", i + 1);
		if (!error && x && x->new_valid)
			error = write_bytes(sub, name, x->is, x->len, reterr);
	}
	return error;
}

static int write_dir(const char *dir, const struct sl_verdicts *v, const char *text,
		     struct sl_diag *reterr)
{
	int error = make_dir(dir, reterr);
	char name[96];

	if (!error)
		error = write_bytes(dir, "bundle.json", text, strlen(text), reterr);
	for (size_t i = 0; i < v->n_raw && !error; i++) {
		if (v->raw[i].status)
			continue;
		(void)snprintf(name, sizeof(name), "contract-%zu-%.40s.bin", i + 1,
			       sl_raw_name(v->raw[i].raw));
		for (char *s = name; *s; s++)
			*s = *s == ' ' || *s == '/' ? '-' : *s;
		error = write_bytes(dir, name, v->raw[i].data, v->raw[i].len, reterr);
	}
	for (size_t i = 0; i < v->n && !error; i++)
		error = write_finding(dir, i + 1, &v->v[i], reterr);
	return error;
}

static bool is_dir(const char *path)
{
	struct stat st;
	size_t n = strlen(path);

	return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

int sl_bundle_write(const char *path, const struct sl_verdicts *v,
		    const struct sl_report_about *about, struct sl_diag *reterr)
{
	json_t *json = build(v, about);
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	const char *slash = strrchr(path, '/');
	int error;

	json_decref(json);
	if (!text)
		return sl_diag_set(reterr, -ENOMEM, path, 0, 0, "the bundle could not be made");
	if (is_dir(path)) {
		error = write_dir(path, v, text, reterr);
	} else {
		char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

		error = dir ? write_bytes(slash == path ? "" : dir, slash ? slash + 1 : path, text,
					  strlen(text), reterr)
			    : -ENOMEM;
		free(dir);
	}
	free(text);
	return error;
}

void sl_bundle_done(struct sl_bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		sl_breach_done(&b->v[i].breach);
	free(b->v);
	json_decref(b->json);
	*b = (struct sl_bundle){0};
}

static const char *string(const json_t *json, const char *key)
{
	const char *s = json_string_value(json_object_get(json, key));

	return s ? s : "";
}

static int read_findings(struct sl_bundle *b, const char *path, struct sl_diag *reterr)
{
	const json_t *findings = json_object_get(b->json, "findings");
	size_t n = json_array_size(findings);
	int error;

	if (!json_is_array(findings) || n > FINDINGS_MAX)
		return sl_diag_set(reterr, -EINVAL, path, 0, 0, "it has no findings to speak of");
	b->v = calloc(n + 1, sizeof(*b->v));
	if (!b->v)
		return sl_diag_set(reterr, -ENOMEM, path, 0, 0, "out of memory");
	for (; b->n < n; b->n++) {
		struct sl_diag d = {0};

		error = sl_record_parse(json_array_get(findings, b->n), &b->v[b->n].breach,
					&b->v[b->n].phase, &d);
		if (error)
			return sl_diag_set(reterr, error, path, 0, 0, "finding %zu: %s", b->n + 1,
					   error == -ENOMEM ? "out of memory" : d.text);
	}
	return 0;
}

static int check(struct sl_bundle *b, const char *path, struct sl_diag *reterr)
{
	const json_t *device = json_object_get(b->json, "device");
	char hash[65];

	if (strcmp(string(b->json, "format"), FORMAT) != 0)
		return sl_diag_set(reterr, -EINVAL, path, 0, 0, "it is no evidence bundle");
	b->hash = string(b->json, "sha256");
	if (hash_of(b->json, hash))
		return sl_diag_set(reterr, -ENOMEM, path, 0, 0, "out of memory");
	if (strcmp(hash, b->hash) != 0)
		return sl_diag_set(
			reterr, -EINVAL, path, 0, 0,
			"its hash is not that of its content: it was damaged or changed");
	b->made = string(b->json, "made_at");
	b->spec = string(b->json, "spec");
	b->model = string(device, "model");
	b->firmware = string(device, "firmware");
	b->key = (uint64_t)json_integer_value(
		json_object_get(json_object_get(b->json, "options"), "key"));
	return read_findings(b, path, reterr);
}

int sl_bundle_read(const char *path, struct sl_bundle *ret, struct sl_diag *reterr)
{
	char file[4096];
	json_error_t e;
	struct stat st;
	int error;

	*ret = (struct sl_bundle){0};
	if (snprintf(file, sizeof(file), "%s%s", path, is_dir(path) ? "/bundle.json" : "") >=
	    (int)sizeof(file))
		return sl_diag_set(reterr, -ENAMETOOLONG, path, 0, 0, "the path is too long");
	if (stat(file, &st))
		return sl_diag_set(reterr, -errno, file, 0, 0, "%s", strerror(errno));
	if (st.st_size > FILE_MAX)
		return sl_diag_set(reterr, -EFBIG, file, 0, 0, "it is too large for a bundle");
	ret->json = json_load_file(file, JSON_REJECT_DUPLICATES, &e);
	if (!ret->json)
		return sl_diag_set(reterr, -EINVAL, file, e.line > 0 ? (unsigned)e.line : 0,
				   e.column > 0 ? (unsigned)e.column : 0, "%s", e.text);
	error = check(ret, file, reterr);
	if (error)
		sl_bundle_done(ret);
	return error;
}
