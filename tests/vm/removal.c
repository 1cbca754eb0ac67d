/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NVMe back end in front of a real driver whose controller is reset, and taken away, while
 * commands are in flight: every command is answered, once; nothing hangs; no descriptor stays.
 *
 *   removal RESETS REMOVALS
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "device/nvme/nvme-device.h"
#include "launch/nvme-node.h"
#include "nvme.h"

#define LOAD 32
/* The driver waits 60 s for a device that does not answer when its queues are deleted. */
#define LIMIT_S 90

static struct sl_nvme_dev dev;
static struct {
	struct sl_command cmd;
	struct sl_io io;
	bool out; /* at the device */
	uint8_t data[4096] __attribute__((aligned(4096)));
} slot[LOAD];
static unsigned long n_ok, n_error, n_failed;
static unsigned errors[256], statuses[0x10000];
static unsigned in_flight;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void done(struct sl_device *d, struct sl_io *io)
{
	unsigned i = io->tag;

	(void)d;
	if (i >= LOAD || !slot[i].out)
		die("removal: command %u was answered twice", i);
	slot[i].out = false;
	in_flight--;
	if (io->out.outcome == SL_OUTCOME_FAILED) {
		n_failed++;
		errors[io->out.error % 256]++;
	} else if (io->out.status) {
		n_error++;
		statuses[io->out.status]++;
	} else {
		n_ok++;
	}
}

/* SMART log, Identify, Read, and now and then one that goes by ioctl. -errno: it was not sent. */
static int send_one(unsigned i, unsigned long turn)
{
	struct sl_command *c = &slot[i].cmd;
	bool io = turn % 3 == 0;
	int r;

	*c = (struct sl_command){.set = io ? SL_SET_NVME_NVM : SL_SET_NVME_ADMIN,
				 .dir = SL_DIR_IN,
				 .req_len = 64,
				 .data_len = io ? 512 : 4096};
	c->req[0] = io ? 0x02 : turn % 3 == 1 ? 0x06 : 0x02;
	if (io) {
		sl_put_le32(c->req + 4, 1);
	} else if (turn % 3 == 1) {
		sl_put_le32(c->req + 40, 1);
	} else {
		sl_put_le32(c->req + 4, 0xffffffff);
		sl_put_le32(c->req + 40, 1023u << 16 | 1u << 15 | 2);
	}
	slot[i].io = (struct sl_io){.cmd = c,
				    .data = slot[i].data,
				    .data_size = c->data_len,
				    .timeout_ms = 10000,
				    .heavy = turn % 7 == 0,
				    .tag = i};
	slot[i].out = true;
	in_flight++;
	r = dev.dev.ops->submit(&dev.dev, &slot[i].io);
	if (r < 0) {
		slot[i].out = false;
		in_flight--;
	}
	return r;
}

/* Completes what comes within `ms`. -ENODEV: the device has gone, and all were answered. */
static int reap(int ms)
{
	struct pollfd p = {.fd = dev.dev.poll_fd, .events = POLLIN};

	dev.dev.ops->kick(&dev.dev);
	if (poll(&p, 1, ms) <= 0)
		return 0;
	return dev.dev.ops->poll(&dev.dev);
}

/* Keeps the device busy for a while, or until it has gone. */
static int load(double seconds)
{
	static unsigned long turn;
	double end = now() + seconds;

	do {
		unsigned long before = n_ok;

		for (unsigned i = 0; i < LOAD; i++) {
			int r = slot[i].out ? 0 : send_one(i, ++turn);

			if (r == -ENODEV && !in_flight)
				return r;
			if (r < 0 && r != -ENODEV)
				die("removal: submit: %s", strerror(-r));
		}
		if (reap(10) == -ENODEV)
			return -ENODEV;
		/* As a client would: who gets nothing but errors does not ask again at once. */
		if (n_ok == before)
			(void)usleep(1000);
	} while (now() < end);
	return 0;
}

static void drain(const char *what)
{
	double end = now() + LIMIT_S;

	while (in_flight && now() < end)
		if (reap(100) == -ENODEV)
			break;
	if (in_flight)
		die("removal: %u commands hang after a %s", in_flight, what);
}

static void open_device(char path[64])
{
	struct sl_nvme_nodes nodes;
	struct sl_diag d = {0};

	find_ctrl("SOLO", 0, path);
	if (sl_nvme_open(path, &nodes, &d) < 0)
		die("removal: %s", d.text);
	sl_nvme_nodes_release(&nodes); /* a claim would keep the namespace busy */
	sl_nvme_dev_init(&dev, nodes.fd, NULL);
	dev.dev.done = done;
	for (unsigned i = 0; i < SL_NVME_NODES_MAX && nodes.ns[i].nsid; i++)
		if (sl_nvme_dev_namespace(&dev, nodes.ns[i].fd, nodes.ns[i].nsid) < 0)
			die("removal: namespace %u was refused", nodes.ns[i].nsid);
	if (sl_nvme_dev_start(&dev) < 0)
		die("removal: the device could not be started");
	if (!dev.has_ring)
		die("removal: no ring on this kernel");
}

/* In a process of its own, as whoever resets a controller would. */
static pid_t in_child(const char *path, const char *attribute)
{
	pid_t p = fork();

	if (p != 0)
		return p;
	if (attribute) {
		int fd = open(attribute, O_WRONLY);

		_exit(fd >= 0 && write(fd, "1", 1) == 1 ? 0 : 1);
	} else {
		int fd = open(path, O_RDWR);

		_exit(fd >= 0 && ioctl(fd, NVME_IOCTL_RESET) == 0 ? 0 : 1);
	}
}

static void join(pid_t p, const char *what)
{
	int status;

	if (waitpid(p, &status, 0) != p || status != 0)
		die("removal: the %s did not work", what);
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

static void report(void)
{
	(void)printf("%lu completed, %lu with an error of the device, %lu failed:", n_ok, n_error,
		     n_failed);
	for (unsigned e = 0; e < 256; e++)
		if (errors[e])
			(void)printf(" %u %s", errors[e], errno_name((int)e));
	for (unsigned i = 0; i < SL_COUNT(statuses); i++)
		if (statuses[i])
			(void)printf(" %u status %04x", statuses[i], i);
	(void)putchar('\n');
}

static void resets(unsigned n)
{
	unsigned before = open_files();
	char path[64];
	pid_t p;

	open_device(path);
	for (unsigned i = 0; i < n; i++) {
		(void)load(0.05);
		p = in_child(path, NULL);
		(void)load(0.1);
		join(p, "reset");
		(void)load(0.02);
	}
	drain("reset");
	/* It works as before. */
	n_ok = 0;
	(void)load(0.1);
	drain("reset");
	if (!n_ok || dev.gone)
		die("removal: the device does not answer after %u resets", n);
	dev.dev.ops->close(&dev.dev);
	if (open_files() != before)
		die("removal: %u descriptors leaked", open_files() - before);
}

/* Where in the kernel a process is that should have ended. */
static void where(pid_t p)
{
	char path[64], line[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stack", (int)p);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		(void)fputs(line, stderr);
	if (f)
		(void)fclose(f);
}

static void removals(unsigned n)
{
	char path[64], attribute[128];
	unsigned before = open_files();

	for (unsigned i = 0; i < n; i++) {
		double end;
		pid_t p;
		int fd;

		open_device(path);
		(void)load(0.05);
		(void)snprintf(attribute, sizeof(attribute), "/sys/class/nvme/%s/device/remove",
			       path + strlen("/dev/"));
		p = in_child(path, attribute);
		end = now() + LIMIT_S;
		while (load(0.05) != -ENODEV)
			if (now() > end) {
				report();
				where(p);
				die("removal: the device does not say that it has gone");
			}
		if (in_flight)
			die("removal: gone with %u commands unanswered", in_flight);
		dev.dev.ops->close(&dev.dev);
		join(p, "removal");
		fd = open("/sys/bus/pci/rescan", O_WRONLY);
		if (fd < 0 || write(fd, "1", 1) != 1)
			die("removal: rescan: %s", strerror(errno));
		close(fd);
		/* Until its namespaces are back. */
		end = now() + LIMIT_S;
		for (uint32_t nsid = 1; nsid <= 4 && now() < end; nsid++)
			while (!find_node("SOLO", nsid, NODE_CHAR, attribute) && now() < end)
				(void)usleep(20000);
	}
	if (open_files() != before)
		die("removal: %u descriptors leaked", open_files() - before);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: removal RESETS REMOVALS");
	resets((unsigned)atoi(argv[1]));
	(void)printf("%s resets under load\n", argv[1]);
	removals((unsigned)atoi(argv[2]));
	(void)printf("%s removals under load\n", argv[2]);
	report();
	return 0;
}
