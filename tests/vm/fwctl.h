/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwctl as Linux's user space sees it, for the guest's test programs: Debian 12's headers do not
 * have it. Constants and layouts from include/uapi/fwctl/fwctl.h, include/uapi/fwctl/cxl.h and
 * include/uapi/cxl/features.h (Linux 6.15 and later); layouts of Get Supported Features, Get
 * Feature and Set Feature: CXL 3.1 §8.2.9.6.
 */
#ifndef SL_TESTS_VM_FWCTL_H
#define SL_TESTS_VM_FWCTL_H

#include <stdint.h>

#include <linux/ioctl.h>

#define FWCTL_TYPE 0x9a
#define FWCTL_INFO _IO(FWCTL_TYPE, 0)
#define FWCTL_RPC  _IO(FWCTL_TYPE, 1)

#define FWCTL_DEVICE_TYPE_CXL 2

enum fwctl_scope {
	FWCTL_CONFIGURATION,
	FWCTL_DEBUG_READ_ONLY,
	FWCTL_DEBUG_WRITE,
	FWCTL_DEBUG_WRITE_FULL,
	FWCTL_SCOPE_N
};

struct fwctl_info {
	uint32_t size, flags, out_device_type, device_data_len;
	uint64_t out_device_data;
};

struct fwctl_rpc {
	uint32_t size, scope, in_len, out_len;
	uint64_t in, out;
};

#define CXL_GET_SUPPORTED_FEATURES 0x0500
#define CXL_GET_FEATURE		   0x0501
#define CXL_SET_FEATURE		   0x0502

/* Before the mailbox payload in `in`, and before its answer in `out`. */
struct fwctl_cxl_in {
	uint32_t opcode, flags, op_size, reserved;
};
struct fwctl_cxl_out {
	uint32_t size, retval;
};

struct cxl_get_supported_features {
	uint32_t count;
	uint16_t start;
	uint8_t reserved[2];
} __attribute__((packed));

struct cxl_features_header {
	uint16_t n, n_supported;
	uint8_t reserved[4];
} __attribute__((packed));

#define CXL_FEATURE_CHANGEABLE 1u
struct cxl_feature {
	uint8_t uuid[16];
	uint16_t id, get_size, set_size;
	uint32_t flags;
	uint8_t get_version, set_version;
	uint16_t effects;
	uint8_t reserved[18];
} __attribute__((packed));

struct cxl_get_feature {
	uint8_t uuid[16];
	uint16_t offset, count;
	uint8_t selection;
} __attribute__((packed));

struct cxl_set_feature {
	uint8_t uuid[16];
	uint32_t flags;
	uint16_t offset;
	uint8_t version, reserved[9];
	uint8_t data[4];
} __attribute__((packed));

#endif
