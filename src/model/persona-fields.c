/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the specifications put the numbers that a persona names. Rows only. Text fields, arrays and
 * what the loader computes from other keys are not here.
 */
#include "model/persona-json.h"

#include "base/bytes.h"

/* Identify Controller: Base 2.1, Figure 312 "Identify – Identify Controller Data Structure". */
const struct sl_field sl_fields_id_ctrl[] = {
	{"vid", 0, 2},	       {"ssvid", 2, 2},	     {"rab", 72, 1},	    {"cmic", 76, 1},
	{"mdts", 77, 1},       {"cntlid", 78, 2},    {"ver", 80, 4},	    {"rtd3r", 84, 4},
	{"rtd3e", 88, 4},      {"oaes", 92, 4},	     {"ctratt", 96, 4},	    {"rrls", 100, 2},
	{"cntrltype", 111, 1}, {"crdt1", 128, 2},    {"crdt2", 130, 2},	    {"crdt3", 132, 2},
	{"nvmsr", 253, 1},     {"vwci", 254, 1},     {"mec", 255, 1},	    {"oacs", 256, 2},
	{"acl", 258, 1},       {"aerl", 259, 1},     {"frmw", 260, 1},	    {"lpa", 261, 1},
	{"elpe", 262, 1},      {"npss", 263, 1},     {"avscc", 264, 1},	    {"apsta", 265, 1},
	{"wctemp", 266, 2},    {"cctemp", 268, 2},   {"mtfa", 270, 2},	    {"hmpre", 272, 4},
	{"hmmin", 276, 4},     {"tnvmcap", 280, 16}, {"unvmcap", 296, 16},  {"rpmbs", 312, 4},
	{"edstt", 316, 2},     {"dsto", 318, 1},     {"fwug", 319, 1},	    {"kas", 320, 2},
	{"hctma", 322, 2},     {"mntmt", 324, 2},    {"mxtmt", 326, 2},	    {"sanicap", 328, 4},
	{"hmminds", 332, 4},   {"hmmaxd", 336, 2},   {"nsetidmax", 338, 2}, {"endgidmax", 340, 2},
	{"anatt", 342, 1},     {"anacap", 343, 1},   {"anagrpmax", 344, 4}, {"nanagrpid", 348, 4},
	{"pels", 352, 4},      {"domainid", 356, 2}, {"megcap", 368, 16},   {"sqes", 512, 1},
	{"cqes", 513, 1},      {"maxcmd", 514, 2},   {"nn", 516, 4},	    {"oncs", 520, 2},
	{"fuses", 522, 2},     {"fna", 524, 1},	     {"vwc", 525, 1},	    {"awun", 526, 2},
	{"awupf", 528, 2},     {"icsvscc", 530, 1},  {"nwpc", 531, 1},	    {"acwu", 532, 2},
	{"cdfs", 534, 2},      {"sgls", 536, 4},     {"mnan", 540, 4},	    {"maxdna", 544, 16},
	{"maxcna", 560, 4},    {"ioccsz", 1792, 4},  {"iorcsz", 1796, 4},   {"icdoff", 1800, 2},
	{"fcatt", 1802, 1},    {"msdbd", 1803, 1},   {"ofcs", 1804, 2},
};
const size_t sl_fields_id_ctrl_n = SL_COUNT(sl_fields_id_ctrl);

/* Identify Namespace: NVM Command Set 1.1, Figure 114. NSZE, NCAP, FLBAS and the formats are keys.
 */
const struct sl_field sl_fields_id_ns[] = {
	{"nuse", 16, 8},    {"nsfeat", 24, 1},	 {"mc", 27, 1},	    {"dpc", 28, 1},
	{"dps", 29, 1},	    {"nmic", 30, 1},	 {"rescap", 31, 1}, {"fpi", 32, 1},
	{"dlfeat", 33, 1},  {"nawun", 34, 2},	 {"nawupf", 36, 2}, {"nacwu", 38, 2},
	{"nabsn", 40, 2},   {"nabo", 42, 2},	 {"nabspf", 44, 2}, {"noiob", 46, 2},
	{"nvmcap", 48, 16}, {"npwg", 64, 2},	 {"npwa", 66, 2},   {"npdg", 68, 2},
	{"npda", 70, 2},    {"nows", 72, 2},	 {"mssrl", 74, 2},  {"mcl", 76, 4},
	{"msrc", 80, 1},    {"anagrpid", 92, 4}, {"nsattr", 99, 1}, {"nvmsetid", 100, 2},
	{"endgid", 102, 2},
};
const size_t sl_fields_id_ns_n = SL_COUNT(sl_fields_id_ns);

/* Zoned Namespace: ZNS Command Set 1.1, §4.1.5.1. MAR, MOR and the zone size are keys. */
const struct sl_field sl_fields_id_zns[] = {
	{"zoc", 0, 2},	   {"ozcs", 2, 2},     {"rrl", 12, 4},	   {"frl", 16, 4},
	{"rrl1", 20, 4},   {"rrl2", 24, 4},    {"rrl3", 28, 4},	   {"frl1", 32, 4},
	{"frl2", 36, 4},   {"frl3", 40, 4},    {"numzrwa", 44, 4}, {"zrwafg", 48, 2},
	{"zrwasz", 50, 2}, {"zrwacap", 52, 1},
};
const size_t sl_fields_id_zns_n = SL_COUNT(sl_fields_id_zns);

/* SMART / Health Information: Base 2.1, §5.1.12.1.3; names as in state names (items.c). */
const struct sl_field sl_fields_smart[] = {
	{"critical_warning", 0, 1},
	{"temperature", 1, 2},
	{"available_spare", 3, 1},
	{"spare_threshold", 4, 1},
	{"percentage_used", 5, 1},
	{"endurance_group_warning", 6, 1},
	{"data_units_read", 32, 16},
	{"data_units_written", 48, 16},
	{"host_reads", 64, 16},
	{"host_writes", 80, 16},
	{"busy_time", 96, 16},
	{"power_cycles", 112, 16},
	{"power_on_hours", 128, 16},
	{"unsafe_shutdowns", 144, 16},
	{"media_errors", 160, 16},
	{"error_entries", 176, 16},
	{"warning_temperature_time", 192, 4},
	{"critical_temperature_time", 196, 4},
	{"temperature_sensor_1", 200, 2},
	{"temperature_sensor_2", 202, 2},
	{"temperature_sensor_3", 204, 2},
	{"temperature_sensor_4", 206, 2},
	{"temperature_sensor_5", 208, 2},
	{"temperature_sensor_6", 210, 2},
	{"temperature_sensor_7", 212, 2},
	{"temperature_sensor_8", 214, 2},
	{"thm_temp1_trans_count", 216, 4},
	{"thm_temp2_trans_count", 220, 4},
	{"thm_temp1_total_time", 224, 4},
	{"thm_temp2_total_time", 228, 4},
};
const size_t sl_fields_smart_n = SL_COUNT(sl_fields_smart);
