/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that stand for SCSI nodes; inside the front end `run` only. */
#ifndef SL_FRONT_RUN_SCSI_H
#define SL_FRONT_RUN_SCSI_H

#include <stdint.h>

#include "front/run/super.h"

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t sl_scsi_now_ms(void);
/* Refused with a line that says why. */
enum sl_handled sl_scsi_refuse(struct sl_super *s, struct sl_call *c, int error, const char *why);
/*
 * Sends a CDB; dir, data, sense buffer (meta_*) and done are set in `c`. timeout_ms 0: as long as
 * the command may take.
 */
enum sl_handled sl_scsi_send(struct sl_super *s, struct sl_call *c, const uint8_t *cdb,
			     uint32_t cdb_len, uint32_t timeout_ms);
/* Peripheral device type; 1Fh where it has not said. */
uint8_t sl_scsi_type(const struct sl_ctrl *ctrl);

/* Where nodes-scsi.c keeps in sl_ctrl.id what the unit said of itself, and how long each may be. */
#define SL_SCSI_INQUIRY	    0
#define SL_SCSI_INQUIRY_MAX 256u
#define SL_SCSI_VPD80	    256
#define SL_SCSI_VPD80_MAX   256u
#define SL_SCSI_VPD83	    512
#define SL_SCSI_VPD83_MAX   1024u

/* A unit's directory below /sys; takes its host's number three times. */
#define SL_SCSI_UNIT SL_SYSFS_HOME "/host%u/target%u:0:0/%u:0:0:0"

#endif
