/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be observed of a device, as rows (facets.def), and one observation of all of it: a look.
 * Looking sends canonical commands that are without effect by their specification; whether they are
 * is put to the test like everything else.
 */
#ifndef SL_OBSERVE_FACET_H
#define SL_OBSERVE_FACET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/effects.h"
#include "observe/rig.h"

enum sl_facet_id {
#define FACET(id, name, effects, flags, text) SL_FACET_##id,
#include "observe/facets.def"
	_SL_FACET_N
};

enum sl_facet_flag {
	SL_FACETF_NONE = 0,
	SL_FACETF_DECLARES = 1 << 0, /* may change only together with the firmware */
	SL_FACETF_ERRORS = 1 << 1,   /* grows with every failed command */
	SL_FACETF_COUNTERS = 1 << 2, /* unknown layout: what looks like a counter may go up */
	SL_FACETF_KEPT = 1 << 3,     /* no honest device changes it by itself */
};

enum sl_field_rule {
	SL_FIELD_PLAIN,
	SL_FIELD_COUNTS,
	SL_FIELD_UP,
	SL_FIELD_ADDS,
	SL_FIELD_LAGS,
	SL_FIELD_MOVES,
	SL_FIELD_FIXED,
};

struct sl_facet {
	const char *name, *text;
	sl_effects effects;
	unsigned flags;
};

struct sl_facet_field {
	uint8_t facet, rule;
	uint16_t off, len;
	sl_effects effects;
	const char *name, *why;
};

extern const struct sl_facet sl_facets[_SL_FACET_N];
/* Is it something that a device of that protocol (enum sl_wire_protocol) can have? */
bool sl_facet_of(unsigned facet, uint8_t protocol);
/* The field that byte `at` of a facet belongs to; NULL: no row names it. */
const struct sl_facet_field *sl_facet_field(unsigned facet, uint32_t at);

#define SL_PROBE_OUT 32u

/* One thing to read. */
struct sl_probe {
	uint8_t facet;	/* enum sl_facet_id */
	uint8_t sel;	/* FID, LID or CNS */
	uint8_t sub;	/* SEL of a feature, CSI of a log */
	uint8_t shared; /* a namespace's value that is the controller's too */
	uint32_t nsid;	/* 0: the controller's */
	uint64_t lba;	/* BLOCKS: the first block */
	uint32_t blocks;
	struct sl_command cmd;
	uint8_t out[SL_PROBE_OUT], out_len; /* what goes out with it */
	size_t off;			    /* of its bytes in a look */
	size_t mask;			    /* likewise in sl_probes.mask */
	/* Its first answer was another than all after it, in this byte: reading it changed it. */
	bool consumed;
	uint32_t consumed_at;
	char name[64];
};

struct sl_probes {
	size_t n, cap;
	struct sl_probe *v;
	size_t bytes;  /* of one look */
	uint8_t *mask; /* per byte: it was seen to move without commands */
	size_t n_masked;
	uint8_t *first; /* what each answered when it was found, `bytes` long */
	uint64_t key;	/* of the sample of blocks */
};

struct sl_look_item {
	uint16_t status;
	uint8_t lost;
	uint32_t len;
	uint64_t result;
};

/* What was read, in the order of the probes, whatever the order of reading. */
struct sl_look {
	struct sl_look_item *item;
	uint8_t *bytes;
	uint8_t hash[32];
	bool hashed;
	bool failed; /* something was refused, if only at first */
	bool lost;   /* answers did not come any more */
};

/*
 * Finds out what this device lets be read: tries every row and keeps what answers. Refused commands
 * leave entries in the device's error log, so it is to be done on a device that is thrown away, or
 * before anything is compared. 0 or -errno.
 */
int sl_probes_find(struct sl_rig *rig, const struct sl_contract *c, uint64_t key,
		   struct sl_probes *ret);
/* Likewise what can be watched while the device is used, at one command each. 0 or -errno. */
int sl_probes_watch(struct sl_rig *rig, const struct sl_contract *c, struct sl_probes *ret);
/* The declaration alone, of a device of which nothing is known yet; its answer is in ->first. */
int sl_probes_declaration(struct sl_rig *rig, struct sl_probes *ret);
void sl_probes_done(struct sl_probes *p);
/* What goes out with a probe's command, into the buffer that its answer comes to. */
void sl_probe_fill(const struct sl_probe *p, uint8_t *data);

int sl_look_new(const struct sl_probes *p, struct sl_look *ret);
void sl_look_done(struct sl_look *l);
enum sl_look_order {
	SL_LOOK_FORWARDS,
	SL_LOOK_BACKWARDS,
	/* From here on: shuffled, each number otherwise. */
};

/*
 * Reads everything, in one order or another: what one command of the look does to another's answer
 * shows in some of them. The digest, where asked for, is taken first. Data buffer as for
 * sl_rig_call. 0 or -errno.
 */
int sl_look_take(struct sl_rig *rig, const struct sl_probes *p, unsigned order, bool hash,
		 uint8_t *data, struct sl_look *l);

/* A place where two looks differ. */
struct sl_change {
	const struct sl_probe *probe; /* NULL: the digest */
	const struct sl_facet_field *field;
	bool status;	  /* the answer, not its bytes: it was refused, and was not before, … */
	bool result;	  /* DW0 of the completion, not its bytes */
	uint32_t at, len; /* first byte and how many, up to the last that differs */
	uint16_t old_status, new_status;
	uint64_t old_value, new_value; /* the first eight bytes, little-endian, or the counter */
	/* The whole answer, of probe->cmd.data_len bytes; good only while `each` below runs. */
	const uint8_t *old_bytes, *new_bytes;
};

/*
 * Calls `each` for every place where `now` differs from `before`; false ends the walk. Bytes in the
 * mask and fields that move by themselves are not compared.
 */
void sl_look_compare(const struct sl_probes *p, const struct sl_look *before,
		     const struct sl_look *now, bool (*each)(void *ctx, const struct sl_change *c),
		     void *ctx);
/* Adds to the mask whatever differs. Returns how many bytes are new in it. */
size_t sl_probes_learn(struct sl_probes *p, const struct sl_look *a, const struct sl_look *b);

#endif
