/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of a SCSI persona: one reader each, as in persona-json.h. Private to the loader. */
#ifndef SL_MODEL_SCSI_PERSONA_H
#define SL_MODEL_SCSI_PERSONA_H

#include "model/persona-json.h"
#include "model/scsi/scsi.h"

int sl_scsi_read_inquiry(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_inquiry_raw(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_medium(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_tape(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_ata(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_limits(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_vpd(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_modes(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_logs(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_commands(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_unlisted(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_refused(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);
int sl_scsi_read_quirks(struct sl_pj *j, json_t *v, void *field, const struct sl_pj_key *k);

/* What the file left open. */
int sl_scsi_persona_complete(struct sl_pj *j, json_t *root);
int sl_scsi_default_modes(struct sl_pj *j);
int sl_scsi_default_logs(struct sl_pj *j);
int sl_scsi_default_vpd(struct sl_pj *j);
void sl_scsi_persona_free(struct sl_persona_scsi *s);

/* "0x9e/0x10": two numbers, the second of which may be missing (then *ret_b is left alone). */
int sl_scsi_key_pair(struct sl_pj *j, const char *key, uint64_t max_a, uint64_t *ret_a,
		     uint64_t max_b, uint64_t *ret_b);

#endif
