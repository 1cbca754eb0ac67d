/* SPDX-License-Identifier: Apache-2.0 */
/* Between the command line's own files: parsing, help, metadata. */
#ifndef SL_CLI_PARSE_H
#define SL_CLI_PARSE_H

#include <stdio.h>

#include "cli/cli.h"

/* The whole program. Returns its exit status. */
int sl_cli_main(int argc, char **argv);

/* The row that is called: the form if there is one, else the verb. */
const struct sl_cli_verb *sl_cli_row(const struct sl_cli *cli);
/* Does a common option apply to the verb? */
bool sl_option_applies(const struct sl_cli_verb *v, const struct sl_option *o);
const struct sl_option *sl_option_find(const struct sl_cli_verb *v, const char *name, size_t n);

int sl_help_all(FILE *out, int status);
int sl_help_verb(FILE *out, const struct sl_cli *cli, int status);
int sl_help_version(void);

#endif
