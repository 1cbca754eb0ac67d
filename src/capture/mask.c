/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers give way to invented ones before anything is written. They are the same for every
 * device and not derived from the real ones: a serial number has too few possibilities for a hash
 * of it to be a secret.
 */
#include <string.h>

#include "base/bytes.h"
#include "capture/scsi.h"
#include "wire/wire.h"

/* Identify Controller and Identify Namespace. */
enum { ID_SN = 4, ID_SN_LEN = 20, ID_FGUID = 112, ID_SUBNQN = 768, NS_NGUID = 104, NS_EUI64 = 120 };
enum { FID_HOST_ID = 0x81 };
enum { NIDT_EUI64 = 1, NIDT_NGUID, NIDT_UUID };

static const char masked_sn[] = "MASKED";
static const char masked_nqn[] = "nqn.2026-11.example.sluice:masked";

/* A locally administered identifier that says nothing but `n`; nothing stays nothing. */
static void mask_id(uint8_t *p, unsigned len, uint32_t n)
{
	unsigned i = 0;

	while (i < len && !p[i])
		i++;
	if (i == len)
		return;
	memset(p, 0, len);
	p[0] = 0x02;
	for (i = 0; i < 4; i++)
		p[len - 1 - i] = (uint8_t)(n >> (8 * i));
}

/* Where the serial number stands elsewhere, as in a vendor's bytes. */
static void mask_text(struct sl_answer *a, const char *text, size_t n)
{
	for (uint8_t *p = a->data; n >= 4 && (size_t)(a->data + a->len - p) >= n; p++)
		if (!memcmp(p, text, n))
			memset(p, 'X', n);
}

static void mask_controller(struct sl_answer *a)
{
	memset(a->data + ID_SN, ' ', ID_SN_LEN);
	memcpy(a->data + ID_SN, masked_sn, sizeof(masked_sn) - 1);
	mask_id(a->data + ID_FGUID, 16, 0);
	if (!a->data[ID_SUBNQN])
		return;
	memset(a->data + ID_SUBNQN, 0, 256);
	memcpy(a->data + ID_SUBNQN, masked_nqn, sizeof(masked_nqn));
}

static void mask_descriptors(struct sl_answer *a, uint32_t nsid)
{
	uint8_t *p = a->data;

	for (size_t at = 0; at + 4 < a->len && p[at + 1]; at += 4u + p[at + 1])
		if (p[at] >= NIDT_EUI64 && p[at] <= NIDT_UUID && at + 4 + p[at + 1] <= a->len)
			mask_id(p + at + 4, p[at + 1], nsid);
}

static void mask_answer(struct sl_answer *a)
{
	uint32_t nsid = sl_get_le32(a->cmd.req + 4);
	unsigned sub = sl_capture_sub(a);

	if (a->cmd.req[0] == SL_CAPTURE_GET_FEATURES && (sub & 0xff) == FID_HOST_ID)
		mask_id(a->data, a->cmd.data_len, 1);
	if (a->cmd.req[0] != SL_CAPTURE_IDENTIFY)
		return;
	if (sub == 0x01)
		mask_controller(a);
	if (sub == 0x03)
		mask_descriptors(a, nsid);
	if (sub == 0x00 || sub == 0x11) {
		mask_id(a->data + NS_NGUID, 16, nsid);
		mask_id(a->data + NS_EUI64, 8, nsid);
	}
	/* Lists of UUIDs and of endurance groups name nobody; CNS 17h entries are a vendor's. */
}

void sl_capture_mask(struct sl_capture *c)
{
	const struct sl_answer *id;
	char sn[ID_SN_LEN] = "";
	size_t n = 0;

	if (c->protocol == SL_WIRE_SCSI) {
		sl_scsi_capture_mask(c);
		return;
	}
	if (c->protocol == SL_WIRE_CXL)
		return; /* nothing of it is one device's alone */
	id = sl_capture_find(c, SL_CAPTURE_IDENTIFY, 0, 0x01, 0);
	if (id) {
		memcpy(sn, id->data + ID_SN, ID_SN_LEN);
		n = ID_SN_LEN;
	}
	while (n && (sn[n - 1] == ' ' || !sn[n - 1]))
		n--;
	for (unsigned i = 0; i < c->n; i++) {
		if (!sl_answer_good(c->answer[i]))
			continue;
		mask_text(c->answer[i], sn, n);
		mask_answer(c->answer[i]);
	}
}
