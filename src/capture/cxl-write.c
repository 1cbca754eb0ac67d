/* SPDX-License-Identifier: Apache-2.0 */
/* A persona of a CXL memory device. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "capture/cxl.h"
#include "capture/write.h"

static void set(json_t *o, const char *key, json_t *v)
{
	(void)json_object_set_new(o, key, v);
}

static void set_raw(json_t *root, const char *key, const struct sl_answer *a)
{
	if (a && a->len)
		set(root, key, json_pack("{s:o}", "0", sl_write_hex(a->data, a->len)));
}

static void write_memory(json_t *root, const struct sl_answer *id, char name[17])
{
	uint64_t all = sl_get_le64(id->data + 16), kept = sl_get_le64(id->data + 32);
	uint32_t lsa = sl_get_le32(id->data + 0x38);
	int n = 16;

	while (n && (id->data[n - 1] == ' ' || !id->data[n - 1]))
		n--;
	for (int i = 0; i < n; i++)
		name[i] = id->data[i] < 0x20 || id->data[i] > 0x7e ? '?' : (char)id->data[i];
	name[n] = '\0';
	kept = kept < all ? kept : all;
	set(root, "memory",
	    json_pack("{s:s,s:I,s:I,s:I}", "firmware", n ? name : "?", "volatile_mib",
		      (json_int_t)((all - kept) * 256), "persistent_mib", (json_int_t)(kept * 256),
		      "lsa_bytes", (json_int_t)(lsa < CXL_LSA_MAX ? lsa : CXL_LSA_MAX)));
	set_raw(root, "identify_raw", id);
}

static void write_effects(json_t *root, const struct sl_capture *c, json_t *notes)
{
	const struct sl_answer *a = sl_cxl_find(c, CXL_GET_LOG, NULL, 0);
	json_t *log = json_object();

	for (uint32_t at = 0; a && at + 4 <= a->len; at += 4) {
		char key[16];

		(void)snprintf(key, sizeof(key), "0x%04x", sl_get_le16(a->data + at));
		set(log, key, json_integer(sl_get_le16(a->data + at + 2)));
	}
	if (!a) {
		sl_write_note(notes,
			      "no effects log: it is taken to have all that the model knows");
		set(log, "*", json_true());
	}
	set(root, "effects_log", log);
}

static void write_features(json_t *root, const struct sl_capture *c, json_t *notes)
{
	const struct sl_answer *a = sl_cxl_find(c, CXL_GET_FEATURES, NULL, 0);
	json_t *features = json_array();

	for (uint32_t i = 0;
	     a && i < sl_get_le16(a->data) && 8 + CXL_FEATURE_LEN * (i + 1) <= a->len; i++) {
		const uint8_t *f = a->data + 8 + (size_t)CXL_FEATURE_LEN * i;
		const struct sl_answer *v = sl_cxl_find(c, CXL_GET_FEATURE, f, 16);

		if (!v) {
			sl_write_note(notes, "a feature without a value: number %u", i);
			continue;
		}
		(void)json_array_append_new(
			features,
			json_pack("{s:o,s:o,s:b,s:i}", "uuid", sl_write_hex(f, 16), "value",
				  sl_write_hex(v->data, v->len), "changeable",
				  (int)(sl_get_le32(f + 22) & 1), "effects", sl_get_le16(f + 28)));
	}
	set(root, "features", features);
}

json_t *sl_cxl_capture_write(const struct sl_capture *c, const struct sl_capture_label *label)
{
	const struct sl_answer *id = sl_cxl_find(c, CXL_IDENTIFY, NULL, 0);
	json_t *root = json_object(), *notes = json_array();
	char title[64], name[17] = "";

	if (!id || id->len < 0x43 || !root || !notes) {
		json_decref(root);
		json_decref(notes);
		return NULL;
	}
	set(root, "format", json_integer(SL_PERSONA_FORMAT));
	set(root, "protocol", json_string("cxl"));
	write_memory(root, id, name);
	(void)snprintf(title, sizeof(title), "captured: CXL memory, firmware %s", name);
	set(root, "title", json_string(label->title ? label->title : title));
	set(root, "source", json_string(label->source ? label->source : ""));
	set(root, "comment", notes);
	sl_write_note(notes,
		      "A device as it described itself. What it does beside that was not tried.");
	set_raw(root, "health_raw", sl_cxl_find(c, CXL_GET_HEALTH, NULL, 0));
	set_raw(root, "alert_raw", sl_cxl_find(c, CXL_GET_ALERT, NULL, 0));
	write_effects(root, c, notes);
	write_features(root, c, notes);
	for (unsigned i = 0; i < c->n; i++) {
		const struct sl_answer *a = c->answer[i];

		if (a->denied)
			sl_write_note(notes, "not asked, the policy does not allow it: %02x%02xh",
				      a->cmd.req[0], a->cmd.req[1]);
		else if (a->status)
			sl_write_note(notes, "refused by the device with code %02xh: %02x%02xh",
				      a->status, a->cmd.req[0], a->cmd.req[1]);
	}
	return root;
}
