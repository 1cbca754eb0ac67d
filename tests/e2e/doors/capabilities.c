/* SPDX-License-Identifier: Apache-2.0 */
/* No capability, now or after an exec; nothing that root's uid alone may write. */
#include "door.h"

static void outside(void)
{
}

static void inside(void)
{
	char line[128];
	unsigned seen = 0;
	FILE *f = fopen("/proc/self/status", "r");

	MUST(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		unsigned long long v;

		if (sscanf(line, "Cap%*3c: %llx", &v) == 1) {
			MUST(v == 0);
			seen++;
		}
	}
	MUST(seen == 5);
	fclose(f);
	MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	MUST(open("/proc/sys/kernel/core_pattern", O_WRONLY) == -1);
	MUST(open("/proc/sys/kernel/modprobe", O_WRONLY) == -1);
	/* A cover at most: it is /dev/null there. */
	f = fopen("/proc/sysrq-trigger", "r");
	MUST(f == NULL || fgetc(f) == EOF);
}
