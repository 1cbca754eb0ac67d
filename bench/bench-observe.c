/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All blocks of a namespace looked at twice and compared, beside the same blocks read twice: what
 * observing costs over reading, where nothing has changed since. Usage: bench-observe PERSONA.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "observe/facet.h"

#define BLOCK  4096u
#define BLOCKS 8192u
#define CHUNK  32u /* blocks of one read: 128 KiB */
#define ROUNDS 9

static uint8_t data[SL_RIG_DATA_MAX + SL_RIG_OVER_MAX];
static struct sl_probe probe[BLOCKS / CHUNK];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static bool differs(void *ctx, const struct sl_change *c)
{
	(void)c;
	++*(unsigned *)ctx;
	return true;
}

static void blocks_of(struct sl_probe *p, uint32_t i)
{
	*p = (struct sl_probe){.facet = SL_FACET_BLOCKS, .nsid = 1, .lba = i * CHUNK};
	p->blocks = CHUNK;
	p->off = (size_t)i * CHUNK * BLOCK;
	p->cmd = (struct sl_command){.set = SL_SET_NVME_NVM,
				     .dir = SL_DIR_IN,
				     .req_len = SL_REQ_MAX,
				     .data_len = CHUNK * BLOCK};
	p->cmd.req[0] = 0x02;
	sl_put_le32(p->cmd.req + 4, 1);
	sl_put_le64(p->cmd.req + 40, p->lba);
	sl_put_le16(p->cmd.req + 48, CHUNK - 1);
}

static double plain(struct sl_rig *rig)
{
	double start = now();
	struct sl_answer a;

	for (unsigned twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < BLOCKS / CHUNK; i++) {
			int r = sl_rig_call(rig, &probe[i].cmd, data, &a);

			if (r || !sl_answer_ok(&a))
				exit(1);
		}
	return now() - start;
}

static double observed(struct sl_rig *rig, const struct sl_probes *p, struct sl_look *one,
		       struct sl_look *two)
{
	double start = now();
	unsigned n = 0;

	if (sl_look_take(rig, p, SL_LOOK_FORWARDS, false, data, one) ||
	    sl_look_take(rig, p, SL_LOOK_BACKWARDS, false, data, two))
		exit(1);
	sl_look_compare(p, one, two, differs, &n);
	if (n)
		exit(1);
	return now() - start;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_size);
	printf("%s\t%f\t%f\n", name, v[ROUNDS / 2], v[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
	struct sl_probes p = {.n = BLOCKS / CHUNK, .v = probe, .bytes = (size_t)BLOCKS * BLOCK};
	struct sl_look one, two;
	double reads[ROUNDS], looks[ROUNDS];
	struct sl_diag d = {0};
	struct sl_rig *rig;

	if (argc != 2 || sl_rig_model(argv[1], &rig, &d))
		return 1;
	p.mask = calloc(1, p.bytes);
	if (!p.mask || sl_look_new(&p, &one) || sl_look_new(&p, &two))
		return 1;
	for (uint32_t i = 0; i < BLOCKS / CHUNK; i++)
		blocks_of(&probe[i], i);
	(void)observed(rig, &p, &one, &two); /* the pages are there from here on */
	for (unsigned i = 0; i < ROUNDS; i++) {
		reads[i] = plain(rig);
		looks[i] = observed(rig, &p, &one, &two);
	}
	print("plain-read", reads);
	print("observed-read", looks);
	sl_look_done(&one);
	sl_look_done(&two);
	free(p.mask);
	sl_rig_close(rig);
	return 0;
}
