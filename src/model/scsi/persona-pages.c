/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VPD, mode and log pages of a SCSI persona file, and those that a device has when the file says
 * nothing of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/scsi/persona.h"

/* Walks an object whose keys are pages, "PAGE" or "PAGE/SUBPAGE"; "*" stands for the defaults. */
typedef int read_page(struct sl_pj *j, uint8_t page, uint8_t subpage, json_t *v);

static int read_pages(struct sl_pj *j, json_t *v, uint8_t max, int (*defaults)(struct sl_pj *j),
		      read_page *read)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	if (!r && defaults && json_object_get(v, "*"))
		r = json_is_true(json_object_get(v, "*")) ? defaults(j)
							  : sl_pj_fail_at(j, "*", "expected true");
	json_object_foreach(v, key, item) {
		uint64_t page, subpage = 0;

		if (r || !strcmp(key, "comment") || (defaults && !strcmp(key, "*")))
			continue;
		sl_pj_enter(j, key);
		r = sl_scsi_key_pair(j, key, max, &page, 0xfe, &subpage);
		if (!r)
			r = read(j, (uint8_t)page, (uint8_t)subpage, item);
		sl_pj_leave(j);
	}
	return r;
}

static void *grow(struct sl_pj *j, void **items, unsigned *n, size_t size)
{
	char *p;

	if (*n == SCSI_PAGE_MAX) {
		(void)sl_pj_fail(j, "more than %u pages", SCSI_PAGE_MAX);
		return NULL;
	}
	p = realloc(*items, (*n + 1) * size);
	if (!p) {
		(void)sl_pj_nomem(j);
		return NULL;
	}
	*items = p;
	p += (*n)++ * size;
	memset(p, 0, size);
	return p;
}

/* ---- VPD ---- */

static struct sl_scsi_vpd *vpd_page(struct sl_pj *j, uint8_t page)
{
	struct sl_persona_scsi *s = j->p->scsi;
	struct sl_scsi_vpd *v;

	for (unsigned i = 0; i < s->n_vpd; i++)
		if (s->vpd[i].page == page)
			return &s->vpd[i];
	v = grow(j, (void **)&s->vpd, &s->n_vpd, sizeof(*v));
	if (v)
		v->page = page;
	return v;
}

static int read_vpd_page(struct sl_pj *j, uint8_t page, uint8_t subpage, json_t *v)
{
	struct sl_scsi_vpd *p = vpd_page(j, page);

	(void)subpage;
	if (!p)
		return -EINVAL;
	free(p->data.p);
	p->data = (struct sl_bytes){0};
	return sl_pj_bytes(j, v, SCSI_BYTES_MAX, &p->data);
}

int sl_scsi_read_vpd(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_pages(j, v, 0xff, NULL, read_vpd_page);
}

/* A page of n zero bytes, unless the file gave it: then NULL, and *ret_r is 0. */
static uint8_t *make_vpd(struct sl_pj *j, uint8_t page, uint32_t n, int *ret_r)
{
	struct sl_scsi_vpd *v = vpd_page(j, page);

	*ret_r = v ? 0 : -EINVAL;
	if (!v || v->data.p)
		return NULL;
	v->data.p = calloc(1, n);
	v->data.len = v->data.p ? n : 0;
	if (!v->data.p)
		*ret_r = sl_pj_nomem(j);
	return v->data.p;
}

/* Block limits, SBC-5 table 271, by names of this format. */
static const struct sl_field limit_fields[] = {
	{"compare_and_write", 1, 1},	  {"granularity", 2, 2},	{"max_transfer", 4, 4},
	{"optimal_transfer", 8, 4},	  {"max_prefetch", 12, 4},	{"max_unmap_blocks", 16, 4},
	{"max_unmap_descriptors", 20, 4}, {"unmap_granularity", 24, 4}, {"unmap_alignment", 28, 4},
	{"max_write_same", 32, 8},
};

int sl_scsi_read_limits(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	int r = sl_pj_want_object(j, v), e;
	const char *key;
	json_t *item;
	uint8_t *b;

	(void)field, (void)k;
	if (r)
		return r;
	b = make_vpd(j, 0xb0, 60, &e);
	if (!b)
		return e;
	json_object_foreach(v, key, item) {
		const struct sl_field *f = sl_field_find(limit_fields, SL_COUNT(limit_fields), key);
		uint64_t x = 0;

		if (r || !strcmp(key, "comment"))
			continue;
		sl_pj_enter(j, key);
		if (!f && !strcmp(key, "wsnz"))
			b[0] = json_is_true(item) ? 1 : 0;
		else if (!f)
			r = sl_pj_fail(j, "unknown key");
		else
			r = sl_pj_u64(j, item, 0,
				      f->size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * f->size) - 1,
				      &x);
		for (unsigned i = 0; !r && f && i < f->size; i++)
			b[f->offset + i] = (uint8_t)(x >> 8 * (f->size - 1u - i));
		sl_pj_leave(j);
	}
	return r;
}

/* Device identification: T10 vendor ID designator, NAA where there is one (SPC-6 §7.8.6). */
static int default_83(struct sl_pj *j)
{
	const struct sl_persona_scsi *s = j->p->scsi;
	uint32_t serial = (uint32_t)strlen(s->serial), n = 4 + 24 + serial + (s->has_naa ? 12 : 0);
	int r;
	uint8_t *b = make_vpd(j, 0x83, n, &r);

	if (!b)
		return r;
	if (s->has_naa) {
		b[0] = 0x01;
		b[1] = 0x03;
		b[3] = 8;
		memcpy(b + 4, s->naa, 8);
		b += 12;
	}
	b[0] = 0x02;
	b[1] = 0x01;
	b[3] = (uint8_t)(24 + serial);
	memcpy(b + 4, s->inquiry + 8, 24);
	memcpy(b + 28, s->serial, serial);
	return 0;
}

static int default_disk(struct sl_pj *j)
{
	const struct sl_persona_scsi *s = j->p->scsi;
	int r;
	uint8_t *b = make_vpd(j, 0xb0, 60, &r);

	if (b) {
		b[0] = 0;
		b[1] = 8;
		be_put32(b + 4, 256);
		be_put32(b + 8, 128);
		be_put32(b + 16, s->unmap ? 0x3fffff : 0);
		be_put32(b + 20, s->unmap ? 64 : 0);
		be_put32(b + 24, s->unmap ? 1 : 0);
		be_put64(b + 32, 0xffff);
	}
	b = r ? NULL : make_vpd(j, 0xb1, 60, &r);
	if (b) {
		be_put16(b, s->rotation);
		b[3] = 0x03; /* 2.5 inch */
	}
	b = r || !s->provisioning ? NULL : make_vpd(j, 0xb2, 4, &r);
	if (b) {
		b[1] = (uint8_t)((s->unmap ? 0x80 : 0) | (s->write_same_unmap ? 0x60 : 0) |
				 (s->lbprz ? 0x04 : 0));
		b[2] = s->provisioning;
	}
	return r;
}

int sl_scsi_default_vpd(struct sl_pj *j)
{
	const struct sl_persona_scsi *s = j->p->scsi;
	int r = 0;

	if (s->serial[0]) {
		uint8_t *b = make_vpd(j, 0x80, (uint32_t)strlen(s->serial), &r);

		if (b)
			memcpy(b, s->serial, strlen(s->serial));
	}
	if (!r)
		r = default_83(j);
	return r || s->kind != SCSI_DISK ? r : default_disk(j);
}

/* ---- mode pages ---- */

static struct sl_scsi_mode *mode_page(struct sl_pj *j, uint8_t page, uint8_t subpage, uint32_t len)
{
	struct sl_persona_scsi *s = j->p->scsi;
	uint32_t head = subpage ? 4 : 2;
	struct sl_scsi_mode *p = NULL;

	for (unsigned i = 0; i < s->n_modes; i++)
		if (s->modes[i].page == page && s->modes[i].subpage == subpage)
			p = &s->modes[i];
	if (!p)
		p = grow(j, (void **)&s->modes, &s->n_modes, sizeof(*p));
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->page = page;
	p->subpage = subpage;
	p->len = head + len;
	for (unsigned pc = 0; pc < 4; pc++) {
		uint8_t *b = p->value[pc];

		b[0] = (uint8_t)(page | (subpage ? 0x40 : 0));
		b[1] = subpage ? subpage : (uint8_t)len;
		if (subpage)
			be_put16(b + 2, (uint16_t)len);
	}
	return p;
}

struct mode_json {
	struct sl_bytes value[4];
	bool saveable;
};

static int read_value(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, 255, field);
}

/* What is not said: default and saved are as current, nothing is changeable. */
static int mode_values(struct sl_pj *j, uint8_t page, uint8_t subpage, const struct mode_json *m)
{
	const struct sl_bytes *current = &m->value[0];
	struct sl_scsi_mode *p = mode_page(j, page, subpage, current->len);
	uint32_t head = subpage ? 4 : 2;

	if (!p)
		return -EINVAL;
	p->saveable = m->saveable;
	for (unsigned pc = 0; pc < 4; pc++) {
		const struct sl_bytes *b = m->value[pc].len || pc == 1 ? &m->value[pc] : current;

		if (pc == 3 && !m->value[3].len && m->value[2].len)
			b = &m->value[2];
		if (b->len && b->len != current->len)
			return sl_pj_fail(j, "the versions of a page are of one length");
		if (b->len)
			memcpy(p->value[pc] + head, b->p, b->len);
	}
	return 0;
}

static int read_mode_page(struct sl_pj *j, uint8_t page, uint8_t subpage, json_t *v)
{
	static const struct sl_pj_key keys[] = {
		{"current", read_value, offsetof(struct mode_json, value[0]), .required = true},
		{"changeable", read_value, offsetof(struct mode_json, value[1])},
		{"default", read_value, offsetof(struct mode_json, value[2])},
		{"saved", read_value, offsetof(struct mode_json, value[3])},
		{"saveable", sl_pj_read_bool, SL_PJ_FIELD(struct mode_json, saveable)},
	};
	struct mode_json m = {.saveable = true};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &m);

	if (!r)
		r = mode_values(j, page, subpage, &m);
	for (unsigned i = 0; i < 4; i++)
		free(m.value[i].p);
	return r;
}

int sl_scsi_read_modes(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_pages(j, v, 0x3e, sl_scsi_default_modes, read_mode_page);
}

/* Read-write error recovery, caching, control, informational exceptions: SBC-5 §6.5, SPC-6 §7.5. */
int sl_scsi_default_modes(struct sl_pj *j)
{
	static const struct {
		uint8_t kinds, page, len, current[18], changeable[18];
	} rows[] = {
		{SCSI_DISK,
		 0x01,
		 10,
		 {0xc0, 8, 0, 0, 0, 0, 8},
		 {0xff, 0xff, 0, 0, 0, 0, 0xff, 0, 0xff, 0xff}},
		{SCSI_DISK, 0x08, 18, {0x04}, {0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20}},
		{SCSI_CD, 0x01, 10, {0, 5}, {0xff, 0xff}},
		{SCSI_CD,
		 0x2a,
		 20,
		 {0x3f, 0x00, 0x71, 0x63, 0x29, 0, 0x21, 0x13, 0, 2, 0, 0x40, 0x21, 0x13},
		 {0}},
		{SCSI_TAPE, 0x0f, 14, {0xc0, 0x80, 0, 0, 0, 1}, {0x80, 0x80}},
		{SCSI_TAPE, 0x10, 14, {0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff}},
		{SCSI_NOT_CD, 0x0a, 10, {0x00, 0x10}, {0x04, 0, 0x08}},
		{SCSI_NOT_CD,
		 0x1c,
		 10,
		 {0x00},
		 {0x9d, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	};

	for (size_t i = 0; i < SL_COUNT(rows); i++) {
		struct sl_scsi_mode *p;

		if (!(rows[i].kinds & j->p->scsi->kind))
			continue;
		p = mode_page(j, rows[i].page, 0, rows[i].len);
		if (!p)
			return -EINVAL;
		p->saveable = true;
		for (unsigned pc = 0; pc < 4; pc++)
			memcpy(p->value[pc] + 2, pc == 1 ? rows[i].changeable : rows[i].current,
			       rows[i].len);
	}
	return 0;
}

/* ---- log pages ---- */

static struct sl_scsi_log *log_page(struct sl_pj *j, uint8_t page, uint8_t subpage)
{
	struct sl_persona_scsi *s = j->p->scsi;
	struct sl_scsi_log *p;

	for (unsigned i = 0; i < s->n_logs; i++)
		if (s->logs[i].page == page && s->logs[i].subpage == subpage)
			return &s->logs[i];
	p = grow(j, (void **)&s->logs, &s->n_logs, sizeof(*p));
	if (p) {
		p->page = page;
		p->subpage = subpage;
	}
	return p;
}

/* A parameter behind those that are there: code, control byte, length, value (SPC-6 §7.3.2). */
static int add_parameter(struct sl_pj *j, struct sl_scsi_log *log, uint16_t code, uint8_t control,
			 const uint8_t *value, uint8_t len)
{
	uint8_t *p;

	if (log->data.len + 4u + len > SCSI_BYTES_MAX)
		return sl_pj_fail(j, "more than %u bytes of parameters", SCSI_BYTES_MAX);
	p = realloc(log->data.p, log->data.len + 4u + len);
	if (!p)
		return sl_pj_nomem(j);
	log->data.p = p;
	p += log->data.len;
	be_put16(p, code);
	p[2] = control;
	p[3] = len;
	if (len)
		memcpy(p + 4, value, len);
	log->data.len += 4u + len;
	return 0;
}

struct parameter_json {
	uint16_t code;
	uint8_t control, size;
	uint64_t value;
	struct sl_bytes data;
};

static int read_parameter(struct sl_pj *j, json_t *v, struct sl_scsi_log *log)
{
	static const struct sl_pj_key keys[] = {
		{"code", sl_pj_read_uint, SL_PJ_FIELD(struct parameter_json, code),
		 .required = true},
		{"control", sl_pj_read_uint, SL_PJ_FIELD(struct parameter_json, control)},
		{"value", sl_pj_read_uint, SL_PJ_FIELD(struct parameter_json, value)},
		{"size", sl_pj_read_uint, SL_PJ_FIELD(struct parameter_json, size), .min = 1,
		 .max = 8},
		{"data", read_value, SL_PJ_FIELD(struct parameter_json, data)},
	};
	struct parameter_json x = {.size = 8};
	uint8_t number[8];
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &x);

	if (!r && x.size < 8 && x.value >> 8 * x.size)
		r = sl_pj_fail_at(j, "value", "does not fit %u bytes", x.size);
	for (unsigned i = 0; i < 8; i++)
		number[i] = (uint8_t)(x.value >> 8 * (7 - i));
	if (!r)
		r = x.data.len
			    ? add_parameter(j, log, x.code, x.control, x.data.p,
					    (uint8_t)x.data.len)
			    : add_parameter(j, log, x.code, x.control, number + 8 - x.size, x.size);
	free(x.data.p);
	return r;
}

static int read_log_page(struct sl_pj *j, uint8_t page, uint8_t subpage, json_t *v)
{
	struct sl_scsi_log *log = log_page(j, page, subpage);
	int r = log ? sl_pj_want_array(j, v, 256) : -EINVAL;
	json_t *item;
	size_t i;

	if (r)
		return r;
	if (!page)
		return sl_pj_fail(j, "page 0 is the list of pages, and the device makes it");
	log->data.len = 0;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = read_parameter(j, item, log);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

int sl_scsi_read_logs(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)field, (void)k;
	return read_pages(j, v, 0x3f, sl_scsi_default_logs, read_log_page);
}

/* Error counters, temperature, start-stop cycles, self-test results, statistics: SPC-6 §7.3. */
int sl_scsi_default_logs(struct sl_pj *j)
{
	static const struct {
		uint8_t kinds, page;
		uint16_t first, last;
		uint8_t control, len, value[8];
	} rows[] = {
		{SCSI_DISK | SCSI_TAPE, 0x02, 0, 6, 0, 8, {0}},
		{SCSI_DISK | SCSI_TAPE, 0x03, 0, 6, 0, 8, {0}},
		{SCSI_DISK, 0x05, 0, 6, 0, 8, {0}},
		{SCSI_NOT_CD, 0x06, 0, 0, 0, 8, {0}},
		{SCSI_DISK | SCSI_TAPE, 0x0d, 0, 0, 3, 2, {0, 35}},
		{SCSI_DISK, 0x0d, 1, 1, 3, 2, {0, 65}},
		{SCSI_DISK, 0x0e, 3, 3, 3, 4, {0, 0, 0xc3, 0x50}},
		{SCSI_DISK, 0x0e, 4, 4, 3, 4, {0, 0, 0, 1}},
		{SCSI_DISK, 0x10, 1, 20, 3, 16, {0}},
		{SCSI_DISK, 0x19, 1, 1, 3, 64, {0}},
		{SCSI_DISK | SCSI_TAPE, 0x2f, 0, 0, 3, 4, {0, 0, 35, 0}},
	};
	static const uint8_t zeroes[64];
	int r = 0;

	for (size_t i = 0; !r && i < SL_COUNT(rows); i++) {
		const uint8_t *value = rows[i].len > 8 ? zeroes : rows[i].value;
		struct sl_scsi_log *log;

		if (!(rows[i].kinds & j->p->scsi->kind))
			continue;
		log = log_page(j, rows[i].page, 0);
		if (!log)
			return -EINVAL;
		for (unsigned code = rows[i].first; !r && code <= rows[i].last; code++)
			r = add_parameter(j, log, (uint16_t)code, rows[i].control, value,
					  rows[i].len);
	}
	return r;
}
