/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of `sluice verify`, one file each. */
#ifndef SL_CLI_VERIFY_H
#define SL_CLI_VERIFY_H

#include "cli/cli.h"
#include "observe/verify.h"

/* Opens what may be driven; else says why not and returns an exit status. */
int sl_cli_rig(struct sl_cli *cli, const char *spec, struct sl_rig **ret);
/* `diff OLD NEW`, in argv. Returns an exit status. */
int sl_cli_verify_diff(struct sl_cli *cli);
/* --replay. Returns an exit status. */
int sl_cli_replay(struct sl_cli *cli, struct sl_verify_options *o);

#endif
