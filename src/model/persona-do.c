/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions in a persona file. One row per action: its key, when it can be done, how it is read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/persona-json.h"
#include "wire/wire.h"

struct action;
/* Fills *d from the value of the action's key. */
typedef int (*read_action)(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d);

struct action {
	const char *key;
	uint8_t act;
	uint8_t when; /* SL_DO_*: phases in which it makes sense */
	bool many;    /* the value is an object of several, one action each */
	uint64_t max; /* of its number */
	read_action read;
	uint8_t protocol; /* of this only; 0: any */
};

/* ---- shapes of values ---- */

static int read_number(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	return sl_pj_u64(j, v, 0, a->max, &d->value);
}

static int read_status(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	(void)a;
	return sl_pj_u64(j, v, 0, sl_persona_status_max(j->p), &d->value);
}

static int read_true(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	(void)a, (void)d;
	return json_is_true(v) ? 0 : sl_pj_fail(j, "expected true");
}

/* SET: a number, or bytes as an object. */
static int read_set(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	(void)a;
	if (json_is_object(v))
		return sl_pj_bytes(j, v, SL_PERSONA_BYTES_MAX, &d->bytes);
	return sl_pj_u64(j, v, 0, UINT64_MAX, &d->value);
}

static int read_add(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	int64_t n;
	int r = sl_pj_i64(j, v, &n);

	(void)a;
	if (!r)
		d->value = (uint64_t)n;
	return r;
}

/* ---- readers for the tables of keys below; the field is where `at` points ---- */

static int read_name(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	const char *s;
	int r = sl_pj_string(j, v, &s);

	(void)k;
	return r ? r : sl_persona_read_state_name(j, s, field);
}

static int read_bytes(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, SL_PERSONA_BYTES_MAX, field);
}

#define DO(member) SL_PJ_FIELD(struct sl_do, member)

static int read_copy(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"from", read_name, DO(from), .required = true},
		{"to", read_name, DO(ref), .required = true},
	};

	(void)a;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), d);
}

static int read_source(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"payload", "answer", "command"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(uint8_t *)field = (uint8_t)(SL_SOURCE_PAYLOAD + w);
	return r;
}

static int read_capture(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"from", read_source, DO(source), .required = true},
		{"offset", sl_pj_read_uint, DO(offset), .max = 1u << 20},
		{"length", sl_pj_read_uint, DO(length), .min = 1, .max = SL_PERSONA_BYTES_MAX,
		 .required = true},
		{"to", read_name, DO(ref), .required = true},
	};

	(void)a;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), d);
}

/* ---- snapshots: named, numbered in order of appearance ---- */

static int snapshot_index(struct sl_pj *j, json_t *v, bool make, uint64_t *ret)
{
	struct sl_persona *p = j->p;
	char name[SL_PERSONA_NAME_MAX];
	int r = sl_pj_read_name(j, v, name, NULL);

	if (r)
		return r;
	for (*ret = 0; *ret < p->n_snapshots; ++*ret)
		if (!strcmp(p->snapshot_name[*ret], name))
			return 0;
	if (!make)
		return sl_pj_fail(j, "no \"snapshot\" before this has the name \"%s\"", name);
	if (p->n_snapshots == SL_PERSONA_SNAPSHOT_MAX)
		return sl_pj_fail(j, "more than %u snapshots", SL_PERSONA_SNAPSHOT_MAX);
	memcpy(p->snapshot_name[p->n_snapshots++], name, sizeof(name));
	return 0;
}

static int read_snapshot_name(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return snapshot_index(j, v, true, field);
}

static int read_ref_item(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	return read_name(j, v, field, k);
}

static int read_refs(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_do *d = field;

	(void)k;
	return sl_pj_array(j, v, SL_PERSONA_DO_MAX, sizeof(*d->refs), read_ref_item,
			   (void **)&d->refs, &d->n_refs);
}

static int read_snapshot(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"name", read_snapshot_name, DO(value), .required = true},
		{"state", read_refs, .required = true},
	};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), d);

	(void)a;
	if (!r && !d->n_refs)
		r = sl_pj_fail_at(j, "state", "an empty list remembers nothing");
	return r;
}

static int read_restore(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	(void)a;
	return snapshot_index(j, v, false, &d->value);
}

/* ---- blocks and namespaces ---- */

static int read_at(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"command", "start"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(bool *)field = !w;
	return r;
}

/* A count, or "command": as many as the command has. */
static int read_blocks_key(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_do *d = field;
	const char *s = json_string_value(v);

	(void)k;
	if (s && !strcmp(s, "command")) {
		d->command_blocks = true;
		return 0;
	}
	return sl_pj_u64(j, v, 1, SL_PERSONA_BLOCKS_MAX, &d->blocks);
}

#define BLOCKS_KEYS                                                                                \
	{"nsid", sl_pj_read_uint, DO(nsid), .min = 1, .max = SL_PERSONA_NSID_MAX},                 \
		{"lba", sl_pj_read_uint, DO(lba)}, {"at", read_at, DO(at_command)},                \
	{                                                                                          \
		"blocks", read_blocks_key                                                          \
	}

/* The blocks of a logical unit are those of namespace 1. */
static int blocks_object(struct sl_pj *j, json_t *v, const struct sl_pj_key *keys, size_t n,
			 struct sl_do *d)
{
	d->blocks = 1;
	if (j->p->protocol == SL_WIRE_SCSI)
		d->nsid = d->from_nsid = 1;
	return sl_pj_object(j, v, keys, n, d);
}

static int read_write_blocks(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		BLOCKS_KEYS,
		{"data", read_bytes, DO(bytes), .required = true},
	};

	(void)a;
	return blocks_object(j, v, keys, SL_COUNT(keys), d);
}

static int read_copy_blocks(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		BLOCKS_KEYS,
		{"from_nsid", sl_pj_read_uint, DO(from_nsid), .min = 1, .max = SL_PERSONA_NSID_MAX},
		{"from_lba", sl_pj_read_uint, DO(from_lba), .required = true},
		{"from_at", read_at, DO(from_at_command)},
	};

	(void)a;
	return blocks_object(j, v, keys, SL_COUNT(keys), d);
}

static int read_deallocate(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {BLOCKS_KEYS};

	(void)a;
	return blocks_object(j, v, keys, SL_COUNT(keys), d);
}

static int read_ns_act(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {
		[SL_NS_ATTACH] = "attach",
		[SL_NS_DETACH] = "detach",
		[SL_NS_DELETE] = "delete",
		[SL_NS_CHANGED] = "changed",
	};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(uint64_t *)field = w;
	return r;
}

static int read_namespace(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"nsid", sl_pj_read_uint, DO(nsid), .min = 1, .max = SL_PERSONA_NSID_MAX},
		{"do", read_ns_act, DO(value), .required = true},
	};

	(void)a;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), d);
}

/* ---- commands inside the device ---- */

static int read_queue(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"admin", "io"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(uint8_t *)field = (uint8_t)(w + 1);
	return r;
}

static int read_sqe_dword(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	uint64_t x;
	int r = sl_pj_u64(j, v, 0, k->max, &x);

	if (!r)
		sl_put_le32(field, (uint32_t)x);
	return r;
}

#define SQE(n) (offsetof(struct sl_do, sqe) + 4 * (n))
#define DWORD(n)                                                                                   \
	{                                                                                          \
		"cdw" #n, read_sqe_dword, .at = SQE(n), .max = UINT32_MAX                          \
	}

static int read_cdb(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_bytes b = {0};
	int r = sl_pj_bytes(j, v, 32, &b);

	(void)k;
	if (!r)
		memcpy(field, b.p, b.len);
	free(b.p);
	return r;
}

/* What a command inside brings, or what becomes of its answer. */
#define RUN_KEYS                                                                                   \
	{"data", read_bytes, DO(bytes)},                                                           \
		{"payload_offset", sl_pj_read_uint, DO(offset), .max = 1u << 20},                  \
		{"data_offset", sl_pj_read_uint, DO(data_offset), .max = 1u << 20},                \
		{"length", sl_pj_read_uint, DO(length), .min = 1, .max = SL_PERSONA_RUN_MAX},      \
		{"to", read_name, DO(ref)},                                                        \
	{                                                                                          \
		"reply", sl_pj_read_bool, DO(reply)                                                \
	}

static int read_run(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key scsi_keys[] = {
		{"cdb", read_cdb, DO(sqe)},
		RUN_KEYS,
	};
	static const struct sl_pj_key keys[] = {
		{"queue", read_queue, DO(queue), .required = true},
		{"opcode", read_sqe_dword, .at = SQE(0), .max = 255},
		{"nsid", read_sqe_dword, .at = SQE(1), .max = UINT32_MAX},
		DWORD(2),
		DWORD(3),
		DWORD(10),
		DWORD(11),
		DWORD(12),
		DWORD(13),
		DWORD(14),
		DWORD(15),
		RUN_KEYS,
	};
	bool inside = json_object_get(v, "payload_offset") != NULL;
	bool scsi = j->p->protocol == SL_WIRE_SCSI;
	const char *given = scsi ? "cdb" : "opcode";
	int r = sl_pj_object(j, v, scsi ? scsi_keys : keys,
			     scsi ? SL_COUNT(scsi_keys) : SL_COUNT(keys), d);

	(void)a;
	if (r)
		return r;
	d->source = inside ? SL_SOURCE_PAYLOAD : SL_SOURCE_BYTES;
	if (inside == (json_object_get(v, given) != NULL))
		return sl_pj_fail(j, "expected one of \"%s\" and \"payload_offset\"", given);
	if (!inside && json_object_get(v, "data_offset"))
		return sl_pj_fail_at(j, "data_offset", "needs \"payload_offset\"");
	if (d->bytes.len && d->length)
		return sl_pj_fail_at(j, "length",
				     "excludes \"data\": a command moves data one way");
	return 0;
}

/* ---- the answer ---- */

static int read_xor(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_do *d = field;

	d->exclusive_or = true;
	return read_bytes(j, v, &d->bytes, k);
}

static int read_state_source(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_do *d = field;

	d->source = SL_SOURCE_STATE;
	return read_name(j, v, &d->from, k);
}

static int read_answer_lba(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_do *d = field;

	(void)k;
	d->at_lba = true;
	return sl_pj_u64(j, v, 0, UINT64_MAX, &d->lba);
}

static int read_answer(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"offset", sl_pj_read_uint, DO(offset), .max = 1u << 20},
		{"lba", read_answer_lba},
		{"data", read_bytes, DO(bytes)},
		{"xor", read_xor},
		{"state", read_state_source},
	};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), d);
	int sources = !!json_object_get(v, "data") + !!json_object_get(v, "xor") +
		      !!json_object_get(v, "state");

	(void)a;
	if (!r && sources != 1)
		r = sl_pj_fail(j, "expected one of \"data\", \"xor\" and \"state\"");
	return r;
}

/* A number of bytes, or with what they are. */
static int read_overrun(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"bytes", sl_pj_read_uint, DO(value), .min = 1, .max = SL_PERSONA_OVERRUN_MAX,
		 .required = true},
		{"data", read_bytes, DO(bytes)},
	};

	if (json_is_object(v))
		return sl_pj_object(j, v, keys, SL_COUNT(keys), d);
	return sl_pj_u64(j, v, 1, a->max, &d->value);
}

/* true, or with the status that the host gets. */
static int read_drop(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	const struct sl_pj_key keys[] = {
		{"status", sl_pj_read_uint, DO(value), .max = sl_persona_status_max(j->p),
		 .required = true},
	};

	if (json_is_object(v))
		return sl_pj_object(j, v, keys, SL_COUNT(keys), d);
	return read_true(j, v, a, d);
}

static int read_fail(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const char *const words[] = {"ENODEV", "EIO", "ENXIO", "ETIMEDOUT"};
	static const int errors[] = {ENODEV, EIO, ENXIO, ETIMEDOUT};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)a;
	if (!r)
		d->value = (uint64_t)errors[w];
	return r;
}

static int read_event(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do *d)
{
	static const struct sl_pj_key keys[] = {
		{"type", sl_pj_read_uint, DO(event_type), .max = 7, .required = true},
		{"info", sl_pj_read_uint, DO(event_info), .required = true},
		{"log", sl_pj_read_uint, DO(event_lid), .required = true},
	};

	(void)a;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), d);
}

/* ---- the table ---- */

#define ANY (SL_DO_BEFORE | SL_DO_AFTER | SL_DO_ALONE)

static const struct action actions[] = {
	{"set", SL_ACT_SET, ANY, true, 0, read_set},
	{"add", SL_ACT_ADD, ANY, true, 0, read_add},
	{"xor", SL_ACT_XOR, ANY, true, UINT64_MAX, read_number},
	{"and", SL_ACT_AND, ANY, true, UINT64_MAX, read_number},
	{"or", SL_ACT_OR, ANY, true, UINT64_MAX, read_number},
	{"copy", SL_ACT_COPY, ANY, false, 0, read_copy},
	{"capture", SL_ACT_CAPTURE, SL_DO_BEFORE | SL_DO_AFTER, false, 0, read_capture},
	{"snapshot", SL_ACT_SNAPSHOT, ANY, false, 0, read_snapshot},
	{"restore", SL_ACT_RESTORE, ANY, false, 0, read_restore},
	{"write_blocks", SL_ACT_WRITE_BLOCKS, ANY, false, 0, read_write_blocks},
	{"copy_blocks", SL_ACT_COPY_BLOCKS, ANY, false, 0, read_copy_blocks},
	{"deallocate", SL_ACT_DEALLOCATE, ANY, false, 0, read_deallocate},
	{"namespace", SL_ACT_NAMESPACE, ANY, false, 0, read_namespace, SL_WIRE_NVME},
	{"firmware", SL_ACT_FIRMWARE, ANY, false, 7, read_number, SL_WIRE_NVME},
	{"run", SL_ACT_RUN, ANY, false, 0, read_run},
	{"event", SL_ACT_EVENT, ANY, false, 0, read_event, SL_WIRE_NVME},
	{"unit_attention", SL_ACT_ATTENTION, ANY, false, 0xffff, read_number, SL_WIRE_SCSI},
	{"error", SL_ACT_ERROR, ANY, false, 0x7fff, read_number, SL_WIRE_NVME},
	{"reset", SL_ACT_RESET, ANY, false, 0, read_true},
	{"dead", SL_ACT_DEAD, ANY, false, 0, read_true},
	{"answer", SL_ACT_ANSWER, SL_DO_AFTER, false, 0, read_answer},
	{"result", SL_ACT_RESULT, SL_DO_AFTER, false, UINT64_MAX, read_number, SL_WIRE_NVME},
	{"status", SL_ACT_STATUS, SL_DO_AFTER, false, 0, read_status},
	{"delay_ms", SL_ACT_DELAY, SL_DO_AFTER, false, SL_PERSONA_DELAY_MAX_MS, read_number},
	{"overrun", SL_ACT_OVERRUN, SL_DO_AFTER, false, SL_PERSONA_OVERRUN_MAX, read_overrun},
	{"short", SL_ACT_SHORT, SL_DO_AFTER, false, 1u << 20, read_number},
	{"silent", SL_ACT_SILENT, SL_DO_AFTER, false, 0, read_true},
	{"fail", SL_ACT_FAIL, SL_DO_AFTER, false, 0, read_fail},
	{"drop", SL_ACT_DROP, SL_DO_BEFORE, false, 0, read_drop},
};

static struct sl_do *push(struct sl_pj *j, struct sl_do **dos, unsigned *n, const struct action *a)
{
	struct sl_do *d;

	if (*n == SL_PERSONA_DO_MAX) {
		(void)sl_pj_fail(j, "more than %u actions", SL_PERSONA_DO_MAX);
		return NULL;
	}
	d = realloc(*dos, (*n + 1) * sizeof(**dos));
	if (!d) {
		(void)sl_pj_nomem(j);
		return NULL;
	}
	*dos = d;
	d += (*n)++;
	memset(d, 0, sizeof(*d));
	d->act = a->act;
	return d;
}

/* {"set": {"smart.temperature": 400, "vendor.armed": 1}}: one action a name. */
static int read_many(struct sl_pj *j, json_t *v, const struct action *a, struct sl_do **dos,
		     unsigned *n)
{
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	if (r)
		return r;
	if (!json_object_size(v))
		return sl_pj_fail(j, "an empty object changes nothing");
	json_object_foreach(v, key, item) {
		struct sl_do *d;

		sl_pj_enter(j, key);
		d = push(j, dos, n, a);
		r = d ? sl_persona_read_state_key(j, key, &d->ref) : -EINVAL;
		if (!r)
			r = a->read(j, item, a, d);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

static int read_one(struct sl_pj *j, const char *key, json_t *v, unsigned when, struct sl_do **dos,
		    unsigned *n)
{
	const struct action *a = NULL;
	struct sl_do *d;
	int r;

	for (size_t i = 0; i < SL_COUNT(actions); i++)
		if (!strcmp(actions[i].key, key) &&
		    (!actions[i].protocol || actions[i].protocol == j->p->protocol))
			a = &actions[i];
	if (!a)
		return sl_pj_fail_at(j, key, "unknown action");
	if (!(a->when & when))
		return sl_pj_fail_at(j, key, "%s",
				     when == SL_DO_BEFORE  ? "needs \"phase\": \"after\""
				     : when == SL_DO_AFTER ? "needs \"phase\": \"before\""
							   : "needs a command, and here is none");
	sl_pj_enter(j, key);
	if (a->many) {
		r = read_many(j, v, a, dos, n);
	} else {
		d = push(j, dos, n, a);
		r = d ? a->read(j, v, a, d) : -EINVAL;
	}
	sl_pj_leave(j);
	return r;
}

int sl_persona_read_dos(struct sl_pj *j, json_t *v, unsigned when, struct sl_do **ret,
			unsigned *ret_n)
{
	int r = sl_pj_want_array(j, v, SL_PERSONA_DO_MAX);
	json_t *item, *inner;
	const char *key;
	size_t i;

	if (!r && !json_array_size(v))
		r = sl_pj_fail(j, "an empty list does nothing");
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = sl_pj_want_object(j, item);
		if (!r && json_object_size(item) - !!json_object_get(item, "comment") != 1)
			r = sl_pj_fail(j, "expected one action, as {\"set\": …}");
		json_object_foreach(item, key, inner) {
			if (!r && strcmp(key, "comment"))
				r = read_one(j, key, inner, when, ret, ret_n);
		}
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}
