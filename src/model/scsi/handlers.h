/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands do: one function a row, or a few rows. Private to src/model/scsi. */
#ifndef SL_MODEL_SCSI_HANDLERS_H
#define SL_MODEL_SCSI_HANDLERS_H

#include <stdint.h>

struct sl_model;
struct sl_model_req;

#define SL_SCSI_HANDLERS(X)                                                                        \
	X(test_unit_ready)                                                                         \
	X(request_sense)                                                                           \
	X(inquiry)                                                                                 \
	X(report_luns)                                                                             \
	X(mode_sense)                                                                              \
	X(mode_select)                                                                             \
	X(report_opcodes)                                                                          \
	X(report_tmf)                                                                              \
	X(read)                                                                                    \
	X(write)                                                                                   \
	X(verify)                                                                                  \
	X(prefetch)                                                                                \
	X(synchronize_cache)                                                                       \
	X(write_same)                                                                              \
	X(unmap)                                                                                   \
	X(compare_and_write)                                                                       \
	X(read_capacity10)                                                                         \
	X(read_capacity16)                                                                         \
	X(get_lba_status)                                                                          \
	X(log_sense)                                                                               \
	X(log_select)                                                                              \
	X(pr_in)                                                                                   \
	X(pr_out)                                                                                  \
	X(reserve6)                                                                                \
	X(release6)                                                                                \
	X(format_unit)                                                                             \
	X(sanitize)                                                                                \
	X(start_stop)                                                                              \
	X(prevent_allow)                                                                           \
	X(send_diagnostic)                                                                         \
	X(receive_diagnostic)                                                                      \
	X(reassign_blocks)                                                                         \
	X(read_defects)                                                                            \
	X(write_buffer)                                                                            \
	X(read_buffer)                                                                             \
	X(security_in)                                                                             \
	X(security_out)                                                                            \
	X(ata_pass_through)                                                                        \
	X(read_subchannel)                                                                         \
	X(read_toc)                                                                                \
	X(play_audio)                                                                              \
	X(stop_play)                                                                               \
	X(get_configuration)                                                                       \
	X(get_event)                                                                               \
	X(read_disc_info)                                                                          \
	X(read_track_info)                                                                         \
	X(read_buffer_capacity)                                                                    \
	X(blank)                                                                                   \
	X(report_key)                                                                              \
	X(send_key)                                                                                \
	X(get_performance)                                                                         \
	X(set_speed)                                                                               \
	X(mechanism_status)                                                                        \
	X(read_cd)                                                                                 \
	X(rewind)                                                                                  \
	X(space)                                                                                   \
	X(locate)                                                                                  \
	X(read_position)                                                                           \
	X(load_unload)                                                                             \
	X(read_block_limits)                                                                       \
	X(tape_read)                                                                               \
	X(tape_write)                                                                              \
	X(write_filemarks)                                                                         \
	X(erase)                                                                                   \
	X(report_density)

#define X(name) uint32_t sl_scsi_##name(struct sl_model *m, struct sl_model_req *r);
SL_SCSI_HANDLERS(X)
#undef X

#endif
