/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as words and back, for every row of the tables. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/diag.h"
#include "spec/decode.h"

struct seen {
	unsigned n, reserved;
	char text[2048];
};

static void each(void *userdata, const struct sl_decoded *d)
{
	struct seen *s = userdata;
	size_t at = strlen(s->text);

	s->n++;
	s->reserved += !strcmp(d->name, "reserved");
	snprintf(s->text + at, sizeof(s->text) - at, "%s=%llx(%s) ", d->name,
		 (unsigned long long)d->value, d->meaning ? d->meaning : "");
}

static void decode(const struct sl_command *cmd, struct seen *ret)
{
	memset(ret, 0, sizeof(*ret));
	sl_decode_fields(cmd->set, cmd->req, each, ret);
}

/* Every row's name makes a request that is that row, and decodes to its fields. */
static void test_rows(void)
{
	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];
		struct sl_command cmd;
		struct sl_diag diag;
		struct seen s;
		uint16_t row;

		assert(sl_row_named(r->name, &row) && row == i);
		assert(!sl_encode(r->name, 0, 0, &cmd, &diag));
		assert(cmd.set == r->set && cmd.req_len && cmd.req_len <= SL_REQ_MAX);
		if (!(r->flags & SL_ROW_UNLISTED))
			assert(sl_row_find(cmd.set, cmd.req) == i);
		decode(&cmd, &s);
		assert(!s.reserved && s.n >= 1);
	}
}

static void test_words(void)
{
	char *smart[] = {"lid=2", "rae=0", "numd=127", "nsid=all"};
	char *named[] = {"lid=smart", "rae=1", "numd=7fh", "nsid=0xffffffff"};
	struct sl_command a, b;
	struct sl_diag diag;
	struct seen s;

	assert(!sl_encode("nvme.admin.get-log-page", smart, 4, &a, &diag));
	assert(!sl_encode("nvme.admin.get-log-page", named, 4, &b, &diag));
	assert(a.req[0] == 2 && a.req[40] == 2 && a.req[42] == 127 && a.data_len == 512);
	assert(a.dir == SL_DIR_IN && b.req[41] == 0x80 && b.req[42] == 0x7f);
	decode(&a, &s);
	assert(strstr(s.text, "opcode=2(nvme.admin.get-log-page) "));
	assert(strstr(s.text, "nsid=ffffffff(all) ") && strstr(s.text, "lid=2(smart) "));
	assert(strstr(s.text, "rae=0(takes the pending event away) "));
	/* A selector's name, a value's name, a wide field, a length that no dword gives. */
	char *feature[] = {"fid=timestamp", "sel=saved"};
	assert(!sl_encode("nvme.admin.get-features", feature, 2, &a, &diag));
	assert(a.req[40] == 0x0e && a.req[41] == 2 && a.data_len == 8);
	char *read[] = {"slba=0x123456789a", "nlb=7", "nsid=1", "data=4096"};
	assert(!sl_encode("nvme.nvm.read", read, 4, &a, &diag));
	assert(sl_get_le64(a.req + 40) == 0x123456789a && a.data_len == 4096);
	char *vendor[] = {"opcode=0xc6", "cdw12=0x0622", "data=512"};
	assert(!sl_encode("nvme.admin.vendor", vendor, 3, &a, &diag));
	assert(a.req[0] == 0xc6 && a.req[48] == 0x22 && a.dir == SL_DIR_IN);
	/* Bits of no field are shown, by dword. */
	sl_encode("nvme.admin.identify.ctrl", 0, 0, &a, &diag);
	a.req[1] = 0x40;
	a.req[63] = 0x80;
	decode(&a, &s);
	assert(s.reserved == 2 && strstr(s.text, "reserved=4000(") &&
	       strstr(s.text, "reserved=80000000("));
	assert(!sl_value_name(0, "cns", 1));
}

/* Fields of the payload, and the length that the request states of it. */
static void test_payload(void)
{
	uint8_t data[64] = {0};
	struct sl_command c;
	struct sl_diag diag = {.text = ""};
	struct seen s = {0};
	size_t len = 0;

	char *set[] = {"uuid=0da9c0b5-bf41-4b78-8f79-96b1623b3f17", "saved=1", "version=2"};
	assert(!sl_encode_payload("cxl.set-feature", set, 3, &c, data, sizeof(data), &len, &diag));
	assert(len == 23 && data[0] == 0x0d && data[15] == 0x17 && data[16] == 8 && data[22] == 2);
	assert(sl_get_le32(c.req + SL_MBOX_IN_LEN) == 32 && c.data_len == 32);
	assert(c.dir == SL_DIR_OUT);
	sl_decode_payload(c.set, c.req, data, len, each, &s);
	assert(strstr(s.text, "saved=1(") && strstr(s.text, "version=2("));
	/* What does not lie within the payload is not read. */
	memset(&s, 0, sizeof(s));
	sl_decode_payload(c.set, c.req, data, 20, each, &s);
	assert(strstr(s.text, "saved=1(") && !strstr(s.text, "version="));

	char *page[] = {"pf=1", "first-page-code=8"};
	memset(data, 0, sizeof(data));
	len = 0;
	assert(!sl_encode_payload("scsi.spc.mode-select-6", page, 2, &c, data, sizeof(data), &len,
				  &diag));
	assert(len == 5 && data[4] == 8 && c.req[4] == 5 && c.data_len == 5);
	/* A length that is said stays; and without a place for the payload there is none. */
	char *said[] = {"parameter-list-length=24", "first-page-code=8"};
	assert(!sl_encode_payload("scsi.spc.mode-select-6", said, 2, &c, data, sizeof(data), &len,
				  &diag));
	assert(c.req[4] == 24);
	assert(sl_encode("scsi.spc.mode-select-6", page, 2, &c, &diag) == -EINVAL);
	assert(strstr(diag.text, "first-page-code is a field of the payload"));
	len = 0;
	assert(sl_encode_payload("scsi.spc.mode-select-6", page, 2, &c, data, 4, &len, &diag) ==
	       -EINVAL);
	/* A command set's name is no part of its commands'. */
	assert(!strcmp(sl_row_sub_name(sl_row_find_key(SL_SET_CXL, 0x04, 0x01)), "get-log"));
	assert(!sl_encode("cxl.get-log", 0, 0, &c, &diag));
	assert(!strcmp(sl_value_name(sl_row_find(c.set, c.req), "command", 1), "get-log"));
}

static void refused(const char *name, char *word, const char *expect)
{
	struct sl_command cmd;
	struct sl_diag diag = {.text = ""};

	assert(sl_encode(name, &word, word ? 1 : 0, &cmd, &diag) == -EINVAL);
	if (!strstr(diag.text, expect)) {
		fprintf(stderr, "%s %s: %s\n", name, word ? word : "", diag.text);
		assert(0);
	}
	assert(sl_encode(name, &word, word ? 1 : 0, &cmd, 0) == -EINVAL);
}

static void test_refused(void)
{
	const char *log = "nvme.admin.get-log-page";

	refused("nvme.admin.get-logpage", 0, "no command is called");
	refused("", 0, "no command is called");
	refused(log, "lid", "form field=value");
	refused(log, "=2", "form field=value");
	refused(log, "fid=2", "has no field 'fid'");
	refused(log, "lid=", "neither a number nor a value");
	refused(log, "lid=smarter", "neither a number nor a value");
	refused(log, "lid=-1", "neither a number nor a value");
	refused(log, "lid=2x", "neither a number nor a value");
	refused(log, "lid=256", "has 8 bits");
	refused(log, "rae=2", "has 1 bits");
	refused(log, "data=0x100000000", "not a length");
	refused(log, "lid=99999999999999999999", "neither a number nor a value");
	refused(log, "a-very-long-name-of-a-field-that-nobody-has=1", "form field=value");
}

int main(void)
{
	test_rows();
	test_words();
	test_payload();
	test_refused();
	return 0;
}
