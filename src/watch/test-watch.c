/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher's judgement without a device: what ran in a stretch of a ledger, whom a change is
 * laid to, when it counts, and what a launcher takes of it.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/table.h"
#include "watch/spawn.h"
#include "watch/watcher.h"

static struct sl_watcher w;
static struct sl_watched *d = &w.device[0];
static struct sl_ledger ledger;
static struct sl_note last;
static unsigned reports, ended;
static double clock_s;
static struct sl_watched_probe probe[1];
static uint64_t sampled; /* digest of what is written next; 0: it is not of the sample */

/* What the program itself does, stood in for. */
double sl_watch_now(void)
{
	return clock_s;
}

void sl_watch_report(struct sl_watched *of, const struct sl_note *n)
{
	assert(of == d);
	last = *n;
	reports++;
}

static void on_end(void *ctx, const struct sl_act *act)
{
	(void)ctx;
	assert(act->outcome > act->intent && !act->own);
	ended++;
}

int sl_watch_catch_up(struct sl_watcher *of)
{
	return sl_acts_read(of->acts, on_end, NULL);
}

static uint64_t put(uint16_t type, uint64_t of, uint32_t session, uint8_t opcode, uint64_t lba)
{
	struct sl_record r = {.type = type,
			      .of = of,
			      .session = session,
			      .set = opcode == 6 ? SL_SET_NVME_ADMIN : SL_SET_NVME_NVM,
			      .digest = type == SL_RECORD_INTENT ? sampled : 0,
			      .device = "d"};

	r.final[0] = opcode;
	sl_put_le32(r.final + 4, opcode == 6 ? 0 : 1);
	sl_put_le64(r.final + 40, lba);
	r.row = sl_row_find(r.set, r.final);
	r.table_hash = sl_table_hash();
	r.floor = sl_rows[r.row].floor;
	return sl_ledger_append(&ledger, &r, false);
}

/* A command from its intent to its outcome. Returns its intent. */
static uint64_t ran(uint32_t session, uint8_t opcode, uint64_t lba)
{
	uint64_t intent = put(SL_RECORD_INTENT, 0, session, opcode, lba);

	put(SL_RECORD_OUTCOME, intent, session, opcode, lba);
	return intent;
}

/* It was looked at last so many seconds after the start. */
static void looked_at(double t)
{
	clock_s = probe[0].stretch.t = t;
}

static void begin(void)
{
	static struct sl_doc doc;

	if (w.acts)
		close(w.acts->fd);
	free(w.acts);
	memset(&w, 0, sizeof(w));
	w.acts = calloc(1, sizeof(*w.acts));
	assert(w.acts);
	w.config.n = 1;
	strcpy(w.config.device[0].name, "d");
	d->w = &w;
	d->doc = &doc;
	d->o = &sl_observed_nvme;
	strcpy(doc.contract.model, "Drive");
	strcpy(doc.contract.serial, "S1");
	doc.contract.n_ns = 1;
	doc.contract.ns[0] = (struct sl_ns){.nsid = 1, .lba_shift = 9, .blocks = 1000};
	assert(sl_acts_init(w.acts, dup(ledger.fd), &w.config) == 0);
	w.acts->session = 9; /* ours */
	reports = ended = 0;
	/* One thing is looked at, since a hundred seconds. */
	memset(probe, 0, sizeof(probe));
	d->probe = probe;
	d->probes.n = 1;
	clock_s = 0;
	looked_at(100);
}

static struct sl_sight sight(uint64_t from, uint64_t to)
{
	struct sl_sight s = {.kind = "undeclared-effect",
			     .where = "feature 06h",
			     .what = "1 -> 0",
			     .effects = SL_E_CONFIG,
			     .window = {from, to, 0, true}};

	return s;
}

static void test_window(void)
{
	uint64_t before, open, in, from, to, at = 0;
	const struct sl_act *act;
	struct sl_window window;
	char text[100];

	begin();
	before = ran(2, 1, 5);
	open = put(SL_RECORD_INTENT, 0, 3, 1, 6); /* begun before, and not ended */
	from = ran(9, 6, 0);
	in = ran(2, 1, 7);
	to = ran(9, 6, 0) + 1;
	ran(2, 1, 8);
	assert(sl_watch_catch_up(&w) == 0 && ended == 3);
	window = (struct sl_window){from, to, 0, true};
	act = sl_window_next(w.acts, &window, &at);
	assert(act->intent == open && !act->outcome);
	act = sl_window_next(w.acts, &window, &at);
	assert(act->intent == from && act->own);
	act = sl_window_next(w.acts, &window, &at);
	assert(act->intent == in);
	sl_act_name(act, text, sizeof(text));
	assert(strcmp(text, "nvme.nvm.write nsid=1 slba=7") == 0);
	assert(sl_act_touches(d, act, 1, 7, 1) && sl_act_touches(d, act, 1, 0, 8));
	assert(!sl_act_touches(d, act, 1, 8, 1) && !sl_act_touches(d, act, 1, 0, 7));
	assert(!sl_act_touches(d, act, 2, 7, 1));
	assert(sl_window_next(w.acts, &window, &at)->own && !sl_window_next(w.acts, &window, &at));
	assert(sl_acts_find(w.acts, before)->outcome == before + 1);
}

/* Named; counted only where nobody else could, and chance is small. */
static void test_counts(void)
{
	uint64_t from, to;
	struct sl_sight s;

	begin();
	from = ran(9, 6, 0);
	ran(2, 6, 0);
	ran(2, 1, 300);
	to = ran(9, 6, 0) + 1;
	assert(sl_watch_catch_up(&w) == 0);
	s = sight(from, to);
	probe[0].stretch.busy[1] = 10;
	assert(sl_suspect(d, &s) && reports == 1 && last.state == SL_NOTE_ALERTS);
	assert(strcmp(last.command, "nvme.nvm.write nsid=1 slba=300") == 0);
	assert(last.row.key == sl_key(SL_SET_NVME_NVM, 1, SL_SEL_ANY));
	assert(last.row.observed == SL_E_CONFIG && strcmp(last.row.serial, "S1") == 0);
	/* It stays as it is for long: by then it is no accident. */
	looked_at(400);
	sl_suspect_age(d);
	assert(reports == 1);
	looked_at(501);
	sl_suspect_age(d);
	assert(reports == 2 && last.state == SL_NOTE_COUNTS);
	/* Somebody else could have: never. */
	begin();
	assert(sl_watch_catch_up(&w) == 0);
	strcpy(d->others, "another host");
	from = ran(9, 6, 0);
	ran(2, 1, 300);
	to = ran(9, 6, 0) + 1;
	assert(sl_watch_catch_up(&w) == 0);
	s = sight(from, to);
	assert(sl_suspect(d, &s) && last.state == SL_NOTE_ALERTS);
	looked_at(1e6);
	sl_suspect_age(d);
	assert(reports == 1);
	/* Unless it is a thing that nobody can do but the device. */
	strcpy(s.where, "effects-log");
	s.strong = s.nobody = true;
	assert(sl_suspect(d, &s) && reports == 2 && last.state == SL_NOTE_COUNTS);
}

/* Twice after the same command, and after others never: sooner. */
static void test_again(void)
{
	struct sl_sight s;
	uint64_t from, to;

	begin();
	probe[0].stretch.busy[1] = 5;
	for (unsigned i = 0; i < 2; i++) {
		from = ran(9, 6, 0);
		ran(2, 1, 300);
		ran(2, 1, 400 + i);
		to = ran(9, 6, 0) + 1;
		assert(sl_watch_catch_up(&w) == 0);
		s = sight(from, to);
		assert(sl_suspect(d, &s));
		assert(last.state == (i ? SL_NOTE_COUNTS : SL_NOTE_ALERTS));
	}
	assert(strcmp(last.command, "nvme.nvm.write nsid=1 slba=300") == 0);
}

/* What is kept counts sooner; no longer, once it was seen to move by itself. */
static void test_kept(void)
{
	uint64_t from, to;
	struct sl_sight s;

	for (unsigned unquiet = 0; unquiet < 2; unquiet++) {
		begin();
		d->unquiet = unquiet;
		probe[0].stretch.busy[1] = 4;
		from = ran(9, 6, 0);
		ran(2, 1, 300);
		to = ran(9, 6, 0) + 1;
		assert(sl_watch_catch_up(&w) == 0);
		s = sight(from, to);
		s.kept = true;
		assert(sl_suspect(d, &s));
		assert(last.state == (unquiet ? SL_NOTE_ALERTS : SL_NOTE_COUNTS));
	}
}

/*
 * An effect that comes when nobody does anything any more: what is kept is laid to what ran before,
 * and counts after a calm twenty times as long; but not when it goes on without a command.
 */
static void test_late(void)
{
	uint64_t from;
	struct sl_sight s;

	for (unsigned goes_on = 0; goes_on < 2; goes_on++) {
		begin();
		ran(2, 1, 300);
		assert(sl_watch_catch_up(&w) == 0);
		sl_pauses_note(&d->pauses[0], 0, 100);
		sl_pauses_note(&d->pauses[1], 0, 100);
		looked_at(110);
		from = ran(9, 6, 0);
		s = sight(from, ran(9, 6, 0) + 1);
		s.kept = true;
		assert(sl_watch_catch_up(&w) == 0);
		assert(sl_suspect(d, &s) && last.state == SL_NOTE_ALERTS);
		assert(strcmp(last.command, "nvme.nvm.write nsid=1 slba=300") == 0);
		looked_at(180);
		if (goes_on) {
			assert(!sl_suspect(d, &s) && d->unquiet);
			assert(strcmp(last.kind, "changes-by-itself") == 0);
		}
		looked_at(201);
		sl_suspect_age(d);
		assert(last.state == (goes_on ? SL_NOTE_ALERTS : SL_NOTE_COUNTS));
	}
	/* A log is laid to nobody who is not there. */
	begin();
	ran(2, 1, 300);
	from = ran(9, 6, 0);
	s = sight(from, ran(9, 6, 0) + 1);
	assert(sl_watch_catch_up(&w) == 0);
	assert(!sl_suspect(d, &s));
}

/* The longest pauses are remembered; of the rest it is assumed that somebody was there. */
static void test_pauses(void)
{
	struct sl_pauses p = {0};
	double t = 50;

	assert(sl_pauses_near(&p, 0, 100, 1) == 0);
	sl_pauses_note(&p, 0, t);
	for (unsigned i = 0; i < SL_PAUSES_MAX; i++)
		sl_pauses_note(&p, 0, t += 1);
	sl_pauses_note(&p, 0, t += 10);
	assert(p.n == SL_PAUSES_MAX && p.first == 50);
	/* 64 of 1 s, one of which gave way to the one of 10 s; 5 s since. */
	assert(sl_pauses_near(&p, 0, t + 5, 0.5) == 64 * 1 + 10 + 5 - 63 * 0.5 - 9.5 - 4.5);
}

/* One that comes too long is caught, whoever asked for it; and what was ours before we knew is. */
static void test_own(void)
{
	uint64_t intent;

	begin();
	w.acts->session = 0;
	intent = ran(9, 6, 0);
	assert(sl_watch_catch_up(&w) == 0 && !sl_acts_find(w.acts, intent)->own);
	sl_acts_own(w.acts, 9);
	assert(sl_acts_find(w.acts, intent)->own);
	sl_suspect_overrun(d, sl_acts_find(w.acts, intent));
	assert(last.state == SL_NOTE_COUNTS && strcmp(last.kind, "transfer-too-long") == 0);
	assert(strncmp(last.command, "nvme.admin.identify", 19) == 0);
}

/* Of several writes to a block the newest has to be there; a write that is not known hides those
 * before it. */
static void test_rereads(void)
{
	struct sl_blocks *b = &d->blocks;
	uint64_t intent[4];

	begin();
	for (unsigned i = 0; i < 4; i++) {
		sampled = i == 3 ? 0 : 100 + i;
		intent[i] = ran(2, 1, i == 1 ? 8 : 7);
		assert(sl_watch_catch_up(&w) == 0);
		sl_blocks_note(d, sl_acts_find(w.acts, intent[i]));
		assert(b->n_rereads == (i == 0 || i == 3 ? 1 : 2));
	}
	assert(b->reread[0].act.intent == intent[1] && b->reread[0].digest == 101);
	/* Reading hides nothing, and what was read is read again. */
	sampled = 105;
	intent[0] = ran(2, 2, 8);
	assert(sl_watch_catch_up(&w) == 0);
	sl_blocks_note(d, sl_acts_find(w.acts, intent[0]));
	assert(b->n_rereads == 2 && b->reread[1].act.intent == intent[0]);
	sampled = 0;
}

/* A device whose blocks hold their number, but for one; every command of ours is on record. */
static uint64_t lost_lba;
static unsigned asked;

static int answer(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		  struct sl_answer *ret)
{
	struct sl_session_rig *r = (struct sl_session_rig *)rig;
	uint64_t lba = sl_get_le64(cmd->req + 40);

	assert(cmd->req[0] == 2 && cmd->data_len % 512 == 0);
	for (uint32_t i = 0; i < cmd->data_len / 512; i++)
		memset(data + (size_t)i * 512, lba + i == lost_lba ? 0xee : (int)(lba + i), 512);
	r->first = r->last = ran(9, 2, lba);
	ret->len = cmd->data_len;
	w.tokens -= 1;
	asked++;
	return 0;
}

/* What lies close together is read back at once; only what is not as it was written is read alone,
 * twice. Looks that took much do not keep it from that. */
static void near(double watched, double passed, enum sl_note_state state)
{
	static const struct sl_rig_ops ops = {.call = answer};

	begin();
	d->t_first = clock_s;
	clock_s += watched;
	assert(sl_watch_catch_up(&w) == 0);
	d->o = &sl_observed_nvme;
	d->rig.rig.ops = &ops;
	w.data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	assert(w.data);
	lost_lba = 6;
	asked = 0;
	for (unsigned lba = 1; lba < 12; lba++) {
		uint8_t block[512], md[SHA256_DIGEST_LENGTH];
		SHA2_CTX ctx;
		uint64_t intent;

		memset(block, (int)lba, sizeof(block));
		SHA256Init(&ctx);
		SHA256Update(&ctx, (const uint8_t *)&w.config.seed, sizeof(w.config.seed));
		SHA256Update(&ctx, block, sizeof(block));
		SHA256Final(md, &ctx);
		sampled = sl_get_le64(md) | 1;
		intent = ran(2, 1, lba);
		assert(sl_watch_catch_up(&w) == 0);
		sl_blocks_note(d, sl_acts_find(w.acts, intent));
	}
	sampled = 0;
	w.tokens = -5;
	assert(sl_blocks_look(d) == 0 && asked == 0);
	sl_blocks_owe(d, 5);
	clock_s += passed;
	assert(sl_blocks_look(d) == 0);
	assert(asked == 3 && d->blocks.compared == 11 && d->blocks.n_rereads == 0);
	assert(reports == 1 && last.state == state && strcmp(last.kind, "not-stored") == 0);
	assert(strcmp(last.command, "nvme.nvm.write nsid=1 slba=6") == 0);
	free(w.data);
}

/* Somebody of whom nobody knows may write at any time: only what is read back soon is no accident.
 */
static void test_near(void)
{
	near(10, 0.1, SL_NOTE_COUNTS);
	near(2, 0.1, SL_NOTE_ALERTS);
	near(1000, 1, SL_NOTE_ALERTS);
}

/* What a CDB is for, and which blocks it names, lie in other places with each form. */
static void test_roles(void)
{
	static const struct {
		uint8_t cdb[16];
		uint8_t role;
		uint64_t lba, n; /* n 0: it names no one run */
	} v[] = {
		{{0x0a, 0x1f, 1, 2, 0}, SL_ROLE_STORES, 0x1f0102, 256},
		{{0x28, 0, 0, 0, 1, 2, 0, 0, 3}, SL_ROLE_READS, 0x102, 3},
		{{0x2a, 0, 0, 0, 1, 2, 0, 0, 0}, SL_ROLE_STORES, 0, 0},
		{{0x8a, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4}, SL_ROLE_STORES, 0x1000000000002, 4},
		{{0x41, 0, 0, 0, 0, 9, 0, 0, 2}, SL_ROLE_FILLS, 9, 2},
		{{0x41, 8, 0, 0, 0, 9, 0, 0, 2}, SL_ROLE_OTHER, 9, 2}, /* UNMAP */
		{{0x93, 1, [9] = 9, [13] = 2}, SL_ROLE_ZEROES, 9, 2},  /* NDOB */
		{{0x41, 0, 0, 0, 0, 9, 0, 0, 0}, SL_ROLE_FILLS, 0, 0}, /* to the end */
		{{0x42, [8] = 24}, SL_ROLE_OTHER, 0, 0},
		{{0x1b, [4] = 0}, SL_ROLE_RESTS, 0, 0},
		{{0x1b, [4] = 1}, SL_ROLE_WAKES, 0, 0},
		{{0x1b, [4] = 0x31}, SL_ROLE_RESTS, 0, 0}, /* STANDBY */
		{{0x12}, SL_ROLE_VITAL, 0, 0},
		{{0x48, 0x83}, SL_ROLE_ERASES, 0, 0}, /* IMMED, cryptographic erase */
		{{0x48, 0x1f}, SL_ROLE_OTHER, 0, 0},  /* exit failure mode */
	};

	for (size_t i = 0; i < SL_COUNT(v); i++) {
		uint8_t req[SL_REQ_MAX] = {0};
		struct sl_range r;
		uint16_t row;

		memcpy(req, v[i].cdb, sizeof(v[i].cdb));
		row = sl_row_find(SL_SET_SCSI_SBC, req);
		assert(sl_role_of(row, req) == v[i].role);
		assert(sl_blocks_named(row, req, &r) == (v[i].n != 0));
		assert(!v[i].n || (r.nsid == 1 && r.lba == v[i].lba && r.count == v[i].n));
	}
}

/* While nobody did anything: it moves by itself, is said once, and a log is not worth a word. */
static void test_by_itself(void)
{
	struct sl_sight s;

	begin();
	s = sight(ran(9, 6, 0), ran(9, 6, 0) + 1);
	assert(sl_watch_catch_up(&w) == 0);
	assert(!sl_suspect(d, &s) && reports == 1 && last.state == SL_NOTE_ALERTS);
	assert(strcmp(last.kind, "changes-by-itself") == 0 && !last.command[0] && !last.row.key);
	assert(!sl_suspect(d, &s) && reports == 1);
	s.noise = true;
	strcpy(s.where, "vendor-log");
	assert(!sl_suspect(d, &s) && reports == 1);
}

/* A watcher that was taken over cannot vouch, nor speak for others. */
static void test_take(void)
{
	struct sl_watch_report r = {.device = 3};
	struct sl_watch watch = {0};
	struct sl_note n;
	struct sl_diag diag = {0};
	uint32_t device;
	int sv[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0);
	watch.control = sv[0];
	memset(&r.note, 'x', sizeof(r.note));
	r.note.kind[31] = '\0';
	r.note.n_lines = SL_NOTE_LINES;
	r.note.state = SL_NOTE_COUNTS;
	r.note.row.say = SL_TRUST_SAY_VERIFIED;
	r.note.row.match = 0;
	assert(send(sv[1], &r, sizeof(r), 0) == (ssize_t)sizeof(r));
	assert(sl_watch_take(&watch, &device, &n, &diag) == 1 && device == 3);
	assert(n.row.say == SL_TRUST_SAY_CAUGHT && n.row.match == SL_TRUST_BY_SERIAL);
	assert(strcmp(n.by, "watch") == 0 && !(n.row.observed & ~(sl_effects)SL_E_ALL));
	assert(strlen(n.line[SL_NOTE_LINES - 1]) < SL_NOTE_LINE_MAX);
	assert(sl_watch_take(&watch, &device, &n, &diag) == 0);
	r.note.n_lines++;
	assert(send(sv[1], &r, sizeof(r), 0) == (ssize_t)sizeof(r));
	assert(sl_watch_take(&watch, &device, &n, &diag) == -EBADMSG);
	assert(send(sv[1], "x", 1, 0) == 1);
	assert(sl_watch_take(&watch, &device, &n, &diag) == -EBADMSG);
	close(sv[1]);
	assert(sl_watch_take(&watch, &device, &n, &diag) == -EPIPE);
	close(sv[0]);
}

int main(void)
{
	char name[] = "/tmp/sluice-watch-XXXXXX";
	int fd = mkostemp(name, O_APPEND);

	assert(fd >= 0 && unlink(name) == 0);
	sl_ledger_init(&ledger, fd, 1, 0);
	test_window();
	test_counts();
	test_again();
	test_kept();
	test_late();
	test_pauses();
	test_own();
	test_rereads();
	test_near();
	test_roles();
	test_by_itself();
	test_take();
	close(w.acts->fd);
	free(w.acts);
	close(fd);
	return 0;
}
