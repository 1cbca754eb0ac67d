/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running kernel's fwctl driver for CXL lets through, request by request: every opcode,
 * every feature of a device, payloads of odd lengths; in every scope, as root and as an ordinary
 * user, through descriptors open for reading and for writing.
 *
 *   parity-fwctl --tsv      the kernel's answers, a line per request
 *   parity-fwctl --facts    the same in short, for comparison with tests/vm/fwctl/linux-*.tsv
 *   parity-fwctl POLICY     the differences from what it predicts; exit status 1 when there is one
 *
 * Ran for the devices of tests/vm/fwctl: fwctl0 has Set Feature, fwctl1 has not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "fwctl.h"
#include "model.h"
#include "nvme.h"
#include "wire/wire.h"

#define N_DEVICES   2
#define N_SCOPES    (FWCTL_SCOPE_N + 1) /* the last: one that does not exist */
#define OUT_SIZE    256
#define FEATURES    8192
#define TAINT_FILE  "/proc/sys/kernel/tainted"
#define TAINT_FWCTL (1ul << 19) /* include/linux/panic.h */

enum who { WHO_USER, WHO_ROOT, WHO_N };

/* One request. */
struct ask {
	const char *what; /* NULL: the opcode alone is the name */
	uint32_t opcode, op_size, header_flags, header_reserved;
	int cut; /* bytes of the payload that are missing from in_len */
	const struct cxl_feature *feature;
	uint8_t payload[64];
};

static struct cxl_feature features[FEATURES];
static unsigned n_features;
static struct ask *asks;
static unsigned n_asks, max_asks;
/* 0 or a positive errno, by [ask][device][who][writable][scope]. */
static int16_t (*answers)[N_DEVICES][WHO_N][2][N_SCOPES];
static int fds[N_DEVICES][2];

static int rpc(int fd, uint32_t scope, const void *in, uint32_t in_len, void *out, uint32_t out_len)
{
	struct fwctl_rpc r = {.size = sizeof(r),
			      .scope = scope,
			      .in_len = in_len,
			      .out_len = out_len,
			      .in = (uintptr_t)in,
			      .out = (uintptr_t)out};

	return ioctl(fd, FWCTL_RPC, &r) < 0 ? errno : 0;
}

static int try(int fd, uint32_t scope, const struct ask *a)
{
	struct {
		struct fwctl_cxl_in h;
		uint8_t payload[64];
	} in = {.h = {.opcode = a->opcode,
		      .flags = a->header_flags,
		      .op_size = a->op_size,
		      .reserved = a->header_reserved}};
	uint8_t out[OUT_SIZE];

	memcpy(in.payload, a->payload, sizeof(in.payload));
	return rpc(fd, scope, &in, (uint32_t)((int)sizeof(in.h) + (int)a->op_size - a->cut), out,
		   sizeof(out));
}

static struct ask *add(const char *what, uint32_t opcode, uint32_t op_size)
{
	struct ask *a;

	if (n_asks == max_asks) {
		max_asks = max_asks ? 2 * max_asks : 4096;
		asks = realloc(asks, max_asks * sizeof(*asks));
		if (!asks)
			die("no memory");
	}
	a = &asks[n_asks++];
	*a = (struct ask){.what = what, .opcode = opcode, .op_size = op_size};
	return a;
}

/* All features of a device, as it lists them in the lowest scope. */
static void list_features(int fd)
{
	static struct {
		struct fwctl_cxl_out h;
		struct cxl_features_header f;
		struct cxl_feature e[64];
	} __attribute__((packed)) out;
	unsigned total = 1;

	while (n_features < total) {
		struct {
			struct fwctl_cxl_in h;
			struct cxl_get_supported_features p;
		} in = {.h = {.opcode = CXL_GET_SUPPORTED_FEATURES, .op_size = sizeof(in.p)},
			.p = {.count = sizeof(out.e), .start = (uint16_t)n_features}};
		int e = rpc(fd, FWCTL_CONFIGURATION, &in, sizeof(in), &out, sizeof(out));

		total = out.f.n_supported;
		if (e || out.h.retval || total > FEATURES || !out.f.n)
			die("Get Supported Features: %s, %u", strerror(e), out.h.retval);
		for (unsigned i = 0; i < out.f.n && n_features < total; i++)
			features[n_features++] = out.e[i];
	}
}

static struct ask *add_get(const char *what, const uint8_t *uuid)
{
	struct ask *a = add(what, CXL_GET_FEATURE, sizeof(struct cxl_get_feature));
	struct cxl_get_feature p = {.count = 4};

	memcpy(p.uuid, uuid, 16);
	memcpy(a->payload, &p, sizeof(p));
	return a;
}

static struct ask *add_set(const char *what, const uint8_t *uuid)
{
	struct ask *a = add(what, CXL_SET_FEATURE, sizeof(struct cxl_set_feature));
	struct cxl_set_feature p = {.version = 1, .data = {1, 2, 3, 4}};

	memcpy(p.uuid, uuid, 16);
	memcpy(a->payload, &p, sizeof(p));
	return a;
}

static void build(void)
{
	static const uint8_t unknown[16] = {0xee};
	static const uint32_t sizes[] = {0, 1, 8, 15, 16, 20, 21, 31, 32, 33, 64};
	static const uint32_t opcodes[] = {0x0500, 0x0501, 0x0502};
	const uint8_t *plain = features[1].uuid; /* configuration change after a cold reset */
	struct ask *a;

	a = add("all", CXL_GET_SUPPORTED_FEATURES, 8);
	a->payload[0] = 96;
	add_get("unknown-uuid", unknown);
	add_set("unknown-uuid", unknown);
	for (unsigned i = 0; i < SL_COUNT(opcodes); i++) {
		for (unsigned j = 0; j < SL_COUNT(sizes); j++) {
			a = add("op-size", opcodes[i], sizes[j]);
			if (opcodes[i] == CXL_GET_SUPPORTED_FEATURES)
				a->payload[0] = 96;
			else
				memcpy(a->payload, plain, 16);
			if (opcodes[i] == CXL_GET_FEATURE)
				a->payload[18] = 4; /* count */
		}
	}
	/* Lengths that disagree, and fields that nobody has defined. */
	add_set("op-size-beyond-input", plain)->cut = 1;
	add_set("no-payload", plain)->cut = sizeof(struct cxl_set_feature);
	add_set("header-flags", plain)->header_flags = 1;
	add_set("header-reserved", plain)->header_reserved = 1;
	add_set("opcode-above-16-bits", plain)->opcode |= 0x10000;
	a = add_set("payload-reserved", plain);
	a->payload[offsetof(struct cxl_set_feature, reserved)] = 1;
	a = add_set("payload-flags", plain);
	memset(a->payload + offsetof(struct cxl_set_feature, flags), 0xff, 4);
	for (unsigned i = 0; i < n_features; i++) {
		add_get(NULL, features[i].uuid)->feature = &features[i];
		add_set(NULL, features[i].uuid)->feature = &features[i];
	}
	for (uint32_t op = 0; op < 0x10000; op++)
		if (op < CXL_GET_SUPPORTED_FEATURES || op > CXL_SET_FEATURE)
			memcpy(add(NULL, op, 32)->payload, plain, 16);
}

static void sweep(enum who who)
{
	for (unsigned i = 0; i < n_asks; i++)
		for (unsigned d = 0; d < N_DEVICES; d++)
			for (unsigned w = 0; w < 2; w++)
				for (uint32_t s = 0; s < N_SCOPES; s++)
					answers[i][d][who][w][s] =
						(int16_t)try(fds[d][w], s, &asks[i]);
}

static bool tainted(void)
{
	unsigned long v = 0;
	FILE *f = fopen(TAINT_FILE, "re");

	if (!f || fscanf(f, "%lu", &v) != 1)
		die(TAINT_FILE);
	(void)fclose(f);
	return v & TAINT_FWCTL;
}

/* What the claim of a scope does to the kernel, before anything is judged; once per boot. */
static void taint_facts(void)
{
	struct ask *get = &asks[0];
	bool before = tainted(), low, after;
	int e;

	if (before)
		die("fwctl was used before in this guest");
	(void)try(fds[0][0], FWCTL_CONFIGURATION, get);
	(void)try(fds[0][0], FWCTL_DEBUG_READ_ONLY, get);
	low = tainted();
	/* A command that the driver refuses. */
	e = try(fds[0][0], FWCTL_DEBUG_WRITE, &asks[n_asks - 1]);
	after = tainted();
	(void)printf("taint\tscope 0 and 1\t%s\n", low ? "yes" : "no");
	(void)printf("taint\tscope 2, ordinary user, refused with %s\t%s\n", errno_name(e),
		     after ? "yes" : "no");
}

static void user_half(bool facts)
{
	pid_t p;
	int status;

	(void)fflush(stdout);
	p = fork();
	if (p == 0) {
		become_user();
		if (facts)
			taint_facts();
		sweep(WHO_USER);
		exit(0);
	}
	if (waitpid(p, &status, 0) != p || !WIFEXITED(status) || WEXITSTATUS(status))
		die("the ordinary user's half did not end");
}

static const char *answer_text(int e)
{
	return e ? errno_name(e) : "ok";
}

static const char *subject(const struct ask *a, char ret[64])
{
	const struct cxl_feature *f = a->feature;

	if (a->what)
		(void)snprintf(ret, 64, "%s/%u", a->what, a->op_size);
	else if (!f)
		(void)snprintf(ret, 64, "-");
	else
		(void)snprintf(ret, 64, "effects=%04x,%s,set-size=%u", f->effects,
			       f->flags & CXL_FEATURE_CHANGEABLE ? "changeable" : "fixed",
			       f->set_size);
	return ret;
}

static void print_row(const struct ask *a, const char *opcode, unsigned d)
{
	const int16_t(*r)[2][N_SCOPES] = answers[a - asks][d];
	const int16_t(*first)[2][N_SCOPES] = answers[a - asks][0];
	const size_t size = sizeof(answers[0][0]);
	bool alike = memcmp(first, answers[a - asks][1], size) == 0;
	char name[64];

	if (alike && d)
		return;
	(void)printf("%s\t%s\t%s",
		     alike ? "both"
		     : d   ? "fwctl1"
			   : "fwctl0",
		     opcode, subject(a, name));
	for (unsigned who = 0; who < WHO_N; who++) {
		(void)printf("\t%s:", who == WHO_USER ? "user" : "root");
		for (unsigned s = 0; s < N_SCOPES; s++)
			(void)printf(" %s", answer_text(r[who][1][s]));
	}
	if (memcmp(r[0][0], r[0][1], sizeof(r[0][0])) || memcmp(r[1][0], r[1][1], sizeof(r[1][0])))
		(void)printf("\tread-only differs");
	(void)putchar('\n');
}

/* At most two effects: enough to see the rule; all combinations are in --tsv. */
static bool telling(const struct cxl_feature *f)
{
	return !f || __builtin_popcount(f->effects) <= 2;
}

static void print_facts(void)
{
	static const int16_t none[N_DEVICES][WHO_N][2][N_SCOPES];
	const struct ask *first = NULL;
	unsigned others = 0;
	char op[16];

	for (unsigned i = 0; i < n_asks; i++) {
		const struct ask *a = &asks[i];

		if (!a->what && !a->feature) { /* other opcodes: said once where all are alike */
			if (!first)
				first = a;
			if (memcmp(answers[i], answers[first - asks], sizeof(none)) == 0) {
				others++;
				continue;
			}
		}
		if (!telling(a->feature))
			continue;
		(void)snprintf(op, sizeof(op), "%04x", a->opcode);
		for (unsigned d = 0; d < N_DEVICES; d++)
			print_row(a, op, d);
	}
	(void)snprintf(op, sizeof(op), "%u others", others);
	for (unsigned d = 0; d < N_DEVICES; d++)
		print_row(first, op, d);
}

static void print(unsigned i, unsigned d, unsigned who, unsigned w, unsigned s)
{
	char name[64];

	(void)printf("fwctl%u\t%s\t%s\t%u\t%04x\t%s\t%s", d, who == WHO_USER ? "user" : "root",
		     w ? "rw" : "ro", s, asks[i].opcode, subject(&asks[i], name),
		     answer_text(answers[i][d][who][w][s]));
}

/* All answers, one after the other; how many requests were carried out. */
static unsigned long count(bool print_them)
{
	unsigned long allowed = 0;

	for (unsigned i = 0; i < n_asks; i++)
		for (unsigned d = 0; d < N_DEVICES; d++)
			for (unsigned who = 0; who < WHO_N; who++)
				for (unsigned w = 0; w < 2; w++)
					for (unsigned s = 0; s < N_SCOPES; s++) {
						allowed += answers[i][d][who][w][s] == 0;
						if (print_them) {
							print(i, d, who, w, s);
							(void)putchar('\n');
						}
					}
	return allowed;
}

static struct sl_contract contract;

/* The device says of the one feature that is asked for what it says in its list. */
static void contract_for(const struct ask *a)
{
	struct {
		struct cxl_features_header h;
		struct cxl_feature f;
	} __attribute__((packed)) list = {.h = {.n = 1, .n_supported = 1}};
	uint16_t total;

	contract.n_features = 0;
	for (unsigned i = 0; a->opcode >> 8 == 0x05 && i < n_features; i++)
		if (memcmp(features[i].uuid, a->payload, 16) == 0)
			list.f = features[i];
	if (list.f.get_version)
		(void)sl_contract_cxl_features(&contract, &list, sizeof(list), &total);
}

static bool predict(const struct sl_image *img, const struct sl_bind *b, const struct ask *a,
		    uint32_t scope, bool writable, struct sl_verdict *ret)
{
	struct sl_command c = {.set = SL_SET_FWCTL,
			       .dir = SL_DIR_BOTH,
			       .door = SL_DOOR_FWCTL,
			       .writable = writable,
			       .req_len = SL_MBOX_REQ_LEN,
			       .data_len = OUT_SIZE};
	uint8_t data[OUT_SIZE] = {0};

	c.req[0] = (uint8_t)(a->opcode >> 8);
	c.req[1] = (uint8_t)a->opcode;
	sl_put_le32(c.req + SL_MBOX_IN_LEN, a->op_size);
	sl_put_le32(c.req + SL_MBOX_OUT_LEN, OUT_SIZE);
	sl_put_le32(c.req + SL_MBOX_SCOPE, scope);
	memcpy(data, a->payload, sizeof(a->payload));
	sl_judge(img, b, &contract, &c, data, 0, ret);
	return ret->allow;
}

/* Says what no command of ours says: bits of the header, an opcode above 16 bits, a payload that
 * ends. */
static bool no_command(const struct ask *a)
{
	return a->header_flags || a->header_reserved || a->cut || a->opcode > 0xffff;
}

static unsigned long compare(const char *policy)
{
	static const uint32_t uids[WHO_N] = {[WHO_USER] = USER, [WHO_ROOT] = 0};
	const struct sl_image *img = model_load(policy);
	unsigned long different = 0, unlisted = 0;
	struct sl_bind bind[WHO_N];

	contract = (struct sl_contract){.generation = 1,
					.state = SL_CONTRACT_PRESENT,
					.protocol = SL_WIRE_FWCTL,
					.type = FWCTL_DEVICE_TYPE_CXL,
					.max_transfer = UINT32_MAX};
	for (unsigned who = 0; who < WHO_N; who++)
		model_bind(img, uids[who], &contract, SL_WIRE_FWCTL, &bind[who]);
	for (unsigned i = 0; i < n_asks; i++) {
		const unsigned cases = N_DEVICES * WHO_N * 2 * N_SCOPES;

		contract_for(&asks[i]);
		for (unsigned k = 0; k < cases && !no_command(&asks[i]); k++) {
			unsigned s = k % N_SCOPES, w = k / N_SCOPES % 2,
				 who = k / N_SCOPES / 2 % WHO_N, d = k / N_SCOPES / 2 / WHO_N;
			bool kernel = answers[i][d][who][w][s] == 0;
			struct sl_verdict v;

			if (predict(img, &bind[who], &asks[i], s, w, &v) == kernel)
				continue;
			if (d == 1 && asks[i].opcode == CXL_SET_FEATURE && !kernel) {
				unlisted++;
				continue;
			}
			if (different++ < 200) {
				print(i, d, who, w, s);
				(void)printf("\t%s\n", model_said(&v));
			}
		}
	}
	if (unlisted)
		(void)fprintf(
			stderr,
			"parity-fwctl: %lu answers explained: the effects log has no Set Feature\n",
			unlisted);
	return different;
}

int main(int argc, char **argv)
{
	unsigned long allowed = 0, different = 0;
	bool facts, tsv;
	struct utsname u;

	if (argc != 2)
		die("usage: parity-fwctl --tsv | --facts | POLICY");
	facts = strcmp(argv[1], "--facts") == 0;
	tsv = strcmp(argv[1], "--tsv") == 0;
	if (access("/out/stage2", F_OK) < 0)
		die("this is not a guest of tools/vm: nothing was done");
	for (unsigned d = 0; d < N_DEVICES; d++) {
		struct fwctl_info info = {.size = sizeof(info)};
		char node[32];

		(void)snprintf(node, sizeof(node), "/dev/fwctl/fwctl%u", d);
		fds[d][0] = open(node, O_RDONLY | O_CLOEXEC);
		fds[d][1] = open(node, O_RDWR | O_CLOEXEC);
		if (fds[d][0] < 0 || fds[d][1] < 0 || ioctl(fds[d][0], FWCTL_INFO, &info) < 0)
			die("%s: %s", node, strerror(errno));
		if (info.out_device_type != FWCTL_DEVICE_TYPE_CXL)
			die("%s is of type %u", node, info.out_device_type);
	}
	list_features(fds[0][0]);
	build();
	answers = mmap(NULL, n_asks * sizeof(*answers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED)
		die("no memory");
	user_half(facts);
	sweep(WHO_ROOT);
	allowed = count(tsv);
	if (facts)
		print_facts();
	else if (!tsv)
		different = compare(argv[1]);
	(void)uname(&u);
	(void)fprintf(stderr,
		      "parity-fwctl: Linux %s: %zu cases, %lu carried out, %lu differ without "
		      "explanation\n",
		      u.release, n_asks * sizeof(*answers) / sizeof(int16_t), allowed, different);
	return different ? 1 : 0;
}
