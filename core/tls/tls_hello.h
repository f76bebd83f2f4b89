/* tls_hello: the parts of a ClientHello that decide which certificate a client gets.
 *
 * Views of the message, valid as long as it is. Pure, and needs no OpenSSL. Malformed parts count
 * as missing, because OpenSSL checks the message by itself. RFC 6066 section 3 (server_name), RFC
 * 8446 sections 4.2.1 (supported_versions) and 4.2.3 (signature_algorithms), RFC 5289 and RFC 7905
 * (suites of TLS 1.2). */
#ifndef SLUICE_TLS_HELLO_H
#define SLUICE_TLS_HELLO_H

#include "base/str.h"

/* Code points of signature_algorithms, for keys that sign by one of them alone in TLS 1.3. */
enum tls_scheme {
    TLS_SCHEME_ANY_RSA = 0, /* an RSA key: PKCS #1 or PSS, with SHA-256 or a longer hash */
    TLS_SCHEME_P256 = 0x0403,
    TLS_SCHEME_P384 = 0x0503,
    TLS_SCHEME_P521 = 0x0603,
    TLS_SCHEME_ED25519 = 0x0807,
    TLS_SCHEME_ED448 = 0x0808,
    TLS_SCHEME_UNKNOWN = 0xffff, /* taken for usable */
};

struct tls_hello {
    struct str host;     /* absent: not named, or by an address or a malformed name */
    struct str schemes;  /* two bytes each; absent: not sent */
    struct str suites;   /* two bytes each */
    bool offers_tls_1_3; /* its suites leave the kind of the key open */
};

/* Sets the members of *HELLO from the contents of the extensions and the list of suites; an
 * extension that was not sent is absent. */
void tls_hello_read_host(struct tls_hello *hello, struct str server_name);
void tls_hello_read_schemes(struct tls_hello *hello, struct str signature_algorithms);
void tls_hello_read_versions(struct tls_hello *hello, struct str supported_versions);

/* Whether the client takes signatures by a key of SCHEME. */
bool tls_hello_takes(const struct tls_hello *hello, enum tls_scheme scheme);

#endif
