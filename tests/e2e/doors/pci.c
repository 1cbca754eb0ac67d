/* SPDX-License-Identifier: Apache-2.0 */
/* The registers behind the device: PCI resources, configuration space, ports, physical memory. */
#include "door.h"

#include <dirent.h>
#if defined(__x86_64__)
#include <sys/io.h>
#endif

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;
	const struct dirent *e;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void outside(void)
{
	/* Where there is no PCI bus the names are missing outside, too. */
	if (access("/proc/bus", F_OK) == 0)
		MUST(entries("/proc/bus") > 0);
}

static void inside(void)
{
	MUST(entries("/proc/bus") == 0);
	MUST(entries("/sys/bus") == 0);
	MUST_FAIL(open("/dev/mem", O_RDWR), ENOENT);
	MUST_FAIL(open("/dev/port", O_RDWR), ENOENT);
	MUST_FAIL(open("/dev/vfio/vfio", O_RDWR), ENOENT);
#if defined(__x86_64__)
	/* EPERM, or ENOSYS where the kernel has no such call. */
	MUST(iopl(3) == -1);
	MUST(ioperm(0xcf8, 8, 1) == -1);
#endif
}
