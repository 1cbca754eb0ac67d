/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification found, for people (one screen) and for programs. */
#ifndef SL_OBSERVE_REPORT_H
#define SL_OBSERVE_REPORT_H

#include "base/emit.h"
#include "observe/verify.h"

void sl_report_print(struct sl_emit *e, const struct sl_verdicts *v);
/* What would be sent: phases, for this rig and these options. */
void sl_report_plan(struct sl_emit *e, const struct sl_rig *rig, const struct sl_verify_options *o);

#endif
