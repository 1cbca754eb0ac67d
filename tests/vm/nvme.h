/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's test programs share: finding controllers and namespaces by what they are rather
 * than by what the kernel happened to number them, and sending commands through each of its doors.
 * Only ever run inside a guest of tools/vm: they destroy what is on the devices.
 */
#ifndef SL_TESTS_VM_NVME_H
#define SL_TESTS_VM_NVME_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/nvme_ioctl.h>

#define USER 65534

enum node_kind {
	NODE_CTRL,  /* /dev/nvmeX */
	NODE_CHAR,  /* /dev/ngXnY */
	NODE_BLOCK, /* /dev/nvmeXnY */
	NODE_PART,  /* /dev/nvmeXnYp1 */
	NODE_N
};
extern const char *const node_names[NODE_N];

enum door {
	DOOR_ADMIN,
	DOOR_ADMIN64,
	DOOR_IO,
	DOOR_IO64,
	DOOR_SUBMIT_IO,
	DOOR_RING_ADMIN,
	DOOR_RING_IO,
	DOOR_N
};
extern const char *const door_names[DOOR_N];

/* Ends the program with a message: the guest is not what the test needs. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Node of the n-th controller (from 0) with this serial number. */
void find_ctrl(const char *serial, unsigned n, char ret[64]);
/* Node of a kind for namespace `nsid` of that controller; false: there is none. */
bool find_node(const char *serial, uint32_t nsid, enum node_kind kind, char ret[64]);
/* Gives a block node one partition, made of its first half. */
void add_partition(const char *block);
/* Anybody may open it, for reading or also for writing. */
void open_to_all(const char *node, bool write);

/*
 * Sends one command. ≥ 0: it reached the device, an NVMe status; < 0: -errno. *ret_result may be
 * NULL. DOOR_SUBMIT_IO takes SLBA from cdw10/11 and NLB from cdw12.
 */
int door_send(enum door door, int fd, struct nvme_passthru_cmd64 *cmd);

/* The whole process: uid and gid USER, no groups, no capabilities. */
void become_user(void);

const char *errno_name(int e);

#endif
