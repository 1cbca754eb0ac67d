/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ways.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/kernel-filter.h"
#include "spec/names.h"

static void print_way(struct sl_emit *e, const struct sl_ways *w, const struct sl_way *way)
{
	sl_emit_cell(e, "%s", w->devices[way->device].name);
	sl_emit_cell(e, "%s", sl_way_name(way->kind));
	sl_emit_cell(e, "%s", way->at);
	sl_emit_cell(e, "%s", way->text);
	sl_emit_cell(e, "%s", way->open ? "open" : "");
	sl_emit_cell(e, "%s", way->close);
}

/* By device, as they were found within each. */
static unsigned print_ways(struct sl_emit *e, const struct sl_ways *w, bool check)
{
	static const char *const all[][2] = {
		{"device", "DEVICE"}, {"way", "WAY IN"}, {"at", "WHERE"}, {"who", "WHO, WHAT"},
		{"state", "STATE"},   {"close", NULL},	 {NULL, NULL}};
	static const char *const checked[][2] = {
		{"device", "DEVICE"}, {"way", "WAY IN"},      {"at", "WHERE"}, {"who", "WHO, WHAT"},
		{"state", NULL},      {"close", "CLOSED BY"}, {NULL, NULL}};
	unsigned open = 0, shown;

	for (unsigned i = 0; i < w->n_ways; i++)
		open += w->ways[i].open;
	shown = check ? open : w->n_ways;
	if (!shown && !sl_emit_is_json(e)) {
		if (check)
			sl_emit_note(
				e, "Ways in: %u, to %u device%s. None is open to anybody but root.",
				w->n_ways, w->n_devices, w->n_devices == 1 ? "" : "s");
		return open;
	}
	sl_emit_table(e, "ways", check ? checked : all);
	for (unsigned d = 0; d < w->n_devices; d++)
		for (unsigned i = 0; i < w->n_ways; i++)
			if (w->ways[i].device == d && (w->ways[i].open || !check))
				print_way(e, w, &w->ways[i]);
	sl_emit_end(e);
	return open;
}

static void print_reach(struct sl_emit *e, const struct sl_kernel_reach *r)
{
	if (!r->any && !sl_emit_is_json(e))
		sl_emit_cell(e, "nothing");
	else if (!r->effects && !sl_emit_is_json(e))
		sl_emit_cell(e, "what has no effect");
	else if (r->effects == SL_E_ALL && !sl_emit_is_json(e))
		sl_emit_cell(e, "everything");
	else
		sl_emit_cell_bits(e, r->effects, sl_effect_name);
}

/* Which nodes of NVMe devices are there? What no node has is not worth a question. */
static unsigned doors_there(const struct sl_ways *w)
{
	unsigned doors = 0;

	for (unsigned i = 0; i < w->n_nodes; i++)
		if (w->nodes[i].there && w->nodes[i].door != SL_DOOR_NATIVE)
			doors |= 1u << w->nodes[i].door;
	return doors;
}

static bool has_protocol(const struct sl_ways *w, const char *protocol)
{
	for (unsigned i = 0; i < w->n_devices; i++)
		if (strcmp(w->devices[i].protocol, protocol) == 0)
			return true;
	return false;
}

/* One line of the table: what is let through a node that is open for reading, for writing. */
static void print_node(struct sl_emit *e, const char *node, const struct sl_kernel_reach *reach)
{
	sl_emit_cell(e, "%s", node);
	for (unsigned writable = 0; writable < 2; writable++) {
		print_reach(e, &reach[writable]);
		sl_emit_cell_u64(e, reach[writable].any);
	}
}

static int print_kernel(struct sl_emit *e, const struct sl_ways *w)
{
	static const char *const columns[][2] = {
		{"node", "THE KERNEL ALLOWS A USER ON"},
		{"reading", "OPEN FOR READING"},
		{"reading_allows", NULL},
		{"writing", "OPEN FOR WRITING"},
		{"writing_allows", NULL},
		{NULL, NULL},
	};
	static const char *const names[_SL_DOOR_N] = {
		[SL_DOOR_CTRL] = "a controller",
		[SL_DOOR_NS_CHAR] = "a namespace (ng)",
		[SL_DOOR_NS_BLOCK] = "a namespace (block)",
		[SL_DOOR_PARTITION] = "a partition",
	};
	unsigned doors = doors_there(w);
	struct sl_kernel_filter f = {0};
	int r = doors ? sl_kernel_filter(w->kernel_major, w->kernel_minor, &f) : 0;

	if (r < 0 || (!doors && !has_protocol(w, "scsi") && !has_protocol(w, "cxl")))
		return r;
	sl_emit_table(e, "kernel", columns);
	for (unsigned door = 0; door < _SL_DOOR_N; door++)
		if (doors >> door & 1)
			print_node(e, names[door], f.reach[door]);
	for (const struct sl_kernel_other *o = sl_kernel_others; o->node; o++)
		if (has_protocol(w, o->protocol))
			print_node(e, o->node, o->reach);
	sl_emit_end(e);
	if (!doors)
		return 0;
	sl_emit_str(e, "model", NULL, "%s", f.model);
	sl_emit_note(e,
		     "By the policy %s; this is Linux %u.%u. `unknown`: what the device lists and "
		     "no table describes.",
		     f.model, w->kernel_major, w->kernel_minor);
	return 0;
}

int sl_ways_print(struct sl_emit *e, const struct sl_ways_roots *roots, bool check,
		  unsigned *ret_open)
{
	struct sl_ways w;
	int r = sl_ways_look(roots, &w);

	*ret_open = 0;
	if (r < 0)
		return sl_cli_error(r, "devices: %s", strerror(-r));
	*ret_open = print_ways(e, &w, check);
	if (!check)
		r = print_kernel(e, &w);
	sl_emit_u64(e, "open", NULL, *ret_open);
	sl_emit_u64(e, "unseen_processes", NULL, w.unseen);
	if (w.unseen)
		(void)sl_cli_error(
			0, "%u process%s may not be looked into: root sees who has devices open",
			w.unseen, w.unseen == 1 ? "" : "es");
	sl_ways_done(&w);
	return r;
}
