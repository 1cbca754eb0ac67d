/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that the tool would inherit: only those that lead nowhere else stay. */
#ifndef SL_FRONT_RUN_INHERIT_H
#define SL_FRONT_RUN_INHERIT_H

/*
 * Closes, in the calling process, every descriptor but `keep` that could be a way to a device:
 * device nodes other than terminals and the memory devices, directories and O_PATH descriptors
 * (they keep the old mount namespace reachable), files of sysfs and its like, rings, and anonymous
 * inodes. 0, 1 and 2 are replaced by /dev/null instead. 0 or -errno.
 */
int sl_inherit_check(int keep);

#endif
