/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kernel-filter.h"

#include "cli/gate.h"
#include "core/table.h"
#include "policy/domain.h"
#include "wire/wire.h"

/* Which model is whose, newest first. Between two that were measured, the older one stands. */
static const struct {
	unsigned major, minor;
	const char *model;
	/*
	 * NVME_IOCTL_SUBMIT_IO is not judged (doc/kernel-parity.md, K1): it reads and writes
	 * through every node of a namespace, however that was opened. No rule can say it, since a
	 * policy sees commands and not ioctls.
	 */
	bool submit_io;
} models[] = {
	{7, 3, "linux-2026", false},
	{6, 2, "linux-6.12", true},
	{0, 0, "linux-6.1", true},
};

/*
 * scsi_cmd_allowed(), drivers/scsi/scsi_ioctl.c, knows an opcode and not a device type: to its list
 * for readers UNMAP is Read Sub-channel (42h), SANITIZE is Play Audio (48h), MAINTENANCE OUT is
 * Report Key (A4h); START STOP UNIT is in it by design. An sg node that is open for writing is not
 * filtered at all. The ioctl of CXL, drivers/cxl/core/mbox.c, asks neither for a capability nor for
 * the open mode: Set LSA, Set Partition Info, Set Alert Configuration, Set Shutdown State, Clear
 * Log. Both seen on 6.1 and 7.3.
 */
#define CXL_REACH                                                                                  \
	{                                                                                          \
		true, SL_E_DATA | SL_E_CONFIG | SL_E_CONFIG_RESET | SL_E_PERSIST | SL_E_POLICY |   \
			      SL_E_LOG | SL_E_REVEALS_DATA                                         \
	}
const struct sl_kernel_other sl_kernel_others[] = {
	{"scsi",
	 "an sg node",
	 {{true, SL_E_DATA | SL_E_CONFIG | SL_E_AVAILABILITY | SL_E_BACKGROUND | SL_E_PEER |
			 SL_E_REVEALS_DATA},
	  {true, SL_E_ALL}}},
	{"cxl", "a CXL memory device", {CXL_REACH, CXL_REACH}},
	{0},
};

/* The doors and open modes that a point stands for, and what it can do, if it is allowed. */
static void note(struct sl_domain *d, uint32_t n, struct sl_kernel_filter *f)
{
	uint64_t door_lo = SL_DOOR_CTRL, door_hi = _SL_DOOR_N - 1;
	unsigned writable_lo = 0, writable_hi = 1;
	struct sl_command final;
	struct sl_verdict v;
	struct sl_point p;

	sl_domain_point(d, n, &p);
	sl_domain_judge(d, 0, &p, &final, &v);
	if (!v.allow)
		return;
	for (uint32_t i = 0; i < d->n_vars; i++) {
		const struct sl_var *var = &d->var[i];
		uint32_t value = sl_domain_value(d, n, i);

		if (var->kind == SL_VAR_DOOR) {
			door_lo = var->rep[value].lo;
			door_hi = var->rep[value].hi;
		} else if (var->kind == SL_VAR_WRITABLE) {
			writable_lo = writable_hi = var->rep[value].lo != 0;
		}
	}
	for (uint64_t door = door_lo; door <= door_hi && door < _SL_DOOR_N; door++)
		for (unsigned w = writable_lo; w <= writable_hi; w++) {
			f->reach[door][w].any = true;
			f->reach[door][w].effects |= v.facts.effective;
		}
}

static void submit_io(struct sl_kernel_filter *f)
{
	static const enum sl_door doors[] = {SL_DOOR_NS_CHAR, SL_DOOR_NS_BLOCK, SL_DOOR_PARTITION};

	for (unsigned i = 0; i < sizeof(doors) / sizeof(doors[0]); i++)
		for (unsigned w = 0; w < 2; w++) {
			f->reach[doors[i]][w].any = true;
			f->reach[doors[i]][w].effects |= SL_E_DATA | SL_E_REVEALS_DATA;
		}
}

int sl_kernel_filter(unsigned major, unsigned minor, struct sl_kernel_filter *ret)
{
	const struct sl_image *img;
	struct sl_compiled policy;
	struct sl_domain *d;
	unsigned m = 0;
	int r;

	while (major < models[m].major || (major == models[m].major && minor < models[m].minor))
		m++;
	*ret = (struct sl_kernel_filter){.model = models[m].model};
	r = sl_policy_open(ret->model, &policy);
	if (r < 0)
		return r;
	img = policy.image;
	d = sl_domain_new(&img, 1);
	for (uint32_t k = 0; k < d->n_kinds; k++)
		for (uint32_t row = 0; row < sl_row_count && d->kinds[k].who.uid; row++) {
			if (sl_sets[sl_rows[row].set].protocol != SL_WIRE_NVME ||
			    !sl_domain_row(d, k, (uint16_t)row, 0))
				continue;
			for (uint32_t n = 0; n < d->n_points; n++)
				note(d, n, ret);
		}
	(void)sl_domain_free(d);
	sl_policy_close(&policy);
	if (models[m].submit_io)
		submit_io(ret);
	return 0;
}
