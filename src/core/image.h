/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled policy: one immutable blob of tables, offsets from its start, host byte order. The
 * policy compiler writes it, sl_image_check() validates every offset and count once, and from then
 * on the core reads it without a further check.
 *
 *   (who, where) → section → page of 32 rows → list of candidate rules → conditions
 *
 * A client and a device together select at most SL_BIND_MAX sections (sl_image_bind, once per
 * session and contract), so one decision is a few dependent loads per section whatever the number
 * of rules.
 */
#ifndef SL_CORE_IMAGE_H
#define SL_CORE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/table.h"

#define SL_IMAGE_MAGIC	 0x4d494c53u /* "SLIM" */
#define SL_IMAGE_VERSION 1
#define SL_IMAGE_MAX	 (64u << 20) /* bytes */
#define SL_PAGE_ROWS	 32u
#define SL_LIST_MAX	 32u /* candidate rules of one row in one section; more is a compile error */
#define SL_CONDS_MAX	 16u /* conditions of one rule */
#define SL_SETS_MAX	 8u  /* fields that one rule normalises */
#define SL_BIND_MAX	 16u /* sections that one client on one device may match */
#define SL_GIDS_MAX	 64u
#define SL_LABEL_MAX	 32u

/* Array of `n` elements at byte offset `off`, aligned to eight. */
struct sl_span {
	uint32_t off, n;
};

enum sl_image_flag {
	SL_IMAGE_ANSWERS_AS_DEVICE = 1
				     << 0, /* answers are not rewritten to what the client may do */
	SL_IMAGE_MODEL = 1 << 1, /* a model of somebody else's filter: for diff, never enforced */
};

struct sl_image {
	uint32_t magic;
	uint32_t version;
	uint32_t size;		   /* of the blob */
	uint32_t table_hash;	   /* sl_table_hash() of the tables it was compiled against */
	uint32_t flags;		   /* enum sl_image_flag */
	uint32_t n_pages;	   /* pages per section: rows / SL_PAGE_ROWS, rounded up */
	struct sl_span who;	   /* struct sl_who */
	struct sl_span where;	   /* struct sl_where */
	struct sl_span sections;   /* struct sl_section */
	struct sl_span page_index; /* uint32_t: sections × n_pages, each a page number */
	struct sl_span pages;	   /* struct sl_page */
	struct sl_span cands;	   /* uint32_t: rule numbers */
	struct sl_span rules;	   /* struct sl_rule */
	struct sl_span conds;	   /* struct sl_cond */
	struct sl_span bitmaps;	   /* struct sl_bitmap */
	struct sl_span strings;	   /* char: NUL-terminated, the first one empty */
	uint32_t name;		   /* string: what the policy is called */
	uint32_t reserved;
};

/* A conjunction over the client. What is not asked for matches. */
enum {
	SL_WHO_UID = 1 << 0,
	SL_WHO_GID = 1 << 1,
	SL_WHO_LABEL = 1 << 2,
};
struct sl_who {
	uint32_t asks; /* SL_WHO_* */
	uint32_t uid_lo, uid_hi;
	uint32_t gid_lo, gid_hi; /* any of the client's groups lies within */
	uint32_t label;		 /* string */
};

/* A conjunction over the device. Patterns: a string, a final '*' matches any rest; 0: not asked. */
struct sl_where {
	uint32_t vendor, model, firmware, serial, name; /* strings */
	uint32_t protocol;				/* enum sl_wire_protocol; 0: any */
	uint64_t observe_until; /* seconds since the epoch: until then policy denials only count */
};

struct sl_section {
	uint32_t who, where; /* indices */
};

struct sl_list {
	uint32_t first; /* in cands: first the normalisers, then the rules */
	uint16_t n_normalise;
	uint16_t n_rules;
};

struct sl_page {
	struct sl_list row[SL_PAGE_ROWS];
};

enum sl_rule_verb { SL_VERB_ALLOW, SL_VERB_DENY, SL_VERB_NORMALISE, _SL_VERB_N };

enum sl_rule_flag {
	SL_RULE_ALONE = 1 << 0,	     /* run with nothing else in flight on the device */
	SL_RULE_RESERVED_0 = 1 << 1, /* NORMALISE: clear every bit that no field covers */
	SL_RULE_DURABLE = 1 << 2,    /* its intent is made durable even where it mutates nothing */
};

struct sl_rule {
	uint8_t verb; /* enum sl_rule_verb */
	uint8_t n_conds;
	uint8_t n_sets; /* NORMALISE: the first n_sets conditions are COND_SET assignments */
	uint8_t flags;	/* enum sl_rule_flag */
	uint32_t conds; /* first, in conds */
	uint32_t file;	/* string */
	uint32_t line;
};

/* A condition is true, false, or not known; then an allow rule does not match and a deny rule does.
 */
enum sl_cond_kind {
	SL_COND_SET,		/* not a condition: NORMALISE sets `field` to `a` */
	SL_COND_FIELD_RANGE,	/* a ≤ field ≤ b */
	SL_COND_FIELD_BITMAP,	/* field < 256 and its bit is set in bitmap number a */
	SL_COND_EFFECTS_ANY,	/* subject has any of a */
	SL_COND_EFFECTS_WITHIN, /* subject has nothing but a */
	SL_COND_SCOPE_WITHIN,	/* scope has nothing but a; unreported scope is not known */
	SL_COND_TRUST,		/* trust ≥ a */
	SL_COND_LENGTH,		/* a ≤ data bytes ≤ b */
	SL_COND_STATE,		/* (state bits & a) == b: enum sl_state */
	SL_COND_DOOR,		/* the bit of the node's kind is set in a */
	SL_COND_FENCE, /* every block named lies in namespace `nsid`, LBA a ≤ … ≤ b */
	_SL_COND_N
};

enum sl_subject { SL_SUBJECT_EFFECTIVE, SL_SUBJECT_DECLARED, SL_SUBJECT_FLOOR, _SL_SUBJECT_N };

enum sl_state {
	SL_STATE_WRITABLE = 1 << 0, /* the node was open for writing */
	SL_STATE_CLAIMED = 1 << 1,  /* the launcher holds the namespace exclusively */
	SL_STATE_IN_USE = 1 << 2,   /* the kernel uses the namespace */
	SL_STATE_LISTED = 1 << 3,   /* the device lists the command as supported */
	SL_STATE_CAUGHT = 1 << 4,
	SL_STATE_NODE_NS = 1 << 5,  /* the request's namespace is the node's */
	SL_STATE_ONE_PAGE = 1 << 6, /* the list of mode pages is one page and nothing else */
	_SL_STATE_ALL = (1 << 7) - 1,
};

struct sl_cond {
	uint8_t kind; /* enum sl_cond_kind */
	uint8_t negate;
	uint8_t subject; /* enum sl_subject, EFFECTS_* */
	uint8_t reserved;
	uint32_t nsid; /* FENCE */
	struct sl_field field;
	uint16_t pad;
	uint64_t a, b;
};

struct sl_bitmap {
	uint64_t bits[4];
};

/* Who asks: what the launcher or the kernel says of the peer, never what the peer says. */
struct sl_identity {
	uint32_t uid;
	uint32_t n_gids;
	uint32_t gids[SL_GIDS_MAX];
	char label[SL_LABEL_MAX]; /* bound to the socket by the launcher; "" */
	uint8_t known;		  /* false: could not be found out */
};

struct sl_bind {
	uint32_t n;
	bool outer; /* asked about one command at a time: not about one that it carries */
	uint64_t observe_until; /* the least of the matching sections' that is not 0 */
	struct {
		uint32_t section;
		uint32_t deny_only; /* an attribute is not known: only its deny rules hold */
	} s[SL_BIND_MAX];
};

static inline const void *sl_image_at(const struct sl_image *img, struct sl_span s)
{
	return (const uint8_t *)img + s.off;
}

static inline const char *sl_image_str(const struct sl_image *img, uint32_t off)
{
	return (const char *)sl_image_at(img, img->strings) + off;
}

/* The rule of a number in a verdict, which counts from 1. */
static inline const struct sl_rule *sl_image_rule(const struct sl_image *img, uint32_t number)
{
	return (const struct sl_rule *)sl_image_at(img, img->rules) + (number - 1);
}

/* A digest of the rows' names and order: an image fits only the tables it was compiled against. */
uint32_t sl_table_hash(void);
/*
 * Validates a blob whole. 0, or -EBADMSG with *reterr_why static text; then nothing may be read.
 * The blob must be aligned to eight bytes and must not change afterwards.
 */
int sl_image_check(const void *blob, size_t size, const char **reterr_why);
/*
 * Finds the sections that hold for a client on a device. 0, or -E2BIG when more than SL_BIND_MAX
 * match: the caller denies everything. `name` and `protocol` are the launcher's for the device.
 */
int sl_image_bind(const struct sl_image *img, const struct sl_identity *who,
		  const struct sl_contract *contract, const char *name, uint32_t protocol,
		  struct sl_bind *ret);

#endif
