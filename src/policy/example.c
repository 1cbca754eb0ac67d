/* SPDX-License-Identifier: Apache-2.0 */
/* A point of the domain as an example for people. */
#include <string.h>

#include "core/table.h"
#include "policy/bits.h"
#include "policy/domain.h"
#include "spec/names.h"
#include "wire/wire.h"

void sl_domain_command(const struct sl_domain *d, const struct sl_point *p, char *buf, size_t size)
{
	const struct sl_command *cmd = &p->cmd;
	const struct sl_row *row = &sl_rows[d->row];
	const struct sl_format *f = &sl_formats[row->format];
	const struct sl_field opcode = {.bytes = 1, .width = 8};
	struct sl_field sel = {0};
	bool has_sel = sl_row_selector(d->row, &sel);
	size_t n;

	if (row->flags & SL_ROW_UNLISTED && !row->sel_group) {
		n = (size_t)snprintf(buf, size, "--queue %s --hex ", sl_set_name(row->set));
		for (unsigned i = 0; i < cmd->req_len && n + 3 < size; i++)
			n += (size_t)snprintf(buf + n, size - n, "%02x", cmd->req[i]);
		return;
	}
	n = (size_t)snprintf(buf, size, "%s", row->name);
	/* Of fields that nobody has described there is nothing to say. */
	if (row->flags & SL_ROW_NO_DEPTH && row->op_lo == row->op_hi)
		return;
	for (uint32_t i = 0; i < f->n_fields && n + 1 < size; i++) {
		const struct sl_field *x = &f->fields[i].field;
		bool data = x->space == SL_SPACE_DATA;
		bool there = !data || (p->data && (uint32_t)x->off + x->bytes <= cmd->data_len);
		uint64_t v = there ? sl_field_get(x, data ? p->data : cmd->req) : 0;
		bool says_row = (sl_bits_same(x, &opcode) && row->op_lo == row->op_hi) ||
				(has_sel && sl_bits_same(x, &sel) && row->sel_lo == row->sel_hi);

		if (v && !says_row)
			n += (size_t)snprintf(buf + n, size - n,
					      v > 0xffff ? " %s=0x%llx" : " %s=%llu",
					      f->fields[i].name, (unsigned long long)v);
	}
}

void sl_domain_given(const struct sl_domain *d, uint32_t n, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = 0;
	for (uint32_t i = 0; i < d->n_vars; i++) {
		const struct sl_var *v = &d->var[i];
		uint32_t value = sl_domain_value(d, n, i);
		char one[128] = "";

		if ((v->kind == SL_VAR_BIT && v->bit == 0 && d->kind->protocol == SL_WIRE_NVME) ||
		    v->kind == SL_VAR_LISTED)
			(void)snprintf(one, sizeof(one), "%s",
				       value ? "the device lists it"
					     : "the device does not list it");
		else if (v->kind == SL_VAR_BIT && value)
			(void)snprintf(one, sizeof(one), "bit %u of its declaration is set",
				       v->bit);
		else if (v->kind == SL_VAR_OBSERVED && value)
			(void)snprintf(one, sizeof(one), "a verifier saw it change: %s",
				       sl_effect_name((unsigned)__builtin_ctzll(v->rep[value].lo)));
		else if (v->kind == SL_VAR_CAUGHT && value)
			(void)snprintf(one, sizeof(one), "the device was caught");
		else if (v->kind == SL_VAR_WRITABLE && value)
			(void)snprintf(one, sizeof(one), "the node is open for writing");
		else if (v->kind == SL_VAR_VERIFIED && value)
			(void)snprintf(one, sizeof(one), "it was verified");
		else if (v->kind == SL_VAR_CLAIMED && value)
			(void)snprintf(one, sizeof(one), "the namespace is claimed");
		else if (v->kind == SL_VAR_IN_USE && value)
			(void)snprintf(one, sizeof(one), "the kernel uses the namespace");
		if (one[0] && len + 1 < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "; " : "",
						one);
	}
}

unsigned sl_domain_oddness(const struct sl_domain *d, uint32_t n)
{
	unsigned odd = 0;

	for (uint32_t i = 0; i < d->n_vars; i++) {
		uint32_t value = sl_domain_value(d, n, i);

		if (d->var[i].kind == SL_VAR_FIELD)
			odd += value > 0;
		else if (d->var[i].kind == SL_VAR_BIT)
			odd += value * (d->var[i].bit == 0 ? 1 : d->var[i].bit == 5 ? 40 : 4);
		else if (d->var[i].kind == SL_VAR_LISTED)
			odd += value;
		else
			odd += value ? 20 : 0;
	}
	return odd;
}
