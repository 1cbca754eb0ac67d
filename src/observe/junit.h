/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification found, as JUnit's XML. */
#ifndef SL_OBSERVE_JUNIT_H
#define SL_OBSERVE_JUNIT_H

#include "observe/html.h"

/* 0, or -errno of the first failed write. Flushes, does not close. */
int sl_report_junit(FILE *f, const struct sl_verdicts *v, const struct sl_report_about *about);

#endif
