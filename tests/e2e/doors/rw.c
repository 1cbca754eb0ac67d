/* SPDX-License-Identifier: Apache-2.0 */
/* read and write in all their forms are NVMe commands at the gate, or they fail. */
#include "door.h"

#include <linux/fs.h>
#include <sys/uio.h>

/* No page is ever there; volatile, or the compiler says so. */
static void *volatile nowhere = (void *)16;

static void outside(void)
{
}

static uint32_t word(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static void inside(void)
{
	static char a[1 << 20], b[1 << 20];
	int ro = open_node("/dev/nvme0n1", O_RDONLY), fd = open_node("/dev/nvme0n1", O_RDWR);
	int wo = open_node("/dev/nvme0n1", O_WRONLY), c;
	struct iovec v[2] = {{a, 100}, {a + 4096, 924}};

	/* The block number is in the first four bytes of each block. */
	MUST(read(ro, a, 1024) == 1024 && word(a) == 0 && word(a + 512) == 1);
	MUST(read(ro, a, 3) == 3 && word(a) == 2 + ((uint32_t)a[3] << 24));
	MUST(lseek(ro, 0, SEEK_CUR) == 1027);
	MUST(pread(ro, a, 1000, 510) == 1000 && word(a + 2) == 1 && word(a + 514) == 2);
	MUST(lseek(ro, 512, SEEK_SET) == 512 && readv(ro, v, 2) == 1024);
	MUST(word(a) == 1 && word(a + 4096 + 412) == 2);
	MUST(preadv(ro, v, 2, 2048) == 1024 && word(a) == 4);
	MUST(preadv2(ro, v, 2, 3072, 0) == 1024 && word(a) == 6);
	MUST(preadv2(ro, v, 2, -1, 0) == 1024 && word(a) == 3);
	MUST_FAIL(preadv2(ro, v, 2, 0, RWF_NOWAIT), EOPNOTSUPP);
	MUST(read(dup(ro), a, 512) == 512 && word(a) == 5);
	MUST(lseek(ro, 0, SEEK_END) == TEST_DEVICE_BLOCKS * 512 && read(ro, a, 512) == 0);
	MUST(lseek(ro, -512, SEEK_END) >= 0 && read(ro, a, 4096) == 512);
	/* Longer than one command can be. */
	MUST(pread(ro, a, sizeof(a), 0) == sizeof(a) && word(a + 512 * 2047) == 2047);

	MUST_FAIL(write(ro, a, 512), EBADF);
	MUST_FAIL(read(wo, a, 512), EBADF);
	MUST_FAIL(pwrite(fd, a, 100, 0), EINVAL);
	MUST_FAIL(pwrite(fd, a, 512, 100), EINVAL);
	MUST_FAIL(pwrite(fd, a, 512, TEST_DEVICE_BLOCKS * 512), ENOSPC);
	MUST_FAIL(read(open_node("/dev/nvme0", O_RDONLY), a, 512), EINVAL);
	memset(b, 0x5a, sizeof(b));
	MUST(write(fd, b, sizeof(b)) == sizeof(b) && lseek(fd, 0, SEEK_CUR) == sizeof(b));
	MUST(pread(ro, a, sizeof(a), 0) == sizeof(a) && memcmp(a, b, sizeof(a)) == 0);
	MUST(fsync(fd) == 0 && fdatasync(fd) == 0);
	c = open("/dev/nvme0n1", O_RDWR | O_DIRECT | O_DSYNC);
	MUST(c >= 0 && write(c, b, 512) == 512);
	/* A namespace that changes under a descriptor is not read by its old format. */
	MUST(admin(fd, TEST_OPC_RESIZE, 12, NULL, 0, NULL) == 0);
	MUST(ioctl(fd, BLKSSZGET, &c) == 0 && c == 4096);
	MUST_FAIL(pwrite(fd, b, 512, 0), EINVAL);
	memset(b, 0x33, 4096);
	MUST(pwrite(fd, b, 4096, 4096) == 4096);
	MUST(admin(fd, TEST_OPC_RESIZE, 9, NULL, 0, NULL) == 0);
	MUST(pread(ro, a, 512, 4096 + 3584) == 512 && memcmp(a, b, 512) == 0);
	c = open("/dev/nvme0n1", O_RDWR | O_DIRECT | O_DSYNC);
	MUST(c >= 0 && write(c, b, 512) == 512);
	/* An address that is not there fails and moves nothing. */
	MUST_FAIL(pread(ro, nowhere, 512, 0), EFAULT);
	MUST_FAIL(write(c, nowhere, 512), EFAULT);
	MUST(lseek(c, 0, SEEK_CUR) == 512);
}
