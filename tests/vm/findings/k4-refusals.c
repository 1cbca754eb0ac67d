/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K4: the forms of refusal. EACCES where the driver judged; EINVAL, to root too, for a flags byte
 * that is not zero and for an NSID that is not the node's; ENOTTY for a door that a node has not.
 * A program cannot tell "you may not" from "nobody may" by the errno alone.
 * Seen on Linux 6.1.0-56, 6.12.95 and 7.3.4.
 *
 *   k4-refusals CONTROLLER NODE    /dev/nvme0 and /dev/ng0n1, as root
 *
 * Changes nothing. Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nvme_ioctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534

static uint8_t data[4096] __attribute__((aligned(4096)));
static bool all = true;

static void expect(const char *what, int fd, unsigned long request, void *arg, int error)
{
	int r = ioctl(fd, request, arg), e = r < 0 ? errno : 0;

	(void)printf("  %-44s %s\n", what, r < 0 ? strerrorname_np(e) : "answered");
	all &= e == error;
}

int main(int argc, char **argv)
{
	struct nvme_passthru_cmd read = {
		.opcode = 0x02, .addr = (uintptr_t)data, .data_len = sizeof(data), .cdw12 = 0};
	struct nvme_passthru_cmd vendor = {.opcode = 0x80};
	struct nvme_user_io io = {.opcode = 0x02, .addr = (uintptr_t)data};
	int ctrl, ns, nsid;

	if (argc != 3 || (ctrl = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 ||
	    (ns = open(argv[2], O_RDONLY | O_CLOEXEC)) < 0 ||
	    (nsid = ioctl(ns, NVME_IOCTL_ID)) <= 0 || geteuid() != 0) {
		perror("k4-refusals CONTROLLER NODE, as root");
		return 2;
	}
	read.nsid = vendor.nsid = (uint32_t)nsid;
	read.flags = 1;
	expect("root, flags byte 01h", ns, NVME_IOCTL_IO_CMD, &read, EINVAL);
	read.flags = 0;
	read.nsid = (uint32_t)nsid + 1;
	expect("root, another namespace's number", ns, NVME_IOCTL_IO_CMD, &read, EINVAL);
	expect("root, SUBMIT_IO on the controller's node", ctrl, NVME_IOCTL_SUBMIT_IO, &io, ENOTTY);
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 2;
	expect("nobody, a vendor's opcode", ns, NVME_IOCTL_IO_CMD, &vendor, EACCES);
	(void)printf("K4 %s\n", all ? "reproduced" : "not on this kernel");
	return all ? 0 : 1;
}
