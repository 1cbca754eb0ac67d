/* SPDX-License-Identifier: Apache-2.0 */
/* Typing a command into the terminal of whoever started the tool. */
#include "door.h"

#include <termios.h>

static void outside(void)
{
}

static void inside(void)
{
	char c = '\n';

	MUST_FAIL(ioctl(0, TIOCSTI, &c), EPERM);
	MUST_FAIL(ioctl(0, TIOCLINUX, &c), EPERM);
	MUST_FAIL(syscall(SYS_ioctl, 0, 1ull << 32 | TIOCSTI, &c), EPERM);
}
