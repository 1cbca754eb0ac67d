/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verifier drives: a device that can be given commands and, some of them, be put into a
 * known state, made to wait, reset and cut from power. Three kinds: a model in this process, whose
 * time is ours, so that an hour costs nothing and the same commands give the same device; a device
 * that is another process on the wire protocol; and Linux' NVMe driver (rig-nvme.h).
 *
 * A rig goes past the gate on purpose: the gate refuses exactly those commands whose behaviour is
 * in question. That is why one over hardware judges each command by its own bytes.
 */
#ifndef SL_OBSERVE_RIG_H
#define SL_OBSERVE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "core/command.h"

struct sl_rig;

#define SL_RIG_DATA_MAX (128u << 10) /* bytes of one transfer */
#define SL_RIG_OVER_MAX (64u << 10)  /* room behind them, for a device that overruns */

enum sl_rig_lost {
	SL_RIG_ANSWERED,
	SL_RIG_FAILED, /* the transport failed with an errno */
	SL_RIG_SILENT, /* no answer in time */
	SL_RIG_GONE,   /* nobody is there any more */
};

struct sl_answer {
	uint8_t lost;	 /* enum sl_rig_lost */
	uint16_t status; /* as struct sl_completion has it */
	uint32_t sense;	 /* SCSI: key << 16 | ASC << 8 | ASCQ; 0: none */
	int error;	 /* positive errno of FAILED */
	uint64_t result;
	uint32_t len; /* bytes that came; more than were asked for is an overrun */
	uint32_t meta_len;
	uint32_t ms; /* how long it took, in the rig's time */
};

enum sl_rig_can {
	SL_RIG_FRESH = 1 << 0,	/* a device as it was at the very start, as often as wanted */
	SL_RIG_POWER = 1 << 1,	/* power cycle and controller reset */
	SL_RIG_HASH = 1 << 2,	/* a digest of all state, out of band */
	SL_RIG_CLOCK = 1 << 3,	/* time passes when we say so, and costs nothing */
	SL_RIG_WRITES = 1 << 4, /* what is on it may be lost */
	SL_RIG_REAL =
		1 << 5, /* somebody's device: it is asked for nothing that it does not offer */
	SL_RIG_BESIDE = 1 << 6, /* several commands can be under way at once */
};

/*
 * Many commands that carry nothing in question out, several of them under way at a time where the
 * rig can: they are sent in order, and their answers come in the order in which the device gives
 * them.
 */
struct sl_rig_stream {
	void *ctx;
	unsigned n;
	const struct sl_command *(*command)(void *ctx, unsigned i);
	/* What goes out with it, *ret_len bytes; the rest of its buffer is zero. NULL: nothing. */
	const uint8_t *(*payload)(void *ctx, unsigned i, uint32_t *ret_len);
	/* `data` until it returns. */
	void (*done)(void *ctx, unsigned i, const struct sl_answer *a, const uint8_t *data);
};

struct sl_rig_ops {
	int (*fresh)(struct sl_rig *rig);
	int (*call)(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		    struct sl_answer *ret);
	/* NULL: one after the other. */
	int (*stream)(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data);
	/*
	 * Like stream, and all are under way before time goes on; so few that no buffer fills.
	 * NULL: as stream does it.
	 */
	int (*together)(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data);
	/* Would it be sent? NULL: all is. */
	bool (*may)(const struct sl_rig *rig, const struct sl_command *cmd, const uint8_t *data);
	int (*power_cycle)(struct sl_rig *rig);
	int (*reset)(struct sl_rig *rig);
	int (*hash)(struct sl_rig *rig, uint8_t ret[32]);
	void (*pass)(struct sl_rig *rig, uint64_t ms);
	void (*close)(struct sl_rig *rig);
};

struct sl_rig {
	const struct sl_rig_ops *ops;
	unsigned can;	  /* enum sl_rig_can */
	uint8_t protocol; /* enum sl_wire_protocol */
	uint32_t max_transfer;
	uint64_t commands; /* sent since the rig was opened */
	uint64_t limit;	   /* of these; 0: none. What goes beyond is not sent: -EDQUOT */
	uint64_t freshes;
};

/* A persona's file. 0 or -errno with *reterr. */
int sl_rig_model(const char *persona, struct sl_rig **ret, struct sl_diag *reterr);
/* A socket on which a device serves. 0 or -errno with *reterr. */
int sl_rig_wire(const char *path, struct sl_rig **ret, struct sl_diag *reterr);
/* NULL-safe, returns NULL. */
struct sl_rig *sl_rig_close(struct sl_rig *rig);

/*
 * Sends one command and waits. `data` holds SL_RIG_DATA_MAX + SL_RIG_OVER_MAX bytes: the payload
 * going out, or room for what comes. 0, or -errno when the rig itself is broken or its limit is
 * reached (-EDQUOT); a device that fails, stalls or goes is in ret->lost.
 */
int sl_rig_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		struct sl_answer *ret);

/* Would the rig send this command? `data` as it would go out; NULL: none. */
bool sl_rig_may(const struct sl_rig *rig, const struct sl_command *cmd, const uint8_t *data);

/*
 * Sends a stream of commands and waits for all; `data` as for sl_rig_call. Once an answer fails to
 * come, all that are left are SILENT or GONE and are not sent. 0, or -errno as above.
 */
int sl_rig_stream(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data);

/* Likewise, for a few that have to be under way together. -ENOTSUP: not SL_RIG_BESIDE. */
int sl_rig_together(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data);

/* Puts what goes out with the i-th command into `data`. */
void sl_rig_stage(const struct sl_rig_stream *s, unsigned i, uint8_t *data);
/* The sense key and codes of an answer's sense data, fixed or by descriptors: SPC-6 §4.4. */
uint32_t sl_rig_sense(const uint8_t *meta, uint32_t len);
/*
 * What a logical unit has to say after it was made, reset or cut from power (unit attentions) is
 * asked for, as any initiator does, so that no command in question gets it for an answer. 0 or
 * -errno.
 */
int sl_rig_settle(struct sl_rig *rig);

/* A status; NVMe: without DNR and MORE. */
static inline uint16_t sl_answer_code(const struct sl_answer *a)
{
	return a->status & 0x7ff;
}

static inline bool sl_answer_ok(const struct sl_answer *a)
{
	return a->lost == SL_RIG_ANSWERED && sl_answer_code(a) == 0;
}

#endif
