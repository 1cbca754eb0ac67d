/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate. A command's way through it, top to bottom:
 *
 *   sl_gate_command  take the slot that the message was received into: the one copy
 *   judge            normalise, contract, decide; a denial is recorded and answered here
 *   run / sl_gate_resume  wait for who must be alone, judge again if the device changed meanwhile
 *   send             record the intent, submit
 *   done             check, rewrite, record the outcome, reply
 */
#include "broker/gate.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "broker/answer.h"
#include "broker/survey.h"
#include "broker/words.h"

/* Answered to a client whose wait is over although the device has not completed. */
#define DETACHED_ERROR ETIMEDOUT
#define PAGE	       4096u
/* An event that comes within this time of the one before makes the next one wait longer. */
#define EVENT_QUIET_MS 60000u
#define EVENT_WAIT_MIN 1000u
#define EVENT_WAIT_MAX 60000u

void sl_gate_clock(struct sl_gate *g)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &t);
	g->now = (uint64_t)t.tv_sec;
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	g->now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/*
 * Each slot's data and metadata lie between pages that cannot be touched, so that a back end that
 * writes beyond the buffer dies instead of changing a neighbour.
 */
int sl_gate_init(struct sl_gate *g)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t data = SL_WIRE_DATA_MAX, meta = SL_WIRE_META_MAX;
	const size_t stride = page + data + page + meta + page;
	uint8_t *p;

	p = mmap(NULL, stride * SL_SLOTS_MAX, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++, p += stride) {
		g->slots[i].data = p + page;
		g->slots[i].meta = p + page + data + page;
		if (mprotect(g->slots[i].data, data, PROT_READ | PROT_WRITE) < 0 ||
		    mprotect(g->slots[i].meta, meta, PROT_READ | PROT_WRITE) < 0)
			return -errno;
	}
	for (unsigned i = 0; i < SL_SESSIONS_MAX; i++)
		g->sessions[i].fd = -1;
	g->free_slots = SL_SLOTS_MAX;
	g->listen_fd = -1;
	sl_ledger_init(&g->ledger, -1, 1, 0);
	g->table_hash = sl_table_hash();
	sl_gate_clock(g);
	return 0;
}

struct sl_slot *sl_gate_spare(struct sl_gate *g)
{
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++)
		if (g->slots[i].state == SL_SLOT_FREE)
			return &g->slots[i];
	return NULL;
}

static struct sl_slot *slot_take(struct sl_gate *g)
{
	struct sl_slot *s = sl_gate_spare(g);

	if (!s)
		return NULL;
	/* Anew, but for its buffers. */
	memset(s, 0, offsetof(struct sl_slot, data));
	memset(&s->requested, 0, sizeof(*s) - offsetof(struct sl_slot, requested));
	s->state = SL_SLOT_WAITING;
	s->user = SL_NOBODY;
	s->order = ++g->order;
	g->free_slots--;
	return s;
}

static void slot_free(struct sl_gate *g, struct sl_slot *s)
{
	if (s->session >= 0)
		g->sessions[s->session].slots--;
	if (s->user >= 0)
		g->users[s->user].slots--;
	s->state = SL_SLOT_FREE;
	g->free_slots++;
}

static struct sl_contract *contract_of(struct sl_gate *g, const struct sl_slot *s)
{
	struct sl_gate_device *d = &g->devices[s->device];

	/* Our own reading is judged by what it has read so far. */
	return &d->contract[s->session == SL_OURSELVES ? !d->now : d->now];
}

/* A loss is counted in the ledger when it can be written again; people are told when it begins. */
static uint64_t append(struct sl_gate *g, struct sl_record *r, bool durable)
{
	uint64_t before = g->ledger.lost, seq = sl_ledger_append(&g->ledger, r, durable);

	if (!seq && !before && g->ledger.fd >= 0)
		fprintf(stderr,
			"sluiced: the ledger cannot be written (%s): what changes a device is "
			"refused until it can, the rest goes on unrecorded and is counted\n",
			strerror(errno));
	return seq;
}

/*
 * Of blocks that are written or were read: whoever reads them again can tell whether they are the
 * same. A sample, all of it where there is little, that a device cannot foresee.
 */
static uint64_t digest(struct sl_gate *g, const struct sl_slot *s, uint16_t type)
{
	bool out = type == SL_RECORD_INTENT;
	uint32_t n = out ? s->cmd.data_len : s->io.out.data_len;
	uint8_t md[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;

	/* Whoever reads again does not read that again. */
	if (!g->sample_of ||
	    (s->session >= 0 && strcmp(g->sessions[s->session].who.label, SL_WATCH_LABEL) == 0))
		return 0;
	if (!(SL_LENS_OF_BLOCKS >> sl_rows[s->verdict.facts.row].len & 1) ||
	    s->cmd.dir != (out ? SL_DIR_OUT : SL_DIR_IN) || !n)
		return 0;
	if (g->sample_second != g->now)
		g->sample_left = g->sample_burst;
	g->sample_second = g->now;
	if (g->sample_left)
		g->sample_left--;
	else if (((s->order ^ g->sample_seed) * 0x9e3779b97f4a7c15u >> 32) % g->sample_of)
		return 0;
	(void)SHA256_Init(&ctx);
	(void)SHA256_Update(&ctx, &g->sample_seed, sizeof(g->sample_seed));
	(void)SHA256_Update(&ctx, s->data, n < SL_DIGEST_BYTES ? n : SL_DIGEST_BYTES);
	(void)SHA256_Final(md, &ctx);
	return sl_get_le64(md) | 1;
}

/* What was judged of a payload, as far as it lies in its head. */
static void head(const struct sl_slot *s, uint8_t ret[SL_RECORD_HEAD])
{
	const struct sl_facts *f = &s->verdict.facts;
	const struct sl_row *row = &sl_rows[f->row];
	const struct sl_format *format = &sl_formats[row->format];
	uint32_t n = f->payload < SL_RECORD_HEAD ? f->payload : SL_RECORD_HEAD;

	for (uint32_t i = 0; i < format->n_fields; i++) {
		const struct sl_field *at = &format->fields[i].field;

		if (at->space == SL_SPACE_DATA && (uint32_t)at->off + at->bytes <= n)
			memcpy(ret + at->off, s->data + at->off, at->bytes);
	}
	/* A token that stands before its blocks is nothing to keep. */
	if (row->ranges >= SL_RANGES_DSM &&
	    (row->ranges != SL_RANGES_LIST || sl_block_lists[row->len_arg].head <= n))
		memcpy(ret, s->data, n);
}

/* One record about a slot. Its number, or 0: it could not be written. */
static uint64_t record(struct sl_gate *g, const struct sl_slot *s, uint16_t type, bool durable)
{
	const struct sl_verdict *v = &s->verdict;
	struct sl_record r = {
		.type = type,
		.of = type == SL_RECORD_OUTCOME ? s->record : 0,
		.digest = digest(g, s, type),
		.row = v->facts.row,
		.set = s->cmd.set,
		.reason = v->reason,
		.rule = v->rule,
		.effects = v->facts.effective,
		.declared = v->facts.declared,
		.floor = v->facts.floor,
		.generation = v->generation,
		.data_len = s->cmd.data_len,
		.verdict_flags = v->flags,
		.status = s->io.out.status,
		.error = s->io.out.error,
		.outcome = s->io.out.outcome,
		.door = s->cmd.door,
		.writable = s->cmd.writable,
		.dir = s->cmd.dir,
		.result = s->io.out.result,
		.table_hash = g->table_hash,
	};

	if (s->session >= 0) {
		r.session = g->sessions[s->session].id;
		r.uid = g->sessions[s->session].who.uid;
	}
	if (v->rule && s->session != SL_OURSELVES) {
		const struct sl_rule *rule = sl_image_rule(s->image, v->rule);

		r.line = rule->line;
		sl_words_copy(r.text, sizeof(r.text), sl_image_str(s->image, rule->file));
	}
	memcpy(r.requested, s->requested, sizeof(r.requested));
	memcpy(r.final, s->cmd.req, sizeof(r.final));
	if (type != SL_RECORD_OUTCOME)
		head(s, r.head);
	memcpy(r.device, g->devices[s->device].name, sizeof(r.device));
	return append(g, &r, durable);
}

/* Answers the client of a slot, if there still is one. */
static void reply(struct sl_gate *g, struct sl_slot *s, const char *text)
{
	const struct sl_completion *c = &s->io.out;
	struct sl_wire_completion m = {
		.head = {.type = SL_WIRE_COMPLETION, .tag = s->tag},
		.outcome = c->outcome,
		.reason = c->outcome == SL_OUTCOME_DENIED ? s->verdict.reason : 0,
		.status = c->status,
		.error = c->error,
		.result = c->result,
		.rule = s->verdict.rule,
		.effects = s->verdict.facts.effective,
		.record = s->record,
		.data_len = c->data_len,
		.meta_len = c->meta_len,
	};

	if (s->session >= 0 && !s->told)
		sl_session_reply(g, s->session, &m, s->data, s->meta, text);
}

/* Ends a command that never reached the device. */
static void deny(struct sl_gate *g, struct sl_slot *s)
{
	char text[SL_WIRE_TEXT_MAX + 1];

	s->verdict.allow = false;
	s->io.out = (struct sl_completion){.outcome = SL_OUTCOME_DENIED, .error = EACCES};
	if (s->verdict.reason == SL_REASON_BUSY)
		s->io.out.error = EBUSY;
	g->n_denied++;
	/* An intent that was recorded but never sent gets its outcome; else the denial is the
	 * record. */
	if (s->record)
		(void)record(g, s, SL_RECORD_OUTCOME, false);
	else
		s->record = record(g, s, SL_RECORD_DENIAL, false);
	sl_words_denial(s->image ? s->image : g->image, &s->verdict, &s->cmd, text, sizeof(text));
	reply(g, s, text);
	slot_free(g, s);
}

static bool bind_session(struct sl_gate *g, struct sl_session *ses, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];
	const struct sl_contract *c = &d->contract[d->now];

	if (ses->bound[device] == c->generation)
		return true;
	if (sl_image_bind(g->image, &ses->who, c, d->name, d->protocol, &ses->bind[device]) < 0)
		return false;
	ses->bound[device] = c->generation;
	return true;
}

/* Fills in the verdict from the requested bytes. */
static void judge(struct sl_gate *g, struct sl_slot *s)
{
	const struct sl_contract *c = contract_of(g, s);
	const uint8_t *data = s->cmd.dir & SL_DIR_OUT ? s->data : NULL;

	memcpy(s->cmd.req, s->requested, sizeof(s->cmd.req));
	s->cmd.set = sl_sets[s->cmd.set].asked; /* the device may be of another type by now */
	s->image = g->image;
	if (s->session == SL_OURSELVES) {
		sl_judge_internal(c, &s->cmd, data, &s->verdict);
		return;
	}
	if (!bind_session(g, &g->sessions[s->session], s->device)) {
		s->verdict = (struct sl_verdict){.reason = SL_REASON_BROKER};
		return;
	}
	sl_judge(g->image, &g->sessions[s->session].bind[s->device], c, &s->cmd, data, g->now,
		 &s->verdict);
}

static uint8_t alone(const struct sl_slot *s)
{
	return s->verdict.flags & SL_VERDICT_ALONE ? SL_EXCL_DEVICE : s->verdict.excl;
}

static bool broadcast(uint32_t nsid)
{
	return nsid == 0 || nsid == UINT32_MAX;
}

/* May two commands be at one device at the same time? */
static bool collide(const struct sl_slot *a, const struct sl_slot *b)
{
	uint32_t na = a->verdict.facts.nsid, nb = b->verdict.facts.nsid;

	if (alone(a) == SL_EXCL_DEVICE || alone(b) == SL_EXCL_DEVICE)
		return true;
	if (alone(a) == SL_EXCL_NONE && alone(b) == SL_EXCL_NONE)
		return false;
	return na == nb || broadcast(na) || broadcast(nb);
}

static bool must_wait(const struct sl_gate *g, const struct sl_slot *s)
{
	const struct sl_gate_device *d = &g->devices[s->device];

	if (d->state == SL_DEV_READING || d->reread)
		return s->session != SL_OURSELVES;
	if (!d->exclusive && !d->waiting && alone(s) == SL_EXCL_NONE)
		return false;
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++) {
		const struct sl_slot *o = &g->slots[i];

		if (o == s || o->device != s->device || o->state == SL_SLOT_FREE)
			continue;
		/* Who came earlier and still waits goes first, or one that wants to be alone
		 * starves. */
		if (o->state == SL_SLOT_WAITING && o->order > s->order)
			continue;
		if (collide(o, s))
			return true;
	}
	return false;
}

/*
 * The slot held somebody else's command before. A device that answers less than it says, or that
 * takes more than it was given, must not hand those bytes on: what is not the client's is zero, up
 * to the end of the page, or to `most` where nobody knows how much the device takes.
 */
static void clear_rest(struct sl_slot *s, uint32_t most)
{
	bool in = s->cmd.dir == SL_DIR_IN;
	uint32_t data = in ? 0 : s->io.data_size;
	uint32_t meta = in || sl_sets[s->cmd.set].sense ? 0 : s->io.meta_size;
	uint32_t end = (s->io.data_size + PAGE - 1) / PAGE * PAGE;
	uint32_t meta_end = (s->io.meta_size + PAGE - 1) / PAGE * PAGE;

	if (s->cmd.dir == SL_DIR_NONE && !s->io.meta_size)
		return;
	if (end < most)
		end = most < SL_WIRE_DATA_MAX ? most : SL_WIRE_DATA_MAX;
	memset(s->data + data, 0, end - data);
	memset(s->meta + meta, 0, meta_end - meta);
}

static void prepare_io(struct sl_gate *g, struct sl_slot *s)
{
	const struct sl_facts *f = &s->verdict.facts;
	uint32_t most = g->devices[s->device].dev->max_transfer;
	uint32_t limit = contract_of(g, s)->max_transfer; /* 0: not read yet */

	/* A driver refuses a buffer that is longer than what its device takes at once. */
	if (limit && limit < most)
		most = limit;
	s->io = (struct sl_io){
		.cmd = &s->cmd,
		.data = s->data,
		.data_size = s->cmd.data_len,
		.meta = s->meta,
		.meta_size = s->cmd.meta_len,
		.timeout_ms = s->verdict.timeout_ms,
		.heavy = alone(s) != SL_EXCL_NONE ||
			 sl_effects_any(f->effective, SL_E_MUTATING & ~(SL_E_DATA | SL_E_LOG)),
		.tag = (uint32_t)(s - g->slots),
	};
	/* What it will transfer is not known: the device gets room for its maximum. */
	if (!f->length_known && (s->cmd.dir == SL_DIR_IN) && most > s->cmd.data_len)
		s->io.data_size = most < SL_WIRE_DATA_MAX ? most : SL_WIRE_DATA_MAX;
	clear_rest(s, f->length_known ? 0 : most);
}

/* Records the intent and submits. */
static void send(struct sl_gate *g, struct sl_slot *s)
{
	struct sl_gate_device *d = &g->devices[s->device];
	bool durable = s->verdict.flags & SL_VERDICT_DURABLE;
	int r;

	prepare_io(g, s);
	if (!s->record) {
		s->record = record(g, s, SL_RECORD_INTENT, durable);
		if (!s->record && durable) {
			s->verdict.reason = SL_REASON_LEDGER;
			deny(g, s);
			return;
		}
	}
	s->state = SL_SLOT_SENT;
	s->deadline = g->now_ms + s->verdict.timeout_ms;
	d->inflight++;
	d->exclusive += alone(s) != SL_EXCL_NONE;
	r = d->dev->ops->submit(d->dev, &s->io);
	if (r < 0) {
		s->io.out =
			(struct sl_completion){.outcome = SL_OUTCOME_FAILED, .error = (uint32_t)-r};
		d->dev->done(d->dev, &s->io);
	}
}

/* Sends a judged command, or leaves it waiting. */
static void run(struct sl_gate *g, struct sl_slot *s)
{
	struct sl_gate_device *d = &g->devices[s->device];

	if (must_wait(g, s)) {
		if (!s->deadline) {
			s->deadline = g->now_ms + s->verdict.timeout_ms;
			d->waiting++;
		}
		return;
	}
	if (s->deadline) {
		s->deadline = 0;
		d->waiting--;
	}
	send(g, s);
}

/* The oldest waiting command that may run now, or NULL. */
static struct sl_slot *next_waiting(struct sl_gate *g, unsigned device)
{
	struct sl_slot *best = NULL;

	for (unsigned i = 0; i < SL_SLOTS_MAX; i++) {
		struct sl_slot *s = &g->slots[i];

		if (s->state == SL_SLOT_WAITING && s->device == device && !must_wait(g, s) &&
		    (!best || s->order < best->order))
			best = s;
	}
	return best;
}

void sl_gate_resume(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];
	struct sl_slot *s;

	if (d->reread && d->inflight == 0 && d->state == SL_DEV_READY) {
		sl_survey_begin(g, device);
		return;
	}
	while (d->waiting && (s = next_waiting(g, device))) {
		/* The verdict was bound to what the device was then. */
		if (s->verdict.generation != contract_of(g, s)->generation) {
			judge(g, s);
			if (!s->verdict.allow) {
				d->waiting--;
				deny(g, s);
				continue;
			}
			if (must_wait(g, s))
				continue;
		}
		run(g, s);
	}
}

/* What has to happen before the client sees the answer. */
static void check_answer(struct sl_gate *g, struct sl_slot *s)
{
	struct sl_completion *c = &s->io.out;

	if (c->outcome == SL_OUTCOME_DENIED) {
		/* A broker further on refused it. To the client that is a denial; here it is an
		 * outcome. */
		s->verdict.reason = SL_REASON_BROKER;
	}
	if (c->outcome != SL_OUTCOME_OK) {
		c->data_len = c->meta_len = 0;
		return;
	}
	if (c->data_len > s->cmd.data_len)
		c->data_len = s->cmd.data_len; /* the remainder was room, not an answer */
	if (c->meta_len > s->cmd.meta_len)
		c->meta_len = s->cmd.meta_len;
	if (s->session < 0 || s->told || !c->data_len)
		return;
	/* By the policy of now. One that does not fit leaves nothing within reach. */
	(void)bind_session(g, &g->sessions[s->session], s->device);
	sl_answer_rewrite(g->image, &g->sessions[s->session].bind[s->device], &s->verdict.facts,
			  &s->cmd, s->data, c->data_len);
}

static void done(struct sl_device *dev, struct sl_io *io)
{
	struct sl_gate *g = dev->gate;
	struct sl_slot *s = (struct sl_slot *)((uint8_t *)io - offsetof(struct sl_slot, io));
	struct sl_gate_device *d = &g->devices[s->device];
	const struct sl_facts *f = &s->verdict.facts;
	unsigned device = s->device;
	char text[SL_WIRE_TEXT_MAX + 1] = "";

	d->inflight--;
	d->exclusive -= alone(s) != SL_EXCL_NONE;
	check_answer(g, s);
	(void)record(g, s, SL_RECORD_OUTCOME, false);
	if (io->out.outcome == SL_OUTCOME_OK)
		g->n_allowed++;
	else
		g->n_failed++;
	if (s->session == SL_OURSELVES) {
		sl_survey_feed(g, device, io);
		slot_free(g, s);
		sl_survey_step(g, device);
		return;
	}
	/* Also after an error: a command that failed may have done half of its work. */
	if ((sl_rows[f->row].flags | sl_rows[f->carried].flags) & SL_ROW_REREAD)
		d->reread = true;
	if (io->out.outcome == SL_OUTCOME_FAILED)
		sl_words_failure(&s->verdict, io->out.error, text, sizeof(text));
	else if (s->verdict.flags & SL_VERDICT_SUSPECT)
		sl_words_copy(text, sizeof(text), "suspect: this device was caught lying");
	reply(g, s, text);
	slot_free(g, s);
	sl_gate_resume(g, device);
}

static void refuse(struct sl_gate *g, struct sl_slot *s, uint8_t reason)
{
	s->verdict = (struct sl_verdict){.reason = reason,
					 .facts.row = sl_row_find(s->cmd.set, s->requested)};
	deny(g, s);
}

/* Tells the client that its wait is over. */
static void give_up(struct sl_gate *g, struct sl_slot *s, uint32_t error)
{
	char text[SL_WIRE_TEXT_MAX + 1];

	s->io.out = (struct sl_completion){.outcome = SL_OUTCOME_FAILED, .error = error};
	sl_words_failure(&s->verdict, error, text, sizeof(text));
	reply(g, s, text);
	s->told = true;
}

void sl_gate_command(struct sl_gate *g, int session, const struct sl_wire_command *m)
{
	struct sl_slot *s = slot_take(g);
	uint32_t n = SL_WIRE_DATA_MAX - m->data_len;

	if (!s)
		return; /* cannot be: sl_gate_room() was asked; the client is left waiting, not let
			   in */
	s->session = session;
	s->user = g->sessions[session].user;
	s->tag = m->head.tag;
	g->sessions[session].slots++;
	g->users[s->user].slots++;
	s->cmd = (struct sl_command){
		.set = sl_set_of_queue(m->queue),
		.dir = m->dir,
		.door = m->door,
		.writable = m->writable,
		.req_len = m->req_len,
		.device = m->device,
		.node_nsid = m->node_nsid,
		.timeout_ms = m->timeout_ms,
		.data_len = m->data_len,
		.meta_len = m->meta_len,
	};
	memcpy(s->requested, m->req, sizeof(s->requested));
	/* The data is in its place; metadata came right behind it, and what had no room there too.
	 */
	if (n > m->meta_len)
		n = m->meta_len;
	if (m->dir & SL_DIR_OUT) {
		memmove(s->meta + n, s->meta, m->meta_len - n);
		memcpy(s->meta, s->data + m->data_len, n);
	}
	if (m->device >= g->n_devices) {
		refuse(g, s, SL_REASON_BROKER);
		return;
	}
	s->device = (uint8_t)m->device;
	/* What is harmless in one protocol is other bytes in another: judged as one, run as two. */
	if (sl_sets[s->cmd.set].protocol != g->devices[s->device].protocol) {
		refuse(g, s, SL_REASON_PROTOCOL);
		return;
	}
	judge(g, s); /* also to be able to name what could not be sent */
	if (g->devices[s->device].state == SL_DEV_GONE) {
		give_up(g, s, ENODEV);
		slot_free(g, s);
		return;
	}
	if (s->verdict.allow)
		run(g, s);
	else
		deny(g, s);
}

bool sl_gate_room(const struct sl_gate *g, int session)
{
	/* One slot of every device is kept for reading its contract. */
	return g->free_slots > g->n_devices &&
	       g->users[g->sessions[session].user].slots < SL_USER_SLOTS_MAX;
}

/* Ends a command that waits. The caller lets those go on that waited for it. */
static void drop_waiting(struct sl_gate *g, struct sl_slot *s)
{
	g->devices[s->device].waiting--;
	slot_free(g, s);
}

/* Nobody waits for a command at a device; the device still owes us its outcome. */
static void detach(struct sl_gate *g, struct sl_slot *s)
{
	struct sl_device *dev = g->devices[s->device].dev;

	if (!s->detached)
		dev->ops->detach(dev, &s->io);
	s->detached = true;
}

void sl_gate_detach(struct sl_gate *g, int session, uint32_t tag)
{
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++) {
		struct sl_slot *s = &g->slots[i];
		unsigned device = s->device;

		if (s->state == SL_SLOT_FREE || s->session != session || s->tag != tag ||
		    s->detached)
			continue;
		if (s->state == SL_SLOT_SENT) {
			detach(g, s);
			return;
		}
		give_up(g, s, ECANCELED);
		drop_waiting(g, s);
		sl_gate_resume(g, device);
		return;
	}
}

void sl_gate_leave(struct sl_gate *g, int session)
{
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++) {
		struct sl_slot *s = &g->slots[i];

		if (s->state == SL_SLOT_FREE || s->session != session)
			continue;
		if (s->state == SL_SLOT_WAITING) {
			drop_waiting(g, s);
			continue;
		}
		detach(g, s);
		g->sessions[session].slots--;
		s->session = SL_NOBODY;
	}
	for (unsigned i = 0; i < g->n_devices; i++)
		sl_gate_resume(g, i);
}

/* An event has come, and it is time: the contract is read when the device is quiet. */
static void heed_event(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];

	if (!d->event_due || d->event_due > g->now_ms || d->state == SL_DEV_READING)
		return;
	d->event_due = 0;
	d->event_read = g->now_ms;
	d->event_wait = d->event_wait ? 2 * d->event_wait : EVENT_WAIT_MIN;
	if (d->event_wait > EVENT_WAIT_MAX)
		d->event_wait = EVENT_WAIT_MAX;
	d->reread = true;
	sl_gate_resume(g, device);
}

/*
 * A device that never stops sending events must not keep its clients waiting, nor fill the ledger
 * with our reading: the first is heeded at once, the others after longer and longer waits.
 */
static void on_event(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];

	if (!d->event_last || g->now_ms - d->event_last > EVENT_QUIET_MS)
		d->event_wait = 0;
	d->event_last = g->now_ms;
	if (!d->event_due)
		d->event_due = d->event_wait ? d->event_read + d->event_wait : g->now_ms;
	heed_event(g, device);
}

void sl_gate_poll(struct sl_gate *g, unsigned device)
{
	struct sl_gate_device *d = &g->devices[device];

	if (d->dev->ops->poll(d->dev) < 0) {
		d->state = SL_DEV_GONE;
		d->event_due = 0;
		sl_gate_resume(g, device);
		return;
	}
	if (d->dev->event) {
		d->dev->event = 0;
		on_event(g, device);
	}
}

/* The client has waited long enough; the device may have as long as it takes. */
static void expire(struct sl_gate *g, struct sl_slot *s)
{
	unsigned device = s->device;

	if (s->session >= 0)
		give_up(g, s, DETACHED_ERROR);
	if (s->state == SL_SLOT_WAITING) {
		drop_waiting(g, s);
		sl_gate_resume(g, device);
		return;
	}
	detach(g, s);
	if (s->session == SL_OURSELVES) {
		s->session = SL_NOBODY;
		sl_survey_abandon(g, device);
	}
}

void sl_gate_tick(struct sl_gate *g)
{
	for (unsigned i = 0; i < g->n_devices; i++)
		heed_event(g, i);
	if (g->free_slots == SL_SLOTS_MAX)
		return;
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++) {
		struct sl_slot *s = &g->slots[i];

		if (s->state != SL_SLOT_FREE && !s->detached && s->deadline &&
		    s->deadline <= g->now_ms)
			expire(g, s);
	}
}

int sl_gate_timeout(const struct sl_gate *g)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < g->n_devices; i++)
		if (g->devices[i].event_due && g->devices[i].event_due < least)
			least = g->devices[i].event_due;
	for (unsigned i = 0; g->free_slots < SL_SLOTS_MAX && i < SL_SLOTS_MAX; i++) {
		const struct sl_slot *s = &g->slots[i];

		if (s->state != SL_SLOT_FREE && !s->detached && s->deadline && s->deadline < least)
			least = s->deadline;
	}
	if (least == UINT64_MAX)
		return -1;
	least = least > g->now_ms ? least - g->now_ms : 0;
	return least > 60000 ? 60000 : (int)least + 1;
}

/* The broker's own command: from the reader, through the same slots, records and back end. */
int sl_gate_internal(struct sl_gate *g, unsigned device, const struct sl_command *cmd,
		     const uint8_t *payload)
{
	struct sl_slot *s = slot_take(g);

	if (!s)
		return -EBUSY;
	s->session = SL_OURSELVES;
	s->device = (uint8_t)device;
	s->cmd = *cmd;
	memcpy(s->requested, cmd->req, sizeof(s->requested));
	if (cmd->dir & SL_DIR_OUT)
		memcpy(s->data, payload, cmd->data_len);
	judge(g, s);
	if (!s->verdict.allow) {
		slot_free(g, s);
		return -EACCES;
	}
	send(g, s);
	return 0;
}

void sl_gate_kick(struct sl_gate *g)
{
	for (unsigned i = 0; i < g->n_devices; i++)
		if (g->devices[i].dev->ops->kick)
			g->devices[i].dev->ops->kick(g->devices[i].dev);
}

void sl_gate_attach(struct sl_gate *g, struct sl_device *dev)
{
	dev->gate = g;
	dev->done = done;
}

void sl_gate_policy(struct sl_gate *g, const struct sl_image *img)
{
	g->image = img;
	for (unsigned i = 0; i < SL_SESSIONS_MAX; i++)
		memset(g->sessions[i].bound, 0, sizeof(g->sessions[i].bound));
	/* Verdicts of those that wait were the old policy's. */
	for (unsigned i = 0; i < SL_SLOTS_MAX; i++)
		if (g->slots[i].state == SL_SLOT_WAITING)
			g->slots[i].verdict.generation = 0;
}
