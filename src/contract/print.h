/* SPDX-License-Identifier: Apache-2.0 */
/* The four views of a contract, for people and as JSON. Each fills one object of the emitter. */
#ifndef SL_CONTRACT_PRINT_H
#define SL_CONTRACT_PRINT_H

#include "base/emit.h"
#include "contract/doc.h"
#include "contract/lint.h"

/* Identity, flaws, namespaces, and one line per declared command. */
void sl_print_show(struct sl_emit *e, const struct sl_doc *d);
/* Findings, errors first, and how many of each. */
void sl_print_lint(struct sl_emit *e, const struct sl_doc *d, const struct sl_findings *f);
/* What two contracts declare differently. Returns the number of differences. */
size_t sl_print_diff(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b);
/* What NVMe's logs cannot say, of the commands in `d` or (NULL) of all. */
void sl_print_gaps(struct sl_emit *e, const struct sl_doc *d);
/* The lint rules themselves. */
void sl_print_rules(struct sl_emit *e);

#endif
