/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader refuses of a SCSI persona, and what it makes of one that says little. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/scsi/test-lu.h"

#define HEAD "{'format': 1, 'protocol': 'scsi', "
#define ID   "'inquiry': {'vendor': 'V', 'product': 'P', 'revision': 'R'}"
#define DISK HEAD ID ", 'medium': {'blocks': 64}"

static const struct {
	const char *text, *message;
} bad[] = {
	{"{'format': 1, 'protocol': 'sas', " ID "}", "protocol: "},
	{HEAD "'medium': {'blocks': 64}}", "\"inquiry\" is missing"},
	{HEAD ID "}", "\"medium\" is missing"},
	{DISK ", 'identify_controller': {}}", "identify_controller: unknown key"},
	{DISK ", 'namespaces': []}", "namespaces: unknown key"},
	{HEAD "'inquiry': {'vendor': 'VVVVVVVVV', 'product': 'P', 'revision': 'R'}}",
	 "inquiry.vendor: 9 characters"},
	{HEAD "'inquiry': {'type': 32, 'vendor': 'V', 'product': 'P', 'revision': 'R'}}",
	 "inquiry.type: "},
	{HEAD "'inquiry': {'vendor': 'V', 'product': 'P', 'revision': 'R', 'naa': '50'}}",
	 "inquiry.naa: "},
	{DISK ", 'inquiry_raw': {'96': '00'}}", "inquiry_raw.96: "},
	{HEAD ID ", 'medium': {'blocks': 0}}", "medium.blocks: "},
	{HEAD ID ", 'medium': {'blocks': 8, 'block_size': 520}}", "medium.block_size: not a power"},
	{HEAD ID ", 'medium': {'blocks': 8, 'provisioning': 'fat'}}", "medium.provisioning: "},
	{HEAD ID ", 'medium': {'blocks': 8, 'content': [{'lba': 9, 'data': '00'}]}}",
	 "medium.content: item 0 is past the end"},
	{DISK ", 'tape': {}}", "tape: this type of device has no tape"},
	{HEAD "'inquiry': {'type': 1, 'vendor': 'V', 'product': 'P', 'revision': 'R'}, 'medium': "
	      "{'blocks': 8}}",
	 "medium: this type of device has no blocks"},
	{HEAD "'inquiry': {'type': 5, 'vendor': 'V', 'product': 'P', 'revision': 'R'}, 'medium': "
	      "{'blocks': 8}, 'ata': {'model': 'M', 'serial': 'S', 'firmware': 'F'}}",
	 "ata: only a disk"},
	{DISK ", 'ata': {'model': 'M', 'serial': 'S'}}", "\"firmware\" is missing"},
	{DISK ", 'block_limits': {'max': 1}}", "block_limits.max: unknown key"},
	{DISK ", 'block_limits': {'granularity': 65536}}", "block_limits.granularity: "},
	{DISK ", 'vpd': {'0x100': '00'}}", "vpd.0x100: "},
	{DISK ", 'mode_pages': {'0x3f': {'current': '00'}}}", "mode_pages.0x3f: "},
	{DISK ", 'mode_pages': {'8': {'changeable': '00'}}}", "\"current\" is missing"},
	{DISK ", 'mode_pages': {'8': {'current': '0000', 'saved': '00'}}}", "of one length"},
	{DISK ", 'mode_pages': {'*': false}}", "mode_pages.*: expected true"},
	{DISK ", 'log_pages': {'0': []}}", "log_pages.0: page 0 is the list"},
	{DISK ", 'log_pages': {'6': [{'code': 0, 'size': 1, 'value': 256}]}}", "does not fit"},
	{DISK ", 'commands': {'0x100': true}}", "commands.0x100: "},
	{DISK ", 'commands': {'0x28': 1}}", "commands.0x28: expected true or an object"},
	{DISK ", 'commands': {'0x28': {'mlu': 4}}}", "commands.0x28.mlu: "},
	{DISK ", 'commands': {'0x28': {'usage': 'zz'}}}", "commands.0x28.usage: "},
	{DISK ", 'unlisted': [40]}", "unlisted[0]: "},
	{DISK ", 'quirks': {'rsoc': true}}", "quirks.rsoc: unknown key"},
	{DISK ", 'quirks': {'rsoc_refused': 1}}", "expected true or false"},
	{DISK ", 'drift': [{'state': 'smart.temperature', 'every_ms': 1, 'step': 1}]}",
	 "is not a state name"},
	{DISK
	 ", 'behaviours': [{'name': 'a', 'when': {'queue': 'io', 'opcode': 1}, 'do': [{'drop': "
	 "true}]}]}",
	 "queue: unknown key"},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'cdw10': 1}, 'do': [{'dead': true}]}]}",
	 "cdw10: unknown key"},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'cdb64': 1}, 'do': [{'dead': true}]}]}",
	 "cdb64: "},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'cdb2:9': 1}, 'do': [{'dead': true}]}]}",
	 "cdb2:9: "},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'cdb2:1': 256}, 'do': [{'dead': true}]}]}",
	 "cdb2:1: "},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'opcode': 0}, 'do': [{'event': {}}]}]}",
	 "event: unknown action"},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'opcode': 0}, 'do': [{'firmware': 1}]}]}",
	 "firmware: unknown action"},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'opcode': 0}, 'do': [{'run': {'opcode': "
	      "1}}]}]}",
	 "opcode: unknown key"},
	{DISK ", 'behaviours': [{'name': 'a', 'when': {'opcode': 0}, 'do': [{'run': {'length': "
	      "1}}]}]}",
	 "expected one of \"cdb\" and \"payload_offset\""},
	{DISK
	 ", 'behaviours': [{'name': 'a', 'when': {'opcode': 0}, 'do': [{'status': 1048576}]}]}",
	 "status: "},
};

static char *quotes(const char *from)
{
	char *text = strdup(from);

	assert(text);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

static void refused(void)
{
	for (size_t i = 0; i < SL_COUNT(bad); i++) {
		struct sl_persona *p = (void *)1;
		struct sl_diag d = {0};
		char *text = quotes(bad[i].text), buf[900];
		int r = sl_persona_parse(text, strlen(text), "bad.json", &p, &d);

		sl_diag_str(&d, buf, sizeof(buf));
		if (r >= 0 || !strstr(buf, bad[i].message)) {
			fprintf(stderr, "%s\n want: %s\n  got: %s\n", bad[i].text, bad[i].message,
				buf);
			abort();
		}
		assert(!p && r == -22);
		free(text);
	}
}

/* Cut anywhere, a file is refused and nothing is left of it. */
static void cut(void)
{
	char *text =
		quotes(DISK ", 'ata': {'model': 'M', 'serial': 'S', 'firmware': 'F', 'smart': "
			    "[{'id': 5}]}, 'vpd': {'0xc0': '01'}, 'mode_pages': {'*': true}, "
			    "'log_pages': {'*': true, '0x30': [{'code': 1}]}, 'commands': {'*': "
			    "true, '0xc5': {'usage': 'c5ff'}}}");
	size_t len = strlen(text);
	struct sl_persona *p;

	for (size_t n = 0; n < len; n++) {
		p = (void *)1;
		assert(sl_persona_parse(text, n, "cut.json", &p, NULL) < 0 && !p);
	}
	assert(sl_persona_parse(text, len, "whole.json", &p, NULL) == 0);
	sl_persona_free(p);
	free(text);
}

/* Commands as told and as they work: listed, not listed, refused. */
static void commands(void)
{
	char *text = quotes(DISK ", 'commands': {'0x00': true, '0x03': true, '0xa3/0x0c': true, "
				 "'0x28': {'usage': '28 00 ff ff ff ff 00 ff ff 00', 'mlu': 3, "
				 "'nominal': 7, 'recommended': 9}, '0x2e': {'timeouts': false}}, "
				 "'unlisted': ['0x2a'], 'refused': ['0x2e', '0x35']}");
	struct test_device *d = test_device_json(text);

	assert(CDB(d, NONE, 0, 0x12, 0, 0, 0, 0, 0) == S_OPCODE);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0) == 0);
	memset(d->data, 0, 512);
	assert(CDB(d, OUT, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0) == 0);
	memset(d->data, 0, 512);
	assert(CDB(d, OUT, 512, 0x2e, 0, 0, 0, 0, 0, 0, 0, 1, 0) == S_OPCODE);
	assert(CDB(d, IN, 512, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0) == 0);
	assert(sl_get_be32(d->data) == 6 * 8); /* 00, 03, 28, 2e, 35, a3/0c */
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 0x81, 0x28, 0, 0, 0, 0, 0, 64, 0, 0) == 0);
	assert(d->data[1] == (0x80 | 3 << 5 | 3) && d->data[5] == 0 && d->data[14 + 7] == 7 &&
	       d->data[14 + 11] == 9);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 0x81, 0x2e, 0, 0, 0, 0, 0, 64, 0, 0) == 0);
	assert(!(d->data[1] & 0x80) && d->r.ret_len == 14);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 1, 0x2a, 0, 0, 0, 0, 0, 64, 0, 0) == 0 &&
	       d->data[1] == 1);
	test_device_free(d);
	free(text);
}

/* A rule's words: a sense triple, a unit attention, a command inside, a number in a page. */
static void rules(void)
{
	struct test_device *d = test_lu_new(
		", \"variables\": {\"n\": 0}, \"behaviours\": ["
		"{\"name\": \"a\", \"phase\": \"before\", \"when\": {\"opcode\": 40, \"cdb2:4\": "
		"[16, 31]},"
		" \"do\": [{\"drop\": {\"status\": \"0x031100\"}}]},"
		"{\"name\": \"b\", \"when\": {\"opcode\": 40, \"lba\": 1}, \"do\": "
		"[{\"unit_attention\":"
		" \"0x3f0e\"}, {\"status\": 24}]},"
		"{\"name\": \"c\", \"when\": {\"opcode\": 53}, \"do\": [{\"run\": {\"cdb\":"
		" \"41 00 00 00 00 02 00 00 01 00\", \"data\": {\"hex\": \"77\", \"length\": "
		"512}}},"
		" {\"add\": {\"log.06[4:8]\": 258}}]}]");
	uint8_t b[512];

	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 20, 0, 0, 1, 0) == S_READ_ERROR);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 32, 0, 0, 1, 0) == 0);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0) == 0x18 && d->r.ret_meta_len == 0);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == SENSE(6, 0x3f, 0x0e));
	assert(CDB(d, NONE, 0, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0) == 0);
	assert(sl_model_blocks_read(d->m, 1, 2, 1, b) == 0 && b[511] == 0x77);
	assert(CDB(d, IN, 64, 0x4d, 0, 0x46, 0, 0, 0, 0, 0, 64, 0) == 0 && d->data[14] == 1 &&
	       d->data[15] == 2);
	test_device_free(d);
}

int main(void)
{
	refused();
	cut();
	commands();
	rules();
	return 0;
}
