/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HDIO_* ioctls on a SCSI block node: each is the ATA PASS-THROUGH(16) that Linux's libata
 * makes of it (SAT-5 §12.2.2), and is judged as that. A unit that is no ATA disk behind a
 * translation answers as it answers that command.
 */
#include <errno.h>
#include <linux/hdreg.h>
#include <string.h>

#include "base/bytes.h"
#include "front/run/scsi.h"
#include "front/run/super.h"

#define SAT_PASS_THROUGH_16 0x85
#define SAT_NON_DATA	    (3 << 1)
#define SAT_PIO_IN	    (4 << 1)
#define SAT_CK_COND	    0x20 /* give the registers back */
#define SAT_IN_BY_COUNT	    0x0e /* from the device, in blocks, as many as the count says */
#define SAT_REGISTERS	    0x09 /* descriptor type, 12 bytes follow */
#define SENSE_DESCRIPTOR    0x72
#define ATA_IDENTIFY	    0xec
#define ATA_SMART	    0xb0
#define ATA_SECTOR	    512u
#define ATA_SMART_LBA_MID   0x4f
#define ATA_SMART_LBA_HIGH  0xc2

/* Where the CDB has the registers, and the sense descriptor those that come back. */
enum {
	FEATURES = 4,
	COUNT = 6,
	LBA_LOW = 8,
	LBA_MID = 10,
	LBA_HIGH = 12,
	DEVICE = 13,
	COMMAND = 14
};
enum {
	BACK_ERROR = 3,
	BACK_COUNT = 5,
	BACK_LOW = 7,
	BACK_MID = 9,
	BACK_HIGH = 11,
	BACK_DEVICE = 12,
	BACK_STATUS = 13
};

/* The registers in the sense data, or NULL. */
static const uint8_t *registers(const struct sl_client_reply *r)
{
	const uint8_t *s = r->meta;

	if (r->c.meta_len < 22 || s[0] != SENSE_DESCRIPTOR || s[8] != SAT_REGISTERS || s[9] != 12)
		return NULL;
	return s + 8;
}

/* The command was carried out, as far as it said so. */
static bool worked(const struct sl_client_reply *r, const uint8_t *regs)
{
	/* With CK_COND the registers come as CHECK CONDITION, whatever is in them. */
	return r->c.status == 0 || (r->c.status == 2 && regs && !(regs[BACK_STATUS] & 1));
}

/* The small answer, which begins with status, error and count, and the sectors after it. */
static enum sl_handled small_done(struct sl_super *s, struct sl_call *c,
				  const struct sl_client_reply *r)
{
	static const uint8_t back[] = {BACK_STATUS, BACK_ERROR, BACK_COUNT, BACK_LOW,
				       BACK_MID,    BACK_HIGH,	BACK_DEVICE};
	uint32_t size = c->row->arg;
	const uint8_t *regs;
	int e;

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	if (r->c.meta_len > c->meta_len || r->c.data_len > c->data_len)
		return sl_reply_error(c, EIO);
	regs = registers(r);
	for (uint32_t i = 0; regs && i < size && (size > 4 || i < 3); i++)
		c->head[i] = regs[back[i]];
	e = sl_tracee_write(s, c, c->args[2] + size, r->data, c->data_len ? r->c.data_len : 0);
	if (e == 0)
		e = sl_tracee_write(s, c, c->args[2], c->head, size);
	return sl_reply_error(c, e < 0 ? -e : worked(r, regs) ? 0 : EIO);
}

static enum sl_handled send(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row,
			    const uint8_t *cdb)
{
	c->row = row;
	c->meta_len = SL_SENSE_MAX;
	c->dir = c->data_len ? SL_DIR_IN : SL_DIR_NONE;
	return sl_scsi_send(s, c, cdb, 16, 0);
}

/* HDIO_DRIVE_CMD: command, count (for SMART: LBA low), features, sectors that come back. */
static enum sl_handled start_command(struct sl_super *s, struct sl_call *c,
				     const struct sl_ioctl *row)
{
	uint8_t cdb[16] = {SAT_PASS_THROUGH_16, SAT_NON_DATA, SAT_CK_COND}, *a = c->head;
	int r = sl_tracee_read(s, c, c->args[2], a, row->arg);

	if (r < 0)
		return sl_reply_error(c, -r);
	if (a[3]) {
		cdb[1] = SAT_PIO_IN;
		cdb[2] = SAT_IN_BY_COUNT;
		c->data_len = a[3] * ATA_SECTOR;
	}
	cdb[FEATURES] = a[2];
	cdb[COUNT] = a[1];
	if (a[0] == ATA_SMART) {
		cdb[COUNT] = a[3];
		cdb[LBA_LOW] = a[1];
		cdb[LBA_MID] = ATA_SMART_LBA_MID;
		cdb[LBA_HIGH] = ATA_SMART_LBA_HIGH;
	} else if (a[3]) {
		cdb[COUNT] = a[3]; /* what comes back is counted by it */
	}
	cdb[COMMAND] = a[0];
	c->done = small_done;
	return send(s, c, row, cdb);
}

/* HDIO_DRIVE_TASK: command and the registers, no data. */
static enum sl_handled start_task(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row)
{
	uint8_t cdb[16] = {SAT_PASS_THROUGH_16, SAT_NON_DATA, SAT_CK_COND}, *a = c->head;
	int r = sl_tracee_read(s, c, c->args[2], a, row->arg);

	if (r < 0)
		return sl_reply_error(c, -r);
	cdb[FEATURES] = a[1];
	cdb[COUNT] = a[2];
	cdb[LBA_LOW] = a[3];
	cdb[LBA_MID] = a[4];
	cdb[LBA_HIGH] = a[5];
	cdb[DEVICE] = a[6] & 0x4f;
	cdb[COMMAND] = a[0];
	c->done = small_done;
	return send(s, c, row, cdb);
}

static enum sl_handled identity_done(struct sl_super *s, struct sl_call *c,
				     const struct sl_client_reply *r)
{
	/* Serial number, firmware, model: characters stand in pairs the other way round. */
	static const uint16_t strings[][2] = {{20, 40}, {46, 54}, {54, 94}};
	uint8_t page[ATA_SECTOR];

	if (r->c.outcome != SL_OUTCOME_OK)
		return sl_reply_error(c, sl_reply_errno(s, c, r));
	if (r->c.status || r->c.data_len != sizeof(page))
		return sl_reply_error(c, ENOMSG); /* libata: no ATA disk */
	memcpy(page, r->data, sizeof(page));
	for (size_t i = 0; i < SL_COUNT(strings); i++) {
		for (unsigned at = strings[i][0]; at < strings[i][1]; at += 2) {
			uint8_t first = page[at];

			page[at] = page[at + 1];
			page[at + 1] = first;
		}
	}
	return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], page, sizeof(page)));
}

static enum sl_handled start_identity(struct sl_super *s, struct sl_call *c,
				      const struct sl_ioctl *row)
{
	const uint8_t cdb[16] = {SAT_PASS_THROUGH_16, SAT_PIO_IN,
				 SAT_IN_BY_COUNT, [COUNT] = 1, [COMMAND] = ATA_IDENTIFY};

	c->data_len = ATA_SECTOR;
	c->done = identity_done;
	return send(s, c, row, cdb);
}

/* 255 heads, 63 sectors: what Linux makes up for disks that do not say. */
static enum sl_handled start_geometry(struct sl_super *s, struct sl_call *c,
				      const struct sl_ioctl *row)
{
	const struct sl_ns *ns = &s->nodes.ns[c->node->ns];
	uint64_t cylinders = ns->lba_shift ? (ns->blocks << (ns->lba_shift - 9)) / (255 * 63) : 0;
	uint8_t out[16] = {255, 63}; /* struct hd_geometry; it starts at 0 */

	(void)row;
	sl_put_le16(out + 2, cylinders > UINT16_MAX ? UINT16_MAX : (uint16_t)cylinders);
	return sl_reply_error(c, -sl_tracee_write(s, c, c->args[2], out, sizeof(out)));
}

#define DOOR (1u << SL_DOOR_SCSI_BLOCK)
#define ROW(number, start, arg)                                                                    \
	{                                                                                          \
		number, DOOR, #number, start, arg, false                                           \
	}

const struct sl_ioctl sl_ioctl_ata[] = {
	/* The argument: bytes of the small request that is also the answer. */
	ROW(HDIO_DRIVE_CMD, start_command, 4),
	ROW(HDIO_DRIVE_TASK, start_task, 7),
	ROW(HDIO_GET_IDENTITY, start_identity, 0),
	{HDIO_GETGEO, DOOR, "HDIO_GETGEO", start_geometry, 0, true},
	/* Of the IDE driver that Linux has no more, and resets. */
	ROW(HDIO_DRIVE_TASKFILE, sl_ioctl_refuse, ENOTTY),
	ROW(HDIO_DRIVE_RESET, sl_ioctl_refuse, EPERM),
	{0},
};
