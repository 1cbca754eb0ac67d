/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that keeps a broker busy: every command that it sends has to be answered, whatever
 * happens to the device meanwhile.
 *
 *   client SOCKET SECONDS [--gone]     --gone: goes on until the device has gone
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "lib/client.h"
#include "nvme.h"

#define FLIGHT	24
#define LIMIT_S 60 /* without an answer */

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The SMART log, Identify Controller, and a Write that the policy denies, in turn. */
static void make(unsigned long turn, struct sl_command *ret)
{
	*ret = (struct sl_command){
		.set = SL_SET_NVME_ADMIN, .dir = SL_DIR_IN, .req_len = 64, .data_len = 512};
	switch (turn % 3) {
	case 0:
		ret->req[0] = 0x02;
		sl_put_le32(ret->req + 4, 0xffffffff);
		sl_put_le32(ret->req + 40, 127u << 16 | 2);
		break;
	case 1:
		ret->req[0] = 0x06;
		ret->data_len = 4096;
		sl_put_le32(ret->req + 40, 1);
		break;
	default:
		*ret = (struct sl_command){
			.set = SL_SET_NVME_IO, .dir = SL_DIR_OUT, .req_len = 64, .data_len = 512};
		ret->req[0] = 0x01;
		sl_put_le32(ret->req + 4, 1);
	}
}

int main(int argc, char **argv)
{
	static const uint8_t data[512];
	unsigned long turn = 0, ok = 0, status = 0, denied = 0, failed = 0;
	unsigned in_flight = 0;
	struct sl_client *c;
	bool gone = false, until_gone = argc > 3;
	double end;
	int r;

	if (argc < 3)
		die("usage: client SOCKET SECONDS [--gone]");
	r = sl_client_connect(argv[1], &c);
	if (r < 0)
		die("client: %s: %s", argv[1], strerror(-r));
	end = now() + atof(argv[2]);
	while (in_flight || (now() < end && !gone)) {
		struct pollfd p = {.fd = sl_client_fd(c), .events = POLLIN};
		struct sl_client_reply reply;
		struct sl_command cmd;

		while (in_flight < FLIGHT && now() < end && !gone) {
			make(turn, &cmd);
			r = sl_client_send(c, (uint32_t)turn++, &cmd, data, NULL);
			if (r < 0)
				die("client: the broker has gone: %s", strerror(-r));
			in_flight++;
		}
		if (poll(&p, 1, LIMIT_S * 1000) == 0)
			die("client: %u commands are not answered", in_flight);
		while ((r = sl_client_recv(c, false, &reply)) == 1) {
			in_flight--;
			/* Whoever waits for the device to be in use waits for this. */
			if (!ok && reply.c.outcome == SL_OUTCOME_OK && !reply.c.status &&
			    puts("running") >= 0)
				(void)fflush(stdout);
			ok += reply.c.outcome == SL_OUTCOME_OK && !reply.c.status;
			status += reply.c.outcome == SL_OUTCOME_OK && reply.c.status;
			denied += reply.c.outcome == SL_OUTCOME_DENIED;
			failed += reply.c.outcome == SL_OUTCOME_FAILED;
			gone |= reply.c.outcome == SL_OUTCOME_FAILED && reply.c.error == ENODEV;
		}
		if (r < 0)
			die("client: the broker has gone: %s", strerror(-r));
	}
	(void)sl_client_free(c);
	(void)printf("%lu commands: %lu done, %lu with an error of the device, %lu denied, %lu "
		     "failed\n",
		     turn, ok, status, denied, failed);
	if (until_gone && !gone)
		die("client: the device was not said to have gone");
	return ok && denied && turn == ok + status + denied + failed ? 0 : 1;
}
