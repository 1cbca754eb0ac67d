/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/bits.h"

unsigned sl_bits_at(const struct sl_field *f, unsigned n)
{
	unsigned bit = f->shift + n;
	unsigned byte = f->be ? f->off + f->bytes - 1u - bit / 8 : f->off + bit / 8;

	return 8 * byte + bit % 8;
}

bool sl_bits_has(const struct sl_field *f, unsigned at, unsigned *ret_n)
{
	unsigned byte = at / 8, bit;

	if (byte < f->off || byte >= (unsigned)f->off + f->bytes)
		return false;
	bit = 8 * (f->be ? f->off + f->bytes - 1u - byte : byte - f->off) + at % 8;
	*ret_n = bit - f->shift;
	return bit >= f->shift && bit < (unsigned)f->shift + f->width;
}

bool sl_bits_meet(const struct sl_field *a, const struct sl_field *b)
{
	unsigned unused;

	if (a->space != b->space)
		return false;
	for (unsigned n = 0; n < a->width; n++)
		if (sl_bits_has(b, sl_bits_at(a, n), &unused))
			return true;
	return false;
}

bool sl_bits_same(const struct sl_field *a, const struct sl_field *b)
{
	if (a->space != b->space || a->width != b->width)
		return false;
	if (sl_bits_at(a, 0) != sl_bits_at(b, 0))
		return false;
	/* One order of bytes, or no order to speak of. */
	return a->be == b->be || (sl_bits_at(a, a->width - 1u) == sl_bits_at(b, b->width - 1u) &&
				  a->shift % 8 + a->width <= 8);
}
