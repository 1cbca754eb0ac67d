/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sluice-paths.h" /* SL_BUILD_DIR, SL_SOURCE_DIR, SL_LIBEXEC_DIR, SL_DATA_DIR, by meson */

static bool in_build_tree(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return false;
	exe[n] = '\0';
	return strncmp(exe, SL_BUILD_DIR "/", strlen(SL_BUILD_DIR) + 1) == 0;
}

static int found(char *buf, size_t size, int n)
{
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return access(buf, R_OK) < 0 ? -errno : 0;
}

int sl_path_program(const char *name, char *buf, size_t size)
{
	const char *dir = in_build_tree() ? SL_BUILD_DIR "/src" : SL_LIBEXEC_DIR;

	return found(buf, size, snprintf(buf, size, "%s/%s", dir, name));
}

int sl_path_data(const char *kind, const char *name, char *buf, size_t size)
{
	const char *dir = in_build_tree() ? SL_SOURCE_DIR : SL_DATA_DIR;

	return found(buf, size, snprintf(buf, size, "%s/%s/%s", dir, kind, name));
}
