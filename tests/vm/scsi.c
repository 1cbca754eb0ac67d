/* SPDX-License-Identifier: Apache-2.0 */
#include "scsi.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/bsg.h>
#include <linux/cdrom.h>
#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "nvme.h"

#define TIMEOUT_MS 10000

const char *const scsi_door_names[SCSI_DOOR_N] = {
	[SCSI_DOOR_SG_IO] = "sg-io",
	[SCSI_DOOR_SG_WRITE] = "sg-write",
	[SCSI_DOOR_SG_SEND] = "sg-send",
	[SCSI_DOOR_BLOCK_IO] = "block-io",
	[SCSI_DOOR_BLOCK_SEND] = "block-send",
	[SCSI_DOOR_PART_IO] = "part-io",
	[SCSI_DOOR_BLOCK_PACKET] = "block-packet",
	[SCSI_DOOR_PART_SEND] = "part-send",
	[SCSI_DOOR_BSG_IO] = "bsg-io",
	[SCSI_DOOR_BSG_RING] = "bsg-ring",
};

enum scsi_node scsi_door_node(enum scsi_door door)
{
	static const uint8_t nodes[SCSI_DOOR_N] = {
		[SCSI_DOOR_BLOCK_IO] = SCSI_NODE_BLOCK,
		[SCSI_DOOR_BLOCK_SEND] = SCSI_NODE_BLOCK,
		[SCSI_DOOR_BLOCK_PACKET] = SCSI_NODE_BLOCK,
		[SCSI_DOOR_PART_IO] = SCSI_NODE_PART,
		[SCSI_DOOR_PART_SEND] = SCSI_NODE_PART,
		[SCSI_DOOR_BSG_IO] = SCSI_NODE_BSG,
		[SCSI_DOOR_BSG_RING] = SCSI_NODE_BSG,
	};

	return nodes[door];
}

/* A line of a unit's directory in sysfs; false: there is none. */
static bool attribute(const char *sg, const char *name, char ret[64])
{
	char path[320];
	FILE *f;
	bool ok;

	(void)snprintf(path, sizeof(path), "/sys/class/scsi_generic/%s/device/%s", sg, name);
	f = fopen(path, "re");
	ok = f && fgets(ret, 64, f);
	if (f)
		(void)fclose(f);
	return ok;
}

/* The only entry of a directory there, as a node. */
static void child(const char *sg, const char *dir, const char *prefix, char ret[64])
{
	const struct dirent *e;
	char path[320];
	DIR *d;

	ret[0] = '\0';
	(void)snprintf(path, sizeof(path), "/sys/class/scsi_generic/%s/device/%s", sg, dir);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			(void)snprintf(ret, 64, "%s%.40s", prefix, e->d_name);
	if (d)
		(void)closedir(d);
}

static int by_number(const void *a, const void *b)
{
	const struct scsi_unit *x = a, *y = b;

	return atoi(x->node[SCSI_NODE_SG] + 7) - atoi(y->node[SCSI_NODE_SG] + 7);
}

unsigned scsi_units(struct scsi_unit *ret, unsigned max)
{
	const struct dirent *e;
	unsigned n = 0;
	DIR *d;

	if (access("/out/stage2", F_OK) < 0)
		die("this is not a guest of tools/vm: nothing was done");
	d = opendir("/sys/class/scsi_generic");
	while (d && n < max && (e = readdir(d))) {
		struct scsi_unit *u = &ret[n];
		char text[64];
		const char *lun;

		if (strncmp(e->d_name, "sg", 2) != 0 || !attribute(e->d_name, "type", text))
			continue;
		memset(u, 0, sizeof(*u));
		u->type = (unsigned)atoi(text);
		u->debug =
			attribute(e->d_name, "model", text) && strncmp(text, "scsi_debug", 10) == 0;
		(void)snprintf(u->node[SCSI_NODE_SG], 64, "/dev/%.40s", e->d_name);
		child(e->d_name, "block", "/dev/", u->node[SCSI_NODE_BLOCK]);
		child(e->d_name, "bsg", "/dev/bsg/", u->node[SCSI_NODE_BSG]);
		lun = strrchr(u->node[SCSI_NODE_BSG], ':');
		u->lun = lun ? (unsigned)atoi(lun + 1) : 0;
		n++;
	}
	if (d)
		(void)closedir(d);
	qsort(ret, n, sizeof(*ret), by_number);
	return n;
}

static struct sg_io_hdr header(const uint8_t *cdb, uint8_t *sense)
{
	return (struct sg_io_hdr){
		.interface_id = 'S',
		.dxfer_direction = SG_DXFER_NONE,
		.cmd_len = 16,
		.mx_sb_len = 32,
		.cmdp = (unsigned char *)(uintptr_t)cdb,
		.sbp = sense,
		.timeout = TIMEOUT_MS,
	};
}

static int send_write(int fd, const uint8_t *cdb)
{
	uint8_t sense[32];
	struct sg_io_hdr h = header(cdb, sense);

	if (write(fd, &h, sizeof(h)) < 0)
		return -errno;
	if (read(fd, &h, sizeof(h)) < 0)
		die("sg: no answer: %s", strerror(errno));
	return h.status;
}

static int send_v4(int fd, const uint8_t *cdb)
{
	uint8_t sense[32];
	struct sg_io_v4 h = {.guard = 'Q',
			     .request_len = 16,
			     .request = (uintptr_t)cdb,
			     .max_response_len = sizeof(sense),
			     .response = (uintptr_t)sense,
			     .timeout = TIMEOUT_MS};

	return ioctl(fd, SG_IO, &h) < 0 ? -errno : (int)h.device_status;
}

/* Layout of struct bsg_uring_cmd, include/uapi/linux/bsg.h (Linux 7). */
static int send_ring(int fd, const uint8_t *cdb)
{
	static struct io_uring ring;
	static bool ready;
	struct io_uring_params p = {.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32};
	struct {
		uint64_t request;
		uint32_t request_len, protocol, subprotocol, max_response_len;
		uint64_t response, dout;
		uint32_t dout_len, dout_iovecs;
		uint64_t din;
		uint32_t din_len, din_iovecs, timeout_ms;
		uint8_t reserved[12];
	} c = {.request = (uintptr_t)cdb, .request_len = 16, .timeout_ms = TIMEOUT_MS};
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int r;

	if (!ready && io_uring_queue_init_params(4, &ring, &p) < 0)
		die("io_uring");
	ready = true;
	sqe = io_uring_get_sqe(&ring);
	if (!sqe)
		die("io_uring: the queue is full");
	memset(sqe, 0, 128);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	memcpy(sqe->cmd, &c, sizeof(c));
	if (io_uring_submit_and_wait(&ring, 1) < 0 || io_uring_wait_cqe(&ring, &cqe) < 0)
		die("io_uring: no answer");
	r = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return r;
}

int scsi_send(enum scsi_door door, int fd, const uint8_t cdb[16])
{
	struct {
		unsigned in_len, out_len;
		uint8_t data[64];
	} old = {0};
	struct cdrom_generic_command packet = {.data_direction = CGC_DATA_NONE,
					       .timeout = TIMEOUT_MS};
	uint8_t sense[32];
	struct sg_io_hdr h = header(cdb, sense);

	switch (door) {
	case SCSI_DOOR_SG_WRITE:
		return send_write(fd, cdb);
	case SCSI_DOOR_BSG_IO:
		return send_v4(fd, cdb);
	case SCSI_DOOR_BSG_RING:
		return send_ring(fd, cdb);
	case SCSI_DOOR_SG_SEND:
	case SCSI_DOOR_BLOCK_SEND:
	case SCSI_DOOR_PART_SEND:
		memcpy(old.data, cdb, 16);
		return ioctl(fd, SCSI_IOCTL_SEND_COMMAND, &old) < 0 ? -errno : 0;
	case SCSI_DOOR_BLOCK_PACKET:
		memcpy(packet.cmd, cdb, sizeof(packet.cmd));
		return ioctl(fd, CDROM_SEND_PACKET, &packet) < 0 ? -errno : 0;
	default:
		return ioctl(fd, SG_IO, &h) < 0 ? -errno : h.status;
	}
}
