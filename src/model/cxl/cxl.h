/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CXL memory device by its mailbox: what a persona says of it, its state, its commands. Private
 * to src/model. What the specification lays out in bytes is kept in those bytes, so that an answer,
 * a rule and the engine never disagree. The memory itself is not modelled: `contents` counts what
 * would have changed it. A fwctl device is the same one seen through the three commands that fwctl
 * lets through.
 *
 * Standard: CXL 3.1; sections are of §8.2.9.
 */
#ifndef SL_MODEL_CXL_CXL_H
#define SL_MODEL_CXL_CXL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/persona-json.h"
#include "model/state.h"

#define CXL_IDENTIFY	0x45u /* bytes of Identify Memory Device */
#define CXL_HEALTH	0x12u
#define CXL_ALERT	0x10u
#define CXL_LOG_MAX	256u /* entries of the Command Effects Log */
#define CXL_FEATURE_MAX 32u
#define CXL_VALUE_MAX	128u   /* bytes of a feature */
#define CXL_LSA_MAX	65536u /* bytes of labels */
#define CXL_POISON_MAX	64u
#define CXL_EVENT_MAX	16u
#define CXL_EVENT_LOGS	4u
#define CXL_RECORD	128u

/* Return codes, table 8-34. */
enum {
	CXL_SUCCESS = 0x00,
	CXL_BACKGROUND = 0x01,
	CXL_INPUT = 0x02,
	CXL_UNSUPPORTED = 0x03,
	CXL_INTERNAL = 0x04,
	CXL_BUSY = 0x06,
	CXL_FW_ORDER = 0x09,
	CXL_FW_SLOT = 0x0b,
	CXL_HANDLE = 0x0e,
	CXL_ADDRESS = 0x0f,
	CXL_POISON_LIMIT = 0x10,
	CXL_SECURITY = 0x13,
	CXL_PASSPHRASE = 0x14,
	CXL_LENGTH = 0x16,
	CXL_LOG = 0x17,
};

/* One entry of the Command Effects Log: what is told, and whether it works. */
struct sl_cxl_entry {
	uint16_t opcode, effects;
	uint8_t listed, works;
};

struct sl_cxl_feature {
	uint8_t uuid[16];
	uint16_t len, effects;
	uint32_t flags; /* attribute flags, §8.2.9.6.1 */
	uint8_t current[CXL_VALUE_MAX], dflt[CXL_VALUE_MAX], saved[CXL_VALUE_MAX];
};

struct sl_persona_cxl {
	uint8_t identify[CXL_IDENTIFY], health[CXL_HEALTH], alert[CXL_ALERT];
	uint32_t lsa_len;
	unsigned n_log, n_features;
	struct sl_cxl_entry log[CXL_LOG_MAX];
	struct sl_cxl_feature features[CXL_FEATURE_MAX];
};

struct sl_cxl {
	uint8_t identify[CXL_IDENTIFY], health[CXL_HEALTH], alert[CXL_ALERT];
	uint64_t volatile_units, next_volatile; /* of 256 MiB; next: after a reset */
	uint8_t has_next, shutdown, interrupt[4];
	uint64_t timestamp;
	uint8_t slot[2][16], active, staged, transferring; /* firmware slots, 1-based; 0: none */
	uint32_t transferred;
	uint32_t security; /* Get Security State, §8.2.9.9.6.1 */
	uint8_t passphrase[2][32];
	uint32_t n_poison;
	uint64_t poison[CXL_POISON_MAX];
	uint32_t n_events[CXL_EVENT_LOGS];
	uint16_t next_handle;
	uint8_t events[CXL_EVENT_LOGS][CXL_EVENT_MAX][CXL_RECORD];
	uint64_t contents; /* how often memory was changed other than by the host's stores */
	uint32_t scan_results;
	uint16_t work; /* opcode of the background operation; 0: none */
	uint64_t work_until_ms;
	uint32_t lsa_len;
	uint8_t *lsa;
	uint8_t *vendor_log; /* as long as an error history */
	unsigned n_log, n_features;
	struct sl_cxl_entry log[CXL_LOG_MAX];
	struct sl_cxl_feature features[CXL_FEATURE_MAX];
};

/* A command at work: its input payload, and where its output goes. */
struct sl_cxl_call {
	struct sl_model *m;
	struct sl_cxl *c;
	struct sl_model_req *r;
	uint16_t opcode;
	bool tunnelled;
	const uint8_t *in;
	uint32_t in_len;
	uint8_t *out;	  /* NULL: nowhere */
	uint32_t out_len; /* room, then what was put there */
	uint32_t put;
};

/* The commands that the engine knows. */
struct sl_cxl_row {
	uint16_t opcode, effects; /* what an honest device declares */
	uint32_t in;		  /* bytes of the input payload */
	bool more;		  /* at least as many */
	uint16_t (*run)(struct sl_cxl_call *k);
};
extern const struct sl_cxl_row sl_cxl_rows[];
extern const size_t sl_cxl_rows_n;
const struct sl_cxl_row *sl_cxl_row_find(uint16_t opcode);

/* Carries a call out, if this device has the command and the payload is as long as it should be. */
uint16_t sl_cxl_run(struct sl_cxl_call *k);
/* Appends to the output payload; what does not fit is lost, as in a mailbox that is too small. */
void sl_cxl_put(struct sl_cxl_call *k, const void *p, uint32_t n);
void sl_cxl_event(struct sl_model *m, unsigned log, const char *text);
void sl_cxl_hash(const struct sl_model *m, void *h);

/* The persona's sections, and what the file left open. */
int sl_cxl_read_memory(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_identify(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_health(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_alert(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_log(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_unlisted(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_refused(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_read_features(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_cxl_persona_complete(struct sl_pj *j);

#endif
