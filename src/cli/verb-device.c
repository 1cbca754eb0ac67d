/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice device list|personas`: what can be put behind the gate, and which ways lead around it.
 * Looks at names and permissions; opens no device.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/paths.h"
#include "cli/cli.h"
#include "cli/trust.h"
#include "cli/ways.h"
#include "model/persona.h"

/* Directories of nodes that speak a protocol we know, and how their names begin. */
static const struct {
	const char *dir, *prefix, *protocol, *title;
} nodes[] = {
	{"/dev", "nvme", "nvme", "NVMe controller"},
	{"/dev", "sg", "scsi", "SCSI device"},
	{"/dev/cxl", "mem", "cxl", "CXL memory device"},
	{"/dev/fwctl", "fwctl", "fwctl", "fwctl device"},
};

/* "nvme0" and not "nvme0n1" or "nvme-fabrics": a prefix and a number. */
static bool numbered(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && name[n] &&
	       strspn(name + n, "0123456789") == strlen(name + n);
}

/* Calls fn for each entry of a directory, in order. */
static int each_entry(const char *dir, void (*fn)(void *arg, const char *name), void *arg)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, versionsort);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		fn(arg, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return 0;
}

/* personas */

struct personas {
	struct sl_emit *e;
	const char *dir;
	bool short_form; /* rows of `device list` */
	int status;
};

static void persona(void *arg, const char *file)
{
	struct personas *p = arg;
	struct sl_persona_summary s;
	struct sl_diag d = {0};
	const char *dot = strrchr(file, '.');
	char path[4400];

	if (file[0] == '.' || !dot || strcmp(dot, ".json") != 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, file);
	if (sl_persona_summary(path, &s, &d) < 0) {
		p->status = sl_cli_diag(SL_EXIT_FAILED, &d);
		return;
	}
	sl_emit_cell(p->e, "model:%.*s", (int)(dot - file), file);
	if (p->short_form) {
		sl_emit_cell(p->e, "%s", sl_persona_protocol(s.protocol));
		sl_emit_cell(p->e, "ready");
		sl_emit_cell(p->e, "%s", s.title);
		return;
	}
	sl_emit_cell(p->e, "%s", s.mn);
	sl_emit_cell(p->e, "%s", s.fr);
	sl_emit_cell_u64(p->e, s.namespaces);
	sl_emit_cell(p->e, "%s", s.honest ? "yes" : "no");
	sl_emit_cell(p->e, "%s", s.title);
}

static int list_personas(struct sl_emit *e, bool short_form)
{
	struct personas p = {.e = e, .short_form = short_form};
	char dir[4096];
	int r;

	r = sl_path_data("personas", "", dir, sizeof(dir));
	p.dir = dir;
	if (r == 0)
		r = each_entry(dir, persona, &p);
	if (r < 0)
		return sl_cli_error(SL_EXIT_FAILED, "personas in %s: %s", dir, strerror(-r));
	return p.status;
}

int sl_verb_device_personas(struct sl_cli *cli)
{
	static const char *const columns[][2] = {{"spec", "SPEC"},
						 {"model", "MODEL"},
						 {"firmware", "FIRMWARE"},
						 {"namespaces", "NAMESPACES"},
						 {"honest", "HONEST"},
						 {"title", "WHAT IT IS"},
						 {NULL, NULL}};
	struct sl_emit *e = sl_cli_emit(cli);
	int status;

	sl_emit_table(e, "personas", columns);
	status = list_personas(e, false);
	sl_emit_end(e);
	return sl_cli_finish(e, status);
}

/* list */

struct found {
	struct sl_emit *e;
	unsigned row;
};

static void node(void *arg, const char *name)
{
	const struct found *f = arg;
	char path[512];
	int r;

	if (!numbered(name, nodes[f->row].prefix))
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", nodes[f->row].dir, name);
	r = faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS);
	sl_emit_cell(f->e, "%s", path);
	sl_emit_cell(f->e, "%s", nodes[f->row].protocol);
	sl_emit_cell(f->e, "%s", r == 0 ? "you may open it" : "you may not open it");
	sl_emit_cell(f->e, "%s", nodes[f->row].title);
}

/* What can be gated: nodes that speak a protocol we know, and personas. */
static int list_devices(struct sl_emit *e)
{
	static const char *const columns[][2] = {{"spec", "SPEC"},
						 {"protocol", "PROTOCOL"},
						 {"state", "STATE"},
						 {"title", "WHAT IT IS"},
						 {NULL, NULL}};
	int status;

	sl_emit_table(e, "devices", columns);
	for (unsigned i = 0; i < SL_COUNT(nodes); i++) {
		struct found f = {.e = e, .row = i};

		/* A directory that is not there holds no device. */
		(void)each_entry(nodes[i].dir, node, &f);
	}
	status = list_personas(e, true);
	sl_emit_end(e);
	return status;
}

int sl_verb_device_list(struct sl_cli *cli)
{
	bool check = sl_cli_given(cli, "check");
	struct sl_emit *e = sl_cli_emit(cli);
	int status = check ? SL_EXIT_OK : list_devices(e) | sl_trust_list(cli, e);
	unsigned open;

	if (sl_ways_print(e, &sl_ways_here, check, &open) < 0)
		status = SL_EXIT_FAILED;
	if (check && open)
		status = sl_cli_error(SL_EXIT_FAILED, "%u way%s open to somebody who is not root",
				      open, open == 1 ? " is" : "s are");
	return sl_cli_finish(e, status);
}
