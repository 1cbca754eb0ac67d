/* SPDX-License-Identifier: Apache-2.0 */
#include "device/null/null.h"

#include <string.h>

static int null_submit(struct sl_device *dev, struct sl_io *io)
{
	io->out = (struct sl_completion){.outcome = SL_OUTCOME_OK};
	if (io->cmd->dir == SL_DIR_IN || io->cmd->dir == SL_DIR_BOTH) {
		memset(io->data, 0, io->cmd->data_len);
		io->out.data_len = io->cmd->data_len;
	}
	dev->done(dev, io);
	return 0;
}

static int null_poll(struct sl_device *dev)
{
	(void)dev;
	return 0;
}

static void null_detach(struct sl_device *dev, struct sl_io *io)
{
	(void)dev;
	(void)io;
}

static void null_close(struct sl_device *dev)
{
	(void)dev;
}

static const struct sl_device_ops null_ops = {
	.name = "null",
	.submit = null_submit,
	.poll = null_poll,
	.detach = null_detach,
	.close = null_close,
};

void sl_null_init(struct sl_device *dev)
{
	*dev = (struct sl_device){.ops = &null_ops, .poll_fd = -1, .max_transfer = 128u << 10};
}

int sl_null_begin(struct sl_device *dev, unsigned kind, int fd)
{
	(void)kind;
	(void)fd;
	sl_null_init(dev);
	return 0;
}
