/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's SPEC names. Opens nothing; looks only whether a persona is there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
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
	const char *prefix;
	bool empty_ok;
	int (*parse)(const char *rest, struct sl_spec *ret, struct sl_diag *reterr);
} kinds[_SL_SPEC_N] = {
	[SL_SPEC_MODEL] = {"model:", false, parse_model},
	[SL_SPEC_WIRE] = {"wire:", false, parse_wire},
	[SL_SPEC_ISCSI] = {"iscsi:", false, parse_iscsi},
	[SL_SPEC_NULL] = {"null:", true, parse_null},
	[SL_SPEC_NVME] = {"nvme:", false, parse_nvme},
	[SL_SPEC_SG] = {"sg:", false, parse_sg},
	[SL_SPEC_BSG] = {"bsg:", false, parse_bsg},
	[SL_SPEC_CXL] = {"cxl:", false, parse_cxl},
	[SL_SPEC_FWCTL] = {"fwctl:", false, parse_fwctl},
};

int sl_spec_parse(const char *spec, struct sl_spec *ret, struct sl_diag *reterr)
{
	static const char form[] =
		"a device is model:NAME, model:FILE, nvme:/dev/nvmeN, nvme:SERIAL, sg:/dev/sgN, "
		"sg:SERIAL, bsg:, cxl: or fwctl: with a path, iscsi://HOST/TARGET/LUN, or "
		"wire:SOCKET";
	char full[256];
	int r;

	*ret = (struct sl_spec){0};
	if (!spec[0])
		return sl_diag_set(reterr, -EINVAL, NULL, 0, 0, "no device given: %s", form);
	for (unsigned i = 0; spec != full && i < SL_COUNT(paths); i++)
		if (strncmp(spec, paths[i].begins, strlen(paths[i].begins)) == 0 &&
		    snprintf(full, sizeof(full), "%s%s", paths[i].prefix, spec) < (int)sizeof(full))
			spec = full;
	if (spec[0] == '/')
		return sl_diag_set(reterr, -ENOTSUP, NULL, 0, 0,
				   "%s: no device that can be driven here; %s", spec, form);
	for (unsigned i = 0; i < SL_COUNT(kinds); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(spec, kinds[i].prefix, n) != 0)
			continue;
		if (!spec[n] && !kinds[i].empty_ok)
			break;
		ret->kind = (uint8_t)i;
		r = kinds[i].parse(spec + n, ret, reterr);
		if (r < 0)
			return r;
		name(ret, spec, kinds[i].prefix);
		return 0;
	}
	return sl_diag_set(reterr, -EINVAL, NULL, 0, 0, "device '%s' is not understood: %s", spec,
			   form);
}
