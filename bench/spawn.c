/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command N times, output dropped, and prints how long one took from fork to wait. */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stats.h"

int main(int argc, char **argv)
{
	size_t n = argc > 3 ? strtoul(argv[2], NULL, 0) : 0;
	uint64_t *v = calloc(n ? n : 1, sizeof(*v));

	if (!n || !v) {
		fprintf(stderr, "usage: spawn NAME COUNT COMMAND…\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t t = bench_now();
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			int null = open("/dev/null", O_WRONLY);

			(void)dup2(null, 1);
			(void)execvp(argv[3], argv + 3);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "spawn: %s failed\n", argv[3]);
			return 1;
		}
		v[i] = bench_now() - t;
	}
	bench_print(argv[1], v, n, 1);
	return 0;
}
