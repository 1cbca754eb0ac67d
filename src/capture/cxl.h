/* SPDX-License-Identifier: Apache-2.0 */
/* A CXL memory device as a file: the CXL side of capture.h. */
#ifndef SL_CAPTURE_CXL_H
#define SL_CAPTURE_CXL_H

#include "capture/capture.h"

/* Opcodes, and bytes of what they answer. */
enum {
	CXL_GET_LOGS = 0x0400,
	CXL_GET_LOG = 0x0401,
	CXL_GET_FEATURES = 0x0500,
	CXL_GET_FEATURE = 0x0501,
	CXL_IDENTIFY = 0x4000,
	CXL_GET_HEALTH = 0x4200,
	CXL_GET_ALERT = 0x4201
};
enum { CXL_IDENTIFY_LEN = 0x45, CXL_HEALTH_LEN = 0x12, CXL_ALERT_LEN = 0x10, CXL_LOGS_LEN = 1024 };
enum { CXL_FEATURE_LEN = 48, CXL_FEATURES_MAX = 32, CXL_VALUE_MAX = 128, CXL_LSA_MAX = 65536 };

/* The good answer to an opcode; `in`: the one to these first bytes of payload; NULL. */
const struct sl_answer *sl_cxl_find(const struct sl_capture *c, uint16_t opcode, const uint8_t *in,
				    size_t n);

int sl_cxl_capture_read(struct sl_capture *c, const struct sl_capture_source *source);
json_t *sl_cxl_capture_write(const struct sl_capture *c, const struct sl_capture_label *label);

#endif
