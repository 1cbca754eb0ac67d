/* SPDX-License-Identifier: Apache-2.0 */
/* Notes survive being written and read, moved and signed; what is not one is refused. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch/sign.h"

static char dir[] = "/tmp/sluice-note-XXXXXX";

static void fill(struct sl_note *n)
{
	*n = (struct sl_note){.row = {.say = SL_TRUST_SAY_CAUGHT,
				      .match = SL_TRUST_BY_SERIAL,
				      .key = 0x30001ffffu,
				      .observed = SL_E_DATA | SL_E_CONFIG}};

	strcpy(n->row.vendor, "0x8086");
	strcpy(n->row.model, "A drive: with a colon");
	strcpy(n->row.serial, "S1");
	strcpy(n->row.firmware, "1.0");
	memset(n->row.hash, 0xa5, sizeof(n->row.hash));
	strcpy(n->kind, "not-stored");
	strcpy(n->command, "nvme.nvm.write nsid=1 slba=7");
	strcpy(n->by, "watch");
	strcpy(n->reason, "two\nlines");
	sl_note_now(n);
	sl_note_line(n, "evidence", "feature %s: %d -> %d\n", "06h", 1, 0);
	sl_note_line(n, "suspect", "record %d", 9);
}

static void test_text(void)
{
	struct sl_note a, b;
	char text[SL_NOTE_TEXT_MAX], again[SL_NOTE_TEXT_MAX];
	struct sl_diag d = {0};
	size_t n;

	fill(&a);
	n = sl_note_write(&a, text);
	assert(n && sl_note_read(text, n, "x", &b, &d) == 0);
	assert(memcmp(&a.row, &b.row, sizeof(a.row)) == 0 && b.n_lines == 2);
	assert(strcmp(b.reason, "two lines") == 0 && strcmp(b.found, a.found) == 0);
	assert(strcmp(b.line[0], "evidence: feature 06h: 1 -> 0 ") == 0);
	assert(sl_note_write(&b, again) == n && memcmp(text, again, n) == 0);
	/* Every text that is cut short says less, is refused, or is the whole but its last line. */
	for (size_t i = 0; i < n; i++)
		(void)sl_note_read(text, i, "x", &b, &d);
	assert(sl_note_read("sluice finding 1\n", 17, "x", &b, &d) == -EBADMSG);
	assert(sl_note_read("sluice finding 2\nsay: caught\nmodel: x\n", 38, "x", &b, &d) < 0);
	assert(sl_note_read("sluice finding 1\nsay: maybe\nmodel: x\n", 37, "x", &b, &d) < 0);
	assert(d.line == 2);
}

static void test_files(void)
{
	struct sl_note a, v;
	struct sl_notes all;
	struct sl_trust_row rows[SL_TRUST_ROWS_MAX];
	struct sl_diag d = {0};

	assert(sl_notes_load("/nowhere/at/all", &all, &d) == 0 && all.n == 0);
	sl_notes_done(&all);
	fill(&a);
	fill(&v);
	v.row.say = SL_TRUST_SAY_VERIFIED;
	assert(sl_note_put(dir, &v, &d) == 0);
	assert(sl_note_put(dir, &a, &d) == 0 && sl_note_put(dir, &a, &d) == 1);
	assert(sl_notes_load(dir, &all, &d) == 0 && all.n == 2);
	assert(sl_notes_rows(&all, rows) == 2 && rows[0].say == SL_TRUST_SAY_CAUGHT);
	for (unsigned i = 0; i < 2; i++)
		assert(sl_note_move(dir, &all.v[i], SL_NOTE_CLEARED, &d) == 0);
	sl_notes_done(&all);
	assert(sl_notes_load(dir, &all, &d) == 0 && all.n == 2 && sl_notes_rows(&all, rows) == 0);
	assert(all.v[0].state == SL_NOTE_CLEARED);
	sl_notes_done(&all);
	/* Found again: it counts again, and is one note. An alert alone does not change that. */
	assert(sl_note_put(dir, &a, &d) == 0);
	a.state = SL_NOTE_ALERTS;
	assert(sl_note_put(dir, &a, &d) == 1);
	assert(sl_notes_load(dir, &all, &d) == 0 && all.n == 2 && sl_notes_rows(&all, rows) == 1);
	sl_notes_done(&all);
}

/* The first evidence stays, which names who did it; the effects of both count. */
static void test_again(void)
{
	struct sl_note a, b;
	struct sl_notes all;
	struct sl_diag d = {0};

	fill(&a);
	fill(&b);
	strcpy(a.kind, "wrong-scope");
	strcpy(b.kind, "wrong-scope");
	strcpy(b.command, "nvme.nvm.write nsid=1 slba=8");
	b.row.observed = SL_E_LOG;
	strcpy(b.line[0], "evidence: another");
	assert(sl_note_put(dir, &a, &d) == 0 && sl_note_put(dir, &b, &d) == 1);
	assert(sl_note_put(dir, &a, &d) == 1);
	assert(sl_notes_load(dir, &all, &d) == 0);
	for (unsigned i = 0; i < all.n; i++) {
		const struct sl_note *n = &all.v[i];

		if (strcmp(n->name, a.name) != 0)
			continue;
		assert(strcmp(n->command, "nvme.nvm.write nsid=1 slba=7") == 0);
		assert(n->row.observed == (SL_E_DATA | SL_E_CONFIG | SL_E_LOG));
		assert(n->n_lines == 3 && strstr(n->line[0], "06h: 1 -> 0"));
		assert(!strncmp(n->line[2], "again: ", 7) && strstr(n->line[2], "slba=8"));
		a.n_lines = 0;
	}
	assert(a.n_lines == 0);
	sl_notes_done(&all);
	/* Fewer suspects say more. */
	strcpy(b.line[0], "evidence: another");
	b.n_lines = 1;
	assert(sl_note_put(dir, &b, &d) == 1 && !strcmp(b.line[0], "evidence: another"));
	assert(b.row.observed == (SL_E_DATA | SL_E_CONFIG | SL_E_LOG));
}

static void test_signed(void)
{
	struct sl_note a, b;
	char text[SL_SIGNED_MAX], key[65];
	struct sl_diag d = {0};
	struct stat st;
	size_t n;

	fill(&a);
	assert(sl_note_sign(dir, &a, text, &n, &d) == 0);
	assert(sl_note_unsign(text, n, "x", &b, key, &d) == 0);
	assert(memcmp(&a.row, &b.row, sizeof(a.row)) == 0 && strlen(key) == 64);
	for (size_t i = 0; i < n; i += 7) {
		text[i] ^= 1;
		assert(sl_note_unsign(text, n, "x", &b, key, &d) < 0);
		text[i] ^= 1;
	}
	assert(sl_note_unsign(text, n - 1, "x", &b, key, &d) == -EKEYREJECTED);
	assert(sl_note_unsign(text, 20, "x", &b, key, &d) == -EBADMSG);
	/* The same key the next time, for its owner alone. */
	a.reason[0] = '\0';
	assert(sl_note_sign(dir, &a, text, &n, &d) == 0 && strncmp(text + 29, key, 64) == 0);
	assert(chdir(dir) == 0 && stat("key", &st) == 0 && (st.st_mode & 0777) == 0600);
}

int main(void)
{
	char cmd[64];

	assert(mkdtemp(dir));
	test_text();
	test_files();
	test_again();
	test_signed();
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd) ? 1 : 0;
}
