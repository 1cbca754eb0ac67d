/* SPDX-License-Identifier: Apache-2.0 */
/* The command tables prove themselves: every row reachable, every rule of their columns kept. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "spec/names.h"
#include "wire/wire.h"

static const struct sl_format *format_of(uint32_t row)
{
	return &sl_formats[sl_rows[row].format];
}

static bool is_command(uint32_t row)
{
	return sl_rows[row].parent == row;
}

/* Bits of a field within the dwords of a request. */
static bool covered(const struct sl_format *format, const struct sl_field *f)
{
	uint8_t req[SL_REQ_MAX] = {0};

	sl_field_set(f, req, UINT64_MAX >> (64 - f->width));
	for (unsigned i = 0; i < SL_REQ_MAX / 4; i++)
		if (sl_get_le32(req + 4 * i) & ~format->known[i])
			return false;
	return true;
}

static void test_columns(void)
{
	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];
		/* Rows that several types of SCSI devices share are named after SPC. */
		const char *prefix = sl_sets[r->set].sense ? "scsi" : sl_set_name(r->set);
		size_t len = strlen(prefix);

		assert(!strncmp(r->name, prefix, len) && r->name[len] == '.');
		assert(strspn(r->name, "abcdefghijklmnopqrstuvwxyz0123456789.-") ==
		       strlen(r->name));
		for (uint32_t j = 0; j < i; j++)
			assert(strcmp(sl_rows[j].name, r->name) != 0);
		assert(r->spec[0] && r->timeout_s > 0 && r->format < sl_format_count);
		assert(r->len < _SL_LEN_N && r->ranges < _SL_RANGES_N && r->excl < _SL_EXCL_N);
		assert(r->floor <= SL_E_ALL && r->scope <= SL_S_ALL);
		/* What has an effect has it somewhere, and an unknown one everywhere. */
		assert(!(r->floor & SL_E_MUTATING) || r->scope);
		assert(!(r->floor & SL_E_UNKNOWN) == !(r->flags & SL_ROW_UNLISTED));
		assert(!(r->floor & SL_E_UNKNOWN) || r->scope == SL_S_ALL);
		/* The broker's own commands are without effect. */
		assert(!(r->flags & SL_ROW_CONTRACT) || !r->floor);
		/* No length without a direction, no blocks that only a payload names without one.
		 */
		assert(r->dir != SL_DIR_NONE || r->len == SL_LEN_NONE || r->len == SL_LEN_UNKNOWN ||
		       r->len == SL_LEN_ATA || r->len == SL_LEN_MBOX || r->len == SL_LEN_BYTCHK);
		assert(r->ranges != SL_RANGES_DSM || r->len == SL_LEN_RANGES);
		assert(r->ranges != SL_RANGES_COPY || r->len == SL_LEN_COPY);
		assert(r->ranges < SL_RANGES_LIST || r->len == SL_LEN_SIZE);
		assert(r->len != SL_LEN_FIXED || r->len_arg);
		/* What counts by a field has one. */
		assert(r->len < SL_LEN_SIZE || r->len > SL_LEN_BYTCHK ||
		       sl_formats[r->format].size.bytes);
		assert(r->ranges < SL_RANGES_LBA || r->ranges > SL_RANGES_LBA_ON ||
		       sl_formats[r->format].lba.bytes);
	}
}

static void test_direction(void)
{
	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];

		if (!sl_sets[r->set].opcode_dir ||
		    ((r->flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED)) && is_command(i)))
			continue;
		for (unsigned op = r->op_lo; op <= r->op_hi; op++)
			assert(r->dir == (op & 3));
	}
}

/* By its own key, and by a request that holds it, each row is found. */
static void test_reachable(void)
{
	for (uint32_t i = 1; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];
		struct sl_field sel;
		bool group = sl_row_selector((uint16_t)i, &sel), found = false;

		for (unsigned op = r->op_lo; op <= r->op_hi; op++)
			for (unsigned s = r->sel_lo; s <= r->sel_hi && s < 256; s++) {
				uint16_t row = sl_row_find_key(r->set, (uint8_t)op,
							       (uint16_t)(s | SL_ROW_SEL_HIGH(r)));
				uint8_t req[SL_REQ_MAX] = {(uint8_t)op};

				if (row == i)
					found = true;
				else
					assert(is_command(i) && (r->flags & SL_ROW_UNLISTED));
				if (!group || s >> sel.width)
					continue;
				sl_field_set(&sel, req, s);
				/* A request is found by the second byte of a long selector alone.
				 */
				if (!SL_ROW_SEL_HIGH(&sl_rows[sl_row_find(r->set, req)]))
					assert(sl_row_find(r->set, req) == row);
			}
		assert(found);
	}
}

/* The look-ups are total: any set, opcode, selector. */
static void test_total(void)
{
	struct sl_field sel;

	for (unsigned set = 0; set < 256; set++)
		for (unsigned op = 0; op < 256; op++)
			for (unsigned s = 0; s < 0x200; s++) {
				uint16_t row =
					sl_row_find_key((uint8_t)set, (uint8_t)op, (uint16_t)s);
				const struct sl_row *r = &sl_rows[row];

				assert(row < sl_row_count);
				assert(op >= r->op_lo && op <= r->op_hi);
				assert(set >= _SL_SET_N ? row == 0 : true);
				if (set == SL_SET_NONE || set == SL_SET_NVME_IO ||
				    set == SL_SET_FWCTL)
					assert(r->flags & SL_ROW_UNLISTED);
				else if (set < _SL_SET_N)
					assert(r->set == set ||
					       (set == SL_SET_NVME_ZNS &&
						r->set == SL_SET_NVME_NVM) ||
					       (sl_sets[set].asked == SL_SET_SCSI &&
						sl_sets[r->set].asked == SL_SET_SCSI));
			}
	assert(!sl_set_name(_SL_SET_N));
	assert(!sl_row_field((uint16_t)sl_row_count, "nsid"));
	assert(!sl_row_selector((uint16_t)sl_row_count, &sel));
}

/* A sub-selector has no field that its command lacks; the selector is a field of both. */
static void test_groups(void)
{
	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i], *p = &sl_rows[r->parent];
		struct sl_field sel;
		size_t len = strlen(p->name);

		assert(is_command(r->parent));
		if (is_command(i)) {
			assert(!r->sel_group || (r->flags & SL_ROW_UNLISTED));
			continue;
		}
		assert(p->sel_group && !r->sel_group);
		/* A CXL command set is no command: its commands have names of their own. */
		if (sl_sets[r->set].protocol == SL_WIRE_NVME ||
		    sl_sets[r->set].protocol == SL_WIRE_SCSI)
			assert(!strncmp(r->name, p->name, len) && r->name[len] == '.');
		assert(r->op_lo == p->op_lo && r->op_hi == p->op_hi);
		assert(r->dir == p->dir);
		assert(sl_row_selector((uint16_t)i, &sel));
		assert(covered(format_of(i), &sel) && covered(format_of(r->parent), &sel));
		assert(r->sel_hi < 1u << sel.width);
		for (unsigned d = 0; d < SL_REQ_MAX / 4; d++)
			assert(!(format_of(i)->known[d] & ~format_of(r->parent)->known[d]));
	}
}

static void test_formats(void)
{
	for (uint32_t i = 0; i < sl_format_count; i++) {
		const struct sl_format *f = &sl_formats[i];
		uint32_t known[SL_REQ_MAX / 4] = {0};

		/* Opcode and NSID always; flags, CID, metadata and data pointers never. */
		assert((f->known[0] & 0xff) == 0xff);
		if (f->req_len == SL_REQ_MAX) {
			assert(f->known[0] == 0xff && f->known[1] == 0xffffffff);
			for (unsigned d = 4; d < 10; d++)
				assert(!f->known[d]);
		}
		for (unsigned b = f->req_len ? f->req_len : SL_REQ_MAX; b < SL_REQ_MAX; b++)
			assert(!(f->known[b / 4] >> 8 * (b % 4) & 0xff));
		for (uint32_t j = 0; j < f->n_fields; j++) {
			const struct sl_field *at = &f->fields[j].field;
			uint64_t ones = UINT64_MAX >> (64 - at->width), v;
			uint8_t req[SL_REQ_MAX] = {0};

			assert(at->width >= 1 && at->width <= 64);
			assert(at->shift + at->width <= at->bytes * 8);
			if (at->space == SL_SPACE_DATA)
				continue;
			assert(at->space == SL_SPACE_REQ);
			assert(at->off + at->bytes <= SL_REQ_MAX);
			for (uint32_t k = 0; k < j; k++)
				assert(strcmp(f->fields[k].name, f->fields[j].name) != 0);
			sl_field_set(at, req, ones);
			for (unsigned d = 0; d < SL_REQ_MAX / 4; d++) {
				assert(!(known[d] & sl_get_le32(req + 4 * d)));
				known[d] |= sl_get_le32(req + 4 * d);
			}
			v = 0x5a5a5a5a5a5a5a5a & ones;
			sl_field_set(at, req, v);
			assert(sl_field_get(at, req) == v);
			sl_field_set(at, req, 0);
			for (unsigned b = 0; b < SL_REQ_MAX; b++)
				assert(!req[b]);
		}
		assert(!memcmp(known, f->known, sizeof(known)));
	}
}

/* Big-endian fields and odd widths, as other protocols will have them. */
static void test_fields(void)
{
	uint8_t b[8] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0};
	struct sl_field be = {.off = 2, .bytes = 4, .width = 32, .be = 1};
	struct sl_field part = {.off = 0, .bytes = 2, .shift = 4, .width = 8, .be = 1};
	struct sl_field wide = {.off = 0, .bytes = 8, .width = 64};

	assert(sl_field_get(&be, b) == 0x56789abc);
	assert(sl_field_get(&part, b) == 0x23);
	assert(sl_field_get(&wide, b) == 0xf0debc9a78563412);
	sl_field_set(&part, b, 0xfff);
	assert(b[0] == 0x1f && b[1] == 0xf4);
}

/* A guard excludes the next one beside it: both are about one field and no value is of both. */
static void test_guards(const struct sl_when *w, uint32_t n)
{
	const struct sl_when *before = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (!w[i].guards)
			continue;
		assert(!before || (!memcmp(&before->field, &w[i].field, sizeof(w[i].field)) &&
				   !before->negate && !w[i].negate && before->hi < w[i].lo));
		before = &w[i];
		test_guards(w + i + 1, w[i].guards);
		i += w[i].guards;
	}
}

static void test_whens(void)
{
	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_when_list *list = &sl_whens[sl_rows[i].when];

		test_guards(list->when, list->n);
		for (uint32_t j = 0; j < list->n; j++) {
			const struct sl_when *w = &list->when[j];

			assert(w->lo <= w->hi && w->hi <= UINT64_MAX >> (64 - w->field.width));
			/* It adds something, or guards what does, within its own list. */
			assert(w->guards ? !w->effects && !w->scope && j + w->guards < list->n
					 : w->effects || w->scope);
			if (w->field.space == SL_SPACE_DATA)
				continue;
			/* The form that the core takes with one load. */
			assert(w->field.space == SL_SPACE_REQ && w->field.bytes == 8);
			assert(!w->field.be && w->field.off <= SL_REQ_MAX - 8);
			assert(covered(format_of(i), &w->field));
		}
	}
}

/*
 * A fence holds a command by the blocks that it names. One that touches what is stored, and names
 * nothing, would pass every fence: such a row says that the blocks are untold.
 */
static void test_fenced(void)
{
	const sl_effects stored = SL_E_DATA | SL_E_REVEALS_DATA;

	for (uint32_t i = _SL_SET_N; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];
		const struct sl_when_list *list = &sl_whens[r->when];
		sl_effects e = r->floor;

		for (uint32_t j = 0; j < list->n; j++)
			e |= list->when[j].effects;
		if (!(e & stored) || r->ranges != SL_RANGES_NONE)
			continue;
		/* Refused whatever a policy says, or of no namespace, and so of no fence's. */
		if (r->flags & (SL_ROW_NO_DEPTH | SL_ROW_NSID_NONE))
			continue;
		fprintf(stderr, "%s: no fence holds it\n", r->name);
		assert(0);
	}
}

static void test_lengths(void)
{
	for (unsigned i = 0; i < _SL_LEN_N; i++) {
		const struct sl_length *l = &sl_lengths[i];

		/* What the core takes with one load. */
		assert(!l->alone || (l->unit && l->field.bytes && l->field.off <= SL_REQ_MAX - 8 &&
				     !l->field.be && l->field.shift + l->field.width <= 64));
	}
}

/* The number in a row's flags is that of its own line, whose bytes lie within what they are of. */
static void test_carriers(void)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_carrier *k = &sl_carriers[SL_ROW_CARRIER_OF(&sl_rows[i])];

		if (!(sl_rows[i].flags & SL_ROW_CARRIER))
			continue;
		seen++;
		assert(SL_ROW_CARRIER_OF(&sl_rows[i]) < sl_carrier_count && k->row == i);
		assert(k->set == sl_sets[k->set].asked && k->req_len <= SL_REQ_MAX);
		/* It is not looked at before its whole envelope is there. */
		assert(!k->head || (sl_rows[i].len == SL_LEN_MBOX_MIN &&
				    sl_rows[i].len_arg >= k->head && k->size.bytes));
		for (unsigned b = 0; b < SL_REQ_MAX; b++)
			assert(k->at[b] == SL_AS_OUTER ||
			       k->at[b] < (k->head ? k->head : SL_REQ_MAX));
		/* No fence is asked about the outer one: what it touches, the inner one says. */
		assert(sl_rows[i].ranges == SL_RANGES_UNTOLD);
	}
	assert(seen == sl_carrier_count - 1);
}

static void assert_row(uint8_t set, uint8_t opcode, uint16_t sel, const char *name)
{
	uint16_t row = sl_row_find_key(set, opcode, sel);

	if (strcmp(sl_rows[row].name, name)) {
		fprintf(stderr, "%02x/%02x is %s, not %s\n", opcode, sel, sl_rows[row].name, name);
		assert(0);
	}
}

/* What the driver owns is denied to everybody: the list, so that a lost flag is seen. */
static void test_kernel(void)
{
	static const uint8_t opcodes[] = {0x00, 0x01, 0x04, 0x05, 0x08, 0x0c, 0x18, 0x7c, 0x7f};
	static const uint8_t fids[] = {0x07, 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0f, 0x16};
	const uint8_t admin = SL_SET_NVME_ADMIN;
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(opcodes); i++)
		assert(sl_rows[sl_row_find_key(admin, opcodes[i], 0)].flags & SL_ROW_KERNEL);
	for (size_t i = 0; i < sizeof(fids); i++) {
		assert(sl_rows[sl_row_find_key(admin, 0x09, fids[i])].flags & SL_ROW_KERNEL);
		assert(!(sl_rows[sl_row_find_key(admin, 0x0a, fids[i])].flags & SL_ROW_KERNEL));
	}
	for (uint32_t i = 0; i < sl_row_count; i++)
		n += sl_rows[i].set == admin && (sl_rows[i].flags & SL_ROW_KERNEL);
	assert(n == sizeof(opcodes) + sizeof(fids));
}

static void test_known(void)
{
	assert_row(SL_SET_NVME_ADMIN, 0x02, 0x02, "nvme.admin.get-log-page.smart");
	assert_row(SL_SET_NVME_ADMIN, 0x02, 0x60, "nvme.admin.get-log-page");
	assert_row(SL_SET_NVME_ADMIN, 0x02, 0xff, "nvme.admin.get-log-page.vendor");
	assert_row(SL_SET_NVME_ADMIN, 0x06, 0x01, "nvme.admin.identify.ctrl");
	assert_row(SL_SET_NVME_ADMIN, 0x80, 0x02, "nvme.admin.format-nvm.crypto-erase");
	assert_row(SL_SET_NVME_ADMIN, 0xc6, 0x00, "nvme.admin.vendor");
	assert_row(SL_SET_NVME_ADMIN, 0xbf, 0x00, "nvme.admin.unlisted");
	/* One number, four commands: the set is part of the key. */
	assert_row(SL_SET_NVME_NVM, 0x02, 0x00, "nvme.nvm.read");
	assert_row(SL_SET_NVME_ZNS, 0x02, 0x00, "nvme.nvm.read");
	assert_row(SL_SET_NVME_KV, 0x02, 0x00, "nvme.kv.retrieve");
	assert_row(SL_SET_NVME_KV, 0x10, 0x00, "nvme.kv.delete");
	assert_row(SL_SET_NVME_NVM, 0x79, 0x04, "nvme.nvm.unlisted");
	assert_row(SL_SET_NVME_ZNS, 0x79, 0x04, "nvme.zns.zone-management-send.reset");
	for (unsigned op = 0x80; op < 0x100; op++) {
		assert_row(SL_SET_NVME_NVM, (uint8_t)op, 0, "nvme.nvm.vendor");
		assert_row(SL_SET_NVME_KV, (uint8_t)op, 0, "nvme.kv.vendor");
		if (op >= 0xc0)
			assert_row(SL_SET_NVME_ADMIN, (uint8_t)op, 0, "nvme.admin.vendor");
	}
	for (unsigned s = 0xc0; s < 0x100; s++) {
		assert_row(SL_SET_NVME_ADMIN, 0x02, (uint16_t)s, "nvme.admin.get-log-page.vendor");
		assert_row(SL_SET_NVME_ADMIN, 0x09, (uint16_t)s, "nvme.admin.set-features.vendor");
		assert_row(SL_SET_NVME_ADMIN, 0x0a, (uint16_t)s, "nvme.admin.get-features.vendor");
	}
}

/* Sets: each is found from what is asked for and the type, and by its queue. */
static void test_sets(void)
{
	for (unsigned i = 1; i < _SL_SET_N; i++) {
		const struct sl_set_info *set = &sl_sets[i];

		assert(sl_sets[set->asked].asked == set->asked);
		assert(sl_set_of_type(set->asked, set->type) == i);
		assert(sl_set_of_queue(set->queue) == set->asked);
		assert(sl_set_of_type((uint8_t)i, SL_TYPE_NONE) == i);
	}
	assert(sl_set_of_type(SL_SET_SCSI, 0x14) == SL_SET_SCSI_SBC);
	assert(sl_set_of_queue(0) == SL_SET_NONE && sl_set_of_queue(200) == SL_SET_NONE);
	/* The same opcode, by the type of the device. */
	assert_row(SL_SET_SCSI_SBC, 0x42, 0, "scsi.sbc.unmap");
	assert_row(SL_SET_SCSI, 0x42, 0, "scsi.spc.unlisted");
	assert_row(SL_SET_SCSI_SBC, 0xa3, 0x0c,
		   "scsi.spc.maintenance-in.report-supported-operation-codes");
}

int main(void)
{
	test_columns();
	test_sets();
	test_direction();
	test_reachable();
	test_total();
	test_groups();
	test_formats();
	test_fields();
	test_whens();
	test_fenced();
	test_kernel();
	test_carriers();
	test_lengths();
	test_known();
	return 0;
}
