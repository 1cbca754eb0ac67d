/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements hold for which device, what they do, and that they can be taken back. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "core/command.h"
#include "core/trust.h"

#define KEY	sl_key(SL_SET_NVME_ADMIN, 0xc0, SL_SEL_ANY)
#define FOREIGN sl_key(SL_SET_NVME_NVM, 0x01, SL_SEL_ANY)

static struct sl_contract c;

static void contract(void)
{
	struct sl_entry *e;

	memset(&c, 0, sizeof(c));
	c.generation = 1;
	c.state = SL_CONTRACT_PRESENT;
	strcpy(c.vendor, "0x1234");
	strcpy(c.model, "Drive");
	strcpy(c.serial, "S1");
	strcpy(c.firmware, "F1");
	memset(c.hash, 7, sizeof(c.hash));
	e = sl_contract_add(&c, KEY);
	e->flags |= SL_ENTRY_SUPPORTED;
	e->trust = SL_TRUST_DECLARED;
}

static struct sl_trust_row about(uint8_t say, uint8_t match)
{
	struct sl_trust_row r = {.say = say, .match = match};

	memcpy(r.vendor, c.vendor, sizeof(r.vendor));
	memcpy(r.model, c.model, sizeof(r.model));
	memcpy(r.serial, c.serial, sizeof(r.serial));
	memcpy(r.firmware, c.firmware, sizeof(r.firmware));
	memcpy(r.hash, c.hash, sizeof(r.hash));
	return r;
}

static void test_match(void)
{
	const unsigned all = SL_TRUST_BY_SERIAL | SL_TRUST_BY_FIRMWARE | SL_TRUST_BY_HASH;
	struct sl_trust_row r;

	for (unsigned match = 0; match <= all; match++) {
		contract();
		r = about(SL_TRUST_SAY_CAUGHT, (uint8_t)match);
		sl_trust_apply(&c, &r, 1);
		assert(c.caught);
		strcpy(r.serial, "S2");
		sl_trust_apply(&c, &r, 1);
		assert(c.caught == !(match & SL_TRUST_BY_SERIAL));
		r = about(SL_TRUST_SAY_CAUGHT, (uint8_t)match);
		strcpy(r.firmware, "F2");
		sl_trust_apply(&c, &r, 1);
		assert(c.caught == !(match & SL_TRUST_BY_FIRMWARE));
		r = about(SL_TRUST_SAY_CAUGHT, (uint8_t)match);
		r.hash[31] ^= 1;
		sl_trust_apply(&c, &r, 1);
		assert(c.caught == !(match & SL_TRUST_BY_HASH));
		r = about(SL_TRUST_SAY_CAUGHT, (uint8_t)match);
		strcpy(r.model, "Other");
		sl_trust_apply(&c, &r, 1);
		assert(!c.caught);
	}
}

/* The command is marked where it is listed; an empty table takes all of it back. */
static void test_caught(void)
{
	struct sl_trust_row r[2];

	contract();
	r[0] = about(SL_TRUST_SAY_CAUGHT, SL_TRUST_BY_SERIAL);
	r[0].key = KEY;
	r[0].observed = SL_E_DATA;
	r[1] = r[0];
	r[1].key = FOREIGN;
	sl_trust_apply(&c, r, 2);
	assert(c.caught && sl_contract_find(&c, KEY)->observed == SL_E_DATA);
	assert(sl_contract_find(&c, KEY)->flags & SL_ENTRY_CAUGHT);
	assert(!sl_contract_find(&c, FOREIGN));
	sl_trust_apply(&c, 0, 0);
	assert(!c.caught && !sl_contract_find(&c, KEY)->observed);
	assert(!(sl_contract_find(&c, KEY)->flags & SL_ENTRY_CAUGHT));
}

static void test_verified(void)
{
	struct sl_trust_row r[2];

	contract();
	r[0] = about(SL_TRUST_SAY_VERIFIED, SL_TRUST_BY_HASH);
	sl_trust_apply(&c, r, 1);
	assert(sl_contract_trust(sl_contract_find(&c, KEY), 0) == SL_TRUST_VERIFIED);
	/* Nobody's word is worth more than what was seen, in whatever order they stand. */
	r[1] = r[0];
	r[0] = about(SL_TRUST_SAY_CAUGHT, 0);
	sl_trust_apply(&c, r, 2);
	assert(c.caught && sl_contract_find(&c, KEY)->trust == SL_TRUST_DECLARED);
	sl_trust_apply(&c, 0, 0);
	assert(!c.caught && sl_contract_find(&c, KEY)->trust == SL_TRUST_DECLARED);
	sl_contract_add(&c, KEY)->flags |= SL_ENTRY_RESERVED;
	sl_trust_apply(&c, r + 1, 1);
	assert(sl_contract_find(&c, KEY)->trust == SL_TRUST_DECLARED);
}

static void test_check(void)
{
	static struct sl_trust_row r[SL_TRUST_ROWS_MAX + 1];

	for (unsigned i = 0; i <= SL_TRUST_ROWS_MAX; i++)
		r[i].say = SL_TRUST_SAY_CAUGHT;
	assert(sl_trust_check(r, 0) == 0);
	assert(sl_trust_check(r, sizeof(r[0]) * SL_TRUST_ROWS_MAX) == 0);
	assert(sl_trust_check(r, sizeof(r)) < 0);
	assert(sl_trust_check(r, sizeof(r[0]) - 1) < 0);
	r[1].say = 0;
	assert(sl_trust_check(r, 2 * sizeof(r[0])) < 0);
	r[1].say = _SL_TRUST_SAY_N;
	assert(sl_trust_check(r, 2 * sizeof(r[0])) < 0);
	r[1].say = SL_TRUST_SAY_VERIFIED;
	r[1].observed = 1u << 31;
	assert(sl_trust_check(r, 2 * sizeof(r[0])) < 0);
}

int main(void)
{
	test_match();
	test_caught();
	test_verified();
	test_check();
	return 0;
}
