/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's SPEC names. Opens nothing; looks only whether a persona is there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/paths.h"
#include "launch/launch.h"
#include "launch/node.h"
#include "launch/nvme-node.h"

static int copy(char *to, size_t size, const char *from, struct sl_diag *reterr)
{
	size_t n = strlen(from);

	if (n >= size)
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
				   "device '%.40s…': the name is too long", from);
	memcpy(to, from, n + 1);
	return 0;
}

/* A persona is a file when it looks like a path, else the name of one that is shipped. */
static int parse_model(const char *rest, struct sl_spec *ret, struct sl_diag *reterr)
{
	char file[256];

	if (strchr(rest, '/') || strstr(rest, ".json")) {
		if (access(rest, R_OK) < 0)
			return sl_diag_set(reterr, -errno, NULL, 0, 0, "persona %s: %s", rest,
					   strerror(errno));
		return copy(ret->target, sizeof(ret->target), rest, reterr);
	}
	if (snprintf(file, sizeof(file), "%s.json", rest) >= (int)sizeof(file) ||
	    sl_path_data("personas", file, ret->target, sizeof(ret->target)) < 0)
		return sl_diag_set(reterr, -ENOENT, NULL, 0, 0,
				   "no persona is called '%s'; `sluice device personas` lists them",
				   rest);
	return 0;
}

static int parse_wire(const char *rest, struct sl_spec *ret, struct sl_diag *reterr)
{
	return copy(ret->target, sizeof(ret->target), rest, reterr);
}

static int parse_null(const char *rest, struct sl_spec *ret, struct sl_diag *reterr)
{
	if (rest[0])
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
				   "device 'null:%s': nothing may follow the colon", rest);
	ret->target[0] = '\0';
	return 0;
}

static int parse_nvme(const char *rest, struct sl_spec *ret, struct sl_diag *reterr)
{
	return sl_nvme_find(rest, ret->target, sizeof(ret->target), reterr);
}

static int parse_iscsi(const char *rest, struct sl_spec *ret, struct sl_diag *reterr)
{
	if (strncmp(rest, "//", 2) != 0)
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
				   "iscsi:%s: expected iscsi://HOST[:PORT]/TARGET/LUN", rest);
	if (snprintf(ret->target, sizeof(ret->target), "iscsi:%s", rest) >=
	    (int)sizeof(ret->target))
		return sl_diag_set(reterr, -ENAMETOOLONG, NULL, 0, 0, "the iSCSI URL is too long");
	return 0;
}

#define PARSE_NODE(name, kind)                                                                     \
	static int name(const char *rest, struct sl_spec *ret, struct sl_diag *reterr)             \
	{                                                                                          \
		return sl_node_find(kind, rest, ret->target, sizeof(ret->target), reterr);         \
	}
PARSE_NODE(parse_sg, SL_NODE_SG)
PARSE_NODE(parse_bsg, SL_NODE_BSG)
PARSE_NODE(parse_cxl, SL_NODE_CXL)
PARSE_NODE(parse_fwctl, SL_NODE_FWCTL)

/* What a plain path means: the device at that path. The first that fits. */
static const struct {
	const char *begins, *prefix;
} paths[] = {
	{"/dev/nvme", "nvme:"},	   {"/dev/sg", "sg:"},	  {"/dev/sd", "sg:"},
	{"/dev/sr", "sg:"},	   {"/dev/bsg/", "bsg:"}, {"/dev/cxl/", "cxl:"},
	{"/dev/fwctl/", "fwctl:"},
};

/* The SPEC itself; where that is too long, what comes after its last slash. */
static void name(struct sl_spec *ret, const char *spec, const char *prefix)
{
	const char *slash = strrchr(spec, '/');

	if (strlen(spec) < sizeof(ret->name) || !slash)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", spec);
	else
		(void)snprintf(ret->name, sizeof(ret->name), "%s%s", prefix, slash + 1);
}

static const struct {
	const char *prefix, *like; /* an example */
	bool empty_ok;
	int (*parse)(const char *rest, struct sl_spec *ret, struct sl_diag *reterr);
} kinds[_SL_SPEC_N] = {
	[SL_SPEC_MODEL] = {"model:", "model:p4610, or model:FILE", false, parse_model},
	[SL_SPEC_WIRE] = {"wire:", "wire:/path/to/a.sock", false, parse_wire},
	[SL_SPEC_ISCSI] = {"iscsi:", "iscsi://HOST/TARGET/LUN", false, parse_iscsi},
	[SL_SPEC_NULL] = {"null:", "null:", true, parse_null},
	[SL_SPEC_NVME] = {"nvme:", "nvme:/dev/nvme0, or nvme:SERIAL", false, parse_nvme},
	[SL_SPEC_SG] = {"sg:", "sg:/dev/sg0, or sg:SERIAL", false, parse_sg},
	[SL_SPEC_BSG] = {"bsg:", "bsg:/dev/bsg/0:0:0:0", false, parse_bsg},
	[SL_SPEC_CXL] = {"cxl:", "cxl:/dev/cxl/mem0", false, parse_cxl},
	[SL_SPEC_FWCTL] = {"fwctl:", "fwctl:/dev/fwctl/fwctl0", false, parse_fwctl},
};

/* What is wrong with a SPEC that begins with no kind, and what was perhaps meant. */
static int no_kind(const char *spec, struct sl_diag *reterr)
{
	const char *colon = strchr(spec, ':');
	char file[256], path[4096];
	struct stat st;

	if (!spec[0])
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
				   "no device given; one is model:p4610, /dev/nvme0, sg:SERIAL …: "
				   "`sluice device list` shows those that are here");
	if (spec[0] == '/' && stat(spec, &st) < 0)
		return sl_diag_set(reterr, -errno, NULL, 0, 0, "%s: %s", spec, strerror(errno));
	if (spec[0] == '/')
		return sl_diag_set(reterr, -ENOTSUP, NULL, 0, 0,
				   "%s: not the node of an NVMe, SCSI, CXL or fwctl device%s%s",
				   spec,
				   S_ISREG(st.st_mode)	  ? "; of a persona's file say model:"
				   : S_ISSOCK(st.st_mode) ? "; of a socket say wire:"
							  : "",
				   S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode) ? spec : "");
	if (!colon && snprintf(file, sizeof(file), "%s.json", spec) < (int)sizeof(file) &&
	    sl_path_data("personas", file, path, sizeof(path)) == 0)
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
				   "device '%s': did you mean the model, model:%s?", spec, spec);
	if (!colon)
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
				   "device '%s': say of which kind it is, as in model:p4610, "
				   "nvme:SERIAL or wire:SOCKET; `sluice device list` shows those "
				   "that are here",
				   spec);
	return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
			   "device '%s': there is no kind '%.*s'; there are model, nvme, sg, bsg, "
			   "cxl, fwctl, iscsi, wire and null",
			   spec, (int)(colon - spec), spec);
}

int sl_spec_parse(const char *spec, struct sl_spec *ret, struct sl_diag *reterr)
{
	char full[256];
	int r;

	*ret = (struct sl_spec){0};
	for (unsigned i = 0; spec != full && i < SL_COUNT(paths); i++)
		if (strncmp(spec, paths[i].begins, strlen(paths[i].begins)) == 0 &&
		    snprintf(full, sizeof(full), "%s%s", paths[i].prefix, spec) < (int)sizeof(full))
			spec = full;
	for (unsigned i = 0; i < SL_COUNT(kinds); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(spec, kinds[i].prefix, n) != 0)
			continue;
		if (!spec[n] && !kinds[i].empty_ok)
			return sl_diag_set(reterr, -EINVAL, NULL, 0, 0,
					   "device '%s': which one? Say %s", spec, kinds[i].like);
		ret->kind = (uint8_t)i;
		r = kinds[i].parse(spec + n, ret, reterr);
		if (r < 0)
			return r;
		name(ret, spec, kinds[i].prefix);
		return 0;
	}
	return no_kind(spec, reterr);
}
