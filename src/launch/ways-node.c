/* SPDX-License-Identifier: Apache-2.0 */
/* Who may open a node or write an attribute: owner, group, mode and access list. */
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/bytes.h"
#include "launch/ways-inside.h"

#define ACL	      "system.posix_acl_access"
#define ACL_ENTRIES   64
#define ACL_USER      0x02
#define ACL_GROUP_OBJ 0x04
#define ACL_GROUP     0x08
#define ACL_MASK      0x10

struct names {
	char *buf;
	size_t size;
};

static void append(struct names *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void append(struct names *n, const char *fmt, ...)
{
	size_t used = strlen(n->buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(n->buf + used, n->size - used, fmt, ap);
	va_end(ap);
}

static void member(struct names *n, const char *name)
{
	if (strcmp(name, "root") != 0)
		append(n, "%s%s", n->buf[0] ? ", " : "", name);
}

/* Listed members, and users whose own group it is. */
static void members(gid_t gid, char *buf, size_t size)
{
	struct names n = {buf, size};
	const struct group *g = getgrgid(gid);
	const struct passwd *p;

	buf[0] = '\0';
	for (char **m = g ? g->gr_mem : NULL; m && *m; m++)
		member(&n, *m);
	setpwent();
	while ((p = getpwent()))
		if (p->pw_gid == gid && p->pw_uid)
			member(&n, p->pw_name);
	endpwent();
}

static const char *group_name(gid_t gid, char *buf, size_t size)
{
	const struct group *g = getgrgid(gid);

	if (g)
		(void)snprintf(buf, size, "%s", g->gr_name);
	else
		(void)snprintf(buf, size, "%u", gid);
	return buf;
}

static const char *user_name(uid_t uid, char *buf, size_t size)
{
	const struct passwd *p = getpwuid(uid);

	if (p)
		(void)snprintf(buf, size, "%s", p->pw_name);
	else
		(void)snprintf(buf, size, "%u", uid);
	return buf;
}

/* "reading", "writing" or both. */
static const char *can(unsigned perm)
{
	return perm & 4 ? perm & 2 ? "reading and writing" : "reading" : "writing";
}

/* What the permissions say, being put together. */
struct judged {
	const struct sl_ways_roots *roots;
	const char *path;
	struct names who, close;
	bool open;
};

static void door(struct judged *j, unsigned perm, const char *who, const char *close)
{
	append(&j->who, "; %s: %s", who, can(perm));
	if (!strstr(j->close.buf, close))
		append(&j->close, "%s%s %s", j->close.buf[0] ? " && " : "", close, j->path);
	j->open = true;
}

/* A group is a door when somebody is in it. */
static void group(struct judged *j, gid_t gid, unsigned perm, const char *close)
{
	char name[64], list[128] = "", text[256];

	if (gid == 0 || !(perm & 6))
		return;
	(j->roots->members ? j->roots->members : members)(gid, list, sizeof(list));
	(void)group_name(gid, name, sizeof(name));
	if (!list[0]) {
		append(&j->who, "; group %s: nobody", name);
		return;
	}
	(void)snprintf(text, sizeof(text), "group %s (%s)", name, list);
	door(j, perm, text, close);
}

/*
 * The entries of an access list that name a user or a group; *group_perm gets those of the owning
 * group, which the mode does not show where there is a list.
 */
static void access_list(struct judged *j, unsigned *group_perm)
{
	uint8_t raw[4 + 8 * ACL_ENTRIES];
	ssize_t size = getxattr(j->path, ACL, raw, sizeof(raw));
	unsigned mask = 7;
	char name[64], text[96];

	for (ssize_t at = 4; at + 8 <= size; at += 8)
		if (sl_get_le16(raw + at) == ACL_MASK)
			mask = sl_get_le16(raw + at + 2);
	for (ssize_t at = 4; at + 8 <= size; at += 8) {
		unsigned perm = sl_get_le16(raw + at + 2) & mask & 6;
		uint32_t id = sl_get_le32(raw + at + 4);

		switch (sl_get_le16(raw + at)) {
		case ACL_GROUP_OBJ:
			*group_perm = perm;
			break;
		case ACL_GROUP:
			group(j, id, perm, "setfacl -b");
			break;
		case ACL_USER:
			if (!id || !perm)
				break;
			(void)snprintf(text, sizeof(text), "user %s by access list",
				       user_name(id, name, sizeof(name)));
			door(j, perm, text, "setfacl -b");
			break;
		}
	}
}

void sl_way_permissions(struct sl_looking *l, unsigned device, enum sl_way_kind kind,
			const char *path, const char *said)
{
	char who[256] = "", close[512] = "", user[64], grp[64], text[96];
	struct judged j = {.roots = l->roots,
			   .path = path,
			   .who = {who, sizeof(who)},
			   .close = {close, sizeof(close)}};
	unsigned group_perm, sees = kind == SL_WAY_SYSFS ? 2 : 6;
	struct sl_way *way;
	struct stat st;

	if ((l->roots->stat ? l->roots->stat : stat)(path, &st) < 0)
		return;
	group_perm = st.st_mode >> 3 & sees;
	/* What was not reachable through the mode is not worth a line: sysfs is full of it. */
	if (kind == SL_WAY_SYSFS && !(st.st_mode & 0222))
		return;
	append(&j.who, "%s%s:%s %04o", said, user_name(st.st_uid, user, sizeof(user)),
	       group_name(st.st_gid, grp, sizeof(grp)), (unsigned)st.st_mode & 07777);
	access_list(&j, &group_perm);
	if (st.st_uid && st.st_mode >> 6 & sees) {
		(void)snprintf(text, sizeof(text), "owner %s", user);
		door(&j, st.st_mode >> 6 & sees, text, "chown root");
	}
	group(&j, st.st_gid, group_perm & sees, "chgrp root");
	if (st.st_mode & sees)
		door(&j, st.st_mode & sees, "everybody", "chmod o-rwx");
	way = sl_way_add(l, device, kind, j.open, path);
	if (!way)
		return;
	(void)snprintf(way->text, sizeof(way->text), "%s", who);
	(void)snprintf(way->close, sizeof(way->close), "%s", close);
}
