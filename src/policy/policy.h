/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy language: text → rules → image, and the tools around it. doc/policy-language.md
 * teaches the language. This is for launchers and the command line: it allocates, it parses text,
 * and the trusted process never links it; that one reads only the image (core/image.h).
 */
#ifndef SL_POLICY_POLICY_H
#define SL_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/diag.h"
#include "core/decide.h"
#include "core/image.h"

#define SL_POLICY_MESSAGES 20	      /* kept per run; further ones are only counted */
#define SL_POLICY_TEXT_MAX (8u << 20) /* bytes of one source file */

struct sl_policy; /* the rules as they were written; policy/ast.h */
struct sl_emit;

/* What was wrong or doubtful, in the order it was found. Initialise with {0}. */
struct sl_policy_message {
	struct sl_diag diag;
	bool warning;
	char source[160]; /* the line it is about, for a caret below; "" */
};

struct sl_policy_messages {
	struct sl_policy_message m[SL_POLICY_MESSAGES];
	unsigned n;	 /* kept */
	unsigned errors; /* seen, also those not kept */
	unsigned warnings;
};

/* Prints every message with its source line and a caret under the column. */
void sl_policy_messages_print(const struct sl_policy_messages *msgs, FILE *out);

/*
 * A policy's file from what a person gave: a path, or the name of a shipped or site policy.
 * 0 or -errno (-ENOENT: there is none).
 */
int sl_policy_find(const char *name, char *buf, size_t size);

/*
 * Reads a policy with its includes. 0; -EBADMSG when messages has errors (then *ret_policy is NULL:
 * no policy is ever partly loaded); another -errno when the file could not be read (also a
 * message).
 */
int sl_policy_load(const char *path, struct sl_policy_messages *msgs,
		   struct sl_policy **ret_policy);
/* The same from memory; `name` stands for the file in messages, includes are relative to it. */
int sl_policy_parse(const char *name, const char *text, size_t size,
		    struct sl_policy_messages *msgs, struct sl_policy **ret_policy);
struct sl_policy *sl_policy_free(struct sl_policy *policy);

const char *sl_policy_name(const struct sl_policy *policy);

/*
 * Compiles to an image that sl_image_check accepts; the same rules give the same bytes. The caller
 * frees *ret_image. 0, -EBADMSG with messages, -ENOMEM. Lints are warnings.
 */
int sl_policy_compile(const struct sl_policy *policy, struct sl_policy_messages *msgs,
		      void **ret_image, size_t *ret_size);

/* Warnings about rules that do nothing, names that nobody uses and the like. */
void sl_policy_lint(const struct sl_policy *policy, struct sl_policy_messages *msgs);

/* Disassembles a checked image: who, where, rows, rules and conditions. */
void sl_policy_show(const struct sl_image *img, struct sl_emit *e);

/* A device as a policy sees it, beside its contract. */
struct sl_policy_device {
	const char *name;
	uint32_t protocol; /* enum sl_wire_protocol */
};

/*
 * The slow evaluator: the verdict straight from the rules, sharing no table with the compiler.
 * Normalises *cmd as sl_judge does. verdict.rule is the ordinal of the rule as written + 1;
 * sl_policy_rule_place gives its file and line.
 */
void sl_slow_judge(const struct sl_policy *policy, const struct sl_identity *who,
		   const struct sl_policy_device *device, const struct sl_contract *contract,
		   struct sl_command *cmd, const uint8_t *data, uint64_t now,
		   struct sl_verdict *ret);
/* File and line of a rule as written, by ordinal. Returns the file; NULL past the end. */
const char *sl_policy_rule_place(const struct sl_policy *policy, uint32_t ordinal,
				 unsigned *ret_line);

#endif
