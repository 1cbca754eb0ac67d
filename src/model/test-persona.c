/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The persona loader: what it builds from a good file, what it says of a bad one (every mutation
 * has one message with its place, and leaves nothing behind), the files that are shipped, and the
 * examples of doc/personas.md.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "model/model.h"
#include "model/persona-json.h"

/* JSON is written with ' for ", so that it can be read here. */
static const char good[] =
	"{\n"
	" 'format': 1, 'name': 'test', 'title': 'A test', 'honest': true, 'seed': 7,\n"
	" 'identify_controller': {'vid': '0x1b36', 'sn': 'SLUICE1', 'mn': 'Model', 'fr': 'F1',\n"
	"  'ieee': '5c1ce0', 'mdts': 6, 'nn': 8, 'tnvmcap': 1000000,\n"
	"  'power_states': [{'mp': 900, 'nops': true}]},\n"
	" 'identify_controller_raw': {'3072': 'de ad'},\n"
	" 'effects_log': {'admin': {'0x02': 'csupp', '0x80': 'csupp lbcc ncc cse=1 "
	"scope=namespace', '0xc0': '0x00010003'},\n"
	"  'nvm': {'0x01': 'csupp lbcc'}, 'zns': {'0x79': 3}},\n"
	" 'effects_log_raw': {'nvm': {'2048': '01'}},\n"
	" 'unlisted': {'admin': ['0x84'], 'nvm': [25]}, 'refused': {'nvm': ['0x01']},\n"
	" 'features': {'0x06': {'current': 1, 'default': 0, 'saved': 1, 'saveable': true},\n"
	"  '0x0e': {'data': '0102030405060708', 'changeable': false, 'effects': 'fsupp ccc'}},\n"
	" 'logs': [{'lid': '0xca', 'data': {'text': 'ab', 'length': 6}, 'override': true}],\n"
	" 'smart': {'temperature': 300, 'power_on_hours': 12}, 'smart_raw': {'232': 'ff'},\n"
	" 'error_log': {'entries': 2, 'total': 9},\n"
	" 'firmware': {'slots': 3, 'active': 2, 'revisions': {'1': 'OLD'}},\n"
	" 'quirks': {'effects_log_bytes': 512, 'effects_log_status': '0x109', 'ignores_rae': "
	"true},\n"
	" 'timing': {'latency_us': 10, 'format_ms': 5}, 'telemetry': {'host_bytes': 1024},\n"
	" 'namespaces': [\n"
	"  {'nsid': 3, 'csi': 'zns', 'size': 1024, 'zns': {'zone_size': 256, 'max_open': 2}},\n"
	"  {'nsid': 1, 'size': 2048, 'capacity': 1024, 'flbas': 1, 'attached': false, 'nmic': 1,\n"
	"   'lbaf': [{'ds': 9}, {'ds': 12, 'ms': 8, 'rp': 2}], 'eui64': '0123456789abcdef',\n"
	"   'uuid': '00112233-4455-6677-8899-aabbccddeeff', 'identify_raw': {'384': '55'},\n"
	"   'content': [{'lba': 5, 'blocks': 2, 'data': '0102'}]}],\n"
	" 'variables': {'armed': 0, 'box': {'bytes': 16, 'data': 'aa', 'persistent': true}},\n"
	" 'vendor_commands': [{'name': 'info', 'when': {'queue': 'admin', 'opcode': '0xc0', "
	"'cdw12': "
	"3},\n"
	"  'direction': 'in', 'answer': '01', 'do': [{'set': {'vendor.armed': 2}}]}],\n"
	" 'behaviours': [\n"
	"  {'name': 'knock', 'when': {'sequence': [{'queue': 'io', 'opcode': 1, 'lba': 7},\n"
	"    {'queue': 'io', 'opcode': [1, 2], 'payload': [{'offset': 4, 'data': 'ff', 'mask': "
	"'0f'}]}],\n"
	"   'strict': true, 'within_commands': 9, 'limit': 3, 'probability': 0.5},\n"
	"   'do': [{'run': {'queue': 'admin', 'opcode': '0x80', 'nsid': 1}}]},\n"
	"  {'name': 'late', 'when': {'queue': 'admin', 'opcode': 2, 'lid': 2, 'rae': {'not': 1},\n"
	"    'state': {'vendor.armed': {'ge': 2}}, 'after_count': 4, 'every': 2},\n"
	"   'later': {'ms': 100}, 'do': [{'add': {'smart.temperature': -3}}]},\n"
	"  {'name': 'deaf', 'when': {'on': 'time', 'after_ms': 50}, 'do': [{'dead': true}]},\n"
	"  {'name': 'drop', 'when': {'queue': 'io', 'opcode': 1}, 'phase': 'before', 'do': "
	"[{'drop': "
	"true}]},\n"
	"  {'name': 'shot', 'when': {'on': 'start'}, 'do': [{'snapshot': {'name': 's', 'state': "
	"['smart']}},\n"
	"   {'restore': 's'}, {'write_blocks': {'nsid': 1, 'lba': 0, 'data': '00'}}]}],\n"
	" 'drift': [{'state': 'smart.temperature', 'every_ms': 1000, 'walk': 2, 'min': 290, 'max': "
	"310}]\n"
	"}\n";

static char *quotes(const char *s)
{
	char *r = strdup(s);

	assert(r);
	for (char *c = r; *c; c++)
		if (*c == '\'')
			*c = '"';
	return r;
}

/* ---- a good one ---- */

static void check_device(const struct sl_persona *p)
{
	assert(!strcmp(p->name, "test") && !strcmp(p->title, "A test") && p->honest &&
	       p->seed == 7);
	assert(sl_get_le16(p->id_ctrl) == 0x1b36 && !memcmp(p->id_ctrl + 4, "SLUICE1      ", 13));
	assert(!memcmp(p->id_ctrl + 73, "\xe0\x1c\x5c", 3));
	assert(sl_get_le64(p->id_ctrl + 280) == 1000000 && sl_get_le16(p->id_ctrl + 2048) == 900);
	assert(p->id_ctrl[2048 + 3] == 2 && p->id_ctrl[3072] == 0xde && p->id_ctrl[3073] == 0xad);
	assert(p->nn == 8 && p->max_transfer == 4096u << 6);
	assert(p->has_effects[0] && !p->has_effects[1] && p->has_effects[2]);
	assert(sl_get_le32(p->effects[0] + 4 * 0x80) == 0x00110007);
	assert(sl_get_le32(p->effects[2] + 4 * 0x80) == 0x00110007);
	assert(sl_get_le32(p->effects[0] + 4 * 0xc0) == 0x00010003);
	assert(sl_get_le32(p->effects[2] + 1024 + 4 * 0x79) == 3 && p->effects[0][2048] == 1);
	assert(p->admin[2] && p->admin[0x84] && !p->admin[6] && p->io[0][25] && !p->io[0][1]);
	assert(p->io[2][0x79] && !p->io[0][0x79]);
	assert(p->feature[6].supported && p->feature[6].current == 1 && p->feature[6].dflt == 0);
	assert(p->feature[6].saved == 1 && p->feature[6].changeable &&
	       !p->feature[0x0e].changeable);
	assert(p->feature[0x0e].data.len == 8 && p->feature[0x0e].data.p[7] == 8);
	assert(p->n_logs == 2 && p->logs[0].lid == 0xca && p->logs[0].override);
	assert(p->logs[1].lid == 0x12 && p->logs[1].data.len == 1024);
	assert(sl_get_le32(p->logs[1].data.p + 4 * 0x0e) == 0x11);
	assert(sl_get_le32(p->logs[1].data.p + 4 * 0x06) == 0x200001);
	assert(p->logs[0].data.len == 6 && !memcmp(p->logs[0].data.p, "ababab", 6));
	assert(p->log_supported[0xca] && p->log_supported[2] && !p->log_supported[0x80]);
	assert(sl_get_le16(p->smart + 1) == 300 && p->smart[232] == 0xff && p->smart[3] == 100);
	assert(p->error_count == 2 && p->error_total == 9 && sl_get_le64(p->smart + 176) == 9);
	assert(p->firmware.slots == 3 && p->firmware.active == 2);
	assert(!strcmp(p->firmware.revision[1], "OLD") &&
	       !memcmp(p->firmware.revision[2], "F1", 2));
	assert(p->id_ctrl[260] == 3 << 1);
	assert(p->quirks == (SL_QUIRK_EFFECTS_LOG_SHORT | SL_QUIRK_IGNORES_RAE));
	assert(p->effects_log_bytes == 512 && p->effects_log_status == 0x109);
	assert(p->latency_us == 10 && p->format_ms == 5 && p->telemetry_host_bytes == 1024);
	/* OACS from the commands: Format, nothing else that has a bit. ONCS: Copy; saved values. */
	assert(sl_get_le16(p->id_ctrl + 256) == 2);
	assert(sl_get_le16(p->id_ctrl + 520) == ((1 << 8) | (1 << 6) | (1 << 4)));
}

static void check_namespaces(const struct sl_persona *p)
{
	const struct sl_persona_ns *a = &p->ns[0], *z = &p->ns[1];

	assert(p->n_ns == 2 && a->nsid == 1 && z->nsid == 3);
	assert(!a->attached && a->n_lbaf == 2 && a->lbaf[1].ms == 8 && a->lbaf[1].ds == 12);
	assert(sl_get_le64(a->id_ns) == 2048 && sl_get_le64(a->id_ns + 8) == 1024);
	assert(a->id_ns[25] == 1 && a->id_ns[26] == 1 && a->id_ns[30] == 1 &&
	       a->id_ns[384] == 0x55);
	assert(sl_get_le64(a->id_ns + 48) == 1024u << 12);
	assert(sl_get_le32(a->id_ns + 132) == (8 | 12 << 16 | 2 << 24));
	assert(a->id_ns[120] == 0x01 && a->uuid[15] == 0xff && a->uuid[5] == 0x55);
	assert(a->n_fills == 1 && a->fills[0].lba == 5 && a->fills[0].pattern.len == 2);
	assert(z->attached && z->csi == 2 && z->zone_size == 256 && z->zone_capacity == 256);
	assert(sl_get_le64(z->id_zns + 2816) == 256 && sl_get_le32(z->id_zns + 8) == 1);
	assert(sl_get_le32(z->id_zns + 4) == 0xffffffff);
}

static void check_rules(const struct sl_persona *p)
{
	const struct sl_rule *r = p->rules;

	assert(p->n_vars == 2 && p->vars[0].len == 8 && !p->vars[0].bytes &&
	       !p->vars[0].persistent);
	assert(p->vars[1].len == 16 && p->vars[1].bytes && p->vars[1].init[0] == 0xaa);
	assert(p->n_vendor == 1 && p->vendor[0].match.opcode[0xc0] && p->vendor[0].dir == 2);
	assert(p->vendor[0].match.numbers[0].at == 48 && p->vendor[0].match.numbers[0].max == 3);
	assert(p->n_rules == 5 && r[0].n_steps == 2 && r[0].strict_sequence);
	assert(r[0].within_commands == 9 && r[0].limit == 3 && r[0].probability == 0x80000000u);
	assert(r[0].steps[0].lba_on && r[0].steps[0].lba_first == 7 && r[0].steps[0].lba_last == 7);
	assert(r[0].steps[1].opcode[2] && r[0].steps[1].payload[0].mask.p[0] == 0x0f);
	assert(r[0].dos[0].act == SL_ACT_RUN && r[0].dos[0].sqe[0] == 0x80);
	assert(r[0].dos[0].sqe[4] == 1 && r[0].dos[0].queue == SL_QUEUE_ADMIN);
	assert(r[1].defer == SL_DEFER_MS && r[1].defer_n == 100 && r[1].after_count == 4);
	assert(r[1].steps[0].numbers[0].mask == 0xff && r[1].steps[0].numbers[1].negate);
	assert(r[1].n_states == 1 && r[1].states[0].cmp == SL_CMP_GE);
	assert(r[1].dos[0].value == (uint64_t)-3);
	assert(r[2].trigger == SL_TRIGGER_TIME && r[2].after_ms == 50);
	assert(r[3].before && r[3].dos[0].act == SL_ACT_DROP);
	assert(r[4].n_dos == 3 && p->n_snapshots == 1 && r[4].dos[2].bytes.len == 1);
	assert(p->n_drift == 1 && p->drift[0].kind == SL_DRIFT_WALK && p->drift[0].step == 2);
}

static void test_good(void)
{
	char *text = quotes(good);
	struct sl_diag d = {0};
	struct sl_persona *p;
	char buf[900];

	if (sl_persona_parse(text, strlen(text), "good.json", &p, &d)) {
		fprintf(stderr, "%s\n", sl_diag_str(&d, buf, sizeof(buf)));
		abort();
	}
	check_device(p);
	check_namespaces(p);
	check_rules(p);
	assert(!sl_persona_free(p) && !sl_persona_free(NULL));
	free(text);
}

/* ---- a hundred bad ones ---- */

/* `from` becomes `to`; @ in `to` is where the message must point (and is taken out). */
static const struct {
	const char *from, *to, *message;
} bad[] = {
	/* the text */
	{"'format'", "format", "string or '}' expected near 'format'"},
	{"'honest': true", "'honest': tru", "invalid token"},
	{"]\n}\n", "]}@}\n", "end of file expected"},
	{"'drift': [", "'drift': [[[[[[[[[[[[[[[[[[[[[[[@[", "nested deeper than 24"},
	{"'seed': 7", "'seed': 7, 'seed': 8", "duplicate object key"},
	{"'A test'", "'A \xff test'", "unable to decode byte"},
	{"'A test'", "'A \\u0000 test'", "\\u0000"},
	{"'seed': 7", "'seed': 99999999999999999999999", "too big"},
	{"'A test'", "'A \n test'", "unexpected newline"},
	/* the outline */
	{"'format': 1", "'format': @2", "format: 2 is out of range 1 to 1"},
	{"'format': 1, ", "", "\"format\" is missing"},
	{"'format': 1", "'format': @true", "format: expected a number"},
	{"'format': 1", "'format': @1.5", "not a fraction"},
	{"'seed': 7", "@'sed': 7", "sed: unknown key"},
	{"'name': 'test'", "'name': @'a b'", "name: a name has letters"},
	{"'name': 'test'", "'name': @''", "name: 0 characters, 1 to 47"},
	{"'title': 'A test'", "'title': @'\\u00e4'", "title: only printable ASCII"},
	{"'honest': true", "'honest': @1", "honest: expected true or false, not a number"},
	{"'honest': true", "'comment': 5, 'honest': true", "comment: expected a string"},
	{"'seed': 7", "'seed': @-7", "seed: -7 is negative"},
	{"'seed': 7", "'seed': @'0x1g'", "seed: \"0x1g\" is not a number"},
	{"'seed': 7", "'seed': @' 7'", "seed: \" 7\" is not a number"},
	{"'seed': 7", "'seed': @'0x10000000000000000'", "does not fit 64 bits"},
	/* Identify Controller */
	{"'sn': 'SLUICE1', ", "", "identify_controller: \"sn\" is missing"},
	{"'SLUICE1'", "@'SLUICE1 SLUICE1 SLUICE1'", "sn: 23 characters, 0 to 20 are allowed"},
	{"'vid': '0x1b36'", "'vid': @'0x1b360'", "vid: 111456 is out of range 0 to 65535"},
	{"'vid': '0x1b36'", "@'wid': 1", "identify_controller.wid: unknown key"},
	{"'vid': '0x1b36'", "'vid': @[1]", "vid: expected a number or a string"},
	{"'mdts': 6", "'mdts': 16", "identify_controller.mdts: 16 is out of range"},
	{"'nn': 8", "@'nn': 2", "identify_controller.nn: namespace 3 is beyond nn 2"},
	{"'5c1ce0'", "@'5c1c'", "ieee: 2 bytes, 3 are needed"},
	{"'5c1ce0'", "@'5c1cx0'", "ieee: expected pairs of hex digits, not \"x0\""},
	{"'mp': 900", "@'max': 9", "power_states[0].max: unknown key"},
	{"[{'mp': 900, 'nops': true}]", "@[]", "power_states: at least one power state"},
	{"{'3072'", "{@'4096'", "identify_controller_raw.4096: 4096 is out of range 0 to 4095"},
	{"{'3072': 'de ad'", "{'4095': @'de ad'",
	 "identify_controller_raw.4095: 2 bytes, 1 to 1 are allowed"},
	{"{'3072'", "{@'mn'", "\"mn\" is not a number"},
	/* effects logs, opcodes */
	{"'csupp lbcc ncc", "@'csupp lbbc ncc", "effects_log.admin.0x80: \"lbbc\" is no flag"},
	{"{'0x02'", "{@'0x102'", "effects_log.admin.0x102: 258 is out of range 0 to 255"},
	{"'0x00010003'", "@'0x100010003'", "0x100010003 is out of range, at most 0xffffffff"},
	{"{'0x02': 'csupp'", "{'2': 'csupp', '0x02': @'csupp'", "opcode 02h is here twice"},
	{"'zns': {'0x79': 3}", "@'fs': {'0x79': 3}", "effects_log.fs: unknown key"},
	{"{'2048': '01'}", "{'2048': @''}", "effects_log_raw.nvm.2048: 0 bytes"},
	{"['0x84']", "[@256]", "unlisted.admin[0]: 256 is out of range 0 to 255"},
	{"['0x84']", "@'0x84'", "unlisted.admin: expected an array, not a string"},
	/* features */
	{"'0x06': {", "@'0x100': {", "features.0x100: 256 is out of range 1 to 255"},
	{"'0x06': {", "'14': {'current': 1}, '0x06': {", "feature 0eh is here twice"},
	{"'saved': 1, 'saveable': true", "@'saved': 1", "saved: the feature is not \"saveable\""},
	{"'default': 0", "@'defualt': 0", "features.0x06.defualt: unknown key"},
	{"'fsupp ccc'", "@'fsupp cce'", "features.0x0e.effects: \"cce\" is no flag"},
	{"'saveable': true", "'saveable': @'yes'",
	 "saveable: expected true or false, not a string"},
	/* logs, SMART, error log */
	{"'lid': '0xca', ", "", "logs[0]: \"lid\" is missing"},
	{"'length': 6", "'length': @1", "logs[0].data.length: 1 is out of range"},
	{"'length': 6", "'length': @2000000", "logs[0].data.length: 0x1e8480 is out of range"},
	{"{'text': 'ab', 'length': 6}", "@{'length': 6}", "one of \"hex\" and \"text\""},
	{"{'text': 'ab', 'length': 6}", "@{'text': 'ab', 'size': 6}", "are allowed here"},
	{"{'text': 'ab', 'length': 6}", "@7", "data: expected hex digits or an object"},
	{"'logs': [", "'logs': [{'lid': 202, 'data': '00'}, @", "log cah is here twice"},
	{"'temperature': 300", "'temperature': @70000", "smart.temperature: 70000 is out of range"},
	{"{'232'", "{@'512'", "smart_raw.512: 512 is out of range 0 to 511"},
	{"'total': 9", "@'total': 1", "error_log.total: less than \"entries\""},
	/* firmware, quirks, timing, telemetry */
	{"'slots': 3", "'slots': @8", "firmware.slots: 8 is out of range 1 to 7"},
	{"'active': 2", "@'active': 4", "firmware.active: there are only 3 slots"},
	{"'active': 2", "'active': 2, @'next': 3", "firmware.next: slot 3 is empty"},
	{"{'1': 'OLD'}", "{'7': 'OLD'}", "revisions: slot 7: there are only 3 slots"},
	{"{'1': 'OLD'}", "{'1': @'TOO LONG 1'}", "revisions.1: 10 characters, 1 to 8"},
	{"'ignores_rae'", "@'ignore_rae'", "quirks.ignore_rae: unknown key"},
	{"'0x109'", "@0", "quirks.effects_log_status: 0 is out of range 1 to 32767"},
	{"'latency_us': 10", "'latency_us': @-1", "timing.latency_us: -1 is negative"},
	{"'host_bytes': 1024", "'host_bytes': @1000",
	 "telemetry.host_bytes: not a multiple of 512"},
	/* namespaces */
	{"'nsid': 3, ", "", "namespaces[0]: \"nsid\" is missing"},
	{"'nsid': 3", "'nsid': @0", "namespaces[0].nsid: 0 is out of range"},
	{"'nsid': 3", "'nsid': 1", "namespaces[1].nsid: namespace 1 is here twice"},
	{"'csi': 'zns'", "'csi': @'kv'", "no key-value namespaces"},
	{"'csi': 'zns'", "'csi': @'z'", "csi: \"z\" is not one of \"nvm\", \"kv\", \"zns\""},
	{"'csi': 'zns', ", "", "namespaces[0].zns: only namespaces with"},
	{", 'zns': {'zone_size': 256, 'max_open': 2}", "",
	 "namespaces[0]: a zoned namespace needs"},
	{"'zone_size': 256", "'zone_size': 300", "namespaces[0].size: not a multiple"},
	{"'max_open': 2", "@'max_open': 2, 'max_active': 1",
	 "max_open: larger than \"max_active\""},
	{"'size': 2048", "'size': @0", "namespaces[1].size: 0 is out of range 1 to"},
	{"'size': 2048", "'size': @'0x20000000000'", "namespaces[1].size: 0x20000000000 is out of"},
	{"'capacity': 1024", "@'capacity': 4096", "namespaces[1].capacity: larger than \"size\""},
	{"'flbas': 1", "@'flbas': 2",
	 "namespaces[1].flbas: there is no LBA format 2, the last is 1"},
	{"{'ds': 9}", "{'ds': @8}", "namespaces[1].lbaf[0].ds: 8 is out of range 9 to 16"},
	{"{'ds': 9}", "@{}", "namespaces[1].lbaf[0]: \"ds\" is missing"},
	{"'0123456789abcdef'", "@'0123'", "eui64: 2 bytes, 8 are needed"},
	{"8899-aabb", "8899+aabb", "namespaces[1].uuid: expected a UUID"},
	{"'lba': 5", "'lba': 2047", "namespaces[1].content: item 0 is past the end"},
	{"'nmic': 1", "'nmic': @256", "namespaces[1].nmic: 256 is out of range 0 to 255"},
	/* variables and vendor commands */
	{"'armed': 0", "'a.b': 0", "variables.a.b: a name has letters"},
	{"'bytes': 16, ", "'bytes': 16, 'size': 4, ", "variables.box: \"value\" and \"size\""},
	{"'bytes': 16, 'data': 'aa'", "'size': 3", "variables.box.size: an integer has"},
	{"'bytes': 16, 'data': 'aa'", "'size': 1, @'value': 256",
	 "variables.box.value: does not fit"},
	{"'queue': 'admin', 'opcode': '0xc0'", "@'opcode': '0xc0'", "opcode: needs \"queue\""},
	{"'opcode': '0xc0', ", "", "vendor_commands[0].when: \"opcode\" is missing"},
	{"'direction': 'in', ", "", "vendor_commands[0].answer: needs \"direction\": \"in\""},
	{"{'vendor.armed': 2}", "{@'vendor.arm': 2}", "there is no variable \"arm\""},
	{"{'vendor.armed': 2}", "{@'smart.weather': 2}", "\"smart.weather\" is not a state name"},
	/* behaviours */
	{"'opcode': 1, 'lba': 7", "'opcode': 1, @'lbb': 7", "sequence[0].lbb: unknown key"},
	{"'lba': 7", "'lba': [7, @6]", "sequence[0].lba[1]: 6 is out of range"},
	{"'lba': 7", "'lba': @[7]", "sequence[0].lba: expected a number or [first, last]"},
	{"'mask': '0f'", "@'mask': '0f0f'", "payload[0].mask: 2 bytes, but \"data\" has 1"},
	{"'opcode': [1, 2]", "'opcode': @[]", "opcode: an empty list never matches"},
	{"'strict': true", "@'opcode': 3, 'strict': true", "belongs into a step of \"sequence\""},
	{"'probability': 0.5", "'probability': @1.5", "expected a number above 0, at most 1"},
	{"'rae': {'not': 1}", "'rae': {'not': @2}", "when.rae.not: 2 is out of range 0 to 1"},
	{"'lid': 2", "'cdw10': {'mask': 15, 'value': @16}", "has bits outside the mask 0xf"},
	{"'lid': 2", "@'cdw16': 1", "when.cdw16: 16 is out of range 0 to 15"},
	{"{'ge': 2}", "{@'gt2': 2}", "when.state.vendor.armed.gt2: no comparison"},
	{"'every': 2", "'every': @0", "behaviours[1].when.every: 0 is out of range"},
	{"'every': 2", "'every_ms': 2", "every_ms: needs \"on\": \"time\""},
	{"'every': 2", "'within_ms': 2", "within_ms: needs \"sequence\""},
	{"{'ms': 100}", "@{'ms': 100, 'on': 'reset'}", "behaviours[1].later: expected one of"},
	{"[{'add': {", "[{@'status': 5}, {'add': {", "status: needs a command, and here is none"},
	{"'smart.temperature': -3", "'smart.temperature': @'-3'", "expected a whole number"},
	{"'on': 'time', 'after_ms': 50", "'on': 'time'", "needs \"after_ms\" or \"every_ms\""},
	{"'on': 'time'", "'on': 'time', @'opcode': 1", "opcode: needs \"on\": \"command\""},
	{"'on': 'time'", "'on': @'noon'", "\"noon\" is not one of \"command\", \"start\""},
	{"[{'dead': true}]", "@[]", "behaviours[2].do: an empty list does nothing"},
	{"{'dead': true}", "@{'dead': true, 'reset': true}", "expected one action"},
	{"{'dead': true}", "{@'die': true}", "behaviours[2].do[0].die: unknown action"},
	{"{'dead': true}", "{'dead': @false}", "behaviours[2].do[0].dead: expected true"},
	{"'phase': 'before', ", "", "behaviours[3].do[0].drop: needs \"phase\": \"before\""},
	{"[{'drop': true}]", "[{@'result': 1}]", "do[0].result: needs \"phase\": \"after\""},
	{"'name': 'drop'", "@'name': 'deaf'", "behaviours[3].name: \"deaf\" is here twice"},
	{"{'restore': 's'}", "{'restore': @'t'}", "no \"snapshot\" before this has the name \"t\""},
	{"['smart']", "['smart', @'smart.x']", "state[1]: \"smart.x\" is not a state name"},
	{"{'nsid': 1, 'lba': 0, 'data': '00'}", "@{'lba': 0}", "\"data\" is missing"},
	{"'opcode': '0x80', 'nsid': 1", "'nsid': 1", "one of \"opcode\" and \"payload_offset\""},
	/* drift */
	{"'every_ms': 1000, ", "", "drift[0]: expected one of \"every_ms\""},
	{"'walk': 2", "'walk': 2, 'step': 1", "drift[0]: expected one of \"step\" and \"walk\""},
	{"'min': 290", "@'min': 311", "drift[0].min: larger than \"max\""},
	{"'walk': 2", "'walk': @0", "drift[0].walk: 0 is out of range"},
};

/* The mutated text; *ret_at: where @ was, or -1. */
static char *mutate(const char *from, const char *to, long *ret_at)
{
	const char *hit = strstr(good, from), *at = strchr(to, '@');
	size_t n = strlen(good) + strlen(to) + 1;
	char *r = calloc(1, n), *text;

	assert(hit && r);
	snprintf(r, n, "%.*s%.*s%s%s", (int)(hit - good), good,
		 at ? (int)(at - to) : (int)strlen(to), to, at ? at + 1 : "", hit + strlen(from));
	*ret_at = at ? hit - good + (at - to) : -1;
	text = quotes(r);
	free(r);
	return text;
}

static void check_place(const char *text, long at, const struct sl_diag *d)
{
	unsigned line = 1, column = 1;

	for (long i = 0; i < at; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	assert(d->line == line);
	/* jansson points behind what it does not understand. */
	if (d->column != column && !strstr(d->text, "near"))
		fprintf(stderr, "%u:%u, not %u:%u: %s\n", d->line, d->column, line, column,
			d->text);
	assert(d->column == column || (d->column == column + 1 && strstr(d->text, "near")));
}

static void test_bad(void)
{
	for (size_t i = 0; i < SL_COUNT(bad); i++) {
		struct sl_persona *p = (void *)1;
		struct sl_diag d = {0};
		char buf[900];
		long at;
		char *text = mutate(bad[i].from, bad[i].to, &at);
		int r = sl_persona_parse(text, strlen(text), "bad.json", &p, &d);

		sl_diag_str(&d, buf, sizeof(buf));
		if (r >= 0 || !strstr(buf, bad[i].message)) {
			fprintf(stderr, "%zu: %s -> %s\n want: %s\n  got: %s\n", i, bad[i].from,
				bad[i].to, bad[i].message, buf);
			abort();
		}
		assert(!p && r == -EINVAL && !strcmp(d.file, "bad.json") && d.line);
		if (at >= 0)
			check_place(text, at, &d);
		free(text);
	}
	assert(SL_COUNT(bad) >= 100);
}

/* Cut anywhere, a file is refused and nothing is left of it. */
static void test_cut(void)
{
	char *text = quotes(good);
	size_t len = strlen(text);

	for (size_t n = 0; n + 2 < len; n++) {
		struct sl_persona *p = (void *)1;

		assert(sl_persona_parse(text, n, "cut.json", &p, NULL) < 0 && !p);
	}
	free(text);
}

/* ---- files ---- */

static void test_files(void)
{
	char path[] = "/tmp/sluice-persona-XXXXXX", big[4096];
	int fd = mkstemp(path);
	struct sl_persona_summary s;
	struct sl_persona *p;
	struct sl_diag d;
	char *text = quotes(good);

	assert(fd >= 0);
	assert(sl_persona_load("/nonexistent/x.json", &p, &d) == -ENOENT && !p);
	assert(strstr(d.text, "No such file") && !strcmp(d.file, "/nonexistent/x.json"));
	assert(sl_persona_load("/tmp", &p, &d) < 0 && !p);
	assert(sl_persona_load("/dev/zero", &p, &d) == -EINVAL && strstr(d.text, "regular"));
	assert(sl_persona_load(path, &p, &d) == -EINVAL && !p);
	assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert(!sl_persona_summary(path, &s, &d));
	assert(!strcmp(s.name, "test") && !strcmp(s.mn, "Model") && !strcmp(s.fr, "F1"));
	assert(s.namespaces == 2 && s.rules == 5 && s.honest);
	memset(big, ' ', sizeof(big));
	for (unsigned i = 0; i <= SL_PERSONA_FILE_MAX / sizeof(big); i++)
		assert(write(fd, big, sizeof(big)) == (ssize_t)sizeof(big));
	assert(sl_persona_load(path, &p, &d) == -EFBIG && strstr(d.text, "larger than"));
	close(fd);
	unlink(path);
	free(text);
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	assert(f && text);
	assert(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static unsigned load_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	assert(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		struct sl_persona_summary s;
		struct sl_diag d = {0};
		char path[600], buf[900];

		if (!strstr(e->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), "%.300s/%.255s", folder, e->d_name);
		if (sl_persona_summary(path, &s, &d)) {
			fprintf(stderr, "%s\n", sl_diag_str(&d, buf, sizeof(buf)));
			abort();
		}
		assert(s.title[0] && strlen(s.name) + 5 == strlen(e->d_name));
		n++;
	}
	closedir(dir);
	return n;
}

/* The page has every state name and every field. */
static void want_name(void *text, const char *name, const char *what)
{
	char want[200];

	snprintf(want, sizeof(want), "\n| `%s` | ", name);
	if (!strstr(text, want) || !strstr(text, what)) {
		fprintf(stderr, "doc/personas.md has no state name %s: %s\n", name, what);
		abort();
	}
}

static void want_fields(const char *text, const struct sl_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char want[64];

		snprintf(want, sizeof(want), "`%s`", f[i].name);
		assert(strstr(text, want));
	}
}

/* The examples of the page load as they are printed: blocks fenced as ```json that start with {. */
static void test_doc(const char *source)
{
	char path[600], *text, *at;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/doc/personas.md", source);
	text = read_all(path);
	for (at = text; (at = strstr(at, "```json\n{")); n++) {
		char *start = at + 8, *end = strstr(start, "\n```"), buf[900];
		struct sl_diag d = {0};
		struct sl_persona *p;

		assert(end);
		if (sl_persona_parse(start, (size_t)(end - start), "doc/personas.md", &p, &d)) {
			fprintf(stderr, "example %u: %s\n", n + 1,
				sl_diag_str(&d, buf, sizeof(buf)));
			abort();
		}
		sl_persona_free(p);
		at = end;
	}
	assert(n >= 7);
	sl_model_items(SL_WIRE_NVME, want_name, text);
	sl_model_items(SL_WIRE_SCSI, want_name, text);
	want_fields(text, sl_fields_id_ctrl, sl_fields_id_ctrl_n);
	want_fields(text, sl_fields_id_ns, sl_fields_id_ns_n);
	want_fields(text, sl_fields_id_zns, sl_fields_id_zns_n);
	free(text);
}

int main(int argc, char **argv)
{
	char path[600];

	test_good();
	test_bad();
	test_cut();
	test_files();
	if (argc < 2)
		return 0;
	snprintf(path, sizeof(path), "%s/personas", argv[1]);
	assert(load_folder(path) >= 8);
	test_doc(argv[1]);
	return 0;
}
