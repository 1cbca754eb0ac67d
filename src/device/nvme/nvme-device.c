/* SPDX-License-Identifier: Apache-2.0 */
#include "device/nvme/nvme-device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "wire/wire.h"

/* A controller that was reset or removed under a command; whether it was carried out is not known.
 * The kernel says EINTR, which everybody takes for "try again". */
#define CANCELLED ECANCELED

static void poke(struct sl_nvme_dev *d)
{
	const uint64_t one = 1;

	/* Only a counter that would overflow refuses, and then it is not zero: poll() comes. */
	(void)!write(d->event, &one, sizeof(one));
}

static bool gives(const struct sl_command *c, uint8_t dir)
{
	return c->dir == dir || c->dir == SL_DIR_BOTH;
}

/* An errno of the driver that means: not through this door, and nothing was sent. */
static bool wrong_door(int res)
{
	return res == -ENOTTY || res == -EOPNOTSUPP;
}

static void finish(struct sl_nvme_dev *d, struct sl_io *io, int res, uint64_t result)
{
	bool in = gives(io->cmd, SL_DIR_IN);

	d->inflight[io->tag] = NULL;
	if (res < 0) {
		int error = res == -EINTR ? CANCELLED : -res;

		/* A namespace can go by itself; its controller only with everything. */
		if (res == -ENODEV && io->cmd->set == SL_SET_NVME_ADMIN)
			d->gone = true;
		io->out = (struct sl_completion){.outcome = SL_OUTCOME_FAILED,
						 .error = (uint32_t)error};
	} else {
		io->out = (struct sl_completion){
			.outcome = SL_OUTCOME_OK,
			.status = (uint16_t)res,
			.result = result,
			/* The driver does not say how much came: all of it, or an error's nothing.
			 */
			.data_len = in && res == 0 ? io->data_size : 0,
			.meta_len = in && res == 0 ? io->meta_size : 0,
		};
	}
	d->dev.done(&d->dev, io);
}

/* Which file a command goes to, or -errno. */
static int file_of(const struct sl_nvme_dev *d, const struct sl_command *c)
{
	uint32_t nsid = sl_get_le32(c->req + 4);

	if (c->set == SL_SET_NVME_ADMIN)
		return 0;
	/* The newest: a namespace that was taken away and came again has two. */
	for (unsigned i = d->n_files - 1; i > 0; i--)
		if (d->nsid[i] == nsid)
			return (int)i;
	/* The driver takes no I/O command for another namespace than the node's, nor for all. */
	return -ENXIO;
}

/* The ioctl way: in the helper thread */

_Static_assert(offsetof(struct nvme_passthru_cmd, timeout_ms) ==
		       offsetof(struct nvme_passthru_cmd64, timeout_ms),
	       "the two forms differ in the result alone");

static void fill(const struct sl_io *io, struct nvme_passthru_cmd64 *ret)
{
	const uint8_t *q = io->cmd->req;

	*ret = (struct nvme_passthru_cmd64){
		.opcode = q[0],
		.flags = q[1],
		.nsid = sl_get_le32(q + 4),
		.cdw2 = sl_get_le32(q + 8),
		.cdw3 = sl_get_le32(q + 12),
		.metadata = io->meta_size ? (uintptr_t)io->meta : 0,
		.addr = io->data_size ? (uintptr_t)io->data : 0,
		.metadata_len = io->meta_size,
		.data_len = io->data_size,
		.cdw10 = sl_get_le32(q + 40),
		.cdw11 = sl_get_le32(q + 44),
		.cdw12 = sl_get_le32(q + 48),
		.cdw13 = sl_get_le32(q + 52),
		.cdw14 = sl_get_le32(q + 56),
		.cdw15 = sl_get_le32(q + 60),
		.timeout_ms = io->timeout_ms,
	};
}

static int by_ioctl(struct sl_nvme_dev *d, const struct sl_io *io, int fd, uint64_t *ret_result)
{
	bool admin = io->cmd->set == SL_SET_NVME_ADMIN;
	struct nvme_passthru_cmd64 c;
	struct nvme_passthru_cmd old;
	int r = -ENOTTY;

	fill(io, &c);
	if (!atomic_load(&d->no_64)) {
		r = d->sys->ioctl(fd, admin ? NVME_IOCTL_ADMIN64_CMD : NVME_IOCTL_IO64_CMD, &c);
		*ret_result = c.result;
	}
	if (r != -ENOTTY)
		return r;
	atomic_store(&d->no_64, true);
	memcpy(&old, &c, offsetof(struct nvme_passthru_cmd, result));
	old.result = 0;
	r = d->sys->ioctl(fd, admin ? NVME_IOCTL_ADMIN_CMD : NVME_IOCTL_IO_CMD, &old);
	*ret_result = old.result;
	return r;
}

static void *helper(void *arg)
{
	struct sl_nvme_dev *d = arg;
	uint8_t tag;

	poke(d); /* it runs: what starting a thread needs was done before the filter */
	for (;;) {
		ssize_t n = read(d->jobs[0], &tag, 1);
		struct sl_nvme_job *j = &d->job[tag % SL_NVME_INFLIGHT];

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		j->res = by_ioctl(d, d->inflight[tag], j->fd, &j->result);
		atomic_store_explicit(&j->done, true, memory_order_release);
		poke(d);
	}
}

static int to_helper(struct sl_nvme_dev *d, struct sl_io *io, unsigned file)
{
	uint8_t tag = (uint8_t)io->tag;

	d->inflight[tag] = io;
	d->job[tag].fd = d->files[file];
	/* The pipe holds more tags than there are commands in flight: this does not block. */
	if (write(d->jobs[1], &tag, 1) == 1)
		return 0;
	d->inflight[tag] = NULL;
	return -EIO;
}

/* The ring */

static int to_ring(struct sl_nvme_dev *d, struct sl_io *io, unsigned file)
{
	struct nvme_passthru_cmd64 c;
	struct nvme_uring_cmd u = {0};
	int r;

	fill(io, &c);
	memcpy(&u, &c, offsetof(struct nvme_passthru_cmd64, timeout_ms));
	u.timeout_ms = c.timeout_ms;
	r = d->sys->ring_push(&d->ring, file, file ? NVME_URING_CMD_IO : NVME_URING_CMD_ADMIN, &u,
			      io->tag);
	if (r < 0)
		return r;
	d->inflight[io->tag] = io;
	d->queued++;
	return 0;
}

_Static_assert(offsetof(struct nvme_passthru_cmd64, timeout_ms) ==
		       offsetof(struct nvme_uring_cmd, timeout_ms),
	       "the ring's form is the ioctl's without its result");

static void nvme_kick(struct sl_device *dev)
{
	struct sl_nvme_dev *d = (struct sl_nvme_dev *)dev;
	int r;

	if (!d->queued)
		return;
	r = d->sys->ring_enter(&d->ring);
	if (r > 0)
		d->queued -= (unsigned)r < d->queued ? (unsigned)r : d->queued;
	if (d->queued)
		poke(d); /* poll() comes, and tries again */
}

static int nvme_submit(struct sl_device *dev, struct sl_io *io)
{
	struct sl_nvme_dev *d = (struct sl_nvme_dev *)dev;
	int file = file_of(d, io->cmd);

	if (d->gone)
		return -ENODEV;
	if (file < 0)
		return file;
	if (io->tag >= SL_NVME_INFLIGHT || d->inflight[io->tag])
		return -EBUSY;
	if (!d->has_ring || io->heavy || (unsigned)file >= d->n_ring ||
	    (file == 0 && d->ring_no_admin))
		return to_helper(d, io, (unsigned)file);
	return to_ring(d, io, (unsigned)file);
}

static int nvme_poll(struct sl_device *dev)
{
	struct sl_nvme_dev *d = (struct sl_nvme_dev *)dev;
	struct sl_nvme_cqe cqe;
	uint64_t n;

	(void)!read(d->event, &n, sizeof(n));
	nvme_kick(dev);
	while (d->has_ring && d->sys->ring_reap(&d->ring, &cqe)) {
		struct sl_io *io = cqe.tag < SL_NVME_INFLIGHT ? d->inflight[cqe.tag] : NULL;

		if (!io)
			continue;
		if (wrong_door(cqe.res) && io->cmd->set == SL_SET_NVME_ADMIN) {
			d->ring_no_admin = true;
			if (to_helper(d, io, 0) == 0)
				continue;
		}
		finish(d, io, cqe.res, cqe.result);
	}
	for (unsigned i = 0; d->has_thread && i < SL_NVME_INFLIGHT; i++) {
		struct sl_nvme_job *j = &d->job[i];

		if (!atomic_load_explicit(&j->done, memory_order_acquire))
			continue;
		atomic_store_explicit(&j->done, false, memory_order_relaxed);
		finish(d, d->inflight[i], j->res, j->result);
	}
	if (!d->gone)
		return 0;
	/* The driver completes what is in flight; its buffers are the device's until then. */
	for (unsigned i = 0; i < SL_NVME_INFLIGHT; i++)
		if (d->inflight[i])
			return 0;
	dev->poll_fd = -1;
	return -ENODEV;
}

static void nvme_detach(struct sl_device *dev, struct sl_io *io)
{
	/* Nothing can call a command back from the driver; its own timeout ends it. */
	(void)dev;
	(void)io;
}

static void nvme_close(struct sl_device *dev)
{
	struct sl_nvme_dev *d = (struct sl_nvme_dev *)dev;

	if (d->jobs[1] >= 0)
		close(d->jobs[1]); /* ends the thread */
	if (d->has_thread)
		(void)pthread_join(d->thread, NULL);
	if (d->has_ring)
		d->sys->ring_close(&d->ring);
	if (d->jobs[0] >= 0)
		close(d->jobs[0]);
	if (d->event >= 0)
		close(d->event);
	for (unsigned i = 0; i < d->n_files; i++)
		close(d->files[i]);
	d->n_files = 0;
	d->has_thread = d->has_ring = false;
	d->event = d->jobs[0] = d->jobs[1] = dev->poll_fd = -1;
}

static int nvme_start(struct sl_device *dev)
{
	return sl_nvme_dev_start((struct sl_nvme_dev *)dev);
}

static const struct sl_device_needs nvme_needs = {
	.capabilities = 1ull << CAP_SYS_ADMIN,
	.ioctls = {NVME_IOCTL_ADMIN64_CMD, NVME_IOCTL_IO64_CMD, NVME_IOCTL_ADMIN_CMD,
		   NVME_IOCTL_IO_CMD},
	.n_ioctls = 4,
	.ring = true,
};

static const struct sl_device_ops nvme_ops = {
	.name = "nvme",
	.start = nvme_start,
	.submit = nvme_submit,
	.poll = nvme_poll,
	.detach = nvme_detach,
	.close = nvme_close,
	.kick = nvme_kick,
};

void sl_nvme_dev_init(struct sl_nvme_dev *d, int fd, const struct sl_nvme_sys *sys)
{
	memset(d, 0, sizeof(*d));
	d->dev = (struct sl_device){.ops = &nvme_ops, .poll_fd = -1, .needs = &nvme_needs};
	d->dev.max_transfer = SL_WIRE_DATA_MAX;
	d->sys = sys ? sys : &sl_nvme_sys_linux;
	d->files[0] = fd;
	d->n_files = 1;
	d->event = d->jobs[0] = d->jobs[1] = -1;
}

int sl_nvme_dev_namespace(struct sl_nvme_dev *d, int fd, uint32_t nsid)
{
	int r = 0;

	if (d->n_files == 1 + SL_NVME_NS_MAX)
		r = -E2BIG;
	else if (nsid == 0 ||
		 (!d->has_thread && d->sys->ioctl(fd, NVME_IOCTL_ID, NULL) != (int)nsid))
		r = -EINVAL;
	if (r < 0) {
		close(fd);
		return r;
	}
	d->files[d->n_files] = fd;
	d->nsid[d->n_files++] = nsid;
	return 0;
}

/* With every signal blocked: they are the main thread's. */
static int start_thread(struct sl_nvme_dev *d)
{
	sigset_t all, old;
	uint64_t n;
	int r;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&d->thread, NULL, helper, d);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return -r;
	d->has_thread = true;
	/* Its greeting; the eventfd blocks until then and not any more from here on. */
	while (read(d->event, &n, sizeof(n)) < 0)
		if (errno != EINTR)
			return -errno;
	return fcntl(d->event, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int sl_nvme_dev_start(struct sl_nvme_dev *d)
{
	int r;

	d->event = eventfd(0, EFD_CLOEXEC);
	if (d->event < 0 || pipe2(d->jobs, O_CLOEXEC) < 0)
		return -errno;
	r = start_thread(d);
	if (r < 0)
		return r;
	d->n_ring = d->n_files;
	d->has_ring = d->sys->ring_open(&d->ring, d->files, d->n_files, d->event) == 0;
	d->dev.poll_fd = d->event;
	return 0;
}

int sl_nvme_begin(struct sl_device *dev, unsigned kind, int fd)
{
	(void)kind;
	sl_nvme_dev_init((struct sl_nvme_dev *)dev, fd, NULL);
	return 0;
}
