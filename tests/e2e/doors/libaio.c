/* SPDX-License-Identifier: Apache-2.0 */
/* io_submit would read and write a block node without a watched call. */
#include "door.h"

#include <linux/aio_abi.h>

static long submit_read(int fd)
{
	static char buf[512];
	struct iocb cb = {.aio_fildes = (uint32_t)fd,
			  .aio_lio_opcode = IOCB_CMD_PREAD,
			  .aio_buf = (uintptr_t)buf,
			  .aio_nbytes = sizeof(buf)};
	struct iocb *list = &cb;
	aio_context_t ctx = 0;
	long r;

	if (syscall(SYS_io_setup, 1, &ctx) < 0)
		exit(DOOR_SKIP);
	r = syscall(SYS_io_submit, ctx, 1, &list);
	if (r == 1) {
		struct io_event ev;

		MUST(syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL) == 1);
		return ev.res == sizeof(buf) ? 1 : 0;
	}
	return r;
}

static void outside(void)
{
	MUST(submit_read(open_node("/proc/self/exe", O_RDONLY)) == 1);
}

static void inside(void)
{
	MUST(submit_read(open_node("/proc/self/exe", O_RDONLY)) == 1);
	MUST(submit_read(open_node("/dev/nvme0n1", O_RDWR)) == -1);
	MUST(submit_read(open_node("/dev/nvme0n1", O_RDONLY)) == -1);
}
