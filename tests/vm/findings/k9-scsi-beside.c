/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K9: requests by which Linux makes the CDB itself go past its list of SCSI commands. As an
 * ordinary user: SCSI_IOCTL_DOORLOCK (PREVENT ALLOW MEDIUM REMOVAL, which the list has for writers)
 * through a descriptor open for reading; IOC_PR_REGISTER (PERSISTENT RESERVE OUT, which the list
 * has for nobody) through one open for writing. The second by design since Linux 6.5: a reservation
 * shuts other hosts out of the unit. Door lock seen on Linux 6.1.0-56, 6.12.95 and 7.3.4;
 * reservations on 6.12.95 and 7.3.4.
 *
 *   k9-scsi-beside NODE    a disk's block node (scsi_debug)
 *
 * Exit status: 0 both reproduced, 1 not both on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/pr.h>
#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534

/* Whether the list refuses that opcode through this descriptor. */
static bool list_refuses(int fd, uint8_t opcode)
{
	uint8_t cdb[10] = {opcode}, sense[32];
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = SG_DXFER_NONE,
		.cmd_len = sizeof(cdb),
		.mx_sb_len = sizeof(sense),
		.cmdp = cdb,
		.sbp = sense,
		.timeout = 10000,
	};

	return ioctl(fd, SG_IO, &h) < 0 && errno == EPERM;
}

int main(int argc, char **argv)
{
	struct pr_registration key = {.new_key = 1}, none = {.old_key = 1};
	int reading, writing;
	bool door, reserve;

	reading = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	writing = argc > 1 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	if (reading < 0 || writing < 0 ||
	    (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				setresuid(NOBODY, NOBODY, NOBODY) < 0))) {
		perror("k9");
		return 2;
	}
	if (!list_refuses(reading, 0x1e) || !list_refuses(writing, 0x5f)) {
		(void)fprintf(stderr, "k9: the list of this kernel is another one\n");
		return 2;
	}
	door = ioctl(reading, SCSI_IOCTL_DOORLOCK, NULL) == 0 &&
	       ioctl(reading, SCSI_IOCTL_DOORUNLOCK, NULL) == 0;
	(void)printf("door lock through a descriptor open for reading: %s\n",
		     door ? "works" : strerror(errno));
	/* A SCSI status above 0, where the unit knows no reservations. */
	reserve = ioctl(writing, IOC_PR_REGISTER, &key) >= 0;
	(void)printf("registering a reservation key without a capability: %s\n",
		     reserve ? "the unit was asked" : strerror(errno));
	if (reserve)
		(void)ioctl(writing, IOC_PR_REGISTER, &none);
	return door && reserve ? 0 : 1;
}
