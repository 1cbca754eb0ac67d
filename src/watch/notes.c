/* SPDX-License-Identifier: Apache-2.0 */
/* Notes as files. A note is written beside and renamed into place: it is there whole or not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch/note.h"

static const struct {
	const char *name, *ending;
} states[_SL_NOTE_STATE_N] = {
	[SL_NOTE_COUNTS] = {"counts", ".note"},
	[SL_NOTE_ALERTS] = {"alert", ".alert"},
	[SL_NOTE_CLEARED] = {"cleared", ".cleared"},
};

const char *sl_note_state_name(unsigned state)
{
	return state < _SL_NOTE_STATE_N ? states[state].name : "?";
}

int sl_notes_dir(const char *ledger, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/trust", ledger);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Which state a file's name says; _SL_NOTE_STATE_N: it is no note. */
static unsigned state_of(const char *file)
{
	const char *dot = strrchr(file, '.');
	unsigned i = 0;

	while (i < _SL_NOTE_STATE_N && (!dot || dot == file || strcmp(dot, states[i].ending) != 0))
		i++;
	return i;
}

static int is_note(const struct dirent *d)
{
	return state_of(d->d_name) < _SL_NOTE_STATE_N;
}

static int load(const char *dir, const char *file, struct sl_note *ret, struct sl_diag *reterr)
{
	char text[SL_NOTE_TEXT_MAX], path[4400];
	const char *dot = strrchr(file, '.');
	ssize_t n;
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	n = read(fd, text, sizeof(text));
	r = n < 0 ? -errno : 0;
	close(fd);
	if (r < 0)
		return sl_diag_set(reterr, r, path, 0, 0, "%s", strerror(-r));
	r = sl_note_read(text, (size_t)n, path, ret, reterr);
	ret->state = (uint8_t)state_of(file);
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s", (int)(dot - file), file);
	return r;
}

int sl_notes_load(const char *dir, struct sl_notes *ret, struct sl_diag *reterr)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_note, alphasort), r = 0;

	*ret = (struct sl_notes){0};
	if (n < 0)
		return errno == ENOENT
			       ? 0
			       : sl_diag_set(reterr, -errno, dir, 0, 0, "%s", strerror(errno));
	ret->v = calloc((size_t)n + 1, sizeof(*ret->v));
	if (!ret->v)
		r = sl_diag_set(reterr, -ENOMEM, dir, 0, 0, "out of memory");
	/* One that cannot be read is an error: what it says might be that a device lies. */
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load(dir, list[i]->d_name, &ret->v[ret->n++], reterr);
		free(list[i]);
	}
	free(list);
	if (r < 0)
		sl_notes_done(ret);
	return r;
}

void sl_notes_done(struct sl_notes *n)
{
	free(n->v);
	*n = (struct sl_notes){0};
}

/* The same device, command and kind are the same note. */
static void name(struct sl_note *n)
{
	static const char hex[] = "0123456789abcdef";
	const struct sl_trust_row *r = &n->row;
	char text[512];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;
	int len = snprintf(text, sizeof(text), "%u %u %llx|%s|%s|%s|%s|%s|%s", r->say, r->match,
			   (unsigned long long)r->key, r->vendor, r->model,
			   r->match & SL_TRUST_BY_SERIAL ? r->serial : "",
			   r->match & SL_TRUST_BY_FIRMWARE ? r->firmware : "", n->kind, n->by);

	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)text, (size_t)len);
	if (r->match & SL_TRUST_BY_HASH)
		SHA256Update(&ctx, r->hash, sizeof(r->hash));
	SHA256Final(digest, &ctx);
	for (unsigned i = 0; i < 6; i++) {
		n->name[2 * i] = hex[digest[i] >> 4];
		n->name[2 * i + 1] = hex[digest[i] & 15];
	}
	n->name[12] = '\0';
}

static int path_of(const char *dir, const struct sl_note *n, unsigned state, char *buf, size_t size)
{
	int len = snprintf(buf, size, "%s/%s%s", dir, n->name, states[state].ending);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return -errno;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static unsigned suspects(const struct sl_note *n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n->n_lines; i++)
		found += strncmp(n->line[i], "suspect: ", 9) == 0;
	return found;
}

/*
 * What is found again is told beside the first sight and not in its place, unless it has fewer
 * suspects: after a lie much is not as it was written, and who wrote that last is not who did it.
 */
static void add_to_first(const char *dir, struct sl_note *n)
{
	struct sl_note first;
	char file[sizeof(n->name) + 8];

	(void)snprintf(file, sizeof(file), "%s%s", n->name, states[SL_NOTE_COUNTS].ending);
	if (load(dir, file, &first, NULL) < 0)
		return;
	n->row.observed |= first.row.observed;
	if (suspects(n) < suspects(&first))
		return;
	first.row.observed = n->row.observed;
	if (strcmp(first.command, n->command) != 0)
		sl_note_line(&first, "again", "%s by %s", n->found, n->command);
	*n = first;
}

int sl_note_put(const char *dir, struct sl_note *n, struct sl_diag *reterr)
{
	char text[SL_NOTE_TEXT_MAX], path[4400], tmp[4400], other[4400];
	size_t len;
	bool known;
	int fd, r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return sl_diag_set(reterr, -errno, dir, 0, 0, "%s", strerror(errno));
	name(n);
	r = path_of(dir, n, n->state, path, sizeof(path));
	if (r == 0)
		r = snprintf(tmp, sizeof(tmp), "%s/.new-%d", dir, (int)getpid()) < (int)sizeof(tmp)
			    ? 0
			    : -ENAMETOOLONG;
	/* An operator's word has no evidence, and his last one is meant. */
	if (r == 0 && n->state == SL_NOTE_COUNTS && n->n_lines)
		add_to_first(dir, n);
	len = sl_note_write(n, text);
	if (r < 0 || !len)
		return sl_diag_set(reterr, r < 0 ? r : -ENOMEM, dir, 0, 0, "cannot be kept");
	/* What counts already is not taken back by a second sight that alone would not. */
	if (n->state == SL_NOTE_ALERTS &&
	    path_of(dir, n, SL_NOTE_COUNTS, other, sizeof(other)) == 0 && access(other, F_OK) == 0)
		return 1;
	known = access(path, F_OK) == 0;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sl_diag_set(reterr, -errno, tmp, 0, 0, "%s", strerror(errno));
	r = write_all(fd, text, len);
	close(fd);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(tmp);
		return sl_diag_set(reterr, r, path, 0, 0, "%s", strerror(-r));
	}
	for (unsigned s = 0; s < _SL_NOTE_STATE_N; s++)
		if (s != n->state && path_of(dir, n, s, other, sizeof(other)) == 0)
			(void)unlink(other);
	return known;
}

int sl_note_move(const char *dir, const struct sl_note *n, unsigned state, struct sl_diag *reterr)
{
	char from[4400], to[4400];

	if (path_of(dir, n, n->state, from, sizeof(from)) < 0 ||
	    path_of(dir, n, state, to, sizeof(to)) < 0)
		return sl_diag_set(reterr, -ENAMETOOLONG, dir, 0, 0, "the path is too long");
	if (rename(from, to) < 0)
		return sl_diag_set(reterr, -errno, from, 0, 0, "%s", strerror(errno));
	return 0;
}
