/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State by name: the syntax of names, and reading and writing what they stand for. Which names
 * there are, and where their bytes lie, is the protocol's (items-nvme.c, scsi/items.c).
 */
#include "model/items.h"

#include <errno.h>
#include <stdlib.h>

#include "model/state.h"

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
static bool component(const char *pat, size_t pat_len, const char *s, size_t len,
		      struct sl_item_args *a)
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

static bool match(const char *pat, const char *s, size_t len, struct sl_item_args *a)
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
static bool suffix(const char *name, size_t *ret_len, struct sl_item_args *a)
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

static const struct sl_item_row *row_find(const struct sl_item_table *t, const char *name,
					  struct sl_item_args *a)
{
	size_t len;

	*a = (struct sl_item_args){.count = 0};
	if (!suffix(name, &len, a))
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		if (match(t->rows[i].name, name, len, a))
			return &t->rows[i];
	return NULL;
}

bool sl_model_name_known(uint8_t protocol, const char *name)
{
	const struct sl_model_ops *ops = sl_model_ops_of(protocol);
	struct sl_item_args a;

	return ops && row_find(ops->items, name, &a) != NULL;
}

int sl_item_vendor(struct sl_model *m, const struct sl_item_args *a, struct sl_model_item *ret)
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

static int find(struct sl_model *m, const char *name, const struct sl_item_row **ret_row,
		struct sl_item_args *a, struct sl_model_item *ret)
{
	const struct sl_item_row *row = row_find(m->ops->items, name, a);
	int r;

	if (!row)
		return -ENOENT;
	ret->kind = row->kind;
	ret->len = row->len;
	r = m->ops->items->place(m, row, a, ret);
	if (r < 0)
		return r;
	*ret_row = row;
	if (!a->sub)
		return 0;
	if (ret->kind != SL_MODEL_BYTES || a->sub_at >= ret->len ||
	    a->sub_len > ret->len - a->sub_at)
		return -ENOENT;
	ret->p = (uint8_t *)ret->p + a->sub_at;
	ret->len = a->sub_len;
	return 0;
}

int sl_model_find(struct sl_model *m, const char *name, struct sl_model_item *ret)
{
	const struct sl_item_row *row;
	struct sl_item_args a;

	return find(m, name, &row, &a, ret);
}

/* Bytes of a page are in the order of its protocol; integers are this machine's. */
static void swap(uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		uint8_t x = b[i];

		b[i] = b[len - 1 - i];
		b[len - 1 - i] = x;
	}
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
	if (item.kind == SL_MODEL_BYTES && m->ops->big_endian)
		swap(b, item.len);
	*ret = sl_get_le64(b);
	return 0;
}

int sl_model_set_bytes(struct sl_model *m, const char *name, const void *p, size_t len)
{
	struct sl_model_item item;
	const struct sl_item_row *row;
	struct sl_item_args a;
	uint8_t *old;
	bool same;
	int r = find(m, name, &row, &a, &item);

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
	return same ? 0 : m->ops->items->follow(m, row, &a);
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
	if (item.kind == SL_MODEL_BYTES && m->ops->big_endian)
		swap(b, item.len);
	return sl_model_set_bytes(m, name, b, item.len);
}

void sl_model_items(uint8_t protocol, void (*fn)(void *arg, const char *name, const char *text),
		    void *arg)
{
	const struct sl_item_table *t = sl_model_ops_of(protocol)->items;

	for (size_t i = 0; i < t->n; i++)
		fn(arg, t->rows[i].name, t->rows[i].text);
}
