/* SPDX-License-Identifier: Apache-2.0 */
/* Between the readers of one form and the document they fill. Not for anybody else. */
#ifndef SL_CONTRACT_BUILD_H
#define SL_CONTRACT_BUILD_H

#include "contract/doc.h"

/* The logs that a file can hold. */
enum sl_part {
	SL_PART_CTRL,
	SL_PART_LID00,
	SL_PART_LID05, /* and one more per further command set */
	SL_PART_LID05_KV,
	SL_PART_LID05_ZNS,
	SL_PART_LID12,
	SL_PART_LID13,
	SL_PART_LID14,
	SL_PART_INQUIRY,
	SL_PART_CAPACITY,
	SL_PART_RSOC,
	SL_PART_CXL_ID,
	SL_PART_CEL,
	SL_PART_FEATURES,
	_SL_PART_N
};

struct sl_build {
	struct sl_doc *doc;
	const char *path;	/* of the file being read, for messages */
	uint8_t csi;		/* of the lines being read */
	bool io;		/* those are of the I/O half (SPDK) */
	size_t len[_SL_PART_N]; /* of the page, as found; 0: not there */
	uint8_t page[_SL_PART_N][4096];
	uint32_t set[_SL_PART_N][1024 / 32]; /* words that a text has given */
};

/*
 * One word of a log that a text lists. 0, or -EINVAL with *reterr: twice, and differently.
 */
int sl_build_word(struct sl_build *b, unsigned part, unsigned index, uint32_t word, unsigned line,
		  struct sl_diag *reterr);
/* A field of Identify Controller: name as nvme-cli has it (vid, sn, mn, fr, mdts …). False: not
 * one. */
bool sl_build_identity(struct sl_build *b, const char *name, const char *value);
/* A whole page. */
int sl_build_page(struct sl_build *b, unsigned part, const void *bytes, size_t len,
		  struct sl_diag *reterr);

/* Readers. 0, or -errno with *reterr. -ENOMSG: nothing of this form is in it. */
int sl_build_text(struct sl_build *b, const char *text, struct sl_diag *reterr);
int sl_build_json(struct sl_build *b, const char *text, size_t len, struct sl_diag *reterr);

#endif
