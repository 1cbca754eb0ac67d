/* SPDX-License-Identifier: Apache-2.0 */
/* What a client is told matches what it may do; and where the policy says so, it is told
 * everything. */
#include "broker/answer.h"
#include "broker/test-rig.h"

static const struct sl_image *img;
static struct sl_bind who;
static struct sl_contract contract = {.generation = 1};

static struct sl_command get_log(uint8_t lid, uint32_t len, uint64_t offset)
{
	struct sl_command c = {
		.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_IN, .req_len = 64, .data_len = len};

	c.req[0] = 0x02;
	sl_put_le32(c.req + 40, lid | (len / 4 - 1) << 16);
	sl_put_le64(c.req + 48, offset);
	return c;
}

/* The answer as the client sees it, of all ones before. */
static void rewrite(struct sl_command c, uint8_t *data)
{
	struct sl_facts f;

	sl_facts_collect(&contract, &c, NULL, &f);
	assert(f.reason == SL_REASON_ALLOWED);
	memset(data, 0xff, c.data_len);
	sl_answer_rewrite(img, &who, &f, &c, data, c.data_len);
}

static void enforce(const char *deny, uint32_t flags)
{
	struct sl_identity root = {.known = 1};

	free((void *)(uintptr_t)img);
	img = image(deny);
	((struct sl_image *)(uintptr_t)img)->flags = flags;
	assert(sl_image_bind(img, &root, &contract, "x", SL_WIRE_NVME, &who) == 0);
}

static void test_effects_log(void)
{
	uint8_t data[4096];

	enforce("nvme.admin.format-nvm", 0);
	rewrite(get_log(0x05, 4096, 0), data);
	assert(data[4 * 0x80] == 0 && data[4 * 0x80 + 3] == 0);
	assert(data[4 * 0x02] == 0xff && data[4 * 0x81] == 0xff);
	/* Nobody may create queues, and what is in no table nobody may send. */
	assert(data[4 * 0x05] == 0 && data[4 * 0x03] == 0);
	/* Beyond the two tables the log is reserved: left as it is. */
	assert(data[2048] == 0xff);
	/* The same byte through a window of the log. */
	rewrite(get_log(0x05, 8, 0x80 * 4), data);
	assert(data[0] == 0 && data[3] == 0 && data[4] == 0xff);
	/* A command goes only when none of its forms is left. */
	enforce("nvme.admin.format-nvm.no-erase", 0);
	rewrite(get_log(0x05, 4096, 0), data);
	assert(data[0x80 * 4] == 0xff);
	/* The I/O half is that of the command set that was asked for. */
	enforce("nvme.nvm.write", 0);
	rewrite(get_log(0x05, 4096, 0), data);
	assert(data[1024 + 4 * 0x01] == 0 && data[1024 + 4 * 0x02] == 0xff);
	enforce("nvme.nvm.write", SL_IMAGE_ANSWERS_AS_DEVICE);
	rewrite(get_log(0x05, 4096, 0), data);
	assert(data[1024 + 4 * 0x01] == 0xff);
}

static void test_other_logs(void)
{
	struct sl_command c;
	uint8_t data[1024];

	/* LID 12h: a feature that can still be read is worth mentioning. */
	enforce("nvme.admin.set-features.volatile-write-cache", 0);
	rewrite(get_log(0x12, 1024, 0), data);
	assert(data[4 * 0x06] == 0xff);
	enforce("nvme.admin.get-log-page.error", 0);
	rewrite(get_log(0x00, 1024, 0), data);
	assert(data[4 * 0x01] == 0 && data[4 * 0x02] == 0xff);
	/* From an entry instead of a byte on: which one stands where is the device's secret. */
	c = get_log(0x00, 1024, 4);
	c.req[58] = 0x80; /* OT, bit 23 of CDW14 */
	rewrite(c, data);
	assert(data[4 * 0x02] == 0 && data[1023] == 0);
}

static void test_identify(void)
{
	uint8_t data[4096];

	enforce("nvme.admin.format-nvm", 0);
	rewrite(identify(), data);
	assert(!(data[256] & 0x02) && (data[256] & 0x01));
	/* OACS, its second byte (Doorbell Buffer Config is the kernel's), ONCS: nothing else. */
	for (unsigned i = 0; i < 4096; i++)
		assert(i == 256 || i == 257 || i == 520 || i == 521 || data[i] == 0xff);
	enforce("nvme.nvm.copy", 0);
	rewrite(identify(), data);
	assert(data[521] == (0xff & ~0x01));
}

int main(void)
{
	test_effects_log();
	test_other_logs();
	test_identify();
	free((void *)(uintptr_t)img);
	return 0;
}
