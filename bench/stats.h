/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of time: median and 99th percentile. Figures alone mean nothing on a shared machine:
 * ratios. */
#ifndef SL_BENCH_STATS_H
#define SL_BENCH_STATS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t bench_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts v. Prints "name median p99" in nanoseconds, tab-separated: read by bench/report. */
static inline void bench_print(const char *name, uint64_t *v, size_t n, double per)
{
	qsort(v, n, sizeof(*v), bench_compare);
	printf("%s\t%.2f\t%.2f\n", name, (double)v[n / 2] / per, (double)v[n - 1 - n / 100] / per);
}

#define SL_BENCH_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
