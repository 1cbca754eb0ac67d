/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else holds a device: every way to it that does not lead through the gate, as far as this
 * process may look. Reads sysfs, procfs and the attributes of nodes; opens no node, changes
 * nothing, and closes no door: it says the command that would.
 */
#ifndef SL_LAUNCH_WAYS_H
#define SL_LAUNCH_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "core/command.h"

/* Where to look; tests have trees of their own. */
struct sl_ways_roots {
	const char *dev, *sys, *proc;
	/*
	 * NULL: stat(2), and the users and groups that libc knows. Names members of a group other
	 * than root, "" when it has none.
	 */
	int (*stat)(const char *path, struct stat *ret);
	void (*members)(gid_t gid, char *buf, size_t size);
};
extern const struct sl_ways_roots sl_ways_here;

/* WAY(ID, name) */
#define SL_WAYS(WAY)                                                                               \
	WAY(NODE, "node")	/* who may open it */                                              \
	WAY(PROCESS, "process") /* has it open */                                                  \
	WAY(MOUNT, "mounted")	/* a file system on it */                                          \
	WAY(SWAP, "swap")                                                                          \
	WAY(HOLDER, "holder") /* md, dm and the like */                                            \
	WAY(DRIVER, "driver")                                                                      \
	WAY(SYSFS, "attribute")	      /* does something when it is written to */                   \
	WAY(VFIO, "vfio")	      /* given to a process or a virtual machine as it is */       \
	WAY(CONTROLLER, "controller") /* another one of the same subsystem */                      \
	WAY(FABRIC, "fabric")	      /* other hosts can reach it */                               \
	WAY(EXPORT, "export")	      /* nvmet gives it to other hosts */

enum sl_way_kind {
#define WAY(id, name) SL_WAY_##id,
	SL_WAYS(WAY)
#undef WAY
		_SL_WAY_N
};

struct sl_way {
	unsigned device; /* index */
	uint8_t kind;	 /* enum sl_way_kind */
	bool open;	 /* to somebody who is not root */
	char at[128];	 /* the node, attribute or other thing */
	char text[256];	 /* who or what, in words */
	char close[512]; /* the command that closes it, where it is open; else "" */
};

struct sl_way_node {
	unsigned device;
	uint8_t door; /* enum sl_door; NATIVE for what is not NVMe */
	bool block;
	bool there;	/* it exists below roots.dev */
	char name[64];	/* the kernel's */
	char path[128]; /* below roots.dev, or where the directory is another, there */
	uint32_t major, minor;
	uint64_t st_dev, st_ino;
};

struct sl_way_device {
	char name[64];	      /* the kernel's, or a PCI address */
	const char *protocol; /* static */
};

struct sl_ways {
	unsigned n_devices, n_nodes, n_ways;
	struct sl_way_device *devices;
	struct sl_way_node *nodes;
	struct sl_way *ways;
	unsigned unseen; /* processes whose descriptors we may not see */
	unsigned kernel_major, kernel_minor;
};

/* Looks. 0 or -ENOMEM; what is not there, is not there. sl_ways_done frees. */
int sl_ways_look(const struct sl_ways_roots *roots, struct sl_ways *ret);
void sl_ways_done(struct sl_ways *w);

const char *sl_way_name(unsigned kind);

#endif
