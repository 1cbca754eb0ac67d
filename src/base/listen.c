/* SPDX-License-Identifier: Apache-2.0 */
#include "base/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define FRESH	".new"

/* What is in the way there: -EADDRINUSE, -ENOTSOCK, or another error; 0: nothing. */
static int taken(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat s;
	bool yes;
	int fd;

	if (lstat(path, &s) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(s.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	strcpy(sa.sun_path, path);
	yes = connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 ||
	      (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return yes ? -EADDRINUSE : 0;
}

int sl_listen(const char *path, mode_t mode)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, r;

	if (strlen(path) + strlen(FRESH) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	r = taken(path);
	if (r < 0)
		return r;
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s" FRESH, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (unlink(sa.sun_path) < 0 && errno != ENOENT)
		r = -errno;
	else if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = -errno;
	else if (chmod(sa.sun_path, mode) < 0 || listen(fd, BACKLOG) < 0 ||
		 rename(sa.sun_path, path) < 0) {
		r = -errno;
		(void)unlink(sa.sun_path);
	} else
		return fd;
	close(fd);
	return r;
}
