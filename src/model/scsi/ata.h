/* SPDX-License-Identifier: Apache-2.0 */
/* An ATA command inside a CDB. Private to ata*.c. */
#ifndef SL_MODEL_SCSI_ATA_H
#define SL_MODEL_SCSI_ATA_H

#include "model/scsi/scsi.h"

/* Registers as the host set them; a handler leaves in them what the device answers. */
struct sl_ata {
	struct sl_model_req *r;
	bool extend; /* 48 bits */
	uint8_t command, device, status, error;
	uint16_t feature, count;
	uint64_t lba;
	uint32_t bytes; /* that the CDB says will move */
	uint8_t dir;
};

/* Each is false when the device aborts the command; then error is set. */
bool sl_ata_abort(struct sl_ata *a);
bool sl_ata_give(struct sl_ata *a, const void *p, uint32_t n);
bool sl_ata_need(struct sl_ata *a, uint32_t n);

void sl_ata_identify(const struct sl_model *m, uint8_t ret[512]);

/* ---- ata-log.c ---- */
bool sl_ata_smart(struct sl_model *m, struct sl_ata *a);
bool sl_ata_read_log(struct sl_model *m, struct sl_ata *a);
bool sl_ata_write_log(struct sl_model *m, struct sl_ata *a);
/* SMART attributes that count: blocks written and read, power cycles. */
void sl_ata_counted(struct sl_model *m, uint64_t blocks, bool write);
void sl_ata_power_cycled(struct sl_model *m);

/* ---- ata-sct.c: logs E0h and E1h ---- */
enum { SCT_NO_DATA, SCT_DATA_IN, SCT_DATA_OUT };
bool sl_ata_sct(struct sl_model *m, struct sl_ata *a);
bool sl_ata_sct_read(struct sl_model *m, struct sl_ata *a);
bool sl_ata_sct_write(struct sl_model *m, struct sl_ata *a);
void sl_ata_sct_status(const struct sl_model *m, uint8_t b[512]);
void sl_ata_sct_load(struct sl_scsi *s);
void sl_ata_sct_power_on(struct sl_scsi *s);

/* ---- buffer.c: microcode, which both kinds of command bring ---- */
bool sl_scsi_image_part(struct sl_model *m, const uint8_t *p, uint32_t at, uint32_t len);
void sl_scsi_activate(struct sl_model *m);
/* False: none waits. */
bool sl_scsi_activate_deferred(struct sl_model *m);

#endif
