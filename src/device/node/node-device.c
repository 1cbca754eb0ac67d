/* SPDX-License-Identifier: Apache-2.0 */
#include "device/node/node-device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int linux_ioctl(int fd, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	return r < 0 ? -errno : r;
}

static void poke(struct sl_node_dev *d)
{
	const uint64_t one = 1;

	/* Only a counter that would overflow refuses, and then it is not zero: poll() comes. */
	(void)!write(d->event, &one, sizeof(one));
}

static void *helper(void *arg)
{
	struct sl_node_dev *d = arg;
	uint8_t tag;

	poke(d); /* it runs: what starting a thread needs was done before the filter */
	for (;;) {
		ssize_t n = read(d->jobs[0], &tag, 1);
		struct sl_node_job *j = &d->job[tag % SL_NODE_INFLIGHT];

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		j->out = (struct sl_completion){.outcome = SL_OUTCOME_OK};
		j->res = d->row->send(d->sys, d->fd, d->inflight[tag], &j->out);
		atomic_store_explicit(&j->done, true, memory_order_release);
		poke(d);
	}
}

static void finish(struct sl_node_dev *d, unsigned tag)
{
	struct sl_io *io = d->inflight[tag];
	const struct sl_node_job *j = &d->job[tag];

	d->inflight[tag] = NULL;
	io->out = j->out;
	if (j->res < 0) {
		/* sg and fwctl say ENODEV, CXL says ENXIO. */
		d->gone = d->gone || j->res == -ENODEV || j->res == -ENXIO;
		/* Whether it was carried out is not known: EINTR would be taken for "try again". */
		io->out = (struct sl_completion){
			.outcome = SL_OUTCOME_FAILED,
			.error = (uint32_t)(j->res == -EINTR ? ECANCELED : -j->res),
		};
	}
	d->dev.done(&d->dev, io);
}

static int node_submit(struct sl_device *dev, struct sl_io *io)
{
	struct sl_node_dev *d = (struct sl_node_dev *)dev;
	uint8_t tag = (uint8_t)io->tag;

	if (d->gone)
		return -ENODEV;
	if (io->tag >= SL_NODE_INFLIGHT || d->inflight[tag])
		return -EBUSY;
	d->inflight[tag] = io;
	/* The pipe holds more tags than there are commands in flight: this does not block. */
	if (write(d->jobs[1], &tag, 1) == 1)
		return 0;
	d->inflight[tag] = NULL;
	return -EIO;
}

static int node_poll(struct sl_device *dev)
{
	struct sl_node_dev *d = (struct sl_node_dev *)dev;
	uint64_t n;

	(void)!read(d->event, &n, sizeof(n));
	for (unsigned i = 0; i < SL_NODE_INFLIGHT; i++) {
		if (!atomic_load_explicit(&d->job[i].done, memory_order_acquire))
			continue;
		atomic_store_explicit(&d->job[i].done, false, memory_order_relaxed);
		finish(d, i);
	}
	if (!d->gone)
		return 0;
	/* The driver ends what is in flight; its buffers are the device's until then. */
	for (unsigned i = 0; i < SL_NODE_INFLIGHT; i++)
		if (d->inflight[i])
			return 0;
	dev->poll_fd = -1;
	return -ENODEV;
}

static void node_detach(struct sl_device *dev, struct sl_io *io)
{
	/* Nothing can call a command back from the driver; its own timeout ends it. */
	(void)dev;
	(void)io;
}

static void node_close(struct sl_device *dev)
{
	struct sl_node_dev *d = (struct sl_node_dev *)dev;
	const int fds[] = {d->jobs[0], d->event, d->fd};

	if (d->jobs[1] >= 0)
		close(d->jobs[1]); /* ends the threads */
	while (d->n_threads)
		(void)pthread_join(d->thread[--d->n_threads], NULL);
	for (unsigned i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	d->fd = d->event = d->jobs[0] = d->jobs[1] = dev->poll_fd = -1;
}

static int node_start(struct sl_device *dev)
{
	struct sl_node_dev *d = (struct sl_node_dev *)dev;
	sigset_t all, old;
	uint64_t n;
	int r = 0;

	d->event = eventfd(0, EFD_CLOEXEC);
	if (d->event < 0 || pipe2(d->jobs, O_CLOEXEC) < 0)
		return -errno;
	/* With every signal blocked: they are the main thread's. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && d->n_threads < SL_NODE_THREADS) {
		r = pthread_create(&d->thread[d->n_threads], NULL, helper, d);
		d->n_threads += r == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return -r;
	/* Their greetings; the eventfd blocks until then and not any more from here on. */
	for (uint64_t greeted = 0; greeted < SL_NODE_THREADS;) {
		if (read(d->event, &n, sizeof(n)) == sizeof(n))
			greeted += n;
		else if (errno != EINTR)
			return -errno;
	}
	dev->poll_fd = d->event;
	return fcntl(d->event, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static const struct sl_device_ops node_ops = {
	.name = "node",
	.start = node_start,
	.submit = node_submit,
	.poll = node_poll,
	.detach = node_detach,
	.close = node_close,
};

void sl_node_dev_init(struct sl_node_dev *d, enum sl_node_kind kind, int fd, sl_node_ioctl sys)
{
	memset(d, 0, sizeof(*d));
	d->row = &sl_node_rows[kind];
	d->dev = (struct sl_device){
		.ops = &node_ops,
		.poll_fd = -1,
		.max_transfer = d->row->max_transfer,
		.protocol = d->row->protocol,
		.needs = &d->row->needs,
	};
	d->sys = sys ? sys : linux_ioctl;
	d->fd = fd;
	d->event = d->jobs[0] = d->jobs[1] = -1;
}

int sl_node_begin(struct sl_device *dev, unsigned kind, int fd)
{
	sl_node_dev_init((struct sl_node_dev *)dev, (enum sl_node_kind)kind, fd, NULL);
	return 0;
}
