/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device as a file: asks a device what it says of itself, and writes the answers as a persona
 * (doc/personas.md) that the device model can be. Whatever is asked goes through the caller, who
 * decides what passes; nothing here opens a device, and what a device *does* is never tried: the
 * only rules of a captured persona are answers to Identify that the model would give otherwise.
 */
#ifndef SL_CAPTURE_CAPTURE_H
#define SL_CAPTURE_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "core/command.h"

/* One command and what came of it. */
struct sl_answer {
	struct sl_command cmd;
	uint8_t in[32];	 /* of a mailbox command: the input payload, also its data's head */
	bool denied;	 /* the gate did not let it through */
	uint16_t status; /* SCT << 8 | SC; of a logical unit its status byte */
	uint64_t result; /* completion dwords 0 and 1; of a unit what the host made of it */
	uint32_t len;	 /* bytes that came */
	uint8_t data[];	 /* cmd.data_len bytes; zero behind len */
};

#define SL_CAPTURE_MAX 4096

struct sl_capture {
	uint8_t protocol; /* enum sl_wire_protocol: NVMe, SCSI or CXL; the caller's */
	unsigned n;
	struct sl_answer *answer[SL_CAPTURE_MAX];
};

struct sl_capture_source {
	/* Carries out a->cmd and fills the rest. 0, or -errno: the device is out of reach. */
	int (*call)(void *ctx, struct sl_answer *a);
	void *ctx;
};

/*
 * Asks for all that standard commands without effects can tell, in an order in which no command is
 * sent that the device has not said it has: a refused command would be in its error log. 0 or
 * -errno (-EPROTO: it does not answer Identify Controller, INQUIRY, or Identify Memory Device).
 * sl_capture_done in every case.
 */
int sl_capture_read(struct sl_capture *c, const struct sl_capture_source *source);
void sl_capture_done(struct sl_capture *c);

/*
 * The answer to an admin command, or NULL: not asked, denied, or refused by the device. `sub` is
 * CNS, LID, or SEL << 8 | FID; `csi` is CDW11 (Identify) or CDW14 (logs) bits 31:24.
 */
const struct sl_answer *sl_capture_find(const struct sl_capture *c, uint8_t opcode, uint32_t nsid,
					unsigned sub, unsigned csi);

/* Replaces serial numbers, names and identifiers by invented ones, the same for every device. */
void sl_capture_mask(struct sl_capture *c);

struct sl_capture_label {
	const char *title;  /* NULL: from the model number */
	const char *source; /* where the facts come from */
};

/*
 * Writes the persona, tries it in the device model, and corrects what the model would make of its
 * own. What then still differs, and what was not captured, is in its "comment". 0: *ret is the
 * caller's reference, *ret_differ (may be NULL) the answers that differ; -errno with *reterr.
 */
int sl_capture_persona(const struct sl_capture *c, const struct sl_capture_label *label,
		       json_t **ret, unsigned *ret_differ, struct sl_diag *reterr);

/* Private: the parts of sl_capture_read. */

/*
 * Room for one more answer, of `len` bytes, which stays the capture's. NULL where there is none
 * left, or after the first error: *error, set here to -ENOMEM.
 */
struct sl_answer *sl_capture_room(struct sl_capture *c, uint32_t len, int *error);

/* Private: the parts of sl_capture_persona. */

/* Writes it as it stands; logs whose LID is set in `fixed` are given byte by byte. */
json_t *sl_capture_write(const struct sl_capture *c, const struct sl_capture_label *label,
			 const bool fixed[256]);
/* A source's call for a model in this process: ctx is its struct sl_model. 0 or -EIO. */
int sl_capture_model_call(void *ctx, struct sl_answer *a);
/* Asks the model of the persona in `root` for the same. 0 or -errno with *reterr. */
int sl_capture_replay(json_t *root, struct sl_capture *ret, struct sl_diag *reterr);

enum { SL_CAPTURE_GET_LOG = 0x02, SL_CAPTURE_IDENTIFY = 0x06, SL_CAPTURE_GET_FEATURES = 0x0a };
enum { SL_CAPTURE_NSID_ALL = 0xffffffff };

unsigned sl_capture_sub(const struct sl_answer *a);
bool sl_answer_good(const struct sl_answer *a);

#endif
