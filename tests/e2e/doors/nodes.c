/* SPDX-License-Identifier: Apache-2.0 */
/* Other nodes of the same device, and of everything else: none is in the private /dev. */
#include "door.h"

#include <ftw.h>
#include <sys/sysmacros.h>

static unsigned foreign;

static int visit(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	unsigned maj = major(st->st_rdev);

	(void)flag;
	(void)f;
	if (strcmp(path, "/dev/nvme0") == 0 || strcmp(path, "/dev/nvme0n1") == 0 ||
	    strcmp(path, "/dev/ng0n1") == 0)
		return 0;
	if (S_ISBLK(st->st_mode) ||
	    (S_ISCHR(st->st_mode) && maj != 5 && !(maj >= 136 && maj <= 143) &&
	     !(maj == 1 && (minor(st->st_rdev) == 3 || minor(st->st_rdev) == 5 ||
			    (minor(st->st_rdev) >= 7 && minor(st->st_rdev) <= 9)))))
		foreign++;
	return 0;
}

static void outside(void)
{
	MUST(nftw("/dev", visit, 8, FTW_PHYS) == 0);
	MUST(foreign > 0);
}

static void inside(void)
{
	MUST(nftw("/dev", visit, 8, FTW_PHYS) == 0);
	MUST(foreign == 0);
	MUST(open("/dev/null", O_RDWR) >= 0);
	MUST(open("/dev/urandom", O_RDONLY) >= 0);
	MUST_FAIL(open("/dev/nvme1", O_RDWR), ENOENT);
	MUST_FAIL(open("/dev/mem", O_RDWR), ENOENT);
	MUST_FAIL(open("/dev/fuse", O_RDWR), ENOENT);
}
