/* tls_hello: see tls_hello.h. */
#include "tls/tls_hello.h"

#include "tls/tls_names.h"

enum { HOST_NAME = 0, TLS_1_3 = 0x0304 };

static unsigned u16_at(struct str bytes, size_t at)
{
    return (unsigned)(uint8_t)bytes.at[at] << 8 | (uint8_t)bytes.at[at + 1];
}

/* The content of BYTES, which is a vector with a length of two bytes; absent if the length is
 * wrong. */
static struct str vector_of(struct str bytes)
{
    if (bytes.length < 2 || u16_at(bytes, 0) != bytes.length - 2)
        return STR_ABSENT;
    return str_from(bytes, 2);
}

void tls_hello_read_host(struct tls_hello *hello, struct str server_name)
{
    struct str list = vector_of(server_name);
    struct tls_address address;
    hello->host = STR_ABSENT;
    if (list.length < 1 || list.at[0] != HOST_NAME)
        return;
    struct str host = vector_of(str_from(list, 1));
    bool is_host = host.length > 0 && host.length <= TLS_NAME_BYTES_MAX + 1 &&
                   str_find(host, '\0') == host.length && !tls_address_parse(host, &address);
    if (is_host)
        hello->host = host;
}

void tls_hello_read_schemes(struct tls_hello *hello, struct str signature_algorithms)
{
    hello->schemes = vector_of(signature_algorithms);
}

static bool has_u16(struct str list, unsigned value)
{
    for (size_t i = 0; i + 1 < list.length; i += 2) {
        if (u16_at(list, i) == value)
            return true;
    }
    return false;
}

void tls_hello_read_versions(struct tls_hello *hello, struct str supported_versions)
{
    hello->offers_tls_1_3 =
        supported_versions.length > 0 && has_u16(str_from(supported_versions, 1), TLS_1_3);
}

static bool has_one_of(struct str list, const uint16_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (has_u16(list, values[i]))
            return true;
    }
    return false;
}

/* Whether a suite of the client can be used with a key of SCHEME. In TLS 1.2 a suite names the kind
 * of the key; Edwards curves are used with those of ECDSA (RFC 8422 section 5.10). */
static bool suits(const struct tls_hello *hello, enum tls_scheme scheme)
{
    static const uint16_t ecdsa[] = {0xc02b, 0xc02c, 0xcca9}, rsa[] = {0xc02f, 0xc030, 0xcca8};
    if (hello->offers_tls_1_3)
        return true;
    return scheme == TLS_SCHEME_ANY_RSA ? has_one_of(hello->suites, rsa, COUNT_OF(rsa))
                                        : has_one_of(hello->suites, ecdsa, COUNT_OF(ecdsa));
}

bool tls_hello_takes(const struct tls_hello *hello, enum tls_scheme scheme)
{
    static const uint16_t rsa[] = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601};
    if (scheme == TLS_SCHEME_UNKNOWN)
        return true;
    if (!suits(hello, scheme))
        return false;
    if (!hello->schemes.at)
        return true;
    return scheme == TLS_SCHEME_ANY_RSA ? has_one_of(hello->schemes, rsa, COUNT_OF(rsa))
                                        : has_u16(hello->schemes, (unsigned)scheme);
}
