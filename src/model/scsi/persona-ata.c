/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "ata" section of a SCSI persona: the SATA disk behind the translation layer. IDENTIFY DEVICE
 * data and SMART tables are made from it (ACS-4 §7.13.6, SFF-8035i).
 */
#include <stdlib.h>
#include <string.h>

#include "model/scsi/persona.h"

static int read_attribute(struct sl_pj *j, json_t *v, struct sl_scsi_attribute *a)
{
	static const struct sl_pj_key keys[] = {
		{"id", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_attribute, id), .min = 1,
		 .required = true},
		{"flags", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_attribute, flags)},
		{"value", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_attribute, value)},
		{"worst", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_attribute, worst)},
		{"threshold", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_attribute, threshold)},
		{"raw", sl_pj_read_uint, SL_PJ_FIELD(struct sl_scsi_attribute, raw),
		 .max = UINT64_C(0xffffffffffff)},
	};

	a->value = a->worst = 100;
	a->flags = 0x32;
	return sl_pj_object(j, v, keys, SL_COUNT(keys), a);
}

static int read_smart(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	struct sl_persona_ata *ata = &j->p->scsi->ata;
	int r = sl_pj_want_array(j, v, SL_COUNT(ata->attribute));
	json_t *item;
	size_t i;

	(void)field, (void)k;
	if (r)
		return r;
	json_array_foreach(v, i, item) {
		sl_pj_enter_index(j, i);
		r = read_attribute(j, item, &ata->attribute[ata->n_attributes++]);
		sl_pj_leave(j);
		if (r)
			return r;
	}
	return 0;
}

static void tables(struct sl_persona_ata *ata)
{
	sl_put_le16(ata->smart, 0x0010);
	sl_put_le16(ata->thresholds, 0x0010);
	for (unsigned i = 0; i < ata->n_attributes; i++) {
		const struct sl_scsi_attribute *a = &ata->attribute[i];
		uint8_t *e = ata->smart + 2 + 12 * i, *t = ata->thresholds + 2 + 12 * i;

		e[0] = t[0] = a->id;
		sl_put_le16(e + 1, a->flags);
		e[3] = a->value;
		e[4] = a->worst;
		for (unsigned b = 0; b < 6; b++)
			e[5 + b] = (uint8_t)(a->raw >> 8 * b);
		t[1] = a->threshold;
	}
	ata->smart[362] = 0x02; /* off-line data collection completed */
	ata->smart[367] = 0x1b; /* self-tests, no selective ones */
	sl_put_le16(ata->smart + 368, 0x0003);
	ata->smart[370] = 0x01;
	ata->smart[372] = 2; /* minutes: short, extended */
	ata->smart[373] = 10;
}

/* ATA strings: characters of a word change places, padded with spaces. */
static void text(uint8_t *id, unsigned word, const char *s, size_t n)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < n; i++)
		id[2 * word + (i ^ 1)] = i < len ? (uint8_t)s[i] : ' ';
}

static void identify(struct sl_persona *p)
{
	static const struct {
		uint8_t word;
		uint16_t value;
	} words[] = {
		{0, 0x0040},   {47, 0x8010},  {49, 0x2f00},  {53, 0x0006},  {59, 0xb000},
		{63, 0x0007},  {64, 0x0003},  {65, 120},     {66, 120},	    {67, 120},
		{68, 120},     {75, 31},      {76, 0x810e},  {78, 0x0040},  {80, 0x0ff0},
		{82, 0x7469},  {83, 0x7409},  {84, 0x4123},  {85, 0x7469},  {86, 0xb401},
		{87, 0x4123},  {88, 0x407f},  {93, 0x0000},  {105, 8},	    {119, 0x4010},
		{120, 0x4010}, {169, 0x0001}, {206, 0x003d}, {222, 0x107f},
	};
	struct sl_persona_ata *ata = &p->scsi->ata;
	uint64_t blocks = p->ns[0].size;
	uint8_t *id = ata->identify;

	for (size_t i = 0; i < SL_COUNT(words); i++)
		sl_put_le16(id + 2 * words[i].word, words[i].value);
	text(id, 10, ata->serial, 20);
	text(id, 23, ata->firmware, 8);
	text(id, 27, ata->model, 40);
	sl_put_le32(id + 2 * 60, blocks > 0x0fffffff ? 0x0fffffff : (uint32_t)blocks);
	sl_put_le64(id + 2 * 100, blocks);
	if (p->scsi->physical_exponent)
		sl_put_le16(id + 2 * 106, (uint16_t)(0x6000 | p->scsi->physical_exponent));
	for (unsigned i = 0; p->scsi->has_naa && i < 8; i++)
		id[2 * 108 + (i ^ 1)] = p->scsi->naa[i];
	sl_put_le16(id + 2 * 217, p->scsi->rotation);
}

int sl_scsi_read_ata(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k)
{
	static const struct sl_pj_key keys[] = {
		{"model", sl_pj_read_ascii, SL_PJ_FIELD(struct sl_persona_ata, model),
		 .required = true},
		{"serial", sl_pj_read_ascii, SL_PJ_FIELD(struct sl_persona_ata, serial),
		 .required = true},
		{"firmware", sl_pj_read_ascii, SL_PJ_FIELD(struct sl_persona_ata, firmware),
		 .required = true},
		{"smart", read_smart},
		{"identify_raw", sl_pj_read_skip},
	};
	struct sl_persona_ata *ata = &j->p->scsi->ata;
	json_t *raw = json_object_get(v, "identify_raw");
	int r = sl_pj_object(j, v, keys, SL_COUNT(keys), ata);

	(void)field, (void)k;
	if (!r && (j->p->scsi->kind != SCSI_DISK || !j->p->n_ns))
		r = sl_pj_fail(j, "only a disk with a \"medium\" is a SATA disk inside");
	if (r)
		return r;
	ata->present = true;
	tables(ata);
	identify(j->p);
	if (raw) {
		sl_pj_enter(j, "identify_raw");
		r = sl_pj_overlay(j, raw, ata->identify, sizeof(ata->identify));
		sl_pj_leave(j);
	}
	return r;
}
