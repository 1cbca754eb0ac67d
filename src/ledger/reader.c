/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NUMBER_MAX 64	/* highest N of ledger-N.slg */
#define OPEN_MAX   4096 /* intents under way at once: far more than a broker has slots */

struct sl_ledger_reader {
	FILE *f;
	char path[4096];
	uint64_t n; /* records read */
	uint32_t check;
	uint64_t unresolved; /* intents that an earlier broker left open */
	uint64_t unheld;     /* open intents beyond those in open[]: counted, not told apart */
	uint32_t n_open;
	uint64_t open[OPEN_MAX];
};

static const char *const type_names[_SL_RECORD_N] = {
	[SL_RECORD_START] = "start",	 [SL_RECORD_INTENT] = "intent",
	[SL_RECORD_OUTCOME] = "outcome", [SL_RECORD_DENIAL] = "denial",
	[SL_RECORD_GAP] = "gap",	 [SL_RECORD_CONTRACT] = "contract",
};

const char *sl_record_type_name(unsigned type)
{
	return type < _SL_RECORD_N ? type_names[type] : NULL;
}

int sl_ledger_reader_new(const char *path, struct sl_ledger_reader **ret, struct sl_diag *reterr)
{
	struct sl_ledger_reader *r = calloc(1, sizeof(*r));
	struct stat st;

	if (!r)
		return sl_diag_set(reterr, -ENOMEM, path, 0, 0, "out of memory");
	(void)snprintf(r->path, sizeof(r->path), "%s", path);
	r->f = fopen(path, "re");
	if (!r->f || fstat(fileno(r->f), &st) < 0) {
		int e = errno;

		sl_ledger_reader_free(r);
		return sl_diag_set(reterr, -e, path, 0, 0, "%s", strerror(e));
	}
	if (!S_ISREG(st.st_mode)) {
		sl_ledger_reader_free(r);
		return sl_diag_set(reterr, -EINVAL, path, 0, 0, "not a regular file");
	}
	*ret = r;
	return 0;
}

struct sl_ledger_reader *sl_ledger_reader_free(struct sl_ledger_reader *r)
{
	if (r && r->f)
		(void)fclose(r->f);
	free(r);
	return NULL;
}

static int broken(const struct sl_ledger_reader *r, struct sl_diag *reterr, const char *why)
{
	return sl_diag_set(reterr, -EBADMSG, r->path, 0, 0, "record %llu: %s",
			   (unsigned long long)r->n + 1, why);
}

/* Text from a file is not believed to end. */
static bool ends(const char *s, size_t n)
{
	return memchr(s, '\0', n) != NULL;
}

/* An outcome closes its intent. false: there is no such intent under way. */
static bool match(struct sl_ledger_reader *r, const struct sl_record *rec)
{
	if (rec->type == SL_RECORD_START) {
		r->unresolved += r->n_open + r->unheld; /* another broker: they stay open */
		r->n_open = 0;
		r->unheld = 0;
		return true;
	}
	if (rec->type == SL_RECORD_INTENT) {
		if (r->n_open < OPEN_MAX)
			r->open[r->n_open++] = rec->seq;
		else
			r->unheld++;
		return true;
	}
	/* 0: the intent could not be recorded, and a gap says so. */
	if (rec->type != SL_RECORD_OUTCOME || !rec->of)
		return true;
	for (uint32_t i = 0; i < r->n_open; i++)
		if (r->open[i] == rec->of) {
			r->open[i] = r->open[--r->n_open];
			return true;
		}
	if (!r->unheld || rec->of > r->n)
		return false;
	r->unheld--;
	return true;
}

int sl_ledger_reader_next(struct sl_ledger_reader *r, struct sl_record *ret, struct sl_diag *reterr)
{
	size_t n = fread(ret, 1, sizeof(*ret), r->f);

	if (n != sizeof(*ret) && ferror(r->f))
		return sl_diag_set(reterr, -EIO, r->path, 0, 0, "%s", strerror(errno));
	if (n == 0)
		return 0;
	if (n != sizeof(*ret))
		return broken(r, reterr, "torn: the file ends inside it");
	if (ret->magic != SL_LEDGER_MAGIC)
		return broken(r, reterr, "not a ledger record");
	if (ret->version != SL_LEDGER_VERSION)
		return broken(
			r, reterr,
			"written by another version of sluice, which can read it: move it away");
	if (ret->check != sl_record_check(r->check, ret))
		return broken(r, reterr,
			      "its checksum does not fit: it or one before it was changed, or one "
			      "is missing");
	if (ret->seq != r->n + 1)
		return broken(r, reterr, "its number is not the next one");
	if (!sl_record_type_name(ret->type) || !ends(ret->device, sizeof(ret->device)) ||
	    !ends(ret->text, sizeof(ret->text)))
		return broken(r, reterr, "a field holds what no broker writes");
	if (!match(r, ret))
		return broken(r, reterr, "an outcome without its intent");
	r->n++;
	r->check = ret->check;
	return 1;
}

uint64_t sl_ledger_reader_open_intents(const struct sl_ledger_reader *r)
{
	return r->unresolved + r->n_open + r->unheld;
}

int sl_ledger_files(const char *dir, int (*fn)(void *arg, const char *path), void *arg)
{
	struct stat st;
	bool any = false;
	int r = 0;

	if (stat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return fn(arg, dir);
	for (unsigned i = 1; r == 0 && i <= NUMBER_MAX; i++) {
		char path[4200];

		if (i == 1)
			(void)snprintf(path, sizeof(path), "%s/%s", dir, SL_LEDGER_FILE);
		else
			(void)snprintf(path, sizeof(path), "%s/ledger-%u.slg", dir, i);
		if (stat(path, &st) < 0) {
			if (errno != ENOENT)
				return -errno;
			continue;
		}
		any = true;
		r = fn(arg, path);
	}
	return any ? r : -ENOENT;
}
