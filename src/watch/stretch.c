/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a thing was watched, and how much of that time somebody did something: what the chance
 * of an accident is reckoned from.
 */
#include "watch/watcher.h"

#define PAUSE_MIN 0.2 /* seconds: what is shorter is no pause */

bool sl_stretch_read(const struct sl_watched *d, struct sl_stretch *s, uint64_t from,
		     const struct sl_act *own, struct sl_window *ret)
{
	const struct sl_acts *a = d->w->acts;
	struct sl_window w = {.from = s->since, .device = d->index};
	double now = sl_watch_now();
	const struct sl_act *act;
	bool busy = false, stirring = false;
	uint64_t at = 0;

	w.to = own->outcome ? own->outcome : own->intent;
	w.whole = s->since && s->gaps == a->gaps && sl_acts_known(a, s->since);
	if (!s->since)
		s->t_first = s->t = now;
	while (w.whole && !stirring && (act = sl_window_next(a, &w, &at))) {
		busy |= !act->own;
		stirring |= !act->own && !sl_act_harmless(act);
	}
	/* What is not known was not calm. */
	s->busy[0] += busy || !w.whole ? now - s->t : 0;
	s->busy[1] += stirring || !w.whole ? now - s->t : 0;
	s->since = from;
	s->gaps = a->gaps;
	s->t = now;
	*ret = w;
	return w.whole;
}

void sl_pauses_note(struct sl_pauses *p, double t_first, double t)
{
	double length = t - p->last;
	unsigned least = 0;

	if (p->last <= 0)
		p->first = t - t_first;
	else if (length > PAUSE_MIN && p->n < SL_PAUSES_MAX)
		p->length[p->n++] = length;
	else if (length > PAUSE_MIN) {
		for (unsigned i = 1; i < p->n; i++)
			if (p->length[i] < p->length[least])
				least = i;
		if (p->length[least] < length)
			p->length[least] = length;
	}
	p->last = t;
}

double sl_pauses_near(const struct sl_pauses *p, double t_first, double now, double late)
{
	double near = now - t_first - (p->last > 0 ? p->first : now - t_first);

	for (unsigned i = 0; i < p->n; i++)
		near -= p->length[i] > late ? p->length[i] - late : 0;
	if (p->last > 0 && now - p->last > late)
		near -= now - p->last - late;
	return near > 0 ? near : 0;
}
