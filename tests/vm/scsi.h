/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCSI for the guest's test programs: the units that are there, and a command without data through
 * each of Linux's doors. Only ever run inside a guest of tools/vm.
 */
#ifndef SL_TESTS_VM_SCSI_H
#define SL_TESTS_VM_SCSI_H

#include <stdbool.h>
#include <stdint.h>

enum scsi_node {
	SCSI_NODE_SG,	 /* /dev/sgX */
	SCSI_NODE_BLOCK, /* /dev/sdX, /dev/srX */
	SCSI_NODE_PART,	 /* /dev/sdX1 */
	SCSI_NODE_BSG,	 /* /dev/bsg/H:C:T:L */
	SCSI_NODE_N
};

/* How a command gets through a node. */
enum scsi_door {
	SCSI_DOOR_SG_IO,
	SCSI_DOOR_SG_WRITE, /* write() of a header, read() of the answer */
	SCSI_DOOR_SG_SEND,  /* SCSI_IOCTL_SEND_COMMAND */
	SCSI_DOOR_BLOCK_IO,
	SCSI_DOOR_BLOCK_SEND,
	SCSI_DOOR_BLOCK_PACKET, /* CDROM_SEND_PACKET */
	SCSI_DOOR_PART_IO,
	SCSI_DOOR_PART_SEND,
	SCSI_DOOR_BSG_IO,   /* SG_IO, version 4 */
	SCSI_DOOR_BSG_RING, /* io_uring; Linux 7 */
	SCSI_DOOR_N
};
extern const char *const scsi_door_names[SCSI_DOOR_N];
enum scsi_node scsi_door_node(enum scsi_door door);

/* A logical unit. A node that it does not have is an empty string. */
struct scsi_unit {
	unsigned type; /* peripheral device type, SPC-6 §6.7.2 */
	bool debug;    /* of scsi_debug: nothing is lost */
	unsigned lun;
	char node[SCSI_NODE_N][64];
};

/* The units that the kernel knows now; at most `max`. Returns how many. */
unsigned scsi_units(struct scsi_unit *ret, unsigned max);

/*
 * Sends a CDB of 16 bytes (its beginning, where the door knows its length), without data. ≥ 0: the
 * device was asked; -errno: the kernel answered.
 */
int scsi_send(enum scsi_door door, int fd, const uint8_t cdb[16]);

#endif
