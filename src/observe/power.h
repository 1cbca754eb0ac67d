/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power that somebody else switches: a command of the operator's (a socket with an interface, a
 * controller of the machine, a slot) takes the place of the rig's own power cycle.
 */
#ifndef SL_OBSERVE_POWER_H
#define SL_OBSERVE_POWER_H

#include "observe/rig.h"

struct sl_power;

/*
 * From here on the rig's power is cut by this command, run by sh; it has to bring the power back
 * too. The device is then given half a minute to answer. `command` and `rig` are borrowed. 0 or
 * -ENOMEM.
 */
int sl_power_wrap(struct sl_rig *rig, const char *command, struct sl_power **ret);
/* Gives the rig its own power back. Returns NULL; NULL-safe. */
struct sl_power *sl_power_unwrap(struct sl_power *p);
/* What went wrong, for people; "" when nothing did. */
const char *sl_power_error(const struct sl_power *p);

#endif
