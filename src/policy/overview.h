/* SPDX-License-Identifier: Apache-2.0 */
/* What a difference between two policies comes to: a line for each client, node and gravest effect.
 */
#ifndef SL_POLICY_OVERVIEW_H
#define SL_POLICY_OVERVIEW_H

#include "policy/analyse.h"
#include "policy/domain.h"

struct sl_overview;

struct sl_overview *sl_overview_new(void);
struct sl_overview *sl_overview_free(struct sl_overview *o);
/* A point of the row in hand, which one of the policies allows by this floor and the other not. */
void sl_overview_point(struct sl_overview *o, const struct sl_domain *d, uint32_t n,
		       const struct sl_point *p, bool gained, sl_effects floor);
/* The row has no more points. */
void sl_overview_row(struct sl_overview *o, const struct sl_domain *d, uint32_t kind);
/* What was lost first; by protocol and node, the gravest first. */
void sl_overview_tell(struct sl_overview *o, const struct sl_kind *kinds, sl_policy_line_fn line,
		      void *userdata);

#endif
