/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that move data between two descriptors inside the kernel. */
#include "door.h"

#include <sys/sendfile.h>

#define FILE_ "/tmp/sluice-door-splice"

static void outside(void)
{
	int p[2], fd = open_node("/proc/self/exe", O_RDONLY);

	MUST(pipe(p) == 0);
	MUST(splice(fd, NULL, p[1], NULL, 512, 0) == 512);
}

static void inside(void)
{
	int p[2], file, fd = open_node("/dev/nvme0n1", O_RDWR);
	loff_t off = 0;

	file = open(FILE_, O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(file >= 0 && unlink(FILE_) == 0);
	MUST(pipe(p) == 0 && write(p[1], "x", 1) == 1);
	MUST(splice(fd, &off, p[1], NULL, 512, 0) == -1);
	MUST(splice(p[0], NULL, fd, &off, 1, 0) == -1);
	MUST(sendfile(file, fd, &off, 512) == -1);
	MUST(write(file, "data", 4) == 4);
	off = 0;
	MUST(sendfile(fd, file, &off, 4) == -1);
	MUST_FAIL(copy_file_range(fd, NULL, file, NULL, 512, 0), EINVAL);
	MUST(copy_file_range(file, NULL, fd, NULL, 4, 0) == -1);
	MUST_FAIL(fallocate(fd, 0, 0, 512), EOPNOTSUPP);
	MUST(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 512) == -1);
	MUST(ftruncate(fd, 0) == -1);
	MUST(lseek(file, 0, SEEK_END) == 4); /* nothing was moved */
}
