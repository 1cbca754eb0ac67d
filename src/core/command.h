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
 * The command set a request belongs to: the first part of every key. A front end says only the
 * queue (NVME_ADMIN or NVME_IO); the gate replaces NVME_IO by the set of the namespace's CSI,
 * because that is a fact about the device, not about the client.
 */
enum sl_set {
	SL_SET_NONE,
	SL_SET_NVME_ADMIN,
	SL_SET_NVME_IO,	 /* not yet resolved: which I/O command set is the namespace's to say */
	SL_SET_NVME_NVM, /* CSI 00h */
	SL_SET_NVME_KV,	 /* CSI 01h */
	SL_SET_NVME_ZNS, /* CSI 02h */
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
	_SL_DOOR_N
};

struct sl_command {
	uint8_t set;		 /* enum sl_set */
	uint8_t dir;		 /* enum sl_dir, as the client's buffer says */
	uint8_t door;		 /* enum sl_door; a front end's word, so it may only narrow */
	uint8_t writable;	 /* the node was open for writing; likewise */
	uint16_t req_len;	 /* bytes of req in use: 64 for NVMe */
	uint16_t device;	 /* index of the device within the session */
	uint32_t node_nsid;	 /* namespace of the node; 0 on a controller node */
	uint32_t timeout_ms;	 /* the client's wish; can only be raised to the row's */
	uint32_t data_len;	 /* bytes of the client's data buffer */
	uint32_t meta_len;	 /* bytes of the client's metadata buffer */
	uint8_t req[SL_REQ_MAX]; /* the raw request; NVMe: PRP/SGL/MPTR dwords are zero */
};

/*
 * How a command ended. For NVMe `status` is SCT<<8|SC with DNR at bit 14 (CQE DW3 bits 31:17), 0 is
 * success; `result` is CQE DW0 (and DW1 in the high half).
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
