/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher's parts, inside `sluice-watch`. One thread; nothing here is trusted. */
#ifndef SL_WATCH_WATCHER_H
#define SL_WATCH_WATCHER_H

#include "contract/doc.h"
#include "lib/client.h"
#include "observe/facet.h"
#include "observe/judge.h"
#include "observe/protocol.h"
#include "watch/acts.h"

#define SL_SUSPICIONS_MAX 64u
#define SL_CANDIDATES_MAX 64u
#define SL_LATE_S	  60.0 /* an effect that comes later is not laid to a command */

struct sl_watcher;
struct sl_watched;

/* session.c: the broker as a rig, every command paid for. */

struct sl_session_rig {
	struct sl_rig rig;
	struct sl_client *client;
	double *tokens; /* each command takes one */
	uint16_t device;
	uint64_t first, last; /* records of the intents since `first` was cleared */
	uint64_t overran;     /* record of one whose answer was too long; 0: none */
	bool denied;	      /* the last command was refused by the policy */
	bool gone;	      /* broker or device */
};

void sl_session_rig_init(struct sl_watcher *w, unsigned device);

/* stretch.c: how long a thing was watched, and how much of that time somebody did something. */

/* Each thing that is read has its own: a probe, a chunk of blocks. */
struct sl_stretch {
	uint64_t since; /* intent of the last read; 0: none to compare with */
	uint32_t gaps;	/* of the ledger, then */
	double t_first, t;
	double busy[2]; /* seconds between reads while commands ran: any; such as change state */
};

/*
 * A read, from the intent `from` to an outcome: closes the stretch since the one before and begins
 * the next. True: all that ran in it is known, and so the two can be compared.
 */
bool sl_stretch_read(const struct sl_watched *d, struct sl_stretch *s, uint64_t from,
		     const struct sl_act *own, struct sl_window *ret);

#define SL_PAUSES_MAX 64u

/* The stretches without commands: the longest of them, which say most. */
struct sl_pauses {
	double first; /* before the first command */
	double last;  /* when the last command ended; 0: there was none */
	double length[SL_PAUSES_MAX];
	unsigned n;
};

void sl_pauses_note(struct sl_pauses *p, double t_first, double t);
/* The seconds until `now` that were at most `late` after a command. */
double sl_pauses_near(const struct sl_pauses *p, double t_first, double now, double late);

/* blocks.c */

struct sl_chunk {
	uint32_t nsid, n; /* blocks */
	uint64_t lba;
	struct sl_stretch stretch;
	uint64_t *hash; /* per block */
	uint8_t *moves; /* per block: seen to change while nobody did anything */
	bool urgent;
};

/* What was written or read, to be read again. */
struct sl_reread {
	struct sl_act act;
	uint64_t digest;
	double not_before;
};

#define SL_REREADS_MAX 64u

struct sl_blocks {
	struct sl_chunk *chunk;
	size_t n, at;
	size_t urgent; /* chunks that are */
	size_t due;    /* of the pass that is under way */
	struct sl_reread reread[SL_REREADS_MAX];
	unsigned n_rereads;
	double erased;		 /* when a command that erases ended, last; 0: none did */
	double owed;		 /* of the budget: what looks took, less what reading again did */
	uint64_t compared, late; /* read again; not in time */
};

/* After the contract was read: what is known of blocks that are as they were stays known. */
int sl_blocks_init(struct sl_watched *d, const struct sl_contract *old);
void sl_blocks_done(struct sl_blocks *b);
/* A command of somebody's has ended: which blocks are to be looked at next. */
void sl_blocks_note(struct sl_watched *d, const struct sl_act *act);
/* Reads what is due, as far as the budget goes. 0 or -errno. */
int sl_blocks_look(struct sl_watched *d);
/* A look took of the budget, which had so much before. */
void sl_blocks_owe(struct sl_watched *d, double had);
/* The chunk that holds a block; NULL: it is in none. */
struct sl_chunk *sl_blocks_find(struct sl_watched *d, uint32_t nsid, uint64_t lba);
/* Looks at it again soon. */
void sl_blocks_hurry(struct sl_watched *d, struct sl_chunk *chunk);

/* suspect.c: changes that nothing explains, and what is made of them. */

/* A change seen at the end of a window. */
struct sl_sight {
	const char *kind;
	char where[96], what[96];
	sl_effects effects;
	bool strong;   /* it is no matter of chance: only who else could have done it counts */
	bool nobody;   /* nor of that: no actor can do it but the device */
	bool noise;    /* logs move by themselves */
	bool kept;     /* nothing changes it but a command: no honest device does by itself */
	uint32_t nsid; /* of blocks; 0: it is none */
	uint64_t lba;
	size_t probe; /* where it is no block */
	struct sl_window window;
	const struct sl_act *who; /* known to be the one; NULL: whoever ran in the window */
};

struct sl_candidate {
	struct sl_act act;
	double ran; /* seconds of those that were watched since, in stretches in which it ran */
};

struct sl_suspicion {
	bool told, counts;
	unsigned times;	     /* that it changed while something ran; 0: unused */
	unsigned times_late; /* of these, while nothing ran: a while after it */
	unsigned same;	     /* the last of these times, which have the candidates in common */
	uint64_t newest;     /* intent of the last that ran when it changed last */
	unsigned first;	     /* candidates of the first time */
	double watched;	     /* seconds since */
	double late;   /* seconds, at most, from the last command to the read that saw it then */
	uint8_t level; /* enum sl_level of the likeliest: the others of the window say less */
	unsigned all, beside; /* how many there were of that level, and how many others */
	struct sl_sight s;
	unsigned n; /* candidates kept, the likeliest first */
	struct sl_candidate candidate[SL_CANDIDATES_MAX];
};

/* Takes a sight in. Returns false when nobody did anything: it moves by itself. */
bool sl_suspect(struct sl_watched *d, const struct sl_sight *s);
/* More than a command transfers: the gate has dropped it, and there is no doubt whose it was. */
void sl_suspect_overrun(struct sl_watched *d, const struct sl_act *act);
/* A thing was read, changed or not: who is suspected of it, and ran again? */
void sl_suspect_read(struct sl_watched *d, const struct sl_stretch *s, const struct sl_window *w,
		     double seconds);
/* Time has passed without a change: what was suspected may be sure by now. Asks for another look.
 */
void sl_suspect_age(struct sl_watched *d);

struct sl_watched_probe {
	struct sl_stretch stretch;
	bool urgent;
	char firmware[16]; /* in force when it was read */
};

/* One device under watch. */
struct sl_watched {
	struct sl_watcher *w;
	unsigned index;
	const struct sl_observed *o;
	uint8_t protocol; /* enum sl_wire_protocol */
	bool gone, sleeps, rests;
	uint8_t fna;
	char others[256];   /* who else may act on it; "": nobody */
	char excluded[256]; /* the evidence that nobody else does */
	struct sl_doc *doc;
	struct sl_session_rig rig;
	struct sl_probes probes;
	struct sl_look before, now;
	struct sl_watched_probe *probe; /* beside probes.v */
	size_t at, due;			/* of the probes: the look that is under way */
	struct sl_blocks blocks;
	double t_first, t_look, t_act, t_suspect, t_age;
	struct sl_pauses pauses[2]; /* of all commands; of such as change state */
	bool acted, stirred;	    /* since the last look began */
	bool blocks_first;	    /* of what is looked at in this turn */
	bool unquiet;		    /* what is kept has changed while nobody did anything */
	struct sl_suspicion suspicion[SL_SUSPICIONS_MAX];
	char moving[SL_SUSPICIONS_MAX][96]; /* told to move by itself */
	unsigned n_moving;
};

struct sl_watcher {
	struct sl_watch_config config;
	struct sl_client *client;
	int control;
	struct sl_acts *acts;
	uint8_t *data;	 /* of one command */
	double tokens;	 /* commands that may be sent */
	double t_tokens; /* when they were counted */
	double t_busy;	 /* when clients sent much, last */
	bool quiet;	 /* clients send little: what a look moves costs nobody anything */
	uint64_t foreign;
	unsigned reports;
	struct sl_watched device[SL_WATCH_DEVICES_MAX];
};

/* Takes in what the ledger says by now. 0 or -errno. */
int sl_watch_catch_up(struct sl_watcher *w);
/* Tells the launcher. */
void sl_watch_report(struct sl_watched *d, const struct sl_note *n);

/* look.c */

/* Reads the contract, chooses what to look at, looks for the first time. 0 or -errno. */
int sl_watched_init(struct sl_watched *d);
void sl_watched_done(struct sl_watched *d);
/* The broker has read the contract: so do we. */
int sl_watched_renew(struct sl_watched *d);
/* Begins a look: all probes are due, and all blocks. */
void sl_watched_begin(struct sl_watched *d);
/* Reads some of the probes that are due, and says what is different. 0 or -errno. */
int sl_watched_look(struct sl_watched *d);

/* How a command of a window stands to a change; also to one of blocks that it may not name. */
enum sl_explanation sl_act_explains(const struct sl_watched *d, const struct sl_act *act,
				    const struct sl_change *change);
/* May it have changed, or have been given, these blocks? */
bool sl_act_touches(const struct sl_watched *d, const struct sl_act *act, uint32_t nsid,
		    uint64_t lba, uint64_t n);

#endif
