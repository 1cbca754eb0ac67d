/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes the engine an NVMe controller: the tables of commands that exist, the checks that hold
 * for every one of them, the error log, and what a reset is. What a command does is in admin-*.c
 * and io-*.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/command.h"
#include "model/items.h"
#include "model/state.h"

#define F 0xffffffffu

/* Base 2.1 §5, figure 89: NSID and the bits of CDW10 … CDW15 that mean something. */
static const struct sl_model_row admin_rows[] = {
	{0x00, ROW_SANITIZE, sl_cmd_delete_sq, {0xffff, 0, 0, 0, 0, 0}},
	{0x01, ROW_SANITIZE, sl_cmd_create_sq, {F, 0xffff0007, 0xffff, 0, 0, 0}},
	{0x02, ROW_SANITIZE, sl_cmd_get_log, {0xffffffff, F, F, F, 0xff80007f, 0}},
	{0x04, ROW_SANITIZE, sl_cmd_delete_cq, {0xffff, 0, 0, 0, 0, 0}},
	{0x05, ROW_SANITIZE, sl_cmd_create_cq, {F, 0xffff0003, 0, 0, 0, 0}},
	{0x06, ROW_SANITIZE, sl_cmd_identify, {0xffff00ff, 0xff00ffff, 0, 0, 0x7f, 0}},
	{0x08, ROW_SANITIZE, sl_cmd_abort, {F, 0, 0, 0, 0, 0}},
	{0x09, ROW_SANITIZE, sl_cmd_set_features, {0x800000ff, F, F, F, 0x7f, F}},
	{0x0a, ROW_SANITIZE, sl_cmd_get_features, {0x7ff, F, 0, 0, 0x7f, 0}},
	{0x0c, ROW_SANITIZE, sl_cmd_async_event, {0}},
	{0x0d, 0, sl_cmd_ns_mgmt, {0xf, 0xff000000, 0, 0, 0, 0}},
	{0x10, 0, sl_cmd_fw_commit, {0x8000003f, 0, 0, 0, 0, 0}},
	{0x11, 0, sl_cmd_fw_download, {F, F, 0, 0, 0, 0}},
	{0x14, 0, sl_cmd_self_test, {0xf, 0, 0, 0, 0, 0}},
	{0x15, 0, sl_cmd_ns_attach, {0xf, 0, 0, 0, 0, 0}},
	{0x18, ROW_SANITIZE, sl_cmd_keep_alive, {0}},
	{0x19, 0, sl_cmd_directive_send, {F, F, F, F, 0, 0}},
	{0x1a, 0, sl_cmd_directive_recv, {F, F, F, F, 0, 0}},
	{0x1c, 0, sl_cmd_virt_mgmt, {0xffff070f, 0xffff, 0, 0, 0, 0}},
	{0x24, 0, sl_cmd_lockdown, {0xff7f, 0, 0, 0, 0x7f, 0}},
	{0x7c, ROW_SANITIZE, sl_cmd_doorbell_buffers, {0}},
	{0x80, 0, sl_cmd_format, {0x3fff, 0, 0, 0, 0, 0}},
	{0x81, 0, sl_cmd_security_send, {F, F, 0, 0, 0, 0}},
	{0x82, 0, sl_cmd_security_recv, {F, F, 0, 0, 0, 0}},
	{0x84, ROW_SANITIZE, sl_cmd_sanitize, {0x7ff, F, 0, 0, 0, 0}},
	{0x86, ROW_NSID, sl_cmd_lba_status, {F, F, F, 0xff00ffff, 0, 0}},
};

/* NVM command set 1.1 §3, figure 18; the common I/O commands of Base 2.1 §7; ZNS 1.1 §3. */
static const struct sl_model_row io_rows[] = {
	{0x00, ROW_ANY_NSID, sl_cmd_flush, {0}},
	{0x01, ROW_NSID | ROW_WRITES, sl_cmd_write, {F, F, 0xfff0ffff, 0xffff00ff, F, F}},
	{0x02, ROW_NSID | ROW_READS, sl_cmd_read, {F, F, 0xfd00ffff, 0xff, F, F}},
	{0x04, ROW_NSID | ROW_WRITES, sl_cmd_write_uncor, {F, F, 0xf0ffff, 0xffff0000, 0, 0}},
	{0x05, ROW_NSID | ROW_READS, sl_cmd_compare, {F, F, 0xfd00ffff, 0, F, F}},
	{0x08, ROW_NSID | ROW_WRITES, sl_cmd_write_zeroes, {F, F, 0xfff0ffff, 0xffff0000, F, F}},
	{0x09, ROW_NSID | ROW_WRITES, sl_cmd_dsm, {0xff, 0x7, 0, 0, 0, 0}},
	{0x0c, ROW_NSID | ROW_READS, sl_cmd_verify, {F, F, 0xfd00ffff, 0, F, F}},
	{0x0d, ROW_NSID, sl_cmd_resv_register, {0xc000000f, 0, 0, 0, 0, 0}},
	{0x0e, ROW_NSID, sl_cmd_resv_report, {F, 0x1, 0, 0, 0, 0}},
	{0x11, ROW_NSID, sl_cmd_resv_acquire, {0xff0f, 0, 0, 0, 0, 0}},
	{0x12, ROW_NSID, sl_cmd_io_mgmt_recv, {0xffff00ff, F, 0, 0, 0, 0}},
	{0x15, ROW_NSID, sl_cmd_resv_release, {0xff0f, 0, 0, 0, 0, 0}},
	{0x19, ROW_NSID | ROW_WRITES, sl_cmd_copy, {F, F, 0xffffffff, 0xffff00ff, F, F}},
	{0x1d, ROW_NSID, sl_cmd_io_mgmt_send, {0xffff00ff, 0, 0, 0, 0, 0}},
	{0x79, ROW_NSID | ROW_WRITES, sl_cmd_zone_send, {F, F, F, 0x3ff, 0, 0}},
	{0x7a, ROW_NSID | ROW_READS, sl_cmd_zone_recv, {F, F, F, 0x1ffff, 0, 0}},
	{0x7d, ROW_NSID | ROW_WRITES, sl_cmd_zone_append, {F, F, 0xfef0ffff, 0xffff00ff, F, F}},
};

#undef F

static const struct sl_model_row *row_find(uint8_t queue, uint8_t opc)
{
	const struct sl_model_row *rows = queue == SL_WIRE_NVME_ADMIN ? admin_rows : io_rows;
	size_t n = queue == SL_WIRE_NVME_ADMIN ? SL_COUNT(admin_rows) : SL_COUNT(io_rows);

	for (size_t i = 0; i < n; i++)
		if (rows[i].opc == opc)
			return &rows[i];
	return NULL;
}

uint16_t sl_fail_field(struct sl_model_req *r, unsigned byte, unsigned bit)
{
	r->err_at = (uint16_t)(byte | bit << 8);
	return NVME_INVALID_FIELD;
}

uint16_t sl_req_give(struct sl_model_req *r, const void *p, uint32_t n)
{
	if (n > r->data_len)
		return NVME_SGL_LENGTH;
	if (n)
		memcpy(r->data, p, n);
	r->ret_len = n;
	return NVME_OK;
}

uint16_t sl_req_need(const struct sl_model_req *r, uint32_t n)
{
	return n > r->data_len || (n && r->dir != SL_DIR_OUT && r->dir != SL_DIR_BOTH)
		       ? NVME_SGL_LENGTH
		       : NVME_OK;
}

bool sl_model_version(const struct sl_model *m, uint32_t at_least)
{
	return sl_get_le32(m->id_ctrl + 80) >= at_least;
}

static void nvme_decode(struct sl_model *m, struct sl_model_req *r)
{
	for (unsigned i = 0; i < 16; i++)
		r->cdw[i] = sl_get_le32(r->sqe + 4 * i);
	r->opc = r->sqe[0];
	r->nsid = r->cdw[1];
	r->ns = sl_ns_find(m, r->nsid);
	if (r->ns && !r->ns->attached)
		r->ns = NULL;
	r->csi = r->queue == SL_WIRE_NVME_IO && r->ns ? r->ns->csi : 0;
}

static uint16_t check_nsid(const struct sl_model *m, struct sl_model_req *r,
			   const struct sl_model_row *row)
{
	if (!(row->flags & (ROW_NSID | ROW_ANY_NSID)) || r->ns)
		return NVME_OK;
	if (r->nsid == NSID_ALL && row->flags & ROW_ANY_NSID)
		return NVME_OK;
	if (r->nsid == 0 || r->nsid > sl_get_le32(m->id_ctrl + 516))
		return NVME_INVALID_NS;
	return sl_fail_field(r, 4, 0); /* a valid NSID that is not active */
}

static uint16_t check_reserved(const struct sl_model *m, struct sl_model_req *r,
			       const struct sl_model_row *row)
{
	if (m->p->quirks & SL_QUIRK_RESERVED_IGNORED)
		return NVME_OK;
	for (unsigned i = 0; i < 6; i++) {
		uint32_t wrong = r->cdw[10 + i] & ~row->used[i];

		if (wrong)
			return sl_fail_field(r, 40 + 4 * i, (unsigned)__builtin_ctz(wrong));
	}
	if (r->cdw[0] & 0x300) /* fused operations are of no use one at a time */
		return sl_fail_field(r, 1, 0);
	return NVME_OK;
}

/* What state of the namespace or device stands in the way. */
static uint16_t check_state(struct sl_model *m, const struct sl_model_req *r,
			    const struct sl_model_row *row)
{
	if (r->queue == SL_WIRE_NVME_ADMIN && m->lock.admin[r->opc])
		return NVME_LOCKED_DOWN;
	if (!(row->flags & ROW_SANITIZE)) {
		if (sl_media_sanitizing(m))
			return NVME_SANITIZE_BUSY;
		if ((m->sanitize[2] & 7) == 3)
			return NVME_SANITIZE_FAILED;
	}
	if (r->queue != SL_WIRE_NVME_IO || !r->ns)
		return NVME_OK;
	if (m->now_ms < r->ns->busy_until_ms)
		return NVME_FORMATTING;
	if (row->flags & ROW_WRITES && r->ns->protect)
		return NVME_NS_PROTECTED;
	if (row->flags & (ROW_WRITES | ROW_READS) &&
	    !sl_resv_permits(m, r->ns, row->flags & ROW_WRITES))
		return NVME_RESERVED;
	return NVME_OK;
}

static uint16_t run(struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_model_row *row = row_find(r->queue, r->opc);
	bool listed =
		r->queue == SL_WIRE_NVME_ADMIN ? m->p->admin[r->opc] : m->p->io[r->csi][r->opc];
	uint16_t s;

	/* A rule's own command need not be one that the device offers to hosts. */
	if (!row || (!listed && !r->internal && !(m->p->quirks & SL_QUIRK_IMPLEMENTS_UNLISTED)))
		return NVME_INVALID_OPCODE;
	if (row->run == sl_cmd_zone_send || row->run == sl_cmd_zone_recv ||
	    row->run == sl_cmd_zone_append)
		if (r->csi != NVME_CSI_ZNS)
			return NVME_INVALID_OPCODE;
	s = check_nsid(m, r, row);
	if (!s)
		s = check_reserved(m, r, row);
	if (!s && m->p->max_transfer && r->data_len > m->p->max_transfer)
		s = NVME_INVALID_FIELD;
	if (!s)
		s = check_state(m, r, row);
	if (!s)
		s = row->run(m, r);
	if (s && r->ret_len && s != NVME_READ_ERROR)
		r->ret_len = 0;
	return s;
}

/* Failures that may well go away: a retry is not pointless. */
static bool transient(uint16_t status)
{
	return status == NVME_SANITIZE_BUSY || status == NVME_FORMATTING ||
	       status == NVME_ABORTED || status == NVME_SELF_TEST_BUSY ||
	       status == NVME_AER_LIMIT || status == NVME_INTERNAL;
}

void sl_model_error_log(struct sl_model *m, const struct sl_model_req *r, uint16_t status)
{
	unsigned size = m->id_ctrl[262] + 1u; /* ELPE, 0's based */
	struct sl_error_entry *e;

	m->error_count++;
	m->error_at = (m->error_at + 1) % size;
	if (m->n_errors < size)
		m->n_errors++;
	e = &m->error[m->error_at];
	*e = (struct sl_error_entry){{0}};
	sl_put_le64(e->b, m->error_count);
	sl_put_le16(e->b + 8, r && r->queue == SL_WIRE_NVME_IO ? 1 : 0);
	sl_put_le16(e->b + 10, r ? (uint16_t)(r->cdw[0] >> 16) : 0xffff);
	sl_put_le16(e->b + 12, (uint16_t)(status << 1));
	sl_put_le16(e->b + 14, r ? r->err_at : 0xffff);
	if (r) {
		uint64_t lba, n;

		if (sl_io_range(r, &lba, &n))
			sl_put_le64(e->b + 16, lba);
		sl_put_le32(e->b + 24, r->nsid);
	}
	sl_smart_add(m, 176, 1); /* number of error information log entries */
}

void sl_model_error(struct sl_model *m, uint16_t status, uint32_t nsid, uint64_t lba, uint16_t cid)
{
	uint8_t *b;

	sl_model_error_log(m, NULL, status);
	b = m->error[m->error_at].b;
	sl_put_le16(b + 10, cid);
	sl_put_le64(b + 16, lba);
	sl_put_le32(b + 24, nsid);
}

static bool nvme_takes(uint8_t queue, uint16_t req_len)
{
	return (queue == SL_WIRE_NVME_ADMIN || queue == SL_WIRE_NVME_IO) && req_len == 64;
}

static void nvme_execute(struct sl_model *m, struct sl_model_req *r)
{
	bool event = r->opc == 0x0c && r->queue == SL_WIRE_NVME_ADMIN;
	/* Nobody would be there to take the event. */
	uint16_t s = r->internal && event ? NVME_INVALID_OPCODE : run(m, r);

	r->status = (uint16_t)(s && !r->internal && !transient(s) ? s | SL_NVME_DNR : s);
}

/* Somebody may have deleted all queues: then there is no way to the device. */
static bool nvme_reachable(struct sl_model *m, struct sl_model_req *r)
{
	r->error = ENODEV;
	return r->queue != SL_WIRE_NVME_IO || sl_queues_any(m);
}

static void nvme_finish(struct sl_model *m, struct sl_model_req *r)
{
	if (r->status)
		sl_model_error_log(m, r, r->status);
}

static void nvme_set_status(struct sl_model_req *r, uint32_t word)
{
	r->status = (uint16_t)word;
}

/* Opcodes of the vendor, Base 2.1 Figure 92. */
static bool nvme_is_vendor(const struct sl_model_req *r)
{
	return r->opc >= (r->queue == SL_WIRE_NVME_ADMIN ? 0xc0 : 0x80);
}

/* Dataset Management names its ranges in the payload: 16 bytes each, NVM CS 1.1 Figure 39. */
static bool dsm_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		      uint64_t *ret_blocks)
{
	if (!sl_req_payload(r) || i > (r->cdw[10] & 0xff) || 16 * (i + 1) > r->data_len)
		return false;
	*ret_lba = sl_get_le64(r->data + 16 * i + 8);
	*ret_blocks = sl_get_le32(r->data + 16 * i + 4);
	return true;
}

/* Copy writes from SDLBA on as many blocks as its source ranges have, NVM CS 1.1 §3.3.1. */
static bool copy_range(const struct sl_model_req *r, uint64_t *ret_lba, uint64_t *ret_blocks)
{
	uint32_t n = (r->cdw[12] & 0xff) + 1, format = r->cdw[12] >> 8 & 0xf;
	uint32_t size = format == 1 || format == 3 ? 40 : 32;

	if (!sl_req_payload(r))
		return false;
	*ret_lba = r->cdw[10] | (uint64_t)r->cdw[11] << 32;
	*ret_blocks = 0;
	for (uint32_t i = 0; i < n && size * (i + 1) <= r->data_len; i++)
		*ret_blocks += sl_get_le16(r->data + size * i + 16) + 1u;
	return true;
}

static bool nvme_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		       uint64_t *ret_blocks)
{
	if (r->queue != SL_WIRE_NVME_IO)
		return false;
	if (r->opc == 0x09)
		return dsm_range(r, i, ret_lba, ret_blocks);
	if (i)
		return false;
	return r->opc == 0x19 ? copy_range(r, ret_lba, ret_blocks)
			      : sl_io_range(r, ret_lba, ret_blocks);
}

/* What an observer sends, by queue and opcode. */
static uint8_t nvme_look(const struct sl_model_req *r)
{
	static const struct {
		uint8_t queue, opcode, look;
	} looks[] = {
		{SL_WIRE_NVME_ADMIN, 0x06, SL_LOOK_IDENTIFY}, /* Identify */
		{SL_WIRE_NVME_ADMIN, 0x02, SL_LOOK_LOG},      /* Get Log Page */
		{SL_WIRE_NVME_ADMIN, 0x0a, SL_LOOK_FEATURE},  /* Get Features */
		{SL_WIRE_NVME_IO, 0x02, SL_LOOK_READ},	      /* Read */
		{SL_WIRE_NVME_IO, 0x05, SL_LOOK_READ},	      /* Compare */
		{SL_WIRE_NVME_IO, 0x0c, SL_LOOK_READ},	      /* Verify */
		{SL_WIRE_NVME_IO, 0x7a, SL_LOOK_READ},	      /* Zone Management Receive */
	};

	for (size_t i = 0; i < SL_COUNT(looks); i++)
		if (looks[i].queue == r->queue && looks[i].opcode == r->opc)
			return looks[i].look;
	return 0;
}

/* Base 2.1 Figure 92: bits 1:0 of an opcode are the direction. */
static void nvme_inner(const struct sl_model *m, struct sl_model_req *r, bool out)
{
	(void)m, (void)out;
	r->dir = r->sqe[0] & 3;
}

static void nvme_reset(struct sl_model *m, bool power)
{
	if (power) {
		sl_smart_add(m, 112, 1); /* power cycles */
		sl_smart_add(m, 144, 1); /* unsafe shutdowns: nobody announced it */
		m->lock = (struct sl_lockdown){{0}};
		for (struct sl_model_ns *ns = m->ns; ns; ns = ns->next)
			if (ns->protect == 2) /* write protect until power cycle */
				ns->protect = 0;
	}
	m->pel_context = false;
	m->directive_streams = false;
	m->streams_allocated = 0;
	sl_events_reset(m);
	sl_features_reset(m, power);
	sl_queues_reset(m);
	sl_resv_reset(m, power);
	sl_fw_reset(m);
	sl_media_reset(m, power);
}

const struct sl_model_ops sl_model_nvme = {
	.protocol = SL_WIRE_NVME,
	.request_len = 64,
	.bad_field = NVME_INVALID_FIELD | SL_NVME_DNR,
	.items = &sl_items_nvme,
	.takes = nvme_takes,
	.load = sl_nvme_load,
	.unload = sl_nvme_unload,
	.decode = nvme_decode,
	.execute = nvme_execute,
	.reachable = nvme_reachable,
	.finish = nvme_finish,
	.set_status = nvme_set_status,
	.is_vendor = nvme_is_vendor,
	.range = nvme_range,
	.look = nvme_look,
	.inner = nvme_inner,
	.tick = sl_media_tick,
	.next = sl_media_next,
	.deliver = sl_events_deliver,
	.reset = nvme_reset,
	.hash = sl_nvme_hash,
};
