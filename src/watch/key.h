/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry of a contract a command is judged by, and what may be said of it. */
#ifndef SL_WATCH_KEY_H
#define SL_WATCH_KEY_H

#include "core/command.h"
#include "core/effects.h"

/* The sub-selector's where a log lists those under this opcode, else the opcode's. */
uint64_t sl_key_of(const struct sl_command *cmd);
/*
 * What of an observed effect counts against the command from now on. Identify and the logs of the
 * specification stay readable whatever they were seen to do: their entry is marked, and what else
 * the device says is not believed any more, but nobody is blinded.
 */
sl_effects sl_key_observed(const struct sl_command *cmd, sl_effects observed);

#endif
