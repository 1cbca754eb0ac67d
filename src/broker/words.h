/* SPDX-License-Identifier: Apache-2.0 */
/* The few words that sluiced says to people. Bounded; nothing here reads a format. */
#ifndef SL_BROKER_WORDS_H
#define SL_BROKER_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/decide.h"

/* Copies text into a NUL-padded field, cut where it is too long. */
void sl_words_copy(char *to, size_t size, const char *text);
/*
 * "nvme.admin.sanitize.block-erase (health.policy:12): a rule denies it"; of a row of many opcodes
 * with the one that it was: "nvme.admin.vendor c8h (…"
 */
void sl_words_denial(const struct sl_image *img, const struct sl_verdict *v,
		     const struct sl_command *cmd, char *to, size_t size);
/* "nvme.nvm.read: the device did not answer in time" */
void sl_words_failure(const struct sl_verdict *v, uint32_t error, char *to, size_t size);

#endif
