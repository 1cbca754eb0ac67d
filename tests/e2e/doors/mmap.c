/* SPDX-License-Identifier: Apache-2.0 */
/* A mapping would read and write without any call. */
#include "door.h"

#include <sys/mman.h>

static void outside(void)
{
	MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open_node("/proc/self/exe", O_RDONLY), 0) !=
	     MAP_FAILED);
}

static void inside(void)
{
	static const char *const nodes[] = {"/dev/nvme0", "/dev/nvme0n1", "/dev/ng0n1"};
	static const int modes[] = {O_RDONLY, O_RDWR};

	for (size_t i = 0; i < 3; i++) {
		for (size_t m = 0; m < 2; m++) {
			int fd = open_node(nodes[i], modes[m]);

			MUST_FAIL(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
			MUST_FAIL(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
		}
	}
}
