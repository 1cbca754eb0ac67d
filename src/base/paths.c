/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

int sl_path_state(char *buf, size_t size, const char **ret_why)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (in_build_tree()) {
		*ret_why = "the build tree";
		n = snprintf(buf, size, "%s/state", SL_BUILD_DIR);
	} else if (xdg && xdg[0] == '/') {
		*ret_why = "$XDG_STATE_HOME";
		n = snprintf(buf, size, "%s/sluice", xdg);
	} else if (geteuid() == 0 || !home || home[0] != '/') {
		*ret_why = "default";
		n = snprintf(buf, size, "/var/lib/sluice");
	} else {
		*ret_why = "$HOME";
		n = snprintf(buf, size, "%s/.local/state/sluice", home);
	}
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int sl_path_socket(char *buf, size_t size, const char **ret_why)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	int n;

	if (in_build_tree()) {
		*ret_why = "the build tree";
		n = snprintf(buf, size, "%s/state/sluice.sock", SL_BUILD_DIR);
	} else if (geteuid() != 0 && xdg && xdg[0] == '/' && access("/run/sluice/sock", F_OK) < 0) {
		*ret_why = "$XDG_RUNTIME_DIR";
		n = snprintf(buf, size, "%s/sluice.sock", xdg);
	} else {
		*ret_why = "default";
		n = snprintf(buf, size, "/run/sluice/sock");
	}
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}
