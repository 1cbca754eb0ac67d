/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of a policy as a table that people write (doc/policy-language.md, "Testing a policy"):
 *
 *	device model="INTEL SSDPE2KX040T8" firmware=VDV10131
 *	namespace 2 in-use
 *	declare nvme.admin.vendor opcode=d2h: log
 *	uid:998 door:controller | nvme.admin.get-log-page.smart rae=0 | allow line 12 sent rae=1
 */
#ifndef SL_POLICY_TABLE_TEST_H
#define SL_POLICY_TABLE_TEST_H

#include "policy/policy.h"

struct sl_policy_test_case {
	unsigned line;
	const char *who, *command, *expected; /* as written */
	bool passed;
	char got[200]; /* what was decided, in words */
};

/*
 * Judges every line with both evaluators and tells `each`. 0; -EBADMSG with *reterr when a line
 * cannot be read, -errno when the file cannot.
 */
int sl_policy_table_test(const struct sl_policy *policy, const struct sl_image *img,
			 const char *path,
			 void (*each)(void *userdata, const struct sl_policy_test_case *c),
			 void *userdata, struct sl_diag *reterr);

#endif
