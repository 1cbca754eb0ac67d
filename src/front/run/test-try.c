/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run-try [-r] [-q] TOOL ARGS…: a tool under the front end, before the test device or, with
 * SLUICE_TRY_FD set, before whatever speaks the wire protocol on that descriptor. SLUICE_TRY_ALL:
 * the test device's other halves are mapped too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/run.h"
#include "front/run/test-device.h"

int main(int argc, char **argv)
{
	const struct sl_run_device dev[] = {
		{.path = "/dev/nvme0", .device = 0},
		{.path = "/dev/sg0", .device = 1},
		{.path = "/dev/cxl/mem0", .device = 2},
		{.path = "/dev/fwctl/fwctl0", .device = 3},
		{.path = "/dev/fwctl/fwctl1", .device = 4}, /* mlx5 */
		{.path = "/dev/fwctl/fwctl2", .device = 5}, /* bnxt */
	};
	struct sl_run_config cfg = {.devices = dev, .n_devices = 1, .report_fd = -1};
	const char *given = getenv("SLUICE_TRY_FD");
	struct sl_diag diag = {0};
	int c, pid, status, r;

	if (getenv("SLUICE_TRY_ALL"))
		cfg.n_devices = SL_COUNT(dev);
	while ((c = getopt(argc, argv, "+rq0")) != -1) {
		if (c == 'r')
			cfg.appear_root = true;
		else if (c == 'q')
			cfg.quiet = true;
		else if (c == '0')
			cfg.n_devices = 0;
		else
			return 2;
	}
	if (optind == argc)
		return 2;
	cfg.argv = argv + optind;
	r = sl_client_new(given ? atoi(given) : test_device_start(&pid), &cfg.client);
	if (r < 0) {
		fprintf(stderr, "run-try: no device: %s\n", strerror(-r));
		return 125;
	}
	r = sl_run(&cfg, &status, &diag);
	sl_client_free(cfg.client);
	if (r < 0) {
		fprintf(stderr, "run-try: %s\n", diag.text);
		return 125;
	}
	return sl_run_exit_code(status);
}
