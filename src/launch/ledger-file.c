/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/ledger-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/ledger.h"

void sl_ledger_file_name(char *buf, unsigned long size, unsigned n)
{
	if (n == 0)
		(void)snprintf(buf, size, "%s", SL_LEDGER_FILE);
	else
		(void)snprintf(buf, size, "ledger-%u.slg", n + 1);
}

int sl_ledger_make_dir(const char *dir)
{
	char path[4096];
	size_t n = strlen(dir);

	if (n == 0 || n >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, n + 1);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

#define HEAD ((ssize_t)offsetof(struct sl_record, seq)) /* the same in every version */

/*
 * Where the file ends: whole records, and the checksum of the last one. -ESTALE: an older sluice
 * wrote it, in a format of its own.
 */
static int look_at_end(int fd, const char *path, uint64_t *ret_next, uint32_t *ret_check,
		       struct sl_diag *ret_warn, struct sl_diag *reterr)
{
	struct sl_record last;
	struct stat st;
	off_t whole, torn;
	ssize_t n;
	int rd;

	if (fstat(fd, &st) < 0)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return sl_diag_set(reterr, -EINVAL, path, 0, 0, "not a regular file");
	torn = st.st_size % (off_t)sizeof(last);
	whole = st.st_size - torn;
	*ret_next = 1;
	*ret_check = 0;
	rd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (rd < 0)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	n = pread(rd, &last, HEAD, 0);
	if (n == HEAD && last.magic == SL_LEDGER_MAGIC && last.version < SL_LEDGER_VERSION) {
		close(rd);
		return -ESTALE;
	}
	n = whole ? pread(rd, &last, sizeof(last), whole - (off_t)sizeof(last)) : 0;
	close(rd);
	if (whole) {
		if (n != (ssize_t)sizeof(last) || last.magic != SL_LEDGER_MAGIC ||
		    last.version != SL_LEDGER_VERSION)
			return sl_diag_set(reterr, -EBADMSG, path, 0, 0,
					   "does not end with a ledger record; look with `sluice "
					   "ledger verify`, move it away to begin a new one");
		*ret_next = last.seq + 1;
		*ret_check = last.check;
	}
	if (torn) {
		(void)sl_diag_set(ret_warn, 0, path, 0, 0,
				  "the last record is torn (%lld of %zu bytes) and was cut off",
				  (long long)torn, sizeof(last));
		if (ftruncate(fd, whole) < 0)
			return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	}
	return 0;
}

int sl_ledger_file_open(const char *dir, int *ret_fd, uint64_t *ret_next, uint32_t *ret_check,
			struct sl_diag *ret_warn, struct sl_diag *reterr)
{
	int r = sl_ledger_make_dir(dir);

	if (r < 0)
		return sl_diag_set(reterr, r, dir, 0, 0, "%s", strerror(-r));
	for (unsigned i = 0; i < SL_LEDGER_FILES_MAX; i++) {
		char name[32], path[4200];
		int fd;

		sl_ledger_file_name(name, sizeof(name), i);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return sl_diag_set(reterr, -errno, path, 0, 0, "%s%s", strerror(errno),
					   errno == EACCES || errno == EROFS
						   ? ": --ledger DIR names another place"
						   : "");
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			close(fd); /* another broker writes there */
			continue;
		}
		r = look_at_end(fd, path, ret_next, ret_check, ret_warn, reterr);
		if (r < 0)
			close(fd);
		if (r == -ESTALE)
			continue;
		if (r < 0)
			return r;
		*ret_fd = fd;
		return 0;
	}
	return sl_diag_set(reterr, -EBUSY, dir, 0, 0, "%d brokers write there already",
			   SL_LEDGER_FILES_MAX);
}
