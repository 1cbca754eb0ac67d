/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told matches what it may do: from answers that advertise commands, features and
 * logs, the bits of those that no rule could ever allow this client are cleared. Bits are only ever
 * cleared, and only in answers that the tables flag.
 */
#ifndef SL_BROKER_ANSWER_H
#define SL_BROKER_ANSWER_H

#include "core/decide.h"

/* Rewrites `len` bytes of a successful answer in place. */
void sl_answer_rewrite(const struct sl_image *img, const struct sl_bind *bind,
		       const struct sl_facts *facts, const struct sl_command *cmd, uint8_t *data,
		       uint32_t len);

#endif
