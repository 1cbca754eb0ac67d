/* SPDX-License-Identifier: Apache-2.0 */
/* Every shipped policy compiles without a doubt and passes its own table of tests. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "policy/table-test.h"

#undef NDEBUG
#include <assert.h>

static unsigned cases, failures;
static const char *current;

static void each(void *userdata, const struct sl_policy_test_case *c)
{
	(void)userdata;
	cases++;
	if (c->passed)
		return;
	failures++;
	(void)fprintf(stderr, "%s.test:%u: %s | %s | %s: got %s\n", current, c->line, c->who,
		      c->command, c->expected, c->got);
}

static void one(const char *path)
{
	struct sl_policy_messages msgs = {0};
	struct sl_policy *policy;
	struct sl_diag d = {0};
	char test[4096];
	void *image, *again;
	size_t size, size2;
	unsigned before = cases;

	current = path;
	if (sl_policy_load(path, &msgs, &policy) < 0 ||
	    sl_policy_compile(policy, &msgs, &image, &size) < 0) {
		sl_policy_messages_print(&msgs, stderr);
		assert(0 && "a shipped policy does not compile");
	}
	sl_policy_lint(policy, &msgs);
	sl_policy_messages_print(&msgs, stderr);
	assert(msgs.n == 0);
	/* The same rules give the same bytes. */
	assert(sl_policy_compile(policy, &msgs, &again, &size2) == 0);
	assert(size == size2 && memcmp(image, again, size) == 0);
	(void)snprintf(test, sizeof(test), "%s.test", path);
	if (sl_policy_table_test(policy, image, test, each, NULL, &d) < 0) {
		char text[1024];

		(void)fprintf(stderr, "%s\n", sl_diag_str(&d, text, sizeof(text)));
		failures++;
	}
	assert(cases > before || failures);
	free(image);
	free(again);
	(void)sl_policy_free(policy);
}

int main(int argc, char **argv)
{
	char pattern[4096];
	glob_t g;

	assert(argc == 2);
	(void)snprintf(pattern, sizeof(pattern), "%s/*.policy", argv[1]);
	assert(glob(pattern, 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		one(g.gl_pathv[i]);
	globfree(&g);
	return failures != 0;
}
