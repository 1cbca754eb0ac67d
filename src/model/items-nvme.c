/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of an NVMe controller's state: one row per name, with what it is and where it lies.
 */
#include <errno.h>

#include "model/items.h"
#include "model/state.h"

enum area {
	SMART,
	CTRL,
	EFFECTS,
	FIRMWARE,
	SANITIZE,
	SELF_TEST,
	NS,    /* struct sl_model_ns */
	NS_ID, /* its Identify bytes */
	ZONE,
	FEATURE, /* struct sl_feature of the controller */
	NS_FEATURE,
	LOG,
	VENDOR,
	MODEL, /* struct sl_model */
};

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define INT		SL_MODEL_INT
#define BYTES		SL_MODEL_BYTES

static const struct sl_item_row rows[] = {
	{"smart", SMART, BYTES, 0, 512, "the SMART log (LID 02h), as the host reads it"},
	{"smart.critical_warning", SMART, INT, 0, 1, "critical warning bits"},
	{"smart.temperature", SMART, INT, 1, 2, "composite temperature, kelvin"},
	{"smart.available_spare", SMART, INT, 3, 1, "per cent"},
	{"smart.spare_threshold", SMART, INT, 4, 1, "per cent"},
	{"smart.percentage_used", SMART, INT, 5, 1, "per cent, may exceed 100"},
	{"smart.data_units_read", SMART, INT, 32, 8, "thousands of 512 bytes"},
	{"smart.data_units_written", SMART, INT, 48, 8, "thousands of 512 bytes"},
	{"smart.host_reads", SMART, INT, 64, 8, "read commands"},
	{"smart.host_writes", SMART, INT, 80, 8, "write commands"},
	{"smart.busy_time", SMART, INT, 96, 8, "minutes"},
	{"smart.power_cycles", SMART, INT, 112, 8, "how often"},
	{"smart.power_on_hours", SMART, INT, 128, 8, "hours"},
	{"smart.unsafe_shutdowns", SMART, INT, 144, 8, "how often"},
	{"smart.media_errors", SMART, INT, 160, 8, "unrecovered data integrity errors"},
	{"smart.error_entries", SMART, INT, 176, 8, "error log entries over the life"},
	{"smart.warning_temperature_time", SMART, INT, 192, 4, "minutes"},
	{"smart.critical_temperature_time", SMART, INT, 196, 4, "minutes"},
	{"id-ctrl", CTRL, BYTES, 0, 4096, "Identify Controller (CNS 01h)"},
	{"id-ctrl.sn", CTRL, BYTES, 4, 20, "serial number"},
	{"id-ctrl.mn", CTRL, BYTES, 24, 40, "model number"},
	{"id-ctrl.fr", CTRL, BYTES, 64, 8, "firmware revision in force"},
	{"effects.CSI", EFFECTS, BYTES, 0, 4096, "commands supported and effects log (LID 05h)"},
	{"fw", FIRMWARE, BYTES, 0, 512, "firmware slot log (LID 03h)"},
	{"fw.afi", FIRMWARE, INT, 0, 1, "active slot, bits 2:0; slot of the next reset, bits 6:4"},
	{"fw.slot.SLOT", FIRMWARE, BYTES, 0, 8, "revision in a slot, 1 to 7"},
	{"sanitize", SANITIZE, BYTES, 0, 512, "sanitize status log (LID 81h)"},
	{"sanitize.progress", SANITIZE, INT, 0, 2, "65536ths; 65535: none runs"},
	{"sanitize.status", SANITIZE, INT, 2, 2, "SSTAT: state in bits 2:0"},
	{"self-test", SELF_TEST, BYTES, 0, 564, "device self-test log (LID 06h)"},
	{"self-test.operation", SELF_TEST, INT, 0, 1, "0 none, 1 short, 2 extended"},
	{"self-test.progress", SELF_TEST, INT, 1, 1, "per cent"},
	{"ns.N.id", NS_ID, BYTES, 0, 4096, "Identify Namespace (CNS 00h)"},
	{"ns.N.size", NS_ID, INT, 0, 8, "NSZE, blocks"},
	{"ns.N.capacity", NS_ID, INT, 8, 8, "NCAP, blocks"},
	{"ns.N.used", NS_ID, INT, 16, 8, "NUSE, blocks"},
	{"ns.N.flbas", NS_ID, INT, 26, 1,
	 "format in use; another block size empties the namespace"},
	{"ns.N.nguid", NS_ID, BYTES, 104, 16, "NGUID"},
	{"ns.N.eui64", NS_ID, BYTES, 120, 8, "EUI-64"},
	{"ns.N.uuid", NS, BYTES, AT(sl_model_ns, uuid), "UUID"},
	{"ns.N.id-csi", NS, BYTES, AT(sl_model_ns, id_csi), "command set's own identity (CNS 05h)"},
	{"ns.N.attached", NS, INT, AT(sl_model_ns, attached), "1: to this controller"},
	{"ns.N.protect", NS, INT, AT(sl_model_ns, protect),
	 "write protection as feature 84h has it"},
	{"ns.N.reservation.type", NS, INT, AT(sl_model_ns, resv.type), "0: none"},
	{"ns.N.reservation.generation", NS, INT, AT(sl_model_ns, resv.gen),
	 "changes of registrations"},
	{"ns.N.zone.ZONE", ZONE, BYTES, 0, 64,
	 "zone descriptor: state in byte 1 bits 7:4, "
	 "write pointer in bytes 31:24"},
	{"feature.FID.current", FEATURE, INT, AT(sl_feature, current), "value in force"},
	{"feature.FID.default", FEATURE, INT, AT(sl_feature, dflt), "value from the factory"},
	{"feature.FID.saved", FEATURE, INT, AT(sl_feature, saved), "value after a reset"},
	{"feature.FID.data", FEATURE, BYTES, AT(sl_feature, data), "data structure in force"},
	{"feature.FID.saved_data", FEATURE, BYTES, AT(sl_feature, saved_data), "saved one"},
	{"feature.FID.ns.N.current", NS_FEATURE, INT, AT(sl_feature, current), "of a namespace"},
	{"feature.FID.ns.N.default", NS_FEATURE, INT, AT(sl_feature, dflt), "of a namespace"},
	{"feature.FID.ns.N.saved", NS_FEATURE, INT, AT(sl_feature, saved), "of a namespace"},
	{"feature.FID.ns.N.data", NS_FEATURE, BYTES, AT(sl_feature, data), "of a namespace"},
	{"log.LID", LOG, BYTES, 0, 0, "bytes that the persona gave for a log"},
	{"vendor.NAME", VENDOR, INT, 0, 0, "a variable of the persona"},
	{"errors.count", MODEL, INT, AT(sl_model, error_count), "error count of the newest entry"},
	{"telemetry.host.generation", MODEL, INT, AT(sl_model, host_telemetry.gen),
	 "captures that hosts asked for"},
	{"telemetry.ctrl.generation", MODEL, INT, AT(sl_model, ctrl_telemetry.gen),
	 "captures that the controller made"},
	{"telemetry.ctrl.available", MODEL, INT, AT(sl_model, ctrl_telemetry.available),
	 "1: one waits to be read"},
	{"security.sends", MODEL, INT, AT(sl_model, security_sends),
	 "Security Send commands taken"},
	{"security.payload", MODEL, BYTES, AT(sl_model, security), "payload of the last one"},
	{"lockdown.admin", MODEL, BYTES, AT(sl_model, lock.admin), "1 per prohibited opcode"},
	{"lockdown.features", MODEL, BYTES, AT(sl_model, lock.set_feature), "1 per prohibited FID"},
	{"threshold.over", MODEL, INT, AT(sl_model, threshold[0][0]), "composite, kelvin; 0: none"},
	{"threshold.under", MODEL, INT, AT(sl_model, threshold[1][0]),
	 "composite, kelvin; 0: none"},
};

#undef INT
#undef BYTES

static int place_feature(const struct sl_item_row *row, struct sl_feature *f,
			 struct sl_model_item *ret)
{
	if (!f || !f->present)
		return -ENOENT;
	ret->p = (uint8_t *)f + row->offset;
	if (row->kind == SL_MODEL_BYTES) { /* the row is where the pointer is */
		memcpy(&ret->p, ret->p, sizeof(ret->p));
		ret->len = f->data_len;
	}
	return ret->p ? 0 : -ENOENT;
}

static int place_log(struct sl_model *m, uint64_t lid, struct sl_model_item *ret)
{
	for (uint32_t i = 0; i < m->n_logs; i++) {
		if (m->log[i].lid != lid)
			continue;
		ret->p = m->log[i].p;
		ret->len = m->log[i].len;
		return 0;
	}
	return -ENOENT;
}

static int place_ns(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a,
		    struct sl_model_item *ret)
{
	uint64_t nsid = a->n[row->area == NS_FEATURE ? 1 : 0];
	struct sl_model_ns *ns = nsid <= UINT32_MAX ? sl_ns_find(m, (uint32_t)nsid) : NULL;

	if (!ns)
		return -ENOENT;
	if (row->area == NS_FEATURE)
		return place_feature(row, sl_feature_find(m, (uint8_t)a->n[0], (uint32_t)nsid),
				     ret);
	if (row->area == ZONE && a->n[1] >= ns->n_zones)
		return -ENOENT;
	ret->p = row->area == NS_ID  ? ns->id + row->offset
		 : row->area == ZONE ? ns->zone + 64 * a->n[1]
				     : (uint8_t *)ns + row->offset;
	return 0;
}

static int place(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a,
		 struct sl_model_item *ret)
{
	uint8_t *const base[] = {
		[SMART] = m->smart,	  [CTRL] = m->id_ctrl,	      [FIRMWARE] = m->firmware,
		[SANITIZE] = m->sanitize, [SELF_TEST] = m->self_test, [MODEL] = (uint8_t *)m,
	};

	switch (row->area) {
	case NS:
	case NS_ID:
	case ZONE:
	case NS_FEATURE:
		return place_ns(m, row, a, ret);
	case FEATURE:
		return place_feature(row, &m->feature[a->n[0]], ret);
	case LOG:
		return place_log(m, a->n[0], ret);
	case VENDOR:
		return sl_item_vendor(m, a, ret);
	case EFFECTS:
		if (a->n[0] >= SL_PERSONA_CSI_N || !m->p->has_effects[a->n[0]])
			return -ENOENT;
		ret->p = m->effects[a->n[0]];
		return 0;
	default:
		ret->p = base[row->area] + row->offset;
	}
	if (row->area == FIRMWARE && a->count) {
		if (a->n[0] < 1 || a->n[0] > 7)
			return -ENOENT;
		ret->p = m->firmware + 8 * a->n[0];
	}
	return 0;
}

/* What follows from a change: the host is told, and the engine's own tables agree with the bytes.
 */
static int follow(struct sl_model *m, const struct sl_item_row *row, const struct sl_item_args *a)
{
	struct sl_model_ns *ns;

	if (row->area == MODEL && m->ctrl_telemetry.available &&
	    row->offset == offsetof(struct sl_model, ctrl_telemetry.available))
		sl_model_event(m, 2, 2, 0x08); /* telemetry log changed */
	if (row->area == SMART || row->area == MODEL || row->area == FEATURE) {
		sl_smart_check(m);
		return 0;
	}
	if (row->area != NS && row->area != NS_ID && row->area != ZONE)
		return 0;
	ns = sl_ns_find(m, (uint32_t)a->n[0]);
	if (ns && row->area == ZONE) {
		sl_zone_changed(m, ns, a->n[1]);
		return 0;
	}
	return ns ? sl_ns_sync(m, ns) : 0;
}

const struct sl_item_table sl_items_nvme = {rows, SL_COUNT(rows), place, follow};
