/* SPDX-License-Identifier: Apache-2.0 */
/* Between the lints of the protocols. Not for anybody else. */
#ifndef SL_CONTRACT_LINT_FIND_H
#define SL_CONTRACT_LINT_FIND_H

#include "contract/lint.h"

struct lint {
	const struct sl_doc *doc;
	const struct sl_contract *c;
	struct sl_findings *out;
	struct sl_finding scratch;
	int error;
};

/* A finding to fill in further; never NULL (a scratch one when memory is short). */
struct sl_finding *sl_lint_find(struct lint *l, unsigned id, const struct sl_entry *e);

/* One entry of REPORT SUPPORTED OPERATION CODES, of a Command Effects Log; all features. */
void sl_lint_scsi(struct lint *l, const struct sl_entry *e);
void sl_lint_cxl(struct lint *l, const struct sl_entry *e);
void sl_lint_features(struct lint *l);

#endif
