/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back ends of nodes against a kernel that answers as a test says: what each kind is told, what
 * becomes of its answer also where that is nonsense, and that every command ends once.
 */
#undef NDEBUG
#include "device/node/node-device.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bsg.h>
#include <linux/cxl_mem.h>
#include <poll.h>
#include <scsi/sg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "wire/wire.h"

#define FWCTL_RPC _IO(0x9a, 1)

static uint8_t data[8192], meta[SL_SENSE_MAX];
static struct sl_command cmd;
static struct sl_node_dev dev;
static unsigned n_done;

/* The kernel's part: what it was asked, and the answer it gives. */
static struct {
	int res;
	unsigned long request;
	unsigned n;
	struct sg_io_hdr v3;
	struct sg_io_v4 v4;
	struct cxl_send_command cxl;
	uint32_t fwctl[4]; /* size, scope, lengths */
	bool message;	   /* of a driver whose answers have no head */
	uint8_t payload[64];
	/* in the answer */
	uint32_t status, sense, moved;
	int32_t left;
} kernel;

static int answer(int fd, unsigned long request, void *arg)
{
	assert(fd == 1000 || fd >= 0);
	kernel.request = request;
	kernel.n++;
	if (request == SG_IO && *(uint8_t *)arg == 'S') {
		struct sg_io_hdr *h = arg;

		kernel.v3 = *h;
		memcpy(kernel.payload, h->cmdp, h->cmd_len);
		h->status = (unsigned char)kernel.status;
		h->sb_len_wr = (unsigned char)kernel.sense;
		h->resid = kernel.left;
		h->host_status = 7;
		h->driver_status = 8;
	} else if (request == SG_IO) {
		struct sg_io_v4 *h = arg;

		kernel.v4 = *h;
		h->device_status = kernel.status;
		h->response_len = kernel.sense;
		h->din_resid = h->dout_resid = kernel.left;
	} else if (request == CXL_MEM_SEND_COMMAND) {
		struct cxl_send_command *c = arg;

		kernel.cxl = *c;
		c->retval = kernel.status;
		c->out.size = kernel.moved;
	} else {
		uint32_t *c = arg;
		uint8_t *in, *out;

		assert(request == FWCTL_RPC);
		memcpy(kernel.fwctl, c, sizeof(kernel.fwctl));
		memcpy(&in, c + 4, sizeof(in));
		memcpy(&out, c + 6, sizeof(out));
		memcpy(kernel.payload, in, c[2] < 64 ? c[2] : 64);
		if (kernel.message) {
			memset(out, 0x5a, c[3]);
			c[3] = kernel.moved;
			return kernel.res;
		}
		sl_put_le32(out, kernel.moved);
		sl_put_le32(out + 4, kernel.status);
		memset(out + 8, 0x5a, 4);
	}
	return kernel.res;
}

static void on_done(struct sl_device *d, struct sl_io *io)
{
	(void)d;
	(void)io;
	n_done++;
}

static void start(enum sl_node_kind kind)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	memset(&kernel, 0, sizeof(kernel));
	sl_node_dev_init(&dev, kind, fd, answer);
	dev.dev.done = on_done;
	assert(dev.dev.ops->start(&dev.dev) == 0 && dev.dev.poll_fd >= 0);
	n_done = 0;
}

/* Until `n` more have ended; what poll() says then. */
static int wait_for(unsigned n)
{
	struct pollfd p = {.fd = dev.dev.poll_fd, .events = POLLIN};
	unsigned until = n_done + n;
	int r = 0;

	while (n_done < until) {
		assert(poll(&p, 1, 5000) == 1);
		r = dev.dev.ops->poll(&dev.dev);
	}
	return r;
}

static struct sl_io make(uint8_t dir, uint32_t data_size, uint32_t meta_size)
{
	cmd.dir = dir;
	cmd.data_len = data_size;
	cmd.meta_len = meta_size;
	return (struct sl_io){
		.cmd = &cmd,
		.data = data,
		.data_size = data_size,
		.meta = meta,
		.meta_size = meta_size,
		.timeout_ms = 4321,
		.tag = 5,
	};
}

static struct sl_completion run(struct sl_io *io)
{
	assert(dev.dev.ops->submit(&dev.dev, io) == 0);
	assert(wait_for(1) == 0);
	return io->out;
}

static void check_sg(void)
{
	struct sl_completion c;
	struct sl_io io;

	start(SL_NODE_SG);
	assert(dev.dev.protocol == SL_WIRE_SCSI && dev.dev.needs->capabilities == 0);
	cmd = (struct sl_command){.set = SL_SET_SCSI, .req_len = 10, .req = {0x28, [8] = 1}};
	io = make(SL_DIR_IN, 512, 96);
	kernel.left = 12;
	c = run(&io);
	assert(c.outcome == SL_OUTCOME_OK && c.status == 0 && c.data_len == 500);
	assert(c.result == (12ull << 32 | 8 << 16 | 7));
	assert(kernel.v3.cmd_len == 10 && memcmp(kernel.payload, cmd.req, 10) == 0);
	assert(kernel.v3.dxfer_direction == SG_DXFER_FROM_DEV && kernel.v3.dxfer_len == 512);
	assert(kernel.v3.dxferp == data && kernel.v3.sbp == meta && kernel.v3.mx_sb_len == 96);
	assert(kernel.v3.timeout == 4321);

	io = make(SL_DIR_OUT, 512, 18);
	kernel.status = 2;
	kernel.sense = 18;
	c = run(&io);
	assert(c.status == 2 && c.meta_len == 18 && c.data_len == 0);
	assert(kernel.v3.dxfer_direction == SG_DXFER_TO_DEV);

	/* An answer that cannot be. */
	io = make(SL_DIR_IN, 100, 20);
	kernel.left = -5;
	kernel.sense = 250;
	c = run(&io);
	assert(c.data_len == 100 && c.meta_len == 20 && c.result >> 32 == 0);
	kernel.left = 5000;
	c = run(&io);
	assert(c.data_len == 0 && c.result >> 32 == 100);

	io = make(SL_DIR_NONE, 0, 0);
	c = run(&io);
	assert(c.meta_len == 0 && kernel.v3.dxfer_direction == SG_DXFER_NONE);
	assert(kernel.v3.dxferp == NULL && kernel.v3.sbp == NULL && kernel.v3.dxfer_len == 0);
	/* Both ways at once has no form there, and is not sent in another. */
	kernel.n = 0;
	io = make(SL_DIR_BOTH, 512, 0);
	c = run(&io);
	assert(c.outcome == SL_OUTCOME_FAILED && c.error == EOPNOTSUPP && kernel.n == 0);
	dev.dev.ops->close(&dev.dev);
}

static void check_bsg(void)
{
	struct sl_completion c;
	struct sl_io io;

	start(SL_NODE_BSG);
	cmd = (struct sl_command){.set = SL_SET_SCSI, .req_len = 16, .req = {0x8a}};
	io = make(SL_DIR_OUT, 4096, 252);
	kernel.left = 96;
	c = run(&io);
	assert(c.result >> 32 == 96 && c.data_len == 0);
	assert(kernel.v4.guard == 'Q' && kernel.v4.request_len == 16 && !kernel.v4.din_xfer_len);
	assert(kernel.v4.dout_xfer_len == 4096 && kernel.v4.dout_xferp == (uintptr_t)data);
	io = make(SL_DIR_IN, 4096, 252);
	c = run(&io);
	assert(c.data_len == 4000 && kernel.v4.din_xfer_len == 4096 && !kernel.v4.dout_xfer_len);
	io = make(SL_DIR_BOTH, 512, 0);
	assert(run(&io).error == EOPNOTSUPP);
	dev.dev.ops->close(&dev.dev);
}

static void mailbox(uint8_t set, uint16_t opcode, uint32_t in, uint32_t out, uint32_t scope)
{
	cmd = (struct sl_command){.set = set, .req_len = SL_MBOX_REQ_LEN};
	cmd.req[0] = (uint8_t)(opcode >> 8);
	cmd.req[1] = (uint8_t)opcode;
	sl_put_le32(cmd.req + SL_MBOX_IN_LEN, in);
	sl_put_le32(cmd.req + SL_MBOX_OUT_LEN, out);
	sl_put_le32(cmd.req + SL_MBOX_SCOPE, scope);
}

static void check_cxl(void)
{
	struct sl_completion c;
	struct sl_io io;

	start(SL_NODE_CXL);
	mailbox(SL_SET_CXL, 0x4102, 8, 16, 0);
	io = make(SL_DIR_BOTH, 16, 0);
	kernel.moved = 10;
	c = run(&io);
	assert(c.status == 0 && c.data_len == 10 && kernel.cxl.id == CXL_MEM_COMMAND_ID_GET_LSA);
	assert(kernel.cxl.in.size == 8 && kernel.cxl.in.payload == (uintptr_t)data);
	assert(kernel.cxl.out.size == 16 && kernel.cxl.out.payload == (uintptr_t)data);
	kernel.status = 2;
	kernel.moved = UINT32_MAX;
	c = run(&io);
	assert(c.status == 2 && c.data_len == 16);
	/* A length that the driver would refuse, and an opcode that it has no number for. */
	mailbox(SL_SET_CXL, 0x4102, 7, 16, 0);
	(void)run(&io);
	assert(kernel.cxl.id == CXL_MEM_COMMAND_ID_RAW && kernel.cxl.raw.opcode == 0x4102);
	mailbox(SL_SET_CXL, 0xc001, 0, 0, 0);
	io = make(SL_DIR_NONE, 0, 0);
	(void)run(&io);
	assert(kernel.cxl.id == CXL_MEM_COMMAND_ID_RAW && kernel.cxl.raw.opcode == 0xc001);
	assert(kernel.cxl.in.payload == 0 && kernel.cxl.out.payload == 0);
	/* A kernel without RAW: as a mailbox that does not have it. */
	kernel.res = -EPERM;
	kernel.moved = 0;
	c = run(&io);
	assert(c.outcome == SL_OUTCOME_OK && c.status == 3 && c.data_len == 0);
	mailbox(SL_SET_CXL, 0x4102, 8, 0, 0);
	io = make(SL_DIR_OUT, 8, 0);
	c = run(&io);
	assert(c.outcome == SL_OUTCOME_FAILED && c.error == EPERM);
	kernel.res = 0;
	/* Lengths that do not fit the buffer are not sent. */
	kernel.n = 0;
	mailbox(SL_SET_CXL, 0x4103, 17, 0, 0);
	io = make(SL_DIR_OUT, 16, 0);
	assert(run(&io).error == EINVAL);
	mailbox(SL_SET_CXL, 0x4102, 8, UINT32_MAX, 0);
	assert(run(&io).error == EINVAL && kernel.n == 0);
	dev.dev.ops->close(&dev.dev);
}

static void check_fwctl(void)
{
	struct sl_completion c;
	struct sl_io io;

	start(SL_NODE_FWCTL);
	mailbox(SL_SET_FWCTL, 0x0502, 40, 0, 2);
	io = make(SL_DIR_OUT, 40, 0);
	memset(data, 0x11, 40);
	c = run(&io);
	assert(c.outcome == SL_OUTCOME_OK && c.data_len == 0);
	assert(kernel.fwctl[0] == 32 && kernel.fwctl[1] == 2);
	assert(kernel.fwctl[2] == 56 && kernel.fwctl[3] == 8);
	assert(sl_get_le32(kernel.payload) == 0x502 && sl_get_le32(kernel.payload + 8) == 40);
	assert(kernel.payload[16] == 0x11 && kernel.payload[55] == 0x11);
	mailbox(SL_SET_FWCTL, 0x0501, 21, 64, 0);
	io = make(SL_DIR_BOTH, 64, 0);
	kernel.moved = 4;
	kernel.status = 3;
	c = run(&io);
	assert(c.status == 3 && c.data_len == 4 && data[0] == 0x5a);
	kernel.moved = UINT32_MAX;
	c = run(&io);
	assert(c.data_len == 64);
	kernel.n = 0;
	mailbox(SL_SET_FWCTL, 0x0501, 65, 64, 0);
	assert(run(&io).error == EINVAL && kernel.n == 0);
	dev.dev.ops->close(&dev.dev);
}

/* Messages of other drivers go in and come back as they are, whatever the header says. */
static void check_fwctl_message(void)
{
	struct sl_completion c;
	struct sl_io io;

	start(SL_NODE_FWCTL);
	kernel.message = true;
	mailbox(SL_SET_FWCTL_MLX5, 0x0100, 24, 64, 1);
	io = make(SL_DIR_BOTH, 64, 0);
	memset(data, 0x22, 24);
	kernel.moved = 32;
	c = run(&io);
	assert(c.outcome == SL_OUTCOME_OK && c.status == 0 && c.data_len == 32);
	assert(kernel.fwctl[1] == 1 && kernel.fwctl[2] == 24 && kernel.fwctl[3] == 64);
	assert(kernel.payload[0] == 0x22 && kernel.payload[23] == 0x22 && data[0] == 0x5a);
	kernel.moved = UINT32_MAX;
	assert(run(&io).data_len == 64);
	kernel.n = 0;
	mailbox(SL_SET_FWCTL_BNXT, 0x0100, 65, 64, 0);
	assert(run(&io).error == EINVAL && kernel.n == 0);
	dev.dev.ops->close(&dev.dev);
}

static void check_errors(void)
{
	struct sl_io io;

	start(SL_NODE_SG);
	cmd = (struct sl_command){.set = SL_SET_SCSI, .req_len = 6};
	io = make(SL_DIR_NONE, 0, 0);
	kernel.res = -EINTR;
	assert(run(&io).error == ECANCELED);
	kernel.res = -ETIMEDOUT;
	assert(run(&io).error == ETIMEDOUT && io.out.outcome == SL_OUTCOME_FAILED);
	io.tag = SL_NODE_INFLIGHT;
	assert(dev.dev.ops->submit(&dev.dev, &io) == -EBUSY);
	io.tag = 1;
	kernel.res = -ENODEV;
	assert(dev.dev.ops->submit(&dev.dev, &io) == 0);
	assert(wait_for(1) == -ENODEV && io.out.error == ENODEV && dev.dev.poll_fd == -1);
	assert(dev.dev.ops->submit(&dev.dev, &io) == -ENODEV && n_done == 3);
	dev.dev.ops->close(&dev.dev);
}

/* As many as there can be, each of them once. */
static void check_many(void)
{
	static struct sl_io io[SL_NODE_INFLIGHT];

	start(SL_NODE_SG);
	cmd = (struct sl_command){.set = SL_SET_SCSI, .req_len = 6};
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < SL_NODE_INFLIGHT; i++) {
			io[i] = make(SL_DIR_NONE, 0, 0);
			io[i].tag = i;
			io[i].out.outcome = SL_OUTCOME_FAILED;
			assert(dev.dev.ops->submit(&dev.dev, &io[i]) == 0);
		}
		assert(wait_for(SL_NODE_INFLIGHT) == 0);
		for (unsigned i = 0; i < SL_NODE_INFLIGHT; i++)
			assert(io[i].out.outcome == SL_OUTCOME_OK);
	}
	assert(n_done == 20 * SL_NODE_INFLIGHT);
	dev.dev.ops->close(&dev.dev);
}

int main(void)
{
	check_sg();
	check_bsg();
	check_cxl();
	check_fwctl();
	check_fwctl_message();
	check_errors();
	check_many();
	return 0;
}
