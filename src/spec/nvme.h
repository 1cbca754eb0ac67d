/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants of the NVM Express Base specification 2.1 that code needs by name. What varies per
 * command is in the tables beside this file, not here.
 */
#ifndef SL_SPEC_NVME_H
#define SL_SPEC_NVME_H

/* NSID of all namespaces, §3.2.1.2 */
#define NVME_NSID_ALL 0xffffffffu

/* Admin opcodes the broker itself sends to read a contract, figure "Opcodes for Admin Commands" */
#define NVME_ADMIN_GET_LOG_PAGE 0x02u
#define NVME_ADMIN_IDENTIFY	0x06u
#define NVME_ADMIN_SET_FEATURES 0x09u
#define NVME_ADMIN_GET_FEATURES 0x0au

/* Where SLBA and NLB begin in the submission queue entry of a read, write and the like: CDW10, 12
 */
#define NVME_SLBA 40
#define NVME_NLB  48

#endif
