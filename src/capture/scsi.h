/* SPDX-License-Identifier: Apache-2.0 */
/* A logical unit as a file: the SCSI side of capture.h. */
#ifndef SL_CAPTURE_SCSI_H
#define SL_CAPTURE_SCSI_H

#include "capture/capture.h"

enum {
	SCSI_INQUIRY = 0x12,
	SCSI_READ_CAPACITY = 0x25,
	SCSI_LOG_SENSE = 0x4d,
	SCSI_MODE_SENSE = 0x5a, /* (10) */
	SCSI_MAINTENANCE_IN = 0xa3,
	SCSI_RSOC = 0x0c
};
enum { SCSI_DISK = 0, SCSI_TAPE = 1, SCSI_OPTICAL = 5, SCSI_ZONED = 0x14 };
/* Allocation lengths: what old units take, what pages, lists and one command need. */
enum { SCSI_SHORT = 252, SCSI_LONG = 8192, SCSI_LIST = 16384, SCSI_ONE = 64 };

/* A descriptor of REPORT SUPPORTED OPERATION CODES. */
struct sl_scsi_listed {
	uint8_t opcode, flags; /* byte 5: CDLP, MLU, CTDP, SERVACTV */
	bool has_sa;
	uint16_t sa;
};

/* The descriptor at *at, which moves behind it; false: there is none. */
bool sl_scsi_listed(const struct sl_answer *list, uint32_t *at, struct sl_scsi_listed *ret);
/* The answer to the CDB that begins with these bytes; NULL. */
const struct sl_answer *sl_scsi_find(const struct sl_capture *c, const uint8_t *cdb, unsigned n);

int sl_scsi_capture_read(struct sl_capture *c, const struct sl_capture_source *source);
void sl_scsi_capture_mask(struct sl_capture *c);
json_t *sl_scsi_capture_write(const struct sl_capture *c, const struct sl_capture_label *label);

#endif
