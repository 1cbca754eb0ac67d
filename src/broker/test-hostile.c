/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that lies to the broker itself: what the launcher knows of the kernel's use of a
 * namespace is not the device's to take back.
 */
#include "broker/test-rig.h"

enum lie { LIST_EMPTY, LIST_FULL, SILENT };

/* The broker reads the contract anew and is told a lie. */
static void lie(enum lie how)
{
	struct sl_gate_device *d = &g->devices[0];

	d->reread = true;
	sl_gate_resume(g, 0);
	assert(d->state == SL_DEV_READING);
	while (d->state == SL_DEV_READING) {
		struct sl_io *io = held.io[0];

		assert(held.n == 1);
		held.n = 0;
		identify_answer(io);
		if (io->cmd->req[0] == 0x06 && io->cmd->req[40] == 2) {
			memset(io->data, 0, 4096);
			for (uint32_t i = 0; how == LIST_FULL && i < SL_NS_MAX; i++)
				sl_put_le32(io->data + 4 * (size_t)i, 100 + i);
		}
		if (how == SILENT)
			io->out =
				(struct sl_completion){.outcome = SL_OUTCOME_FAILED, .error = EIO};
		held.dev.done(&held.dev, io);
	}
}

static void test_in_use_stays(void)
{
	static const enum lie lies[] = {LIST_EMPTY, SILENT, LIST_FULL, LIST_EMPTY};
	struct sl_gate_device *d = &g->devices[0];

	d->contract[d->now].ns[0].used_by_kernel = 1;
	for (unsigned i = 0; i < SL_COUNT(lies); i++) {
		const struct sl_ns *ns;
		struct sl_client_reply r;

		lie(lies[i]);
		ns = sl_contract_ns(&d->contract[d->now], NS);
		assert(ns && ns->used_by_kernel);
		send_command(1, format());
		assert(held.n == 0);
		r = answer();
		assert(r.c.outcome == SL_OUTCOME_DENIED && r.reason == SL_REASON_IN_USE);
	}
}

/* A declaration has 32 bits: a condition on others is refused with the whole image. */
static void test_image_bits(void)
{
	struct sl_image *img = (struct sl_image *)(uintptr_t)image(NULL);
	struct sl_rule *rule = (void *)((uint8_t *)img + img->rules.off);
	struct sl_cond *c = (void *)((uint8_t *)img + img->size);
	const char *why;

	img->conds = (struct sl_span){img->size, 1};
	img->size += (uint32_t)sizeof(*c);
	rule->n_conds = 1;
	*c = (struct sl_cond){
		.kind = SL_COND_FIELD_RANGE,
		.field = {.space = SL_SPACE_DECL, .bytes = 4, .shift = 16, .width = 3},
	};
	assert(sl_image_check(img, img->size, &why) == 0);
	c->field.bytes = 8;
	c->field.shift = 40;
	assert(sl_image_check(img, img->size, &why) < 0);
	free(img);
}

int main(void)
{
	set_up(NULL);
	test_image_bits();
	test_in_use_stays();
	tear_down();
	return 0;
}
