/* SPDX-License-Identifier: Apache-2.0 */
/* Issues Identify Controller N times on a node and prints how long one took. The tool of the
 * benchmark. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "stats.h"

int main(int argc, char **argv)
{
	static uint8_t data[4096];
	size_t n = argc > 3 ? strtoul(argv[3], NULL, 0) : 20000;
	uint64_t *v = calloc(n, sizeof(*v));
	int fd;

	if (argc < 3 || !v)
		return 2;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		struct nvme_passthru_cmd c = {.opcode = 0x06,
					      .addr = (uintptr_t)data,
					      .data_len = sizeof(data),
					      .cdw10 = 1};
		uint64_t t = bench_now();
		int r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &c);

		if (r != 0) {
			fprintf(stderr, "ioctl-loop: %d, %s\n", r, strerror(errno));
			return 1;
		}
		v[i] = bench_now() - t;
	}
	bench_print(argv[2], v, n, 1);
	return 0;
}
