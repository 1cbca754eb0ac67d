/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load on two brokers in turn: watch-load NAME SOCKET NAME SOCKET COUNT. Reads and writes of 4 KiB,
 * several in flight, as a busy client sends them; what a command takes, by the clock on the wall,
 * slice by slice: so that what else the machine does falls on both alike.
 */
#include <string.h>

#include "base/bytes.h"
#include "lib/client.h"
#include "stats.h"

#define DEPTH  8u
#define SLICES 360u
#define BYTES  4096u

static int submit(struct sl_client *c, uint32_t i)
{
	static const uint8_t data[BYTES] = {0x5a};
	struct sl_command cmd = {.set = SL_SET_NVME_IO,
				 .dir = i & 1 ? SL_DIR_OUT : SL_DIR_IN,
				 .req_len = SL_REQ_MAX,
				 .data_len = BYTES};

	cmd.req[0] = i & 1 ? 0x01 : 0x02;
	sl_put_le32(cmd.req + 4, 1); /* of 4 KiB blocks */
	sl_put_le64(cmd.req + 40, i * 2654435761u % 8192);

	return sl_client_send(c, i, &cmd, data, NULL);
}

/* Nanoseconds that `n` take; 0: the broker refuses. */
static uint64_t slice(struct sl_client *c, uint32_t n)
{
	struct sl_client_reply r;
	uint64_t start = bench_now();
	uint32_t sent = 0, got = 0;

	while (got < n) {
		while (sent < n && sent - got < DEPTH)
			if (submit(c, sent++) < 0)
				return 0;
		if (sl_client_recv(c, true, &r) != 1 || r.c.outcome != SL_OUTCOME_OK || r.c.status)
			return 0;
		got++;
	}
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct sl_client *c[2];
	uint64_t took;
	uint32_t n;

	if (argc != 6)
		return 2;
	n = (uint32_t)strtoul(argv[5], NULL, 0);
	for (unsigned i = 0; i < 2; i++)
		if (sl_client_connect(argv[2 + 2 * i], &c[i]) < 0 || !slice(c[i], n)) {
			(void)fprintf(stderr, "watch-load: %s: no broker, or it refuses\n",
				      argv[2 + 2 * i]);
			return 1;
		}
	/* First one, then the other; and the other way round. */
	for (unsigned i = 0; i < 2 * SLICES; i++) {
		unsigned which = (i ^ i >> 1) & 1;

		took = slice(c[which], n);
		if (!took)
			return 1;
		bench_print(argv[1 + 2 * which], &took, 1, n);
	}
	sl_client_free(c[0]);
	sl_client_free(c[1]);
	return 0;
}
