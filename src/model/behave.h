/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of a persona at work: which of them a command, a reset or the time fires, and what their
 * actions do to the device's state and to the answer. The state itself is the engine's: everything
 * goes through struct sl_behave_host. No clock, no I/O, no randomness but the persona's seed: the
 * same commands at the same times give the same device.
 */
#ifndef SL_MODEL_BEHAVE_H
#define SL_MODEL_BEHAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/persona.h"

struct sl_behave;

/* What the rules need of the engine. Every slot is mandatory. `m` is the engine's own. */
struct sl_behave_host {
	/* Reads/writes ref->len bytes at ref. 0, -ENOENT: no such namespace, feature, block…; never
	 * partial. */
	int (*get)(void *m, const struct sl_state_ref *ref, uint8_t *buf);
	int (*set)(void *m, const struct sl_state_ref *ref, const uint8_t *buf);
	/* `pattern` repeated over whole blocks, past write protection and counters. 0 or -ENOENT.
	 */
	int (*fill)(void *m, uint32_t nsid, uint64_t lba, uint64_t blocks, const uint8_t *pattern,
		    uint32_t len);
	/* Copies blocks; block sizes may differ (then by bytes of the smaller). 0 or -ENOENT. */
	int (*copy)(void *m, uint32_t to_nsid, uint64_t to_lba, uint32_t from_nsid,
		    uint64_t from_lba, uint64_t blocks);
	/*
	 * Executes a submission entry as if the host had sent it, without firing rules and without
	 * an answer to the host. `data` is its payload or where its answer goes. Returns the
	 * status.
	 */
	uint16_t (*run)(void *m, uint8_t queue, const uint8_t sqe[64], uint8_t *data, uint32_t len);
	void (*event)(void *m, uint8_t type, uint8_t info, uint8_t lid);
	/* Makes an error log entry. */
	void (*error)(void *m, uint16_t status);
	/* Controller level reset, after the command that is being answered. */
	void (*reset)(void *m);
};

/*
 * One command as the rules see it. The engine fills the first part; _before and _after fill the
 * second. `buf` holds the payload in _before (host to device) and the answer in _after (device to
 * host).
 */
struct sl_behave_cmd {
	uint8_t queue;		/* SL_QUEUE_ADMIN or SL_QUEUE_IO */
	const uint8_t *sqe;	/* 64 bytes */
	const uint8_t *payload; /* host to device; NULL: none */
	uint32_t payload_len;
	bool has_lba; /* the engine knows the range */
	uint64_t lba, blocks;
	/* in _after: what the command came to; rules may change all of it */
	uint8_t *answer;      /* device to host buffer; NULL: none */
	uint32_t answer_len;  /* bytes that the host expects */
	uint32_t answer_size; /* bytes the buffer has: >= answer_len, room for overrun */
	uint16_t status;
	uint32_t result;

	bool drop;	    /* after _before: do not execute; complete with `status` */
	bool silent;	    /* never complete this command */
	bool dead;	    /* nor any other until reset or power cycle */
	uint32_t delay_ms;  /* complete that much later */
	uint32_t overrun;   /* bytes written behind answer_len (already in `answer` as far as
			       answer_size goes) */
	uint32_t short_len; /* only so many bytes of the answer are written; UINT32_MAX: all */
};

/* The persona must outlive it. 0 or -ENOMEM. */
int sl_behave_new(const struct sl_persona *p, const struct sl_behave_host *host, void *m,
		  uint64_t now_ms, struct sl_behave **ret);
struct sl_behave *sl_behave_free(struct sl_behave *b);

/* Before execution. The engine zeroes *c and fills the first part. */
void sl_behave_before(struct sl_behave *b, struct sl_behave_cmd *c, uint64_t now_ms);
/* After execution (or after drop), with status, result and answer; then vendor command actions,
 * rules. */
void sl_behave_after(struct sl_behave *b, struct sl_behave_cmd *c, uint64_t now_ms);

/* SL_TRIGGER_START (once, after the engine is ready), _RESET, _POWER. Power implies reset. */
void sl_behave_trigger(struct sl_behave *b, enum sl_trigger t, uint64_t now_ms);

/* Time rules, deferred actions, drift. Call it before each command and when the time below has
 * come. */
void sl_behave_tick(struct sl_behave *b, uint64_t now_ms);
/* When _tick has something to do next; UINT64_MAX: never by itself. */
uint64_t sl_behave_next(const struct sl_behave *b);

/*
 * The vendor command that this entry is, or NULL. The engine asks it for opcodes it has no command
 * for (and first, for opcodes that the persona redefines). Its actions are run by _after.
 */
const struct sl_persona_vendor *sl_behave_vendor(const struct sl_behave *b,
						 const struct sl_behave_cmd *c);
/* Fills status, result and answer from it. The engine calls it instead of executing. */
void sl_behave_vendor_answer(const struct sl_persona_vendor *v, struct sl_behave_cmd *c);

/* Adds everything that the rules remember (counters, positions, pending, variables) to a hash. */
void sl_behave_hash(const struct sl_behave *b, void (*add)(void *ctx, const void *p, size_t n),
		    void *ctx);

#endif
