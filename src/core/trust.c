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

static bool is_about(const struct sl_contract *c, const struct sl_trust_row *r)
{
	if (memcmp(c->vendor, r->vendor, sizeof(c->vendor)) != 0 ||
	    memcmp(c->model, r->model, sizeof(c->model)) != 0)
		return false;
	if (r->match & SL_TRUST_BY_SERIAL && memcmp(c->serial, r->serial, sizeof(c->serial)) != 0)
		return false;
	if (r->match & SL_TRUST_BY_FIRMWARE &&
	    memcmp(c->firmware, r->firmware, sizeof(c->firmware)) != 0)
		return false;
	return !(r->match & SL_TRUST_BY_HASH) || memcmp(c->hash, r->hash, sizeof(c->hash)) == 0;
}

/* What a device says of itself in reserved bits nobody can vouch for. */
static void vouch(struct sl_contract *c)
{
	const unsigned need = SL_ENTRY_USED | SL_ENTRY_SUPPORTED;

	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++)
		if ((c->entries[i].flags & (need | SL_ENTRY_RESERVED)) == need)
			c->entries[i].trust = SL_TRUST_VERIFIED;
}

static void forget(struct sl_contract *c)
{
	c->caught = 0;
	for (uint32_t i = 0; i < SL_CONTRACT_SLOTS; i++) {
		struct sl_entry *e = &c->entries[i];

		e->flags &= (uint8_t)~SL_ENTRY_CAUGHT;
		e->observed = SL_E_NONE;
		if (e->trust == SL_TRUST_VERIFIED)
			e->trust = SL_TRUST_DECLARED;
	}
}

void sl_trust_apply(struct sl_contract *c, const struct sl_trust_row *rows, uint32_t n)
{
	bool vouched = false;

	forget(c);
	for (uint32_t i = 0; i < n; i++) {
		struct sl_entry *e;

		if (!is_about(c, &rows[i]))
			continue;
		if (rows[i].say == SL_TRUST_SAY_VERIFIED) {
			vouched = true;
			continue;
		}
		c->caught = 1;
		/* What it does not list stays unlisted; the device is caught all the same. */
		if (!sl_contract_find(c, rows[i].key))
			continue;
		e = sl_contract_add(c, rows[i].key);
		e->flags |= SL_ENTRY_CAUGHT;
		e->observed |= rows[i].observed;
	}
	/* Whoever was caught is believed nothing, whoever vouches. */
	if (vouched && !c->caught)
		vouch(c);
}
