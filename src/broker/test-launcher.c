/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's messages. Before START anything malformed ends the broker; after it, it is refused
 * and the old state stays. Each case talks to a broker of its own, in a child.
 */
#include "broker/test-rig.h"

#include <poll.h>
#include <sys/mman.h>

#include "broker/launcher.h"

static int control; /* the launcher's end */
static pid_t broker;

/* Until the launcher says something; its one device may have something to say before. */
static void wait_for_launcher(struct sl_launcher *l)
{
	for (;;) {
		int dev = l->started ? g->devices[0].dev->poll_fd : -1;
		struct pollfd p[] = {{l->fd, POLLIN, 0}, {dev, POLLIN, 0}};

		assert(ppoll(p, 2, NULL, NULL) > 0);
		if (p[1].revents) {
			sl_gate_poll(g, 0);
			sl_gate_kick(g);
			sl_launcher_tick(l);
		}
		if (p[0].revents)
			return;
	}
}

/* A broker without clients: it takes messages until one ends it. Its status is -errno. */
static void start_broker(void)
{
	int sv[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == 0);
	broker = fork();
	assert(broker >= 0);
	if (broker == 0) {
		struct sl_launcher l = {.fd = sv[1]};
		int r;

		close(sv[0]);
		g = calloc(1, sizeof(*g));
		if (!g || sl_gate_init(g) < 0)
			_exit(99);
		l.gate = g;
		do {
			wait_for_launcher(&l);
			r = sl_launcher_read(&l);
			sl_launcher_tick(&l);
			sl_gate_kick(g);
		} while (r == 0);
		_exit(r == -EPIPE ? 0 : -r);
	}
	close(sv[1]);
	control = sv[0];
}

static int end_broker(void)
{
	int status;

	close(control);
	assert(waitpid(broker, &status, 0) == broker && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static struct sl_control_reply tell(const void *m, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = {0};
	struct iovec iov = {(void *)(uintptr_t)m, len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	struct sl_control_reply a = {0};

	if (fd >= 0) {
		h.msg_control = u.buf;
		h.msg_controllen = sizeof(u.buf);
		CMSG_FIRSTHDR(&h)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&h)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&h)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), &fd, sizeof(fd));
	}
	assert(sendmsg(control, &h, MSG_NOSIGNAL) == (ssize_t)len);
	if (recv(control, &a, sizeof(a), 0) != sizeof(a))
		a.error = 1; /* it ended without an answer */
	return a;
}

static struct sl_control_reply say(struct sl_control m, int fd)
{
	return tell(&m, sizeof(m), fd);
}

static int memfd(const void *blob, size_t size, bool seal)
{
	int fd = memfd_create("image", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, blob, size) == (ssize_t)size);
	if (seal)
		assert(fcntl(fd, F_ADD_SEALS,
			     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0);
	return fd;
}

static void test_refused_before(void)
{
	static const struct {
		const char *what;
		struct sl_control m;
		bool fd; /* send one */
	} cases[] = {
		{"no operation", {.op = 0}, false},
		{"undefined operation", {.op = 99}, false},
		{"image without descriptor", {.op = SL_CONTROL_IMAGE}, false},
		{"image that is no memfd", {.op = SL_CONTROL_IMAGE}, true},
		{"ledger not for appending", {.op = SL_CONTROL_LEDGER}, true},
		{"session without descriptor", {.op = SL_CONTROL_SESSION}, false},
		{"too many groups", {.op = SL_CONTROL_SESSION, .who = {.n_gids = 65}}, true},
		{"undefined protocol",
		 {.op = SL_CONTROL_DEVICE, .backend = SL_BACKEND_NULL, .protocol = 77},
		 false},
		{"undefined back end", {.op = SL_CONTROL_DEVICE, .protocol = SL_WIRE_NVME}, false},
		{"device that does not speak",
		 {.op = SL_CONTROL_DEVICE, .backend = SL_BACKEND_WIRE, .protocol = SL_WIRE_NVME},
		 true},
		{"namespace without controller", {.op = SL_CONTROL_NAMESPACE, .nsid = 1}, true},
		{"table of trust that is no memfd", {.op = SL_CONTROL_TRUST}, true},
		{"start with nothing", {.op = SL_CONTROL_START}, false},
		{"start with a descriptor", {.op = SL_CONTROL_START}, true},
		{"status before start", {.op = SL_CONTROL_STATUS}, false},
	};

	for (unsigned i = 0; i < SL_COUNT(cases); i++) {
		int fd = open("/dev/zero", O_RDONLY);
		struct sl_control_reply a;

		start_broker();
		a = say(cases[i].m, cases[i].fd ? fd : -1);
		close(fd);
		if (a.error >= 0 || !a.text[0] || end_broker() == 0) {
			fprintf(stderr, "test-launcher: %s: %d %s\n", cases[i].what, a.error,
				a.text);
			abort();
		}
	}
}

static void test_short_message(void)
{
	start_broker();
	assert(tell("x", 1, -1).error == 1);
	assert(end_broker() == EBADMSG);
}

static void test_images(void)
{
	const struct sl_image *img = image(NULL);
	struct sl_image *copy = malloc(img->size);
	struct sl_control m = {.op = SL_CONTROL_IMAGE};
	int fd;

	assert(copy);
	memcpy(copy, img, img->size);
	/* Somebody could still change it. */
	start_broker();
	fd = memfd(img, img->size, false);
	assert(say(m, fd).error == -EINVAL && end_broker() != 0);
	close(fd);
	/* Compiled against other tables. */
	start_broker();
	copy->table_hash ^= 1;
	fd = memfd(copy, img->size, true);
	assert(say(m, fd).error == -EBADMSG && end_broker() != 0);
	close(fd);
	/* A model of another filter. */
	start_broker();
	copy->table_hash ^= 1;
	copy->flags |= SL_IMAGE_MODEL;
	fd = memfd(copy, img->size, true);
	assert(say(m, fd).error == -EINVAL && end_broker() != 0);
	close(fd);
	free(copy);
	free((void *)(uintptr_t)img);
}

/* Only a sealed table of whole rows that say something is taken; none at all is an empty one. */
static void test_trust(void)
{
	struct sl_trust_row rows[2] = {{.say = SL_TRUST_SAY_CAUGHT}, {.say = 77}};
	const struct sl_control m = {.op = SL_CONTROL_TRUST};
	const struct {
		size_t size;
		bool sealed;
	} bad[] = {
		{sizeof(rows[0]), false},
		{sizeof(rows), true},
		{sizeof(rows[0]) - 1, true},
	};
	int fd;

	for (unsigned i = 0; i < SL_COUNT(bad); i++) {
		start_broker();
		fd = memfd(rows, bad[i].size, bad[i].sealed);
		assert(say(m, fd).error < 0 && end_broker() != 0);
		close(fd);
	}
	start_broker();
	fd = memfd(rows, sizeof(rows[0]), true);
	assert(say(m, fd).error == 0 && say(m, -1).error == 0);
	close(fd);
	assert(end_broker() == 0);
}

/* A broker in service: what is wrong is refused, what is right is taken, and it goes on. */
static void test_after_start(void)
{
	const struct sl_image *img = image(NULL);
	const struct sl_control device = {.op = SL_CONTROL_DEVICE,
					  .backend = SL_BACKEND_NULL,
					  .protocol = SL_WIRE_NVME,
					  .name = "null"};
	struct sl_control m = {.op = SL_CONTROL_IMAGE};
	struct sl_control_reply a;
	int fd = memfd(img, img->size, true);
	int sv[2];

	start_broker();
	assert(say(m, fd).error == 0 && say(device, -1).error == 0);
	a = say((struct sl_control){.op = SL_CONTROL_START}, -1);
	assert(a.error == 0 && a.op == SL_CONTROL_START);
	a = say((struct sl_control){.op = SL_CONTROL_STATUS}, -1);
	assert(a.error == 0 && strstr(a.text, "policy test") && strstr(a.text, "devices 1"));
	assert(say(device, -1).error < 0);
	assert(say((struct sl_control){.op = SL_CONTROL_START}, -1).error < 0);
	assert(say((struct sl_control){.op = 99}, -1).error < 0);
	assert(say(m, -1).error < 0);
	/* A policy that does not check leaves the one in force. */
	close(fd);
	fd = memfd("no image", 8, true);
	assert(say(m, fd).error < 0);
	close(fd);
	a = say((struct sl_control){.op = SL_CONTROL_STATUS}, -1);
	assert(a.error == 0 && strstr(a.text, "policy test"));
	fd = memfd(img, img->size, true);
	assert(say(m, fd).error == 0);
	close(fd);
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0);
	assert(say((struct sl_control){.op = SL_CONTROL_SESSION, .who = {.known = 1}}, sv[0])
		       .error == 0);
	close(sv[0]);
	close(sv[1]);
	assert(end_broker() == 0);
	free((void *)(uintptr_t)img);
}

/* A namespace that comes while the broker serves, for a device whose node is none: it is asked for
 * nothing that its cage forbids. */
static void test_namespace_later(void)
{
	const struct sl_image *img = image(NULL);
	const struct sl_control device = {.op = SL_CONTROL_DEVICE,
					  .backend = SL_BACKEND_NVME,
					  .protocol = SL_WIRE_NVME,
					  .name = "node"};
	struct sl_control m = {.op = SL_CONTROL_NAMESPACE, .nsid = 7, .claimed = 1};
	int fd = memfd(img, img->size, true), node = open("/dev/zero", O_RDWR | O_CLOEXEC);

	start_broker();
	assert(say((struct sl_control){.op = SL_CONTROL_IMAGE}, fd).error == 0);
	assert(say(device, node).error == 0);
	assert(say((struct sl_control){.op = SL_CONTROL_START}, -1).error == 0);
	assert(say(m, node).error == 0);
	assert(say(m, -1).error < 0);
	m.device = 1;
	assert(say(m, node).error == -EINVAL);
	m.device = 0;
	m.nsid = 0;
	assert(say(m, node).error == -EINVAL);
	assert(say((struct sl_control){.op = SL_CONTROL_STATUS}, -1).error == 0);
	close(fd);
	close(node);
	assert(end_broker() == 0);
	free((void *)(uintptr_t)img);
}

int main(void)
{
	test_refused_before();
	test_short_message();
	test_images();
	test_trust();
	test_after_start();
	test_namespace_later();
	return 0;
}
