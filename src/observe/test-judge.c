/* SPDX-License-Identifier: Apache-2.0 */
/* What a change is to a command: declared, under-declared, out of scope, or not explained. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "observe/judge.h"

static struct sl_contract contract;

static struct sl_case command(uint8_t opcode, uint32_t cdw10, uint32_t nsid)
{
	struct sl_case x = {.nsid = nsid};

	x.cmd.set = SL_SET_NVME_ADMIN;
	x.cmd.req_len = SL_REQ_MAX;
	x.cmd.req[0] = opcode;
	sl_put_le32(x.cmd.req + 4, nsid);
	sl_put_le32(x.cmd.req + 40, cdw10);
	x.row = sl_row_find(x.cmd.set, x.cmd.req);
	x.floor = sl_rows[x.row].floor;
	x.scope = sl_rows[x.row].scope;
	return x;
}

static enum sl_explanation explain(const struct sl_case *x, uint16_t status, uint8_t facet,
				   uint8_t sel, uint32_t nsid, uint32_t at, uint64_t to)
{
	struct sl_probe p = {.facet = facet, .sel = sel, .nsid = nsid};
	struct sl_change c = {.probe = &p, .at = at, .len = 1, .old_value = 5, .new_value = to};
	struct sl_done d = {.x = x, .status = status};

	c.field = sl_facet_field(facet, at);
	return sl_explain(&contract, &d, &c, 0, true);
}

static bool kept(uint8_t facet, uint8_t sel, uint32_t at, uint64_t to)
{
	struct sl_probe p = {.facet = facet, .sel = sel, .cmd.set = SL_SET_NVME_ADMIN};
	struct sl_change c = {.probe = &p, .at = at, .len = 1, .old_value = 5, .new_value = to};

	c.field = sl_facet_field(facet, at);
	return sl_change_kept(&c);
}

int main(void)
{
	struct sl_case id = command(0x06, 1, 0), set = command(0x09, 6, 0);
	struct sl_case format = command(0x80, 0, 1);
	struct sl_case commit = command(0x10, 2 << 3 | 2, 0),
		       commit_now = command(0x10, 3 << 3 | 2, 0);

	/* A harmless command may change nothing, fail or not, but for the trace of its failure. */
	assert(explain(&id, 0, SL_FACET_FEATURE, 6, 0, 0, 1) == SL_UNEXPLAINED);
	assert(explain(&id, 2, SL_FACET_FEATURE, 6, 0, 0, 1) == SL_UNEXPLAINED);
	assert(explain(&id, 0, SL_FACET_ERRORS, 1, 0, 0, 6) == SL_UNEXPLAINED);
	assert(explain(&id, 2, SL_FACET_ERRORS, 1, 0, 0, 6) == SL_EXPLAINED);
	assert(explain(&id, 0, SL_FACET_SMART, 2, 0, 160, 0) == SL_UNEXPLAINED);
	/* Hours go on, backwards they do not; a vendor's counter may count. */
	assert(explain(&id, 0, SL_FACET_SMART, 2, 0, 128, 6) == SL_EXPLAINED);
	assert(explain(&id, 0, SL_FACET_SMART, 2, 0, 128, 4) == SL_UNEXPLAINED);
	/* Each of the times and transitions of heat counts for itself. */
	for (uint32_t at = 192; at < 232; at += at == 196 ? 20 : 4) {
		assert(explain(&id, 0, SL_FACET_SMART, 2, 0, at, 6) == SL_EXPLAINED);
		assert(sl_facet_field(SL_FACET_SMART, at)->off == at);
	}
	assert(explain(&id, 0, SL_FACET_LOG_VENDOR, 0xca, 0, 8, 6) == SL_EXPLAINED);
	assert(explain(&id, 0, SL_FACET_LOG_VENDOR, 0xca, 0, 8, 0) == SL_UNEXPLAINED);
	/* Setting a feature sets that one. */
	assert(explain(&set, 0, SL_FACET_FEATURE, 6, 0, 0, 1) == SL_EXPLAINED);
	assert(explain(&set, 0, SL_FACET_FEATURE, 1, 0, 0, 1) == SL_OUT_OF_SCOPE);
	assert(explain(&set, 0, SL_FACET_EFFECTS, 5, 0, 0, 1) == SL_UNEXPLAINED);
	/* Format: by its specification, and by what is declared of it; in its namespace. */
	assert(explain(&format, 0, SL_FACET_ID_NS, 0, 1, 26, 1) == SL_UNDERDECLARED);
	format.declared = SL_E_DATA;
	assert(explain(&format, 0, SL_FACET_ID_NS, 0, 1, 26, 1) == SL_UNDERDECLARED);
	format.declared = SL_E_DATA | SL_E_CAPABILITY;
	assert(explain(&format, 0, SL_FACET_ID_NS, 0, 1, 26, 1) == SL_EXPLAINED);
	assert(explain(&format, 0, SL_FACET_ID_NS, 0, 2, 26, 1) == SL_OUT_OF_SCOPE);
	format.scope |= SL_S_SUBSYSTEM;
	assert(explain(&format, 0, SL_FACET_ID_NS, 0, 2, 26, 1) == SL_EXPLAINED);
	/* It saves it where SV says so, and no other way. */
	set.declared = SL_E_CAPABILITY;
	assert(explain(&set, 0, SL_FACET_FEATURE_SAVED, 6, 0, 0, 1) == SL_UNEXPLAINED);
	set.cmd.req[43] = 0x80;
	assert(explain(&set, 0, SL_FACET_FEATURE_SAVED, 6, 0, 0, 1) == SL_EXPLAINED);
	/* Activation that is left to a reset; at once; which slot it will be. */
	assert(explain(&commit, 0, SL_FACET_FIRMWARE, 3, 0, 0, 6) == SL_UNEXPLAINED);
	assert(explain(&commit, 0, SL_FACET_ID_CTRL, 1, 0, 64, 6) == SL_UNEXPLAINED);
	assert(explain(&commit, 0, SL_FACET_FIRMWARE, 3, 0, 0, 0x25) == SL_EXPLAINED);
	assert(explain(&commit_now, 0, SL_FACET_FIRMWARE, 3, 0, 0, 6) == SL_EXPLAINED);
	assert(explain(&commit_now, 0, SL_FACET_ID_CTRL, 1, 0, 64, 6) == SL_EXPLAINED);
	/* No device changes a feature by itself, but its power state; nor counts down. */
	assert(kept(SL_FACET_FEATURE, 6, 0, 1) && !kept(SL_FACET_FEATURE, 2, 0, 1));
	assert(kept(SL_FACET_SMART, 2, 128, 4) && !kept(SL_FACET_SMART, 2, 128, 6));
	assert(kept(SL_FACET_SMART, 2, 160, 4) && !kept(SL_FACET_SMART, 2, 160, 6));
	assert(kept(SL_FACET_ID_NS, 0, 8, 4) && !kept(SL_FACET_ID_NS, 0, 16, 4));
	/* It ends a self-test; an Identify does not. */
	assert(explain(&format, 0, SL_FACET_SELF_TEST, 6, 0, 0, 0) == SL_EXPLAINED);
	assert(explain(&format, 2, SL_FACET_SELF_TEST, 6, 0, 0, 0) == SL_UNEXPLAINED);
	assert(explain(&id, 0, SL_FACET_SELF_TEST, 6, 0, 0, 0) == SL_UNEXPLAINED);
	/* Who declares that it could be anything contradicts nothing. */
	id.declared = SL_E_UNKNOWN;
	assert(explain(&id, 0, SL_FACET_FEATURE, 6, 0, 0, 1) == SL_EXPLAINED);
	return 0;
}
