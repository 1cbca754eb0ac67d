/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command explained: what every field says, what it can do and who says so, which rule decided,
 * and what would allow it. Judges with the core itself, never with rules of its own.
 */
#ifndef SL_CLI_EXPLAIN_H
#define SL_CLI_EXPLAIN_H

#include "base/emit.h"
#include "cli/gate.h"
#include "core/decide.h"

struct sl_question {
	const struct sl_compiled *policy;
	const struct sl_identity *who;
	const struct sl_contract *contract;
	const char *device;    /* its name, as policies see it */
	struct sl_command cmd; /* as requested */
	const uint8_t *data;   /* cmd.data_len bytes when it goes out */
	const char *assumed;   /* what was not known and is assumed; NULL */
};

/* Does the device speak another protocol than the command is of? */
bool sl_question_foreign(const struct sl_question *q);
/* Judges cmd, which is normalised in place. -E2BIG: too many rules apply to this client. */
int sl_question_judge(const struct sl_question *q, const struct sl_image *img,
		      struct sl_command *cmd, struct sl_verdict *ret);
/* Prints the whole answer. 0 or -errno; *ret_verdict is the verdict. */
int sl_question_answer(const struct sl_question *q, struct sl_emit *e,
		       struct sl_verdict *ret_verdict);

/* Parts, also for `explain --last`. */
void sl_explain_fields(struct sl_emit *e, const struct sl_command *asked,
		       const struct sl_command *final);
/* Fields of the payload; nothing where there are none within its `len` bytes. */
void sl_explain_payload(struct sl_emit *e, const struct sl_command *asked, const uint8_t *data,
			size_t len);
/* The blocks that descriptors of the payload name: a fence looks at each. */
void sl_explain_blocks(const struct sl_question *q, struct sl_emit *e,
		       const struct sl_command *final, const struct sl_facts *f);
void sl_explain_effects(struct sl_emit *e, const struct sl_facts *f);
/* The lines of a rule, from its file, as far as it can be read. */
void sl_explain_rule(struct sl_emit *e, const char *file, unsigned line);

/* Is it a rule's matter, and not one that no policy can overrule? */
bool sl_reason_is_policy(uint8_t reason);
/* remedies.c: what would have to change. */
void sl_explain_remedies(const struct sl_question *q, struct sl_emit *e,
			 const struct sl_command *final, const struct sl_verdict *v);

#endif
