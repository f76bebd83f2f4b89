/* tls_context: the TLS of one worker: its library context, its certificates, and the memory
 * through which bytes pass to and from OpenSSL.
 *
 * Sans-I/O: before a call of tls_stream.h, the caller sets INPUT to the bytes that the peer has
 * sent; after it, INPUT is the part that is not consumed, and OUTPUT has the bytes to send
 * appended. The caller sends or copies them and sets output_length to 0. All streams share this
 * memory, and one BIO, so a connection owns neither. One thread uses a context and its streams. It
 * owns a library context of its own, because OpenSSL's default one is shared by threads through
 * locks. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_CONTEXT_H
#define SLUICE_TLS_CONTEXT_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_shared.h"

#include <openssl/bio.h>

enum {
    TLS_RECORD_BYTES_MAX = 16384,                      /* of plaintext, RFC 8446 section 5.1 */
    TLS_SEALED_BYTES_MAX = TLS_RECORD_BYTES_MAX + 256, /* with what may precede and end it */
    TLS_OUTPUT_BYTES = 144 << 10, /* a whole flight of a handshake, and 132 KiB in records */
};

struct tls_credentials;
struct tls_stream;

struct tls_context {
    struct str input; /* *borrowed* for a call */
    char *output;     /* TLS_OUTPUT_BYTES */
    size_t output_length;

    /* Finds the local address of the connection of the handshake under way; false: not known. For
     * clients that name no host, if there are several certificates. NULL is allowed. */
    bool (*find_local_address)(void *owner, struct tls_address *ret);
    void *local_address_owner;

    /* For the files of this folder. */
    struct tls_shared *shared;
    OSSL_LIB_CTX *library;
    EVP_CIPHER *ticket_cipher;
    BIO_METHOD *method;
    BIO *bio;                            /* of all streams */
    struct tls_credentials *credentials; /* of new streams */
    unsigned generation;                 /* that was tried last; CREDENTIALS may be older */
    struct tls_stream *stream;           /* of the call under way */
};

/* *RET is *given*; SHARED is *borrowed* for its life. Any thread may create it, and then hand it to
 * its own. 0 or a negative errno with *RET_PROBLEM; -ENOMEM: out of memory, -EINVAL: OpenSSL
 * refuses a certificate. */
int tls_context_create(struct tls_context **ret, struct tls_shared *shared,
                       struct problem *ret_problem);

/* After its last stream. NULL is allowed. */
void tls_context_destroy(struct tls_context *context);

/* Builds the credentials of the current generation, if they are not built yet; on failure, those
 * before stay. tls_stream_create does this by itself. */
void tls_context_refresh(struct tls_context *context);

/* The certificates of new streams, *borrowed* until the next call with CONTEXT. */
const struct tls_certificates *tls_context_certificates(struct tls_context *context);

/* Whether OUTPUT has room for one more record of any size. */
static inline bool tls_context_has_room(const struct tls_context *context)
{
    return TLS_OUTPUT_BYTES - context->output_length >= TLS_SEALED_BYTES_MAX;
}

#endif
#endif
