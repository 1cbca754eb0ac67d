/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SCSI logical unit publishes about itself, from the bytes of its answers into a contract.
 * The same rules as in decode-nvme.h: lengths first, 0 or an enum sl_flaw. The logical unit is
 * namespace 1. Layouts: SPC-6 and SBC-4.
 */
#ifndef SL_CORE_DECODE_SCSI_H
#define SL_CORE_DECODE_SCSI_H

#include <stddef.h>

#include "core/contract.h"

#define SL_SCSI_LU 1u /* the namespace that stands for the logical unit */

/* Standard INQUIRY data, SPC-6 §6.7.2: type, vendor, product, revision. */
int sl_contract_scsi_inquiry(struct sl_contract *c, const void *data, size_t len);
/* Unit Serial Number (VPD page 80h) and Device Identification (83h), SPC-6 §7.7. */
int sl_contract_scsi_serial(struct sl_contract *c, const void *page, size_t len);
int sl_contract_scsi_ident(struct sl_contract *c, const void *page, size_t len);
/* READ CAPACITY(16) or, with 8 bytes, (10): SBC-4 §5.20, §5.21. */
int sl_contract_scsi_capacity(struct sl_contract *c, const void *data, size_t len);
/* REPORT SUPPORTED OPERATION CODES, all commands: SPC-6 §6.35.2. */
int sl_contract_scsi_rsoc(struct sl_contract *c, const void *data, size_t len);
/* The same, one command (§6.35.3): its CDB usage data. */
int sl_contract_scsi_usage(struct sl_contract *c, struct sl_entry *e, const void *data, size_t len);

#endif
