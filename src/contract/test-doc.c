/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading contracts: every listing in tests/data/contracts with what lint must say of it; each
 * foreign form; what is malformed, with its place; and a live reading against the same logs from
 * files. argv[1]: tests/data/contracts.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "contract/lint.h"

static const char *dir;

static struct sl_doc *load(const char *file)
{
	char path[4096], text[1024];
	struct sl_diag d = {0};
	struct sl_doc *doc;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (sl_doc_load(path, &doc, &d) < 0) {
		fprintf(stderr, "%s\n", sl_diag_str(&d, text, sizeof(text)));
		abort();
	}
	return doc;
}

/*
 * Every listing that is known: entries, and the findings that are no notes, as "rule command" in
 * the order of the report.
 */
static const struct {
	const char *file;
	unsigned entries;
	bool partial;
	const char *findings;
} listings[] = {
	{"dell-p4610.txt", 22, false, ""},
	{"intel-p4510-2tb.txt", 6, true, ""},
	{"intel-p4510-4tb.txt", 19, true,
	 "missing-inventory nvme.admin.ns-management; "
	 "missing-inventory nvme.admin.ns-attachment; "},
	{"intel-p4510.txt", 24, false,
	 "missing-inventory nvme.admin.ns-management; "
	 "missing-inventory nvme.admin.ns-attachment; "},
	{"intel-p5800x.txt", 19, true, ""},
	{"nvme-cli-2405.txt", 18, true,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.admin.firmware-commit; "},
	{"nvmet-6.12-passthru.txt", 22, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.virtualization-management; "
	 "missing-exclusion nvme.admin.format-nvm; "},
	{"nvmet-6.12-tcp.txt", 12, false,
	 "missing-data nvme.nvm.dataset-management; "
	 "declares-nothing nvme.admin.set-features; "},
	{"nvmet-fabrics-zns.txt", 19, false,
	 "missing-data nvme.nvm.dataset-management [zns]; "
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.nvm.reservation-register [zns]; "
	 "declares-nothing nvme.nvm.reservation-acquire [zns]; "
	 "declares-nothing nvme.nvm.reservation-release [zns]; "
	 "missing-in-some-forms nvme.zns.zone-management-send; "},
	{"nvmet-fabrics.txt", 16, false,
	 "missing-data nvme.nvm.dataset-management; "
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.nvm.reservation-register; "
	 "declares-nothing nvme.nvm.reservation-acquire; "
	 "declares-nothing nvme.nvm.reservation-release; "},
	{"nvmet-pci-epf.txt", 20, false,
	 "missing-data nvme.nvm.dataset-management; "
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.nvm.reservation-register; "
	 "declares-nothing nvme.nvm.reservation-acquire; "
	 "declares-nothing nvme.nvm.reservation-release; "},
	{"qemu-10.0-nvm.txt", 26, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.directive-send; "
	 "declares-nothing nvme.admin.virtualization-management; "
	 "missing-exclusion nvme.admin.format-nvm; "},
	{"qemu-10.0.txt", 38, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.directive-send; "
	 "missing-exclusion nvme.admin.format-nvm; "
	 "missing-in-some-forms nvme.zns.zone-management-send; "},
	{"qemu-7.2.txt", 33, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.virtualization-management; "
	 "missing-exclusion nvme.admin.format-nvm; "
	 "missing-in-some-forms nvme.zns.zone-management-send; "},
	{"qemu-all.txt", 28, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "missing-data nvme.admin.security-send; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.directive-send; "
	 "declares-nothing nvme.admin.virtualization-management; "
	 "missing-exclusion nvme.admin.format-nvm; "},
	{"qemu-zns.txt", 25, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.directive-send; "
	 "missing-exclusion nvme.admin.format-nvm; "
	 "missing-in-some-forms nvme.zns.zone-management-send; "},
	{"qemu.txt", 24, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "declares-nothing nvme.admin.directive-send; "
	 "missing-exclusion nvme.admin.format-nvm; "},
	{"spdk-2533.txt", 12, true, ""},
	{"spdk-nvmf-plain.txt", 17, false,
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.nvm.reservation-register; "
	 "declares-nothing nvme.nvm.reservation-acquire; "
	 "declares-nothing nvme.nvm.reservation-release; "},
	{"spdk-nvmf.txt", 21, false,
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.nvm.reservation-register; "
	 "declares-nothing nvme.nvm.reservation-acquire; "
	 "declares-nothing nvme.nvm.reservation-release; "
	 "unknown-opcode nvme.nvm 79h; "
	 "unknown-opcode nvme.nvm 7ah; "
	 "unknown-opcode nvme.nvm 7dh; "},
	{"synthetic.txt", 33, false,
	 "log-not-listed nvme.admin.get-log-page.feature-effects; "
	 "log-not-listed nvme.admin.get-log-page.mi-effects; "
	 "reserved-bits nvme.admin.get-log-page.vendor c0h; "
	 "reserved-bits nvme.admin.get-log-page; "
	 "feature-exceeds-command nvme.admin.set-features.io-command-set-profile; "
	 "missing-capability nvme.admin.set-features.flexible-data-placement; "
	 "contradiction nvme.admin.set-features; "
	 "required-unlisted nvme.admin.async-event-request; "
	 "reserved-bits nvme.admin.mi-send 06h; "
	 "effects-without-support nvme.admin.sanitize; "
	 "reserved-bits nvme.admin.vendor c1h; "
	 "required-unlisted nvme.nvm.read; "
	 "missing-data nvme.nvm.write-zeroes; "
	 "missing-data nvme.zns.zone-management-send; "
	 "required-unlisted nvme.zns.zone-append; "
	 "declares-nothing nvme.admin.set-features.ns-write-protection; "
	 "missing-in-some-forms nvme.admin.set-features; "
	 "half-of-a-pair nvme.admin.ns-attachment; "
	 "missing-exclusion nvme.admin.format-nvm; "
	 "half-of-a-pair nvme.admin.security-receive; "
	 "unknown-opcode nvme.admin 99h; "},
	{"unnamed-2018.txt", 22, false,
	 "missing-capability nvme.admin.format-nvm; "
	 "declares-nothing nvme.admin.set-features; "
	 "declares-nothing nvme.admin.firmware-commit; "},
	{"wd-sn840.txt", 2, true, ""},
	{"wdc-2018.txt", 7, true, ""},
};

static void append(char **at, const struct sl_finding *f)
{
	char name[SL_KEY_NAME_MAX];

	*at += sprintf(*at, "%s %s; ", sl_lint_rules[f->id].id,
		       f->has_key ? sl_key_name(f->key, name) : "");
}

static void test_listings(void)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	unsigned files = 0;

	for (unsigned i = 0; i < SL_COUNT(listings); i++) {
		struct sl_doc *doc = load(listings[i].file);
		struct sl_findings f;
		char got[4096] = "", *at = got;

		assert(!sl_lint(doc, &f));
		for (size_t k = 0; k < f.n; k++)
			if (sl_lint_rules[f.v[k].id].severity > SL_LINT_NOTE)
				append(&at, &f.v[k]);
		if (doc->contract.n_entries != listings[i].entries ||
		    doc->partial != listings[i].partial || strcmp(got, listings[i].findings) != 0) {
			fprintf(stderr, "%s: %u entries%s, findings: %s\n", listings[i].file,
				doc->contract.n_entries, doc->partial ? " partial" : "", got);
			abort();
		}
		assert(doc->source[0] && doc->contract.state == SL_CONTRACT_PRESENT);
		sl_findings_done(&f);
		sl_doc_free(doc);
	}
	/* No listing without an expectation. */
	assert(d);
	while ((entry = readdir(d)))
		files += strstr(entry->d_name, ".txt") != NULL;
	closedir(d);
	assert(files == SL_COUNT(listings));
}

/* The same words in each form; the names are only for people. */
static const char own[] = "vendor 0x8086\nmodel A Model\nserial S1\nfirmware FW1\n"
			  "acs 06 00000001\nacs 80 0002001f\niocs 01 00000003\n";
static const char nvme_text[] =
	"NVM Command Set Log Page\n------\nAdmin Commands\n"
	"ACS6     [Identify                        ] 00000001  CSUPP+  LBCC-  NCC-\n"
	"  No command restriction\n"
	"ACS128   [Format NVM                      ] 0002001f\n\n"
	"I/O Commands\nIOCS1    [Write                           ] 00000003\n";
static const char nvme_json[] =
	"[{\"command_set_identifier\":0,\"admin_cmd_set\":{\"ACS_6 (Identify)\":1,"
	"\"ACS_128 (Format NVM)\":\"0x2001f\"},\"io_cmd_set\":{\"IOCS_1 (Write)\":3}}]";
static const char spdk_text[] =
	"Controller\nVendor ID:                  8086\nSerial Number:              S1\n"
	"Model Number:               A Model\nFirmware Version:           FW1\n"
	"Commands Supported and Effects\n======\nAdmin Commands\n------\n"
	"                      Identify (06h): Supported \n"
	"                    Format NVM (80h): Supported LBA-Change NS-Cap-Change "
	"NS-Inventory-Change Ctrlr-Cap-Change All-NS-Exclusive\n"
	"I/O Commands\n------\n                         Write (01h): Supported LBA-Change \n";
static const char id_text[] = "NVME Identify Controller:\nvid       : 0x8086\nsn        : S1   \n"
			      "mn        : A Model        \nfr        : FW1\nmdts      : 5\n"
			      "ver       : 10200\nps    0 : mp:9.00W operational\n";
static const char id_json[] = "{\"vid\":32902,\"sn\":\"S1   \",\"mn\":\"A Model\",\"fr\":\"FW1\","
			      "\"mdts\":5,\"ver\":66048,\"psds\":[{\"max_power\":900}]}";

static struct sl_doc *parse(const void *bytes, size_t len)
{
	struct sl_diag d = {0};
	struct sl_doc *doc;
	char text[1024];

	if (sl_doc_parse("sample", bytes, len, &doc, &d) < 0) {
		fprintf(stderr, "%s\n", sl_diag_str(&d, text, sizeof(text)));
		abort();
	}
	return doc;
}

static void check_words(const struct sl_contract *c)
{
	static const struct {
		uint64_t key;
		uint32_t raw;
	} want[] = {
		{(uint64_t)SL_SET_NVME_ADMIN << 32 | 0x06ffff, 1},
		{(uint64_t)SL_SET_NVME_ADMIN << 32 | 0x80ffff, 0x2001f},
		{(uint64_t)SL_SET_NVME_NVM << 32 | 0x01ffff, 3},
	};

	assert(c->n_entries == SL_COUNT(want) && c->state == SL_CONTRACT_PRESENT);
	for (unsigned i = 0; i < SL_COUNT(want); i++)
		assert(sl_contract_find(c, want[i].key)->raw == want[i].raw);
}

static void check_identity(const struct sl_contract *c)
{
	assert(!strcmp(c->vendor, "0x8086") && !strcmp(c->model, "A Model"));
	assert(!strcmp(c->serial, "S1") && !strcmp(c->firmware, "FW1"));
}

static void test_forms(void)
{
	static const struct {
		const char *text, *format;
		bool words, identity;
	} forms[] = {
		{own, "sluice's own lines", true, true},
		{nvme_text, "nvme-cli effects-log", true, false},
		{nvme_json, "nvme-cli JSON", true, false},
		{spdk_text, "SPDK identify", true, true},
		{id_text, "nvme-cli id-ctrl", false, true},
		{id_json, "nvme-cli JSON", false, true},
	};
	uint8_t page[4096] = {0};
	struct sl_doc *d;

	for (unsigned i = 0; i < SL_COUNT(forms); i++) {
		d = parse(forms[i].text, strlen(forms[i].text));
		assert(!strcmp(d->format, forms[i].format));
		if (forms[i].words)
			check_words(&d->contract);
		else
			assert(d->flaws == 1u << SL_FLAW_NO_LOG && !d->contract.n_entries);
		if (forms[i].identity)
			check_identity(&d->contract);
		sl_doc_free(d);
	}
	sl_put_le32(page + 4 * 0x06, 1);
	sl_put_le32(page + 4 * 0x80, 0x2001f);
	sl_put_le32(page + 1024 + 4, 3);
	d = parse(page, sizeof(page));
	check_words(&d->contract);
	sl_doc_free(d);
	/* A log that is cut short, or goes on, is no log. */
	for (size_t cut = 1; cut < sizeof(page); cut += 777) {
		if (cut == 1024)
			continue;
		d = parse(page, cut);
		assert(d->contract.state == SL_CONTRACT_NONE && !d->contract.n_entries);
		assert(d->flaws & 1u << SL_FLAW_TRUNCATED);
		sl_doc_free(d);
	}
	memset(page, 0, sizeof(page));
	d = parse(page, sizeof(page));
	assert(d->contract.state == SL_CONTRACT_NONE && d->flaws & 1u << SL_FLAW_EMPTY);
	sl_doc_free(d);
}

static void test_errors(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"", "x: the file is empty"},
		{"hello\nworld\n", "x: no contract in any form that is known here"},
		{"{}", "x: no contract in any form that is known here"},
		{"acs 06\n", "x:1: expected: acs NUMBER WORD, both hexadecimal"},
		{"acs 06 1 2\n", "x:1: expected: acs NUMBER WORD, both hexadecimal"},
		{"acs 106 1\n", "x:1: acs: \"106\" is no number from 00 to ff"},
		{"acs 06 1ffffffff\n",
		 "x:1: acs 06: \"1ffffffff\" is no word of 32 bits in hexadecimal"},
		{"acs 06 -1\n", "x:1: acs 06: \"-1\" is no word of 32 bits in hexadecimal"},
		{"acs 06 1\n\n# again\nacs 06 2\n",
		 "x:4: listed before as 00000001, and here as 00000002"},
		{"acs 06 1\nbcs 06 2\n", "x:2: \"bcs\" begins no line that is known here"},
		{"csi 3\n", "x:1: csi: \"3\" is none of 0 (NVM), 1 (KV), 2 (ZNS)"},
		{"vendor 0x12345\n", "x:1: vendor: \"0x12345\" is not a value for it"},
		{"firmware 123456789\n", "x:1: firmware: \"123456789\" is not a value for it"},
		{"ACS300 [Unknown ] 00000001\n", "x:1: \"300\" is no opcode from 0 to 255"},
		{"ACS6 [Identify ] 0000001\n",
		 "x:1: expected: ACS6 [NAME] and a word of eight hexadecimal digits"},
		{"IOCS6 00000001\n",
		 "x:1: expected: IOCS6 [NAME] and a word of eight hexadecimal digits"},
		{"Identify (06h): Supported Frobnicates\n",
		 "x:1: \"Frobnicates\" is no effect of an SPDK listing"},
		{"{\"ACS_300 (x)\": 1}",
		 "x: \"ACS_300 (x)\" needs an opcode up to 255 and a word of 32 bits"},
		{"{\"ACS_3 (x)\": -1}",
		 "x: \"ACS_3 (x)\" needs an opcode up to 255 and a word of 32 bits"},
		{"{\"a\": ", "x:1:6: unexpected token near end of file"},
	};

	for (unsigned i = 0; i < SL_COUNT(bad); i++) {
		struct sl_diag d = {0};
		struct sl_doc *doc = (void *)&d;
		char text[1024];

		assert(sl_doc_parse("x", bad[i].text, strlen(bad[i].text), &doc, &d) == -EINVAL);
		assert(!doc);
		if (strcmp(sl_diag_str(&d, text, sizeof(text)), bad[i].message) != 0) {
			fprintf(stderr, "%s\n%s\n", bad[i].message, text);
			abort();
		}
	}
}

/* A device that is the pages of a file; some of its words can be changed. */
struct fake {
	uint8_t ctrl[4096], effects[4096];
	int error;
	unsigned kept;
};

static int fake_call(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		     size_t *ret_len)
{
	struct fake *f = ctx;

	*ret_len = cmd->data_len;
	*ret_status = 0;
	if (cmd->req[0] == 0x02)
		memcpy(data, f->effects, cmd->data_len);
	else if (cmd->req[40] == 1)
		memcpy(data, f->ctrl, cmd->data_len);
	else
		*ret_status = 0x0002;
	return f->error;
}

static void fake_keep(void *ctx, unsigned raw, const struct sl_command *cmd, uint16_t status,
		      const void *data, size_t len)
{
	struct fake *f = ctx;

	(void)raw;
	assert(cmd->data_len == len && data && status < 3);
	f->kept++;
}

static void fill_fake(struct fake *f)
{
	memset(f->ctrl + 4, ' ', 68);
	sl_put_le16(f->ctrl, 0x8086);
	memcpy(f->ctrl + 24, "A Model", 7);
	memcpy(f->ctrl + 4, "S1", 2);
	memcpy(f->ctrl + 64, "FW1", 3);
	f->ctrl[261] = 2;
	sl_put_le32(f->effects + 8, 1);
	sl_put_le32(f->effects + 24, 1);
	sl_put_le32(f->effects + 4 * 0x80, 0x2001f);
	sl_put_le32(f->effects + 1024 + 4, 3);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static void test_live(void)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct sl_doc_source source = {fake_call, fake_keep, f};
	char work[] = "/tmp/sl-doc-XXXXXX", ctrl[64], effects[64], both[160];
	struct sl_diag diag = {0};
	struct sl_doc *live, *file;

	assert(f && mkdtemp(work));
	fill_fake(f);
	assert(!sl_doc_read("device", &source, &live));
	assert(live->live && !live->flaws && f->kept == 2);
	check_identity(&live->contract);
	assert(live->contract.n_entries == 4);

	/* The same pages from files: the same contract under the same pin. */
	(void)snprintf(ctrl, sizeof(ctrl), "%s/ctrl", work);
	(void)snprintf(effects, sizeof(effects), "%s/log,05", work); /* a comma in a name */
	write_file(ctrl, f->ctrl, 4096);
	write_file(effects, f->effects, 4096);
	assert(!sl_doc_load(effects, &file, &diag) && file->contract.n_entries == 4);
	sl_doc_free(file);
	(void)snprintf(both, sizeof(both), "%s/log,05", work);
	(void)snprintf(effects, sizeof(effects), "%s/log", work);
	assert(!rename(both, effects));
	(void)snprintf(both, sizeof(both), "id-ctrl:%s,%s", ctrl, effects);
	assert(!sl_doc_load(both, &file, &diag));
	assert(!memcmp(live->contract.hash, file->contract.hash, 32));
	assert(!memcmp(live->contract.entries, file->contract.entries,
		       sizeof(live->contract.entries)));
	sl_doc_free(file);
	(void)snprintf(both, sizeof(both), "%s,lid05:%s", effects, effects);
	assert(sl_doc_load(both, &file, &diag) == -EINVAL && strstr(diag.text, "given before"));
	(void)snprintf(both, sizeof(both), "%s/none", work);
	assert(sl_doc_load(both, &file, &diag) == -ENOENT && strstr(diag.text, "No such file"));
	(void)unlink(ctrl);
	(void)unlink(effects);
	(void)rmdir(work);

	/* Other words, other pin; no answer, no contract. */
	file = live;
	f->effects[4 * 0x80] = 0x0f;
	assert(!sl_doc_read("device", &source, &live));
	assert(memcmp(live->contract.hash, file->contract.hash, 32) != 0);
	sl_doc_free(live);
	sl_doc_free(file);
	f->error = -EIO;
	assert(sl_doc_read("device", &source, &live) == -EIO && !live);
	free(f);
}

int main(int argc, char **argv)
{
	assert(argc == 2);
	dir = argv[1];
	test_forms();
	test_errors();
	test_live();
	test_listings();
	return 0;
}
