/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/wire.h"

void sl_words_copy(char *to, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n > size - 1)
		n = size - 1;
	memcpy(to, text, n);
	memset(to + n, 0, size - n);
}

void sl_words_denial(const struct sl_image *img, const struct sl_verdict *v,
		     const struct sl_command *cmd, char *to, size_t size)
{
	const struct sl_row *row = &sl_rows[v->facts.row];
	bool wide = sl_sets[row->set].protocol >= SL_WIRE_CXL; /* command set, command */
	const char *with = v->facts.carried ? " with " : "";
	const char *inside = v->facts.carried ? sl_rows[v->facts.carried].name : "";
	const char *place = sl_image_str(img, img->name);
	char line[16] = "", code[16] = "";

	if (v->rule) {
		const struct sl_rule *r = sl_image_rule(img, v->rule);
		const char *slash;

		place = sl_image_str(img, r->file);
		slash = strrchr(place, '/');
		place = slash ? slash + 1 : place;
		(void)snprintf(line, sizeof(line), ":%u", r->line);
	}
	if (row->op_lo != row->op_hi)
		(void)snprintf(code, sizeof(code), " %02xh",
			       wide ? sl_get_be16(cmd->req) : cmd->req[0]);
	(void)snprintf(to, size, "%s%s%s%s (%s%s): %s", row->name, code, with, inside, place, line,
		       sl_reason_text(v->reason));
}

void sl_words_failure(const struct sl_verdict *v, uint32_t error, char *to, size_t size)
{
	const char *name = sl_rows[v->facts.row].name;
	const char *what = "the device could not be reached";

	if (error == ENODEV)
		what = "the device has gone: its process or its hardware no longer answers";
	else if (error == ETIMEDOUT)
		what = "the device did not answer in time; what it does with the command is "
		       "recorded";
	else if (error == ECANCELED)
		what = "given up before it was sent, or the device was reset under it";
	else if (error == EOVERFLOW)
		what = "the device returned more than the command transfers; its answer was "
		       "dropped";
	else if (error == EBUSY)
		what = "the device takes no more commands now: try again";
	(void)snprintf(to, size, "%s: %s", name, what);
}
