/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of a persona at work: which of them a command, a reset or the time fires, and what their
 * actions do to the device's state and to the answer. The state itself is the engine's: everything
 * goes through model.h, by name. No clock, no I/O, no randomness but sl_model_random: the same
 * commands at the same times give the same device.
 *
 * The engine calls, in this order:
 *   sl_model_new:      sl_behave_new, and at its end sl_behave_trigger(START)
 *   each advance:      sl_behave_tick; sl_behave_next is when it wants the next one
 *   each command:      sl_behave_before -> execute unless req->answered -> sl_behave_after,
 *                      except for commands with req->internal set: a rule runs those
 *   reset, power off:  sl_behave_trigger(RESET or POWER), after the engine's own part
 */
#ifndef SL_MODEL_BEHAVE_H
#define SL_MODEL_BEHAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "model/persona.h"

struct sl_behave;

/* Persona and model must outlive it. 0 or -ENOMEM. */
int sl_behave_new(const struct sl_persona *p, struct sl_model *m, struct sl_behave **ret);
struct sl_behave *sl_behave_free(struct sl_behave *b);

/*
 * Before execution: req is decoded, OUT data is there. May set answered (with status 0 or its own:
 * the command is dropped, or it is a vendor command whose answer is filled in), hang, delay_ms.
 */
void sl_behave_before(struct sl_behave *b, struct sl_model_req *req);
/*
 * After execution, before completion: status, result, data and ret_len are what the engine made of
 * the command; rules may change all of them (ret_len > data_len is an overrun), and set hang or
 * delay_ms. Called for answered commands too, not for those that hang already.
 */
void sl_behave_after(struct sl_behave *b, struct sl_model_req *req);

/* SL_TRIGGER_START, _RESET, _POWER. Power implies reset: call it once, with POWER. */
void sl_behave_trigger(struct sl_behave *b, enum sl_trigger t);

/* Time rules, deferred actions, drift. */
void sl_behave_tick(struct sl_behave *b);
/* Model time at which _tick has something to do next; UINT64_MAX: never by itself. */
uint64_t sl_behave_next(const struct sl_behave *b);

/* True while a rule has made the device deaf: no command completes until reset or power cycle. */
bool sl_behave_dead(const struct sl_behave *b);

#endif
