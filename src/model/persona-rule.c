/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables, vendor commands, behaviours and drift of a persona file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/persona-json.h"
#include "wire/wire.h"

/* ---- variables ---- */

struct var_json {
	uint64_t value;
	uint8_t size;
	uint32_t bytes;
	struct sl_bytes data;
	bool persistent;
};

static int read_data(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_bytes(j, v, SL_PERSONA_BYTES_MAX, field);
}

static int read_var_object(struct sl_pj *j, json_t *v, struct sl_persona_var *var)
{
	static const struct sl_pj_key keys[] = {
		{"value", sl_pj_read_uint, SL_PJ_FIELD(struct var_json, value)},
		{"size", sl_pj_read_uint, SL_PJ_FIELD(struct var_json, size), .min = 1, .max = 8},
		{"bytes", sl_pj_read_uint, SL_PJ_FIELD(struct var_json, bytes), .min = 1,
		 .max = SL_PERSONA_BYTES_MAX},
		{"data", read_data, SL_PJ_FIELD(struct var_json, data)},
		{"persistent", sl_pj_read_bool, SL_PJ_FIELD(struct var_json, persistent)},
	};
	struct var_json x = {.size = 8};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &x);

	if (!r && x.size & (x.size - 1))
		r = sl_pj_fail_at(j, "size", "an integer has 1, 2, 4 or 8 bytes");
	if (!r && (x.bytes || x.data.p) &&
	    (json_object_get(v, "value") || json_object_get(v, "size")))
		r = sl_pj_fail(
			j, "\"value\" and \"size\" make an integer, \"bytes\" and \"data\" bytes");
	if (!r && x.bytes && x.data.len > x.bytes)
		r = sl_pj_fail_at(j, "data", "%u bytes, \"bytes\" says %u", x.data.len, x.bytes);
	if (!r && x.size < 8 && x.value >> (8 * x.size))
		r = sl_pj_fail_at(j, "value", "does not fit %u bytes", x.size);
	if (!r) {
		var->persistent = x.persistent;
		var->bytes = x.bytes || x.data.len;
		var->len = x.bytes ? x.bytes : x.data.len ? x.data.len : x.size;
		for (unsigned i = 0; !var->bytes && i < 8; i++)
			var->init[i] = (uint8_t)(x.value >> (8 * i));
		if (x.data.len)
			memcpy(var->init, x.data.p, x.data.len);
	}
	free(x.data.p);
	return r;
}

static int read_var(struct sl_pj *j, const char *key, json_t *v, struct sl_persona_var *var)
{
	json_t *name = json_string(key);
	uint64_t n;
	int r = name ? sl_pj_read_name(j, name, var->name, NULL) : sl_pj_nomem(j);

	json_decref(name);
	if (r)
		return r;
	if (json_is_object(v))
		return read_var_object(j, v, var);
	r = sl_pj_u64(j, v, 0, UINT64_MAX, &n);
	var->len = 8;
	for (unsigned i = 0; !r && i < 8; i++)
		var->init[i] = (uint8_t)(n >> (8 * i));
	return r;
}

int sl_persona_read_variables(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = j->p;
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	(void)field, (void)k;
	if (r)
		return r;
	if (json_object_size(v) > SL_PERSONA_VAR_MAX)
		return sl_pj_fail(j, "%zu variables, at most %u are allowed", json_object_size(v),
				  SL_PERSONA_VAR_MAX);
	p->vars = calloc(json_object_size(v) + 1, sizeof(*p->vars));
	if (!p->vars)
		return sl_pj_nomem(j);
	json_object_foreach(v, key, item) {
		if (!strcmp(key, "comment"))
			continue;
		sl_pj_enter(j, key);
		r = read_var(j, key, item, &p->vars[p->n_vars++]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

/* ---- vendor commands ---- */

/* NVMe: SCT << 8 | SC and DNR. SCSI: a status byte, or sense key, ASC and ASCQ. */
uint64_t sl_persona_status_max(const struct sl_persona *p)
{
	return p->protocol == SL_WIRE_SCSI ? 0xfffff : 0x7fff;
}

static int read_direction(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"none", "out", "in"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(uint8_t *)field = (uint8_t)w;
	return r;
}

static int read_vendor_match(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_match *m = field;
	int r = sl_persona_read_match(j, v, NULL, 0, m);

	(void)k;
	if (!r && m->any_opcode)
		r = sl_pj_fail(j, "\"opcode\" is missing");
	if (!r && j->p->protocol == SL_WIRE_NVME && m->queue == SL_QUEUE_ANY)
		r = sl_pj_fail_at(j, "queue", "a command is of one queue");
	if (!r && (m->look || m->status || m->n_states))
		r = sl_pj_fail(j, "what a command is cannot depend on look, status or state");
	return r;
}

static int read_vendor_do(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_vendor *c = field;

	(void)k;
	return sl_persona_read_dos(j, v, SL_DO_AFTER, &c->dos, &c->n_dos);
}

static int read_vendor_command(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_vendor *c = field;
	const struct sl_pj_key keys[] = {
		{"name", sl_pj_read_name, SL_PJ_FIELD(struct sl_persona_vendor, name),
		 .required = true},
		{"when", read_vendor_match, SL_PJ_FIELD(struct sl_persona_vendor, match),
		 .required = true},
		{"direction", read_direction, SL_PJ_FIELD(struct sl_persona_vendor, dir)},
		{"status", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_vendor, status),
		 .max = sl_persona_status_max(j->p)},
		{"result", sl_pj_read_uint, SL_PJ_FIELD(struct sl_persona_vendor, result)},
		{"answer", read_data, SL_PJ_FIELD(struct sl_persona_vendor, answer)},
		{"do", read_vendor_do},
	};
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), c);

	(void)k;
	if (!r && c->answer.len && c->dir != 2)
		r = sl_pj_fail_at(j, "answer", "needs \"direction\": \"in\"");
	return r;
}

int sl_persona_read_vendor(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = j->p;

	(void)field, (void)k;
	return sl_pj_array(j, v, SL_PERSONA_VENDOR_MAX, sizeof(*p->vendor), read_vendor_command,
			   (void **)&p->vendor, &p->n_vendor);
}

/* ---- behaviours ---- */

static int read_probability(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	double x = json_number_value(v);

	(void)k;
	if (!json_is_number(v) || !(x > 0 && x <= 1))
		return sl_pj_fail(j, "expected a number above 0, at most 1");
	*(uint32_t *)field = x >= 1 ? UINT32_MAX : (uint32_t)(x * 4294967296.0);
	return 0;
}

static int read_on(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {
		[SL_TRIGGER_COMMAND] = "command", [SL_TRIGGER_START] = "start",
		[SL_TRIGGER_RESET] = "reset",	  [SL_TRIGGER_POWER] = "power_cycle",
		[SL_TRIGGER_TIME] = "time",
	};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(uint8_t *)field = (uint8_t)w;
	return r;
}

static int read_step(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_persona_read_match(j, v, NULL, 0, field);
}

static int read_sequence(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_rule *rule = field;
	int r = sl_pj_want_array(j, v, SL_PERSONA_STEP_MAX);

	(void)k;
	if (!r && json_array_size(v) < 2)
		r = sl_pj_fail(j, "a sequence has at least two commands");
	return r ? r
		 : sl_pj_array(j, v, SL_PERSONA_STEP_MAX, sizeof(*rule->steps), read_step,
			       (void **)&rule->steps, &rule->n_steps);
}

static const struct sl_pj_key when_keys[] = {
	{"on", read_on, SL_PJ_FIELD(struct sl_rule, trigger)},
	{"sequence", read_sequence},
	{"strict", sl_pj_read_bool, SL_PJ_FIELD(struct sl_rule, strict_sequence)},
	{"within_commands", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, within_commands),
	 .min = 1},
	{"within_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, within_ms), .min = 1},
	{"after_count", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, after_count), .min = 1},
	{"every", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, every), .min = 1},
	{"limit", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, limit), .min = 1},
	{"probability", read_probability, SL_PJ_FIELD(struct sl_rule, probability)},
	{"after_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, after_ms),
	 .max = SL_PERSONA_TIME_MAX_MS},
	{"every_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_rule, every_ms), .min = 1,
	 .max = SL_PERSONA_TIME_MAX_MS},
};

static bool is_when_key(const char *key)
{
	for (size_t i = 0; i < SL_COUNT(when_keys); i++)
		if (!strcmp(when_keys[i].key, key))
			return true;
	return false;
}

/* The keys of a rule's own, without the conditions on the command that stand beside them. */
static int read_when_own(struct sl_pj *j, json_t *v, struct sl_rule *rule)
{
	for (size_t i = 0; i < SL_COUNT(when_keys); i++) {
		const struct sl_pj_key *k = &when_keys[i];
		json_t *item = json_object_get(v, k->key);
		int r;

		if (!item)
			continue;
		sl_pj_enter(j, k->key);
		r = k->read(j, item, (char *)rule + k->at, k);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

/* Nothing that speaks of a command where there is none. */
static int check_no_command(struct sl_pj *j, json_t *v, const struct sl_rule *rule)
{
	const char *key;
	json_t *item;

	json_object_foreach(v, key, item) {
		bool ok = !strcmp(key, "comment") || !strcmp(key, "on") || !strcmp(key, "state") ||
			  !strcmp(key, "after_count") || !strcmp(key, "every") ||
			  !strcmp(key, "limit") || !strcmp(key, "probability") ||
			  (rule->trigger == SL_TRIGGER_TIME && strstr(key, "_ms"));

		if (!ok)
			return sl_pj_fail_at(j, key, "needs \"on\": \"%s\"",
					     strstr(key, "_ms") ? "time" : "command");
	}
	if (rule->trigger == SL_TRIGGER_TIME && !rule->after_ms && !rule->every_ms)
		return sl_pj_fail(j, "\"on\": \"time\" needs \"after_ms\" or \"every_ms\"");
	return 0;
}

static int check_command(struct sl_pj *j, json_t *v)
{
	static const char *const only_sequence[] = {"strict", "within_commands", "within_ms"};

	for (size_t i = 0; i < SL_COUNT(only_sequence); i++)
		if (json_object_get(v, only_sequence[i]) && !json_object_get(v, "sequence"))
			return sl_pj_fail_at(j, only_sequence[i], "needs \"sequence\"");
	if (json_object_get(v, "every_ms"))
		return sl_pj_fail_at(j, "every_ms", "needs \"on\": \"time\"");
	return 0;
}

static int read_when(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	const char *also[SL_COUNT(when_keys) + 1];
	struct sl_rule *rule = field;
	json_t *state;
	int r = sl_pj_want_object(j, v);
	const char *key;
	json_t *item;

	(void)k;
	if (r)
		return r;
	r = read_when_own(j, v, rule);
	if (r)
		return r;
	state = json_object_get(v, "state");
	if (state) {
		sl_pj_enter(j, "state");
		r = sl_persona_read_states(j, state, &rule->states, &rule->n_states);
		sl_pj_leave(j);
	}
	if (r)
		return r;
	if (rule->trigger != SL_TRIGGER_COMMAND)
		return check_no_command(j, v, rule);
	r = check_command(j, v);
	if (r)
		return r;
	if (rule->n_steps) {
		json_object_foreach(v, key, item)
			if (!is_when_key(key) && strcmp(key, "state") && strcmp(key, "comment"))
				return sl_pj_fail_at(j, key,
						     "belongs into a step of "
						     "\"sequence\"");
		return 0;
	}
	for (size_t i = 0; i < SL_COUNT(when_keys); i++)
		also[i] = when_keys[i].key;
	also[SL_COUNT(when_keys)] = "state";
	rule->steps = calloc(1, sizeof(*rule->steps));
	if (!rule->steps)
		return sl_pj_nomem(j);
	rule->n_steps = 1;
	return sl_persona_read_match(j, v, also, SL_COUNT(also), rule->steps);
}

static int read_phase(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"after", "before"};
	unsigned w;
	int r = sl_pj_word(j, v, words, SL_COUNT(words), &w);

	(void)k;
	if (!r)
		*(bool *)field = w;
	return r;
}

struct later_json {
	uint64_t commands, ms;
	unsigned on;
};

static int read_later_on(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const char *const words[] = {"reset", "power_cycle"};
	int r = sl_pj_word(j, v, words, SL_COUNT(words), field);

	(void)k;
	if (!r)
		++*(unsigned *)field;
	return r;
}

static int read_later(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"commands", sl_pj_read_uint, SL_PJ_FIELD(struct later_json, commands), .min = 1},
		{"ms", sl_pj_read_uint, SL_PJ_FIELD(struct later_json, ms), .min = 1,
		 .max = SL_PERSONA_TIME_MAX_MS},
		{"on", read_later_on, SL_PJ_FIELD(struct later_json, on)},
	};
	struct later_json l = {0};
	struct sl_rule *rule = field;
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), &l);

	(void)k;
	if (!r && !!l.commands + !!l.ms + !!l.on != 1)
		r = sl_pj_fail(j, "expected one of \"commands\", \"ms\" and \"on\"");
	if (r)
		return r;
	rule->defer = l.commands  ? SL_DEFER_COMMANDS
		      : l.ms	  ? SL_DEFER_MS
		      : l.on == 1 ? SL_DEFER_RESET
				  : SL_DEFER_POWER;
	rule->defer_n = l.commands ? l.commands : l.ms;
	return 0;
}

static int read_rule_do(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_rule *rule = field;
	unsigned when = rule->before ? SL_DO_BEFORE : SL_DO_AFTER;

	(void)k;
	if (rule->defer || rule->trigger != SL_TRIGGER_COMMAND)
		when = SL_DO_ALONE;
	return sl_persona_read_dos(j, v, when, &rule->dos, &rule->n_dos);
}

static int check_rule(struct sl_pj *j, const struct sl_rule *rule)
{
	bool command = rule->trigger == SL_TRIGGER_COMMAND;

	if (rule->before && !command)
		return sl_pj_fail_at(j, "phase", "there is no command to be before");
	for (unsigned s = 0; s < rule->n_steps; s++)
		if (rule->before && rule->steps[s].status)
			return sl_pj_fail_at(j, "phase", "before a command it has no \"status\"");
	for (unsigned i = 0; i < rule->n_dos; i++) {
		const struct sl_do *d = &rule->dos[i];

		if (d->act == SL_ACT_CAPTURE && rule->before && d->source == SL_SOURCE_ANSWER)
			return sl_pj_fail_at(j, "phase",
					     "before a command it has no answer to capture");
		if (!command && (d->at_command || d->command_blocks || d->from_at_command ||
				 strchr(d->ref.name, '*') || strchr(d->from.name, '*')))
			return sl_pj_fail_at(j, "do", "item %u needs a command, and here is none",
					     i);
		if (d->act == SL_ACT_RUN && (d->reply || d->source == SL_SOURCE_PAYLOAD) &&
		    (!command || rule->defer))
			return sl_pj_fail_at(j, "do", "item %u needs a command, and here is none",
					     i);
	}
	return 0;
}

static int read_rule(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"name", sl_pj_read_name, SL_PJ_FIELD(struct sl_rule, name), .required = true},
		{"when", read_when, .required = true},
		{"phase", read_phase, SL_PJ_FIELD(struct sl_rule, before)},
		{"later", read_later},
		{"do", read_rule_do, .required = true},
	};
	struct sl_rule *rule = field;
	int r;

	(void)k;
	rule->after_count = rule->every = 1;
	rule->probability = UINT32_MAX;
	r = sl_pj_object(j, v, keys, SL_COUNT(keys), rule);
	return r ? r : check_rule(j, rule);
}

int sl_persona_read_rules(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = j->p;
	int r = sl_pj_array(j, v, SL_PERSONA_RULE_MAX, sizeof(*p->rules), read_rule,
			    (void **)&p->rules, &p->n_rules);

	(void)field, (void)k;
	for (unsigned a = 0; !r && a < p->n_rules; a++)
		for (unsigned b = 0; !r && b < a; b++)
			if (!strcmp(p->rules[a].name, p->rules[b].name)) {
				sl_pj_enter_index(j, a);
				r = sl_pj_fail_at(j, "name", "\"%s\" is here twice",
						  p->rules[a].name);
				sl_pj_leave(j);
			}
	return r;
}

/* ---- drift ---- */

static int read_walk(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_drift *d = field;
	uint64_t n;
	int r = sl_pj_u64(j, v, 1, UINT32_MAX, &n);

	(void)k;
	d->kind = SL_DRIFT_WALK;
	d->step = r ? 0 : (int64_t)n;
	return r;
}

static int read_step_size(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	(void)k;
	return sl_pj_i64(j, v, field);
}

static int read_drift_state(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	const char *s;
	int r = sl_pj_string(j, v, &s);

	(void)k;
	if (!r)
		r = sl_persona_read_state_name(j, s, field);
	if (!r && strchr(s, '*'))
		r = sl_pj_fail(j, "there is no command whose namespace \"*\" could be");
	return r;
}

static int read_drift_item(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"state", read_drift_state, SL_PJ_FIELD(struct sl_drift, ref), .required = true},
		{"every_ms", sl_pj_read_uint, SL_PJ_FIELD(struct sl_drift, every_ms), .min = 1,
		 .max = SL_PERSONA_TIME_MAX_MS},
		{"every_commands", sl_pj_read_uint, SL_PJ_FIELD(struct sl_drift, every_commands),
		 .min = 1},
		{"step", read_step_size, SL_PJ_FIELD(struct sl_drift, step)},
		{"walk", read_walk},
		{"min", sl_pj_read_uint, SL_PJ_FIELD(struct sl_drift, min)},
		{"max", sl_pj_read_uint, SL_PJ_FIELD(struct sl_drift, max)},
	};
	struct sl_drift *d = field;
	int r;

	(void)k;
	d->max = UINT64_MAX;
	r = sl_pj_object(j, v, keys, SL_COUNT(keys), d);
	if (!r && !d->every_ms == !d->every_commands)
		r = sl_pj_fail(j, "expected one of \"every_ms\" and \"every_commands\"");
	if (!r && !json_object_get(v, "step") == !json_object_get(v, "walk"))
		r = sl_pj_fail(j, "expected one of \"step\" and \"walk\"");
	if (!r && d->min > d->max)
		r = sl_pj_fail_at(j, "min", "larger than \"max\"");
	return r;
}

int sl_persona_read_drift(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona *p = j->p;

	(void)field, (void)k;
	return sl_pj_array(j, v, SL_PERSONA_DRIFT_MAX, sizeof(*p->drift), read_drift_item,
			   (void **)&p->drift, &p->n_drift);
}
