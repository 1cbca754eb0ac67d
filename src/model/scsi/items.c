/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a logical unit's state. PID, SID: page and subpage; OID: opcode, with SID the service
 * action; two hex digits each.
 */
#include <errno.h>

#include "model/items.h"
#include "model/scsi/scsi.h"

enum area {
	INQUIRY,
	VPD,
	MODE,
	LOG,
	COMMAND,
	STATE,
	BLOCKS,
	VENDOR,
};

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define INT		SL_MODEL_INT
#define BYTES		SL_MODEL_BYTES
#define VALUE(pc)	offsetof(struct sl_scsi_mode, value[pc]), 0
#define COMMAND_ROWS(name)                                                                         \
	{name ".listed", COMMAND, INT, AT(sl_scsi_command, listed), "1: in the list of commands"}, \
		{name ".works", COMMAND, INT, AT(sl_scsi_command, works), "1: it is carried out"}, \
		{name ".support", COMMAND, INT, AT(sl_scsi_command, support),                      \
		 "3 as the standard says, 5 in a vendor's manner"},                                \
		{name ".mlu", COMMAND, INT, AT(sl_scsi_command, mlu),                              \
		 "logical units affected: 1 this, 2 several, 3 all"},                              \
		{name ".length", COMMAND, INT, AT(sl_scsi_command, len), "of its CDB, bytes"},     \
	{                                                                                          \
		name ".usage", COMMAND, BYTES, AT(sl_scsi_command, usage), "CDB usage map"         \
	}

static const struct sl_item_row rows[] = {
	{"inquiry", INQUIRY, BYTES, 0, 0, "standard INQUIRY data"},
	{"inquiry.vendor", INQUIRY, BYTES, 8, 8, "T10 vendor identification"},
	{"inquiry.product", INQUIRY, BYTES, 16, 16, "product identification"},
	{"inquiry.revision", INQUIRY, BYTES, 32, 4, "product revision level"},
	{"vpd.PID", VPD, BYTES, 0, 0, "a VPD page, behind its header"},
	{"mode.PID.current", MODE, BYTES, VALUE(0), "a mode page with its header, in force"},
	{"mode.PID.changeable", MODE, BYTES, VALUE(1), "bits that MODE SELECT may change"},
	{"mode.PID.default", MODE, BYTES, VALUE(2), "from the factory"},
	{"mode.PID.saved", MODE, BYTES, VALUE(3), "after a reset"},
	{"mode.PID.SID.current", MODE, BYTES, VALUE(0), "of a subpage"},
	{"mode.PID.SID.changeable", MODE, BYTES, VALUE(1), "of a subpage"},
	{"mode.PID.SID.default", MODE, BYTES, VALUE(2), "of a subpage"},
	{"mode.PID.SID.saved", MODE, BYTES, VALUE(3), "of a subpage"},
	{"log.PID", LOG, BYTES, 0, 0, "parameters of a log page, behind its header"},
	{"log.PID.SID", LOG, BYTES, 0, 0, "of a subpage"},
	COMMAND_ROWS("command.OID"),
	COMMAND_ROWS("command.OID.SID"),
	{"medium.present", STATE, INT, AT(sl_scsi, present), "1: there is one"},
	{"medium.protected", STATE, INT, AT(sl_scsi, protect), "1: by the medium itself"},
	{"medium.prevented", STATE, INT, AT(sl_scsi, prevented), "1: it cannot be taken out"},
	{"medium.blocks", BLOCKS, INT, 0, 8, "how many there are"},
	{"stopped", STATE, INT, AT(sl_scsi, stopped), "1: START STOP UNIT stopped it"},
	{"power", STATE, INT, AT(sl_scsi, power), "power condition: 1 active, 2 idle, 3 standby"},
	{"reservation.type", STATE, INT, AT(sl_scsi, pr.type), "persistent; 0: none"},
	{"reservation.generation", STATE, INT, AT(sl_scsi, pr.generation),
	 "changes of registrations"},
	{"ata.identify", STATE, BYTES, AT(sl_scsi, identify), "IDENTIFY DEVICE data"},
	{"ata.smart", STATE, BYTES, AT(sl_scsi, smart), "SMART READ DATA"},
	{"ata.thresholds", STATE, BYTES, AT(sl_scsi, thresholds), "SMART READ THRESHOLDS"},
	{"ata.power", STATE, INT, AT(sl_scsi, ata_power), "FFh active, 80h idle, 00h standby"},
	{"ata.erc", STATE, BYTES, AT(sl_scsi, sct_timer), "SCT error recovery timers"},
	{"ata.sct", STATE, BYTES, AT(sl_scsi, sct_feature), "states of SCT feature control"},
	{"buffer", STATE, BYTES, AT(sl_scsi, buffer), "data buffer of WRITE BUFFER"},
	{"vendor.NAME", VENDOR, INT, 0, 0, "a variable of the persona"},
};

#undef INT
#undef BYTES

static int place_command(struct sl_model *m, const struct sl_item_row *row,
			 const struct sl_item_args *a, struct sl_model_item *ret)
{
	struct sl_scsi_command *c =
		sl_scsi_command(m, (uint8_t)a->n[0], a->count > 1 ? (uint16_t)a->n[1] : SCSI_NO_SA);

	if (!c)
		return -ENOENT;
	ret->p = (uint8_t *)c + row->offset;
	if (ret->kind == SL_MODEL_BYTES)
		ret->len = c->len;
	return 0;
}

static int place_page(struct sl_model *m, const struct sl_item_row *row,
		      const struct sl_item_args *a, struct sl_model_item *ret)
{
	uint8_t page = (uint8_t)a->n[0], subpage = a->count > 1 ? (uint8_t)a->n[1] : 0;
	struct sl_scsi_mode *mode;
	struct sl_bytes *b = NULL;

	if (row->area == MODE) {
		mode = sl_scsi_mode(m, page, subpage);
		if (!mode)
			return -ENOENT;
		ret->p = (uint8_t *)mode + row->offset;
		ret->len = mode->len;
		return 0;
	}
	if (row->area == LOG) {
		struct sl_scsi_log *log = sl_scsi_log(m, page, subpage);

		b = log ? &log->data : NULL;
	}
	for (unsigned i = 0; row->area == VPD && i < m->scsi->n_vpd; i++)
		if (m->scsi->vpd[i].page == page)
			b = &m->scsi->vpd[i].data;
	if (!b || !b->len)
		return -ENOENT;
	ret->p = b->p;
	ret->len = b->len;
	return 0;
}

static int place(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a,
		 struct sl_model_item *ret)
{
	switch (row->area) {
	case INQUIRY:
		ret->p = m->scsi->inquiry + row->offset;
		if (!row->len)
			ret->len = m->scsi->inquiry_len;
		return 0;
	case COMMAND:
		return place_command(m, row, a, ret);
	case BLOCKS:
		ret->p = m->ns ? m->ns->id : NULL;
		return m->ns ? 0 : -ENOENT;
	case STATE:
		ret->p = (uint8_t *)m->scsi + row->offset;
		return 0;
	case VENDOR:
		return sl_item_vendor(m, a, ret);
	default:
		return place_page(m, row, a, ret);
	}
}

/* The host learns of another capacity or medium by a unit attention (SBC-5 §4.7, SPC-6 §5.11). */
static int follow(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a)
{
	(void)a;
	if (row->area == BLOCKS)
		sl_scsi_attention(m, S_CAPACITY_CHANGED);
	if (row->area == STATE && row->offset == offsetof(struct sl_scsi, present) &&
	    m->scsi->present)
		sl_scsi_attention(m, S_MEDIUM_CHANGED);
	if (row->area == COMMAND && row->offset == offsetof(struct sl_scsi_command, len) &&
	    m->scsi->n_commands)
		for (unsigned i = 0; i < m->scsi->n_commands; i++)
			if (m->scsi->commands[i].len > SCSI_CDB_MAX)
				m->scsi->commands[i].len = SCSI_CDB_MAX;
	return 0;
}

const struct sl_item_table sl_items_scsi = {rows, SL_COUNT(rows), place, follow};
