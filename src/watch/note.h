/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes: what was found of a device, or said of it by its operator, each a small text file in the
 * directory `trust` beside the ledger. A note counts, or only alerts, or was cleared: that is the
 * ending of its name, so that changing one's mind is one rename.
 *
 *   NAME.note     counts: the broker is told
 *   NAME.alert    recorded and shown; nothing is denied for it
 *   NAME.cleared  does not count any more
 */
#ifndef SL_WATCH_NOTE_H
#define SL_WATCH_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "core/contract.h"
#include "core/trust.h"

#define SL_NOTE_LINES	 24u
#define SL_NOTE_LINE_MAX 200u
#define SL_NOTE_TEXT_MAX 8192u

enum sl_note_state { SL_NOTE_COUNTS, SL_NOTE_ALERTS, SL_NOTE_CLEARED, _SL_NOTE_STATE_N };

struct sl_note {
	char name[24]; /* of its file, without the ending */
	uint8_t state; /* enum sl_note_state */
	struct sl_trust_row row;
	char kind[32];	  /* "answer-nobody-wrote"; "distrusted", "trusted": an operator's word */
	char command[96]; /* who did it; "" */
	char by[96];	  /* "watch", "operator", or whose signature it carries */
	char found[24];	  /* 2026-01-31T23:59:59Z */
	char reason[SL_NOTE_LINE_MAX];
	unsigned n_lines; /* "evidence …", "suspect …", "excluded …", in the order given */
	char line[SL_NOTE_LINES][SL_NOTE_LINE_MAX];
};

/* Fills the identity of a row from a contract. */
void sl_note_about(struct sl_note *n, const struct sl_contract *c);
/* Adds a line "WORD: text"; too many are left out. */
void sl_note_line(struct sl_note *n, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets `found` to now. */
void sl_note_now(struct sl_note *n);

/* As text; SL_NOTE_TEXT_MAX bytes. Returns its length. */
size_t sl_note_write(const struct sl_note *n, char *buf);
/* 0; -EBADMSG with *reterr. `file` is for messages. */
int sl_note_read(const char *text, size_t len, const char *file, struct sl_note *ret,
		 struct sl_diag *reterr);

struct sl_notes {
	unsigned n;
	struct sl_note *v;
};

/* All notes of a directory, sorted by name; none where there is no such directory. 0 or -errno. */
int sl_notes_load(const char *dir, struct sl_notes *ret, struct sl_diag *reterr);
void sl_notes_done(struct sl_notes *n);
/*
 * Keeps a note, in the state that it names; another state of the same note gives way. The name is
 * made from what it is about, so that the same thing found again is the same file: where that
 * counts already, *n becomes what was found first, with a line for this. 0; 1: it was there
 * already, in this state or in one that says more; -errno.
 */
int sl_note_put(const char *dir, struct sl_note *n, struct sl_diag *reterr);
/* One rename. 0 or -errno. */
int sl_note_move(const char *dir, const struct sl_note *n, unsigned state, struct sl_diag *reterr);

/* The statements that count, SL_TRUST_ROWS_MAX at most: findings before trust. Returns how many. */
unsigned sl_notes_rows(const struct sl_notes *n, struct sl_trust_row *ret);

/* Where the notes of a ledger's directory are: "DIR/trust". 0 or -ENAMETOOLONG. */
int sl_notes_dir(const char *ledger, char *buf, size_t size);

const char *sl_note_state_name(unsigned state);

#endif
