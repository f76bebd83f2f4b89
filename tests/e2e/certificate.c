/* certificate: see certificate.h. */
#include "certificate.h"

#include "e2e.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_maker.h"

#include <openssl/x509.h>

void certificate_make(struct certificate *certificate, const struct certificate_setup *setup)
{
    int64_t now_s = (int64_t)time(NULL);
    struct tls_maker maker = {
        .names = setup->names,
        .key = setup->key,
        .first_s = setup->ends_s ? now_s + setup->begins_s : 0,
        .last_s = setup->ends_s ? now_s + setup->ends_s : 0,
    };
    struct tls_made made = tls_make(&maker);
    unsigned char digest[32];
    certificate->chain = made.certificate_pem;
    certificate->key = made.key_pem;
    if (setup->passphrase)
        certificate->key = tls_maker_key_pem(made.key, setup->passphrase, false);
    cr_assert(X509_digest(made.certificate, EVP_sha256(), digest, NULL) == 1);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(certificate->fingerprint + 2 * i, 3, "%02x", digest[i]);
}

#else

void certificate_make(struct certificate *certificate, const struct certificate_setup *setup)
{
    (void)setup;
    *certificate = (struct certificate){.chain = "", .key = ""};
    e2e_skip("the tests were built without OpenSSL");
}

#endif

const char *certificate_write(const struct certificate *certificate, const struct site *site,
                              const char *path)
{
    site_replace_text(site, path, text_format("%s%s", certificate->chain, certificate->key));
    return site_path(site, path);
}

const char *certificate_of_test(void)
{
    static const char *path;
    static struct site site;
    struct certificate certificate = {0};
    if (!path) {
        certificate_make(&certificate, &(struct certificate_setup){.names = CERTIFICATE_NAMES});
        site_create(&site);
        path = certificate_write(&certificate, &site, "localhost.pem");
    }
    return path;
}
