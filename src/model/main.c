/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice-model: one emulated device as a process, behind the wire protocol.
 *
 *   sluice-model [--seed N] --fd N PERSONA.json        serves an inherited socket, ends with it
 *   sluice-model [--seed N] --socket PATH PERSONA.json listens; the device outlives connections
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/listen.h"
#include "model/persona.h"
#include "model/server.h"

static volatile int stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: sluice-model [--seed N] (--fd N | --socket PATH) PERSONA.json\n");
	return 2;
}

static bool number(const char *s, unsigned long long max, unsigned long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 0);
	return errno == 0 && end != s && *end == 0 && *s != '-' && *ret <= max;
}

static int serve_socket(struct sl_model *m, const char *path)
{
	int fd = sl_listen(path, 0600), r = 0; /* who may connect is who owns the device */

	if (fd < 0)
		return fd;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	while (!stop) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int peer;

		if (sl_server_wait(&p, 60000) <= 0)
			continue;
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN))
			continue;
		if (peer < 0) {
			r = -errno;
			break;
		}
		r = sl_model_serve(m, peer, &stop);
		close(peer);
		if (r < 0)
			fprintf(stderr, "sluice-model: connection ended: %s\n", strerror(-r));
		r = 0;
	}
	close(fd);
	unlink(path);
	return r;
}

static struct sl_model *load(const char *path, bool seeded, unsigned long long seed,
			     struct sl_persona **ret_persona)
{
	struct sl_model *m;
	struct sl_diag diag = {0};
	char text[1024];
	int r = sl_persona_load(path, ret_persona, &diag);

	if (r < 0) {
		fprintf(stderr, "sluice-model: %s\n", sl_diag_str(&diag, text, sizeof(text)));
		return NULL;
	}
	r = sl_model_new(*ret_persona, seeded ? seed : (*ret_persona)->seed, &m);
	if (r < 0) {
		fprintf(stderr, "sluice-model: %s: %s\n", path, strerror(-r));
		sl_persona_free(*ret_persona);
		return NULL;
	}
	return m;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"fd", required_argument, NULL, 'f'},
		{"socket", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'r'},
		{0},
	};
	unsigned long long fd = 0, seed = 0;
	const char *path = NULL;
	bool have_fd = false, seeded = false;
	struct sl_persona *persona = NULL;
	struct sl_model *m;
	sigset_t mask;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'f' && number(optarg, 65535, &fd))
			have_fd = true;
		else if (c == 's')
			path = optarg;
		else if (c == 'r' && number(optarg, UINT64_MAX, &seed))
			seeded = true;
		else
			return usage();
	}
	if (optind + 1 != argc || have_fd == (path != NULL))
		return usage();
	/* Both are let through only where the program waits: none is missed. */
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
	m = load(argv[optind], seeded, seed, &persona);
	if (!m)
		return 1;
	r = have_fd ? sl_model_serve(m, (int)fd, &stop) : serve_socket(m, path);
	if (r < 0)
		fprintf(stderr, "sluice-model: %s: %s\n", have_fd ? "socket" : path, strerror(-r));
	sl_model_free(m);
	sl_persona_free(persona);
	return r < 0 ? 1 : 0;
}
