/* SPDX-License-Identifier: Apache-2.0 */
/* Linux behind struct sl_nvme_sys. No decision is made here. */
#include "device/nvme/nvme-sys.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device/nvme/nvme-device.h"

_Static_assert(sizeof(struct io_uring) <= sizeof(struct sl_nvme_ring), "room for a ring");

static struct io_uring *of(struct sl_nvme_ring *ring)
{
	return (struct io_uring *)ring->liburing;
}

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	return r < 0 ? -errno : r;
}

/* liburing 2.3 declares these two and does not export them. */
static int ring_register(const struct io_uring *ring, unsigned op, const void *arg, unsigned n)
{
	long r = syscall(SYS_io_uring_register, ring->ring_fd, op, arg, n);

	return r < 0 ? -errno : 0;
}

static int ring_open(struct sl_nvme_ring *opaque, const int *files, unsigned n, int event)
{
	struct io_uring *ring = of(opaque);
	/* After this the ring sends passthrough commands to the registered files: it opens,
	 * reads and registers nothing, whoever gets hold of it. */
	struct io_uring_restriction only[] = {
		{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_URING_CMD},
		{.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_FIXED_FILE},
		{.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE},
	};
	struct io_uring_params p = {
		.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	};
	int r = io_uring_queue_init_params(SL_NVME_INFLIGHT, ring, &p);

	if (r < 0)
		return r;
	r = io_uring_register_files(ring, files, n);
	if (r >= 0)
		r = io_uring_register_eventfd(ring, event);
	if (r >= 0)
		r = ring_register(ring, IORING_REGISTER_RESTRICTIONS, only,
				  sizeof(only) / sizeof(only[0]));
	if (r >= 0)
		r = ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (r < 0)
		io_uring_queue_exit(ring);
	return r < 0 ? r : 0;
}

static int ring_push(struct sl_nvme_ring *ring, unsigned file, uint32_t op,
		     const struct nvme_uring_cmd *cmd, uint32_t tag)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(of(ring));

	if (!sqe)
		return -EBUSY;
	memset(sqe, 0, 128);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->fd = (int)file;
	sqe->cmd_op = op;
	sqe->user_data = tag;
	memcpy(sqe->cmd, cmd, sizeof(*cmd));
	return 0;
}

static int ring_reap(struct sl_nvme_ring *ring, struct sl_nvme_cqe *ret)
{
	struct io_uring_cqe *cqe;

	if (io_uring_peek_cqe(of(ring), &cqe) < 0 || !cqe)
		return 0;
	*ret = (struct sl_nvme_cqe){(uint32_t)cqe->user_data, cqe->res, cqe->big_cqe[0]};
	io_uring_cqe_seen(of(ring), cqe);
	return 1;
}

static int ring_enter(struct sl_nvme_ring *ring)
{
	return io_uring_submit(of(ring));
}

static void ring_close(struct sl_nvme_ring *ring)
{
	io_uring_queue_exit(of(ring));
}

const struct sl_nvme_sys sl_nvme_sys_linux = {
	.ioctl = sys_ioctl,
	.ring_open = ring_open,
	.ring_push = ring_push,
	.ring_enter = ring_enter,
	.ring_reap = ring_reap,
	.ring_close = ring_close,
};
