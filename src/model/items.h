/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a protocol names its state: a table of names with what each is and where it lies. The syntax
 * of names, and what is done with them, is items.c's. Private to the model.
 */
#ifndef SL_MODEL_ITEMS_H
#define SL_MODEL_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/*
 * A component in capitals stands for a number (N, LBA, ZONE, CSI, SLOT decimal; those of three
 * letters that end in ID two hex digits) or, for NAME, a name.
 */
struct sl_item_row {
	const char *name;
	uint8_t area; /* the protocol's: where `offset` counts from */
	enum sl_model_kind kind;
	uint32_t offset;
	uint32_t len; /* 0: all that there is */
	const char *text;
};

/* What the components in capitals were, and what follows the name in brackets. */
struct sl_item_args {
	uint64_t n[2];
	unsigned count;
	const char *name;
	size_t name_len;
	bool sub;
	uint32_t sub_at, sub_len;
};

struct sl_item_table {
	const struct sl_item_row *rows;
	size_t n;
	/* Where it lies in this device now; ret has the row's kind and length. 0 or -ENOENT. */
	int (*place)(struct sl_model *m, const struct sl_item_row *row,
		     const struct sl_item_args *a, struct sl_model_item *ret);
	/* What follows from a change: the host is told, the engine's tables agree with the bytes.
	 */
	int (*follow)(struct sl_model *m, const struct sl_item_row *row,
		      const struct sl_item_args *a);
};
extern const struct sl_item_table sl_items_nvme, sl_items_scsi;

/* "vendor.NAME", which every protocol has. */
int sl_item_vendor(struct sl_model *m, const struct sl_item_args *a, struct sl_model_item *ret);

#endif
