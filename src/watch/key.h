/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry of a contract a command is judged by. */
#ifndef SL_WATCH_KEY_H
#define SL_WATCH_KEY_H

#include "core/command.h"

/* The sub-selector's where a log lists those under this opcode, else the opcode's. */
uint64_t sl_key_of(const struct sl_command *cmd);

#endif
