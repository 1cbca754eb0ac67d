/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds a declaration against the specification and against our floor, and names every discrepancy.
 * It judges what the device says, not what it does: that is the verifier's.
 */
#ifndef SL_CONTRACT_LINT_H
#define SL_CONTRACT_LINT_H

#include <stddef.h>
#include <stdint.h>

#include "contract/doc.h"
#include "contract/entry.h"

/*
 * LINT(ID, "id", severity, what is wrong, why it matters). An error: somebody who believes the
 * declaration is harmed. A warning: it says less than is known. A note: odd, and harmless.
 */
#define SL_LINTS(LINT)                                                                             \
	LINT(NO_CONTRACT, "no-contract", ERROR, "nothing that the device declares can be used",    \
	     "every command counts as unknown")                                                    \
	LINT(FLAW, "flaw", WARNING, "the logs are not as the specification describes them",        \
	     "what is malformed is not believed")                                                  \
	LINT(RESERVED, "reserved-bits", ERROR, "a reserved bit or value is set",                   \
	     "it cannot be known what is meant: the command counts as unknown")                    \
	LINT(UNSUPPORTED, "effects-without-support", ERROR,                                        \
	     "effects are declared of a command that is not supported",                            \
	     "one of the two is wrong: the command counts as unknown")                             \
	LINT(CONTRADICTS, "contradiction", ERROR, "the logs of two command sets disagree",         \
	     "one of the two is wrong: the command counts as unknown")                             \
	LINT(MISSING_DATA, "missing-data", ERROR, "user data can change, undeclared",              \
	     "an operating system keeps its caches, and a policy lets it pass as harmless")        \
	LINT(MISSING_INVENTORY, "missing-inventory", ERROR,                                        \
	     "namespaces can appear or disappear, undeclared",                                     \
	     "the host does not scan again and works with namespaces that are gone")               \
	LINT(MISSING_CAPABILITY, "missing-capability", ERROR,                                      \
	     "capabilities can change, undeclared",                                                \
	     "the host goes on with the old block size or features")                               \
	LINT(MISSING_SOME, "missing-in-some-forms", WARNING,                                       \
	     "some forms of the command do more than is declared",                                 \
	     "the declaration is per opcode: it has to cover every form")                          \
	LINT(SILENT, "declares-nothing", WARNING, "it changes state and declares no effect",       \
	     "no effect is both harmless and forgotten: it cannot be told which")                  \
	LINT(SILENT_MINOR, "declares-nothing-minor", NOTE,                                         \
	     "it changes state for which the log has no bit",                                      \
	     "no effect is both harmless and forgotten: it cannot be told which")                  \
	LINT(VENDOR_SILENT, "vendor-declares-nothing", NOTE,                                       \
	     "a vendor command declares no effect",                                                \
	     "nothing but the device's word says that it is harmless")                             \
	LINT(NOT_EXCLUSIVE, "missing-exclusion", WARNING,                                          \
	     "commands beside it are at risk, and no exclusion is declared",                       \
	     "what runs beside it may fail or read what is half changed")                          \
	LINT(EXCLUSIVE_READ, "needless-exclusion", NOTE,                                           \
	     "a command that changes nothing demands to run alone",                                \
	     "who obeys it stops all other work for a read")                                       \
	LINT(OVER, "declares-more", NOTE, "it declares effects that it cannot have",               \
	     "safe to believe, but it is refused where it could be allowed")                       \
	LINT(UNKNOWN_OPCODE, "unknown-opcode", WARNING,                                            \
	     "supported, and in no specification of its command set", "it counts as unknown")      \
	LINT(REQUIRED, "required-unlisted", ERROR,                                                 \
	     "the specification requires it, and it is not listed",                                \
	     "either it is missing or the log is not complete")                                    \
	LINT(PAIR, "half-of-a-pair", WARNING, "it is listed without the command it belongs to",    \
	     "either one is missing or the log is not complete")                                   \
	LINT(FEATURE, "feature-exceeds-command", ERROR,                                            \
	     "a feature declares an effect that Set Features does not",                            \
	     "who reads only the effects log is misled")                                           \
	LINT(LOG_LIST, "log-not-listed", ERROR,                                                    \
	     "the supported-log list denies a log that was read", "one of the two logs is wrong")  \
	LINT(OTHER_LAYOUT, "other-layout", ERROR,                                                  \
	     "an effect word that makes sense only in another layout of its bits",                 \
	     "who reads it as specified believes other effects than were meant")                   \
	LINT(BACKGROUND_ONLY, "background-only", WARNING,                                          \
	     "of all that it changes it declares that work goes on, and no more",                  \
	     "a policy that looks for changes finds none")                                         \
	LINT(MISSING_EFFECT, "missing-effect", WARNING,                                            \
	     "it changes what the log has a bit for, and the bit is not set",                      \
	     "a policy that rests on the declaration lets it pass as less than it is")             \
	LINT(NARROW, "narrow-scope", WARNING, "it reaches further than is declared",               \
	     "what belongs to others is changed as if it were one's own")                          \
	LINT(NO_SCOPE, "no-scope", NOTE, "it declares effects and no scope",                       \
	     "its effects count for the whole device")

enum sl_lint_severity { SL_LINT_NOTE, SL_LINT_WARNING, SL_LINT_ERROR, _SL_LINT_SEVERITY_N };

enum sl_lint_id {
#define LINT(id, name, severity, text, why) SL_LINT_ID_##id,
	SL_LINTS(LINT)
#undef LINT
		_SL_LINT_ID_N
};

struct sl_lint_rule {
	const char *id;
	uint8_t severity; /* enum sl_lint_severity */
	const char *text, *why;
};

extern const struct sl_lint_rule sl_lint_rules[_SL_LINT_ID_N];
const char *sl_lint_severity_name(unsigned severity);

struct sl_finding {
	uint8_t id;   /* enum sl_lint_id */
	bool has_key; /* else it is about the whole contract */
	uint64_t key;
	uint32_t raw;
	uint8_t source; /* enum sl_source of the word */
	sl_effects declared;
	sl_effects floor; /* of all forms together */
	uint32_t bits;	  /* of the declaration word that are missing or too many */
	char detail[160]; /* what exactly; "" */
	const char *spec;
};

#define SL_FINDINGS_MAX 4096

struct sl_findings {
	size_t n, cap;
	struct sl_finding *v; /* errors first, then in the order of the keys */
	size_t count[_SL_LINT_SEVERITY_N];
};

/* 0 or -ENOMEM. Free with sl_findings_done. */
int sl_lint(const struct sl_doc *d, struct sl_findings *ret);
void sl_findings_done(struct sl_findings *f);

#endif
