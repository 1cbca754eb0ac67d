/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of an image in words of the language. */
#ifndef SL_POLICY_SHOW_H
#define SL_POLICY_SHOW_H

#include "core/image.h"

/* "uid 998 on model "INTEL*"" */
void sl_image_section_text(const struct sl_image *img, uint32_t section, char *buf, size_t size);
/* Its assignments and conditions, fields named as on this row. */
void sl_image_rule_text(const struct sl_image *img, uint32_t rule, uint16_t row, char *buf,
			size_t size);

#endif
