/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the launcher tells sluiced, over the socket that sluiced inherits as descriptor 3
 * (SOCK_SEQPACKET). Every message is one struct sl_control with at most one descriptor beside it;
 * each is answered by one struct sl_control_reply. sluiced opens nothing by itself, so everything
 * that it can ever touch came through here.
 *
 * Before START anything malformed ends sluiced; after START it is refused and the old state stays.
 */
#ifndef SL_BROKER_CONTROL_H
#define SL_BROKER_CONTROL_H

#include <stdint.h>

#include "core/image.h"
#include "wire/wire.h"

#define SL_CONTROL_FD	    3
#define SL_CONTROL_TEXT_MAX 256
#define SL_DEVICES_MAX	    16
#define SL_SESSIONS_MAX	    64
#define SL_WATCH_LABEL	    "sluice-watch" /* of the session that reads again */

enum sl_control_op {
	SL_CONTROL_IMAGE = 1, /* fd: memfd with a policy image, sealed against every change */
	SL_CONTROL_LEDGER,    /* fd: regular file, O_APPEND, positioned by the launcher */
	SL_CONTROL_DEVICE,    /* fd: the device; backend and name below */
	SL_CONTROL_SESSION,   /* fd: connected socket of one client; identity below */
	SL_CONTROL_LISTEN,    /* fd: listening socket; peers are identified by SO_PEERCRED */
	SL_CONTROL_START, /* no fd: sandbox yourself, read the contracts, serve; answered when ready
			   */
	SL_CONTROL_STATUS, /* no fd: answered with a line for people */
	/* fd: character node of a namespace of a SL_BACKEND_NVME device; device, nsid, in_use and
	   claimed below. After START, too: one that was not there before */
	SL_CONTROL_NAMESPACE,
	/* fd: memfd of struct sl_trust_row, sealed like an image; none: an empty table. Replaces
	   the one before, and takes effect on every device at once */
	SL_CONTROL_TRUST,
	_SL_CONTROL_N
};

enum sl_backend {
	SL_BACKEND_WIRE = 1, /* fd: a connected socket; the broker is the client on it */
	SL_BACKEND_NULL,     /* completes everything with success and zeroes: benchmarks. No fd */
	SL_BACKEND_NVME,     /* fd: a controller's node; its namespaces follow, one by one */
	/* fd: a node that is all of the device; SCSI: what is known of the unit follows as
	   namespace 1, without a descriptor */
	SL_BACKEND_SG,
	SL_BACKEND_BSG,
	SL_BACKEND_CXL,
	SL_BACKEND_FWCTL,
	_SL_BACKEND_N
};

struct sl_control {
	uint32_t op;
	uint32_t backend;      /* DEVICE */
	uint32_t protocol;     /* DEVICE: enum sl_wire_protocol */
	uint32_t ledger_check; /* LEDGER: checksum of the last record; 0: there is none */
	uint64_t ledger_next;  /* LEDGER: number of the next record */
	uint64_t sample_seed;  /* LEDGER: what nobody else knows of which commands are sampled */
	uint32_t sample_burst; /* LEDGER: so many reads and writes a second are sampled … */
	uint32_t sample_of;    /* … and beyond that one in so many; 0: none are */
	uint32_t nsid;	       /* NAMESPACE */
	uint8_t in_use;	       /* NAMESPACE: the kernel has it mounted or otherwise held */
	uint8_t claimed;       /* NAMESPACE: the launcher holds it, nobody else can */
	uint8_t device;	       /* NAMESPACE: which, in the order of DEVICE */
	uint8_t type;	       /* DEVICE: of a fwctl node, as the kernel says; 0 */
	char name[SL_WIRE_NAME_MAX]; /* DEVICE: as clients see it, e.g. "model:p4610" */
	struct sl_identity who;	     /* SESSION */
};

struct sl_control_reply {
	uint32_t op;
	int32_t error;			/* 0 or -errno */
	char text[SL_CONTROL_TEXT_MAX]; /* for people; on error what was wrong */
};

#endif
