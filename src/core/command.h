/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct sl_command: one request to a device, in the device's own words, copied once. Every front
 * end translates into this and every device takes this; nothing else knows either side.
 */
#ifndef SL_CORE_COMMAND_H
#define SL_CORE_COMMAND_H

#include <stdint.h>

#define SL_REQ_MAX 64 /* an SQE; the longest CDB we judge; a mailbox header */

/*
 * How each protocol fills `req`, `data` and `meta` of a command:
 *
 * NVMe: the submission queue entry, pointers zero; metadata as the namespace formats it.
 * SCSI: the CDB. `meta` comes back as sense data; `result` is host status | driver status << 16.
 * CXL:  a header of 16 bytes: command set (opcode bits 15:8), command (bits 7:0), two zero bytes,
 *       length of the input payload and of the output buffer (little-endian, 4 bytes each), and
 *       for fwctl the scope that the caller claims (4 bytes). One buffer of the greater length
 *       carries the input payload there and the output payload back. `status` is the return code.
 */
#define SL_MBOX_REQ_LEN 16u
#define SL_MBOX_IN_LEN	4u /* offset in req */
#define SL_MBOX_OUT_LEN 8u
#define SL_MBOX_SCOPE	12u

#define SL_SENSE_MAX 252u /* bytes of SCSI sense data, SPC-6 §4.4 */

/*
 * The command set a request belongs to: the first part of every key. A front end says only what it
 * can know (NVME_ADMIN, NVME_IO, SCSI, CXL, FWCTL); the core replaces NVME_IO by the set of the
 * namespace's CSI, SCSI by that of the peripheral device type and FWCTL by that of the device type,
 * because those are facts about the device, not about the client.
 */
enum sl_set {
	SL_SET_NONE,
	SL_SET_NVME_ADMIN,
	SL_SET_NVME_IO,	 /* not yet resolved: which I/O command set is the namespace's to say */
	SL_SET_NVME_NVM, /* CSI 00h */
	SL_SET_NVME_KV,	 /* CSI 01h */
	SL_SET_NVME_ZNS, /* CSI 02h */
	SL_SET_SCSI, /* the commands of every device type (SPC); what is not resolved stays here */
	SL_SET_SCSI_SBC, /* peripheral device types 00h and 14h */
	SL_SET_SCSI_SSC, /* 01h */
	SL_SET_SCSI_MMC, /* 05h */
	SL_SET_SCSI_SMC, /* 08h */
	SL_SET_SCSI_SES, /* 0Dh */
	SL_SET_CXL,
	SL_SET_FWCTL,	   /* not yet resolved */
	SL_SET_FWCTL_MLX5, /* FWCTL_DEVICE_TYPE_MLX5, 1 */
	SL_SET_FWCTL_CXL,  /* 2 */
	SL_SET_FWCTL_BNXT, /* 3 */
	SL_SET_FWCTL_PDS,  /* 4 */
	_SL_SET_N
};

enum sl_dir {
	SL_DIR_NONE,
	SL_DIR_OUT, /* host to device */
	SL_DIR_IN,  /* device to host */
	SL_DIR_BOTH,
};

/* The kind of node the client's request came through: what a kernel filter looks at. */
enum sl_door {
	SL_DOOR_NATIVE,	  /* libsluice: no node */
	SL_DOOR_CTRL,	  /* /dev/nvmeX */
	SL_DOOR_NS_CHAR,  /* /dev/ngXnY */
	SL_DOOR_NS_BLOCK, /* /dev/nvmeXnY */
	SL_DOOR_PARTITION,
	SL_DOOR_SG,	    /* /dev/sgX */
	SL_DOOR_BSG,	    /* /dev/bsg/… */
	SL_DOOR_SCSI_BLOCK, /* /dev/sdX, /dev/srX */
	SL_DOOR_CXL,	    /* /dev/cxl/memX */
	SL_DOOR_FWCTL,	    /* /dev/fwctl/fwctlX */
	_SL_DOOR_N
};

enum sl_carried {
	SL_CARRIED_NOT,	      /* a command of its own */
	SL_CARRIED_HERE,      /* inside another one, for this device */
	SL_CARRIED_ELSEWHERE, /* likewise, for another component */
};

struct sl_command {
	uint8_t set;		 /* enum sl_set */
	uint8_t dir;		 /* enum sl_dir, as the client's buffer says */
	uint8_t door;		 /* enum sl_door; a front end's word, so it may only narrow */
	uint8_t writable;	 /* the node was open for writing; likewise */
	uint8_t carried;	 /* enum sl_carried: never a front end's */
	uint16_t req_len;	 /* bytes of req in use; the rest is zero */
	uint16_t device;	 /* index of the device within the session */
	uint32_t node_nsid;	 /* namespace of the node; 0 on a controller node */
	uint32_t timeout_ms;	 /* the client's wish; can only be raised to the row's */
	uint32_t data_len;	 /* bytes of the client's data buffer */
	uint32_t meta_len;	 /* bytes of the client's metadata, or sense, buffer */
	uint8_t req[SL_REQ_MAX]; /* the raw request, see above */
};

/*
 * How a command ended; status 0 is success. NVMe: `status` is SCT<<8|SC with DNR at bit 14 (CQE DW3
 * bits 31:17), `result` is CQE DW0 (and DW1 in the high half). SCSI: the status byte. CXL: the
 * return code.
 */
enum sl_outcome {
	SL_OUTCOME_OK,	   /* the device completed it, see status */
	SL_OUTCOME_DENIED, /* it never reached the device */
	SL_OUTCOME_FAILED, /* it could not be carried out: error is an errno */
};

struct sl_completion {
	uint8_t outcome; /* enum sl_outcome */
	uint16_t status;
	uint32_t error; /* positive errno when FAILED or DENIED */
	uint64_t result;
	uint32_t data_len; /* bytes returned to the client */
	uint32_t meta_len;
};

#endif
