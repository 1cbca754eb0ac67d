/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCSI: SG_IO in both versions through all three kinds of nodes, headers whose parts disagree, the
 * ioctls that are one command each, and what is refused.
 */
#include <linux/bsg.h>
#include <linux/fs.h>
#include <scsi/sg.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "base/bytes.h"
#include "core/command.h"
#include "door.h"

static uint8_t buf[256 << 10], sb[256];

static void outside(void)
{
	setenv("SLUICE_TRY_ALL", "1", 1);
}

/* A header for a CDB; what it says can be changed before it is sent. */
static struct sg_io_hdr header(const uint8_t *cdb, unsigned char len, int dir, unsigned size)
{
	memset(sb, 0xee, sizeof(sb));
	return (struct sg_io_hdr){
		.interface_id = 'S',
		.dxfer_direction = size ? dir : SG_DXFER_NONE,
		.cmd_len = len,
		.mx_sb_len = 32,
		.dxfer_len = size,
		.dxferp = buf,
		.cmdp = (unsigned char *)(uintptr_t)cdb,
		.sbp = sb,
		.timeout = 1000,
	};
}

static const uint8_t inquiry[6] = {0x12, [4] = 96}, vpd_none[6] = {0x12, 1, 0xb0, 0, 64};
static const uint8_t read10[10] = {0x28, [5] = 7, [8] = 2}, write10[10] = {0x2a, [5] = 9, [8] = 1};
static const uint8_t half[6] = {TEST_CDB_HALF}, shape[16] = {TEST_CDB_SHAPE};

static uint32_t received(int fd, uint8_t opcode)
{
	const uint8_t cdb[6] = {TEST_CDB_COUNT, 0, opcode};
	struct sg_io_hdr h = header(cdb, 6, SG_DXFER_FROM_DEV, 4);

	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 0);
	return sl_get_le32(buf);
}

static void version_3(int fd)
{
	struct sg_io_hdr h = header(inquiry, 6, SG_DXFER_FROM_DEV, 96);

	h.usr_ptr = &h;
	h.pack_id = 77;
	MUST(ioctl(fd, SG_IO, &h) == 0);
	MUST(h.status == 0 && h.resid == 0 && h.sb_len_wr == 0 && h.info == SG_INFO_OK);
	MUST(memcmp(buf + 8, "SLUICE  TEST DISK", 17) == 0);
	MUST(h.usr_ptr == &h && h.pack_id == 77 && h.dxfer_len == 96);

	/* What went wrong is a status with sense data; the call itself succeeds. */
	h = header(vpd_none, 6, SG_DXFER_FROM_DEV, 64);
	MUST(ioctl(fd, SG_IO, &h) == 0);
	MUST(h.status == 2 && h.masked_status == 1 && h.sb_len_wr == 18 && h.resid == 64);
	MUST(sb[0] == 0x70 && sb[2] == 5 && sb[12] == 0x24 && sb[18] == 0xee);
	MUST(h.driver_status == 8 && h.info == SG_INFO_CHECK);
	/* As much sense data as there is room for, also none. */
	for (unsigned room = 0; room < 18; room += 5) {
		h = header(vpd_none, 6, SG_DXFER_FROM_DEV, 64);
		h.mx_sb_len = (unsigned char)room;
		MUST(ioctl(fd, SG_IO, &h) == 0 && h.sb_len_wr == room && sb[room] == 0xee);
	}
	h = header(vpd_none, 6, SG_DXFER_FROM_DEV, 64);
	h.sbp = NULL;
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 2 && h.sb_len_wr == 0);

	h = header(read10, 10, SG_DXFER_FROM_DEV, 1024);
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 0 && buf[0] == 7 && buf[512] == 8);
	memset(buf, 0x77, 512);
	h = header(write10, 10, SG_DXFER_TO_DEV, 512);
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 0);

	/* What the device leaves out stays as it was. */
	memset(buf, 1, 100);
	h = header(half, 6, SG_DXFER_TO_FROM_DEV, 100);
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.resid == 50 && buf[49] == 0x5a && buf[50] == 1);
}

static void pieces(int fd)
{
	struct sg_iovec {
		void *base;
		size_t len;
	} v[3] = {{buf + 4096, 100}, {buf, 0}, {buf + 8192, 1000}};
	struct sg_io_hdr h = header(read10, 10, SG_DXFER_FROM_DEV, 1024);

	memset(buf, 0, 16384);
	h.iovec_count = 3;
	h.dxferp = v;
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 0 && h.resid == 0);
	MUST(buf[4096] == 7 && buf[8192 + 412] == 8 && buf[8192 + 924] == 0);
	v[2].len = 923; /* one byte short */
	MUST_FAIL(ioctl(fd, SG_IO, &h), EINVAL);
	v[2].len = SIZE_MAX;
	MUST_FAIL(ioctl(fd, SG_IO, &h), EINVAL);
	h.iovec_count = 2000;
	MUST_FAIL(ioctl(fd, SG_IO, &h), EINVAL);
	v[2].len = 924;
	v[0].base = (void *)16;
	h.iovec_count = 3;
	MUST_FAIL(ioctl(fd, SG_IO, &h), EFAULT);

	memset(buf, 0x11, 100);
	memset(buf + 4096, 0x22, 412);
	v[0] = (struct sg_iovec){buf, 100};
	v[1] = (struct sg_iovec){buf + 4096, 412};
	h = header(write10, 10, SG_DXFER_TO_DEV, 512);
	h.iovec_count = 2;
	h.dxferp = v;
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 0);
	MUST(pread(open_node("/dev/sda", O_RDONLY), buf, 512, 9 * 512) == 512);
	MUST(buf[99] == 0x11 && buf[100] == 0x22 && buf[511] == 0x22);
}

/* None of these reaches the device. */
static void headers(int fd)
{
	uint32_t before = received(fd, 0x12);
	struct sg_io_hdr h;

#define REFUSED(change, error)                                                                     \
	do {                                                                                       \
		h = header(inquiry, 6, SG_DXFER_FROM_DEV, 96);                                     \
		change;                                                                            \
		MUST_FAIL(ioctl(fd, SG_IO, &h), error);                                            \
	} while (0)
	REFUSED(h.cmd_len = 0, EMSGSIZE);
	REFUSED(h.cmd_len = 5, EMSGSIZE);
	REFUSED(h.cmd_len = 65, EMSGSIZE);
	REFUSED(h.cmd_len = 255, EMSGSIZE);
	REFUSED(h.cmdp = NULL, EFAULT);
	REFUSED(h.cmdp = (unsigned char *)-4, EFAULT);
	REFUSED(h.dxfer_direction = SG_DXFER_NONE, EINVAL);
	REFUSED(h.dxfer_direction = -5, EINVAL);
	REFUSED(h.dxfer_direction = 3, EINVAL);
	REFUSED(h.dxfer_len = (128 << 10) + 1, EINVAL);
	REFUSED(h.dxfer_len = UINT32_MAX, EINVAL);
	REFUSED(h.flags = 4, EINVAL);
	REFUSED(h.flags = SG_FLAG_NO_DXFER, EINVAL);
	REFUSED(h.interface_id = 'Q', ENOSYS);
	REFUSED((h.dxfer_direction = SG_DXFER_TO_DEV, h.dxferp = (void *)16), EFAULT);
	MUST_FAIL(ioctl(fd, SG_IO, 16), EFAULT);
	MUST(received(fd, 0x12) == before);

	/* The answer has nowhere to go: the command was sent, the caller hears of it. */
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, 96);
	h.dxferp = (void *)16;
	MUST_FAIL(ioctl(fd, SG_IO, &h), EFAULT);
	h = header(vpd_none, 6, SG_DXFER_FROM_DEV, 64);
	h.sbp = (void *)16;
	MUST_FAIL(ioctl(fd, SG_IO, &h), EFAULT);
	/* Lengths go as they are: it is the gate's to judge them. */
	h = header(shape, 13, SG_DXFER_FROM_DEV, 4);
	MUST(ioctl(fd, SG_IO, &h) == 0 && buf[0] == 13 && buf[1] == 32);
	MUST(buf[2] == SL_DOOR_SG && buf[3] == 1);
}

static void version_4(void)
{
	int fd = open_node("/dev/bsg/0:0:0:0", O_RDWR);
	struct sg_io_v4 h = {
		.guard = 'Q',
		.request_len = 6,
		.request = (uintptr_t)inquiry,
		.max_response_len = 32,
		.response = (uintptr_t)sb,
		.din_xfer_len = 96,
		.din_xferp = (uintptr_t)buf,
		.timeout = 1000,
		.usr_ptr = 99,
	};
	struct sg_io_v4 bad;
	struct sg_io_hdr old = header(inquiry, 6, SG_DXFER_FROM_DEV, 96);

	memset(buf, 0, 96);
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.device_status == 0 && h.din_resid == 0);
	MUST(memcmp(buf + 8, "SLUICE  ", 8) == 0 && h.usr_ptr == 99 && h.response_len == 0);
	h.request = (uintptr_t)vpd_none;
	h.din_xfer_len = 64;
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.device_status == 2 && h.response_len == 18);
	MUST(sb[2] == 5 && h.info == SG_INFO_CHECK && h.din_resid == 64);
	h.request = (uintptr_t)write10;
	h.request_len = 10;
	h.din_xfer_len = 0;
	h.dout_xfer_len = 512;
	h.dout_xferp = (uintptr_t)buf;
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.device_status == 0 && h.dout_resid == 0);
#define REFUSED4(change, error)                                                                    \
	do {                                                                                       \
		bad = h;                                                                           \
		change;                                                                            \
		MUST_FAIL(ioctl(fd, SG_IO, &bad), error);                                          \
	} while (0)
	REFUSED4(bad.guard = 'S', EINVAL);
	REFUSED4(bad.protocol = 1, EINVAL);
	REFUSED4(bad.subprotocol = 1, EINVAL);
	REFUSED4(bad.request_len = 4, EMSGSIZE);
	REFUSED4(bad.request_len = UINT32_MAX, EMSGSIZE);
	REFUSED4(bad.request = 16, EFAULT);
	REFUSED4(bad.din_xfer_len = 1, EOPNOTSUPP);
	REFUSED4(bad.dout_iovec_count = 1, EINVAL);
	REFUSED4(bad.dout_xfer_len = UINT32_MAX, EINVAL);
	MUST_FAIL(ioctl(fd, SG_IO, &old), EINVAL);
}

/* SCSI_IOCTL_SEND_COMMAND: two lengths, then the CDB, then the data. */
static void old_ones(int fd)
{
	struct {
		uint32_t in, out;
		uint8_t data[1024];
	} c = {.out = 96, .data = {0x12, [4] = 96}};
	uint32_t before = received(fd, 0x1b);
	uint8_t id[8], host[16] = {6};
	int version;

	MUST(ioctl(fd, 1, &c) == 0 && memcmp(c.data + 8, "SLUICE  ", 8) == 0);
	memcpy(c.data, vpd_none, 6);
	c.out = 64;
	MUST(ioctl(fd, 1, &c) == 2 && c.data[0] == 0x70 && c.data[2] == 5);
	memcpy(c.data, write10, 10);
	memset(c.data + 10, 0x66, 512);
	c.in = 512;
	c.out = 0;
	MUST(ioctl(fd, 1, &c) == 0);
	MUST(pread(open_node("/dev/sda", O_RDONLY), buf, 512, 9 * 512) == 512 && buf[5] == 0x66);
	c.out = 1;
	MUST_FAIL(ioctl(fd, 1, &c), EINVAL);
	c.in = 5000;
	c.out = 0;
	MUST_FAIL(ioctl(fd, 1, &c), EINVAL);

	MUST(ioctl(fd, 2, NULL) == 0);	      /* TEST UNIT READY */
	MUST(ioctl(fd, 0x5380, NULL) == 0);   /* lock */
	MUST_FAIL(ioctl(fd, 5, NULL), EPERM); /* start, stop, eject: judged, and denied */
	MUST_FAIL(ioctl(fd, 6, NULL), EPERM);
	MUST_FAIL(ioctl(fd, 0x5309, NULL), EPERM);
	MUST(received(fd, 0x1b) == before + 3);
	MUST_FAIL(ioctl(fd, SG_SCSI_RESET, &version), EPERM);
	MUST_FAIL(ioctl(fd, 0x5393, buf), EPERM); /* CDROM_SEND_PACKET */

	MUST(ioctl(fd, SG_GET_VERSION_NUM, &version) == 0 && version >= 30000);
	MUST(ioctl(fd, 0x5382, id) == 0 && sl_get_le32(id) == 0);
	MUST(ioctl(fd, 0x5386, id) == 0 && sl_get_le32(id) == 0);
	MUST(ioctl(fd, 0x5385, host) == 1 && memcmp(host, "sluice", 6) == 0);
	MUST(ioctl(fd, SG_GET_TIMEOUT, NULL) == 6000);
	MUST_FAIL(ioctl(fd, 0x22ff, buf), ENOTTY);
}

/* HDIO_*: what they are, as commands through ATA PASS-THROUGH. */
static void ata(int fd)
{
	uint8_t cmd[4 + 512] = {0xb0, 6, 0xd5, 1}, check[4] = {0xe5}, task[7] = {0xb0, 0xda},
			id[512];

	MUST(ioctl(fd, 0x031f, cmd) == 0); /* SMART READ LOG 6: feature, then LBA low */
	MUST(cmd[4] == 0xd5 && cmd[5] == 6);
	MUST(ioctl(fd, 0x031f, check) == 0 && check[0] == 0x50 && check[2] == 0x7f);
	MUST(ioctl(fd, 0x031e, task) == 0); /* SMART RETURN STATUS */
	MUST(task[0] == 0x50 && task[4] == 0x4f && task[5] == 0xc2);
	MUST(ioctl(fd, 0x030d, id) == 0 && memcmp(id + 54, "Sluice Test ATA ", 16) == 0);
	MUST_FAIL(ioctl(fd, 0x031c, NULL), EPERM); /* HDIO_DRIVE_RESET */
}

static void block(int fd)
{
	struct sg_io_hdr h = header(shape, 16, SG_DXFER_FROM_DEV, 4);
	const uint8_t format[6] = {4};
	uint64_t bytes;
	struct stat st;

	MUST(ioctl(fd, SG_IO, &h) == 0 && buf[2] == SL_DOOR_SCSI_BLOCK);
	MUST(stat("/dev/sda", &st) == 0 && S_ISBLK(st.st_mode) && major(st.st_rdev) == 8);
	MUST(stat("/dev/sg0", &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 21);
	MUST(ioctl(fd, BLKGETSIZE64, &bytes) == 0 && bytes == TEST_DEVICE_BLOCKS * 512);
	MUST(pread(fd, buf, 100, 5 * 512 + 1) == 100);
	MUST(pread(fd, buf, 512, 5 * 512) == 512 && buf[0] == 5);
	memset(buf, 0x33, 1024);
	MUST(pwrite(fd, buf, 1024, 20 * 512) == 1024 && fsync(fd) == 0);
	MUST(pread(fd, buf + 4096, 1024, 20 * 512) == 1024 && buf[4096 + 1023] == 0x33);
	MUST_FAIL(pwrite(fd, buf, 100, 0), EINVAL);
	MUST_FAIL(ioctl(fd, BLKDISCARD, buf), EOPNOTSUPP);
	/* A format may change what a block is. */
	h = header(format, 6, SG_DXFER_NONE, 0);
	MUST(ioctl(fd, SG_IO, &h) == 0 && h.status == 0);
	MUST(ioctl(fd, BLKSSZGET, buf) == 0 && sl_get_le32(buf) == 4096);
}

static void inside(void)
{
	int sg = open_node("/dev/sg0", O_RDWR), sda = open_node("/dev/sda", O_RDWR);
	struct sg_io_hdr h = header(shape, 16, SG_DXFER_FROM_DEV, 4);

	version_3(sg);
	version_3(sda);
	pieces(sg);
	headers(sg);
	version_4();
	old_ones(sg);
	ata(sda);
	block(sda);
	/* The driver's own reading and writing of commands. */
	MUST_FAIL(write(sg, &h, sizeof(h)), EPERM);
	MUST_FAIL(read(sg, &h, sizeof(h)), EPERM);
	MUST(ioctl(open_node("/dev/sg0", O_RDONLY), SG_IO, &h) == 0 && buf[3] == 0);
	MUST_FAIL(ioctl(open_node("/dev/nvme0", O_RDWR), SG_IO, &h), ENOTTY);
}
