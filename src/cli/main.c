/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "cli/parse.h"

int main(int argc, char **argv)
{
	/* A reader that went away is a failed write, which is reported, and not a death by signal.
	 */
	(void)signal(SIGPIPE, SIG_IGN);
	return sl_cli_main(argc, argv);
}
