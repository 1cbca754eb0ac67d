/* SPDX-License-Identifier: Apache-2.0 */
#include "nvme.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <liburing.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const node_names[NODE_N] = {"ctrl", "char", "block", "part"};
const char *const door_names[DOOR_N] = {"admin",     "admin64",	   "io",     "io64",
					"submit-io", "ring-admin", "ring-io"};

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(1);
}

static bool has_serial(const char *ctrl, const char *serial)
{
	char path[300], line[64] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/sys/class/nvme/%s/serial", ctrl);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	(void)fclose(f);
	line[strcspn(line, " \n")] = '\0';
	return strcmp(line, serial) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The kernel's names of the controllers with a serial number, sorted. */
static unsigned controllers(const char *serial, char (*ret)[16])
{
	const struct dirent *e;
	unsigned n = 0;
	DIR *d;

	if (access("/out/stage2", F_OK) < 0)
		die("this is not a guest of tools/vm: nothing was done");
	d = opendir("/sys/class/nvme");

	while (d && (e = readdir(d)))
		if (n < 8 && e->d_name[0] != '.' && has_serial(e->d_name, serial))
			(void)snprintf(ret[n++], 16, "%.15s", e->d_name);
	if (d)
		(void)closedir(d);
	qsort(ret, n, 16, by_name);
	return n;
}

void find_ctrl(const char *serial, unsigned n, char ret[64])
{
	char names[8][16];

	if (controllers(serial, names) <= n)
		die("no controller %u with the serial number %s", n, serial);
	(void)snprintf(ret, 64, "/dev/%s", names[n]);
}

bool find_node(const char *serial, uint32_t nsid, enum node_kind kind, char ret[64])
{
	static const char *const forms[NODE_N] = {"", "/dev/ng%un%u", "/dev/nvme%un%u",
						  "/dev/nvme%un%up1"};
	char names[8][16], path[64], dir[64];
	unsigned n = controllers(serial, names);

	for (unsigned i = 0; i < n; i++) {
		const struct dirent *e;
		DIR *d;

		(void)snprintf(dir, sizeof(dir), "/sys/class/nvme/%.15s", names[i]);
		d = opendir(dir);
		while (d && (e = readdir(d))) {
			unsigned a, b, c;
			int fd, id;

			if (sscanf(e->d_name, "ng%un%u", &a, &b) != 2 &&
			    sscanf(e->d_name, "nvme%uc%un%u", &a, &c, &b) != 3)
				continue;
			(void)snprintf(path, sizeof(path), forms[NODE_CHAR], a, b);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			id = fd < 0 ? -1 : ioctl(fd, NVME_IOCTL_ID, NULL);
			if (fd >= 0)
				close(fd);
			if (id != (int)nsid)
				continue;
			(void)closedir(d);
			(void)snprintf(ret, 64, forms[kind], a, b);
			return access(ret, F_OK) == 0;
		}
		if (d)
			(void)closedir(d);
	}
	return false;
}

void add_partition(const char *block)
{
	struct blkpg_partition p = {.pno = 1};
	struct blkpg_ioctl_arg a = {BLKPG_ADD_PARTITION, 0, sizeof(p), &p};
	int fd = open(block, O_RDWR | O_CLOEXEC);
	uint64_t size = 0;

	if (fd < 0 && errno == ENXIO)
		return; /* a namespace that Linux shows and does not use */
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		die("%s: %s", block, strerror(errno));
	p.start = 1 << 20;
	p.length = (long long)size / 2;
	/* A zoned one has no partitions, or no blocks that Linux would use. */
	if (ioctl(fd, BLKPG, &a) < 0 && errno != EBUSY && errno != EINVAL && errno != ENXIO)
		die("%s: partition: %s", block, strerror(errno));
	close(fd);
}

void open_to_all(const char *node, bool write)
{
	if (chmod(node, write ? 0666 : 0444) < 0)
		die("%s: %s", node, strerror(errno));
}

void become_user(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 ||
	    setresuid(USER, USER, USER) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("becoming an ordinary user: %s", strerror(errno));
}

static int ring_send(bool admin, int fd, struct nvme_passthru_cmd64 *cmd)
{
	static struct io_uring ring;
	static bool ready;
	struct io_uring_params p = {.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32};
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int r;

	if (!ready) {
		r = io_uring_queue_init_params(4, &ring, &p);
		if (r < 0)
			return r;
		ready = true;
	}
	sqe = io_uring_get_sqe(&ring);
	if (!sqe)
		die("io_uring: the queue is full");
	memset(sqe, 0, 128);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = admin ? NVME_URING_CMD_ADMIN : NVME_URING_CMD_IO;
	memcpy(sqe->cmd, cmd, offsetof(struct nvme_passthru_cmd64, rsvd2));
	r = io_uring_submit_and_wait(&ring, 1);
	if (r < 0)
		die("io_uring: %s", strerror(-r));
	r = io_uring_wait_cqe(&ring, &cqe);
	if (r < 0)
		die("io_uring: %s", strerror(-r));
	r = cqe->res;
	cmd->result = cqe->big_cqe[0];
	io_uring_cqe_seen(&ring, cqe);
	return r;
}

int door_send(enum door door, int fd, struct nvme_passthru_cmd64 *cmd)
{
	static const unsigned long requests[DOOR_N] = {
		[DOOR_ADMIN] = NVME_IOCTL_ADMIN_CMD,	 [DOOR_ADMIN64] = NVME_IOCTL_ADMIN64_CMD,
		[DOOR_IO] = NVME_IOCTL_IO_CMD,		 [DOOR_IO64] = NVME_IOCTL_IO64_CMD,
		[DOOR_SUBMIT_IO] = NVME_IOCTL_SUBMIT_IO,
	};
	struct nvme_passthru_cmd narrow;
	struct nvme_user_io io = {
		.opcode = cmd->opcode,
		.flags = cmd->flags,
		.nblocks = (uint16_t)cmd->cdw12,
		.addr = cmd->addr,
		.slba = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10,
	};
	int r;

	if (door == DOOR_RING_ADMIN || door == DOOR_RING_IO)
		return ring_send(door == DOOR_RING_ADMIN, fd, cmd);
	if (door == DOOR_SUBMIT_IO) {
		r = ioctl(fd, requests[door], &io);
	} else if (door == DOOR_ADMIN || door == DOOR_IO) {
		memcpy(&narrow, cmd, offsetof(struct nvme_passthru_cmd, result));
		narrow.result = 0;
		r = ioctl(fd, requests[door], &narrow);
		cmd->result = narrow.result;
	} else {
		r = ioctl(fd, requests[door], cmd);
	}
	return r < 0 ? -errno : r;
}

const char *errno_name(int e)
{
	const char *n = strerrorname_np(e);

	return n ? n : "?";
}
