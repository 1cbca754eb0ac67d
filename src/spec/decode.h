/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for people: a request as named fields, and named fields as a request. Reads the same
 * tables as the core, is not part of it: the trusted process links none of this.
 */
#ifndef SL_SPEC_DECODE_H
#define SL_SPEC_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/table.h"

struct sl_diag;

struct sl_decoded {
	const char *name;    /* as the specification writes it; "reserved" for bits of no field */
	const char *meaning; /* name of the value; NULL: a number is all it is */
	uint64_t value;
	struct sl_field field; /* where it stands */
};

/*
 * Calls `each` for every field of the request's row, in the order of the table, and then for every
 * dword that has a reserved bit set. `set` as in struct sl_command; an unresolved I/O command is
 * read as one of the NVM set. Returns the row.
 */
uint16_t sl_decode_fields(uint8_t set, const uint8_t req[SL_REQ_MAX],
			  void (*each)(void *userdata, const struct sl_decoded *d), void *userdata);

/* The same for the fields of the outgoing data, as far as they lie within its `len` bytes. */
uint16_t sl_decode_payload(uint8_t set, const uint8_t req[SL_REQ_MAX], const uint8_t *data,
			   size_t len, void (*each)(void *userdata, const struct sl_decoded *d),
			   void *userdata);

/*
 * What a sub-selector's row is called beside its command: "smart" of "….get-log-page.smart",
 * "get-log" of cxl.logs. NULL: it is no sub-selector's.
 */
const char *sl_row_sub_name(uint16_t row);

/* The row of that name; false: there is none. */
bool sl_row_named(const char *name, uint16_t *ret_row);

/* The name of a field's value on a row; NULL: it has none. */
const char *sl_value_name(uint16_t row, const char *field, uint64_t value);

/*
 * Builds the request that `name` ("nvme.admin.get-log-page", "nvme.admin.get-log-page.smart") and
 * the n words "field=value" describe. A value is a number (decimal, 0x…, …h) or the name of one; a
 * selector's is the last part of a row's name. `data=BYTES` and `meta=BYTES` give the buffers'
 * lengths; without `data` it is what the command will move, where that follows from the request.
 * -EINVAL with *reterr filled: no such row, field or value, or it does not fit.
 */
int sl_encode(const char *name, char *const words[], unsigned n, struct sl_command *ret,
	      struct sl_diag *reterr);

/*
 * The same with fields of the payload, which go to `data` (`size` bytes, of which the first *len
 * are the payload so far; it grows to hold the fields). A UUID may be written as one. Where the
 * request states the payload's length and no word does, it is that of the payload, or what the
 * command wants.
 */
int sl_encode_payload(const char *name, char *const words[], unsigned n, struct sl_command *ret,
		      uint8_t *data, size_t size, size_t *len, struct sl_diag *reterr);

#endif
