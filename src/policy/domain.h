/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The finite domain of a policy. Conditions only compare, so all values between two that some
 * condition names are alike, and one of them stands for all. For a command (row) and a kind of
 * client on a kind of device this enumerates one representative of each: real commands, on a real
 * contract, judged by the real evaluator. What it finds is therefore always a true example. A
 * command that another one carries is a point of its own: it is judged by the same rules.
 */
#ifndef SL_POLICY_DOMAIN_H
#define SL_POLICY_DOMAIN_H

#include "policy/policy.h"

#define SL_DOMAIN_IMAGES  2u
#define SL_DOMAIN_VARS	  20u
#define SL_DOMAIN_REPS	  64u	     /* of one variable */
#define SL_DOMAIN_POINTS  (1u << 18) /* of one row; more are sampled, and said to be */
#define SL_DOMAIN_DATA	  16384u     /* bytes of a payload */
#define SL_DOMAIN_HEAD	  512u	     /* of it, those that fields lie in */
#define SL_DOMAIN_CLIENTS 256u
#define SL_DOMAIN_KINDS	  2048u /* of clients on kinds of devices */

enum sl_var_kind {
	SL_VAR_FIELD,
	SL_VAR_RESERVED, /* is a reserved bit set? */
	SL_VAR_PAYLOAD,	 /* blocks named by the payload: inside of the fence, outside, elsewhere */
	SL_VAR_LISTED,	 /* does the device list it (SCSI, CXL)? */
	SL_VAR_BIT,	 /* of the declaration word */
	SL_VAR_OBSERVED, /* an effect that a verifier has seen */
	SL_VAR_VERIFIED,
	SL_VAR_CAUGHT,
	SL_VAR_WRITABLE,
	SL_VAR_IN_USE,
	SL_VAR_CLAIMED,
	SL_VAR_DOOR,
	SL_VAR_NODE, /* is the node that of the namespace? */
};

/* One variable; each value stands for an interval, except where the kind gives it a meaning. */
struct sl_var {
	uint8_t kind; /* enum sl_var_kind */
	uint8_t bit;  /* BIT */
	bool limited; /* FIELD: the view has not all of its values */
	struct sl_field field;
	uint32_t n;
	struct {
		uint64_t lo, hi;
	} rep[SL_DOMAIN_REPS];
};

struct sl_kind {
	char client[160], device[160]; /* in words */
	struct sl_identity who;
	char vendor[12], model[44], serial[44], firmware[20]; /* as struct sl_contract has them */
	char path[64];
	uint32_t protocol;
	struct sl_bind bind[SL_DOMAIN_IMAGES];
};

struct sl_domain {
	const struct sl_image *img[SL_DOMAIN_IMAGES];
	unsigned n_images;
	uint32_t n_kinds;
	struct sl_kind *kinds;
	bool truncated; /* there are more kinds: nothing is exact */
	struct sl_contract *contract;
	uint8_t *data;
	struct sl_entry *entries[2]; /* those that the point in hand has set */
	unsigned n_entries;

	/* The row and kind in hand. */
	uint16_t row;
	const struct sl_kind *kind;
	uint32_t n_vars;
	struct sl_var var[SL_DOMAIN_VARS];
	uint32_t n_points;
	uint32_t payload;     /* bytes of the payload that conditions look at */
	bool sampled;	      /* not every combination fits */
	sl_effects masks[16]; /* sets of effects that conditions name */
	uint32_t n_masks;
	struct {
		bool any;
		uint32_t nsid;
		uint64_t lo, hi;
	} fence;
};

/* One representative, as it can be judged. */
struct sl_point {
	struct sl_command cmd;
	const uint8_t *data; /* NULL where none goes out */
};

/* Inside of the domain: its kinds, and the contract and bindings of one of them. */
void sl_domain_kinds(struct sl_domain *d);
bool sl_domain_bind(struct sl_domain *d, struct sl_kind *k);
/* The reserved bits of dword n of a request of the row, in which a client could set one. */
uint32_t sl_domain_reserved(const struct sl_domain *d, unsigned n);

/* The images are borrowed. */
struct sl_domain *sl_domain_new(const struct sl_image *const *img, unsigned n);
struct sl_domain *sl_domain_free(struct sl_domain *d);
/*
 * Takes up a row for a kind of client and device, as far as one view of it goes: what guarded
 * refinements look at is of no matter elsewhere, so that each guard has a view of its own. From 0
 * on until it is false: there is no such view, or the row cannot be allowed by any image.
 */
bool sl_domain_row(struct sl_domain *d, uint32_t kind, uint16_t row, uint32_t view);
/* Builds point number n and sets the contract to it. */
void sl_domain_point(struct sl_domain *d, uint32_t n, struct sl_point *ret);
/* The value of a variable in a point. */
uint32_t sl_domain_value(const struct sl_domain *d, uint32_t n, uint32_t var);
/* Judges a point's command by one image. The command is a copy: normalising does not change it. */
void sl_domain_judge(struct sl_domain *d, unsigned image, const struct sl_point *p,
		     struct sl_command *ret_final, struct sl_verdict *ret);

/* The point's command as `sluice explain` takes it; the state of device and node it supposes. */
void sl_domain_command(const struct sl_domain *d, const struct sl_point *p, char *buf, size_t size);
void sl_domain_given(const struct sl_domain *d, uint32_t n, char *buf, size_t size);
/* How far from the ordinary a point is: the simplest example is shown. */
unsigned sl_domain_oddness(const struct sl_domain *d, uint32_t n);

/*
 * Calls `each` with lines that together say exactly for which points set[n] is 1: conditions
 * joined by "and", or "" for all of them. effects[n]: those that point n was judged by.
 */
void sl_domain_describe(const struct sl_domain *d, const uint8_t *set, const sl_effects *effects,
			void (*each)(void *userdata, const char *line), void *userdata);

#endif
