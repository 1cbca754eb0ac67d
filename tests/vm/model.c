/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>

#include "nvme.h"
#include "policy/policy.h"

const struct sl_image *model_load(const char *path)
{
	static struct sl_policy_messages msgs;
	struct sl_policy *policy;
	const char *why;
	size_t size;
	void *blob;

	if (sl_policy_load(path, &msgs, &policy) < 0 ||
	    sl_policy_compile(policy, &msgs, &blob, &size) < 0) {
		sl_policy_messages_print(&msgs, stderr);
		die("%s: not a policy", path);
	}
	if (sl_image_check(blob, size, &why) < 0)
		die("%s: %s", path, why);
	return blob;
}

void model_bind(const struct sl_image *img, uint32_t uid, const struct sl_contract *c,
		uint32_t protocol, struct sl_bind *ret)
{
	struct sl_identity who = {.uid = uid, .n_gids = 1, .gids = {uid}, .known = 1};

	if (sl_image_bind(img, &who, c, "device", protocol, ret) < 0)
		die("the policy cannot be bound to the device");
}

const char *model_said(const struct sl_verdict *v)
{
	static char text[160];

	(void)snprintf(text, sizeof(text), "predicted %s (%s, rule %u)",
		       v->allow ? "allow" : "deny", sl_reason_text(v->reason), v->rule);
	return text;
}
