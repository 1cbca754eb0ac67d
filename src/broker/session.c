/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients. What a client sends is hostile until sl_wire_check() has passed it; one malformed packet
 * and the client is dropped, nobody else notices.
 */
#include "broker/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a type of message needs and who answers it. A row missing is a message that no client sends.
 */
typedef int (*message_fn)(struct sl_gate *g, int session, const void *msg);

static int on_hello(struct sl_gate *g, int session, const void *msg)
{
	struct sl_session *s = &g->sessions[session];

	s->greeted = true;
	return sl_wire_answer_hello(s->fd, msg, (uint16_t)g->n_devices, SL_WIRE_DATA_MAX);
}

static int on_query(struct sl_gate *g, int session, const void *msg)
{
	const struct sl_wire_head *h = msg;
	struct sl_wire_device d = {.head = {.type = SL_WIRE_DEVICE, .tag = h->tag}};

	if (h->tag >= g->n_devices)
		return -EBADMSG;
	d.protocol = (uint8_t)g->devices[h->tag].protocol;
	d.type = g->devices[h->tag].dev->type;
	d.max_transfer = g->devices[h->tag].dev->max_transfer;
	memcpy(d.name, g->devices[h->tag].name, sizeof(d.name));
	return sl_wire_send(g->sessions[session].fd, &d, sizeof(d), NULL, 0);
}

static int on_command(struct sl_gate *g, int session, const void *msg)
{
	sl_gate_command(g, session, msg);
	return 0;
}

static int on_detach(struct sl_gate *g, int session, const void *msg)
{
	sl_gate_detach(g, session, ((const struct sl_wire_head *)msg)->tag);
	return 0;
}

static const struct {
	message_fn fn;
	bool before_greeting;
} messages[_SL_WIRE_TYPE_N] = {
	[SL_WIRE_HELLO] = {on_hello, true},
	[SL_WIRE_QUERY] = {on_query, false},
	[SL_WIRE_COMMAND] = {on_command, false},
	[SL_WIRE_DETACH] = {on_detach, false},
};

static bool same_user(const struct sl_user *u, const struct sl_identity *who)
{
	return u->uid == who->uid && u->known == who->known &&
	       strncmp(u->label, who->label, SL_LABEL_MAX - 1) == 0;
}

/* The account of an identity; there is always a free one. */
static int user_of(struct sl_gate *g, const struct sl_identity *who)
{
	int spare = -1;

	for (int i = 0; i < (int)SL_USERS_MAX; i++) {
		struct sl_user *u = &g->users[i];

		if (!u->sessions && !u->slots)
			spare = i;
		else if (same_user(u, who))
			return i;
	}
	g->users[spare] = (struct sl_user){.uid = who->uid, .known = who->known};
	memcpy(g->users[spare].label, who->label, SL_LABEL_MAX - 1);
	return spare;
}

int sl_session_add(struct sl_gate *g, int fd, const struct sl_identity *who)
{
	int size = 2 * (int)SL_WIRE_MSG_MAX;
	int user = user_of(g, who);
	bool room = g->users[user].sessions < SL_USER_SESSIONS_MAX;

	for (unsigned i = 0; room && i < SL_SESSIONS_MAX; i++) {
		struct sl_session *s = &g->sessions[i];

		/* A slot of a client that left may still point here: its index is not given anew.
		 */
		if (s->fd >= 0 || s->slots)
			continue;
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			break;
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		*s = (struct sl_session){
			.fd = fd, .user = user, .id = ++g->sessions_seen, .who = *who};
		s->who.label[SL_LABEL_MAX - 1] = '\0';
		g->users[user].sessions++;
		if (g->sessions_high <= i)
			g->sessions_high = i + 1;
		return 0;
	}
	close(fd);
	return -EMFILE;
}

/* Who the peer is, as the kernel says it. Not known: allow rules that ask do not match. */
static void identify(int fd, struct sl_identity *ret)
{
	struct ucred u;
	socklen_t n = sizeof(u);
	gid_t gids[SL_GIDS_MAX];
	socklen_t gn = sizeof(gids);

	*ret = (struct sl_identity){0};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) < 0)
		return;
	/* More groups than we hold is ERANGE: then we do not know, rather than know in part. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &gn) < 0)
		return;
	ret->uid = u.uid;
	ret->gids[ret->n_gids++] = u.gid;
	for (unsigned i = 0; i < gn / sizeof(gids[0]) && ret->n_gids < SL_GIDS_MAX; i++)
		ret->gids[ret->n_gids++] = gids[i];
	ret->known = gn / sizeof(gids[0]) < SL_GIDS_MAX;
}

int sl_session_accept(struct sl_gate *g)
{
	struct sl_identity who;
	int fd = accept4(g->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	identify(fd, &who);
	return sl_session_add(g, fd, &who);
}

void sl_session_drop(struct sl_gate *g, int session)
{
	struct sl_session *s = &g->sessions[session];

	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	g->users[s->user].sessions--;
	sl_gate_leave(g, session);
}

void sl_session_read(struct sl_gate *g, int session)
{
	struct sl_wire_command m; /* the longest body */
	const struct sl_wire_head *h = &m.head;
	bool early = g->sessions[session].answered;
	const char *why;

	/* Not without end: a client that never stops talking must not be the only one heard. */
	for (unsigned i = 0; i < SL_USER_SLOTS_MAX; i++) {
		const struct sl_slot *spare = sl_gate_spare(g);
		struct iovec iov[] = {
			{&m, sizeof(m)}, {NULL, SL_WIRE_DATA_MAX}, {NULL, SL_WIRE_META_MAX}};
		long n;

		if (g->sessions[session].fd < 0 || !spare || !sl_gate_room(g, session))
			return;
		iov[1].iov_base = spare->data;
		iov[2].iov_base = spare->meta;
		n = sl_wire_recv_parts(g->sessions[session].fd, iov, 3, MSG_DONTWAIT);
		if (n == -EAGAIN)
			return;
		if (n <= 0 || sl_wire_check(&m, (size_t)n, &why) < 0 || !messages[h->type].fn ||
		    g->sessions[session].greeted == messages[h->type].before_greeting ||
		    messages[h->type].fn(g, session, &m) < 0) {
			sl_session_drop(g, session);
			return;
		}
		/*
		 * A client with one command at a time has sent nothing more: the next poll says so
		 * for less than a read that finds nothing. One that spoke before it was answered
		 * is not such a client.
		 */
		if (g->sessions[session].slots < 2 && !early)
			return;
	}
}

void sl_session_reply(struct sl_gate *g, int session, struct sl_wire_completion *m,
		      const uint8_t *data, const uint8_t *meta, const char *text)
{
	struct sl_session *s = &g->sessions[session];
	size_t text_len = strnlen(text, SL_WIRE_TEXT_MAX);
	const struct sl_wire_part parts[] = {
		{data, m->data_len}, {meta, m->meta_len}, {text, text_len}};

	if (s->fd < 0)
		return;
	s->answered = true;
	m->text_len = (uint32_t)text_len;
	/*
	 * A client that does not read its answers has its socket shut: holding them for it would
	 * cost the others. The poll loop sees the end of file and drops it outside this call.
	 */
	if (sl_wire_send(s->fd, m, sizeof(*m), parts, 3) < 0)
		(void)shutdown(s->fd, SHUT_RDWR);
}
