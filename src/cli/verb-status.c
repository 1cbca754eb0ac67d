/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice status`: does a broker serve here, and what? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/client.h"

static const char *protocol_name(unsigned protocol)
{
	static const char *const names[] = {
		[SL_WIRE_NVME] = "nvme",
		[SL_WIRE_SCSI] = "scsi",
		[SL_WIRE_CXL] = "cxl",
		[SL_WIRE_FWCTL] = "fwctl",
	};

	return protocol < sizeof(names) / sizeof(names[0]) && names[protocol] ? names[protocol]
									      : "?";
}

int sl_verb_status(struct sl_cli *cli)
{
	static const char *const columns[][2] = {{"number", "N"},
						 {"name", "DEVICE"},
						 {"protocol", "PROTOCOL"},
						 {"max_transfer", "MAX TRANSFER"},
						 {NULL, NULL}};
	struct sl_client *client;
	struct sl_emit *e;
	char path[4096];
	int status = SL_EXIT_OK, r;

	(void)snprintf(path, sizeof(path), "%s", sl_cli_get(cli, "socket"));
	r = sl_client_connect(path, &client);
	if (r < 0)
		return sl_cli_error(SL_EXIT_BROKER,
				    "no broker at %s: %s; `sluice serve` starts one", path,
				    strerror(-r));
	e = sl_cli_emit(cli);
	sl_emit_str(e, "socket", "broker at", "%s", path);
	sl_emit_u64(e, "wire_version", "wire protocol", SL_WIRE_VERSION);
	sl_emit_table(e, "devices", columns);
	for (unsigned i = 0; i < sl_client_devices(client); i++) {
		struct sl_wire_device d;

		r = sl_client_query(client, i, &d);
		if (r < 0) {
			status = sl_cli_error(SL_EXIT_BROKER, "broker at %s: %s", path,
					      strerror(-r));
			break;
		}
		sl_emit_cell_u64(e, i);
		sl_emit_cell(e, "%s", d.name);
		sl_emit_cell(e, "%s", protocol_name(d.protocol));
		sl_emit_cell_u64(e, d.max_transfer);
	}
	sl_emit_end(e);
	sl_client_free(client);
	return sl_cli_finish(e, status);
}
