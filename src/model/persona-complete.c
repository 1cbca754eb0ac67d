/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a persona file leaves open follows from what it says; what it says must fit together where
 * the engine relies on it. A persona may contradict itself in what it *tells* the host: that is
 * what liars are for; so only structure is checked here, never honesty.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/persona-json.h"

/* Offsets in Identify Controller, Base 2.1 Figure 312. */
enum {
	ID_FR = 64,
	ID_MDTS = 77,
	ID_CNTLID = 78,
	ID_OACS = 256,
	ID_FRMW = 260,
	ID_LPA = 261,
	ID_SANICAP = 328,
	ID_TNVMCAP = 280,
	ID_NN = 516,
	ID_ONCS = 520,
	ID_CDFS = 534,
	ID_SUBNQN = 768,
	ID_PSD = 2048,
};

enum { CSUPP = 1 };

/* Which capability bit a command stands for: OACS and ONCS follow from the commands if not given.
 */
const struct sl_persona_capability sl_persona_capabilities[] = {
	{false, 0x82, 1 << 0},	/* Security Receive: OACS.SSRS */
	{false, 0x80, 1 << 1},	/* Format NVM: FNVMS */
	{false, 0x10, 1 << 2},	/* Firmware Commit: FWDS */
	{false, 0x0d, 1 << 3},	/* Namespace Management: NMS */
	{false, 0x14, 1 << 4},	/* Device Self-test: DSTS */
	{false, 0x1a, 1 << 5},	/* Directive Receive: DIRS */
	{false, 0x1d, 1 << 6},	/* NVMe-MI Send: NSRS */
	{false, 0x1c, 1 << 7},	/* Virtualization Management: VMS */
	{false, 0x7c, 1 << 8},	/* Doorbell Buffer Config: DBCS */
	{false, 0x86, 1 << 9},	/* Get LBA Status: GLSS */
	{false, 0x24, 1 << 10}, /* Lockdown: CFLS */
	{true, 0x05, 1 << 0},	/* Compare: ONCS.NVMCMPS */
	{true, 0x04, 1 << 1},	/* Write Uncorrectable: NVMWUSV */
	{true, 0x09, 1 << 2},	/* Dataset Management: NVMDSMSV */
	{true, 0x08, 1 << 3},	/* Write Zeroes: NVMWZSV */
	{true, 0x0e, 1 << 5},	/* Reservation Report: RESERVS */
	{true, 0x0c, 1 << 7},	/* Verify: NVMVFYS */
	{true, 0x19, 1 << 8},	/* Copy: NVMCPYS */
};
const size_t sl_persona_capabilities_n = SL_COUNT(sl_persona_capabilities);

static void complete_commands(struct sl_pj *j)
{
	struct sl_persona *p = j->p;

	/* The admin part is one for all command sets; it was read into the log of CSI 0. */
	for (unsigned csi = 1; csi < SL_PERSONA_CSI_N; csi++)
		if (p->has_effects[csi])
			memcpy(p->effects[csi], p->effects[0], 1024);
	for (unsigned op = 0; op < 256; op++) {
		bool listed = p->effects[0][4 * op] & CSUPP;

		p->admin[op] = (listed || j->unlisted.admin[op]) && !j->refused.admin[op];
		for (unsigned csi = 0; csi < SL_PERSONA_CSI_N; csi++) {
			listed = p->effects[csi][1024 + 4 * op] & CSUPP;
			p->io[csi][op] =
				(listed || j->unlisted.io[csi][op]) && !j->refused.io[csi][op];
		}
	}
}

static void complete_capabilities(struct sl_persona *p, json_t *id)
{
	uint16_t oacs = 0, oncs = 0;

	for (size_t i = 0; i < sl_persona_capabilities_n; i++) {
		uint8_t op = sl_persona_capabilities[i].opcode;

		if (sl_persona_capabilities[i].io && (p->io[0][op] || p->io[2][op]))
			oncs |= sl_persona_capabilities[i].bit;
		if (!sl_persona_capabilities[i].io && p->admin[op])
			oacs |= sl_persona_capabilities[i].bit;
	}
	if (p->feature[0x0e].supported)
		oncs |= 1 << 6; /* TSS */
	for (unsigned fid = 0; fid < 256; fid++)
		if (p->feature[fid].supported && p->feature[fid].saveable)
			oncs |= 1 << 4; /* SSFS */
	if (!json_object_get(id, "oacs"))
		sl_put_le16(p->id_ctrl + ID_OACS, oacs);
	if (!json_object_get(id, "oncs"))
		sl_put_le16(p->id_ctrl + ID_ONCS, oncs);
	if (!json_object_get(id, "lpa"))
		p->id_ctrl[ID_LPA] =
			(uint8_t)((p->has_effects[0] ? 2 : 0) | 4 |
				  (p->telemetry_host_bytes ? 8 : 0) |
				  (p->quirks & SL_QUIRK_SUPPORTED_LOGS_MISSING ? 0 : 0x20));
	if (!json_object_get(id, "sanicap") && p->admin[0x84])
		sl_put_le32(p->id_ctrl + ID_SANICAP, 0x7);
}

/* Identify fields that have a value on every device. */
static void complete_identify(struct sl_persona *p, json_t *id)
{
	static const struct {
		const char *name;
		uint64_t value;
	} defaults[] = {
		{"ver", 0x10400},  {"cntrltype", 1}, {"acl", 3},      {"aerl", 3},
		{"elpe", 63},	   {"sqes", 0x66},   {"cqes", 0x44},  {"mdts", 5},
		{"avscc", 1},	   {"wctemp", 343},  {"cctemp", 353}, {"rtd3r", 500000},
		{"rtd3e", 500000},
	};
	uint64_t bytes = 0;

	for (size_t i = 0; i < SL_COUNT(defaults); i++) {
		const struct sl_field *f =
			sl_field_find(sl_fields_id_ctrl, sl_fields_id_ctrl_n, defaults[i].name);

		for (unsigned b = 0; !json_object_get(id, f->name) && b < f->size && b < 8; b++)
			p->id_ctrl[f->offset + b] = (uint8_t)(defaults[i].value >> (8 * b));
	}
	if (!json_object_get(id, "power_states"))
		sl_put_le16(p->id_ctrl + ID_PSD, 2500); /* 25 W */
	if (!json_object_get(id, "nn"))
		sl_put_le32(p->id_ctrl + ID_NN, p->n_ns ? p->ns[p->n_ns - 1].nsid : 1);
	if (!json_object_get(id, "subnqn"))
		snprintf((char *)p->id_ctrl + ID_SUBNQN, 224, "nqn.2026-11.example.sluice:%s",
			 p->name);
	for (unsigned i = 0; i < p->n_ns; i++)
		bytes += sl_get_le64(p->ns[i].id_ns + 48); /* NVMCAP */
	if (!json_object_get(id, "tnvmcap"))
		sl_put_le64(p->id_ctrl + ID_TNVMCAP, bytes);
}

/* A device that copies says how much: NVM CS 1.1, Identify Namespace MSSRL, MCL, MSRC; CDFS. */
static void complete_copy(struct sl_persona *p, json_t *id)
{
	if (!p->io[0][0x19] && !p->io[2][0x19])
		return;
	if (!json_object_get(id, "cdfs") && !json_object_get(id, "ocfs"))
		sl_put_le16(p->id_ctrl + ID_CDFS, 1);
	for (unsigned i = 0; i < p->n_ns; i++) {
		uint8_t *ns = p->ns[i].id_ns;

		if (sl_get_le16(ns + 74) || sl_get_le32(ns + 76))
			continue;
		sl_put_le16(ns + 74, 128);
		sl_put_le32(ns + 76, 128);
		ns[80] = 127;
	}
}

static int complete_firmware(struct sl_pj *j, json_t *root)
{
	struct sl_persona_firmware *f = &j->p->firmware;
	json_t *id = json_object_get(root, "identify_controller");
	uint8_t frmw = j->p->id_ctrl[ID_FRMW];
	int r = 0;

	/* Where there is no "firmware", Identify may already say it. */
	if (!json_object_get(root, "firmware") && json_object_get(id, "frmw")) {
		f->slot1_read_only = frmw & 1;
		f->slots = frmw >> 1 & 7;
		f->activate_without_reset = frmw >> 4 & 1;
	}
	if (!f->slots)
		f->slots = 1;
	if (!f->active)
		f->active = 1;
	sl_pj_enter(j, "firmware");
	if (f->active > f->slots)
		r = sl_pj_fail_at(j, "active", "there are only %u slots", f->slots);
	else if (f->next > f->slots)
		r = sl_pj_fail_at(j, "next", "there are only %u slots", f->slots);
	for (unsigned s = f->slots + 1u; !r && s <= 7; s++)
		if (f->revision[s][0])
			r = sl_pj_fail_at(j, "revisions", "slot %u: there are only %u slots", s,
					  f->slots);
	if (!r && f->next && !f->revision[f->next][0])
		r = sl_pj_fail_at(j, "next", "slot %u is empty", f->next);
	sl_pj_leave(j);
	if (r)
		return r;
	if (!f->revision[f->active][0])
		memcpy(f->revision[f->active], j->p->id_ctrl + ID_FR, 8);
	if (!json_object_get(id, "frmw"))
		j->p->id_ctrl[ID_FRMW] = (uint8_t)((f->slot1_read_only ? 1 : 0) | f->slots << 1 |
						   (f->activate_without_reset ? 0x10 : 0));
	return 0;
}

/* Logs that a device with these commands has, unless the file lists them. */
static void complete_logs(struct sl_pj *j)
{
	struct sl_persona *p = j->p;
	bool *l = p->log_supported;

	if (!j->lids_given) {
		l[0x01] = l[0x02] = l[0x03] = p->admin[0x02];
		l[0x00] = !(p->quirks & SL_QUIRK_SUPPORTED_LOGS_MISSING);
		l[0x04] = p->admin[0x0d] || p->admin[0x15];
		l[0x05] = p->has_effects[0] && !(p->quirks & SL_QUIRK_EFFECTS_LOG_MISSING);
		l[0x06] = p->admin[0x14];
		l[0x07] = l[0x08] = p->telemetry_host_bytes || p->telemetry_ctrl_bytes;
		l[0x12] = !(p->quirks & SL_QUIRK_FEATURE_EFFECTS_MISSING);
		l[0x09] = sl_get_le16(p->id_ctrl + 340) != 0; /* ENDGIDMAX */
		l[0x0c] = p->id_ctrl[76] >> 3 & 1;	      /* CMIC: ANA reporting */
		l[0x0d] = p->id_ctrl[ID_LPA] >> 4 & 1;	      /* persistent event log */
		l[0x13] = p->admin[0x1d];
		l[0x14] = p->admin[0x24];
		l[0x80] = p->io[0][0x0e];
		l[0x81] = p->admin[0x84];
		l[0xbf] = p->has_effects[2];
	}
	for (unsigned i = 0; i < p->n_logs; i++)
		l[p->logs[i].lid] = true;
}

/*
 * Log 12h from the features that declare effects; those that do not declare only their scope.
 * Without any, or where the file gives the log itself, nothing is made here.
 */
static int complete_feature_effects(struct sl_pj *j)
{
	struct sl_persona *p = j->p;
	struct sl_persona_log *log;
	bool any = false;

	for (unsigned fid = 0; fid < 256; fid++)
		any = any || p->feature[fid].effects;
	for (unsigned i = 0; i < p->n_logs; i++)
		any = any && p->logs[i].lid != 0x12;
	if (!any || p->quirks & SL_QUIRK_FEATURE_EFFECTS_MISSING)
		return 0;
	log = realloc(p->logs, (p->n_logs + 1) * sizeof(*log));
	if (!log)
		return sl_pj_nomem(j);
	p->logs = log;
	log = &p->logs[p->n_logs++];
	*log = (struct sl_persona_log){.lid = 0x12, .data = {calloc(1, 1024), 1024}};
	if (!log->data.p)
		return sl_pj_nomem(j);
	for (unsigned fid = 0; fid < 256; fid++) {
		const struct sl_persona_feature *f = &p->feature[fid];
		uint32_t scope = 1u << (f->per_namespace ? 20 : 21);

		if (f->supported)
			sl_put_le32(log->data.p + 4 * fid, f->effects ? f->effects : scope | CSUPP);
	}
	return 0;
}

static void complete_smart(struct sl_persona *p, json_t *smart)
{
	static const struct {
		const char *name;
		uint8_t offset, value;
	} defaults[] = {{"available_spare", 3, 100}, {"spare_threshold", 4, 10}};

	for (size_t i = 0; i < SL_COUNT(defaults); i++)
		if (!json_object_get(smart, defaults[i].name))
			p->smart[defaults[i].offset] = defaults[i].value;
	if (!json_object_get(smart, "temperature"))
		sl_put_le16(p->smart + 1, 273 + 35);
	if (!json_object_get(smart, "error_entries"))
		sl_put_le64(p->smart + 176, p->error_total);
}

static int check_namespaces(struct sl_pj *j, uint32_t nn)
{
	struct sl_persona *p = j->p;

	for (unsigned i = 0; i < p->n_ns; i++) {
		const struct sl_persona_ns *ns = &p->ns[i];

		if (ns->nsid > nn) {
			sl_pj_enter(j, "identify_controller");
			(void)sl_pj_fail_at(j, "nn", "namespace %u is beyond nn %u", ns->nsid, nn);
			sl_pj_leave(j);
			return -EINVAL;
		}
	}
	return 0;
}

int sl_persona_complete(struct sl_pj *j, json_t *root)
{
	struct sl_persona *p = j->p;
	json_t *id = json_object_get(root, "identify_controller");
	json_t *raw = json_object_get(root, "identify_controller_raw");
	int r;

	complete_commands(j);
	complete_identify(p, id);
	complete_capabilities(p, id);
	complete_copy(p, id);
	complete_smart(p, json_object_get(root, "smart"));
	r = complete_firmware(j, root);
	if (r)
		return r;
	r = complete_feature_effects(j);
	if (r)
		return r;
	complete_logs(j);
	if (raw) {
		sl_pj_enter(j, "identify_controller_raw");
		r = sl_pj_overlay(j, raw, p->id_ctrl, sizeof(p->id_ctrl));
		sl_pj_leave(j);
		if (r)
			return r;
	}
	p->nn = sl_get_le32(p->id_ctrl + ID_NN);
	p->cntlid = sl_get_le16(p->id_ctrl + ID_CNTLID);
	memcpy(p->subnqn, p->id_ctrl + ID_SUBNQN, sizeof(p->subnqn) - 1);
	if (p->id_ctrl[ID_MDTS] > SL_PERSONA_MDTS_MAX) {
		sl_pj_enter(j, "identify_controller");
		r = sl_pj_fail_at(j, "mdts", "%u is out of range 0 to %u", p->id_ctrl[ID_MDTS],
				  SL_PERSONA_MDTS_MAX);
		sl_pj_leave(j);
		return r;
	}
	p->max_transfer = p->id_ctrl[ID_MDTS] ? 4096u << p->id_ctrl[ID_MDTS] : 0;
	return check_namespaces(j, p->nn);
}
