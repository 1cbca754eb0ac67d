/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about devices, held against a contract. Knows no protocol. */
#include "core/trust.h"

#include <errno.h>
#include <string.h>

int sl_trust_check(const void *table, size_t size)
{
	const struct sl_trust_row *r = table;

	if (size % sizeof(*r) || size / sizeof(*r) > SL_TRUST_ROWS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < size / sizeof(*r); i++)
		if (r[i].say == 0 || r[i].say >= _SL_TRUST_SAY_N || r[i].observed > SL_E_ALL)
			return -EBADMSG;
	return 0;
}

bool sl_trust_is_about(const struct sl_trust_row *r, const struct sl_contract *c)
{
	return !memcmp(c->vendor, r->vendor, sizeof(c->vendor)) &&
	       !memcmp(c->model, r->model, sizeof(c->model)) &&
	       (!(r->match & SL_TRUST_BY_SERIAL) ||
		!memcmp(c->serial, r->serial, sizeof(c->serial))) &&
	       (!(r->match & SL_TRUST_BY_FIRMWARE) ||
		!memcmp(c->firmware, r->firmware, sizeof(c->firmware))) &&
	       (!(r->match & SL_TRUST_BY_HASH) || !memcmp(c->hash, r->hash, sizeof(c->hash)));
}

void sl_trust_apply(struct sl_contract *c, const struct sl_trust_row *rows, uint32_t n)
{
	bool vouched = false;

	c->caught = 0;
	for (uint32_t i = 0; i < n; i++)
		if (sl_trust_is_about(&rows[i], c)) {
			c->caught |= rows[i].say == SL_TRUST_SAY_CAUGHT;
			vouched |= rows[i].say == SL_TRUST_SAY_VERIFIED;
		}
	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++) {
		struct sl_entry *e = &c->entries[i];

		e->flags &= (uint8_t)~SL_ENTRY_CAUGHT;
		e->observed = SL_E_NONE;
		/* Whoever was caught is believed nothing, and reserved bits mean nothing. */
		if (vouched && !c->caught && !(e->flags & SL_ENTRY_RESERVED))
			e->trust = SL_TRUST_VERIFIED;
		else if (e->trust == SL_TRUST_VERIFIED)
			e->trust = SL_TRUST_DECLARED;
	}
	for (uint32_t i = 0; i < n; i++)
		/* What it does not list stays unlisted; the device is caught all the same. */
		if (rows[i].say == SL_TRUST_SAY_CAUGHT && sl_trust_is_about(&rows[i], c) &&
		    sl_contract_find(c, rows[i].key)) {
			struct sl_entry *e = sl_contract_add(c, rows[i].key);

			e->flags |= SL_ENTRY_CAUGHT;
			e->observed |= rows[i].observed;
		}
}
