/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand rules: compiled in under a second of processor time, decided like ten. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/policy.h"

#undef NDEBUG
#include <assert.h>

#define RULES 10000u

static double cpu_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t write_policy(char *buf, size_t size, unsigned rules)
{
	static const char *const commands[] = {"nvme.nvm.read", "nvme.nvm.write", "nvme.nvm.verify",
					       "nvme.admin.get-log-page", "nvme.admin.identify"};
	size_t n = (size_t)snprintf(buf, size, "policy \"large\" version 1\n");

	for (unsigned i = 0; i < rules; i++)
		n += (size_t)snprintf(
			buf + n, size - n,
			"allow uid %u or label \"l%u\": %s where nsid in {%u..%u} and "
			"effects within {none, log, data}\n",
			1000 + i / 10, i / 10, commands[i % 5], i, i + 5);
	return n;
}

int main(void)
{
	static struct sl_policy_messages msgs;
	static char text[RULES * 160];
	size_t n = write_policy(text, sizeof(text), RULES), size;
	double start = cpu_seconds(), took;
	struct sl_identity who = {.uid = 1042, .known = 1};
	static struct sl_contract contract;
	struct sl_policy *policy;
	struct sl_bind bind;
	void *image;
	int r = sl_policy_parse("large", text, n, &msgs, &policy);

	if (r == 0)
		r = sl_policy_compile(policy, &msgs, &image, &size);
	sl_policy_messages_print(&msgs, stderr);
	assert(r == 0);
	took = cpu_seconds() - start;
	if (took >= 1)
		(void)fprintf(stderr, "%.2f s\n", took);
#if !defined(__SANITIZE_ADDRESS__) && defined(__OPTIMIZE__)
	assert(took < 1);
#endif
	/* One client still meets one section. */
	assert(sl_image_bind(image, &who, &contract, "nvme0", 1, &bind) == 0 && bind.n == 1);
	(void)snprintf(who.label, sizeof(who.label), "l7");
	assert(sl_image_bind(image, &who, &contract, "nvme0", 1, &bind) == 0 && bind.n == 2);
	free(image);
	(void)sl_policy_free(policy);
	return 0;
}
