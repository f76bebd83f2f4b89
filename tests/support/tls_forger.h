/* tls_forger: records of TLS 1.3 that libssl never sends, made by hand under a client's keys.
 * RFC 8446 sections 5.2 to 5.4, 7.1 and 7.3, for TLS_AES_128_GCM_SHA256. For tests, in builds with
 * OpenSSL. */
#ifndef SLUICE_TESTS_TLS_FORGER_H
#define SLUICE_TESTS_TLS_FORGER_H

#ifdef SLUICE_HAVE_OPENSSL

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TLS_FORGER_SUITE "TLS_AES_128_GCM_SHA256"

enum {
    TLS_FORGER_KEY_BYTES = 16,
    TLS_FORGER_IV_BYTES = 12,
    TLS_FORGER_TAG_BYTES = 16,
    TLS_FORGER_HEADER_BYTES = 5,
    TLS_FORGER_SECRET_BYTES = 32,
    TLS_FORGER_INNER_MAX = 32 << 10,
};

/* Types of records. */
enum { TLS_FORGER_ALERT = 21, TLS_FORGER_HANDSHAKE = 22, TLS_FORGER_DATA = 23 };

/* One side of a connection, from the end of the handshake on. */
struct tls_forger {
    unsigned char key[TLS_FORGER_KEY_BYTES], iv[TLS_FORGER_IV_BYTES];
    uint64_t number; /* of the next record */
    unsigned char record[TLS_FORGER_HEADER_BYTES + TLS_FORGER_INNER_MAX + TLS_FORGER_TAG_BYTES];
};

/* HKDF-Expand-Label with an empty context, RFC 8446 section 7.1. */
static inline void tls_forger_expand(const unsigned char *secret, const char *label,
                                     unsigned char *to, size_t length)
{
    static char digest[] = "SHA256";
    unsigned char info[64];
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    int info_length = snprintf((char *)info, sizeof info, "%c%c%ctls13 %s", 0, (int)length,
                               (int)(strlen("tls13 ") + strlen(label)), label);
    info[info_length] = 0; /* the empty context */
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
                                          TLS_FORGER_SECRET_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)info_length + 1),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    cr_assert_eq(EVP_KDF_derive(context, to, length, parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* SECRET: the side's application traffic secret. */
static inline void tls_forger_init(struct tls_forger *forger, const unsigned char *secret)
{
    forger->number = 0;
    tls_forger_expand(secret, "key", forger->key, sizeof forger->key);
    tls_forger_expand(secret, "iv", forger->iv, sizeof forger->iv);
}

/* Makes a record of TYPE with the LENGTH bytes at CONTENT and PADDING zeros, in forger->record.
 * Returns its length. */
static inline size_t tls_forger_make(struct tls_forger *forger, int type, const char *content,
                                     size_t length, size_t padding)
{
    const size_t inner = length + 1 + padding, sealed = inner + TLS_FORGER_TAG_BYTES;
    const unsigned char header[TLS_FORGER_HEADER_BYTES] = {
        TLS_FORGER_DATA, 3, 3, (unsigned char)(sealed >> 8), (unsigned char)sealed};
    unsigned char iv[TLS_FORGER_IV_BYTES], *at = forger->record + sizeof header;
    int done;
    cr_assert(inner <= TLS_FORGER_INNER_MAX);
    memcpy(forger->record, header, sizeof header);
    memset(at, 0, sealed);
    if (length > 0)
        memcpy(at, content, length);
    at[length] = (unsigned char)type;
    memcpy(iv, forger->iv, sizeof iv);
    for (unsigned i = 0; i < 8; i++)
        iv[sizeof iv - 1 - i] ^= (unsigned char)(forger->number >> (8 * i));
    forger->number++;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, forger->key, iv);
    EVP_EncryptUpdate(context, NULL, &done, header, sizeof header);
    EVP_EncryptUpdate(context, at, &done, at, (int)inner);
    EVP_EncryptFinal_ex(context, at + inner, &done);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TLS_FORGER_TAG_BYTES, at + inner);
    EVP_CIPHER_CTX_free(context);
    return sizeof header + sealed;
}

#endif
#endif
