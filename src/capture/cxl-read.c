/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a CXL memory device: what its mailbox says of it (CXL 3.1 §8.2.9). Nothing in it
 * names one device of many, so that there is nothing to mask: the serial number is PCI's. Labels,
 * event records and the vendor's logs are not read.
 */
#include "capture/cxl.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"

struct reader {
	struct sl_capture *c;
	const struct sl_capture_source *source;
	int error; /* the first; then nothing is asked any more */
};

static const struct sl_answer *ask(struct reader *r, uint16_t opcode, const uint8_t *in,
				   uint32_t in_len, uint32_t out_len)
{
	uint32_t len = in_len > out_len ? in_len : out_len;
	struct sl_answer *a = sl_capture_room(r->c, len, &r->error);

	if (!a)
		return NULL;
	a->cmd = (struct sl_command){
		.set = SL_SET_CXL,
		.dir = in_len ? SL_DIR_BOTH : SL_DIR_IN,
		.req_len = SL_MBOX_REQ_LEN,
		.data_len = len,
	};
	a->cmd.req[0] = (uint8_t)(opcode >> 8);
	a->cmd.req[1] = (uint8_t)opcode;
	sl_put_le32(a->cmd.req + SL_MBOX_IN_LEN, in_len);
	sl_put_le32(a->cmd.req + SL_MBOX_OUT_LEN, out_len);
	if (in_len) {
		memcpy(a->in, in, in_len);
		memcpy(a->data, in, in_len);
	}
	r->error = r->source->call(r->source->ctx, a);
	/* The answer took the place of what was sent. */
	if (a->len < len)
		memset(a->data + a->len, 0, len - a->len);
	return r->error || !sl_answer_good(a) ? NULL : a;
}

const struct sl_answer *sl_cxl_find(const struct sl_capture *c, uint16_t opcode, const uint8_t *in,
				    size_t n)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct sl_answer *a = c->answer[i];

		if (sl_answer_good(a) && a->cmd.req[0] == opcode >> 8 &&
		    a->cmd.req[1] == (opcode & 0xff) && (!n || !memcmp(a->in, in, n)))
			return a;
	}
	return NULL;
}

static void read_effects(struct reader *r)
{
	const struct sl_answer *a = ask(r, CXL_GET_LOGS, NULL, 0, CXL_LOGS_LEN);
	uint32_t n = a && a->len >= 8 ? sl_get_le16(a->data) : 0;

	for (uint32_t i = 0; i < n && 8 + 20 * (i + 1) <= a->len; i++) {
		const uint8_t *log = a->data + 8 + (size_t)20 * i;
		uint32_t size = sl_get_le32(log + 16);
		uint8_t in[24] = {0};

		if (memcmp(log, sl_cxl_cel_uuid, 16) != 0 || !size)
			continue;
		size = size < CXL_LOGS_LEN ? size : CXL_LOGS_LEN;
		memcpy(in, log, 16);
		sl_put_le32(in + 20, size);
		(void)ask(r, CXL_GET_LOG, in, sizeof(in), size);
	}
}

static void read_features(struct reader *r)
{
	enum { PAGE = 8 + CXL_FEATURES_MAX * CXL_FEATURE_LEN };
	uint8_t in[8] = {0};
	const struct sl_answer *a;

	sl_put_le32(in, PAGE);
	a = ask(r, CXL_GET_FEATURES, in, sizeof(in), PAGE);
	for (uint32_t i = 0;
	     a && i < sl_get_le16(a->data) && 8 + CXL_FEATURE_LEN * (i + 1) <= a->len; i++) {
		const uint8_t *f = a->data + 8 + (size_t)CXL_FEATURE_LEN * i;
		uint16_t size = sl_get_le16(f + 18);
		uint8_t which[21] = {0};

		if (!size || size > CXL_VALUE_MAX)
			continue;
		memcpy(which, f, 16);
		sl_put_le16(which + 18, size);
		(void)ask(r, CXL_GET_FEATURE, which, sizeof(which), size);
	}
}

int sl_cxl_capture_read(struct sl_capture *c, const struct sl_capture_source *source)
{
	struct reader r = {.c = c, .source = source};
	const struct sl_answer *a;

	c->n = 0;
	a = ask(&r, CXL_IDENTIFY, NULL, 0, CXL_IDENTIFY_LEN);
	if (r.error || !a || a->len < 0x43)
		return r.error ? r.error : -EPROTO;
	(void)ask(&r, CXL_GET_HEALTH, NULL, 0, CXL_HEALTH_LEN);
	(void)ask(&r, CXL_GET_ALERT, NULL, 0, CXL_ALERT_LEN);
	read_effects(&r);
	read_features(&r);
	return r.error;
}
