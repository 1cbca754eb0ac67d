/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer's entry over every file of the given folders, once: the corpora are tests, with any
 * compiler. Each input is also cut at a few places and has a few bits turned, with a fixed seed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define INPUT_MAX (1u << 20)

static uint32_t seed = 12345;

static uint32_t next(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static void variations(uint8_t *p, size_t n)
{
	(void)LLVMFuzzerTestOneInput(p, n);
	for (unsigned i = 0; i < 16 && n; i++)
		(void)LLVMFuzzerTestOneInput(p, next() % n);
	for (unsigned i = 0; i < 48 && n; i++) {
		size_t at = next() % n;
		uint8_t was = p[at];

		p[at] ^= (uint8_t)(1u << next() % 8);
		(void)LLVMFuzzerTestOneInput(p, n);
		p[at] = was;
	}
}

static int run_file(const char *path)
{
	uint8_t *p = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f || !p) {
		perror(path);
		return 1;
	}
	n = fread(p, 1, INPUT_MAX, f);
	(void)fclose(f);
	variations(p, n);
	free(p);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned files = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent *e;
		DIR *d = opendir(argv[i]);

		if (!d) {
			perror(argv[i]);
			return 1;
		}
		while ((e = readdir(d))) {
			char path[4096];

			if (e->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			if (run_file(path))
				return 1;
			files++;
		}
		(void)closedir(d);
	}
	if (!files) {
		fprintf(stderr, "run-corpus: no input: a corpus that is not there tests nothing\n");
		return 1;
	}
	return 0;
}
