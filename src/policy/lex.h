/* SPDX-License-Identifier: Apache-2.0 */
/* Words, numbers and signs of a policy text. Knows no meaning. */
#ifndef SL_POLICY_LEX_H
#define SL_POLICY_LEX_H

#include "policy/ast.h"

enum sl_token_kind {
	SL_TOK_END,  /* of the text */
	SL_TOK_WORD, /* letters, digits and - _ . * */
	SL_TOK_NUMBER,
	SL_TOK_DATE, /* YYYY-MM-DD; value: seconds since the epoch at its start, UTC */
	SL_TOK_STRING,
	SL_TOK_SIGN, /* text is one of = != < <= > >= { } [ ] ( ) : , .. */
	SL_TOK_BAD,  /* a message has been given */
};

struct sl_token {
	enum sl_token_kind kind;
	bool first; /* on its line: a statement may begin here */
	struct sl_place at;
	const char *text; /* in the source; for strings without the quotes */
	size_t len;
	uint64_t value;
};

struct sl_lexer {
	const struct sl_text *source;
	struct sl_policy_messages *msgs;
	const char *p, *end, *line_start;
	unsigned line;
	bool first;
};

void sl_lexer_init(struct sl_lexer *l, const struct sl_text *source,
		   struct sl_policy_messages *msgs);
void sl_lexer_next(struct sl_lexer *l, struct sl_token *ret);

#endif
