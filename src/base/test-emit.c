/* SPDX-License-Identifier: Apache-2.0 */
/* The emitter against golden text and JSON, hostile strings, and a stream that fails. */
#undef NDEBUG
#include "base/emit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"

static const char *effect(unsigned bit)
{
	static const char *const names[] = {"data", "config", "reset"};

	return bit < 3 ? names[bit] : NULL;
}

static const char *const columns[][2] = {
	{"name", "COMMAND"}, {"n", "N"}, {"hidden", NULL}, {"text", "WHY"}, {NULL, NULL}};

static void document(struct sl_emit *e)
{
	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "model", "model", "%s", "P4610");
	sl_emit_u64(e, "bytes", "maximum transfer", 131072);
	sl_emit_bool(e, "caught", "caught", false);
	sl_emit_str(e, "schema", NULL, "1");
	sl_emit_bits(e, "effects", "effects", 0x80000005u, effect);
	sl_emit_bits(e, "none", "nothing", 0, effect);
	sl_emit_str(e, "two", "two lines", "first\nsecond");
	sl_emit_object(e, "inner", "inside");
	sl_emit_str(e, "a", "a", "1");
	sl_emit_array(e, "list", "a list");
	sl_emit_str(e, NULL, "", "one");
	sl_emit_str(e, NULL, "", "two");
	sl_emit_end(e);
	sl_emit_end(e);
	sl_emit_table(e, "rows", columns);
	sl_emit_cell(e, "größe");
	sl_emit_cell_u64(e, 7);
	sl_emit_cell(e, "x");
	sl_emit_cell(e, "because");
	sl_emit_cell(e, "漢字");
	sl_emit_cell_u64(e, 1234);
	sl_emit_cell(e, "y");
	sl_emit_cell(e, "%s", "");
	sl_emit_end(e);
	sl_emit_note(e, "2 rows");
	sl_emit_end(e);
}

static const char golden_text[] = "model             P4610\n"
				  "maximum transfer  131072\n"
				  "caught            no\n"
				  "effects           data, reset, bit 31\n"
				  "nothing           none\n"
				  "two lines         first\n"
				  "                  second\n"
				  "\n"
				  "inside\n"
				  "  a  1\n"
				  "\n"
				  "  a list\n"
				  "    one\n"
				  "    two\n"
				  "\n"
				  "COMMAND     N  WHY\n"
				  "größe       7  because\n"
				  "漢字     1234\n"
				  "2 rows\n";

static const char golden_json[] =
	"{\n"
	"  \"model\": \"P4610\",\n"
	"  \"bytes\": 131072,\n"
	"  \"caught\": false,\n"
	"  \"schema\": \"1\",\n"
	"  \"effects\": [\"data\", \"reset\", \"bit 31\"],\n"
	"  \"none\": [],\n"
	"  \"two\": \"first\\nsecond\",\n"
	"  \"inner\": {\n"
	"    \"a\": \"1\",\n"
	"    \"list\": [\n"
	"      \"one\",\n"
	"      \"two\"\n"
	"    ]\n"
	"  },\n"
	"  \"rows\": [\n"
	"    {\"name\": \"größe\", \"n\": 7, \"hidden\": \"x\", \"text\": \"because\"},\n"
	"    {\"name\": \"漢字\", \"n\": 1234, \"hidden\": \"y\", \"text\": \"\"}\n"
	"  ]\n"
	"}\n";

static void expect(bool json, void (*write)(struct sl_emit *), const char *golden)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct sl_emit *e = sl_emit_new(f, json);

	assert(f && e && sl_emit_is_json(e) == json);
	write(e);
	assert(sl_emit_done(e) == 0);
	assert(fclose(f) == 0);
	if (strcmp(text, golden) != 0) {
		fprintf(stderr, "--- expected\n%s--- got\n%s", golden, text);
		abort();
	}
	free(text);
}

static void nothing(struct sl_emit *e)
{
	(void)e;
}

/* Fields without an object of their own; left open at the end. */
static void loose(struct sl_emit *e)
{
	sl_emit_str(e, "a", "a", "1");
	sl_emit_array(e, "b", NULL);
	sl_emit_object(e, NULL, NULL);
	sl_emit_u64(e, "c", "c", 2);
	sl_emit_end(e);
	sl_emit_object(e, NULL, NULL);
	sl_emit_table(e, "t", columns);
	sl_emit_cell(e, "cut");
}

static void bits_table(struct sl_emit *e)
{
	static const char *const bits[][2] = {{"e", "EFFECTS"}, {"n", "N"}, {NULL, NULL}};

	sl_emit_table(e, NULL, bits);
	sl_emit_cell_bits(e, 5, effect);
	sl_emit_cell_u64(e, 1);
	sl_emit_cell_bits(e, 0, effect);
	sl_emit_cell_u64(e, 10);
	sl_emit_end(e);
}

static void top_table(struct sl_emit *e)
{
	sl_emit_table(e, NULL, columns);
	sl_emit_end(e);
}

static void hostile(struct sl_emit *e)
{
	sl_emit_str(e, "s", "s", "%s",
		    "\"\\\t\x1b[2J\x7f ok\xc3(\xff \xc0\xaf \xed\xa0\x80 \xe2\x80\xae "
		    "\xf0\x9f\x98\x80 \xe2\x82");
}

static void test_golden(void)
{
	expect(false, document, golden_text);
	expect(true, document, golden_json);
	expect(false, nothing, "");
	expect(true, nothing, "{}\n");
	expect(true, top_table, "[]\n");
	expect(true, bits_table,
	       "[\n  {\"e\": [\"data\", \"reset\"], \"n\": 1},\n  {\"e\": [], \"n\": 10}\n]\n");
	expect(false, bits_table, "EFFECTS       N\ndata, reset   1\nnone         10\n");
	expect(false, top_table, "COMMAND  N  WHY\n");
	expect(true, loose,
	       "{\n  \"a\": \"1\",\n  \"b\": [\n    {\n      \"c\": 2\n    },\n    {\n"
	       "      \"t\": [\n        {\"name\": \"cut\", \"n\": \"\", \"hidden\": \"\", "
	       "\"text\": \"\"}\n      ]\n    }\n  ]\n}\n");
	expect(false, loose, "a  1\n\nc  2\n\nCOMMAND  N  WHY\n");
#define R "\xef\xbf\xbd"
	expect(true, hostile,
	       "{\n  \"s\": \"\\\"\\\\\\t\\u001b[2J\\u007f ok" R "(" R " " R R " " R R R
	       " \xe2\x80\xae \xf0\x9f\x98\x80 " R R "\"\n}\n");
	expect(false, hostile,
	       "s  \"\\\\u0009\\u001b[2J\\u007f ok" R "(" R " " R R " " R R R
	       " \\u202e \xf0\x9f\x98\x80 " R R "\n");
#undef R
}

static void wide(struct sl_emit *e)
{
	static const char *const of[][2] = {{"c", "COMMAND"}, {"x", "NEVER"}, {"t", "TRUST"},
					    {"f", "FLOOR"},   {"n", "COUNT"}, {NULL, NULL}};

	sl_emit_str(e, "w", "words",
		    "this line is a little longer than the terminal, which has 60");
	sl_emit_str(e, "p", "path",
		    "/a/path/that/nobody/can/copy/when/it/is/broken/into/two.policy");
	sl_emit_str(e, "r", "rule",
		    "allow any: x\n  where effects within {data, persist, capability}");
	sl_emit_table(e, "t", of);
	sl_emit_cell(e, "scsi.spc.report-supported-operation-codes");
	sl_emit_cell(e, "%s", "");
	sl_emit_cell(e, "consistent");
	sl_emit_cell(e, "data, persist, capability, availability, background, peer");
	sl_emit_cell_u64(e, 7);
	sl_emit_cell(e, "short");
	sl_emit_cell(e, "%s", "");
	sl_emit_cell(e, "declared");
	sl_emit_cell(e, "%s", "");
	sl_emit_cell_u64(e, 1234567);
	sl_emit_end(e);
	sl_emit_note(e, "a note that goes on and on until it reaches the end of its line");
}

static const char wide_text[] =
	"words  this line is a little longer than the terminal, which\n"
	"         has 60\n"
	"path   /a/path/that/nobody/can/copy/when/it/is/broken/into/two.policy\n"
	"rule   allow any: x\n"
	"         where effects within {data, persist, capability}\n"
	"\n"
	"COMMAND                                  TRUST         COUNT\n"
	"scsi.spc.report-supported-operation-     consistent        7\n"
	"  codes\n"
	"    floor: data, persist, capability, availability,\n"
	"             background, peer\n"
	"short                                    declared    1234567\n"
	"a note that goes on and on until it reaches the end of its\n"
	"  line\n";

/* On a terminal nothing is wider than it but a word. */
static void test_terminal(void)
{
	struct winsize size = {.ws_col = 60, .ws_row = 24};
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct sl_emit *e;
	char got[4096];
	ssize_t n = 0;
	size_t len = 0;
	struct termios t;
	FILE *f;

	assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert(slave >= 0 && ioctl(slave, TIOCSWINSZ, &size) == 0 && tcgetattr(slave, &t) == 0);
	cfmakeraw(&t);
	assert(tcsetattr(slave, TCSANOW, &t) == 0);
	f = fdopen(slave, "w");
	assert(f && setenv("NO_COLOR", "1", 1) == 0);
	e = sl_emit_new(f, false);
	assert(sl_emit_width(e) == 60);
	wide(e);
	assert(sl_emit_done(e) == 0);
	while (len < strlen(wide_text) && (n = read(master, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = 0;
	if (strcmp(got, wide_text) != 0) {
		fprintf(stderr, "--- expected\n%s--- got\n%s", wide_text, got);
		abort();
	}
	(void)fclose(f);
	(void)close(master);
}

static void test_errors(void)
{
	FILE *f = fopen("/dev/full", "w");
	struct sl_emit *e;

	if (!f)
		return;
	e = sl_emit_new(f, true);
	assert(e);
	document(e);
	assert(sl_emit_done(e) == -ENOSPC);
	(void)fclose(f);
	assert(sl_emit_done(NULL) == -ENOMEM);
}

static void test_utf8(void)
{
	char buf[SL_UTF8_MAX];
	uint32_t c;

	for (uint32_t want = 0; want < 0x110800; want += want < 0x3000 ? 1 : 61) {
		size_t n = sl_utf8_put(buf, want);
		int exists = want < 0x110000 && (want < 0xd800 || want > 0xdfff);

		assert(sl_utf8_get(buf, n, &c) == n);
		assert(c == (exists ? want : SL_UTF8_REPLACEMENT));
		/* Every truncation is malformed. */
		for (size_t cut = 1; cut < n; cut++)
			assert(sl_utf8_get(buf, cut, &c) == 1 && c == SL_UTF8_REPLACEMENT);
	}
	assert(sl_utf8_line("one two", 7, true) == 7 && sl_utf8_line("one two", 6, true) == 3);
	assert(sl_utf8_line("one.two", 6, true) == 4 && sl_utf8_line("one.two", 6, false) == 7);
	assert(sl_utf8_line("onetwo", 4, true) == 4 && sl_utf8_line("\x1b", 1, true) == 1);
	assert(sl_utf8_line("  one", 3, true) == 3 && sl_utf8_line("", 3, true) == 0);
	assert(sl_utf8_width('a') == 1 && sl_utf8_width(0x301) == 0 && sl_utf8_width(0x6f22) == 2);
}

int main(void)
{
	test_golden();
	test_terminal();
	test_errors();
	test_utf8();
	return 0;
}
