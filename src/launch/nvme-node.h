/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux NVMe devices by name, and their nodes opened for the broker. Looks things up in sysfs and
 * opens nodes; sends no command.
 */
#ifndef SL_LAUNCH_NVME_NODE_H
#define SL_LAUNCH_NVME_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

#define SL_NVME_NODES_MAX 64

struct sl_nvme_ns_node {
	int fd; /* of the character node */
	/* The block node, held so that nobody mounts it while the broker may change it; -1. */
	int claim_fd;
	dev_t node; /* the character node's number: not given anew while somebody has it open */
	uint32_t nsid;
	bool in_use;  /* mounted, or held by another driver */
	bool claimed; /* claim_fd holds it, or there is no block node to hold */
};

struct sl_nvme_nodes {
	int fd;	       /* of the controller */
	uint8_t type;  /* fwctl: of its driver; else 0 */
	char ctrl[32]; /* the kernel's name of it */
	unsigned n;
	struct sl_nvme_ns_node ns[SL_NVME_NODES_MAX];
};

/*
 * Finds a controller by the path of its node, or, since the kernel's numbers are not stable, by
 * serial number, PCI or transport address, or subsystem NQN. Writes the path of its node. 0;
 * -ENOENT: there is none; -ENOTUNIQ: two controllers of one subsystem; *reterr says more.
 */
int sl_nvme_find(const char *name, char *ret, size_t size, struct sl_diag *reterr);
/* Opens a controller and all its namespaces. Nothing is open after an error. 0 or -errno. */
int sl_nvme_open(const char *path, struct sl_nvme_nodes *ret, struct sl_diag *reterr);
/*
 * Looks again: claims on namespaces that have gone are released, and those that have come are open
 * in n->ns, from *ret_first to its end. 0 or -errno; what was found before an error counts.
 */
int sl_nvme_look_again(struct sl_nvme_nodes *n, unsigned *ret_first, struct sl_diag *reterr);
/*
 * Is this entry of a controller's directory in sysfs a namespace? Writes the number of its nodes,
 * "1n1": "ng0n1" is a namespace of this controller alone; "nvme1c0n1" is this controller's path (0)
 * to namespace 1 of subsystem 1, whose nodes are ng1n1 and nvme1n1.
 */
bool sl_nvme_namespace_node(const char *entry, char *ret, size_t size);
/* Closes the nodes, which the broker has now; the claims stay. */
void sl_nvme_nodes_close(struct sl_nvme_nodes *n);
void sl_nvme_nodes_release(struct sl_nvme_nodes *n);

#endif
