/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/acts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/protocol.h"
#include "spec/names.h"

#define BATCH 64u /* records read at once */

int sl_acts_init(struct sl_acts *a, int fd, const struct sl_watch_config *config)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	a->fd = fd;
	a->table_hash = sl_table_hash();
	a->config = config;
	a->at = (uint64_t)st.st_size / sizeof(struct sl_record) * sizeof(struct sl_record);
	return 0;
}

static struct sl_act *slot(struct sl_acts *a, uint64_t n)
{
	return &a->act[n & (SL_ACTS_MAX - 1)];
}

static const struct sl_act *nth(const struct sl_acts *a, uint64_t n)
{
	return &a->act[n & (SL_ACTS_MAX - 1)];
}

/*
 * The number of the first whose intent is not before this one. They come in order, and who asks
 * mostly asks for one of the last: so back in growing steps, then a binary search.
 */
static uint64_t lower(const struct sl_acts *a, uint64_t intent)
{
	uint64_t lo = a->n, hi = a->n;

	for (uint64_t step = 1; lo > a->first; step *= 2) {
		lo = lo - a->first > step ? lo - step : a->first;
		if (nth(a, lo)->intent < intent)
			break;
		hi = lo;
	}
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (nth(a, mid)->intent < intent)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct sl_act *find(struct sl_acts *a, uint64_t intent)
{
	uint64_t i = lower(a, intent);

	return i < a->n && slot(a, i)->intent == intent ? slot(a, i) : NULL;
}

const struct sl_act *sl_acts_find(const struct sl_acts *a, uint64_t intent)
{
	return find((struct sl_acts *)(uintptr_t)a, intent);
}

bool sl_acts_known(const struct sl_acts *a, uint64_t from)
{
	return a->first == 0 || nth(a, a->first)->intent <= from;
}

void sl_acts_own(struct sl_acts *a, uint32_t session)
{
	a->session = session;
	for (uint64_t i = a->first; i < a->n; i++)
		slot(a, i)->own |= slot(a, i)->session == session;
}

static uint32_t device_of(const struct sl_acts *a, const struct sl_record *r)
{
	for (uint32_t i = 0; i < a->config->n; i++)
		if (strncmp(a->config->device[i].name, r->device, sizeof(r->device)) == 0)
			return i;
	return UINT32_MAX;
}

static enum sl_level level_of(const struct sl_act *act)
{
	if (sl_effects_mutating(act->declared | act->floor) ||
	    sl_rows[act->row].flags & SL_ROW_VENDOR)
		return SL_LEVEL_STIRS;
	return act->role == SL_ROLE_REPORTS || act->role == SL_ROLE_VITAL ? SL_LEVEL_REPORTS
									  : SL_LEVEL_WORKS;
}

static void begin(struct sl_acts *a, const struct sl_record *r)
{
	struct sl_act *act;

	if (a->n - a->first == SL_ACTS_MAX)
		a->first++;
	while (a->open < a->n && (a->open < a->first || nth(a, a->open)->outcome))
		a->open++;
	act = slot(a, a->n);
	*act = (struct sl_act){
		.intent = r->seq,
		.open = a->open,
		.since = a->end,
		.digest = r->digest,
		.device = device_of(a, r),
		.session = r->session,
		.uid = r->uid,
		.own = !r->session || r->session == a->session,
		.declared = r->declared,
		.floor = r->floor,
		.cmd = {.set = r->set,
			.dir = r->dir,
			.req_len = SL_REQ_MAX,
			.data_len = r->data_len},
	};
	memcpy(act->cmd.req, r->final, sizeof(act->cmd.req));
	act->row = r->table_hash == a->table_hash && r->row < sl_row_count
			   ? r->row
			   : sl_row_find(r->set, r->final);
	memcpy(act->head, r->head, sizeof(act->head));
	act->nsid = sl_sets[act->cmd.set].lu;
	if (!act->nsid)
		act->nsid = sl_get_le32(act->cmd.req + 4);
	act->role = (uint8_t)sl_role_of(act->row, act->cmd.req);
	act->level = (uint8_t)level_of(act);
	(void)sl_blocks_named(act->row, act->cmd.req, &act->blocks);
	a->n++;
}

static void end(struct sl_acts *a, const struct sl_record *r,
		void (*done)(void *ctx, const struct sl_act *act), void *ctx)
{
	struct sl_act *act = find(a, r->of);

	if (!act)
		return;
	act->outcome = r->seq;
	act->status = r->status & 0x7ff;
	act->lost = r->outcome != SL_OUTCOME_OK;
	act->error = r->error;
	act->t = a->now;
	if (r->digest)
		act->digest = r->digest;
	if (act->own || act->device == UINT32_MAX)
		return;
	a->foreign++;
	done(ctx, act);
}

static void take(struct sl_acts *a, const struct sl_record *r,
		 void (*done)(void *ctx, const struct sl_act *act), void *ctx)
{
	uint32_t device;

	a->seq = r->seq;
	switch (r->type) {
	case SL_RECORD_INTENT:
		begin(a, r);
		break;
	case SL_RECORD_OUTCOME:
		end(a, r, done, ctx);
		break;
	case SL_RECORD_CONTRACT:
		device = device_of(a, r);
		if (device != UINT32_MAX)
			a->contract[device] = true;
		break;
	case SL_RECORD_GAP:
		a->gaps++;
		break;
	default:
		break;
	}
}

int sl_acts_read(struct sl_acts *a, void (*done)(void *ctx, const struct sl_act *act), void *ctx)
{
	static struct sl_record buf[BATCH];

	for (;;) {
		double now = sl_watch_now();
		ssize_t n = pread(a->fd, buf, sizeof(buf), (off_t)a->at);
		size_t whole;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* A record that is being written is taken when it is whole. */
		whole = (size_t)n / sizeof(buf[0]);
		a->now = now;
		for (size_t i = 0; i < whole; i++) {
			if (buf[i].magic != SL_LEDGER_MAGIC)
				return -EBADMSG;
			take(a, &buf[i], done, ctx);
		}
		a->at += whole * sizeof(buf[0]);
		if (whole < BATCH) {
			a->end = now;
			return 0;
		}
	}
}

/* Whatever began before and ended in the window was under way when the last of those before began.
 */
static uint64_t first_of(const struct sl_acts *a, uint64_t from)
{
	uint64_t i = lower(a, from + 1);

	return i > a->first ? nth(a, i - 1)->open : i;
}

const struct sl_act *sl_window_next(const struct sl_acts *a, const struct sl_window *w,
				    uint64_t *at)
{
	if (!*at)
		*at = first_of(a, w->from);
	if (*at < a->first)
		*at = a->first;
	while (*at < a->n) {
		const struct sl_act *act = nth(a, (*at)++);

		if (act->intent > w->to)
			return NULL;
		if (act->device == w->device && (!act->outcome || act->outcome > w->from))
			return act;
	}
	return NULL;
}

/* The fields that say which: few, by the names of the specification. */
static void add_fields(const struct sl_act *act, char *buf, size_t size)
{
	static const char *const names[] = {"opcode", "fid",  "lid",   "cns", "page-code",
					    "nsid",   "slba", "sdlba", "lba"};
	size_t len = strlen(buf);

	for (unsigned i = 0; i < SL_COUNT(names) && len < size; i++) {
		const struct sl_field *f = sl_row_field(act->row, names[i]);
		uint64_t v = f ? sl_field_get(f, act->cmd.req) : 0;

		/* The opcode only where the name does not say it. */
		if (!f || (i == 0 && !(sl_rows[act->row].flags & SL_ROW_VENDOR)) || (i && !v))
			continue;
		if (v == UINT32_MAX)
			len += (size_t)snprintf(buf + len, size - len, " %s=all", names[i]);
		else
			len += (size_t)snprintf(buf + len, size - len,
						i == 0 ? " %s=%llxh" : " %s=%llu", names[i],
						(unsigned long long)v);
	}
}

void sl_act_name(const struct sl_act *act, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", sl_rows[act->row].name);
	add_fields(act, buf, size);
}
