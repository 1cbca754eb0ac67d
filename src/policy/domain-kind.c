/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of clients on which kinds of devices the rules of a policy tell apart. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "policy/domain.h"
#include "policy/show.h"
#include "wire/wire.h"

/* --- kinds of clients and devices ---------------------------------------------------------- */

static void literal(char *to, size_t size, const char *pattern)
{
	size_t n = strlen(pattern);

	(void)snprintf(to, size, "%s", pattern);
	if (n && n < size && to[n - 1] == '*')
		to[n - 1] = 0;
}

/*
 * Adds what the conjunction asks for to a client, with these ids out of its ranges; false: it has
 * something else there already.
 */
static bool add_who(const struct sl_image *img, const struct sl_who *w, uint32_t uid, uint32_t gid,
		    struct sl_identity *id, uint32_t *asks)
{
	if (w->asks & SL_WHO_UID) {
		if ((*asks & SL_WHO_UID) && id->uid != uid)
			return false;
		id->uid = uid;
	}
	if (w->asks & SL_WHO_LABEL) {
		char label[SL_LABEL_MAX];

		literal(label, sizeof(label), sl_image_str(img, w->label));
		if ((*asks & SL_WHO_LABEL) && strcmp(id->label, label) != 0)
			return false;
		memcpy(id->label, label, sizeof(label));
	}
	if ((w->asks & SL_WHO_GID) && id->n_gids < SL_GIDS_MAX)
		id->gids[id->n_gids++] = gid;
	*asks |= w->asks;
	return true;
}

static void who_text(const struct sl_identity *id, uint32_t uid_hi, uint32_t asks, char *buf,
		     size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	if (!asks)
		(void)snprintf(buf, size, "anybody");
	if (asks & SL_WHO_UID)
		n = (size_t)snprintf(buf, size,
				     uid_hi > id->uid ? "uid %u..%u"
				     : id->uid	      ? "uid %u"
						      : "root",
				     id->uid, uid_hi);
	for (uint32_t i = 0; i < id->n_gids && n + 1 < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%sgid %u", n ? " and " : "", id->gids[i]);
	if ((asks & SL_WHO_LABEL) && n + 1 < size)
		(void)snprintf(buf + n, size - n, "%slabel \"%s\"", n ? " and " : "", id->label);
}

static void add_device(const struct sl_image *img, const struct sl_where *w, struct sl_kind *k)
{
	const struct {
		uint32_t off;
		char *to;
		size_t size;
	} texts[] = {{w->vendor, k->vendor, sizeof(k->vendor)},
		     {w->model, k->model, sizeof(k->model)},
		     {w->serial, k->serial, sizeof(k->serial)},
		     {w->firmware, k->firmware, sizeof(k->firmware)},
		     {w->name, k->path, sizeof(k->path)}};

	for (unsigned i = 0; i < SL_COUNT(texts); i++)
		if (texts[i].off)
			literal(texts[i].to, texts[i].size, sl_image_str(img, texts[i].off));
	if (w->protocol)
		k->protocol = w->protocol;
}

static void device_text(struct sl_kind *k, bool other)
{
	size_t n = 0;
	const struct {
		const char *word, *text;
	} texts[] = {{"vendor", k->vendor},
		     {"model", k->model},
		     {"serial", k->serial},
		     {"firmware", k->firmware},
		     {"path", k->path}};

	k->device[0] = 0;
	for (unsigned i = 0; i < SL_COUNT(texts) && !other; i++)
		if (texts[i].text[0] && texts[i].text[0] != '?' && n + 1 < sizeof(k->device))
			n += (size_t)snprintf(k->device + n, sizeof(k->device) - n, "%s%s \"%s\"",
					      n ? " and " : "", texts[i].word, texts[i].text);
}

bool sl_domain_bind(struct sl_domain *d, struct sl_kind *k)
{
	struct sl_contract *c = d->contract;

	_Static_assert(sizeof(k->vendor) == sizeof(c->vendor) &&
			       sizeof(k->model) == sizeof(c->model) &&
			       sizeof(k->serial) == sizeof(c->serial) &&
			       sizeof(k->firmware) == sizeof(c->firmware),
		       "the contract's names");
	memcpy(c->vendor, k->vendor, sizeof(c->vendor));
	memcpy(c->model, k->model, sizeof(c->model));
	memcpy(c->serial, k->serial, sizeof(c->serial));
	memcpy(c->firmware, k->firmware, sizeof(c->firmware));
	for (unsigned i = 0; i < d->n_images; i++)
		if (sl_image_bind(d->img[i], &k->who, c, k->path, k->protocol, &k->bind[i]) < 0)
			return false;
	return true;
}

static void add_kind(struct sl_domain *d, struct sl_kind *k)
{
	if (!sl_domain_bind(d, k))
		return;
	for (uint32_t i = 0; i < d->n_kinds; i++)
		if (d->kinds[i].protocol == k->protocol &&
		    memcmp(d->kinds[i].bind, k->bind, sizeof(k->bind)) == 0)
			return; /* the same rules are about it */
	if (d->n_kinds == SL_DOMAIN_KINDS)
		d->truncated = true;
	else
		d->kinds[d->n_kinds++] = *k;
}

struct clients {
	uint32_t n;
	struct {
		struct sl_identity who;
		uint32_t uid_hi; /* as far as every uid is alike */
		uint32_t asks;
	} c[SL_DOMAIN_CLIENTS];
};

/* Where some range of ids begins, or one has just ended. */
struct boundaries {
	uint32_t n_uid, n_gid;
	uint32_t uid[SL_DOMAIN_CLIENTS], gid[SL_DOMAIN_CLIENTS];
};

static void boundary(struct sl_domain *d, uint32_t *list, uint32_t *n, uint32_t at)
{
	for (uint32_t i = 0; i < *n; i++)
		if (list[i] == at)
			return;
	if (*n == SL_DOMAIN_CLIENTS)
		d->truncated = true;
	else
		list[(*n)++] = at;
}

static void collect_boundaries(struct sl_domain *d, struct boundaries *b)
{
	for (unsigned a = 0; a < d->n_images; a++) {
		const struct sl_who *w = sl_image_at(d->img[a], d->img[a]->who);

		for (uint32_t i = 0; i < d->img[a]->who.n; i++) {
			if (w[i].asks & SL_WHO_UID) {
				boundary(d, b->uid, &b->n_uid, w[i].uid_lo);
				boundary(d, b->uid, &b->n_uid, w[i].uid_hi + 1);
			}
			if (w[i].asks & SL_WHO_GID) {
				boundary(d, b->gid, &b->n_gid, w[i].gid_lo);
				boundary(d, b->gid, &b->n_gid, w[i].gid_hi + 1);
			}
		}
	}
	/* What does not ask for ids is about any: one value for it. */
	if (!b->n_uid)
		b->n_uid = 1;
	if (!b->n_gid)
		b->n_gid = 1;
}

static bool in_range(uint32_t asks, uint32_t bit, uint32_t at, uint32_t index, uint32_t lo,
		     uint32_t hi)
{
	return asks & bit ? at >= lo && at <= hi : index == 0;
}

/* The client with what this conjunction asks for, once for each stretch of ids that matters. */
static void extend(struct sl_domain *d, const struct boundaries *b, struct clients *to,
		   uint32_t from, const struct sl_image *img, const struct sl_who *w)
{
	for (uint32_t u = 0; u < b->n_uid; u++)
		for (uint32_t g = 0; g < b->n_gid; g++) {
			struct sl_identity id = to->c[from].who;
			uint32_t asks = to->c[from].asks;

			if (!in_range(w->asks, SL_WHO_UID, b->uid[u], u, w->uid_lo, w->uid_hi) ||
			    !in_range(w->asks, SL_WHO_GID, b->gid[g], g, w->gid_lo, w->gid_hi) ||
			    !add_who(img, w, b->uid[u], b->gid[g], &id, &asks))
				continue;
			if (to->n == SL_DOMAIN_CLIENTS) {
				d->truncated = true;
				return;
			}
			to->c[to->n].uid_hi = UINT32_MAX;
			for (uint32_t i = 0; i < b->n_uid; i++)
				if (b->uid[i] > id.uid && b->uid[i] - 1 < to->c[to->n].uid_hi)
					to->c[to->n].uid_hi = b->uid[i] - 1;
			to->c[to->n].who = id;
			to->c[to->n++].asks = asks;
		}
}

/* Nobody in particular; what one conjunction asks for; what two ask for at once. */
static void collect_clients(struct sl_domain *d, struct clients *to)
{
	struct boundaries *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	collect_boundaries(d, b);
	memset(to, 0, sizeof(*to));
	to->c[to->n++].who = (struct sl_identity){.uid = 65534, .known = 1};
	for (uint32_t from = 0, n = 1; from < n; from++) {
		for (unsigned a = 0; a < d->n_images; a++) {
			const struct sl_who *w = sl_image_at(d->img[a], d->img[a]->who);

			for (uint32_t i = 0; i < d->img[a]->who.n; i++)
				if (w[i].asks)
					extend(d, b, to, from, d->img[a], &w[i]);
		}
		if (from == 0)
			n = to->n;
	}
	free(b);
}

/* One client with every device that one rule is about, or two are at once. */
static void collect_devices(struct sl_domain *d, const struct sl_kind *other)
{
	for (unsigned a = 0; a < d->n_images; a++)
		for (uint32_t w = 0; w < d->img[a]->where.n; w++)
			for (uint32_t v = 0; v <= w; v++) {
				const struct sl_where *where =
					sl_image_at(d->img[a], d->img[a]->where);
				struct sl_kind k = *other;

				add_device(d->img[a], &where[v], &k);
				add_device(d->img[a], &where[w], &k);
				device_text(&k, false);
				if (k.protocol == other->protocol)
					add_kind(d, &k);
			}
}

void sl_domain_kinds(struct sl_domain *d)
{
	static const uint8_t protocols[] = {SL_WIRE_NVME, SL_WIRE_SCSI, SL_WIRE_CXL, SL_WIRE_FWCTL};
	struct clients *clients = calloc(1, sizeof(*clients));

	if (!clients)
		abort();
	collect_clients(d, clients);
	for (uint32_t i = 0; i < clients->n * SL_COUNT(protocols); i++) {
		uint32_t n = i % clients->n;
		struct sl_kind other = {
			.vendor = "?", .model = "?", .serial = "?", .firmware = "?"};

		other.protocol = protocols[i / clients->n];
		other.who = clients->c[n].who;
		(void)snprintf(other.path, sizeof(other.path), "?");
		who_text(&other.who, clients->c[n].uid_hi, clients->c[n].asks, other.client,
			 sizeof(other.client));
		add_kind(d, &other);
		collect_devices(d, &other);
	}
	free(clients);
}
