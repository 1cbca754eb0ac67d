/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have a path: nobody's, a dead one's; not a served one, not a file; and too long a one. */
#undef NDEBUG
#include "base/listen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int visit(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	int r;

	strcpy(sa.sun_path, path);
	r = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int main(void)
{
	char dir[] = "/tmp/sluice-test-listen.XXXXXX", path[64], fresh[80], far[105] = "/";
	struct stat s;
	int a, b;

	assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(fresh, sizeof(fresh), "%s.new", path);

	a = sl_listen(path, 0640);
	assert(a >= 0 && visit(path) == 0);
	assert(stat(path, &s) == 0 && (s.st_mode & 0777) == 0640);
	assert(access(fresh, F_OK) < 0);
	assert(sl_listen(path, 0600) == -EADDRINUSE);
	assert(visit(path) == 0 && access(fresh, F_OK) < 0);

	/* Its server has gone, and so has one that never came so far as to have the name. */
	close(a);
	assert(visit(path) == -ECONNREFUSED);
	assert(rename(path, fresh) == 0);
	a = sl_listen(path, 0600);
	assert(a >= 0 && visit(path) == 0 && access(fresh, F_OK) < 0);
	close(a);
	b = sl_listen(path, 0600);
	assert(b >= 0 && visit(path) == 0);
	close(b);

	/* A file of somebody's stays. */
	assert(unlink(path) == 0);
	a = open(path, O_CREAT | O_WRONLY, 0600);
	assert(a >= 0 && write(a, "x", 1) == 1);
	close(a);
	assert(sl_listen(path, 0600) == -ENOTSOCK);
	assert(stat(path, &s) == 0 && s.st_size == 1);
	assert(unlink(path) == 0);

	memset(far + 1, 'x', sizeof(far) - 2);
	assert(strlen(far) == 104 && sl_listen(far, 0600) == -ENAMETOOLONG);
	snprintf(path, sizeof(path), "%s/none/s", dir);
	assert(sl_listen(path, 0600) == -ENOENT);
	assert(rmdir(dir) == 0);
	return 0;
}
