/* SPDX-License-Identifier: Apache-2.0 */
/* What a client is told matches what it may do; and where the policy says so, it is told
 * everything. */
#include "broker/answer.h"
#include "broker/test-rig.h"
#include "core/decode-cxl.h"

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

/* Any answer, in place of all ones. */
static void rewrite_this(const struct sl_command *c, const uint8_t *payload, uint8_t *data)
{
	struct sl_facts f;

	sl_facts_collect(&contract, c, payload, &f);
	assert(f.reason == SL_REASON_ALLOWED);
	sl_answer_rewrite(img, &who, &f, c, data, c->data_len);
}

/* REPORT SUPPORTED OPERATION CODES: INQUIRY, UNMAP with timeouts, READ CAPACITY(16). */
static void test_rsoc(void)
{
	static const uint8_t list[64] = {
		0, 0,  0, 36, 0x12, 0, 0, 0, 0, 0, 0, 6, 0x42, 0, 0, 0,	   0, 2, 0, 10,
		0, 10, 0, 0,  0,    0, 0, 1, 0, 0, 0, 2, 0x9e, 0, 0, 0x10, 0, 1, 0, 16,
	};
	struct sl_command c = {.set = SL_SET_SCSI_SBC,
			       .dir = SL_DIR_IN,
			       .req_len = 12,
			       .data_len = sizeof(list),
			       .req = {0xa3, 0x0c, [9] = sizeof(list)}};
	uint8_t data[sizeof(list)];

	enforce("scsi.sbc.unmap", 0);
	memcpy(data, list, sizeof(data));
	rewrite_this(&c, NULL, data);
	assert(data[3] == 16 && data[4] == 0x12 && data[12] == 0x9e && data[15] == 0x10);
	assert(!data[20] && !data[32]);
	/* Room for one descriptor only: the length still says how much there is. */
	c.data_len = c.req[9] = 14;
	memcpy(data, list, sizeof(data));
	rewrite_this(&c, NULL, data);
	assert(data[3] == 36 && data[4] == 0x12 && !data[12]);
	/* One command, within reach and out of it. */
	c.data_len = c.req[9] = 16;
	c.req[2] = 1;
	c.req[3] = 0x12;
	memset(data, 3, sizeof(data));
	rewrite_this(&c, NULL, data);
	assert(data[1] == 3);
	c.req[3] = 0x42;
	rewrite_this(&c, NULL, data);
	assert(data[1] == 1 && !data[3] && !data[15]);
	c.req[2] = 2;
	c.req[3] = 0x9e;
	c.req[5] = 0x10;
	memset(data, 3, sizeof(data));
	rewrite_this(&c, NULL, data);
	assert(data[1] == 3);
	enforce("scsi.sbc.unmap", SL_IMAGE_ANSWERS_AS_DEVICE);
	memcpy(data, list, sizeof(data));
	c.req[2] = 0;
	rewrite_this(&c, NULL, data);
	assert(data[12] == 0x42);
}

/* The Command Effects Log, and another log that is left alone. */
static void test_cel(void)
{
	struct sl_command c = {.set = SL_SET_CXL,
			       .dir = SL_DIR_BOTH,
			       .req_len = SL_MBOX_REQ_LEN,
			       .data_len = 24,
			       .req = {4, 1, [4] = 24, [8] = 8}};
	static const uint8_t log[24] = {0x00, 0x43, 0, 0, 0x00, 0x44, 0x64, 0};
	uint8_t payload[24] = {0}, data[24];

	enforce("cxl.sanitize", 0);
	memcpy(payload, sl_cxl_cel_uuid, 16);
	memcpy(data, log, sizeof(data));
	rewrite_this(&c, payload, data);
	assert(data[1] == 0x43 && !data[5] && !data[6]);
	payload[0] ^= 1;
	memcpy(data, log, sizeof(data));
	rewrite_this(&c, payload, data);
	assert(data[5] == 0x44);
}

/* The same log of another component, through a tunnel: behind the envelope, and for what it takes.
 */
static void test_tunnelled(void)
{
	struct sl_command in, c = {.set = SL_SET_CXL,
				   .dir = SL_DIR_BOTH,
				   .req_len = SL_MBOX_REQ_LEN,
				   .data_len = 40,
				   .req = {0x53, 0, [4] = 40, [8] = 40}};
	static const uint8_t log[40] = {
		[7] = 1, 4, [16] = 0x00, 0x43, 8, 0, 0x00, 0x44, 0x64, 0, [24] = 0,
		0xc0,	 1, 0,		 2,    5, 1, 0,	   0,	 0x53, 1,
	};
	static const uint8_t cut[40] = {[7] = 1, 4, [16] = 0x00, 0x43, 8, 0};
	uint8_t payload[40] = {[2] = 36, [7] = 1, 4, 24}, data[40];
	const uint8_t *inner;
	struct sl_facts f, carried;

	enforce("cxl.sanitize", 0);
	memcpy(payload + 16, sl_cxl_cel_uuid, 16);
	payload[36] = 16;
	for (unsigned other = 0; other < 2; other++) {
		payload[16] ^= (uint8_t)other;
		sl_facts_collect(&contract, &c, payload, &f);
		assert(f.reason == SL_REASON_ALLOWED);
		assert(sl_facts_carried(&contract, &c, payload, &f, &in, &inner));
		sl_facts_collect(&contract, &in, inner, &carried);
		assert(carried.reason == SL_REASON_ALLOWED);
		sl_facts_join(&f, &carried);
		memcpy(data, log, sizeof(data));
		sl_answer_rewrite(img, &who, &f, &c, data, sizeof(data));
		assert(!memcmp(data, other ? log : cut, sizeof(data)));
	}
	/* An answer that ends in its envelope. */
	memcpy(data, log, sizeof(data));
	sl_answer_rewrite(img, &who, &f, &c, data, 3);
	assert(!memcmp(data, log, sizeof(data)));
}

int main(void)
{
	test_tunnelled();
	test_rsoc();
	test_cel();
	test_effects_log();
	test_other_logs();
	test_identify();
	free((void *)(uintptr_t)img);
	return 0;
}
