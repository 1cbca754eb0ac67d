/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings that go from one host to another are signed: Ed25519 (RFC 8032), over the text of the
 * note, which begins with what it is. The key is made when it is first needed.
 *
 *   sluice signed finding 1
 *   key: 64 hexadecimal digits
 *   signature: 128 hexadecimal digits
 *
 *   sluice finding 1
 *   …
 */
#ifndef SL_WATCH_SIGN_H
#define SL_WATCH_SIGN_H

#include <stddef.h>

#include "base/diag.h"
#include "watch/note.h"

#define SL_SIGNED_MAX (SL_NOTE_TEXT_MAX + 512u)

/*
 * Signs a note with the key of this host, which is the file `key` in `dir`. `ret` has room for
 * SL_SIGNED_MAX bytes. 0 or -errno with *reterr (-ENOTSUP: there is no libcrypto).
 */
int sl_note_sign(const char *dir, const struct sl_note *n, char *ret, size_t *ret_len,
		 struct sl_diag *reterr);
/*
 * Reads a signed note. 0: the signature holds, *ret is what was signed, *ret_key (65 bytes) by
 * whom; -EKEYREJECTED: it does not; -EBADMSG; -errno.
 */
int sl_note_unsign(const char *text, size_t len, const char *file, struct sl_note *ret,
		   char *ret_key, struct sl_diag *reterr);

#endif
