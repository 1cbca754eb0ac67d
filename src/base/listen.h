/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_BASE_LISTEN_H
#define SL_BASE_LISTEN_H

#include <sys/types.h>

/*
 * A listening socket (SOCK_SEQPACKET, close-on-exec) with this path and this mode. The path is
 * there once somebody listens, so that whoever waits for it may connect at once. A socket that is
 * in the way and that nobody serves is replaced. A descriptor; -EADDRINUSE: somebody serves it;
 * -ENOTSOCK: something else is there; -ENAMETOOLONG: over 103 bytes; or -errno.
 */
int sl_listen(const char *path, mode_t mode);

#endif
