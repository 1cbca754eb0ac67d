/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice-iscsi: a logical unit of an iSCSI target as a device on the wire protocol.
 *
 *   sluice-iscsi --fd N iscsi://[user%password@]host[:port]/target/lun
 *
 * A process of its own, because libiscsi parses what a network sends. It judges nothing: CDBs go
 * out as they come in. One command at a time; it ends when its connection does, or the target's.
 */
#include <errno.h>
#include <getopt.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/command.h"
#include "wire/wire.h"

#define INITIATOR    "iqn.2026-11.org.sluice:initiator"
#define LOGIN_S	     10
#define LIMIT_S(ms)  ((int)((ms) / 1000 + 1))
#define HOST_NO_LINK 0x01u /* DID_NO_CONNECT of struct sg_io_hdr's host_status */
#define DRIVER_SENSE 0x08u

struct unit {
	struct iscsi_context *iscsi;
	struct iscsi_url *url;
	int fd;
	_Alignas(8) uint8_t msg[SL_WIRE_MSG_MAX];
};

static int usage(void)
{
	fprintf(stderr, "usage: sluice-iscsi --fd N iscsi://HOST[:PORT]/TARGET/LUN\n");
	return 2;
}

/* Of what the library says the first line: the rest is the form again, or nothing. */
static const char *why(struct iscsi_context *iscsi, char buf[256])
{
	(void)snprintf(buf, 256, "%s", iscsi_get_error(iscsi));
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

/* The URL without what may be a password in it. */
static void complain(const struct unit *u, const char *what)
{
	char buf[256];

	fprintf(stderr, "sluice-iscsi: %s, %s, unit %d: %s: %s\n", u->url ? u->url->portal : "?",
		u->url ? u->url->target : "?", u->url ? u->url->lun : 0, what, why(u->iscsi, buf));
}

static int log_in(struct unit *u, const char *text)
{
	char buf[256];

	u->iscsi = iscsi_create_context(INITIATOR);
	if (!u->iscsi)
		return -ENOMEM;
	u->url = iscsi_parse_full_url(u->iscsi, text);
	if (!u->url) {
		fprintf(stderr,
			"sluice-iscsi: not an iSCSI URL: %s; it is "
			"iscsi://HOST[:PORT]/TARGET/LUN\n",
			why(u->iscsi, buf));
		return -EINVAL;
	}
	iscsi_set_targetname(u->iscsi, u->url->target);
	iscsi_set_session_type(u->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(u->iscsi, ISCSI_HEADER_DIGEST_NONE_CRC32C);
	iscsi_set_timeout(u->iscsi, LOGIN_S);
	/* A session that comes back by itself may be another device. */
	iscsi_set_noautoreconnect(u->iscsi, 1);
	if (iscsi_full_connect_sync(u->iscsi, u->url->portal, u->url->lun) != 0) {
		complain(u, "the target cannot be reached");
		return -EHOSTUNREACH;
	}
	return 0;
}

static int tell_device(struct unit *u, uint32_t tag)
{
	struct sl_wire_device d = {
		.head = {.type = SL_WIRE_DEVICE, .tag = tag},
		.protocol = SL_WIRE_SCSI,
		.max_transfer = SL_WIRE_DATA_MAX,
	};

	(void)snprintf(d.name, sizeof(d.name), "iscsi:%.50s/%d", u->url->target, u->url->lun);
	return sl_wire_send(u->fd, &d, sizeof(d), NULL, 0);
}

/* Status, sense data and residual, as the protocol of the wire has them. */
static void fill(const struct scsi_task *task, const struct sl_wire_command *m,
		 struct sl_wire_completion *c, struct sl_wire_part parts[2])
{
	uint32_t residual = 0;

	c->status = (uint16_t)task->status;
	if (task->residual_status == SCSI_RESIDUAL_UNDERFLOW)
		residual = (uint32_t)task->residual;
	if (task->status == SCSI_STATUS_CHECK_CONDITION && task->datain.size >= 2) {
		/* The first two bytes are the length, RFC 7143 §11.4.7.2. */
		uint32_t n = sl_get_be16(task->datain.data), max = (uint32_t)task->datain.size - 2;

		n = n < max ? n : max;
		c->meta_len = n < m->meta_len ? n : m->meta_len;
		parts[1] = (struct sl_wire_part){task->datain.data + 2, c->meta_len};
		c->result = DRIVER_SENSE << 16;
	} else if (m->dir == SL_DIR_IN && task->datain.data) {
		uint32_t n = (uint32_t)task->datain.size;

		c->data_len = n < m->data_len ? n : m->data_len;
		parts[0] = (struct sl_wire_part){task->datain.data, c->data_len};
		residual = m->data_len - c->data_len;
	}
	c->result |= (uint64_t)residual << 32;
}

static int on_command(struct unit *u)
{
	const struct sl_wire_command *m = (const void *)u->msg;
	static const int dirs[] = {SCSI_XFER_NONE, SCSI_XFER_WRITE, SCSI_XFER_READ};
	struct sl_wire_completion c = {.head = {.type = SL_WIRE_COMPLETION, .tag = m->head.tag}};
	struct iscsi_data out = {.size = m->data_len, .data = u->msg + sizeof(*m)};
	struct sl_wire_part parts[2] = {{NULL, 0}, {NULL, 0}};
	uint8_t cdb[SCSI_CDB_MAX_SIZE] = {0};
	struct scsi_task *task = NULL;
	int r;

	if (m->device != 0 || m->queue != SL_WIRE_SCSI_CDB)
		return -EPROTO;
	c.outcome = SL_OUTCOME_FAILED;
	if (m->req_len > SCSI_CDB_MAX_SIZE || m->dir == SL_DIR_BOTH) {
		c.error = EOPNOTSUPP; /* what libiscsi has no way to send */
		return sl_wire_send(u->fd, &c, sizeof(c), NULL, 0);
	}
	memcpy(cdb, m->req, m->req_len);
	task = scsi_create_task(m->req_len, cdb, dirs[m->dir], m->dir ? (int)m->data_len : 0);
	if (!task)
		return -ENOMEM;
	iscsi_set_timeout(u->iscsi, LIMIT_S(m->timeout_ms));
	/* NULL: the session is gone, or nobody answered in time; both end it. */
	if (!iscsi_scsi_command_sync(u->iscsi, u->url->lun, task,
				     m->dir == SL_DIR_OUT && m->data_len ? &out : NULL) ||
	    task->status < 0 || task->status > 0xff) {
		c.error = ENODEV;
		c.result = HOST_NO_LINK;
		complain(u, "a command was lost");
		(void)sl_wire_send(u->fd, &c, sizeof(c), NULL, 0);
		scsi_free_scsi_task(task);
		return -ENODEV;
	}
	c.outcome = SL_OUTCOME_OK;
	fill(task, m, &c, parts);
	r = sl_wire_send(u->fd, &c, sizeof(c), parts, 2);
	scsi_free_scsi_task(task);
	return r;
}

static int serve(struct unit *u)
{
	int r = sl_wire_accept(u->fd, 1, SL_WIRE_DATA_MAX);

	while (r == 0) {
		const struct sl_wire_head *h = (const void *)u->msg;
		const char *why;
		long n = sl_wire_recv(u->fd, u->msg, sizeof(u->msg), 0);

		if (n <= 0)
			return (int)n;
		if (sl_wire_check(u->msg, (size_t)n, &why) < 0)
			return -EPROTO;
		if (h->type == SL_WIRE_QUERY && h->tag == 0)
			r = tell_device(u, h->tag);
		else if (h->type == SL_WIRE_COMMAND)
			r = on_command(u);
		else if (h->type != SL_WIRE_DETACH) /* one at a time: it is done when it is heard */
			r = -EPROTO;
	}
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"fd", required_argument, NULL, 'f'}, {0}};
	static struct unit u = {.fd = -1};
	int o, r;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'f')
			return usage();
		u.fd = atoi(optarg);
	}
	if (u.fd < 3 || optind + 1 != argc)
		return usage();
	(void)signal(SIGPIPE, SIG_IGN);
	r = log_in(&u, argv[optind]);
	if (r == 0) {
		r = serve(&u);
		(void)iscsi_logout_sync(u.iscsi);
	}
	if (u.url)
		iscsi_destroy_url(u.url);
	if (u.iscsi)
		(void)iscsi_destroy_context(u.iscsi);
	return r < 0 ? 1 : 0;
}
