/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker reads a device's contract through its own gate: at the start, and again after a
 * command that may have changed what a verdict is bound to. Clients of that device wait meanwhile.
 */
#ifndef SL_BROKER_SURVEY_H
#define SL_BROKER_SURVEY_H

#include "broker/gate.h"

/* Begins when nothing is in flight at the device. */
void sl_survey_begin(struct sl_gate *g, unsigned device);
/* Sends the next command, or puts the contract to use. */
void sl_survey_step(struct sl_gate *g, unsigned device);
/* The answer to the last one. */
void sl_survey_feed(struct sl_gate *g, unsigned device, const struct sl_io *io);
/* The device does not answer: the contract that is being read is void, and nothing rests on it. */
void sl_survey_abandon(struct sl_gate *g, unsigned device);
/* The launcher's table of trust is another one: the contracts in use are held against it. */
void sl_survey_trust(struct sl_gate *g);

#endif
