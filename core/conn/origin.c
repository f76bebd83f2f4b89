/* origin: see origin.h. */
#include "conn/origin.h"

#include "base/num.h"
#include "tls/tls_certificates.h"
#include "tls/tls_names.h"

enum { HTTPS_PORT = 443 };

const struct origin origins_plain[ORIGINS_MAX];

/* Whether HOST, without a port, is localhost, a name below it (RFC 6761 section 6.3), or an IPv4
 * address or an IPv6 address in brackets. */
static bool is_local(struct str host)
{
    struct tls_address address;
    return str_equal_nocase(host, STR("localhost")) || str_ends_with(host, STR(".localhost")) ||
           tls_address_parse(host, &address);
}

/* Whether HOST leads a client to its own machine, whatever the server answers. */
static bool is_loopback(struct str host)
{
    static const uint8_t loopback_6[16] = {[15] = 1};
    struct tls_address address;
    if (!tls_address_parse(host, &address))
        return host.length > 0 && is_local(host);
    if (address.length == 4)
        return address.bytes[0] == 127;
    return memcmp(address.bytes, loopback_6, sizeof loopback_6) == 0;
}

#ifdef SLUICE_HAVE_OPENSSL

/* The first host name of CERTIFICATE that is neither a wildcard nor local, which would lead clients
 * to themselves; absent: it has none. */
static struct str first_name(const struct tls_certificate *certificate)
{
    const struct arena_list *hosts = &certificate->names.hosts;
    for (unsigned i = 0; i < hosts->count; i++) {
        struct str host = str_of(hosts->items[i]);
        if (host.at[0] != '*' && !is_local(host))
            return host;
    }
    return STR_ABSENT;
}

/* HOST if it is known, else the name to use in its place; absent: none. */
static struct str known_host(const struct tls_certificates *certificates, struct str host)
{
    if (is_loopback(host))
        return host;
    if (!certificates)
        return STR_ABSENT;
    if (certificates->items[0]->self_signed && host.length > 0 && is_local(host))
        return host; /* an address, in development */
    for (unsigned i = 0; i < certificates->count && host.length > 0; i++) {
        if (tls_certificate_match(certificates->items[i], host) != TLS_MATCH_NONE)
            return host;
    }
    return first_name(certificates->items[0]);
}

bool origin_is_misdirected(const struct tls_certificate *certificate, struct str authority)
{
    char buffer[AUTHORITY_HOST_BYTES_MAX];
    if (!certificate || certificate->self_signed || tls_names_are_empty(&certificate->names))
        return false;
    struct str host = authority_host(authority, buffer);
    return host.length > 0 && tls_certificate_match(certificate, host) == TLS_MATCH_NONE &&
           !is_local(host);
}

#else

bool origin_is_misdirected(const struct tls_certificate *certificate, struct str authority)
{
    (void)certificate, (void)authority;
    return false;
}

static struct str known_host(const struct tls_certificates *certificates, struct str host)
{
    (void)certificates;
    return is_loopback(host) ? host : STR_ABSENT;
}

#endif

struct str origin_https_prefix(const struct origin *origin,
                               const struct tls_certificates *certificates, struct str authority,
                               char to[static ORIGIN_PREFIX_BYTES_MAX])
{
    char buffer[AUTHORITY_HOST_BYTES_MAX];
    struct str host = known_host(certificates, authority_host(authority, buffer));
    if (!host.at)
        return STR_ABSENT;
    char *at = str_put(str_put(to, STR("https://")), host);
    if (origin->https_port != HTTPS_PORT) {
        *at++ = ':';
        at += num_write_u64(at, origin->https_port);
    }
    return (struct str){to, (size_t)(at - to)};
}

struct str origin_hsts(const struct origin *origin, struct str authority)
{
    char buffer[AUTHORITY_HOST_BYTES_MAX];
    if (!origin->hsts.at || is_local(authority_host(authority, buffer)))
        return STR_ABSENT;
    return origin->hsts;
}
