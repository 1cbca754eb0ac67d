/* SPDX-License-Identifier: Apache-2.0 */
/* Clients and devices: alternatives of conjunctions of what is known about them. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "policy/parse.h"
#include "wire/wire.h"

static const char *who_name(unsigned i, const void *ctx)
{
	const struct sl_policy *policy = ctx;

	return i < policy->n_whos	 ? policy->whos[i]->name
	       : i == policy->n_whos	 ? "any"
	       : i == policy->n_whos + 1 ? "root"
					 : NULL;
}

/* A number, a range, or a name that this machine knows. */
static int parse_id(struct sl_parser *p, bool group, uint32_t *ret_lo, uint32_t *ret_hi)
{
	const struct sl_token *t = &p->t;
	char name[64];
	uint64_t lo, hi;
	int r;

	if (t->kind == SL_TOK_WORD && t->len < sizeof(name)) {
		const struct passwd *pw = NULL;
		const struct group *gr = NULL;

		memcpy(name, t->text, t->len);
		name[t->len] = 0;
		if (group)
			gr = getgrnam(name);
		else
			pw = getpwnam(name);
		if (!gr && !pw)
			return sl_policy_error(p->msgs, t->at, "this machine knows no %s '%s'",
					       group ? "group" : "user", name);
		*ret_lo = *ret_hi = group ? gr->gr_gid : pw->pw_uid;
		sl_next(p);
		return 0;
	}
	struct sl_place at = t->at;

	r = sl_parse_number(p, group ? "a group's number or name" : "a user's number or name", &lo);
	if (r < 0)
		return r;
	hi = lo;
	if (sl_take(p, "..")) {
		r = sl_parse_number(p, "the end of the range", &hi);
		if (r < 0)
			return r;
	}
	if (hi < lo)
		return sl_policy_error(p->msgs, at, "the range ends before it begins");
	if (hi >= UINT32_MAX)
		return sl_policy_error(p->msgs, at, "an id is less than 4294967295");
	*ret_lo = (uint32_t)lo;
	*ret_hi = (uint32_t)hi;
	return 0;
}

static int join_who(struct sl_parser *p, struct sl_place at, struct sl_who_all *a,
		    const struct sl_who_all *b)
{
	if (a->asks & b->asks)
		return sl_policy_error(p->msgs, at,
				       "'and' can ask a client for one uid, one gid and one label; "
				       "for alternatives write 'or'");
	if (b->asks & SL_WHO_UID) {
		a->uid_lo = b->uid_lo;
		a->uid_hi = b->uid_hi;
	}
	if (b->asks & SL_WHO_GID) {
		a->gid_lo = b->gid_lo;
		a->gid_hi = b->gid_hi;
	}
	if (b->asks & SL_WHO_LABEL)
		a->label = b->label;
	a->asks |= b->asks;
	return 0;
}

/* One word about a client: a few alternatives where it is a name. */
static int parse_who_atom(struct sl_parser *p, uint32_t *ret_n, const struct sl_who_all **ret)
{
	struct sl_policy *policy = p->policy;
	struct sl_who_all *w = sl_arena_get(&policy->arena, sizeof(*w));
	const struct sl_word *word = NULL;
	char name[64];
	int r = 0;

	*ret_n = 1;
	*ret = w;
	if (p->t.kind == SL_TOK_WORD)
		word = sl_word_find(SL_WORD_WHO, p->t.text, p->t.len);
	if (word) {
		sl_next(p);
		struct sl_place at = p->t.at;

		w->asks = word->value;
		if (word->value == SL_WHO_UID)
			r = parse_id(p, false, &w->uid_lo, &w->uid_hi);
		else if (word->value == SL_WHO_GID)
			r = parse_id(p, true, &w->gid_lo, &w->gid_hi);
		else if (word->value == SL_WHO_LABEL)
			r = sl_parse_string(p, "a label", &w->label);
		else if (strcmp(word->text, "root") == 0)
			w->asks = SL_WHO_UID;
		if (w->label && strlen(w->label) >= SL_LABEL_MAX)
			return sl_policy_error(p->msgs, at, "a label has less than %u bytes",
					       SL_LABEL_MAX);
		return r;
	}
	if (p->t.kind != SL_TOK_WORD || sl_word_reserved(p->t.text, p->t.len))
		return sl_fail(p, "who: a name, any, root, uid N, gid N or label \"…\"");
	for (uint32_t i = 0; i < policy->n_whos; i++) {
		struct sl_who_def *d = policy->whos[i];

		if (!sl_is(p, d->name))
			continue;
		d->used = true;
		*ret_n = d->n;
		*ret = d->all;
		sl_next(p);
		return 0;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)p->t.len, p->t.text);
	const char *near = sl_nearest(name, who_name, policy);

	return sl_policy_error(p->msgs, p->t.at, "no clients are called '%s'%s%s%s", name,
			       near ? ": did you mean '" : ": define them above with 'who ",
			       near ? near : name, near ? "'?" : " = …'");
}

int sl_parse_who(struct sl_parser *p, uint32_t *ret_n, struct sl_who_all **ret)
{
	struct sl_arena *a = &p->policy->arena;

	*ret_n = 0;
	do {
		uint32_t first = *ret_n;
		bool more = false;

		do {
			struct sl_place at = p->t.at;
			const struct sl_who_all *b;
			uint32_t n, have = *ret_n;
			int r = parse_who_atom(p, &n, &b);

			if (r < 0)
				return r;
			if (!more) {
				for (uint32_t i = 0; i < n; i++)
					*(struct sl_who_all *)sl_arena_push(a, ret, ret_n,
									    sizeof(*b)) = b[i];
				more = true;
				continue;
			}
			if (n != 1 && have - first != 1)
				return sl_policy_error(p->msgs, at,
						       "'and' between two lists of alternatives");
			struct sl_who_all one = (*ret)[first];

			for (uint32_t i = 1; i < n; i++)
				*(struct sl_who_all *)sl_arena_push(a, ret, ret_n, sizeof(*b)) =
					one;
			for (uint32_t i = first; i < *ret_n; i++) {
				r = join_who(p, at, &(*ret)[i], &b[n == 1 ? 0 : i - first]);
				if (r < 0)
					return r;
			}
		} while (sl_take(p, "and"));
		if (*ret_n > SL_ALTERNATIVES_MAX)
			return sl_policy_error(p->msgs, p->t.at, "more than %u alternatives",
					       SL_ALTERNATIVES_MAX);
	} while (sl_take(p, "or"));
	return 0;
}

static const char *device_name(unsigned i, const void *ctx)
{
	const struct sl_policy *policy = ctx;

	return i < policy->n_devices ? policy->devices[i]->name : NULL;
}

static int parse_protocol(struct sl_parser *p, uint32_t *ret)
{
	static const struct {
		const char *word;
		uint32_t value;
	} protocols[] = {{"nvme", SL_WIRE_NVME},
			 {"scsi", SL_WIRE_SCSI},
			 {"cxl", SL_WIRE_CXL},
			 {"fwctl", SL_WIRE_FWCTL}};

	for (unsigned i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (sl_take(p, protocols[i].word)) {
			*ret = protocols[i].value;
			return 0;
		}
	return sl_fail(p, "a protocol: nvme, scsi, cxl or fwctl");
}

static int parse_device_atom(struct sl_parser *p, uint32_t *ret_n, const struct sl_device_all **ret)
{
	struct sl_policy *policy = p->policy;
	struct sl_device_all *d = sl_arena_get(&policy->arena, sizeof(*d));
	const struct sl_word *word = NULL;
	const char *text;
	char name[64];
	int r;

	*ret_n = 1;
	*ret = d;
	if (p->t.kind == SL_TOK_WORD)
		word = sl_word_find(SL_WORD_DEVICE, p->t.text, p->t.len);
	if (word && strcmp(word->text, "protocol") == 0) {
		sl_next(p);
		return parse_protocol(p, &d->protocol);
	}
	if (word) {
		sl_next(p);
		struct sl_place at = p->t.at;

		r = sl_parse_string(p, "a string or a beginning with '*'", &text);
		if (r < 0)
			return r;
		const char *star = strchr(text, '*');

		if (star && star[1])
			return sl_policy_error(p->msgs, at,
					       "'*' stands at the end of a pattern or nowhere");
		memcpy((char *)d + word->value, &text, sizeof(text));
		return 0;
	}
	if (sl_take(p, "any"))
		return 0;
	if (p->t.kind != SL_TOK_WORD || sl_word_reserved(p->t.text, p->t.len))
		return sl_fail(
			p, "devices: a name, protocol, vendor, model, firmware, serial or path");
	for (uint32_t i = 0; i < policy->n_devices; i++) {
		struct sl_device_def *def = policy->devices[i];

		if (!sl_is(p, def->name))
			continue;
		def->used = true;
		*ret_n = def->n;
		*ret = def->all;
		sl_next(p);
		return 0;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)p->t.len, p->t.text);
	const char *near = sl_nearest(name, device_name, policy);

	return sl_policy_error(p->msgs, p->t.at, "no devices are called '%s'%s%s%s", name,
			       near ? ": did you mean '" : ": define them above with 'device ",
			       near ? near : name, near ? "'?" : " = …'");
}

static int join_device(struct sl_parser *p, struct sl_place at, struct sl_device_all *a,
		       const struct sl_device_all *b)
{
	const char **x = (const char **)a;
	const char *const *y = (const char *const *)b;
	bool twice = a->protocol && b->protocol;

	_Static_assert(offsetof(struct sl_device_all, protocol) == 5 * sizeof(char *),
		       "five strings, then the protocol");
	for (unsigned i = 0; i < 5; i++) {
		twice |= x[i] && y[i];
		if (y[i])
			x[i] = y[i];
	}
	if (b->protocol)
		a->protocol = b->protocol;
	if (twice)
		return sl_policy_error(
			p->msgs, at, "'and' asks twice for the same; for alternatives write 'or'");
	return 0;
}

int sl_parse_device(struct sl_parser *p, uint32_t *ret_n, struct sl_device_all **ret)
{
	struct sl_arena *a = &p->policy->arena;

	*ret_n = 0;
	do {
		uint32_t first = *ret_n;
		bool more = false;

		do {
			struct sl_place at = p->t.at;
			const struct sl_device_all *b;
			uint32_t n, have = *ret_n;
			int r = parse_device_atom(p, &n, &b);

			if (r < 0)
				return r;
			if (!more) {
				for (uint32_t i = 0; i < n; i++)
					*(struct sl_device_all *)sl_arena_push(a, ret, ret_n,
									       sizeof(*b)) = b[i];
				more = true;
				continue;
			}
			if (n != 1 && have - first != 1)
				return sl_policy_error(p->msgs, at,
						       "'and' between two lists of alternatives");
			struct sl_device_all one = (*ret)[first];

			for (uint32_t i = 1; i < n; i++)
				*(struct sl_device_all *)sl_arena_push(a, ret, ret_n, sizeof(*b)) =
					one;
			for (uint32_t i = first; i < *ret_n; i++) {
				r = join_device(p, at, &(*ret)[i], &b[n == 1 ? 0 : i - first]);
				if (r < 0)
					return r;
			}
		} while (sl_take(p, "and"));
		if (*ret_n > SL_ALTERNATIVES_MAX)
			return sl_policy_error(p->msgs, p->t.at, "more than %u alternatives",
					       SL_ALTERNATIVES_MAX);
	} while (sl_take(p, "or"));
	return 0;
}
