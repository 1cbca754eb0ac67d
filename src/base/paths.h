/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where sluice finds its own parts: the build tree's when run from a build tree, else the installed
 * ones. One place, so that no two programs disagree.
 */
#ifndef SL_BASE_PATHS_H
#define SL_BASE_PATHS_H

#include <stddef.h>

/* Path of a sibling program ("sluiced", "sluice-model"). 0 or -errno (-ENOENT: not there). */
int sl_path_program(const char *name, char *buf, size_t size);
/* Path of a data file: kind is "personas" or "policies". 0 or -errno. */
int sl_path_data(const char *kind, const char *name, char *buf, size_t size);
/*
 * Directory for what a run leaves behind (the ledger): the build tree's own, root's, or the user's.
 * It need not exist. *ret_why: where the answer comes from, static text. 0 or -errno.
 */
int sl_path_state(char *buf, size_t size, const char **ret_why);
/* The socket of the broker that serves this machine, this user or this build tree; likewise. */
int sl_path_socket(char *buf, size_t size, const char **ret_why);

#endif
