/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the state: one row per name, with what it is and where it lies. A component in capitals
 * stands for a number (N, LBA, ZONE, CSI, SLOT decimal; FID, LID two hex digits) or, for NAME, a
 * name.
 */
#include <errno.h>
#include <stdlib.h>

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

struct row {
	const char *name;
	enum area area;
	enum sl_model_kind kind;
	uint32_t offset;
	uint32_t len; /* 0: all that there is */
	const char *text;
};

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define INT		SL_MODEL_INT
#define BYTES		SL_MODEL_BYTES

static const struct row rows[] = {
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

/* What the components in capitals were, and what follows the name in brackets. */
struct args {
	uint64_t n[2];
	unsigned count;
	const char *name;
	size_t name_len;
	bool sub;
	uint32_t sub_at, sub_len;
};

static bool digits(const char *s, size_t len, int base, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		int d = s[i] >= '0' && s[i] <= '9'   ? s[i] - '0'
			: s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10
			: s[i] >= 'A' && s[i] <= 'F' ? s[i] - 'A' + 10
						     : 99;

		if (d >= base)
			return false;
		v = v * (uint64_t)base + (uint64_t)d;
	}
	*ret = v;
	return true;
}

/* One component of a name against one of a pattern. */
static bool component(const char *pat, size_t pat_len, const char *s, size_t len, struct args *a)
{
	bool hex;

	if (pat[0] < 'A' || pat[0] > 'Z')
		return pat_len == len && memcmp(pat, s, len) == 0;
	if (pat_len == 4 && memcmp(pat, "NAME", 4) == 0) {
		a->name = s;
		a->name_len = len;
		return len != 0;
	}
	hex = pat_len == 3 && memcmp(pat + 1, "ID", 2) == 0;
	if (!digits(s, len, hex ? 16 : 10, &a->n[a->count]) || (hex && len != 2))
		return false;
	a->count++;
	return true;
}

static bool match(const char *pat, const char *s, size_t len, struct args *a)
{
	const char *end = s + len;

	a->count = 0;
	for (;;) {
		size_t pl = strcspn(pat, "."), sl = 0;

		while (s + sl < end && s[sl] != '.')
			sl++;
		if (!component(pat, pl, s, sl, a))
			return false;
		pat += pl;
		s += sl;
		if (!*pat || s == end)
			return !*pat && s == end;
		pat++;
		s++;
	}
}

/* "[8]" or "[8:4]" behind a name; *ret_len: of the name before it. */
static bool suffix(const char *name, size_t *ret_len, struct args *a)
{
	const char *open = strchr(name, '[');
	size_t len = strlen(name), mid;
	uint64_t at, n = 1;

	a->sub = open != NULL;
	*ret_len = open ? (size_t)(open - name) : len;
	if (!open)
		return true;
	if (name[len - 1] != ']')
		return false;
	len -= *ret_len + 2;
	open++;
	mid = strcspn(open, ":");
	if (mid < len && (!digits(open + mid + 1, len - mid - 1, 10, &n) || n < 1 || n > 4096))
		return false;
	if (!digits(open, mid < len ? mid : len, 10, &at) || at > UINT32_MAX)
		return false;
	a->sub_at = (uint32_t)at;
	a->sub_len = (uint32_t)n;
	return true;
}

static const struct row *row_find(const char *name, struct args *a)
{
	size_t len;

	*a = (struct args){.count = 0};
	if (!suffix(name, &len, a))
		return NULL;
	for (size_t i = 0; i < SL_COUNT(rows); i++)
		if (match(rows[i].name, name, len, a))
			return &rows[i];
	return NULL;
}

bool sl_model_name_known(const char *name)
{
	struct args a;

	return row_find(name, &a) != NULL;
}

static int place_feature(const struct row *row, struct sl_feature *f, struct sl_model_item *ret)
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

static int place_vendor(struct sl_model *m, const struct args *a, struct sl_model_item *ret)
{
	for (unsigned i = 0; i < m->p->n_vars; i++) {
		const struct sl_persona_var *v = &m->p->vars[i];

		if (strlen(v->name) != a->name_len || memcmp(v->name, a->name, a->name_len) != 0)
			continue;
		ret->p = m->var[i];
		ret->len = v->len;
		ret->kind = v->bytes ? SL_MODEL_BYTES : SL_MODEL_INT;
		return 0;
	}
	return -ENOENT;
}

static int place_ns(struct sl_model *m, const struct row *row, const struct args *a,
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

static int place(struct sl_model *m, const struct row *row, const struct args *a,
		 struct sl_model_item *ret)
{
	uint8_t *const base[] = {
		[SMART] = m->smart,	  [CTRL] = m->id_ctrl,	      [FIRMWARE] = m->firmware,
		[SANITIZE] = m->sanitize, [SELF_TEST] = m->self_test, [MODEL] = (uint8_t *)m,
	};

	ret->kind = row->kind;
	ret->len = row->len;
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
		return place_vendor(m, a, ret);
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

static int find(struct sl_model *m, const char *name, const struct row **ret_row,
		struct sl_model_item *ret)
{
	struct args a;
	const struct row *row = row_find(name, &a);
	int r = row ? place(m, row, &a, ret) : -ENOENT;

	if (r < 0)
		return r;
	*ret_row = row;
	if (!a.sub)
		return 0;
	if (ret->kind != SL_MODEL_BYTES || a.sub_at >= ret->len || a.sub_len > ret->len - a.sub_at)
		return -ENOENT;
	ret->p = (uint8_t *)ret->p + a.sub_at;
	ret->len = a.sub_len;
	return 0;
}

int sl_model_find(struct sl_model *m, const char *name, struct sl_model_item *ret)
{
	const struct row *row;

	return find(m, name, &row, ret);
}

int sl_model_get(struct sl_model *m, const char *name, uint64_t *ret)
{
	struct sl_model_item item;
	uint8_t b[8] = {0};
	int r = sl_model_find(m, name, &item);

	if (r < 0)
		return r;
	if (item.len > sizeof(b))
		return -EINVAL;
	memcpy(b, item.p, item.len);
	*ret = sl_get_le64(b);
	return 0;
}

/* What follows from a change: the host is told, and the engine's own tables agree with the bytes.
 */
static int follow(struct sl_model *m, const struct row *row, const char *name)
{
	struct args a;
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
	row_find(name, &a);
	ns = sl_ns_find(m, (uint32_t)a.n[0]);
	if (ns && row->area == ZONE) {
		sl_zone_changed(m, ns, a.n[1]);
		return 0;
	}
	return ns ? sl_ns_sync(m, ns) : 0;
}

int sl_model_set_bytes(struct sl_model *m, const char *name, const void *p, size_t len)
{
	struct sl_model_item item;
	const struct row *row;
	uint8_t *old;
	bool same;
	int r = find(m, name, &row, &item);

	if (r < 0)
		return r;
	if (len > item.len)
		return -ERANGE;
	old = malloc(item.len + 1);
	if (!old)
		return -ENOMEM;
	memcpy(old, item.p, item.len);
	memset((uint8_t *)item.p + len, 0, item.len - len);
	memcpy(item.p, p, len);
	same = memcmp(old, item.p, item.len) == 0;
	free(old);
	return same ? 0 : follow(m, row, name);
}

int sl_model_set(struct sl_model *m, const char *name, uint64_t value)
{
	struct sl_model_item item;
	uint8_t b[8];
	int r = sl_model_find(m, name, &item);

	if (r < 0)
		return r;
	if (item.len > sizeof(b))
		return -EINVAL;
	sl_put_le64(b, value);
	return sl_model_set_bytes(m, name, b, item.len);
}

void sl_model_items(void (*fn)(void *arg, const char *name, const char *text), void *arg)
{
	for (size_t i = 0; i < SL_COUNT(rows); i++)
		fn(arg, rows[i].name, rows[i].text);
}
