/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holes of the kernel's filters for SCSI and CXL, bare: what an ordinary user does through a node
 * that is open for reading only. A line per attempt, as holes.c prints them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cxl_mem.h>
#include <scsi/sg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nvme.h"

static uint8_t data[512];

/* One CDB; out: data goes to the device. 0, -errno, or -EIO with a SCSI status. */
static int scsi(int fd, const uint8_t *cdb, uint8_t len, bool out, unsigned size)
{
	uint8_t sense[32];
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = out ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV,
		.cmd_len = len,
		.mx_sb_len = sizeof(sense),
		.dxfer_len = size,
		.dxferp = data,
		.cmdp = (unsigned char *)(uintptr_t)cdb,
		.sbp = sense,
		.timeout = 10000,
	};

	if (ioctl(fd, SG_IO, &h) < 0)
		return -errno;
	return h.status || h.host_status || h.driver_status & 7 ? -EIO : 0;
}

static bool find_sg(char ret[64])
{
	DIR *d = opendir("/sys/class/scsi_generic");
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		char path[320], model[32] = "";
		FILE *f;

		(void)snprintf(path, sizeof(path), "/sys/class/scsi_generic/%s/device/model",
			       e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		found = fgets(model, sizeof(model), f) && strncmp(model, "scsi_debug", 10) == 0;
		(void)fclose(f);
		(void)snprintf(ret, 64, "/dev/%.50s", e->d_name);
	}
	if (d)
		(void)closedir(d);
	return found;
}

/* UNMAP (SBC-4 5.35) of block 0: the kernel's list has 42h as READ SUB-CHANNEL. */
static int unmap(const char *node)
{
	static const uint8_t cdb[10] = {0x42, [8] = 24};
	static const uint8_t list[24] = {0, 22, 0, 16, [19] = 8};
	int fd = open(node, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memcpy(data, list, sizeof(list));
	return scsi(fd, cdb, sizeof(cdb), true, sizeof(list));
}

/* CXL Set LSA: the ioctl looks at neither capabilities nor the open mode. */
static int cxl_lsa(const char *node, bool set, uint8_t *byte)
{
	struct {
		uint32_t offset, length;
		uint8_t data[16];
	} in = {.length = set ? 0 : 16};
	uint8_t out[16] = {0};
	struct cxl_send_command c = {
		.id = set ? CXL_MEM_COMMAND_ID_SET_LSA : CXL_MEM_COMMAND_ID_GET_LSA,
		.in = {.size = set ? 24 : 8, .payload = (uintptr_t)&in},
		.out = {.size = set ? 0 : 16, .payload = (uintptr_t)out},
	};
	int fd = open(node, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memset(in.data, *byte, sizeof(in.data));
	if (ioctl(fd, CXL_MEM_SEND_COMMAND, &c) < 0)
		return -errno;
	close(fd);
	if (!set)
		*byte = out[0];
	return c.retval ? -EIO : 0;
}

/* Runs an attempt as an ordinary user; its errno. */
static int as_user(int (*attempt)(const char *node), const char *node)
{
	pid_t p = fork();
	int status;

	if (p == 0) {
		become_user();
		_exit(-attempt(node));
	}
	if (waitpid(p, &status, 0) != p || !WIFEXITED(status))
		die("others: the attempt did not end");
	return WEXITSTATUS(status);
}

static int set_lsa(const char *node)
{
	uint8_t byte = 0xa5;

	return cxl_lsa(node, true, &byte);
}

static void say(const char *name, int error, bool done)
{
	(void)printf("%s\t%s\n", name, error ? errno_name(error) : done ? "works" : "no effect");
}

int main(void)
{
	static const uint8_t write10[10] = {0x2a, [8] = 1}, read10[10] = {0x28, [8] = 1};
	const char *cxl = "/dev/cxl/mem0";
	uint8_t byte = 0;
	char sg[64];
	int fd, e;

	if (find_sg(sg)) {
		fd = open(sg, O_RDWR | O_CLOEXEC);
		memset(data, 0x77, sizeof(data));
		/* The first command of all is answered by what happened since power-on. */
		if (fd >= 0 && scsi(fd, write10, 10, true, sizeof(data)) < 0)
			(void)usleep(500000);
		if (fd < 0 || scsi(fd, write10, 10, true, sizeof(data)) < 0)
			die("others: %s does not take a block", sg);
		open_to_all(sg, false);
		e = as_user(unmap, sg);
		if (scsi(fd, read10, 10, false, sizeof(data)) < 0)
			die("others: %s gives no block", sg);
		say("scsi-unmap", e, data[0] != 0x77);
	}
	if (access(cxl, F_OK) == 0) {
		open_to_all(cxl, false);
		e = as_user(set_lsa, cxl);
		if (cxl_lsa(cxl, false, &byte) < 0)
			die("others: %s has no label area", cxl);
		say("cxl-set-lsa", e, byte == 0xa5);
	}
	return 0;
}
