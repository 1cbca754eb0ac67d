/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verifier has to know of a protocol: how to look at a device, how to read and write its
 * blocks, which commands to try, and which of its answers says that there is no such command. And
 * the watcher: what can be looked at in use, who else may act, when it sleeps, and what a command
 * is for. One row a protocol; all else is the same for all of them.
 */
#ifndef SL_OBSERVE_PROTOCOL_H
#define SL_OBSERVE_PROTOCOL_H

#include "core/ranges.h"
#include "observe/case.h"
#include "observe/facet.h"
#include "observe/rig.h"

/* What is done to blocks; numbered as the NVM command set's opcodes. */
enum sl_block_op {
	SL_BLOCK_WRITE = 0x01,
	SL_BLOCK_READ = 0x02,
	SL_BLOCK_COMPARE = 0x05,
	_SL_BLOCK_N
};

/* What a command is for, as far as watching has to know it. */
enum sl_role {
	SL_ROLE_OTHER,
	SL_ROLE_READS,	 /* returns the blocks that it names */
	SL_ROLE_STORES,	 /* stores in them, or has compared with them, what it brings */
	SL_ROLE_FILLS,	 /* stores the one block that it brings in each of them */
	SL_ROLE_ZEROES,	 /* leaves zeroes in them */
	SL_ROLE_COPIES,	 /* brings what its own namespace holds */
	SL_ROLE_RESTS,	 /* stops the device, or lets it sleep */
	SL_ROLE_WAKES,	 /* ends that; so do those above */
	SL_ROLE_REPORTS, /* says how the device is */
	SL_ROLE_VITAL,	 /* likewise: identity and health, which stay readable whatever is found */
	SL_ROLE_ERASES,	 /* says that what blocks held cannot be had any more */
};

/* Of these opcodes, of a row of that set: what they are for when (req[at] & mask) == value. */
struct sl_known {
	uint8_t set, opcode;
	uint8_t at, mask, value;
	uint8_t role; /* enum sl_role; the first that fits */
};

/* Who may act on a device besides its host, by what it says that it is: (byte & mask) != 0. */
struct sl_actor {
	uint16_t at;
	uint8_t mask;
	const char *others, *nobody;
};

#define SL_NEUTRALS 3u /* harmless commands of each protocol, to choose from */

/* Finding out what a device lets be read. */
struct sl_finder {
	struct sl_rig *rig;
	const struct sl_contract *c;
	struct sl_probes *p;
	uint8_t *data;
	uint8_t id[4096]; /* NVMe: Identify Controller */
	bool watched;	  /* each is asked for once */
	int error;
};

/* Makes cases from the tables. */
struct sl_maker {
	const struct sl_contract *c;
	const struct sl_probes *p;
	const struct sl_look *look;
	struct sl_cases *out;
	uint8_t payload[SL_RIG_DATA_MAX];
	int error;
};

struct sl_observed {
	/* The log whose bits a command's effects would be declared by: an enum sl_source. */
	uint8_t source;
	/* Where Identify has the attributes of Format; 0: there is no such thing. */
	uint16_t fna_at;
	/* What can be looked at: 1 << enum sl_facet_id. */
	uint64_t facets;
	/* Dwords of a request whose bits are turned: 1 << number. */
	uint32_t vary;
	/* By enum sl_block_op; 0: none, and no blocks are looked at. */
	uint8_t block_opcodes[_SL_BLOCK_N];
	/* The status of a command that there is not, for people. */
	const char *no_such_text;
	/* Has a device with that declaration commands that it does not list? */
	bool (*no_such)(const struct sl_answer *a);
	/* Tries what can be read, and keeps what answers. */
	void (*find)(struct sl_finder *f);
	/* The i-th harmless command. */
	void (*neutral)(const struct sl_contract *c, unsigned i, struct sl_case *ret);
	/* The command that reads, writes or compares blocks. */
	void (*block)(const struct sl_contract *c, const struct sl_ns *ns, enum sl_block_op op,
		      uint64_t lba, uint32_t n, struct sl_command *ret);
	/* Canonical cases, and those of what is not listed. */
	void (*base)(struct sl_maker *m);
	int (*opcodes)(const struct sl_contract *c, struct sl_cases *cases);
	/*
	 * The command that sets what a probe reads: to the value that its completion has, with
	 * set_by_value, else to the bytes that it read. `payload` is SL_RIG_DATA_MAX zeroes. False:
	 * nothing does.
	 */
	bool set_by_value;
	bool (*set)(const struct sl_contract *c, const struct sl_probe *p, uint64_t value,
		    const uint8_t *bytes, uint8_t *payload, struct sl_command *ret);
	/*
	 * Without set_by_value: makes of the bytes that a probe read the i-th other ones that it
	 * may be set to. False: there are no more. NULL: there are none.
	 */
	bool (*other)(const struct sl_probes *p, const struct sl_look *look,
		      const struct sl_probe *q, unsigned i, uint8_t *bytes);
	/*
	 * What protects blocks against writes: the thing that is looked at, and, without
	 * set_by_value, its bit; with it, the value 1.
	 */
	struct {
		uint8_t facet, sel; /* 0: there is none */
		uint16_t at;
		uint8_t bit;
	} protects;
	/* Tries the declaration itself, which is asked for before anything else. */
	void (*declaration)(struct sl_finder *f);
	/* Does the command set one of several things that are looked at, and this one? */
	bool (*sets_one)(const struct sl_case *x, const struct sl_probe *p, bool *ret_this);

	/*
	 * Watching a device in use. Tries what can be read again and again beside others, at one
	 * command each, that leaves no scar on a real device and takes nothing from anybody. First
	 * comes what the device says it is, whose bytes the next four are about.
	 */
	void (*watch)(struct sl_finder *f);
	uint16_t firmware_at, firmware_len;
	const struct sl_actor *actors; /* up to one without a mask; NULL: none are known */
	/* Does it go to sleep by itself, from which a look would wake it? `real`: no program. */
	bool (*sleeps)(const struct sl_probes *p, bool real);
	const struct sl_known *known;
	size_t n_known;
};

/* Is there a row of an enum sl_wire_protocol? */
bool sl_observed_known(uint8_t protocol);
/* It; NVMe's for one without. */
const struct sl_observed *sl_observed_of(uint8_t protocol);

/* The facets from one to another, of a table that is in order of protocols. */
#define SL_FACETS(first, last)                                                                     \
	(((UINT64_C(2) << SL_FACET_##last) - 1) & ~((UINT64_C(1) << SL_FACET_##first) - 1))
_Static_assert(_SL_FACET_N <= 64, "a bit each");

extern const struct sl_observed sl_observed_nvme, sl_observed_scsi, sl_observed_cxl;

/* What a command is for. */
enum sl_role sl_role_of(uint16_t row, const uint8_t *req);
/* The one run of blocks that its request names; false, and no blocks: none, or that takes more to
 * say. */
bool sl_blocks_named(uint16_t row, const uint8_t *req, struct sl_range *ret);

/* NVMe's, in facet.c and case.c. */
void sl_nvme_probes(struct sl_finder *f);
void sl_nvme_declaration(struct sl_finder *f);
void sl_nvme_cases(struct sl_maker *m);
int sl_nvme_cases_opcodes(const struct sl_contract *c, struct sl_cases *cases);

/* Keeps the probe when the device answers it. */
bool sl_finder_try(struct sl_finder *f, struct sl_probe *probe);
/* Both ends of a namespace, the arena, and blocks that nobody can foretell without the key. */
void sl_finder_blocks(struct sl_finder *f, const struct sl_ns *ns);

/* Appends a case, whose payload is copied. NULL: out of memory. */
struct sl_case *sl_cases_add(struct sl_cases *cases, const struct sl_case *x);
/* What the device declares of it and its specification admits; `payload` as it goes out. */
void sl_case_judge(const struct sl_contract *c, const uint8_t *payload, struct sl_case *x);

/* Where a command's blocks begin, and how many there are. */
uint64_t sl_case_lba(const struct sl_case *x);
uint32_t sl_case_blocks(const struct sl_case *x);
void sl_case_set_lba(struct sl_case *x, uint64_t lba);

#endif
