/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples of doc/policy-language.md compile, and the manual page has every word of the
 * language.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/parse.h"

#undef NDEBUG
#include <assert.h>

#include "spec/names.h"

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1u << 20);
	size_t n;

	assert(f && text);
	n = fread(text, 1, (1u << 20) - 1, f);
	assert(n > 0 && !ferror(f));
	(void)fclose(f);
	return text;
}

static unsigned examples(const char *doc)
{
	unsigned n = 0;

	for (const char *p = doc; (p = strstr(p, "\n```policy\n")); n++) {
		const char *from = p + strlen("\n```policy\n"), *to = strstr(from, "\n```");
		static struct sl_policy_messages msgs;
		struct sl_policy *policy;
		void *image;
		size_t size;

		assert(to);
		memset(&msgs, 0, sizeof(msgs));
		if (sl_policy_parse("example", from, (size_t)(to - from) + 1, &msgs, &policy) < 0 ||
		    sl_policy_compile(policy, &msgs, &image, &size) < 0) {
			sl_policy_messages_print(&msgs, stderr);
			(void)fprintf(stderr, "%.*s\n", (int)(to - from), from);
			abort();
		}
		free(image);
		(void)sl_policy_free(policy);
		p = to;
	}
	return n;
}

int main(int argc, char **argv)
{
	char *doc, *man;
	bool missing = false;

	assert(argc == 3);
	doc = read_all(argv[1]);
	man = read_all(argv[2]);
	assert(examples(doc) >= 8);
	for (const struct sl_word *w = sl_words; w->text; w++)
		if (!strstr(man, w->text)) {
			(void)fprintf(stderr, "%s does not have '%s'\n", argv[2], w->text);
			missing = true;
		}
	for (unsigned e = 0; e < _SL_EFFECT_N; e++)
		if (!strstr(doc, sl_effect_name(e))) {
			(void)fprintf(stderr, "%s does not have '%s'\n", argv[1],
				      sl_effect_name(e));
			missing = true;
		}
	free(doc);
	free(man);
	return missing;
}
