/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/breach.h"
#include "observe/record.h"

#define FORMAT	 "sluice verify state 1"
#define SYNC_S	 1.0 /* a machine that dies loses no more than this */
#define USE_KEYS 5

struct sl_state {
	FILE *f;
	json_t *old;	     /* what earlier runs did: the lines of each phase */
	const json_t *lines; /* of this phase; NULL: there are none */
	size_t next, experiment;
	char phase[128];
	struct sl_breach *shadow; /* findings as the journal has them */
	size_t n_shadow;
	struct sl_use *use; /* likewise */
	double synced;
	int error;
};

static json_t *header(const struct sl_verifier *v)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:b}", "format", FORMAT, "model",
			 sl_record_text(v->c->model), "serial", sl_record_text(v->c->serial),
			 "firmware", sl_record_text(v->c->firmware), "contract",
			 sl_record_hex(v->c->hash, 32), "key", (json_int_t)v->o->key, "perturb",
			 v->o->perturb);
}

static void put_line(struct sl_state *s, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	double now = sl_now();

	json_decref(line);
	if (!text) {
		s->error = s->error ? s->error : -ENOMEM;
		return;
	}
	errno = 0;
	if (fprintf(s->f, "%s\n", text) < 0 || fflush(s->f))
		s->error = s->error ? s->error : errno ? -errno : -EIO;
	free(text);
	if (now - s->synced > SYNC_S) {
		(void)fdatasync(fileno(s->f));
		s->synced = now;
	}
}

/* What is there, up to a line that was cut off; *ret_end is where that begins. */
static int read_lines(struct sl_state *s, json_t **ret_head, long *ret_end)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	*ret_end = 0;
	s->old = json_object();
	while (s->old && (n = getline(&text, &size, s->f)) > 0 && text[n - 1] == '\n') {
		json_t *l = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		const char *phase = json_string_value(json_object_get(l, "phase"));
		json_t *lines;

		if (!*ret_head && l) {
			*ret_head = l;
		} else if (phase) {
			lines = json_object_get(s->old, phase);
			if (!lines) {
				lines = json_array();
				(void)json_object_set_new(s->old, phase, lines);
			}
			(void)json_array_append_new(lines, l);
		} else {
			json_decref(l);
			break;
		}
		*ret_end = ftell(s->f);
	}
	free(text);
	return s->old ? 0 : -ENOMEM;
}

int sl_state_open(const char *path, struct sl_verifier *v, struct sl_diag *reterr)
{
	struct sl_state *s = calloc(1, sizeof(*s));
	json_t *head = header(v), *was = NULL;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	int error = 0;
	struct stat st;
	long end;

	if (fd >= 0 && s)
		s->f = fdopen(fd, "r+");
	if (!s || !head || !s->f) {
		error = fd < 0 ? -errno : -ENOMEM;
		json_decref(head);
		free(s);
		return sl_diag_set(reterr, error, path, 0, 0, "%s", strerror(-error));
	}
	s->use = calloc(sl_use_count(), sizeof(*s->use));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		error = sl_diag_set(reterr, -EINVAL, path, 0, 0, "it is no file");
	else if (!s->use || read_lines(s, &was, &end))
		error = sl_diag_set(reterr, -ENOMEM, path, 0, 0, "out of memory");
	else if (was && !json_equal(was, head))
		error = sl_diag_set(reterr, -EEXIST, path, 1, 0,
				    "it is the state of another verification: another device, "
				    "firmware, contract or other options");
	else if (fseek(s->f, end, SEEK_SET) || ftruncate(fileno(s->f), end))
		error = sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	else if (!was)
		put_line(s, json_incref(head));
	json_decref(was);
	json_decref(head);
	if (error)
		(void)sl_state_close(s);
	else
		v->state = s;
	return error;
}

int sl_state_close(struct sl_state *s)
{
	int error = s ? s->error : 0;

	if (!s)
		return 0;
	errno = 0;
	if (s->f && fclose(s->f) && !error)
		error = errno ? -errno : -EIO;
	json_decref(s->old);
	free(s->shadow);
	free(s->use);
	free(s);
	return error;
}

static bool changed(const struct sl_state *s, const struct sl_verdicts *out, size_t i)
{
	return i >= s->n_shadow || memcmp(&s->shadow[i], &out->v[i], sizeof(out->v[i])) != 0;
}

/* Findings that are new or are told otherwise than before. */
static json_t *findings(struct sl_state *s, const struct sl_verdicts *out)
{
	json_t *list = json_array();
	struct sl_breach *shadow;

	for (size_t i = 0; i < out->n; i++)
		if (changed(s, out, i))
			(void)json_array_append_new(
				list, json_pack("[I, o]", (json_int_t)out->v[i].serial,
						sl_record_breach(out, &out->v[i])));
	shadow = realloc(s->shadow, (out->n + 1) * sizeof(*shadow));
	if (!shadow) {
		s->error = -ENOMEM;
		return list;
	}
	s->shadow = shadow;
	s->n_shadow = out->n;
	memcpy(shadow, out->v, out->n * sizeof(*shadow));
	return list;
}

static json_t *uses(struct sl_state *s, const struct sl_verifier *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sl_use_count(); i++) {
		const struct sl_use *u = &v->use[i];

		if (memcmp(u, &s->use[i], sizeof(*u)) == 0)
			continue;
		(void)json_array_append_new(
			list, json_pack("[I, I, I, I, I, I]", (json_int_t)i, (json_int_t)u->seen,
					(json_int_t)u->sent, (json_int_t)u->ms,
					(json_int_t)u->turned, (json_int_t)u->ms_max));
		s->use[i] = *u;
	}
	return list;
}

/* What every line has. */
static json_t *line(struct sl_verifier *v, const char *kind, json_int_t n)
{
	struct sl_state *s = v->state;

	return json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:[i, i, i], s:o, s:o}", "phase",
		s->phase, "is", kind, "n", n, "serial", (json_int_t)v->out->serial, "commands",
		(json_int_t)v->rig->commands, "us", (json_int_t)((sl_now() - v->t0) * 1e6),
		"blocks_tried", (json_int_t)v->out->blocks_tried, "blocks_of",
		(json_int_t)v->out->blocks_of, "beside", (int)v->out->beside, (int)v->out->alone,
		(int)v->out->alone_calm, "findings", findings(s, v->out), "use", uses(s, v));
}

static json_int_t integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The finding of a number where it is in the list, else its end. */
static size_t place_of(const struct sl_verdicts *out, json_int_t serial)
{
	size_t i = 0;

	while (i < out->n && out->v[i].serial != (uint64_t)serial)
		i++;
	return i;
}

static void take_findings(struct sl_verifier *v, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *pair = json_array_get(list, i);
		json_int_t serial = json_integer_value(json_array_get(pair, 0));
		struct sl_breach b;
		const char *phase;

		if (sl_record_parse(json_array_get(pair, 1), &b, &phase, NULL))
			continue;
		b.serial = (uint64_t)serial;
		b.phase = (uint8_t)v->phase;
		for (unsigned k = 0; k < v->out->n_phases; k++)
			if (strcmp(v->out->phase[k].name, phase) == 0)
				b.phase = (uint8_t)k;
		if (sl_breach_put(v->out, place_of(v->out, serial), &b))
			sl_breach_done(&b);
	}
}

static void take_uses(struct sl_verifier *v, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t n[USE_KEYS + 1];
		struct sl_use *u;

		for (size_t k = 0; k <= USE_KEYS; k++)
			n[k] = json_integer_value(json_array_get(json_array_get(list, i), k));
		if (n[0] < 0 || (size_t)n[0] >= sl_use_count())
			continue;
		u = &v->use[n[0]];
		u->seen |= (sl_effects)n[1] & SL_E_ALL;
		u->sent = larger(u->sent, (uint64_t)n[2]);
		u->ms = larger(u->ms, (uint64_t)n[3]);
		u->turned |= (uint64_t)n[4];
		u->ms_max = (uint32_t)larger(u->ms_max, (uint32_t)n[5]);
	}
}

/* The verifier as it was when this line was written. */
static void take(struct sl_verifier *v, const json_t *l)
{
	struct sl_state *s = v->state;
	struct sl_verdicts *out = v->out;
	double t0 = sl_now() - (double)integer(l, "us") / 1e6;

	take_findings(v, json_object_get(l, "findings"));
	take_uses(v, json_object_get(l, "use"));
	/* Budgets are of all runs together; setting up anew is not held against them. */
	if (t0 < v->t0)
		v->t0 = out->t0 = t0;
	v->rig->commands = larger(v->rig->commands, (uint64_t)integer(l, "commands"));
	out->serial = (uint64_t)integer(l, "serial");
	memcpy(s->use, v->use, sl_use_count() * sizeof(*s->use));
	json_decref(findings(s, out)); /* the journal has these */
}

static void take_cases(struct sl_verifier *v, const json_t *list)
{
	if (json_array_size(list) > v->cases.n)
		(void)sl_cases_opcodes(v->c, &v->cases);
	for (size_t i = 0; i < json_array_size(list) && i < v->cases.n; i++) {
		json_int_t n = json_integer_value(json_array_get(list, i));

		v->cases.v[i].status = (uint16_t)n;
		v->cases.v[i].tried = n >> 16 & 1;
		v->cases.v[i].refused = n >> 17 & 1;
	}
}

bool sl_state_phase(struct sl_verifier *v, const char *phase)
{
	struct sl_state *s = v->state;
	struct sl_phase_count *p = &v->out->phase[v->phase];
	const json_t *last, *beside;
	const char *is;

	if (!s)
		return false;
	s->experiment = s->next = 0;
	(void)snprintf(s->phase, sizeof(s->phase), "%s", phase);
	s->lines = json_object_get(s->old, phase);
	last = json_array_get(s->lines, json_array_size(s->lines) - 1);
	is = json_string_value(json_object_get(last, "is"));
	if (!is || strcmp(is, "end") != 0)
		return false;
	for (; s->next < json_array_size(s->lines); s->next++)
		take(v, json_array_get(s->lines, s->next));
	take_cases(v, json_object_get(last, "cases"));
	/* In the middle of a phase its own loops count these anew. */
	v->out->blocks_tried = (uint64_t)integer(last, "blocks_tried");
	v->out->blocks_of = (uint64_t)integer(last, "blocks_of");
	beside = json_object_get(last, "beside");
	v->out->beside = (unsigned)json_integer_value(json_array_get(beside, 0));
	v->out->alone = (unsigned)json_integer_value(json_array_get(beside, 1));
	v->out->alone_calm = (unsigned)json_integer_value(json_array_get(beside, 2));
	p->commands = (uint64_t)integer(last, "sent");
	p->start = (double)integer(last, "start_us") / 1e6;
	p->seconds = (double)integer(last, "us") / 1e6 - p->start;
	return true;
}

void sl_state_phase_end(struct sl_verifier *v)
{
	struct sl_state *s = v->state;
	const struct sl_phase_count *p = &v->out->phase[v->phase];
	json_t *l, *cases;

	/* One that was cut off goes on next time. */
	if (!s || p->cut || v->gone)
		return;
	cases = json_array();
	for (size_t i = 0; i < v->cases.n; i++) {
		const struct sl_case *x = &v->cases.v[i];

		(void)json_array_append_new(cases,
					    json_integer(x->status | (json_int_t)x->tried << 16 |
							 (json_int_t)x->refused << 17));
	}
	l = line(v, "end", 0);
	(void)json_object_set_new(l, "cases", cases);
	(void)json_object_set_new(l, "sent", json_integer((json_int_t)p->commands));
	(void)json_object_set_new(l, "start_us", json_integer((json_int_t)(p->start * 1e6)));
	put_line(s, l);
}

/* How each command of it ended, runs of the same as one: what comes after an experiment
 * goes by it. */
static json_t *answers(const struct sl_trial *r)
{
	json_t *list = json_array();
	json_int_t times = 0;

	for (unsigned i = 0; i < r->n; i++) {
		const struct sl_answer *a = &r->step[i].a;
		const struct sl_answer *next = i + 1 < r->n ? &r->step[i + 1].a : NULL;

		times++;
		if (next && next->status == a->status && next->lost == a->lost)
			continue;
		(void)json_array_append_new(
			list,
			json_pack("[I, I, I]", times, (json_int_t)a->status, (json_int_t)a->lost));
		times = 0;
	}
	return list;
}

static void take_answers(struct sl_trial *r, const json_t *list)
{
	unsigned at = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *run = json_array_get(list, i);
		json_int_t times = json_integer_value(json_array_get(run, 0));

		for (; times > 0 && at < r->n; times--)
			r->step[at++].a = (struct sl_answer){
				.status = (uint16_t)json_integer_value(json_array_get(run, 1)),
				.lost = (uint8_t)(json_integer_value(json_array_get(run, 2)) & 3)};
	}
}

bool sl_state_skip(struct sl_verifier *v, struct sl_trial *r)
{
	struct sl_state *s = v->state;
	const json_t *l = s ? json_array_get(s->lines, s->next) : NULL;

	if (!l || integer(l, "n") != (json_int_t)s->experiment)
		return false;
	s->next++;
	s->experiment++;
	take(v, l);
	take_answers(r, json_object_get(l, "answers"));
	v->have_before = false;
	return true;
}

void sl_state_note(struct sl_verifier *v, const struct sl_trial *r)
{
	struct sl_state *s = v->state;
	json_t *l;

	if (!s || v->gone)
		return;
	l = line(v, "experiment", (json_int_t)s->experiment++);
	if (l)
		(void)json_object_set_new(l, "answers", answers(r));
	put_line(s, l);
}
