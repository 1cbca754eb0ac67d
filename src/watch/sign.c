/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto is loaded when something is signed and never else: it costs every program that is
 * linked with it two milliseconds at its start.
 */
#include "watch/sign.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#define SEED	  32u
#define SIGNATURE 64u

static const char head[] = "sluice signed finding 1\nkey: ";
static const char middle[] = "\nsignature: ";

/* What is called, by the names that it has there. */
#define CALLS(C)                                                                                   \
	C(EVP_PKEY_new_raw_private_key)                                                            \
	C(EVP_PKEY_new_raw_public_key)                                                             \
	C(EVP_PKEY_get_raw_public_key)                                                             \
	C(EVP_PKEY_free)                                                                           \
	C(EVP_MD_CTX_new)                                                                          \
	C(EVP_MD_CTX_free)                                                                         \
	C(EVP_DigestSignInit)                                                                      \
	C(EVP_DigestSign)                                                                          \
	C(EVP_DigestVerifyInit)                                                                    \
	C(EVP_DigestVerify)

static struct {
#define C(name) __typeof__(name) *f_##name;
	CALLS(C)
#undef C
} crypto;

static const struct {
	const char *name;
	void *to; /* a pointer to the pointer */
} calls[] = {
#define C(name) {#name, &crypto.f_##name},
	CALLS(C)
#undef C
};

static int load(struct sl_diag *reterr)
{
	void *lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);

	for (unsigned i = 0; lib && i < SL_COUNT(calls); i++) {
		void *f = dlsym(lib, calls[i].name);

		if (!f)
			lib = NULL;
		memcpy(calls[i].to, &f, sizeof(f));
	}
	return lib ? 0
		   : sl_diag_set(reterr, -ENOTSUP, NULL, 0, 0,
				 "signatures take libcrypto, and it is not there: %s", dlerror());
}

static void to_hex(const uint8_t *p, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", p[i]);
}

static bool from_hex(const char *hex, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		int used = 0;

		if (strspn(hex + 2 * i, "0123456789abcdef") < 2 ||
		    sscanf(hex + 2 * i, "%2x%n", &v, &used) != 1 || used != 2)
			return false;
		ret[i] = (uint8_t)v;
	}
	return true;
}

/* The seed of this host's key: read, or made. */
static int own_seed(const char *dir, uint8_t seed[SEED], struct sl_diag *reterr)
{
	char path[4400], hex[2 * SEED + 1] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "%s/key", dir);
	(void)mkdir(dir, 0700);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		bool ok = read(fd, hex, 2 * SEED) == 2 * SEED && from_hex(hex, SEED, seed);

		close(fd);
		return ok ? 0 : sl_diag_set(reterr, -EBADMSG, path, 0, 0, "not a key");
	}
	if (errno != ENOENT || getrandom(seed, SEED, 0) != SEED)
		return sl_diag_set(reterr, -errno, path, 0, 0, "%s", strerror(errno));
	to_hex(seed, SEED, hex);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, hex, 2 * SEED) != 2 * SEED || fsync(fd) < 0) {
		int e = errno;

		if (fd >= 0)
			close(fd);
		return sl_diag_set(reterr, -e, path, 0, 0, "%s", strerror(e));
	}
	close(fd);
	return 0;
}

int sl_note_sign(const char *dir, const struct sl_note *n, char *ret, size_t *ret_len,
		 struct sl_diag *reterr)
{
	uint8_t seed[SEED], key[SEED], sig[SIGNATURE];
	char text[SL_NOTE_TEXT_MAX], key_hex[2 * SEED + 1], sig_hex[2 * SIGNATURE + 1];
	size_t len = sl_note_write(n, text), key_len = sizeof(key), sig_len = sizeof(sig);
	EVP_MD_CTX *ctx;
	EVP_PKEY *pkey;
	bool ok;
	int r = load(reterr);

	if (r == 0)
		r = own_seed(dir, seed, reterr);
	if (r < 0)
		return r;
	pkey = crypto.f_EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	explicit_bzero(seed, sizeof(seed));
	ctx = crypto.f_EVP_MD_CTX_new();
	ok = pkey && ctx && crypto.f_EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	     crypto.f_EVP_DigestSign(ctx, sig, &sig_len, (const uint8_t *)text, len) == 1 &&
	     crypto.f_EVP_PKEY_get_raw_public_key(pkey, key, &key_len) == 1;
	crypto.f_EVP_MD_CTX_free(ctx);
	crypto.f_EVP_PKEY_free(pkey);
	if (!ok)
		return sl_diag_set(reterr, -EIO, NULL, 0, 0, "libcrypto does not sign");
	to_hex(key, sizeof(key), key_hex);
	to_hex(sig, sizeof(sig), sig_hex);
	*ret_len = (size_t)snprintf(ret, SL_SIGNED_MAX, "%s%s%s%s\n\n%.*s", head, key_hex, middle,
				    sig_hex, (int)len, text);
	return 0;
}

int sl_note_unsign(const char *text, size_t len, const char *file, struct sl_note *ret,
		   char *ret_key, struct sl_diag *reterr)
{
	const size_t at_key = sizeof(head) - 1, at_mid = at_key + 2 * SEED;
	const size_t at_sig = at_mid + sizeof(middle) - 1, at = at_sig + 2 * SIGNATURE + 2;
	uint8_t key[SEED], sig[SIGNATURE];
	EVP_MD_CTX *ctx;
	EVP_PKEY *pkey;
	bool ok;
	int r;

	if (len <= at || memcmp(text, head, at_key) != 0 ||
	    memcmp(text + at_mid, middle, sizeof(middle) - 1) != 0 ||
	    memcmp(text + at - 2, "\n\n", 2) != 0 || !from_hex(text + at_key, SEED, key) ||
	    !from_hex(text + at_sig, SIGNATURE, sig))
		return sl_diag_set(reterr, -EBADMSG, file, 0, 0, "not a signed finding");
	r = load(reterr);
	if (r < 0)
		return r;
	pkey = crypto.f_EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, sizeof(key));
	ctx = crypto.f_EVP_MD_CTX_new();
	ok = pkey && ctx && crypto.f_EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	     crypto.f_EVP_DigestVerify(ctx, sig, sizeof(sig), (const uint8_t *)text + at,
				       len - at) == 1;
	crypto.f_EVP_MD_CTX_free(ctx);
	crypto.f_EVP_PKEY_free(pkey);
	if (!ok)
		return sl_diag_set(reterr, -EKEYREJECTED, file, 0, 0,
				   "the signature does not hold: it was changed, or is not by the "
				   "key that it names");
	(void)snprintf(ret_key, 2 * SEED + 1, "%.*s", (int)(2 * SEED), text + at_key);
	return sl_note_read(text + at, len - at, file, ret, reterr);
}
