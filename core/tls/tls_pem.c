/* tls_pem: see tls_pem.h. PEM_read_bio_ex(3). */
#include "tls/tls_pem.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* One block of PEM, in OpenSSL's memory. */
struct block {
    char *name;   /* "CERTIFICATE" */
    char *header; /* "Proc-Type: 4,ENCRYPTED" and so on; mostly empty */
    unsigned char *bytes;
    long length;
};

static const struct str key_names[] = {
    STR_INIT("PRIVATE KEY"),
    STR_INIT("EC PRIVATE KEY"),
    STR_INIT("RSA PRIVATE KEY"),
    STR_INIT("DSA PRIVATE KEY"),
};

static const struct str certificate_names[] = {
    STR_INIT("CERTIFICATE"),
    STR_INIT("X509 CERTIFICATE"),
    STR_INIT("TRUSTED CERTIFICATE"),
};

static bool is_one_of(const char *name, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(str_of(name), names[i]))
            return true;
    }
    return false;
}

static void block_free(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_secure_clear_free(block->bytes, (size_t)block->length);
}

/* --- Problems -------------------------------------------------------------------------------- */

/* Whether OpenSSL's last failure was for want of memory. */
static bool is_out_of_memory(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

static int refuse(struct problem *ret_problem, const char *what, const char *remedy)
{
    bool no_memory = is_out_of_memory();
    ERR_clear_error();
    if (no_memory) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
    return -EINVAL;
}

static int refuse_damaged(struct problem *ret_problem)
{
    return refuse(ret_problem, "damaged or not complete: a block of PEM cannot be read",
                  "write the whole file again");
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Whether TEXT ends inside a line that begins or ends a block: the rest of the file is missing. */
static bool ends_in_a_line(struct str text)
{
    static const struct str dashes = STR_INIT("-----");
    size_t start = str_find_last(text, '\n');
    struct str line = start < text.length ? str_from(text, start + 1) : text;
    return line.length > 0 && line.at[0] == '-' &&
           (line.length <= 2 * dashes.length || !str_ends_with(line, dashes));
}

static int take_key(struct tls_pem *pem, const struct block *block, struct problem *ret_problem)
{
    const unsigned char *at = block->bytes;
    if (pem->key)
        return 0;
    if (str_equal(str_of(block->name), STR("ENCRYPTED PRIVATE KEY")) ||
        strstr(block->header, "ENCRYPTED"))
        return refuse(ret_problem, "the private key is encrypted",
                      "decrypt it: openssl pkey -in KEY -out NEW-KEY");
    if (!is_one_of(block->name, key_names, COUNT_OF(key_names)))
        return 0;
    pem->key = d2i_AutoPrivateKey(NULL, &at, block->length);
    return pem->key ? 0
                    : refuse(ret_problem, "the private key cannot be read",
                             "give an ECDSA or RSA key in PEM");
}

static int take_certificate(struct tls_pem *pem, const struct block *block,
                            struct problem *ret_problem)
{
    const unsigned char *at = block->bytes;
    if (!is_one_of(block->name, certificate_names, COUNT_OF(certificate_names)))
        return 0;
    if (pem->count == TLS_PEM_CERTIFICATES_MAX)
        return refuse(ret_problem, "more than 256 certificates",
                      "give the server's certificate and its issuers only");
    bool trusted = block->name[0] == 'T';
    X509 *certificate =
        trusted ? d2i_X509_AUX(NULL, &at, block->length) : d2i_X509(NULL, &at, block->length);
    if (!certificate)
        return refuse(ret_problem, "a certificate cannot be read",
                      "get the file anew from its issuer");
    pem->certificates[pem->count++] = certificate;
    return 0;
}

/* Reads the next block from BIO. 0, 1 at the end, or a negative errno. */
static int next_block(BIO *bio, struct block *ret, struct problem *ret_problem)
{
    ERR_clear_error();
    *ret = (struct block){.length = 0};
    if (PEM_read_bio_ex(bio, &ret->name, &ret->header, &ret->bytes, &ret->length,
                        PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1)
        return 0;
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && !is_out_of_memory()) {
        ERR_clear_error();
        return 1;
    }
    return refuse_damaged(ret_problem);
}

int tls_pem_read(struct tls_pem *pem, struct str text, enum tls_pem_wanted wanted,
                 struct problem *ret_problem)
{
    struct block block;
    int result;
    ERR_clear_error();
    BIO *bio = text.length < INT_MAX ? BIO_new_mem_buf(text.at, (int)text.length) : NULL;
    if (!bio) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    if (ends_in_a_line(text)) {
        BIO_free(bio);
        return refuse_damaged(ret_problem);
    }
    while ((result = next_block(bio, &block, ret_problem)) == 0) {
        result = wanted == TLS_PEM_KEY ? take_key(pem, &block, ret_problem)
                                       : take_certificate(pem, &block, ret_problem);
        block_free(&block);
        if (result < 0)
            break;
    }
    BIO_free(bio);
    ERR_clear_error();
    return result < 0 ? result : 0;
}

void tls_pem_fini(struct tls_pem *pem)
{
    for (unsigned i = 0; i < pem->count; i++)
        X509_free(pem->certificates[i]);
    EVP_PKEY_free(pem->key);
    *pem = (struct tls_pem){.count = 0};
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* Copies the content of BIO and frees BIO, which wipes its memory if it is secure. */
static bool take_text(BIO *bio, bool written, struct str *ret)
{
    char *at;
    long length = BIO_get_mem_data(bio, &at);
    char *copy = written && length > 0 ? malloc((size_t)length) : NULL;
    if (copy) {
        memcpy(copy, at, (size_t)length);
        *ret = (struct str){copy, (size_t)length};
    }
    BIO_free(bio);
    ERR_clear_error();
    return copy != NULL;
}

bool tls_pem_write_key(EVP_PKEY *key, struct str *ret)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    return bio &&
           take_text(bio, PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, ret);
}

bool tls_pem_write_chain(X509 *const *certificates, unsigned count, struct str *ret)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL;
    for (unsigned i = 0; i < count && written; i++)
        written = PEM_write_bio_X509(bio, certificates[i]) == 1;
    return bio && take_text(bio, written, ret);
}

#endif
