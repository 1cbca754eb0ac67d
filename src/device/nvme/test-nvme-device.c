/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NVMe back end against a kernel that answers as a table says: which door a command takes, what
 * the driver is told, and that every error of every call ends in one answer and no second sending.
 * The last part uses the machine's own ring, on a file that is no NVMe device.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "device/nvme/nvme-device.h"

#define DOORS 8

/* The kernel's part. */
static struct {
	/* ioctl: answers in order; what was asked */
	int answer[DOORS];
	unsigned long asked[DOORS];
	struct nvme_passthru_cmd64 last;
	unsigned n_ioctl;
	int ioctl_fd;
	/* ring */
	int open_error, push_error, enter_error;
	struct sl_nvme_cqe done[SL_NVME_INFLIGHT];
	struct nvme_uring_cmd queued[SL_NVME_INFLIGHT];
	uint32_t op[SL_NVME_INFLIGHT], tag[SL_NVME_INFLIGHT];
	unsigned file[SL_NVME_INFLIGHT];
	unsigned n_queued, n_sent, n_enter, n_done;
	bool closed;
} kernel;

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	unsigned i = kernel.n_ioctl++ % DOORS;

	if (request == NVME_IOCTL_ID) {
		kernel.n_ioctl--;
		return fd - 1000; /* node 1007 is namespace 7 */
	}
	kernel.asked[i] = request;
	kernel.ioctl_fd = fd;
	memcpy(&kernel.last, arg, sizeof(struct nvme_passthru_cmd));
	if (kernel.answer[i] >= 0) {
		if (request == NVME_IOCTL_ADMIN_CMD || request == NVME_IOCTL_IO_CMD)
			((struct nvme_passthru_cmd *)arg)->result = 32;
		else
			((struct nvme_passthru_cmd64 *)arg)->result = 64ull << 32;
	}
	return kernel.answer[i];
}

static int fake_open(struct sl_nvme_ring *ring, const int *files, unsigned n, int event)
{
	(void)ring;
	(void)event;
	assert(n == 2 && files[0] == 1000 && files[1] == 1007);
	return kernel.open_error;
}

static int fake_push(struct sl_nvme_ring *ring, unsigned file, uint32_t op,
		     const struct nvme_uring_cmd *cmd, uint32_t tag)
{
	unsigned i = kernel.n_queued;

	(void)ring;
	if (kernel.push_error)
		return kernel.push_error;
	kernel.queued[i] = *cmd;
	kernel.op[i] = op;
	kernel.file[i] = file;
	kernel.tag[i] = tag;
	kernel.n_queued++;
	return 0;
}

static int fake_enter(struct sl_nvme_ring *ring)
{
	int n = (int)(kernel.n_queued - kernel.n_sent);

	(void)ring;
	kernel.n_enter++;
	if (kernel.enter_error)
		return kernel.enter_error;
	kernel.n_sent = kernel.n_queued;
	return n;
}

static int fake_reap(struct sl_nvme_ring *ring, struct sl_nvme_cqe *ret)
{
	(void)ring;
	if (!kernel.n_done)
		return 0;
	*ret = kernel.done[--kernel.n_done];
	return 1;
}

static void fake_close(struct sl_nvme_ring *ring)
{
	(void)ring;
	kernel.closed = true;
}

static const struct sl_nvme_sys fake = {
	fake_ioctl, fake_open, fake_push, fake_enter, fake_reap, fake_close,
};

/* The gate's part. */
static struct sl_nvme_dev dev;
static struct sl_command cmd;
static struct sl_io io, more[4];
static uint8_t data[4096], meta[64];
static unsigned n_done;

static void on_done(struct sl_device *d, struct sl_io *i)
{
	assert(d == &dev.dev && (i == &io || (i >= more && i < more + 4)));
	n_done++;
}

static void start(void)
{
	sl_nvme_dev_init(&dev, 1000, &fake);
	assert(sl_nvme_dev_namespace(&dev, 1007, 7) == 0);
	dev.dev.done = on_done;
	assert(sl_nvme_dev_start(&dev) == 0);
	n_done = 0;
}

static void stop(void)
{
	dev.n_files = 0; /* they are numbers, not descriptors */
	dev.dev.ops->close(&dev.dev);
}

static void command(uint8_t set, uint8_t opcode, uint32_t nsid)
{
	cmd = (struct sl_command){.set = set, .dir = SL_DIR_IN, .req_len = 64, .data_len = 512};
	cmd.req[0] = opcode;
	sl_put_le32(cmd.req + 4, nsid);
	for (unsigned i = 8; i < 64; i += 4)
		if (i < 16 || i >= 40)
			sl_put_le32(cmd.req + i, 0x1000 + i);
	io = (struct sl_io){.cmd = &cmd,
			    .data = data,
			    .data_size = sizeof(data),
			    .meta = meta,
			    .timeout_ms = 60000,
			    .tag = 5};
}

static void wait_done(void)
{
	struct pollfd p = {.fd = dev.dev.poll_fd, .events = POLLIN};

	for (unsigned was = n_done; n_done == was;) {
		assert(poll(&p, 1, 5000) == 1);
		assert(dev.dev.ops->poll(&dev.dev) == 0 || dev.gone);
	}
}

static int submit(struct sl_io *i)
{
	int r = dev.dev.ops->submit(&dev.dev, i);

	dev.dev.ops->kick(&dev.dev);
	return r;
}

static void complete(uint32_t tag, int res, uint64_t result)
{
	const uint64_t one = 1;

	kernel.done[kernel.n_done++] = (struct sl_nvme_cqe){tag, res, result};
	assert(write(dev.event, &one, sizeof(one)) == sizeof(one)); /* as the ring does */
}

static void check_dwords(const struct nvme_passthru_cmd64 *c)
{
	const uint32_t want[] = {c->cdw2,  c->cdw3,  c->cdw10, c->cdw11,
				 c->cdw12, c->cdw13, c->cdw14, c->cdw15};
	const unsigned at[] = {8, 12, 40, 44, 48, 52, 56, 60};

	for (unsigned i = 0; i < 8; i++)
		assert(want[i] == 0x1000 + at[i]);
	assert(c->addr == (uintptr_t)data && c->data_len == sizeof(data));
	assert(c->metadata == 0 && c->metadata_len == 0 && c->timeout_ms == 60000);
}

/* The bytes that were judged are what the ring is given; each queue has its file. */
static void test_ring(void)
{
	struct nvme_passthru_cmd64 c = {0};

	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_ADMIN, 0x02, 0xffffffff);
	assert(submit(&io) == 0 && kernel.n_enter == 1 && kernel.n_ioctl == 0);
	memcpy(&c, &kernel.queued[0], offsetof(struct nvme_uring_cmd, rsvd2));
	check_dwords(&c);
	assert(c.opcode == 2 && c.nsid == 0xffffffff && kernel.file[0] == 0);
	assert(kernel.op[0] == NVME_URING_CMD_ADMIN && kernel.tag[0] == 5);
	assert(dev.dev.ops->submit(&dev.dev, &io) == -EBUSY); /* its tag is in flight */
	complete(5, 0, 0x123456789abcull);
	assert(dev.dev.ops->poll(&dev.dev) == 0 && n_done == 1);
	assert(io.out.outcome == SL_OUTCOME_OK && io.out.status == 0);
	assert(io.out.result == 0x123456789abcull && io.out.data_len == sizeof(data));

	command(SL_SET_NVME_NVM, 0x02, 7);
	assert(submit(&io) == 0 && kernel.file[1] == 1 && kernel.op[1] == NVME_URING_CMD_IO);
	complete(5, 0x4281, 0); /* unrecovered read error, do not retry */
	assert(dev.dev.ops->poll(&dev.dev) == 0 && n_done == 2);
	assert(io.out.outcome == SL_OUTCOME_OK && io.out.status == 0x4281);
	assert(io.out.data_len == 0);
	/* No node, no command: neither a stranger's namespace nor all of them. */
	command(SL_SET_NVME_NVM, 0x02, 8);
	assert(submit(&io) == -ENXIO);
	command(SL_SET_NVME_NVM, 0x00, 0xffffffff);
	assert(submit(&io) == -ENXIO && kernel.n_queued == 2 && n_done == 2);
	stop();
	assert(kernel.closed);
}

/* One system call sends whatever was submitted in a turn; it failing loses nothing. */
static void test_batch(void)
{
	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_NVM, 0x02, 7);
	for (unsigned i = 0; i < 4; i++) {
		more[i] = io;
		more[i].tag = i;
		assert(dev.dev.ops->submit(&dev.dev, &more[i]) == 0);
	}
	assert(kernel.n_enter == 0);
	dev.dev.ops->kick(&dev.dev);
	dev.dev.ops->kick(&dev.dev);
	assert(kernel.n_enter == 1 && kernel.n_sent == 4);
	/* In any order, and one that answers nothing is not believed. */
	complete(9, 0, 0);
	complete(1, 0, 0);
	complete(3, -EIO, 0);
	assert(dev.dev.ops->poll(&dev.dev) == 0 && n_done == 2);
	assert(more[3].out.outcome == SL_OUTCOME_FAILED && more[3].out.error == EIO);
	complete(0, 0, 0);
	complete(2, 0, 0);
	assert(dev.dev.ops->poll(&dev.dev) == 0 && n_done == 4);

	kernel.enter_error = -EAGAIN;
	assert(submit(&io) == 0 && n_done == 4);
	kernel.enter_error = 0;
	assert(dev.dev.ops->poll(&dev.dev) == 0 && kernel.n_sent == 5);
	complete(5, 0, 0);
	wait_done();
	kernel.push_error = -EBUSY;
	assert(submit(&io) == -EBUSY && !dev.inflight[5]);
	kernel.push_error = 0;
	stop();
}

/* Where the driver has to take notice, and where there is no ring: by ioctl. */
static void test_ioctl(void)
{
	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_ADMIN, 0x80, 7);
	io.heavy = 1;
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.n_queued == 0 && kernel.asked[0] == NVME_IOCTL_ADMIN64_CMD);
	assert(kernel.ioctl_fd == 1000 && kernel.last.opcode == 0x80);
	check_dwords(&kernel.last);
	assert(io.out.outcome == SL_OUTCOME_OK && io.out.result == 64ull << 32);

	/* An old driver: asked once for the 64-bit form, never again. */
	kernel.n_ioctl = 0;
	kernel.answer[0] = -ENOTTY;
	kernel.answer[1] = 0x4002;
	command(SL_SET_NVME_NVM, 0x79, 7);
	io.heavy = 1;
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.n_ioctl == 2 && kernel.asked[0] == NVME_IOCTL_IO64_CMD &&
	       kernel.asked[1] == NVME_IOCTL_IO_CMD && kernel.ioctl_fd == 1007);
	assert(io.out.status == 0x4002 && io.out.result == 32 && io.out.data_len == 0);
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.n_ioctl == 3 && kernel.asked[2] == NVME_IOCTL_IO_CMD);
	stop();

	memset(&kernel, 0, sizeof(kernel));
	kernel.open_error = -EPERM; /* io_uring_disabled */
	start();
	command(SL_SET_NVME_ADMIN, 0x06, 0);
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.n_queued == 0 && kernel.n_ioctl == 1 && io.out.outcome == SL_OUTCOME_OK);
	stop();
	assert(!kernel.closed);
}

/* A ring that does not take admin commands: nothing was sent, so that they go the other way. */
static void test_wrong_door(void)
{
	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_ADMIN, 0x06, 0);
	assert(submit(&io) == 0 && kernel.n_queued == 1);
	complete(5, -ENOTTY, 0);
	wait_done();
	assert(io.out.outcome == SL_OUTCOME_OK && kernel.n_ioctl == 1);
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.n_queued == 1 && kernel.n_ioctl == 2);
	stop();
}

/* Every error, through both doors: one answer, sent once. */
static void test_errors(void)
{
	static const struct {
		int driver, client;
	} errors[] = {
		{-EACCES, EACCES}, {-EINVAL, EINVAL}, {-EIO, EIO},	   {-ENOMEM, ENOMEM},
		{-EAGAIN, EAGAIN}, {-EFAULT, EFAULT}, {-EINTR, ECANCELED}, {-ETIMEDOUT, ETIMEDOUT},
	};

	for (unsigned i = 0; i < SL_COUNT(errors); i++) {
		for (unsigned heavy = 0; heavy < 2; heavy++) {
			memset(&kernel, 0, sizeof(kernel));
			kernel.answer[0] = errors[i].driver;
			start();
			command(SL_SET_NVME_ADMIN, 0x06, 0);
			io.heavy = (uint8_t)heavy;
			assert(submit(&io) == 0);
			if (!heavy)
				complete(5, errors[i].driver, 0);
			if (heavy)
				wait_done();
			else
				assert(dev.dev.ops->poll(&dev.dev) == 0);
			assert(n_done == 1 && kernel.n_ioctl == heavy && kernel.n_queued == !heavy);
			assert(io.out.outcome == SL_OUTCOME_FAILED &&
			       io.out.error == (uint32_t)errors[i].client && io.out.data_len == 0);
			stop();
		}
	}
}

/* Removed with commands in flight: all are answered, then it says that it has gone. */
static void test_gone(void)
{
	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_ADMIN, 0x02, 0);
	for (unsigned i = 0; i < 3; i++) {
		more[i] = io;
		more[i].tag = i;
		assert(submit(&more[i]) == 0);
	}
	complete(1, -ENODEV, 0);
	assert(dev.dev.ops->poll(&dev.dev) == 0 && n_done == 1);
	assert(more[1].out.error == ENODEV);
	assert(submit(&io) == -ENODEV);
	complete(0, -EINTR, 0);
	complete(2, -ENODEV, 0);
	assert(dev.dev.ops->poll(&dev.dev) == -ENODEV && n_done == 3 && dev.dev.poll_fd == -1);
	assert(submit(&io) == -ENODEV);
	stop();

	/* A namespace that goes takes nobody with it. */
	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_NVM, 0x02, 7);
	assert(submit(&io) == 0);
	complete(5, -ENODEV, 0);
	assert(dev.dev.ops->poll(&dev.dev) == 0 && n_done == 1 && !dev.gone);
	stop();
}

static void test_namespace(void)
{
	int fd[2];

	sl_nvme_dev_init(&dev, 1000, &fake);
	assert(pipe(fd) == 0);
	assert(sl_nvme_dev_namespace(&dev, fd[0], 7) ==
	       -EINVAL);			    /* not the node it is said to be */
	assert(close(fd[0]) < 0 && errno == EBADF); /* taken all the same */
	for (uint32_t i = 1; i <= SL_NVME_NS_MAX; i++)
		assert(sl_nvme_dev_namespace(&dev, 1000 + (int)i, i) == 0);
	assert(sl_nvme_dev_namespace(&dev, fd[1], 7) == -E2BIG);
	stop();
}

/* Namespaces that come later: by ioctl, since the ring knows none but those of the start. */
static void test_latecomer(void)
{
	memset(&kernel, 0, sizeof(kernel));
	start();
	command(SL_SET_NVME_NVM, 0x02, 8);
	assert(submit(&io) == -ENXIO);
	/* Whose node it is the launcher has seen: node 1099 would be another one's. */
	assert(sl_nvme_dev_namespace(&dev, 1099, 8) == 0);
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.asked[0] == NVME_IOCTL_IO64_CMD && kernel.ioctl_fd == 1099);
	assert(io.out.outcome == SL_OUTCOME_OK && kernel.n_queued == 0);
	/* One that was there, went and came again is the new one. */
	command(SL_SET_NVME_NVM, 0x02, 7);
	assert(submit(&io) == 0 && kernel.n_queued == 1 && kernel.file[0] == 1);
	complete(io.tag, 0, 0);
	wait_done();
	assert(sl_nvme_dev_namespace(&dev, 1107, 7) == 0);
	assert(submit(&io) == 0);
	wait_done();
	assert(kernel.ioctl_fd == 1107 && kernel.n_queued == 1);
	command(SL_SET_NVME_ADMIN, 0x06, 0);
	assert(submit(&io) == 0 && kernel.n_queued == 2 && kernel.file[1] == 0);
	complete(io.tag, 0, 0);
	wait_done();
	stop();
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Linux itself: the ring answers for a file that takes no NVMe command, and leaks nothing. */
static void test_linux(void)
{
	unsigned before = open_files();

	for (unsigned i = 0; i < 8; i++) {
		sl_nvme_dev_init(&dev, open("/dev/zero", O_RDWR), NULL);
		dev.dev.done = on_done;
		n_done = 0;
		assert(sl_nvme_dev_start(&dev) == 0);
		command(SL_SET_NVME_ADMIN, 0x06, 0);
		assert(submit(&io) == 0);
		wait_done();
		/* The ring says that it is no such file, then ioctl says it in both its forms. */
		assert(io.out.outcome == SL_OUTCOME_FAILED && io.out.error == ENOTTY);
		assert(!dev.has_ring || dev.ring_no_admin);
		dev.dev.ops->close(&dev.dev);
	}
	assert(open_files() == before);
}

int main(void)
{
	test_ring();
	test_batch();
	test_ioctl();
	test_wrong_door();
	test_errors();
	test_gone();
	test_namespace();
	test_latecomer();
	test_linux();
	return 0;
}
