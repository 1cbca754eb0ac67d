/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the compiler: lower.c makes conditions, limits.c finds conflicts, compile.c the image.
 */
#ifndef SL_POLICY_COMPILE_H
#define SL_POLICY_COMPILE_H

#include "policy/ast.h"
#include "policy/pool.h"

/* Where an image rule came from and which rows it is for. */
struct sl_out_rule {
	const struct sl_rule_def *def;
	const uint32_t *rows;
	uint32_t sets;	  /* first of its assignments: equal runs are one */
	uint32_t section; /* first in section_of */
	uint32_t n_sections;
};

struct sl_compiler {
	const struct sl_policy *policy;
	struct sl_policy_messages *msgs;
	struct sl_arena arena;
	struct sl_pool who, where, sections, rules, conds, bitmaps, strings;
	struct sl_pool set_runs;   /* assignments alone, to compare normalisers */
	struct sl_pool out;	   /* struct sl_out_rule, beside rules */
	struct sl_pool section_of; /* uint32_t: the sections of each rule */
	struct sl_pool pages, cands, page_index;
};

struct sl_cond_list {
	uint32_t n;
	bool too_many;
	struct sl_cond c[SL_CONDS_MAX];
};

/*
 * The conditions of one conjunction on rows that agree about its fields (`row` is one of them), as
 * alternatives. -EBADMSG with a message at `at`.
 */
int sl_lower(struct sl_compiler *c, struct sl_place at, const struct sl_all *all, uint16_t row,
	     uint32_t *ret_n, struct sl_cond_list **ret);

/* What the fast evaluator could not keep within its bounds, or not decide one way only. */
int sl_limit_binds(struct sl_compiler *c);
int sl_limit_normalisers(struct sl_compiler *c);

#endif
