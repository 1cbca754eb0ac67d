/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text: either it is refused with a message, or it compiles to an image that the core accepts.
 * It includes no file: an include would make the input depend on the machine.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_policy_messages msgs;
	struct sl_policy *policy;
	void *image;
	const char *why;
	size_t n;

	memset(&msgs, 0, sizeof(msgs));
	if (size > 65536 || memmem(data, size, "include", 7))
		return 0;
	if (sl_policy_parse("fuzz.policy", (const char *)data, size, &msgs, &policy) < 0) {
		if (!msgs.errors || policy)
			abort();
		return 0;
	}
	if (sl_policy_compile(policy, &msgs, &image, &n) < 0) {
		if (!msgs.errors || image)
			abort();
	} else {
		if (sl_image_check(image, n, &why) < 0)
			abort();
		free(image);
	}
	sl_policy_lint(policy, &msgs);
	(void)sl_policy_free(policy);
	return 0;
}
