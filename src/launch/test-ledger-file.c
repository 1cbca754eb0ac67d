/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher goes on where a ledger ends, says when it cuts off a torn record, and never shares.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/ledger-file.h"
#include "ledger/ledger.h"

int main(void)
{
	char root[] = "/tmp/sluice-launch-XXXXXX", dir[128], file[160], second[160];
	struct sl_diag warn = {0}, err = {0};
	struct sl_record rec = {.type = SL_RECORD_START};
	struct sl_ledger l;
	uint64_t next;
	uint32_t check;
	struct stat st;
	int fd, other;

	assert(mkdtemp(root));
	(void)snprintf(dir, sizeof(dir), "%s/a/b", root);
	(void)snprintf(file, sizeof(file), "%s/ledger.slg", dir);
	(void)snprintf(second, sizeof(second), "%s/ledger-2.slg", dir);

	/* New, with its directories. */
	assert(sl_ledger_file_open(dir, &fd, &next, &check, &warn, &err) == 0);
	assert(next == 1 && check == 0 && !warn.text[0]);
	assert((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND));
	sl_ledger_init(&l, fd, next, check);
	assert(sl_ledger_append(&l, &rec, false) == 1 && sl_ledger_append(&l, &rec, false) == 2);

	/* While one writes, another gets a file of its own. */
	assert(sl_ledger_file_open(dir, &other, &next, &check, &warn, &err) == 0);
	assert(next == 1 && stat(second, &st) == 0 && st.st_size == 0);
	close(other);
	close(fd);

	/* Going on, also behind a torn record. */
	fd = open(file, O_WRONLY | O_APPEND);
	assert(fd >= 0 && write(fd, "torn", 4) == 4);
	close(fd);
	assert(sl_ledger_file_open(dir, &fd, &next, &check, &warn, &err) == 0);
	assert(next == 3 && check == rec.check && strstr(warn.text, "torn"));
	assert(fstat(fd, &st) == 0 && st.st_size == 2 * (off_t)sizeof(rec));
	close(fd);

	/* What an older sluice wrote stays as it is, whatever the size of its records was. */
	fd = open(file, O_WRONLY | O_TRUNC);
	rec.magic = SL_LEDGER_MAGIC;
	rec.version = SL_LEDGER_VERSION - 1;
	assert(fd >= 0 && write(fd, &rec, sizeof(rec) - 64) == sizeof(rec) - 64);
	close(fd);
	assert(sl_ledger_file_open(dir, &fd, &next, &check, &warn, &err) == 0);
	assert(next == 1 && fstat(fd, &st) == 0 && st.st_size == 0);
	close(fd);
	assert(stat(file, &st) == 0 && st.st_size == sizeof(rec) - 64);

	/* What is no ledger is not written to. */
	fd = open(file, O_WRONLY | O_TRUNC);
	assert(fd >= 0);
	for (unsigned i = 0; i < sizeof(rec); i++)
		assert(write(fd, "x", 1) == 1);
	close(fd);
	assert(sl_ledger_file_open(dir, &fd, &next, &check, &warn, &err) == -EBADMSG);
	assert(strstr(err.file, "ledger.slg") && err.text[0]);
	assert(unlink(file) == 0 && symlink("/dev/null", file) == 0);
	assert(sl_ledger_file_open(dir, &fd, &next, &check, &warn, &err) < 0);

	(void)unlink(file);
	(void)unlink(second);
	(void)rmdir(dir);
	(void)snprintf(dir, sizeof(dir), "%s/a", root);
	(void)rmdir(dir);
	assert(rmdir(root) == 0);
	return 0;
}
