/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy that claims to predict the kernel, for the sweeps: loaded, bound to an ordinary user or
 * to root, and asked.
 */
#ifndef SL_TESTS_VM_MODEL_H
#define SL_TESTS_VM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/decide.h"

/* The policy in that file; ends the program with its messages where it is none. */
const struct sl_image *model_load(const char *path);
/* Ends the program where the policy has nothing for that device. `protocol`: enum sl_wire_protocol.
 */
void model_bind(const struct sl_image *img, uint32_t uid, const struct sl_contract *c,
		uint32_t protocol, struct sl_bind *ret);
/* For a message: "predicted allow (…, rule N)". */
const char *model_said(const struct sl_verdict *v);

#endif
